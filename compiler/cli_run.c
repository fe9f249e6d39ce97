/*
 * xdpfc --run CAPTURE: a verdict per packet, by the reference evaluator. In: a checked program and a capture. Out: one line per packet
 * (its number, the verdict, who decided), and a summary. A packet is its captured bytes; below 14 of them it is skipped, as the kernel
 * takes none. A capture that breaks off is told of, behind what could be read of it.
 */
#include <errno.h>
#include <jansson.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "eval.h"
#include "utf8.h"

enum { FRAME_MIN = 14 };	/* an Ethernet header */

struct run {
	const struct cli *cli;
	const struct ast_program *p;
	struct eval *e;
	const char **file;		/* the files' names, as the object's metadata say them */
	uint8_t *buf;			/* `tx swap` writes, and a capture's bytes are not ours to write to */
	size_t cap;
};

static const char *file_of(const struct run *run, const struct ast_unit *unit)
{
	for (size_t i = 0; i < run->p->units.n; i++)
		if (run->p->units.v[i] == unit)
			return run->file[i];
	return NULL;
}

/* @unit: the file whose rule or default decided; NULL: nobody did. */
static void print_packet(const struct run *run, unsigned long long n, const char *verdict, const char *by, const struct ast_unit *unit)
{
	const char *file;
	json_t *o;

	if (!run->cli->json) {
		printf("%llu\t%s\t%s\n", n, verdict, by);
		return;
	}
	o = json_object();
	json_object_set_new(o, "packet", json_integer((json_int_t)n));
	json_object_set_new(o, "verdict", json_string(verdict));
	json_object_set_new(o, "rule", cli_json_string(by));
	file = file_of(run, unit);
	json_object_set_new(o, "file", file ? cli_json_string(file) : json_null());
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(o);
}

static const char *shown(const char *path)
{
	return strcmp(path, "-") == 0 ? "<stdin>" : path;
}

static pcap_t *open_capture(const char *path)
{
	char err[PCAP_ERRBUF_SIZE] = "";
	pcap_t *p = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, err);
	const char *name;

	if (!p) {
		/* Some of libpcap's messages begin with the path. */
		if (strcmp(path, "-") != 0 && strncmp(err, path, strlen(path)) == 0)
			cli_error("%s", err);
		else
			cli_error("%s: %s", shown(path), err);
		return NULL;
	}
	if (pcap_datalink(p) == DLT_EN10MB)
		return p;
	name = pcap_datalink_val_to_name(pcap_datalink(p));
	if (name)
		cli_error("%s holds frames of type %s; XDP sees Ethernet frames (EN10MB)", shown(path), name);
	else
		cli_error("%s holds frames of type %d; XDP sees Ethernet frames (EN10MB)", shown(path), pcap_datalink(p));
	pcap_close(p);
	return NULL;
}

/* One packet; false: out of memory. */
static bool run_packet(struct run *run, unsigned long long n, const struct pcap_pkthdr *h, const u_char *data)
{
	size_t len = h->caplen;
	struct eval_packet pkt = {
		.len = len, .iface = run->cli->iface, .has_rxqueue = run->cli->rxqueue != NULL, .rxqueue = run->cli->queue,
		/* nanoseconds: it was opened so */
		.now = (uint64_t)h->ts.tv_sec * 1000000000u + (uint64_t)h->ts.tv_usec,
		.random = eval_packet_random(run->cli->random, n), .seed = run->cli->random, .no_way = run->cli->no_way,
		.has_socket = run->cli->socket, .socket = run->cli->socket && strcmp(run->cli->socket, "yes") == 0,
		.flow_state = (unsigned)run->cli->flow, .rx = run->cli->rx, .first = run->cli->first,
	};
	struct eval_result r;

	if (len < FRAME_MIN) {
		print_packet(run, n, "skipped", "-", NULL);
		return true;
	}
	if (len > run->cap) {
		uint8_t *bigger = realloc(run->buf, len);

		if (!bigger)
			return false;
		run->buf = bigger;
		run->cap = len;
	}
	memcpy(run->buf, data, len);
	pkt.data = run->buf;
	r = eval_run(run->e, &pkt);
	print_packet(run, n, lang_verdicts[r.verdict].name, r.rule ? r.rule->shown : "default", r.unit);
	return true;
}

static int run_capture(struct run *run, pcap_t *p)
{
	unsigned long long n = 0;
	struct pcap_pkthdr *h;
	const u_char *data;
	int got;

	while ((got = pcap_next_ex(p, &h, &data)) == 1) {
		if (!run_packet(run, ++n, h, data)) {
			cli_error("out of memory at packet %llu", n);
			return EXIT_SYSTEM;
		}
		/* Its reason is gone later. */
		if (ferror(stdout))
			return cli_unwritten(errno);
	}
	if (fflush(stdout) != 0)
		return cli_unwritten(errno);
	if (got != PCAP_ERROR)
		return EXIT_DONE;
	cli_error("%s is broken behind packet %llu: %s", shown(run->cli->run), n, pcap_geterr(p));
	return EXIT_INPUT;
}

int cli_run(struct cli *cli)
{
	struct run run = { .cli = cli, .p = cli_front(cli) };
	pcap_t *capture;
	int status;

	if (!run.p)
		return EXIT_INPUT;
	capture = open_capture(cli->run);
	if (!capture)
		return EXIT_INPUT;
	run.e = eval_new(run.p);
	if (!run.e) {
		cli_error("out of memory");
		pcap_close(capture);
		return EXIT_SYSTEM;
	}
	run.file = arena_array(cli->arena, run.p->units.n, sizeof(*run.file));
	for (size_t i = 0; i < run.p->units.n; i++)
		run.file[i] = utf8_line(cli->arena, run.p->units.v[i]->name, strlen(run.p->units.v[i]->name), 255, false);
	status = run_capture(&run, capture);
	pcap_close(capture);
	free(run.buf);
	if (status != EXIT_SYSTEM && !cli->quiet) {
		cli_summary(cli, run.p, run.e, cli->json ? stdout : stderr);
		if (ferror(stdout))
			status = cli_unwritten(errno);
	}
	eval_free(run.e);
	return status;
}
