/*
 * Blocks that stand in functions of their own: see lower_apart.c. In: the IR's parts. Out: a global function for each, which the verifier goes
 * through by itself, and what leads there and on from there. All that both sides know is in the map of variables.
 *
 * What such a function returns says where the way goes on: a verdict, or a block of another part.
 */
#include "codegen_priv.h"

#include <stdio.h>

#include "abi.h"

enum { DECIDED = 1 << 16 };		/* and the verdict, and whether it is counted */

static uint64_t decided(enum verdict v, bool counted)
{
	return DECIDED | 2 * (uint64_t)v | counted;
}

static T type_of(struct cg *g)
{
	return LLVMFunctionType(g->i64, &g->ptr, 1, 0);
}

/* The place of the block among those that part @p leads to. */
static size_t exit_of(struct cg *g, struct cg_part *p, const struct ir_block *to)
{
	for (size_t i = 0; i < p->exit.n; i++)
		if (p->exit.v[i] == to)
			return i;
	*vec_add(g->arena, &p->exit) = to;
	return p->exit.n - 1;
}

/* A block that leaves the part. */
static BB leave(struct cg *g, uint64_t how)
{
	BB b = cg_block(g, "leave"), here = LLVMGetInsertBlock(g->b);

	cg_go(g, b);
	LLVMBuildRet(g->b, cg_c(g, how));
	cg_go(g, here);
	return b;
}

/* A block that calls the part, and goes on where it says. */
static BB call(struct cg *g, struct cg_part *p)
{
	BB b = cg_block(g, "rules' code"), here = LLVMGetInsertBlock(g->b);
	V r, sw;

	cg_go(g, b);
	r = LLVMBuildCall2(g->b, type_of(g), p->fn, &g->ctx, 1, "");
	/* the first of them for all that is none */
	sw = LLVMBuildSwitch(g->b, r, p->exit.n ? cg_to(g, p->exit.v[0]) : cg_decided(g, VERDICT_ABORT, false), (unsigned)p->exit.n);
	for (size_t i = 1; i < p->exit.n; i++)
		LLVMAddCase(sw, cg_c(g, i), cg_to(g, p->exit.v[i]));
	for (unsigned v = 0; v < VERDICT_COUNT; v++)
		for (unsigned counted = 0; counted < 2; counted++)
			if (p->decides[v][counted])
				LLVMAddCase(sw, cg_c(g, decided((enum verdict)v, counted)), cg_decided(g, (enum verdict)v, counted));
	cg_go(g, here);
	return b;
}

BB cg_to(struct cg *g, const struct ir_block *to)
{
	if (to->part == g->part)
		return g->block[to->id];
	if (!g->block[to->id])
		g->block[to->id] = g->part ? leave(g, exit_of(g, &g->parts[g->part - 1], to)) : call(g, &g->parts[to->part - 1]);
	return g->block[to->id];
}

BB cg_leave_decided(struct cg *g, enum verdict v, bool counted)
{
	BB *b = &g->verdict_block[v][counted];

	g->parts[g->part - 1].decides[v][counted] = true;
	if (!*b)
		*b = leave(g, decided(v, counted));
	return *b;
}

void cg_parts(struct cg *g)
{
	char name[32];

	g->parts = arena_array(g->arena, g->ir->part.n + 1, sizeof(*g->parts));
	for (size_t i = 0; i < g->ir->part.n; i++) {
		MD arg = g->dctx;

		snprintf(name, sizeof(name), XDPF_FN_PART "%zu", i);
		g->part = (unsigned)i + 1;
		g->parts[i].fn = cg_function_alone(g, name, type_of(g), 1, &arg);
		cg_attr(g, g->fn, "no-jump-tables", "true");
		g->ctx = LLVMGetParam(g->fn, 0);
		cg_body(g, g->ir->part.v[i]);
	}
	g->part = 0;
}
