/*
 * Sets of what a packet may say of one dimension: the numbers of each of its fields, and whether none need be there. In: sorted disjoint ranges.
 * Out: the same, new; ranges that did not change are shared.
 */
#include <string.h>

#include "lower_classify.h"

struct classify_part part_none(unsigned dim)
{
	return (struct classify_part){ .dim = dim };
}

static struct value next(struct value v)
{
	return (struct value){ v.hi + (v.lo == UINT64_MAX), v.lo + 1 };
}

static struct value before(struct value v)
{
	return (struct value){ v.hi - !v.lo, v.lo - 1 };
}

/* All numbers of so many bits? */
static bool is_all(const struct range *r, size_t n, unsigned bits)
{
	return n == 1 && !r->lo.hi && !r->lo.lo && value_cmp(r->hi, value_ones(bits)) >= 0;
}

void part_numbers(struct arena *a, const struct classify_dim *d, struct classify_part *p, unsigned place, const struct range *r, size_t n)
{
	unsigned bits = d->field[place].bits;

	/* sets may have numbers greater than the field's */
	while (n && value_cmp(r[n - 1].lo, value_ones(bits)) > 0)
		n--;
	if (n && value_cmp(r[n - 1].hi, value_ones(bits)) > 0) {
		struct range *own = arena_copy(a, r, n * sizeof(*r));

		own[n - 1].hi = value_ones(bits);
		r = own;
	}
	p->in[place].any = is_all(r, n, bits);
	p->in[place].r = r;
	p->in[place].n = n;
}

void part_byte(struct arena *a, struct classify_part *p, unsigned place, part_takes *takes, const void *with)
{
	struct range own[128];
	size_t n = 0;

	for (unsigned v = 0; v < 256; v++) {
		unsigned from = v;

		if (!takes(with, v))
			continue;
		while (v < 255 && takes(with, v + 1))
			v++;
		own[n++] = (struct range){ FAMILY_NUM, value_of(from), value_of(v) };
	}
	p->in[place].any = is_all(own, n, 8);
	p->in[place].r = arena_copy(a, own, n * sizeof(*own));
	p->in[place].n = n;
}

static size_t both(struct range *out, const struct range *x, size_t nx, const struct range *y, size_t ny)
{
	size_t n = 0;

	for (size_t i = 0, k = 0; i < nx && k < ny;) {
		struct value lo = value_cmp(x[i].lo, y[k].lo) > 0 ? x[i].lo : y[k].lo;
		struct value hi = value_cmp(x[i].hi, y[k].hi) < 0 ? x[i].hi : y[k].hi;

		if (value_cmp(lo, hi) <= 0)
			out[n++] = (struct range){ x[i].family, lo, hi };
		if (value_cmp(x[i].hi, y[k].hi) < 0)
			i++;
		else
			k++;
	}
	return n;
}

struct classify_part part_and(struct arena *a, const struct classify_dim *d, const struct classify_part *x, const struct classify_part *y)
{
	struct classify_part p = part_none(x->dim);

	p.absent = x->absent && y->absent;
	for (unsigned f = 0; f < d->n; f++) {
		struct range *own;

		if (x->in[f].any || y->in[f].any) {
			p.in[f] = x->in[f].any ? y->in[f] : x->in[f];
			continue;
		}
		if (!x->in[f].n || !y->in[f].n)
			continue;
		own = arena_array(a, x->in[f].n + y->in[f].n, sizeof(*own));
		p.in[f].n = both(own, x->in[f].r, x->in[f].n, y->in[f].r, y->in[f].n);
		p.in[f].r = own;
	}
	return p;
}

struct classify_part part_not(struct arena *a, const struct classify_dim *d, const struct classify_part *x)
{
	struct classify_part p = part_none(x->dim);

	p.absent = !x->absent;
	for (unsigned f = 0; f < d->n; f++) {
		struct value from = { 0, 0 }, most = value_ones(d->field[f].bits);
		struct range *own;
		bool over = false;

		if (x->in[f].any)
			continue;
		if (!x->in[f].n) {
			p.in[f].any = true;
			continue;
		}
		own = arena_array(a, x->in[f].n + 1, sizeof(*own));
		for (size_t i = 0; i < x->in[f].n; i++) {
			const struct range *r = &x->in[f].r[i];

			if (value_cmp(from, r->lo) < 0)
				own[p.in[f].n++] = (struct range){ r->family, from, before(r->lo) };
			over = !value_cmp(r->hi, most);
			from = next(r->hi);
		}
		if (!over)
			own[p.in[f].n++] = (struct range){ x->in[f].r[0].family, from, most };
		p.in[f].r = own;
	}
	return p;
}

bool part_is_empty(const struct classify_dim *d, const struct classify_part *p)
{
	for (unsigned f = 0; f < d->n; f++)
		if (p->in[f].any || p->in[f].n)
			return false;
	return !p->absent;
}
