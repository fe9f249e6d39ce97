/*
 * Tables of what buckets leave open of exact keys, at their edges: each kind of lanes, full buckets, keys that crowd. In: sets, some made by turning
 * the table's order of numbers round. What is in a set is asked of its keys themselves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "table/set.h"

struct sample {
	size_t n;			/* keys, ascending */
	uint64_t *key;
	struct image image;
	struct set_table table;
};

static uint64_t seed = 0x123456789abcdefull;

static uint32_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed * 0x2545f4914f6cdd1dull >> 32);
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The keys are put in order, and each is left once. NULL, or why there is no table of them. */
static const char *build(struct sample *s)
{
	uint64_t *pair = malloc((s->n + 1) * 2 * sizeof(*pair));
	size_t n = 0, bounds;
	const char *bad;

	qsort(s->key, s->n, sizeof(*s->key), by_number);
	for (size_t i = 0; i < s->n; i++)
		if (!i || s->key[i] != s->key[n - 1])
			s->key[n++] = s->key[i];
	s->n = n;
	for (size_t i = 0; i < n; i++)
		pair[2 * i] = pair[2 * i + 1] = s->key[i];
	bounds = set_boundaries(pair, n, 1, 32);
	bad = set_build(&s->image, &(struct set_elements){ 1, 32, bounds, pair }, &(struct set_options){ .engine = SET_QUOTIENT, .single = true },
			&s->table);
	free(pair);
	return bad;
}

static const struct set_head *head(const struct sample *s)
{
	return image_at(&s->image, s->table.off);
}

static void ask(const struct sample *s, uint64_t key)
{
	key &= UINT32_MAX;
	assert_int_equal(set_has(head(s), &key), bsearch(&key, s->key, s->n, sizeof(key), by_number) != NULL);
}

static void done(struct sample *s)
{
	image_free(&s->image);
	free(s->key);
}

static uint32_t inverse(uint32_t odd)
{
	uint32_t x = odd;

	for (unsigned i = 0; i < 5; i++)
		x *= 2 - odd * x;
	return x;
}

/* Of the table's order: the key's number, … */
static uint32_t number_of(uint64_t key, uint32_t order)
{
	uint32_t n = (uint32_t)key * order;

	return (n ^ n >> SET_QUOTIENT_SHIFT) * SET_QUOTIENT_LAST;
}

/* … and the other way. */
static uint64_t key_of(uint32_t number, uint32_t order)
{
	uint32_t n = number * inverse(SET_QUOTIENT_LAST);

	return (n ^ n >> SET_QUOTIENT_SHIFT) * inverse(order);
}

/* The least number there that is in the bucket. */
static uint32_t first_of(const struct set_head *h, uint64_t bucket)
{
	return (uint32_t)(((bucket << 32) + h->quotient.buckets - 1) / h->quotient.buckets);
}

/* Each kind of lanes, where it begins and ends, and at powers of two; without and with the least key, the greatest, and two side by side. */
static void test_kinds(void **state)
{
	static const struct {
		size_t n;
		uint32_t most;
	} kinds[] = {
		{ 1, UINT32_MAX }, { 2, UINT32_MAX }, { 64, UINT32_MAX }, { 4096, UINT32_MAX }, { 8500, UINT32_MAX }, { 9500, (1 << 21) - 1 },
		{ 65536, (1 << 21) - 1 }, { 500000, (1 << 21) - 1 }, { 1 << 19, (1 << 16) - 1 }, { 600000, (1 << 16) - 1 },
	};

	(void)state;
	for (unsigned k = 0; k < 2 * sizeof(kinds) / sizeof(kinds[0]); k++) {
		struct sample s = { kinds[k / 2].n, calloc(kinds[k / 2].n, sizeof(uint64_t)), { 0 }, { 0 } };
		uint32_t order;

		for (size_t i = 0; i < s.n; i++)
			s.key[i] = rnd();
		if (k % 2 && s.n > 2) {
			s.key[0] = 0;
			s.key[1] = s.key[2] ^ 1;
		}
		if (k % 2)
			s.key[s.n - 1] = UINT32_MAX;
		assert_null(build(&s));
		assert_int_equal(head(&s)->quotient.most, kinds[k / 2].most);
		order = head(&s)->quotient.order;
		for (size_t i = 0; i < s.n; i += s.n > 100000 ? 7 : 1) {
			ask(&s, s.key[i]);
			ask(&s, s.key[i] + 1);
			ask(&s, s.key[i] - 1);
			/* its neighbours there */
			ask(&s, key_of(number_of(s.key[i], order) + 1, order));
			ask(&s, key_of(number_of(s.key[i], order) - 1, order));
		}
		for (uint64_t edge = 0; edge < 4; edge++)
			ask(&s, edge - 2);
		done(&s);
	}
}

