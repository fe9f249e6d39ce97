/*
 * Chance in IR. In: a checked EXPR_RANDOM. Out: blocks that end at @yes or @no: a number is drawn, or made of the flow that the packet belongs to,
 * and compared with the share. A packet without IP belongs to none.
 */
#include "lower.h"

/* The number of one part of the flow, of one word or, with @high, of two; goes to @no where it is absent. */
static void part(struct lower *l, const struct ast_operand *o, enum field_id f, const ir_var *high, ir_var low, struct ir_block *no)
{
	struct lower_words w = lower_value(l, o, f, no, false);
	const struct slot *s = lang_fields[f].form == FORM_WIRE ? lower_slot(l, f) : NULL;

	if (w.n == 2 && high) {
		lower_set(l, *high, lower_swap(l, w.w[0], 8));
		lower_set(l, low, lower_swap(l, w.w[1], 8));
		return;
	}
	if (s && s->wire)
		w.w[0] = lower_swap(l, w.w[0], s->len);
	lower_set(l, low, w.w[0]);
}

static void draw_flow(struct lower *l, const struct ast_expr *e, struct ir_block *yes, struct ir_block *no)
{
	struct ir_block *ip6 = lower_block(l, "flow of ip6"), *proto = lower_block(l, "flow's protocol"), *ports = lower_block(l, "flow's ports");
	struct ir_block *hash = lower_block(l, "flow"), *whole = lower_block(l, "no fragment");
	static const char *const names[IR_FLOW_ARGS] = { "flow.src", "flow.src+", "flow.dst", "flow.dst+", "flow.sport", "flow.dport", "flow.proto" };
	struct ir_opnd w[IR_FLOW_ARGS];
	ir_var v[IR_FLOW_ARGS];
	struct ir_inst *i;
	uint32_t temp;

	for (int k = 0; k < IR_FLOW_ARGS; k++)
		v[k] = ir_var_new(l->ir, names[k]);
	/* the verifier shall not tell a flow without ports from one with them */
	lower_set(l, v[0], lower_get(l, l->blank));
	lower_set(l, v[2], lower_get(l, l->blank));
	lower_set(l, v[4], lower_get(l, l->blank));
	lower_set(l, v[5], lower_get(l, l->blank));
	part(l, e->operand.v[FLOW_SRC], FIELD_IP4_SRC, &v[0], v[1], ip6);
	part(l, e->operand.v[FLOW_DST], FIELD_IP4_DST, &v[2], v[3], ip6);
	lower_jump(l, proto);
	lower_hot(l, ip6);
	part(l, e->operand.v[FLOW_SRC], FIELD_IP6_SRC, &v[0], v[1], no);
	part(l, e->operand.v[FLOW_DST], FIELD_IP6_DST, &v[2], v[3], no);
	lower_jump(l, proto);
	lower_hot(l, proto);
	part(l, e->operand.v[FLOW_PROTO], FIELD_IP_PROTO, NULL, v[6], no);
	lower_test(l, IR_BITS, lower_get(l, l->pres), ir_imm(lower_bit(l, BIT_FRAGMENT)), hash, whole);
	lower_hot(l, whole);
	lower_operand_present(l, e->operand.v[FLOW_SPORT], ports, hash);
	lower_hot(l, ports);
	part(l, e->operand.v[FLOW_SPORT], FIELD_L4_SPORT, NULL, v[4], hash);
	part(l, e->operand.v[FLOW_DPORT], FIELD_L4_DPORT, NULL, v[5], hash);
	lower_jump(l, hash);
	lower_hot(l, hash);
	for (int k = 0; k < IR_FLOW_ARGS; k++)
		w[k] = lower_get(l, v[k]);
	i = lower_emit(l, IR_FLOW);
	temp = i->temp;
	i->imm = e->site;
	for (int k = 0; k < IR_FLOW_ARGS; k++)
		*vec_add(l->arena, &i->args) = w[k];
	lower_test(l, IR_ULE, (struct ir_opnd){ IR_TEMP, temp }, ir_imm(e->share - 1), yes, no);
}

void lower_random(struct lower *l, const struct ast_expr *e, struct ir_block *yes, struct ir_block *no)
{
	struct ir_inst *i;

	l->span = e->span;
	if (e->name.s) {
		draw_flow(l, e, yes, no);
		return;
	}
	i = lower_emit(l, IR_RANDOM);
	i->imm = e->site;
	lower_test(l, IR_ULE, (struct ir_opnd){ IR_TEMP, i->temp }, ir_imm(e->share - 1), yes, no);
}
