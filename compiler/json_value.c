/*
 * Members of objects to text. In: what stands in a member, and what sort of thing it should be. Out: its words; what has another type is told.
 */
#include <inttypes.h>
#include <string.h>

#include "json_priv.h"
#include "utf8.h"

static void wrong(struct json_put *p, uint32_t node, const json_t *v, const char *form, const char *hint)
{
	json_error(p, node, "this is %s where %s should be", json_is(v), form)->remedy = hint;
}

static void put_number(struct json_put *p, uint32_t node, enum json_sort sort, const json_t *v)
{
	char digits[24];

	if (json_integer_value(v) < 0) {
		json_error(p, node, "a number below 0")->remedy =
			"numbers go from 0 to 18446744073709551615; those above 9223372036854775807 are strings";
		return;
	}
	snprintf(digits, sizeof(digits), "%" PRIu64, (uint64_t)json_integer_value(v));
	json_put_text(p, node, sort, "", digits, strlen(digits), "");
}

/* What nobody sees would change what is read. */
static bool sound(struct json_put *p, uint32_t node, const char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint32_t cp = 0;
		unsigned n = utf8_decode(s + i, len - i, &cp);

		if (!n || utf8_is_control(cp)) {
			json_error(p, node, "a control character in %s", json_quote(p, s, len))->remedy = "remove it";
			return false;
		}
		i += n;
	}
	return true;
}

static void put_quoted(struct json_put *p, uint32_t node, const json_t *v)
{
	const char *s = json_string_value(v);
	size_t len = json_string_length(v);

	if (!s) {
		wrong(p, node, v, "a string", NULL);
	} else if (memchr(s, '"', len)) {
		json_error(p, node, "a quote in the string %s", json_quote(p, s, len))->remedy = "strings of rule files cannot have quotes in them";
	} else if (sound(p, node, s, len)) {
		json_put_text(p, node, SORT_STRING, "\"", s, len, "\"");
	}
}

/* One of the words that there are. */
static bool known_word(struct json_put *p, uint32_t node, const char *const *words, const char *s, size_t len)
{
	size_t n = 0;
	const char *near, *list = "";

	for (; words[n]; n++) {
		if (strcmp(words[n], s) == 0)
			return true;
		list = arena_printf(p->a, "%s%s%s", list, n ? ", " : "", words[n]);
	}
	near = diag_nearest(s, len, words, n);
	json_error(p, node, "%s is none of %s", json_quote(p, s, len), list)->remedy = near ? arena_printf(p->a, "did you mean `%s`?", near) : NULL;
	return false;
}

void json_put_simple(struct json_put *p, uint32_t node, enum json_sort sort, const json_t *v)
{
	const struct json_sort_info *info = &json_sorts[sort];
	const char *s = json_string_value(v);
	size_t len = json_string_length(v);

	if (info->number && json_is_integer(v)) {
		put_number(p, node, sort, v);
	} else if (json_is_real(v) && info->number) {
		json_error(p, node, "a fraction is no number here")->remedy = "write it as a string with its unit: \"1.5M\"";
	} else if (!s) {
		wrong(p, node, v, info->number ? "a number or a string" : "a string", info->hint);
	} else if (sort == SORT_STRING) {
		put_quoted(p, node, v);
	} else if (!len) {
		json_error(p, node, "the string is empty where %s should be", info->what)->remedy = info->hint;
	} else if (!info->words || known_word(p, node, info->words, s, len)) {
		/* A set's name with its colon in it would be a label. */
		json_put_text(p, node, sort == SORT_SETNAME ? SORT_NAME : sort, "", s, len, sort == SORT_LABEL ? ":" : "");
	}
}

/* The only member of an object that stands for a value; NULL: it has others. */
static const json_t *only(struct json_put *p, uint32_t node, const json_t *v, const char **name)
{
	static const char *const names[] = { "string", "tuple", "group", "list", "trailing_comma" };

	if (!json_only(p, node, v, names, 5))
		return NULL;
	for (size_t i = 0; i < 4; i++) {
		const json_t *m = json_object_get(v, names[i]);

		if (!m)
			continue;
		*name = names[i];
		if (json_object_size(v) == 1 || (i == 3 && json_object_size(v) == 2 && json_object_get(v, names[4])))
			return m;
	}
	json_error(p, node, "this object is no value")->remedy =
		"a value that is an object has one member: `string`, `tuple`, `group`, or `list` and maybe `trailing_comma`";
	return NULL;
}

typedef void json_put_one(struct json_put *p, uint32_t node, const json_t *v);

