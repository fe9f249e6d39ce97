/*
 * Value maps of up to 32 bits: arrays and pages. In: pieces. Out: tables in the image whose every entry is below what the next one has room
 * for, and what code looks up, in plain C.
 */
#include "map.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tables are written as the programs read them");

enum { WINDOW_LEAST = 8 };		/* pieces: with fewer a trie is small, and as quick */

/* Pages under construction: equal ones once. */
struct pages {
	uint16_t (*v)[MAP_PAGE];
	size_t n, cap;
	uint32_t *slot;			/* by hash: 1 and the page's place, or 0 */
	size_t slots;
	bool failed;
};

static uint64_t page_hash(const uint16_t *p)
{
	uint64_t h = 0;

	for (unsigned i = 0; i < MAP_PAGE; i += 4) {
		uint64_t w;

		memcpy(&w, p + i, sizeof(w));
		h = (h ^ w) * 0x9e3779b97f4a7c15;
		h ^= h >> 32;
	}
	return h;
}

static bool pages_grow(struct pages *g)
{
	size_t cap = g->cap ? 2 * g->cap : 64;
	uint16_t (*v)[MAP_PAGE] = realloc(g->v, cap * sizeof(*v));
	uint32_t *slot = v ? calloc(2 * cap, sizeof(*slot)) : NULL;

	if (v)
		g->v = v;
	if (!slot) {
		g->failed = true;
		return false;
	}
	free(g->slot);
	g->slot = slot;
	g->slots = 2 * cap;
	g->cap = cap;
	for (size_t i = 0; i < g->n; i++) {
		size_t at = page_hash(g->v[i]) & (g->slots - 1);

		while (slot[at])
			at = (at + 1) & (g->slots - 1);
		slot[at] = (uint32_t)i + 1;
	}
	return true;
}

static uint32_t pages_add(struct pages *g, const uint16_t *page)
{
	size_t at;

	if (g->failed || (g->n == g->cap && !pages_grow(g)))
		return 0;
	at = page_hash(page) & (g->slots - 1);
	for (; g->slot[at]; at = (at + 1) & (g->slots - 1))
		if (!memcmp(g->v[g->slot[at] - 1], page, sizeof(*g->v)))
			return g->slot[at] - 1;
	memcpy(g->v[g->n], page, sizeof(*g->v));
	g->slot[at] = (uint32_t)++g->n;
	return (uint32_t)g->n - 1;
}

static void pages_free(struct pages *g)
{
	free(g->v);
	free(g->slot);
}

struct builder {
	const struct map_piece *p;
	size_t n, k;			/* the piece that the numbers have come to */
	struct pages level[MAP_LEVELS];		/* by the bits below one of its entries, in bytes */
	bool failed;
};

/* The value of all numbers from @lo on, 2^shift of them, where it is one; numbers are asked for as they ascend. */
static bool uniform(struct builder *b, uint64_t lo, unsigned shift, uint16_t *v)
{
	while (b->k + 1 < b->n && b->p[b->k + 1].lo.lo <= lo)
		b->k++;
	*v = (uint16_t)b->p[b->k].v;
	return b->k + 1 == b->n || b->p[b->k + 1].lo.lo > lo + (((uint64_t)1 << shift) - 1);
}

static uint16_t entry(struct builder *b, uint64_t lo, unsigned shift)
{
	struct pages *g = &b->level[shift / 8 - 1];
	uint16_t page[MAP_PAGE], v;
	uint32_t id;

	if (uniform(b, lo, shift, &v))
		return (uint16_t)(v | MAP_LEAF);
	for (unsigned i = 0; i < MAP_PAGE; i++) {
		if (shift == 8)
			uniform(b, lo + i, 0, &page[i]);
		else
			page[i] = entry(b, lo + ((uint64_t)i << (shift - 8)), shift - 8);
	}
	id = pages_add(g, page) + 1;
	b->failed |= g->failed || id >= MAP_LEAF;
	return (uint16_t)id;
}

static void describe(struct image *im, const struct map *m, unsigned i, size_t off)
{
	if (!im->failed)
		((uint32_t *)image_at(im, m->at))[i] = (uint32_t)off;
}

/* The pages, in the image. */
static void put_pages(struct image *im, const struct map *m, unsigned i, const struct pages *g)
{
	size_t off = image_add(im, g->n * sizeof(*g->v), 64);

	if (!im->failed && g->n)
		memcpy(image_at(im, off), g->v, g->n * sizeof(*g->v));
	describe(im, m, i, off);
}

/* The same, behind one that has nothing, and by their numbers: see map.h. */
static void put_numbered(struct image *im, const struct map *m, unsigned i, const struct pages *g)
{
	size_t off = image_add(im, (1 + g->n) * sizeof(*g->v), 64);

	for (size_t p = 0; p < g->n && !im->failed; p++) {
		uint16_t *to = (uint16_t *)image_at(im, off) + (p + 1) * MAP_PAGE;

		for (unsigned k = 0; k < MAP_PAGE; k++)
			to[k] = (uint16_t)(g->v[p][k] ^ (p + 1));
	}
	describe(im, m, i, off);
}

static bool build_byte(struct image *im, struct map *m, struct builder *b)
{
	size_t off = image_add(im, (size_t)2 << m->bits, 64);

	if (im->failed)
		return false;
	for (unsigned i = 0; i < 1u << m->bits; i++)
		uniform(b, i, 0, (uint16_t *)image_at(im, off) + i);
	describe(im, m, 0, off);
	return true;
}

