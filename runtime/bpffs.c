/*
 * Where links are pinned: /sys/fs/bpf/xdpf/<cookie of the network namespace>/<ifindex>/link, and beside them what pending.h says and what held.c
 * keeps. Guaranteed: a pin is made only in a bpffs that other processes see too, changes are made one at a time, and what is left of changes
 * that were ended in the middle, of filters that nobody confirmed and of interfaces that are gone is cleared away by whoever comes next.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "pending.h"

#define BPFFS	"/sys/fs/bpf"

enum { TURN_WAIT = 5000 /* us */, TURN_WAITS = 2000 };

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

static bool mount_namespace(char *buf, size_t size, long pid)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%ld/ns/mnt", pid);
	n = readlink(path, buf, size - 1);
	if (n < 0)
		return false;
	buf[n] = '\0';
	return true;
}

static long parent_of(long pid)
{
	char path[64], line[512], *end;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fread(line, 1, sizeof(line) - 1, f);
	fclose(f);
	line[n] = '\0';
	/* "7 (name) S 1 ...": the name may hold anything, blanks and parentheses too. */
	end = strrchr(line, ')');
	return end && end[1] && end[2] ? strtol(end + 3, NULL, 10) : 0;
}

/* A mount that we make lives as long as our mount namespace. Where whoever started us has another one (`ip netns exec`
 * makes such), the filter would vanish when we end, without a word. Processes that we may not look at are passed over. */
static bool mounts_are_private(void)
{
	char ours[64], theirs[64];

	if (!mount_namespace(ours, sizeof(ours), (long)getpid()))
		return false;
	for (long pid = parent_of((long)getpid()), n = 0; pid > 0 && n < 1000; pid = parent_of(pid), n++)
		if (mount_namespace(theirs, sizeof(theirs), pid) && strcmp(ours, theirs))
			return true;
	return false;
}

static int mount_bpffs(const struct xdpf_log *log)
{
	struct statfs st = { 0 };

	if (secure_getenv("XDPF_BPFFS")) {
		/* somebody else's to make */
		if (!strcmp(rt_bpffs_root(), secure_getenv("XDPF_BPFFS")) && statfs(rt_bpffs_root(), &st))
			return rt_fail_sys(log, errno, "XDPF_BPFFS=%s cannot be looked at", rt_bpffs_root());
		if (strcmp(rt_bpffs_root(), secure_getenv("XDPF_BPFFS")) != 0 || (unsigned long)st.f_type != BPF_FS_MAGIC)
			return rt_fail(log, ENOTDIR, "XDPF_BPFFS=%s is no directory of a bpffs with a path of less than 64 bytes",
				       secure_getenv("XDPF_BPFFS"));
		return 0;
	}
	if (statfs(BPFFS, &st))
		return rt_fail_sys(log, errno, "%s cannot be looked at", BPFFS);
	if ((unsigned long)st.f_type == BPF_FS_MAGIC)
		return 0;
	if (mounts_are_private())
		return rt_fail(log, EXDEV,
			       "%s is no bpffs here, and our mounts are our own and end with us: the filter would vanish.\n"
			       "Use `nsenter --net=/run/netns/NAME xdpf ...` instead of `ip netns exec NAME xdpf ...`", BPFFS);
	if (mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME, "mode=0700"))
		return rt_fail_sys(log, errno, "a bpffs cannot be mounted at %s", BPFFS);
	rt_log(log, XDPF_LOG_INFO, "mounted a bpffs at %s", BPFFS);
	return 0;
}

/* A change that could not be written down is not begun: a link may be changed where no pin can be. */
static int must_be_writable(const struct xdpf_log *log)
{
	const char *where = secure_getenv("XDPF_BPFFS") ? rt_bpffs_root() : BPFFS;
	struct statvfs st;

	if (!statvfs(where, &st) && (st.f_flag & ST_RDONLY))
		return rt_fail(log, EROFS, "%s is mounted read-only here, and what filters are kept by stands there: nothing was changed", where);
	return 0;
}

static int make_dir(const char *path, const struct xdpf_log *log)
{
	if (!mkdir(path, 0700) || errno == EEXIST)
		return 0;
	return rt_fail_sys(log, errno, "%s cannot be made", path);
}

static bool is_number(const char *name, size_t most)
{
	size_t n = strspn(name, "0123456789");

	return n && !name[n] && n <= most;
}

/* @netns: a directory's name. It goes where nothing is in it. */
static void sweep_netns(const char *netns, bool own, const struct xdpf_log *log)
{
	_cleanup_(close_dir) DIR *d = NULL;
	const struct dirent *e;
	char dir[RT_PATH_MAX], path[RT_PATH_MAX];

	snprintf(dir, sizeof(dir), "%s/%.32s", rt_bpffs_root(), netns);
	d = opendir(dir);
	while (d && (e = readdir(d))) {
		if (!is_number(e->d_name, 16))
			continue;
		snprintf(path, sizeof(path), "%s/%.32s/%.16s/%s", rt_bpffs_root(), netns, e->d_name, RT_PIN_LINK);
		if (own) {
			rt_settle(path, log);
			rt_settle_carry(path, log);
		} else {
			rt_settle_gone(path);
		}
	}
	rmdir(dir);
}

