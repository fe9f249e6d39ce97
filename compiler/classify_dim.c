/*
 * A dimension's classes: numbers that no term tells apart have one. In: terms. Out: for each field pieces of numbers, by ascending numbers,
 * and their classes; the class of packets that have none of the fields.
 */
#include "classify_priv.h"

#include <stdlib.h>
#include <string.h>

/* Where a range of a term begins, or is over. */
struct edge {
	struct value at;
	uint32_t term;				/* place among those looked at */
};

struct edges {
	struct edge *v;
	size_t n;
};

static int by_place(const void *a, const void *b)
{
	return value_cmp(((const struct edge *)a)->at, ((const struct edge *)b)->at);
}

static void flip(uint64_t *set, uint32_t i)
{
	set[i / 64] ^= (uint64_t)1 << i % 64;
}

static const struct classify_part *part_of(const struct classify_term *x, unsigned d)
{
	for (size_t i = 0; i < x->n && x->part[i].dim <= d; i++)
		if (x->part[i].dim == d)
			return &x->part[i];
	return NULL;
}

/* The value behind @v; false: @v is the field's last. */
static bool next_value(struct value v, unsigned bits, struct value *next)
{
	*next = (struct value){ v.hi + (v.lo == UINT64_MAX), v.lo + 1 };
	return value_cmp(v, value_ones(bits)) < 0;
}

static void add_edges(struct edges *e, const struct classify_part *p, unsigned f, unsigned bits, uint32_t term)
{
	for (size_t i = 0; i < p->in[f].n; i++) {
		struct value next;

		e->v[e->n++] = (struct edge){ p->in[f].r[i].lo, term };
		if (next_value(p->in[f].r[i].hi, bits, &next))
			e->v[e->n++] = (struct edge){ next, term };
	}
}

static size_t count_edges(struct attempt *t, unsigned d, unsigned f, const uint32_t *term, size_t n)
{
	size_t edges = 0;

	for (size_t i = 0; i < n; i++) {
		const struct classify_part *p = part_of(&t->r->term.v[term[i]], d);

		if (p && !p->in[f].any)
			edges += 2 * p->in[f].n;
	}
	return edges;
}

static bool class_of(struct attempt *t, struct classes *c, const uint64_t *set, uint32_t *class)
{
	*class = classes_add(c, set);
	return *class != UINT32_MAX || classify_fail(t, "the rules tell too many numbers apart");
}

/* @set: the terms that ask nothing of this field's numbers. */
static bool field_pieces(struct attempt *t, const struct edges *e, uint64_t *set, struct classes *c, struct dim_class_map *m, unsigned f)
{
	struct map_piece piece = { { 0, 0 }, 0 };
	size_t i = 0;

	do {
		size_t n = m->piece[f].n;

		if (i < e->n && (i || !value_cmp(e->v[i].at, piece.lo))) {
			piece.lo = e->v[i].at;
			for (; i < e->n && !value_cmp(e->v[i].at, piece.lo); i++)
				flip(set, e->v[i].term);
		}
		if (!class_of(t, c, set, &piece.v))
			return false;
		if (!n || m->piece[f].v[n - 1].v != piece.v)
			*vec_add(t->a, &m->piece[f]) = piece;
		if (i < e->n)
			piece.lo = e->v[i].at;
	} while (i < e->n);
	return true;
}

static bool field_classes(struct attempt *t, unsigned d, unsigned f, const uint32_t *term, size_t n, struct classes *c, struct dim_class_map *m)
{
	unsigned bits = t->r->dim[d].field[f].bits;
	struct edges e = { malloc((count_edges(t, d, f, term, n) + 1) * sizeof(*e.v)), 0 };
	uint64_t *set = calloc(c->words, sizeof(*set));
	bool ok;

	if (!e.v || !set) {
		free(e.v);
		free(set);
		return classify_fail(t, "memory is out");
	}
	for (size_t i = 0; i < n; i++) {
		const struct classify_part *p = part_of(&t->r->term.v[term[i]], d);

		if (!p || p->in[f].any)
			flip(set, (uint32_t)i);
		else
			add_edges(&e, p, f, bits, (uint32_t)i);
	}
	vec_sort(&e, by_place);
	ok = field_pieces(t, &e, set, c, m, f);
	free(e.v);
	free(set);
	return ok;
}

bool dim_classes(struct attempt *t, unsigned d, const uint32_t *term, size_t n, struct classes *c, struct dim_class_map *m)
{
	uint64_t *set;
	bool ok;

	classes_init(c, (n + 63) / 64);
	*m = (struct dim_class_map){ 0 };
	set = calloc(c->words, sizeof(*set));
	if (!set)
		return classify_fail(t, "memory is out");
	for (size_t i = 0; i < n; i++) {
		const struct classify_part *p = part_of(&t->r->term.v[term[i]], d);

		if (!p || p->absent)
			flip(set, (uint32_t)i);
	}
	ok = class_of(t, c, set, &m->absent);
	free(set);
	for (unsigned f = 0; f < t->r->dim[d].n && ok; f++)
		ok = field_classes(t, d, f, term, n, c, m);
	return ok;
}
