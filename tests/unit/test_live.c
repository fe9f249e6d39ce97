/*
 * Snapshots of live sets: what is in one is what a walk over the set's elements, bit by bit, says. In: random elements of every form, near to each
 * other so that they meet, nested and twice, with times and taken out. The keys are the elements, others with a bit changed, and random ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "table/live.h"

enum { KEY = 64, PER_SET = 400, KEYS = 4000 };

static uint64_t seed = 0x123456789abcdefull;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1dull;
}

struct kind {
	bool prefix, trie;
	unsigned components, before;		/* bytes in front of the last component, the number of bits apart */
	unsigned size;				/* of that, where it is no address: net 17, ip 20 */
};

static const struct kind kinds[] = {
	{ false, false, 1, 0, 20 }, { false, true, 1, 0, 20 }, { true, true, 1, 0, 17 },			/* ip, net */
	{ false, false, 1, 0, 1 }, { false, true, 1, 0, 2 }, { false, false, 1, 0, 4 }, { false, true, 1, 0, 4 },	/* numbers, ip4 */
	{ false, false, 1, 0, 6 }, { false, true, 1, 0, 16 }, { false, true, 2, 20, 4 }, { false, false, 4, 40, 20 },
	{ true, true, 2, 2, 17 }, { true, true, 3, 24, 17 }, { true, true, 4, 43, 17 },
};

static unsigned key_size(const struct kind *k)
{
	return (k->trie ? 4 : 0) + k->before + k->size;
}

static void random_address(unsigned char *family, unsigned char *at)
{
	bool six = rnd() % 2;

	memset(at, 0, 16);
	*family = six ? 6 : 4;
	for (unsigned i = 0; i < (six ? 16u : 4u); i++)
		at[i] = (unsigned char)(rnd() % 3 ? 7 : rnd());
}

/* @whole: an address, no prefix. */
static void random_key(const struct kind *k, unsigned char *key, bool whole)
{
	unsigned char *last = key + (k->trie ? 4 : 0) + k->before;
	uint32_t bits = 8 * (key_size(k) - 4), host = 0;

	memset(key, 0, KEY);
	for (unsigned i = 0; i < k->before; i++)
		key[(k->trie ? 4 : 0) + i] = (unsigned char)(rnd() % 4 ? 1 : rnd());
	if (k->prefix) {
		random_address(last, last + 1);
		host = *last == 4 ? 32 : 128;
		bits -= 128;
		host = whole ? host : 12 + (uint32_t)(rnd() % (host - 11));
		bits += host;
		for (unsigned i = host; i < 128; i++)
			last[1 + i / 8] &= (unsigned char)~(0x80 >> i % 8);
	} else if (k->size == 20) {
		random_address(last + 16, last);
	} else {
		for (unsigned i = 0; i < k->size; i++)
			last[i] = (unsigned char)(rnd() % 2 ? 0 : rnd());
	}
	if (k->trie)
		memcpy(key, &bits, sizeof(bits));
}

static bool covers(const struct kind *k, const unsigned char *element, const unsigned char *key)
{
	uint32_t bits;

	if (!k->trie)
		return !memcmp(element, key, key_size(k));
	memcpy(&bits, element, sizeof(bits));
	for (unsigned i = 0; i < bits; i++)
		if ((element[4 + i / 8] ^ key[4 + i / 8]) & (0x80 >> i % 8))
			return false;
	return true;
}

enum mode { TOGETHER, TAKEN, TIMES, BOTH, MODES };

/* Until when one of those that cover it is there. */
static uint64_t until_of(const struct kind *k, const unsigned char *elements, const uint64_t *until, const bool *gone, size_t n,
			 const unsigned char *key)
{
	uint64_t most = 0;

	for (size_t i = 0; i < n; i++)
		if (!gone[i] && covers(k, elements + i * key_size(k), key)) {
			uint64_t t = until[i] ? until[i] : UINT64_MAX;

			most = t > most ? t : most;
		}
	return most;
}

