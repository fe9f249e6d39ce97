/*
 * Merged tuples: what of the rules tables can hold. In: terms of entries that stop. Out: terms that ask for high bits of at most two long
 * numbers and ranges of at most three short ones, one for each way that the rule allows if these are few.
 */
#include "classify_tuple.h"

#include <stdlib.h>
#include <string.h>

enum { WAYS = 16 };			/* terms that one is made into, at most */

/* The dimensions that most terms ask of. */
static void choose_dims(struct tuple_build *b)
{
	const struct classify_rules *r = b->t->r;
	size_t asked[CLASSIFY_MAX_DIMS] = { 0 };

	for (size_t i = 0; i < r->term.n; i++)
		for (size_t k = 0; k < r->term.v[i].n; k++)
			asked[r->term.v[i].part[k].dim]++;
	for (unsigned i = 0; i < TUPLE_DIMS; i++) {
		unsigned best = TUPLE_NONE;

		for (unsigned d = 0; d < r->n_dims; d++)
			if (asked[d] && r->dim[d].n < 1 << TUPLE_WHICH_BITS && (classify_widest(&r->dim[d]) > 16) == (i < TUPLE_LONG) &&
			    (best == TUPLE_NONE || asked[d] > asked[best]))
				best = d;
		b->dim[i] = best;
		if (best != TUPLE_NONE)
			asked[best] = 0;
	}
}

/* One of the ways in which a part can hold. */
struct way {
	unsigned which;
	struct value lo;
	uint8_t free;
	uint16_t hi;
	bool wide;
};

struct ways {
	struct way v[WAYS];
	size_t n;
	bool many;
};

static void add_way(struct ways *w, const struct way *x)
{
	if (w->n == WAYS)
		w->many = true;
	else
		w->v[w->n++] = *x;
}

static unsigned __int128 number(struct value v)
{
	return (unsigned __int128)v.hi << 64 | v.lo;
}

static unsigned low_zeros(unsigned __int128 x)
{
	return (uint64_t)x ? (unsigned)__builtin_ctzll((uint64_t)x) : x >> 64 ? 64 + (unsigned)__builtin_ctzll((uint64_t)(x >> 64)) : 128;
}

/* A range as blocks of numbers that share their high bits. */
static void add_blocks(struct ways *w, unsigned which, struct value lo, struct value hi, unsigned bits)
{
	unsigned __int128 from = number(lo), last = number(hi);

	for (;;) {
		unsigned free = low_zeros(from) < bits ? low_zeros(from) : bits;
		struct way x = { .which = which, .lo = { (uint64_t)(from >> 64), (uint64_t)from }, .wide = bits > 32 };
		unsigned __int128 rest;

		while (free && number(value_ones(free)) > last - from)
			free--;
		x.free = (uint8_t)free;
		add_way(w, &x);
		rest = number(value_ones(free));
		if (w->many || last - from <= rest)
			return;
		from += rest + 1;
	}
}

static void part_ways(const struct classify_dim *d, const struct classify_part *p, bool is_long, struct ways *w)
{
	if (p->absent)
		add_way(w, &(struct way){ .free = TUPLE_ANY, .hi = UINT16_MAX });
	for (unsigned f = 0; f < d->n; f++) {
		struct range all = { .hi = value_ones(d->field[f].bits) };
		size_t n = p->in[f].any ? 1 : p->in[f].n;

		for (size_t i = 0; i < n && !w->many; i++) {
			const struct range *r = p->in[f].any ? &all : &p->in[f].r[i];

			if (is_long)
				add_blocks(w, f + 1, r->lo, r->hi, d->field[f].bits);
			else
				add_way(w, &(struct way){ .which = f + 1, .lo = r->lo, .hi = (uint16_t)r->hi.lo });
		}
	}
}

static void put_way(struct tuple_term *x, unsigned i, const struct way *w)
{
	if (i < TUPLE_LONG) {
		x->value[i] = w->lo;
		x->free[i] = w->free;
		x->which_lo[i] = x->which_hi[i] = (uint8_t)w->which;
		x->wide |= w->wide && w->free < TUPLE_ANY;
	} else {
		x->lo[i - TUPLE_LONG] = w->which << 16 | (uint32_t)w->lo.lo;
		x->hi[i - TUPLE_LONG] = w->which << 16 | w->hi;
	}
}

