/*
 * Limits that count a packet twice. In: a file's limits and what holds where they are asked. Out: pairs of places that the same packet gets to, which
 * takes a token at both: of one limit, which then lets half as much through, or of two with the same key. Two limits of different keys,
 * such as an address and its network, are a hierarchy, which is meant.
 */
#include "analyse_priv.h"

enum { MOST_PAIRS = 2000000, MOST_ASKED = 2000 };

struct place {
	size_t event;
	uint32_t before;
	const struct ast_expr *expr;
};

static bool same_operand(const struct ast_operand *a, const struct ast_operand *b)
{
	return a->inner == b->inner && a->kind == b->kind && a->field == b->field && a->off == b->off && a->len == b->len &&
	       a->n_prefix == b->n_prefix && a->prefix[0] == b->prefix[0] && a->prefix[1] == b->prefix[1];
}

static bool same_key(const struct ast_limit *a, const struct ast_limit *b)
{
	if (a->key.n != b->key.n || a->bytes != b->bytes)
		return false;
	for (size_t i = 0; i < a->key.n; i++)
		if (!same_operand(a->key.v[i], b->key.v[i]))
			return false;
	return true;
}

struct shown {
	struct file *f;
	uint32_t target;
	size_t from;
};

static bool is_shown(void *arg, struct witness *w)
{
	const struct shown *x = arg;
	struct seen seen;

	seen_look(&seen, x->f->s, w);
	return seen_holds(&seen, x->target) && seen_first(&seen, x->f->list, x->f->decides) >= x->from;
}

/* The evaluator's buckets were asked by both. */
static bool asks_both(struct file *f, struct witness *w, const struct ast_limit *a, const struct ast_limit *b, const struct ast_rule **decider)
{
	struct check check = { { a, b } };

	if (!check_run(f->s, f->list, w, &check))
		return false;
	*decider = check.came.rule;
	return a == b ? check.asked[0] > 1 : check.asked[0] && check.asked[1];
}

static void pair(struct file *f, const struct place *a, const struct place *b)
{
	const struct ast_limit *la = a->expr->limit, *lb = b->expr->limit;
	uint32_t both = AND(f->s, a->before, b->before);
	struct witness *w = arena_alloc(f->s->a, sizeof(*w));
	const struct event *e = &f->list->event.v[b->event];
	const struct ast_rule *decider = NULL;
	struct finding *x;
	size_t at;

	switch (file_ask(f, both, b->event, w, &at, NULL)) {
	case ANSWER_NO:
		return;
	case ANSWER_OPEN:
		file_open(f, e->rule, "whether a packet takes from its limit and from one before");
		return;
	case ANSWER_YES:
		break;
	}
	check_shorten(f->s, w, is_shown, &(struct shown){ f, both, b->event });
	if (!asks_both(f, w, la, lb, &decider)) {
		file_open(f, e->rule, "a packet seems to take from its limit and from one before, but none was found that shows it");
		return;
	}
	x = file_found(f, la == lb ? FINDING_LIMIT_TWICE : FINDING_LIMITS, e->rule);
	*vec_add(f->s->a, &x->by) = f->list->event.v[a->event].rule;
	x->span = b->expr->span;
	x->other = a->expr->span;
	x->name = la == lb ? la->shown : NULL;
	witness_tell(f->s, w);
	x->packet = w;
	x->decider = decider;
}

void limits_find(struct file *f)
{
	VEC(struct place) all = { 0 };
	size_t pairs = 0, asked = 0;

	for (size_t i = 0; i < f->list->event.n; i++)
		for (size_t k = 0; k < f->list->event.v[i].limit.n; k++)
			*vec_add(f->s->a, &all) = (struct place){ i, f->list->event.v[i].limit.v[k].before, f->list->event.v[i].limit.v[k].expr };
	for (size_t b = 0; b < all.n; b++)
		for (size_t a = 0; a < b; a++) {
			if (++pairs > MOST_PAIRS || asked > MOST_ASKED) {
				file_open(f, NULL, "there are too many limits to look at every two of them");
				return;
			}
			if (all.v[a].event == all.v[b].event || !same_key(all.v[a].expr->limit, all.v[b].expr->limit) ||
			    forms_apart(f->s, all.v[a].before, all.v[b].before))
				continue;
			asked++;
			pair(f, &all.v[a], &all.v[b]);
		}
}
