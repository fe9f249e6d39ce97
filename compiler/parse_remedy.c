/*
 * The remedy for a syntax error. In: the token that the grammar cannot go on with, what stood before it, and what could have followed. Out:
 * what to write instead, for the slips that people make who come from C, pf, nftables or Wireshark.
 */
#include <string.h>

#include "parse_tokens.h"

const char *parse_behind(const struct parser *c)
{
	const char *s = c->src->text + c->tokens->last.span.end;

	while (*s == ' ' || *s == '\t')
		s++;
	return s;
}

const char *parse_foreign(const struct foreign *list, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(list[i].word, word) == 0)
			return list[i].ours;
	return NULL;
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
	const char *s = parse_behind(c);
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

const char *parse_remedy(struct parser *c, unsigned want)
{
	static const struct foreign operators[] = {
		{ "eq", "==" }, { "is", "==" }, { "equals", "==" }, { "ne", "!=" }, { "gt", ">" }, { "ge", ">=" }, { "lt", "<" },
		{ "le", "<=" }, { "xor", "!=" },
	};
	static const char *const parts[] = { "live", "size", "timeout", "from" };
	static const struct foreign forms[] = {
		{ "count", "write `count NAME`, or `count NAME per FIELD`" }, { "sample", "one packet of how many: sample 1/100" },
		{ "reply", "write `reply rst` or `reply unreachable`" }, { "mark", "write `mark NUMBER`" },
		{ "redirect", "write `redirect IFACE`, `redirect { IFACE, IFACE }`, `redirect cpu N` or `redirect socket`" },
	};
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
		if (want & WANT_IF)
			return "only `redirect` and `forward` have an `else`, and one";
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
	return FOREIGN(forms, arena_printf(c->a, "%.*s", (int)(before->span.end - before->span.begin), c->src->text + before->span.begin));
}
