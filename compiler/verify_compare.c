/*
 * What comparisons of numbers say. In: what is known of two numbers. Out: whether the comparison is decided, or what either way of it teaches.
 */
#include "verify_number.h"

#include <linux/bpf.h>

#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define MIN(a, b) ((a) < (b) ? (a) : (b))

enum { NOT_SET = 0xe8 };		/* the contrary of BPF_JSET, which has no instruction */

unsigned number_flip(unsigned op)
{
	switch (op) {
	case BPF_JGE:	return BPF_JLE;
	case BPF_JLE:	return BPF_JGE;
	case BPF_JGT:	return BPF_JLT;
	case BPF_JLT:	return BPF_JGT;
	case BPF_JSGE:	return BPF_JSLE;
	case BPF_JSLE:	return BPF_JSGE;
	case BPF_JSGT:	return BPF_JSLT;
	case BPF_JSLT:	return BPF_JSGT;
	default:	return op;
	}
}

static unsigned contrary(unsigned op)
{
	switch (op) {
	case BPF_JEQ:	return BPF_JNE;
	case BPF_JNE:	return BPF_JEQ;
	case BPF_JGE:	return BPF_JLT;
	case BPF_JLT:	return BPF_JGE;
	case BPF_JGT:	return BPF_JLE;
	case BPF_JLE:	return BPF_JGT;
	case BPF_JSGE:	return BPF_JSLT;
	case BPF_JSLT:	return BPF_JSGE;
	case BPF_JSGT:	return BPF_JSLE;
	case BPF_JSLE:	return BPF_JSGT;
	case BPF_JSET:	return NOT_SET;
	default:	return BPF_JSET;
	}
}

/* Ranges in one size. */
struct ranges {
	uint64_t umin, umax;
	int64_t smin, smax;
};

static struct ranges ranges(const struct number *n, bool half)
{
	return half ? (struct ranges){ n->umin32, n->umax32, n->smin32, n->smax32 } : (struct ranges){ n->umin, n->umax, n->smin, n->smax };
}

static bool apart(struct ranges a, struct ranges b)
{
	return a.umin > b.umax || a.umax < b.umin || a.smin > b.smax || a.smax < b.smin;
}

static int equal(const struct number *a, const struct number *b, bool half)
{
	uint64_t x, y;

	if (number_constant(a, half, &x) && number_constant(b, half, &y))
		return x == y;
	if (apart(ranges(a, half), ranges(b, half)) || (!half && apart(ranges(a, true), ranges(b, true))))
		return 0;
	return -1;
}

int number_compare(const struct number *a, const struct number *b, unsigned op, bool half)
{
	struct ranges x = ranges(a, half), y = ranges(b, half);
	uint64_t low = half ? UINT32_MAX : UINT64_MAX, v;
	int is;

	switch (op) {
	case BPF_JEQ:
		return equal(a, b, half);
	case BPF_JNE:
		is = equal(a, b, half);
		return is < 0 ? -1 : !is;
	case BPF_JSET:
		if (!number_constant(b, half, &v)) {
			const struct number *swap = a;

			a = b;
			b = swap;
			if (!number_constant(b, half, &v))
				return -1;
		}
		return ~a->bits.mask & a->bits.value & v & low ? 1 : !((a->bits.mask | a->bits.value) & v & low) ? 0 : -1;
	case BPF_JGT:
		return x.umin > y.umax ? 1 : x.umax <= y.umin ? 0 : -1;
	case BPF_JSGT:
		return x.smin > y.smax ? 1 : x.smax <= y.smin ? 0 : -1;
	case BPF_JLT:
		return x.umax < y.umin ? 1 : x.umin >= y.umax ? 0 : -1;
	case BPF_JSLT:
		return x.smax < y.smin ? 1 : x.smin >= y.smax ? 0 : -1;
	case BPF_JGE:
		return x.umin >= y.umax ? 1 : x.umax < y.umin ? 0 : -1;
	case BPF_JSGE:
		return x.smin >= y.smax ? 1 : x.smax < y.smin ? 0 : -1;
	case BPF_JLE:
		return x.umax <= y.umin ? 1 : x.umin > y.umax ? 0 : -1;
	case BPF_JSLE:
		return x.smax <= y.smin ? 1 : x.smin > y.smax ? 0 : -1;
	default:
		return -1;
	}
}

