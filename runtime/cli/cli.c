/*
 * What every subcommand needs: messages, common options, exit statuses. Messages go to standard error, data to standard
 * output.
 */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void print_log(void *arg, enum xdpf_log_level level, const char *text)
{
	const struct cli *cli = arg;
	const char *word = level == XDPF_LOG_WARNING ? "warning: " : "";

	if ((level == XDPF_LOG_INFO && cli->quiet) || (level == XDPF_LOG_DEBUG && !cli->verbose))
		return;
	/* Further lines are indented, so that one sees where a message ends. */
	for (bool first = true; *text; first = false) {
		size_t len = strcspn(text, "\n");

		fprintf(stderr, "%s%s%.*s\n", first ? "xdpf: " : "      ", first ? word : "", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

void cli_init(struct cli *cli)
{
	*cli = (struct cli){ .log = { print_log, cli } };
}

static void verror(const struct cli *cli, const char *fmt, va_list ap)
{
	char *text = NULL;

	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	for (char *p = text; p && *p; p++)
		if (((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f)
			*p = '?';
	cli->log.fn(cli->log.arg, XDPF_LOG_ERROR, text ? text : "out of memory");
	free(text);
}

void cli_error(const struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	verror(cli, fmt, ap);
	va_end(ap);
}

int cli_usage(const struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	verror(cli, fmt, ap);
	va_end(ap);
	fprintf(stderr, "      `xdpf %s --help` says how it is used\n", cli->command);
	return EXIT_USAGE;
}

/* Letters to insert, remove or change, for names of at most 15 letters. */
static size_t distance(const char *a, const char *b)
{
	size_t row[16], la = strlen(a), lb = strlen(b);

	if (la > 15 || lb > 15)
		return 99;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[lb];
}

const char *cli_nearest(const char *name, const char *const *names, size_t n)
{
	const char *best = NULL;
	size_t best_distance = 3;

	for (size_t i = 0; i < n; i++) {
		size_t d = distance(name, names[i]);

		if (d < best_distance && d < strlen(names[i])) {
			best = names[i];
			best_distance = d;
		}
	}
	return best;
}

const char *cli_name(const struct xdpf_meta *m, unsigned file, const char *name, char *buf, size_t size)
{
	/* one without a name is called by its place */
	if (m->n_files < 2 || strchr(name, ':'))
		return name;
	snprintf(buf, size, "%s:%s", m->files[file].name, name);
	return buf;
}

static const int deferred[] = { SIGINT, SIGTERM, SIGHUP };
enum { N_DEFERRED = sizeof(deferred) / sizeof(deferred[0]) };
static struct sigaction before[N_DEFERRED];
static volatile sig_atomic_t came;

static void later(int sig)
{
	came = sig;
}

void cli_defer(void)
{
	struct sigaction act = { .sa_handler = later };

	came = 0;
	for (int i = 0; i < N_DEFERRED; i++) {
		sigaction(deferred[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN)
			sigaction(deferred[i], &act, NULL);
	}
}

void cli_undefer(void)
{
	for (int i = 0; i < N_DEFERRED; i++)
		sigaction(deferred[i], &before[i], NULL);
	if (came)
		raise(came);
}

int cli_exit(int err)
{
	return !err ? EXIT_DONE : err == -EBADMSG ? EXIT_INPUT : EXIT_SYSTEM;
}

bool cli_number(const struct cli *cli, const char *option, const char *text, uint64_t max, uint64_t *out)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || v > max) {
		cli_usage(cli, "--%s takes a number from 0 to %llu, not %s", option, (unsigned long long)max, text);
		return false;
	}
	*out = v;
	return true;
}

/* What getopt_long() did not take: the word that it stands behind now, wherever that stood among the operands. */
static int refuse_option(const struct cli *cli, char **argv, const struct option *options)
{
	const char *word = argv[optind - 1], *names[16], *near;
	size_t n = 0, len = strcspn(word, "=");

	/* Letters may stand in one word, and then getopt_long() is not behind it yet. */
	if (optopt && optopt < OPT_COMMON)
		return cli_usage(cli, "unknown option -%c", optopt);
	if (optopt)
		return cli_usage(cli, "option %.*s takes no value", (int)len, word);
	for (const struct option *o = options; o->name && n < sizeof(names) / sizeof(names[0]); o++)
		names[n++] = o->name;
	near = len < 32 ? cli_nearest(strndupa(word + 2, len - 2), names, n) : NULL;
	if (near)
		return cli_usage(cli, "unknown option %.*s; did you mean --%s?", (int)len, word, near);
	return cli_usage(cli, "unknown option %.*s", (int)len, word);
}

/* Is @c an option that takes a number? Then it is read; *status: EXIT_USAGE where it is none, which is said. */
static bool takes_number(struct cli *cli, int c, int *status)
{
	const struct cli_number *n = cli->numbers;

	while (n && n->name && n->option != c)
		n++;
	if (!n || !n->name)
		return false;
	*status = EXIT_DONE;
	if (!cli_number(cli, n->name, optarg, n->most, n->to))
		*status = EXIT_USAGE;
	else if (*n->to < n->least)
		*status = cli_usage(cli, "--%s takes a number from %" PRIu64 " on%s%s", n->name, n->least, n->why ? ": " : "", n->why ? n->why : "");
	if (n->given)
		*n->given = true;
	return true;
}

int cli_option(struct cli *cli, int argc, char **argv, const struct option *options, int *status)
{
	for (;;) {
		int c;

		opterr = 0;
		c = getopt_long(argc, argv, ":", options, NULL);
		switch (c) {
		case OPT_QUIET:
			cli->quiet = true;
			break;
		case OPT_VERBOSE:
			cli->verbose = true;
			break;
		case OPT_HELP:
			fputs(cli->usage, stdout);
			*status = EXIT_DONE;
			return '?';
		case '?':
			*status = refuse_option(cli, argv, options);
			return '?';
		case ':':
			*status = cli_usage(cli, "option %s needs a value", argv[optind - 1]);
			return '?';
		default:
			if (!takes_number(cli, c, status))
				return c;
			if (*status)
				return '?';
		}
	}
}

static int output_lost(struct cli *cli, const char *why)
{
	if (!cli->output_lost)
		cli_error(cli, "the output cannot be written: %s", why);
	cli->output_lost = true;
	return EXIT_SYSTEM;
}

int cli_print_json(struct cli *cli, json_t *root, size_t flags)
{
	bool ok;

	if (!root) {
		cli_error(cli, "out of memory");
		return EXIT_SYSTEM;
	}
	errno = 0;
	ok = !json_dumpf(root, stdout, flags) && putchar('\n') != EOF;
	if (!ok)
		output_lost(cli, strerror(errno ? errno : EIO));
	json_decref(root);
	return ok ? EXIT_DONE : EXIT_SYSTEM;
}

int cli_finish(struct cli *cli, int status)
{
	errno = 0;
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	return output_lost(cli, strerror(errno ? errno : EIO));
}

int cli_interfaces(struct cli *cli, int argc, char **argv, const char *usage, const char *ask)
{
	static const struct option options[] = { CLI_COMMON_OPTIONS, { 0 } };
	int c, status = EXIT_DONE;

	cli->usage = usage;
	while ((c = cli_option(cli, argc, argv, options, &status)) != -1)
		if (c == '?')
			return status;
	return optind == argc ? cli_usage(cli, "%s", ask) : -1;
}
