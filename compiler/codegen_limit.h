/*
 * What the parts of a rate limit's function share.
 */
#ifndef XDPF_CODEGEN_LIMIT_H
#define XDPF_CODEGEN_LIMIT_H

#include "codegen_priv.h"
#include "limit.h"

struct limit {
	const struct ast_limit *ast;
	unsigned words;			/* of the key */
	struct xdpf_limit_layout layout;
	uint64_t sets;			/* 0: one bucket */
	V key, hash, count, now, cost;	/* .hash: or 0; .count: struct xdpf_limit_count of this CPU */
	V word[CG_MAX_KEY / 8];	/* of the key */
	BB admitted, denied, full;	/* the set is not locked there */
};

/* The code that has the key's set come, if it may be far, and returns the key's hash. */
void cg_limit_fetch(struct cg *g, struct limit *l);
/* The code that finds the key's bucket, or makes it, and takes from it. */
void cg_limit_table(struct cg *g, struct limit *l);
void cg_limit_bucket(struct cg *g, struct limit *l);

#endif
