/*
 * Values and sets of values, as the checker leaves them and both executors read them. Plain C, no dependencies.
 */
#ifndef XDPF_GRAMMAR_VALUE_H
#define XDPF_GRAMMAR_VALUE_H

#include <stdbool.h>
#include <stdint.h>

/* An unsigned number of up to 128 bits. Addresses are numbers whose most significant byte is the first on the wire:
 * 192.0.2.1 is lo = 0xc0000201, ::1 is hi = 0, lo = 1. */
struct value {
	uint64_t hi, lo;
};

/* Which kind of number: two values are comparable only within a family. */
enum family {
	FAMILY_NUM = 0,		/* everything that is not an IP address */
	FAMILY_IP4 = 4,
	FAMILY_IP6 = 6,
};

/* All numbers from lo to hi, both included; lo <= hi. */
struct range {
	enum family family;
	struct value lo, hi;
};

static inline int value_cmp(struct value a, struct value b)
{
	if (a.hi != b.hi)
		return a.hi < b.hi ? -1 : 1;
	return a.lo < b.lo ? -1 : a.lo > b.lo;
}

static inline struct value value_of(uint64_t lo)
{
	return (struct value){ 0, lo };
}

static inline struct value value_and(struct value a, struct value b)
{
	return (struct value){ a.hi & b.hi, a.lo & b.lo };
}

/* The low @bits bits set; 0 <= bits <= 128. */
static inline struct value value_ones(unsigned bits)
{
	struct value v = { 0, 0 };

	if (bits >= 64)
		v.lo = UINT64_MAX;
	else
		v.lo = ((uint64_t)1 << bits) - 1;
	if (bits >= 128)
		v.hi = UINT64_MAX;
	else if (bits > 64)
		v.hi = ((uint64_t)1 << (bits - 64)) - 1;
	return v;
}

static inline bool range_has(const struct range *r, enum family f, struct value v)
{
	return r->family == f && value_cmp(r->lo, v) <= 0 && value_cmp(v, r->hi) <= 0;
}

#endif
