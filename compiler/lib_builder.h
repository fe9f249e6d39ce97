/*
 * Internal to libxdpfc's builder. A part is what it says in the language, as tokens with blanks between them, and what it is. What has been added
 * is a rule file's text without a layout; the compiling process gives it one before it reads it.
 */
#ifndef XDPF_LIB_BUILDER_H
#define XDPF_LIB_BUILDER_H

#include <xdpfc/builder.h>

#include "ast.h"
#include "lib.h"
#include "parse_tokens.h"

enum part_kind { PART_VALUE, PART_OPERAND, PART_EXPR, PART_RATE, PART_ACTION };

enum part_form {
	FORM_NUMBER, FORM_QUANTITY, FORM_PLAIN,			/* values that may be parts of ranges and unions: numbers … names, addresses */
	FORM_STRING, FORM_RANGE, FORM_PREFIX, FORM_LIST, FORM_TUPLE, FORM_UNION,
	FORM_FIELD, FORM_SLICE, FORM_PREFIXED, FORM_PREFIXED_TWICE,	/* operands */
	FORM_TEST, FORM_AND, FORM_OR, FORM_LIMITED,		/* conditions */
	FORM_RATE,
	FORM_VERDICT, FORM_ACTION,				/* actions */
};

struct part {
	const struct xdpfc_builder *owner;
	enum part_kind kind;
	enum part_form form;
	unsigned depth;			/* of what stands in brackets and behind `not` in it */
	size_t len;
	char text[];
};

struct text {
	char *s;
	size_t n, cap;
};

enum open { OPEN_IF, OPEN_ELSE, OPEN_TEST };

struct pool;

struct xdpfc_builder {
	struct pool *pool;		/* of parts, newest first */
	struct text out;		/* what has been added */
	struct text scratch;		/* what is being put together */
	enum open open[AST_MAX_DEPTH];
	unsigned depth;
	int err;			/* 0, or -errno */
	const char *call;		/* which is running */
	char why[200];
};

/* ---- lib_builder.c ---- */

/* Begins call @name; false: it has no builder, or that has an error already. */
bool part_begin(struct xdpfc_builder *b, const char *name);
#define BEGIN(b) part_begin((b), __func__)
/* The first error; NULL, so that it may be returned. */
void *part_fail(struct xdpfc_builder *b, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Adds to what is being put together: tokens, and a blank behind each. */
void part_put(struct xdpfc_builder *b, const char *s);
/* The same without a blank behind it. */
void part_glue(struct xdpfc_builder *b, const char *s);
void part_print(struct xdpfc_builder *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void part_use(struct xdpfc_builder *b, const struct part *p);
/* What was put together is a part. NULL: there was an error. */
const void *part_end(struct xdpfc_builder *b, enum part_kind kind, enum part_form form, unsigned depth);
/* What was put together is added. 0 or -errno. */
int part_add(struct xdpfc_builder *b);

/* @p, if it is one of @b's of this kind; @what: the argument's name. */
const struct part *part_of(struct xdpfc_builder *b, const void *p, enum part_kind kind, const char *what);
/* The same, of a value that is plain: no list, range, string. */
const struct part *part_plain(struct xdpfc_builder *b, const struct xdpfc_value *v, const char *what);
/* The same, of an amount: a number or quantity. */
const struct part *part_amount(struct xdpfc_builder *b, const struct xdpfc_value *v, const char *what);
/* @s is a name of the language's form. @dots: parts with dots between them are, too. @words: keywords that stand for names there, or NULL. */
bool part_name(struct xdpfc_builder *b, const char *s, const char *what, bool dots, const int *words);
/* @s may be a label: any word, those of the language too. */
bool part_label(struct xdpfc_builder *b, const char *s);
/* @s may stand between quotes. */
bool part_string(struct xdpfc_builder *b, const char *s, const char *what);
void part_put_string(struct xdpfc_builder *b, const char *s);
/* A line of a comment. */
void part_comment(struct xdpfc_builder *b, const char *s, size_t n);
/* One operand, or several in parentheses; of a key, where bits may be said. */
bool part_operands(struct xdpfc_builder *b, const struct xdpfc_operand *const *o, size_t n, bool key);
/* One deeper than @depth, or an error. */
unsigned part_deeper(struct xdpfc_builder *b, unsigned depth);

#endif
