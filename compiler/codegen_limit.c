/*
 * Rate limits. In: a limit, the key's parts, where to go. Out: code that takes a token or finds that there is none (its table:
 * codegen_limit_table.c), counted; and the maps, one for all limits whose tables are of one kind.
 *
 * Where there are few limits, what is common is no function: where the kernel guards returns against speculation, one costs as much as the look-up,
 * and hinders the processor in going on meanwhile. What is rare is a function per limit. Where there are many, or keys are long
 * (ir_program.limit_rows), all is one function for all limits of one kind, which reads in the image what the limit says. What is done to one
 * set, locked, is a function for all limits of one kind, either way. These functions are global ones: the verifier goes through each once.
 * Of the kernel's 512 bytes of stack, of which Linux 6.1 gives each function a multiple of 32, two such within each other take 128.
 */
#include "codegen_limit.h"

#include <linux/bpf.h>
#include <string.h>

#include "abi.h"
#include "meta.h"

V cg_limit_number(struct cg *g, const struct limit *l, size_t member, unsigned bytes)
{
	uint64_t v = 0;

	if (l->row)
		return cg_load(g, cg_atc(g, l->row, member), bytes, bytes);
	memcpy(&v, (const char *)&l->fixed + member, bytes);	/* little-endian, as BPF is */
	return cg_c(g, v);
}

static struct limit limit_of(unsigned kind)
{
	return (struct limit){ .kind = kind, .words = xdpf_limit_words(kind), .layout = xdpf_limit_layout(kind) };
}

static bool half(struct cg *g, const struct ast_limit *ast)
{
	struct meta_key k = meta_key_layout(g->arena, ast->key.v, ast->key.n);

	return k.n && k.field[k.n - 1].offset + k.field[k.n - 1].size + 4 <= 8 * xdpf_limit_words(ast->kind);
}

/* Of all of this kind. */
static bool all_half(struct cg *g, unsigned kind)
{
	const struct ast_program *ast = g->ir->ast;

	for (size_t i = 0; i < ast->limit.n; i++)
		if (ast->limit.v[i]->kind == kind && !half(g, ast->limit.v[i]))
			return false;
	return kind != 0;
}

static void outcomes(struct cg *g, struct limit *l)
{
	l->admitted = cg_block(g, "admitted");
	l->denied = cg_block(g, "denied");
	l->full = cg_block(g, "full");
}

/* Adds @n to the limit's counter at @off. */
static void count(struct cg *g, const struct limit *l, size_t off, V n)
{
	V p = cg_atc(g, l->count, off);

	cg_store(g, LLVMBuildAdd(g->b, cg_load(g, p, 8, 8), n, ""), p, 8, 8);
}

static bool is_counted(const struct limit *l)
{
	return l->row || l->fixed.counts;
}

/* Counts at @off, and not as admitted, and goes to @to; NULL: returns @v. Admitted is who asks, while the set comes from memory, until he is not:
 * where most end there is one thing less to do. */
static void result(struct cg *g, const struct limit *l, BB at, size_t off, BB to, V v)
{
	bool always = off == offsetof(struct xdpf_limit_count, full), admitted = off == offsetof(struct xdpf_limit_count, admitted);

	cg_go(g, at);
	if (!admitted && is_counted(l))
		count(g, l, offsetof(struct xdpf_limit_count, admitted), LLVMBuildNeg(g->b, CG_LIMIT(g, l, counts), ""));
	if (always || (!admitted && is_counted(l)))
		count(g, l, off, always ? cg_c(g, 1) : CG_LIMIT(g, l, counts));
	if (to)
		LLVMBuildBr(g->b, to);
	else
		LLVMBuildRet(g->b, v ? v : LLVMBuildXor(g->b, CG_LIMIT(g, l, closed), cg_c(g, 1), ""));
}

/* What all outcomes lead to: @yes or @no; NULL: 1 or 0 is returned. */
static void results(struct cg *g, const struct limit *l, BB yes, BB no)
{
	result(g, l, l->admitted, offsetof(struct xdpf_limit_count, admitted), yes, cg_c(g, 1));
	result(g, l, l->denied, offsetof(struct xdpf_limit_count, denied), no, cg_c(g, 0));
	result(g, l, l->full, offsetof(struct xdpf_limit_count, full), l->fixed.closed ? no : yes, NULL);
}

