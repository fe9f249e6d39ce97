/*
 * Attaching, replacing and removing. In come an object and interfaces; out goes a filter on each of them, held by a pinned
 * link, or everything as it was. Where a program that runs needs other tables only, it gets them (swap.c), and none is loaded.
 * One that is to be confirmed runs behind a guard (guard.c). Guaranteed: the mode asked for is the mode it gets, a replacement leaves no moment
 * without a filter, a program of somebody else's is never touched, and whoever is ended in the middle leaves each interface with the old or the
 * new filter, and pins that say which (pending.h).
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>

#include "merge.h"
#include "pending.h"

enum { PLAIN_MTU = 1500 };	/* what every driver takes without frags */

/* What was asked for. */
struct how {
	enum xdpf_mode mode;
	bool reload, afresh;
	uint64_t confirm;	/* ns to wait for that; 0: it runs for good at once */
	uint64_t until;		/* that time, by rt_clock() */
};

/* One interface on its way to a new program. */
struct target {
	struct xdpf_iface iface;
	char path[RT_PATH_MAX];
	struct xdpf_program *prog;
	int link_fd;		/* of the filter that runs there, or the new one */
	int old_prog_fd;	/* what to go back to; -1: nothing ran there */
	bool changed;
	struct rt_guard guard;	/* .prog_fd -1: there is nothing to be confirmed */
	struct rt_carry *carry;	/* what goes on in .prog; NULL: nothing */
	struct rt_swap *swap;	/* in place of .prog: tables for the program that runs */
	char why[160];		/* there is none, because */
};

static void target_free(struct target *t)
{
	xdpf_program_free(t->prog);
	rt_swap_free(t->swap);
	rt_guard_close(&t->guard);
	rt_carry_free(t->carry);
	close_fd(&t->link_fd);
	close_fd(&t->old_prog_fd);
}

/* ---- before anything is touched ---- */

static int refuse_foreign(const struct xdpf_iface *i, const struct xdpf_log *log)
{
	char prog[64];

	rt_iface_program(i, prog, sizeof(prog));
	if (!strcmp(i->prog_name, RT_DISPATCHER))
		return rt_fail(log, EBUSY, "%s: libxdp's dispatcher (id %u) runs there and stays; `--dispatch` makes the filter one of its parts",
			       i->name, i->prog_id);
	if (i->link_id)
		return rt_fail(log, EBUSY, "%s: %s runs there and is not ours (attached by link %u); it stays.\n"
			       "Stop what attached it, or detach it with `bpftool link detach id %u`, then apply again",
			       i->name, prog, i->link_id, i->link_id);
	return rt_fail(log, EBUSY, "%s: %s runs there and is not ours; it stays.\n"
		       "Take it off with the tool that attached it, or with `ip link set dev %s %s off`, then apply again",
		       i->name, prog, i->name,
		       i->mode == XDPF_MODE_GENERIC ? "xdpgeneric" : i->mode == XDPF_MODE_OFFLOAD ? "xdpoffload" : "xdp");
}

static int refuse_pending(const struct xdpf_iface *i, const struct xdpf_log *log)
{
	return rt_fail(log, EBUSY, "%s: a filter waits for confirmation there, for %llu s more: `xdpf confirm %s` or `xdpf rollback %s` first",
		       i->name, (unsigned long long)((i->left + 999999999) / 1000000000), i->name, i->name);
}

