/*
 * The end of a change: what waits for confirmation is confirmed, or what ran before is put back. In come interfaces; out goes, by one exchange of
 * each link's program against the one that is expected there, the filter that is to run for good.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>

#include "pending.h"

/* A filter of ours, asked for under the lock. */
struct place {
	struct xdpf_iface iface;
	char path[RT_PATH_MAX];
	int link_fd;
	uint32_t attached;		/* the id of what the link runs: the filter, or its guard */
};

static void place_free(struct place *p)
{
	close_fd(&p->link_fd);
}

static int find(struct place *p, const char *name, const struct xdpf_log *log)
{
	struct bpf_link_info link = { 0 };
	uint32_t len = sizeof(link);
	char prog[64];
	int err;

	p->link_fd = -1;
	err = rt_iface_query(&p->iface, &p->link_fd, name, log);
	if (!err)
		err = rt_bpffs_path(p->path, p->iface.ifindex, log);
	if (err)
		return err;
	if (p->iface.mode == XDPF_MODE_NONE)
		return rt_fail(log, ENOENT, "%s: no XDP program runs there", name);
	if (p->iface.ours_hidden)
		return rt_iface_fail_hidden(&p->iface, log);
	if (!p->iface.ours)
		return rt_fail(log, ENOENT, "%s: no filter of ours runs there, but %s", name, rt_iface_program(&p->iface, prog, sizeof(prog)));
	if (bpf_obj_get_info_by_fd(p->link_fd, &link, &len))
		return rt_fail_sys(log, errno, "%s: its link cannot be looked at", name);
	p->attached = link.prog_id;
	return 0;
}

/* From the program that runs now, or its guard, to the one that is pinned as @to. */
static int exchange(const struct place *p, const char *to, const struct xdpf_log *log)
{
	_cleanup_close_ int old = p->iface.pending ? rt_guard_open(p->path, p->attached) : rt_prog_get(p->iface.prog_id);
	_cleanup_close_ int new = rt_pin_get(p->path, to);
	LIBBPF_OPTS(bpf_link_update_opts, update, .flags = BPF_F_REPLACE, .old_prog_fd = (uint32_t)old);

	if (new < 0 && p->iface.pending)
		new = rt_prog_get(p->iface.prog_id);	/* its pin was taken away by hand, perhaps */
	if (old < 0 || new < 0)
		return rt_fail_sys(log, errno, "%s: a program that was kept for this cannot be opened", p->iface.name);
	if (!p->iface.pending) {
		int err = rt_pin_put(old, p->path, RT_PIN_KEPT, log);

		if (err)
			return err;
	}
	if (!bpf_link_update(p->link_fd, new, &update)) {
		rt_failures_own_id(rt_prog_id(new));
		return 0;
	}
	if (errno == EPERM || errno == ENOLINK)
		return rt_fail(log, EBUSY, "%s: SOMEBODY ELSE changed its XDP program just now; theirs stays.\nLook at `xdpf status %s`",
			       p->iface.name, p->iface.name);
	return rt_fail_sys(log, errno, "%s: its program cannot be exchanged", p->iface.name);
}

static int check_pending(const struct place *p, const struct xdpf_log *log)
{
	if (p->iface.pending)
		return 0;
	return rt_fail(log, ENOENT, "%s: no filter waits for confirmation there; `xdpf status %s` says what runs", p->iface.name, p->iface.name);
}

/* What the filter from before counted is known for good now. What fails is left to the next command. */
static void finish_carry(const struct place *p, const struct xdpf_log *log)
{
	_cleanup_close_ int prog = rt_prog_get(p->iface.prog_id);

	rt_carry_recover(p->path, prog, false, p->iface.name, log);
}

static int confirm_all(struct place *p, const char *const *ifaces, size_t n, const struct xdpf_log *log)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = find(&p[i], ifaces[i], log);
	for (size_t i = 0; i < n && !err; i++)
		err = check_pending(&p[i], log);
	if (err && n > 1)
		rt_log(log, XDPF_LOG_ERROR, "nothing was confirmed on any of the %zu interfaces", n);
	if (err)
		return err;
	/* from here on as many as can be: each is one that was asked for */
	for (size_t i = 0; i < n; i++) {
		int e = exchange(&p[i], RT_PIN_NEW, log);

		err = err ? err : e;
		if (e)
			continue;
		rt_settle(p[i].path, NULL);
		finish_carry(&p[i], log);
		rt_log(log, XDPF_LOG_INFO, "%s: confirmed; program %s (id %u) runs for good", p[i].iface.name, p[i].iface.prog_name,
		       p[i].iface.prog_id);
	}
	return err;
}

int xdpf_iface_confirm(const char *const *ifaces, size_t n, const struct xdpf_log *log)
{
	_cleanup_free_ struct place *p = calloc(n ? n : 1, sizeof(*p));
	_cleanup_close_ int lock = -1;
	int err;

	if (!p)
		return rt_fail(log, ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		p[i].link_fd = -1;
	err = rt_bpffs_lock(&lock, log);
	if (!err)
		err = confirm_all(p, ifaces, n, log);
	if (lock >= 0)
		rt_held_sweep();
	for (size_t i = 0; i < n; i++)
		place_free(&p[i]);
	return err;
}

static int roll_back_pending(struct place *p, const struct xdpf_log *log)
{
	uint32_t none = p->iface.back_to;
	int err = rt_go_back(p->link_fd, p->path, p->attached, p->iface.back_to, log);

	if (err)
		return err;
	if (none) {
		rt_failures_own_id(none);
		rt_settle(p->path, NULL);
	}
	rt_log(log, XDPF_LOG_INFO, none ? "%s: the filter from before runs (program id %u)" : "%s: as before, nothing filters there",
	       p->iface.name, none);
	return 0;
}

static int roll_back(struct place *p, const struct xdpf_log *log)
{
	_cleanup_close_ int previous = rt_pin_get(p->path, RT_PIN_PREVIOUS);
	int err;

	if (previous < 0 && errno == ENOENT)
		return rt_fail(log, ENOENT, "%s: there is no filter to go back to: only one that was replaced by loading a program is kept, "
			       "and only the last.\nApply the earlier rules again; `xdpf apply --confirm` keeps what ran in any case until it is "
			       "confirmed", p->iface.name);
	if (previous < 0)
		return rt_fail_sys(log, errno, "%s: the filter to go back to cannot be opened", p->iface.name);
	err = exchange(p, RT_PIN_PREVIOUS, log);
	/* what ran is kept as the previous one */
	rt_settle(p->path, NULL);
	if (!err)
		rt_log(log, XDPF_LOG_INFO, "%s: the filter from before runs (program id %u); another rollback undoes that", p->iface.name,
		       rt_prog_id(previous));
	return err;
}

int xdpf_iface_rollback(const char *iface, const struct xdpf_log *log)
{
	_cleanup_(place_free) struct place p = { .link_fd = -1 };
	_cleanup_close_ int lock = -1;
	int err = rt_bpffs_lock(&lock, log);

	if (!err)
		err = find(&p, iface, log);
	if (!err)
		err = p.iface.pending ? roll_back_pending(&p, log) : roll_back(&p, log);
	if (lock >= 0)
		rt_held_sweep();
	return err;
}
