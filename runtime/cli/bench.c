/*
 * xdpf bench: what a filter costs a packet, in nanoseconds, beside a program that drops everything. Nothing is attached; maps are private.
 */
#include <errno.h>
#include <string.h>

#include "capture.h"
#include "frames.h"
#include "progress.h"
#include "xdpf/bench.h"

static const char usage[] =
	"usage: xdpf bench rules.xdpf|prog.o [CAPTURE] [--packet N] [--rounds N] [--json]\n\n"
	"Times the filter in the kernel, with nothing attached: over one packet again and again, and over all packets of\n"
	"the capture by turns (without one: of the frames that `xdpf test` has), so that tables and packets come from\n"
	"memory as they do on a network. The floor is a program that drops everything, given the same packets.\n"
	"The counters of all these packets go to standard error. CAPTURE - is standard input; packets beyond 3000 bytes are\n"
	"left out. `now`, limits and timeouts go by the clock, `iface` is lo, and nothing is sent anywhere.\n\n"
	"  --packet N       the one packet: its number in the capture (1), or among the frames\n"
	"  --rounds N       filter and floor by turns so often; medians are printed (9)\n"
	"  --json           as JSON\n"
	"  --quiet          no counters\n"
	"  --verbose        what the libraries say too\n";

struct bench {
	struct cli *cli;
	const char *capture;		/* or NULL */
	unsigned rounds;
	uint64_t packet;		/* the one packet: its number from 1 on; 0: was not said */
	bool json;
	size_t n, left_out;		/* packets that were there */
	size_t one;			/* the one packet among the bench's frames */
	bool found;
	struct xdpf_bench_result hot, varied;
	struct progress bar;
};

/* Of both, one behind the other. */
static void step(void *arg, unsigned done, unsigned rounds)
{
	struct bench *r = arg;

	progress_step(&r->bar, r->hot.frames ? rounds + done : done, 2 * (uint64_t)rounds);
}

static void bench_freep(struct xdpf_bench **b)
{
	xdpf_bench_free(*b);
}

/* The exit status. */
static int add(struct bench *r, struct xdpf_bench *b, const void *frame, size_t len)
{
	int err = xdpf_bench_add(b, frame, len);

	r->n++;
	if (!err && r->n == r->packet) {
		r->found = true;
		r->one = r->n - 1 - r->left_out;
	}
	if (err == -EMSGSIZE || err == -ENOSPC) {
		r->left_out++;
		return 0;
	}
	if (err)
		cli_error(r->cli, "out of memory");
	return err ? EXIT_SYSTEM : 0;
}

static int add_capture(struct bench *r, struct xdpf_bench *b)
{
	_cleanup_(pcap_freep) pcap_t *p = NULL;
	struct pcap_pkthdr *h;
	const u_char *data;
	int status = cli_open_capture(r->cli, &p, r->capture), got = 0;

	while (!status && (got = pcap_next_ex(p, &h, &data)) == 1)
		status = add(r, b, data, h->caplen);
	if (!status && got != PCAP_ERROR_BREAK)
		status = cli_broken_capture(r->cli, r->capture, p, r->n);
	if (!status && r->n == r->left_out) {
		cli_error(r->cli, "%s: no packet of %d to %d bytes", r->capture, XDPF_MIN_FRAME, XDPF_MAX_LINEAR);
		status = EXIT_INPUT;
	}
	return status;
}

static int add_frames(struct bench *r, struct xdpf_bench *b)
{
	struct frame f;
	int status = 0;

	if (!r->packet)
		r->packet = frames_usual() + 1;

	for (unsigned i = 0; !status && frames_make(&f, i); i++)
		status = add(r, b, f.data, f.len);
	return status;
}

/* Which the one packet is: of a capture the first that is there to be run, where none was said. */
static int choose(struct bench *r, struct xdpf_bench_opts *opts)
{
	if (r->packet && !r->found) {
		cli_error(r->cli, r->packet > r->n ? "--packet %llu: there are %zu packets" : "--packet %llu: that one is left out",
			  (unsigned long long)r->packet, r->n);
		return EXIT_INPUT;
	}
	opts->frame = r->one;
	return 0;
}

static json_t *result_json(const struct xdpf_bench_result *v)
{
	return json_pack("{s:f, s:f, s:f, s:f, s:f, s:I, s:I}", "filter_ns", v->filter, "floor_ns", v->floor, "cost_ns", v->cost,
			 "least_ns", v->least, "most_ns", v->most, "frames", (json_int_t)v->frames, "packets", (json_int_t)v->packets);
}

