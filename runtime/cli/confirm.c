/*
 * xdpf confirm and xdpf rollback: what `xdpf apply --confirm` put there runs for good, or what ran before is put back.
 */
#include "cli.h"

static const char confirm_usage[] =
	"usage: xdpf confirm IFACE...\n\n"
	"The filters that `xdpf apply --confirm` put there run for good: all of them, or none where one does not wait for it.\n\n"
	"  --quiet          only errors and warnings\n"
	"  --verbose        what the libraries say too\n";

static const char rollback_usage[] =
	"usage: xdpf rollback IFACE...\n\n"
	"Goes back at once from a filter that waits for `xdpf confirm` to what ran before; else to the filter that the last\n"
	"apply replaced by loading a program, which is kept for that with its counters and sets. What runs now is kept in its\n"
	"place: another rollback undoes the first. Tables that were exchanged in a program are not kept.\n\n"
	"  --quiet          only errors and warnings\n"
	"  --verbose        what the libraries say too\n";

int cmd_confirm(struct cli *cli, int argc, char **argv)
{
	int status = cli_interfaces(cli, argc, argv, confirm_usage, "give the interfaces");

	if (status >= 0)
		return status;
	return cli_exit(xdpf_iface_confirm((const char *const *)argv + optind, (size_t)(argc - optind), &cli->log));
}

int cmd_rollback(struct cli *cli, int argc, char **argv)
{
	int status = cli_interfaces(cli, argc, argv, rollback_usage, "give the interfaces");

	if (status >= 0)
		return status;
	status = EXIT_DONE;
	for (int i = optind; i < argc; i++) {
		int err = xdpf_iface_rollback(argv[i], &cli->log);

		if (err)
			status = cli_exit(err);
	}
	return status;
}
