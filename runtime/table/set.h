/*
 * Sets of numbers as tables: is a key in it? One layout for the compiler, which puts tables of constant sets into a program's image, the code that
 * looks them up, and the runtime, which builds those of live sets. A table is one piece of memory that may stand anywhere, at a multiple of 64
 * bytes: what it says of places in it is relative to its head, and all that a look-up needs to know but the engine is in the head.
 *
 * A key is a number of up to 512 bits, in words of 64, most significant first. A set is its boundaries: sorted, each once; a key is in the set if an
 * odd number of them is not above it. (So they are first numbers of ranges, and numbers behind ranges, in turn.)
 */
#ifndef XDPF_TABLE_SET_H
#define XDPF_TABLE_SET_H

#include "image.h"

enum { SET_MAX_WORDS = 8, SET_ALIGN = 64 };

/* X(ID, name, what it is) */
#define SET_ENGINES(X) \
	X(BITS, "bits", "a bit per number") \
	X(SEARCH, "search", "binary search over sorted boundaries") \
	X(HASH, "hash", "hash table of exact keys") \
	X(PAGES, "pages", "pages of 16, 8 and 8 bits") \
	X(BOUNDS, "bounds", "boundaries in buckets") \
	X(TRIE, "trie", "trie of adaptive strides") \
	X(DIR24, "dir24", "table of the first 24 bits") \
	X(QUOTIENT, "quotient", "hash table of what a bucket leaves open of exact keys")

enum set_engine {
	SET_AUTO,
#define X(id, name, what) SET_##id,
	SET_ENGINES(X)
#undef X
	SET_ENGINE_COUNT
};

struct set_elements {
	unsigned words, bits;		/* of a key: 64 * (words - 1) < bits <= 64 * words, and it is below 2^bits */
	size_t n;
	const uint64_t *bound;		/* n * words */
};

struct set_options {
	enum set_engine engine;		/* AUTO: by content */
	size_t most;			/* bytes that the image may have in all; 0: no limit but IMAGE_MOST */
	uint64_t seed;			/* of hashes: where who chooses the keys must not know it */
	bool single;			/* they were given one by one: HASH takes them, however many lie side by side */
	bool known;			/* TRIE: what CONST says holds for all keys; programs may be older than its values */
	uint32_t *slot;			/* NULL, or where HASH says of each key, in order, which slot it has; SET_NO_SLOT: it is zero */
};

/* A table that was built. */
struct set_table {
	enum set_engine engine;
	size_t off, bytes;		/* in the image */
	unsigned loads;			/* reads from it that depend on each other or may miss the cache, the head's apart: at the most */
	const char *why;		/* this engine: static */
};

const char *set_engine_name(enum set_engine e);
const char *set_engine_what(enum set_engine e);
bool set_engine_find(const char *name, enum set_engine *e);

/* Of @n pairs of keys, first and last of a range each, in any order: the boundaries in the same memory; their number. @bits as above. */
size_t set_boundaries(uint64_t *pair, size_t n, unsigned words, unsigned bits);

/* Adds a table of these to @m. NULL, or why not (static): the image is as it was then. */
const char *set_build(struct image *m, const struct set_elements *e, const struct set_options *o, struct set_table *out);
/* Is the key in the table at @table? As generated code asks. */
bool set_has(const void *table, const uint64_t *key);

/* ---- the layouts ---- */

struct set_head {
	uint32_t engine;		/* enum set_engine */
	uint16_t words, bits;
	union {
		struct {
			uint64_t seed;
			uint32_t buckets, probes;
			uint64_t zero;		/* is 0 in the set? In a slot it says that there is nothing */
		} hash;
		struct {
			uint64_t lowest, highest;	/* of lanes: the lowest bit of each, and the highest */
			uint32_t most;			/* number of a lane */
			uint32_t buckets, order;
			uint32_t others;		/* where the table of HASH begins, from here */
		} quotient;
		struct {
			uint64_t n;		/* at least 1 */
		} search;
		struct {
			uint32_t shift, rest;	/* of the key: the bucket; the rest's mask */
		} bounds;
		struct {
			uint32_t shift;		/* left: makes keys ones of 32 bits */
			uint32_t page, bitmap;	/* where they begin, from here */
		} pages;
		struct {
			uint64_t root;
			/* of lanes: the lowest bit of each, and the highest */
			uint64_t lanes[3][2];
		} trie;
		uint8_t room[56];
	};
};

/* BITS: behind the head, words of 32 bits; up to keys of SET_BITS_MOST bits. */
enum { SET_BITS_MOST = 20 };

/*
 * HASH: behind the head, buckets of 8 slots (keys of up to 64 bits) or 4; a slot is 4 bytes (keys of up to 32 bits) or whole words. Slots are filled
 * from the first on; a key is in its bucket or, where that is full, in one of the next ones: .probes buckets are looked at in all.
 */
enum { SET_HASH_PROBES = 8, SET_NO_SLOT = 1 << 30 };

static inline unsigned set_hash_slots(unsigned bits)
{
	return bits <= 64 ? 8 : 4;
}

static inline unsigned set_hash_slot_bytes(unsigned bits)
{
	return bits <= 32 ? 4 : 8 * ((bits + 63) / 64);
}

