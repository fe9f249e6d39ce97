/*
 * Pairs of classes: rules that ask for few numbers of both long dimensions, by which of each dimension's classes they are about. In: terms. Out:
 * those that are found so, and their table. A pair that some of them are about has all other terms too that come before the last of these: so what
 * matches there is the packet's first rule, however many lengths of prefixes there are, and nothing else need be asked; where a rule that no record
 * can hold comes before it and may match too, its record says so.
 */
#include "classify_tuple.h"

#include <stdlib.h>
#include <string.h>

enum {
	MOST_TERMS = 20000,		/* with more, classes are so many that their maps are far from the processor */
	PAIRS_OF_TERM = 64,		/* at most */
	RECORDS_OF_TERM = 8,		/* of all pairs, for each term, at most */
	SPARSE = 4,			/* places of the table for each pair, at most */
	MOST_MEMBERS = 1 << 23,		/* classes that terms are about, one by one */
	MOST_TRIES = 1 << 26,		/* places that are looked at while rows are laid into each other */
	MOST_UNHELD = 16,		/* terms that no record can hold, which may come before one … */
	MOST_RANGES = 64,		/* … and ranges of one of them: what records have to do with them is looked at */
};

/* For each term which classes of a dimension it is about: .v from .start[term] on. */
struct members {
	uint32_t *start, *v;
};

/* A pair of classes, the last of the terms that are about few pairs of which this is one, and its records. */
struct pair_list {
	uint32_t a, b, last, first, n;
};

struct pairs {
	struct tuple_build *b;
	struct pair_choice *c;
	struct pair_term {
		uint32_t term;		/* place in .r->term */
		uint32_t of;		/* place in .b->term of its first way; NO_RECORD: no record can hold it */
	} *all;				/* .n of them, ascending */
	size_t n;
	struct classes class[2];
	struct members of[2];
	VEC(struct pair_list) list;
	VEC(uint32_t) record;		/* places in .all, and PAIR_UNSURE: what pairs have */
	uint32_t *slot;			/* by hash: 1 and the list, or 0 */
	size_t slots;
	uint32_t *row, *column;			/* by class: what its map says; .row: NO_RECORD: .none, where no row begins */
	uint32_t none;
};

#define NO_RECORD UINT32_MAX

/* Records can hold terms that ask the same besides in all their ways. */
static bool fits(const struct tuple_build *b, size_t i, size_t next)
{
	for (size_t k = i; k < next; k++) {
		const struct tuple_term *x = &b->term.v[k];

		if (x->says || x->rest >= TUPLE_RESTS || x->rest != b->term.v[i].rest)
			return false;
	}
	return true;
}

static void all_terms(struct pairs *p)
{
	const struct tuple_build *b = p->b;
	size_t i = 0, next, other = 0;

	p->all = arena_array(b->t->a, b->term.n + b->other.n + 1, sizeof(*p->all));
	while (i < b->term.n || other < b->other.n) {
		if (i == b->term.n || (other < b->other.n && b->other.v[other] < b->term.v[i].term)) {
			p->all[p->n++] = (struct pair_term){ b->other.v[other++], NO_RECORD };
			continue;
		}
		for (next = i; next < b->term.n && b->term.v[next].term == b->term.v[i].term; )
			next++;
		p->all[p->n++] = (struct pair_term){ b->term.v[i].term, fits(b, i, next) ? (uint32_t)i : NO_RECORD };
		i = next;
	}
}

static bool make_classes(struct pairs *p)
{
	struct attempt *t = p->b->t;
	uint32_t *term = arena_array(t->a, p->n + 1, sizeof(*term));

	for (size_t i = 0; i < p->n; i++)
		term[i] = p->all[i].term;
	for (unsigned d = 0; d < 2; d++) {
		if (!dim_classes(t, p->b->dim[d], term, p->n, &p->class[d], &p->c->map[d]) || p->class[d].n > PAIR_CLASSES)
			return false;
		p->c->classes[d] = p->class[d].n;
	}
	return true;
}

