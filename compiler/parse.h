/*
 * Inside of the parser: what the scanner (lex.l), the tokens' filter (parse_tokens.c), the grammar (parse.y), the messages
 * (parse_error.c), the constructors (parse_build.c) and the reading of files (parse.c) share.
 */
#ifndef XDPF_PARSE_H
#define XDPF_PARSE_H

#include "ast.h"

struct tokens;

/* What the system calls the same file; of a reader, which knows no more, the path. */
struct parse_file {
	uint64_t dev, ino;
	const char *path;		/* NULL: the system's */
	bool known;
};

/* A file that was read. */
struct parse_included {
	struct parse_file file;
	struct span at;			/* of the include; src NULL: the command line's own */
};

/* One unit being read: a file of the command line and what it includes. */
struct parse_run {
	struct ast_program *p;
	struct ast_unit *unit;
	struct diag_list *d;
	VEC(struct parse_included) included;
};

/* One file of it. */
struct parser {
	struct parse_run *run;
	struct arena *a;
	struct diag_list *d;
	const struct source *src;
	const struct parser *includer;	/* NULL: the command line's own */
	struct parse_file file;
	unsigned depth;			/* of includes */
	bool bare;			/* tokens carry no texts: only where they are is asked */
	struct tokens *tokens;
	struct parse_operands *spare;	/* an empty list, whose operands a comparison has taken; or NULL */
};

/* ---- what the grammar's symbols carry ---- */

struct parse_num {
	uint64_t v;
	bool overflow;
};

struct parse_operands {
	VEC(struct ast_operand *) list;
};

struct parse_names {
	VEC(struct ast_name) list;
};

struct parse_actions {
	VEC(struct ast_action *) list;
	struct span span;
};

struct parse_assigns {
	VEC(struct ast_assign) list;
};

struct parse_steps {
	VEC(struct ast_step *) list;
	bool broken;			/* a step was not understood */
};

/* if … else if … being built: the first rule, and the one that the next `else` belongs to. */
struct parse_chain {
	struct ast_rule *first, *last;
};

/* ---- parse_tokens.c: from the scanner's tokens to the grammar's ---- */

struct tokens *tokens_new(struct parser *c);
void tokens_free(struct tokens *t);
/* The text is steps of a test, or only what a packet says: what stands around them is given before it, and behind. */
void tokens_within_test(struct tokens *t, bool packet);
/* The grammar's recovery has found its place again. */
void tokens_recovered(struct parser *c);

/* ---- lex.l ---- */

/* A scanner over the parser's source. */
void *lex_new(struct parser *c);
void lex_free(void *scanner);

/* ---- parse_error.c ---- */

/* What the grammar could go on with, by kind. */
enum parse_want {
	WANT_END	= 1 << 0,	/* of the file */
	WANT_STATEMENT	= 1 << 1,	/* a label, among others */
	WANT_ACTION	= 1 << 2,
	WANT_VERDICT	= 1 << 3,
	WANT_IF		= 1 << 4,
	WANT_DECL	= 1 << 5,
	WANT_NAME	= 1 << 6,
	WANT_COND	= 1 << 7,
	WANT_CMP	= 1 << 8,
	WANT_IN		= 1 << 9,
	WANT_AND	= 1 << 10,
	WANT_OR		= 1 << 11,
	WANT_VALUE	= 1 << 12,
	WANT_NUM	= 1 << 13,
	WANT_STRING	= 1 << 14,
	WANT_SEMI	= 1 << 15,
	WANT_OPEN	= 1 << 16,	/* { */
	WANT_CLOSE	= 1 << 17,	/* } */
	WANT_LPAREN	= 1 << 18,
	WANT_RPAREN	= 1 << 19,
	WANT_COMMA	= 1 << 20,
	WANT_COLON	= 1 << 21,
	WANT_ASSIGN	= 1 << 22,
	WANT_PER	= 1 << 23,
	WANT_ELSE	= 1 << 24,
	WANT_RBRACKET	= 1 << 25,
	WANT_SLASH	= 1 << 26,
	WANT_LBRACKET	= 1 << 27,
	WANT_STEP	= 1 << 28,	/* of a test */
	WANT_LIVE	= 1 << 29,	/* parts of a set's declaration */
	WANT_TO		= 1 << 30,	/* `to` or `from`, of a change of a set */
};

/* The grammar cannot go on with the last token; says why. */
void parse_report(struct parser *c, unsigned want);
/* "`word`", cut where it is long. */
const char *parse_quote(struct parser *c, struct span sp);

/* ---- parse_scan.c: errors that the scanner sees ---- */

