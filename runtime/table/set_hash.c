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

static size_t home(const struct set_head *h, const uint64_t *key)
{
	return set_hash(key, h->words, h->hash.seed) * h->hash.buckets >> 32;
}

struct filling {
	struct set_draft *d;
	struct set_head *h;
	unsigned char *table;
	uint32_t *next;			/* of each bucket: how many keys are at home there; then the slot of its next one */
	size_t n;			/* keys that have been put */
};

static void count(struct filling *f, const uint64_t *key)
{
	if (set_is_zero(key, f->h->words))
		f->h->hash.zero = 1;
	else
		f->next[home(f->h, key)]++;
}

static void put(struct filling *f, const uint64_t *key)
{
	unsigned bytes = set_hash_slot_bytes(f->h->bits);
	size_t slot = SET_NO_SLOT;

	if (!set_is_zero(key, f->h->words)) {
		slot = f->next[home(f->h, key)]++;
		memcpy(f->table + slot * bytes, key, bytes);
	}
	if (f->d->slot)
		f->d->slot[f->n++] = (uint32_t)slot;
}

static void each_key(struct filling *f, void (*what)(struct filling *f, const uint64_t *key))
{
	const struct set_elements *e = f->d->e;

	for (size_t i = 0; i < e->n; i += 2) {
		const uint64_t *end = i + 1 < e->n ? e->bound + (i + 1) * e->words : NULL;
		uint64_t key[SET_MAX_WORDS];
		bool last;

		memcpy(key, e->bound + i * e->words, e->words * sizeof(*key));
		do {
			last = !end && set_is_greatest(key, e->words, e->bits);
			what(f, key);
			set_next(key, e->words);
		} while (end ? set_cmp(key, end, e->words) != 0 : !last);
	}
}

/* From how many keys are at home in each bucket to where these begin: behind those of the buckets before it, so that nobody is far from home because
 * others came first, and what stands between a key and its home is full. The buckets that have to be looked at; 0: more than there may be. */
static unsigned settle(struct filling *f)
{
	unsigned slots = set_hash_slots(f->h->bits), most = 1;
	uint64_t end = 0;

	for (uint64_t b = 0; b < f->h->hash.buckets; b++) {
		uint32_t n = f->next[b];

		if (end < b * slots)
			end = b * slots;
		f->next[b] = (uint32_t)end;
		end += n;
		if (n && (end - 1) / slots - b >= SET_HASH_PROBES)
			return 0;
		if (n && (end - 1) / slots - b + 1 > most)
			most = (unsigned)((end - 1) / slots - b + 1);
	}
	return most;
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
			struct filling f = { .d = d };
			size_t size = (size_t)(buckets + SET_HASH_PROBES - 1) * slots * bytes, at;

			if ((buckets + SET_HASH_PROBES) * slots > UINT32_MAX || !set_room(d, size, SET_ALIGN, &at))
				return set_too_large;
			f.h = set_head_of(d);
			f.table = set_at(d, at);
			f.h->hash.zero = 0;
			f.h->hash.seed = d->seed + seed * SET_HASH_LAST;
			f.h->hash.buckets = (uint32_t)buckets;
			f.next = calloc(buckets, sizeof(*f.next));
			if (!f.next)
				return no_memory;
			each_key(&f, count);
			d->loads = f.h->hash.probes = settle(&f);
			if (d->loads)
				each_key(&f, put);
			free(f.next);
			if (d->loads)
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
