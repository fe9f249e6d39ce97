/*
 * Merged tuples: hash tables of rules that ask for at least so many high bits of two long numbers (addresses) and, in some, for one value of
 * up to three short ones (ports, a protocol). What a bucket holds is compared whole.
 *
 * A packet is words. In narrow tables two: the low halves of the long numbers, the first one's lowest, and the short word. In wide ones five:
 * the long numbers, each its high word first, and the short word: three numbers of 16 bits, and for each dimension, long ones first, three
 * bits: which field is there.
 */
#ifndef XDPF_TABLE_TUPLE_H
#define XDPF_TABLE_TUPLE_H

#include "image.h"
#include "value.h"

enum {
	TUPLE_LONG = 2,			/* dimensions whose numbers have more than 16 bits */
	TUPLE_SHORT = 3,
	TUPLE_DIMS = TUPLE_LONG + TUPLE_SHORT,
	TUPLE_NONE = 255,		/* in place of a dimension */
	TUPLE_WHICH_BITS = 3,
	TUPLE_WHICH_AT = 16 * TUPLE_SHORT,
	TUPLE_WORDS = 5,
	TUPLE_NARROW_WORDS = 2,
	TUPLE_MAX_TABLES = 12,
	TUPLE_MAX_BUCKET = 16,		/* records in one, its line's included */
	TUPLE_LINE = 64,		/* bytes of a bucket: two narrow records or a wide one, so that one is found where its bucket is */
	TUPLE_END = (1 << 24) - 1,	/* a word's index (its low 24 bits) where nothing matched */
};

/* One table, as the image describes it. A bucket is a line; what has no room in it follows, in the same order, among the table's other
 * records, and the line says how many these are, 8 bits, and the first one's place, 24 bits: in .more of its records, the low half in the
 * first. */
struct tuple_table {
	uint64_t mask[TUPLE_WORDS];	/* of the packet's words, those that are hashed */
	uint16_t which, which_mask;	/* what all its records want to be there */
	uint32_t lines, others;		/* where they begin */
	uint32_t n;			/* lines */
	uint32_t first;			/* least index of its records */
	uint32_t unused;
};

/* What both kinds of records end with; a bucket's are sorted by index. Where there is none, .word is TUPLE_END. */
struct tuple_rest {
	uint16_t lo[TUPLE_SHORT], span[TUPLE_SHORT];	/* .span: how much more is allowed */
	uint16_t which, which_mask;
	uint32_t word;
};

struct tuple_narrow {
	uint64_t value;
	uint8_t free[TUPLE_LONG];	/* low bits that may be anything: up to 32 */
	uint16_t more;
	struct tuple_rest rest;
};

struct tuple_wide {
	uint64_t value[2 * TUPLE_LONG];
	uint8_t free[2 * TUPLE_LONG];	/* by word: TUPLE_ASKED, and how many low bits may be anything; or 0 */
	struct tuple_rest rest;
	uint32_t more, unused;
};

union tuple_bucket {
	struct tuple_narrow narrow[2];
	struct tuple_wide wide;
};

_Static_assert(sizeof(union tuple_bucket) == TUPLE_LINE, "a line");

enum { TUPLE_ASKED = 0x80, TUPLE_NARROW_SHIFT = 5, TUPLE_WIDE_SHIFT = 6 };

_Static_assert(sizeof(struct tuple_narrow) == 1 << TUPLE_NARROW_SHIFT && sizeof(struct tuple_wide) == 1 << TUPLE_WIDE_SHIFT, "found by a shift");

struct tuple {
	unsigned n;			/* tables, by .first */
	bool wide[TUPLE_MAX_TABLES];
	unsigned dim[TUPLE_DIMS];	/* long ones first */
	size_t at;			/* of the tables' descriptions */
};

#define TUPLE_MIX 0x9e3779b97f4a7c15u
#define TUPLE_LAST_MIX 0xc4ceb9fe1a85ec53u

/* One more word of a key. */
static inline uint64_t tuple_mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * TUPLE_MIX;
	return h ^ h >> 32;
}

/* Which of @n lines. */
static inline uint64_t tuple_line(uint64_t h, uint64_t n)
{
	return (h * TUPLE_LAST_MIX >> 32) * n >> 32;
}

/* @w: TUPLE_WORDS, or TUPLE_NARROW_WORDS. */
void tuple_words(const struct tuple *t, bool wide, const unsigned *which, const struct value *v, uint64_t *w);
uint64_t tuple_hash(const struct tuple_table *d, bool wide, const uint64_t *w);

/* The word of the record with the least index that matches, if that is below @best's; else @best. */
uint32_t tuple_find(const struct image *im, const struct tuple *t, const unsigned *which, const struct value *v, uint32_t best);

#endif
