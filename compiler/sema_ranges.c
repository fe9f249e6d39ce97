/*
 * Sets of numbers as ranges. In: ranges of any order, or sorted disjoint ones. Out: sorted by family and lower end, disjoint, not
 * adjacent; so two lists that mean the same are the same.
 */
#include "sema.h"

#include <stdio.h>

struct value prefix_host_mask(unsigned bits, unsigned len)
{
	return value_ones(bits - len);
}

static bool sorted(const struct range *v, size_t n, size_t stride)
{
	const char *at = (const char *)v;

	for (size_t i = 1; i < n; i++, at += stride) {
		const struct range *x = (const void *)at, *y = (const void *)(at + stride);

		if (x->family != y->family ? x->family > y->family : value_cmp(x->lo, y->lo) > 0)
			return false;
	}
	return true;
}

static bool is_top(struct value v)
{
	return v.hi == UINT64_MAX && v.lo == UINT64_MAX;
}

/* Is there something between @x and @y, which begins where @x begins or behind? */
static bool apart(const struct range *x, const struct range *y)
{
	return x->family != y->family || (!is_top(x->hi) && value_cmp(value_next(x->hi), y->lo) < 0);
}

size_t items_merge(struct arena *a, struct item *v, size_t n, struct twice *twice)
{
	size_t out = 0;

	*twice = (struct twice){ 0 };
	if (n && !sorted(&v->r, n, sizeof(*v))) {
		const struct item *old = arena_copy(a, v, n * sizeof(*v));
		const uint32_t *order = ranges_order(a, &v->r, n, sizeof(*v));

		for (size_t i = 0; i < n; i++)
			v[i] = old[order[i]];
	}
	for (size_t i = 0; i < n; i++) {
		struct range *last = out ? &v[out - 1].r : NULL;

		if (!last || apart(last, &v[i].r)) {
			v[out++] = v[i];
			continue;
		}
		if (!twice->at && value_cmp(v[i].r.lo, last->hi) <= 0)
			*twice = (struct twice){ v[i].at, v[out - 1].at, v[i].r, *last };
		if (value_cmp(last->hi, v[i].r.hi) < 0)
			last->hi = v[i].r.hi;
	}
	return out;
}

struct ranges ranges_and(struct arena *a, const struct range *x, size_t nx, const struct range *y, size_t ny)
{
	struct ranges out = { 0 };

	for (size_t i = 0, j = 0; i < nx && j < ny;) {
		struct range r;

		if (x[i].family != y[j].family) {
			if (x[i].family < y[j].family)
				i++;
			else
				j++;
			continue;
		}
		r.family = x[i].family;
		r.lo = value_cmp(x[i].lo, y[j].lo) < 0 ? y[j].lo : x[i].lo;
		r.hi = value_cmp(x[i].hi, y[j].hi) < 0 ? x[i].hi : y[j].hi;
		if (value_cmp(r.lo, r.hi) <= 0)
			*vec_add(a, &out) = r;
		if (value_cmp(x[i].hi, y[j].hi) < 0)
			i++;
		else
			j++;
	}
	return out;
}

struct ranges ranges_minus(struct arena *a, const struct range *x, size_t nx, const struct range *y, size_t ny)
{
	struct ranges out = { 0 };
	size_t j = 0;

	for (size_t i = 0; i < nx; i++) {
		struct range r = x[i];
		bool left = true;

		while (j < ny && (y[j].family < r.family || (y[j].family == r.family && value_cmp(y[j].hi, r.lo) < 0)))
			j++;
		for (size_t k = j; left && k < ny && y[k].family == r.family && value_cmp(y[k].lo, r.hi) <= 0; k++) {
			if (value_cmp(r.lo, y[k].lo) < 0)
				*vec_add(a, &out) = (struct range){ r.family, r.lo, value_prev(y[k].lo) };
			left = value_cmp(y[k].hi, r.hi) < 0;
			if (left)
				r.lo = value_next(y[k].hi);
		}
		if (left)
			*vec_add(a, &out) = r;
	}
	return out;
}

static struct value value_bit(unsigned i)
{
	return i < 64 ? value_of((uint64_t)1 << i) : (struct value){ (uint64_t)1 << (i - 64), 0 };
}

bool mask_reaches(struct value mask, struct value lo, struct value hi)
{
	struct value outside = value_and(lo, value_not(mask));
	unsigned top;

	if (value_is_zero(outside))
		return true;
	top = outside.hi ? 127 - (unsigned)__builtin_clzll(outside.hi) : 63 - (unsigned)__builtin_clzll(outside.lo);
	/* The smallest such number above lo: the lowest mask bit above the stray one that lo has not, and lo's bits above that. */
	for (unsigned i = top + 1; i < 128; i++) {
		struct value bit = value_bit(i), up;

		if (value_is_zero(value_and(mask, bit)) || !value_is_zero(value_and(lo, bit)))
			continue;
		up = value_or(value_and(lo, value_not(value_ones(i))), bit);
		return value_cmp(up, hi) <= 0;
	}
	return false;
}

static const char *show_ip6(struct arena *a, struct value v)
{
	unsigned group[8];
	int best = -1, best_len = 1;
	char *s = arena_alloc(a, 48), *p = s;

	for (int i = 0; i < 8; i++)
		group[i] = (unsigned)((i < 4 ? v.hi : v.lo) >> (48 - 16 * (i % 4))) & 0xffff;
	for (int i = 0; i < 8; i++) {
		int len = 0;

		while (i + len < 8 && !group[i + len])
			len++;
		if (len > best_len) {
			best = i;
			best_len = len;
		}
	}
	for (int i = 0; i < 8; i++) {
		if (i == best) {
			p += sprintf(p, "::");
			i += best_len - 1;
			continue;
		}
		p += sprintf(p, "%s%x", i && p[-1] != ':' ? ":" : "", group[i]);
	}
	return s;
}

const char *value_show(struct arena *a, enum type_kind kind, enum family f, struct value v)
{
	if (f == FAMILY_IP4)
		return arena_printf(a, "%u.%u.%u.%u", (unsigned)(v.lo >> 24) & 255, (unsigned)(v.lo >> 16) & 255,
				    (unsigned)(v.lo >> 8) & 255, (unsigned)v.lo & 255);
	if (f == FAMILY_IP6)
		return show_ip6(a, v);
	if (kind == KIND_MAC)
		return arena_printf(a, "%02x:%02x:%02x:%02x:%02x:%02x", (unsigned)(v.lo >> 40) & 255,
				    (unsigned)(v.lo >> 32) & 255,
				    (unsigned)(v.lo >> 24) & 255, (unsigned)(v.lo >> 16) & 255, (unsigned)(v.lo >> 8) & 255,
				    (unsigned)v.lo & 255);
	return arena_printf(a, "%llu", (unsigned long long)v.lo);
}

struct ranges ranges_merge(struct arena *a, struct arena *scratch, const struct range *v, size_t n)
{
	const uint32_t *order = n && !sorted(v, n, sizeof(*v)) ? ranges_order(scratch, v, n, sizeof(*v)) : NULL;
	struct ranges out = { arena_array(a, n, sizeof(*v)), 0, n };
	struct range *last = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct range *r = &v[order ? order[i] : i];

		if (!last || apart(last, r)) {
			last = &out.v[out.n++];
			*last = *r;
		} else if (value_cmp(last->hi, r->hi) < 0) {
			last->hi = r->hi;
		}
	}
	return out;
}
