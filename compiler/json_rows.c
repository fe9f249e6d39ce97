/*
 * The document, its statements in a row, and their comments, to text. In: arrays of statements and steps. Out: each on a line of its own, with
 * comments above it, behind it, and behind so many of its words; a number of words that it has not puts a comment at its end.
 */
#include <limits.h>
#include <string.h>

#include "json_priv.h"
#include "utf8.h"

/* ---- comments ---- */

/* On a line of its own, or behind what is there. */
static void put_comment(struct json_put *p, const char *s, size_t len, bool own_line)
{
	if (p->text.n && !p->newlines) {
		if (own_line)
			json_put_line(p);
		else
			json_put_bytes(p, " ", 1);
	}
	if (*s != '#')
		json_put_bytes(p, "# ", 2);
	json_put_bytes(p, s, len);
	json_put_line(p);
}

/* A comment's text, or NULL, which was told. */
static const char *comment_of(struct json_put *p, uint32_t node, const json_t *v, size_t *len)
{
	const char *s = json_string_value(v);

	*len = json_string_length(v);
	if (!s) {
		json_error(p, node, "this is %s where a comment should be, a string", json_is(v));
		return NULL;
	}
	for (size_t i = 0; i < *len;) {
		uint32_t cp = 0;
		unsigned n = utf8_decode(s + i, *len - i, &cp);

		if (!n || (utf8_is_control(cp) && cp != '\t')) {
			json_error(p, node, "a control character in a comment")->remedy = "a comment of several lines is an array of strings";
			return NULL;
		}
		i += n;
	}
	return s;
}

static void put_above(struct json_put *p, uint32_t node, const json_t *v, bool first)
{
	size_t len;
	const char *s = comment_of(p, node, v, &len);

	if (s && len)
		put_comment(p, s, len, true);
	else if (s && !first)
		json_put_line(p);
}

void json_put_comments_above(struct json_put *p, uint32_t node, const json_t *v, bool first)
{
	const json_t *c = json_object_get(v, json_common[COMMON_COMMENT]);
	uint32_t at;

	if (!c)
		return;
	at = json_node(p, node, json_common[COMMON_COMMENT], 0);
	if (!json_is_array(c)) {
		put_above(p, at, c, first);
		return;
	}
	for (size_t i = 0; i < json_array_size(c) && !diag_full(p->d); i++)
		put_above(p, json_node(p, at, NULL, i), json_array_get(c, i), first && !i);
}

void json_put_comments_behind(struct json_put *p, uint32_t node, const json_t *v)
{
	const json_t *c = json_object_get(v, json_common[COMMON_BEHIND]);
	uint32_t at;
	const char *s;
	size_t len;

	p->words = UINT64_MAX;
	json_put_comments_inside(p);
	if (!c)
		return;
	at = json_node(p, node, json_common[COMMON_BEHIND], 0);
	s = comment_of(p, at, c, &len);
	if (s && len)
		put_comment(p, s, len, false);
}

/* Those whose place has come; @brace: that on the line of the brace that opens a block, others are in front of the one that closes it. */
static void put_inside(struct json_put *p, bool brace)
{
	for (; p->comment < json_array_size(p->comments); p->comment++) {
		const json_t *c = json_array_get(p->comments, p->comment), *text = json_object_get(c, "text");

		if ((uint64_t)json_integer_value(json_object_get(c, "after")) > p->words ||
		    (brace && json_is_true(json_object_get(c, "own_line"))))
			return;
		if (json_is_true(json_object_get(c, "apart")) && p->text.n) {
			if (!p->newlines)
				json_put_line(p);
			json_put_line(p);
		}
		put_comment(p, json_string_value(text), json_string_length(text), json_is_true(json_object_get(c, "own_line")));
	}
}

void json_put_comments_inside(struct json_put *p)
{
	put_inside(p, false);
}

