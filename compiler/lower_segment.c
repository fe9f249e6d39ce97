/*
 * Which rules become one classifier, and as which entries. In: a list of rules. Out: a run of them as code around tables, or the word that they
 * are better one by one. Order is kept exactly: entries stand in the rules' order, and a rule behind which packets may differ from what the
 * tables were asked about ends the run.
 *
 * A rule that decides, and asks nothing but what tables know, is an entry of data. A block is taken apart: the rules in it ask what the block
 * asks, too, and its own entry only counts. Everything else is code that the tables say when to run.
 */
#include <stdio.h>
#include <string.h>

#include "lower_share.h"

static bool counted(const struct ast_unit *u)
{
	return !u->counters_off;
}

/* Does a packet that goes on behind the rule differ from what it was? */
static bool changes_packet(const struct ast_rule *r)
{
	for (; r; r = r->else_rule) {
		bool goes_on = r->verdict == VERDICT_NONE || r->may_go_on;

		for (size_t i = 0; goes_on && i < r->action.n; i++)
			if (r->action.v[i]->kind == ACTION_REWRITE || r->action.v[i]->kind == ACTION_VLAN || r->may_go_on)
				return true;
		for (size_t i = 0; i < r->then_block.list.n; i++)
			if (changes_packet(r->then_block.list.v[i]))
				return true;
		for (size_t i = 0; i < r->else_block.list.n; i++)
			if (changes_packet(r->else_block.list.v[i]))
				return true;
	}
	return false;
}

static bool decides(const struct ast_rule *r)
{
	return r->kind == RULE_ACTIONS && r->verdict != VERDICT_NONE && !r->may_go_on;
}

/* The verdict alone, as data has it; false: it takes code. */
static bool plain_verdict(const struct ast_rule *r, unsigned *kind)
{
	const struct ast_action *a = r->action.n ? r->action.v[0] : NULL;

	if (!decides(r) || r->action.n != 1 || a->way)
		return false;
	switch (r->verdict) {
	case VERDICT_ABORT:
		*kind = CLASSIFY_DECIDE + CLASSIFY_ABORT;
		return true;
	case VERDICT_DROP:
		*kind = CLASSIFY_DECIDE + CLASSIFY_DROP;
		return true;
	case VERDICT_PASS:
		*kind = CLASSIFY_DECIDE + CLASSIFY_PASS;
		return true;
	case VERDICT_TX:
		*kind = CLASSIFY_DECIDE + (a->swap ? CLASSIFY_SWAP : CLASSIFY_TX);
		return true;
	case VERDICT_REDIRECT:
	case VERDICT_NONE:
	case VERDICT_COUNT:
		return false;
	}
	return false;
}

static struct lower_entry *add_entry(struct lower *l, struct lower_run *run, const struct ast_rule *r, unsigned kind, bool stops, bool sure,
				     const struct cover *c)
{
	struct lower_entry *e;

	uint32_t place = (uint32_t)run->entry.n;

	if (r->index >= CLASSIFY_WORD_END) {
		run->failed = true;
		return NULL;
	}
	e = vec_add(l->arena, &run->entry);
	*e = (struct lower_entry){ r, classify_what(kind, kind == CLASSIFY_CODE ? (uint32_t)run->codes : r->index), sure, r };
	*vec_add(l->arena, &run->rules.entry) = (struct classify_entry){ classify_what(kind, place), stops };
	run->codes += kind == CLASSIFY_CODE;
	run->counts += kind == CLASSIFY_COUNT;
	run->broad += kind == CLASSIFY_CODE && !cover_is_narrow(c);
	for (size_t i = 0; i < c->term.n; i++) {
		struct classify_term t = c->term.v[i];

		t.entry = place;
		*vec_add(l->arena, &run->rules.term) = t;
	}
	return e;
}

static void add_list(struct lower *l, const struct lower_work *w, struct lower_run *run, const struct ast_rules *rules, const struct cover *c);

static void add_actions(struct lower *l, struct lower_run *run, const struct ast_rule *r, const struct cover *outer)
{
	struct cover own = cover_cond(l, run, r->cond, false), c = cover_inside(l, run, outer, &own);
	struct lower_entry *e;
	unsigned kind;

	run->n_rules++;
	if (own.exact && c.exact && plain_verdict(r, &kind)) {
		add_entry(l, run, r, kind, true, true, &c);
		return;
	}
	e = add_entry(l, run, r, CLASSIFY_CODE, c.exact && decides(r), c.exact, &c);
	if (e && !c.exact)
		e->rest = rest_of(l, run, r, outer);
}

