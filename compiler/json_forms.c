/*
 * The rows of grammar/json.def as those read them who write text. In: the rows. Out: of each its form: words of the language in small letters, what
 * stands for something in capitals, in brackets what may be left out.
 */
#include <ctype.h>
#include <string.h>

#include "json_priv.h"

struct form {
	struct arena *a;
	VEC(char) text;
	bool bracket;		/* nothing is behind the bracket yet */
};

static void put(struct form *f, const char *s)
{
	if (!*s)
		return;
	if (f->text.n && !f->bracket && strcmp(s, "]") != 0 && strcmp(s, ";") != 0)
		*vec_add(f->a, &f->text) = ' ';
	f->bracket = strcmp(s, "[") == 0;
	for (; *s; s++)
		*vec_add(f->a, &f->text) = *s;
}

/* What stands for one, where that is not the member's name. NULL: it is. */
static const char *placeholder(enum json_sort sort)
{
	switch (sort) {
	case SORT_LABEL:	return "LABEL:";
	case SORT_NUMBER:	return "N";
	case SORT_AMOUNT:
	case SORT_BURST:	return "AMOUNT";
	case SORT_QUANTITY:	return "SHARE";
	case SORT_OPERAND:	return "FIELD";
	case SORT_TRUE:		return "";
	case SORT_VALUE:	return "VALUE";
	case SORT_KEY:		return "KEY";
	case SORT_OPERANDS:	return "FIELD|(FIELD, …)";
	case SORT_BY:		return "LABEL|default|\"FILE:LINE\"";
	case SORT_LIMITS:	return "over|within LIMIT …";
	case SORT_ACTIONS:	return "ACTION, …";
	case SORT_COND:
	case SORT_NOT:		return "CONDITION";
	case SORT_AND:		return "CONDITION and CONDITION …";
	case SORT_OR:		return "CONDITION or CONDITION …";
	case SORT_BLOCK:	return "{ STATEMENT … }";
	case SORT_BRANCHES:	return "if CONDITION [over|within LIMIT …] { STATEMENT … } [else if …]";
	case SORT_STEPS:	return "STEP …";
	case SORT_FIELDS:	return "FIELD = VALUE, FLAG, PROTOCOL, …";
	case SORT_NAME:
	case SORT_SETNAME:
	case SORT_STRING:
	case SORT_ATOM:
	case SORT_FIELD:
	case SORT_KEYPART:
	case SORT_RATE:
	case SORT_LOGRATE:
	case SORT_SHARE:
	case SORT_FULL:
	case SORT_OUTCOME:
	case SORT_SIMPLE:
	case SORT_WORD:
	case SORT_MASK:
	case SORT_TYPE:
	case SORT_LIMIT:
	case SORT_VERDICT:
	case SORT_COUNT:	break;
	}
	return NULL;
}

static const char *upper(struct arena *a, const char *name)
{
	char *s = arena_strndup(a, name, strlen(name));

	for (char *p = s; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return s;
}

static void put_member(struct form *f, const struct json_item *it)
{
	const char *const *words = json_sorts[it->sort].words, *shown = placeholder(it->sort);
	char *list;

	if (!shown && it->sort == SORT_STRING) {
		shown = arena_printf(f->a, "\"%s\"", strcmp(it->text, "file") == 0 || strcmp(it->text, "from") == 0 ? "FILE" : "NAME");
	} else if (!shown && words) {
		list = arena_printf(f->a, "%s", *words);
		while (*++words)
			list = arena_printf(f->a, "%s|%s", list, *words);
		shown = list;
	} else if (!shown) {
		shown = upper(f->a, it->text);
	}
	if (it->alone)
		put(f, "[");
	put(f, shown);
	if (it->alone)
		put(f, "]");
}

/* The items from @i to @end. */
static void put_items(struct form *f, const struct json_item *item, unsigned i, unsigned end)
{
	while (i < end) {
		const struct json_item *it = &item[i];

		switch (it->kind) {
		case ITEM_WORD:
			put(f, it->text);
			i++;
			continue;
		case ITEM_MEMBER:
			put_member(f, it);
			i++;
			continue;
		case ITEM_OPTION:
		case ITEM_PART:
			put(f, "[");
			put_items(f, item, i + 1, it->end);
			put(f, "]");
			break;
		case ITEM_ANY:
			put_items(f, item, i + 1, it->end);
			break;
		}
		i = it->end;
	}
}

void json_forms(void (*row)(void *arg, const char *family, const char *form, const char *doc), void *arg)
{
	struct arena *a = arena_new();
	struct json_shapes shapes;

	json_shapes_make(a, &shapes);
	for (unsigned i = 0; i < shapes.n; i++) {
		const struct json_shape *s = &shapes.shape[i];
		struct form f = { .a = a };

		/* The first are told better elsewhere, the others are parts of statements and steps. */
		if (s->family == JSON_VERDICT || s->family == JSON_ACTION || s->family == JSON_BRANCH || s->family == JSON_FIELD)
			continue;
		put_items(&f, s->item, 0, s->n);
		*vec_add(a, &f.text) = '\0';
		row(arg, json_family_name(s->family), f.text.v, s->doc);
	}
	arena_free(a);
}