/* Looks at the whole text before it is scanned: NULs, broken UTF-8, control characters. False: not worth scanning. */
bool scan_check_text(struct parser *c);
/* An operator of other languages: says what it is called here. */
void scan_slip(struct parser *c, struct span sp, const char *instead);
void scan_comment_slip(struct parser *c, struct span sp);
void scan_quote_slip(struct parser *c, struct span sp);
void scan_sigil_slip(struct parser *c, struct span sp);
void scan_unterminated(struct parser *c, struct span sp);
void scan_unclosed_comment(struct parser *c, struct span sp);
/* False: it may be passed over, scan_check_text() has told of it. */
bool scan_bad_char(struct parser *c, struct span sp);
void scan_bad_word(struct parser *c, struct span sp);

/* ---- parse.c ---- */

/* The file's path, relative to the one that names it. */
const char *parse_beside(const struct parser *c, const char *path);
void parse_include(struct parser *c, struct span sp, struct ast_name path);
/* A file of a set's elements; NULL: it cannot be read, which was told. */
const struct source *parse_elements(struct parser *c, struct ast_name path);

/* ---- parse_build.c: constructors ---- */

struct ast_value *build_value(struct parser *c, enum ast_value_kind kind, struct ast_name text);
struct ast_value *build_int(struct parser *c, struct span sp, struct parse_num n);
struct ast_value *build_pair(struct parser *c, enum ast_value_kind kind, struct span sp, struct ast_value *a, struct ast_value *b);
struct ast_value *build_prefix(struct parser *c, struct span sp, struct ast_value *addr, struct parse_num n);
/* @list with @v behind its others. */
struct ast_value *build_append(struct parser *c, struct ast_value *list, struct ast_value *v);
/* A list of values becomes what its brackets say. */
struct ast_value *build_listed(struct ast_value *list, enum ast_value_kind kind, struct span sp);
/* `a` becomes `a|b`, `a|b` becomes `a|b|c`. */
struct ast_value *build_union(struct parser *c, struct span sp, struct ast_value *a, struct ast_value *b);

struct ast_operand *build_operand(struct parser *c, struct span sp, struct ast_name name);
struct ast_operand *build_slice(struct parser *c, struct span sp, struct ast_name name, struct parse_num off, struct parse_num len);
struct ast_operand *build_prefixed(struct span sp, struct ast_operand *o, struct parse_num n);
struct parse_operands *build_operands(struct parser *c, struct parse_operands *list, struct ast_operand *o);

struct ast_expr *build_junction(struct parser *c, enum ast_expr_kind kind, struct span sp, struct ast_expr *a, struct ast_expr *b);
struct ast_expr *build_not(struct parser *c, struct span sp, struct ast_expr *e);
struct ast_expr *build_parens(struct span sp, struct ast_expr *e);
struct ast_expr *build_test(struct parser *c, struct ast_operand *o);
struct ast_expr *build_cmp(struct parser *c, struct span sp, struct parse_operands *o, struct ast_value *mask, enum ast_cmp cmp,
			   struct ast_value *v);
enum ast_cmp build_cmp_slip(struct parser *c, struct span sp);
/* random SHARE [per WHAT]; WHAT.s NULL: per packet. */
struct ast_expr *build_random(struct parser *c, struct span sp, struct ast_name share, struct ast_name what);
/* time VALUE; @word is the word `time`, which names the field. */
struct ast_expr *build_time(struct parser *c, struct span sp, struct ast_name word, struct ast_value *v);
/* Stands for a condition that was not understood. */
struct ast_expr *build_unknown(struct parser *c, struct span sp);

struct ast_action *build_verdict(struct parser *c, struct span sp, struct ast_name word, struct ast_name arg);
struct ast_way *build_target(struct parser *c, struct ast_value *v);
struct ast_way *build_numbered(struct parser *c, struct ast_name word, struct parse_num n);
/* @otherwise NULL: no `else`. */
struct ast_action *build_way(struct parser *c, struct span sp, struct ast_name word, struct ast_way *way, struct ast_action *otherwise);
struct ast_action *build_reply(struct parser *c, struct span sp, struct ast_name word, struct ast_name arg);
struct ast_action *build_count(struct parser *c, struct span sp, struct ast_name name, struct parse_operands *key);
struct ast_log *build_log(struct parser *c, bool sample, struct ast_value *many, struct ast_name unit);
/* `sample A/B`, of which A must be 1. */
struct ast_log *build_sample(struct parser *c, struct span at, struct parse_num a, struct ast_value *b);
struct ast_action *build_log_action(struct parser *c, struct span sp, struct ast_log *log);
struct ast_action *build_rewrite(struct parser *c, struct span sp, struct ast_operand *target, struct ast_value *v, bool decrement);
struct ast_action *build_vlan(struct parser *c, struct span sp, struct ast_name what, struct ast_value *id);
struct ast_action *build_mark(struct parser *c, struct span sp, struct ast_name word, struct ast_value *v);
/* add KEY to SET [for DURATION], remove KEY from SET. */
struct ast_action *build_set_action(struct parser *c, struct span sp, enum ast_action_kind kind, struct parse_operands *key, struct ast_name set,
				    struct ast_value *duration);
