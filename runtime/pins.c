/*
 * What is pinned beside links, and what becomes of it when a change was ended in the middle. In comes the path of a link, whose program says how far
 * the change came; behind that nothing of the change is left: it is finished where the link has its program, else undone. A filter that nobody
 * confirmed in time goes, and the one from before is back.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/stat.h>

#include "pending.h"

static const char *const TRANSIENT[] = { RT_PIN_GUARD, RT_PIN_PROGRAMS, RT_PIN_UNTIL, RT_PIN_NEW, RT_PIN_TABLES };

enum { N_TRANSIENT = sizeof(TRANSIENT) / sizeof(TRANSIENT[0]) };

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

void rt_pin_path(char out[RT_PATH_MAX], const char *path, const char *name)
{
	snprintf(out, RT_PATH_MAX, "%.*s%s", (int)(strrchr(path, '/') + 1 - path), path, name);
}

int rt_pin_put(int fd, const char *path, const char *name, const struct xdpf_log *log)
{
	char at[RT_PATH_MAX];

	rt_pin_path(at, path, name);
	if (unlink(at) && errno != ENOENT)
		return rt_fail_sys(log, errno, "%s cannot be removed", at);
	return fd < 0 ? 0 : rt_bpffs_pin(fd, at, log);
}

int rt_pin_get(const char *path, const char *name)
{
	char at[RT_PATH_MAX];

	rt_pin_path(at, path, name);
	return bpf_obj_get(at);
}

void rt_pin_drop(const char *path, const char *name)
{
	char at[RT_PATH_MAX];

	rt_pin_path(at, path, name);
	unlink(at);
}

enum rt_pinned rt_pinned(int fd)
{
	char at[64], kind[32];
	ssize_t n;

	snprintf(at, sizeof(at), "/proc/self/fd/%d", fd);
	n = readlink(at, kind, sizeof(kind) - 1);
	if (n <= 0)
		return RT_PINNED_UNKNOWN;
	kind[n] = '\0';
	return strstr(kind, "bpf-prog") ? RT_PINNED_PROGRAM : strstr(kind, "bpf_link") || strstr(kind, "bpf-link") ? RT_PINNED_LINK : RT_PINNED_OTHER;
}

bool rt_xdp_link(struct bpf_link_info *out, int fd)
{
	enum rt_pinned what = fd < 0 ? RT_PINNED_OTHER : rt_pinned(fd);
	uint32_t len = sizeof(*out);

	*out = (struct bpf_link_info){ 0 };
	return (what == RT_PINNED_LINK || what == RT_PINNED_UNKNOWN) && !bpf_obj_get_info_by_fd(fd, out, &len) && out->type == BPF_LINK_TYPE_XDP;
}

uint32_t rt_prog_id(int fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	return fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

static uint32_t pinned_id(const char *path, const char *name)
{
	_cleanup_close_ int fd = rt_pin_get(path, name);

	return rt_prog_id(fd);
}

int rt_pin_watch(const int fd[RT_WATCHES], uint32_t prog_id, const char *path, const struct xdpf_log *log)
{
	char name[32];
	int err = 0;

	for (int i = 0; i < RT_WATCHES && !err; i++) {
		snprintf(name, sizeof(name), i ? RT_PIN_WATCH "%u-%d" : RT_PIN_WATCH "%u", prog_id, i);
		err = fd[i] < 0 ? 0 : rt_pin_put(fd[i], path, name, log);
	}
	return err;
}

/* Calls @fn for the name of each thing that is beside the link. */
static void each_pin(const char *path, void (*fn)(const char *path, const char *name, void *arg), void *arg)
{
	_cleanup_(close_dir) DIR *d = NULL;
	const struct dirent *e;
	char dir[RT_PATH_MAX];

	rt_pin_path(dir, path, "");
	d = opendir(dir);
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && strlen(e->d_name) < 32)
			fn(path, e->d_name, arg);
}

/* ---- watching ---- */

static void drop_watch(const char *path, const char *name, void *arg)
{
	const uint32_t *keep = arg;
	unsigned long id;
	char *end;

	if (strncmp(name, RT_PIN_WATCH, strlen(RT_PIN_WATCH)))
		return;
	id = strtoul(name + strlen(RT_PIN_WATCH), &end, 10);
	if ((*end && *end != '-') || (id != keep[0] && id != keep[1]))
		rt_pin_drop(path, name);
}

