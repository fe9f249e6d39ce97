/*
 * xdpf apply --replace and its like: one owner's file in the filter that runs. In: changes to its files. Out: the filter with these, where nobody
 * else changed it meanwhile; where somebody did, again from what runs then, and after so many tries the word that it could not be done.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "apply.h"

enum { TRIES = 10 };

bool asked_changes(const struct asked *a, const char *name)
{
	for (size_t i = 0; i < a->n_changes; i++) {
		const char *file = a->changes[i].file, *slash = strrchr(file, '/');

		if (!strcmp(slash ? slash + 1 : file, name))
			return true;
	}
	return false;
}

/* As the first interface has it, so that who changes a file need not know. */
static int find_mode(struct cli *cli, struct asked *a)
{
	struct xdpf_iface i;
	int err = a->opts.mode == XDPF_MODE_NONE ? xdpf_iface_query(&i, a->ifaces[0], &cli->log) : 0;

	if (a->opts.mode == XDPF_MODE_NONE && !err)
		a->opts.mode = i.mode == XDPF_MODE_GENERIC ? XDPF_MODE_GENERIC : XDPF_MODE_NATIVE;
	return err;
}

/* Errors wait until it is known whether there is another try. */
struct waiting {
	const struct xdpf_log *log;
	char *text;			/* NULL: there is none, or memory is out */
};

static void keep_error(void *arg, enum xdpf_log_level level, const char *text)
{
	struct waiting *w = arg;
	char *all = NULL;

	if (level != XDPF_LOG_ERROR) {
		w->log->fn(w->log->arg, level, text);
		return;
	}
	if (asprintf(&all, "%s%s%s", w->text ? w->text : "", w->text ? "\n" : "", text) < 0)
		all = NULL;
	free(w->text);
	w->text = all;
}

/* *again: somebody else changed it meanwhile, and nothing was done or said. */
static int merge_once(struct cli *cli, struct asked *a, bool last, bool *again)
{
	_cleanup_(object_freep) struct xdpf_object *o = NULL;
	char compiler[PATH_MAX];
	struct xdpf_compile_opts opts = { .sz = sizeof(opts), .compiler = compiler };
	struct waiting w = { &cli->log, NULL };
	const struct xdpf_log log = { keep_error, &w };
	int err, status;

	cli_compiler(compiler, sizeof(compiler));
	err = xdpf_object_merge(&o, (const char *const *)a->ifaces, a->n, a->changes, a->n_changes, &opts, &cli->log);
	*again = false;
	if (err)
		return err == -ENOENT || err == -EEXIST || err == -ENODATA || err == -EINVAL ? EXIT_INPUT : cli_exit(err);
	status = asked_apply(cli, a, o, &err, &log);
	*again = err == -EAGAIN && !last;
	if (w.text && !*again)
		cli->log.fn(cli->log.arg, XDPF_LOG_ERROR, w.text);
	free(w.text);
	return status;
}

int asked_merge(struct cli *cli, struct asked *a)
{
	bool again = true;
	int status = cli_exit(find_mode(cli, a));

	for (int i = 0; !status && again; i++) {
		status = merge_once(cli, a, i == TRIES, &again);
		if (!again)
			break;
		cli->log.fn(cli->log.arg, XDPF_LOG_INFO, "somebody else changed the filter meanwhile: once more, from what runs now");
		status = 0;
	}
	return status;
}
