/*
 * Syntax errors. In: the token that the grammar cannot go on with, what stood before it, and what could have followed. Out: one
 * diagnostic that says what was found and what was expected, in words, with a remedy for the slips that people make who come from C, pf,
 * nftables or Wireshark, and for words of the language that this version does not do anything with.
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

/* Words of other languages. */
struct foreign {
	const char *word, *ours;
};

static const char *foreign(const struct foreign *list, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(list[i].word, word) == 0)
			return list[i].ours;
	return NULL;
}

#define FOREIGN(list, word) foreign(list, sizeof(list) / sizeof((list)[0]), word)

/* What follows the last token on its line. */
static const char *behind(const struct parser *c)
{
	const char *s = c->src->text + c->tokens->last.span.end;

	while (*s == ' ' || *s == '\t')
		s++;
	return s;
}

/* A word that was meant as a label. */
static bool report_label(struct parser *c, unsigned want)
{
	const struct token *k = &c->tokens->last;
	const char *colon = behind(c);
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
	const char *q = parse_quote(c, k->span), *s = behind(c);
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

static bool is_name(const struct token *k, const char *name)
{
	return k->kind == TOK_NAME && strcmp(k->val.name.s, name) == 0;
}

/* What @k is as a value: itself, or NULL where none begins with it. */
static const char *as_value(struct parser *c, const struct token *k)
{
	enum { MAX = 60 };
	size_t len = k->span.end - k->span.begin;

	switch (k->kind) {
	case TOK_NAME: case TOK_NUM: case TOK_QTY: case TOK_ADDR4: case TOK_COLONS: case TOK_STRING: case TOK_REDIRECT: case TOK_REPLY:
	case TOK_TIME: case TOK_VLAN:
		return len > MAX ? "VALUE" : arena_strndup(c->a, c->src->text + k->span.begin, len);
	default:
		return NULL;
	}
}

/* Two words side by side where nothing, or a comparison, stands between: `tcp dport`, `tcp.dport 22`. */
static const char *remedy_for_pair(struct parser *c, unsigned want)
{
	static const struct foreign headers[] = {
		{ "ether", "eth" }, { "ipv4", "ip4" }, { "inet", "ip4" }, { "ipv6", "ip6" }, { "inet6", "ip6" }, { "icmpv6", "icmp6" },
		{ "th", "l4" },
	};
	static const struct foreign fields[] = {
		{ "saddr", "src" }, { "daddr", "dst" }, { "source", "src" }, { "destination", "dst" }, { "srcport", "sport" },
		{ "dstport", "dport" }, { "protocol", "proto" }, { "length", "len" }, { "hoplim", "hoplimit" },
	};
	const struct token *k = &c->tokens->last, *before = &c->tokens->before;
	const char *value = as_value(c, k), *head, *tail, *name;

	/* Other tokens carry other things than a name. */
	if (!value || (before->kind != TOK_NAME && before->kind != TOK_VLAN))
		return NULL;
	if (lang_field_by_name(value, strlen(value)) != FIELD_NONE)
		return "conditions are joined with `and` or `or`; between the fields of a tuple stand commas";
	head = FOREIGN(headers, before->val.name.s);
	head = head ? head : before->val.name.s;
	if (k->kind == TOK_NAME && !strchr(value, '.') && lang_header_by_name(head, strlen(head)) != HDR_NONE) {
		tail = FOREIGN(fields, value);
		name = arena_printf(c->a, "%s.%s", head, tail ? tail : value);
		if (lang_field_by_name(name, strlen(name)) == FIELD_NONE && lang_header_by_name(value, strlen(value)) != HDR_NONE)
			return "conditions are joined with `and` or `or`";
		if (lang_field_by_name(name, strlen(name)) == FIELD_NONE)
			return arena_printf(c->a, "%s has no `%s`: xdpfc --list=fields prints the fields there are", head, value);
		return arena_printf(c->a, "write `%s`: a field's name has a dot in it", name);
	}
	if (!(want & WANT_CMP))
		return NULL;
	if (lang_header_by_name(head, strlen(head)) != HDR_NONE)
		return "a comparison begins with its field: tcp.dport == 80";
	if (k->kind == TOK_NAME && !strchr(head, '.') && lang_field_by_name(head, strlen(head)) == FIELD_NONE)
		return "a comparison is a field, what compares, and a value: ip.src == 192.0.2.1";
	return arena_printf(c->a, "write `==` between them: `%s == %s`", as_value(c, before), value);
}

/* [22, 80] where a list was meant. */
static const char *remedy_for_bracket(struct parser *c)
{
	enum { MAX = 60 };
	const char *s = behind(c);
	size_t len = strcspn(s, "]\n");

	if (s[len] != ']' || len > MAX || !len)
		return "a list stands between braces: { 22, 80 }";
	while (len && (s[len - 1] == ' ' || s[len - 1] == '\t'))
		len--;
	return arena_printf(c->a, "a list stands between braces: { %.*s }", (int)len, s);
}

/* Does this word stand before the last token but one? */
static bool after_word(const struct parser *c, const char *word)
{
	size_t len = strlen(word), at = c->tokens->before.span.begin;

	while (at && (c->src->text[at - 1] == ' ' || c->src->text[at - 1] == '\t'))
		at--;
	return at >= len && !strncmp(c->src->text + at - len, word, len);
}

static const char *remedy_for(struct parser *c, unsigned want)
{
	static const struct foreign operators[] = {
		{ "eq", "==" }, { "is", "==" }, { "equals", "==" }, { "ne", "!=" }, { "gt", ">" }, { "ge", ">=" }, { "lt", "<" },
		{ "le", "<=" }, { "xor", "!=" },
	};
	static const char *const parts[] = { "live", "size", "timeout", "from" };
	const struct token *k = &c->tokens->last, *before = &c->tokens->before;
	const char *s;

	if ((is_name(k, "contains") || is_name(k, "matches")) && want & (WANT_CMP | WANT_LBRACKET))
		return before->kind == TOK_PACKET || (before->kind == TOK_NAME && strstr(before->val.name.s, "payload")) ?
			       "the payload is not searched; bytes at an offset are compared: payload[0:3] == \"GET\"" :
			       "there is no search in values; what a field may be is said by `in`: FIELD in { VALUE, VALUE }";
	switch (k->kind) {
	case TOK_NAME:
		s = want & WANT_CMP ? FOREIGN(operators, k->val.name.s) : NULL;
		if (s)
			return arena_printf(c->a, "write `%s`", s);
		s = want & WANT_LIVE ? diag_nearest(k->val.name.s, strlen(k->val.name.s), parts, sizeof(parts) / sizeof(parts[0])) : NULL;
		if (s)
			return arena_printf(c->a, "did you mean `%s`?", s);
		if (want & WANT_AND && strcasecmp(k->val.name.s, "and") == 0)
			return "write `and`";
		if (want & WANT_OR && strcasecmp(k->val.name.s, "or") == 0)
			return "write `or`";
		break;
	case TOK_EQ: case TOK_NE: case TOK_LT: case TOK_LE: case TOK_GT: case TOK_GE: case TOK_IN: case TOK_NOT:
		if (want & WANT_ASSIGN && !(want & WANT_CMP) && k->kind == TOK_EQ)
			return "a packet's field is given its value: write `=`";
		if (want & WANT_IN && !(want & WANT_CMP))
			return "a tuple is compared with `in` or `not in`";
		if (want & WANT_AND)
			return "comparisons do not chain; join them with `and`, or use a range: `FIELD == 1-5`";
		break;
	case TOK_ASSIGN:
		if (want & WANT_CMP)
			return "write `==`";
		break;
	case TOK_COLONS:
		if (want & WANT_STATEMENT)
			return "if this is a label, a blank follows its colon";
		break;
	case TOK_SEMI:
		if (want & WANT_STEP)
			return "leave the `;` out: the steps of a test stand one behind the other";
		if (want & WANT_STATEMENT)
			return before->kind == TOK_RBRACE ? "a block needs no `;` behind it" : "leave the `;` out";
		break;
	case TOK_COLON:
		if (before->kind == TOK_NAME && before->span.end == k->span.begin)
			return "a label's colon is followed by a blank";
		break;
	case TOK_LET: case TOK_SET: case TOK_LIMIT: case TOK_INCLUDE: case TOK_DEFAULT: case TOK_OPTION: case TOK_TEST:
		if (before->kind == TOK_LABEL)
			return "only rules have labels";
		if (c->tokens->n_blocks)
			return "declarations stand at file level, not in blocks";
		break;
	case TOK_RBRACE:
		if (k->stray)
			return "there is no `{` that it closes";
		break;
	case TOK_RPAREN:
		if (k->stray)
			return "there is no `(` that it closes";
		break;
	case TOK_LBRACE:
		if (want & WANT_STATEMENT)
			return "a block stands behind `if CONDITION` or `else`";
		break;
	case TOK_LABEL:
		if (before->kind == TOK_LABEL)
			return "a rule has one label";
		break;
	case TOK_ADDR4:
		if (before->kind == TOK_SLASH)
			return "a prefix is written with its length: 192.0.2.0/24";
		if (want & WANT_COND)
			return "a comparison begins with its field: ip.src == 192.0.2.1";
		break;
	case TOK_NUM: case TOK_QTY:
		if (want & WANT_COND)
			return "a comparison begins with its field: tcp.dport == 80";
		break;
	case TOK_DROP: case TOK_PASS: case TOK_ABORT: case TOK_TX: case TOK_REDIRECT: case TOK_FORWARD: case TOK_REPLY: case TOK_SYNCOOKIE:
	case TOK_COUNT:
		if (want & WANT_OPEN && want & WANT_AND)
			return arena_printf(c->a, "write `%s if CONDITION;`, or put { } around what depends on it", k->val.name.s);
		break;
	case TOK_AND: case TOK_OR:
		if (want & WANT_PER)
			return "a limit follows the whole condition: put this before `over` or `within`";
		break;
	case TOK_OVER: case TOK_WITHIN:
		if (want & WANT_IF)
			return arena_printf(c->a, "a limit follows a condition: `drop if udp %s 10/s;`", k->val.name.s);
		break;
	case TOK_ELSE:
		if (want & WANT_STATEMENT)
			return "`else` stands right behind the block of an `if`";
		break;
	case TOK_IF:
		if (want & WANT_AND)
			return "a rule has one `if`; join the conditions with `and`";
		break;
	default:
		break;
	}
	if (before->kind == TOK_TEST)
		return "a test has a name: test \"telnet is closed\" { … }";
	if (want == WANT_COLON && before->kind == TOK_NAME)
		return "a set is declared with its type: set NAME : TYPE = { … };";
	if (k->kind == TOK_LBRACKET && want & WANT_VALUE)
		return remedy_for_bracket(c);
	if (want & WANT_COMMA && want & WANT_CLOSE && as_value(c, before) && as_value(c, k))
		return arena_printf(c->a, "write a comma between them: `%s, %s`", as_value(c, before), as_value(c, k));
	if (is_name(before, "payload") || before->kind == TOK_PACKET || want & WANT_RBRACKET || before->kind == TOK_LBRACKET ||
	    ((want & WANT_COLON) && before->kind == TOK_NUM))
		return "a slice is payload[OFFSET:LENGTH] or packet[OFFSET:LENGTH], in bytes, with numbers";
	s = want & WANT_LBRACKET || (want & WANT_CMP && want & (WANT_AND | WANT_COMMA)) ? remedy_for_pair(c, want) : NULL;
	if (s)
		return s;
	if ((want & WANT_CMP) && !(want & (WANT_AND | WANT_COMMA)))
		return "a mask needs a comparison: tcp.flags & syn != 0";
	if (before->kind == TOK_ELSE && !(want & WANT_OPEN))
		return "say what becomes of the packet then: `else pass`";
	if (want == WANT_SLASH && (before->kind == TOK_NUM || before->kind == TOK_QTY)) {
		s = as_value(c, before);
		return after_word(c, "sample") ? "one packet of how many: sample 1/100" :
						 arena_printf(c->a, "a log's pace is said per second, minute or hour: log %s/s", s);
	}
	if (want & WANT_TO)
		return want & WANT_LIVE ? NULL : "write `add ELEMENT to SET` or `remove ELEMENT from SET`";
	if (want & WANT_SLASH && want & WANT_NAME && (before->kind == TOK_NUM || before->kind == TOK_QTY))
		return "a rate is said per second, minute or hour: 10/s, 5M bits/m, 1/h";
	if (before->kind == TOK_OVER || before->kind == TOK_WITHIN)
		return "behind it stands a limit's name or a rate: 100/s burst 200 per ip.src";
	if (before->kind == TOK_FULL)
		return "write `when full open` or `when full closed`";
	if (before->kind == TOK_TIME)
		return "a time of day is one of a range: time 08:00-18:00";
	if (before->kind == TOK_RANDOM)
		return "how many of them is said in percent: random 1%, or random 1% per flow";
	if (before->kind == TOK_ELSE)
		return "`else` is followed by `if` or by { … }";
	return NULL;
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
		what = slip_unnamed(before);
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
	d->remedy = what ? what : remedy_for(c, want);
}
