/*
 * The inside of the analyses: what their files share. Nothing outside compiler/analyse*.c includes this.
 *
 *   analyse_space.c     formulas over what conditions ask for, each once
 *   analyse_cond.c      conditions as formulas
 *   analyse_list.c      a file's rules in the order in which they are asked
 *   analyse_law*.c      what the formats say: which headers and fields there are together
 *   analyse_length.c    and how long they are
 *   analyse_sat.c       a question to the solver
 *   analyse_packet.c    its answer as a packet
 *   analyse_seen.c      what formulas are of a packet
 *   analyse_ask.c       is there a packet that these rules decide about?
 *   analyse_check.c     a packet and what is claimed of it, by the evaluator
 *   analyse_rule.c      rules that change nothing
 *   analyse_limit.c     limits that count a packet twice
 *   analyse_set.c       sets whose elements cover each other
 *   analyse_link.c      a default that keeps neighbours from being found
 *   analyse_diff.c      two versions (analyse_diff.h)
 *   analyse_deed.c      what they do that is no verdict
 *   analyse_state.c     what they keep from one packet to the next
 *
 * Three kinds of answers: there is no such packet, which is proved over all that the laws allow, and they allow every packet there is; there is
 * one, which is a packet that was looked at by the evaluator; or it was not decided.
 */
#ifndef XDPF_ANALYSE_PRIV_H
#define XDPF_ANALYSE_PRIV_H

#include "analyse.h"
#include "eval_cond.h"

/* ---- formulas (analyse_space.c) ---- */

/* A formula is twice its node's number; one more: its negation. */
enum { ALWAYS = 0, NEVER = 1 };

enum node_kind {
	NODE_TRUE,
	NODE_BIT,	/* .of: a bit */
	NODE_IN,	/* the number .of, under a mask if it has one, is in one of .n ranges */
	NODE_AND,	/* of .n formulas */
};

struct node {
	enum node_kind kind;
	uint32_t of;
	bool has_mask;
	struct value mask;
	const struct range *range;	/* sorted, disjoint, of the number's family */
	const uint32_t *sub;		/* sorted */
	size_t n;
};

/* Bits: first those of the frame's headers, then those of what is inside a tunnel, then whatever else is true or not. */
enum { BITS_LAYER = 64, MALFORMED_BIT = HDR_COUNT, FRAGMENT_BIT, FIRST_BIT, BITS_FREE = 2 * BITS_LAYER };
_Static_assert(FIRST_BIT < BITS_LAYER, "a layer's bits fit");

enum free_kind {
	FREE_LIMIT,	/* there was a token */
	FREE_LIVE,	/* it is in the set */
	FREE_RANDOM,
	FREE_SOCKET,
	FREE_COOKIE,	/* syncookie decides */
	FREE_GIVEN,	/* .field has a value */
	FREE_LATER,	/* of a packet that was changed on its way */
	FREE_UNKNOWN,	/* too much to be looked into */
};

struct free_bit {
	enum free_kind kind;
	const struct ast_expr *expr[2];	/* LIMIT, LIVE, RANDOM: in the first and in the second file */
	enum field_id field;		/* GIVEN */
};

enum number_kind {
	NUMBER_WIRE,
	NUMBER_META,
	NUMBER_PAYLOAD,	/* .n_bits from bit .off of the payload */
	NUMBER_PACKET,
	NUMBER_LATER,	/* any of them, of a packet that was changed on its way: it may be anything */
};

struct number {
	enum number_kind kind;
	bool inner;
	enum field_id field;
	uint64_t off;
	enum family family;
	unsigned bits;
	uint32_t *place;		/* where its bits are, the highest first: numbers that overlap in the packet share them */
};

struct intern {
	struct intern_entry *entry;
	uint32_t *bucket;
	size_t n, cap, n_buckets;
};

struct space {
	struct arena *a, *scratch;	/* .scratch: of one question */
	const struct analyse_options *options;
	VEC(struct node) node;
	VEC(struct number) number;
	VEC(struct free_bit) free;	/* bits from BITS_FREE on */
	uint32_t n_places;
	struct intern nodes, numbers, frees, places, others;
	VEC(const char *) iface;	/* by number */
	VEC(uint32_t) law, plain;	/* hold of every packet; of those that a test's packet can be without its bytes */
	bool inner, lengths;		/* something is about the headers inside a tunnel; about lengths */
	bool laid;			/* the laws are there */
	int side;			/* the file that is read: 0, or 1 where two are compared */
	size_t asked;			/* numbers that rules ask for: those before the laws' */
	/* of the question that is asked, and of the packet that is looked at: right where the stamp is */
	struct slot { uint32_t stamp; int lit; } *node_slot, *bit_slot, *place_slot;
	struct seen_slot { uint32_t stamp; bool holds; } *node_seen;
	struct seen_number { uint32_t stamp; bool present; struct value v; } *number_seen;
	size_t slots[3], seen_slots[2];
	uint32_t stamp, seen_stamp;
	uint64_t spent;			/* steps of the solver, for all questions so far */
};

