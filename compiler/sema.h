/*
 * The checker's inside: what its files share. Nothing outside compiler/sema*.c and its unit tests includes this.
 *
 *   sema.c             units in order, indexes, the program's name
 *   sema_names.c       what a name means: the language's words, a unit's declarations
 *   sema_suggest.c     what an unknown name was probably meant to be
 *   sema_text.c        text of literals to numbers
 *   sema_ranges.c      sets of numbers as sorted ranges
 *   sema_sort.c        their order
 *   sema_value.c       a literal, read as what it is compared to
 *   sema_list.c        ranges, prefixes, lists and lets to the values they stand for
 *   sema_decl.c        lets and sets
 *   sema_limit.c       rate limits
 *   sema_key.c         keys of count tables and limits
 *   sema_operand.c     fields and slices
 *   sema_expr.c        conditions
 *   sema_compare.c     comparisons
 *   sema_random.c      shares of packets and flows, times of day
 *   sema_rule.c        rules, actions, options
 *   sema_way.c         verdicts that may turn out to be impossible: redirect
 *   sema_log.c         log and sample
 *   sema_set.c         sets that live, files of elements, actions that change sets
 *   sema_rewrite.c     what is written to the packet
 *   sema_headers.c     what headers say of one another
 *   sema_contradict.c  conditions that cannot hold
 *   sema_test.c        tests
 *   sema_step.c        their steps that change sets
 *   sema_frame.c       their packets
 */
#ifndef XDPF_SEMA_H
#define XDPF_SEMA_H

#include "ast.h"

enum {
	SEMA_MAX_VALUES = 1 << 22,	/* in a list, lets within it spelt out */
	SEMA_MAX_LET_DEPTH = 100,	/* lets built on lets */
	SEMA_MAX_SLICE = 64,
	SEMA_MAX_OFFSET = 9216,		/* a slice ends within a jumbo frame */
	SEMA_MAX_KEY_FIELDS = 8,
	SEMA_MAX_KEY_BYTES = 128,	/* a key is built on the program's stack of 512 bytes */
	SEMA_MAX_TUPLE = 4,
	SEMA_MAX_CPUS = 8192,		/* these three: as in runtime/abi.h */
	SEMA_MAX_FLOOD = 32,
	SEMA_MAX_FLOODS = 8,
};

/* ---- names (sema_names.c) ---- */

enum {
	SPACE_FIELD,
	SPACE_HEADER,
	SPACE_TYPE,
	SPACE_KNOWN,				/* + enum names_id: known values of that table */
	SPACE_LABEL = SPACE_KNOWN + NAMES_COUNT,	/* of a unit */
	SPACE_DECL,				/* lets and sets of a unit */
	SPACE_LOST,				/* names of those that the parser did not understand */
	SPACE_COUNTER,				/* count tables of a unit */
	SPACE_IFACE,				/* interface names of a program: where they stand in .ifaces */
	SPACE_PLACE,				/* "edge.xdpf:31": the first rule there that decides, and how many more do */
};

struct symbol {
	struct symbol *next;
	uint32_t hash;
	unsigned space;		/* SPACE_ */
	const char *name;
	size_t len;
	uint64_t value;		/* an id, or a known value */
	void *p;		/* a declaration */
};

struct symtab {
	struct arena *arena;
	struct symbol **bucket;
	size_t n_buckets, n;
};

void symtab_init(struct symtab *t, struct arena *a);
struct symbol *symtab_get(const struct symtab *t, unsigned space, const char *name, size_t len);
/* The name must not be there yet. @name must outlive the table. */
struct symbol *symtab_put(struct symtab *t, unsigned space, const char *name, size_t len);

/* ---- state of a run ---- */

struct want;

/* The values that something written stands for. */
struct item {
	struct range r;
	const struct ast_value *at;	/* where it was written */
};

struct found {
	struct arena *a;		/* where its lists are */
	VEC(struct item) item;		/* numbers and addresses */
	VEC(const char *) text;		/* bytes (as many as wanted each), or interface names */
};

enum decl_kind { DECL_LET, DECL_SET, DECL_LIMIT };

