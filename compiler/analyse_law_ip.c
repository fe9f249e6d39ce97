/*
 * Ethernet, IP, and what is walked through behind it. In: a layer. Out: its laws, from compiler/dissect.h.
 */
#include "analyse_law.h"

/* ---- Ethernet ---- */

uint32_t law_is_tag(struct laws *l, enum field_id f)
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

void laws_tags(struct laws *l)
{
	uint32_t eth = has(l, HDR_ETH), vlan = has(l, HDR_VLAN), second = has(l, HDR_VLAN2), type = has(l, HDR_ETYPE), bad = has(l, MALFORMED_BIT);
	uint32_t outer = law_is_tag(l, FIELD_ETH_OUTERTYPE), behind = law_is_tag(l, FIELD_VLAN_TYPE), third = law_is_tag(l, FIELD_ETH_TYPE);
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
void laws_network(struct laws *l)
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
	law_at_most_one(l, LAYER_L3);
	law(l, so(l, has(l, HDR_IP4), AND(s, is(l, FIELD_IP4_VERSION, 4), field(l, FIELD_IP4_IHL, 5, 15))));
	law(l, so(l, has(l, HDR_IP6), is(l, FIELD_IP6_VERSION, 6)));
	law(l, so(l, has(l, HDR_ARP), form_not(bad)));
}

/* Where nothing is broken, nothing is said to be. */
void laws_defects(struct laws *l)
{
	struct space *s = l->s;
	uint32_t bad = has(l, MALFORMED_BIT), ip = has(l, HDR_IP), type = has(l, HDR_ETYPE);
	uint32_t lost = AND(s, type, form_not(law_any_of(l, LAYER_L3)),
			    OR(s, is(l, FIELD_ETH_TYPE, 0x0800), is(l, FIELD_ETH_TYPE, 0x86dd), is(l, FIELD_ETH_TYPE, 0x0806),
			       law_is_tag(l, FIELD_ETH_TYPE)));

	if (!l->inner)
		law(l, so(l, bad, OR(s, ip, form_not(type), lost)));
	law(l, so(l, law_any_of(l, LAYER_L4), AND(s, form_not(bad), ip)));
}

/* ---- IP ---- */

uint32_t law_later(struct laws *l)
{
	return AND(l->s, has(l, FRAGMENT_BIT), form_not(has(l, FIRST_BIT)));
}

void laws_fragment_bits(struct laws *l)
{
	struct space *s = l->s;

	law(l, so(l, has(l, FIRST_BIT), has(l, FRAGMENT_BIT)));
	law(l, so(l, has(l, FRAGMENT_BIT), has(l, HDR_IP)));
	law(l, so(l, law_later(l), form_not(law_any_of(l, LAYER_L4))));
	law(l, so(l, AND(s, law_later(l), has(l, HDR_IP6)), form_not(has(l, MALFORMED_BIT))));
}

void laws_fragments(struct laws *l)
{
	struct space *s = l->s;
	uint32_t frag = has(l, FRAGMENT_BIT), first = has(l, FIRST_BIT), ip4 = has(l, HDR_IP4), six = has(l, HDR_FRAG);
	uint32_t at0 = is(l, FIELD_IP4_FRAGOFF, 0), more = is(l, FIELD_IP4_MF, 1);
	uint32_t six0 = is(l, FIELD_FRAG_OFFSET, 0), six_more = is(l, FIELD_FRAG_MORE, 1);

	laws_fragment_bits(l);
	law(l, so(l, frag, OR(s, ip4, six)));
	law(l, so(l, ip4, AND(s, same(l, frag, OR(s, more, form_not(at0))), same(l, first, AND(s, more, at0)))));
	law(l, so(l, AND(s, six, form_not(six0)), AND(s, frag, form_not(first), form_not(has(l, MALFORMED_BIT)))));
	law(l, so(l, AND(s, six, six_more), frag));
	/* A second fragment header behind the first may say more. */
	plain(l, so(l, six, AND(s, same(l, frag, OR(s, six_more, form_not(six0))), same(l, first, AND(s, six_more, six0)))));
	law(l, so(l, AND(s, law_later(l), ip4), form_not(has(l, HDR_AH))));
}

static const struct {
	enum header_id h;
	enum field_id next;
} links[] = {
	{ HDR_HBH, FIELD_HBH_NEXTHDR }, { HDR_RT, FIELD_RT_NEXTHDR }, { HDR_FRAG, FIELD_FRAG_NEXTHDR }, { HDR_DSTOPTS, FIELD_DSTOPTS_NEXTHDR },
	{ HDR_MH, FIELD_MH_NEXTHDR }, { HDR_AH, FIELD_AH_NEXTHDR },
};

enum { LINKS = sizeof(links) / sizeof(links[0]) };

/* @f names an extension header that is walked behind IPv6 (@six) or IPv4. */
static uint32_t leads_on(struct laws *l, enum field_id f, bool six)
{
	uint32_t any[LINKS];
	size_t n = 0;

	for (size_t i = 0; i < LINKS; i++)
		if (six || links[i].h == HDR_AH)
			any[n++] = is(l, f, lang_number(NEXT_IPPROTO, links[i].h));
	return form_or(l->s, any, n);
}

