/*
 * Output files. In: bytes. Out: a file that holds all of them, or the file that was there before: what is written goes to a temporary file
 * beside it, which is renamed when all of it has arrived. Where the name is no ordinary file (a pipe, a device), it is written directly.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

static int refused(const char *path, int err)
{
	cli_error("cannot write %s: %s", path, strerror(err));
	return EXIT_SYSTEM;
}

/* 0 or an errno. */
static int write_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_direct(const char *path, int fd, const void *data, size_t len)
{
	int err = fd < 0 ? errno : write_all(fd, data, len);

	if (fd >= 0 && close(fd) < 0 && !err)
		err = errno;
	return err ? refused(path, err) : EXIT_DONE;
}

int cli_write_file(const char *path, const void *data, size_t len)
{
	char target[PATH_MAX], tmp[PATH_MAX + 8];
	mode_t mode = umask(0);
	struct stat st;
	bool there;
	int fd, err;

	umask(mode);
	mode = 0666 & ~mode;
	if (strcmp(path, "-") == 0)
		return write_direct("standard output", dup(STDOUT_FILENO), data, len);
	/* A symbolic link stays one: what it points to is replaced. */
	there = stat(path, &st) == 0;
	if (there && S_ISREG(st.st_mode)) {
		mode = st.st_mode & 0777;
		if (!realpath(path, target))
			return refused(path, errno);
	} else if (there || errno != ENOENT || lstat(path, &st) == 0) {
		return write_direct(path, open(path, O_WRONLY | O_CREAT | O_CLOEXEC, mode), data, len);
	} else if (snprintf(target, sizeof(target), "%s", path) >= (int)sizeof(target)) {
		return refused(path, ENAMETOOLONG);
	}
	snprintf(tmp, sizeof(tmp), "%s.XXXXXX", target);
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return refused(path, errno);
	err = write_all(fd, data, len);
	if (!err && fchmod(fd, mode) < 0)
		err = errno;
	if (close(fd) < 0 && !err)
		err = errno;
	if (!err && rename(tmp, target) < 0)
		err = errno;
	if (err)
		unlink(tmp);
	return err ? refused(path, err) : EXIT_DONE;
}
