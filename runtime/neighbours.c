/*
 * Every program that sees what an interface receives, in the order in which they do: offloaded, native, generic, and those of traffic control behind
 * them; where one is libxdp's dispatcher, its parts. In: an interface. Out: a list; names are hidden from who may not look programs up by their ids.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <xdp/libxdp.h>

#include "private.h"

enum { TCX_INGRESS = 46, TCX_MOST = 64 };	/* BPF_TCX_INGRESS, which older headers lack */

struct list {
	struct xdpf_neighbour *v;
	size_t n;
	bool failed;
};

const char *xdpf_hook_name(enum xdpf_hook h)
{
	switch (h) {
	case XDPF_HOOK_OFFLOAD:
		return "offload";
	case XDPF_HOOK_NATIVE:
		return "native";
	case XDPF_HOOK_GENERIC:
		return "generic";
	case XDPF_HOOK_PART:
		return "dispatched";
	case XDPF_HOOK_TC:
		return "tc";
	}
	return "tc";
}

static struct xdpf_neighbour *add(struct list *l, enum xdpf_hook hook, uint32_t id)
{
	struct xdpf_neighbour *v = l->failed ? NULL : realloc(l->v, (l->n + 1) * sizeof(*v));

	if (!v) {
		l->failed = true;
		return NULL;
	}
	l->v = v;
	v[l->n] = (struct xdpf_neighbour){ .hook = hook, .id = id };
	return &v[l->n++];
}

static void copy_name(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
	for (; *to; to++)
		if ((unsigned char)*to < 0x20 || *to == 0x7f)
			*to = '?';
}

static void look_at(struct xdpf_neighbour *v)
{
	_cleanup_close_ int fd = rt_prog_get(v->id);
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	v->hidden = fd < 0 && errno == EPERM;
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		return;
	info.name[sizeof(info.name) - 1] = '\0';
	copy_name(v->name, sizeof(v->name), info.name);
}

/* ---- the dispatcher's parts ---- */

static void add_part(struct list *l, const struct xdp_program *p, uint32_t ours)
{
	struct xdpf_neighbour *v = add(l, XDPF_HOOK_PART, xdp_program__id(p));

	if (!v)
		return;
	copy_name(v->name, sizeof(v->name), xdp_program__name(p));
	v->priority = xdp_program__run_prio(p);
	for (int verdict = 0; verdict < XDPF_N_VERDICTS; verdict++)
		if (xdp_program__chain_call_enabled(p, (enum xdp_action)verdict))
			v->goes_on |= 1u << verdict;
	v->ours = ours && v->id == ours;
}

static void add_parts(struct list *l, unsigned ifindex, uint32_t ours, const struct xdpf_log *log)
{
	struct xdp_multiprog *mp;
	struct xdp_program *p = NULL;

	rt_libxdp_quiet(log);
	mp = xdp_multiprog__get_from_ifindex((int)ifindex);
	if (libxdp_get_error(mp)) {
		rt_log(log, XDPF_LOG_DEBUG, "libxdp does not say what is on the interface: %s", strerror((int)-libxdp_get_error(mp)));
		return;
	}
	if (!xdp_multiprog__is_legacy(mp))
		while ((p = xdp_multiprog__next_prog(p, mp)))
			add_part(l, p, ours);
	xdp_multiprog__close(mp);
}

/* ---- traffic control ---- */

static void add_filter(void *arg, uint32_t id, const char *name, unsigned priority)
{
	struct xdpf_neighbour *v = add(arg, XDPF_HOOK_TC, id);

	if (!v)
		return;
	copy_name(v->name, sizeof(v->name), name);
	v->priority = priority;
}

/* Kernels before 6.6 have no such hook. */
static void add_tcx(struct list *l, unsigned ifindex)
{
	uint32_t ids[TCX_MOST] = { 0 };
	LIBBPF_OPTS(bpf_prog_query_opts, q, .prog_ids = ids, .prog_cnt = TCX_MOST);

	if (bpf_prog_query_opts((int)ifindex, (enum bpf_attach_type)TCX_INGRESS, &q))
		return;
	for (uint32_t i = 0; i < q.prog_cnt && i < TCX_MOST; i++) {
		struct xdpf_neighbour *v = add(l, XDPF_HOOK_TC, ids[i]);

		if (v)
			look_at(v);
	}
}

static int by_order(const void *a, const void *b)
{
	const struct xdpf_neighbour *x = a, *y = b;

	if (x->hook != y->hook)
		return x->hook < y->hook ? -1 : 1;
	return x->priority < y->priority ? -1 : x->priority > y->priority;
}

/* ---- all ---- */

static void add_xdp(struct list *l, enum xdpf_hook hook, uint32_t id, const struct xdpf_iface *i, const struct xdpf_log *log)
{
	struct xdpf_neighbour *v = id ? add(l, hook, id) : NULL;

	if (!v)
		return;
	look_at(v);
	/* while a filter waits for confirmation, what runs there is its guard */
	v->ours = i->ours && (i->prog_id == id || (i->pending && hook == (i->mode == XDPF_MODE_GENERIC ? XDPF_HOOK_GENERIC : XDPF_HOOK_NATIVE)));
	if (v->ours && !v->name[0])
		copy_name(v->name, sizeof(v->name), i->prog_name);
	if (!strcmp(v->name, RT_DISPATCHER))
		add_parts(l, i->ifindex, i->part_id, log);
}

int xdpf_neighbours(struct xdpf_neighbour **out, size_t *n, const char *iface, const struct xdpf_log *log)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);
	struct list l = { 0 }, tc = { 0 };
	struct rt_libbpf scope;
	struct xdpf_iface i;
	int err = xdpf_iface_query(&i, iface, log);

	if (err)
		return err;
	rt_libbpf_begin(&scope, log);
	err = bpf_xdp_query((int)i.ifindex, 0, &q);
	if (!err) {
		add_xdp(&l, XDPF_HOOK_OFFLOAD, q.hw_prog_id, &i, log);
		add_xdp(&l, XDPF_HOOK_NATIVE, q.drv_prog_id, &i, log);
		add_xdp(&l, XDPF_HOOK_GENERIC, q.skb_prog_id, &i, log);
		add_tcx(&l, i.ifindex);
		rt_filters_each(i.ifindex, add_filter, &tc);
	}
	rt_libbpf_end(&scope);
	if (tc.n)
		qsort(tc.v, tc.n, sizeof(*tc.v), by_order);
	for (size_t k = 0; k < tc.n; k++) {
		struct xdpf_neighbour *v = add(&l, XDPF_HOOK_TC, 0);

		if (v)
			*v = tc.v[k];
	}
	free(tc.v);
	if (err || l.failed || tc.failed) {
		free(l.v);
		return err ? rt_fail_sys(log, -err, "%s: the kernel does not say what runs there", iface) : rt_fail(log, ENOMEM, "out of memory");
	}
	*out = l.v;
	*n = l.n;
	return 0;
}
