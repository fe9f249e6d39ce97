/*
 * libxdp's dispatcher, by which several programs share an interface. In: an interface. Out: whether this kernel lets it run, and which of its parts
 * is ours: the program that is pinned beside the place of our link.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <xdp/libxdp.h>

#include "dispatch.h"

static _Thread_local const struct xdpf_log *libxdp_log;

__attribute__((format(printf, 2, 0)))
static int on_libxdp(enum libxdp_print_level level, const char *fmt, va_list ap)
{
	char text[512];

	if (level == LIBXDP_DEBUG || !libxdp_log)
		return 0;
	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	rt_log(libxdp_log, XDPF_LOG_DEBUG, "libxdp: %s", text);
	return 0;
}

void rt_libxdp_quiet(const struct xdpf_log *log)
{
	libxdp_log = log;
	libxdp_set_print(on_libxdp);
}

/* The dispatcher's parts replace functions of it (EXT programs). One that replaces nothing is refused for that by kernels that know such programs,
 * and for what it is by kernels that forbid them. */
int rt_dispatch_check(const struct xdpf_log *log)
{
	static const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_PASS }, { .code = BPF_JMP | BPF_EXIT },
	};
	_cleanup_close_ int target = bpf_prog_load(BPF_PROG_TYPE_XDP, "xdpf_target", "GPL", pass, 2, NULL);
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .attach_prog_fd = (uint32_t)target, .attach_btf_id = 1);
	_cleanup_close_ int ext = -1;

	if (target < 0)
		return rt_fail_sys(log, errno, "no XDP program can be loaded");
	ext = bpf_prog_load(BPF_PROG_TYPE_EXT, "xdpf_part", "GPL", pass, 2, &opts);
	if (ext >= 0 || errno == EINVAL)
		return 0;
	return rt_fail(log, EOPNOTSUPP, "libxdp's dispatcher cannot run here: this kernel refuses the programs that it is made of (EXT): %s\n"
		       "Run one filter per interface, or a kernel that has them", strerror(errno));
}

void rt_dispatch_path(char part[], const char *path)
{
	snprintf(part, RT_PATH_MAX, "%.*s/part", (int)(strrchr(path, '/') - path), path);
}

uint32_t rt_dispatch_pinned(const char *path)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	_cleanup_close_ int fd = -1;
	char part[RT_PATH_MAX];

	rt_dispatch_path(part, path);
	fd = bpf_obj_get(part);
	return fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) || info.type != BPF_PROG_TYPE_EXT ? 0 : info.id;
}

/* ---- the dispatcher that runs ---- */

static void xdp_program_close(struct xdp_program **p)
{
	xdp_program__close(*p);
}

struct xdp_multiprog *rt_dispatcher(unsigned ifindex, const struct xdpf_log *log)
{
	struct xdp_multiprog *mp;

	rt_libxdp_quiet(log);
	mp = xdp_multiprog__get_from_ifindex((int)ifindex);
	if (libxdp_get_error(mp))
		return NULL;
	if (!xdp_multiprog__is_legacy(mp))
		return mp;
	xdp_multiprog__close(mp);
	return NULL;
}

struct xdp_program *rt_dispatcher_part(const struct xdp_multiprog *mp, uint32_t id)
{
	struct xdp_program *p = NULL;

	while (mp && id && (p = xdp_multiprog__next_prog(p, mp)))
		if (xdp_program__id(p) == id)
			return p;
	return NULL;
}

uint32_t rt_dispatch_part(unsigned ifindex, const char *path, const struct xdpf_log *log)
{
	uint32_t id = rt_dispatch_pinned(path);
	_cleanup_(rt_dispatcher_close) struct xdp_multiprog *mp = id ? rt_dispatcher(ifindex, log) : NULL;

	return rt_dispatcher_part(mp, id) ? id : 0;
}

static enum xdp_attach_mode libxdp_mode(enum xdpf_mode mode)
{
	return mode == XDPF_MODE_GENERIC ? XDP_MODE_SKB : XDP_MODE_NATIVE;
}

int rt_dispatch_detach(unsigned ifindex, const char *name, uint32_t id, const struct xdpf_log *log)
{
	_cleanup_(rt_dispatcher_close) struct xdp_multiprog *mp = rt_dispatcher(ifindex, log);
	struct xdp_program *p = rt_dispatcher_part(mp, id);
	int err;

	if (!p)
		return 0;
	err = xdp_program__detach(p, (int)ifindex, xdp_multiprog__attach_mode(mp), 0);
	return err ? rt_fail_sys(log, -err, "%s: libxdp cannot take the filter (id %u) out of its dispatcher", name, id) : 0;
}

