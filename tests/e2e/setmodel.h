/*
 * What a live set is by the model: elements, each with two times, that in the set's tables and that beside them. The later one counts.
 */
#ifndef XDPF_E2E_SETMODEL_H
#define XDPF_E2E_SETMODEL_H

#include "private.h"

enum { UNIVERSE = 1200, LEN = 62, MANY = 256 };

/* Until when: a time and the command that gave it, for two that give the same do so at different moments. */
struct until {
	uint64_t ns, by;		/* .ns 0: it is not there; UINT64_MAX: it stays */
};

struct element {
	unsigned char key[XDPF_SET_KEY];
	unsigned char address[16];	/* the first one in it */
	unsigned bytes, bits;		/* of that: 4 or 16; which count */
	struct until list, beside;
};

struct model {
	const char *name;
	struct xdpf_program *p;
	const struct xdpf_set *set;
	bool net, taken, adds;		/* its elements are prefixes; rules take some out, add some */
	uint64_t begin, step;		/* a moment before all; commands until now */
	struct element e[UNIVERSE];
	size_t sorted[UNIVERSE];	/* by keys */
	size_t fallbacks;
};

#endif
