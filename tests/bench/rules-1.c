/*
 * rules-1.xdpf, written by hand.
 */
#include "parse.h"

enum { AMPLIFY, DEFAULT };

inline_always __u32 rules(const struct packet *p)
{
	if (udp(p) && p->len > 512)
		switch (p->sport) {
		case bpf_htons(19):
		case bpf_htons(53):
		case bpf_htons(123):
		case bpf_htons(1900):
		case bpf_htons(11211):
			return DECIDE(AMPLIFY, XDP_DROP);
		}
	return DECIDE(DEFAULT, XDP_PASS);
}

FILTER(DEFAULT, WANT_UDP);