/* A block with its else branches, taken apart; false: tables do not know exactly which packets go where. */
static bool split_block(struct lower *l, const struct lower_work *w, struct lower_run *run, const struct ast_rule *r, const struct cover *outer)
{
	struct cover left = *outer, in[COVER_MAX_TERMS];
	size_t n = 0;

	if (!r->then_block.list.n && r->kind != RULE_IF)
		return false;
	/* first whether it can be done at all */
	for (const struct ast_rule *c = r; c; c = c->else_rule) {
		struct cover own = cover_cond(l, run, c->cond, false), not = cover_cond(l, run, c->cond, true);

		if (n + 1 == COVER_MAX_TERMS || c->kind != RULE_IF)
			return false;
		in[n] = cover_and(l, run, &left, &own);
		if (!in[n].exact)
			return false;
		n++;
		if (!c->else_rule && !c->has_else_block)
			break;
		left = cover_and(l, run, &left, &not);
		if (!left.exact)
			return false;
	}
	n = 0;
	for (const struct ast_rule *c = r; c; c = c->else_rule) {
		if (counted(w->unit))
			add_entry(l, run, c, CLASSIFY_COUNT, false, true, &in[n]);
		run->n_rules++;
		add_list(l, w, run, &c->then_block, &in[n++]);
		if (c->has_else_block)
			add_list(l, w, run, &c->else_block, &left);
	}
	return true;
}

/* A block that is code: where its first branch cannot be entered, another may be. */
static void add_block(struct lower *l, struct lower_run *run, const struct ast_rule *r, const struct cover *outer)
{
	struct cover own = cover_cond(l, run, r->else_rule || r->has_else_block ? NULL : r->cond, false), c = cover_inside(l, run, outer, &own);

	add_entry(l, run, r, CLASSIFY_CODE, false, false, &c);
	for (; r; r = r->else_rule)
		run->n_rules++;
}

static void add_list(struct lower *l, const struct lower_work *w, struct lower_run *run, const struct ast_rules *rules, const struct cover *c)
{
	for (size_t i = 0; i < rules->list.n; i++) {
		const struct ast_rule *r = rules->list.v[i];

		if (r->kind == RULE_ACTIONS)
			add_actions(l, run, r, c);
		else if (!split_block(l, w, run, r, c))
			add_block(l, run, r, c);
	}
}

/* Takes rules from @i on, at most @most; how many became one run. */
static size_t gather(struct lower *l, const struct lower_work *w, const struct ast_rules *rules, size_t i, size_t most, struct lower_run *run)
{
	struct cover all = cover_cond(l, run, NULL, false);
	size_t n = 0;

	while (n < most && run->broad < LOWER_MAX_BROAD) {
		const struct ast_rules one = { .list = { (struct ast_rule **)&rules->list.v[i + n], 1, 1 } };

		add_list(l, w, run, &one, &all);
		if (changes_packet(rules->list.v[i + n++])) {
			run->ends = arena_printf(l->arena, "behind `%s` packets may differ from what they were", rules->list.v[i + n - 1]->shown);
			return n;
		}
	}
	if (n < most)
		run->ends = arena_printf(l->arena, "%d of its rules are asked for nearly every packet", LOWER_MAX_BROAD);
	return n;
}

/* The same rules over the same dimensions, whose order is another. */
static struct lower_run *again(struct lower *l, const struct lower_work *w, const struct ast_rules *rules, size_t i, size_t n,
			       const struct lower_run *first)
{
	struct lower_run *run = arena_alloc(l->arena, sizeof(*run));

	memcpy(run->dim, first->dim, sizeof(run->dim));
	memcpy(run->rules.dim, first->rules.dim, sizeof(run->rules.dim));
	run->rules.n_dims = first->rules.n_dims;
	run->slices = first->slices;
	gather(l, w, rules, i, n, run);
	run->ends = first->ends;
	return run;
}

static size_t fewest(const struct lower *l)
{
	return l->classify.engine == ENGINE_AUTO ? LOWER_CLASSIFY_FROM : 1;
}

bool lower_may_classify(const struct lower *l)
{
	return l->classify.engine != ENGINE_LINEAR && l->ast->n_indexes > fewest(l);
}

/* The table of what entries do. */
static bool keep_what(struct lower *l, const struct lower_run *run)
{
	size_t off = image_add(&l->ir->image, 4 * run->entry.n, 64);
	struct classify_places *head;

	/* code finds it by a mask */
	if (l->ir->image.failed || run->what >= IMAGE_HEAD)
		return false;
	*vec_add(l->arena, &l->ir->whats) = (struct ir_whats){ run->what, run->entry.n };
	head = image_at(&l->ir->image, run->what);
	*head = (struct classify_places){ (uint32_t)off, run->entry.v[0].rule->index };
	for (size_t i = 0; i < run->entry.n; i++) {
		((uint32_t *)image_at(&l->ir->image, off))[i] = run->entry.v[i].what;
		if (run->entry.v[i].rule->index != run->entry.v[0].rule->index + i)
			head->base = CLASSIFY_BY_TABLE;
	}
	return true;
}

