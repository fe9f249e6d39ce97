/*
 * Code that changes the packet. In: offsets that dissection found whole, numbers as they stand in memory. Out: stores into the linear part, by
 * bpf_xdp_store_bytes() where the frame is spread over fragments; tags and metadata by the helpers that move the frame's ends.
 *
 * A helper that moves an end makes all pointers into the packet invalid. None is kept: each access reads the context anew.
 */
#include "codegen_priv.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>

#include "abi.h"

static V failed(struct cg *g, V r)
{
	return LLVMBuildICmp(g->b, LLVMIntNE, r, cg_c(g, 0), "");
}

void cg_store_packet(struct cg *g, V off, V v, unsigned bytes)
{
	BB fast = cg_block_after(g, LLVMGetInsertBlock(g->b), "store"), on = cg_block_after(g, fast, "stored");
	BB slow = cg_block(g, "store slow"), ask = cg_block(g, "store ask");
	V data = cg_ctx_pointer(g, offsetof(struct xdp_md, data)), p = cg_at(g, data, off), stop = cg_atc(g, p, bytes);
	V end = cg_ctx_pointer(g, offsetof(struct xdp_md, data_end));

	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntUGT, stop, end, ""), slow, fast);
	cg_go(g, fast);
	cg_store(g, v, p, bytes, bytes);
	LLVMBuildBr(g->b, on);
	cg_go(g, slow);
	cg_branch(g, cg_linear(g), on, ask);
	cg_go(g, ask);
	cg_store(g, v, g->buf, bytes, bytes);
	cg_helper(g, BPF_FUNC_xdp_store_bytes, g->i64, 4, (V[]){ g->ctx, LLVMBuildTrunc(g->b, off, g->i32, ""), g->buf, cg_c32(g, bytes) });
	LLVMBuildBr(g->b, on);
	cg_go(g, on);
}

/* The addresses to the buffer, the frame's start by @by, and so many bytes of the buffer to where it then starts. */
static void move_start(struct cg *g, int by, unsigned bytes, BB yes, BB no)
{
	BB got = cg_block(g, "addresses"), moved = cg_block(g, "moved");
	V r = cg_helper(g, BPF_FUNC_xdp_load_bytes, g->i64, 4, (V[]){ g->ctx, cg_c32(g, 0), g->buf, cg_c32(g, 2 * ETH_ALEN) });

	cg_branch(g, failed(g, r), no, got);
	cg_go(g, got);
	r = cg_helper(g, BPF_FUNC_xdp_adjust_head, g->i64, 2, (V[]){ g->ctx, cg_c32(g, (uint32_t)by) });
	cg_branch(g, failed(g, r), no, moved);
	cg_go(g, moved);
	cg_helper(g, BPF_FUNC_xdp_store_bytes, g->i64, 4, (V[]){ g->ctx, cg_c32(g, 0), g->buf, cg_c32(g, bytes) });
	LLVMBuildBr(g->b, yes);
}

void cg_push_tag(struct cg *g, V tci, BB yes, BB no)
{
	V tag = LLVMBuildOr(g->b, tci, cg_c(g, (uint64_t)ETH_P_8021Q << 16), "");

	cg_store(g, cg_swap(g, tag, 4), cg_atc(g, g->buf, 12), 4, 4);
	move_start(g, -4, 16, yes, no);
}

/* Where the first piece of a frame in fragments has less than a header behind the tag, the kernel does not move its start. */
void cg_pop_tag(struct cg *g, BB yes, BB no)
{
	move_start(g, 4, 12, yes, no);
}

void cg_mark(struct cg *g, V mark, BB yes, BB no)
{
	BB have = cg_block(g, "mark"), make = cg_block(g, "make room"), made = cg_block(g, "room"), again = cg_block(g, "mark there");
	enum { SIZE = sizeof(struct xdpf_mark) };
	V meta = cg_ctx_pointer(g, offsetof(struct xdp_md, data_meta)), data = cg_ctx_pointer(g, offsetof(struct xdp_md, data)), r;

	/* a mark that is there already is written over */
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntUGT, cg_atc(g, meta, SIZE), data, ""), make, have);
	cg_go(g, have);
	cg_store(g, cg_c(g, XDPF_MARK_MAGIC), meta, 4, 4);
	cg_store(g, mark, cg_atc(g, meta, offsetof(struct xdpf_mark, mark)), 4, 4);
	LLVMBuildBr(g->b, yes);
	cg_go(g, make);
	r = cg_helper(g, BPF_FUNC_xdp_adjust_meta, g->i64, 2, (V[]){ g->ctx, cg_c32(g, (uint32_t)-SIZE) });
	cg_branch(g, failed(g, r), no, made);
	cg_go(g, made);
	meta = cg_ctx_pointer(g, offsetof(struct xdp_md, data_meta));
	data = cg_ctx_pointer(g, offsetof(struct xdp_md, data));
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntUGT, cg_atc(g, meta, SIZE), data, ""), no, again);
	cg_go(g, again);
	cg_store(g, cg_c(g, XDPF_MARK_MAGIC), meta, 4, 4);
	cg_store(g, mark, cg_atc(g, meta, offsetof(struct xdpf_mark, mark)), 4, 4);
	LLVMBuildBr(g->b, yes);
}
