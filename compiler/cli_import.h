/*
 * xdpfc --import: what its files share.
 */
#ifndef XDPF_CLI_IMPORT_H
#define XDPF_CLI_IMPORT_H

#include "cli.h"
#include "import.h"

enum { PROVE_MOST = 1000000 };

/* cli_prove.c: replays packets through the original and through its translation @p; returns the exit status. */
int cli_prove(struct cli *cli, const struct import *im, const struct ast_program *p);

#endif
