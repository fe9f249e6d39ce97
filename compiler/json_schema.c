/*
 * The schema of documents. In: the rows of grammar/json.def, and the language's tables of fields, headers and types. Out: JSON Schema (draft
 * 2020-12) that takes what --emit=json makes of sound files. What a row or a table has is in it: there is no other list to keep.
 */
#include <string.h>

#include "json_priv.h"

static const char NAME[] = "^[A-Za-z][A-Za-z0-9_]*(-[A-Za-z0-9_]+)*$";
/* One word: a number, a quantity, an address, bytes, a name. */
#define WORD "[0-9A-Za-z_.:%]+(-[A-Za-z_][A-Za-z0-9_]*)*"
static const char VALUE[] = "^" WORD "( ?- ?" WORD "|/[0-9]+|([|]" WORD ")+)?$";
static const char SLICE[] = "^(inner[.])?(payload|packet)\\[[0-9xa-fA-F]+:[0-9xa-fA-F]+\\]$";
static const char INNER[] = "^inner[.][a-z0-9.]+$";
static const char PREFIXED[] = "^[a-z0-9.]+/[0-9]+(/[0-9]+)?$";

static json_t *ref(const char *name)
{
	return json_sprintf("#/$defs/%s", name);
}

static json_t *to(const char *name)
{
	return json_pack("{s:o}", "$ref", ref(name));
}

static json_t *pattern(const char *p)
{
	return json_pack("{s:s, s:s}", "type", "string", "pattern", p);
}

/* A number or a string of that form. */
static json_t *number_or(const char *p)
{
	return json_pack("{s:[{s:s, s:i}, o]}", "anyOf", "type", "integer", "minimum", 0, pattern(p));
}

static json_t *array_of(json_t *items, unsigned least)
{
	return json_pack("{s:s, s:o, s:i}", "type", "array", "items", items, "minItems", (int)least);
}

static json_t *one_of(json_t *a, json_t *b)
{
	return json_pack("{s:[o, o]}", "anyOf", a, b);
}

static json_t *words(const char *const *list)
{
	json_t *all = json_array();

	for (; *list; list++)
		json_array_append_new(all, json_string(*list));
	return json_pack("{s:o}", "enum", all);
}

/* The name of the definition of all that may be where @family is asked for. */
static const char *const families[JSON_FAMILIES] = {
	[JSON_STATEMENT] = "statement", [JSON_BRANCH] = "branch", [JSON_LIMIT] = "limit", [JSON_RATE] = "rate", [JSON_VERDICT] = "verdict",
	[JSON_ACTION] = "action", [JSON_COND] = "compound", [JSON_STEP] = "step", [JSON_FIELD] = "field_value",
};

static json_t *schema_of(enum json_sort sort)
{
	switch (sort) {
	case SORT_NAME:
	case SORT_SETNAME:	return to("name");
	case SORT_LABEL:	return to("name");
	case SORT_STRING:	return to("string");
	case SORT_NUMBER:	return number_or("^[0-9]+$|^0x[0-9a-fA-F]+$");
	case SORT_AMOUNT:	return number_or("^[0-9]+([.][0-9]+)?[A-Za-z]*$|^0x[0-9a-fA-F]+$");
	case SORT_QUANTITY:	return pattern("^[0-9]+([.][0-9]+)?(%|[A-Za-z]+)$");
	case SORT_ATOM:		return number_or("^" WORD "$");
	case SORT_FIELD:	return json_pack("{s:[o, o, o]}", "anyOf", to("field"), pattern(INNER), to("input"));
	case SORT_OPERAND:	return to("operand");
	case SORT_KEYPART:	return to("keypart");
	case SORT_RATE:		return pattern("^[0-9]+([.][0-9]+)?[A-Za-z]*( [a-z]+)?/[a-z]+$");
	case SORT_BURST:	return number_or("^[0-9]+([.][0-9]+)?[A-Za-z]*( [a-z]+)?$");
	case SORT_LOGRATE:	return pattern("^[0-9]+[A-Za-z]*/[a-z]+$");
	case SORT_SHARE:	return pattern("^[0-9]+/[0-9]+[A-Za-z]*$");
	case SORT_FULL:
	case SORT_OUTCOME:	return words(json_sorts[sort].words);
	case SORT_SIMPLE:	return number_or(VALUE);
	case SORT_TRUE:		return json_pack("{s:s}", "type", "boolean");
	case SORT_VALUE:
	case SORT_MASK:		return to("value");
	case SORT_TYPE:		return one_of(to("type"), array_of(to("type"), 1));
	case SORT_KEY:		return one_of(to("keypart"), array_of(to("keypart"), 1));
	case SORT_OPERANDS:	return one_of(to("operand"), array_of(to("operand"), 2));
	case SORT_BY:		return one_of(pattern(NAME), to("quoted"));
	case SORT_LIMIT:	return one_of(to("name"), to("rate"));
	case SORT_LIMITS:	return array_of(to("limit"), 0);
	case SORT_VERDICT:	return to("verdict");
	case SORT_ACTIONS:	return array_of(to("action"), 1);
	case SORT_COND:
	case SORT_NOT:		return to("condition");
	case SORT_AND:
	case SORT_OR:		return array_of(to("condition"), 1);
	case SORT_BLOCK:	return array_of(to("statement"), 0);
	case SORT_BRANCHES:	return array_of(to("branch"), 1);
	case SORT_STEPS:	return array_of(to("step"), 0);
	case SORT_FIELDS:	return to("fields");
	case SORT_WORD:
	case SORT_COUNT:
		break;
	}
	return json_object();
}

