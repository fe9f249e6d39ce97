/*
 * Sets of terms, each once. In: sets as bits. Out: their numbers, in the order in which they first came.
 */
#include "classify_priv.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 96 << 20 };		/* of one dimension's sets: with so many rules their tables would be too large */

void classes_init(struct classes *c, size_t words)
{
	*c = (struct classes){ .words = words ? words : 1 };
}

void classes_free(struct classes *c)
{
	free(c->bits);
	free(c->slot);
	free(c->hash);
	*c = (struct classes){ 0 };
}

static bool grow(struct classes *c)
{
	size_t cap = c->cap ? 2 * c->cap : 64;
	uint64_t *bits, *hash;
	uint32_t *slot;

	KNOWN(c->words);		/* classes_init() */
	bits = realloc(c->bits, cap * c->words * sizeof(*bits));
	hash = bits ? realloc(c->hash, cap * sizeof(*hash)) : NULL;
	slot = hash ? calloc(2 * cap, sizeof(*slot)) : NULL;
	if (bits)
		c->bits = bits;
	if (hash)
		c->hash = hash;
	if (!slot)
		return false;
	free(c->slot);
	c->slot = slot;
	c->cap = cap;
	for (size_t i = 0; i < c->n; i++) {
		size_t at = c->hash[i] & (2 * cap - 1);

		while (slot[at])
			at = (at + 1) & (2 * cap - 1);
		slot[at] = (uint32_t)i + 1;
	}
	return true;
}

uint32_t classes_add(struct classes *c, const uint64_t *set)
{
	uint64_t h = 0;

	for (size_t k = 0; k < c->words; k++)
		h ^= classes_word_hash(k, set[k]);
	return classes_add_hashed(c, set, h);
}

uint32_t classes_add_hashed(struct classes *c, const uint64_t *set, uint64_t h)
{
	size_t at;

	if (c->n == c->cap && !grow(c))
		return UINT32_MAX;
	for (at = h & (2 * c->cap - 1); c->slot[at]; at = (at + 1) & (2 * c->cap - 1)) {
		size_t i = c->slot[at] - 1;

		if (c->hash[i] == h && !memcmp(classes_set(c, i), set, c->words * sizeof(*set)))
			return (uint32_t)i;
	}
	if (c->n == RFC_MAX_CLASSES || c->n * c->words * sizeof(*set) > MOST_BYTES)
		return UINT32_MAX;
	memcpy(c->bits + c->n * c->words, set, c->words * sizeof(*set));
	c->hash[c->n] = h;
	c->slot[at] = (uint32_t)++c->n;
	return (uint32_t)c->n - 1;
}
