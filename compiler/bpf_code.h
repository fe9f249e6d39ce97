/*
 * Finished BPF instructions, and what is put among them so that old verifiers (from Linux 6.1 on) take the program and are
 * right about it.
 *
 * Numbers that were copied. When the verifier sees `rX = rY` it gives both registers one id, and what a comparison teaches of
 * a register it then holds to be true of whatever has the same id, in registers or on the stack. Before Linux 6.5 it does not
 * compare ids when it takes a state for one that it has seen: what it learned by way of an id on the one path it then takes
 * for true on another, where the two numbers are no copies of each other, and removes tests as dead that are not. So nothing
 * must be learned by way of an id: whenever a register is compared, no other place that may share its id is ever read again.
 * bpf_links.c finds the comparisons where this does not hold, on all paths; `rX -= 0` is put before these: the number stays,
 * and the verifier keeps all it knows of it, but in those kernels no arithmetic leaves an id. (Later ones keep it, with a distance, and
 * compare ids.)
 *
 * Loops. Before Linux 6.2 or so a path must not run into a loop's first instruction again other than by a jump: there a `goto
 * +0` is put, which kernels remove when they load the program.
 */
#ifndef XDPF_BPF_CODE_H
#define XDPF_BPF_CODE_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"

enum bpf_mend {
	MEND_LEAP = 1,		/* `goto +0` before it, for the path that does not jump to it */
	MEND_DST = 2,		/* `dst -= 0` before it */
	MEND_SRC = 4,
};

/* What a call by way of a relocation leads to. */
enum bpf_callee {
	CALLEE_OWN,		/* a function of the object's; where there is no relocation, what .src_reg says */
	CALLEE_NUMBER,		/* one of the kernel's, which returns a number or nothing */
	CALLEE_POINTER,		/* … a pointer */
};

struct bpf_block {
	size_t begin, end;	/* instructions [begin, end) */
	size_t next[2];		/* blocks; SIZE_MAX: none. [0] is the one behind it, where that can be */
};

/* The instructions of one section. */
struct bpf_code {
	struct arena *arena;
	const struct bpf_insn *in;
	size_t n;
	const bool *address;	/* of each: a relocation puts an address there */
	const uint8_t *callee;	/* of each: enum bpf_callee */
	const bool *starts;	/* of each: a function starts there */
	const bool *global;	/* of each: and it is verified by itself: it gets a context and numbers that it knows nothing of */
	bool main;		/* all its functions get a context; others, that are not global, what their callers know */
	const char *err;

	size_t *block_of;	/* of each instruction */
	struct bpf_block *block;
	size_t n_blocks;
	uint8_t *mend;		/* of each instruction: enum bpf_mend */

	struct bpf_insn *out;
	size_t n_out;
	size_t *begin, *at;	/* where instruction i (or the end, n) went: with what is before it; itself */
};

/* Instruction of two words. */
static inline bool bpf_is_wide(const struct bpf_insn *i)
{
	return i->code == (BPF_LD | BPF_IMM | BPF_DW);
}

static inline bool bpf_is_jump(const struct bpf_insn *i)
{
	unsigned class = BPF_CLASS(i->code);

	return (class == BPF_JMP || class == BPF_JMP32) && BPF_OP(i->code) != BPF_CALL && BPF_OP(i->code) != BPF_EXIT;
}

/* The instruction that a jump at @at leads to; may be anything if the code is broken. */
static inline int64_t bpf_target(const struct bpf_code *c, size_t at)
{
	const struct bpf_insn *i = &c->in[at];
	bool far = BPF_CLASS(i->code) == BPF_JMP32 && BPF_OP(i->code) == BPF_JA;

	return (int64_t)at + 1 + (far ? i->imm : i->off);
}

/* All of it: .in, .n, .address, .starts and .main are given; .out, .begin and .at come back. False: .err says why. */
bool bpf_mend(struct bpf_code *c);

/* The steps. Blocks, and MEND_LEAP where a path falls into a loop. */
bool bpf_flow(struct bpf_code *c);
/* MEND_DST, MEND_SRC. */
bool bpf_links(struct bpf_code *c);

/* ---- bpf_calls.c ---- */

/* Does this call of a helper return a pointer? */
bool bpf_helper_pointer(const struct bpf_insn *i);
/* How many bytes the call at @at may write from the address in @reg (1-5) on, at most; SIZE_MAX: it is not known. @begin: of its block. */
size_t bpf_call_writes(const struct bpf_code *c, size_t begin, size_t at, unsigned reg);

#endif
