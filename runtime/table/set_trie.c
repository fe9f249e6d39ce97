/*
 * Tries of adaptive strides, for keys of any width. In: boundaries. Out: entries as set.h says. A node has so many entries that what is left for each
 * fits one block, if it is spread evenly; where boundaries crowd there are more nodes. Bits that all of them share are skipped at once. Each entry
 * about a word leaves at least three bits less of it open, or none.
 */
#include "set_priv.h"

/* The root's skip is always near the processor, and what is behind it that much denser. */
enum { LEAST_STRIDE = 3, LEAST_SKIP = 4, LEAST_SKIP_ROOT = 1 };

/* Of nodes. */
enum {
	FILL = 9,			/* tenths of two blocks that an entry's boundaries may fill, on average */
	SMALL = 64,			/* entries that need no reason */
	PER_ENTRY = 8,			/* boundaries that are worth an entry */
	PER_PART = 4,			/* entries that are worth it where one has boundaries */
};

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

/* Lanes of two blocks that have room for numbers of @bits bits, and their kind; 0: none have. */
static unsigned lanes_for(unsigned bits, unsigned *kind)
{
	*kind = bits < 16 ? 0 : bits < 32 ? 1 : 2;
	return bits < 64 ? 2 * SET_LANES >> *kind : 0;
}

/* How many of the last bits all boundaries have zero, of which later words must be zero too; false: they are not. */
static bool zeros(const struct set_draft *d, const struct part *p, unsigned *n)
{
	uint64_t all = 0;

	for (size_t i = p->a; i < p->b; i++) {
		if (!later_zero(d, i, p->word))
			return false;
		all |= bound(d, i)[p->word];
	}
	*n = all ? (unsigned)__builtin_ctzll(all) : p->open;
	if (*n > p->open)
		*n = p->open;
	return true;
}

