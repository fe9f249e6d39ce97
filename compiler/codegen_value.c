/*
 * Small emitters that the other codegen files share. In: values. Out: values, in the block that the builder stands in.
 */
#include "codegen_priv.h"

#include <stdio.h>
#include <string.h>

#include "abi.h"

V cg_c(struct cg *g, uint64_t v)
{
	return LLVMConstInt(g->i64, v, 0);
}

V cg_c32(struct cg *g, uint32_t v)
{
	return LLVMConstInt(g->i32, v, 0);
}

V cg_at(struct cg *g, V base, V off)
{
	return LLVMBuildGEP2(g->b, g->i8, base, &off, 1, "");
}

V cg_atc(struct cg *g, V base, uint64_t off)
{
	return off ? cg_at(g, base, cg_c(g, off)) : base;
}

static T int_type(const struct cg *g, unsigned bytes)
{
	return bytes == 1 ? g->i8 : bytes == 2 ? g->i16 : bytes == 4 ? g->i32 : g->i64;
}

V cg_load(struct cg *g, V p, unsigned bytes, unsigned align)
{
	V v = LLVMBuildLoad2(g->b, int_type(g, bytes), p, "");

	LLVMSetAlignment(v, align);
	return bytes == 8 ? v : LLVMBuildZExt(g->b, v, g->i64, "");
}

void cg_store(struct cg *g, V v, V p, unsigned bytes, unsigned align)
{
	V s;

	if (bytes < 8)
		v = LLVMBuildTrunc(g->b, v, int_type(g, bytes), "");
	s = LLVMBuildStore(g->b, v, p);
	LLVMSetAlignment(s, align);
}

V cg_address(struct cg *g, V v, BB none)
{
	BB there = cg_block(g, "there");

	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, v, LLVMConstNull(g->ptr), ""), none, there);
	cg_go(g, there);
	return v;
}

V cg_alloca(struct cg *g, T t, const char *name)
{
	/* anywhere else LLVM says "unsupported dynamic stack allocation" */
	BB cur = LLVMGetInsertBlock(g->b), entry = LLVMGetEntryBasicBlock(g->fn);
	V first = LLVMGetFirstInstruction(entry), a;

	if (first)
		LLVMPositionBuilderBefore(g->b, first);
	else
		LLVMPositionBuilderAtEnd(g->b, entry);
	a = LLVMBuildAlloca(g->b, t, name);
	LLVMSetAlignment(a, 8);
	LLVMPositionBuilderAtEnd(g->b, cur);
	return a;
}

V cg_helper(struct cg *g, int id, T ret, unsigned n, V *args)
{
	T at[5], type;

	for (unsigned i = 0; i < n; i++)
		at[i] = LLVMTypeOf(args[i]);
	type = LLVMFunctionType(ret, at, n, 0);
	return LLVMBuildCall2(g->b, type, LLVMConstIntToPtr(cg_c(g, (uint64_t)id), g->ptr), args, n, "");
}

V cg_hide(struct cg *g, V v)
{
	T t = LLVMTypeOf(v), type = LLVMFunctionType(t, &t, 1, 0);
	V f = LLVMGetInlineAsm(type, "", 0, "=r,0", 4, 1, 0, LLVMInlineAsmDialectATT, 0);

	return LLVMBuildCall2(g->b, type, f, &v, 1, "");
}

/* One instruction for the optimiser and for who gives out registers: were the test and what follows apart, the number could be spilled before it,
 * and the verifier of Linux 6.1 would not know that the copy on the stack was tested too. */
V cg_at_most(struct cg *g, V v, uint64_t most)
{
	T type = LLVMFunctionType(g->i64, &g->i64, 1, 0);
	char text[64];
	int n = snprintf(text, sizeof(text), "if $0 <= %llu goto +1\n\t$0 = 0", (unsigned long long)most);
	V f = LLVMGetInlineAsm(type, text, (size_t)n, "=r,0", 4, 1, 0, LLVMInlineAsmDialectATT, 0);

	return LLVMBuildCall2(g->b, type, f, &v, 1, "");
}

BB cg_block(struct cg *g, const char *name)
{
	return LLVMAppendBasicBlockInContext(g->cx, g->fn, name);
}

BB cg_block_after(struct cg *g, BB after, const char *name)
{
	BB b = cg_block(g, name);

	LLVMMoveBasicBlockAfter(b, after);
	return b;
}

void cg_go(struct cg *g, BB b)
{
	LLVMPositionBuilderAtEnd(g->b, b);
}

void cg_branch(struct cg *g, V cond, BB yes, BB no)
{
	if (yes == no)
		LLVMBuildBr(g->b, yes);
	else
		LLVMBuildCondBr(g->b, cond, yes, no);
}

V cg_flags(struct cg *g)
{
	V v = LLVMBuildLoad2(g->b, g->i32, g->config, "flags");

	/* the loader may fill it; the verifier knows what it then is */
	LLVMSetVolatile(v, 1);
	LLVMSetAlignment(v, 4);
	return LLVMBuildZExt(g->b, v, g->i64, "");
}

void cg_attr(struct cg *g, V f, const char *key, const char *value)
{
	LLVMAddAttributeAtIndex(f, LLVMAttributeFunctionIndex,
				LLVMCreateStringAttribute(g->cx, key, (unsigned)strlen(key), value, (unsigned)strlen(value)));
}

void cg_enum_attr(struct cg *g, V f, const char *name)
{
	unsigned id = LLVMGetEnumAttributeKindForName(name, strlen(name));

	LLVMAddAttributeAtIndex(f, LLVMAttributeFunctionIndex, LLVMCreateEnumAttribute(g->cx, id, 0));
}
