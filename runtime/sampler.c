/*
 * Samples of packets. In: a program of ours that runs on an interface. Out: packets as they came in, each with its verdict and the rule that decided.
 * The program does the work: see struct xdpf_explain. Here are its tickets, and the kernel's buffers that it sends to, which are gone with us.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "private.h"
#include "xdpf/samples.h"

_Static_assert(XDPF_SAMPLE_BYTES == XDPF_SAMPLE_MOST, "callers know how large a sample is");

/* A buffer of a CPU: some of the largest samples find room. */
enum { BUFFER = 128 << 10 };

/* A packet that came in, and is not decided about yet. */
struct coming {
	struct xdpf_sampled head;
	uint32_t caplen, room;
	uint8_t *data;
};

struct xdpf_sampler {
	const struct xdpf_program *prog;	/* outlives us */
	struct rt_lock lock;
	struct perf_buffer *buffers;
	struct xdpf_explain *at;		/* in the kernel's map */
	uint32_t session;
	unsigned verdicts;
	struct coming *coming;			/* by CPU */
	unsigned n_cpus;
	uint64_t lost;
	/* while it is polled */
	xdpf_sample_fn fn;
	void *arg;
	int given, err;
	bool enough;
};

void xdpf_sampler_free(struct xdpf_sampler *s)
{
	if (!s)
		return;
	if (s->at) {
		uint32_t session = s->session;

		/* somebody else's stays */
		__atomic_compare_exchange_n(&s->at->session, &session, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
		munmap(s->at, sizeof(*s->at));
	}
	perf_buffer__free(s->buffers);
	for (unsigned i = 0; s->coming && i < s->n_cpus; i++)
		free(s->coming[i].data);
	free(s->coming);
	rt_unlock_reader(&s->lock);
	free(s);
}

static void sampler_freep(struct xdpf_sampler **s)
{
	xdpf_sampler_free(*s);
}

/* ---- records ---- */

static bool find_decider(const struct xdpf_meta *m, uint32_t index, struct xdpf_sample *out)
{
	out->rule = xdpf_meta_rule(m, index);
	if (out->rule) {
		out->file = out->rule->file;
		return true;
	}
	for (size_t i = 0; i < m->n_files; i++)
		if (m->files[i].default_index == index) {
			out->file = (unsigned)i;
			return true;
		}
	return false;
}

/* @came: the record of when it came in, @h: of when it was decided about. */
static void give(struct xdpf_sampler *s, const struct xdpf_sampled *came, const struct xdpf_sampled *h, uint32_t caplen, const void *data)
{
	struct xdpf_sample p = {
		.time = came->time, .ifindex = came->ifindex, .rxqueue = came->rxqueue, .len = came->len, .caplen = caplen, .data = data,
		.verdict = (enum xdpf_verdict)(h->what >> 32),
	};

	if (s->enough || !(s->verdicts >> p.verdict & 1))
		return;
	/* under another image, indexes are of other rules */
	if (xdpf_program_changed(s->prog)) {
		s->err = -ESTALE;
	} else if (!find_decider(rt_meta_get(s->prog->meta), (uint32_t)h->what, &p)) {
		s->err = -EBADMSG;
	} else {
		s->given++;
		s->enough = !s->fn(s->arg, &p);
	}
}

static int keep(struct coming *c, const struct xdpf_sampled *h, uint32_t caplen, const void *data)
{
	if (caplen > c->room) {
		uint8_t *bigger = realloc(c->data, caplen);

		if (!bigger)
			return -ENOMEM;
		c->data = bigger;
		c->room = caplen;
	}
	if (caplen)
		memcpy(c->data, data, caplen);
	c->caplen = caplen;
	c->head = *h;
	return 0;
}

static void on_record(void *arg, int cpu, void *data, uint32_t size)
{
	struct xdpf_sampler *s = arg;
	struct coming *c = cpu >= 0 && (unsigned)cpu < s->n_cpus ? &s->coming[cpu] : NULL;
	struct xdpf_sampled h;
	uint32_t caplen;

	if (s->err || !c)
		return;
	if (size < sizeof(h)) {
		s->err = -EBADMSG;
		return;
	}
	memcpy(&h, data, sizeof(h));
	/* the kernel fills records to whole words */
	caplen = size - (uint32_t)sizeof(h);
	caplen = caplen < h.len ? caplen : h.len;
	caplen = caplen < XDPF_SAMPLE_MOST ? caplen : XDPF_SAMPLE_MOST;
	if (h.session != s->session)
		return;
	if (h.what == XDPF_SAMPLED_COMING) {
		s->err = keep(c, &h, caplen, (const uint8_t *)data + sizeof(h));
	} else if (h.what >> 32 >= XDPF_N_VERDICTS) {
		s->err = -EBADMSG;
	} else if (s->at->late) {
		give(s, &h, &h, caplen, (const uint8_t *)data + sizeof(h));
	} else if (c->head.session == h.session && c->head.number == h.number) {
		c->head.session = 0;
		give(s, &c->head, &h, c->caplen, c->data);
	} else {
		s->lost++;
	}
}

static void on_lost(void *arg, int cpu, unsigned long long n)
{
	struct xdpf_sampler *s = arg;

	(void)cpu;
	s->lost += n;
}

/* ---- opening ---- */

static int map_state(struct xdpf_sampler *s, const struct xdpf_log *log)
{
	struct bpf_map_info state = { 0 }, samples = { 0 };
	uint32_t len = sizeof(state);
	void *at;

	if (s->prog->explain_fd < 0 || s->prog->samples_fd < 0)
		return rt_fail(log, EOPNOTSUPP, "program %s cannot say what it does with packets: an older xdpfc made it.\n"
			       "Compile its rules and apply them again", rt_meta_get(s->prog->meta)->program);
	if (bpf_obj_get_info_by_fd(s->prog->explain_fd, &state, &len))
		return rt_fail_sys(log, errno, "a map of the program cannot be looked at");
	len = sizeof(samples);
	if (bpf_obj_get_info_by_fd(s->prog->samples_fd, &samples, &len))
		return rt_fail_sys(log, errno, "a map of the program cannot be looked at");
	if (state.type != BPF_MAP_TYPE_ARRAY || state.value_size != sizeof(*s->at) || !(state.map_flags & BPF_F_MMAPABLE) ||
	    samples.type != BPF_MAP_TYPE_PERF_EVENT_ARRAY)
		return rt_fail(log, EBADMSG, "maps of the program are not what their names say");
	at = mmap(NULL, sizeof(*s->at), PROT_READ | PROT_WRITE, MAP_SHARED, s->prog->explain_fd, 0);
	if (at == MAP_FAILED)
		return rt_fail_sys(log, errno, "a map of the program cannot be mapped");
	s->at = at;
	return rt_lock_reader(&s->lock, "explain", state.id, "packets of this program are explained", log);
}

static int open_buffers(struct xdpf_sampler *s, const struct xdpf_log *log)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct rt_libbpf scope;
	int n, err = 0;

	rt_libbpf_begin(&scope, log);
	n = libbpf_num_possible_cpus();
	rt_libbpf_end(&scope);
	if (n <= 0)
		return rt_fail_sys(log, n ? -n : EIO, "it cannot be found out how many CPUs there are");
	s->n_cpus = (unsigned)n;
	s->coming = calloc(s->n_cpus, sizeof(*s->coming));
	if (!s->coming)
		return rt_fail(log, ENOMEM, "out of memory");
	rt_libbpf_begin(&scope, log);
	s->buffers = perf_buffer__new(s->prog->samples_fd, BUFFER / page, on_record, on_lost, s, NULL);
	if (!s->buffers)
		err = rt_fail_sys(log, errno, "no buffers can be made that the program sends samples to");
	rt_libbpf_end(&scope);
	return err;
}