#define SET_HASH_WORD 0x9e3779b97f4a7c15ull
#define SET_HASH_LAST 0xbf58476d1ce4e5b9ull
enum { SET_HASH_SHIFT = 29 };

static inline uint64_t set_hash(const uint64_t *key, unsigned words, uint64_t seed)
{
	uint64_t h = seed;

	for (unsigned i = 0; i < words; i++) {
		h = (h ^ key[i]) * SET_HASH_WORD;
		h ^= h >> SET_HASH_SHIFT;
	}
	return h * SET_HASH_LAST >> 32;
}

/*
 * QUOTIENT, for keys of up to 32 bits: behind the head, .buckets of 32 bytes, in lanes of 16, 21 or 32 bits. Keys are put in another order, in which
 * those of a set are spread; the number there says which bucket, and a lane holds what that leaves open: 1 to .most, or 0, and then there is nothing.
 * So a key has 2 bytes where HASH has 4. Where a bucket has not room for all its keys, its first word is greater than its last one, and the others
 * are in a table of HASH.
 */
enum { SET_QUOTIENT_WORDS = 4, SET_QUOTIENT_BUCKET = 8 * SET_QUOTIENT_WORDS };

#define SET_QUOTIENT_LAST 0x85ebca6bu
enum { SET_QUOTIENT_SHIFT = 16 };

/* The bucket of a key. Numbers of one bucket are .buckets apart, in 2^32: .most is so large that no two of them have the same *lane. */
static inline uint32_t set_quotient(const struct set_head *h, uint64_t key, uint32_t *lane)
{
	uint32_t n = (uint32_t)key * h->quotient.order;
	uint64_t p;

	n = (n ^ n >> SET_QUOTIENT_SHIFT) * SET_QUOTIENT_LAST;
	p = (uint64_t)n * h->quotient.buckets;
	*lane = (uint32_t)((p & UINT32_MAX) * h->quotient.most >> 32) + 1;
	return (uint32_t)(p >> 32);
}

/* SEARCH: behind the head, the boundaries. */
enum { SET_SEARCH_STEPS = 32 };

/*
 * BOUNDS, for keys of up to 32 bits: behind the head, a block of 32 bytes for each bucket (key >> .shift). A block is 16 lanes of 16 bits:
 * boundaries, as what they have in .rest, which is 15 bits at most; 0 where an odd number of boundaries is before the bucket (it is never above the
 * key, like one that is the bucket's first number); SET_LANE_NONE in the others, which is always above it. Their order is of no matter. So the parity
 * is had by subtracting all lanes at once. The topmost bit of the first word says something else: then its low half is the number of a block, and
 * bits 56 and up a shift: there begin the blocks in which this bucket's boundaries are, and rest >> shift says in which. Lane 3 of a block with
 * lanes is therefore never SET_LANE_NONE; two zeros are nothing.
 */
#define SET_LANE_NONE 0x8000u
#define SET_LANES_ONE 0x0001000100010001ull
#define SET_LANES_TOP 0x8000800080008000ull
enum { SET_BLOCK = 32, SET_LANES = 16, SET_REST_BITS = 15, SET_BLOCK_SHIFT = 56 };

/*
 * PAGES and DIR24, for keys of up to 32 bits, shifted left to have 32. Behind PAGES' head 2^16 numbers of 16 bits, by the key's first bits: 0: not
 * in the set, 1: in it, else 2 and a page. A page is 2^8 such numbers; 2 and a bitmap. A bitmap is 256 bits. Behind DIR24's head 2^24 numbers of
 * 32 bits; 2 and a bitmap.
 */
enum { SET_PAGE = 512, SET_BITMAP = 32 };

/*
 * TRIE: entries of 64 bits, of which the head has the root. An entry is about one word of the key, as far as bits before have left it open.
 *   CONST: bit 0 says it where the .bits bits above .shift are .value (SET_TRIE_VALUE bits from bit 1 on), elsewhere its opposite does.
 *   LIST: at .base a block as of BOUNDS, or with .wide two, but of lanes of 16, 32 or 64 bits (.lane 0 to 2): boundaries of which later words are
 * zero, as the .bits bits above .shift, which are fewer than a lane has. .before is the parity of those that are before all of these.
 *   NODE: 2^.bits entries at .base, by the word's bits above .shift.
 *   SKIP: at .base what the word must be above .shift, and the entry for that; else below it .before holds, above it .after.
 * .base counts 8 bytes from the head. Words are asked for in order, and no more than SET_TRIE_STEPS entries about each.
 */
enum set_trie_kind { SET_TRIE_CONST, SET_TRIE_LIST, SET_TRIE_NODE, SET_TRIE_SKIP };
enum {
	SET_TRIE_KIND = 62, SET_TRIE_WORD = 59, SET_TRIE_SHIFT = 53, SET_TRIE_BITS = 47, SET_TRIE_BEFORE = 46, SET_TRIE_AFTER = 45,
	SET_TRIE_VALUE = 46, SET_TRIE_LANE = 43, SET_TRIE_STEPS = 23, SET_TRIE_STRIDE = 18, SET_TRIE_LANE_KINDS = 3, SET_TRIE_WIDE = 42,
};

#endif
