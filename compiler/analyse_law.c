/*
 * What the formats say. In: nothing but the tables of headers and what compiler/dissect.h says of them. Out: formulas that hold of every packet:
 * which headers there are together, and what fields say of the headers behind them. A packet that breaks one cannot be; packets that keep
 * all of them nearly always can. Those that can be written as a test's packet, without giving its bytes, keep the plain laws, too.
 */
#include "analyse_priv.h"

struct laws {
	struct space *s;
	bool inner;
	uint64_t asked;			/* headers that rules ask for, or for fields of */
};

static uint32_t has(struct laws *l, unsigned bit)
{
	return form_has(l->s, l->inner, bit);
}

static uint32_t field(struct laws *l, enum field_id f, uint64_t lo, uint64_t hi)
{
	return form_from(l->s, space_field(l->s, l->inner, f), lo, hi);
}

static uint32_t is(struct laws *l, enum field_id f, uint64_t v)
{
	return field(l, f, v, v);
}

static void law(struct laws *l, uint32_t f)
{
	*vec_add(l->s->a, &l->s->law) = f;
}

static void plain(struct laws *l, uint32_t f)
{
	*vec_add(l->s->a, &l->s->plain) = f;
}

/* Where @a holds, @b does. */
static uint32_t so(struct laws *l, uint32_t a, uint32_t b)
{
	return OR(l->s, form_not(a), b);
}

static uint32_t same(struct laws *l, uint32_t a, uint32_t b)
{
	return AND(l->s, so(l, a, b), so(l, b, a));
}

/* One of the headers of a layer. */
static uint32_t any_of(struct laws *l, enum layer layer)
{
	uint32_t any[HDR_COUNT];
	size_t n = 0;

	for (unsigned h = 0; h < HDR_COUNT; h++)
		if (lang_headers[h].layer == layer)
			any[n++] = has(l, h);
	return form_or(l->s, any, n);
}

static void at_most_one(struct laws *l, enum layer layer)
{
	for (unsigned h = 0; h < HDR_COUNT; h++)
		for (unsigned g = 0; g < h; g++)
			if (lang_headers[h].layer == layer && lang_headers[g].layer == layer)
				law(l, form_not(AND(l->s, has(l, h), has(l, g))));
}

static void groups(struct laws *l)
{
	for (unsigned g = 0; g < HDR_COUNT; g++) {
		uint32_t any[HDR_COUNT];
		size_t n = 0;

		for (size_t i = 0; i < lang_n_members; i++)
			if (lang_members[i].group == g)
				any[n++] = has(l, lang_members[i].member);
		if (n)
			law(l, same(l, has(l, g), form_or(l->s, any, n)));
	}
}

/* ---- Ethernet ---- */

static uint32_t is_tag(struct laws *l, enum field_id f)
{
	return OR(l->s, is(l, f, 0x8100), is(l, f, 0x88a8));
}

/* Where @when holds the two numbers are equal, bit by bit. */
static void equal(struct laws *l, uint32_t when, enum field_id x, enum field_id y)
{
	uint32_t a = space_field(l->s, l->inner, x), b = space_field(l->s, l->inner, y);
	unsigned bits = l->s->number.v[a].bits;

	for (unsigned i = 0; i < bits; i++) {
		struct value one = { 0, (uint64_t)1 << i };
		const struct range set = { FAMILY_NUM, one, one };

		law(l, so(l, when, same(l, form_in(l->s, a, &one, &set, 1), form_in(l->s, b, &one, &set, 1))));
	}
}

