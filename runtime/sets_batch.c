/*
 * Many elements of a set's map at once: a call of the kernel for each would cost more than what is done by it. In: keys, one behind the other. Out:
 * the map with or without them.
 */
#include <bpf/bpf.h>
#include <errno.h>

#include "private.h"

int rt_batch_put(int fd, const unsigned char *keys, const struct xdpf_element *values, size_t n, size_t size, size_t *done)
{
	while (*done < n) {
		LIBBPF_OPTS(bpf_map_batch_opts, opts);
		uint32_t some = (uint32_t)(n - *done);
		int err = bpf_map_update_batch(fd, keys + *done * size, values + *done, &some, &opts) ? errno : 0;

		*done += some;
		if (err == E2BIG)
			return -ENOSPC;
		if (err || !some)
			return err ? -err : -EIO;
	}
	return 0;
}

int rt_batch_delete(int fd, const unsigned char *keys, size_t n, size_t size, size_t *gone)
{
	*gone = 0;
	for (size_t done = 0; done < n;) {
		LIBBPF_OPTS(bpf_map_batch_opts, opts);
		uint32_t some = (uint32_t)(n - done);
		int err = bpf_map_delete_batch(fd, keys + done * size, &some, &opts) ? errno : 0;

		if (err && err != ENOENT)
			return -err;
		/* one that has gone meanwhile is what it stopped at */
		*gone += some;
		done += some + (err == ENOENT);
		if (!err && !some)
			return -EIO;
	}
	return 0;
}
