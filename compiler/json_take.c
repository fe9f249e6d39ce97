/*
 * Tokens to JSON. In: the tokens of a text that was parsed without errors. Out: what they say as grammar/json.def has it, and for each token
 * the object that its comments belong to. The grammar has been seen to; that something does not fit is a defect, and nothing is made of it.
 */
#include <string.h>

#include "json_priv.h"
#include "parse_tokens.h"

int json_kind(const struct json_taker *t)
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

bool json_is_next(const struct json_taker *t, size_t at, const char *word)
{
	const struct piece *p = &t->in.piece.v[at];

	return p->kind != TOK_STRING && p->kind != TOK_YYEOF && p->span.end - p->span.begin == strlen(word) &&
	       memcmp(p->span.src->text + p->span.begin, word, strlen(word)) == 0;
}

bool json_take_word(struct json_taker *t, const char *word)
{
	/* A set's colon may be one token with its name. */
	if (strcmp(word, ":") == 0 && t->at && t->in.piece.v[t->at - 1].kind == TOK_LABEL) {
		t->own.after++;
		return true;
	}
	if (!json_is_next(t, t->at, word))
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
		s = arena_printf(t->a, "%s%s%.*s", s, space ? " " : "", (int)(p[k].span.end - p[k].span.begin),
				 p[k].span.src->text + p[k].span.begin);
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

json_t *json_take_string(struct json_taker *t)
{
	struct span sp = t->in.piece.v[t->at].span;

	if (json_kind(t) != TOK_STRING)
		return NULL;
	take(t, t->at + 1);
	return json_stringn_nocheck(sp.src->text + sp.begin + 1, sp.end - sp.begin - 2);
}

json_t *json_take_simple(struct json_taker *t, enum json_sort sort)
{
	size_t i = t->at, end = json_sort_end(&t->in, i, sort);
	struct span sp = t->in.piece.v[i].span;
	json_t *v = NULL;

	if (end == i)
		return NULL;
	if (sort == SORT_STRING)
		return json_take_string(t);
	if (sort == SORT_LABEL || sort == SORT_SETNAME)
		v = json_stringn_nocheck(sp.src->text + sp.begin, sp.end - sp.begin - (json_kind(t) == TOK_LABEL));
	else if (json_sorts[sort].number && end == i + 1)
		v = number_of(&t->in.piece.v[i]);
	take(t, end);
	return v ? v : text_of(t, i, end);
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

			if (begin->kind == ITEM_WORD && json_is_next(t, t->at, begin->text))
				found = take_items(t, s, i + 1, s->item[i].end, o);
			if (found || begin->kind != ITEM_WORD || !json_is_next(t, t->at, begin->text))
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
			if (!json_take_word(t, it->text))
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
		if (s->item[0].kind == ITEM_WORD && !json_is_next(t, at, s->item[0].text))
			continue;
		o = json_object();
		if (tag)
			json_object_set_new_nocheck(o, tag, json_string_nocheck(s->tag));
		if (json_commons(family))
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
json_t *json_take_rows(struct json_taker *t, enum json_family family)
{
	json_t *list = json_array(), *before = NULL;
	struct json_seat around = t->own;

	while (json_kind(t) != TOK_RBRACE && json_kind(t) != TOK_YYEOF) {
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
	json_t *list = json_take_rows(t, JSON_STATEMENT);

	if (list && json_kind(t) == TOK_YYEOF) {
		t->own.first = false;
		t->seat[t->at] = t->own;
		return list;
	}
	json_decref(list);
	return NULL;
}

json_t *json_take_block(struct json_taker *t)
{
	json_t *list;

	if (!json_take_word(t, "{"))
		return NULL;
	list = json_take_rows(t, JSON_STATEMENT);
	if (list && json_take_word(t, "}"))
		return list;
	json_decref(list);
	return NULL;
}

json_t *json_take_branches(struct json_taker *t)
{
	json_t *list = NULL, *one;

	if (!json_is_next(t, t->at, "if"))
		return NULL;
	list = json_array();
	do {
		one = json_take_object(t, JSON_BRANCH);
		if (json_array_append_new(list, one) < 0) {
			json_decref(list);
			return NULL;
		}
	} while (json_is_next(t, t->at, "else") && json_is_next(t, t->at + 1, "if") && json_take_word(t, "else"));
	return list;
}
