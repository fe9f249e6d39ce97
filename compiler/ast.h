/*
 * The abstract syntax tree. The parser builds it and resolves nothing; sema resolves names, types and values in place and fills
 * what is marked "checked". Lowering and the evaluator read only checked trees. Everything lives in the compilation's arena.
 */
#ifndef XDPF_AST_H
#define XDPF_AST_H

#include "diag.h"
#include "lang.h"
#include "limit.h"

/* A word of the source with its place. */
struct ast_name {
	const char *s;		/* NUL-terminated, in the arena; NULL: not given */
	struct span span;
};

/* ---- values, as written ---- */

enum ast_value_kind {
	AST_INT,	/* 80, 0x50 */
	AST_QTY,	/* 10k, 64KiB, 10m: text in .text */
	AST_ADDR4,	/* 192.0.2.1 */
	AST_COLONS,	/* 2001:db8::1, ff:00:1a, 02:00:00:00:00:01: text; the other side's type decides */
	AST_WORD,	/* a name: known value, let, set */
	AST_STRING,	/* "eth0": text without quotes */
	AST_RANGE,	/* a-b: sub[0], sub[1] */
	AST_PREFIX,	/* a/n: sub[0], prefix length in .num */
	AST_LIST,	/* { a, b }: subs */
	AST_TUPLE,	/* ( a, b ): subs, two or more */
	AST_UNION,	/* a|b: subs, two or more numbers or known values, or-ed (flag masks) */
};

struct ast_value {
	enum ast_value_kind kind;
	bool overflow;			/* INT: the digits do not fit 64 bits */
	struct span span;
	const char *text;		/* QTY, ADDR4, COLONS, WORD, STRING */
	uint64_t num;			/* INT; PREFIX: its length */
	VEC(struct ast_value *) sub;	/* RANGE: 2, PREFIX: 1, LIST, TUPLE, UNION */
};

/* ---- operands ---- */

enum ast_operand_kind { OPERAND_FIELD, OPERAND_PAYLOAD, OPERAND_PACKET };

/* A field, or a slice: payload[off:len], packet[off:len]. */
struct ast_operand {
	struct ast_name name;		/* as written; "payload", "packet" for slices */
	struct span span;
	bool has_slice;
	bool inner;			/* checked: of the headers inside a tunnel */
	uint64_t off, len;		/* slice, as written */
	bool has_prefix;		/* in keys: ip.src/32/64 or ip4.src/24 */
	uint64_t prefix[2];
	unsigned n_prefix;
	/* checked */
	enum ast_operand_kind kind;
	enum field_id field;		/* FIELD: a wire, meta or alias field */
	/* The value's kind: of the field's type, or KIND_NUM for a slice of at most 8 bytes, KIND_BYTES for a longer one. */
	enum type_kind value_kind;
	unsigned bits;			/* width of the value, in bits */
};

/* ---- conditions ---- */

enum ast_expr_kind {
	EXPR_AND,	/* list of two or more */
	EXPR_OR,	/* list of two or more */
	EXPR_NOT,	/* list of one */
	EXPR_NAME,	/* a bare name: a header or a flag field */
	EXPR_SOCKET,	/* `socket`; parsed as a name */
	EXPR_CMP,	/* OPERAND [& MASK] OP VALUE, or (OPERAND, …) [not] in VALUE; `time RANGE`, as OPERAND in RANGE */
	EXPR_LIMIT,	/* over LIMIT, within LIMIT: only the last parts of a rule's condition, which then is an AND */
	EXPR_RANDOM,	/* random SHARE [per flow] */
};

enum ast_cmp { CMP_EQ, CMP_NE, CMP_LT, CMP_LE, CMP_GT, CMP_GE, CMP_IN, CMP_NOT_IN };

/* What a comparison looks for, checked. */
enum ast_match_kind {
	MATCH_RANGES,	/* the (masked) value is in one of .range */
	MATCH_SET,	/* the value or tuple is in .set */
	MATCH_LIVE,	/* the same, of a set that lives: what is in it is known when the packet is there */
	MATCH_BOXES,	/* tuple: every component in its range of one box */
	MATCH_BYTES,	/* a slice longer than 8 bytes equals one of .bytes */
	MATCH_IFACES,	/* the receiving interface's name is one of .iface */
};

struct ast_match {
	enum ast_match_kind kind;
	bool negate;			/* `!=`, `not in`: true where present and not matched */
	struct range *range;		/* RANGES: n, sorted by family and lo, disjoint, not adjacent. BOXES: n * n_fields */
	size_t n;			/* of ranges, boxes, byte strings, interfaces */
	const struct ast_set *set;
	const uint8_t **bytes;		/* BYTES: each as long as the slice */
	const char **iface;
};

