/*
 * xdpfc --list=WHAT: the language's tables, one row a line with tabs between the columns, or as JSON. Out: what the *.def files say,
 * nothing else.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "json.h"

/* A table being listed: rows are given column by column, as text or number. */
struct list {
	struct arena *arena;
	bool json;
	json_t *rows, *row;
	unsigned column;
};

static void row_begin(struct list *l)
{
	l->column = 0;
	if (l->json)
		l->row = json_object();
}

static void column_sep(struct list *l)
{
	if (l->column++)
		putchar('\t');
}

static void column_text(struct list *l, const char *key, const char *text)
{
	if (l->json) {
		json_object_set_new(l->row, key, json_string(text));
		return;
	}
	column_sep(l);
	fputs(text, stdout);
}

static void column_number(struct list *l, const char *key, uint64_t n)
{
	if (l->json) {
		json_object_set_new(l->row, key, json_integer((json_int_t)n));
		return;
	}
	column_sep(l);
	printf("%" PRIu64, n);
}

static void row_end(struct list *l)
{
	if (l->json)
		json_array_append_new(l->rows, l->row);
	else
		putchar('\n');
}

/* name, type, bits, header, access (read, or write: that too), doc */
static void list_fields(struct list *l)
{
	for (int i = 0; i < FIELD_COUNT; i++) {
		const struct field_info *f = &lang_fields[i];
		/* A part has no name of its own, an alias no header: there the protocol stands before the dot. */
		const char *header = f->form != FORM_ALIAS && f->header != HDR_NONE ? lang_headers[f->header].name : NULL;
		size_t n = strcspn(f->name, ".");
		char protocol[32] = "-";

		if (!header && !(f->form == FORM_META && f->header == HDR_NONE) && f->name[n] == '.' && n < sizeof(protocol)) {
			memcpy(protocol, f->name, n);
			protocol[n] = '\0';
		}
		row_begin(l);
		column_text(l, "name", f->name);
		column_text(l, "type", lang_types[f->type].name);
		column_number(l, "bits", f->bits);
		column_text(l, "header", header ? header : protocol);
		column_text(l, "access", lang_written((enum field_id)i) ? "write" : "read");
		column_text(l, "doc", f->doc);
		row_end(l);
	}
}

/* name, kind, form, doc */
static void list_actions(struct list *l)
{
	static const struct {
		const char *name, *kind, *form, *doc;
	} actions[] = {
#define ACTION(name, kind, form, doc) { name, kind, form, doc },
#include "actions.def"
#undef ACTION
	};

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		row_begin(l);
		column_text(l, "name", actions[i].name);
		column_text(l, "kind", actions[i].kind);
		column_text(l, "form", actions[i].form);
		column_text(l, "doc", actions[i].doc);
		row_end(l);
	}
}

/* name, of (scale, time, period, rate), doc */
static void list_units(struct list *l)
{
	static const struct {
		const char *name, *of, *doc;
	} units[] = {
#define SCALE(name, factor, doc) { name, "scale", doc },
#define TIME(name, ns, doc) { name, "time", doc },
#define PERIOD(name, ns, doc) { name, "period", doc },
#define RATED(name, id, doc) { name, "rate", doc },
#include "units.def"
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		row_begin(l);
		column_text(l, "name", units[i].name);
		column_text(l, "of", units[i].of);
		column_text(l, "doc", units[i].doc);
		row_end(l);
	}
}

static void form(void *arg, const char *family, const char *form, const char *doc)
{
	struct list *l = arg;

	row_begin(l);
	column_text(l, "of", family);
	column_text(l, "form", form);
	column_text(l, "doc", doc);
	row_end(l);
}

/* of (statement, limit, condition and others), form, doc */
static void list_forms(struct list *l)
{
	json_forms(form, l);
}

/* name, value, group, doc */
static void list_options(struct list *l)
{
	static const struct {
		const char *name, *value, *group, *doc;
	} options[] = {
#define TOOL_OPTION(ID, group, name, value, doc) { name, value, group, doc },
#include "cli_options.def"
#undef TOOL_OPTION
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		row_begin(l);
		column_text(l, "name", options[i].name);
		column_text(l, "value", options[i].value ? options[i].value : "");
		column_text(l, "group", options[i].group);
		column_text(l, "doc", options[i].doc);
		row_end(l);
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* name */
static void list_keywords(struct list *l)
{
	size_t n;
	const char *const *words = parse_keywords(&n);
	const char **sorted = arena_copy(l->arena, words, n * sizeof(*sorted));

	qsort(sorted, n, sizeof(*sorted), by_name);
	for (size_t i = 0; i < n; i++) {
		row_begin(l);
		column_text(l, "name", sorted[i]);
		row_end(l);
	}
}

/* name, bits, doc */
static void list_types(struct list *l)
{
	for (int i = 0; i < TYPE_COUNT; i++) {
		row_begin(l);
		column_text(l, "name", lang_types[i].name);
		column_number(l, "bits", lang_types[i].bits);
		column_text(l, "doc", lang_types[i].doc);
		row_end(l);
	}
}

/* type, name, value */
static void list_names(struct list *l)
{
	for (size_t i = 0; i < lang_n_names; i++) {
		const char *type = NULL;

		for (int t = 0; t < TYPE_COUNT && !type; t++)
			if (lang_types[t].names == lang_names[i].table)
				type = lang_types[t].name;
		row_begin(l);
		column_text(l, "type", type ? type : "-");
		column_text(l, "name", lang_names[i].name);
		column_number(l, "value", lang_names[i].value);
		row_end(l);
	}
}

static const char *layer_name(enum layer layer)
{
	switch (layer) {
	case LAYER_L2:		return "link";
	case LAYER_L3:		return "network";
	case LAYER_EXT:		return "extension";
	case LAYER_L4:		return "transport";
	case LAYER_PART:	return "part";
	case LAYER_GROUP:	return "group";
	}
	return "-";
}

/* name, layer, doc */
static void list_headers(struct list *l)
{
	for (int i = 0; i < HDR_COUNT; i++) {
		if (!lang_headers[i].name)
			continue;
		row_begin(l);
		column_text(l, "name", lang_headers[i].name);
		column_text(l, "layer", layer_name(lang_headers[i].layer));
		column_text(l, "doc", lang_headers[i].doc);
		row_end(l);
	}
}

int cli_list(struct cli *cli)
{
	static const struct {
		const char *name;
		void (*list)(struct list *l);
	} lists[] = {
		{ "fields", list_fields }, { "actions", list_actions }, { "types", list_types }, { "names", list_names },
		{ "headers", list_headers }, { "forms", list_forms }, { "units", list_units }, { "keywords", list_keywords },
		{ "options", list_options },
	};
	struct list l = { .arena = cli->arena, .json = cli->json };

	if (strcmp(cli->list, "json-schema") == 0)
		return json_schema(stdout) ? EXIT_DONE : EXIT_SYSTEM;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (strcmp(cli->list, lists[i].name) != 0)
			continue;
		if (l.json)
			l.rows = json_array();
		lists[i].list(&l);
		if (l.json) {
			json_dumpf(l.rows, stdout, JSON_INDENT(2));
			putchar('\n');
			json_decref(l.rows);
		}
		return EXIT_DONE;
	}
	return cli_usage("--list=%s: there are the lists fields, actions, types, names, headers, forms, units, keywords, "
			 "options and json-schema", cli->list);
}
