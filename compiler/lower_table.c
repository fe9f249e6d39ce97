/*
 * Constant tables that MEMBER searches, made of ranges. In: ranges in any order. Out: an ir_table, made once for the same contents.
 */
#include "lower.h"

#include <stdlib.h>
#include <string.h>

static int by_lo(const void *a, const void *b)
{
	return value_cmp(((const struct range *)a)->lo, ((const struct range *)b)->lo);
}

static struct value after(struct value v)
{
	return (struct value){ v.hi + (v.lo == UINT64_MAX), v.lo + 1 };
}

/* The place of the table, or of one that is the same: a list that many rules name is one table. */
static size_t table_add(struct lower *l, struct ir_table t)
{
	for (size_t i = 0; i < l->ir->table.n; i++) {
		const struct ir_table *o = l->ir->table.v[i];

		if (o->words == t.words && o->width == t.width && o->bounds == t.bounds && o->n == t.n &&
		    !memcmp(o->word, t.word, t.n * t.words * sizeof(*t.word)))
			return i;
	}
	t.span = l->span;
	*vec_add(l->arena, &l->ir->table) = arena_copy(l->arena, &t, sizeof(t));
	return l->ir->table.n - 1;
}

/* Numbers of @bits bits that are in one of the ranges of @family. */
size_t lower_table_bounds(struct lower *l, const char *name, const struct range *r, size_t n, enum family family, unsigned bits)
{
	struct ir_table t = { .name = name, .words = bits > 64 ? 2 : 1, .width = bits > 32 ? 64 : 32, .bounds = true };
	struct range *sorted;
	size_t m = 0;

	for (size_t i = 0; i < l->made.n; i++)
		if (l->made.v[i].ranges == r && l->made.v[i].family == family && l->made.v[i].bits == bits)
			return l->made.v[i].table;
	sorted = arena_array(l->arena, n, sizeof(*sorted));
	for (size_t i = 0; i < n; i++)
		if (r[i].family == family && lower_clip(&r[i], bits, &sorted[m]))
			m++;
	qsort(sorted, m, sizeof(*sorted), by_lo);
	t.word = arena_array(l->arena, 2 * m * t.words, sizeof(*t.word));
	for (size_t i = 0; i < m; i++) {
		struct value bound[2] = { sorted[i].lo, after(sorted[i].hi) };

		/* no boundary behind the greatest number: it is not needed, and does not fit */
		for (int k = 0; k < (value_cmp(sorted[i].hi, value_ones(bits)) ? 2 : 1); k++) {
			if (t.words == 2)
				t.word[2 * t.n] = bound[k].hi;
			t.word[t.n * t.words + t.words - 1] = bound[k].lo;
			t.n++;
		}
	}
	*vec_add(l->arena, &l->made) = (struct lower_made){ r, family, bits, table_add(l, t) };
	return l->made.v[l->made.n - 1].table;
}

bool lower_clip(const struct range *r, unsigned bits, struct range *out)
{
	struct value max = value_ones(bits);

	if (value_cmp(r->lo, max) > 0)
		return false;
	*out = *r;
	if (value_cmp(out->hi, max) > 0)
		out->hi = max;
	return true;
}

struct row {
	const uint64_t *word;
	unsigned n;
};

static int by_words(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	for (unsigned i = 0; i < x->n; i++)
		if (x->word[i] != y->word[i])
			return x->word[i] < y->word[i] ? -1 : 1;
	return 0;
}

/* Exact keys of @words words each, @n of them, in any order. */
size_t lower_table_keys(struct lower *l, const char *name, const uint64_t *word, size_t n, unsigned words)
{
	struct ir_table t = { .name = name, .words = words, .width = 64 };
	struct row *rows = arena_array(l->arena, n, sizeof(*rows));

	for (size_t i = 0; i < n; i++)
		rows[i] = (struct row){ word + i * words, words };
	qsort(rows, n, sizeof(*rows), by_words);
	t.word = arena_array(l->arena, n * words, sizeof(*t.word));
	for (size_t i = 0; i < n; i++) {
		if (i && !by_words(&rows[i - 1], &rows[i]))
			continue;
		for (unsigned k = 0; k < words; k++)
			t.word[t.n * words + k] = rows[i].word[k];
		t.n++;
	}
	return table_add(l, t);
}
