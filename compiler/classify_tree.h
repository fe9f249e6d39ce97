/*
 * Internal to the builder of trees.
 */
#ifndef XDPF_CLASSIFY_TREE_H
#define XDPF_CLASSIFY_TREE_H

#include "classify_priv.h"

/* Ranks of a dimension: 0 where no field is there, then each field's pieces. */
struct rank_dim {
	unsigned dim;
	VEC(struct map_piece) piece[CLASSIFY_MAX_FIELDS];
	uint32_t n;
};

struct box_side {
	uint32_t lo, hi;			/* ranks, both included */
};

struct boxes {
	struct rank_dim dim[CLASSIFY_MAX_DIMS];
	unsigned n_dims;
	VEC(uint32_t) entry;			/* by box: place in .r->entry; they ascend */
	VEC(struct box_side) side;		/* by box, .n_dims each */
};

/* ---- classify_box.c ---- */

/* The terms (places in .r->term) as boxes of ranks. false, and .why. */
bool boxes_of(struct attempt *t, const uint32_t *term, size_t n, struct boxes *b);

#endif
