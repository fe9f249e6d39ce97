/*
 * The main function: IR blocks to LLVM blocks in the same order. In: well-formed IR. Out: code that the verifier accepts.
 *
 * The frame's length is computed once, at the start; all decisions meet in one end.
 */
#include "codegen_priv.h"

#include <linux/bpf.h>
#include <string.h>

#include "abi.h"

/* The end that all decisions share: counts, leaves a trace, returns. */
static void common_end(struct cg *g)
{
	BB trace, plain;
	V index, verdict;

	if (g->soon_rule)
		cg_soon_end(g);
	cg_go(g, g->end_counted);
	cg_locate(g, (struct span){ NULL, 0, 0 });
	if (g->pending)
		cg_note(g, cg_load(g, g->decider, 4, 4), cg_len(g), g->index);
	else
		cg_add_counter_at(g, g->rules, g->decider);
	LLVMBuildBr(g->b, g->end);
	LLVMMoveBasicBlockAfter(g->end, LLVMGetInsertBlock(g->b));
	cg_go(g, g->end);
	trace = cg_block(g, "trace");
	plain = cg_block_after(g, g->end, "return");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntNE, LLVMBuildAnd(g->b, cg_flags(g), cg_c(g, XDPF_CONFIG_TRACE), ""), cg_c(g, 0), ""), trace, plain);
	cg_go(g, trace);
	index = cg_load(g, g->decider, 4, 4);
	cg_store(g, index, g->trace, 4, 4);
	LLVMBuildBr(g->b, plain);
	cg_go(g, plain);
	cg_sample_going(g);
	if (g->verdicts_counted)
		cg_add_counter(g, g->verdicts, LLVMBuildLoad2(g->b, g->i64, g->verdict, ""));
	verdict = LLVMBuildLoad2(g->b, g->i64, g->verdict, "");
	LLVMBuildRet(g->b, LLVMBuildTrunc(g->b, verdict, g->i32, ""));
}

V cg_len(struct cg *g)
{
	V v = LLVMBuildLoad2(g->b, g->i64, g->len_kept ? g->len_kept : g->len, "");

	LLVMSetVolatile(v, g->len_kept != NULL);
	return v;
}

/* Returns the block that most packets need not go through. */
static BB frame_length(struct cg *g)
{
	BB direct = cg_block(g, "linear"), ask = cg_block(g, "frags"), on = cg_block(g, "start");
	V end = cg_ctx_field(g, offsetof(struct xdp_md, data_end)), start = cg_ctx_field(g, offsetof(struct xdp_md, data));

	g->data = LLVMBuildIntToPtr(g->b, start, g->ptr, "data");
	g->data_end = LLVMBuildIntToPtr(g->b, end, g->ptr, "data_end");
	cg_branch(g, cg_linear(g), direct, ask);
	cg_go(g, direct);
	LLVMBuildStore(g->b, LLVMBuildSub(g->b, end, start, ""), g->len);
	LLVMBuildBr(g->b, on);
	cg_go(g, ask);
	LLVMBuildStore(g->b, cg_helper(g, BPF_FUNC_xdp_get_buff_len, g->i64, 1, &g->ctx), g->len);
	LLVMBuildBr(g->b, on);
	cg_go(g, on);
	return ask;
}

/* In programs of several functions, and where the stack is too small: who decides, which all know; and what is large, since three of them share
 * these 512 bytes then. */
static void shared_memory(struct cg *g, V base, uint64_t at)
{
	g->decider = cg_atc(g, base, at);
	g->ranks = cg_atc(g, base, at + 8);
	g->buf = cg_atc(g, base, at + 8 + 8 * CLASSIFY_MAX_DIMS);
}

uint64_t cg_shared_room(struct cg *g)
{
	return g->ir->part.n || g->ir->buffers ? 8 + 8 * CLASSIFY_MAX_DIMS + CG_FETCH_BUF : 0;
}

/* The variables, and a buffer for keys: in registers and on the stack, unless dissection leaves so many that these 512 bytes, which are for this
 * function and one that it calls together, might not do. */
