/*
 * What was not named of a frame. In: its bytes with what was named. Out: types, lengths, addresses and checksums that make it
 * sound, where nothing else was named.
 */
#include "frame_priv.h"

enum {
	SPARE_ETHERTYPE = 0x88b5,	/* IEEE 802, for local experiments */
	SPARE_PROTO = 253,		/* RFC 3692, for experiments */
	NO_NEXT = 59,			/* RFC 8200 */
};

static uint64_t frame_number(enum next_by by, enum header_id h, uint64_t otherwise)
{
	for (size_t i = 0; i < lang_n_nexts; i++)
		if (lang_nexts[i].by == by && lang_nexts[i].header == h)
			return lang_nexts[i].number;
	return otherwise;
}

static void put_ethernet(struct frame_make *m)
{
	uint64_t type = frame_number(NEXT_ETHERTYPE, m->l3, SPARE_ETHERTYPE);

	frame_default(m, FIELD_ETH_DST, 0x020000000002);
	frame_default(m, FIELD_ETH_SRC, 0x020000000001);
	frame_default(m, FIELD_VLAN_ID, 1);
	frame_default(m, FIELD_VLAN2_ID, 1);
	if (frame_needs(m, HDR_VLAN))
		frame_default(m, FIELD_ETH_OUTERTYPE, frame_needs(m, HDR_VLAN2) ? 0x88a8 : 0x8100);
	if (frame_needs(m, HDR_VLAN2))
		frame_default(m, FIELD_VLAN_TYPE, 0x8100);
	frame_default(m, FIELD_ETH_TYPE, type);
	if (m->l3 != HDR_ARP)
		return;
	frame_default(m, FIELD_ARP_HTYPE, 1);
	frame_default(m, FIELD_ARP_PTYPE, 0x0800);
	frame_default(m, FIELD_ARP_HLEN, 6);
	frame_default(m, FIELD_ARP_PLEN, 4);
	frame_default(m, FIELD_ARP_OP, 1);
	if (m->size[HDR_ARP] < 28)
		return;
	frame_default(m, FIELD_ARP_SHA, frame_bytes(m->data + 6, 6));
	frame_default(m, FIELD_ARP_SPA, 0xc0000201);
	frame_default(m, FIELD_ARP_TPA, 0xc6336402);
}

static void put_ip(struct frame_make *m)
{
	uint64_t icmp6 = frame_named(m, FIELD_ICMP6_TYPE, 128);
	bool neighbours = m->l4 == HDR_ICMP6 && ((icmp6 >= 133 && icmp6 <= 137) || frame_needs(m, HDR_ICMP6ND));

	frame_default(m, FIELD_IP4_VERSION, 4);
	frame_default(m, FIELD_IP4_IHL, m->size[HDR_IP4] / 4);
	frame_default(m, FIELD_IP4_TTL, 64);
	frame_default(m, FIELD_IP4_SRC, 0xc0000201);
	frame_default(m, FIELD_IP4_DST, 0xc6336402);
	frame_default(m, FIELD_IP4_LEN, m->end - m->at[HDR_IP4]);
	frame_default(m, FIELD_IP6_VERSION, 6);
	/* RFC 4861: what is not 255 comes from beyond the link. */
	frame_default(m, FIELD_IP6_HOPLIMIT, neighbours ? 255 : 64);
	frame_put(m, FIELD_IP6_SRC, (struct value){ 0x20010db800000000, 1 }, false);
	frame_put(m, FIELD_IP6_DST, (struct value){ 0x20010db800000000, 2 }, false);
	frame_default(m, FIELD_IP6_LEN, m->end - m->at[HDR_IP6] - 40);
}

