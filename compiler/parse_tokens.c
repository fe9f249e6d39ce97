/*
 * What stands between scanner and grammar. In: the scanner's tokens. Out: the same tokens to the grammar, with a limit on nesting, and,
 * after an error, the place where it goes on: the statement's end, the block behind a bad condition, or a word that begins a statement.
 * Each call ends, and an error never costs more than one pass over what is skipped.
 */
#include "parse_tokens.h"

#include <string.h>

int lex_next(PARSE_STYPE *val, struct span *at, void *scanner);
int parse_lex(PARSE_STYPE *val, struct span *at, struct parser *c);

/* In the order of tokens in parse.y, from TOK_ABORT on. */
static const char *const keywords[] = {
	"abort", "and", "count", "default", "drop", "else", "if", "in", "include", "let", "not", "option", "or", "packet", "pass", "per",
	"set", "tx", "vlan", "add", "after", "burst", "by", "closed", "expect", "for", "forward", "from", "full", "limit", "live", "log",
	"mark", "open", "over", "random", "redirect", "remove", "repeat", "reply", "sample", "size", "syncookie", "test", "time", "timeout", "to",
	"weekday", "when", "within",
};

_Static_assert(sizeof(keywords) / sizeof(keywords[0]) == TOK_WITHIN - TOK_ABORT + 1, "one word per token");

enum { LONGEST = sizeof("syncookie") - 1 };

int tokens_keyword(const char *s, size_t len)
{
	/* most words are fields */
	if (len > LONGEST || memchr(s, '.', len))
		return 0;
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (keywords[i][0] == s[0] && strlen(keywords[i]) == len && memcmp(keywords[i], s, len) == 0)
			return TOK_ABORT + (int)i;
	return 0;
}

const char *tokens_keyword_text(int token)
{
	return keywords[token - TOK_ABORT];
}

const char *const *parse_keywords(size_t *n)
{
	*n = sizeof(keywords) / sizeof(keywords[0]);
	return keywords;
}

struct tokens *tokens_new(struct parser *c)
{
	struct tokens *t = arena_alloc(c->a, sizeof(*t));

	t->scanner = lex_new(c);
	t->last.span = t->before.span = (struct span){ c->src, 0, 0 };
	return t;
}

void tokens_free(struct tokens *t)
{
	lex_free(t->scanner);
	t->scanner = NULL;
}

static struct token scan(struct parser *c)
{
	struct tokens *t = c->tokens;
	struct token k = { 0 };

	if (t->n_ahead)
		return t->ahead[--t->n_ahead];
	k.kind = lex_next(&k.val, &k.span, t->scanner);
	if (k.kind == TOK_YYEOF)
		k.span = (struct span){ c->src, (uint32_t)c->src->len, (uint32_t)c->src->len };
	return k;
}

static void put_back(struct tokens *t, struct token k)
{
	t->ahead[t->n_ahead++] = k;
}

void tokens_within_test(struct tokens *t, bool packet)
{
	static const int kinds[] = { TOK_LBRACE, TOK_PACKET, TOK_LBRACE, TOK_STRING, TOK_TEST };

	/* the last one put is the first one given */
	for (size_t i = packet ? 0 : 2; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct token k = { .kind = kinds[i], .span = t->last.span };

		if (k.kind == TOK_STRING)
			k.val.name = (struct ast_name){ "", k.span };
		put_back(t, k);
	}
	t->behind = packet ? 2 : 1;
}

/* The innermost open brace; those beyond what is kept are taken to be of the last one's kind. */
static const struct brace *innermost(const struct tokens *t)
{
	return &t->brace[(t->n_braces < BRACES_KEPT ? t->n_braces : BRACES_KEPT) - 1];
}

/* A `{` behind these opens a list of values, behind anything else a block. */
static bool before_list(const struct tokens *t)
{
	switch (t->tracked_kind) {
	case TOK_ASSIGN: case TOK_EQ: case TOK_NE: case TOK_LT: case TOK_LE: case TOK_GT: case TOK_GE: case TOK_IN: case TOK_COMMA:
	case TOK_LPAREN: case TOK_DASH: case TOK_BAR: case TOK_AMP: case TOK_SLASH: case TOK_REDIRECT:
		return true;
	case TOK_LBRACE:
		return t->n_braces && !innermost(t)->block;
	default:
		return false;
	}
}

