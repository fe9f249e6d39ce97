/*
 * The canonical layout. In: a file that was parsed without errors. Out: the same tokens and comments, laid out anew: a statement a line, blocks
 * indented by tabs, long statements continued by two more. It depends on the tokens, on where comments stand and on blank lines alone, so
 * it comes out the same when it is done again.
 */
#include "parse_pieces.h"

#include <stdlib.h>
#include <string.h>

#include "parse_tokens.h"

enum { WIDTH = 120, TAB = 8, CONTINUED = 2, LABEL_MOST = 16 };

struct format {
	struct pieces in;
	VEC(char) out;			/* in no arena */
	size_t at;			/* the next piece */
	unsigned depth;
	bool fresh;			/* nothing stands in this block yet */
	unsigned label[AST_MAX_DEPTH + 1];	/* by depth: columns of the labels of the rules that stand together */
};

/* ---- out ---- */

static void put(struct format *f, const char *s, size_t n)
{
	if (n)
		memcpy(heap_add(&f->out, n), s, n);
}

static void put_span(struct format *f, struct span sp)
{
	put(f, sp.src->text + sp.begin, sp.end - sp.begin);
}

static void line(struct format *f, unsigned depth)
{
	if (f->out.n)
		put(f, "\n", 1);
	for (unsigned i = 0; i < depth; i++)
		put(f, "\t", 1);
}

/* An empty line, where one was and something stands above. */
static void apart(struct format *f, bool was)
{
	if (was && !f->fresh)
		put(f, "\n", 1);
	f->fresh = false;
}

/* Comments in front of a statement, a brace or the end; the first may stand behind what is above it. */
static void comments_above(struct format *f, const struct piece *p)
{
	for (size_t i = p->comment; i < p->comment + p->n_comments; i++) {
		const struct comment *c = &f->in.comment.v[i];

		if (c->own_line) {
			apart(f, c->apart);
			line(f, f->depth);
		} else {
			put(f, " ", 1);
		}
		put_span(f, c->span);
	}
}

/* ---- one statement ---- */

static bool is_word(int kind)
{
	return kind == TOK_NAME || kind == TOK_TARGET || (kind >= TOK_ABORT && kind <= TOK_WITHIN);
}

/* Whether a blank stands between the piece at @i and the one before it. */
static bool spaced(const struct format *f, size_t i)
{
	int before = f->in.piece.v[i - 1].kind, kind = f->in.piece.v[i].kind;

	switch (kind) {
	case TOK_SEMI: case TOK_COMMA: case TOK_RPAREN: case TOK_RBRACKET: case TOK_LBRACKET: case TOK_SLASH: case TOK_BAR:
		return false;
	case TOK_COLON:
		return f->in.piece.v[i - 2].kind != TOK_LBRACKET;
	case TOK_DASH:
		return is_word(before) || is_word(f->in.piece.v[i + 1].kind);
	default:
		break;
	}
	switch (before) {
	case TOK_LPAREN: case TOK_LBRACKET: case TOK_SLASH: case TOK_BAR:
		return false;
	case TOK_COLON:
		return i < 3 || f->in.piece.v[i - 3].kind != TOK_LBRACKET;
	case TOK_DASH:
		return is_word(f->in.piece.v[i - 2].kind) || is_word(kind);
	default:
		return true;
	}
}

/* Whether a line may end in front of the piece at @i. */
static bool breakable(const struct format *f, size_t i)
{
	switch (f->in.piece.v[i].kind) {
	case TOK_AND: case TOK_OR: case TOK_OVER: case TOK_WITHIN: case TOK_IF: case TOK_PER: case TOK_BURST: case TOK_SIZE: case TOK_WHEN:
	case TOK_FROM: case TOK_TIMEOUT: case TOK_EXPECT: case TOK_ELSE:
		return true;
	default:
		return f->in.piece.v[i - 1].kind == TOK_COMMA || f->in.piece.v[i - 1].kind == TOK_LBRACE;
	}
}

/* A set's name and its colon may be one token, as a label is. */
static bool is_set_name(const struct format *f, size_t i)
{
	return f->in.piece.v[i].kind == TOK_LABEL && i && f->in.piece.v[i - 1].kind == TOK_SET;
}

static size_t width(const struct format *f, size_t i)
{
	return f->in.piece.v[i].span.end - f->in.piece.v[i].span.begin + is_set_name(f, i);
}

static void put_piece(struct format *f, size_t i)
{
	struct span sp = f->in.piece.v[i].span;

	if (!is_set_name(f, i)) {
		put_span(f, sp);
		return;
	}
	sp.end--;
	put_span(f, sp);
	put(f, " :", 2);
}

