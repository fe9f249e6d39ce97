/*
 * libxdpfc: rules without text. A builder makes values, operands, conditions, actions, rules, declarations and tests one by one, and is compiled as a
 * rule file is, which it also prints. What compiler.h says of errors, ownership and versions holds here.
 *
 * Parts. Values, operands, conditions, rates and actions are made by a builder, belong to it, do not change, may be used as often as one likes, and
 * go with it. A part of another builder is refused.
 *
 * Errors. The first thing that goes wrong is kept: from then on, all that makes parts gives NULL, all that adds them -errno, and nothing changes. So
 * calls may stand inside each other, and xdpfc_builder_error() is asked at the end. A builder only knows how rules are put together; whether
 * fields, names and values are right, the compiler says, with the place in the printed rule file.
 *
 * Where a part is optional, NULL is none. Names of fields, headers, verdicts and units are the language's; durations and amounts are written as
 * there: a number, or a quantity ("10m", "64KiB").
 */
#ifndef XDPFC_BUILDER_H
#define XDPFC_BUILDER_H

#include <xdpfc/compiler.h>

#ifdef __cplusplus
extern "C" {
#endif

struct xdpfc_builder;
struct xdpfc_value;
struct xdpfc_operand;
struct xdpfc_expr;
struct xdpfc_rate;
struct xdpfc_action;

XDPFC_API int xdpfc_builder_new(struct xdpfc_builder **out);
XDPFC_API void xdpfc_builder_free(struct xdpfc_builder *b);
/* 0; or the first error as -errno, and in *text which call it was and why, for as long as @b is there. @text may be NULL. */
XDPFC_API int xdpfc_builder_error(const struct xdpfc_builder *b, const char **text);
/* What has been added so far, as a rule file in the canonical layout: *len bytes and a NUL, to be given to free(). -EBUSY: a block or test is open.
 * Layouts are made in a process of their own, too. */
XDPFC_API int xdpfc_builder_print(struct xdpfc_builder *b, char **text, size_t *len);
/* Adds it to a program, as the file that it prints. It may go on afterwards: the program has a copy. -EBUSY: a block or test is open. */
XDPFC_API int xdpfc_program_add_builder(struct xdpfc_program *p, const char *name, const struct xdpfc_builder *b);

/* ---- values ---- */

XDPFC_API const struct xdpfc_value *xdpfc_value_number(struct xdpfc_builder *b, uint64_t n);
/* A number with a unit or a share: "10k", "64KiB", "1.5M", "10m", "0.1%". */
XDPFC_API const struct xdpfc_value *xdpfc_value_quantity(struct xdpfc_builder *b, const char *text);
/* A name: of a known value ("ipv4"), a `let`, a set, an interface. */
XDPFC_API const struct xdpfc_value *xdpfc_value_name(struct xdpfc_builder *b, const char *name);
/* Without quotes, which are not in it either; no control characters. */
XDPFC_API const struct xdpfc_value *xdpfc_value_string(struct xdpfc_builder *b, const char *text);
/* "192.0.2.1", "2001:db8::1", "02:00:00:00:00:01", and with a prefix length "192.0.2.0/24". */
XDPFC_API const struct xdpfc_value *xdpfc_value_address(struct xdpfc_builder *b, const char *text);
/* 4 or 16 bytes in network order. */
XDPFC_API const struct xdpfc_value *xdpfc_value_ip(struct xdpfc_builder *b, const void *bytes, size_t len);
/* Two bytes and more: a MAC, or what a slice is compared with. */
XDPFC_API const struct xdpfc_value *xdpfc_value_bytes(struct xdpfc_builder *b, const void *bytes, size_t len);
/* Both ends are of it; they are plain: numbers, quantities, names or addresses. */
XDPFC_API const struct xdpfc_value *xdpfc_value_range(struct xdpfc_builder *b, const struct xdpfc_value *first, const struct xdpfc_value *last);
XDPFC_API const struct xdpfc_value *xdpfc_value_prefix(struct xdpfc_builder *b, const struct xdpfc_value *address, unsigned len);
/* At least one. */
XDPFC_API const struct xdpfc_value *xdpfc_value_list(struct xdpfc_builder *b, const struct xdpfc_value *const *v, size_t n);
/* At least two. */
XDPFC_API const struct xdpfc_value *xdpfc_value_tuple(struct xdpfc_builder *b, const struct xdpfc_value *const *v, size_t n);
/* Plain ones, or-ed; at least two. */
XDPFC_API const struct xdpfc_value *xdpfc_value_union(struct xdpfc_builder *b, const struct xdpfc_value *const *v, size_t n);

/* ---- operands ---- */

/* "tcp.dport"; of conditions without a comparison also a header: "tcp". */
XDPFC_API const struct xdpfc_operand *xdpfc_operand_field(struct xdpfc_builder *b, const char *name);
/* @of: "payload", "packet". */
XDPFC_API const struct xdpfc_operand *xdpfc_operand_slice(struct xdpfc_builder *b, const char *of, uint64_t offset, uint64_t len);
/* Of a key: the first @len bits only. Twice, of `ip.src` and the like: of IPv4, and of IPv6. */
XDPFC_API const struct xdpfc_operand *xdpfc_operand_prefix(struct xdpfc_builder *b, const struct xdpfc_operand *o, unsigned len);

/* ---- conditions ---- */

enum xdpfc_cmp { XDPFC_EQ, XDPFC_NE, XDPFC_LT, XDPFC_LE, XDPFC_GT, XDPFC_GE, XDPFC_IN, XDPFC_NOT_IN };

/* The header is there; the flag is set. */
XDPFC_API const struct xdpfc_expr *xdpfc_expr_has(struct xdpfc_builder *b, const struct xdpfc_operand *o);
XDPFC_API const struct xdpfc_expr *xdpfc_expr_compare(struct xdpfc_builder *b, const struct xdpfc_operand *o, enum xdpfc_cmp cmp,
						       const struct xdpfc_value *v);
/* What is left of it by @mask, a plain value or a union. */
XDPFC_API const struct xdpfc_expr *xdpfc_expr_masked(struct xdpfc_builder *b, const struct xdpfc_operand *o, const struct xdpfc_value *mask,
						      enum xdpfc_cmp cmp, const struct xdpfc_value *v);
/* Two operands and more together: @cmp is XDPFC_IN or XDPFC_NOT_IN. */
XDPFC_API const struct xdpfc_expr *xdpfc_expr_tuple(struct xdpfc_builder *b, const struct xdpfc_operand *const *o, size_t n, enum xdpfc_cmp cmp,
						     const struct xdpfc_value *v);
/* At least one. */
XDPFC_API const struct xdpfc_expr *xdpfc_expr_and(struct xdpfc_builder *b, const struct xdpfc_expr *const *e, size_t n);
XDPFC_API const struct xdpfc_expr *xdpfc_expr_or(struct xdpfc_builder *b, const struct xdpfc_expr *const *e, size_t n);
XDPFC_API const struct xdpfc_expr *xdpfc_expr_not(struct xdpfc_builder *b, const struct xdpfc_expr *e);
/* @share: a quantity, "1%". @per: "flow", or NULL: of each packet. */
XDPFC_API const struct xdpfc_expr *xdpfc_expr_random(struct xdpfc_builder *b, const struct xdpfc_value *share, const char *per);
XDPFC_API const struct xdpfc_expr *xdpfc_expr_time(struct xdpfc_builder *b, const struct xdpfc_value *v);

/* Limits stand behind all other conditions: what these two give is a rule's or block's whole condition, or gets a further limit. @limit: a name. */
XDPFC_API const struct xdpfc_expr *xdpfc_expr_over(struct xdpfc_builder *b, const struct xdpfc_expr *e, const char *limit);
XDPFC_API const struct xdpfc_expr *xdpfc_expr_within(struct xdpfc_builder *b, const struct xdpfc_expr *e, const char *limit);
/* The same with a limit of the rule's own. */
XDPFC_API const struct xdpfc_expr *xdpfc_expr_over_rate(struct xdpfc_builder *b, const struct xdpfc_expr *e, const struct xdpfc_rate *r);
XDPFC_API const struct xdpfc_expr *xdpfc_expr_within_rate(struct xdpfc_builder *b, const struct xdpfc_expr *e, const struct xdpfc_rate *r);

enum xdpfc_full { XDPFC_FULL_DEFAULT, XDPFC_FULL_OPEN, XDPFC_FULL_CLOSED };

struct xdpfc_rate_opts {
	size_t sz;
	const struct xdpfc_value *rate;		/* a number or quantity */
	const char *unit;			/* "packets", "bytes"; NULL: packets */
	const char *period;			/* "s", "m" */
	const struct xdpfc_value *burst;	/* NULL: the default */
	const char *burst_unit;			/* NULL: as the rate's */
	const struct xdpfc_operand *const *key;	/* a bucket for each of its values */
	size_t n_key;				/* 0: one bucket */
	const struct xdpfc_value *size;		/* keys that there is room for; NULL: the default */
	enum xdpfc_full full;			/* what is said where there is no room */
};

XDPFC_API const struct xdpfc_rate *xdpfc_rate_new(struct xdpfc_builder *b, const struct xdpfc_rate_opts *opts);

/* ---- actions ---- */

/* "pass", "drop", "abort", "tx"; "forward" and "syncookie" without more. */
XDPFC_API const struct xdpfc_action *xdpfc_action_verdict(struct xdpfc_builder *b, const char *verdict);
/* tx swap */
XDPFC_API const struct xdpfc_action *xdpfc_action_swap(struct xdpfc_builder *b);
/* @target: an interface, a list of them, or the name `socket`. @otherwise: a verdict; NULL: the default. */
XDPFC_API const struct xdpfc_action *xdpfc_action_redirect(struct xdpfc_builder *b, const struct xdpfc_value *target,
							    const struct xdpfc_action *otherwise);
XDPFC_API const struct xdpfc_action *xdpfc_action_redirect_cpu(struct xdpfc_builder *b, uint64_t cpu, const struct xdpfc_action *otherwise);
XDPFC_API const struct xdpfc_action *xdpfc_action_forward(struct xdpfc_builder *b, const struct xdpfc_action *otherwise);
/* "rst", "unreachable" */
XDPFC_API const struct xdpfc_action *xdpfc_action_reply(struct xdpfc_builder *b, const char *what);
/* @n_key 0: one count for all. */
XDPFC_API const struct xdpfc_action *xdpfc_action_count(struct xdpfc_builder *b, const char *table, const struct xdpfc_operand *const *key,
							 size_t n_key);
/* At most @many a @period ("s"); both NULL: all. */
XDPFC_API const struct xdpfc_action *xdpfc_action_log(struct xdpfc_builder *b, const struct xdpfc_value *many, const char *period);
/* One packet in @many. */
XDPFC_API const struct xdpfc_action *xdpfc_action_sample(struct xdpfc_builder *b, const struct xdpfc_value *many);
XDPFC_API const struct xdpfc_action *xdpfc_action_write(struct xdpfc_builder *b, const char *field, const struct xdpfc_value *v);
XDPFC_API const struct xdpfc_action *xdpfc_action_decrement(struct xdpfc_builder *b, const char *field, const struct xdpfc_value *by);
XDPFC_API const struct xdpfc_action *xdpfc_action_vlan_push(struct xdpfc_builder *b, const struct xdpfc_value *id);
XDPFC_API const struct xdpfc_action *xdpfc_action_vlan_pop(struct xdpfc_builder *b);
XDPFC_API const struct xdpfc_action *xdpfc_action_mark(struct xdpfc_builder *b, const struct xdpfc_value *v);
/* @duration NULL: the set's. */
XDPFC_API const struct xdpfc_action *xdpfc_action_add(struct xdpfc_builder *b, const struct xdpfc_operand *const *key, size_t n_key, const char *set,
						       const struct xdpfc_value *duration);
XDPFC_API const struct xdpfc_action *xdpfc_action_remove(struct xdpfc_builder *b, const struct xdpfc_operand *const *key, size_t n_key,
							  const char *set);

/* ---- rules, in the order in which they are added ---- */

/* @label, @when: may be NULL. At least one action. */
XDPFC_API int xdpfc_builder_rule(struct xdpfc_builder *b, const char *label, const struct xdpfc_action *const *action, size_t n,
				 const struct xdpfc_expr *when);
/* What is added up to the next of these three, or up to xdpfc_builder_end(), is in the block. */
XDPFC_API int xdpfc_builder_if(struct xdpfc_builder *b, const char *label, const struct xdpfc_expr *when);
XDPFC_API int xdpfc_builder_else_if(struct xdpfc_builder *b, const struct xdpfc_expr *when);
XDPFC_API int xdpfc_builder_else(struct xdpfc_builder *b);
/* Ends the innermost block, or the test. */
XDPFC_API int xdpfc_builder_end(struct xdpfc_builder *b);
/* A comment above what comes next; newlines begin further ones. */
XDPFC_API int xdpfc_builder_comment(struct xdpfc_builder *b, const char *text);
/* An empty line above what comes next. */
XDPFC_API int xdpfc_builder_space(struct xdpfc_builder *b);

/* ---- declarations; none stands in a block ---- */

struct xdpfc_set_opts {
	size_t sz;
	const char *const *type;		/* "ip4", "port"; several: of a tuple */
	size_t n_types;
	const struct xdpfc_value *elements;	/* a list; NULL: none */
	const char *from;			/* a file of elements; NULL: none. It is read as .read of struct xdpfc_options says */
	bool live;
	const struct xdpfc_value *size, *timeout;	/* of live ones; NULL: the default */
};

XDPFC_API int xdpfc_builder_set(struct xdpfc_builder *b, const char *name, const struct xdpfc_set_opts *opts);
XDPFC_API int xdpfc_builder_let(struct xdpfc_builder *b, const char *name, const struct xdpfc_value *v);
XDPFC_API int xdpfc_builder_limit(struct xdpfc_builder *b, const char *name, const struct xdpfc_rate *r);
XDPFC_API int xdpfc_builder_default(struct xdpfc_builder *b, const struct xdpfc_action *verdict);
XDPFC_API int xdpfc_builder_option(struct xdpfc_builder *b, const char *name, const char *value);
XDPFC_API int xdpfc_builder_include(struct xdpfc_builder *b, const char *path);

/* ---- tests; their steps, up to xdpfc_builder_end() ---- */

XDPFC_API int xdpfc_builder_test(struct xdpfc_builder *b, const char *name);

/* What a test's packet has: a header or flag, or with a value a field, `payload`, `hex`, `iface` and the like. */
struct xdpfc_assign {
	const char *name;
	const struct xdpfc_value *value;	/* NULL: none */
};

/* @repeat: how often it is run, 1 for once. */
XDPFC_API int xdpfc_builder_packet(struct xdpfc_builder *b, uint64_t repeat, const struct xdpfc_assign *assign, size_t n);
/* Packet @number of a capture, from 1; read as .read of struct xdpfc_options says. */
XDPFC_API int xdpfc_builder_capture(struct xdpfc_builder *b, uint64_t repeat, const char *path, uint64_t number);
XDPFC_API int xdpfc_builder_after(struct xdpfc_builder *b, const struct xdpfc_value *duration);
XDPFC_API int xdpfc_builder_add(struct xdpfc_builder *b, const struct xdpfc_value *element, const char *set, const struct xdpfc_value *duration);
XDPFC_API int xdpfc_builder_remove(struct xdpfc_builder *b, const struct xdpfc_value *element, const char *set);

/* Who is to decide. */
enum xdpfc_by {
	XDPFC_BY_ANYBODY,
	XDPFC_BY_LABEL,		/* the rule with this label */
	XDPFC_BY_PLACE,		/* the rule that stands there: "edge.xdpf:31" */
	XDPFC_BY_DEFAULT,
};

/* Of the packet before it. @who NULL where @by says all. */
XDPFC_API int xdpfc_builder_expect(struct xdpfc_builder *b, const char *verdict, enum xdpfc_by by, const char *who);

#ifdef __cplusplus
}
#endif

#endif
