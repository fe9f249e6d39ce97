/*
 * Merged tuples' tables as bytes. In: the tables that were chosen. Out: their image. What has no room in its bucket's line goes to other lines:
 * where that is a whole line, to one of its own; else to one that buckets share.
 */
#include "classify_tuple.h"

#include <stdlib.h>
#include <string.h>

union line {
	struct tuple_narrow narrow;
	struct tuple_wide wide;
};

struct writer {
	const struct tuple_build *b;
	const struct tuple_choice *c;
	bool wide;
	unsigned room;				/* records in a line */
	union line *bucket;
	VEC(union line) other;
	size_t shared;				/* place in .other of the last one that is shared … */
	unsigned used;				/* … and its records; .room: there is none */
};

static uint32_t key_of(const struct tuple_build *b, const struct tuple_term *x)
{
	return tuple_key(b->t->r->entry.v[x->entry].word) | (b->sure ? b->sure[x->term] : 0);
}

static void put_narrow(const struct writer *w, struct tuple_narrow *l, unsigned i, const struct tuple_term *x)
{
	for (unsigned k = 0; k < TUPLE_LONG; k++) {
		uint64_t free = x->free[k] < 32 ? x->free[k] : 32;

		l->value[i] |= (x->value[k].lo & UINT32_MAX) << 32 * k;
		l->free |= free << (TUPLE_LONG * i + k) * TUPLE_FREE_BITS;
	}
	l->key[i] = key_of(w->b, x);
	l->rest[i] = (uint16_t)(x->rest % TUPLE_RESTS);
}

static void put_wide(const struct writer *w, struct tuple_wide *l, const struct tuple_term *x)
{
	for (unsigned i = 0; i < TUPLE_LONG; i++) {
		unsigned free = x->free[i];

		l->value[2 * i] = x->value[i].hi;
		l->value[2 * i + 1] = x->value[i].lo;
		l->free[2 * i] = free < 128 ? (uint8_t)(TUPLE_ASKED | (free > 64 ? free - 64 : 0)) : 0;
		l->free[2 * i + 1] = free < 64 ? (uint8_t)(TUPLE_ASKED | free) : 0;
	}
	l->key = key_of(w->b, x);
	l->rest = (uint16_t)(x->rest % TUPLE_RESTS);
}

/* The @n terms from @i on, in a line that has @used records. */
static void put(const struct writer *w, union line *l, unsigned used, size_t i, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		const struct tuple_term *x = &w->b->term.v[w->c->term[i + k]];

		if (w->wide)
			put_wide(w, &l->wide, x);
		else
			put_narrow(w, &l->narrow, used + (unsigned)k, x);
	}
}

static void empty(const struct writer *w, union line *l)
{
	memset(l, 0, sizeof(*l));
	if (w->wide)
		l->wide.key = TUPLE_NO_KEY;
	else
		memset(l->narrow.key, 0xff, sizeof(l->narrow.key));
}

static void link(const struct writer *w, union line *l, size_t next)
{
	if (w->wide)
		l->wide.next = (uint32_t)next + 1;
	else
		l->narrow.free |= (uint64_t)(next + 1) << TUPLE_NEXT_AT;
}

static size_t new_line(struct writer *w)
{
	empty(w, vec_add(w->b->t->a, &w->other));
	return w->other.n - 1;
}

static void put_bucket(struct writer *w, size_t i, size_t n)
{
	size_t at = SIZE_MAX, here = n < w->room ? n : w->room;

	put(w, &w->bucket[w->c->bucket[i]], 0, i, here);
	while (i += here, n -= here) {
		bool shares = n < w->room, has_room = shares && w->used + n <= w->room;
		size_t next = has_room ? w->shared : new_line(w);
		unsigned used = has_room ? w->used : 0;

		link(w, at == SIZE_MAX ? &w->bucket[w->c->bucket[i - here]] : &w->other.v[at], next);
		here = shares ? n : w->room;
		put(w, &w->other.v[next], used, i, here);
		if (shares) {
			w->shared = next;
			w->used = used + (unsigned)here;
		}
		at = next;
	}
}

