/*
 * Counters that are found before they are needed. In: a program that asks limits. Out: while a limit's set comes from memory, code looks for the
 * counters of the end that most packets come to, the default; there they need not be looked for.
 *
 * A limit costs what its set takes to come from memory. While the processor waits for one packet's it goes on with the next one, as far as some three
 * hundred instructions: if the next packet asks for its set among these, half of the waiting is saved. So each instruction between counts.
 */
#include "codegen_priv.h"

#include "abi.h"

/* Of the last file: behind the others' comes that. */
static const struct ast_unit *last(const struct cg *g)
{
	return g->ir->ast->units.v[g->ir->ast->units.n - 1];
}

bool cg_soon_few(const struct cg *g)
{
	enum { FEW = 2 };
	size_t n = 0;

	for (size_t b = 0; b < g->ir->block.n; b++)
		for (size_t i = 0; i < g->ir->block.v[b]->inst.n; i++)
			n += g->ir->block.v[b]->inst.v[i].op == IR_LIMIT;
	return n && n <= FEW;
}

/* Not where what is counted is an index in the image or is noted first, nor in large programs, which have no stack for it. */
void cg_soon_begin(struct cg *g)
{
	if (!cg_soon_few(g) || g->ir->limit_rows || g->ir->index_place || g->pending || g->scratch || last(g)->counters_off ||
	    !g->verdicts_counted)
		return;
	g->soon_rule = cg_alloca(g, g->ptr, "rule's counter");
	g->soon_verdict = cg_alloca(g, g->ptr, "verdict's counter");
	g->soon_end = cg_block(g, "expected");
	/* both: a register that is moved on some ways before it is written is refused, though it is used only behind the other */
	LLVMBuildStore(g->b, LLVMConstNull(g->ptr), g->soon_rule);
	LLVMBuildStore(g->b, LLVMConstNull(g->ptr), g->soon_verdict);
}

/* The counter; to @none, if there is none, which is never. */
static V find(struct cg *g, V map, uint64_t index, BB none)
{
	BB there = cg_block_after(g, LLVMGetInsertBlock(g->b), "found");
	V p;

	cg_store(g, cg_c(g, index), g->index, 4, 4);
	p = cg_counter_of(g, map, g->index);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, p, LLVMConstNull(g->ptr), ""), none, there);
	cg_go(g, there);
	return p;
}

void cg_soon_find(struct cg *g)
{
	BB on, look, quiet;
	V rule, verdict, flag;

	if (!g->soon_rule || LLVMGetBasicBlockParent(LLVMGetInsertBlock(g->b)) != LLVMGetBasicBlockParent(g->soon_end))
		return;
	flag = LLVMBuildAnd(g->b, cg_flags(g), cg_c(g, XDPF_CONFIG_TRACE), "");
	quiet = cg_block_after(g, LLVMGetInsertBlock(g->b), "no trace");
	look = cg_block_after(g, quiet, "counters soon");
	on = cg_block_after(g, look, "have them");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, flag, cg_c(g, 0), ""), quiet, on);
	cg_go(g, quiet);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, LLVMBuildLoad2(g->b, g->ptr, g->soon_rule, ""), LLVMConstNull(g->ptr), ""), look, on);
	cg_go(g, look);
	cg_branch(g, cg_sample_none(g), quiet = cg_block_after(g, look, "no sample"), on);
	cg_go(g, quiet);
	rule = find(g, g->rules, last(g)->default_index, on);
	verdict = find(g, g->verdicts, (uint64_t)lang_verdicts[last(g)->default_verdict].xdp, on);
	LLVMBuildStore(g->b, verdict, g->soon_verdict);
	LLVMBuildStore(g->b, rule, g->soon_rule);
	LLVMBuildBr(g->b, on);
	cg_go(g, on);
}

bool cg_soon_decided(const struct cg *g, const struct ir_inst *i)
{
	return g->soon_rule && !g->part && !i->noted && i->counted && i->imm == last(g)->default_index && i->verdict == last(g)->default_verdict;
}

void cg_soon_end(struct cg *g)
{
	BB have = cg_block(g, "expected end"), other = cg_block(g, "any end");
	uint64_t verdict = (uint64_t)lang_verdicts[last(g)->default_verdict].xdp;
	V rule;

	cg_go(g, g->soon_end);
	rule = LLVMBuildLoad2(g->b, g->ptr, g->soon_rule, "");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, rule, LLVMConstNull(g->ptr), ""), other, have);
	cg_go(g, have);
	cg_add_packet(g, rule);
	cg_add_packet(g, LLVMBuildLoad2(g->b, g->ptr, g->soon_verdict, ""));
	LLVMBuildRet(g->b, cg_c32(g, (uint32_t)verdict));
	cg_go(g, other);
	cg_store(g, cg_c(g, last(g)->default_index), g->decider, 4, 4);
	LLVMBuildStore(g->b, cg_c(g, verdict), g->verdict);
	LLVMBuildBr(g->b, g->end_counted);
}
