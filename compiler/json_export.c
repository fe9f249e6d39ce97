/*
 * A rule file's text as a document. In: a source that was parsed without errors. Out: its statements as JSON, one on a line, with all comments
 * and empty lines that the canonical layout keeps, and the line that each stood on.
 */
#include <string.h>

#include "json_priv.h"

json_t *json_comment(const struct comment *c)
{
	const char *s = c->span.src->text + c->span.begin;
	size_t len = c->span.end - c->span.begin;

	/* `# words` is "words"; others keep their number sign. */
	if (len > 2 && s[1] == ' ' && s[2] != '#' && s[2] != ' ')
		return json_stringn_nocheck(s + 2, len - 2);
	return json_stringn_nocheck(s, len);
}

static json_t *lines_of(json_t *o)
{
	json_t *list = json_object_get(o, json_common[COMMON_COMMENT]);

	if (!list) {
		list = json_array();
		json_object_set_new(o, json_common[COMMON_COMMENT], list);
	}
	return list;
}

/* What stands among the words of @o. */
static void add_inside(json_t *o, uint32_t after, const struct comment *c)
{
	json_t *list = json_object_get(o, json_common[COMMON_COMMENTS]), *one;

	if (!list) {
		list = json_array();
		json_object_set_new(o, json_common[COMMON_COMMENTS], list);
	}
	one = json_pack("{s:I, s:o}", "after", (json_int_t)after, "text", json_comment(c));
	if (c->own_line)
		json_object_set_new(one, "own_line", json_true());
	if (c->apart)
		json_object_set_new(one, "apart", json_true());
	json_array_append_new(list, one);
}

/* Comments and an empty line in front of a statement's first word, or of the end. */
static void add_above(const struct json_taker *t, const struct piece *p, const struct json_seat *seat, json_t *o)
{
	for (uint32_t i = p->comment; i < p->comment + p->n_comments; i++) {
		const struct comment *c = &t->in.comment.v[i];

		if (!c->own_line && seat->before) {
			json_object_set_new(seat->before, json_common[COMMON_BEHIND], json_comment(c));
		} else if (!c->own_line && seat->around) {
			add_inside(seat->around, seat->after_around, c);
		} else {
			/* The first thing in a block has no empty line above. */
			if (c->apart && (seat->before || json_object_get(o, json_common[COMMON_COMMENT])))
				json_array_append_new(lines_of(o), json_string(""));
			json_array_append_new(lines_of(o), json_comment(c));
		}
	}
	if (p->apart && (seat->before || json_object_get(o, json_common[COMMON_COMMENT])))
		json_array_append_new(lines_of(o), json_string(""));
}

static void add_comments(struct json_taker *t, json_t *root)
{
	for (size_t i = 0; i < t->in.piece.n; i++) {
		const struct piece *p = &t->in.piece.v[i];
		const struct json_seat *seat = &t->seat[i];

		if (i + 1 == t->in.piece.n) {
			add_above(t, p, seat, root);
		} else if (seat->first) {
			add_above(t, p, seat, seat->of);
		} else {
			for (uint32_t k = p->comment; k < p->comment + p->n_comments; k++) {
				const struct comment *c = &t->in.comment.v[k];

				if (!c->own_line && seat->before)
					json_object_set_new(seat->before, json_common[COMMON_BEHIND], json_comment(c));
				else
					add_inside(seat->of, seat->after, c);
			}
		}
	}
}

/* Who wrote it first, where that is known, or which line it is on. */
static void add_places(struct json_taker *t)
{
	const struct source *s = t->in.src;

	for (size_t i = 0; i + 1 < t->in.piece.n; i++) {
		struct span sp = t->in.piece.v[i].span;
		const char *file = NULL;
		unsigned line = 0;
		json_t *o;

		if (!t->seat[i].first || !json_object_get(t->seat[i].of, "kind"))
			continue;
		if (s->origin)
			s->origin->written(s->origin, sp, &file, &line);
		else
			line = source_line_col(s, sp.begin).line;
		if (!file && !line)
			continue;
		o = json_object();
		/* That of the document goes without saying. */
		if (file && strcmp(file, source_shown(s)) != 0)
			json_object_set_new(o, "file", json_string(file));
		if (line)
			json_object_set_new(o, "line", json_integer(line));
		json_object_set_new(t->seat[i].of, json_common[COMMON_SOURCE], o);
	}
}

static bool put(FILE *out, const char *text, const json_t *v)
{
	fputs(text, out);
	return json_dumpf(v, out, JSON_ENCODE_ANY | JSON_COMPACT) == 0;
}

/* Each statement on a line of its own: so two documents compare well. */
static bool write_out(const struct json_taker *t, const json_t *root, const json_t *list, FILE *out)
{
	json_t *name = json_string(source_shown(t->in.src)), *end = json_object_get(root, json_common[COMMON_COMMENT]);
	bool ok = true;

	fputs("{\"xdpf\":1", out);
	if (name && strcmp(t->in.src->path, "-") != 0)
		ok = put(out, ",\n\"file\":", name);
	json_decref(name);
	if (end)
		ok = ok && put(out, ",\n\"comment\":", end);
	fputs(",\n\"statements\":[", out);
	for (size_t i = 0; ok && i < json_array_size(list); i++)
		ok = put(out, i ? ",\n" : "\n", json_array_get(list, i));
	fputs("\n]}\n", out);
	return ok;
}

bool json_export(struct arena *a, const struct source *source, FILE *out)
{
	struct json_taker t = { .a = a };
	json_t *root = json_object(), *list = NULL;
	bool ok = false;

	json_shapes_make(a, &t.shapes);
	pieces_read(a, source, &t.in);
	t.seat = arena_array(a, t.in.piece.n, sizeof(*t.seat));
	t.own.of = root;
	if (root)
		list = json_take_statements(&t);
	if (list) {
		add_comments(&t, root);
		add_places(&t);
		ok = write_out(&t, root, list, out);
	}
	json_decref(list);
	json_decref(root);
	pieces_free(&t.in);
	return ok;
}
