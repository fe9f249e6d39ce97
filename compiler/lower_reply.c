/*
 * `reply` in IR. In: where the rule decides. Out: the frame read anew, whatever was done to it before; the answer built in its place, to be sent back
 * where it came from. Nothing is answered that answers (RST, ICMP errors), that was for many or from nobody, a fragment, broken, or behind extension
 * headers of IPv6.
 *
 * The Internet checksum does not care for byte order, so little-endian loads are added up as they are; wire16() makes constants fit.
 */
#include "lower_reply.h"

#include <linux/if_ether.h>
#include <netinet/in.h>

#include "abi.h"

enum { ETH_PART = 22, ICMP_LEN = 8, TTL = 64 };	/* ETH_PART: as far as Ethernet and two tags go */

static struct ir_opnd get(struct lower *l, ir_var v)
{
	return lower_get(l, v);
}

static struct ir_opnd add(struct lower *l, struct ir_opnd a, struct ir_opnd b)
{
	return lower_op(l, IR_ADD, a, b);
}

static struct ir_opnd and(struct lower *l, struct ir_opnd a, uint64_t mask)
{
	return lower_op(l, IR_AND, a, ir_imm(mask));
}

static struct ir_opnd shr(struct lower *l, struct ir_opnd a, unsigned n)
{
	return lower_op(l, IR_SHR, a, ir_imm(n));
}

static ir_var var(struct lower *l, const char *name)
{
	return ir_var_new(l->ir, name);
}

/* A sum of words as the checksum field has it. */
struct ir_opnd lower_reply_fold(struct lower *l, struct ir_opnd s)
{
	s = add(l, and(l, s, UINT32_MAX), shr(l, s, 32));
	for (int i = 0; i < 3; i++)
		s = add(l, and(l, s, 0xffff), shr(l, s, 16));
	return lower_op(l, IR_XOR, s, ir_imm(0xffff));
}

/* Both addresses in the sum: they are the same words, whoever is the source. */
struct ir_opnd lower_reply_addresses(struct lower *l, const struct asked *a)
{
	struct ir_opnd s = add(l, get(l, a->src[0]), get(l, a->dst[0]));
	const ir_var v[] = { a->src[0], a->src[1], a->dst[0], a->dst[1] };

	if (!a->ip6)
		return s;
	s = ir_imm(0);
	for (int i = 0; i < 4; i++) {
		struct ir_opnd w = get(l, v[i]);

		s = add(l, s, add(l, and(l, w, UINT32_MAX), shr(l, w, 32)));
	}
	return s;
}

/* ---- what is there ---- */

/* Ethernet and up to two tags: goes on where the IP header is, at a->l3, in one of @ip4 and @ip6. */
static void read_ethernet(struct lower *l, struct asked *a, struct ir_block *ip4, struct ir_block *ip6)
{
	struct ir_block *eth = lower_block(l, "reply"), *plain = lower_block(l, "tags seen"), *other = lower_block(l, "not ip4");
	ir_var type = var(l, "rep.type");
	struct ir_inst *f = lower_fetch(l, ir_imm(0), ETH_PART, eth, a->closed);

	for (unsigned i = 0; i < 4; i++) {
		a->mac[i] = var(l, i < 2 ? "rep.dmac" : "rep.smac");
		lower_load(l, f, a->mac[i], i < 2 ? 4 * i : 6 + 4 * (i - 2), i % 2 ? 2 : 4);
	}
	for (unsigned i = 0; i < 5; i++) {
		a->tag[i] = var(l, "rep.tag");
		lower_load(l, f, a->tag[i], 12 + 2 * i, 2);
	}
	lower_hot(l, eth);
	lower_need_that(l, IR_BITS, get(l, a->mac[0]), ir_imm(1), false, a->closed);
	lower_need_that(l, IR_BITS, get(l, a->mac[2]), ir_imm(1), false, a->closed);
	a->l3 = var(l, "rep.l3");
	for (unsigned tags = 0; tags < 2; tags++) {
		struct ir_block *tag = lower_block(l, "reply tag"), *none = lower_block(l, "no more tags");
		struct ir_opnd v = get(l, a->tag[2 * tags]);
		struct ir_inst *sw;

		lower_set(l, a->l3, ir_imm(14 + 4 * tags));
		lower_set(l, type, v);
		sw = lower_emit(l, IR_SWITCH);
		sw->a = v;
		*vec_add(l->arena, &sw->cases) = wire16(ETH_P_8021Q);
		*vec_add(l->arena, &sw->cases) = wire16(ETH_P_8021AD);
		sw->target[0] = tag;
		sw->target[1] = none;
		lower_hot(l, none);
		lower_jump(l, plain);
		lower_hot(l, tag);
	}
	lower_set(l, a->l3, ir_imm(ETH_PART));
	lower_set(l, type, get(l, a->tag[4]));
	lower_jump(l, plain);
	lower_hot(l, plain);
	/* the verifier need not walk all that follows for each number of tags */
	lower_set(l, a->l3, lower_opaque(l, get(l, a->l3)));
	lower_test(l, IR_EQ, get(l, type), ir_imm(wire16(ETH_P_IP)), ip4, other);
	lower_hot(l, other);
	lower_test(l, IR_EQ, get(l, type), ir_imm(wire16(ETH_P_IPV6)), ip6, a->closed);
}

