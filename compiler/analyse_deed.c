/*
 * What two versions do with a packet that is no verdict. In: both lists. Out: a formula that holds of exactly the packets of which something is done
 * more often in one of them, or in another order where the order matters; and of one packet, what that is.
 *
 * What happens at the same condition behind the same decisions happens to the same packets, which shows without the solver. Of the rest it
 * is counted, by formulas, how often each thing happens.
 */
#include "analyse_diff.h"

#include <string.h>

enum { MOST_WORK = 4 << 20, MOST_LEFT = 400, MOST_TRIED = 64, MOST_ORDERS = 20000 };

static const struct event *event_of(const struct diff *d, int side, size_t k)
{
	return &d->side[side].list.event.v[k];
}

/* Does nothing decide before @mine that does not before @theirs, about packets of which @f holds? At a glance. */
static bool decided_alike(struct diff *d, int side, size_t mine, size_t theirs, uint32_t f)
{
	for (size_t k = 0; k < mine; k++) {
		size_t partner = d->side[side].partner[k];

		if (!d->side[side].decides[k] || (partner != NO_EVENT && partner < theirs))
			continue;
		if (++d->work > MOST_WORK || !forms_apart(&d->s, f, event_of(d, side, k)->when))
			return false;
	}
	return true;
}

void spots_match(struct diff *d, struct spots spots[2])
{
	struct space *s = &d->s;
	struct intern keys = { 0 };
	size_t *first = arena_array(s->a, spots[0].list.n + spots[1].list.n, sizeof(*first));
	size_t *next = arena_array(s->a, spots[1].list.n, sizeof(*next));

	for (size_t i = 0; i < spots[0].list.n; i++)
		spots[0].list.v[i].left = true;
	for (size_t i = spots[1].list.n; i-- > 0;) {
		struct spot *x = &spots[1].list.v[i];
		const uint32_t key[2] = { x->before, x->kind };
		bool fresh;
		uint32_t id = intern(s->a, &keys, key, sizeof(key), &fresh);

		x->left = true;
		if (fresh)
			first[id] = NO_EVENT;
		next[i] = first[id];
		first[id] = i;
	}
	for (size_t i = 0; i < spots[0].list.n; i++) {
		struct spot *x = &spots[0].list.v[i];
		const uint32_t key[2] = { x->before, x->kind };
		bool fresh;
		uint32_t id = intern(s->a, &keys, key, sizeof(key), &fresh);
		unsigned tried = 0;

		if (fresh)
			first[id] = NO_EVENT;
		for (size_t *k = &first[id]; *k != NO_EVENT && tried < MOST_TRIED; k = &next[*k], tried++) {
			struct spot *y = &spots[1].list.v[*k];

			if (!decided_alike(d, 0, x->event, y->event, x->before) || !decided_alike(d, 1, y->event, x->event, x->before))
				continue;
			x->left = y->left = false;
			*k = next[*k];
			break;
		}
	}
}

uint32_t spot_form(struct diff *d, int side, struct spot *x)
{
	VEC(uint32_t) all = { 0 };

	if (x->made)
		return x->form;
	*vec_add(d->s.a, &all) = x->before;
	for (size_t k = 0; k < x->event; k++) {
		const struct event *e = event_of(d, side, k);

		if (!e->decides || forms_apart(&d->s, x->before, e->when))
			continue;
		if (++d->work > MOST_WORK) {
			d->too_much = true;
			break;
		}
		*vec_add(d->s.a, &all) = form_not(e->when);
	}
	x->form = form_and(&d->s, all.v, all.n);
	x->made = true;
	return x->form;
}

/* Adds one that may happen to .v, of which the first holds where it happens at least once, the next twice, and so on. */
static void count_up(struct space *s, uint32_t *v, size_t n, uint32_t one)
{
	v[n] = NEVER;
	for (size_t i = n + 1; i-- > 0;)
		v[i] = OR(s, v[i], i ? AND(s, v[i - 1], one) : one);
}

/* All of one kind. */
static uint32_t kind_differs(struct diff *d, struct spots spots[2], uint32_t kind)
{
	struct space *s = &d->s;
	uint32_t *times[2], differ = NEVER;
	size_t n[2] = { 0, 0 };

	for (int side = 0; side < 2; side++) {
		times[side] = arena_array(s->a, spots[0].list.n + spots[1].list.n + 1, sizeof(**times));
		for (size_t i = 0; i < spots[side].list.n; i++)
			if (spots[side].list.v[i].left && spots[side].list.v[i].kind == kind)
				count_up(s, times[side], n[side]++, spot_form(d, side, &spots[side].list.v[i]));
	}
	for (int side = 0; side < 2; side++)
		while (n[side] < n[!side])
			times[side][n[side]++] = NEVER;
	for (size_t i = 0; i < n[0]; i++)
		differ = OR(s, differ, AND(s, times[0][i], form_not(times[1][i])), AND(s, times[1][i], form_not(times[0][i])));
	return differ;
}

uint32_t spots_differ(struct diff *d, struct spots spots[2])
{
	uint32_t differ = NEVER;
	struct intern kinds = { 0 };
	size_t n = 0;

	for (int side = 0; side < 2; side++)
		for (size_t i = 0; i < spots[side].list.n; i++) {
			const struct spot *x = &spots[side].list.v[i];
			bool fresh;

			if (!x->left)
				continue;
			if (++n > MOST_LEFT) {
				d->too_much = true;
				return differ;
			}
			intern(d->s.a, &kinds, &x->kind, sizeof(x->kind), &fresh);
			if (fresh)
				differ = OR(&d->s, differ, kind_differs(d, spots, x->kind));
		}
	return differ;
}

