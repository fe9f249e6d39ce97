/*
 * What compiling and merging share with those who apply: included by the files that need it, behind nothing else.
 */
#ifndef XDPF_RUNTIME_MERGE_H
#define XDPF_RUNTIME_MERGE_H

#include <limits.h>

#include "private.h"
#include "xdpf/owners.h"

/* ---- compile.c ---- */

/* A directory that nobody else writes to. */
struct rt_workplace {
	char dir[PATH_MAX - 16];	/* "": there is none */
	char object[PATH_MAX], kept[PATH_MAX];	/* files in it */
};

int rt_workplace_make(struct rt_workplace *w, const struct xdpf_log *log);
void rt_workplace_remove(struct rt_workplace *w);
/* Has xdpfc make an object of these files and reads it. @kept: with the list of kept files in @w. */
int rt_compile(struct xdpf_object **out, const struct rt_workplace *w, const char *const *files, size_t n, bool kept,
	       const struct xdpf_compile_opts *opt, const struct xdpf_log *log);

/* ---- merge.c ---- */

/* Of an object that was made from what runs: does that still run there? @prog_fd: what runs; -1: nothing. -EAGAIN: it does not. Under the lock. */
int rt_made_check(const struct xdpf_object *o, const struct xdpf_iface *i, int prog_fd, const struct xdpf_log *log);

#endif
