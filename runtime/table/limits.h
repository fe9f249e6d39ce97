/*
 * What an image says of rate limits, where their numbers are not in the code: a row for each, by its number.
 */
#ifndef XDPF_TABLE_LIMITS_H
#define XDPF_TABLE_LIMITS_H

#include <stdint.h>

/* Units are those of grammar/limit.h. */
struct limit_row {
	uint64_t window;		/* units in which a bucket fills */
	uint64_t reach;			/* a state that is so much ahead is none of ours */
	uint64_t packet, byte;		/* units that a packet costs, and each of its bytes */
	uint64_t most;			/* bytes of a packet: a longer one never has its tokens */
	uint32_t base, sets;		/* its part of the table of all limits with keys as long */
	uint32_t index;			/* of its counters */
	uint8_t shift;			/* units are 2^-shift nanoseconds */
	uint8_t closed;			/* 1: without room for its key, a packet is as one without a token */
	uint8_t counts;			/* 1: packets are counted */
	uint8_t zero;
	uint64_t none;			/* so that a row is a cache line */
};

_Static_assert(sizeof(struct limit_row) == 64, "a row is a cache line");

#endif