struct parse_actions *build_actions(struct parser *c, struct parse_actions *list, struct ast_action *act);

struct ast_rule *build_rule(struct parser *c, struct span sp, struct parse_actions *actions, struct ast_expr *cond);
struct parse_chain *build_if(struct parser *c, struct span sp, struct ast_expr *cond, struct ast_rules *block);
struct parse_chain *build_else_if(struct parser *c, struct parse_chain *chain, struct span sp, struct ast_expr *cond,
				  struct ast_rules *block);
struct ast_rule *build_else(struct parse_chain *chain, struct ast_rules *block);
struct ast_rule *build_label(struct ast_name label, struct ast_rule *r);
struct ast_rules *build_rules(struct parser *c, struct ast_rules *list, struct ast_rule *r);

struct parse_names *build_names(struct parser *c, struct parse_names *list, struct ast_name name);
void build_let(struct parser *c, struct span sp, struct ast_name name, struct ast_value *v);
void build_set(struct parser *c, struct span sp, struct ast_name name, struct parse_names *type, struct ast_set *set, bool whole);
/* parse_set.c: what stands behind a set's type, in any order. */
struct ast_set *build_set_new(struct parser *c);
struct ast_set *build_set_init(struct parser *c, struct span sp, struct ast_set *set, struct ast_value *v);
struct ast_set *build_set_from(struct parser *c, struct span sp, struct ast_set *set, struct ast_name path);
struct ast_set *build_set_live(struct parser *c, struct span sp, struct ast_set *set);
struct ast_set *build_set_size(struct parser *c, struct span sp, struct ast_set *set, struct ast_value *v);
struct ast_set *build_set_timeout(struct parser *c, struct span sp, struct ast_set *set, struct ast_value *v);
/* ---- parse_limit.c ---- */

struct ast_limit *build_rate(struct parser *c, struct span sp, struct ast_name number, struct ast_name unit, struct ast_name period);
/* The text of a number. */
struct ast_name build_number_text(struct parser *c, struct span sp);
struct ast_limit *build_burst(struct parser *c, struct span sp, struct ast_limit *l, struct ast_name number, struct ast_name unit);
struct ast_limit *build_per(struct parser *c, struct span sp, struct ast_limit *l, struct parse_operands *key);
struct ast_limit *build_size(struct parser *c, struct span sp, struct ast_limit *l, struct ast_name number);
struct ast_limit *build_when(struct parser *c, struct span sp, struct ast_limit *l, struct span when, bool closed);
void build_limit(struct parser *c, struct span sp, struct ast_name name, struct ast_limit *l);
/* @cond, and then over or within the limit @name or @l, written at @at. */
struct ast_expr *build_limited(struct parser *c, struct span sp, struct ast_expr *cond, bool over, struct span at, struct ast_name name,
			       struct ast_limit *l);

/* A name that something is given: no field's form, no keyword. */
bool build_name_check(struct parser *c, struct ast_name name, const char *of);
/* The statement's place in the reading order: how many came before it, of those that have one. */
unsigned build_next_order(const struct parser *c);
/* A name whose declaration was not understood. */
void build_lost(struct parser *c, struct ast_name name);
void build_default(struct parser *c, struct span sp, struct ast_action *verdict);
void build_option(struct parser *c, struct span sp, struct ast_name name, struct ast_name value);
void build_top_rule(struct parser *c, struct ast_rule *r);

/* ---- parse_build_test.c ---- */

struct parse_assigns *build_assigns(struct parser *c, struct parse_assigns *list, struct ast_name name, struct ast_value *v);
/* NULL: nothing is named. */
struct ast_frame *build_frame(struct parser *c, struct span sp, struct parse_assigns *list);
struct ast_frame *build_frame_from(struct parser *c, struct span sp, struct ast_name path, struct parse_num n);
struct ast_step *build_packet(struct parser *c, struct span sp, struct ast_frame *frame);
struct ast_step *build_repeat(struct parser *c, struct span sp, struct span times_span, struct parse_num times,
			      struct ast_frame *frame);
struct ast_step *build_after(struct parser *c, struct span sp, struct ast_value *duration);
struct ast_step *build_expect(struct parser *c, struct span sp, struct ast_name verdict);
struct ast_step *build_by(struct span sp, struct ast_step *expect, struct ast_name by, bool string, bool is_default);
/* @duration NULL: not given, or nothing is added. */
struct ast_step *build_step_set(struct parser *c, struct span sp, enum ast_step_kind kind, struct ast_value *element, struct ast_name set,
				struct ast_value *duration);
/* @step NULL: it was not understood. */
struct parse_steps *build_steps(struct parser *c, struct parse_steps *list, struct ast_step *step);
struct parse_steps *build_no_steps(struct parser *c);
void build_test_decl(struct parser *c, struct span sp, struct ast_name name, struct parse_steps *steps);

#endif
