/*
 * The look-up in merged tuples' hash tables (runtime/table/tuple.h). In: what the packet says of each dimension, and the first entry that
 * stops found so far. Out: the first one of all. A table is skipped where all that it has comes later.
 *
 * Buckets are short, and a loop over one has a fixed end besides, so that the verifier knows it.
 */
#include "codegen_classify.h"

#include <stddef.h>

static V bin(struct cg *g, LLVMOpcode op, V a, V b)
{
	return LLVMBuildBinOp(g->b, op, a, b, "");
}

static V and(struct cg *g, V a, uint64_t mask)
{
	return bin(g, LLVMAnd, a, cg_c(g, mask));
}

static V shl(struct cg *g, V a, unsigned n)
{
	return n ? bin(g, LLVMShl, a, cg_c(g, n)) : a;
}

static V shr(struct cg *g, V a, unsigned n)
{
	return n ? bin(g, LLVMLShr, a, cg_c(g, n)) : a;
}

static void go_if(struct cg *g, LLVMIntPredicate p, V a, V b, BB there, const char *else_here)
{
	BB here = cg_block(g, else_here);

	cg_branch(g, LLVMBuildICmp(g->b, p, a, b, ""), there, here);
	cg_place(g, here);
}

static V best_index(struct cg_tuple *c)
{
	return and(c->g, LLVMBuildLoad2(c->g->b, c->g->i64, c->best, ""), TUPLE_END);
}

void cg_tuple_words(struct cg_tuple *c, struct cg_lookup *l, const struct tuple *t, const struct cg_dim *said)
{
	struct cg *g = l->g;

	*c = (struct cg_tuple){ .l = l, .g = g, .t = t };
	for (unsigned i = 0; i < TUPLE_WORDS; i++)
		c->w[0][i] = c->w[1][i] = cg_c(g, 0);
	c->shorts = l->blank;
	for (unsigned i = 0; i < TUPLE_DIMS; i++) {
		unsigned d = c->t->dim[i];

		if (d == TUPLE_NONE)
			continue;
		c->shorts = bin(g, LLVMOr, c->shorts, shl(g, and(g, cg_said(g, said->which[d]), 7), TUPLE_WHICH_AT + TUPLE_WHICH_BITS * i));
		if (i >= TUPLE_LONG) {
			c->shorts = bin(g, LLVMOr, c->shorts, shl(g, and(g, cg_said(g, said->lo[d]), UINT16_MAX), 16 * (i - TUPLE_LONG)));
			continue;
		}
		c->w[0][0] = bin(g, LLVMOr, c->w[0][0], shl(g, and(g, cg_said(g, said->lo[d]), UINT32_MAX), 32 * i));
		c->w[1][2 * i] = cg_said(g, said->hi[d]);
		c->w[1][2 * i + 1] = cg_said(g, said->lo[d]);
	}
	c->w[0][TUPLE_NARROW_WORDS - 1] = c->w[1][TUPLE_WORDS - 1] = c->shorts;
}

static V member(struct cg_tuple *c, unsigned table, size_t off, unsigned bytes)
{
	return cg_load(c->g, cg_atc(c->g, cg_image(c->g), c->t->at + table * sizeof(struct tuple_table) + off), bytes, bytes);
}

/* As tuple_hash() has it. */
static V hash(struct cg_tuple *c, unsigned table)
{
	struct cg *g = c->g;
	bool wide = c->t->wide[table];
	V h = c->l->blank;		/* where nothing is hashed the verifier would know the bucket, and what is in it */

	for (unsigned i = 0; i < (wide ? TUPLE_WORDS : TUPLE_NARROW_WORDS); i++) {
		V mask = member(c, table, offsetof(struct tuple_table, mask) + 8 * i, 8);

		h = bin(g, LLVMXor, h, bin(g, LLVMAnd, c->w[wide][i], mask));
		h = bin(g, LLVMMul, h, cg_c(g, TUPLE_MIX));
		h = bin(g, LLVMXor, h, shr(g, h, 32));
	}
	return h;
}

static V part(struct cg_tuple *c, V record, size_t off, unsigned bytes)
{
	return cg_load(c->g, cg_atc(c->g, record, off), bytes, bytes);
}

