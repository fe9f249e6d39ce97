/*
 * What drivers say of received packets (rx.hash, rx.timestamp, rx.vlan). In: an object that asks them, and an interface. Out: a refusal, before
 * anything is changed, where that interface's driver, its mode or the kernel has no answer; the object's bytes as they are loaded for a device.
 */
#include <bpf/btf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <stdio.h>

#include "private.h"

enum { DEV_BOUND_ONLY = 1 << 6 };	/* BPF_F_XDP_DEV_BOUND_ONLY, which older headers lack */

static const char *const functions[XDPF_RX_HINTS] = XDPF_RX_NAMES;

static const struct {
	const char *field, *since;
	uint64_t feature;
} hints[XDPF_RX_HINTS] = {
	[XDPF_RX_HASH] = { "rx.hash", "6.3", RT_HINT_HASH },
	[XDPF_RX_TIMESTAMP] = { "rx.timestamp", "6.3", RT_HINT_TIMESTAMP },
	[XDPF_RX_VLAN] = { "rx.vlan", "6.8", RT_HINT_VLAN },
};

/* The next place in the object's tables of names where this function is named, behind @from; NULL: none. */
static char *named(const char *data, size_t len, const char *from, enum xdpf_rx_hint hint)
{
	char name[64];
	int n = snprintf(name, sizeof(name), "%c" XDPF_RX_UNBOUND "%s", 0, functions[hint]);
	char *at;

	/* between the ends of two strings: that is nowhere but in tables of names */
	at = memmem(from, len - (size_t)(from - data), name, (size_t)n + 1);
	return at ? at + 1 : NULL;
}

static bool wants(const struct xdpf_object *o, enum xdpf_rx_hint hint)
{
	return named(o->data, o->len, o->data, hint);
}

static bool wants_any(const struct xdpf_object *o)
{
	for (int h = 0; h < XDPF_RX_HINTS; h++)
		if (wants(o, (enum xdpf_rx_hint)h))
			return true;
	return false;
}

/* ---- refusals ---- */

struct device {
	struct rt_netdev d;
	bool found;
};

static void take(void *arg, const struct rt_netdev *d)
{
	struct device *dev = arg;

	if (d->ifindex == dev->d.ifindex) {
		dev->d = *d;
		dev->found = true;
	}
}

static int check_kernel(const struct xdpf_object *o, const struct xdpf_log *log)
{
	struct rt_libbpf scope;
	struct btf *btf;
	int err = 0;

	rt_libbpf_begin(&scope, log);
	btf = btf__load_vmlinux_btf();
	rt_libbpf_end(&scope);
	for (int h = 0; h < XDPF_RX_HINTS && !err; h++) {
		char name[64];

		if (!wants(o, (enum xdpf_rx_hint)h))
			continue;
		snprintf(name, sizeof(name), XDPF_RX_BOUND "%s", functions[h]);
		if (libbpf_get_error(btf) || btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) < 0)
			err = rt_fail(log, EOPNOTSUPP, "`%s` needs Linux %s or later, with its type information (CONFIG_DEBUG_INFO_BTF)\n"
				      "Run such a kernel, or take the rules that ask for it out", hints[h].field, hints[h].since);
	}
	if (!libbpf_get_error(btf))
		btf__free(btf);
	return err;
}

/* The fields that the driver has, for people; at most @size bytes. */
static const char *has(uint64_t features, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (int h = 0; h < XDPF_RX_HINTS && n < size; h++)
		if (features & hints[h].feature)
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "", hints[h].field);
	return n ? buf : "nothing";
}

static int check_driver(const struct xdpf_object *o, const struct xdpf_iface *i, const struct xdpf_log *log)
{
	struct device dev = { .d.ifindex = i->ifindex };
	struct ethtool_drvinfo info;
	int err = rt_netdev_each(take, &dev, log);
	const char *driver;
	char known[64];

	if (err && err != -EOPNOTSUPP)
		return err;
	driver = rt_driver_name(i->name, &info);
	if (err || (dev.found && !dev.d.has_hints)) {
		rt_log(log, XDPF_LOG_WARNING, "%s: this kernel does not say what its driver%s%s tells of packets (Linux 6.7 does): "
		       "where it tells nothing, fields that begin with rx. are absent", i->name, driver ? " " : "", driver ? driver : "");
		return 0;
	}
	for (int h = 0; h < XDPF_RX_HINTS; h++)
		if (wants(o, (enum xdpf_rx_hint)h) && !(dev.d.hints & hints[h].feature))
			return rt_fail(log, EOPNOTSUPP, "%s: its driver%s%s has no `%s` for filters (it has %s)\n"
				       "Take the rules that ask for it out, or filter on an interface whose driver has it",
				       i->name, driver ? " " : "", driver ? driver : "", hints[h].field,
				       has(dev.d.hints, known, sizeof(known)));
	return 0;
}

int rt_rx_check(const struct xdpf_object *o, const struct xdpf_iface *i, enum xdpf_mode mode, const struct xdpf_log *log)
{
	int err;

	if (!wants_any(o))
		return 0;
	if (mode == XDPF_MODE_GENERIC)
		for (int h = 0; h < XDPF_RX_HINTS; h++)
			if (wants(o, (enum xdpf_rx_hint)h))
				return rt_fail(log, EOPNOTSUPP, "%s: `%s` comes from the driver, which generic mode does not ask\n"
					       "Apply with --mode native, or take the rules that ask for it out", i->name, hints[h].field);
	err = check_kernel(o, log);
	return err ? err : check_driver(o, i, log);
}

/* ---- loading ---- */

int rt_rx_image(char **out, const struct xdpf_object *o, unsigned ifindex, const struct xdpf_log *log)
{
	_cleanup_free_ char *image = NULL;

	if (!wants_any(o))
		return 0;
	if (!ifindex)
		return rt_fail(log, EINVAL, "the program asks an interface's driver (rx.hash, …) and is loaded for none");
	image = malloc(o->len);
	if (!image)
		return rt_fail(log, ENOMEM, "out of memory");
	memcpy(image, o->data, o->len);
	for (int h = 0; h < XDPF_RX_HINTS; h++)
		for (char *at = image; (at = named(image, o->len, at, (enum xdpf_rx_hint)h));)
			memcpy(at, XDPF_RX_BOUND, sizeof(XDPF_RX_BOUND) - 1);
	*out = take_ptr(image);
	return 0;
}

void rt_rx_bind(struct bpf_program *prog, unsigned ifindex)
{
	bpf_program__set_ifindex(prog, ifindex);
	bpf_program__set_flags(prog, bpf_program__flags(prog) | DEV_BOUND_ONLY);
}

void rt_rx_explain(int err, bool frags, const struct xdpf_log *log)
{
	if (err == -EINVAL && frags)
		rt_log(log, XDPF_LOG_ERROR, "before Linux 6.8 a filter that asks the driver (rx.hash, …) takes no frames in fragments: "
		       "where that is the kernel, set the interface's MTU to 1500");
}
