/*
 * What a snapshot of counters says. In: the snapshot. Out: numbers, keys as text, and whether the books balance. What is out of bounds is zero.
 */
#include <stdio.h>

#include "stats.h"

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

uint64_t xdpf_stats_exception(const struct xdpf_stats *s, enum xdpf_verdict v)
{
	return v >= 0 && v < XDPF_N_VERDICTS ? s->exceptions[v] : 0;
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
		count_add(&v[other.verdict], else_);
	}
	count_add(&v[verdict], (struct xdpf_count){ all.packets - else_.packets, all.bytes - else_.bytes });
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
			count_add(&v[s->moved->past[i].verdict], of_past(s, &s->moved->past[i]));
}

struct xdpf_count xdpf_stats_reached(const struct xdpf_stats *s, unsigned file)
{
	struct xdpf_count v[XDPF_N_VERDICTS] = { { 0, 0 } }, total = { 0, 0 };

	if (file < s->meta->n_files)
		file_verdicts(s, file, v);
	for (int i = 0; i < XDPF_N_VERDICTS; i++)
		count_add(&total, v[i]);
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
				count_add(&total[i], v[i]);
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
