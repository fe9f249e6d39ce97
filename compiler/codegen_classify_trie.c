/*
 * The look-up in a trie of numbers of up to 128 bits (runtime/table/map.h). In: a number. Out: its value, after as many steps as the trie
 * has nodes on its longest way, written one behind the other.
 */
#include "codegen_classify.h"

#include <stddef.h>

/* 128 bits, of which the highest are looked at next. */
struct wide {
	V hi, lo;
};

static V shl(struct cg *g, V a, V n)
{
	return LLVMBuildShl(g->b, a, n, "");
}

static V shr(struct cg *g, V a, V n)
{
	return LLVMBuildLShr(g->b, a, n, "");
}

/* The @n highest bits, 0 to 63 of them: no instruction shifts by 64. */
static V highest(struct cg *g, V a, V n)
{
	return shr(g, shr(g, a, cg_c(g, 1)), LLVMBuildSub(g->b, cg_c(g, 63), n, ""));
}

/* Without the @n highest bits, 0 to 63. */
static struct wide rest(struct cg *g, struct wide x, V n)
{
	return (struct wide){ LLVMBuildOr(g->b, shl(g, x.hi, n), highest(g, x.lo, n), ""), shl(g, x.lo, n) };
}

static struct wide upwards(struct cg *g, V hi, V lo, unsigned bits)
{
	unsigned by = bits > 64 ? 128 - bits : 64 - bits;

	if (bits <= 64)
		return (struct wide){ shl(g, lo, cg_c(g, by)), cg_c(g, 0) };
	return rest(g, (struct wide){ hi, lo }, cg_c(g, by));
}

static V value(struct cg *g, V entry)
{
	return LLVMBuildAnd(g->b, entry, cg_c(g, MAP_TRIE_VALUE - 1), "");
}

/* One node: at @off. What is not like its numbers goes to @done with a value; *x goes on. Returns the entry. */
static V step(struct cg_lookup *l, V off, struct wide *x, V result, BB done)
{
	struct cg *g = l->g;
	BB like = cg_block(g, "like"), unlike = cg_block(g, "unlike");
	V node = cg_inside(l, off, sizeof(struct map_node)), expect = cg_load(g, cg_atc(g, node, offsetof(struct map_node, expect)), 8, 8);
	V skip = cg_load(g, cg_atc(g, node, offsetof(struct map_node, skip)), 1, 1);
	V stride = cg_load(g, cg_atc(g, node, offsetof(struct map_node, stride)), 1, 1);
	V top = highest(g, x->hi, skip), above, slot;

	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, top, expect, ""), like, unlike);
	cg_place(g, unlike);
	/* both are below 2^63 */
	above = shr(g, LLVMBuildSub(g->b, expect, top, ""), cg_c(g, 63));
	above = LLVMBuildAdd(g->b, shl(g, above, cg_c(g, 2)), cg_c(g, offsetof(struct map_node, beyond)), "");
	LLVMBuildStore(g->b, value(g, cg_look(l, LLVMBuildAdd(g->b, off, above, ""), 4)), result);
	LLVMBuildBr(g->b, done);
	cg_place(g, like);
	*x = rest(g, *x, skip);
	slot = LLVMBuildAdd(g->b, shl(g, highest(g, x->hi, stride), cg_c(g, 2)), cg_c(g, offsetof(struct map_node, entry)), "");
	*x = rest(g, *x, stride);
	return cg_look(l, LLVMBuildAdd(g->b, off, slot, ""), 4);
}

V cg_trie_find(struct cg_lookup *l, const struct map *m, V hi, V lo)
{
	struct cg *g = l->g;
	struct wide x = upwards(g, hi, lo, m->bits);
	V result = cg_alloca(g, g->i64, "mapped"), e = cg_described(g, m->at);
	BB done = cg_block(g, "mapped");

	for (unsigned s = 0; s < m->steps; s++) {
		BB node = cg_block(g, "node");

		LLVMBuildStore(g->b, value(g, e), result);
		cg_branch(g, LLVMBuildICmp(g->b, LLVMIntUGE, e, cg_c(g, MAP_TRIE_VALUE), ""), done, node);
		cg_place(g, node);
		e = step(l, shl(g, e, cg_c(g, 3)), &x, result, done);
	}
	LLVMBuildStore(g->b, value(g, e), result);
	LLVMBuildBr(g->b, done);
	cg_place(g, done);
	return LLVMBuildLoad2(g->b, g->i64, result, "");
}
