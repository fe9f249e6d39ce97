/*
 * `socket` in IR. In: where a condition asks. Out: the packet's ports and addresses, as the rules so far left them, handed to SOCKET: once for
 * each of TCP and UDP over IPv4 and IPv6. What is none of these has no socket.
 */
#include "lower.h"

#include <netinet/in.h>

static const enum field_id ports[2][2] = { { FIELD_TCP_SPORT, FIELD_TCP_DPORT }, { FIELD_UDP_SPORT, FIELD_UDP_DPORT } };
static const enum field_id addresses[2][2] = { { FIELD_IP4_SRC, FIELD_IP4_DST }, { FIELD_IP6_SRC, FIELD_IP6_DST } };

void lower_need_socket(struct lower *l)
{
	/* as much as tests of all of them, for each of the four */
	l->n_tests += 8;
	for (unsigned i = 0; i < 2; i++)
		for (unsigned k = 0; k < 2; k++) {
			lower_need_field(l, ports[i][k]);
			lower_need_field(l, addresses[i][k]);
		}
}

unsigned lower_wire_words(struct lower *l, enum field_id f, struct ir_opnd *w)
{
	struct slot *s = lower_slot(l, f);

	w[0] = lower_bare(l, s);
	if (s->len == 16) {
		w[1] = lower_get(l, s->var[1]);
		return 2;
	}
	if (!s->wire)
		w[0] = lower_swap(l, w[0], s->len);
	return 1;
}

static void ask(struct lower *l, unsigned proto, unsigned family, struct ir_block *yes, struct ir_block *no)
{
	struct ir_opnd w[6];
	struct ir_inst *i;
	unsigned n = 0;

	for (unsigned k = 0; k < 2; k++)
		n += lower_wire_words(l, ports[proto][k], &w[n]);
	for (unsigned k = 0; k < 2; k++)
		n += lower_wire_words(l, addresses[family][k], &w[n]);
	i = lower_emit(l, IR_SOCKET);
	i->imm = proto ? IPPROTO_UDP : IPPROTO_TCP;
	for (unsigned k = 0; k < n; k++)
		*vec_add(l->arena, &i->args) = w[k];
	i->target[0] = yes;
	i->target[1] = no;
}

void lower_socket(struct lower *l, struct ir_block *yes, struct ir_block *no)
{
	static const enum header_id transport[] = { HDR_TCP, HDR_UDP };

	for (unsigned p = 0; p < 2; p++) {
		struct ir_block *is = lower_block(l, p ? "socket udp" : "socket tcp"), *next = p ? no : lower_block(l, "not tcp");
		struct ir_block *ip4 = lower_block(l, "socket ip4"), *ip6 = lower_block(l, "socket ip6");

		lower_test(l, IR_BITS, lower_get(l, l->pres), ir_imm(lower_header_mask(l, transport[p])), is, next);
		lower_cold(l, is);
		/* behind a transport header that is not IPv4 stands IPv6 */
		lower_test(l, IR_BITS, lower_get(l, l->pres), ir_imm(lower_header_mask(l, HDR_IP4)), ip4, ip6);
		lower_cold(l, ip4);
		ask(l, p, 0, yes, no);
		lower_cold(l, ip6);
		ask(l, p, 1, yes, no);
		if (next != no)
			lower_hot(l, next);
	}
}
