/*
 * Rules, actions, options. In: a unit whose names are declared; the declarations are checked as they come up. Out: every rule with index,
 * shown name and verdict, every action resolved, count tables collected. Refused: what can never be reached, and conditions that cannot
 * hold where they stand.
 */
#include "sema.h"

#include <limits.h>
#include <string.h>

#include "utf8.h"

enum { TEXT_MAX = 200 };	/* bytes of a rule's text */

/* ---- actions ---- */

static const char *verdict_remedy(struct sema *s, const char *word)
{
	static const struct {
		const char *theirs, *ours;
	} foreign[] = {
		{ "accept", "pass" }, { "allow", "pass" }, { "permit", "pass" }, { "ok", "pass" }, { "continue", "pass" },
		{ "return", "pass" },
		{ "deny", "drop" }, { "block", "drop" }, { "reject", "drop" }, { "discard", "drop" }, { "aborted", "abort" },
		{ "bounce", "tx" },
	};
	const char *cand[VERDICT_COUNT], *near;

	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (!strcasecmp(foreign[i].theirs, word))
			return arena_printf(s->a, "write `%s`", foreign[i].ours);
	for (int i = 0; i < VERDICT_COUNT; i++)
		cand[i] = lang_verdicts[i].name;
	near = diag_nearest(word, strlen(word), cand, VERDICT_COUNT);
	return near ? arena_printf(s->a, "did you mean `%s`?", near) :
		      "the verdicts are pass, drop, abort, tx, redirect, forward, reply and syncookie";
}

bool verdict_check(struct sema *s, struct ast_action *a)
{
	struct diag *e;

	a->verdict = VERDICT_NONE;
	if (!a->word.s)
		return false;
	if (a->way)
		return way_check(s, a);
	for (int i = 0; i < VERDICT_COUNT; i++)
		if (!strcmp(a->word.s, lang_verdicts[i].name))
			a->verdict = (enum verdict)i;
	if (a->verdict == VERDICT_NONE) {
		e = diag_error(s->d, a->word.span, "`%s` is no verdict", sema_quote(s, a->word.span));
		e->remedy = verdict_remedy(s, a->word.s);
		return false;
	}
	a->swap = a->arg.s && a->verdict == VERDICT_TX && !strcmp(a->arg.s, "swap");
	if (a->arg.s && !a->swap) {
		e = diag_error(s->d, a->arg.span, "`%s` takes no `%s`", a->word.s, sema_quote(s, a->arg.span));
		e->remedy = a->verdict == VERDICT_TX ? "write `tx`, or `tx swap` to exchange the Ethernet addresses first"
						     : arena_printf(s->a, "write `%s` alone", a->word.s);
		return false;
	}
	return true;
}

static bool key_same(const struct ast_action *a, const struct ast_counter *c)
{
	if (a->key.n != c->key.n)
		return false;
	for (size_t i = 0; i < a->key.n; i++) {
		const struct ast_operand *x = a->key.v[i], *y = c->key.v[i];

		if (!operand_same(x, y) || x->has_prefix != y->has_prefix || x->n_prefix != y->n_prefix ||
		    memcmp(x->prefix, y->prefix, x->n_prefix * sizeof(x->prefix[0])))
			return false;
	}
	return true;
}

static bool count_check(struct sema *s, struct ast_action *a)
{
	struct ast_counter *c;
	struct symbol *y;
	struct decl *other;
	struct diag *e;

	if (!a->word.s || !key_check(s, a->key.v, a->key.n, a->span, arena_printf(s->a, "`%s`", a->word.s)))
		return false;
	other = names_decl(s, a->word.s);
	if (other) {
		e = diag_error(s->d, a->word.span, "`%s` is a %s, so no count table can be called so", a->word.s,
			       decl_kind_name(other->kind));
		e->remedy = "give one of them another name";
		e->note_span = other->name.span;
		e->note = "declared here";
		return false;
	}
	y = symtab_get(&s->names, SPACE_COUNTER, a->word.s, strlen(a->word.s));
	c = y ? y->p : NULL;
	if (!c) {
		c = arena_alloc(s->a, sizeof(*c));
		c->name = a->word;
		for (size_t i = 0; i < a->key.n; i++)
			*vec_add(s->a, &c->key) = a->key.v[i];
		c->index = s->p->n_counters++;
		c->unit = s->unit;
		*vec_add(s->a, &s->unit->counters) = c;
		symtab_put(&s->names, SPACE_COUNTER, c->name.s, strlen(c->name.s))->p = c;
	} else if (!key_same(a, c)) {
		e = diag_error(s->d, a->span, "count table `%s` has another key here", a->word.s);
		e->remedy = "one table has one key: use another name, or the same fields and prefix lengths in the same order";
		e->note_span = c->name.span;
		e->note = "first counted here";
		return false;
	}
	a->counter = c;
	a->may_miss = a->key.n;
	if (a->may_miss)
		a->slot = s->p->n_slots++;
	return true;
}

