/*
 * Transport headers, the parts of messages, TCP's options, and what tunnels carry. In: a layer. Out: its laws, from compiler/dissect.h and the
 * tables.
 */
#include "analyse_law.h"

/* ---- transport ---- */

void laws_transports(struct laws *l)
{
	struct space *s = l->s;
	uint32_t ip = has(l, HDR_IP), sound = AND(s, ip, form_not(has(l, MALFORMED_BIT)), form_not(law_later(l)));

	for (unsigned h = 0; h < HDR_COUNT; h++) {
		uint32_t by;

		if (lang_headers[h].layer != LAYER_L4)
			continue;
		by = is(l, FIELD_IP_PROTO, lang_number(NEXT_IPPROTO, (enum header_id)h));
		law(l, so(l, has(l, h), AND(s, by, ip)));
		law(l, so(l, AND(s, sound, by), has(l, h)));
	}
	law_at_most_one(l, LAYER_L4);
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

void laws_parts(struct laws *l)
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
void laws_options(struct laws *l)
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

void laws_tunnels(struct laws *in)
{
	struct laws out = { in->s, false };
	struct space *s = in->s;
	uint32_t udp = AND(s, has(&out, HDR_UDP), OR(s, is(&out, FIELD_UDP_DPORT, 4789), is(&out, FIELD_UDP_DPORT, 6081),
						      is(&out, FIELD_UDP_DPORT, 2152)));
	uint32_t ipip = is(&out, FIELD_IP_PROTO, 4), six = is(&out, FIELD_IP_PROTO, 41), gre = has(&out, HDR_GRE), any = NEVER;

	/* Whatever is inside, one of these is. */
	any = OR(s, has(in, HDR_ETH), has(in, HDR_IP4), has(in, HDR_IP6), has(in, MALFORMED_BIT));
	law(in, so(in, any, AND(s, form_not(has(&out, MALFORMED_BIT)), form_not(law_later(&out)))));
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

