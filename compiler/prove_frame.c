/*
 * Frames for proofs. In: a shape. Out: a frame of that shape, whole and with right lengths and checksums: VLAN tags, IPv4 options, IPv6 extension
 * headers, fragments, and every transport that rules ask for.
 */
#include <string.h>

#include "frame.h"
#include "prove.h"

enum { ICMP = 1, IGMP = 2, TCP = 6, UDP = 17, DCCP = 33, GRE = 47, ESP = 50, AH = 51, ICMP6 = 58, SCTP = 132, MH = 135, UDPLITE = 136 };

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

void prove_shape(struct prove *pr, struct prove_shape *s)
{
	static const uint8_t protos[] = { TCP, TCP, TCP, UDP, UDP, UDP, ICMP, ICMP6, SCTP, DCCP, UDPLITE, IGMP, GRE, ESP, 89, 59, 253, 132 };
	static const uint16_t types[] = { 0x0806, 0x8035, 0x88cc, 0x0060, 0x8847, 0x9000 };

	*s = (struct prove_shape){ .family = prove_random(pr, 2) ? FAMILY_IP4 : FAMILY_IP6, .payload = (unsigned)prove_random(pr, 64) };
	s->type = types[prove_random(pr, sizeof(types) / sizeof(types[0]))];
	s->proto = protos[prove_random(pr, sizeof(protos))];
	if (!prove_random(pr, 20))
		s->family = FAMILY_NUM;
	if (!prove_random(pr, 10))
		s->tags = 1 + (unsigned)prove_random(pr, 2);
	if (!prove_random(pr, 8))
		s->words = 1 + (unsigned)prove_random(pr, 10);
	if (!prove_random(pr, 6))
		s->exts = (unsigned)prove_random(pr, 32);
	if (!prove_random(pr, 8))
		s->fragment = 1 + (unsigned)prove_random(pr, 2);
	if (!prove_random(pr, 16))
		s->payload = (unsigned)prove_random(pr, 1200);
}

/* The transport header and what is behind it; returns their length. */
static size_t transport(struct prove *pr, const struct prove_shape *s, uint8_t *p)
{
	size_t head = 0;

	for (size_t i = 0; i < 64 + (size_t)s->payload; i++)
		p[i] = (uint8_t)prove_random(pr, 256);
	switch (s->proto) {
	case TCP:
		head = 20 + 4 * (prove_random(pr, 4) ? 0 : prove_random(pr, 11));
		p[12] = (uint8_t)(head << 2);
		memset(p + 20, 1, head - 20);
		break;
	case UDP:
	case UDPLITE:
		head = 8;
		put16(p + 4, s->fragment == 1 ? 1000 : (unsigned)(head + s->payload));
		break;
	case ICMP:
	case ICMP6:
	case IGMP:
	case ESP:
		head = 8;
		break;
	case SCTP:
		head = 12;
		break;
	case DCCP:
		head = 16;
		p[4] = 4;
		p[8] |= 1;
		break;
	case GRE:
		head = 4;
		put16(p, 0);
		break;
	}
	/* A later fragment begins anywhere. */
	return s->fragment == 2 ? 24 + s->payload : head + s->payload;
}

