/*
 * Small pieces of code that a rate limit's table is asked with. In: numbers and addresses. Out: what comes of them.
 */
#ifndef XDPF_CODEGEN_LIMIT_EMIT_H
#define XDPF_CODEGEN_LIMIT_EMIT_H

#include <string.h>

#include "codegen_limit.h"

static inline V add(struct cg *g, V a, V b)
{
	return LLVMBuildAdd(g->b, a, b, "");
}

static inline V sub(struct cg *g, V a, V b)
{
	return LLVMBuildSub(g->b, a, b, "");
}

static inline V is(struct cg *g, LLVMIntPredicate p, V a, V b)
{
	return LLVMBuildICmp(g->b, p, a, b, "");
}

static inline V load(struct cg *g, V p)
{
	V v = cg_load(g, p, 8, 8);

	LLVMSetVolatile(v, 1);
	return v;
}

/* Swaps @was at @p for @v; what was there. */
static inline V swap(struct cg *g, V p, V was, V v)
{
	V r = LLVMBuildAtomicCmpXchg(g->b, p, was, v, LLVMAtomicOrderingSequentiallyConsistent, LLVMAtomicOrderingSequentiallyConsistent, 0);

	return LLVMBuildExtractValue(g->b, r, 0, "");
}

/* Some instructions as they stand, one for the optimiser and for who gives out registers. @in: of result and operands. */
static inline V text(struct cg *g, const char *text, const char *in, V *args, unsigned n)
{
	T types[] = { LLVMTypeOf(args[0]), n > 1 ? LLVMTypeOf(args[1]) : NULL };
	T type = LLVMFunctionType(types[0], types, n, 0);
	V f = LLVMGetInlineAsm(type, text, strlen(text), in, strlen(in), 1, 0, LLVMInlineAsmDialectATT, 0);

	return LLVMBuildCall2(g->b, type, f, args, n, "");
}

/* @p, by way of @v: no CPU reads from there before it has @v. */
static inline V after(struct cg *g, V p, V v)
{
	return LLVMBuildIntToPtr(g->b, text(g, "$0 &= 0\n\t$0 += $2", "=&r,0,r", (V[]){ v, p }, 2), g->ptr, "");
}

/*
 * Numbers that are 0 or 1, by arithmetic: a branch would make the verifier walk all that follows twice, and the processor guess which slot
 * is free. Hidden, or LLVM makes branches of them.
 */
static inline V top_bit(struct cg *g, V v)
{
	return cg_hide(g, LLVMBuildLShr(g->b, v, cg_c(g, 63), ""));
}

static inline V nonzero(struct cg *g, V v)
{
	return top_bit(g, LLVMBuildOr(g->b, v, sub(g, cg_c(g, 0), v), ""));
}

static inline V and(struct cg *g, V a, V b)
{
	return LLVMBuildAnd(g->b, a, b, "");
}

/* @bit ? @a : @b */
static inline V choose(struct cg *g, V bit, V a, V b)
{
	return LLVMBuildXor(g->b, b, and(g, LLVMBuildXor(g->b, a, b, ""), sub(g, cg_c(g, 0), bit)), "");
}

/* ---- codegen_limit_slot.c ---- */

/* What stands at @bit of .what. */
V cg_slot_told(struct cg *g, const struct limit *l, unsigned bit, unsigned mask);
V cg_slot_window(struct cg *g, const struct limit *l);
/* A state that is so much ahead is none of ours. */
V cg_slot_reach(struct cg *g, const struct limit *l);
/* xdpf_limit_live(), as 0 or 1. */
V cg_slot_live(struct cg *g, const struct limit *l, V state);
/* A state is never 0. */
V cg_slot_not_zero(struct cg *g, V v);
/* The set. In the function for one set all its slots' addresses are worked out anew: kept, they would lie on the stack. */
V cg_slot_set(struct cg *g, const struct limit *l);
V cg_slot(struct cg *g, const struct limit *l, V set, unsigned i);
/* Slot @i, which the verifier is to know to be one. */
V cg_slot_at(struct cg *g, const struct limit *l, V i);
/* Is it the key in the slot at @p? */
void cg_slot_compare(struct cg *g, const struct limit *l, V p, BB same, BB other);
/* 0: it is the key in the slot at @p, whose state, @was, was read before. */
V cg_slot_differs(struct cg *g, const struct limit *l, V p, V was);
/* Which slot of the set is full again, or how many there are, if none is. */
V cg_slot_full(struct cg *g, const struct limit *l);
/* A slot for the key, with state 0, in block @here. The set is held. */
V cg_slot_claim(struct cg *g, const struct limit *l, V mine, BB here, BB none);
/* Puts the key into the slot at @p, less the tokens. */
void cg_slot_insert(struct cg *g, const struct limit *l, V p);
/* The set's .spill, and till when what is taken now may matter behind the set. */
V cg_slot_spill(struct cg *g, const struct limit *l);
void cg_slot_spill_put(struct cg *g, const struct limit *l);
/* Who is in a set is changed by who holds it alone. Holders are quick, and wait for nobody; but a CPU may be stopped: so it goes to @not if it cannot
 * be held at once, or in a while; else the builder goes on. */
void cg_slot_try_hold(struct cg *g, const struct limit *l, BB not);
void cg_slot_hold(struct cg *g, const struct limit *l, BB not);
/* The set is held no more, for those who see what was stored before; _leave: where nothing was, but before an atomic operation. */
void cg_slot_release(struct cg *g, const struct limit *l);
void cg_slot_leave(struct cg *g, const struct limit *l);

#endif
