/*
 * Syntax errors. In: the token that the grammar cannot go on with, what stood before it, and what could have followed. Out: one
 * diagnostic that says what was found and what was expected, in words, with a remedy for the slips that people make who come from C, pf,
 * nftables or Wireshark.
 */
#include <string.h>

#include "parse_tokens.h"

enum { QUOTE_MAX = 40 };

const char *parse_quote(struct parser *c, struct span sp)
{
	const char *s = c->src->text + sp.begin;
	size_t len = sp.end - sp.begin;
	const char *nl = memchr(s, '\n', len);

	/* Nobody will see it. */
	if (diag_full(c->d))
		return "";
	if (nl)
		len = (size_t)(nl - s);
	if (len > QUOTE_MAX) {
		len = QUOTE_MAX - 3;
		while (len && ((unsigned char)s[len] & 0xc0) == 0x80)
			len--;
		return arena_printf(c->a, "`%.*s...`", (int)len, s);
	}
	return arena_printf(c->a, "`%.*s`", (int)len, s);
}

/* What was found, in words. */
static const char *found(struct parser *c, const struct token *k)
{
	const char *q = parse_quote(c, k->span);

	switch (k->kind) {
	case TOK_YYEOF:		return "the end of the file";
	case TOK_LABEL:		return arena_printf(c->a, "the label %s", q);
	case TOK_STRING:	return arena_printf(c->a, "the string %s", q);
	case TOK_NUM:		return arena_printf(c->a, "the number %s", q);
	case TOK_QTY:		return arena_printf(c->a, "the quantity %s", q);
	case TOK_ADDR4:		return arena_printf(c->a, "the address %s", q);
	case TOK_RBRACE:	return k->span.begin == k->span.end ? "the end of the file" : q;
	default:		return q;
	}
}

struct phrase {
	unsigned want;
	const char *text;
};

/* @want as "a, b or c"; at most four, NULL if there are more or none. */
static const char *expected(struct parser *c, unsigned want)
{
	/* A kind of thing stands for the words that it can begin with. */
	static const struct phrase hides[] = {
		{ WANT_STATEMENT, 0 }, { WANT_ACTION, 0 }, { WANT_COND, 0 }, { WANT_VALUE, 0 }, { WANT_CMP, 0 }, { WANT_STEP, 0 },
	};
	static const unsigned hidden[] = {
		WANT_ACTION | WANT_VERDICT | WANT_IF | WANT_DECL | WANT_END,
		WANT_VERDICT,
		WANT_NAME | WANT_LPAREN,
		WANT_NAME | WANT_NUM | WANT_STRING | WANT_OPEN | WANT_LPAREN,
		WANT_IN,
		WANT_COND,
	};
	static const struct phrase phrases[] = {
		{ WANT_STEP, "a step (packet, repeat, after, add, remove, expect)" },
		{ WANT_STATEMENT, "a statement" }, { WANT_ACTION, "an action" }, { WANT_VERDICT, "a verdict" },
		{ WANT_COND, "a condition" }, { WANT_VALUE, "a value" }, { WANT_CMP, "a comparison" }, { WANT_IN, "`in`" },
		{ WANT_LIVE, "`live`, `size`, `timeout`, `from`" },
		{ WANT_NAME, "a name" }, { WANT_NUM, "a number" }, { WANT_STRING, "a string" }, { WANT_ASSIGN, "`=`" },
		{ WANT_COLON, "`:`" }, { WANT_PER, "`per`" }, { WANT_IF, "`if`" }, { WANT_AND, "`and`" }, { WANT_OR, "`or`" },
		{ WANT_COMMA, "`,`" }, { WANT_LPAREN, "`(`" }, { WANT_RPAREN, "`)`" }, { WANT_LBRACKET, "`[`" }, { WANT_RBRACKET, "`]`" },
		{ WANT_OPEN, "`{`" }, { WANT_CLOSE, "`}`" }, { WANT_SEMI, "`;`" },
	};
	const char *list[4], *s;
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(hides) / sizeof(hides[0]); i++)
		if (want & hides[i].want)
			want &= ~hidden[i];
	/* `=` where a comparison may stand is only taken to be told of. */
	if (want & WANT_CMP)
		want &= ~(unsigned)WANT_ASSIGN;
	if (want != WANT_LBRACKET)
		want &= ~(unsigned)WANT_LBRACKET;
	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		if (!(want & phrases[i].want))
			continue;
		if (n == 4)
			return NULL;
		list[n++] = phrases[i].text;
	}
	if (!n)
		return NULL;
	s = list[0];
	for (unsigned i = 1; i < n; i++)
		s = arena_printf(c->a, "%s%s%s", s, i + 1 == n ? " or " : ", ", list[i]);
	return s;
}

