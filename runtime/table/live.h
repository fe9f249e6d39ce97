/*
 * Snapshots of sets that live: all elements that such a set was given at once, as tables. One layout for the code that asks them and for the runtime,
 * which builds them.
 *
 * A snapshot is one piece of memory of 2^.room bytes: a head, and behind it a table (see set.h) for each kind of keys. An element becomes a number,
 * or those that its prefix covers: its bytes as they are in the kernel's map, most significant first, zeros behind them; but of a single address or
 * prefix only the address, IPv4 in a table of its own.
 *
 * Where rules take elements out of a set, or its elements do not all expire together, each has a state: a byte that says until when it is in it. A
 * table of exact keys has a state for each slot. With prefixes, the table is about all of them whatever their states; what it has is then looked for
 * among the boundaries of each, which say what the longest one around a number is: that leads to the others.
 */
#ifndef XDPF_TABLE_LIVE_H
#define XDPF_TABLE_LIVE_H

#include "set.h"

enum live_form {
	LIVE_IP, LIVE_NET,		/* one address, one prefix: by family */
	LIVE_EXACT, LIVE_NETS,		/* other elements; those with a prefix in them */
};

/* What a declaration says of a set. */
struct live_decl {
	bool prefix;			/* one of the components */
	bool trie;			/* elements begin with how many of their bits count, as they do with a prefix */
	bool expires, taken;		/* elements may expire; rules take some out */
	unsigned n_components, key_size;	/* .key_size: bytes of an element */
	uint32_t size;
	unsigned tables;		/* what the program's code can read: enum live_tables */
};

struct live_set {
	enum live_form form;
	bool taken, states;		/* rules take elements out; its snapshots may have states */
	unsigned key_size;		/* bytes of an element */
	unsigned skip;			/* of them, those that say how many bits count, where elements begin so */
	unsigned words[2];		/* of a key: of .form IP and NET by family, of others the first; 0: 32 bits */
	unsigned room;
	unsigned tables;		/* enum live_tables; at the most what we can write */
};

/* What tables there may be in snapshots. Each has those before it. A program says how many its code can read; it may be older or younger than we. */
enum live_tables {
	LIVE_FIRST,			/* HASH of single values; of prefixes BOUNDS, SEARCH, and TRIE, of which CONST holds for all keys */
	LIVE_QUOTIENT,			/* QUOTIENT of single values of up to 32 bits, where there are no states; CONST as set.h says it */
	LIVE_TABLES = LIVE_QUOTIENT
};

enum { LIVE_ROOM_LEAST = 16, LIVE_ROOM_MOST = 29 };

/* In host byte order. */
struct live_head {
	uint64_t until;			/* ns of the monotonic clock: then all elements are in it no more; 0: they stay */
	uint32_t off[2];		/* where the tables are; 0: there are no elements of this kind */
	uint32_t list, zero;		/* the runtime's: which of the set's two lists says what is in it */
	uint32_t times;			/* by state: LIVE_STATES numbers, until when, as live_until() says it; 0: there are no states */
	uint32_t nodes;			/* of prefixes: struct live_node, by their order; before the first is none */
	uint32_t at[2];			/* as .off: of exact keys the states; of prefixes a table of SEARCH, of all boundaries */
	uint32_t owner[2];		/* by boundary: the node of the longest prefix from there on */
	uint64_t more[2];
};

/* The states of slots begin with that of a key of zeros. */
enum { LIVE_STATES = 256, LIVE_GONE = 255, LIVE_TIMES = 254 };	/* the last one: it was taken out; others of which a snapshot may have so many */

struct live_node {
	uint32_t parent;		/* the longest prefix around it; 0: none */
	uint16_t bits;			/* what the element begins with */
	uint8_t state, zero;
};

struct live_set live_set_of(const struct live_decl *d);

/* Sorts @n elements, and drops those that are there twice: their number; SIZE_MAX: memory is out. Prefixes are in the order of their addresses, the
 * shorter of two first. */
size_t live_sort(const struct live_set *s, void *keys, size_t n);
/* The order of live_sort(). */
int live_cmp(const struct live_set *s, const void *a, const void *b);
/* Its place among @n sorted ones; @n: it is none of them. */
size_t live_find(const struct live_set *s, const unsigned char *keys, size_t n, const void *key);

/* Sorted elements; @until: NULL, or of each what struct live_head has for all. */
struct live_elements {
	const unsigned char *keys;
	const uint64_t *until;
	size_t n;
};

/* Have they no more than LIVE_TIMES times? */
bool live_fits(const struct live_elements *e);
/* Makes their snapshot, in @out (zeroed), with .until and .list of @head. NULL, or why not (static). @seed: of hashes; nobody outside knows it.
 * @where: of each, where in it its state is; 0: it has no states. */
const char *live_build(const struct live_set *s, const struct live_elements *e, const struct live_head *head, uint64_t seed, struct image *out,
		       uint32_t *where);
/* Until when the element, or for sets with prefixes this address (a prefix that is all of it), is in the snapshot: 0: it is not, UINT64_MAX: it
 * stays. As generated code asks. */
uint64_t live_until(const struct live_set *s, const void *snapshot, const void *key);

#endif