/* Some are taken out of it, and some come back. */
static void take_some(void *image, const uint32_t *where, size_t n, bool *gone)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t *state = (uint8_t *)image + where[i], was = *state;

		assert_true(where[i] > 0);
		assert_int_not_equal(was, LIVE_GONE);
		gone[i] = rnd() % 3 == 0;
		*state = LIVE_GONE;
		if (!gone[i])
			*state = was;
	}
}

/* A program is given no table that its code cannot read. */
static void check_engine(const struct live_set *s, const struct image *im)
{
	bool narrow = !s->words[0] && (s->form == LIVE_IP || s->form == LIVE_EXACT), prefixes = s->form == LIVE_NET || s->form == LIVE_NETS;
	struct live_head is;

	memcpy(&is, im->v, sizeof(is));
	for (unsigned kind = 0; kind < 2; kind++) {
		const struct set_head *h = (const void *)(im->v + is.off[kind]);
		enum set_engine e = (enum set_engine)h->engine;

		if (!is.off[kind])
			continue;
		if (prefixes)
			assert_true(e == SET_TRIE || e == SET_BOUNDS || e == SET_SEARCH);
		else
			assert_int_equal(e, narrow && !kind && !is.times && s->tables == LIVE_QUOTIENT ? SET_QUOTIENT : SET_HASH);
	}
}

static void check_kind(const struct kind *k, size_t n, enum mode mode, unsigned tables)
{
	unsigned size = key_size(k);
	struct live_set s = live_set_of(&(struct live_decl){ k->prefix, k->trie, mode >= TIMES, mode % 2, k->components, size, PER_SET, tables });
	unsigned char *elements = malloc(PER_SET * size + KEY), key[KEY];
	const struct live_head head = { .until = 77, .list = 1 };
	size_t in = 0, out = 0, left;
	struct image im = { 0 };
	uint64_t until[PER_SET];
	bool gone[PER_SET] = { false };
	uint32_t where[PER_SET];
	struct live_head is;

	for (size_t i = 0; i < n; i++) {
		random_key(k, key, false);
		memcpy(elements + i * size, i && rnd() % 8 == 0 ? elements + (rnd() % i) * size : key, size);
		until[i] = mode < TIMES ? 77 : rnd() % LIVE_TIMES;
	}
	left = live_sort(&s, elements, n);
	assert_true(left <= n && (!n || left));
	for (size_t i = 1; i < left; i++)
		assert_true(live_cmp(&s, elements + (i - 1) * size, elements + i * size) < 0);
	assert_null(live_build(&s, &(struct live_elements){ elements, mode < TIMES ? NULL : until, left }, &head, rnd(), &im, where));
	assert_true(im.n <= (size_t)1 << s.room);
	memcpy(&is, im.v, sizeof(is));
	assert_true(is.list == 1 && (mode >= TIMES || is.until == 77));
	assert_int_equal(s.tables, tables < LIVE_TABLES ? tables : LIVE_TABLES);
	check_engine(&s, &im);
	if (mode % 2)
		take_some(im.v, where, left, gone);
	for (size_t i = 0; i < KEYS; i++) {
		uint64_t want;

		random_key(k, key, true);
		if (left && i % 2) {
			const unsigned char *e = elements + (rnd() % left) * size;
			unsigned from = k->trie ? 4 : 0;

			/* an element's first address, or one beside it */
			memcpy(key + from, e + from, size - from);
			if (i % 4 == 1 && k->prefix)
				key[from + k->before + (key[from + k->before] == 4 ? 4 : 16)] ^= rnd() % 8;
			if (i % 4 == 1 && !k->prefix && size - from > 1)
				key[from + rnd() % (k->before ? k->before : 1)] ^= 1;
		}
		want = until_of(k, elements, until, gone, left, key);
		assert_int_equal(live_until(&s, im.v, key), want);
		in += want != 0;
		out += !want;
	}
	if (n > 100)
		assert_true(in > 100 && (out > 50 || size < 7));
	image_free(&im);
	free(elements);
}

