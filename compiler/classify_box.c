/*
 * Terms as boxes of ranks. In: terms. Out: for each dimension that they ask of, pieces of numbers and their ranks, which ascend; boxes, one
 * or more for a term, in the terms' order.
 */
#include "classify_tree.h"

#include <stdlib.h>

enum { MOST_BOXES = 4 << 20 };

static const struct classify_part *part_of(const struct classify_term *x, unsigned d)
{
	for (size_t i = 0; i < x->n && x->part[i].dim <= d; i++)
		if (x->part[i].dim == d)
			return &x->part[i];
	return NULL;
}

static int by_place(const void *a, const void *b)
{
	return value_cmp(*(const struct value *)a, *(const struct value *)b);
}

static bool next_value(struct value v, unsigned bits, struct value *next)
{
	*next = (struct value){ v.hi + (v.lo == UINT64_MAX), v.lo + 1 };
	return value_cmp(v, value_ones(bits)) < 0;
}

/* A piece from each number on where a range begins, or is over. */
static void field_ranks(struct attempt *t, struct rank_dim *rd, unsigned f, const uint32_t *term, size_t n)
{
	unsigned bits = t->r->dim[rd->dim].field[f].bits;
	VEC(struct value) edge = { 0 };
	struct value next;

	*vec_add(t->a, &edge) = value_of(0);
	for (size_t i = 0; i < n; i++) {
		const struct classify_part *p = part_of(&t->r->term.v[term[i]], rd->dim);

		for (size_t k = 0; p && !p->in[f].any && k < p->in[f].n; k++) {
			*vec_add(t->a, &edge) = p->in[f].r[k].lo;
			if (next_value(p->in[f].r[k].hi, bits, &next))
				*vec_add(t->a, &edge) = next;
		}
	}
	vec_sort(&edge, by_place);
	*vec_add(t->a, &rd->piece[f]) = (struct map_piece){ value_of(0), rd->n++ };
	for (size_t i = 1; i < edge.n; i++)
		if (value_cmp(edge.v[i], edge.v[i - 1]))
			*vec_add(t->a, &rd->piece[f]) = (struct map_piece){ edge.v[i], rd->n++ };
}

/* The rank of a number where a range begins. */
static uint32_t rank_at(const struct rank_dim *rd, unsigned f, struct value v)
{
	size_t lo = 0, hi = rd->piece[f].n - 1;

	while (lo < hi) {
		size_t mid = (lo + hi + 1) / 2;

		if (value_cmp(rd->piece[f].v[mid].lo, v) <= 0)
			lo = mid;
		else
			hi = mid - 1;
	}
	return rd->piece[f].v[lo].v;
}

typedef VEC(struct box_side) sides;

static void add_side(struct arena *a, sides *s, uint32_t lo, uint32_t hi)
{
	if (s->n && s->v[s->n - 1].hi + 1 == lo)
		s->v[s->n - 1].hi = hi;
	else
		*vec_add(a, s) = (struct box_side){ lo, hi };
}

/* The ranks for which a part holds. */
static void part_sides(struct attempt *t, const struct rank_dim *rd, const struct classify_part *p, sides *s)
{
	s->n = 0;
	if (!p) {
		add_side(t->a, s, 0, rd->n - 1);
		return;
	}
	if (p->absent)
		add_side(t->a, s, 0, 0);
	for (unsigned f = 0; f < t->r->dim[rd->dim].n; f++) {
		uint32_t first = rd->piece[f].v[0].v, last = rd->piece[f].v[rd->piece[f].n - 1].v;

		if (p->in[f].any) {
			add_side(t->a, s, first, last);
			continue;
		}
		for (size_t k = 0; k < p->in[f].n; k++)
			add_side(t->a, s, rank_at(rd, f, p->in[f].r[k].lo), rank_at(rd, f, p->in[f].r[k].hi));
	}
}

static bool add_boxes(struct attempt *t, struct boxes *b, const sides *s, uint32_t entry)
{
	const unsigned n_dims = b->n_dims;
	size_t at[CLASSIFY_MAX_DIMS] = { 0 };
	unsigned d;

	for (d = 0; d < n_dims; d++)
		if (!s[d].n)
			return true;
	do {
		if (b->entry.n == MOST_BOXES)
			return classify_fail(t, "the rules allow too many combinations of ranges");
		*vec_add(t->a, &b->entry) = entry;
		for (d = 0; d < n_dims; d++)
			*vec_add(t->a, &b->side) = s[d].v[at[d]];
		for (d = 0; d < n_dims && ++at[d] == s[d].n; d++)
			at[d] = 0;
	} while (d < n_dims);
	return true;
}

static bool asked(struct attempt *t, unsigned d, const uint32_t *term, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (part_of(&t->r->term.v[term[i]], d))
			return true;
	return false;
}

bool boxes_of(struct attempt *t, const uint32_t *term, size_t n, struct boxes *b)
{
	sides s[CLASSIFY_MAX_DIMS] = { 0 };

	*b = (struct boxes){ .n_dims = 0 };
	for (unsigned d = 0; d < t->r->n_dims; d++) {
		struct rank_dim *rd = &b->dim[b->n_dims];

		if (!asked(t, d, term, n))
			continue;
		*rd = (struct rank_dim){ .dim = d, .n = 1 };
		for (unsigned f = 0; f < t->r->dim[d].n; f++)
			field_ranks(t, rd, f, term, n);
		b->n_dims++;
	}
	for (size_t i = 0; i < n; i++) {
		for (unsigned d = 0; d < b->n_dims; d++)
			part_sides(t, &b->dim[d], part_of(&t->r->term.v[term[i]], b->dim[d].dim), &s[d]);
		if (!add_boxes(t, b, s, t->r->term.v[term[i]].entry))
			return false;
	}
	return true;
}