static void put_chain(struct frame_make *m)
{
	static const struct {
		enum header_id h;
		enum field_id next, len;
	} links[] = {
		{ HDR_IP4, FIELD_IP4_PROTO, FIELD_NONE }, { HDR_IP6, FIELD_IP6_NEXTHDR, FIELD_NONE },
		{ HDR_HBH, FIELD_HBH_NEXTHDR, FIELD_HBH_LEN }, { HDR_RT, FIELD_RT_NEXTHDR, FIELD_RT_LEN },
		{ HDR_FRAG, FIELD_FRAG_NEXTHDR, FIELD_NONE }, { HDR_AH, FIELD_AH_NEXTHDR, FIELD_AH_LEN },
		{ HDR_DSTOPTS, FIELD_DSTOPTS_NEXTHDR, FIELD_DSTOPTS_LEN }, { HDR_MH, FIELD_MH_NEXTHDR, FIELD_MH_LEN },
	};
	uint64_t last = frame_named(m, FIELD_IP_PROTO, m->l4 != HDR_NONE ? frame_number(NEXT_IPPROTO, m->l4, SPARE_PROTO) :
					       m->carries ? m->carries : m->l3 == HDR_IP6 ? (uint64_t)NO_NEXT : (uint64_t)SPARE_PROTO);

	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		unsigned k = 0;		/* of what follows, in the chain */

		if (m->at[links[i].h] == NOWHERE)
			continue;
		while (k < m->n_chain && links[i].h != m->l3 && m->chain[k] != links[i].h)
			k++;
		k += links[i].h != m->l3;
		frame_default(m, links[i].next, k + (m->l4 != HDR_NONE) < m->n_chain ?
						frame_number(NEXT_IPPROTO, m->chain[k], NO_NEXT) : last);
		if (links[i].len != FIELD_NONE)
			frame_default(m, links[i].len, links[i].h == HDR_AH ? m->size[HDR_AH] / 4 - 2 : m->size[links[i].h] / 8 - 1);
	}
	frame_default(m, FIELD_AH_SPI, 256);
}

static void put_transport(struct frame_make *m)
{
	static const enum field_id sports[] = {
		FIELD_TCP_SPORT, FIELD_UDP_SPORT, FIELD_UDPL_SPORT, FIELD_SCTP_SPORT, FIELD_DCCP_SPORT,
	};
	static const enum field_id dports[] = {
		FIELD_TCP_DPORT, FIELD_UDP_DPORT, FIELD_UDPL_DPORT, FIELD_SCTP_DPORT, FIELD_DCCP_DPORT,
	};

	for (size_t i = 0; i < sizeof(sports) / sizeof(sports[0]); i++) {
		frame_default(m, sports[i], 50000);
		frame_default(m, dports[i], 50001);
	}
	if (m->l4 == HDR_TCP) {
		frame_default(m, FIELD_TCP_DOFF, m->size[HDR_TCP] / 4);
		frame_default(m, FIELD_TCP_WINDOW, 65535);
		frame_options_fill(m);
		/* A connection's first packet, where no flag is named. */
		if (!frame_given(m, FIELD_TCP_FLAGS) && frame_find(m, FIELD_TCP_AE) < 0)
			frame_default(m, FIELD_TCP_FLAGS, 0x02);
	}
	if (m->l4 == HDR_DCCP) {
		frame_default(m, FIELD_DCCP_DOFF, m->size[HDR_DCCP] / 4);
		frame_default(m, FIELD_DCCP_X, frame_needs(m, HDR_DCCPXSEQ));
		/* Data: other types have more in their headers. */
		frame_default(m, FIELD_DCCP_TYPE, 2);
	}
	frame_default(m, FIELD_UDP_LEN, m->end - m->at[HDR_UDP]);
	frame_default(m, FIELD_ICMP_TYPE, 8);
	frame_default(m, FIELD_ICMP6_TYPE, 128);
	frame_default(m, FIELD_IGMP_TYPE, 0x16);
	if (m->l4 == HDR_GRE) {
		frame_default(m, FIELD_GRE_FLAGS, frame_gre_flags(m));
		frame_default(m, FIELD_GRE_PROTO, m->carries ? m->carries : SPARE_ETHERTYPE);
	}
	frame_default(m, FIELD_ESP_SPI, 256);
}

/* ---- checksums ---- */

