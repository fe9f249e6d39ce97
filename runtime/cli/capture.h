/*
 * Captures for the subcommands that run a filter over one.
 */
#ifndef XDPF_CLI_CAPTURE_H
#define XDPF_CLI_CAPTURE_H

#include <pcap/pcap.h>

#include "cli.h"

/* Opens a capture of Ethernet frames, with times in nanoseconds; "-" is standard input. The exit status; what is wrong was said. */
int cli_open_capture(const struct cli *cli, pcap_t **out, const char *path);
/* Says that nothing can be read behind packet @n. EXIT_INPUT. */
int cli_broken_capture(const struct cli *cli, const char *path, pcap_t *p, unsigned long long n);

static inline void pcap_freep(pcap_t **p)
{
	if (*p)
		pcap_close(*p);
}

#endif
