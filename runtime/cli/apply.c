/*
 * xdpf apply: from an object or a rule file to a filter on interfaces, if the tests that it carries pass. Says what runs now, and how many of its
 * rules have no label.
 */
#include <string.h>

#include "apply.h"
#include "test_rules.h"

enum { OPT_MODE = OPT_OWN, OPT_JSON, OPT_RELOAD, OPT_AFRESH, OPT_CONFIRM, OPT_NO_TESTS, OPT_DISPATCH, OPT_PRIORITY, OPT_REPLACE, OPT_ADD, OPT_DROP,
       OPT_BEFORE, OPT_AFTER };

static const char usage[] =
	"usage: xdpf apply rules.xdpf|prog.o IFACE... [--mode native|generic] [--confirm TIME] [--dispatch [--priority N]] [--json]\n"
	"       xdpf apply --replace FILE | --add FILE [--before NAME|--after NAME] | --drop NAME IFACE... [--confirm TIME] [--json]\n\n"
	"Runs the filter's own tests, then the filter on each IFACE, or replaces ours that runs there without a gap: on all\n"
	"of them or none. Each has counters of its own. Counters, live sets, limits and tables of the same file and name go\n"
	"on; what cannot is said. Where only rules that stand in tables are others now, the tables are exchanged and no\n"
	"program is loaded. The filter stays until `xdpf remove`. - is standard input: an object, or rules.\n\n"
	"  --replace FILE   changes one file of the filter that runs, whose others it holds; their owners' state goes on\n"
	"  --add FILE       one more file, the last, or --before or --after the one called NAME\n"
	"  --drop NAME      one file less\n"
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

/* Those whose tests failed, though their files are as they were. */
static void tell_owners(const struct cli *cli, const struct asked *a, const struct xdpf_meta *m, const unsigned long long *failed_of)
{
	for (size_t i = 0; i < m->n_files; i++)
		if (failed_of[i] && !asked_changes(a, m->files[i].name))
			cli_error(cli, "%s is not changed here, and of its tests %llu fail%s with what is: change that, or ask who owns %s",
				  m->files[i].name, failed_of[i], failed_of[i] == 1 ? "s" : "", m->files[i].name);
}

/* Nothing is touched where one of them fails. */
static int run_tests(struct cli *cli, const struct asked *a, const struct xdpf_object *o)
{
	const struct xdpf_meta *m = xdpf_object_meta(o);
	struct test_rules rules = { .as_messages = true, .failed_of = calloc(m->n_files, sizeof(*rules.failed_of)) };
	int err = test_rules(cli, o, &rules);

	if (!err && rules.failed && a->n_changes && rules.failed_of)
		tell_owners(cli, a, m, rules.failed_of);
	free(rules.failed_of);
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
			json_array_append_new(on, json_pack("{s:s}", "interface", cli_shown(ifaces[i]).text));
		else
			json_array_append_new(on, json_pack("{s:s, s:I, s:s, s:I, s:s, s:s?, s:b, s:o, s:b}", "interface", cli_shown(f.name).text,
							    "ifindex", (json_int_t)f.ifindex, "mode", xdpf_mode_name(f.mode),
							    "program_id", (json_int_t)f.prog_id, "loaded", applied[i].tables ? "tables" : "program",
							    "why", applied[i].tables ? NULL : applied[i].why, "carried",
							    applied[i].tables || applied[i].carried, "lost", lost_json(&applied[i]),
							    "pending", f.pending));
	}
	return cli_print_json(cli, json_pack("{s:s, s:o, s:I, s:I, s:o}", "program", m->program, "files", files, "rules",
					     (json_int_t)m->n_rules, "unlabelled", (json_int_t)unlabelled(m), "interfaces", on),
			      JSON_INDENT(2));
}

static void free_asked(struct asked *a)
{
	for (size_t i = 0; a->applied && i < a->n; i++)
		free(a->applied[i].lost);
	free(a->applied);
	free(a->changes);
}

