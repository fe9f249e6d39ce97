/*
 * The reference dissector. In: a frame's bytes. Out: which headers are present, where, the datagram's and the payload's ends, and
 * whether something is broken (see dissect.h). Guaranteed: a header is present only if all its bytes are there, so that a field's bytes may
 * be read without another check; no byte beyond the frame is read; each loop is bounded.
 */
#include "dissect_priv.h"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

_Static_assert(HDR_COUNT <= 64, "presence is one 64-bit word");

static void found(const struct walk *w, enum header_id h, size_t off)
{
	if (dissect_has(w->d, h))
		return;
	w->d->present |= (uint64_t)1 << h;
	w->d->offset[h] = off;
}

/* A transport header of @n bytes, whole within the datagram. */
static void found_l4(const struct walk *w, enum header_id h, size_t off, size_t n)
{
	found(w, h, off);
	w->d->has_payload = true;
	w->d->payload = off + n;
	w->d->payload_end = w->d->end;
}

/* The TCP options from @at to @stop: what breaks the list ends it. */
static void options(const struct walk *w, size_t at, size_t stop)
{
	enum { END = 0, NOP = 1 };
	size_t n;

	for (; at < stop && w->data[at] != END; at += n) {
		n = 1;
		if (w->data[at] == NOP)
			continue;
		if (stop - at < 2 || w->data[at + 1] < 2 || w->data[at + 1] > stop - at)
			return;
		n = w->data[at + 1];
		for (size_t i = 0; i < lang_n_options; i++) {
			const struct tcpopt_info *o = &lang_options[i];

			if (o->kind == w->data[at] && (n == o->len || (o->more && n > o->len && (n - o->len) % o->more == 0)))
				found(w, o->header, at);
		}
	}
}

static void tcp(const struct walk *w, size_t off)
{
	size_t n;

	if (!fits(off, 20, w->d->end))
		return malformed(w);
	n = (size_t)(w->data[off + 12] >> 4) * 4;
	if (n < 20 || !fits(off, n, w->d->end))
		return malformed(w);
	found_l4(w, HDR_TCP, off, n);
	found(w, HDR_L4, off);
	options(w, off + 20, off + n);
}

static void udp(const struct walk *w, size_t off)
{
	size_t length;

	if (!fits(off, 8, w->d->end))
		return malformed(w);
	length = be(w->data + off + 4, 2);
	if (length < 8)
		return malformed(w);
	found_l4(w, HDR_UDP, off, 8);
	found(w, HDR_L4, off);
	if (off + length < w->d->payload_end)
		w->d->payload_end = off + length;
}

static void dccp(const struct walk *w, size_t off)
{
	size_t n, least;

	if (!fits(off, 12, w->d->end))
		return malformed(w);
	least = w->data[off + 8] & 1 ? 16 : 12;
	n = (size_t)w->data[off + 4] * 4;
	if (n < least || !fits(off, n, w->d->end))
		return malformed(w);
	found_l4(w, HDR_DCCP, off, n);
	found(w, HDR_L4, off);
}

static void gre(const struct walk *w, size_t off)
{
	enum { CHECKSUM = 0x8000, ROUTING = 0x4000, KEY = 0x2000, SEQUENCE = 0x1000, ACKNOWLEDGEMENT = 0x0080, VERSION = 0x0007 };
	size_t n = 4, sum = 0, key = 0, seq = 0;
	unsigned flags;

	if (!fits(off, n, w->d->end))
		return malformed(w);
	flags = (unsigned)be(w->data + off, 2);
	if (flags & (CHECKSUM | ROUTING)) {
		sum = n;
		n += 4;
	}
	if (flags & KEY) {
		key = n;
		n += 4;
	}
	if (flags & SEQUENCE) {
		seq = n;
		n += 4;
	}
	if ((flags & VERSION) == 1 && flags & ACKNOWLEDGEMENT)
		n += 4;
	if (!fits(off, n, w->d->end))
		return malformed(w);
	found_l4(w, HDR_GRE, off, n);
	/* A routing bit alone makes room for the word, but the checksum in it has no meaning then. */
	if (flags & CHECKSUM)
		found(w, HDR_GRECSUM, off + sum);
	if (flags & KEY)
		found(w, HDR_GREKEY, off + key);
	if (flags & SEQUENCE)
		found(w, HDR_GRESEQ, off + seq);
}

