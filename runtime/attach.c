/*
 * Attaching, replacing and removing. In come an object and interfaces; out goes a filter on each of them, held by a pinned
 * link, or everything as it was. Where a program that runs needs other tables only, it gets them (swap.c), and none is loaded.
 * Guaranteed: the mode asked for is the mode it gets, a replacement leaves no moment without a filter, and a program of somebody
 * else's is never touched.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "private.h"

enum { PLAIN_MTU = 1500 };	/* what every driver takes without frags */

/* One interface on its way to a new program. */
struct target {
	struct xdpf_iface iface;
	char path[RT_PATH_MAX];
	struct xdpf_program *prog;
	int link_fd;		/* of the filter that runs there, or the new one */
	int old_prog_fd;	/* what to go back to; -1: nothing ran there */
	bool changed;
	struct rt_carry *carry;	/* what goes on in .prog; NULL: nothing */
	struct rt_swap *swap;	/* in place of .prog: tables for the program that runs */
	char why[160];		/* there is none, because */
};

static void target_free(struct target *t)
{
	xdpf_program_free(t->prog);
	rt_swap_free(t->swap);
	rt_carry_free(t->carry);
	close_fd(&t->link_fd);
	close_fd(&t->old_prog_fd);
}

/* ---- before anything is touched ---- */

static int refuse_foreign(const struct xdpf_iface *i, const struct xdpf_log *log)
{
	char prog[64];

	rt_iface_program(i, prog, sizeof(prog));
	if (i->link_id)
		return rt_fail(log, EBUSY, "%s: %s runs there and is not ours (attached by link %u); it stays.\n"
			       "Stop what attached it, or detach it with `bpftool link detach id %u`, then apply again",
			       i->name, prog, i->link_id, i->link_id);
	return rt_fail(log, EBUSY, "%s: %s runs there and is not ours; it stays.\n"
		       "Take it off with the tool that attached it, or with `ip link set dev %s %s off`, then apply again",
		       i->name, prog, i->name,
		       i->mode == XDPF_MODE_GENERIC ? "xdpgeneric" : i->mode == XDPF_MODE_OFFLOAD ? "xdpoffload" : "xdp");
}

static int target_prepare(struct target *t, const char *name, enum xdpf_mode mode, const struct xdpf_log *log)
{
	int err = rt_iface_query(&t->iface, &t->link_fd, name, log);

	if (!err)
		err = rt_bpffs_path(t->path, t->iface.ifindex, log);
	if (err || t->iface.mode == XDPF_MODE_NONE)
		return err;
	if (t->iface.ours_hidden)
		return rt_iface_fail_hidden(&t->iface, log);
	if (!t->iface.ours)
		return refuse_foreign(&t->iface, log);
	if (t->iface.mode != mode)
		return rt_fail(log, EBUSY,
			       "%s: the filter there runs in %s mode, and %s was asked for; a running filter cannot change its mode.\n"
			       "Apply with --mode %s, or `xdpf remove %s` first", name, xdpf_mode_name(t->iface.mode),
			       xdpf_mode_name(mode), xdpf_mode_name(t->iface.mode), name);
	t->old_prog_fd = bpf_prog_get_fd_by_id(t->iface.prog_id);
	if (t->old_prog_fd < 0)
		return rt_fail_sys(log, errno, "%s: the program that runs there (id %u) cannot be opened", name,
				   t->iface.prog_id);
	return rt_carry_recover(t->path, t->old_prog_fd, name, log);
}

static int target_load(struct target *t, const struct xdpf_object *o, enum xdpf_mode mode, bool frags, bool afresh, const struct xdpf_log *log)
{
	const struct xdpf_load_opts opts = { .sz = sizeof(opts), .frags = frags, .generic = mode == XDPF_MODE_GENERIC,
						.ifindex = t->iface.ifindex };
	struct xdpf_program *prog;
	int err;

	rt_carry_free(take_ptr(t->carry));
	err = t->old_prog_fd < 0 || afresh ? 0 : rt_carry_new(&t->carry, t->old_prog_fd, o, t->iface.name, log);
	if (!err)
		err = rt_program_load(&prog, o, &opts, t->carry, log);
	if (err)
		return err;
	xdpf_program_free(t->prog);
	t->prog = prog;
	return 0;
}

/* ---- changes ---- */

