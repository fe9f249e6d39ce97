/*
 * xdpf run: a filter over a capture, in the kernel, by test runs. Prints for each packet what `xdpfc --run` prints: its
 * number, the verdict, who decided. Nothing is attached; maps are private.
 */
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture.h"
#include "progress.h"

static const char usage[] =
	"usage: xdpf run rules.xdpf|prog.o CAPTURE [--iface NAME] [--rxqueue N] [--split N]\n"
	"                [--seed N] [--no-way] [--socket yes|no] [--flow-state STATE]\n"
	"                [--rx hash=N,...] [--json]\n\n"
	"Runs the filter over each packet of a capture, in the kernel, with nothing attached. Prints a line per packet:\n"
	"number, verdict, deciding rule; the counters go to standard error. CAPTURE - is standard input.\n\n"
	"  --iface NAME     the interface that packets come from (else `iface` is absent)\n"
	"  --rxqueue N      the receive queue that they come from (else `rxqueue` is absent)\n"
	"  --split N        the bytes behind N stand in fragments of memory, as with jumbo frames\n"
	"  --seed N         the seed of what is random (1)\n"
	"  --no-way         `redirect` finds nothing to redirect to: its `else` applies\n"
	"  --socket yes|no  whether a local socket takes TCP and UDP (else `socket` is absent)\n"
	"  --flow-state new|established|related  what flow.state is of TCP and UDP (else: absent)\n"
	"  --rx LIST        what the driver says of all packets (else: absent):\n"
	"                   hash=N,timestamp=NS,vlan=ID,pcp=N,type=N\n"
	"  --json           a JSON object per line, the counters in the last\n"
	"  --quiet          no counters; with --json no last object\n"
	"  --verbose        what the libraries say too\n";

struct run {
	struct cli *cli;
	const char *capture;
	struct xdpf_load_opts load;
	struct xdpf_run_opts opts;
	uint64_t seed;
	bool json;
	struct progress bar;
};

/* How many frames are there, and some that do not fit the linear part? What is no file cannot be read twice: then there may be. */
static int look_ahead(struct run *r)
{
	_cleanup_(pcap_freep) pcap_t *p = NULL;
	struct pcap_pkthdr *h;
	struct stat st;
	const u_char *data;
	int status;

	r->load.frags = r->opts.split;
	if (!strcmp(r->capture, "-") || (!stat(r->capture, &st) && !S_ISREG(st.st_mode))) {
		r->load.frags = true;
		return 0;
	}
	status = cli_open_capture(r->cli, &p, r->capture);
	if (status)
		return status;
	while (pcap_next_ex(p, &h, &data) == 1) {
		r->load.frags |= h->caplen > XDPF_MAX_LINEAR;
		r->load.test_packets++;
	}
	return 0;
}

/* Who decided: a rule's label or place, and its file. Two files may have rules of one label, and each has a default. */
struct decider {
	const char *rule, *file;	/* "-" and NULL: nobody who is known */
};

static const struct decider nobody = { "-", NULL };

static struct decider find_decider(const struct xdpf_meta *m, unsigned index)
{
	const struct xdpf_rule *rule = xdpf_meta_rule(m, index);

	if (rule)
		return (struct decider){ rule->shown, m->files[rule->file].name };
	for (size_t i = 0; i < m->n_files; i++)
		if (m->files[i].default_index == index)
			return (struct decider){ "default", m->files[i].name };
	return nobody;
}

static void print_packet(const struct run *r, unsigned long long n, const char *verdict, struct decider by)
{
	json_t *o;

	if (!r->json) {
		printf("%llu\t%s\t%s\n", n, verdict, by.rule);
		return;
	}
	o = json_pack("{s:I, s:s, s:s, s:s?}", "packet", (json_int_t)n, "verdict", verdict, "rule", by.rule, "file", by.file);
	cli_print_json(r->cli, o, JSON_COMPACT);
}

static int run_capture(struct run *r, struct xdpf_program *prog)
{
	const struct xdpf_meta *m = xdpf_program_meta(prog);
	_cleanup_(pcap_freep) pcap_t *p = NULL;
	struct pcap_pkthdr *h;
	const u_char *data;
	unsigned long long n = 0;
	int status = cli_open_capture(r->cli, &p, r->capture), got;

	if (status)
		return status;
	while ((got = pcap_next_ex(p, &h, &data)) == 1) {
		struct xdpf_run_result res;
		int err;

		n++;
		progress_file(&r->bar, pcap_file(p));
		if (h->caplen < XDPF_MIN_FRAME) {
			print_packet(r, n, "skipped", nobody);
			continue;
		}
		/* nanoseconds: it was opened so */
		r->opts.now = (uint64_t)h->ts.tv_sec * 1000000000u + (uint64_t)h->ts.tv_usec;
		r->opts.random = xdpf_run_random(r->seed, n);
		r->opts.seed = r->seed;
		err = xdpf_program_run(prog, data, h->caplen, &r->opts, &res, &r->cli->log);
		if (err) {
			progress_wipe(&r->bar);
			cli_error(r->cli, "%s: stopped at packet %llu", r->capture, n);
			return cli_exit(err);
		}
		print_packet(r, n, xdpf_verdict_name(res.verdict), find_decider(m, res.index));
	}
	progress_wipe(&r->bar);
	return got == PCAP_ERROR_BREAK ? 0 : cli_broken_capture(r->cli, r->capture, p, n);
}

