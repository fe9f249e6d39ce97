/*
 * Constructors: one call of the grammar makes one node. In: symbols with their places. Out: nodes in the arena, as written; names, types
 * and values are sema's business. Refused here is only what the shape of the text alone shows to be wrong.
 */
#include <string.h>

#include "parse_tokens.h"

#define TAKE(to, from) ((to)->v = (from)->v, (to)->n = (from)->n, (to)->cap = (from)->cap)

/* ---- values ---- */

static struct ast_value *value_new(struct parser *c, enum ast_value_kind kind, struct span sp)
{
	struct ast_value *v = arena_alloc(c->a, sizeof(*v));

	v->kind = kind;
	v->span = sp;
	return v;
}

struct ast_value *build_value(struct parser *c, enum ast_value_kind kind, struct ast_name text)
{
	struct ast_value *v = value_new(c, kind, text.span);

	v->text = text.s;
	return v;
}

struct ast_value *build_int(struct parser *c, struct span sp, struct parse_num n)
{
	struct ast_value *v = value_new(c, AST_INT, sp);

	v->num = n.v;
	v->overflow = n.overflow;
	return v;
}

struct ast_value *build_append(struct parser *c, struct ast_value *list, struct ast_value *v)
{
	if (!list)
		list = value_new(c, AST_LIST, v->span);
	*vec_add(c->a, &list->sub) = v;
	return list;
}

struct ast_value *build_listed(struct ast_value *list, enum ast_value_kind kind, struct span sp)
{
	list->kind = kind;
	list->span = sp;
	return list;
}

struct ast_value *build_pair(struct parser *c, enum ast_value_kind kind, struct span sp, struct ast_value *a, struct ast_value *b)
{
	return build_append(c, build_append(c, value_new(c, kind, sp), a), b);
}

struct ast_value *build_prefix(struct parser *c, struct span sp, struct ast_value *addr, struct parse_num n)
{
	struct ast_value *v = build_append(c, value_new(c, AST_PREFIX, sp), addr);

	v->num = n.v;
	v->overflow = n.overflow;
	return v;
}

struct ast_value *build_union(struct parser *c, struct span sp, struct ast_value *a, struct ast_value *b)
{
	if (a->kind != AST_UNION)
		return build_pair(c, AST_UNION, sp, a, b);
	a->span = sp;
	return build_append(c, a, b);
}

/* ---- operands ---- */

struct ast_operand *build_operand(struct parser *c, struct span sp, struct ast_name name)
{
	struct ast_operand *o = arena_alloc(c->a, sizeof(*o));

	o->name = name;
	o->span = sp;
	return o;
}

struct ast_operand *build_slice(struct parser *c, struct span sp, struct ast_name name, struct parse_num off, struct parse_num len)
{
	struct ast_operand *o = build_operand(c, sp, name);

	o->has_slice = true;
	o->off = off.v;
	o->len = len.v;
	return o;
}

struct ast_operand *build_prefixed(struct span sp, struct ast_operand *o, struct parse_num n)
{
	o->span = sp;
	o->has_prefix = true;
	o->prefix[o->n_prefix++] = n.v;
	return o;
}

struct parse_operands *build_operands(struct parser *c, struct parse_operands *list, struct ast_operand *o)
{
	if (!list) {
		list = c->spare ? c->spare : arena_alloc(c->a, sizeof(*list));
		c->spare = NULL;
	}
	*vec_add(c->a, &list->list) = o;
	return list;
}

/* ---- conditions ---- */

static struct ast_expr *expr_new(struct parser *c, enum ast_expr_kind kind, struct span sp)
{
	struct ast_expr *e = arena_alloc(c->a, sizeof(*e));

	e->kind = kind;
	e->span = sp;
	e->header = HDR_NONE;
	e->field = FIELD_NONE;
	return e;
}

/* `a and b and c` is one list, however it is put into parentheses. */
static void junction_add(struct parser *c, struct ast_expr *list, struct ast_expr *e)
{
	if (e->kind != list->kind) {
		*vec_add(c->a, &list->sub) = e;
		return;
	}
	for (size_t i = 0; i < e->sub.n; i++)
		*vec_add(c->a, &list->sub) = e->sub.v[i];
}

struct ast_expr *build_junction(struct parser *c, enum ast_expr_kind kind, struct span sp, struct ast_expr *a, struct ast_expr *b)
{
	struct ast_expr *e = a;

	if (a->kind != kind) {
		e = expr_new(c, kind, sp);
		junction_add(c, e, a);
	}
	e->span = sp;
	junction_add(c, e, b);
	return e;
}

struct ast_expr *build_not(struct parser *c, struct span sp, struct ast_expr *sub)
{
	struct ast_expr *e = expr_new(c, EXPR_NOT, sp);

	*vec_add(c->a, &e->sub) = sub;
	return e;
}

struct ast_expr *build_parens(struct span sp, struct ast_expr *e)
{
	e->span = sp;
	return e;
}

