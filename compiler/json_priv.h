/*
 * Inside of JSON: the shapes of objects (json_shape.c), sorts of members (json_sorts.c), JSON to text (json_load.c, json_put.c, json_check.c,
 * json_origin.c) and text to JSON (json_take.c, json_export.c).
 */
#ifndef XDPF_JSON_PRIV_H
#define XDPF_JSON_PRIV_H

#include <jansson.h>

#include "ast.h"
#include "json.h"
#include "parse_pieces.h"

/* ---- json_shape.c: rows of grammar/json.def ---- */

enum json_family {
	JSON_STATEMENT, JSON_BRANCH, JSON_LIMIT, JSON_RATE, JSON_VERDICT, JSON_ACTION, JSON_COND, JSON_STEP, JSON_FIELD,
	JSON_FAMILIES
};

enum json_sort {
	/* one string or number: a word of the text, or a few that make one value */
	SORT_NAME, SORT_LABEL, SORT_SETNAME, SORT_STRING, SORT_NUMBER, SORT_AMOUNT, SORT_QUANTITY, SORT_ATOM, SORT_FIELD, SORT_OPERAND, SORT_KEYPART,
	SORT_RATE, SORT_BURST, SORT_LOGRATE, SORT_SHARE, SORT_FULL, SORT_OUTCOME, SORT_SIMPLE,
	SORT_WORD,	/* of the language: no member's */
	/* what has parts */
	SORT_TRUE, SORT_VALUE, SORT_MASK, SORT_TYPE, SORT_KEY, SORT_OPERANDS, SORT_BY, SORT_LIMIT, SORT_LIMITS, SORT_VERDICT, SORT_ACTIONS, SORT_COND,
	SORT_AND, SORT_OR, SORT_NOT, SORT_BLOCK, SORT_BRANCHES, SORT_STEPS, SORT_FIELDS,
	SORT_COUNT
};

enum json_item_kind {
	ITEM_WORD,	/* .text of the language */
	ITEM_MEMBER,
	ITEM_OPTION,	/* [ …: as far as .end */
	ITEM_ANY,	/* << …: of parts, each an ITEM_PART */
	ITEM_PART,	/* as far as .end */
};

struct json_item {
	enum json_item_kind kind;
	const char *text;		/* WORD; MEMBER: its name */
	enum json_sort sort;		/* MEMBER */
	bool may_miss;			/* MEMBER: it is `?`, or in something that may be left out */
	bool alone;			/* MEMBER: `?` */
	unsigned end;			/* behind the last item of it */
};

struct json_shape {
	enum json_family family;
	const char *tag, *doc;
	struct json_item *item;
	unsigned n;
};

struct json_shapes {
	struct json_shape *shape;
	unsigned n;
};

/* All rows, in @a. */
void json_shapes_make(struct arena *a, struct json_shapes *out);
/* What an object of the family says which one it is in; NULL: there is only one. */
const char *json_tag_member(enum json_family f);
/* What one is called, in messages. */
const char *json_family_name(enum json_family f);
/* Whether objects of @family may be where @where is asked for: verdicts are actions. */
bool json_family_is(enum json_family family, enum json_family where);
/* How many members an object of the family has that are not in its row: statements all, steps only comments. */
unsigned json_commons(enum json_family f);
extern const char *const json_common[4];	/* comment, comment_behind, comments, source */
enum { COMMON_COMMENT, COMMON_BEHIND, COMMON_COMMENTS, COMMON_SOURCE };

/* ---- json_sorts.c ---- */

struct json_sort_info {
	const char *name;		/* as in grammar/json.def; NULL: not named there */
	const char *what;		/* what one is called, in messages */
	const char *hint;		/* what to write, or NULL */
	bool number;			/* a JSON number may stand for it */
	const char *const *words;	/* one of these, up to a NULL; NULL: anything of its form */
};
extern const struct json_sort_info json_sorts[SORT_COUNT];
/* Is one written as a single string or number? */
bool json_sort_is_word(enum json_sort t);
/* Behind the longest run of tokens from @i on that are one @t; @i: none are. */
size_t json_sort_end(const struct pieces *p, size_t i, enum json_sort t);

/* Does a condition with the operator @op need parentheses as a part of one of type @in (SORT_AND, SORT_OR, SORT_NOT)? */
bool json_needs_parens(enum json_sort in, const char *op);

/* ---- json_put.c, json_value.c: JSON to a text, word by word ---- */

/* A place in the document: a value in another one. The first is the document itself, 0. */
struct json_node {
	uint32_t up;
	uint32_t index;			/* in an array, where .member is NULL */
	const char *member;		/* a constant string */
};

/* A word that was put, or a few that are one string. */
struct json_word {
	uint32_t begin, end;		/* in the text */
	uint32_t node;			/* who said so */
	enum json_sort sort;
};

/* Where the one who wrote the JSON has a statement from. */
struct json_written {
	uint32_t node;
	const char *file;		/* NULL: not said */
	unsigned line;			/* 0: not said */
};

