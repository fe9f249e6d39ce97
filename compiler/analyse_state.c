/*
 * What two versions keep from one packet to the next: limits and sets that live. In: both versions. Out: limits that answer the same question in
 * both, and from which other packets take; sets of the same name that begin with other elements, or hold them otherwise. Only where there is none
 * of these is the answer to the same question the same, as the rest of the comparison takes it to be.
 */
#include "analyse_diff.h"

#include <stdlib.h>
#include <string.h>

/* ---- limits ---- */

struct shown {
	struct diff *d;
	uint32_t target;
};

static bool is_shown(void *arg, struct witness *w)
{
	const struct shown *x = arg;
	struct seen seen;

	seen_look(&seen, &x->d->s, w);
	return seen_holds(&seen, x->target);
}

static struct change *told(struct diff *d, const struct ast_limit *l, const char *text)
{
	struct change *c = diff_changed(d, CHANGE_LIMIT, NULL, NULL);

	c->name = l->shown;
	c->text = text;
	return c;
}

static enum answer any(struct diff *d, uint32_t target, struct witness *w)
{
	size_t at[2];

	return ask(&d->s, target, NULL, 0, w, at, NULL);
}

/* Both versions ask the evaluator's buckets about it, and not as often. */
static bool asked_otherwise(struct diff *d, struct change *c, struct witness *w, const struct ast_limit *const l[2])
{
	uint64_t asked[2];

	for (int i = 0; i < 2; i++) {
		struct check check = { { l[i], NULL } };

		if (!check_run(&d->s, &d->side[i].list, w, &check))
			return false;
		c->before = i ? c->before : check.came.rule;
		c->after = check.came.rule;
		c->verdict[i] = check.came.verdict;
		asked[i] = check.asked[0];
	}
	return asked[0] != asked[1];
}

static void other_packets(struct diff *d, uint32_t target, struct witness *w, const struct ast_limit *const l[2])
{
	struct change *c = told(d, l[0], "is asked by other packets");

	check_shorten(&d->s, w, is_shown, &(struct shown){ d, target });
	if (!asked_otherwise(d, c, w, l)) {
		diff_open(d, c, "whether it is asked by the same packets");
		return;
	}
	witness_tell(&d->s, w);
	c->packet = w;
}

static bool same_sites(const struct diff *d, const struct ast_limit *const l[2])
{
	const struct list *x = &d->side[0].list, *y = &d->side[1].list;
	size_t k = 0;

	for (size_t i = 0; i < x->site.n; i++) {
		if (x->site.v[i].limit != l[0])
			continue;
		while (k < y->site.n && y->site.v[k].limit != l[1])
			k++;
		if (k == y->site.n || y->site.v[k++].token != x->site.v[i].token)
			return false;
	}
	return true;
}

/* Does a packet ask twice? Then it matters where it asks first. */
static bool asks_twice(struct diff *d, int side, struct spots *spots)
{
	for (size_t i = 0; i < spots->list.n; i++)
		for (size_t k = 0; k < i; k++) {
			struct witness w;

			if (forms_apart(&d->s, spots->list.v[i].before, spots->list.v[k].before))
				continue;
			if (any(d, AND(&d->s, spot_form(d, side, &spots->list.v[i]), spot_form(d, side, &spots->list.v[k])), &w) != ANSWER_NO)
				return true;
		}
	return false;
}

static void same_packets(struct diff *d, const struct ast_limit *const l[2])
{
	struct spots spots[2] = { { { 0 } }, { { 0 } } };
	struct witness *w = arena_alloc(d->s.a, sizeof(*w));
	uint32_t target;

	for (int side = 0; side < 2; side++)
		for (size_t i = 0; i < d->side[side].list.site.n; i++) {
			const struct site *x = &d->side[side].list.site.v[i];

			if (x->limit == l[side])
				*vec_add(d->s.a, &spots[side].list) = (struct spot){ .event = x->event, .before = x->asked, .kind = x->key };
		}
	spots_match(d, spots);
	target = spots_differ(d, spots);
	switch (any(d, target, w)) {
	case ANSWER_YES:
		other_packets(d, target, w, l);
		return;
	case ANSWER_OPEN:
		diff_open(d, told(d, l[0], NULL), "whether it is asked by the same packets");
		return;
	case ANSWER_NO:
		break;
	}
	if (!same_sites(d, l) && (asks_twice(d, 0, &spots[0]) || asks_twice(d, 1, &spots[1])))
		diff_open(d, told(d, l[0], NULL), "whether a packet that asks it twice does so in the same order");
}

