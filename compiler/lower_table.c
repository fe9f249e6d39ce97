/*
 * Constant tables that MEMBER searches, made of ranges. In: ranges in any order. Out: an ir_table, made once for the same contents; when the program
 * is complete, the tables themselves, in its image, each by the engine that its content asks for.
 */
#include "lower.h"

#include <stdlib.h>
#include <string.h>

/* The place of the table, or of one that is the same: a list that many rules name is one table. */
static size_t table_add(struct lower *l, const char *name, const struct set_elements *e)
{
	struct ir_table *t;

	for (size_t i = 0; i < l->ir->table.n; i++) {
		const struct set_elements *o = &l->ir->table.v[i]->set;

		if (o->bits == e->bits && o->n == e->n && (!e->n || !memcmp(o->bound, e->bound, e->n * e->words * sizeof(*e->bound))))
			return i;
	}
	t = arena_alloc(l->arena, sizeof(*t));
	t->name = name;
	t->set = *e;
	t->span = l->span;
	*vec_add(l->arena, &l->ir->table) = t;
	return l->ir->table.n - 1;
}

size_t lower_table_pairs(struct lower *l, const char *name, uint64_t *pair, size_t n, unsigned bits)
{
	unsigned words = (bits + 63) / 64;
	struct set_elements e = { .words = words, .bits = bits, .bound = pair };

	e.n = set_boundaries(pair, n, words, bits);
	return table_add(l, name, &e);
}

/* Numbers of @bits bits that are in one of the ranges of @family. */
size_t lower_table_bounds(struct lower *l, const char *name, const struct range *r, size_t n, enum family family, unsigned bits)
{
	unsigned words = bits > 64 ? 2 : 1;
	uint64_t *pair;
	size_t at = 0;

	for (size_t i = 0; i < l->made.n; i++)
		if (l->made.v[i].ranges == r && l->made.v[i].family == family && l->made.v[i].bits == bits)
			return l->made.v[i].table;
	pair = arena_array(l->arena, 2 * n * words, sizeof(*pair));
	for (size_t i = 0; i < n; i++) {
		struct range c;

		if (r[i].family != family || !lower_clip(&r[i], bits, &c))
			continue;
		if (words == 2)
			pair[at++] = c.lo.hi;
		pair[at++] = c.lo.lo;
		if (words == 2)
			pair[at++] = c.hi.hi;
		pair[at++] = c.hi.lo;
	}
	*vec_add(l->arena, &l->made) = (struct lower_made){ r, family, bits, lower_table_pairs(l, name, pair, at / (2 * words), bits) };
	return l->made.v[l->made.n - 1].table;
}

bool lower_clip(const struct range *r, unsigned bits, struct range *out)
{
	struct value max = value_ones(bits);

	if (value_cmp(r->lo, max) > 0)
		return false;
	*out = *r;
	if (value_cmp(out->hi, max) > 0)
		out->hi = max;
	return true;
}

/* ---- the tables themselves ---- */

static bool refuse(struct lower *l, const struct ir_table *t, const char *why, const struct set_options *o)
{
	struct diag *d;

	if (o->engine != SET_AUTO) {
		d = diag_error(l->diag, t->span, "`%s` cannot be a table of the engine %s: %s", t->name, set_engine_name(o->engine), why);
		d->remedy = "leave --set-engine out: the engine is then chosen by what the set holds";
		return false;
	}
	d = diag_error(l->diag, t->span, "the table of `%s` does not fit: the tables of this program would take more than %zu MB", t->name,
		       (o->most ? o->most : IMAGE_MOST) >> 20);
	d->remedy = o->most && o->most < IMAGE_MOST ? "--table-memory=MB lets them take more, up to 512" : "split the set over several programs";
	return false;
}

bool lower_tables(struct lower *l, const struct set_options *o)
{
	struct ir_program *p = l->ir;
	bool *used = arena_array(l->arena, p->table.n + 1, sizeof(*used)), ok = true;

	for (size_t b = 0; b < p->block.n; b++)
		for (size_t i = 0; i < p->block.v[b]->inst.n; i++)
			if (p->block.v[b]->inst.v[i].op == IR_MEMBER)
				used[p->block.v[b]->inst.v[i].imm] = true;
	for (size_t i = 0; i < p->table.n && ok; i++) {
		struct ir_table *t = p->table.v[i];
		const char *bad;

		if (!used[i])
			continue;
		t->described = image_describe(&p->image, 4, 4);
		if (t->described >= IMAGE_HEAD) {
			diag_error(l->diag, t->span, "more than %zu different lists and sets that are tables", i)->remedy =
				"let rules that do the same share one set";
			return false;
		}
		bad = set_build(&p->image, &t->set, o, &t->table);
		if (bad)
			ok = refuse(l, t, bad, o);
		else
			*(uint32_t *)image_at(&p->image, t->described) = (uint32_t)t->table.off;
	}
	return ok;
}
