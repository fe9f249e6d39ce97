/*
 * Lists of entries that classifiers find: see compiler/classify.h. In: where in the image a list begins. Out: code that says what its first entry
 * does, and a function that walks over those that only count.
 */
#include "codegen_priv.h"

#include <linux/bpf.h>

#include "abi.h"

static V low(struct cg *g, V word)
{
	return LLVMBuildAnd(g->b, word, cg_c(g, CLASSIFY_WORD_END), "");
}

static V kind(struct cg *g, V word)
{
	return LLVMBuildLShr(g->b, word, cg_c(g, CLASSIFY_INDEX_BITS), "");
}

/* What stands for the entry with this word; @places: where in the image struct classify_places is. */
static V what_of(struct cg *g, V word, V places)
{
	BB plain = cg_block_after(g, LLVMGetInsertBlock(g->b), "by place"), ask = cg_block_after(g, plain, "by table");
	BB on = cg_block_after(g, ask, "what");
	V at = LLVMBuildAnd(g->b, cg_hide(g, places), cg_c(g, IMAGE_HEAD - 8), ""), head, base, v, r;

	head = cg_at(g, cg_image(g), at);
	base = cg_load(g, cg_atc(g, head, offsetof(struct classify_places, base)), 4, 4);
	v = LLVMBuildOr(g->b, LLVMBuildICmp(g->b, LLVMIntEQ, base, cg_c(g, CLASSIFY_BY_TABLE), ""),
			LLVMBuildICmp(g->b, LLVMIntEQ, kind(g, word), cg_c(g, CLASSIFY_CODE), ""), "");
	cg_branch(g, v, ask, plain);
	cg_go(g, plain);
	r = LLVMBuildAdd(g->b, word, base, "");
	LLVMBuildBr(g->b, on);
	cg_go(g, ask);
	v = cg_load(g, cg_atc(g, head, offsetof(struct classify_places, table)), 4, 4);
	v = cg_image_load(g, LLVMBuildAdd(g->b, v, LLVMBuildShl(g->b, low(g, word), cg_c(g, 2), ""), ""), 4);
	ask = LLVMGetInsertBlock(g->b);
	LLVMBuildBr(g->b, on);
	LLVMMoveBasicBlockAfter(on, ask);
	cg_go(g, on);
	word = LLVMBuildPhi(g->b, g->i64, "");
	LLVMAddIncoming(word, (V[]){ r, v }, (BB[]){ plain, ask }, 2);
	return word;
}

V cg_index_at(struct cg *g, V place)
{
	V table;

	cg_image_again(g, cg_image_number(g));
	table = cg_load(g, cg_atc(g, cg_image(g), g->ir->indexes), 4, 4);
	return cg_image_load(g, LLVMBuildAdd(g->b, table, LLVMBuildShl(g->b, place, cg_c(g, 2), ""), ""), 4);
}

V cg_index(struct cg *g, uint64_t index)
{
	return g->ir->index_place ? cg_index_at(g, cg_c(g, g->ir->index_place[index])) : cg_c(g, index);
}

/* ---- records of rules that share their code ---- */

V cg_record_place(struct cg *g, V what, uint64_t head)
{
	V table;

	cg_image_again(g, cg_image_number(g));
	table = cg_load(g, cg_atc(g, cg_image(g), head), 4, 4);
	return LLVMBuildAdd(g->b, table, LLVMBuildShl(g->b, low(g, what), cg_c(g, 3), ""), "");
}

void cg_record(struct cg *g, const struct ir_inst *i, V off)
{
	unsigned end = 0;
	V p;

	for (size_t k = 0; k < i->loads.n; k++)
		if (i->loads.v[k].delta + i->loads.v[k].size > end)
			end = i->loads.v[k].delta + i->loads.v[k].size;
	/* the record as a whole is in the image; what is none is at 0: no table says so */
	p = cg_at(g, cg_image(g), cg_at_most(g, off, g->ir->image.n - end));
	for (size_t k = 0; k < i->loads.n; k++)
		LLVMBuildStore(g->b, cg_load(g, cg_atc(g, p, i->loads.v[k].delta), 8, 8), g->var[i->loads.v[k].var]);
}

V cg_entry(struct cg *g, V list, V best, uint64_t places)
{
	BB one, other, some, on = cg_block(g, "entry"), first;
	V place = cg_alloca(g, g->i64, "place"), v, r;

	cg_image_again(g, cg_image_number(g));
	one = cg_block_after(g, LLVMGetInsertBlock(g->b), "list");
	other = cg_block_after(g, one, "best");
	first = cg_block_after(g, other, "first");
	some = cg_block_after(g, first, "some");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, list, cg_c(g, 0), ""), other, one);
	cg_go(g, one);
	v = cg_image_load(g, list, 4);
	LLVMBuildStore(g->b, v, place);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntULE, low(g, v), low(g, best), ""), first, other);
	cg_go(g, other);
	LLVMBuildStore(g->b, best, place);
	LLVMBuildBr(g->b, first);
	cg_go(g, first);
	v = LLVMBuildLoad2(g->b, g->i64, place, "");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, low(g, v), cg_c(g, CLASSIFY_WORD_END), ""), on, some);
	cg_go(g, some);
	r = what_of(g, v, cg_c(g, places));
	some = LLVMGetInsertBlock(g->b);
	LLVMBuildBr(g->b, on);
	LLVMMoveBasicBlockAfter(on, some);
	cg_go(g, on);
	v = LLVMBuildPhi(g->b, g->i64, "");
	LLVMAddIncoming(v, (V[]){ cg_c(g, classify_what(CLASSIFY_END, 0)), r }, (BB[]){ first, some }, 2);
	return v;
}

