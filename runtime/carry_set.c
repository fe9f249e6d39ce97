/*
 * Elements of a set whose program is replaced. In: the old set, which is in use, and a new one. Out: before the new program runs, what is in the old
 * one; once nobody uses that any more, what came to it and what went since. What finds no room is counted: of those that expire, the ones that do so
 * first. Lists stay lists: what the old set had in its snapshot comes into the new one's.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>

#include "carry.h"

static bool equal(const struct xdpf_element *a, const struct xdpf_element *b)
{
	return a->until == b->until && a->bits == b->bits && a->age == b->age;
}

struct left_out {
	size_t full, expire;
};

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

/* What goes over, as a snapshot of its own: what was in the map, and behind it the list, both in the order that they had. */
static int choose(struct rt_snapshot *to, const struct rt_snapshot *s, const struct xdpf_set *is, struct left_out *left, const struct xdpf_log *log)
{
	_cleanup_free_ size_t *at = malloc((s->n + 1) * sizeof(*at));
	_cleanup_free_ bool *out = calloc(s->n + 1, sizeof(*out));
	uint64_t now = rt_set_now();
	size_t n = 0;

	to->keys = malloc((s->n + 1) * is->key_size);
	to->values = malloc((s->n + 1) * sizeof(*to->values));
	if (!at || !out || !to->keys || !to->values)
		return rt_fail(log, ENOMEM, "out of memory");
	for (size_t i = 0; i < s->n; i++) {
		left->expire += s->values[i].until > now && !is->expires;
		out[i] = s->values[i].until && (s->values[i].until <= now || !is->expires);
		if (!out[i])
			at[n++] = i;
	}
	if (n > is->size) {
		left->full += n - is->size;
		qsort_r(at, n, sizeof(*at), by_stay, (void *)(uintptr_t)s);
		for (size_t i = is->size; i < n; i++)
			out[at[i]] = true;
	}
	for (size_t i = 0; i < s->n; i++) {
		if (i == s->listed)
			to->listed = to->n;
		if (out[i])
			continue;
		memcpy(to->keys + to->n * is->key_size, s->keys + i * is->key_size, is->key_size);
		to->values[to->n++] = s->values[i];
	}
	if (s->listed == s->n)
		to->listed = to->n;
	return 0;
}

