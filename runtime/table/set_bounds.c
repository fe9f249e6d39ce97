/*
 * Boundaries in buckets, for keys of up to 32 bits. In: boundaries. Out: blocks as set.h says, of which one, rarely two, are read to know the parity
 * of how many boundaries are not above a key. Where boundaries crowd, a bucket has more blocks; where they do so everywhere, there is no room for
 * that.
 */
#include "set_priv.h"

enum { PER_BUCKET = 8, MOST_BITS = 22 };	/* boundaries, on average; of the buckets' number */

struct bucket {
	const uint64_t *bound;
	size_t n;
	uint64_t first;
	bool odd;				/* number of boundaries before it */
};

/* What stands in the lanes of the block for keys whose rest is from @from to @to: their number, at most SET_LANES, or more than that. *@at goes on
 * from block to block: so many boundaries are before this one. */
static size_t lanes(const struct bucket *b, uint64_t from, uint64_t to, size_t *at, uint16_t *out)
{
	size_t n = 0;

	while (*at < b->n && b->bound[*at] - b->first <= from)
		++*at;
	for (size_t i = *at; i < b->n && b->bound[i] - b->first <= to && n <= SET_LANES; i++)
		if (n++ < SET_LANES)
			out[n - 1] = (uint16_t)(b->bound[i] - b->first);
	if (b->odd != (*at & 1) && n++ < SET_LANES)
		out[n - 1] = 0;
	return n;
}

static void put(uint16_t *block, const uint16_t *lane, size_t n)
{
	for (size_t i = 0; i < SET_LANES; i++)
		block[i] = SET_LANE_NONE;
	for (size_t i = 0; i < n; i++)
		block[(i + 3) % SET_LANES] = lane[i];
	if (!n)
		block[3] = block[4] = 0;
}

/* Blocks for a bucket that one does not hold: its rest is of @bits bits, they begin behind the @n blocks that are there. */
static const char *spread(struct set_draft *d, const struct bucket *b, unsigned bits, size_t blocks, size_t block, size_t *used)
{
	uint16_t lane[SET_LANES];
	unsigned shift = bits;
	size_t n = SET_LANES + 1, at, seen;
	uint64_t v;

	/* one more of the rest's bits, until every block holds its part: at the latest when each is for one number */
	while (n > SET_LANES) {
		shift--;
		seen = n = 0;
		for (uint64_t i = 0; i < (uint64_t)1 << (bits - shift) && n <= SET_LANES; i++)
			n = lanes(b, i << shift, (i << shift) + ((uint64_t)1 << shift) - 1, &seen, lane);
	}
	if (!set_room(d, (size_t)SET_BLOCK << (bits - shift), SET_BLOCK, &at))
		return set_too_large;
	seen = 0;
	for (uint64_t i = 0; i < (uint64_t)1 << (bits - shift); i++) {
		n = lanes(b, i << shift, (i << shift) + ((uint64_t)1 << shift) - 1, &seen, lane);
		put(set_at(d, at + i * SET_BLOCK), lane, n);
	}
	v = (uint64_t)(0x80 | shift) << SET_BLOCK_SHIFT | *used;
	memcpy(set_at(d, blocks + block * SET_BLOCK), &v, sizeof(v));
	*used += (size_t)1 << (bits - shift);
	d->loads = 2;
	return NULL;
}

const char *set_bounds_build(struct set_draft *d)
{
	const struct set_elements *e = d->e;
	unsigned bits = e->bits > SET_REST_BITS ? e->bits - SET_REST_BITS : 0, shift;
	const char *bad = NULL;
	size_t at, i = 0, used;

	if (e->bits > 32)
		return set_too_wide;
	while (bits < MOST_BITS && bits < e->bits && e->n >> bits > PER_BUCKET)
		bits++;
	shift = e->bits - bits;
	used = (size_t)1 << bits;
	if (!set_room(d, used * SET_BLOCK, SET_ALIGN, &at))
		return set_too_large;
	set_head_of(d)->bounds.shift = shift;
	set_head_of(d)->bounds.rest = ((uint32_t)1 << shift) - 1;
	d->loads = 1;
	for (size_t k = 0; k < (size_t)1 << bits && !bad; k++) {
		struct bucket b = { e->bound + i, 0, (uint64_t)k << shift, i & 1 };
		uint64_t last = b.first + ((uint64_t)1 << shift) - 1;
		uint16_t lane[SET_LANES];
		size_t n, seen = 0;

		for (; i < e->n && e->bound[i] <= last; i++)
			b.n++;
		n = lanes(&b, 0, last - b.first, &seen, lane);
		if (n <= SET_LANES)
			put(set_at(d, at + k * SET_BLOCK), lane, n);
		else
			bad = spread(d, &b, shift, at, k, &used);
	}
	return bad;
}

bool set_bounds_has(const struct set_head *h, const uint64_t *key)
{
	const uint64_t *w = (const uint64_t *)(h + 1) + (key[0] >> h->bounds.shift) * (SET_BLOCK / 8);
	uint64_t rest = key[0] & h->bounds.rest, all = rest * SET_LANES_ONE | SET_LANES_TOP, x = 0;

	if (w[0] >> 63)
		w = (const uint64_t *)(h + 1) + ((uint32_t)w[0] + (rest >> (w[0] >> SET_BLOCK_SHIFT & 15))) * (SET_BLOCK / 8);
	for (unsigned i = 0; i < SET_BLOCK / 8; i++)
		x ^= all - w[i];
	x ^= x >> 32;
	x ^= x >> 16;
	return x >> 15 & 1;
}
