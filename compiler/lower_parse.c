/*
 * The dissection in IR, as far as the rules ask for it: Ethernet, tags, ARP; the order of it all. In: what need and the rules' lowering
 * asked for. Out: blocks from the frame's first byte to l->rules, with presence bits and slots set as docs/language.md's header
 * table says.
 *
 * Presence is changed by exclusive or and starts as a zero that nobody can see through (BLANK): so the verifier knows nothing of it at
 * l->rules, and walks the rules once and not once for each way through the headers. Slots start as an opaque LOWER_ABSENT for
 * the same reason. Offsets that have been through a loop are made opaque and masked.
 */
#include "lower.h"

#include <linux/if_ether.h>

/* A number of the wire as a little-endian load gives it. */
static uint64_t wire16(uint16_t v)
{
	return __builtin_bswap16(v);
}

static bool wants(const struct lower *l, enum header_id h)
{
	return l->parse[h];
}

static bool wants_layer(const struct lower *l, enum layer layer)
{
	for (int h = 0; h < HDR_COUNT; h++)
		if (lang_headers[h].layer == layer && l->parse[h])
			return true;
	return false;
}

/* Anything behind the IP header? */
bool lower_wants_chain(const struct lower *l)
{
	return wants_layer(l, LAYER_EXT) || wants_layer(l, LAYER_L4) || l->need_proto || l->bit[BIT_FRAGMENT] || l->bit[BIT_FIRST];
}

/* What the rules asked for, and what is on the way there. */
void lower_close_needs(struct lower *l)
{
	if (l->bit[BIT_MALFORMED])
		for (int h = 0; h < HDR_COUNT; h++)
			if (lang_headers[h].layer != LAYER_PART && lang_headers[h].layer != LAYER_GROUP)
				l->parse[h] = true;
	for (size_t i = 0; i < l->slot.n; i++)
		l->parse[l->slot.v[i].header] = true;
	if (l->bit[BIT_PAYLOAD])
		for (int h = 0; h < HDR_COUNT; h++)
			if (lang_headers[h].layer == LAYER_L4)
				l->parse[h] = true;
	for (size_t i = 0; i < lang_n_members; i++)
		if (l->parse[lang_members[i].group])
			l->parse[lang_members[i].member] = true;
	for (size_t i = 0; i < lang_n_parts; i++)
		if (l->parse[lang_parts[i].id])
			l->parse[lang_parts[i].parent] = true;
	if (l->tunnel && !l->inner)
		l->parse[HDR_GRE] = l->parse[HDR_UDP] = true;
	if (lower_wants_options(l))
		l->parse[HDR_TCP] = true;
	if (l->parse[HDR_GRECSUM] || l->parse[HDR_GREKEY] || l->parse[HDR_GRESEQ])
		l->parse[HDR_GRE] = true;
	if (lower_wants_chain(l))
		l->parse[HDR_IP4] = l->parse[HDR_IP6] = true;
}

/* The verifier cannot know the frame's length, whichever way it is found. */
struct ir_opnd lower_blank(struct lower *l)
{
	struct ir_opnd len = lower_op0(l, IR_LEN);

	return lower_op(l, IR_BLANK, len, len);
}

struct ir_inst *lower_fetch_early(struct lower *l, ir_var off, unsigned n, struct ir_block *yes, struct ir_block *no)
{
	struct ir_block *within = l->inner ? lower_block(l, "within") : yes;
	struct ir_inst *f = lower_fetch(l, lower_get(l, off), n, within, no);

	f->early = !l->inner;
	if (l->inner) {
		lower_cold(l, within);
		lower_test(l, IR_ULE, lower_op(l, IR_ADD, lower_get(l, off), ir_imm(n)), lower_get(l, l->tunnel->end), yes, no);
	}
	return f;
}

void lower_beyond(struct lower *l, struct ir_opnd a, struct ir_block *yes, struct ir_block *no)
{
	if (l->inner)
		lower_test(l, IR_ULE, a, lower_get(l, l->tunnel->end), no, yes);
	else
		lower_test(l, IR_BEYOND, a, ir_imm(0), yes, no);
}

