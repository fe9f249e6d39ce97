/*
 * The dissection in IR behind the IP header: extension headers and transport. In: offset and end of the datagram in variables, the
 * number of the next header in l->proto. Out: blocks that end at l->rules, with presence bits, slots and the payload's place set.
 *
 * The walk over extension headers is one loop of at most eight rounds; each round ends with an offset that the verifier knows nothing of but
 * its bound, so that all kinds of headers lead to one state.
 */
#include "lower.h"

#include <netinet/in.h>

enum { MAX_EXT = 8 };

static uint64_t wire16(uint16_t v)
{
	return __builtin_bswap16(v);
}

static bool wants(const struct lower *l, enum header_id h)
{
	return l->parse[h];
}

/* Every header of layer @layer in the table, with its number. */
#define for_each_next(nx, want_layer) \
	for (const struct next_info *nx = lang_nexts; nx < lang_nexts + lang_n_nexts; nx++) \
		if (nx->by == NEXT_IPPROTO && lang_headers[nx->header].layer == (want_layer))

/* The header at c->off is whole and ends at @stop: notes it and goes on behind it. @proto has the next number. */
static void step(struct lower *l, struct lower_chain *c, ir_var stop, ir_var proto)
{
	if (l->inner) {
		/* behind an outer chain, too, it could come to where offsets are no longer what they are */
		struct ir_block *near = lower_block(l, "ext not too far");

		lower_test(l, IR_ULE, lower_get(l, stop), ir_imm(LOWER_FAR), near, c->bad);
		lower_cold(l, near);
	}
	lower_set(l, l->proto, lower_get(l, proto));
	lower_set(l, c->off, lower_opaque(l, lower_get(l, stop)));
	lower_set(l, c->n, lower_op(l, IR_ADD, lower_get(l, c->n), ir_imm(1)));
	lower_jump(l, c->next);
}

bool lower_noted(const struct lower *l, enum header_id h)
{
	for (size_t i = 0; i < l->slot.n; i++)
		if (l->slot.v[i].header == h)
			return true;
	return l->bit[h];
}

void lower_note_first(struct lower *l, ir_var off, enum header_id h)
{
	struct ir_block *first, *there, *after;
	struct ir_inst *f;

	if (!lower_noted(l, h))
		return;
	lower_bit(l, h);	/* to know the first one by */
	first = lower_block(l, "first of kind");
	there = lower_block(l, "first there");
	after = lower_block(l, "noted");
	lower_test(l, IR_BITS, lower_get(l, l->pres), ir_imm(l->bit[h]), after, first);
	lower_cold(l, first);
	f = lower_fetch(l, lower_get(l, off), lang_headers[h].len, there, after);
	lower_slots_load(l, f, h);
	lower_cold(l, there);
	lower_slots_settle(l, h);
	lower_set_at(l, h, off);
	lower_present(l, h);
	lower_jump(l, after);
	lower_cold(l, after);
}

/* HBH, RT, DSTOPTS and MH have one layout; AH has its own length. */
static void lower_sized(struct lower *l, struct lower_chain *c, bool ah)
{
	struct ir_block *there = lower_block(l, "ext there"), *fits = lower_block(l, "ext fits"), *least = lower_block(l, "ext long enough");
	ir_var next = ir_var_new(l->ir, "ext.next"), len = ir_var_new(l->ir, "ext.len"), stop = ir_var_new(l->ir, "ext.stop");
	struct ir_inst *f = lower_fetch(l, lower_get(l, c->off), ah ? 12 : 8, there, c->bad);
	struct ir_opnd size;

	lower_load(l, f, next, 0, 1);
	lower_load(l, f, len, 1, 1);
	lower_cold(l, there);
	size = lower_op(l, IR_ADD, lower_get(l, len), ir_imm(ah ? 2 : 1));
	size = lower_op(l, IR_SHL, size, ir_imm(ah ? 2 : 3));
	lower_set(l, stop, lower_op(l, IR_ADD, lower_get(l, c->off), size));
	if (ah) {
		lower_test(l, IR_ULE, ir_imm(1), lower_get(l, len), least, c->bad);	/* 12 bytes */
		lower_cold(l, least);
	}
	lower_test(l, IR_ULE, lower_get(l, stop), lower_get(l, c->end), fits, c->bad);
	lower_cold(l, fits);
	if (ah) {
		lower_note_first(l, c->off, HDR_AH);
	} else {
		for_each_next(nx, LAYER_EXT) {
			struct ir_block *is, *other;

			if (nx->header == HDR_AH || nx->header == HDR_FRAG || !lower_noted(l, nx->header))
				continue;
			is = lower_block(l, "ext kind");
			other = lower_block(l, "ext other");
			lower_test(l, IR_EQ, lower_get(l, l->proto), ir_imm(nx->number), is, other);
			lower_cold(l, is);
			lower_note_first(l, c->off, nx->header);
			lower_jump(l, other);
			lower_cold(l, other);
		}
	}
	step(l, c, stop, next);
}