/* A chain of extension headers; returns its length, and its first number in *@first. */
static size_t extensions(struct prove *pr, const struct prove_shape *s, uint8_t *p, uint8_t *first)
{
	static const struct {
		unsigned bit;
		uint8_t number, len;
	} kinds[] = { { PROVE_HBH, 0, 8 }, { PROVE_RT, 43, 8 }, { PROVE_DSTOPTS, 60, 8 }, { PROVE_AH, AH, 24 }, { PROVE_MH, MH, 8 } };
	uint8_t *link = first;
	size_t n = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!(s->exts & kinds[i].bit))
			continue;
		/* The fragment header stands behind what every router reads. */
		*link = kinds[i].number;
		link = p + n;
		memset(p + n, 0, kinds[i].len);
		if (kinds[i].bit == PROVE_AH)
			p[n + 1] = kinds[i].len / 4 - 2;
		if (kinds[i].bit == PROVE_HBH || kinds[i].bit == PROVE_DSTOPTS)
			p[n + 2] = 1, p[n + 3] = 4;
		n += kinds[i].len;
	}
	if (s->fragment || !prove_random(pr, 16)) {
		*link = 44;
		link = p + n;
		memset(p + n, 0, 8);
		if (s->fragment)
			put16(p + n + 2, s->fragment == 1 ? 1 : 8 * (1 + (unsigned)prove_random(pr, 100)) + (unsigned)prove_random(pr, 2));
		put16(p + n + 6, (unsigned)prove_random(pr, 65536));
		n += 8;
	}
	*link = s->proto;
	return n;
}

static size_t ip4(struct prove *pr, const struct prove_shape *s, uint8_t *p)
{
	size_t head = 20 + 4 * s->words, len;
	uint8_t tail[64 + 1400];

	for (size_t i = 0; i < head; i++)
		p[i] = i < 20 ? (uint8_t)prove_random(pr, 256) : 1;
	p[0] = (uint8_t)(0x40 | head / 4);
	p[9] = s->proto;
	p[8] = p[8] ? p[8] : 1;
	put16(p + 6, s->fragment == 1 ? 0x2000 : s->fragment == 2 ? (unsigned)(prove_random(pr, 2) << 13 | (1 + prove_random(pr, 100))) :
	      prove_random(pr, 2) ? 0x4000 : 0);
	len = transport(pr, s, tail);
	/* Fragments that others follow are of eights of bytes. */
	if (s->fragment && get16(p + 6) & 0x2000)
		len = len < 8 ? 8 : len - len % 8;
	memcpy(p + head, tail, len);
	put16(p + 2, (unsigned)(head + len));
	return head + len;
}

static size_t ip6(struct prove *pr, const struct prove_shape *s, uint8_t *p)
{
	uint8_t tail[64 + 1400];
	size_t chain, len;

	for (size_t i = 0; i < 40; i++)
		p[i] = (uint8_t)prove_random(pr, 256);
	p[0] = (uint8_t)(0x60 | (p[0] & 0xf));
	p[7] = p[7] ? p[7] : 1;
	/* Global addresses: others the stack refuses. */
	p[8] = p[24] = 0x20;
	chain = extensions(pr, s, p + 40, p + 6);
	len = transport(pr, s, tail);
	if (s->fragment)
		len = len < 8 ? 8 : len - len % 8;
	memcpy(p + 40 + chain, tail, len);
	put16(p + 4, (unsigned)(chain + len));
	return 40 + chain + len;
}

size_t prove_frame(struct prove *pr, const struct prove_shape *s, uint8_t *out)
{
	static const uint8_t addresses[12] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 };
	size_t n = 12;

	memcpy(out, addresses, sizeof(addresses));
	for (unsigned i = 0; i < s->tags; i++) {
		put16(out + n, i + 1 < s->tags && prove_random(pr, 2) ? 0x88a8 : 0x8100);
		put16(out + n + 2, (unsigned)prove_random(pr, 65536));
		n += 4;
	}
	put16(out + n, s->family == FAMILY_IP4 ? 0x0800 : s->family == FAMILY_IP6 ? 0x86dd : s->type);
	n += 2;
	if (s->family == FAMILY_IP4)
		return n + ip4(pr, s, out + n);
	if (s->family == FAMILY_IP6)
		return n + ip6(pr, s, out + n);
	for (size_t i = 0; i < 46; i++)
		out[n + i] = (uint8_t)prove_random(pr, 256);
	if (s->type == 0x0806 || s->type == 0x8035)
		memcpy(out + n, "\0\1\10\0\6\4\0\1", 8);
	return n + 46;
}
