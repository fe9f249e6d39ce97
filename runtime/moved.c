/*
 * Interfaces that went from one network namespace to another take their filters along, but our pins stand where they were: under the old namespace
 * and the old index. In: an interface. Out: its pins under its own name; and out of its way what is pinned there for one that went. Guaranteed: no
 * pin of a link that is attached anywhere is lost, or its filter would be.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/stat.h>

#include "pending.h"

#define ASIDE "moved"

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* The link that is pinned there; false: there is none. */
static bool look_at(struct bpf_link_info *info, const char *path)
{
	_cleanup_close_ int fd = bpf_obj_get(path);

	return rt_xdp_link(info, fd);
}

static bool find_in(char out[RT_PATH_MAX], const char *dir, unsigned ifindex, uint32_t prog_id)
{
	_cleanup_(close_dir) DIR *d = opendir(dir);
	struct bpf_link_info info;
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.' || snprintf(out, RT_PATH_MAX, "%s/%s/link", dir, e->d_name) >= RT_PATH_MAX)
			continue;
		if (look_at(&info, out) && info.xdp.ifindex == ifindex && info.prog_id == prog_id)
			return true;
	}
	return false;
}

bool rt_moved_find(char out[], unsigned ifindex, uint32_t prog_id)
{
	_cleanup_(close_dir) DIR *d = opendir(rt_bpffs_root());
	const struct dirent *e;
	char dir[RT_PATH_MAX];

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && snprintf(dir, sizeof(dir), "%s/%s", rt_bpffs_root(), e->d_name) < (int)sizeof(dir) &&
		    find_in(out, dir, ifindex, prog_id))
			return true;
	return false;
}

/* The directory that a link is pinned in. */
static void directory(char dir[RT_PATH_MAX], const char *path)
{
	snprintf(dir, RT_PATH_MAX, "%.*s", (int)(strrchr(path, '/') - path), path);
}

/* Moves what is pinned beside a link, and it, to be beside another path. */
static int move(const char *from, const char *to, const struct xdpf_log *log)
{
	char old[RT_PATH_MAX], new[RT_PATH_MAX], parent[RT_PATH_MAX];

	directory(old, from);
	directory(new, to);
	directory(parent, new);
	if (mkdir(parent, 0700) && errno != EEXIST)
		return rt_fail_sys(log, errno, "%s cannot be made", parent);
	if (rename(old, new))
		return rt_fail_sys(log, errno, "%s cannot be moved to %s", old, new);
	directory(parent, old);
	rmdir(parent);
	return 0;
}

/* Is it that link's program that runs on this interface? */
static bool runs_here(const struct bpf_link_info *link, unsigned ifindex, uint32_t prog_id)
{
	return link->xdp.ifindex == ifindex && link->prog_id == prog_id;
}

/* Whatever has the place of this interface's pins and belongs to one that is elsewhere now. */
static int clear_place(const char *path, unsigned ifindex, uint32_t prog_id, const struct xdpf_log *log)
{
	struct bpf_link_info link;
	char to[RT_PATH_MAX];

	if (!look_at(&link, path) || !link.xdp.ifindex || runs_here(&link, ifindex, prog_id))
		return 0;
	snprintf(to, sizeof(to), "%s/" ASIDE "/%u/link", rt_bpffs_root(), link.id);
	return move(path, to, log);
}

/* Programs are replaced meanwhile, by our links: asked for twice, nothing is mistaken for one that went. */
static uint32_t running(unsigned ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);

	return bpf_xdp_query((int)ifindex, 0, &q) ? 0 : q.drv_prog_id ? q.drv_prog_id : q.skb_prog_id;
}

int rt_moved(const char *iface, const struct xdpf_log *log)
{
	unsigned ifindex = if_nametoindex(iface);
	char own[RT_PATH_MAX], path[RT_PATH_MAX];
	struct bpf_link_info link;
	uint32_t prog_id;
	int err;

	if (!ifindex)
		return 0;	/* who asks for it says so */
	err = rt_bpffs_path(own, ifindex, log);
	if (err)
		return err;
	prog_id = running(ifindex);
	if (prog_id && look_at(&link, own) && runs_here(&link, ifindex, prog_id))
		return 0;
	err = clear_place(own, ifindex, prog_id, log);
	if (err || !prog_id || !rt_moved_find(path, ifindex, prog_id))
		return err;
	/* a dead link's, at the most */
	rt_bpffs_unpin(own, NULL);
	err = move(path, own, log);
	if (!err)
		rt_log(log, XDPF_LOG_INFO, "%s: it came from another network namespace, and its filter with it", iface);
	return err;
}
