/*
 * The order of ranges. In: ranges, a million of them. Out: their numbers in the order of family and lower end, those that begin alike as they
 * stood. A radix sort: bytes that are the same in all of them cost nothing, and these are most of them where there is a family.
 */
#include "sema.h"

enum { FEW = 48 };	/* are sorted sooner than bytes are counted */

/* The part of a range that is sorted by, and which range it is. */
struct place {
	uint64_t key;
	uint32_t at;
};

enum part { PART_LO, PART_HI, PART_FAMILY, PARTS };

static uint64_t part_of(const struct range *r, enum part part)
{
	switch (part) {
	case PART_LO:
		return r->lo.lo;
	case PART_HI:
		return r->lo.hi;
	case PART_FAMILY:
		return r->family;
	case PARTS:
		break;
	}
	return 0;
}

/* Sorts by the key's byte @k from @from to @to. */
static void by_byte(const struct place *from, struct place *to, size_t n, unsigned k)
{
	size_t count[256] = { 0 }, sum = 0;

	for (size_t i = 0; i < n; i++)
		count[from[i].key >> 8 * k & 0xff]++;
	for (unsigned b = 0; b < 256; b++) {
		size_t here = count[b];

		count[b] = sum;
		sum += here;
	}
	for (size_t i = 0; i < n; i++)
		to[count[from[i].key >> 8 * k & 0xff]++] = from[i];
}

static const struct range *nth(const struct range *v, size_t i, size_t stride)
{
	return (const void *)((const char *)v + i * stride);
}

static bool before(const struct range *x, const struct range *y)
{
	return x->family != y->family ? x->family < y->family : value_cmp(x->lo, y->lo) < 0;
}

static void insertion_sort(uint32_t *order, const struct range *v, size_t n, size_t stride)
{
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k && before(nth(v, order[k], stride), nth(v, order[k - 1], stride)); k--) {
			uint32_t t = order[k];

			order[k] = order[k - 1];
			order[k - 1] = t;
		}
}

/* By the bytes of one part in which they differ, the least first: each keeps what the ones before it have put in order. */
static void radix_sort(uint32_t *order, struct place *p, struct place *other, const struct range *v, size_t n, size_t stride, enum part part,
		       uint64_t differ)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (struct place){ part_of(nth(v, order[i], stride), part), order[i] };
	for (unsigned k = 0; k < 8; k++) {
		struct place *t = p;

		if (!(differ >> 8 * k & 0xff))
			continue;
		by_byte(p, other, n, k);
		p = other;
		other = t;
	}
	for (size_t i = 0; i < n; i++)
		order[i] = p[i].at;
}

const uint32_t *ranges_order(struct arena *a, const struct range *v, size_t n, size_t stride)
{
	uint32_t *order = arena_array(a, n, sizeof(*order));
	uint64_t differ[PARTS] = { 0 };
	struct place *p, *other;

	for (size_t i = 0; i < n; i++)
		order[i] = (uint32_t)i;
	if (n < FEW) {
		insertion_sort(order, v, n, stride);
		return order;
	}
	for (size_t i = 1; i < n; i++)
		for (int part = 0; part < PARTS; part++)
			differ[part] |= part_of(nth(v, i, stride), (enum part)part) ^ part_of(v, (enum part)part);
	p = arena_array(a, n, sizeof(*p));
	other = arena_array(a, n, sizeof(*other));
	for (int part = 0; part < PARTS; part++)
		if (differ[part])
			radix_sort(order, p, other, v, n, stride, (enum part)part, differ[part]);
	return order;
}