/* @v's elements with commas between them. */
static void put_listed(struct json_put *p, uint32_t node, const json_t *v, size_t least, json_put_one *one)
{
	if (!json_is_array(v)) {
		wrong(p, node, v, "an array", NULL);
		return;
	}
	if (json_array_size(v) < least)
		json_error(p, node, least > 1 ? "an array of two or more should be here" : "the array is empty");
	for (size_t i = 0; i < json_array_size(v) && !diag_full(p->d); i++) {
		if (i)
			json_put_word(p, node, ",");
		one(p, json_node(p, node, NULL, i), json_array_get(v, i));
	}
}

/* An array, or an object that says that another comma follows. */
static void put_list(struct json_put *p, uint32_t node, const json_t *v, size_t least, json_put_one *one)
{
	const json_t *comma = json_object_get(v, "trailing_comma"), *list = json_object_get(v, "list");
	static const char *const names[] = { "list", "trailing_comma" };

	if (!list) {
		put_listed(p, node, v, least, one);
		return;
	}
	if (!json_only(p, node, v, names, 2))
		return;
	put_listed(p, json_node(p, node, "list", 0), list, json_is_true(comma) ? 1 : least, one);
	if (comma && !json_is_boolean(comma))
		wrong(p, json_node(p, node, "trailing_comma", 0), comma, "true or false", NULL);
	if (json_is_true(comma))
		json_put_word(p, node, ",");
}

static void put_value_object(struct json_put *p, uint32_t node, const json_t *v)
{
	const char *name;
	const json_t *m = only(p, node, v, &name);
	uint32_t in;

	if (!m)
		return;
	if (strcmp(name, "list") == 0) {
		json_put_word(p, node, "{");
		put_list(p, node, v, 1, json_put_value);
		json_put_word(p, node, "}");
		return;
	}
	in = json_node(p, node, name, 0);
	if (strcmp(name, "string") == 0) {
		put_quoted(p, in, m);
		return;
	}
	json_put_word(p, node, "(");
	if (strcmp(name, "tuple") == 0)
		put_listed(p, in, m, 2, json_put_value);
	else
		json_put_value(p, in, m);
	json_put_word(p, node, ")");
}

void json_put_value(struct json_put *p, uint32_t node, const json_t *v)
{
	if (json_deeper(p, node)) {
		if (json_is_array(v)) {
			json_put_word(p, node, "{");
			put_listed(p, node, v, 1, json_put_value);
			json_put_word(p, node, "}");
		} else if (json_is_object(v)) {
			put_value_object(p, node, v);
		} else {
			json_put_simple(p, node, SORT_SIMPLE, v);
		}
	}
	p->depth--;
}

static void put_name(struct json_put *p, uint32_t node, const json_t *v)
{
	json_put_simple(p, node, SORT_NAME, v);
}

static void put_operand(struct json_put *p, uint32_t node, const json_t *v)
{
	json_put_simple(p, node, SORT_OPERAND, v);
}

static void put_keypart(struct json_put *p, uint32_t node, const json_t *v)
{
	json_put_simple(p, node, SORT_KEYPART, v);
}

/* One, or an array of them in parentheses. */
static void put_one_or_several(struct json_put *p, uint32_t node, const json_t *v, size_t least, json_put_one *one)
{
	if (!json_is_array(v)) {
		one(p, node, v);
		return;
	}
	json_put_word(p, node, "(");
	put_listed(p, node, v, least, one);
	json_put_word(p, node, ")");
}

/* "telnet", "default", or { "string": "edge.xdpf:31" }. */
static void put_by(struct json_put *p, uint32_t node, const json_t *v)
{
	static const char *const names[] = { "string" };
	const json_t *s = json_object_get(v, "string");

	if (json_is_string(v) && json_string_length(v))
		json_put_text(p, node, SORT_BY, "", json_string_value(v), json_string_length(v), "");
	else if (!s)
		wrong(p, node, v, "a label, \"default\" or { \"string\": \"FILE:LINE\" }", NULL);
	else if (json_only(p, node, v, names, 1))
		put_quoted(p, json_node(p, node, "string", 0), s);
}

static void put_limit(struct json_put *p, uint32_t node, const json_t *v)
{
	json_put_object(p, node, JSON_LIMIT, v);
}

/* ---- conditions ---- */

static void put_cond(struct json_put *p, uint32_t node, const json_t *v)
{
	if (json_is_string(v))
		json_put_simple(p, node, SORT_OPERAND, v);
	else
		json_put_object(p, node, JSON_COND, v);
}

/* A part of one that is @in. */
static void put_part(struct json_put *p, uint32_t node, enum json_sort in, const json_t *v)
{
	const char *op = json_string_value(json_object_get(v, "op"));
	bool parens = op && json_needs_parens(in, op);

	if (parens)
		json_put_word(p, node, "(");
	put_cond(p, node, v);
	if (parens)
		json_put_word(p, node, ")");
}

