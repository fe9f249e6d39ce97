/*
 * Snapshots of sets that live. In: keys in parts. Out: a function for each set that looks in the snapshot that is in use, and calls of it. Which one
 * that is, is asked once in a packet's way: so to a packet a set is all that it was given, or all that it is given next.
 *
 * What a snapshot holds is not known when this is compiled; what engines its tables may have is: those that the runtime chooses among, see enum
 * live_tables. Where its elements may have states there is more to ask of what is found, and where rules take some out, a second function
 * does that.
 */
#include "codegen_priv.h"

#include <linux/bpf.h>

#include "codegen_table.h"
#include "meta.h"

enum { MAX_ARGS = 5 };

bool cg_live_whole(struct cg *g, const struct ast_set *set)
{
	return meta_live(g->arena, set).form == LIVE_NET;
}

/* ---- maps ---- */

void cg_live_maps(struct cg *g)
{
	static const char *const member[] = { "turn", "busy" };
	static const unsigned bits[] = { 64, 64 };
	MD types[] = { g->du64, g->du64 };
	const struct ast_program *ast = g->ir->ast;
	unsigned n[LIVE_ROOM_MOST + 1] = { 0 };

	for (size_t i = 0; i < ast->live.n; i++)
		n[meta_live(g->arena, ast->live.v[i]).room] += 2;
	for (unsigned i = 0; i <= LIVE_ROOM_MOST; i++)
		if (n[i])
			g->snaps[i] = cg_map_of_maps(g, arena_printf(g->arena, "%s%u", XDPF_MAP_SNAP, i), n[i], g->du32,
						     cg_array_type(g, g->du8, (uint64_t)1 << i, 8), BPF_F_MMAPABLE);
	if (!meta_live_maps(g->arena, ast))
		return;
	g->turns = cg_global(g, XDPF_VAR_TURNS, LLVMConstNull(LLVMArrayType2(g->i64, 2)), XDPF_SECTION_LIVE, false, 8);
	cg_debug_global(g, g->turns, XDPF_VAR_TURNS, cg_struct_type(g, "xdpf_turns", 2, member, types, bits, NULL, 0));
}

void cg_live_choose(struct cg *g)
{
	V v;

	if (!g->turns)
		return;
	v = cg_load(g, g->turns, 8, 8);
	LLVMSetVolatile(v, 1);
	LLVMSetVolatile(LLVMBuildStore(g->b, v, g->packet_turns), 1);
}

/* 0 or 1 */
static V turn(struct cg *g, const struct ast_set *set)
{
	V v = LLVMBuildLoad2(g->b, g->i64, g->packet_turns, "");

	LLVMSetVolatile(v, 1);
	return LLVMBuildAnd(g->b, LLVMBuildLShr(g->b, v, cg_c(g, set->live_index), ""), cg_c(g, 1), "");
}

V cg_live_turn(struct cg *g, const struct ast_set *set)
{
	return g->turn ? g->turn : LLVMBuildAdd(g->b, turn(g, set), cg_c(g, 1), "");
}

/* ---- the function ---- */

static bool by_family(const struct live_set *s)
{
	return s->form == LIVE_IP || s->form == LIVE_NET;
}

static unsigned words_of(const struct live_set *s, unsigned kind)
{
	return s->words[kind] ? s->words[kind] : 1;
}

/* As a place and an address' two words and family, and the time where prefixes expire; as a place and words; as a place and where words are. */
static bool by_address(const struct live_set *s)
{
	return !by_family(s) && words_of(s, 0) + 1 > MAX_ARGS;
}

static T function_type(struct cg *g, const struct live_set *s, unsigned *n)
{
	T arg[MAX_ARGS];

	*n = s->form == LIVE_NET ? 5 : by_family(s) ? 4 : by_address(s) ? 2 : words_of(s, 0) + 1;
	for (unsigned i = 0; i < *n; i++)
		arg[i] = g->i64;
	if (by_address(s))
		arg[1] = g->ptr;
	return LLVMFunctionType(g->i64, arg, *n, 0);
}

