/*
 * Snapshots of sets that live: all elements that such a set was given at once, as tables. One layout for the code that asks them and for the runtime,
 * which builds them.
 *
 * A snapshot is one piece of memory of 2^.room bytes: a head, and behind it a table (see set.h) for each kind of keys. An element becomes a number,
 * or those that its prefix covers: its bytes as they are in the kernel's map, most significant first, zeros behind them; but of a single address or
 * prefix only the address, IPv4 in a table of its own.
 */
#ifndef XDPF_TABLE_LIVE_H
#define XDPF_TABLE_LIVE_H

#include "set.h"

enum live_form {
	LIVE_NONE,			/* it has no snapshots */
	LIVE_IP, LIVE_NET,		/* one address, one prefix: by family */
	LIVE_EXACT, LIVE_NETS,		/* other elements; those with a prefix in them */
};

struct live_set {
	enum live_form form;
	unsigned key_size;		/* bytes of an element */
	unsigned skip;			/* of them, those that say how many bits count, where elements begin so */
	unsigned words[2];		/* of a key: of .form IP and NET by family, of others the first; 0: 32 bits */
	unsigned room;
};

enum { LIVE_ROOM_LEAST = 16, LIVE_ROOM_MOST = 29 };

/* In host byte order. */
struct live_head {
	uint64_t until;			/* ns of the monotonic clock: then all elements are in it no more; 0: they stay */
	uint32_t off[2];		/* where the tables are; 0: there are no elements of this kind */
	uint32_t list, zero;		/* the runtime's: which of the set's two lists says what is in it */
	uint64_t more[5];
};

/* Of a set with so many components and bytes in an element, and so many elements; @trie: these begin with how many of their bits count, as they do
 * where one component is a prefix. */
struct live_set live_set_of(bool prefix, bool trie, unsigned n_components, unsigned key_size, uint32_t size);

/* Sorts @n elements, and drops those that are there twice: their number; SIZE_MAX: memory is out. Prefixes are in the order of their addresses, the
 * shorter of two first. */
size_t live_sort(const struct live_set *s, void *keys, size_t n);
/* The order of live_sort(). */
int live_cmp(const struct live_set *s, const void *a, const void *b);
/* Makes the snapshot of sorted elements, in @out (zeroed), with .until and .list of @head. NULL, or why not (static). @seed: of hashes; nobody
 * outside knows it. */
const char *live_build(const struct live_set *s, const void *keys, size_t n, const struct live_head *head, uint64_t seed, struct image *out);
/* Is the element, or for sets with prefixes this address (a prefix that is all of it), in the snapshot? As generated code asks. */
bool live_has(const struct live_set *s, const void *snapshot, const void *key);

#endif