static int target_prepare(struct target *t, const char *name, enum xdpf_mode mode, const struct xdpf_log *log)
{
	int err = rt_moved(name, log);

	if (!err)
		err = rt_iface_query(&t->iface, &t->link_fd, name, log);
	if (!err)
		err = rt_bpffs_path(t->path, t->iface.ifindex, log);
	if (!err && !rt_iface_ethernet(&t->iface))
		err = rt_iface_fail_frames(&t->iface, log);
	if (err || t->iface.mode == XDPF_MODE_NONE)
		return err;
	if (t->iface.ours_hidden)
		return rt_iface_fail_hidden(&t->iface, log);
	if (!t->iface.ours)
		return refuse_foreign(&t->iface, log);
	if (t->iface.pending)
		return refuse_pending(&t->iface, log);
	if (t->iface.mode != mode)
		return rt_fail(log, EBUSY,
			       "%s: the filter there runs in %s mode, and %s was asked for; a running filter cannot change its mode.\n"
			       "Apply with --mode %s, or `xdpf remove %s` first", name, xdpf_mode_name(t->iface.mode),
			       xdpf_mode_name(mode), xdpf_mode_name(t->iface.mode), name);
	t->old_prog_fd = rt_prog_get(t->iface.prog_id);
	if (t->old_prog_fd < 0)
		return rt_fail_sys(log, errno, "%s: the program that runs there (id %u) cannot be opened", name,
				   t->iface.prog_id);
	return rt_carry_recover(t->path, t->old_prog_fd, false, name, log);
}

static int target_load(struct target *t, const struct xdpf_object *o, const struct how *how, bool frags, const struct xdpf_log *log)
{
	const struct xdpf_load_opts opts = { .sz = sizeof(opts), .frags = frags, .generic = how->mode == XDPF_MODE_GENERIC,
						.ifindex = t->iface.ifindex };
	struct xdpf_program *prog;
	int err;

	rt_carry_free(take_ptr(t->carry));
	err = t->old_prog_fd < 0 || how->afresh ? 0 : rt_carry_new(&t->carry, t->old_prog_fd, o, how->confirm, t->iface.name, log);
	if (!err)
		err = rt_program_load(&prog, o, &opts, t->carry, log);
	if (err)
		return err;
	err = rt_hold(prog, log);
	if (err) {
		xdpf_program_free(prog);
		return err;
	}
	xdpf_program_free(t->prog);
	t->prog = prog;
	return 0;
}

/* A guard before the program that was loaded, if that is to be confirmed. */
static int target_guard(struct target *t, const struct how *how, const struct xdpf_log *log)
{
	int err;

	if (!how->confirm)
		return 0;
	rt_guard_close(&t->guard);
	err = rt_guard_make(&t->guard, t->old_prog_fd, t->prog->prog_fd, how->until, t->prog->frags, t->iface.name, log);
	if (!err)
		rt_failures_watch_too(t->guard.watch_fd, t->prog, t->guard.prog_fd, log);
	return err;
}

/* ---- changes ---- */

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

/* What the link runs in the end: the guard, or the filter itself. */
static int to_attach(const struct target *t)
{
	return t->guard.prog_fd >= 0 ? t->guard.prog_fd : t->prog->prog_fd;
}

/* Before a link is changed: what says to whoever comes next how far it came. */
static int pin_before(struct target *t, const struct xdpf_log *log)
{
	int err = 0;

	if (t->old_prog_fd >= 0)
		err = rt_pin_put(t->old_prog_fd, t->path, RT_PIN_KEPT, log);
	/* what is not carried over yet is held, or it would be lost with us */
	if (!err)
		err = rt_carry_pin(t->carry, t->prog, t->path, log);
	if (!err && t->guard.prog_fd >= 0)
		err = rt_pin_put(t->prog->prog_fd, t->path, RT_PIN_NEW, log);
	if (!err && t->guard.prog_fd >= 0)
		err = rt_guard_pin(&t->guard, t->path, log);
	if (!err)
		err = rt_pin_watch(t->prog->watch_fd, rt_prog_id(t->prog->prog_fd), t->path, log);
	return err ? err : rt_pin_watch(t->guard.watch_fd, rt_prog_id(t->guard.prog_fd), t->path, log);
}

static int pin_new(struct target *t, const struct xdpf_log *log)
{
	int err = rt_pin_put(t->link_fd, t->path, RT_PIN_LINK, log);

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
		return bpf_link_update(t->link_fd, to_attach(t), &update) ? errno : 0;
	t->link_fd = bpf_link_create(to_attach(t), (int)t->iface.ifindex, BPF_XDP, &create);
	return t->link_fd < 0 ? errno : 0;
}

