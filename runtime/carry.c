/*
 * What a filter counted goes on in the program that replaces it. In: a program that runs and one that takes its place. Out: a map, bound to the new
 * one, of what the old one counted, which is added wherever counters are read; maps that both use (carry_maps.c) need no more than that.
 * Guaranteed: each packet is counted once, whenever it is asked. Until the old program is known to be done, the new one's map says which it was, and
 * whoever reads counters reads that one's, too. Then what it counted is written down, and it may go. It is pinned beside the link meanwhile: who is
 * ended before that leaves all that the next command needs to do it.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>

#include "carry.h"
#include "pending.h"

/* The map's one element: this, and the numbers of each kind, one kind behind the other. */
struct carried {
	uint64_t final;
	uint32_t before;		/* until .final: the id of the program whose counters are to be added */
	uint32_t room;			/* elements of xdpf_rules */
	uint64_t n[RT_KINDS];
	uint64_t word[];
};

static void free_carried(struct carried **c)
{
	free(*c);
}

static size_t bytes_of(const size_t n[RT_KINDS])
{
	size_t words = 0;

	for (int k = 0; k < RT_KINDS; k++)
		words += n[k];
	return sizeof(struct carried) + 8 * words;
}

static void view(struct carried *c, struct rt_counts *out)
{
	size_t at = 0;

	for (int k = 0; k < RT_KINDS; k++) {
		out->v[k] = c->word + at;
		out->n[k] = c->n[k];
		at += c->n[k];
	}
}

static int read_carried(struct carried **out, const struct xdpf_program *p, const struct xdpf_log *log)
{
	_cleanup_(free_carried) struct carried *c = NULL;
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info), zero = 0;
	size_t left;

	if (bpf_obj_get_info_by_fd(p->carried_fd, &info, &len))
		return rt_fail_sys(log, errno, "a map of the program cannot be looked at");
	if (info.type != BPF_MAP_TYPE_ARRAY || info.key_size != 4 || info.value_size < sizeof(*c) || info.value_size % 8)
		return rt_fail(log, EBADMSG, "map %s of the program is not what its metadata says", XDPF_MAP_CARRIED);
	c = malloc(info.value_size);
	if (!c)
		return rt_fail(log, ENOMEM, "out of memory");
	if (bpf_map_lookup_elem(p->carried_fd, &zero, c))
		return rt_fail_sys(log, errno, "the counters of the program before cannot be read");
	left = (info.value_size - sizeof(*c)) / 8;
	for (int k = 0; k < RT_KINDS; k++) {
		if (c->n[k] > left)
			return rt_fail(log, EBADMSG, "map %s of the program is not what its metadata says", XDPF_MAP_CARRIED);
		left -= c->n[k];
	}
	*out = take_ptr(c);
	return 0;
}

static void add_all(struct rt_counts *to, const struct rt_counts *from)
{
	for (int k = 0; k < RT_KINDS; k++)
		for (size_t i = 0; i < to->n[k] && i < from->n[k]; i++)
			to->v[k][i] += from->v[k][i];
}

/* What @old counts at this moment, as @c is to have it. */
static int count_old(struct carried *c, const struct xdpf_program *old, const struct rt_plan *plan, const struct xdpf_log *log)
{
	struct xdpf_stats *stats = NULL;
	struct rt_counts was, is;
	int err = rt_counts_read(&stats, &was, old, false, log);

	if (err)
		return err;
	view(c, &is);
	for (int k = 0; k < RT_KINDS; k++)
		memset(is.v[k], 0, 8 * is.n[k]);
	rt_plan_run(plan, &was, &is);
	xdpf_stats_free(stats);
	return 0;
}

static void plan_freep(struct rt_plan *p)
{
	rt_plan_free(p);
}

/* The old program's counters, where that one is not done yet. -ENOENT, without a message: it is gone. */
static int count_running(struct carried *c, const struct xdpf_program *p, const struct xdpf_log *log)
{
	_cleanup_(rt_program_freep) struct xdpf_program *old = NULL;
	_cleanup_(plan_freep) struct rt_plan plan = { 0 };
	int fd = rt_prog_get(c->before), err;

	if (fd < 0)
		return errno == ENOENT ? -ENOENT : rt_fail_sys(log, errno, "the program before cannot be opened");
	err = rt_program_open(&old, fd, "before", log);
	if (!err)
		err = rt_plan_make(&plan, old->meta, rt_meta_get(p->meta), c->room, log);
	for (int k = 0; k < RT_KINDS && !err; k++)
		if (plan.n[k] != c->n[k])
			err = rt_fail(log, EBADMSG, "map %s of the program is not what its metadata says", XDPF_MAP_CARRIED);
	return err ? err : count_old(c, old, &plan, log);
}

