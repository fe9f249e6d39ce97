/*
 * Building blocks of the IR, and its table of operations. In: requests of the lowering. Out: nodes in the arena; well-formedness is
 * ir_check()'s business.
 */
#include "ir.h"

static const struct {
	const char *name;
	unsigned operands, targets;
	bool result, term;
} ops[IR_OP_COUNT] = {
#define OP(ID, name, nopnd, result) [IR_##ID] = { name, nopnd, 0, result, false },
#define TERM(ID, name, nopnd, ntarget) [IR_##ID] = { name, nopnd, ntarget, false, true },
#include "ops.def"
#undef OP
#undef TERM
};

bool ir_is_term(enum ir_op op)
{
	return ops[op].term;
}

const char *ir_op_name(enum ir_op op)
{
	return ops[op].name;
}

unsigned ir_op_operands(enum ir_op op)
{
	return ops[op].operands;
}

unsigned ir_op_targets(enum ir_op op)
{
	return ops[op].targets;
}

bool ir_op_result(enum ir_op op)
{
	return ops[op].result;
}

struct ir_block *ir_block_new(struct ir_program *p, const char *name)
{
	struct ir_block *b = arena_alloc(p->arena, sizeof(*b));

	b->name = name;
	return b;
}

void ir_block_place(struct ir_program *p, struct ir_block *b)
{
	b->id = (unsigned)p->block.n;
	b->placed = true;
	*vec_add(p->arena, &p->block) = b;
}

ir_var ir_var_new(struct ir_program *p, const char *name)
{
	*vec_add(p->arena, &p->var) = name;
	return (ir_var)(p->var.n - 1);
}

ir_var ir_var_kept(struct ir_program *p, const char *name)
{
	ir_var v = ir_var_new(p, name);

	*vec_add(p->arena, &p->kept) = v;
	return v;
}

struct ir_inst *ir_add(struct ir_program *p, struct ir_block *b, enum ir_op op, struct span sp)
{
	struct ir_inst *i = vec_add(p->arena, &b->inst);

	i->op = op;
	i->span = sp;
	if (ops[op].result)
		i->temp = p->n_temps++;
	return i;
}
