/*
 * `syncookie`. In: a frame as the rules before left it, and what a test run says of sockets. Out: what the packet is, and the answer to a SYN.
 */
#include "eval_cookie.h"

#include <string.h>

#include "abi.h"
#include "eval_reply.h"

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

static uint64_t little(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | p[n];
	return v;
}

/* Both ends of a connection, as runtime/abi.h has them. */
struct ends {
	uint64_t src[2], dst[2];
	uint32_t ports;
};

static struct ends ends_of(const uint8_t *ip, const uint8_t *tcp)
{
	struct ends e = { .ports = (uint32_t)little(tcp, 4) };

	if (ip[0] >> 4 == 4) {
		e.src[0] = little(ip + 12, 4);
		e.dst[0] = little(ip + 16, 4);
		return e;
	}
	for (unsigned i = 0; i < 2; i++) {
		e.src[i] = little(ip + 8 + 8 * i, 8);
		e.dst[i] = little(ip + 24 + 8 * i, 8);
	}
	return e;
}

enum eval_cookie eval_cookie(const struct eval_packet *pkt, const struct dissect *d, uint64_t lately[XDPF_COOKIES])
{
	const uint8_t *ip, *tcp;
	struct ends e;
	uint64_t flow;
	unsigned flags;

	if (!dissect_has(d, HDR_TCP) || pkt->has_socket)
		return COOKIE_NOT_OURS;
	ip = pkt->data + d->offset[dissect_has(d, HDR_IP4) ? HDR_IP4 : HDR_IP6];
	tcp = pkt->data + d->offset[HDR_TCP];
	flags = tcp[13] & (FIN | SYN | RST | ACK);
	if (flags == SYN)
		return COOKIE_SYN;
	e = ends_of(ip, tcp);
	flow = xdpf_cookie_flow(pkt->seed, e.src, e.dst, e.ports);
	if (xdpf_cookie_lately(lately[flow >> 52], flow, pkt->now))
		return COOKIE_NOT_OURS;
	if (!(flags & ACK) || flags & (SYN | RST) ||
	    get32(tcp + 8) - 1 != xdpf_test_cookie(pkt->seed, e.src, e.dst, e.ports, get32(tcp + 4) - 1))
		return COOKIE_REFUSED;
	lately[flow >> 52] = xdpf_cookie_entry(flow, pkt->now);
	return COOKIE_COMPLETED;
}

enum eval_cookie eval_cookie_otherwise(const struct eval_packet *pkt, const struct dissect *d, bool goes_on)
{
	unsigned flags = pkt->data[d->offset[HDR_TCP] + 13] & (FIN | SYN | RST | ACK);

	return goes_on ? COOKIE_NOT_OURS : flags == SYN ? COOKIE_SYN : COOKIE_REFUSED;
}

size_t reply_syncookie(uint8_t *out, const struct asked *a, const struct eval_packet *pkt)
{
	const uint8_t *t = a->l4;
	struct ends e;
	unsigned mss = XDPF_TEST_MTU - 20 - (a->ip6 ? 40 : 20);
	size_t header, n;
	uint8_t *p;

	if (a->proto != 6 || a->end - t < 20)
		return 0;
	header = 4 * (t[12] >> 4);
	if (header < 20 || header > (size_t)(a->end - t))
		return 0;
	n = header >= 24 ? 24 : 20;
	p = reply_begin(out, a, n, 6, 0);
	memset(p, 0, n);
	memcpy(p, t + 2, 2);
	memcpy(p + 2, t, 2);
	e = ends_of(a->ip, t);
	put32(p + 4, xdpf_test_cookie(pkt->seed, e.src, e.dst, e.ports, get32(t + 4)));
	put32(p + 8, get32(t + 4) + 1);
	p[12] = (uint8_t)(n << 2);
	p[13] = SYN | ACK;
	put16(p + 14, XDPF_COOKIE_WINDOW);
	if (n == 24) {
		p[20] = 2;
		p[21] = 4;
		put16(p + 22, mss);
	}
	put16(p + 16, reply_checksum(reply_pseudo(a, n, 6), p, n));
	return (size_t)(p + n - out);
}
