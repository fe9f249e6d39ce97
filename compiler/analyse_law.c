/*
 * What the formats say. In: nothing but the tables of headers and what compiler/dissect.h says of them. Out: formulas that hold of every packet:
 * which headers there are together, and what fields say of the headers behind them. A packet that breaks one cannot be; packets that keep
 * all of them nearly always can. Those that can be written as a test's packet keep the plain laws, too.
 */
#include "analyse_law.h"

/* One of the headers of a layer. */
uint32_t law_any_of(struct laws *l, enum layer layer)
{
	uint32_t any[HDR_COUNT];
	size_t n = 0;

	for (unsigned h = 0; h < HDR_COUNT; h++)
		if (lang_headers[h].layer == layer)
			any[n++] = has(l, h);
	return form_or(l->s, any, n);
}

void law_at_most_one(struct laws *l, enum layer layer)
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
	bool fragmented = any_asked(&l, BIT(FRAGMENT_BIT) | BIT(FIRST_BIT)) || field_asked(s, inner, FIELD_IP4_MF) ||
			  field_asked(s, inner, FIELD_IP4_FRAGOFF);
	bool chained = s->lengths || fragmented || any_asked(&l, EXTENSIONS) || field_asked(s, inner, FIELD_IP4_PROTO) ||
		       field_asked(s, inner, FIELD_IP6_NEXTHDR);

	groups(&l);
	if (s->lengths || any_asked(&l, BIT(HDR_VLAN) | BIT(HDR_VLAN2)) || field_asked(s, inner, FIELD_ETH_OUTERTYPE))
		laws_tags(&l);
	else
		plain(&l, has(&l, HDR_ETYPE));
	laws_network(&l);
	laws_defects(&l);
	if (chained) {
		laws_fragments(&l);
		laws_chain(&l);
		laws_plain_chain(&l);
	} else {
		laws_fragment_bits(&l);
	}
	laws_transports(&l);
	laws_parts(&l);
	laws_options(&l);
	/* A frame has 14 bytes or more. */
	if (!inner)
		law(&l, has(&l, HDR_ETH));
	else
		laws_tunnels(&l);
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
			plain(&l, law_is_tag(&l, FIELD_RX_VLAN_TYPE));
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
