/*
 * What is known of a number of 64 bits, as Linux's verifier keeps it: which bits are known, and ranges of the whole and of its lower half.
 */
#ifndef XDPF_VERIFY_NUMBER_H
#define XDPF_VERIFY_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Bits: those in .mask are not known, and 0 in .value. */
struct bits {
	uint64_t value, mask;
};

struct number {
	struct bits bits;
	uint64_t umin, umax;
	int64_t smin, smax;
	uint32_t umin32, umax32;
	int32_t smin32, smax32;
};

/* What is known where both are so. */
struct bits bits_both(struct bits a, struct bits b);
/* The lowest @bytes, their order turned where @turn. */
struct bits bits_swapped(struct bits b, unsigned bytes, bool turn);
struct number number_any(void);
struct number number_is(uint64_t value);
static inline bool number_known(const struct number *n)
{
	return !n->bits.mask;
}
/* Of its lower half, or of all. */
bool number_constant(const struct number *n, bool half, uint64_t *value);
/* How many of its lower bits may be set. */
unsigned number_width(const struct number *n);

/* Lets what is known of its parts teach what there is to know of the others. */
void number_settle(struct number *n);
/* Its upper bits become 0. */
void number_cut(struct number *n, unsigned bytes);

/* Its upper half becomes 0. Nothing is settled. */
void number_halve(struct number *n);

/* @n = @n @op @by; @op as in linux/bpf.h. Of those that are not computed, nothing is known then. */
void number_compute(struct number *n, const struct number *by, unsigned op, bool half);
/* The sum, as numbers that are offsets are added: nothing is settled. */
void number_add(struct number *n, const struct number *by);
void number_subtract(struct number *n, const struct number *by);

/* What `a @op b` is: 1, 0, or -1. */
int number_compare(const struct number *a, const struct number *b, unsigned op, bool half);
/* That `a @op b` is so, or is not. */
void number_learn(struct number *a, struct number *b, unsigned op, bool half, bool is);
/* Is all that @b may be what @a may be, too? */
bool number_within(const struct number *a, const struct number *b);
/* The comparison with its sides changed. */
unsigned number_flip(unsigned op);

#endif
