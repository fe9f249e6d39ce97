/*
 * Is there such a packet? In: what must hold of it, and of which rules of one or two lists the first that decides about it must be one. Out: a
 * packet, which was looked at; or that there is none, and the rules that are the reason; or that it was not decided.
 *
 * Of the rules only those are taken into the question that turn out to matter: the solver says a packet, and where another rule decides
 * about it first, that rule must not match, or one that may decide must match before it. That is so of every packet that is
 * looked for, so when none is left, there is none.
 */
#include "analyse_priv.h"

#include <string.h>

enum { GUESSES = 6, MOST_ROUNDS = 20000, MOST_MISSES = 6, MOST_REASONS = 24 };

struct asking {
	struct question q;
	uint32_t target;
	const struct demand *d;
	size_t n;
	VEC(size_t) reason;		/* of the first demand, beside what is supposed */
	bool *refined[2];
	struct glances glances;
	unsigned misses;
};

/* The event @k comes first and is not wanted: it does not match, or a wanted one before it does. False: that was said already. */
static bool refine(struct asking *a, size_t demand, size_t k)
{
	const struct demand *d = &a->d[demand];
	struct space *s = a->q.s;
	VEC(int) lit = { 0 };

	if (a->refined[demand][k])
		return false;
	a->refined[demand][k] = true;
	for (size_t i = 0; i < k; i++)
		if (d->look[i] && d->want[i] && !glances_apart(&a->glances, &d->list->glance.v[i]) &&
		    !forms_apart(s, a->target, d->list->event.v[i].when))
			*vec_add(s->scratch, &lit) = question_lit(&a->q, d->list->event.v[i].when);
	if (demand == 0) {
		int guard = question_var(&a->q);

		*vec_add(s->scratch, &a->q.given) = (struct given){ ALWAYS, guard };
		*vec_add(s->scratch, &a->reason) = k;
		*vec_add(s->scratch, &lit) = -guard;
	}
	*vec_add(s->scratch, &lit) = -question_lit(&a->q, d->list->event.v[k].when);
	question_clause(&a->q, lit.v, lit.n);
	return true;
}

/* Most rules have packets of their own, which a guess finds. */
static bool guess(struct space *s, uint32_t target, const struct demand *d, size_t n, struct witness *w, size_t at[2])
{
	for (unsigned turn = 0; turn < GUESSES; turn++) {
		struct seen seen;
		bool right = packet_guess(s, target, turn, w);

		if (right) {
			seen_look(&seen, s, w);
			right = seen_holds(&seen, target);
		}
		for (size_t i = 0; i < n && right; i++) {
			at[i] = seen_first(&seen, d[i].list, d[i].look);
			right = at[i] != NO_EVENT && d[i].want[at[i]];
		}
		if (right)
			return true;
	}
	return false;
}

/* Looks at the packet. YES: it is one. NO: the question is narrower now. OPEN: it is not what the solver said it is. */
static enum answer look(struct asking *a, struct witness *w, size_t at[2])
{
	struct seen seen;

	if (!packet_make(&a->q, w))
		return ANSWER_OPEN;
	seen_look(&seen, a->q.s, w);
	if (!seen_holds(&seen, a->target))
		return ANSWER_OPEN;
	for (size_t i = 0; i < a->n; i++) {
		const struct demand *d = &a->d[i];

		at[i] = seen_first(&seen, d->list, d->look);
		if (at[i] == NO_EVENT)
			return ANSWER_OPEN;
		if (!d->want[at[i]])
			return refine(a, i, at[i]) ? ANSWER_NO : ANSWER_OPEN;
	}
	return ANSWER_YES;
}