/* Sets or clears a bit, whatever it was. */
static void force_bit(struct lower *l, unsigned bit, bool on)
{
	struct ir_opnd p;

	if (!l->bit[bit])
		return;
	p = lower_get(l, l->pres);
	p = on ? lower_op(l, IR_OR, p, ir_imm(l->bit[bit])) : lower_op(l, IR_AND, p, ir_imm(~l->bit[bit]));
	lower_set(l, l->pres, p);
}

static void lower_frag(struct lower *l, struct lower_chain *c)
{
	struct ir_block *there = lower_block(l, "frag there"), *fits = lower_block(l, "frag fits"), *is = lower_block(l, "ip6 fragment");
	struct ir_block *later = lower_block(l, "ip6 later"), *first = lower_block(l, "ip6 first"), *on = lower_block(l, "frag done");
	ir_var next = ir_var_new(l->ir, "frag.next"), bits = ir_var_new(l->ir, "frag.bits"), stop = ir_var_new(l->ir, "frag.stop");
	struct ir_inst *f = lower_fetch(l, lower_get(l, c->off), 8, there, c->bad);

	lower_load(l, f, next, 0, 1);
	lower_load(l, f, bits, 2, 2);
	lower_cold(l, there);
	lower_set(l, stop, lower_op(l, IR_ADD, lower_get(l, c->off), ir_imm(8)));
	lower_test(l, IR_ULE, lower_get(l, stop), lower_get(l, c->end), fits, c->bad);
	lower_cold(l, fits);
	lower_note_first(l, c->off, HDR_FRAG);
	lower_test(l, IR_BITS, lower_get(l, bits), ir_imm(wire16(0xfff9)), is, on);
	lower_cold(l, is);
	force_bit(l, BIT_FRAGMENT, true);
	lower_test(l, IR_BITS, lower_get(l, bits), ir_imm(wire16(0xfff8)), later, first);
	lower_cold(l, later);
	force_bit(l, BIT_FIRST, false);
	lower_set(l, l->proto, lower_get(l, next));
	lower_jump(l, l->none);
	lower_cold(l, first);
	force_bit(l, BIT_FIRST, true);
	lower_jump(l, on);
	lower_cold(l, on);
	step(l, c, stop, next);
}

/* The header @h at c->off is sound and ends at @pay: notes it and ends. @udp_end: the payload may end earlier. */
static void settle(struct lower *l, struct lower_chain *c, enum header_id h, ir_var pay, const ir_var *udp_end, const ir_var *guard)
{
	bool l4 = false;

	for (size_t i = 0; i < lang_n_members; i++)
		l4 |= lang_members[i].group == HDR_L4 && lang_members[i].member == h;
	lower_slots_settle(l, h);
	if (l4)
		lower_slots_settle(l, HDR_L4);
	lower_set_at(l, h, c->off);
	lower_present(l, h);
	if (l->bit[BIT_PAYLOAD]) {
		lower_present(l, BIT_PAYLOAD);
		lower_set(l, l->pay_off, lower_get(l, pay));
		lower_set(l, l->pay_end, lower_get(l, c->end));
		if (udp_end) {
			struct ir_block *shorter = lower_block(l, "udp ends first"), *on = lower_block(l, "udp payload");

			lower_test(l, IR_ULE, lower_get(l, c->end), lower_get(l, *udp_end), on, shorter);
			lower_cold(l, shorter);
			lower_set(l, l->pay_end, lower_get(l, *udp_end));
			lower_jump(l, on);
			lower_hot(l, on);
		}
	}
	lower_parts(l, h, c->off, &c->end, guard);
	if (h == HDR_TCP)
		lower_options(l, c->off, pay);
	if (l->tunnel && !l->inner && (h == HDR_GRE || h == HDR_UDP))
		lower_tunnel(l, c, h, pay, udp_end);
	else
		lower_jump(l, l->rules);
}

