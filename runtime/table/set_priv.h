/*
 * Internal to the sets' tables: one row of functions per engine.
 */
#ifndef XDPF_TABLE_SET_PRIV_H
#define XDPF_TABLE_SET_PRIV_H

#include <string.h>

#include "set.h"

/* What is being built. */
struct set_draft {
	struct image *m;
	const struct set_elements *e;
	size_t off;			/* of the head */
	size_t most;			/* bytes that the image may have */
	unsigned loads;
	uint64_t seed;
	bool single, known;
	uint32_t *slot;
};

/* Each appends what is behind the head, and fills the head. NULL, or why not. */
const char *set_bits_build(struct set_draft *d);
const char *set_search_build(struct set_draft *d);
const char *set_hash_build(struct set_draft *d);
const char *set_pages_build(struct set_draft *d);
const char *set_bounds_build(struct set_draft *d);
const char *set_trie_build(struct set_draft *d);
const char *set_dir24_build(struct set_draft *d);
const char *set_quotient_build(struct set_draft *d);

bool set_bits_has(const struct set_head *h, const uint64_t *key);
bool set_search_has(const struct set_head *h, const uint64_t *key);
bool set_hash_has(const struct set_head *h, const uint64_t *key);
bool set_pages_has(const struct set_head *h, const uint64_t *key);
bool set_bounds_has(const struct set_head *h, const uint64_t *key);
bool set_trie_has(const struct set_head *h, const uint64_t *key);
bool set_dir24_has(const struct set_head *h, const uint64_t *key);
bool set_quotient_has(const struct set_head *h, const uint64_t *key);

/* The slot of a key that is not zero; SET_NO_SLOT: it is not there. */
size_t set_hash_slot(const struct set_head *h, const uint64_t *key);
/* The last boundary that is not above the key; the first, where that is above it, too. */
size_t set_search_find(const struct set_head *h, const uint64_t *key);

extern const char set_too_large[], set_too_wide[];

/* @n bytes for it, where they are within bounds: from the head. False: they are not. */
bool set_room(struct set_draft *d, size_t n, size_t align, size_t *at);
/* How many keys there are; UINT64_MAX: that many, or more. */
uint64_t set_count(const struct set_elements *e);

static inline struct set_head *set_head_of(const struct set_draft *d)
{
	return image_at(d->m, d->off);
}

static inline void *set_at(const struct set_draft *d, size_t at)
{
	return image_at(d->m, d->off + at);
}

static inline int set_cmp(const uint64_t *a, const uint64_t *b, unsigned words)
{
	for (unsigned i = 0; i < words; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

/* The key behind it; false: it is the greatest that there is. */
static inline bool set_next(uint64_t *key, unsigned words)
{
	for (unsigned i = words; i-- > 0;)
		if (++key[i])
			return true;
	return false;
}

static inline bool set_is_greatest(const uint64_t *key, unsigned words, unsigned bits)
{
	for (unsigned i = 1; i < words; i++)
		if (key[i] != UINT64_MAX)
			return false;
	return key[0] == UINT64_MAX >> (64 * words - bits);
}

static inline bool set_is_zero(const uint64_t *key, unsigned words)
{
	for (unsigned i = 0; i < words; i++)
		if (key[i])
			return false;
	return true;
}

#endif
