/*
 * Lists of entries, each once. In: entries in order. Out: words: that of the entry which stops, then each entry's, as far as that one.
 */
#include "classify_priv.h"

#include <stdlib.h>
#include <string.h>

static uint32_t hash(const uint32_t *word, size_t n)
{
	uint64_t h = n;

	for (size_t i = 0; i < n; i++) {
		h = (h ^ word[i]) * 0xff51afd7ed558ccd;
		h ^= h >> 32;
	}
	return (uint32_t)h;
}

bool lists_init(struct attempt *t, struct lists *l)
{
	*l = (struct lists){ .slots = 1024 };
	l->slot = calloc(l->slots, sizeof(*l->slot));
	/* the first one is empty: what code gets that cannot get anything */
	return (l->slot && lists_add(t, l, NULL, 0) == 0) || classify_fail(t, "memory is out");
}

void lists_free(struct lists *l)
{
	free(l->slot);
}

/* Words of the list at @at: its head, and as far as that comes again. */
static size_t length(const struct lists *l, size_t at)
{
	size_t n = 2;

	while (l->word.v[at + n - 1] != l->word.v[at])
		n++;
	return n;
}

static bool grow(struct lists *l)
{
	uint32_t *bigger = calloc(2 * l->slots, sizeof(*bigger));

	if (!bigger)
		return false;
	for (size_t i = 0; i < l->slots; i++) {
		size_t at;

		if (!l->slot[i])
			continue;
		at = hash(l->word.v + l->slot[i] - 1, length(l, l->slot[i] - 1)) & (2 * l->slots - 1);
		while (bigger[at])
			at = (at + 1) & (2 * l->slots - 1);
		bigger[at] = l->slot[i];
	}
	free(l->slot);
	l->slot = bigger;
	l->slots *= 2;
	return true;
}

uint32_t lists_add(struct attempt *t, struct lists *l, const uint32_t *entry, size_t n)
{
	uint32_t word[CLASSIFY_MAX_LIST + 2];
	size_t at, len = 1;

	if (n > CLASSIFY_MAX_LIST) {
		classify_fail(t, "a packet may match more than %d rules that do not decide by themselves", CLASSIFY_MAX_LIST);
		return UINT32_MAX;
	}
	if (n > t->longest)
		t->longest = n;
	for (size_t i = 0; i < n; i++)
		word[len++] = t->r->entry.v[entry[i]].word;
	if (!n || !t->r->entry.v[entry[n - 1]].stops)
		word[len++] = CLASSIFY_WORD_END;
	word[0] = word[len - 1];
	if (2 * l->n >= l->slots && !grow(l)) {
		classify_fail(t, "memory is out");
		return UINT32_MAX;
	}
	for (at = hash(word, len) & (l->slots - 1); l->slot[at]; at = (at + 1) & (l->slots - 1)) {
		size_t i = l->slot[at] - 1;

		if (l->word.n - i >= len && !memcmp(l->word.v + i, word, len * sizeof(*word)))
			return (uint32_t)i;
	}
	l->slot[at] = (uint32_t)l->word.n + 1;
	l->n++;
	for (size_t i = 0; i < len; i++)
		*vec_add(t->a, &l->word) = word[i];
	return l->slot[at] - 1;
}