/* This CPU's counters of the limit. They are looked up behind cg_limit_fetch(), which is to come soon. */
static V count_of(struct cg *g, const struct limit *l)
{
	BB there = cg_block_after(g, LLVMGetInsertBlock(g->b), "counters");
	V p;

	cg_store(g, CG_LIMIT(g, l, index), l->index, 4, 4);
	p = cg_helper(g, BPF_FUNC_map_lookup_elem, g->ptr, 2, (V[]){ g->limits, l->index });
	/* never: the index is below the number of elements */
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, p, LLVMConstNull(g->ptr), ""), l->never, there);
	cg_go(g, there);
	return p;
}

/* By the clock of the limit's buckets. */
static V now(struct cg *g, const struct limit *l)
{
	return LLVMBuildShl(g->b, cg_now_at(g, l->clock, l->words ? cg_limit_fetch : NULL, l), CG_LIMIT(g, l, shift), "");
}

/* What the packet costs, in units. */
static V cost(struct cg *g, const struct limit *l)
{
	BB fits;
	V len;

	if (!l->row && !l->fixed.byte)
		return CG_LIMIT(g, l, packet);
	/* what is longer than the burst never has its tokens */
	len = l->len ? l->len : cg_len(g);
	fits = cg_block_after(g, LLVMGetInsertBlock(g->b), "fits");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntUGT, len, CG_LIMIT(g, l, most), ""), l->denied, fits);
	cg_go(g, fits);
	return LLVMBuildAdd(g->b, LLVMBuildMul(g->b, len, CG_LIMIT(g, l, byte), ""), CG_LIMIT(g, l, packet), "");
}

/* What is asked before the table: its set first, which is to come meanwhile. */
static void begin(struct cg *g, struct limit *l)
{
	if (l->words)
		cg_limit_set(g, l);
	else
		l->count = count_of(g, l);
	l->now = now(g, l);
	if (l->words)
		l->count = count_of(g, l);
	if (is_counted(l))
		count(g, l, offsetof(struct xdpf_limit_count, admitted), CG_LIMIT(g, l, counts));
	cg_soon_find(g);
	l->cost = cost(g, l);
}

/* ---- functions that the verifier walks once ---- */

/* Where a function is never left, whatever the verifier thinks. */
static void return_none(struct cg *g, V f, BB none)
{
	cg_go(g, none);
	LLVMBuildRet(g->b, cg_c(g, 1));
	LLVMMoveBasicBlockAfter(none, LLVMGetLastBasicBlock(f));
}

T cg_limit_look_type(struct cg *g)
{
	T arg[] = { g->ptr, g->i64, g->i64, g->i64, g->i64 };

	return LLVMFunctionType(g->i64, arg, 5, 0);
}

/* key, time and cost and window in units, set and more (LOOK_) -> what came of it. One for all limits of one kind. */
static V look_function(struct cg *g, unsigned kind)
{
	MD types[] = { cg_key_pointer(g, xdpf_limit_words(kind)), g->du64, g->du64, g->du64, g->du64 };
	V f = cg_function_alone(g, arena_printf(g->arena, "limit_set_%u", kind), cg_limit_look_type(g), 5, types);
	struct limit l = limit_of(kind);
	BB none = cg_block(g, "none");

	l.again = true;
	l.index = cg_alloca(g, g->i32, "index");
	l.key = cg_address(g, LLVMGetParam(f, 0), none);
	l.now = LLVMGetParam(f, 1);
	l.cost = LLVMGetParam(f, 2);
	l.window = LLVMGetParam(f, 3);
	l.what = LLVMGetParam(f, 4);
	l.never = none;
	l.set = cg_limit_element(g, &l, l.what);
	cg_limit_look(g, &l);
	return_none(g, f, none);
	return f;
}

/* ---- the code of one limit ---- */

static T slow_type(struct cg *g)
{
	T arg[] = { g->ptr, g->i64, g->i64, g->i64 };

	return LLVMFunctionType(g->i64, arg, 4, 0);
}

/* key, time and cost in units, hash -> is there a token? For keys that are not found at once. A global one: the verifier walks its loop once,
 * not for each way that leads there. */
