/*
 * Two versions of a file. In: both, checked. Out: the packets that they treat differently, by the rule that decided in the old one and the rule that
 * decides in the new one, each with a packet that both were run on.
 *
 * Rules that are in both, in the same order, are paired. Of a packet that has another verdict, the old version's deciding rule or the new one's
 * has no partner: if both had one, each would stand before the other. So only rules without a partner are looked at. What is no verdict
 * (counting, logging, writing) is compared by a formula that holds where it is not the same (analyse_deed.c). What is kept from one packet to the
 * next is compared by itself (analyse_state.c): only where that is the same do the same packets have the same answers.
 */
#include "analyse_diff.h"

#include <string.h>

/* ---- partners ---- */

static bool same_event(const struct event *a, const struct event *b)
{
	return a->when == b->when && a->what == b->what && a->decides == b->decides && a->acts == b->acts;
}

/* Pairs the same events from @from on in both, up to the first that differ. */
static size_t pair_begin(struct diff *d)
{
	const struct list *a = &d->side[0].list, *b = &d->side[1].list;
	size_t n = 0;

	while (n < a->event.n && n < b->event.n && same_event(&a->event.v[n], &b->event.v[n])) {
		d->side[0].partner[n] = d->side[1].partner[n] = n;
		n++;
	}
	return n;
}

struct chain {
	size_t old, new;
	size_t before;			/* in the chains; NO_EVENT: none */
};

/* The longest run of events that are in both lists in the same order: of each event of the old list the first of the new one that is the same and
 * not taken, and of those pairs the longest increasing row. */
static void pair_rest(struct diff *d, size_t from)
{
	const struct list *a = &d->side[0].list, *b = &d->side[1].list;
	struct space *s = &d->s;
	struct intern keys = { 0 };
	VEC(struct chain) chain = { 0 };
	size_t *first = arena_array(s->scratch, a->event.n + b->event.n, sizeof(*first));
	size_t *next = arena_array(s->scratch, b->event.n, sizeof(*next)), *best = arena_array(s->scratch, a->event.n, sizeof(*best)), n = 0;

	for (size_t k = b->event.n; k-- > from;) {
		const uint32_t key[4] = { b->event.v[k].when, b->event.v[k].what, b->event.v[k].decides, b->event.v[k].acts };
		bool fresh;
		uint32_t id = intern(s->scratch, &keys, key, sizeof(key), &fresh);

		if (fresh)
			first[id] = NO_EVENT;
		next[k] = first[id];
		first[id] = k;
	}
	for (size_t i = from; i < a->event.n; i++) {
		const uint32_t key[4] = { a->event.v[i].when, a->event.v[i].what, a->event.v[i].decides, a->event.v[i].acts };
		bool fresh;
		uint32_t id = intern(s->scratch, &keys, key, sizeof(key), &fresh);
		size_t lo = 0, hi = n;

		if (fresh)
			first[id] = NO_EVENT;
		if (first[id] == NO_EVENT)
			continue;
		*vec_add(s->scratch, &chain) = (struct chain){ i, first[id], NO_EVENT };
		first[id] = next[first[id]];
		while (lo < hi) {
			size_t mid = lo + (hi - lo) / 2;

			if (chain.v[best[mid]].new < chain.v[chain.n - 1].new)
				lo = mid + 1;
			else
				hi = mid;
		}
		if (lo)
			chain.v[chain.n - 1].before = best[lo - 1];
		best[lo] = chain.n - 1;
		if (lo == n)
			n++;
	}
	for (size_t c = n ? best[n - 1] : NO_EVENT; c != NO_EVENT; c = chain.v[c].before) {
		d->side[0].partner[chain.v[c].old] = chain.v[c].new;
		d->side[1].partner[chain.v[c].new] = chain.v[c].old;
	}
}

/* ---- what differs ---- */

struct change *diff_changed(struct diff *d, enum change_kind kind, const struct ast_rule *before, const struct ast_rule *after)
{
	struct change *c = vec_add(d->s.a, &d->out->list);

	c->kind = kind;
	c->before = before;
	c->after = after;
	return c;
}

void diff_open(struct diff *d, struct change *c, const char *why)
{
	c->undecided = true;
	c->text = why;
	d->out->undecided++;
}

/* A packet that is to be shown: which events decide about it, old and new. */
struct shown {
	struct diff *d;
	uint32_t target;
	const size_t *at;
};