static void drop_begin(const char *path, const char *name, void *arg)
{
	const char *begin = arg;

	if (!strncmp(name, begin, strlen(begin)))
		rt_pin_drop(path, name);
}

void rt_pin_drop_all(const char *path, const char *begin)
{
	each_pin(path, drop_begin, (void *)(uintptr_t)begin);
}

void rt_pins_drop(const char *path)
{
	const uint32_t none[2] = { 0 };

	for (size_t i = 0; i < N_TRANSIENT; i++)
		rt_pin_drop(path, TRANSIENT[i]);
	rt_pin_drop(path, RT_PIN_KEPT);
	rt_pin_drop(path, RT_PIN_PREVIOUS);
	rt_carry_unpin(path);
	each_pin(path, drop_watch, (void *)(uintptr_t)none);
}

/* An interface, for messages. */
struct who {
	char text[IF_NAMESIZE + 16];
};

static struct who who(unsigned ifindex)
{
	char name[IF_NAMESIZE];
	struct who w;

	if (if_indextoname(ifindex, name))
		snprintf(w.text, sizeof(w.text), "%s", name);
	else
		snprintf(w.text, sizeof(w.text), "interface %u", ifindex);
	return w;
}

/* ---- finishing and undoing ---- */

static void rename_kept(const char *path)
{
	char kept[RT_PATH_MAX], previous[RT_PATH_MAX];

	rt_pin_path(kept, path, RT_PIN_KEPT);
	rt_pin_path(previous, path, RT_PIN_PREVIOUS);
	if (rename(kept, previous))
		unlink(kept);
}

static void say_ended(const struct bpf_link_info *link, bool done, const struct xdpf_log *log)
{
	rt_log(log, XDPF_LOG_WARNING, "%s: a change of its filter was ended in the middle: the %s one runs (program id %u)",
	       who(link->xdp.ifindex).text, done ? "new" : "old", link->prog_id);
}

int rt_go_back(int link_fd, const char *path, uint32_t guard_id, uint32_t old_id, const struct xdpf_log *log)
{
	_cleanup_close_ int guard = rt_guard_open(path, guard_id);
	_cleanup_close_ int old = -1;
	LIBBPF_OPTS(bpf_link_update_opts, update, .flags = BPF_F_REPLACE, .old_prog_fd = (uint32_t)guard);

	if (!old_id) {
		if (bpf_link_detach(link_fd))
			return rt_fail_sys(log, errno, "the filter that was not confirmed cannot be detached");
		return rt_bpffs_unpin(path, log);
	}
	old = rt_pin_get(path, RT_PIN_KEPT);
	if (old < 0 || rt_prog_id(old) != old_id) {
		close_fd(&old);
		old = rt_prog_get(old_id);
	}
	if (old < 0 || bpf_link_update(link_fd, old, &update))
		return rt_fail_sys(log, errno, "the filter from before cannot be put in the place of its guard");
	return 0;
}

static void say_back(unsigned ifindex, const struct rt_until *until, const struct xdpf_log *log)
{
	if (until->old_prog)
		rt_log(log, XDPF_LOG_WARNING, "%s: nobody confirmed its new filter in time: the one from before runs (program id %u)",
		       who(ifindex).text, until->old_prog);
	else
		rt_log(log, XDPF_LOG_WARNING, "%s: nobody confirmed its filter in time: as before, none runs", who(ifindex).text);
}

/* Tables were exchanged in the program, or were about to be: which metadata does it have? */
static void settle_tables(const char *path, const struct bpf_link_info *link, const struct xdpf_log *log)
{
	_cleanup_(rt_program_freep) struct xdpf_program *p = NULL;
	_cleanup_close_ int fd = rt_pin_get(path, RT_PIN_TABLES);
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	int prog = fd < 0 ? -1 : rt_prog_get(link->prog_id);

	if (prog >= 0 && !rt_program_open(&p, prog, "", NULL) && !bpf_obj_get_info_by_fd(fd, &info, &len))
		say_ended(link, p->seen_meta == info.id, log);
}