static void print_row(const char *what, const struct xdpf_bench_result *v)
{
	printf("%-16s %10.1f %10.1f %10.1f   %.1f to %.1f\n", what, v->filter, v->floor, v->cost, v->least, v->most);
}

static int print(struct bench *r, struct xdpf_program *p)
{
	_cleanup_(stats_freep) struct xdpf_stats *s = NULL;
	struct counters_of c = { .meta = xdpf_program_meta(p) };
	int err = xdpf_stats_read(&s, p, &r->cli->log);
	char what[32];

	if (err)
		return cli_exit(err);
	c.stats = s;

	if (r->left_out && !r->cli->quiet)
		fprintf(stderr, "%zu packets of %s are left out: shorter than %d bytes, longer than %d, or more than %d\n", r->left_out, r->capture,
			XDPF_MIN_FRAME, XDPF_MAX_LINEAR, XDPF_BENCH_FRAMES);
	if (r->json)
		return cli_print_json(r->cli, json_pack("{s:o, s:o, s:I, s:o}", "hot", result_json(&r->hot), "varied", result_json(&r->varied),
						       "left_out", (json_int_t)r->left_out, "counters", counters_json(&c)), JSON_INDENT(2));
	printf("%-16s %10s %10s %10s\n", "ns per packet", "filter", "floor", "cost");
	print_row("one packet", &r->hot);
	snprintf(what, sizeof(what), "%zu packets", r->varied.frames);
	print_row(what, &r->varied);
	/* the table first, where both go to one place */
	if (cli_finish(r->cli, EXIT_DONE))
		return EXIT_SYSTEM;
	if (!r->cli->quiet)
		counters_text(&c, stderr);
	return EXIT_DONE;
}

static int bench_object(struct bench *r, const char *path)
{
	struct xdpf_bench_opts opts = { .sz = sizeof(opts), .hot = true, .rounds = r->rounds, .progress = step, .arg = r };
	const struct xdpf_load_opts load = { .sz = sizeof(load) };
	_cleanup_(object_freep) struct xdpf_object *o = NULL;
	_cleanup_(program_freep) struct xdpf_program *p = NULL;
	_cleanup_(bench_freep) struct xdpf_bench *b = NULL;
	int status = cli_open(r->cli, &o, path);

	if (!status)
		status = cli_exit(xdpf_program_load(&p, o, &load, &r->cli->log));
	if (!status)
		status = cli_exit(xdpf_bench_new(&b, p, &r->cli->log));
	if (!status)
		status = r->capture ? add_capture(r, b) : add_frames(r, b);
	if (!status)
		status = choose(r, &opts);
	if (!status)
		status = cli_exit(xdpf_bench_run(b, &opts, &r->hot, &r->cli->log));
	opts.hot = false;
	opts.frame = 0;
	if (!status)
		status = cli_exit(xdpf_bench_run(b, &opts, &r->varied, &r->cli->log));
	progress_wipe(&r->bar);
	return status ? status : print(r, p);
}

int cmd_bench(struct cli *cli, int argc, char **argv)
{
	enum { OPT_PACKET = OPT_OWN, OPT_ROUNDS, OPT_JSON };
	static const struct option options[] = {
		{ "packet", required_argument, NULL, OPT_PACKET }, { "rounds", required_argument, NULL, OPT_ROUNDS },
		{ "json", no_argument, NULL, OPT_JSON }, CLI_COMMON_OPTIONS, { 0 }
	};
	struct bench r = { .cli = cli };
	uint64_t packet = 0, rounds = 0;
	const struct cli_number numbers[] = {
		{ OPT_PACKET, "packet", 1, SIZE_MAX, &packet, NULL, NULL }, { OPT_ROUNDS, "rounds", 1, XDPF_BENCH_ROUNDS, &rounds, NULL, NULL }, { 0 }
	};
	int c, status;

	cli->usage = usage;
	cli->numbers = numbers;
	while ((c = cli_option(cli, argc, argv, options, &status)) != -1) {
		if (c == '?')
			return status;
		r.json = true;
	}
	r.packet = (size_t)packet;
	r.rounds = (unsigned)rounds;
	if (argc - optind < 1 || argc - optind > 2)
		return cli_usage(cli, "it takes one filter, and at most one capture");
	r.capture = argv[optind + 1];
	if (r.capture && !strcmp(argv[optind], "-") && !strcmp(r.capture, "-"))
		return cli_usage(cli, "standard input can be read only once");
	progress_begin(&r.bar, cli, "timing");
	return bench_object(&r, argv[optind]);
}
