/*
 * Which element of a set decided. In: a comparison with a constant set, and the packet. Out: the element as it is written, and where, that has what
 * the packet has; or the one that comes next to it.
 */
#include "cli_explain.h"
#include "cli_place.h"

enum { COMPONENTS = 8 };

/* How far an element is from what the packet has. */
struct distance {
	unsigned others;			/* components that are not of it */
	struct value away;			/* of the first of these, from the nearer end; what is of another family is as far as can be */
};

static struct value minus(struct value a, struct value b)
{
	return (struct value){ a.hi - b.hi - (a.lo < b.lo), a.lo - b.lo };
}

static struct distance distance_of(const struct ast_element *el, const struct eval_value *v, size_t n)
{
	struct distance d = { .others = 0 };

	for (size_t i = 0; i < n; i++) {
		const struct range *r = &el->range[i];
		struct value away = { UINT64_MAX, UINT64_MAX };

		if (r->family == v[i].family) {
			if (value_cmp(v[i].v, r->lo) >= 0 && value_cmp(v[i].v, r->hi) <= 0)
				continue;
			away = value_cmp(v[i].v, r->lo) < 0 ? minus(r->lo, v[i].v) : minus(v[i].v, r->hi);
		}
		if (!d.others++)
			d.away = away;
	}
	return d;
}

static bool nearer(const struct distance *a, const struct distance *b)
{
	return a->others != b->others ? a->others < b->others : value_cmp(a->away, b->away) < 0;
}

void explain_element(struct explain *x, FILE *out, const struct eval_view *w, const struct ast_expr *e, bool in)
{
	const struct ast_set *set = e->match.set;
	const struct ast_element *best = NULL;
	struct distance least = { .others = 0 };
	struct eval_value v[COMPONENTS];
	size_t n = e->operand.n;

	for (size_t i = 0; i < n && i < COMPONENTS; i++)
		eval_operand(w, e->operand.v[i], &v[i]);
	for (size_t i = 0; i < set->element.n && n <= COMPONENTS; i++) {
		struct distance d = distance_of(&set->element.v[i], v, n);

		if (best && !nearer(&d, &least))
			continue;
		best = &set->element.v[i];
		least = d;
	}
	/* one of which nothing is as the packet has it, and that cannot be compared with it, says nothing */
	if (best && !in && least.others == n && least.away.hi == UINT64_MAX && least.away.lo == UINT64_MAX)
		best = NULL;
	fprintf(out, ", %sin set %s", in ? "" : "not ", set->name.s);
	if (in && best)
		fprintf(out, " by %s (%s)", explain_source(x, best->at), cli_place(x->cli, best->at));
	else if (best)
		fprintf(out, " (of %zu element%s, %s at %s is nearest)", set->element.n, set->element.n == 1 ? "" : "s", explain_source(x, best->at),
			cli_place(x->cli, best->at));
	else
		fprintf(out, " (%zu element%s)", set->element.n, set->element.n == 1 ? "" : "s");
}
