/*
 * Tables of sets: every engine that takes a set says of every key what a walk over the set's ranges says. In: sets made for their edges, and random
 * ones of many shapes. The keys are all boundaries, their neighbours, the least and the greatest key, and random ones near to and far from them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "table/set.h"

enum { MOST = 64 << 20 };

struct sample {
	unsigned words, bits;
	size_t n;			/* ranges, both ends included, in any order */
	uint64_t *pair;			/* room for one more than .n */
};

static uint64_t seed = 0x123456789abcdefull;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1dull;
}

static struct sample sample_new(unsigned bits, size_t n)
{
	unsigned words = (bits + 63) / 64;

	return (struct sample){ words, bits, 0, calloc((n + 1) * 2 * words, sizeof(uint64_t)) };
}

static int cmp(const uint64_t *a, const uint64_t *b, unsigned words)
{
	for (unsigned i = 0; i < words; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

static void clip(uint64_t *key, unsigned words, unsigned bits)
{
	key[0] &= UINT64_MAX >> (64 * words - bits);
}

static void random_key(const struct sample *s, uint64_t *key)
{
	for (unsigned i = 0; i < s->words; i++)
		key[i] = rnd();
	clip(key, s->words, s->bits);
}

/* The key's last @host bits, 0 or 1. */
static void set_low(uint64_t *key, unsigned words, unsigned host, bool ones)
{
	for (unsigned i = words; i-- > 0 && host; host -= host < 64 ? host : 64) {
		uint64_t m = host >= 64 ? UINT64_MAX : ((uint64_t)1 << host) - 1;

		key[i] = ones ? key[i] | m : key[i] & ~m;
	}
}

static void add_prefix(struct sample *s, const uint64_t *key, unsigned len)
{
	uint64_t *p = s->pair + s->n++ * 2 * s->words;

	memcpy(p, key, s->words * sizeof(*p));
	memcpy(p + s->words, key, s->words * sizeof(*p));
	set_low(p, s->words, s->bits - len, false);
	set_low(p + s->words, s->words, s->bits - len, true);
}

static void add_range(struct sample *s, const uint64_t *a, const uint64_t *b)
{
	uint64_t *p = s->pair + s->n++ * 2 * s->words;

	memcpy(p, cmp(a, b, s->words) <= 0 ? a : b, s->words * sizeof(*p));
	memcpy(p + s->words, cmp(a, b, s->words) <= 0 ? b : a, s->words * sizeof(*p));
}

/* By the ranges as they were given: what the tables must agree with. */
static bool is_in(const struct sample *s, const uint64_t *key)
{
	for (size_t i = 0; i < s->n; i++)
		if (cmp(s->pair + 2 * i * s->words, key, s->words) <= 0 && cmp(key, s->pair + (2 * i + 1) * s->words, s->words) <= 0)
			return true;
	return false;
}

static void add_one(uint64_t *key, const struct sample *s, int by)
{
	for (unsigned i = s->words; i-- > 0;) {
		key[i] += (uint64_t)(int64_t)by;
		if (by > 0 ? key[i] != 0 : key[i] != UINT64_MAX)
			break;
	}
	clip(key, s->words, s->bits);
}

static void ask(const struct sample *s, const void *table, const uint64_t *key, const char *what, enum set_engine e)
{
	if (set_has(table, key) == is_in(s, key))
		return;
	fail_msg("%s, %s: 0x%llx %llx is %sin the set", what, set_engine_name(e), (unsigned long long)key[0],
		 (unsigned long long)key[s->words - 1], is_in(s, key) ? "" : "not ");
}

static void ask_all(const struct sample *s, const void *table, const char *what, enum set_engine e)
{
	size_t step = s->n > 100 ? s->n / 50 : 1;
	uint64_t key[SET_MAX_WORDS] = { 0 };

	ask(s, table, key, what, e);
	add_one(key, s, -1);
	ask(s, table, key, what, e);
	for (size_t i = 0; i < 2 * s->n; i += step)
		for (int by = -1; by <= 1; by++) {
			memcpy(key, s->pair + i * s->words, s->words * sizeof(*key));
			if (by)
				add_one(key, s, by);
			ask(s, table, key, what, e);
			/* some bit of it the other way */
			unsigned bit = (unsigned)(rnd() % s->bits);

			key[s->words - 1 - bit / 64] ^= (uint64_t)1 << bit % 64;
			ask(s, table, key, what, e);
		}
	for (unsigned i = 0; i < 100; i++) {
		random_key(s, key);
		ask(s, table, key, what, e);
	}
}

static void check(const struct sample *s, const char *what)
{
	size_t size = (s->n + 1) * 2 * s->words * sizeof(uint64_t);
	uint64_t *bound = malloc(size);
	struct set_elements e = { s->words, s->bits, 0, bound };
	static unsigned samples;

	memcpy(bound, s->pair, size);
	e.n = set_boundaries(bound, s->n, s->words, s->bits);
	for (size_t i = 1; i < e.n; i++)
		assert_true(cmp(bound + (i - 1) * s->words, bound + i * s->words, s->words) < 0);
	for (unsigned engine = SET_AUTO; engine < SET_ENGINE_COUNT; engine++) {
		struct set_options o = { (enum set_engine)engine, engine == SET_DIR24 ? 0 : MOST };
		struct image m = { 0 };
		struct set_table t, again;
		const char *bad;

		/* a table of 2^24 numbers takes its time */
		if (engine == SET_DIR24 && s->bits <= 32 && samples++ % 64)
			continue;
		memset(image_at(&m, image_add(&m, 100, 4)), 0x5a, 100);
		bad = set_build(&m, &e, &o, &t);
		if (bad) {
			assert_true(engine != SET_AUTO && engine != SET_SEARCH);
			assert_int_equal(m.n, IMAGE_HEAD + 100);
			image_free(&m);
			continue;
		}
		assert_true(engine == SET_AUTO || t.engine == engine);
		assert_int_equal(t.off % SET_ALIGN, 0);
		assert_int_equal(t.off + t.bytes, m.n);
		ask_all(s, image_at(&m, t.off), what, t.engine);
		/* it may stand anywhere */
		assert_null(set_build(&m, &e, &o, &again));
		assert_int_equal(again.bytes, t.bytes);
		assert_memory_equal(image_at(&m, again.off), image_at(&m, t.off), t.bytes);
		image_free(&m);
	}
	free(bound);
	free(s->pair);
}

static void test_edges(void **state)
{
	static const unsigned bits[] = { 1, 8, 16, 20, 24, 32, 33, 48, 64, 65, 128, 160, 288, 512 };

	(void)state;
	for (unsigned b = 0; b < sizeof(bits) / sizeof(bits[0]); b++) {
		uint64_t zero[SET_MAX_WORDS] = { 0 }, ones[SET_MAX_WORDS], key[SET_MAX_WORDS];
		struct sample s = sample_new(bits[b], 4);

		memset(ones, 0xff, sizeof(ones));
		clip(ones, s.words, s.bits);
		check(&s, "empty");
		s = sample_new(bits[b], 4);
		add_prefix(&s, zero, 0);
		check(&s, "/0");
		s = sample_new(bits[b], 4);
		add_range(&s, zero, zero);
		check(&s, "0");
		s = sample_new(bits[b], 4);
		add_range(&s, ones, ones);
		check(&s, "greatest");
		s = sample_new(bits[b], 4);
		add_range(&s, ones, ones);
		add_range(&s, zero, zero);
		check(&s, "both ends");
		s = sample_new(bits[b], 4);
		random_key(&s, key);
		add_prefix(&s, key, bits[b] / 2);
		add_prefix(&s, key, bits[b]);
		add_prefix(&s, key, bits[b] / 3);
		check(&s, "host in prefix in prefix");
		s = sample_new(bits[b], 4);
		random_key(&s, key);
		add_range(&s, key, ones);
		add_range(&s, zero, zero);
		check(&s, "to the end");
		s = sample_new(bits[b], 4);
		random_key(&s, key);
		add_range(&s, key, key);
		add_one(key, &s, 1);
		add_range(&s, key, ones);
		check(&s, "adjacent");
	}
}

/* A prefix of each length, each in the one before: the deepest that there can be. */
static void test_nested(void **state)
{
	static const unsigned bits[] = { 16, 32, 64, 128, 200 };

	(void)state;
	for (unsigned b = 0; b < 2 * sizeof(bits) / sizeof(bits[0]); b++) {
		struct sample s = sample_new(bits[b / 2], 200);
		uint64_t key[SET_MAX_WORDS];

		random_key(&s, key);
		for (unsigned len = b % 2 ? 1 : 2; len < s.bits; len += 2) {
			uint64_t one[SET_MAX_WORDS];

			/* a hole in every other one */
			memcpy(one, key, sizeof(one));
			one[s.words - 1 - (s.bits - 1 - len) / 64] ^= (uint64_t)1 << (s.bits - 1 - len) % 64;
			add_prefix(&s, one, len + 1);
		}
		check(&s, "nested");
	}
}

/* Every other number of a run: boundaries crowd as much as they can. */
static void test_crowd(void **state)
{
	static const unsigned bits[] = { 16, 32, 48, 128, 256 };

	(void)state;
	for (unsigned b = 0; b < sizeof(bits) / sizeof(bits[0]); b++) {
		struct sample s = sample_new(bits[b], 600);
		uint64_t key[SET_MAX_WORDS];

		random_key(&s, key);
		set_low(key, s.words, 11, false);
		for (unsigned i = 0; i < 600; i++) {
			add_range(&s, key, key);
			add_one(key, &s, 1);
			add_one(key, &s, 1);
		}
		check(&s, "crowd");
	}
}

/* All keys have their first bits in common, few of them or many. */
static void test_shared(void **state)
{
	static const unsigned bits[] = { 32, 64, 128 };

	(void)state;
	for (unsigned b = 0; b < sizeof(bits) / sizeof(bits[0]); b++)
		for (unsigned shared = 1; shared <= 6; shared++) {
			struct sample s = sample_new(bits[b], 300);
			uint64_t first[SET_MAX_WORDS];

			random_key(&s, first);
			for (unsigned i = 0; i < 300; i++) {
				uint64_t key[SET_MAX_WORDS], below = UINT64_MAX >> (64 - bits[b] % 64) % 64 >> shared;

				random_key(&s, key);
				key[0] = (key[0] & below) | (first[0] & ~below);
				add_prefix(&s, key, shared + 1 + (unsigned)(rnd() % (s.bits - shared)));
			}
			check(&s, "shared");
		}
}

static void test_random(void **state)
{
	static const unsigned bits[] = { 8, 16, 18, 24, 32, 32, 32, 48, 64, 80, 128, 128, 128, 160, 288 };
	static const size_t size[] = { 1, 3, 17, 40, 200, 1500 };

	(void)state;
	for (unsigned b = 0; b < sizeof(bits) / sizeof(bits[0]); b++)
		for (unsigned z = 0; z < sizeof(size) / sizeof(size[0]); z++)
			for (unsigned kind = 0; kind < 4; kind++) {
				struct sample s = sample_new(bits[b], size[z]);
				uint64_t top[8][SET_MAX_WORDS];
				char what[80];

				for (unsigned i = 0; i < 8; i++)
					random_key(&s, top[i]);
				for (size_t i = 0; i < size[z]; i++) {
					uint64_t key[SET_MAX_WORDS], to[SET_MAX_WORDS];
					unsigned len = 1 + (unsigned)(rnd() % s.bits);

					random_key(&s, key);
					/* in a few places */
					if (kind % 2) {
						unsigned keep = s.bits / 3;
						uint64_t from[SET_MAX_WORDS];

						memcpy(from, top[rnd() % 8], sizeof(from));
						set_low(from, s.words, s.bits - keep, false);
						for (unsigned k = 0; k < keep; k++) {
							unsigned bit = s.bits - 1 - k;

							key[s.words - 1 - bit / 64] &= ~((uint64_t)1 << bit % 64);
						}
						for (unsigned k = 0; k < s.words; k++)
							key[k] |= from[k];
					}
					memcpy(to, key, sizeof(to));
					if (kind < 2 && rnd() % 4 == 0) {
						set_low(to, s.words, (unsigned)(rnd() % s.bits / 2), true);
						add_range(&s, key, to);
					} else if (kind < 2) {
						add_prefix(&s, key, len > s.bits / 3 ? len : s.bits);
					} else {
						add_prefix(&s, key, s.bits);
					}
				}
				snprintf(what, sizeof(what), "random, %u bits, %zu of kind %u", bits[b], size[z], kind);
				check(&s, what);
			}
}

/* Few buckets, most of them full: keys that find room only behind the last one are found, too. */
static void test_full(void **state)
{
	static const unsigned bits[] = { 32, 64, 128, 200 };

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct sample s = sample_new(bits[i % 4], 60);
		struct set_elements e = { s.words, s.bits, 0, s.pair };
		uint64_t all[60][SET_MAX_WORDS];
		unsigned n = 1 + i / 4 % 60;
		struct image m = { 0 };
		struct set_table t;

		for (unsigned k = 0; k < n; k++) {
			random_key(&s, all[k]);
			add_prefix(&s, all[k], s.bits);
		}
		e.n = set_boundaries(s.pair, s.n, s.words, s.bits);
		assert_null(set_build(&m, &e, &(struct set_options){ SET_HASH, 0 }, &t));
		for (unsigned k = 0; k < n; k++)
			assert_true(set_has(image_at(&m, t.off), all[k]));
		image_free(&m);
		free(s.pair);
	}
}

/* What an engine cannot do it refuses, and leaves no trace. */
static void test_refused(void **state)
{
	struct sample s = sample_new(32, 70000), wide = sample_new(64, 1);
	uint64_t key[SET_MAX_WORDS] = { 0 };
	struct set_elements e, w;
	struct image m = { 0 };
	struct set_table t;

	(void)state;
	for (unsigned i = 0; i < 70000; i++) {
		key[0] = (uint64_t)i << 15 | 5;
		add_prefix(&s, key, 31);
	}
	key[0] = UINT64_MAX;
	add_prefix(&wide, key, 10);
	e = (struct set_elements){ 1, 32, set_boundaries(s.pair, s.n, 1, 32), s.pair };
	w = (struct set_elements){ 1, 64, set_boundaries(wide.pair, wide.n, 1, 64), wide.pair };
	assert_non_null(set_build(&m, &e, &(struct set_options){ SET_PAGES, 0 }, &t));
	assert_non_null(set_build(&m, &e, &(struct set_options){ SET_BITS, 0 }, &t));
	assert_non_null(set_build(&m, &e, &(struct set_options){ SET_AUTO, 1000 }, &t));
	assert_non_null(set_build(&m, &e, &(struct set_options){ SET_BOUNDS, 4 << 20 }, &t));
	assert_non_null(set_build(&m, &w, &(struct set_options){ SET_HASH, 0 }, &t));
	assert_non_null(set_build(&m, &w, &(struct set_options){ SET_PAGES, 0 }, &t));
	assert_non_null(set_build(&m, &w, &(struct set_options){ SET_BOUNDS, 0 }, &t));
	assert_non_null(set_build(&m, &w, &(struct set_options){ SET_DIR24, 0 }, &t));
	assert_non_null(set_build(&m, &w, &(struct set_options){ SET_QUOTIENT, 0 }, &t));
	assert_int_equal(m.n, 0);
	assert_null(set_build(&m, &e, &(struct set_options){ SET_AUTO, 0 }, &t));
	image_free(&m);
	free(s.pair);
	free(wide.pair);
}

static void test_names(void **state)
{
	enum set_engine e;

	(void)state;
	for (unsigned i = SET_AUTO + 1; i < SET_ENGINE_COUNT; i++) {
		assert_true(set_engine_find(set_engine_name((enum set_engine)i), &e));
		assert_int_equal(e, i);
		assert_non_null(set_engine_what(e));
	}
	assert_false(set_engine_find("auto", &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edges), cmocka_unit_test(test_nested), cmocka_unit_test(test_crowd), cmocka_unit_test(test_shared),
		cmocka_unit_test(test_random), cmocka_unit_test(test_full), cmocka_unit_test(test_refused), cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
