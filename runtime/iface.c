/*
 * What XDP does on an interface. In comes its name; out go the program, how it is attached, and whether that is ours:
 * attached by the link that is pinned at our path for it. Anything else on it belongs to somebody else, whatever program it
 * is.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "pending.h"

const char *xdpf_mode_name(enum xdpf_mode m)
{
	switch (m) {
	case XDPF_MODE_NONE:
		return "none";
	case XDPF_MODE_NATIVE:
		return "native";
	case XDPF_MODE_GENERIC:
		return "generic";
	case XDPF_MODE_OFFLOAD:
		return "offload";
	case XDPF_MODE_SEVERAL:
		return "several";
	}
	return "none";
}

char *rt_iface_program(const struct xdpf_iface *i, char *buf, size_t size)
{
	if (i->prog_name[0])
		snprintf(buf, size, "program %s (id %u)", i->prog_name, i->prog_id);
	else
		snprintf(buf, size, "a program (id %u)", i->prog_id);
	return buf;
}

int rt_iface_fail_hidden(const struct xdpf_iface *i, const struct xdpf_log *log)
{
	char prog[64];

	return rt_fail_sys(log, EPERM, "%s: it cannot be told whether %s is ours", i->name, rt_iface_program(i, prog, sizeof(prog)));
}

bool rt_iface_ethernet(const struct xdpf_iface *i)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq req = { 0 };

	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", i->name);
	return fd < 0 || ioctl(fd, SIOCGIFHWADDR, &req) || req.ifr_hwaddr.sa_family == ARPHRD_ETHER || req.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK;
}

int rt_iface_fail_frames(const struct xdpf_iface *i, const struct xdpf_log *log)
{
	return rt_fail(log, EOPNOTSUPP, "%s: its frames have no Ethernet header, and a filter would take what they begin with for one.\n"
		       "Filter on the interface that its packets come in by", i->name);
}

static unsigned get_mtu(const char *name)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq req = { 0 };

	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	return fd >= 0 && !ioctl(fd, SIOCGIFMTU, &req) && req.ifr_mtu > 0 ? (unsigned)req.ifr_mtu : 0;
}

static int64_t load_time(uint64_t since_boot)
{
	uint64_t up = rt_clock();
	struct timespec now;

	if (!since_boot || clock_gettime(CLOCK_REALTIME, &now))
		return 0;
	return up < since_boot ? 0 : (now.tv_sec * 1000000000ll + now.tv_nsec - (int64_t)(up - since_boot)) / 1000000000;
}

static void look_at_program(uint32_t id, char name[16], int64_t *since)
{
	_cleanup_close_ int fd = rt_prog_get(id);
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		return;		/* the name is hidden from us; the id remains */
	for (size_t k = 0; k < sizeof(info.name) - 1 && info.name[k]; k++)
		name[k] = (unsigned char)info.name[k] < 0x20 || info.name[k] == 0x7f ? '?' : info.name[k];
	*since = load_time(info.load_time);
}

/* The link by which a program is attached here, if it is by one and we may see it. Other network namespaces have
 * interfaces of the same index: the program must be the same, too. */
static uint32_t find_link(unsigned ifindex, uint32_t prog_id)
{
	uint32_t id = 0;

	while (!bpf_link_get_next_id(id, &id)) {
		_cleanup_close_ int fd = bpf_link_get_fd_by_id(id);
		struct bpf_link_info info = { 0 };
		uint32_t len = sizeof(info);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) && info.type == BPF_LINK_TYPE_XDP &&
		    info.xdp.ifindex == ifindex && info.prog_id == prog_id)
			return id;
	}
	return 0;
}

static int query_mode(struct xdpf_iface *i, const struct xdpf_log *log)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);
	int err = bpf_xdp_query((int)i->ifindex, 0, &q);

	if (err)
		return rt_fail_sys(log, -err, "%s: the kernel does not say what runs there", i->name);
	switch (q.attach_mode) {
	case XDP_ATTACHED_DRV:
		i->mode = XDPF_MODE_NATIVE;
		i->prog_id = q.drv_prog_id;
		break;
	case XDP_ATTACHED_SKB:
		i->mode = XDPF_MODE_GENERIC;
		i->prog_id = q.skb_prog_id;
		break;
	case XDP_ATTACHED_HW:
		i->mode = XDPF_MODE_OFFLOAD;
		i->prog_id = q.hw_prog_id;
		break;
	case XDP_ATTACHED_MULTI:
		i->mode = XDPF_MODE_SEVERAL;
		i->prog_id = q.drv_prog_id ? q.drv_prog_id : q.skb_prog_id ? q.skb_prog_id : q.hw_prog_id;
		break;
	default:
		i->mode = XDPF_MODE_NONE;
		i->prog_id = 0;
	}
	return 0;
}

