/*
 * xdpf restore: applies the filter that is kept for an interface in a directory. The unit xdpf@.service calls it at boot, and to reload.
 */
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"

static const char usage[] =
	"usage: xdpf restore IFACE [--from DIR] [--mode native|generic] [--reload]\n\n"
	"Applies DIR/IFACE.o or DIR/IFACE.xdpf (DIR is /etc/xdpf) to IFACE. Where there are both, the object is taken: it needs no\n"
	"compiler; one that is older than the rule file is warned of.\n\n"
	"  --from DIR       where filters are kept\n"
	"  --mode MODE      as for apply\n"
	"  --reload         as for apply\n"
	"  --quiet          only errors and warnings\n"
	"  --verbose        what the libraries say too\n";

/* One that has a name of several directories is none of an interface. */
static bool is_name(const char *iface)
{
	return *iface && strlen(iface) < 16 && !strchr(iface, '/') && strcmp(iface, ".") && strcmp(iface, "..");
}

/* The exit status; 0: @path is the filter. */
static int find(const struct cli *cli, char *path, size_t size, const char *dir, const char *iface)
{
	struct stat object, rules;
	bool has_object, has_rules;
	char other[PATH_MAX];

	if (snprintf(path, size, "%s/%s.o", dir, iface) >= (int)size || snprintf(other, sizeof(other), "%s/%s.xdpf", dir, iface) >= PATH_MAX)
		return cli_usage(cli, "the directory's name is too long");
	has_object = !stat(path, &object);
	has_rules = !stat(other, &rules);
	if (!has_object && !has_rules) {
		cli_error(cli, "%s: no filter is kept for it: there is neither %s nor %s", iface, path, other);
		return EXIT_INPUT;
	}
	if (has_object && has_rules && object.st_mtime < rules.st_mtime)
		cli->log.fn(cli->log.arg, XDPF_LOG_WARNING, "the object is older than the rule file beside it, and the object is taken: "
			    "compile it again, or delete it");
	if (!has_object)
		snprintf(path, size, "%s", other);
	return 0;
}

int cmd_restore(struct cli *cli, int argc, char **argv)
{
	enum { OPT_MODE = OPT_OWN, OPT_FROM, OPT_RELOAD };
	static const struct option options[] = {
		{ "mode", required_argument, NULL, OPT_MODE }, { "from", required_argument, NULL, OPT_FROM },
		{ "reload", no_argument, NULL, OPT_RELOAD }, CLI_COMMON_OPTIONS, { 0 }
	};
	struct xdpf_apply_opts opts = { .sz = sizeof(opts), .mode = XDPF_MODE_NATIVE };
	_cleanup_(object_freep) struct xdpf_object *o = NULL;
	const char *dir = "/etc/xdpf", *iface;
	char path[PATH_MAX];
	int c, status;

	cli->usage = usage;
	while ((c = cli_option(cli, argc, argv, options, &status)) != -1) {
		if (c == '?')
			return status;
		if (c == OPT_FROM)
			dir = optarg;
		else if (c == OPT_RELOAD)
			opts.reload = true;
		else if (!strcmp(optarg, "native") || !strcmp(optarg, "generic"))
			opts.mode = optarg[0] == 'n' ? XDPF_MODE_NATIVE : XDPF_MODE_GENERIC;
		else
			return cli_usage(cli, "--mode is native or generic, not %s", optarg);
	}
	if (argc - optind != 1 || !is_name(argv[optind]))
		return cli_usage(cli, "give one interface");
	iface = argv[optind];
	status = find(cli, path, sizeof(path), dir, iface);
	if (!status)
		status = cli_open(cli, &o, path);
	return status ? status : cli_exit(xdpf_object_apply(o, &iface, 1, &opts, &cli->log));
}
