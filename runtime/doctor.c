/*
 * What attaching to an interface would do, and what would be in the way. In: an interface and, if there is one, an object. Out: facts, findings, and
 * what apply would come to. Guaranteed: nothing is attached, detached or pinned; an object is loaded as apply would load it, and let go of again.
 */
#include <errno.h>
#include <linux/ethtool.h>
#include <net/if.h>
#include <stdio.h>
#include <unistd.h>

#include "private.h"

enum { PLAIN_MTU = 1500 };

/* One examination. */
struct exam {
	struct xdpf_diagnosis *d;
	const struct xdpf_object *o;	/* NULL: none was given */
	const struct xdpf_log *log;
	struct rt_netdev dev;
	struct rt_nic nic;
	struct rt_link link;
	const char *what;		/* the word for what is being listened to */
	bool failed;			/* memory is out */
};

static void diagnosis_freep(struct xdpf_diagnosis **d)
{
	xdpf_diagnosis_free(*d);
}

void xdpf_diagnosis_free(struct xdpf_diagnosis *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->n_findings; i++)
		free(d->findings[i].text);
	for (size_t i = 0; i < d->n_needs; i++) {
		free(d->needs[i].kind);
		free(d->needs[i].name);
	}
	free(d->findings);
	free(d->needs);
	free(d->filters);
	free(d->neighbours);
	free(d->outcome);
	free(d);
}

/* ---- findings ---- */

