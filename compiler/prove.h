/*
 * Proofs of translations: packets that stand around the borders of a translation's rules, the original's verdict about each, and the
 * translation's. Nothing here prints.
 */
#ifndef XDPF_PROVE_H
#define XDPF_PROVE_H

#include "ast.h"
#include "import.h"

/* A frame, and one that is sent in fragments. */
enum { PROVE_FRAME_MOST = 1514, PROVE_WHOLE_MOST = 5000, PROVE_IFACES = 16 };

enum prove_verdict { PROVE_UNSEEN, PROVE_DROPPED, PROVE_PASSED };	/* UNSEEN: it never came to where the original's rules are */

/* A fragment of a datagram that is sent whole: a frame. */
struct prove_piece {
	uint8_t *data;
	size_t len;
};

struct prove_packet {
	uint8_t *data;
	size_t len, room;		/* room: while it is made */
	VEC(struct prove_piece) piece;	/* what is sent instead of .data, which is the whole datagram; empty: .data is */
	const char *iface;		/* that receives it */
	enum prove_verdict original;
	enum prove_verdict translation;
	bool malformed;
	bool fragments;			/* it is or has fragments, and the chain sees what is put together from them */
	bool stateless;			/* neither TCP nor UDP */
	bool later;			/* a fragment without a transport header */
	const struct ast_rule *rule;	/* of the translation, that decided; NULL: its default */
	/* where there are limits, prove_limit.c */
	bool either;			/* its verdict depends on one */
	const struct ast_limit *limit;	/* on this one alone; NULL: on several, or none */
	size_t series;			/* it is of the series of the limit in this place, from 1; 0: of none */
	uint64_t pause, sent;		/* ns: before it is sent; when it was */
};

struct prove {
	struct arena *arena;
	const struct import *im;
	const struct ast_program *p;	/* the translation */
	uint64_t random;
	struct prove_pool *pool;	/* prove_pick.c */
	const char *iface[PROVE_IFACES];	/* where packets come in */
	size_t n_ifaces;
	struct prove_packet *packet;
	size_t n;
	VEC(struct prove_packet) timed;	/* what is sent first, at its time */
	const char *why;		/* what did not work, where something did not */
};

/* prove_random.c: a number below @below. */
uint64_t prove_random(struct prove *pr, uint64_t below);

/* ---- prove_frame.c: frames of every make ---- */

/* What a frame is to be. Its values are whatever stands there; prove_pick.c puts others in. */
struct prove_shape {
	enum family family;		/* FAMILY_NUM: neither */
	unsigned tags;
	uint16_t type;			/* where it is of no family */
	uint8_t proto;			/* the header behind IP */
	unsigned words;			/* of IPv4 options */
	unsigned exts;			/* IPv6: of extension headers, each its own bit of PROVE_EXT_* */
	unsigned fragment;		/* 0: none, 1: the first, 2: a later one */
	unsigned payload;
};

enum { PROVE_HBH = 1, PROVE_RT = 2, PROVE_DSTOPTS = 4, PROVE_AH = 8, PROVE_MH = 16 };

/* Any shape, the usual ones more often. */
void prove_shape(struct prove *pr, struct prove_shape *s);
/* Its bytes, in @out with room for PROVE_FRAME_MOST; returns how many. */
size_t prove_frame(struct prove *pr, const struct prove_shape *s, uint8_t *out);
/* Makes checksums of IPv4, TCP, UDP, ICMP and ICMPv6 right, where these are. */
void prove_sums(uint8_t *data, size_t len);

/* ---- prove_pick.c ---- */

/* The next packet: it matches a rule, just misses it, or is anything. */
void prove_pick(struct prove *pr, size_t number, struct prove_packet *out);

/* ---- prove_split.c ---- */

/* The datagram in the frame as fragments with the identification @number, where the chain sees it whole. False: it is none that can be cut. */
bool prove_split(struct prove *pr, uint32_t number, const uint8_t *data, size_t len, struct prove_packet *out);

/* ---- prove.c ---- */

/* Makes @n packets and lets the translation judge them. */
void prove_prepare(struct prove *pr, size_t n);

/* ---- engines: fill .original of all packets; false: see .why ---- */

bool prove_pcap(struct prove *pr);	/* prove_pcap.c */
bool prove_net(struct prove *pr);	/* prove_net.c: nftables and iptables, in a network namespace of their own; needs root */

#endif