int rt_carried_add(struct rt_counts *to, const struct xdpf_program *p, bool deep, const struct xdpf_log *log)
{
	for (int i = 0; p->carried_fd >= 0; i++) {
		_cleanup_(free_carried) struct carried *c = NULL;
		struct rt_counts from;
		int err = read_carried(&c, p, log);

		if (err)
			return err;
		/* what is written down meanwhile was so before the program went */
		if (!c->final && deep)
			err = count_running(c, p, log);
		if (err == -ENOENT && !i)
			continue;
		if (err && err != -ENOENT)
			return err;
		if (err)
			rt_log(log, XDPF_LOG_WARNING, "what the program before counted is lost: somebody else took it away");
		view(c, &from);
		add_all(to, &from);
		break;
	}
	return 0;
}

int rt_carried_clear(const struct xdpf_program *p, const uint32_t *indexes, size_t n, const struct xdpf_log *log)
{
	_cleanup_(free_carried) struct carried *c = NULL;
	uint32_t zero = 0;
	int err = p->carried_fd < 0 || !n ? 0 : read_carried(&c, p, log);

	if (err || !c)
		return err;
	for (size_t i = 0; i < n; i++)
		if (2 * (size_t)indexes[i] + 1 < c->n[RT_RULES])
			c->word[2 * (size_t)indexes[i]] = c->word[2 * (size_t)indexes[i] + 1] = 0;
	return bpf_map_update_elem(p->carried_fd, &zero, c, BPF_ANY) ? rt_fail_sys(log, errno, "the counters of new rules cannot be cleared") : 0;
}

/* ---- at work ---- */

void rt_carry_free(struct rt_carry *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_copy; i++)
		rt_snapshot_free(&c->copy[i].then);
	rt_plan_free(&c->plan);
	xdpf_program_free(c->old);
	free(c->shared);
	free(c->copy);
	free(c->lost);
	free(c->declared);
	free(c);
}

static void carry_freep(struct rt_carry **c)
{
	rt_carry_free(*c);
}

int rt_carry_lose(struct rt_carry *c, const char *kind, unsigned file, const char *name, const char *why, ...)
{
	struct xdpf_lost *grown = realloc(c->lost, (c->n_lost + 1) * sizeof(*grown)), *l;
	const struct xdpf_meta *m = rt_meta_get(c->old->meta);
	va_list ap;

	if (!grown)
		return -ENOMEM;
	c->lost = grown;
	l = &grown[c->n_lost++];
	snprintf(l->kind, sizeof(l->kind), "%s", kind);
	snprintf(l->file, sizeof(l->file), "%s", file < m->n_files ? m->files[file].name : "");
	snprintf(l->name, sizeof(l->name), "%s", name);
	va_start(ap, why);
	vsnprintf(l->why, sizeof(l->why), why, ap);
	va_end(ap);
	return 0;
}

/* What runs says nothing, or nothing that we understand: that is no mistake. */
static void log_reason(void *arg, enum xdpf_log_level level, const char *text)
{
	rt_log(arg, level < XDPF_LOG_INFO ? XDPF_LOG_DEBUG : level, "%s", text);
}

int rt_carry_new(struct rt_carry **out, int prog_fd, const struct xdpf_object *o, bool pending, const char *iface, const struct xdpf_log *log)
{
	_cleanup_(carry_freep) struct rt_carry *c = calloc(1, sizeof(*c));
	const struct xdpf_log quiet = { log_reason, (void *)(uintptr_t)log };
	int fd = dup(prog_fd), err;

	if (!c)
		return rt_fail(log, ENOMEM, "out of memory");
	if (fd < 0)
		return rt_fail_sys(log, errno, "%s: its program cannot be held", iface);
	if (rt_program_open(&c->old, fd, iface, &quiet)) {
		rt_log(log, XDPF_LOG_WARNING, "%s: what runs does not say what it was made from: nothing of it goes on", iface);
		return 0;
	}
	c->object = o;
	c->pending = pending;
	err = rt_declared_sums(&c->declared, o->sets, o->sets_len, rt_meta_get(o->meta), log);
	c->has_seed = rt_meta_seed(c->old->meta, &c->seed);
	if (!err)
		*out = take_ptr(c);
	return err;
}

