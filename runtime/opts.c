/*
 * Options that a caller gives. In: a struct that begins with its own size, which may be another version's. Out: whether this one can do all that it
 * asks for.
 */
#include <errno.h>

#include "private.h"

enum { OPTS_MOST = 4096 };

int rt_opts_check(const void *opts, size_t known, const struct xdpf_log *log)
{
	size_t sz;

	if (!opts)
		return 0;
	memcpy(&sz, opts, sizeof(sz));
	if (sz < sizeof(sz) || sz > OPTS_MOST)
		return rt_fail(log, EINVAL, "options without their size: `.sz = sizeof(opts)` says it");
	for (size_t i = known; i < sz; i++)
		if (((const unsigned char *)opts)[i])
			return rt_fail(log, E2BIG, "options that this version of libxdpf (%s) does not know", xdpf_version());
	return 0;
}
