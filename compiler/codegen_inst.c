/*
 * One instruction of the IR in the main function. In: well-formed IR. Out: code that the verifier accepts.
 *
 * Packet bytes: FETCH compares pointers and reads directly; where the linear part ends too early it asks bpf_xdp_load_bytes(), out of line, so that
 * frames spread over fragments are right and others pay nothing; an object that the runtime loads without fragments loses that path
 * (XDPF_CONFIG_LINEAR is then a constant for the verifier). Both ways lead to numbers, never to pointers, so that the verifier's states
 * meet again behind.
 */
#include "codegen_priv.h"

#include <linux/bpf.h>

#include "abi.h"

static V opnd(struct cg *g, struct ir_opnd o, V *temp)
{
	return o.kind == IR_IMM ? cg_c(g, o.v) : temp[o.v];
}

V cg_linear(struct cg *g)
{
	V f = LLVMBuildAnd(g->b, cg_flags(g), cg_c(g, XDPF_CONFIG_LINEAR), "");

	return LLVMBuildICmp(g->b, LLVMIntNE, f, cg_c(g, 0), "");
}

static BB target(struct cg *g, const struct ir_inst *i, unsigned k)
{
	return cg_to(g, i->target[k]);
}

static void loads(struct cg *g, const struct ir_inst *i, V base)
{
	for (size_t k = 0; k < i->loads.n; k++) {
		const struct ir_load *l = &i->loads.v[k];
		/* promised alignment: packets start where the machine loads any size well */
		V v = cg_load(g, cg_atc(g, base, l->delta), l->size, l->size);

		LLVMBuildStore(g->b, v, g->var[l->var]);
	}
}

V cg_ctx_field(struct cg *g, unsigned off)
{
	V v = LLVMBuildLoad2(g->b, g->i32, cg_atc(g, g->ctx, off), "");

	/* volatile: the optimiser must not merge loads of different fields into one of a computed offset */
	LLVMSetVolatile(v, 1);
	LLVMSetAlignment(v, 4);
	return LLVMBuildZExt(g->b, v, g->i64, "");
}

V cg_ctx_pointer(struct cg *g, unsigned off)
{
	return LLVMBuildIntToPtr(g->b, cg_ctx_field(g, off), g->ptr, "");
}

static void fetch(struct cg *g, const struct ir_inst *i, V off)
{
	BB here = LLVMGetInsertBlock(g->b), fast = cg_block_after(g, here, "fast"), slow = cg_block(g, "slow"), ask = cg_block(g, "ask");
	BB got = cg_block(g, "got");
	/* Read anew behind the network layer: kept, the pointer would carry what each way through the headers proved of it, and the verifier would
	 * tell these ways apart behind where they meet. */
	bool early = i->early && !g->part;
	V data = early ? g->data : cg_ctx_pointer(g, offsetof(struct xdp_md, data)), p = cg_at(g, data, off), stop = cg_atc(g, p, i->imm), r;
	V end = early ? g->data_end : cg_ctx_pointer(g, offsetof(struct xdp_md, data_end));

	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntUGT, stop, end, ""), slow, fast);
	cg_go(g, fast);
	loads(g, i, p);
	LLVMBuildBr(g->b, target(g, i, 0));
	cg_go(g, slow);
	cg_branch(g, cg_linear(g), target(g, i, 1), ask);
	cg_go(g, ask);
	r = cg_helper(g, BPF_FUNC_xdp_load_bytes, g->i64, 4,
		      (V[]){ g->ctx, LLVMBuildTrunc(g->b, off, g->i32, ""), g->buf, cg_c32(g, (uint32_t)i->imm) });
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, r, cg_c(g, 0), ""), got, target(g, i, 1));
	cg_go(g, got);
	for (size_t k = 0; k < i->loads.n; k++) {
		const struct ir_load *l = &i->loads.v[k];
		unsigned align = l->delta ? l->delta & -l->delta : 8;
		V v = cg_load(g, cg_atc(g, g->buf, l->delta), l->size, align < l->size ? align : l->size);

		LLVMBuildStore(g->b, v, g->var[l->var]);
	}
	LLVMBuildBr(g->b, target(g, i, 0));
}

