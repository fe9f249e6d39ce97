/*
 * Rate limits in IR. In: `over LIMIT` or `within LIMIT`, checked. Out: the key's parts, and one instruction that takes a token or finds
 * none. A key whose field is absent goes to @no either way.
 */
#include "lower.h"
#include "meta.h"

void lower_limit(struct lower *l, const struct ast_expr *e, struct ir_block *yes, struct ir_block *no)
{
	const struct ast_limit *limit = e->limit;
	struct meta_key key = meta_key_layout(l->arena, limit->key.v, limit->key.n);
	struct ir_opnd w[LOWER_KEY_PARTS];
	unsigned n = lower_key(l, limit->key.v, &key, w, no);
	struct ir_inst *i = lower_emit(l, IR_LIMIT);

	i->imm = limit->index;
	for (unsigned k = 0; k < n; k++)
		*vec_add(l->arena, &i->args) = w[k];
	i->target[0] = e->over ? no : yes;
	i->target[1] = e->over ? yes : no;
}
