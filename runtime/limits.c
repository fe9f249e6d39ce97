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

static int not_so(const char *name, const struct xdpf_log *log)
{
	return rt_fail(log, EBADMSG, "map %s of the object is not what its metadata says", name);
}

int rt_limits_map(const struct bpf_map *map, const struct xdpf_meta *m, const struct xdpf_log *log)
{
	const char *name = bpf_map__name(map), *tail = name + strlen(XDPF_MAP_LIMIT);
	uint64_t bytes = (uint64_t)bpf_map__max_entries(map) * bpf_map__value_size(map);
	char want[24];

	if (!strcmp(name, XDPF_MAP_LIMITS)) {
		if (bpf_map__type(map) != BPF_MAP_TYPE_PERCPU_ARRAY || bpf_map__key_size(map) != 4 ||
		    bpf_map__value_size(map) != sizeof(struct xdpf_limit_count) || bpf_map__max_entries(map) != m->n_limits)
			return not_so(name, log);
		return 0;
	}
	if (strncmp(name, XDPF_MAP_LIMIT, strlen(XDPF_MAP_LIMIT)))
		return -ENOENT;
	for (size_t i = 0; i < m->n_limits; i++) {
		snprintf(want, sizeof(want), "%zu", i);
		if (strcmp(tail, want))
			continue;
		/* with what there is more than keys in it */
		if (bpf_map__type(map) != BPF_MAP_TYPE_ARRAY || bpf_map__key_size(map) != 4 || bytes > (uint64_t)XDPF_LIMIT_MEMORY + (1 << 20) ||
		    bpf_map__max_entries(map) != (m->limits[i].size ? m->limits[i].size + XDPF_LIMIT_SPARE : 1))
			return not_so(name, log);
		return 0;
	}
	return not_so(name, log);
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
