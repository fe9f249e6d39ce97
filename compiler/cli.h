/*
 * xdpfc: what the modes share. A mode is one function in one file; it gets the options, prints, and returns the exit status.
 */
#ifndef XDPF_CLI_H
#define XDPF_CLI_H

#include "ast.h"
#include "compile.h"
#include "rx.h"

enum { EXIT_DONE = 0, EXIT_INPUT = 1, EXIT_USAGE = 2, EXIT_SYSTEM = 3, EXIT_NO = 4 };

struct cli {
	const char *const *files;	/* as given; "-" is standard input */
	size_t n_files;
	const char *out;		/* -o */
	const char *emit, *import, *list, *run, *explain;	/* their values; NULL: not asked for */
	bool check, test, budget, format, analyse, diff;
	const char *effort, *total_effort;	/* as text; .most_effort and .most_total are their numbers */
	uint64_t most_effort, most_total;
	const char *mcpu;
	const char *engine, *set_engine, *table_memory, *counting_text;	/* as text; these three have what they say */
	enum counting counting;
	struct classify_options classify;
	struct set_options sets;
	const char *iface;
	const char *rxqueue;		/* as text; .queue is its number */
	uint32_t queue;
	const char *seed;
	uint64_t random;	/* --seed, or its default */
	bool no_way;		/* --no-way */
	const char *socket;	/* yes, no */
	const char *flow_state;	/* as text; .flow is its number */
	uint64_t flow;
	const char *rx_text;	/* --rx */
	struct xdpf_rx rx;
	bool all, fill;		/* --all, --fill */
	const char *time_text;	/* --time; .time is its ns since the epoch, 0: not given */
	uint64_t time;
	VEC(const char *) sets_given;	/* --set, as text */
	const char *texts_path;	/* --texts, and */
	struct compile_texts texts;	/* what it has; .n_files 0: it was not given */
	bool colour;		/* on standard output */
	const char *stats;	/* --stats */
	const char *split;	/* as text; .first is its number */
	size_t first;
	const char *max_instructions, *max_memory, *max_stack, *max_lookups, *max_path, *max_verified, *cpus;	/* as text; as numbers: */
	const char *prove, *accept, *chain, *ipset, *match, *of;	/* what belongs to --import, as text */
	const struct source **translated;	/* --import of other filters' rules: of each file what it is as an .xdpf file; NULL: it is one */
	uint64_t most_instructions, most_memory, most_stack, most_lookups, most_path, most_verified, n_cpus;
	bool json, quiet, werror, no_source;
	bool plain;		/* -O0 */
	const char *kept_path;		/* --kept */
	struct cli_kept *kept;		/* what is in it; NULL: it was not given */

	struct arena *arena;
	struct diag_list diag;
};

/* ---- modes ---- */

int cli_compile(struct cli *cli);	/* cli_compile.c: FILE... -o OUT, --check, --emit */
int cli_run(struct cli *cli);		/* cli_run.c: --run */
int cli_explain(struct cli *cli);	/* cli_explain.c: --explain */
int cli_test(struct cli *cli);		/* cli_test.c: --test */
int cli_list(struct cli *cli);		/* cli_list.c: --list */
int cli_budget(struct cli *cli);	/* cli_budget.c: --budget */
int cli_analyse(struct cli *cli);	/* cli_analyse.c: --analyse */
int cli_diff(struct cli *cli);		/* cli_diff.c: --diff */
int cli_format(struct cli *cli);	/* cli_format.c: --format, --emit=xdpf */

int cli_html(struct cli *cli);		/* cli_html.c: --emit=html */
int cli_json(struct cli *cli);		/* cli_json.c: --emit=json */

/* ---- cli_json.c ---- */

/* Is it called a rule file? With --import others are not. */
bool cli_is_rules(const char *path);
/* A file of the command line; with --import, the rule file that it is made into. NULL: it cannot be read, or is wrong, see .diag. */
const struct source *cli_source(struct cli *cli, const char *path);

/* ---- cli_texts.c ---- */

/* Reads what --texts names; an exit status. */
int cli_texts(struct cli *cli);

/* ---- cli_explain.c ---- */

/* --time; an exit status. */
int cli_explain_time(const char *text, uint64_t *out);

/* ---- cli_import.c ---- */

/* Translates the files that --import is about, before any mode reads them. An exit status, or -1: go on. */
int cli_import(struct cli *cli);

/* ---- cli_kept.c ---- */

/* Reads --kept, if it was given. An exit status, or -1: go on. */
int cli_kept(struct cli *cli);
/* Of files that rule files name; NULL: the file system. */
const struct source_reader *cli_kept_reader(const struct cli *cli);
/* A rule file that is kept; NULL: it is none. */
const struct source *cli_kept_source(struct cli *cli, const char *path);

/* ---- cli.c ---- */

/* One line on standard error: "xdpfc: …". */
void cli_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same, and where to find help. Returns EXIT_USAGE. */
int cli_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Reads and checks the files; shows the diagnostics. NULL: they are wrong, with EXIT_INPUT as status. */
struct ast_program *cli_front(struct cli *cli);
/* The same, with packets that are asked about, and sets that begin otherwise. */
struct ast_program *cli_front_asked(struct cli *cli, const struct compile_asked *asked);
/* Shows the diagnostics so far, and forgets them. */
void cli_show(struct cli *cli);
/* @s as JSON; what is no UTF-8 in it is replaced. */
struct json_t *cli_json_string(const char *s);
/* @text as a decimal number of at most @max. */
bool cli_number(const char *text, uint64_t max, uint64_t *out);
/* The same, of bytes: Ki, Mi, Gi may follow. */
bool cli_bytes(const char *text, uint64_t *out);
/* Says that standard output cannot be written, and gives up what was not; returns EXIT_SYSTEM. @err: its errno, or 0 where that is lost. */
int cli_unwritten(int err);
/* Everything on standard output has been written, or the status is EXIT_SYSTEM and a message says why. */
int cli_finish(int status);

/* ---- cli_output.c ---- */

/* A file with these bytes, whole or not at all; returns the exit status. */
int cli_write_file(const char *path, const void *data, size_t len);

/* ---- cli_summary.c ---- */

struct eval;
/* Counters of a run: a text on @out, or (with --json) one line. */
void cli_summary(const struct cli *cli, const struct ast_program *p, const struct eval *e, FILE *out);

/* ---- cli_keys.c ---- */

/* One field of a key, which begins at *@v; moves *@v and *@family behind it. */
void cli_put_field(FILE *out, const struct ast_operand *o, const struct value **v, const enum family **family);
void cli_put_operand(FILE *out, const struct ast_operand *o);

#endif
