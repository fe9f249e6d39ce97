/*
 * Both: tables of merged tuples for the bulk of the rules, and recursive flow classification for those that are wide. In: terms. Out: few
 * tables, and the rest: the first rest, as tables are taken from it, that is not too large, or a later one that is so much smaller that it
 * costs less. What does not stop is always in the rest.
 */
#include "classify_tuple.h"

#include <stdlib.h>

enum {
	REST = 4000,				/* terms: more are not tried */
	SMALL = 1 << 20,			/* bytes that are near the processor */
};

/* The rest, in order: what no table can hold, and whatever a term that is left was made of. */
static uint32_t *rest_terms(const struct tuple_build *b, struct arena *a, size_t *n)
{
	uint32_t *out = arena_array(a, b->other.n + b->n_left, sizeof(*out));
	size_t i = 0, j = 0;

	*n = 0;
	while (i < b->other.n || j < b->n_left) {
		uint32_t left = j < b->n_left ? b->term.v[b->left[j]].term : UINT32_MAX;
		uint32_t next = i < b->other.n && b->other.v[i] < left ? b->other.v[i++] : left;

		j += next == left;
		if (!*n || out[*n - 1] != next)
			out[(*n)++] = next;
	}
	return out;
}

/* At the most: with others, which are fewer. */
static size_t tables_bytes(const struct tuple_build *b)
{
	size_t n = TUPLE_MAX_TABLES * sizeof(struct tuple_table) + b->rest.n * sizeof(struct tuple_rest);

	for (unsigned i = 0; i < b->n; i++)
		n += (b->table[i].lines + b->table[i].n / (b->table[i].shape.wide ? 1 : TUPLE_RECORDS)) * TUPLE_LINE + 128;
	return n;
}

/* An attempt of its own: what it leaves in memory and image goes with it. */
static bool try_rest(struct tuple_build *b, struct rfc *rfc)
{
	struct attempt *t = b->t, sub = { .a = arena_new(), .out = t->out, .r = t->r, .im = t->im, .before = image_mark(t->im) };
	size_t n, room = t->max_bytes - (t->im->n - t->before.n), tables = tables_bytes(b);
	uint32_t *term = rest_terms(b, sub.a, &n);
	bool ok = false;

	sub.max_bytes = room > tables ? room - tables : 0;
	if (t->max_rest_bytes && sub.max_bytes > t->max_rest_bytes)
		sub.max_bytes = t->max_rest_bytes;
	ok = n <= REST && (!t->max_rest || b->n_left <= t->max_rest) && classify_rfc(&sub, term, n, rfc);
	if (!ok && !t->im->failed)
		image_cut(t->im, sub.before);
	if (!ok && sub.why)
		t->why = sub.why;
	arena_free(sub.a);
	return ok;
}

/* Nanoseconds, about: of a table that is asked, and of a rest that is twice as large. */
static unsigned cost(const struct tuple_build *b, size_t rest)
{
	unsigned n = 25 * b->n;

	for (; rest > SMALL; rest /= 2)
		n += 12;
	return n;
}

/* One more table, where that makes so much of the rest that it costs less. @rest: bytes of the rest that there is, from @before on in the image. */
static bool one_more(struct tuple_build *b, struct rfc *rfc, struct image_mark before, size_t *rest, bool *better)
{
	struct image *im = b->t->im;
	struct tuple_build was = *b;
	unsigned is = cost(b, *rest);

	*better = false;
	if (*rest <= SMALL || b->n == TUPLE_MAX_TABLES)
		return true;
	was.left = arena_copy(b->t->a, b->left, b->n_left * sizeof(*b->left));
	image_cut(im, before);
	if (!tuple_take(b))
		return false;
	if (try_rest(b, rfc)) {
		*rest = im->n - before.n;
		*better = cost(b, *rest) < is;
		if (*better)
			return true;
		image_cut(im, before);
	}
	*b = was;
	return !im->failed && try_rest(b, rfc);
}

bool classify_hybrid(struct attempt *t, struct rfc *rfc, struct tuple *tuple)
{
	struct tuple_build *b = arena_alloc(t->a, sizeof(*b));
	const struct image_mark start = image_mark(t->im);
	size_t rest;
	bool better = true;

	b->t = t;
	if (!tuple_terms(b))
		return false;
	while (!try_rest(b, rfc)) {
		size_t before = b->n_left;

		if (t->im->failed)
			return false;
		if (b->n == TUPLE_MAX_TABLES)
			return classify_fail(t, "%d tables leave %zu rules that are too many for one more kind", b->n, b->n_left + b->other.n);
		if (!tuple_take(b))
			return false;
		if (b->n_left == before)
			return classify_fail(t, "%zu rules ask what no table can hold", b->n_left + b->other.n);
	}
	rest = t->im->n - start.n;
	while (better)
		if (!one_more(b, rfc, start, &rest, &better))
			return false;
	return tuple_write(b, tuple);
}