/* Did somebody else come between the question what runs there and the change? */
static bool is_raced(const struct target *t, int err)
{
	struct xdpf_iface now;

	if (t->old_prog_fd >= 0)
		return err == EPERM || err == ENOLINK;
	return (err == EBUSY || err == EEXIST) && !rt_iface_query(&now, NULL, t->iface.name, NULL) && now.mode != XDPF_MODE_NONE;
}

static int fail_raced(const struct target *t, const struct xdpf_log *log)
{
	return rt_fail(log, EBUSY, "%s: SOMEBODY ELSE changed its XDP program just now; theirs stays, and this filter does NOT run there.\n"
		       "Look at `xdpf status %s`, then apply again", t->iface.name, t->iface.name);
}

static int attach(struct target *t, const struct xdpf_object *o, const struct how *how, const struct xdpf_log *log)
{
	int err = link_program(t, how->mode);

	/* The peer's MTU counts too, and only the driver knows it. */
	if (err == ERANGE && how->mode == XDPF_MODE_NATIVE && !t->prog->frags && !(how->confirm && t->old_prog_fd >= 0)) {
		err = target_load(t, o, how, true, log);
		if (!err)
			err = target_guard(t, how, log);
		if (!err)
			err = pin_before(t, log);
		if (err)
			return err;
		err = link_program(t, how->mode);
	}
	if (!err && t->old_prog_fd < 0)
		return pin_new(t, log);
	t->changed = !err;
	if (err && is_raced(t, err))
		return fail_raced(t, log);
	return err ? explain_attach(t, err, how->mode, log) : 0;
}

/* Back to what was there, unless somebody else was there meanwhile; and nothing is left of what was made ready. */
static void target_undo(struct target *t, const struct xdpf_log *log)
{
	LIBBPF_OPTS(bpf_link_update_opts, update, .flags = BPF_F_REPLACE);

	if (t->old_prog_fd < 0 && t->changed) {
		rt_bpffs_unpin(t->path, log);
		close(take_fd(t->link_fd));
	} else if (t->changed) {
		update.old_prog_fd = (uint32_t)to_attach(t);
		if (bpf_link_update(t->link_fd, t->old_prog_fd, &update))
			rt_log(log, XDPF_LOG_ERROR, "%s: the earlier filter cannot be put back: %s; look at `xdpf status %s`", t->iface.name,
			       errno == EPERM ? "somebody else changed it meanwhile" : strerror(errno), t->iface.name);
	}
	if (t->carry)
		rt_carry_unpin(t->path);
	if (t->prog || t->swap)
		rt_settle(t->path, NULL);
}

/* ---- all of them ---- */

/* In generic mode the kernel makes frames linear for us. */
static bool needs_frags(const struct target *t, enum xdpf_mode mode)
{
	return mode == XDPF_MODE_NATIVE && t->iface.mtu > PLAIN_MTU;
}

/* The kernel goes on from one program to another only if both take frames in fragments or both do not: as the old one does, so does the new one. */
static int as_the_old(bool *frags, const struct target *t, const struct xdpf_log *log)
{
	_cleanup_(rt_program_freep) struct xdpf_program *p = NULL;
	int fd = dup(t->old_prog_fd);

	if (fd < 0)
		return rt_fail_sys(log, errno, "%s: its program cannot be held", t->iface.name);
	if (rt_program_open(&p, fd, t->iface.name, log))
		return rt_fail(log, EOPNOTSUPP, "%s: what runs there does not say how it was loaded, so it cannot be kept behind a guard.\n"
			       "Apply without --confirm", t->iface.name);
	*frags = rt_meta_get(p->meta)->frags;
	return 0;
}