/* Those among the words, so that they can be put without looking again. */
static const json_t *comments_of(struct json_put *p, uint32_t node, const json_t *v)
{
	static const char *const names[] = { "after", "text", "own_line", "apart" };
	const json_t *list = json_object_get(v, json_common[COMMON_COMMENTS]);
	unsigned errors = p->d->errors;
	uint32_t at;

	if (!list)
		return NULL;
	at = json_node(p, node, json_common[COMMON_COMMENTS], 0);
	if (!json_is_array(list)) {
		json_error(p, at, "this is %s where an array should be", json_is(list));
		return NULL;
	}
	for (size_t i = 0; i < json_array_size(list) && !diag_full(p->d); i++) {
		const json_t *c = json_array_get(list, i), *after = json_object_get(c, "after");
		uint32_t in = json_node(p, at, NULL, i);
		size_t len;

		if (!json_is_object(c) || !json_is_integer(after) || json_integer_value(after) < 0)
			json_error(p, in, "this is no comment")->remedy = "it is { \"after\": a number of words, \"text\": a string }";
		else if (json_only(p, in, c, names, 4) && comment_of(p, json_node(p, in, "text", 0), json_object_get(c, "text"), &len) && !len)
			json_error(p, in, "the comment is empty");
	}
	return p->d->errors == errors ? list : NULL;
}

/* Where the statement was made. */
static void written_of(struct json_put *p, uint32_t node, const json_t *v)
{
	static const char *const names[] = { "file", "line" };
	const json_t *s = json_object_get(v, json_common[COMMON_SOURCE]), *file = json_object_get(s, "file"), *line = json_object_get(s, "line");
	struct json_written w = { .node = node };
	uint32_t at;

	if (!s)
		return;
	at = json_node(p, node, json_common[COMMON_SOURCE], 0);
	if (!json_is_object(s)) {
		json_error(p, at, "this is %s where an object with `file` and `line` should be", json_is(s));
		return;
	}
	if (!json_only(p, at, s, names, 2))
		return;
	if (file && (!json_is_string(file) || !json_string_length(file) || json_string_length(file) > NAME_MAX)) {
		json_error(p, json_node(p, at, "file", 0), "this is no file's name")->remedy = "it is a string of 1 to 255 bytes";
	} else if (line && (!json_is_integer(line) || json_integer_value(line) < 1 || json_integer_value(line) > UINT32_MAX)) {
		json_error(p, json_node(p, at, "line", 0), "this is no line")->remedy = "lines are numbers from 1 on";
	} else {
		w.file = file ? utf8_line(p->a, json_string_value(file), json_string_length(file), NAME_MAX, false) : p->file;
		w.line = (unsigned)json_integer_value(line);
		*vec_add(p->a, &p->origin->written) = w;
	}
}

/* ---- rows ---- */

void json_put_rows(struct json_put *p, uint32_t node, const json_t *v, enum json_family family)
{
	const json_t *comments = p->comments;
	uint64_t words = p->words;
	size_t comment;

	if (!json_is_array(v)) {
		json_error(p, node, "this is %s where an array should be", json_is(v));
		return;
	}
	put_inside(p, true);
	comment = p->comment;
	for (size_t i = 0; i < json_array_size(v) && !diag_full(p->d); i++) {
		const json_t *o = json_array_get(v, i);
		uint32_t at = json_node(p, node, NULL, i);

		if (!p->newlines && p->text.n)
			json_put_line(p);
		p->comments = NULL;
		json_put_comments_above(p, at, o, !i);
		if (!p->newlines && p->text.n)
			json_put_line(p);
		p->comments = comments_of(p, at, o);
		p->comment = 0;
		p->words = 0;
		if (family == JSON_STATEMENT)
			written_of(p, at, o);
		/* A comment in front of the first word is one above it. */
		json_put_object(p, at, family, o);
		json_put_comments_behind(p, at, o);
	}
	p->comments = comments;
	p->comment = comment;
	p->words = words;
}

void json_put_document(struct json_put *p, const json_t *root)
{
	static const char *const names[] = { "xdpf", "file", "statements", "comment", "$schema" };
	const json_t *version = json_object_get(root, "xdpf"), *list = json_object_get(root, "statements");

	if (!json_is_object(root)) {
		json_error(p, 0, "the document is %s where an object should be", json_is(root))->remedy = "{ \"xdpf\": 1, \"statements\": [ … ] }";
		return;
	}
	json_only(p, 0, root, names, 5);
	if (!version)
		json_error(p, 0, "the document has no `xdpf`")->remedy = "it says which form it has: \"xdpf\": 1";
	else if (!json_is_integer(version) || json_integer_value(version) != 1)
		json_error(p, json_node(p, 0, "xdpf", 0), "this is not a form that this xdpfc knows")->remedy = "it knows 1";
	if (list)
		json_put_rows(p, json_node(p, 0, "statements", 0), list, JSON_STATEMENT);
	else
		json_error(p, 0, "the document has no `statements`")->remedy = "\"statements\" is an array of objects";
	if (!p->newlines && p->text.n)
		json_put_line(p);
	json_put_comments_above(p, 0, root, false);
}
