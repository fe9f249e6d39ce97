/*
 * Look-ups in a classifier's tables. In: what the packet says of each dimension. Out: its list, and the entry that stops found elsewhere.
 *
 * Every load is at an offset from the image's beginning which is compared with the image's size: one beyond it, which no table holds, is 0, or,
 * where the verifier would walk both ways many times, ends the look-up with an empty list.
 */
#include "codegen_classify.h"

#include <stddef.h>

static V add(struct cg *g, V a, V b)
{
	return LLVMBuildAdd(g->b, a, b, "");
}

static V and(struct cg *g, V a, uint64_t mask)
{
	return LLVMBuildAnd(g->b, a, cg_c(g, mask), "");
}

static V shl(struct cg *g, V a, unsigned n)
{
	return n ? LLVMBuildShl(g->b, a, cg_c(g, n), "") : a;
}

static V shr(struct cg *g, V a, unsigned n)
{
	return n ? LLVMBuildLShr(g->b, a, cg_c(g, n), "") : a;
}

void cg_place(struct cg *g, BB b)
{
	LLVMMoveBasicBlockAfter(b, LLVMGetInsertBlock(g->b));
	cg_go(g, b);
}

V cg_inside(struct cg_lookup *l, V off, unsigned bytes)
{
	struct cg *g = l->g;
	BB in;

	if (!l->again)
		return cg_at(g, cg_image(g), cg_at_most(g, off, g->ir->image.n - bytes));
	in = cg_block(g, "inside");
	off = cg_hide(g, off);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntUGT, off, cg_c(g, g->ir->image.n - bytes), ""), l->beyond, in);
	cg_place(g, in);
	return cg_at(g, cg_image(g), off);
}

V cg_look(struct cg_lookup *l, V off, unsigned bytes)
{
	return cg_load(l->g, cg_inside(l, off, bytes), bytes, bytes);
}

V cg_described(struct cg *g, size_t off)
{
	return cg_load(g, cg_atc(g, cg_image(g), off), 4, 4);
}

/* Element @i, of @bytes bytes, of the table whose place stands at @at. */
static V element(struct cg_lookup *l, size_t at, V i, unsigned bytes)
{
	return cg_look(l, add(l->g, cg_described(l->g, at), shl(l->g, i, bytes / 2)), bytes);
}

/* An entry of MAP_WORD, or where it is a page that page's element at @at, in bytes. Without a branch, which the processor could not foresee: where it
 * is none the first page is read, whose beginning is zero. Few instructions wait for the last page's entry, since each of them costs. */
static V descend(struct cg_lookup *l, size_t pages, V entry, V at)
{
	struct cg *g = l->g;
	V page = LLVMBuildSub(g->b, shr(g, entry, 15), cg_c(g, 1), "");	/* all ones where it is a page */
	V off = LLVMBuildAnd(g->b, LLVMBuildOr(g->b, shl(g, entry, 9), at, ""), page, "");

	return LLVMBuildXor(g->b, cg_look(l, add(g, off, cg_described(g, pages)), 2), entry, "");
}

static V map_word(struct cg_lookup *l, const struct map *m, V v)
{
	struct cg *g = l->g;
	unsigned shift = 8 * m->steps;
	V e = element(l, m->at, shr(g, v, shift), 2);

	for (unsigned i = 1; i <= m->steps; i++)
		e = descend(l, m->at + 4 * (size_t)i, e, shl(g, and(g, shr(g, v, shift - 8 * i), 255), 1));
	return and(g, e, MAP_LEAF - 1);
}