int rt_dispatch_remove(const struct xdpf_iface *i, const char *path, const struct xdpf_log *log)
{
	char part[RT_PATH_MAX];
	int err = rt_dispatch_begin(path, NULL, i->part_id, log);

	if (!err)
		err = rt_dispatch_detach(i->ifindex, i->name, i->part_id, log);
	rt_dispatch_settle(path, i->ifindex, i->name, NULL);
	if (err)
		return err;
	rt_dispatch_path(part, path);
	if (unlink(part) && errno != ENOENT)
		return rt_fail_sys(log, errno, "%s cannot be removed", part);
	rt_bpffs_unpin(path, NULL);
	rt_log(log, XDPF_LOG_INFO, "%s: removed the filter from libxdp's dispatcher (id %u)", i->name, i->part_id);
	return 0;
}

/* ---- joining ---- */

static void bpf_freep(struct bpf_object **o)
{
	bpf_object__close(*o);
}

/* The object once more, for libxdp to load as a part: with the maps of one that is loaded, which are filled, so that the part is whole from its first
 * packet on. */
static int open_part(struct bpf_object **out, const struct xdpf_program *p, const struct xdpf_object *o, const struct xdpf_log *log)
{
	_cleanup_(bpf_freep) struct bpf_object *bpf = NULL;
	struct bpf_map *map;
	int err = rt_object_open_bpf(&bpf, o, NULL, log);

	if (err)
		return err;
	bpf_object__for_each_map(map, bpf) {
		struct bpf_map *filled = bpf_object__find_map_by_name(p->bpf, bpf_map__name(map));

		if (!filled || bpf_map__reuse_fd(map, bpf_map__fd(filled)))
			return rt_fail(log, EINVAL, "the object's map %s cannot be shared", bpf_map__name(map));
	}
	*out = take_ptr(bpf);
	return 0;
}

/* What is found from the part alone. */
static int bind_meta(const struct xdpf_program *p, int fd, const struct xdpf_log *log)
{
	const int own[] = { p->meta_fd, p->metas_fd, p->lists_fd };

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (own[i] >= 0 && bpf_prog_bind_map(fd, own[i], NULL))
			return rt_fail_sys(log, errno, "the metadata cannot be tied to the program");
	return 0;
}

int rt_dispatch_pin(int fd, const char *path, const struct xdpf_log *log)
{
	char part[RT_PATH_MAX];

	rt_dispatch_path(part, path);
	if (unlink(part) && errno != ENOENT)
		return rt_fail_sys(log, errno, "%s cannot be removed", part);
	return rt_bpffs_pin(fd, part, log);
}

static int join(const struct xdpf_iface *i, const char *path, const struct xdpf_program *p, const struct xdpf_object *o,
		const struct xdpf_dispatch_opts *opt, const struct xdpf_log *log)
{
	_cleanup_(bpf_freep) struct bpf_object *bpf = NULL;
	_cleanup_(xdp_program_close) struct xdp_program *x = NULL;
	struct rt_libbpf scope;
	int err = open_part(&bpf, p, o, log);

	if (err)
		return err;
	rt_libxdp_quiet(log);
	x = xdp_program__from_bpf_obj(bpf, XDPF_SECTION_PROG);
	if (libxdp_get_error(x)) {
		err = (int)-libxdp_get_error(x);
		x = NULL;
		return rt_fail(log, err, "libxdp does not take the object: %s", strerror(err));
	}
	err = xdp_program__set_run_prio(x, opt->priority);
	if (!err)
		err = xdp_program__set_chain_call_enabled(x, XDP_PASS, true);
	if (!err)
		err = xdp_program__set_xdp_frags_support(x, p->frags);
	rt_libbpf_begin(&scope, log);
	if (!err)
		err = xdp_program__attach(x, (int)i->ifindex, libxdp_mode(opt->mode), 0);
	rt_libbpf_end(&scope);
	if (err)
		return rt_fail_sys(log, -err, "%s: libxdp cannot make the filter a part of its dispatcher (--verbose says more)", i->name);
	err = bind_meta(p, xdp_program__fd(x), log);
	if (!err)
		err = rt_dispatch_pin(xdp_program__fd(x), path, log);
	return err;
}

static int refuse(const struct xdpf_iface *i, const struct xdpf_dispatch_opts *opt, const struct xdpf_log *log)
{
	char prog[64];

	if (!rt_iface_ethernet(i))
		return rt_iface_fail_frames(i, log);
	if (i->ours)
		return rt_fail(log, EBUSY, "%s: our filter runs there by itself, and the dispatcher would have to take its place.\n"
			       "`xdpf remove %s` first", i->name, i->name);
	if (i->mode == XDPF_MODE_NONE || !strcmp(i->prog_name, RT_DISPATCHER))
		return i->mode == XDPF_MODE_NONE || i->mode == opt->mode ? 0 :
		       rt_fail(log, EBUSY, "%s: the dispatcher there runs in %s mode: apply with --mode %s", i->name, xdpf_mode_name(i->mode),
			       xdpf_mode_name(i->mode));
	return rt_fail(log, EBUSY, "%s: %s runs there, which is no dispatcher and is not ours; it stays.\n"
		       "Take it off with the tool that attached it, then apply again", i->name, rt_iface_program(i, prog, sizeof(prog)));
}

