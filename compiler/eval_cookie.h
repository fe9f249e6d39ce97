/* What `syncookie` makes of a packet. */
#ifndef XDPF_EVAL_COOKIE_H
#define XDPF_EVAL_COOKIE_H

#include "abi.h"
#include "dissect.h"
#include "eval.h"

enum eval_cookie {
	COOKIE_NOT_OURS,	/* no TCP, or no socket listens for it, or a connection takes it, or is about to: the rule goes on */
	COOKIE_COMPLETED,	/* acknowledges a cookie: the rule goes on */
	COOKIE_SYN,		/* is to be answered */
	COOKIE_REFUSED,		/* belongs to no connection and makes none */
};

/* Where somebody knows better whether the rule goes on with this TCP packet: what it is then. */
enum eval_cookie eval_cookie_otherwise(const struct eval_packet *pkt, const struct dissect *d, bool goes_on);
/* @lately: connections whose cookie came back, as runtime/abi.h has them. */
enum eval_cookie eval_cookie(const struct eval_packet *pkt, const struct dissect *d, uint64_t lately[XDPF_COOKIES]);

#endif
