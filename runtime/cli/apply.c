/*
 * xdpf apply: from an object or a rule file to a filter on interfaces, if the tests that it carries pass. Says what runs now, and how many of its
 * rules have no label.
 */
#include <string.h>

#include "cli.h"
#include "test_rules.h"

static const char usage[] =
	"usage: xdpf apply rules.xdpf|prog.o IFACE... [--mode native|generic] [--confirm TIME] [--dispatch [--priority N]] [--json]\n\n"
	"Runs the filter's own tests, then the filter on each IFACE, or replaces ours that runs there without a gap: on all\n"
	"of them or none. Each has counters of its own. Counters, live sets, limits and tables of the same file and name go\n"
	"on; what cannot is said. Where only rules that stand in tables are others now, the tables are exchanged and no\n"
	"program is loaded. The filter stays until `xdpf remove`.\n\n"
	"  --mode native    in the driver (the default)\n"
	"  --mode generic   in the network stack: on every interface, more slowly\n"
	"  --confirm TIME   as 60s: unless `xdpf confirm` comes within it, the kernel goes back to what ran before\n"
	"  --dispatch       as a part of libxdp's dispatcher, beside other programs, on one interface\n"
	"  --priority N     its place there: low ones come first (50)\n"
	"  --reload         loads a program in any case\n"
	"  --afresh         the same, and counters, sets and limits begin anew\n"
	"  --no-tests       does not run the tests in the rule file\n"
	"  --json           what runs now, as JSON\n"
	"  --quiet          only errors and warnings\n"
	"  --verbose        what the libraries say too\n";

/* A rule's label is its name, which lasts when rules move: without one it is known by its place in the file. */
static size_t unlabelled(const struct xdpf_meta *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_rules; i++)
		n += !m->rules[i].label;
	return n;
}

static void tell_unlabelled(const struct cli *cli, const struct xdpf_meta *m)
{
	size_t n = unlabelled(m);
	char text[160];

	if (!n)
		return;
	snprintf(text, sizeof(text), "%zu of %zu rule%s %s no label", n, m->n_rules, m->n_rules == 1 ? "" : "s", n == 1 ? "has" : "have");
	cli->log.fn(cli->log.arg, XDPF_LOG_INFO, text);
}

/* Nothing is touched where one of them fails. */
static int run_tests(struct cli *cli, const struct xdpf_object *o)
{
	struct test_rules rules = { .as_messages = true };
	int err = test_rules(cli, o, &rules);

	if (err)
		return cli_exit(err);
	if (!rules.failed)
		return EXIT_DONE;
	cli_error(cli, "%llu of %llu test%s in the rules failed, so nothing was changed; --no-tests applies them all the same", rules.failed,
		  rules.run, rules.run == 1 ? "" : "s");
	return EXIT_INPUT;
}

static json_t *lost_json(const struct xdpf_applied *a)
{
	json_t *o = json_array();

	for (size_t i = 0; i < a->n_lost; i++)
		json_array_append_new(o, json_pack("{s:s, s:s?, s:s, s:s}", "kind", a->lost[i].kind, "file",
						   a->lost[i].file[0] ? a->lost[i].file : NULL, "name", a->lost[i].name, "why", a->lost[i].why));
	return o;
}

static int print_applied(struct cli *cli, const struct xdpf_meta *m, char **ifaces, const struct xdpf_applied *applied, size_t n)
{
	json_t *files = json_array(), *on = json_array();

	for (size_t i = 0; i < m->n_files; i++)
		json_array_append_new(files, json_string(m->files[i].name));
	for (size_t i = 0; i < n; i++) {
		struct xdpf_iface f;

		/* Gone again already, perhaps: then there is only its name. */
		if (xdpf_iface_query(&f, ifaces[i], &cli->log))
			json_array_append_new(on, json_pack("{s:s}", "interface", ifaces[i]));
		else
			json_array_append_new(on, json_pack("{s:s, s:I, s:s, s:I, s:s, s:s?, s:b, s:o, s:b}", "interface", f.name, "ifindex",
							    (json_int_t)f.ifindex, "mode", xdpf_mode_name(f.mode),
							    "program_id", (json_int_t)f.prog_id, "loaded", applied[i].tables ? "tables" : "program",
							    "why", applied[i].tables ? NULL : applied[i].why, "carried",
							    applied[i].tables || applied[i].carried, "lost", lost_json(&applied[i]),
							    "pending", f.pending));
	}
	return cli_print_json(cli, json_pack("{s:s, s:o, s:I, s:I, s:o}", "program", m->program, "files", files, "rules",
					     (json_int_t)m->n_rules, "unlabelled", (json_int_t)unlabelled(m), "interfaces", on),
			      JSON_INDENT(2));
}

/* One for each interface. */
struct all_applied {
	struct xdpf_applied *v;
	size_t n;
};

static void free_applied(struct all_applied *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->v[i].lost);
	free(a->v);
}