static bool has_priority(const struct xdpf_iface *i, unsigned priority, const struct xdpf_log *log)
{
	_cleanup_(rt_dispatcher_close) struct xdp_multiprog *mp = rt_dispatcher(i->ifindex, log);
	const struct xdp_program *p = rt_dispatcher_part(mp, i->part_id);

	return p && xdp_program__run_prio(p) == priority;
}

/* The tables of our part are exchanged where that will do. 1: it did. */
static int exchange(const struct xdpf_iface *i, const struct xdpf_object *o, unsigned priority, bool frags, const struct xdpf_log *log)
{
	_cleanup_close_ int fd = i->part_id && has_priority(i, priority, log) ? rt_prog_get(i->part_id) : -1;
	struct rt_swap *swap = NULL;
	char why[160] = "";
	int err = fd < 0 ? 0 : rt_swap_prepare(&swap, why, sizeof(why), fd, o, i->name, frags, log);

	if (err || !swap)
		return err;
	rt_swap_commit(swap);
	rt_swap_free(swap);
	rt_log(log, XDPF_LOG_INFO, "%s: tables of the dispatcher's part exchanged, no program loaded", i->name);
	return 1;
}

static int dispatch(const struct xdpf_iface *i, const char *path, const struct xdpf_object *o, const struct xdpf_dispatch_opts *opt,
		    const struct xdpf_log *log)
{
	const struct xdpf_load_opts load = { .sz = sizeof(load), .frags = opt->mode == XDPF_MODE_NATIVE && i->mtu > 1500,
						.generic = opt->mode == XDPF_MODE_GENERIC, .ifindex = i->ifindex };
	_cleanup_(rt_program_freep) struct xdpf_program *p = NULL;
	int err = exchange(i, o, opt->priority, load.frags, log);

	if (err)
		return err < 0 ? err : 0;
	err = xdpf_program_load(&p, o, &load, log);
	if (!err && p->image)
		return rt_fail(log, EOPNOTSUPP, "fields that begin with rx. are for a program that is bound to its device, which a dispatcher's part "
			       "is not: take the rules that ask for them out, or apply without --dispatch");
	if (!err)
		err = rt_dispatch_begin(path, p, i->part_id, log);
	if (!err)
		err = join(i, path, p, o, opt, log);
	/* the one before goes only now: between these both decide, and nothing passes that the new one drops */
	if (!err && i->part_id)
		err = rt_dispatch_detach(i->ifindex, i->name, i->part_id, log);
	rt_dispatch_settle(path, i->ifindex, i->name, NULL);
	if (!err)
		rt_log(log, XDPF_LOG_INFO, "%s: %s is a part of libxdp's dispatcher, priority %u, %s mode%s", i->name, rt_meta_get(p->meta)->program,
		       opt->priority, xdpf_mode_name(opt->mode),
		       i->part_id ? ", in the place of the one before; counters, sets and limits begin anew" : "");
	return err;
}

int xdpf_object_dispatch(const struct xdpf_object *o, const char *iface, const struct xdpf_dispatch_opts *opts, const struct xdpf_log *log)
{
	struct xdpf_dispatch_opts opt = opts_copy(struct xdpf_dispatch_opts, opts);
	_cleanup_close_ int lock = -1;
	char path[RT_PATH_MAX];
	struct xdpf_iface i;
	int err = rt_opts_check(opts, sizeof(opt), log);

	if (!err && o->n_from)
		err = rt_fail(log, EINVAL, "%s: what was made from a running filter takes that one's place, and no dispatcher's part", iface);
	if (!err)
		err = rt_bpffs_lock(&lock, log);
	if (opt.mode == XDPF_MODE_NONE)
		opt.mode = XDPF_MODE_NATIVE;
	if (!err)
		err = rt_iface_query(&i, NULL, iface, log);
	if (!err)
		err = rt_bpffs_path(path, i.ifindex, log);
	if (!err)
		err = refuse(&i, &opt, log);
	if (!err)
		err = rt_dispatch_check(log);
	if (!err)
		err = rt_by_ids("libxdp's dispatcher", "libxdp finds it and its parts by their ids", log);
	if (!err)
		rt_nic_warn(o, &i, log);
	return err ? err : dispatch(&i, path, o, &opt, log);
}
