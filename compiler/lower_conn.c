/*
 * `flow.state` in IR. In: where a rule wants it. Out: the state in a variable. The kernel is asked once per packet, by the first that wants it,
 * with the ports and addresses that the rules before it left in the packet; whoever comes later finds the answer.
 */
#include "lower.h"

#include <netinet/in.h>

static const enum field_id ports[2][2] = { { FIELD_TCP_SPORT, FIELD_TCP_DPORT }, { FIELD_UDP_SPORT, FIELD_UDP_DPORT } };
static const enum field_id addresses[2][2] = { { FIELD_IP4_SRC, FIELD_IP4_DST }, { FIELD_IP6_SRC, FIELD_IP6_DST } };

void lower_need_conn(struct lower *l)
{
	/* as much as tests of both protocols and both families, and of the answer */
	l->n_tests += 5;
	if (l->ir->conn)
		return;
	l->ir->conn = true;
	l->conn = ir_var_kept(l->ir, "flow.state");
	for (unsigned i = 0; i < 2; i++)
		for (unsigned k = 0; k < 2; k++) {
			lower_need_field(l, ports[i][k]);
			lower_need_field(l, addresses[i][k]);
		}
}

void lower_clear_conn(struct lower *l)
{
	if (l->ir->conn)
		lower_set(l, l->conn, lower_get(l, l->blank));
}

/* With the ports in @port and the protocol in @proto. */
static void ask(struct lower *l, unsigned family, ir_var proto, const ir_var port[2], struct ir_block *asked)
{
	struct ir_opnd w[6], number = lower_get(l, proto);
	struct ir_inst *i;
	uint32_t temp;
	unsigned n = 0;

	for (unsigned k = 0; k < 2; k++)
		w[n++] = lower_get(l, port[k]);
	for (unsigned k = 0; k < 2; k++)
		n += lower_wire_words(l, addresses[family][k], &w[n]);
	i = lower_emit(l, IR_CONN);
	temp = i->temp;
	i->a = number;
	for (unsigned k = 0; k < n; k++)
		*vec_add(l->arena, &i->args) = w[k];
	/* the verifier shall not tell those who were answered from those who need not ask */
	lower_set(l, l->conn, lower_op(l, IR_XOR, (struct ir_opnd){ IR_TEMP, temp }, lower_get(l, l->blank)));
	lower_jump(l, asked);
}

void lower_require_conn(struct lower *l, struct ir_block *no)
{
	struct ir_block *unknown = lower_block(l, "no state yet"), *on = lower_block(l, "state"), *asked = lower_block(l, "asked");
	struct ir_block *is[2] = { lower_block(l, "state of tcp"), lower_block(l, "state of udp") }, *family = lower_block(l, "state's family");
	struct ir_block *ip4 = lower_block(l, "state by ip4"), *ip6 = lower_block(l, "state by ip6"), *other = lower_block(l, "not tcp");
	ir_var proto = ir_var_new(l->ir, "flow.proto"), port[2] = { ir_var_new(l->ir, "flow.sport"), ir_var_new(l->ir, "flow.dport") };

	lower_test(l, IR_EQ, lower_fresh(l, lower_get(l, l->conn), unknown, on), ir_imm(0), unknown, on);
	lower_cold(l, unknown);
	lower_test(l, IR_BITS, lower_get(l, l->pres), ir_imm(lower_header_mask(l, HDR_TCP)), is[0], other);
	lower_cold(l, other);
	lower_test(l, IR_BITS, lower_get(l, l->pres), ir_imm(lower_header_mask(l, HDR_UDP)), is[1], no);
	for (unsigned p = 0; p < 2; p++) {
		struct ir_opnd w;

		lower_cold(l, is[p]);
		for (unsigned k = 0; k < 2; k++) {
			lower_wire_words(l, ports[p][k], &w);
			lower_set(l, port[k], w);
		}
		lower_set(l, proto, ir_imm(p ? IPPROTO_UDP : IPPROTO_TCP));
		lower_jump(l, family);
	}
	/* behind a transport header that is not IPv4 stands IPv6 */
	lower_cold(l, family);
	lower_test(l, IR_BITS, lower_get(l, l->pres), ir_imm(lower_header_mask(l, HDR_IP4)), ip4, ip6);
	lower_cold(l, ip4);
	ask(l, 0, proto, port, asked);
	lower_cold(l, ip6);
	ask(l, 1, proto, port, asked);
	lower_cold(l, asked);
	lower_test(l, IR_EQ, lower_fresh(l, lower_get(l, l->conn), no, on), ir_imm(0), no, on);
	lower_hot(l, on);
}