static void swapmac(struct cg *g)
{
	BB here = LLVMGetInsertBlock(g->b), fast = cg_block_after(g, here, "swap"), on = cg_block_after(g, fast, "swapped");
	BB slow = cg_block(g, "swap slow"), got = cg_block(g, "swap there");
	V data = cg_ctx_pointer(g, offsetof(struct xdp_md, data)), end = cg_ctx_pointer(g, offsetof(struct xdp_md, data_end)), v[4], r;

	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntUGT, cg_atc(g, data, 12), end, ""), slow, fast);
	cg_go(g, fast);
	for (unsigned k = 0; k < 2; k++) {
		v[2 * k] = cg_load(g, cg_atc(g, data, 6 * k), 4, 2);
		v[2 * k + 1] = cg_load(g, cg_atc(g, data, 6 * k + 4), 2, 2);
	}
	for (unsigned k = 0; k < 2; k++) {
		cg_store(g, v[2 * k], cg_atc(g, data, 6 - 6 * k), 4, 2);
		cg_store(g, v[2 * k + 1], cg_atc(g, data, 10 - 6 * k), 2, 2);
	}
	LLVMBuildBr(g->b, on);
	/* a frame whose first fragment is shorter than the addresses: also one too short altogether, which stays as it is */
	cg_go(g, slow);
	r = cg_helper(g, BPF_FUNC_xdp_load_bytes, g->i64, 4, (V[]){ g->ctx, cg_c32(g, 0), g->buf, cg_c32(g, 12) });
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, r, cg_c(g, 0), ""), got, on);
	cg_go(g, got);
	for (unsigned k = 0; k < 6; k++)
		v[k % 4] = cg_load(g, cg_atc(g, g->buf, 2 * k), 2, 2), cg_store(g, v[k % 4], cg_atc(g, g->buf, 12 + (2 * k + 6) % 12), 2, 2);
	cg_helper(g, BPF_FUNC_xdp_store_bytes, g->i64, 4, (V[]){ g->ctx, cg_c32(g, 0), cg_atc(g, g->buf, 12), cg_c32(g, 12) });
	LLVMBuildBr(g->b, on);
	cg_go(g, on);
}

V cg_swap(struct cg *g, V v, unsigned bytes)
{
	T t = bytes == 2 ? g->i16 : bytes == 4 ? g->i32 : g->i64;
	unsigned id = LLVMLookupIntrinsicID("llvm.bswap", 10);
	V f = LLVMGetIntrinsicDeclaration(g->m, id, &t, 1);

	if (bytes < 8)
		v = LLVMBuildTrunc(g->b, v, t, "");
	v = LLVMBuildCall2(g->b, LLVMFunctionType(t, &t, 1, 0), f, &v, 1, "");
	return bytes < 8 ? LLVMBuildZExt(g->b, v, g->i64, "") : v;
}

/* @given: their number among the program's, which is at most .imm's type. */
static V iface(struct cg *g, const struct ir_inst *i, V given)
{
	uint64_t most = 4 * (g->ir->ast->ifaces.n - 1);
	V at = i->is_given ? cg_at(g, g->ifaces, cg_at_most(g, LLVMBuildShl(g->b, given, cg_c(g, 2), ""), most)) : cg_atc(g, g->ifaces, 4 * i->imm);
	V v = LLVMBuildLoad2(g->b, g->i32, at, "");

	LLVMSetVolatile(v, 1);
	LLVMSetAlignment(v, 4);
	return LLVMBuildZExt(g->b, v, g->i64, "");
}

/* What .imm says, or what is given in its place. */
static V number(struct cg *g, const struct ir_inst *i, V *temp)
{
	return i->is_given ? opnd(g, i->given, temp) : cg_c(g, i->imm);
}

static void many(struct cg *g, const struct ir_inst *i, V *temp, V *out)
{
	for (size_t k = 0; k < i->args.n; k++)
		out[k] = opnd(g, i->args.v[k], temp);
}

