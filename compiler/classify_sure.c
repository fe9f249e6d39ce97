/*
 * Which records are enough by themselves. In: the tables that were chosen, and what is in none. Out: for each term whether rules that come before
 * its own and are looked for later, in the last of the tables or in none, have packets in common with it; and which tables are the last ones. Where
 * a packet's record says that there are none, these are not looked up.
 *
 * Only what has few terms can be left out so. They become sets by each dimension's classes; those of all classes that a term is about, of each
 * dimension, have in common what may match with it.
 */
#include "classify_tuple.h"

#include <stdlib.h>
#include <string.h>

enum {
	MOST_LATER = 8192,		/* terms that can be left out */
	MOST_PIECES = 32,		/* of a dimension that a term is about: with more it is taken to be about all */
	REST_COST = 60,			/* of tables of combinations: they are near, but many loads that wait for each other */
	SURPRISE_COST = 16,		/* of a branch that was not foreseen */
	LEAST_GAIN = 8,			/* nanoseconds of the average packet */
};

/* By table: a bit for each, and behind the last one that of the rest. */
typedef uint32_t where;

struct sure {
	struct tuple_build *b;
	struct attempt *t;
	uint32_t rest;			/* the least index of what is in no table and looked up later than they are, or TUPLE_END */
	where *is;			/* by place in .r->term: where it is */
	uint32_t *later;		/* .n of them: places in .r->term that are looked at, ascending */
	size_t n, words;
	struct classes class[CLASSIFY_MAX_DIMS];
	struct dim_class_map map[CLASSIFY_MAX_DIMS];
	uint64_t *common, *some;	/* sets */
	where *before;			/* by place in .r->term: where terms are that come before and have packets in common */
};

static void place_terms(struct sure *s)
{
	const struct tuple_build *b = s->b;

	for (unsigned i = 0; i < b->n; i++)
		for (size_t k = 0; k < b->table[i].n; k++)
			s->is[b->term.v[b->table[i].term[k]].term] |= (where)1 << i;
	for (size_t k = 0; k < b->n_left; k++)
		s->is[b->term.v[b->left[k]].term] |= (where)1 << b->n;
	for (size_t k = 0; k < b->other.n; k++)
		s->is[b->other.v[k]] |= (where)1 << b->n;
}

/* The first table that can be left out: those behind it, and the rest, have few terms. b->n: the rest alone can; more: not even that. */
static unsigned first_later(const struct sure *s)
{
	size_t n = s->b->n_left + s->b->other.n;
	unsigned first = s->b->n;

	if (n > MOST_LATER)
		return first + 1;
	while (first > 1 && n + s->b->table[first - 1].n <= MOST_LATER)
		n += s->b->table[--first].n;
	return first;
}

static where later_tables(const struct sure *s, unsigned first)
{
	return ((where)1 << s->b->n) - ((where)1 << first);
}

static bool make_classes(struct sure *s, unsigned first)
{
	const struct classify_rules *r = s->t->r;

	s->later = arena_array(s->t->a, r->term.n, sizeof(*s->later));
	for (size_t i = 0; i < r->term.n; i++)
		if (s->is[i] >> first)
			s->later[s->n++] = (uint32_t)i;
	s->words = (s->n + 63) / 64;
	s->common = arena_array(s->t->a, s->words + 1, sizeof(*s->common));
	s->some = arena_array(s->t->a, s->words + 1, sizeof(*s->some));
	for (unsigned d = 0; d < r->n_dims; d++)
		if (!dim_classes(s->t, d, s->later, s->n, &s->class[d], &s->map[d]))
			return false;
	return true;
}

/* The last piece that does not begin behind @v. */
static size_t piece_of(const struct dim_class_map *m, unsigned f, struct value v)
{
	size_t at = 0, n = m->piece[f].n;

	while (n > 1) {
		size_t half = n / 2;

		if (value_cmp(m->piece[f].v[at + half].lo, v) <= 0)
			at += half;
		n -= half;
	}
	return at;
}

static void add_set(struct sure *s, unsigned d, uint32_t class)
{
	const uint64_t *set = classes_set(&s->class[d], class);

	for (size_t k = 0; k < s->words; k++)
		s->some[k] |= set[k];
}

/* .some: what has a number in common with @p. false: that is about too much. */
static bool add_part(struct sure *s, const struct classify_part *p)
{
	const struct dim_class_map *m = &s->map[p->dim];
	size_t left = MOST_PIECES;

	memset(s->some, 0, s->words * sizeof(*s->some));
	if (p->absent)
		add_set(s, p->dim, m->absent);
	for (unsigned f = 0; f < s->t->r->dim[p->dim].n; f++) {
		if (p->in[f].any)
			return false;
		for (size_t i = 0; i < p->in[f].n; i++)
			for (size_t at = piece_of(m, f, p->in[f].r[i].lo); at < m->piece[f].n; at++) {
				if (value_cmp(m->piece[f].v[at].lo, p->in[f].r[i].hi) > 0)
					break;
				if (!left--)
					return false;
				add_set(s, p->dim, m->piece[f].v[at].v);
			}
	}
	return true;
}