/* Few enough to be code one by one, where that is not forbidden? */
static bool may_be_plain(const struct lower *l, const struct lower_run *run)
{
	return l->classify.engine == ENGINE_AUTO && !l->no_plain && run->entry.n - run->broad <= LOWER_PLAIN_RULES;
}

static void say_too_long(struct lower *l, const struct lower_run *run)
{
	struct diag *d = diag_error(l->diag, run->entry.v[0].rule->span, "--engine=%s: tables for the rules from here on would take too long to make",
				    classify_engine_name(l->classify.engine));

	d->remedy = "leave --engine out: the compiler then chooses what is made in time";
}

/* NULL: no, and why not. */
static struct classifier *build(struct lower *l, struct lower_run *run, const char **why)
{
	struct classify_options o = l->classify;
	struct classifier *c;

	/* more is not worth it, and not the time to find out */
	if (may_be_plain(l, run) && o.max_bytes > LOWER_PLAIN_TABLES)
		o.max_bytes = LOWER_PLAIN_TABLES;

	if (run->failed || !run->rules.n_dims) {
		*why = run->failed ? "a program has at most 16 million rules in tables" : "they ask nothing that tables know";
		return NULL;
	}
	c = classify_build(l->arena, &run->rules, &o, &l->ir->image, why);
	if (classify_too_long(l->classify_work))
		say_too_long(l, run);
	/* the last of several attempts failed for a reason that says little of the others */
	if (!c && may_be_plain(l, run))
		*why = arena_printf(l->arena, "they do not fit tables of %d MB, and so few are not worth larger ones", LOWER_PLAIN_TABLES >> 20);
	if (!c || keep_what(l, run))
		return c;
	*why = "the tables of the program have no room for more";
	return NULL;
}

/* Where rules ask for many different fields, few of them are found sooner one by one than in tables of all that. */
static const char *too_dear(struct lower *l, const struct lower_run *run, const struct classifier *c)
{
	size_t narrow = run->entry.n - run->broad;

	if (!may_be_plain(l, run) || narrow >= LOWER_RULES_PER_LOAD * (size_t)classify_loads(c))
		return NULL;
	return arena_printf(l->arena, "tables would take up to %u look-ups a packet, which is more than %zu rules cost one by one", classify_loads(c),
			    narrow);
}

/* Do tables of fields and headers know too little of the rules, where pieces of the packet would say more? */
static bool wants_slices(struct lower *l, const struct lower_run *run)
{
	return (run->entry.n - run->broad < fewest(l) || run->broad >= LOWER_MAX_BROAD || run->codes >= LOWER_MANY_CODES) && slices_any(l);
}

/* Takes back what was made of rules that are no run, but for why. */
static const char *forget(struct lower *l, const struct share_mark *start, const char *why)
{
	char text[300];

	snprintf(text, sizeof(text), "%s", why);
	share_take_back(l, start);
	return arena_printf(l->arena, "%s", text);
}

size_t lower_segment(struct lower *l, const struct lower_work *w, const struct ast_rules *rules, size_t i, bool *taken)
{
	size_t n = rules->list.n - i, all = n;
	const char *why = NULL;
	bool slices = false;

	*taken = false;
	while (lower_may_classify(l) && !classify_too_long(l->classify_work)) {
		struct share_mark start = share_mark(l);
		struct lower_run *run = arena_alloc(l->arena, sizeof(*run));
		struct classifier *c;
		struct image_mark before;
		struct ir_segment *s;
		const char *dear;

		run->slices = slices;
		n = gather(l, w, rules, i, n, run);
		if (!slices && wants_slices(l, run)) {
			slices = true;
			n = all;
			continue;
		}
		if (!dims_sort(run))
			run = again(l, w, rules, i, n, run);
		if (run->entry.n - run->broad < fewest(l))
			break;
		before = image_mark(&l->ir->image);
		run->what = image_describe(&l->ir->image, sizeof(struct classify_places), 8);
		c = build(l, run, &why);
		dear = c ? too_dear(l, run, c) : NULL;
		if (dear) {
			l->ir->whats.n--;
			image_cut(&l->ir->image, before);
			why = dear;
			break;
		}
		if (c) {
			*taken = true;
			if (why && !run->ends)
				run->ends = arena_printf(l->arena, "with more rules, %s", why);
			s = report_run(l, rules, i, n, run, c);
			lower_run(l, w, run, c);
			s->bodies = run->bodies;
			return n;
		}
		/* what is code without them may be data with them */
		if (!slices && slices_any(l)) {
			slices = true;
			n = all;
			continue;
		}
		if (n == 1 || may_be_plain(l, run))
			break;
		n = all = n / 2;
		slices = false;
		why = forget(l, &start, why);
	}
	report_plain(l, rules, i, n, why);
	return n;
}
