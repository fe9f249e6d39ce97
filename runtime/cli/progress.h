/*
 * A bar for who waits, on a terminal only.
 */
#ifndef XDPF_CLI_PROGRESS_H
#define XDPF_CLI_PROGRESS_H

#include "cli.h"

struct progress {
	const char *what;
	uint64_t began, next;		/* ms: when, and when it is drawn next */
	bool on, drawn;
};

/* @what is static. */
void progress_begin(struct progress *p, const struct cli *cli, const char *what);
/* @done of @total; 0: nobody knows of how much. */
void progress_step(struct progress *p, uint64_t done, uint64_t total);
/* So far @f is read; a pipe's end is not known. */
void progress_file(struct progress *p, FILE *f);
/* Before anything else is said, and at the end. */
void progress_wipe(struct progress *p);

#endif
