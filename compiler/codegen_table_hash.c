/*
 * Look-up in a hash table of exact keys. In: a key. Out: the buckets in which it can be, at most SET_HASH_PROBES, until it is found or one has room.
 * Narrow keys are compared all at once, without a branch; of wide ones the first words, since that is where others differ.
 */
#include "codegen_table.h"

static V hash(struct cg_table *t)
{
	struct cg *g = t->g;
	V h = cg_table_head(t, offsetof(struct set_head, hash.seed), 8);

	for (unsigned k = 0; k < t->words; k++) {
		h = LLVMBuildMul(g->b, LLVMBuildXor(g->b, h, t->key[k], ""), cg_c(g, SET_HASH_WORD), "");
		h = LLVMBuildXor(g->b, h, LLVMBuildLShr(g->b, h, cg_c(g, SET_HASH_SHIFT), ""), "");
	}
	h = LLVMBuildLShr(g->b, LLVMBuildMul(g->b, h, cg_c(g, SET_HASH_LAST), ""), cg_c(g, 32), "");
	h = LLVMBuildMul(g->b, h, cg_table_head(t, offsetof(struct set_head, hash.buckets), 4), "");
	return LLVMBuildLShr(g->b, h, cg_c(g, 32), "");
}

/* All words of it, or-ed. */
static V whole(struct cg_table *t, V p)
{
	V v = NULL;

	for (unsigned k = 0; k < t->words; k++) {
		V w = p ? cg_load(t->g, cg_atc(t->g, p, 8 * k), 8, 8) : t->key[k];

		v = v ? LLVMBuildOr(t->g->b, v, w, "") : w;
	}
	return v;
}

static V is_zero(struct cg *g, V v)
{
	return LLVMBuildICmp(g->b, LLVMIntEQ, v, cg_c(g, 0), "");
}

/* Goes to @found, or on; what the last slot holds. */
static V narrow_bucket(struct cg_table *t, V p, unsigned slots, BB found)
{
	struct cg *g = t->g;
	BB on = cg_block(g, "not here");
	V all = NULL, last = NULL;

	for (unsigned i = 0; i < slots; i++) {
		V differs;

		last = cg_load(g, cg_atc(g, p, 4 * i), 4, 4);
		/* bit 32 where they differ */
		differs = LLVMBuildAdd(g->b, LLVMBuildXor(g->b, last, t->key[0], ""), cg_c(g, UINT32_MAX), "");
		all = all ? LLVMBuildAnd(g->b, all, differs, "") : differs;
	}
	cg_branch(g, is_zero(g, LLVMBuildLShr(g->b, cg_hide(g, all), cg_c(g, 32), "")), found, on);
	cg_go(g, on);
	return last;
}

/* Which of them it was. */
static V narrow_slot(struct cg_table *t, V p, unsigned slots)
{
	struct cg *g = t->g;
	V n = cg_c(g, slots * (slots - 1) / 2);

	for (unsigned i = 1; i < slots; i++) {
		V differs = LLVMBuildXor(g->b, cg_load(g, cg_atc(g, p, 4 * i), 4, 4), t->key[0], "");

		differs = LLVMBuildLShr(g->b, cg_hide(g, LLVMBuildAdd(g->b, differs, cg_c(g, UINT32_MAX), "")), cg_c(g, 32), "");
		n = LLVMBuildSub(g->b, n, LLVMBuildMul(g->b, differs, cg_c(g, i), ""), "");
	}
	return n;
}

