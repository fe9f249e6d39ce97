/*
 * Datagrams in fragments. In: a frame with a whole datagram in it. Out: the same datagram as the frames that it comes in, for chains that see it put
 * together again: the transport header is in the first, and all have the packet's number, so nothing else is mixed in.
 */
#include <string.h>

#include "dissect.h"
#include "frame.h"
#include "prove.h"

enum { UNIT = 8, FRAG_LEN = 8, HBH = 0, RT = 43, FRAG = 44 };

struct cut {
	const uint8_t *data;
	size_t head, n;			/* what all fragments begin with, and what is behind it in all of them together */
	size_t ip;			/* its header */
	bool six;
	uint32_t id;
};

static void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* The fragment with @len bytes from @off on. */
static struct prove_piece piece(struct prove *pr, const struct cut *c, size_t off, size_t len, bool more)
{
	struct prove_piece out = { .len = c->head + (c->six ? FRAG_LEN : 0) + len };
	uint8_t *p = arena_alloc(pr->arena, out.len), *ip = p + c->ip, *frag = p + c->head;

	memcpy(p, c->data, c->head);
	if (c->six) {
		put16(ip + 4, FRAG_LEN + len);
		frag[0] = ip[6];
		frag[1] = 0;
		put16(frag + 2, off | more);
		put16(frag + 4, c->id >> 16);
		put16(frag + 6, c->id & 0xffff);
		ip[6] = FRAG;
	} else {
		put16(ip + 2, c->head - c->ip + len);
		put16(ip + 4, c->id & 0xffff);
		put16(ip + 6, off / UNIT | (more ? 0x2000 : 0));
		put16(ip + 10, 0);
		put16(ip + 10, frame_sum(0, ip, c->head - c->ip));
	}
	memcpy(p + out.len - len, c->data + c->head + off, len);
	out.data = p;
	return out;
}

/* Bytes that must be in the first fragment. */
static size_t least(const struct dissect *d, const struct cut *c)
{
	size_t n = d->has_payload && d->payload > c->head ? d->payload - c->head : UNIT;

	return (n + UNIT - 1) / UNIT * UNIT;
}

bool prove_split(struct prove *pr, uint32_t number, const uint8_t *data, size_t len, struct prove_packet *out)
{
	struct cut c = { .data = data, .id = number };
	struct dissect d;
	size_t first;

	dissect_frame(&d, data, len);
	c.six = dissect_has(&d, HDR_IP6);
	if (d.malformed || d.fragment || !(c.six ? pr->im->whole6 : dissect_has(&d, HDR_IP4) && pr->im->whole4))
		return false;
	c.ip = d.offset[c.six ? HDR_IP6 : HDR_IP4];
	c.head = c.ip + (c.six ? 40 : (data[c.ip] & 0xf) * 4u);
	c.n = d.end - c.head;
	first = least(&d, &c);
	/* Those of every router would stand before the fragment header. */
	if (first >= c.n || (c.six && (data[c.ip + 6] == HBH || data[c.ip + 6] == RT || data[c.ip + 6] == FRAG)))
		return false;
	for (size_t at = 0, size = first + UNIT * prove_random(pr, 160); at < c.n; at += size, size = UNIT * (1 + prove_random(pr, 160))) {
		if (!at && size >= c.n)
			size = first;
		size = size < c.n - at ? size : c.n - at;
		*vec_add(pr->arena, &out->piece) = piece(pr, &c, at, size, at + size < c.n);
	}
	return true;
}