const char *rt_driver_name(const char *iface, struct ethtool_drvinfo *info)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq req = { .ifr_data = (char *)info };

	*info = (struct ethtool_drvinfo){ .cmd = ETHTOOL_GDRVINFO };
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", iface);
	if (fd < 0 || ioctl(fd, SIOCETHTOOL, &req) || !info->driver[0])
		return NULL;
	info->driver[sizeof(info->driver) - 1] = '\0';
	return info->driver;
}

static int explain_attach(const struct target *t, int err, enum xdpf_mode mode, const struct xdpf_log *log)
{
	const char *name = t->iface.name, *driver;
	struct ethtool_drvinfo info;

	if (mode == XDPF_MODE_NATIVE && (err == EOPNOTSUPP || err == ENOTSUP)) {
		driver = rt_driver_name(name, &info);
		return rt_fail(log, err,
			       "%s: its driver%s%s cannot run XDP programs natively%s; `--mode generic` works everywhere, more slowly",
			       name, driver ? " " : "", driver ? driver : "", t->prog->frags ? " (or not at this MTU)" : "");
	}
	if (mode == XDPF_MODE_NATIVE && (err == ERANGE || err == EINVAL || err == ENOSPC))
		return rt_fail(log, err, "%s: the driver refuses native XDP: %s\n"
			       "Usual causes: its MTU (now %u) or its peer's is too large, LRO is on, or there are too few queues; "
			       "`--mode generic` works everywhere, more slowly", name, strerror(err), t->iface.mtu);
	return rt_fail_sys(log, err, "%s: the program cannot be attached in %s mode", name, xdpf_mode_name(mode));
}

static int pin_new(struct target *t, const struct xdpf_log *log)
{
	int err;

	/* A pin from before whose link lost its interface: that link is dead. */
	if (unlink(t->path) && errno != ENOENT)
		return rt_fail_sys(log, errno, "%s cannot be removed", t->path);
	err = rt_bpffs_pin(t->link_fd, t->path, log);
	if (err)
		close(take_fd(t->link_fd));	/* unpinned, it goes with its fd */
	else
		t->changed = true;
	return err;
}

/* Creates or updates the link. 0, or an errno that explain_attach() knows to explain. */
static int link_program(struct target *t, enum xdpf_mode mode)
{
	LIBBPF_OPTS(bpf_link_create_opts, create, .flags = mode == XDPF_MODE_GENERIC ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
	LIBBPF_OPTS(bpf_link_update_opts, update, .flags = BPF_F_REPLACE, .old_prog_fd = (uint32_t)t->old_prog_fd);

	if (t->old_prog_fd >= 0)
		return bpf_link_update(t->link_fd, t->prog->prog_fd, &update) ? errno : 0;
	t->link_fd = bpf_link_create(t->prog->prog_fd, (int)t->iface.ifindex, BPF_XDP, &create);
	return t->link_fd < 0 ? errno : 0;
}

/* Whose counters are not written down yet is held, or they would be lost with us. */
static int hold_before(const struct target *t, const struct xdpf_log *log)
{
	return t->carry ? rt_bpffs_pin_before(t->old_prog_fd, t->path, log) : 0;
}

static int attach(struct target *t, const struct xdpf_object *o, enum xdpf_mode mode, bool afresh, const struct xdpf_log *log)
{
	int err = hold_before(t, log);

	if (err)
		return err;
	err = link_program(t, mode);

	/* The peer's MTU counts too, and only the driver knows it. */
	if (err == ERANGE && mode == XDPF_MODE_NATIVE && !t->prog->frags) {
		err = target_load(t, o, mode, true, afresh, log);
		if (err)
			return err;
		err = link_program(t, mode);
	}
	if (!err && t->old_prog_fd < 0)
		return pin_new(t, log);
	t->changed = !err;
	if (err == EPERM && t->old_prog_fd >= 0)
		return rt_fail(log, EBUSY, "%s: its filter was replaced by somebody else just now; apply again", t->iface.name);
	return err ? explain_attach(t, err, mode, log) : 0;
}

static void target_undo(struct target *t, const struct xdpf_log *log)
{
	if (t->carry)
		rt_bpffs_pin_before(-1, t->path, log);
	if (!t->changed)
		return;
	if (t->old_prog_fd < 0) {
		rt_bpffs_unpin(t->path, log);
		close(take_fd(t->link_fd));
	} else if (bpf_link_update(t->link_fd, t->old_prog_fd, NULL)) {
		rt_log(log, XDPF_LOG_ERROR, "%s: the earlier filter cannot be put back: %s; the new one runs there",
		       t->iface.name, strerror(errno));
	}
}

/* ---- all of them ---- */

/* In generic mode the kernel makes frames linear for us. */
static bool needs_frags(const struct target *t, enum xdpf_mode mode)
{
	return mode == XDPF_MODE_NATIVE && t->iface.mtu > PLAIN_MTU;
}

/* New tables where they will do, else a program that is loaded, not yet attached. */
static int target_make(struct target *t, const struct xdpf_object *o, enum xdpf_mode mode, const struct xdpf_apply_opts *opt,
		       const struct xdpf_log *log)
{
	int err = 0;

	if (t->old_prog_fd < 0)
		snprintf(t->why, sizeof(t->why), "no filter ran there");
	else if (opt->reload || opt->afresh)
		snprintf(t->why, sizeof(t->why), "that was asked for");
	else
		err = rt_swap_prepare(&t->swap, t->why, sizeof(t->why), t->old_prog_fd, o, t->iface.name, needs_frags(t, mode), log);
	if (err || t->swap)
		return err;
	return target_load(t, o, mode, needs_frags(t, mode), opt->afresh, log);
}

/* Does the program that new tables were made for still run there? */
static int check_link(const struct target *t, const struct xdpf_log *log)
{
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info);

	if (!bpf_obj_get_info_by_fd(t->link_fd, &info, &len) && info.prog_id == t->iface.prog_id)
		return 0;
	return rt_fail(log, EBUSY, "%s: its filter was replaced by somebody else just now; apply again", t->iface.name);
}

