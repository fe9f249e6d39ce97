/*
 * Slips in what is said in words: rates, sets that live, logs, redirects, tests. In: the token that the grammar cannot go on with, what
 * stood before it, and what could have followed. Out: the remedy for habits from pf, nftables and iptables, or NULL where it is none.
 */
#include <string.h>

#include "parse_tokens.h"

static const char A_RATE[] = "a rate is said per second, minute or hour: 10/s, 5M bits/m, 1/h";

const char *slip_unnamed(const struct token *before, const struct token *k)
{
	switch (before->kind) {
	case TOK_REPLY:		return "say what is answered: `reply rst` (to TCP), or `reply unreachable` (to any protocol)";
	case TOK_COUNT:		return "say the table's name: `count NAME` or `count NAME per KEY`";
	case TOK_VLAN:		return "the tag that is there is changed by `vlan.id = ID`";
	case TOK_PER:		return "chance is for each packet, unless it is `per flow`: write `random 1%`";
	case TOK_NUM: case TOK_QTY:
		return k->kind == TOK_PER ? A_RATE : NULL;
	case TOK_LBRACE: case TOK_COMMA:
		/* among what a test says of a packet */
		return k->kind == TOK_TIME ? "a test's clock is put forward before the packet: `after 8h`; it begins at 00:00 UTC" :
		       k->kind == TOK_NOT ? "what is not named is not there: leave it out; a flag is taken out by `tcp.syn = 0`" :
		       k->kind == TOK_RANDOM ? "random numbers are the same in every run, and no packet's" : NULL;
	default:
		return k->kind == TOK_TIME ? "times of day stand in a `let`: let office = { 08:00-12:00, 13:00-18:00 };" : NULL;
	}
}

static bool is_word(const struct token *k, const char *word)
{
	return k->kind == TOK_NAME && strcmp(k->val.name.s, word) == 0;
}

static bool is_verdict(int kind)
{
	return kind == TOK_PASS || kind == TOK_DROP || kind == TOK_ABORT || kind == TOK_TX || kind == TOK_REDIRECT || kind == TOK_FORWARD ||
	       kind == TOK_REPLY || kind == TOK_SYNCOOKIE;
}

static bool is_action(int kind)
{
	return is_verdict(kind) || kind == TOK_COUNT || kind == TOK_LOG || kind == TOK_SAMPLE || kind == TOK_VLAN || kind == TOK_MARK ||
	       kind == TOK_ADD || kind == TOK_REMOVE;
}

/* May a condition of the rule follow? So the token stands among its actions. */
static bool among_actions(unsigned want)
{
	return want & WANT_IF && want & WANT_COMMA;
}

static bool same_line(const struct parser *c)
{
	const struct span before = c->tokens->before.span, k = c->tokens->last.span;

	return before.end <= k.begin && !memchr(c->src->text + before.end, '\n', k.begin - before.end);
}

bool slip_report(struct parser *c, unsigned want)
{
	const struct token *k = &c->tokens->last, *before = &c->tokens->before;
	const char *q = parse_quote(c, k->span);

	if (!same_line(c))
		return false;
	if (among_actions(want) && is_action(k->kind) && !(is_verdict(before->kind) && is_verdict(k->kind))) {
		diag_error(c->d, k->span, "expected `if`, `,` or `;`, found %s", q)->remedy =
			"between actions stand commas, and the verdict is the last of them: `log, drop if …`";
		return true;
	}
	if (k->kind == TOK_LIMIT && want & WANT_AND) {
		diag_error(c->d, k->span, "expected `and`, `or` or `;`, found %s", q)->remedy =
			"a limit is asked with `over` or `within`: `drop if udp over 10/s;`";
		c->tokens->pass_last = true;
		return true;
	}
	return false;
}

/* A value in words, for a remedy. */
static const char *shown(struct parser *c, const struct token *k)
{
	enum { MAX = 40 };
	size_t len = k->span.end - k->span.begin;

	return len > MAX ? "VALUE" : arena_strndup(c->a, c->src->text + k->span.begin, len);
}