/* There are several in every rule: members of kinds that exclude each other share their room, and small ones stand side by side. */
struct ast_expr {
	enum ast_expr_kind kind;
	enum ast_cmp cmp;		/* CMP */
	bool has_mask;
	bool over;			/* LIMIT, as written: true where there is no token; false: where there is one */
	bool inner;			/* NAME, checked: it is about the headers inside a tunnel */
	struct span span;
	union {
		VEC(struct ast_expr *) sub;	/* AND, OR, NOT */
		VEC(struct ast_operand *) operand; /* CMP: one, or two and more for a tuple; RANDOM, checked: the flow's (enum ast_flow) */
	};
	struct ast_name name;		/* NAME; RANDOM: "flow", or not given; LIMIT: the limit's, or not given */
	struct ast_value *mask;		/* CMP, as written */
	struct ast_value *value;	/* CMP; RANDOM: the share */
	/* checked */
	enum header_id header;		/* NAME: the header that must be present, or HDR_NONE */
	enum field_id field;		/* NAME: else the flag field that must be present and set */
	union {
		struct value mask_value;	/* CMP with has_mask */
		struct ast_limit *limit;	/* LIMIT: an inline one from the parser, else found by .name */
		struct {
			uint64_t share;		/* RANDOM: of 2^32, from 1 to all of it */
			unsigned site;		/* RANDOM: program-wide, see .n_sites */
		};
	};
	struct ast_match match;		/* CMP */
};

/* What a flow is told by: operands of `random SHARE per flow`. */
enum ast_flow { FLOW_SRC, FLOW_DST, FLOW_PROTO, FLOW_SPORT, FLOW_DPORT, FLOW_PARTS };

/* ---- actions and rules ---- */

enum ast_way_kind {
	WAY_IFACE,	/* redirect eth1 */
	WAY_IFACES,	/* redirect { eth1, eth2 } */
	WAY_CPU,	/* redirect cpu 2 */
	WAY_SOCKET,	/* redirect socket */
	WAY_FORWARD,	/* forward */
	WAY_RST,	/* reply rst */
	WAY_UNREACHABLE,	/* reply unreachable */
	WAY_SYNCOOKIE,	/* syncookie: it decides about some packets only, see .may_go_on of the rule */
};

/* What a verdict does that may turn out to be impossible when a packet is there; then another verdict stands for it. */
struct ast_way {
	struct ast_value *target;		/* of `redirect`: interfaces; a word may turn out to be `socket`. Else NULL */
	bool has_number;			/* WAY_CPU, as written: the word and its number */
	uint64_t number;
	struct ast_action *otherwise;		/* NULL: not given */
	/* checked */
	enum ast_way_kind kind;
	const char **iface;			/* IFACE: one, IFACES: two and more */
	size_t n;
	unsigned place;				/* IFACE: in the program's .ports, IFACES: in .floods */
	unsigned cpu;
	enum verdict other;			/* the verdict where it is impossible … */
	bool other_swap;
	unsigned slot;				/* … and the counter of packets that took it, program-wide */
	/* SYNCOOKIE, as conditions: a connection has the packet, or its cookie came back; an answer to the SYN can be made */
	const struct ast_expr *goes_on, *answers;
};

/* Counters of a WAY_SYNCOOKIE: so many behind .slot. */
enum {
	WAY_COMPLETED = 1,			/* packets with a right cookie, which went on */
	WAY_UNANSWERED = 2,			/* of .slot's: SYNs that could not be answered */
};

/* What a `log` or `sample` action says. */
struct ast_log {
	struct span span;
	bool sample;
	struct ast_value *many;			/* log N/UNIT: N; sample 1/N: N; NULL: `log` alone */
	struct ast_name unit;
	/* checked */
	uint64_t interval;			/* log: ns between packets at the rate */
	uint64_t burst;				/* log: ns of it that may be had at once: the first interval is free */
	uint64_t share;				/* sample: of 2^32 random numbers, those below are taken */
	unsigned rule;				/* the rule's index */
	unsigned site;				/* sample: the place of its random number */
	unsigned index;				/* program-wide */
	enum verdict verdict;			/* the rule's, or VERDICT_NONE */
};

