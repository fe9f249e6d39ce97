/*
 * xdpf apply: from an object or a rule file to a filter on interfaces.
 */
#include <string.h>

#include "cli.h"

static const char usage[] =
	"usage: xdpf apply rules.xdpf|prog.o IFACE... [--mode native|generic]\n\n"
	"Runs the filter on each IFACE, or replaces our filter that runs there without a gap: on all of them or none.\n"
	"Each has counters of its own. The filter stays until `xdpf remove`.\n\n"
	"  --mode native    in the driver (the default)\n"
	"  --mode generic   in the network stack: on every interface, more slowly\n"
	"  --quiet          only errors and warnings\n"
	"  --verbose        what the libraries say too\n";

int cmd_apply(struct cli *cli, int argc, char **argv)
{
	enum { OPT_MODE = OPT_OWN };
	static const struct option options[] = { { "mode", required_argument, NULL, OPT_MODE }, CLI_COMMON_OPTIONS, { 0 } };
	struct xdpf_apply_opts opts = { .sz = sizeof(opts), .mode = XDPF_MODE_NATIVE };
	_cleanup_(object_freep) struct xdpf_object *o = NULL;
	int c, status;

	cli->usage = usage;
	while ((c = cli_option(cli, argc, argv, options, &status)) != -1) {
		if (c == '?')
			return status;
		if (!strcmp(optarg, "native"))
			opts.mode = XDPF_MODE_NATIVE;
		else if (!strcmp(optarg, "generic"))
			opts.mode = XDPF_MODE_GENERIC;
		else
			return cli_usage(cli, "--mode is native or generic, not %s", optarg);
	}
	if (argc - optind < 2)
		return cli_usage(cli, "give a filter and the interfaces it is to run on");
	status = cli_open(cli, &o, argv[optind]);
	if (status)
		return status;
	return cli_exit(xdpf_object_apply(o, (const char *const *)argv + optind + 1, (size_t)(argc - optind - 1), &opts,
					  &cli->log));
}