/* Numbers that are not above or below all that is told apart are the rule: the one branch is foreseen. */
static V map_window(struct cg_lookup *l, const struct map *m, V hi, V lo)
{
	struct cg *g = l->g;
	struct value above = map_above(m);
	V off = cg_described(g, m->at + 4 * (MAP_DESC - 1)), w = cg_inside(l, off, sizeof(struct map_window));
	V result = cg_alloca(g, g->i64, "mapped");
	V wanted_hi = cg_load(g, cg_atc(g, w, offsetof(struct map_window, hi)), 8, 8);
	V wanted_lo = cg_load(g, cg_atc(g, w, offsetof(struct map_window, lo)), 8, 8), x, more;
	/* not the numbers themselves: what the verifier learns of these, it would have to carry on for each way */
	V is_hi = cg_hide(g, LLVMBuildXor(g->b, and(g, hi, above.hi), l->blank, ""));
	V is_lo = cg_hide(g, LLVMBuildXor(g->b, and(g, lo, above.lo), l->blank, ""));
	BB in = cg_block(g, "window"), out = cg_block(g, "beyond it"), on = cg_block(g, "mapped");

	x = LLVMBuildOr(g->b, LLVMBuildXor(g->b, is_hi, wanted_hi, ""), LLVMBuildXor(g->b, is_lo, wanted_lo, ""), "");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, x, cg_c(g, 0), ""), in, out);
	cg_place(g, out);
	more = LLVMBuildICmp(g->b, LLVMIntEQ, is_hi, wanted_hi, "");
	more = LLVMBuildSelect(g->b, more, LLVMBuildICmp(g->b, LLVMIntUGT, is_lo, wanted_lo, ""),
			       LLVMBuildICmp(g->b, LLVMIntUGT, is_hi, wanted_hi, ""), "");
	more = shl(g, LLVMBuildZExt(g->b, more, g->i64, ""), 1);
	LLVMBuildStore(g->b, cg_look(l, add(g, add(g, off, more), cg_c(g, offsetof(struct map_window, beyond))), 2), result);
	LLVMBuildBr(g->b, on);
	cg_place(g, in);
	/* as map_within() has it */
	x = m->shift >= 64 ? shr(g, hi, m->shift - 64) : m->shift ? LLVMBuildOr(g->b, shr(g, lo, m->shift), shl(g, hi, 64 - m->shift), "") : lo;
	LLVMBuildStore(g->b, map_word(l, m, and(g, x, UINT32_MAX)), result);
	LLVMBuildBr(g->b, on);
	cg_place(g, on);
	return LLVMBuildLoad2(g->b, g->i64, result, "");
}

V cg_map_find(struct cg_lookup *l, const struct map *m, V hi, V lo)
{
	struct cg *g = l->g;
	V v = and(g, lo, value_ones(m->bits).lo);

	switch (m->kind) {
	case MAP_BYTE:
		return element(l, m->at, v, 2);
	case MAP_HALF:
		return element(l, m->at + 4, add(g, shl(g, element(l, m->at, shr(g, v, 8), 2), 8), and(g, v, 255)), 2);
	case MAP_WORD:
		return map_word(l, m, v);
	case MAP_WINDOW:
		return map_window(l, m, hi, lo);
	case MAP_TRIE:
		return cg_trie_find(l, m, hi, lo);
	}
	return NULL;
}

/* The number goes through memory whose contents the verifier does not follow: else it would look at what is behind once for each way that leads to
 * it, and that with every other dimension's. */
V cg_map_which(struct cg_lookup *l, const struct map *field, unsigned n, V absent, unsigned d, const struct cg_dim *said)
{
	struct cg *g = l->g;
	V to = g->classes ? cg_atc(g, g->classes, 8 * d) : cg_alloca(g, g->i64, "mapped"), which = cg_said(g, said->which[d]), v;
	BB on = cg_block(g, "mapped");

	LLVMBuildStore(g->b, absent, to);
	for (unsigned f = 0; f < n; f++) {
		BB here = cg_block(g, "field"), next = f + 1 < n ? cg_block(g, "other field") : on;
		V hi = cg_c(g, 0);

		cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, which, cg_c(g, f + 1), ""), here, next);
		cg_place(g, here);
		/* what is read there is read, even where nothing needs it */
		if (field[f].bits > 64)
			hi = cg_said(g, said->hi[d]);
		LLVMBuildStore(g->b, cg_map_find(l, &field[f], hi, cg_said(g, said->lo[d])), to);
		LLVMBuildBr(g->b, on);
		if (next != on)
			cg_place(g, next);
	}
	cg_place(g, on);
	v = LLVMBuildLoad2(g->b, g->i64, to, "");
	LLVMSetVolatile(v, g->classes != NULL);
	return v;
}

V cg_map_class(struct cg_lookup *l, const struct rfc_dim *x, unsigned d, const struct cg_dim *said)
{
	struct cg *g = l->g;

	if (!x->n)
		return cg_c(g, 0);
	return said->class[d] && x == classify_maps(l->c, d) ? cg_said(g, said->class[d]) :
	       cg_map_which(l, x->field, x->n, cg_described(g, x->at), d, said);
}