static void tags(struct laws *l)
{
	uint32_t eth = has(l, HDR_ETH), vlan = has(l, HDR_VLAN), second = has(l, HDR_VLAN2), type = has(l, HDR_ETYPE), bad = has(l, MALFORMED_BIT);
	uint32_t outer = is_tag(l, FIELD_ETH_OUTERTYPE), behind = is_tag(l, FIELD_VLAN_TYPE), third = is_tag(l, FIELD_ETH_TYPE);
	struct space *s = l->s;

	law(l, so(l, second, AND(s, vlan, behind)));
	law(l, so(l, vlan, AND(s, eth, outer)));
	law(l, so(l, type, eth));
	law(l, so(l, AND(s, eth, outer, form_not(vlan)), AND(s, bad, form_not(type))));
	law(l, so(l, AND(s, eth, form_not(outer)), type));
	law(l, so(l, AND(s, vlan, form_not(behind)), type));
	law(l, so(l, AND(s, vlan, behind, form_not(second)), AND(s, bad, form_not(type))));
	law(l, so(l, second, type));
	law(l, so(l, AND(s, type, third), AND(s, second, bad)));
	equal(l, AND(s, type, form_not(vlan)), FIELD_ETH_TYPE, FIELD_ETH_OUTERTYPE);
	equal(l, AND(s, vlan, type, form_not(second)), FIELD_ETH_TYPE, FIELD_VLAN_TYPE);
	equal(l, second, FIELD_ETH_TYPE, FIELD_VLAN2_TYPE);
}

/* What the type leads to is there, or is broken. */
static void network(struct laws *l)
{
	static const enum header_id l3[] = { HDR_IP4, HDR_IP6, HDR_ARP };
	struct space *s = l->s;
	uint32_t type = has(l, HDR_ETYPE), bad = has(l, MALFORMED_BIT);

	for (size_t i = 0; i < 3; i++)
		for (size_t k = 0; k < lang_n_nexts; k++) {
			uint32_t leads;

			if (lang_nexts[k].by != NEXT_ETHERTYPE || lang_nexts[k].header != l3[i])
				continue;
			leads = AND(s, type, is(l, FIELD_ETH_TYPE, lang_nexts[k].number));
			law(l, so(l, AND(s, leads, form_not(has(l, l3[i]))), bad));
			/* IP in IP has no type, ARP is never without. */
			law(l, so(l, has(l, l3[i]), l->inner && l3[i] != HDR_ARP ? OR(s, leads, form_not(has(l, HDR_ETH))) : leads));
		}
	at_most_one(l, LAYER_L3);
	law(l, so(l, has(l, HDR_IP4), AND(s, is(l, FIELD_IP4_VERSION, 4), field(l, FIELD_IP4_IHL, 5, 15))));
	law(l, so(l, has(l, HDR_IP6), is(l, FIELD_IP6_VERSION, 6)));
	law(l, so(l, has(l, HDR_ARP), form_not(bad)));
}

/* Where nothing is broken, nothing is said to be. */
static void defects(struct laws *l)
{
	struct space *s = l->s;
	uint32_t bad = has(l, MALFORMED_BIT), ip = has(l, HDR_IP), type = has(l, HDR_ETYPE);
	uint32_t lost = AND(s, type, form_not(any_of(l, LAYER_L3)),
			    OR(s, is(l, FIELD_ETH_TYPE, 0x0800), is(l, FIELD_ETH_TYPE, 0x86dd), is(l, FIELD_ETH_TYPE, 0x0806),
			       is_tag(l, FIELD_ETH_TYPE)));

	if (!l->inner)
		law(l, so(l, bad, OR(s, ip, form_not(type), lost)));
	law(l, so(l, any_of(l, LAYER_L4), AND(s, form_not(bad), ip)));
}

/* ---- IP ---- */

static uint32_t later(struct laws *l)
{
	return AND(l->s, has(l, FRAGMENT_BIT), form_not(has(l, FIRST_BIT)));
}

static void fragment_bits(struct laws *l)
{
	struct space *s = l->s;

	law(l, so(l, has(l, FIRST_BIT), has(l, FRAGMENT_BIT)));
	law(l, so(l, has(l, FRAGMENT_BIT), has(l, HDR_IP)));
	law(l, so(l, later(l), form_not(any_of(l, LAYER_L4))));
	law(l, so(l, AND(s, later(l), has(l, HDR_IP6)), form_not(has(l, MALFORMED_BIT))));
}

