/*
 * Limits in a proof: prove_limit.c.
 */
#ifndef XDPF_PROVE_LIMIT_H
#define XDPF_PROVE_LIMIT_H

#include "prove.h"

struct eval;
struct eval_packet;

/* What came of a limit's series. */
struct prove_timed {
	const struct ast_limit *limit;
	const char *why;		/* it was not compared; NULL: it was */
	size_t packets, otherwise, unseen;
	bool slow, paused;
	bool counted;			/* only how many got through is compared: */
	size_t original, translation, may_differ;
};

/* What the translation does with a packet, if limits say what they will: .translation, .either, .limit. */
void prove_ways(struct prove *pr, struct eval *e, struct eval_packet *pkt, struct prove_packet *p);
/* Makes .timed of the packets that both have judged. */
void prove_series(struct prove *pr);
/* Of the limit in this place, when the original has judged. False: out of memory. */
bool prove_judge_series(struct prove *pr, size_t series, struct prove_timed *out);
/* Why a limit is not compared at all; why tokens that came back are not. NULL: they are. */
const char *prove_unproved(const struct prove *pr, const struct ast_limit *l);
const char *prove_untimed(const struct ast_limit *l);

#endif
