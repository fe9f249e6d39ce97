/*
 * The metadata in the kernel. A frozen array map called xdpf_meta holds the text and is bound to the program, so that whoever
 * finds the program finds what it says about itself, and nothing is kept on disk. A long text takes several elements: each is
 * a length and so many bytes of it.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>

#include "private.h"

enum { PART_MAX = 1 << 20, PARTS_MAX = 256 };

struct part {
	uint32_t len;
	char text[];
};

int rt_metamap_bind(int *out_fd, int prog_fd, const char *text, const struct xdpf_log *log)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	size_t len = strlen(text), part_len = len < PART_MAX ? len : PART_MAX, n = part_len ? (len + part_len - 1) / part_len : 1;
	size_t size = (sizeof(struct part) + part_len + 7) & ~(size_t)7;
	_cleanup_free_ struct part *part = calloc(1, size);
	_cleanup_close_ int fd = -1;

	if (!part)
		return rt_fail(log, ENOMEM, "out of memory");
	if (n > PARTS_MAX)
		return rt_fail(log, EFBIG, "the object's metadata is too large");
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, XDPF_MAP_META, sizeof(uint32_t), (uint32_t)size, (uint32_t)n, &opts);
	if (fd < 0)
		return rt_fail_sys(log, errno, "the map of the program's metadata cannot be made");
	for (uint32_t i = 0; i < n; i++) {
		size_t at = (size_t)i * part_len;

		memset(part, 0, size);
		part->len = (uint32_t)(len - at < part_len ? len - at : part_len);
		memcpy(part->text, text + at, part->len);
		if (bpf_map_update_elem(fd, &i, part, BPF_ANY))
			return rt_fail_sys(log, errno, "the program's metadata cannot be stored");
	}
	if (bpf_map_freeze(fd) || bpf_prog_bind_map(prog_fd, fd, NULL))
		return rt_fail_sys(log, errno, "the metadata cannot be tied to the program");
	*out_fd = take_fd(fd);
	return 0;
}

int rt_metamap_read(struct rt_meta **out, int map_fd, const struct xdpf_log *log)
{
	struct bpf_map_info info = { 0 };
	uint32_t info_len = sizeof(info);
	_cleanup_free_ struct part *part = NULL;
	_cleanup_free_ char *text = NULL;
	size_t len = 0;

	if (bpf_obj_get_info_by_fd(map_fd, &info, &info_len))
		return rt_fail_sys(log, errno, "the program's metadata cannot be read");
	if (info.type != BPF_MAP_TYPE_ARRAY || info.key_size != 4 || info.value_size <= sizeof(*part) ||
	    info.value_size > sizeof(*part) + PART_MAX + 8 || info.max_entries > PARTS_MAX)
		return rt_fail(log, EBADMSG, "the program's metadata is broken: map %s has an unknown layout", XDPF_MAP_META);
	part = malloc(info.value_size);
	text = malloc((size_t)info.value_size * info.max_entries);
	if (!part || !text)
		return rt_fail(log, ENOMEM, "out of memory");
	for (uint32_t i = 0; i < info.max_entries; i++) {
		if (bpf_map_lookup_elem(map_fd, &i, part))
			return rt_fail_sys(log, errno, "the program's metadata cannot be read");
		if (part->len > info.value_size - sizeof(*part))
			return rt_fail(log, EBADMSG, "the program's metadata is broken: a part is longer than its place");
		memcpy(text + len, part->text, part->len);
		len += part->len;
	}
	return rt_meta_take(out, take_ptr(text), len, log);
}
