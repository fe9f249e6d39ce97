/*
 * A document as a rule file. In: JSON of whoever wrote it. Out: a text in the canonical layout, which knows where each of its words came from.
 * Memory is bounded by the size of the document: what would need more for its objects is refused before they are made.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "json_priv.h"

/* Of memory that is taken at the most, until the text is made: by an element or member, by its name, by an object or array. */
enum { VALUE_BYTES = 200, NAME_BYTES = 64, BOX_BYTES = 320 };
static const uint64_t MEMORY = (uint64_t)2 << 30;

/* What the document will take, by its commas, colons and brackets. */
static uint64_t memory_of(const struct source *s)
{
	uint64_t sum = s->len;
	bool string = false;

	for (size_t i = 0; i < s->len; i++) {
		char c = s->text[i];

		if (string && c == '\\')
			i++;
		else if (c == '"')
			string = !string;
		else if (!string && (c == '{' || c == '['))
			sum += BOX_BYTES;
		else if (!string && (c == ',' || c == ':'))
			sum += c == ',' ? VALUE_BYTES : NAME_BYTES;
	}
	return sum;
}

static const char *remedy_of(const json_error_t *e, const char *text, size_t at)
{
	static const struct {
		enum json_error_code code;
		const char *remedy;
	} known[] = {
		{ json_error_duplicate_key, "each member of an object stands in it once" },
		{ json_error_stack_overflow, "statements stand one after the other in an array" },
		{ json_error_premature_end_of_input, "is the file whole?" },
		{ json_error_invalid_utf8, "save the file as UTF-8" },
		{ json_error_null_character, "no string has a NUL in it" },
		{ json_error_null_byte_in_key, "no string has a NUL in it" },
		{ json_error_numeric_overflow, "numbers go up to 9223372036854775807; those above it are written as strings" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].code == json_error_code(e))
			return known[i].remedy;
	while (at && strchr(" \t\r\n]}", text[at]))
		at--;
	if (json_error_code(e) == json_error_invalid_syntax && text[at] == ',')
		return "no comma stands behind the last element";
	return *text == '{' || *text == '[' ? NULL : "--import=json reads JSON: { \"xdpf\": 1, \"statements\": [ … ] }";
}

static json_t *load(const struct source *json, struct diag_list *d)
{
	json_error_t e;
	json_t *root;
	size_t at;

	if (memory_of(json) > MEMORY) {
		diag_error(d, (struct span){ json, 0, 0 }, "the document has too many values: they would take more than 2 GiB of memory")->remedy =
			"split it, or put long sets into files of their own: \"from\"";
		return NULL;
	}
	root = json_loadb(json->text, json->len, JSON_REJECT_DUPLICATES, &e);
	if (root)
		return root;
	/* Behind what it could not read on from. */
	at = e.position > 0 ? (size_t)e.position - 1 : 0;
	if (at > json->len)
		at = json->len;
	diag_error(d, (struct span){ json, (uint32_t)at, (uint32_t)at }, "this is no JSON: %s",
		   json_error_code(&e) == json_error_null_character ? "a string with a NUL in it" : e.text)->remedy = remedy_of(&e, json->text, at);
	return NULL;
}

/* The path that messages about files and counters go by: that of the document, or beside it what it says. */
static const char *path_of(struct json_put *p, const struct source *json, const json_t *root)
{
	const json_t *file = json_object_get(root, "file");
	const char *name = json_string_value(file), *slash = strrchr(json->path, '/');
	uint32_t node;

	if (!file)
		return json->path;
	node = json_node(p, 0, "file", 0);
	if (!name || !*name || strchr(name, '/') || strlen(name) > NAME_MAX || !strcmp(name, "-") || !strcmp(name, ".") || !strcmp(name, "..")) {
		json_error(p, node, "this is no file's name")->remedy = "it is what counters, logs and tests call these rules: \"edge.xdpf\"";
		return json->path;
	}
	p->file = arena_strndup(p->a, name, strlen(name));
	return slash ? arena_printf(p->a, "%.*s/%s", (int)(slash - json->path), json->path, name) : p->file;
}

/* Who said each token of @text, which has the same tokens as what was put. */
static void join(struct json_put *p, const struct pieces *was, const struct pieces *is)
{
	struct json_origin *o = p->origin;
	size_t word = 0;

	o->n = is->piece.n - 1;
	o->begin = arena_array(p->a, o->n + 1, sizeof(*o->begin));
	o->by = arena_array(p->a, o->n + 1, sizeof(*o->by));
	for (size_t i = 0; i < o->n; i++) {
		while (word + 1 < p->word.n && p->word.v[word + 1].begin <= was->piece.v[i].span.begin)
			word++;
		o->begin[i] = is->piece.v[i].span.begin;
		o->by[i] = p->word.v[word].node;
	}
}

/* @sound: the text is whole; else only its words are looked at. */
static const struct source *lay_out(struct json_put *p, const char *path, bool sound, struct pieces *was, struct pieces *is)
{
	struct source *raw = source_new(p->scratch, path, p->text.n ? p->text.v : "", p->text.n), *out;
	const char *text;
	size_t len;

	pieces_read(p->scratch, raw, was);
	if (!json_check_words(p, was) || !sound)
		return NULL;
	text = pieces_format(p->scratch, was, &len, is);
	if (!text || is->piece.n != was->piece.n) {
		json_error(p, 0, "internal error: the text that was made of it would say something else");
		return NULL;
	}
	out = source_new(p->a, path, text, len);
	join(p, was, is);
	out->origin = &p->origin->of;
	return out;
}

/* What is in no arena; places are kept where a text was made that they belong to. */
static void release(struct json_put *p, bool made)
{
	if (p->origin) {
		struct json_node *nodes = p->origin->node.v;

		p->origin->node.v = made ? arena_copy(p->a, nodes, p->origin->node.n * sizeof(*nodes)) : NULL;
		free(nodes);
	}
	free(p->text.v);
	free(p->word.v);
	arena_free(p->scratch);
}

const struct source *json_import(struct arena *a, const struct source *json, struct diag_list *d)
{
	struct json_put p = { .a = a, .scratch = arena_new(), .d = d, .path = json->path };
	struct pieces was = { 0 }, is = { 0 };
	const struct source *out = NULL;
	enum diag_kind kind = d->kind;
	unsigned errors = d->errors;
	json_t *root;

	d->kind = DIAG_SYNTAX;
	root = load(json, d);
	if (root) {
		const char *path;

		p.origin = json_origin_new(a, json->path);
		/* Members' names are kept, to point at them. */
		json_shapes_make(a, &p.shapes);
		path = path_of(&p, json, root);
		json_put_document(&p, root);
		json_decref(root);
		out = lay_out(&p, path, d->errors == errors, &was, &is);
	}
	d->kind = kind;
	pieces_free(&was);
	pieces_free(&is);
	release(&p, out != NULL);
	return out;
}
