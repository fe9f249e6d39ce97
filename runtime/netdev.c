/*
 * What can the drivers of the interfaces do with XDP? In: this network namespace. Out: each interface of it, with what its driver says now, asked
 * of the kernel by its generic netlink family "netdev" (Linux 6.3). Older kernels do not know, which is said by -EOPNOTSUPP and not logged.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "private.h"

/* <linux/netdev.h>, which older headers lack. */
enum { NETDEV_DEV_GET = 1, NETDEV_IFINDEX = 1, NETDEV_XDP_FEATURES = 3, NETDEV_RX_METADATA = 5, NETDEV_VERSION = 1, FEATURE_NDO_XMIT = 4 };

struct request {
	struct nlmsghdr n;
	struct genlmsghdr g;
	unsigned char attrs[32];
};

/* What a reply's attributes say; 0: nothing. */
struct reply {
	uint16_t family;
	uint32_t ifindex;
	uint64_t features, rx;
	bool has_rx;
};

typedef void (*reply_fn)(void *arg, const struct reply *r);

static int ask(int sock, struct request *q, uint32_t seq)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	q->n.nlmsg_seq = seq;
	return sendto(sock, q, q->n.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0 ? errno : 0;
}

static void number(void *to, size_t size, const struct nlattr *a)
{
	if (a->nla_len >= NLA_HDRLEN + size)
		memcpy(to, (const char *)a + NLA_HDRLEN, size);
}

static struct reply read_attrs(const struct nlmsghdr *h)
{
	size_t left = h->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN);
	const char *p = (const char *)NLMSG_DATA(h) + GENL_HDRLEN;
	struct reply r = { 0 };

	while (left >= NLA_HDRLEN) {
		const struct nlattr *a = (const struct nlattr *)p;
		size_t len = a->nla_len;

		if (len < NLA_HDRLEN || len > left)
			break;
		if (h->nlmsg_type == GENL_ID_CTRL && (a->nla_type & NLA_TYPE_MASK) == CTRL_ATTR_FAMILY_ID)
			number(&r.family, sizeof(r.family), a);
		else if (h->nlmsg_type != GENL_ID_CTRL && (a->nla_type & NLA_TYPE_MASK) == NETDEV_IFINDEX)
			number(&r.ifindex, sizeof(r.ifindex), a);
		else if (h->nlmsg_type != GENL_ID_CTRL && (a->nla_type & NLA_TYPE_MASK) == NETDEV_XDP_FEATURES)
			number(&r.features, sizeof(r.features), a);
		else if (h->nlmsg_type != GENL_ID_CTRL && (a->nla_type & NLA_TYPE_MASK) == NETDEV_RX_METADATA) {
			r.has_rx = true;
			number(&r.rx, sizeof(r.rx), a);
		}
		len = NLA_ALIGN(len);
		p += len < left ? len : left;
		left -= len < left ? len : left;
	}
	return r;
}

/* The reply to the question, or (of a @dump) all of them until the one that says so: parts of this family's carry no NLM_F_MULTI. 0 or an errno. */
static int replies(int sock, uint32_t seq, bool dump, reply_fn fn, void *arg)
{
	_Alignas(struct nlmsghdr) char buf[32768];

	for (;;) {
		ssize_t got = recv(sock, buf, sizeof(buf), 0);
		unsigned left = (unsigned)got;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno;
		for (const struct nlmsghdr *h = (struct nlmsghdr *)buf; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			struct reply r;

			if (h->nlmsg_seq != seq)
				continue;
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return h->nlmsg_len >= NLMSG_LENGTH(sizeof(int)) ? -*(const int *)NLMSG_DATA(h) : EBADMSG;
			if (h->nlmsg_len < NLMSG_LENGTH(GENL_HDRLEN))
				return EBADMSG;
			r = read_attrs(h);
			fn(arg, &r);
			if (!dump)
				return 0;
		}
	}
}

static void take_family(void *arg, const struct reply *r)
{
	if (r->family)
		*(uint16_t *)arg = r->family;
}

struct each {
	rt_netdev_fn fn;
	void *arg;
};

static void take_device(void *arg, const struct reply *r)
{
	const struct each *e = arg;

	const struct rt_netdev d = { r->ifindex, r->features & FEATURE_NDO_XMIT, r->has_rx, r->rx };

	if (r->ifindex)
		e->fn(e->arg, &d);
}

int rt_netdev_each(rt_netdev_fn fn, void *arg, const struct xdpf_log *log)
{
	static const char name[] = "netdev";
	_cleanup_close_ int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	struct nlattr a = { NLA_HDRLEN + sizeof(name), CTRL_ATTR_FAMILY_NAME };
	struct request q = {
		.n = { .nlmsg_type = GENL_ID_CTRL, .nlmsg_flags = NLM_F_REQUEST }, .g = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 },
	};
	struct each each = { fn, arg };
	uint16_t family = 0;
	int err = sock < 0 ? errno : 0;

	memcpy(q.attrs, &a, sizeof(a));
	memcpy(q.attrs + NLA_HDRLEN, name, sizeof(name));
	q.n.nlmsg_len = (uint32_t)(NLMSG_LENGTH(GENL_HDRLEN) + NLA_ALIGN(a.nla_len));
	if (!err)
		err = ask(sock, &q, 1);
	if (!err)
		err = replies(sock, 1, false, take_family, &family);
	if (err == ENOENT || (!err && !family))
		return -EOPNOTSUPP;
	if (!err) {
		q.n = (struct nlmsghdr){ NLMSG_LENGTH(GENL_HDRLEN), family, NLM_F_REQUEST | NLM_F_DUMP, 0, 0 };
		q.g = (struct genlmsghdr){ .cmd = NETDEV_DEV_GET, .version = NETDEV_VERSION };
		err = ask(sock, &q, 2);
	}
	if (!err)
		err = replies(sock, 2, true, take_device, &each);
	if (err)
		return rt_fail_sys(log, err, "the kernel does not say what the drivers of its interfaces can do");
	return 0;
}
