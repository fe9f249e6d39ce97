/*
 * The evaluator's inner interface: values of fields and slices in one dissected frame, and conditions over them.
 */
#ifndef XDPF_EVAL_COND_H
#define XDPF_EVAL_COND_H

#include "dissect.h"
#include "eval.h"

struct eval_limits;
struct eval_sets;

/* One frame, as conditions see it. */
struct eval_view {
	const struct eval_packet *pkt;
	struct eval_limits *limits;	/* their buckets */
	struct eval_sets *sets;		/* those that live */
	const struct ast_expr **failed;	/* who wants to know: the first condition of an `and` that was false; NULL: nobody */
	struct dissect d;
	struct dissect inner;	/* of a program that asks for it */
};

/*
 * What an operand is in the frame. Numbers, addresses and slices of at most 16 bytes are .v. Slices have .bytes too, which point into the
 * frame. The interface's .v is its name, filled up with zero bytes to 16, as a big-endian number.
 */
struct eval_value {
	enum family family;
	struct value v;
	const uint8_t *bytes;
	size_t n_bytes;
};

/* False: absent (then *@out is not touched). */
bool eval_field(const struct eval_view *w, enum field_id f, struct eval_value *out);
bool eval_operand(const struct eval_view *w, const struct ast_operand *o, struct eval_value *out);
/* The big-endian number of @n <= 16 bytes. */
struct value eval_bytes(const uint8_t *p, size_t n);

/* RANDOM: what was drawn, of 2^32; false: `per flow`, and the packet is of none. */
bool eval_drawn(const struct eval_view *w, const struct ast_expr *e, uint32_t *out);
bool eval_cond(const struct eval_view *w, const struct ast_expr *e);

#endif
