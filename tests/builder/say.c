/*
 * Says a parsed file again by calls of the builder. In: its tree, as the parser left it. Out: what the builder has then; names of what was met.
 */
#include "say.h"

#include <stdlib.h>
#include <string.h>

typedef const struct xdpfc_value *value;
typedef const struct xdpfc_operand *operand;
typedef const struct xdpfc_expr *expr;
typedef const struct xdpfc_action *action;

static const struct xdpfc_value *say_value(struct xdpfc_builder *b, const struct ast_value *v, struct seen *seen)
{
	const struct xdpfc_value **sub, *out = NULL;

	seen->value[v->kind] = true;
	sub = calloc(v->sub.n + 1, sizeof(*sub));
	for (size_t i = 0; i < v->sub.n; i++)
		sub[i] = say_value(b, v->sub.v[i], seen);
	switch (v->kind) {
	case AST_INT:		out = xdpfc_value_number(b, v->num); break;
	case AST_QTY:		out = xdpfc_value_quantity(b, v->text); break;
	case AST_ADDR4:
	case AST_COLONS:	out = xdpfc_value_address(b, v->text); break;
	case AST_WORD:		out = xdpfc_value_name(b, v->text); break;
	case AST_STRING:	out = xdpfc_value_string(b, v->text); break;
	case AST_RANGE:		out = xdpfc_value_range(b, sub[0], sub[1]); break;
	case AST_PREFIX:	out = xdpfc_value_prefix(b, sub[0], (unsigned)v->num); break;
	case AST_LIST:		out = xdpfc_value_list(b, sub, v->sub.n); break;
	case AST_TUPLE:		out = xdpfc_value_tuple(b, sub, v->sub.n); break;
	case AST_UNION:		out = xdpfc_value_union(b, sub, v->sub.n); break;
	}
	free(sub);
	return out;
}

static const struct xdpfc_value *say_amount(struct xdpfc_builder *b, const char *text)
{
	if (!text)
		return NULL;
	return text[strspn(text, "0123456789")] ? xdpfc_value_quantity(b, text) : xdpfc_value_number(b, strtoull(text, NULL, 10));
}

static operand say_operand(struct xdpfc_builder *b, const struct ast_operand *o, struct seen *seen)
{
	operand out = o->has_slice ? xdpfc_operand_slice(b, o->name.s, o->off, o->len) : xdpfc_operand_field(b, o->name.s);

	seen->slice |= o->has_slice;
	seen->prefix |= o->n_prefix == 1;
	seen->prefix_twice |= o->n_prefix == 2;
	for (unsigned i = 0; i < o->n_prefix; i++)
		out = xdpfc_operand_prefix(b, out, (unsigned)o->prefix[i]);
	return out;
}

struct operands {
	operand v[64];
	size_t n;
};

static struct operands say_operands(struct xdpfc_builder *b, struct ast_operand *const *o, size_t n, struct seen *seen)
{
	struct operands out = { .n = n };

	if (n > sizeof(out.v) / sizeof(out.v[0]))
		abort();
	for (size_t i = 0; i < n; i++)
		out.v[i] = say_operand(b, o[i], seen);
	return out;
}

static const struct xdpfc_rate *say_rate(struct xdpfc_builder *b, const struct ast_limit *l, struct seen *seen)
{
	struct operands key = say_operands(b, l->key.v, l->key.n, seen);
	const struct xdpfc_rate_opts o = {
		.sz = sizeof(o), .rate = say_amount(b, l->number.s), .unit = l->unit.s, .period = l->period.s, .burst = say_amount(b, l->burst.s),
		.burst_unit = l->burst_unit.s, .key = key.v, .n_key = key.n, .size = say_amount(b, l->size.s),
		.full = !l->when.src ? XDPFC_FULL_DEFAULT : l->closed ? XDPFC_FULL_CLOSED : XDPFC_FULL_OPEN,
	};

	seen->limit_burst |= l->burst.s != NULL;
	seen->limit_key |= l->key.n > 0;
	seen->limit_size |= l->size.s != NULL;
	seen->limit_closed |= l->when.src && l->closed;
	seen->limit_open |= l->when.src && !l->closed;
	return xdpfc_rate_new(b, &o);
}