/* What belongs to a link that runs @link->prog_id, which is no guard. */
static void settle_plain(const char *path, const struct bpf_link_info *link, const struct xdpf_log *log)
{
	uint32_t kept = pinned_id(path, RT_PIN_KEPT), keep[2] = { link->prog_id };

	settle_tables(path, link, log);
	for (size_t i = 0; i < N_TRANSIENT; i++)
		rt_pin_drop(path, TRANSIENT[i]);
	if (kept) {
		say_ended(link, kept != link->prog_id, log);
		if (kept != link->prog_id)
			rename_kept(path);
	}
	rt_pin_drop(path, RT_PIN_KEPT);
	/* it runs itself: what took its place was undone, and has nothing to go on with */
	if (pinned_id(path, RT_PIN_BEFORE) == link->prog_id)
		rt_carry_unpin(path);
	keep[1] = pinned_id(path, RT_PIN_PREVIOUS);
	if (keep[1] == link->prog_id)
		rt_pin_drop(path, RT_PIN_PREVIOUS);
	each_pin(path, drop_watch, keep);
}

bool rt_settle_gone(const char *path)
{
	_cleanup_close_ int fd = bpf_obj_get(path);
	struct bpf_link_info info;

	if (fd < 0 ? errno != ENOENT : !rt_xdp_link(&info, fd) || info.xdp.ifindex)
		return false;
	rt_bpffs_unpin(path, NULL);
	return true;
}

void rt_settle(const char *path, const struct xdpf_log *log)
{
	_cleanup_close_ int fd = bpf_obj_get(path);
	struct bpf_link_info info;
	struct rt_until until;

	if (rt_settle_gone(path) || !rt_xdp_link(&info, fd))
		return;
	if (rt_guard_look(&until, path, info.prog_id)) {
		if (rt_clock() < until.at || rt_go_back(fd, path, info.prog_id, until.old_prog, log))
			return;
		say_back(info.xdp.ifindex, &until, log);
		if (!until.old_prog)
			return;
		rt_pin_drop(path, RT_PIN_KEPT);		/* it runs again: that is all there is to it */
		rt_failures_own_id(until.old_prog);
		info.prog_id = until.old_prog;
	}
	settle_plain(path, &info, log);
}

void rt_settle_carry(const char *path, const struct xdpf_log *log)
{
	_cleanup_close_ int fd = bpf_obj_get(path), prog = -1;
	uint32_t before = pinned_id(path, RT_PIN_BEFORE);
	struct bpf_link_info info;
	struct rt_until until;
	bool waits;

	if (!before || !rt_xdp_link(&info, fd))
		return;
	waits = rt_guard_look(&until, path, info.prog_id);
	prog = rt_prog_get(waits ? until.new_prog : info.prog_id);
	rt_carry_recover(path, prog, waits, who(info.xdp.ifindex).text, log);
}

/* ---- who only looks ---- */

struct seen {
	bool link, transient, kept, before, copied;
};

static void see(const char *path, const char *name, void *arg)
{
	struct seen *s = arg;

	(void)path;
	s->link |= !strcmp(name, RT_PIN_LINK);
	s->kept |= !strcmp(name, RT_PIN_KEPT);
	s->before |= !strcmp(name, RT_PIN_BEFORE);
	s->copied |= !strncmp(name, RT_PIN_COPIED, strlen(RT_PIN_COPIED));
	for (size_t i = 0; i < N_TRANSIENT; i++)
		s->transient |= !strcmp(name, TRANSIENT[i]);
}

static bool is_due(const char *path)
{
	_cleanup_close_ int fd = bpf_obj_get(path);
	struct bpf_link_info info;
	struct rt_until until;
	struct seen s = { 0 };
	char dir[RT_PATH_MAX];
	struct stat st;

	if (fd < 0 && errno != ENOENT)
		return false;
	rt_pin_path(dir, path, "");
	if (lstat(dir, &st)) {
		/* the namespace's, with nothing in it */
		dir[strlen(dir) - 1] = '\0';
		*strrchr(dir, '/') = '\0';
		return !lstat(dir, &st) && st.st_nlink == 2;
	}
	each_pin(path, see, &s);
	if (s.copied)
		return true;
	if (!s.link || s.transient || s.kept || s.before)
		return !rt_xdp_link(&info, fd) || !rt_guard_look(&until, path, info.prog_id) || rt_clock() >= until.at;
	return rt_xdp_link(&info, fd) && !info.xdp.ifindex;
}

void rt_settle_iface(const char *iface, const struct xdpf_log *log)
{
	unsigned ifindex = if_nametoindex(iface);
	char path[RT_PATH_MAX];

	if (ifindex && !rt_bpffs_path(path, ifindex, NULL) && (is_due(path) || rt_held_unsure()))
		rt_bpffs_sweep(log);
}