static size_t bucket_terms(const struct tuple_choice *c, size_t i)
{
	size_t n = 1;

	while (i + n < c->n && c->bucket[i + n] == c->bucket[i])
		n++;
	return n;
}

static int by_first(const void *a, const void *b)
{
	const struct tuple_choice *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static bool add(struct attempt *t, size_t bytes, size_t *off)
{
	if (!classify_room(t, bytes))
		return false;
	*off = image_add(t->im, bytes, TUPLE_LINE);
	return !t->im->failed || classify_fail(t, "the tables of the program would be more than %d MB", IMAGE_MOST >> 20);
}

static bool write_table(struct tuple_build *b, const struct tuple_choice *c, struct tuple_table *d)
{
	struct writer w = { .b = b, .c = c, .wide = c->shape.wide, .room = c->shape.wide ? 1 : TUPLE_RECORDS };
	size_t lines, others, n;

	w.used = w.room;
	w.bucket = malloc(c->lines * sizeof(*w.bucket));
	if (!w.bucket)
		return classify_fail(b->t, "memory is out");
	for (size_t i = 0; i < c->lines; i++)
		empty(&w, &w.bucket[i]);
	for (size_t i = 0; i < c->n; i += n) {
		n = bucket_terms(c, i);
		put_bucket(&w, i, n);
	}
	if (!add(b->t, c->lines * TUPLE_LINE, &lines) || !add(b->t, w.other.n * TUPLE_LINE, &others)) {
		free(w.bucket);
		return false;
	}
	memcpy(image_at(b->t->im, lines), w.bucket, c->lines * TUPLE_LINE);
	if (w.other.n)
		memcpy(image_at(b->t->im, others), w.other.v, w.other.n * TUPLE_LINE);
	free(w.bucket);
	tuple_shape_masks(&c->shape, d->mask, &d->shorts);
	d->lines = (uint32_t)lines;
	d->others = (uint32_t)others;
	d->n = (uint32_t)c->lines;
	d->first = c->first;
	return true;
}

static bool write_windows(struct tuple_build *b, struct tuple *out)
{
	for (unsigned i = 0; i < TUPLE_LONG; i++) {
		out->window[i] = b->window[i];
		if (!classify_describe(b->t, sizeof(struct tuple_above), &out->window[i].at))
			return false;
		*(struct tuple_above *)image_at(b->t->im, out->window[i].at) = b->above[i];
	}
	return true;
}

bool tuple_write(struct tuple_build *b, struct tuple *out)
{
	size_t rests, besides;

	out->n = b->n;
	out->said = b->said;
	memcpy(out->dim, b->dim, sizeof(out->dim));
	qsort(b->table, b->n, sizeof(*b->table), by_first);
	tuple_sure(b, out->late ? *(const uint32_t *)image_at(b->t->im, out->rest) : TUPLE_END);
	out->early = b->skip_from;
	if (!classify_describe(b->t, TUPLE_MAX_TABLES * sizeof(struct tuple_table), &out->at) || !write_windows(b, out) ||
	    !classify_describe(b->t, sizeof(struct tuple_rest), &besides) || !add(b->t, b->rest.n * sizeof(struct tuple_rest), &rests))
		return false;
	*(struct tuple_rest *)image_at(b->t->im, besides) = b->besides;
	if (b->rest.n)
		memcpy(image_at(b->t->im, rests), b->rest.v, b->rest.n * sizeof(struct tuple_rest));
	if (b->pair && !pair_write(b, rests, &out->pair))
		return false;
	for (unsigned i = 0; i < b->n; i++) {
		const struct tuple_shape *s = &b->table[i].shape;
		struct tuple_table d = {
			.skip = i >= b->skip_from ? TUPLE_NO_LATER : 0,
			.rests = (uint32_t)(s->says ? besides : rests + (size_t)s->rests * TUPLE_RESTS * sizeof(struct tuple_rest)),
		};

		out->wide[i] = s->wide;
		out->say[i] = s->says;
		if (!write_table(b, &b->table[i], &d))
			return false;
		((struct tuple_table *)image_at(b->t->im, out->at))[i] = d;
	}
	return true;
}