/* What was found out for an opened object that the kernel did not take. */
static void forget_maps(struct rt_carry *c)
{
	rt_plan_free(&c->plan);
	free(c->shared);
	free(c->copy);
	free(c->lost);
	c->shared = NULL;
	c->copy = NULL;
	c->lost = NULL;
	c->n_shared = c->n_copy = c->n_lost = c->sets = c->limits = c->tables = 0;
	memset(c->limit_goes_on, 0, sizeof(c->limit_goes_on));
	memset(c->limit_shared, 0, sizeof(c->limit_shared));
}

int rt_carry_maps(struct rt_carry *c, struct bpf_object *bpf, const struct xdpf_log *log)
{
	const struct xdpf_meta *m = rt_meta_get(c->object->meta);
	const struct bpf_map *rules = bpf_object__find_map_by_name(bpf, XDPF_MAP_RULES);
	size_t room = m->n_rules + m->n_files, each = 1;
	int err;

	forget_maps(c);
	if (rules && bpf_object__find_map_by_name(bpf, XDPF_MAP_PENDING))
		each = XDPF_PAGE;
	if (rules && bpf_map__max_entries(rules) * each > room)
		room = bpf_map__max_entries(rules) * each;
	err = rt_plan_make(&c->plan, c->old->meta, m, room, log);
	return err ? err : rt_carry_share(c, bpf, log);
}

const char *rt_carry_name(const struct rt_carry *c, const struct bpf_map *map)
{
	for (size_t i = 0; c && i < c->n_shared; i++)
		if (c->shared[i].map == map)
			return c->shared[i].name;
	return bpf_map__name(map);
}

uint64_t rt_carry_seed(const struct rt_carry *c, uint64_t fresh)
{
	return c && c->has_seed ? c->seed : fresh;
}

int rt_carry_errors_fd(const struct rt_carry *c)
{
	return c ? c->old->errors_fd : -1;
}

void rt_carry_put(FILE *f, const struct rt_carry *c)
{
	const char *sep = "";

	if (!c)
		return;
	rt_past_put(f, c->plan.past, c->plan.n_past);
	fputs(",\"maps\":[", f);
	for (size_t i = 0; i < c->n_shared; i++) {
		struct bpf_map_info info = { 0 };
		uint32_t len = sizeof(info);

		if (bpf_obj_get_info_by_fd(bpf_map__fd(c->shared[i].map), &info, &len))
			continue;
		fprintf(f, "%s[\"%s\",%u]", sep, c->shared[i].name, info.id);
		sep = ",";
	}
	fputc(']', f);
}

int rt_carry_loaded(struct rt_carry *c, struct xdpf_program *p, const struct xdpf_log *log)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	size_t size = bytes_of(c->plan.n);
	_cleanup_(free_carried) struct carried *v = calloc(1, size);
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info), zero = 0;
	int err;

	if (!v)
		return rt_fail(log, ENOMEM, "out of memory");
	if (bpf_obj_get_info_by_fd(c->old->prog_fd, &info, &len))
		return rt_fail_sys(log, errno, "the program before cannot be looked at");
	v->before = info.id;
	v->room = (uint32_t)c->plan.room;
	for (int k = 0; k < RT_KINDS; k++)
		v->n[k] = c->plan.n[k];
	err = count_old(v, c->old, &c->plan, log);
	if (err)
		return err;
	p->carried_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, XDPF_MAP_CARRIED, sizeof(uint32_t), (uint32_t)size, 1, &opts);
	if (p->carried_fd < 0 || bpf_map_update_elem(p->carried_fd, &zero, v, BPF_ANY) || bpf_prog_bind_map(p->prog_fd, p->carried_fd, NULL))
		return rt_fail_sys(log, errno, "the map of what the program before counted cannot be made");
	return rt_carry_copy(c, p, log);
}

/* ---- once the new program runs ---- */

/* The kernel waits for packets that are on their way when an element of a map of maps is replaced. */
static int wait_for_packets(const struct xdpf_log *log)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	_cleanup_close_ int inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "xdpf_wait", 4, 8, 1, NULL), outer = -1;
	uint32_t zero = 0;

	opts.inner_map_fd = (uint32_t)inner;
	if (inner >= 0)
		outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "xdpf_wait", 4, 4, 1, &opts);
	if (outer < 0 || bpf_map_update_elem(outer, &zero, &inner, BPF_ANY))
		return rt_fail_sys(log, errno, "packets that are on their way cannot be waited for");
	return 0;
}