struct ir_opnd lower_opaque(struct lower *l, struct ir_opnd off)
{
	return lower_op(l, IR_AND, lower_op(l, IR_XOR, off, lower_blank(l)), ir_imm(IR_MAX_OFF));
}

void lower_present(struct lower *l, unsigned bit)
{
	if (l->bit[bit])
		lower_set(l, l->pres, lower_op(l, IR_XOR, lower_get(l, l->pres), ir_imm(l->bit[bit])));
}

void lower_slot_load(struct lower *l, struct ir_inst *fetch, const struct slot *s, unsigned base)
{
	unsigned at = s->off - base;

	switch (s->len) {
	case 3:
		lower_load(l, fetch, s->raw[0], at, 1);
		lower_load(l, fetch, s->raw[1], at + 1, 2);
		break;
	case 6:
		lower_load(l, fetch, s->raw[0], at, 4);
		lower_load(l, fetch, s->raw[1], at + 4, 2);
		break;
	case 16:
		lower_load(l, fetch, s->raw[0], at, 8);
		lower_load(l, fetch, s->raw[1], at + 8, 8);
		break;
	default:
		lower_load(l, fetch, s->raw[0], at, s->len);
		break;
	}
}

void lower_slots_load(struct lower *l, struct ir_inst *fetch, enum header_id h)
{
	for (size_t i = 0; i < l->slot.n; i++)
		if (l->slot.v[i].header == h)
			lower_slot_load(l, fetch, &l->slot.v[i], 0);
}

void lower_slot_settle(struct lower *l, const struct slot *s)
{
	struct ir_opnd v = lower_get(l, s->raw[0]);

	if (s->len == 3 || s->len == 6) {
		struct ir_opnd low = lower_swap(l, lower_get(l, s->raw[1]), 2);

		if (s->len == 6)
			v = lower_swap(l, v, 4);
		v = lower_op(l, IR_OR, lower_op(l, IR_SHL, v, ir_imm(16)), low);
	} else if (s->len == 16) {
		lower_set(l, s->var[1], lower_get(l, s->raw[1]));
	} else if (!s->wire && s->len > 1) {
		v = lower_swap(l, v, s->len);
	}
	lower_set(l, s->var[0], v);
}

void lower_slots_settle(struct lower *l, enum header_id h)
{
	for (size_t i = 0; i < l->slot.n; i++)
		if (l->slot.v[i].header == h)
			lower_slot_settle(l, &l->slot.v[i]);
	if (!l->inner)
		lower_soon(l, h);
}

/* All slots to "absent", that number being @absent. In memory that is never without a number, only those that are read before anything asks whether
 * they are there. */
static void clear_slots(struct lower *l, struct ir_opnd absent)
{
	for (size_t i = 0; i < l->slot.n; i++)
		for (int k = 0; k < (l->slot.v[i].len == 16 ? 2 : 1) && (l->slot.v[i].bare || !l->ir->scratch); k++)
			lower_set(l, l->slot.v[i].var[k], absent);
	if (l->need_proto)
		lower_set(l, l->proto, absent);
	if (l->bit[BIT_PAYLOAD]) {
		lower_set(l, l->pay_off, absent);
		lower_set(l, l->pay_end, absent);
	}
	lower_clear_at(l, absent);
}

/* The same for what is inside a tunnel. */
static void clear_inner(struct lower *l)
{
	if (!l->tunnel)
		return;
	lower_enter(l, true);
	lower_set(l, l->pres, lower_get(l, l->blank));
	clear_slots(l, lower_get(l, l->absent));
	lower_enter(l, false);
}

