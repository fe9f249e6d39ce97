/*
 * Bytes between two processes. In: a socket. Out: all of the bytes, or why not. Signals that come in between do not matter.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "lib.h"

int64_t lib_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits until @fd is ready for @events. */
static int ready(int fd, short events, int64_t until)
{
	struct pollfd p = { .fd = fd, .events = events };

	for (;;) {
		int64_t left = until == LIB_FOR_EVER ? -1 : until - lib_now();
		int n;

		if (until != LIB_FOR_EVER && left <= 0)
			return -ETIMEDOUT;
		n = poll(&p, 1, left > 60000 ? 60000 : (int)left);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

int lib_send(int fd, const void *p, size_t n, int64_t until)
{
	for (size_t at = 0; at < n;) {
		ssize_t k = send(fd, (const char *)p + at, n - at, MSG_NOSIGNAL | MSG_DONTWAIT);
		int err;

		if (k >= 0) {
			at += (size_t)k;
			continue;
		}
		if (errno == ECONNRESET)
			return -EPIPE;
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
		err = errno == EAGAIN ? ready(fd, POLLOUT, until) : 0;
		if (err)
			return err;
	}
	return 0;
}

int lib_receive(int fd, void *p, size_t n, int64_t until)
{
	for (size_t at = 0; at < n;) {
		ssize_t k = recv(fd, (char *)p + at, n - at, MSG_DONTWAIT);
		int err;

		if (k > 0) {
			at += (size_t)k;
			continue;
		}
		if (k == 0 || errno == ECONNRESET)
			return -EPIPE;
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
		err = errno == EAGAIN ? ready(fd, POLLIN, until) : 0;
		if (err)
			return err;
	}
	return 0;
}
