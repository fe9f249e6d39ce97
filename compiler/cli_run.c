/*
 * xdpfc --run CAPTURE: a verdict per packet, by the reference evaluator. In: a checked program and a capture. Out: one line per packet
 * (its number, the verdict, who decided), and a summary. A packet is its captured bytes; below 14 of them it is skipped, as the kernel
 * takes none. A capture that breaks off is told of, behind what could be read of it.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "cli_capture.h"
#include "cli_progress.h"
#include "eval.h"
#include "utf8.h"

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

/* One packet; false: out of memory. */
static bool run_packet(struct run *run, unsigned long long n, const struct pcap_pkthdr *h, const u_char *data)
{
	size_t len = h->caplen;
	struct eval_packet pkt = cli_packet(run->cli, n, h);
	struct eval_result r;

	if (len < CAPTURE_LEAST) {
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

enum { PACKETS_AT_ONCE = 256 };

static int run_capture(struct run *run, pcap_t *p)
{
	unsigned long long n = 0;
	struct pcap_pkthdr *h;
	const u_char *data;
	int got;

	/* where lines are on a terminal, they say it */
	if (!isatty(STDOUT_FILENO))
		cli_progress_begin(run->cli, "running packets");
	while ((got = pcap_next_ex(p, &h, &data)) == 1) {
		if (n % PACKETS_AT_ONCE == 0)
			cli_progress_file(pcap_file(p));
		if (!run_packet(run, ++n, h, data)) {
			cli_error("out of memory at packet %llu", n);
			return EXIT_SYSTEM;
		}
		/* Its reason is gone later. */
		if (ferror(stdout))
			return cli_unwritten(errno);
	}
	cli_progress_end();
	if (fflush(stdout) != 0)
		return cli_unwritten(errno);
	if (got != PCAP_ERROR)
		return EXIT_DONE;
	cli_error("%s is broken behind packet %llu: %s", cli_path_shown(run->cli->run), n, pcap_geterr(p));
	return EXIT_INPUT;
}

int cli_run(struct cli *cli)
{
	struct run run = { .cli = cli, .p = cli_front(cli) };
	pcap_t *capture;
	int status;

	if (!run.p)
		return EXIT_INPUT;
	capture = cli_capture_open(cli->run, NULL);
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
