/*
 * Tries of sets: prefixes that an entry holds itself, at their edges; and tries for programs that know no such entries, as what these read. In: sets
 * of few ranges, random ones of many prefixes. Each is asked of a walk over the ranges.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "table/live.h"

enum { MOST = 3000 };

struct sample {
	unsigned words, bits;
	size_t n;
	uint64_t first[MOST][2], last[MOST][2];
	struct image image;
	struct set_table table;
};

static uint64_t seed = 0x123456789abcdefull;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1dull;
}

static int cmp(const uint64_t *a, const uint64_t *b, unsigned words)
{
	for (unsigned i = 0; i < words; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

static void build(struct sample *s, bool known)
{
	uint64_t *pair = malloc((s->n + 1) * 2 * s->words * sizeof(*pair));
	size_t n;

	for (size_t i = 0; i < s->n; i++) {
		memcpy(pair + 2 * i * s->words, s->first[i], s->words * sizeof(*pair));
		memcpy(pair + (2 * i + 1) * s->words, s->last[i], s->words * sizeof(*pair));
	}
	n = set_boundaries(pair, s->n, s->words, s->bits);
	s->image = (struct image){ 0 };
	assert_null(set_build(&s->image, &(struct set_elements){ s->words, s->bits, n, pair },
			      &(struct set_options){ .engine = SET_TRIE, .known = known }, &s->table));
	free(pair);
}

/* As programs read it that were compiled before entries had values. */
static bool has_as_before(const struct set_head *h, const uint64_t *key)
{
	uint64_t e = h->trie.root;

	while (e >> SET_TRIE_KIND != SET_TRIE_CONST) {
		uint64_t above = key[e >> SET_TRIE_WORD & 7] >> (e >> SET_TRIE_SHIFT & 63);
		const uint64_t *at = (const uint64_t *)h + (uint32_t)e;

		/* lists are read as they are now */
		if (e >> SET_TRIE_KIND == SET_TRIE_LIST) {
			struct set_head one = *h;
			uint64_t *copy = malloc(sizeof(one) + 2 * SET_BLOCK);
			bool is;

			one.trie.root = (e & ~(uint64_t)UINT32_MAX) | sizeof(one) / 8;
			memcpy(copy, &one, sizeof(one));
			memcpy(copy + sizeof(one) / 8, at, (size_t)SET_BLOCK << (e >> SET_TRIE_WIDE & 1));
			is = set_has(copy, key);
			free(copy);
			return is;
		}
		if (e >> SET_TRIE_KIND == SET_TRIE_NODE)
			e = at[above & (((uint64_t)1 << (e >> SET_TRIE_BITS & 63)) - 1)];
		else if (above == at[0])
			e = at[1];
		else
			return e >> (above < at[0] ? SET_TRIE_BEFORE : SET_TRIE_AFTER) & 1;
	}
	return e & 1;
}

static void ask(const struct sample *s, bool before, const uint64_t *key)
{
	const void *table = image_at(&s->image, s->table.off);
	bool in = false;

	for (size_t i = 0; i < s->n && !in; i++)
		in = cmp(s->first[i], key, s->words) <= 0 && cmp(key, s->last[i], s->words) <= 0;
	assert_int_equal(before ? has_as_before(table, key) : set_has(table, key), in);
}

static void next(const struct sample *s, uint64_t *key, int by)
{
	for (unsigned i = s->words; i-- > 0;) {
		key[i] += (uint64_t)(int64_t)by;
		if (by > 0 ? key[i] != 0 : key[i] != UINT64_MAX)
			break;
	}
	key[0] &= UINT64_MAX >> (64 * s->words - s->bits);
}

/* Both ends of the ranges and beside them, and keys that differ from them in one bit. */
static void ask_all(const struct sample *s, bool before)
{
	size_t step = s->n > 200 ? s->n / 100 : 1;

	for (size_t i = 0; i < s->n; i += step)
		for (int end = 0; end < 2; end++) {
			uint64_t key[2];

			for (int by = -1; by <= 1; by++) {
				memcpy(key, end ? s->last[i] : s->first[i], sizeof(key));
				if (by)
					next(s, key, by);
				ask(s, before, key);
			}
			for (unsigned bit = 0; bit < s->bits; bit++) {
				memcpy(key, end ? s->last[i] : s->first[i], sizeof(key));
				key[s->words - 1 - bit / 64] ^= (uint64_t)1 << bit % 64;
				ask(s, before, key);
			}
		}
}

static void check(struct sample *s)
{
	for (int known = 0; known < 2; known++) {
		build(s, known);
		ask_all(s, false);
		if (known)
			ask_all(s, true);
		image_free(&s->image);
	}
}

/* [first, last] of words most significant first. */
static void add(struct sample *s, uint64_t a0, uint64_t a1, uint64_t b0, uint64_t b1)
{
	uint64_t first[2] = { a0, a1 }, last[2] = { b0, b1 };

	memcpy(s->first[s->n], first, sizeof(first));
	memcpy(s->last[s->n++], last, sizeof(last));
}