static const enum xdpfc_cmp cmps[] = {
	[CMP_EQ] = XDPFC_EQ, [CMP_NE] = XDPFC_NE, [CMP_LT] = XDPFC_LT, [CMP_LE] = XDPFC_LE, [CMP_GT] = XDPFC_GT, [CMP_GE] = XDPFC_GE,
	[CMP_IN] = XDPFC_IN, [CMP_NOT_IN] = XDPFC_NOT_IN,
};

static expr say_cmp(struct xdpfc_builder *b, const struct ast_expr *e, struct seen *seen)
{
	value v = say_value(b, e->value, seen);
	struct operands o;

	seen->cmp[e->cmp] = true;
	seen->mask |= e->has_mask;
	if (strcmp(e->operand.v[0]->name.s, "time") == 0)
		return xdpfc_expr_time(b, v);
	o = say_operands(b, e->operand.v, e->operand.n, seen);
	seen->tuple |= o.n > 1;
	if (o.n > 1)
		return xdpfc_expr_tuple(b, o.v, o.n, cmps[e->cmp], v);
	if (e->has_mask)
		return xdpfc_expr_masked(b, o.v[0], say_value(b, e->mask, seen), cmps[e->cmp], v);
	return xdpfc_expr_compare(b, o.v[0], cmps[e->cmp], v);
}

static expr say_limit(struct xdpfc_builder *b, expr before, const struct ast_expr *e, struct seen *seen)
{
	seen->limit_named |= e->name.s != NULL;
	seen->limit_inline |= !e->name.s;
	if (e->name.s)
		return (e->over ? xdpfc_expr_over : xdpfc_expr_within)(b, before, e->name.s);
	return (e->over ? xdpfc_expr_over_rate : xdpfc_expr_within_rate)(b, before, say_rate(b, e->limit, seen));
}

static expr say_expr(struct xdpfc_builder *b, const struct ast_expr *e, struct seen *seen)
{
	expr *sub, out = NULL;
	size_t n = 0;

	seen->expr[e->kind] = true;
	switch (e->kind) {
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_NOT:
		sub = calloc(e->sub.n, sizeof(*sub));
		for (; n < e->sub.n && e->sub.v[n]->kind != EXPR_LIMIT; n++)
			sub[n] = say_expr(b, e->sub.v[n], seen);
		out = e->kind == EXPR_AND ? xdpfc_expr_and(b, sub, n) : e->kind == EXPR_OR ? xdpfc_expr_or(b, sub, n) : xdpfc_expr_not(b, sub[0]);
		free(sub);
		for (; n < e->sub.n; n++) {
			seen->expr[EXPR_LIMIT] = true;
			out = say_limit(b, out, e->sub.v[n], seen);
		}
		return out;
	case EXPR_NAME:
	case EXPR_SOCKET:
		return xdpfc_expr_has(b, xdpfc_operand_field(b, e->name.s));
	case EXPR_CMP:
		return say_cmp(b, e, seen);
	case EXPR_RANDOM:
		return xdpfc_expr_random(b, xdpfc_value_quantity(b, e->value->text), e->name.s);
	case EXPR_LIMIT:
		break;
	}
	abort();
}

static action say_action(struct xdpfc_builder *b, const struct ast_action *a, struct seen *seen);

static action say_verdict(struct xdpfc_builder *b, const struct ast_action *a, struct seen *seen)
{
	action otherwise = a->way && a->way->otherwise ? say_action(b, a->way->otherwise, seen) : NULL;

	seen->otherwise |= otherwise != NULL;
	if (strcmp(a->word.s, "redirect") == 0 && a->way->has_number) {
		seen->cpu = true;
		return xdpfc_action_redirect_cpu(b, a->way->number, otherwise);
	}
	if (strcmp(a->word.s, "redirect") == 0) {
		seen->socket |= a->way->target->text && strcmp(a->way->target->text, "socket") == 0;
		return xdpfc_action_redirect(b, say_value(b, a->way->target, seen), otherwise);
	}
	if (strcmp(a->word.s, "forward") == 0) {
		seen->forward = true;
		return xdpfc_action_forward(b, otherwise);
	}
	if (strcmp(a->word.s, "reply") == 0) {
		seen->reply = true;
		return xdpfc_action_reply(b, a->arg.s);
	}
	seen->syncookie |= strcmp(a->word.s, "syncookie") == 0;
	seen->swap |= a->arg.s != NULL;
	return a->arg.s ? xdpfc_action_swap(b) : xdpfc_action_verdict(b, a->word.s);
}