static uint32_t pseudo(const struct frame_make *m, uint64_t proto, size_t len)
{
	size_t at = m->at[m->l3];
	uint32_t sum = (uint32_t)(proto + (len & 0xffff) + (len >> 16));

	return sum + (m->l3 == HDR_IP4 ? frame_sum_part(m->data + at + 12, 8) : frame_sum_part(m->data + at + 8, 32));
}

/* @over: bytes that it covers. */
static void put_sum(struct frame_make *m, enum field_id f, uint32_t sum, size_t over)
{
	enum header_id h = lang_fields[f].header;

	if (m->at[h] == NOWHERE || frame_given(m, f))
		return;
	frame_default(m, f, frame_sum(sum, m->data + m->at[h], over));
}

static size_t covered(size_t n, size_t all, size_t least)
{
	return n >= least && n <= all ? n : all;
}

static void put_sums(struct frame_make *m)
{
	size_t at = m->l4 == HDR_NONE ? m->end : m->at[m->l4], n = m->end - at, cover;
	uint64_t proto = m->l4 == HDR_NONE ? 0 : frame_number(NEXT_IPPROTO, m->l4, 0);
	uint64_t cscov = frame_named(m, FIELD_DCCP_CSCOV, 0);

	put_sum(m, FIELD_IP4_CHECKSUM, 0, m->size[HDR_IP4]);
	if (m->at[HDR_MH] != NOWHERE)
		put_sum(m, FIELD_MH_CHECKSUM, pseudo(m, 135, m->size[HDR_MH]), m->size[HDR_MH]);
	if (m->l4 == HDR_NONE)
		return;
	put_sum(m, FIELD_TCP_CHECKSUM, pseudo(m, proto, n), n);
	put_sum(m, FIELD_ICMP6_CHECKSUM, pseudo(m, proto, n), n);
	put_sum(m, FIELD_ICMP_CHECKSUM, 0, n);
	put_sum(m, FIELD_IGMP_CHECKSUM, 0, n);
	if (m->at[HDR_UDP] != NOWHERE) {
		cover = covered(frame_named(m, FIELD_UDP_LEN, n), n, 8);
		put_sum(m, FIELD_UDP_CHECKSUM, pseudo(m, proto, cover), cover);
	}
	if (m->at[HDR_UDPLITE] != NOWHERE)
		put_sum(m, FIELD_UDPL_CHECKSUM, pseudo(m, proto, n), covered(frame_named(m, FIELD_UDPL_COVERAGE, n), n, 8));
	if (m->at[HDR_DCCP] != NOWHERE)
		put_sum(m, FIELD_DCCP_CHECKSUM, pseudo(m, proto, n),
			cscov ? covered(m->size[HDR_DCCP] + 4 * (size_t)(cscov - 1), n, 12) : n);
	/* Zero would mean that there is none. */
	if (m->at[HDR_UDP] != NOWHERE && !frame_given(m, FIELD_UDP_CHECKSUM) && !frame_bytes(m->data + at + 6, 2))
		frame_default(m, FIELD_UDP_CHECKSUM, 0xffff);
	if (m->at[HDR_UDPLITE] != NOWHERE && !frame_given(m, FIELD_UDPL_CHECKSUM) && !frame_bytes(m->data + at + 6, 2))
		frame_default(m, FIELD_UDPL_CHECKSUM, 0xffff);
	if (m->at[HDR_GRECSUM] != NOWHERE && !frame_given(m, FIELD_GRE_CHECKSUM))
		frame_default(m, FIELD_GRE_CHECKSUM, frame_sum(0, m->data + at, n));
	if (m->at[HDR_SCTP] != NOWHERE && !frame_given(m, FIELD_SCTP_CHECKSUM))
		frame_default(m, FIELD_SCTP_CHECKSUM, frame_crc32c(m->data + at, n));
}

void frame_fill(struct frame_make *m)
{
	put_ethernet(m);
	if (m->l3 != HDR_IP4 && m->l3 != HDR_IP6)
		return;
	put_ip(m);
	put_chain(m);
	put_transport(m);
	put_sums(m);
}