/* The key is part of what it is asked by. */
static bool same_limit(const struct ast_limit *a, const struct ast_limit *b)
{
	return a->bytes == b->bytes && a->burst_tokens == b->burst_tokens && a->entries == b->entries && a->closed == b->closed &&
	       a->fixed.shift == b->fixed.shift && a->fixed.token == b->fixed.token && a->fixed.window == b->fixed.window;
}

void limits_compare(struct diff *d)
{
	VEC(const struct ast_limit *) seen[2] = { { 0 }, { 0 } };

	for (size_t i = 0; i < d->s.free.n; i++) {
		const struct free_bit *f = &d->s.free.v[i];
		const struct ast_limit *l[2];
		size_t k = 0;

		if (f->kind != FREE_LIMIT || !f->expr[0] || !f->expr[1])
			continue;
		l[0] = f->expr[0]->limit;
		l[1] = f->expr[1]->limit;
		while (k < seen[0].n && (seen[0].v[k] != l[0] || seen[1].v[k] != l[1]))
			k++;
		if (k < seen[0].n)
			continue;
		*vec_add(d->s.a, &seen[0]) = l[0];
		*vec_add(d->s.a, &seen[1]) = l[1];
		if (!same_limit(l[0], l[1]))
			told(d, l[0], "has another rate, burst, size or `when full`");
		else
			same_packets(d, l);
	}
}

/* ---- sets ---- */

static int by_value(const void *x, const void *y, void *arg)
{
	const struct range *a = x, *b = y;
	const unsigned *n = arg;

	for (unsigned i = 0; i < *n; i++) {
		int c = (a[i].family > b[i].family) - (a[i].family < b[i].family);

		c = c ? c : value_cmp(a[i].lo, b[i].lo);
		c = c ? c : value_cmp(a[i].hi, b[i].hi);
		if (c)
			return c;
	}
	return 0;
}

static const struct range *sorted(struct diff *d, const struct ast_set *s)
{
	size_t size = s->n_types * sizeof(struct range);
	struct range *r = arena_array(d->s.a, s->n + 1, size);
	unsigned n = s->n_types;

	if (s->n) {
		memcpy(r, s->range, s->n * size);
		qsort_r(r, s->n, size, by_value, &n);
	}
	return r;
}

static const char *set_differs(struct diff *d, const struct ast_set *a, const struct ast_set *b)
{
	const struct range *x, *y;
	unsigned n = a->n_types;

	if (n != b->n_types || memcmp(a->types, b->types, n * sizeof(*a->types)) != 0 || a->prefix != b->prefix)
		return "is of another type";
	if (a->max != b->max)
		return "has another size";
	if (a->keep != b->keep)
		return "has another timeout";
	x = sorted(d, a);
	y = sorted(d, b);
	for (size_t i = 0; i < a->n && a->n == b->n; i++)
		if (by_value(x + i * n, y + i * n, &n))
			return "begins with other elements";
	return a->n != b->n ? "begins with other elements" : NULL;
}

void sets_compare(struct diff *d)
{
	const struct ast_unit *u[2] = { d->side[0].list.unit, d->side[1].list.unit };

	for (size_t i = 0; i < u[0]->sets.n; i++)
		for (size_t k = 0; k < u[1]->sets.n; k++) {
			const struct ast_set *a = u[0]->sets.v[i], *b = u[1]->sets.v[k];
			const char *text;
			struct change *c;

			if (!a->live || !b->live || strcmp(a->name.s, b->name.s) != 0)
				continue;
			text = set_differs(d, a, b);
			if (!text)
				continue;
			c = diff_changed(d, CHANGE_SET, NULL, NULL);
			c->name = a->name.s;
			c->text = text;
		}
}
