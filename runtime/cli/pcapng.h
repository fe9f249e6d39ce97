/*
 * Captures as pcapng, which Wireshark's tools read. Errors are errno, positive.
 */
#ifndef XDPF_CLI_PCAPNG_H
#define XDPF_CLI_PCAPNG_H

#include "xdpf/runtime.h"

#include <stdio.h>

struct pcapng;

/* "-": standard output. @program: who writes it. NULL, and errno. */
struct pcapng *pcapng_new(const char *path, const char *program);
void pcapng_free(struct pcapng *d);
/* @name: of the interface, should it be its first packet. */
int pcapng_write(struct pcapng *d, const struct xdpf_record *r, const char *name, const char *comment);
int pcapng_flush(struct pcapng *d);

#endif
