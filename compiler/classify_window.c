/*
 * What makes records of merged tuples small. In: terms. Out: for long dimensions the 32 bits in which most numbers of a wide field differ, and
 * terms that have nothing outside as terms of 32 bits; what terms ask of the rest, each once.
 */
#include "classify_tuple.h"

#include <stdlib.h>
#include <string.h>

enum {
	WINDOW_STEP = 8,		/* windows begin at multiples of that many bits */
	NEAR = 2048,			/* rests that are likely to stay near the processor */
};

/* Does the term ask for a prefix of the window's field? */
static bool asks(const struct tuple_term *x, unsigned i, unsigned which)
{
	return x->which_lo[i] == which && x->which_hi[i] == which && x->free[i] < TUPLE_ANY;
}

static bool within(const struct tuple_term *x, unsigned i, unsigned shift)
{
	return x->free[i] >= shift && x->free[i] <= shift + 32;
}

static struct value above(const struct tuple_term *x, unsigned i, const struct tuple_window *w)
{
	return value_and(x->value[i], tuple_bits_above(w->bits, w->shift));
}

/* How many terms have in this window all that they ask, if most that could have agree in what is above: that is *most. */
static size_t count(const struct tuple_build *b, unsigned i, const struct tuple_window *w, struct value *most)
{
	size_t lead = 0, n = 0;

	for (size_t k = 0; k < b->term.n; k++) {
		const struct tuple_term *x = &b->term.v[k];

		if (!asks(x, i, w->which) || !within(x, i, w->shift))
			continue;
		if (!lead)
			*most = above(x, i, w);
		lead += value_cmp(above(x, i, w), *most) ? (size_t)-1 : 1;
	}
	for (size_t k = 0; k < b->term.n && lead; k++) {
		const struct tuple_term *x = &b->term.v[k];

		n += asks(x, i, w->which) && within(x, i, w->shift) && !value_cmp(above(x, i, w), *most);
	}
	return n;
}

/* The window that most numbers are in, if that is at least half of them. */
static void choose(struct tuple_build *b, unsigned i)
{
	const struct classify_dim *d = &b->t->r->dim[b->dim[i]];
	struct tuple_window w = { .is = true, .which = d->n, .bits = d->field[d->n - 1].bits };
	size_t all = 0, best = 0;

	if (w.bits <= 32)
		return;
	for (size_t k = 0; k < b->term.n; k++)
		all += asks(&b->term.v[k], i, w.which);
	for (; all && w.shift + 32 <= w.bits; w.shift += WINDOW_STEP) {
		struct value most;
		size_t n = count(b, i, &w, &most);

		if (n > best && 2 * n >= all) {
			best = n;
			b->window[i] = w;
			b->above[i] = (struct tuple_above){ most.hi, most.lo };
		}
	}
}

/* Is all that it asks of the long number in 32 bits? */
static bool narrow(const struct tuple_build *b, const struct tuple_term *x, unsigned i)
{
	const struct tuple_window *w = &b->window[i];
	struct value v;

	if (x->free[i] == TUPLE_ANY || b->dim[i] == TUPLE_NONE || b->t->r->dim[b->dim[i]].field[x->which_lo[i] - 1].bits <= 32)
		return true;
	if (!w->is || !asks(x, i, w->which) || !within(x, i, w->shift))
		return false;
	v = above(x, i, w);
	return v.hi == b->above[i].hi && v.lo == b->above[i].lo;
}

/* A packet whose number is outside the window has the next place: what is not about the window wants both. */
static void fit(const struct tuple_build *b, struct tuple_term *x)
{
	x->wide = !narrow(b, x, 0) || !narrow(b, x, 1);
	for (unsigned i = 0; i < TUPLE_LONG; i++) {
		const struct tuple_window *w = &b->window[i];

		if (!w->is || x->which_hi[i] != w->which)
			continue;
		if (x->wide || x->free[i] == TUPLE_ANY) {
			x->which_hi[i]++;
			continue;
		}
		x->value[i] = value_of(tuple_within(w->shift, x->value[i]));
		x->free[i] = (uint8_t)(x->free[i] - w->shift);
	}
}

struct tuple_rest tuple_rest_of(const struct tuple_term *x)
{
	struct tuple_rest r = { .hi = TUPLE_GUARDS, .which_hi = TUPLE_WHICH_GUARDS };

