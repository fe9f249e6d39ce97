/*
 * Records of packets. In: a program of ours that runs on an interface. Out: what its `log` and `sample` actions saw, one after the other.
 * The ring belongs to whoever reads it: two readers would each see a part. So a reader holds a lock, and a second one is told who does.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <poll.h>

#include "private.h"

struct xdpf_reader {
	const struct xdpf_program *prog;	/* outlives us */
	const struct xdpf_meta *meta;		/* what it says of its rules: its own, or */
	struct rt_meta *later, *earlier;	/* of the images since; NULL: none */
	uint32_t seen;				/* the id of the map that .meta is from */
	struct ring_buffer *ring;
	struct rt_lock lock;
	xdpf_record_fn fn;
	void *arg;
	int broken;				/* -errno: a record that no program of ours writes */
};

void xdpf_reader_free(struct xdpf_reader *r)
{
	if (!r)
		return;
	ring_buffer__free(r->ring);
	rt_unlock_reader(&r->lock);
	rt_meta_free(r->later);
	rt_meta_free(r->earlier);
	free(r);
}

static void reader_freep(struct xdpf_reader **r)
{
	xdpf_reader_free(*r);
}

/* Where the program got another image, its rules are others. What is read now may still be of the one before. */
static void follow(struct xdpf_reader *r)
{
	const struct xdpf_program *p = r->prog;
	struct rt_meta *later;
	uint32_t id;

	if (rt_metamap_id(&id, p->meta_fd, p->metas_fd, p->swap_fd) || id == r->seen)
		return;
	if (rt_metamap_read(&later, &id, p->meta_fd, p->metas_fd, p->swap_fd, NULL))
		return;
	rt_meta_free(r->earlier);
	r->earlier = r->later;
	r->later = later;
	r->seen = id;
	r->meta = rt_meta_get(later);
}

static const struct xdpf_rule *find_rule(struct xdpf_reader *r, uint32_t index)
{
	const struct xdpf_rule *rule = xdpf_meta_rule(r->meta, index);

	if (rule)
		return rule;
	follow(r);
	rule = xdpf_meta_rule(r->meta, index);
	if (!rule && r->earlier)
		rule = xdpf_meta_rule(rt_meta_get(r->earlier), index);
	return rule ? rule : xdpf_meta_rule(rt_meta_get(r->prog->meta), index);
}

static int on_record(void *arg, void *data, size_t len)
{
	struct xdpf_reader *r = arg;
	const struct xdpf_event *e = data;
	const struct xdpf_rule *rule;
	struct xdpf_record rec;

	if (len < sizeof(*e) || e->caplen > sizeof(e->data) || e->caplen > e->len ||
	    (e->verdict >= XDPF_N_VERDICTS && e->verdict != XDPF_EVENT_GOES_ON) || !(rule = find_rule(r, e->rule))) {
		r->broken = -EBADMSG;
		return -EBADMSG;
	}
	rec = (struct xdpf_record){
		.time = e->time, .rule = rule, .decides = e->verdict != XDPF_EVENT_GOES_ON,
		.verdict = e->verdict == XDPF_EVENT_GOES_ON ? XDPF_NO_VERDICT : (enum xdpf_verdict)e->verdict,
		.ifindex = e->ifindex, .rxqueue = e->rxqueue, .len = e->len, .caplen = e->caplen, .data = e->data,
	};
	return r->fn(r->arg, &rec) ? 0 : -ECANCELED;
}

int xdpf_reader_open(struct xdpf_reader **out, const struct xdpf_program *p, const struct xdpf_log *log)
{
	_cleanup_(reader_freep) struct xdpf_reader *r = calloc(1, sizeof(*r));
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	int err;

	if (!r)
		return rt_fail(log, ENOMEM, "out of memory");
	r->lock = RT_NO_LOCK;
	r->prog = p;
	r->seen = p->seen_meta;
	r->meta = rt_meta_get(p->meta);
	if (p->log_fd < 0)
		return rt_fail(log, ENOENT, "no rule of program %s has `log` or `sample`", r->meta->program);
	if (bpf_obj_get_info_by_fd(p->log_fd, &info, &len))
		return rt_fail_sys(log, errno, "the program's log cannot be looked at");
	if (info.type != BPF_MAP_TYPE_RINGBUF)
		return rt_fail(log, EBADMSG, "map %s of the program is not what its metadata says", XDPF_MAP_LOG);
	err = rt_lock_reader(&r->lock, "log", info.id, "the log is read", log);
	if (err)
		return err;
	r->ring = ring_buffer__new(p->log_fd, on_record, r, NULL);
	if (!r->ring)
		return rt_fail_sys(log, errno, "the program's log cannot be mapped");
	*out = take_ptr(r);
	return 0;
}

int xdpf_reader_poll(struct xdpf_reader *r, int ms, xdpf_record_fn fn, void *arg)
{
	struct pollfd ready = { .fd = ring_buffer__epoll_fd(r->ring), .events = POLLIN };
	int n;

	r->fn = fn;
	r->arg = arg;
	/* records are there before it is asked which rules they are of */
	n = poll(&ready, 1, ms);
	if (n <= 0)
		return n < 0 ? -errno : 0;
	follow(r);
	n = ring_buffer__consume(r->ring);
	return n == -ECANCELED ? 1 : r->broken ? r->broken : n;
}

static int on_drained(void *arg, void *data, size_t len)
{
	(void)arg;
	(void)data;
	(void)len;
	return 0;
}

int rt_log_drain_open(struct xdpf_program *p, const struct xdpf_log *log)
{
	if (p->log_fd < 0)
		return 0;
	p->ring = ring_buffer__new(p->log_fd, on_drained, NULL, NULL);
	return p->ring ? 0 : rt_fail_sys(log, errno, "the program's log cannot be mapped");
}