static void sweep(const struct xdpf_log *log)
{
	_cleanup_(close_dir) DIR *d = opendir(rt_bpffs_root());
	const struct dirent *e;
	char path[RT_PATH_MAX], *own = path + strlen(rt_bpffs_root()) + 1;

	/* What runs in other network namespaces is left to whoever comes there. */
	if (rt_bpffs_path(path, 0, NULL))
		return;
	own[strcspn(own, "/")] = '\0';
	while (d && (e = readdir(d)))
		if (is_number(e->d_name, 32))
			sweep_netns(e->d_name, !strcmp(e->d_name, own), log);
}

int rt_bpffs_lock(int *out_fd, const struct xdpf_log *log)
{
	_cleanup_close_ int fd = -1;
	int err = mount_bpffs(log);

	if (!err)
		err = must_be_writable(log);
	if (!err)
		err = make_dir(rt_bpffs_root(), log);
	if (err)
		return err;
	fd = open(rt_bpffs_root(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return rt_fail_sys(log, errno, "%s cannot be opened", rt_bpffs_root());
	if (flock(fd, LOCK_EX))
		return errno == EINTR ? rt_fail(log, EINTR, "interrupted while another change was waited for: nothing was changed") :
		       rt_fail_sys(log, errno, "%s cannot be locked", rt_bpffs_root());
	sweep(log);
	rt_dispatch_sweep(log);
	rt_held_sweep();
	*out_fd = take_fd(fd);
	return 0;
}

/* The directory whose lock is a turn: it is there only while somebody has one. */
static void turn_path(char path[RT_PATH_MAX])
{
	snprintf(path, RT_PATH_MAX, "%s/turn", rt_bpffs_root());
}

/* Is it locked, and the one that is there? Whoever was before has taken it away. 0, EWOULDBLOCK, or another errno. */
static int try_turn(int *out_fd, const char *path)
{
	_cleanup_close_ int fd = -1;
	struct stat st, now;

	if (mkdir(path, 0700) && errno != EEXIST)
		return errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == EACCES ? EWOULDBLOCK : errno;	/* it went, or is another user's */
	if (flock(fd, LOCK_EX | LOCK_NB))
		return errno;
	if (fstat(fd, &st) || stat(path, &now) || st.st_ino != now.st_ino || st.st_dev != now.st_dev)
		return EWOULDBLOCK;
	*out_fd = take_fd(fd);
	return 0;
}

int rt_bpffs_turn(int *out_fd, const struct xdpf_log *log)
{
	char path[RT_PATH_MAX];
	int err = mount_bpffs(log);

	if (!err)
		err = must_be_writable(log);
	if (!err)
		err = make_dir(rt_bpffs_root(), log);
	if (err)
		return err;
	turn_path(path);
	for (int i = 0; i < TURN_WAITS; i++) {
		err = try_turn(out_fd, path);
		if (!err)
			return 0;
		if (err != EWOULDBLOCK)
			return rt_fail_sys(log, err, "%s cannot be locked", path);
		usleep(TURN_WAIT);
	}
	rt_log(log, XDPF_LOG_INFO, "somebody else has been changing a filter for long, and is not waited for any longer");
	return 0;
}

void rt_bpffs_turn_over(int *fd)
{
	char path[RT_PATH_MAX];

	if (*fd < 0)
		return;
	turn_path(path);
	rmdir(path);
	close(take_fd(*fd));
}

void rt_bpffs_sweep(const struct xdpf_log *log)
{
	_cleanup_close_ int fd = open(rt_bpffs_root(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* Whoever is at a change is done soon, and has swept; if not, we are not the one to wait. */
	for (int i = 0; fd >= 0 && !must_be_writable(NULL) && i < 100; i++) {
		if (!flock(fd, LOCK_EX | LOCK_NB)) {
			sweep(log);
			rt_dispatch_sweep(log);
			rt_held_sweep();
			return;
		}
		usleep(20000);
	}
}

int rt_bpffs_path(char path[RT_PATH_MAX], unsigned ifindex, const struct xdpf_log *log)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len))
		return rt_fail(log, errno, "the network namespace has no cookie (%s): Linux 5.14 or later is needed",
			       strerror(errno));
	snprintf(path, RT_PATH_MAX, "%s/%llu/%u/link", rt_bpffs_root(), (unsigned long long)cookie, ifindex);
	return 0;
}

int rt_bpffs_pin(int fd, const char *path, const struct xdpf_log *log)
{
	char dir[RT_PATH_MAX];
	int err;

	snprintf(dir, sizeof(dir), "%s", path);
	*strrchr(dir, '/') = '\0';
	*strrchr(dir, '/') = '\0';
	err = make_dir(dir, log);
	if (err)
		return err;
	dir[strlen(dir)] = '/';
	err = make_dir(dir, log);
	if (err)
		return err;
	return bpf_obj_pin(fd, path) ? rt_fail_sys(log, errno, "it cannot be pinned at %s", path) : 0;
}

int rt_bpffs_unpin(const char *path, const struct xdpf_log *log)
{
	char dir[RT_PATH_MAX];

	rt_pins_drop(path);
	if (unlink(path) && errno != ENOENT)
		return rt_fail_sys(log, errno, "%s cannot be removed", path);
	snprintf(dir, sizeof(dir), "%s", path);
	/* The interface's directory and the namespace's, each only if nothing is left in it. */
	for (int i = 0; i < 2; i++) {
		*strrchr(dir, '/') = '\0';
		if (rmdir(dir))
			break;
	}
	return 0;
}
