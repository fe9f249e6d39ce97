/*
 * Tokens to members of objects: values, keys, conditions, lists. In: the tokens where one begins. Out: what it says, or NULL where it is another
 * sort of thing.
 */
#include <string.h>

#include "json_priv.h"
#include "parse_tokens.h"

/* Elements that @one takes, with commas between them, in front of @close. @comma: another one stood behind the last. */
static json_t *take_listed(struct json_taker *t, json_t *(*one)(struct json_taker *t), const char *close, bool *comma)
{
	json_t *list = json_array();

	*comma = false;
	while (!json_is_next(t, t->at, close)) {
		if (json_array_append_new(list, one(t)) < 0) {
			json_decref(list);
			return NULL;
		}
		*comma = json_take_word(t, ",");
		if (!*comma)
			break;
	}
	return list;
}

/* The list itself, or with the comma behind its last element an object. */
static json_t *with_comma(json_t *list, bool comma)
{
	return list && comma ? json_pack("{s:o, s:b}", "list", list, "trailing_comma", 1) : list;
}

static json_t *take_value(struct json_taker *t);

/* ( VALUE ) or ( VALUE, VALUE … ). */
static json_t *take_parens(struct json_taker *t)
{
	bool comma;
	json_t *list, *one;

	json_take_word(t, "(");
	list = take_listed(t, take_value, ")", &comma);
	if (!list || !json_take_word(t, ")")) {
		json_decref(list);
		return NULL;
	}
	if (json_array_size(list) > 1)
		return json_pack("{s:o}", "tuple", list);
	one = json_pack("{s:O}", "group", json_array_get(list, 0));
	json_decref(list);
	return one;
}

static json_t *take_value(struct json_taker *t)
{
	bool comma;
	json_t *list;

	if (json_kind(t) == TOK_STRING)
		return json_pack("{s:o}", "string", json_take_string(t));
	if (json_kind(t) == TOK_LPAREN)
		return take_parens(t);
	if (json_kind(t) != TOK_LBRACE)
		return json_take_simple(t, SORT_SIMPLE);
	json_take_word(t, "{");
	list = with_comma(take_listed(t, take_value, "}", &comma), false);
	if (list && json_take_word(t, "}"))
		return with_comma(list, comma);
	json_decref(list);
	return NULL;
}

static json_t *take_name(struct json_taker *t)
{
	return json_take_simple(t, SORT_NAME);
}

static json_t *take_keypart(struct json_taker *t)
{
	return json_take_simple(t, SORT_KEYPART);
}

static json_t *take_operand(struct json_taker *t)
{
	return json_take_simple(t, SORT_OPERAND);
}

/* One, or several in parentheses. */
static json_t *take_one_or_several(struct json_taker *t, json_t *(*one)(struct json_taker *t), size_t least)
{
	size_t at = t->at;
	struct json_seat own = t->own;
	bool comma;
	json_t *list;

	if (!json_take_word(t, "("))
		return one(t);
	list = take_listed(t, one, ")", &comma);
	if (list && json_array_size(list) >= least && json_take_word(t, ")"))
		return list;
	json_decref(list);
	t->at = at;
	t->own = own;
	return NULL;
}

static json_t *take_by(struct json_taker *t)
{
	if (json_kind(t) == TOK_STRING)
		return json_pack("{s:o}", "string", json_take_string(t));
	return json_take_simple(t, SORT_BY);
}

static json_t *take_limits(struct json_taker *t)
{
	json_t *list = NULL, *one;

	while ((json_is_next(t, t->at, "over") || json_is_next(t, t->at, "within")) && (one = json_take_object(t, JSON_LIMIT))) {
		if (!list)
			list = json_array();
		json_array_append_new(list, one);
	}
	return list;
}

/* ---- conditions ---- */

static json_t *take_cond(struct json_taker *t);

