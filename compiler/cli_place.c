/*
 * Where something stands. In: a span. Out: its file and line, as text or as JSON; of a text that was made from something else, where those who wrote
 * that find it, as diagnostics say it (diag.h).
 */
#include "cli_place.h"

#include <jansson.h>
#include <string.h>

#include "utf8.h"

static const char *shown(struct cli *cli, const char *s)
{
	return utf8_line(cli->arena, s, strlen(s), 255, false);
}

static const char *origin_path(const struct source_origin *o)
{
	return strcmp(o->path, "-") == 0 ? "<stdin>" : o->path;
}

const char *cli_place_within(struct cli *cli, struct span sp)
{
	const struct source_origin *o = sp.src->origin;

	return o ? shown(cli, o->place(o, cli->arena, sp)) : arena_printf(cli->arena, "line %u", source_line_col(sp.src, sp.begin).line);
}

const char *cli_place(struct cli *cli, struct span sp)
{
	const struct source_origin *o = sp.src ? sp.src->origin : NULL;
	const char *file = NULL, *text;
	unsigned line = 0;

	if (!o)
		return sp.src ? shown(cli, span_shown(cli->arena, sp)) : "";
	text = arena_printf(cli->arena, "%s#%s", shown(cli, origin_path(o)), cli_place_within(cli, sp));
	if (o->written)
		o->written(o, sp, &file, &line);
	if (!file && !line)
		return text;
	text = arena_printf(cli->arena, "%s, written by %s", text, file ? shown(cli, file) : "line");
	return line ? arena_printf(cli->arena, "%s%s%u", text, file ? ":" : " ", line) : text;
}

void cli_json_place(struct cli *cli, json_t *o, struct span sp)
{
	const struct source_origin *from = sp.src->origin;
	const char *file = NULL;
	unsigned line = 0;
	json_t *by;

	if (!from) {
		json_object_set_new(o, "file", cli_json_string(shown(cli, source_shown(sp.src))));
		json_object_set_new(o, "line", json_integer(source_line_col(sp.src, sp.begin).line));
		return;
	}
	json_object_set_new(o, "file", cli_json_string(shown(cli, origin_path(from))));
	json_object_set_new(o, "pointer", cli_json_string(shown(cli, from->place(from, cli->arena, sp))));
	if (from->written)
		from->written(from, sp, &file, &line);
	if (!file && !line)
		return;
	by = json_object();
	if (file)
		json_object_set_new(by, "file", cli_json_string(shown(cli, file)));
	if (line)
		json_object_set_new(by, "line", json_integer(line));
	json_object_set_new(o, "written_by", by);
}