/* One range, as long as a power of two, one less and one more, at multiples of half of that; all but it; and among others, which make nodes. */
static void test_one(void **state)
{
	struct sample *s = malloc(sizeof(*s));

	(void)state;
	for (unsigned around = 0; around < 3; around++)
		for (unsigned len = 0; len < 32; len++)
			for (uint64_t at = 0; at < 8; at++)
				for (int more = -1; more <= 1; more++) {
					uint64_t size = ((uint64_t)1 << len) + (uint64_t)(int64_t)more, from = at << len >> 1;

					*s = (struct sample){ .words = 1, .bits = 32 };
					if (!size || from + size > (uint64_t)1 << 32 || (around == 2 && len % 5))
						continue;
					add(s, from, 0, from + size - 1, 0);
					/* and all but it */
					if (around == 1) {
						s->n = 0;
						if (from)
							add(s, 0, 0, from - 1, 0);
						if (from + size < (uint64_t)1 << 32)
							add(s, from + size, 0, UINT32_MAX, 0);
					}
					for (uint64_t i = 0; around == 2 && i < 20; i++)
						add(s, i * 0xc000000 + 0x1000000, 0, i * 0xc000000 + 0x1000000 + (i << 4), 0);
					check(s);
				}
	free(s);
}

/* Of two words: prefixes that end in the first one, with it, in the second one; ranges that begin in one and end in the other. */
static void test_words(void **state)
{
	struct sample *s = malloc(sizeof(*s));

	(void)state;
	for (unsigned round = 0; round < 80; round++) {
		size_t n = 1 + round % 40 * (round % 3 ? 1 : 20);

		*s = (struct sample){ .words = 2, .bits = 128 };
		for (size_t i = 0; i < n; i++) {
			unsigned len = 20 + (unsigned)(rnd() % 109);
			uint64_t a = 0x2000000000000000ull | rnd() >> 3, b = rnd(), host0 = len < 64 ? UINT64_MAX >> len : 0;
			uint64_t host1 = len <= 64 ? UINT64_MAX : len < 128 ? UINT64_MAX >> (len - 64) : 0;

			/* near to another one */
			if (i && rnd() % 2)
				a = s->first[rnd() % i][0] ^ (rnd() % 2 ? rnd() >> (20 + rnd() % 44) : 0);
			if (rnd() % 16)
				add(s, a & ~host0, b & ~host1, a | host0, b | host1);
			else
				add(s, a & ~host0, b & ~host1, (a | host0) + rnd() % 3, b | host1);
		}
		check(s);
	}
	free(s);
}

/* Many prefixes of 32 bits: most are alone in an entry of the root. */
static void test_alone(void **state)
{
	struct sample *s = malloc(sizeof(*s));
	size_t bytes;

	(void)state;
	*s = (struct sample){ .words = 1, .bits = 32 };
	for (size_t i = 0; i < MOST; i++) {
		uint32_t a = (uint32_t)rnd() & ~255u;

		add(s, a, 0, a | 255, 0);
	}
	check(s);
	build(s, true);
	bytes = s->table.bytes;
	image_free(&s->image);
	build(s, false);
	assert_true(s->table.bytes < bytes);
	image_free(&s->image);
	free(s);
}

/* Snapshots of sets that live are for programs that may be older; and for others. Returns the table's size. */
static size_t check_live(enum live_tables tables)
{
	struct live_decl decl = { .prefix = true, .trie = true, .n_components = 1, .key_size = 4 + 17, .size = 1000, .tables = tables };
	struct live_set s = live_set_of(&decl);
	unsigned char *keys = calloc(1000, s.key_size);
	struct sample *sample = calloc(1, sizeof(*sample));
	struct live_head head = { 0 };
	uint32_t where[1000];
	size_t n, size;

	seed = 99;
	for (unsigned i = 0; i < 1000; i++) {
		unsigned char *key = keys + i * s.key_size;
		uint32_t len = 8 + 24;

		memcpy(key, &len, sizeof(len));
		key[4] = 4;
		for (unsigned k = 0; k < 3; k++)
			key[5 + k] = (unsigned char)rnd();
	}
	n = live_sort(&s, keys, 1000);
	assert_null(live_build(&s, &(struct live_elements){ keys, NULL, n }, &head, 1, &sample->image, where));
	memcpy(&head, sample->image.v, sizeof(head));
	sample->table.off = head.off[0];
	assert_int_equal(((const struct set_head *)image_at(&sample->image, head.off[0]))->engine, SET_TRIE);
	sample->words = 1;
	sample->bits = 32;
	for (size_t i = 0; i < n; i++) {
		const unsigned char *key = keys + i * s.key_size + 5;
		uint64_t first = (uint64_t)key[0] << 24 | (uint64_t)key[1] << 16 | (uint64_t)key[2] << 8;

		add(sample, first, 0, first | 255, 0);
	}
	ask_all(sample, tables < LIVE_QUOTIENT);
	size = sample->image.n;
	image_free(&sample->image);
	free(sample);
	free(keys);
	return size;
}

static void test_live(void **state)
{
	(void)state;
	/* other nodes are chosen where entries may have values */
	assert_int_not_equal(check_live(LIVE_TABLES), check_live(LIVE_FIRST));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one), cmocka_unit_test(test_words), cmocka_unit_test(test_alone), cmocka_unit_test(test_live),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
