/*
 * Constant tables in .rodata, and the search in them. In: sorted boundaries or keys. Out: a function per table that says 0 or 1 (or the
 * same code in line, where a key has more words than a function has arguments).
 *
 * The search is a binary one without a branch: the table is padded to a power of two, element 0 is below all keys and not stored as
 * such, and each step adds half of the rest if the element there is not above the key. So the verifier walks it once, and the index
 * is masked, so that it knows the bounds; the number is hidden from the optimiser, which would prove the mask needless and drop it.
 */
#include "codegen_priv.h"

#include <stdlib.h>

enum { MAX_ARGS = 5 };

static unsigned steps(const struct ir_table *t)
{
	unsigned k = 1;

	while (((size_t)1 << k) <= t->n)
		k++;
	return k;
}

static V table_data(struct cg *g, const struct ir_table *t, const char *name)
{
	size_t slots = (size_t)1 << steps(t), bytes = t->width / 8, size = slots * t->words * bytes;
	unsigned char *data = malloc(size);
	V init, v;
	MD elem = t->width == 32 ? g->du32 : g->du64;

	if (!data) {
		g->failure = arena_printf(g->arena, "no memory for the set %s", t->name);
		return LLVMGetUndef(g->ptr);
	}
	for (size_t i = 0; i < slots * t->words; i++) {
		uint64_t w = i < t->words ? 0 : UINT64_MAX;

		if (i >= t->words && i < (t->n + 1) * t->words)
			w = t->word[i - t->words];
		for (size_t b = 0; b < bytes; b++)
			data[i * bytes + b] = (unsigned char)(w >> 8 * b);
	}
	init = LLVMConstStringInContext2(g->cx, (const char *)data, size, 1);
	free(data);
	v = LLVMAddGlobal(g->m, LLVMTypeOf(init), name);
	LLVMSetInitializer(v, init);
	LLVMSetGlobalConstant(v, 1);
	LLVMSetSection(v, ".rodata");
	LLVMSetAlignment(v, 8);
	cg_debug_global(g, v, name, cg_array_type(g, elem, slots * t->words, t->width));
	return v;
}

static V sub(struct cg *g, V a, V b)
{
	return LLVMBuildSub(g->b, a, b, "");
}

static V sign(struct cg *g, V v)
{
	return LLVMBuildLShr(g->b, v, cg_c(g, 63), "");
}

/* 1 if a < b, for any two numbers, without a branch (Hacker's Delight, 2-12). */
static V less(struct cg *g, V a, V b)
{
	V na = LLVMBuildNot(g->b, a, "");
	V m = LLVMBuildOr(g->b, LLVMBuildAnd(g->b, na, b, ""), LLVMBuildAnd(g->b, LLVMBuildOr(g->b, na, b, ""), sub(g, a, b), ""), "");

	return sign(g, m);
}

/* 1 if the element at @p is not above the key. */
static V not_above(struct cg *g, const struct ir_table *t, V p, const V *key)
{
	unsigned bytes = t->width / 8;
	V above = NULL;

	if (t->width == 32) {
		/* both below 2^33: the borrow is the answer */
		V d = sub(g, sub(g, cg_load(g, p, 4, 4), key[0]), cg_c(g, 1));

		return sign(g, cg_hide(g, d));
	}
	/* key < element, most significant word last: less, or equal and the lower words are less */
	for (unsigned k = t->words; k-- > 0;) {
		V e = cg_load(g, cg_atc(g, p, (uint64_t)k * bytes), 8, 8), lt = less(g, key[k], e);

		if (above) {
			V x = LLVMBuildXor(g->b, key[k], e, "");
			V same = LLVMBuildXor(g->b, sign(g, LLVMBuildOr(g->b, x, sub(g, cg_c(g, 0), x), "")), cg_c(g, 1), "");

			above = LLVMBuildOr(g->b, lt, LLVMBuildAnd(g->b, same, above, ""), "");
		} else {
			above = lt;
		}
	}
	return LLVMBuildXor(g->b, cg_hide(g, above), cg_c(g, 1), "");
}