static V is_null(struct cg *g, V p)
{
	return LLVMBuildICmp(g->b, LLVMIntEQ, p, LLVMConstNull(g->ptr), "");
}

/* The snapshot at @place of its map; where there is none, nothing is in it. */
static V snapshot(struct cg_table *t, unsigned room, V place)
{
	struct cg *g = t->g;
	V at = cg_alloca(g, g->i32, "place"), map, p;
	BB one = cg_block(g, "its map"), on = cg_block(g, "snapshot");

	cg_store(g, place, at, 4, 4);
	map = cg_helper(g, BPF_FUNC_map_lookup_elem, g->ptr, 2, (V[]){ g->snaps[room], at });
	cg_branch(g, is_null(g, map), t->no, one);
	cg_go(g, one);
	cg_store(g, cg_c(g, 0), at, 4, 4);
	p = cg_helper(g, BPF_FUNC_map_lookup_elem, g->ptr, 2, (V[]){ map, at });
	cg_branch(g, is_null(g, p), t->no, on);
	cg_go(g, on);
	return p;
}

static V engine_is(struct cg_table *t, enum set_engine e)
{
	return LLVMBuildICmp(t->g->b, LLVMIntEQ, cg_table_head(t, offsetof(struct set_head, engine), 4), cg_c(t->g, e), "");
}

/* Byte @at of the snapshot. */
static V place_of(struct cg_table *t, V at, unsigned bytes)
{
	struct cg_table whole = *t;

	whole.off = cg_c(t->g, 0);
	return cg_table_at(&whole, at, bytes);
}

static V head_of(struct cg_table *t, size_t member, unsigned bytes)
{
	return cg_load(t->g, cg_atc(t->g, t->image, member), bytes, bytes);
}

/* As live_until() says it. */
static V until_of_state(struct cg_table *t, V state)
{
	V at = LLVMBuildAdd(t->g->b, head_of(t, offsetof(struct live_head, times), 4), LLVMBuildShl(t->g->b, state, cg_c(t->g, 3), ""), "");

	return cg_load(t->g, place_of(t, at, 8), 8, 8);
}

static V until_of_all(struct cg_table *t)
{
	struct cg *g = t->g;
	V until = head_of(t, offsetof(struct live_head, until), 8);

	return LLVMBuildSelect(g->b, LLVMBuildICmp(g->b, LLVMIntEQ, until, cg_c(g, 0), ""), cg_c(g, UINT64_MAX), until, "");
}

/* Takes out what has this state: until when it was in it. Of several CPUs that do so, one is told that it was. */
static void take(struct cg_table *t, V at)
{
	struct cg *g = t->g;
	V p = place_of(t, LLVMBuildAnd(g->b, at, cg_c(g, ~(uint64_t)7), ""), 8), bit, was;

	bit = LLVMBuildShl(g->b, LLVMBuildAnd(g->b, at, cg_c(g, 7), ""), cg_c(g, 3), "");
	was = LLVMBuildAtomicRMW(g->b, LLVMAtomicRMWBinOpOr, p, LLVMBuildShl(g->b, cg_c(g, LIVE_GONE), bit, ""),
				 LLVMAtomicOrderingSequentiallyConsistent, 0);
	was = LLVMBuildAnd(g->b, LLVMBuildLShr(g->b, was, bit, ""), cg_c(g, LIVE_STATES - 1), "");
	cg_table_answer(t, until_of_state(t, was));
}

static V node_at(struct cg_table *t, V node, size_t member)
{
	V at = LLVMBuildAdd(t->g->b, head_of(t, offsetof(struct live_head, nodes), 4), cg_c(t->g, member), "");

	return LLVMBuildAdd(t->g->b, at, LLVMBuildMul(t->g->b, node, cg_c(t->g, sizeof(struct live_node)), ""), "");
}

