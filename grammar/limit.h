/*
 * The arithmetic of rate limits: what the compiler works out, the code generator emits and the evaluator does. A bucket's state is one
 * number: the instant at which it will be full again, in units of 2^-shift nanoseconds, modulo 2^64; 0 is a bucket that was never
 * touched, which is full. A packet costs as many units as its tokens take to come back. It gets its tokens if after that the bucket
 * is full again within `window`, the time in which all `burst` tokens come back.
 */
#ifndef XDPF_LIMIT_H
#define XDPF_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

enum {
	XDPF_LIMIT_MAX_SHIFT	= 20,
	XDPF_LIMIT_PRECISION	= 256,	/* units that a token takes at least, if it does not take a whole number of them */
	XDPF_LIMIT_SKEW_BITS	= 32,	/* ns, as a power of two, that a state may be too far ahead: clocks of two CPUs; more is no state of ours */
	XDPF_LIMIT_WINDOW_BITS	= 62,	/* a window has no more bits */
	XDPF_LIMIT_MAX_WAYS	= 4,	/* keys in a set */
	XDPF_LIMIT_LEVELS	= 8,	/* sets in which a key may be */
	XDPF_LIMIT_ENTRIES	= 65536,	/* keys that a limit has room for, unless it says how many */
	XDPF_LIMIT_LEAST_WAYS	= 3,	/* keys in a set, at the least */
	XDPF_LIMIT_MEMORY	= 1 << 30,	/* bytes of one limit's table, at most */
	XDPF_LIMIT_MAX_WORDS	= 16,	/* of 64 bits, in a key */
	XDPF_LIMITS_MOST	= 1 << 20,	/* limits of a program */
};

/*
 * How a set of the table lies in memory: head, then slots, each of a state and the 64-bit words of a key. Most keys are in the first slot,
 * which is in the set's first cache line; of short keys, all are.
 */
struct xdpf_limit_layout {
	unsigned ways, first, slot, bytes;	/* slots, place of the first, bytes of one, and of the whole */
};

enum { XDPF_LIMIT_PAD = 4, XDPF_LIMIT_SPILL = 8, XDPF_LIMIT_SLOTS = 16 };	/* struct bpf_spin_lock, 4 bytes of nothing, .spill, slots */

static inline struct xdpf_limit_layout xdpf_limit_layout(unsigned words)
{
	enum { LINE = 64 };
	unsigned slot = 8 * (1 + words);

	if (words == 1)
		return (struct xdpf_limit_layout){ 3, XDPF_LIMIT_SLOTS, slot, LINE };
	if (words == 3)
		return (struct xdpf_limit_layout){ 3, slot, slot, 2 * LINE };
	return (struct xdpf_limit_layout){ 4, XDPF_LIMIT_SLOTS, slot, words == 2 ? 2 * LINE : XDPF_LIMIT_SLOTS + 4 * slot };
}

/*
 * All limits of a program whose keys have so many words are in one table, one behind the other: so many sets each has, of that layout; or, without
 * a key, one bucket. With so many, that some key of so many has all its sets full with others has a probability of 10^-9, or, of many, that one has.
 */
static inline uint64_t xdpf_limit_sets(uint64_t keys)
{
	uint64_t spare = 4 + keys / 4;

	return keys <= XDPF_LIMIT_LEAST_WAYS ? 1 : keys + (spare < 64 ? spare : 64);
}

/* Bytes of one of them. */
static inline unsigned xdpf_limit_bytes(unsigned words)
{
	return words ? xdpf_limit_layout(words).bytes : sizeof(uint64_t);
}

/* Bytes of the tables of one program's limits, at the most. */
#define XDPF_LIMITS_MEMORY ((uint64_t)64 << 30)

struct xdpf_limit_rate {
	unsigned shift;
	uint64_t token;			/* units until one token is back: rounded up, so the rate is never exceeded */
	uint64_t window;		/* burst * token */
};

/* @rate tokens in @period ns, @burst of them at once. False: no such arithmetic; *too_fast or the window is too long. */
static inline bool xdpf_limit_make(struct xdpf_limit_rate *r, uint64_t rate, uint64_t period, uint64_t burst, bool *too_fast)
{
	for (r->shift = 0; r->shift <= XDPF_LIMIT_MAX_SHIFT; r->shift++) {
		unsigned __int128 units = (unsigned __int128)period << r->shift;

		r->token = (uint64_t)((units + rate - 1) / rate);
		if (units % rate == 0 || r->token >= XDPF_LIMIT_PRECISION)
			break;
	}
	*too_fast = r->shift > XDPF_LIMIT_MAX_SHIFT;
	return !*too_fast && !__builtin_mul_overflow(r->token, burst, &r->window) && !(r->window >> XDPF_LIMIT_WINDOW_BITS);
}

static inline uint64_t xdpf_limit_time(const struct xdpf_limit_rate *r, uint64_t now_ns)
{
	return now_ns << r->shift;
}

/* Is the bucket less than full at @now (in units)? */
static inline bool xdpf_limit_live(const struct xdpf_limit_rate *r, uint64_t state, uint64_t now)
{
	return state && state - now - 1 < r->window + ((uint64_t)1 << XDPF_LIMIT_SKEW_BITS << r->shift);
}

/* Takes @tokens, at most the burst, at @now: true, and the state is another; or false, and it is not. */
static inline bool xdpf_limit_take(const struct xdpf_limit_rate *r, uint64_t *state, uint64_t tokens, uint64_t now)
{
	uint64_t full = (xdpf_limit_live(r, *state, now) ? *state : now) + tokens * r->token;

	if (full - now > r->window)
		return false;
	*state = full ? full : 1;
	return true;
}

#endif
