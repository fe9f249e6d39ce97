/*
 * From the conditions of rules to what packets must have. In: a checked program. Out: for each rule a list of wants, in which values are at the
 * ends of the ranges that the rule names, or within them; where several would do, chance takes one.
 */
#include "prove_want.h"

/* ---- which rules there are ---- */

static void rules_of(struct prove *pr, const struct ast_rules *rules, const struct prove_site *parent, bool in_else, struct prove_sites *out)
{
	for (size_t i = 0; i < rules->list.n; i++) {
		const struct prove_site *up = parent;
		bool otherwise = in_else;

		for (const struct ast_rule *r = rules->list.v[i]; r; r = r->else_rule) {
			struct prove_site *s = arena_alloc(pr->arena, sizeof(*s));

			*s = (struct prove_site){ r, up, otherwise };
			*vec_add(pr->arena, &out->list) = s;
			rules_of(pr, &r->then_block, s, false, out);
			rules_of(pr, &r->else_block, s, true, out);
			up = s;
			otherwise = true;
		}
	}
}

void prove_sites(struct prove *pr, struct prove_sites *out)
{
	for (size_t i = 0; i < pr->p->units.n; i++)
		rules_of(pr, &pr->p->units.v[i]->rules, NULL, false, out);
}

/* ---- values ---- */

static struct value plus(struct value v, int by)
{
	uint64_t lo = v.lo + (uint64_t)(int64_t)by;

	v.hi += by > 0 ? lo < v.lo : -(uint64_t)(by < 0 && lo > v.lo);
	v.lo = lo;
	return v;
}

/* One of the range, most often an end; @yes false: one beside it. */
static struct value value_in(struct prove *pr, const struct range *r, bool yes)
{
	struct value v = prove_random(pr, 2) ? r->lo : r->hi, span;

	if (!yes)
		return value_cmp(v, r->lo) == 0 && prove_random(pr, 2) ? plus(r->lo, -1) : plus(r->hi, 1);
	if (prove_random(pr, 3))
		return v;
	span = (struct value){ r->hi.hi - r->lo.hi - (r->hi.lo < r->lo.lo), r->hi.lo - r->lo.lo };
	if (span.hi)
		return (struct value){ r->lo.hi + prove_random(pr, span.hi), prove_random(pr, 0) | prove_random(pr, UINT64_MAX) };
	span.lo = span.lo == UINT64_MAX ? prove_random(pr, span.lo) : prove_random(pr, span.lo + 1);
	v.lo = r->lo.lo + span.lo;
	v.hi = r->lo.hi + (v.lo < r->lo.lo);
	return v;
}

static struct prove_want *add(struct prove *pr, struct prove_wants *out, bool yes)
{
	struct prove_want *w = vec_add(pr->arena, &out->list);

	*w = (struct prove_want){ .yes = yes, .header = HDR_NONE, .flag = FIELD_NONE, .mask = value_ones(128) };
	return w;
}

static void want_range(struct prove *pr, const struct ast_expr *e, const struct ast_operand *op, const struct range *r, bool yes,
		       struct prove_wants *out)
{
	struct prove_want *w = add(pr, out, yes);

	w->op = op;
	w->family = r->family;
	w->v = value_in(pr, r, yes);
	if (e->has_mask)
		w->mask = e->mask_value;
}

static void want_compared(struct prove *pr, const struct ast_expr *e, bool yes, struct prove_wants *out)
{
	const struct ast_match *m = &e->match;
	size_t fields = e->operand.n, at, miss = yes ? fields : prove_random(pr, fields);
	const struct range *r = m->range;
	size_t n = m->n;
	struct prove_want *w;

	switch (m->kind) {
	case MATCH_SET:
	case MATCH_LIVE:
		r = m->set->range;
		n = m->set->n;
		break;
	case MATCH_RANGES:
	case MATCH_BOXES:
		break;
	case MATCH_BYTES:
		w = add(pr, out, yes);
		w->op = e->operand.v[0];
		w->bytes = m->bytes[prove_random(pr, n)];
		return;
	case MATCH_IFACES:
		w = add(pr, out, yes);
		w->op = e->operand.v[0];
		w->iface = yes ? m->iface[prove_random(pr, n)] : pr->iface[prove_random(pr, pr->n_ifaces)];
		return;
	}
	if (!n)
		return;
	at = prove_random(pr, n);
	for (size_t i = 0; i < fields; i++)
		want_range(pr, e, e->operand.v[i], &r[at * fields + i], yes || i != miss, out);
}

void prove_expr_wants(struct prove *pr, const struct ast_expr *e, bool yes, struct prove_wants *out)
{
	struct prove_want *w;

	switch (e->kind) {
	case EXPR_AND:
	case EXPR_OR:
		if ((e->kind == EXPR_AND) != yes) {
			prove_expr_wants(pr, e->sub.v[prove_random(pr, e->sub.n)], yes, out);
			return;
		}
		for (size_t i = 0; i < e->sub.n; i++)
			prove_expr_wants(pr, e->sub.v[i], yes, out);
		return;
	case EXPR_NOT:
		prove_expr_wants(pr, e->sub.v[0], !yes, out);
		return;
	case EXPR_NAME:
		w = add(pr, out, yes);
		w->header = e->header;
		w->flag = e->header == HDR_NONE ? e->field : FIELD_NONE;
		return;
	case EXPR_CMP:
		want_compared(pr, e, yes != e->match.negate, out);
		return;
	case EXPR_SOCKET:
	case EXPR_LIMIT:
	case EXPR_RANDOM:
		return;
	}
}

void prove_site_wants(struct prove *pr, const struct prove_site *site, struct prove_wants *out)
{
	bool yes = true;

	for (; site; site = site->parent) {
		if (site->rule->cond)
			prove_expr_wants(pr, site->rule->cond, yes, out);
		yes = !site->in_else;
	}
}
