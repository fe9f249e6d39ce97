/*
 * The dissection in IR: inside a tunnel. In: where the outer headers end, in variables. Out: blocks that find what carries a packet (IP itself,
 * GRE, VXLAN, GENEVE, GTP-U), and the dissection of that packet, by the code for the outer one, into the other layer's variables.
 */
#include "lower.h"

#include <linux/if_ether.h>
#include <netinet/in.h>

enum { TEB = 0x6558, VXLAN = 4789, GENEVE = 6081, GTPU = 2152, MAX_EXT = 8 };

static uint64_t wire16(uint16_t v)
{
	return __builtin_bswap16(v);
}

void lower_enter(struct lower *l, bool inner)
{
	struct lower_layer other = l->away;

	if (l->inner == inner)
		return;
	l->away = l->layer;
	l->layer = other;
	l->inner = inner;
}

void lower_inner_init(struct lower *l)
{
	struct lower_tunnel *t;

	if (!l->ast->inner)
		return;
	t = l->tunnel = arena_alloc(l->arena, sizeof(*t));
	t->off = ir_var_new(l->ir, "tunnel.off");
	t->end = ir_var_new(l->ir, "tunnel.end");
	t->eth = lower_block(l, "inner eth");
	t->ip4 = lower_block(l, "inner ip4");
	t->ip6 = lower_block(l, "inner ip6");
	t->bad = lower_block(l, "inner malformed");
	t->carried[0] = lower_block(l, "ip4 in ip");
	t->carried[1] = lower_block(l, "ip6 in ip");
	lower_enter(l, true);
	l->pres = ir_var_kept(l->ir, "inner.present");
	l->proto = ir_var_kept(l->ir, "inner.proto");
	l->pay_off = ir_var_kept(l->ir, "inner.pay_off");
	l->pay_end = ir_var_kept(l->ir, "inner.pay_end");
	lower_enter(l, false);
}

void lower_carried(struct lower *l)
{
	static const uint8_t proto[2] = { IPPROTO_IPIP, IPPROTO_IPV6 };

	for (int i = 0; i < 2; i++) {
		struct ir_block *other = lower_block(l, "other proto");

		lower_test(l, IR_EQ, lower_get(l, l->proto), ir_imm(proto[i]), l->tunnel->carried[i], other);
		lower_hot(l, other);
	}
}

/* What is inside begins @n bytes further on. */
static void forward(struct lower *l, struct ir_opnd n)
{
	lower_set(l, l->tunnel->off, lower_opaque(l, lower_op(l, IR_ADD, lower_get(l, l->tunnel->off), n)));
}

/* @n bytes of the tunnel's header; goes on at @there. */
static struct ir_inst *more(struct lower *l, unsigned n, struct ir_block *there)
{
	struct ir_block *fits = lower_block(l, "tunnel fits");

	lower_test(l, IR_ULE, lower_op(l, IR_ADD, lower_get(l, l->tunnel->off), ir_imm(n)), lower_get(l, l->tunnel->end), fits, l->tunnel->bad);
	lower_cold(l, fits);
	return lower_fetch(l, lower_get(l, l->tunnel->off), n, there, l->tunnel->bad);
}

/* Goes on in a new block where @v is @n, else to the rules. */
static void only(struct lower *l, struct ir_opnd v, uint64_t n)
{
	struct ir_block *is = lower_block(l, "tunnel sound");

	lower_test(l, IR_EQ, v, ir_imm(n), is, l->rules);
	lower_cold(l, is);
}

/* By a type of Ethernet, as it is on the wire. */
static void by_type(struct lower *l, ir_var type)
{
	const struct { uint16_t type; struct ir_block *to; } kind[] = {
		{ TEB, l->tunnel->eth }, { ETH_P_IP, l->tunnel->ip4 }, { ETH_P_IPV6, l->tunnel->ip6 },
	};

	for (int i = 0; i < 3; i++) {
		struct ir_block *other = i < 2 ? lower_block(l, "other type") : l->rules;

		lower_test(l, IR_EQ, lower_get(l, type), ir_imm(wire16(kind[i].type)), kind[i].to, other);
		if (i < 2)
			lower_cold(l, other);
	}
}