static void fragments(struct laws *l)
{
	struct space *s = l->s;
	uint32_t frag = has(l, FRAGMENT_BIT), first = has(l, FIRST_BIT), ip4 = has(l, HDR_IP4), six = has(l, HDR_FRAG);
	uint32_t at0 = is(l, FIELD_IP4_FRAGOFF, 0), more = is(l, FIELD_IP4_MF, 1);
	uint32_t six0 = is(l, FIELD_FRAG_OFFSET, 0), six_more = is(l, FIELD_FRAG_MORE, 1);

	fragment_bits(l);
	law(l, so(l, frag, OR(s, ip4, six)));
	law(l, so(l, ip4, AND(s, same(l, frag, OR(s, more, form_not(at0))), same(l, first, AND(s, more, at0)))));
	law(l, so(l, AND(s, six, form_not(six0)), AND(s, frag, form_not(first), form_not(has(l, MALFORMED_BIT)))));
	law(l, so(l, AND(s, six, six_more), frag));
	/* A second fragment header behind the first may say more. */
	plain(l, so(l, six, AND(s, same(l, frag, OR(s, six_more, form_not(six0))), same(l, first, AND(s, six_more, six0)))));
	law(l, so(l, AND(s, later(l), ip4), form_not(has(l, HDR_AH))));
}

static const struct {
	enum header_id h;
	enum field_id next;
} links[] = {
	{ HDR_HBH, FIELD_HBH_NEXTHDR }, { HDR_RT, FIELD_RT_NEXTHDR }, { HDR_FRAG, FIELD_FRAG_NEXTHDR }, { HDR_DSTOPTS, FIELD_DSTOPTS_NEXTHDR },
	{ HDR_MH, FIELD_MH_NEXTHDR }, { HDR_AH, FIELD_AH_NEXTHDR },
};

enum { LINKS = sizeof(links) / sizeof(links[0]) };

static uint64_t number(enum header_id h)
{
	for (size_t i = 0; i < lang_n_nexts; i++)
		if (lang_nexts[i].by == NEXT_IPPROTO && lang_nexts[i].header == h)
			return lang_nexts[i].number;
	return UINT64_MAX;
}

/* @f names an extension header that is walked behind IPv6 (@six) or IPv4. */
static uint32_t leads_on(struct laws *l, enum field_id f, bool six)
{
	uint32_t any[LINKS];
	size_t n = 0;

	for (size_t i = 0; i < LINKS; i++)
		if (six || links[i].h == HDR_AH)
			any[n++] = is(l, f, number(links[i].h));
	return form_or(l->s, any, n);
}

/* The protocol is a transport's. */
static uint32_t names_transport(struct laws *l)
{
	uint32_t any[HDR_COUNT];
	size_t n = 0;

	for (unsigned h = 0; h < HDR_COUNT; h++)
		if (lang_headers[h].layer == LAYER_L4)
			any[n++] = is(l, FIELD_IP_PROTO, number((enum header_id)h));
	return form_or(l->s, any, n);
}

/* The header that a number names is there, or is broken. */
static void step(struct laws *l, uint32_t when, enum field_id f, bool six)
{
	for (size_t i = 0; i < LINKS; i++)
		if (six || links[i].h == HDR_AH)
			law(l, so(l, AND(l->s, when, is(l, f, number(links[i].h))), OR(l->s, has(l, links[i].h), has(l, MALFORMED_BIT))));
	equal(l, AND(l->s, when, form_not(leads_on(l, f, six))), FIELD_IP_PROTO, f);
}

