/*
 * A filter as a part of libxdp's dispatcher: what is pinned beside the place of a link.
 *
 *   part        the part that is ours
 *   joining     while one joins: the program by whose maps it is known, wherever it is by then
 *   leaving     meanwhile, the part whose place it takes
 */
#ifndef XDPF_RUNTIME_DISPATCH_H
#define XDPF_RUNTIME_DISPATCH_H

#include <xdp/libxdp.h>

#include "pending.h"

/* ---- dispatch.c ---- */

/* The dispatcher that runs on an interface; NULL: none does. */
struct xdp_multiprog *rt_dispatcher(unsigned ifindex, const struct xdpf_log *log);
static inline void rt_dispatcher_close(struct xdp_multiprog **mp)
{
	if (*mp)
		xdp_multiprog__close(*mp);
}
/* Its part with this id; it lives as long as @mp, which may be NULL. */
struct xdp_program *rt_dispatcher_part(const struct xdp_multiprog *mp, uint32_t id);
/* 0, too, where it is no part. */
int rt_dispatch_detach(unsigned ifindex, const char *name, uint32_t id, const struct xdpf_log *log);
/* Pins a part as ours. */
int rt_dispatch_pin(int fd, const char *path, const struct xdpf_log *log);

/* ---- dispatch_settle.c ---- */

/* Before a part joins that has @p's maps, and takes the place of @old (0: none); @p NULL: before that is taken out. */
int rt_dispatch_begin(const char *path, const struct xdpf_program *p, uint32_t old, const struct xdpf_log *log);
/* Finishes a change where the new part is pinned, else undoes it; says so, where there is a log. Nothing is left of it then. */
void rt_dispatch_settle(const char *path, unsigned ifindex, const char *name, const struct xdpf_log *log);

#endif
