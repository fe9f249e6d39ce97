/*
 * The arena: what comes out of it is zeroed, aligned, and does not overlap; what was released comes again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arena.h"

static void alignment_and_zero(void **state)
{
	struct arena *a = arena_new();
	unsigned char *before = NULL;
	size_t before_len = 0;

	(void)state;
	for (size_t size = 0; size < 3000; size += 7) {
		unsigned char *p = arena_alloc(a, size);

		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xaa, size);
		if (before)
			assert_true(p >= before + before_len || p + size <= before);
		before = p;
		before_len = size;
	}
	arena_free(a);
}

static void larger_than_a_chunk(void **state)
{
	struct arena *a = arena_new();
	char *small = arena_alloc(a, 10), *large = arena_alloc(a, 1 << 20), *after = arena_alloc(a, 10);

	(void)state;
	memset(large, 1, 1 << 20);
	memset(small, 2, 10);
	memset(after, 3, 10);
	assert_int_equal(large[0], 1);
	assert_int_equal(large[(1 << 20) - 1], 1);
	assert_int_equal(small[9], 2);
	arena_free(a);
}

static void texts(void **state)
{
	struct arena *a = arena_new();
	char long_text[5000];

	(void)state;
	assert_string_equal(arena_strndup(a, "abcdef", 3), "abc");
	assert_string_equal(arena_strndup(a, "", 0), "");
	assert_int_equal(memcmp(arena_strndup(a, "a\0b", 3), "a\0b", 4), 0);
	assert_int_equal(memcmp(arena_copy(a, "xyz", 4), "xyz", 4), 0);
	assert_non_null(arena_copy(a, "", 0));
	assert_string_equal(arena_printf(a, "%s-%d", "x", 5), "x-5");
	assert_string_equal(arena_printf(a, "%s", ""), "");
	memset(long_text, 'y', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	assert_string_equal(arena_printf(a, "%s", long_text), long_text);
	arena_free(a);
}

static void vectors(void **state)
{
	struct arena *a = arena_new();
	VEC(int) v = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		*vec_add(a, &v) = i;
	assert_int_equal(v.n, 1000);
	assert_true(v.cap >= v.n);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(v.v[i], i);
	assert_int_equal(*vec_add(a, &v), 0);
	arena_free(a);
}

static void nothing(void **state)
{
	(void)state;
	arena_free(NULL);
	arena_free(arena_new());
}

/* What stood before the mark stays, what came behind it goes, and what comes then is zeroed, in small and in large. */
static void marks(void **state)
{
	struct arena *a = arena_new();
	char *kept = arena_strndup(a, "kept", 4);

	(void)state;
	for (size_t round = 0; round < 50; round++) {
		struct arena_mark mark = arena_mark(a), inner;
		unsigned char *p;

		for (size_t size = 1; size < 40000; size = size * 3 / 2 + 7) {
			p = arena_alloc(a, size);
			for (size_t i = 0; i < size; i++)
				assert_int_equal(p[i], 0);
			memset(p, 0xaa, size);
			assert_string_equal(arena_printf(a, "%zu", size) + 0, arena_printf(a, "%zu", size));
		}
		inner = arena_mark(a);
		memset(arena_alloc(a, 1 << 20), 0xbb, 1 << 20);
		arena_release(a, inner);
		p = arena_alloc(a, 1 << 20);
		assert_int_equal(p[0] | p[(1 << 20) - 1], 0);
		arena_release(a, mark);
		assert_string_equal(kept, "kept");
	}
	arena_release(a, (struct arena_mark){ 0 });
	assert_string_equal(arena_strndup(a, "new", 3), "new");
	arena_free(a);
}

/* Lists grow where they are, or move; another thing behind them is not touched. */
static void vectors_side_by_side(void **state)
{
	struct arena *a = arena_new();
	VEC(uint64_t) x = { 0 }, y = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 20000; i++) {
		uint64_t *p = vec_add(a, &x);

		assert_int_equal(*p, 0);
		*p = i;
		if (i % 7 == 0)
			*vec_add(a, &y) = ~i;
	}
	for (uint64_t i = 0; i < x.n; i++)
		assert_int_equal(x.v[i], i);
	for (uint64_t i = 0; i < y.n; i++)
		assert_true(y.v[i] == ~(7 * i));
	arena_free(a);
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a < *(const int *)b ? -1 : *(const int *)a > *(const int *)b;
}

/* Nothing is also asked of arrays where nothing is yet. */
static void empty_vectors(void **state)
{
	VEC(int) v = { 0 };

	(void)state;
	vec_sort(&v, by_number);
	assert_null(v.v);
	assert_non_null(heap_add(&v, 0));
	assert_int_equal(v.n, 0);
	for (int i = 0; i < 100; i++)
		*heap_add(&v, 1) = (37 * i) % 100;
	assert_ptr_equal(heap_add(&v, 0), v.v + 100);
	vec_sort(&v, by_number);
	for (int i = 0; i < 100; i++)
		assert_int_equal(v.v[i], i);
	free(v.v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alignment_and_zero), cmocka_unit_test(larger_than_a_chunk), cmocka_unit_test(texts),
		cmocka_unit_test(vectors), cmocka_unit_test(marks), cmocka_unit_test(vectors_side_by_side), cmocka_unit_test(nothing),
		cmocka_unit_test(empty_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
