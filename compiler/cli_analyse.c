/*
 * xdpfc --analyse. In: a checked program. Out: what was found in it, each finding with the lines that it is about and a packet that shows it; as text
 * or as JSON. The exit status says whether anything was.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "cli_finding.h"
#include "cli_place.h"
#include "cli_progress.h"
#include "cli_witness.h"
#include "utf8.h"

static const char *const kinds[] = {
	[FINDING_NEVER] = "never", [FINDING_SHADOWED] = "shadowed", [FINDING_PASS_AFTER_DROP] = "pass-after-drop",
	[FINDING_REDUNDANT] = "redundant", [FINDING_LIMIT_TWICE] = "limit-twice", [FINDING_LIMITS] = "limits",
	[FINDING_ELEMENT] = "element", [FINDING_NO_ARP] = "no-arp", [FINDING_NO_NEIGHBOURS] = "no-neighbour-discovery",
	[FINDING_UNDECIDED] = "not-decided",
};

const char *cli_finding_kind(const struct finding *f)
{
	return kinds[f->kind];
}

enum { MOST_NAMED = 8 };	/* rules that the text names; the data have all of them */

static const char *shown(struct cli *cli, const char *s)
{
	return utf8_line(cli->arena, s, strlen(s), 255, false);
}

/* A rule with its line: "`bad` (line 12)", "line 12". */
static const char *named(struct cli *cli, const struct ast_rule *r)
{
	const char *at;

	if (!r)
		return "the default";
	at = cli_place_within(cli, r->span);
	return r->label.s ? arena_printf(cli->arena, "`%s` (%s)", shown(cli, r->label.s), at) : at;
}

static const char *all_named(struct cli *cli, const struct finding *f)
{
	const char *text = "";

	for (size_t i = 0; i < f->by.n && i < MOST_NAMED; i++)
		text = arena_printf(cli->arena, "%s%s%s", text, !i ? "" : i + 1 == f->by.n ? " and " : ", ", named(cli, f->by.v[i]));
	if (f->by.n > MOST_NAMED)
		text = arena_printf(cli->arena, "%s and %zu more", text, f->by.n - MOST_NAMED);
	return text;
}

static const char *element(struct cli *cli, const struct ast_set *set, const struct range *r)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	const char *kept;

	if (!out)
		return "";
	for (unsigned i = 0; i < set->n_types; i++) {
		fputs(i ? ", " : "(", out);
		cli_put_range(out, set->types[i], &r[i]);
	}
	fputs(")", out);
	fclose(out);
	kept = arena_strndup(cli->arena, text, len);
	free(text);
	return kept;
}

static const char *verb(const struct finding *f)
{
	return f->by.n == 1 ? "decides" : "decide";
}

const char *cli_finding_says(struct cli *cli, const struct finding *f)
{
	struct arena *a = cli->arena;

	switch (f->kind) {
	case FINDING_NEVER:
		return "no packet has all that this rule asks for";
	case FINDING_SHADOWED:
		return arena_printf(a, "this rule is never reached: %s %s about all of its packets", all_named(cli, f), verb(f));
	case FINDING_PASS_AFTER_DROP:
		return arena_printf(a, "this rule passes nothing: %s %s all of its packets before it", all_named(cli, f),
				    f->by.n == 1 ? "drops" : "drop");
	case FINDING_REDUNDANT:
		return arena_printf(a, "without this rule the same would happen to all of its packets: %s does it to this one",
				    all_named(cli, f));
	case FINDING_LIMIT_TWICE:
		return arena_printf(a, "a packet takes from limit `%s` twice: here and at %s", shown(cli, f->name), all_named(cli, f));
	case FINDING_LIMITS:
		return arena_printf(a, "a packet is counted by two limits with the same key: here and at %s", all_named(cli, f));
	case FINDING_ELEMENT:
		return arena_printf(a, "set `%s`: %s is covered by %s (%s)", shown(cli, f->name), element(cli, f->set, f->element[0]),
				    element(cli, f->set, f->element[1]), cli_place_within(cli, f->other));
	case FINDING_NO_ARP:
		return "IPv4 passes, and no ARP does: the default drops what rules leave of it, so nobody on the link finds this machine";
	case FINDING_NO_NEIGHBOURS:
		return "IPv6 passes, and no neighbour discovery does: the default drops what rules leave of it, so nobody on the link finds this "
		       "machine";
	case FINDING_UNDECIDED:
		return arena_printf(a, "not decided: %s", f->text);
	}
	return "";
}

struct span cli_finding_at(const struct finding *f)
{
	struct span file = { f->unit->source, 0, 0 };

	return f->span.src ? f->span : f->rule ? f->rule->span : f->unit->default_action ? f->unit->default_action->span : file;
}

static void text(struct cli *cli, const struct finding *f)
{
	const char *label = f->rule && f->rule->label.s ? arena_printf(cli->arena, "`%s`: ", shown(cli, f->rule->label.s)) : "";

	printf("%s: %s%s\n", cli_place(cli, cli_finding_at(f)), label, cli_finding_says(cli, f));
	if (!f->packet)
		return;
	fputs("    ", stdout);
	cli_put_witness(cli, stdout, f->packet);
	putchar('\n');
	cli_put_where(stdout, f->packet);
}

static json_t *json_rule(struct cli *cli, const struct ast_rule *r)
{
	json_t *o;

	if (!r)
		return json_pack("{s:s}", "rule", "default");
	o = json_pack("{s:o}", "rule", cli_json_string(shown(cli, r->shown)));
	cli_json_place(cli, o, r->span);
	return o;
}

static json_t *data(struct cli *cli, const struct finding *f)
{
	json_t *by = json_array(), *o;

	o = json_pack("{s:s}", "kind", cli_finding_kind(f));
	cli_json_place(cli, o, cli_finding_at(f));
	json_object_set_new(o, "text", cli_json_string(cli_finding_says(cli, f)));
	json_object_set_new(o, "rule", f->rule ? cli_json_string(shown(cli, f->rule->shown)) : json_null());
	for (size_t i = 0; i < f->by.n; i++)
		json_array_append_new(by, json_rule(cli, f->by.v[i]));
	json_object_set_new(o, "by", by);
	json_object_set_new(o, "decided-by", f->packet ? json_rule(cli, f->decider) : json_null());
	json_object_set_new(o, "packet", f->packet ? cli_json_witness(cli, f->packet) : json_null());
	return o;
}

int cli_analyse(struct cli *cli)
{
	const struct analyse_options o = { .effort = cli->most_effort, .all = cli->most_total };
	const struct ast_program *p;
	struct findings found;
	json_t *list;

	cli->diag.analysed = true;
	p = cli_front(cli);
	if (!p)
		return EXIT_INPUT;
	cli_progress_begin(cli, "analysing");
	analyse_program(cli->arena, p, &o, &found);
	cli_progress_end();
	list = json_array();
	for (size_t i = 0; i < found.list.n; i++)
		if (cli->json)
			json_array_append_new(list, data(cli, &found.list.v[i]));
		else
			text(cli, &found.list.v[i]);
	if (cli->json) {
		json_t *all = json_pack("{s:O, s:I}", "findings", list, "not-decided", (json_int_t)found.undecided);

		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(all);
	} else if (!cli->quiet) {
		if (!found.list.n)
			puts("nothing found");
	}
	json_decref(list);
	return found.list.n ? EXIT_NO : EXIT_DONE;
}