/* A transport header of @n bytes without a length of its own. */
static void fixed(const struct walk *w, enum header_id h, size_t off, size_t n)
{
	if (!fits(off, n, w->d->end))
		return malformed(w);
	found_l4(w, h, off, n);
	if (h == HDR_UDPLITE || h == HDR_SCTP)
		found(w, HDR_L4, off);
}

static void transport(const struct walk *w, size_t off)
{
	w->d->has_carried = true;
	w->d->carried = off;
	switch (w->d->ip_proto) {
	case IPPROTO_TCP:
		return tcp(w, off);
	case IPPROTO_UDP:
		return udp(w, off);
	case IPPROTO_DCCP:
		return dccp(w, off);
	case IPPROTO_GRE:
		return gre(w, off);
	case IPPROTO_UDPLITE:
		return fixed(w, HDR_UDPLITE, off, 8);
	case IPPROTO_SCTP:
		return fixed(w, HDR_SCTP, off, 12);
	case IPPROTO_ICMP:
		return fixed(w, HDR_ICMP, off, 8);
	case IPPROTO_ICMPV6:
		return fixed(w, HDR_ICMP6, off, 8);
	case IPPROTO_IGMP:
		return fixed(w, HDR_IGMP, off, 8);
	case IPPROTO_ESP:
		return fixed(w, HDR_ESP, off, 8);
	default:
		return;		/* unknown, or no next header: nothing behind, no defect */
	}
}

/* Which extension header the number means behind this family, or HDR_NONE. */
static enum header_id extension(uint8_t proto, bool ip6)
{
	if (proto == IPPROTO_AH)
		return HDR_AH;
	if (!ip6)
		return HDR_NONE;
	switch (proto) {
	case IPPROTO_HOPOPTS:
		return HDR_HBH;
	case IPPROTO_ROUTING:
		return HDR_RT;
	case IPPROTO_FRAGMENT:
		return HDR_FRAG;
	case IPPROTO_DSTOPTS:
		return HDR_DSTOPTS;
	case IPPROTO_MH:
		return HDR_MH;
	default:
		return HDR_NONE;
	}
}

/* From the first byte behind the IP header; ip_proto is the number that the IP header has. */
static void chain(const struct walk *w, size_t off, bool ip6)
{
	struct dissect *d = w->d;
	enum header_id h;
	size_t n;

	for (int seen = 0; (h = extension(d->ip_proto, ip6)) != HDR_NONE; seen++) {
		if (seen == DISSECT_MAX_EXT || !fits(off, 8, d->end))
			return malformed(w);
		if (h == HDR_FRAG)
			n = 8;
		else if (h == HDR_AH)
			n = ((size_t)w->data[off + 1] + 2) * 4;
		else
			n = ((size_t)w->data[off + 1] + 1) * 8;
		if (n < (h == HDR_AH ? 12 : 8) || !fits(off, n, d->end))
			return malformed(w);
		found(w, h, off);
		if (h == HDR_FRAG) {
			unsigned bits = (unsigned)be(w->data + off + 2, 2);
			unsigned fragoff = bits >> 3, more = bits & 1;

			if (fragoff || more) {
				d->fragment = true;
				d->first_fragment = !fragoff;
			}
			if (fragoff) {
				d->ip_proto = w->data[off];
				return;
			}
		}
		if (w->inner && off + n > DISSECT_MAX_OFF)
			return malformed(w);
		d->ip_proto = w->data[off];
		off += n;
	}
	transport(w, off);
}

