/*
 * Internal to lowering: what its files share. The order of work: need (which bytes of which headers do the rules look at, and how),
 * rules (IR that tests variables; asks for the presence bits it tests), parse (IR that dissects the frame as far as was asked, into
 * the variables). The parse is laid out before the rules.
 *
 * What the verifier learns of a number from a test it carries to all tests behind. A test that decides nothing for good must therefore
 * leave no trace on the way on which the rules go on, or each such test doubles the states: n rules would cost 2^n, or n^2, instructions
 * to verify. Small programs keep variables in registers, and tests that would leave a trace on the fall-through get a fresh copy
 * (lower_fresh()); ways on which a number became known are laid out of line, where the verifier finds them covered by the states that it
 * saw before. Large programs keep the variables in a map, whose contents it never knows.
 *
 * Presence is one variable of bits, one for each header that a rule asks about. A wire field that rules read is a slot: its bytes as a
 * number in a variable. Where the header is absent the slot holds LOWER_ABSENT, which no field's value equals, so that most tests need
 * no look at presence.
 */
#ifndef XDPF_LOWER_H
#define XDPF_LOWER_H

#include "ir.h"

/* Bits beyond the headers. */
enum {
	BIT_MALFORMED = HDR_COUNT,
	BIT_FRAGMENT,
	BIT_FIRST,
	BIT_PAYLOAD,
	BIT_COUNT
};

/* The low 63 bits are zero: any mask of it is 0, any distance from it is huge. */
#define LOWER_ABSENT ((uint64_t)1 << 63)

enum {
	/* No header inside a tunnel begins beyond it, whatever the chain before it says: its parts and options are then below IR_MAX_OFF too. */
	LOWER_FAR = IR_MAX_OFF - 0xff,
	LOWER_INLINE_RANGES = 16,	/* ranges tested one by one; more become a table */
	LOWER_PLAIN_TESTS = 8,		/* so few may be verified once for each way through the headers */
	LOWER_REGISTER_TESTS = 120,	/* programs of more tests … */
	LOWER_REGISTER_VARS = 20,	/* … or kept variables use a map for these */
	LOWER_REGISTER_LIMITS = 2,	/* and so do those of so many limits that also write to packets: what the verifier knows of the numbers
					   that are written has many forms else, and it follows every limit's ways with each of them */
	LOWER_GUARD_COST = 3,		/* a run of rules that need a header is jumped over as a whole if it is worth so many tests */
	LOWER_INLINE_BOXES = 1024,	/* the same for tuples that are no plain keys */
	LOWER_CLASSIFY_FROM = 24,	/* so many rules become tables */
	LOWER_DEFER_FROM = 512,		/* where there is room for so many counters, packets are noted before they are counted */
	LOWER_PLAIN_RULES = 400,	/* more are not code one by one, whatever tables cost */
	LOWER_PLAIN_TABLES = 2 << 20,	/* bytes that so few are worth */
	LOWER_RULES_PER_LOAD = 3,	/* tested one by one, what a look-up in a table costs */
	LOWER_MAX_BROAD = 24,		/* rules of a classifier's that are code for most packets */
	LOWER_MANY_CODES = 16384,	/* rules that do not decide by themselves: tables hold few of those */
};

/* LEN bytes at OFF of HEADER, read because some field of a rule lies in them. */
struct slot {
	enum header_id header;
	unsigned off, len;
	bool wire;			/* kept in network order: every test is by mask (len 2, 4, 16) */
	bool bare;			/* read where nothing has asked whether the header is there */
	ir_var raw[2], var[2];		/* two for 16 bytes (first, second half; always in network order), for 3 and 6 raw has the two pieces */
};

/* A table that was made of these ranges. */
struct lower_made {
	const struct range *ranges;
	enum family family;
	unsigned bits;			/* of the numbers that are looked up: the same set may be asked for wide and narrow ones */
	size_t table;
};

/* What is lowered out of line, later: the body of .rule, a list of .rules, or the rest of a conjunction. */
struct lower_work {
	struct ir_block *at, *yes, *no;		/* begins at .at, goes on at .no; a condition also at .yes */
	const struct ast_rule *rule;
	const struct ast_rules *rules;
	struct ast_expr **cond;
	size_t n_cond;
	bool whole;				/* .rule with its condition */
	bool negated;
	struct span span;
	uint64_t known;				/* headers that are present there, as far as that is certain */
	const struct ast_unit *unit;
	struct ir_block *unit_pass;		/* where `pass` of the unit goes; NULL: it is the last */
	struct ir_block **placed;		/* blocks that are lowered, and have no place in the layout yet: nothing else */
	size_t n_placed;
};

