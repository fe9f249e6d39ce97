/*
 * Programs and maps without privileges to look them up by their ids, which only CAP_SYS_ADMIN has. In: what was loaded. Out: a pin of each, by its
 * id, in the directory of ours that its owner may use; and from an id the program or map again. Guaranteed: what is found has the id that was
 * asked for, and pins that belong to nothing that is pinned elsewhere go with the next change. Who has the privileges makes no pins, unless
 * somebody without them uses the same directory.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <sys/stat.h>

#include "pending.h"

#define DEFAULT_ROOT	"/sys/fs/bpf/xdpf"
#define HELD		"held"
#define UNSURE		HELD "/unsure"	/* a directory: pins were made since it was last looked at whose they are */

enum { ROOT_MAX = 64, KEEP_MAX = 4096 };

const char *rt_bpffs_root(void)
{
	const char *s = secure_getenv("XDPF_BPFFS");

	return s && s[0] == '/' && strlen(s) < ROOT_MAX ? s : DEFAULT_ROOT;
}

/* @kind: 'p' or 'm'. */
static void held_path(char path[RT_PATH_MAX], char kind, uint32_t id)
{
	snprintf(path, RT_PATH_MAX, "%s/" HELD "/%c%u", rt_bpffs_root(), kind, id);
}

static uint32_t prog_id(int fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	return fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

static uint32_t map_id(int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	return fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

/* What is pinned under an id; -1 with EPERM, as if it had not been asked: then the want of privileges is what there is to tell. */
static int get_held(char kind, uint32_t id)
{
	char path[RT_PATH_MAX];
	int fd;

	held_path(path, kind, id);
	fd = bpf_obj_get(path);
	if (fd >= 0 && (kind == 'p' ? prog_id(fd) : map_id(fd)) == id)
		return fd;
	if (fd >= 0)
		close(fd);
	errno = EPERM;
	return -1;
}

int rt_prog_get(uint32_t id)
{
	int fd = bpf_prog_get_fd_by_id(id);

	return fd < 0 && errno == EPERM ? get_held('p', id) : fd;
}

int rt_map_get(uint32_t id)
{
	int fd = bpf_map_get_fd_by_id(id);

	return fd < 0 && errno == EPERM ? get_held('m', id) : fd;
}

int rt_by_ids(const char *what, const char *why, const struct xdpf_log *log)
{
	uint32_t id;

	if (!bpf_prog_get_next_id(0, &id) || errno != EPERM)
		return 0;
	return rt_fail(log, EPERM, "%s needs CAP_SYS_ADMIN, which this process lacks: %s\nRun as root, or give it that capability, too", what, why);
}

/* ---- pinning ---- */

static bool is_held_dir(void)
{
	char dir[RT_PATH_MAX];
	struct stat st;

	snprintf(dir, sizeof(dir), "%s/" HELD, rt_bpffs_root());
	return !lstat(dir, &st) && S_ISDIR(st.st_mode);
}

/* Must it be pinned, so that it is found again? */
static bool is_needed(uint32_t id)
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(id);

	return (fd < 0 && errno == EPERM) || is_held_dir();
}

/* What root pins in somebody's directory is for him to use. */
static void give(const char *path)
{
	struct stat st;

	if (!geteuid() && !stat(rt_bpffs_root(), &st) && st.st_uid && lchown(path, st.st_uid, st.st_gid))
		return;		/* then it is root's to use: the owner is told when he asks */
}

static int pin(int fd, char kind, uint32_t id, const struct xdpf_log *log)
{
	char path[RT_PATH_MAX];

	held_path(path, kind, id);
	if (!bpf_obj_pin(fd, path)) {
		give(path);
		return 0;
	}
	if (errno == EEXIST)
		return 0;
	return rt_fail_sys(log, errno, "%s cannot be made, by which this filter is found again", path);
}

static int make_held_dir(const struct xdpf_log *log)
{
	char dir[RT_PATH_MAX];

	snprintf(dir, sizeof(dir), "%s/" HELD, rt_bpffs_root());
	if (mkdir(dir, 0700) && errno != EEXIST)
		return rt_fail_sys(log, errno, "%s cannot be made", dir);
	snprintf(dir, sizeof(dir), "%s/" UNSURE, rt_bpffs_root());
	return mkdir(dir, 0700) && errno != EEXIST ? rt_fail_sys(log, errno, "%s cannot be made", dir) : 0;
}

bool rt_held_unsure(void)
{
	char dir[RT_PATH_MAX];
	struct stat st;

	snprintf(dir, sizeof(dir), "%s/" UNSURE, rt_bpffs_root());
	return !lstat(dir, &st);
}

int rt_hold(const struct xdpf_program *p, const struct xdpf_log *log)
{
	const int own[] = { p->meta_fd, p->metas_fd, p->errors_fd, p->lists_fd, p->carried_fd };
	uint32_t id = prog_id(p->prog_fd);
	struct bpf_map *map;
	int err;

	if (!p->bpf || !is_needed(id))
		return 0;
	err = make_held_dir(log);
	bpf_object__for_each_map(map, p->bpf)
		if (!err && bpf_map__fd(map) >= 0)
			err = pin(bpf_map__fd(map), 'm', map_id(bpf_map__fd(map)), log);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]) && !err; i++)
		if (own[i] >= 0)
			err = pin(own[i], 'm', map_id(own[i]), log);
	return err ? err : pin(p->prog_fd, 'p', id, log);
}

