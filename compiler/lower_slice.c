/*
 * Pieces of the packet or its payload as dimensions of a classifier. In: a checked program. Out: which pieces so many rules compare with a number
 * that a look-up of all is worth reading them for every packet.
 */
#include "lower_classify.h"

enum {
	SLICE_FROM = 16,		/* comparisons */
	SLICE_KINDS = 256,		/* different pieces that are looked at */
	SLICE_MOST = 4,			/* in one classifier */
};

/* Same bytes? */
bool slice_same(const struct ast_operand *a, const struct ast_operand *b)
{
	return a->kind == b->kind && a->inner == b->inner && a->off == b->off && a->len == b->len;
}

static void note(struct lower *l, const struct ast_operand *o)
{
	for (size_t i = 0; i < l->slices.n; i++)
		if (slice_same(l->slices.v[i].slice, o)) {
			l->slices.v[i].n++;
			return;
		}
	if (l->slices.n < SLICE_KINDS)
		*vec_add(l->arena, &l->slices) = (struct lower_slice){ o, 1 };
}

static void note_cond(struct lower *l, const struct ast_expr *e)
{
	switch (e->kind) {
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_NOT:
		for (size_t i = 0; i < e->sub.n; i++)
			note_cond(l, e->sub.v[i]);
		break;
	case EXPR_CMP:
		if (e->operand.n == 1 && e->operand.v[0]->kind != OPERAND_FIELD && e->operand.v[0]->bits <= 64 && !e->has_mask &&
		    (e->match.kind == MATCH_RANGES || e->match.kind == MATCH_SET))
			note(l, e->operand.v[0]);
		break;
	case EXPR_NAME:
	case EXPR_SOCKET:
	case EXPR_LIMIT:
	case EXPR_RANDOM:
		break;
	}
}

static void note_rules(struct lower *l, const struct ast_rules *rules)
{
	for (size_t i = 0; i < rules->list.n; i++)
		for (const struct ast_rule *r = rules->list.v[i]; r; r = r->else_rule) {
			if (r->cond)
				note_cond(l, r->cond);
			note_rules(l, &r->then_block);
			note_rules(l, &r->else_block);
		}
}

bool slices_any(struct lower *l)
{
	bool any = false;

	if (!l->slices_known)
		for (size_t u = 0; u < l->ast->units.n; u++)
			note_rules(l, &l->ast->units.v[u]->rules);
	l->slices_known = true;
	for (size_t i = 0; i < l->slices.n; i++)
		any |= l->slices.v[i].n >= SLICE_FROM;
	return any;
}

int dims_slice(struct lower *l, struct lower_run *run, const struct ast_operand *o)
{
	unsigned slices = 0;

	if (!run->slices)
		return -1;
	for (unsigned k = 0; k < run->rules.n_dims; k++) {
		if (run->dim[k].slice && slice_same(run->dim[k].slice, o))
			return (int)k;
		slices += run->dim[k].slice != NULL;
	}
	if (slices == SLICE_MOST || run->rules.n_dims == CLASSIFY_MAX_DIMS)
		return -1;
	for (size_t i = 0; i < l->slices.n; i++)
		if (l->slices.v[i].n >= SLICE_FROM && slice_same(l->slices.v[i].slice, o)) {
			run->dim[run->rules.n_dims].slice = l->slices.v[i].slice;
			run->dim[run->rules.n_dims].n = 1;
			dims_describe(run, run->rules.n_dims);
			return (int)run->rules.n_dims++;
		}
	return -1;
}
