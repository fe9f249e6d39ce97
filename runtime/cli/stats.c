/*
 * xdpf stats: the counters of the filter that runs on an interface.
 */
#include <time.h>
#include <unistd.h>

#include "cli.h"

static const char usage[] =
	"usage: xdpf stats IFACE [--json | --prometheus | --watch]\n\n"
	"Packets and bytes of each rule, of each verdict, and of each key of the count tables.\n\n"
	"  --json           as JSON, with all keys\n"
	"  --prometheus     in the Prometheus text format\n"
	"  --watch          again each second, until interrupted\n"
	"  --quiet          only errors and warnings\n"
	"  --verbose        what the libraries say too\n";

enum form { TEXT, JSON, PROMETHEUS };

/* What got other rules while its counters were read is read again. */
static int read_all(struct cli *cli, const char *name, struct xdpf_program **p, struct xdpf_stats **s, struct xdpf_iface *iface)
{
	int err = 0;

	for (int i = 0; i < 10 && !err && (!*s || xdpf_program_changed(*p)); i++) {
		xdpf_stats_free(*s);
		xdpf_program_free(*p);
		*s = NULL;
		*p = NULL;
		err = xdpf_program_find(p, name, &cli->log);
		if (!err)
			err = xdpf_iface_query(iface, name, &cli->log);
		if (!err)
			err = xdpf_stats_read(s, *p, &cli->log);
	}
	return err;
}

/* The program is found again each time: it may have been replaced. */
static int show(struct cli *cli, const char *name, enum form form, bool clear)
{
	_cleanup_(program_freep) struct xdpf_program *p = NULL;
	_cleanup_(stats_freep) struct xdpf_stats *s = NULL;
	struct counters_of c = { 0 };
	struct xdpf_iface iface;
	int err = read_all(cli, name, &p, &s, &iface);

	if (err)
		return cli_exit(err);
	c = (struct counters_of){ xdpf_program_meta(p), s, &iface };
	if (clear)
		fputs("\033[H\033[J", stdout);
	switch (form) {
	case TEXT:
		counters_text(&c, stdout);
		break;
	case JSON:
		return cli_print_json(cli, counters_json(&c), JSON_INDENT(2));
	case PROMETHEUS:
		counters_prometheus(&c, stdout);
		break;
	}
	return EXIT_DONE;
}

int cmd_stats(struct cli *cli, int argc, char **argv)
{
	enum { OPT_JSON = OPT_OWN, OPT_PROMETHEUS, OPT_WATCH };
	static const struct option options[] = {
		{ "json", no_argument, NULL, OPT_JSON }, { "prometheus", no_argument, NULL, OPT_PROMETHEUS },
		{ "watch", no_argument, NULL, OPT_WATCH }, CLI_COMMON_OPTIONS, { 0 }
	};
	enum form form = TEXT;
	bool watch = false;
	int c, status;

	cli->usage = usage;
	while ((c = cli_option(cli, argc, argv, options, &status)) != -1) {
		if (c == '?')
			return status;
		if (c == OPT_WATCH)
			watch = true;
		else if (form != TEXT)
			return cli_usage(cli, "--json or --prometheus, not both");
		else
			form = c == OPT_JSON ? JSON : PROMETHEUS;
	}
	if (argc - optind != 1)
		return cli_usage(cli, "give one interface");
	do {
		status = show(cli, argv[optind], form, watch && form == TEXT && isatty(STDOUT_FILENO));
		status = cli_finish(cli, status);
		if (watch && status == EXIT_DONE)
			nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL);
	} while (watch && status == EXIT_DONE);
	return status;
}