static V slow_function(struct cg *g, const struct ast_limit *ast)
{
	MD types[] = { cg_key_pointer(g, xdpf_limit_words(ast->kind)), g->du64, g->du64, g->du64 };
	V f = cg_function_alone(g, arena_printf(g->arena, "limit_%u", ast->index), slow_type(g), 4, types);
	struct limit l = limit_of(ast->kind);
	BB none = cg_block(g, "none");

	cg_locate(g, ast->span);
	l.fixed = limit_row_of(ast);
	l.index = cg_alloca(g, g->i32, "index");
	l.key = cg_address(g, LLVMGetParam(f, 0), none);
	l.now = LLVMGetParam(f, 1);
	l.cost = LLVMGetParam(f, 2);
	l.hash = LLVMGetParam(f, 3);
	outcomes(g, &l);
	l.never = none;
	l.again = true;
	l.count = count_of(g, &l);
	if (!cg_soon_few(g)) {
		l.set = cg_limit_set_of(g, &l, l.hash);
		cg_limit_rest(g, &l);
	}
	cg_limit_scan(g, &l);
	cg_limit_sets(g, &l);
	results(g, &l, NULL, NULL);
	return_none(g, f, none);
	return f;
}

static void ask_one(struct cg *g, const struct ast_limit *ast, const V *word, BB yes, BB no)
{
	struct limit l = limit_of(ast->kind);
	V r;

	l.fixed = limit_row_of(ast);
	l.half = half(g, ast);
	memcpy(l.word, word, l.words * sizeof(*word));
	l.clock = g->now;
	l.index = g->index;
	l.key = g->key;
	outcomes(g, &l);
	l.never = l.fixed.closed ? no : yes;
	begin(g, &l);
	if (l.words) {
		cg_limit_known(g, &l);
		cg_key_store(g, word, l.words);
		r = LLVMBuildCall2(g->b, slow_type(g), g->limit_fn[ast->index], (V[]){ l.key, l.now, l.cost, l.hash }, 4, "");
		cg_branch(g, LLVMBuildICmp(g->b, LLVMIntNE, r, cg_c(g, 0), ""), yes, no);
	} else {
		cg_limit_bucket(g, &l);
	}
	results(g, &l, yes, no);
}

/* ---- the code of all limits of one kind ---- */

static T any_type(struct cg *g)
{
	T arg[] = { g->ptr, g->ptr, g->i64, g->i64, g->i64 };

	return LLVMFunctionType(g->i64, arg, 5, 0);
}

/* The limit's row: an offset that is checked to be in the image. */
static V row_of(struct cg *g, V number)
{
	V at = cg_load(g, cg_atc(g, cg_image(g), g->ir->limits), 4, 4);

	at = LLVMBuildAdd(g->b, at, LLVMBuildMul(g->b, number, cg_c(g, sizeof(struct limit_row)), ""), "");
	return cg_at(g, cg_image(g), cg_at_most(g, at, g->ir->image.n - sizeof(struct limit_row)));
}

/* key, address of the time, length of the frame, image, limit -> is there a token? */
static V any_function(struct cg *g, unsigned kind)
{
	MD types[] = { cg_key_pointer(g, xdpf_limit_words(kind)), cg_pointer_type(g, g->du64), g->du64, g->du64, g->du64 };
	V f = cg_function_alone(g, arena_printf(g->arena, "limit_any_%u", kind), any_type(g), 5, types);
	struct limit l = limit_of(kind);
	BB none = cg_block(g, "none");

	l.half = all_half(g, kind);
	l.index = cg_alloca(g, g->i32, "index");
	l.key = cg_address(g, LLVMGetParam(f, 0), none);
	l.clock = cg_address(g, LLVMGetParam(f, 1), none);
	l.len = LLVMGetParam(f, 2);
	cg_image_again(g, LLVMGetParam(f, 3));
	l.row = row_of(g, LLVMGetParam(f, 4));
	outcomes(g, &l);
	l.never = none;
	begin(g, &l);
	if (kind) {
		cg_limit_known(g, &l);
		cg_limit_scan(g, &l);
		cg_limit_sets(g, &l);
	} else {
		cg_limit_bucket(g, &l);
	}
	results(g, &l, NULL, NULL);
	return_none(g, f, none);
	return f;
}

