/*
 * The look-up in merged tuples' hash tables (runtime/table/tuple.h). In: what the packet says of each dimension, and the first entry that
 * stops found so far. Out: the first one of all. A table is skipped where all that it has comes later.
 *
 * What is far from the processor is asked for early, and nothing else waits for it. Of a line's records few have the packet's key, and only these
 * are compared whole, without a branch. Few lines have another one behind them.
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

static V or(struct cg *g, V a, V b)
{
	return bin(g, LLVMOr, a, b);
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

/* Its highest bit is set where @v is not zero. */
static V nonzero(struct cg *g, V v)
{
	return cg_hide(g, or(g, v, bin(g, LLVMSub, cg_c(g, 0), v)));
}

static V part(struct cg *g, V struct_at, size_t off, unsigned bytes)
{
	return cg_load(g, cg_atc(g, struct_at, off), bytes, bytes);
}

static V member(struct cg_tuple *c, unsigned table, size_t off, unsigned bytes)
{
	return part(c->g, cg_image(c->g), c->t->at + table * sizeof(struct tuple_table) + off, bytes);
}

/* A long number's 32 bits for narrow tables; *which is the next one where the number is outside the window. */
static V windowed(struct cg_tuple *c, const struct tuple_window *w, V hi, V lo, V *which)
{
	struct cg *g = c->g;
	struct value above = tuple_bits_above(w->bits, w->shift);
	V is, x, outside;

	if (!w->is)
		return and(g, lo, UINT32_MAX);
	/* all ones where it is this field */
	is = bin(g, LLVMSub, shr(g, nonzero(g, bin(g, LLVMXor, *which, cg_c(g, w->which))), 63), cg_c(g, 1));
	outside = bin(g, LLVMXor, and(g, hi, above.hi), part(g, cg_image(g), w->at + offsetof(struct tuple_above, hi), 8));
	x = bin(g, LLVMXor, and(g, lo, above.lo), part(g, cg_image(g), w->at + offsetof(struct tuple_above, lo), 8));
	outside = shr(g, nonzero(g, or(g, outside, x)), 63);
	*which = bin(g, LLVMAdd, *which, bin(g, LLVMAnd, outside, is));
	if (!w->shift)
		return and(g, lo, UINT32_MAX);
	/* as tuple_within() has it */
	x = w->shift >= 64 ? shr(g, hi, w->shift - 64) : or(g, shr(g, lo, w->shift), shl(g, hi, 64 - w->shift));
	x = bin(g, LLVMAnd, bin(g, LLVMXor, x, lo), is);
	return and(g, bin(g, LLVMXor, lo, x), UINT32_MAX);
}

/* As tuple_packet() has it: numbers have no more bits than their fields, and fields' places no more than fit. */
static void packet(struct cg_tuple *c, const struct cg_dim *said)
{
	struct cg *g = c->g;
	bool wide = false;

	for (unsigned i = 0; i < c->t->n; i++)
		wide |= c->t->wide[i];
	c->narrow = cg_c(g, 0);
	c->shorts = c->which = c->l->blank;
	for (unsigned i = 0; i < TUPLE_WORDS; i++)
		c->wide[i] = cg_c(g, 0);
	for (unsigned i = 0; i < TUPLE_DIMS; i++) {
		unsigned d = c->t->dim[i];
		V which, lo;

		if (d == TUPLE_NONE)
			continue;
		which = cg_said(g, said->which[d]);
		if (i < TUPLE_LONG && !c->t->n) {
			/* what pairs ask of it is its class */
			c->which = or(g, c->which, shl(g, which, TUPLE_WHICH_LANE * i));
			continue;
		}
		lo = cg_said(g, said->lo[d]);
		if (i < TUPLE_LONG) {
			/* it would be read, even where nothing needs it */
			if (wide || c->t->window[i].is)
				c->wide[2 * i] = cg_said(g, said->hi[d]);
			c->wide[2 * i + 1] = lo;
			c->narrow = or(g, c->narrow, shl(g, windowed(c, &c->t->window[i], c->wide[2 * i], lo, &which), 32 * i));
			c->which = or(g, c->which, shl(g, which, TUPLE_WHICH_LANE * i));
		} else {
			which = or(g, shl(g, which, 16), lo);
			c->shorts = or(g, c->shorts, shl(g, which, TUPLE_LANE * (i - TUPLE_LONG)));
		}
	}
}