/* New tables where they will do, else a program that is loaded, not yet attached. */
static int target_make(struct target *t, const struct xdpf_object *o, const struct how *how, const struct xdpf_log *log)
{
	bool frags = needs_frags(t, how->mode);
	int err = 0;

	if (t->old_prog_fd < 0)
		snprintf(t->why, sizeof(t->why), "no filter ran there");
	else if (how->reload || how->afresh)
		snprintf(t->why, sizeof(t->why), "that was asked for");
	else if (how->confirm)
		snprintf(t->why, sizeof(t->why), "the one from before is kept as it is until this one is confirmed");
	else
		err = rt_swap_prepare(&t->swap, t->why, sizeof(t->why), t->old_prog_fd, o, t->iface.name, frags, log);
	if (!err && how->confirm && t->old_prog_fd >= 0)
		err = as_the_old(&frags, t, log);
	if (err || t->swap)
		return err;
	return target_load(t, o, how, frags, log);
}

/* Does the program that new tables were made for still run there? */
static int check_link(const struct target *t, const struct xdpf_log *log)
{
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info);

	if (!bpf_obj_get_info_by_fd(t->link_fd, &info, &len) && info.prog_id == t->iface.prog_id)
		return 0;
	return fail_raced(t, log);
}

/* What may fail comes first: tables are exchanged by a store each. */
static int attach_all(struct target *t, size_t n, const struct xdpf_object *o, const struct how *how, const struct xdpf_log *log)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = t[i].swap ? 0 : target_guard(&t[i], how, log);
	/* of all, before the first is changed: then it is seen of all that they were to be */
	for (size_t i = 0; i < n && !err; i++)
		err = t[i].swap ? rt_pin_put(rt_swap_meta_fd(t[i].swap), t[i].path, RT_PIN_TABLES, log) : pin_before(&t[i], log);
	for (size_t i = 0; i < n && !err; i++)
		err = t[i].swap ? check_link(&t[i], log) : attach(&t[i], o, how, log);
	for (size_t i = 0; i < n && !err; i++) {
		/* what ran before the program that got other tables is not what a rollback should go back to */
		if (t[i].swap)
			rt_pin_drop(t[i].path, RT_PIN_PREVIOUS);
		if (t[i].swap)
			rt_swap_commit(t[i].swap);
		else
			rt_failures_own(t[i].prog);
	}
	/* only now: until here the pins of each say that it is in the middle of a change */
	for (size_t i = 0; i < n && !err; i++)
		rt_settle(t[i].path, NULL);
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
			       "no interface is called %s now: conditions on it match nothing until there is one, and `xdpf follow`",
			       m->ifaces[i]);
}

static void say_pending(const struct target *t, const struct how *how, const struct xdpf_log *log)
{
	if (how->confirm)
		rt_log(log, XDPF_LOG_INFO, "%s: unless `xdpf confirm %s` comes within %llu s, %s", t->iface.name, t->iface.name,
		       (unsigned long long)(how->confirm / 1000000000), t->old_prog_fd < 0 ? "nothing filters there again" :
		       "the filter from before is back");
	if (how->confirm && t->prog->frags != needs_frags(t, how->mode))
		rt_log(log, XDPF_LOG_INFO, "%s: it was loaded %s frags, as the filter from before was; `xdpf apply --reload`, once it is confirmed, "
		       "loads it as the interface wants it now", t->iface.name, t->prog->frags ? "with" : "without");
}

