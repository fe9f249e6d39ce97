/*
 * Which tables of merged tuples: one after the other, each the one that takes the most of the terms that are left. In: terms. Out: a table,
 * whose buckets are TUPLE_CHAIN lines each at most, and what is left.
 */
#include "classify_tuple.h"

#include <stdlib.h>
#include <string.h>

enum { LEVELS = TUPLE_ANY / TUPLE_STEP + 1, EXACTS = 1 << TUPLE_SHORT, NARROW = 0, WIDE, SAYS, KINDS };

/* How many terms ask for so much, by kind, free bits and exact values; then, how many would fit. */
struct counts {
	uint32_t v[KINDS][LEVELS][LEVELS][EXACTS];
};

struct candidate {
	struct tuple_shape shape;
	uint32_t fit;
};

/* Keys seen, since .round. */
struct seen {
	struct seen_key {
		uint64_t hash;
		uint32_t round, n;
	} *v;
	size_t slots;
	uint32_t round;
};

static unsigned level(const struct tuple_term *x, unsigned i)
{
	unsigned most = x->wide ? TUPLE_ANY : 32, up = (x->free[i] + TUPLE_STEP - 1u) / TUPLE_STEP;

	return up < 1 ? 1 : up > most / TUPLE_STEP ? most / TUPLE_STEP : up;
}

static unsigned kind(const struct tuple_term *x)
{
	return x->wide ? WIDE : x->says ? SAYS : NARROW;
}

static unsigned exact(const struct tuple_term *x)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < TUPLE_SHORT; i++)
		bits |= (unsigned)(x->lo[i] == x->hi[i]) << i;
	return bits;
}

/* Sums: how many have at most so many free bits, and at least these exact values. */
static void sum(struct counts *c, unsigned k)
{
	for (unsigned i = 0; i < LEVELS; i++)
		for (unsigned j = 0; j < LEVELS; j++)
			for (unsigned e = 0; e < EXACTS; e++) {
				uint32_t *at = &c->v[k][i][j][e];

				*at += i ? c->v[k][i - 1][j][e] : 0;
				*at += j ? c->v[k][i][j - 1][e] : 0;
				*at -= i && j ? c->v[k][i - 1][j - 1][e] : 0;
			}
	for (unsigned bit = 1; bit < EXACTS; bit *= 2)
		for (unsigned i = 0; i < LEVELS; i++)
			for (unsigned j = 0; j < LEVELS; j++)
				for (unsigned e = 0; e < EXACTS; e++)
					if (!(e & bit))
						c->v[k][i][j][e] += c->v[k][i][j][e | bit];
}

static int by_fit(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return x->fit > y->fit ? -1 : x->fit < y->fit;
}

/* What most of the terms' rests begin with that are left: mostly there is but one. false: memory is out. */
static bool choose_rests(struct tuple_build *b, uint32_t *rests)
{
	uint32_t *n = calloc(b->rest.n / TUPLE_RESTS + 1, sizeof(*n));

	*rests = 0;
	for (size_t k = 0; n && k < b->n_left; k++) {
		uint32_t i = b->term.v[b->left[k]].rest / TUPLE_RESTS;

		if (++n[i] > n[*rests])
			*rests = i;
	}
	free(n);
	return n || classify_fail(b->t, "memory is out");
}

/* Shapes made of what the terms ask for; those which most would fit first. */
static size_t candidates(struct tuple_build *b, uint32_t rests, struct counts *c, struct candidate *out)
{
	bool is[KINDS][TUPLE_LONG][LEVELS] = { 0 };
	size_t n = 0;

	memset(c, 0, sizeof(*c));
	for (size_t k = 0; k < b->n_left; k++) {
		const struct tuple_term *x = &b->term.v[b->left[k]];

		if (x->rest / TUPLE_RESTS != rests)
			continue;
		c->v[kind(x)][level(x, 0)][level(x, 1)][exact(x)]++;
		is[kind(x)][0][level(x, 0)] = is[kind(x)][1][level(x, 1)] = true;
	}
	for (unsigned kind = 0; kind < KINDS; kind++) {
		sum(c, kind);
		for (unsigned i = 0; i < LEVELS; i++)
			for (unsigned j = 0; j < LEVELS; j++)
				for (unsigned e = 0; e < EXACTS && is[kind][0][i] && is[kind][1][j]; e++)
					if (c->v[kind][i][j][e])
						out[n++] = (struct candidate){
							.shape = { .wide = kind == WIDE, .says = kind == SAYS, .exact = e, .rests = rests,
								   .free = { (uint8_t)(i * TUPLE_STEP), (uint8_t)(j * TUPLE_STEP) } },
							.fit = c->v[kind][i][j][e],
						};
	}
	qsort(out, n, sizeof(*out), by_fit);
	return n;
}

/* How many of this key there were before. */
static uint32_t *seen(struct seen *s, uint64_t hash)
{
	size_t at = hash * TUPLE_LAST_MIX >> 32 & (s->slots - 1);

	while (s->v[at].round == s->round && s->v[at].hash != hash)
		at = (at + 1) & (s->slots - 1);
	if (s->v[at].round != s->round)
		s->v[at] = (struct seen_key){ hash, s->round, 0 };
	return &s->v[at].n;
}

