/*
 * libxdpf: samples of the packets that a filter decides about, as it runs, whatever its rules are. The rules of runtime.h hold here, too.
 */
#ifndef XDPF_SAMPLES_H
#define XDPF_SAMPLES_H

#include "xdpf/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A packet, as it came in, and what became of it. */
struct xdpf_sample {
	uint64_t time;			/* ns since the epoch, UTC */
	enum xdpf_verdict verdict;
	const struct xdpf_rule *rule;	/* which decided; NULL: the default of meta.files[.file] did */
	unsigned file;
	uint32_t ifindex, rxqueue;	/* where it was received */
	uint32_t len;			/* bytes on the wire */
	uint32_t caplen;		/* of them at .data, from the Ethernet header on; XDPF_SAMPLE_BYTES at most */
	const void *data;
};

#define XDPF_SAMPLE_BYTES 16384

struct xdpf_sampler;

struct xdpf_sampler_opts {
	size_t sz;
	unsigned verdicts;		/* bit N: packets of verdict N (enum xdpf_verdict) are wanted; 0: all are */
};

/* Asks a program that xdpf_program_find() found for samples; the program does as it did. Nothing of it outlives the sampler, or its process. One
 * asks at a time. -EBUSY: there is another, which the log names; -EOPNOTSUPP: the program was made by an xdpfc that knew no samples. @p must outlive
 * it. */
XDPF_API int xdpf_sampler_open(struct xdpf_sampler **out, const struct xdpf_program *p, const struct xdpf_sampler_opts *opts,
			       const struct xdpf_log *log);
XDPF_API void xdpf_sampler_free(struct xdpf_sampler *s);
/* From now on so many more packets are looked at, the next ones that come; what was given before and not used is gone. Where the rules change
 * frames, that counts packets of all verdicts; else those that are wanted. To be called once a second or more often, with 0 where none is wanted. */
XDPF_API void xdpf_sampler_want(struct xdpf_sampler *s, unsigned n);
/* Waits at most @ms milliseconds for samples and gives each to @fn, until it returns false. How many, or -errno: -EINTR, a signal; -ESTALE, the
 * program has other rules now: find it anew; -ENOLINK, it does not send any more, since it was asked for nothing for a long time. The sample is @fn's
 * only while it runs. */
typedef bool (*xdpf_sample_fn)(void *arg, const struct xdpf_sample *s);
XDPF_API int xdpf_sampler_poll(struct xdpf_sampler *s, int ms, xdpf_sample_fn fn, void *arg);
/* Packets that were sent and lost, since nobody read them in time. */
XDPF_API uint64_t xdpf_sampler_lost(const struct xdpf_sampler *s);

#ifdef __cplusplus
}
#endif

#endif
