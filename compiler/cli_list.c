/*
 * xdpfc --list=WHAT: the language's tables, one row a line with tabs between the columns, or as JSON. Out: what the *.def files say,
 * nothing else.
 */
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "cli.h"
#include "json.h"

/* A table being listed: rows are given column by column, as text or number. */
struct list {
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

/* name, kind, doc */
static void list_actions(struct list *l)
{
	/* @ways end as one of the verdicts: redirect, and tx; @others go on. */
	static const struct {
		const char *name, *doc;
	} others[] = {
		{ "count", "count NAME [per KEY]: a table of packets and bytes, by key" },
		{ "log", "log [N/s|N/m|N/h]: a record of the packet for `xdpf log`, at most so many" },
		{ "sample", "sample 1/N: the same of one packet in N, chosen at random" },
		{ "add", "add KEY to SET [for DURATION]: puts an element into a set that lives" },
		{ "remove", "remove KEY from SET: takes it out" },
		{ "vlan", "`vlan push ID`, `vlan pop`: puts an 802.1Q tag in front of the others, or takes the outermost away" },
		{ "mark", "mark N: leaves a number for who gets the packet next" },
		{ "FIELD = VALUE", "writes to a field that --list=fields says `write` of" },
		{ "FIELD -= N", "counts a time to live down: of ip.ttl, ip4.ttl and ip6.hoplimit" },
	}, ways[] = {
		{ "forward", "by the kernel's routing table, without its stack: `forward [else VERDICT]`" },
		{ "reply", "back to the sender, as an answer: `reply rst` to TCP, `reply unreachable` to any protocol" },
		{ "syncookie", "SYNs to sockets that listen, answered without state; what has no right cookie is dropped" },
	};

	for (int i = 0; i < VERDICT_COUNT; i++) {
		row_begin(l);
		column_text(l, "name", lang_verdicts[i].name);
		column_text(l, "kind", "verdict");
		column_text(l, "doc", lang_verdicts[i].doc);
		row_end(l);
	}
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		row_begin(l);
		column_text(l, "name", ways[i].name);
		column_text(l, "kind", "verdict");
		column_text(l, "doc", ways[i].doc);
		row_end(l);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		row_begin(l);
		column_text(l, "name", others[i].name);
		column_text(l, "kind", "action");
		column_text(l, "doc", others[i].doc);
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
		{ "headers", list_headers },
	};
	struct list l = { .json = cli->json };

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
	return cli_usage("--list=%s: there are the lists fields, actions, types, names, headers and json-schema", cli->list);
}
