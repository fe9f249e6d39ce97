/*
 * Counters. In comes a program in the kernel; out goes a snapshot of all its counters, summed over CPUs, with each table's
 * entries sorted by packets. Maps are read with the sizes that the metadata and the kernel agree on: a map of another shape
 * is refused.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>

#include "private.h"

struct table {
	unsigned char *keys;		/* n times key_size */
	struct xdpf_count *counts;
	size_t *order;			/* entries by packets */
	size_t n, key_size;
};

struct xdpf_stats {
	const struct xdpf_meta *meta;	/* of the program, which outlives us */
	const struct rt_moved *moved;	/* of the program too */
	struct xdpf_count *rules, *shown;	/* as counted; with what was counted elsewhere before */
	size_t n_rules;			/* indexes, defaults included */
	struct xdpf_count verdicts[XDPF_N_VERDICTS];
	bool has_verdicts;
	struct xdpf_misses *misses;
	struct xdpf_set_counts *sets;
	struct xdpf_count *others;
	uint64_t errors[XDPF_MAX_ERRNO];
	size_t n_misses;
	struct xdpf_logged *logs;
	struct xdpf_limit_counts *limits;
	struct table *tables;
	char test_iface[16];		/* see xdpf_program */
};

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

enum { BATCH_BYTES = 1 << 20 };		/* of values that are asked for at once */

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