/* Where a number lies in several prefixes: that which stays longest or, with @bits, takes out the one that has so many. */
static void look_at_nodes(struct cg_table *t, unsigned kind, V bits)
{
	struct cg *g = t->g;
	BB here, loop = cg_block(g, "node"), one = cg_block(g, "one around it"), up = cg_block(g, "next around it"), none = cg_block(g, "no more");
	BB some = cg_block(g, "its boundaries");
	struct cg_table all = *t;
	V at, n, node, until, next[3] = { NULL }, is;

	all.off = head_of(t, offsetof(struct live_head, at) + 4 * kind, 4);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, all.off, cg_c(g, 0), ""), t->no, some);
	cg_go(g, some);
	all.head = cg_table_at(&all, cg_c(g, 0), sizeof(struct set_head));
	at = LLVMBuildShl(g->b, cg_table_search_at(&all), cg_c(g, 2), "");
	at = place_of(t, LLVMBuildAdd(g->b, head_of(t, offsetof(struct live_head, owner) + 4 * kind, 4), at, ""), 4);
	next[0] = cg_load(g, at, 4, 4);
	here = LLVMGetInsertBlock(g->b);
	LLVMBuildBr(g->b, loop);
	cg_go(g, loop);
	n = LLVMBuildPhi(g->b, g->i64, "");
	node = LLVMBuildPhi(g->b, g->i64, "");
	until = LLVMBuildPhi(g->b, g->i64, "");
	LLVMAddIncoming(n, (V[]){ cg_c(g, 0) }, &here, 1);
	LLVMAddIncoming(node, next, &here, 1);
	LLVMAddIncoming(until, (V[]){ cg_c(g, 0) }, &here, 1);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, node, cg_c(g, 0), ""), none, one);
	cg_go(g, one);
	next[1] = cg_load(g, place_of(t, node_at(t, node, offsetof(struct live_node, parent)), 4), 4, 4);
	if (bits) {
		BB it = cg_block(g, "this one");

		is = cg_load(g, place_of(t, node_at(t, node, offsetof(struct live_node, bits)), 2), 2, 2);
		cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, is, bits, ""), it, up);
		cg_go(g, it);
		take(t, node_at(t, node, offsetof(struct live_node, state)));
		next[2] = until;
	} else {
		V less;

		is = cg_load(g, place_of(t, node_at(t, node, offsetof(struct live_node, state)), 1), 1, 1);
		is = until_of_state(t, is);
		less = LLVMBuildNeg(g->b, cg_table_less(g, until, is), "");
		next[2] = LLVMBuildXor(g->b, until, LLVMBuildAnd(g->b, LLVMBuildXor(g->b, until, is, ""), less, ""), "");
		LLVMBuildBr(g->b, up);
	}
	cg_go(g, up);
	next[0] = LLVMBuildAdd(g->b, n, cg_c(g, 1), "");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntULT, next[0], cg_c(g, CG_SET_LENGTHS), ""), loop, none);
	LLVMAddIncoming(n, &next[0], &up, 1);
	LLVMAddIncoming(node, &next[1], &up, 1);
	LLVMAddIncoming(until, &next[2], &up, 1);
	cg_go(g, none);
	at = LLVMBuildPhi(g->b, g->i64, "");
	LLVMAddIncoming(at, (V[]){ until, next[2] }, (BB[]){ loop, up }, 2);
	cg_table_answer(t, bits ? cg_c(g, 0) : at);
}

/* The table's answer is in @has: goes on to until when it is in the snapshot. */
static void look_at_states(struct cg_table *t, const struct live_set *s, unsigned kind, bool takes, V has)
{
	struct cg *g = t->g;
	BB some = cg_block(g, "it has it"), states, together;
	V times;

	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, has, cg_c(g, 0), ""), t->no, some);
	cg_go(g, some);
	if (s->states) {
		states = cg_block(g, "its state");
		together = takes ? t->no : cg_block(g, "no states");
		times = head_of(t, offsetof(struct live_head, times), 4);
		cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, times, cg_c(g, 0), ""), together, states);
		cg_go(g, states);
		has = LLVMBuildSub(g->b, has, cg_c(g, 1), "");
		if (s->form == LIVE_NET || s->form == LIVE_NETS)
			look_at_nodes(t, kind, NULL);
		else if (takes)
			take(t, has);
		else
			cg_table_answer(t, until_of_state(t, cg_load(g, place_of(t, has, 1), 1, 1)));
		if (takes)
			return;
		cg_go(g, together);
	}
	cg_table_answer(t, until_of_all(t));
}

