/*
 * What feed.c and bench.c agree on.
 */
#ifndef BENCH_FEED_H
#define BENCH_FEED_H

enum { FEED_FRAMES = 4096, FEED_HEAD = 248 };

struct feed_frame {
	unsigned len, head;		/* bytes of the frame, and how many of them are in data; the others do not matter to the rules */
	unsigned char data[FEED_HEAD];
};

#endif
