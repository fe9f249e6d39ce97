/*
 * Tables of recursive flow classification. In: terms. Out: classes of each dimension, combined by twos, small dimensions first; in the last
 * table where the packet's list begins. It is given up as soon as it is known that it would be too large.
 */
#include "classify_priv.h"

#include <stdlib.h>
#include <string.h>

struct rfc_build {
	struct attempt *t;
	const uint32_t *term;
	size_t n;
	struct rfc *rfc;
	struct classes c[RFC_NONE + 1];		/* of dimensions, then of steps */
	struct dim_class_map map[RFC_MAX_DIMS];
	struct lists lists;
};

static bool out_of_memory(struct attempt *t)
{
	return classify_fail(t, "memory is out");
}

/* @bytes at a multiple of @align; false, and .why. */
static bool add(struct attempt *t, size_t bytes, size_t align, size_t *off)
{
	if (!classify_room(t, bytes))
		return false;
	*off = image_add(t->im, bytes, align);
	return !t->im->failed || classify_fail(t, "the tables of the program would be more than %d MB", IMAGE_MOST >> 20);
}

static void describe(struct attempt *t, size_t off, uint32_t v)
{
	*(uint32_t *)image_at(t->im, off) = v;
}

/* The words of a set that are not zero. */
static size_t nonzero(const struct classes *c, size_t i, uint32_t *at)
{
	const uint64_t *set = classes_set(c, i);
	size_t n = 0;

	for (size_t k = 0; k < c->words; k++)
		if (set[k])
			at[n++] = (uint32_t)k;
	return n;
}

static size_t all_nonzero(const struct classes *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n * c->words; i++)
		n += !!c->bits[i];
	return n;
}

static void swap(unsigned *x, unsigned *y)
{
	unsigned t = *x;

	*x = *y;
	*y = t;
}

/* Rows are those of which clearly less is to be looked at, else those that were there first: which is which stands in the code, and an edit of a
 * few rules shall not change it. */
static void order(const struct rfc_build *b, unsigned *x, unsigned *y)
{
	if (*x > *y)
		swap(x, y);
	if (all_nonzero(&b->c[*x]) * b->c[*y].n > 2 * all_nonzero(&b->c[*y]) * b->c[*x].n)
		swap(x, y);
}

static bool step_table(struct rfc_build *b, unsigned s, unsigned x, unsigned y, unsigned cell, size_t *table)
{
	struct rfc *rfc = b->rfc;
	size_t rows = b->c[x].n, columns = y == RFC_NONE ? 1 : b->c[y].n;

	if (!add(b->t, rows * columns * cell, 64, table))
		return false;
	rfc->step[s] = (struct rfc_step){ x, y };
	describe(b->t, rfc_step_at(rfc, s), (uint32_t)*table);
	describe(b->t, rfc_step_at(rfc, s) + 4, (uint32_t)columns);
	return true;
}

/* Words @at of both sets to @out, and its hash; true: there was something else. */
static bool meet(const uint64_t *p, const uint64_t *q, const uint32_t *at, size_t n, uint64_t *out, uint64_t *hash)
{
	bool differ = false;

	for (size_t k = 0; k < n; k++) {
		uint64_t both = p[at[k]] & q[at[k]];

		if (both == out[at[k]])
			continue;
		*hash ^= classes_word_hash(at[k], both) ^ classes_word_hash(at[k], out[at[k]]);
		out[at[k]] = both;
		differ = true;
	}
	return differ;
}

/* By what the first rows made, there would be far too many in the end: rows differ less and less, but not so much. */
static bool hopeless(const struct classes *out, size_t row, size_t rows)
{
	return out->n > RFC_MAX_CLASSES / 16 && out->n / (row + 1) * rows > (size_t)3 * RFC_MAX_CLASSES;
}

static bool product(struct rfc_build *b, unsigned s, unsigned x, unsigned y)
{
	struct classes *p, *q, *out = &b->c[b->rfc->n_dims + s];
	size_t words = b->c[x].words, table;
	uint64_t *set = calloc(words, sizeof(*set));
	uint32_t *at = malloc(words * sizeof(*at)), c = 0;
	bool ok = set && at ? true : out_of_memory(b->t);

	order(b, &x, &y);
	p = &b->c[x];
	q = &b->c[y];
	classes_init(out, b->n ? words : 1);
	ok = ok && step_table(b, s, x, y, 2, &table);
	for (size_t i = 0; i < p->n && ok; i++) {
		size_t n = nonzero(p, i, at);
		uint64_t hash = 0;

		ok = classify_work(b->t, (n + CLASSIFY_CELL_WORK) * q->n) &&
		     (!i || !hopeless(out, i - 1, p->n) || classify_fail(b->t, "there are too many combinations of what the rules ask"));
		memset(set, 0, words * sizeof(*set));
		for (size_t j = 0; j < q->n && ok; j++) {
			/* neighbours are often alike */
			if (meet(classes_set(p, i), classes_set(q, j), at, n, set, &hash) || !j)
				c = classes_add_hashed(out, set, hash);
			if (c == UINT32_MAX)
				ok = classify_fail(b->t, "there are too many combinations of what the rules ask");
			else
				((uint16_t *)image_at(b->t->im, table))[i * q->n + j] = (uint16_t)c;
		}
	}
	free(set);
	free(at);
	return ok;
}