/* The datagram ends at a->l3 + @length, if the frame reaches so far, and begins at l4 behind a header of @size bytes. */
static void place(struct lower *l, struct asked *a, ir_var length, ir_var size)
{
	lower_need_that(l, IR_ULE, get(l, size), get(l, length), true, a->closed);
	a->end = var(l, "rep.end");
	a->l4 = var(l, "rep.l4");
	lower_set(l, a->end, add(l, get(l, a->l3), get(l, length)));
	lower_set(l, a->l4, lower_opaque(l, add(l, get(l, a->l3), get(l, size))));
	lower_need_that(l, IR_ULE, get(l, a->end), lower_op0(l, IR_SIZE), true, a->closed);
}

static void read_ip4(struct lower *l, struct asked *a)
{
	ir_var first = var(l, "rep.first"), total = var(l, "rep.total"), frag = var(l, "rep.frag"), size = var(l, "rep.size");
	struct ir_block *there = lower_block(l, "reply ip4");
	struct ir_inst *f = lower_fetch(l, get(l, a->l3), 20, there, a->closed);

	a->proto = var(l, "rep.proto");
	a->src[0] = var(l, "rep.src");
	a->dst[0] = var(l, "rep.dst");
	lower_load(l, f, first, 0, 1);
	lower_load(l, f, total, 2, 2);
	lower_load(l, f, frag, 6, 2);
	lower_load(l, f, a->proto, 9, 1);
	lower_load(l, f, a->src[0], 12, 4);
	lower_load(l, f, a->dst[0], 16, 4);
	lower_hot(l, there);
	lower_need_that(l, IR_EQ, shr(l, get(l, first), 4), ir_imm(4), true, a->closed);
	lower_need_that(l, IR_BITS, get(l, frag), ir_imm(wire16(0x3fff)), false, a->closed);
	/* this network's, and those of many */
	lower_need_that(l, IR_EQ, and(l, get(l, a->src[0]), 0xff), ir_imm(0), false, a->closed);
	lower_need_that(l, IR_EQ, and(l, get(l, a->src[0]), 0xe0), ir_imm(0xe0), false, a->closed);
	lower_need_that(l, IR_EQ, and(l, get(l, a->dst[0]), 0xe0), ir_imm(0xe0), false, a->closed);
	lower_set(l, size, lower_op(l, IR_SHL, and(l, get(l, first), 15), ir_imm(2)));
	lower_need_that(l, IR_ULE, ir_imm(20), get(l, size), true, a->closed);
	lower_set(l, total, lower_swap(l, get(l, total), 2));
	place(l, a, total, size);
}