void space_init(struct space *s, struct arena *a, const struct analyse_options *o);
/* A number for these bytes: the same for the same. *fresh: it was not there. */
uint32_t intern(struct arena *a, struct intern *t, const void *key, size_t len, bool *fresh);
uint32_t form_bit(struct space *s, uint32_t bit);
uint32_t form_free(struct space *s, enum free_kind kind, const char *key, const struct ast_expr *e, enum field_id field);
uint32_t form_in(struct space *s, uint32_t number, const struct value *mask, const struct range *r, size_t n);
uint32_t form_from(struct space *s, uint32_t number, uint64_t lo, uint64_t hi);
uint32_t form_and(struct space *s, const uint32_t *f, size_t n);
uint32_t form_or(struct space *s, const uint32_t *f, size_t n);

static inline uint32_t form_not(uint32_t f)
{
	return f ^ 1;
}

#define FORMS(...) (const uint32_t[]){ __VA_ARGS__ }, sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t)
#define AND(s, ...) form_and((s), FORMS(__VA_ARGS__))
#define OR(s, ...) form_or((s), FORMS(__VA_ARGS__))

static inline uint32_t form_has(struct space *s, bool inner, unsigned bit)
{
	return form_bit(s, inner * BITS_LAYER + bit);
}

/* The number of a field that is no alias, of the packet as it came. */
uint32_t space_field(struct space *s, bool inner, enum field_id f);
uint32_t space_slice(struct space *s, bool inner, bool payload, uint64_t off, unsigned bits);
/* The field is there. */
uint32_t space_present(struct space *s, bool inner, enum field_id f);
/* A number of its own. */
uint32_t space_later(struct space *s, const char *key, enum family family, unsigned bits);
uint32_t space_iface(struct space *s, const char *name);
bool space_is_length(enum field_id f);
/* Two fields of the packet as it came have bits in common. */
bool space_overlap(enum field_id a, enum field_id b);

/* ---- rules (analyse_cond.c, analyse_list.c) ---- */

/* What was done to the packet before: fields of another version are other numbers. */
struct version {
	uint32_t field[2][FIELD_COUNT], slices, tags, sets;
};

struct list;

struct reader {
	struct space *s;
	struct list *list;		/* gets what asks limits */
	struct version version;
	const struct ast_program *p;
	struct intern asked;		/* how often the same limit was asked, the same dice were thrown */
};

/* @before: what holds where @e is asked; it tells limits and chances apart. */
uint32_t read_cond(struct reader *r, const struct ast_expr *e, uint32_t before);
/* Every one of these is there. */
uint32_t read_present(struct reader *r, struct ast_operand *const *op, size_t n);

/* A rule that does something, where it stands in the order in which rules are asked; the last one is the default. */
struct event {
	uint32_t when;			/* nothing has decided before, and this holds: it does what it says */
	const struct ast_rule *rule;	/* NULL: the default */
	uint32_t what;			/* what it does: the same number for the same, in both files */
	bool decides, acts;		/* it has a verdict; it does something that is none */
	enum verdict verdict;
	uint32_t verdict_is;		/* .what of its verdict alone */
	/* what it does that is no verdict, in order, by .what; where @moves, it is the same before and behind anything else */
	VEC(struct deed { uint32_t what; bool moves; const struct ast_action *action; }) deed;
	/* its limits: the formula before each, see analyse_limit.c */
	VEC(struct asked { uint32_t before; const struct ast_expr *expr; }) limit;
};

/* Where a limit is asked: .asked holds there, if nothing before .event has decided. */
struct site {
	size_t event;
	uint32_t asked;
	uint32_t key;			/* what its key is made of: the same number for the same */
	uint32_t token;			/* the bit of what it answers */
	const struct ast_limit *limit;
};

/* What must be so of a packet's numbers for an event to hold, of those that few packets have. */
struct glance {
	uint32_t number;		/* of at most 64 bits */
	uint64_t lo, hi;
};

enum { GLANCES = 3 };

struct list {
	VEC(struct glances { struct glance of[GLANCES]; unsigned n; }) glance;	/* by event */
	struct eval *eval;		/* runs packets, where it keeps nothing from one to the next */
	int side;
	const struct ast_program *p;	/* of this one file */
	const struct ast_unit *unit;
	VEC(struct event) event;
	VEC(struct site) site;
};

void list_read(struct space *s, int side, const struct ast_program *p, const struct ast_unit *unit, struct list *out);
void list_close(struct list *l);
struct glances form_glances(const struct space *s, uint32_t f);
bool glances_apart(const struct glances *a, const struct glances *b);
/* Can they not both hold? What is certain at a glance. */
bool forms_apart(const struct space *s, uint32_t a, uint32_t b);

