/*
 * Samples of packets, for who asks why they go as they go. In: a program. Out: a function that is called where a packet comes in and where it is
 * decided about, as long as somebody asks: it sends the packet's bytes, its verdict and the rule to a reader, whose tickets say how many. Otherwise
 * it costs a packet two looks at a number. What is decided does not depend on it.
 *
 * A program that changes frames sends them as they come in, and the verdict by itself; any other sends both at once, where it decides: then a reader
 * that wants some verdicts only spends no tickets on others. Who asks is known by a number, which is taken away when the reader is gone, or gave no
 * tickets for a long time.
 */
#include "codegen_priv.h"

#include <errno.h>
#include <linux/bpf.h>

#include "abi_explain.h"

/* One call of the function. */
struct sample {
	V what, session, cpu, slot, coming, late, record;
	BB out;				/* nothing more is to be done */
};

static V state(struct cg *g, size_t off, unsigned size)
{
	V v = cg_load(g, cg_atc(g, g->explain, off), size, size);

	LLVMSetVolatile(v, 1);
	return v;
}

static V mine(struct cg *g, const struct sample *s, size_t off)
{
	return cg_atc(g, s->slot, off);
}

static void put(struct cg *g, V to, size_t off, V v, unsigned size)
{
	cg_store(g, size == 4 ? LLVMBuildTrunc(g->b, v, g->i32, "") : v, cg_atc(g, to, off), size, size);
}

static V is_equal(struct cg *g, V a, V b)
{
	return LLVMBuildICmp(g->b, LLVMIntEQ, a, b, "");
}

/* Goes on where it holds, else to @no. */
static void only_if(struct cg *g, V cond, BB no)
{
	BB yes = cg_block(g, "on");

	cg_branch(g, cond, yes, no);
	cg_go(g, yes);
}

/* Nobody asks any more. */
static void end_session(struct cg *g, const struct sample *s)
{
	cg_store(g, cg_c32(g, 0), cg_atc(g, g->explain, offsetof(struct xdpf_explain, session)), 4, 4);
	LLVMBuildBr(g->b, s->out);
}

/* A packet comes in: to @take, if one is wanted. */
static void come_in(struct cg *g, const struct sample *s, BB take)
{
	V idle = mine(g, s, offsetof(struct xdpf_explain_cpu, idle));
	V n = LLVMBuildAdd(g->b, cg_load(g, idle, 8, 8), cg_c(g, 1), "");
	BB tired = cg_block(g, "nobody reads"), on = cg_block(g, "comes in");

	cg_store(g, n, idle, 8, 8);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntUGT, n, cg_c(g, XDPF_EXPLAIN_IDLE), ""), tired, on);
	cg_go(g, tired);
	end_session(g, s);
	cg_go(g, on);
	put(g, s->slot, offsetof(struct xdpf_explain_cpu, session), cg_c(g, 0), 4);
	cg_branch(g, s->late, s->out, take);
}

/* It is decided about: to @take, if it is to be sent now; to @fill, if it was sent as it came in. */
static void decided(struct cg *g, const struct sample *s, BB take, BB fill)
{
	BB now = cg_block(g, "at the end"), paired = cg_block(g, "came in");
	V verdict, mark, cpu;

	cg_branch(g, s->late, now, paired);
	cg_go(g, now);
	verdict = LLVMBuildAnd(g->b, LLVMBuildLShr(g->b, s->what, cg_c(g, 32), ""), cg_c(g, 31), "");
	verdict = LLVMBuildLShr(g->b, state(g, offsetof(struct xdpf_explain, verdicts), 4), verdict, "");
	cg_branch(g, is_equal(g, LLVMBuildAnd(g->b, verdict, cg_c(g, 1), ""), cg_c(g, 0)), s->out, take);
	cg_go(g, paired);
	mark = cg_load(g, mine(g, s, offsetof(struct xdpf_explain_cpu, session)), 4, 4);
	cpu = cg_load(g, mine(g, s, offsetof(struct xdpf_explain_cpu, cpu)), 4, 4);
	only_if(g, is_equal(g, mark, s->session), s->out);
	only_if(g, is_equal(g, cpu, s->cpu), s->out);
	put(g, s->slot, offsetof(struct xdpf_explain_cpu, session), cg_c(g, 0), 4);
	LLVMBuildBr(g->b, fill);
}

