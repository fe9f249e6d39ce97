/*
 * A few rules of five fields, as written by hand: one comparison behind the other. RULES is a file of lines RULE(number, source, its mask,
 * destination, its mask, protocol or -1, source ports from, to, destination ports from, to), of which the last is number N_RULES - 1.
 */
#include "parse.h"

inline_always bool within(__u16 port, __u16 from, __u16 to)
{
	return port >= from && port <= to;
}

#define ADDRESS(have, want, mask) (!(mask) || ((have) & bpf_htonl(mask)) == bpf_htonl(want))
#define PORT(have, from, to) (((from) == 0 && (to) == 65535) || (ports && within(have, from, to)))
#define RULE(n, src_, src_mask, dst_, dst_mask, proto_, sport_from, sport_to, dport_from, dport_to)					\
	if (ADDRESS(p->src.v4, src_, src_mask) && ADDRESS(p->dst.v4, dst_, dst_mask) && ((proto_) < 0 || p->proto == (__u8)(proto_)) &&	\
	    PORT(s, sport_from, sport_to) && PORT(d, dport_from, dport_to))								\
		return DECIDE(n, XDP_DROP);

inline_always __u32 rules(const struct packet *p)
{
	bool ports = tcp(p) || udp(p);
	__u16 s, d;

	if (p->family != 4)
		return DECIDE(N_RULES, XDP_DROP);
	s = ports ? sport(p) : 0;
	d = ports ? dport(p) : 0;
#include RULES
	return DECIDE(N_RULES, XDP_DROP);
}

FILTER(N_RULES, WANT_TCP | WANT_UDP);