/* A let or set of a unit. */
struct decl {
	enum decl_kind kind;
	struct ast_name name;
	unsigned order;			/* of its statement */
	struct ast_let *let;
	struct ast_set *set;
	struct ast_limit *limit;
	bool ready;			/* it was checked: may be used */
	bool warned;			/* of values that are in it twice */
	bool broken;			/* errors in it were reported: uses of it stay silent */
	unsigned depth;			/* LET: how many lets stand on one another */
	size_t size;			/* LET: values in it, lets within it spelt out */
	struct reading *reading;	/* LET: what it is as this or that type */
};

/* A let's value read as one type: done once, however often it is used. */
struct reading {
	struct reading *next;
	const struct want *want;
	bool ok;
	struct found found;
};

struct sema {
	struct ast_program *p;
	struct ast_unit *unit;
	struct arena *a;
	struct arena *scratch;		/* what is known, and values on their way: released behind each rule, or where it has been read */
	struct diag_list *d;
	struct symtab words;		/* the language's */
	struct symtab names;		/* the unit's */
	struct symtab ifaces;		/* the program's */
	struct symtab places;		/* where rules stand, of the first .n_placed in .by_index */
	size_t n_placed;
	unsigned order;			/* of the statement that is being checked */
	struct decl **decl;		/* the unit's lets and sets in reading order, and how many of them were checked */
	size_t n_decls, next_decl;
	/* Of a header, as bits of enum header_id: what must be there too, what cannot be, a group's members. */
	uint64_t implied[HDR_COUNT], excluded[HDR_COUNT], members[HDR_COUNT];
	uint64_t carry_nothing;		/* transport headers that no tunnel has */
	struct closure *closures;
	const struct ast_expr *before;	/* what stands before the condition that is being checked, in an `and` or `or` */
	struct span via;		/* inside a let's value: where the let is used */
};

