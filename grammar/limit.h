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
	XDPF_LIMIT_MEMORY	= 1 << 30,	/* bytes of one limit's table, at most */
	XDPF_LIMIT_MAX_WORDS	= 16,	/* of 64 bits, in a key */
	XDPF_LIMIT_TAILED,		/* a kind of table: see below */
	XDPF_LIMIT_KINDS,
	XDPF_LIMITS_MOST	= 1 << 20,	/* limits of a program */
};

/*
 * Kinds of tables: by the 64-bit words of their keys, 0: no key; and one for keys of two words and a byte, as an address of either family is.
 *
 * How a set of the table lies in memory: head, then slots, each of a state and the words of a key. Most keys are in the slot where they are
 * looked for first, whose words are in one cache line; of short keys, and of those of two words and a byte, the whole set is: there that byte stands
 * before the state, and before the second slot's the time .spill has 8 bits less (xdpf_limit_spill()).
 */
struct xdpf_limit_layout {
	unsigned ways, first, slot, bytes;	/* slots, place of the first, bytes of one, and of the whole */
	unsigned spill, words;			/* place of .spill; words of a key that a slot has */
};

/* Behind struct bpf_spin_lock: a word whose first byte is only written, and whose second is 1 while a CPU changes who is in the set; and what most
 * sets have then. */
enum { XDPF_LIMIT_UNREAD = 4, XDPF_LIMIT_HELD_AT = 5, XDPF_LIMIT_HELD = 1 << 8, XDPF_LIMIT_SPILL = 8, XDPF_LIMIT_SLOTS = 16 };

static inline unsigned xdpf_limit_kind(unsigned key_bytes)
{
	return key_bytes == 2 * 8 + 1 ? XDPF_LIMIT_TAILED : (key_bytes + 7) / 8;
}

/* Words of a key, the last of which may be a byte. */
static inline unsigned xdpf_limit_words(unsigned kind)
{
	return kind == XDPF_LIMIT_TAILED ? 3 : kind;
}

static inline struct xdpf_limit_layout xdpf_limit_layout(unsigned kind)
{
	enum { LINE = 64 };
	unsigned slot = 8 * (1 + kind);

	if (kind == XDPF_LIMIT_TAILED)
		return (struct xdpf_limit_layout){ 2, 8, LINE / 2, LINE, LINE / 2, 2 };
	if (kind == 1)
		return (struct xdpf_limit_layout){ 3, XDPF_LIMIT_SLOTS, slot, LINE, XDPF_LIMIT_SPILL, kind };
	if (kind == 3)
		return (struct xdpf_limit_layout){ 3, slot, slot, 2 * LINE, XDPF_LIMIT_SPILL, kind };
	return (struct xdpf_limit_layout){
		4, XDPF_LIMIT_SLOTS, slot, kind == 2 ? 2 * LINE : XDPF_LIMIT_SLOTS + 4 * slot, XDPF_LIMIT_SPILL, kind };
}

/* The time in a set's word @spill, and the word that says @until. @tailed: its upper byte is of a key, and stays: the time is rounded up. 0: none. */
static inline uint64_t xdpf_limit_spill(uint64_t spill, bool tailed)
{
	return tailed ? spill << 8 : spill;
}

static inline uint64_t xdpf_limit_spilled(uint64_t spill, uint64_t until, bool tailed)
{
	uint64_t up = (until + 255) >> 8;

	return tailed ? (up ? up : 1) | (spill & (uint64_t)UINT8_MAX << 56) : until;
}

/* Bytes of one set. */
static inline unsigned xdpf_limit_bytes(unsigned kind)
{
	return kind ? xdpf_limit_layout(kind).bytes : sizeof(uint64_t);
}

/* Bytes of a table for each key that it is declared to hold: as many sets as keys; of two slots, twice as many. */
static inline unsigned xdpf_limit_key_bytes(unsigned kind)
{
	return xdpf_limit_bytes(kind) * (kind == XDPF_LIMIT_TAILED ? 2 : 1);
}

/*
 * All limits of a program whose tables are of one kind are in one table, one behind the other: so many sets each has, of that layout; or, without
 * a key, one bucket. With so many, that some key of so many has all its sets full with others has a probability of 10^-9, or, of many, that one has.
 */
static inline uint64_t xdpf_limit_sets(uint64_t keys, unsigned kind)
{
	uint64_t sets = keys * xdpf_limit_key_bytes(kind) / xdpf_limit_bytes(kind), spare = 4 + sets / 4;

	return keys <= (kind == XDPF_LIMIT_TAILED ? 2 : 3) ? 1 : sets + (spare < 64 ? spare : 64);
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