static action say_action(struct xdpfc_builder *b, const struct ast_action *a, struct seen *seen)
{
	struct operands key = say_operands(b, a->key.v, a->key.n, seen);

	seen->action[a->kind] = true;
	switch (a->kind) {
	case ACTION_VERDICT:
		return say_verdict(b, a, seen);
	case ACTION_COUNT:
		return xdpfc_action_count(b, a->word.s, key.v, key.n);
	case ACTION_LOG:
		seen->sample |= a->log->sample;
		seen->log_rate |= !a->log->sample && a->log->many;
		if (a->log->sample)
			return xdpfc_action_sample(b, say_value(b, a->log->many, seen));
		return xdpfc_action_log(b, a->log->many ? say_value(b, a->log->many, seen) : NULL, a->log->unit.s);
	case ACTION_REWRITE:
		seen->decrement |= a->decrement;
		return (a->decrement ? xdpfc_action_decrement : xdpfc_action_write)(b, a->word.s, say_value(b, a->value, seen));
	case ACTION_VLAN:
		seen->push |= a->value != NULL;
		seen->pop |= !a->value;
		return a->value ? xdpfc_action_vlan_push(b, say_value(b, a->value, seen)) : xdpfc_action_vlan_pop(b);
	case ACTION_MARK:
		return xdpfc_action_mark(b, say_value(b, a->value, seen));
	case ACTION_ADD:
		seen->duration |= a->duration != NULL;
		return xdpfc_action_add(b, key.v, key.n, a->word.s, a->duration ? say_value(b, a->duration, seen) : NULL);
	case ACTION_REMOVE:
		return xdpfc_action_remove(b, key.v, key.n, a->word.s);
	}
	abort();
}

static void say_rules(struct xdpfc_builder *b, const struct ast_rules *list, struct seen *seen);

static void say_rule(struct xdpfc_builder *b, const struct ast_rule *r, struct seen *seen)
{
	action *actions;

	seen->label |= r->label.s != NULL;
	if (r->kind == RULE_ACTIONS) {
		actions = calloc(r->action.n, sizeof(*actions));
		for (size_t i = 0; i < r->action.n; i++)
			actions[i] = say_action(b, r->action.v[i], seen);
		xdpfc_builder_rule(b, r->label.s, actions, r->action.n, r->cond ? say_expr(b, r->cond, seen) : NULL);
		free(actions);
		return;
	}
	seen->block = true;
	xdpfc_builder_if(b, r->label.s, say_expr(b, r->cond, seen));
	say_rules(b, &r->then_block, seen);
	for (; r->else_rule; r = r->else_rule) {
		seen->else_if = true;
		xdpfc_builder_else_if(b, say_expr(b, r->else_rule->cond, seen));
		say_rules(b, &r->else_rule->then_block, seen);
	}
	if (r->has_else_block) {
		seen->else_block = true;
		xdpfc_builder_else(b);
		say_rules(b, &r->else_block, seen);
	}
	xdpfc_builder_end(b);
}

static void say_rules(struct xdpfc_builder *b, const struct ast_rules *list, struct seen *seen)
{
	for (size_t i = 0; i < list->list.n; i++)
		say_rule(b, list->list.v[i], seen);
}

static void say_set(struct xdpfc_builder *b, const struct ast_set *s, struct seen *seen)
{
	const char *types[64];
	const struct xdpfc_set_opts o = {
		.sz = sizeof(o), .type = types, .n_types = s->type.n, .elements = s->init ? say_value(b, s->init, seen) : NULL, .from = s->from.s,
		.live = s->live, .size = s->size ? say_value(b, s->size, seen) : NULL, .timeout = s->timeout ? say_value(b, s->timeout, seen) : NULL,
	};

	for (size_t i = 0; i < s->type.n && i < 64; i++)
		types[i] = s->type.v[i].s;
	seen->set_init |= s->init != NULL;
	seen->set_from |= s->from.s != NULL;
	seen->set_live |= s->live;
	seen->set_size |= s->size != NULL;
	seen->set_timeout |= s->timeout != NULL;
	seen->set_tuple |= s->type.n > 1;
	xdpfc_builder_set(b, s->name.s, &o);
}