static bool later_line(const struct parser *c, struct span before, struct span k)
{
	return before.end <= k.begin && memchr(c->src->text + before.end, '\n', k.begin - before.end) != NULL;
}

/* A word that was meant as a label. */
static bool report_label(struct parser *c, unsigned want)
{
	const struct token *k = &c->tokens->last;
	const char *colon = parse_behind(c);
	struct span sp = { c->src, k->span.begin, (uint32_t)(colon - c->src->text) + 1 };

	/* `!`, `&&` and `||` are taken for words, and are none. */
	if (*colon != ':' || !(want & WANT_STATEMENT) || !k->val.name.s || !(k->kind == TOK_NAME || (k->kind >= TOK_ABORT && k->kind <= TOK_WITHIN)))
		return false;
	diag_error(c->d, sp, sp.end == k->span.end + 1 ? "a label's colon is followed by a blank" : "a label and its colon are one word")->remedy =
		arena_printf(c->a, "write `%s: …`", k->val.name.s);
	return true;
}

/* A name where a statement or an action should begin. */
static void report_not_action(struct parser *c, unsigned want)
{
	static const struct foreign theirs[] = {
		{ "accept", "pass" }, { "allow", "pass" }, { "permit", "pass" }, { "xdp_pass", "pass" }, { "return", "pass" },
		{ "deny", "drop" }, { "block", "drop" }, { "reject", "reply" }, { "discard", "drop" }, { "xdp_drop", "drop" },
		{ "counter", "count" }, { "var", "let" }, { "define", "let" }, { "const", "let" }, { "table", "set" },
		{ "elif", "else if" }, { "elseif", "else if" }, { "elsif", "else if" }, { "import", "include" },
	};
	static const char *const ours[] = {
		"pass", "drop", "abort", "tx", "redirect", "forward", "reply", "syncookie", "count", "if", "else", "let", "set", "default",
		"option", "include",
	};
	const struct token *k = &c->tokens->last;
	const char *q = parse_quote(c, k->span), *s = parse_behind(c);
	struct diag *d;

	if (strcasecmp(k->val.name.s, "policy") == 0 && want & WANT_DECL) {
		size_t len = strspn(s, "abcdefghijklmnopqrstuvwxyz");
		const char *word = arena_strndup(c->a, s, len), *verdict = FOREIGN(theirs, word);

		diag_error(c->d, k->span, "expected a statement, found %s", q)->remedy =
			arena_printf(c->a, "write `default %s;`", verdict ? verdict : tokens_keyword(word, len) ? word : "drop");
		return;
	}
	d = diag_error(c->d, k->span, "expected %s, found %s",
		       want & WANT_STATEMENT ? "a statement" : want & WANT_ACTION ? "an action" : "a verdict", q);
	s = FOREIGN(theirs, k->val.name.s);
	if (!s)
		s = diag_nearest(k->val.name.s, strlen(k->val.name.s), ours, sizeof(ours) / sizeof(ours[0]));
	if (lang_field_by_name(k->val.name.s, strlen(k->val.name.s)) != FIELD_NONE)
		d->remedy = c->tokens->before.kind == TOK_COMMA ?
				    "several fields of a key stand in parentheses; `FIELD = VALUE` writes to one; a condition stands behind `if`" :
				    "`FIELD = VALUE` writes to a field; a condition stands behind `if`";
	else if (strstr(k->val.name.s, "payload") && *parse_behind(c) == '[')
		d->remedy = SLIP_READ_ONLY;
	else if (s && !strcmp(s, "reply"))
		d->remedy = want & (WANT_ACTION | WANT_STATEMENT) ? "write `reply rst` (to TCP), `reply unreachable` (to any protocol), or `drop`" :
								     "did you mean `drop`?";
	else if (s)
		d->remedy = arena_printf(c->a, "did you mean `%s`?", s);
	else if (want & WANT_STATEMENT)
		d->remedy = "a rule is  [label:] ACTION, … [if CONDITION]; and its actions are pass, drop, count and others: xdpfc --list=actions";
	else
		d->remedy = "xdpfc --list=actions prints the actions there are";
}

