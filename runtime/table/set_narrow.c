/*
 * Tables of keys of up to 32 bits by their first bits: a bit per number, pages, and the table of the first 24 bits. In: boundaries. Out: what set.h
 * says. The key of a set is shifted left to have 32 bits, where it has less; boundaries with it.
 */
#include "set_priv.h"

/* ---- BITS ---- */

/* Sets bits [@from, @to) of words of 32. */
static void fill_bits(uint32_t *v, uint64_t from, uint64_t to)
{
	while (from < to) {
		uint64_t n = 32 - from % 32 < to - from ? 32 - from % 32 : to - from;

		v[from / 32] |= (uint32_t)(((uint64_t)1 << n) - 1) << from % 32;
		from += n;
	}
}

const char *set_bits_build(struct set_draft *d)
{
	const struct set_elements *e = d->e;
	uint64_t all = (uint64_t)1 << (e->bits & 31);
	size_t at;

	if (e->bits > SET_BITS_MOST)
		return "this engine takes keys of up to 20 bits";
	if (!set_room(d, (all + 31) / 32 * 4, SET_ALIGN, &at))
		return set_too_large;
	for (size_t i = 0; i < e->n; i += 2)
		fill_bits(set_at(d, at), e->bound[i], i + 1 < e->n ? e->bound[i + 1] : all);
	d->loads = 1;
	return NULL;
}

bool set_bits_has(const struct set_head *h, const uint64_t *key)
{
	return ((const uint32_t *)(h + 1))[key[0] / 32] >> key[0] % 32 & 1;
}

/* ---- PAGES, DIR24 ---- */

/* Where the walk over the boundaries is: .i are not above what was looked at. */
struct walk {
	const struct set_elements *e;
	size_t i;
};

static uint64_t bound(const struct walk *w, size_t i)
{
	return w->e->bound[i] << (32 - w->e->bits);
}

/* Goes to @first: is it in the set; and is a boundary behind it, up to @last? */
static bool enter(struct walk *w, uint64_t first, uint64_t last, bool *mixed)
{
	while (w->i < w->e->n && bound(w, w->i) <= first)
		w->i++;
	*mixed = w->i < w->e->n && bound(w, w->i) <= last;
	return w->i & 1;
}

/* The bitmap of the 256 numbers from @first on, of which enter() said that they are mixed; leaves the walk behind them. */
static void bitmap(struct walk *w, uint64_t first, uint32_t *out)
{
	uint64_t from = first;
	bool in = w->i & 1;

	for (; from < first + 256; w->i++, in = !in) {
		uint64_t to = w->i < w->e->n && bound(w, w->i) < first + 256 ? bound(w, w->i) : first + 256;

		if (in)
			fill_bits(out, from - first, to - first);
		from = to;
		if (to == first + 256)
			break;
	}
}

/* The numbers of @n blocks of 256 numbers each from @first on, of 2 or 4 bytes, at @at; bitmaps are appended. */
static const char *blocks(struct set_draft *d, struct walk *w, uint64_t first, size_t n, size_t at, unsigned bytes, size_t begin)
{
	for (size_t i = 0; i < n; i++, first += 256) {
		bool mixed, in = enter(w, first, first + 255, &mixed);
		uint32_t v = in;

		if (mixed) {
			size_t where;

			if (!set_room(d, SET_BITMAP, SET_BITMAP, &where))
				return set_too_large;
			v = (uint32_t)(2 + (where - begin) / SET_BITMAP);
			if (bytes == 2 && v > UINT16_MAX)
				return "this engine takes sets of which 65533 blocks of 256 numbers are in part in the set";
			bitmap(w, first, set_at(d, where));
		}
		memcpy((unsigned char *)set_at(d, at) + i * bytes, &v, bytes);
	}
	return NULL;
}

/* How many of the blocks of 2^16 numbers are mixed. */
static size_t mixed_blocks(const struct set_elements *e)
{
	struct walk w = { e, 0 };
	size_t n = 0;

	for (uint64_t b = 0; b < 1 << 16; b++) {
		bool mixed;

		enter(&w, b << 16, (b << 16) + 0xffff, &mixed);
		n += mixed;
	}
	return n;
}

const char *set_pages_build(struct set_draft *d)
{
	struct walk w = { d->e, 0 };
	size_t root, page, n, used = 0;
	const char *bad = NULL;

	if (d->e->bits > 32)
		return set_too_wide;
	n = mixed_blocks(d->e);
	if (n > UINT16_MAX - 2)
		return "this engine takes sets of which 65533 blocks of 65536 numbers are in part in the set";
	if (!set_room(d, 2 << 16, SET_ALIGN, &root) || !set_room(d, n * SET_PAGE, SET_ALIGN, &page))
		return set_too_large;
	set_head_of(d)->pages.shift = 32 - d->e->bits;
	set_head_of(d)->pages.page = (uint32_t)page;
	set_head_of(d)->pages.bitmap = (uint32_t)(page + n * SET_PAGE);
	for (uint64_t b = 0; b < 1 << 16 && !bad; b++) {
		bool mixed, in = enter(&w, b << 16, (b << 16) + 0xffff, &mixed);

		((uint16_t *)set_at(d, root))[b] = mixed ? (uint16_t)(2 + used) : in;
		if (mixed)
			bad = blocks(d, &w, b << 16, 256, page + used++ * SET_PAGE, 2, page + n * SET_PAGE);
	}
	d->loads = 3;
	return bad;
}

static bool in_bitmap(const unsigned char *bitmap, uint32_t key)
{
	return bitmap[key % 256 / 8] >> key % 8 & 1;
}

bool set_pages_has(const struct set_head *h, const uint64_t *key)
{
	const unsigned char *base = (const unsigned char *)h;
	uint32_t k = (uint32_t)(key[0] << h->pages.shift);
	uint16_t v = ((const uint16_t *)(h + 1))[k >> 16];

	if (v < 2)
		return v;
	v = ((const uint16_t *)(base + h->pages.page))[(v - 2) * 256 + (k >> 8 & 255)];
	if (v < 2)
		return v;
	return in_bitmap(base + h->pages.bitmap + (v - 2) * SET_BITMAP, k);
}

const char *set_dir24_build(struct set_draft *d)
{
	struct walk w = { d->e, 0 };
	size_t table, begin;

	if (d->e->bits > 32)
		return set_too_wide;
	if (!set_room(d, (size_t)4 << 24, SET_ALIGN, &table))
		return set_too_large;
	begin = table + ((size_t)4 << 24);
	set_head_of(d)->pages.shift = 32 - d->e->bits;
	set_head_of(d)->pages.bitmap = (uint32_t)begin;
	d->loads = 2;
	return blocks(d, &w, 0, (size_t)1 << 24, table, 4, begin);
}

bool set_dir24_has(const struct set_head *h, const uint64_t *key)
{
	uint32_t k = (uint32_t)(key[0] << h->pages.shift), v = ((const uint32_t *)(h + 1))[k >> 8];

	return v < 2 ? v : in_bitmap((const unsigned char *)h + h->pages.bitmap + (size_t)(v - 2) * SET_BITMAP, k);
}
