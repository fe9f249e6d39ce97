/*
 * The inside of the comparison of two versions: what its files share. Nothing but compiler/analyse_{diff,deed,state}.c includes this.
 */
#ifndef XDPF_ANALYSE_DIFF_H
#define XDPF_ANALYSE_DIFF_H

#include "analyse_priv.h"

struct side {
	struct list list;
	size_t *partner;		/* in the other list, or NO_EVENT */
	const bool *decides;
};

/* Something that happens where .before holds and nothing before .event decides. */
struct spot {
	size_t event;
	uint32_t before;
	uint32_t kind;			/* the same number for the same */
	bool moves;			/* see struct deed */
	bool left;			/* it is not known to happen to the same packets as one of the other side */
	uint32_t form;			/* where it happens, once it was asked for; see .made */
	bool made;
};

struct spots {
	VEC(struct spot) list;
};

struct diff {
	struct space s;
	struct side side[2];
	struct changes *out;
	struct spots deed[2];		/* of rules that do not decide, in order */
	uint64_t work;			/* formulas that were put into others */
	bool too_much;			/* something was left out for its size: it is not decided */
};

struct change *diff_changed(struct diff *d, enum change_kind kind, const struct ast_rule *before, const struct ast_rule *after);
void diff_open(struct diff *d, struct change *c, const char *why);

/* ---- analyse_deed.c ---- */

/* Marks in both what may happen to other packets than in the other version. */
void spots_match(struct diff *d, struct spots spots[2]);
/* Where it happens. */
uint32_t spot_form(struct diff *d, int side, struct spot *s);
/* Holds of the packets to which things do not happen as often in both versions; those that are not .left are taken to do. */
uint32_t spots_differ(struct diff *d, struct spots spots[2]);
void deeds_read(struct diff *d);
/* Holds of the packets of which something else is done in the end, where these two decide about them; NULL: two that do the same. */
uint32_t deeds_differ(struct diff *d, const struct event *old, const struct event *new);
/* What is done with the packet, about which these decide, in one version only. False: nothing; and what is done in another order is that. */
bool deeds_compare(struct diff *d, struct witness *w, const size_t at[2], struct change *c);

/* ---- analyse_state.c ---- */

void limits_compare(struct diff *d);
void sets_compare(struct diff *d);

#endif
