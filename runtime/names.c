/*
 * Names of interfaces in rules: `iface == eth0`, `redirect eth1`. The kernel knows interfaces by their indexes, so a program keeps for each name the
 * index that it had. In: our programs. Out: names that stand for another interface now, or for none; and programs that follow: every name is given
 * the index that it has. Guaranteed: a packet meets the old index or the new one, and an interface that is gone stands for nothing.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/mman.h>

#include "private.h"

enum { FLOODS = XDPF_MAX_FLOODS };

/* Where a program keeps indexes. */
struct kept {
	const struct xdpf_meta *m;
	volatile uint32_t *ifaces;	/* mapped; NULL: there are none */
	size_t size;			/* bytes of it */
	int ports_fd, flood_fd[FLOODS];	/* -1: there is none */
};

/* Calls @fn for each name whose index is another now. @to: writes it there. */
typedef void (*stale_fn)(void *arg, const char *name, const char *use, uint32_t was, uint32_t is);

static void kept_close(struct kept *k)
{
	if (k->ifaces)
		munmap((void *)(uintptr_t)k->ifaces, k->size);
	close_fd(&k->ports_fd);
	for (int f = 0; f < FLOODS; f++)
		close_fd(&k->flood_fd[f]);
}

static bool is_devmap(const struct bpf_map_info *info)
{
	return info->type == BPF_MAP_TYPE_DEVMAP && info->key_size == sizeof(uint32_t) && info->value_size == sizeof(uint32_t);
}

static int map_ifaces(struct kept *k, int fd, const struct bpf_map_info *info, const struct xdpf_log *log)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), need = k->m->n_ifaces * sizeof(uint32_t);
	void *at;

	if (info->type != BPF_MAP_TYPE_ARRAY || info->value_size < need || !need)
		return need ? rt_fail(log, EBADMSG, "map %.16s of the program is not what its metadata says", info->name) : 0;
	k->size = (need + page - 1) / page * page;
	at = mmap(NULL, k->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return rt_fail_sys(log, errno, "the program's names of interfaces cannot be mapped");
	k->ifaces = at;
	return 0;
}

static void take_devmap(struct kept *k, int *fd, const struct bpf_map_info *info)
{
	unsigned flood;

	if (!is_devmap(info))
		return;
	if (!strcmp(info->name, XDPF_MAP_PORTS) && k->ports_fd < 0)
		k->ports_fd = take_fd(*fd);
	else if (sscanf(info->name, XDPF_MAP_FLOOD "%u", &flood) == 1 && flood < FLOODS && k->flood_fd[flood] < 0)
		k->flood_fd[flood] = take_fd(*fd);
}

/* @k->m NULL: only whether there is anything is asked for. */
static int kept_open(struct kept *k, bool *any, int prog_fd, const struct xdpf_log *log)
{
	uint32_t ids[256], len = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = { .map_ids = (uint64_t)(uintptr_t)ids, .nr_map_ids = 256 };

	k->ports_fd = -1;
	for (int f = 0; f < FLOODS; f++)
		k->flood_fd[f] = -1;
	*any = false;
	if (bpf_obj_get_info_by_fd(prog_fd, &info, &len))
		return -errno;
	for (uint32_t i = 0; i < info.nr_map_ids && i < 256; i++) {
		_cleanup_close_ int fd = rt_map_get(ids[i]);
		struct bpf_map_info map = { 0 };
		uint32_t map_len = sizeof(map);
		int err;

		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &map, &map_len))
			continue;
		map.name[sizeof(map.name) - 1] = '\0';
		*any |= !strcmp(map.name, XDPF_SECTION_IFACES) || is_devmap(&map);
		if (!k->m)
			continue;
		err = strcmp(map.name, XDPF_SECTION_IFACES) || k->ifaces ? 0 : map_ifaces(k, fd, &map, log);
		if (err)
			return err;
		take_devmap(k, &fd, &map);
	}
	return 0;
}

static void look_at_device(int fd, uint32_t place, const char *name, bool follow, stale_fn fn, void *arg)
{
	uint32_t was = 0, is = if_nametoindex(name);

	if (bpf_map_lookup_elem(fd, &place, &was))
		was = 0;
	if (was == is)
		return;
	fn(arg, name, "redirect", was, is);
	if (follow && is)
		bpf_map_update_elem(fd, &place, &is, BPF_ANY);
	else if (follow)
		bpf_map_delete_elem(fd, &place);
}

