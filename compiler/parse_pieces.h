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
	VEC(struct piece) piece;	/* in no arena */
	VEC(struct comment) comment;
};

/* All of @src; it goes with pieces_free(). What is no token is there as one of kind TOK_PARSE_error, or left out. */
void pieces_read(struct arena *a, const struct source *src, struct pieces *out);
void pieces_free(struct pieces *p);

/* parse_format.c: @in in the canonical layout, a text of *len bytes and a NUL in @a, and its pieces, to be freed in any case. NULL: it would not
 * say the same, which is a defect here. */
const char *pieces_format(struct arena *a, const struct pieces *in, size_t *len, struct pieces *out);

#endif
