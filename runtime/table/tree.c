/*
 * The look-up in a tree as data, in plain C: what generated code does. In: what a packet says of each dimension. Out: the word of the first rule.
 */
#include "tree.h"

static uint32_t number(const struct image *im, size_t off)
{
	return *(const uint32_t *)image_at(im, off);
}

static bool matches(const uint32_t *box, const uint32_t *rank, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (rank[i] - box[2 * i] > box[2 * i + 1])
			return false;
	return true;
}

uint32_t tree_find(const struct image *im, const struct tree *t, const unsigned *which, const struct value *v, uint32_t best)
{
	uint32_t rank[TREE_MAX_DIMS] = { 0 }, e = number(im, t->at + 4 * TREE_ROOT);
	const uint32_t *leaf;

	for (unsigned i = 0; i < t->n_dims; i++)
		if (which[t->dim[i].dim])
			rank[i] = map_find(im, &t->dim[i].field[which[t->dim[i].dim] - 1], v[t->dim[i].dim]);
	while (!(e & TREE_LEAF)) {
		const struct tree_node *n = (const struct tree_node *)image_at(im, number(im, t->at + 4 * TREE_NODES)) + e;

		e = n->to[rank[n->dim] > n->most];
	}
	leaf = (const uint32_t *)image_at(im, number(im, t->at + 4 * TREE_LEAVES)) + (e & ~TREE_LEAF);
	for (uint32_t i = 0; i < leaf[0]; i++) {
		const uint32_t *box = image_at(im, number(im, t->at + 4 * TREE_BOXES) + (size_t)leaf[i + 1] * t->box_bytes);
		uint32_t word = box[2 * t->n_dims];

		if ((word & TREE_END) >= (best & TREE_END))
			break;
		if (matches(box, rank, t->n_dims))
			return word;
	}
	return best;
}

unsigned tree_loads(const struct tree *t)
{
	unsigned n = t->depth + 2 * t->leaf;

	for (unsigned i = 0; i < t->n_dims; i++) {
		unsigned most = 0;

		for (unsigned f = 0; f < t->dim[i].n; f++)
			if (map_loads(&t->dim[i].field[f]) > most)
				most = map_loads(&t->dim[i].field[f]);
		n += most;
	}
	return n;
}
