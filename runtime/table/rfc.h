/*
 * Recursive flow classification: what a packet says of each dimension becomes a class, and pairs of classes become classes by way of tables,
 * until there is one, which is where a list of words begins.
 *
 * In the image, numbers of 32 bits from .at on: where the lists are; for each step where its table is, and the length of its rows. All else is
 * found by what stands there, so code depends on the shape alone. A list is: the word of its entry that stops (or RFC_WORD_END), then its
 * words as far as that one. The first list has nothing else.
 */
#ifndef XDPF_TABLE_RFC_H
#define XDPF_TABLE_RFC_H

#include "map.h"

enum {
	RFC_MAX_DIMS = 16,
	RFC_MAX_FIELDS = 8,
	RFC_MAX_CLASSES = 1 << 16,
	RFC_NONE = RFC_MAX_DIMS * 2,	/* in place of a class: 0 */
};

/* .n 0: nothing is asked of it. The class where no field is there is the number of 32 bits at .at. */
struct rfc_dim {
	unsigned n;
	size_t at;
	struct map field[RFC_MAX_FIELDS];
};

/* Classes are known by their dimension's number, or n_dims and the number of the step that made them. */
struct rfc_step {
	unsigned a, b;
};

struct rfc {
	unsigned n_dims, n_steps;	/* at least one */
	struct rfc_dim dim[RFC_MAX_DIMS];
	struct rfc_step step[RFC_MAX_DIMS];
	bool wide;			/* the last table has numbers of 32 bits; all others of 16 */
	size_t at;
};

enum { RFC_LISTS, RFC_STEPS };		/* numbers at .at: then two for each step */

static inline size_t rfc_step_at(const struct rfc *r, unsigned step)
{
	return r->at + 4 * (RFC_STEPS + 2 * (size_t)step);
}

/* What a packet says of one dimension, as a class. */
uint32_t rfc_class(const struct image *im, const struct rfc_dim *d, unsigned which, struct value v);
/* Where the packet's list begins, behind the word that it ends with. @which, @v: by dimension. */
uint32_t rfc_find(const struct image *im, const struct rfc *r, const unsigned *which, const struct value *v);
unsigned rfc_dim_loads(const struct rfc_dim *d);
unsigned rfc_loads(const struct rfc *r);

#endif
