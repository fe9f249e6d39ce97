/*
 * xdpf follow: rules name interfaces, and interfaces get other names, come and go; our filters are told. udev calls it.
 */
#include "cli.h"

static const char usage[] =
	"usage: xdpf follow\n\n"
	"Where rules of our filters name interfaces (`iface == eth1`, `redirect eth1`), looks the names up again: behind renaming,\n"
	"and where interfaces came or went. `xdpf status` says which names are not what they were; `xdpf apply` and `xdpf remove` do\n"
	"this, too, and so does the udev rule that xdpf comes with.\n\n"
	"  --quiet          only errors and warnings\n"
	"  --verbose        what the libraries say too\n";

int cmd_follow(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { CLI_COMMON_OPTIONS, { 0 } };
	int c, status;

	cli->usage = usage;
	while ((c = cli_option(cli, argc, argv, options, &status)) != -1)
		if (c == '?')
			return status;
	if (optind != argc)
		return cli_usage(cli, "it takes no arguments: all our filters follow");
	return cli_exit(xdpf_follow(NULL, &cli->log));
}
