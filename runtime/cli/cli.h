/*
 * What the subcommands of `xdpf` share. A subcommand is one file with one function: it parses its options, calls libxdpf,
 * prints, and returns the exit status.
 */
#ifndef XDPF_CLI_H
#define XDPF_CLI_H

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

#include "xdpf/doctor.h"
#include "xdpf/owners.h"
#include "xdpf/runtime.h"
#include "xdpf/sets.h"
#include "xdpf/tests.h"

enum { EXIT_DONE = 0, EXIT_INPUT = 1, EXIT_USAGE = 2, EXIT_SYSTEM = 3, EXIT_NO = 4 };

/* An option that takes a number. */
struct cli_number {
	int option;
	const char *name;
	uint64_t least, most;
	uint64_t *to;
	bool *given;		/* becomes true with it; may be NULL */
	const char *why;	/* of .least; may be NULL */
};

struct cli {
	const char *command;	/* "apply" */
	const char *usage;	/* its help */
	const struct cli_number *numbers;	/* of its options, ended by one without a name; NULL: there are none */
	bool quiet, verbose;
	bool output_lost;	/* standard output cannot be written, and that was said */
	struct xdpf_log log;	/* writes to standard error */
};

int cmd_apply(struct cli *cli, int argc, char **argv);
int cmd_bench(struct cli *cli, int argc, char **argv);
int cmd_confirm(struct cli *cli, int argc, char **argv);
int cmd_rollback(struct cli *cli, int argc, char **argv);
int cmd_remove(struct cli *cli, int argc, char **argv);
int cmd_status(struct cli *cli, int argc, char **argv);
int cmd_set(struct cli *cli, int argc, char **argv);
int cmd_stats(struct cli *cli, int argc, char **argv);
int cmd_metrics(struct cli *cli, int argc, char **argv);
int cmd_explain(struct cli *cli, int argc, char **argv);
int cmd_log(struct cli *cli, int argc, char **argv);
int cmd_run(struct cli *cli, int argc, char **argv);
int cmd_doctor(struct cli *cli, int argc, char **argv);
int cmd_follow(struct cli *cli, int argc, char **argv);
int cmd_restore(struct cli *cli, int argc, char **argv);
int cmd_test(struct cli *cli, int argc, char **argv);

/* ---- cli.c ---- */

