/*
 * Rules that change nothing. In: a file's rules. Out: those that no packet matches; those all of whose packets rules before them decide about; those
 * without which the same would happen to all of their packets. The first two are said of rules that do something else than decide, too.
 */
#include "analyse_priv.h"

#include <string.h>

/* A packet that is to be shown: for @target something holds, and @at decides. */
struct shown {
	struct file *f;
	uint32_t target;
	size_t at;		/* in the whole list */
	const bool *rest;	/* and of these, @then; NULL: not asked */
	size_t then;
};

static bool is_shown(void *arg, struct witness *w)
{
	const struct shown *x = arg;
	struct seen seen;

	seen_look(&seen, x->f->s, w);
	return seen_holds(&seen, x->target) && seen_first(&seen, x->f->list, x->f->decides) == x->at &&
	       (!x->rest || seen_first(&seen, x->f->list, x->rest) == x->then);
}

static bool decided_by(struct file *f, struct witness *w, const struct event *e)
{
	struct check check = { { NULL, NULL } };

	return check_run(f->s, f->list, w, &check) && check.came.rule == e->rule;
}

/* ---- never ---- */

static void none_left(struct file *f, size_t i, const struct reason *why)
{
	const struct event *e = &f->list->event.v[i];
	bool drops = e->decides && e->verdict == VERDICT_PASS;
	struct witness *w = arena_alloc(f->s->a, sizeof(*w));
	struct finding *x;
	size_t at;

	if (why->target_empty) {
		file_found(f, FINDING_NEVER, e->rule);
		return;
	}
	if (file_ask(f, e->when, 0, w, &at, NULL) != ANSWER_YES || at >= i) {
		file_open(f, e->rule, "rules before it seem to decide about all of its packets, but none was found that shows it");
		return;
	}
	check_shorten(f->s, w, is_shown, &(struct shown){ f, e->when, at, NULL, NO_EVENT });
	if (!decided_by(f, w, &f->list->event.v[at])) {
		file_open(f, e->rule, "rules before it seem to decide about all of its packets, but none was found that shows it");
		return;
	}
	for (size_t k = 0; k < why->event.n; k++)
		drops = drops && f->list->event.v[why->event.v[k]].verdict == VERDICT_DROP;
	x = file_found(f, drops ? FINDING_PASS_AFTER_DROP : FINDING_SHADOWED, e->rule);
	for (size_t k = 0; k < why->event.n; k++)
		*vec_add(f->s->a, &x->by) = f->list->event.v[why->event.v[k]].rule;
	witness_tell(f->s, w);
	x->packet = w;
	x->decider = f->list->event.v[at].rule;
}

/* ---- the same without ---- */

/* The program without the rule, which is back when the packet was run. */
static bool same_without(struct file *f, struct witness *w, const struct event *e, const struct event *then)
{
	struct ast_rule *r = (struct ast_rule *)e->rule;
	struct ast_expr nothing = { .kind = EXPR_OR, .span = r->span }, *cond = r->cond;
	struct check check = { { NULL, NULL } };
	bool same;

	/* one of nothing: it never holds */
	r->cond = &nothing;
	same = check_run(f->s, f->list, w, &check) && check.came.rule == then->rule && check.came.verdict == then->verdict;
	r->cond = cond;
	return same;
}

static void redundant(struct file *f, size_t i, struct witness *w, const bool *rest, size_t then)
{
	const struct event *e = &f->list->event.v[i], *t = &f->list->event.v[then];
	struct finding *x;

	check_shorten(f->s, w, is_shown, &(struct shown){ f, e->when, i, rest, then });
	if (!decided_by(f, w, e) || !same_without(f, w, e, t)) {
		file_open(f, e->rule, "it seems to be redundant, but no packet was found that shows it");
		return;
	}
	x = file_found(f, FINDING_REDUNDANT, e->rule);
	*vec_add(f->s->a, &x->by) = t->rule;
	witness_tell(f->s, w);
	x->packet = w;
	x->decider = e->rule;
}