/* Each term's classes: a counting sort of the sets' members. false: they are so many that hardly any pair is about few. */
static bool make_members(struct pairs *p, unsigned d)
{
	const struct classes *c = &p->class[d];
	struct members *m = &p->of[d];

	m->start = arena_array(p->b->t->a, p->n + 2, sizeof(*m->start));
	for (unsigned turn = 0; turn < 2; turn++) {
		for (size_t i = 0; i < c->n; i++)
			for (size_t k = 0; k < c->words; k++)
				for (uint64_t w = classes_set(c, i)[k]; w; w &= w - 1) {
					uint32_t *at = &m->start[64 * k + (unsigned)__builtin_ctzll(w) + (turn ? 1 : 2)];

					if (turn)
						m->v[(*at)++] = (uint32_t)i;
					else
						++*at;
				}
		for (size_t i = 0; i < p->n && !turn; i++)
			m->start[i + 2] += m->start[i + 1];
		if (!turn && m->start[p->n + 1] > MOST_MEMBERS)
			return false;
		if (!turn)
			m->v = arena_array(p->b->t->a, m->start[p->n + 1] + 1, sizeof(*m->v));
	}
	return true;
}

static size_t about(const struct members *m, size_t i)
{
	return m->start[i + 1] - m->start[i];
}

static uint32_t *slot_of(const struct pairs *p, uint32_t a, uint32_t b)
{
	size_t at = ((uint64_t)a << 32 | b) * TUPLE_MIX >> 32 & (p->slots - 1);

	while (p->slot[at] && (p->list.v[p->slot[at] - 1].a != a || p->list.v[p->slot[at] - 1].b != b))
		at = (at + 1) & (p->slots - 1);
	return &p->slot[at];
}

/* The pairs that term @i of .all is about: they are there as far as this one. */
static void add_pairs(struct pairs *p, size_t i)
{
	const struct members *x = &p->of[0], *y = &p->of[1];

	for (uint32_t k = x->start[i]; k < x->start[i + 1]; k++)
		for (uint32_t m = y->start[i]; m < y->start[i + 1]; m++) {
			uint32_t *slot = slot_of(p, x->v[k], y->v[m]);

			if (!*slot) {
				*vec_add(p->b->t->a, &p->list) = (struct pair_list){ .a = x->v[k], .b = y->v[m] };
				*slot = (uint32_t)p->list.n;
			}
			p->list.v[*slot - 1].last = (uint32_t)i;
		}
}

/* Does a part allow a short number that is from @lo to @hi, as lanes have it? Where it has many ranges, it is taken that it does. */
static bool allows(const struct classify_dim *d, const struct classify_part *p, uint32_t lo, uint32_t hi)
{
	if (p->absent && lo <= UINT16_MAX)
		return true;
	for (uint32_t f = 0; f < d->n; f++) {
		uint32_t which = (f + 1) << 16;
		size_t n = p->in[f].n;

		if (p->in[f].any ? lo <= (which | UINT16_MAX) && which <= hi : n > MOST_RANGES)
			return true;
		for (size_t i = 0; !p->in[f].any && i < n; i++)
			if ((which | p->in[f].r[i].lo.lo) <= hi && lo <= (which | p->in[f].r[i].hi.lo))
				return true;
	}
	return false;
}

/* May a packet of both long dimensions' classes match the record of @x and the term @y too? */
static bool meet(const struct tuple_build *b, const struct tuple_term *x, const struct classify_term *y)
{
	for (size_t k = 0; k < y->n; k++)
		for (unsigned i = 0; i < TUPLE_SHORT; i++)
			if (b->dim[TUPLE_LONG + i] == y->part[k].dim && !allows(&b->t->r->dim[y->part[k].dim], &y->part[k], x->lo[i], x->hi[i]))
				return false;
	return true;
}

/* Terms that no record can hold, of one pair: .n of them, of which the first ones are known. */
struct unheld {
	uint32_t term[MOST_UNHELD];
	size_t n;
};

static bool any_meets(const struct tuple_build *b, const struct tuple_term *x, const struct unheld *u)
{
	for (size_t i = 0; i < u->n; i++)
		if (i == MOST_UNHELD || meet(b, x, &b->t->r->term.v[u->term[i]]))
			return true;
	return false;
}

