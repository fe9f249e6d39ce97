/*
 * Tries of adaptive strides, for keys of any width. In: boundaries. Out: entries as set.h says. A node has so many entries that few reads and little
 * memory are behind them; where boundaries crowd there are more nodes. Bits that all of them share are skipped at once, and a prefix that is alone in
 * its entry needs nothing else. Each entry about a word leaves at least three bits less of it open, or none.
 */
#include "set_priv.h"

/* The root's skip is always near the processor, and what is behind it that much denser. */
enum { LEAST_STRIDE = 3, LEAST_SKIP = 4, LEAST_SKIP_ROOT = 1 };

/* What nodes cost. */
enum {
	READ = 1024,			/* a key's read */
	NEAR = 16 << 10, FAR = 256 << 10,	/* bytes that are near the processor; from which on they are far */
	READS_DEEPER = 2,		/* where an entry leads to another node … */
	BYTES_DEEPER = 12,		/* … which has so many for a boundary */
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

/* An entry that says of @size open keys from @first on that @in holds there, and of the others that it does not. False: they are not told by their
 * first bits alone, or these are too many. */
static bool block(const struct part *p, uint64_t first, uint64_t size, bool in, uint64_t *out)
{
	unsigned shift = (unsigned)__builtin_ctzll(size), bits = p->open - shift;

	if (size & (size - 1) || first & (size - 1) || bits > SET_TRIE_VALUE)
		return false;
	*out = (uint64_t)SET_TRIE_CONST << SET_TRIE_KIND | (uint64_t)p->word << SET_TRIE_WORD | (uint64_t)shift << SET_TRIE_SHIFT |
	       (uint64_t)bits << SET_TRIE_BITS | first >> shift << 1 | in;
	return true;
}

/* Where one prefix is in the part, or all but one. */
static bool one(const struct set_draft *d, const struct part *p, uint64_t *out)
{
	uint64_t first = bound(d, p->a)[p->word] - p->first, last = bound(d, p->b - 1)[p->word] - p->first;

	if (d->known || p->b - p->a > 2 || !later_zero(d, p->a, p->word) || !later_zero(d, p->b - 1, p->word))
		return false;
	if (p->b - p->a == 2)
		return block(p, first, last - first, !(p->a & 1), out);
	return p->open < 64 && (block(p, first, ((uint64_t)1 << p->open) - first, !(p->a & 1), out) || block(p, 0, first, p->a & 1, out));
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

/* How far from the processor what is made of the part is, as that depends on its size: the nearest memory is as good as none, the far one costs
 * twice. The part has its share of both. */
static uint64_t distance(const struct set_draft *d, const struct part *p, uint64_t bytes)
{
	uint64_t near = (uint64_t)NEAR * (p->b - p->a) / d->e->n, far = (uint64_t)FAR * (p->b - p->a) / d->e->n;

	return near + bytes + (bytes > far ? bytes - far : 0);
}

/* What a node of @stride would cost, in no unit: how many reads a key takes, if half of the keys are such as its boundaries are for and half are any,
 * times how far the memory is, which is how much there is of it. */
static uint64_t cost(const struct set_draft *d, const struct part *p, unsigned stride)
{
	unsigned shift = p->open - stride;
	size_t reads = 0, reached = 0, bytes = (size_t)8 << stride;
	uint64_t out;

	for (size_t a = p->a, b; a < p->b; a = b) {
		uint64_t first = p->first + ((bound(d, a)[p->word] - p->first) >> shift << shift);
		unsigned zero, kind, n;
		struct part q;

		for (b = a + 1; b < p->b && bound(d, b)[p->word] - first < (uint64_t)1 << shift;)
			b++;
		q = inner(d, p, a, b, first, shift);
		if (q.a == q.b || one(d, &q, &out))
			continue;
		n = zeros(d, &q, &zero) ? lanes_for(q.open - zero, &kind) : 0;
		if (q.b - q.a <= n)
			bytes += q.b - q.a <= n / 2 ? SET_BLOCK : 2 * SET_BLOCK;
		else
			bytes += (q.b - q.a) * BYTES_DEEPER;
		reads += q.b - q.a <= n ? 1 : READS_DEEPER;
		reached += (q.b - q.a) * (q.b - q.a <= n ? 1 : READS_DEEPER);
	}
	return (2 * READ + (READ * reads >> stride) + READ * reached / (p->b - p->a)) * distance(d, p, bytes);
}

/* Bits for a node's entries: with which it costs least. */
static unsigned stride_for(const struct set_draft *d, const struct part *p)
{
	unsigned most = p->open < SET_TRIE_STRIDE ? p->open : SET_TRIE_STRIDE, best = most;
	uint64_t least = UINT64_MAX;

	for (unsigned stride = most < LEAST_STRIDE ? most : LEAST_STRIDE; stride <= most; stride++) {
		uint64_t c;

		/* all that follow are larger */
		if (2 * READ * distance(d, p, (uint64_t)8 << stride) >= least)
			break;
		c = cost(d, p, stride);
		if (c < least) {
			least = c;
			best = stride;
		}
	}
	return best;
}

static bool node(struct set_draft *d, const struct part *p, uint64_t *out)
{
	unsigned stride = stride_for(d, p), shift = p->open - stride;
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
		*out = (uint64_t)p.word << SET_TRIE_WORD | (p.a & 1);
		if (p.depth > d->loads)
			d->loads = p.depth;
		return true;
	}
	if (one(d, &p, out)) {
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
	return node(d, &p, out);
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
			return (e & 1) ^ (low != (e >> 1 & (((uint64_t)1 << SET_TRIE_VALUE) - 1)));
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