void dissect_ip4(const struct walk *w, size_t off)
{
	struct dissect *d = w->d;
	unsigned bits, fragoff;
	size_t n, total;

	if (!fits(off, 20, w->len) || w->data[off] >> 4 != 4)
		return malformed(w);
	n = (size_t)(w->data[off] & 15) * 4;
	if (n < 20 || !fits(off, n, w->len))
		return malformed(w);
	found(w, HDR_IP4, off);
	found(w, HDR_IP, off);
	d->ip_proto = w->data[off + 9];
	bits = (unsigned)be(w->data + off + 6, 2);
	fragoff = bits & 0x1fff;
	d->fragment = fragoff || bits & 0x2000;
	d->first_fragment = d->fragment && !fragoff;
	total = be(w->data + off + 2, 2);
	if (total < n || !fits(off, total, w->len))
		return malformed(w);
	d->end = off + total;
	if (!fragoff)
		chain(w, off + n, false);
}

void dissect_ip6(const struct walk *w, size_t off)
{
	struct dissect *d = w->d;
	size_t length;

	if (!fits(off, 40, w->len) || w->data[off] >> 4 != 6)
		return malformed(w);
	found(w, HDR_IP6, off);
	found(w, HDR_IP, off);
	d->ip_proto = w->data[off + 6];
	length = be(w->data + off + 4, 2);
	if (!fits(off, 40 + length, w->len))
		return malformed(w);
	d->end = off + 40 + length;
	chain(w, off + 40, true);
}

static void arp(const struct walk *w, size_t off)
{
	size_t n;

	if (!fits(off, 8, w->len))
		return malformed(w);
	n = 8 + 2 * (size_t)w->data[off + 4] + 2 * (size_t)w->data[off + 5];
	if (!fits(off, n, w->len))
		return malformed(w);
	found(w, HDR_ARP, off);
}

void dissect_ethernet(const struct walk *w, size_t off)
{
	static const enum header_id tag[DISSECT_MAX_TAGS] = { HDR_VLAN, HDR_VLAN2 };
	size_t type_off = off + 12;
	unsigned type;

	if (!fits(off, 14, w->len))
		return malformed(w);
	found(w, HDR_ETH, off);
	for (int tags = 0;; tags++) {
		type = (unsigned)be(w->data + type_off, 2);
		if (type != ETH_P_8021Q && type != ETH_P_8021AD)
			break;
		if (tags == DISSECT_MAX_TAGS) {
			malformed(w);
			break;
		}
		if (!fits(type_off + 2, 4, w->len))
			return malformed(w);
		found(w, tag[tags], type_off + 2);
		type_off += 4;
	}
	found(w, HDR_ETYPE, type_off);
	switch (type) {
	case ETH_P_IP:
		return dissect_ip4(w, type_off + 2);
	case ETH_P_IPV6:
		return dissect_ip6(w, type_off + 2);
	case ETH_P_ARP:
		return arp(w, type_off + 2);
	default:
		return;
	}
}

void dissect_parts(const struct walk *w)
{
	for (size_t i = 0; i < lang_n_parts; i++) {
		const struct part_info *p = &lang_parts[i];
		size_t parent, end = p->parent == HDR_ARP ? w->len : w->d->end;
		uint64_t guard;

		if (!dissect_has(w->d, p->parent))
			continue;
		parent = w->d->offset[p->parent];
		if (!fits(parent + p->off, lang_headers[p->id].len, end))
			continue;
		guard = be(w->data + parent + p->guard_off, p->guard_len) & p->guard_mask;
		for (unsigned k = 0; k < p->n; k++)
			if (guard == p->value[k])
				found(w, p->id, parent + p->off);
	}
}

void dissect_frame(struct dissect *d, const uint8_t *data, size_t len)
{
	const struct walk w = { d, data, len, false };

	memset(d, 0, sizeof(*d));
	d->end = len;
	dissect_ethernet(&w, 0);
	dissect_parts(&w);
}
