/*
 * Which element of a set decided. In: a comparison with a set, and the packet. Out: the element that has what the packet has, of a constant set as
 * it is written, and where; or the one that comes next to it.
 */
#include <inttypes.h>

#include "cli_explain.h"
#include "cli_place.h"
#include "eval_set.h"

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

static struct distance distance_of(const struct range *range, const struct eval_value *v, size_t n)
{
	struct distance d = { .others = 0 };

	for (size_t i = 0; i < n; i++) {
		const struct range *r = &range[i];
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

/* One of which nothing is as the packet has it, and that cannot be compared with it, says nothing. */
static bool says_nothing(const struct distance *d, size_t n)
{
	return d->others == n && d->away.hi == UINT64_MAX && d->away.lo == UINT64_MAX;
}

/* What the packet has in the place of each component; how many. */
static size_t operands(const struct eval_view *w, const struct ast_expr *e, struct eval_value v[COMPONENTS])
{
	size_t n = e->operand.n < COMPONENTS ? e->operand.n : COMPONENTS;

	for (size_t i = 0; i < n; i++)
		eval_operand(w, e->operand.v[i], &v[i]);
	return n;
}

void explain_element(struct explain *x, FILE *out, const struct eval_view *w, const struct ast_expr *e, bool in)
{
	const struct ast_set *set = e->match.set;
	const struct ast_element *best = NULL;
	struct distance least = { .others = 0 };
	struct eval_value v[COMPONENTS];
	size_t n = operands(w, e, v);

	for (size_t i = 0; i < set->element.n; i++) {
		struct distance d = distance_of(set->element.v[i].range, v, n);

		if (best && !nearer(&d, &least))
			continue;
		best = &set->element.v[i];
		least = d;
	}
	if (best && !in && says_nothing(&least, n))
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

/* ---- sets that live ---- */

struct looked {
	const struct ast_set *set;
	const struct ast_expr *e;
	struct eval_value v[COMPONENTS];
	size_t n, elements;
	/* the best of those so far, of .elements */
	struct distance least;
	struct value key[COMPONENTS];
	enum family family[COMPONENTS];
	unsigned prefix;
	uint64_t until;
};

static unsigned width(enum family f)
{
	return f == FAMILY_IP6 ? 128 : 32;
}

static void on_element(void *arg, const struct value *v, const enum family *family, unsigned prefix, uint64_t until)
{
	struct looked *l = arg;
	struct range range[COMPONENTS] = { { .family = FAMILY_NUM } };
	struct distance d;
	size_t net = l->set->net;

	for (size_t i = 0; i < l->n; i++)
		range[i] = (struct range){ .lo = v[i], .hi = v[i], .family = family[i] };
	if (l->set->prefix && net < l->n) {
		struct value host = value_ones(width(family[net]) - prefix);

		range[net].hi = (struct value){ v[net].hi | host.hi, v[net].lo | host.lo };
	}
	d = distance_of(range, l->v, l->n);
	/* of prefixes that are in each other, the longest is found */
	if (l->elements++ && !nearer(&d, &l->least) && (nearer(&l->least, &d) || prefix <= l->prefix))
		return;
	l->least = d;
	l->prefix = prefix;
	l->until = until;
	for (size_t i = 0; i < l->n; i++) {
		l->key[i] = v[i];
		l->family[i] = family[i];
	}
}

static void put_key(FILE *out, const struct looked *l)
{
	const struct value *v = l->key;
	const enum family *family = l->family;

	fputs(l->n > 1 ? "(" : "", out);
	for (size_t i = 0; i < l->n; i++) {
		fputs(i ? ", " : "", out);
		cli_put_field(out, l->e->operand.v[i], &v, &family);
		if (l->set->prefix && i == l->set->net && l->prefix < width(l->family[i]))
			fprintf(out, "/%u", l->prefix);
	}
	fputs(l->n > 1 ? ")" : "", out);
}

void explain_live_element(FILE *out, const struct eval_view *w, const struct ast_expr *e, bool in)
{
	struct looked l = { .set = e->match.set, .e = e };
	size_t all = eval_sets_size(w->sets, l.set, w->pkt->now);
	bool best;

	l.n = operands(w, e, l.v);
	eval_sets_each(w->sets, l.set, w->pkt->now, on_element, &l);
	best = l.elements && (in || !says_nothing(&l.least, l.n));
	fprintf(out, ", %sin set %s", in ? "" : "not ", l.set->name.s);
	if (best && in) {
		fputs(" by ", out);
		put_key(out, &l);
	}
	fprintf(out, " (%s%zu element%s now", best && !in ? "of " : "", all, all == 1 ? "" : "s");
	if (best && !in) {
		fputs(", ", out);
		put_key(out, &l);
		fputs(" is nearest", out);
	} else if (best && l.until) {
		fprintf(out, ", it expires in %" PRIu64 ".%03u s", (l.until - w->pkt->now) / 1000000000u,
			(unsigned)((l.until - w->pkt->now) / 1000000u % 1000));
	}
	fputs(")", out);
}