/* What rules with the same kind of way and the same other verdict have in common, lowered behind a file's rules. */
struct lower_way {
	struct lower_work work;
	const struct ast_way *way;		/* of the first of them */
	enum verdict verdict;
	struct ir_block *at;
	ir_var slot;				/* the way that came here */
	struct span span;
};

/* Where in the image a rule's index is spoken of by its place in the table of indexes. */
struct lower_index {
	size_t at;
	unsigned index;
};

/* A piece of the packet or its payload, and how many rules compare it with a number. */
struct lower_slice {
	const struct ast_operand *slice;
	size_t n;
};

/*
 * One layer of headers: what was asked for in it, and the variables that it is dissected into. There are two, the frame's own and what is inside
 * a tunnel; struct lower has the members of the one that is looked at, see lower_enter().
 */
#define LOWER_LAYER_MEMBERS \
	uint64_t bit[BIT_COUNT];	/* its mask in presence, 0: nobody asks */ \
	unsigned n_bits; \
	bool parse[HDR_COUNT];		/* the dissection must get to this header */ \
	bool need_proto;		/* ip.proto: the end of the chain */ \
	uint64_t known;			/* bits of headers that are present here */ \
	VEC(struct slot) slot; \
	/* lower_retag.c moves those that are offsets of something behind the tags */ \
	ir_var pres, proto, pay_off, pay_end; \
	/* where headers begin that are written to: kept for those only, see lower_set_at() */ \
	bool has_at[HDR_COUNT]; \
	ir_var at[HDR_COUNT]; \
	struct ir_block *none, *bad;	/* where its dissection ends early; if a header is broken */

struct lower_layer {
	LOWER_LAYER_MEMBERS
};

/* What leads into a tunnel: where what it carries begins and ends, and goes on as which kind of header. */
struct lower_tunnel {
	ir_var off, end;
	struct ir_block *eth, *ip4, *ip6;	/* with .off and .end set */
	struct ir_block *carried[2];		/* protocols 4 and 41; NULL: nothing leads there */
	struct ir_block *bad;			/* the inside is malformed */
};

struct lower_chain;
struct lower_group;

struct lower {
	struct arena *arena;
	struct diag_list *diag;
	const struct ast_program *ast;
	struct ir_program *ir;
	struct ir_block *cur;		/* instructions go here */
	struct span span;		/* of what is being lowered */
	VEC(struct ir_block *) hot;	/* layout of the part that is being lowered: in order … */
	VEC(struct ir_block *) cold;	/* … and behind everything else */
	VEC(struct lower_work) work;	/* rule bodies and rest conditions, lowered out of line */
	size_t work_done;
	VEC(struct lower_way) way;
	size_t way_done;

	union {
		struct lower_layer layer;
		struct {
			LOWER_LAYER_MEMBERS
		};
	};
	struct lower_layer away;	/* the other one */
	bool inner;			/* the one that is looked at is that inside a tunnel */
	bool (*wanted)[FIELD_COUNT];	/* by .inner, while it is found out which fields there are; NULL behind that */
	struct lower_tunnel *tunnel;	/* NULL: no rule asks for what is inside */

	/* what was asked for */
	bool need_frame_len;		/* pkt.len */
	bool negated;			/* the test's truth is where the rules go on */
	size_t n_tests;			/* as need estimates them */
	struct classify_options classify;
	uint64_t classify_work;		/* of an engine that was asked for */
	bool too_large;			/* with classifiers, which is why there are none */
	bool no_plain;			/* without, it was too large as well: rules are one by one only where tables cannot have them */
	bool alike;			/* what is lowered shall have few shapes: see lower_share.c */
	VEC(struct lower_slice) slices;
	bool slices_known;
	VEC(struct lower_index) index_later;
	VEC(struct ir_block *) apart;	/* where code begins that is to be a function of its own */
	VEC(struct ir_block *) own;	/* where code begins that is not */
	unsigned rules_apart, rules_since;	/* struct lower_options; rules since the last one began */
	struct lower_group *group;	/* by field, see lower_dims.c */
	const struct lower_run *soon;	/* the run that dissection leads to, of which some is looked for on the way; NULL: none */
	VEC(struct lower_made) made;
	ir_var blank, frame_len, absent;
	ir_var rx;			/* what the driver said last */
	ir_var conn;			/* if l->ir->conn: enum xdpf_flow_state; 0: nobody has asked yet, or there is none */