static void gre(struct lower *l, const struct lower_chain *c)
{
	struct ir_block *there = lower_block(l, "gre tunnel"), *plain = lower_block(l, "gre of version 0");
	ir_var flags = ir_var_new(l->ir, "gre.flags"), type = ir_var_new(l->ir, "gre.type");
	struct ir_inst *f = lower_fetch(l, lower_get(l, c->off), 4, there, l->rules);

	lower_load(l, f, flags, 0, 2);
	lower_load(l, f, type, 2, 2);
	lower_cold(l, there);
	/* routing, or another version */
	lower_test(l, IR_BITS, lower_get(l, flags), ir_imm(wire16(0x4007)), l->rules, plain);
	lower_cold(l, plain);
	by_type(l, type);
}

static void vxlan(struct lower *l)
{
	struct ir_block *there = lower_block(l, "vxlan"), *is = lower_block(l, "vxlan network");
	ir_var flags = ir_var_new(l->ir, "vxlan.flags");
	struct ir_inst *f = more(l, 8, there);

	lower_load(l, f, flags, 0, 1);
	lower_cold(l, there);
	lower_test(l, IR_BITS, lower_get(l, flags), ir_imm(0x08), is, l->rules);
	lower_cold(l, is);
	forward(l, ir_imm(8));
	lower_jump(l, l->tunnel->eth);
}

static void geneve(struct lower *l)
{
	struct ir_block *there = lower_block(l, "geneve"), *whole = lower_block(l, "geneve options");
	ir_var first = ir_var_new(l->ir, "geneve.first"), type = ir_var_new(l->ir, "geneve.type");
	struct ir_inst *f = more(l, 8, there);
	struct ir_opnd n;

	lower_load(l, f, first, 0, 1);
	lower_load(l, f, type, 2, 2);
	lower_cold(l, there);
	only(l, lower_op(l, IR_SHR, lower_get(l, first), ir_imm(6)), 0);
	n = lower_op(l, IR_SHL, lower_op(l, IR_AND, lower_get(l, first), ir_imm(63)), ir_imm(2));
	forward(l, lower_op(l, IR_ADD, n, ir_imm(8)));
	lower_test(l, IR_ULE, lower_get(l, l->tunnel->off), lower_get(l, l->tunnel->end), whole, l->tunnel->bad);
	lower_cold(l, whole);
	by_type(l, type);
}

/* The extension headers of GTP-U, the first of which is of type @next; goes on at @done. */
static void gtpu_extensions(struct lower *l, ir_var next, struct ir_block *done)
{
	struct ir_block *head = lower_block(l, "gtpu extensions"), *again = lower_block(l, "gtpu extension"), *few = lower_block(l, "gtpu few");
	struct ir_block *there = lower_block(l, "gtpu extension there"), *some = lower_block(l, "gtpu extension long enough");
	struct ir_block *fits = lower_block(l, "gtpu extension fits"), *got = lower_block(l, "gtpu next");
	ir_var n = ir_var_new(l->ir, "gtpu.n"), len = ir_var_new(l->ir, "gtpu.len"), at = ir_var_new(l->ir, "gtpu.at");
	struct ir_inst *f;

	lower_set(l, n, ir_imm(0));
	lower_jump(l, head);
	lower_cold(l, head);
	lower_test(l, IR_EQ, lower_get(l, next), ir_imm(0), done, again);
	lower_cold(l, again);
	lower_test(l, IR_EQ, lower_get(l, n), ir_imm(MAX_EXT), l->tunnel->bad, few);
	lower_cold(l, few);
	f = more(l, 1, there);
	lower_load(l, f, len, 0, 1);
	lower_cold(l, there);
	lower_test(l, IR_ULE, ir_imm(1), lower_get(l, len), some, l->tunnel->bad);
	lower_cold(l, some);
	forward(l, lower_op(l, IR_SHL, lower_get(l, len), ir_imm(2)));
	lower_test(l, IR_ULE, lower_get(l, l->tunnel->off), lower_get(l, l->tunnel->end), fits, l->tunnel->bad);
	lower_cold(l, fits);
	lower_set(l, at, lower_opaque(l, lower_op(l, IR_SUB, lower_get(l, l->tunnel->off), ir_imm(1))));
	f = lower_fetch(l, lower_get(l, at), 1, got, l->tunnel->bad);
	lower_load(l, f, next, 0, 1);
	lower_cold(l, got);
	lower_set(l, n, lower_op(l, IR_ADD, lower_get(l, n), ir_imm(1)));
	lower_jump(l, head);
}

