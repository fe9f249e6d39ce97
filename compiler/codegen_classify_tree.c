/*
 * The look-up in a tree as data (runtime/table/tree.h). In: what the packet says of each dimension, and the first entry that stops found so
 * far. Out: the first one of all. Ranks lie on the stack, where nodes choose among them. Both loops have a fixed end besides the tree's own,
 * so that the verifier knows it.
 */
#include "codegen_classify.h"

#include <stddef.h>

struct tree_code {
	struct cg_lookup *l;
	struct cg *g;
	const struct tree *t;
	V rank, best;			/* addresses */
};

static V bin(struct cg *g, LLVMOpcode op, V a, V b)
{
	return LLVMBuildBinOp(g->b, op, a, b, "");
}

static V add(struct cg *g, V a, V b)
{
	return bin(g, LLVMAdd, a, b);
}

static V shl(struct cg *g, V a, unsigned n)
{
	return bin(g, LLVMShl, a, cg_c(g, n));
}

static V get(struct cg *g, V variable)
{
	return LLVMBuildLoad2(g->b, g->i64, variable, "");
}

static V table(struct tree_code *c, unsigned i)
{
	return cg_described(c->g, c->t->at + 4 * i);
}

/* Places for ranks: a power of two, by which a node's dimension is masked. */
static unsigned places(const struct tree *t)
{
	unsigned n = 1;

	while (n < t->n_dims)
		n *= 2;
	return n;
}

/* All places that a node may name, so that none is read which nobody wrote. */
static void ranks(struct tree_code *c, const struct cg_dim *said)
{
	struct cg *g = c->g;

	for (unsigned i = 0; i < places(c->t); i++) {
		V at = cg_atc(g, c->rank, 8 * i);

		LLVMSetVolatile(LLVMBuildStore(g->b, cg_c(g, 0), at), 1);
		if (i < c->t->n_dims) {
			const struct tree_dim *d = &c->t->dim[i];
			V rank = cg_map_which(c->l, d->field, d->n, cg_c(g, 0), d->dim, said);

			LLVMSetVolatile(LLVMBuildStore(g->b, rank, at), 1);
		}
	}
}

/* The leaf that the packet comes to. */
static V descend(struct tree_code *c)
{
	struct cg *g = c->g;
	V ref = cg_alloca(g, g->i64, "node"), i = cg_alloca(g, g->i64, "depth"), e, off, dim, rank, more, k;
	BB look = cg_block(g, "node"), on = cg_block(g, "inner"), leaf = cg_block(g, "leaf"), again = cg_block(g, "again");

	LLVMBuildStore(g->b, table(c, TREE_ROOT), ref);
	LLVMBuildStore(g->b, cg_c(g, 0), i);
	LLVMBuildBr(g->b, look);
	cg_place(g, look);
	e = get(g, ref);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntUGE, e, cg_c(g, TREE_LEAF), ""), leaf, on);
	cg_place(g, on);
	off = add(g, shl(g, e, 4), table(c, TREE_NODES));
	dim = bin(g, LLVMAnd, cg_look(c->l, off, 4), cg_c(g, places(c->t) - 1));
	rank = LLVMBuildLoad2(g->b, g->i64, cg_at(g, c->rank, shl(g, cg_hide(g, dim), 3)), "");
	LLVMSetVolatile(rank, 1);
	more = cg_look(c->l, add(g, off, cg_c(g, offsetof(struct tree_node, most))), 4);
	/* both are below 2^32 */
	more = bin(g, LLVMLShr, bin(g, LLVMSub, more, rank), cg_c(g, 63));
	off = add(g, add(g, off, shl(g, more, 2)), cg_c(g, offsetof(struct tree_node, to)));
	LLVMBuildStore(g->b, cg_look(c->l, off, 4), ref);
	k = add(g, get(g, i), cg_c(g, 1));
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntUGT, k, cg_c(g, c->t->depth), ""), c->l->beyond, again);
	cg_place(g, again);
	LLVMBuildStore(g->b, k, i);
	LLVMBuildBr(g->b, look);
	cg_place(g, leaf);
	e = bin(g, LLVMAnd, get(g, ref), cg_c(g, TREE_LEAF - 1));
	return add(g, shl(g, e, 2), table(c, TREE_LEAVES));
}

