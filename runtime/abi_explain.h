/*
 * What the compiler's objects and the runtime agree on about samples of packets, beside abi.h.
 */
#ifndef XDPF_ABI_EXPLAIN_H
#define XDPF_ABI_EXPLAIN_H

#include <stdint.h>

#define XDPF_SECTION_EXPLAIN	".data.explain"
#define XDPF_VAR_EXPLAIN	"xdpf_explain"	/* struct xdpf_explain */
#define XDPF_MAP_SAMPLES	"xdpf_samples"
#define XDPF_FN_SAMPLE		"xdpf_sample"	/* a function of the program, see struct xdpf_explain */

#define XDPF_CACHE_LINE		64
#define XDPF_EXPLAIN_CPUS	128		/* further ones share; a power of two */
#define XDPF_EXPLAIN_IDLE	(1 << 24)	/* packets on a CPU, at the most, for which nobody came with tickets */
#define XDPF_SAMPLE_MOST	16384		/* bytes of a frame */
#define XDPF_SAMPLED_COMING	UINT64_MAX	/* .what of a frame that comes in */

/* What a CPU does for who asks. */
struct xdpf_explain_cpu {
	uint32_t session;			/* of the packet that it has sent, and has not decided about; 0: it has not */
	uint32_t cpu;				/* which it is, for several share this */
	uint32_t number, zero;			/* of the packet */
	uint64_t idle;				/* packets since who asks set this to 0 */
	uint64_t rest[5];
};

/*
 * Somebody asks for samples while .session is not 0. He opens an event for each CPU in xdpf_samples, gives .tickets, each for one packet, and takes
 * .session away in the end; the program does where there is no event (its reader is gone), and after XDPF_EXPLAIN_IDLE packets on one CPU, if nobody
 * sets .idle to 0 meanwhile.
 */
struct xdpf_explain {
	uint32_t session;
	uint32_t verdicts;			/* if .late: bit N, that packets of verdict N are wanted */
	uint64_t tickets;
	uint32_t late;				/* packets are sent when they are decided about; 0: as they come in, then a record without bytes */
	uint32_t changes;			/* the program's own word: it changes frames */
	uint8_t rest[XDPF_CACHE_LINE - 24];
	struct xdpf_explain_cpu cpu[XDPF_EXPLAIN_CPUS];
};

/* A record, host byte order; the frame's bytes stand behind it. */
struct xdpf_sampled {
	uint64_t time;				/* ns since the epoch, UTC */
	uint64_t what;				/* XDPF_SAMPLED_COMING, or enum xdp_action << 32 | the index of the rule or default that decided */
	uint32_t session, number;		/* both records of a packet have the same, on one CPU */
	uint32_t ifindex, rxqueue;		/* where the frame was received */
	uint32_t len;				/* of the frame, now */
	uint32_t cpu;
};

#endif
