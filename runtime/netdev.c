/*
 * What can the drivers of the interfaces do with XDP? In: this network namespace. Out: each interface of it, with what its driver says now, asked
 * of the kernel by its generic netlink family "netdev" (Linux 6.3). Older kernels do not know, which is said by -EOPNOTSUPP and not logged.
 */
#include <errno.h>
#include <linux/genetlink.h>

#include "netlink.h"
#include "private.h"

/* <linux/netdev.h>, which older headers lack. */
enum { NETDEV_DEV_GET = 1, NETDEV_IFINDEX = 1, NETDEV_XDP_FEATURES = 3, NETDEV_RX_METADATA = 5, NETDEV_VERSION = 1 };

struct each {
	rt_netdev_fn fn;
	void *arg;
};

static int take_device(const struct nlmsghdr *h, void *arg)
{
	const struct each *e = arg;
	struct rt_netdev d = { 0 };
	const struct nlattr *a;

	mnl_attr_for_each(a, h, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(a)) {
		case NETDEV_IFINDEX:
			d.ifindex = mnl_attr_validate(a, MNL_TYPE_U32) < 0 ? 0 : mnl_attr_get_u32(a);
			break;
		case NETDEV_XDP_FEATURES:
			d.features = mnl_attr_validate(a, MNL_TYPE_U64) < 0 ? 0 : mnl_attr_get_u64(a);
			break;
		case NETDEV_RX_METADATA:
			d.has_hints = mnl_attr_validate(a, MNL_TYPE_U64) >= 0;
			d.hints = d.has_hints ? mnl_attr_get_u64(a) : 0;
			break;
		default:
			break;
		}
	}
	d.sends = d.features & RT_XDP_NDO_XMIT;
	if (d.ifindex)
		e->fn(e->arg, &d);
	return MNL_CB_OK;
}

int rt_netdev_each(rt_netdev_fn fn, void *arg, const struct xdpf_log *log)
{
	_Alignas(struct nlmsghdr) char buf[256];
	struct rt_netlink n = { 0 };
	struct each each = { fn, arg };
	int err = rt_genl_open(&n, "netdev");

	if (err == -EOPNOTSUPP)
		return err;
	if (!err)
		err = rt_netlink_ask(&n, rt_genl_message(&n, buf, NETDEV_DEV_GET, NETDEV_VERSION, true), take_device, &each);
	rt_netlink_close(&n);
	if (err)
		return rt_fail_sys(log, -err, "the kernel does not say what the drivers of its interfaces can do");
	return 0;
}
