/*
 * `forward` in IR. In: where the rule decides. Out: the frame read anew, whatever was done to it before; the kernel's routing table asked; TTL and
 * Ethernet addresses rewritten. What a router would do more about than that goes the other way untouched: tags, IP options, hop-by-hop
 * headers, a TTL that ends here, addresses that are not to be routed, what is addressed to many, and frames that are broken.
 */
#include "lower.h"

#include <linux/if_ether.h>
#include <sys/socket.h>

enum { AT_IP = 14, FIB_IFINDEX = 8, FIB_SMAC = 52, FIB_DMAC = 58 };	/* places in struct bpf_fib_lookup */

static uint64_t wire16(uint16_t v)
{
	return __builtin_bswap16(v);
}

void lower_need_that(struct lower *l, enum ir_op op, struct ir_opnd a, struct ir_opnd b, bool yes, struct ir_block *no)
{
	struct ir_block *on = lower_block(l, "on");

	lower_test(l, op, a, b, yes ? on : no, yes ? no : on);
	lower_hot(l, on);
}

struct ir_inst *lower_write(struct lower *l, struct ir_opnd off)
{
	struct ir_inst *i = lower_emit(l, IR_WRITE);

	i->a = off;
	return i;
}

void lower_put(struct lower *l, struct ir_inst *write, struct ir_opnd v, unsigned size)
{
	*vec_add(l->arena, &write->args) = v;
	*vec_add(l->arena, &write->cases) = size;
}

/* What the routing table answers. */
struct hop {
	ir_var ifindex, smac[2], dmac[2];
};

/* Asks it with these; goes on in a new block. */
static struct hop ask(struct lower *l, const struct ir_opnd *args, unsigned n, struct ir_block *closed)
{
	struct hop h = {
		ir_var_new(l->ir, "hop.ifindex"), { ir_var_new(l->ir, "hop.smac"), ir_var_new(l->ir, "hop.smac+") },
		{ ir_var_new(l->ir, "hop.dmac"), ir_var_new(l->ir, "hop.dmac+") },
	};
	struct ir_block *known = lower_block(l, "hop"), *out = lower_block(l, "out");
	struct ir_inst *i = lower_emit(l, IR_FIB);
	struct ir_opnd ifindex;

	for (unsigned k = 0; k < n; k++)
		*vec_add(l->arena, &i->args) = args[k];
	lower_load(l, i, h.ifindex, FIB_IFINDEX, 4);
	lower_load(l, i, h.smac[0], FIB_SMAC, 4);
	lower_load(l, i, h.smac[1], FIB_SMAC + 4, 2);
	lower_load(l, i, h.dmac[0], FIB_DMAC, 2);
	lower_load(l, i, h.dmac[1], FIB_DMAC + 2, 4);
	i->target[0] = known;
	i->target[1] = closed;
	lower_hot(l, known);
	ifindex = lower_get(l, h.ifindex);
	i = lower_emit(l, IR_OUT);
	i->a = ifindex;
	i->target[0] = out;
	i->target[1] = closed;
	lower_hot(l, out);
	return h;
}

static void write_ethernet(struct lower *l, const struct hop *h)
{
	struct ir_opnd d0 = lower_get(l, h->dmac[0]), d1 = lower_get(l, h->dmac[1]);
	struct ir_opnd s0 = lower_get(l, h->smac[0]), s1 = lower_get(l, h->smac[1]);
	struct ir_inst *w = lower_write(l, ir_imm(0));

	lower_put(l, w, d0, 2);
	lower_put(l, w, d1, 4);
	lower_put(l, w, s0, 4);
	lower_put(l, w, s1, 2);
}

static struct ir_opnd and_imm(struct lower *l, ir_var v, uint64_t mask)
{
	return lower_op(l, IR_AND, lower_get(l, v), ir_imm(mask));
}

static void forward_ip4(struct lower *l, struct ir_block *open, struct ir_block *closed)
{
	ir_var first = ir_var_new(l->ir, "fwd.first"), tos = ir_var_new(l->ir, "fwd.tos"), total = ir_var_new(l->ir, "fwd.total");
	ir_var ttl = ir_var_new(l->ir, "fwd.ttl"), proto = ir_var_new(l->ir, "fwd.proto"), sum = ir_var_new(l->ir, "fwd.sum");
	ir_var src = ir_var_new(l->ir, "fwd.src"), dst = ir_var_new(l->ir, "fwd.dst");
	struct ir_block *there = lower_block(l, "forward ip4");
	struct ir_inst *f = lower_fetch(l, ir_imm(AT_IP), 20, there, closed), *w;
	struct ir_opnd args[6], v, less, same;
	struct hop h;

	lower_load(l, f, first, 0, 1);
	lower_load(l, f, tos, 1, 1);
	lower_load(l, f, total, 2, 2);
	lower_load(l, f, ttl, 8, 1);
	lower_load(l, f, proto, 9, 1);
	lower_load(l, f, sum, 10, 2);
	lower_load(l, f, src, 12, 4);
	lower_load(l, f, dst, 16, 4);
	lower_hot(l, there);
	lower_need_that(l, IR_EQ, lower_get(l, first), ir_imm(0x45), true, closed);
	lower_need_that(l, IR_ULE, ir_imm(2), lower_get(l, ttl), true, closed);
	v = lower_swap(l, lower_get(l, total), 2);
	lower_set(l, total, v);
	lower_need_that(l, IR_ULE, ir_imm(20), v, true, closed);
	lower_need_that(l, IR_ULE, lower_op(l, IR_ADD, lower_get(l, total), ir_imm(AT_IP)), lower_op0(l, IR_SIZE), true, closed);
	/* 0/8, 127/8, 224/3 are nobody's source */
	lower_need_that(l, IR_EQ, and_imm(l, src, 0xff), ir_imm(0), false, closed);
	lower_need_that(l, IR_EQ, and_imm(l, src, 0xff), ir_imm(127), false, closed);
	lower_need_that(l, IR_EQ, and_imm(l, src, 0xe0), ir_imm(0xe0), false, closed);
	args[0] = ir_imm(AF_INET);
	args[1] = lower_get(l, proto);
	args[2] = lower_get(l, total);
	args[3] = lower_get(l, tos);
	args[4] = lower_get(l, src);
	args[5] = lower_get(l, dst);
	h = ask(l, args, 6, closed);
	write_ethernet(l, &h);
	/* one less in the high byte of a word: one more in the checksum's, end-around carry included (RFC 1141) */
	v = lower_op(l, IR_ADD, lower_get(l, sum), ir_imm(1));
	v = lower_op(l, IR_ADD, v, lower_op(l, IR_SHR, lower_op(l, IR_ADD, v, ir_imm(1)), ir_imm(16)));
	less = lower_op(l, IR_SUB, lower_get(l, ttl), ir_imm(1));
	same = lower_get(l, proto);
	w = lower_write(l, ir_imm(AT_IP + 8));
	lower_put(l, w, less, 1);
	lower_put(l, w, same, 1);
	lower_put(l, w, v, 2);
	lower_jump(l, open);
}