/* With the fewest buckets that a kind may have, a lane tells all numbers of one apart, and is never that of nothing. */
static void test_lanes(void **state)
{
	static const struct {
		uint32_t most, buckets;
	} kinds[] = { { (1 << 16) - 1, 65538 }, { (1 << 21) - 1, 2049 } };

	(void)state;
	for (unsigned k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		struct set_head h = { .quotient = { .most = kinds[k].most, .buckets = kinds[k].buckets, .order = 0x12345671 } };

		for (uint32_t bucket = 0; bucket + 1 < h.quotient.buckets; bucket += 1 + h.quotient.buckets / 64) {
			uint32_t lane, before = 0;

			for (uint32_t number = first_of(&h, bucket); number < first_of(&h, bucket + 1); number++) {
				assert_int_equal(set_quotient(&h, key_of(number, h.quotient.order), &lane), bucket);
				assert_true(lane > before && lane <= h.quotient.most);
				before = lane;
			}
			assert_true(before > h.quotient.most - h.quotient.most / 1000);
		}
	}
}

/* From one key in a bucket to more than it has room for, whatever else is in the set. */
static void test_full(void **state)
{
	static const size_t others[] = { 200, 9500, 520000 };

	(void)state;
	for (unsigned o = 0; o < sizeof(others) / sizeof(others[0]); o++)
		for (unsigned full = others[o] > 10000 ? 15 : 1; full < 20; full += others[o] > 10000 ? 2 : 1) {
			struct sample s = { others[o], calloc(others[o] + full, sizeof(uint64_t)), { 0 }, { 0 } };
			uint32_t order, first = (uint32_t)1 << 31;

			for (size_t i = 0; i < s.n; i++)
				s.key[i] = rnd();
			assert_null(build(&s));
			order = head(&s)->quotient.order;
			for (unsigned i = 0; i < full; i++)
				s.key[s.n++] = key_of(first + 2 * i, order);
			image_free(&s.image);
			s.image = (struct image){ 0 };
			assert_null(build(&s));
			assert_int_equal(head(&s)->quotient.order, order);
			assert_true(head(&s)->quotient.others || full <= 16);
			for (size_t i = 0; i < s.n; i += s.n > 100000 ? 7 : 1)
				ask(&s, s.key[i]);
			for (uint32_t i = 0; i < 100; i++)
				ask(&s, key_of(first - 50 + i, order));
			done(&s);
		}
}

/* Keys that crowd in a few buckets are put in another order; where others of them crowd there, in the next one, until it is enough. */
static void test_crowd(void **state)
{
	enum { N = 3000, ORDERS = 4 };
	uint32_t order[ORDERS];

	(void)state;
	for (unsigned orders = 0; orders <= ORDERS; orders++) {
		struct sample s = { (orders + 1) * N, calloc((ORDERS + 1) * N, sizeof(uint64_t)), { 0 }, { 0 } };

		for (size_t i = 0; i < s.n; i++)
			s.key[i] = i < N ? rnd() : key_of((uint32_t)(1u << 30) + (uint32_t)i, order[i / N - 1]);
		if (orders == ORDERS) {
			assert_non_null(build(&s));
			assert_int_equal(s.image.n, 0);
		} else {
			assert_null(build(&s));
			order[orders] = head(&s)->quotient.order;
			for (unsigned k = 0; k < orders; k++)
				assert_int_not_equal(order[k], order[orders]);
			for (size_t i = 0; i < s.n; i++)
				ask(&s, s.key[i]);
		}
		done(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds), cmocka_unit_test(test_lanes), cmocka_unit_test(test_full), cmocka_unit_test(test_crowd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