/* Those that expire are noted, those first that came first. */
static int note_ages(int queue, const struct rt_snapshot *s, size_t n, const struct xdpf_set *is)
{
	unsigned char entry[XDPF_SET_KEY + 4];
	unsigned at = xdpf_age_at(is->key_size);

	for (size_t i = n; i--;) {
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
	size_t done = 0;
	int err = rt_batch_put(p->set_fd[set], s->keys, s->values, n, rt_meta_get(p->meta)->sets[set].key_size, &done);

	return err ? rt_fail_sys(log, -err, "set %s cannot be copied", name) : 0;
}

/* Those from the @first on in the order of snapshots, and beside them until when each is there. */
static int in_order(struct live_elements *out, unsigned char *keys, uint64_t *until, const struct live_set *ls, const struct rt_snapshot *s,
		    size_t first, const struct xdpf_log *log)
{
	_cleanup_(rt_keytab_free) struct rt_keytab tab = { 0 };
	const unsigned char *from = s->keys + first * ls->key_size;
	size_t n = s->n - first;
	int err;

	memcpy(keys, from, n * ls->key_size);
	*out = (struct live_elements){ keys, until, live_sort(ls, keys, n) };
	if (out->n == SIZE_MAX)
		return rt_fail(log, ENOMEM, "out of memory");
	/* a list is in this order already, unless its elements are laid out in another way now */
	if (out->n == n && !memcmp(keys, from, n * ls->key_size)) {
		for (size_t i = 0; i < n; i++)
			until[i] = s->values[first + i].until;
		return 0;
	}
	err = rt_keytab_make(&tab, from, n, ls->key_size, log);
	for (size_t i = 0; i < out->n && !err; i++)
		until[i] = s->values[first + rt_keytab_find(&tab, keys + i * ls->key_size)].until;
	return err;
}

/* A list may be such that a snapshot has not room for all the times: then those that expire are behind what is in the map. */
static void only_those_that_stay(struct live_elements *e, struct rt_snapshot *s, size_t first, size_t size)
{
	size_t n = 0, stay = first;

	for (size_t i = 0; i < e->n; i++) {
		if (e->until[i])
			continue;
		memmove((unsigned char *)e->keys + n * size, e->keys + i * size, size);
		((uint64_t *)e->until)[n++] = 0;
	}
	e->n = n;
	for (size_t i = first; i < s->n; i++) {
		if (!s->values[i].until)
			continue;
		memmove(s->keys + stay * size, s->keys + i * size, size);
		s->values[stay++] = s->values[i];
	}
	s->listed = stay;
}

/* As a program that is loaded has what its sets begin with: in the snapshot, but for what rules added to a set that they add to. */
static int fill(const struct xdpf_program *p, size_t set, struct rt_snapshot *s, const char *name, const struct xdpf_log *log)
{
	_cleanup_(rt_live_close) struct rt_live l = { 0 };
	_cleanup_free_ unsigned char *keys = NULL;
	_cleanup_free_ uint64_t *until = NULL;
	struct live_elements e;
	int err = rt_live_open(&l, p, set, log);
	size_t first;

	if (err)
		return err;
	first = l.snap->added ? s->listed : 0;
	keys = malloc((s->n - first + 1) * l.snap->set.key_size);
	until = malloc((s->n - first + 1) * sizeof(*until));
	err = keys && until ? in_order(&e, keys, until, &l.snap->set, s, first, log) : rt_fail(log, ENOMEM, "out of memory");
	if (err)
		return err;
	s->listed = first;
	if (!live_fits(&e))
		only_those_that_stay(&e, s, first, l.snap->set.key_size);
	for (size_t i = 0; i < s->listed; i++)
		s->values[i].turn = rt_live_turn(&l) + 1;
	if (e.n)
		err = rt_live_patch(&l, NULL, &e, log);
	return err ? err : fill_map(p, set, s, s->listed, name, log);
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
		err = note_ages(p->age_fd[x->to], &s, s.listed, is);
		if (err)
			return rt_fail_sys(log, -err, "set %s cannot be copied", was->name);
	}
	return err ? err : say_left(c, x, is, left);
}

/* ---- what came since, and what went ---- */

/* Snapshots that are compared. */
struct found {
	const struct rt_snapshot *s;
	struct rt_keytab tab;
	size_t key_size, next;
	bool made;
};

static void free_found(struct found *f)
{
	rt_keytab_free(&f->tab);
}

/* The place of a key, or .n. Most are where the one before was, and one further. */
static int find(size_t *at, struct found *f, const unsigned char *key, const struct xdpf_log *log)
{
	int err = 0;

	*at = f->next;
	if (f->next >= f->s->n || memcmp(f->s->keys + f->next * f->key_size, key, f->key_size)) {
		if (!f->made)
			err = rt_keytab_make(&f->tab, f->s->keys, f->s->n, f->key_size, log);
		f->made = true;
		if (err)
			return err;
		*at = rt_keytab_find(&f->tab, key);
	}
	if (*at < f->s->n)
		f->next = *at + 1;
	return 0;
}

/* What is new or another in @last goes to its begin; what is not there any more, to the begin of @then. */
static int differences(struct rt_snapshot *then, struct rt_snapshot *last, size_t size, const struct xdpf_log *log)
{
	_cleanup_(free_found) struct found f = { .s = then, .key_size = size };
	_cleanup_free_ bool *still = calloc(then->n + 1, sizeof(*still));
	size_t n = 0, at;
	int err = 0;

	if (!still)
		return rt_fail(log, ENOMEM, "out of memory");
	for (size_t i = 0; i < last->n && !err; i++) {
		const unsigned char *key = last->keys + i * size;

		err = find(&at, &f, key, log);
		if (err)
			return err;
		if (at < then->n)
			still[at] = true;
		if (at < then->n && equal(&then->values[at], &last->values[i]))
			continue;
		memmove(last->keys + n * size, key, size);
		last->values[n++] = last->values[i];
	}
	last->n = n;
	n = 0;
	for (size_t i = 0; i < then->n; i++) {
		if (still[i])
			continue;
		memmove(then->keys + n * size, then->keys + i * size, size);
		then->values[n++] = then->values[i];
	}
	then->n = n;
	return 0;
}