/* Where the packet's list begins, behind its head. */
static V rfc_list(struct cg_lookup *l, const struct rfc *r, const struct cg_dim *said)
{
	struct cg *g = l->g;
	V c[RFC_NONE + 1];
	unsigned last = r->n_steps - 1;

	c[RFC_NONE] = cg_c(g, 0);
	for (unsigned d = 0; d < r->n_dims; d++) {
		const struct rfc_dim *x = &r->dim[d];

		c[d] = cg_map_class(l, x, d, said);
	}
	for (unsigned s = 0; s <= last; s++) {
		V row = LLVMBuildMul(g->b, c[r->step[s].a], cg_described(g, rfc_step_at(r, s) + 4), "");

		c[r->n_dims + s] = element(l, rfc_step_at(r, s), add(g, row, c[r->step[s].b]), s == last && r->wide ? 4 : 2);
	}
	return add(g, add(g, cg_described(g, r->at + 4 * RFC_LISTS), shl(g, c[r->n_dims + last], 2)), cg_c(g, 4));
}

V cg_said(struct cg *g, V at)
{
	V v;

	if (!at)
		return cg_c(g, 0);
	v = cg_load(g, at, 8, 8);
	LLVMSetVolatile(v, 1);
	return v;
}

/* 0, made of what the packet says. */
static V blank(struct cg *g, V x)
{
	return LLVMBuildXor(g->b, x, cg_hide(g, x), "");
}

V cg_class(struct cg *g, const struct classifier *c, const struct ir_inst *i, V lo, V hi)
{
	struct cg_lookup l = { .g = g, .c = c, .blank = blank(g, lo) };

	const struct rfc_dim *d = classify_maps(c, i->dim);

	return i->place < d->n ? cg_map_find(&l, &d->field[i->place], hi, lo) : cg_described(g, d->at);
}

/* The list that has nothing: see cg_entry(). */
static V no_list(struct cg *g)
{
	return cg_c(g, 0);
}

/* Where what is found goes: .list and .best are addresses. */
struct found {
	V list, best;
	BB on;
};

static void found(struct cg *g, V list, V best, const struct found *f)
{
	LLVMBuildStore(g->b, list, f->list);
	LLVMBuildStore(g->b, best, f->best);
	LLVMBuildBr(g->b, f->on);
}

/* Hash tables, and the rest of the rules by combinations: what has earlier rules is looked at first, and what then has nothing earlier is not. */
static void hybrid(struct cg_lookup *l, const struct classifier *c, const struct cg_dim *said, const struct found *f)
{
	struct cg *g = l->g;
	struct cg_tuple tuple;
	V list, best = LLVMBuildOr(g->b, l->blank, cg_c(g, CLASSIFY_WORD_END), "");
	BB rest, none;

	cg_tuple_begin(&tuple, l, &c->tuple, said);
	if (!c->tuple.late) {
		list = rfc_list(l, &c->rfc, said);
		l->again = true;
		best = cg_tuple_find(&tuple, said, cg_look(l, LLVMBuildSub(g->b, list, cg_c(g, 4), ""), 4), NULL);
		found(g, list, best, f);
		return;
	}
	l->again = true;
	none = cg_block(g, "nothing earlier");
	rest = cg_block(g, "the rest");
	best = cg_tuple_find(&tuple, said, best, none);
	l->again = false;
	cg_branch(g, cg_tuple_late(&tuple, best), none, rest);
	cg_place(g, none);
	found(g, no_list(g), cg_tuple_best(&tuple), f);
	cg_place(g, rest);
	found(g, rfc_list(l, &c->rfc, said), best, f);
}

V cg_classify(struct cg *g, const struct classifier *c, const struct cg_dim *said, V best_at)
{
	struct cg_lookup l = { .g = g, .c = c, .beyond = cg_block(g, "beyond"), .blank = blank(g, cg_said(g, said->lo[0])) };
	struct found f = { cg_alloca(g, g->i64, "found"), best_at, cg_block(g, "found") };
	V list, best = cg_c(g, CLASSIFY_WORD_END);

	if (c->engine == ENGINE_HYBRID) {
		hybrid(&l, c, said, &f);
	} else {
		list = c->engine == ENGINE_SWITCH ? cg_switch_find(&l, &c->cases, said) : rfc_list(&l, &c->rfc, said);
		if (c->engine == ENGINE_TREE)
			best = cg_tree_find(&l, &c->tree, said, best);
		found(g, list, best, &f);
	}
	cg_place(g, l.beyond);
	found(g, no_list(g), cg_c(g, CLASSIFY_WORD_END), &f);
	cg_place(g, f.on);
	return LLVMBuildLoad2(g->b, g->i64, f.list, "");
}