/* In one of the tables that there may be: see live_build(). @takes: what is taken out has a state. */
static void look_in_table(struct cg_table *t, const struct live_set *s, unsigned kind, bool takes)
{
	struct cg *g = t->g;
	BB some = cg_block(g, "its table"), trie, other, search;

	t->off = head_of(t, offsetof(struct live_head, off) + 4 * kind, 4);
	t->words = words_of(s, kind);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, t->off, cg_c(g, 0), ""), t->no, some);
	cg_go(g, some);
	t->head = cg_table_at(t, cg_c(g, 0), sizeof(struct set_head));
	if (s->form == LIVE_IP || s->form == LIVE_EXACT) {
		if (!s->words[kind] && !takes) {
			BB quotient = cg_block(g, "quotient"), hash = cg_block(g, "hash");

			cg_branch(g, engine_is(t, SET_QUOTIENT), quotient, hash);
			cg_go(g, quotient);
			cg_table_quotient(t);
			cg_go(g, hash);
		}
		if (s->states)
			t->states = head_of(t, offsetof(struct live_head, at) + 4 * kind, 4);
		cg_table_hash(t, !s->words[kind]);
		return;
	}
	trie = cg_block(g, "trie");
	other = cg_block(g, "no trie");
	cg_branch(g, engine_is(t, SET_TRIE), trie, other);
	cg_go(g, trie);
	cg_table_trie(t);
	cg_go(g, other);
	if (s->form == LIVE_NET && !kind) {
		BB bounds = cg_block(g, "bounds");

		search = cg_block(g, "search");
		cg_branch(g, engine_is(t, SET_BOUNDS), bounds, search);
		cg_go(g, bounds);
		cg_table_bounds(t);
		cg_go(g, search);
	}
	cg_table_search(t);
}

/* @bits: of a prefix that is taken out. */
static void look(struct cg_table *t, const struct live_set *s, unsigned kind, bool takes, V bits)
{
	struct cg *g = t->g;
	struct cg_table in = *t;
	BB here = LLVMGetInsertBlock(g->b);

	/* what all of them hold together says nothing of this one, and to ask for it would be much for the verifier */
	if (bits) {
		t->words = words_of(s, kind);
		look_at_nodes(t, kind, bits);
		return;
	}
	in.end = cg_block(g, "what its table says");
	cg_go(g, in.end);
	in.result = LLVMBuildPhi(g->b, g->i64, "");
	cg_go(g, here);
	look_in_table(&in, s, kind, takes);
	LLVMMoveBasicBlockAfter(in.end, LLVMGetLastBasicBlock(LLVMGetBasicBlockParent(here)));
	cg_go(g, in.end);
	t->words = in.words;
	look_at_states(t, s, kind, takes, in.result);
}

/* What the set has besides, in the kernel's map, one prefix after the other: that is so much for the verifier that it stands here. */
static void look_besides(struct cg *g, const struct ast_set *set, V f)
{
	V key = g->key, family = LLVMGetParam(f, 3), part[4] = { NULL, LLVMGetParam(f, 1), LLVMGetParam(f, 2), family }, found;

	g->turn = LLVMBuildAdd(g->b, LLVMBuildAnd(g->b, LLVMGetParam(f, 0), cg_c(g, 1), ""), cg_c(g, 1), "");
	g->key = cg_alloca(g, LLVMArrayType2(g->i64, 3), "key");
	part[0] = LLVMBuildSelect(g->b, LLVMBuildICmp(g->b, LLVMIntEQ, family, cg_c(g, 6), ""), cg_c(g, 8 + 128), cg_c(g, 8 + 32), "");
	cg_set_key(g, set, part);
	found = cg_set_longest(g, set, LLVMGetParam(f, 4));
	LLVMBuildRet(g->b, LLVMBuildNeg(g->b, found, ""));
	g->turn = NULL;
	g->key = key;
}

