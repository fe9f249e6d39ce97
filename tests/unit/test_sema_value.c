/*
 * The checker's arithmetic: texts to numbers, prefixes, ranges, masks. What it says about them has goldens.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "sema.h"

static struct value v128(uint64_t hi, uint64_t lo)
{
	return (struct value){ hi, lo };
}

static void assert_value(struct value have, uint64_t hi, uint64_t lo)
{
	assert_int_equal(have.hi, hi);
	assert_int_equal(have.lo, lo);
}

static void test_ip4_text(void **state)
{
	static const char *const bad[] = {
		"", "1", "1.2.3", "1.2.3.", "1.2.3.4.", "1.2.3.4.5", ".1.2.3", "1..2.3", "256.0.0.0", "0.0.0.256", "01.2.3.4",
		"1.2.3.00", "1.2.3.4x", "99999999999999999999.1.1.1", "1.2.3.-4", "0x1.2.3.4",
	};
	struct arena *a = arena_new();
	struct value v;

	(void)state;
	assert_null(text_ip4(a, "192.0.2.1", &v));
	assert_value(v, 0, 0xc0000201);
	assert_null(text_ip4(a, "0.0.0.0", &v));
	assert_value(v, 0, 0);
	assert_null(text_ip4(a, "255.255.255.255", &v));
	assert_value(v, 0, 0xffffffff);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_non_null(text_ip4(a, bad[i], &v));
	arena_free(a);
}

/* Accepts what inet_pton(3) does, and reads it so. */
static void check_ip6(struct arena *a, const char *text)
{
	struct in6_addr want;
	struct value v;
	const char *why = text_ip6(a, text, &v);
	uint64_t hi = 0, lo = 0;

	if (inet_pton(AF_INET6, text, &want) != 1) {
		if (!why)
			fail_msg("`%s` is no address", text);
		return;
	}
	if (why)
		fail_msg("`%s` is an address, but: %s", text, why);
	for (int i = 0; i < 8; i++) {
		hi = hi << 8 | want.s6_addr[i];
		lo = lo << 8 | want.s6_addr[8 + i];
	}
	assert_value(v, hi, lo);
}

static void test_ip6_text(void **state)
{
	static const char *const texts[] = {
		"::", "::1", "1::", "2001:db8::1", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1::8",
		"1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8",
		":", ":::", "1:::2", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "::g", "1:", ":1", "::1:",
		"fe80::1%eth0", "",
		"::ffff:192.0.2.1", "::192.0.2.1", "1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:7:192.0.2.1",
		"1:2:3:4:5:192.0.2.1", "::1.2.3", "::1.2.3.4:5",
		"::256.1.1.1",
		"ABCD::EF01", "0:0:0:0:0:0:0:0", "00001::", "::ffff:192.0.2.1:1", "1.2.3.4", "1.2.3.4::",
	};
	static const char letters[] = "01a:::.f";
	struct arena *a = arena_new();
	char text[24];
	uint32_t r = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_ip6(a, texts[i]);
	for (unsigned i = 0; i < 200000; i++) {
		size_t n;

		r = r * 1664525u + 1013904223u;
		n = r >> 8 & 15;
		for (size_t j = 0; j < n; j++) {
			r = r * 1664525u + 1013904223u;
			text[j] = letters[r >> 24 & 7];
		}
		text[n] = '\0';
		/* Leading zeros in an embedded IPv4 address are refused here whatever the library does. */
		if (!strchr(text, '.'))
			check_ip6(a, text);
	}
	arena_free(a);
}

static void test_bytes_text(void **state)
{
	static const char *const bad[] = { "", ":", "1:", ":1", "1::2", "100", "1:100", "g", "1:2g", "1.2" };
	struct arena *a = arena_new();
	uint8_t out[4];
	size_t n;

	(void)state;
	assert_null(text_bytes(a, "ff:0:1A", out, sizeof(out), &n));
	assert_int_equal(n, 3);
	assert_memory_equal(out, "\xff\x00\x1a", 3);
	assert_null(text_bytes(a, "1:2:3:4:5:6", out, sizeof(out), &n));
	assert_int_equal(n, 6);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_non_null(text_bytes(a, bad[i], out, sizeof(out), &n));
	arena_free(a);
}

