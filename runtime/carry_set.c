/*
 * Elements of a set whose map has another size, or where elements expire now. In: the old set, which is in use, and a new one. Out: before the new
 * program runs, what is in the old one; once nobody uses that any more, what came to it and what went since. What finds no room is counted: of those
 * that expire, the ones that do so first.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>

#include "carry.h"

/* Elements of two snapshots by their keys. */
struct sorted {
	const struct rt_snapshot *s;
	size_t key_size, *at;
};

static int by_key(const void *a, const void *b, void *arg)
{
	const struct sorted *x = arg;

	return memcmp(x->s->keys + *(const size_t *)a * x->key_size, x->s->keys + *(const size_t *)b * x->key_size, x->key_size);
}

static bool sort(struct sorted *x, const struct rt_snapshot *s, size_t key_size)
{
	*x = (struct sorted){ s, key_size, malloc((s->n + 1) * sizeof(size_t)) };
	for (size_t i = 0; x->at && i < s->n; i++)
		x->at[i] = i;
	if (x->at)
		qsort_r(x->at, s->n, sizeof(*x->at), by_key, x);
	return x->at;
}

static void free_sorted(struct sorted *x)
{
	free(x->at);
}

static bool equal(const struct xdpf_element *a, const struct xdpf_element *b)
{
	return a->until == b->until && a->bits == b->bits && a->age == b->age;
}

struct left_out {
	size_t full, expire;
};

/* One element into the new set, which is in use; one that is there to stay, or longer, does so. */
static int put(const struct xdpf_program *p, size_t set, const unsigned char *key, const struct xdpf_element *e, struct left_out *left)
{
	const struct xdpf_set *m = &rt_meta_get(p->meta)->sets[set];
	uint64_t now = rt_set_now();
	int err;

	if (e->until && e->until <= now)
		return 0;
	if (e->until && !m->expires) {
		left->expire++;
		return 0;
	}
	if (rt_set_stays(p, set, key, e->until))
		return 0;
	err = rt_set_put(p, set, key, e->until ? e->until - now : 0, now, NULL);
	left->full += err == -ENOSPC;
	return err == -ENOSPC ? 0 : err;
}

static int say_left(struct rt_carry *c, const struct rt_copy *x, const struct xdpf_set *is, struct left_out left)
{
	const struct xdpf_set *was = &rt_meta_get(c->old->meta)->sets[x->from];
	int err = 0;

	if (left.full)
		err = rt_carry_lose(c, "set", was->file, was->name, "%zu elements find no room: it holds %u now", left.full, is->size);
	if (!err && left.expire)
		err = rt_carry_lose(c, "set", was->file, was->name, "%zu elements would have expired, and its elements do so no more", left.expire);
	return err;
}

/* The order in which all of them may not find room: what stays, then what stays longest. */
static int by_stay(const void *a, const void *b, void *arg)
{
	const struct rt_snapshot *s = arg;
	uint64_t x = s->values[*(const size_t *)a].until - 1, y = s->values[*(const size_t *)b].until - 1;

	return x != y ? (x < y ? 1 : -1) : 0;
}

/* What goes over, as a snapshot of its own. */
static int choose(struct rt_snapshot *to, const struct rt_snapshot *s, const struct xdpf_set *is, struct left_out *left, const struct xdpf_log *log)
{
	_cleanup_free_ size_t *at = malloc((s->n + 1) * sizeof(*at));
	uint64_t now = rt_set_now();
	size_t n = 0;

	to->keys = malloc((s->n + 1) * is->key_size);
	to->values = malloc((s->n + 1) * sizeof(*to->values));
	if (!at || !to->keys || !to->values)
		return rt_fail(log, ENOMEM, "out of memory");
	for (size_t i = 0; i < s->n; i++) {
		left->expire += s->values[i].until > now && !is->expires;
		if (!s->values[i].until || (s->values[i].until > now && is->expires))
			at[n++] = i;
	}
	qsort_r(at, n, sizeof(*at), by_stay, (void *)(uintptr_t)s);
	to->n = n < is->size ? n : is->size;
	left->full += n - to->n;
	for (size_t i = 0; i < to->n; i++) {
		memcpy(to->keys + i * is->key_size, s->keys + at[i] * is->key_size, is->key_size);
		to->values[i] = s->values[at[i]];
	}
	return 0;
}

