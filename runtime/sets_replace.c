/*
 * All elements of a live set at once. In: keys in any order. Out: a snapshot of these and no others, which packets find whole.
 */
#include <bpf/bpf.h>
#include <errno.h>

#include "private.h"

/* What was there in all, and of it what is wanted, too. */
struct counts {
	struct live_elements want;
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
		c->kept += live_find(c->s, c->want.keys, c->want.n, key) != c->want.n;
		return;
	}
	while (c->at < c->want.n && (d = live_cmp(c->s, want_at(c, c->at), key)) < 0)
		c->at++;
	c->kept += c->at < c->want.n && !d;
}

int xdpf_set_replace(const struct xdpf_program *p, size_t set, const void *keys, size_t n, uint64_t keep, struct xdpf_set_change *change,
		     const struct xdpf_log *log)
{
	_cleanup_(rt_live_close) struct rt_live l = { 0 };
	_cleanup_free_ unsigned char *wanted = NULL;
	_cleanup_close_ int lock = -1;
	const struct xdpf_set *m;
	struct counts c = { .had = 0 };
	int fd, err = rt_set_open(&fd, p, set, log);

	if (!err)
		err = rt_set_lock(&lock, p, log);
	if (!err)
		err = rt_live_open(&l, p, set, log);
	if (err)
		return err;
	m = &rt_meta_get(p->meta)->sets[set];
	if (keep && !m->expires)
		return rt_fail(log, EINVAL, "the elements of set %s do not expire", m->name);
	wanted = malloc(n * m->key_size + 1);
	if (wanted && n)
		memcpy(wanted, keys, n * m->key_size);
	c.s = &l.snap->set;
	c.want = (struct live_elements){ wanted, NULL, wanted ? live_sort(c.s, wanted, n) : SIZE_MAX };
	if (c.want.n == SIZE_MAX)
		return rt_fail(log, ENOMEM, "out of memory");
	if (c.want.n > m->size)
		return rt_fail(log, ENOSPC, "set %s holds %u elements, and these are %zu: `size` in its declaration says how many", m->name, m->size,
			       c.want.n);
	err = xdpf_set_each(p, set, count, &c, log);
	if (!err)
		err = rt_live_replace(&l, fd, &c.want, keep ? rt_set_now() + keep : 0, log);
	if (!err)
		*change = (struct xdpf_set_change){ c.want.n, c.want.n - c.kept, c.had - c.kept };
	return err;
}

int xdpf_set_flush(const struct xdpf_program *p, size_t set, size_t *n, const struct xdpf_log *log)
{
	struct xdpf_set_change change = { 0, 0, 0 };
	int err = xdpf_set_replace(p, set, NULL, 0, 0, &change, log);

	*n = change.removed;
	return err;
}