/* More times than there are states are refused. */
static void many_times(void **state)
{
	struct live_set s = live_set_of(&(struct live_decl){ false, false, true, false, 1, 2, 1000 });
	unsigned char elements[2 * (LIVE_TIMES + 2)];
	uint64_t until[LIVE_TIMES + 2];
	uint32_t where[LIVE_TIMES + 2];
	const struct live_head head = { 0 };
	struct image im = { 0 };

	(void)state;
	for (unsigned i = 0; i < LIVE_TIMES + 2; i++) {
		elements[2 * i] = (unsigned char)(i >> 8);
		elements[2 * i + 1] = (unsigned char)i;
		until[i] = 1000 + i;
	}
	assert_true(live_fits(&(struct live_elements){ elements, until, LIVE_TIMES + 1 }));
	assert_null(live_build(&s, &(struct live_elements){ elements, until, LIVE_TIMES + 1 }, &head, 1, &im, where));
	for (unsigned i = 0; i <= LIVE_TIMES; i++)
		assert_int_equal(live_until(&s, im.v, elements + 2 * i), 1000 + i);
	image_free(&im);
	im = (struct image){ 0 };
	assert_false(live_fits(&(struct live_elements){ elements, until, LIVE_TIMES + 2 }));
	assert_non_null(live_build(&s, &(struct live_elements){ elements, until, LIVE_TIMES + 2 }, &head, 1, &im, where));
	image_free(&im);
}

static void all_forms(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 30, PER_SET };

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++)
			for (enum mode mode = TOGETHER; mode < MODES; mode++)
				for (unsigned tables = LIVE_FIRST; tables <= LIVE_TABLES + 1; tables++)
					check_kind(&kinds[i], sizes[k], mode, tables);
}

/* A set as large as it may be has room for the strangest prefixes. */
static void always_room(void **state)
{
	enum { N = 20000 };
	static uint32_t where[N];
	static const struct kind net = { true, true, 1, 0, 17 }, nets = { true, true, 2, 8, 17 };
	static const struct live_head head;

	(void)state;
	for (unsigned turn = 0; turn < 12; turn++) {
		const struct kind *k = turn % 2 ? &nets : &net;
		struct live_set s = live_set_of(&(struct live_decl){ true, true, turn % 3 == 1, turn % 3 == 2, k->components, key_size(k), N,
									   turn / 6 });
		unsigned char *elements = calloc(N, key_size(k));
		struct image im = { 0 };
		size_t n;

		for (size_t i = 0; i < N; i++) {
			unsigned char key[KEY];
			unsigned char *at = key + 4 + k->before;

			random_key(k, key, true);
			if (turn % 6 < 4) {		/* whole addresses far from each other; then in a few places */
				*at = 6;
				for (unsigned b = 0; b < 16; b++)
					at[1 + b] = (unsigned char)(turn % 6 < 2 || b > 10 ? rnd() : 1);
			}
			memcpy(elements + i * key_size(k), key, key_size(k));
		}
		n = live_sort(&s, elements, N);
		assert_null(live_build(&s, &(struct live_elements){ elements, NULL, n }, &head, 1, &im, where));
		assert_true(im.n <= (size_t)1 << s.room);
		for (size_t i = 0; i < n; i += 7)
			assert_true(live_until(&s, im.v, elements + i * key_size(k)));
		image_free(&im);
		free(elements);
	}
}