int rt_hold_map(int fd, const struct xdpf_log *log)
{
	uint32_t id = map_id(fd);
	_cleanup_close_ int again = bpf_map_get_fd_by_id(id);
	int err;

	if (!(again < 0 && errno == EPERM) && !is_held_dir())
		return 0;
	err = make_held_dir(log);
	return err ? err : pin(fd, 'm', id, log);
}

/* ---- letting go ---- */

struct keep {
	uint32_t progs[KEEP_MAX], maps[KEEP_MAX];
	size_t n_progs, n_maps;
	bool full;		/* then nothing is let go of */
};

static void keep_id(uint32_t *v, size_t *n, uint32_t id, bool *full)
{
	if (*n == KEEP_MAX)
		*full = true;
	else if (id)
		v[(*n)++] = id;
}

static bool has(const uint32_t *v, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == id)
			return true;
	return false;
}

/* Maps in a map of maps. */
static void keep_inner(struct keep *k, int fd, const struct bpf_map_info *info)
{
	uint32_t id;

	for (uint32_t i = 0; info->type == BPF_MAP_TYPE_ARRAY_OF_MAPS && info->key_size == 4 && i < info->max_entries && i < XDPF_IMAGES; i++)
		if (!bpf_map_lookup_elem(fd, &i, &id))
			keep_id(k->maps, &k->n_maps, id, &k->full);
}

static void keep_program(struct keep *k, int fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info), ids[256];

	info.map_ids = (uint64_t)(uintptr_t)ids;
	info.nr_map_ids = sizeof(ids) / sizeof(ids[0]);
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return;
	keep_id(k->progs, &k->n_progs, info.id, &k->full);
	for (uint32_t i = 0; i < info.nr_map_ids && i < 256; i++) {
		_cleanup_close_ int map = rt_map_get(ids[i]);
		struct bpf_map_info m = { 0 };
		uint32_t m_len = sizeof(m);

		keep_id(k->maps, &k->n_maps, ids[i], &k->full);
		if (map >= 0 && !bpf_obj_get_info_by_fd(map, &m, &m_len))
			keep_inner(k, map, &m);
	}
}

/* A pin of a link or a program, which keeps what belongs to it. */
static void keep_pin(struct keep *k, const char *path)
{
	_cleanup_close_ int fd = bpf_obj_get(path);
	_cleanup_close_ int prog = -1;
	struct bpf_link_info link = { 0 };
	uint32_t len = sizeof(link);

	switch (fd < 0 ? RT_PINNED_OTHER : rt_pinned(fd)) {
	case RT_PINNED_PROGRAM:
		keep_program(k, fd);
		break;
	case RT_PINNED_LINK:
		if (!bpf_obj_get_info_by_fd(fd, &link, &len))
			prog = rt_prog_get(link.prog_id);
		if (prog >= 0)
			keep_program(k, prog);
		break;
	case RT_PINNED_UNKNOWN:
	case RT_PINNED_OTHER:
		break;
	}
}

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* Pins below @path, so many directories deep; those of our own are not among them. */
static void keep_below(struct keep *k, const char *path, int deep)
{
	_cleanup_(close_dir) DIR *d = opendir(path);
	const struct dirent *e;
	char at[RT_PATH_MAX];

	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.' || (deep == 2 && !strcmp(e->d_name, HELD)) ||
		    snprintf(at, sizeof(at), "%s/%s", path, e->d_name) >= (int)sizeof(at))
			continue;
		if (deep)
			keep_below(k, at, deep - 1);
		else
			keep_pin(k, at);
	}
}

void rt_held_sweep(void)
{
	_cleanup_free_ struct keep *k = NULL;
	_cleanup_(close_dir) DIR *d = NULL;
	const struct dirent *e;
	char dir[RT_PATH_MAX], at[RT_PATH_MAX];

	snprintf(dir, sizeof(dir), "%s/" HELD, rt_bpffs_root());
	d = opendir(dir);
	k = d ? calloc(1, sizeof(*k)) : NULL;
	if (!k)
		return;
	keep_below(k, rt_bpffs_root(), 2);
	while (!k->full && (e = readdir(d))) {
		uint32_t id = (uint32_t)strtoul(e->d_name[0] ? e->d_name + 1 : "", NULL, 10);

		if ((e->d_name[0] != 'p' || has(k->progs, k->n_progs, id)) && (e->d_name[0] != 'm' || has(k->maps, k->n_maps, id)))
			continue;
		if (snprintf(at, sizeof(at), "%s/%s", dir, e->d_name) < (int)sizeof(at))
			unlink(at);
	}
	snprintf(at, sizeof(at), "%s/" UNSURE, rt_bpffs_root());
	rmdir(at);
	rmdir(dir);
}
