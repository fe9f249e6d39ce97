/*
 * Where verdicts redirect to. In come an object's maps for it and what its metadata says of them; out go maps that hold the interfaces and CPUs
 * that are there. Guaranteed: a CPU that is not there is refused before anything is loaded; an interface that is not there leaves its place
 * empty, so that the rule's `else` applies, and is told of.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "private.h"

static int flood_number(const char *name)
{
	size_t n = strlen(XDPF_MAP_FLOOD);

	if (strncmp(name, XDPF_MAP_FLOOD, n) || name[n] < '0' || name[n] > '9' || name[n + 1])
		return -1;
	return name[n] - '0';
}

int rt_ways_map(const struct bpf_map *map, const struct xdpf_ways *w, const struct xdpf_log *log)
{
	const char *name = bpf_map__name(map);
	enum bpf_map_type type = BPF_MAP_TYPE_DEVMAP;
	uint32_t value = 4, entries;
	int flood = flood_number(name);

	if (!strcmp(name, XDPF_MAP_OTHERS)) {
		type = BPF_MAP_TYPE_PERCPU_ARRAY;
		value = sizeof(struct xdpf_counter);
		entries = (uint32_t)w->n_others;
	} else if (!strcmp(name, XDPF_MAP_PORTS)) {
		entries = (uint32_t)w->n_ports;
	} else if (flood >= 0) {
		entries = (size_t)flood < w->n_floods ? (uint32_t)w->floods[flood].n : 0;
	} else if (!strcmp(name, XDPF_MAP_OUT)) {
		type = BPF_MAP_TYPE_DEVMAP_HASH;
		entries = w->forwards ? XDPF_OUT : 0;
	} else if (!strcmp(name, XDPF_MAP_CPUS)) {
		type = BPF_MAP_TYPE_CPUMAP;
		entries = 0;
		for (size_t i = 0; i < w->n_cpus; i++)
			if (w->cpus[i] >= entries)
				entries = w->cpus[i] + 1;
	} else if (!strcmp(name, XDPF_MAP_SOCKETS)) {
		type = BPF_MAP_TYPE_XSKMAP;
		entries = w->sockets ? XDPF_SOCKETS : 0;
	} else {
		return -ENOENT;
	}
	/* exactly as many: each element of these is one that the metadata speaks of */
	if (!entries || bpf_map__type(map) != type || bpf_map__key_size(map) != 4 || bpf_map__value_size(map) != value ||
	    bpf_map__max_entries(map) != entries)
		return rt_fail(log, EBADMSG, "the object's map %s is not what its metadata says of it", name);
	return 0;
}

/* ---- CPUs ---- */

/* Is @cpu in a list as the kernel prints it: 0-3,8? */
static bool listed(const char *list, unsigned cpu)
{
	unsigned lo, hi;
	int n;

	for (; sscanf(list, "%u%n", &lo, &n) == 1; list += n + (list[n] == ',')) {
		hi = lo;
		if (list[n] == '-') {
			list += n + 1;
			if (sscanf(list, "%u%n", &hi, &n) != 1)
				return false;
		}
		if (cpu >= lo && cpu <= hi)
			return true;
	}
	return false;
}

static void ignore(void *arg, const struct rt_netdev *d)
{
	(void)arg;
	(void)d;
}

static int check_forward(const struct xdpf_log *log)
{
	int err = rt_netdev_each(ignore, NULL, log);

	if (err != -EOPNOTSUPP)
		return err;
	return rt_fail(log, EOPNOTSUPP, "`forward` in native mode needs Linux 6.3 or later, where drivers say whether they send other interfaces' "
		       "frames.\nRun such a kernel, or apply with --mode generic");
}

int rt_ways_kernel(const struct xdpf_ways *w, const struct xdpf_log *log)
{
	/* the one kind of our maps that kernels of all ages may be built without */
	if (!w->sockets || libbpf_probe_bpf_map_type(BPF_MAP_TYPE_XSKMAP, NULL) != 0)
		return 0;
	return rt_fail(log, EOPNOTSUPP, "`redirect socket` needs AF_XDP sockets, which this kernel was built without\n"
		       "Run a kernel with CONFIG_XDP_SOCKETS, or leave the rule out");
}

int rt_ways_check(const struct xdpf_ways *w, bool generic, const struct xdpf_log *log)
{
	static const char path[] = "/sys/devices/system/cpu/online";
	char online[512] = "";
	FILE *f;

	if (w->forwards && !generic) {
		int err = check_forward(log);

		if (err)
			return err;
	}
	if (!w->n_cpus)
		return 0;
	f = fopen(path, "re");
	if (!f || !fgets(online, sizeof(online), f)) {
		int err = errno ? errno : EIO;

		if (f)
			fclose(f);
		return rt_fail_sys(log, err, "%s cannot be read, so it is not known which CPUs there are", path);
	}
	fclose(f);
	online[strcspn(online, "\n")] = '\0';
	for (size_t i = 0; i < w->n_cpus; i++)
		if (!listed(online, w->cpus[i]))
			return rt_fail(log, EINVAL, "`redirect cpu %u`: this machine has no such CPU, or it is off; there are %s", w->cpus[i],
				       online);
	return 0;
}

