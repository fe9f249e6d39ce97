/*
 * How much rules take now: two readings beside each other.
 */
#ifndef XDPF_CLI_WATCH_H
#define XDPF_CLI_WATCH_H

#include "cli.h"

struct watch {
	struct reading_of then;
	double seconds;			/* between it and now */
};

/* To standard output. Returns the exit status. */
int watch_show(struct cli *cli, const struct watch *w, const struct counters_of *now, bool json);

#endif
