/*
 * The look-up in merged tuples' tables, in plain C: what generated code does. In: what a packet says of each dimension. Out: the word of the
 * first rule.
 */
#include "tuple.h"

/* A long number: its place and the window's 32 bits. */
static uint32_t windowed(const struct image *im, const struct tuple_window *w, unsigned *which, struct value v)
{
	struct value above = tuple_bits_above(w->bits, w->shift);
	const struct tuple_above *want = image_at(im, w->at);

	if (!w->is || *which != w->which)
		return (uint32_t)v.lo;
	*which += (v.hi & above.hi) != want->hi || (v.lo & above.lo) != want->lo;
	return tuple_within(w->shift, v);
}

struct tuple_packet tuple_packet(const struct image *im, const struct tuple *t, const unsigned *which, const struct value *v)
{
	struct tuple_packet p = { 0 };

	for (unsigned i = 0; i < TUPLE_DIMS; i++) {
		unsigned d = t->dim[i], w;

		if (d == TUPLE_NONE)
			continue;
		w = which[d] & TUPLE_WHICH_MOST;
		if (i < TUPLE_LONG) {
			p.wide[2 * i] = v[d].hi;
			p.wide[2 * i + 1] = v[d].lo;
			p.narrow |= (uint64_t)windowed(im, &t->window[i], &w, v[d]) << 32 * i;
			p.which |= (uint64_t)w << TUPLE_WHICH_LANE * i;
		} else {
			p.shorts |= ((uint64_t)w << 16 | (v[d].lo & UINT16_MAX)) << TUPLE_LANE * (i - TUPLE_LONG);
		}
	}
	return p;
}

uint64_t tuple_hash(const struct tuple_table *d, bool wide, const struct tuple_packet *p)
{
	uint64_t h = wide ? 0 : tuple_mix(0, p->narrow & d->mask[0]);

	for (unsigned i = 0; wide && i < TUPLE_WORDS; i++)
		h = tuple_mix(h, p->wide[i] & d->mask[i]);
	return tuple_mix_shorts(h, p->shorts & d->shorts);
}

/* Not zero where a lane is outside; @shorts: the packet's, or what is left of them. */
static uint64_t rest_bad(const struct tuple_rest *r, uint64_t shorts, const struct tuple_packet *p)
{
	uint64_t in = ((shorts | TUPLE_GUARDS) - r->lo) & (r->hi - shorts);
	uint64_t which = ((p->which | TUPLE_WHICH_GUARDS) - r->which_lo) & (r->which_hi - p->which);

	return (~in & TUPLE_GUARDS) | (~which & TUPLE_WHICH_GUARDS);
}

static uint64_t narrow_bad(const struct tuple_narrow *l, unsigned i, const struct tuple_packet *p)
{
	uint64_t x = l->value[i] ^ p->narrow, free = l->free >> 2 * TUPLE_FREE_BITS * i;

	return (x & UINT32_MAX) >> (free & 63) | x >> 32 >> (free >> TUPLE_FREE_BITS & 63);
}

static uint64_t wide_bad(const struct tuple_wide *l, const struct tuple_packet *p)
{
	uint64_t bad = 0;

	for (unsigned i = 0; i < TUPLE_WORDS; i++)
		bad |= ((l->value[i] ^ p->wide[i]) & (uint64_t)-(l->free[i] >> 7)) >> (l->free[i] & 63);
	return bad;
}

/* What a record asks besides long numbers. */
static uint64_t short_bad(const struct image *im, const struct tuple *t, unsigned table, const struct tuple_table *d, unsigned rest,
			  const struct tuple_packet *p)
{
	const struct tuple_rest *r = image_at(im, d->rests);

	if (t->say[table])
		return rest_bad(r, p->shorts ^ (uint64_t)rest << TUPLE_LANE * t->said, p);
	return rest_bad(r + rest, p->shorts, p);
}

/* The line that follows, if that can have something earlier; else 0. */
static uint32_t find_in(const struct image *im, const struct tuple *t, unsigned table, const struct tuple_table *d, const void *line,
			const struct tuple_packet *p, uint32_t *best)
{
	bool wide = t->wide[table];
	const struct tuple_narrow *n = line;
	const struct tuple_wide *w = line;

	for (unsigned i = 0; i < (wide ? 1 : TUPLE_RECORDS); i++) {
		uint64_t bad = wide ? wide_bad(w, p) : narrow_bad(n, i, p);
		uint32_t key = wide ? w->key : n->key[i];

		if (!(bad | short_bad(im, t, table, d, wide ? w->rest : n->rest[i], p)) && key < *best)
			*best = key;
	}
	if (*best <= (wide ? w->key : n->key[TUPLE_RECORDS - 1]))
		return 0;
	return wide ? w->next : (uint32_t)(n->free >> TUPLE_NEXT_AT);
}

/* The key of the pair's first record that matches, if that is less than @key, and whether it is sure; else @key. */
static uint32_t pair_find(const struct image *im, const struct tuple *t, const unsigned *which, const struct value *v, const struct tuple_packet *p,
			  uint32_t key, bool *sure)
{
	const uint32_t *head = image_at(im, t->pair.at);
	const struct pair_record *r = image_at(im, head[PAIR_RECORDS]), *at;
	const struct tuple_rest *rest = image_at(im, head[PAIR_RESTS]);
	uint32_t a = rfc_class(im, &t->pair.dim[0], which[t->dim[0]], v[t->dim[0]]);
	uint32_t b = rfc_class(im, &t->pair.dim[1], which[t->dim[1]], v[t->dim[1]]);

	at = r + ((size_t)a << head[PAIR_SHIFT]) + b;
	if (at->row != a + 1)
		return key;
	for (unsigned k = 0; k < PAIR_CHAIN && at->key < key; k++) {
		if (!rest_bad(&rest[at->rest], p->shorts, p)) {
			*sure = !(at->next & PAIR_UNSURE);
			return at->key;
		}
		if (!(at->next & ~PAIR_UNSURE))
			break;
		at = r + (at->next & ~PAIR_UNSURE);
	}
	return key;
}

uint32_t tuple_find(const struct image *im, const struct tuple *t, const unsigned *which, const struct value *v, uint32_t best, bool *sure)
{
	struct tuple_packet p = tuple_packet(im, t, which, v);
	uint32_t key = tuple_key(best);

	*sure = false;
	if (t->pair.is)
		key = pair_find(im, t, which, v, &p, key, sure);
	for (unsigned i = 0; i < t->n && !*sure; i++) {
		const struct tuple_table *d = (const struct tuple_table *)image_at(im, t->at) + i;
		uint32_t more = (uint32_t)tuple_line(tuple_hash(d, t->wide[i], &p), d->n), at = d->lines;

		if (d->first >= key >> 8 || key & d->skip)
			break;
		more++;
		for (unsigned k = 0; more && k < (t->wide[i] ? TUPLE_WIDE_CHAIN : TUPLE_CHAIN); k++) {
			more = find_in(im, t, i, d, image_at(im, at + (size_t)(more - 1) * TUPLE_LINE), &p, &key);
			at = d->others;
		}
	}
	*sure |= (key & TUPLE_NO_REST) != 0;
	return tuple_word(key);
}
