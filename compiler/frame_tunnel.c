/*
 * Frames with a tunnel. In: the outer headers that were asked for, and what is to be inside. Out: what carries it (IP itself, GRE, or by UDP's
 * destination port VXLAN, GENEVE and GTP-U), and the tunnel's header with the inner packet as the bytes behind the outer headers. Refused: outer
 * headers that carry no packet, an inner packet that the tunnel does not carry.
 */
#include "frame_priv.h"

#include <string.h>

enum { TEB = 0x6558, IPIP = 4, SIX_IN = 41, VXLAN = 4789, GENEVE = 6081, GTPU = 2152 };

static int port_at(const struct frame_make *m)
{
	int i = frame_find(m, FIELD_UDP_DPORT);

	return i < 0 ? frame_find(m, FIELD_L4_DPORT) : i;
}

/* UDP's destination port where it says what is inside, or GRE's or IP's number; 0: nothing here carries a packet. */
static uint64_t tunnel_by(const struct frame_make *m)
{
	uint64_t port = m->l4 == HDR_UDP && port_at(m) >= 0 ? m->spec->field[port_at(m)].v.lo : 0;

	if (m->l3 != HDR_IP4 && m->l3 != HDR_IP6)
		return 0;
	if (m->l4 == HDR_NONE)
		return IPIP;
	if (m->l4 == HDR_GRE)
		return TEB;
	return port == VXLAN || port == GENEVE || port == GTPU ? port : 0;
}

static bool no_tunnel(struct frame_make *m)
{
	int who = m->l3 == HDR_ARP ? m->who[HDR_ARP] : m->who[m->l4];

	if (m->l4 == HDR_UDP)
		return frame_fail(m, port_at(m) >= 0 ? port_at(m) : who, FRAME_NOBODY, "what UDP carries to this port is no packet",
				  "write udp.dport = vxlan, or 6081 for GENEVE, 2152 for GTP-U");
	return frame_fail(m, who, FRAME_NOBODY, arena_printf(m->a, "%s carries no packet, and fields inside one are named",
							     frame_name(m->l3 == HDR_ARP ? HDR_ARP : m->l4)),
			  "what has an inside is IP, gre, and udp.dport = vxlan, 6081 (GENEVE) or 2152 (GTP-U)");
}

/* Does what is named need an Ethernet header? */
static int needs_ethernet(const struct frame_make *in)
{
	static const enum header_id by[] = { HDR_ETH, HDR_ETYPE, HDR_VLAN, HDR_VLAN2, HDR_ARP };

	for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++)
		if (frame_needs(in, by[i]))
			return in->who[by[i]];
	return FRAME_NOBODY;
}

/* The header between UDP and what it carries, of 8 bytes; 0: there is none. */
static size_t put_header(uint8_t *p, uint64_t by, size_t n)
{
	static const uint8_t vxlan[8] = { 0x08, 0, 0, 0, 0, 0, 1, 0 }, geneve[8] = { 0, 0, TEB >> 8, TEB & 0xff, 0, 0, 1, 0 };
	const uint8_t gtpu[8] = { 0x30, 0xff, (uint8_t)(n >> 8), (uint8_t)n, 0, 0, 0, 1 };

	if (by != VXLAN && by != GENEVE && by != GTPU)
		return 0;
	memcpy(p, by == VXLAN ? vxlan : by == GENEVE ? geneve : gtpu, 8);
	return 8;
}

static bool carry(struct frame_make *m, struct frame_make *in, uint64_t by)
{
	int ethernet = needs_ethernet(in);
	bool whole = by == VXLAN || by == GENEVE ||
		     (by == TEB && (ethernet >= 0 || in->l3 == HDR_NONE || frame_named(m, FIELD_GRE_PROTO, 0) == TEB));
	size_t off = whole || in->l3 == HDR_NONE ? 0 : in->at[in->l3], n = in->end - off;
	uint8_t *p = arena_array(m->a, n + 8, 1);
	size_t head = put_header(p, by, n);

	if (!whole && ethernet >= 0)
		return frame_fail(in, ethernet, FRAME_NOBODY, "this tunnel carries IP without Ethernet",
				  "leave it out, or take one that carries Ethernet: gre, udp.dport = vxlan or 6081 (GENEVE)");
	memcpy(p + head, in->data + off, n);
	m->payload = p;
	m->n_payload = head + n;
	m->carries = by == TEB ? (whole ? (uint64_t)TEB : in->l3 == HDR_IP6 ? (uint64_t)0x86dd : (uint64_t)0x0800) :
				 in->l3 == HDR_IP6 ? (uint64_t)SIX_IN : (uint64_t)IPIP;
	return true;
}

bool frame_tunnel(struct frame_make *m)
{
	struct frame_make in = { .a = m->a, .spec = m->spec->inner, .fault = m->fault, .inside = true };
	uint64_t by = tunnel_by(m);

	if (m->spec->payload)
		return frame_fail(m, FRAME_PAYLOAD, FRAME_NOBODY, "the payload is the packet inside, whose fields are named",
				  "leave it out, or write `inner.payload`");
	if (!by)
		return no_tunnel(m);
	/* What has no Ethernet header has an IP header. */
	in.needs_ip = by == IPIP || by == GTPU;
	if (frame_build(&in) && carry(m, &in, by))
		return true;
	return false;
}
