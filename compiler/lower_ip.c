/*
 * The dissection in IR: the IP headers. In: the header's offset in a variable. Out: blocks that lead on behind the header, with the
 * datagram's end in c->end and the next header's number in l->proto; presence bits and slots of the header set.
 */
#include "lower.h"

/* A number of the wire as a little-endian load gives it. */
static uint64_t wire16(uint16_t v)
{
	return __builtin_bswap16(v);
}

/* Fragment flags, and what ends where, of an IPv4 header that is there; @total and @frag are as on the wire. */
static void behind_ip4(struct lower *l, ir_var l3, ir_var size, ir_var total, ir_var frag, struct lower_chain *c)
{
	struct ir_block *whole = lower_block(l, "ip4 whole"), *end = lower_block(l, "ip4 end"), *fragment = lower_block(l, "ip4 fragment");
	struct ir_block *one = lower_block(l, "ip4 not later"), *later = lower_block(l, "ip4 first fragment");
	struct ir_block *lengths = lower_block(l, "ip4 lengths");
	struct ir_opnd n;

	/* the flags are the header's own, whatever its lengths say */
	lower_test(l, IR_BITS, lower_get(l, frag), ir_imm(wire16(0x3fff)), fragment, lengths);
	lower_cold(l, fragment);
	lower_present(l, BIT_FRAGMENT);
	lower_test(l, IR_BITS, lower_get(l, frag), ir_imm(wire16(0x1fff)), lengths, later);
	lower_cold(l, later);
	lower_present(l, BIT_FIRST);
	lower_jump(l, lengths);
	lower_hot(l, lengths);
	n = lower_swap(l, lower_get(l, total), 2);
	lower_set(l, total, n);
	lower_test(l, IR_ULE, lower_get(l, size), n, whole, c->bad);
	lower_hot(l, whole);
	lower_set(l, c->end, lower_op(l, IR_ADD, lower_get(l, l3), lower_get(l, total)));
	lower_beyond(l, lower_get(l, c->end), c->bad, end);
	lower_hot(l, end);
	lower_test(l, IR_BITS, lower_get(l, frag), ir_imm(wire16(0x1fff)), l->none, one);
	lower_hot(l, one);
	lower_set(l, c->off, lower_op(l, IR_ADD, lower_get(l, l3), lower_get(l, size)));
	lower_chain(l, c, false);
}

void lower_ip4(struct lower *l, ir_var l3, struct lower_chain *c)
{
	ir_var first = ir_var_new(l->ir, "ip4.first"), total = ir_var_new(l->ir, "ip4.total"), frag = ir_var_new(l->ir, "ip4.frag");
	ir_var size = ir_var_new(l->ir, "ip4.size"), proto = ir_var_new(l->ir, "ip4.proto.raw");
	struct ir_block *there = lower_block(l, "ip4 there"), *options = lower_block(l, "ip4 options");
	struct ir_block *version = lower_block(l, "ip4 version"), *fits = lower_block(l, "ip4 options fit");
	struct ir_block *plain = lower_block(l, "ip4 plain"), *sound = lower_block(l, "ip4 sound"), *ok;
	struct ir_inst *f = lower_fetch_early(l, l3, 20, there, c->bad);
	struct ir_opnd n;

	lower_load(l, f, first, 0, 1);
	if (c->behind) {
		lower_load(l, f, total, 2, 2);
		lower_load(l, f, frag, 6, 2);
		lower_load(l, f, proto, 9, 1);
	}
	lower_slots_load(l, f, HDR_IP4);
	lower_hot(l, there);
	lower_test(l, IR_EQ, lower_get(l, first), ir_imm(0x45), plain, options);
	lower_cold(l, options);
	lower_test(l, IR_EQ, lower_op(l, IR_SHR, lower_get(l, first), ir_imm(4)), ir_imm(4), version, c->bad);
	lower_cold(l, version);
	n = lower_op(l, IR_SHL, lower_op(l, IR_AND, lower_get(l, first), ir_imm(15)), ir_imm(2));
	lower_set(l, size, n);
	ok = lower_block(l, "ip4 size");
	lower_test(l, IR_ULE, ir_imm(20), n, ok, c->bad);
	lower_cold(l, ok);
	lower_beyond(l, lower_op(l, IR_ADD, lower_get(l, l3), lower_get(l, size)), c->bad, fits);
	lower_cold(l, fits);
	lower_jump(l, sound);
	lower_hot(l, plain);
	lower_set(l, size, ir_imm(20));
	lower_jump(l, sound);
	lower_hot(l, sound);
	lower_slots_settle(l, HDR_IP4);
	lower_set_at(l, HDR_IP4, l3);
	lower_present(l, HDR_IP4);
	if (!c->behind) {
		lower_jump(l, l->none);
		return;
	}
	lower_set(l, l->proto, lower_get(l, proto));
	behind_ip4(l, l3, size, total, frag, c);
}

void lower_ip6(struct lower *l, ir_var l3, struct lower_chain *c)
{
	ir_var first = ir_var_new(l->ir, "ip6.first"), length = ir_var_new(l->ir, "ip6.length"), next = ir_var_new(l->ir, "ip6.next");
	struct ir_block *there = lower_block(l, "ip6 there"), *sound = lower_block(l, "ip6 sound"), *end = lower_block(l, "ip6 end");
	struct ir_inst *f = lower_fetch_early(l, l3, 40, there, c->bad);
	struct ir_opnd n;

	lower_load(l, f, first, 0, 1);
	if (c->behind) {
		lower_load(l, f, length, 4, 2);
		lower_load(l, f, next, 6, 1);
	}
	lower_slots_load(l, f, HDR_IP6);
	lower_hot(l, there);
	lower_test(l, IR_EQ, lower_op(l, IR_SHR, lower_get(l, first), ir_imm(4)), ir_imm(6), sound, c->bad);
	lower_hot(l, sound);
	lower_slots_settle(l, HDR_IP6);
	lower_set_at(l, HDR_IP6, l3);
	lower_present(l, HDR_IP6);
	if (!c->behind) {
		lower_jump(l, l->none);
		return;
	}
	lower_set(l, l->proto, lower_get(l, next));
	lower_set(l, c->off, lower_op(l, IR_ADD, lower_get(l, l3), ir_imm(40)));
	n = lower_op(l, IR_ADD, lower_get(l, c->off), lower_swap(l, lower_get(l, length), 2));
	lower_set(l, c->end, n);
	lower_beyond(l, n, c->bad, end);
	lower_hot(l, end);
	lower_chain(l, c, true);
}