/* Leaves out reasons that the proof does not need. */
static void reasons(struct asking *a, struct reason *why)
{
	struct space *s = a->q.s;
	size_t n = 0;

	for (size_t i = 0; i < a->q.given.n; i++)
		if (question_needed(&a->q, i)) {
			a->q.given.v[n] = a->q.given.v[i];
			a->reason.v[n++] = a->reason.v[i];
		}
	a->q.given.n = a->reason.n = n;
	for (size_t i = n; i-- > 0 && n <= MOST_REASONS;) {
		struct given one = a->q.given.v[i];

		memmove(&a->q.given.v[i], &a->q.given.v[i + 1], (a->q.given.n - i - 1) * sizeof(one));
		a->q.given.n--;
		if (question_solve(&a->q, false) == ANSWER_NO) {
			memmove(&a->reason.v[i], &a->reason.v[i + 1], (a->reason.n - i - 1) * sizeof(size_t));
			a->reason.n--;
			continue;
		}
		memmove(&a->q.given.v[i + 1], &a->q.given.v[i], (a->q.given.n - i) * sizeof(one));
		a->q.given.v[i] = one;
		a->q.given.n++;
	}
	why->target_empty = !a->reason.n;
	for (size_t i = 0; i < a->reason.n; i++)
		*vec_add(s->a, &why->event) = a->reason.v[i];
}

/* What no test's packet can be, as the solver says it: NO: the question is narrower now. OPEN: it may be one. */
static enum answer look_beyond(struct asking *a)
{
	struct seen seen;

	seen_answer(&seen, &a->q);
	for (size_t i = 0; i < a->n; i++) {
		const struct demand *d = &a->d[i];
		size_t at = seen_first(&seen, d->list, d->look);

		if (at != NO_EVENT && !d->want[at] && refine(a, i, at))
			return ANSWER_NO;
	}
	return ANSWER_OPEN;
}

static enum answer rounds(struct asking *a, struct witness *w, size_t at[2], struct reason *why)
{
	bool plain = true;

	for (unsigned round = 0; round < MOST_ROUNDS; round++) {
		enum answer r = question_solve(&a->q, plain);

		if (r == ANSWER_OPEN)
			return r;
		if (r == ANSWER_NO && plain) {
			/* nor may there be one that only bytes can say */
			plain = false;
			continue;
		}
		if (r == ANSWER_NO) {
			if (why)
				reasons(a, why);
			return r;
		}
		r = plain ? look(a, w, at) : look_beyond(a);
		if (r == ANSWER_YES || (r == ANSWER_OPEN && (!plain || ++a->misses == MOST_MISSES)))
			return r;
	}
	return ANSWER_OPEN;
}

static struct witness *witness_copy(struct arena *a, const struct witness *w)
{
	struct witness *c = arena_copy(a, w, sizeof(*w));

	if (w->field.n)
		c->field.v = arena_copy(a, w->field.v, w->field.n * sizeof(*w->field.v));
	if (w->header.n)
		c->header.v = arena_copy(a, w->header.v, w->header.n * sizeof(*w->header.v));
	c->field.cap = c->field.n;
	c->header.cap = c->header.n;
	for (int i = 0; i < 2; i++)
		if (w->payload[i])
			c->payload[i] = arena_copy(a, w->payload[i], w->n_payload[i]);
	c->free = arena_copy(a, w->free, w->n_free + 1);
	c->known = arena_copy(a, w->known, w->n_free + 1);
	c->data = arena_copy(a, w->data, w->len);
	return c;
}

enum answer ask(struct space *s, uint32_t target, const struct demand *d, size_t n, struct witness *out, size_t at[2], struct reason *why)
{
	struct asking a = { .target = target, .d = d, .n = n, .glances = form_glances(s, target) };
	struct arena_mark mark;
	struct witness w;
	enum answer r;

	if (target == NEVER) {
		if (why)
			why->target_empty = true;
		return ANSWER_NO;
	}
	mark = arena_mark(s->scratch);
	if (!s->laid)
		laws_read(s);
	if (guess(s, target, d, n, &w, at)) {
		*out = *witness_copy(s->a, &w);
		arena_release(s->scratch, mark);
		return ANSWER_YES;
	}
	/* nothing is left to answer it with */
	if (space_spent(s)) {
		arena_release(s->scratch, mark);
		return ANSWER_OPEN;
	}
	question_open(&a.q, s);
	for (size_t i = 0; i < n; i++)
		a.refined[i] = arena_array(s->scratch, d[i].list->event.n, sizeof(bool));
	question_add(&a.q, target);
	r = rounds(&a, &w, at, why);
	question_close(&a.q);
	if (r == ANSWER_YES)
		*out = *witness_copy(s->a, &w);
	arena_release(s->scratch, mark);
	return r;
}