/* How many terms it takes; 0: not more than @best. */
static size_t evaluate(const struct tuple_build *b, struct seen *s, const struct candidate *c, size_t best)
{
	struct tuple_table d;
	size_t taken = 0, refused = 0;

	tuple_shape_masks(&c->shape, d.mask, &d.shorts);
	s->round++;
	for (size_t k = 0; k < b->n_left; k++) {
		const struct tuple_term *x = &b->term.v[b->left[k]];

		if (!tuple_fits(&c->shape, x))
			continue;
		if (++*seen(s, tuple_term_hash(&d, &c->shape, x)) <= b->same_key)
			taken++;
		else if (++refused + best >= c->fit)
			return 0;
	}
	return taken;
}

static uint32_t index_of(const struct tuple_build *b, uint32_t term)
{
	return CLASSIFY_INDEX(b->t->r->entry.v[b->term.v[term].entry].word);
}

/* Terms by bucket: a counting sort, so that they ascend within each. */
static bool sort_buckets(const struct tuple_build *b, struct tuple_choice *c)
{
	uint32_t *start = calloc(c->lines + 1, sizeof(*start)), *term, *bucket;

	if (!start)
		return classify_fail(b->t, "memory is out");
	term = arena_array(b->t->a, c->n, sizeof(*term));
	bucket = arena_array(b->t->a, c->n, sizeof(*bucket));
	for (size_t i = 0; i < c->n; i++)
		start[c->bucket[i] + 1]++;
	for (size_t i = 0; i < c->lines; i++)
		start[i + 1] += start[i];
	for (size_t i = 0; i < c->n; i++) {
		uint32_t to = start[c->bucket[i]]++;

		term[to] = c->term[i];
		bucket[to] = c->bucket[i];
	}
	c->term = term;
	c->bucket = bucket;
	free(start);
	return true;
}

/* Is there room for one more where @filled are? @others: lines that are no buckets, at most. */
static bool room(const struct tuple_shape *s, unsigned filled, size_t *others)
{
	if (s->wide)
		return filled < TUPLE_WIDE_CHAIN;
	if (filled % TUPLE_RECORDS || !filled)
		return true;
	if (filled == TUPLE_CHAIN * TUPLE_RECORDS || *others == TUPLE_MAX_OTHERS)
		return false;
	++*others;
	return true;
}

static bool take(struct tuple_build *b, struct seen *s, const struct tuple_shape *shape, size_t n)
{
	struct tuple_choice *c = &b->table[b->n];
	struct tuple_table d;
	unsigned char *filled;
	size_t kept = 0, others = 0;

	/* in few of the lines there is no room for all: one in seven */
	*c = (struct tuple_choice){ .shape = *shape, .lines = shape->wide ? n : (3 * n + 7) / 8, .first = UINT32_MAX };
	filled = calloc(c->lines, 1);
	if (!filled)
		return classify_fail(b->t, "memory is out");
	c->term = arena_array(b->t->a, n, sizeof(*c->term));
	c->bucket = arena_array(b->t->a, n, sizeof(*c->bucket));
	tuple_shape_masks(shape, d.mask, &d.shorts);
	s->round++;
	for (size_t k = 0; k < b->n_left; k++) {
		uint32_t place = b->left[k];
		const struct tuple_term *x = &b->term.v[place];
		uint64_t h = tuple_term_hash(&d, shape, x), bucket = tuple_line(h, c->lines);
		uint32_t *same = seen(s, h);

		if (!tuple_fits(shape, x) || ++*same > b->same_key || !room(shape, filled[bucket], &others)) {
			b->left[kept++] = place;
			continue;
		}
		c->compared += *same;
		filled[bucket]++;
		c->term[c->n] = place;
		c->bucket[c->n++] = (uint32_t)bucket;
		if (index_of(b, place) < c->first)
			c->first = index_of(b, place);
	}
	free(filled);
	b->n_left = kept;
	b->n++;
	return sort_buckets(b, c);
}

bool tuple_take(struct tuple_build *b)
{
	struct counts *counts = malloc(sizeof(*counts));
	struct candidate *c = malloc(KINDS * LEVELS * LEVELS * EXACTS * sizeof(*c));
	struct seen s = { .slots = 64 };
	size_t n = 0, best = 0, found = 0;
	uint32_t rests;
	bool ok = false;

	while (s.slots < 2 * b->n_left)
		s.slots *= 2;
	s.v = calloc(s.slots, sizeof(*s.v));
	if (!counts || !c || !s.v)
		classify_fail(b->t, "memory is out");
	else if ((ok = choose_rests(b, &rests)))
		n = candidates(b, rests, counts, c);
	for (size_t i = 0; i < n && c[i].fit > best; i++) {
		size_t taken = evaluate(b, &s, &c[i], best);

		if (taken > best) {
			best = taken;
			found = i;
		}
	}
	ok = ok && (!best || take(b, &s, &c[found].shape, best));
	free(counts);
	free(c);
	free(s.v);
	return ok;
}