enum ast_action_kind {
	ACTION_ADD,	/* add KEY to SET [for DURATION] */
	ACTION_REMOVE,	/* remove KEY from SET */
	ACTION_VERDICT,	/* pass, drop, abort, tx [swap], redirect … */
	ACTION_COUNT,	/* count NAME [per KEY] */
	ACTION_LOG,	/* log [N/s], sample 1/N */
	ACTION_REWRITE,	/* FIELD = VALUE, FIELD -= VALUE */
	ACTION_VLAN,	/* vlan push ID, vlan pop */
	ACTION_MARK,	/* mark N */
};

struct ast_action {
	enum ast_action_kind kind;
	struct span span;
	struct ast_name word;			/* VERDICT: "drop"; COUNT: the table's name */
	struct ast_name arg;			/* VERDICT: "swap" of `tx swap`; VLAN: "push", "pop" */
	struct ast_way *way;			/* VERDICT: of `redirect`, `forward`, `reply`, `syncookie`; else NULL */
	VEC(struct ast_operand *) key;		/* COUNT: none, one or more */
	struct ast_operand *target;		/* REWRITE */
	struct ast_value *value;		/* REWRITE, MARK, VLAN push */
	bool decrement;				/* REWRITE: -= */
	/* checked */
	enum verdict verdict;			/* VERDICT_NONE for actions that do not decide */
	bool swap;
	struct ast_counter *counter;		/* COUNT */
	struct ast_value *duration;		/* ADD, as written; NULL: not given */
	const struct ast_set *set;		/* ADD, REMOVE: checked */
	uint64_t keep;				/* ADD: ns until the element expires; 0: it stays */
	struct ast_log *log;			/* LOG */
	struct range to;			/* .value: its family and number */
	bool push;				/* VLAN */
	bool may_miss;				/* it may find nothing to do, which is counted */
	const char *text;			/* may_miss: what it says, as a rule's */
	unsigned slot;				/* may_miss: index of the action's counter of misses, program-wide */
};

enum ast_rule_kind { RULE_ACTIONS, RULE_IF };

struct ast_rules {
	VEC(struct ast_rule *) list;
};

/* `else if` is a RULE_IF in .else_rule (no label); `else { … }` is .else_block. At most one of them. Walk chains in a loop: they may be
 * thousands long. Blocks nest at most AST_MAX_DEPTH deep. */
struct ast_rule {
	enum ast_rule_kind kind;
	struct span span;			/* from the label or first word to the last token before a block */
	struct ast_name label;			/* s NULL: none */
	VEC(struct ast_action *) action;	/* ACTIONS */
	struct ast_expr *cond;			/* NULL: always */
	struct ast_rules then_block;		/* IF */
	struct ast_rule *else_rule;		/* IF */
	bool has_else_block;
	struct ast_rules else_block;
	unsigned order;				/* of a rule at file level; see struct ast_unit */
	/* checked */
	unsigned index;				/* of its counter, program-wide, in source order */
	const char *shown;			/* label, or "file.xdpf:line" */
	const char *text;			/* what stands behind the label, in one line of at most 200 bytes of UTF-8 */
	enum verdict verdict;			/* of its last action, or VERDICT_NONE */
	bool may_go_on;				/* .verdict is about some of the packets that match; the others go on, and are not counted */
};

enum { AST_MAX_DEPTH = 100 };	/* of parentheses, `not` and blocks, each */

/* ---- declarations ---- */

struct ast_let {
	struct ast_name name;
	struct span span;
	struct ast_value *value;
	unsigned order;				/* see struct ast_unit */
	bool used;
};

struct ast_element {
	const struct range *range;		/* for each component */
	struct span at;
};

struct ast_set {
	struct ast_name name;
	struct span span;
	VEC(struct ast_name) type;		/* one, or the tuple's */
	struct ast_value *init;			/* NULL: not given */
	struct ast_name from;			/* a file of elements, one a line; s NULL: not given */
	const struct source *from_text;		/* what is in it; NULL: it could not be read, which was told */
	bool live;
	struct ast_value *size, *timeout;	/* LIVE; NULL: not given */
	unsigned order;				/* see struct ast_unit */
	/* checked */
	uint32_t max;				/* LIVE: elements that it holds at most */
	uint64_t keep;				/* LIVE: ns that an added element stays; 0: until it is removed */
	bool expires;				/* LIVE: some element may expire */
	bool added, removed;			/* LIVE: a rule puts elements in, takes them out */
	bool prefix;				/* LIVE: component .net is a prefix */
	unsigned net;
	unsigned live_index;			/* LIVE: place in the program's .live */
	const struct ast_unit *unit;
	enum type_id *types;
	unsigned n_types;
	struct range *range;			/* n_types 1: n disjoint sorted ranges; else, or LIVE, n boxes of n_types ranges, no order */
	size_t n;
	VEC(struct ast_element) element;	/* constant, where the program keeps them: as they are written, in their order */
	bool used;
	unsigned index;				/* program-wide */
};

