/*
 * Value maps of up to 128 bits: a trie whose nodes leave out what all their boundaries have in common, and are as wide as these are dense. In:
 * pieces. Out: nodes in the image, exact for any boundaries, at most MOST_SPARSE entries for each that is needed; and the look-up, in plain C.
 */
#include "map.h"

#include <string.h>

typedef unsigned __int128 u128;

/* Entries of a node for each that has a boundary: more where there are few, so that the way is short while the trie stays small. */
enum { LEAST_SPARSE = 8, MOST_SPARSE = 128, SMALL = 1 << 15 };

struct trie {
	struct image *im;
	const struct map_piece *p;
	unsigned up;			/* by how many bits numbers are moved */
	unsigned steps;
	size_t sparse;			/* entries of a node for each that has a boundary */
};

static u128 boundary(const struct trie *t, size_t i)
{
	return ((u128)t->p[i].lo.hi << 64 | t->p[i].lo.lo) << t->up;
}

/* The low 128 - @used bits set. */
static u128 span(unsigned used)
{
	return used >= 128 ? 0 : ~(u128)0 >> used;
}

static unsigned common(u128 a, u128 b)
{
	u128 x = a ^ b;

	return x >> 64 ? (unsigned)__builtin_clzll((uint64_t)(x >> 64)) : (uint64_t)x ? 64 + (unsigned)__builtin_clzll((uint64_t)x) : 128;
}

static unsigned zeros_below(u128 x)
{
	return (uint64_t)x ? (unsigned)__builtin_ctzll((uint64_t)x) : x ? 64 + (unsigned)__builtin_ctzll((uint64_t)(x >> 64)) : 128;
}

/* Bits @from to @from + @n of @x, the highest being bit 0; @n below 64. */
static uint64_t bits(u128 x, unsigned from, unsigned n)
{
	return n ? (uint64_t)(x << from >> (128 - n)) : 0;
}

/* How many bits all numbers that are neither below the first boundary nor at the last or above it have in common, from the top; the boundaries
 * are [i, j). A single one is taken with as many bits as tell it from all below. */
static unsigned common_bits(const struct trie *t, size_t i, size_t j)
{
	u128 first = boundary(t, i);

	return j - i == 1 ? 128 - zeros_below(first) : common(first, boundary(t, j - 1) - 1);
}

static unsigned choose_stride(const struct trie *t, unsigned used, size_t i, size_t j)
{
	unsigned most = 128 - used < MAP_MAX_STRIDE ? 128 - used : MAP_MAX_STRIDE;

	for (unsigned s = most; s > 1; s--) {
		uint64_t needed = 1, before = bits(boundary(t, i), used, s);

		if (((size_t)1 << s) > t->sparse * (j - i))
			continue;
		for (size_t k = i + 1; k < j; k++) {
			uint64_t slot = bits(boundary(t, k), used, s);

			needed += slot != before;
			before = slot;
		}
		if (((size_t)1 << s) <= t->sparse * needed)
			return s;
	}
	return most ? 1 : 0;
}

static uint32_t build(struct trie *t, unsigned used, size_t i, size_t j, uint32_t v, unsigned step);

static struct map_node *node(const struct trie *t, size_t off)
{
	return image_at(t->im, off);
}

/* The entries of a node, whose numbers begin at @start: boundaries [i, j) are in it, and @v is what numbers before the first have. */
static void fill(struct trie *t, size_t off, u128 start, unsigned used, unsigned stride, size_t i, size_t j, uint32_t v, unsigned step)
{
	u128 last = span(used + stride);

	for (size_t slot = 0; slot < (size_t)1 << stride && !t->im->failed; slot++) {
		u128 from = start + (stride ? (u128)slot << (128 - used - stride) : 0);
		size_t k;
		uint32_t e;

		if (i < j && boundary(t, i) == from)
			v = t->p[i++].v;
		for (k = i; k < j && boundary(t, k) - from <= last; k++)
			;
		e = build(t, used + stride, i, k, v, step);
		if (!t->im->failed)
			node(t, off)->entry[slot] = e;
		if (k > i)
			v = t->p[k - 1].v;
		i = k;
	}
}

/* An entry for numbers whose first @used bits are the same: boundaries [i, j) are above the least of them, which has @v. */
static uint32_t build(struct trie *t, unsigned used, size_t i, size_t j, uint32_t v, unsigned step)
{
	unsigned to, skip, stride = 0;
	u128 first;
	size_t off, k = i, end = j;

	if (i == j)
		return v | MAP_TRIE_VALUE;
	if (step + 1 > t->steps)
		t->steps = step + 1;
	to = common_bits(t, i, j);
	skip = to - used > MAP_MAX_SKIP ? MAP_MAX_SKIP : to - used;
	first = boundary(t, i) & ~span(used + skip);
	if (boundary(t, j - 1) - first > span(used + skip))
		end--;
	if (to - used <= MAP_MAX_SKIP) {
		k += boundary(t, i) == first;
		if (k < end)
			stride = choose_stride(t, to, k, end);
	}
	off = image_add(t->im, sizeof(struct map_node) + ((size_t)4 << stride), 8);
	if (t->im->failed)
		return 0;
	*node(t, off) = (struct map_node){ bits(first, used, skip), (uint8_t)skip, (uint8_t)stride, { 0, 0 },
					   { v | MAP_TRIE_VALUE, t->p[j - 1].v | MAP_TRIE_VALUE } };
	fill(t, off, first, used + skip, stride, i, end, v, step + 1);
	return (uint32_t)(off / 8);
}

bool map_trie_build(struct image *im, struct map *m, const struct map_piece *p, size_t n)
{
	struct trie t = { .im = im, .p = p, .up = 128 - m->bits };
	uint32_t root;

	t.sparse = n < SMALL / MOST_SPARSE ? MOST_SPARSE : n > SMALL / LEAST_SPARSE ? LEAST_SPARSE : SMALL / n;
	root = build(&t, 0, 1, n, p[0].v, 0);

	if (im->failed)
		return false;
	((uint32_t *)image_at(im, m->at))[0] = root;
	m->steps = t.steps;
	return true;
}

uint32_t map_trie_find(const struct image *im, const struct map *m, struct value v)
{
	u128 x = ((u128)v.hi << 64 | v.lo) << (128 - m->bits);
	uint32_t e = *(const uint32_t *)image_at(im, m->at);

	while (!(e & MAP_TRIE_VALUE)) {
		const struct map_node *d = image_at(im, (size_t)e * 8);
		uint64_t top = bits(x, 0, d->skip);

		if (top != d->expect)
			return d->beyond[top > d->expect] & ~MAP_TRIE_VALUE;
		x <<= d->skip;
		e = d->entry[bits(x, 0, d->stride)];
		x <<= d->stride;
	}
	return e & ~MAP_TRIE_VALUE;
}