/* Two things that happen in both, in another order: at least one is .left, by which they could have got there. */
static uint32_t orders_differ(struct diff *d, struct spots spots[2])
{
	uint32_t differ = NEVER;
	size_t tried = 0;

	for (size_t a = 0; a < spots[0].list.n; a++)
		for (size_t b = 0; b < spots[1].list.n; b++) {
			struct spot *x = &spots[0].list.v[a], *y = &spots[1].list.v[b];

			if (x->moves || !x->left || !y->left || x->kind != y->kind)
				continue;
			for (size_t c = 0; c < spots[0].list.n; c++)
				for (size_t e = 0; e < spots[1].list.n; e++) {
					struct spot *z = &spots[0].list.v[c], *u = &spots[1].list.v[e];

					if (z->moves || z->kind != u->kind || z->kind == x->kind || (a < c) == (b < e))
						continue;
					if (++tried > MOST_ORDERS) {
						d->too_much = true;
						return differ;
					}
					differ = OR(&d->s, differ, AND(&d->s, spot_form(d, 0, x), spot_form(d, 1, y), spot_form(d, 0, z),
								       spot_form(d, 1, u)));
				}
		}
	return differ;
}

void deeds_read(struct diff *d)
{
	for (int side = 0; side < 2; side++)
		for (size_t k = 0; k < d->side[side].list.event.n; k++) {
			const struct event *e = event_of(d, side, k);

			for (size_t i = 0; i < e->deed.n && !e->decides; i++)
				*vec_add(d->s.a, &d->deed[side].list) = (struct spot){
					.event = k, .before = e->when, .kind = e->deed.v[i].what, .moves = e->deed.v[i].moves,
				};
		}
	spots_match(d, d->deed);
}

/* What has moved may stand before what has not: only if none that keeps its order was left can the order be what it was. */
static bool order_matters(const struct spots spots[2])
{
	for (int side = 0; side < 2; side++)
		for (size_t i = 0; i < spots[side].list.n; i++)
			if (spots[side].list.v[i].left && !spots[side].list.v[i].moves)
				return true;
	return false;
}

uint32_t deeds_differ(struct diff *d, const struct event *old, const struct event *new)
{
	const struct event *own[2] = { old, new };
	struct spots all[2] = { d->deed[0], d->deed[1] };
	uint32_t differ;

	for (int side = 0; side < 2; side++) {
		size_t n = all[side].list.n + (own[side] ? own[side]->deed.n : 0);
		struct spot *v = arena_array(d->s.a, n + 1, sizeof(*v));

		if (all[side].list.n)
			memcpy(v, all[side].list.v, all[side].list.n * sizeof(*v));
		for (size_t i = 0; i + all[side].list.n < n; i++)
			v[all[side].list.n + i] = (struct spot){
				.kind = own[side]->deed.v[i].what, .moves = own[side]->deed.v[i].moves, .left = true, .form = ALWAYS, .made = true,
			};
		all[side].list.v = v;
		all[side].list.n = all[side].list.cap = n;
	}
	differ = spots_differ(d, all);
	return order_matters(all) ? OR(&d->s, differ, orders_differ(d, all)) : differ;
}

/* ---- of one packet ---- */

struct done {
	VEC(const struct deed *) list;
};

static void done_by(struct diff *d, struct seen *seen, int side, size_t at, struct done *out)
{
	for (size_t k = 0; k <= at; k++) {
		const struct event *e = event_of(d, side, k);

		if (k != at && (!e->acts || e->decides || !seen_holds(seen, e->when)))
			continue;
		for (size_t i = 0; i < e->deed.n; i++)
			*vec_add(d->s.a, &out->list) = &e->deed.v[i];
	}
}

/* Those of @mine that are not in @theirs, each as often as it is there more. */
static void only(struct diff *d, const struct done *mine, const struct done *theirs, struct change *c, int side)
{
	bool *taken = arena_array(d->s.a, theirs->list.n + 1, sizeof(*taken));

	for (size_t i = 0; i < mine->list.n; i++) {
		size_t k = 0;

		while (k < theirs->list.n && (taken[k] || theirs->list.v[k]->what != mine->list.v[i]->what))
			k++;
		if (k < theirs->list.n)
			taken[k] = true;
		else
			*vec_add(d->s.a, &c->only[side]) = mine->list.v[i]->action;
	}
}

/* Those whose order matters, in the same order. */
static bool same_order(const struct done done[2])
{
	size_t k = 0;

	for (size_t i = 0; i < done[0].list.n; i++) {
		if (done[0].list.v[i]->moves)
			continue;
		while (k < done[1].list.n && done[1].list.v[k]->moves)
			k++;
		if (k == done[1].list.n || done[1].list.v[k++]->what != done[0].list.v[i]->what)
			return false;
	}
	return true;
}

bool deeds_compare(struct diff *d, struct witness *w, const size_t at[2], struct change *c)
{
	struct done done[2] = { { { 0 } }, { { 0 } } };
	struct seen seen;

	seen_look(&seen, &d->s, w);
	for (int side = 0; side < 2; side++)
		done_by(d, &seen, side, at[side], &done[side]);
	for (int side = 0; side < 2; side++)
		only(d, &done[side], &done[!side], c, side);
	return c->only[0].n || c->only[1].n || !same_order(done);
}
