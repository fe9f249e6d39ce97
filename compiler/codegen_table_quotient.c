/*
 * Look-up in a table of what buckets leave open of exact keys of up to 32 bits. In: a key. Out: its one bucket, all lanes of it at once; where that
 * has not room for all its keys, the table of HASH that has the others.
 */
#include "codegen_table.h"

static V head64(struct cg_table *t, size_t member)
{
	return cg_table_head(t, member, 8);
}

static V head32(struct cg_table *t, size_t member)
{
	return cg_table_head(t, member, 4);
}

/* The key's number in the table's order, times the buckets: see set_quotient(). */
static V product(struct cg_table *t)
{
	struct cg *g = t->g;
	V n = LLVMBuildTrunc(g->b, t->key[0], g->i32, "");

	n = LLVMBuildMul(g->b, n, LLVMBuildTrunc(g->b, head32(t, offsetof(struct set_head, quotient.order)), g->i32, ""), "");
	n = LLVMBuildXor(g->b, n, LLVMBuildLShr(g->b, n, cg_c32(g, SET_QUOTIENT_SHIFT), ""), "");
	n = LLVMBuildMul(g->b, n, cg_c32(g, SET_QUOTIENT_LAST), "");
	return LLVMBuildMul(g->b, LLVMBuildZExt(g->b, n, g->i64, ""), head32(t, offsetof(struct set_head, quotient.buckets)), "");
}

/* All bits of it where a lane of @word is the one of @all. */
static V zero_lanes(struct cg *g, V word, V all, V lowest)
{
	V differ = LLVMBuildXor(g->b, word, all, "");

	return LLVMBuildAnd(g->b, LLVMBuildSub(g->b, differ, lowest, ""), LLVMBuildNot(g->b, differ, ""), "");
}

void cg_table_quotient(struct cg_table *t)
{
	struct cg *g = t->g;
	BB found = cg_block(g, "found"), missed = cg_block(g, "not in its bucket"), others = cg_block(g, "others");
	V p = product(t), lane, at, word[SET_QUOTIENT_WORDS], all, lowest, zero = NULL;
	struct cg_table hash = *t;

	lane = LLVMBuildMul(g->b, LLVMBuildAnd(g->b, p, cg_c(g, UINT32_MAX), ""), head32(t, offsetof(struct set_head, quotient.most)), "");
	lane = LLVMBuildAdd(g->b, LLVMBuildLShr(g->b, lane, cg_c(g, 32), ""), cg_c(g, 1), "");
	lowest = head64(t, offsetof(struct set_head, quotient.lowest));
	all = LLVMBuildMul(g->b, lane, lowest, "");
	at = LLVMBuildMul(g->b, LLVMBuildLShr(g->b, p, cg_c(g, 32), ""), cg_c(g, SET_QUOTIENT_BUCKET), "");
	at = cg_table_at(t, LLVMBuildAdd(g->b, at, cg_c(g, sizeof(struct set_head)), ""), SET_QUOTIENT_BUCKET);
	for (unsigned i = 0; i < SET_QUOTIENT_WORDS; i++) {
		V z;

		word[i] = cg_load(g, cg_atc(g, at, 8 * i), 8, 8);
		z = zero_lanes(g, word[i], all, lowest);
		zero = zero ? LLVMBuildOr(g->b, zero, z, "") : z;
	}
	zero = LLVMBuildAnd(g->b, zero, head64(t, offsetof(struct set_head, quotient.highest)), "");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntNE, zero, cg_c(g, 0), ""), found, missed);
	cg_go(g, found);
	cg_table_answer(t, cg_c(g, 1));
	cg_go(g, missed);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntUGT, word[0], word[SET_QUOTIENT_WORDS - 1], ""), others, t->no);
	cg_go(g, others);
	hash.off = LLVMBuildAdd(g->b, t->off, head32(t, offsetof(struct set_head, quotient.others)), "");
	hash.head = cg_table_at(&hash, cg_c(g, 0), sizeof(struct set_head));
	cg_table_hash(&hash, true);
}
