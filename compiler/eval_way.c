/*
 * Verdicts that may turn out to be impossible. In: a frame, what is asked of it, and what a test run says of the machine. Out: whether it is on
 * its way, and the bytes that leave. Written from the formats' definitions, byte by byte; what it shares with the code generator is the
 * reference's text.
 */
#include "eval_way.h"

#include <string.h>

#include "abi.h"
#include "eval_reply.h"

/* The Internet checksum of @n bytes, with @sum of others already in it. */
unsigned reply_checksum(uint32_t sum, const uint8_t *p, size_t n)
{
	for (; n > 1; n -= 2, p += 2)
		sum += get16(p);
	if (n)
		sum += (uint32_t)p[0] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

static uint32_t words(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i += 2)
		sum += get16(p + i);
	return sum;
}

/* ---- forward ---- */

static bool all_zero(const uint8_t *p, size_t n)
{
	while (n && !*p)
		p++, n--;
	return !n;
}

static bool routed6(const uint8_t *a)
{
	return a[0] != 0xff && !(a[0] == 0xfe && (a[1] & 0xc0) == 0x80);
}

static bool forward(struct eval_packet *pkt)
{
	static const uint8_t dmac[6] = XDPF_TEST_DMAC, smac[6] = XDPF_TEST_SMAC;
	uint8_t *ip;
	size_t room, total;
	bool ip6;

	if (pkt->no_way || pkt->left < 14 + 20 || pkt->data[0] & 1)
		return false;
	ip = pkt->data + 14;
	room = pkt->left - 14;
	ip6 = get16(pkt->data + 12) == 0x86dd;
	if (ip6) {
		if (room < 40 || ip[0] >> 4 != 6 || ip[7] < 2 || !ip[6] || !routed6(ip + 8) || !routed6(ip + 24) || all_zero(ip + 8, 8))
			return false;
		total = 40 + get16(ip + 4);
	} else {
		if (get16(pkt->data + 12) != 0x0800 || ip[0] != 0x45 || ip[8] < 2 || !ip[12] || ip[12] == 127 || ip[12] >= 224)
			return false;
		total = get16(ip + 2);
		if (total < 20)
			return false;
	}
	if (total > room || total > XDPF_TEST_MTU)
		return false;
	memcpy(pkt->data, dmac, 6);
	memcpy(pkt->data + 6, smac, 6);
	if (ip6) {
		ip[7]--;
	} else {
		uint32_t sum = get16(ip + 10) + 0x100u;

		/* where the sum was ffff or becomes it, it is taken as the kernel's routers leave it */
		ip[8]--;
		put16(ip + 10, (sum + (sum >= 0xffff)) & 0xffff);
	}
	return true;
}

/* ---- reply ---- */

bool reply_understood(struct asked *a, const struct eval_packet *pkt)
{
	const uint8_t *limit = pkt->data + pkt->left;
	size_t l3 = 12, size, total;
	unsigned type;

	if (pkt->left < 22 || pkt->data[0] & 1 || pkt->data[6] & 1)
		return false;
	for (unsigned tags = 0; (type = get16(pkt->data + l3)) == 0x8100 || type == 0x88a8; l3 += 4)
		if (tags++ == 2)
			return false;
	a->eth = pkt->data;
	a->ip = pkt->data + l3 + 2;
	a->ip6 = type == 0x86dd;
	size = a->ip6 ? 40 : 20;
	if ((type != 0x0800 && !a->ip6) || (size_t)(limit - a->ip) < size || a->ip[0] >> 4 != (a->ip6 ? 6 : 4))
		return false;
	if (a->ip6) {
		static const uint8_t extensions[] = { 0, 43, 44, 51, 60, 135 };

		a->proto = a->ip[6];
		total = 40 + get16(a->ip + 4);
		if (memchr(extensions, (int)a->proto, sizeof(extensions)) || a->ip[8] == 0xff || a->ip[24] == 0xff || all_zero(a->ip + 8, 16))
			return false;
	} else {
		a->proto = a->ip[9];
		total = get16(a->ip + 2);
		size = 4 * (a->ip[0] & 15u);
		if (size < 20 || get16(a->ip + 6) & 0x3fff || !a->ip[12] || a->ip[12] >= 224 || a->ip[16] >= 224)
			return false;
	}
	if (total < size || total > (size_t)(limit - a->ip))
		return false;
	a->l4 = a->ip + size;
	a->end = a->ip + total;
	return true;
}