static void look_at_all(const struct kept *k, bool follow, stale_fn fn, void *arg)
{
	const struct xdpf_ways *w = &k->m->ways;

	for (size_t i = 0; k->ifaces && i < k->m->n_ifaces; i++) {
		uint32_t was = k->ifaces[i], is = if_nametoindex(k->m->ifaces[i]);

		if (was == is)
			continue;
		fn(arg, k->m->ifaces[i], "iface", was, is);
		if (follow)
			k->ifaces[i] = is;
	}
	for (uint32_t i = 0; k->ports_fd >= 0 && i < w->n_ports; i++)
		look_at_device(k->ports_fd, i, w->ports[i], follow, fn, arg);
	for (size_t f = 0; f < w->n_floods && f < FLOODS; f++)
		for (uint32_t i = 0; k->flood_fd[f] >= 0 && i < w->floods[f].n; i++)
			look_at_device(k->flood_fd[f], i, w->floods[f].ifaces[i], follow, fn, arg);
}

/* ---- who asks ---- */

struct list {
	struct xdpf_name *v;
	size_t n;
	bool failed;
};

static void add_stale(void *arg, const char *name, const char *use, uint32_t was, uint32_t is)
{
	struct list *l = arg;
	struct xdpf_name *grown = realloc(l->v, (l->n + 1) * sizeof(*grown));

	if (!grown) {
		l->failed = true;
		return;
	}
	l->v = grown;
	grown[l->n] = (struct xdpf_name){ .use = use, .was = was, .is = is };
	snprintf(grown[l->n++].name, sizeof(grown->name), "%s", name);
}

int xdpf_program_names(struct xdpf_name **out, size_t *n, const struct xdpf_program *p, const struct xdpf_log *log)
{
	struct kept k = { .m = rt_meta_get(p->meta) };
	struct list l = { 0 };
	bool any;
	int err = kept_open(&k, &any, p->prog_fd, log);

	if (!err)
		look_at_all(&k, false, add_stale, &l);
	kept_close(&k);
	if (err || l.failed) {
		free(l.v);
		return err ? err : rt_fail(log, ENOMEM, "out of memory");
	}
	*out = l.v;
	*n = l.n;
	return 0;
}

struct follower {
	const struct xdpf_log *log;
	const char *iface;
	size_t n;
};

static void say_followed(void *arg, const char *name, const char *use, uint32_t was, uint32_t is)
{
	struct follower *f = arg;

	f->n++;
	if (is)
		rt_log(f->log, XDPF_LOG_INFO, "%s: `%s %s` is interface %u now%s", f->iface, use, name, is, was ? "" : "; it was none");
	else
		rt_log(f->log, XDPF_LOG_INFO, "%s: `%s %s` is no interface any more", f->iface, use, name);
}

static int follow_program(struct follower *f, int prog_fd)
{
	_cleanup_(rt_program_freep) struct xdpf_program *p = NULL;
	struct kept k = { 0 };
	bool any;
	int err = kept_open(&k, &any, prog_fd, f->log), fd;

	kept_close(&k);
	if (err || !any)
		return err;
	fd = dup(prog_fd);
	if (fd < 0)
		return rt_fail_sys(f->log, errno, "%s: its program cannot be held", f->iface);
	err = rt_program_open(&p, fd, f->iface, f->log);
	if (err)
		return err;
	k = (struct kept){ .m = rt_meta_get(p->meta) };
	err = kept_open(&k, &any, prog_fd, f->log);
	if (!err)
		look_at_all(&k, true, say_followed, f);
	kept_close(&k);
	return err;
}

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

int rt_names_follow(size_t *changed, const struct xdpf_log *log)
{
	_cleanup_(close_dir) DIR *d = NULL;
	const struct dirent *e;
	char dir[RT_PATH_MAX], name[IF_NAMESIZE];
	struct follower f = { log, name, 0 };
	int err = rt_bpffs_path(dir, 0, log), first = 0;

	if (err)
		return err;
	/* ours are those that have a directory here: …/<cookie>/<ifindex>/link */
	*strrchr(dir, '/') = '\0';
	*strrchr(dir, '/') = '\0';
	d = opendir(dir);
	if (!d && errno != ENOENT)
		return rt_fail_sys(log, errno, "%s cannot be read", dir);
	while (d && (e = readdir(d))) {
		unsigned ifindex = (unsigned)strtoul(e->d_name, NULL, 10);
		_cleanup_close_ int fd = -1;
		struct xdpf_iface i;

		if (!ifindex || !if_indextoname(ifindex, name) || rt_iface_query(&i, NULL, name, NULL) || !(i.ours || i.part_id))
			continue;
		fd = rt_prog_get(i.part_id ? i.part_id : i.prog_id);
		err = fd < 0 ? (errno == ENOENT ? 0 : -errno) : follow_program(&f, fd);
		first = first ? first : err;
	}
	if (changed)
		*changed = f.n;
	return first;
}

int xdpf_follow(size_t *changed, const struct xdpf_log *log)
{
	_cleanup_close_ int lock = -1;
	int err = rt_bpffs_lock(&lock, log);

	return err ? err : rt_names_follow(changed, log);
}