/* Where terms are that come before @place in .r->term and have packets in common with it. */
static where before(struct sure *s, uint32_t place)
{
	const struct classify_rules *r = s->t->r;
	const struct classify_term *x = &r->term.v[place];
	where found = 0;

	memset(s->common, 0xff, s->words * sizeof(*s->common));
	for (size_t i = 0; i < x->n; i++)
		if (add_part(s, &x->part[i]))
			for (size_t k = 0; k < s->words; k++)
				s->common[k] &= s->some[k];
	for (size_t k = 0; k < s->words; k++)
		for (uint64_t w = s->common[k]; w; w &= w - 1) {
			size_t i = 64 * k + (unsigned)__builtin_ctzll(w);

			if (i >= s->n || r->term.v[s->later[i]].entry >= x->entry)
				return found;
			found |= s->is[s->later[i]];
		}
	return found;
}

/* What a packet whose rule has this index is spared where tables from @first on are skipped, in nanoseconds: those that begin later are anyway. */
static double tables_spared(const struct sure *s, unsigned first, uint32_t index)
{
	const struct tuple_build *b = s->b;
	double cost = 0;

	for (unsigned i = first; i < b->n && b->table[i].first < index; i++)
		cost += CLASSIFY_TABLE_COST + CLASSIFY_RECORD_COST * (double)b->table[i].compared / (double)b->table[i].n;
	return cost;
}

/* The same where nothing is looked up of what is in no table. */
static double rest_spared(const struct sure *s, uint32_t index)
{
	return s->rest < index ? REST_COST : 0;
}

/* What the average packet gains, as many match one rule as another, where tables from @first on are skipped, or with b->n the rest; that the
 * processor does not foresee which packets those are costs. */
static double gain(const struct sure *s, unsigned first)
{
	const struct tuple_build *b = s->b;
	where which = first == b->n ? (where)1 << b->n : later_tables(s, first);
	double saved = 0, sure = 0, not = 0;

	for (unsigned i = 0; i < first; i++)
		for (size_t k = 0; k < b->table[i].n; k++) {
			const struct tuple_term *x = &b->term.v[b->table[i].term[k]];
			uint32_t index = CLASSIFY_INDEX(s->t->r->entry.v[x->entry].word);
			double cost = first == b->n ? rest_spared(s, index) : tables_spared(s, first, index);

			if (!(s->before[x->term] & which)) {
				saved += cost;
				sure += cost > 0;
			} else {
				not += cost > 0;
			}
		}
	return (saved - SURPRISE_COST * (sure < not ? sure : not)) / (double)s->t->r->term.n;
}

/* From which table on it is worth most; b->n: it is worth nothing. */
static unsigned choose(const struct sure *s, unsigned first)
{
	unsigned best = s->b->n;
	double most = LEAST_GAIN;

	for (unsigned i = first; i < s->b->n; i++) {
		double x = gain(s, i);

		if (x > most) {
			most = x;
			best = i;
		}
	}
	return best;
}

static void find(struct sure *s)
{
	struct tuple_build *b = s->b;
	size_t n = s->t->r->term.n;
	unsigned first;
	bool rest;

	s->is = arena_array(s->t->a, n, sizeof(*s->is));
	s->before = arena_array(s->t->a, n, sizeof(*s->before));
	place_terms(s);
	first = first_later(s);
	/* as long as nothing is known to be before anything, all is sure: no more than that can be gained */
	if (first > b->n || (choose(s, first) == b->n && gain(s, b->n) < LEAST_GAIN) || !make_classes(s, first))
		return;
	for (uint32_t i = 0; i < n; i++)
		if (s->is[i] & (((where)1 << b->n) - 1))
			s->before[i] = before(s, i);
	b->skip_from = choose(s, first);
	rest = gain(s, b->n) >= LEAST_GAIN;
	b->sure = arena_array(b->t->a, n, sizeof(*b->sure));
	for (uint32_t i = 0; i < n; i++)
		b->sure[i] = (uint8_t)((b->skip_from < b->n && !(s->before[i] & later_tables(s, b->skip_from)) ? TUPLE_NO_LATER : 0) |
				       (rest && !(s->before[i] >> b->n) ? TUPLE_NO_REST : 0));
}

void tuple_sure(struct tuple_build *b, uint32_t rest)
{
	struct attempt sub = { .a = arena_new(), .out = b->t->out, .r = b->t->r, .im = b->t->im };
	struct sure s = { .b = b, .t = &sub, .rest = rest };

	b->sure = NULL;
	b->skip_from = b->n;
	if (b->n)
		find(&s);
	for (unsigned d = 0; d < sub.r->n_dims; d++)
		classes_free(&s.class[d]);
	arena_free(sub.a);
}
