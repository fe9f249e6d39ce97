/*
 * What entries of classified rules do, as the image has it: words of a table, by the entries' places.
 */
#ifndef XDPF_TABLE_WHAT_H
#define XDPF_TABLE_WHAT_H

#include <stdint.h>

enum {
	CLASSIFY_INDEX_BITS = 24,		/* of an entry's word, and of what stands for it */
};

/* What an entry's word says above its place. Which rule it is stands in a table, by place; mostly it is found without that: see struct
 * classify_places. */
enum classify_kind {
	CLASSIFY_END,				/* behind all entries: nothing matched, or nothing more */
	CLASSIFY_COUNT,				/* adds the packet to the rule's counter, and goes on */
	CLASSIFY_CODE,				/* the rule is code: its number is its place among those */
	CLASSIFY_DECIDE,			/* the rule decides, with verdict .kind - CLASSIFY_DECIDE in the order of enum classify_verdict */
};

enum classify_verdict { CLASSIFY_ABORT, CLASSIFY_DROP, CLASSIFY_PASS, CLASSIFY_TX, CLASSIFY_SWAP };

/* A word: the kind, and a place. An element of that table: the kind, and a rule's index, or its number. */
static inline uint32_t classify_what(unsigned kind, uint32_t number)
{
	return (uint32_t)kind << CLASSIFY_INDEX_BITS | number;
}

/* In the image's head, for each run of rules. */
struct classify_places {
	uint32_t table;				/* where the table begins */
	uint32_t base;				/* a rule's index is its place and this; CLASSIFY_BY_TABLE: it is in the table */
};

#define CLASSIFY_BY_TABLE UINT32_MAX
#define CLASSIFY_INDEX(what) ((what) & ((1u << CLASSIFY_INDEX_BITS) - 1))
#define CLASSIFY_WORD_END ((1u << CLASSIFY_INDEX_BITS) - 1)

#endif
