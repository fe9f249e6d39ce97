/*
 * The order of a live set's elements. In: elements as the kernel's map has them, in any order. Out: sorted, each once.
 */
#include <stdlib.h>
#include <string.h>

#include "live.h"

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

size_t live_find(const struct live_set *s, const unsigned char *keys, size_t n, const void *key)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = live_cmp(s, keys + mid * s->key_size, key);

		if (!c)
			return mid;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return n;
}
