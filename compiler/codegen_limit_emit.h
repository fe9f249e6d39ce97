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

#endif
