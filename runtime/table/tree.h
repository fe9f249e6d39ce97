/*
 * A tree as data: what a packet says of each dimension becomes a rank, by value maps; nodes compare one rank each, and lead to a list of boxes
 * of ranks, which are compared whole, in order, until one matches. It takes any rules, and more loads than the others.
 *
 * In the image, numbers of 32 bits from .at on: the root; where the nodes are, the leaves, the boxes. A reference to a leaf has TREE_LEAF set,
 * and says where it is among the leaves by 4 bytes: how many boxes, then their places. The rank where no field is there is 0.
 */
#ifndef XDPF_TABLE_TREE_H
#define XDPF_TABLE_TREE_H

#include "map.h"

enum {
	TREE_MAX_DIMS = 16,
	TREE_MAX_FIELDS = 8,
	TREE_MAX_LEAF = 64,		/* boxes */
	TREE_MAX_DEPTH = 64,
	TREE_END = (1 << 24) - 1,	/* a word's index where nothing matched */
};

#define TREE_LEAF (1u << 31)

enum { TREE_ROOT, TREE_NODES, TREE_LEAVES, TREE_BOXES, TREE_DESC };

struct tree_node {
	uint32_t dim, most;		/* place among .dim; ranks up to .most go to .to[0] */
	uint32_t to[2];
};

/* A box is for each dimension { least rank, how many more }, and an entry's word; .box_bytes apart. */
struct tree {
	unsigned n_dims;
	struct tree_dim {
		unsigned dim, n;
		struct map field[TREE_MAX_FIELDS];
	} dim[TREE_MAX_DIMS];
	unsigned depth, leaf;		/* nodes on the longest way; boxes of the longest list */
	unsigned box_bytes;
	size_t at;
};

/* The word of the first box that matches, if its index is below @best's; else @best. */
uint32_t tree_find(const struct image *im, const struct tree *t, const unsigned *which, const struct value *v, uint32_t best);
unsigned tree_loads(const struct tree *t);

#endif
