/*
 * rules-30.xdpf, written by hand.
 */
#include "parse.h"

enum {
	BOGONS, BROKEN, GUESTS, NULLSCAN, ALL, XMAS, SYNFIN, SYNRST, FINONLY, PORTS, TINY, FRAGMENTS, AMPLIFY, PING, PMTU, CONTROL, HOPS, BGP,
	BGPOTHERS, ADMINS, CLOSED, MAIL, SNMP, SIP, FLOODSIZE, GAME, DNS, NTP, TRACEROUTE, QUIC, DEFAULT
};

inline_always bool bogons(const struct packet *p)
{
	const __be32 *s = p->src.v6;
	__be32 a = p->src.v4;

	if (p->family == 4)
		return net4(a, IP4(0, 0, 0, 0), 8) || net4(a, IP4(10, 0, 0, 0), 8) || net4(a, IP4(100, 64, 0, 0), 10) ||
		       net4(a, IP4(127, 0, 0, 0), 8) || net4(a, IP4(169, 254, 0, 0), 16) || net4(a, IP4(172, 16, 0, 0), 12) ||
		       net4(a, IP4(192, 168, 0, 0), 16) || net4(a, IP4(198, 18, 0, 0), 15) || net4(a, IP4(224, 0, 0, 0), 3);
	if (p->family != 6)
		return false;
	return net4(s[0], 0xfc000000, 7) || net4(s[0], 0xff000000, 8) ||
	       (!s[0] && !s[1] && !s[2] && !(s[3] & bpf_htonl(~1U))) ||
	       (s[0] == bpf_htonl(0x0064ff9b) && net4(s[1], 0x00010000, 16)) ||
	       (s[0] == bpf_htonl(0x01000000) && !s[1]);
}

/* 192.0.2.0/24 or 2001:db8:ad::/48 */
inline_always bool office(const struct packet *p, __be32 v4, const __be32 *v6)
{
	if (p->family == 4)
		return net4(v4, IP4(192, 0, 2, 0), 24);
	return p->family == 6 && v6[0] == bpf_htonl(0x20010db8) && net4(v6[1], 0x00ad0000, 16);
}

inline_always bool admins(const struct packet *p)
{
	return office(p, p->src.v4, p->src.v6) || (p->family == 4 && net4(p->src.v4, IP4(198, 51, 100, 128), 25));
}

inline_always bool monitors(const struct packet *p)
{
	if (p->family == 4)
		return p->src.v4 == bpf_htonl(IP4(192, 0, 2, 53)) || p->src.v4 == bpf_htonl(IP4(192, 0, 2, 54));
	return p->family == 6 && p->src.v6[0] == bpf_htonl(0x20010db8) && p->src.v6[1] == bpf_htonl(0x00530000);
}

inline_always bool voice(const struct packet *p)
{
	if (p->family == 4)
		return net4(p->src.v4, IP4(203, 0, 113, 64), 27);
	return p->family == 6 && p->src.v6[0] == bpf_htonl(0x20010db8) && net4(p->src.v6[1], 0x50600000, 16);
}

inline_always bool peers(const struct packet *p)
{
	if (p->family == 4)
		return p->src.v4 == bpf_htonl(IP4(192, 0, 2, 1)) || p->src.v4 == bpf_htonl(IP4(192, 0, 2, 129));
	return p->family == 6 && p->src.v6[0] == bpf_htonl(0x20010db8) && !p->src.v6[1] && !p->src.v6[2] && p->src.v6[3] == bpf_htonl(1);
}

inline_always bool reflector(__u16 port)
{
	switch (port) {
	case 17:
	case 19:
	case 53:
	case 111:
	case 123:
	case 137:
	case 161:
	case 389:
	case 1900:
	case 5353:
	case 11211:
		return true;
	}
	return false;
}

inline_always bool closed(__u16 port)
{
	switch (port) {
	case 21:
	case 22:
	case 23:
	case 25:
	case 135 ... 139:
	case 445:
	case 1433:
	case 3306:
	case 3389:
	case 5432:
	case 5900 ... 5910:
	case 6379:
	case 8443:
	case 9200:
	case 27017:
		return true;
	}
	return false;
}

inline_always bool control(const struct packet *p)
{
	if (p->l4 == IPPROTO_ICMP)
		return p->icmp[0] == 4 || p->icmp[0] == 5 || p->icmp[0] == 13 || p->icmp[0] == 17;
	return p->l4 == ICMP6 && (p->icmp[0] == 137 || p->icmp[0] == 139 || p->icmp[0] == 140);
}

inline_always bool guests(const struct packet *p)
{
	__u16 id = bpf_ntohs(p->vlan) & 0xfff;

	return p->tags && id >= 200 && id <= 299 && office(p, p->dst.v4, p->dst.v6);
}

