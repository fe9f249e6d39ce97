/*
 * Files of elements for `xdpf set`. In: a file's name. Out: the elements' keys, as libxdpf reads them; a bar meanwhile, for who looks on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

enum { BAR = 40 };

struct bar {
	FILE *in;
	off_t size;
	bool any;
	const struct xdpf_log *log;
};

static void wipe(struct bar *b)
{
	if (b->any)
		fprintf(stderr, "\r\033[K");
	b->any = false;
}

/* What is said stands on a line of its own. */
static void say(void *arg, enum xdpf_log_level level, const char *text)
{
	struct bar *b = arg;

	wipe(b);
	b->log->fn(b->log->arg, level, text);
}

/* How much of the file is read. */
static void progress(void *arg, size_t lines)
{
	struct bar *b = arg;
	off_t at = ftello(b->in);
	unsigned part = b->size > 0 && at < b->size ? (unsigned)(at * BAR / b->size) : BAR;

	fprintf(stderr, "\r[%.*s%*s] %zu", (int)part, "########################################", (int)(BAR - part), "", lines);
	b->any = true;
}

/* What can only be mended in the command; else the system refuses. */
static int status_of(int err)
{
	return err == EBADMSG || err == ENOENT || err == ENOTDIR || err == EISDIR || err == ELOOP || err == ENAMETOOLONG ? EXIT_INPUT : EXIT_SYSTEM;
}

int cli_set_file(const struct cli *cli, const struct xdpf_set *set, const char *path, void **keys, size_t *n)
{
	struct xdpf_set_read_opts opts = { .sz = sizeof(opts) };
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	struct bar bar = { .in = f, .log = &cli->log };
	const struct xdpf_log log = { say, &bar };
	const char *term;
	struct stat st;
	int err;

	if (!f) {
		err = errno;
		cli_error(cli, "%s cannot be read: %s", path, strerror(err));
		return status_of(err);
	}
	term = getenv("TERM");
	if (!cli->quiet && isatty(STDERR_FILENO) && term && strcmp(term, "dumb") && !fstat(fileno(f), &st) && S_ISREG(st.st_mode)) {
		bar.size = st.st_size;
		opts.progress = progress;
		opts.arg = &bar;
	}
	err = xdpf_set_read(keys, n, set, f, path, &opts, &log);
	wipe(&bar);
	if (f != stdin)
		fclose(f);
	return err ? status_of(-err) : EXIT_DONE;
}