/* All terms of a pair, as far as its last one. false: they are too many. */
static bool fill_list(struct pairs *p, struct pair_list *l, const bool *own)
{
	const uint64_t *x = classes_set(&p->class[0], l->a), *y = classes_set(&p->class[1], l->b);
	struct unheld unheld = { .n = 0 };

	l->first = (uint32_t)p->record.n;
	for (size_t k = 0; k <= l->last / 64; k++)
		for (uint64_t w = x[k] & y[k]; w; w &= w - 1) {
			uint32_t i = (uint32_t)(64 * k) + (unsigned)__builtin_ctzll(w);
			bool unsure;

			if (i > l->last)
				break;
			if (p->all[i].of == NO_RECORD) {
				if (unheld.n < MOST_UNHELD)
					unheld.term[unheld.n] = p->all[i].term;
				unheld.n++;
				continue;
			}
			if (++l->n > PAIR_CHAIN)
				return false;
			unsure = any_meets(p->b, &p->b->term.v[p->all[i].of], &unheld);
			*vec_add(p->b->t->a, &p->record) = i | (unsure ? PAIR_UNSURE : 0);
			if (own[i]) {
				p->c->compared += l->n;
				p->c->entries++;
				p->c->unsure += unsure;
			}
		}
	return p->record.n <= RECORDS_OF_TERM * p->n;
}

static bool make_lists(struct pairs *p)
{
	bool *own = arena_array(p->b->t->a, p->n, sizeof(*own));
	size_t all = 0;

	p->c->term = arena_array(p->b->t->a, p->n, sizeof(*p->c->term));
	for (size_t i = 0; i < p->n; i++) {
		size_t pairs = about(&p->of[0], i) * about(&p->of[1], i);

		if (p->all[i].of == NO_RECORD || !pairs || pairs > PAIRS_OF_TERM)
			continue;
		own[i] = true;
		p->c->term[p->c->n++] = p->all[i].of;
		all += pairs;
	}
	for (p->slots = 64; p->slots < 2 * all; )
		p->slots *= 2;
	p->slot = calloc(p->slots, sizeof(*p->slot));
	if (!p->slot || !p->c->n)
		return false;
	for (size_t i = 0; i < p->n; i++)
		if (own[i])
			add_pairs(p, i);
	for (size_t i = 0; i < p->list.n; i++)
		if (!fill_list(p, &p->list.v[i], own))
			return false;
	return true;
}

/* ---- rows laid into each other ---- */

static int by_row(const void *x, const void *y)
{
	const struct pair_list *a = x, *b = y;

	return a->a != b->a ? (a->a < b->a ? -1 : 1) : a->b < b->b ? -1 : a->b > b->b;
}

struct row {
	uint32_t at, n;			/* in .list, which is sorted by row */
};

static int by_length(const void *x, const void *y)
{
	const struct row *a = x, *b = y;

	return a->n != b->n ? (a->n > b->n ? -1 : 1) : a->at < b->at ? -1 : a->at > b->at;
}

static bool is_free(const struct pairs *p, const struct row *r, const unsigned char *taken, size_t at, size_t *tries)
{
	for (uint32_t i = 0; i < r->n; i++, ++*tries)
		if (taken[at + p->list.v[r->at + i].b])
			return false;
	return true;
}