struct ast_expr *build_test(struct parser *c, struct ast_operand *o)
{
	struct ast_expr *e = expr_new(c, EXPR_NAME, o->span);

	if (o->has_slice) {
		diag_error(c->d, o->span, "%s is bytes, not a condition", parse_quote(c, o->span))->remedy =
			"compare it: payload[0:4] == ff:ff:ff:ff";
		return build_unknown(c, o->span);
	}
	e->name = o->name;
	return e;
}

struct ast_expr *build_cmp(struct parser *c, struct span sp, struct parse_operands *o, struct ast_value *mask, enum ast_cmp cmp,
			   struct ast_value *v)
{
	struct ast_expr *e = expr_new(c, EXPR_CMP, sp);

	TAKE(&e->operand, &o->list);
	*o = (struct parse_operands){ 0 };
	c->spare = o;
	e->has_mask = mask != NULL;
	e->mask = mask;
	e->cmp = cmp;
	e->value = v;
	return e;
}

struct ast_expr *build_random(struct parser *c, struct span sp, struct ast_name share, struct ast_name what)
{
	struct ast_expr *e = expr_new(c, EXPR_RANDOM, sp);

	e->value = build_value(c, AST_QTY, share);
	e->name = what;
	return e;
}

struct ast_expr *build_time(struct parser *c, struct span sp, struct ast_name word, struct ast_value *v)
{
	return build_cmp(c, sp, build_operands(c, NULL, build_operand(c, word.span, word)), NULL, CMP_IN, v);
}

enum ast_cmp build_cmp_slip(struct parser *c, struct span sp)
{
	diag_error(c->d, sp, "`=` does not compare")->remedy = "write `==`";
	return CMP_EQ;
}

struct ast_expr *build_unknown(struct parser *c, struct span sp)
{
	/* A condition that is sound and says nothing of protocols, so that no further errors come from it. */
	struct ast_expr *e = expr_new(c, EXPR_NAME, sp);

	e->name = (struct ast_name){ lang_fields[FIELD_MALFORMED].name, sp };
	return e;
}

/* ---- actions ---- */

struct ast_action *build_verdict(struct parser *c, struct span sp, struct ast_name word, struct ast_name arg)
{
	struct ast_action *act = arena_alloc(c->a, sizeof(*act));

	act->kind = ACTION_VERDICT;
	act->span = sp;
	act->word = word;
	act->arg = arg;
	act->verdict = VERDICT_NONE;
	return act;
}

struct ast_way *build_target(struct parser *c, struct ast_value *v)
{
	struct ast_way *w = arena_alloc(c->a, sizeof(*w));

	w->target = v;
	return w;
}

struct ast_way *build_numbered(struct parser *c, struct ast_name word, struct parse_num n)
{
	struct ast_way *w = build_target(c, build_value(c, AST_WORD, word));

	w->has_number = true;
	w->number = n.overflow ? UINT64_MAX : n.v;
	return w;
}

struct ast_action *build_way(struct parser *c, struct span sp, struct ast_name word, struct ast_way *way, struct ast_action *otherwise)
{
	struct ast_action *act = build_verdict(c, sp, word, (struct ast_name){ 0 });

	act->way = way;
	way->otherwise = otherwise;
	return act;
}

struct ast_action *build_reply(struct parser *c, struct span sp, struct ast_name word, struct ast_name arg)
{
	struct ast_action *act = build_way(c, sp, word, build_target(c, NULL), NULL);

	act->arg = arg;
	return act;
}

bool build_name_check(struct parser *c, struct ast_name name, const char *of)
{
	const char *dot = strchr(name.s, '.');

	if (dot)
		diag_error(c->d, name.span, "%s cannot be the name of %s", parse_quote(c, name.span), of)->remedy =
			"names are letters, digits, `_` and `-`; dots belong to fields";
	else if (tokens_keyword(name.s, strlen(name.s)))
		diag_error(c->d, name.span, "%s is a word of the language and cannot be the name of %s", parse_quote(c, name.span), of)->remedy =
			"choose another name";
	else
		return true;
	return false;
}

struct ast_action *build_count(struct parser *c, struct span sp, struct ast_name name, struct parse_operands *key)
{
	struct ast_action *act = arena_alloc(c->a, sizeof(*act));

	build_name_check(c, name, "a table");
	act->kind = ACTION_COUNT;
	act->span = sp;
	act->word = name;
	act->verdict = VERDICT_NONE;
	if (key)
		TAKE(&act->key, &key->list);
	return act;
}

struct parse_actions *build_actions(struct parser *c, struct parse_actions *list, struct ast_action *act)
{
	if (!list)
		list = arena_alloc(c->a, sizeof(*list));
	if (list->list.n && list->list.v[list->list.n - 1]->kind == ACTION_VERDICT) {
		struct diag *d = diag_error(c->d, act->span, "%s stands behind a verdict and is never reached", parse_quote(c, act->span));

		d->remedy = "put the verdict last";
		d->note_span = list->list.v[list->list.n - 1]->span;
		d->note = "the verdict";
	}
	*vec_add(c->a, &list->list) = act;
	return list;
}

