/*
 * The look-up in merged tuples' tables, in plain C: what generated code does. In: what a packet says of each dimension. Out: the word of the
 * first rule.
 */
#include "tuple.h"

enum { INDEX = TUPLE_END };

void tuple_words(const struct tuple *t, bool wide, const unsigned *which, const struct value *v, uint64_t *w)
{
	unsigned n = wide ? TUPLE_WORDS : TUPLE_NARROW_WORDS;
	uint64_t s = 0;

	for (unsigned i = 0; i < n; i++)
		w[i] = 0;
	for (unsigned i = 0; i < TUPLE_DIMS; i++) {
		unsigned d = t->dim[i];

		if (d == TUPLE_NONE)
			continue;
		s |= (uint64_t)(which[d] & 7) << (TUPLE_WHICH_AT + TUPLE_WHICH_BITS * i);
		if (i >= TUPLE_LONG) {
			s |= (v[d].lo & 0xffff) << 16 * (i - TUPLE_LONG);
		} else if (wide) {
			w[2 * i] = v[d].hi;
			w[2 * i + 1] = v[d].lo;
		} else {
			w[0] |= (v[d].lo & UINT32_MAX) << 32 * i;
		}
	}
	w[n - 1] = s;
}

uint64_t tuple_hash(const struct tuple_table *d, bool wide, const uint64_t *w)
{
	uint64_t h = 0;

	for (unsigned i = 0; i < (wide ? TUPLE_WORDS : TUPLE_NARROW_WORDS); i++)
		h = tuple_mix(h, w[i] & d->mask[i]);
	return h;
}

/* Not zero where the short word is not as the record wants it. */
static uint64_t rest_bad(const struct tuple_rest *r, uint64_t s)
{
	uint64_t bad = ((s >> TUPLE_WHICH_AT) ^ r->which) & r->which_mask;

	for (unsigned i = 0; i < TUPLE_SHORT; i++)
		bad |= (r->span[i] - (((s >> 16 * i) - r->lo[i]) & 0xffff)) >> 63;
	return bad;
}

static bool narrow_matches(const struct tuple_narrow *r, const uint64_t *w)
{
	uint64_t x = r->value ^ w[0];

	return !((x & UINT32_MAX) >> r->free[0] | x >> 32 >> r->free[1] | rest_bad(&r->rest, w[1]));
}

static bool wide_matches(const struct tuple_wide *r, const uint64_t *w)
{
	uint64_t bad = rest_bad(&r->rest, w[TUPLE_WORDS - 1]);

	for (unsigned i = 0; i < 2 * TUPLE_LONG; i++)
		bad |= ((r->value[i] ^ w[i]) & (uint64_t)-(r->free[i] >> 7)) >> (r->free[i] & 63);
	return !bad;
}

/* true: what is behind it need not be looked at. */
static bool settled(const void *record, bool wide, const uint64_t *w, uint32_t *best)
{
	const struct tuple_narrow *n = record;
	const struct tuple_wide *x = record;
	uint32_t word = wide ? x->rest.word : n->rest.word;

	if ((word & INDEX) >= (*best & INDEX))
		return true;
	if (!(wide ? wide_matches(x, w) : narrow_matches(n, w)))
		return false;
	*best = word;
	return true;
}

static uint32_t find_in(const struct image *im, const struct tuple_table *d, bool wide, const uint64_t *w, uint32_t best)
{
	const void *line = image_at(im, d->lines + tuple_line(tuple_hash(d, wide, w), d->n) * TUPLE_LINE);
	const struct tuple_narrow *n = line;
	uint32_t more;

	if (settled(line, wide, w, &best) || (!wide && settled(n + 1, wide, w, &best)))
		return best;
	more = wide ? ((const struct tuple_wide *)line)->more : n[0].more | (uint32_t)n[1].more << 16;
	for (size_t i = 0; i < more >> 24; i++)
		if (settled(image_at(im, d->others + (((more & 0xffffff) + i) << (wide ? TUPLE_WIDE_SHIFT : TUPLE_NARROW_SHIFT))), wide, w, &best))
			break;
	return best;
}

uint32_t tuple_find(const struct image *im, const struct tuple *t, const unsigned *which, const struct value *v, uint32_t best)
{
	uint64_t w[2][TUPLE_WORDS];

	tuple_words(t, false, which, v, w[0]);
	tuple_words(t, true, which, v, w[1]);
	for (unsigned i = 0; i < t->n; i++) {
		const struct tuple_table *d = (const struct tuple_table *)image_at(im, t->at) + i;

		if (d->first >= (best & INDEX))
			break;
		if (((w[0][1] >> TUPLE_WHICH_AT) ^ d->which) & d->which_mask)
			continue;
		best = find_in(im, d, t->wide[i], w[t->wide[i]], best);
	}
	return best;
}
