/*
 * Netlink, by libmnl: what netdev.c, ethtool.c, link.c and neighbours.c share. Functions return 0 or -errno and log nothing.
 */
#ifndef XDPF_RUNTIME_NETLINK_H
#define XDPF_RUNTIME_NETLINK_H

#include <libmnl/libmnl.h>
#include <stdbool.h>

enum { RT_NETLINK_BUFFER = 32768 };	/* the kernel makes no larger parts of a dump */

struct rt_netlink {
	struct mnl_socket *nl;		/* NULL: closed */
	uint16_t family;
	uint32_t seq;
};

/* @bus: NETLINK_ROUTE, … */
int rt_netlink_open(struct rt_netlink *n, int bus);
/* A family of generic netlink; -EOPNOTSUPP: this kernel has none of this name. */
int rt_genl_open(struct rt_netlink *n, const char *family);
/* Takes one that is zero or closed, too. */
void rt_netlink_close(struct rt_netlink *n);

/* A question in @buf, to which attributes are added. */
struct nlmsghdr *rt_netlink_message(struct rt_netlink *n, void *buf, uint16_t type, bool dump);
struct nlmsghdr *rt_genl_message(struct rt_netlink *n, void *buf, uint8_t command, uint8_t version, bool dump);

/* Asks, and gives each message of the answer to @fn, which returns MNL_CB_OK. */
int rt_netlink_ask(struct rt_netlink *n, const struct nlmsghdr *h, mnl_cb_t fn, void *arg);

#endif