/* Not zero where the packet is not in the box at address @box. */
static V outside(struct tree_code *c, V box)
{
	struct cg *g = c->g;
	V bad = c->l->blank;

	for (unsigned i = 0; i < c->t->n_dims; i++) {
		V rank = LLVMBuildLoad2(g->b, g->i64, cg_atc(g, c->rank, 8 * i), ""), beyond;

		LLVMSetVolatile(rank, 1);
		beyond = bin(g, LLVMSub, rank, cg_load(g, cg_atc(g, box, 8 * i), 4, 4));
		/* below the box it is more than any rank */
		beyond = bin(g, LLVMAnd, beyond, cg_c(g, UINT32_MAX));
		bad = bin(g, LLVMOr, bad, bin(g, LLVMLShr, bin(g, LLVMSub, cg_load(g, cg_atc(g, box, 8 * i + 4), 4, 4), beyond), cg_c(g, 63)));
	}
	return bad;
}

/* The boxes of the leaf at offset @leaf, until one matches or they are later than the best. */
static void boxes(struct tree_code *c, V leaf)
{
	struct cg *g = c->g;
	V i = cg_alloca(g, g->i64, "i"), n = cg_look(c->l, leaf, 4), k, off, box, word, later, bad, best;
	BB look = cg_block(g, "box"), more = cg_block(g, "more"), settled = cg_block(g, "settled"), other = cg_block(g, "other box");
	BB done = cg_block(g, "boxes done");

	LLVMBuildStore(g->b, cg_c(g, 0), i);
	LLVMBuildBr(g->b, look);
	cg_place(g, look);
	k = get(g, i);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntUGE, k, n, ""), done, more);
	cg_place(g, more);
	k = add(g, k, cg_c(g, 1));
	off = bin(g, LLVMMul, cg_look(c->l, add(g, leaf, shl(g, k, 2)), 4), cg_c(g, c->t->box_bytes));
	box = cg_inside(c->l, add(g, off, table(c, TREE_BOXES)), c->t->box_bytes);
	word = cg_load(g, cg_atc(g, box, 8 * c->t->n_dims), 4, 4);
	best = get(g, c->best);
	later = bin(g, LLVMSub, bin(g, LLVMAnd, best, cg_c(g, TREE_END)), add(g, bin(g, LLVMAnd, word, cg_c(g, TREE_END)), cg_c(g, 1)));
	later = cg_hide(g, bin(g, LLVMLShr, later, cg_c(g, 63)));
	bad = cg_hide(g, outside(c, box));
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntULE, bad, later, ""), settled, other);
	cg_place(g, other);
	LLVMBuildStore(g->b, k, i);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntULT, k, cg_c(g, c->t->leaf), ""), look, done);
	cg_place(g, settled);
	word = bin(g, LLVMAnd, bin(g, LLVMXor, best, word), bin(g, LLVMSub, later, cg_c(g, 1)));
	LLVMBuildStore(g->b, bin(g, LLVMXor, best, word), c->best);
	LLVMBuildBr(g->b, done);
	cg_place(g, done);
}

V cg_tree_find(struct cg_lookup *l, const struct tree *t, const struct cg_dim *said, V best)
{
	struct cg *g = l->g;
	struct tree_code c = { .l = l, .g = g, .t = t };

	/* one place on the stack for all trees */
	if (!g->ranks)
		g->ranks = cg_alloca(g, LLVMArrayType2(g->i64, CLASSIFY_MAX_DIMS), "ranks");
	c.rank = g->ranks;
	c.best = cg_alloca(g, g->i64, "best");
	LLVMBuildStore(g->b, best, c.best);
	ranks(&c, said);
	l->again = true;
	boxes(&c, descend(&c));
	return get(g, c.best);
}
