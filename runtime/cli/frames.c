/*
 * Frames for `xdpf test`, each one row: which headers stand behind each other, and what is wrong with it. In comes a number,
 * out goes a frame; checksums are left zero, filters do not look at them.
 */
#include "frames.h"

#include <netinet/in.h>
#include <string.h>

enum l3 { NO_L3, ARP, IP4, IP6 };

/* How to break a frame, or what else is special. */
enum twist { SOUND, CUT, BAD_IHL, BAD_VERSION, LONG_TOTAL, FIRST_FRAGMENT, LATER_FRAGMENT, OPTIONS, HOP_BY_HOP, BAD_DOFF,
	     BAD_UDP_LEN,
	     PADDED, FULL_SIZE, ZEROS, ONES };

static const struct row {
	const char *name;
	uint8_t tags;
	enum l3 l3;
	uint8_t proto;
	uint16_t sport, dport;
	uint8_t flags;
	enum twist twist;
} rows[] = {
	{ "Ethernet header alone", 0, NO_L3, 0, 0, 0, 0, CUT },
	{ "zeros", 0, NO_L3, 0, 0, 0, 0, ZEROS },
	{ "ones", 0, NO_L3, 0, 0, 0, 0, ONES },
	{ "ARP request", 0, ARP, 0, 0, 0, 0, SOUND },
	{ "ARP cut off", 0, ARP, 0, 0, 0, 0, CUT },
	{ "TCP SYN to 22", 0, IP4, 6, 40000, 22, 0x02, SOUND },
	{ "TCP SYN to 23", 0, IP4, 6, 40000, 23, 0x02, SOUND },
	{ "TCP ACK to 80", 0, IP4, 6, 40000, 80, 0x10, SOUND },
	{ "TCP SYN and ACK from 443", 0, IP4, 6, 443, 40000, 0x12, SOUND },
	{ "TCP with all flags", 0, IP4, 6, 40000, 80, 0xff, SOUND },
	{ "TCP with no flags", 0, IP4, 6, 40000, 80, 0x00, SOUND },
	{ "TCP of full size", 0, IP4, 6, 40000, 443, 0x18, FULL_SIZE },
	{ "TCP behind IPv4 options", 0, IP4, 6, 40000, 443, 0x18, OPTIONS },
	{ "TCP with a data offset of 4", 0, IP4, 6, 40000, 443, 0x18, BAD_DOFF },
	{ "TCP cut off", 0, IP4, 6, 40000, 443, 0x18, CUT },
	{ "UDP to 53", 0, IP4, 17, 40000, 53, 0, SOUND },
	{ "UDP from 123", 0, IP4, 17, 123, 40000, 0, FULL_SIZE },
	{ "UDP to 27015, padded", 0, IP4, 17, 40000, 27015, 0, PADDED },
	{ "UDP with a length of 7", 0, IP4, 17, 40000, 53, 0, BAD_UDP_LEN },
	{ "UDP cut off", 0, IP4, 17, 40000, 53, 0, CUT },
	{ "ICMP echo", 0, IP4, 1, 0x0800, 0, 0, SOUND },
	{ "IGMP", 0, IP4, 2, 0x1600, 0, 0, SOUND },
	{ "GRE", 0, IP4, 47, 0, 0x0800, 0, SOUND },
	{ "ESP", 0, IP4, 50, 0, 1, 0, SOUND },
	{ "AH", 0, IP4, 51, 0x0604, 0, 0, SOUND },
	{ "SCTP", 0, IP4, 132, 40000, 5060, 0, SOUND },
	{ "DCCP", 0, IP4, 33, 40000, 5060, 0, SOUND },
	{ "UDP-Lite", 0, IP4, 136, 40000, 53, 0, SOUND },
	{ "IPv4 with an unknown protocol", 0, IP4, 253, 0, 0, 0, SOUND },
	{ "IPv4 with a header length of 4", 0, IP4, 6, 40000, 80, 0x02, BAD_IHL },
	{ "IPv4 of version 5", 0, IP4, 6, 40000, 80, 0x02, BAD_VERSION },
	{ "IPv4 longer than its frame", 0, IP4, 6, 40000, 80, 0x02, LONG_TOTAL },
	{ "IPv4 first fragment", 0, IP4, 17, 40000, 53, 0, FIRST_FRAGMENT },
	{ "IPv4 later fragment", 0, IP4, 17, 40000, 53, 0, LATER_FRAGMENT },
	{ "IPv6 TCP SYN to 22", 0, IP6, 6, 40000, 22, 0x02, SOUND },
	{ "IPv6 TCP of full size", 0, IP6, 6, 40000, 443, 0x18, FULL_SIZE },
	{ "IPv6 TCP behind hop-by-hop options", 0, IP6, 6, 40000, 443, 0x18, HOP_BY_HOP },
	{ "IPv6 UDP to 53", 0, IP6, 17, 40000, 53, 0, SOUND },
	{ "IPv6 UDP cut off", 0, IP6, 17, 40000, 53, 0, CUT },
	{ "neighbour solicitation", 0, IP6, 58, 0x8700, 0, 0, SOUND },
	{ "ICMPv6 echo", 0, IP6, 58, 0x8000, 0, 0, SOUND },
	{ "IPv6 longer than its frame", 0, IP6, 6, 40000, 80, 0x02, LONG_TOTAL },
	{ "IPv6 first fragment", 0, IP6, 17, 40000, 53, 0, FIRST_FRAGMENT },
	{ "IPv6 later fragment", 0, IP6, 17, 40000, 53, 0, LATER_FRAGMENT },
	{ "VLAN, TCP SYN to 80", 1, IP4, 6, 40000, 80, 0x02, SOUND },
	{ "VLAN, ARP", 1, ARP, 0, 0, 0, 0, SOUND },
	{ "two tags, UDP to 53", 2, IP4, 17, 40000, 53, 0, SOUND },
	{ "two tags, IPv6 TCP to 443", 2, IP6, 6, 40000, 443, 0x02, SOUND },
	{ "three tags", 3, IP4, 17, 40000, 53, 0, SOUND },
};

