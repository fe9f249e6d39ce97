/*
 * Inside a tunnel. In: a frame's bytes, and what the walk outside found. Out: the headers of the one layer inside, as dissect.c finds
 * them (see dissect.h).
 */
#include "dissect_priv.h"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

/* What a type of Ethernet says; TEB is a whole frame. */
static void by_type(const struct walk *w, unsigned type, size_t off)
{
	enum { TEB = 0x6558 };

	if (type == TEB)
		dissect_ethernet(w, off);
	else if (type == ETH_P_IP)
		dissect_ip4(w, off);
	else if (type == ETH_P_IPV6)
		dissect_ip6(w, off);
}

static void in_gre(const struct walk *w, const struct dissect *outer)
{
	enum { ROUTING = 0x4000, VERSION = 0x0007 };
	const uint8_t *p = w->data + outer->offset[HDR_GRE];

	if (!(be(p, 2) & (ROUTING | VERSION)))
		by_type(w, (unsigned)be(p + 2, 2), outer->payload);
}

static void in_vxlan(const struct walk *w, size_t off)
{
	enum { VNI = 0x08 };

	if (!fits(off, 8, w->len))
		return malformed(w);
	if (w->data[off] & VNI)
		dissect_ethernet(w, off + 8);
}

static void in_geneve(const struct walk *w, size_t off)
{
	size_t n;

	if (!fits(off, 8, w->len))
		return malformed(w);
	if (w->data[off] >> 6)
		return;
	n = 8 + (size_t)(w->data[off] & 63) * 4;
	if (!fits(off, n, w->len))
		return malformed(w);
	by_type(w, (unsigned)be(w->data + off + 2, 2), off + n);
}

static void in_gtpu(const struct walk *w, size_t off)
{
	enum { FIRST = 0xf0, V1 = 0x30, OPTIONAL = 0x07, EXTENSION = 0x04, G_PDU = 0xff };
	unsigned first, next = 0;
	size_t n;

	if (!fits(off, 8, w->len))
		return malformed(w);
	first = w->data[off];
	if ((first & FIRST) != V1 || w->data[off + 1] != G_PDU)
		return;
	off += 8;
	if (first & OPTIONAL) {
		if (!fits(off, 4, w->len))
			return malformed(w);
		next = first & EXTENSION ? w->data[off + 3] : 0;
		off += 4;
	}
	for (int seen = 0; next; seen++) {
		if (seen == DISSECT_MAX_EXT || !fits(off, 1, w->len))
			return malformed(w);
		n = (size_t)w->data[off] * 4;
		if (!n || !fits(off, n, w->len))
			return malformed(w);
		off += n;
		next = w->data[off - 1];
	}
	if (!fits(off, 1, w->len))
		return;
	if (w->data[off] >> 4 == 4)
		dissect_ip4(w, off);
	else if (w->data[off] >> 4 == 6)
		dissect_ip6(w, off);
}

static void tunnel(const struct walk *w, const struct dissect *outer)
{
	if (!outer->has_carried)
		return;
	if (outer->ip_proto == IPPROTO_IPIP)
		return dissect_ip4(w, outer->carried);
	if (outer->ip_proto == IPPROTO_IPV6)
		return dissect_ip6(w, outer->carried);
	if (dissect_has(outer, HDR_GRE))
		return in_gre(w, outer);
	if (!dissect_has(outer, HDR_UDP))
		return;
	switch (be(w->data + outer->offset[HDR_UDP] + 2, 2)) {
	case DISSECT_VXLAN:
		return in_vxlan(w, outer->payload);
	case DISSECT_GENEVE:
		return in_geneve(w, outer->payload);
	case DISSECT_GTPU:
		return in_gtpu(w, outer->payload);
	default:
		return;
	}
}

void dissect_inner(struct dissect *d, const struct dissect *outer, const uint8_t *data)
{
	const struct walk w = { d, data, dissect_has(outer, HDR_UDP) ? outer->payload_end : outer->end, true };

	memset(d, 0, sizeof(*d));
	d->end = w.len;
	tunnel(&w, outer);
	dissect_parts(&w);
}
