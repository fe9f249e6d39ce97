/*
 * Merged tuples: what of the rules tables can hold, and the tables as bytes. In: terms of entries that stop. Out: terms that ask for high bits
 * of at most two long numbers and ranges of at most three short ones, one for each way that the rule allows if these are few; of the tables
 * which were chosen, their image.
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
	x->which |= (uint16_t)(w->which << TUPLE_WHICH_BITS * i);
	x->which_mask |= (uint16_t)(7 << TUPLE_WHICH_BITS * i);
	if (i < TUPLE_LONG) {
		x->value[i] = w->lo;
		x->free[i] = w->free;
		x->wide |= w->wide;
	} else {
		x->lo[i - TUPLE_LONG] = (uint16_t)w->lo.lo;
		x->hi[i - TUPLE_LONG] = w->hi;
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
	struct tuple_term x = { .term = place, .entry = t->entry, .free = { TUPLE_ANY, TUPLE_ANY }, .hi = { UINT16_MAX, UINT16_MAX, UINT16_MAX } };
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

void tuple_terms(struct tuple_build *b)
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
}

bool tuple_fits(const struct tuple_shape *s, const struct tuple_term *x)
{
	if (x->wide != s->wide)
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

void tuple_shape_masks(const struct tuple_shape *s, uint64_t *mask)
{
	unsigned n = s->wide ? TUPLE_WORDS : TUPLE_NARROW_WORDS;

	memset(mask, 0, TUPLE_WORDS * sizeof(*mask));
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
			mask[n - 1] |= (uint64_t)UINT16_MAX << 16 * i;
}

uint64_t tuple_term_hash(const uint64_t *mask, const struct tuple_shape *s, const struct tuple_term *x)
{
	uint64_t shorts = x->lo[0] | (uint64_t)x->lo[1] << 16 | (uint64_t)x->lo[2] << 32, h = 0;

	if (!s->wide) {
		h = tuple_mix(h, (x->value[0].lo | x->value[1].lo << 32) & mask[0]);
		return tuple_mix(h, shorts & mask[1]);
	}
	for (unsigned i = 0; i < TUPLE_LONG; i++) {
		h = tuple_mix(h, x->value[i].hi & mask[2 * i]);
		h = tuple_mix(h, x->value[i].lo & mask[2 * i + 1]);
	}
	return tuple_mix(h, shorts & mask[TUPLE_WORDS - 1]);
}

static struct tuple_rest rest_of(const struct tuple_build *b, const struct tuple_term *x)
{
	struct tuple_rest r = { .which = x->which, .which_mask = x->which_mask, .word = b->t->r->entry.v[x->entry].word };

	for (unsigned i = 0; i < TUPLE_SHORT; i++) {
		r.lo[i] = x->lo[i];
		r.span[i] = (uint16_t)(x->hi[i] - x->lo[i]);
	}
	return r;
}

static void write_narrow(struct tuple_narrow *out, const struct tuple_term *x)
{
	for (unsigned i = 0; i < TUPLE_LONG; i++) {
		out->value |= (x->value[i].lo & UINT32_MAX) << 32 * i;
		out->free[i] = x->free[i] < 32 ? x->free[i] : 32;
	}
}

static void write_wide(struct tuple_wide *out, const struct tuple_term *x)
{
	for (unsigned i = 0; i < TUPLE_LONG; i++) {
		unsigned free = x->free[i];

		out->value[2 * i] = x->value[i].hi;
		out->value[2 * i + 1] = x->value[i].lo;
		out->free[2 * i] = free < 128 ? (uint8_t)(TUPLE_ASKED | (free > 64 ? free - 64 : 0)) : 0;
		out->free[2 * i + 1] = free < 64 ? (uint8_t)(TUPLE_ASKED | free) : 0;
	}
}

static void write_record(const struct tuple_build *b, const struct tuple_term *x, bool wide, void *to)
{
	struct tuple_narrow *n = to;
	struct tuple_wide *w = to;

	if (wide) {
		write_wide(w, x);
		w->rest = rest_of(b, x);
	} else {
		write_narrow(n, x);
		n->rest = rest_of(b, x);
	}
}

/* What no record is. */
static void write_empty(union tuple_bucket *line, bool wide)
{
	if (wide) {
		line->wide.rest.word = TUPLE_END;
	} else {
		line->narrow[0].rest.word = TUPLE_END;
		line->narrow[1].rest.word = TUPLE_END;
	}
}

