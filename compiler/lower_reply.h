/*
 * What answers to a frame have in common, in IR: what is asked of the frame, and the headers of what is sent back.
 */
#ifndef XDPF_LOWER_REPLY_H
#define XDPF_LOWER_REPLY_H

#include "lower.h"

enum { REPLY_TCP = 20 };		/* bytes of a TCP header without options */

static inline uint64_t wire16(uint16_t v)
{
	return __builtin_bswap16(v);
}

/* What is known of the frame, in variables. */
struct asked {
	ir_var mac[4], tag[5];		/* destination and source, 4 and 2 bytes; the words from the type on */
	ir_var l3, l4, end;		/* offsets: of the IP header, behind it, behind the datagram */
	ir_var proto;
	ir_var src[2], dst[2];		/* IPv4: the first ones */
	bool ip6;
	struct ir_block *closed;
};

/* A sum of words as the checksum field has it. */
struct ir_opnd lower_reply_fold(struct lower *l, struct ir_opnd s);
/* Both addresses, as summands of a checksum. */
struct ir_opnd lower_reply_addresses(struct lower *l, const struct asked *a);
/* The Ethernet addresses exchanged; with @tags, what follows them too. */
void lower_reply_write_ethernet(struct lower *l, const struct asked *a, bool tags);
/* The IP header of an answer of @length bytes (IPv6: behind it), at a->l3. */
void lower_reply_write_ip(struct lower *l, const struct asked *a, struct ir_opnd length, uint8_t proto, uint8_t tos);
/* The frame ends at @end from now on. */
void lower_reply_cut(struct lower *l, struct ir_opnd end, struct ir_block *closed);

/* lower_cookie.c: a SYN's answer. Ends the current block. */
void lower_reply_syncookie(struct lower *l, struct asked *a, struct ir_block *open);

#endif
