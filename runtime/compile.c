/*
 * From rule files to an object, by xdpfc, which is a program of its own: a host that only runs filters has none. In: files. Out: the object, read and
 * checked; what xdpfc said goes to the log. Nothing is left behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "private.h"

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

static int run(const char *compiler, const char *object, const char *const *files, size_t n, const struct xdpf_log *log)
{
	_cleanup_free_ char **argv = calloc(n + 5, sizeof(*argv));
	_cleanup_free_ char *said = NULL;
	_cleanup_close_ int fd = -1;
	int status = 0, err;
	pid_t pid;

	if (!argv)
		return rt_fail(log, ENOMEM, "out of memory");
	argv[0] = (char *)(uintptr_t)compiler;
	argv[1] = (char *)(uintptr_t)"-o";
	argv[2] = (char *)(uintptr_t)object;
	argv[3] = (char *)(uintptr_t)"--";
	for (size_t i = 0; i < n; i++)
		argv[4 + i] = (char *)(uintptr_t)files[i];
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

int xdpf_object_compile(struct xdpf_object **out, const char *const *files, size_t n, const struct xdpf_compile_opts *opts,
			const struct xdpf_log *log)
{
	struct xdpf_compile_opts opt = opts_copy(struct xdpf_compile_opts, opts);
	const char *tmp = getenv("TMPDIR");
	char dir[PATH_MAX - 16], object[PATH_MAX];
	int err = rt_opts_check(opts, sizeof(opt), log);

	if (err)
		return err;
	if (!n)
		return rt_fail(log, EINVAL, "a filter is made of one rule file at least");
	if (snprintf(dir, sizeof(dir), "%s/xdpf-XXXXXX", tmp && *tmp ? tmp : "/tmp") >= (int)sizeof(dir) || !mkdtemp(dir))
		return rt_fail_sys(log, errno, "no temporary directory can be made in %s", tmp && *tmp ? tmp : "/tmp");
	snprintf(object, sizeof(object), "%s/prog.o", dir);
	err = run(opt.compiler ? opt.compiler : "xdpfc", object, files, n, log);
	if (!err)
		err = xdpf_object_open(out, object, log);
	unlink(object);
	rmdir(dir);
	return err;
}
