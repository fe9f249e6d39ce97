/*
 * --explain, inside: what its files share.
 *
 *   cli_explain.c        the mode: what is asked about, run one by one
 *   cli_explain_read.c   packets of captures and of logs
 *   cli_explain_walk.c   a packet's way, as the evaluator goes it
 *   cli_explain_guess.c  what is not in the packet, by what the filter did
 *   cli_explain_why.c    why a condition is false, or true: what the packet has
 *   cli_explain_text.c   the way as text
 *   cli_explain_json.c   and as JSON
 */
#ifndef XDPF_CLI_EXPLAIN_H
#define XDPF_CLI_EXPLAIN_H

#include "cli.h"
#include "eval.h"
#include "eval_cond.h"

enum explain_state {
	EXPLAIN_PASSED_BY,		/* it was not looked at: it stands in a block that was not entered */
	EXPLAIN_FAILED,
	EXPLAIN_HELD,
};

/* What is said of a condition: rules of which the same is said stand together. */
struct explain_why {
	struct explain_why *next;
	const char *subject;		/* what it is about: "tcp.dport", or the condition itself */
	const char *text;		/* "it is 443" */
	uint32_t hash;
	size_t n;			/* rules that failed by it */
	unsigned first, last;		/* their indexes */
};

/* A part of a condition that held. */
struct explain_fact {
	const struct ast_expr *cond;
	const char *text;
};

struct explain_deed {
	const struct ast_action *action;
	enum eval_did did;
	const char *was, *is;		/* REWRITE: the field's value before, and behind; NULL: absent */
};

struct explain_rule {
	enum explain_state state;
	const struct ast_expr *failed;	/* FAILED */
	struct explain_why *why;	/* FAILED */
	VEC(struct explain_fact) fact;	/* HELD */
	VEC(struct explain_deed) deed;	/* HELD */
};

/* Where a rule stands. */
struct explain_place {
	const struct ast_unit *unit;
	unsigned within;		/* index of the rule in whose block it stands, or whose `else` it is; UINT_MAX: none */
	bool other;			/* it stands behind that one's `else` */
};

/* A condition about what is not in the packet. */
struct explain_asked {
	const struct ast_expr *cond;
	bool known, value;		/* as it is here, and as it is taken; the same, unless */
	bool turned;
	unsigned states;		/* of `flow.state`: bit N, that it is true in state N (enum xdpf_flow_state) */
};

struct explain {
	struct cli *cli;
	const struct ast_program *p;
	const struct explain_place *place;	/* by index, of rules */
	bool brief;			/* who decided, and no more */
	bool all;			/* every rule on a line of its own */
	/* of one packet: all goes with the next one */
	struct arena *a;
	size_t known;			/* bytes of it that were captured; those behind are taken as zeros */
	struct explain_rule *rule;	/* by index */
	struct explain_why **why;	/* a hash */
	size_t n_whys, n_buckets;
	VEC(struct explain_why *) order;	/* as they came */
	VEC(struct eval_result) file;	/* the verdict of each file that was reached */
	struct eval_result result;
	/* where it is known what the filter did */
	bool agrees;			/* this is the way that it went */
	VEC(struct explain_asked) asked;
	const struct ast_expr *const *turned;
	size_t n_turned;
	struct eval_guess guess;
	uint8_t *frame;
	bool follow;			/* the way is kept */
	const char *fields;		/* the packet as fields, as it came */
	/* a text that is being written */
	FILE *out;
	char *text;
	size_t len;
	struct eval_trace trace;
};

/* One packet that is asked about. */
struct explain_packet {
	unsigned long long n, number;	/* its place, from 1; the number that it is told by */
	struct eval_packet *pkt;
	size_t known;			/* bytes that were captured */
	size_t length;			/* on the wire */
	/* what the filter itself did with it, if that is known; NULL: not */
	const char *verdict, *rule, *file;
	bool decided;			/* ... and that is what became of it, not only what a log says */
};

/* ---- cli_explain_walk.c ---- */

void explain_init(struct explain *x, struct cli *cli, const struct ast_program *p);
void explain_done(struct explain *x);
/* Runs it, and keeps its way. */
void explain_run(struct explain *x, struct eval *e, const struct explain_packet *q);
/* The rules before the one that decided, in their order: calls @each with the index of each. */
void explain_before(const struct explain *x, void (*each)(void *arg, unsigned index), void *arg);
/* The name, or "default". */
const char *explain_rule_name(const struct eval_result *r);

/* ---- cli_explain_guess.c ---- */

/* The way that leads to what the filter did, or the one as it is here, if none does. */
void explain_guess(struct explain *x, struct eval *e, const struct explain_packet *q);
/* NULL: it is not asked on that way, or no filter did anything. */
struct explain_asked *explain_asked(const struct explain *x, const struct ast_expr *e);

/* ---- cli_explain_why.c ---- */

/* What the packet has of what the condition asks. In the explainer's arena. */
const char *explain_why_text(struct explain *x, const struct eval_view *w, const struct ast_expr *e);
/* What the condition is about. */
const char *explain_subject(struct explain *x, const struct ast_expr *e);
/* An operand's value; NULL: absent. */
const char *explain_value(struct explain *x, const struct eval_view *w, const struct ast_operand *o);
/* What is asked by a condition about what is not in the packet: its text, or words for what nobody wrote. */
const char *explain_condition(struct explain *x, const struct ast_expr *e);
/* Text of the rule file, in one line. */
const char *explain_source(struct explain *x, struct span sp);

/* ---- cli_explain_element.c ---- */

/* Of a comparison with a constant set whose fields are there: the element by which the packet is in it, or the one that comes next to it. */
void explain_element(struct explain *x, FILE *out, const struct eval_view *w, const struct ast_expr *e, bool in);
/* The same of a set that lives, as it is at the packet's moment. */
void explain_live_element(FILE *out, const struct eval_view *w, const struct ast_expr *e, bool in);

/* ---- cli_explain_packet.c ---- */

/* A packet as fields, as a test would give them, and what is wrong with it. */
const char *explain_fields(struct explain *x, const struct eval_packet *pkt);

/* ---- cli_explain_text.c, cli_explain_json.c ---- */

void explain_text(struct explain *x, const struct explain_packet *q);
void explain_json(struct explain *x, const struct explain_packet *q);
/* What became of an action, in words. */
const char *explain_did(const struct explain_deed *d);
/* What is to be known beside; how many. */
enum { EXPLAIN_NOTES = 3 };
size_t explain_notes(struct explain *x, const struct explain_packet *q, const char *out[EXPLAIN_NOTES]);
/* Where a result comes from: the rule's place, or the default's. */
struct span explain_span(const struct eval_result *r);

/* ---- cli_explain_read.c ---- */

/* Calls @fn with each packet of what --explain names, a capture or what `xdpf log --json` wrote, until it returns false. An exit status. */
int explain_read(struct cli *cli, const char *path, bool (*fn)(void *arg, struct explain_packet *q), void *arg);

#endif