static void gtpu(struct lower *l)
{
	struct ir_block *there = lower_block(l, "gtpu"), *optional = lower_block(l, "gtpu optional"), *some = lower_block(l, "gtpu optional there");
	struct ir_block *extended = lower_block(l, "gtpu extended"), *plain = lower_block(l, "gtpu packet"), *any = lower_block(l, "gtpu content");
	struct ir_block *version = lower_block(l, "gtpu version"), *other = lower_block(l, "gtpu no ip4");
	ir_var first = ir_var_new(l->ir, "gtpu.first"), kind = ir_var_new(l->ir, "gtpu.type"), next = ir_var_new(l->ir, "gtpu.next");
	struct ir_inst *f = more(l, 8, there);

	lower_load(l, f, first, 0, 1);
	lower_load(l, f, kind, 1, 1);
	lower_cold(l, there);
	only(l, lower_op(l, IR_AND, lower_get(l, first), ir_imm(0xf0)), 0x30);
	only(l, lower_get(l, kind), 0xff);
	forward(l, ir_imm(8));
	lower_test(l, IR_BITS, lower_get(l, first), ir_imm(7), optional, plain);
	lower_cold(l, optional);
	f = more(l, 4, some);
	lower_load(l, f, next, 3, 1);
	lower_cold(l, some);
	forward(l, ir_imm(4));
	lower_test(l, IR_BITS, lower_get(l, first), ir_imm(4), extended, plain);
	lower_cold(l, extended);
	gtpu_extensions(l, next, plain);
	lower_cold(l, plain);
	lower_test(l, IR_ULE, lower_op(l, IR_ADD, lower_get(l, l->tunnel->off), ir_imm(1)), lower_get(l, l->tunnel->end), any, l->rules);
	lower_cold(l, any);
	f = lower_fetch(l, lower_get(l, l->tunnel->off), 1, version, l->rules);
	lower_load(l, f, first, 0, 1);
	lower_cold(l, version);
	lower_test(l, IR_EQ, lower_op(l, IR_SHR, lower_get(l, first), ir_imm(4)), ir_imm(4), l->tunnel->ip4, other);
	lower_cold(l, other);
	lower_test(l, IR_EQ, lower_op(l, IR_SHR, lower_get(l, first), ir_imm(4)), ir_imm(6), l->tunnel->ip6, l->rules);
}

static void udp(struct lower *l, const struct lower_chain *c, ir_var udp_end)
{
	static const uint16_t port[] = { VXLAN, GENEVE, GTPU };
	struct ir_block *there = lower_block(l, "udp port"), *known = lower_block(l, "udp tunnel"), *shorter = lower_block(l, "tunnel ends first");
	struct ir_block *on = lower_block(l, "tunnel end");
	struct ir_block *to[3] = { lower_block(l, "to vxlan"), lower_block(l, "to geneve"), lower_block(l, "to gtpu") };
	ir_var dport = ir_var_new(l->ir, "tunnel.port");
	struct ir_inst *f = lower_fetch(l, lower_get(l, c->off), 4, there, l->rules), *sw;
	struct ir_opnd v;

	lower_load(l, f, dport, 2, 2);
	lower_cold(l, there);
	v = lower_get(l, dport);
	sw = lower_emit(l, IR_SWITCH);
	sw->a = v;
	for (int i = 0; i < 3; i++)
		*vec_add(l->arena, &sw->cases) = wire16(port[i]);
	sw->target[0] = known;
	sw->target[1] = l->rules;
	lower_cold(l, known);
	lower_test(l, IR_ULE, lower_get(l, l->tunnel->end), lower_get(l, udp_end), on, shorter);
	lower_cold(l, shorter);
	lower_set(l, l->tunnel->end, lower_get(l, udp_end));
	lower_jump(l, on);
	lower_cold(l, on);
	for (int i = 0; i < 2; i++) {
		struct ir_block *other = i < 1 ? lower_block(l, "other port") : to[2];

		lower_test(l, IR_EQ, lower_get(l, dport), ir_imm(wire16(port[i])), to[i], other);
		if (i < 1)
			lower_cold(l, other);
	}
	lower_cold(l, to[0]);
	vxlan(l);
	lower_cold(l, to[1]);
	geneve(l);
	lower_cold(l, to[2]);
	gtpu(l);
}

