/*
 * What is around a filter, as the parts of libxdpf see it: network cards, interfaces' names and namespaces, neighbours, and what
 * programs ask of the kernel beside themselves. Included by private.h, whose types it uses.
 */
#ifndef XDPF_RUNTIME_HOST_H
#define XDPF_RUNTIME_HOST_H

/* ---- nic.c: what network cards have to do with the rules ---- */

struct rt_nic_filter {
	const struct xdpf_rule *rule;
	const char *text;		/* for `ethtool -N IFACE` */
};

struct rt_nic_rules {
	const struct xdpf_rule **tags;	/* that look at 802.1Q tags in the frame */
	size_t n_tags;
	struct rt_nic_filter *filters;	/* that a card could take; those of one rule side by side */
	size_t n_filters;
	void *root;
};

int rt_nic_parse(struct rt_nic_rules **out, const char *text, size_t len, const struct xdpf_meta *m, const struct xdpf_log *log);
void rt_nic_free(struct rt_nic_rules *n);
/* Warns where rules look at tags that this interface's driver takes out of frames. */
void rt_nic_warn(const struct xdpf_object *o, const struct xdpf_iface *i, const struct xdpf_log *log);
/* What hides tags on this interface, with what to do about it; false: nothing does. */
bool rt_nic_hides_tags(const struct xdpf_iface *i, char *why, size_t size, const struct xdpf_log *log);

/* ---- names.c ---- */

/* xdpf_follow() under the lock. */
int rt_names_follow(size_t *changed, const struct xdpf_log *log);

/* ---- moved.c ---- */

/* Brings the pins of an interface that came from another network namespace to their place, and out of it what is another's. Under the lock. */
int rt_moved(const char *iface, const struct xdpf_log *log);
/* Where the link that runs program @prog_id on an interface of this index is pinned, if it is by us; @out: RT_PATH_MAX bytes. */
bool rt_moved_find(char out[], unsigned ifindex, uint32_t prog_id);

/* ---- dispatch.c: libxdp's dispatcher ---- */

#define RT_DISPATCHER	"xdp_dispatcher"	/* what libxdp calls it */

/* libxdp prints nothing of its own: what it says goes to @log, for debugging. */
void rt_libxdp_quiet(const struct xdpf_log *log);
/* Refuses with -EOPNOTSUPP where this kernel forbids the programs that it is made of. */
int rt_dispatch_check(const struct xdpf_log *log);
/* The place beside that of an interface's link where our part is pinned, and the id of what is pinned there; 0: nothing, or not to be seen. */
void rt_dispatch_path(char part[], const char *path);
uint32_t rt_dispatch_pinned(const char *path);

/* The part of the dispatcher that runs which is ours; 0: none. */
uint32_t rt_dispatch_part(unsigned ifindex, const char *path, const struct xdpf_log *log);
/* Finishes or undoes what was left of parts on their way, and lets go of those that are in no dispatcher any more. Under the lock. */
void rt_dispatch_sweep(const struct xdpf_log *log);
/* Takes @i->part_id out of it. Under the lock. */
int rt_dispatch_remove(const struct xdpf_iface *i, const char *path, const struct xdpf_log *log);

/* ---- needs.c: what an object needs of the kernel ---- */

/* @kind: "helper", "function" or "map". */
typedef void (*rt_need_fn)(void *arg, const char *kind, const char *name, bool has);
int rt_needs_each(const struct xdpf_object *o, rt_need_fn fn, void *arg, const struct xdpf_log *log);

/* ---- netdev.c ---- */

/* What an interface's driver says of it now. */
struct rt_netdev {
	unsigned ifindex;
	bool sends;		/* frames that came in at other interfaces */
	bool has_hints;		/* .hints is known (Linux 6.7) */
	uint64_t hints;		/* what it says of received packets: RT_HINT_… */
	uint64_t features;	/* RT_XDP_… */
};

/* enum netdev_xdp_act */
enum { RT_XDP_BASIC = 1, RT_XDP_REDIRECT = 2, RT_XDP_NDO_XMIT = 4, RT_XDP_ZEROCOPY = 8, RT_XDP_OFFLOAD = 16, RT_XDP_FRAGS = 32 };

/* enum netdev_xdp_rx_metadata */
enum { RT_HINT_TIMESTAMP = 1, RT_HINT_HASH = 2, RT_HINT_VLAN = 4 };

/* Calls @fn for each interface of this network namespace that knows of XDP. -EOPNOTSUPP, without a message: this kernel does not say. */
typedef void (*rt_netdev_fn)(void *arg, const struct rt_netdev *d);
int rt_netdev_each(rt_netdev_fn fn, void *arg, const struct xdpf_log *log);

