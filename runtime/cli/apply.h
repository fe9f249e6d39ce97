/*
 * What `xdpf apply` was asked for, between its two ways: with a filter that is given, and with changes to the one that runs.
 */
#ifndef XDPF_CLI_APPLY_H
#define XDPF_CLI_APPLY_H

#include "cli.h"

struct asked {
	struct xdpf_apply_opts opts;	/* .mode NONE: it was not said */
	struct xdpf_applied *applied;	/* by interface */
	bool json, no_tests, dispatch, placed;
	uint64_t priority;
	const char *filter;		/* NULL: files of the one that runs are changed */
	char **ifaces;
	size_t n;
	struct xdpf_change *changes;
	size_t n_changes;
};

/* Runs its tests, applies it and says so; the exit status, and *err: what xdpf_object_apply() returned, which told @log. */
int asked_apply(struct cli *cli, struct asked *a, const struct xdpf_object *o, int *err, const struct xdpf_log *log);

/* ---- merge.c ---- */

/* Is the file with this name among what is changed? */
bool asked_changes(const struct asked *a, const char *name);
int asked_merge(struct cli *cli, struct asked *a);

#endif