/* The entries of the terms in both sets, in order, as far as the first that stops: at most CLASSIFY_MAX_LIST + 1. */
static size_t entries_of(const struct rfc_build *b, const uint64_t *p, const uint64_t *q, const uint32_t *at, size_t n, uint32_t *entry)
{
	const struct classify_rules *r = b->t->r;
	size_t found = 0;

	for (size_t k = 0; k < n; k++)
		for (uint64_t x = p[at[k]] & (q ? q[at[k]] : UINT64_MAX); x; x &= x - 1) {
			uint32_t e = r->term.v[b->term[at[k] * 64 + (unsigned)__builtin_ctzll(x)]].entry;

			if (found && entry[found - 1] == e)
				continue;
			entry[found++] = e;
			if (r->entry.v[e].stops || found > CLASSIFY_MAX_LIST)
				return found;
		}
	return found;
}

static bool last_cells(struct rfc_build *b, unsigned x, unsigned y, uint32_t *at, uint32_t *cell)
{
	const struct classes *p = &b->c[x], *q = y == RFC_NONE ? NULL : &b->c[y];
	size_t columns = q ? q->n : 1, found, before = 0;
	uint32_t entry[2][CLASSIFY_MAX_LIST + 1], *last = NULL;
	unsigned now = 0;

	for (size_t i = 0; i < p->n; i++) {
		size_t n = nonzero(p, i, at);

		if (!classify_work(b->t, (n + CLASSIFY_CELL_WORK) * columns))
			return false;
		for (size_t j = 0; j < columns; j++, cell++) {
			found = entries_of(b, classes_set(p, i), q ? classes_set(q, j) : NULL, at, n, entry[now]);
			if (last && found == before && !memcmp(entry[0], entry[1], found * sizeof(**entry))) {
				*cell = *last;
				continue;
			}
			*cell = lists_add(b->t, &b->lists, entry[now], found);
			if (*cell == UINT32_MAX)
				return false;
			before = found;
			last = cell;
			now ^= 1;
		}
	}
	return true;
}

/* Class @x's numbers become what @to says, in all that says them: a dimension's map, which is not made yet, or a step's table. */
static void rename_class(struct rfc_build *b, unsigned x, const uint32_t *to, size_t n)
{
	unsigned dims = b->rfc->n_dims;

	if (x == RFC_NONE)
		return;
	if (x < dims) {
		struct dim_class_map *m = &b->map[x];

		m->absent = to[m->absent];
		for (unsigned f = 0; f < b->t->r->dim[x].n; f++)
			for (size_t i = 0; i < m->piece[f].n; i++)
				m->piece[f].v[i].v = to[m->piece[f].v[i].v];
	} else {
		const struct rfc_step *s = &b->rfc->step[x - dims];
		uint16_t *cell = image_at(b->t->im, *(const uint32_t *)image_at(b->t->im, rfc_step_at(b->rfc, x - dims)));

		for (size_t i = 0; i < b->c[s->a].n * b->c[s->b].n; i++)
			cell[i] = (uint16_t)to[cell[i]];
	}
	b->c[x].n = n;
}

/* Classes that are alike in all that comes of them become one. */
static void merge(struct rfc_build *b, unsigned x, unsigned y, uint32_t *cell, size_t *cells)
{
	size_t n_rows = b->c[x].n, n_columns = y == RFC_NONE ? 1 : b->c[y].n;
	uint32_t *row = arena_array(b->t->a, n_rows, sizeof(*row)), *column = arena_array(b->t->a, n_columns, sizeof(*column));

	classify_merge(b->t->a, cell, &n_rows, &n_columns, row, column);
	rename_class(b, x, row, n_rows);
	rename_class(b, y, column, n_columns);
	*cells = n_rows * n_columns;
}

/* The last table, and the lists that it says. */
static bool last_step(struct rfc_build *b, unsigned s, unsigned x, unsigned y)
{
	size_t cells, table, off;
	uint32_t *cell, *at;
	bool ok;

	if (y != RFC_NONE)
		order(b, &x, &y);
	cells = b->c[x].n * (y == RFC_NONE ? 1 : b->c[y].n);
	KNOWN(cells && b->c[x].words);		/* what no rule asks is a class, too */
	/* before equal ones become one: about that much is left */
	if (!classify_room(b->t, cells))
		return false;
	cell = malloc(cells * sizeof(*cell));
	at = malloc(b->c[x].words * sizeof(*at));
	ok = (cell && at) ? last_cells(b, x, y, at, cell) : out_of_memory(b->t);
	b->rfc->wide = b->lists.word.n > UINT16_MAX;
	if (ok)
		merge(b, x, y, cell, &cells);
	ok = ok && step_table(b, s, x, y, b->rfc->wide ? 4 : 2, &table) && add(b->t, 4 * b->lists.word.n, 64, &off);
	if (ok) {
		for (size_t i = 0; i < cells; i++) {
			if (b->rfc->wide)
				((uint32_t *)image_at(b->t->im, table))[i] = cell[i];
			else
				((uint16_t *)image_at(b->t->im, table))[i] = (uint16_t)cell[i];
		}
		memcpy(image_at(b->t->im, off), b->lists.word.v, 4 * b->lists.word.n);
		describe(b->t, b->rfc->at + 4 * RFC_LISTS, (uint32_t)off);
	}
	free(cell);
	free(at);
	return ok;
}