inline_always __u32 rules(const struct packet *p)
{
	if (bogons(p))
		return DECIDE(BOGONS, XDP_DROP);
	if (p->malformed)
		return DECIDE(BROKEN, XDP_DROP);
	if (guests(p))
		return DECIDE(GUESTS, XDP_DROP);
	if (tcp(p) && !(p->tcp->flags & 0x3f))
		return DECIDE(NULLSCAN, XDP_DROP);
	if (tcp(p) && (p->tcp->flags & 0x3f) == 0x3f)
		return DECIDE(ALL, XDP_DROP);
	if (tcp(p) && (p->tcp->flags & 0x3f) == (FIN | PSH | URG))
		return DECIDE(XMAS, XDP_DROP);
	if (tcp(p) && (p->tcp->flags & (SYN | FIN)) == (SYN | FIN))
		return DECIDE(SYNFIN, XDP_DROP);
	if (tcp(p) && (p->tcp->flags & (SYN | RST)) == (SYN | RST))
		return DECIDE(SYNRST, XDP_DROP);
	if (tcp(p) && (p->tcp->flags & (FIN | ACK)) == FIN)
		return DECIDE(FINONLY, XDP_DROP);
	if ((tcp(p) && (!sport(p) || !dport(p))) || (udp(p) && !dport(p)))
		return DECIDE(PORTS, XDP_DROP);
	if (tcp(p) && p->fragment)
		return DECIDE(TINY, XDP_DROP);
	if (p->fragment && (p->proto == IPPROTO_UDP || p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6))
		return DECIDE(FRAGMENTS, XDP_DROP);
	if (udp(p) && p->len > 512 && reflector(sport(p)))
		return DECIDE(AMPLIFY, XDP_DROP);
	if ((icmp_is(p, IPPROTO_ICMP, 8) || icmp_is(p, ICMP6, 128)) && p->len <= 128)
		return DECIDE(PING, XDP_PASS);
	if ((icmp_is(p, IPPROTO_ICMP, 3) && p->icmp[1] == 4) || icmp_is(p, ICMP6, 2))
		return DECIDE(PMTU, XDP_PASS);
	if (control(p))
		return DECIDE(CONTROL, XDP_DROP);
	if (p->l4 == ICMP6 && p->icmp[0] >= 133 && p->icmp[0] <= 136 && p->ttl < 255)
		return DECIDE(HOPS, XDP_DROP);
	if (tcp(p) && (sport(p) == 179 || dport(p) == 179) && peers(p) && p->ttl == 255)
		return DECIDE(BGP, XDP_PASS);
	if (tcp(p) && (sport(p) == 179 || dport(p) == 179))
		return DECIDE(BGPOTHERS, XDP_DROP);
	if (tcp(p) && (dport(p) == 22 || dport(p) == 8443) && admins(p))
		return DECIDE(ADMINS, XDP_PASS);
	if (tcp(p) && closed(dport(p)))
		return DECIDE(CLOSED, XDP_DROP);
	if (tcp(p) && (dport(p) == 465 || dport(p) == 587 || dport(p) == 993) && p->tcp->flags & ACK)
		return DECIDE(MAIL, XDP_PASS);
	if (udp(p) && (dport(p) == 161 || dport(p) == 162) && !monitors(p))
		return DECIDE(SNMP, XDP_DROP);
	if (udp(p) && (dport(p) == 5060 || dport(p) == 5061) && !voice(p))
		return DECIDE(SIP, XDP_DROP);
	if (udp(p) && dport(p) >= 27000 && dport(p) <= 27050)
		return bpf_ntohs(p->udp->len) < 12 || bpf_ntohs(p->udp->len) > 1400 ? DECIDE(FLOODSIZE, XDP_DROP) : DECIDE(GAME, XDP_PASS);
	if (udp(p) && dport(p) == 53 && bpf_ntohs(p->udp->len) > 600)
		return DECIDE(DNS, XDP_DROP);
	if (udp(p) && dport(p) == 123 && bpf_ntohs(p->udp->len) != 56)
		return DECIDE(NTP, XDP_DROP);
	if (udp(p) && dport(p) >= 33434 && dport(p) <= 33534 && p->ttl < 5)
		return DECIDE(TRACEROUTE, XDP_DROP);
	if (udp(p) && dport(p) == 443 && bpf_ntohs(p->udp->len) < 28)
		return DECIDE(QUIC, XDP_DROP);
	return DECIDE(DEFAULT, XDP_PASS);
}

FILTER(DEFAULT, WANT_TCP | WANT_UDP | WANT_ICMP | WANT_MALFORMED);