/* What may fail comes first: tables are exchanged by a store each. */
static int attach_all(struct target *t, size_t n, const struct xdpf_object *o, enum xdpf_mode mode, bool afresh, const struct xdpf_log *log)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = t[i].swap ? check_link(&t[i], log) : attach(&t[i], o, mode, afresh, log);
	for (size_t i = 0; i < n && !err; i++)
		if (t[i].swap)
			rt_swap_commit(t[i].swap);
	return err;
}

static void say_exchanged(const struct target *t, const struct xdpf_meta *m, const struct xdpf_log *log)
{
	size_t kept, fresh, gone;

	rt_swap_counts(t->swap, &kept, &fresh, &gone);
	rt_log(log, XDPF_LOG_INFO, "%s: %s: tables exchanged, no program loaded; %zu rule%s: %zu new, %zu gone; the other counters go on",
	       t->iface.name, m->program, m->n_rules, m->n_rules == 1 ? "" : "s", fresh, gone);
}

static void say_carried(const struct target *t, const struct xdpf_log *log)
{
	size_t kept, fresh, gone;

	rt_carry_counts(t->carry, &kept, &fresh, &gone);
	rt_log(log, XDPF_LOG_INFO, "%s: counters, sets and limits of the same names go on; rules: %zu new, %zu gone", t->iface.name, fresh, gone);
	rt_carry_say(t->carry, t->iface.name, log);
}

static void say_done(const struct target *t, const struct xdpf_log *log)
{
	const struct xdpf_meta *m = xdpf_program_meta(t->prog);

	if (t->old_prog_fd >= 0)
		rt_log(log, XDPF_LOG_INFO, "%s: program loaded because %s", t->iface.name, t->why);
	rt_log(log, XDPF_LOG_INFO, "%s: %s %s, %s mode%s, %zu rule%s%s", t->iface.name, t->old_prog_fd < 0 ? "runs" : "replaced by",
	       m->program, xdpf_mode_name(t->iface.mode), t->prog->frags ? " with frags" : "", m->n_rules,
	       m->n_rules == 1 ? "" : "s", t->old_prog_fd < 0 || t->carry ? "" : "; counters and tables start at zero");
	if (t->carry)
		say_carried(t, log);
}

static void warn_of_names(const struct xdpf_meta *m, const struct xdpf_log *log)
{
	for (size_t i = 0; i < m->n_ifaces; i++)
		if (!if_nametoindex(m->ifaces[i]))
			rt_log(log, XDPF_LOG_WARNING,
			       "no interface is called %s now: conditions on it match nothing until the filter is applied again",
			       m->ifaces[i]);
}