/* GRE's optional words: where they are depends on the flags before. */
static void lower_gre(struct lower *l, struct lower_chain *c)
{
	static const struct { uint16_t flags; enum header_id part; } word[] = {
		{ 0xc000, HDR_GRECSUM }, { 0x2000, HDR_GREKEY }, { 0x1000, HDR_GRESEQ },
	};
	struct ir_block *there = lower_block(l, "gre there"), *fits = lower_block(l, "gre fits"), *ack, *sum;
	ir_var flags = ir_var_new(l->ir, "gre.flags"), stop = ir_var_new(l->ir, "gre.stop"), at[3];
	struct ir_inst *f = lower_fetch(l, lower_get(l, c->off), 4, there, c->bad);

	lower_load(l, f, flags, 0, 2);
	lower_slots_load(l, f, HDR_GRE);
	lower_cold(l, there);
	lower_set(l, flags, lower_swap(l, lower_get(l, flags), 2));
	lower_set(l, stop, lower_op(l, IR_ADD, lower_get(l, c->off), ir_imm(4)));
	for (int i = 0; i < 3; i++) {
		struct ir_block *has = lower_block(l, "gre word"), *on = lower_block(l, "gre on");

		at[i] = ir_var_new(l->ir, "gre.at");
		lower_set(l, at[i], lower_get(l, stop));
		lower_test(l, IR_BITS, lower_get(l, flags), ir_imm(word[i].flags), has, on);
		lower_cold(l, has);
		lower_set(l, stop, lower_op(l, IR_ADD, lower_get(l, stop), ir_imm(4)));
		lower_jump(l, on);
		lower_cold(l, on);
	}
	ack = lower_block(l, "gre acknowledgement");
	sum = lower_block(l, "gre length");
	lower_test(l, IR_EQ, lower_op(l, IR_AND, lower_get(l, flags), ir_imm(0x0087)), ir_imm(0x0081), ack, sum);
	lower_cold(l, ack);
	lower_set(l, stop, lower_op(l, IR_ADD, lower_get(l, stop), ir_imm(4)));
	lower_jump(l, sum);
	lower_cold(l, sum);
	lower_test(l, IR_ULE, lower_get(l, stop), lower_get(l, c->end), fits, c->bad);
	lower_cold(l, fits);
	for (int i = 0; i < 3; i++) {
		struct ir_block *has, *got, *on;
		struct ir_inst *w;

		if (!wants(l, word[i].part))
			continue;
		has = lower_block(l, "gre part");
		got = lower_block(l, "gre part there");
		on = lower_block(l, "gre part done");
		/* the routing bit makes room for the word, but no checksum */
		lower_test(l, IR_BITS, lower_get(l, flags), ir_imm(word[i].flags & ~0x4000), has, on);
		lower_cold(l, has);
		w = lower_fetch(l, lower_get(l, at[i]), 4, got, on);
		lower_slots_load(l, w, word[i].part);
		lower_cold(l, got);
		lower_slots_settle(l, word[i].part);
		lower_set_at(l, word[i].part, at[i]);
		lower_present(l, word[i].part);
		lower_jump(l, on);
		lower_cold(l, on);
	}
	settle(l, c, HDR_GRE, stop, NULL, NULL);
}

static void lower_l4(struct lower *l, struct lower_chain *c, enum header_id h)
{
	unsigned n = lang_headers[h].len;
	ir_var len = ir_var_new(l->ir, "l4.len"), stop = ir_var_new(l->ir, "l4.stop"), guard[2 * 8], x = 0;
	struct ir_block *there = lower_block(l, lang_headers[h].name), *fits = lower_block(l, "l4 fits"), *least;
	struct ir_inst *f = lower_fetch(l, lower_get(l, c->off), n, there, c->bad);

	if (h == HDR_TCP)
		lower_load(l, f, len, 12, 1);
	if (h == HDR_UDP)
		lower_load(l, f, len, 4, 2);
	if (h == HDR_DCCP) {
		x = ir_var_new(l->ir, "dccp.x");
		lower_load(l, f, len, 4, 1);
		lower_load(l, f, x, 8, 1);
	}
	lower_slots_load(l, f, h);
	for (size_t i = 0; i < lang_n_members; i++)
		if (lang_members[i].group == HDR_L4 && lang_members[i].member == h)
			lower_slots_load(l, f, HDR_L4);
	lower_guards(l, f, h, guard);
	lower_hot(l, there);

	if (h == HDR_TCP) {
		least = lower_block(l, "tcp offset");
		lower_set(l, len, lower_op(l, IR_SHL, lower_op(l, IR_SHR, lower_get(l, len), ir_imm(4)), ir_imm(2)));
		lower_test(l, IR_ULE, ir_imm(20), lower_get(l, len), least, c->bad);
		lower_hot(l, least);
		lower_set(l, stop, lower_op(l, IR_ADD, lower_get(l, c->off), lower_get(l, len)));
	} else if (h == HDR_DCCP) {
		struct ir_opnd least_len;

		least = lower_block(l, "dccp offset");
		lower_set(l, len, lower_op(l, IR_SHL, lower_get(l, len), ir_imm(2)));
		/* 12 bytes, or 16 with X */
		least_len = lower_op(l, IR_SHL, lower_op(l, IR_AND, lower_get(l, x), ir_imm(1)), ir_imm(2));
		least_len = lower_op(l, IR_ADD, least_len, ir_imm(12));
		lower_test(l, IR_ULE, least_len, lower_get(l, len), least, c->bad);
		lower_hot(l, least);
		lower_set(l, stop, lower_op(l, IR_ADD, lower_get(l, c->off), lower_get(l, len)));
	} else {
		lower_set(l, stop, lower_op(l, IR_ADD, lower_get(l, c->off), ir_imm(n)));
		if (h == HDR_UDP) {
			least = lower_block(l, "udp length");
			lower_set(l, len, lower_swap(l, lower_get(l, len), 2));
			lower_test(l, IR_ULE, ir_imm(8), lower_get(l, len), least, c->bad);
			lower_hot(l, least);
			lower_set(l, len, lower_op(l, IR_ADD, lower_get(l, c->off), lower_get(l, len)));
		}
	}
	lower_test(l, IR_ULE, lower_get(l, stop), lower_get(l, c->end), fits, c->bad);
	lower_hot(l, fits);
	settle(l, c, h, stop, h == HDR_UDP ? &len : NULL, guard);
}

