/*
 * Sets that live, in IR. In: a comparison with one, or an action that changes one. Out: look-ups, additions and removals of a key that was built
 * from the packet; a key of which a field is absent, or is an address of a family that the set does not hold, is in no set.
 */
#include "lower.h"
#include "meta.h"

/* The parts of a component in a key. */
static unsigned parts_of(enum type_kind k)
{
	return k == KIND_IP ? 3 : k == KIND_IP6 ? 2 : 1;
}

/* The key's parts in @w, behind the length of its prefix where the set has prefixes. */
static unsigned set_key(struct lower *l, const struct ast_set *set, struct ast_operand *const *key, struct ir_opnd *w, struct ir_block *no)
{
	struct meta_key layout = meta_set_layout(l->arena, set);
	unsigned n = lower_key(l, key, &layout, w + set->prefix, no), at = set->prefix;
	uint64_t base = 0, len[2] = { 32, 128 };

	if (!set->prefix)
		return n;
	for (unsigned i = 0; i < set->net; i++)
		at += parts_of(layout.field[i].kind);
	/* the bits of the components before it, and of the family */
	base = 8 * (layout.field[set->net].offset - 4 + 1);
	if (key[set->net]->has_prefix)
		for (unsigned i = 0; i < 2; i++)
			len[i] = key[set->net]->prefix[key[set->net]->n_prefix > 1 ? i : 0];
	/* all ones for IPv6, zero for IPv4 */
	w[0] = lower_op(l, IR_SUB, ir_imm(0), lower_op(l, IR_SHR, lower_op(l, IR_SUB, w[at + 2], ir_imm(4)), ir_imm(1)));
	w[0] = lower_op(l, IR_ADD, lower_op(l, IR_AND, w[0], ir_imm(len[1] - len[0])), ir_imm(base + len[0]));
	return n + 1;
}

static void add_args(struct lower *l, struct ir_inst *i, const struct ast_set *set, const struct ir_opnd *w, unsigned n)
{
	i->imm = set->live_index;
	for (unsigned k = 0; k < n; k++)
		*vec_add(l->arena, &i->args) = w[k];
}

void lower_live(struct lower *l, const struct ast_expr *e, struct ir_block *yes, struct ir_block *no)
{
	const struct ast_set *set = e->match.set;
	struct ir_opnd w[LOWER_KEY_PARTS + 1];
	unsigned n = set_key(l, set, e->operand.v, w, no);
	struct ir_opnd now = set->expires ? lower_op0(l, IR_NOW) : ir_imm(0);
	struct ir_inst *i = lower_emit(l, IR_LOOKUP);
	uint32_t temp = i->temp;

	i->a = now;
	add_args(l, i, set, w, n);
	lower_test(l, IR_EQ, (struct ir_opnd){ IR_TEMP, temp }, ir_imm(1), yes, no);
}

void lower_set_action(struct lower *l, const struct ast_action *a)
{
	struct ir_block *miss = lower_block(l, "key absent"), *after = lower_block(l, "set changed");
	struct ir_opnd w[LOWER_KEY_PARTS + 1];
	unsigned n = set_key(l, a->set, a->key.v, w, miss);
	struct ir_opnd now = a->set->expires ? lower_op0(l, IR_NOW) : ir_imm(0), until = ir_imm(0);
	struct ir_inst *i;

	if (a->kind == ACTION_ADD) {
		if (a->keep)
			until = lower_op(l, IR_ADD, now, ir_imm(a->keep));
		i = lower_emit(l, IR_ADDSET);
		i->a = until;
		i->b = now;
		i->slot = a->slot;
	} else {
		i = lower_emit(l, IR_DELSET);
		i->a = now;
	}
	add_args(l, i, a->set, w, n);
	lower_jump(l, after);
	lower_hot(l, miss);
	lower_emit(l, IR_MISS)->imm = a->slot;
	lower_jump(l, after);
	lower_hot(l, after);
}
