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

/* Each once. */
static int tidy(struct keys *k, const struct xdpf_log *log)
{
	_cleanup_(rt_keytab_free) struct rt_keytab tab = { 0 };
	_cleanup_free_ bool *twice = calloc(k->n + 1, sizeof(*twice));
	size_t n = 0;
	int err = twice ? rt_keytab_make(&tab, k->v, k->n, k->size, log) : rt_fail(log, ENOMEM, "out of memory");

	for (size_t i = 0; i < k->n && !err; i++)
		twice[i] = rt_keytab_find(&tab, k->v + i * k->size) != i;
	for (size_t i = 0; i < k->n && !err; i++)
		if (!twice[i])
			memmove(k->v + n++ * k->size, k->v + i * k->size, k->size);
	if (!err)
		k->n = n;
	return err;
}

static void keep(struct keys *k, const unsigned char *key)
{
	memmove(k->v + k->n++ * k->size, key, k->size);
}

/* In a set with prefixes an element knows how many of the key's bits count: see struct xdpf_element. */
static int put_all(int fd, const struct keys *k, const struct xdpf_set *set, const struct xdpf_log *log)
{
	_cleanup_free_ struct xdpf_element *value = calloc(k->n ? k->n : 1, sizeof(*value));
	size_t done = 0;
	int err;

	if (!value)
		return rt_fail(log, ENOMEM, "out of memory");
	for (size_t i = 0; set->prefix && i < k->n; i++) {
		uint32_t bits;

		memcpy(&bits, k->v + i * k->size, sizeof(bits));
		value[i].bits = bits;
	}
	err = rt_batch_put(fd, k->v, value, k->n, k->size, &done);
	if (err == -ENOSPC)
		return rt_fail(log, ENOSPC, "set %s is full: it holds %u elements", set->name, set->size);
	return err ? rt_fail_sys(log, -err, "set %s cannot be filled", set->name) : 0;
}

static int take_all(int fd, const struct keys *k, const struct xdpf_set *set, const struct xdpf_log *log)
{
	size_t gone;
	int err = rt_batch_delete(fd, k->v, k->n, k->size, &gone);

	return err ? rt_fail_sys(log, -err, "set %s cannot be changed", set->name) : 0;
}

/* What differs: of @want, what is not in the set or would expire; of what is in the set, what is not wanted, which is moved to the begin of @have. */
static int compare(struct rt_snapshot *have, const struct keys *want, struct keys *add, struct keys *gone, struct xdpf_set_change *change,
		   const struct xdpf_log *log)
{
	_cleanup_(rt_keytab_free) struct rt_keytab tab = { 0 };
	_cleanup_free_ bool *stays = calloc(want->n + 1, sizeof(*stays));
	uint64_t now = rt_set_now();
	size_t common = 0;
	int err = stays ? rt_keytab_make(&tab, want->v, want->n, want->size, log) : rt_fail(log, ENOMEM, "out of memory");

	if (err)
		return err;
	for (size_t i = 0; i < have->n; i++) {
		const unsigned char *key = have->keys + i * gone->size;
		uint64_t until = have->values[i].until;
		bool live = !until || until > now;
		size_t at = rt_keytab_find(&tab, key);

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
	size_t at, had, kept;		/* at: what is wanted before it is less than what came last */
};

static const unsigned char *want_at(const struct counts *c, size_t at)
{
	return c->want.keys + at * c->s->key_size;
}

/* Most come in their order, so that looking on is enough. */
static void count(void *arg, const void *key, uint64_t left)
{
	struct counts *c = arg;
	int d = 1;

	(void)left;
	c->had++;
	if (c->at && live_cmp(c->s, want_at(c, c->at - 1), key) >= 0) {
		c->kept += rt_list_find(&c->want, c->s, key) != c->want.n;
		return;
	}
	while (c->at < c->want.n && (d = live_cmp(c->s, want_at(c, c->at), key)) < 0)
		c->at++;
	c->kept += c->at < c->want.n && !d;
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
		err = tidy(&want, log);
	if (err || want.n == SIZE_MAX)
		return err ? err : rt_fail(log, ENOMEM, "out of memory");
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