/* Columns from the piece at @i as far as the next place where a line may end. */
static size_t reach(const struct format *f, size_t i, size_t end)
{
	size_t n = width(f, i);

	for (i++; i < end && !breakable(f, i); i++)
		n += spaced(f, i) + width(f, i);
	return n;
}

/* The pieces from .at to @end, which are one statement or what stands in front of its block. */
static void statement(struct format *f, size_t end)
{
	size_t column = f->depth * TAB, first = f->at;
	bool broken = false;

	for (size_t i = first; i < end; i++) {
		const struct piece *p = &f->in.piece.v[i];
		unsigned space = i > first && spaced(f, i);

		for (size_t k = p->comment; i > first && k < p->comment + p->n_comments; k++) {
			if (f->in.comment.v[k].own_line)
				line(f, f->depth + CONTINUED);
			else
				put(f, " ", 1);
			put_span(f, f->in.comment.v[k].span);
			broken = true;
		}
		if (i > first && (broken || (breakable(f, i) && column + space + reach(f, i, end) > WIDTH))) {
			line(f, f->depth + CONTINUED);
			column = (f->depth + CONTINUED) * TAB;
			broken = false;
			space = 0;
		}
		if (space && i == first + 1 && f->in.piece.v[first].kind == TOK_LABEL && width(f, first) < f->label[f->depth])
			space += f->label[f->depth] - (unsigned)width(f, first);
		for (unsigned k = 0; k < space; k++)
			put(f, " ", 1);
		put_piece(f, i);
		column += space + width(f, i);
	}
	f->at = end;
}

/* Columns of the pieces from @i to @end on one line; more than there are where comments stand between them. */
static size_t whole(const struct format *f, size_t i, size_t end)
{
	size_t n = f->depth * TAB + width(f, i);

	for (i++; i < end; i++) {
		if (f->in.piece.v[i].n_comments)
			return SIZE_MAX;
		n += spaced(f, i) + width(f, i);
	}
	return n;
}

/* Behind the brace that closes the one at @i. */
static size_t behind_brace(const struct format *f, size_t i)
{
	unsigned depth = 0;

	do {
		depth += f->in.piece.v[i].kind == TOK_LBRACE;
		depth -= f->in.piece.v[i].kind == TOK_RBRACE;
		i++;
	} while (depth);
	return i;
}

/* Whether a brace behind this one opens a list of values, not a block. */
static bool opens_list(int before)
{
	switch (before) {
	case TOK_EQ: case TOK_NE: case TOK_LT: case TOK_LE: case TOK_GT: case TOK_GE: case TOK_IN: case TOK_COMMA: case TOK_LPAREN: case TOK_TIME:
		return true;
	default:
		return false;
	}
}

/* Where the statement at @i ends, or the brace that opens its block. @block: whether it has one. */
static size_t ends(const struct format *f, size_t i, bool *block)
{
	bool conditional = f->in.piece.v[i].kind == TOK_IF || f->in.piece.v[i].kind == TOK_ELSE ||
			   (f->in.piece.v[i].kind == TOK_LABEL && f->in.piece.v[i + 1].kind == TOK_IF);

	*block = false;
	for (;; i++) {
		int kind = f->in.piece.v[i].kind;

		if (kind == TOK_SEMI || kind == TOK_YYEOF)
			return i + (kind == TOK_SEMI);
		if (kind != TOK_LBRACE)
			continue;
		if (conditional && !opens_list(f->in.piece.v[i - 1].kind)) {
			*block = true;
			return i;
		}
		i = behind_brace(f, i) - 1;
	}
}

static bool begins_step(const struct format *f, size_t i)
{
	switch (f->in.piece.v[i].kind) {
	case TOK_REPEAT: case TOK_AFTER: case TOK_ADD: case TOK_REMOVE:
		return true;
	case TOK_PACKET:
		return f->in.piece.v[i - 2].kind != TOK_REPEAT;
	default:
		return false;
	}
}

/* test "NAME" { … }: in one line where it fits, else a step a line, with what is expected of it. */
static void test(struct format *f)
{
	size_t brace = f->at + 2, end = behind_brace(f, brace) - 1;

	if (whole(f, f->at, end + 1) <= WIDTH) {
		statement(f, end + 1);
		return;
	}
	statement(f, brace + 1);
	f->depth++;
	f->fresh = true;
	while (f->at < end) {
		size_t next = f->at + 1;

		while (next < end && !begins_step(f, next))
			next = f->in.piece.v[next].kind == TOK_LBRACE ? behind_brace(f, next) : next + 1;
		comments_above(f, &f->in.piece.v[f->at]);
		apart(f, f->in.piece.v[f->at].apart);
		line(f, f->depth);
		statement(f, next);
	}
	comments_above(f, &f->in.piece.v[end]);
	f->depth--;
	line(f, f->depth);
	f->at = end;
	statement(f, end + 1);
	f->fresh = false;
}

