/*
 * JSON to a text, object by object. In: a document. Out: the words that grammar/json.def says, in a text where blanks and line ends stand so
 * that comments are where they belong, and for each word who said it. Refused is what has not the form of the rows: unknown members, missing
 * ones, other types. Whether the words are what they should be is json_check.c's business, what they mean that of those behind it.
 */
#include <string.h>

#include "json_priv.h"
#include "utf8.h"

enum { DEPTH = 1000, MOST_NAMES = 64 };

/* ---- messages ---- */

static const char *fixed_place(const struct source_origin *of, struct arena *a, struct span sp);

/* One place, of a document of which there is no text. */
struct fixed {
	struct source_origin of;
	const char *pointer;
};

static const char *fixed_place(const struct source_origin *of, struct arena *a, struct span sp)
{
	(void)a;
	(void)sp;
	return ((const struct fixed *)of)->pointer;
}

struct diag *json_error(struct json_put *p, uint32_t node, const char *fmt, ...)
{
	struct span at = { 0 };
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (p->d->errors < DIAG_MAX_ERRORS) {
		struct fixed *f = arena_alloc(p->a, sizeof(*f));
		struct source *s = source_new(p->a, p->path, "", 0);

		f->of = (struct source_origin){ .path = p->path, .place = fixed_place };
		f->pointer = json_pointer(p->origin, p->a, node);
		s->origin = &f->of;
		at.src = s;
	}
	return diag_error(p->d, at, "%s", text);
}

const char *json_is(const json_t *v)
{
	if (!v)
		return "nothing";
	switch (json_typeof(v)) {
	case JSON_OBJECT:	return "an object";
	case JSON_ARRAY:	return "an array";
	case JSON_STRING:	return "a string";
	case JSON_INTEGER:	return "a number";
	case JSON_REAL:		return "a fraction";
	case JSON_TRUE:		return "true";
	case JSON_FALSE:	return "false";
	case JSON_NULL:		return "null";
	}
	return "nothing";
}

const char *json_quote(struct json_put *p, const char *s, size_t len)
{
	enum { MOST = 60 };

	/* Nobody will see it. */
	if (p->d->errors >= DIAG_MAX_ERRORS)
		return "";
	return arena_printf(p->a, "`%s%s`", utf8_line(p->a, s, len, MOST, false), len > MOST ? "..." : "");
}

uint32_t json_node(struct json_put *p, uint32_t up, const char *member, size_t index)
{
	*heap_add(&p->origin->node, 1) = (struct json_node){ up, (uint32_t)index, member };
	return (uint32_t)p->origin->node.n - 1;
}

bool json_deeper(struct json_put *p, uint32_t node)
{
	if (++p->depth <= DEPTH)
		return true;
	json_error(p, node, "nested more than %d deep", DEPTH)->remedy = "statements stand one after the other in an array";
	return false;
}

/* ---- words ---- */

void json_put_bytes(struct json_put *p, const char *s, size_t n)
{
	if (!n)
		return;
	memcpy(heap_add(&p->text, n), s, n);
	p->newlines = 0;
}

void json_put_line(struct json_put *p)
{
	*heap_add(&p->text, 1) = '\n';
	p->newlines++;
}

void json_put_text(struct json_put *p, uint32_t node, enum json_sort sort, const char *before, const char *s, size_t len, const char *behind)
{
	struct json_word w = { .node = node, .sort = sort };

	json_put_comments_inside(p);
	if (p->text.n && !p->newlines)
		json_put_bytes(p, " ", 1);
	w.begin = (uint32_t)p->text.n;
	json_put_bytes(p, before, strlen(before));
	json_put_bytes(p, s, len);
	json_put_bytes(p, behind, strlen(behind));
	w.end = (uint32_t)p->text.n;
	*heap_add(&p->word, 1) = w;
	p->words++;
}

void json_put_word(struct json_put *p, uint32_t node, const char *word)
{
	json_put_text(p, node, SORT_WORD, "", word, strlen(word), "");
}