static int dispatch_one(struct cli *cli, const struct xdpf_object *o, char **ifaces, size_t n, enum xdpf_mode mode, uint64_t priority)
{
	const struct xdpf_dispatch_opts opts = { .sz = sizeof(opts), .mode = mode, .priority = (unsigned)priority };

	if (n != 1)
		return cli_usage(cli, "--dispatch takes one interface at a time: libxdp changes no two together");
	return cli_exit(xdpf_object_dispatch(o, ifaces[0], &opts, &cli->log));
}

int cmd_apply(struct cli *cli, int argc, char **argv)
{
	enum { OPT_MODE = OPT_OWN, OPT_JSON, OPT_RELOAD, OPT_AFRESH, OPT_CONFIRM, OPT_NO_TESTS, OPT_DISPATCH, OPT_PRIORITY };
	static const struct option options[] = {
		{ "mode", required_argument, NULL, OPT_MODE }, { "json", no_argument, NULL, OPT_JSON },
		{ "reload", no_argument, NULL, OPT_RELOAD }, { "afresh", no_argument, NULL, OPT_AFRESH },
		{ "confirm", required_argument, NULL, OPT_CONFIRM }, { "no-tests", no_argument, NULL, OPT_NO_TESTS },
		{ "dispatch", no_argument, NULL, OPT_DISPATCH }, { "priority", required_argument, NULL, OPT_PRIORITY },
		CLI_COMMON_OPTIONS, { 0 }
	};
	_cleanup_(free_applied) struct all_applied applied = { 0 };
	struct xdpf_apply_opts opts = { .sz = sizeof(opts), .mode = XDPF_MODE_NATIVE };
	_cleanup_(object_freep) struct xdpf_object *o = NULL;
	const struct xdpf_meta *m;
	bool json = false, tests = true, dispatch = false, placed = false;
	uint64_t priority = 50;
	char **ifaces;
	int c, status;
	size_t n;

	cli->usage = usage;
	while ((c = cli_option(cli, argc, argv, options, &status)) != -1) {
		if (c == '?')
			return status;
		if (c == OPT_JSON)
			json = true;
		else if (c == OPT_DISPATCH)
			dispatch = true;
		else if (c == OPT_PRIORITY && !cli_number(cli, "priority", optarg, 65535, &priority))
			return EXIT_USAGE;
		else if (c == OPT_PRIORITY)
			placed = true;
		else if (c == OPT_RELOAD)
			opts.reload = true;
		else if (c == OPT_NO_TESTS)
			tests = false;
		else if (c == OPT_CONFIRM && (!xdpf_set_time(optarg, &opts.confirm) || opts.confirm < XDPF_CONFIRM_MIN ||
					      opts.confirm > XDPF_CONFIRM_MAX))
			return cli_usage(cli, "--confirm takes a time from 1s to 24h, such as 60s or 5m, not %s", optarg);
		else if (c == OPT_CONFIRM)
			continue;
		else if (c == OPT_AFRESH)
			opts.afresh = true;
		else if (!strcmp(optarg, "native"))
			opts.mode = XDPF_MODE_NATIVE;
		else if (!strcmp(optarg, "generic"))
			opts.mode = XDPF_MODE_GENERIC;
		else
			return cli_usage(cli, "--mode is native or generic, not %s", optarg);
	}
	if (dispatch && opts.confirm)
		return cli_usage(cli, "--confirm does not go with --dispatch: what is a part of libxdp's dispatcher cannot go back by itself");
	if (dispatch && opts.reload)
		return cli_usage(cli, "--reload does not go with --dispatch: `xdpf remove` first, then apply");
	if (placed && !dispatch)
		return cli_usage(cli, "--priority is a place in libxdp's dispatcher: it takes --dispatch");
	status = cli_one_filter(cli, argv + optind, argc - optind);
	if (status)
		return status;
	if (argc - optind < 2)
		return cli_usage(cli, "give a filter and the interfaces it is to run on");
	ifaces = argv + optind + 1;
	n = (size_t)(argc - optind - 1);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(ifaces[k], ifaces[i]))
				return cli_usage(cli, "%s is given twice", ifaces[i]);
	opts.applied = applied.v = calloc(n, sizeof(*applied.v));
	applied.n = n;
	if (!applied.v) {
		applied.n = 0;
		cli_error(cli, "out of memory");
		return EXIT_SYSTEM;
	}
	status = cli_open(cli, &o, argv[optind]);
	if (status)
		return status;
	status = tests ? run_tests(cli, o) : EXIT_DONE;
	if (status)
		return status;
	if (dispatch)
		status = dispatch_one(cli, o, ifaces, n, opts.mode, priority);
	else
		status = cli_exit(xdpf_object_apply(o, (const char *const *)ifaces, n, &opts, &cli->log));
	if (status)
		return status;
	m = xdpf_object_meta(o);
	tell_unlabelled(cli, m);
	return json ? print_applied(cli, m, ifaces, applied.v, n) : EXIT_DONE;
}
