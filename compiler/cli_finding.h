/*
 * What the analyses found, in words.
 */
#ifndef XDPF_CLI_FINDING_H
#define XDPF_CLI_FINDING_H

#include "analyse.h"
#include "cli.h"

/* "shadowed", as --json has it. */
const char *cli_finding_kind(const struct finding *f);
/* One line. */
const char *cli_finding_says(struct cli *cli, const struct finding *f);
/* What it is about. */
struct span cli_finding_at(const struct finding *f);

#endif
