/*
 * Both: tables of merged tuples for the bulk of the rules, and recursive flow classification for those that are wide. In: terms. Out: few
 * tables, and the rest: of all rests that are left as tables are taken from them, the one that with these tables costs least. What does not
 * stop is always in the rest.
 */
#include "classify_tuple.h"

#include <stdlib.h>

enum {
	REST = 4000,				/* terms: more are not tried … */
	RFC_TERMS = 16384,			/* … where all of them are in the rest: it takes long, and is too large */
};

/* The rest, in order: what no table can hold, and whatever a term that is left was made of. */
static uint32_t *rest_terms(const struct tuple_build *b, struct arena *a, size_t *n)
{
	uint32_t *out = arena_array(a, b->other.n + b->n_left, sizeof(*out));
	size_t i = 0, j = 0;

	*n = 0;
	while (i < b->other.n || j < b->n_left) {
		uint32_t left = j < b->n_left ? b->term.v[b->left[j]].term : UINT32_MAX;
		uint32_t next = i < b->other.n && b->other.v[i] < left ? b->other.v[i++] : left;

		j += next == left;
		if (!*n || out[*n - 1] != next)
			out[(*n)++] = next;
	}
	return out;
}

/* At the most: with others, which are fewer. */
static size_t tables_bytes(const struct tuple_build *b)
{
	size_t n = TUPLE_MAX_TABLES * sizeof(struct tuple_table) + b->rest.n * sizeof(struct tuple_rest);

	if (b->pair)
		n += b->pair->n_records * sizeof(struct pair_record);
	for (unsigned i = 0; i < b->n; i++)
		n += (b->table[i].lines + b->table[i].n / (b->table[i].shape.wide ? 1 : TUPLE_RECORDS)) * TUPLE_LINE + 128;
	return n;
}

/* An attempt of its own, of at most @most bytes: what it leaves in memory and image goes with it. @cheaper: there is room for more than those. */
static bool try_rest(struct tuple_build *b, struct rfc *rfc, size_t most, bool cheaper)
{
	struct attempt *t = b->t, sub = { .a = arena_new(), .out = t->out, .r = t->r, .im = t->im, .before = image_mark(t->im) };
	size_t n, room = t->max_bytes - (t->im->n - t->before.n), tables = tables_bytes(b);
	uint32_t *term = rest_terms(b, sub.a, &n);
	bool ok = false;

	sub.work = t->work;
	sub.max_work = t->max_work;
	sub.max_bytes = room > tables ? room - tables : 0;
	if (sub.max_bytes > most)
		sub.max_bytes = most;
	ok = n <= (b->n || b->pair ? REST : RFC_TERMS) && (!t->max_rest || b->n_left <= t->max_rest) && classify_rfc(&sub, term, n, rfc);
	if (!ok && !t->im->failed)
		image_cut(t->im, sub.before);
	if (!ok && sub.why && !cheaper)
		t->why = sub.why;
	t->work = sub.work;
	if (sub.longest > t->longest)
		t->longest = sub.longest;
	arena_free(sub.a);
	return ok;
}

/* The least index of the rest, or TUPLE_END: there is none. */
static uint32_t rest_first(const struct tuple_build *b)
{
	const struct classify_rules *r = b->t->r;
	uint32_t term = b->other.n ? b->other.v[0] : UINT32_MAX;

	if (b->n_left && b->term.v[b->left[0]].term < term)
		term = b->term.v[b->left[0]].term;
	return term == UINT32_MAX ? TUPLE_END : CLASSIFY_INDEX(r->entry.v[r->term.v[term].entry].word);
}

/* Are tables looked up before the rest? Where one of them has an earlier rule. */
static bool is_late(const struct tuple_build *b)
{
	uint32_t first = rest_first(b);
	bool late = b->pair && b->pair->first < first;

	for (unsigned i = 0; i < b->n; i++)
		late |= b->table[i].first < first;
	return late;
}

/* How many of 256 packets find nothing before rule @first, about: as many match one rule as another. */
static unsigned share_from(const struct tuple_build *b, uint32_t first)
{
	const struct classify_rules *r = b->t->r;
	uint32_t least = CLASSIFY_INDEX(r->entry.v[0].word), most = CLASSIFY_INDEX(r->entry.v[r->entry.n - 1].word);

	if (first <= least)
		return 256;
	return first > most ? 1 : 1 + (unsigned)(255 * (uint64_t)(most - first) / (most - least + 1));
}

/* The same of those that ask more than the table of pairs: what is found there comes first of all, but for what no record can hold. */
static unsigned share_behind(const struct tuple_build *b, uint32_t first)
{
	unsigned share = share_from(b, first);
	size_t all = b->t->r->term.n, sure = b->pair ? b->pair->n * (b->pair->entries - b->pair->unsure) / b->pair->entries : 0;

	return 1 + (unsigned)(256 * (all - sure) / all) * share / 257;
}

