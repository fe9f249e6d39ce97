/*
 * Snapshots of sets that live. In: a set's elements, as the kernel's map has them. Out: tables of them in one piece of memory. What does not fit the
 * fast engines' tables becomes sorted boundaries, for which there is always room.
 */
#include "live.h"

#include <stdlib.h>
#include <string.h>

#include "set_priv.h"

enum {
	FAMILY_AT = 16,			/* of an address */
	PER_PREFIX = 64,		/* bytes that a trie has for a prefix beside its boundaries, so that there is room in all but strange sets */
	MANY = 1 << 18,			/* boundaries, from which on buckets of them are faster than a trie */
};

static bool has_prefixes(const struct live_set *s)
{
	return s->form == LIVE_NET || s->form == LIVE_NETS;
}

static bool by_family(const struct live_set *s)
{
	return s->form == LIVE_IP || s->form == LIVE_NET;
}

struct live_set live_set_of(bool prefix, bool trie, unsigned n_components, unsigned key_size, uint32_t size)
{
	struct live_set s = { .form = prefix ? LIVE_NETS : LIVE_EXACT, .key_size = key_size, .skip = trie ? 4 : 0 };
	uint64_t want;
	unsigned words;

	if (n_components == 1 && prefix)
		s.form = LIVE_NET;
	else if (n_components == 1 && key_size - s.skip == FAMILY_AT + 4)
		s.form = LIVE_IP;
	if (by_family(&s))
		s.words[1] = 2;
	else
		s.words[0] = !prefix && key_size - s.skip <= 4 ? 0 : (key_size - s.skip + 7) / 8;
	words = by_family(&s) ? 2 : s.words[0];
	/* hashes are filled to 75 per cent, and may grow by a quarter; boundaries are two for each prefix */
	want = prefix ? (uint64_t)size * (16 * words + PER_PREFIX) : (uint64_t)size * (words ? 8 * words : 4) * 5 / 3;
	for (s.room = LIVE_ROOM_LEAST; s.room < LIVE_ROOM_MOST && (uint64_t)1 << s.room < want + (want >> 5) + (1 << 12);)
		s.room++;
	return s;
}

/* ---- order ---- */