static bool list(struct set_draft *d, const struct part *p, unsigned shift, unsigned kind, uint64_t *out)
{
	unsigned bytes = 2u << kind, wide = p->b - p->a > (size_t)SET_LANES >> kind;
	size_t size = (size_t)SET_BLOCK << wide, at;

	if (!set_room(d, size, size, &at))
		return false;
	for (size_t i = 0; i < size / bytes; i++) {
		uint64_t none = (uint64_t)1 << (8 * bytes - 1), v = none;

		if (i < p->b - p->a)
			v = (bound(d, p->a + i)[p->word] - p->first) >> shift;
		memcpy((unsigned char *)set_at(d, at) + i * bytes, &v, bytes);
	}
	*out = make(SET_TRIE_LIST, p, at, shift, p->open - shift) | (uint64_t)kind << SET_TRIE_LANE | (uint64_t)wide << SET_TRIE_WIDE;
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

/*
 * How many bits of the word all keys have in common that are neither below the first boundary nor at the last or above it: those below have one
 * answer, those above another. Where the last boundary is the first key that has other bits, it is not in the part that is left: *@b is the end of
 * that.
 */
static unsigned common_bits(const struct set_draft *d, const struct part *p, size_t *b)
{
	uint64_t first = bound(d, p->a)[p->word], last = bound(d, p->b - 1)[p->word], differ = 0;
	unsigned common;

	*b = p->b;
	if (p->b - p->a > 1)
		differ = first ^ (last - later_zero(d, p->b - 1, p->word));
	common = differ ? p->open - (unsigned)(64 - __builtin_clzll(differ)) : p->open;
	if (common && last >> (p->open - common) != first >> (p->open - common))
		(*b)--;
	return common;
}

static bool skip(struct set_draft *d, const struct part *p, unsigned common, size_t b, uint64_t *out)
{
	unsigned shift = p->open - common;
	uint64_t node[2] = { bound(d, p->a)[p->word] >> shift, 0 };
	size_t at;

	if (!set_room(d, sizeof(node), sizeof(node), &at) || !entry(d, inner(d, p, p->a, b, node[0] << shift, shift), &node[1]))
		return false;
	memcpy(set_at(d, at), node, sizeof(node));
	*out = make(SET_TRIE_SKIP, p, at, shift, 0);
	return true;
}

/* Into how many parts the first 1, 2 … bits that are open cut the boundaries. */
static void count_parts(const struct set_draft *d, const struct part *p, size_t *parts)
{
	memset(parts, 0, (SET_TRIE_STRIDE + 1) * sizeof(*parts));
	parts[0] = 1;
	for (size_t i = p->a + 1; i < p->b; i++) {
		uint64_t differ = bound(d, i)[p->word] ^ bound(d, i - 1)[p->word];
		unsigned at = differ ? p->open - (unsigned)(63 - __builtin_clzll(differ)) : SET_TRIE_STRIDE + 1;

		if (at <= SET_TRIE_STRIDE)
			parts[at]++;
	}
	for (unsigned i = 1; i <= SET_TRIE_STRIDE; i++)
		parts[i] += parts[i - 1];
}

/* Bits for a node's entries: so many that what an entry has to hold mostly fits a block; no more than boundaries, or parts of them, are worth; and
 * none at the end that hardly tell any apart. @zero of the last bits are of no matter. */
static unsigned stride_for(const struct set_draft *d, const struct part *p, unsigned zero)
{
	size_t n = p->b - p->a, parts[SET_TRIE_STRIDE + 1];
	unsigned most = p->open < SET_TRIE_STRIDE ? p->open : SET_TRIE_STRIDE, stride = 1, kind;

	count_parts(d, p, parts);
	for (; stride < most; stride++) {
		unsigned open = p->open - stride, lanes = lanes_for(open > zero ? open - zero : 0, &kind);
		size_t entries = (size_t)2 << stride;

		if ((n * 10 <= lanes * parts[stride] * FILL && stride >= LEAST_STRIDE) ||
		    (entries > SMALL && entries > n / PER_ENTRY && entries > PER_PART * parts[stride + 1]))
			break;
	}
	while (stride > LEAST_STRIDE && parts[stride - 1] * 10 >= parts[stride] * 9)
		stride--;
	return stride < LEAST_STRIDE && LEAST_STRIDE < p->open ? LEAST_STRIDE : stride;
}

static bool node(struct set_draft *d, const struct part *p, unsigned zero, uint64_t *out)
{
	unsigned stride = stride_for(d, p, zero), shift = p->open - stride;
	size_t a = p->a, at;

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
	unsigned common, zero = 0, kind;
	size_t b;

	if (p.a == p.b) {
		*out = p.a & 1;
		if (p.depth > d->loads)
			d->loads = p.depth;
		return true;
	}
	if (!zeros(d, &p, &zero))
		zero = 0;
	else if (p.b - p.a <= lanes_for(p.open - zero, &kind))
		return list(d, &p, zero, kind, out);
	common = common_bits(d, &p, &b);
	if (common >= (p.depth ? LEAST_SKIP : LEAST_SKIP_ROOT) || common == p.open)
		return skip(d, &p, common, b, out);
	return node(d, &p, zero, out);
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
	for (unsigned kind = 0; kind < SET_TRIE_LANE_KINDS; kind++) {
		unsigned bits = 16u << kind;

		for (unsigned at = 0; at < 64; at += bits) {
			set_head_of(d)->trie.lanes[kind][0] |= (uint64_t)1 << at;
			set_head_of(d)->trie.lanes[kind][1] |= (uint64_t)1 << (at + bits - 1);
		}
	}
	return NULL;
}

/* The parity of boundaries in the block that are not above @x, which has fewer bits than a lane. */
static bool in_list(const struct set_head *h, const uint64_t *block, uint64_t x, unsigned kind, unsigned wide)
{
	uint64_t all = x * h->trie.lanes[kind][0] | h->trie.lanes[kind][1], v = 0;

	for (unsigned i = 0; i < (unsigned)SET_BLOCK / 8 << wide; i++)
		v ^= all - block[i];
	v &= h->trie.lanes[kind][1];
	v ^= v >> 32;
	v ^= v >> 16;
	/* what were the highest bits of lanes of 32 or 64 bits is there too */
	return v >> 15 & 1;
}

bool set_trie_has(const struct set_head *h, const uint64_t *key)
{
	const uint64_t *base = (const uint64_t *)h;
	uint64_t e = h->trie.root;

	for (unsigned i = 0; i < SET_TRIE_STEPS * SET_MAX_WORDS; i++) {
		uint64_t above = key[e >> SET_TRIE_WORD & 7] >> (e >> SET_TRIE_SHIFT & 63);
		uint64_t low = above & (((uint64_t)1 << (e >> SET_TRIE_BITS & 63)) - 1);
		const uint64_t *at = base + (uint32_t)e;

		switch ((enum set_trie_kind)(e >> SET_TRIE_KIND)) {
		case SET_TRIE_CONST:
			return e & 1;
		case SET_TRIE_LIST:
			return in_list(h, at, low, e >> SET_TRIE_LANE & 3, e >> SET_TRIE_WIDE & 1) ^ (e >> SET_TRIE_BEFORE & 1);
		case SET_TRIE_NODE:
			e = at[low];
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