/* Not multicast, not link-local. */
static void need_routed(struct lower *l, ir_var v, struct ir_block *closed)
{
	lower_need_that(l, IR_EQ, and_imm(l, v, 0xff), ir_imm(0xff), false, closed);
	lower_need_that(l, IR_EQ, and_imm(l, v, wire16(0xffc0)), ir_imm(wire16(0xfe80)), false, closed);
}

static void forward_ip6(struct lower *l, struct ir_block *open, struct ir_block *closed)
{
	ir_var first = ir_var_new(l->ir, "fwd.first"), length = ir_var_new(l->ir, "fwd.length"), next = ir_var_new(l->ir, "fwd.next");
	ir_var ttl = ir_var_new(l->ir, "fwd.hoplimit"), a[4];
	struct ir_block *there = lower_block(l, "forward ip6");
	struct ir_inst *f = lower_fetch(l, ir_imm(AT_IP), 40, there, closed), *w;
	struct ir_opnd args[8], v;
	struct hop h;

	lower_load(l, f, first, 0, 4);
	lower_load(l, f, length, 4, 2);
	lower_load(l, f, next, 6, 1);
	lower_load(l, f, ttl, 7, 1);
	for (unsigned i = 0; i < 4; i++) {
		a[i] = ir_var_new(l->ir, i < 2 ? "fwd.src" : "fwd.dst");
		lower_load(l, f, a[i], 8 + 8 * i, 8);
	}
	lower_hot(l, there);
	lower_need_that(l, IR_EQ, and_imm(l, first, 0xf0), ir_imm(0x60), true, closed);
	lower_need_that(l, IR_ULE, ir_imm(2), lower_get(l, ttl), true, closed);
	lower_need_that(l, IR_EQ, lower_get(l, next), ir_imm(0), false, closed);
	v = lower_op(l, IR_ADD, lower_swap(l, lower_get(l, length), 2), ir_imm(40));
	lower_set(l, length, v);
	lower_need_that(l, IR_ULE, lower_op(l, IR_ADD, v, ir_imm(AT_IP)), lower_op0(l, IR_SIZE), true, closed);
	need_routed(l, a[0], closed);
	need_routed(l, a[2], closed);
	/* the unspecified address, the loopback's, and what else begins so */
	lower_need_that(l, IR_EQ, lower_get(l, a[0]), ir_imm(0), false, closed);
	args[0] = ir_imm(AF_INET6);
	args[1] = lower_get(l, next);
	args[2] = lower_get(l, length);
	args[3] = and_imm(l, first, 0xffffff0f);
	for (unsigned i = 0; i < 4; i++)
		args[4 + i] = lower_get(l, a[i]);
	h = ask(l, args, 8, closed);
	write_ethernet(l, &h);
	v = lower_op(l, IR_SUB, lower_get(l, ttl), ir_imm(1));
	w = lower_write(l, ir_imm(AT_IP + 7));
	lower_put(l, w, v, 1);
	lower_jump(l, open);
}

void lower_forward(struct lower *l, struct ir_block *open, struct ir_block *closed)
{
	ir_var dst = ir_var_new(l->ir, "fwd.eth"), type = ir_var_new(l->ir, "fwd.type");
	struct ir_block *eth = lower_block(l, "forward"), *ip4 = lower_block(l, "ip4"), *other = lower_block(l, "not ip4");
	struct ir_block *ip6 = lower_block(l, "ip6");
	struct ir_inst *f = lower_fetch(l, ir_imm(0), 14, eth, closed);

	lower_load(l, f, dst, 0, 1);
	lower_load(l, f, type, 12, 2);
	lower_hot(l, eth);
	lower_need_that(l, IR_BITS, lower_get(l, dst), ir_imm(1), false, closed);
	lower_test(l, IR_EQ, lower_get(l, type), ir_imm(wire16(ETH_P_IP)), ip4, other);
	lower_hot(l, ip4);
	forward_ip4(l, open, closed);
	lower_hot(l, other);
	lower_test(l, IR_EQ, lower_get(l, type), ir_imm(wire16(ETH_P_IPV6)), ip6, closed);
	lower_hot(l, ip6);
	forward_ip6(l, open, closed);
}
