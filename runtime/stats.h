/*
 * A snapshot of counters, as what takes it (stats.c) and what asks it (stats_get.c) know it.
 */
#ifndef XDPF_RUNTIME_STATS_H
#define XDPF_RUNTIME_STATS_H

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
	uint64_t errors[XDPF_MAX_ERRNO], exceptions[XDPF_N_VERDICTS];
	size_t n_misses;
	struct xdpf_logged *logs;
	struct xdpf_limit_counts *limits;
	struct table *tables;
	char test_iface[16];		/* see xdpf_program */
};

static inline void count_add(struct xdpf_count *to, struct xdpf_count c)
{
	to->packets += c.packets;
	to->bytes += c.bytes;
}

static inline struct xdpf_count counted(const struct xdpf_stats *s, unsigned index)
{
	return index < s->n_rules ? s->rules[index] : (struct xdpf_count){ 0, 0 };
}

/* What a counter of the past has. */
static inline struct xdpf_count of_past(const struct xdpf_stats *s, const struct rt_past *p)
{
	return p->index == RT_NO_INDEX ? p->count : counted(s, p->index);
}

#endif
