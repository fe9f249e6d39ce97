/*
 * What is said of segments: how rules are found, and why so. In: runs of rules as they are lowered. Out: the program's segments in the order of the
 * text, for --budget and --emit=ir. Nothing here changes the program.
 */
#include "lower_classify.h"

#include <stdlib.h>
#include <string.h>

/* ---- why a rule is code ---- */

static bool has_dimension(struct lower *l, struct lower_run *run, const struct ast_operand *o)
{
	enum field_id alt[5];
	unsigned places;

	if (o->kind != OPERAND_FIELD)
		return dims_slice(l, run, o) >= 0;
	if (o->inner)
		return false;
	for (unsigned i = 0, n = lower_alternatives(o, alt); i < n; i++)
		if (dims_field(l, run, alt[i], &places) < 0)
			return false;
	return true;
}

static const char *why_operand(struct lower *l, const struct ast_operand *o)
{
	switch (o->kind) {
	case OPERAND_PAYLOAD:
		return "it asks for bytes of the payload";
	case OPERAND_PACKET:
		return "it asks for bytes of the packet";
	case OPERAND_FIELD:
		break;
	}
	return arena_printf(l->arena, "it asks for `%s`%s", o->name.s, o->inner ? ", which is inside a tunnel" : "");
}

static const char *why_compare(struct lower *l, struct lower_run *run, const struct ast_expr *e)
{
	const struct ast_match *m = &e->match;
	size_t n = m->kind == MATCH_SET ? m->set->n : m->n;

	if (m->kind == MATCH_LIVE)
		return arena_printf(l->arena, "it asks the set `%s`, which changes", m->set->name.s);
	for (size_t i = 0; i < e->operand.n; i++)
		if (!has_dimension(l, run, e->operand.v[i]))
			return why_operand(l, e->operand.v[i]);
	if (e->operand.n > 1)
		return arena_printf(l->arena, "it asks for one of %zu tuples", n);
	if (n > COVER_MAX_RANGES)
		return arena_printf(l->arena, "it asks for one of %zu ranges of `%s`", n, e->operand.v[0]->name.s);
	return arena_printf(l->arena, "it asks for some bits of `%s`", e->operand.v[0]->name.s);
}

/* The first thing in the condition that tables do not know; NULL: they know each of them. */
static const char *why_cond(struct lower *l, struct lower_run *run, const struct ast_expr *e)
{
	const char *why = NULL;

	if (!e)
		return NULL;
	switch (e->kind) {
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_NOT:
		for (size_t i = 0; i < e->sub.n && !why; i++)
			why = why_cond(l, run, e->sub.v[i]);
		return why;
	case EXPR_SOCKET:
		return "it asks for a socket";
	case EXPR_LIMIT:
		return "it asks a limit";
	case EXPR_RANDOM:
		return "it asks for chance";
	case EXPR_NAME:
		if (cover_cond(l, run, e, false).exact)
			return NULL;
		return arena_printf(l->arena, "it asks for `%s`%s", e->name.s, e->inner ? ", which is inside a tunnel" : "");
	case EXPR_CMP:
		return cover_cond(l, run, e, false).exact ? NULL : why_compare(l, run, e);
	}
	return NULL;
}

static const char *why_action(struct lower *l, const struct ast_rule *r)
{
	const struct ast_action *last = r->action.n ? r->action.v[r->action.n - 1] : NULL;

	if (r->action.n != 1)
		return "it does several things";
	switch (last->kind) {
	case ACTION_VERDICT:
		return arena_printf(l->arena, "it does `%s`", last->word.s);
	case ACTION_COUNT:
		return arena_printf(l->arena, "it counts in `%s`", last->word.s);
	case ACTION_ADD:
	case ACTION_REMOVE:
		return arena_printf(l->arena, "it changes the set `%s`", last->set->name.s);
	case ACTION_LOG:
		return "it logs packets";
	case ACTION_REWRITE:
	case ACTION_VLAN:
	case ACTION_MARK:
		break;
	}
	return "it changes packets";
}

static const char *why_code(struct lower *l, struct lower_run *run, const struct lower_entry *e)
{
	const char *why = why_cond(l, run, e->rule->cond);

	for (const struct ast_rule *c = e->rule->else_rule; c && !why; c = c->else_rule)
		why = why_cond(l, run, c->cond);
	if (why)
		return e->rule->kind == RULE_IF ? arena_printf(l->arena, "a block: %s", why) : why;
	if (e->rule->kind == RULE_IF)
		return "a block: too many combinations of what it asks";
	return e->sure ? why_action(l, e->rule) : "too many combinations of what it and the blocks around it ask";
}

