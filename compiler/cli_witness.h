/*
 * Packets that show something, as they are printed.
 */
#ifndef XDPF_CLI_WITNESS_H
#define XDPF_CLI_WITNESS_H

#include "analyse.h"
#include "cli.h"

/* As a test's packet: packet { ip4.src = 192.0.2.1, tcp.dport = 23 } */
void cli_put_witness(struct cli *cli, FILE *out, const struct witness *w);
/* What else must be so, a line each. */
void cli_put_where(FILE *out, const struct witness *w);
/* The same, its bytes, and what else must be so. */
struct json_t *cli_json_witness(struct cli *cli, const struct witness *w);
/* One component of a set's element: 192.0.2.0/24, 80, 1-1000. */
void cli_put_range(FILE *out, enum type_id type, const struct range *r);

#endif
