/*
 * What stands in a function of its own: the code that rules share, which is gone through again and again. The verifier goes through such a function
 * once, whatever the rounds. In: blocks at which one begins. Out: .part of their blocks and of all that only they lead to; variables that both sides
 * know are in the map.
 */
#include "lower.h"

/* Marks what @from leads to, not by way of @but (NULL: by any). */
static void flood(struct lower *l, struct ir_block *from, const struct ir_block *but, bool *mark)
{
	VEC(struct ir_block *) todo = { 0 };

	mark[from->id] = true;
	*vec_add(l->arena, &todo) = from;
	while (todo.n) {
		struct ir_block *b = todo.v[--todo.n];
		const struct ir_inst *last = &b->inst.v[b->inst.n - 1];

		for (unsigned k = 0; k < ir_op_targets(last->op); k++)
			if (last->target[k] != but && !mark[last->target[k]->id]) {
				mark[last->target[k]->id] = true;
				*vec_add(l->arena, &todo) = last->target[k];
			}
	}
}

static void use(struct lower *l, unsigned *where, ir_var v, unsigned part)
{
	enum { MANY = UINT32_MAX };

	if (where[v] == MANY || where[v] == part + 1)
		return;
	if (where[v]) {
		*vec_add(l->arena, &l->ir->kept) = v;
		where[v] = MANY;
	} else {
		where[v] = part + 1;
	}
}

/* A variable of several functions cannot be in a register. */
static void keep_shared(struct lower *l)
{
	const struct ir_program *p = l->ir;
	unsigned *where = arena_array(l->arena, p->var.n, sizeof(*where));

	for (size_t k = 0; k < p->kept.n; k++)
		where[p->kept.v[k]] = UINT32_MAX;
	for (size_t b = 0; b < p->block.n; b++)
		for (size_t k = 0; k < p->block.v[b]->inst.n; k++) {
			const struct ir_inst *i = &p->block.v[b]->inst.v[k];

			if (i->op == IR_GET || i->op == IR_SET || i->op == IR_CLASSIFY)
				use(l, where, i->var, p->block.v[b]->part);
			for (size_t n = 0; n < i->loads.n; n++)
				use(l, where, i->loads.v[n].var, p->block.v[b]->part);
			for (size_t n = 0; n < i->dims.n; n++) {
				use(l, where, i->dims.v[n].which, p->block.v[b]->part);
				use(l, where, i->dims.v[n].hi, p->block.v[b]->part);
				use(l, where, i->dims.v[n].lo, p->block.v[b]->part);
			}
		}
}

void lower_apart(struct lower *l)
{
	struct ir_program *p = l->ir;

	for (size_t i = 0; i < l->apart.n; i++) {
		struct ir_block *entry = l->apart.v[i];
		bool *outside, *inside;

		/* nothing leads there; or it is in one already */
		if (entry->id >= p->block.n || p->block.v[entry->id] != entry || entry->part)
			continue;
		outside = arena_array(l->arena, p->block.n, sizeof(*outside));
		inside = arena_array(l->arena, p->block.n, sizeof(*inside));
		flood(l, p->block.v[0], entry, outside);
		flood(l, entry, NULL, inside);
		*vec_add(l->arena, &p->part) = entry;
		for (size_t b = 0; b < p->block.n; b++)
			if (inside[b] && !outside[b])
				p->block.v[b]->part = (unsigned)p->part.n;
	}
	if (p->part.n)
		keep_shared(l);
}
