/*
 * Where a key's bucket is looked for. In: the key. Out: code for its hash, the set that this names, its own slot there; and what has the set come
 * from memory soon.
 */
#include <linux/bpf.h>

#include "abi.h"
#include "codegen_limit_emit.h"

/* @z, whose upper half has something of all bits then. */
static V stir(struct cg *g, V z)
{
	z = LLVMBuildMul(g->b, z, cg_c(g, 0xbf58476d1ce4e5b9u), "");
	z = LLVMBuildXor(g->b, z, LLVMBuildLShr(g->b, z, cg_c(g, 32), ""), "");
	return LLVMBuildMul(g->b, z, cg_c(g, 0x94d049bb133111ebu), "");
}

static V upper(struct cg *g, V hash)
{
	return LLVMBuildLShr(g->b, hash, cg_c(g, 32), "");
}

V cg_limit_next(struct cg *g, V hash)
{
	return stir(g, LLVMBuildAdd(g->b, hash, cg_c(g, XDPF_RANDOM_STEP), ""));
}

V cg_limit_way(struct cg *g, const struct limit *l, V hash)
{
	V v = LLVMBuildMul(g->b, and(g, hash, cg_c(g, UINT16_MAX)), cg_c(g, l->layout.ways), "");

	/* hidden: multiplied by what a slot takes, LLVM would make a mask of the shift, of which the verifier knows less */
	return cg_hide(g, LLVMBuildLShr(g->b, v, cg_c(g, 16), ""));
}

V cg_limit_own(struct cg *g, const struct limit *l, V hash)
{
	return LLVMBuildMul(g->b, cg_limit_way(g, l, hash), cg_c(g, l->layout.slot), "");
}

V cg_limit_element(struct cg *g, const struct limit *l, V at)
{
	BB on = cg_block_after(g, LLVMGetInsertBlock(g->b), "there");
	V p;

	cg_store(g, at, l->index, 4, 4);
	p = cg_helper(g, BPF_FUNC_map_lookup_elem, g->ptr, 2, (V[]){ g->limit_map[l->kind], l->index });
	/* never: the index is below the number of elements */
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, p, LLVMConstNull(g->ptr), ""), l->never, on);
	cg_go(g, on);
	return p;
}

V cg_limit_number_of(struct cg *g, const struct limit *l, V hash)
{
	return LLVMBuildAdd(g->b, upper(g, LLVMBuildMul(g->b, upper(g, hash), CG_LIMIT(g, l, sets), "")), CG_LIMIT(g, l, base), "");
}

V cg_limit_set_of(struct cg *g, const struct limit *l, V hash)
{
	return cg_limit_element(g, l, cg_limit_number_of(g, l, hash));
}

/* Where it is remembered that the key of @hash had no token, and what is. */
static V lately(struct cg *g, V hash, V *mark)
{
	V h = upper(g, hash);

	*mark = LLVMBuildTrunc(g->b, h, g->i32, "");
	return cg_at(g, g->lately, and(g, h, cg_c(g, 4 * (XDPF_LATELY_KEYS - 1))));
}

static V word_of(struct cg *g, const struct limit *l, unsigned k)
{
	V w;

	if (!l->row)
		return l->word[k];
	w = cg_load(g, cg_atc(g, l->key, 8 * (uint64_t)k), 8, 8);
	LLVMSetVolatile(w, 1);	/* or all would be read first, and kept on the stack */
	return w;
}

/* Each word is stirred in before the next comes: else whoever chooses several of them could have many keys in one set. A byte is stirred in by the
 * seed, which nobody knows. As carry_limit.c has it. */
static V hash_of(struct cg *g, const struct limit *l)
{
	V h = LLVMBuildLoad2(g->b, g->i64, cg_atc(g, g->config, offsetof(struct xdpf_config, seed)), ""), w;

	LLVMSetVolatile(h, 1);
	if (l->kind == XDPF_LIMIT_TAILED)
		h = LLVMBuildMul(g->b, h, LLVMBuildAdd(g->b, word_of(g, l, l->layout.words), cg_c(g, 1), ""), "");
	for (unsigned k = 0; k < l->layout.words; k++) {
		w = word_of(g, l, k);
		h = stir(g, LLVMBuildXor(g->b, k ? LLVMBuildXor(g->b, h, upper(g, h), "") : h, w, ""));
	}
	return h;
}

void cg_limit_load_key(struct cg *g, struct limit *l)
{
	for (unsigned k = 0; k < l->words; k++)
		l->word[k] = cg_load(g, cg_atc(g, l->key, 8 * (uint64_t)k), 8, 8);
}

void cg_limit_set(struct cg *g, struct limit *l)
{
	if (l->row)
		cg_limit_load_key(g, l);
	l->hash = hash_of(g, l);
	l->again = l->row && l->words > CG_LIMIT_KEPT;
	l->set = cg_limit_set_of(g, l, l->hash);
}

/* A byte that nobody reads, in the line of the key's own slot, or else the set's first. */
static V unread(struct cg *g, const struct limit *l)
{
	enum { LINE = 64 };

	if (l->half && l->layout.bytes > LINE)
		return cg_atc(g, cg_at(g, l->set, cg_limit_own(g, l, l->hash)), l->layout.first + l->layout.slot - 1);
	return cg_atc(g, l->set, XDPF_LIMIT_UNREAD);
}

void cg_limit_fetch(struct cg *g, const struct limit *l)
{
	BB here = LLVMGetInsertBlock(g->b), fetch = cg_block_after(g, here, "fetch"), on = cg_block_after(g, fetch, "clock");
	V mark, p = lately(g, l->hash, &mark), known = LLVMBuildLoad2(g->b, g->i32, p, ""), s;

	LLVMSetAlignment(known, 4);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, known, mark, ""), on, fetch);
	cg_go(g, fetch);
	s = LLVMBuildStore(g->b, LLVMConstNull(g->i8), unread(g, l));
	LLVMSetVolatile(s, 1);
	LLVMSetAlignment(s, 1);
	LLVMBuildBr(g->b, on);
	cg_go(g, on);
}

void cg_limit_lately(struct cg *g, const struct limit *l, BB to)
{
	BB on = cg_block_after(g, LLVMGetInsertBlock(g->b), "not lately");
	V mark, known = LLVMBuildLoad2(g->b, g->i32, lately(g, cg_hide(g, l->hash), &mark), "");

	LLVMSetAlignment(known, 4);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, known, mark, ""), to, on);
	cg_go(g, on);
}

void cg_limit_remember(struct cg *g, const struct limit *l)
{
	enum { SELDOM = 15 << 4 };	/* bits of the time */
	BB here = LLVMGetInsertBlock(g->b), put = cg_block_after(g, here, "remember"), on = cg_block_after(g, put, "remembered");
	V mark, p;

	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, and(g, l->now, cg_c(g, SELDOM)), cg_c(g, 0), ""), put, on);
	cg_go(g, put);
	/* worked out anew: else it would be kept from there to here, which is seldom reached */
	p = lately(g, cg_hide(g, l->hash), &mark);
	LLVMSetAlignment(LLVMBuildStore(g->b, mark, p), 4);
	LLVMBuildBr(g->b, on);
	cg_go(g, on);
}