/* Loads for the guards of @parent's parts that are wanted: the guard's bytes, at most two pieces a part. Returns the parts' number. */
unsigned lower_guards(struct lower *l, struct ir_inst *fetch, enum header_id parent, ir_var *guard)
{
	unsigned n = 0;

	for (size_t i = 0; i < lang_n_parts; i++) {
		const struct part_info *p = &lang_parts[i];

		if (p->parent != parent || !l->parse[p->id])
			continue;
		guard[2 * n] = ir_var_new(l->ir, "guard");
		guard[2 * n + 1] = ir_var_new(l->ir, "guard+");
		if (p->guard_len == 6) {
			lower_load(l, fetch, guard[2 * n], p->guard_off, 4);
			lower_load(l, fetch, guard[2 * n + 1], p->guard_off + 4, 2);
		} else {
			lower_load(l, fetch, guard[2 * n], p->guard_off, p->guard_len);
		}
		n++;
	}
	return n;
}

/* The parts of @parent, which begins at @base and is sound; those that do not end before @end (NULL: the frame) are absent. Ends in the
 * block behind them. */
void lower_parts(struct lower *l, enum header_id parent, ir_var base, const ir_var *end, const ir_var *guard)
{
	unsigned n = 0;

	for (size_t i = 0; i < lang_n_parts; i++) {
		const struct part_info *p = &lang_parts[i];
		struct ir_block *is, *fits, *there, *after;
		struct ir_opnd g, off, stop;
		struct ir_inst *sw, *f;

		if (p->parent != parent || !l->parse[p->id])
			continue;
		is = lower_block(l, "part");
		there = lower_block(l, "part there");
		after = lower_block(l, "part done");
		g = lower_get(l, guard[2 * n]);
		if (p->guard_len == 6)
			g = lower_op(l, IR_OR, lower_op(l, IR_SHL, lower_swap(l, g, 4), ir_imm(16)),
				     lower_swap(l, lower_get(l, guard[2 * n + 1]), 2));
		else if (p->guard_len > 1)
			g = lower_swap(l, g, p->guard_len);
		g = lower_op(l, IR_AND, g, ir_imm(p->guard_mask));
		sw = lower_emit(l, IR_SWITCH);
		sw->a = g;
		for (unsigned k = 0; k < p->n; k++)
			*vec_add(l->arena, &sw->cases) = p->value[k];
		sw->target[0] = is;
		sw->target[1] = after;
		lower_hot(l, is);
		if (end) {
			fits = lower_block(l, "part fits");
			stop = lower_op(l, IR_ADD, lower_get(l, base), ir_imm(p->off + lang_headers[p->id].len));
			lower_test(l, IR_ULE, stop, lower_get(l, *end), fits, after);
			lower_hot(l, fits);
		}
		off = lower_op(l, IR_ADD, lower_get(l, base), ir_imm(p->off));
		f = lower_fetch(l, off, lang_headers[p->id].len, there, after);
		lower_slots_load(l, f, p->id);
		lower_hot(l, there);
		lower_slots_settle(l, p->id);
		lower_present(l, p->id);
		lower_jump(l, after);
		lower_hot(l, after);
		n++;
	}
}

void lower_arp(struct lower *l, ir_var l3, struct ir_block *bad)
{
	struct ir_block *there = lower_block(l, "arp there"), *sound = lower_block(l, "arp sound");
	ir_var hlen = ir_var_new(l->ir, "arp.hlen"), plen = ir_var_new(l->ir, "arp.plen"), guard[2 * 8];
	struct ir_inst *f = lower_fetch_early(l, l3, 8, there, bad);
	struct ir_opnd n;

	lower_load(l, f, hlen, 4, 1);
	lower_load(l, f, plen, 5, 1);
	lower_slots_load(l, f, HDR_ARP);
	lower_guards(l, f, HDR_ARP, guard);
	lower_hot(l, there);
	n = lower_op(l, IR_ADD, lower_get(l, hlen), lower_get(l, plen));
	n = lower_op(l, IR_ADD, lower_op(l, IR_SHL, n, ir_imm(1)), ir_imm(8));
	lower_beyond(l, lower_op(l, IR_ADD, lower_get(l, l3), n), bad, sound);
	lower_hot(l, sound);
	lower_slots_settle(l, HDR_ARP);
	lower_set_at(l, HDR_ARP, l3);
	lower_present(l, HDR_ARP);
	lower_parts(l, HDR_ARP, l3, l->inner ? &l->tunnel->end : NULL, guard);
	lower_jump(l, l->none);
}