static void read_ip6(struct lower *l, struct asked *a)
{
	static const uint8_t extensions[] = { IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT, IPPROTO_AH, IPPROTO_DSTOPTS, IPPROTO_MH };
	ir_var first = var(l, "rep.first"), length = var(l, "rep.length"), size = var(l, "rep.size");
	struct ir_block *there = lower_block(l, "reply ip6"), *plain = lower_block(l, "no extension"), *some = lower_block(l, "some source");
	struct ir_inst *f = lower_fetch(l, get(l, a->l3), 40, there, a->closed), *sw;

	a->proto = var(l, "rep.proto");
	lower_load(l, f, first, 0, 1);
	lower_load(l, f, length, 4, 2);
	lower_load(l, f, a->proto, 6, 1);
	for (unsigned i = 0; i < 2; i++) {
		a->src[i] = var(l, "rep.src");
		a->dst[i] = var(l, "rep.dst");
		lower_load(l, f, a->src[i], 8 + 8 * i, 8);
		lower_load(l, f, a->dst[i], 24 + 8 * i, 8);
	}
	lower_hot(l, there);
	lower_need_that(l, IR_EQ, shr(l, get(l, first), 4), ir_imm(6), true, a->closed);
	sw = lower_emit(l, IR_GET);
	sw->var = a->proto;
	struct ir_opnd proto = { IR_TEMP, sw->temp };

	sw = lower_emit(l, IR_SWITCH);
	sw->a = proto;
	for (size_t i = 0; i < sizeof(extensions); i++)
		*vec_add(l->arena, &sw->cases) = extensions[i];
	sw->target[0] = a->closed;
	sw->target[1] = plain;
	lower_hot(l, plain);
	lower_need_that(l, IR_EQ, and(l, get(l, a->src[0]), 0xff), ir_imm(0xff), false, a->closed);
	lower_need_that(l, IR_EQ, and(l, get(l, a->dst[0]), 0xff), ir_imm(0xff), false, a->closed);
	/* the unspecified address */
	lower_test(l, IR_EQ, lower_op(l, IR_OR, get(l, a->src[0]), get(l, a->src[1])), ir_imm(0), a->closed, some);
	lower_hot(l, some);
	lower_set(l, size, ir_imm(40));
	lower_set(l, length, add(l, lower_swap(l, get(l, length), 2), ir_imm(40)));
	place(l, a, length, size);
}

/* ---- what is sent ---- */

void lower_reply_write_ethernet(struct lower *l, const struct asked *a, bool tags)
{
	struct ir_opnd v[9];
	struct ir_inst *w;

	for (unsigned i = 0; i < 4; i++)
		v[i] = get(l, a->mac[(i + 2) % 4]);
	for (unsigned i = 0; i < 5; i++)
		v[4 + i] = get(l, a->tag[i]);
	w = lower_write(l, ir_imm(0));
	for (unsigned i = 0; i < (tags ? 9 : 4); i++)
		lower_put(l, w, v[i], i % 2 || i >= 4 ? 2 : 4);
}

/* The IP header of an answer of @length bytes (IPv6: behind it), at a->l3. */
void lower_reply_write_ip(struct lower *l, const struct asked *a, struct ir_opnd length, uint8_t proto, uint8_t tos)
{
	uint64_t begin = 0x45 | (uint64_t)tos << 8, df = wire16(0x4000), ttl = TTL | (uint64_t)proto << 8;
	struct ir_opnd v[4], sum, off = get(l, a->l3);
	struct ir_inst *w;

	length = lower_swap(l, length, 2);
	for (unsigned i = 0; i < (a->ip6 ? 2 : 1); i++) {
		v[i] = get(l, a->dst[i]);
		v[2 + i] = get(l, a->src[i]);
	}
	if (a->ip6) {
		w = lower_write(l, off);
		lower_put(l, w, ir_imm(0x60), 4);
		lower_put(l, w, length, 2);
		lower_put(l, w, ir_imm(proto), 1);
		lower_put(l, w, ir_imm(TTL), 1);
		for (unsigned i = 0; i < 4; i++)
			lower_put(l, w, v[i], 8);
		return;
	}
	sum = lower_reply_fold(l, add(l, lower_reply_addresses(l, a), add(l, length, ir_imm(begin + df + ttl))));
	w = lower_write(l, off);
	lower_put(l, w, ir_imm(begin), 2);
	lower_put(l, w, length, 2);
	lower_put(l, w, ir_imm(0), 2);
	lower_put(l, w, ir_imm(df), 2);
	lower_put(l, w, ir_imm(ttl), 2);
	lower_put(l, w, sum, 2);
	lower_put(l, w, v[0], 4);
	lower_put(l, w, v[2], 4);
}

/* The frame ends at @end from now on. */
void lower_reply_cut(struct lower *l, struct ir_opnd end, struct ir_block *closed)
{
	struct ir_block *done = lower_block(l, "cut");
	struct ir_inst *i = lower_emit(l, IR_CUT);

	i->a = end;
	i->target[0] = done;
	i->target[1] = closed;
	lower_hot(l, done);
}