static void say_packet(struct xdpfc_builder *b, const struct ast_step *step, struct seen *seen)
{
	const struct ast_frame *f = step->frame;
	struct xdpfc_assign *assign;

	seen->repeat |= step->repeat != 1;
	seen->capture |= f->from.s != NULL;
	if (f->from.s) {
		xdpfc_builder_capture(b, step->repeat, f->from.s, f->number);
		return;
	}
	assign = calloc(f->assign.n + 1, sizeof(*assign));
	for (size_t i = 0; i < f->assign.n; i++)
		assign[i] = (struct xdpfc_assign){ f->assign.v[i].name.s, f->assign.v[i].value ? say_value(b, f->assign.v[i].value, seen) : NULL };
	xdpfc_builder_packet(b, step->repeat, assign, f->assign.n);
	free(assign);
}

static void say_step(struct xdpfc_builder *b, const struct ast_step *step, struct seen *seen)
{
	enum xdpfc_by by = !step->by.s ? XDPFC_BY_ANYBODY : step->by_default ? XDPFC_BY_DEFAULT : step->by_string ? XDPFC_BY_PLACE : XDPFC_BY_LABEL;

	seen->step[step->kind] = true;
	seen->by_label |= by == XDPFC_BY_LABEL;
	seen->by_default |= by == XDPFC_BY_DEFAULT;
	seen->by_place |= by == XDPFC_BY_PLACE;
	switch (step->kind) {
	case STEP_PACKET:
		say_packet(b, step, seen);
		break;
	case STEP_AFTER:
		xdpfc_builder_after(b, say_value(b, step->duration, seen));
		break;
	case STEP_EXPECT:
		xdpfc_builder_expect(b, step->verdict.s, by, step->by.s);
		break;
	case STEP_ADD:
		xdpfc_builder_add(b, say_value(b, step->element, seen), step->set_name.s, step->duration ? say_value(b, step->duration, seen) : NULL);
		break;
	case STEP_REMOVE:
		xdpfc_builder_remove(b, say_value(b, step->element, seen), step->set_name.s);
		break;
	}
}

/* The place of the @i-th in reading order. */
#define ORDER_OF(list, i) ((i) < (list).n ? (list).v[i]->order : UINT32_MAX)

int say_unit(struct xdpfc_builder *b, const struct ast_unit *u, struct seen *seen)
{
	size_t let = 0, set = 0, limit = 0, rule = 0;

	for (size_t i = 0; i < u->options.n; i++) {
		seen->option = true;
		xdpfc_builder_option(b, u->options.v[i]->name.s, u->options.v[i]->value.s);
	}
	for (unsigned order = 1; let + set + limit + rule < u->lets.n + u->sets.n + u->limits.n + u->rules.list.n; order++) {
		if (ORDER_OF(u->lets, let) == order) {
			seen->let = true;
			xdpfc_builder_let(b, u->lets.v[let]->name.s, say_value(b, u->lets.v[let]->value, seen));
			let++;
		} else if (ORDER_OF(u->sets, set) == order) {
			say_set(b, u->sets.v[set++], seen);
		} else if (ORDER_OF(u->limits, limit) == order) {
			xdpfc_builder_limit(b, u->limits.v[limit]->name.s, say_rate(b, u->limits.v[limit], seen));
			limit++;
		} else if (ORDER_OF(u->rules.list, rule) == order) {
			say_rule(b, u->rules.list.v[rule++], seen);
		} else {
			abort();
		}
	}
	if (u->default_action) {
		seen->fallback = true;
		xdpfc_builder_default(b, say_action(b, u->default_action, seen));
	}
	for (size_t i = 0; i < u->tests.n; i++) {
		xdpfc_builder_test(b, u->tests.v[i]->name.s);
		for (size_t k = 0; k < u->tests.v[i]->step.n; k++)
			say_step(b, u->tests.v[i]->step.v[k], seen);
		xdpfc_builder_end(b);
	}
	return xdpfc_builder_error(b, NULL);
}
