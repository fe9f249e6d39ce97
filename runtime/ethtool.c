/*
 * What a network card is set to, and how many queues it has. In: an interface. Out: its features and channels, by the generic netlink family
 * "ethtool"; what a driver does not say stays unknown, which is no error.
 */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "netlink.h"
#include "private.h"

static const struct {
	const char *name;
	enum rt_nic_flag flag;
} flags[] = {
	{ "rx-vlan-hw-parse", RT_NIC_VLAN_STRIP }, { "rx-lro", RT_NIC_LRO }, { "rx-gro-hw", RT_NIC_GRO_HW }, { "rx-ntuple-filter", RT_NIC_NTUPLE },
	{ "rx-vlan-stag-hw-parse", RT_NIC_STAG_STRIP },
};

static unsigned flag_of(const char *name)
{
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (!strcmp(name, flags[i].name))
			return flags[i].flag;
	return 0;
}

/* One bit: its flag where it is set. Of a list (@all false) only those that are set are named; else each says so itself. */
static unsigned bit_of(const struct nlattr *bit, bool all)
{
	const struct nlattr *a;
	unsigned flag = 0;
	bool set = !all;

	mnl_attr_for_each_nested(a, bit) {
		if (mnl_attr_get_type(a) == ETHTOOL_A_BITSET_BIT_NAME && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0)
			flag = flag_of(mnl_attr_get_str(a));
		set |= mnl_attr_get_type(a) == ETHTOOL_A_BITSET_BIT_VALUE;
	}
	return set ? flag : 0;
}

static unsigned bits_of(const struct nlattr *set)
{
	const struct nlattr *part, *bit;
	unsigned found = 0;
	bool all = true;

	mnl_attr_for_each_nested(part, set)
		all &= mnl_attr_get_type(part) != ETHTOOL_A_BITSET_NOMASK;
	mnl_attr_for_each_nested(part, set)
		if (mnl_attr_get_type(part) == ETHTOOL_A_BITSET_BITS)
			mnl_attr_for_each_nested(bit, part)
				found |= bit_of(bit, all);
	return found;
}

static int take_features(const struct nlmsghdr *h, void *arg)
{
	struct rt_nic *nic = arg;
	const struct nlattr *a;

	mnl_attr_for_each(a, h, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(a) == ETHTOOL_A_FEATURES_HW)
			nic->may_change |= bits_of(a);
		else if (mnl_attr_get_type(a) == ETHTOOL_A_FEATURES_ACTIVE)
			nic->on |= bits_of(a);
		else if (mnl_attr_get_type(a) == ETHTOOL_A_FEATURES_NOCHANGE)
			nic->fixed |= bits_of(a);
	}
	nic->has_features = true;
	return MNL_CB_OK;
}

static int take_channels(const struct nlmsghdr *h, void *arg)
{
	struct rt_nic *nic = arg;
	const struct nlattr *a;

	mnl_attr_for_each(a, h, sizeof(struct genlmsghdr)) {
		if (mnl_attr_validate(a, MNL_TYPE_U32) < 0)
			continue;
		switch (mnl_attr_get_type(a)) {
		case ETHTOOL_A_CHANNELS_RX_COUNT:
			nic->rx_channels += mnl_attr_get_u32(a);
			break;
		case ETHTOOL_A_CHANNELS_TX_COUNT:
			nic->tx_channels += mnl_attr_get_u32(a);
			break;
		case ETHTOOL_A_CHANNELS_COMBINED_COUNT:
			nic->rx_channels += mnl_attr_get_u32(a);
			nic->tx_channels += mnl_attr_get_u32(a);
			break;
		case ETHTOOL_A_CHANNELS_RX_MAX:
			nic->rx_max += mnl_attr_get_u32(a);
			break;
		case ETHTOOL_A_CHANNELS_COMBINED_MAX:
			nic->rx_max += mnl_attr_get_u32(a);
			break;
		default:
			break;
		}
	}
	return MNL_CB_OK;
}

static int ask(struct rt_netlink *n, uint8_t command, uint16_t header, unsigned ifindex, mnl_cb_t fn, struct rt_nic *nic)
{
	_Alignas(struct nlmsghdr) char buf[256];
	struct nlmsghdr *h = rt_genl_message(n, buf, command, ETHTOOL_GENL_VERSION, false);
	struct nlattr *nest = mnl_attr_nest_start(h, header);

	mnl_attr_put_u32(h, ETHTOOL_A_HEADER_DEV_INDEX, ifindex);
	mnl_attr_nest_end(h, nest);
	return rt_netlink_ask(n, h, fn, nic);
}

int rt_nic_query(struct rt_nic *out, unsigned ifindex, const struct xdpf_log *log)
{
	struct rt_netlink n = { 0 };
	int err = rt_genl_open(&n, ETHTOOL_GENL_NAME);

	*out = (struct rt_nic){ 0 };
	if (!err) {
		err = ask(&n, ETHTOOL_MSG_FEATURES_GET, ETHTOOL_A_FEATURES_HEADER, ifindex, take_features, out);
		if (!err || err == -EOPNOTSUPP)
			err = ask(&n, ETHTOOL_MSG_CHANNELS_GET, ETHTOOL_A_CHANNELS_HEADER, ifindex, take_channels, out);
	}
	rt_netlink_close(&n);
	if (err && err != -EOPNOTSUPP)
		return rt_fail_sys(log, -err, "the kernel does not say what the network card is set to");
	return 0;
}

/* By the older way, which every driver knows. */
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
