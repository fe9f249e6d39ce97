/*
 * The buckets of rate limits in the evaluator.
 */
#ifndef XDPF_EVAL_LIMIT_H
#define XDPF_EVAL_LIMIT_H

#include "eval_cond.h"

struct eval_limits;

/* For all limits of @p, which outlives them. NULL: out of memory. */
struct eval_limits *eval_limits_new(const struct ast_program *p);
void eval_limits_free(struct eval_limits *l);
struct eval_limit_count eval_limits_count(const struct eval_limits *l, unsigned index);
/* Is `over LIMIT` or `within LIMIT` true of the frame? */
bool eval_limit(const struct eval_view *w, const struct ast_expr *e);

#endif