/* ---- laws (analyse_law*.c, analyse_length.c) ---- */

void laws_read(struct space *s);

struct question;

void lengths_add(struct question *q);

/* ---- the solver (analyse_sat.c) ---- */

struct question {
	struct space *s;
	void *sat;
	int vars;
	int plain;			/* assumed, where only plain packets are looked for */
	VEC(struct given { uint32_t f; int lit; }) given;	/* assumed; see question_suppose() */
	unsigned tries;
};

enum answer { ANSWER_NO, ANSWER_YES, ANSWER_OPEN };

void question_open(struct question *q, struct space *s);
void question_close(struct question *q);
void question_add(struct question *q, uint32_t f);
/* One of these holds, literals of the solver among them. */
void question_clause(struct question *q, const int *lit, size_t n);
int question_lit(struct question *q, uint32_t f);
int question_var(struct question *q);
int question_and(struct question *q, const int *lit, size_t n);
int question_place(struct question *q, uint32_t place);
/* It holds; whether an answer needed that is known afterwards. */
void question_suppose(struct question *q, uint32_t f);
enum answer question_solve(struct question *q, bool plain);
/* Is nothing left of the effort for all questions? */
bool space_spent(const struct space *s);
bool question_needed(const struct question *q, size_t given);
/* What the answer says; false: nothing. */
bool question_bit(const struct question *q, uint32_t bit, bool *out);
bool question_number(const struct question *q, uint32_t number, struct value *out);

/* ---- packets (analyse_packet.c, analyse_seen.c) ---- */

/* Everything that formulas ask of a packet. */
struct seen {
	struct space *s;
	struct eval_packet pkt;
	struct eval_view view;
	const bool *free;		/* by bit, from BITS_FREE on */
	struct witness *w;
	const struct question *q;	/* it is what this answer says, and no packet; NULL: it is a packet */
};

/* The answer as a packet. False: it cannot be written as one. */
bool packet_make(const struct question *q, struct witness *w);
/* A packet that may be one for which @f holds; another one each @turn. */
bool packet_guess(struct space *s, uint32_t f, unsigned turn, struct witness *w);
/* Makes the frame anew, from its fields. */
bool packet_frame(struct space *s, struct witness *w);
void seen_look(struct seen *seen, struct space *s, struct witness *w);
/* The answer itself, whether there is such a packet or not. */
void seen_answer(struct seen *seen, const struct question *q);
bool seen_holds(struct seen *seen, uint32_t f);
/* The first event that holds, of those that are to be looked at (by number); NO_EVENT: none does. */
size_t seen_first(struct seen *seen, const struct list *l, const bool *look);

/* ---- questions (analyse_ask.c) ---- */

#define NO_EVENT SIZE_MAX

/* Of the events of @list that are looked at, the first that holds is one that is wanted. */
struct demand {
	const struct list *list;
	const bool *look, *want;
};

/* Is there a packet for which @target holds and the demands are met? YES: *out and where each was decided (.at). NO: the events of the first demand
 * that the proof needed are in *why, each once, in order. */
struct reason {
	VEC(size_t) event;
	bool target_empty;	/* it needed none */
};

enum answer ask(struct space *s, uint32_t target, const struct demand *d, size_t n, struct witness *out, size_t at[2], struct reason *why);

/* ---- the evaluator's word (analyse_check.c) ---- */

struct check {
	const struct ast_limit *limit[2];	/* in: NULL: none */
	struct eval_result came;		/* of the last time that the packet came */
	uint64_t asked[2];			/* how often the limits were asked about it then */
};

/* Runs it, so often that buckets are as the witness says. What came is in *out; false: it cannot be run. */
bool check_run(struct space *s, struct list *l, struct witness *w, struct check *out);
/* Leaves out of the packet what is not needed: @holds says whether it still is one. */
void check_shorten(struct space *s, struct witness *w, bool (*holds)(void *arg, struct witness *w), void *arg);

/* ---- one file (analyse.c and what it calls) ---- */

struct file {
	struct space *s;
	struct list *list;
	const bool *decides;		/* by event */
	struct findings *out;
};

/* Which events decide, by number. */
bool *list_decides(struct space *s, const struct list *l);
struct finding *file_found(struct file *f, enum finding_kind kind, const struct ast_rule *rule);
/* Nothing is claimed: @why. */
void file_open(struct file *f, const struct ast_rule *rule, const char *why);
/* Is there a packet for which @target holds, and about which one from @first on decides? *at: which. */
enum answer file_ask(struct file *f, uint32_t target, size_t first, struct witness *w, size_t *at, struct reason *why);
void rules_find(struct file *f);
void limits_find(struct file *f);
void sets_find(struct file *f);
void links_find(struct file *f);
/* What of the witness's surroundings matters, as text. */
void witness_tell(struct space *s, struct witness *w);

#endif
