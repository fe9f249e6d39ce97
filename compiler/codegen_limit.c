/*
 * Rate limits. In: a limit, the key's parts, where to go. Out: code that takes a token or finds that there is none (its table:
 * codegen_limit_table.c), counted; a function per limit for what is rare in it; and its maps. What is common is no function: where the
 * kernel guards returns against speculation, one costs as much as the look-up, and hinders the processor in going on meanwhile.
 */
#include "codegen_limit.h"

#include <linux/bpf.h>

#include "abi.h"
#include "meta.h"

static const struct ast_limit *by_index(const struct ast_program *p, size_t index)
{
	for (size_t u = 0; u < p->units.n; u++)
		for (size_t i = 0; i < p->units.v[u]->limits.n; i++)
			if (p->units.v[u]->limits.v[i]->used && p->units.v[u]->limits.v[i]->index == index)
				return p->units.v[u]->limits.v[i];
	return NULL;
}

static struct limit limit_of(struct cg *g, size_t index)
{
	struct limit l = { .ast = by_index(g->ir->ast, index) };
	struct meta_key k = meta_key_layout(g->arena, l.ast->key.v, l.ast->key.n);

	l.words = (k.size + 7) / 8;
	l.layout = xdpf_limit_layout(l.words);
	l.sets = k.n ? l.ast->entries + XDPF_LIMIT_SPARE : 0;
	return l;
}

static void outcomes(struct cg *g, struct limit *l)
{
	l->admitted = cg_block(g, "admitted");
	l->denied = cg_block(g, "denied");
	l->full = cg_block(g, "full");
}

/* Counts at @off of the limit's counter, and goes to @to; NULL: returns @v. */
static void result(struct cg *g, const struct limit *l, BB at, size_t off, BB to, bool v)
{
	bool counted = off == offsetof(struct xdpf_limit_count, full) || !l->ast->unit_in->counters_off;
	V p;

	cg_go(g, at);
	if (counted) {
		p = cg_atc(g, l->count, off);
		cg_store(g, LLVMBuildAdd(g->b, cg_load(g, p, 8, 8), cg_c(g, 1), ""), p, 8, 8);
	}
	if (to)
		LLVMBuildBr(g->b, to);
	else
		LLVMBuildRet(g->b, cg_c(g, v));
}

/* What all outcomes lead to: @yes or @no; NULL: 1 or 0 is returned. */
static void results(struct cg *g, const struct limit *l, BB yes, BB no)
{
	bool closed = l->ast->closed;

	result(g, l, l->admitted, offsetof(struct xdpf_limit_count, admitted), yes, true);
	result(g, l, l->denied, offsetof(struct xdpf_limit_count, denied), no, false);
	result(g, l, l->full, offsetof(struct xdpf_limit_count, full), closed ? no : yes, !closed);
}

static T function_type(struct cg *g)
{
	T arg[] = { g->ptr, g->i64, g->i64, g->i64, g->ptr };

	return LLVMFunctionType(g->i64, arg, 5, 0);
}

/* key, time and cost in units, hash, this CPU's counters -> is there a token? For keys that are not found without a lock. */
static V function(struct cg *g, struct limit l)
{
	MD pointer = cg_pointer_type(g, g->du64), types[] = { pointer, g->du64, g->du64, g->du64, pointer };
	V f = cg_function(g, arena_printf(g->arena, "limit_%u", l.ast->index), function_type(g), 5, types);

	cg_locate(g, l.ast->span);
	l.index = cg_alloca(g, g->i32, "index");
	l.key = LLVMGetParam(f, 0);
	l.now = LLVMGetParam(f, 1);
	l.cost = LLVMGetParam(f, 2);
	l.hash = LLVMGetParam(f, 3);
	l.count = LLVMGetParam(f, 4);
	outcomes(g, &l);
	cg_limit_slow(g, &l);
	results(g, &l, NULL, NULL);
	return f;
}

