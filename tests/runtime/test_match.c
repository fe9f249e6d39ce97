/*
 * Files of two programs, by their names: in the same places and in others, of one name several times, gone and new.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "match.h"

enum { MOST = 4, NONE = -1 };

/* A letter is a file, by its name. */
static struct xdpf_meta files(struct xdpf_file out[MOST], const char *letters)
{
	static const char *const names[] = { "a.xdpf", "b.xdpf", "c.xdpf" };
	struct xdpf_meta m = { .files = out };

	for (; letters[m.n_files]; m.n_files++)
		out[m.n_files] = (struct xdpf_file){ .name = names[letters[m.n_files] - 'a'] };
	return m;
}

static void expect(const char *old, const char *new, const int to[MOST])
{
	struct xdpf_file was[MOST], is[MOST];
	struct xdpf_meta x = files(was, old), y = files(is, new);
	uint32_t *got = NULL;

	assert_int_equal(rt_match_files(&got, &x, &y, NULL), 0);
	for (size_t i = 0; i < x.n_files; i++)
		assert_int_equal(got[i], to[i] == NONE ? RT_NO_INDEX : (uint32_t)to[i]);
	free(got);
}

static void places(void **state)
{
	(void)state;
	expect("abc", "abc", (const int[MOST]){ 0, 1, 2 });
	expect("abc", "cab", (const int[MOST]){ 1, 2, 0 });
	expect("abc", "b", (const int[MOST]){ NONE, 0, NONE });
	expect("b", "abc", (const int[MOST]){ 1 });
	expect("a", "", (const int[MOST]){ NONE });
}

/* Each is paired once, in their order. */
static void one_name(void **state)
{
	(void)state;
	expect("aa", "aa", (const int[MOST]){ 0, 1 });
	expect("aa", "baa", (const int[MOST]){ 1, 2 });
	expect("aa", "ba", (const int[MOST]){ 1, NONE });
	expect("baa", "aab", (const int[MOST]){ 2, 1, 0 });
	expect("aab", "baa", (const int[MOST]){ 1, 2, 0 });
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(places), cmocka_unit_test(one_name) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
