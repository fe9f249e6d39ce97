/*
 * Programs in the kernel. One is loaded from an object (load.c), or found again here from an interface: link, program, maps, metadata. Either way out
 * goes the same struct, from which counters are read.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <sys/mman.h>

#include "private.h"

struct xdpf_program *rt_program_new(const struct xdpf_log *log)
{
	struct xdpf_program *p = calloc(1, sizeof(*p));

	if (!p) {
		rt_log(log, XDPF_LOG_ERROR, "out of memory");
		return NULL;
	}
	p->prog_fd = p->rules_fd = p->verdicts_fd = p->misses_fd = p->others_fd = p->limits_fd = p->meta_fd = p->log_fd = p->logs_fd = -1;
	p->explain_fd = p->samples_fd = p->pending_fd = p->errors_fd = p->next_fd = p->carried_fd = p->cookies_fd = p->live_fd = p->lists_fd = -1;
	for (unsigned i = 0; i <= LIVE_ROOM_MOST; i++)
		p->snap_fd[i] = -1;
	p->sets_fd = p->swap_fd = p->images_fd = p->metas_fd = p->ifaces_fd = -1;
	for (int i = 0; i < RT_WATCHES; i++)
		p->watch_fd[i] = -1;
	for (int i = 0; i < RT_LIMIT_MAPS; i++)
		p->limit_fd[i] = -1;
	return p;
}

void xdpf_program_free(struct xdpf_program *p)
{
	if (!p)
		return;
	if (p->table_fd)
		for (size_t i = 0; i < rt_meta_get(p->meta)->n_tables; i++)
			close_fd(&p->table_fd[i]);
	for (int i = 0; i < RT_LIMIT_MAPS; i++)
		close_fd(&p->limit_fd[i]);
	free(p->table_fd);
	for (size_t i = 0; p->set_fd && i < rt_meta_get(p->meta)->n_sets; i++) {
		close_fd(&p->set_fd[i]);
		close_fd(&p->age_fd[i]);
	}
	free(p->set_fd);
	for (unsigned i = 0; i <= LIVE_ROOM_MOST; i++)
		close_fd(&p->snap_fd[i]);
	close_fd(&p->live_fd);
	close_fd(&p->lists_fd);
	close_fd(&p->sets_fd);
	close_fd(&p->prog_fd);
	close_fd(&p->rules_fd);
	close_fd(&p->pending_fd);
	close_fd(&p->verdicts_fd);
	close_fd(&p->misses_fd);
	close_fd(&p->others_fd);
	close_fd(&p->limits_fd);
	close_fd(&p->errors_fd);
	for (int i = 0; i < RT_WATCHES; i++)
		close_fd(&p->watch_fd[i]);
	close_fd(&p->meta_fd);
	close_fd(&p->metas_fd);
	close_fd(&p->swap_fd);
	close_fd(&p->images_fd);
	close_fd(&p->ifaces_fd);
	ring_buffer__free(p->ring);
	close_fd(&p->log_fd);
	close_fd(&p->logs_fd);
	close_fd(&p->explain_fd);
	close_fd(&p->samples_fd);
	close_fd(&p->next_fd);
	close_fd(&p->carried_fd);
	close_fd(&p->cookies_fd);
	if (p->bss)
		munmap(p->bss, p->bss_len);
	bpf_object__close(p->bpf);
	free(p->image);
	rt_meta_free(p->meta);
	free(p);
}

const struct xdpf_meta *xdpf_program_meta(const struct xdpf_program *p)
{
	return rt_meta_get(p->meta);
}

int rt_program_tables(struct xdpf_program *p, const struct xdpf_log *log)
{
	size_t n = rt_meta_get(p->meta)->n_tables;

	p->table_fd = malloc((n ? n : 1) * sizeof(*p->table_fd));
	if (!p->table_fd)
		return rt_fail(log, ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		p->table_fd[i] = -1;
	n = rt_meta_get(p->meta)->n_sets;
	p->set_fd = malloc((2 * n + 1) * sizeof(*p->set_fd));
	if (!p->set_fd)
		return rt_fail(log, ENOMEM, "out of memory");
	p->age_fd = p->set_fd + n;
	for (size_t i = 0; i < 2 * n; i++)
		p->set_fd[i] = -1;
	return 0;
}

int *rt_program_place(struct xdpf_program *p, const char *name)
{
	const struct xdpf_meta *m = rt_meta_get(p->meta);

	if (!strcmp(name, XDPF_MAP_RULES))
		return &p->rules_fd;
	if (!strcmp(name, XDPF_MAP_PENDING))
		return &p->pending_fd;
	if (!strcmp(name, XDPF_MAP_VERDICTS))
		return &p->verdicts_fd;
	if (!strcmp(name, XDPF_MAP_MISSES))
		return &p->misses_fd;
	if (!strcmp(name, XDPF_MAP_LIMITS))
		return &p->limits_fd;
	if (!strcmp(name, XDPF_MAP_OTHERS))
		return &p->others_fd;
	if (!strcmp(name, XDPF_MAP_ERRORS))
		return &p->errors_fd;
	if (!strcmp(name, XDPF_MAP_LOG))
		return &p->log_fd;
	if (!strcmp(name, XDPF_MAP_LOGS))
		return &p->logs_fd;
	if (!strcmp(name, XDPF_MAP_LOG_NEXT))
		return &p->next_fd;
	if (!strcmp(name, XDPF_SECTION_EXPLAIN))
		return &p->explain_fd;
	if (!strcmp(name, XDPF_MAP_SAMPLES))
		return &p->samples_fd;
	if (!strcmp(name, XDPF_MAP_COOKIES))
		return &p->cookies_fd;
	if (!strcmp(name, XDPF_MAP_CARRIED))
		return &p->carried_fd;
	if (!strcmp(name, XDPF_MAP_IMAGES))
		return &p->images_fd;
	if (!strcmp(name, XDPF_SECTION_IFACES))
		return &p->ifaces_fd;
	if (rt_limits_kind(name) >= 0)
		return &p->limit_fd[rt_limits_kind(name)];
	for (size_t i = 0; i < m->n_tables; i++)
		if (!strcmp(m->tables[i].map, name))
			return &p->table_fd[i];
	return rt_live_place(p, name) ? rt_live_place(p, name) : rt_sets_place(p, name);
}

/* ---- finding ---- */

