/*
 * xdpf remove: takes our filter off an interface, and nobody else's.
 */
#include "cli.h"

static const char usage[] =
	"usage: xdpf remove IFACE...\n\n"
	"Takes off the filter that `xdpf apply` put there; other XDP programs stay.\n\n"
	"  --quiet          only errors and warnings\n"
	"  --verbose        what the libraries say too\n";

int cmd_remove(struct cli *cli, int argc, char **argv)
{
	int status = cli_interfaces(cli, argc, argv, usage, "give the interfaces whose filters are to go");

	if (status != -1)
		return status;
	status = EXIT_DONE;
	for (int i = optind; i < argc; i++) {
		int err = xdpf_iface_remove(argv[i], &cli->log);

		if (err)
			status = cli_exit(err);
	}
	return status;
}