/* ---- segments ---- */

/* The rule with the greatest index in it. */
static const struct ast_rule *last_in(const struct ast_rule *r)
{
	for (;;) {
		const struct ast_rules *in;

		while (r->else_rule)
			r = r->else_rule;
		in = r->else_block.list.n ? &r->else_block : &r->then_block;
		if (!in->list.n)
			return r;
		r = in->list.v[in->list.n - 1];
	}
}

static struct ir_segment *add_segment(struct lower *l, const struct ast_rules *rules, size_t i, size_t n)
{
	struct ir_segment *s = arena_alloc(l->arena, sizeof(*s));

	s->first = rules->list.v[i];
	s->last = last_in(rules->list.v[i + n - 1]);
	*vec_add(l->arena, &l->ir->segment) = s;
	return s;
}

static const char *few(struct lower *l)
{
	if (l->classify.engine == ENGINE_LINEAR)
		return l->too_large ? "with tables they are more code than one program holds" : "--engine=linear asks for it";
	if (l->classify.engine != ENGINE_AUTO)
		return "they ask nothing that tables know";
	return arena_printf(l->arena, "there are fewer than %d rules that ask what tables know", LOWER_CLASSIFY_FROM);
}

void report_plain(struct lower *l, const struct ast_rules *rules, size_t i, size_t n, const char *why)
{
	struct ir_segment *s;

	if (!n)
		return;
	s = add_segment(l, rules, i, n);
	s->few = !why;
	s->why = why ? why : few(l);
	for (size_t k = i; k < i + n; k++)
		for (const struct ast_rule *c = rules->list.v[k]; c; c = c->else_rule)
			s->n++;
}

struct ir_segment *report_run(struct lower *l, const struct ast_rules *rules, size_t i, size_t n, struct lower_run *run, const struct classifier *c)
{
	struct ir_segment *s = add_segment(l, rules, i, n);

	s->classifier = c;
	s->n = run->n_rules;
	s->why = l->classify.engine == ENGINE_AUTO ? classify_reason(c) : "--engine asks for it";
	s->ends = i + n < rules->list.n ? run->ends : NULL;
	for (size_t k = 0; k < run->entry.n; k++)
		if (run->entry.v[k].what >> CLASSIFY_INDEX_BITS == CLASSIFY_CODE)
			*vec_add(l->arena, &s->code) = (struct ir_code){ run->entry.v[k].rule, why_code(l, run, &run->entry.v[k]) };
	return s;
}

static int by_index(const void *a, const void *b)
{
	const struct ir_segment *x = *(struct ir_segment *const *)a, *y = *(struct ir_segment *const *)b;

	return x->first->index < y->first->index ? -1 : x->first->index > y->first->index;
}

/* Behind @a, in the same list, and for the same reason one by one? */
static bool goes_on(const struct ir_segment *a, const struct ir_segment *b)
{
	return !a->classifier && !b->classifier && a->inside == b->inside && a->last->index + 1 == b->first->index && !strcmp(a->why, b->why);
}

void report_finish(struct lower *l)
{
	struct ir_program *p = l->ir;
	size_t n = 0;

	vec_sort(&p->segment, by_index);
	for (size_t i = 0; i < p->segment.n; i++) {
		struct ir_segment *s = p->segment.v[i], *in = i ? p->segment.v[i - 1] : NULL;

		while (in && in->last->index < s->first->index)
			in = in->inside;
		s->inside = in;
	}
	/* a few rules in a block are no segment of their own */
	for (size_t i = p->segment.n; i--;)
		if (p->segment.v[i]->few && p->segment.v[i]->inside)
			p->segment.v[i]->inside->n += p->segment.v[i]->n;
	for (size_t i = 0; i < p->segment.n; i++) {
		struct ir_segment *s = p->segment.v[i];

		if (s->few && s->inside)
			continue;
		while (s->inside && s->inside->few && s->inside->inside)
			s->inside = s->inside->inside;
		if (n && goes_on(p->segment.v[n - 1], s)) {
			p->segment.v[n - 1]->last = s->last;
			p->segment.v[n - 1]->n += s->n;
		} else {
			p->segment.v[n++] = s;
		}
	}
	p->segment.n = n;
}
