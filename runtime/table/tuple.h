/*
 * Merged tuples: hash tables of rules that ask for at least so many high bits of two long numbers (addresses) and, in some, for one value of
 * up to three short ones (ports, a protocol). What a bucket holds is compared whole.
 *
 * A bucket is a line of the processor's cache: four records, or a wide one. What the records ask of short numbers, and which fields they want,
 * has few different values: these stand in a table of their own, small enough to stay near, and a record says which of them. Where
 * they have many, because of one short number that is asked for exactly, there are tables whose records differ in nothing else: they say that number.
 *
 * Narrow records have 32 bits of each long number: all that it has, or a window: where most numbers of a field share the bits above some 32,
 * as addresses of one network do, those bits are compared once for all tables.
 */
#ifndef XDPF_TABLE_TUPLE_H
#define XDPF_TABLE_TUPLE_H

#include "pair.h"

enum {
	TUPLE_LONG = 2,			/* dimensions whose numbers have more than 16 bits */
	TUPLE_SHORT = 3,
	TUPLE_DIMS = TUPLE_LONG + TUPLE_SHORT,
	TUPLE_NONE = 255,		/* in place of a dimension */
	TUPLE_WHICH_BITS = 3,
	TUPLE_WORDS = 2 * TUPLE_LONG,
	TUPLE_MAX_TABLES = 12,
	TUPLE_LINE = 64,
	TUPLE_RECORDS = 4,		/* narrow ones in a line */
	TUPLE_CHAIN = 4,		/* lines of one bucket, at most … */
	TUPLE_WIDE_CHAIN = 16,		/* … where they have one record each */
	TUPLE_RESTS = 1 << 16,		/* that a table's records can name */
	TUPLE_MAX_OTHERS = (1 << 16) - 1,	/* lines of a narrow table that are not buckets */
	TUPLE_END = (1 << 24) - 1,	/* a word's index (its low 24 bits) where nothing matched */
};

/*
 * Several small numbers, each with a bit above it that is free: so all are compared at once. The bit stays where what is subtracted is not more.
 * A short number has its field's place (which) above it, so that what is asked of both is one range. Of long numbers there is the place alone.
 */
enum {
	TUPLE_LANE = 16 + TUPLE_WHICH_BITS + 1,
	TUPLE_WHICH_LANE = TUPLE_WHICH_BITS + 1,
};

#define TUPLE_GUARDS ((uint64_t)1 << 19 | (uint64_t)1 << 39 | (uint64_t)1 << 59)
#define TUPLE_WHICH_GUARDS ((uint64_t)1 << 3 | (uint64_t)1 << 7)
#define TUPLE_LANE_MOST ((1u << (16 + TUPLE_WHICH_BITS)) - 1)
#define TUPLE_WHICH_MOST ((1u << TUPLE_WHICH_BITS) - 1)

/* From .lo to .hi, in each lane; .hi with all guards. */
struct tuple_rest {
	uint64_t lo, hi;
	uint8_t which_lo, which_hi, unused[6];
};

/* One table, as the image describes it. Behind its buckets it has other lines, for what has no room in them: a line says which one follows. */
struct tuple_table {
	uint64_t mask[TUPLE_WORDS];	/* of the packet's words, those that are hashed; of narrow tables the first one */
	uint64_t shorts;		/* and of its short numbers */
	uint32_t lines, others, rests;	/* where they begin; where records say a number, what all of them ask besides it */
	uint32_t n;			/* buckets */
	uint32_t first;			/* least index of its records */
	uint32_t skip;			/* TUPLE_NO_LATER: it is one of those that are skipped; or 0 */
};

/* A record's key: its word with the index above what else it says. Where there is no record it is TUPLE_NO_KEY. A bucket's records ascend, but for
 * its last line, which has other buckets' too. */
#define TUPLE_NO_KEY UINT32_MAX
/* In a key: of what comes before its rule, nothing that is in the last tables has a packet in common with it, or that is in none. */
#define TUPLE_NO_LATER 0x80u
#define TUPLE_NO_REST 0x40u
#define TUPLE_WORD_BITS 0x3fu		/* what the word says, in a key */

struct tuple_narrow {
	uint64_t value[TUPLE_RECORDS];	/* the first long number below */
	uint32_t key[TUPLE_RECORDS];
	uint16_t rest[TUPLE_RECORDS];
	uint64_t free;			/* 6 bits for each number: low bits that may be anything; at TUPLE_NEXT_AT 1 and the next line, or 0 */
};