static V classify(struct cg *g, const struct ir_inst *i)
{
	struct cg_dim said = { 0 };

	for (size_t d = 0; d < i->dims.n; d++) {
		const struct ir_dim *v = &i->dims.v[d];

		said.which[d] = g->var[v->which];
		said.hi[d] = v->hi != v->lo ? g->var[v->hi] : NULL;
		said.lo[d] = g->var[v->lo];
		said.class[d] = v->soon ? g->var[v->class] : NULL;
	}
	cg_image_again(g, cg_image_number(g));
	return cg_classify(g, g->ir->classifier.v[i->imm], &said);
}

BB cg_decided(struct cg *g, enum verdict v, bool counted)
{
	BB *b = &g->verdict_block[v][counted], here = LLVMGetInsertBlock(g->b);

	if (g->part)
		return cg_leave_decided(g, v, counted);
	if (!*b) {
		*b = cg_block(g, lang_verdicts[v].name);
		cg_go(g, *b);
		LLVMBuildStore(g->b, cg_c(g, (uint64_t)lang_verdicts[v].xdp), g->verdict);
		LLVMBuildBr(g->b, counted ? g->end_counted : g->end);
		cg_go(g, here);
	}
	return *b;
}

static void keep_block(struct cg *g)
{
	T type = LLVMFunctionType(g->vd, NULL, 0, 0);

	LLVMBuildCall2(g->b, type, LLVMGetInlineAsm(type, "", 0, "", 0, 1, 0, LLVMInlineAsmDialectATT, 0), NULL, 0, "");
}