/* What parentheses are there for anyhow is not said. */
static json_t *part_of(json_t *e, enum json_sort in)
{
	const char *op = json_string_value(json_object_get(e, "op")), *inner;
	json_t *of = json_object_get(e, "of");

	if (!op || strcmp(op, "group") != 0)
		return e;
	inner = json_string_value(json_object_get(of, "op"));
	if (!inner || !json_needs_parens(in, inner))
		return e;
	json_incref(of);
	json_decref(e);
	return of;
}

static json_t *take_unary(struct json_taker *t)
{
	size_t n = 0;
	json_t *e;

	while (json_take_word(t, "not"))
		n++;
	e = json_take_object(t, JSON_COND);
	if (!e)
		e = take_operand(t);
	for (; e && n; n--)
		e = json_pack("{s:s, s:o}", "op", "not", "of", part_of(e, SORT_NOT));
	return e;
}

/* One @part, or several with @word between them. */
static json_t *take_junction(struct json_taker *t, json_t *(*part)(struct json_taker *t), const char *word, enum json_sort sort)
{
	json_t *e = part(t), *list;

	if (!e || !json_is_next(t, t->at, word))
		return e;
	list = json_array();
	json_array_append_new(list, part_of(e, sort));
	while (json_take_word(t, word)) {
		e = part(t);
		if (!e) {
			json_decref(list);
			return NULL;
		}
		json_array_append_new(list, part_of(e, sort));
	}
	return json_pack("{s:s, s:o}", "op", word, "of", list);
}

static json_t *take_conj(struct json_taker *t)
{
	return take_junction(t, take_unary, "and", SORT_AND);
}

static json_t *take_cond(struct json_taker *t)
{
	return take_junction(t, take_conj, "or", SORT_OR);
}

static json_t *take_action(struct json_taker *t)
{
	return json_take_object(t, JSON_ACTION);
}

static json_t *take_actions(struct json_taker *t)
{
	json_t *list = json_array();

	do {
		if (json_array_append_new(list, take_action(t)) < 0) {
			json_decref(list);
			return NULL;
		}
	} while (json_take_word(t, ","));
	return list;
}

static json_t *take_field(struct json_taker *t)
{
	json_t *o = json_take_object(t, JSON_FIELD);

	return o ? o : json_take_simple(t, SORT_FIELD);
}

json_t *json_take_member(struct json_taker *t, enum json_sort sort)
{
	bool comma = false;
	json_t *v;

	switch (sort) {
	case SORT_TRUE:		return json_true();
	case SORT_VALUE:
	case SORT_MASK:		return take_value(t);
	case SORT_TYPE:		return take_one_or_several(t, take_name, 1);
	case SORT_KEY:		return take_one_or_several(t, take_keypart, 1);
	case SORT_OPERANDS:	return take_one_or_several(t, take_operand, 2);
	case SORT_BY:		return take_by(t);
	case SORT_LIMIT:	v = take_name(t); return v ? v : json_take_object(t, JSON_RATE);
	case SORT_LIMITS:	return take_limits(t);
	case SORT_VERDICT:	return json_take_object(t, JSON_VERDICT);
	case SORT_ACTIONS:	return take_actions(t);
	case SORT_COND:		return take_cond(t);
	case SORT_BLOCK:	return json_take_block(t);
	case SORT_BRANCHES:	return json_take_branches(t);
	case SORT_STEPS:	return json_take_rows(t, JSON_STEP);
	case SORT_FIELDS:
		v = take_listed(t, take_field, "}", &comma);
		return with_comma(v, comma);
	case SORT_NAME: case SORT_LABEL: case SORT_SETNAME: case SORT_STRING: case SORT_NUMBER: case SORT_AMOUNT: case SORT_QUANTITY: case SORT_ATOM:
	case SORT_FIELD: case SORT_OPERAND: case SORT_KEYPART: case SORT_RATE: case SORT_BURST: case SORT_LOGRATE: case SORT_SHARE: case SORT_FULL:
	case SORT_OUTCOME: case SORT_SIMPLE:
		return json_take_simple(t, sort);
	case SORT_AND: case SORT_OR: case SORT_NOT: case SORT_WORD: case SORT_COUNT:
		break;
	}
	return NULL;
}