/* An error at @sp; inside a let it points at the use in a note. */
struct diag *sema_error(struct sema *s, struct span sp, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The source's text of @sp on one line, for messages: at most 60 bytes, cut with "...", control characters as '?'. */
const char *sema_quote(struct sema *s, struct span sp);

void names_init(struct sema *s);
/* Starts the name spaces of a unit: declares its lets and sets. */
void names_unit(struct sema *s);
/* The unit's declaration of this name, or NULL. */
struct decl *names_decl(const struct sema *s, const char *name);
/* Was a let or set of this name not understood? That was told: uses of it stay silent. */
bool names_lost(const struct sema *s, const char *name);
/* What stands in the way of a declaration of this name, such as "a field", or NULL. */
const char *names_taken(struct sema *s, const char *name);
/* The declaration, for a use: one that comes before it is reported, and *bad set, as it is for a lost one. */
struct decl *names_use(struct sema *s, const struct ast_name *name, bool *bad);
enum field_id names_field(const struct sema *s, const char *name);
enum header_id names_header(const struct sema *s, const char *name);
enum type_id names_type(const struct sema *s, const char *name);
bool names_known(const struct sema *s, enum names_id t, const char *name, uint64_t *out);
/* A table that has this known value, or NAMES_NONE. */
enum names_id names_table_of(const struct sema *s, const char *name);
const char *decl_kind_name(enum decl_kind kind);

/* ---- suggestions (sema_suggest.c) ---- */

enum suggest { SUGGEST_FIELD = 1, SUGGEST_HEADER = 2, SUGGEST_LET = 4, SUGGEST_SET = 8, SUGGEST_TYPE = 16 };

/* What to do about the unknown @name where names of the @what kinds (and the known values of @table) fit: a remedy, or NULL. */
const char *suggest_remedy(struct sema *s, const char *name, unsigned what, enum names_id table);
/* What to do about the unknown word @text where a literal is wanted: a remedy, or NULL. */
const char *suggest_value(struct sema *s, const struct want *w, const char *text);
/* Our name for what other tools call @name, or NULL. */
const char *suggest_foreign(const char *name);

/* ---- texts of literals (sema_text.c): NULL, and *out filled; or why not ---- */

const char *text_ip4(struct arena *a, const char *text, struct value *out);
const char *text_ip6(struct arena *a, const char *text, struct value *out);
/* xx:xx:…, one or two hexadecimal digits each; at most @cap. */
const char *text_bytes(struct arena *a, const char *text, uint8_t *out, size_t cap, size_t *n);

enum qty_unit { QTY_PLAIN, QTY_BYTES, QTY_TIME, QTY_RATE, QTY_SHARE, QTY_OTHER, QTY_TOO_BIG };

/* A number with letters behind it: PLAIN and BYTES fill *out. 1.5k is 1500, 1.2345k is no number. */
enum qty_unit text_quantity(const char *text, uint64_t *out);

/* ---- numbers and ranges (sema_ranges.c) ---- */

static inline struct value value_not(struct value a)
{
	return (struct value){ ~a.hi, ~a.lo };
}

static inline struct value value_or(struct value a, struct value b)
{
	return (struct value){ a.hi | b.hi, a.lo | b.lo };
}

static inline struct value value_next(struct value a)
{
	return (struct value){ a.hi + (a.lo == UINT64_MAX), a.lo + 1 };
}

static inline struct value value_prev(struct value a)
{
	return (struct value){ a.hi - (a.lo == 0), a.lo - 1 };
}

static inline bool value_is_zero(struct value a)
{
	return !(a.hi | a.lo);
}

struct ranges {
	struct range *v;
	size_t n, cap;
};

/* The numbers below the first @len of @bits bits. */
struct value prefix_host_mask(unsigned bits, unsigned len);

/* An element that overlaps what is before it in the order of values; .at NULL: there is none. */
struct twice {
	const struct ast_value *at, *other;	/* what says it, and what says (the beginning of) the other */
	struct range r, with;			/* the element, and what it overlaps, as far as the elements before it go */
};

/* The order of ranges: numbers of those that stand @stride bytes apart, in @a (sema_sort.c). */
const uint32_t *ranges_order(struct arena *a, const struct range *v, size_t n, size_t stride);
/* Sorts and merges, in place; returns how many are left. What it needs for that is in @a. */
size_t items_merge(struct arena *a, struct item *v, size_t n, struct twice *twice);
/* The same for what was written in a file; the result is in @a. */
struct ranges ranges_merge(struct arena *a, struct arena *scratch, const struct range *v, size_t n);
/* Sorted and disjoint in, sorted and disjoint out. */
struct ranges ranges_and(struct arena *a, const struct range *x, size_t nx, const struct range *y, size_t ny);
struct ranges ranges_minus(struct arena *a, const struct range *x, size_t nx, const struct range *y, size_t ny);
/* Is there a number from @lo to @hi that has only bits of @mask? */
bool mask_reaches(struct value mask, struct value lo, struct value hi);
/* A value as its type is written. */
const char *value_show(struct arena *a, enum type_kind kind, enum family f, struct value v);

/* ---- values (sema_value.c, sema_list.c) ---- */

/* What a value must be. */
struct want {
	enum type_id type;	/* its known names and its description */
	enum type_kind kind;
	unsigned bits;
	const char *what;	/* as messages call the other side: "tcp.dport", "set web" */
	bool set;		/* a set's elements */
	bool write;		/* what a field becomes */
	bool exact;		/* addresses one by one, no prefixes or ranges */
	bool in_file;		/* it stands in a file of elements */
	bool apart;		/* values side by side stay what they are: no range is made of them */
	unsigned slice;		/* bytes of a slice; 0: none */
};

/* False where errors of the parser left gaps in @v (silent), or where it nests too deep (reported). */
bool value_whole(struct sema *s, const struct ast_value *v);
/* The values are within [0, ones(bits)] of their family. All report and return false where @v cannot be read so. */
bool value_one(struct sema *s, const struct want *w, const struct ast_value *v, struct range *out);
bool value_leaf(struct sema *s, const struct want *w, const struct ast_value *v, struct range *out);
/* BYTES: as many bytes as @w wants; IFACE: a name. */
bool value_text(struct sema *s, const struct want *w, const struct ast_value *v, const char **out);
/* Everything @v stands for, appended to @out. */
bool value_read(struct sema *s, const struct want *w, const struct ast_value *v, struct found *out);
/* The same as sorted disjoint ranges; values that are there twice are warned about. */
bool value_ranges(struct sema *s, const struct want *w, const struct ast_value *v, struct ranges *out);
/* What was read, as sorted disjoint ranges of their own; the same warning. */
struct ranges items_ranges(struct sema *s, enum type_kind kind, struct found *found);
/* Warns that a value of @kind is in its list twice. */
void warn_twice(struct sema *s, enum type_kind kind, const struct twice *t);
/* Tuples: @n wants; appends boxes of @n ranges. */
bool value_boxes(struct sema *s, const struct want *w, unsigned n, const struct ast_value *v, struct ranges *out);
/* What the numbers of a type are whose names are all there is; NULL: of others. */
const char *want_named(const struct want *w);
/* "a transport port", "a number of 12 bits". */
const char *want_shown(struct sema *s, const struct want *w);
/* "tcp.dport is a transport port", "set web is of type `port`". */
const char *want_says(struct sema *s, const struct want *w);
/* " such as …", by type. */
const char *want_example(const struct want *w);

/* ---- declarations (sema_decl.c) ---- */

/* Checks those that stand before statement @order and were not checked yet. */
void decls_check(struct sema *s, unsigned order);
void decls_warn_unused(struct sema *s);
bool set_fits(const struct ast_set *set, unsigned i, const struct ast_operand *op);

/* ---- limits (sema_limit.c) ---- */

bool limit_check(struct sema *s, struct ast_limit *l);
/* over LIMIT, within LIMIT. */
bool limit_use(struct sema *s, struct ast_expr *e);

/* ---- keys (sema_key.c) ---- */

/* Bytes of a key in the layout of runtime/abi.h, up to its last field's end. */
unsigned key_bytes(struct ast_operand *const *key, size_t n);
/* Its fields exist, each once, and it is not too long. @sp, @of: the whole, and what it is the key of. */
bool key_check(struct sema *s, struct ast_operand *const *key, size_t n, struct span sp, const char *of);

/* ---- sets that live, files of elements (sema_set.c) ---- */

/* What a component of the set's elements is to be, in sema_decl.c; @what: the set, for messages. */
void set_wants(const struct ast_set *set, const char *what, struct want want[SEMA_MAX_TUPLE]);

bool set_live_check(struct sema *s, struct ast_set *set);
/* The elements of a set that lives; @w: one for each component. */
bool set_live_content(struct sema *s, struct ast_set *set, const struct want *w);
/* Appends those of the set's file, where it has one; they are in @a. */
bool set_file_read(struct sema *s, struct arena *a, struct ast_set *set, const struct want *w, struct ranges *out);
/* Appends the elements that @v says, of a set that lives and can hold them. */
bool set_elements(struct sema *s, const struct ast_set *set, const struct want *w, struct ast_value *v, struct ranges *out);
/* The set of this name that something is added to or removed from; NULL: there is none that lives, which is told. */
struct ast_set *set_changed(struct sema *s, const struct ast_name *name, bool add);
bool set_action_check(struct sema *s, struct ast_action *a);
bool duration_read(struct sema *s, const struct ast_value *v, uint64_t *ns);

/* ---- operands (sema_operand.c) ---- */

#define SEMA_INNER "inner."
/* May it be asked of the headers inside a tunnel? */
bool operand_inner(enum field_id f);
bool operand_check(struct sema *s, struct ast_operand *op);
struct want operand_want(const struct ast_operand *op);
const char *operand_shown(struct sema *s, const struct ast_operand *op);
/* All that the operand can be, as one or two sorted ranges in @out; returns how many. */
size_t operand_domain(const struct ast_operand *op, struct range *out);
bool operand_same(const struct ast_operand *a, const struct ast_operand *b);

/* ---- conditions (sema_expr.c, sema_compare.c) ---- */

bool expr_check(struct sema *s, struct ast_expr *e);
bool compare_check(struct sema *s, struct ast_expr *e);

/* ---- sema_random.c ---- */

bool random_check(struct sema *s, struct ast_expr *e);
/* A comparison of the field `time`, whose value is whole. */
bool time_check(struct sema *s, struct ast_expr *e);

/* ---- rules (sema_rule.c) ---- */

void rules_check(struct sema *s);
void options_check(struct sema *s);
bool verdict_check(struct sema *s, struct ast_action *a);

/* ---- verdicts that may turn out to be impossible (sema_way.c) ---- */

bool way_check(struct sema *s, struct ast_action *a);

/* ---- log and sample (sema_log.c) ---- */

bool log_check(struct sema *s, struct ast_log *log, const struct ast_rule *r);

/* ---- rewriting (sema_rewrite.c) ---- */

/* Checks a REWRITE, VLAN or MARK. */
bool rewrite_check(struct sema *s, struct ast_action *a);
/* Does the rule, or one in its blocks, write to the packet? *retags: does one push or pop a tag? */
bool rule_rewrites(const struct ast_rule *r, bool *retags);

/* ---- tests (sema_test.c, sema_step.c, sema_frame.c) ---- */

/* The unit's tests: its rules are checked, and have their indexes. */
void tests_check(struct sema *s);
/* A step that adds or removes. */
bool step_set_check(struct sema *s, struct ast_step *step);
/* Makes the packet's bytes. */
bool frame_check(struct sema *s, struct ast_frame *f);

/* ---- what headers say of one another (sema_headers.c) ---- */

struct closure;

void headers_init(struct sema *s);
/* What else is there with @h. A tunnel may carry IP without an Ethernet header. */
uint64_t headers_implied(const struct sema *s, bool inner, int h);
/* Adds to both what follows from them. */
void headers_close(struct sema *s, bool inner, uint64_t *must, uint64_t *cannot);

/* ---- contradictions (sema_contradict.c) ---- */

struct fact;

/* What is known where a condition is asked. */
struct facts {
	uint64_t must[2], cannot[2];	/* headers: bits of enum header_id; of the frame, and inside a tunnel */
	const struct fact *last;	/* newest first */
	unsigned n;
	bool dead;			/* nothing gets here, or nothing is known: not looked at further */
};

/* Two conditions that exclude each other. */
struct conflict {
	const struct ast_expr *at, *other;	/* the later one, and what it is against; other NULL: it cannot be by itself */
	bool at_true, other_true;		/* they cannot both be this */
	bool headers;				/* over which headers there are, not over values */
};

/* Adds that @e is @truth. False: it cannot be, and *c says why. */
bool facts_assume(struct sema *s, struct facts *f, const struct ast_expr *e, bool truth, struct conflict *c);
/* Leaves of *f what still holds behind @r, which may have written to the packet. */
void facts_forget(struct sema *s, struct facts *f, const struct ast_rule *r);
/* Warns where a field of a key, or one that is written to, is never there, and what follows from it. */
void facts_check_key(struct sema *s, const struct facts *f, const struct ast_operand *op, const char *so);
/* Warns that @e always holds where it stands, so that its `else` is never reached. */
void facts_warn_always(struct sema *s, const struct ast_expr *e, const struct conflict *c);
/* Warns that @e never holds where it stands: the rules before it took every such packet. */
void facts_warn_taken(struct sema *s, const struct ast_expr *e, const struct conflict *c);
/* Reports that a condition cannot hold where it stands. */
void facts_report(struct sema *s, const struct conflict *c);
/* Adds to @e a note of what *c contradicts, if anything. */
void conflict_note(struct sema *s, struct diag *e, const struct conflict *c);

/* ---- verdicts that not all packets can have (sema_way.c) ---- */

/* Refuses @a, a verdict with a way, where none of the packets that get to it, of which *f is known, can have it. */
void way_reached(struct sema *s, const struct facts *f, const struct ast_action *a);

/* ---- syncookie (sema_cookie.c) ---- */

/* @r ends with it and was checked; *left is known of the packets that come to @r. */
bool cookie_check(struct sema *s, const struct ast_rule *r, const struct facts *left);
/* Refuses it as a default. */
bool cookie_default(struct sema *s, const struct ast_action *a);

#endif