/* The protocol is a transport's. */
static uint32_t names_transport(struct laws *l)
{
	uint32_t any[HDR_COUNT];
	size_t n = 0;

	for (unsigned h = 0; h < HDR_COUNT; h++)
		if (lang_headers[h].layer == LAYER_L4)
			any[n++] = is(l, FIELD_IP_PROTO, lang_number(NEXT_IPPROTO, (enum header_id)h));
	return form_or(l->s, any, n);
}

/* The header that a number names is there, or is broken. */
static void step(struct laws *l, uint32_t when, enum field_id f, bool six)
{
	for (size_t i = 0; i < LINKS; i++)
		if (six || links[i].h == HDR_AH)
			law(l, so(l, AND(l->s, when, is(l, f, lang_number(NEXT_IPPROTO, links[i].h))),
				  OR(l->s, has(l, links[i].h), has(l, MALFORMED_BIT))));
	equal(l, AND(l->s, when, form_not(leads_on(l, f, six))), FIELD_IP_PROTO, f);
}

/* The walk from the IP header on. */
void laws_chain(struct laws *l)
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
	law(l, so(l, AND(s, ip4, ah), is(l, FIELD_IP4_PROTO, lang_number(NEXT_IPPROTO, HDR_AH))));
	equal(l, AND(s, ip4, form_not(ah)), FIELD_IP_PROTO, FIELD_IP4_PROTO);
	law(l, so(l, AND(s, ip4, is(l, FIELD_IP4_PROTO, lang_number(NEXT_IPPROTO, HDR_AH)), form_not(ah)), OR(s, bad, law_later(l))));
	equal(l, AND(s, ip4, ah, form_not(is(l, FIELD_AH_NEXTHDR, lang_number(NEXT_IPPROTO, HDR_AH)))), FIELD_IP_PROTO, FIELD_AH_NEXTHDR);
	law(l, so(l, AND(s, ip4, is(l, FIELD_IP_PROTO, lang_number(NEXT_IPPROTO, HDR_AH)), form_not(law_later(l))), bad));
	/* IPv6 */
	law(l, so(l, AND(s, ip6, form_or(s, any, LINKS)), leads_on(l, FIELD_IP6_NEXTHDR, true)));
	for (size_t i = 0; i < LINKS; i++)
		law(l, so(l, AND(s, ip6, form_or(s, any, LINKS), is(l, FIELD_IP6_NEXTHDR, lang_number(NEXT_IPPROTO, links[i].h))), any[i]));
	equal(l, AND(s, ip6, form_not(form_or(s, any, LINKS))), FIELD_IP_PROTO, FIELD_IP6_NEXTHDR);
	step(l, ip6, FIELD_IP6_NEXTHDR, true);
	for (size_t i = 0; i < LINKS; i++)
		if (links[i].h != HDR_FRAG)
			step(l, AND(s, ip6, any[i], form_not(law_later(l))), links[i].next, true);
	law(l, so(l, AND(s, ip6, leads_on(l, FIELD_IP_PROTO, true), form_not(law_later(l))), bad));
	equal(l, AND(s, has(l, HDR_FRAG), form_not(is(l, FIELD_FRAG_OFFSET, 0))), FIELD_IP_PROTO, FIELD_FRAG_NEXTHDR);
	step(l, AND(s, has(l, HDR_FRAG), is(l, FIELD_FRAG_OFFSET, 0), form_not(law_later(l))), FIELD_FRAG_NEXTHDR, true);
}

/* Extension headers as they are written in a test's packet: each once, in this order. */
void laws_plain_chain(struct laws *l)
{
	static const enum header_id order[] = { HDR_HBH, HDR_RT, HDR_FRAG, HDR_AH, HDR_DSTOPTS, HDR_MH };
	struct space *s = l->s;
	uint32_t none = has(l, HDR_IP6);

	for (size_t i = 0; i < LINKS; i++) {
		plain(l, so(l, AND(s, none, has(l, order[i])), is(l, FIELD_IP6_NEXTHDR, lang_number(NEXT_IPPROTO, order[i]))));
		none = AND(s, none, form_not(has(l, order[i])));
	}
	for (size_t i = 0; i < LINKS; i++) {
		uint32_t last = AND(s, has(l, HDR_IP), has(l, order[i]));
		enum field_id next = FIELD_NONE;

		for (size_t k = 0; k < LINKS; k++)
			if (links[k].h == order[i])
				next = links[k].next;
		for (size_t k = i + 1; k < LINKS; k++) {
			plain(l, so(l, AND(s, last, has(l, order[k])), is(l, next, lang_number(NEXT_IPPROTO, order[k]))));
			last = AND(s, last, form_not(has(l, order[k])));
		}
		plain(l, so(l, last, form_not(leads_on(l, next, true))));
	}
	/* Behind a later fragment's header nothing is walked. */
	plain(l, so(l, AND(s, law_later(l), has(l, HDR_IP6)), form_not(OR(s, has(l, HDR_AH), has(l, HDR_DSTOPTS), has(l, HDR_MH)))));
	/* What is cut off behind them is the transport header. */
	plain(l, form_not(AND(s, has(l, MALFORMED_BIT), law_any_of(l, LAYER_EXT),
			      OR(s, leads_on(l, FIELD_IP_PROTO, true), s->lengths ? ALWAYS : NEVER))));
	plain(l, so(l, has(l, HDR_AH), field(l, FIELD_AH_LEN, 1, 255)));
}