/* Ethernet and IP header of an answer with @n bytes behind them; returns their place. */
uint8_t *reply_begin(uint8_t *out, const struct asked *a, size_t n, uint8_t proto, uint8_t tos)
{
	size_t l3 = (size_t)(a->ip - a->eth);
	uint8_t *ip = out + l3;

	memcpy(out, a->eth, l3);
	memcpy(out, a->eth + 6, 6);
	memcpy(out + 6, a->eth, 6);
	memset(ip, 0, 40);
	if (a->ip6) {
		ip[0] = 0x60;
		put16(ip + 4, (unsigned)n);
		ip[6] = proto;
		ip[7] = 64;
		memcpy(ip + 8, a->ip + 24, 16);
		memcpy(ip + 24, a->ip + 8, 16);
		return ip + 40;
	}
	ip[0] = 0x45;
	ip[1] = tos;
	put16(ip + 2, 20 + (unsigned)n);
	put16(ip + 6, 0x4000);
	ip[8] = 64;
	ip[9] = proto;
	memcpy(ip + 12, a->ip + 16, 4);
	memcpy(ip + 16, a->ip + 12, 4);
	put16(ip + 10, reply_checksum(0, ip, 20));
	return ip + 20;
}

/* What the pseudo header adds. */
uint32_t reply_pseudo(const struct asked *a, size_t n, unsigned proto)
{
	return words(a->ip6 ? a->ip + 8 : a->ip + 12, a->ip6 ? 32 : 8) + (uint32_t)n + proto;
}

static size_t rst(uint8_t *out, const struct asked *a)
{
	const uint8_t *t = a->l4;
	size_t header;
	uint8_t *p;

	if (a->proto != 6 || a->end - t < 20 || t[13] & 4)
		return 0;
	header = 4 * (t[12] >> 4);
	if (header < 20 || header > (size_t)(a->end - t))
		return 0;
	p = reply_begin(out, a, 20, 6, 0);
	memset(p, 0, 20);
	memcpy(p, t + 2, 2);
	memcpy(p + 2, t, 2);
	if (t[13] & 0x10) {
		memcpy(p + 4, t + 8, 4);
		p[13] = 4;
	} else {
		put32(p + 8, get32(t + 4) + (uint32_t)((size_t)(a->end - t) - header) + (t[13] & 1) + (t[13] >> 1 & 1));
		p[13] = 0x14;
	}
	p[12] = 0x50;
	put16(p + 16, reply_checksum(reply_pseudo(a, 20, 6), p, 20));
	return (size_t)(p + 20 - out);
}

static size_t unreachable(uint8_t *out, const struct asked *a)
{
	size_t quote = (size_t)(a->end - a->ip);
	uint8_t *p;

	if (a->proto == (a->ip6 ? 58 : 1)) {
		unsigned type;

		/* not the datagram's end: of a type that is not there, nobody says it is an error */
		if ((size_t)(a->l4 - a->eth) >= a->frame_len)
			return 0;
		type = *a->l4;
		if (a->ip6 ? type < 128 || type == 137 : type == 3 || type == 4 || type == 5 || type == 11 || type == 12)
			return 0;
	}
	if (quote > XDPF_QUOTE)
		quote = XDPF_QUOTE;
	p = reply_begin(out, a, 8 + quote, a->ip6 ? 58 : 1, 0xc0);
	memset(p, 0, 8);
	p[0] = a->ip6 ? 1 : 3;
	p[1] = a->ip6 ? 4 : 3;
	memcpy(p + 8, a->ip, quote);
	put16(p + 2, reply_checksum(a->ip6 ? reply_pseudo(a, 8 + quote, 58) : 0, p, 8 + quote));
	return (size_t)(p + 8 + quote - out);
}

bool eval_way(struct eval_packet *pkt, const struct ast_way *way, uint8_t out[EVAL_REPLY_MAX])
{
	struct asked a = { .frame_len = pkt->left };
	size_t n = 0;

	switch (way->kind) {
	case WAY_IFACE:
	case WAY_IFACES:
	case WAY_CPU:
	case WAY_SOCKET:
		return !pkt->no_way;
	case WAY_FORWARD:
		return forward(pkt);
	case WAY_RST:
		n = reply_understood(&a, pkt) ? rst(out, &a) : 0;
		break;
	case WAY_UNREACHABLE:
		n = reply_understood(&a, pkt) ? unreachable(out, &a) : 0;
		break;
	case WAY_SYNCOOKIE:
		n = reply_understood(&a, pkt) ? reply_syncookie(out, &a, pkt) : 0;
		break;
	}
	if (n) {
		pkt->data = out;
		pkt->left = n;
	}
	return n;
}