/* Behind a guard it is one of two filters that runs, or none, where nobody could take the guard away yet. */
static void look_behind(struct xdpf_iface *i, const struct rt_until *u)
{
	uint64_t now = rt_clock();

	i->pending = now < u->at;
	i->left = i->pending ? u->at - now : 0;
	i->back_to = u->old_prog;
	if (i->pending)
		i->prog_id = u->new_prog;
	else
		i->prog_id = u->old_prog;
}

/* Is the program that runs there held by our pin? Returns the link, or -1. *@torn: the link is ours, and has another
 * program than the kernel named a moment before: it is being replaced. */
static int open_link(struct xdpf_iface *i, const char *path, bool *torn, const struct xdpf_log *log)
{
	_cleanup_close_ int fd = bpf_obj_get(path);
	struct bpf_link_info info;
	struct rt_until until;
	struct stat st;

	*torn = i->ours_hidden = false;
	if (fd < 0) {
		/* The kernel asks for privileges before it looks at the path. Where one sees that nothing is there, it is not ours. */
		if (errno == EPERM || errno == EACCES)
			i->ours_hidden = !lstat(path, &st) || errno != ENOENT;
		else if (errno != ENOENT)
			rt_log(log, XDPF_LOG_DEBUG, "%s: %s: %s", i->name, path, strerror(errno));
		return -1;
	}
	if ((i->mode != XDPF_MODE_NATIVE && i->mode != XDPF_MODE_GENERIC) || !rt_xdp_link(&info, fd) || info.xdp.ifindex != i->ifindex)
		return -1;
	*torn = info.prog_id != i->prog_id;
	i->link_id = info.id;
	if (!*torn && rt_guard_look(&until, path, info.prog_id))
		look_behind(i, &until);
	else if (!*torn)
		/* a guard that was pinned there a moment before? */
		*torn = !rt_xdp_link(&info, fd) || info.prog_id != i->prog_id;
	i->ours = !*torn;
	return *torn ? -1 : take_fd(fd);
}

int rt_iface_query(struct xdpf_iface *out, int *link_fd, const char *name, const struct xdpf_log *log)
{
	struct xdpf_iface i = { .ifindex = if_nametoindex(name) };
	_cleanup_close_ int fd = -1;
	char path[RT_PATH_MAX], there[RT_PATH_MAX];
	struct rt_libbpf scope;
	bool torn = true;
	int err;

	if (!i.ifindex || strlen(name) >= sizeof(i.name))
		return rt_fail(log, ENODEV, "%s: no interface has this name; `ip link` lists them", name);
	snprintf(i.name, sizeof(i.name), "%s", name);
	i.mtu = get_mtu(name);
	err = rt_bpffs_path(path, i.ifindex, log);
	for (int k = 0; k < 10 && torn && !err; k++) {
		rt_libbpf_begin(&scope, log);
		err = query_mode(&i, log);
		rt_libbpf_end(&scope);
		fd = err ? -1 : open_link(&i, path, &torn, log);
	}
	if (err)
		return err;
	/* one that came from another namespace has its pin there until the next change */
	if (!i.ours && !i.ours_hidden && i.prog_id && rt_moved_find(there, i.ifindex, i.prog_id))
		fd = open_link(&i, there, &torn, log);
	i.ours_hidden &= i.mode == XDPF_MODE_NATIVE || i.mode == XDPF_MODE_GENERIC;	/* all that our links do */
	if (i.prog_id) {
		look_at_program(i.prog_id, i.prog_name, &i.since);
		if (!i.ours && !strcmp(i.prog_name, RT_DISPATCHER))
			i.part_id = rt_dispatch_part(i.ifindex, path, log);
		if (!i.ours)
			i.link_id = find_link(i.ifindex, i.prog_id);
	}
	if (i.pending && i.back_to)
		look_at_program(i.back_to, i.back_to_name, &(int64_t){ 0 });
	*out = i;
	if (link_fd)
		*link_fd = i.ours ? take_fd(fd) : -1;
	return 0;
}

int xdpf_iface_query(struct xdpf_iface *out, const char *name, const struct xdpf_log *log)
{
	rt_settle_iface(name, log);
	return rt_iface_query(out, NULL, name, log);
}
