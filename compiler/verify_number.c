/*
 * Arithmetic on what is known of numbers. In: two numbers and an instruction's operation. Out: what is known of the result. It knows as much as
 * Linux's verifier does, no more: paths that the verifier cannot tell apart must not be told apart here.
 */
#include "verify_number.h"

#include <linux/bpf.h>

#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define MIN(a, b) ((a) < (b) ? (a) : (b))

static const uint64_t LOW = UINT32_MAX;

/* ---- bits ---- */

static struct bits bits_range(uint64_t min, uint64_t max)
{
	uint64_t differ = min ^ max, below = differ ? UINT64_MAX >> __builtin_clzll(differ) : 0;

	return (struct bits){ min & ~below, below };
}

struct bits bits_both(struct bits a, struct bits b)
{
	uint64_t mask = a.mask & b.mask;

	return (struct bits){ (a.value | b.value) & ~mask, mask };
}

static struct bits bits_add(struct bits a, struct bits b)
{
	uint64_t mask = a.mask + b.mask, value = a.value + b.value, most = mask + value, unknown = (most ^ value) | a.mask | b.mask;

	return (struct bits){ value & ~unknown, unknown };
}

static struct bits bits_subtract(struct bits a, struct bits b)
{
	uint64_t value = a.value - b.value, most = value + a.mask, least = value - b.mask, unknown = (most ^ least) | a.mask | b.mask;

	return (struct bits){ value & ~unknown, unknown };
}

static struct bits bits_and(struct bits a, struct bits b)
{
	uint64_t most = (a.value | a.mask) & (b.value | b.mask), value = a.value & b.value;

	return (struct bits){ value, most & ~value };
}

static struct bits bits_or(struct bits a, struct bits b)
{
	uint64_t value = a.value | b.value, mask = a.mask | b.mask;

	return (struct bits){ value, mask & ~value };
}

static struct bits bits_xor(struct bits a, struct bits b)
{
	uint64_t mask = a.mask | b.mask;

	return (struct bits){ (a.value ^ b.value) & ~mask, mask };
}

static struct bits bits_multiply(struct bits a, struct bits b)
{
	struct bits sum = { 0, 0 };
	uint64_t value = a.value * b.value;

	for (; a.value | a.mask; a.value >>= 1, a.mask >>= 1, b.value <<= 1, b.mask <<= 1) {
		if (a.value & 1)
			sum = bits_add(sum, (struct bits){ 0, b.mask });
		else if (a.mask & 1)
			sum = bits_add(sum, (struct bits){ 0, b.value | b.mask });
	}
	return bits_add((struct bits){ value, 0 }, sum);
}

struct bits bits_swapped(struct bits b, unsigned bytes, bool turn)
{
	unsigned cut = bytes < 8 ? 64 - 8 * bytes : 0;

	if (turn)
		return (struct bits){ __builtin_bswap64(b.value) >> cut, __builtin_bswap64(b.mask) >> cut };
	return (struct bits){ b.value << cut >> cut, b.mask << cut >> cut };
}

static struct bits bits_low(struct bits a)
{
	return (struct bits){ a.value & LOW, a.mask & LOW };
}

static struct bits bits_with_low(struct bits a, struct bits low)
{
	return (struct bits){ (a.value & ~LOW) | (low.value & LOW), (a.mask & ~LOW) | (low.mask & LOW) };
}

/* ---- what is known ---- */

static void any_low(struct number *n)
{
	n->umin32 = 0;
	n->umax32 = UINT32_MAX;
	n->smin32 = INT32_MIN;
	n->smax32 = INT32_MAX;
}

static void any_range(struct number *n)
{
	n->umin = 0;
	n->umax = UINT64_MAX;
	n->smin = INT64_MIN;
	n->smax = INT64_MAX;
}

struct number number_any(void)
{
	struct number n = { .bits = { 0, UINT64_MAX } };

	any_range(&n);
	any_low(&n);
	return n;
}