/* Single values have it, too, however they lie: the addresses of a network or the ports of a range stand in a row. */
static void rows(void **state)
{
	static const struct live_head head;
	static uint32_t where[45000];
	static const struct {
		unsigned components, size, low;
	} lain[] = { { 1, 20, 3 }, { 1, 20, 15 }, { 1, 2, 1 }, { 1, 4, 3 }, { 2, 22, 21 }, { 2, 8, 7 } };

	(void)state;
	for (unsigned k = 0; k < sizeof(lain) / sizeof(*lain); k++)
		for (unsigned n = 1, turn = 0; n <= 40000; n = n * 3 + 4, turn++) {
			unsigned size = lain[k].size;
			struct live_set s = live_set_of(&(struct live_decl){ false, false, false, turn % 2, lain[k].components, size, n,
										   turn / 2 % 2 });
			unsigned char *elements = calloc(n, size), other[KEY];
			struct image im = { 0 };

			for (unsigned i = 0; i < n; i++) {
				unsigned char *at = elements + (size_t)i * size;

				if (size > 16)
					at[16] = lain[k].low == 3 ? 4 : 6;
				at[lain[k].low] = (unsigned char)i;
				at[lain[k].low - 1] = (unsigned char)(i >> 8);
			}
			assert_int_equal(live_sort(&s, elements, n), n);
			assert_null(live_build(&s, &(struct live_elements){ elements, NULL, n }, &head, k + 1, &im, where));
			assert_true(im.n <= (size_t)1 << s.room);
			for (unsigned i = 0; i < n; i++)
				assert_true(live_until(&s, im.v, elements + (size_t)i * size));
			memcpy(other, elements, size);
			other[lain[k].low - 1] = 255;
			assert_false(live_until(&s, im.v, other));
			image_free(&im);
			free(elements);
		}
}

/* A set takes as many elements as were declared, also where the snapshot's size is the next power of two by hair's breadth. */
static void tight(void **state)
{
	enum { MOST = 400000 };
	static const struct { unsigned components, size; } kinds_of[] = { { 1, 4 }, { 1, 8 }, { 1, 20 }, { 2, 24 }, { 3, 32 } };
	static const struct live_head head;
	uint32_t *where = calloc(MOST, sizeof(*where));

	(void)state;
	for (unsigned k = 0; k < sizeof(kinds_of) / sizeof(*kinds_of); k++) {
		unsigned size = kinds_of[k].size, room;
		struct live_decl d = { false, false, true, true, kinds_of[k].components, size, MOST, LIVE_TABLES };
		unsigned char *elements = calloc(MOST, size);
		struct live_set s;
		struct image im = { 0 };

		/* the most elements of a room that is one smaller */
		room = live_set_of(&d).room - 1;
		while (live_set_of(&d).room > room)
			d.size--;
		s = live_set_of(&d);
		assert_int_equal(s.room, room);
		for (size_t i = 0; i < d.size; i++) {
			for (unsigned b = 0; b < size; b++)
				elements[i * size + b] = (unsigned char)rnd();
			/* each another one */
			memcpy(elements + i * size, &(uint32_t){ (uint32_t)i * 2654435761u }, 4);
			if (size == 20)
				elements[i * size + 16] = 6;
		}
		assert_int_equal(live_sort(&s, elements, d.size), d.size);
		assert_null(live_build(&s, &(struct live_elements){ elements, NULL, d.size }, &head, k + 1, &im, where));
		assert_true(im.n <= (size_t)1 << s.room);
		for (size_t i = 0; i < d.size; i += 11)
			assert_true(live_until(&s, im.v, elements + i * size));
		image_free(&im);
		free(elements);
	}
	free(where);
}

/* What is more than was declared has no room: that is said, and nothing is written behind. */
static void no_room(void **state)
{
	static const struct kind ip = { false, false, 1, 0, 20 };
	static const struct live_head head;
	struct live_set s = live_set_of(&(struct live_decl){ false, false, false, false, 1, 20, 10 });
	enum { N = 100000 };
	static uint32_t where[N];
	unsigned char *elements = calloc(N, 20);
	struct image im = { 0 };
	size_t n;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		unsigned char key[KEY] = { 0 };
		uint64_t v = rnd();

		memcpy(key, &v, 8);
		key[16] = 6;
		memcpy(elements + i * 20, key, key_size(&ip));
	}
	n = live_sort(&s, elements, N);
	assert_int_equal(s.room, LIVE_ROOM_LEAST);
	assert_non_null(live_build(&s, &(struct live_elements){ elements, NULL, n }, &head, 1, &im, where));
	assert_true(im.n <= (size_t)1 << s.room);
	image_free(&im);
	free(elements);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_forms), cmocka_unit_test(always_room), cmocka_unit_test(rows), cmocka_unit_test(no_room),
		cmocka_unit_test(many_times), cmocka_unit_test(tight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
