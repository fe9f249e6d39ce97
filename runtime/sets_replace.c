/*
 * All elements of a live set at once. In: keys in any order. Out: a set that holds these and no others. Of a set that has snapshots they become one,
 * which packets find whole. Of another only what differs is written: what is in both is never out of the set.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

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

/* What differs: of @want, what is not in the set or would expire; of what is in the set, what is not wanted, which is moved to the begin of @have. */
static int compare(struct rt_snapshot *have, const struct keys *want, struct keys *add, struct keys *gone, struct xdpf_set_change *change,
		   const struct xdpf_log *log)
{
	bool *stays = calloc(want->n + 1, sizeof(*stays));
	_cleanup_free_ void *room = stays;
	uint64_t now = rt_set_now();
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

/* Of a set that has no snapshots: one after the other. */
static int by_differences(const struct xdpf_program *p, size_t set, int fd, struct keys *want, uint64_t keep, struct xdpf_set_change *out,
			  const struct xdpf_log *log)
{
	_cleanup_(rt_snapshot_free) struct rt_snapshot have = { 0 };
	struct keys add = { .size = want->size }, gone = { .size = want->size };
	_cleanup_free_ void *added = malloc(want->n * want->size + 1);
	const struct xdpf_set *m = &rt_meta_get(p->meta)->sets[set];
	bool tight;
	int err;

	add.v = added;
	if (!added)
		return rt_fail(log, ENOMEM, "out of memory");
	err = rt_snapshot_read(&have, fd, m, log);
	gone.v = have.keys;
	if (!err)
		err = compare(&have, want, &add, &gone, out, log);
	/* first what is new, or there would be a moment with neither; but for that there may be no room */
	tight = have.n + add.n > m->size;
	if (!err && tight)
		err = take_all(fd, &gone, m, log);
	/* those that are there get the new time, too */
	if (!err)
		err = keep ? rt_set_put_all(p, set, want->v, want->n, keep, rt_set_now(), log) : put_all(fd, &add, m, log);
	if (!err && !tight)
		err = take_all(fd, &gone, m, log);
	return err;
}

/* What was there in all, and of it what is wanted, too. */
struct counts {
	struct rt_list want;
	const struct live_set *s;
	size_t had, kept;
};

static void count(void *arg, const void *key, uint64_t left)
{
	struct counts *c = arg;

	(void)left;
	c->had++;
	c->kept += rt_list_find(&c->want, c->s, key) != c->want.n;
}

static int by_snapshot(const struct xdpf_program *p, size_t set, int fd, struct keys *want, uint64_t keep, struct xdpf_set_change *out,
		       const struct xdpf_log *log)
{
	_cleanup_(rt_live_close) struct rt_live l = { 0 };
	struct counts c = { .had = 0 };
	int err = rt_live_open(&l, p, set, log);

	if (err)
		return err;
	c.s = &l.snap->set;
	c.want = (struct rt_list){ .keys = want->v, .n = want->n };
	err = xdpf_set_each(p, set, count, &c, log);
	if (!err)
		err = rt_live_replace(&l, fd, want->v, want->n, keep ? rt_set_now() + keep : 0, log);
	*out = (struct xdpf_set_change){ want->n, want->n - c.kept, c.had - c.kept };
	return err;
}

int xdpf_set_replace(const struct xdpf_program *p, size_t set, const void *keys, size_t n, uint64_t keep, struct xdpf_set_change *change,
		     const struct xdpf_log *log)
{
	struct xdpf_set_change out = { 0, 0, 0 };
	_cleanup_free_ void *wanted = NULL;
	_cleanup_close_ int lock = -1;
	const struct rt_snap *snap;
	struct keys want = { .n = n };
	const struct xdpf_set *m;
	int fd, err = rt_set_open(&fd, p, set, log);

	if (!err)
		err = rt_set_lock(&lock, p, log);
	if (err)
		return err;
	m = &rt_meta_get(p->meta)->sets[set];
	snap = rt_meta_snap(p->meta, set);
	if (keep && !m->expires)
		return rt_fail(log, EINVAL, "the elements of set %s do not expire", m->name);
	want.size = m->key_size;
	wanted = want.v = malloc(n * want.size + 1);
	if (!want.v)
		return rt_fail(log, ENOMEM, "out of memory");
	if (n)
		memcpy(want.v, keys, n * want.size);
	if (snap->set.form != LIVE_NONE)
		want.n = live_sort(&snap->set, want.v, n);
	else
		tidy(&want);
	if (want.n == SIZE_MAX)
		return rt_fail(log, ENOMEM, "out of memory");
	if (want.n > m->size)
		return rt_fail(log, ENOSPC, "set %s holds %u elements, and these are %zu: `size` in its declaration says how many", m->name, m->size,
			       want.n);
	err = snap->set.form != LIVE_NONE ? by_snapshot(p, set, fd, &want, keep, &out, log) : by_differences(p, set, fd, &want, keep, &out, log);
	if (!err)
		*change = out;
	return err;
}

int xdpf_set_flush(const struct xdpf_program *p, size_t set, size_t *n, const struct xdpf_log *log)
{
	struct xdpf_set_change change;
	_cleanup_close_ int lock = -1;
	int fd, err = rt_set_open(&fd, p, set, log);

	if (err)
		return err;
	if (rt_meta_snap(p->meta, set)->set.form != LIVE_NONE) {
		err = xdpf_set_replace(p, set, NULL, 0, 0, &change, log);
		*n = err ? 0 : change.removed;
		return err;
	}
	err = rt_set_lock(&lock, p, log);
	return err ? err : rt_set_sweep(fd, &rt_meta_get(p->meta)->sets[set], n, true, rt_set_now(), log);
}