/* Goes on by the type behind @tags tags. */
void lower_dispatch_type(struct lower *l, ir_var type, unsigned tags, struct ir_block *const on[HDR_COUNT], struct ir_block *bad)
{
	/* the most frequent first; a tag is not frequent, but is looked for before ARP */
	static const struct { uint16_t type; enum header_id header; } order[] = {
		{ ETH_P_IP, HDR_IP4 }, { ETH_P_IPV6, HDR_IP6 }, { ETH_P_8021Q, HDR_VLAN }, { ETH_P_8021AD, HDR_VLAN }, { ETH_P_ARP, HDR_ARP },
	};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		struct ir_block *to = on[order[i].header], *other;

		if (order[i].header == HDR_VLAN)
			to = tags == 0 ? on[HDR_VLAN] : tags == 1 ? on[HDR_VLAN2] : bad;
		if (!to)
			continue;
		other = lower_block(l, "other type");
		lower_test(l, IR_EQ, lower_get(l, type), ir_imm(wire16(order[i].type)), to, other);
		if (tags)
			lower_cold(l, other);
		else
			lower_hot(l, other);
	}
	lower_jump(l, l->none);
}

void lower_etype(struct lower *l, ir_var type)
{
	for (size_t i = 0; i < l->slot.n; i++)
		if (l->slot.v[i].header == HDR_ETYPE)
			lower_set(l, l->slot.v[i].raw[0], lower_get(l, type));
	lower_slots_settle(l, HDR_ETYPE);
}

/* A tag at @l3; @h is HDR_VLAN or HDR_VLAN2. */
void lower_tag(struct lower *l, enum header_id h, ir_var l3, ir_var type, struct ir_block *const on[HDR_COUNT], struct ir_block *bad)
{
	struct ir_block *there = lower_block(l, "tag there"), *cut = lower_block(l, "tag cut");
	struct ir_inst *f = lower_fetch_early(l, l3, 4, there, cut);

	lower_load(l, f, type, 2, 2);
	lower_slots_load(l, f, h);
	lower_cold(l, cut);
	lower_present(l, HDR_ETYPE);	/* it was set for the type before this tag: takes it back */
	for (size_t i = 0; i < l->slot.n; i++)
		if (l->slot.v[i].header == HDR_ETYPE)
			lower_set(l, l->slot.v[i].var[0], lower_get(l, l->absent));
	lower_jump(l, bad);
	lower_cold(l, there);
	lower_slots_settle(l, h);
	lower_set_at(l, h, l3);
	lower_present(l, h);
	/* opaque: or the verifier would walk all that follows for each number of tags */
	lower_set(l, l3, lower_opaque(l, lower_op(l, IR_ADD, lower_get(l, l3), ir_imm(4))));
	lower_etype(l, type);
	lower_dispatch_type(l, type, h == HDR_VLAN ? 1 : 2, on, bad);
}

/* Is it worth it to keep from the verifier by which way through the headers it came to the rules? */
static bool opaque(const struct lower *l)
{
	for (int h = 0; h < HDR_COUNT; h++)
		if (lang_headers[h].layer == LAYER_EXT && lower_noted(l, h))
			return true;	/* these may stand in any order and number */
	return l->tunnel || lower_wants_options(l) || l->n_tests > LOWER_PLAIN_TESTS;
}