/* @slot_found: NULL, or in @found: which one it was. */
static V wide_bucket(struct cg_table *t, V p, unsigned slots, BB found, V slot_found)
{
	struct cg *g = t->g;
	V last = NULL;

	for (unsigned i = 0; i < slots; i++) {
		BB on = cg_block(g, "next slot"), rest = t->words > 1 ? cg_block(g, "other words") : found;
		V slot = cg_atc(g, p, 8 * t->words * i), differ = NULL, number = cg_c(g, i);

		if (slot_found && rest == found)
			LLVMAddIncoming(slot_found, &number, (BB[]){ LLVMGetInsertBlock(g->b) }, 1);
		cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, cg_load(g, slot, 8, 8), t->key[0], ""), rest, on);
		if (rest != found) {
			cg_go(g, rest);
			for (unsigned k = 1; k < t->words; k++) {
				V d = LLVMBuildXor(g->b, cg_load(g, cg_atc(g, slot, 8 * k), 8, 8), t->key[k], "");

				differ = differ ? LLVMBuildOr(g->b, differ, d, "") : d;
			}
			if (slot_found)
				LLVMAddIncoming(slot_found, &number, (BB[]){ LLVMGetInsertBlock(g->b) }, 1);
			cg_branch(g, is_zero(g, differ), found, on);
		}
		cg_go(g, on);
		if (i + 1 == slots)
			last = whole(t, slot);
	}
	return last;
}

void cg_table_hash(struct cg_table *t, bool narrow)
{
	struct cg *g = t->g;
	unsigned bits = narrow ? 32 : 64 * t->words, slots = set_hash_slots(bits), bytes = slots * set_hash_slot_bytes(bits);
	BB zero = cg_block(g, "key of zeros"), some = cg_block(g, "other key"), loop = cg_block(g, "bucket"), full = cg_block(g, "bucket full");
	BB more = cg_block(g, "more buckets"), found = cg_block(g, "found"), here;
	V first, i, next, p, last, probes, slot = NULL, is;

	cg_branch(g, is_zero(g, whole(t, NULL)), zero, some);
	cg_go(g, zero);
	is = cg_table_head(t, offsetof(struct set_head, hash.zero), 8);
	cg_table_answer(t, t->states ? LLVMBuildMul(g->b, is, LLVMBuildAdd(g->b, t->states, cg_c(g, 1), ""), "") : is);
	cg_go(g, some);
	first = hash(t);
	probes = cg_table_head(t, offsetof(struct set_head, hash.probes), 4);
	here = LLVMGetInsertBlock(g->b);
	LLVMBuildBr(g->b, loop);
	cg_go(g, loop);
	i = LLVMBuildPhi(g->b, g->i64, "");
	p = LLVMBuildMul(g->b, LLVMBuildAdd(g->b, first, i, ""), cg_c(g, bytes), "");
	p = cg_table_at(t, LLVMBuildAdd(g->b, p, cg_c(g, sizeof(struct set_head)), ""), bytes);
	if (t->states && !narrow) {
		BB bucket = LLVMGetInsertBlock(g->b);

		cg_go(g, found);
		slot = LLVMBuildPhi(g->b, g->i64, "");
		cg_go(g, bucket);
	}
	/* a branch on whether it is there: where it is guessed right, what comes behind need not wait for memory */
	last = narrow ? narrow_bucket(t, p, slots, found) : wide_bucket(t, p, slots, found, slot);
	cg_branch(g, is_zero(g, last), t->no, full);
	cg_go(g, full);
	next = LLVMBuildAdd(g->b, i, cg_c(g, 1), "");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntULT, next, probes, ""), more, t->no);
	/* the verifier knows no number of the head's */
	cg_go(g, more);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntULT, next, cg_c(g, SET_HASH_PROBES), ""), loop, t->no);
	LLVMAddIncoming(i, (V[]){ cg_c(g, 0), next }, (BB[]){ here, more }, 2);
	cg_go(g, found);
	if (!t->states) {
		cg_table_answer(t, cg_c(g, 1));
		return;
	}
	is = LLVMBuildMul(g->b, LLVMBuildAdd(g->b, first, i, ""), cg_c(g, slots), "");
	is = LLVMBuildAdd(g->b, is, narrow ? narrow_slot(t, p, slots) : slot, "");
	/* in front of the slots' is that of zeros */
	cg_table_answer(t, LLVMBuildAdd(g->b, t->states, LLVMBuildAdd(g->b, is, cg_c(g, 2), ""), ""));
}