	struct ir_block *rules;		/* where dissection ends */
};

/* ---- lower.c: emitting ---- */

struct ir_inst *lower_emit(struct lower *l, enum ir_op op);
struct ir_opnd lower_get(struct lower *l, ir_var v);
void lower_set(struct lower *l, ir_var v, struct ir_opnd o);
struct ir_opnd lower_op(struct lower *l, enum ir_op op, struct ir_opnd a, struct ir_opnd b);
struct ir_opnd lower_op0(struct lower *l, enum ir_op op);
struct ir_opnd lower_swap(struct lower *l, struct ir_opnd a, unsigned bytes);
void lower_jump(struct lower *l, struct ir_block *to);
void lower_test(struct lower *l, enum ir_op op, struct ir_opnd a, struct ir_opnd b, struct ir_block *yes, struct ir_block *no);
struct ir_inst *lower_fetch(struct lower *l, struct ir_opnd off, unsigned n, struct ir_block *yes, struct ir_block *no);
void lower_load(struct lower *l, struct ir_inst *fetch, ir_var v, unsigned delta, unsigned size);
/* The same number for a test that goes to @yes or @no; what the verifier learns of it, it does not learn of what it was made from. The
 * number itself where nothing comes back from one of them: then what is known goes one way only. */
struct ir_opnd lower_fresh(struct lower *l, struct ir_opnd a, const struct ir_block *yes, const struct ir_block *no);
struct ir_block *lower_block(struct lower *l, const char *name);
/* Places the block next in the layout (hot), or behind everything (cold), and goes on there. */
void lower_hot(struct lower *l, struct ir_block *b);
void lower_cold(struct lower *l, struct ir_block *b);

/* ---- lower_inner.c ---- */

/* Looks at the one layer or the other; whoever looks inside comes back. */
void lower_enter(struct lower *l, bool inner);
void lower_inner_init(struct lower *l);
/* Goes to where a tunnel begins that stands behind the outer IP; goes on where none does. */
void lower_carried(struct lower *l);
/* The same behind a transport header at c->off, whose payload is at @pay and ends at @udp_end if that is given and comes first. */
void lower_tunnel(struct lower *l, const struct lower_chain *c, enum header_id h, ir_var pay, const ir_var *udp_end);
/* The dissection of what is inside; @outer is the chain that led there. */
void lower_inside(struct lower *l, const struct lower_chain *outer);

/* ---- lower_need.c ---- */

void lower_need(struct lower *l);
/* The slot of a wire field. */
struct slot *lower_slot(struct lower *l, enum field_id f);
/* The first word of a slot whose header need not be there: LOWER_ABSENT then. */
struct ir_opnd lower_bare(struct lower *l, struct slot *s);
/* The mask of a bit in presence, or of all members of a group; from now on the dissection sets it. */
uint64_t lower_bit(struct lower *l, unsigned bit);
uint64_t lower_header_mask(struct lower *l, enum header_id h);
/* Are all values of the range those whose bits under a mask equal lo's? The mask then, of 128 bits. */
bool lower_range_mask(const struct range *r, struct value *mask);

/* Some rule looks at this field. */
void lower_need_field(struct lower *l, enum field_id id);

/* ---- lower_rewrite.c ---- */

void lower_need_rewrite(struct lower *l, const struct ast_action *a);
/* The header begins there: kept, if it is written to. */
void lower_set_at(struct lower *l, enum header_id h, ir_var off);
/* None is there: all that are kept are @absent. */
void lower_clear_at(struct lower *l, struct ir_opnd absent);
/* REWRITE, VLAN, MARK; goes on in a new current block. */
void lower_rewrite(struct lower *l, const struct ast_action *a);
/* Bytes @from to @to of the header, which is present, have changed: reads what lies in them anew. */
void lower_refresh(struct lower *l, enum header_id h, unsigned from, unsigned to);
/* Goes on in a new block where the header is present (or is not), else to @no. */
void lower_require(struct lower *l, enum header_id h, bool present, struct ir_block *no);