struct number number_is(uint64_t v)
{
	return (struct number){ { v, 0 }, v, v, (int64_t)v, (int64_t)v, (uint32_t)v, (uint32_t)v, (int32_t)v, (int32_t)v };
}

bool number_constant(const struct number *n, bool half, uint64_t *value)
{
	if (half ? n->bits.mask & LOW : n->bits.mask)
		return false;
	*value = half ? n->bits.value & LOW : n->bits.value;
	return true;
}

unsigned number_width(const struct number *n)
{
	return n->umax ? 64 - (unsigned)__builtin_clzll(n->umax) : 0;
}

static void from_bits(struct number *n)
{
	struct bits low = bits_low(n->bits);
	int32_t s32min = (int32_t)(low.value | (low.mask & 0x80000000U)), s32max = (int32_t)(low.value | (low.mask & 0x7fffffffU));
	int64_t smin = (int64_t)(n->bits.value | (n->bits.mask & (uint64_t)INT64_MIN)), smax = (int64_t)(n->bits.value | (n->bits.mask & INT64_MAX));

	n->smin32 = MAX(n->smin32, s32min);
	n->smax32 = MIN(n->smax32, s32max);
	n->umin32 = MAX(n->umin32, (uint32_t)low.value);
	n->umax32 = MIN(n->umax32, (uint32_t)(low.value | low.mask));
	n->smin = MAX(n->smin, smin);
	n->smax = MIN(n->smax, smax);
	n->umin = MAX(n->umin, n->bits.value);
	n->umax = MIN(n->umax, n->bits.value | n->bits.mask);
}

static void low_signed(struct number *n, int32_t min, int32_t max)
{
	n->smin32 = MAX(n->smin32, min);
	n->smax32 = MIN(n->smax32, max);
}

static void low_unsigned(struct number *n, uint32_t min, uint32_t max)
{
	n->umin32 = MAX(n->umin32, min);
	n->umax32 = MIN(n->umax32, max);
}

static void deduce_low(struct number *n)
{
	if (n->umin >> 32 == n->umax >> 32) {
		low_unsigned(n, (uint32_t)n->umin, (uint32_t)n->umax);
		if ((int32_t)n->umin <= (int32_t)n->umax)
			low_signed(n, (int32_t)n->umin, (int32_t)n->umax);
	}
	if (n->smin >> 32 == n->smax >> 32) {
		if ((uint32_t)n->smin <= (uint32_t)n->smax)
			low_unsigned(n, (uint32_t)n->smin, (uint32_t)n->smax);
		if ((int32_t)n->smin <= (int32_t)n->smax)
			low_signed(n, (int32_t)n->smin, (int32_t)n->smax);
	}
	if ((uint32_t)(n->umin >> 32) + 1 == (uint32_t)(n->umax >> 32) && (int32_t)n->umin < 0 && (int32_t)n->umax >= 0)
		low_signed(n, (int32_t)n->umin, (int32_t)n->umax);
	if ((uint32_t)(n->smin >> 32) + 1 == (uint32_t)(n->smax >> 32) && (int32_t)n->smin < 0 && (int32_t)n->smax >= 0)
		low_signed(n, (int32_t)n->smin, (int32_t)n->smax);
	if ((int32_t)n->umin32 <= (int32_t)n->umax32)
		low_signed(n, (int32_t)n->umin32, (int32_t)n->umax32);
	if ((uint32_t)n->smin32 <= (uint32_t)n->smax32)
		low_unsigned(n, (uint32_t)n->smin32, (uint32_t)n->smax32);
}

static void deduce_all(struct number *n)
{
	if ((int64_t)n->umin <= (int64_t)n->umax) {
		n->smin = MAX(n->smin, (int64_t)n->umin);
		n->smax = MIN(n->smax, (int64_t)n->umax);
	}
	if ((uint64_t)n->smin <= (uint64_t)n->smax) {
		n->umin = MAX(n->umin, (uint64_t)n->smin);
		n->umax = MIN(n->umax, (uint64_t)n->smax);
	} else if (n->umax < (uint64_t)n->smin) {
		n->smin = (int64_t)n->umin;
		n->umax = MIN(n->umax, (uint64_t)n->smax);
	} else if ((uint64_t)n->smax < n->umin) {
		n->smax = (int64_t)n->umax;
		n->umin = MAX(n->umin, (uint64_t)n->smin);
	}
}

