/*
 * The metadata in the kernel. A frozen array map called xdpf_meta holds the text and is bound to the program, so that whoever
 * finds the program finds what it says about itself, and nothing is kept on disk. A long text takes several elements: each is
 * a length and so many bytes of it. Where an image came later, the metadata that belongs to it stands in a map of maps beside
 * those of images, in the same place: the number that chooses the image chooses both.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>

#include "private.h"

enum { PART_MAX = 1 << 20, PARTS_MAX = 4096, LATER_PART = 1 << 16 };

struct part {
	uint32_t len;
	char text[];
};

/* A frozen map of so many bytes in a part. */
static int new_map(int *out_fd, const char *name, const char *text, size_t part_len, uint32_t flags, const struct xdpf_log *log)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = flags);
	size_t len = strlen(text), n = len ? (len + part_len - 1) / part_len : 1;
	size_t size = (sizeof(struct part) + part_len + 7) & ~(size_t)7;
	_cleanup_free_ struct part *part = calloc(1, size);
	_cleanup_close_ int fd = -1;

	if (!part)
		return rt_fail(log, ENOMEM, "out of memory");
	if (n > PARTS_MAX)
		return rt_fail(log, EFBIG, "the object's metadata is too large");
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(uint32_t), (uint32_t)size, (uint32_t)n, &opts);
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
	if (bpf_map_freeze(fd))
		return rt_fail_sys(log, errno, "the program's metadata cannot be stored");
	*out_fd = take_fd(fd);
	return 0;
}

int rt_metamap_new(int *out_fd, const char *text, const struct xdpf_log *log)
{
	return new_map(out_fd, XDPF_MAP_META, text, LATER_PART, BPF_F_INNER_MAP, log);
}

static int bind_metas(int *out_fd, int prog_fd, const struct xdpf_log *log)
{
	_cleanup_close_ int inner = -1, fd = -1;
	int err = rt_metamap_new(&inner, "", log);
	LIBBPF_OPTS(bpf_map_create_opts, opts, .inner_map_fd = (uint32_t)inner);

	if (err)
		return err;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, XDPF_MAP_METAS, sizeof(uint32_t), sizeof(uint32_t), XDPF_IMAGES, &opts);
	if (fd < 0 || bpf_prog_bind_map(prog_fd, fd, NULL))
		return rt_fail_sys(log, errno, "the map of later metadata cannot be made");
	*out_fd = take_fd(fd);
	return 0;
}

int rt_metamap_bind(int *out_fd, int *metas_fd, int prog_fd, const char *text, const struct xdpf_log *log)
{
	size_t len = strlen(text);
	_cleanup_close_ int fd = -1;
	int err = new_map(&fd, XDPF_MAP_META, text, len && len < PART_MAX ? len : len ? PART_MAX : 1, 0, log);

	if (err)
		return err;
	if (bpf_prog_bind_map(prog_fd, fd, NULL))
		return rt_fail_sys(log, errno, "the metadata cannot be tied to the program");
	*out_fd = take_fd(fd);
	return metas_fd ? bind_metas(metas_fd, prog_fd, log) : 0;
}

static int map_id(uint32_t *id, int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	*id = info.id;
	return 0;
}

int rt_metamap_id(uint32_t *id, int meta_fd, int metas_fd, int swap_fd)
{
	struct xdpf_swap swap = { 0 };
	uint32_t zero = 0, place;

	if (swap_fd >= 0 && bpf_map_lookup_elem(swap_fd, &zero, &swap))
		return -errno;
	if (!swap.number || metas_fd < 0)
		return map_id(id, meta_fd);
	place = swap.number - 1;
	/* an element of a map of maps is read as the id */
	return bpf_map_lookup_elem(metas_fd, &place, id) ? -errno : 0;
}

static int read_map(struct rt_meta **out, int map_fd, const struct xdpf_log *log)
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

/* What is exchanged between two questions is asked for again: ids are never used twice. */
int rt_metamap_read(struct rt_meta **out, uint32_t *id, int meta_fd, int metas_fd, int swap_fd, const struct xdpf_log *log)
{
	for (int i = 0;; i++) {
		uint32_t at = 0;
		int err = rt_metamap_id(&at, meta_fd, metas_fd, swap_fd);
		_cleanup_close_ int fd = err ? -1 : rt_map_get(at);

		if (fd >= 0) {
			err = read_map(out, fd, log);
			if (!err)
				*id = at;
			return err;
		}
		err = err ? -err : errno;
		if (err != ENOENT || i == 10)
			return rt_fail_sys(log, err, "the program's metadata cannot be opened");
	}
}
