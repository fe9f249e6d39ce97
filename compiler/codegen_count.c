/*
 * Counters. In: which one. Out: code that adds one packet and the frame's bytes. All maps are per CPU, so plain additions are right.
 */
#include "codegen_priv.h"

#include <linux/bpf.h>

#include "abi.h"
#include "meta.h"

V cg_counter_of(struct cg *g, V map, V key)
{
	return cg_helper(g, BPF_FUNC_map_lookup_elem, g->ptr, 2, (V[]){ map, key });
}

static V is_null(struct cg *g, V p)
{
	return LLVMBuildICmp(g->b, LLVMIntEQ, p, LLVMConstNull(g->ptr), "");
}

static void add_to(struct cg *g, V p, uint64_t off, V n)
{
	V at = cg_atc(g, p, off);

	cg_store(g, LLVMBuildAdd(g->b, cg_load(g, at, 8, 8), n, ""), at, 8, 8);
}

void cg_add_packet(struct cg *g, V p)
{
	add_to(g, p, offsetof(struct xdpf_counter, packets), cg_c(g, 1));
	add_to(g, p, offsetof(struct xdpf_counter, bytes), cg_len(g));
}

static BB next_block(struct cg *g, const char *name)
{
	return cg_block_after(g, LLVMGetInsertBlock(g->b), name);
}

void cg_add_counter(struct cg *g, V map, V index)
{
	cg_store(g, index, g->index, 4, 4);
	cg_add_counter_at(g, map, g->index);
}

void cg_add_counter_at(struct cg *g, V map, V index_address)
{
	V p = cg_counter_of(g, map, index_address);
	BB add, on;

	add = next_block(g, "add");
	on = cg_block_after(g, add, "added");
	cg_branch(g, is_null(g, p), on, add);
	cg_go(g, add);
	cg_add_packet(g, p);
	LLVMBuildBr(g->b, on);
	cg_go(g, on);
}

void cg_add_one(struct cg *g, V map, V index, size_t member)
{
	BB add, on;
	V p;

	cg_store(g, index, g->index, 4, 4);
	p = cg_counter_of(g, map, g->index);
	add = next_block(g, "add one");
	on = cg_block_after(g, add, "one added");
	cg_branch(g, is_null(g, p), on, add);
	cg_go(g, add);
	add_to(g, p, member, cg_c(g, 1));
	LLVMBuildBr(g->b, on);
	cg_go(g, on);
}

void cg_tally(struct cg *g, const struct ir_inst *i, V *args, V slot)
{
	const struct ast_program *ast = g->ir->ast;
	const struct ast_counter *c = NULL;
	struct meta_key k;
	BB insert, found, full, again, lost, on;
	V p, r;

	for (size_t u = 0; u < ast->units.n; u++)
		for (size_t n = 0; n < ast->units.v[u]->counters.n; n++)
			if (ast->units.v[u]->counters.v[n]->index == i->imm)
				c = ast->units.v[u]->counters.v[n];
	KNOWN(c);		/* the checker numbers them all */
	k = meta_key_layout(g->arena, c->key.v, c->key.n);
	if (!k.n) {
		cg_add_counter(g, g->counter_map[i->imm], cg_c(g, 0));
		return;
	}
	cg_key(g, &k, args);
	found = next_block(g, "entry found");
	on = cg_block_after(g, found, "tallied");
	insert = cg_block(g, "new entry");
	full = cg_block(g, "not inserted");
	again = cg_block(g, "inserted meanwhile");
	lost = cg_block(g, "table full");
	p = cg_counter_of(g, g->counter_map[i->imm], g->key);
	cg_branch(g, is_null(g, p), insert, found);
	cg_go(g, found);
	cg_add_packet(g, p);
	LLVMBuildBr(g->b, on);

	/* a new element has this packet on this CPU and nothing on the others */
	cg_go(g, insert);
	cg_store(g, cg_c(g, 1), g->value, 8, 8);
	cg_store(g, cg_len(g), cg_atc(g, g->value, 8), 8, 8);
	r = cg_helper(g, BPF_FUNC_map_update_elem, g->i64, 4, (V[]){ g->counter_map[i->imm], g->key, g->value, cg_c(g, BPF_NOEXIST) });
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, r, cg_c(g, 0), ""), on, full);
	/* another CPU may have been first with this key: then it is there now */
	cg_go(g, full);
	p = cg_counter_of(g, g->counter_map[i->imm], g->key);
	cg_branch(g, is_null(g, p), lost, again);
	cg_go(g, again);
	cg_add_packet(g, p);
	LLVMBuildBr(g->b, on);
	cg_go(g, lost);
	cg_add_one(g, g->misses, slot, offsetof(struct xdpf_miss, full));
	LLVMBuildBr(g->b, on);
	cg_go(g, on);
}
