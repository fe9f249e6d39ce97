/*
 * rules-10.xdpf, written by hand.
 */
#include "parse.h"

enum { PRIVATE, BROKEN, NULLSCAN, SYNFIN, FRAGMENTS, AMPLIFY, ICMP, ADMINS, CLOSED, FLOODSIZE, DEFAULT };

inline_always bool private(const struct packet *p)
{
	__be32 a = p->src.v4;

	if (p->family == 4)
		return net4(a, IP4(10, 0, 0, 0), 8) || net4(a, IP4(127, 0, 0, 0), 8) || net4(a, IP4(169, 254, 0, 0), 16) ||
		       net4(a, IP4(172, 16, 0, 0), 12) || net4(a, IP4(192, 168, 0, 0), 16);
	if (p->family == 6)
		return net4(p->src.v6[0], 0xfc000000, 7) ||
		       (!p->src.v6[0] && !p->src.v6[1] && !p->src.v6[2] && p->src.v6[3] == bpf_htonl(1));
	return false;
}

inline_always bool admins(const struct packet *p)
{
	if (p->family == 4)
		return net4(p->src.v4, IP4(192, 0, 2, 0), 24) || net4(p->src.v4, IP4(198, 51, 100, 128), 25);
	return p->family == 6 && p->src.v6[0] == bpf_htonl(0x20010db8) && net4(p->src.v6[1], 0x00ad0000, 16);
}

inline_always __u32 rules(const struct packet *p)
{
	if (private(p))
		return DECIDE(PRIVATE, XDP_DROP);
	if (p->malformed)
		return DECIDE(BROKEN, XDP_DROP);
	if (tcp(p) && !(p->tcp->flags & 0x3f))
		return DECIDE(NULLSCAN, XDP_DROP);
	if (tcp(p) && (p->tcp->flags & (SYN | FIN)) == (SYN | FIN))
		return DECIDE(SYNFIN, XDP_DROP);
	if (p->fragment && p->proto == IPPROTO_UDP)
		return DECIDE(FRAGMENTS, XDP_DROP);
	if (udp(p) && p->len > 512)
		switch (sport(p)) {
		case 19:
		case 53:
		case 123:
		case 1900:
		case 11211:
			return DECIDE(AMPLIFY, XDP_DROP);
		}
	if (icmp_is(p, IPPROTO_ICMP, 5) || icmp_is(p, IPPROTO_ICMP, 13) || icmp_is(p, IPPROTO_ICMP, 17) || icmp_is(p, ICMP6, 137))
		return DECIDE(ICMP, XDP_DROP);
	if (tcp(p) && dport(p) == 22 && admins(p))
		return DECIDE(ADMINS, XDP_PASS);
	if (tcp(p))
		switch (dport(p)) {
		case 22:
		case 23:
		case 445:
		case 3306:
		case 3389:
		case 5432:
		case 6379:
			return DECIDE(CLOSED, XDP_DROP);
		}
	if (udp(p)) {
		__u16 port = dport(p), len = bpf_ntohs(p->udp->len);

		if (port >= 27000 && port <= 27050 && (len < 12 || len > 1400))
			return DECIDE(FLOODSIZE, XDP_DROP);
	}
	return DECIDE(DEFAULT, XDP_PASS);
}

FILTER(DEFAULT, WANT_TCP | WANT_UDP | WANT_ICMP | WANT_MALFORMED);