void cli_init(struct cli *cli);
/* A message of our own, like those of the library. */
void cli_error(const struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The name of @n nearest to @name, or NULL where none is near. */
const char *cli_nearest(const char *name, const char *const *names, size_t n);
/* What a set, a limit or a table of @file is called: @name, or FILE:NAME in a filter of several files. */
const char *cli_name(const struct xdpf_meta *m, unsigned file, const char *name, char *buf, size_t size);
/* Between these two SIGINT, SIGTERM and SIGHUP do not cut short what is being changed, only the waiting for others before it; they end us at the
 * second. Not nested. */
void cli_defer(void);
void cli_undefer(void);
/* The exit status for a library call that returned @err. */
int cli_exit(int err);
/* A number of an option; false, with a message, where @text is none of at most @max. */
bool cli_number(const struct cli *cli, const char *option, const char *text, uint64_t max, uint64_t *out);
/* Says how the command is used, after a mistake in its arguments. Returns EXIT_USAGE. */
int cli_usage(const struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Options that every subcommand has; numbers above all characters. */
enum { OPT_COMMON = 0x100, OPT_QUIET = OPT_COMMON, OPT_VERBOSE, OPT_HELP, OPT_OWN };
#define CLI_COMMON_OPTIONS						\
	{ "quiet", no_argument, NULL, OPT_QUIET },			\
	{ "verbose", no_argument, NULL, OPT_VERBOSE },			\
	{ "help", no_argument, NULL, OPT_HELP }

/* getopt_long() that deals with the common options itself, and with those of .numbers: returns the next own option, -1 at their end, or '?' when the
 * command is to return *@status. */
int cli_option(struct cli *cli, int argc, char **argv, const struct option *options, int *status);
/* Of a subcommand that takes interfaces, and no options of its own: -1, and optind is the first one's place; else its exit status. @ask: where there
 * are none. */
int cli_interfaces(struct cli *cli, int argc, char **argv, const char *usage, const char *ask);
/* Writes JSON and a newline to standard output; takes @root over. */
int cli_print_json(struct cli *cli, json_t *root, size_t flags);
/* cli/set_file.c: the keys of a file's elements, of malloc(); "-" is standard input. The exit status; what is wrong was said. */
int cli_set_file(const struct cli *cli, const struct xdpf_set *set, const char *path, void **keys, size_t *n);
/* cli/set_follow.c: calls @again, whose exit status must be 0 the first time, and then each time that the file has been written or replaced, or
 * another filter runs on the interface; until SIGINT or SIGTERM. */
int cli_set_follow(const struct cli *cli, const char *iface, const char *path, int (*again)(void *arg), void *arg);
/* Flushes standard output: EXIT_SYSTEM where something could not be written, else @status. */
int cli_finish(struct cli *cli, int status);

/* An interface's name on its way to the output. */
struct cli_shown {
	char text[16];
};

static inline struct cli_shown cli_shown(const char *iface)
{
	struct cli_shown s;

	xdpf_iface_shown(iface, s.text, sizeof(s.text));
	return s;
}

/* ---- source.c ---- */

/* xdpfc beside this program, or just its name: then it is looked for in PATH. */
void cli_compiler(char *out, size_t size);
/* Is it called as rule files are? */
bool cli_is_rules(const char *path);
/* Opens an object, or compiles a rule file to one with xdpfc. Returns the exit status; 0: @out is open. */
int cli_open(struct cli *cli, struct xdpf_object **out, const char *path);
/* Runs xdpfc with these arguments, behind its own name, until a NULL, and gives its exit status. @out_fd: its standard output; -1: ours. @remedy:
 * what to do where there is none. */
int cli_xdpfc(const struct cli *cli, char *const *args, int out_fd, const char *remedy);
/* Are there rule files among the @n operands that start with a filter? One program is made of them by xdpfc: EXIT_USAGE, with
 * how. 0: there is only the filter. */
int cli_one_filter(struct cli *cli, char **operands, int n);

/* ---- counters.c, counters_prom.c, counters_text.c: how counters are shown ---- */

/* Where they come from; NULL or 0 in a test run. */
struct counters_of {
	const struct xdpf_meta *meta;
	const struct xdpf_stats *stats;
	const struct xdpf_iface *iface;
	const uint64_t *elements;	/* by set: how many are in it; NULL: that was not asked */
	unsigned only;			/* what is this file's own, the first is 1, and not what is about the whole filter; 0: everything */
};

/* Is it asked for what belongs to this file? */
static inline bool counters_of_file(const struct counters_of *c, unsigned file)
{
	return !c->only || c->only == file + 1;
}

/* The same of a rule, by its index. */
bool counters_of_rule(const struct counters_of *c, unsigned index);

/* A filter's file by its name, the first is 1; 0: it has none, which is said. */
unsigned cli_file(const struct cli *cli, const struct xdpf_meta *m, const char *iface, const char *name);

json_t *counters_json(const struct counters_of *c);
/* Of @n interfaces; false: memory is out. */
bool counters_prometheus(const struct counters_of *c, size_t n, FILE *out);
void counters_text(const struct counters_of *c, FILE *out);
/* Does any file count? Where none does, verdicts are not counted either. */
bool counters_any(const struct xdpf_meta *m);
/* What became of the packets of a rule that ends with `syncookie`. */
struct cookie_counts {
	uint64_t answered, completed, refused, unanswered;
};

struct cookie_counts counters_cookies(const struct counters_of *c, const struct xdpf_rule *r);
/* What became of packets that were redirected and lost. */
const char *counters_error(unsigned err);
/* All fields of an entry's key in one line. */
char *counters_key(const struct counters_of *c, const struct xdpf_table *t, const void *key, char *buf, size_t size);

/* ---- rules.c ---- */

/* The rules that run, in their order and blocks, each behind the place where it stood. */
void rules_print(const struct xdpf_meta *m, unsigned only, FILE *out);

/* ---- doctor.c: programs on an interface ---- */

json_t *neighbours_json(const struct xdpf_neighbour *v, size_t n);
void neighbours_text(const struct xdpf_neighbour *v, size_t n, const char *title, FILE *out);
/* ---- reading.c: the counters of what runs on an interface ---- */

struct reading_of {
	struct xdpf_program *p;
	struct xdpf_stats *s;
	struct xdpf_iface *iface;	/* apart, so that the whole may be moved */
	uint64_t *elements;
	struct counters_of c;		/* of all these */
};

/* @count: also how many elements are in sets. 0, or -errno, which was said. */
int reading_take(const struct cli *cli, struct reading_of *r, const char *name, bool count);
void reading_free(struct reading_of *r);

static inline void object_freep(struct xdpf_object **o)
{
	xdpf_object_free(*o);
}

static inline void program_freep(struct xdpf_program **p)
{
	xdpf_program_free(*p);
}

static inline void stats_freep(struct xdpf_stats **s)
{
	xdpf_stats_free(*s);
}

#define _cleanup_(f) __attribute__((cleanup(f)))

#endif