void lower_parse(struct lower *l)
{
	struct ir_block *entry = lower_block(l, "entry"), *eth = lower_block(l, "eth"), *cut = lower_block(l, "short frame");
	struct ir_block *on[HDR_COUNT] = { NULL }, *bad = lower_block(l, "malformed");
	ir_var l3 = ir_var_new(l->ir, "l3"), type = ir_var_new(l->ir, "type");
	struct lower_chain c = {
		.off = ir_var_new(l->ir, "off"), .end = ir_var_new(l->ir, "end"), .n = ir_var_new(l->ir, "n_ext"), .bad = bad,
	};
	bool l2, any;
	struct ir_inst *f;

	lower_close_needs(l);
	c.behind = lower_wants_chain(l) || l->bit[BIT_MALFORMED];
	l2 = wants(l, HDR_ARP) || wants(l, HDR_IP4) || wants(l, HDR_IP6) || wants(l, HDR_VLAN) || wants(l, HDR_VLAN2) || wants(l, HDR_ETYPE);
	any = l2 || wants(l, HDR_ETH);

	l->none = lower_block(l, "no more headers");
	l->bad = bad;
	lower_cold(l, l->none);
	lower_jump(l, l->rules);
	lower_hot(l, entry);
	if (l->need_frame_len)
		lower_set(l, l->frame_len, lower_op0(l, IR_LEN));
	if (!any) {
		lower_set(l, l->blank, opaque(l) ? lower_blank(l) : ir_imm(0));
		lower_jump(l, l->rules);
		return;
	}
	f = lower_fetch(l, ir_imm(0), 14, eth, cut);
	f->early = true;
	lower_load(l, f, type, 12, 2);
	lower_slots_load(l, f, HDR_ETH);
	lower_cold(l, cut);
	/* a frame without an Ethernet header: everything is known there */
	lower_set(l, l->pres, ir_imm(0));
	lower_set(l, l->blank, ir_imm(0));
	lower_set(l, l->absent, ir_imm(LOWER_ABSENT));
	clear_slots(l, ir_imm(LOWER_ABSENT));
	lower_soon(l, HDR_NONE);
	clear_inner(l);
	lower_clear_conn(l);
	lower_present(l, BIT_MALFORMED);
	lower_jump(l, l->none);
	lower_cold(l, bad);
	lower_present(l, BIT_MALFORMED);
	lower_jump(l, l->none);

	lower_hot(l, eth);
	lower_set(l, l->blank, opaque(l) ? lower_blank(l) : ir_imm(0));
	lower_set(l, l->pres, lower_get(l, l->blank));
	lower_set(l, l->absent, lower_op(l, IR_XOR, lower_get(l, l->blank), ir_imm(LOWER_ABSENT)));
	clear_slots(l, lower_get(l, l->absent));
	lower_soon(l, HDR_NONE);
	clear_inner(l);
	lower_clear_conn(l);
	lower_slots_settle(l, HDR_ETH);
	lower_present(l, HDR_ETH);
	lower_present(l, HDR_ETYPE);
	lower_etype(l, type);
	if (!l2) {
		lower_jump(l, l->none);
		return;
	}
	lower_set(l, l3, ir_imm(14));
	on[HDR_VLAN] = lower_block(l, "tag");
	on[HDR_VLAN2] = lower_block(l, "inner tag");
	if (wants(l, HDR_IP4))
		on[HDR_IP4] = lower_block(l, "ip4");
	if (wants(l, HDR_IP6))
		on[HDR_IP6] = lower_block(l, "ip6");
	if (wants(l, HDR_ARP))
		on[HDR_ARP] = lower_block(l, "arp");
	lower_dispatch_type(l, type, 0, on, bad);
	if (on[HDR_IP4]) {
		lower_hot(l, on[HDR_IP4]);
		lower_ip4(l, l3, &c);
	}
	if (on[HDR_IP6]) {
		lower_hot(l, on[HDR_IP6]);
		lower_ip6(l, l3, &c);
	}
	if (c.behind)
		lower_transports(l, &c);
	if (l->tunnel)
		lower_inside(l, &c);
	if (on[HDR_ARP]) {
		lower_hot(l, on[HDR_ARP]);
		lower_arp(l, l3, bad);
	}
	lower_cold(l, on[HDR_VLAN]);
	lower_tag(l, HDR_VLAN, l3, type, on, bad);
	lower_cold(l, on[HDR_VLAN2]);
	lower_tag(l, HDR_VLAN2, l3, type, on, bad);
}