/* The walk from the IP header on. */
static void chain(struct laws *l)
{
	struct space *s = l->s;
	uint32_t ip4 = has(l, HDR_IP4), ip6 = has(l, HDR_IP6), bad = has(l, MALFORMED_BIT), any[LINKS];
	uint32_t ah = has(l, HDR_AH);

	for (size_t i = 0; i < LINKS; i++) {
		any[i] = has(l, links[i].h);
		law(l, so(l, any[i], links[i].h == HDR_AH ? has(l, HDR_IP) : ip6));
	}
	/* Behind them something is broken only if it is one of them, or a transport header. */
	law(l, so(l, AND(s, bad, form_or(s, any, LINKS)), OR(s, leads_on(l, FIELD_IP_PROTO, true), names_transport(l))));
	/* IPv4 */
	law(l, so(l, AND(s, ip4, ah), is(l, FIELD_IP4_PROTO, number(HDR_AH))));
	equal(l, AND(s, ip4, form_not(ah)), FIELD_IP_PROTO, FIELD_IP4_PROTO);
	law(l, so(l, AND(s, ip4, is(l, FIELD_IP4_PROTO, number(HDR_AH)), form_not(ah)), OR(s, bad, later(l))));
	equal(l, AND(s, ip4, ah, form_not(is(l, FIELD_AH_NEXTHDR, number(HDR_AH)))), FIELD_IP_PROTO, FIELD_AH_NEXTHDR);
	law(l, so(l, AND(s, ip4, is(l, FIELD_IP_PROTO, number(HDR_AH)), form_not(later(l))), bad));
	/* IPv6 */
	law(l, so(l, AND(s, ip6, form_or(s, any, LINKS)), leads_on(l, FIELD_IP6_NEXTHDR, true)));
	for (size_t i = 0; i < LINKS; i++)
		law(l, so(l, AND(s, ip6, form_or(s, any, LINKS), is(l, FIELD_IP6_NEXTHDR, number(links[i].h))), any[i]));
	equal(l, AND(s, ip6, form_not(form_or(s, any, LINKS))), FIELD_IP_PROTO, FIELD_IP6_NEXTHDR);
	step(l, ip6, FIELD_IP6_NEXTHDR, true);
	for (size_t i = 0; i < LINKS; i++)
		if (links[i].h != HDR_FRAG)
			step(l, AND(s, ip6, any[i], form_not(later(l))), links[i].next, true);
	law(l, so(l, AND(s, ip6, leads_on(l, FIELD_IP_PROTO, true), form_not(later(l))), bad));
	equal(l, AND(s, has(l, HDR_FRAG), form_not(is(l, FIELD_FRAG_OFFSET, 0))), FIELD_IP_PROTO, FIELD_FRAG_NEXTHDR);
	step(l, AND(s, has(l, HDR_FRAG), is(l, FIELD_FRAG_OFFSET, 0), form_not(later(l))), FIELD_FRAG_NEXTHDR, true);
}

/* Extension headers as they are written in a test's packet: each once, in this order. */
static void plain_chain(struct laws *l)
{
	static const enum header_id order[] = { HDR_HBH, HDR_RT, HDR_FRAG, HDR_AH, HDR_DSTOPTS, HDR_MH };
	struct space *s = l->s;
	uint32_t none = has(l, HDR_IP6);

	for (size_t i = 0; i < LINKS; i++) {
		plain(l, so(l, AND(s, none, has(l, order[i])), is(l, FIELD_IP6_NEXTHDR, number(order[i]))));
		none = AND(s, none, form_not(has(l, order[i])));
	}
	for (size_t i = 0; i < LINKS; i++) {
		uint32_t last = AND(s, has(l, HDR_IP), has(l, order[i]));
		enum field_id next = FIELD_NONE;

		for (size_t k = 0; k < LINKS; k++)
			if (links[k].h == order[i])
				next = links[k].next;
		for (size_t k = i + 1; k < LINKS; k++) {
			plain(l, so(l, AND(s, last, has(l, order[k])), is(l, next, number(order[k]))));
			last = AND(s, last, form_not(has(l, order[k])));
		}
		plain(l, so(l, last, form_not(leads_on(l, next, true))));
	}
	/* Behind a later fragment's header nothing is walked. */
	plain(l, so(l, AND(s, later(l), has(l, HDR_IP6)), form_not(OR(s, has(l, HDR_AH), has(l, HDR_DSTOPTS), has(l, HDR_MH)))));
	/* What is cut off behind them is the transport header. */
	plain(l, form_not(AND(s, has(l, MALFORMED_BIT), any_of(l, LAYER_EXT), OR(s, leads_on(l, FIELD_IP_PROTO, true), s->lengths ? ALWAYS : NEVER))));
	plain(l, so(l, has(l, HDR_AH), field(l, FIELD_AH_LEN, 1, 255)));
}

