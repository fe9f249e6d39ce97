/*
 * The buckets of rate limits in the evaluator.
 */
#ifndef XDPF_EVAL_LIMIT_H
#define XDPF_EVAL_LIMIT_H

#include "eval_cond.h"

struct eval_limits;

/* For all limits of @p, which outlives them. */
struct eval_limits *eval_limits_new(const struct ast_program *p);
void eval_limits_free(struct eval_limits *l);
struct eval_limit_count eval_limits_count(const struct eval_limits *l, unsigned index);
/* See eval_limit_each(). */
void eval_limits_each(const struct eval_limits *l, const struct ast_limit *ast, uint64_t now, eval_bucket_fn fn, void *arg);
/* A bucket, as it is after it was asked. */
struct eval_limit_state {
	/* a field of its key is absent; the packet is more than the burst; there is no room for its key */
	enum { LIMIT_NO_KEY, LIMIT_LARGE, LIMIT_FULL, LIMIT_KNOWN } what;
	uint64_t left, burst;		/* KNOWN: tokens in it, and in a full one */
	uint64_t wait;			/* KNOWN: ns until there are enough for such a packet; 0: now */
};

struct eval_limit_state eval_limit_look(const struct eval_view *w, const struct ast_limit *ast);
/* Is `over LIMIT` or `within LIMIT` true of the frame? */
bool eval_limit(const struct eval_view *w, const struct ast_expr *e);

#endif