/* @x and what the parts from dimension @i on allow, by all ways. */
static void add_terms(struct tuple_build *b, const struct ways *ways, unsigned i, const struct tuple_term *x)
{
	if (i == TUPLE_DIMS) {
		*vec_add(b->t->a, &b->term) = *x;
		return;
	}
	if (!ways[i].n)
		add_terms(b, ways, i + 1, x);
	for (size_t k = 0; k < ways[i].n; k++) {
		struct tuple_term y = *x;

		put_way(&y, i, &ways[i].v[k]);
		add_terms(b, ways, i + 1, &y);
	}
}

static unsigned place_of(const struct tuple_build *b, unsigned dim)
{
	unsigned i = 0;

	while (i < TUPLE_DIMS && b->dim[i] != dim)
		i++;
	return i;
}

/* false: no table can hold it. A term that nothing matches is none at all. */
static bool add_term(struct tuple_build *b, uint32_t place)
{
	const struct classify_term *t = &b->t->r->term.v[place];
	struct tuple_term x = { .term = place, .entry = t->entry, .free = { TUPLE_ANY, TUPLE_ANY },
				.which_hi = { TUPLE_WHICH_MOST, TUPLE_WHICH_MOST },
				.hi = { TUPLE_LANE_MOST, TUPLE_LANE_MOST, TUPLE_LANE_MOST } };
	struct ways ways[TUPLE_DIMS] = { 0 };
	size_t n = 1;

	if (!b->t->r->entry.v[t->entry].stops)
		return false;
	for (size_t k = 0; k < t->n; k++) {
		unsigned i = place_of(b, t->part[k].dim);

		if (i == TUPLE_DIMS)
			return false;
		part_ways(&b->t->r->dim[b->dim[i]], &t->part[k], i < TUPLE_LONG, &ways[i]);
		n *= ways[i].n;
		if (ways[i].many || n > WAYS)
			return false;
	}
	if (n)
		add_terms(b, ways, 0, &x);
	return true;
}

bool tuple_terms(struct tuple_build *b)
{
	size_t n = b->t->r->term.n;

	choose_dims(b);
	for (size_t i = 0; i < n; i++)
		if (!add_term(b, (uint32_t)i))
			*vec_add(b->t->a, &b->other) = (uint32_t)i;
	b->left = arena_array(b->t->a, b->term.n, sizeof(*b->left));
	b->n_left = b->term.n;
	for (size_t i = 0; i < b->term.n; i++)
		b->left[i] = (uint32_t)i;
	return tuple_narrow(b);
}

bool tuple_fits(const struct tuple_shape *s, const struct tuple_term *x)
{
	if (x->wide != s->wide || x->says != s->says || x->rest / TUPLE_RESTS != s->rests)
		return false;
	for (unsigned i = 0; i < TUPLE_LONG; i++)
		if (s->free[i] < (s->wide ? TUPLE_ANY : 32) && x->free[i] > s->free[i])
			return false;
	for (unsigned i = 0; i < TUPLE_SHORT; i++)
		if (s->exact >> i & 1 && x->lo[i] != x->hi[i])
			return false;
	return true;
}

static uint64_t high_bits(unsigned from)
{
	return from < 64 ? UINT64_MAX << from : 0;
}

void tuple_shape_masks(const struct tuple_shape *s, uint64_t mask[TUPLE_WORDS], uint64_t *shorts)
{
	memset(mask, 0, TUPLE_WORDS * sizeof(*mask));
	*shorts = 0;
	for (unsigned i = 0; i < TUPLE_LONG; i++) {
		unsigned free = s->free[i];

		if (s->wide) {
			mask[2 * i] = high_bits(free > 64 ? free - 64 : 0);
			mask[2 * i + 1] = high_bits(free);
		} else {
			mask[0] |= (high_bits(free) & UINT32_MAX) << 32 * i;
		}
	}
	for (unsigned i = 0; i < TUPLE_SHORT; i++)
		if (s->exact >> i & 1)
			*shorts |= (uint64_t)TUPLE_LANE_MOST << TUPLE_LANE * i;
}

uint64_t tuple_term_hash(const struct tuple_table *d, const struct tuple_shape *s, const struct tuple_term *x)
{
	struct tuple_packet p = { .narrow = (x->value[0].lo & UINT32_MAX) | x->value[1].lo << 32 };

	for (unsigned i = 0; i < TUPLE_LONG; i++) {
		p.wide[2 * i] = x->value[i].hi;
		p.wide[2 * i + 1] = x->value[i].lo;
	}
	for (unsigned i = 0; i < TUPLE_SHORT; i++)
		p.shorts |= (uint64_t)x->lo[i] << TUPLE_LANE * i;
	return tuple_hash(d, s->wide, &p);
}