/* First the numbers, then that they are right. */
static int write_down(const struct xdpf_program *p, struct carried *c, const struct xdpf_log *log)
{
	uint32_t zero = 0;

	if (bpf_map_update_elem(p->carried_fd, &zero, c, BPF_ANY))
		return rt_fail_sys(log, errno, "what the program before counted cannot be written down");
	c->final = 1;
	if (bpf_map_update_elem(p->carried_fd, &zero, c, BPF_ANY))
		return rt_fail_sys(log, errno, "what the program before counted cannot be written down");
	return 0;
}

int rt_carry_finish(struct rt_carry *c, const struct xdpf_program *p, const char *path, bool pending, const struct xdpf_log *log)
{
	_cleanup_(free_carried) struct carried *v = NULL;
	int err = wait_for_packets(log);

	if (!err)
		err = rt_carry_copy_rest(c, p, log);
	if (!err)
		rt_pin_drop_all(path, RT_PIN_COPIED);
	if (pending)
		return err;
	if (!err)
		err = read_carried(&v, p, log);
	if (!err)
		err = count_old(v, c->old, &c->plan, log);
	return err ? err : write_down(p, v, log);
}

/* The program before was not written down: that is done. 1: it was. */
static int finish_counters(const struct xdpf_program *p, const struct xdpf_log *log)
{
	_cleanup_(free_carried) struct carried *v = NULL;
	int err = read_carried(&v, p, log);

	if (err || v->final)
		return err;
	err = count_running(v, p, log);
	if (!err)
		err = write_down(p, v, log);
	return err ? err : 1;
}

/* Is the pinned program the one before @p? */
static bool is_before(const struct xdpf_program *p, int before_fd, const struct xdpf_log *log)
{
	_cleanup_(free_carried) struct carried *v = NULL;

	return p->carried_fd >= 0 && !read_carried(&v, p, log) && v->before == rt_prog_id(before_fd);
}

static int finish_earlier(const char *path, int prog_fd, int before_fd, bool waits, const char *iface, const struct xdpf_log *log)
{
	_cleanup_(rt_program_freep) struct xdpf_program *p = NULL;
	int fd = dup(prog_fd), sets, counters = 0, err;

	if (fd < 0)
		return rt_fail_sys(log, errno, "%s: its program cannot be held", iface);
	err = rt_program_open(&p, fd, iface, log);
	if (err || !is_before(p, before_fd, log))
		return err;
	err = wait_for_packets(log);
	sets = err ? err : rt_copied_finish(path, p, before_fd, iface, log);
	if (!waits && !err)
		counters = finish_counters(p, log);
	if (sets > 0 || counters > 0)
		rt_log(log, XDPF_LOG_INFO, "%s: finished what an earlier apply had left: %s%s%s", iface,
		       counters > 0 ? "counters of the program before are carried over" : "", counters > 0 && sets > 0 ? ", and " : "",
		       sets > 0 ? "what came to its sets meanwhile is in them" : "");
	return sets < 0 ? sets : counters < 0 ? counters : err;
}

int rt_carry_recover(const char *path, int prog_fd, bool waits, const char *iface, const struct xdpf_log *log)
{
	_cleanup_close_ int before = rt_pin_get(path, RT_PIN_BEFORE);
	int err;

	if (before < 0)
		return 0;
	err = prog_fd < 0 ? 0 : finish_earlier(path, prog_fd, before, waits, iface, log);
	/* what did not work may do so next time, but for what is none of ours */
	if (err && err != -EBADMSG)
		return 0;
	if (waits)
		rt_pin_drop_all(path, RT_PIN_COPIED);
	else
		rt_carry_unpin(path);
	return 0;
}

void rt_carry_say(const struct rt_carry *c, const char *iface, const struct xdpf_log *log)
{
	for (size_t i = 0; i < c->n_lost; i++) {
		const struct xdpf_lost *l = &c->lost[i];

		rt_log(log, XDPF_LOG_INFO, "%s: not carried over: %s %s%s%s%s: %s", iface, l->kind, l->name, l->file[0] ? " (" : "", l->file,
		       l->file[0] ? ")" : "", l->why);
	}
}

void rt_carry_counts(const struct rt_carry *c, size_t *kept, size_t *fresh, size_t *gone)
{
	*kept = c->plan.kept;
	*fresh = c->plan.fresh;
	*gone = c->plan.gone;
}

struct xdpf_lost *rt_carry_take_lost(struct rt_carry *c, size_t *n)
{
	*n = c->n_lost;
	return take_ptr(c->lost);
}
