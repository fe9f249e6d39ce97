/*
 * Names and keys: sets, limits and tables by what rules call them, alone and with their file's name; keys by their bytes, among few and many.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "private.h"

static const struct xdpf_file files[] = { { .name = "a.xdpf" }, { .name = "b.xdpf" }, { .name = "c:d" } };
static const struct xdpf_set sets[] = {
	{ .name = "s", .file = 0 }, { .name = "s", .file = 1 }, { .name = "t", .file = 1 }, { .name = "s", .file = 2 }
};
static const struct xdpf_limit limits[] = {
	{ .name = "l", .file = 0 }, { .name = "b.xdpf:3", .file = 1 }, { .name = "b.xdpf:3", .file = 1 }, { .name = "l", .file = 2 },
	{ .name = "b.xdpf:4", .file = 1 }
};
static const struct xdpf_table tables[] = { { .name = "t", .file = 2 }, { .name = "u", .file = 1 }, { .name = "u", .file = 2 } };
static const struct xdpf_meta meta = {
	.files = files, .sets = sets, .limits = limits, .tables = tables, .n_files = 3, .n_sets = 4, .n_limits = 5, .n_tables = 3
};

typedef int (*find_fn)(size_t *at, const struct xdpf_meta *m, const char *name, const struct xdpf_log *log);

/* @at -1: it is refused with @err, and this text. */
static void expect(find_fn fn, const char *name, int at, int err, const char *text)
{
	struct xdpf_message said = { "" };
	const struct xdpf_log log = xdpf_log_keep(&said);
	size_t got = 99;

	assert_int_equal(fn(&got, &meta, name, &log), err);
	assert_int_equal(got, err ? 99 : (size_t)at);
	assert_string_equal(said.text, text);
}

static void names(void **state)
{
	(void)state;
	expect(xdpf_meta_set, "t", 2, 0, "");
	expect(xdpf_meta_set, "b.xdpf:t", 2, 0, "");
	expect(xdpf_meta_set, "a.xdpf:s", 0, 0, "");
	expect(xdpf_meta_set, "b.xdpf:s", 1, 0, "");
	expect(xdpf_meta_set, "c:d:s", 3, 0, "");
	expect(xdpf_meta_set, "s", -1, -ENOTUNIQ, "3 files of the filter have a live set s: say a.xdpf:s or b.xdpf:s or c:d:s");
	expect(xdpf_meta_set, "a.xdpf:t", -1, -ENOENT, "the filter has no live set a.xdpf:t");
	expect(xdpf_meta_set, "a.xdpf", -1, -ENOENT, "the filter has no live set a.xdpf");
	expect(xdpf_meta_set, "", -1, -ENOENT, "the filter has no live set ");
	expect(xdpf_meta_limit, "c:d:l", 3, 0, "");
	expect(xdpf_meta_limit, "l", -1, -ENOTUNIQ, "2 files of the filter have a limit l: say a.xdpf:l or c:d:l");
	expect(xdpf_meta_limit, "b.xdpf:4", 4, 0, "");
	expect(xdpf_meta_limit, "b.xdpf:3", -1, -ENOTUNIQ, "b.xdpf has more than one limit b.xdpf:3: only names in its rules tell them apart");
	expect(xdpf_meta_table, "t", 0, 0, "");
	expect(xdpf_meta_table, "c:d:u", 2, 0, "");
	expect(xdpf_meta_table, "u", -1, -ENOTUNIQ, "2 files of the filter have a table u: say b.xdpf:u or c:d:u");
}

/* Of all sizes, also such as are no number of words; each key is there twice. */
static void keys(void **state)
{
	static unsigned char v[2 * 3000 * XDPF_SET_KEY];

	(void)state;
	for (size_t size = 1; size <= XDPF_SET_KEY; size += size < 10 ? 1 : 9) {
		size_t n = size == 1 ? 100 : 3000;
		struct rt_keytab t;

		memset(v, 0, sizeof(v));
		for (size_t i = 0; i < 2 * n; i++) {
			v[i * size + size - 1] = (unsigned char)(i % n);
			v[i * size + size / 2] |= (unsigned char)(size > 2 ? i % n >> 8 : 0);
			if (size == 2)
				v[i * size] = (unsigned char)(i % n >> 8);
		}
		assert_int_equal(rt_keytab_make(&t, v, 2 * n, size, NULL), 0);
		for (size_t i = 0; i < 2 * n; i++)
			assert_int_equal(rt_keytab_find(&t, v + i * size), i % n);
		v[(2 * n - 1) * size] ^= 0x80;
		assert_int_equal(rt_keytab_find(&t, v + (2 * n - 1) * size), 2 * n);
		rt_keytab_free(&t);
	}
}

static void no_keys(void **state)
{
	struct rt_keytab t;

	(void)state;
	assert_int_equal(rt_keytab_make(&t, NULL, 0, 4, NULL), 0);
	assert_int_equal(rt_keytab_find(&t, "abcd"), 0);
	rt_keytab_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(names), cmocka_unit_test(keys), cmocka_unit_test(no_keys) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