/* ---- rules ---- */

static struct ast_rule *rule_new(struct parser *c, enum ast_rule_kind kind, struct span sp)
{
	struct ast_rule *r = arena_alloc(c->a, sizeof(*r));

	r->kind = kind;
	r->span = sp;
	r->verdict = VERDICT_NONE;
	return r;
}

struct ast_rule *build_rule(struct parser *c, struct span sp, struct parse_actions *actions, struct ast_expr *cond)
{
	struct ast_rule *r = rule_new(c, RULE_ACTIONS, sp);

	TAKE(&r->action, &actions->list);
	r->cond = cond;
	return r;
}

static struct ast_rule *if_new(struct parser *c, struct span sp, struct ast_expr *cond, struct ast_rules *block)
{
	struct ast_rule *r = rule_new(c, RULE_IF, sp);

	r->cond = cond;
	r->then_block = *block;
	return r;
}

struct parse_chain *build_if(struct parser *c, struct span sp, struct ast_expr *cond, struct ast_rules *block)
{
	struct parse_chain *chain = arena_alloc(c->a, sizeof(*chain));

	chain->first = chain->last = if_new(c, sp, cond, block);
	return chain;
}

struct parse_chain *build_else_if(struct parser *c, struct parse_chain *chain, struct span sp, struct ast_expr *cond,
				  struct ast_rules *block)
{
	chain->last->else_rule = if_new(c, sp, cond, block);
	chain->last = chain->last->else_rule;
	return chain;
}

struct ast_rule *build_else(struct parse_chain *chain, struct ast_rules *block)
{
	chain->last->has_else_block = true;
	chain->last->else_block = *block;
	return chain->first;
}

struct ast_rule *build_label(struct ast_name label, struct ast_rule *r)
{
	if (r) {
		r->label = label;
		r->span.begin = label.span.begin;
	}
	return r;
}

struct ast_rules *build_rules(struct parser *c, struct ast_rules *list, struct ast_rule *r)
{
	if (!list)
		list = arena_alloc(c->a, sizeof(*list));
	if (r)
		*vec_add(c->a, &list->list) = r;
	return list;
}

/* ---- the unit ---- */

struct parse_names *build_names(struct parser *c, struct parse_names *list, struct ast_name name)
{
	if (!list)
		list = arena_alloc(c->a, sizeof(*list));
	*vec_add(c->a, &list->list) = name;
	return list;
}

unsigned build_next_order(const struct parser *c)
{
	const struct ast_unit *u = c->run->unit;

	return (unsigned)(u->lets.n + u->sets.n + u->limits.n + u->rules.list.n + 1);
}

void build_let(struct parser *c, struct span sp, struct ast_name name, struct ast_value *v)
{
	struct ast_let *let = arena_alloc(c->a, sizeof(*let));

	if (!build_name_check(c, name, "a `let`"))
		return;
	let->name = name;
	let->span = sp;
	let->value = v;
	let->order = build_next_order(c);
	*vec_add(c->a, &c->run->unit->lets) = let;
}

void build_set(struct parser *c, struct span sp, struct ast_name name, struct parse_names *type, struct ast_set *set, bool whole)
{
	if (!build_name_check(c, name, "a set"))
		return;
	if (!whole && !set->init && !set->live && !set->from.s) {
		build_lost(c, name);
		return;
	}
	set->name = name;
	set->span = sp;
	TAKE(&set->type, &type->list);
	set->order = build_next_order(c);
	*vec_add(c->a, &c->run->unit->sets) = set;
}

void build_lost(struct parser *c, struct ast_name name)
{
	*vec_add(c->a, &c->run->unit->lost) = name;
}

void build_default(struct parser *c, struct span sp, struct ast_action *verdict)
{
	struct ast_unit *u = c->run->unit;

	verdict->span = sp;
	if (c->includer) {
		diag_error(c->d, sp, "an included file has no `default`")->remedy =
			"what happens when no rule decides is said once, by the file that includes this one";
	} else if (u->default_action) {
		struct diag *d = diag_error(c->d, sp, "a second `default`");

		d->remedy = "leave one of them out";
		d->note_span = u->default_action->span;
		d->note = "the first one";
	} else {
		u->default_action = verdict;
	}
}

void build_option(struct parser *c, struct span sp, struct ast_name name, struct ast_name value)
{
	struct ast_option *o;

	if (c->includer) {
		diag_error(c->d, sp, "an included file has no `option`")->remedy =
			"options hold for a file as a whole: put it into the one that includes this one";
		return;
	}
	o = arena_alloc(c->a, sizeof(*o));
	*vec_add(c->a, &c->run->unit->options) = o;
	o->name = name;
	o->value = value;
	o->span = sp;
}

void build_top_rule(struct parser *c, struct ast_rule *r)
{
	if (r)
		r->order = build_next_order(c);
	build_rules(c, &c->run->unit->rules, r);
}