/* Returns until when it is in the snapshot: UINT64_MAX: it stays; 0: it is not in it. @takes: takes it out, and returns until when it was. */
static V function(struct cg *g, const struct ast_set *set, const struct live_set *s, bool takes)
{
	struct cg_table t = { .g = g, .size = (uint64_t)1 << s->room };
	const char *name = arena_printf(g->arena, takes ? "take_from_set_%u" : "in_set_%u", set->live_index);
	bool whole = s->form == LIVE_NET && !takes;
	MD darg[MAX_ARGS];
	unsigned n;
	T type = function_type(g, s, &n);
	BB start, ip4, ip6;
	V f, place, bits = NULL, word[SET_MAX_WORDS];

	for (unsigned i = 0; i < n; i++)
		darg[i] = g->du64;
	if (by_address(s))
		darg[1] = cg_key_pointer(g, words_of(s, 0));
	f = cg_function_alone(g, name, type, n, darg);
	start = LLVMGetInsertBlock(g->b);
	t.no = cg_block(g, "not in it");
	t.end = cg_block(g, "answer");
	cg_go(g, t.end);
	t.result = LLVMBuildPhi(g->b, g->i64, "");
	cg_go(g, t.no);
	if (whole)
		look_besides(g, set, f);
	else
		LLVMBuildRet(g->b, cg_c(g, 0));
	cg_go(g, start);
	place = LLVMGetParam(f, 0);
	if (takes && set->prefix) {
		bits = LLVMBuildLShr(g->b, place, cg_c(g, 32), "");
		place = LLVMBuildAnd(g->b, place, cg_c(g, UINT32_MAX), "");
	}
	if (by_address(s))
		cg_address(g, LLVMGetParam(f, 1), t.no);
	t.image = snapshot(&t, s->room, place);
	for (unsigned k = 0; k < words_of(s, 0) && !by_family(s); k++)
		word[k] = by_address(s) ? cg_load(g, cg_atc(g, LLVMGetParam(f, 1), 8 * k), 8, 8) : LLVMGetParam(f, k + 1);
	if (by_family(s)) {
		ip4 = cg_block(g, "IPv4");
		ip6 = cg_block(g, "IPv6");
		cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, LLVMGetParam(f, 3), cg_c(g, 6), ""), ip6, ip4);
		cg_go(g, ip4);
		t.key[0] = cg_swap(g, LLVMGetParam(f, 1), 4);
		look(&t, s, 0, takes, bits);
		cg_go(g, ip6);
		t.key[0] = cg_swap(g, LLVMGetParam(f, 1), 8);
		t.key[1] = cg_swap(g, LLVMGetParam(f, 2), 8);
		look(&t, s, 1, takes, bits);
	} else {
		for (unsigned k = 0; k < words_of(s, 0); k++)
			t.key[k] = word[k];
		look(&t, s, 0, takes, bits);
	}
	LLVMMoveBasicBlockAfter(t.end, LLVMGetLastBasicBlock(f));
	cg_go(g, t.end);
	if (whole) {
		BB stays = cg_block(g, "it stays");

		/* when its time is over, or it was taken out, there may be more beside it */
		cg_branch(g, LLVMBuildICmp(g->b, LLVMIntUGT, t.result, LLVMGetParam(f, 4), ""), stays, t.no);
		cg_go(g, stays);
	}
	LLVMBuildRet(g->b, t.result);
	return f;
}

