/*
 * The tree as text. In: a program, checked or not. Out: one node a line, its parts indented below it, as they were written: what sema adds
 * is not shown, so the text depends on the rule files alone. Strings and names stand in it as they are.
 */
#include <inttypes.h>
#include <string.h>

#include "ast.h"

struct dump {
	FILE *out;
	const struct source *source;	/* of the unit; other places are shown with their file */
};

static void line(const struct dump *d, unsigned depth, const char *kind)
{
	fprintf(d->out, "%*s%s", (int)(depth * 2), "", kind);
}

static void place(const struct dump *d, struct span sp)
{
	struct line_col at;

	if (!sp.src)
		return;
	at = source_line_col(sp.src, sp.begin);
	fputs(" @", d->out);
	if (sp.src != d->source)
		fprintf(d->out, "%s:", strrchr(sp.src->path, '/') ? strrchr(sp.src->path, '/') + 1 : sp.src->path);
	fprintf(d->out, "%u:%u", at.line, at.col);
}

static const char *const value_words[] = {
	[AST_INT] = "int", [AST_QTY] = "quantity", [AST_ADDR4] = "addr4", [AST_COLONS] = "colons", [AST_WORD] = "word",
	[AST_STRING] = "string", [AST_RANGE] = "range", [AST_PREFIX] = "prefix", [AST_LIST] = "list", [AST_TUPLE] = "tuple",
	[AST_UNION] = "union",
};

static void dump_value(const struct dump *d, unsigned depth, const struct ast_value *v)
{
	line(d, depth, value_words[v->kind]);
	switch (v->kind) {
	case AST_INT:
		fprintf(d->out, v->overflow ? " overflow" : " %" PRIu64, v->num);
		break;
	case AST_PREFIX:
		fprintf(d->out, v->overflow ? " /overflow" : " /%" PRIu64, v->num);
		break;
	case AST_STRING:
		fprintf(d->out, " \"%s\"", v->text);
		break;
	case AST_QTY:
	case AST_ADDR4:
	case AST_COLONS:
	case AST_WORD:
		fprintf(d->out, " %s", v->text);
		break;
	case AST_RANGE:
	case AST_LIST:
	case AST_TUPLE:
	case AST_UNION:
		break;
	}
	putc('\n', d->out);
	for (size_t i = 0; i < v->sub.n; i++)
		dump_value(d, depth + 1, v->sub.v[i]);
}

static void put_operand(const struct dump *d, const struct ast_operand *o)
{
	fputs(o->name.s, d->out);
	if (o->has_slice)
		fprintf(d->out, "[%" PRIu64 ":%" PRIu64 "]", o->off, o->len);
	for (unsigned i = 0; i < o->n_prefix; i++)
		fprintf(d->out, "/%" PRIu64, o->prefix[i]);
}

static void put_operands(const struct dump *d, struct ast_operand *const *v, size_t n)
{
	if (n > 1)
		putc('(', d->out);
	for (size_t i = 0; i < n; i++) {
		fputs(i ? ", " : "", d->out);
		put_operand(d, v[i]);
	}
	if (n > 1)
		putc(')', d->out);
}

static const char *const cmp_words[] = {
	[CMP_EQ] = "==", [CMP_NE] = "!=", [CMP_LT] = "<", [CMP_LE] = "<=", [CMP_GT] = ">", [CMP_GE] = ">=", [CMP_IN] = "in",
	[CMP_NOT_IN] = "not in",
};

static void put_quantity(const struct dump *d, const char *before, const struct ast_name *number, const struct ast_name *unit)
{
	fprintf(d->out, " %s%s%s%s", before, number->s, unit->s ? " " : "", unit->s ? unit->s : "");
}

static void dump_limit(const struct dump *d, const struct ast_limit *l)
{
	static const struct ast_name none;

	put_quantity(d, "", &l->number, &l->unit);
	fprintf(d->out, "/%s", l->period.s);
	if (l->burst.s)
		put_quantity(d, "burst ", &l->burst, &l->burst_unit);
	if (l->key.n) {
		fputs(" per ", d->out);
		put_operands(d, l->key.v, l->key.n);
	}
	if (l->size.s)
		put_quantity(d, "size ", &l->size, &none);
	if (l->when.src)
		fputs(l->closed ? " when full closed" : " when full open", d->out);
	putc('\n', d->out);
}

