/*
 * Rate limits. In: a limit, the key's parts. Out: a function per limit that takes a token or says that there is none; and its map.
 *
 * A table is an array of sets, each of a lock, room for four keys with their states, and one more time, .spill. A key's place is in the set
 * that its hash names; if that holds four others that are less than full, in a second one, and so on, five in all: with as many sets as the
 * limit has keys, no key is without room but with a probability below one in 10^9. Where a key went on from a set, .spill says until when its
 * state may matter behind there: till then no new key is put into the set, so nobody is ever in two. What is full again may be
 * overwritten, for that is what an unknown key is; nothing else is.
 *
 * The set is locked while it is looked at and changed, so that CPUs never take the same token. Five sets and four keys in each are written
 * out as branches that go forward only, and a loop that the verifier can count: it walks each once per call.
 */
#include "codegen_priv.h"

#include <linux/bpf.h>

#include "abi.h"
#include "meta.h"

enum { SPILL = 8, SLOTS = 16 };		/* bytes of a set: struct bpf_spin_lock, padding, .spill, keys; the spill is a bucket's state without a key */

struct limit {
	const struct ast_limit *ast;
	unsigned words;			/* of the key */
	uint64_t sets;			/* 0: one bucket */
	V key, now, len, cost, set;
	V word[CG_MAX_KEY / 8];
	BB admitted, denied, full;
};

static const struct ast_limit *by_index(const struct ast_program *p, size_t index)
{
	for (size_t u = 0; u < p->units.n; u++)
		for (size_t i = 0; i < p->units.v[u]->limits.n; i++)
			if (p->units.v[u]->limits.v[i]->used && p->units.v[u]->limits.v[i]->index == index)
				return p->units.v[u]->limits.v[i];
	return NULL;
}

static V add(struct cg *g, V a, V b)
{
	return LLVMBuildAdd(g->b, a, b, "");
}

static V sub(struct cg *g, V a, V b)
{
	return LLVMBuildSub(g->b, a, b, "");
}

static V is(struct cg *g, LLVMIntPredicate p, V a, V b)
{
	return LLVMBuildICmp(g->b, p, a, b, "");
}

static V mix(struct cg *g, V z)
{
	static const struct {
		unsigned shift;
		uint64_t by;
	} steps[] = { { 30, 0xbf58476d1ce4e5b9u }, { 27, 0x94d049bb133111ebu } };

	for (unsigned i = 0; i < 2; i++) {
		z = LLVMBuildXor(g->b, z, LLVMBuildLShr(g->b, z, cg_c(g, steps[i].shift), ""), "");
		z = LLVMBuildMul(g->b, z, cg_c(g, steps[i].by), "");
	}
	return LLVMBuildXor(g->b, z, LLVMBuildLShr(g->b, z, cg_c(g, 31), ""), "");
}

/* xdpf_limit_live() */
static void branch_live(struct cg *g, const struct limit *l, V state, BB live, BB full)
{
	uint64_t reach = l->ast->fixed.window + ((uint64_t)1 << XDPF_LIMIT_SKEW_BITS << l->ast->fixed.shift);
	BB touched = cg_block_after(g, LLVMGetInsertBlock(g->b), "touched");

	cg_branch(g, is(g, LLVMIntEQ, state, cg_c(g, 0)), full, touched);
	cg_go(g, touched);
	cg_branch(g, is(g, LLVMIntULT, sub(g, sub(g, state, l->now), cg_c(g, 1)), cg_c(g, reach)), live, full);
}

/* A state is never 0. */
static V not_zero(struct cg *g, V v)
{
	V sign = LLVMBuildLShr(g->b, LLVMBuildOr(g->b, v, sub(g, cg_c(g, 0), v), ""), cg_c(g, 63), "");

	return add(g, v, LLVMBuildXor(g->b, cg_hide(g, sign), cg_c(g, 1), ""));
}

static void unlock(struct cg *g, const struct limit *l)
{
	V p = l->set;

	cg_helper(g, BPF_FUNC_spin_unlock, g->i64, 1, &p);
}

/* Takes the tokens from the bucket at @p, or finds none. Locked, and then not. */
static void take(struct cg *g, const struct limit *l, V p)
{
	BB before = LLVMGetInsertBlock(g->b), live = cg_block_after(g, before, "live"), fresh = cg_block(g, "fresh");
	BB ask = cg_block_after(g, live, "ask");
	BB some = cg_block(g, "some"), none = cg_block(g, "none");
	V state = cg_load(g, p, 8, 8), base, full;

	branch_live(g, l, state, live, fresh);
	cg_go(g, fresh);
	LLVMBuildBr(g->b, ask);
	cg_go(g, live);
	LLVMBuildBr(g->b, ask);
	cg_go(g, ask);
	base = LLVMBuildPhi(g->b, g->i64, "");
	LLVMAddIncoming(base, (V[]){ state, l->now }, (BB[]){ live, fresh }, 2);
	full = add(g, base, l->cost);
	cg_branch(g, is(g, LLVMIntUGT, sub(g, full, l->now), cg_c(g, l->ast->fixed.window)), none, some);
	cg_go(g, some);
	cg_store(g, not_zero(g, full), p, 8, 8);
	unlock(g, l);
	LLVMBuildBr(g->b, l->admitted);
	cg_go(g, none);
	unlock(g, l);
	LLVMBuildBr(g->b, l->denied);
}