/* ---- members ---- */

/* The nearest of @names; the remedy that names it, or all of them. */
static const char *nearest(struct json_put *p, const char *word, size_t len, const char *const *names, size_t n, const char *all)
{
	const char *near = diag_nearest(word, len, names, n);
	char *list;

	if (near)
		return arena_printf(p->a, "did you mean `%s`?", near);
	list = arena_printf(p->a, "%s", all);
	for (size_t i = 0; i < n; i++)
		list = arena_printf(p->a, "%s%s %s", list, i ? "," : "", names[i]);
	return list;
}

/* The member as a part of a pointer. */
static const char *escaped(struct json_put *p, const char *s, size_t len)
{
	const char *line = utf8_line(p->a, s, len, 80, false);
	char *out = arena_alloc(p->a, 2 * strlen(line) + 1), *to = out;

	for (; *line; line++) {
		if (*line == '~' || *line == '/') {
			*to++ = '~';
			*to++ = *line == '~' ? '0' : '1';
		} else {
			*to++ = *line;
		}
	}
	return out;
}

bool json_only(struct json_put *p, uint32_t node, const json_t *v, const char *const *names, size_t n)
{
	const char *key;
	json_t *member;
	bool ok = true;

	json_object_foreach((json_t *)v, key, member) {
		size_t len = strlen(key), i = 0;

		while (i < n && strcmp(key, names[i]) != 0)
			i++;
		if (i < n)
			continue;
		ok = false;
		if (diag_full(p->d))
			return false;
		if (p->d->errors >= DIAG_MAX_ERRORS)
			json_error(p, node, "unknown member");
		else
			json_error(p, json_node(p, node, escaped(p, key, len), 0), "there is no member %s here", json_quote(p, key, len))->remedy =
				nearest(p, key, len, names, n, "there are");
	}
	return ok;
}

/* Members of the row, and those that all of its family have. */
static bool members_known(struct json_put *p, uint32_t node, const struct json_shape *s, const json_t *v)
{
	const char *names[MOST_NAMES], *tag = json_tag_member(s->family);
	size_t n = 0;

	if (tag)
		names[n++] = tag;
	for (unsigned i = 0; i < s->n; i++)
		if (s->item[i].kind == ITEM_MEMBER)
			names[n++] = s->item[i].text;
	for (unsigned i = 0; i < json_commons(s->family); i++)
		names[n++] = json_common[i];
	return json_only(p, node, v, names, n);
}

static bool members_there(struct json_put *p, uint32_t node, const struct json_shape *s, const json_t *v, bool ok)
{

	for (unsigned i = 0; i < s->n; i++) {
		const struct json_item *it = &s->item[i];

		if (it->kind != ITEM_MEMBER || it->may_miss || json_object_get(v, it->text))
			continue;
		json_error(p, node, "%s has no `%s`", *s->tag ? arena_printf(p->a, "this `%s`", s->tag) : "it", it->text)->remedy =
			arena_printf(p->a, "\"%s\" is %s", it->text, json_sorts[it->sort].what);
		ok = false;
	}
	return ok;
}

/* ---- objects ---- */

