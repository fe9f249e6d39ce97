/*
 * What the filters written by hand share: the dissection of a frame into a small struct, and the counters. As somebody who writes XDP
 * programs for a living would have it: one pass over the headers, everything inlined, and what a filter does not ask for (its wants
 * are constants) is not in its code. It means what the rule language means: see dissect.h of the compiler.
 *
 * Each read from the packet is behind two limits: the datagram's end, which is what the headers say, and the frame's, which the kernel
 * wants to see. Addresses are copied, transport headers are pointed at. Everything copied was a third slower (what merges has to be
 * spilled), everything pointed at is refused (clang reads an address before it asks whether there is one).
 */
#ifndef BENCH_PARSE_H
#define BENCH_PARSE_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define inline_always static inline __attribute__((always_inline))

enum { MAX_TAGS = 2, MAX_EXTENSIONS = 8, FRAGMENT_OFFSET = 0x1fff, FRAGMENT_ANY = 0x3fff };
enum { IPPROTO_MOBILITY = 135, ICMP6 = IPPROTO_ICMPV6 };
enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };

/* What a filter wants to know. */
enum {
	WANT_MALFORMED	= 1 << 0,
	WANT_TCP	= 1 << 1,
	WANT_UDP	= 1 << 2,
	WANT_ICMP	= 1 << 3,	/* of both families */
};

struct tcp {
	__be16 sport, dport;
	__be32 seq, ack;
	__u8 offset, flags;
	__be16 window, checksum, urgent;
};

struct packet {
	void *data, *end;		/* of the frame */
	__u32 len;
	__be16 vlan;			/* the outer tag's 16 bits, if .tags */
	__u8 tags;
	__u8 family;			/* 4 or 6 where an IP header is there; 0 */
	__u8 proto;			/* behind the extension headers; where .family */
	__u8 ttl;			/* or hop limit */
	__u8 l4;			/* the transport header that is there, by its number; 0: none */
	bool malformed, fragment;
	union {
		__be32 v4;
		__be32 v6[4];
	} src, dst;
	union {				/* by .l4 */
		struct tcp *tcp;
		struct udphdr *udp;
		__u8 *icmp;
	};
};

/* Transport headers that no rule looks into: whole or not is all there is to know. */
inline_always void parse_other(struct packet *p, void *at, __u32 left)
{
	__u8 *h = at;
	__u32 need;

	switch (p->proto) {
	case IPPROTO_IGMP:
	case IPPROTO_ESP:
	case IPPROTO_UDPLITE:
		need = 8;
		break;
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		need = 12;
		break;
	case IPPROTO_GRE:
		need = 4;
		break;
	default:
		return;
	}
	if (left < need || h + need > (__u8 *)p->end) {
		p->malformed = true;
		return;
	}
	if (p->proto == IPPROTO_GRE) {
		if (h + 4 > (__u8 *)p->end)
			return;
		need += (h[0] & 0xc0 ? 4 : 0) + (h[0] & 0x20 ? 4 : 0) + (h[0] & 0x10 ? 4 : 0);
		if ((h[1] & 7) == 1 && h[1] & 0x80)
			need += 4;
	} else if (p->proto == IPPROTO_DCCP) {
		if (h + 12 > (__u8 *)p->end)
			return;
		need = h[8] & 1 ? 16 : 12;
		if (h[4] * 4u < need) {
			p->malformed = true;
			return;
		}
		need = h[4] * 4u;
	}
	if (left < need) {
		p->malformed = true;
		return;
	}
	p->l4 = p->proto;
}

/* The transport header at @at; the datagram has @left bytes from there. */
inline_always void parse_transport(struct packet *p, void *at, __u32 left, int want)
{
	struct tcp *tcp = at;
	struct udphdr *udp = at;
	__u8 *icmp = at;

	if (p->proto == IPPROTO_TCP && want & (WANT_TCP | WANT_MALFORMED)) {
		__u32 n;

		if (left < 20 || (void *)(tcp + 1) > p->end)
			goto malformed;
		n = (tcp->offset >> 4) * 4;
		if (n < 20 || n > left)
			goto malformed;
		p->l4 = IPPROTO_TCP;
		p->tcp = tcp;
	} else if (p->proto == IPPROTO_UDP && want & (WANT_UDP | WANT_MALFORMED)) {
		if (left < 8 || (void *)(udp + 1) > p->end)
			goto malformed;
		if (bpf_ntohs(udp->len) < 8)
			goto malformed;
		p->l4 = IPPROTO_UDP;
		p->udp = udp;
	} else if ((p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6) && want & (WANT_ICMP | WANT_MALFORMED)) {
		if (left < 8 || (void *)(icmp + 8) > p->end)
			goto malformed;
		p->l4 = p->proto;
		p->icmp = icmp;
	} else if (want & WANT_MALFORMED) {
		parse_other(p, at, left);
	}
	return;
malformed:
	p->malformed = true;
}

