/*
 * What entries of classified rules do, as the image has it: words of a table, by the entries' places.
 */
#ifndef XDPF_TABLE_WHAT_H
#define XDPF_TABLE_WHAT_H

#include <stdint.h>

enum {
	CLASSIFY_INDEX_BITS = 24,		/* of an entry's word, which is its place, and of what stands for it */
};

/* What an entry does stands in a table of its own, by its place: so it is told which rule that is, and what, only when one is found. */
enum classify_kind {
	CLASSIFY_END,				/* behind all entries: nothing matched, or nothing more */
	CLASSIFY_COUNT,				/* adds the packet to the rule's counter, and goes on */
	CLASSIFY_CODE,				/* the rule is code: its number is its place among those */
	CLASSIFY_DECIDE,			/* the rule decides, with verdict .kind - CLASSIFY_DECIDE in the order of enum classify_verdict */
};

enum classify_verdict { CLASSIFY_ABORT, CLASSIFY_DROP, CLASSIFY_PASS, CLASSIFY_TX, CLASSIFY_SWAP };

/* An element of that table: the kind, and a rule's index or number. */
static inline uint32_t classify_what(unsigned kind, uint32_t number)
{
	return (uint32_t)kind << CLASSIFY_INDEX_BITS | number;
}

#define CLASSIFY_INDEX(what) ((what) & ((1u << CLASSIFY_INDEX_BITS) - 1))
#define CLASSIFY_WORD_END ((1u << CLASSIFY_INDEX_BITS) - 1)

#endif