static int begin(struct xdpf_sampler *s, const struct xdpf_log *log)
{
	while (!s->session)
		if (getrandom(&s->session, sizeof(s->session), 0) != sizeof(s->session))
			return rt_fail_sys(log, errno, "the kernel gives no random number");
	__atomic_store_n(&s->at->tickets, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&s->at->verdicts, s->verdicts, __ATOMIC_RELAXED);
	__atomic_store_n(&s->at->late, !s->at->changes, __ATOMIC_RELAXED);
	xdpf_sampler_want(s, 0);
	__atomic_store_n(&s->at->session, s->session, __ATOMIC_SEQ_CST);
	return 0;
}

int xdpf_sampler_open(struct xdpf_sampler **out, const struct xdpf_program *p, const struct xdpf_sampler_opts *opts, const struct xdpf_log *log)
{
	struct xdpf_sampler_opts opt = opts_copy(struct xdpf_sampler_opts, opts);
	_cleanup_(sampler_freep) struct xdpf_sampler *s = NULL;
	int err = rt_opts_check(opts, sizeof(opt), log);

	if (err)
		return err;
	if (opt.verdicts >> XDPF_N_VERDICTS)
		return rt_fail(log, EINVAL, "there are no verdicts as large as is asked for");
	s = calloc(1, sizeof(*s));
	if (!s)
		return rt_fail(log, ENOMEM, "out of memory");
	s->lock = RT_NO_LOCK;
	s->prog = p;
	s->verdicts = opt.verdicts ? opt.verdicts : (1u << XDPF_N_VERDICTS) - 1;
	err = map_state(s, log);
	if (!err)
		err = open_buffers(s, log);
	if (!err)
		err = begin(s, log);
	if (!err)
		*out = take_ptr(s);
	return err;
}

/* ---- reading ---- */

void xdpf_sampler_want(struct xdpf_sampler *s, unsigned n)
{
	for (unsigned i = 0; i < XDPF_EXPLAIN_CPUS; i++)
		__atomic_store_n(&s->at->cpu[i].idle, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&s->at->tickets, n, __ATOMIC_SEQ_CST);
}

int xdpf_sampler_poll(struct xdpf_sampler *s, int ms, xdpf_sample_fn fn, void *arg)
{
	int n;

	s->fn = fn;
	s->arg = arg;
	s->given = 0;
	s->enough = false;
	n = perf_buffer__poll(s->buffers, ms);
	if (n < 0)
		return n;
	if (s->err)
		return s->err;
	if (xdpf_program_changed(s->prog))
		return -ESTALE;
	if (!s->given && __atomic_load_n(&s->at->session, __ATOMIC_SEQ_CST) != s->session)
		return -ENOLINK;
	return s->given;
}

uint64_t xdpf_sampler_lost(const struct xdpf_sampler *s)
{
	return s->lost;
}