/* The element of the array that is looked at, locked. */
static V lock(struct cg *g, struct limit *l, V index_address)
{
	V p = cg_helper(g, BPF_FUNC_map_lookup_elem, g->ptr, 2, (V[]){ g->limit_map[l->ast->index], index_address });
	BB on = cg_block_after(g, LLVMGetInsertBlock(g->b), "there");

	/* never: the index is below the number of elements */
	cg_branch(g, is(g, LLVMIntEQ, p, LLVMConstNull(g->ptr)), l->full, on);
	cg_go(g, on);
	l->set = p;
	cg_helper(g, BPF_FUNC_spin_lock, g->i64, 1, &p);
	return p;
}

static unsigned slot_bytes(const struct limit *l)
{
	return 8 * (1 + l->words);
}

static V slot(struct cg *g, const struct limit *l, unsigned i)
{
	return cg_atc(g, l->set, SLOTS + i * slot_bytes(l));
}

/* One set: found, put in, or on to the next. @last: there is none, as a number that the verifier knows. */
static void look(struct cg *g, struct limit *l, V last, BB next)
{
	BB use = cg_block(g, "use"), insert = cg_block(g, "insert"), leave = cg_block(g, "leave"), spill = cg_block(g, "spill");
	BB room = cg_block(g, "room"), spilled = cg_block(g, "spilled"), no_room = cg_block(g, "no room"), from[XDPF_LIMIT_WAYS];
	V at[XDPF_LIMIT_WAYS], p;

	for (unsigned i = 0; i < XDPF_LIMIT_WAYS; i++) {
		BB on = cg_block(g, "other key");
		V differ = cg_c(g, 0);

		at[i] = slot(g, l, i);
		from[i] = LLVMGetInsertBlock(g->b);
		for (unsigned k = 0; k < l->words; k++)
			differ = LLVMBuildOr(g->b, differ,
					     LLVMBuildXor(g->b, l->word[k], cg_load(g, cg_atc(g, at[i], 8 * (k + (uint64_t)1)), 8, 8), ""), "");
		cg_branch(g, is(g, LLVMIntEQ, differ, cg_c(g, 0)), use, on);
		cg_go(g, on);
	}
	cg_branch(g, is(g, LLVMIntNE, last, cg_c(g, 0)), room, spilled);
	cg_go(g, use);
	p = LLVMBuildPhi(g->b, g->ptr, "");
	LLVMAddIncoming(p, at, from, XDPF_LIMIT_WAYS);
	take(g, l, p);

	cg_go(g, spilled);
	branch_live(g, l, cg_load(g, cg_atc(g, l->set, SPILL), 8, 8), spill, room);
	cg_go(g, room);
	for (unsigned i = 0; i < XDPF_LIMIT_WAYS; i++) {
		BB on = i + 1 < XDPF_LIMIT_WAYS ? cg_block(g, "taken") : no_room, here = cg_block(g, "free");

		at[i] = slot(g, l, i);
		branch_live(g, l, cg_load(g, at[i], 8, 8), on, here);
		cg_go(g, here);
		LLVMBuildBr(g->b, insert);
		from[i] = here;
		cg_go(g, on);
	}
	cg_branch(g, is(g, LLVMIntNE, last, cg_c(g, 0)), leave, spill);
	cg_go(g, insert);
	p = LLVMBuildPhi(g->b, g->ptr, "");
	LLVMAddIncoming(p, at, from, XDPF_LIMIT_WAYS);
	for (unsigned k = 0; k < l->words; k++)
		cg_store(g, l->word[k], cg_atc(g, p, 8 * (k + (uint64_t)1)), 8, 8);
	cg_store(g, not_zero(g, add(g, l->now, l->cost)), p, 8, 8);
	unlock(g, l);
	LLVMBuildBr(g->b, l->admitted);

	cg_go(g, spill);
	cg_store(g, not_zero(g, add(g, l->now, cg_c(g, l->ast->fixed.window))), cg_atc(g, l->set, SPILL), 8, 8);
	unlock(g, l);
	LLVMBuildBr(g->b, next);
	cg_go(g, leave);
	unlock(g, l);
	LLVMBuildBr(g->b, l->full);
}

