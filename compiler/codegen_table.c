/*
 * Look-ups in constant sets. In: tables in the program's image, keys. Out: a function per engine and width of keys that says 0 or 1, and calls of it.
 *
 * The functions know of a table no more than where it begins; everything else they read from its head. They are global ones: the verifier goes
 * through each once, for any number of calls, and knows nothing of what they get. So each place that is read is checked to be in the image, by a
 * comparison that never fails in an image that we built; the number is hidden from the optimiser, so that what is compared is what is used.
 */
#include "codegen_priv.h"

#include "codegen_table.h"

enum { MAX_ARGS = 5 };

V cg_table_at(struct cg_table *t, V at, unsigned bytes)
{
	struct cg *g = t->g;
	BB ok = cg_block(g, "inside");
	V off = cg_hide(g, LLVMBuildAdd(g->b, t->off, at, ""));

	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntUGT, off, cg_c(g, t->size - bytes), ""), t->no, ok);
	cg_go(g, ok);
	return cg_at(g, t->image, off);
}

V cg_table_head(struct cg_table *t, size_t member, unsigned bytes)
{
	return cg_load(t->g, cg_atc(t->g, t->head, member), bytes, bytes);
}

V cg_table_less(struct cg *g, V a, V b)
{
	V na = LLVMBuildNot(g->b, a, "");
	V m = LLVMBuildOr(g->b, LLVMBuildAnd(g->b, na, b, ""),
			  LLVMBuildAnd(g->b, LLVMBuildOr(g->b, na, b, ""), LLVMBuildSub(g->b, a, b, ""), ""), "");

	return LLVMBuildLShr(g->b, m, cg_c(g, 63), "");
}

void cg_table_answer(struct cg_table *t, V v)
{
	struct cg *g = t->g;

	LLVMAddIncoming(t->result, &v, (BB[]){ LLVMGetInsertBlock(g->b) }, 1);
	LLVMBuildBr(g->b, t->end);
}

/* More words than a function has arguments: the key is in memory, and the verifier must know of what; it goes through these once per call. */
static bool by_address(unsigned words)
{
	return words + 1 > MAX_ARGS;
}

static T function_type(struct cg *g, unsigned words, unsigned *n)
{
	T arg[MAX_ARGS];

	*n = by_address(words) ? 2 : words + 1;
	for (unsigned i = 0; i < *n; i++)
		arg[i] = g->i64;
	if (by_address(words))
		arg[1] = g->ptr;
	return LLVMFunctionType(g->i64, arg, *n, 0);
}

static V function(struct cg *g, enum set_engine engine, unsigned words, bool narrow)
{
	struct cg_table t = { .g = g, .words = words, .size = g->ir->image.n };
	const char *name = arena_printf(g->arena, "in_%s_%u", set_engine_name(engine), narrow ? 32 : 64 * words);
	MD darg[MAX_ARGS];
	unsigned n;
	T type = function_type(g, words, &n);
	BB start;
	V f;

	for (unsigned i = 0; i < n; i++)
		darg[i] = g->du64;
	if (by_address(words))
		darg[1] = cg_key_pointer(g, words);
	f = cg_function_alone(g, name, type, n, darg);
	t.no = cg_block(g, "outside");
	if (by_address(words))
		cg_address(g, LLVMGetParam(f, 1), t.no);
	cg_image_again(g, LLVMBuildLShr(g->b, LLVMGetParam(f, 0), cg_c(g, 32), ""));
	/* what is in the head is in every image */
	t.off = LLVMBuildAnd(g->b, cg_hide(g, LLVMGetParam(f, 0)), cg_c(g, IMAGE_HEAD - 4), "");
	t.off = cg_load(g, cg_at(g, cg_image(g), t.off), 4, 4);
	for (unsigned k = 0; k < words; k++)
		t.key[k] = by_address(words) ? cg_load(g, cg_atc(g, LLVMGetParam(f, 1), 8 * k), 8, 8) : LLVMGetParam(f, k + 1);
	t.image = cg_image(g);
	start = LLVMGetInsertBlock(g->b);
	t.end = cg_block(g, "answer");
	cg_go(g, t.end);
	t.result = LLVMBuildPhi(g->b, g->i64, "");
	LLVMBuildRet(g->b, t.result);
	cg_go(g, t.no);
	cg_table_answer(&t, cg_c(g, 0));
	cg_go(g, start);
	t.head = cg_table_at(&t, cg_c(g, 0), sizeof(struct set_head));
	switch (engine) {
	case SET_BITS:		cg_table_bits(&t); break;
	case SET_SEARCH:	cg_table_search(&t); break;
	case SET_HASH:		cg_table_hash(&t, narrow); break;
	case SET_PAGES:		cg_table_pages(&t); break;
	case SET_BOUNDS:	cg_table_bounds(&t); break;
	case SET_TRIE:		cg_table_trie(&t); break;
	case SET_DIR24:		cg_table_dir24(&t); break;
	case SET_QUOTIENT:	cg_table_quotient(&t); break;
	case SET_AUTO:
	case SET_ENGINE_COUNT:	break;
	}
	LLVMMoveBasicBlockAfter(t.no, LLVMGetLastBasicBlock(f));
	LLVMMoveBasicBlockAfter(t.end, t.no);
	return f;
}

static V *function_of(struct cg *g, const struct ir_table *t, bool *narrow)
{
	*narrow = t->table.engine == SET_HASH && t->set.bits <= 32;
	return &g->set_fn[t->table.engine][*narrow ? 0 : t->set.words];
}

void cg_tables(struct cg *g)
{
	for (size_t i = 0; i < g->ir->table.n; i++) {
		const struct ir_table *t = g->ir->table.v[i];
		bool narrow;
		V *f = function_of(g, t, &narrow);

		if (t->table.engine != SET_AUTO && !*f)
			*f = function(g, t->table.engine, t->set.words, narrow);
	}
}

V cg_member(struct cg *g, size_t table, const V *key)
{
	const struct ir_table *t = g->ir->table.v[table];
	/* which image, and where in its head it says where the table is */
	V args[MAX_ARGS] = { LLVMBuildOr(g->b, LLVMBuildShl(g->b, cg_image_number(g), cg_c(g, 32), ""), cg_c(g, t->described), "") };
	bool narrow;
	unsigned n;
	T type = function_type(g, t->set.words, &n);

	for (unsigned k = 0; k < t->set.words; k++)
		if (by_address(t->set.words))
			cg_store(g, key[k], cg_atc(g, g->key, 8 * k), 8, 8);
		else
			args[k + 1] = key[k];
	if (by_address(t->set.words))
		args[1] = g->key;
	return LLVMBuildCall2(g->b, type, *function_of(g, t, &narrow), args, n, "");
}