struct tuple_wide {
	uint64_t value[TUPLE_WORDS];
	uint8_t free[TUPLE_WORDS];	/* by word: TUPLE_ASKED, and how many low bits may be anything; or 0 */
	uint32_t key;
	uint32_t next;			/* 1 and the next line, or 0 */
	uint16_t rest, unused[9];
};

enum { TUPLE_FREE_BITS = 6, TUPLE_NEXT_AT = 2 * TUPLE_RECORDS * TUPLE_FREE_BITS, TUPLE_ASKED = 0x80, TUPLE_LINE_SHIFT = 6 };

_Static_assert(sizeof(struct tuple_narrow) == TUPLE_LINE && sizeof(struct tuple_wide) == TUPLE_LINE, "a line");

/* What numbers have above the window, the bits of that being zero. */
struct tuple_above {
	uint64_t hi, lo;
};

/* Of a long dimension: its last field's numbers, if they are wide. Those that are not in the window have the place behind that field's. */
struct tuple_window {
	bool is;
	unsigned which, bits;		/* of the field */
	unsigned shift;			/* bits below the 32 */
	size_t at;			/* of its struct tuple_above */
};

struct tuple {
	struct pair pair;		/* of the long dimensions: looked up before all tables, if it is there */
	unsigned n;			/* tables, by .first */
	unsigned early;			/* those that most packets need */
	bool wide[TUPLE_MAX_TABLES];
	bool say[TUPLE_MAX_TABLES];	/* its records say a short number: … */
	unsigned said;			/* … this one */
	unsigned dim[TUPLE_DIMS];	/* long ones first */
	struct tuple_window window[TUPLE_LONG];
	size_t at;			/* of the tables' descriptions */
	size_t rest;			/* of the least index (32 bits) of the rules that are in no table, or TUPLE_END: there are none */
	bool late;			/* tables are looked up before these */
};

/* The packet as tables want it. */
struct tuple_packet {
	uint64_t narrow, wide[TUPLE_WORDS];
	uint64_t shorts, which;		/* lanes */
};

#define TUPLE_MIX 0x9e3779b97f4a7c15u
#define TUPLE_SHORT_MIX 0xff51afd7ed558ccdu
#define TUPLE_LAST_MIX 0xc4ceb9fe1a85ec53u

/* One more word of a key. */
static inline uint64_t tuple_mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * TUPLE_MIX;
	return h ^ h >> 32;
}

/* The last one: the short numbers, which wait for nothing. */
static inline uint64_t tuple_mix_shorts(uint64_t h, uint64_t shorts)
{
	h ^= shorts * TUPLE_SHORT_MIX;
	return h ^ h >> 32;
}

/* Which of @n buckets. */
static inline uint64_t tuple_line(uint64_t h, uint64_t n)
{
	return (h * TUPLE_LAST_MIX >> 32) * n >> 32;
}

static inline uint32_t tuple_key(uint32_t word)
{
	return word << 8 | word >> 24;
}

static inline uint32_t tuple_word(uint32_t key)
{
	return key >> 8 | (key & TUPLE_WORD_BITS) << 24;
}

/* Of a field of @bits bits: the bits above a window. */
static inline struct value tuple_bits_above(unsigned bits, unsigned shift)
{
	struct value all = value_ones(bits), low = value_ones(shift + 32);

	return (struct value){ all.hi & ~low.hi, all.lo & ~low.lo };
}

/* The window's number. */
static inline uint32_t tuple_within(unsigned shift, struct value v)
{
	return (uint32_t)(shift >= 64 ? v.hi >> (shift - 64) : shift ? v.lo >> shift | v.hi << (64 - shift) : v.lo);
}

struct tuple_packet tuple_packet(const struct image *im, const struct tuple *t, const unsigned *which, const struct value *v);
uint64_t tuple_hash(const struct tuple_table *d, bool wide, const struct tuple_packet *p);

/* The word of the record with the least index that matches, if that is below @best's; else @best. *sure: nothing that is in no table is before it,
 * where @best was none. */
uint32_t tuple_find(const struct image *im, const struct tuple *t, const unsigned *which, const struct value *v, uint32_t best, bool *sure);

#endif