/* ---- lower_retag.c ---- */

enum { LOWER_TAG_OFF = 14, LOWER_TAG2_OFF = 18 };	/* of the tags, in a frame that no tunnel carries */

/* Ends the current block; goes to @done or @miss. */
void lower_retag(struct lower *l, const struct ast_action *a, struct ir_block *done, struct ir_block *miss);

/* ---- lower_parse.c, lower_ip.c, lower_l4.c ---- */

/* From the frame's first byte to l->rules. */
void lower_parse(struct lower *l);
/* Loads of all slots of a header into a fetch of it at delta 0, and, once the header is known to be sound, into place. */
void lower_slots_load(struct lower *l, struct ir_inst *fetch, enum header_id h);
void lower_slots_settle(struct lower *l, enum header_id h);
/* The same for one slot; the fetch begins @base bytes behind its header's first. */
void lower_slot_load(struct lower *l, struct ir_inst *fetch, const struct slot *s, unsigned base);
void lower_slot_settle(struct lower *l, const struct slot *s);
void lower_present(struct lower *l, unsigned bit);
/* Does a rule ask for this header, or for something in it? */
bool lower_noted(const struct lower *l, enum header_id h);
/* A zero of which the verifier knows nothing. */
struct ir_opnd lower_blank(struct lower *l);
/* The same offset, of which the verifier knows nothing but that it is at most IR_MAX_OFF. */
struct ir_opnd lower_opaque(struct lower *l, struct ir_opnd off);
struct lower_chain {			/* variables of the walk behind IP */
	ir_var off, end, n;
	struct ir_block *next;		/* dispatch on l->proto, of one family */
	struct ir_block *on[HDR_COUNT];	/* transport headers, of both */
	struct ir_block *bad;		/* malformed, nothing behind */
	bool behind;			/* somebody asks for something behind IP */
};
/* A fetch of a header up to the IP header's, which ends within the frame or the tunnel. */
struct ir_inst *lower_fetch_early(struct lower *l, ir_var off, unsigned n, struct ir_block *yes, struct ir_block *no);
/* Is @a beyond where the frame, or the tunnel, ends? */
void lower_beyond(struct lower *l, struct ir_opnd a, struct ir_block *yes, struct ir_block *no);
/* What the rules asked for in this layer, and what is on the way there. Is anything behind IP among it? */
void lower_close_needs(struct lower *l);
bool lower_wants_chain(const struct lower *l);
/* Goes on by the type in @type, which is on the wire so, behind @tags tags. */
void lower_dispatch_type(struct lower *l, ir_var type, unsigned tags, struct ir_block *const on[HDR_COUNT], struct ir_block *bad);
void lower_etype(struct lower *l, ir_var type);
void lower_tag(struct lower *l, enum header_id h, ir_var l3, ir_var type, struct ir_block *const on[HDR_COUNT], struct ir_block *bad);
void lower_arp(struct lower *l, ir_var l3, struct ir_block *bad);
void lower_ip4(struct lower *l, ir_var l3, struct lower_chain *c);
void lower_ip6(struct lower *l, ir_var l3, struct lower_chain *c);
/* From behind an IP header on; then, once for both families, the transport headers that this led to. */
void lower_chain(struct lower *l, struct lower_chain *c, bool ip6);
void lower_transports(struct lower *l, struct lower_chain *c);
/* Presence and slots of header @h at @off, one of those that may be there several times, if it is the first of its kind. Ends in a
 * block behind. */
void lower_note_first(struct lower *l, ir_var off, enum header_id h);
/* The options of a TCP header at @tcp that ends at @stop, if a rule asks for one. Ends in the block behind them. */
bool lower_wants_options(const struct lower *l);
void lower_options(struct lower *l, ir_var tcp, ir_var stop);
void lower_parts(struct lower *l, enum header_id parent, ir_var base, const ir_var *end, const ir_var *guard);
unsigned lower_guards(struct lower *l, struct ir_inst *fetch, enum header_id parent, ir_var *guard);

/* ---- lower_match.c, lower_tuple.c, lower_cond.c, lower_rule.c ---- */

