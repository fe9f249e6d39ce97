/*
 * rules-1.xdpf, written by hand.
 */
#include "parse.h"

enum { AMPLIFY, DEFAULT };

inline_always __u32 rules(const struct packet *p)
{
	if (udp(p) && p->len > 512)
		switch (sport(p)) {
		case 19:
		case 53:
		case 123:
		case 1900:
		case 11211:
			return DECIDE(AMPLIFY, XDP_DROP);
		}
	return DECIDE(DEFAULT, XDP_PASS);
}

FILTER(DEFAULT, WANT_UDP);