static int apply_all(struct target *t, size_t n, const struct xdpf_object *o, const char *const *ifaces, enum xdpf_mode mode,
		     const struct xdpf_apply_opts *opt, const struct xdpf_log *log)
{
	size_t i;
	int err = 0;

	for (i = 0; i < n && !err; i++)
		err = target_prepare(&t[i], ifaces[i], mode, log);
	for (i = 0; i < n && !err; i++)
		for (size_t k = 0; k < i && !err; k++)
			if (t[k].iface.ifindex == t[i].iface.ifindex)
				err = rt_fail(log, EINVAL, "%s: given twice", ifaces[i]);
	for (i = 0; i < n && !err; i++)
		err = rt_rx_check(o, &t[i].iface, mode, log);
	for (i = 0; i < n && !err; i++)
		err = target_make(&t[i], o, mode, opt, log);
	if (!err)
		err = attach_all(t, n, o, mode, opt->afresh, log);
	for (i = 0; i < n && !err; i++)
		t[i].iface.mode = mode;
	if (!err)
		return 0;
	for (i = 0; i < n; i++)
		target_undo(&t[i], log);
	if (n > 1)
		rt_log(log, XDPF_LOG_ERROR, "nothing was changed on any of the %zu interfaces", n);
	return err;
}

/* What cannot be finished is left pinned, for the next command. */
static void finish_carry(struct target *t, const struct xdpf_log *log)
{
	if (!rt_carry_finish(t->carry, t->prog, log))
		rt_bpffs_pin_before(-1, t->path, log);
}

int xdpf_object_apply(const struct xdpf_object *o, const char *const *ifaces, size_t n, const struct xdpf_apply_opts *opts,
		      const struct xdpf_log *log)
{
	struct xdpf_apply_opts opt = opts_copy(struct xdpf_apply_opts, opts);
	enum xdpf_mode mode = opt.mode == XDPF_MODE_GENERIC ? XDPF_MODE_GENERIC : XDPF_MODE_NATIVE;
	_cleanup_free_ struct target *t = calloc(n ? n : 1, sizeof(*t));
	_cleanup_close_ int lock = -1;
	int err;

	if (!t)
		return rt_fail(log, ENOMEM, "out of memory");
	if (opt.mode != XDPF_MODE_NONE && opt.mode != mode)
		return rt_fail(log, EINVAL, "a filter runs in native or generic mode");
	for (size_t i = 0; i < n; i++)
		t[i].link_fd = t[i].old_prog_fd = -1;
	warn_of_names(xdpf_object_meta(o), log);
	err = rt_bpffs_lock(&lock, log);
	if (!err)
		err = apply_all(t, n, o, ifaces, mode, &opt, log);
	for (size_t i = 0; i < n; i++) {
		/* the filter runs, whatever becomes of this */
		if (!err && t[i].carry)
			finish_carry(&t[i], log);
		if (!err && !t[i].swap)
			rt_failures_own(t[i].prog);
		if (!err && !t[i].swap)
			rt_bpffs_pin_watch(t[i].prog->watch_fd, t[i].path, log);
		if (!err && t[i].swap)
			say_exchanged(&t[i], xdpf_object_meta(o), log);
		else if (!err)
			say_done(&t[i], log);
		if (!err && opt.applied) {
			opt.applied[i].tables = t[i].swap;
			snprintf(opt.applied[i].why, sizeof(opt.applied[i].why), "%s", t[i].swap ? "" : t[i].why);
			opt.applied[i].carried = t[i].carry;
			opt.applied[i].lost = t[i].carry ? rt_carry_take_lost(t[i].carry, &opt.applied[i].n_lost) : NULL;
		}
		target_free(&t[i]);
	}
	return err;
}

int xdpf_iface_remove(const char *name, const struct xdpf_log *log)
{
	_cleanup_close_ int lock = -1, link = -1;
	struct xdpf_iface i;
	char path[RT_PATH_MAX], prog[64];
	int err = rt_bpffs_lock(&lock, log);

	if (!err)
		err = rt_iface_query(&i, &link, name, log);
	if (!err)
		err = rt_bpffs_path(path, i.ifindex, log);
	if (err)
		return err;
	if (i.mode == XDPF_MODE_NONE)
		return rt_fail(log, ENOENT, "%s: no XDP program runs there", name);
	if (i.ours_hidden)
		return rt_iface_fail_hidden(&i, log);
	if (!i.ours)
		return rt_fail(log, ENOENT, "%s: nothing of ours to remove; %s runs there and stays", name,
			       rt_iface_program(&i, prog, sizeof(prog)));
	/* Detached by force: somebody else may hold the link open too. */
	if (bpf_link_detach(link))
		return rt_fail_sys(log, errno, "%s: the filter cannot be detached", name);
	err = rt_bpffs_unpin(path, log);
	if (!err)
		rt_log(log, XDPF_LOG_INFO, "%s: removed %s", name, rt_iface_program(&i, prog, sizeof(prog)));
	return err;
}