static bool is_value(const struct token *k)
{
	return k->kind == TOK_NAME || k->kind == TOK_NUM || k->kind == TOK_QTY || k->kind == TOK_ADDR4 || k->kind == TOK_COLONS;
}

static const char *of_a_set(struct parser *c, unsigned want)
{
	const struct token *k = &c->tokens->last;

	if (k->kind == TOK_LIVE && want & WANT_STATEMENT)
		return "a set that lives is declared `set NAME : TYPE live;`";
	if (k->kind == TOK_COMMA && want & WANT_LIVE)
		return "several types stand in parentheses: `set NAME : (ip, port) …`";
	if (want & WANT_TO && !(want & WANT_LIVE))
		return k->kind == TOK_COMMA ? "several fields stand in parentheses: add (ip.src, tcp.dport) to SET" :
					      "write `add ELEMENT to SET` or `remove ELEMENT from SET`";
	if (c->tokens->before.kind == TOK_ADD || c->tokens->before.kind == TOK_REMOVE)
		return "a rule changes a set by a field of the packet: `add ip.src to SET`; other elements stand in its declaration";
	if (among_actions(want) && k->kind == TOK_TIMEOUT)
		return "how long it stays is said with `for`: add ip.src to SET for 10m";
	if (among_actions(want) && k->kind == TOK_FOR)
		return "what is taken out is gone: leave `for` out; for a time an element is put in, `add … for 10s`";
	return NULL;
}

static const char *of_a_limit(unsigned want, const struct token *k, const struct token *before)
{
	if (k->kind == TOK_OVER || k->kind == TOK_WITHIN) {
		if (want & WANT_COND)
			return "a limit follows a condition: `drop if udp over 10/s;`";
		if (want & WANT_RPAREN)
			return "a limit follows the whole condition, outside of parentheses: `drop if (tcp or udp) over 10/s;`";
	}
	if (want == WANT_SLASH && before->kind == TOK_NAME)
		return A_RATE;
	if (before->kind == TOK_PER || (before->kind == TOK_LPAREN && k->kind == TOK_RPAREN && want & WANT_COND))
		return "a key is a field, or several in parentheses: per (ip.src, tcp.dport)";
	return NULL;
}

static const char *of_an_action(struct parser *c, unsigned want)
{
	const struct token *k = &c->tokens->last, *before = &c->tokens->before;

	if (before->kind == TOK_REDIRECT && (k->kind == TOK_TO || k->kind == TOK_IF || k->kind == TOK_SEMI || k->kind == TOK_COMMA))
		return "say where to: `redirect eth1`, `redirect { eth1, eth2 }`, `redirect cpu 2` or `redirect socket`";
	if (is_word(before, "cpu") && k->kind == TOK_NUM && want & WANT_CLOSE)
		return "a list is of interfaces; to a CPU it is `redirect cpu 2` alone";
	if (is_word(before, "cpu") && k->kind == TOK_NAME && among_actions(want))
		return "a CPU is a number: `redirect cpu 2`";
	if (k->kind == TOK_NAME && before->kind == TOK_NAME && want & WANT_NUM && among_actions(want))
		return arena_printf(c->a, "several interfaces stand between braces: `redirect { %s, %s }`", shown(c, before), shown(c, k));
	if (k->kind == TOK_NAME && before->kind == TOK_FORWARD && among_actions(want))
		return "the kernel's routes say where to; an interface is named by `redirect eth0`";
	if (k->kind == TOK_PACKET && want & WANT_STATEMENT)
		return SLIP_READ_ONLY;
	if (before->kind == TOK_LOG && (k->kind == TOK_NAME || k->kind == TOK_STRING))
		return "a log says which rule it is of, and no text of its own: give the rule a label";
	if (before->kind == TOK_SAMPLE)
		return "one packet of how many: sample 1/100";
	if (before->kind == TOK_MARK && k->kind == TOK_ASSIGN)
		return "a mark is a number behind the word: `mark 7`";
	if (k->kind == TOK_OR && among_actions(want))
		return "what holds where there is no way is said with `else`: `redirect eth1 else pass`";
	if (k->kind == TOK_ELSE && among_actions(want))
		return "only `redirect` and `forward` have an `else`";
	if (k->kind == TOK_ELSE && want & WANT_AND && !(want & (WANT_OPEN | WANT_RPAREN)))
		return "what holds where there is no way stands before `if`: `redirect eth1 else pass if …`";
	if (k->kind == TOK_NAME && among_actions(want) && (is_verdict(before->kind) || before->kind == TOK_LOG)) {
		if (is_word(k, "quick"))
			return "leave it out: the first verdict ends the file anyway";
		if (is_word(k, "all") || is_word(k, "any"))
			return "leave it out: a rule without a condition is about every packet";
		if (strchr(k->val.name.s, '.') || lang_header_by_name(k->val.name.s, strlen(k->val.name.s)) != HDR_NONE)
			return arena_printf(c->a, "a condition stands behind `if`: `if %s …`", k->val.name.s);
	}
	return NULL;
}

