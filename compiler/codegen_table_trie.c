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

/* The parity of the list's boundaries that are not above @x, and of those before. */
static void answer_list(struct cg_table *t, V e, V x)
{
	struct cg *g = t->g;
	V p = cg_table_at(t, bytes(g, base(g, e)), 8 * SET_TRIE_LIST), v = field(g, e, SET_TRIE_BEFORE, 1);

	/* SET_TRIE_LIST is even: that all of them are above is as good as none */
	for (unsigned i = 0; i < SET_TRIE_LIST; i++)
		v = LLVMBuildXor(g->b, v, cg_table_less(g, x, cg_load(g, cg_atc(g, p, 8 * i), 8, 8)), "");
	cg_table_answer(t, v);
}

/* The entry that a node, or a skip that is right, leads to. */
static V follow(struct cg_table *t, V e, V x, V kind, BB *from)
{
	struct cg *g = t->g;
	BB node = cg_block(g, "node"), skip = cg_block(g, "skip"), wrong = cg_block(g, "elsewhere"), right = cg_block(g, "as skipped");
	BB on = cg_block(g, "entry read"), end[2];
	V above = LLVMBuildLShr(g->b, x, field(g, e, SET_TRIE_SHIFT, 63), ""), p, want, next[2], out, index;

	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, kind, cg_c(g, SET_TRIE_NODE), ""), node, skip);
	cg_go(g, node);
	index = LLVMBuildSub(g->b, LLVMBuildShl(g->b, cg_c(g, 1), field(g, e, SET_TRIE_BITS, 31), ""), cg_c(g, 1), "");
	index = LLVMBuildAnd(g->b, above, index, "");
	p = cg_table_at(t, bytes(g, LLVMBuildAdd(g->b, base(g, e), index, "")), 8);
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
	BB own = k + 1 < t->words ? cg_block(g, "about this word") : ask, later = k + 1 < t->words ? cg_block(g, "about the next word") : t->no;
	BB list = cg_block(g, "list"), on = cg_block(g, "no list"), from;
	V cur, i, kind, next, more;

	LLVMBuildBr(g->b, loop);
	cg_go(g, loop);
	cur = LLVMBuildPhi(g->b, g->i64, "");
	i = LLVMBuildPhi(g->b, g->i64, "");
	kind = field(g, cur, SET_TRIE_KIND, 0);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, kind, cg_c(g, SET_TRIE_CONST), ""), known, ask);
	cg_go(g, known);
	cg_table_answer(t, LLVMBuildAnd(g->b, cur, cg_c(g, 1), ""));
	cg_go(g, ask);
	if (own != ask) {
		cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, field(g, cur, SET_TRIE_WORD, 7), cg_c(g, k), ""), own, later);
		cg_go(g, own);
	}
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, kind, cg_c(g, SET_TRIE_IS_LIST), ""), list, on);
	cg_go(g, list);
	answer_list(t, cur, t->key[k]);
	cg_go(g, on);
	next = follow(t, cur, t->key[k], kind, &from);
	more = LLVMBuildAdd(g->b, i, cg_c(g, 1), "");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntULT, more, cg_c(g, SET_TRIE_STEPS), ""), loop, t->no);
	LLVMAddIncoming(cur, (V[]){ e, next }, (BB[]){ here, from }, 2);
	LLVMAddIncoming(i, (V[]){ cg_c(g, 0), more }, (BB[]){ here, from }, 2);
	if (later != t->no)
		cg_go(g, later);
	return cur;
}

void cg_table_trie(struct cg_table *t)
{
	V e = cg_table_head(t, offsetof(struct set_head, trie.root), 8);

	for (unsigned k = 0; k < t->words; k++)
		e = word(t, k, e);
}
