/*
 * The evaluator's inner interface: verdicts that may turn out to be impossible.
 */
#ifndef XDPF_EVAL_WAY_H
#define XDPF_EVAL_WAY_H

#include "eval.h"

enum { EVAL_REPLY_MAX = 22 + 40 + 8 + 512 };

/* Is @pkt on its way? Then pkt->data is rewritten, or pkt->data and .left are an answer in @out. */
bool eval_way(struct eval_packet *pkt, const struct ast_way *way, uint8_t out[EVAL_REPLY_MAX]);

#endif
