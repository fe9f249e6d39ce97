/*
 * A part of libxdp's dispatcher that was on its way when whoever made it was ended. In: what is pinned beside the place of a link. Out: the new
 * part alone where it was whole, else the old one, or none as before; and nothing of ours or of libxdp's is left that nobody uses. A part that joined
 * and is not pinned yet is known by its maps.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdio.h>

#include "dispatch.h"

#define PART	"part"
#define JOINING	"joining"
#define LEAVING	"leaving"

enum { MAPS_MOST = 256 };

int rt_dispatch_begin(const char *path, const struct xdpf_program *p, uint32_t old, const struct xdpf_log *log)
{
	_cleanup_close_ int fd = old ? rt_prog_get(old) : -1;
	int err;

	if (old && fd < 0)
		return rt_fail_sys(log, errno, "our part of the dispatcher (id %u) cannot be opened", old);
	err = rt_pin_put(fd, path, LEAVING, log);
	return err || !p ? err : rt_pin_put(p->prog_fd, path, JOINING, log);
}

/* A link may be pinned there, too: only what is empty goes. */
static void drop_dirs(const char *path)
{
	char dir[RT_PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", path);
	for (int i = 0; i < 2; i++) {
		*strrchr(dir, '/') = '\0';
		rmdir(dir);
	}
}

struct maps {
	uint32_t id[MAPS_MOST], n;
};

static void maps_of(struct maps *m, int prog_fd)
{
	struct bpf_prog_info info = { .map_ids = (uint64_t)(uintptr_t)m->id, .nr_map_ids = MAPS_MOST };
	uint32_t len = sizeof(info);

	m->n = prog_fd < 0 || bpf_obj_get_info_by_fd(prog_fd, &info, &len) ? 0 : info.nr_map_ids < MAPS_MOST ? info.nr_map_ids : MAPS_MOST;
}

static bool share(const struct maps *a, const struct maps *b)
{
	for (uint32_t i = 0; i < a->n; i++)
		for (uint32_t k = 0; k < b->n; k++)
			if (a->id[i] == b->id[k])
				return true;
	return false;
}

/* The part that has maps of this program; 0: none. */
static uint32_t joined(const struct xdp_multiprog *mp, int prog_fd)
{
	struct xdp_program *p = NULL;
	struct maps want, have;

	maps_of(&want, prog_fd);
	while (mp && (p = xdp_multiprog__next_prog(p, mp))) {
		_cleanup_close_ int fd = rt_prog_get(xdp_program__id(p));

		maps_of(&have, fd);
		if (share(&want, &have))
			return xdp_program__id(p);
	}
	return 0;
}

static int undo(const char *path, unsigned ifindex, const char *name, uint32_t new, int old_fd, const struct xdpf_log *log)
{
	int err = new ? rt_dispatch_detach(ifindex, name, new, log) : 0;

	return err || old_fd < 0 || rt_dispatch_pinned(path) == rt_prog_id(old_fd) ? err : rt_dispatch_pin(old_fd, path, log);
}

static int settle_joining(const char *path, unsigned ifindex, const char *name, int joining, int leaving, const struct xdpf_log *log)
{
	_cleanup_(rt_dispatcher_close) struct xdp_multiprog *mp = rt_dispatcher(ifindex, log);
	uint32_t new = joined(mp, joining);
	bool done = new && rt_dispatch_pinned(path) == new;
	int err = done ? rt_dispatch_detach(ifindex, name, rt_prog_id(leaving), log) : undo(path, ifindex, name, new, leaving, log);

	if (!err)
		rt_log(log, XDPF_LOG_WARNING, "%s: a change of its part in libxdp's dispatcher was ended in the middle: %s", name,
		       done ? "the new one runs" : leaving >= 0 ? "the old one runs" : "as before, there is none");
	return err;
}

void rt_dispatch_settle(const char *path, unsigned ifindex, const char *name, const struct xdpf_log *log)
{
	_cleanup_close_ int joining = rt_pin_get(path, JOINING), leaving = rt_pin_get(path, LEAVING);

	if (joining < 0 && leaving < 0)
		return;
	/* what libxdp itself was ended at: dispatchers that were made ready and do not run */
	rt_libxdp_quiet(log);
	libxdp_clean_references((int)ifindex);
	/* else one was to be taken out, and either it is, or nothing was done */
	if (joining >= 0 && settle_joining(path, ifindex, name, joining, leaving, log))
		return;		/* who comes next tries again */
	rt_pin_drop(path, LEAVING);
	rt_pin_drop(path, JOINING);
	drop_dirs(path);
}

/* Nothing runs there, or something that is no dispatcher. Where it is not known, it may be one. */
static bool runs_none(unsigned ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info), id;
	_cleanup_close_ int fd = -1;

	if (bpf_xdp_query((int)ifindex, 0, &q))
		return false;
	id = q.drv_prog_id ? q.drv_prog_id : q.skb_prog_id ? q.skb_prog_id : q.hw_prog_id;
	fd = id ? bpf_prog_get_fd_by_id(id) : -1;
	return !id || (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) && strcmp(info.name, RT_DISPATCHER) != 0);
}

/* Is what is pinned as ours in no dispatcher any more? */
static bool is_out(unsigned ifindex, const char *path, const struct xdpf_log *log)
{
	uint32_t pinned = rt_dispatch_pinned(path);
	_cleanup_(rt_dispatcher_close) struct xdp_multiprog *mp = pinned ? rt_dispatcher(ifindex, log) : NULL;

	return pinned && (mp ? !rt_dispatcher_part(mp, pinned) : runs_none(ifindex));
}

/* Its interface is gone, or it was taken out. */
static void let_go(const char *path)
{
	rt_pin_drop(path, PART);
	rt_pin_drop(path, LEAVING);
	rt_pin_drop(path, JOINING);
	drop_dirs(path);
}

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

static bool has_parts(const char *path)
{
	_cleanup_close_ int joining = rt_pin_get(path, JOINING), leaving = rt_pin_get(path, LEAVING);

	return joining >= 0 || leaving >= 0 || rt_dispatch_pinned(path);
}

void rt_dispatch_sweep(const struct xdpf_log *log)
{
	_cleanup_(close_dir) DIR *d = NULL;
	char dir[RT_PATH_MAX], path[RT_PATH_MAX], name[IF_NAMESIZE];
	const struct dirent *e;

	if (rt_bpffs_path(dir, 0, log))
		return;
	*strrchr(dir, '/') = '\0';
	*strrchr(dir, '/') = '\0';
	d = opendir(dir);
	while (d && (e = readdir(d))) {
		unsigned ifindex = (unsigned)strtoul(e->d_name, NULL, 10);

		if (!ifindex || rt_bpffs_path(path, ifindex, log) || !has_parts(path))
			continue;
		if (!if_indextoname(ifindex, name)) {
			let_go(path);
			continue;
		}
		rt_dispatch_settle(path, ifindex, name, log);
		if (is_out(ifindex, path, log))
			let_go(path);
	}
	rmdir(dir);
}