void cg_inst(struct cg *g, const struct ir_inst *i, const struct ir_inst *first, V *temp)
{
	LLVMBuilderRef b = g->b;
	V a = ir_op_operands(i->op) > 0 ? opnd(g, i->a, temp) : NULL, c = ir_op_operands(i->op) > 1 ? opnd(g, i->b, temp) : NULL;
	V r = NULL, args[64];

	switch (i->op) {
	case IR_GET:
		r = LLVMBuildLoad2(b, g->i64, g->var[i->var], "");
		/* read anew each time, or the copy in a register would be what the verifier learns about */
		LLVMSetVolatile(r, g->volatile_var[i->var]);
		break;
	case IR_SET:
		LLVMBuildStore(b, a, g->var[i->var]);
		break;
	case IR_ADD:
		r = LLVMBuildAdd(b, a, c, "");
		break;
	case IR_SUB:
		r = LLVMBuildSub(b, a, c, "");
		break;
	case IR_AND:
		r = LLVMBuildAnd(b, a, c, "");
		break;
	case IR_OR:
		r = LLVMBuildOr(b, a, c, "");
		break;
	case IR_XOR:
		r = LLVMBuildXor(b, a, c, "");
		break;
	case IR_SHL:
		r = LLVMBuildShl(b, a, c, "");
		break;
	case IR_SHR:
		r = LLVMBuildLShr(b, a, c, "");
		break;
	case IR_DIV:
		r = LLVMBuildUDiv(b, a, c, "");
		break;
	case IR_REM:
		r = LLVMBuildURem(b, a, c, "");
		break;
	case IR_SWAP:
		r = cg_swap(g, a, (unsigned)i->imm);
		break;
	case IR_BLANK:
		r = LLVMBuildXor(b, a, cg_hide(g, c), "");
		break;
	case IR_FRESH:
		/* hidden first: the optimiser would make one register of all fresh copies of a number */
		r = LLVMBuildXor(b, cg_hide(g, a), c, "");
		break;
	case IR_LEN:
		r = cg_len(g);
		break;
	case IR_OPTIONS:
		r = cg_find_options(g, a, c);
		break;
	case IR_SIZE:
		r = cg_helper(g, BPF_FUNC_xdp_get_buff_len, g->i64, 1, &g->ctx);
		break;
	case IR_IFINDEX:
		r = cg_ctx_field(g, offsetof(struct xdp_md, ingress_ifindex));
		break;
	case IR_RXQUEUE:
		r = cg_ctx_field(g, offsetof(struct xdp_md, rx_queue_index));
		break;
	case IR_FLAGS:
		r = cg_flags(g);
		break;
	case IR_CFGQUEUE:
		r = LLVMBuildLoad2(b, g->i32, cg_atc(g, g->config, offsetof(struct xdpf_config, rxqueue)), "");
		LLVMSetVolatile(r, 1);
		r = LLVMBuildZExt(b, r, g->i64, "");
		break;
	case IR_IFACE:
		r = iface(g, i, number(g, i, temp));
		break;
	case IR_NOW:
		r = cg_now(g);
		break;
	case IR_WALL:
		r = cg_wall(g);
		break;
	case IR_RANDOM:
		r = cg_random(g, number(g, i, temp));
		break;
	case IR_FLOW:
		many(g, i, temp, args);
		r = cg_flow(g, number(g, i, temp), args);
		break;
	case IR_MEMBER:
		many(g, i, temp, args);
		r = cg_member(g, i->imm, args);
		break;
	case IR_CLASS:
		cg_image_again(g, cg_image_number(g));
		r = cg_class(g, g->ir->classifier.v[i->imm], i, a, c);
		break;
	case IR_CLASSIFY:
		r = classify(g, i);
		break;
	case IR_ENTRY:
		r = cg_entry(g, a, c, i->imm);
		break;
	case IR_COUNTS:
		r = cg_counts(g, a, c, i->imm);
		break;
	case IR_PLACE:
		r = cg_record_place(g, a, i->imm);
		cg_record(g, i, r);
		break;
	case IR_RECORD:
		cg_image_again(g, cg_image_number(g));
		cg_record(g, i, a);
		break;
	case IR_INDEX:
		r = cg_index_at(g, a);
		break;
	case IR_WHO:
		cg_store(g, a, g->decider, 4, 4);
		break;
	case IR_COUNT:
		if (g->pending)
			cg_count(g, i->noted ? cg_load(g, g->decider, 4, 4) : cg_index(g, i->imm));
		else if (i->noted)
			cg_add_counter_at(g, g->rules, g->decider);
		else
			cg_add_counter(g, g->rules, cg_index(g, i->imm));
		break;
	case IR_TALLY:
		many(g, i, temp, args);
		cg_tally(g, i, args, i->is_given ? opnd(g, i->given, temp) : cg_c(g, i->slot));
		break;
	case IR_LOOKUP:
		many(g, i, temp, args);
		r = cg_set_lookup(g, i, a, args);
		break;
	case IR_ADDSET:
		many(g, i, temp, args);
		cg_set_add(g, i, a, c, args, i->is_given ? opnd(g, i->given, temp) : cg_c(g, i->slot));
		break;
	case IR_DELSET:
		many(g, i, temp, args);
		cg_set_remove(g, i, a, args);
		break;
	case IR_MISS:
		cg_add_one(g, g->misses, number(g, i, temp), offsetof(struct xdpf_miss, absent));
		break;
	case IR_LOG:
		many(g, i, temp, args);
		cg_log(g, i, number(g, i, temp), args);
		break;
	case IR_NOTE:
		cg_store(g, LLVMBuildXor(b, cg_hide(g, a), cg_index(g, i->imm), ""), g->decider, 4, 4);
		break;
	case IR_OTHER:
		cg_add_counter(g, g->others, a);
		break;
	case IR_SWAPMAC:
		swapmac(g);
		break;
	case IR_STORE:
		cg_store_packet(g, a, c, (unsigned)i->imm);
		break;
	case IR_PUSHTAG:
		cg_push_tag(g, number(g, i, temp), target(g, i, 0), target(g, i, 1));
		break;
	case IR_POPTAG:
		cg_pop_tag(g, target(g, i, 0), target(g, i, 1));
		break;
	case IR_MARK:
		cg_mark(g, number(g, i, temp), target(g, i, 0), target(g, i, 1));
		break;
	case IR_JUMP:
		/* A block of its own for those who come here, and not a copy of it at each of them, which LLVM would make. */
		if (i == first)
			keep_block(g);
		LLVMBuildBr(b, target(g, i, 0));
		break;
	case IR_EQ:
		cg_branch(g, LLVMBuildICmp(b, LLVMIntEQ, a, c, ""), target(g, i, 0), target(g, i, 1));
		break;
	case IR_SAME:
		a = LLVMBuildTrunc(b, a, g->i32, "");
		if (i->is_given || i->imm != UINT32_MAX)
			a = LLVMBuildAnd(b, a, LLVMBuildTrunc(b, number(g, i, temp), g->i32, ""), "");
		cg_branch(g, LLVMBuildICmp(b, LLVMIntEQ, a, LLVMBuildTrunc(b, c, g->i32, ""), ""), target(g, i, 0), target(g, i, 1));
		break;
	case IR_ULE:
		cg_branch(g, LLVMBuildICmp(b, LLVMIntULE, a, c, ""), target(g, i, 0), target(g, i, 1));
		break;
	case IR_BITS:
		/* hidden, so that no test shares the masked number with another and the verifier's knowledge of it ends here */
		a = LLVMBuildAnd(b, cg_hide(g, a), c, "");
		cg_branch(g, LLVMBuildICmp(b, LLVMIntNE, a, cg_c(g, 0), ""), target(g, i, 0), target(g, i, 1));
		break;
	case IR_BEYOND:
		cg_branch(g, LLVMBuildICmp(b, LLVMIntUGT, a, cg_len(g), ""), target(g, i, 0), target(g, i, 1));
		break;
	case IR_FETCH:
		fetch(g, i, a);
		break;
	case IR_SWITCH:
		r = LLVMBuildSwitch(b, a, target(g, i, 1), (unsigned)i->cases.n);
		for (size_t k = 0; k < i->cases.n; k++)
			LLVMAddCase(r, cg_c(g, i->cases.v[k]), target(g, i, 0));
		break;
	case IR_WRITE:
		many(g, i, temp, args);
		cg_write(g, i, a, args);
		break;
	case IR_SUM:
		r = cg_sum(g, a, c);
		break;
	case IR_RX:
		r = cg_rx(g, (unsigned)i->imm);
		break;
	case IR_CONN:
		many(g, i, temp, args);
		r = cg_conn(g, i, a, args);
		break;
	case IR_SOCKET:
		many(g, i, temp, args);
		cg_socket(g, i, args, target(g, i, 0), target(g, i, 1));
		break;
	case IR_MTU:
		r = cg_mtu(g);
		break;
	case IR_LISTENS:
		many(g, i, temp, args);
		cg_listens(g, i, args, target(g, i, 0), target(g, i, 1));
		break;
	case IR_COOKIE:
		many(g, i, temp, args);
		cg_cookie(g, i, a, c, args, target(g, i, 0), target(g, i, 1));
		break;
	case IR_LATELY:
		many(g, i, temp, args);
		cg_lately(g, i, a, args, target(g, i, 0), target(g, i, 1));
		break;
	case IR_COOKIEOK:
		many(g, i, temp, args);
		cg_cookie_ok(g, i, a, args, target(g, i, 0), target(g, i, 1));
		break;
	case IR_FIB:
		many(g, i, temp, args);
		cg_fib(g, i, args, target(g, i, 0), target(g, i, 1));
		break;
	case IR_OUT:
		cg_out(g, a, target(g, i, 0), target(g, i, 1));
		break;
	case IR_GROW:
		cg_grow(g, i->imm, target(g, i, 0), target(g, i, 1));
		break;
	case IR_CUT:
		cg_cut(g, a, target(g, i, 0), target(g, i, 1));
		break;
	case IR_WAY:
		cg_way(g, i->imm, i->is_given ? opnd(g, i->given, temp) : NULL, target(g, i, 0), target(g, i, 1));
		break;
	case IR_LIMIT:
		many(g, i, temp, args);
		cg_limit(g, i, a, args, target(g, i, 0), target(g, i, 1));
		break;
	case IR_DECIDE:
		if (cg_soon_decided(g, i)) {
			LLVMBuildBr(b, g->soon_end);
			break;
		}
		if (!i->noted)
			cg_store(g, cg_index(g, i->imm), g->decider, 4, 4);
		LLVMBuildBr(b, cg_decided(g, i->verdict, i->counted));
		break;
	case IR_OP_COUNT:
		break;
	}
	if (ir_op_result(i->op))
		temp[i->temp] = r;
}