struct json_origin {
	struct source_origin of;
	VEC(struct json_node) node;		/* in no arena, until the text is made */
	VEC(struct json_written) written;	/* by node */
	uint32_t *begin;		/* of the tokens of the text, as many as .n; and who said them */
	uint32_t *by;
	size_t n;
};

struct json_put {
	struct arena *a;		/* for good */
	struct arena *scratch;		/* until the text is made */
	struct diag_list *d;
	const char *path;		/* of the document */
	const char *file;		/* what it calls itself; NULL: nothing */
	struct json_shapes shapes;
	struct json_origin *origin;
	VEC(char) text;			/* these in no arena */
	VEC(struct json_word) word;
	unsigned newlines;		/* at the end of the text */
	unsigned depth, blocks;
	/* Of the statement that is being put: its comments, how far they are put, its words. */
	const json_t *comments;
	size_t comment;
	uint64_t words;
};

/* The statements of the document. */
void json_put_document(struct json_put *p, const json_t *root);
struct diag *json_error(struct json_put *p, uint32_t node, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
uint32_t json_node(struct json_put *p, uint32_t up, const char *member, size_t index);
/* @p->depth grows by one; false: it is too deep, which was told. */
bool json_deeper(struct json_put *p, uint32_t node);
void json_put_text(struct json_put *p, uint32_t node, enum json_sort sort, const char *before, const char *s, size_t len, const char *behind);
void json_put_word(struct json_put *p, uint32_t node, const char *word);
/* A member of the type. */
void json_put_member(struct json_put *p, uint32_t node, enum json_sort sort, const json_t *v);
void json_put_value(struct json_put *p, uint32_t node, const json_t *v);
void json_put_object(struct json_put *p, uint32_t node, enum json_family family, const json_t *v);
/* Statements or steps. */
void json_put_rows(struct json_put *p, uint32_t node, const json_t *v, enum json_family family);
/* A string or number that is one of the sort. */
void json_put_simple(struct json_put *p, uint32_t node, enum json_sort sort, const json_t *v);
/* "an array", "a number": what it is. */
const char *json_is(const json_t *v);
/* "`WORD`": what it says, cut where it is long. */
const char *json_quote(struct json_put *p, const char *s, size_t len);
/* The members of @v are among @names; else it is told. */
bool json_only(struct json_put *p, uint32_t node, const json_t *v, const char *const *names, size_t n);
/* Comments and places of a statement, and what is behind it. */
void json_put_comments_above(struct json_put *p, uint32_t node, const json_t *v, bool first);
void json_put_comments_inside(struct json_put *p);
void json_put_comments_behind(struct json_put *p, uint32_t node, const json_t *v);
void json_put_line(struct json_put *p);
void json_put_bytes(struct json_put *p, const char *s, size_t n);

/* ---- json_check.c ---- */

/* Each word of the text is what its type says, and no more. False: it was told. @pieces: of the text. */
bool json_check_words(struct json_put *p, const struct pieces *pieces);

/* ---- json_origin.c ---- */

/* Only the document is in it. */
struct json_origin *json_origin_new(struct arena *a, const char *path);
/* The pointer of a place: "/statements/3/when". */
const char *json_pointer(const struct json_origin *o, struct arena *a, uint32_t node);

/* ---- json_take.c: tokens to JSON ---- */

/* Where comments in front of a token go. */
struct json_seat {
	json_t *of;			/* the statement it is in; NULL: none */
	json_t *before;			/* the statement in front of it in the same block, whose line it may be; or NULL */
	json_t *around;			/* first: the one around it, or NULL */
	uint32_t after, after_around;	/* words in front of it */
	bool first;			/* of its statement */
};

struct json_taker {
	struct arena *a;
	struct pieces in;
	struct json_shapes shapes;
	struct json_seat *seat;		/* by piece */
	size_t at;
	struct json_seat own;		/* of the next one */
};

int json_kind(const struct json_taker *t);
bool json_is_next(const struct json_taker *t, size_t at, const char *word);
/* The word, where it is the next one. */
bool json_take_word(struct json_taker *t, const char *word);
json_t *json_take_string(struct json_taker *t);
/* A member that is one string or number. */
json_t *json_take_simple(struct json_taker *t, enum json_sort sort);
json_t *json_take_block(struct json_taker *t);
json_t *json_take_branches(struct json_taker *t);
/* Statements or steps, as far as there are some. */
json_t *json_take_rows(struct json_taker *t, enum json_family family);
/* All statements from .at on; NULL: these are none. */
json_t *json_take_statements(struct json_taker *t);
/* A member of the type; NULL: it is none, and nothing is taken. */
json_t *json_take_member(struct json_taker *t, enum json_sort sort);
/* An object of the family; NULL: none fits. */
json_t *json_take_object(struct json_taker *t, enum json_family family);
/* A comment's text as it is in a document. */
json_t *json_comment(const struct comment *c);

#endif