static void test_quantities(void **state)
{
	static const struct {
		const char *text;
		enum qty_unit unit;
		uint64_t value;
	} rows[] = {
		{ "10k", QTY_PLAIN, 10000 }, { "1M", QTY_PLAIN, 1000000 }, { "2G", QTY_PLAIN, 2000000000 },
		{ "1.5k", QTY_PLAIN, 1500 },
		{ "1Ki", QTY_PLAIN, 1024 }, { "64KiB", QTY_BYTES, 65536 }, { "1.5KiB", QTY_BYTES, 1536 },
		{ "2MiB", QTY_BYTES, 2 << 20 },
		{ "9kB", QTY_BYTES, 9000 }, { "9B", QTY_BYTES, 9 }, { "1.23456k", QTY_OTHER, 0 }, { "1.5B", QTY_OTHER, 0 },
		{ "10K", QTY_OTHER, 0 },
		{ "10m", QTY_TIME, 0 }, { "500ms", QTY_TIME, 0 }, { "1h", QTY_TIME, 0 }, { "10Mbit/s", QTY_RATE, 0 },
		{ "5/s", QTY_RATE, 0 },
		{ "1%", QTY_SHARE, 0 }, { "99999999999999999999k", QTY_TOO_BIG, 0 }, { "18446744073709551615G", QTY_TOO_BIG, 0 },
		{ "k", QTY_OTHER, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t v = 0;

		if (text_quantity(rows[i].text, &v) != rows[i].unit)
			fail_msg("%s", rows[i].text);
		if (rows[i].unit == QTY_PLAIN || rows[i].unit == QTY_BYTES)
			assert_int_equal(v, rows[i].value);
	}
}

static void test_prefixes(void **state)
{
	(void)state;
	assert_value(prefix_host_mask(32, 0), 0, 0xffffffff);
	assert_value(prefix_host_mask(32, 8), 0, 0x00ffffff);
	assert_value(prefix_host_mask(32, 32), 0, 0);
	assert_value(prefix_host_mask(128, 0), UINT64_MAX, UINT64_MAX);
	assert_value(prefix_host_mask(128, 1), UINT64_MAX >> 1, UINT64_MAX);
	assert_value(prefix_host_mask(128, 63), 1, UINT64_MAX);
	assert_value(prefix_host_mask(128, 64), 0, UINT64_MAX);
	assert_value(prefix_host_mask(128, 65), 0, UINT64_MAX >> 1);
	assert_value(prefix_host_mask(128, 128), 0, 0);
}

/* Sets of the numbers 0..31 of two families, as bits. */
static size_t from_bits(uint32_t four, uint32_t six, struct range *out)
{
	size_t n = 0;

	for (int f = 0; f < 2; f++) {
		uint32_t bits = f ? six : four;

		for (unsigned i = 0; i < 32; i++) {
			if (!(bits >> i & 1))
				continue;
			if (i && bits >> (i - 1) & 1)
				out[n - 1].hi = value_of(i);
			else
				out[n++] = (struct range){ f ? FAMILY_IP6 : FAMILY_IP4, value_of(i), value_of(i) };
		}
	}
	return n;
}

static void assert_bits(const struct range *v, size_t n, uint32_t four, uint32_t six)
{
	struct range want[32];
	size_t m = from_bits(four, six, want);

	assert_int_equal(n, m);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(v[i].family, want[i].family);
		assert_int_equal(value_cmp(v[i].lo, want[i].lo), 0);
		assert_int_equal(value_cmp(v[i].hi, want[i].hi), 0);
	}
}

static void test_ranges(void **state)
{
	struct arena *a = arena_new();
	uint64_t r = 1;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t bits[4];
		struct range x[32], y[32];
		struct ranges both, less;
		size_t nx, ny;

		for (int k = 0; k < 4; k++) {
			r = r * 6364136223846793005u + 1442695040888963407u;
			bits[k] = (uint32_t)(r >> 32);
			r = r * 6364136223846793005u + 1442695040888963407u;
			bits[k] &= i & 1 ? (uint32_t)(r >> 32) : UINT32_MAX;
		}
		nx = from_bits(bits[0], bits[1], x);
		ny = from_bits(bits[2], bits[3], y);
		both = ranges_and(a, x, nx, y, ny);
		assert_bits(both.v, both.n, bits[0] & bits[2], bits[1] & bits[3]);
		less = ranges_minus(a, x, nx, y, ny);
		assert_bits(less.v, less.n, bits[0] & ~bits[2], bits[1] & ~bits[3]);
	}
	arena_free(a);
}

