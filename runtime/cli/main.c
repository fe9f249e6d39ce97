/*
 * xdpf: knows the running system and never parses rules. A table of subcommands; each is a file of its own.
 */
#include <string.h>

#include "cli.h"

static const struct {
	const char *name;
	int (*run)(struct cli *cli, int argc, char **argv);
	const char *summary;
} commands[] = {
	{ "apply",  cmd_apply,  "run a filter on interfaces, or replace the one that runs there" },
	{ "confirm", cmd_confirm, "keep what `apply --confirm` put there" },
	{ "rollback", cmd_rollback, "go back to the filter that ran before" },
	{ "remove", cmd_remove, "take our filter off an interface" },
	{ "status", cmd_status, "which XDP programs run where" },
	{ "set",    cmd_set,    "show and change the sets of the filter that runs there" },
	{ "stats",  cmd_stats,  "counters of rules, verdicts and tables" },
	{ "metrics", cmd_metrics, "the same for Prometheus, over HTTP" },
	{ "log",    cmd_log,    "the packets that rules with `log` or `sample` see, as they come" },
	{ "explain", cmd_explain, "packets as they come, with the rule that decides and why none before it does" },
	{ "run",    cmd_run,    "run a filter over a capture, in the kernel, nothing attached" },
	{ "bench",  cmd_bench,  "what a filter costs a packet, beside a program that drops everything" },
	{ "doctor", cmd_doctor, "what applying a filter here would do, and what is in the way" },
	{ "follow", cmd_follow, "look up again the interfaces that rules name" },
	{ "restore", cmd_restore, "apply the filter that is kept for an interface in /etc/xdpf" },
	{ "test",   cmd_test,   "load a filter and run a set of frames through it" },
};

enum { N_COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void help(FILE *out)
{
	fprintf(out, "usage: xdpf COMMAND ARGUMENTS\n\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
	fprintf(out, "\n`xdpf COMMAND --help` says more. Every command takes --quiet and --verbose.\n"
		"Exit status: 0 done, 1 the input is wrong, 2 usage, 3 the system refused, 4 the answer is no.\n");
}

static int unknown(const struct cli *cli, const char *name)
{
	const char *names[N_COMMANDS], *near;

	if (name[0] == '-') {
		cli_error(cli, "unknown option %s; options stand behind the command, and `xdpf --help` lists the commands", name);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < N_COMMANDS; i++)
		names[i] = commands[i].name;
	near = cli_nearest(name, names, N_COMMANDS);
	if (near)
		cli_error(cli, "no command is called %s; did you mean `xdpf %s`?", name, near);
	else
		cli_error(cli, "no command is called %s; `xdpf --help` lists them", name);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct cli cli;

	cli_init(&cli);
	if (argc < 2) {
		help(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		help(stdout);
		return cli_finish(&cli, EXIT_DONE);
	}
	if (!strcmp(argv[1], "--version")) {
		printf("xdpf %s\n", XDPF_VERSION);
		return cli_finish(&cli, EXIT_DONE);
	}
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		cli.command = commands[i].name;
		return cli_finish(&cli, commands[i].run(&cli, argc - 1, argv + 1));
	}
	return unknown(&cli, argv[1]);
}