static void reply_rst(struct lower *l, struct asked *a, struct ir_block *open)
{
	ir_var port[2], seq = var(l, "rep.seq"), ack = var(l, "rep.ack"), doff = var(l, "rep.doff"), flags = var(l, "rep.flags");
	struct ir_block *there = lower_block(l, "reply tcp"), *has = lower_block(l, "has ack"), *none = lower_block(l, "no ack");
	struct ir_block *on = lower_block(l, "rst");
	unsigned size = a->ip6 ? 40 : 20;
	struct ir_opnd v, sum, p[2], s, k, fl, off;
	struct ir_inst *f, *w;

	lower_need_that(l, IR_EQ, get(l, a->proto), ir_imm(IPPROTO_TCP), true, a->closed);
	f = lower_fetch(l, get(l, a->l4), REPLY_TCP, there, a->closed);
	for (unsigned i = 0; i < 2; i++) {
		port[i] = var(l, "rep.port");
		lower_load(l, f, port[i], 2 * i, 2);
	}
	lower_load(l, f, seq, 4, 4);
	lower_load(l, f, ack, 8, 4);
	lower_load(l, f, doff, 12, 1);
	lower_load(l, f, flags, 13, 1);
	lower_hot(l, there);
	lower_need_that(l, IR_BITS, get(l, flags), ir_imm(4), false, a->closed);
	lower_set(l, doff, lower_op(l, IR_SHL, shr(l, get(l, doff), 4), ir_imm(2)));
	lower_need_that(l, IR_ULE, ir_imm(REPLY_TCP), get(l, doff), true, a->closed);
	lower_set(l, doff, add(l, get(l, a->l4), get(l, doff)));
	lower_need_that(l, IR_ULE, get(l, doff), get(l, a->end), true, a->closed);
	lower_reply_cut(l, add(l, get(l, a->l3), ir_imm(size + REPLY_TCP)), a->closed);
	lower_test(l, IR_BITS, get(l, flags), ir_imm(0x10), has, none);
	/* RFC 9293, 3.10.7.1: where it was acknowledged up to, or an acknowledgement of all that it has, SYN and FIN included */
	lower_hot(l, has);
	lower_set(l, seq, get(l, ack));
	lower_set(l, ack, ir_imm(0));
	lower_set(l, flags, ir_imm(0x04));
	lower_jump(l, on);
	lower_hot(l, none);
	v = lower_op(l, IR_SUB, get(l, a->end), get(l, doff));
	v = add(l, v, and(l, get(l, flags), 1));
	v = add(l, v, and(l, shr(l, get(l, flags), 1), 1));
	v = add(l, v, lower_swap(l, get(l, seq), 4));
	lower_set(l, ack, lower_swap(l, v, 4));
	lower_set(l, seq, ir_imm(0));
	lower_set(l, flags, ir_imm(0x14));
	lower_jump(l, on);
	lower_hot(l, on);
	lower_reply_write_ethernet(l, a, false);
	lower_reply_write_ip(l, a, ir_imm(a->ip6 ? REPLY_TCP : size + REPLY_TCP), IPPROTO_TCP, 0);
	p[0] = get(l, port[1]);
	p[1] = get(l, port[0]);
	s = get(l, seq);
	k = get(l, ack);
	fl = lower_op(l, IR_OR, lower_op(l, IR_SHL, get(l, flags), ir_imm(8)), ir_imm(0x50));
	sum = add(l, lower_reply_addresses(l, a), ir_imm(wire16(IPPROTO_TCP) + wire16(REPLY_TCP)));
	sum = add(l, sum, add(l, add(l, p[0], p[1]), add(l, add(l, s, k), fl)));
	sum = lower_reply_fold(l, sum);
	off = add(l, get(l, a->l3), ir_imm(size));
	w = lower_write(l, off);
	lower_put(l, w, p[0], 2);
	lower_put(l, w, p[1], 2);
	lower_put(l, w, s, 4);
	lower_put(l, w, k, 4);
	lower_put(l, w, fl, 2);
	lower_put(l, w, ir_imm(0), 2);
	lower_put(l, w, sum, 2);
	lower_put(l, w, ir_imm(0), 2);
	lower_jump(l, open);
}