/* Each ends the current block with a branch to one of @yes and @no, maybe by way of others. */
void lower_compare(struct lower *l, const struct ast_expr *e, struct ir_block *yes, struct ir_block *no);
void lower_tuple(struct lower *l, const struct ast_expr *e, struct ir_block *yes, struct ir_block *no);
void lower_in_range(struct lower *l, const struct ast_operand *o, enum field_id f, const struct range *r, struct ir_block *yes,
		    struct ir_block *no);
void lower_in_keys(struct lower *l, size_t table, const struct ir_opnd *w, unsigned n, struct ir_block *yes, struct ir_block *no);
void lower_cond(struct lower *l, struct ast_expr *e, struct ir_block *yes, struct ir_block *no);
void lower_random(struct lower *l, const struct ast_expr *e, struct ir_block *yes, struct ir_block *no);
/* Headers of which one must be present for the condition to hold, as bits; 0: none in particular. */
uint64_t lower_implied(const struct ast_expr *e);
/* How much there is to test, at the most, to find that it does not hold. */
unsigned lower_cost(const struct ast_expr *e);
void lower_conjunction(struct lower *l, const struct lower_work *w);
enum family lower_family(enum field_id f);
void lower_units(struct lower *l);
/* What was put off from place @from of .work on, and what that puts off: nothing of it is left there. */
void lower_pending(struct lower *l, size_t from);

/* ---- lower_socket.c ---- */

/* What `socket` asks for. */
void lower_need_socket(struct lower *l);
/* Words of the field as they stand in the packet; the header is there. Returns their number, 1 or 2. */
unsigned lower_wire_words(struct lower *l, enum field_id f, struct ir_opnd *w);
/* Ends the current block with a branch to @yes or @no. */
void lower_socket(struct lower *l, struct ir_block *yes, struct ir_block *no);

/* The ports or the address as they stand in the packet, in network order: one word, of a 16-byte address two; the header is there. Their number. */
unsigned lower_wire_words(struct lower *l, enum field_id f, struct ir_opnd *w);

/* ---- lower_conn.c ---- */

/* What `flow.state` asks for. */
void lower_need_conn(struct lower *l);
/* Nobody has asked yet. */
void lower_clear_conn(struct lower *l);
/* Goes on in a new block where the packet's connection has a state, which is in l->conn then; else to @no. */
void lower_require_conn(struct lower *l, struct ir_block *no);

/* ---- lower_rx.c ---- */

/* Is it a field that drivers say? */
bool lower_is_rx(enum field_id f);
void lower_need_rx(struct lower *l, enum field_id f);
/* Goes on in a new block where the driver says it, else to @no; then its value, in that block. */
void lower_require_rx(struct lower *l, enum field_id f, struct ir_block *no);
struct ir_opnd lower_rx(struct lower *l, enum field_id f);

/* ---- lower_segment.c ---- */

/* May some rules become tables? */
bool lower_may_classify(const struct lower *l);

/* ---- lower_apart.c ---- */

/* Of how many rules functions are, where they should be of @wanted: there is a limit to their number. */
unsigned lower_how_many_apart(const struct ast_program *p, unsigned wanted);
/* A rule begins in the current block. */
void lower_rule_apart(struct lower *l);
/* What begins in @b is the program's own up to the next rule that begins. */
void lower_rules_apart_end(struct lower *l, struct ir_block *b);
/* When all blocks are laid out. */
void lower_apart(struct lower *l);

/* ---- lower_report.c ---- */

/* Segments in the order of the text, when all rules are lowered. */
void report_finish(struct lower *l);

/* ---- lower_indexes.c ---- */

/* The word at offset @at of the image will be the place of @index in the table of indexes. */
void lower_index_later(struct lower *l, size_t at, unsigned index);
/* Of a program with classifiers, when all its code is there. false: no room. */
bool lower_indexes(struct lower *l);

/* ---- lower_way.c ---- */

/* Each ends the current block. */
void lower_decide(struct lower *l, const struct lower_work *w, enum verdict v, bool swap, unsigned index);
/* The same, by whom WHO said. */
void lower_decide_noted(struct lower *l, const struct lower_work *w, enum verdict v, bool swap);
void lower_decide_way(struct lower *l, const struct lower_work *w, enum verdict v, const struct ast_way *way, unsigned index);
/* What the ways so far have in common, behind everything that goes there. */
void lower_shared_ways(struct lower *l);

