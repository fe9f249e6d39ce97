/*
 * xdpfc --test: the tests in the rule files, by the reference evaluator. In: a checked program. Out: one line per test that
 * fails (where it stands, what was expected, what came), and a summary; `xdpf test` prints the same of the kernel.
 */
#include <jansson.h>
#include <string.h>

#include "cli.h"
#include "eval_test.h"
#include "utf8.h"

struct tally {
	unsigned long long run, failed;
	json_t *failures;
};

static const char *shown(struct cli *cli, const char *s)
{
	return utf8_line(cli->arena, s, strlen(s), 255, false);
}

static const char *expected_by(struct cli *cli, const struct ast_program *p, const struct ast_step *e)
{
	const struct ast_rule *r = p->by_index.v[e->index];

	return r ? shown(cli, r->shown) : "default";
}

/* An element found no room. */
static json_t *json_full(struct cli *cli, const struct ast_step *step)
{
	return json_pack("{s:o, s:I}", "full", cli_json_string(shown(cli, step->set->name.s)), "size", (json_int_t)step->set->max);
}

static json_t *json_unmet(struct cli *cli, const struct ast_program *p, const struct eval_test_result *r)
{
	const char *by = r->step->by.s ? expected_by(cli, p, r->step) : NULL;

	return json_pack("{s:s, s:o, s:s, s:o}", "expected", lang_verdicts[r->step->want].name, "by", by ? cli_json_string(by) : json_null(),
			 "verdict", lang_verdicts[r->came.verdict].name, "rule",
			 cli_json_string(r->came.rule ? shown(cli, r->came.rule->shown) : "default"));
}

static void tell(struct cli *cli, const struct ast_program *p, const struct ast_test *t, const struct eval_test_result *r, struct tally *tally)
{
	const struct span sp = r->step->span;
	const char *name = shown(cli, t->name.s), *file = shown(cli, source_shown(sp.src));
	unsigned line = source_line_col(sp.src, sp.begin).line;
	json_t *o, *what;

	if (!cli->json) {
		printf("%s:%u: test \"%s\": %s\n", file, line, name, eval_test_text(cli->arena, p, r));
		return;
	}
	o = json_pack("{s:o, s:o, s:I, s:I}", "test", cli_json_string(name), "file", cli_json_string(file), "line", (json_int_t)line, "packet",
		      (json_int_t)r->packet);
	what = r->step->kind == STEP_EXPECT ? json_unmet(cli, p, r) : json_full(cli, r->step);
	json_object_update(o, what);
	json_decref(what);
	json_array_append_new(tally->failures, o);
}

static void run_unit(struct cli *cli, const struct ast_program *p, const struct ast_unit *u, struct tally *tally)
{
	for (size_t i = 0; i < u->tests.n; i++) {
		struct eval_test_result r;

		eval_test(p, u->tests.v[i], &r);
		tally->run++;
		if (r.passed)
			continue;
		tally->failed++;
		tell(cli, p, u->tests.v[i], &r, tally);
	}
}

int cli_test(struct cli *cli)
{
	const struct ast_program *p = cli_front(cli);
	struct tally tally = { .failures = json_array() };
	json_t *o;

	if (!p) {
		json_decref(tally.failures);
		return EXIT_INPUT;
	}
	for (size_t i = 0; i < p->units.n; i++)
		run_unit(cli, p, p->units.v[i], &tally);
	o = json_pack("{s:I, s:I, s:o}", "tests", (json_int_t)tally.run, "failed", (json_int_t)tally.failed,
		      "failures", tally.failures);
	if (cli->json) {
		json_dumpf(o, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (!cli->quiet) {
		printf("%llu test%s, %llu failed\n", tally.run, tally.run == 1 ? "" : "s", tally.failed);
	}
	json_decref(o);
	return tally.failed ? EXIT_INPUT : EXIT_DONE;
}
