/*
 * What maps take of the kernel's memory. In: their definitions. Out: names, types, and bytes as the kernel's own account of a full map has them (what
 * `bpftool map` calls memlock): the map itself, elements with what the kernel puts beside each, and buckets. Sizes are those of Linux 6.18.
 */
#include "codegen_priv.h"

#include <linux/bpf.h>

enum {
	PAGE = 4096,
	RING_PAGES = 4,				/* around a ring's data */
	WORD = 8,
	HASH_ELEMENT = 48, HASH_BUCKET = 16,	/* struct htab_elem, struct bucket */
	BY_ONE = 8,				/* beside an element that is allocated by itself */
	TRIE_NODE = 24,				/* struct lpm_trie_node; before Linux 6.15 it is 40 */
	PREFIX = 4,				/* what a trie's key begins with is in its node already */
	DEV_HASH_ELEMENT = 64, DEV_BUCKET = 8,	/* struct bpf_dtab_netdev, and the head of a list */
};

static uint64_t up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

static uint64_t power(uint64_t n)
{
	uint64_t p = 1;

	while (p < n)
		p *= 2;
	return p;
}

static const char *type_name(unsigned type)
{
	switch (type) {
	case BPF_MAP_TYPE_HASH:			return "hash";
	case BPF_MAP_TYPE_ARRAY:		return "array";
	case BPF_MAP_TYPE_PERCPU_HASH:		return "percpu_hash";
	case BPF_MAP_TYPE_PERCPU_ARRAY:		return "percpu_array";
	case BPF_MAP_TYPE_LPM_TRIE:		return "lpm_trie";
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:	return "array_of_maps";
	case BPF_MAP_TYPE_DEVMAP:		return "devmap";
	case BPF_MAP_TYPE_DEVMAP_HASH:		return "devmap_hash";
	case BPF_MAP_TYPE_CPUMAP:		return "cpumap";
	case BPF_MAP_TYPE_XSKMAP:		return "xskmap";
	case BPF_MAP_TYPE_QUEUE:		return "queue";
	case BPF_MAP_TYPE_RINGBUF:		return "ringbuf";
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY:	return "perf_event_array";
	default:				return "unknown";
	}
}

/* The kernel's struct of the map, which comes to a few bytes more or fewer in kernels that are configured otherwise. */
static uint64_t itself(unsigned type, unsigned flags)
{
	switch (type) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_PERCPU_HASH:		return 896;
	case BPF_MAP_TYPE_LPM_TRIE:		return 0;	/* the kernel's account leaves it out */
	case BPF_MAP_TYPE_DEVMAP:
	case BPF_MAP_TYPE_DEVMAP_HASH:		return 344;
	case BPF_MAP_TYPE_CPUMAP:
	case BPF_MAP_TYPE_XSKMAP:		return 304;
	case BPF_MAP_TYPE_RINGBUF:		return 328;
	case BPF_MAP_TYPE_ARRAY:		return flags & BPF_F_MMAPABLE ? 0 : 312;	/* it is in a page of its own */
	default:				return 312;	/* arrays of any kind, and the queue, which is one */
	}
}

/* @shared: what a per-CPU map has once. */
static uint64_t elements(unsigned type, uint64_t max, uint64_t key, uint64_t value, unsigned flags, uint64_t *shared)
{
	uint64_t element = HASH_ELEMENT + up(key, WORD), buckets = HASH_BUCKET * power(max);

	switch (type) {
	case BPF_MAP_TYPE_HASH:
		return max * (element + up(value, WORD) + (flags & BPF_F_NO_PREALLOC ? BY_ONE : 0)) + buckets;
	case BPF_MAP_TYPE_PERCPU_HASH:
		*shared = max * (element + WORD) + buckets;
		return max * up(value, WORD);
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY:	/* an element for each CPU */
		return WORD;
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		*shared = max * WORD;
		return max * up(value, WORD);
	case BPF_MAP_TYPE_ARRAY:
		return flags & BPF_F_MMAPABLE ? PAGE + up(max * up(value, WORD), PAGE) : max * up(value, WORD);
	case BPF_MAP_TYPE_LPM_TRIE:
		return max * (TRIE_NODE + key - PREFIX + value);
	case BPF_MAP_TYPE_DEVMAP_HASH:
		return max * DEV_HASH_ELEMENT + DEV_BUCKET * power(max);
	case BPF_MAP_TYPE_QUEUE:
		return (max + 1) * value;
	case BPF_MAP_TYPE_RINGBUF:
		return max + RING_PAGES * PAGE;
	default:
		return max * WORD;		/* pointers */
	}
}

struct codegen_map *cg_note_map(struct cg *g, const char *name, unsigned type, uint64_t max, uint64_t key, uint64_t value, unsigned flags)
{
	struct codegen_map *m;

	if (!g->maps)
		return NULL;
	m = vec_add(g->arena, &g->maps->list);
	m->name = arena_printf(g->arena, "%s", name);
	m->type = type_name(type);
	m->kind = type;
	m->key = key;
	m->value = value;
	m->entries = type == BPF_MAP_TYPE_RINGBUF ? 0 : max;
	m->per_cpu = type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERF_EVENT_ARRAY;
	m->bytes = elements(type, max, key, value, flags, &m->shared);
	*(m->per_cpu ? &m->shared : &m->bytes) += itself(type, flags);
	return m;
}