/* Those that expire are noted, those first that came first. */
static int note_ages(int queue, const struct rt_snapshot *s, const struct xdpf_set *is)
{
	unsigned char entry[XDPF_SET_KEY + 4];
	unsigned at = xdpf_age_at(is->key_size);

	for (size_t i = s->n; i--;) {
		if (!s->values[i].until)
			continue;
		memset(entry, 0, sizeof(entry));
		memcpy(entry, s->keys + i * is->key_size, is->key_size);
		memcpy(entry + at, &s->values[i].age, sizeof(s->values[i].age));
		if (bpf_map_update_elem(queue, NULL, entry, BPF_ANY))
			return -errno;
	}
	return 0;
}

/* Into the kernel's map, which nobody uses yet. */
static int fill_map(const struct xdpf_program *p, size_t set, const struct rt_snapshot *s, size_t n, const char *name, const struct xdpf_log *log)
{
	const struct xdpf_set *is = &rt_meta_get(p->meta)->sets[set];

	for (size_t done = 0; done < n;) {
		LIBBPF_OPTS(bpf_map_batch_opts, opts);
		uint32_t count = (uint32_t)(n - done);

		if (bpf_map_update_batch(p->set_fd[set], s->keys + done * is->key_size, s->values + done, &count, &opts) || !count)
			return rt_fail_sys(log, errno, "set %s cannot be copied", name);
		done += count;
	}
	return 0;
}

/* The first @n, into the set's snapshot. */
static int fill_snapshot(const struct rt_live *l, const struct rt_snapshot *s, size_t n, const struct xdpf_log *log)
{
	size_t size = l->snap->set.key_size;
	_cleanup_(rt_keytab_free) struct rt_keytab tab = { 0 };
	_cleanup_free_ unsigned char *keys = malloc(n * size + 1);
	_cleanup_free_ uint64_t *until = malloc((n + 1) * sizeof(*until));
	struct live_elements e = { keys, until, 0 };
	int err = keys && until ? rt_keytab_make(&tab, s->keys, n, size, log) : rt_fail(log, ENOMEM, "out of memory");

	if (err)
		return err;
	memcpy(keys, s->keys, n * size);
	e.n = live_sort(&l->snap->set, keys, n);
	if (e.n == SIZE_MAX)
		return rt_fail(log, ENOMEM, "out of memory");
	for (size_t i = 0; i < e.n; i++)
		until[i] = s->values[rt_keytab_find(&tab, keys + i * size)].until;
	return rt_live_patch(l, NULL, &e, log);
}

/* How many of them, which are as choose() makes them, a snapshot takes: all, or those that stay. */
static size_t for_snapshot(const struct rt_snapshot *s)
{
	uint64_t last = 0;
	size_t stay = 0;
	unsigned times = 0;

	for (size_t i = 0; i < s->n && times <= LIVE_TIMES; i++) {
		times += s->values[i].until != last;
		last = s->values[i].until;
		stay += !last;
	}
	return times <= LIVE_TIMES ? s->n : stay;
}

/* As a program that is loaded has what its sets begin with: in the snapshot, unless rules add to the set. */
static int fill(const struct xdpf_program *p, size_t set, struct rt_snapshot *s, const char *name, const struct xdpf_log *log)
{
	_cleanup_(rt_live_close) struct rt_live l = { 0 };
	struct rt_snapshot rest = *s;
	int err = rt_live_open(&l, p, set, log);
	size_t n;

	if (err)
		return err;
	for (size_t i = 0; i < s->n; i++)
		s->values[i].turn = rt_live_turn(&l) + 1;
	n = l.snap->added ? 0 : for_snapshot(s);
	if (n)
		err = fill_snapshot(&l, s, n, log);
	rest.keys += n * l.snap->set.key_size;
	rest.values += n;
	return err ? err : fill_map(p, set, &rest, s->n - n, name, log);
}

