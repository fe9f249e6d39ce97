/*
 * From rule files to an object, by xdpfc, which is a program of its own: a host that only runs filters has none. In: files. Out: the object, read and
 * checked; what xdpfc said goes to the log. The object is handed over in memory, so that nothing is left behind, whoever is ended meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
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

int rt_memory_file(int *out_fd, const char *name, const struct xdpf_log *log)
{
	_cleanup_close_ int fd = memfd_create(name, MFD_CLOEXEC);
	/* above those that it becomes in xdpfc */
	int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, RT_KEPT_FD + 1);

	if (high < 0)
		return rt_fail_sys(log, errno, "no file in memory can be made, for rules on their way to xdpfc");
	*out_fd = high;
	return 0;
}

/* What of ours the compiler has as which of its own. */
struct handed {
	int out, kept, said;		/* .kept -1: it has none */
};

static int spawn(pid_t *pid, const char *compiler, char **argv, const struct handed *h)
{
	posix_spawn_file_actions_t actions;
	int err = posix_spawn_file_actions_init(&actions);

	if (err)
		return err;
	posix_spawn_file_actions_adddup2(&actions, h->out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, h->said, STDERR_FILENO);
	if (h->kept >= 0)
		posix_spawn_file_actions_adddup2(&actions, h->kept, RT_KEPT_FD);
	err = posix_spawnp(pid, compiler, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return err;
}

/* Its exit status says whose fault it is: 1, that of the rules. */
static int ended(int status, const char *compiler, const char *said, const struct xdpf_log *log)
{
	int err = WIFEXITED(status) && WEXITSTATUS(status) == 1 ? EBADMSG : EIO;
	const char *name = WIFSIGNALED(status) ? sigdescr_np(WTERMSIG(status)) : NULL, *words = said && *said ? said : NULL;

	if (!WIFEXITED(status))
		return rt_fail(log, err, "%s ended by signal %d%s%s%s%s%s", compiler, WTERMSIG(status), name ? " (" : "", name ? name : "",
			       name ? ")" : "", words ? "\n" : "", words ? words : "");
	if (WEXITSTATUS(status) && !words)
		return rt_fail(log, err, "%s ended with status %d, and said nothing", compiler, WEXITSTATUS(status));
	if (WEXITSTATUS(status))
		return rt_fail(log, err, "%s", words);
	if (said && *said)
		rt_log(log, XDPF_LOG_WARNING, "%s", said);
	return 0;
}

/* @argv: with what calls it. */
static int run(char **argv, int out_fd, int kept_fd, const struct xdpf_log *log)
{
	_cleanup_free_ char *said = NULL;
	_cleanup_close_ int fd = -1, said_fd = -1;
	const char *compiler = argv[0];
	int status = 0, err, ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return rt_fail_sys(log, errno, "%s, which compiles rule files, cannot be started", compiler);
	fd = ends[0];
	said_fd = fcntl(ends[1], F_DUPFD_CLOEXEC, RT_KEPT_FD + 1);
	err = said_fd < 0 ? errno : 0;
	close(ends[1]);
	if (!err)
		err = spawn(&pid, compiler, argv, &(struct handed){ out_fd, kept_fd, said_fd });
	if (err)
		return rt_fail(log, err, "%s, which compiles rule files, cannot be started: %s.\nInstall xdpfc, or compile where it is "
			       "(xdpfc FILE... -o prog.o), and apply that", compiler, strerror(err));
	close_fd(&said_fd);
	said = read_said(fd);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return rt_fail_sys(log, errno, "%s is lost", compiler);
	return ended(status, compiler, said, log);
}

int rt_compile(struct xdpf_object **out, const char *const *files, size_t n, int kept_fd, const struct xdpf_compile_opts *opt,
	       const struct xdpf_log *log)
{
	const char *const before[] = { opt->compiler ? opt->compiler : "xdpfc", "-o", "-", kept_fd >= 0 ? "--kept" : "--", RT_KEPT_PATH, "--" };
	size_t n_before = kept_fd >= 0 ? 6 : 4;
	_cleanup_free_ const char **argv = calloc(n_before + n + 1, sizeof(*argv));
	_cleanup_close_ int fd = -1;
	char path[32];
	int err = rt_memory_file(&fd, "xdpf-object", log);

	if (err)
		return err;
	if (!argv)
		return rt_fail(log, ENOMEM, "out of memory");
	memcpy(argv, before, n_before * sizeof(*argv));
	memcpy(argv + n_before, files, n * sizeof(*argv));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	err = run((char **)(uintptr_t)argv, fd, kept_fd, log);
	return err ? err : xdpf_object_open(out, path, log);
}

int xdpf_object_compile(struct xdpf_object **out, const char *const *files, size_t n, const struct xdpf_compile_opts *opts,
			const struct xdpf_log *log)
{
	const struct xdpf_compile_opts opt = opts_copy(struct xdpf_compile_opts, opts);
	int err = rt_opts_check(opts, sizeof(opt), log);

	if (err)
		return err;
	if (!n)
		return rt_fail(log, EINVAL, "a filter is made of one rule file at least");
	return rt_compile(out, files, n, -1, &opt, log);
}
