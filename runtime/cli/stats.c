/*
 * xdpf stats: the counters of the filter that runs on an interface.
 */
#include <signal.h>
#include <time.h>

#include "watch.h"

static const char usage[] =
	"usage: xdpf stats IFACE [--file FILE] [--json | --prometheus] [--watch [--interval SECONDS]]\n\n"
	"Packets and bytes of each rule, of each verdict, and of each key of the count tables.\n\n"
	"  --file FILE      only what one of the filter's files counts, not what is about all of it\n"
	"  --json           as JSON, with all keys\n"
	"  --prometheus     in the Prometheus text format\n"
	"  --watch          how much rules take now, the most first: packets/s and bits/s, limits, how full sets are;\n"
	"                   again and again, until interrupted; with --json an object per line\n"
	"  --interval S     of --watch, in seconds (1)\n"
	"  --quiet          only errors and warnings\n"
	"  --verbose        what the libraries say too\n";

enum form { TEXT, JSON, PROMETHEUS };

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static int show(struct cli *cli, const char *name, const char *file, enum form form)
{
	_cleanup_(reading_free) struct reading_of r = { 0 };
	int err = reading_take(cli, &r, name, form != TEXT);

	if (err)
		return cli_exit(err);
	if (file && !(r.c.only = cli_file(cli, r.c.meta, name, file)))
		return EXIT_INPUT;
	switch (form) {
	case TEXT:
		counters_text(&r.c, stdout);
		break;
	case JSON:
		return cli_print_json(cli, counters_json(&r.c), JSON_INDENT(2));
	case PROMETHEUS:
		if (counters_prometheus(&r.c, 1, stdout))
			break;
		cli_error(cli, "out of memory");
		return EXIT_SYSTEM;
	}
	return EXIT_DONE;
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The program is found again each time: it may have been replaced, and its counters go on. */
static int watch(struct cli *cli, const char *name, const char *file, bool json, unsigned interval)
{
	struct sigaction act = { .sa_handler = on_signal };
	struct watch w = { 0 };
	double then = seconds_now();
	int status = cli_exit(reading_take(cli, &w.then, name, false));

	if (!status && file && !cli_file(cli, w.then.c.meta, name, file))
		status = EXIT_INPUT;
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	while (status == EXIT_DONE && !stop) {
		struct reading_of now;
		double at;

		nanosleep(&(struct timespec){ .tv_sec = interval }, NULL);
		if (stop)
			break;
		at = seconds_now();
		status = cli_exit(reading_take(cli, &now, name, true));
		if (status)
			break;
		/* it may have been taken out meanwhile */
		if (file && !(now.c.only = cli_file(cli, now.c.meta, name, file))) {
			reading_free(&now);
			status = EXIT_INPUT;
			break;
		}
		w.seconds = at - then;
		status = cli_finish(cli, watch_show(cli, &w, &now.c, json));
		reading_free(&w.then);
		w.then = now;
		then = at;
	}
	reading_free(&w.then);
	return status;
}

int cmd_stats(struct cli *cli, int argc, char **argv)
{
	enum { OPT_JSON = OPT_OWN, OPT_PROMETHEUS, OPT_WATCH, OPT_INTERVAL, OPT_FILE };
	static const struct option options[] = {
		{ "json", no_argument, NULL, OPT_JSON }, { "prometheus", no_argument, NULL, OPT_PROMETHEUS },
		{ "watch", no_argument, NULL, OPT_WATCH }, { "interval", required_argument, NULL, OPT_INTERVAL },
		{ "file", required_argument, NULL, OPT_FILE }, CLI_COMMON_OPTIONS, { 0 }
	};
	enum form form = TEXT;
	const char *file = NULL;
	bool again = false;
	uint64_t interval = 0;
	const struct cli_number numbers[] = { { OPT_INTERVAL, "interval", 1, 86400, &interval, NULL, NULL }, { 0 } };
	int c, status;

	cli->usage = usage;
	cli->numbers = numbers;
	while ((c = cli_option(cli, argc, argv, options, &status)) != -1) {
		if (c == '?')
			return status;
		if (c == OPT_WATCH)
			again = true;
		else if (c == OPT_FILE)
			file = optarg;
		else if (form != TEXT)
			return cli_usage(cli, "--json or --prometheus, not both");
		else
			form = c == OPT_JSON ? JSON : PROMETHEUS;
	}
	if (argc - optind != 1)
		return cli_usage(cli, "give one interface");
	if (again && form == PROMETHEUS)
		return cli_usage(cli, "--watch shows rates, which Prometheus makes itself of what `xdpf metrics` says");
	if (file && form == PROMETHEUS)
		return cli_usage(cli, "--file is of the text and of --json: Prometheus chooses by the label `file`");
	if (interval && !again)
		return cli_usage(cli, "--interval is of --watch");
	return again ? watch(cli, argv[optind], file, form == JSON, interval ? (unsigned)interval : 1) : show(cli, argv[optind], file, form);
}