void cg_live_functions(struct cg *g)
{
	const struct ast_program *ast = g->ir->ast;

	g->snap_fn = arena_array(g->arena, ast->live.n + 1, sizeof(V));
	g->take_fn = arena_array(g->arena, ast->live.n + 1, sizeof(V));
	for (size_t i = 0; i < ast->live.n; i++) {
		struct live_set s = meta_live(g->arena, ast->live.v[i]);

		g->snap_fn[i] = function(g, ast->live.v[i], &s, false);
		if (s.taken)
			g->take_fn[i] = function(g, ast->live.v[i], &s, true);
	}
}

/* ---- calls ---- */

/* Word @k of the key in g->key, from byte @from on: most significant byte first. */
static V key_word(struct cg *g, unsigned from, unsigned k, unsigned size)
{
	V half[2];

	for (unsigned i = 0; i < 2; i++) {
		unsigned at = from + 8 * k + 4 * i;

		half[i] = at < (size + 7) / 8 * 8 ? cg_swap(g, cg_load(g, cg_atc(g, g->key, at), 4, 4), 4) : cg_c(g, 0);
	}
	return LLVMBuildOr(g->b, LLVMBuildShl(g->b, half[0], cg_c(g, 32), ""), half[1], "");
}

/* The arguments of the set's functions behind the place. Changes g->key. */
static void arguments(struct cg *g, const struct ast_set *set, const struct live_set *s, V now, V *part, V *args)
{
	V word[SET_MAX_WORDS];

	if (by_family(s)) {
		for (unsigned i = 0; i < 3; i++)
			args[i + 1] = part[i + set->prefix];
		args[4] = now;
		return;
	}
	cg_set_key(g, set, part);
	for (unsigned k = 0; k < words_of(s, 0); k++)
		word[k] = key_word(g, s->skip, k, s->key_size);
	if (!s->words[0])
		word[0] = LLVMBuildLShr(g->b, word[0], cg_c(g, 32), "");
	for (unsigned k = 0; k < words_of(s, 0); k++)
		if (by_address(s))
			cg_store(g, word[k], cg_atc(g, g->key, 8 * k), 8, 8);
		else
			args[k + 1] = word[k];
	if (by_address(s))
		args[1] = g->key;
}

static V call(struct cg *g, const struct ast_set *set, V f, V turn, V *args)
{
	struct live_set s = meta_live(g->arena, set);
	unsigned n;
	T type = function_type(g, &s, &n);

	args[0] = LLVMBuildAdd(g->b, turn, cg_c(g, 2 * meta_live_at(g->arena, g->ir->ast, set)), "");
	return LLVMBuildCall2(g->b, type, f, args, n, "");
}

V cg_live_has(struct cg *g, const struct ast_set *set, V now, V *part)
{
	struct live_set s = meta_live(g->arena, set);
	V args[MAX_ARGS], r;

	arguments(g, set, &s, set->expires ? now : cg_c(g, 0), part, args);
	r = call(g, set, g->snap_fn[set->live_index], turn(g, set), args);
	return LLVMBuildICmp(g->b, LLVMIntUGT, r, set->expires ? now : cg_c(g, 0), "");
}

V cg_live_take(struct cg *g, const struct ast_set *set, V now, V *part)
{
	struct live_set s = meta_live(g->arena, set);
	V args[MAX_ARGS], is = turn(g, set), other = LLVMBuildXor(g->b, is, cg_c(g, 1), ""), r, bits = cg_c(g, 0);

	arguments(g, set, &s, cg_c(g, 0), part, args);
	if (set->prefix)
		bits = LLVMBuildShl(g->b, part[0], cg_c(g, 32), "");
	r = call(g, set, g->take_fn[set->live_index], LLVMBuildOr(g->b, is, bits, ""), args);
	/* what is about to take its place must not have it, either */
	call(g, set, g->take_fn[set->live_index], LLVMBuildOr(g->b, other, bits, ""), args);
	return LLVMBuildICmp(g->b, LLVMIntUGT, r, set->expires ? now : cg_c(g, 0), "");
}