static void put_junction(struct json_put *p, uint32_t node, enum json_sort sort, const json_t *v)
{
	if (!json_is_array(v)) {
		wrong(p, node, v, "an array of conditions", NULL);
		return;
	}
	if (!json_array_size(v))
		json_error(p, node, "no condition is in it")->remedy = "leave it out where there is nothing to ask";
	for (size_t i = 0; i < json_array_size(v) && !diag_full(p->d); i++) {
		uint32_t in = json_node(p, node, NULL, i);

		if (i)
			json_put_word(p, node, sort == SORT_OR ? "or" : "and");
		put_part(p, in, sort, json_array_get(v, i));
	}
}

/* ---- lists of objects ---- */

/* Actions, branches, with @between them. */
static void put_objects(struct json_put *p, uint32_t node, const json_t *v, enum json_family family, const char *between)
{
	if (!json_is_array(v)) {
		wrong(p, node, v, "an array", NULL);
		return;
	}
	if (!json_array_size(v) && between)
		json_error(p, node, "the array is empty")->remedy = arena_printf(p->a, "it needs one %s at the least", json_family_name(family));
	for (size_t i = 0; i < json_array_size(v) && !diag_full(p->d); i++) {
		if (i && between)
			json_put_word(p, node, between);
		json_put_object(p, json_node(p, node, NULL, i), family, json_array_get(v, i));
	}
}

static void put_field(struct json_put *p, uint32_t node, const json_t *v)
{
	if (json_is_string(v))
		json_put_simple(p, node, SORT_FIELD, v);
	else
		json_put_object(p, node, JSON_FIELD, v);
}

static void put_block(struct json_put *p, uint32_t node, const json_t *v)
{
	json_put_word(p, node, "{");
	if (++p->blocks > AST_MAX_DEPTH)
		json_error(p, node, "nested more than %d deep", AST_MAX_DEPTH)->remedy =
			"put rules one after the other, with conditions joined by \"and\"";
	else
		json_put_rows(p, node, v, JSON_STATEMENT);
	p->blocks--;
	json_put_word(p, node, "}");
}

void json_put_member(struct json_put *p, uint32_t node, enum json_sort sort, const json_t *v)
{
	switch (sort) {
	case SORT_TRUE:
		if (!json_is_true(v))
			wrong(p, node, v, "true or false", NULL);
		break;
	case SORT_VALUE:
	case SORT_MASK:		json_put_value(p, node, v); break;
	case SORT_TYPE:		put_one_or_several(p, node, v, 1, put_name); break;
	case SORT_KEY:		put_one_or_several(p, node, v, 1, put_keypart); break;
	case SORT_OPERANDS:	put_one_or_several(p, node, v, 2, put_operand); break;
	case SORT_BY:		put_by(p, node, v); break;
	case SORT_LIMIT:
		if (json_is_string(v))
			json_put_simple(p, node, SORT_NAME, v);
		else
			json_put_object(p, node, JSON_RATE, v);
		break;
	case SORT_LIMITS:
		if (json_is_array(v))
			for (size_t i = 0; i < json_array_size(v) && !diag_full(p->d); i++)
				put_limit(p, json_node(p, node, NULL, i), json_array_get(v, i));
		else
			wrong(p, node, v, "an array", NULL);
		break;
	case SORT_VERDICT:	json_put_object(p, node, JSON_VERDICT, v); break;
	case SORT_ACTIONS:	put_objects(p, node, v, JSON_ACTION, ","); break;
	case SORT_COND:		put_cond(p, node, v); break;
	case SORT_AND:
	case SORT_OR:		put_junction(p, node, sort, v); break;
	case SORT_NOT:		put_part(p, node, sort, v); break;
	case SORT_BLOCK:	put_block(p, node, v); break;
	case SORT_BRANCHES:	put_objects(p, node, v, JSON_BRANCH, "else"); break;
	case SORT_STEPS:	json_put_rows(p, node, v, JSON_STEP); break;
	case SORT_FIELDS:	put_list(p, node, v, 0, put_field); break;
	case SORT_NAME: case SORT_LABEL: case SORT_SETNAME: case SORT_STRING: case SORT_NUMBER: case SORT_AMOUNT: case SORT_QUANTITY: case SORT_ATOM:
	case SORT_FIELD: case SORT_OPERAND: case SORT_KEYPART: case SORT_RATE: case SORT_BURST: case SORT_LOGRATE: case SORT_SHARE: case SORT_FULL:
	case SORT_OUTCOME: case SORT_SIMPLE:
		json_put_simple(p, node, sort, v);
		break;
	case SORT_WORD:
	case SORT_COUNT:
		break;
	}
}
