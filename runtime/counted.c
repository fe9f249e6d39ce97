/*
 * What rules have counted. In: a program in the kernel. Out: packets and bytes by the rules' indexes, with those that its CPUs have only noted so
 * far (see struct xdpf_pending). Guaranteed, whatever is noted and counted meanwhile: nothing is missing that was noted before the call, nothing is
 * there twice, and an index that no packet is noted for any more has its exact numbers.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <time.h>

#include "private.h"

/* ---- per-CPU arrays ---- */

enum { BATCH_BYTES = 1 << 20 };		/* of values that are asked for at once */

struct pair {
	uint64_t a, b;
};

/* One element, by CPU, to the first @n pairs of @to. */
static void sum_pairs(struct pair *to, const struct pair *cpu, size_t pairs, int cpus, size_t n)
{
	for (size_t i = 0; i < pairs && i < n; i++) {
		to[i] = (struct pair){ 0, 0 };
		for (int c = 0; c < cpus; c++) {
			to[i].a += cpu[(size_t)c * pairs + i].a;
			to[i].b += cpu[(size_t)c * pairs + i].b;
		}
	}
}

int rt_pairs_read(int fd, void *out, size_t n, size_t pairs, const struct xdpf_log *log)
{
	int cpus = libbpf_num_possible_cpus();
	size_t most = cpus > 0 ? BATCH_BYTES / sizeof(struct pair) / pairs / (size_t)cpus + 1 : 0, each = pairs * (size_t)(cpus > 0 ? cpus : 0), left;
	_cleanup_free_ struct pair *cpu = NULL;
	_cleanup_free_ uint32_t *keys = NULL;
	struct pair *to = out;
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info), place = 0;

	if (fd < 0 || !n)
		return 0;
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return rt_fail_sys(log, errno, "a map of the program cannot be looked at");
	if (info.type != BPF_MAP_TYPE_PERCPU_ARRAY || info.key_size != 4 || info.value_size != pairs * sizeof(struct pair))
		return rt_fail(log, EBADMSG, "map %.16s of the program is not what its metadata says", info.name);
	n = n < info.max_entries * pairs ? n : info.max_entries * pairs;
	left = (n + pairs - 1) / pairs;
	most = most < left ? most : left;
	cpu = most ? calloc(most * each, sizeof(*cpu)) : NULL;
	keys = cpu ? calloc(most, sizeof(*keys)) : NULL;
	if (!keys)
		return rt_fail(log, ENOMEM, "out of memory");
	for (bool first = true; left; first = false) {
		uint32_t got = (uint32_t)(most < left ? most : left);

		/* Where the map ends with it, ENOENT says so. */
		if ((bpf_map_lookup_batch(fd, first ? NULL : &place, &place, keys, cpu, &got, NULL) && errno != ENOENT) || !got || got > left)
			return rt_fail_sys(log, errno, "the counters cannot be read");
		left -= got;
		for (uint32_t k = 0; k < got; k++, to += pairs, n -= n < pairs ? n : pairs)
			sum_pairs(to, cpu + k * each, pairs, cpus, n);
	}
	return 0;
}

/* ---- what is noted ---- */

enum { LOOKS = 100, LOOKS_AT_ONCE = 8, PAUSE_MS = 5 };	/* … at the counters; a CPU may be kept from its work in the middle of counting */

/* By CPU. */
struct list {
	struct xdpf_pending *was, *is;	/* before the counters were read; and behind */
	uint64_t *first;		/* notes that there were at the call */
	size_t n;			/* 0: the program notes nothing */
};

static void list_free(struct list *l)
{
	free(l->was);
	free(l->is);
	free(l->first);
}

static int look(struct xdpf_pending *out, int fd, const struct xdpf_log *log)
{
	uint32_t zero = 0;

	return bpf_map_lookup_elem(fd, &zero, out) ? rt_fail_sys(log, errno, "the counters cannot be read") : 0;
}