/* The tests for wanted transport headers, the frequent ones first; goes on where it is none of them. */
static void dispatch_proto(struct lower *l, struct lower_chain *c)
{
	static const uint8_t frequent[] = { IPPROTO_TCP, IPPROTO_UDP };

	for (size_t i = 0; i < sizeof(frequent) + lang_n_nexts; i++) {
		const struct next_info *nx = i < sizeof(frequent) ? NULL : &lang_nexts[i - sizeof(frequent)];
		uint32_t number = nx ? nx->number : frequent[i];
		enum header_id h = nx ? nx->header : lang_next(NEXT_IPPROTO, number);
		struct ir_block *other;

		if (!wants(l, h) || (nx && (nx->by != NEXT_IPPROTO || lang_headers[h].layer != LAYER_L4 || number == frequent[0] ||
					    number == frequent[1])))
			continue;
		if (!c->on[h])
			c->on[h] = lower_block(l, "l4");
		other = lower_block(l, "other proto");
		lower_test(l, IR_EQ, lower_get(l, l->proto), ir_imm(number), c->on[h], other);
		lower_hot(l, other);
	}
}

/* An extension header, if there have not been too many: @ah, or another of IPv6. */
static void lower_extension(struct lower *l, struct lower_chain *c, bool ah)
{
	struct ir_block *more = lower_block(l, "not the ninth"), *frag, *sized;

	lower_test(l, IR_EQ, lower_get(l, c->n), ir_imm(MAX_EXT), c->bad, more);
	lower_cold(l, more);
	if (ah) {
		lower_sized(l, c, true);
		return;
	}
	frag = lower_block(l, "frag");
	sized = lower_block(l, "extension");
	lower_test(l, IR_EQ, lower_get(l, l->proto), ir_imm(IPPROTO_FRAGMENT), frag, sized);
	lower_cold(l, frag);
	lower_frag(l, c);
	lower_cold(l, sized);
	lower_sized(l, c, false);
}

void lower_chain(struct lower *l, struct lower_chain *c, bool ip6)
{
	struct ir_block *ah = lower_block(l, "ah"), *ext = lower_block(l, "extension of ip6"), *other;
	struct ir_opnd proto;
	struct ir_inst *sw;

	lower_set(l, c->n, ir_imm(0));
	c->next = lower_block(l, "chain");
	lower_jump(l, c->next);
	lower_hot(l, c->next);
	dispatch_proto(l, c);
	if (l->tunnel && !l->inner)
		lower_carried(l);
	other = ip6 ? lower_block(l, "not ah") : l->none;
	lower_test(l, IR_EQ, lower_get(l, l->proto), ir_imm(IPPROTO_AH), ah, other);
	lower_cold(l, ah);
	lower_extension(l, c, true);
	if (!ip6)
		return;
	lower_cold(l, other);
	proto = lower_get(l, l->proto);
	sw = lower_emit(l, IR_SWITCH);
	sw->a = proto;
	for_each_next(nx, LAYER_EXT)
		if (nx->header != HDR_AH)
			*vec_add(l->arena, &sw->cases) = nx->number;
	sw->target[0] = ext;
	sw->target[1] = l->none;
	lower_cold(l, ext);
	lower_extension(l, c, false);
}

void lower_transports(struct lower *l, struct lower_chain *c)
{
	static const enum header_id frequent[] = { HDR_TCP, HDR_UDP };

	for (int i = 0; i < 2 + HDR_COUNT; i++) {
		int h = i < 2 ? (int)frequent[i] : i - 2;

		if (!c->on[h] || !wants(l, h) || (i >= 2 && (h == HDR_TCP || h == HDR_UDP)))
			continue;
		lower_hot(l, c->on[h]);
		if (h == HDR_GRE)
			lower_gre(l, c);
		else
			lower_l4(l, c, h);
	}
}