static void dump_expr(const struct dump *d, unsigned depth, const struct ast_expr *e)
{
	switch (e->kind) {
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_NOT:
		line(d, depth, e->kind == EXPR_AND ? "and\n" : e->kind == EXPR_OR ? "or\n" : "not\n");
		for (size_t i = 0; i < e->sub.n; i++)
			dump_expr(d, depth + 1, e->sub.v[i]);
		break;
	case EXPR_NAME:
	case EXPR_SOCKET:
		line(d, depth, "name");
		fprintf(d->out, " %s\n", e->name.s);
		break;
	case EXPR_LIMIT:
		line(d, depth, e->over ? "over" : "within");
		if (e->name.s)
			fprintf(d->out, " %s\n", e->name.s);
		else
			dump_limit(d, e->limit);
		break;
	case EXPR_RANDOM:
		line(d, depth, "random");
		fprintf(d->out, " %s%s%s\n", e->value->text, e->name.s ? " per " : "", e->name.s ? e->name.s : "");
		break;
	case EXPR_CMP:
		line(d, depth, "compare ");
		put_operands(d, e->operand.v, e->operand.n);
		fprintf(d->out, " %s%s\n", e->has_mask ? "& mask " : "", cmp_words[e->cmp]);
		if (e->has_mask) {
			line(d, depth + 1, "mask\n");
			dump_value(d, depth + 2, e->mask);
		}
		dump_value(d, depth + 1, e->value);
		break;
	}
}

static void dump_action(const struct dump *d, unsigned depth, const struct ast_action *a);

static void dump_way(const struct dump *d, unsigned depth, const struct ast_way *w, struct ast_name arg)
{
	if (arg.s)
		fprintf(d->out, " %s", arg.s);
	if (w->has_number)
		fprintf(d->out, " number %" PRIu64, w->number);
	putc('\n', d->out);
	if (w->target)
		dump_value(d, depth + 1, w->target);
	if (w->otherwise) {
		line(d, depth + 1, "else\n");
		dump_action(d, depth + 2, w->otherwise);
	}
}

static void dump_action(const struct dump *d, unsigned depth, const struct ast_action *a)
{
	switch (a->kind) {
	case ACTION_VERDICT:
		line(d, depth, a->word.s);
		if (a->way) {
			dump_way(d, depth, a->way, a->arg);
			return;
		}
		if (a->arg.s)
			fprintf(d->out, " %s", a->arg.s);
		break;
	case ACTION_COUNT:
		line(d, depth, "count");
		fprintf(d->out, " %s", a->word.s);
		if (a->key.n) {
			fputs(" per ", d->out);
			put_operands(d, a->key.v, a->key.n);
		}
		break;
	case ACTION_ADD:
	case ACTION_REMOVE:
		line(d, depth, a->kind == ACTION_ADD ? "add " : "remove ");
		put_operands(d, a->key.v, a->key.n);
		fprintf(d->out, a->kind == ACTION_ADD ? " to %s" : " from %s", a->word.s);
		if (a->duration) {
			fputs(" for\n", d->out);
			dump_value(d, depth + 1, a->duration);
			return;
		}
		break;
	case ACTION_LOG:
		line(d, depth, a->log->sample ? "sample 1/" : "log");
		if (a->log->many && !a->log->sample)
			putc(' ', d->out);
		if (a->log->many && a->log->many->kind == AST_QTY)
			fputs(a->log->many->text, d->out);
		else if (a->log->many)
			fprintf(d->out, a->log->many->overflow ? "overflow" : "%" PRIu64, a->log->many->num);
		if (a->log->unit.s)
			fprintf(d->out, "/%s", a->log->unit.s);
		break;
	case ACTION_REWRITE:
		line(d, depth, "write");
		fprintf(d->out, " %s %s\n", a->word.s, a->decrement ? "-=" : "=");
		dump_value(d, depth + 1, a->value);
		return;
	case ACTION_VLAN:
	case ACTION_MARK:
		line(d, depth, a->kind == ACTION_VLAN ? "vlan" : "mark");
		fprintf(d->out, "%s%s\n", a->arg.s ? " " : "", a->arg.s ? a->arg.s : "");
		if (a->value)
			dump_value(d, depth + 1, a->value);
		return;
	}
	putc('\n', d->out);
}

static void dump_rules(const struct dump *d, unsigned depth, const char *kind, const struct ast_rules *rules);

static void dump_rule(const struct dump *d, unsigned depth, const struct ast_rule *first)
{
	for (const struct ast_rule *r = first; r; r = r->else_rule) {
		line(d, depth, r != first ? "else if" : r->kind == RULE_IF ? "if" : "rule");
		if (r->label.s)
			fprintf(d->out, " %s", r->label.s);
		place(d, r->span);
		putc('\n', d->out);
		for (size_t i = 0; i < r->action.n; i++)
			dump_action(d, depth + 1, r->action.v[i]);
		if (r->cond) {
			line(d, depth + 1, "when\n");
			dump_expr(d, depth + 2, r->cond);
		}
		if (r->kind == RULE_IF)
			dump_rules(d, depth + 1, "then\n", &r->then_block);
		if (r->has_else_block)
			dump_rules(d, depth, "else\n", &r->else_block);
	}
}

