/*
 * An interface as the kernel's routing family knows it. In: its index. Out: its kind, queues and greatest MTU, and programs of traffic control that
 * see its packets behind XDP.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

#include "netlink.h"
#include "private.h"

static void text(char *to, size_t size, const struct nlattr *a)
{
	if (mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0)
		snprintf(to, size, "%s", mnl_attr_get_str(a));
}

static unsigned number(const struct nlattr *a)
{
	return mnl_attr_validate(a, MNL_TYPE_U32) < 0 ? 0 : mnl_attr_get_u32(a);
}

static int take_link(const struct nlmsghdr *h, void *arg)
{
	struct rt_link *l = arg;
	const struct nlattr *a, *b;

	mnl_attr_for_each(a, h, sizeof(struct ifinfomsg)) {
		switch (mnl_attr_get_type(a)) {
		case IFLA_NUM_RX_QUEUES:
			l->rx_queues = number(a);
			break;
		case IFLA_MAX_MTU:
			l->max_mtu = number(a);
			break;
		case IFLA_MASTER:
			l->master = number(a);
			break;
		case IFLA_LINKINFO:
			mnl_attr_for_each_nested(b, a)
				if (mnl_attr_get_type(b) == IFLA_INFO_KIND)
					text(l->kind, sizeof(l->kind), b);
				else if (mnl_attr_get_type(b) == IFLA_INFO_SLAVE_KIND)
					text(l->master_kind, sizeof(l->master_kind), b);
			break;
		default:
			break;
		}
	}
	return MNL_CB_OK;
}

int rt_link_query(struct rt_link *out, unsigned ifindex, const struct xdpf_log *log)
{
	_Alignas(struct nlmsghdr) char buf[256];
	struct rt_netlink n = { 0 };
	struct ifinfomsg *i;
	struct nlmsghdr *h;
	int err = rt_netlink_open(&n, NETLINK_ROUTE);

	*out = (struct rt_link){ 0 };
	if (!err) {
		h = rt_netlink_message(&n, buf, RTM_GETLINK, false);
		i = mnl_nlmsg_put_extra_header(h, sizeof(*i));
		i->ifi_index = (int)ifindex;
		err = rt_netlink_ask(&n, h, take_link, out);
	}
	rt_netlink_close(&n);
	return err ? rt_fail_sys(log, -err, "the kernel does not describe the interface") : 0;
}

/* ---- traffic control ---- */

struct filters {
	rt_filter_fn fn;
	void *arg;
};

static int take_filter(const struct nlmsghdr *h, void *arg)
{
	const struct filters *f = arg;
	const struct nlattr *a, *b;
	const struct tcmsg *t = mnl_nlmsg_get_payload(h);
	char kind[16] = "", name[64] = "";
	uint32_t id = 0;

	mnl_attr_for_each(a, h, sizeof(*t)) {
		if (mnl_attr_get_type(a) == TCA_KIND)
			text(kind, sizeof(kind), a);
		if (mnl_attr_get_type(a) != TCA_OPTIONS)
			continue;
		mnl_attr_for_each_nested(b, a) {
			if (mnl_attr_get_type(b) == TCA_BPF_ID)
				id = number(b);
			else if (mnl_attr_get_type(b) == TCA_BPF_NAME)
				text(name, sizeof(name), b);
		}
	}
	/* a filter's head comes without a program */
	if (!strcmp(kind, "bpf") && id)
		f->fn(f->arg, id, name, TC_H_MAJ(t->tcm_info) >> 16);
	return MNL_CB_OK;
}

int rt_filters_each(unsigned ifindex, rt_filter_fn fn, void *arg)
{
	_Alignas(struct nlmsghdr) char buf[256];
	struct filters f = { fn, arg };
	struct rt_netlink n = { 0 };
	struct nlmsghdr *h;
	struct tcmsg *t;
	int err = rt_netlink_open(&n, NETLINK_ROUTE);

	if (!err) {
		h = rt_netlink_message(&n, buf, RTM_GETTFILTER, true);
		t = mnl_nlmsg_put_extra_header(h, sizeof(*t));
		t->tcm_ifindex = (int)ifindex;
		t->tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
		err = rt_netlink_ask(&n, h, take_filter, &f);
	}
	rt_netlink_close(&n);
	/* there is no such hook on it, or none in this kernel */
	return err == -EINVAL || err == -ENOENT || err == -EOPNOTSUPP ? 0 : err;
}
