/*
 * Sorted boundaries, and a binary search that takes no branch on what it finds. In: boundaries of keys of any width. Out: the same, behind the head.
 * The engine that holds every set.
 */
#include "set_priv.h"

const char *set_search_build(struct set_draft *d)
{
	const struct set_elements *e = d->e;
	size_t at, size = e->n * e->words * sizeof(*e->bound);

	/* an empty set is one that ends where it begins, and has a boundary to look at */
	if (!set_room(d, size ? size : 2 * e->words * sizeof(*e->bound), SET_ALIGN, &at))
		return set_too_large;
	memcpy(set_at(d, at), e->bound, size);
	set_head_of(d)->search.n = e->n ? e->n : 2;
	for (size_t n = set_head_of(d)->search.n; n; n /= 2)
		d->loads++;
	return NULL;
}

size_t set_search_find(const struct set_head *h, const uint64_t *key)
{
	const uint64_t *v = (const uint64_t *)(h + 1);
	uint64_t at = 0, n = h->search.n;

	for (; n > 1; n -= n / 2)
		if (set_cmp(v + (at + n / 2) * h->words, key, h->words) <= 0)
			at += n / 2;
	return at;
}

bool set_search_has(const struct set_head *h, const uint64_t *key)
{
	uint64_t at = set_search_find(h, key);

	return (at + (set_cmp((const uint64_t *)(h + 1) + at * h->words, key, h->words) <= 0)) & 1;
}
