/*
 * Tables of exact keys of up to 32 bits, of which a lane holds what their bucket leaves open. In: boundaries of a set that holds few keys to a range.
 * Out: buckets as set.h says, and a table of HASH for what finds no room in them. Whoever writes the set chooses its keys: where many find none,
 * another order of numbers is tried, and only so often.
 */
#include <stdlib.h>

#include "set_priv.h"

enum { ORDERS = 4, OTHERS = 8 };	/* one key of so many may find no room */

/* Of a word; .least: buckets, from which on a lane holds all that they leave open. Per cent of them are filled: where the table is small, and near
 * the processor, what costs is to look elsewhere; where it is large, its size. */
static const struct lanes {
	unsigned bits, n, fill;
	uint32_t least;
} lane_kinds[] = { { 16, 4, 75, 65538 }, { 21, 3, 65, 2049 }, { 32, 2, 55, 2 } };

static const char single_values[] = "this engine holds single values, and the set has ranges of many";
static const char no_memory[] = "out of memory";
static const char crowded[] = "its keys crowd in a few buckets, however they are ordered";

struct filling {
	struct set_draft *d;
	const struct lanes *lanes;
	size_t at;			/* of the buckets, from the head */
	uint32_t *n;			/* of each: how many keys are at home there */
	uint64_t *other;		/* boundaries of those that find no room, a pair for each */
	size_t n_others;		/* keys */
};

static unsigned room(const struct lanes *l)
{
	return SET_QUOTIENT_WORDS * l->n;
}

/* The kind of lanes with which the table is smallest, and its buckets. */
static const struct lanes *lanes_for(uint64_t n, uint64_t *buckets)
{
	const struct lanes *best = NULL;

	for (size_t i = 0; i < sizeof(lane_kinds) / sizeof(*lane_kinds); i++) {
		const struct lanes *l = &lane_kinds[i];
		uint64_t b = n * 100 / (room(l) * l->fill) + 1;

		if (b < l->least)
			b = l->least;
		if (!best || b < *buckets) {
			best = l;
			*buckets = b;
		}
	}
	return best;
}

static void each_key(struct filling *f, void (*what)(struct filling *f, uint64_t key))
{
	const struct set_elements *e = f->d->e;

	for (size_t i = 0; i < e->n; i += 2) {
		uint64_t end = i + 1 < e->n ? e->bound[i + 1] : (uint64_t)1 << e->bits;

		for (uint64_t key = e->bound[i]; key < end; key++)
			what(f, key);
	}
}

static void count(struct filling *f, uint64_t key)
{
	uint32_t lane;

	if (f->n[set_quotient(set_head_of(f->d), key, &lane)]++ >= room(f->lanes))
		f->n_others++;
}

static void put(struct filling *f, uint64_t key)
{
	uint32_t lane, b = set_quotient(set_head_of(f->d), key, &lane), i = f->n[b]++;
	uint64_t *word = (uint64_t *)set_at(f->d, f->at) + (size_t)b * SET_QUOTIENT_WORDS;

	if (i < room(f->lanes)) {
		word[i / f->lanes->n] |= (uint64_t)lane << i % f->lanes->n * f->lanes->bits;
		return;
	}
	f->other[2 * f->n_others] = key;
	f->other[2 * f->n_others++ + 1] = key + 1;
}

/* The first word is greater than the last one where keys found no room, and only there. No two of a full bucket are the same. */
static void mark(struct filling *f)
{
	const struct set_head *h = set_head_of(f->d);
	uint64_t *word = set_at(f->d, f->at);

	for (uint32_t b = 0; b < h->quotient.buckets; b++, word += SET_QUOTIENT_WORDS) {
		uint64_t first = word[0], last = word[SET_QUOTIENT_WORDS - 1];

		if ((first > last) == (f->n[b] > room(f->lanes)))
			continue;
		word[0] = last;
		word[SET_QUOTIENT_WORDS - 1] = first;
	}
}