static void test_merge(void **state)
{
	struct arena *a = arena_new();
	uint64_t r = 7;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct item v[12];
		uint32_t four = 0, six = 0;
		struct range out[12];
		const struct ast_value at[12] = { 0 };
		struct twice dup;
		bool twice = false;
		size_t n = i % 12;

		for (size_t k = 0; k < n; k++) {
			unsigned lo, hi;
			uint32_t bits, *all;

			r = r * 6364136223846793005u + 1442695040888963407u;
			lo = (unsigned)(r >> 40 & 31);
			hi = lo + (unsigned)(r >> 50 & 3);
			hi = hi > 31 ? 31 : hi;
			all = r >> 60 & 1 ? &six : &four;
			bits = (uint32_t)(value_ones(hi + 1).lo & ~value_ones(lo).lo);
			twice |= (*all & bits) != 0;
			*all |= bits;
			v[k] = (struct item){ { all == &six ? FAMILY_IP6 : FAMILY_IP4, value_of(lo), value_of(hi) }, &at[k] };
		}
		n = items_merge(a, v, n, &dup);
		for (size_t k = 0; k < n; k++)
			out[k] = v[k].r;
		assert_bits(out, n, four, six);
		assert_int_equal(dup.at != NULL, twice);
	}
	arena_free(a);
}

static void test_merge_at_the_top(void **state)
{
	struct item v[2] = { { { FAMILY_IP6, { 5, 0 }, { UINT64_MAX, UINT64_MAX } }, NULL },
			     { { FAMILY_IP6, { 0, 0 }, { 4, UINT64_MAX } }, NULL } };
	struct twice twice;
	struct arena *a = arena_new();

	(void)state;
	assert_int_equal(items_merge(a, v, 2, &twice), 1);
	assert_null(twice.at);
	assert_value(v[0].r.lo, 0, 0);
	assert_value(v[0].r.hi, UINT64_MAX, UINT64_MAX);
	/* behind it nothing begins: what comes lies in it */
	v[1] = (struct item){ { FAMILY_IP6, { 7, 0 }, { 8, 0 } }, NULL };
	assert_int_equal(items_merge(a, v, 2, &twice), 1);
	assert_value(v[0].r.hi, UINT64_MAX, UINT64_MAX);
	arena_free(a);
}

static void test_masks(void **state)
{
	(void)state;
	for (unsigned mask = 0; mask < 64; mask++)
		for (unsigned lo = 0; lo < 64; lo++)
			for (unsigned hi = lo; hi < 64; hi++) {
				bool want = false;

				for (unsigned i = lo; i <= hi; i++)
					want |= !(i & ~mask);
				assert_int_equal(mask_reaches(value_of(mask), value_of(lo), value_of(hi)), want);
			}
	assert_true(mask_reaches(v128(1, 0), v128(0, 1), v128(1, 0)));
	assert_false(mask_reaches(v128(1, 0), v128(0, 1), v128(0, UINT64_MAX)));
	assert_false(mask_reaches(v128(UINT64_MAX, 0), v128(UINT64_MAX, 1), v128(UINT64_MAX, 9)));
}

static void test_show(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	assert_string_equal(value_show(a, KIND_IP, FAMILY_IP4, value_of(0xc0000201)), "192.0.2.1");
	assert_string_equal(value_show(a, KIND_IP, FAMILY_IP6, v128(0, 0)), "::");
	assert_string_equal(value_show(a, KIND_IP, FAMILY_IP6, v128(0, 1)), "::1");
	assert_string_equal(value_show(a, KIND_IP, FAMILY_IP6, v128(0x20010db800000000, 0)), "2001:db8::");
	assert_string_equal(value_show(a, KIND_IP, FAMILY_IP6, v128(0x0001000200030004, 0x0005000600070008)), "1:2:3:4:5:6:7:8");
	assert_string_equal(value_show(a, KIND_IP, FAMILY_IP6, v128(0x0001000000030004, 0x0005000600070008)), "1:0:3:4:5:6:7:8");
	assert_string_equal(value_show(a, KIND_IP, FAMILY_IP6, v128(0x0001000000000004, 0x0000000000000008)), "1:0:0:4::8");
	assert_string_equal(value_show(a, KIND_MAC, FAMILY_NUM, value_of(0x020000000001)), "02:00:00:00:00:01");
	assert_string_equal(value_show(a, KIND_NUM, FAMILY_NUM, value_of(UINT64_MAX)), "18446744073709551615");
	arena_free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ip4_text), cmocka_unit_test(test_ip6_text), cmocka_unit_test(test_bytes_text),
		cmocka_unit_test(test_quantities), cmocka_unit_test(test_prefixes), cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_merge), cmocka_unit_test(test_merge_at_the_top),
		cmocka_unit_test(test_masks), cmocka_unit_test(test_show),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
