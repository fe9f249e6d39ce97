/*
 * Look-ups of keys of up to 32 bits: a bit per number, pages, the table of the first 24 bits, boundaries in buckets. In: a key. Out: one to three
 * reads.
 */
#include "codegen_table.h"

static V shl(struct cg *g, V v, unsigned n)
{
	return LLVMBuildShl(g->b, v, cg_c(g, n), "");
}

static V shr(struct cg *g, V v, unsigned n)
{
	return LLVMBuildLShr(g->b, v, cg_c(g, n), "");
}

static V low(struct cg *g, V v, uint64_t mask)
{
	return LLVMBuildAnd(g->b, v, cg_c(g, mask), "");
}

static V behind_head(struct cg *g, V at)
{
	return LLVMBuildAdd(g->b, at, cg_c(g, sizeof(struct set_head)), "");
}

/* Bit @key % 32 of the word at @at. */
static void answer_bit(struct cg_table *t, V at, V key)
{
	struct cg *g = t->g;
	V w = cg_load(g, cg_table_at(t, at, 4), 4, 4);

	cg_table_answer(t, low(g, LLVMBuildLShr(g->b, w, low(g, key, 31), ""), 1));
}

void cg_table_bits(struct cg_table *t)
{
	struct cg *g = t->g;

	answer_bit(t, behind_head(g, shl(g, shr(g, t->key[0], 5), 2)), t->key[0]);
}

/* ---- PAGES, DIR24 ---- */

static V key32(struct cg_table *t)
{
	struct cg *g = t->g;
	V shift = low(g, cg_table_head(t, offsetof(struct set_head, pages.shift), 4), 31);

	return low(g, LLVMBuildShl(g->b, t->key[0], shift, ""), UINT32_MAX);
}

/* The number of @bytes at @at; if it is 0 or 1 it is the answer, else 2 less on return. */
static V step(struct cg_table *t, V at, unsigned bytes)
{
	struct cg *g = t->g;
	BB known = cg_block(g, "known"), on = cg_block(g, "mixed");
	V v = cg_load(g, cg_table_at(t, at, bytes), bytes, bytes);

	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntULT, v, cg_c(g, 2), ""), known, on);
	cg_go(g, known);
	cg_table_answer(t, v);
	cg_go(g, on);
	return LLVMBuildSub(g->b, v, cg_c(g, 2), "");
}

static void answer_bitmap(struct cg_table *t, V bitmap, V key)
{
	struct cg *g = t->g;
	V at = LLVMBuildMul(g->b, bitmap, cg_c(g, SET_BITMAP), "");

	at = LLVMBuildAdd(g->b, cg_table_head(t, offsetof(struct set_head, pages.bitmap), 4), at, "");
	answer_bit(t, LLVMBuildAdd(g->b, at, low(g, shr(g, key, 3), 28), ""), key);
}

void cg_table_pages(struct cg_table *t)
{
	struct cg *g = t->g;
	V key = key32(t), v, at;

	v = step(t, behind_head(g, shl(g, shr(g, key, 16), 1)), 2);
	at = LLVMBuildAdd(g->b, cg_table_head(t, offsetof(struct set_head, pages.page), 4), LLVMBuildMul(g->b, v, cg_c(g, SET_PAGE), ""), "");
	v = step(t, LLVMBuildAdd(g->b, at, shl(g, low(g, shr(g, key, 8), 255), 1), ""), 2);
	answer_bitmap(t, v, key);
}

void cg_table_dir24(struct cg_table *t)
{
	struct cg *g = t->g;
	V key = key32(t);

	answer_bitmap(t, step(t, behind_head(g, shl(g, shr(g, key, 8), 2)), 4), key);
}

/* ---- BOUNDS ---- */

static V block(struct cg_table *t, V n)
{
	return cg_table_at(t, behind_head(t->g, LLVMBuildMul(t->g->b, n, cg_c(t->g, SET_BLOCK), "")), SET_BLOCK);
}

void cg_table_bounds(struct cg_table *t)
{
	struct cg *g = t->g;
	BB here, spread = cg_block(g, "spread"), on = cg_block(g, "block");
	V rest = LLVMBuildAnd(g->b, t->key[0], cg_table_head(t, offsetof(struct set_head, bounds.rest), 4), "");
	V shift = low(g, cg_table_head(t, offsetof(struct set_head, bounds.shift), 4), 31), p[2], w, all, x = NULL;
	BB from[2];

	p[0] = block(t, LLVMBuildLShr(g->b, t->key[0], shift, ""));
	w = cg_load(g, p[0], 8, 8);
	here = from[0] = LLVMGetInsertBlock(g->b);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntSLT, w, cg_c(g, 0), ""), spread, on);
	cg_go(g, spread);
	shift = low(g, shr(g, w, SET_BLOCK_SHIFT), 15);
	p[1] = block(t, LLVMBuildAdd(g->b, low(g, w, UINT32_MAX), LLVMBuildLShr(g->b, rest, shift, ""), ""));
	from[1] = LLVMGetInsertBlock(g->b);
	LLVMBuildBr(g->b, on);
	LLVMMoveBasicBlockAfter(on, here);
	cg_go(g, on);
	w = LLVMBuildPhi(g->b, g->ptr, "");
	LLVMAddIncoming(w, p, from, 2);
	all = LLVMBuildOr(g->b, LLVMBuildMul(g->b, rest, cg_c(g, SET_LANES_ONE), ""), cg_c(g, SET_LANES_TOP), "");
	for (unsigned i = 0; i < SET_BLOCK / 8; i++) {
		V d = LLVMBuildSub(g->b, all, cg_load(g, cg_atc(g, w, 8 * i), 8, 8), "");

		x = x ? LLVMBuildXor(g->b, x, d, "") : d;
	}
	x = LLVMBuildXor(g->b, x, shr(g, x, 32), "");
	x = LLVMBuildXor(g->b, x, shr(g, x, 16), "");
	cg_table_answer(t, low(g, shr(g, x, SET_REST_BITS), 1));
}
