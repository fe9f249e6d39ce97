/*
 * Tokens to JSON. In: the tokens of a text that was parsed without errors. Out: what they say as grammar/json.def has it, and for each token
 * the object that its comments belong to. The grammar has been seen to; that something does not fit is a defect, and nothing is made of it.
 */
#include <string.h>

#include "json_priv.h"
#include "parse_tokens.h"

static int kind(const struct json_taker *t)
{
	return t->in.piece.v[t->at].kind;
}

/* One word of the statement: the pieces as far as @end. */
static void take(struct json_taker *t, size_t end)
{
	for (bool inside = false; t->at < end; t->at++, inside = true) {
		t->own.first = t->own.after == 0 && !inside;
		t->seat[t->at] = t->own;
		/* What stands inside of a word goes behind it. */
		t->seat[t->at].after += inside;
	}
	t->own.after++;
	t->own.before = NULL;
}

static bool is_word(const struct json_taker *t, size_t at, const char *word)
{
	const struct piece *p = &t->in.piece.v[at];

	return p->kind != TOK_STRING && p->kind != TOK_YYEOF && p->span.end - p->span.begin == strlen(word) &&
	       memcmp(p->span.src->text + p->span.begin, word, strlen(word)) == 0;
}

static bool take_word(struct json_taker *t, const char *word)
{
	if (!is_word(t, t->at, word))
		return false;
	take(t, t->at + 1);
	return true;
}

static bool wordy(const struct piece *p)
{
	return p->kind == TOK_NAME || (p->kind >= TOK_ABORT && p->kind <= TOK_WITHIN);
}

/* The text of the pieces from @i to @end, laid out as the formatter does. */
static json_t *text_of(struct json_taker *t, size_t i, size_t end)
{
	const struct piece *p = t->in.piece.v;
	const char *s = "";

	if (end - i == 1)
		return json_stringn_nocheck(p[i].span.src->text + p[i].span.begin, p[i].span.end - p[i].span.begin);
	for (size_t k = i; k < end; k++) {
		bool space = false;

		if (k > i && p[k].kind == TOK_DASH)
			space = wordy(&p[k - 1]) || wordy(&p[k + 1]);
		else if (k > i && p[k - 1].kind == TOK_DASH)
			space = wordy(&p[k - 2]) || wordy(&p[k]);
		else if (k > i)
			space = wordy(&p[k]) && (p[k - 1].kind == TOK_NUM || p[k - 1].kind == TOK_QTY);
		s = arena_printf(t->a, "%s%s%.*s", s, space ? " " : "", (int)(p[k].span.end - p[k].span.begin), p[k].span.src->text + p[k].span.begin);
	}
	return json_string_nocheck(s);
}

/* A decimal number that JSON has exactly and writes the same, as a number; else NULL. */
static json_t *number_of(const struct piece *p)
{
	const char *s = p->span.src->text + p->span.begin;
	size_t len = p->span.end - p->span.begin;
	json_int_t n = 0;

	if (p->kind != TOK_NUM || len > 15 || (*s == '0' && len > 1))
		return NULL;
	for (size_t i = 0; i < len; i++)
		n = n * 10 + (s[i] - '0');
	return json_integer(n);
}

static json_t *take_string(struct json_taker *t)
{
	struct span sp = t->in.piece.v[t->at].span;

	if (kind(t) != TOK_STRING)
		return NULL;
	take(t, t->at + 1);
	return json_stringn_nocheck(sp.src->text + sp.begin + 1, sp.end - sp.begin - 2);
}

/* A member that is one string or number. */
static json_t *take_simple(struct json_taker *t, enum json_sort sort)
{
	size_t i = t->at, end = json_sort_end(&t->in, i, sort);
	struct span sp = t->in.piece.v[i].span;
	json_t *v = NULL;

	if (end == i)
		return NULL;
	if (sort == SORT_STRING)
		return take_string(t);
	if (sort == SORT_LABEL || sort == SORT_SETNAME)
		v = json_stringn_nocheck(sp.src->text + sp.begin, sp.end - sp.begin - (kind(t) == TOK_LABEL));
	else if (json_sorts[sort].number && end == i + 1)
		v = number_of(&t->in.piece.v[i]);
	take(t, end);
	return v ? v : text_of(t, i, end);
}