static bool is_shown(void *arg, struct witness *w)
{
	const struct shown *x = arg;
	struct seen seen;

	seen_look(&seen, &x->d->s, w);
	if (!seen_holds(&seen, x->target))
		return false;
	for (int i = 0; i < 2; i++)
		if (seen_first(&seen, &x->d->side[i].list, x->d->side[i].decides) != x->at[i])
			return false;
	return true;
}

/* Both versions are run. False: what they do is not what was found. */
static bool confirmed(struct diff *d, struct change *c, struct witness *w, const size_t at[2])
{
	for (int i = 0; i < 2; i++) {
		struct check check = { { NULL, NULL } };
		const struct event *e = &d->side[i].list.event.v[at[i]];

		if (!check_run(&d->s, &d->side[i].list, w, &check) || check.came.rule != e->rule)
			return false;
		c->verdict[i] = check.came.verdict;
	}
	return c->kind == CHANGE_VERDICT || deeds_compare(d, w, at, c);
}

/* The packets of @target that these two decide about, of which there is @w. */
static void class(struct diff *d, enum change_kind kind, uint32_t target, struct witness *w, const size_t at[2])
{
	struct change *c = diff_changed(d, kind, d->side[0].list.event.v[at[0]].rule, d->side[1].list.event.v[at[1]].rule);

	check_shorten(&d->s, w, is_shown, &(struct shown){ d, target, at });
	if (!confirmed(d, c, w, at)) {
		diff_open(d, c, "no packet was found that shows it");
		return;
	}
	witness_tell(&d->s, w);
	c->packet = w;
}

/* @at: the old and the new event; they do the same for a verdict. What else is done may be different of some of their packets. */
static void other_deeds(struct diff *d, uint32_t when, const size_t at[2])
{
	const struct event *e[2] = { &d->side[0].list.event.v[at[0]], &d->side[1].list.event.v[at[1]] };
	uint32_t target = AND(&d->s, when, deeds_differ(d, e[0], e[1]));
	bool *want[2];
	struct demand dm[2];
	struct witness *w = arena_alloc(d->s.a, sizeof(*w));
	size_t found[2];

	for (int i = 0; i < 2; i++) {
		want[i] = arena_array(d->s.scratch, d->side[i].list.event.n, sizeof(bool));
		want[i][at[i]] = true;
		dm[i] = (struct demand){ &d->side[i].list, d->side[i].decides, want[i] };
	}
	switch (ask(&d->s, target, dm, 2, w, found, NULL)) {
	case ANSWER_NO:
		break;
	case ANSWER_YES:
		class(d, CHANGE_ACTIONS, target, w, at);
		break;
	case ANSWER_OPEN:
		diff_open(d, diff_changed(d, CHANGE_ACTIONS, e[0]->rule, e[1]->rule), "whether they do the same beside the verdict");
		break;
	}
}

/* What @mine decides without a partner, by what decides in the other version and does something else; pairs of two without a partner are found from
 * the old side. */
static void decider(struct diff *d, int side, size_t mine)
{
	const struct side *my = &d->side[side], *other = &d->side[!side];
	const struct event *e = &my->list.event.v[mine];
	bool *only = arena_array(d->s.a, my->list.event.n, sizeof(*only)), *want = arena_array(d->s.a, other->list.event.n, sizeof(*want));
	const struct demand dm[2] = { { &my->list, my->decides, only }, { &other->list, other->decides, want } };

	only[mine] = true;
	for (size_t k = 0; k < other->list.event.n; k++) {
		const struct event *x = &other->list.event.v[k];

		want[k] = x->decides && x->what != e->what && (side == 0 || other->partner[k] != NO_EVENT);
	}
	for (;;) {
		struct arena_mark mark = arena_mark(d->s.scratch);
		struct witness *w = arena_alloc(d->s.a, sizeof(*w));
		size_t at[2], pair[2];
		enum answer r = ask(&d->s, e->when, dm, 2, w, at, NULL);

		if (r == ANSWER_OPEN)
			diff_open(d, diff_changed(d, CHANGE_VERDICT, side ? NULL : e->rule, side ? e->rule : NULL),
				  "whether the other version does the same to all of its packets");
		if (r != ANSWER_YES)
			return;
		pair[side] = mine;
		pair[!side] = at[1];
		if (other->list.event.v[at[1]].verdict_is != e->verdict_is)
			class(d, CHANGE_VERDICT, e->when, w, pair);
		else
			other_deeds(d, e->when, pair);
		want[at[1]] = false;
		arena_release(d->s.scratch, mark);
	}
}

