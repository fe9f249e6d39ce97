/*
 * Internal to the walk of verify.h: what it knows at a place, and the steps.
 *
 * A path is walked to its end; where it parts, the other way is put on a stack. Now and then a state is kept at a place where paths meet
 * (struct seen): whoever comes there later and may do no more than that one did goes no further. Which numbers that needs to compare is
 * known only from what was decided by them behind that place (.precise): the history of each path is kept to trace it back.
 */
#ifndef XDPF_VERIFY_PRIV_H
#define XDPF_VERIFY_PRIV_H

#include "arena.h"
#include "verify.h"
#include "verify_number.h"

enum { VERIFY_FRAMES = 8, VERIFY_REFS = 8, VERIFY_SLOTS = 64, VERIFY_LINKS = 6 };
enum { VERIFY_PAST_END = -2, VERIFY_AT_END = -1 };	/* instead of a range */
/* Of an id: the number is another one's plus .off, of 64 bits or of 32. */
#define VERIFY_SUM64 (1U << 31)
#define VERIFY_SUM32 (1U << 30)
#define VERIFY_SUM (VERIFY_SUM64 | VERIFY_SUM32)

enum reg_kind { REG_NONE, REG_NUMBER, REG_CONTEXT, REG_PACKET, REG_META, REG_END, REG_STACK, REG_MAP, REG_VALUE, REG_KERNEL };

struct reg {
	uint8_t kind;
	uint8_t frame;			/* of the stack */
	bool null;			/* or it is 0 */
	bool precise;
	int32_t off;
	int32_t range;			/* of the packet: so much is there from its start */
	uint32_t map;
	uint32_t id, ref;
	struct number n;
};

enum byte_kind { BYTE_NONE, BYTE_SPILL, BYTE_MISC, BYTE_ZERO };

/* Eight bytes of the stack. */
struct slot {
	struct reg reg;
	uint8_t byte[8];		/* [7] is the lowest */
};

struct frame {
	struct reg reg[11];
	struct slot *slot;		/* [0] is the uppermost */
	unsigned n_slots;
	size_t callsite;
	struct chain *chain;
};

/* One instruction of a path. */
struct trace {
	uint32_t at;
	bool stack;			/* it stored or loaded slot .slot of .frame, whole */
	uint8_t frame, slot;
	uint8_t n_links;		/* numbers that it taught of, together */
	uint8_t link[VERIFY_LINKS];	/* register, or 16 + slot */
	uint8_t link_frame[VERIFY_LINKS];
};

struct state {
	struct frame *frame;
	unsigned depth;			/* the frame it is in */
	VEC(struct trace) trace;	/* since .parent */
	unsigned jumps;			/* what the verifier notes of it */
	struct seen *parent;
	size_t at;			/* the next instruction */
	uint32_t ref[VERIFY_REFS];
	unsigned n_refs;
	uint32_t lock;
	uint64_t extra;			/* what global functions take that were called since .parent */
};

struct seen {
	struct state state;
	struct seen *next;		/* of those at the same place */
	unsigned branches, hits, misses;
	bool listed, cleaned;
	uint64_t slots[VERIFY_FRAMES];	/* .cleaned: those of each frame that are read later */
	uint64_t longest;		/* from here */
};

/* Which slots are read behind each place of a function, when it is called by a chain of calls. */
struct chain {
	struct chain *next, *up;
	size_t callsite, function;
	unsigned depth;
	uint64_t *reads, *writes, *live;	/* of each instruction and frame */
	bool *visited;
	bool changed;
};


struct verify {
	const struct verify_code *code;
	struct arena *arena;
	const char *err;
	bool *meets, *noted;		/* of each instruction: paths may meet there; the verifier notes that it came there */
	uint16_t *live;			/* registers that are read behind each */
	struct seen **seen;		/* of each, the latest first */
	struct chain *chains;
	struct state *cur, **waiting;
	size_t n_waiting, cap_waiting;
	uint64_t *longest;		/* of each function; UINT64_MAX: not walked yet */
	bool *moves;			/* of each function: it may move the packet */
	bool *called;			/* of each function: from where something was walked */
	size_t walked, jumps, last_walked, last_jumps;
	uint32_t ids;
	bool traced;			/* the instruction is in the verifier's history already */
	uint64_t written[VERIFY_FRAMES];	/* slots that it writes whole */
	bool chains_changed;
	uint64_t whole;			/* the longest way through the function that is walked */
};

/* ---- verify_state.c ---- */

struct reg reg_number(struct number n);
struct reg reg_pointer(enum reg_kind kind);
struct state *state_copy(const struct state *s);
void state_free(struct state *s);
void state_clear(struct state *s);
/* Slots down to @slot are there. */
struct slot *state_slot(struct frame *f, unsigned slot);
/* One frame more. */
struct frame *state_enter(struct state *s);
static inline struct frame *state_top(struct state *s)
{
	return &s->frame[s->depth];
}
static inline bool slot_spilled(const struct slot *s)
{
	return s->byte[7] == BYTE_SPILL;
}
/* Notes it in the history: the verifier keeps 40. */
struct trace *state_note(struct verify *v, struct state *s);
void reg_give_id(struct verify *v, struct reg *r);
static inline void reg_lose_id(struct reg *r)
{
	r->id = 0;
	r->off = 0;
}
/* Each register and each spilled one. */
typedef void each_reg(struct verify *v, struct reg *r, const struct reg *with);
void state_each(struct verify *v, struct state *s, each_reg *f, const struct reg *with);

/* ---- verify_same.c: did a state like this one come here before? ---- */

bool state_same(struct verify *v, struct seen *old, const struct state *now);

/* ---- verify_mark.c: which numbers count ---- */

void mark_reg(struct verify *v, struct state *s, unsigned reg);
void mark_slot(struct verify *v, struct state *s, unsigned frame, unsigned slot);
/* What counts in @old counts in @s. */
void mark_as(struct verify *v, struct state *s, const struct state *old);

/* ---- verify_live.c ---- */

void live_registers(struct verify *v);
struct chain *live_chain(struct verify *v, struct chain *up, size_t callsite, size_t function);
void live_read(struct verify *v, unsigned frame, unsigned slot);
/* Behind the instruction: these slots, by frame, were written whole. */
void live_write(struct verify *v, struct chain *c, size_t at, const uint64_t slots[VERIFY_FRAMES]);
/* Slots of frame @frame that are read later, from where @s is. */
uint64_t live_slots(struct verify *v, const struct state *s, size_t at, unsigned frame);

enum stack_use { STACK_READ, STACK_CHANGE, STACK_FILL };	/* what a function does with bytes: the last, it needs nothing there */

/* ---- verify_alu.c, verify_memory.c, verify_branch.c, verify_call.c: instructions. False: .err ---- */

bool step_alu(struct verify *v, const struct bpf_insn *i);
bool step_memory(struct verify *v, const struct bpf_insn *i);
/* Bytes from @off of the stack that @r points to are read or written by a function. */
void stack_range(struct verify *v, const struct reg *r, uint32_t bytes, enum stack_use use);
/* Where it goes on: .cur->at. */
bool step_branch(struct verify *v, const struct bpf_insn *i);
bool step_call(struct verify *v, const struct bpf_insn *i);
/* Registers that a call may read. */
/* Does it move the packet, so that no pointer to it is one any more? */
bool call_moves(const struct verify_code *c, size_t at);
unsigned call_reads(const struct verify_code *c, size_t at);
bool step_exit(struct verify *v, bool *end);
bool verify_failed(struct verify *v, const char *err);

#endif
