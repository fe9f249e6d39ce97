/*
 * How much is looked up for a packet. In: well-formed IR. Out: of all ways through it, the most of each kind.
 */
#include "ir.h"

static struct ir_cost of_inst(const struct ir_program *p, const struct ir_inst *i)
{
	switch ((unsigned)i->op) {
	case IR_CLASSIFY:
		return (struct ir_cost){ classify_loads(p->classifier.v[i->imm]), 0 };
	case IR_MEMBER:
		return (struct ir_cost){ p->table.v[i->imm]->table.loads, 0 };
	case IR_LOOKUP:
	case IR_ADDSET:
	case IR_DELSET:
	case IR_TALLY:
	case IR_LIMIT:
		return (struct ir_cost){ 0, 1 };
	}
	return (struct ir_cost){ 0, 0 };
}

static void take_most(struct ir_cost *most, struct ir_cost c)
{
	most->reads = c.reads > most->reads ? c.reads : most->reads;
	most->maps = c.maps > most->maps ? c.maps : most->maps;
}

/* The block's own, and the most of those behind it, which are known. */
static struct ir_cost of_block(const struct ir_program *p, const struct ir_block *b, const struct ir_cost *behind)
{
	const struct ir_inst *last = &b->inst.v[b->inst.n - 1];
	struct ir_cost most = { 0, 0 };

	for (unsigned k = 0; k < ir_op_targets(last->op); k++)
		take_most(&most, behind[last->target[k]->id]);
	for (size_t i = 0; i < b->inst.n; i++) {
		struct ir_cost c = of_inst(p, &b->inst.v[i]);

		most.reads += c.reads;
		most.maps += c.maps;
	}
	return most;
}

/* Depth first, without recursion: a block is left when all behind it are known. There are no loops. */
struct ir_cost ir_cost(const struct ir_program *p)
{
	struct ir_cost *cost = arena_array(p->arena, p->block.n, sizeof(*cost));
	bool *seen = arena_array(p->arena, p->block.n, sizeof(*seen));
	struct {
		struct ir_block *block;
		unsigned next;
	} *stack = arena_array(p->arena, p->block.n, sizeof(*stack));
	size_t n = 0;

	stack[n++].block = p->block.v[0];
	seen[0] = true;
	while (n) {
		struct ir_block *b = stack[n - 1].block, *to;
		const struct ir_inst *last = &b->inst.v[b->inst.n - 1];

		if (stack[n - 1].next == ir_op_targets(last->op)) {
			cost[b->id] = of_block(p, b, cost);
			n--;
			continue;
		}
		to = last->target[stack[n - 1].next++];
		if (seen[to->id])
			continue;
		seen[to->id] = true;
		stack[n].block = to;
		stack[n++].next = 0;
	}
	return cost[0];
}