static void doers_open(struct diff *d, enum verdict verdict)
{
	const char *why = arena_printf(d->s.a, "whether the same is done beside the verdict of all packets whose verdict is %s in both",
				       lang_verdicts[verdict].name);

	for (size_t i = 0; i < d->out->list.n; i++)
		if (d->out->list.v[i].undecided && !strcmp(d->out->list.v[i].text, why))
			return;
	diff_open(d, diff_changed(d, CHANGE_ACTIONS, NULL, NULL), why);
}

/* Deciders that do the same, @what: all two of them, of which a packet has something else done before. */
static void doers(struct diff *d, uint32_t what, enum verdict verdict, uint32_t differ)
{
	bool *want[2];
	struct demand dm[2];

	for (int i = 0; i < 2; i++) {
		want[i] = arena_array(d->s.a, d->side[i].list.event.n, sizeof(bool));
		dm[i] = (struct demand){ &d->side[i].list, d->side[i].decides, want[i] };
		for (size_t k = 0; k < d->side[i].list.event.n; k++)
			want[i][k] = d->side[i].decides[k] && d->side[i].list.event.v[k].what == what;
	}
	for (;;) {
		struct arena_mark mark = arena_mark(d->s.scratch);
		bool *one = arena_array(d->s.a, d->side[0].list.event.n, sizeof(*one)), *rest = want[1];
		struct demand pair[2] = { { &d->side[0].list, d->side[0].decides, one }, { &d->side[1].list, d->side[1].decides, rest } };
		struct witness *w = arena_alloc(d->s.a, sizeof(*w));
		size_t at[2], first;
		enum answer r = ask(&d->s, differ, dm, 2, w, at, NULL);

		if (r == ANSWER_OPEN)
			doers_open(d, verdict);
		if (r != ANSWER_YES)
			return;
		first = at[0];
		one[first] = true;
		rest = arena_copy(d->s.a, want[1], d->side[1].list.event.n * sizeof(*rest));
		pair[1].want = rest;
		do {
			class(d, CHANGE_ACTIONS, differ, w, at);
			rest[at[1]] = false;
			w = arena_alloc(d->s.a, sizeof(*w));
			r = ask(&d->s, differ, pair, 2, w, at, NULL);
		} while (r == ANSWER_YES);
		if (r == ANSWER_OPEN)
			diff_open(d, diff_changed(d, CHANGE_ACTIONS, d->side[0].list.event.v[first].rule, NULL),
				  "whether the same is done beside the verdict");
		want[0][first] = false;
		arena_release(d->s.scratch, mark);
	}
}

static void all_doers(struct diff *d)
{
	uint32_t differ = deeds_differ(d, NULL, NULL);
	struct intern whats = { 0 };

	if (differ == NEVER)
		return;
	for (size_t k = 0; k < d->side[0].list.event.n; k++) {
		const struct event *e = &d->side[0].list.event.v[k];
		bool fresh;

		if (!e->decides)
			continue;
		intern(d->s.a, &whats, &e->what, sizeof(e->what), &fresh);
		if (fresh)
			doers(d, e->what, e->verdict, differ);
	}
}

void analyse_diff(struct arena *a, const struct ast_program *before, const struct ast_program *after, const struct analyse_options *o,
		  struct changes *out)
{
	const struct ast_program *p[2] = { before, after };
	struct diff d = { .out = out };

	*out = (struct changes){ 0 };
	space_init(&d.s, a, o);
	d.s.scratch = arena_new();
	for (int i = 0; i < 2; i++) {
		struct side *side = &d.side[i];

		out->unit[i] = p[i]->units.v[0];
		list_read(&d.s, i, p[i], p[i]->units.v[0], &side->list);
		side->decides = list_decides(&d.s, &side->list);
		side->partner = arena_array(a, side->list.event.n, sizeof(*side->partner));
		for (size_t k = 0; k < side->list.event.n; k++)
			side->partner[k] = NO_EVENT;
	}
	pair_rest(&d, pair_begin(&d));
	deeds_read(&d);
	for (int i = 0; i < 2; i++)
		for (size_t k = 0; k < d.side[i].list.event.n; k++)
			if (d.side[i].partner[k] == NO_EVENT && d.side[i].decides[k])
				decider(&d, i, k);
	all_doers(&d);
	limits_compare(&d);
	sets_compare(&d);
	if (d.too_much)
		diff_open(&d, diff_changed(&d, CHANGE_ACTIONS, NULL, NULL), "there are too many rules that count, log, write or ask a limit");
	for (int i = 0; i < 2; i++)
		list_close(&d.side[i].list);
	arena_free(d.s.scratch);
}
