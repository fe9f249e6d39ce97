/*
 * Tokens, and what is between them. In: a text. Out: every token with its place, and the comments and empty lines in front of it.
 */
#include "parse_pieces.h"

#include <stdlib.h>
#include <string.h>

#include "parse_tokens.h"

int lex_next(PARSE_STYPE *val, struct span *at, void *scanner);

/* Comments and empty lines between @begin and @end. */
static void between(struct pieces *t, struct piece *p, uint32_t begin, uint32_t end)
{
	unsigned newlines = begin ? 0 : 1;

	p->comment = (uint32_t)t->comment.n;
	for (uint32_t i = begin; i < end; i++) {
		uint32_t stop = i;

		newlines += t->src->text[i] == '\n';
		if (t->src->text[i] != '#')
			continue;
		while (stop < end && t->src->text[stop] != '\n')
			stop++;
		while (stop > i && strchr(" \t\r", t->src->text[stop - 1]))
			stop--;
		*heap_add(&t->comment, 1) = (struct comment){ { t->src, i, stop }, newlines > 0, newlines > 1 };
		newlines = 0;
		i = stop - 1;
	}
	p->n_comments = (uint32_t)t->comment.n - p->comment;
	p->apart = newlines > 1;
}

void pieces_read(struct arena *a, const struct source *src, struct pieces *out)
{
	struct diag_list ignored = { .arena = a };
	/* The scanner's messages look at the tokens before. */
	struct parser c = { .a = a, .d = &ignored, .src = src, .bare = true, .tokens = arena_alloc(a, sizeof(struct tokens)) };
	void *scanner = lex_new(&c);
	uint32_t end = 0;
	int kind;

	*out = (struct pieces){ .src = src };
	do {
		PARSE_STYPE val;
		struct span at = { src, (uint32_t)src->len, (uint32_t)src->len };
		struct piece p = { 0 };

		kind = lex_next(&val, &at, scanner);
		if (kind == TOK_YYEOF)
			at.begin = at.end = (uint32_t)src->len;
		p.kind = kind;
		p.span = at;
		between(out, &p, end, at.begin);
		end = at.end;
		*heap_add(&out->piece, 1) = p;
	} while (kind != TOK_YYEOF);
	lex_free(scanner);
}

void pieces_free(struct pieces *p)
{
	free(p->piece.v);
	free(p->comment.v);
	*p = (struct pieces){ 0 };
}