static bool build_half(struct image *im, struct map *m, struct builder *b)
{
	unsigned rows = 1u << (m->bits - 8);
	size_t root = image_add(im, 2 * (size_t)rows, 64);
	uint16_t page[MAP_PAGE];

	for (unsigned r = 0; r < rows && !im->failed; r++) {
		for (unsigned i = 0; i < MAP_PAGE; i++)
			uniform(b, (uint64_t)r << 8 | i, 0, &page[i]);
		((uint16_t *)image_at(im, root))[r] = (uint16_t)pages_add(&b->level[0], page);
	}
	describe(im, m, 0, root);
	put_pages(im, m, 1, &b->level[0]);
	return !im->failed && !b->level[0].failed;
}

static bool out_of_memory(const struct builder *b)
{
	bool failed = false;

	for (unsigned i = 0; i < MAP_LEVELS; i++)
		failed |= b->level[i].failed;
	return failed;
}

static void builder_free(struct builder *b)
{
	for (unsigned i = 0; i < MAP_LEVELS; i++)
		pages_free(&b->level[i]);
}

static bool build_word(struct image *im, struct map *m, unsigned bits, struct builder *b, bool *fits)
{
	const struct image_mark before = image_mark(im);
	unsigned below = 8 * m->steps;
	size_t rows = bits > below ? (size_t)1 << (bits - below) : 1;
	size_t root = image_add(im, 2 * rows, 64);

	for (size_t r = 0; r < rows && !im->failed && !b->failed; r++)
		((uint16_t *)image_at(im, root))[r] = entry(b, (uint64_t)r << below, below);
	*fits = !b->failed || out_of_memory(b);
	if (b->failed) {
		if (!im->failed)
			image_cut(im, before);
		return false;
	}
	describe(im, m, 0, root);
	for (unsigned i = 0; i < m->steps; i++)
		put_numbered(im, m, 1 + i, &b->level[m->steps - 1 - i]);
	return !im->failed;
}

bool map_word_build(struct image *im, struct map *m, unsigned bits, const struct map_piece *p, size_t n, bool *fits)
{
	struct builder b = { .p = p, .n = n };
	bool ok;

	m->steps = n <= MAP_FEW ? 3 : 2;
	ok = build_word(im, m, bits, &b, fits);
	builder_free(&b);
	return ok;
}

bool map_build(struct image *im, struct map *m, unsigned bits, const struct map_piece *p, size_t n)
{
	struct builder b = { .p = p, .n = n };
	bool small = true, fits = true, ok = false;

	m->bits = bits;
	m->steps = 0;
	for (size_t i = 0; i < n; i++)
		small &= p[i].v < MAP_LEAF;
	small &= bits <= 32 || n >= WINDOW_LEAST;
	m->kind = !small ? MAP_TRIE : bits > 32 ? MAP_WINDOW : bits <= 8 ? MAP_BYTE : bits <= 16 ? MAP_HALF : MAP_WORD;
	if (m->kind == MAP_BYTE)
		ok = build_byte(im, m, &b);
	else if (m->kind == MAP_HALF)
		ok = build_half(im, m, &b);
	else if (m->kind == MAP_WORD)
		ok = map_word_build(im, m, bits, p, n, &fits);
	else if (m->kind == MAP_WINDOW)
		ok = map_window_build(im, m, p, n, &fits);
	builder_free(&b);
	if (m->kind == MAP_TRIE || !fits) {
		m->kind = MAP_TRIE;
		m->steps = 0;
		ok = map_trie_build(im, m, p, n);
	}
	return ok;
}

static const uint16_t *table(const struct image *im, const struct map *m, unsigned i)
{
	return image_at(im, ((const uint32_t *)image_at(im, m->at))[i]);
}

uint32_t map_word_find(const struct image *im, const struct map *m, uint32_t v)
{
	unsigned shift = 8 * m->steps;
	uint32_t e = table(im, m, 0)[v >> shift];

	for (unsigned i = 1; i <= m->steps && !(e & MAP_LEAF); i++)
		/* NOLINTNEXTLINE(clang-analyzer-core.BitwiseShift): behind the first table there are 3 steps at most of a word's 32 bits */
		e ^= table(im, m, i)[e * MAP_PAGE + (v >> (shift - 8 * i) & 255)];
	return e & ~(uint32_t)MAP_LEAF;
}

uint32_t map_find(const struct image *im, const struct map *m, struct value v)
{
	uint64_t x = value_and(v, value_ones(m->bits)).lo;
	uint32_t e = 0;

	switch (m->kind) {
	case MAP_BYTE:
		e = table(im, m, 0)[x];
		break;
	case MAP_HALF:
		e = table(im, m, 1)[table(im, m, 0)[x >> 8] * MAP_PAGE + (x & 255)];
		break;
	case MAP_WORD:
		e = map_word_find(im, m, (uint32_t)x);
		break;
	case MAP_WINDOW:
		e = map_window_find(im, m, value_and(v, value_ones(m->bits)));
		break;
	case MAP_TRIE:
		e = map_trie_find(im, m, v);
		break;
	}
	return e;
}

unsigned map_loads(const struct map *m)
{
	return m->kind == MAP_BYTE ? 1 : m->kind == MAP_HALF ? 2 : m->kind == MAP_WORD ? 1 + m->steps : m->kind == MAP_WINDOW ? 2 + m->steps :
	       2 * m->steps;
}
