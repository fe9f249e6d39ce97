/*
 * What the parts of a rate limit's code share.
 */
#ifndef XDPF_CODEGEN_LIMIT_H
#define XDPF_CODEGEN_LIMIT_H

#include "codegen_priv.h"
#include "ir_limit.h"
#include "limit.h"

struct limit {
	unsigned words;			/* of the key; 0: one bucket */
	struct xdpf_limit_layout layout;
	struct limit_row fixed;		/* what it says, for code that is of this one limit */
	V row;				/* where in the image that stands, for code that is of many; else NULL */
	V clock;			/* address of the time, or of 0, if nobody has asked yet; NULL: nobody else ever asks */
	V len;				/* of the frame; NULL: cg_len() */
	V index;			/* address of 4 bytes, for look-ups */
	V key, hash, set, count, now, cost;	/* .key: its address; .set: the first; .count: struct xdpf_limit_count of this CPU */
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

/* ---- codegen_limit_place.c ---- */

void cg_limit_load_key(struct cg *g, struct limit *l);
/* The element of the limit's part of its map. */
V cg_limit_element(struct cg *g, const struct limit *l, V at);
/* The set that a hash names; the hash that names the set behind it. */
V cg_limit_set_of(struct cg *g, const struct limit *l, V hash);
V cg_limit_next(struct cg *g, V hash);
/* How far from the set's first slot the one is that the key goes to, if it is free. */
V cg_limit_own(struct cg *g, const struct limit *l, V hash);
/* Puts down the key's words, hash and set. */
void cg_limit_set(struct cg *g, struct limit *l);
/* Has the set come while the clock is read: the one takes as long as the other, and reading the clock waits for what is being loaded, but not
 * for what is being stored. Not where the key had no token lately: then it comes often, is near, and other CPUs may have it too, which
 * only read. */
void cg_limit_fetch(struct cg *g, const struct limit *l);
/* The key had no token. */
void cg_limit_remember(struct cg *g, const struct limit *l);

/* ---- codegen_limit_table.c ---- */

/* Takes the tokens of a key that is found at once; the builder stands where it is not. */
void cg_limit_known(struct cg *g, const struct limit *l);
/* Finds the key's bucket in any set, or makes it, and takes from it. */
void cg_limit_slow(struct cg *g, struct limit *l);
void cg_limit_bucket(struct cg *g, const struct limit *l);

#endif
