/*
 * Where something stands, as the analyses say it.
 */
#ifndef XDPF_CLI_PLACE_H
#define XDPF_CLI_PLACE_H

#include "cli.h"

/* "edge.xdpf:12"; of what was made from something else "rules.json#/statements/3", and who wrote that, where it is known. */
const char *cli_place(struct cli *cli, struct span sp);
/* The same without the file: "line 12", "/statements/3". */
const char *cli_place_within(struct cli *cli, struct span sp);
/* Adds file and line to @o; of what was made from something else file, pointer and written_by. */
void cli_json_place(struct cli *cli, struct json_t *o, struct span sp);

#endif
