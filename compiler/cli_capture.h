/*
 * Captures whose packets the evaluator runs.
 */
#ifndef XDPF_CLI_CAPTURE_H
#define XDPF_CLI_CAPTURE_H

#include <pcap/pcap.h>

#include "cli.h"
#include "eval.h"

enum { CAPTURE_LEAST = 14 };	/* an Ethernet header: the kernel takes nothing shorter */

/* The path, or "<stdin>". */
const char *cli_path_shown(const char *path);
/* Opens a capture of Ethernet frames, with nanoseconds; @f, where it is given, is what the path says, opened, and closed with the capture, or here.
 * NULL: it is none, which was told. */
pcap_t *cli_capture_open(const char *path, FILE *f);
/* The @n-th packet of a capture, with whatever the options say of it; its bytes, .data, are still to be given. */
struct eval_packet cli_packet(const struct cli *cli, unsigned long long n, const struct pcap_pkthdr *h);

#endif
