/*
 * The rows of grammar/json.def, taken apart. In: the table. Out: each row's words and members as items in a row, for those who go along it in
 * either direction.
 */
#include <string.h>

#include "json_priv.h"

const char *const json_common[4] = { "comment", "comment_behind", "comments", "source" };

static const struct {
	enum json_family family;
	const char *tag, *text, *doc;
} rows[] = {
#define SHAPE(family, tag, text, doc) { JSON_##family, tag, text, doc },
#include "json.def"
#undef SHAPE
};

enum { N_ROWS = sizeof(rows) / sizeof(rows[0]), MOST_ITEMS = 48 };

const char *json_tag_member(enum json_family f)
{
	switch (f) {
	case JSON_STATEMENT:	return "kind";
	case JSON_VERDICT:
	case JSON_ACTION:	return "action";
	case JSON_COND:
	case JSON_LIMIT:	return "op";
	case JSON_STEP:		return "step";
	case JSON_BRANCH:
	case JSON_RATE:
	case JSON_FIELD:
	case JSON_FAMILIES:	break;
	}
	return NULL;
}

const char *json_family_name(enum json_family f)
{
	switch (f) {
	case JSON_STATEMENT:	return "statement";
	case JSON_VERDICT:	return "verdict";
	case JSON_ACTION:	return "action";
	case JSON_COND:		return "condition";
	case JSON_LIMIT:	return "limit";
	case JSON_STEP:		return "step";
	case JSON_BRANCH:	return "branch";
	case JSON_RATE:		return "rate limit";
	case JSON_FIELD:	return "field";
	case JSON_FAMILIES:	break;
	}
	return "object";
}

bool json_family_is(enum json_family family, enum json_family where)
{
	return family == where || (family == JSON_VERDICT && where == JSON_ACTION);
}

unsigned json_commons(enum json_family f)
{
	return f == JSON_STATEMENT ? 4 : f == JSON_STEP ? 3 : 0;
}

static enum json_sort sort_of(const char *name)
{
	for (unsigned i = 0; i < SORT_COUNT; i++)
		if (json_sorts[i].name && strcmp(json_sorts[i].name, name) == 0)
			return (enum json_sort)i;
	return SORT_COUNT;
}

/* `NAME:SORT` or `NAME:SORT?`; a `:` alone is a word. */
static void read_member(struct arena *a, struct json_item *it, const char *word, const char *colon)
{
	size_t len = strlen(colon + 1);

	it->kind = ITEM_MEMBER;
	it->text = arena_strndup(a, word, (size_t)(colon - word));
	if (colon[len] == '?') {
		it->alone = it->may_miss = true;
		len--;
	}
	it->sort = sort_of(arena_strndup(a, colon + 1, len));
}

/* Items that begin with one of these are open until another word closes them; parts lie in an ITEM_ANY. */
static void read_row(struct arena *a, struct json_shape *s, const char *text)
{
	struct json_item *item = arena_array(a, MOST_ITEMS, sizeof(*item));
	unsigned open[4] = { 0 }, depth = 0;

	for (const char *p = text + strspn(text, " "), *end; *p; p = end + strspn(end, " ")) {
		const char *word, *colon;
		struct json_item *it = &item[s->n];

		end = p + strcspn(p, " ");
		word = arena_strndup(a, p, (size_t)(end - p));
		colon = strchr(word, ':');
		if (strcmp(word, "]") == 0) {
			item[open[--depth]].end = s->n;
		} else if (strcmp(word, "||") == 0 || strcmp(word, ">>") == 0) {
			item[open[--depth]].end = s->n;
			if (*word == '|') {
				open[depth++] = s->n;
				item[s->n++].kind = ITEM_PART;
			} else {
				item[open[--depth]].end = s->n;
			}
		} else if (strcmp(word, "[") == 0) {
			it->kind = ITEM_OPTION;
			open[depth++] = s->n++;
		} else if (strcmp(word, "<<") == 0) {
			it->kind = ITEM_ANY;
			open[depth++] = s->n++;
			item[s->n].kind = ITEM_PART;
			open[depth++] = s->n++;
		} else if (colon && colon > word) {
			read_member(a, it, word, colon);
			it->may_miss |= depth != 0;
			s->n++;
		} else {
			it->kind = ITEM_WORD;
			it->text = word;
			s->n++;
		}
	}
	s->item = item;
}

void json_shapes_make(struct arena *a, struct json_shapes *out)
{
	out->shape = arena_array(a, N_ROWS, sizeof(*out->shape));
	out->n = N_ROWS;
	for (unsigned i = 0; i < N_ROWS; i++) {
		struct json_shape *s = &out->shape[i];

		s->family = rows[i].family;
		s->tag = rows[i].tag;
		s->doc = rows[i].doc;
		read_row(a, s, rows[i].text);
	}
}
