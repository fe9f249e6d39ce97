/*
 * What the modes of xdpfc share: messages, the way from files to a checked program, and the end. Facts go to standard output, messages
 * to standard error; nothing that could not be written goes unsaid.
 */
#include "cli.h"

#include "cli_progress.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compile.h"
#include "utf8.h"

void cli_error(const char *fmt, ...)
{
	va_list ap;

	cli_progress_end();
	va_start(ap, fmt);
	fputs("xdpfc: ", stderr);
	vfprintf(stderr, fmt, ap);
	putc('\n', stderr);
	va_end(ap);
}

int cli_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("xdpfc: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputs("\n`xdpfc --help` shows how it is used\n", stderr);
	va_end(ap);
	return EXIT_USAGE;
}

static bool colour_wanted(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

void cli_show(struct cli *cli)
{
	struct diag_list *d = &cli->diag;

	cli_progress_end();
	/* What --check finds is what was asked for; elsewhere diagnostics are messages. */
	if (cli->json && cli->check)
		diag_json(d, stdout);
	else if (cli->json && d->list.n && (!cli->quiet || diag_failed(d)))
		diag_json(d, stderr);
	else if (!cli->quiet || diag_failed(d))
		diag_render(d, stderr, colour_wanted(STDERR_FILENO));
	d->list.n = d->errors = d->warnings = 0;
}

struct ast_program *cli_front_asked(struct cli *cli, const struct compile_asked *asked)
{
	const struct source **sources = arena_array(cli->arena, cli->n_files, sizeof(*sources));
	struct compile_asked with = *asked;
	struct ast_program *p = NULL;
	bool ok = true;

	cli_progress_begin(cli, "reading rules");
	for (size_t i = 0; i < cli->n_files; i++) {
		sources[i] = cli_source(cli, cli->files[i]);
		ok = ok && sources[i];
	}
	if (cli->texts.n_files)
		with.texts = &cli->texts;
	if (ok)
		p = compile_front_asked(cli->arena, cli_kept_reader(cli), sources, cli->n_files, &with, &cli->diag);
	cli_show(cli);
	cli->colour = colour_wanted(STDOUT_FILENO);
	return p;
}

struct ast_program *cli_front(struct cli *cli)
{
	const struct compile_asked none = { 0 };

	return cli_front_asked(cli, &none);
}

struct json_t *cli_json_string(const char *s)
{
	return utf8_json(s);
}

bool cli_number(const char *text, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (!*text)
		return false;
	for (; *text; text++)
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*text - '0'), &n) || n > max)
			return false;
	*out = n;
	return true;
}

bool cli_bytes(const char *text, uint64_t *out)
{
	static const char *const units[] = { "", "Ki", "Mi", "Gi" };
	size_t digits = strspn(text, "0123456789");
	char number[24];

	if (digits >= sizeof(number))
		return false;
	memcpy(number, text, digits);
	number[digits] = '\0';
	for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(text + digits, units[i]) == 0)
			return cli_number(number, UINT64_MAX >> 10 * i, out) && (*out <<= 10 * i, true);
	return false;
}

int cli_unwritten(int err)
{
	cli_error("standard output cannot be written%s%s", err ? ": " : "", err ? strerror(err) : "");
	/* It has been told. */
	__fpurge(stdout);
	clearerr(stdout);
	return EXIT_SYSTEM;
}

int cli_finish(int status)
{
	bool failed = ferror(stdout) != 0;

	cli_progress_end();
	errno = 0;
	if (fflush(stdout) != 0)
		failed = true;
	/* Where an earlier write failed, its reason is gone. */
	return failed ? cli_unwritten(errno) : status;
}