/* Whoever loses the race for a ticket goes without. */
static void take_ticket(struct cg *g, const struct sample *s)
{
	V at = cg_atc(g, g->explain, offsetof(struct xdpf_explain, tickets)), left = state(g, offsetof(struct xdpf_explain, tickets), 8), cas, n;

	only_if(g, LLVMBuildNot(g->b, is_equal(g, left, cg_c(g, 0)), ""), s->out);
	cas = LLVMBuildAtomicCmpXchg(g->b, at, left, LLVMBuildSub(g->b, left, cg_c(g, 1), ""), LLVMAtomicOrderingSequentiallyConsistent,
				     LLVMAtomicOrderingSequentiallyConsistent, 0);
	only_if(g, is_equal(g, LLVMBuildExtractValue(g->b, cas, 0, ""), left), s->out);
	n = LLVMBuildAdd(g->b, cg_load(g, mine(g, s, offsetof(struct xdpf_explain_cpu, number)), 4, 4), cg_c(g, 1), "");
	put(g, s->slot, offsetof(struct xdpf_explain_cpu, number), n, 4);
}

static V bytes_of(struct cg *g, const struct sample *s, V len)
{
	V most = cg_c(g, XDPF_SAMPLE_MOST), n = LLVMBuildSelect(g->b, LLVMBuildICmp(g->b, LLVMIntULT, len, most, ""), len, most, "");

	return LLVMBuildSelect(g->b, LLVMBuildOr(g->b, s->coming, s->late, ""), n, cg_c(g, 0), "");
}

/* Sends the record, and what is wanted of the frame behind it. */
static void send(struct cg *g, const struct sample *s)
{
	V tai, now, len, flags, r;
	BB gone = cg_block(g, "no reader"), sent = cg_block(g, "sent"), mark = cg_block(g, "is followed");

	/* what the stack does not keep over calls, the main function has of it */
	now = cg_helper(g, BPF_FUNC_ktime_get_tai_ns, g->i64, 0, NULL);
	tai = cg_load(g, cg_atc(g, g->config, offsetof(struct xdpf_config, tai_offset)), 8, 8);
	LLVMSetVolatile(tai, 1);
	now = LLVMBuildSub(g->b, now, tai, "");
	put(g, s->record, offsetof(struct xdpf_sampled, time), now, 8);
	len = cg_helper(g, BPF_FUNC_xdp_get_buff_len, g->i64, 1, &g->ctx);
	put(g, s->record, offsetof(struct xdpf_sampled, what), s->what, 8);
	put(g, s->record, offsetof(struct xdpf_sampled, session), s->session, 4);
	put(g, s->record, offsetof(struct xdpf_sampled, number), cg_load(g, mine(g, s, offsetof(struct xdpf_explain_cpu, number)), 4, 4), 4);
	put(g, s->record, offsetof(struct xdpf_sampled, ifindex), cg_ctx_field(g, offsetof(struct xdp_md, ingress_ifindex)), 4);
	put(g, s->record, offsetof(struct xdpf_sampled, rxqueue), cg_ctx_field(g, offsetof(struct xdp_md, rx_queue_index)), 4);
	put(g, s->record, offsetof(struct xdpf_sampled, len), len, 4);
	put(g, s->record, offsetof(struct xdpf_sampled, cpu), s->cpu, 4);
	flags = LLVMBuildOr(g->b, LLVMBuildShl(g->b, bytes_of(g, s, len), cg_c(g, 32), ""), cg_c(g, BPF_F_CURRENT_CPU), "");
	r = cg_helper(g, BPF_FUNC_perf_event_output, g->i64, 5, (V[]){ g->ctx, g->samples, flags, s->record, cg_c(g, sizeof(struct xdpf_sampled)) });
	cg_branch(g, is_equal(g, r, cg_c(g, (uint64_t)-ENOENT)), gone, sent);
	cg_go(g, gone);
	end_session(g, s);
	cg_go(g, sent);
	cg_branch(g, LLVMBuildAnd(g->b, s->coming, is_equal(g, r, cg_c(g, 0)), ""), mark, s->out);
	cg_go(g, mark);
	put(g, s->slot, offsetof(struct xdpf_explain_cpu, cpu), s->cpu, 4);
	put(g, s->slot, offsetof(struct xdpf_explain_cpu, session), s->session, 4);
	LLVMBuildBr(g->b, s->out);
}

static bool changes_frames(const struct ir_program *p)
{
	static const enum ir_op ops[] = { IR_STORE, IR_WRITE, IR_SWAPMAC, IR_PUSHTAG, IR_POPTAG, IR_GROW, IR_CUT };

	for (size_t b = 0; b < p->block.n; b++)
		for (size_t i = 0; i < p->block.v[b]->inst.n; i++)
			for (size_t k = 0; k < sizeof(ops) / sizeof(ops[0]); k++)
				if (p->block.v[b]->inst.v[i].op == ops[k])
					return true;
	return false;
}