/* Where rows begin, which tells them apart too: at multiples of 1 << @shift. false: they would take too many places, or too long. */
static bool lay_rows_at(struct pairs *p, const struct row *row, size_t rows, unsigned shift, size_t *tries)
{
	struct arena *a = p->b->t->a;
	size_t columns = p->c->classes[1], most = (SPARSE * p->list.n + columns) & ~(((size_t)1 << shift) - 1), at = 0;
	unsigned char *taken = arena_alloc(a, most + columns), *begun = arena_alloc(a, (most >> shift) + 1);

	for (size_t r = 0; r < rows; r++) {
		/* rows as long as the one before do not fit where that did not */
		at = r && row[r].n == row[r - 1].n ? at : 0;
		while (at < most && (begun[at >> shift] || !is_free(p, &row[r], taken, at, tries)))
			at += (size_t)1 << shift;
		if (at >= most || at >> shift >= PAIR_ROWS_MOST || *tries > MOST_TRIES)
			return false;
		for (uint32_t i = 0; i < row[r].n; i++)
			taken[at + p->list.v[row[r].at + i].b] = 1;
		begun[at >> shift] = 1;
		p->row[p->list.v[row[r].at].a] = (uint32_t)(at >> shift);
		if (at + columns > p->c->places)
			p->c->places = at + columns;
	}
	/* and one that has nothing, of all other classes */
	for (at = 0; begun[at]; at++)
		;
	p->none = (uint32_t)at;
	if ((at << shift) + columns > p->c->places)
		p->c->places = (at << shift) + columns;
	return at < PAIR_ROWS_MOST;
}

static bool lay_rows(struct pairs *p)
{
	size_t n = p->list.n, rows = 0, tries = 0;
	struct row *row = arena_array(p->b->t->a, n + 1, sizeof(*row));

	qsort(p->list.v, n, sizeof(*p->list.v), by_row);
	for (size_t i = 0; i < n; i++) {
		if (i && p->list.v[i].a == p->list.v[i - 1].a)
			row[rows - 1].n++;
		else
			row[rows++] = (struct row){ (uint32_t)i, 1 };
	}
	qsort(row, rows, sizeof(*row), by_length);
	p->row = arena_array(p->b->t->a, p->class[0].n, sizeof(*p->row));
	for (p->c->shift = 0; p->c->shift <= PAIR_SHIFT_MOST; p->c->shift++) {
		for (size_t i = 0; i < p->class[0].n; i++)
			p->row[i] = NO_RECORD;
		p->c->places = 0;
		if (lay_rows_at(p, row, rows, p->c->shift, &tries))
			return true;
	}
	return false;
}

/* ---- columns, and what classes become ---- */

/* Columns that have something in some row, from 1 on: all others are one. */
static void number_columns(struct pairs *p)
{
	uint32_t *column = arena_array(p->b->t->a, p->class[1].n, sizeof(*column)), n = 1;

	for (size_t i = 0; i < p->list.n; i++)
		column[p->list.v[i].b] = 1;
	for (size_t i = 0; i < p->class[1].n; i++)
		column[i] = column[i] ? n++ : 0;
	for (size_t i = 0; i < p->list.n; i++)
		p->list.v[i].b = column[p->list.v[i].b];
	p->c->classes[1] = n;
	p->column = column;
}

/* The number instead of each class; pieces that then have the same become one. */
static void renumber(struct dim_class_map *m, const uint32_t *number, uint32_t none)
{
	m->absent = number[m->absent] == NO_RECORD ? none : number[m->absent];
	for (unsigned f = 0; f < CLASSIFY_MAX_FIELDS; f++) {
		size_t kept = 0;

		for (size_t i = 0; i < m->piece[f].n; i++) {
			struct map_piece x = m->piece[f].v[i];

			x.v = number[x.v] == NO_RECORD ? none : number[x.v];
			if (!kept || m->piece[f].v[kept - 1].v != x.v)
				m->piece[f].v[kept++] = x;
		}
		m->piece[f].n = kept;
	}
}

static uint32_t key_of(const struct tuple_build *b, const struct tuple_term *x)
{
	return tuple_key(b->t->r->entry.v[x->entry].word);
}

/* The records: first those of rows, then what follows them. */
static void make_records(struct pairs *p)
{
	struct pair_choice *c = p->c;
	size_t more = c->places;

	c->n_records = c->places + p->record.n - p->list.n;
	c->record = arena_array(p->b->t->a, c->n_records, sizeof(*c->record));
	for (size_t i = 0; i < p->list.n; i++) {
		const struct pair_list *l = &p->list.v[i];
		struct pair_record *r = &c->record[((size_t)p->row[l->a] << c->shift) + l->b];

		r->row = (uint16_t)(p->row[l->a] + 1);
		for (uint32_t k = 0; k < l->n; k++) {
			uint32_t at = p->record.v[l->first + k];
			const struct tuple_term *x = &p->b->term.v[p->all[at & ~PAIR_UNSURE].of];

			if (k) {
				r->next |= (uint32_t)more;
				r = &c->record[more++];
			}
			r->next = at & PAIR_UNSURE;
			r->key = key_of(p->b, x);
			r->rest = (uint16_t)x->rest;
		}
	}
}