static V limit_map(struct cg *g, const struct limit *l)
{
	static const char *const lock_names[] = { "val" }, *const names[] = { "lock", "spill", "slots" };
	static const char *const counts[] = { "admitted", "denied", "full", "through", "lately" };
	unsigned slots = (l->layout.bytes - XDPF_LIMIT_SLOTS) / 8;
	unsigned bits[] = { 32, 64, 64 * slots }, at[] = { 0, 8 * XDPF_LIMIT_SPILL, 8 * XDPF_LIMIT_SLOTS };
	MD lock = cg_struct_type(g, "bpf_spin_lock", 1, lock_names, &g->du32, bits, NULL, 0);
	MD types[] = { lock, g->du64, cg_array_type(g, g->du64, slots, 64) };
	unsigned count_bits[] = { 64, 64, 64, 64, 32 * XDPF_LIMIT_LATELY };
	MD count_types[] = { g->du64, g->du64, g->du64, g->du64, cg_array_type(g, g->du32, XDPF_LIMIT_LATELY, 32) };
	const char *name = arena_printf(g->arena, "%s%u", XDPF_MAP_LIMIT, l->ast->index);

	if (!g->limits)
		g->limits = cg_map(g, XDPF_MAP_LIMITS, BPF_MAP_TYPE_PERCPU_ARRAY, g->ir->ast->n_limits, g->du32,
				   cg_struct_type(g, "xdpf_limit_count", 5, counts, count_types, count_bits, NULL, 0));
	if (!l->sets)
		return cg_map(g, name, BPF_MAP_TYPE_ARRAY, 1, g->du32, g->du64);
	/* with this flag the elements begin with a page: so each set begins with a cache line */
	return cg_map_of(g, name, &(struct cg_map_def){
		BPF_MAP_TYPE_ARRAY, l->sets, g->du32, cg_struct_type(g, "xdpf_limit_set", 3, names, types, bits, at, 8 * l->layout.bytes),
		BPF_F_MMAPABLE });
}

void cg_limits(struct cg *g)
{
	size_t n = g->ir->ast->n_limits;

	g->limit_map = arena_array(g->arena, n + 1, sizeof(V));
	g->limit_fn = arena_array(g->arena, n + 1, sizeof(V));
	for (size_t i = 0; i < n; i++) {
		struct limit l = limit_of(g, i);

		g->limit_map[i] = limit_map(g, &l);
		g->limit_fn[i] = l.sets ? function(g, l) : NULL;
	}
}

/* This CPU's counters of the limit; @none: there are not. */
static V count_of(struct cg *g, const struct limit *l, BB none)
{
	BB there = cg_block_after(g, LLVMGetInsertBlock(g->b), "counters");
	V p;

	cg_store(g, cg_c(g, l->ast->index), l->index, 4, 4);
	p = cg_helper(g, BPF_FUNC_map_lookup_elem, g->ptr, 2, (V[]){ g->limits, l->index });
	/* never: the index is below the number of elements */
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, p, LLVMConstNull(g->ptr), ""), none, there);
	cg_go(g, there);
	return p;
}

/* The clock is read once a packet, when the first limit is asked. In memory: a number that is only sometimes there would be carried
 * through all of the program. */
static V now(struct cg *g, const struct limit *l)
{
	V v = LLVMBuildLoad2(g->b, g->i64, g->now, ""), s;
	BB here = LLVMGetInsertBlock(g->b), ask = cg_block_after(g, here, "ask the clock"), on = cg_block_after(g, ask, "time");

	LLVMSetVolatile(v, 1);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, v, cg_c(g, 0), ""), ask, on);
	cg_go(g, ask);
	if (l->sets)
		cg_limit_fetch(g, l);
	s = LLVMBuildStore(g->b, cg_now(g), g->now);
	LLVMSetVolatile(s, 1);
	LLVMBuildBr(g->b, on);
	LLVMMoveBasicBlockAfter(on, LLVMGetInsertBlock(g->b));
	cg_go(g, on);
	v = LLVMBuildLoad2(g->b, g->i64, g->now, "");
	LLVMSetVolatile(v, 1);
	return LLVMBuildShl(g->b, v, cg_c(g, l->ast->fixed.shift), "");
}

/* What the packet costs, in units. */
static V cost(struct cg *g, const struct limit *l)
{
	V token = cg_c(g, l->ast->fixed.token), len;
	BB fits;

	if (!l->ast->bytes)
		return token;
	/* what is longer than the burst never has its tokens */
	len = cg_len(g);
	fits = cg_block_after(g, LLVMGetInsertBlock(g->b), "fits");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntUGT, len, cg_c(g, l->ast->burst_tokens), ""), l->denied, fits);
	cg_go(g, fits);
	return LLVMBuildMul(g->b, len, token, "");
}

void cg_limit(struct cg *g, const struct ir_inst *i, V *args, BB yes, BB no)
{
	struct limit l = limit_of(g, i->imm);
	struct meta_key k = meta_key_layout(g->arena, l.ast->key.v, l.ast->key.n);
	V r;

	l.index = g->index;
	l.key = g->key;
	outcomes(g, &l);
	cg_key_words(g, &k, args);
	l.count = count_of(g, &l, l.ast->closed ? no : yes);
	if (l.sets)
		cg_limit_set(g, &l);
	l.now = now(g, &l);
	l.cost = cost(g, &l);
	if (l.sets) {
		cg_limit_known(g, &l);
		r = LLVMBuildCall2(g->b, function_type(g), g->limit_fn[i->imm], (V[]){ l.key, l.now, l.cost, l.hash, l.count }, 5, "");
		cg_branch(g, LLVMBuildICmp(g->b, LLVMIntNE, r, cg_c(g, 0), ""), yes, no);
	} else {
		cg_limit_bucket(g, &l);
	}
	results(g, &l, yes, no);
}
