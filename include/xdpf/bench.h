/*
 * libxdpf: what a filter costs a packet on this machine. What runtime.h says of errors, ownership and versions holds here.
 */
#ifndef XDPF_BENCH_H
#define XDPF_BENCH_H

#include "xdpf/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

struct xdpf_bench;

/* A bench without frames for a program that was loaded, not for tests. Not for programs that are bound to a device. @p must
 * outlive it. */
XDPF_API int xdpf_bench_new(struct xdpf_bench **out, const struct xdpf_program *p, const struct xdpf_log *log);
XDPF_API void xdpf_bench_free(struct xdpf_bench *b);

/* Adds a frame, which is copied. -EMSGSIZE: it has less than XDPF_MIN_FRAME bytes or more than XDPF_MAX_LINEAR; -ENOSPC: there is room for no
 * more than XDPF_BENCH_FRAMES. Neither is logged. */
#define XDPF_BENCH_FRAMES 131072
XDPF_API int xdpf_bench_add(struct xdpf_bench *b, const void *frame, size_t len);

#define XDPF_BENCH_ROUNDS 1001

struct xdpf_bench_opts {
	size_t sz;
	bool hot;			/* one frame alone, over and over: with all that it touches in the caches */
	size_t frame;			/* that one, or the first: from 0 on */
	unsigned rounds;		/* filter and floor by turns so often, at most XDPF_BENCH_ROUNDS; 0: 9 */
	unsigned packets;		/* in each turn at least; 0: 100000 */
	/* NULL: nobody wants to know; else called in front of each round, with how many are done. */
	void (*progress)(void *arg, unsigned done, unsigned rounds);
	void *arg;
};

/* Nanoseconds of CPU time per packet, medians of the rounds. The floor is a program that drops everything; both get their frames in the same way,
 * copied by a program before them, and that is in both numbers. */
struct xdpf_bench_result {
	double filter, floor;
	double cost;			/* the filter's above the floor's of the same round */
	double least, most;		/* .cost of all rounds */
	size_t frames;			/* different ones */
	uint64_t packets;		/* that the filter was run over */
};

/* The filter's counters, limits and sets go on from one call to the next. */
XDPF_API int xdpf_bench_run(struct xdpf_bench *b, const struct xdpf_bench_opts *opts, struct xdpf_bench_result *result, const struct xdpf_log *log);

#ifdef __cplusplus
}
#endif

#endif
