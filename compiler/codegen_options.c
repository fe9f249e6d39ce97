/*
 * Where TCP's options are. In: the kinds that the program's rules ask for. Out: one function, which walks a header's options as
 * compiler/dissect.h says, and calls to it.
 *
 * It is a global function: the verifier walks it once, whoever calls it and with whatever numbers. In its loop nothing is known at the head but the
 * round: where the walk stands is masked, what was found is a number that nobody can see through from the beginning, and what a comparison teaches it
 * teaches of a copy. So a round is one state, and a program with options costs what forty rounds cost, not what forty rounds cost on each way through
 * the headers.
 */
#include "codegen_priv.h"

#include <linux/bpf.h>

#include "abi.h"

enum { MAX_ROUNDS = 40, TCP = 20, END = 0, NOP = 1 };

static V load64(struct cg *g, V p)
{
	return LLVMBuildLoad2(g->b, g->i64, p, "");
}

static V is(struct cg *g, LLVMIntPredicate how, V a, uint64_t n)
{
	return LLVMBuildICmp(g->b, how, a, cg_c(g, n), "");
}

static V add(struct cg *g, V a, uint64_t n)
{
	return LLVMBuildAdd(g->b, a, cg_c(g, n), "");
}

static T function_type(struct cg *g)
{
	return LLVMFunctionType(g->i64, (T[]){ g->ptr, g->i64, g->i64 }, 3, 0);
}

/* The two bytes at @at to @kind and @len; to @no where they are not in the frame: then the first is the header's last byte, and nothing follows. */
static void fetch(struct cg *g, V at, V kind, V len, BB no)
{
	BB fast = cg_block(g, "fast"), slow = cg_block(g, "slow"), ask = cg_block(g, "ask"), got = cg_block(g, "got"), on = cg_block(g, "option");
	V p = cg_at(g, cg_ctx_pointer(g, offsetof(struct xdp_md, data)), at), end = cg_ctx_pointer(g, offsetof(struct xdp_md, data_end)), r;

	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntUGT, cg_atc(g, p, 2), end, ""), slow, fast);
	cg_go(g, fast);
	LLVMBuildStore(g->b, cg_load(g, p, 1, 1), kind);
	LLVMBuildStore(g->b, cg_load(g, cg_atc(g, p, 1), 1, 1), len);
	LLVMBuildBr(g->b, on);
	cg_go(g, slow);
	cg_branch(g, cg_linear(g), no, ask);
	cg_go(g, ask);
	r = cg_helper(g, BPF_FUNC_xdp_load_bytes, g->i64, 4, (V[]){ g->ctx, LLVMBuildTrunc(g->b, at, g->i32, ""), g->buf, cg_c32(g, 2) });
	cg_branch(g, is(g, LLVMIntEQ, r, 0), got, no);
	cg_go(g, got);
	LLVMBuildStore(g->b, cg_load(g, g->buf, 1, 1), kind);
	LLVMBuildStore(g->b, cg_load(g, cg_atc(g, g->buf, 1), 1, 1), len);
	LLVMBuildBr(g->b, on);
	LLVMMoveBasicBlockAfter(on, LLVMGetInsertBlock(g->b));
	cg_go(g, on);
}

/* The option @o, which is number @i of the table, stands @far bytes behind the header's begin: noted if it is the first and of a right length. */
static void note(struct cg *g, const struct tcpopt_info *o, size_t i, V len, V far, V found, BB step)
{
	BB sized = cg_block(g, "sized"), first = cg_block(g, "first");
	V f, over;

	if (o->more) {
		BB least = cg_block_after(g, LLVMGetInsertBlock(g->b), "least");

		cg_branch(g, is(g, LLVMIntULT, len, o->len), step, least);
		cg_go(g, least);
		over = LLVMBuildURem(g->b, LLVMBuildSub(g->b, len, cg_c(g, o->len), ""), cg_c(g, o->more), "");
		cg_branch(g, is(g, LLVMIntEQ, over, 0), sized, step);
	} else {
		cg_branch(g, is(g, LLVMIntEQ, len, o->len), sized, step);
	}
	cg_go(g, sized);
	f = LLVMBuildAnd(g->b, LLVMBuildLShr(g->b, load64(g, found), cg_c(g, 8 * i), ""), cg_c(g, 0xff), "");
	cg_branch(g, is(g, LLVMIntEQ, f, 0), first, step);
	cg_go(g, first);
	LLVMBuildStore(g->b, LLVMBuildOr(g->b, load64(g, found), LLVMBuildShl(g->b, far, cg_c(g, 8 * i), ""), ""), found);
	LLVMBuildBr(g->b, step);
}

