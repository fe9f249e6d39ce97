/*
 * What the evaluator's answers to a frame have in common: what is asked of the frame, and the headers of what is sent back.
 */
#ifndef XDPF_EVAL_REPLY_H
#define XDPF_EVAL_REPLY_H

#include "eval.h"

static inline unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static inline void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

/* A frame that may be answered. */
struct asked {
	const uint8_t *eth, *ip, *l4, *end;
	bool ip6;
	unsigned proto;
	size_t frame_len;
};

/* Reads the frame; false: it gets no answer. */
bool reply_understood(struct asked *a, const struct eval_packet *pkt);
/* Ethernet and IP header of an answer with @n bytes behind them; returns their place. */
uint8_t *reply_begin(uint8_t *out, const struct asked *a, size_t n, uint8_t proto, uint8_t tos);
/* What the pseudo header adds to a checksum. */
uint32_t reply_pseudo(const struct asked *a, size_t n, unsigned proto);
/* The Internet checksum of @n bytes, with @sum of others already in it. */
unsigned reply_checksum(uint32_t sum, const uint8_t *p, size_t n);

/* eval_cookie.c: the answer to a SYN; its length, or 0: there is none. */
size_t reply_syncookie(uint8_t *out, const struct asked *a, const struct eval_packet *pkt);

#endif
