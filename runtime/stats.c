/*
 * Counters. In comes a program in the kernel; out goes a snapshot of all its counters, summed over CPUs, with each table's
 * entries sorted by packets. Maps are read with the sizes that the metadata and the kernel agree on: a map of another shape
 * is refused.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>

#include "stats.h"

void xdpf_stats_free(struct xdpf_stats *s)
{
	if (!s)
		return;
	for (size_t i = 0; s->tables && i < s->meta->n_tables; i++) {
		free(s->tables[i].keys);
		free(s->tables[i].counts);
		free(s->tables[i].order);
	}
	free(s->tables);
	free(s->rules);
	free(s->shown);
	free(s->misses);
	free(s->limits);
	free(s->sets);
	free(s->others);
	free(s->logs);
	free(s);
}

static void stats_freep(struct xdpf_stats **s)
{
	xdpf_stats_free(*s);
}

/* ---- reading ---- */

/* Both of our values are two numbers per CPU. */
struct pair {
	uint64_t a, b;
};

static int check_map(int fd, enum bpf_map_type type, uint32_t key_size, uint32_t *entries, const struct xdpf_log *log)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return rt_fail_sys(log, errno, "a map of the program cannot be looked at");
	if (info.type != type || info.key_size != key_size || info.value_size != sizeof(struct pair))
		return rt_fail(log, EBADMSG, "map %.16s of the program is not what its metadata says", info.name);
	*entries = info.max_entries;
	return 0;
}

static struct pair sum(const struct pair *cpu, int cpus)
{
	struct pair s = { 0, 0 };

	for (int i = 0; i < cpus; i++) {
		s.a += cpu[i].a;
		s.b += cpu[i].b;
	}
	return s;
}

/* @fd -1: there is none, all are zero. */
static int read_array(int fd, void *out, size_t n, const struct xdpf_log *log)
{
	return rt_pairs_read(fd, out, n, 1, log);
}

static int table_add(struct table *t, size_t *cap, const void *key, struct pair v)
{
	if (t->n == *cap) {
		size_t want = *cap * 2 + 64;
		void *keys = realloc(t->keys, want * t->key_size), *counts;

		if (!keys)
			return -ENOMEM;
		t->keys = keys;
		counts = realloc(t->counts, want * sizeof(*t->counts));
		if (!counts)
			return -ENOMEM;
		t->counts = counts;
		*cap = want;
	}
	memcpy(t->keys + t->n * t->key_size, key, t->key_size);
	t->counts[t->n++] = (struct xdpf_count){ v.a, v.b };
	return 0;
}

static int by_packets(const void *a, const void *b, void *arg)
{
	const struct table *t = arg;
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	if (t->counts[x].packets != t->counts[y].packets)
		return t->counts[x].packets < t->counts[y].packets ? 1 : -1;
	return memcmp(t->keys + x * t->key_size, t->keys + y * t->key_size, t->key_size);
}

static int table_sort(struct table *t)
{
	t->order = calloc(t->n ? t->n : 1, sizeof(*t->order));
	if (!t->order)
		return -ENOMEM;
	for (size_t i = 0; i < t->n; i++)
		t->order[i] = i;
	qsort_r(t->order, t->n, sizeof(*t->order), by_packets, t);
	return 0;
}

static int read_hash(int fd, struct table *t, const struct xdpf_log *log)
{
	int cpus = libbpf_num_possible_cpus(), err;
	_cleanup_free_ struct pair *cpu = cpus > 0 ? calloc((size_t)cpus, sizeof(*cpu)) : NULL;
	_cleanup_free_ unsigned char *key = calloc(2, t->key_size);
	unsigned char *next = key ? key + t->key_size : NULL;
	uint32_t entries = 0;
	size_t cap = 0;

	err = check_map(fd, BPF_MAP_TYPE_PERCPU_HASH, (uint32_t)t->key_size, &entries, log);
	if (err)
		return err;
	if (!cpu || !key)
		return rt_fail(log, ENOMEM, "out of memory");
	/* Keys are only ever added: none is met twice, and no walk starts again. */
	for (bool first = true; t->n < entries && !bpf_map_get_next_key(fd, first ? NULL : key, next); first = false) {
		memcpy(key, next, t->key_size);
		if (bpf_map_lookup_elem(fd, key, cpu))
			continue;
		if (table_add(t, &cap, key, sum(cpu, cpus)))
			return rt_fail(log, ENOMEM, "out of memory");
	}
	return 0;
}

static int read_table(struct table *t, const struct xdpf_table *m, int fd, const struct xdpf_log *log)
{
	int err = 0;

	t->key_size = m->key_size;
	if (!m->n_key) {
		t->counts = calloc(1, sizeof(*t->counts));
		t->n = 1;
		err = t->counts ? read_array(fd, t->counts, 1, log) : rt_fail(log, ENOMEM, "out of memory");
	} else if (fd >= 0) {
		err = read_hash(fd, t, log);
	}
	if (!err && table_sort(t))
		err = rt_fail(log, ENOMEM, "out of memory");
	return err;
}