_Static_assert(XDPF_LIMIT_LEVELS == 5, "the last level is the first with bit 2 set");

static void table(struct cg *g, struct limit *l)
{
	V index = cg_alloca(g, g->i32, "index"), hash, level, up, h;
	BB entry, loop = cg_block(g, "set"), next = cg_block(g, "next set");
	V first = LLVMBuildLoad2(g->b, g->i64, cg_atc(g, g->config, offsetof(struct xdpf_config, seed)), "");

	LLVMSetVolatile(first, 1);
	for (unsigned k = 0; k < l->words; k++) {
		l->word[k] = cg_load(g, cg_atc(g, l->key, 8 * (uint64_t)k), 8, 8);
		first = mix(g, LLVMBuildXor(g->b, first, l->word[k], ""));
	}
	entry = LLVMGetInsertBlock(g->b);
	LLVMBuildBr(g->b, loop);
	cg_go(g, loop);
	level = LLVMBuildPhi(g->b, g->i64, "level");
	hash = LLVMBuildPhi(g->b, g->i64, "hash");
	h = LLVMBuildMul(g->b, LLVMBuildLShr(g->b, hash, cg_c(g, 32), ""), cg_c(g, l->sets), "");
	cg_store(g, LLVMBuildLShr(g->b, h, cg_c(g, 32), ""), index, 4, 4);
	lock(g, l, index);
	look(g, l, LLVMBuildLShr(g->b, level, cg_c(g, 2), ""), next);
	cg_go(g, next);
	up = add(g, level, cg_c(g, 1));
	h = mix(g, add(g, hash, cg_c(g, XDPF_RANDOM_STEP)));
	LLVMBuildBr(g->b, loop);
	LLVMAddIncoming(level, (V[]){ cg_c(g, 0), up }, (BB[]){ entry, next }, 2);
	LLVMAddIncoming(hash, (V[]){ first, h }, (BB[]){ entry, next }, 2);
}

static void one_bucket(struct cg *g, struct limit *l)
{
	V index = cg_alloca(g, g->i32, "index");

	cg_store(g, cg_c(g, 0), index, 4, 4);
	lock(g, l, index);
	take(g, l, cg_atc(g, l->set, SPILL));
}

/* Counts at @off of the limit's counter, and returns @v. */
static void result(struct cg *g, const struct limit *l, BB at, size_t off, bool counted, uint64_t v)
{
	BB there, on;
	V index, p;

	cg_go(g, at);
	if (counted) {
		index = cg_alloca(g, g->i32, "index");
		cg_store(g, cg_c(g, l->ast->index), index, 4, 4);
		p = cg_helper(g, BPF_FUNC_map_lookup_elem, g->ptr, 2, (V[]){ g->limits, index });
		there = cg_block(g, "count");
		on = cg_block(g, "counted");
		cg_branch(g, is(g, LLVMIntEQ, p, LLVMConstNull(g->ptr)), on, there);
		cg_go(g, there);
		p = cg_atc(g, p, off);
		cg_store(g, add(g, cg_load(g, p, 8, 8), cg_c(g, 1)), p, 8, 8);
		LLVMBuildBr(g->b, on);
		cg_go(g, on);
	}
	LLVMBuildRet(g->b, cg_c(g, v));
}

static T function_type(struct cg *g)
{
	T arg[] = { g->ptr, g->i64, g->i64 };

	return LLVMFunctionType(g->i64, arg, 3, 0);
}

static V function(struct cg *g, struct limit *l)
{
	const struct ast_limit *a = l->ast;
	const char *name = arena_printf(g->arena, "limit_%u", a->index);
	V f = LLVMAddFunction(g->m, name, function_type(g));
	bool counted = !a->unit_in->counters_off;
	BB fits, start;

	LLVMSetLinkage(f, LLVMInternalLinkage);
	cg_enum_attr(g, f, "nounwind");
	cg_enum_attr(g, f, "noinline");
	cg_attr(g, f, "no-builtins", "");
	g->fn = f;
	start = cg_block(g, "entry");
	cg_go(g, start);
	cg_debug_function(g, f, name, g->du64, 3, (MD[]){ cg_pointer_type(g, g->du64), g->du64, g->du64 }, false);
	cg_locate(g, a->span);
	l->key = LLVMGetParam(f, 0);
	l->now = LLVMBuildShl(g->b, LLVMGetParam(f, 1), cg_c(g, a->fixed.shift), "");
	l->len = LLVMGetParam(f, 2);
	l->admitted = cg_block(g, "admitted");
	l->denied = cg_block(g, "denied");
	l->full = cg_block(g, "full");
	l->cost = cg_c(g, a->fixed.token);
	if (a->bytes) {
		/* what is longer than the burst never has its tokens */
		fits = cg_block(g, "fits");
		cg_branch(g, is(g, LLVMIntUGT, l->len, cg_c(g, a->burst_tokens)), l->denied, fits);
		cg_go(g, fits);
		l->cost = LLVMBuildMul(g->b, l->len, l->cost, "");
	}
	if (l->sets)
		table(g, l);
	else
		one_bucket(g, l);
	result(g, l, l->admitted, offsetof(struct xdpf_limit_count, admitted), counted, 1);
	result(g, l, l->denied, offsetof(struct xdpf_limit_count, denied), counted, 0);
	result(g, l, l->full, offsetof(struct xdpf_limit_count, full), true, !a->closed);
	return f;
}