static void deduce_from_low(struct number *n)
{
	uint64_t umin = (n->umin & ~LOW) | n->umin32, umax = (n->umax & ~LOW) | n->umax32;
	int64_t smin = (int64_t)(((uint64_t)n->smin & ~LOW) | n->umin32), smax = (int64_t)(((uint64_t)n->smax & ~LOW) | n->umax32);

	n->umin = MAX(n->umin, umin);
	n->umax = MIN(n->umax, umax);
	n->smin = MAX(n->smin, smin);
	n->smax = MIN(n->smax, smax);
	if (n->smin32 >= 0 && n->smin >= INT32_MIN && n->smax <= INT32_MAX) {
		n->smin = n->smin32;
		n->smax = n->smax32;
		n->umin = MAX(n->umin, (uint64_t)n->smin32);
		n->umax = MIN(n->umax, (uint64_t)n->smax32);
		n->bits = bits_both(n->bits, bits_range((uint64_t)n->smin, (uint64_t)n->smax));
	}
}

static void to_bits(struct number *n)
{
	struct bits all = bits_both(n->bits, bits_range(n->umin, n->umax));
	struct bits low = bits_both(bits_low(all), bits_range(n->umin32, n->umax32));

	n->bits = bits_with_low(all, low);
}

void number_settle(struct number *n)
{
	from_bits(n);
	for (unsigned i = 0; i < 3; i++) {
		deduce_low(n);
		deduce_all(n);
		deduce_from_low(n);
	}
	to_bits(n);
	from_bits(n);
}

void number_cut(struct number *n, unsigned bytes)
{
	uint64_t mask = bytes >= 8 ? UINT64_MAX : (1ULL << 8 * bytes) - 1;

	if (bytes >= 8)
		return;
	n->bits.value &= mask;
	n->bits.mask &= mask;
	if ((n->umin & ~mask) == (n->umax & ~mask)) {
		n->umin &= mask;
		n->umax &= mask;
	} else {
		n->umin = 0;
		n->umax = mask;
	}
	n->smin = (int64_t)n->umin;
	n->smax = (int64_t)n->umax;
	if (bytes < 4)
		any_low(n);
	number_settle(n);
}

void number_halve(struct number *n)
{
	n->bits = bits_low(n->bits);
	n->umin = n->umin32;
	n->umax = n->umax32;
	n->smin = n->smin32 >= 0 ? n->smin32 : 0;
	n->smax = n->smin32 >= 0 && n->smax32 >= 0 ? n->smax32 : (int64_t)UINT32_MAX;
}

/* ---- arithmetic ---- */

static void add_ranges(struct number *n, const struct number *by)
{
	bool low, high, low32, high32;

	/* both are worth making: no || */
	if ((int)__builtin_add_overflow(n->smin, by->smin, &n->smin) | __builtin_add_overflow(n->smax, by->smax, &n->smax)) {
		n->smin = INT64_MIN;
		n->smax = INT64_MAX;
	}
	low = __builtin_add_overflow(n->umin, by->umin, &n->umin);
	high = __builtin_add_overflow(n->umax, by->umax, &n->umax);
	if (low != high) {
		n->umin = 0;
		n->umax = UINT64_MAX;
	}
	if ((int)__builtin_add_overflow(n->smin32, by->smin32, &n->smin32) | __builtin_add_overflow(n->smax32, by->smax32, &n->smax32)) {
		n->smin32 = INT32_MIN;
		n->smax32 = INT32_MAX;
	}
	low32 = __builtin_add_overflow(n->umin32, by->umin32, &n->umin32);
	high32 = __builtin_add_overflow(n->umax32, by->umax32, &n->umax32);
	if (low32 != high32) {
		n->umin32 = 0;
		n->umax32 = UINT32_MAX;
	}
}