static void variables(struct cg *g)
{
	const struct ir_program *p = g->ir;
	BB none, on;
	V base;

	g->var = arena_array(g->arena, p->var.n, sizeof(V));
	g->volatile_var = arena_array(g->arena, p->var.n, sizeof(bool));
	if (g->scratch) {
		cg_store(g, cg_c(g, 0), g->index, 4, 4);
		base = cg_helper(g, BPF_FUNC_map_lookup_elem, g->ptr, 2, (V[]){ g->scratch, g->index });
		none = cg_block(g, "no scratch");
		on = cg_block(g, "scratch");
		cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, base, LLVMConstNull(g->ptr), ""), none, on);
		cg_go(g, none);		/* never: the map has element 0 */
		LLVMBuildRet(g->b, g->part ? cg_c(g, 0) : cg_c32(g, XDP_ABORTED));
		cg_go(g, on);
		for (size_t i = 0; i < p->kept.n; i++) {
			g->var[p->kept.v[i]] = cg_atc(g, base, 8 * i);
			g->volatile_var[p->kept.v[i]] = true;
		}
		g->len_kept = cg_atc(g, base, 8 * p->kept.n);
		g->image_number = cg_atc(g, base, 8 * p->kept.n + 8);
		g->classes = cg_atc(g, base, 8 * p->kept.n + 16);
		g->key = cg_atc(g, base, 8 * (p->kept.n + 2 + CLASSIFY_MAX_DIMS));
		if (cg_shared_room(g))
			shared_memory(g, base, 8 * (p->kept.n + 2 + CLASSIFY_MAX_DIMS) + cg_key_room(g));
		g->packet_turns = cg_atc(g, g->key, cg_key_room(g) + cg_shared_room(g));
		cg_times_at(g, g->key, cg_key_room(g) + cg_shared_room(g) + (p->ast->live.n ? 8 : 0));
	} else {
		cg_times_at(g, NULL, 0);
		g->key = cg_alloca(g, LLVMArrayType2(g->i8, cg_key_room(g)), "key");
		g->image_number = g->image ? cg_alloca(g, g->i64, "image number") : NULL;
		g->packet_turns = g->turns ? cg_alloca(g, g->i64, "turns") : NULL;
	}
	for (size_t i = 0; i < p->var.n; i++)
		if (!g->var[i])
			g->var[i] = cg_alloca(g, g->i64, p->var.v[i]);
}

/* What is in memory of its own, in each function. */
static void frame(struct cg *g)
{
	g->index = cg_alloca(g, g->i32, "index");
	g->value = cg_alloca(g, LLVMArrayType2(g->i64, sizeof(struct xdpf_element) / 8), "value");
	g->ranks = NULL;
	if (!cg_shared_room(g)) {
		g->buf = cg_alloca(g, LLVMArrayType2(g->i8, CG_FETCH_BUF), "buf");
		g->decider = cg_alloca(g, g->i32, "decider");
	}
	memset(g->verdict_block, 0, sizeof(g->verdict_block));
}

/* The blocks of the part, from @entry on. */
static void blocks(struct cg *g, const struct ir_block *entry)
{
	const struct ir_program *p = g->ir;
	V *temp = arena_array(g->arena, p->n_temps, sizeof(V));

	g->block = arena_array(g->arena, p->block.n, sizeof(BB));
	for (size_t i = 0; i < p->block.n; i++)
		if (p->block.v[i]->part == g->part)
			g->block[i] = cg_block(g, p->block.v[i]->name);
	if (!g->part) {
		g->end_counted = cg_block(g, "count");
		g->end = cg_block(g, "end");
		cg_soon_begin(g);
	}
	LLVMBuildBr(g->b, g->block[entry->id]);
	for (size_t k = 0; k < p->block.n; k++) {
		if (p->block.v[k]->part != g->part)
			continue;
		cg_go(g, g->block[k]);
		for (size_t i = 0; i < p->block.v[k]->inst.n; i++) {
			cg_locate(g, p->block.v[k]->inst.v[i].span);
			cg_inst(g, &p->block.v[k]->inst.v[i], &p->block.v[k]->inst.v[0], temp);
		}
	}
}

void cg_body(struct cg *g, const struct ir_block *entry)
{
	frame(g);
	variables(g);
	blocks(g, entry);
}

void cg_main(struct cg *g)
{
	const struct ir_program *p = g->ir;
	V len;
	BB frags;

	g->fn = LLVMAddFunction(g->m, p->ast->name, LLVMFunctionType(g->i32, &g->ptr, 1, 0));
	LLVMSetSection(g->fn, XDPF_SECTION_PROG);
	cg_enum_attr(g, g->fn, "nounwind");
	cg_attr(g, g->fn, "no-builtins", "");
	cg_attr(g, g->fn, "no-jump-tables", "true");
	g->ctx = LLVMGetParam(g->fn, 0);
	cg_go(g, cg_block(g, "entry"));
	cg_debug_function(g, g->fn, p->ast->name, g->dint, 1, &g->dctx, true);

	cg_sample_coming(g);
	g->len_kept = NULL;
	g->len = cg_alloca(g, g->i64, "len");
	g->verdict = cg_alloca(g, g->i64, "verdict");
	frame(g);
	frags = frame_length(g);
	variables(g);
	len = LLVMBuildLoad2(g->b, g->i64, g->len, "");
	if (g->len_kept)
		LLVMSetVolatile(LLVMBuildStore(g->b, len, g->len_kept), 1);
	cg_times_begin(g);
	cg_image_choose(g);
	cg_live_choose(g);
	blocks(g, p->block.v[0]);
	common_end(g);
	LLVMMoveBasicBlockAfter(frags, LLVMGetLastBasicBlock(g->fn));
}
