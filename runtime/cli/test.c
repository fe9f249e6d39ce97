/*
 * xdpf test: does an object load here, and does what it does agree with what it says about itself? A set of frames runs
 * through it in the kernel, linear and with fragments: every verdict must be the one of the rule that decided, and the books
 * must balance.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "cli.h"
#include "frames.h"
#include "test_rules.h"

static const char usage[] =
	"usage: xdpf test rules.xdpf|prog.o [--json]\n\n"
	"Loads the filter into the kernel, nothing attached, and runs a set of frames through it: every verdict must\n"
	"be the one of the rule that decided, and the counters must balance. Then the tests in the rule file are run, as\n"
	"`xdpfc --test` runs them without the kernel; a line for each that fails.\n\n"
	"  --json           as JSON\n"
	"  --quiet          only errors and warnings\n"
	"  --verbose        what the libraries say too\n";

struct result {
	unsigned frames, failed, skipped;
	unsigned verdicts[XDPF_N_VERDICTS];
};

/* Can the rule or default with this index decide so? */
static bool promised(const struct xdpf_meta *m, unsigned index, enum xdpf_verdict v)
{
	const struct xdpf_rule *r = xdpf_meta_rule(m, index);

	for (size_t i = 0; !r && i < m->n_files; i++)
		if (m->files[i].default_index == index)
			return m->files[i].default_verdict == v || m->files[i].default_other.verdict == v;
	return r && (r->verdict == v || r->other.verdict == v);
}

/* Without a trace: is there anybody who decides so? */
static bool possible(const struct xdpf_meta *m, enum xdpf_verdict v)
{
	for (size_t i = 0; i < m->n_rules; i++)
		if (m->rules[i].verdict == v || m->rules[i].other.verdict == v)
			return true;
	for (size_t i = 0; i < m->n_files; i++)
		if (m->files[i].default_verdict == v || m->files[i].default_other.verdict == v)
			return true;
	return false;
}

static void run_frame(struct cli *cli, struct xdpf_program *p, const struct frame *f, unsigned split, struct result *r)
{
	const struct xdpf_run_opts opts = { .sz = sizeof(opts), .split = split };
	const struct xdpf_meta *m = xdpf_program_meta(p);
	struct xdpf_run_result res;
	/* Older kernels split no frame where one wants it: that is their word, and said once by the caller. */
	int err = xdpf_program_run(p, f->data, f->len, &opts, &res, split ? NULL : &cli->log);

	if (err == -EINVAL && split) {
		r->skipped++;
		return;
	}
	r->frames++;
	if (err) {
		cli_error(cli, "frame \"%s\": it did not run: %s", f->name, strerror(-err));
		r->failed++;
		return;
	}
	r->verdicts[res.verdict]++;
	if (res.index == UINT_MAX ? possible(m, res.verdict) : promised(m, res.index, res.verdict))
		return;
	r->failed++;
	cli_error(cli, "frame \"%s\"%s: the verdict is %s, which is not what counter %u decides", f->name, split ? ", split" : "",
		  xdpf_verdict_name(res.verdict), res.index);
}

static void check_books(struct cli *cli, struct xdpf_program *p, struct result *r)
{
	_cleanup_(stats_freep) struct xdpf_stats *s = NULL;
	const struct xdpf_meta *m = xdpf_program_meta(p);
	bool all_counted = true;

	if (xdpf_stats_read(&s, p, &cli->log)) {
		r->failed++;
		return;
	}
	for (size_t i = 0; i < m->n_files; i++)
		all_counted &= m->files[i].counters;
	for (int v = 0; all_counted && v < XDPF_N_VERDICTS; v++) {
		uint64_t n = xdpf_stats_verdict(s, (enum xdpf_verdict)v).packets;

		if (n == r->verdicts[v])
			continue;
		r->failed++;
		cli_error(cli, "the books do not balance: %u frames got %s, and %llu are counted", r->verdicts[v],
			  xdpf_verdict_name((enum xdpf_verdict)v), (unsigned long long)n);
	}
	if (!xdpf_stats_balanced(s)) {
		r->failed++;
		cli_error(cli,
			  "the books do not balance: what rules and defaults decided is not what files and verdicts counted");
	}
}

