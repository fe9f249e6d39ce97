/*
 * Tries of adaptive strides, for keys of any width. In: boundaries. Out: entries as set.h says. A node has about as many entries as there are
 * boundaries in it, so its depth follows where they crowd; bits that all of them share are skipped at once. Each entry about a word leaves at least
 * three bits less of it open.
 */
#include "set_priv.h"

enum { LEAST_STRIDE = 3, LEAST_SKIP = 4 };

/* Boundaries [a, b) of keys that have the words before .word and those of its bits above .open in common, and lie behind the first such key. */
struct part {
	size_t a, b;
	unsigned word, open;
	uint64_t first;			/* .word of it */
	unsigned depth;			/* loads before */
};

static const uint64_t *bound(const struct set_draft *d, size_t i)
{
	return d->e->bound + i * d->e->words;
}

static bool later_zero(const struct set_draft *d, size_t i, unsigned word)
{
	return set_is_zero(bound(d, i) + word + 1, d->e->words - word - 1);
}

/* The entry for the part, and all that it leads to; false: there is no room. */
static bool entry(struct set_draft *d, struct part p, uint64_t *out);

static uint64_t make(enum set_trie_kind kind, const struct part *p, size_t at, unsigned shift, unsigned bits)
{
	return (uint64_t)kind << SET_TRIE_KIND | (uint64_t)p->word << SET_TRIE_WORD | (uint64_t)shift << SET_TRIE_SHIFT |
	       (uint64_t)bits << SET_TRIE_BITS | (uint64_t)(p->a & 1) << SET_TRIE_BEFORE | (uint64_t)(p->b & 1) << SET_TRIE_AFTER | at / 8;
}

static bool list(struct set_draft *d, const struct part *p, uint64_t *out)
{
	size_t at;

	if (!set_room(d, 8 * SET_TRIE_LIST, 8 * SET_TRIE_LIST, &at))
		return false;
	for (size_t i = p->a; i < p->b; i++)
		memcpy(set_at(d, at + 8 * (i - p->a)), bound(d, i) + p->word, 8);
	*out = make(SET_TRIE_IS_LIST, p, at, 0, 0);
	/* the zeros at its end count too */
	*out ^= (uint64_t)((SET_TRIE_LIST - (p->b - p->a)) & 1) << SET_TRIE_BEFORE;
	if (p->depth + 1 > d->loads)
		d->loads = p->depth + 1;
	return true;
}

/* The part of those whose open bits are only @open, and the word there at least @first; where the word is done, of the next one. */
static struct part inner(const struct set_draft *d, const struct part *p, size_t a, size_t b, uint64_t first, unsigned open)
{
	struct part q = { a, b, p->word, open, first, p->depth + 1 };

	/* the part's very first key may be a boundary: it is before all its keys */
	if (q.a < q.b && bound(d, q.a)[p->word] == first && later_zero(d, q.a, p->word))
		q.a++;
	if (open || p->word + 1 == d->e->words)
		return q;
	q.word++;
	q.open = 64;
	q.first = 0;
	return q;
}

static bool skip(struct set_draft *d, const struct part *p, unsigned common, uint64_t *out)
{
	unsigned shift = p->open - common;
	uint64_t node[2] = { bound(d, p->a)[p->word] >> shift, 0 };
	size_t at;

	if (!set_room(d, sizeof(node), sizeof(node), &at) || !entry(d, inner(d, p, p->a, p->b, node[0] << shift, shift), &node[1]))
		return false;
	memcpy(set_at(d, at), node, sizeof(node));
	*out = make(SET_TRIE_SKIP, p, at, shift, 0);
	return true;
}

static bool node(struct set_draft *d, const struct part *p, unsigned common, uint64_t *out)
{
	unsigned stride = LEAST_STRIDE, shift;
	size_t a = p->a, at;

	while (stride < SET_TRIE_STRIDE && (size_t)1 << stride < p->b - p->a)
		stride++;
	stride = stride + common < p->open ? stride + common : p->open;
	shift = p->open - stride;
	if (!set_room(d, (size_t)8 << stride, 64, &at))
		return false;
	for (uint64_t i = 0; i < (uint64_t)1 << stride; i++) {
		uint64_t first = p->first + (i << shift), last = first + (((uint64_t)1 << shift) - 1), e;
		size_t b = a;

		while (b < p->b && bound(d, b)[p->word] <= last)
			b++;
		if (!entry(d, inner(d, p, a, b, first, shift), &e))
			return false;
		memcpy(set_at(d, at + 8 * i), &e, sizeof(e));
		a = b;
	}
	*out = make(SET_TRIE_NODE, p, at, shift, stride);
	return true;
}

static bool entry(struct set_draft *d, struct part p, uint64_t *out)
{
	unsigned common = p.open;
	bool narrow = true;
	uint64_t differ;

	if (p.a == p.b) {
		*out = p.a & 1;
		if (p.depth > d->loads)
			d->loads = p.depth;
		return true;
	}
	for (size_t i = p.a; i < p.b && p.b - p.a <= SET_TRIE_LIST; i++)
		narrow = narrow && later_zero(d, i, p.word);
	if (p.b - p.a <= SET_TRIE_LIST && narrow)
		return list(d, &p, out);
	differ = bound(d, p.a)[p.word] ^ bound(d, p.b - 1)[p.word];
	if (differ)
		common = p.open - (unsigned)(64 - __builtin_clzll(differ));
	return common >= LEAST_SKIP || !differ ? skip(d, &p, common, out) : node(d, &p, common, out);
}

const char *set_trie_build(struct set_draft *d)
{
	const struct set_elements *e = d->e;
	struct part p = { 0, e->n, 0, e->bits - 64 * (e->words - 1), 0, 0 };
	uint64_t root;

	/* a boundary at 0 is before all keys */
	if (e->n && set_is_zero(e->bound, e->words))
		p.a++;
	if (!entry(d, p, &root))
		return set_too_large;
	set_head_of(d)->trie.root = root;
	return NULL;
}

bool set_trie_has(const struct set_head *h, const uint64_t *key)
{
	const uint64_t *base = (const uint64_t *)h;
	uint64_t e = h->trie.root;

	for (unsigned i = 0; i < SET_TRIE_STEPS * SET_MAX_WORDS; i++) {
		uint64_t x = key[e >> SET_TRIE_WORD & 7], above = x >> (e >> SET_TRIE_SHIFT & 63);
		const uint64_t *at = base + (uint32_t)e;

		switch ((enum set_trie_kind)(e >> SET_TRIE_KIND)) {
		case SET_TRIE_CONST:
			return e & 1;
		case SET_TRIE_IS_LIST:
			e = e >> SET_TRIE_BEFORE & 1;
			for (unsigned k = 0; k < SET_TRIE_LIST; k++)
				e ^= at[k] <= x;
			return e;
		case SET_TRIE_NODE:
			e = at[above & (((uint64_t)1 << (e >> SET_TRIE_BITS & 31)) - 1)];
			break;
		case SET_TRIE_SKIP:
			if (above != at[0])
				return e >> (above < at[0] ? SET_TRIE_BEFORE : SET_TRIE_AFTER) & 1;
			e = at[1];
			break;
		}
	}
	return false;
}