static void find(struct exam *e, enum xdpf_finding_level level, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void find(struct exam *e, enum xdpf_finding_level level, const char *what, const char *fmt, ...)
{
	struct xdpf_diagnosis *d = e->d;
	struct xdpf_finding *grown = realloc(d->findings, (d->n_findings + 1) * sizeof(*grown));
	size_t at = d->n_findings;
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (grown)
		d->findings = grown;
	if (!grown || !text) {
		free(text);
		e->failed = true;
		return;
	}
	/* behind those that are as bad */
	while (at && grown[at - 1].level > level)
		at--;
	memmove(&grown[at + 1], &grown[at], (d->n_findings - at) * sizeof(*grown));
	grown[at] = (struct xdpf_finding){ level, what, text };
	d->n_findings++;
}

/* What a step of apply's says becomes findings. */
static void on_step(void *arg, enum xdpf_log_level level, const char *text)
{
	struct exam *e = arg;

	if (level == XDPF_LOG_ERROR)
		find(e, XDPF_FINDING_OBSTACLE, e->what, "%s", text);
	else if (level == XDPF_LOG_WARNING)
		find(e, XDPF_FINDING_WARNING, e->what, "%s", text);
	else
		rt_log(e->log, XDPF_LOG_DEBUG, "%s", text);
}

/* ---- facts ---- */

static void take_device(void *arg, const struct rt_netdev *dev)
{
	struct exam *e = arg;

	if (dev->ifindex != e->d->iface.ifindex)
		return;
	e->dev = *dev;
	e->d->has_features = true;
	e->d->features = dev->features;
}

static enum xdpf_known known(bool known, bool yes)
{
	return !known ? XDPF_UNKNOWN : yes ? XDPF_YES : XDPF_NO;
}

static int facts(struct exam *e)
{
	struct xdpf_diagnosis *d = e->d;
	struct ethtool_drvinfo info;
	const char *driver = rt_driver_name(d->iface.name, &info);
	int err = rt_netdev_each(take_device, e, e->log);

	if (err == -EOPNOTSUPP)
		err = 0;
	if (!err)
		err = rt_nic_query(&e->nic, d->iface.ifindex, e->log);
	if (!err)
		err = rt_link_query(&e->link, d->iface.ifindex, e->log);
	if (err)
		return err;
	snprintf(d->driver, sizeof(d->driver), "%s", driver ? driver : "");
	snprintf(d->kind, sizeof(d->kind), "%s", e->link.kind);
	d->native = known(d->has_features, d->features & RT_XDP_BASIC);
	d->frags = known(d->has_features, d->features & RT_XDP_FRAGS);
	d->vlan_offload = known(e->nic.has_features, e->nic.on & RT_NIC_VLAN_STRIP);
	d->lro = known(e->nic.has_features, e->nic.on & RT_NIC_LRO);
	d->ntuple = !e->nic.has_features ? XDPF_UNKNOWN : known(true, (e->nic.may_change | e->nic.on) & RT_NIC_NTUPLE);
	d->max_mtu = e->link.max_mtu;
	d->rx_queues = e->nic.rx_channels ? e->nic.rx_channels : e->link.rx_queues;
	d->max_rx_queues = e->nic.rx_max;
	d->cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	d->wants_frags = d->mode == XDPF_MODE_NATIVE && d->iface.mtu > PLAIN_MTU;
	return 0;
}

/* ---- the interface ---- */

static const char *driver_words(const struct xdpf_diagnosis *d, char *buf, size_t size)
{
	snprintf(buf, size, "its driver%s%s", d->driver[0] ? " " : "", d->driver);
	return buf;
}

static void judge_mode(struct exam *e)
{
	struct xdpf_diagnosis *d = e->d;
	char words[64];

	if (!rt_iface_ethernet(&d->iface))
		find(e, XDPF_FINDING_OBSTACLE, "frames", "its frames have no Ethernet header, and a filter would take what they begin with for one");
	if (d->mode != XDPF_MODE_NATIVE)
		return;
	driver_words(d, words, sizeof(words));
	if (d->native == XDPF_NO)
		find(e, XDPF_FINDING_OBSTACLE, "native", "%s does not run XDP programs: `--mode generic` works, more slowly", words);
	else if (d->native == XDPF_UNKNOWN)
		find(e, XDPF_FINDING_NOTE, "native", "whether %s runs XDP programs is not known before they are attached (Linux 6.3 says)", words);
	if (d->wants_frags && d->native != XDPF_NO && d->frags == XDPF_NO)
		find(e, XDPF_FINDING_WARNING, "mtu", "the MTU is %u, and %s takes no frames in fragments: it may refuse a filter at this MTU\n"
		     "`ip link set dev %s mtu 1500`, or --mode generic", d->iface.mtu, words, d->iface.name);
	if (!d->wants_frags)
		find(e, XDPF_FINDING_NOTE, "mtu", "while the filter runs, the MTU stays where frames fit a page (its driver sees to that): "
		     "for jumbo frames set the MTU first, then apply");
	if (e->nic.on & e->nic.fixed & RT_NIC_GRO_HW)
		find(e, XDPF_FINDING_WARNING, "lro", "it puts received frames together (rx-gro-hw), which cannot be turned off here, and which most "
		     "drivers refuse beside XDP");
	if (d->lro == XDPF_YES)
		find(e, XDPF_FINDING_WARNING, "lro", "it puts received frames together (LRO), which most drivers refuse beside XDP\n"
		     "`ethtool -K %s lro off`", d->iface.name);
}

static void judge_queues(struct exam *e)
{
	const struct xdpf_diagnosis *d = e->d;

	if (d->cpus < 2 || d->rx_queues != 1 || d->kind[0])
		return;
	find(e, XDPF_FINDING_NOTE, "queues", "it has one receive queue for %u CPUs: one of them runs the filter for all packets%s", d->cpus,
	     d->max_rx_queues > 1 ? "; `ethtool -L` makes more" : "");
}

static void judge_tags(struct exam *e)
{
	size_t n = e->o && e->o->nic ? e->o->nic->n_tags : 0;
	char why[256];

	if ((e->o && !n) || !rt_nic_hides_tags(&e->d->iface, why, sizeof(why), e->log))
		return;
	if (!e->o)
		find(e, XDPF_FINDING_NOTE, "tags", "rules that look at tags may find none: %s", why);
	else
		find(e, XDPF_FINDING_WARNING, "tags", "%zu rule%s look%s at tags (the first is %s, line %u), which may not be in the frame: %s", n,
		     n == 1 ? "" : "s", n == 1 ? "s" : "", e->o->nic->tags[0]->shown, e->o->nic->tags[0]->line, why);
}

static void judge_neighbours(struct exam *e)
{
	const struct xdpf_diagnosis *d = e->d;
	const struct xdpf_iface *i = &d->iface;
	char prog[64], upper[IF_NAMESIZE];
	bool tc = false;

	if (i->ours_hidden)
		find(e, XDPF_FINDING_OBSTACLE, "neighbours", "whether %s is ours cannot be told without more privileges",
		     rt_iface_program(i, prog, sizeof(prog)));
	else if (i->mode != XDPF_MODE_NONE && !i->ours)
		find(e, XDPF_FINDING_OBSTACLE, "neighbours", "%s runs there in %s mode and is not ours: it stays, and apply refuses%s",
		     rt_iface_program(i, prog, sizeof(prog)), xdpf_mode_name(i->mode),
		     !strcmp(i->prog_name, RT_DISPATCHER) ? "; --dispatch joins it" : "");
	else if (i->ours && i->mode != d->mode)
		find(e, XDPF_FINDING_OBSTACLE, "neighbours", "our filter runs there in %s mode, which it cannot change: apply with --mode %s, or "
		     "`xdpf remove %s` first", xdpf_mode_name(i->mode), xdpf_mode_name(i->mode), i->name);
	if (i->pending)
		find(e, XDPF_FINDING_OBSTACLE, "pending", "%s waits for confirmation there: `xdpf confirm %s` or `xdpf rollback %s` first",
		     rt_iface_program(i, prog, sizeof(prog)), i->name, i->name);
	for (size_t k = 0; k < d->n_neighbours; k++)
		tc |= d->neighbours[k].hook == XDPF_HOOK_TC;
	if (tc)
		find(e, XDPF_FINDING_NOTE, "neighbours", "programs of traffic control run behind the filter, and see what it passes");
	if (e->link.master && if_indextoname(e->link.master, upper))
		find(e, XDPF_FINDING_NOTE, "master", "it belongs to %s%s%s, which gets what the filter passes; a program on %s itself and one here "
		     "exclude each other", upper, e->link.master_kind[0] ? ", a " : "", e->link.master_kind, upper);
}

/* ---- the object ---- */

static void take_need(void *arg, const char *kind, const char *name, bool has)
{
	struct exam *e = arg;
	/* who may load nothing is not told which maps there are */
	bool unknown = !has && !strcmp(kind, "map") && e->d->dispatcher == XDPF_UNKNOWN;
	struct xdpf_need *grown = unknown ? NULL : realloc(e->d->needs, (e->d->n_needs + 1) * sizeof(*grown)), *v;

	if (!grown) {
		e->failed |= !unknown;
		return;
	}
	e->d->needs = grown;
	v = &grown[e->d->n_needs++];
	*v = (struct xdpf_need){ strdup(kind), strdup(name), has };
	e->failed |= !v->kind || !v->name;
	if (!has)
		find(e, XDPF_FINDING_OBSTACLE, "kernel", "the object needs %s %s, which this kernel has not", name,
		     !strcmp(kind, "map") ? "maps" : !strcmp(kind, "function") ? "(a function of the kernel's)" : "(a helper)");
}

static void take_filters(struct exam *e)
{
	const struct rt_nic_rules *n = e->o->nic;

	if (!n || !n->n_filters)
		return;
	e->d->filters = calloc(n->n_filters, sizeof(*e->d->filters));
	if (!e->d->filters) {
		e->failed = true;
		return;
	}
	for (size_t i = 0; i < n->n_filters; i++)
		e->d->filters[e->d->n_filters++] = (struct xdpf_card_filter){ n->filters[i].rule, n->filters[i].text };
}

static void judge_names(struct exam *e)
{
	const struct xdpf_meta *m = xdpf_object_meta(e->o);

	for (size_t i = 0; i < m->n_ifaces; i++)
		if (!if_nametoindex(m->ifaces[i]))
			find(e, XDPF_FINDING_WARNING, "names", "no interface is called %s now: conditions on it match nothing until there is one",
			     m->ifaces[i]);
}

/* As apply loads it; then it is let go of. */
static void try_load(struct exam *e, const struct xdpf_log *step)
{
	const struct xdpf_diagnosis *d = e->d;
	const struct xdpf_load_opts opts = { .sz = sizeof(opts), .frags = d->wants_frags, .generic = d->mode == XDPF_MODE_GENERIC,
						.ifindex = d->iface.ifindex };
	struct xdpf_program *p = NULL;

	e->what = "driver";
	if (rt_rx_check(e->o, &d->iface, d->mode, step))
		return;
	e->what = "load";
	if (!xdpf_program_load(&p, e->o, &opts, step))
		xdpf_program_free(p);
}

static void judge_object(struct exam *e)
{
	const struct xdpf_log step = { on_step, e };

	e->what = "kernel";
	if (rt_needs_each(e->o, take_need, e, &step))
		return;
	take_filters(e);
	judge_names(e);
	if (!e->d->n_findings || e->d->findings[0].level != XDPF_FINDING_OBSTACLE || strcmp(e->d->findings[0].what, "kernel"))
		try_load(e, &step);
	if (e->d->n_filters && e->d->ntuple == XDPF_YES)
		find(e, XDPF_FINDING_NOTE, "ntuple", "its card has filters of its own, which could take %zu of the object's (then its rules do not "
		     "count those packets)", e->d->n_filters);
}

/* ---- the outcome ---- */

static void conclude(struct exam *e)
{
	struct xdpf_diagnosis *d = e->d;
	const char *frags = d->wants_frags ? ", with frags" : "", *mode = xdpf_mode_name(d->mode);
	int n;

	d->would = !d->n_findings || d->findings[0].level != XDPF_FINDING_OBSTACLE;
	if (!d->would)
		n = asprintf(&d->outcome, "refuse, and change nothing");
	else if (d->iface.ours)
		n = asprintf(&d->outcome, "replace %s (id %u) in %s mode%s, without a gap", d->iface.prog_name, d->iface.prog_id, mode, frags);
	else
		n = asprintf(&d->outcome, "attach in %s mode%s%s", mode, frags,
			     d->mode == XDPF_MODE_NATIVE && d->native == XDPF_UNKNOWN ? ", if the driver can" : "");
	if (n < 0) {
		d->outcome = NULL;
		e->failed = true;
	}
}

static void judge_kernel(struct exam *e)
{
	const struct xdpf_log step = { on_step, e }, quiet = { 0 };
	int err;

	e->what = "kernel";
	rt_kernel_check(&step);
	err = rt_dispatch_check(&quiet);
	e->d->dispatcher = !err ? XDPF_YES : err == -EOPNOTSUPP ? XDPF_NO : XDPF_UNKNOWN;
	e->what = "privileges";
	if (e->d->dispatcher == XDPF_UNKNOWN)
		rt_fail_sys(&step, -err, "no XDP program can be loaded");
}

int xdpf_diagnose(struct xdpf_diagnosis **out, const char *iface, const struct xdpf_object *o, const struct xdpf_diagnose_opts *opts,
		  const struct xdpf_log *log)
{
	struct xdpf_diagnose_opts opt = opts_copy(struct xdpf_diagnose_opts, opts);
	_cleanup_(diagnosis_freep) struct xdpf_diagnosis *d = calloc(1, sizeof(*d));
	struct exam e = { .d = d, .o = o, .log = log };
	int err = rt_opts_check(opts, sizeof(opt), log);

	if (err || !d)
		return err ? err : rt_fail(log, ENOMEM, "out of memory");
	d->mode = opt.mode == XDPF_MODE_GENERIC ? XDPF_MODE_GENERIC : XDPF_MODE_NATIVE;
	err = xdpf_iface_query(&d->iface, iface, log);
	if (!err)
		err = facts(&e);
	if (!err)
		err = xdpf_neighbours(&d->neighbours, &d->n_neighbours, iface, log);
	if (err)
		return err;
	judge_kernel(&e);
	judge_mode(&e);
	judge_neighbours(&e);
	judge_queues(&e);
	judge_tags(&e);
	if (o)
		judge_object(&e);
	conclude(&e);
	if (e.failed)
		return rt_fail(log, ENOMEM, "out of memory");
	*out = take_ptr(d);
	return 0;
}
