/*
 * All elements of a live set at once. In: keys in any order. Out: a set that holds these and no others. Only what differs is written: what is in both
 * is never out of the set, and what a set of a million has in common with the one before costs no more than to be read.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "private.h"

struct keys {
	unsigned char *v;
	size_t n, size;			/* of a key: in bytes */
};

static int by_bytes(const void *a, const void *b, void *size)
{
	return memcmp(a, b, *(const size_t *)size);
}

/* Sorted, each once. */
static void tidy(struct keys *k)
{
	size_t n = 0;

	for (size_t i = 1; i < k->n; i++)
		if (memcmp(k->v + (i - 1) * k->size, k->v + i * k->size, k->size) > 0) {
			qsort_r(k->v, k->n, k->size, by_bytes, &k->size);
			break;
		}
	for (size_t i = 0; i < k->n; i++) {
		if (n && !memcmp(k->v + (n - 1) * k->size, k->v + i * k->size, k->size))
			continue;
		memmove(k->v + n++ * k->size, k->v + i * k->size, k->size);
	}
	k->n = n;
}

/* Its place among sorted ones; .n: it is none of them. */
static size_t find(const struct keys *k, const void *key)
{
	size_t lo = 0, hi = k->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = memcmp(k->v + mid * k->size, key, k->size);

		if (!c)
			return mid;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return k->n;
}

static void keep(struct keys *k, const unsigned char *key)
{
	memmove(k->v + k->n++ * k->size, key, k->size);
}

/* In a set with prefixes an element knows how many of the key's bits count: see struct xdpf_element. */
static int put_all(int fd, const struct keys *k, const struct xdpf_set *set, const struct xdpf_log *log)
{
	struct xdpf_element *value = calloc(k->n ? k->n : 1, sizeof(*value));
	_cleanup_free_ void *values = value;

	if (!value)
		return rt_fail(log, ENOMEM, "out of memory");
	for (size_t i = 0; set->prefix && i < k->n; i++)
		memcpy(&value[i].bits, k->v + i * k->size, sizeof(value[i].bits));
	for (size_t done = 0; done < k->n;) {
		LIBBPF_OPTS(bpf_map_batch_opts, opts);
		uint32_t n = (uint32_t)(k->n - done);
		int err = bpf_map_update_batch(fd, k->v + done * k->size, value + done, &n, &opts) ? errno : 0;

		if (err == E2BIG || err == ENOSPC)
			return rt_fail(log, ENOSPC, "set %s is full: it holds %u elements", set->name, set->size);
		if (err || !n)
			return rt_fail_sys(log, err, "set %s cannot be filled", set->name);
		done += n;
	}
	return 0;
}

static int take_all(int fd, const struct keys *k, const struct xdpf_set *set, const struct xdpf_log *log)
{
	for (size_t done = 0; done < k->n;) {
		LIBBPF_OPTS(bpf_map_batch_opts, opts);
		uint32_t n = (uint32_t)(k->n - done);
		int err = bpf_map_delete_batch(fd, k->v + done * k->size, &n, &opts) ? errno : 0;

		/* one that has gone meanwhile is what it stopped at */
		if (err && err != ENOENT)
			return rt_fail_sys(log, err, "set %s cannot be changed", set->name);
		done += n + (err == ENOENT);
	}
	return 0;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* What differs: of @want, what is not in the set or would expire; of what is in the set, what is not wanted, which is moved to the begin of @have. */
static int compare(struct rt_snapshot *have, const struct keys *want, struct keys *add, struct keys *gone, struct xdpf_set_change *change,
		   const struct xdpf_log *log)
{
	bool *stays = calloc(want->n + 1, sizeof(*stays));
	_cleanup_free_ void *room = stays;
	uint64_t now = now_ns();
	size_t common = 0;

	if (!stays)
		return rt_fail(log, ENOMEM, "out of memory");
	for (size_t i = 0; i < have->n; i++) {
		const unsigned char *key = have->keys + i * gone->size;
		uint64_t until = have->values[i].until;
		bool live = !until || until > now;
		size_t at = find(want, key);

		if (at == want->n) {
			change->removed += live;
			keep(gone, key);
		} else {
			common += live;
			stays[at] = !until;
		}
	}
	for (size_t i = 0; i < want->n; i++)
		if (!stays[i])
			keep(add, want->v + i * want->size);
	change->elements = want->n;
	change->added = want->n - common;
	return 0;
}

int xdpf_set_replace(const struct xdpf_program *p, size_t set, const void *keys, size_t n, struct xdpf_set_change *change, const struct xdpf_log *log)
{
	_cleanup_(rt_snapshot_free) struct rt_snapshot have = { 0 };
	struct keys want = { .n = n }, add = { 0 }, gone = { 0 };
	_cleanup_free_ void *wanted = NULL, *added = NULL;
	struct xdpf_set_change out = { 0, 0, 0 };
	const struct xdpf_set *m;
	int fd, err = rt_set_open(&fd, p, set, log);
	bool tight;

	if (err)
		return err;
	m = &rt_meta_get(p->meta)->sets[set];
	want.size = add.size = gone.size = m->key_size;
	wanted = want.v = malloc(n * want.size + 1);
	added = add.v = malloc(n * want.size + 1);
	if (!want.v || !add.v)
		return rt_fail(log, ENOMEM, "out of memory");
	if (n)
		memcpy(want.v, keys, n * want.size);
	tidy(&want);
	if (want.n > m->size)
		return rt_fail(log, ENOSPC, "set %s holds %u elements, and these are %zu: `size` in its declaration says how many", m->name, m->size,
			       want.n);
	err = rt_snapshot_read(&have, fd, m, log);
	gone.v = have.keys;
	if (!err)
		err = compare(&have, &want, &add, &gone, &out, log);
	/* first what is new, or there would be a moment with neither; but for that there may be no room */
	tight = have.n + add.n > m->size;
	if (!err && tight)
		err = take_all(fd, &gone, m, log);
	if (!err)
		err = put_all(fd, &add, m, log);
	if (!err && !tight)
		err = take_all(fd, &gone, m, log);
	if (!err)
		*change = out;
	return err;
}