void lower_tunnel(struct lower *l, const struct lower_chain *c, enum header_id h, ir_var pay, const ir_var *udp_end)
{
	lower_set(l, l->tunnel->off, lower_opaque(l, lower_get(l, pay)));
	lower_set(l, l->tunnel->end, lower_get(l, c->end));
	/* or the verifier would walk what is inside for each way to the payload outside */
	if (l->bit[BIT_PAYLOAD]) {
		lower_set(l, l->pay_off, lower_op(l, IR_XOR, lower_get(l, l->pay_off), lower_blank(l)));
		lower_set(l, l->pay_end, lower_op(l, IR_XOR, lower_get(l, l->pay_end), lower_blank(l)));
	}
	if (h == HDR_GRE)
		gre(l, c);
	else
		udp(l, c, *udp_end);
}

/* The Ethernet header that a tunnel carries, with its tags. */
static void ethernet(struct lower *l, struct ir_block *const on[HDR_COUNT], struct ir_block *bad)
{
	struct ir_block *there = lower_block(l, "inner eth there");
	ir_var type = ir_var_new(l->ir, "inner.type"), l3 = l->tunnel->off;
	struct ir_inst *f = lower_fetch_early(l, l3, 14, there, bad);

	lower_load(l, f, type, 12, 2);
	lower_slots_load(l, f, HDR_ETH);
	lower_cold(l, there);
	lower_slots_settle(l, HDR_ETH);
	lower_set_at(l, HDR_ETH, l3);
	lower_present(l, HDR_ETH);
	lower_present(l, HDR_ETYPE);
	lower_etype(l, type);
	forward(l, ir_imm(14));
	lower_dispatch_type(l, type, 0, on, bad);
	lower_cold(l, on[HDR_VLAN]);
	lower_tag(l, HDR_VLAN, l3, type, on, bad);
	lower_cold(l, on[HDR_VLAN2]);
	lower_tag(l, HDR_VLAN2, l3, type, on, bad);
	if (on[HDR_ARP]) {
		lower_cold(l, on[HDR_ARP]);
		lower_arp(l, l3, bad);
	}
}

void lower_inside(struct lower *l, const struct lower_chain *outer)
{
	struct lower_tunnel *t = l->tunnel;
	struct ir_block *on[HDR_COUNT] = { NULL }, *ip[2] = { t->ip4, t->ip6 };
	struct lower_chain c = {
		.off = ir_var_new(l->ir, "inner.off"), .end = ir_var_new(l->ir, "inner.end"), .n = ir_var_new(l->ir, "inner.n_ext"), .bad = t->bad,
	};

	for (int i = 0; i < 2; i++) {
		lower_cold(l, t->carried[i]);
		lower_set(l, t->off, lower_opaque(l, lower_get(l, outer->off)));
		lower_set(l, t->end, lower_get(l, outer->end));
		lower_jump(l, ip[i]);
	}
	lower_enter(l, true);
	lower_close_needs(l);
	c.behind = lower_wants_chain(l) || l->bit[BIT_MALFORMED];
	l->none = lower_block(l, "no more inner headers");
	l->bad = t->bad;
	lower_cold(l, l->none);
	lower_jump(l, l->rules);
	lower_cold(l, t->bad);
	lower_present(l, BIT_MALFORMED);
	lower_jump(l, l->rules);
	on[HDR_VLAN] = lower_block(l, "inner tag");
	on[HDR_VLAN2] = lower_block(l, "inner second tag");
	on[HDR_IP4] = l->parse[HDR_IP4] ? t->ip4 : NULL;
	on[HDR_IP6] = l->parse[HDR_IP6] ? t->ip6 : NULL;
	on[HDR_ARP] = l->parse[HDR_ARP] ? lower_block(l, "inner arp") : NULL;
	lower_cold(l, t->eth);
	ethernet(l, on, t->bad);
	lower_cold(l, t->ip4);
	if (on[HDR_IP4])
		lower_ip4(l, t->off, &c);
	else
		lower_jump(l, l->none);
	lower_cold(l, t->ip6);
	if (on[HDR_IP6])
		lower_ip6(l, t->off, &c);
	else
		lower_jump(l, l->none);
	if (c.behind)
		lower_transports(l, &c);
	lower_enter(l, false);
}
