/*
 * Two versions of a file. In: both, checked. Out: the packets that they treat differently, by the rule that decided in the old one and the rule that
 * decides in the new one, each with a packet that both were run on.
 *
 * Rules that are in both, in the same order, are paired. Of a packet that is treated differently, the old version's rule or the new one's has no
 * partner: if both had one, each would stand before the other. So only rules without a partner are looked at. What is no verdict (counting,
 * logging, writing) is compared, too: of the packets that get to it in one version only.
 */
#include "analyse_priv.h"

#include <string.h>

struct side {
	struct list list;
	size_t *partner;		/* in the other list, or NO_EVENT */
	const bool *decides;
};

struct diff {
	struct space s;
	struct side side[2];
	struct changes *out;
};

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
	VEC(size_t) first = { 0 };
	VEC(struct chain) chain = { 0 };
	size_t *next = arena_array(s->scratch, b->event.n + 1, sizeof(*next)), *best = arena_array(s->scratch, a->event.n + 1, sizeof(*best)), n = 0;

	for (size_t k = b->event.n; k-- > from;) {
		const uint32_t key[4] = { b->event.v[k].when, b->event.v[k].what, b->event.v[k].decides, b->event.v[k].acts };
		bool fresh;
		uint32_t id = intern(s->scratch, &keys, key, sizeof(key), &fresh);

		if (fresh)
			*vec_add(s->scratch, &first) = NO_EVENT;
		next[k] = first.v[id];
		first.v[id] = k;
	}
	for (size_t i = from; i < a->event.n; i++) {
		const uint32_t key[4] = { a->event.v[i].when, a->event.v[i].what, a->event.v[i].decides, a->event.v[i].acts };
		bool fresh;
		uint32_t id = intern(s->scratch, &keys, key, sizeof(key), &fresh);
		size_t lo = 0, hi = n;

		if (fresh)
			*vec_add(s->scratch, &first) = NO_EVENT;
		if (first.v[id] == NO_EVENT)
			continue;
		*vec_add(s->scratch, &chain) = (struct chain){ i, first.v[id], NO_EVENT };
		first.v[id] = next[first.v[id]];
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

static struct change *changed(struct diff *d, int side, size_t mine, size_t other)
{
	struct change *c = vec_add(d->s.a, &d->out->list);
	const struct ast_rule *rule[2];

	rule[side] = mine == NO_EVENT ? NULL : d->side[side].list.event.v[mine].rule;
	rule[!side] = other == NO_EVENT ? NULL : d->side[!side].list.event.v[other].rule;
	c->before = rule[0];
	c->after = rule[1];
	return c;
}

static void not_decided(struct diff *d, int side, size_t mine)
{
	changed(d, side, mine, NO_EVENT)->undecided = true;
	d->out->undecided++;
}

/* A packet that is to be shown: @mine is what its side does first, @other what the other one does. */
struct shown {
	struct diff *d;
	int side;
	uint32_t target;
	size_t mine, other;
	const bool *look[2];
};

static bool is_shown(void *arg, struct witness *w)
{
	const struct shown *x = arg;
	struct seen seen;

	seen_look(&seen, &x->d->s, w);
	return seen_holds(&seen, x->target) && seen_first(&seen, &x->d->side[x->side].list, x->look[0]) == x->mine &&
	       seen_first(&seen, &x->d->side[!x->side].list, x->look[1]) == x->other;
}

/* Both versions are run. False: what they do is not what was found. */
static bool confirmed(struct diff *d, struct change *c, struct witness *w, int side, size_t mine, size_t other)
{
	const size_t at[2] = { side ? other : mine, side ? mine : other };
	bool acts = false;

	for (int i = 0; i < 2; i++) {
		struct check check = { { NULL, NULL } };
		const struct event *e = &d->side[i].list.event.v[at[i]];

		if (!check_run(&d->s, &d->side[i].list, w, &check))
			return false;
		if (e->decides && check.came.rule != e->rule)
			return false;
		acts = acts || !e->decides;
		c->verdict[i] = check.came.verdict;
	}
	c->acts = acts;
	return true;
}

/* One class after the other: @mine is what its side does, and the other side does something else. */
static void classes(struct diff *d, int side, size_t mine, const struct demand dm[2], bool *want)
{
	const struct event *e = &d->side[side].list.event.v[mine];

	for (;;) {
		struct arena_mark mark = arena_mark(d->s.scratch);
		struct witness *w = arena_alloc(d->s.a, sizeof(*w));
		size_t at[2];
		enum answer r = ask(&d->s, e->when, dm, 2, w, at, NULL);
		struct change *c;

		if (r == ANSWER_OPEN)
			not_decided(d, side, mine);
		if (r != ANSWER_YES)
			return;
		check_shorten(&d->s, w, is_shown, &(struct shown){ d, side, e->when, at[0], at[1], { dm[0].look, dm[1].look } });
		c = changed(d, side, mine, at[1]);
		if (!confirmed(d, c, w, side, at[0], at[1])) {
			c->undecided = true;
			d->out->undecided++;
		} else {
			witness_tell(&d->s, w);
			c->packet = w;
		}
		want[at[1]] = false;
		arena_release(d->s.scratch, mark);
	}
}

/* What @mine decides without a partner. The other side does the same where it did all that @mine's does before it, and then decides alike. */
static void decider(struct diff *d, int side, size_t mine)
{
	const struct side *my = &d->side[side], *other = &d->side[!side];
	const struct event *e = &my->list.event.v[mine];
	bool *only = arena_array(d->s.a, my->list.event.n, sizeof(*only));
	bool *look = arena_array(d->s.a, other->list.event.n, sizeof(*look)), *want = arena_array(d->s.a, other->list.event.n, sizeof(*want));
	const struct demand dm[2] = { { &my->list, my->decides, only }, { &other->list, look, want } };

	only[mine] = true;
	for (size_t k = 0; k < other->list.event.n; k++) {
		const struct event *x = &other->list.event.v[k];
		bool did = other->partner[k] != NO_EVENT && other->partner[k] < mine;

		look[k] = x->decides || (x->acts && !did);
		/* pairs of two that have no partner are found from the old side */
		want[k] = x->decides ? x->what != e->what && (side == 0 || other->partner[k] != NO_EVENT) : look[k];
	}
	classes(d, side, mine, dm, want);
}

/* What @mine does without deciding and without a partner, for packets that get to it. The same may be done elsewhere in the other version. */
static void doer(struct diff *d, int side, size_t mine)
{
	const struct side *my = &d->side[side], *other = &d->side[!side];
	const struct event *e = &my->list.event.v[mine];
	bool *reach = arena_array(d->s.a, my->list.event.n, sizeof(*reach)), *all = arena_array(d->s.a, other->list.event.n, sizeof(*all));
	bool *look = arena_array(d->s.a, other->list.event.n, sizeof(*look));
	struct demand dm[2] = { { &my->list, my->decides, reach }, { &other->list, look, all } };
	struct witness *w = arena_alloc(d->s.a, sizeof(*w));
	struct change *c;
	size_t at[2];
	enum answer r;

	for (size_t k = 0; k < my->list.event.n; k++)
		reach[k] = k > mine;
	/* what does the same there and has no partner either stands for it */
	for (size_t k = 0; k < other->list.event.n; k++) {
		const struct event *x = &other->list.event.v[k];
		bool same = x->acts && !x->decides && x->what == e->what && other->partner[k] == NO_EVENT;

		look[k] = x->decides || same;
		all[k] = x->decides;
	}
	r = ask(&d->s, e->when, dm, 2, w, at, NULL);
	if (r == ANSWER_NO)
		return;
	if (r == ANSWER_YES) {
		check_shorten(&d->s, w, is_shown, &(struct shown){ d, side, e->when, at[0], at[1], { dm[0].look, dm[1].look } });
		c = changed(d, side, mine, at[1]);
		if (confirmed(d, c, w, side, at[0], at[1])) {
			c->acts = true;
			witness_tell(&d->s, w);
			c->packet = w;
			return;
		}
		d->out->list.n--;
	}
	not_decided(d, side, mine);
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
	for (int i = 0; i < 2; i++)
		for (size_t k = 0; k < d.side[i].list.event.n; k++) {
			const struct event *e = &d.side[i].list.event.v[k];

			if (d.side[i].partner[k] != NO_EVENT)
				continue;
			if (e->decides)
				decider(&d, i, k);
			else if (e->acts)
				doer(&d, i, k);
		}
	for (int i = 0; i < 2; i++)
		list_close(&d.side[i].list);
	arena_free(d.s.scratch);
}
