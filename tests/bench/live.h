/*
 * What live-send.c and live_bench.c agree on.
 */
#ifndef BENCH_LIVE_H
#define BENCH_LIVE_H

enum { LIVE_HEAD = 124 };

struct live_frame {
	unsigned len;			/* bytes of the frame; those behind .data are of the frame before it, and matter to no rule */
	unsigned char data[LIVE_HEAD];
};

struct live_state {
	unsigned ifindex;		/* where frames leave */
	unsigned at, n;			/* the next one, and how many there are */
};

#endif