static void dump_rules(const struct dump *d, unsigned depth, const char *kind, const struct ast_rules *rules)
{
	line(d, depth, kind);
	for (size_t i = 0; i < rules->list.n; i++)
		dump_rule(d, depth + 1, rules->list.v[i]);
}

static void dump_declarations(const struct dump *d, const struct ast_unit *u)
{
	for (size_t i = 0; i < u->options.n; i++) {
		line(d, 1, "option");
		fprintf(d->out, " %s %s", u->options.v[i]->name.s, u->options.v[i]->value.s);
		place(d, u->options.v[i]->span);
		putc('\n', d->out);
	}
	if (u->default_action) {
		line(d, 1, "default");
		place(d, u->default_action->span);
		putc('\n', d->out);
		dump_action(d, 2, u->default_action);
	}
	for (size_t i = 0; i < u->lets.n; i++) {
		const struct ast_let *let = u->lets.v[i];

		line(d, 1, "let");
		fprintf(d->out, " %s", let->name.s);
		place(d, let->span);
		putc('\n', d->out);
		dump_value(d, 2, let->value);
	}
	for (size_t i = 0; i < u->sets.n; i++) {
		const struct ast_set *set = u->sets.v[i];

		line(d, 1, "set");
		fprintf(d->out, " %s :", set->name.s);
		for (size_t j = 0; j < set->type.n; j++)
			fprintf(d->out, " %s", set->type.v[j].s);
		fputs(set->live ? " live" : "", d->out);
		if (set->from.s)
			fprintf(d->out, " from \"%s\"", set->from.s);
		place(d, set->span);
		putc('\n', d->out);
		if (set->size) {
			line(d, 2, "size\n");
			dump_value(d, 3, set->size);
		}
		if (set->timeout) {
			line(d, 2, "timeout\n");
			dump_value(d, 3, set->timeout);
		}
		if (set->init)
			dump_value(d, 2, set->init);
	}
	for (size_t i = 0; i < u->limits.n; i++) {
		const struct ast_limit *l = u->limits.v[i];

		if (!l->name.s)
			continue;
		line(d, 1, "limit");
		fprintf(d->out, " %s", l->name.s);
		place(d, l->span);
		dump_limit(d, l);
	}
}

static void dump_frame(const struct dump *d, const struct ast_step *step)
{
	const struct ast_frame *f = step->frame;

	line(d, 2, "packet");
	if (step->repeat != 1)
		fprintf(d->out, " repeat %" PRIu64, step->repeat);
	if (f->from.s)
		fprintf(d->out, " from \"%s\" %" PRIu64, f->from.s, f->number);
	putc('\n', d->out);
	for (size_t i = 0; i < f->assign.n; i++) {
		line(d, 3, f->assign.v[i].name.s);
		putc('\n', d->out);
		if (f->assign.v[i].value)
			dump_value(d, 4, f->assign.v[i].value);
	}
}

static void dump_test(const struct dump *d, const struct ast_test *t)
{
	line(d, 1, "test");
	fprintf(d->out, " \"%s\"", t->name.s);
	place(d, t->span);
	putc('\n', d->out);
	for (size_t i = 0; i < t->step.n; i++) {
		const struct ast_step *step = t->step.v[i];

		switch (step->kind) {
		case STEP_PACKET:
			dump_frame(d, step);
			break;
		case STEP_AFTER:
			line(d, 2, "after\n");
			dump_value(d, 3, step->duration);
			break;
		case STEP_EXPECT:
			line(d, 2, "expect");
			fprintf(d->out, " %s%s%s\n", step->verdict.s, step->by.s ? " by " : "", step->by.s ? step->by.s : "");
			break;
		case STEP_ADD:
		case STEP_REMOVE:
			line(d, 2, step->kind == STEP_ADD ? "add to " : "remove from ");
			fprintf(d->out, "%s\n", step->set_name.s);
			dump_value(d, 3, step->element);
			if (step->duration)
				dump_value(d, 3, step->duration);
			break;
		}
	}
}

void ast_dump(const struct ast_program *p, FILE *out)
{
	for (size_t i = 0; i < p->units.n; i++) {
		const struct ast_unit *u = p->units.v[i];
		struct dump d = { out, u->source };

		fprintf(out, "file %s\n", u->name);
		dump_declarations(&d, u);
		dump_rules(&d, 1, "rules\n", &u->rules);
		for (size_t k = 0; k < u->tests.n; k++)
			dump_test(&d, u->tests.v[k]);
	}
}
