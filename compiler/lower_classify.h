/*
 * Internal to lowering: what its files about classifiers share (classify.h says what those are). The order of work: a run of rules, taken apart into
 * entries (lower_segment.c), each with the packets that it may match as terms (lower_cover.c, lower_parts.c) over dimensions (lower_dims.c); the
 * tables are built; then the code around them (lower_classify.c).
 */
#ifndef XDPF_LOWER_CLASSIFY_H
#define XDPF_LOWER_CLASSIFY_H

#include "classify.h"
#include "lower.h"

enum {
	COVER_MAX_TERMS = 16,		/* of a rule: beyond, the tables know only part of what it asks */
	COVER_MAX_RANGES = 4096,	/* of a list or set in a rule */
	DIM_BITS = 8,			/* headers in one dimension */
};

/* Where a dimension's numbers come from. */
struct lower_dim {
	bool headers;			/* bits of presence: .bit */
	bool slot_byte;			/* the whole byte that .field[0] and others lie in */
	const struct ast_operand *slice;	/* not NULL: a piece of the packet; there is no .field */
	enum field_id field[CLASSIFY_MAX_FIELDS];	/* wire or meta fields, as in classify_dim */
	unsigned n;
	unsigned bit[DIM_BITS], n_bits;	/* as lower_bit() takes them */
	struct ir_dim said;
	bool unread;			/* what dissection finds of it is all that is asked for */
};

/* A rule's place among a run's entries. */
struct lower_entry {
	const struct ast_rule *rule;
	uint32_t what;			/* see classify_what() */
	bool sure;			/* CODE: what the tables say is all that the rule asks */
	const struct ast_rule *rest;	/* CODE: the rule, asking no more than they do not know */
};

struct lower_run {
	struct classify_rules rules;
	struct lower_dim dim[CLASSIFY_MAX_DIMS];
	VEC(struct lower_entry) entry;	/* as rules.entry */
	size_t codes, broad;		/* entries that are code; of them, those that most packets may match */
	size_t counts;
	size_t n_rules;			/* that became these */
	const char *ends;		/* why it goes no further */
	size_t what;			/* where in the image it says where the table of .what begins */
	size_t bodies;			/* pieces of code that the entries are which are code; 0: one each */
	bool failed;			/* it cannot be one run */
	bool slices;			/* pieces of the packet may be dimensions */
};

/* The packets of a condition: of one of the terms, at least; if .exact, no others. No term: none. */
struct cover {
	VEC(struct classify_term) term;
	bool exact;
};

/* ---- lower_dims.c ---- */

/* The dimension of a field and its places there (as bits), or -1: it has none. */
int dims_field(struct lower *l, struct lower_run *run, enum field_id f, unsigned *places);
/* Is the field's dimension that of any protocol's port? Then @f is there where that is, and the protocol's number is *number. */
bool dims_protocol(struct lower *l, enum field_id f, uint32_t *number);
int dims_bit(struct lower_run *run, unsigned bit, unsigned *place);
/* What a classifier is told of dimension @k. */
void dims_describe(struct lower_run *run, unsigned k);
/* Puts them into an order that does not depend on the rules'; false: it was another, so that entries that were made speak of others. */
bool dims_sort(struct lower_run *run);
/* What the packet says of all dimensions, in their variables. */
void dims_emit(struct lower *l, struct lower_run *run, const struct classifier *c);
/* Where the run comes first: what dissection knows early is looked up there, while it goes on. */
void dims_begin(struct lower *l, struct lower_run *run, const struct classifier *c);

/* ---- lower_slice.c ---- */

bool slice_same(const struct ast_operand *a, const struct ast_operand *b);
/* Is there a piece of the packet that many rules ask for? */
bool slices_any(struct lower *l);
/* The dimension of a piece, or -1: it has none. */
int dims_slice(struct lower *l, struct lower_run *run, const struct ast_operand *o);

/* ---- lower_parts.c: sets of what a packet may say of one dimension ---- */

struct classify_part part_none(unsigned dim);
void part_numbers(struct arena *a, const struct classify_dim *d, struct classify_part *p, unsigned place, const struct range *r, size_t n);
struct classify_part part_and(struct arena *a, const struct classify_dim *d, const struct classify_part *x, const struct classify_part *y);
struct classify_part part_not(struct arena *a, const struct classify_dim *d, const struct classify_part *x);
bool part_is_empty(const struct classify_dim *d, const struct classify_part *p);
/* Of a byte: those of the 256 numbers that the function takes. */
typedef bool part_takes(const void *with, unsigned number);
void part_byte(struct arena *a, struct classify_part *p, unsigned place, part_takes *takes, const void *with);

/* ---- lower_cover.c ---- */

/* @e NULL: all packets. @negated: those that it does not hold for. */
struct cover cover_cond(struct lower *l, struct lower_run *run, const struct ast_expr *e, bool negated);
struct cover cover_and(struct lower *l, const struct lower_run *run, const struct cover *x, const struct cover *y);
/* Are there packets that it is not about? */
bool cover_is_narrow(const struct cover *c);

/* ---- lower_rest.c ---- */

/* What a rule that asks for @own gets, among others that only packets of @outer come to: none but these. */
struct cover cover_inside(struct lower *l, const struct lower_run *run, const struct cover *outer, const struct cover *own);

/* The rule, or one that does the same where tables led to it: it stands among others that only packets of @outer come to. */
const struct ast_rule *rest_of(struct lower *l, struct lower_run *run, const struct ast_rule *r, const struct cover *outer);

/* ---- lower_segment.c, lower_classify.c ---- */

/* The rules from @i on of a list that belong together: how many. *taken: one classifier has them, and it goes on behind them in a new current
 * block; else they are better one by one. */
size_t lower_segment(struct lower *l, const struct lower_work *w, const struct ast_rules *rules, size_t i, bool *taken);
void lower_run(struct lower *l, const struct lower_work *w, struct lower_run *run, const struct classifier *c);

/* ---- lower_report.c ---- */

/* @n rules of a list from @i on are one by one; @why NULL: there are few. */
void report_plain(struct lower *l, const struct ast_rules *rules, size_t i, size_t n, const char *why);
/* They are a classifier. */
struct ir_segment *report_run(struct lower *l, const struct ast_rules *rules, size_t i, size_t n, struct lower_run *run, const struct classifier *c);

#endif