/* Of the terms from @i on the @n that are in one bucket; @other: where the next of those begins that have no room in the line. */
static void write_bucket(struct tuple_build *b, const struct tuple_choice *c, const struct tuple_table *d, size_t i, size_t n, size_t *other)
{
	bool wide = c->shape.wide;
	unsigned shift = wide ? TUPLE_WIDE_SHIFT : TUPLE_NARROW_SHIFT;
	size_t here = wide ? 1 : 2;
	union tuple_bucket *line = (union tuple_bucket *)image_at(b->t->im, d->lines) + c->bucket[i];
	uint32_t more = 0;

	for (size_t k = 0; k < n; k++) {
		const struct tuple_term *x = &b->term.v[c->term[i + k]];

		if (k < here)
			write_record(b, x, wide, (char *)line + (k << shift));
		else
			write_record(b, x, wide, image_at(b->t->im, d->others + ((*other + k - here) << shift)));
	}
	if (n > here)
		more = (uint32_t)(*other | (n - here) << 24);
	if (wide) {
		line->wide.more = more;
	} else {
		line->narrow[0].more = (uint16_t)more;
		line->narrow[1].more = (uint16_t)(more >> 16);
	}
	*other += n > here ? n - here : 0;
}

static size_t bucket_terms(const struct tuple_choice *c, size_t i)
{
	size_t n = 1;

	while (i + n < c->n && c->bucket[i + n] == c->bucket[i])
		n++;
	return n;
}

/* Terms that have no room in their lines. */
static size_t others(const struct tuple_choice *c)
{
	size_t here = c->shape.wide ? 1 : 2, all = 0, n;

	for (size_t i = 0; i < c->n; i += n) {
		n = bucket_terms(c, i);
		all += n > here ? n - here : 0;
	}
	return all;
}

/* What all terms want to be there. */
static void write_which(const struct tuple_build *b, const struct tuple_choice *c, struct tuple_table *d)
{
	d->which = b->term.v[c->term[0]].which;
	d->which_mask = (1 << TUPLE_WHICH_BITS * TUPLE_DIMS) - 1;
	for (size_t i = 0; i < c->n; i++) {
		const struct tuple_term *x = &b->term.v[c->term[i]];

		for (unsigned k = 0; k < TUPLE_DIMS; k++) {
			uint16_t bits = (uint16_t)(7 << TUPLE_WHICH_BITS * k);

			if (!(x->which_mask & bits) || ((x->which ^ d->which) & bits))
				d->which_mask &= (uint16_t)~bits;
		}
	}
}

static void write_table(struct tuple_build *b, const struct tuple_choice *c, struct tuple_table *d)
{
	size_t other = 0, n;

	tuple_shape_masks(&c->shape, d->mask);
	write_which(b, c, d);
	d->n = (uint32_t)c->lines;
	d->first = c->first;
	for (size_t i = 0; i < c->lines; i++)
		write_empty((union tuple_bucket *)image_at(b->t->im, d->lines) + i, c->shape.wide);
	for (size_t i = 0; i < c->n; i += n) {
		n = bucket_terms(c, i);
		write_bucket(b, c, d, i, n, &other);
	}
}

static int by_first(const void *a, const void *b)
{
	const struct tuple_choice *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static bool add(struct attempt *t, size_t bytes, size_t *off)
{
	if (!classify_room(t, bytes))
		return false;
	*off = image_add(t->im, bytes, 64);
	return !t->im->failed || classify_fail(t, "the tables of the program would be more than %d MB", IMAGE_MOST >> 20);
}

bool tuple_write(struct tuple_build *b, struct tuple *out)
{
	*out = (struct tuple){ .n = b->n };
	memcpy(out->dim, b->dim, sizeof(out->dim));
	qsort(b->table, b->n, sizeof(*b->table), by_first);
	if (!classify_describe(b->t, TUPLE_MAX_TABLES * sizeof(struct tuple_table), &out->at))
		return false;
	for (unsigned i = 0; i < b->n; i++) {
		const struct tuple_choice *c = &b->table[i];
		struct tuple_table d = { .n = 0 };
		size_t lines, other;

		out->wide[i] = c->shape.wide;
		if (!add(b->t, c->lines * TUPLE_LINE, &lines) ||
		    !add(b->t, others(c) << (c->shape.wide ? TUPLE_WIDE_SHIFT : TUPLE_NARROW_SHIFT), &other))
			return false;
		d.lines = (uint32_t)lines;
		d.others = (uint32_t)other;
		write_table(b, c, &d);
		((struct tuple_table *)image_at(b->t->im, out->at))[i] = d;
	}
	return true;
}
