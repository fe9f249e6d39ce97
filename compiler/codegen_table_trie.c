/*
 * Look-up in a trie of adaptive strides. In: a key. Out: for each of its words in turn a loop over the entries about it, until one knows. All numbers
 * that steer it come from memory, so the verifier finds one step like the other.
 */
#include "codegen_table.h"

static V field(struct cg *g, V e, unsigned at, uint64_t mask)
{
	V v = LLVMBuildLShr(g->b, e, cg_c(g, at), "");

	return mask ? LLVMBuildAnd(g->b, v, cg_c(g, mask), "") : v;
}

static V base(struct cg *g, V e)
{
	return LLVMBuildAnd(g->b, e, cg_c(g, UINT32_MAX), "");
}

static V bytes(struct cg *g, V n)
{
	return LLVMBuildShl(g->b, n, cg_c(g, 3), "");
}

/* The bits of the word that the entry is about. */
static V low_bits(struct cg *g, V e, V above)
{
	V mask = LLVMBuildSub(g->b, LLVMBuildShl(g->b, cg_c(g, 1), field(g, e, SET_TRIE_BITS, 63), ""), cg_c(g, 1), "");

	return LLVMBuildAnd(g->b, above, mask, "");
}

static V above_shift(struct cg *g, V e, V x)
{
	return LLVMBuildLShr(g->b, x, field(g, e, SET_TRIE_SHIFT, 63), "");
}

/* Of the block @n of those at @e: in the highest bit of each lane whether the boundary there is not above the key, exclusive-or @v. */
static V in_block(struct cg_table *t, V e, uint64_t n, V all, V v)
{
	struct cg *g = t->g;
	V p = cg_table_at(t, LLVMBuildAdd(g->b, bytes(g, base(g, e)), cg_c(g, n * SET_BLOCK), ""), SET_BLOCK);

	for (unsigned i = 0; i < SET_BLOCK / 8; i++) {
		V d = LLVMBuildSub(g->b, all, cg_load(g, cg_atc(g, p, 8 * i), 8, 8), "");

		v = v ? LLVMBuildXor(g->b, v, d, "") : d;
	}
	return v;
}

/* The parity of the list's boundaries that are not above the key, and of those before. */
static void answer_list(struct cg_table *t, V e, V x)
{
	struct cg *g = t->g;
	BB here, wide = cg_block(g, "second block"), on = cg_block(g, "parity"), from[2];
	V half[2], v, all, lanes, top;

	lanes = LLVMBuildShl(g->b, field(g, e, SET_TRIE_LANE, 3), cg_c(g, 4), "");
	lanes = cg_table_at(t, LLVMBuildAdd(g->b, lanes, cg_c(g, offsetof(struct set_head, trie.lanes)), ""), 16);
	top = cg_load(g, cg_atc(g, lanes, 8), 8, 8);
	all = LLVMBuildOr(g->b, LLVMBuildMul(g->b, low_bits(g, e, above_shift(g, e, x)), cg_load(g, lanes, 8, 8), ""), top, "");
	half[0] = in_block(t, e, 0, all, NULL);
	here = from[0] = LLVMGetInsertBlock(g->b);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntNE, field(g, e, SET_TRIE_WIDE, 1), cg_c(g, 0), ""), wide, on);
	cg_go(g, wide);
	half[1] = in_block(t, e, 1, all, half[0]);
	from[1] = LLVMGetInsertBlock(g->b);
	LLVMBuildBr(g->b, on);
	LLVMMoveBasicBlockAfter(on, here);
	cg_go(g, on);
	v = LLVMBuildPhi(g->b, g->i64, "");
	LLVMAddIncoming(v, half, from, 2);
	/* only the highest bits of lanes, moved to where they are in lanes of 16 bits */
	v = LLVMBuildAnd(g->b, v, top, "");
	v = LLVMBuildXor(g->b, v, LLVMBuildLShr(g->b, v, cg_c(g, 32), ""), "");
	v = LLVMBuildXor(g->b, v, LLVMBuildLShr(g->b, v, cg_c(g, 16), ""), "");
	v = LLVMBuildXor(g->b, field(g, v, SET_REST_BITS, 0), field(g, e, SET_TRIE_BEFORE, 0), "");
	cg_table_answer(t, LLVMBuildAnd(g->b, v, cg_c(g, 1), ""));
}

