/*
 * xdpfc --run CAPTURE: a verdict per packet, by the reference evaluator. In: a checked program and a capture. Out: one line per packet
 * (its number, the verdict, who decided), and a summary. A packet is its captured bytes; below 14 of them it is skipped, as the kernel
 * takes none. A capture that breaks off is told of, behind what could be read of it.
 */
#include <jansson.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "eval.h"

enum { FRAME_MIN = 14 };	/* an Ethernet header */

static void print_packet(const struct cli *cli, unsigned long long n, const char *verdict, const char *by)
{
	json_t *o;

	if (!cli->json) {
		printf("%llu\t%s\t%s\n", n, verdict, by);
		return;
	}
	o = json_object();
	json_object_set_new(o, "packet", json_integer((json_int_t)n));
	json_object_set_new(o, "verdict", json_string(verdict));
	json_object_set_new(o, "rule", cli_json_string(by));
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(o);
}

static pcap_t *open_capture(const char *path)
{
	char err[PCAP_ERRBUF_SIZE] = "";
	pcap_t *p = pcap_open_offline(path, err);
	const char *name;

	if (!p) {
		/* Some of libpcap's messages begin with the path. */
		if (strncmp(err, path, strlen(path)) == 0)
			cli_error("%s", err);
		else
			cli_error("%s: %s", path, err);
		return NULL;
	}
	if (pcap_datalink(p) == DLT_EN10MB)
		return p;
	name = pcap_datalink_val_to_name(pcap_datalink(p));
	if (name)
		cli_error("%s holds frames of type %s; XDP sees Ethernet frames (EN10MB)", path, name);
	else
		cli_error("%s holds frames of type %d; XDP sees Ethernet frames (EN10MB)", path, pcap_datalink(p));
	pcap_close(p);
	return NULL;
}

/* One packet; false: out of memory. @buf grows as needed: `tx swap` writes, and a capture's bytes are not ours to write to. */
static bool run_packet(const struct cli *cli, struct eval *e, unsigned long long n, const u_char *data, size_t len, uint8_t **buf, size_t *cap)
{
	struct eval_packet pkt = { .len = len, .iface = cli->iface, .has_rxqueue = cli->rxqueue != NULL, .rxqueue = cli->queue };
	struct eval_result r;

	if (len < FRAME_MIN) {
		print_packet(cli, n, "skipped", "-");
		return true;
	}
	if (len > *cap) {
		uint8_t *bigger = realloc(*buf, len);

		if (!bigger)
			return false;
		*buf = bigger;
		*cap = len;
	}
	memcpy(*buf, data, len);
	pkt.data = *buf;
	r = eval_run(e, &pkt);
	print_packet(cli, n, lang_verdicts[r.verdict].name, r.rule ? r.rule->shown : "default");
	return true;
}

static int run_capture(const struct cli *cli, struct eval *e, pcap_t *p)
{
	unsigned long long n = 0;
	struct pcap_pkthdr *h;
	const u_char *data;
	uint8_t *buf = NULL;
	size_t cap = 0;
	int got, status = EXIT_DONE;

	while ((got = pcap_next_ex(p, &h, &data)) == 1) {
		if (!run_packet(cli, e, ++n, data, h->caplen, &buf, &cap)) {
			cli_error("out of memory at packet %llu", n);
			status = EXIT_SYSTEM;
			break;
		}
		/* Nobody reads on: cli_finish() says so. */
		if (ferror(stdout))
			break;
	}
	free(buf);
	if (got == PCAP_ERROR) {
		cli_error("%s is broken behind packet %llu: %s", cli->run, n, pcap_geterr(p));
		status = EXIT_INPUT;
	}
	return status;
}

int cli_run(struct cli *cli)
{
	const struct ast_program *p = cli_front(cli);
	struct eval *e;
	pcap_t *capture;
	int status;

	if (!p)
		return EXIT_INPUT;
	capture = open_capture(cli->run);
	if (!capture)
		return EXIT_INPUT;
	e = eval_new(p);
	if (!e) {
		cli_error("out of memory");
		pcap_close(capture);
		return EXIT_SYSTEM;
	}
	status = run_capture(cli, e, capture);
	pcap_close(capture);
	if (cli->json) {
		cli_summary(cli, p, e, stdout);
	} else if (!cli->quiet) {
		fflush(stdout);
		cli_summary(cli, p, e, stderr);
	}
	eval_free(e);
	return status;
}