/* Not zero where the short word is not as the record wants it; @at: of its struct tuple_rest. */
static V rest_bad(struct cg_tuple *c, V record, size_t at)
{
	struct cg *g = c->g;
	V bad = bin(g, LLVMXor, shr(g, c->shorts, TUPLE_WHICH_AT), part(c, record, at + offsetof(struct tuple_rest, which), 2));

	bad = bin(g, LLVMAnd, bad, part(c, record, at + offsetof(struct tuple_rest, which_mask), 2));
	for (unsigned i = 0; i < TUPLE_SHORT; i++) {
		V lo = part(c, record, at + offsetof(struct tuple_rest, lo) + 2 * i, 2);
		V span = part(c, record, at + offsetof(struct tuple_rest, span) + 2 * i, 2);
		V beyond = and(g, bin(g, LLVMSub, shr(g, c->shorts, 16 * i), lo), UINT16_MAX);

		bad = bin(g, LLVMOr, bad, shr(g, bin(g, LLVMSub, span, beyond), 63));
	}
	return bad;
}

static V narrow_bad(struct cg_tuple *c, V record)
{
	struct cg *g = c->g;
	V x = bin(g, LLVMXor, part(c, record, offsetof(struct tuple_narrow, value), 8), c->w[0][0]);
	V bad = rest_bad(c, record, offsetof(struct tuple_narrow, rest));

	bad = bin(g, LLVMOr, bad, bin(g, LLVMLShr, and(g, x, UINT32_MAX), part(c, record, offsetof(struct tuple_narrow, free), 1)));
	return bin(g, LLVMOr, bad, bin(g, LLVMLShr, shr(g, x, 32), part(c, record, offsetof(struct tuple_narrow, free) + 1, 1)));
}

static V wide_bad(struct cg_tuple *c, V record)
{
	struct cg *g = c->g;
	V bad = rest_bad(c, record, offsetof(struct tuple_wide, rest));

	for (unsigned i = 0; i < 2 * TUPLE_LONG; i++) {
		V x = bin(g, LLVMXor, part(c, record, offsetof(struct tuple_wide, value) + 8 * i, 8), c->w[1][i]);
		V free = part(c, record, offsetof(struct tuple_wide, free) + i, 1);
		V asked = bin(g, LLVMSub, cg_c(g, 0), shr(g, free, 7));

		bad = bin(g, LLVMOr, bad, bin(g, LLVMLShr, bin(g, LLVMAnd, x, asked), and(g, free, 63)));
	}
	return bad;
}

/* 1 where @v is not zero. */
static V nonzero(struct cg *g, V v)
{
	return shr(g, bin(g, LLVMOr, v, bin(g, LLVMSub, cg_c(g, 0), v)), 63);
}

/* The record at address @record: where it matches, or is later than the best, to @next. One branch for both, which are as likely: each is a
 * state for the verifier, and cannot be foreseen. */
static void look_at(struct cg_tuple *c, bool wide, V record, BB next)
{
	struct cg *g = c->g;
	size_t rest = wide ? offsetof(struct tuple_wide, rest) : offsetof(struct tuple_narrow, rest);
	V word = part(c, record, rest + offsetof(struct tuple_rest, word), 4), later, bad, best;
	BB settled = cg_block(g, "settled"), other = cg_block(g, "other record");

	later = bin(g, LLVMSub, best_index(c), bin(g, LLVMAdd, and(g, word, TUPLE_END), cg_c(g, 1)));
	later = cg_hide(g, shr(g, later, 63));
	bad = cg_hide(g, nonzero(g, wide ? wide_bad(c, record) : narrow_bad(c, record)));
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntULE, bad, later, ""), settled, other);
	cg_place(g, settled);
	best = LLVMBuildLoad2(g->b, g->i64, c->best, "");
	word = bin(g, LLVMAnd, bin(g, LLVMXor, best, word), bin(g, LLVMSub, later, cg_c(g, 1)));
	LLVMBuildStore(g->b, bin(g, LLVMXor, best, word), c->best);
	LLVMBuildBr(g->b, next);
	cg_place(g, other);
}