static int apply_all(struct target *t, size_t n, const struct xdpf_object *o, const char *const *ifaces, struct how *how,
		     const struct xdpf_log *log)
{
	size_t i;
	int err = 0;

	for (i = 0; i < n && !err; i++)
		err = target_prepare(&t[i], ifaces[i], how->mode, log);
	for (i = 0; i < n && !err; i++)
		for (size_t k = 0; k < i && !err; k++)
			if (t[k].iface.ifindex == t[i].iface.ifindex)
				err = rt_fail(log, EINVAL, "%s: given twice", ifaces[i]);
	for (i = 0; i < n && !err; i++)
		err = rt_made_check(o, &t[i].iface, t[i].old_prog_fd, log);
	for (i = 0; i < n && !err; i++)
		err = rt_rx_check(o, &t[i].iface, how->mode, log);
	for (i = 0; i < n && !err; i++)
		rt_nic_warn(o, &t[i].iface, log);
	for (i = 0; i < n && !err; i++)
		err = target_make(&t[i], o, how, log);
	how->until = rt_clock() + how->confirm;
	if (!err)
		err = attach_all(t, n, o, how, log);
	for (i = 0; i < n && !err; i++)
		t[i].iface.mode = how->mode;
	if (!err)
		return 0;
	for (i = 0; i < n; i++)
		target_undo(&t[i], log);
	if (n > 1)
		rt_log(log, XDPF_LOG_ERROR, "nothing was changed on any of the %zu interfaces", n);
	return err;
}

static void tell(struct target *t, const struct xdpf_object *o, const struct how *how, struct xdpf_applied *applied,
		 const struct xdpf_log *log)
{
	if (t->swap)
		say_exchanged(t, xdpf_object_meta(o), log);
	else
		say_done(t, log);
	say_pending(t, how, log);
	if (applied) {
		applied->tables = t->swap;
		snprintf(applied->why, sizeof(applied->why), "%s", t->swap ? "" : t->why);
		applied->carried = t->carry;
		applied->lost = t->carry ? rt_carry_take_lost(t->carry, &applied->n_lost) : NULL;
	}
}

/* What cannot be finished is left pinned, for the next command; what waits for confirmation is, for that. */
static void finish_carry(struct target *t, const struct how *how, const struct xdpf_log *log)
{
	if (!rt_carry_finish(t->carry, t->prog, t->path, how->confirm, log) && !how->confirm)
		rt_carry_unpin(t->path);
}

int xdpf_object_apply(const struct xdpf_object *o, const char *const *ifaces, size_t n, const struct xdpf_apply_opts *opts,
		      const struct xdpf_log *log)
{
	struct xdpf_apply_opts opt = opts_copy(struct xdpf_apply_opts, opts);
	struct how how = { opt.mode == XDPF_MODE_GENERIC ? XDPF_MODE_GENERIC : XDPF_MODE_NATIVE, opt.reload, opt.afresh, opt.confirm, 0 };
	_cleanup_free_ struct target *t = calloc(n ? n : 1, sizeof(*t));
	_cleanup_close_ int lock = -1;
	int err = rt_opts_check(opts, sizeof(opt), log);

	if (err || !t)
		return err ? err : rt_fail(log, ENOMEM, "out of memory");
	if (opt.mode != XDPF_MODE_NONE && opt.mode != how.mode)
		return rt_fail(log, EINVAL, "a filter runs in native or generic mode");
	if (opt.confirm > XDPF_CONFIRM_MAX || (opt.confirm && opt.confirm < XDPF_CONFIRM_MIN))
		return rt_fail(log, EINVAL, "a filter waits for confirmation from 1 second to 24 hours");
	for (size_t i = 0; i < n; i++) {
		t[i].link_fd = t[i].old_prog_fd = -1;
		t[i].guard = RT_NO_GUARD;
	}
	warn_of_names(xdpf_object_meta(o), log);
	err = rt_bpffs_lock(&lock, log);
	if (!err)
		rt_names_follow(NULL, log);
	if (!err)
		err = apply_all(t, n, o, ifaces, &how, log);
	for (size_t i = 0; i < n; i++) {
		/* the filter runs, whatever becomes of this */
		if (!err && t[i].carry)
			finish_carry(&t[i], &how, log);
		if (!err)
			tell(&t[i], o, &how, opt.applied ? &opt.applied[i] : NULL, log);
		target_free(&t[i]);
	}
	if (lock >= 0)
		rt_held_sweep();
	return err;
}
