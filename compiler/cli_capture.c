/*
 * Captures whose packets the evaluator runs. In: a path, and options that say what is not in a frame. Out: an open capture, or a message; a packet as
 * the evaluator takes it.
 */
#include "cli_capture.h"

#include <string.h>

const char *cli_path_shown(const char *path)
{
	return strcmp(path, "-") == 0 ? "<stdin>" : path;
}

pcap_t *cli_capture_open(const char *path, FILE *f)
{
	char err[PCAP_ERRBUF_SIZE] = "";
	pcap_t *p = f ? pcap_fopen_offline_with_tstamp_precision(f, PCAP_TSTAMP_PRECISION_NANO, err) :
			pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, err);
	const char *name;

	if (!p) {
		/* Some of libpcap's messages begin with the path. */
		if (strcmp(path, "-") != 0 && strncmp(err, path, strlen(path)) == 0)
			cli_error("%s", err);
		else
			cli_error("%s: %s", cli_path_shown(path), err);
		if (f)
			fclose(f);
		return NULL;
	}
	if (pcap_datalink(p) == DLT_EN10MB)
		return p;
	name = pcap_datalink_val_to_name(pcap_datalink(p));
	if (name)
		cli_error("%s holds frames of type %s; XDP sees Ethernet frames (EN10MB)", cli_path_shown(path), name);
	else
		cli_error("%s holds frames of type %d; XDP sees Ethernet frames (EN10MB)", cli_path_shown(path), pcap_datalink(p));
	pcap_close(p);
	return NULL;
}

struct eval_packet cli_packet(const struct cli *cli, unsigned long long n, const struct pcap_pkthdr *h)
{
	return (struct eval_packet){
		.len = h->caplen, .iface = cli->iface, .has_rxqueue = cli->rxqueue != NULL, .rxqueue = cli->queue,
		/* nanoseconds: it was opened so */
		.now = (uint64_t)h->ts.tv_sec * 1000000000u + (uint64_t)h->ts.tv_usec,
		.random = eval_packet_random(cli->random, n), .seed = cli->random, .no_way = cli->no_way,
		.has_socket = cli->socket, .socket = cli->socket && strcmp(cli->socket, "yes") == 0,
		.flow_state = (unsigned)cli->flow, .rx = cli->rx, .first = cli->first,
	};
}