/* What bit 0 says, if the bits that the entry is about are its value. */
static void answer_value(struct cg_table *t, V e, V x)
{
	struct cg *g = t->g;
	V v = LLVMBuildXor(g->b, low_bits(g, e, above_shift(g, e, x)), field(g, e, 1, ((uint64_t)1 << SET_TRIE_VALUE) - 1), "");

	/* 1 where they differ, without a branch */
	v = LLVMBuildLShr(g->b, LLVMBuildOr(g->b, v, LLVMBuildNeg(g->b, v, ""), ""), cg_c(g, 63), "");
	cg_table_answer(t, LLVMBuildAnd(g->b, LLVMBuildXor(g->b, e, cg_hide(g, v), ""), cg_c(g, 1), ""));
}

/* The entry that a node, or a skip that is right, leads to. */
static V follow(struct cg_table *t, V e, V x, V kind, BB *from)
{
	struct cg *g = t->g;
	BB node = cg_block(g, "node"), skip = cg_block(g, "skip"), wrong = cg_block(g, "elsewhere"), right = cg_block(g, "as skipped");
	BB on = cg_block(g, "entry read"), end[2];
	V above = above_shift(g, e, x), p, want, next[2], out;

	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, kind, cg_c(g, SET_TRIE_NODE), ""), node, skip);
	cg_go(g, node);
	p = cg_table_at(t, bytes(g, LLVMBuildAdd(g->b, base(g, e), low_bits(g, e, above), "")), 8);
	next[0] = cg_load(g, p, 8, 8);
	end[0] = LLVMGetInsertBlock(g->b);
	LLVMBuildBr(g->b, on);
	cg_go(g, skip);
	p = cg_table_at(t, bytes(g, base(g, e)), 16);
	want = cg_load(g, p, 8, 8);
	next[1] = cg_load(g, cg_atc(g, p, 8), 8, 8);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, above, want, ""), right, wrong);
	cg_go(g, wrong);
	want = LLVMBuildAdd(g->b, cg_table_less(g, above, want), cg_c(g, SET_TRIE_AFTER), "");
	cg_table_answer(t, LLVMBuildAnd(g->b, LLVMBuildLShr(g->b, e, want, ""), cg_c(g, 1), ""));
	cg_go(g, right);
	end[1] = right;
	LLVMBuildBr(g->b, on);
	cg_go(g, on);
	out = LLVMBuildPhi(g->b, g->i64, "");
	LLVMAddIncoming(out, next, end, 2);
	*from = on;
	return out;
}

/* The entries about word @k, of which @e is the first; the first one about the next word, which is where code goes on. */
static V word(struct cg_table *t, unsigned k, V e)
{
	struct cg *g = t->g;
	BB here = LLVMGetInsertBlock(g->b), loop = cg_block(g, "entry about a word"), known = cg_block(g, "known"), ask = cg_block(g, "ask");
	BB own = k + 1 < t->words ? cg_block(g, "about this word") : NULL, later = own ? cg_block(g, "about the next word") : NULL;
	BB list = cg_block(g, "list"), on = cg_block(g, "no list"), from;
	V cur, i, kind, next, more;

	LLVMBuildBr(g->b, loop);
	cg_go(g, loop);
	cur = LLVMBuildPhi(g->b, g->i64, "");
	i = LLVMBuildPhi(g->b, g->i64, "");
	if (own) {
		cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, field(g, cur, SET_TRIE_WORD, 7), cg_c(g, k), ""), own, later);
		cg_go(g, own);
	}
	kind = field(g, cur, SET_TRIE_KIND, 0);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, kind, cg_c(g, SET_TRIE_CONST), ""), known, ask);
	cg_go(g, known);
	answer_value(t, cur, t->key[k]);
	cg_go(g, ask);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, kind, cg_c(g, SET_TRIE_LIST), ""), list, on);
	cg_go(g, list);
	answer_list(t, cur, t->key[k]);
	cg_go(g, on);
	next = follow(t, cur, t->key[k], kind, &from);
	more = LLVMBuildAdd(g->b, i, cg_c(g, 1), "");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntULT, more, cg_c(g, SET_TRIE_STEPS), ""), loop, t->no);
	LLVMAddIncoming(cur, (V[]){ e, next }, (BB[]){ here, from }, 2);
	LLVMAddIncoming(i, (V[]){ cg_c(g, 0), more }, (BB[]){ here, from }, 2);
	if (later)
		cg_go(g, later);
	return cur;
}

void cg_table_trie(struct cg_table *t)
{
	V e = cg_table_head(t, offsetof(struct set_head, trie.root), 8);

	for (unsigned k = 0; k < t->words; k++)
		e = word(t, k, e);
}