/* A packet that way @way was closed to, or (of `syncookie`) another counter of it. */
void lower_count_way(struct lower *l, const struct lower_work *w, struct ir_opnd slot);
/* Ends the current block: the other verdict. */
void lower_decide_other(struct lower *l, const struct lower_work *w, const struct ast_way *way, unsigned index);

/* ---- lower_cookie.c ---- */

/* What `syncookie` asks for. */
void lower_need_cookie(struct lower *l);
/* Ends the current block: a decision, or on at @after. */
void lower_cookie(struct lower *l, const struct lower_work *w, const struct ast_way *way, unsigned index, struct ir_block *after);

/* ---- lower_forward.c, lower_reply.c ---- */

/* Each ends the current block, on ways to @open, where the frame is on its way, and to @closed, where it is as it was but for a `reply` that
 * could not be finished. */
void lower_forward(struct lower *l, struct ir_block *open, struct ir_block *closed);
void lower_reply(struct lower *l, enum ast_way_kind kind, struct ir_block *open, struct ir_block *closed);
/* Goes on in a new block where the test holds (@yes), or where it does not; else to @no. */
void lower_need_that(struct lower *l, enum ir_op op, struct ir_opnd a, struct ir_opnd b, bool yes, struct ir_block *no);
/* The next @size bytes of a write. */
void lower_put(struct lower *l, struct ir_inst *write, struct ir_opnd v, unsigned size);
struct ir_inst *lower_write(struct lower *l, struct ir_opnd off);

/* ---- lower_value.c ---- */

/* Branches on the presence of an operand's field. */
void lower_operand_present(struct lower *l, const struct ast_operand *o, struct ir_block *yes, struct ir_block *no);
/* The fields that an operand may stand for: itself, or its alternatives. */
unsigned lower_alternatives(const struct ast_operand *o, enum field_id alt[5]);
/*
 * The value of one alternative of an operand (@f: a wire or meta field; ignored for slices) in words: two in network order for
 * fields of 16 bytes; a slot as it is; pieces as on the wire for slices longer than 8 bytes; else a number. Goes to @no where it is
 * absent, unless the caller is @sure (of a slot: that LOWER_ABSENT does no harm); the current block on return is one where it is there.
 */
struct lower_words {
	struct ir_opnd w[16];
	unsigned n;
	unsigned size[16];		/* bytes of each, for slices longer than 8 */
};
/* ---- lower_dims.c: what a classifier looks for while the packet is dissected ---- */

/* The header's slots are read now; HDR_NONE: no header's are. */
void lower_soon(struct lower *l, enum header_id h);
struct lower_words lower_value(struct lower *l, const struct ast_operand *o, enum field_id f, struct ir_block *no, bool sure);

/* ---- lower_key.c, lower_limit.c, lower_set.c ---- */

enum { LOWER_KEY_PARTS = 8 * 8 };
struct meta_key;

/* The parts of a key in @w; returns how many. Goes to @no where a field of it is absent. */
unsigned lower_key(struct lower *l, struct ast_operand *const *key, const struct meta_key *layout, struct ir_opnd *w, struct ir_block *no);
/* Ends the current block with branches to @yes and @no. */
void lower_limit(struct lower *l, const struct ast_expr *e, struct ir_block *yes, struct ir_block *no);
/* Where all instructions are there: does what limits say stand in the image? */
void lower_limits_count(struct lower *l);
/* If so, puts it there. */
bool lower_limits_rows(struct lower *l);
/* Is the key in a set that lives? Ends the current block with branches to @yes and @no. */
void lower_live(struct lower *l, const struct ast_expr *e, struct ir_block *yes, struct ir_block *no);
void lower_set_action(struct lower *l, const struct ast_action *a);

/* ---- lower_table.c ---- */

/* The range as far as numbers of @bits bits reach; false: not at all. */
bool lower_clip(const struct range *r, unsigned bits, struct range *out);
size_t lower_table_bounds(struct lower *l, const char *name, const struct range *r, size_t n, enum family family, unsigned bits);
/* @pair: first and last key of @n ranges, in words of 64 bits, most significant first; it is the table's afterwards. */
size_t lower_table_pairs(struct lower *l, const char *name, uint64_t *pair, size_t n, unsigned bits);
/* Puts all tables that the program asks into its image. False: one cannot be, an error says why. */
bool lower_tables(struct lower *l, const struct set_options *o);

#endif
