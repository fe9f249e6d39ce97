/*
 * The reference dissector: which headers a frame has, where they are, and whether it is malformed. It is written by hand, in the order
 * of the bytes, and shares nothing with the code generator but the guards of the parts (the PART rows of headers.def).
 *
 * What it decides, beyond the layout of the headers themselves:
 *
 *   Ethernet    Below 14 bytes: malformed, nothing is present. Up to two tags (0x8100, 0x88a8) are seen through; the type of a third one
 *               behind them: malformed, ETYPE is present (and is that type), nothing behind it. A tag that is cut off: malformed,
 *               neither that tag nor ETYPE is present. ETYPE's offset is that of the two bytes of the type behind the tags.
 *   ARP         8 bytes, and both pairs of addresses by its own lengths, within the frame; else malformed and absent.
 *   IPv4        20 bytes, version 4, IHL at least 5 and its bytes within the frame; else malformed and absent. A total length below the
 *               header's or beyond the frame: malformed, IP4 is present, nothing behind it. Everything behind it ends where the
 *               total length says, not where the frame does. Of the extension headers only AH is walked; the numbers of
 *               the others are unknown protocols here.
 *   IPv6        40 bytes, version 6; else malformed and absent. A payload length beyond the frame: malformed, IP6 is present, nothing
 *               behind it. Everything behind it ends 40 bytes and the payload length after its start.
 *   chain       HBH, RT, DSTOPTS, MH, FRAG and AH, at most 8 of them in all; at the ninth: malformed, nothing behind. One that is cut
 *               off (AH also if shorter than 12 bytes): malformed, neither it nor anything behind it is present. Where a header
 *               repeats, its fields are those of the first one. No next header (59) and unknown numbers end the walk in peace.
 *   ip.proto    is the number at which the walk ended: what was read last, whether or not a header was found there. Present
 *               whenever IP is, also where the lengths of the IP header are wrong.
 *   fragments   IPv4: more fragments or an offset. IPv6: a fragment header with either; one with neither (atomic) is walked like
 *               any other header. With an offset the walk ends: no transport header. The flags of an IPv4 header are also
 *               read where its total length is wrong.
 *   transport   TCP: 20 bytes, data offset at least 5 and within the datagram. UDP: 8 bytes and a length of at least 8; the payload ends
 *               at the UDP length or the datagram's end, whichever comes first. UDP-Lite 8, SCTP 12. DCCP 12, with X 16, and
 *               a data offset of at least that within the datagram. ICMP, ICMPv6, IGMP and ESP 8. GRE 4 and its optional words, by
 *               its flags (also the acknowledgement of version 1). What is not whole within the datagram: malformed and absent.
 *   TCP options are walked up to the end-of-list, or to one whose length is below 2 or leaves the header: that is no defect. One whose length
 *               is not its kind's is passed over.
 *   parts       are present where their guard holds and they lie within the datagram (ARPIP: the frame); no defect otherwise.
 *   payload     is there where a header of layer L4 is present.
 *   tunnels     What IPv4 (protocol 4), IPv6 (41), GRE, and UDP to ports 4789 (VXLAN), 6081 (GENEVE) and 2152 (GTP-U) carry is taken apart
 *               like a frame that begins there and ends where the datagram does that carries it; one layer deep. GRE is of version 0 and
 *               without routing, VXLAN has its flag of a valid network, GENEVE is of version 0, GTP-U of version 1 and a G-PDU; what they
 *               carry is an Ethernet frame, IPv4 or IPv6. Anything else: nothing is inside, no defect. A tunnel's header behind UDP that is
 *               cut off, or with more than 8 extensions of GTP-U or one without a length: the inside is malformed. So it is where a
 *               chain of extension headers inside leads beyond byte 32,512 of the frame.
 */
#ifndef XDPF_DISSECT_H
#define XDPF_DISSECT_H

#include "lang.h"

enum { DISSECT_MAX_TAGS = 2, DISSECT_MAX_EXT = 8, DISSECT_MAX_OFF = 0x7f00 };
enum { DISSECT_GTPU = 2152, DISSECT_VXLAN = 4789, DISSECT_GENEVE = 6081 };	/* destination ports of UDP */

/* Offsets count from the frame's first byte. */
struct dissect {
	uint64_t present;		/* bit per header_id */
	size_t offset[HDR_COUNT];	/* of the headers that are present; groups: of their member */
	bool malformed;
	uint8_t ip_proto;		/* where HDR_IP is present */
	bool fragment, first_fragment;
	size_t end;			/* of the IP datagram; without a sound one, of the frame */
	bool has_carried;		/* the walk behind IP came to an end at .carried, which ip_proto is the type of */
	size_t carried;
	bool has_payload;
	size_t payload, payload_end;
};

/* Frames of any length, 0 included. Reads nothing beyond @len. */
void dissect_frame(struct dissect *d, const uint8_t *data, size_t len);
/* The headers inside the tunnel that @outer ends in; none where it ends in no tunnel. */
void dissect_inner(struct dissect *d, const struct dissect *outer, const uint8_t *data);

static inline bool dissect_has(const struct dissect *d, enum header_id h)
{
	return d->present >> h & 1;
}

/* Has it what sockets and the kernel's connection tracking go by? */
static inline bool dissect_flow(const struct dissect *d)
{
	return dissect_has(d, HDR_TCP) || dissect_has(d, HDR_UDP);
}

#endif
