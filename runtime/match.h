/*
 * What is the same in two programs, by their metadata.
 */
#ifndef XDPF_RUNTIME_MATCH_H
#define XDPF_RUNTIME_MATCH_H

#include "private.h"

/* ---- match.c ---- */

/* By old file: the new one, or RT_NO_INDEX. */
int rt_match_files(uint32_t **out, const struct xdpf_meta *old, const struct xdpf_meta *new, const struct xdpf_log *log);
/* Calls @fn for each pair, and with a NULL for a rule that is gone (@new) or new (@old), until it returns not 0. */
typedef int (*rt_match_fn)(void *arg, const struct xdpf_rule *old, const struct xdpf_rule *new);
int rt_match_rules(const struct xdpf_meta *old, const struct xdpf_meta *new, const uint32_t *files, rt_match_fn fn, void *arg,
		   const struct xdpf_log *log);
/* The place of a new one among the old ones, or RT_NO_INDEX. */
uint32_t rt_match_set(const struct xdpf_meta *old, const struct xdpf_meta *new, const uint32_t *files, size_t set);
uint32_t rt_match_table(const struct xdpf_meta *old, const struct xdpf_meta *new, const uint32_t *files, size_t table);

/* ---- match_limit.c ---- */

/* By new limit: the old one, or RT_NO_INDEX. @rules: by old index the new one, or RT_NO_INDEX. */
int rt_match_limits(uint32_t **out, const struct xdpf_meta *old, const struct xdpf_meta *new, const uint32_t *files, const uint32_t *rules,
		    const struct xdpf_log *log);

#endif