/* ---- what is the same wherever it stands ---- */

static json_t *fields_enum(void)
{
	json_t *all = json_array();

	for (unsigned i = 0; i < FIELD_COUNT; i++)
		json_array_append_new(all, json_string(lang_fields[i].name));
	for (unsigned i = 0; i < HDR_COUNT; i++)
		if (lang_headers[i].name)
			json_array_append_new(all, json_string(lang_headers[i].name));
	json_array_append_new(all, json_string("socket"));
	return json_pack("{s:o}", "enum", all);
}

/* What a test's packet says that is no field. */
static json_t *inputs_enum(void)
{
	json_t *all = json_pack("[s, s]", "payload", "hex");

	for (unsigned i = 0; i < INPUT_COUNT; i++)
		json_array_append_new(all, json_string(lang_inputs[i].name));
	return json_pack("{s:o}", "enum", all);
}

static json_t *types_enum(void)
{
	json_t *all = json_array();

	for (unsigned i = 0; i < TYPE_COUNT; i++)
		json_array_append_new(all, json_string(lang_types[i].name));
	return json_pack("{s:o}", "enum", all);
}

static json_t *object(json_t *members, json_t *required)
{
	return json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties", members, "required", required, "additionalProperties", 0);
}

static json_t *value_schema(void)
{
	json_t *all = json_array();

	json_array_append_new(all, number_or(VALUE));
	json_array_append_new(all, array_of(to("value"), 1));
	json_array_append_new(all, to("quoted"));
	json_array_append_new(all, object(json_pack("{s:o}", "tuple", array_of(to("value"), 2)), json_pack("[s]", "tuple")));
	json_array_append_new(all, object(json_pack("{s:o}", "group", to("value")), json_pack("[s]", "group")));
	json_array_append_new(all, object(json_pack("{s:o, s:{s:s}}", "list", array_of(to("value"), 1), "trailing_comma", "type", "boolean"),
					  json_pack("[s]", "list")));
	return json_pack("{s:o}", "anyOf", all);
}

static json_t *fields_schema(void)
{
	json_t *one = one_of(schema_of(SORT_FIELD), to(families[JSON_FIELD])), *list = array_of(one, 0);

	return one_of(json_incref(list), object(json_pack("{s:o, s:{s:s}}", "list", list, "trailing_comma", "type", "boolean"),
						json_pack("[s]", "list")));
}