int live_cmp(const struct live_set *s, const void *a, const void *b)
{
	unsigned n = s->skip;
	int c = memcmp((const char *)a + n, (const char *)b + n, s->key_size - n);
	uint32_t x = 0, y = 0;

	if (c || !n)
		return c;
	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

struct place {
	uint64_t first;			/* bytes of the key, of those that it is sorted by */
	uint32_t at;
};

static void by_digit(const struct place *from, struct place *to, size_t n, unsigned shift)
{
	size_t begin[257] = { 0 };

	for (size_t i = 0; i < n; i++)
		begin[(from[i].first >> shift & 255) + 1]++;
	for (unsigned i = 0; i < 256; i++)
		begin[i + 1] += begin[i];
	for (size_t i = 0; i < n; i++)
		to[begin[from[i].first >> shift & 255]++] = from[i];
}

struct order {
	const struct live_set *set;
	const unsigned char *keys;
};

static int by_key(const void *a, const void *b, void *arg)
{
	const struct order *o = arg;

	return live_cmp(o->set, o->keys + (size_t)((const struct place *)a)->at * o->set->key_size,
			o->keys + (size_t)((const struct place *)b)->at * o->set->key_size);
}

static bool is_sorted(const struct live_set *s, const unsigned char *keys, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (live_cmp(s, keys + (i - 1) * s->key_size, keys + i * s->key_size) > 0)
			return false;
	return true;
}

/* By their first bytes, digit by digit, and what has these in common by all. */
static bool sort(const struct live_set *s, unsigned char *keys, size_t n)
{
	struct place *room = malloc(2 * n * sizeof(*room)), *p = room, *q = room ? room + n : NULL;
	unsigned char *sorted = malloc(n * s->key_size);
	unsigned from = s->skip + (s->form == LIVE_NET), len = s->key_size - from;
	struct order o = { s, keys };
	bool ok;

	for (size_t i = 0; p && sorted && i < n; i++) {
		unsigned char first[8] = { 0 };

		/* a family in front of an address says little, but says it first */
		memcpy(first, keys + i * s->key_size + from, len < 8 ? len : 8);
		memcpy(&p[i].first, first, sizeof(first));
		p[i].first = __builtin_bswap64(p[i].first);
		if (s->form == LIVE_NET)
			p[i].first = p[i].first >> 8 | (uint64_t)keys[i * s->key_size + s->skip] << 56;
		p[i].at = (uint32_t)i;
	}
	for (unsigned shift = 0; p && sorted && shift < 64; shift += 8) {
		struct place *t = p;

		by_digit(p, q, n, shift);
		p = q;
		q = t;
	}
	for (size_t i = 0, k; p && sorted && i < n; i = k) {
		for (k = i + 1; k < n && p[k].first == p[i].first;)
			k++;
		if (k - i > 1)
			qsort_r(p + i, k - i, sizeof(*p), by_key, &o);
	}
	for (size_t i = 0; p && sorted && i < n; i++)
		memcpy(sorted + i * s->key_size, keys + (size_t)p[i].at * s->key_size, s->key_size);
	if (p && sorted)
		memcpy(keys, sorted, n * s->key_size);
	ok = p && sorted;
	free(room);
	free(sorted);
	return ok;
}

size_t live_sort(const struct live_set *s, void *keys, size_t n)
{
	unsigned char *v = keys;
	size_t out = 0;

	if (n > UINT32_MAX || (!is_sorted(s, v, n) && !sort(s, v, n)))
		return SIZE_MAX;
	for (size_t i = 0; i < n; i++) {
		if (out && !memcmp(v + (out - 1) * s->key_size, v + i * s->key_size, s->key_size))
			continue;
		if (out != i)
			memcpy(v + out * s->key_size, v + i * s->key_size, s->key_size);
		out++;
	}
	return out;
}

/* ---- numbers ---- */

static uint64_t word_at(const unsigned char *p, size_t n)
{
	unsigned char b[8] = { 0 };
	uint64_t w;

	memcpy(b, p, n < 8 ? n : 8);
	memcpy(&w, b, sizeof(w));
	return __builtin_bswap64(w);
}

/* The key's first number in the table of its kind: its words, of .bits bits in all, of which the first *fixed count. Returns the kind. */
static unsigned number(const struct live_set *s, const unsigned char *key, uint64_t *word, unsigned *fixed)
{
	const unsigned char *p = key + s->skip;
	unsigned kind = 0, bits;
	uint32_t len;

	if (by_family(s)) {
		kind = (s->form == LIVE_NET ? p[0] : p[FAMILY_AT]) == 6;
		p += s->form == LIVE_NET;
		word[0] = kind ? word_at(p, 8) : word_at(p, 4) >> 32;
		word[1] = kind ? word_at(p + 8, 8) : 0;
		bits = kind ? 128 : 32;
	} else if (!s->words[0]) {
		word[0] = word_at(p, s->key_size - s->skip) >> 32;
		bits = 32;
	} else {
		for (unsigned i = 0; i < s->words[0]; i++)
			word[i] = word_at(p + 8 * (size_t)i, s->key_size - s->skip - 8 * (size_t)i);
		bits = 64 * s->words[0];
	}
	*fixed = bits;
	if (has_prefixes(s)) {
		/* what is behind a prefix is zero in what is looked for */
		memcpy(&len, key, sizeof(len));
		len -= s->form == LIVE_NET ? 8 : 0;
		*fixed = len < bits ? len : bits;
	}
	return kind;
}

/* From the number on, those that have its first @fixed of @bits bits. */
static void last_of(uint64_t *word, unsigned words, unsigned bits, unsigned fixed)
{
	for (unsigned i = 0; i < words; i++) {
		unsigned width = words == 1 && bits < 64 ? bits : 64, begin = 64 * i;
		unsigned keep = fixed <= begin ? 0 : fixed - begin < width ? fixed - begin : width;

		if (keep < width)
			word[i] |= (width == 64 && !keep ? UINT64_MAX : ((uint64_t)1 << (width - keep)) - 1);
	}
}

static unsigned words_of(const struct live_set *s, unsigned kind)
{
	return s->words[kind] ? s->words[kind] : 1;
}

static unsigned bits_of(const struct live_set *s, unsigned kind)
{
	return s->words[kind] ? 64 * s->words[kind] : 32;
}

/* ---- building ---- */

/* A table by the first engine that has room for it. */
static const char *build(const struct live_set *s, const struct set_elements *e, uint64_t seed, struct image *m, uint32_t *off)
{
	enum set_engine order[3] = { SET_HASH, SET_AUTO, SET_AUTO };
	const char *bad = NULL;
	struct set_table t;

	if (has_prefixes(s)) {
		unsigned n = 0;

		if (e->bits <= 32 && e->n > MANY)
			order[n++] = SET_BOUNDS;
		order[n++] = SET_TRIE;
		order[n] = SET_SEARCH;
	}
	for (unsigned i = 0; i < 3 && order[i] != SET_AUTO; i++) {
		bad = set_build(m, e, &(struct set_options){ order[i], (size_t)1 << s->room, seed, !has_prefixes(s) }, &t);
		if (bad)
			continue;
		*off = (uint32_t)t.off;
		return NULL;
	}
	return bad;
}

const char *live_build(const struct live_set *s, const void *keys, size_t n, const struct live_head *begin, uint64_t seed, struct image *out)
{
	struct live_head head = { .until = begin->until, .list = begin->list };
	const unsigned char *key = keys;
	const char *bad = NULL;

	image_begin(out, sizeof(head));
	for (unsigned kind = 0; kind < (by_family(s) ? 2u : 1u) && !bad; kind++) {
		struct set_elements e = { .words = words_of(s, kind), .bits = bits_of(s, kind) };
		uint64_t *pair = malloc((n ? n : 1) * 2 * e.words * sizeof(*pair)), word[SET_MAX_WORDS] = { 0 };
		size_t some = 0;
		unsigned fixed;

		if (!pair)
			return "out of memory";
		for (size_t i = 0; i < n; i++) {
			uint64_t *to = pair + 2 * e.words * some;

			if (number(s, key + i * s->key_size, word, &fixed) != kind)
				continue;
			memcpy(to, word, e.words * sizeof(*to));
			last_of(word, e.words, e.bits, fixed);
			memcpy(to + e.words, word, e.words * sizeof(*to));
			some++;
		}
		e.n = set_boundaries(pair, some, e.words, e.bits);
		e.bound = pair;
		if (some)
			bad = build(s, &e, seed, out, &head.off[kind]);
		free(pair);
	}
	if (out->failed || out->n < sizeof(head))
		return "out of memory";
	memcpy(out->v, &head, sizeof(head));
	return bad;
}

bool live_has(const struct live_set *s, const void *snapshot, const void *key)
{
	const struct live_head *h = snapshot;
	uint64_t word[SET_MAX_WORDS] = { 0 };
	unsigned fixed, kind = number(s, key, word, &fixed);

	return h->off[kind] && set_has((const char *)snapshot + h->off[kind], word);
}