static bool choose(struct pairs *p)
{
	all_terms(p);
	if (!p->n || !make_classes(p))
		return false;
	if (!make_members(p, 0) || !make_members(p, 1) || !make_lists(p))
		return false;
	number_columns(p);
	if (!lay_rows(p))
		return false;
	make_records(p);
	renumber(&p->c->map[0], p->row, p->none);
	renumber(&p->c->map[1], p->column, 0);
	p->c->first = key_of(p->b, &p->b->term.v[p->c->term[0]]) >> 8;
	return true;
}

bool pair_choose(struct tuple_build *b, struct pair_choice *c)
{
	struct pairs p = { .b = b, .c = c };
	bool ok;

	*c = (struct pair_choice){ 0 };
	if (b->dim[0] == TUPLE_NONE || b->dim[1] == TUPLE_NONE || b->term.n > MOST_TERMS)
		return false;
	ok = choose(&p);
	classes_free(&p.class[0]);
	classes_free(&p.class[1]);
	free(p.slot);
	return ok;
}

void pair_take(struct tuple_build *b, const struct pair_choice *c)
{
	size_t kept = 0, next = 0;

	for (size_t i = 0; i < b->n_left; i++) {
		while (next < c->n && b->term.v[c->term[next]].term < b->term.v[b->left[i]].term)
			next++;
		if (next == c->n || b->term.v[c->term[next]].term != b->term.v[b->left[i]].term)
			b->left[kept++] = b->left[i];
	}
	b->n_left = kept;
	b->pair = c;
}

static bool add_records(struct attempt *t, const struct pair_choice *c, size_t head)
{
	size_t off, bytes = c->n_records * sizeof(*c->record);

	if (!classify_room(t, bytes))
		return false;
	off = image_add(t->im, bytes, 64);
	if (t->im->failed)
		return classify_fail(t, "the tables of the program would be more than %d MB", IMAGE_MOST >> 20);
	memcpy(image_at(t->im, off), c->record, bytes);
	((uint32_t *)image_at(t->im, head))[PAIR_RECORDS] = (uint32_t)off;
	return true;
}

static bool write_map(struct attempt *t, const struct classify_dim *d, const struct dim_class_map *m, struct rfc_dim *out)
{
	out->n = d->n;
	if (!classify_describe(t, 4 + 4 * (size_t)MAP_DESC * d->n, &out->at))
		return false;
	*(uint32_t *)image_at(t->im, out->at) = m->absent;
	for (unsigned f = 0; f < d->n; f++) {
		out->field[f].at = out->at + 4 + 4 * (size_t)MAP_DESC * f;
		if (!map_build(t->im, &out->field[f], d->field[f].bits, m->piece[f].v, m->piece[f].n))
			return classify_fail(t, "no room for the tables of %s", d->field[f].name);
	}
	return classify_room(t, 0);
}

bool pair_write(struct tuple_build *b, size_t rests, struct pair *out)
{
	const struct pair_choice *c = b->pair;
	struct attempt *t = b->t;

	*out = (struct pair){ .is = true };
	if (!classify_describe(t, 4 * PAIR_NUMBERS, &out->at))
		return false;
	((uint32_t *)image_at(t->im, out->at))[PAIR_RESTS] = (uint32_t)rests;
	((uint32_t *)image_at(t->im, out->at))[PAIR_SHIFT] = c->shift;
	for (unsigned d = 0; d < 2; d++)
		if (!write_map(t, &t->r->dim[b->dim[d]], &c->map[d], &out->dim[d]))
			return false;
	return add_records(t, c, out->at);
}
