/*
 * The arena: what comes out of it is zeroed, aligned, and does not overlap.
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alignment_and_zero), cmocka_unit_test(larger_than_a_chunk), cmocka_unit_test(texts),
		cmocka_unit_test(vectors), cmocka_unit_test(nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