static int list_new(struct list *l, int fd, const struct xdpf_log *log)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	int cpus = libbpf_num_possible_cpus(), err;

	*l = (struct list){ 0 };
	if (fd < 0)
		return 0;
	if (cpus <= 0)
		return rt_fail(log, EINVAL, "the kernel does not say how many CPUs there may be");
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return rt_fail_sys(log, errno, "a map of the program cannot be looked at");
	if (info.type != BPF_MAP_TYPE_PERCPU_ARRAY || info.key_size != 4 || info.value_size != sizeof(*l->is))
		return rt_fail(log, EBADMSG, "map %.16s of the program is not what its metadata says", info.name);
	l->n = (size_t)cpus;
	l->was = calloc(l->n, sizeof(*l->was));
	l->is = calloc(l->n, sizeof(*l->is));
	l->first = calloc(l->n, sizeof(*l->first));
	if (!l->was || !l->is || !l->first)
		return rt_fail(log, ENOMEM, "out of memory");
	err = look(l->was, fd, log);
	for (size_t i = 0; i < l->n; i++)
		l->first[i] = l->was[i].n;
	return err;
}

/* Was nothing counted from the list while the counters were read? @now: of a look behind the one at the notes. */
static bool rested(const struct xdpf_pending *was, const struct xdpf_pending *now)
{
	return was->flushed == now->flushing && was->n - was->flushed <= XDPF_PENDING;
}

/* Notes that there were before the counters were read, and are in none. */
static void add_notes(struct xdpf_count *out, size_t n, const struct xdpf_pending *was, const struct xdpf_pending *is)
{
	for (uint64_t i = 0; i < was->n - was->flushed; i++) {
		uint32_t index = (uint32_t)is->note[i];

		if (index >= n)
			continue;
		out[index].packets++;
		out[index].bytes += is->note[i] >> XDPF_NOTE_LEN;
	}
}

/* The counters, and the notes of CPUs that rested. 1: there are CPUs whose notes of before the call may be neither here nor there. */
static int try(const struct xdpf_program *p, struct list *l, struct xdpf_pending *now, struct xdpf_count *out, size_t n, const struct xdpf_log *log)
{
	int err;

	memset(out, 0, n * sizeof(*out));
	err = rt_pairs_read(p->rules_fd, out, n, XDPF_PAGE, log);
	if (!err)
		err = look(l->is, p->pending_fd, log);
	if (!err)
		err = look(now, p->pending_fd, log);
	for (size_t i = 0; i < l->n && err >= 0; i++)
		if (rested(&l->was[i], &now[i]))
			add_notes(out, n, &l->was[i], &l->is[i]);
		else if (l->was[i].flushed < l->first[i])
			err = 1;
	return err;
}

static int read_all(const struct xdpf_program *p, struct list *l, struct xdpf_count *out, size_t n, const struct xdpf_log *log)
{
	_cleanup_free_ struct xdpf_pending *now = calloc(l->n, sizeof(*now));
	int err = now ? 1 : rt_fail(log, ENOMEM, "out of memory");

	for (int i = 0; i < LOOKS && err == 1; i++) {
		if (i >= LOOKS_AT_ONCE)
			nanosleep(&(struct timespec){ .tv_nsec = PAUSE_MS * 1000000 }, NULL);
		err = try(p, l, now, out, n, log);
		memcpy(l->was, now, l->n * sizeof(*now));
	}
	return err == 1 ? rt_fail(log, EAGAIN, "the counters cannot be read: a CPU does not come to the end of adding to them") : err;
}

int rt_counted_read(const struct xdpf_program *p, struct xdpf_count *out, size_t n, const struct xdpf_log *log)
{
	struct list l;
	int err = list_new(&l, p->pending_fd, log);

	if (!err)
		err = l.n ? read_all(p, &l, out, n, log) : rt_pairs_read(p->rules_fd, out, n, 1, log);
	list_free(&l);
	return err;
}

int rt_counted_noted(const struct xdpf_program *p, bool *noted, size_t n, const struct xdpf_log *log)
{
	struct list l;
	int err = list_new(&l, p->pending_fd, log);

	for (size_t i = 0; i < l.n && !err; i++)
		for (size_t k = 0; k < XDPF_PENDING; k++)
			if ((uint32_t)l.was[i].note[k] < n)
				noted[(uint32_t)l.was[i].note[k]] = true;
	list_free(&l);
	return err;
}