/* What says where the metadata is; NULL: another map. */
static int *meta_place(struct xdpf_program *p, const char *name)
{
	if (!strcmp(name, XDPF_MAP_META))
		return &p->meta_fd;
	if (!strcmp(name, XDPF_MAP_METAS))
		return &p->metas_fd;
	return strcmp(name, XDPF_SECTION_SWAP) != 0 ? NULL : &p->swap_fd;
}

static int find_maps(struct xdpf_program *p, const uint32_t *ids, size_t n, const struct xdpf_log *log)
{
	/* Twice: which names are tables is known only when the metadata is read. */
	for (int pass = 0; pass < 2; pass++) {
		int err = 0;

		for (size_t i = 0; i < n; i++) {
			_cleanup_close_ int fd = rt_map_get(ids[i]);
			struct bpf_map_info info = { 0 };
			uint32_t len = sizeof(info);
			const char *name;
			int *place;

			if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
				return rt_fail_sys(log, errno, "map %u of the program cannot be opened", ids[i]);
			info.name[sizeof(info.name) - 1] = '\0';
			name = pass ? rt_meta_map_name(p->meta, info.id) : NULL;
			place = pass ? rt_program_place(p, name ? name : info.name) : meta_place(p, info.name);
			if (place && *place < 0)
				*place = take_fd(fd);
		}
		if (pass)
			break;
		if (p->meta_fd < 0)
			return rt_fail(log, ENOENT, "the program says nothing about its rules");
		err = rt_metamap_read(&p->meta, &p->seen_meta, p->meta_fd, p->metas_fd, p->swap_fd, log);
		if (!err)
			err = rt_program_tables(p, log);
		if (err)
			return err;
	}
	return 0;
}

int rt_program_open(struct xdpf_program **out, int prog_fd, const char *iface, const struct xdpf_log *log)
{
	_cleanup_(rt_program_freep) struct xdpf_program *p = rt_program_new(log);
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info), ids[256];
	int err;

	if (!p) {
		close(prog_fd);
		return -ENOMEM;
	}
	p->prog_fd = prog_fd;
	info.map_ids = (uint64_t)(uintptr_t)ids;
	info.nr_map_ids = sizeof(ids) / sizeof(ids[0]);
	if (bpf_obj_get_info_by_fd(p->prog_fd, &info, &len))
		return rt_fail_sys(log, errno, "%s: its program cannot be looked at", iface);
	err = find_maps(p, ids, info.nr_map_ids < 256 ? info.nr_map_ids : 256, log);
	if (!err)
		*out = take_ptr(p);
	return err;
}