static void close_lists(struct tokens *t)
{
	while (t->n_lists && t->n_braces && !innermost(t)->block) {
		t->n_braces--;
		t->n_lists--;
	}
}

/* Counts nesting. True: the token nests too deep. */
static bool track(struct tokens *t, struct token *k)
{
	bool deep = false;

	if (k->tracked)
		return false;
	k->tracked = true;
	switch (k->kind) {
	case TOK_LPAREN:
		if (t->parens < AST_MAX_DEPTH)
			t->nots_at[t->parens + 1] = t->nots;
		deep = ++t->parens > AST_MAX_DEPTH;
		break;
	case TOK_RPAREN:
		k->stray = !t->parens;
		if (t->parens && t->parens-- <= AST_MAX_DEPTH)
			t->nots = t->nots_at[t->parens + 1];
		break;
	case TOK_NOT:
		deep = ++t->nots > AST_MAX_DEPTH;
		break;
	case TOK_IN:
		/* The `not` of `not in` nests nothing. */
		if (t->tracked_kind == TOK_NOT && t->nots)
			t->nots--;
		break;
	case TOK_AND: case TOK_OR: case TOK_COMMA:
		t->nots = t->parens && t->parens <= AST_MAX_DEPTH ? t->nots_at[t->parens] : 0;
		break;
	case TOK_IF:
		t->if_head = t->tracked_kind == TOK_YYEOF || t->tracked_kind == TOK_LABEL || t->tracked_kind == TOK_SEMI ||
			     t->tracked_kind == TOK_LBRACE || t->tracked_kind == TOK_RBRACE || t->tracked_kind == TOK_ELSE;
		t->nots = 0;
		break;
	case TOK_LBRACE:
		k->block = !before_list(t);
		if (t->n_braces < BRACES_KEPT)
			t->brace[t->n_braces] = (struct brace){ k->block, k->span };
		t->n_braces++;
		deep = ++*(k->block ? &t->n_blocks : &t->n_lists) > AST_MAX_DEPTH;
		if (k->block) {
			t->if_head = false;
			t->parens = t->nots = 0;
		}
		break;
	case TOK_RBRACE:
		if (!t->n_braces) {
			k->stray = true;
		} else {
			k->block = innermost(t)->block;
			t->n_braces--;
			--*(k->block ? &t->n_blocks : &t->n_lists);
		}
		if (k->stray || k->block) {
			t->if_head = false;
			t->parens = t->nots = 0;
		}
		break;
	case TOK_SEMI:
		t->if_head = false;
		t->parens = t->nots = 0;
		close_lists(t);
		break;
	default:
		break;
	}
	t->tracked_kind = k->kind;
	return deep;
}

static struct token made(const struct tokens *t, int kind)
{
	struct token k = { .kind = kind, .tracked = true, .span = t->last.span };

	k.span.begin = k.span.end;
	return k;
}

/* The innermost block that is open. */
static struct span open_block(const struct tokens *t)
{
	for (unsigned i = t->n_braces < BRACES_KEPT ? t->n_braces : BRACES_KEPT; i-- > 0;)
		if (t->brace[i].block)
			return t->brace[i].span;
	return t->last.span;
}

static void tell_open(struct parser *c)
{
	struct tokens *t = c->tokens;

	if (!t->deep)
		diag_error(c->d, open_block(t), "this `{` is never closed")->remedy = "add the missing `}`";
	t->deep = true;
}

/* Skips what an error has made unreadable, from the last token on, and returns what the grammar's recovery waits for. */
static struct token recover(struct parser *c)
{
	struct tokens *t = c->tokens;
	struct token k = t->last;
	unsigned depth = 0;		/* of blocks that were opened while skipping */
	bool if_head = t->if_head, first = true;
	bool pass = t->pass_last;
	int before = t->before.kind;