/* What looking the tables up costs, in 1/256 ns: where nothing of a table is before what is found, it is not. */
static unsigned tables_cost(const struct tuple_build *b)
{
	unsigned cost = 0;

	if (b->pair)
		cost = 256 * (CLASSIFY_PAIR_COST + (unsigned)(CLASSIFY_RECORD_COST * b->pair->compared / b->pair->entries));
	for (unsigned i = 0; i < b->n; i++) {
		const struct tuple_choice *c = &b->table[i];

		cost += share_behind(b, c->first) * (CLASSIFY_TABLE_COST + (unsigned)(CLASSIFY_RECORD_COST * c->compared / c->n));
	}
	return cost;
}

struct best {
	struct tuple_build b;
	uint32_t *left;
	unsigned cost;
	bool is, now;				/* .now: it is what the image has */
};

static void keep(struct best *best, const struct tuple_build *b, unsigned cost)
{
	best->b = *b;
	best->left = arena_copy(b->t->a, b->left, b->n_left * sizeof(*b->left));
	best->cost = cost;
	best->is = best->now = true;
}

/* The rest that is left now; where it is cheaper than all before, it is the best one. */
static bool consider(struct tuple_build *b, struct rfc *rfc, struct best *best)
{
	struct image *im = b->t->im;
	struct image_mark before = image_mark(im);
	unsigned tables = tables_cost(b), share = is_late(b) ? share_behind(b, rest_first(b)) : 256;
	size_t most = b->t->max_rest_bytes ? b->t->max_rest_bytes : SIZE_MAX, rules = b->t->r->term.n, less;

	less = best->is ? classify_bytes_within((best->cost - tables) / share, rules) : SIZE_MAX;
	if (try_rest(b, rfc, less < most ? less : most, less < most)) {
		unsigned cost = tables + classify_bytes_cost(im->n - before.n, rules) * share;

		if (!best->is || cost < best->cost)
			keep(best, b, cost);
		else
			image_cut(im, before);
	}
	return !im->failed;
}

static bool consider_anew(struct tuple_build *b, struct rfc *rfc, const struct image_mark *start, struct best *best)
{
	if (best->now)
		image_cut(b->t->im, *start);
	best->now = false;
	return consider(b, rfc, best);
}

/* As it was when it was best, also what was left then: tables that were tried later have taken of that. */
static bool restore(struct tuple_build *b, struct rfc *rfc, struct best *best)
{
	*b = best->b;
	b->left = best->left;
	return best->now || try_rest(b, rfc, SIZE_MAX, false);
}

/* One table after the other, each with at most .same_key terms of a key. false: memory is out, or the image has no room. */
static bool search(struct tuple_build *b, struct rfc *rfc, const struct image_mark *start, struct best *best)
{
	for (;;) {
		size_t left = b->n_left;

		if (best->is && tables_cost(b) >= best->cost)
			return true;
		if ((b->n || b->pair) && !consider_anew(b, rfc, start, best))
			return false;
		if (b->n == TUPLE_MAX_TABLES)
			return true;
		if (!tuple_take(b))
			return false;
		if (b->n_left == left)
			return true;
	}
}

static bool say_rest(struct tuple_build *b, struct tuple *tuple)
{
	*tuple = (struct tuple){ .late = is_late(b) };
	if (!classify_describe(b->t, 4, &tuple->rest))
		return false;
	*(uint32_t *)image_at(b->t->im, tuple->rest) = rest_first(b);
	return true;
}

bool classify_hybrid(struct attempt *t, struct rfc *rfc, struct tuple *tuple)
{
	static const unsigned same_key[] = { TUPLE_SAME_KEY, TUPLE_FEW_OF_KEY };
	struct tuple_build *b = arena_alloc(t->a, sizeof(*b)), *all = arena_alloc(t->a, sizeof(*all));
	struct pair_choice *pair = arena_alloc(t->a, sizeof(*pair));
	const struct image_mark start = image_mark(t->im);
	struct best *best = arena_alloc(t->a, sizeof(*best));
	bool paired;

	all->t = t;
	if (!tuple_terms(all))
		return false;
	/* tables of combinations alone */
	*b = *all;
	if (!consider(b, rfc, best))
		return false;
	/* pairs take most, or they are not worth it: both would take too long */
	paired = pair_choose(all, pair) && 2 * pair->n >= t->r->term.n;
	if (paired)
		pair_take(all, pair);
	for (unsigned i = 0; i < sizeof(same_key) / sizeof(*same_key); i++) {
		*b = *all;
		b->left = arena_copy(t->a, all->left, all->n_left * sizeof(*all->left));
		b->same_key = same_key[i];
		if (!search(b, rfc, &start, best))
			return false;
	}
	if (!best->is && b->n == TUPLE_MAX_TABLES)
		return classify_fail(t, "%d tables leave %zu rules that are too many for one more kind", b->n, b->n_left + b->other.n);
	if (!best->is)
		return classify_fail(t, "%zu rules ask what no table can hold", b->n_left + b->other.n);
	return restore(b, rfc, best) && say_rest(b, tuple) && tuple_write(b, tuple);
}
