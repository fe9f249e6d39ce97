/*
 * What is left to ask of a packet that tables led to a rule. In: a rule, and the packets around it. Out: a rule that does the same, and asks only
 * what tables do not know: of `ip.src == A and payload[0:4] == V` the second half. So rules that differ in what tables know are the same code.
 */
#include "lower_classify.h"

/* Is what both say in what cover_and() makes of them? */
static bool both_stay(const struct cover *x, const struct cover *y)
{
	return (x->term.n == 1 && !x->term.v[0].n) || x->term.n * y->term.n <= COVER_MAX_TERMS;
}

struct cover cover_inside(struct lower *l, const struct lower_run *run, const struct cover *outer, const struct cover *own)
{
	struct cover c;

	if (both_stay(outer, own))
		return cover_and(l, run, outer, own);
	/* the rule's code asks what it asks itself, and nothing of what is around it */
	c = *outer;
	c.exact = false;
	return c;
}

const struct ast_rule *rest_of(struct lower *l, struct lower_run *run, const struct ast_rule *r, const struct cover *outer)
{
	struct cover all = cover_cond(l, run, NULL, false);
	struct ast_rule *rest;
	struct ast_expr *left;

	if (!r->cond || r->cond->kind != EXPR_AND)
		return r;
	left = arena_copy(l->arena, r->cond, sizeof(*left));
	left->sub.v = NULL;
	left->sub.n = left->sub.cap = 0;
	for (size_t i = 0; i < r->cond->sub.n; i++) {
		struct cover one = cover_cond(l, run, r->cond->sub.v[i], false);

		if (!both_stay(&all, &one))
			return r;
		all = cover_and(l, run, &all, &one);
		if (!one.exact)
			*vec_add(l->arena, &left->sub) = r->cond->sub.v[i];
	}
	if (!both_stay(outer, &all) || !left->sub.n)
		return r;
	rest = arena_copy(l->arena, r, sizeof(*rest));
	rest->cond = left;
	return rest;
}
