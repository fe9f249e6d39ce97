/*
 * The evaluator's inner interface: what actions do to the packet.
 */
#ifndef XDPF_EVAL_REWRITE_H
#define XDPF_EVAL_REWRITE_H

#include "dissect.h"
#include "eval.h"

enum { EVAL_FRONT = 64 };	/* bytes in front of a frame that is rewritten: for two tags, and more */

/*
 * Each returns false where the action finds nothing to do. @pkt is a copy of the frame with EVAL_FRONT bytes in front of it, @d or @outer what it was
 * taken for when it came, @inner what its tunnel was; pushing and popping a tag moves the one and changes the other. @before: room for as many
 * bytes as the frame has.
 */
bool eval_write(struct eval_packet *pkt, const struct dissect *outer, const struct dissect *inner, const struct ast_action *a, uint8_t *before);
bool eval_vlan(struct eval_packet *pkt, struct dissect *d, const struct ast_action *a);

#endif
