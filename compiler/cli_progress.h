/*
 * A bar for who waits, on a terminal only.
 */
#ifndef XDPF_CLI_PROGRESS_H
#define XDPF_CLI_PROGRESS_H

#include <stdio.h>

struct cli;

/* @what is static. What was begun before is ended. */
void cli_progress_begin(const struct cli *cli, const char *what);
/* So far @f is read, where it is a file whose end is known. */
void cli_progress_file(FILE *f);
/* Before anything else is said. */
void cli_progress_end(void);

#endif