static int run_all(struct cli *cli, const struct xdpf_object *o, bool frags, struct result *r)
{
	struct xdpf_load_opts load = { .sz = sizeof(load), .test = true, .frags = frags };
	_cleanup_(program_freep) struct xdpf_program *p = NULL;
	static const unsigned splits[] = { 14, 20, 34, 40, 54, 60 };
	const size_t n_splits = frags ? sizeof(splits) / sizeof(splits[0]) : 0;
	struct frame f;
	int err;

	for (unsigned i = 0; frames_make(&f, i); i++)
		load.test_packets += 1 + n_splits;
	err = xdpf_program_load(&p, o, &load, &cli->log);
	if (err)
		return err;
	for (unsigned i = 0; frames_make(&f, i); i++) {
		run_frame(cli, p, &f, 0, r);
		for (size_t k = 0; k < n_splits; k++)
			if (splits[k] < f.len)
				run_frame(cli, p, &f, splits[k], r);
	}
	check_books(cli, p, r);
	return 0;
}

static json_t *result_json(const char *name, const struct result *r)
{
	return json_pack("{s:s, s:I, s:I, s:I}", "loaded", name, "frames", (json_int_t)r->frames, "failed", (json_int_t)r->failed,
			 "skipped", (json_int_t)r->skipped);
}

static void result_text(const char *name, const struct result *r)
{
	printf("%s: %u frames", name, r->frames);
	for (int v = 0; v < XDPF_N_VERDICTS; v++)
		if (r->verdicts[v])
			printf(", %u %s", r->verdicts[v], xdpf_verdict_name((enum xdpf_verdict)v));
	printf("; %u failed", r->failed);
	if (r->skipped)
		printf(", %u skipped (this kernel does not split a frame where a test wants it)", r->skipped);
	printf("\n");
}

int cmd_test(struct cli *cli, int argc, char **argv)
{
	enum { OPT_JSON = OPT_OWN };
	static const struct option options[] = { { "json", no_argument, NULL, OPT_JSON }, CLI_COMMON_OPTIONS, { 0 } };
	_cleanup_(object_freep) struct xdpf_object *o = NULL;
	struct result linear = { 0 }, frags = { 0 };
	struct test_rules rules = { 0 };
	bool json = false;
	int c, status, err;

	cli->usage = usage;
	while ((c = cli_option(cli, argc, argv, options, &status)) != -1) {
		if (c == '?')
			return status;
		json = true;
	}
	status = cli_one_filter(cli, argv + optind, argc - optind);
	if (status)
		return status;
	if (argc - optind != 1)
		return cli_usage(cli, "give one filter");
	status = cli_open(cli, &o, argv[optind]);
	if (status)
		return status;
	err = run_all(cli, o, false, &linear);
	if (!err)
		err = run_all(cli, o, true, &frags);
	if (!err && json)
		rules.failures = json_array();
	if (!err)
		err = test_rules(cli, o, &rules);
	if (err) {
		json_decref(rules.failures);
		return cli_exit(err);
	}
	if (json) {
		cli_print_json(cli, json_pack("[o, o, {s:I, s:I, s:o}]", result_json("linear", &linear), result_json("frags", &frags), "tests",
					      (json_int_t)rules.run, "failed", (json_int_t)rules.failed, "failures", rules.failures),
			       JSON_INDENT(2));
	} else if (!cli->quiet) {
		result_text("linear", &linear);
		result_text("frags", &frags);
		if (rules.run)
			printf("%llu test%s, %llu failed\n", rules.run, rules.run == 1 ? "" : "s", rules.failed);
	}
	return linear.failed || frags.failed || rules.failed ? EXIT_INPUT : EXIT_DONE;
}
