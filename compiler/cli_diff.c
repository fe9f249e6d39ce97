/*
 * xdpfc --diff OLD NEW. In: two versions of a rule file. Out: the packets that they treat differently, by the rules that decide, each with a packet
 * that both were run on; or that there is none.
 */
#include <jansson.h>
#include <string.h>

#include "cli.h"
#include "cli_witness.h"
#include "compile.h"
#include "utf8.h"

static struct ast_program *version(struct cli *cli, const char *path)
{
	const struct source *source = cli_source(cli, path);
	struct ast_program *p = source ? compile_front(cli->arena, &source, 1, &cli->diag) : NULL;

	/* what is only odd about a version is no difference */
	if (diag_failed(&cli->diag))
		cli_show(cli);
	return p;
}

static const char *who(struct cli *cli, const struct ast_unit *u, const struct ast_rule *r)
{
	const char *file = utf8_line(cli->arena, u->name, strlen(u->name), 255, false), *name;
	unsigned line;

	if (!r)
		return arena_printf(cli->arena, "the default of %s", file);
	line = source_line_col(r->span.src, r->span.begin).line;
	file = utf8_line(cli->arena, source_shown(r->span.src), strlen(source_shown(r->span.src)), 255, false);
	name = r->label.s ? utf8_line(cli->arena, r->label.s, strlen(r->label.s), 255, false) : NULL;
	return name ? arena_printf(cli->arena, "`%s` (%s:%u)", name, file, line) : arena_printf(cli->arena, "%s:%u", file, line);
}

static void text(struct cli *cli, const struct changes *all, const struct change *c)
{
	const char *before = who(cli, all->unit[0], c->before), *after = who(cli, all->unit[1], c->after);

	if (c->undecided) {
		printf("not decided: %s, and %s\n", before, after);
		return;
	}
	if (c->acts)
		printf("other things are done: %s by %s, now %s by %s\n", lang_verdicts[c->verdict[0]].name, before,
		       lang_verdicts[c->verdict[1]].name, after);
	else
		printf("%s by %s, now %s by %s\n", lang_verdicts[c->verdict[0]].name, before, lang_verdicts[c->verdict[1]].name, after);
	fputs("    ", stdout);
	cli_put_witness(cli, stdout, c->packet);
	putchar('\n');
	cli_put_where(stdout, c->packet);
}

static json_t *side(struct cli *cli, const struct ast_unit *u, const struct ast_rule *r, const char *verdict)
{
	const char *file = r ? source_shown(r->span.src) : u->name;

	return json_pack("{s:o, s:o, s:o, s:o}", "rule", r ? cli_json_string(utf8_line(cli->arena, r->shown, strlen(r->shown), 255, false)) :
			 json_string("default"), "file", cli_json_string(utf8_line(cli->arena, file, strlen(file), 255, false)), "line",
			 r ? json_integer(source_line_col(r->span.src, r->span.begin).line) : json_null(), "verdict",
			 verdict ? json_string(verdict) : json_null());
}

static json_t *data(struct cli *cli, const struct changes *all, const struct change *c)
{
	json_t *o = json_object();

	json_object_set_new(o, "decided", json_boolean(!c->undecided));
	json_object_set_new(o, "old", side(cli, all->unit[0], c->before, c->undecided ? NULL : lang_verdicts[c->verdict[0]].name));
	json_object_set_new(o, "new", side(cli, all->unit[1], c->after, c->undecided ? NULL : lang_verdicts[c->verdict[1]].name));
	json_object_set_new(o, "actions", json_boolean(c->acts));
	json_object_set_new(o, "packet", c->packet ? cli_json_witness(cli, c->packet) : json_null());
	return o;
}

int cli_diff(struct cli *cli)
{
	const struct analyse_options o = { .effort = cli->most_effort };
	const struct ast_program *before = version(cli, cli->files[0]), *after = version(cli, cli->files[1]);
	struct changes changes;
	json_t *list;

	if (!before || !after)
		return EXIT_INPUT;
	analyse_diff(cli->arena, before, after, &o, &changes);
	list = json_array();
	for (size_t i = 0; i < changes.list.n; i++)
		if (cli->json)
			json_array_append_new(list, data(cli, &changes, &changes.list.v[i]));
		else
			text(cli, &changes, &changes.list.v[i]);
	if (cli->json) {
		json_t *all = json_pack("{s:O, s:I}", "changes", list, "not-decided", (json_int_t)changes.undecided);

		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(all);
	} else if (!changes.list.n) {
		puts("no packet is treated differently");
	}
	json_decref(list);
	return changes.list.n ? EXIT_NO : EXIT_DONE;
}