/* An empty line stands somewhere in front of the piece. */
static bool stands_apart(const struct format *f, const struct piece *p)
{
	for (size_t i = p->comment; i < p->comment + p->n_comments; i++)
		if (f->in.comment.v[i].apart)
			return true;
	return p->apart;
}

/* The columns of the labels from the statement at @i on, as far as the next empty line or the block's end. */
static unsigned label_width(const struct format *f, size_t i)
{
	unsigned most = 0;
	bool block;

	do {
		if (f->in.piece.v[i].kind == TOK_LABEL && width(f, i) > most && width(f, i) <= LABEL_MOST)
			most = (unsigned)width(f, i);
		if (f->in.piece.v[i].kind == TOK_TEST) {
			i = behind_brace(f, i + 2);
			continue;
		}
		do {
			i = ends(f, i, &block);
			if (block)
				i = behind_brace(f, i);
		} while (f->in.piece.v[i].kind == TOK_ELSE);
	} while (f->in.piece.v[i].kind != TOK_RBRACE && f->in.piece.v[i].kind != TOK_YYEOF && !stands_apart(f, &f->in.piece.v[i]));
	return most;
}

/* From a statement to the next one, or the brace that ends its block, or the end. */
static void item(struct format *f)
{
	const struct piece *p = &f->in.piece.v[f->at];
	bool block;
	size_t end;

	if (p->kind != TOK_RBRACE && (f->fresh || stands_apart(f, p)))
		f->label[f->depth] = label_width(f, f->at);
	comments_above(f, p);
	if (p->kind == TOK_RBRACE) {
		f->depth--;
		line(f, f->depth);
		put(f, "}", 1);
		f->at++;
		f->fresh = false;
		if (f->in.piece.v[f->at].kind != TOK_ELSE)
			return;
		if (f->in.piece.v[f->at].n_comments) {
			comments_above(f, &f->in.piece.v[f->at]);
			line(f, f->depth);
		} else {
			put(f, " ", 1);
		}
	} else {
		apart(f, p->apart);
		line(f, f->depth);
	}
	if (f->in.piece.v[f->at].kind == TOK_TEST) {
		test(f);
		return;
	}
	end = ends(f, f->at, &block);
	statement(f, end + block);
	if (!block)
		return;
	f->depth++;
	f->fresh = true;
}

static bool same_text(struct span a, struct span b)
{
	return a.end - a.begin == b.end - b.begin && memcmp(a.src->text + a.begin, b.src->text + b.begin, a.end - a.begin) == 0;
}

/* Whether both have the same tokens and comments. A set's name and colon are one token or two. */
static bool same(const struct format *f, const struct pieces *g)
{
	size_t k = 0;

	if (f->in.comment.n != g->comment.n)
		return false;
	for (size_t i = 0; i < f->in.comment.n; i++)
		if (!same_text(f->in.comment.v[i].span, g->comment.v[i].span))
			return false;
	for (size_t i = 0; i < f->in.piece.n; i++, k++) {
		struct span a = f->in.piece.v[i].span, b = k < g->piece.n ? g->piece.v[k].span : a;

		if (is_set_name(f, i)) {
			a.end--;
			k++;
		}
		if (k >= g->piece.n || !same_text(a, b))
			return false;
	}
	return k == g->piece.n;
}

const char *pieces_format(struct arena *a, const struct pieces *in, size_t *len, struct pieces *out)
{
	struct format f = { .in = *in, .fresh = true };
	const char *text;

	while (f.in.piece.v[f.at].kind != TOK_YYEOF)
		item(&f);
	comments_above(&f, &f.in.piece.v[f.at]);
	if (f.out.n)
		put(&f, "\n", 1);
	*len = f.out.n;
	text = arena_strndup(a, f.out.n ? f.out.v : "", f.out.n);
	free(f.out.v);
	pieces_read(a, source_new(a, in->src->path, text, *len), out);
	return same(&f, out) ? text : NULL;
}

const char *parse_format(struct arena *a, const struct source *source, size_t *len)
{
	struct pieces in, out;
	const char *text;

	pieces_read(a, source, &in);
	text = pieces_format(a, &in, len, &out);
	pieces_free(&in);
	pieces_free(&out);
	return text;
}
