/*
 * Tables of exact keys. In: boundaries of a set that holds few keys to a range. Out: buckets as set.h says, so filled that every key is found in
 * SET_HASH_PROBES of them. Whoever writes the set chooses its keys: where they crowd, another seed and then more room are tried, and only so often.
 */
#include <stdlib.h>

#include "set_priv.h"

enum { SEEDS = 4, GROWTHS = 6, FILL = 75 };		/* per cent of the slots */

static const char too_many_keys[] = "this engine holds single values, and the set has ranges of many";
static const char no_memory[] = "out of memory";
static const char crowded[] = "its keys crowd in a few buckets, however they are hashed";

static bool slot_is(const unsigned char *slot, const uint64_t *key, unsigned words, unsigned bytes)
{
	uint32_t narrow = (uint32_t)key[0];

	return bytes == 4 ? !memcmp(slot, &narrow, 4) && key[0] == narrow : !memcmp(slot, key, 8 * words);
}

/* A slot for it; SET_NO_SLOT: there is no room within reach. @used: of each bucket, how many slots. */
static size_t put(unsigned char *table, const struct set_head *h, const uint64_t *key, uint8_t *used)
{
	unsigned bytes = set_hash_slot_bytes(h->bits), slots = set_hash_slots(h->bits);
	size_t b = set_hash(key, h->words, h->hash.seed) * h->hash.buckets >> 32, end = b + SET_HASH_PROBES, slot;

	while (b < end && used[b] == slots)
		b++;
	if (b == end)
		return SET_NO_SLOT;
	slot = b * slots + used[b]++;
	memcpy(table + slot * bytes, key, bytes);
	return slot;
}

/* All keys; zero goes to the head. */
static bool fill(struct set_draft *d, size_t at, uint8_t *used)
{
	const struct set_elements *e = d->e;
	struct set_head *h = set_head_of(d);
	unsigned char *table = set_at(d, at);
	size_t n = 0;

	h->hash.zero = 0;
	for (size_t i = 0; i < e->n; i += 2) {
		const uint64_t *end = i + 1 < e->n ? e->bound + (i + 1) * e->words : NULL;
		uint64_t key[SET_MAX_WORDS];
		bool last;

		memcpy(key, e->bound + i * e->words, e->words * sizeof(*key));
		do {
			size_t slot = SET_NO_SLOT;

			last = !end && set_is_greatest(key, e->words, e->bits);
			if (set_is_zero(key, e->words))
				h->hash.zero = 1;
			else
				slot = put(table, h, key, used);
			if (slot == SET_NO_SLOT && !set_is_zero(key, e->words))
				return false;
			if (d->slot)
				d->slot[n++] = (uint32_t)slot;
			set_next(key, e->words);
		} while (end ? set_cmp(key, end, e->words) != 0 : !last);
	}
	return true;
}

/* The most buckets that a look-up finds full, and one. */
static unsigned probes(const struct set_head *h, const uint8_t *used)
{
	unsigned slots = set_hash_slots(h->bits), most = 1, run = 1;

	for (size_t b = 0; b < (size_t)h->hash.buckets + SET_HASH_PROBES - 1; b++) {
		run = used[b] == slots ? run + 1 : 1;
		if (run > most)
			most = run;
	}
	return most < SET_HASH_PROBES ? most : SET_HASH_PROBES;
}

const char *set_hash_build(struct set_draft *d)
{
	const struct set_elements *e = d->e;
	unsigned bytes = set_hash_slot_bytes(e->bits), slots = set_hash_slots(e->bits);
	uint64_t n = set_count(e), buckets = n * 100 / (slots * FILL) + 1;
	size_t begin = d->m->n;

	if (n > 8 * (uint64_t)e->n + 64 && !d->single)
		return too_many_keys;
	for (unsigned grown = 0; grown < GROWTHS; grown++, buckets += buckets / 4 + 1)
		for (unsigned seed = 0; seed < SEEDS; seed++) {
			struct set_head *h;
			uint8_t *used;
			bool ok;
			size_t size = (size_t)(buckets + SET_HASH_PROBES - 1) * slots * bytes, at;

			if (buckets > UINT32_MAX || !set_room(d, size, SET_ALIGN, &at))
				return set_too_large;
			h = set_head_of(d);
			h->hash.seed = d->seed + seed * SET_HASH_LAST;
			h->hash.buckets = (uint32_t)buckets;
			used = calloc(buckets + SET_HASH_PROBES, 1);
			if (!used)
				return no_memory;
			ok = fill(d, at, used);
			if (ok)
				d->loads = h->hash.probes = probes(h, used);
			free(used);
			if (ok)
				return NULL;
			memset(d->m->v + begin, 0, d->m->n - begin);
			d->m->n = begin;
		}
	return crowded;
}

size_t set_hash_slot(const struct set_head *h, const uint64_t *key)
{
	unsigned words = h->words, bytes = set_hash_slot_bytes(h->bits), slots = set_hash_slots(h->bits);
	uint64_t b = set_hash(key, words, h->hash.seed) * h->hash.buckets >> 32;
	const unsigned char *slot = (const unsigned char *)(h + 1) + b * slots * bytes;

	for (unsigned i = 0; i < slots * h->hash.probes; i++, slot += bytes)
		if (slot_is(slot, key, words, bytes))
			return b * slots + i;
	return SET_NO_SLOT;
}

bool set_hash_has(const struct set_head *h, const uint64_t *key)
{
	return set_is_zero(key, h->words) ? h->hash.zero : set_hash_slot(h, key) != SET_NO_SLOT;
}
