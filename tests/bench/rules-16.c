/*
 * rules-16.xdpf, written by hand.
 */
#include "parse.h"

enum {
	BOGONS, BROKEN, NULLSCAN, XMAS, SYNFIN, SYNRST, TINY, FRAGMENTS, AMPLIFY, PING, CONTROL, HOPS, ADMINS, CLOSED, SNMP, SIP, DEFAULT
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

inline_always bool admins(const struct packet *p)
{
	if (p->family == 4)
		return net4(p->src.v4, IP4(192, 0, 2, 0), 24) || net4(p->src.v4, IP4(198, 51, 100, 128), 25);
	return p->family == 6 && p->src.v6[0] == bpf_htonl(0x20010db8) && net4(p->src.v6[1], 0x00ad0000, 16);
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

inline_always __u32 rules(const struct packet *p)
{
	if (bogons(p))
		return DECIDE(BOGONS, XDP_DROP);
	if (p->malformed)
		return DECIDE(BROKEN, XDP_DROP);
	if (tcp(p) && !(p->tcp->flags & 0x3f))
		return DECIDE(NULLSCAN, XDP_DROP);
	if (tcp(p) && (p->tcp->flags & 0x3f) == (FIN | PSH | URG))
		return DECIDE(XMAS, XDP_DROP);
	if (tcp(p) && (p->tcp->flags & (SYN | FIN)) == (SYN | FIN))
		return DECIDE(SYNFIN, XDP_DROP);
	if (tcp(p) && (p->tcp->flags & (SYN | RST)) == (SYN | RST))
		return DECIDE(SYNRST, XDP_DROP);
	if (tcp(p) && p->fragment)
		return DECIDE(TINY, XDP_DROP);
	if (p->fragment && (p->proto == IPPROTO_UDP || p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6))
		return DECIDE(FRAGMENTS, XDP_DROP);
	if (udp(p) && p->len > 512 && reflector(sport(p)))
		return DECIDE(AMPLIFY, XDP_DROP);
	if ((icmp_is(p, IPPROTO_ICMP, 8) || icmp_is(p, ICMP6, 128)) && p->len <= 128)
		return DECIDE(PING, XDP_PASS);
	if (control(p))
		return DECIDE(CONTROL, XDP_DROP);
	if (p->l4 == ICMP6 && p->icmp[0] >= 133 && p->icmp[0] <= 136 && p->ttl < 255)
		return DECIDE(HOPS, XDP_DROP);
	if (tcp(p) && (dport(p) == 22 || dport(p) == 8443) && admins(p))
		return DECIDE(ADMINS, XDP_PASS);
	if (tcp(p) && closed(dport(p)))
		return DECIDE(CLOSED, XDP_DROP);
	if (udp(p) && (dport(p) == 161 || dport(p) == 162) && !monitors(p))
		return DECIDE(SNMP, XDP_DROP);
	if (udp(p) && (dport(p) == 5060 || dport(p) == 5061) && !voice(p))
		return DECIDE(SIP, XDP_DROP);
	return DECIDE(DEFAULT, XDP_PASS);
}

FILTER(DEFAULT, WANT_TCP | WANT_UDP | WANT_ICMP | WANT_MALFORMED);