	t->panic = t->pass_last = false;
	if (t->here) {
		t->here = false;
		/* A word that is none has been told; what is behind it begins a statement. */
		if (k.kind != TOK_PARSE_error)
			put_back(t, k);
		return made(t, TOK_SEMI);
	}
	for (;; first = false, before = k.kind, k = scan(c)) {
		bool block;

		if (diag_full(c->d)) {
			t->over = true;
			return made(t, TOK_YYEOF);
		}
		if (!first)
			track(t, &k);
		block = k.block;
		switch (k.kind) {
		case TOK_YYEOF:
			if (depth) {
				tell_open(c);
				t->n_braces = t->n_blocks -= depth;
			}
			put_back(t, k);
			return made(t, TOK_SEMI);
		case TOK_SEMI:
			if (!depth)
				return k;
			continue;
		case TOK_LBRACE:
			if (block && !depth && if_head)
				return k;
			depth += block;
			continue;
		case TOK_RBRACE:
			if (k.stray && !depth)
				return made(t, TOK_SEMI);
			if (block && !depth) {
				put_back(t, k);
				return made(t, TOK_SEMI);
			}
			if (!block || --depth)
				continue;
			k = scan(c);
			if (k.kind == TOK_SEMI)
				return k;
			put_back(t, k);
			if (k.kind == TOK_ELSE)
				continue;
			return made(t, TOK_SEMI);
		case TOK_LABEL:
			if (depth || before == TOK_SET || (first && pass))
				continue;
			break;
		case TOK_LET: case TOK_SET: case TOK_INCLUDE: case TOK_DEFAULT: case TOK_OPTION: case TOK_LIMIT:
		case TOK_TEST:
			if (t->n_blocks || (first && pass))
				continue;
			break;
		default:
			continue;
		}
		put_back(t, k);
		return made(t, TOK_SEMI);
	}
}

void tokens_recovered(struct parser *c)
{
	c->tokens->panic = c->tokens->here = c->tokens->pass_last = false;
}

/* A name where an action begins, with a `=` or `-=` behind it: a field that is written to. Anywhere else a `=` belongs to a declaration, or
 * is a slip. */
static bool is_target(struct parser *c, const struct token *k)
{
	const struct tokens *t = c->tokens;
	const char *s = c->src->text + k->span.end, *end = c->src->text + c->src->len;

	if (k->kind != TOK_NAME || t->parens || (t->n_braces && !innermost(t)->block))
		return false;
	switch (t->last.kind) {
	case TOK_YYEOF: case TOK_SEMI: case TOK_LBRACE: case TOK_RBRACE: case TOK_COMMA:
		break;
	case TOK_LABEL:
		if (t->before.kind == TOK_SET)
			return false;
		break;
	default:
		return false;
	}
	while (s < end && strchr(" \t\r\n", *s))
		s++;
	if (s < end && *s == '-')
		s++;
	return s < end && *s == '=' && (s + 1 == end || s[1] != '=');
}

static struct token next(struct parser *c)
{
	struct tokens *t = c->tokens;
	struct token k;

	if (t->over || diag_full(c->d)) {
		t->over = true;
		return made(t, TOK_YYEOF);
	}
	if (t->panic)
		return recover(c);
	k = scan(c);
	if (is_target(c, &k))
		k.kind = TOK_TARGET;
	/* A label may be a keyword; `by default` is the file's own. */
	if (t->last.kind == TOK_BY && k.kind >= TOK_ABORT && k.kind <= TOK_WITHIN && k.kind != TOK_DEFAULT)
		k.kind = TOK_NAME;
	if (k.kind == TOK_PARSE_error) {
		t->panic = true;
		return k;
	}
	if (track(t, &k)) {
		if (!t->deep)
			diag_error(c->d, k.span, "nested more than %d deep", AST_MAX_DEPTH)->remedy =
				k.kind == TOK_LBRACE ? "put rules one after the other, with conditions joined by `and`" :
						       "name parts of it, or spread it over several rules";
		t->deep = t->panic = t->refuse = true;
		return k;
	}
	if (k.kind == TOK_YYEOF && t->n_blocks) {
		if (t->behind < t->n_blocks)
			tell_open(c);
		t->behind -= t->behind != 0;
		put_back(t, k);
		t->n_blocks--;
		if (t->n_braces)
			t->n_braces--;
		return made(t, TOK_RBRACE);
	}
	return k;
}

int parse_lex(PARSE_STYPE *val, struct span *at, struct parser *c)
{
	struct tokens *t = c->tokens;
	struct token k = next(c);

	t->before = t->last;
	t->last = k;
	*val = k.val;
	*at = k.span;
	if (t->refuse) {
		t->refuse = false;
		return TOK_PARSE_error;
	}
	return k.kind;
}
