/*
 * What the parts of the dissector share: a walk along a frame, and the layers that tunnels lead into.
 */
#ifndef XDPF_DISSECT_PRIV_H
#define XDPF_DISSECT_PRIV_H

#include "dissect.h"

/* One frame on its way through the layers. */
struct walk {
	struct dissect *d;
	const uint8_t *data;
	size_t len;		/* the frame's end, or the tunnel's */
	bool inner;
};

static inline uint64_t be(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

static inline bool fits(size_t off, size_t n, size_t end)
{
	return off <= end && n <= end - off;
}

static inline void malformed(const struct walk *w)
{
	w->d->malformed = true;
}

void dissect_ethernet(const struct walk *w, size_t off);
void dissect_ip4(const struct walk *w, size_t off);
void dissect_ip6(const struct walk *w, size_t off);
/* The parts that stand at a fixed place behind a guard. A header that is present has the guard's bytes. */
void dissect_parts(const struct walk *w);

#endif