/* As tuple_hash() has it. */
static V hash(struct cg_tuple *c, unsigned table)
{
	struct cg *g = c->g;
	bool wide = c->t->wide[table];
	V h = c->l->blank;		/* where nothing is hashed the verifier would know the bucket, and what is in it */

	for (unsigned i = 0; i < (wide ? TUPLE_WORDS : 1); i++) {
		V mask = member(c, table, offsetof(struct tuple_table, mask) + 8 * i, 8);

		h = bin(g, LLVMXor, h, bin(g, LLVMAnd, wide ? c->wide[i] : c->narrow, mask));
		h = bin(g, LLVMMul, h, cg_c(g, TUPLE_MIX));
		h = bin(g, LLVMXor, h, shr(g, h, 32));
	}
	h = bin(g, LLVMXor, h, bin(g, LLVMMul, bin(g, LLVMAnd, c->shorts, member(c, table, offsetof(struct tuple_table, shorts), 8)),
				   cg_c(g, TUPLE_SHORT_MIX)));
	return bin(g, LLVMXor, h, shr(g, h, 32));
}

/* Zero where all lanes are in what stands at address @rest; without the number @said, where there is one. */
static V rest_bad(struct cg_tuple *c, V rest, V said)
{
	struct cg *g = c->g;
	V in, which, shorts = said ? bin(g, LLVMXor, c->shorts, said) : c->shorts, guarded = said ? bin(g, LLVMXor, c->guarded, said) : c->guarded;

	in = bin(g, LLVMAnd, bin(g, LLVMSub, guarded, part(g, rest, offsetof(struct tuple_rest, lo), 8)),
		 bin(g, LLVMSub, part(g, rest, offsetof(struct tuple_rest, hi), 8), shorts));
	which = bin(g, LLVMAnd, bin(g, LLVMSub, c->which_guarded, part(g, rest, offsetof(struct tuple_rest, which_lo), 1)),
		    bin(g, LLVMSub, part(g, rest, offsetof(struct tuple_rest, which_hi), 1), c->which));
	in = bin(g, LLVMXor, bin(g, LLVMAnd, in, c->guards), c->guards);
	return or(g, in, bin(g, LLVMXor, and(g, which, TUPLE_WHICH_GUARDS), cg_c(g, TUPLE_WHICH_GUARDS)));
}

V cg_tuple_rest_bad(struct cg_tuple *c, V rest)
{
	return rest_bad(c, rest, NULL);
}

/* Where the packet's bucket begins. */
static V bucket(struct cg_tuple *c, unsigned table)
{
	struct cg *g = c->g;
	V off = shr(g, bin(g, LLVMMul, hash(c, table), cg_c(g, TUPLE_LAST_MIX)), 32);

	/* as tuple_line() has it */
	off = shr(g, bin(g, LLVMMul, off, member(c, table, offsetof(struct tuple_table, n), 4)), 32);
	return bin(g, LLVMAdd, shl(g, off, TUPLE_LINE_SHIFT), member(c, table, offsetof(struct tuple_table, lines), 4));
}

/* Zero where nothing of @x, in which record @i differs from the packet, is asked. */
static V narrow_bad(struct cg_tuple *c, V x, V frees, unsigned i)
{
	struct cg *g = c->g;
	V free[TUPLE_LONG];

	for (unsigned k = 0; k < TUPLE_LONG; k++)
		free[k] = and(g, shr(g, frees, (TUPLE_LONG * i + k) * TUPLE_FREE_BITS), (1 << TUPLE_FREE_BITS) - 1);
	return or(g, bin(g, LLVMLShr, and(g, x, UINT32_MAX), free[0]), bin(g, LLVMLShr, shr(g, x, 32), free[1]));
}

static V wide_bad(struct cg_tuple *c, V line)
{
	struct cg *g = c->g;
	V bad = cg_c(g, 0);

	for (unsigned i = 0; i < TUPLE_WORDS; i++) {
		V x = bin(g, LLVMXor, part(g, line, offsetof(struct tuple_wide, value) + 8 * i, 8), c->wide[i]);
		V free = part(g, line, offsetof(struct tuple_wide, free) + i, 1);
		V asked = bin(g, LLVMSub, cg_c(g, 0), shr(g, free, 7));

		bad = or(g, bad, bin(g, LLVMLShr, bin(g, LLVMAnd, x, asked), and(g, free, 63)));
	}
	return bad;
}