/* The @n records from the one at offset @first on. */
static void look_on(struct cg_tuple *c, bool wide, V first, V n, BB next)
{
	struct cg *g = c->g;
	size_t size = wide ? sizeof(struct tuple_wide) : sizeof(struct tuple_narrow);
	V at = cg_alloca(g, g->i64, "at"), i = cg_alloca(g, g->i64, "i"), k, off;
	BB look = cg_block(g, "record"), again = cg_block(g, "again");

	LLVMBuildStore(g->b, first, at);
	LLVMBuildStore(g->b, cg_c(g, 0), i);
	LLVMBuildBr(g->b, look);
	cg_place(g, look);
	k = LLVMBuildLoad2(g->b, g->i64, i, "");
	go_if(g, LLVMIntUGE, k, n, next, "more");
	off = LLVMBuildLoad2(g->b, g->i64, at, "");
	look_at(c, wide, cg_inside(c->l, off, (unsigned)size), next);
	k = LLVMBuildAdd(g->b, k, cg_c(g, 1), "");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, k, cg_c(g, TUPLE_MAX_BUCKET), ""), next, again);
	cg_place(g, again);
	LLVMBuildStore(g->b, k, i);
	LLVMBuildStore(g->b, LLVMBuildAdd(g->b, off, cg_c(g, size), ""), at);
	LLVMBuildBr(g->b, look);
}

/* The bucket at address @line, and those of the table's other records that it names. */
static void bucket(struct cg_tuple *c, unsigned table, V line, BB next)
{
	struct cg *g = c->g;
	bool wide = c->t->wide[table];
	V more, at;

	look_at(c, wide, line, next);
	if (wide) {
		more = part(c, line, offsetof(struct tuple_wide, more), 4);
	} else {
		look_at(c, wide, cg_atc(g, line, sizeof(struct tuple_narrow)), next);
		more = part(c, line, offsetof(struct tuple_narrow, more), 2);
		more = bin(g, LLVMOr, more, shl(g, part(c, line, sizeof(struct tuple_narrow) + offsetof(struct tuple_narrow, more), 2), 16));
	}
	at = shl(g, and(g, more, 0xffffff), wide ? TUPLE_WIDE_SHIFT : TUPLE_NARROW_SHIFT);
	at = bin(g, LLVMAdd, at, member(c, table, offsetof(struct tuple_table, others), 4));
	look_on(c, wide, at, shr(g, more, 24), next);
}

/* @done: none of the tables from this one on has anything earlier. */
static void table(struct cg_tuple *c, unsigned i, BB next, BB done)
{
	struct cg *g = c->g;
	V which, off;

	go_if(g, LLVMIntUGE, member(c, i, offsetof(struct tuple_table, first), 4), best_index(c), done, "table");
	which = bin(g, LLVMXor, shr(g, c->shorts, TUPLE_WHICH_AT), member(c, i, offsetof(struct tuple_table, which), 2));
	which = bin(g, LLVMAnd, which, member(c, i, offsetof(struct tuple_table, which_mask), 2));
	go_if(g, LLVMIntNE, which, cg_c(g, 0), next, "its fields");
	/* as tuple_line() has it */
	off = shr(g, bin(g, LLVMMul, hash(c, i), cg_c(g, TUPLE_LAST_MIX)), 32);
	off = shr(g, bin(g, LLVMMul, off, member(c, i, offsetof(struct tuple_table, n), 4)), 32);
	off = bin(g, LLVMMul, off, cg_c(g, TUPLE_LINE));
	off = bin(g, LLVMAdd, off, member(c, i, offsetof(struct tuple_table, lines), 4));
	bucket(c, i, cg_inside(c->l, off, TUPLE_LINE), next);
}

V cg_tuple_find(struct cg_tuple *c, V best)
{
	struct cg *g = c->g;
	BB done = cg_block(g, "tables done");

	c->best = cg_alloca(g, g->i64, "best");
	LLVMBuildStore(g->b, best, c->best);
	for (unsigned i = 0; i < c->t->n; i++) {
		BB next = i + 1 < c->t->n ? cg_block(g, "next table") : done;

		table(c, i, next, done);
		if (next != done)
			cg_place(g, next);
	}
	if (!c->t->n)
		LLVMBuildBr(g->b, done);
	cg_place(g, done);
	return LLVMBuildLoad2(g->b, g->i64, c->best, "");
}
