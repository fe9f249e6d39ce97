/*
 * Snapshots of sets that live. In: keys in parts. Out: a function for each set that looks in the snapshot that is in use, and calls of it. Which one
 * that is, is asked once in a packet's way: so to a packet a set is all that it was given, or all that it is given next.
 *
 * What a snapshot holds is not known when this is compiled; what engines its tables may have is: one for addresses, those that the runtime chooses
 * among for prefixes.
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

bool cg_live(struct cg *g, const struct ast_set *set)
{
	return meta_live(g->arena, set).form != LIVE_NONE;
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
		if (cg_live(g, ast->live.v[i]))
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

/* In one of the tables that there may be: see live_build(). */
static void look(struct cg_table *t, const struct live_set *s, unsigned kind)
{
	struct cg *g = t->g;
	BB some = cg_block(g, "its table"), trie, other, search;

	t->off = cg_load(g, cg_atc(g, t->image, offsetof(struct live_head, off) + 4 * kind), 4, 4);
	t->words = words_of(s, kind);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, t->off, cg_c(g, 0), ""), t->no, some);
	cg_go(g, some);
	t->head = cg_table_at(t, cg_c(g, 0), sizeof(struct set_head));
	if (s->form == LIVE_IP || s->form == LIVE_EXACT) {
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

/* Returns when what is in the snapshot is in the set no more; UINT64_MAX: it stays; 0: it is not in it. */
static V function(struct cg *g, const struct ast_set *set, const struct live_set *s)
{
	struct cg_table t = { .g = g, .size = (uint64_t)1 << s->room };
	const char *name = arena_printf(g->arena, "in_set_%u", set->live_index);
	MD darg[MAX_ARGS];
	unsigned n;
	T type = function_type(g, s, &n);
	BB start, yes, ip4, ip6;
	V f, until, word[SET_MAX_WORDS];

	for (unsigned i = 0; i < n; i++)
		darg[i] = g->du64;
	if (by_address(s))
		darg[1] = cg_pointer_type(g, g->du64);
	f = by_address(s) ? cg_function(g, name, type, n, darg) : cg_function_alone(g, name, type, n, darg);
	start = LLVMGetInsertBlock(g->b);
	t.no = cg_block(g, "not in it");
	t.end = cg_block(g, "answer");
	cg_go(g, t.end);
	t.result = LLVMBuildPhi(g->b, g->i64, "");
	cg_go(g, t.no);
	if (s->form == LIVE_NET)
		look_besides(g, set, f);
	else
		LLVMBuildRet(g->b, cg_c(g, 0));
	cg_go(g, start);
	t.image = snapshot(&t, s->room, LLVMGetParam(f, 0));
	for (unsigned k = 0; k < words_of(s, 0) && !by_family(s); k++)
		word[k] = by_address(s) ? cg_load(g, cg_atc(g, LLVMGetParam(f, 1), 8 * k), 8, 8) : LLVMGetParam(f, k + 1);
	if (by_family(s)) {
		ip4 = cg_block(g, "IPv4");
		ip6 = cg_block(g, "IPv6");
		cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, LLVMGetParam(f, 3), cg_c(g, 6), ""), ip6, ip4);
		cg_go(g, ip4);
		t.key[0] = cg_swap(g, LLVMGetParam(f, 1), 4);
		look(&t, s, 0);
		cg_go(g, ip6);
		t.key[0] = cg_swap(g, LLVMGetParam(f, 1), 8);
		t.key[1] = cg_swap(g, LLVMGetParam(f, 2), 8);
		look(&t, s, 1);
	} else {
		for (unsigned k = 0; k < words_of(s, 0); k++)
			t.key[k] = word[k];
		look(&t, s, 0);
	}
	LLVMMoveBasicBlockAfter(t.end, LLVMGetLastBasicBlock(f));
	cg_go(g, t.end);
	yes = cg_block(g, "in it");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, t.result, cg_c(g, 0), ""), t.no, yes);
	cg_go(g, yes);
	until = cg_load(g, cg_atc(g, t.image, offsetof(struct live_head, until)), 8, 8);
	if (s->form == LIVE_NET) {
		BB stays = cg_block(g, "it stays");

		/* when its time is over, there may be more beside it */
		cg_branch(g, LLVMBuildICmp(g->b, LLVMIntUGE, LLVMBuildSub(g->b, until, cg_c(g, 1), ""), LLVMGetParam(f, 4), ""), stays, t.no);
		cg_go(g, stays);
	}
	until = LLVMBuildSelect(g->b, LLVMBuildICmp(g->b, LLVMIntEQ, until, cg_c(g, 0), ""), cg_c(g, UINT64_MAX), until, "");
	LLVMBuildRet(g->b, until);
	return f;
}

void cg_live_functions(struct cg *g)
{
	const struct ast_program *ast = g->ir->ast;

	g->snap_fn = arena_array(g->arena, ast->live.n + 1, sizeof(V));
	for (size_t i = 0; i < ast->live.n; i++) {
		struct live_set s = meta_live(g->arena, ast->live.v[i]);

		if (s.form != LIVE_NONE)
			g->snap_fn[i] = function(g, ast->live.v[i], &s);
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

V cg_live_has(struct cg *g, const struct ast_set *set, V now, V *part)
{
	struct live_set s = meta_live(g->arena, set);
	V args[MAX_ARGS], word[SET_MAX_WORDS], r;
	unsigned n;
	T type = function_type(g, &s, &n);

	args[0] = LLVMBuildAdd(g->b, turn(g, set), cg_c(g, 2 * meta_live_at(g->arena, g->ir->ast, set)), "");
	if (by_family(&s)) {
		for (unsigned i = 0; i < 3; i++)
			args[i + 1] = part[i + set->prefix];
		args[4] = set->expires ? now : cg_c(g, 0);
	} else {
		cg_set_key(g, set, part);
		for (unsigned k = 0; k < words_of(&s, 0); k++)
			word[k] = key_word(g, s.skip, k, s.key_size);
		if (!s.words[0])
			word[0] = LLVMBuildLShr(g->b, word[0], cg_c(g, 32), "");
		for (unsigned k = 0; k < words_of(&s, 0); k++)
			if (by_address(&s))
				cg_store(g, word[k], cg_atc(g, g->key, 8 * k), 8, 8);
			else
				args[k + 1] = word[k];
		if (by_address(&s))
			args[1] = g->key;
	}
	r = LLVMBuildCall2(g->b, type, g->snap_fn[set->live_index], args, n, "");
	return LLVMBuildICmp(g->b, LLVMIntUGT, r, set->expires ? now : cg_c(g, 0), "");
}
