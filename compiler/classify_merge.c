/*
 * Rows of a table that are equal become one, and columns. In: a table, row by row. Out: the same without those, and which row and column each of
 * them is now. Combinations that no packet has, and rules that others hide, are what makes them.
 */
#include "classify_priv.h"

#include <string.h>

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15;
	return h ^ h >> 32;
}

struct table {
	uint32_t *cell;
	size_t rows, columns;
};

static bool same_row(const struct table *t, size_t a, size_t b)
{
	return !memcmp(t->cell + a * t->columns, t->cell + b * t->columns, t->columns * sizeof(*t->cell));
}

static bool same_column(const struct table *t, size_t a, size_t b)
{
	size_t i = 0;

	while (i < t->rows && t->cell[i * t->columns + a] == t->cell[i * t->columns + b])
		i++;
	return i == t->rows;
}

/* Which of the @n are the first of their kind, and which of those each is: @to; their number. @hash: of each. */
static size_t first_ones(struct arena *a, const struct table *t, size_t n, const uint64_t *hash, bool (*same)(const struct table *, size_t, size_t),
			 uint32_t *to)
{
	size_t slots = 16, found = 0;
	uint32_t *slot, *first = arena_array(a, n, sizeof(*first));

	while (slots < 2 * n)
		slots *= 2;
	slot = arena_array(a, slots, sizeof(*slot));		/* 1 and the place in .first, or 0 */
	for (size_t i = 0; i < n; i++) {
		size_t at = hash[i] & (slots - 1);

		while (slot[at] && (hash[first[slot[at] - 1]] != hash[i] || !same(t, first[slot[at] - 1], i)))
			at = (at + 1) & (slots - 1);
		if (!slot[at]) {
			first[found++] = (uint32_t)i;
			slot[at] = (uint32_t)found;
		}
		to[i] = slot[at] - 1;
	}
	return found;
}

static void rows(struct arena *a, struct table *t, uint32_t *to)
{
	uint64_t *hash = arena_array(a, t->rows, sizeof(*hash));
	size_t n, next = 0;

	for (size_t i = 0; i < t->rows; i++)
		for (size_t j = 0; j < t->columns; j++)
			hash[i] = mix(hash[i], t->cell[i * t->columns + j]);
	n = first_ones(a, t, t->rows, hash, same_row, to);
	for (size_t i = 0; i < t->rows && next < n; i++)
		if (to[i] == next)
			memmove(t->cell + next++ * t->columns, t->cell + i * t->columns, t->columns * sizeof(*t->cell));
	t->rows = n;
}

static void columns(struct arena *a, struct table *t, uint32_t *to)
{
	uint64_t *hash = arena_array(a, t->columns, sizeof(*hash));
	uint32_t *out = t->cell;
	size_t n;

	for (size_t i = 0; i < t->rows; i++)
		for (size_t j = 0; j < t->columns; j++)
			hash[j] = mix(hash[j], t->cell[i * t->columns + j]);
	n = first_ones(a, t, t->columns, hash, same_column, to);
	for (size_t i = 0; i < t->rows; i++) {
		size_t next = 0;

		for (size_t j = 0; j < t->columns; j++)
			if (to[j] == next) {
				*out++ = t->cell[i * t->columns + j];
				next++;
			}
	}
	t->columns = n;
}

void classify_merge(struct arena *a, uint32_t *cell, size_t *n_rows, size_t *n_columns, uint32_t *row, uint32_t *column)
{
	struct table t = { cell, *n_rows, *n_columns };

	rows(a, &t, row);
	columns(a, &t, column);
	*n_rows = t.rows;
	*n_columns = t.columns;
}
