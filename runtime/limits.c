/*
 * Rate limits: their maps and counters. In: an object's maps, a program's counters. Out: refused where they are not what the metadata
 * says; the counters summed over CPUs. Buckets start full and nobody needs to fill anything in.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>

#include "limit.h"
#include "private.h"

_Static_assert(RT_LIMIT_MAPS == (int)XDPF_LIMIT_KINDS, "one for each");

static int not_so(const char *name, const struct xdpf_log *log)
{
	return rt_fail(log, EBADMSG, "map %s of the object is not what its metadata says", name);
}

/* Of all limits whose tables are of this kind. */
static uint64_t sets_of(const struct xdpf_meta *m, unsigned kind)
{
	uint64_t n = 0;

	for (size_t i = 0; i < m->n_limits; i++)
		n += m->limits[i].kind == kind ? xdpf_limit_sets(m->limits[i].size, kind) : 0;
	return n;
}

/* The number at the end of a map's name; -1: there is none. */
static int kind_of(const char *tail)
{
	char want[12];

	for (int kind = 0; kind < XDPF_LIMIT_KINDS; kind++) {
		snprintf(want, sizeof(want), "%d", kind);
		if (!strcmp(tail, want))
			return kind;
	}
	return -1;
}

int rt_limits_kind(const char *name)
{
	return strncmp(name, XDPF_MAP_LIMIT, strlen(XDPF_MAP_LIMIT)) ? -1 : kind_of(name + strlen(XDPF_MAP_LIMIT));
}

int rt_limits_map(const struct bpf_map *map, const struct xdpf_meta *m, const struct xdpf_log *log)
{
	const char *name = bpf_map__name(map);
	uint64_t sets;
	int kind;

	if (!strcmp(name, XDPF_MAP_LIMITS)) {
		if (bpf_map__type(map) != BPF_MAP_TYPE_PERCPU_ARRAY || bpf_map__key_size(map) != 4 ||
		    bpf_map__value_size(map) != sizeof(struct xdpf_limit_count) || bpf_map__max_entries(map) != m->n_limits)
			return not_so(name, log);
		return 0;
	}
	if (strncmp(name, XDPF_MAP_LIMIT, strlen(XDPF_MAP_LIMIT)))
		return -ENOENT;
	kind = kind_of(name + strlen(XDPF_MAP_LIMIT));
	sets = kind < 0 ? 0 : sets_of(m, (unsigned)kind);
	if (!sets || bpf_map__type(map) != BPF_MAP_TYPE_ARRAY || bpf_map__key_size(map) != 4 || bpf_map__max_entries(map) != sets ||
	    bpf_map__value_size(map) != xdpf_limit_bytes((unsigned)kind) || sets * bpf_map__value_size(map) > XDPF_LIMITS_MEMORY)
		return not_so(name, log);
	return 0;
}

int rt_limits_read(int fd, struct xdpf_limit_counts *out, size_t n, const struct xdpf_log *log)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ struct xdpf_limit_count *cpu = NULL;
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (fd < 0 || !n)
		return 0;
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return rt_fail_sys(log, errno, "a map of the program cannot be looked at");
	if (info.type != BPF_MAP_TYPE_PERCPU_ARRAY || info.key_size != 4 || info.value_size != sizeof(*cpu) || info.max_entries != n)
		return rt_fail(log, EBADMSG, "map %.16s of the program is not what its metadata says", info.name);
	cpu = cpus > 0 ? calloc((size_t)cpus, sizeof(*cpu)) : NULL;
	if (!cpu)
		return rt_fail(log, ENOMEM, "out of memory");
	for (uint32_t i = 0; i < n; i++) {
		out[i] = (struct xdpf_limit_counts){ 0, 0, 0 };
		if (bpf_map_lookup_elem(fd, &i, cpu))
			return rt_fail_sys(log, errno, "a counter cannot be read");
		for (int k = 0; k < cpus; k++) {
			out[i].admitted += cpu[k].admitted;
			out[i].denied += cpu[k].denied;
			out[i].full += cpu[k].full;
		}
	}
	return 0;
}