/* limit NAME = RATE [burst N] [per KEY] [size N] [when full open|closed], or the same in a rule. Its arithmetic is grammar/limit.h's. */
struct ast_rule;

struct ast_limit {
	struct ast_name name;			/* s NULL: inline */
	struct span span;
	struct ast_name number, unit, period;	/* "200", "packets", "s"; unit.s NULL: not given */
	struct ast_name burst, burst_unit, size;	/* s NULL: not given */
	struct span when;			/* src NULL: not given */
	bool closed;				/* when full closed */
	VEC(struct ast_operand *) key;
	unsigned order;				/* see struct ast_unit */
	/* checked */
	bool used;
	bool bytes;				/* a token is a byte, not a packet */
	uint64_t rate;				/* tokens in .period_s, for show: bits where the rate is in bits */
	uint64_t burst_tokens;			/* a full bucket's */
	uint64_t entries;			/* .size, or its default; 0 without a key */
	struct xdpf_limit_rate fixed;		/* the rate as arithmetic */
	const char *text;			/* what it says, in one line */
	const char *shown;			/* name, or "file.xdpf:line" */
	unsigned index;				/* program-wide */
	unsigned kind;				/* of its table: xdpf_limit_kind() */
	unsigned like;				/* the first limit whose key has parts of the same kinds and sizes */
	const struct ast_rule *rule;		/* the first that asks it; NULL: none does */
	uint64_t base, sets;			/* its part of the table of all limits with so many */
	const struct ast_unit *unit_in;
};

/* A table of packets and bytes, made by its first `count`; all that name it have the same key. Per file. */
struct ast_counter {
	struct ast_name name;
	VEC(struct ast_operand *) key;
	unsigned index;				/* program-wide */
	const struct ast_unit *unit;
};

/* ---- tests ---- */

/* Of a test's packet: `tcp`, `tcp.syn`, `tcp.dport = 23`, `payload = "GET"`, `hex = "…"`, `iface = eth0`. */
struct ast_assign {
	struct ast_name name;
	struct ast_value *value;		/* NULL: none */
};

struct ast_frame {
	struct span span;
	VEC(struct ast_assign) assign;
	struct ast_name from;			/* a capture's path as written; s NULL: the fields say what it is */
	const char *path;			/* and as it is opened */
	uint64_t number;			/* the packet's in the capture, from 1 */
	/* checked */
	const uint8_t *data;
	size_t len;
	const char *iface;			/* NULL: absent */
	bool has_rxqueue;
	uint32_t rxqueue;
	uint64_t input[INPUT_COUNT];		/* those of .inputs */
	unsigned inputs;			/* which are given: bits 1 << enum input_id */
};

enum ast_step_kind {
	STEP_PACKET,	/* [repeat N] packet … */
	STEP_AFTER,	/* after 10s */
	STEP_EXPECT,	/* expect VERDICT [by …]: of the packet before it */
	STEP_ADD,	/* add VALUE to SET [for 10s] */
	STEP_REMOVE,	/* remove VALUE from SET */
};

struct ast_step {
	enum ast_step_kind kind;
	struct span span;
	struct ast_frame *frame;		/* PACKET */
	uint64_t repeat;			/* PACKET: 1 where it is not given */
	struct span repeat_span;
	struct ast_value *duration;		/* AFTER; ADD: NULL where it is not given */
	struct ast_name set_name;		/* ADD, REMOVE */
	struct ast_value *element;		/* ADD, REMOVE: one, or a list of several */
	struct ast_name verdict;		/* EXPECT */
	struct ast_name by;			/* EXPECT; s NULL: not given */
	bool by_default, by_string;
	/* checked */
	uint64_t after;				/* AFTER: ns */
	enum verdict want;			/* EXPECT */
	unsigned index;				/* EXPECT with .by: who is to decide */
	const struct ast_set *set;		/* ADD, REMOVE: it lives */
	const struct range *range;		/* ADD, REMOVE: .n elements, each a range per component of the set's, as the set's own */
	size_t n;
	uint64_t keep;				/* ADD: ns that it stays; 0: until it is removed */
};

struct ast_test {
	struct ast_name name;
	struct span span;
	VEC(struct ast_step *) step;
	bool broken;				/* not all of it was understood, which has been told */
};