/* ---- filling ---- */

static int map_fd(const struct bpf_object *bpf, const char *name)
{
	return bpf_object__find_map_fd_by_name(bpf, name);
}

static int set_device(int map, uint32_t place, const char *name, const struct xdpf_log *log)
{
	uint32_t ifindex = if_nametoindex(name);

	if (ifindex && !bpf_map_update_elem(map, &place, &ifindex, BPF_ANY))
		return 0;
	/* ENODEV: it went away between the two questions */
	if (ifindex && errno != ENODEV)
		return rt_fail_sys(log, errno, "packets cannot be redirected to %s", name);
	rt_log(log, XDPF_LOG_WARNING, "no interface is called %s now: what is redirected to it takes the rule's `else` until there is one, "
	       "and `xdpf follow`", name);
	return 0;
}

/* Is it one whose frames are Ethernet's? Another's have no addresses that `forward` could write. */
static bool is_ethernet(int sock, unsigned ifindex)
{
	struct ifreq req = { 0 };

	return if_indextoname(ifindex, req.ifr_name) && !ioctl(sock, SIOCGIFHWADDR, &req) && req.ifr_hwaddr.sa_family == ARPHRD_ETHER;
}

struct outs {
	int map, sock, err;
	bool generic;
	size_t n;
};

static void add_out(void *arg, const struct rt_netdev *d)
{
	struct outs *o = arg;

	if (o->err || !(d->sends || o->generic) || !is_ethernet(o->sock, d->ifindex))
		return;
	if (bpf_map_update_elem(o->map, &d->ifindex, &d->ifindex, BPF_ANY) && errno != ENODEV)
		o->err = errno;
	else
		o->n++;
}

static void nameindex_freep(struct if_nameindex **all)
{
	if (*all)
		if_freenameindex(*all);
}

static int fill_out(int map, bool generic, const struct xdpf_log *log)
{
	_cleanup_close_ int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct outs o = { .map = map, .sock = sock, .generic = generic };
	int err;

	if (sock < 0)
		return rt_fail_sys(log, errno, "the interfaces cannot be asked what they are");
	err = rt_netdev_each(add_out, &o, log);
	if (err == -EOPNOTSUPP && generic) {
		_cleanup_(nameindex_freep) struct if_nameindex *all = if_nameindex();

		for (const struct if_nameindex *i = all; i && i->if_index; i++)
			add_out(&o, &(struct rt_netdev){ .ifindex = i->if_index, .sends = true });
		err = all ? 0 : rt_fail_sys(log, errno, "the interfaces cannot be listed");
	}
	/* what does not fit goes to the stack, as what is unknown does */
	if (!err && o.err == E2BIG)
		rt_log(log, XDPF_LOG_WARNING, "`forward` knows %d of this machine's interfaces: for the others its `else` applies", XDPF_OUT);
	else if (!err && o.err)
		err = rt_fail_sys(log, o.err, "`forward` cannot be told the interfaces");
	return err;
}

int rt_ways_fill(const struct bpf_object *bpf, const struct xdpf_ways *w, bool generic, const struct xdpf_log *log)
{
	const uint32_t queue = XDPF_CPU_QUEUE;
	int fd = map_fd(bpf, XDPF_MAP_PORTS), err = 0;
	char name[32];

	for (uint32_t i = 0; fd >= 0 && i < w->n_ports && !err; i++)
		err = set_device(fd, i, w->ports[i], log);
	for (size_t f = 0; f < w->n_floods && !err; f++) {
		snprintf(name, sizeof(name), "%s%zu", XDPF_MAP_FLOOD, f);
		fd = map_fd(bpf, name);
		for (uint32_t i = 0; fd >= 0 && i < w->floods[f].n && !err; i++)
			err = set_device(fd, i, w->floods[f].ifaces[i], log);
	}
	fd = map_fd(bpf, XDPF_MAP_OUT);
	if (fd >= 0 && !err)
		err = fill_out(fd, generic, log);
	fd = map_fd(bpf, XDPF_MAP_CPUS);
	for (size_t i = 0; fd >= 0 && i < w->n_cpus && !err; i++) {
		uint32_t cpu = w->cpus[i];

		if (bpf_map_update_elem(fd, &cpu, &queue, BPF_ANY))
			err = rt_fail_sys(log, errno, "packets cannot be redirected to CPU %u", cpu);
	}
	return err;
}
