/*
 * Captures for the subcommands that run a filter over one.
 */
#include "capture.h"

#include <string.h>

int cli_open_capture(const struct cli *cli, pcap_t **out, const char *path)
{
	char err[PCAP_ERRBUF_SIZE] = "";
	pcap_t *p = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, err);

	if (!p) {
		/* Some of libpcap's messages begin with the path. */
		if (!strncmp(err, path, strlen(path)))
			cli_error(cli, "%s", err);
		else
			cli_error(cli, "%s: %s", path, err);
		return EXIT_INPUT;
	}
	if (pcap_datalink(p) != DLT_EN10MB) {
		const char *name = pcap_datalink_val_to_name(pcap_datalink(p));

		cli_error(cli, "%s: a capture of %s frames; XDP sees Ethernet frames", path, name ? name : "unknown");
		pcap_close(p);
		return EXIT_INPUT;
	}
	*out = p;
	return 0;
}

int cli_broken_capture(const struct cli *cli, const char *path, pcap_t *p, unsigned long long n)
{
	cli_error(cli, "%s: broken behind packet %llu: %s", path, n, pcap_geterr(p));
	return EXIT_INPUT;
}