inline_always bool is_extension(__u8 proto, bool ip6)
{
	switch (proto) {
	case IPPROTO_AH:
		return true;
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_DSTOPTS:
	case IPPROTO_MOBILITY:
		return ip6;
	}
	return false;
}

/* What the walk over the extension headers returns, in one word. */
enum { WALK_OFF = 0x7fff, WALK_MALFORMED = 1 << 16, WALK_FRAGMENT = 1 << 17, WALK_PROTO_SHIFT = 24 };

/*
 * Walks the extension headers from @off of the frame to @stop, where the datagram ends. A function by itself: a loop whose every way
 * out went on into the rules would be more than the verifier's million, and this is not the path that has to be fast.
 */
__attribute__((noinline)) __u32 walk_extensions(struct xdp_md *ctx, __u32 off, __u32 stop, __u32 proto, __u32 ip6)
{
	__u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 result = 0;

	for (int seen = 0; is_extension(proto, ip6); seen++) {
		__u32 n, left = stop - off;
		__u8 *h;

		off &= WALK_OFF;
		h = data + off;
		if (seen == MAX_EXTENSIONS || off > stop || left < 8 || h + 8 > end)
			return result | WALK_MALFORMED | proto << WALK_PROTO_SHIFT;
		if (proto == IPPROTO_FRAGMENT)
			n = 8;
		else if (proto == IPPROTO_AH)
			n = (h[1] + 2) * 4;
		else
			n = (h[1] + 1) * 8;
		if (n > left || (proto == IPPROTO_AH && n < 12))
			return result | WALK_MALFORMED | proto << WALK_PROTO_SHIFT;
		if (proto == IPPROTO_FRAGMENT) {
			__u16 bits = bpf_ntohs(*(__be16 *)(h + 2));

			if (bits & 0xfff9)
				result = WALK_FRAGMENT;
			/* a later fragment: nothing behind, which an offset of zero says */
			if (bits & 0xfff8)
				return result | (__u32)h[0] << WALK_PROTO_SHIFT;
		}
		proto = h[0];
		off += n;
	}
	return result | off | proto << WALK_PROTO_SHIFT;
}

/* Where the dissection stands: at @at, with @left bytes of the datagram. */
struct place {
	void *at;
	__u32 left;
};

/* The parsers of IP headers return whether there is something behind. */
inline_always bool parse_ip4(struct packet *p, struct place *w)
{
	struct iphdr *ip = w->at;
	__u32 n, total;

	if ((void *)(ip + 1) > p->end || ip->version != 4)
		goto malformed;
	n = ip->ihl * 4;
	if (n < 20 || w->at + n > p->end)
		goto malformed;
	p->family = 4;
	p->src.v4 = ip->saddr;
	p->dst.v4 = ip->daddr;
	p->ttl = ip->ttl;
	p->proto = ip->protocol;
	p->fragment = ip->frag_off & bpf_htons(FRAGMENT_ANY);
	total = bpf_ntohs(ip->tot_len);
	if (total < n || w->at + total > p->end)
		goto malformed;
	w->at += n;
	w->left = total - n;
	return !(ip->frag_off & bpf_htons(FRAGMENT_OFFSET));
malformed:
	p->malformed = true;
	return false;
}

inline_always bool parse_ip6(struct packet *p, struct place *w)
{
	struct ipv6hdr *ip = w->at;

	if ((void *)(ip + 1) > p->end || ip->version != 6)
		goto malformed;
	p->family = 6;
	__builtin_memcpy(&p->src, &ip->saddr, 16);
	__builtin_memcpy(&p->dst, &ip->daddr, 16);
	p->ttl = ip->hop_limit;
	p->proto = ip->nexthdr;
	w->at = ip + 1;
	w->left = bpf_ntohs(ip->payload_len);
	if (w->at + w->left > p->end)
		goto malformed;
	return true;
malformed:
	p->malformed = true;
	return false;
}