static const struct json_shape *shape_of(struct json_put *p, uint32_t node, enum json_family family, const json_t *v)
{
	const char *tag = json_tag_member(family), *names[MOST_NAMES], *word;
	const json_t *said = tag ? json_object_get(v, tag) : NULL;
	size_t n = 0;

	if (!json_is_object(v)) {
		word = json_family_name(family);
		json_error(p, node, "this is %s where %s %s should be, an object", json_is(v), strchr("aeiou", *word) ? "an" : "a", word);
		return NULL;
	}
	for (unsigned i = 0; i < p->shapes.n; i++) {
		const struct json_shape *s = &p->shapes.shape[i];

		if (!json_family_is(s->family, family))
			continue;
		if (!tag || (json_is_string(said) && strcmp(json_string_value(said), s->tag) == 0))
			return s;
		names[n++] = s->tag;
	}
	if (!said) {
		json_error(p, node, "this %s has no `%s`", json_family_name(family), tag)->remedy =
			nearest(p, "", 0, names, n, "it says which it is:");
		return NULL;
	}
	node = json_node(p, node, tag, 0);
	if (!json_is_string(said)) {
		json_error(p, node, "this is %s where a string should be", json_is(said))->remedy = nearest(p, "", 0, names, n, "there are");
		return NULL;
	}
	word = json_string_value(said);
	json_error(p, node, "there is no %s %s", json_family_name(family), json_quote(p, word, json_string_length(said)))->remedy =
		nearest(p, word, json_string_length(said), names, n, "there are");
	return NULL;
}

static void put_items(struct json_put *p, uint32_t node, const struct json_shape *s, unsigned from, unsigned end, const json_t *v);

/* Whether the part is there: by its first member. */
static bool part_there(const struct json_shape *s, unsigned from, unsigned end, const json_t *v)
{
	for (unsigned i = from; i < end; i++)
		if (s->item[i].kind == ITEM_MEMBER) {
			const json_t *m = json_object_get(v, s->item[i].text);

			return m && !(s->item[i].sort == SORT_TRUE && json_is_false(m));
		}
	return false;
}

/* Parts in any order: in that of the members. */
static void put_parts(struct json_put *p, uint32_t node, const struct json_shape *s, unsigned from, unsigned end, const json_t *v)
{
	const char *key;
	json_t *member;

	json_object_foreach((json_t *)v, key, member)
		for (unsigned i = from; i < end; i = s->item[i].end)
			for (unsigned k = i + 1; k < s->item[i].end; k++)
				if (s->item[k].kind == ITEM_MEMBER && strcmp(s->item[k].text, key) == 0 && part_there(s, i + 1, s->item[i].end, v))
					put_items(p, node, s, i + 1, s->item[i].end, v);
}

/* Members that need another one. */
static void put_missing(struct json_put *p, uint32_t node, const struct json_shape *s, unsigned from, unsigned end, const json_t *v)
{
	const char *first = NULL;

	for (unsigned i = from; i < end; i++) {
		if (s->item[i].kind != ITEM_MEMBER)
			continue;
		if (!first)
			first = s->item[i].text;
		else if (json_object_get(v, s->item[i].text))
			json_error(p, json_node(p, node, s->item[i].text, 0), "`%s` stands only beside `%s`", s->item[i].text, first);
	}
}

static void put_items(struct json_put *p, uint32_t node, const struct json_shape *s, unsigned from, unsigned end, const json_t *v)
{
	for (unsigned i = from; i < end;) {
		const struct json_item *it = &s->item[i];
		const json_t *m;

		switch (it->kind) {
		case ITEM_WORD:
			json_put_word(p, node, it->text);
			break;
		case ITEM_MEMBER:
			m = json_object_get(v, it->text);
			if (m)
				json_put_member(p, json_node(p, node, it->text, 0), it->sort, m);
			break;
		case ITEM_OPTION:
			if (part_there(s, i + 1, it->end, v))
				put_items(p, node, s, i + 1, it->end, v);
			else
				put_missing(p, node, s, i + 1, it->end, v);
			break;
		case ITEM_ANY:
			put_parts(p, node, s, i + 1, it->end, v);
			break;
		case ITEM_PART:
			break;
		}
		i = it->end ? it->end : i + 1;
	}
}

void json_put_object(struct json_put *p, uint32_t node, enum json_family family, const json_t *v)
{
	const struct json_shape *s;

	if (diag_full(p->d))
		return;
	if (json_deeper(p, node)) {
		s = shape_of(p, node, family, v);
		if (s && members_there(p, node, s, v, members_known(p, node, s, v)))
			put_items(p, node, s, 0, s->n, v);
	}
	p->depth--;
}
