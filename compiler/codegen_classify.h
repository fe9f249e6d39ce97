/*
 * Internal to the code of classifiers' look-ups.
 */
#ifndef XDPF_CODEGEN_CLASSIFY_H
#define XDPF_CODEGEN_CLASSIFY_H

#include "classify.h"
#include "codegen_priv.h"

struct cg_lookup {
	struct cg *g;
	const struct classifier *c;
	BB beyond;			/* where a look-up goes that would leave the image … */
	bool again;			/* … where it is in a loop, or one of many that are alike */
	V blank;			/* 0, which neither the optimiser nor the verifier knows */
};

/* What the packet says at this address, NULL: 0. Each time from there, where the verifier does not follow it: or it would multiply the ways through
 * the rest, and all of it would stand on the stack. */
V cg_said(struct cg *g, V at);
/* Goes on in @b, which stands behind the block that is left. */
void cg_place(struct cg *g, BB b);
/* The address of @bytes bytes at offset @off of the image. */
V cg_inside(struct cg_lookup *l, V off, unsigned bytes);
/* @bytes bytes at offset @off of the image, a multiple of them. */
V cg_look(struct cg_lookup *l, V off, unsigned bytes);
/* The number of 32 bits at an offset that is known, and in the image. */
V cg_described(struct cg *g, size_t off);

V cg_map_find(struct cg_lookup *l, const struct map *m, V hi, V lo);
/* The same of the @n fields of a dimension, by the one that is there; @absent: where none is. */
V cg_map_which(struct cg_lookup *l, const struct map *field, unsigned n, V absent, unsigned d, const struct cg_dim *said);
/* The class of dimension @d, whose maps these are. */
V cg_map_class(struct cg_lookup *l, const struct rfc_dim *x, unsigned d, const struct cg_dim *said);
V cg_trie_find(struct cg_lookup *l, const struct map *m, V hi, V lo);	/* codegen_classify_trie.c */
/* ---- codegen_classify_switch.c ---- */

/* Where in the image the packet's list begins. */
V cg_switch_find(struct cg_lookup *l, const struct classify_switch *s, const struct cg_dim *said);

/* ---- codegen_classify_tuple.c ---- */

enum { CG_TUPLE_EARLY = 4 };		/* tables whose buckets are asked for before all else */

struct cg_tuple {
	struct cg_lookup *l;
	struct cg *g;
	const struct tuple *t;
	V narrow, wide[TUPLE_WORDS], shorts, which;	/* struct tuple_packet */
	V guards, guarded, which_guarded;		/* of .shorts; it, and .which, with them */
	V early[CG_TUPLE_EARLY];			/* addresses of buckets */
	V best;						/* address of the key */
};

/* The packet as the tables want it: made before anything is learned of @said, so that the verifier forgets it; and its buckets are on their way. */
void cg_tuple_begin(struct cg_tuple *c, struct cg_lookup *l, const struct tuple *t, const struct cg_dim *said);
/* As tuple_find() has it. To @sure where nothing that is in no table is before what was found, with cg_tuple_best(); NULL: that is of no interest. */
V cg_tuple_find(struct cg_tuple *c, const struct cg_dim *said, V best, BB sure);
V cg_tuple_best(struct cg_tuple *c);
/* Zero where the packet is what the struct tuple_rest at this address asks. */
V cg_tuple_rest_bad(struct cg_tuple *c, V rest);
/* Where tables come first: nothing of the rest is before @best. */
V cg_tuple_late(struct cg_tuple *c, V best);

/* ---- codegen_classify_pair.c ---- */

/* As tuple_find() has it, of the pairs alone: .best. */
void cg_pair_find(struct cg_tuple *c, const struct cg_dim *said, BB sure);

/* ---- codegen_classify_tree.c: as tree_find() has it ---- */

V cg_tree_find(struct cg_lookup *l, const struct tree *t, const struct cg_dim *said, V best);

#endif