/* ---- transport ---- */

static void transports(struct laws *l)
{
	struct space *s = l->s;
	uint32_t ip = has(l, HDR_IP), sound = AND(s, ip, form_not(has(l, MALFORMED_BIT)), form_not(later(l)));

	for (unsigned h = 0; h < HDR_COUNT; h++) {
		uint32_t by;

		if (lang_headers[h].layer != LAYER_L4)
			continue;
		by = is(l, FIELD_IP_PROTO, number((enum header_id)h));
		law(l, so(l, has(l, h), AND(s, by, ip)));
		law(l, so(l, AND(s, sound, by), has(l, h)));
	}
	at_most_one(l, LAYER_L4);
	law(l, so(l, has(l, HDR_TCP), field(l, FIELD_TCP_DOFF, 5, 15)));
	law(l, so(l, has(l, HDR_UDP), field(l, FIELD_UDP_LEN, 8, 65535)));
	law(l, so(l, has(l, HDR_DCCP), OR(s, AND(s, is(l, FIELD_DCCP_X, 1), field(l, FIELD_DCCP_DOFF, 4, 255)),
					  AND(s, is(l, FIELD_DCCP_X, 0), field(l, FIELD_DCCP_DOFF, 3, 255)))));
}

/* The guard of a part as a field of its parent's: they begin at the same byte and are as long. */
static uint32_t guard(struct laws *l, const struct part_info *p)
{
	uint32_t any[8];

	for (unsigned v = 0; v < p->n; v++) {
		any[v] = ALWAYS;
		for (int f = 0; f < FIELD_COUNT; f++) {
			const struct field_info *info = &lang_fields[f];
			unsigned at = info->off - p->guard_off, shift;
			uint64_t mask, ones;

			if (info->form != FORM_WIRE || info->header != p->parent || info->off < p->guard_off || at + info->len > p->guard_len)
				continue;
			shift = 8 * (p->guard_len - at - info->len) + info->shift;
			ones = value_ones(info->bits).lo;
			mask = p->guard_mask >> shift & ones;
			if (mask == ones)
				any[v] = AND(l->s, any[v], is(l, (enum field_id)f, p->value[v] >> shift & ones));
		}
	}
	return form_or(l->s, any, p->n);
}

/* A header that no rule asks for may be there or not: what is said of it says nothing of the others. */
static bool asked(const struct laws *l, enum header_id h)
{
	return l->asked >> h & 1;
}

static void parts(struct laws *l)
{
	struct space *s = l->s;
	static const struct {
		enum header_id h;
		unsigned bit;
	} gre[] = { { HDR_GRECSUM, 0x8000 }, { HDR_GREKEY, 0x2000 }, { HDR_GRESEQ, 0x1000 } };

	for (size_t i = 0; i < lang_n_parts; i++) {
		const struct part_info *p = &lang_parts[i];
		uint32_t there;
		unsigned end = p->off + lang_headers[p->id].len, in = lang_headers[p->parent].len;

		if (!asked(l, p->id))
			continue;
		there = AND(s, has(l, p->parent), guard(l, p));
		/* Beyond its parent's bytes it takes payload. */
		if (p->parent != HDR_ARP && p->parent != HDR_DCCP && end > in)
			there = AND(s, there, field(l, FIELD_PAYLOAD_LEN, end - in, UINT64_MAX));
		law(l, same(l, has(l, p->id), there));
	}
	for (size_t i = 0; i < 3; i++) {
		struct value mask = value_of(gre[i].bit);
		const struct range set = { FAMILY_NUM, mask, mask };

		if (asked(l, gre[i].h))
			law(l, same(l, has(l, gre[i].h),
				    AND(s, has(l, HDR_GRE), form_in(s, space_field(s, l->inner, FIELD_GRE_FLAGS), &mask, &set, 1))));
	}
}

