/*
 * Binary search over sorted boundaries of any width. In: a key. Out: the parity of how many are not above it. The steps take no branch on what they
 * find, so the verifier walks them once.
 */
#include "codegen_table.h"

/* 1 if the boundary @n is not above the key. */
static V not_above(struct cg_table *t, V n)
{
	struct cg *g = t->g;
	unsigned size = 8 * t->words;
	V p = cg_table_at(t, LLVMBuildAdd(g->b, LLVMBuildMul(g->b, n, cg_c(g, size), ""), cg_c(g, sizeof(struct set_head)), ""), size);
	V above = NULL;

	/* key < boundary, least significant word first: less, or equal and the lower words are less */
	for (unsigned k = t->words; k-- > 0;) {
		V e = cg_load(g, cg_atc(g, p, 8 * k), 8, 8), lt = cg_table_less(g, t->key[k], e);

		if (above) {
			V x = LLVMBuildXor(g->b, t->key[k], e, "");
			V differ = LLVMBuildLShr(g->b, LLVMBuildOr(g->b, x, LLVMBuildNeg(g->b, x, ""), ""), cg_c(g, 63), "");

			above = LLVMBuildOr(g->b, lt, LLVMBuildAnd(g->b, LLVMBuildXor(g->b, differ, cg_c(g, 1), ""), above, ""), "");
		} else {
			above = lt;
		}
	}
	return LLVMBuildXor(g->b, cg_hide(g, above), cg_c(g, 1), "");
}

V cg_table_search_at(struct cg_table *t)
{
	struct cg *g = t->g;
	BB here, loop = cg_block(g, "step"), halve = cg_block(g, "halve"), last = cg_block(g, "last"), from;
	V i, at, n, half, move, next[3], all = cg_table_head(t, offsetof(struct set_head, search.n), 8);

	here = LLVMGetInsertBlock(g->b);
	LLVMBuildBr(g->b, loop);
	cg_go(g, loop);
	i = LLVMBuildPhi(g->b, g->i64, "");
	at = LLVMBuildPhi(g->b, g->i64, "");
	n = LLVMBuildPhi(g->b, g->i64, "");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntUGT, n, cg_c(g, 1), ""), halve, last);
	cg_go(g, halve);
	half = LLVMBuildLShr(g->b, n, cg_c(g, 1), "");
	move = LLVMBuildAnd(g->b, half, LLVMBuildNeg(g->b, not_above(t, LLVMBuildAdd(g->b, at, half, "")), ""), "");
	next[0] = LLVMBuildAdd(g->b, i, cg_c(g, 1), "");
	next[1] = LLVMBuildAdd(g->b, at, move, "");
	next[2] = LLVMBuildSub(g->b, n, half, "");
	from = LLVMGetInsertBlock(g->b);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntULT, next[0], cg_c(g, SET_SEARCH_STEPS), ""), loop, t->no);
	LLVMAddIncoming(i, (V[]){ cg_c(g, 0), next[0] }, (BB[]){ here, from }, 2);
	LLVMAddIncoming(at, (V[]){ cg_c(g, 0), next[1] }, (BB[]){ here, from }, 2);
	LLVMAddIncoming(n, (V[]){ all, next[2] }, (BB[]){ here, from }, 2);
	cg_go(g, last);
	return at;
}

void cg_table_search(struct cg_table *t)
{
	struct cg *g = t->g;
	V at = cg_table_search_at(t);

	cg_table_answer(t, LLVMBuildAnd(g->b, LLVMBuildAdd(g->b, at, not_above(t, at), ""), cg_c(g, 1), ""));
}