/* Fills them, in an order of numbers in which few find no room. NULL, or why not. */
static const char *fill(struct filling *f, uint64_t n)
{
	struct set_head *h = set_head_of(f->d);
	size_t size = h->quotient.buckets * sizeof(*f->n);

	for (unsigned order = 0; order < ORDERS; order++) {
		h->quotient.order = (uint32_t)((f->d->seed + order * SET_HASH_LAST) * SET_HASH_WORD >> 32) | 1;
		memset(f->n, 0, size);
		f->n_others = 0;
		each_key(f, count);
		if (f->n_others > n / OTHERS)
			continue;
		f->other = malloc((f->n_others + 1) * 2 * sizeof(*f->other));
		if (!f->other)
			return no_memory;
		memset(f->n, 0, size);
		f->n_others = 0;
		each_key(f, put);
		mark(f);
		return NULL;
	}
	return crowded;
}

/* A table of those that found no room. */
static const char *put_others(struct filling *f)
{
	struct set_elements e = { f->d->e->words, f->d->e->bits, 2 * f->n_others, f->other };
	struct set_draft others = *f->d;
	struct set_head *h;
	const char *bad;
	size_t at;

	if (!set_room(f->d, sizeof(*h), SET_ALIGN, &at))
		return set_too_large;
	others.e = &e;
	others.off += at;
	others.single = true;
	h = set_head_of(&others);
	h->engine = SET_HASH;
	h->words = (uint16_t)e.words;
	h->bits = (uint16_t)e.bits;
	bad = set_hash_build(&others);
	set_head_of(f->d)->quotient.others = (uint32_t)at;
	f->d->loads = 1 + others.loads;
	return bad;
}

const char *set_quotient_build(struct set_draft *d)
{
	const struct set_elements *e = d->e;
	struct filling f = { .d = d };
	uint64_t n = set_count(e), buckets = 0;
	struct set_head *h = set_head_of(d);
	const char *bad;

	if (e->bits > 32)
		return set_too_wide;
	if (n > 8 * (uint64_t)e->n + 64 && !d->single)
		return single_values;
	f.lanes = lanes_for(n, &buckets);
	if (buckets > UINT32_MAX)
		return set_too_large;
	h->quotient.buckets = (uint32_t)buckets;
	h->quotient.most = (uint32_t)(((uint64_t)1 << f.lanes->bits) - 1);
	for (unsigned i = 0; i < f.lanes->n; i++) {
		h->quotient.lowest |= (uint64_t)1 << i * f.lanes->bits;
		h->quotient.highest |= (uint64_t)1 << (i * f.lanes->bits + f.lanes->bits - 1);
	}
	if (!set_room(d, buckets * SET_QUOTIENT_BUCKET, SET_ALIGN, &f.at))
		return set_too_large;
	d->loads = 1;
	f.n = malloc(buckets * sizeof(*f.n));
	bad = f.n ? fill(&f, n) : no_memory;
	if (!bad && f.n_others)
		bad = put_others(&f);
	free(f.n);
	free(f.other);
	return bad;
}

bool set_quotient_has(const struct set_head *h, const uint64_t *key)
{
	uint32_t lane, b = set_quotient(h, key[0], &lane);
	const uint64_t *word = (const uint64_t *)(h + 1) + (size_t)b * SET_QUOTIENT_WORDS;
	uint64_t all = lane * h->quotient.lowest, zero = 0;

	for (unsigned i = 0; i < SET_QUOTIENT_WORDS; i++) {
		uint64_t differ = word[i] ^ all;

		zero |= (differ - h->quotient.lowest) & ~differ;
	}
	if (zero & h->quotient.highest)
		return true;
	if (word[0] <= word[SET_QUOTIENT_WORDS - 1])
		return false;
	return set_hash_has((const struct set_head *)(const void *)((const unsigned char *)h + h->quotient.others), key);
}