/* The two of @left with the fewest classes; they are taken out. */
static void take_two(const struct rfc_build *b, unsigned *left, unsigned *n, unsigned *x, unsigned *y)
{
	for (unsigned k = 0; k < 2; k++) {
		unsigned least = 0;

		for (unsigned i = 1; i < *n; i++)
			if (b->c[left[i]].n < b->c[left[least]].n)
				least = i;
		*(k ? y : x) = left[least];
		memmove(left + least, left + least + 1, (--*n - least) * sizeof(*left));
	}
}

/* Combines what is in @left until there are @until. */
static bool combine(struct rfc_build *b, unsigned *left, unsigned *n, unsigned until)
{
	while (*n > until) {
		unsigned x, y, s = b->rfc->n_steps++;

		take_two(b, left, n, &x, &y);
		if (!product(b, s, x, y))
			return false;
		left[(*n)++] = b->rfc->n_dims + s;
	}
	return true;
}

static bool steps(struct rfc_build *b)
{
	const struct classify_rules *r = b->t->r;
	unsigned small[RFC_MAX_DIMS + 1], large[RFC_MAX_DIMS + 1], n_small = 0, n_large = 0;

	for (unsigned d = 0; d < r->n_dims; d++) {
		if (b->c[d].n < 2)
			continue;
		if (classify_widest(&r->dim[d]) <= 16)
			small[n_small++] = d;
		else
			large[n_large++] = d;
	}
	if (!n_small || !n_large) {
		unsigned *left = n_small ? small : large, *n = n_small ? &n_small : &n_large;

		return combine(b, left, n, 2) && last_step(b, b->rfc->n_steps++, *n ? left[0] : RFC_NONE, *n > 1 ? left[1] : RFC_NONE);
	}
	return combine(b, small, &n_small, 1) && combine(b, large, &n_large, 1) && last_step(b, b->rfc->n_steps++, small[0], large[0]);
}

static bool maps(struct rfc_build *b)
{
	struct attempt *t = b->t;

	for (unsigned d = 0; d < t->r->n_dims; d++) {
		struct rfc_dim *rd = &b->rfc->dim[d];

		if (b->c[d].n < 2)
			continue;
		rd->n = t->r->dim[d].n;
		describe(t, rd->at, b->map[d].absent);
		for (unsigned f = 0; f < rd->n; f++) {
			rd->field[f].at = rd->at + 4 + 4 * (size_t)MAP_DESC * f;
			if (!map_build(t->im, &rd->field[f], t->r->dim[d].field[f].bits, b->map[d].piece[f].v, b->map[d].piece[f].n))
				return classify_fail(t, "no room for the tables of %s", t->r->dim[d].field[f].name);
		}
	}
	return classify_room(t, 0);
}

static bool describe_all(struct rfc_build *b)
{
	const struct classify_rules *r = b->t->r;

	if (!classify_describe(b->t, 4 * (RFC_STEPS + 2 * RFC_MAX_DIMS), &b->rfc->at))
		return false;
	for (unsigned d = 0; d < r->n_dims; d++)
		if (!classify_describe(b->t, 4 + 4 * (size_t)MAP_DESC * r->dim[d].n, &b->rfc->dim[d].at))
			return false;
	return true;
}

/* The class of a packet of which nothing is asked: it matches all. */
static bool all_terms(struct rfc_build *b)
{
	uint64_t *set = arena_array(b->t->a, (b->n + 63) / 64 + 1, sizeof(*set));

	for (size_t i = 0; i < b->n; i++)
		set[i / 64] |= (uint64_t)1 << i % 64;
	classes_init(&b->c[RFC_NONE], (b->n + 63) / 64);
	return classes_add(&b->c[RFC_NONE], set) == 0 || out_of_memory(b->t);
}

bool classify_rfc(struct attempt *t, const uint32_t *term, size_t n, struct rfc *rfc)
{
	struct rfc_build *b = arena_alloc(t->a, sizeof(*b));
	bool ok;

	*rfc = (struct rfc){ .n_dims = t->r->n_dims };
	*b = (struct rfc_build){ .t = t, .term = term, .n = n, .rfc = rfc };
	ok = all_terms(b) && lists_init(t, &b->lists) && describe_all(b);
	for (unsigned d = 0; d < rfc->n_dims && ok; d++)
		ok = dim_classes(t, d, term, n, &b->c[d], &b->map[d]);
	ok = ok && steps(b) && maps(b);
	for (unsigned i = 0; i <= RFC_NONE; i++)
		classes_free(&b->c[i]);
	lists_free(&b->lists);
	return ok;
}