/* Zero where the packet is what record's .rest @rest says. */
static V short_bad(struct cg_tuple *c, unsigned table, V rests, V rest)
{
	struct cg *g = c->g;

	if (c->t->say[table])
		return rest_bad(c, rests, shl(g, rest, TUPLE_LANE * c->t->said));
	rest = bin(g, LLVMAdd, rests, bin(g, LLVMMul, rest, cg_c(g, sizeof(struct tuple_rest))));
	return rest_bad(c, cg_inside(c->l, rest, sizeof(struct tuple_rest)), NULL);
}

/* All of record @i at address @line, whose long numbers are the packet's where @bad is zero. To @next where it matches: a bucket's records ascend, so
 * none behind it is earlier; those of other buckets that are in its lines have other keys. */
static void look_whole(struct cg_tuple *c, unsigned table, V line, unsigned i, V bad, BB none, BB next)
{
	struct cg *g = c->g;
	bool wide = c->t->wide[table];
	V rests = member(c, table, offsetof(struct tuple_table, rests), 4), key, rest;

	key = part(g, line, wide ? offsetof(struct tuple_wide, key) : offsetof(struct tuple_narrow, key) + 4 * i, 4);
	go_if(g, LLVMIntUGE, key, LLVMBuildLoad2(g->b, g->i64, c->best, ""), none, "earlier");
	if (c->t->say[table])
		rests = cg_inside(c->l, rests, sizeof(struct tuple_rest));
	rest = part(g, line, wide ? offsetof(struct tuple_wide, rest) : offsetof(struct tuple_narrow, rest) + 2 * i, 2);
	go_if(g, LLVMIntNE, or(g, bad, short_bad(c, table, rests, rest)), cg_c(g, 0), none, "it matches");
	LLVMBuildStore(g->b, key, c->best);
	LLVMBuildBr(g->b, next);
}

/* The records at address @line: .best; in a new current block where there may be more in the table. Most are another key's: the bits that are
 * hashed tell, and the rest of them is not looked at. */
static void look_at(struct cg_tuple *c, unsigned table, V line, BB next)
{
	struct cg *g = c->g;
	bool wide = c->t->wide[table];
	V frees = wide ? NULL : part(g, line, offsetof(struct tuple_narrow, free), 8);
	V mask = wide ? NULL : member(c, table, offsetof(struct tuple_table, mask), 8);

	for (unsigned i = 0; i < (wide ? 1 : TUPLE_RECORDS); i++) {
		BB none = cg_block(g, "another");
		V x = wide ? wide_bad(c, line) : bin(g, LLVMXor, part(g, line, offsetof(struct tuple_narrow, value) + 8 * i, 8), c->narrow);

		/* a long chain of wide ones would be walked by the verifier in too many ways */
		if (!wide)
			go_if(g, LLVMIntNE, bin(g, LLVMAnd, x, mask), cg_c(g, 0), none, "its key");
		look_whole(c, table, line, i, wide ? x : narrow_bad(c, x, frees, i), none, next);
		cg_place(g, none);
	}
}

/* 1 and the line that follows, in a new current block; else to @next: there is none, or that cannot have anything earlier. */
static V following(struct cg_tuple *c, bool wide, V line, BB next)
{
	struct cg *g = c->g;
	size_t last = wide ? offsetof(struct tuple_wide, key) : offsetof(struct tuple_narrow, key) + 4 * (TUPLE_RECORDS - 1);
	V more = part(g, line, wide ? offsetof(struct tuple_wide, next) : offsetof(struct tuple_narrow, free), wide ? 4 : 8);

	more = wide ? more : shr(g, more, TUPLE_NEXT_AT);
	go_if(g, LLVMIntEQ, more, cg_c(g, 0), next, "more");
	go_if(g, LLVMIntUGE, part(g, line, last, 4), LLVMBuildLoad2(g->b, g->i64, c->best, ""), next, "earlier");
	return more;
}