/* struct xdpf_explain; what the program itself says of itself is there from the start. */
static void variable(struct cg *g)
{
	static const char *const members[] = { "session", "verdicts", "tickets", "late", "changes", "rest", "cpu" };
	static const unsigned bits[] = { 32, 32, 64, 32, 32, 8 * (XDPF_CACHE_LINE - 24), 8 * XDPF_EXPLAIN_CPUS * sizeof(struct xdpf_explain_cpu) };
	uint64_t rest = XDPF_CACHE_LINE - 24, cpus = XDPF_EXPLAIN_CPUS * sizeof(struct xdpf_explain_cpu);
	MD types[] = { g->du32, g->du32, g->du64, g->du32, g->du32, cg_array_type(g, g->du8, rest, 8), cg_array_type(g, g->du8, cpus, 8) };
	V v[] = { cg_c32(g, 0), cg_c32(g, 0), cg_c(g, 0), cg_c32(g, 0), cg_c32(g, changes_frames(g->ir)),
		  LLVMConstNull(LLVMArrayType2(g->i8, rest)), LLVMConstNull(LLVMArrayType2(g->i8, cpus)) };

	g->explain = cg_global(g, XDPF_VAR_EXPLAIN, LLVMConstStructInContext(g->cx, v, 7, 0), XDPF_SECTION_EXPLAIN, false, XDPF_CACHE_LINE);
	cg_debug_global(g, g->explain, XDPF_VAR_EXPLAIN, cg_struct_type(g, "xdpf_explain", 7, members, types, bits, NULL, 0));
}

static T type_of(struct cg *g)
{
	return LLVMFunctionType(g->i64, (T[]){ g->ptr, g->i64 }, 2, 0);
}

void cg_samples(struct cg *g)
{
	struct sample s = { 0 };
	BB coming, going, take, fill;
	V at;

	variable(g);
	/* as many as there are CPUs: whoever loads it knows */
	g->samples = cg_map(g, XDPF_MAP_SAMPLES, BPF_MAP_TYPE_PERF_EVENT_ARRAY, 0, g->du32, g->du32);
	g->sample_fn = cg_function_alone(g, XDPF_FN_SAMPLE, type_of(g), 2, (MD[]){ g->dctx, g->du64 });
	g->ctx = LLVMGetParam(g->fn, 0);
	s.what = LLVMGetParam(g->fn, 1);
	s.record = cg_alloca(g, LLVMArrayType2(g->i64, sizeof(struct xdpf_sampled) / 8), "record");
	s.out = cg_block(g, "out");
	coming = cg_block(g, "coming");
	going = cg_block(g, "going");
	take = cg_block(g, "take");
	fill = cg_block(g, "fill");
	s.session = state(g, offsetof(struct xdpf_explain, session), 4);
	s.cpu = LLVMBuildAnd(g->b, cg_helper(g, BPF_FUNC_get_smp_processor_id, g->i64, 0, NULL), cg_c(g, UINT32_MAX), "");
	at = LLVMBuildAnd(g->b, cg_hide(g, s.cpu), cg_c(g, XDPF_EXPLAIN_CPUS - 1), "");
	at = LLVMBuildMul(g->b, at, cg_c(g, sizeof(struct xdpf_explain_cpu)), "");
	s.slot = cg_atc(g, cg_at(g, g->explain, at), offsetof(struct xdpf_explain, cpu));
	s.late = LLVMBuildNot(g->b, is_equal(g, state(g, offsetof(struct xdpf_explain, late), 4), cg_c(g, 0)), "");
	s.coming = is_equal(g, s.what, cg_c(g, XDPF_SAMPLED_COMING));
	cg_branch(g, s.coming, coming, going);
	cg_go(g, coming);
	come_in(g, &s, take);
	cg_go(g, going);
	decided(g, &s, take, fill);
	cg_go(g, take);
	take_ticket(g, &s);
	LLVMBuildBr(g->b, fill);
	cg_go(g, fill);
	send(g, &s);
	cg_go(g, s.out);
	LLVMBuildRet(g->b, cg_c(g, 0));
}

V cg_sample_none(struct cg *g)
{
	return is_equal(g, state(g, offsetof(struct xdpf_explain, session), 4), cg_c(g, 0));
}

static void call(struct cg *g, V (*what)(struct cg *g))
{
	BB here = LLVMGetInsertBlock(g->b), ask = cg_block(g, "sample"), on = cg_block_after(g, here, "not asked");

	cg_branch(g, cg_sample_none(g), on, ask);
	cg_go(g, ask);
	LLVMBuildCall2(g->b, type_of(g), g->sample_fn, (V[]){ g->ctx, what(g) }, 2, "");
	LLVMBuildBr(g->b, on);
	cg_go(g, on);
}

static V coming(struct cg *g)
{
	return cg_c(g, XDPF_SAMPLED_COMING);
}

static V going(struct cg *g)
{
	V verdict = LLVMBuildShl(g->b, LLVMBuildLoad2(g->b, g->i64, g->verdict, ""), cg_c(g, 32), "");

	return LLVMBuildOr(g->b, verdict, cg_load(g, g->decider, 4, 4), "");
}

void cg_sample_coming(struct cg *g)
{
	call(g, coming);
}

void cg_sample_going(struct cg *g)
{
	call(g, going);
}
