/*
 * From rule files to an object, by xdpfc, which is a program of its own: a host that only runs filters has none. In: files. Out: the object, read and
 * checked; what xdpfc said goes to the log. Nothing is left behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "merge.h"

extern char **environ;

enum { SAID_MAX = 64 << 10 };

/* xdpfc's standard error, as much as a log takes; the rest is read, too, or it would wait. */
static char *read_said(int fd)
{
	char *said = calloc(1, SAID_MAX + 1), rest[4096];
	size_t n = 0;

	for (;;) {
		bool room = said && n < SAID_MAX;
		ssize_t got = read(fd, room ? said + n : rest, room ? SAID_MAX - n : sizeof(rest));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += room ? (size_t)got : 0;
	}
	while (said && n && said[n - 1] == '\n')
		said[--n] = '\0';
	return said;
}

static int spawn(pid_t *pid, const char *compiler, char **argv, int *said_fd)
{
	posix_spawn_file_actions_t actions;
	int ends[2], err;

	if (pipe2(ends, O_CLOEXEC))
		return errno;
	err = posix_spawn_file_actions_init(&actions);
	if (!err) {
		posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
		err = posix_spawnp(pid, compiler, &actions, NULL, argv, environ);
		posix_spawn_file_actions_destroy(&actions);
	}
	close(ends[1]);
	if (err)
		close(ends[0]);
	else
		*said_fd = ends[0];
	return err;
}

/* @argv: with what calls it. */
static int run(char **argv, const struct xdpf_log *log)
{
	_cleanup_free_ char *said = NULL;
	_cleanup_close_ int fd = -1;
	const char *compiler = argv[0];
	int status = 0, err;
	pid_t pid;

	err = spawn(&pid, compiler, argv, &fd);
	if (err)
		return rt_fail(log, err, "%s, which compiles rule files, cannot be started: %s", compiler, strerror(err));
	said = read_said(fd);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return rt_fail_sys(log, errno, "%s is lost", compiler);
	if (!WIFEXITED(status))
		return rt_fail(log, EBADMSG, "%s ended by signal %d", compiler, WTERMSIG(status));
	if (WEXITSTATUS(status))
		return rt_fail(log, EBADMSG, "%s", said && *said ? said : "xdpfc refuses the rules");
	if (said && *said)
		rt_log(log, XDPF_LOG_WARNING, "%s", said);
	return 0;
}

int rt_compile(struct xdpf_object **out, const struct rt_workplace *w, const char *const *files, size_t n, bool kept,
	       const struct xdpf_compile_opts *opt, const struct xdpf_log *log)
{
	const char *const before[] = { opt->compiler ? opt->compiler : "xdpfc", "-o", w->object, kept ? "--kept" : "--", w->kept, "--" };
	size_t n_before = kept ? 6 : 4;
	_cleanup_free_ const char **argv = calloc(n_before + n + 1, sizeof(*argv));
	int err;

	if (!argv)
		return rt_fail(log, ENOMEM, "out of memory");
	memcpy(argv, before, n_before * sizeof(*argv));
	memcpy(argv + n_before, files, n * sizeof(*argv));
	err = run((char **)(uintptr_t)argv, log);
	return err ? err : xdpf_object_open(out, w->object, log);
}

int rt_workplace_make(struct rt_workplace *w, const struct xdpf_log *log)
{
	const char *tmp = getenv("TMPDIR");
	char dir[sizeof(w->dir)];

	tmp = tmp && *tmp ? tmp : "/tmp";
	if (snprintf(dir, sizeof(dir), "%s/xdpf-XXXXXX", tmp) >= (int)sizeof(dir))
		return rt_fail(log, ENAMETOOLONG, "no temporary directory can be made in %s", tmp);
	if (!mkdtemp(dir))
		return rt_fail_sys(log, errno, "no temporary directory can be made in %s", tmp);
	memcpy(w->dir, dir, sizeof(dir));
	snprintf(w->object, sizeof(w->object), "%s/prog.o", dir);
	snprintf(w->kept, sizeof(w->kept), "%s/kept.json", dir);
	return 0;
}

void rt_workplace_remove(struct rt_workplace *w)
{
	if (!*w->dir)
		return;
	unlink(w->object);
	unlink(w->kept);
	rmdir(w->dir);
}

int xdpf_object_compile(struct xdpf_object **out, const char *const *files, size_t n, const struct xdpf_compile_opts *opts,
			const struct xdpf_log *log)
{
	const struct xdpf_compile_opts opt = opts_copy(struct xdpf_compile_opts, opts);
	_cleanup_(rt_workplace_remove) struct rt_workplace w = { .dir = "" };
	int err = rt_opts_check(opts, sizeof(opt), log);

	if (err)
		return err;
	if (!n)
		return rt_fail(log, EINVAL, "a filter is made of one rule file at least");
	err = rt_workplace_make(&w, log);
	return err ? err : rt_compile(out, &w, files, n, false, &opt, log);
}