/* Reads the first @n elements of a per-CPU array into @out. @fd -1: there is none, all are zero. */
static int read_array(int fd, void *out, size_t n, const struct xdpf_log *log)
{
	int cpus = libbpf_num_possible_cpus(), err;
	size_t most = cpus > 0 ? BATCH_BYTES / sizeof(struct pair) / (size_t)cpus + 1 : 0;
	_cleanup_free_ struct pair *cpu = NULL;
	_cleanup_free_ uint32_t *keys = NULL;
	struct pair *to = out;
	uint32_t entries = 0, place = 0;

	if (fd < 0 || !n)
		return 0;
	err = check_map(fd, BPF_MAP_TYPE_PERCPU_ARRAY, 4, &entries, log);
	if (err)
		return err;
	n = n < entries ? n : entries;
	most = most < n ? most : n;
	cpu = most ? calloc(most * (size_t)cpus, sizeof(*cpu)) : NULL;
	keys = cpu ? calloc(most, sizeof(*keys)) : NULL;
	if (!keys)
		return rt_fail(log, ENOMEM, "out of memory");
	for (size_t i = 0; i < n;) {
		uint32_t got = (uint32_t)(most < n - i ? most : n - i);

		/* Where the map ends with it, ENOENT says so. */
		if ((bpf_map_lookup_batch(fd, i ? &place : NULL, &place, keys, cpu, &got, NULL) && errno != ENOENT) || !got || got > n - i)
			return rt_fail_sys(log, errno, "the counters cannot be read");
		for (uint32_t k = 0; k < got; k++)
			to[i++] = sum(cpu + (size_t)k * (size_t)cpus, cpus);
	}
	return 0;
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

	memset(out, 0, n * sizeof(*out));
	err = read_array(p->rules_fd, out, n, log);
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

static void add(struct xdpf_count *to, struct xdpf_count c)
{
	to->packets += c.packets;
	to->bytes += c.bytes;
}

static struct xdpf_count counted(const struct xdpf_stats *s, unsigned index)
{
	return index < s->n_rules ? s->rules[index] : (struct xdpf_count){ 0, 0 };
}

/* What a counter of the past has. */
static struct xdpf_count of_past(const struct xdpf_stats *s, const struct rt_past *p)
{
	return p->index == RT_NO_INDEX ? p->count : counted(s, p->index);
}

static void show(struct xdpf_stats *s)
{
	for (size_t i = 0; i < s->n_rules; i++)
		s->shown[i] = s->rules[i];
	for (size_t i = 0; i < s->moved->n_past; i++)
		if (s->moved->past[i].into < s->n_rules)
			add(&s->shown[s->moved->past[i].into], of_past(s, &s->moved->past[i]));
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
			err = read_array(p->rules_fd, s->rules, s->n_rules, log);
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
		err = rt_failures_read(s->errors, XDPF_MAX_ERRNO, p->errors_fd, log);
	for (size_t i = 0; !err && i < s->meta->n_tables; i++)
		err = read_table(&s->tables[i], &s->meta->tables[i], p->table_fd[i], log);
	if (!err)
		*out = take_ptr(s);
	return err;
}

/* ---- getters ---- */

struct xdpf_count xdpf_stats_rule(const struct xdpf_stats *s, unsigned index)
{
	return index < s->n_rules ? s->shown[index] : (struct xdpf_count){ 0, 0 };
}

struct xdpf_count xdpf_stats_verdict(const struct xdpf_stats *s, enum xdpf_verdict v)
{
	return v >= 0 && v < XDPF_N_VERDICTS ? s->verdicts[v] : (struct xdpf_count){ 0, 0 };
}

struct xdpf_limit_counts xdpf_stats_limit(const struct xdpf_stats *s, size_t limit)
{
	return limit < s->meta->n_limits ? s->limits[limit] : (struct xdpf_limit_counts){ 0, 0, 0 };
}

struct xdpf_set_count xdpf_stats_set(const struct xdpf_stats *s, size_t set)
{
	const struct xdpf_set_counts *c = set < s->meta->n_sets ? &s->sets[set] : NULL;

	return c ? (struct xdpf_set_count){ c->added, c->full, c->removed, c->expired } : (struct xdpf_set_count){ 0, 0, 0, 0 };
}

struct xdpf_misses xdpf_stats_action(const struct xdpf_stats *s, unsigned slot)
{
	return slot < s->n_misses ? s->misses[slot] : (struct xdpf_misses){ 0, 0 };
}

uint64_t xdpf_stats_error(const struct xdpf_stats *s, unsigned err)
{
	return err < XDPF_MAX_ERRNO ? s->errors[err] : 0;
}

struct xdpf_count xdpf_stats_other(const struct xdpf_stats *s, unsigned slot)
{
	return slot < s->meta->ways.n_others ? s->others[slot] : (struct xdpf_count){ 0, 0 };
}

struct xdpf_logged xdpf_stats_log(const struct xdpf_stats *s, size_t log)
{
	return log < s->meta->n_logs ? s->logs[log] : (struct xdpf_logged){ 0, 0 };
}

static bool same(struct xdpf_count a, struct xdpf_count b)
{
	return a.packets == b.packets && a.bytes == b.bytes;
}

/* What one of them decided: some of its packets may have taken the other verdict. */
static void add_decided(const struct xdpf_stats *s, struct xdpf_count v[XDPF_N_VERDICTS], enum xdpf_verdict verdict,
			struct xdpf_other other, unsigned index)
{
	struct xdpf_count all = counted(s, index), else_ = { 0, 0 };

	if (other.verdict != XDPF_NO_VERDICT) {
		else_ = xdpf_stats_other(s, other.slot);
		add(&v[other.verdict], else_);
	}
	add(&v[verdict], (struct xdpf_count){ all.packets - else_.packets, all.bytes - else_.bytes });
}

/* What the deciding rules and the default of a file decided, by verdict. */
static void file_verdicts(const struct xdpf_stats *s, unsigned file, struct xdpf_count v[XDPF_N_VERDICTS])
{
	const struct xdpf_meta *m = s->meta;

	for (size_t i = 0; i < m->n_rules; i++)
		if (m->rules[i].file == file && m->rules[i].verdict != XDPF_NO_VERDICT)
			add_decided(s, v, m->rules[i].verdict, m->rules[i].other, m->rules[i].index);
	add_decided(s, v, m->files[file].default_verdict, m->files[file].default_other, m->files[file].default_index);
	for (size_t i = 0; i < s->moved->n_past; i++)
		if (s->moved->past[i].file == file && s->moved->past[i].verdict != XDPF_NO_VERDICT)
			add(&v[s->moved->past[i].verdict], of_past(s, &s->moved->past[i]));
}

struct xdpf_count xdpf_stats_reached(const struct xdpf_stats *s, unsigned file)
{
	struct xdpf_count v[XDPF_N_VERDICTS] = { { 0, 0 } }, total = { 0, 0 };

	if (file < s->meta->n_files)
		file_verdicts(s, file, v);
	for (int i = 0; i < XDPF_N_VERDICTS; i++)
		add(&total, v[i]);
	return total;
}

bool xdpf_stats_balanced(const struct xdpf_stats *s)
{
	struct xdpf_count total[XDPF_N_VERDICTS] = { { 0, 0 } }, passed = { 0, 0 };
	bool all_counted = true;

	for (unsigned f = 0; f < s->meta->n_files; f++) {
		struct xdpf_count v[XDPF_N_VERDICTS] = { { 0, 0 } };
		bool counted = s->meta->files[f].counters, before = f && s->meta->files[f - 1].counters;

		file_verdicts(s, f, v);
		if (counted && before && !same(xdpf_stats_reached(s, f), passed))
			return false;
		for (int i = 0; i < XDPF_N_VERDICTS; i++)
			if (i != XDPF_PASS || f + 1 == s->meta->n_files)
				add(&total[i], v[i]);
		passed = v[XDPF_PASS];
		all_counted &= counted;
	}
	for (int i = 0; all_counted && s->has_verdicts && i < XDPF_N_VERDICTS; i++)
		if (!same(total[i], s->verdicts[i]))
			return false;
	return true;
}

size_t xdpf_stats_n_entries(const struct xdpf_stats *s, size_t table)
{
	return table < s->meta->n_tables ? s->tables[table].n : 0;
}

const void *xdpf_stats_entry(const struct xdpf_stats *s, size_t table, size_t entry, struct xdpf_count *count)
{
	const struct table *t;
	size_t at;

	if (entry >= xdpf_stats_n_entries(s, table))
		return NULL;
	t = &s->tables[table];
	at = t->order[entry];
	*count = t->counts[at];
	return t->key_size ? t->keys + at * t->key_size : (const void *)"";
}

char *xdpf_stats_key(const struct xdpf_stats *s, const struct xdpf_key_field *f, const void *key, char *buf, size_t size)
{
	uint32_t index;

	if (f->kind == XDPF_KEY_IFACE && s->test_iface[0] && size) {
		memcpy(&index, (const unsigned char *)key + f->offset, sizeof(index));
		if (index == RT_TEST_IFINDEX) {
			snprintf(buf, size, "%s", s->test_iface);
			return buf;
		}
	}
	return xdpf_key_format(f, key, buf, size);
}
