/*
 * Rules that ask for single values of one dimension, as a switch. In: terms. Out: for each value that some rule asks for, and for all others,
 * the list of entries; code compares the packet's number with the values, and no table is read but the list.
 */
#include "classify_priv.h"

#include <stdlib.h>
#include <string.h>

/* The dimension that all ask, and nothing else is asked. */
static bool one_dimension(struct attempt *t, struct classify_switch *s)
{
	bool found = false;

	for (size_t i = 0; i < t->r->term.n; i++) {
		const struct classify_term *x = &t->r->term.v[i];

		if (x->n > 1 || (x->n && found && x->part[0].dim != s->dim))
			return classify_fail(t, "the rules ask for more than one field");
		if (x->n) {
			s->dim = x->part[0].dim;
			found = true;
		}
	}
	return found || classify_fail(t, "the rules ask for no field");
}

/* Does the term take this value of the field? @v NULL: any that no rule names. */
static bool takes(const struct classify_term *x, unsigned field, const uint64_t *v)
{
	const struct classify_part *p = x->part;

	if (!x->n || p->in[field].any)
		return true;
	for (size_t i = 0; v && i < p->in[field].n; i++)
		if (p->in[field].r[i].lo.lo <= *v && *v <= p->in[field].r[i].hi.lo)
			return true;
	return false;
}

static bool list_of(struct attempt *t, struct lists *l, bool absent, unsigned field, const uint64_t *v, uint32_t *at)
{
	uint32_t entry[CLASSIFY_MAX_LIST + 1];
	size_t n = 0;

	for (size_t i = 0; i < t->r->term.n && n <= CLASSIFY_MAX_LIST; i++) {
		const struct classify_term *x = &t->r->term.v[i];

		if ((n && entry[n - 1] == x->entry) || !(absent ? !x->n || x->part[0].absent : takes(x, field, v)))
			continue;
		entry[n++] = x->entry;
		if (t->r->entry.v[x->entry].stops)
			break;
	}
	*at = lists_add(t, l, entry, n);
	return *at != UINT32_MAX;
}

static int by_value(const void *a, const void *b)
{
	const struct classify_case *x = a, *y = b;

	return x->v < y->v ? -1 : x->v > y->v;
}

/* The values that rules name, each once. */
static bool values(struct attempt *t, struct classify_switch *s, unsigned field)
{
	VEC(struct classify_case) c = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < t->r->term.n; i++) {
		const struct classify_part *p = t->r->term.v[i].part;

		for (size_t k = 0; t->r->term.v[i].n && !p->in[field].any && k < p->in[field].n; k++) {
			const struct range *r = &p->in[field].r[k];

			if (r->hi.hi || r->hi.lo - r->lo.lo >= SWITCH_MOST)
				return classify_fail(t, "the rules ask for more than single values");
			for (uint64_t v = r->lo.lo; c.n <= SWITCH_MOST; v++) {
				*vec_add(t->a, &c) = (struct classify_case){ v, 0 };
				if (v == r->hi.lo)
					break;
			}
			if (c.n > SWITCH_MOST)
				return classify_fail(t, "more than %d values", SWITCH_MOST);
		}
	}
	vec_sort(&c, by_value);
	for (size_t i = 0; i < c.n; i++)
		if (!i || c.v[i].v != c.v[n - 1].v)
			c.v[n++] = c.v[i];
	s->field[field].value = arena_copy(t->out, c.v, n * sizeof(*c.v));
	s->field[field].n = n;
	s->field[field].wide = t->r->dim[s->dim].field[field].bits > 64;
	s->n += n;
	return s->n <= SWITCH_MOST || classify_fail(t, "more than %d values", SWITCH_MOST);
}

static bool fill(struct attempt *t, struct classify_switch *s, struct lists *l)
{
	size_t off;

	if (!list_of(t, l, true, 0, NULL, &s->absent))
		return false;
	for (unsigned f = 0; f < s->n_fields; f++) {
		if (!list_of(t, l, false, f, NULL, &s->field[f].other))
			return false;
		for (size_t i = 0; i < s->field[f].n; i++)
			if (!list_of(t, l, false, f, &s->field[f].value[i].v, &s->field[f].value[i].list))
				return false;
	}
	if (!classify_describe(t, 4, &s->at) || !classify_room(t, 4 * l->word.n))
		return false;
	off = image_add(t->im, 4 * l->word.n, 64);
	if (t->im->failed)
		return classify_fail(t, "memory is out");
	memcpy(image_at(t->im, off), l->word.v, 4 * l->word.n);
	*(uint32_t *)image_at(t->im, s->at) = (uint32_t)off;
	return true;
}

bool classify_switch(struct attempt *t, struct classify_switch *s)
{
	struct lists l;
	bool ok;

	*s = (struct classify_switch){ 0 };
	/* each value is looked for in each rule */
	if (t->r->term.n > SWITCH_TERMS)
		return classify_fail(t, "more than %d rules", SWITCH_TERMS);
	if (!one_dimension(t, s))
		return false;
	s->n_fields = t->r->dim[s->dim].n;
	for (unsigned f = 0; f < s->n_fields; f++)
		if (!values(t, s, f))
			return false;
	ok = lists_init(t, &l) && fill(t, s, &l);
	lists_free(&l);
	return ok;
}

uint32_t classify_switch_find(const struct classify_switch *s, const unsigned *which, const struct value *v)
{
	unsigned f = which[s->dim];
	uint32_t list = s->absent;

	if (f) {
		list = s->field[f - 1].other;
		for (size_t i = 0; i < s->field[f - 1].n && (!s->field[f - 1].wide || !v[s->dim].hi); i++)
			if (s->field[f - 1].value[i].v == v[s->dim].lo)
				list = s->field[f - 1].value[i].list;
	}
	return list;
}
