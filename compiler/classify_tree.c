/*
 * A tree as data. In: terms of entries that stop. Out: nodes that cut the space of ranks by twos, where that separates most, until few boxes
 * are left: what comes behind a box that covers all of a part is left out there. It is given up where it would need too much memory or time.
 */
#include "classify_tree.h"

#include <stdlib.h>
#include <string.h>

enum { SAMPLE = 128 };				/* boxes that are asked where to cut */

static const uint64_t most_work = 2000000000;	/* comparisons: a few seconds */

struct leaf_slot {
	uint32_t at, hash;			/* 1 and where in .leaf */
};

struct tree_build {
	struct attempt *t;
	struct boxes b;
	VEC(struct tree_node) node;
	VEC(uint32_t) leaf;
	struct leaf_slot *slot;			/* equal leaves once */
	size_t slots, leaves, most_bytes;
	unsigned most_leaf, depth, longest;
	uint64_t work;
};

struct part {
	struct box_side side[CLASSIFY_MAX_DIMS];
};

struct cut {
	unsigned dim;
	uint32_t most;
	size_t cost;
};

static const struct box_side *box(const struct tree_build *b, uint32_t i)
{
	return b->b.side.v + (size_t)i * b->b.n_dims;
}

static bool covers(const struct tree_build *b, uint32_t i, const struct part *p)
{
	const struct box_side *s = box(b, i);

	for (unsigned d = 0; d < b->b.n_dims; d++)
		if (s[d].lo > p->side[d].lo || s[d].hi < p->side[d].hi)
			return false;
	return true;
}

/* Those of @list that are in @p, which differs from their part in dimension @d, as far as the first that covers it. */
static size_t narrow(struct tree_build *b, const struct part *p, unsigned d, const uint32_t *list, size_t n, uint32_t *out)
{
	size_t kept = 0;

	b->work += n;
	for (size_t i = 0; i < n; i++) {
		const struct box_side *s = &box(b, list[i])[d];

		if (s->lo > p->side[d].hi || s->hi < p->side[d].lo)
			continue;
		out[kept++] = list[i];
		if (covers(b, list[i], p))
			break;
	}
	return kept;
}

