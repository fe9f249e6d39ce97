/*
 * A rule file's text as a row of tokens with what stands between them: comments and empty lines. For whoever writes the text again.
 */
#ifndef XDPF_PARSE_PIECES_H
#define XDPF_PARSE_PIECES_H

#include "diag.h"

struct comment {
	struct span span;
	bool own_line;			/* nothing but blanks in front of it */
	bool apart;			/* an empty line is in front of it */
};

struct piece {
	int kind;			/* TOK_…; TOK_YYEOF at the end */
	bool apart;			/* an empty line is in front of it, behind its comments */
	struct span span;
	uint32_t comment, n_comments;	/* in front of it */
};

struct pieces {
	const struct source *src;
	VEC(struct piece) piece;
	VEC(struct comment) comment;
};

/* All of @src, in @a. What is no token is there as one of kind TOK_PARSE_error, or left out. */
void pieces_read(struct arena *a, const struct source *src, struct pieces *out);

#endif
