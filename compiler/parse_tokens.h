/*
 * Tokens between scanner and grammar, as parse_tokens.c and parse_error.c see them.
 */
#ifndef XDPF_PARSE_TOKENS_H
#define XDPF_PARSE_TOKENS_H

#include "parse.tab.h"

enum { NAME_MAX_LEN = 255 };	/* characters of a name */

struct token {
	int kind;		/* TOK_… */
	PARSE_STYPE val;
	struct span span;
	bool tracked;		/* nesting has been counted */
	bool block;		/* a brace: of a block, not of a list */
	bool stray;		/* } without {, ) without ( */
};

struct brace {
	bool block;
	struct span span;
};

enum { BRACES_KEPT = 4 * AST_MAX_DEPTH };

struct tokens {
	void *scanner;
	struct token last;		/* what the grammar has got last */
	struct token before;		/* and before that; kind TOK_YYEOF at the start */
	struct token ahead[8];		/* to be given first; the next one is the last */
	unsigned n_ahead;
	struct brace brace[BRACES_KEPT];	/* open ones; those beyond are counted only */
	unsigned n_braces, n_blocks, n_lists;
	unsigned parens, nots;
	unsigned nots_at[AST_MAX_DEPTH + 1];	/* of each open parenthesis */
	int tracked_kind;		/* of the last token that was counted */
	bool if_head;			/* between the `if` of a block and its { */
	bool panic;			/* after an error: look for a place to go on */
	bool here;			/* that place is right before the last token */
	bool pass_last;			/* that place is not at the last token, whatever it is */
	bool refuse;			/* the grammar gets the last token as an error that was told */
	bool deep;			/* a limit of nesting was told */
	bool over;			/* nothing more is wanted */
	unsigned behind;		/* closing braces that are not in the text, and stand at its end */
};

/* The keyword's token, or 0. */
int tokens_keyword(const char *s, size_t len);
/* The keyword that is this token. */
const char *tokens_keyword_text(int token);

/* ---- remedies (parse_remedy.c); @want is what could have followed, WANT_* ---- */

/* Words of other languages. */
struct foreign {
	const char *word, *ours;
};

/* NULL: it is none of these. */
const char *parse_foreign(const struct foreign *list, size_t n, const char *word);
#define FOREIGN(list, word) parse_foreign(list, sizeof(list) / sizeof((list)[0]), word)

/* What follows the last token on its line. */
const char *parse_behind(const struct parser *c);
/* What to write instead. */
const char *parse_remedy(struct parser *c, unsigned want);

/* ---- slips of habit (parse_slip.c) ---- */

#define SLIP_READ_ONLY "bytes at an offset are only read; `FIELD = VALUE` writes to a header's field"

/* The remedy where the keyword @k stands in place of a name behind @before; NULL: none is known. */
const char *slip_unnamed(const struct token *before, const struct token *k);
/* True where the slip was reported. */
bool slip_report(struct parser *c, unsigned want);
/* NULL where the last token is none of these slips. */
const char *slip_remedy(struct parser *c, unsigned want);

#endif
