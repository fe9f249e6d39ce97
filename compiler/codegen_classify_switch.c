/*
 * The look-up in a classifier that is a switch: compiler/classify_switch.c. In: what the packet says. Out: where its list begins. The cases meet in
 * memory whose contents the verifier does not follow, so that it looks once at what is behind.
 */
#include "codegen_classify.h"

V cg_switch_find(struct cg_lookup *l, const struct classify_switch *s, const struct cg_dim *said)
{
	struct cg *g = l->g;
	V to = g->classes ? g->classes : cg_alloca(g, g->i64, "case"), which = cg_said(g, said->which[s->dim]), v;
	BB on = cg_block(g, "case");

	LLVMBuildStore(g->b, cg_c(g, s->absent), to);
	for (unsigned f = 0; f < s->n_fields; f++) {
		BB here = cg_block(g, "field"), next = f + 1 < s->n_fields ? cg_block(g, "other field") : on, other = cg_block(g, "no case");

		cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, which, cg_c(g, f + 1), ""), here, next);
		cg_place(g, here);
		/* the first word of what has none is another packet's */
		if (s->field[f].wide) {
			BB low = cg_block(g, "small number");

			cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, cg_said(g, said->hi[s->dim]), cg_c(g, 0), ""), low, other);
			cg_place(g, low);
		}
		v = LLVMBuildSwitch(g->b, cg_said(g, said->lo[s->dim]), other, (unsigned)s->field[f].n);
		for (size_t i = 0; i < s->field[f].n; i++) {
			BB b = cg_block(g, "value");

			LLVMAddCase(v, cg_c(g, s->field[f].value[i].v), b);
			cg_place(g, b);
			LLVMBuildStore(g->b, cg_c(g, s->field[f].value[i].list), to);
			LLVMBuildBr(g->b, on);
		}
		cg_place(g, other);
		LLVMBuildStore(g->b, cg_c(g, s->field[f].other), to);
		LLVMBuildBr(g->b, on);
		if (next != on)
			cg_place(g, next);
	}
	cg_place(g, on);
	v = LLVMBuildLoad2(g->b, g->i64, to, "");
	LLVMSetVolatile(v, g->classes != NULL);
	v = LLVMBuildAdd(g->b, cg_described(g, s->at), LLVMBuildShl(g->b, v, cg_c(g, 2), ""), "");
	return LLVMBuildAdd(g->b, v, cg_c(g, 4), "");
}
