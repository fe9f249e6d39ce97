/*
 * Other tools, run for a proof. In: a command and its input. Out: what it printed, or the first line of its complaint. The input is a file in
 * memory, so no pipe fills up.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "prove_net.h"

bool prove_text(char **text, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(text, fmt, ap);
	va_end(ap);
	if (n < 0)
		*text = NULL;
	return n >= 0;
}

static bool write_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return lseek(fd, 0, SEEK_SET) == 0;
}

/* All that is in the file, and a NUL; NULL: no memory, or it cannot be read. */
static char *read_all(int fd)
{
	off_t len = lseek(fd, 0, SEEK_END);
	char *p = len < 0 || lseek(fd, 0, SEEK_SET) != 0 ? NULL : malloc((size_t)len + 1);
	size_t at = 0;

	while (p && at < (size_t)len) {
		ssize_t n = read(fd, p + at, (size_t)len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	if (p)
		p[at] = '\0';
	return p;
}

const char *prove_ended(int status, char text[64])
{
	const char *name = WIFSIGNALED(status) ? sigdescr_np(WTERMSIG(status)) : NULL;

	if (!WIFSIGNALED(status))
		snprintf(text, 64, "with status %d", WEXITSTATUS(status));
	else
		snprintf(text, 64, "by signal %d%s%s%s", WTERMSIG(status), name ? " (" : "", name ? name : "", name ? ")" : "");
	return text;
}

static void complain(const char *const *argv, int err, int status, char *why)
{
	char *said = read_all(err), ended[64];
	size_t n;

	if (said)
		said[strcspn(said, "\n")] = '\0';
	snprintf(why, PROVE_WHY, "%s failed: ", argv[0]);
	n = strlen(why);
	if (said && *said)
		snprintf(why + n, PROVE_WHY - n, "%s", said);
	else
		snprintf(why + n, PROVE_WHY - n, "it ended %s, and said nothing", prove_ended(status, ended));
	free(said);
}

static void child(const char *const *argv, int in, int out, int err)
{
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
		return;
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
}

bool prove_run(const char *const *argv, const char *input, size_t len, char **out, char *why)
{
	int in = memfd_create("in", MFD_CLOEXEC), said = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC), status = -1;
	bool ok = in >= 0 && said >= 0 && err >= 0 && write_all(in, input, len);
	pid_t pid = ok ? fork() : -1;

	if (pid == 0) {
		child(argv, in, said, err);
		_Exit(127);
	}
	ok = pid > 0;
	while (ok && waitpid(pid, &status, 0) < 0)
		ok = errno == EINTR;
	if (!ok) {
		snprintf(why, PROVE_WHY, "%s cannot be run: %s", argv[0], strerror(errno));
	} else if (status != 0) {
		complain(argv, err, status, why);
		ok = false;
	} else if (out) {
		*out = read_all(said);
		ok = *out;
		if (!ok)
			snprintf(why, PROVE_WHY, "out of memory");
	}
	close(in);
	close(said);
	close(err);
	return ok;
}