static int stats_new(struct xdpf_stats **out, const struct xdpf_program *p, const struct xdpf_log *log)
{
	_cleanup_(stats_freep) struct xdpf_stats *s = calloc(1, sizeof(*s));
	const struct xdpf_meta *m = rt_meta_get(p->meta);

	if (!s)
		return rt_fail(log, ENOMEM, "out of memory");
	s->meta = m;
	s->moved = rt_meta_moved(p->meta);
	s->n_rules = m->n_indexes;
	for (size_t i = 0; i < m->n_actions; i++)
		if (m->actions[i].slot >= s->n_misses)
			s->n_misses = m->actions[i].slot + 1;
	s->rules = calloc(s->n_rules + 1, sizeof(*s->rules));
	s->shown = calloc(s->n_rules + 1, sizeof(*s->shown));
	s->misses = calloc(s->n_misses ? s->n_misses : 1, sizeof(*s->misses));
	s->others = calloc(m->ways.n_others ? m->ways.n_others : 1, sizeof(*s->others));
	s->limits = calloc(m->n_limits ? m->n_limits : 1, sizeof(*s->limits));
	s->tables = calloc(m->n_tables ? m->n_tables : 1, sizeof(*s->tables));
	s->logs = calloc(m->n_logs ? m->n_logs : 1, sizeof(*s->logs));
	s->sets = calloc(m->n_sets ? m->n_sets : 1, sizeof(*s->sets));
	if (!s->rules || !s->shown || !s->misses || !s->others || !s->limits || !s->sets || !s->tables || !s->logs)
		return rt_fail(log, ENOMEM, "out of memory");
	s->has_verdicts = p->verdicts_fd >= 0;
	memcpy(s->test_iface, p->test_iface, sizeof(s->test_iface));
	*out = take_ptr(s);
	return 0;
}

int rt_rules_read(const struct xdpf_program *p, struct xdpf_count *out, size_t n, const struct xdpf_log *log)
{
	struct rt_counts c = { .v = { [RT_RULES] = (uint64_t *)(void *)out }, .n = { [RT_RULES] = 2 * n } };
	int err;

	if (n)
		memset(out, 0, n * sizeof(*out));
	err = rt_counted_read(p, out, n, log);
	return err ? err : rt_carried_add(&c, p, true, log);
}

static struct rt_counts view(struct xdpf_stats *s)
{
	const struct xdpf_meta *m = s->meta;

	/* so many numbers as it says there */
	return (struct rt_counts){
		.v = { (uint64_t *)(void *)s->rules, (uint64_t *)(void *)s->verdicts, (uint64_t *)(void *)s->others, (uint64_t *)(void *)s->misses,
		       (uint64_t *)(void *)s->logs, (uint64_t *)(void *)s->limits, (uint64_t *)(void *)s->sets },
		.n = { 2 * s->n_rules, 2 * XDPF_N_VERDICTS, 2 * m->ways.n_others, 2 * s->n_misses, 2 * m->n_logs, 3 * m->n_limits, 4 * m->n_sets },
	};
}

static void show(struct xdpf_stats *s)
{
	for (size_t i = 0; i < s->n_rules; i++)
		s->shown[i] = s->rules[i];
	for (size_t i = 0; i < s->moved->n_past; i++)
		if (s->moved->past[i].into < s->n_rules)
			count_add(&s->shown[s->moved->past[i].into], of_past(s, &s->moved->past[i]));
}

static int read_counts(struct xdpf_stats *s, const struct xdpf_program *p, const struct xdpf_log *log)
{
	struct rt_counts c = view(s);
	int err;

	/* what has no map is 0 */
	for (int k = 0; k < RT_KINDS; k++)
		memset(c.v[k], 0, 8 * c.n[k]);
	err = read_array(p->misses_fd, s->misses, s->n_misses, log);
	if (!err)
		err = read_array(p->logs_fd, s->logs, s->meta->n_logs, log);
	if (!err)
		err = rt_limits_read(p->limits_fd, s->limits, s->meta->n_limits, log);
	if (!err)
		err = read_array(p->sets_fd, s->sets, 2 * s->meta->n_sets, log);
	return err;
}

/* Packets that pass between two reads unbalance the books for a moment; in a quiet one they balance. */
static int read_books(struct xdpf_stats *s, const struct xdpf_program *p, bool deep, const struct xdpf_log *log)
{
	struct rt_counts c = view(s);
	int err = 0;

	for (int i = 0; i < 5 && !err; i++) {
		err = read_counts(s, p, log);
		if (!err)
			err = rt_counted_read(p, s->rules, s->n_rules, log);
		if (!err)
			err = read_array(p->verdicts_fd, s->verdicts, XDPF_N_VERDICTS, log);
		if (!err)
			err = read_array(p->others_fd, s->others, s->meta->ways.n_others, log);
		if (!err)
			err = rt_carried_add(&c, p, deep, log);
		if (!err && xdpf_stats_balanced(s))
			break;
	}
	show(s);
	return err;
}

int rt_counts_read(struct xdpf_stats **out, struct rt_counts *counts, const struct xdpf_program *p, bool deep, const struct xdpf_log *log)
{
	_cleanup_(stats_freep) struct xdpf_stats *s = NULL;
	int err = stats_new(&s, p, log);

	if (!err)
		err = read_books(s, p, deep, log);
	if (err)
		return err;
	*counts = view(s);
	*out = take_ptr(s);
	return 0;
}

int xdpf_stats_read(struct xdpf_stats **out, const struct xdpf_program *p, const struct xdpf_log *log)
{
	_cleanup_(stats_freep) struct xdpf_stats *s = NULL;
	struct rt_counts counts;
	int err = rt_counts_read(&s, &counts, p, true, log);

	if (!err)
		err = rt_failures_read(s->errors, XDPF_MAX_ERRNO, s->exceptions, XDPF_N_VERDICTS, p->errors_fd, log);
	for (size_t i = 0; !err && i < s->meta->n_tables; i++)
		err = read_table(&s->tables[i], &s->meta->tables[i], p->table_fd[i], log);
	if (!err)
		*out = take_ptr(s);
	return err;
}