static void walk(struct cg *g, V tcp, V stop)
{
	BB head = cg_block(g, "options"), more = cg_block(g, "more"), some = cg_block(g, "no end"), sized = cg_block(g, "no nop");
	BB least = cg_block(g, "long enough"), fits = cg_block(g, "fits"), one = cg_block(g, "nop"), step = cg_block(g, "step"), done;
	V at = cg_alloca(g, g->i64, "at"), next = cg_alloca(g, g->i64, "next"), n = cg_alloca(g, g->i64, "n"), found = cg_alloca(g, g->i64, "found");
	V kind = cg_alloca(g, g->i64, "kind"), len = cg_alloca(g, g->i64, "len"), left, here, sw;

	done = cg_block(g, "done");
	LLVMBuildStore(g->b, add(g, tcp, TCP), next);
	LLVMBuildStore(g->b, LLVMBuildXor(g->b, tcp, cg_hide(g, tcp), ""), found);
	LLVMBuildStore(g->b, cg_c(g, 0), n);
	LLVMBuildBr(g->b, head);
	cg_go(g, head);
	/* the mask tells the verifier a bound; it changes nothing, see IR_MAX_OFF */
	LLVMBuildStore(g->b, LLVMBuildAnd(g->b, load64(g, next), cg_c(g, IR_MAX_OFF), ""), at);
	here = load64(g, at);
	left = cg_hide(g, LLVMBuildSub(g->b, stop, here, ""));
	cg_branch(g, is(g, LLVMIntSLT, left, 1), done, more);
	cg_go(g, more);
	fetch(g, here, kind, len, done);
	cg_branch(g, is(g, LLVMIntEQ, load64(g, kind), END), done, some);
	cg_go(g, some);
	cg_branch(g, is(g, LLVMIntEQ, load64(g, kind), NOP), one, sized);
	cg_go(g, sized);
	cg_branch(g, is(g, LLVMIntULT, load64(g, len), 2), done, least);
	cg_go(g, least);
	left = cg_hide(g, LLVMBuildSub(g->b, LLVMBuildSub(g->b, stop, here, ""), load64(g, len), ""));
	cg_branch(g, is(g, LLVMIntSLT, left, 0), done, fits);
	cg_go(g, fits);
	LLVMBuildStore(g->b, LLVMBuildAdd(g->b, here, load64(g, len), ""), next);
	sw = LLVMBuildSwitch(g->b, load64(g, kind), step, (unsigned)lang_n_options);
	for (size_t i = 0; i < lang_n_options; i++) {
		BB b;

		if (!(g->ir->options >> i & 1))
			continue;
		b = cg_block(g, "kind");
		LLVMAddCase(sw, cg_c(g, lang_options[i].kind), b);
		cg_go(g, b);
		note(g, &lang_options[i], i, load64(g, len), LLVMBuildSub(g->b, here, tcp, ""), found, step);
	}
	cg_go(g, one);
	LLVMBuildStore(g->b, add(g, here, 1), next);
	LLVMBuildBr(g->b, step);
	LLVMMoveBasicBlockAfter(one, LLVMGetLastBasicBlock(g->fn));
	LLVMMoveBasicBlockAfter(step, one);
	LLVMMoveBasicBlockAfter(done, step);
	cg_go(g, step);
	LLVMBuildStore(g->b, add(g, load64(g, n), 1), n);
	cg_branch(g, is(g, LLVMIntULT, load64(g, n), MAX_ROUNDS), head, done);
	cg_go(g, done);
	LLVMBuildRet(g->b, load64(g, found));
}

void cg_options(struct cg *g)
{
	MD arg[] = { g->dctx, g->du64, g->du64 };
	V f;

	if (!g->ir->options)
		return;
	f = g->options_fn = LLVMAddFunction(g->m, XDPF_FN_OPTIONS, function_type(g));
	cg_enum_attr(g, f, "nounwind");
	cg_enum_attr(g, f, "noinline");
	cg_attr(g, f, "no-builtins", "");
	cg_attr(g, f, "no-jump-tables", "true");
	g->fn = f;
	g->ctx = LLVMGetParam(f, 0);
	cg_go(g, cg_block(g, "entry"));
	cg_debug_function(g, f, XDPF_FN_OPTIONS, g->du64, 3, arg, true);
	/* no more of the stack than it needs: the main function's counts beside it */
	g->buf = cg_alloca(g, g->i64, "buf");
	walk(g, LLVMGetParam(f, 1), LLVMGetParam(f, 2));
}

V cg_find_options(struct cg *g, V tcp, V stop)
{
	return LLVMBuildCall2(g->b, function_type(g), g->options_fn, (V[]){ g->ctx, tcp, stop }, 3, "");
}
