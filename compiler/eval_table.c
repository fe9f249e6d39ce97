/*
 * Count tables. In: frames. Out: packets and bytes by key, in the order in which the keys were first seen. An open hash over growing
 * arrays; the hash is seeded, since keys come from the network. Guaranteed: keys are compared whole, no table holds more than
 * XDPF_COUNT_ENTRIES, and one without a key always has its one entry.
 */
#include "eval_table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "abi.h"
#include "eval_key.h"

struct eval_table {
	const struct ast_counter *counter;
	size_t words;			/* of a key: one per field, for slices one per 16 bytes */
	uint64_t seed;
	/* Entry i: value[i * words], family[i * words], count[i]. One entry more than .cap, .n holds the key that is looked for. */
	struct value *value;
	enum family *family;
	struct eval_count *count;
	size_t n, cap;
	uint32_t *bucket;		/* cap * 2 of them: index of an entry plus 1, or 0 */
};

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static uint64_t hash(const struct eval_table *t, size_t entry)
{
	uint64_t h = t->seed;

	for (size_t i = entry * t->words; i < (entry + 1) * t->words; i++) {
		h = mix(h ^ t->value[i].hi) + t->seed;
		h = mix(h ^ t->value[i].lo) + (uint64_t)t->family[i];
	}
	return h;
}

static bool same(const struct eval_table *t, size_t a, size_t b)
{
	for (size_t i = 0; i < t->words; i++) {
		size_t x = a * t->words + i, y = b * t->words + i;

		if (t->family[x] != t->family[y] || value_cmp(t->value[x], t->value[y]))
			return false;
	}
	return true;
}

/* The bucket of entry @entry's key: where an equal entry is, or the free one where it belongs. */
static uint32_t *find(const struct eval_table *t, size_t entry)
{
	size_t mask = t->cap * 2 - 1, i = hash(t, entry) & mask;

	while (t->bucket[i] && !same(t, t->bucket[i] - 1, entry))
		i = (i + 1) & mask;
	return &t->bucket[i];
}

/* Room for @cap entries, a power of two. */
static void resize(struct eval_table *t, size_t cap)
{
	struct value *value = arena_calloc((cap + 1) * t->words, sizeof(*value));
	enum family *family = arena_calloc((cap + 1) * t->words, sizeof(*family));
	struct eval_count *count = arena_calloc(cap + 1, sizeof(*count));
	uint32_t *bucket = arena_calloc(cap * 2, sizeof(*bucket));

	if (t->cap) {
		/* With the key that is looked for, behind the last entry. */
		memcpy(value, t->value, (t->n + 1) * t->words * sizeof(*value));
		memcpy(family, t->family, (t->n + 1) * t->words * sizeof(*family));
		memcpy(count, t->count, t->n * sizeof(*count));
	}
	free(t->value);
	free(t->family);
	free(t->count);
	free(t->bucket);
	t->value = value;
	t->family = family;
	t->count = count;
	t->bucket = bucket;
	t->cap = cap;
	for (size_t i = 0; i < t->n; i++)
		*find(t, i) = (uint32_t)i + 1;
}

struct eval_table *eval_table_new(const struct ast_counter *c)
{
	struct eval_table *t = arena_calloc(1, sizeof(*t));

	t->counter = c;
	t->words = eval_key_words(c->key.v, c->key.n);
	if (!t->words) {
		t->count = arena_calloc(1, sizeof(*t->count));
		t->n = 1;
		return t;
	}
	if (getrandom(&t->seed, sizeof(t->seed), 0) != sizeof(t->seed))
		arena_fail();
	resize(t, 64);
	return t;
}

void eval_table_free(struct eval_table *t)
{
	if (!t)
		return;
	free(t->value);
	free(t->family);
	free(t->count);
	free(t->bucket);
	free(t);
}

enum eval_counted eval_table_count(struct eval_table *t, const struct eval_view *w)
{
	size_t entry = 0;

	if (t->words) {
		uint32_t *b;

		if (!eval_key(w, t->counter->key.v, t->counter->key.n, t->value + t->n * t->words, t->family + t->n * t->words))
			return COUNTED_ABSENT;
		b = find(t, t->n);
		if (!*b) {
			if (t->n == XDPF_COUNT_ENTRIES)
				return COUNTED_FULL;
			if (t->n == t->cap) {
				resize(t, t->cap * 2);
				b = find(t, t->n);
			}
			*b = (uint32_t)++t->n;
		}
		entry = *b - 1;
	}
	t->count[entry].packets++;
	t->count[entry].bytes += w->pkt->len;
	return COUNTED;
}

void eval_table_each(const struct eval_table *t, eval_entry_fn fn, void *arg)
{
	for (size_t i = 0; i < t->n; i++)
		fn(arg, t->words ? t->value + i * t->words : NULL, t->words ? t->family + i * t->words : NULL, t->count[i]);
}