static const char *of_a_value(struct parser *c, unsigned want)
{
	const struct token *k = &c->tokens->last, *before = &c->tokens->before;

	if (k->kind == TOK_DASH && want & (WANT_NUM | WANT_VALUE) && before->kind != TOK_MARK)
		return "numbers are not negative here";
	if (k->kind == TOK_RBRACE && before->kind == TOK_LBRACE && want & WANT_VALUE)
		return "a list has something in it: { 22, 80 }";
	if (k->kind == TOK_CLOSED && want & WANT_VALUE)
		return "the states of a connection are new, established and related";
	if (k->kind == TOK_SLASH && want & WANT_CMP)
		return "a prefix stands behind the comparison: ip.src in 192.0.2.0/24; a set of type `net` has prefixes in it";
	if (k->kind == TOK_LT && want & WANT_VALUE && before->kind != TOK_TIME)
		return "names of `let` and `set` are used as they are";
	if (k->kind == TOK_COMMA && is_value(before) && want & WANT_SEMI && !(want & (WANT_IF | WANT_COMMA | WANT_LIVE | WANT_NAME)))
		return arena_printf(c->a, "several values stand between braces: { %s, … }", shown(c, before));
	if (before->kind == TOK_NUM && want & WANT_AND && (is_word(k, "bytes") || is_word(k, "byte") || is_word(k, "octets")))
		return "lengths are in bytes; leave the unit out, or write it at the number: 1500B, 64KiB";
	if (is_word(before, "ct") && want & WANT_CMP)
		return "what connection tracking knows is `flow.state`: flow.state == new";
	if ((before->kind == TOK_FROM || before->kind == TOK_INCLUDE) && want & WANT_STRING && k->kind == TOK_NAME)
		return arena_printf(c->a, "a file's name stands in quotes: \"%s\"", shown(c, k));
	return NULL;
}

static const char *of_a_test(unsigned want, const struct token *k, const struct token *before)
{
	if (before->kind == TOK_PACKET && want & WANT_OPEN && !(want & WANT_LBRACKET))
		return "what a packet is stands between braces: packet { tcp.dport = 80 }";
	if (before->kind == TOK_NUM && k->kind == TOK_LBRACE && want == WANT_COND)
		return "one packet is repeated: repeat 5 packet { … }";
	if (before->kind == TOK_REPEAT)
		return "say how often: repeat 5 packet { … }";
	if (before->kind == TOK_STRING && want & WANT_NUM && !(want & WANT_VALUE))
		return "say which of the capture's packets: packet from \"x.pcap\" 7";
	if (want & WANT_STEP && is_verdict(before->kind) && k->kind == TOK_NAME)
		return "what is expected is one word: pass, drop, abort, tx or redirect; and `by LABEL` says who decides";
	if (want & WANT_STEP && k->kind == TOK_COMMA)
		return "leave the comma out: the steps of a test stand one behind the other";
	return NULL;
}

const char *slip_remedy(struct parser *c, unsigned want)
{
	const struct token *k = &c->tokens->last, *before = &c->tokens->before;
	const char *s = of_a_test(want, k, before);

	s = s ? s : of_a_set(c, want);
	s = s ? s : of_a_limit(want, k, before);
	s = s ? s : of_an_action(c, want);
	return s ? s : of_a_value(c, want);
}