inline_always bool parse_extensions(struct packet *p, struct place *w, struct xdp_md *ctx)
{
	__u32 off = w->at - p->data, stop = off + w->left, walk;

	walk = walk_extensions(ctx, off, stop, p->proto, p->family == 6);
	p->proto = walk >> WALK_PROTO_SHIFT;
	if (walk & WALK_FRAGMENT)
		p->fragment = true;
	if (walk & WALK_MALFORMED) {
		p->malformed = true;
		return false;
	}
	off = walk & WALK_OFF;
	w->at = p->data + off;
	w->left = stop - off;
	return off;
}

inline_always void parse_arp(struct packet *p, void *at)
{
	__u8 *h = at;

	if (h + 8 > (__u8 *)p->end || h + 8 + 2 * h[4] + 2 * h[5] > (__u8 *)p->end)
		p->malformed = true;
}

/* @want is a constant. */
inline_always void parse(struct packet *p, struct xdp_md *ctx, int want)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct place w = { eth + 1 };
	__be16 type;

	__builtin_memset(p, 0, sizeof(*p));
	p->data = eth;
	p->end = (void *)(long)ctx->data_end;
	p->len = p->end - p->data;
	if (w.at > p->end) {
		p->malformed = true;
		return;
	}
	type = eth->h_proto;
#pragma unroll
	for (int i = 0; i < MAX_TAGS; i++) {
		__be16 *tag = w.at;

		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		if ((void *)(tag + 2) > p->end) {
			p->malformed = true;
			return;
		}
		if (!p->tags++)
			p->vlan = tag[0];
		type = tag[1];
		w.at = tag + 2;
	}
	if (type == bpf_htons(ETH_P_IP)) {
		if (!parse_ip4(p, &w))
			return;
	} else if (type == bpf_htons(ETH_P_IPV6)) {
		if (!parse_ip6(p, &w))
			return;
	} else {
		if (type == bpf_htons(ETH_P_ARP) && want & WANT_MALFORMED)
			parse_arp(p, w.at);
		else if (type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD))
			p->malformed = true;
		return;
	}
	if (is_extension(p->proto, p->family == 6) && !parse_extensions(p, &w, ctx))
		return;
	parse_transport(p, w.at, w.left, want);
}

/* ---- verdicts and counters ---- */

/* Rule number and verdict in one register. */
#define DECIDE(rule, verdict) ((rule) << 8 | (verdict))

struct counter {
	__u64 packets, bytes;
};

#define COUNTERS(map, n)							\
	struct {								\
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);			\
		__uint(max_entries, n);						\
		__type(key, __u32);						\
		__type(value, struct counter);					\
	} map SEC(".maps")

inline_always void count(void *map, __u32 i, __u32 len)
{
	struct counter *c = bpf_map_lookup_elem(map, &i);

	if (c) {
		c->packets++;
		c->bytes += len;
	}
}

/* The filter: parse once, then the rules in order, then count. */
#define FILTER(n_rules, want)							\
	COUNTERS(xdpf_rules, (n_rules) + 1);					\
	COUNTERS(xdpf_verdicts, 5);						\
	SEC("xdp") int filter(struct xdp_md *ctx)				\
	{									\
		struct packet p;						\
		__u32 decision;							\
										\
		parse(&p, ctx, want);						\
		decision = rules(&p);						\
		count(&xdpf_rules, decision >> 8, p.len);			\
		count(&xdpf_verdicts, decision & 0xff, p.len);			\
		return decision & 0xff;						\
	}									\
	char _license[] SEC("license") = "GPL"

/* ---- what rules test; a header's fields only where it is there ---- */

inline_always bool tcp(const struct packet *p)
{
	return p->l4 == IPPROTO_TCP;
}

inline_always bool udp(const struct packet *p)
{
	return p->l4 == IPPROTO_UDP;
}

inline_always bool icmp_is(const struct packet *p, __u8 l4, __u8 type)
{
	return p->l4 == l4 && p->icmp[0] == type;
}

/* TCP's and UDP's ports are at the same place. */
inline_always __u16 sport(const struct packet *p)
{
	return bpf_ntohs(p->udp->source);
}

inline_always __u16 dport(const struct packet *p)
{
	return bpf_ntohs(p->udp->dest);
}

inline_always bool net4(__be32 a, __u32 net, int bits)
{
	return (a & bpf_htonl(~0U << (32 - bits))) == bpf_htonl(net);
}

#define IP4(a, b, c, d) ((__u32)(a) << 24 | (b) << 16 | (c) << 8 | (d))

#endif