/* ---- options ---- */

/* --replace, --add, --drop; --before and --after say where the file is to stand that was named last. */
static int take_change(struct cli *cli, struct asked *a, int option, const char *name)
{
	struct xdpf_change *c = a->n_changes ? &a->changes[a->n_changes - 1] : NULL;

	if (option == OPT_BEFORE || option == OPT_AFTER) {
		if (!c || c->kind != XDPF_CHANGE_ADD || c->before || c->after)
			return cli_usage(cli, "--before and --after stand behind an --add, and say where that file is to be: one of them, once");
		*(option == OPT_BEFORE ? &c->before : &c->after) = name;
		return EXIT_DONE;
	}
	if (option != OPT_DROP && !cli_is_rules(name))
		return cli_usage(cli, "%s is no rule file (*.xdpf): one owner's rules are changed in their own text", name);
	a->changes[a->n_changes++] = (struct xdpf_change){
		.kind = option == OPT_REPLACE ? XDPF_CHANGE_REPLACE : option == OPT_ADD ? XDPF_CHANGE_ADD : XDPF_CHANGE_DROP, .file = name,
	};
	return EXIT_DONE;
}

static int take_option(struct cli *cli, struct asked *a, int c)
{
	struct xdpf_apply_opts *o = &a->opts;

	switch (c) {
	case OPT_REPLACE: case OPT_ADD: case OPT_DROP: case OPT_BEFORE: case OPT_AFTER:
		return take_change(cli, a, c, optarg);
	case OPT_JSON:		a->json = true; break;
	case OPT_DISPATCH:	a->dispatch = true; break;
	case OPT_RELOAD:	o->reload = true; break;
	case OPT_AFRESH:	o->afresh = true; break;
	case OPT_NO_TESTS:	a->no_tests = true; break;
	case OPT_PRIORITY:
		a->placed = true;
		return cli_number(cli, "priority", optarg, 65535, &a->priority) ? EXIT_DONE : EXIT_USAGE;
	case OPT_CONFIRM:
		if (!xdpf_set_time(optarg, &o->confirm) || o->confirm < XDPF_CONFIRM_MIN || o->confirm > XDPF_CONFIRM_MAX)
			return cli_usage(cli, "--confirm takes a time from 1s to 24h, such as 60s or 5m, not %s", optarg);
		break;
	case OPT_MODE:
		if (strcmp(optarg, "native") != 0 && strcmp(optarg, "generic") != 0)
			return cli_usage(cli, "--mode is native or generic, not %s", optarg);
		o->mode = optarg[0] == 'n' ? XDPF_MODE_NATIVE : XDPF_MODE_GENERIC;
		break;
	}
	return EXIT_DONE;
}

static int check_asked(struct cli *cli, const struct asked *a)
{
	if (a->dispatch && a->opts.confirm)
		return cli_usage(cli, "--confirm does not go with --dispatch: what is a part of libxdp's dispatcher cannot go back by itself");
	if (a->dispatch && a->opts.reload)
		return cli_usage(cli, "--reload does not go with --dispatch: `xdpf remove` first, then apply");
	if (a->dispatch && a->n_changes)
		return cli_usage(cli, "one file is not changed with --dispatch: compile all files together, and apply that");
	if (a->placed && !a->dispatch)
		return cli_usage(cli, "--priority is a place in libxdp's dispatcher: it takes --dispatch");
	return EXIT_DONE;
}

