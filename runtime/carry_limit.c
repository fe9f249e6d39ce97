/*
 * Buckets of a limit whose table has another size. In: the old table, which is in use, and an empty one that nobody uses yet. Out: each key that has
 * taken tokens is in the new one, in a set where the program looks for it. A bucket that is full again is left out: an unknown key has a full one.
 * What is taken while the old table is read may be missing: of that a key has at most what it took in this time.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <time.h>

#include "carry.h"
#include "limit.h"

enum { BATCH_BYTES = 4 << 20 };

struct tables {
	unsigned char *to;
	size_t n_to, bytes;		/* sets, bytes of one */
	struct xdpf_limit_layout layout;
	unsigned words;
	uint64_t seed, now;
	size_t left;
};

static uint64_t word(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static void set_word(unsigned char *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

/* Behind a set that others have filled, a key is known to be only as long as that set says. */
static void insert(struct tables *t, const unsigned char *slot)
{
	uint64_t state = word(slot), h = t->seed;

	for (unsigned k = 0; k < t->words; k++)
		h = xdpf_mix64(h ^ word(slot + 8 * (k + (size_t)1)));
	for (unsigned level = 0; level < XDPF_LIMIT_LEVELS; level++) {
		unsigned char *set = t->to + ((h >> 32) * t->n_to >> 32) * t->bytes;

		for (unsigned i = 0; i < t->layout.ways; i++) {
			unsigned char *free_slot = set + t->layout.first + (size_t)i * t->layout.slot;

			if (word(free_slot))
				continue;
			memcpy(free_slot, slot, t->layout.slot);
			return;
		}
		if ((int64_t)(state - word(set + XDPF_LIMIT_SPILL)) > 0 || !word(set + XDPF_LIMIT_SPILL))
			set_word(set + XDPF_LIMIT_SPILL, state);
		h = xdpf_mix64(h + XDPF_RANDOM_STEP);
	}
	t->left++;
}

static void insert_all(struct tables *t, const unsigned char *set)
{
	for (unsigned i = 0; i < t->layout.ways; i++) {
		const unsigned char *slot = set + t->layout.first + (size_t)i * t->layout.slot;

		if (word(slot) && (int64_t)(word(slot) - t->now) > 0)
			insert(t, slot);
	}
}

static int read_all(struct tables *t, int fd, const struct bpf_map_info *info, const struct xdpf_log *log)
{
	uint32_t most = (uint32_t)(BATCH_BYTES / t->bytes + 1), place = 0;
	_cleanup_free_ unsigned char *sets = malloc((size_t)most * t->bytes);
	_cleanup_free_ uint32_t *keys = malloc(most * sizeof(*keys));

	if (!sets || !keys)
		return rt_fail(log, ENOMEM, "out of memory");
	for (uint32_t done = 0; done < info->max_entries;) {
		uint32_t n = most < info->max_entries - done ? most : info->max_entries - done;

		if ((bpf_map_lookup_batch(fd, done ? &place : NULL, &place, keys, sets, &n, NULL) && errno != ENOENT) || !n)
			return rt_fail_sys(log, errno, "the buckets of a limit cannot be read");
		for (uint32_t i = 0; i < n; i++)
			insert_all(t, sets + i * t->bytes);
		done += n;
	}
	return 0;
}

static int write_all(const struct tables *t, int fd, const struct xdpf_log *log)
{
	_cleanup_free_ uint32_t *keys = malloc((t->n_to + 1) * sizeof(*keys));

	if (!keys)
		return rt_fail(log, ENOMEM, "out of memory");
	for (uint32_t i = 0; i < t->n_to; i++)
		keys[i] = i;
	for (uint32_t done = 0; done < t->n_to;) {
		uint32_t n = (uint32_t)t->n_to - done;

		if (bpf_map_update_batch(fd, keys + done, t->to + (size_t)done * t->bytes, &n, NULL) || !n)
			return rt_fail_sys(log, errno, "the buckets of a limit cannot be copied");
		done += n;
	}
	return 0;
}

int rt_limit_copy(int to_fd, int from_fd, uint64_t seed, const struct xdpf_limit *new, size_t *n, const struct xdpf_log *log)
{
	struct bpf_map_info from = { 0 }, to = { 0 };
	uint32_t len = sizeof(from), len2 = sizeof(to);
	struct tables t = { .seed = seed, .words = new->words };
	_cleanup_free_ unsigned char *room = NULL;
	struct timespec now;
	int err;

	if (bpf_obj_get_info_by_fd(from_fd, &from, &len) || bpf_obj_get_info_by_fd(to_fd, &to, &len2))
		return rt_fail_sys(log, errno, "the buckets of a limit cannot be looked at");
	t.layout = xdpf_limit_layout(t.words);
	t.bytes = to.value_size;
	t.n_to = to.max_entries;
	if (!t.words || from.type != BPF_MAP_TYPE_ARRAY || to.type != from.type || from.value_size != to.value_size || t.bytes != t.layout.bytes)
		return rt_fail(log, EBADMSG, "the buckets of limit %s are not what the metadata says", new->name);
	clock_gettime(CLOCK_MONOTONIC, &now);
	t.now = ((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec) << new->shift;
	t.to = room = calloc(t.n_to, t.bytes);
	if (!room)
		return rt_fail(log, ENOMEM, "out of memory");
	err = read_all(&t, from_fd, &from, log);
	if (!err)
		err = write_all(&t, to_fd, log);
	*n = t.left;
	return err;
}
