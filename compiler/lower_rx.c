/*
 * What drivers say of a packet, in IR. In: where a rule wants it. Out: asked there, each time: a driver has it at hand. What it does not say is
 * absent.
 */
#include "lower.h"
#include "abi.h"

static const struct rx {
	enum field_id field;
	enum xdpf_rx_hint hint;
	unsigned shift, bits;
} fields[] = {
	{ FIELD_RX_HASH, XDPF_RX_HASH, 0, 32 }, { FIELD_RX_TIMESTAMP, XDPF_RX_TIMESTAMP, 0, 64 }, { FIELD_RX_VLAN_ID, XDPF_RX_VLAN, 0, 12 },
	{ FIELD_RX_VLAN_PCP, XDPF_RX_VLAN, 13, 3 }, { FIELD_RX_VLAN_TYPE, XDPF_RX_VLAN, 16, 16 },
};

bool lower_is_rx(enum field_id f)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i].field == f)
			return true;
	return false;
}

/* Of one that is. */
static const struct rx *find(enum field_id f)
{
	const struct rx *x = fields;

	while (x->field != f)
		x++;
	return x;
}

void lower_need_rx(struct lower *l, enum field_id f)
{
	l->n_tests++;
	l->ir->rx |= 1u << find(f)->hint;
}

void lower_require_rx(struct lower *l, enum field_id f, struct ir_block *no)
{
	struct ir_block *there = lower_block(l, "driver says");
	const struct rx *x = find(f);
	struct ir_inst *i = lower_emit(l, IR_RX);
	struct ir_opnd said = { IR_TEMP, i->temp };

	i->imm = x->hint;
	l->rx = ir_var_new(l->ir, "rx");
	/* the verifier shall not tell those of whom the driver says nothing from the others */
	lower_set(l, l->rx, lower_op(l, IR_XOR, said, lower_get(l, l->blank)));
	if (x->hint == XDPF_RX_TIMESTAMP)
		lower_test(l, IR_EQ, lower_fresh(l, lower_get(l, l->rx), no, there), ir_imm(0), no, there);
	else
		lower_test(l, IR_BITS, lower_get(l, l->rx), ir_imm(XDPF_RX_GIVEN), there, no);
	lower_hot(l, there);
}

struct ir_opnd lower_rx(struct lower *l, enum field_id f)
{
	const struct rx *x = find(f);
	struct ir_opnd v = lower_get(l, l->rx);

	if (x->shift)
		v = lower_op(l, IR_SHR, v, ir_imm(x->shift));
	return x->bits < 64 ? lower_op(l, IR_AND, v, ir_imm(((uint64_t)1 << x->bits) - 1)) : v;
}