/* Elements that @one takes, with commas between them, in front of @close. @comma: another one stood behind the last. */
static json_t *take_listed(struct json_taker *t, json_t *(*one)(struct json_taker *t), const char *close, bool *comma)
{
	json_t *list = json_array();

	*comma = false;
	while (!is_word(t, t->at, close)) {
		if (json_array_append_new(list, one(t)) < 0) {
			json_decref(list);
			return NULL;
		}
		*comma = take_word(t, ",");
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

	take_word(t, "(");
	list = take_listed(t, take_value, ")", &comma);
	if (!list || !take_word(t, ")")) {
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

	if (kind(t) == TOK_STRING)
		return json_pack("{s:o}", "string", take_string(t));
	if (kind(t) == TOK_LPAREN)
		return take_parens(t);
	if (kind(t) != TOK_LBRACE)
		return take_simple(t, SORT_SIMPLE);
	take_word(t, "{");
	list = with_comma(take_listed(t, take_value, "}", &comma), false);
	if (list && take_word(t, "}"))
		return with_comma(list, comma);
	json_decref(list);
	return NULL;
}

static json_t *take_name(struct json_taker *t)
{
	return take_simple(t, SORT_NAME);
}

static json_t *take_keypart(struct json_taker *t)
{
	return take_simple(t, SORT_KEYPART);
}

static json_t *take_operand(struct json_taker *t)
{
	return take_simple(t, SORT_OPERAND);
}

/* One, or several in parentheses. */
static json_t *take_one_or_several(struct json_taker *t, json_t *(*one)(struct json_taker *t), size_t least)
{
	size_t at = t->at;
	struct json_seat own = t->own;
	bool comma;
	json_t *list;

	if (!take_word(t, "("))
		return one(t);
	list = take_listed(t, one, ")", &comma);
	if (list && json_array_size(list) >= least && take_word(t, ")"))
		return list;
	json_decref(list);
	t->at = at;
	t->own = own;
	return NULL;
}

static json_t *take_by(struct json_taker *t)
{
	size_t i = t->at, end = json_sort_end(&t->in, i, SORT_BY);

	if (kind(t) == TOK_STRING)
		return json_pack("{s:o}", "string", take_string(t));
	if (end == i)
		return NULL;
	take(t, end);
	return text_of(t, i, end);
}

static json_t *take_limits(struct json_taker *t)
{
	json_t *list = NULL, *one;

	while ((is_word(t, t->at, "over") || is_word(t, t->at, "within")) && (one = json_take_object(t, JSON_LIMIT))) {
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

	while (take_word(t, "not"))
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

	if (!e || !is_word(t, t->at, word))
		return e;
	list = json_array();
	json_array_append_new(list, part_of(e, sort));
	while (take_word(t, word)) {
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

/* ---- objects ---- */

static bool take_items(struct json_taker *t, const struct json_shape *s, unsigned from, unsigned end, json_t *o);

/* Parts in any order, as they come. */
static bool take_parts(struct json_taker *t, const struct json_shape *s, unsigned from, unsigned end, json_t *o)
{
	bool found = true;

	while (found) {
		found = false;
		for (unsigned i = from; i < end && !found; i = s->item[i].end) {
			const struct json_item *begin = &s->item[i + 1];

			if (begin->kind == ITEM_WORD && is_word(t, t->at, begin->text))
				found = take_items(t, s, i + 1, s->item[i].end, o);
			if (found || begin->kind != ITEM_WORD || !is_word(t, t->at, begin->text))
				continue;
			return false;
		}
	}
	return true;
}

static bool take_items(struct json_taker *t, const struct json_shape *s, unsigned from, unsigned end, json_t *o)
{
	for (unsigned i = from; i < end;) {
		const struct json_item *it = &s->item[i];
		size_t at = t->at;
		struct json_seat own = t->own;
		json_t *v;

		switch (it->kind) {
		case ITEM_WORD:
			if (!take_word(t, it->text))
				return false;
			break;
		case ITEM_MEMBER:
			v = json_take_member(t, it->sort);
			if (!v && !it->alone)
				return false;
			if (v && json_object_set_new_nocheck(o, it->text, v) < 0)
				return false;
			break;
		case ITEM_OPTION:
			if (!take_items(t, s, i + 1, it->end, o)) {
				t->at = at;
				t->own = own;
			}
			break;
		case ITEM_ANY:
			if (!take_parts(t, s, i + 1, it->end, o))
				return false;
			break;
		case ITEM_PART:
			break;
		}
		i = it->end ? it->end : i + 1;
	}
	return true;
}

json_t *json_take_object(struct json_taker *t, enum json_family family)
{
	size_t at = t->at;
	struct json_seat own = t->own;

	for (unsigned i = 0; i < t->shapes.n; i++) {
		const struct json_shape *s = &t->shapes.shape[i];
		const char *tag = json_tag_member(s->family);
		json_t *o;

		if (!json_family_is(s->family, family))
			continue;
		/* Those by their parts are no rows to try: and, or, not. */
		if (family == JSON_COND && s->item[0].kind == ITEM_MEMBER && s->item[0].sort >= SORT_AND && s->item[0].sort <= SORT_NOT)
			continue;
		if (s->item[0].kind == ITEM_WORD && !is_word(t, at, s->item[0].text))
			continue;
		o = json_object();
		if (tag)
			json_object_set_new_nocheck(o, tag, json_string_nocheck(s->tag));
		if (json_has_comments(family))
			t->own.of = o;
		if (take_items(t, s, 0, s->n, o))
			return o;
		json_decref(o);
		t->at = at;
		t->own = own;
	}
	return NULL;
}

/* Statements or steps, as far as there are some; each has its own words. */
static json_t *take_rows(struct json_taker *t, enum json_family family)
{
	json_t *list = json_array(), *before = NULL;
	struct json_seat around = t->own;

	while (kind(t) != TOK_RBRACE && kind(t) != TOK_YYEOF) {
		json_t *o;

		t->own = (struct json_seat){ .before = before, .around = around.of, .after_around = around.after };
		o = json_take_object(t, family);
		if (json_array_append_new(list, o) < 0) {
			json_decref(list);
			return NULL;
		}
		before = o;
	}
	t->own = around;
	/* What is on the last one's line is its. */
	t->own.before = before;
	return list;
}

json_t *json_take_statements(struct json_taker *t)
{
	json_t *list = take_rows(t, JSON_STATEMENT);

	if (list && kind(t) == TOK_YYEOF) {
		t->own.first = false;
		t->seat[t->at] = t->own;
		return list;
	}
	json_decref(list);
	return NULL;
}

static json_t *take_block(struct json_taker *t)
{
	json_t *list;

	if (!take_word(t, "{"))
		return NULL;
	list = take_rows(t, JSON_STATEMENT);
	if (list && take_word(t, "}"))
		return list;
	json_decref(list);
	return NULL;
}

static json_t *take_branches(struct json_taker *t)
{
	json_t *list = NULL, *one;

	if (!is_word(t, t->at, "if"))
		return NULL;
	list = json_array();
	do {
		one = json_take_object(t, JSON_BRANCH);
		if (json_array_append_new(list, one) < 0) {
			json_decref(list);
			return NULL;
		}
	} while (is_word(t, t->at, "else") && is_word(t, t->at + 1, "if") && take_word(t, "else"));
	return list;
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
	} while (take_word(t, ","));
	return list;
}

static json_t *take_field(struct json_taker *t)
{
	json_t *o = json_take_object(t, JSON_FIELD);

	return o ? o : take_simple(t, SORT_FIELD);
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
	case SORT_BLOCK:	return take_block(t);
	case SORT_BRANCHES:	return take_branches(t);
	case SORT_STEPS:	return take_rows(t, JSON_STEP);
	case SORT_FIELDS:
		v = take_listed(t, take_field, "}", &comma);
		return with_comma(v, comma);
	case SORT_NAME: case SORT_LABEL: case SORT_SETNAME: case SORT_STRING: case SORT_NUMBER: case SORT_AMOUNT: case SORT_QUANTITY: case SORT_ATOM:
	case SORT_FIELD: case SORT_OPERAND: case SORT_KEYPART: case SORT_RATE: case SORT_BURST: case SORT_LOGRATE: case SORT_SHARE: case SORT_FULL:
	case SORT_OUTCOME: case SORT_SIMPLE:
		return take_simple(t, sort);
	case SORT_AND: case SORT_OR: case SORT_NOT: case SORT_WORD: case SORT_COUNT:
		break;
	}
	return NULL;
}
