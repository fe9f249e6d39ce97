/*
 * xdpf test, the tests that the rule file has. In: an object. Out: one line per test that fails in the kernel, as `xdpfc
 * --test` prints it of the evaluator, and how many there were.
 */
#include <limits.h>

#include "cli.h"
#include "test_rules.h"

static void tests_freep(struct xdpf_tests **t)
{
	xdpf_tests_free(*t);
}

static const char *who(const struct xdpf_meta *m, unsigned index)
{
	const struct xdpf_rule *r = xdpf_meta_rule(m, index);

	return index == UINT_MAX ? "-" : r ? r->shown : "default";
}

/* With several files: whose rule or default it is. */
static const char *whose(const struct xdpf_meta *m, unsigned index)
{
	const struct xdpf_rule *r = xdpf_meta_rule(m, index);

	if (m->n_files < 2)
		return NULL;
	if (r)
		return m->files[r->file].name;
	for (size_t i = 0; i < m->n_files; i++)
		if (m->files[i].default_index == index)
			return m->files[i].name;
	return NULL;
}

static void say(const struct cli *cli, const struct test_rules *out, const char *text)
{
	if (out->as_messages)
		cli_error(cli, "%s", text);
	else
		printf("%s\n", text);
}

static void tell(const struct cli *cli, const struct xdpf_meta *m, const struct xdpf_test *t, const struct xdpf_test_result *r,
		 const struct test_rules *out)
{
	json_t *failures = out->failures;
	char text[1024];

	const struct xdpf_step *e = r->step;
	const char *by = e->index == UINT_MAX ? NULL : who(m, e->index), *verdict = xdpf_verdict_name(e->verdict);
	const char *came = xdpf_verdict_name(r->came.verdict), *file = whose(m, r->came.index);

	if (failures)
		json_array_append_new(failures, json_pack("{s:s, s:s, s:I, s:I, s:s, s:s?, s:s, s:s}", "test", t->name, "file", e->source,
							  "line", (json_int_t)e->line, "packet", (json_int_t)r->packet,
							  "expected", verdict, "by", by, "verdict", came, "rule", who(m, r->came.index)));
	else
		snprintf(text, sizeof(text), "%s:%u: test \"%s\": packet %llu: expected %s%s%s, came %s by %s%s%s", e->source, e->line, t->name,
			 (unsigned long long)r->packet, verdict, by ? " by " : "", by ? by : "", came, who(m, r->came.index),
			 file ? " of " : "", file ? file : "");
	if (!failures)
		say(cli, out, text);
}

/* An element found no room. */
static void tell_full(const struct cli *cli, const struct xdpf_meta *m, const struct xdpf_test *t, const struct xdpf_test_result *r,
		      const struct test_rules *out)
{
	json_t *failures = out->failures;
	char text[1024];

	const struct xdpf_step *step = r->step;
	const struct xdpf_set *set = &m->sets[step->set];

	if (failures)
		json_array_append_new(failures, json_pack("{s:s, s:s, s:I, s:I, s:s, s:I}", "test", t->name, "file", step->source, "line",
							  (json_int_t)step->line, "packet", (json_int_t)r->packet, "full", set->name,
							  "size", (json_int_t)set->size));
	else
		snprintf(text, sizeof(text), "%s:%u: test \"%s\": set %s is full: it holds %u element%s", step->source, step->line, t->name,
			 set->name, set->size, set->size == 1 ? "" : "s");
	if (!failures)
		say(cli, out, text);
}

int test_rules(struct cli *cli, const struct xdpf_object *o, struct test_rules *out)
{
	_cleanup_(tests_freep) struct xdpf_tests *tests = NULL;
	const struct xdpf_test *t;
	size_t n = 0;
	int err = xdpf_object_tests(&tests, o, &cli->log);

	if (err)
		return err;
	t = xdpf_tests_get(tests, &n);
	for (size_t i = 0; i < n; i++) {
		struct xdpf_test_result r;

		err = xdpf_test_run(&r, o, &t[i], &cli->log);
		if (err) {
			cli_error(cli, "test \"%s\": it did not run", t[i].name);
			return err;
		}
		out->run++;
		if (r.passed)
			continue;
		out->failed++;
		if (out->failed_of && xdpf_tests_file(tests, i) < xdpf_object_meta(o)->n_files)
			out->failed_of[xdpf_tests_file(tests, i)]++;
		if (r.step->kind == XDPF_STEP_EXPECT)
			tell(cli, xdpf_object_meta(o), &t[i], &r, out);
		else
			tell_full(cli, xdpf_object_meta(o), &t[i], &r, out);
	}
	return 0;
}
