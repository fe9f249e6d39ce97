/*
 * A tree said again by the builder.
 */
#ifndef XDPF_TEST_SAY_H
#define XDPF_TEST_SAY_H

#include <xdpfc/builder.h>

#include "ast.h"

/* What has been met on the way, so that a test may ask whether that was all. */
struct seen {
	bool value[AST_UNION + 1], expr[EXPR_RANDOM + 1], cmp[CMP_NOT_IN + 1], action[ACTION_MARK + 1], step[STEP_REMOVE + 1];
	bool slice, prefix, prefix_twice, mask, tuple, limit_named, limit_inline, limit_burst, limit_key, limit_size, limit_closed, limit_open;
	bool let, set_init, set_from, set_live, set_size, set_timeout, set_tuple, option, fallback;
	bool otherwise, swap, reply, forward, cpu, socket, syncookie, log_rate, sample, decrement, push, pop;
	bool label, block, else_if, else_block, repeat, capture, by_label, by_default, by_place, duration;
};

/* Everything in @u, in its order. 0 or the builder's error. */
int say_unit(struct xdpfc_builder *b, const struct ast_unit *u, struct seen *seen);

#endif
