/*
 * What compiling and merging share with those who apply: included by the files that need it, behind nothing else.
 */
#ifndef XDPF_RUNTIME_MERGE_H
#define XDPF_RUNTIME_MERGE_H

#include "private.h"
#include "xdpf/owners.h"

/* ---- compile.c ---- */

/* Which of xdpfc's files the list of kept files is, and by which path. */
#define RT_KEPT_FD	3
#define RT_KEPT_PATH	"/proc/self/fd/3"

/* An empty file in memory. */
int rt_memory_file(int *out_fd, const char *name, const struct xdpf_log *log);
/* Has xdpfc make an object of these files and reads it. @kept_fd: -1, or the list of kept files, in memory. -EBADMSG: the rules are wrong; -EIO: it
 * could not do its work; or why it could not be started. */
int rt_compile(struct xdpf_object **out, const char *const *files, size_t n, int kept_fd, const struct xdpf_compile_opts *opt,
	       const struct xdpf_log *log);

/* ---- merge.c ---- */

/* Of an object that was made from what runs: does that still run there? @prog_fd: what runs; -1: nothing. -EAGAIN: it does not. Under the lock. */
int rt_made_check(const struct xdpf_object *o, const struct xdpf_iface *i, int prog_fd, const struct xdpf_log *log);

#endif