static void are_equal(struct number *a, struct number *b, bool half)
{
	struct bits both = bits_both(a->bits, b->bits);
	uint64_t part = half ? UINT32_MAX : UINT64_MAX;

	if (half) {
		a->umin32 = b->umin32 = MAX(a->umin32, b->umin32);
		a->umax32 = b->umax32 = MIN(a->umax32, b->umax32);
		a->smin32 = b->smin32 = MAX(a->smin32, b->smin32);
		a->smax32 = b->smax32 = MIN(a->smax32, b->smax32);
	} else {
		a->umin = b->umin = MAX(a->umin, b->umin);
		a->umax = b->umax = MIN(a->umax, b->umax);
		a->smin = b->smin = MAX(a->smin, b->smin);
		a->smax = b->smax = MIN(a->smax, b->smax);
	}
	a->bits = (struct bits){ (a->bits.value & ~part) | (both.value & part), (a->bits.mask & ~part) | (both.mask & part) };
	b->bits = (struct bits){ (b->bits.value & ~part) | (both.value & part), (b->bits.mask & ~part) | (both.mask & part) };
}

static void is_not(struct number *a, uint64_t v, bool half)
{
	if (half) {
		a->umin32 += a->umin32 == (uint32_t)v;
		a->umax32 -= a->umax32 == (uint32_t)v;
		a->smin32 += a->smin32 == (int32_t)v && a->smin32 != INT32_MAX;
		a->smax32 -= a->smax32 == (int32_t)v && a->smax32 != INT32_MIN;
	} else {
		a->umin += a->umin == v;
		a->umax -= a->umax == v;
		a->smin += a->smin == (int64_t)v && a->smin != INT64_MAX;
		a->smax -= a->smax == (int64_t)v && a->smax != INT64_MIN;
	}
}

/* @a is at most @b, less @strict. */
static void is_at_most(struct number *a, struct number *b, bool half, bool sign, unsigned strict)
{
	if (half && sign) {
		a->smax32 = MIN(a->smax32, (int32_t)((uint32_t)b->smax32 - strict));
		b->smin32 = MAX((int32_t)((uint32_t)a->smin32 + strict), b->smin32);
	} else if (half) {
		a->umax32 = MIN(a->umax32, b->umax32 - strict);
		b->umin32 = MAX(a->umin32 + strict, b->umin32);
	} else if (sign) {
		a->smax = MIN(a->smax, (int64_t)((uint64_t)b->smax - strict));
		b->smin = MAX((int64_t)((uint64_t)a->smin + strict), b->smin);
	} else {
		a->umax = MIN(a->umax, b->umax - strict);
		b->umin = MAX(a->umin + strict, b->umin);
	}
}

static void refine(struct number *a, struct number *b, unsigned op, bool half)
{
	uint64_t v, part = half ? UINT32_MAX : UINT64_MAX;

	switch (op) {
	case BPF_JEQ:
		are_equal(a, b, half);
		break;
	case BPF_JNE:
		if (number_constant(b, half, &v))
			is_not(a, v, half);
		else if (number_constant(a, half, &v))
			is_not(b, v, half);
		break;
	case BPF_JSET:
	case NOT_SET:
		if (!number_constant(b, half, &v)) {
			struct number *swap = a;

			a = b;
			b = swap;
			if (!number_constant(b, half, &v))
				break;
		}
		if (op == NOT_SET) {
			a->bits.value &= ~(v & part);
			a->bits.mask &= ~(v & part);
		} else if (v && !(v & (v - 1))) {
			a->bits.value |= v;
			a->bits.mask &= ~v;
		}
		break;
	case BPF_JLE:
	case BPF_JSLE:
	case BPF_JLT:
	case BPF_JSLT:
		is_at_most(a, b, half, op == BPF_JSLE || op == BPF_JSLT, op == BPF_JLT || op == BPF_JSLT);
		break;
	default:
		refine(b, a, number_flip(op), half);
		break;
	}
}

void number_learn(struct number *a, struct number *b, unsigned op, bool half, bool is)
{
	refine(a, b, is ? op : contrary(op), half);
	number_settle(a);
	number_settle(b);
}

bool number_within(const struct number *a, const struct number *b)
{
	return a->umin <= b->umin && a->umax >= b->umax && a->smin <= b->smin && a->smax >= b->smax && a->umin32 <= b->umin32 &&
	       a->umax32 >= b->umax32 && a->smin32 <= b->smin32 && a->smax32 >= b->smax32 && !(b->bits.mask & ~a->bits.mask) &&
	       a->bits.value == (b->bits.value & ~a->bits.mask);
}