/* What the action says. */
static const char *action_text(struct sema *s, const struct ast_action *a)
{
	const struct source *src = a->span.src;

	return src ? utf8_line(s->a, src->text + a->span.begin, a->span.end - a->span.begin, TEXT_MAX, true) : "";
}

static void actions_check(struct sema *s, struct ast_rule *r)
{
	for (size_t i = 0; i < r->action.n; i++) {
		struct ast_action *a = r->action.v[i];

		if (!a)
			continue;
		a->verdict = VERDICT_NONE;
		switch (a->kind) {
		case ACTION_COUNT:
			count_check(s, a);
			break;
		case ACTION_ADD:
		case ACTION_REMOVE:
			set_action_check(s, a);
			break;
		case ACTION_LOG:
			log_check(s, a->log, r);
			break;
		case ACTION_REWRITE:
		case ACTION_VLAN:
		case ACTION_MARK:
			rewrite_check(s, a);
			break;
		case ACTION_VERDICT:
			/* That it is the last one, the parser has seen to. */
			verdict_check(s, a);
			break;
		}
		if (a->may_miss)
			a->text = action_text(s, a);
		r->verdict = a->verdict;
		r->may_go_on = a->way && a->way->kind == WAY_SYNCOOKIE;
	}
	for (size_t i = 0; i < r->action.n; i++)
		if (r->action.v[i] && r->action.v[i]->log)
			r->action.v[i]->log->verdict = r->may_go_on ? VERDICT_NONE : r->verdict;
}

/* ---- rules ---- */

/* What the rule says, behind its label. */
static const char *rule_text(struct sema *s, const struct ast_rule *r)
{
	const struct source *src = r->span.src;
	size_t begin = r->span.begin, end = r->span.end;

	if (!src)
		return "";
	if (r->label.s && r->label.span.src == src && r->label.span.end > begin && r->label.span.end < end) {
		begin = r->label.span.end;
		while (begin < end && strchr(" \t\r\n:", src->text[begin]))
			begin++;
	}
	while (end > begin && strchr(" \t\r\n;", src->text[end - 1]))
		end--;
	return utf8_line(s->a, src->text + begin, end - begin, TEXT_MAX, true);
}

static void rule_enter(struct sema *s, struct ast_rule *r)
{
	struct symbol *y;
	struct diag *e;

	r->index = s->p->n_indexes++;
	*vec_add(s->a, &s->p->by_index) = r;
	r->verdict = VERDICT_NONE;
	r->shown = r->label.s ? r->label.s : span_shown(s->a, r->span);
	r->text = rule_text(s, r);
	if (!r->label.s)
		return;
	if (!strcmp(r->label.s, "default")) {
		e = diag_warning(s->d, r->label.span, "where it is said who decided, this label looks like the file's own default");
		e->remedy = "choose another label";
	}
	y = symtab_get(&s->names, SPACE_LABEL, r->label.s, strlen(r->label.s));
	if (!y) {
		symtab_put(&s->names, SPACE_LABEL, r->label.s, strlen(r->label.s))->p = r;
		return;
	}
	e = diag_error(s->d, r->label.span, "label `%s` is already taken", r->label.s);
	e->remedy = "a label names one rule of a file: choose another";
	e->note_span = ((const struct ast_rule *)y->p)->label.span;
	e->note = "first used here";
}

static void keys_check(struct sema *s, const struct ast_rule *r, const struct facts *facts)
{
	for (size_t i = 0; i < r->action.n; i++) {
		const struct ast_action *a = r->action.v[i];

		/* Which tags there are is another question from here on. */
		if (a && a->kind == ACTION_VLAN)
			return;
		for (size_t j = 0; a && (a->counter || a->set) && j < a->key.n; j++)
			facts_check_key(s, facts, a->key.v[j], a->set ? "the set is never changed" : "nothing is counted");
		if (a && a->kind == ACTION_REWRITE && a->may_miss)
			facts_check_key(s, facts, a->target, "nothing is written");
		if (a && a->way && a->verdict != VERDICT_NONE)
			way_reached(s, facts, a);
	}
	/* limits stand last, and those that have a name may be used elsewhere */
	for (size_t i = r->cond && r->cond->kind == EXPR_AND ? r->cond->sub.n : 0; i-- > 0 && r->cond->sub.v[i]->kind == EXPR_LIMIT;) {
		const struct ast_expr *e = r->cond->sub.v[i];

		for (size_t j = 0; !e->name.s && j < e->limit->key.n; j++)
			facts_check_key(s, facts, e->limit->key.v[j], "the rule never matches");
	}
}

/* Checks the condition; what holds behind it goes to @in, what holds where it is false stays in @out. */
static void cond_check(struct sema *s, const struct ast_rule *r, struct facts *in, struct facts *out)
{
	struct ast_expr *cond = r->cond;
	struct conflict c;

	*in = *out;
	if (!cond || !expr_check(s, cond) || out->dead)
		return;
	if (!facts_assume(s, in, cond, true, &c)) {
		facts_report(s, &c);
		in->dead = true;
		return;
	}
	if (r->kind == RULE_ACTIONS || facts_assume(s, out, cond, false, &c))
		return;
	out->dead = true;
	if (r->else_rule || r->has_else_block)
		facts_warn_always(s, cond, &c);
}

