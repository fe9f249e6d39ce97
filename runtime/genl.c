/*
 * Generic netlink. In: a family's name and questions to it. Out: each message of the answer, to a callback of libmnl's. Guaranteed: what a kernel
 * does not know is told apart (-EOPNOTSUPP) from what went wrong, and nothing is logged here.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <stdio.h>

#include "netlink.h"

int rt_netlink_open(struct rt_netlink *n, int bus)
{
	n->family = 0;
	n->seq = 0;
	n->nl = mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (!n->nl)
		return -errno;
	if (mnl_socket_bind(n->nl, 0, MNL_SOCKET_AUTOPID)) {
		int err = -errno;

		rt_netlink_close(n);
		return err;
	}
	return 0;
}

void rt_netlink_close(struct rt_netlink *n)
{
	if (n->nl)
		mnl_socket_close(n->nl);
	n->nl = NULL;
}

struct nlmsghdr *rt_netlink_message(struct rt_netlink *n, void *buf, uint16_t type, bool dump)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

	h->nlmsg_type = type;
	/* one answer is followed by an acknowledgement, so that both kinds end alike */
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | (dump ? NLM_F_DUMP : NLM_F_ACK));
	h->nlmsg_seq = ++n->seq;
	return h;
}

struct nlmsghdr *rt_genl_message(struct rt_netlink *n, void *buf, uint8_t command, uint8_t version, bool dump)
{
	struct nlmsghdr *h = rt_netlink_message(n, buf, n->family, dump);
	struct genlmsghdr *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));

	g->cmd = command;
	g->version = version;
	return h;
}

int rt_netlink_ask(struct rt_netlink *n, const struct nlmsghdr *h, mnl_cb_t fn, void *arg)
{
	_Alignas(struct nlmsghdr) char buf[RT_NETLINK_BUFFER];
	ssize_t got;
	int more;

	if (mnl_socket_sendto(n->nl, h, h->nlmsg_len) < 0)
		return -errno;
	do {
		got = mnl_socket_recvfrom(n->nl, buf, sizeof(buf));
		if (got < 0 && errno == EINTR) {
			more = MNL_CB_OK;
			continue;
		}
		more = got < 0 ? -1 : mnl_cb_run(buf, (size_t)got, h->nlmsg_seq, mnl_socket_get_portid(n->nl), fn, arg);
	} while (more > MNL_CB_STOP);
	return more < 0 ? -errno : 0;
}

static int take_family(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, h, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_ID && !mnl_attr_validate(a, MNL_TYPE_U16))
			*(uint16_t *)arg = mnl_attr_get_u16(a);
	return MNL_CB_OK;
}

int rt_genl_open(struct rt_netlink *n, const char *family)
{
	_Alignas(struct nlmsghdr) char buf[256];
	struct nlmsghdr *h;
	uint16_t id = 0;
	int err = rt_netlink_open(n, NETLINK_GENERIC);

	if (err)
		return err;
	n->family = GENL_ID_CTRL;
	h = rt_genl_message(n, buf, CTRL_CMD_GETFAMILY, 1, false);
	mnl_attr_put_strz(h, CTRL_ATTR_FAMILY_NAME, family);
	err = rt_netlink_ask(n, h, take_family, &id);
	if (err == -ENOENT || (!err && !id))
		err = -EOPNOTSUPP;
	n->family = id;
	if (err)
		rt_netlink_close(n);
	return err;
}