/* The bucket at address @line, and what follows. */
static void look_on(struct cg_tuple *c, unsigned table, V first, BB next)
{
	struct cg *g = c->g;
	bool wide = c->t->wide[table];
	BB before = LLVMGetInsertBlock(g->b), look = cg_block(g, "line"), again;
	V line, more, k = cg_alloca(g, g->i64, "lines"), n;

	LLVMBuildStore(g->b, cg_c(g, 0), k);
	LLVMBuildBr(g->b, look);
	cg_place(g, look);
	line = LLVMBuildPhi(g->b, g->ptr, "");
	LLVMAddIncoming(line, &first, &before, 1);
	look_at(c, table, line, next);
	more = following(c, wide, line, next);
	n = LLVMBuildAdd(g->b, LLVMBuildLoad2(g->b, g->i64, k, ""), cg_c(g, 1), "");
	go_if(g, LLVMIntEQ, n, cg_c(g, wide ? TUPLE_WIDE_CHAIN : TUPLE_CHAIN), next, "in bounds");
	LLVMBuildStore(g->b, n, k);
	more = shl(g, bin(g, LLVMSub, more, cg_c(g, 1)), TUPLE_LINE_SHIFT);
	more = cg_inside(c->l, bin(g, LLVMAdd, more, member(c, table, offsetof(struct tuple_table, others), 4)), TUPLE_LINE);
	again = LLVMGetInsertBlock(g->b);
	LLVMBuildBr(g->b, look);
	LLVMAddIncoming(line, &more, &again, 1);
}

/* @done: none of the tables from this one on has anything earlier. */
static void table(struct cg_tuple *c, unsigned i, BB next, BB done)
{
	struct cg *g = c->g;
	V key = LLVMBuildLoad2(g->b, g->i64, c->best, ""), best = shr(g, key, 8), line = i < CG_TUPLE_EARLY ? c->early[i] : NULL;

	go_if(g, LLVMIntUGE, member(c, i, offsetof(struct tuple_table, first), 4), best, done, "table");
	if (i >= c->t->early)
		go_if(g, LLVMIntNE, bin(g, LLVMAnd, key, member(c, i, offsetof(struct tuple_table, skip), 4)), cg_c(g, 0), done, "may be earlier");
	look_on(c, i, line ? line : cg_inside(c->l, bucket(c, i), TUPLE_LINE), next);
}

void cg_tuple_begin(struct cg_tuple *c, struct cg_lookup *l, const struct tuple *t, const struct cg_dim *said)
{
	struct cg *g = l->g;

	*c = (struct cg_tuple){ .l = l, .g = g, .t = t };
	packet(c, said);
	c->guards = cg_hide(g, cg_c(g, TUPLE_GUARDS));
	c->guarded = or(g, c->shorts, c->guards);
	c->which_guarded = or(g, c->which, cg_c(g, TUPLE_WHICH_GUARDS));
	/* where there are pairs, most packets need no table */
	for (unsigned i = 0; !t->pair.is && i < t->n && i < t->early && i < CG_TUPLE_EARLY; i++) {
		c->early[i] = cg_inside(l, bucket(c, i), TUPLE_LINE);
		LLVMSetVolatile(LLVMBuildLoad2(g->b, g->i64, c->early[i], ""), 1);
	}
}

V cg_tuple_late(struct cg_tuple *c, V best)
{
	struct cg *g = c->g;
	V behind = LLVMBuildICmp(g->b, LLVMIntUGE, cg_described(g, c->t->rest), and(g, best, TUPLE_END), "");
	V key = LLVMBuildLoad2(g->b, g->i64, c->best, "");

	/* only tables' records say it */
	return c->t->n ? or(g, LLVMBuildICmp(g->b, LLVMIntNE, and(g, key, TUPLE_NO_REST), cg_c(g, 0), ""), behind) : behind;
}

V cg_tuple_best(struct cg_tuple *c)
{
	struct cg *g = c->g;
	V key = LLVMBuildLoad2(g->b, g->i64, c->best, "");

	/* as tuple_word() has it */
	return or(g, shr(g, key, 8), shl(g, and(g, key, TUPLE_WORD_BITS), 24));
}

V cg_tuple_find(struct cg_tuple *c, const struct cg_dim *said, V best, BB sure)
{
	struct cg *g = c->g;
	BB done = cg_block(g, "tables done");

	c->best = cg_alloca(g, g->i64, "best");
	/* as tuple_key() has it */
	LLVMBuildStore(g->b, or(g, and(g, shl(g, best, 8), UINT32_MAX), shr(g, best, 24)), c->best);
	if (c->t->pair.is)
		cg_pair_find(c, said, sure ? sure : done);
	for (unsigned i = 0; i < c->t->n; i++) {
		BB next = i + 1 < c->t->n ? cg_block(g, "next table") : done;

		table(c, i, next, done);
		if (next != done)
			cg_place(g, next);
	}
	if (!c->t->n)
		LLVMBuildBr(g->b, done);
	cg_place(g, done);
	return cg_tuple_best(c);
}