static bool block_check(struct sema *s, struct ast_rules *rules, const struct facts *facts, bool top);

/* True where every packet that comes to the rule is decided by it. */
static bool rule_check(struct sema *s, struct ast_rule *rule, const struct facts *facts)
{
	struct facts out = *facts, in;
	bool decides = true;

	for (struct ast_rule *r = rule; r && !diag_full(s->d); r = r->else_rule) {
		rule_enter(s, r);
		actions_check(s, r);
		cond_check(s, r, &in, &out);
		keys_check(s, r, &in);
		if (r->kind == RULE_ACTIONS)
			return !r->cond && r->verdict != VERDICT_NONE && !r->may_go_on;
		decides = block_check(s, &r->then_block, &in, false) && decides;
		if (r->has_else_block)
			decides = block_check(s, &r->else_block, &out, false) && decides;
		else if (!r->else_rule)
			decides = false;
	}
	return decides;
}

static void unreachable(struct sema *s, const struct ast_rule *r, const struct ast_rule *by)
{
	struct diag *e = diag_error(s->d, r->span, "this is never reached");
	const char *where = "";

	/* The note says where it is in what was made into rules. */
	if (by->span.src && !by->span.src->origin)
		where = arena_printf(s->a, " on line %u", source_line_col(by->span.src, by->span.begin).line);
	if (by->kind == RULE_ACTIONS)
		e->text = arena_printf(s->a, "this is never reached: `%s`%s decides about every packet before it",
				       by->action.v[by->action.n - 1]->word.s, where);
	else
		e->text = arena_printf(s->a, "this is never reached: every branch of the `if`%s decides", where);
	e->remedy = "take it out, move it up, or give the rule before it a condition";
	e->note_span = by->span;
	e->note = "decided here";
}

/* Warns where the rules before @r leave it no packet; @left: what is known of those that they leave. False: they do not. */
static bool taken_check(struct sema *s, const struct ast_rule *r, const struct facts *left)
{
	struct facts there = *left;
	struct conflict c;

	if (facts_assume(s, &there, r->cond, true, &c))
		return true;
	facts_warn_taken(s, r->cond, &c);
	return false;
}

static bool block_check(struct sema *s, struct ast_rules *rules, const struct facts *facts, bool top)
{
	struct facts here = *facts, left = *facts;
	const struct ast_rule *decided = NULL;
	bool reported = false;

	for (size_t i = 0; i < rules->list.n && !diag_full(s->d); i++) {
		struct arena_mark mark = arena_mark(s->scratch);
		struct ast_rule *r = rules->list.v[i];
		unsigned errors = s->d->errors;
		struct conflict c;
		bool asked;

		if (!r)
			continue;
		if (top) {
			decls_check(s, r->order);
			s->order = r->order;
		}
		if (decided && !reported) {
			unreachable(s, r, decided);
			reported = true;
		}
		if (rule_check(s, r, &here) && !decided)
			decided = r;
		/* a condition with errors is not resolved */
		if (r->may_go_on && s->d->errors == errors)
			cookie_check(s, r, &left);
		/* Conditions with errors are not resolved. */
		asked = r->cond && !s->d->errors && !here.dead && !left.dead && (s->d->analysed || taken_check(s, r, &left));
		arena_release(s->scratch, mark);
		if (asked && r->kind == RULE_ACTIONS && r->verdict != VERDICT_NONE && !r->may_go_on &&
		    !facts_assume(s, &left, r->cond, false, &c))
			left.dead = true;
		facts_forget(s, &here, r);
		facts_forget(s, &left, r);
	}
	return decided;
}

void rules_check(struct sema *s)
{
	struct facts none = { 0 };

	block_check(s, &s->unit->rules, &none, true);
	decls_check(s, UINT_MAX);
}

/* ---- options ---- */

void options_check(struct sema *s)
{
	struct ast_unit *u = s->unit;
	const struct ast_option *first = NULL;
	struct diag *e;

	for (size_t i = 0; i < u->options.n; i++) {
		const struct ast_option *o = u->options.v[i];

		if (!o || !o->name.s || !o->value.s)
			continue;
		if (strcmp(o->name.s, "counters")) {
			e = diag_error(s->d, o->name.span, "unknown option `%s`", sema_quote(s, o->name.span));
			e->remedy = "there is one option: `option counters on;` or `option counters off;`";
			continue;
		}
		if (first) {
			e = diag_error(s->d, o->span, "option `counters` is given twice");
			e->remedy = "keep one of them";
			e->note_span = first->span;
			e->note = "first given here";
			continue;
		}
		first = o;
		u->counters_off = !strcmp(o->value.s, "off");
		if (!u->counters_off && strcmp(o->value.s, "on")) {
			e = diag_error(s->d, o->value.span, "option `counters` cannot be `%s`", sema_quote(s, o->value.span));
			e->remedy = "write `on` or `off`";
		}
	}
}
