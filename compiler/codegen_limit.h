/*
 * What the parts of a rate limit's code share.
 */
#ifndef XDPF_CODEGEN_LIMIT_H
#define XDPF_CODEGEN_LIMIT_H

#include "codegen_priv.h"
#include "ir_limit.h"
#include "limit.h"

struct limit {
	unsigned kind, words;		/* of its table; of the key, 0: one bucket */
	struct xdpf_limit_layout layout;
	struct limit_row fixed;		/* what it says, for code that is of this one limit */
	V row;				/* where in the image that stands, for code that is of many; else NULL */
	V clock;			/* address of the time, or of 0, if nobody has asked yet; NULL: nobody else ever asks */
	V len;				/* of the frame; NULL: cg_len() */
	V index;			/* address of 4 bytes, for look-ups */
	V key, hash, set, count, now, cost;	/* .key: its address; .set: the first; .count: struct xdpf_limit_count of this CPU */
	V window, what;			/* what the function for one set is told (LOOK_); else NULL */
	bool half;			/* the upper half of the key's last word is always 0 */
	V word[CG_MAX_KEY / 8];		/* of the key */
	bool again;			/* they are read anew from .key, each time */
	BB admitted, denied, full;	/* the set is not locked there */
	BB never;			/* for what the verifier does not know to be so */
};

/* A member of the row. */
V cg_limit_number(struct cg *g, const struct limit *l, size_t member, unsigned bytes);
#define CG_LIMIT(g, l, member) cg_limit_number(g, l, offsetof(struct limit_row, member), sizeof((l)->fixed.member))

/* CG_LIMIT_KEPT: words of a key that a function which was given its address may keep, as its caller needs most of the stack; CG_LIMIT_OWNED: of
 * one that has a slot of its own. */
enum { CG_LIMIT_KEPT = 1, CG_LIMIT_OWNED = 4 };

/* Bits of what the function for one set is told, above the set's number. */
enum { LOOK_LAST = 32, LOOK_WAY = 33, LOOK_SEEN = 35, LOOK_SHIFT = 40, LOOK_SHIFT_BITS = 5 };
_Static_assert(XDPF_LIMIT_MAX_WAYS <= 4 && XDPF_LIMIT_MAX_SHIFT < 1 << LOOK_SHIFT_BITS, "they have so many bits");

/* ---- codegen_limit.c ---- */

T cg_limit_look_type(struct cg *g);

/* ---- codegen_limit_place.c ---- */

void cg_limit_load_key(struct cg *g, struct limit *l);
/* An element of the map of keys as long. */
V cg_limit_element(struct cg *g, const struct limit *l, V at);
/* The set that a hash names, and its number; the hash that names the set behind it. */
V cg_limit_set_of(struct cg *g, const struct limit *l, V hash);
V cg_limit_number_of(struct cg *g, const struct limit *l, V hash);
V cg_limit_next(struct cg *g, V hash);
/* Which slot of its set a key with this hash goes to, if it is free; how far that is from the first. */
V cg_limit_way(struct cg *g, const struct limit *l, V hash);
V cg_limit_own(struct cg *g, const struct limit *l, V hash);
/* Puts down the key's words, hash and set. */
void cg_limit_set(struct cg *g, struct limit *l);
/* Has the set come while the clock is read: the one takes as long as the other, and reading the clock waits for what is being loaded, but not
 * for what is being stored. Not where the key had no token lately: then it comes often, is near, and other CPUs may have it too, which
 * only read. */
void cg_limit_fetch(struct cg *g, const struct limit *l);
/* Goes to @to if that is remembered of it; else the builder goes on. */
void cg_limit_lately(struct cg *g, const struct limit *l, BB to);
/* The key had no token: it is remembered one of some times, so that CPUs do not take that memory from each other each time. */
void cg_limit_remember(struct cg *g, const struct limit *l);

/* ---- codegen_limit_fresh.c ---- */

/* The key's slot in its first set, and its state, in block @here, where the builder stands then. Or it is put in, and the packet admitted, if that
 * set has room and no other needs to be asked; else @none. */
V cg_limit_fresh(struct cg *g, const struct limit *l, BB here, BB none, V *state);
/* Goes to .full if the key is in no set and no set has room for it; else the builder goes on. */
void cg_limit_scan(struct cg *g, const struct limit *l);

/* ---- codegen_limit_table.c ---- */

/* Takes the tokens of a key that is found at once, or new; the builder stands where it is neither. Where there are more than a few limits, a key with
 * a slot of its own is looked for there alone: _rest does the rest. */
void cg_limit_known(struct cg *g, const struct limit *l);
void cg_limit_rest(struct cg *g, const struct limit *l);
/* Finds the key's bucket in any set, or makes it, and takes from it. */
void cg_limit_sets(struct cg *g, const struct limit *l);
/* Looks for the key in one set, takes or puts it in, and returns what came of it. */
void cg_limit_look(struct cg *g, const struct limit *l);
void cg_limit_bucket(struct cg *g, const struct limit *l);

#endif
