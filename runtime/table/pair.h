/*
 * Pairs of classes: rules that ask for few numbers of each of two long dimensions (addresses), whatever the length of their prefixes. What a
 * packet says of each becomes a number, as in rfc.h, and both together the place of its first record: the rows of the table of all pairs, most of
 * which have nothing, are laid into each other, and a row's number is where it begins, so a place says whose it is. Records that follow are those
 * of the same pair, in order; other rules that come before the last of them are among them. So what matches is the packet's first rule, unless
 * the record is not sure of that.
 *
 * In the image, numbers of 32 bits from .at on, see below. What records ask of short numbers stands in the table of merged tuples (tuple.h).
 */
#ifndef XDPF_TABLE_PAIR_H
#define XDPF_TABLE_PAIR_H

#include "rfc.h"

/* The records, what they ask besides, and what the first dimension's number is shifted by: that of its row, which begins there. */
enum { PAIR_RECORDS, PAIR_RESTS, PAIR_SHIFT, PAIR_NUMBERS };

enum {
	PAIR_CHAIN = 64,		/* records of one pair, at most */
	PAIR_CLASSES = 65534,		/* of a dimension, at most */
	PAIR_ROWS_MOST = MAP_LEAF,	/* rows' numbers are less, and … */
	PAIR_SHIFT_MOST = 4,		/* … shifted by no more */
};

#define PAIR_UNSURE 0x80000000u

struct pair_record {
	uint32_t key;			/* as tuple_key() has it */
	uint16_t rest;
	uint16_t row;			/* 1 and the row's number; 0: there is none */
	uint32_t next;			/* the place of the next one, or 0; PAIR_UNSURE: a rule that no record can hold may match before it */
};

_Static_assert(sizeof(struct pair_record) == 12, "records stand close together");

struct pair {
	bool is;
	struct rfc_dim dim[2];
	size_t at;
};

/* Dependent loads of a look-up whose first record matches. */
static inline unsigned pair_loads(const struct pair *p)
{
	return rfc_dim_loads(&p->dim[0]) + rfc_dim_loads(&p->dim[1]) + 2;
}

#endif