/* ICMP that is an error itself. */
static void need_no_error(struct lower *l, struct asked *a)
{
	static const uint8_t errors[] = { 3, 4, 5, 11, 12 };
	struct ir_block *icmp = lower_block(l, "icmp"), *there = lower_block(l, "icmp type"), *on = lower_block(l, "no error");
	ir_var type = var(l, "rep.icmp");
	struct ir_inst *f, *sw;
	struct ir_opnd v;

	lower_test(l, IR_EQ, get(l, a->proto), ir_imm(a->ip6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP), icmp, on);
	lower_hot(l, icmp);
	f = lower_fetch(l, get(l, a->l4), 1, there, a->closed);
	lower_load(l, f, type, 0, 1);
	lower_hot(l, there);
	if (a->ip6) {
		lower_need_that(l, IR_ULE, get(l, type), ir_imm(127), false, a->closed);
		lower_test(l, IR_EQ, get(l, type), ir_imm(137), a->closed, on);
	} else {
		v = get(l, type);
		sw = lower_emit(l, IR_SWITCH);
		sw->a = v;
		for (size_t i = 0; i < sizeof(errors); i++)
			*vec_add(l->arena, &sw->cases) = errors[i];
		sw->target[0] = a->closed;
		sw->target[1] = on;
	}
	lower_hot(l, on);
}

static void reply_unreachable(struct lower *l, struct asked *a, struct ir_block *open)
{
	unsigned size = a->ip6 ? 40 : 20, before = size + ICMP_LEN;
	uint64_t kind = a->ip6 ? 1 | 4 << 8 : 3 | 3 << 8;	/* type and code: port unreachable */
	struct ir_block *longer = lower_block(l, "quote cut"), *all = lower_block(l, "quote"), *grown = lower_block(l, "grown");
	ir_var quote = var(l, "rep.quote");
	struct ir_opnd sum, off;
	struct ir_inst *i, *w;

	need_no_error(l, a);
	lower_set(l, quote, lower_op(l, IR_SUB, get(l, a->end), get(l, a->l3)));
	lower_test(l, IR_ULE, get(l, quote), ir_imm(XDPF_QUOTE), all, longer);
	lower_hot(l, longer);
	lower_set(l, quote, ir_imm(XDPF_QUOTE));
	lower_jump(l, all);
	lower_hot(l, all);
	i = lower_emit(l, IR_GROW);
	i->imm = before;
	i->target[0] = grown;
	i->target[1] = a->closed;
	lower_hot(l, grown);
	lower_reply_cut(l, add(l, add(l, get(l, a->l3), ir_imm(before)), get(l, quote)), a->closed);
	lower_reply_write_ethernet(l, a, true);
	lower_reply_write_ip(l, a, add(l, get(l, quote), ir_imm(a->ip6 ? ICMP_LEN : before)), a->ip6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, 0xc0);
	sum = lower_op(l, IR_SUM, add(l, get(l, a->l3), ir_imm(before)), get(l, quote));
	sum = add(l, sum, ir_imm(kind));
	if (a->ip6) {
		sum = add(l, sum, lower_reply_addresses(l, a));
		sum = add(l, sum, add(l, lower_swap(l, add(l, get(l, quote), ir_imm(ICMP_LEN)), 2), ir_imm(wire16(IPPROTO_ICMPV6))));
	}
	sum = lower_reply_fold(l, sum);
	off = add(l, get(l, a->l3), ir_imm(size));
	w = lower_write(l, off);
	lower_put(l, w, ir_imm(kind), 2);
	lower_put(l, w, sum, 2);
	lower_put(l, w, ir_imm(0), 4);
	lower_jump(l, open);
}

void lower_reply(struct lower *l, enum ast_way_kind kind, struct ir_block *open, struct ir_block *closed)
{
	struct asked a = { .closed = closed };
	struct ir_block *ip4 = lower_block(l, "ip4"), *ip6 = lower_block(l, "ip6");

	read_ethernet(l, &a, ip4, ip6);
	for (int family = 0; family < 2; family++) {
		a.ip6 = family;
		lower_hot(l, family ? ip6 : ip4);
		if (family)
			read_ip6(l, &a);
		else
			read_ip4(l, &a);
		if (kind == WAY_SYNCOOKIE)
			lower_reply_syncookie(l, &a, open);
		else if (kind == WAY_RST)
			reply_rst(l, &a, open);
		else
			reply_unreachable(l, &a, open);
	}
}
