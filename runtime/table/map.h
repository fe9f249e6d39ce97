/*
 * Value maps: a number of up to 128 bits to a small one, for every number. Looked up by a fixed count of dependent loads, none of which can
 * leave the image.
 *
 *  up to 8 bits   one array
 *  up to 16 bits  the high bits choose a page of 256 values; equal pages are there once
 *  up to 32 bits  16, 8 and 8 bits, or where there are few pieces 8, 8, 8 and 8, which is one step more but stays near the processor; an entry
 *                 is a value (MAP_LEAF is set) or a page, from 1 on: what stands at page 0 is zero, and is read where there is no page to go
 *                 on to. What a page has stands there xor its number: so what a step reads, xor what the step before found, is what it finds,
 *                 whether that was a page or not. Values are below MAP_LEAF
 *  more           where 32 bits tell all numbers apart that share the bits above: these, and what is below and above in one comparison; else
 *                 a trie, see map_trie.c; also where the former would need more than MAP_LEAF pages, or greater values
 */
#ifndef XDPF_TABLE_MAP_H
#define XDPF_TABLE_MAP_H

#include "image.h"
#include "value.h"

enum map_kind { MAP_BYTE, MAP_HALF, MAP_WORD, MAP_WINDOW, MAP_TRIE };

enum {
	MAP_LEAF = 0x8000,		/* of MAP_WORD's entries */
	MAP_DESC = 5,			/* numbers of 32 bits, at .at: where the root is, and the pages below it; MAP_WINDOW's struct */
	MAP_LEVELS = 3,			/* of pages */
	MAP_FEW = 128,			/* pieces */
	MAP_PAGE = 256,			/* entries of two bytes */
};

struct map {
	enum map_kind kind;
	unsigned bits;
	unsigned steps;			/* MAP_TRIE: nodes on the longest way; else levels of pages */
	unsigned shift;			/* MAP_WINDOW: bits below the 32 */
	size_t at;			/* of its description in the image */
};

/*
 * A trie's entry is a value, or the place of a node, by 8 bytes. What a node is about has .skip bits in common with .expect: numbers below
 * have one value, and so have those above. The next .stride bits choose an entry. The number that is looked for is moved to the high end of
 * 128 bits, and on by as many bits as were used.
 */
enum { MAP_TRIE_VALUE = 1u << 31, MAP_MAX_SKIP = 63, MAP_MAX_STRIDE = 16 };

struct map_node {
	uint64_t expect;
	uint8_t skip, stride, unused[2];
	uint32_t beyond[2];		/* entries: below, above */
	uint32_t entry[];		/* 1 << .stride */
};

/* From .lo on, as far as the next piece's. */
struct map_piece {
	struct value lo;
	uint32_t v;
};

/* What all numbers have above the window, those bits that are not above it being zero; and what numbers below and above that have. */
struct map_window {
	uint64_t hi, lo;
	uint16_t beyond[2];
	uint32_t unused;
};

/* The bits above the window. */
static inline struct value map_above(const struct map *m)
{
	struct value all = value_ones(m->bits), low = value_ones(m->shift + 32);

	return (struct value){ all.hi & ~low.hi, all.lo & ~low.lo };
}

/* The window's number. */
static inline uint32_t map_within(const struct map *m, struct value v)
{
	return (uint32_t)(m->shift >= 64 ? v.hi >> (m->shift - 64) : m->shift ? v.lo >> m->shift | v.hi << (64 - m->shift) : v.lo);
}

/* Numbers of @bits bits by pieces, sorted by .lo, the first from 0 on. m->at is room for MAP_DESC numbers, made by the caller. false: memory
 * is out, or the image has no room. */
bool map_build(struct image *im, struct map *m, unsigned bits, const struct map_piece *p, size_t n);
uint32_t map_find(const struct image *im, const struct map *m, struct value v);
/* Dependent loads of a look-up, at the most. */
unsigned map_loads(const struct map *m);

/* map_window.c: *fits: it can be done so. */
bool map_window_build(struct image *im, struct map *m, const struct map_piece *p, size_t n, bool *fits);
uint32_t map_window_find(const struct image *im, const struct map *m, struct value v);

/* map.c: of 32 bits, or fewer but more than 16, .steps; *fits: so few pages do. */
bool map_word_build(struct image *im, struct map *m, unsigned bits, const struct map_piece *p, size_t n, bool *fits);
uint32_t map_word_find(const struct image *im, const struct map *m, uint32_t v);

/* map_trie.c */
bool map_trie_build(struct image *im, struct map *m, const struct map_piece *p, size_t n);
uint32_t map_trie_find(const struct image *im, const struct map *m, struct value v);

#endif