static V limit_map(struct cg *g, const struct limit *l)
{
	static const char *const lock_names[] = { "val" }, *const names[] = { "lock", "spill", "slots" }, *const one[] = { "lock", "state" };
	static const char *const counts[] = { "admitted", "denied", "full" };
	unsigned slots = XDPF_LIMIT_WAYS * slot_bytes(l) / 8;
	unsigned bits[] = { 32, 64, 64 * slots }, at[] = { 0, 8 * SPILL, 8 * SLOTS };
	MD lock = cg_struct_type(g, "bpf_spin_lock", 1, lock_names, &g->du32, bits, NULL, 0);
	MD types[] = { lock, g->du64, cg_array_type(g, g->du64, slots, 64) };
	unsigned count_bits[] = { 64, 64, 64 };
	const char *name = arena_printf(g->arena, "%s%u", XDPF_MAP_LIMIT, l->ast->index);

	if (!g->limits)
		g->limits = cg_map(g, XDPF_MAP_LIMITS, BPF_MAP_TYPE_PERCPU_ARRAY, g->ir->ast->n_limits, g->du32,
				   cg_struct_type(g, "xdpf_limit_count", 3, counts, (MD[]){ g->du64, g->du64, g->du64 }, count_bits, NULL, 0));
	if (!l->sets)
		return cg_map(g, name, BPF_MAP_TYPE_ARRAY, 1, g->du32, cg_struct_type(g, "xdpf_bucket", 2, one, types, bits, at, 8 * SLOTS));
	return cg_map(g, name, BPF_MAP_TYPE_ARRAY, l->sets, g->du32,
		      cg_struct_type(g, "xdpf_limit_set", 3, names, types, bits, at, 8 * (SLOTS + 8 * slots)));
}

void cg_limits(struct cg *g)
{
	size_t n = g->ir->ast->n_limits;

	g->limit_map = arena_array(g->arena, n + 1, sizeof(V));
	g->limit_fn = arena_array(g->arena, n + 1, sizeof(V));
	for (size_t i = 0; i < n; i++) {
		struct limit l = { .ast = by_index(g->ir->ast, i) };
		struct meta_key k = meta_key_layout(g->arena, l.ast->key.v, l.ast->key.n);

		l.words = (k.size + 7) / 8;
		l.sets = k.n ? l.ast->entries + XDPF_LIMIT_SPARE : 0;
		g->limit_map[i] = limit_map(g, &l);
		g->limit_fn[i] = function(g, &l);
	}
}

/* The clock is read once a packet, when the first limit is asked. In memory: a number that is only sometimes there would be carried
 * through all of the program. */
static V now(struct cg *g)
{
	V v = LLVMBuildLoad2(g->b, g->i64, g->now, ""), s;
	BB here = LLVMGetInsertBlock(g->b), ask = cg_block_after(g, here, "ask the clock"), on = cg_block_after(g, ask, "time");

	LLVMSetVolatile(v, 1);
	cg_branch(g, is(g, LLVMIntEQ, v, cg_c(g, 0)), ask, on);
	cg_go(g, ask);
	s = LLVMBuildStore(g->b, cg_now(g), g->now);
	LLVMSetVolatile(s, 1);
	LLVMBuildBr(g->b, on);
	LLVMMoveBasicBlockAfter(on, LLVMGetInsertBlock(g->b));
	cg_go(g, on);
	v = LLVMBuildLoad2(g->b, g->i64, g->now, "");
	LLVMSetVolatile(v, 1);
	return v;
}

V cg_limit(struct cg *g, const struct ir_inst *i, V *args)
{
	const struct ast_limit *a = by_index(g->ir->ast, i->imm);
	struct meta_key k = meta_key_layout(g->arena, a->key.v, a->key.n);
	V arg[3] = { g->key, now(g), LLVMBuildLoad2(g->b, g->i64, g->len, "") };

	cg_key_words(g, &k, args);
	return LLVMBuildCall2(g->b, function_type(g), g->limit_fn[i->imm], arg, 3, "");
}