static int by_rank(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* The middle of where the boxes' sides are within @p; false: nowhere. */
static bool middle(const struct tree_build *b, const struct part *p, unsigned d, const uint32_t *list, size_t n, uint32_t *most)
{
	uint32_t side[2 * SAMPLE];
	size_t step = n > SAMPLE ? n / SAMPLE : 1, found = 0;

	for (size_t i = 0; i < n && found + 2 <= 2 * SAMPLE; i += step) {
		const struct box_side *s = &box(b, list[i])[d];

		if (s->lo > p->side[d].lo)
			side[found++] = s->lo - 1;
		if (s->hi < p->side[d].hi)
			side[found++] = s->hi;
	}
	if (!found)
		return false;
	qsort(side, found, sizeof(*side), by_rank);
	*most = side[found / 2];
	return true;
}

/* Both sides' boxes, and the longer one's again: even halves of which few are in both. */
static size_t cost(struct tree_build *b, const struct cut *c, const uint32_t *list, size_t n)
{
	size_t left = 0, right = 0;

	b->work += n;
	for (size_t i = 0; i < n; i++) {
		const struct box_side *s = &box(b, list[i])[c->dim];

		left += s->lo <= c->most;
		right += s->hi > c->most;
	}
	return left + right + (left > right ? left : right);
}

/* The first box does not cover the part, so it has a side in there. */
static struct cut choose(struct tree_build *b, const struct part *p, const uint32_t *list, size_t n)
{
	struct cut best = { .cost = SIZE_MAX };

	for (unsigned d = 0; d < b->b.n_dims; d++) {
		struct cut c = { .dim = d };

		if (!middle(b, p, d, list, n, &c.most) && !middle(b, p, d, list, 1, &c.most))
			continue;
		c.cost = cost(b, &c, list, n);
		if (c.cost < best.cost)
			best = c;
	}
	return best;
}

static bool grow(struct tree_build *b)
{
	size_t slots = b->slots ? 2 * b->slots : 4096;
	struct leaf_slot *bigger = calloc(slots, sizeof(*bigger));

	if (!bigger)
		return classify_fail(b->t, "memory is out");
	for (size_t i = 0; i < b->slots; i++) {
		size_t at = b->slot[i].hash & (slots - 1);

		if (!b->slot[i].at)
			continue;
		while (bigger[at].at)
			at = (at + 1) & (slots - 1);
		bigger[at] = b->slot[i];
	}
	free(b->slot);
	b->slot = bigger;
	b->slots = slots;
	return true;
}

static bool leaf(struct tree_build *b, const uint32_t *list, size_t n, uint32_t *to)
{
	uint64_t h = n;
	size_t at;

	for (size_t i = 0; i < n; i++)
		h = (h ^ list[i]) * 0xff51afd7ed558ccd, h ^= h >> 32;
	if (2 * b->leaves >= b->slots && !grow(b))
		return false;
	KNOWN(b->slot);
	if (n > b->longest)
		b->longest = (unsigned)n;
	for (at = (uint32_t)h & (b->slots - 1); b->slot[at].at; at = (at + 1) & (b->slots - 1)) {
		const uint32_t *known = b->leaf.v + b->slot[at].at - 1;

		*to = TREE_LEAF | (b->slot[at].at - 1);
		if (b->slot[at].hash == (uint32_t)h && known[0] == n && !memcmp(known + 1, list, n * sizeof(*list)))
			return true;
	}
	b->slot[at] = (struct leaf_slot){ (uint32_t)b->leaf.n + 1, (uint32_t)h };
	b->leaves++;
	*to = TREE_LEAF | (uint32_t)b->leaf.n;
	*vec_add(b->t->a, &b->leaf) = (uint32_t)n;
	for (size_t i = 0; i < n; i++)
		*vec_add(b->t->a, &b->leaf) = list[i];
	return true;
}

static bool within_bounds(struct tree_build *b)
{
	if (b->node.n * sizeof(*b->node.v) + b->leaf.n * sizeof(*b->leaf.v) > b->most_bytes)
		return classify_fail(b->t, "a tree of the rules would be larger than %zu KB", b->t->max_bytes >> 10);
	return b->work < most_work || classify_fail(b->t, "a tree of the rules would take too long to make");
}

static bool subtree(struct tree_build *b, const struct part *p, const uint32_t *list, size_t n, unsigned depth, uint32_t *to)
{
	uint32_t *half, at;
	struct cut c;
	bool ok = within_bounds(b);

	if (!ok)
		return false;
	if (depth > b->depth)
		b->depth = depth;
	if (n <= b->most_leaf)
		return leaf(b, list, n, to);
	if (depth == TREE_MAX_DEPTH)
		return classify_fail(b->t, "too many rules overlap");
	c = choose(b, p, list, n);
	half = malloc(n * sizeof(*half));
	if (!half)
		return classify_fail(b->t, "memory is out");
	at = (uint32_t)b->node.n;
	*vec_add(b->t->a, &b->node) = (struct tree_node){ c.dim, c.most, { 0, 0 } };
	for (unsigned side = 0; side < 2 && ok; side++) {
		struct part q = *p;
		uint32_t sub;

		*(side ? &q.side[c.dim].lo : &q.side[c.dim].hi) = c.most + side;
		ok = subtree(b, &q, half, narrow(b, &q, c.dim, list, n, half), depth + 1, &sub);
		if (ok)
			b->node.v[at].to[side] = sub;
	}
	free(half);
	*to = at;
	return ok;
}

static bool whole(struct tree_build *b, unsigned most_leaf, uint32_t *root)
{
	uint32_t *list = malloc((b->b.entry.n + 1) * sizeof(*list));
	struct part p = { 0 };
	size_t n = 0;
	bool ok;

	if (!list)
		return classify_fail(b->t, "memory is out");
	b->most_leaf = most_leaf;
	b->node.n = b->leaf.n = b->leaves = 0;
	b->depth = b->longest = 0;
	b->work = 0;
	if (b->slot)
		memset(b->slot, 0, b->slots * sizeof(*b->slot));
	for (unsigned d = 0; d < b->b.n_dims; d++)
		p.side[d] = (struct box_side){ 0, b->b.dim[d].n - 1 };
	while (n < b->b.entry.n) {
		list[n] = (uint32_t)n;
		if (covers(b, list[n++], &p))
			break;
	}
	ok = subtree(b, &p, list, n, 0, root);
	free(list);
	return ok;
}

static bool add(struct attempt *t, size_t bytes, const void *v, size_t *off)
{
	if (!classify_room(t, bytes))
		return false;
	*off = image_add(t->im, bytes, 64);
	if (t->im->failed)
		return classify_fail(t, "the tables of the program would be more than %d MB", IMAGE_MOST >> 20);
	if (v && bytes)
		memcpy(image_at(t->im, *off), v, bytes);
	return true;
}

static void describe(struct attempt *t, const struct tree *tree, unsigned i, size_t v)
{
	((uint32_t *)image_at(t->im, tree->at))[i] = (uint32_t)v;
}

static bool write_boxes(struct tree_build *b, struct tree *tree)
{
	size_t off;

	tree->box_bytes = 8 * b->b.n_dims + 8;
	if (!add(b->t, b->b.entry.n * tree->box_bytes, NULL, &off))
		return false;
	describe(b->t, tree, TREE_BOXES, off);
	for (size_t i = 0; i < b->b.entry.n; i++) {
		uint32_t *out = image_at(b->t->im, off + i * tree->box_bytes);

		for (unsigned d = 0; d < b->b.n_dims; d++) {
			const struct box_side *s = &box(b, (uint32_t)i)[d];

			out[2 * d] = s->lo;
			out[2 * d + 1] = s->hi - s->lo;
		}
		out[2 * b->b.n_dims] = b->t->r->entry.v[b->b.entry.v[i]].word;
	}
	return true;
}

static bool write_maps(struct tree_build *b, struct tree *tree)
{
	struct attempt *t = b->t;

	tree->n_dims = b->b.n_dims;
	for (unsigned d = 0; d < b->b.n_dims; d++) {
		struct rank_dim *rd = &b->b.dim[d];
		struct tree_dim *td = &tree->dim[d];

		td->dim = rd->dim;
		td->n = t->r->dim[rd->dim].n;
		for (unsigned f = 0; f < td->n; f++)
			if (!classify_describe(t, 4 * MAP_DESC, &td->field[f].at) ||
			    !map_build(t->im, &td->field[f], t->r->dim[rd->dim].field[f].bits, rd->piece[f].v, rd->piece[f].n))
				return classify_fail(t, "no room for the tables of %s", t->r->dim[rd->dim].field[f].name);
	}
	return classify_room(t, 0);
}

bool classify_tree(struct attempt *t, const uint32_t *term, size_t n, struct tree *tree)
{
	struct tree_build *b = arena_alloc(t->a, sizeof(*b));
	size_t used, nodes, leaves;
	uint32_t root;
	bool ok;

	*tree = (struct tree){ .n_dims = 0 };
	b->t = t;
	ok = boxes_of(t, term, n, &b->b) && classify_describe(t, 4 * TREE_DESC, &tree->at) && write_boxes(b, tree) && write_maps(b, tree);
	used = t->im->n - t->before.n;
	b->most_bytes = used < t->max_bytes ? t->max_bytes - used : 0;
	ok = ok && (whole(b, TREE_MAX_LEAF / 8, &root) || whole(b, TREE_MAX_LEAF, &root)) &&
	     add(t, b->node.n * sizeof(*b->node.v), b->node.v, &nodes) && add(t, b->leaf.n * sizeof(*b->leaf.v), b->leaf.v, &leaves);
	if (ok) {
		describe(t, tree, TREE_ROOT, root);
		describe(t, tree, TREE_NODES, nodes);
		describe(t, tree, TREE_LEAVES, leaves);
		tree->depth = b->depth;
		tree->leaf = b->longest;
	}
	free(b->slot);
	return ok;
}
