/*
 * Changing the frame, and asking the kernel's routing table. In: numbers. Out: code that writes bytes, moves the frame's ends, adds up bytes; all
 * of it right for frames in fragments of memory too: what does not lie in one piece goes through the helpers.
 */
#include "codegen_priv.h"

#include <linux/bpf.h>
#include <stddef.h>
#include <sys/socket.h>

enum { PIECE = CG_FETCH_BUF };

static V ctx_pointer(struct cg *g, unsigned off)
{
	return LLVMBuildIntToPtr(g->b, cg_ctx_field(g, off), g->ptr, "");
}

static V narrow(struct cg *g, V v)
{
	return LLVMBuildTrunc(g->b, v, g->i32, "");
}

static V is_zero(struct cg *g, V v)
{
	return LLVMBuildICmp(g->b, LLVMIntEQ, v, cg_c(g, 0), "");
}

void cg_write(struct cg *g, const struct ir_inst *i, V off, const V *v)
{
	BB here = LLVMGetInsertBlock(g->b), fast = cg_block_after(g, here, "write"), on = cg_block_after(g, fast, "written");
	BB slow = cg_block(g, "write slow");
	V p, data = ctx_pointer(g, offsetof(struct xdp_md, data)), end = ctx_pointer(g, offsetof(struct xdp_md, data_end));
	uint64_t n = 0, at;

	for (size_t k = 0; k < i->cases.n; k++)
		n += i->cases.v[k];
	p = cg_at(g, data, off);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntUGT, cg_atc(g, p, n), end, ""), slow, fast);
	cg_go(g, fast);
	at = 0;
	for (size_t k = 0; k < i->cases.n; at += i->cases.v[k++])
		cg_store(g, v[k], cg_atc(g, p, at), (unsigned)i->cases.v[k], (unsigned)i->cases.v[k]);
	LLVMBuildBr(g->b, on);
	cg_go(g, slow);
	at = 0;
	for (size_t k = 0; k < i->cases.n; at += i->cases.v[k++]) {
		unsigned size = (unsigned)i->cases.v[k], align = at ? (unsigned)(at & -at) : 8;

		cg_store(g, v[k], cg_atc(g, g->buf, at), size, align < size ? align : size);
	}
	cg_helper(g, BPF_FUNC_xdp_store_bytes, g->i64, 4, (V[]){ g->ctx, narrow(g, off), g->buf, cg_c32(g, (uint32_t)n) });
	LLVMBuildBr(g->b, on);
	cg_go(g, on);
}

static void clear_buffer(struct cg *g)
{
	for (unsigned k = 0; k < PIECE; k += 8)
		cg_store(g, cg_c(g, 0), cg_atc(g, g->buf, k), 8, 8);
}

static V sum_buffer(struct cg *g, V seed)
{
	return cg_helper(g, BPF_FUNC_csum_diff, g->i64, 5, (V[]){ LLVMConstNull(g->ptr), cg_c32(g, 0), g->buf, cg_c32(g, PIECE), narrow(g, seed) });
}

/* In pieces: whole ones, and the last one filled up with zeros. */
V cg_sum(struct cg *g, V off, V len)
{
	BB done = cg_block(g, "summed"), last = cg_block(g, "last piece");
	V sum = cg_alloca(g, g->i64, "sum"), left = cg_alloca(g, g->i64, "left"), at = cg_alloca(g, g->i64, "at"), n;

	LLVMBuildStore(g->b, cg_c(g, 0), sum);
	LLVMBuildStore(g->b, len, left);
	LLVMBuildStore(g->b, off, at);
	for (unsigned k = 0; k < XDPF_QUOTE / PIECE; k++) {
		BB whole = cg_block(g, "piece");

		n = LLVMBuildLoad2(g->b, g->i64, left, "");
		cg_branch(g, LLVMBuildICmp(g->b, LLVMIntUGE, n, cg_c(g, PIECE), ""), whole, last);
		cg_go(g, whole);
		cg_helper(g, BPF_FUNC_xdp_load_bytes, g->i64, 4,
			  (V[]){ g->ctx, narrow(g, LLVMBuildLoad2(g->b, g->i64, at, "")), g->buf, cg_c32(g, PIECE) });
		LLVMBuildStore(g->b, sum_buffer(g, LLVMBuildLoad2(g->b, g->i64, sum, "")), sum);
		LLVMBuildStore(g->b, LLVMBuildSub(g->b, LLVMBuildLoad2(g->b, g->i64, left, ""), cg_c(g, PIECE), ""), left);
		LLVMBuildStore(g->b, LLVMBuildAdd(g->b, LLVMBuildLoad2(g->b, g->i64, at, ""), cg_c(g, PIECE), ""), at);
	}
	LLVMBuildBr(g->b, last);
	cg_go(g, last);
	BB some = cg_block(g, "some left");

	n = LLVMBuildLoad2(g->b, g->i64, left, "");
	cg_branch(g, is_zero(g, n), done, some);
	cg_go(g, some);
	clear_buffer(g);
	/* from 1 to PIECE, which the test and the pieces above have seen to: the verifier is told, and one of 6.1 does not learn it from a test */
	n = LLVMBuildAnd(g->b, LLVMBuildSub(g->b, cg_hide(g, n), cg_c(g, 1), ""), cg_c(g, PIECE - 1), "");
	n = LLVMBuildAdd(g->b, n, cg_c(g, 1), "");
	cg_helper(g, BPF_FUNC_xdp_load_bytes, g->i64, 4, (V[]){ g->ctx, narrow(g, LLVMBuildLoad2(g->b, g->i64, at, "")), g->buf, n });
	LLVMBuildStore(g->b, sum_buffer(g, LLVMBuildLoad2(g->b, g->i64, sum, "")), sum);
	LLVMBuildBr(g->b, done);
	LLVMMoveBasicBlockAfter(done, LLVMGetInsertBlock(g->b));
	cg_go(g, done);
	/* the helper's sum is one of 32 bits; what it returns has been a negative number on some kernels */
	return LLVMBuildAnd(g->b, LLVMBuildLoad2(g->b, g->i64, sum, ""), cg_c(g, UINT32_MAX), "");
}