static int print_summary(struct run *r, struct xdpf_program *prog)
{
	_cleanup_(stats_freep) struct xdpf_stats *s = NULL;
	struct counters_of c = { .meta = xdpf_program_meta(prog) };
	int err;

	if (r->cli->quiet)
		return EXIT_DONE;
	err = xdpf_stats_read(&s, prog, &r->cli->log);
	if (err)
		return cli_exit(err);
	c.stats = s;
	if (r->json)
		return cli_print_json(r->cli, json_pack("{s:o}", "summary", counters_json(&c)), JSON_COMPACT);
	/* Lines first, where both go to one place. */
	if (cli_finish(r->cli, EXIT_DONE))
		return EXIT_SYSTEM;
	counters_text(&c, stderr);
	return EXIT_DONE;
}

static int run_object(struct run *r, const char *path)
{
	_cleanup_(object_freep) struct xdpf_object *o = NULL;
	_cleanup_(program_freep) struct xdpf_program *p = NULL;
	int status = cli_open(r->cli, &o, path);

	if (!status)
		status = look_ahead(r);
	if (!status)
		status = cli_exit(xdpf_program_load(&p, o, &r->load, &r->cli->log));
	if (!status)
		status = run_capture(r, p);
	/* The counters of what was run are worth seeing, too, when the capture broke off. */
	if (p && status != EXIT_SYSTEM) {
		int s = print_summary(r, p);

		status = status ? status : s;
	}
	return status;
}

static bool flow_state(const char *text, enum xdpf_flow *out)
{
	static const char *const names[] = {
		[XDPF_FLOW_STATE_NEW] = "new", [XDPF_FLOW_STATE_ESTABLISHED] = "established", [XDPF_FLOW_STATE_RELATED] = "related",
	};

	for (int i = XDPF_FLOW_STATE_NEW; i <= XDPF_FLOW_STATE_RELATED; i++)
		if (!strcmp(text, names[i])) {
			*out = (enum xdpf_flow)i;
			return true;
		}
	return false;
}

int cmd_run(struct cli *cli, int argc, char **argv)
{
	enum { OPT_IFACE = OPT_OWN, OPT_RXQUEUE, OPT_SPLIT, OPT_SEED, OPT_NO_WAY, OPT_SOCKET, OPT_FLOW_STATE, OPT_RX, OPT_JSON };
	static const struct option options[] = {
		{ "iface", required_argument, NULL, OPT_IFACE }, { "rxqueue", required_argument, NULL, OPT_RXQUEUE },
		{ "split", required_argument, NULL, OPT_SPLIT }, { "seed", required_argument, NULL, OPT_SEED },
		{ "no-way", no_argument, NULL, OPT_NO_WAY }, { "socket", required_argument, NULL, OPT_SOCKET },
		{ "flow-state", required_argument, NULL, OPT_FLOW_STATE }, { "rx", required_argument, NULL, OPT_RX },
		{ "json", no_argument, NULL, OPT_JSON }, CLI_COMMON_OPTIONS, { 0 }
	};
	struct run r = { .cli = cli, .load = { .sz = sizeof(r.load), .test = true }, .opts = { .sz = sizeof(r.opts) }, .seed = 1 };
	uint64_t rxqueue = 0, split = 0;
	const struct cli_number numbers[] = {
		{ OPT_RXQUEUE, "rxqueue", 0, UINT32_MAX, &rxqueue, &r.load.has_test_rxqueue, NULL },
		{ OPT_SPLIT, "split", XDPF_MIN_FRAME, XDPF_MAX_LINEAR, &split, NULL, "the kernel keeps the Ethernet header whole" },
		{ OPT_SEED, "seed", 0, UINT64_MAX, &r.seed, NULL, NULL }, { 0 }
	};
	int c, status;

	cli->usage = usage;
	cli->numbers = numbers;
	while ((c = cli_option(cli, argc, argv, options, &status)) != -1) {
		switch (c) {
		case '?':
			return status;
		case OPT_IFACE:
			if (!*optarg || strlen(optarg) > 15)
				return cli_usage(cli, "--iface: an interface's name has 1 to 15 characters");
			r.load.test_iface = optarg;
			break;
		case OPT_NO_WAY:
			r.opts.no_way = true;
			break;
		case OPT_SOCKET:
			if (strcmp(optarg, "yes") && strcmp(optarg, "no"))
				return cli_usage(cli, "--socket %s: yes or no", optarg);
			r.opts.has_socket = true;
			r.opts.socket = !strcmp(optarg, "yes");
			break;
		case OPT_FLOW_STATE:
			if (!flow_state(optarg, &r.opts.flow_state))
				return cli_usage(cli, "--flow-state %s: new, established or related", optarg);
			break;
		case OPT_RX:
			if (!xdpf_run_opts_rx(&r.opts, optarg))
				return cli_usage(cli, "--rx %s: it takes hash=N, timestamp=NS, vlan=ID, with vlan also pcp=N and "
						 "type=N, with commas between them", optarg);
			break;
		case OPT_JSON:
			r.json = true;
			break;
		}
	}
	r.load.test_rxqueue = (uint32_t)rxqueue;
	r.opts.split = (unsigned)split;
	status = cli_one_filter(cli, argv + optind, argc - optind);
	if (status)
		return status;
	if (argc - optind != 2)
		return cli_usage(cli, "give a filter and a capture");
	r.capture = argv[optind + 1];
	if (!strcmp(argv[optind], "-") && !strcmp(r.capture, "-"))
		return cli_usage(cli, "standard input can be read only once");
	progress_begin(&r.bar, cli, "running packets");
	/* where lines are on a terminal, they say it */
	r.bar.on = r.bar.on && !isatty(STDOUT_FILENO);
	return run_object(&r, argv[optind]);
}
