/*
 * The lock of who reads what a program sends: two readers would each see a part. In: what is read. Out: a lock, or who holds it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "private.h"

#define LOCKS "/run/xdpf"

/* "xdpf (pid 7)": what the process that holds the lock calls itself. */
static const char *holder(pid_t pid, char *buf, size_t size)
{
	char path[32], name[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = fopen(path, "re");
	if (f && fgets(name, sizeof(name), f))
		name[strcspn(name, "\n")] = '\0';
	if (f)
		fclose(f);
	snprintf(buf, size, "%s (pid %d)", name[0] ? name : "a process", (int)pid);
	return buf;
}

/* The file is removed when its reader ends: one that was locked may be another by now than the one of that name. */
static bool still_there(int fd, const char *path)
{
	struct stat have, there;

	return !fstat(fd, &have) && !stat(path, &there) && have.st_ino == there.st_ino && have.st_dev == there.st_dev;
}

/* Who may not write there has a directory of his own. */
static void lock_dir(char *buf, size_t size)
{
	const char *own = secure_getenv("XDG_RUNTIME_DIR");

	/* where it is there, that one may make others in /run does not help */
	bool closed = access(LOCKS, W_OK) && (errno != ENOENT || access("/run", W_OK));

	if (closed && own && own[0] == '/' && strlen(own) < size - sizeof("/xdpf"))
		snprintf(buf, size, "%s/xdpf", own);
	else
		snprintf(buf, size, LOCKS);
}

int rt_lock_reader(struct rt_lock *out, const char *kind, uint32_t map_id, const char *what, const struct xdpf_log *log)
{
	char text[64], dir[96];

	lock_dir(dir, sizeof(dir));
	if (mkdir(dir, 0755) && errno != EEXIST)
		return rt_fail_sys(log, errno, "%s cannot be made, where a reader is known by", dir);
	snprintf(out->path, sizeof(out->path), "%s/%s-%u", dir, kind, map_id);
	for (int i = 0; i < 100; i++) {
		struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
		_cleanup_close_ int fd = open(out->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (fd < 0)
			return rt_fail_sys(log, errno, "%s cannot be opened", out->path);
		if (!fcntl(fd, F_SETLK, &l)) {
			if (!still_there(fd, out->path))
				continue;
			out->fd = take_fd(fd);
			return 0;
		}
		if (errno != EACCES && errno != EAGAIN)
			return rt_fail_sys(log, errno, "%s cannot be locked", out->path);
		if (!fcntl(fd, F_GETLK, &l) && l.l_type != F_UNLCK)
			return rt_fail(log, EBUSY, "%s by %s already: one reader at a time", what, holder(l.l_pid, text, sizeof(text)));
	}
	return rt_fail(log, EBUSY, "%s by others, who come and go: try again", what);
}

void rt_unlock_reader(struct rt_lock *l)
{
	if (l->fd >= 0)
		unlink(l->path);
	close_fd(&l->fd);
}