static void put(struct frame *f, uint64_t v, unsigned bytes)
{
	for (unsigned i = bytes; i--;)
		f->data[f->len++] = (uint8_t)(v >> i * 8);
}

static void fill(struct frame *f, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		f->data[f->len++] = (uint8_t)i;
}

static void put_ethernet(struct frame *f, const struct row *r)
{
	static const uint16_t type[] = { [NO_L3] = 0x88b5, [ARP] = 0x0806, [IP4] = 0x0800, [IP6] = 0x86dd };

	put(f, 0x020000000001, 6);
	put(f, 0x020000000002, 6);
	for (unsigned i = 0; i < r->tags; i++) {
		put(f, i + 1 < r->tags ? 0x88a8 : 0x8100, 2);
		put(f, 100 + i, 2);
	}
	put(f, type[r->l3], 2);
}

static void put_arp(struct frame *f)
{
	put(f, 0x0001080006040001, 8);
	put(f, 0x020000000002, 6);
	put(f, 0xc0000201, 4);
	put(f, 0, 6);
	put(f, 0xc0000202, 4);
}

static unsigned l4_header(const struct row *r)
{
	return r->proto == 6 ? 20 : r->proto == 17 || r->proto == 136 ? 8 : 24;
}

static unsigned payload(const struct row *r)
{
	return r->twist == FULL_SIZE ? 1400 : 16;
}

static void put_l4(struct frame *f, const struct row *r)
{
	unsigned size = l4_header(r) + payload(r);

	put(f, r->sport, 2);
	put(f, r->dport, 2);
	if (r->proto == 6) {
		put(f, 0x0000000100000002, 8);
		put(f, r->twist == BAD_DOFF ? 0x40 : 0x50, 1);
		put(f, r->flags, 1);
		put(f, 0x200000000000, 6);
	} else if (r->proto == 17 || r->proto == 136) {
		put(f, r->twist == BAD_UDP_LEN ? 7 : size, 2);
		put(f, 0, 2);
	} else {
		put(f, 0x0000000007000000, 8);	/* DCCP's data offset at its place */
		fill(f, 12);
	}
	fill(f, payload(r));
}

static void put_ip4(struct frame *f, const struct row *r)
{
	unsigned header = r->twist == OPTIONS ? 24 : 20, total = header + l4_header(r) + payload(r);

	put(f, r->twist == BAD_VERSION ? 5 << 4 | 5 : 4 << 4 | (r->twist == BAD_IHL ? 4 : header / 4), 1);
	put(f, 0, 1);
	put(f, r->twist == LONG_TOTAL ? total + 1 : total, 2);
	put(f, 0x1234, 2);
	put(f, r->twist == FIRST_FRAGMENT ? 0x2000 : r->twist == LATER_FRAGMENT ? 0x0010 : 0x4000, 2);
	put(f, 64, 1);
	put(f, r->proto, 1);
	put(f, 0, 2);
	put(f, 0xc0000201, 4);
	put(f, 0xc6336401, 4);
	if (r->twist == OPTIONS)
		put(f, 0x01010100, 4);
	put_l4(f, r);
}

static void put_ip6(struct frame *f, const struct row *r)
{
	bool fragment = r->twist == FIRST_FRAGMENT || r->twist == LATER_FRAGMENT, extended = fragment || r->twist == HOP_BY_HOP;
	unsigned len = l4_header(r) + payload(r) + (extended ? 8 : 0);

	put(f, 0x60000000, 4);
	put(f, r->twist == LONG_TOTAL ? len + 1 : len, 2);
	put(f, fragment ? 44 : extended ? 0 : r->proto, 1);
	put(f, 64, 1);
	put(f, 0x20010db800000000, 8);
	put(f, 1, 8);
	put(f, 0x20010db800000000, 8);
	put(f, 2, 8);
	if (extended) {
		put(f, r->proto, 1);
		put(f, 0, 1);
		put(f, r->twist == FIRST_FRAGMENT ? 0x0001 : r->twist == LATER_FRAGMENT ? 0x0080 : 0x0104, 2);
		put(f, 0, 4);
	}
	put_l4(f, r);
}

bool frames_make(struct frame *f, unsigned i)
{
	const struct row *r = &rows[i];

	if (i >= sizeof(rows) / sizeof(rows[0]))
		return false;
	*f = (struct frame){ .name = r->name };
	put_ethernet(f, r);
	switch (r->l3) {
	case NO_L3:
		break;
	case ARP:
		put_arp(f);
		break;
	case IP4:
		put_ip4(f, r);
		break;
	case IP6:
		put_ip6(f, r);
		break;
	}
	if (r->twist == CUT && r->l3 != NO_L3)
		f->len -= r->l3 == ARP ? 21 : payload(r) + 3;
	if (r->twist == PADDED)
		fill(f, 30);
	if (r->twist == ZEROS || r->twist == ONES) {
		f->len = 60;
		memset(f->data, r->twist == ONES ? 0xff : 0, f->len);
	}
	return true;
}

unsigned frames_usual(void)
{
	unsigned i = 0;

	while (rows[i].tags || rows[i].l3 != IP4 || rows[i].proto != IPPROTO_TCP || rows[i].twist != SOUND)
		i++;
	return i;
}