static void ask_any(struct cg *g, unsigned kind, const V *word, V limit, BB yes, BB no)
{
	V args[] = { g->key, g->now, cg_len(g), cg_image_number(g), limit }, r;

	if (kind)
		cg_key_store(g, word, xdpf_limit_words(kind));
	else
		cg_store(g, cg_c(g, 0), g->key, 8, 8);
	r = LLVMBuildCall2(g->b, any_type(g), g->limit_any[kind], args, 5, "");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntNE, r, cg_c(g, 0), ""), yes, no);
}

/* ---- all of them ---- */

static V limit_map(struct cg *g, unsigned kind)
{
	static const char *const lock_names[] = { "val" }, *const names[] = { "lock", "rest" };
	struct xdpf_limit_layout layout = xdpf_limit_layout(kind);
	unsigned rest = (layout.bytes - 8) / 8;
	unsigned bits[] = { 32, 64 * rest }, at[] = { 0, 64 };
	MD lock = cg_struct_type(g, "bpf_spin_lock", 1, lock_names, &g->du32, bits, NULL, 0);
	MD types[] = { lock, cg_array_type(g, g->du64, rest, 64) };
	const char *name = arena_printf(g->arena, "%s%u", XDPF_MAP_LIMIT, kind);
	uint64_t sets = g->ir->ast->limit_sets[kind];

	if (!kind)
		return cg_map(g, name, BPF_MAP_TYPE_ARRAY, sets, g->du32, g->du64);
	/* with this flag the elements begin with a page: so each set begins with a cache line */
	return cg_map_of(g, name, &(struct cg_map_def){
		BPF_MAP_TYPE_ARRAY, sets, g->du32, cg_struct_type(g, "xdpf_limit_set", 2, names, types, bits, at, 8 * layout.bytes),
		BPF_F_MMAPABLE });
}

void cg_limits(struct cg *g)
{
	static const char *const counts[] = { "admitted", "denied", "full", "crowded" };
	const struct ast_program *ast = g->ir->ast;
	unsigned bits[] = { 64, 64, 64, 64 }, lately = XDPF_LATELY_KEYS;
	MD types[] = { g->du64, g->du64, g->du64, g->du64 };

	if (!ast->n_limits)
		return;
	g->limits = cg_map(g, XDPF_MAP_LIMITS, BPF_MAP_TYPE_PERCPU_ARRAY, ast->n_limits, g->du32,
			   cg_struct_type(g, "xdpf_limit_count", 4, counts, types, bits, NULL, 0));
	g->lately = cg_global(g, XDPF_VAR_LATELY, LLVMConstNull(LLVMArrayType2(g->i32, lately)), ".bss", false, 64);
	cg_debug_global(g, g->lately, XDPF_VAR_LATELY, cg_array_type(g, g->du32, lately, 32));
	for (unsigned kind = 0; kind < XDPF_LIMIT_KINDS; kind++) {
		if (!ast->limit_sets[kind])
			continue;
		g->limit_map[kind] = limit_map(g, kind);
		if (kind)
			g->limit_look[kind] = look_function(g, kind);
		if (g->ir->limit_rows)
			g->limit_any[kind] = any_function(g, kind);
	}
	if (g->ir->limit_rows)
		return;
	g->limit_fn = arena_array(g->arena, ast->n_limits, sizeof(V));
	for (size_t i = 0; i < ast->n_limits; i++)
		if (ast->limit.v[i]->kind)
			g->limit_fn[i] = slow_function(g, ast->limit.v[i]);
}

void cg_limit(struct cg *g, const struct ir_inst *i, V limit, V *args, BB yes, BB no)
{
	const struct ast_limit *ast = g->ir->ast->limit.v[i->imm];
	struct meta_key k = meta_key_layout(g->arena, ast->key.v, ast->key.n);
	V word[CG_MAX_KEY / 8];

	cg_key_words(g, &k, args, word);
	if (g->ir->limit_rows)
		ask_any(g, ast->kind, word, limit, yes, no);
	else
		ask_one(g, g->ir->ast->limit.v[i->a.v], word, yes, no);
}
