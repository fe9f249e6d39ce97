/*
 * A page of a filter: what its parts share.
 */
#ifndef XDPF_CLI_HTML_H
#define XDPF_CLI_HTML_H

#include "analyse.h"
#include "cli.h"
#include "compile_budget.h"

/* What statistics say of a rule, or of another thing that counts. */
struct html_count {
	bool known;		/* false: they say nothing of it, or nobody counted */
	uint64_t packets, bytes;
};

/* Statistics beside a program. */
struct html_heat {
	struct json_t *root;		/* what was read */
	const char *from;		/* the interface, or how they are called; NULL: not said */
	struct html_count *rule;	/* by index, of defaults too */
	struct html_count *reached;	/* by unit */
	uint64_t most;			/* packets of the rule that has most */
	size_t strangers;		/* rules that they have, and the files have not */
};

struct html {
	struct cli *cli;
	struct arena *arena;
	FILE *out;
	const struct ast_program *p;
	struct budget budget;
	struct findings found;
	const struct html_heat *heat;		/* NULL: there are none */
	VEC(const struct source *) shown;	/* texts of rules, in the order in which they were read */
};

/* ---- cli_html_put.c: text, escaped ---- */

/* @n bytes of one line of a source from column @col on: tabs are blanks, what is no character or steers a terminal is '?'. The column behind them. */
unsigned html_source(FILE *out, const char *s, size_t n, unsigned col);
/* A text of any kind as one line. */
void html_text(struct html *h, const char *s);
/* The same, of at most @columns columns, the last of them then "…"; says whether it was cut. */
bool html_cut(struct html *h, const char *s, unsigned columns);
void html_printf(struct html *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "12,345", "1.5 MiB", "3.2 %" */
const char *html_number(struct arena *a, uint64_t n);
const char *html_size(struct arena *a, uint64_t bytes);
const char *html_share(struct arena *a, uint64_t part, uint64_t whole);

/* ---- cli_html_heat.c: statistics ---- */

/* What `xdpf stats --json` printed, in @path. NULL: an exit status in *status, and it has been told. */
const struct html_heat *html_heat(struct html *h, const char *path, int *status);
/* A member of the statistics' @list ("sets", "limits") called @name in @file; -1: not there. */
int64_t html_heat_of(const struct html *h, const char *list, const char *file, const char *name, const char *member);
/* Level of warmth, 0 (nothing, or not known) to 5. */
unsigned html_warmth(const struct html *h, uint64_t packets);

/* ---- parts of the page ---- */

/* Where @sp stands on the page: "f0-15". */
const char *html_anchor(struct html *h, struct span sp);
/* What colours the verdict: "v-drop", or "v-on" where it goes on. */
const char *html_verdict_class(enum verdict v);
void html_findings(struct html *h);	/* cli_html_rules.c */
void html_rules(struct html *h);
void html_path(struct html *h);		/* cli_html_path.c */
void html_tables(struct html *h);	/* cli_html_tables.c: sets and limits */
void html_budget(struct html *h);	/* and what they cost */
extern const char html_style[];		/* cli_html_style.c */

#endif