struct ast_option {
	struct ast_name name, value;
	struct span span;
};

/* One file of the command line, with what it includes read in place. The parser numbers the rules, lets, sets and limits at file level in
 * reading order, from 1, over all four (.order): names are declared before their use, also across included files. */
struct ast_unit {
	const struct source *source;
	const char *name;			/* last component of the path: "edge.xdpf" */
	struct ast_rules rules;
	VEC(struct ast_let *) lets;
	VEC(struct ast_set *) sets;
	VEC(struct ast_limit *) limits;		/* named ones, in reading order; sema adds the inline ones behind them */
	VEC(struct ast_option *) options;
	VEC(struct ast_test *) tests;
	struct ast_action *default_action;	/* NULL: pass */
	VEC(struct ast_name) lost;		/* names of lets and sets whose declarations were not understood, which has been told */
	/* checked */
	enum verdict default_verdict;
	bool default_swap;
	struct ast_way *default_way;		/* NULL: none */
	unsigned default_index;			/* its counter's, program-wide */
	VEC(struct ast_counter *) counters;
	bool counters_off;			/* option counters off; */
};

struct ast_program {
	struct arena *arena;
	const struct source_reader *reader;	/* of files that are named; NULL: the file system */
	VEC(const struct source *) sources;	/* all that were read, those that are included and elements of sets too */
	bool no_texts;				/* the object is not to hold them */
	bool keep_elements;			/* struct ast_set.element is wanted */
	VEC(struct ast_unit *) units;		/* in the order given */
	struct ast_test *asked;			/* packets that somebody asks about, in the names of the first file; NULL: none */
	/* checked */
	const char *name;			/* C identifier of at most 15 bytes, after the first file */
	unsigned n_indexes;			/* rules and defaults: indexes are 0 .. n_indexes-1 */
	unsigned n_counters, n_slots, n_sets, n_limits;
	VEC(struct ast_limit *) limit;		/* those that are used, by index */
	VEC(const struct ast_limit *) limit_keys;	/* of them, each that is .like itself */
	uint64_t limit_sets[XDPF_LIMIT_KINDS];	/* by kind of table: of all limits together */
	bool inner;				/* something is about headers inside a tunnel */
	unsigned n_sites;			/* places that ask for a random number */
	VEC(struct ast_log *) logs;
	bool rewrites, retags;			/* some action writes to the packet; some pushes or pops a tag */
	VEC(const char *) ifaces;		/* interface names that conditions mention, each once */
	VEC(struct ast_rule *) by_index;	/* NULL at a default's index */
	VEC(struct ast_way *) ways;		/* by slot */
	VEC(const char *) ports;		/* interfaces that are redirected to one at a time, each once */
	VEC(const struct ast_way *) floods;	/* those to several */
	VEC(unsigned) cpus;			/* that are redirected to, each once */
	bool sockets, forwards, cookies;
	VEC(struct ast_set *) live;		/* sets that live */
};

/* Of sets that live: elements where nothing is said, and at the most; bytes of an element. */
enum { AST_SET_SIZE = 65536, AST_SET_MOST = 16 << 20, AST_SET_KEY = 64 };

/* ---- passes on the tree ---- */

/* parse.c: a file's text, or standard input's for "-". NULL: an error was added to @d. */
struct source *source_read(struct arena *a, const char *path, struct diag_list *d);

/* parse.c: reads and parses @source and what it includes into a new unit of @p. False if there were errors; what was understood is
 * in the tree all the same, so that sema can report more. */
bool parse_unit(struct ast_program *p, const struct source *source, struct diag_list *d);

/* parse.c: reads @steps as what stands between the braces of a test, or (@packet) of a packet, in the first unit, into .asked. */
bool parse_asked(struct ast_program *p, const struct source *steps, bool packet, struct diag_list *d);

/* parse_tokens.c: the words of the language, in no order that means anything. */
const char *const *parse_keywords(size_t *n);

/* parse_format.c: the text of a file that was parsed without errors in the canonical layout, with its comments; *len bytes and a NUL. NULL: it
 * would not say the same, which is a defect here. */
const char *parse_format(struct arena *a, const struct source *source, size_t *len);

/* sema.c: resolves and checks in place. False if there were errors (then the tree must not be run or lowered). */
bool sema_check(struct ast_program *p, struct diag_list *d);

/* ast_dump.c: the tree as text, one node a line, indented; for golden files and --emit=ast. */
void ast_dump(const struct ast_program *p, FILE *out);

#endif