/* Elements as the new set has them: with, in a trie, how many of their bits count, which are all, or without. */
static int lay_out(struct rt_snapshot *s, const struct xdpf_set *was, const struct xdpf_set *is, const struct xdpf_log *log)
{
	uint32_t bits = is->prefix ? 8 * (is->key_size - (uint32_t)sizeof(bits)) : 0;
	unsigned char *keys;

	if (was->prefix == is->prefix)
		return 0;
	keys = calloc(s->n + 1, is->key_size);
	if (!keys)
		return rt_fail(log, ENOMEM, "out of memory");
	for (size_t i = 0; i < s->n; i++) {
		unsigned char *to = keys + i * is->key_size;

		if (is->prefix)
			memcpy(to, &bits, sizeof(bits));
		for (size_t k = 0; k < is->n_key; k++)
			memcpy(to + is->key[k].offset, s->keys + i * was->key_size + was->key[k].offset, is->key[k].size);
		s->values[i].bits = bits;
	}
	free(s->keys);
	s->keys = keys;
	return 0;
}

static int view(struct rt_snapshot *s, const struct rt_carry *c, const struct rt_copy *x, const struct xdpf_set *is, const struct xdpf_log *log)
{
	int err = rt_set_view(s, c->old, x->from, log);

	return err ? err : lay_out(s, &rt_meta_get(c->old->meta)->sets[x->from], is, log);
}

/* The new set is empty, and nobody uses it yet. */
int rt_set_copy(struct rt_carry *c, struct rt_copy *x, const struct xdpf_program *p, const struct xdpf_log *log)
{
	const struct xdpf_set *was = &rt_meta_get(c->old->meta)->sets[x->from], *is = &rt_meta_get(p->meta)->sets[x->to];
	_cleanup_(rt_snapshot_free) struct rt_snapshot s = { 0 };
	struct left_out left = { 0, 0 };
	int err = view(&x->then, c, x, is, log);

	if (!err)
		err = choose(&s, &x->then, is, &left, log);
	if (!err)
		err = fill(p, x->to, &s, was->name, log);
	if (!err && is->expires && p->age_fd[x->to] >= 0) {
		err = note_ages(p->age_fd[x->to], &s, is);
		if (err)
			return rt_fail_sys(log, -err, "set %s cannot be copied", was->name);
	}
	return err ? err : say_left(c, x, is, left);
}

/* One that went from the old set goes from the new one, unless it is another there. */
static void take(const struct xdpf_program *p, size_t set, const unsigned char *key, const struct xdpf_element *then)
{
	if (rt_set_is(p, set, key, then->until))
		rt_set_remove(p, set, key, NULL);
}

/* What came, and what went, in the old set between its copy and its end. */
int rt_set_copy_rest(struct rt_carry *c, struct rt_copy *x, const struct xdpf_program *p, const struct xdpf_log *log)
{
	const struct xdpf_set *was = &rt_meta_get(c->old->meta)->sets[x->from], *is = &rt_meta_get(p->meta)->sets[x->to];
	_cleanup_(rt_snapshot_free) struct rt_snapshot last = { 0 };
	_cleanup_(free_sorted) struct sorted then = { 0 }, now = { 0 };
	struct left_out left = { 0, 0 };
	size_t size = is->key_size, i = 0, k = 0;
	int err = view(&last, c, x, is, log);

	if (err)
		return err;
	if (!sort(&then, &x->then, size) || !sort(&now, &last, size))
		return rt_fail(log, ENOMEM, "out of memory");
	while ((i < x->then.n || k < last.n) && !err) {
		const unsigned char *a = i < x->then.n ? x->then.keys + then.at[i] * size : NULL;
		const unsigned char *b = k < last.n ? last.keys + now.at[k] * size : NULL;
		int order = !a ? 1 : !b ? -1 : memcmp(a, b, size);

		if (order > 0 || (!order && !equal(&x->then.values[then.at[i]], &last.values[now.at[k]])))
			err = put(p, x->to, b, &last.values[now.at[k]], &left);
		else if (order < 0)
			take(p, x->to, a, &x->then.values[then.at[i]]);
		i += order <= 0;
		k += order >= 0;
	}
	if (err)
		return rt_fail_sys(log, -err, "set %s cannot be copied", was->name);
	return say_left(c, x, is, left);
}
