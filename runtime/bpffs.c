/*
 * Where links are pinned: /sys/fs/bpf/xdpf/<cookie of the network namespace>/<ifindex>/link. Nothing else is kept there.
 * Guaranteed: a pin is made only in a bpffs that other processes see too, changes are made one at a time, and pins whose
 * interface is gone are cleared away.
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
#include <sys/vfs.h>

#include "private.h"

#define BPFFS	"/sys/fs/bpf"
#define ROOT	BPFFS "/xdpf"

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
	struct statfs st;

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

static int make_dir(const char *path, const struct xdpf_log *log)
{
	if (!mkdir(path, 0700) || errno == EEXIST)
		return 0;
	return rt_fail_sys(log, errno, "%s cannot be made", path);
}

/* Is the link pinned at @path without its interface? */
static bool is_stale(const char *path)
{
	_cleanup_close_ int fd = bpf_obj_get(path);
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info);

	return fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) && info.type == BPF_LINK_TYPE_XDP && !info.xdp.ifindex;
}

static void sweep_netns(const char *netns)
{
	_cleanup_(close_dir) DIR *d = NULL;
	const struct dirent *e;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", ROOT, netns);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.' || strlen(e->d_name) > 16)
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s/link", ROOT, netns, e->d_name);
		if (is_stale(path))
			rt_bpffs_unpin(path, NULL);
	}
}

static void sweep(void)
{
	_cleanup_(close_dir) DIR *d = opendir(ROOT);
	const struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && strlen(e->d_name) <= 32)
			sweep_netns(e->d_name);
}

int rt_bpffs_lock(int *out_fd, const struct xdpf_log *log)
{
	_cleanup_close_ int fd = -1;
	int err = mount_bpffs(log);

	if (!err)
		err = make_dir(ROOT, log);
	if (err)
		return err;
	fd = open(ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return rt_fail_sys(log, errno, "%s cannot be opened", ROOT);
	while (flock(fd, LOCK_EX))
		if (errno != EINTR)
			return rt_fail_sys(log, errno, "%s cannot be locked", ROOT);
	sweep();
	*out_fd = take_fd(fd);
	return 0;
}

int rt_bpffs_path(char path[RT_PATH_MAX], unsigned ifindex, const struct xdpf_log *log)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len))
		return rt_fail(log, errno, "the network namespace has no cookie (%s): Linux 5.14 or later is needed",
			       strerror(errno));
	snprintf(path, RT_PATH_MAX, "%s/%llu/%u/link", ROOT, (unsigned long long)cookie, ifindex);
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
	return bpf_obj_pin(fd, path) ? rt_fail_sys(log, errno, "the link cannot be pinned at %s", path) : 0;
}

/* The path of something beside the link: what watches its program, the program before. */
static void beside(char out[RT_PATH_MAX], const char *path, const char *name)
{
	size_t dir = (size_t)(strrchr(path, '/') - path);

	snprintf(out, RT_PATH_MAX, "%.*s/%s", (int)dir, path, name);
}

int rt_bpffs_open_before(const char *path)
{
	char before[RT_PATH_MAX];

	beside(before, path, "before");
	return bpf_obj_get(before);
}

int rt_bpffs_pin_before(int fd, const char *path, const struct xdpf_log *log)
{
	char before[RT_PATH_MAX];

	beside(before, path, "before");
	if (unlink(before) && errno != ENOENT)
		return rt_fail_sys(log, errno, "%s cannot be removed", before);
	return fd >= 0 && bpf_obj_pin(fd, before) ? rt_fail_sys(log, errno, "the program before cannot be pinned at %s", before) : 0;
}

static const char *const watches[RT_WATCHES] = { "watch", "watch-exception", "watch-device", "watch-back" };

int rt_bpffs_pin_watch(const int fd[RT_WATCHES], const char *path, const struct xdpf_log *log)
{
	char watch[RT_PATH_MAX];

	for (int i = 0; i < RT_WATCHES; i++) {
		beside(watch, path, watches[i]);
		if (unlink(watch) && errno != ENOENT)
			return rt_fail_sys(log, errno, "%s cannot be removed", watch);
		if (fd[i] >= 0 && bpf_obj_pin(fd[i], watch))
			return rt_fail_sys(log, errno, "what counts lost packets cannot be pinned at %s", watch);
	}
	return 0;
}

int rt_bpffs_unpin(const char *path, const struct xdpf_log *log)
{
	char dir[RT_PATH_MAX];

	for (int i = 0; i < RT_WATCHES; i++) {
		beside(dir, path, watches[i]);
		unlink(dir);
	}
	beside(dir, path, "before");
	unlink(dir);
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