/* Is it in the new set, and stays as long? One that is there to stay does. */
static bool stays(const struct xdpf_element *is, const struct xdpf_element *e)
{
	return is->until - 1 >= e->until - 1;
}

/* Each into the new set, which is in use. */
static int put_came(const struct xdpf_program *p, size_t set, const struct rt_snapshot *came, struct found *f, struct left_out *left,
		    const struct xdpf_log *log)
{
	_cleanup_(rt_live_close) struct rt_live l = { 0 };
	const struct xdpf_set *is = &rt_meta_get(p->meta)->sets[set];
	struct rt_place at = { .p = p, .set = is, .fd = p->set_fd[set], .queue = p->age_fd[set] };
	uint64_t now = rt_set_now();
	size_t n = f->s->n;		/* in the set */
	bool swept = false;
	int err = rt_live_open(&l, p, set, log);

	if (!err)
		at.turn = rt_live_turn(&l) + 1;
	for (size_t i = 0; i < came->n && !err; i++) {
		const struct xdpf_element *e = &came->values[i];
		const unsigned char *key = came->keys + i * is->key_size;
		size_t k;

		if (e->until && e->until <= now)
			continue;
		if (e->until && !is->expires) {
			left->expire++;
			continue;
		}
		err = find(&k, f, key, log);
		if (err || (k < f->s->n && stays(&f->s->values[k], e)))
			continue;
		err = k == f->s->n && n >= is->size ? -ENOSPC : rt_place_put_one(&at, key, e, k < f->s->n, &swept, now, log);
		n += !err && k == f->s->n;
		left->full += err == -ENOSPC;
		if (err == -ENOSPC)
			err = 0;
	}
	return err;
}

enum { FEW = 1024 };			/* elements that are looked at once more, just before they go: rules add to the set */

/* Those that went from the old set go from the new one, unless they are others there. */
static int take_went(const struct xdpf_program *p, size_t set, struct rt_snapshot *went, struct found *f, const struct xdpf_log *log)
{
	size_t n = 0, k;

	for (size_t i = 0; i < went->n; i++) {
		const unsigned char *key = went->keys + i * f->key_size;
		int err = find(&k, f, key, log);

		if (err)
			return err;
		if (k == f->s->n || f->s->values[k].until != went->values[i].until)
			continue;
		went->values[n] = went->values[i];
		memmove(went->keys + n++ * f->key_size, key, f->key_size);
	}
	for (size_t i = 0, few = n; few <= FEW && i < few; i++) {
		const unsigned char *key = went->keys + i * f->key_size;

		if (!i)
			n = 0;
		if (rt_set_is(p, set, key, went->values[i].until))
			memmove(went->keys + n++ * f->key_size, key, f->key_size);
	}
	return n ? rt_set_remove_all(p, set, went->keys, n, NULL, log) : 0;
}

/* What came, and what went, in the old set between its copy and its end. */
int rt_set_copy_rest(struct rt_carry *c, struct rt_copy *x, const struct xdpf_program *p, const struct xdpf_log *log)
{
	const struct xdpf_set *is = &rt_meta_get(p->meta)->sets[x->to];
	_cleanup_(rt_snapshot_free) struct rt_snapshot last = { 0 }, has = { 0 };
	_cleanup_(free_found) struct found f = { .s = &has, .key_size = is->key_size };
	struct left_out left = { 0, 0 };
	int err = view(&last, c, x, is, log);

	if (!err)
		err = differences(&x->then, &last, is->key_size, log);
	if (err || (!last.n && !x->then.n))
		return err;
	err = rt_set_view(&has, p, x->to, log);
	if (!err)
		err = put_came(p, x->to, &last, &f, &left, log);
	if (!err)
		err = take_went(p, x->to, &x->then, &f, log);
	return err ? err : say_left(c, x, is, left);
}