/* ---- entries that only count ---- */

static T counts_type(struct cg *g)
{
	return LLVMFunctionType(g->i64, (T[]){ g->i64, g->i64, g->i64, g->i64, g->i64 }, 5, 0);
}

static void add(struct cg *g, V p, uint64_t off, V n)
{
	V at = cg_atc(g, p, off);

	cg_store(g, LLVMBuildAdd(g->b, cg_load(g, at, 8, 8), n, ""), at, 8, 8);
}

/* @key: room for a u32. */
static void count_rule(struct cg *g, V index, V len, V key)
{
	BB there, on;
	V p;

	if (g->pending) {
		cg_note(g, index, len, key);
		return;
	}
	there = cg_block(g, "counter");
	on = cg_block(g, "counted");
	cg_store(g, index, key, 4, 4);
	p = cg_helper(g, BPF_FUNC_map_lookup_elem, g->ptr, 2, (V[]){ g->rules, key });
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, p, LLVMConstNull(g->ptr), ""), on, there);
	cg_go(g, there);
	add(g, p, offsetof(struct xdpf_counter, packets), cg_c(g, 1));
	add(g, p, offsetof(struct xdpf_counter, bytes), len);
	LLVMBuildBr(g->b, on);
	cg_go(g, on);
}

static void walk(struct cg *g, V list, V best, V len, V places)
{
	BB entry = LLVMGetInsertBlock(g->b), head = cg_block(g, "entry"), count = cg_block(g, "counts");
	BB done = cg_block(g, "done"), on;
	V index = cg_alloca(g, g->i32, "index"), at, v, is;

	LLVMBuildBr(g->b, head);
	cg_go(g, head);
	at = LLVMBuildPhi(g->b, g->i64, "");
	v = cg_image_load(g, at, 4);
	is = LLVMBuildAnd(g->b, LLVMBuildICmp(g->b, LLVMIntEQ, kind(g, v), cg_c(g, CLASSIFY_COUNT), ""),
			  LLVMBuildICmp(g->b, LLVMIntULT, low(g, v), low(g, best), ""), "");
	cg_branch(g, is, count, done);
	cg_go(g, count);
	v = what_of(g, v, places);
	count_rule(g, low(g, v), len, index);
	on = LLVMGetInsertBlock(g->b);
	v = LLVMBuildAdd(g->b, at, cg_c(g, 4), "");
	/* lists have an end */
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntULT, LLVMBuildSub(g->b, v, list, ""), cg_c(g, 4 * CLASSIFY_MAX_LIST), ""), head, done);
	LLVMAddIncoming(at, (V[]){ list, v }, (BB[]){ entry, on }, 2);
	cg_go(g, done);
	LLVMBuildRet(g->b, at);
}

void cg_counts_function(struct cg *g)
{
	MD arg[] = { g->du64, g->du64, g->du64, g->du64, g->du64 };
	bool wanted = false;
	V f;

	for (size_t b = 0; b < g->ir->block.n && !wanted; b++)
		for (size_t i = 0; i < g->ir->block.v[b]->inst.n && !wanted; i++)
			wanted = g->ir->block.v[b]->inst.v[i].op == IR_COUNTS;
	if (!wanted)
		return;
	/* a global function: the verifier walks its loop once, not at each rule that lets packets go on */
	f = g->counts_fn = LLVMAddFunction(g->m, XDPF_FN_COUNTS, counts_type(g));
	cg_enum_attr(g, f, "nounwind");
	cg_enum_attr(g, f, "noinline");
	cg_attr(g, f, "no-builtins", "");
	g->fn = f;
	cg_go(g, cg_block(g, "entry"));
	cg_debug_function(g, f, XDPF_FN_COUNTS, g->du64, 5, arg, true);
	cg_image_again(g, LLVMGetParam(f, 3));
	walk(g, LLVMGetParam(f, 0), LLVMGetParam(f, 1), LLVMGetParam(f, 2), LLVMGetParam(f, 4));
}

V cg_counts(struct cg *g, V list, V best, uint64_t places)
{
	BB here = LLVMGetInsertBlock(g->b), walk = cg_block_after(g, here, "counts"), on = cg_block_after(g, walk, "counted");
	V phi, at;

	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, list, cg_c(g, 0), ""), on, walk);
	cg_go(g, walk);
	at = LLVMBuildCall2(g->b, counts_type(g), g->counts_fn, (V[]){ list, best, cg_len(g), cg_image_number(g), cg_c(g, places) }, 5, "");
	LLVMBuildBr(g->b, on);
	cg_go(g, on);
	phi = LLVMBuildPhi(g->b, g->i64, "");
	LLVMAddIncoming(phi, (V[]){ list, at }, (BB[]){ here, walk }, 2);
	return phi;
}