static void subtract_ranges(struct number *n, const struct number *by)
{
	struct number was = *n;
	bool low, high;

	if ((int)__builtin_sub_overflow(was.smin, by->smax, &n->smin) | __builtin_sub_overflow(was.smax, by->smin, &n->smax)) {
		n->smin = INT64_MIN;
		n->smax = INT64_MAX;
	}
	low = __builtin_sub_overflow(was.umin, by->umax, &n->umin);
	high = __builtin_sub_overflow(was.umax, by->umin, &n->umax);
	if (low != high) {
		n->umin = 0;
		n->umax = UINT64_MAX;
	}
	if ((int)__builtin_sub_overflow(was.smin32, by->smax32, &n->smin32) | __builtin_sub_overflow(was.smax32, by->smin32, &n->smax32)) {
		n->smin32 = INT32_MIN;
		n->smax32 = INT32_MAX;
	}
	low = __builtin_sub_overflow(was.umin32, by->umax32, &n->umin32);
	high = __builtin_sub_overflow(was.umax32, by->umin32, &n->umax32);
	if (low != high) {
		n->umin32 = 0;
		n->umax32 = UINT32_MAX;
	}
}

void number_add(struct number *n, const struct number *by)
{
	add_ranges(n, by);
	n->bits = bits_add(n->bits, by->bits);
}

void number_subtract(struct number *n, const struct number *by)
{
	subtract_ranges(n, by);
	n->bits = bits_subtract(n->bits, by->bits);
}

static void multiply(struct number *n, const struct number *by)
{
	int64_t s[4], smin, smax;
	uint64_t umin, umax;

	n->bits = bits_multiply(n->bits, by->bits);
	if ((int)__builtin_mul_overflow(n->smin, by->smin, &s[0]) | __builtin_mul_overflow(n->smin, by->smax, &s[1]) |
	    (int)__builtin_mul_overflow(n->smax, by->smin, &s[2]) | __builtin_mul_overflow(n->smax, by->smax, &s[3])) {
		n->smin = INT64_MIN;
		n->smax = INT64_MAX;
	} else {
		n->smin = MIN(MIN(s[0], s[1]), MIN(s[2], s[3]));
		n->smax = MAX(MAX(s[0], s[1]), MAX(s[2], s[3]));
	}
	if ((int)__builtin_mul_overflow(n->umin, by->umin, &umin) | __builtin_mul_overflow(n->umax, by->umax, &umax)) {
		umin = 0;
		umax = UINT64_MAX;
	}
	n->umin = umin;
	n->umax = umax;
	for (unsigned i = 0; i < 4; i++)
		s[i] = (int64_t)(i & 2 ? n->smax32 : n->smin32) * (i & 1 ? by->smax32 : by->smin32);
	smin = MIN(MIN(s[0], s[1]), MIN(s[2], s[3]));
	smax = MAX(MAX(s[0], s[1]), MAX(s[2], s[3]));
	n->smin32 = smin < INT32_MIN || smax > INT32_MAX ? INT32_MIN : (int32_t)smin;
	n->smax32 = smin < INT32_MIN || smax > INT32_MAX ? INT32_MAX : (int32_t)smax;
	umin = (uint64_t)n->umin32 * by->umin32;
	umax = (uint64_t)n->umax32 * by->umax32;
	n->umin32 = umax > UINT32_MAX ? 0 : (uint32_t)umin;
	n->umax32 = umax > UINT32_MAX ? UINT32_MAX : (uint32_t)umax;
}

/* Of the unsigned ranges, those of the signed. */
static void sign_from_range(struct number *n)
{
	bool fits = (int64_t)n->umin <= (int64_t)n->umax, fits32 = (int32_t)n->umin32 <= (int32_t)n->umax32;

	n->smin = fits ? (int64_t)n->umin : INT64_MIN;
	n->smax = fits ? (int64_t)n->umax : INT64_MAX;
	n->smin32 = fits32 ? (int32_t)n->umin32 : INT32_MIN;
	n->smax32 = fits32 ? (int32_t)n->umax32 : INT32_MAX;
}