/* Behind the filter, or, where files of the one that runs are changed, without one. */
static int take_operands(struct cli *cli, struct asked *a, char **operands, int n)
{
	int first = a->n_changes ? 0 : 1, status = a->n_changes ? EXIT_DONE : cli_one_filter(cli, operands, n);

	if (status)
		return status;
	if (n <= first)
		return cli_usage(cli, a->n_changes ? "give the interfaces that the filter runs on" :
				 "give a filter and the interfaces it is to run on");
	if (a->n_changes && (cli_is_rules(operands[0]) || strchr(operands[0], '/')))
		return cli_usage(cli, "%s is no interface: where files of the filter that runs are changed, no filter is given", operands[0]);
	a->filter = a->n_changes ? NULL : operands[0];
	a->ifaces = operands + first;
	a->n = (size_t)(n - first);
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(a->ifaces[k], a->ifaces[i]))
				return cli_usage(cli, "%s is given twice", a->ifaces[i]);
	a->applied = calloc(a->n, sizeof(*a->applied));
	if (!a->applied) {
		cli_error(cli, "out of memory");
		return EXIT_SYSTEM;
	}
	a->opts.applied = a->applied;
	return EXIT_DONE;
}

/* ---- the work ---- */

static int dispatch_one(struct cli *cli, const struct asked *a, const struct xdpf_object *o)
{
	const struct xdpf_dispatch_opts opts = { .sz = sizeof(opts), .mode = a->opts.mode, .priority = (unsigned)a->priority };

	if (a->n != 1)
		return cli_usage(cli, "--dispatch takes one interface at a time: libxdp changes no two together");
	return cli_exit(xdpf_object_dispatch(o, a->ifaces[0], &opts, &cli->log));
}

int asked_apply(struct cli *cli, struct asked *a, const struct xdpf_object *o, int *err, const struct xdpf_log *log)
{
	const struct xdpf_meta *m = xdpf_object_meta(o);
	int status = a->no_tests ? EXIT_DONE : run_tests(cli, a, o);

	*err = 0;
	if (status)
		return status;
	if (a->dispatch) {
		status = dispatch_one(cli, a, o);
	} else {
		*err = xdpf_object_apply(o, (const char *const *)a->ifaces, a->n, &a->opts, log);
		status = cli_exit(*err);
	}
	if (status)
		return status;
	tell_unlabelled(cli, m);
	return a->json ? print_applied(cli, m, a->ifaces, a->applied, a->n) : EXIT_DONE;
}

int cmd_apply(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "mode", required_argument, NULL, OPT_MODE }, { "json", no_argument, NULL, OPT_JSON },
		{ "reload", no_argument, NULL, OPT_RELOAD }, { "afresh", no_argument, NULL, OPT_AFRESH },
		{ "confirm", required_argument, NULL, OPT_CONFIRM }, { "no-tests", no_argument, NULL, OPT_NO_TESTS },
		{ "dispatch", no_argument, NULL, OPT_DISPATCH }, { "priority", required_argument, NULL, OPT_PRIORITY },
		{ "replace", required_argument, NULL, OPT_REPLACE }, { "add", required_argument, NULL, OPT_ADD },
		{ "drop", required_argument, NULL, OPT_DROP }, { "before", required_argument, NULL, OPT_BEFORE },
		{ "after", required_argument, NULL, OPT_AFTER }, CLI_COMMON_OPTIONS, { 0 }
	};
	_cleanup_(object_freep) struct xdpf_object *o = NULL;
	_cleanup_(free_asked) struct asked a = { .opts = { .sz = sizeof(a.opts) }, .priority = 50 };
	int c, status, err;

	cli->usage = usage;
	a.changes = calloc((size_t)argc, sizeof(*a.changes));
	if (!a.changes) {
		cli_error(cli, "out of memory");
		return EXIT_SYSTEM;
	}
	while ((c = cli_option(cli, argc, argv, options, &status)) != -1) {
		if (c != '?')
			status = take_option(cli, &a, c);
		if (c == '?' || status)
			return status;
	}
	status = check_asked(cli, &a);
	if (!status)
		status = take_operands(cli, &a, argv + optind, argc - optind);
	if (status)
		return status;
	if (a.n_changes)
		return asked_merge(cli, &a);
	if (a.opts.mode == XDPF_MODE_NONE)
		a.opts.mode = XDPF_MODE_NATIVE;
	status = cli_open(cli, &o, a.filter);
	return status ? status : asked_apply(cli, &a, o, &err, &cli->log);
}
