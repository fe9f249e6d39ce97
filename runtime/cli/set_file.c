/*
 * Files of elements for `xdpf set`. In: a file's name. Out: the elements' keys, as libxdpf reads them; a bar meanwhile, for who looks on.
 */
#include <errno.h>
#include <string.h>

#include "progress.h"

struct reading {
	FILE *in;
	struct progress bar;
	const struct xdpf_log *log;
};

/* What is said stands on a line of its own. */
static void say(void *arg, enum xdpf_log_level level, const char *text)
{
	struct reading *r = arg;

	progress_wipe(&r->bar);
	r->log->fn(r->log->arg, level, text);
}

/* How much of the file is read. */
static void step(void *arg, size_t lines)
{
	struct reading *r = arg;

	(void)lines;
	progress_file(&r->bar, r->in);
}

/* What can only be mended in the command; else the system refuses. */
static int status_of(int err)
{
	return err == EBADMSG || err == ENOENT || err == ENOTDIR || err == EISDIR || err == ELOOP || err == ENAMETOOLONG ? EXIT_INPUT : EXIT_SYSTEM;
}

int cli_set_file(const struct cli *cli, const struct xdpf_set *set, const char *path, void **keys, size_t *n)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	struct reading r = { .in = f, .log = &cli->log };
	const struct xdpf_log log = { say, &r };
	const struct xdpf_set_read_opts opts = { .sz = sizeof(opts), .progress = step, .arg = &r };
	int err;

	if (!f) {
		err = errno;
		cli_error(cli, "%s cannot be read: %s", path, strerror(err));
		return status_of(err);
	}
	progress_begin(&r.bar, cli, "reading elements");
	err = xdpf_set_read(keys, n, set, f, path, &opts, &log);
	progress_wipe(&r.bar);
	if (f != stdin)
		fclose(f);
	return err ? status_of(-err) : EXIT_DONE;
}