static void logic(struct number *n, const struct number *by, unsigned op)
{
	n->bits = op == BPF_AND ? bits_and(n->bits, by->bits) : op == BPF_OR ? bits_or(n->bits, by->bits) : bits_xor(n->bits, by->bits);
	n->umin = op == BPF_OR ? MAX(n->umin, by->umin) : n->bits.value;
	n->umin32 = op == BPF_OR ? MAX(n->umin32, by->umin32) : (uint32_t)n->bits.value;
	n->umax = op == BPF_AND ? MIN(n->umax, by->umax) : n->bits.value | n->bits.mask;
	n->umax32 = op == BPF_AND ? MIN(n->umax32, by->umax32) : (uint32_t)(n->bits.value | n->bits.mask);
	sign_from_range(n);
}

static void shift(struct number *n, unsigned by, unsigned op, bool half)
{
	struct bits low = bits_low(n->bits);

	if (half && op == BPF_LSH) {
		bool fits = n->umax32 <= 1U << (31 - by);

		n->umin32 = fits ? n->umin32 << by : 0;
		n->umax32 = fits ? n->umax32 << by : UINT32_MAX;
		n->smin32 = INT32_MIN;
		n->smax32 = INT32_MAX;
		n->bits = bits_low((struct bits){ low.value << by, low.mask << by });
	} else if (half && op == BPF_RSH) {
		n->umin32 >>= by;
		n->umax32 >>= by;
		n->smin32 = INT32_MIN;
		n->smax32 = INT32_MAX;
		n->bits = (struct bits){ low.value >> by, low.mask >> by };
	} else if (half) {
		n->smin32 >>= by;
		n->smax32 >>= by;
		n->umin32 = 0;
		n->umax32 = UINT32_MAX;
		n->bits = (struct bits){ (uint32_t)((int32_t)low.value >> by), (uint32_t)((int32_t)low.mask >> by) };
	} else if (op == BPF_LSH) {
		bool fits = n->umax <= 1ULL << (63 - by);

		n->smin = by == 32 ? (int64_t)((uint64_t)n->smin32 << 32) : INT64_MIN;
		n->smax = by == 32 ? (int64_t)((uint64_t)n->smax32 << 32) : INT64_MAX;
		n->umin = fits ? n->umin << by : 0;
		n->umax = fits ? n->umax << by : UINT64_MAX;
		n->bits = (struct bits){ n->bits.value << by, n->bits.mask << by };
		any_low(n);
	} else if (op == BPF_RSH) {
		n->umin >>= by;
		n->umax >>= by;
		n->smin = INT64_MIN;
		n->smax = INT64_MAX;
		n->bits = (struct bits){ n->bits.value >> by, n->bits.mask >> by };
		any_low(n);
	} else {
		n->smin >>= by;
		n->smax >>= by;
		n->umin = 0;
		n->umax = UINT64_MAX;
		n->bits = (struct bits){ (uint64_t)((int64_t)n->bits.value >> by), (uint64_t)((int64_t)n->bits.mask >> by) };
		any_low(n);
	}
	from_bits(n);
}

void number_compute(struct number *n, const struct number *by, unsigned op, bool half)
{
	struct number was = *n;
	uint64_t count;

	switch (op) {
	case BPF_ADD:
		number_add(n, by);
		break;
	case BPF_SUB:
		number_subtract(n, by);
		break;
	case BPF_NEG:
		*n = number_is(0);
		number_subtract(n, &was);
		break;
	case BPF_MUL:
		multiply(n, by);
		break;
	case BPF_AND:
	case BPF_OR:
	case BPF_XOR:
		logic(n, by, op);
		from_bits(n);
		break;
	case BPF_LSH:
	case BPF_RSH:
	case BPF_ARSH:
		if (number_constant(by, half, &count) && count < (half ? 32 : 64)) {
			shift(n, (unsigned)count, op, half);
			break;
		}
		/* fall through */
	default:
		*n = number_any();
		break;
	}
	if (half)
		number_halve(n);
	number_settle(n);
}
