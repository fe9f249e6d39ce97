/*
 * xdpfc --diff OLD NEW. In: two versions of a rule file. Out: the packets that they treat differently, by the rules that decide, each with a packet
 * that both were run on; or that there is none.
 */
#include <jansson.h>
#include <string.h>

#include "cli.h"
#include "cli_place.h"
#include "cli_progress.h"
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

	if (!r)
		return arena_printf(cli->arena, "the default of %s", file);
	name = r->label.s ? utf8_line(cli->arena, r->label.s, strlen(r->label.s), 255, false) : NULL;
	return name ? arena_printf(cli->arena, "`%s` (%s)", name, cli_place(cli, r->span)) : cli_place(cli, r->span);
}

/* As it is written. */
static const char *said(struct cli *cli, struct span sp)
{
	return sp.src ? utf8_line(cli->arena, sp.src->text + sp.begin, sp.end - sp.begin, 80, true) : "";
}

/* Of two verdicts of one name all that is said of them, such as the interface. */
static const char *verdict(struct cli *cli, const struct changes *all, const struct change *c, int side)
{
	const struct ast_rule *r = side ? c->after : c->before;
	const struct ast_action *x = r ? r->action.n ? r->action.v[r->action.n - 1] : NULL : all->unit[side]->default_action;

	if (c->kind != CHANGE_VERDICT || c->verdict[0] != c->verdict[1] || !x)
		return lang_verdicts[c->verdict[side]].name;
	return said(cli, x->span);
}

static const char *only(struct cli *cli, const struct change *c, int side)
{
	const char *text = "";

	for (size_t i = 0; i < c->only[side].n; i++)
		text = arena_printf(cli->arena, "%s%s`%s`", text, i ? ", " : "", said(cli, c->only[side].v[i]->span));
	return text;
}

static void undecided(struct cli *cli, const struct changes *all, const struct change *c)
{
	fputs("not decided: ", stdout);
	if (c->name)
		printf("limit `%s`: ", utf8_line(cli->arena, c->name, strlen(c->name), 255, false));
	if (c->before)
		printf("%s: ", who(cli, all->unit[0], c->before));
	if (c->after)
		printf("%s: ", who(cli, all->unit[1], c->after));
	puts(c->text);
}

static void text(struct cli *cli, const struct changes *all, const struct change *c)
{
	const char *before = who(cli, all->unit[0], c->before), *after = who(cli, all->unit[1], c->after);

	if (c->undecided) {
		undecided(cli, all, c);
		return;
	}
	switch (c->kind) {
	case CHANGE_ACTIONS:
		fputs("other things are done: ", stdout);
		/* fallthrough */
	case CHANGE_VERDICT:
		printf("%s by %s, now %s by %s", verdict(cli, all, c, 0), before, verdict(cli, all, c, 1), after);
		break;
	case CHANGE_LIMIT:
	case CHANGE_SET:
		printf("%s `%s` %s", c->kind == CHANGE_SET ? "set" : "limit", utf8_line(cli->arena, c->name, strlen(c->name), 255, false), c->text);
		break;
	}
	if (c->kind == CHANGE_ACTIONS && !c->only[0].n && !c->only[1].n)
		fputs("; in another order", stdout);
	if (c->only[0].n)
		printf("; no more: %s", only(cli, c, 0));
	if (c->only[1].n)
		printf("; new: %s", only(cli, c, 1));
	putchar('\n');
	if (!c->packet)
		return;
	fputs("    ", stdout);
	cli_put_witness(cli, stdout, c->packet);
	putchar('\n');
	cli_put_where(stdout, c->packet);
}

static json_t *side(struct cli *cli, const struct changes *all, const struct change *c, int side)
{
	const struct ast_unit *u = all->unit[side];
	const struct ast_rule *r = side ? c->after : c->before;
	json_t *o = json_object(), *list = json_array();

	json_object_set_new(o, "rule", r ? cli_json_string(utf8_line(cli->arena, r->shown, strlen(r->shown), 255, false)) : json_string("default"));
	if (r) {
		cli_json_place(cli, o, r->span);
	} else {
		json_object_set_new(o, "file", cli_json_string(utf8_line(cli->arena, u->name, strlen(u->name), 255, false)));
		json_object_set_new(o, "line", json_null());
	}
	json_object_set_new(o, "verdict", c->packet ? json_string(lang_verdicts[c->verdict[side]].name) : json_null());
	for (size_t i = 0; i < c->only[side].n; i++)
		json_array_append_new(list, cli_json_string(said(cli, c->only[side].v[i]->span)));
	json_object_set_new(o, "only", list);
	return o;
}

static json_t *data(struct cli *cli, const struct changes *all, const struct change *c)
{
	static const char *const kinds[] = {
		[CHANGE_VERDICT] = "verdict", [CHANGE_ACTIONS] = "actions", [CHANGE_LIMIT] = "limit", [CHANGE_SET] = "set",
	};
	bool rules = c->packet || c->before || c->after;
	json_t *o = json_object();

	json_object_set_new(o, "kind", json_string(kinds[c->kind]));
	json_object_set_new(o, "decided", json_boolean(!c->undecided));
	json_object_set_new(o, "name", c->name ? cli_json_string(utf8_line(cli->arena, c->name, strlen(c->name), 255, false)) : json_null());
	json_object_set_new(o, "text", c->text ? json_string(c->text) : json_null());
	json_object_set_new(o, "old", rules ? side(cli, all, c, 0) : json_null());
	json_object_set_new(o, "new", rules ? side(cli, all, c, 1) : json_null());
	json_object_set_new(o, "actions", json_boolean(c->kind == CHANGE_ACTIONS));
	json_object_set_new(o, "packet", c->packet ? cli_json_witness(cli, c->packet) : json_null());
	return o;
}

int cli_diff(struct cli *cli)
{
	const struct analyse_options o = { .effort = cli->most_effort, .all = cli->most_total };
	const struct ast_program *before = version(cli, cli->files[0]), *after = version(cli, cli->files[1]);
	struct changes changes;
	json_t *list;

	if (!before || !after)
		return EXIT_INPUT;
	cli_progress_begin(cli, "comparing");
	analyse_diff(cli->arena, before, after, &o, &changes);
	cli_progress_end();
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