/* Without the rule, are there packets that ask a limit, or ask one no more, of which others are told by what is left in it? Only where it is
 * certain that there are none, NO. */
static enum answer takes(struct file *f, size_t i, const bool *want)
{
	const struct list *l = f->list;
	bool *past = arena_array(f->s->scratch, l->event.n, sizeof(*past)), *rest = arena_array(f->s->scratch, l->event.n, sizeof(*rest));
	const struct demand d[2] = { { l, f->decides, want }, { l, rest, past } };

	for (size_t k = 0; k < l->event.n; k++)
		rest[k] = f->decides[k] && k != i;
	for (size_t n = 0; n < l->site.n; n++) {
		const struct site *x = &l->site.v[n];
		struct witness w;
		size_t at[2];
		enum answer r;

		for (size_t k = 0; k < l->site.n && x->event == i; k++)
			if (l->site.v[k].limit == x->limit && l->site.v[k].event != i)
				return ANSWER_YES;
		if (x->event <= i || forms_apart(f->s, l->event.v[i].when, x->asked))
			continue;
		for (size_t k = 0; k < l->event.n; k++)
			past[k] = k >= x->event;
		r = ask(f->s, AND(f->s, l->event.v[i].when, x->asked), d, 2, &w, at, NULL);
		if (r != ANSWER_NO)
			return r;
	}
	return ANSWER_NO;
}

/* @w: the rule decides about it. */
static void same_check(struct file *f, size_t i, bool *want, struct witness *w)
{
	const struct list *l = f->list;
	const struct event *e = &l->event.v[i];
	bool *rest = arena_array(f->s->scratch, l->event.n, sizeof(*rest)), *other = arena_array(f->s->scratch, l->event.n, sizeof(*other));
	struct demand d[2] = { { l, f->decides, want }, { l, rest, other } };
	struct witness changed;
	struct seen seen;
	size_t at[2], then;

	for (size_t k = i + 1; k < l->event.n; k++)
		rest[k] = l->event.v[k].acts || l->event.v[k].decides;
	seen_look(&seen, f->s, w);
	then = seen_first(&seen, l, rest);
	if (then == NO_EVENT || l->event.v[then].acts || l->event.v[then].what != e->what)
		return;
	for (size_t k = i + 1; k < l->event.n; k++)
		other[k] = l->event.v[k].acts || (l->event.v[k].decides && l->event.v[k].what != e->what);
	switch (ask(f->s, e->when, d, 2, &changed, at, NULL)) {
	case ANSWER_NO:
		break;
	case ANSWER_YES:
		return;
	case ANSWER_OPEN:
		file_open(f, e->rule, "whether it is redundant");
		return;
	}
	switch (takes(f, i, want)) {
	case ANSWER_NO:
		redundant(f, i, w, rest, then);
		break;
	case ANSWER_YES:
		break;
	case ANSWER_OPEN:
		file_open(f, e->rule, "whether it keeps packets from taking from a limit");
		break;
	}
}

void rules_find(struct file *f)
{
	const struct list *l = f->list;
	bool *want = arena_array(f->s->a, l->event.n, sizeof(*want));

	memset(want, true, l->event.n);
	for (size_t i = 0; i < l->event.n; want[i++] = false) {
		const struct event *e = &l->event.v[i];
		struct demand d = { l, f->decides, want };
		struct arena_mark mark = arena_mark(f->s->scratch);
		struct reason why = { 0 };
		struct witness w;
		size_t at[2];

		if (!e->rule || (!e->decides && !e->acts))
			continue;
		switch (ask(f->s, e->when, &d, 1, &w, at, &why)) {
		case ANSWER_NO:
			none_left(f, i, &why);
			break;
		case ANSWER_YES:
			if (e->decides && !e->acts)
				same_check(f, i, want, arena_copy(f->s->a, &w, sizeof(w)));
			break;
		case ANSWER_OPEN:
			file_open(f, e->rule, "whether any packet gets to it");
			break;
		}
		arena_release(f->s->scratch, mark);
	}
}
