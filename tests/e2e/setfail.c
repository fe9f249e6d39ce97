/*
 * Calls of the kernel that fail when they are told to, of those that changes of sets make. The linker puts these in the place of libbpf's.
 */
#include "setfail.h"

#include <bpf/bpf.h>
#include <errno.h>

static unsigned fail_at;		/* 0: none does */
static bool failed_once;

void setfail_begin(unsigned n)
{
	fail_at = n;
	failed_once = false;
}

bool setfail_end(int err)
{
	fail_at = 0;
	return failed_once && err == -ENOMEM;
}

int __real_bpf_map_lookup_batch(int fd, void *in, void *out, void *keys, void *values, __u32 *count, const struct bpf_map_batch_opts *opts);
int __wrap_bpf_map_lookup_batch(int fd, void *in, void *out, void *keys, void *values, __u32 *count, const struct bpf_map_batch_opts *opts);
int __real_bpf_map_create(enum bpf_map_type type, const char *name, __u32 key, __u32 value, __u32 n, const struct bpf_map_create_opts *opts);
int __wrap_bpf_map_create(enum bpf_map_type type, const char *name, __u32 key, __u32 value, __u32 n, const struct bpf_map_create_opts *opts);
int __real_bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags);
int __wrap_bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags);

static bool fails(void)
{
	bool now = fail_at && !--fail_at;

	failed_once |= now;
	errno = now ? ENOMEM : errno;
	return now;
}

int __wrap_bpf_map_lookup_batch(int fd, void *in, void *out, void *keys, void *values, __u32 *count, const struct bpf_map_batch_opts *opts)
{
	return fails() ? -ENOMEM : __real_bpf_map_lookup_batch(fd, in, out, keys, values, count, opts);
}

int __wrap_bpf_map_create(enum bpf_map_type type, const char *name, __u32 key, __u32 value, __u32 n, const struct bpf_map_create_opts *opts)
{
	return fails() ? -ENOMEM : __real_bpf_map_create(type, name, key, value, n, opts);
}

int __wrap_bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	return fails() ? -ENOMEM : __real_bpf_map_update_elem(fd, key, value, flags);
}
