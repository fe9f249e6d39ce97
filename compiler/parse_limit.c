/*
 * Constructors of rate limits. In: a limit's parts with their places. Out: nodes in the arena, as written. Refused here is what is said
 * twice; what the parts mean is sema's business.
 */
#include <string.h>

#include "parse_tokens.h"

struct ast_limit *build_rate(struct parser *c, struct span sp, struct ast_name number, struct ast_name unit, struct ast_name period)
{
	struct ast_limit *l = arena_alloc(c->a, sizeof(*l));

	l->span = sp;
	l->number = number;
	l->unit = unit;
	l->period = period;
	return l;
}

struct ast_name build_number_text(struct parser *c, struct span sp)
{
	return (struct ast_name){ arena_strndup(c->a, c->src->text + sp.begin, sp.end - sp.begin), sp };
}

static bool first(struct parser *c, struct span before, struct span again, const char *what)
{
	struct diag *d;

	if (!before.src)
		return true;
	d = diag_error(c->d, again, "a second `%s`", what);
	d->remedy = "keep one of them";
	d->note_span = before;
	d->note = "the first one";
	return false;
}

struct ast_limit *build_burst(struct parser *c, struct span sp, struct ast_limit *l, struct ast_name number, struct ast_name unit)
{
	if (first(c, l->burst.span, number.span, "burst")) {
		l->burst = number;
		l->burst_unit = unit;
	}
	l->span = sp;
	return l;
}

struct ast_limit *build_per(struct parser *c, struct span sp, struct ast_limit *l, struct parse_operands *key)
{
	if (first(c, l->key.n ? l->key.v[0]->span : (struct span){ 0 }, key->list.v[0]->span, "per")) {
		l->key.v = key->list.v;
		l->key.n = key->list.n;
		l->key.cap = key->list.cap;
	}
	l->span = sp;
	return l;
}

struct ast_limit *build_size(struct parser *c, struct span sp, struct ast_limit *l, struct ast_name number)
{
	if (first(c, l->size.span, number.span, "size"))
		l->size = number;
	l->span = sp;
	return l;
}

struct ast_limit *build_when(struct parser *c, struct span sp, struct ast_limit *l, struct span when, bool closed)
{
	if (first(c, l->when, when, "when full")) {
		l->when = when;
		l->closed = closed;
	}
	l->span = sp;
	return l;
}

void build_limit(struct parser *c, struct span sp, struct ast_name name, struct ast_limit *l)
{
	struct ast_unit *u = c->run->unit;

	if (!build_name_check(c, name, "a limit"))
		return;
	l->name = name;
	l->span = sp;
	l->order = build_next_order(c);
	*vec_add(c->a, &u->limits) = l;
}

struct ast_expr *build_limited(struct parser *c, struct span sp, struct ast_expr *cond, bool over, struct span at, struct ast_name name,
			       struct ast_limit *l)
{
	struct ast_expr *e = arena_alloc(c->a, sizeof(*e));

	e->kind = EXPR_LIMIT;
	e->span = at;
	e->header = HDR_NONE;
	e->field = FIELD_NONE;
	e->name = name;
	e->limit = l;
	e->over = over;
	return build_junction(c, EXPR_AND, sp, cond, e);
}