static void add_common(json_t *defs)
{
	json_t *inside = object(json_pack("{s:{s:s, s:i}, s:{s:s, s:i}, s:{s:s}, s:{s:s}}", "after", "type", "integer", "minimum", 0, "text", "type",
					  "string", "minLength", 1, "own_line", "type", "boolean", "apart", "type", "boolean"),
				json_pack("[s, s]", "after", "text"));

	json_object_set_new(defs, "name", pattern(NAME));
	json_object_set_new(defs, "string", pattern("^[^\"\\u0000-\\u001f]*$"));
	json_object_set_new(defs, "quoted", object(json_pack("{s:o}", "string", to("string")), json_pack("[s]", "string")));
	json_object_set_new(defs, "type", types_enum());
	json_object_set_new(defs, "field", fields_enum());
	json_object_set_new(defs, "input", inputs_enum());
	json_object_set_new(defs, "operand", json_pack("{s:[o, o, o]}", "anyOf", to("field"), pattern(SLICE), pattern(INNER)));
	json_object_set_new(defs, "keypart", one_of(to("operand"), pattern(PREFIXED)));
	json_object_set_new(defs, "value", value_schema());
	json_object_set_new(defs, "fields", fields_schema());
	json_object_set_new(defs, "condition", one_of(to("operand"), to(families[JSON_COND])));
	json_object_set_new(defs, json_common[COMMON_COMMENT], one_of(json_pack("{s:s}", "type", "string"),
								      array_of(json_pack("{s:s}", "type", "string"), 0)));
	json_object_set_new(defs, json_common[COMMON_BEHIND], json_pack("{s:s}", "type", "string"));
	json_object_set_new(defs, json_common[COMMON_COMMENTS], array_of(inside, 0));
	json_object_set_new(defs, json_common[COMMON_SOURCE],
			    object(json_pack("{s:{s:s}, s:{s:s, s:i}}", "file", "type", "string", "line", "type", "integer", "minimum", 1),
				   json_array()));
}

/* ---- rows ---- */

/* What stands only beside another member: the first of the part that it is in. */
static void add_dependent(const struct json_shape *s, json_t *row)
{
	for (unsigned i = 0; i < s->n; i++) {
		const char *first = NULL;

		for (unsigned k = i + 1; s->item[i].kind == ITEM_OPTION && k < s->item[i].end; k++) {
			if (s->item[k].kind != ITEM_MEMBER)
				continue;
			if (first)
				json_object_set_new(row, "dependentRequired", json_pack("{s:[s]}", s->item[k].text, first));
			else
				first = s->item[k].text;
		}
	}
}

static json_t *row_schema(const struct json_shape *s)
{
	json_t *members = json_object(), *required = json_array(), *row;
	const char *tag = json_tag_member(s->family);

	if (tag) {
		json_object_set_new(members, tag, json_pack("{s:s}", "const", s->tag));
		json_array_append_new(required, json_string(tag));
	}
	for (unsigned i = 0; i < s->n; i++) {
		const struct json_item *it = &s->item[i];

		if (it->kind != ITEM_MEMBER)
			continue;
		json_object_set_new(members, it->text, schema_of(it->sort));
		if (!it->may_miss)
			json_array_append_new(required, json_string(it->text));
	}
	for (unsigned i = 0; i < json_commons(s->family); i++)
		json_object_set_new(members, json_common[i], to(json_common[i]));
	row = object(members, required);
	json_object_set_new(row, "description", json_string(s->doc));
	add_dependent(s, row);
	return row;
}

static json_t *family_schema(const struct json_shapes *all, enum json_family family)
{
	json_t *rows = json_array();

	for (unsigned i = 0; i < all->n; i++)
		if (json_family_is(all->shape[i].family, family))
			json_array_append_new(rows, row_schema(&all->shape[i]));
	return json_pack("{s:o}", "anyOf", rows);
}

bool json_schema(FILE *out)
{
	struct arena *a = arena_new();
	json_t *defs = json_object(), *root, *members;
	struct json_shapes all;
	bool ok;

	json_shapes_make(a, &all);
	add_common(defs);
	for (unsigned i = 0; i < JSON_FAMILIES; i++)
		json_object_set_new(defs, families[i], family_schema(&all, (enum json_family)i));
	members = json_pack("{s:{s:i}, s:{s:s}, s:{s:s, s:i, s:s}, s:o, s:o}", "xdpf", "const", 1, "$schema", "type", "string",
			    "file", "type", "string", "minLength", 1, "pattern", "^[^/]*$", "statements", array_of(to(families[JSON_STATEMENT]), 0),
			    "comment", to(json_common[COMMON_COMMENT]));
	root = object(members, json_pack("[s, s]", "xdpf", "statements"));
	json_object_set_new(root, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
	json_object_set_new(root, "title", json_string("rules of xdpf"));
	json_object_set_new(root, "$defs", defs);
	ok = json_dumpf(root, out, JSON_INDENT(1)) == 0;
	fputs("\n", out);
	json_decref(root);
	arena_free(a);
	return ok;
}
