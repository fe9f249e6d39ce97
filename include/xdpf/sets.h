/*
 * libxdpf: sets that live, while their filter runs. The rules of runtime.h hold here, too. @set is a place in the metadata's .sets, as
 * xdpf_meta_set() finds it, @key an element of its .key_size bytes, as enum xdpf_key_kind says.
 */
#ifndef XDPF_SETS_H
#define XDPF_SETS_H

#include <stdio.h>

#include "xdpf/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An element from text, with the reason (-EINVAL) where it is none; and back, in @size bytes with a NUL, cut where they are too few: 512 are
 * enough. */
XDPF_API int xdpf_set_key(const struct xdpf_set *set, const char *text, void *key, const struct xdpf_log *log);
XDPF_API char *xdpf_set_format(const struct xdpf_set *set, const void *key, char *buf, size_t size);
/* How long an element stays, as ns from "10m"; 0 from "0". False: it is no time from 1 ms to 365 days. */
XDPF_API bool xdpf_set_time(const char *text, uint64_t *ns);
struct xdpf_set_read_opts {
	size_t sz;
	void (*progress)(void *arg, size_t lines);	/* NULL, or called each few thousand lines */
	void *arg;
};

/* Elements from a text, as rule files' `from` reads them: one on each line. *keys (of malloc(), or NULL): *n of them, one behind the other.
 * -EBADMSG: a line is no element, and the log says which one of @name and why. @in stays open. */
XDPF_API int xdpf_set_read(void **keys, size_t *n, const struct xdpf_set *set, FILE *in, const char *name, const struct xdpf_set_read_opts *opts,
			   const struct xdpf_log *log);
/*
 * Changes. Each is done as a whole before another's begins, of this process or another. -ENOENT: no rule asks the set; -EINVAL: @keep is not 0, and
 * its elements do not expire; -ESTALE, without a message: another filter runs by now where the program was found, and what is changed in this one
 * would be lost: find it again.
 */
/* @keep: ns until it expires, 0: it stays. One that is there gets the new time, but what came there by xdpf_set_replace(), or with many others, goes
 * no earlier for that. -ENOSPC: the set is full, and as it was. */
XDPF_API int xdpf_set_add(const struct xdpf_program *p, size_t set, const void *key, uint64_t keep, const struct xdpf_log *log);
/* -ENOENT, without a message: it is not in the set. */
XDPF_API int xdpf_set_remove(const struct xdpf_program *p, size_t set, const void *key, const struct xdpf_log *log);
/* The same of @n elements, one behind the other in any order: of all of them, or none. */
XDPF_API int xdpf_set_add_all(const struct xdpf_program *p, size_t set, const void *keys, size_t n, uint64_t keep, const struct xdpf_log *log);
/* @was: NULL, or for each whether it was in the set. */
XDPF_API int xdpf_set_remove_all(const struct xdpf_program *p, size_t set, const void *keys, size_t n, bool *was, const struct xdpf_log *log);
/*
 * Makes @n elements, one behind the other in any order, all that is in the set, for @keep ns (0: they stay): to packets at once.
 * -ENOSPC: the set does not hold so many, and is as it was.
 */
struct xdpf_set_change {
	size_t elements, added, removed;
};

XDPF_API int xdpf_set_replace(const struct xdpf_program *p, size_t set, const void *keys, size_t n, uint64_t keep, struct xdpf_set_change *change,
			      const struct xdpf_log *log);
/* Takes out all; *n: how many were in it. */
XDPF_API int xdpf_set_flush(const struct xdpf_program *p, size_t set, size_t *n, const struct xdpf_log *log);
/* How many elements are in it. It is walked over: of a million that takes a quarter of a second. */
XDPF_API int xdpf_set_count(const struct xdpf_program *p, size_t set, uint64_t *n, const struct xdpf_log *log);
/* Calls @fn for each element as it is read; @left: ns until it expires, 0: it stays. What changes meanwhile may be told or not. @fn must not change
 * this set. */
typedef void (*xdpf_set_fn)(void *arg, const void *key, uint64_t left);
XDPF_API int xdpf_set_each(const struct xdpf_program *p, size_t set, xdpf_set_fn fn, void *arg, const struct xdpf_log *log);

#ifdef __cplusplus
}
#endif

#endif