static V element(struct cg *g, const struct ir_table *t, V table, V at)
{
	size_t slots = (size_t)1 << steps(t), size = t->words * (t->width / 8);
	V masked = LLVMBuildAnd(g->b, cg_hide(g, at), cg_c(g, slots - 1), "");

	return cg_at(g, table, LLVMBuildMul(g->b, masked, cg_c(g, size), ""));
}

static V search(struct cg *g, const struct ir_table *t, V table, const V *key)
{
	V at = cg_c(g, 0), found, beyond;

	for (unsigned k = steps(t); k-- > 0;) {
		V mid = LLVMBuildAdd(g->b, at, cg_c(g, (uint64_t)1 << k), "");
		V le = not_above(g, t, element(g, t, table, mid), key);

		at = LLVMBuildAdd(g->b, at, LLVMBuildShl(g->b, le, cg_c(g, k), ""), "");
	}
	/* a key of all ones is not below the padding either: then it stands at the last real element */
	beyond = LLVMBuildICmp(g->b, LLVMIntUGT, at, cg_c(g, t->n), "");
	at = LLVMBuildSelect(g->b, beyond, cg_c(g, t->n), at, "");
	if (t->bounds)
		return LLVMBuildAnd(g->b, at, cg_c(g, 1), "");
	found = element(g, t, table, at);
	V differ = LLVMBuildICmp(g->b, LLVMIntEQ, at, cg_c(g, 0), "");

	differ = LLVMBuildZExt(g->b, differ, g->i64, "");
	for (unsigned k = 0; k < t->words; k++)
		differ = LLVMBuildOr(g->b, differ,
				     LLVMBuildXor(g->b, key[k], cg_load(g, cg_atc(g, found, (uint64_t)k * (t->width / 8)), t->width / 8, 8), ""), "");
	return LLVMBuildZExt(g->b, LLVMBuildICmp(g->b, LLVMIntEQ, differ, cg_c(g, 0), ""), g->i64, "");
}

static const char *c_name(struct arena *a, const char *prefix, size_t i, const char *name)
{
	char *s = arena_printf(a, "%s%zu_%s", prefix, i, name);

	for (char *p = s; *p; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '_'))
			*p = '_';
	return s;
}

void cg_tables(struct cg *g)
{
	g->table = arena_array(g->arena, g->ir->table.n, sizeof(V));
	g->table_fn = arena_array(g->arena, g->ir->table.n, sizeof(V));
	for (size_t i = 0; i < g->ir->table.n; i++) {
		const struct ir_table *t = g->ir->table.v[i];
		const char *name = c_name(g->arena, "xdpf_set", i, t->name);
		T arg[MAX_ARGS];
		MD darg[MAX_ARGS];
		V key[MAX_ARGS], f;

		g->table[i] = table_data(g, t, name);
		if (t->words > MAX_ARGS)
			continue;
		for (unsigned k = 0; k < t->words; k++) {
			arg[k] = g->i64;
			darg[k] = g->du64;
		}
		name = c_name(g->arena, "in", i, t->name);
		f = cg_function(g, name, LLVMFunctionType(g->i64, arg, t->words, 0), t->words, darg);
		cg_locate(g, t->span);
		for (unsigned k = 0; k < t->words; k++)
			key[k] = LLVMGetParam(f, k);
		LLVMBuildRet(g->b, search(g, t, g->table[i], key));
		g->table_fn[i] = f;
	}
}

V cg_member(struct cg *g, size_t table, const V *key)
{
	const struct ir_table *t = g->ir->table.v[table];
	T arg[MAX_ARGS];
	V args[MAX_ARGS];

	if (!g->table_fn[table])
		return search(g, t, g->table[table], key);
	for (unsigned k = 0; k < t->words; k++) {
		arg[k] = g->i64;
		args[k] = key[k];
	}
	return LLVMBuildCall2(g->b, LLVMFunctionType(g->i64, arg, t->words, 0), g->table_fn[table], args, t->words, "");
}