/* Those of TCP's options that are there have room. */
static void options(struct laws *l)
{
	for (unsigned some = 1; some < 1u << lang_n_options; some++) {
		uint32_t all = ALWAYS;
		unsigned bytes = 20, i = 0;

		while (i < lang_n_options && (!(some >> i & 1) || asked(l, lang_options[i].header)))
			i++;
		if (i < lang_n_options)
			continue;
		for (i = 0; i < lang_n_options; i++)
			if (some >> i & 1) {
				all = AND(l->s, all, has(l, lang_options[i].header));
				bytes += lang_options[i].len;
			}
		law(l, so(l, all, AND(l->s, has(l, HDR_TCP), field(l, FIELD_TCP_DOFF, (bytes + 3) / 4, 15))));
	}
}

/* ---- tunnels ---- */

static void tunnels(struct laws *in)
{
	struct laws out = { in->s, false };
	struct space *s = in->s;
	uint32_t udp = AND(s, has(&out, HDR_UDP), OR(s, is(&out, FIELD_UDP_DPORT, 4789), is(&out, FIELD_UDP_DPORT, 6081),
						      is(&out, FIELD_UDP_DPORT, 2152)));
	uint32_t ipip = is(&out, FIELD_IP_PROTO, 4), six = is(&out, FIELD_IP_PROTO, 41), gre = has(&out, HDR_GRE), any = NEVER;

	for (unsigned h = 0; h < HDR_COUNT; h++)
		any = OR(s, any, has(in, h));
	any = OR(s, any, has(in, MALFORMED_BIT));
	law(in, so(in, any, AND(s, has(&out, HDR_IP), OR(s, ipip, six, gre, udp))));
	law(in, so(in, AND(s, any, OR(s, ipip, six)), form_not(has(in, HDR_ETH))));
	law(in, so(in, AND(s, any, ipip), form_not(has(in, HDR_IP6))));
	law(in, so(in, AND(s, any, six), form_not(has(in, HDR_IP4))));
	law(in, so(in, AND(s, any, udp, is(&out, FIELD_UDP_DPORT, 2152)), form_not(has(in, HDR_ETH))));
	law(in, so(in, AND(s, any, udp, is(&out, FIELD_UDP_DPORT, 4789)), OR(s, has(in, HDR_ETH), has(in, MALFORMED_BIT))));
	law(in, so(in, AND(s, any, gre), AND(s, is(&out, FIELD_GRE_VERSION, 0), form_not(form_in(s, space_field(s, false, FIELD_GRE_FLAGS),
		&(struct value){ 0, 0x4000 }, &(struct range){ FAMILY_NUM, { 0, 0x4000 }, { 0, 0x4000 } }, 1)))));
	plain(in, so(in, any, form_not(has(in, MALFORMED_BIT))));
	plain(in, so(in, AND(s, any, OR(s, has(&out, HDR_GRE), ipip, six)), form_not(has(&out, FRAGMENT_BIT))));
}

