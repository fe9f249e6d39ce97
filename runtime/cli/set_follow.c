/*
 * Feeds for `xdpf set replace --follow`. In: a file that something else writes anew, or puts another in the place of, from time to time. Out: a call
 * each time that is done, and when another filter has come to run on the interface, until we are told to end. A call that fails is told of, and the
 * next one may do better; only the first must not fail.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "cli.h"

enum { SETTLE_MS = 100, LOOK_MS = 5000 };

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

/* Takes what there is from the queue; is any of it about this name? */
static bool about(int fd, const char *name)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool any = false;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0; at < n;) {
			struct inotify_event e;

			memcpy(&e, buf + at, sizeof(e));
			/* what was lost may have been it */
			any |= (e.mask & IN_Q_OVERFLOW) || (e.len && !strcmp(buf + at + sizeof(e), name));
			at += (ssize_t)(sizeof(e) + e.len);
		}
	return any;
}

static unsigned program_on(const char *iface)
{
	struct xdpf_iface state;

	return xdpf_iface_query(&state, iface, NULL) ? 0 : state.prog_id;
}

static int follow(const char *iface, int fd, const char *name, int (*again)(void *arg), void *arg)
{
	unsigned prog = program_on(iface), now;
	int status = again(arg);

	while (!status && !stop) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		bool wanted = poll(&p, 1, LOOK_MS) > 0 && about(fd, name);

		/* who writes it line by line is not done yet */
		while (wanted && !stop && poll(&p, 1, SETTLE_MS) > 0)
			about(fd, name);
		now = program_on(iface);
		if (!stop && now && (wanted || now != prog) && !again(arg))
			prog = now;
	}
	return status;
}

int cli_set_follow(const struct cli *cli, const char *iface, const char *path, int (*again)(void *arg), void *arg)
{
	struct sigaction act = { .sa_handler = on_signal };
	const char *slash = strrchr(path, '/');
	char *dir = slash == path ? strdup("/") : slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), status;

	if (!dir || fd < 0 || inotify_add_watch(fd, dir, IN_CLOSE_WRITE | IN_MOVED_TO) < 0) {
		cli_error(cli, "%s cannot be followed: %s", path, strerror(errno));
		status = EXIT_SYSTEM;
	} else {
		sigaction(SIGINT, &act, NULL);
		sigaction(SIGTERM, &act, NULL);
		status = follow(iface, fd, slash ? slash + 1 : path, again, arg);
	}
	if (fd >= 0)
		close(fd);
	free(dir);
	return status;
}
