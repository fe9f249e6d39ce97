/*
 * Rate limits. In: a limit, the key's parts. Out: a function per limit that takes a token or says that there is none (its table:
 * codegen_limit_table.c); and its maps.
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

/* Counts at @off of the limit's counter, and returns @v. */
static void result(struct cg *g, const struct limit *l, BB at, size_t off, bool counted, uint64_t v)
{
	V p;

	cg_go(g, at);
	if (counted) {
		p = cg_atc(g, l->count, off);
		cg_store(g, LLVMBuildAdd(g->b, cg_load(g, p, 8, 8), cg_c(g, 1), ""), p, 8, 8);
	}
	LLVMBuildRet(g->b, cg_c(g, v));
}

/* This CPU's counters of the limit. */
static V count_of(struct cg *g, const struct limit *l)
{
	V index = cg_alloca(g, g->i32, "index"), p;
	BB none = cg_block(g, "no counters"), there = cg_block(g, "counters");

	cg_store(g, cg_c(g, l->ast->index), index, 4, 4);
	p = cg_helper(g, BPF_FUNC_map_lookup_elem, g->ptr, 2, (V[]){ g->limits, index });
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, p, LLVMConstNull(g->ptr), ""), none, there);
	cg_go(g, none);		/* never: the index is below the number of elements */
	LLVMBuildRet(g->b, cg_c(g, !l->ast->closed));
	cg_go(g, there);
	return p;
}

static T function_type(struct cg *g)
{
	T arg[] = { g->ptr, g->i64, g->i64, g->i64 };

	return LLVMFunctionType(g->i64, arg, 4, 0);
}

static T fetch_type(struct cg *g)
{
	return LLVMFunctionType(g->i64, &g->ptr, 1, 0);
}

/* Begins a function of the limit's. */
static V begin(struct cg *g, struct limit *l, const char *what, T type, unsigned n)
{
	MD types[] = { cg_pointer_type(g, g->du64), g->du64, g->du64, g->du64 };
	const char *name = arena_printf(g->arena, "%s_%u", what, l->ast->index);
	V f = cg_function(g, name, type, n, types);

	cg_locate(g, l->ast->span);
	l->key = LLVMGetParam(f, 0);
	l->count = count_of(g, l);
	return f;
}

/* key -> its hash */
static V fetch_function(struct cg *g, struct limit *l)
{
	V f = begin(g, l, "fetch", fetch_type(g), 1);

	cg_limit_fetch(g, l);
	return f;
}

/* key, ns, bytes, hash of the key or 0 -> is there a token? */
static V function(struct cg *g, struct limit *l)
{
	const struct ast_limit *a = l->ast;
	V f = begin(g, l, "limit", function_type(g), 4), len = LLVMGetParam(f, 2);
	bool counted = !a->unit_in->counters_off;
	BB fits;

	l->now = LLVMBuildShl(g->b, LLVMGetParam(f, 1), cg_c(g, a->fixed.shift), "");
	l->hash = LLVMGetParam(f, 3);
	l->admitted = cg_block(g, "admitted");
	l->denied = cg_block(g, "denied");
	l->full = cg_block(g, "full");
	l->cost = cg_c(g, a->fixed.token);
	if (a->bytes) {
		/* what is longer than the burst never has its tokens */
		fits = cg_block(g, "fits");
		cg_branch(g, LLVMBuildICmp(g->b, LLVMIntUGT, len, cg_c(g, a->burst_tokens), ""), l->denied, fits);
		cg_go(g, fits);
		l->cost = LLVMBuildMul(g->b, len, l->cost, "");
	}
	if (l->sets)
		cg_limit_table(g, l);
	else
		cg_limit_bucket(g, l);
	result(g, l, l->admitted, offsetof(struct xdpf_limit_count, admitted), counted, 1);
	result(g, l, l->denied, offsetof(struct xdpf_limit_count, denied), counted, 0);
	result(g, l, l->full, offsetof(struct xdpf_limit_count, full), true, !a->closed);
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
	g->limit_fetch = arena_array(g->arena, n + 1, sizeof(V));
	for (size_t i = 0; i < n; i++) {
		struct limit l = { .ast = by_index(g->ir->ast, i) };
		struct meta_key k = meta_key_layout(g->arena, l.ast->key.v, l.ast->key.n);

		l.words = (k.size + 7) / 8;
		l.layout = xdpf_limit_layout(l.words);
		l.sets = k.n ? l.ast->entries + XDPF_LIMIT_SPARE : 0;
		g->limit_map[i] = limit_map(g, &l);
		g->limit_fetch[i] = l.sets ? fetch_function(g, &l) : NULL;
		g->limit_fn[i] = function(g, &l);
	}
}

/* The clock is read once a packet, when the first limit is asked. In memory: a number that is only sometimes there would be carried
 * through all of the program. @fetch: NULL, or what is worth doing at the same time; *hash is what it returns, or 0. */
static V now(struct cg *g, V fetch, V *hash)
{
	V v = LLVMBuildLoad2(g->b, g->i64, g->now, ""), s, h = cg_c(g, 0);
	BB here = LLVMGetInsertBlock(g->b), ask = cg_block_after(g, here, "ask the clock"), on = cg_block_after(g, ask, "time"), asked;

	LLVMSetVolatile(v, 1);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, v, cg_c(g, 0), ""), ask, on);
	cg_go(g, ask);
	if (fetch)
		h = LLVMBuildCall2(g->b, fetch_type(g), fetch, &g->key, 1, "");
	s = LLVMBuildStore(g->b, cg_now(g), g->now);
	LLVMSetVolatile(s, 1);
	LLVMBuildBr(g->b, on);
	asked = LLVMGetInsertBlock(g->b);
	LLVMMoveBasicBlockAfter(on, asked);
	cg_go(g, on);
	*hash = LLVMBuildPhi(g->b, g->i64, "hash");
	LLVMAddIncoming(*hash, (V[]){ cg_c(g, 0), h }, (BB[]){ here, asked }, 2);
	v = LLVMBuildLoad2(g->b, g->i64, g->now, "");
	LLVMSetVolatile(v, 1);
	return v;
}

V cg_limit(struct cg *g, const struct ir_inst *i, V *args)
{
	const struct ast_limit *a = by_index(g->ir->ast, i->imm);
	struct meta_key k = meta_key_layout(g->arena, a->key.v, a->key.n);
	V arg[4];

	cg_key_words(g, &k, args);
	arg[0] = g->key;
	arg[1] = now(g, g->limit_fetch[i->imm], &arg[3]);
	arg[2] = cg_len(g);
	return LLVMBuildCall2(g->b, function_type(g), g->limit_fn[i->imm], arg, 4, "");
}