/* Headers of the layer that formulas are about, before there are laws. */
static uint64_t headers_asked(const struct space *s, bool inner)
{
	uint64_t all = 0;

	for (size_t i = 0; i < s->node.n; i++) {
		const struct node *x = &s->node.v[i];

		if (x->kind == NODE_BIT && x->of / BITS_LAYER == inner)
			all |= (uint64_t)1 << x->of % BITS_LAYER;
		if (x->kind == NODE_IN && s->number.v[x->of].kind == NUMBER_WIRE && s->number.v[x->of].inner == inner)
			all |= (uint64_t)1 << lang_fields[s->number.v[x->of].field].header;
		/* what begins with the frame's first byte */
		if (x->kind == NODE_IN && s->number.v[x->of].kind == NUMBER_PACKET)
			all |= (uint64_t)1 << HDR_VLAN;
	}
	return all;
}

static bool field_asked(const struct space *s, bool inner, enum field_id f)
{
	for (size_t i = 0; i < s->asked; i++)
		if (s->number.v[i].field == f && s->number.v[i].inner == inner)
			return true;
	return false;
}

static bool any_asked(const struct laws *l, uint64_t which)
{
	return l->asked & which;
}

#define BIT(h) ((uint64_t)1 << (h))
#define EXTENSIONS (BIT(HDR_HBH) | BIT(HDR_RT) | BIT(HDR_FRAG) | BIT(HDR_DSTOPTS) | BIT(HDR_MH) | BIT(HDR_AH))

static void layer(struct space *s, bool inner, uint64_t asked_for)
{
	struct laws l = { s, inner, asked_for };
	bool fragmented = any_asked(&l, BIT(FRAGMENT_BIT) | BIT(FIRST_BIT)) || field_asked(s, inner, FIELD_IP4_MF) || field_asked(s, inner, FIELD_IP4_FRAGOFF);
	bool chained = s->lengths || fragmented || any_asked(&l, EXTENSIONS) || field_asked(s, inner, FIELD_IP4_PROTO) ||
		       field_asked(s, inner, FIELD_IP6_NEXTHDR);

	groups(&l);
	if (s->lengths || any_asked(&l, BIT(HDR_VLAN) | BIT(HDR_VLAN2)) || field_asked(s, inner, FIELD_ETH_OUTERTYPE))
		tags(&l);
	else
		plain(&l, has(&l, HDR_ETYPE));
	network(&l);
	defects(&l);
	if (chained) {
		fragments(&l);
		chain(&l);
		plain_chain(&l);
	} else {
		fragment_bits(&l);
	}
	transports(&l);
	parts(&l);
	options(&l);
	/* A frame has 14 bytes or more. */
	if (!inner)
		law(&l, has(&l, HDR_ETH));
	else
		tunnels(&l);
}

/* What is not in the frame, where it is asked for. */
static void around(struct space *s)
{
	static const struct {
		enum field_id f;
		uint64_t lo, hi;
	} most[] = {
		{ FIELD_FLOW_STATE, 1, 3 }, { FIELD_WEEKDAY, 1, 7 }, { FIELD_TIME, 0, 86399 }, { FIELD_RX_TIMESTAMP, 1, INT64_MAX },
		{ FIELD_PKT_LEN, 14, 131071 },
	};
	struct laws l = { s, false };

	for (size_t i = 0; i < sizeof(most) / sizeof(most[0]); i++)
		for (size_t k = 0; k < s->asked; k++)
			if (s->number.v[k].kind == NUMBER_META && s->number.v[k].field == most[i].f)
				law(&l, field(&l, most[i].f, most[i].lo, most[i].hi));
	if (s->lengths)
		plain(&l, field(&l, FIELD_PKT_LEN, 14, 9216));
	for (size_t k = 0; k < s->asked; k++)
		if (s->number.v[k].field == FIELD_RX_VLAN_TYPE)
			plain(&l, is_tag(&l, FIELD_RX_VLAN_TYPE));
}

void laws_read(struct space *s)
{
	const uint64_t outer = headers_asked(s, false), inner = headers_asked(s, true);

	s->asked = s->number.n;
	layer(s, false, outer);
	around(s);
	if (s->inner)
		layer(s, true, inner);
	s->laid = true;
}