	for (unsigned i = 0; i < TUPLE_SHORT; i++) {
		r.lo |= (uint64_t)x->lo[i] << TUPLE_LANE * i;
		r.hi |= (uint64_t)x->hi[i] << TUPLE_LANE * i;
	}
	for (unsigned i = 0; i < TUPLE_LONG; i++) {
		r.which_lo |= (uint8_t)(x->which_lo[i] << TUPLE_WHICH_LANE * i);
		r.which_hi |= (uint8_t)(x->which_hi[i] << TUPLE_WHICH_LANE * i);
	}
	return r;
}

/* Each rest once: @slot, @slots of them, have 1 and the place of one, or 0. */
static void number(struct tuple_build *b, struct tuple_term *x, uint32_t *slot, size_t slots)
{
	struct tuple_rest r = tuple_rest_of(x);
	uint64_t h = tuple_mix(tuple_mix(tuple_mix(0, r.lo), r.hi), (uint64_t)r.which_lo << 8 | r.which_hi);
	size_t at = h & (slots - 1);

	while (slot[at] && memcmp(&b->rest.v[slot[at] - 1], &r, sizeof(r)) != 0)
		at = (at + 1) & (slots - 1);
	if (!slot[at]) {
		*vec_add(b->t->a, &b->rest) = r;
		slot[at] = (uint32_t)b->rest.n;
	}
	x->rest = slot[at] - 1;
}

/* What is asked besides short number @i, if that is asked for exactly. */
static bool besides(const struct tuple_term *x, unsigned i, struct tuple_rest *r)
{
	uint64_t number = (uint64_t)UINT16_MAX << TUPLE_LANE * i;

	if (x->wide || x->lo[i] != x->hi[i])
		return false;
	*r = tuple_rest_of(x);
	r->lo &= ~number;
	r->hi &= ~number;
	return true;
}

/* How many terms ask the same besides short number @i, if that is what most do: that is *most. */
static size_t alike(const struct tuple_build *b, unsigned i, struct tuple_rest *most)
{
	size_t lead = 0, n = 0;
	struct tuple_rest r;

	for (size_t k = 0; k < b->term.n; k++) {
		if (!besides(&b->term.v[k], i, &r))
			continue;
		if (!lead)
			*most = r;
		lead += memcmp(&r, most, sizeof(r)) ? (size_t)-1 : 1;
	}
	for (size_t k = 0; k < b->term.n && lead; k++)
		n += besides(&b->term.v[k], i, &r) && !memcmp(&r, most, sizeof(r));
	return n;
}

/* Terms that say a number in place of a rest, if these are at least half of all. */
static bool choose_said(struct tuple_build *b)
{
	size_t best = 0;

	for (unsigned i = 0; i < TUPLE_SHORT; i++) {
		struct tuple_rest most;
		size_t n = alike(b, i, &most);

		if (n > best && 2 * n >= b->term.n) {
			best = n;
			b->said = i;
			b->besides = most;
		}
	}
	for (size_t k = 0; k < b->term.n && best; k++) {
		struct tuple_term *x = &b->term.v[k];
		struct tuple_rest r;

		x->says = besides(x, b->said, &r) && !memcmp(&r, &b->besides, sizeof(r));
		if (x->says)
			x->rest = x->lo[b->said] & UINT16_MAX;
	}
	return best > 0;
}

bool tuple_narrow(struct tuple_build *b)
{
	size_t slots = 64;
	uint32_t *slot;

	for (unsigned i = 0; i < TUPLE_LONG; i++)
		if (b->dim[i] != TUPLE_NONE)
			choose(b, i);
	while (slots < 2 * b->term.n)
		slots *= 2;
	slot = calloc(slots, sizeof(*slot));
	if (!slot)
		return classify_fail(b->t, "memory is out");
	for (size_t k = 0; k < b->term.n; k++) {
		fit(b, &b->term.v[k]);
		number(b, &b->term.v[k], slot, slots);
	}
	if (b->rest.n > NEAR && choose_said(b)) {
		memset(slot, 0, slots * sizeof(*slot));
		b->rest.n = 0;
		for (size_t k = 0; k < b->term.n; k++)
			if (!b->term.v[k].says)
				number(b, &b->term.v[k], slot, slots);
	}
	free(slot);
	return true;
}