/* Does a statement begin with this token, and nothing else? */
static bool begins_statement(int kind)
{
	switch (kind) {
	case TOK_LABEL: case TOK_LET: case TOK_SET: case TOK_INCLUDE: case TOK_DEFAULT: case TOK_OPTION: case TOK_LIMIT: case TOK_TEST:
	case TOK_RBRACE: case TOK_YYEOF: case TOK_DROP: case TOK_PASS: case TOK_ABORT: case TOK_TX: case TOK_COUNT: case TOK_ELSE:
		return true;
	default:
		return false;
	}
}

/* A bracket that is open where the statement or the file ends. */
static bool report_unclosed(struct parser *c, unsigned want)
{
	const struct token *k = &c->tokens->last, *before = &c->tokens->before;
	const char *bracket = want & WANT_RPAREN ? ")" : want & WANT_RBRACKET ? "]" : (want & WANT_CLOSE) && (want & WANT_COMMA) ? "}" : NULL;

	if (!bracket || !(k->kind == TOK_SEMI || k->kind == TOK_YYEOF || k->kind == TOK_LBRACE || k->kind == TOK_RBRACE))
		return false;
	diag_error(c->d, (struct span){ c->src, before->span.end, before->span.end }, "missing `%s`", bracket)->remedy =
		arena_printf(c->a, "close what is open before %s", found(c, k));
	return true;
}

void parse_report(struct parser *c, unsigned want)
{
	struct tokens *t = c->tokens;
	const struct token *k = &t->last, *before = &t->before;
	const char *what;
	struct diag *d;

	if (t->over)
		return;
	t->panic = true;
	/* Only what names something is missing. */
	if (tokens_keyword(c->src->text + k->span.begin, k->span.end - k->span.begin) && k->kind != TOK_LABEL && (want & WANT_NAME) &&
	    !(want & (WANT_COND | WANT_VALUE | WANT_SEMI))) {
		what = slip_unnamed(before, k);
		diag_error(c->d, k->span, "%s is a word of the language and cannot be a name here", parse_quote(c, k->span))->remedy =
			what ? what : "choose another name";
		t->pass_last = true;
		return;
	}
	if (k->kind == TOK_LABEL && (want & WANT_NAME) && !(want & (WANT_COND | WANT_VALUE | WANT_SEMI))) {
		diag_error(c->d, k->span, "expected a name, found %s", found(c, k))->remedy = "leave the colon out";
		t->pass_last = true;
		return;
	}
	if (report_label(c, want))
		return;
	if (k->kind == TOK_NAME && (want & (WANT_STATEMENT | WANT_VERDICT)) && !(want & WANT_COND)) {
		report_not_action(c, want);
		return;
	}
	if (slip_report(c, want))
		return;
	if ((want & WANT_SEMI) && before->kind && k->kind != TOK_ELSE &&
	    (begins_statement(k->kind) || later_line(c, before->span, k->span))) {
		diag_error(c->d, (struct span){ c->src, before->span.end, before->span.end }, "missing `;`")->remedy =
			"a statement ends with `;`";
		t->here = true;
		return;
	}
	if (report_unclosed(c, want))
		return;
	what = expected(c, want);
	if (what)
		d = diag_error(c->d, k->span, "expected %s, found %s", what, found(c, k));
	else
		d = diag_error(c->d, k->span, "unexpected %s", found(c, k));
	what = slip_remedy(c, want);
	d->remedy = what ? what : parse_remedy(c, want);
}