void cg_grow(struct cg *g, uint64_t bytes, BB yes, BB no)
{
	V r = cg_helper(g, BPF_FUNC_xdp_adjust_head, g->i64, 2, (V[]){ g->ctx, cg_c32(g, (uint32_t)-(int32_t)bytes) });

	cg_branch(g, is_zero(g, r), yes, no);
}

void cg_cut(struct cg *g, V end, BB yes, BB no)
{
	V len = cg_helper(g, BPF_FUNC_xdp_get_buff_len, g->i64, 1, &g->ctx);
	V r = cg_helper(g, BPF_FUNC_xdp_adjust_tail, g->i64, 2, (V[]){ g->ctx, narrow(g, LLVMBuildSub(g->b, end, len, "")) });

	cg_branch(g, is_zero(g, r), yes, no);
}

/* ---- routing ---- */

static V buffer(struct cg *g, size_t off)
{
	return cg_atc(g, g->buf, off);
}

static void answer(struct cg *g, const struct ir_inst *i, BB yes)
{
	for (size_t k = 0; k < i->loads.n; k++) {
		const struct ir_load *l = &i->loads.v[k];
		unsigned align = l->delta ? l->delta & -l->delta : 8;

		LLVMBuildStore(g->b, cg_load(g, buffer(g, l->delta), l->size, align < l->size ? align : l->size), g->var[l->var]);
	}
	LLVMBuildBr(g->b, yes);
}

static void test_answer(struct cg *g, V length, BB known, BB no)
{
	static const uint8_t mac[2][6] = { XDPF_TEST_SMAC, XDPF_TEST_DMAC };
	BB open = cg_block(g, "given hop"), fits = cg_block(g, "given hop fits");

	cg_branch(g, is_zero(g, cg_no_way(g)), open, no);
	cg_go(g, open);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntULE, length, cg_c(g, XDPF_TEST_MTU), ""), fits, no);
	cg_go(g, fits);
	cg_store(g, cg_c(g, 1), buffer(g, offsetof(struct bpf_fib_lookup, ifindex)), 4, 4);
	for (unsigned k = 0; k < 12; k++)
		cg_store(g, cg_c(g, mac[k / 6][k % 6]), buffer(g, offsetof(struct bpf_fib_lookup, smac) + k), 1, 1);
	LLVMBuildBr(g->b, known);
}

void cg_fib(struct cg *g, const struct ir_inst *i, const V *v, BB yes, BB no)
{
	BB live = cg_block_after(g, LLVMGetInsertBlock(g->b), "route"), given = cg_block(g, "given route"), known = cg_block(g, "route known");
	V flag = LLVMBuildAnd(g->b, cg_flags(g), cg_c(g, XDPF_CONFIG_INPUTS), ""), r;
	bool ip6 = i->args.n == 8;

	clear_buffer(g);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntNE, flag, cg_c(g, 0), ""), given, live);
	cg_go(g, given);
	test_answer(g, v[2], known, no);
	cg_go(g, live);
	cg_store(g, v[0], buffer(g, offsetof(struct bpf_fib_lookup, family)), 1, 1);
	cg_store(g, v[1], buffer(g, offsetof(struct bpf_fib_lookup, l4_protocol)), 1, 1);
	cg_store(g, v[2], buffer(g, offsetof(struct bpf_fib_lookup, tot_len)), 2, 2);
	cg_store(g, cg_ctx_field(g, offsetof(struct xdp_md, ingress_ifindex)), buffer(g, offsetof(struct bpf_fib_lookup, ifindex)), 4, 4);
	cg_store(g, v[3], buffer(g, offsetof(struct bpf_fib_lookup, flowinfo)), ip6 ? 4 : 1, ip6 ? 4 : 1);
	for (unsigned k = 0; k < (ip6 ? 4 : 2); k++) {
		size_t at = ip6 ? 8 * k : 16 * k;

		cg_store(g, v[4 + k], buffer(g, offsetof(struct bpf_fib_lookup, ipv4_src) + at), ip6 ? 8 : 4, ip6 ? 8 : 4);
	}
	r = cg_helper(g, BPF_FUNC_fib_lookup, g->i64, 4, (V[]){ g->ctx, g->buf, cg_c32(g, sizeof(struct bpf_fib_lookup)), cg_c32(g, 0) });
	cg_branch(g, is_zero(g, r), known, no);
	cg_go(g, known);
	answer(g, i, yes);
}
