/*
 * What a limit says as numbers: for code that has them in it, and for the image.
 */
#ifndef XDPF_IR_LIMIT_H
#define XDPF_IR_LIMIT_H

#include "ast.h"
#include "table/limits.h"

static inline struct limit_row limit_row_of(const struct ast_limit *l)
{
	return (struct limit_row){
		.window = l->fixed.window, .reach = l->fixed.window + ((uint64_t)1 << XDPF_LIMIT_SKEW_BITS << l->fixed.shift),
		.packet = l->bytes ? 0 : l->fixed.token, .byte = l->bytes ? l->fixed.token : 0,
		.most = l->bytes ? l->burst_tokens : UINT64_MAX,
		.base = (uint32_t)l->base, .sets = (uint32_t)l->sets, .index = l->index,
		.shift = (uint8_t)l->fixed.shift, .closed = l->closed, .counts = !l->unit_in->counters_off,
	};
}

#endif