/* ---- ethtool.c ---- */

enum rt_nic_flag { RT_NIC_VLAN_STRIP = 1, RT_NIC_LRO = 2, RT_NIC_GRO_HW = 4, RT_NIC_NTUPLE = 8, RT_NIC_STAG_STRIP = 16 };

/* What a network card is set to. Channels of both directions are in both counts; 0: it does not say. */
struct rt_nic {
	bool has_features;
	unsigned may_change, on, fixed;	/* RT_NIC_… that it has and that are switchable; that are on; that stay as they are */
	unsigned rx_channels, tx_channels, rx_max;
};

int rt_nic_query(struct rt_nic *out, unsigned ifindex, const struct xdpf_log *log);

/* ---- link.c ---- */

struct rt_link {
	char kind[16], master_kind[16];	/* "veth", "bond", …; "": a real one, or none */
	unsigned rx_queues, max_mtu, master;	/* 0: it does not say; no master */
};

int rt_link_query(struct rt_link *out, unsigned ifindex, const struct xdpf_log *log);
/* Programs of traffic control's filters on what an interface receives, in no order. 0, or -errno without a message. */
typedef void (*rt_filter_fn)(void *arg, uint32_t prog_id, const char *name, unsigned priority);
int rt_filters_each(unsigned ifindex, rt_filter_fn fn, void *arg);

/* ---- kernel.c ---- */

/* Does a kernel of this release (uname -r) verify our programs soundly? */
bool rt_release_serves(const char *release);
/* Refuses with -EOPNOTSUPP where this one does not. */
int rt_kernel_check(const struct xdpf_log *log);

/* ---- config.c ---- */

/* A test's frames come from the loopback device: its index stands for the interface that was named. */
enum { RT_TEST_IFINDEX = 1 };

/* Fills .rodata before the load. */
int rt_config_fill(struct bpf_object *bpf, const struct xdpf_meta *m, const struct xdpf_load_opts *o, uint64_t seed, const struct xdpf_log *log);
/* A variable of a data section (".rodata", ".bss"), writable until the load, and where it stands there; NULL where there
 * is none. */
void *rt_variable(struct bpf_object *bpf, const char *section, const char *name, size_t *size, size_t *offset);

/* ---- ways.c ---- */

/* The objects' maps for redirecting: -ENOENT where @map is none of them, 0 where it is as its readers expect. */
int rt_ways_map(const struct bpf_map *map, const struct xdpf_ways *w, const struct xdpf_log *log);
/* Has this kernel the kinds of maps that they take? */
int rt_ways_kernel(const struct xdpf_ways *w, const struct xdpf_log *log);
/* What verdicts redirect to must be something that this machine can have, and its kernel know what they need. */
int rt_ways_check(const struct xdpf_ways *w, bool generic, const struct xdpf_log *log);
/* Fills the maps of a loaded object. */
int rt_ways_fill(const struct bpf_object *bpf, const struct xdpf_ways *w, bool generic, const struct xdpf_log *log);

/* ---- cookies.c ---- */

/* Has this machine what rules with `syncookie` need? */
int rt_cookies_check(const struct xdpf_meta *m, const struct xdpf_log *log);

/* ---- conn.c ---- */

struct btf;
/* Bytes to a structure's member, and its size if @size is given (0: unknown); -1: there is none. */
int rt_btf_member(const struct btf *btf, const char *type, const char *name, size_t *size);
/* For a program that asks for `flow.state`: where this kernel has a connection's status (xdpf_config.ct_status), or -EOPNOTSUPP; for others 0. */
int rt_conn_place(uint32_t *out, const struct bpf_object *bpf, const struct xdpf_log *log);

/* ---- rx.c ---- */

/* Can what the object asks of drivers (rx.hash, …) be had on this interface in this mode? -EOPNOTSUPP with the reason where not. */
int rt_rx_check(const struct xdpf_object *o, const struct xdpf_iface *i, enum xdpf_mode mode, const struct xdpf_log *log);
/* For an object that asks drivers: its bytes with the kernel's functions named, to be loaded for one device; else *out stays. The caller frees. */
int rt_rx_image(char **out, const struct xdpf_object *o, unsigned ifindex, const struct xdpf_log *log);
/* Binds a program to its device, before the load. */
void rt_rx_bind(struct bpf_program *prog, unsigned ifindex);
/* What more there is to say where the load of a bound program failed. */
void rt_rx_explain(int err, bool frags, const struct xdpf_log *log);

#endif
