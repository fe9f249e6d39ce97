/*
 * Changes to sets that live, one element or many. In: elements as bytes, times. Out: the kernel's map of the set with or without them; where they are
 * many, or stand in the set's snapshot, a snapshot with or without them. A change is done under a lock, so that none is lost to another.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>

#include "private.h"

enum { MANY = 256 };			/* elements that are worth a new snapshot */

int rt_set_lock(int *out_fd, const struct xdpf_program *p, const struct xdpf_log *log)
{
	int err;

	/* of a program that is only run for tests nobody else knows */
	if (p->test)
		return 0;
	err = rt_bpffs_lock(out_fd, log);
	/* who waited for the lock may have waited for a filter that takes this one's place, and its elements with it */
	return err ? err : rt_program_replaced(p) ? -ESTALE : 0;
}

/* What an element's .turn is. */
static uint32_t turn_of(const struct rt_live *l)
{
	return rt_live_turn(l) + 1;
}

/* How many elements are in the set beside these: the map, as @s has it, has room for as many as the set, and knows nothing of the snapshot. */
static size_t count_beside(const struct rt_place *at, const struct rt_snapshot *s, const struct live_set *ls, const struct live_elements *e,
			   uint64_t now)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += rt_element_is_live(&s->values[i], at->turn, now) && live_find(ls, e->keys, e->n, s->keys + i * at->set->key_size) == e->n;
	return n;
}

/* Takes many out of the map, of what @s has of it, which is not asked any more then; those that were in the set are marked. */
static int take_many(const struct rt_place *at, struct rt_snapshot *s, const unsigned char *keys, size_t n, bool *was, uint64_t now,
		     const struct xdpf_log *log)
{
	_cleanup_(rt_keytab_free) struct rt_keytab tab = { 0 };
	size_t size = at->set->key_size, m = 0, gone;
	int err = s->n ? rt_keytab_make(&tab, keys, n, size, log) : 0;

	if (err || !s->n)
		return err;
	for (size_t i = 0; i < s->n; i++) {
		size_t k = rt_keytab_find(&tab, s->keys + i * size);

		if (k == n)
			continue;
		was[k] |= rt_element_is_live(&s->values[i], at->turn, now);
		memmove(s->keys + m++ * size, s->keys + i * size, size);
	}
	err = rt_batch_delete(at->fd, s->keys, m, size, &gone);
	return err ? rt_fail_sys(log, -err, "set %s cannot be changed", at->set->name) : 0;
}

/* What is in the list, and what is given until @until: what is in both goes no earlier. NULL: memory is out. */
static uint64_t *join(unsigned char *all, size_t *n, const struct rt_list *list, const unsigned char *keys, size_t n_keys, uint64_t until, bool *news)
{
	uint64_t *time = malloc((list->n + n_keys + 1) * sizeof(*time));
	size_t size = list->s->key_size, i = 0, k = 0;

	*n = 0;
	*news = false;
	while (time && (i < list->n || k < n_keys)) {
		const unsigned char *a = list->keys + i * size, *b = keys + k * size;
		int order = i == list->n ? 1 : k == n_keys ? -1 : live_cmp(list->s, a, b);
		uint64_t was = order <= 0 ? rt_list_until(list, i) : 0, is = order < 0 ? 0 : until ? until : UINT64_MAX, most = was > is ? was : is;

		i += order <= 0;
		k += order >= 0;
		if (!most)
			continue;
		*news |= most != was;
		memcpy(all + *n * size, order <= 0 ? a : b, size);
		time[(*n)++] = most == UINT64_MAX ? 0 : most;
	}
	return time;
}

/* A snapshot with these elements, too, until @until. -E2BIG, without a message: its elements would expire at too many times. */
static int merge(const struct rt_place *at, const struct rt_live *l, struct rt_list *list, const void *keys, size_t n, uint64_t until, uint64_t now,
		 const struct xdpf_log *log)
{
	const struct xdpf_set *set = at->set;
	size_t size = set->key_size, given = n;
	_cleanup_(rt_snapshot_free) struct rt_snapshot beside = { 0 };
	_cleanup_free_ unsigned char *sorted = malloc(n * size + 1), *all = malloc((list->n + n) * size + 1);
	_cleanup_free_ uint64_t *time = NULL;
	_cleanup_free_ bool *was = calloc(n + 1, sizeof(*was));
	struct live_elements e = { .keys = all };
	int err = rt_list_load(list, log);
	bool news;

	if (err)
		return err;
	if (sorted && n)
		memcpy(sorted, keys, n * size);
	n = sorted && all ? live_sort(&l->snap->set, sorted, n) : SIZE_MAX;
	time = n == SIZE_MAX || !was ? NULL : join(all, &e.n, list, sorted, n, until, &news);
	if (!time)
		return rt_fail(log, ENOMEM, "out of memory");
	e.until = time;
	if (!live_fits(&e))
		return -E2BIG;
	err = rt_snapshot_read(&beside, at->fd, set, log);
	if (!err && count_beside(at, &beside, &l->snap->set, &e, now) + e.n > set->size)
		err = rt_place_full(set, given, log);
	if (!err && news)
		err = rt_live_patch(l, list, &e, log);
	/* there they may have another time */
	return err || !until ? err : take_many(at, &beside, sorted, n, was, now, log);
}

int rt_set_put_all(const struct xdpf_program *p, size_t set, const void *keys, size_t n, uint64_t keep, uint64_t now, const struct xdpf_log *log)
{
	_cleanup_(rt_live_close) struct rt_live l = { 0 };
	_cleanup_(rt_list_close) struct rt_list list = { 0 };
	struct rt_place at = { .p = p };
	int err = rt_set_open(&at.fd, p, set, log);

	if (err)
		return err;
	at.set = &rt_meta_get(p->meta)->sets[set];
	at.queue = p->age_fd[set];
	if (keep && !at.set->expires)
		return rt_fail(log, EINVAL, "the elements of set %s do not expire", at.set->name);
	err = rt_set_snapshot(&l, &list, p, set, log);
	if (err)
		return err;
	at.turn = turn_of(&l);
	list.now = now;
	if (n >= MANY) {
		err = merge(&at, &l, &list, keys, n, keep ? now + keep : 0, now, log);
		if (err != -E2BIG)
			return err;
	}
	err = rt_place_room(&at, &list, keys, n, now, log);
	return err ? err : rt_place_put(&at, &list, keys, n, keep, now, log);
}

int rt_set_put(const struct xdpf_program *p, size_t set, const void *key, uint64_t keep, uint64_t now, const struct xdpf_log *log)
{
	return rt_set_put_all(p, set, key, 1, keep, now, log);
}

int xdpf_set_add_all(const struct xdpf_program *p, size_t set, const void *keys, size_t n, uint64_t keep, const struct xdpf_log *log)
{
	_cleanup_close_ int lock = -1;
	int err = rt_set_lock(&lock, p, log);

	return err ? err : rt_set_put_all(p, set, keys, n, keep, rt_set_now(), log);
}

int xdpf_set_add(const struct xdpf_program *p, size_t set, const void *key, uint64_t keep, const struct xdpf_log *log)
{
	return xdpf_set_add_all(p, set, key, 1, keep, log);
}

/* Until when this very element is in the set, by its snapshot and by its map, as live_until() says it. */
static void look_up(const struct xdpf_program *p, size_t set, const void *key, uint64_t until[2])
{
	_cleanup_(rt_live_close) struct rt_live l = { 0 };
	_cleanup_(rt_list_close) struct rt_list list = { 0 };
	struct xdpf_element e;
	size_t i;

	until[0] = until[1] = 0;
	if (set >= rt_meta_get(p->meta)->n_sets || p->set_fd[set] < 0 || rt_set_snapshot(&l, &list, p, set, NULL))
		return;
	i = rt_list_find(&list, key);
	if (i < list.n)
		until[0] = rt_list_until(&list, i);
	if (rt_place_has(p->set_fd[set], &rt_meta_get(p->meta)->sets[set], key, turn_of(&l), &e))
		until[1] = e.until ? e.until : UINT64_MAX;
}

bool rt_set_stays(const struct xdpf_program *p, size_t set, const void *key, uint64_t until)
{
	uint64_t is[2], least = until ? until : UINT64_MAX;

	look_up(p, set, key, is);
	return is[0] >= least || is[1] >= least;
}

bool rt_set_is(const struct xdpf_program *p, size_t set, const void *key, uint64_t until)
{
	uint64_t is[2], want = until ? until : UINT64_MAX;

	look_up(p, set, key, is);
	return is[0] == want || is[1] == want;
}

/* A snapshot without those that @gone says. */
static int leave_out(const struct rt_live *l, struct rt_list *list, const bool *gone, const struct xdpf_log *log)
{
	size_t size = l->snap->set.key_size;
	_cleanup_free_ unsigned char *rest = malloc(list->n * size + 1);
	_cleanup_free_ uint64_t *until = malloc((list->n + 1) * sizeof(*until));
	struct live_elements e = { rest, until, 0 };
	int err = rt_list_load(list, log);

	if (err)
		return err;
	if (!rest || !until)
		return rt_fail(log, ENOMEM, "out of memory");
	for (size_t i = 0; i < list->n; i++) {
		if (gone[i] || !rt_list_until(list, i))
			continue;
		memcpy(rest + e.n * size, list->keys + i * size, size);
		until[e.n++] = rt_list_time(list, i);
	}
	return rt_live_patch(l, list, &e, log);
}

/* Takes them out of the map, one after the other; those that were in the set are marked. */
static int take_each(const struct rt_place *at, const unsigned char *keys, size_t n, bool *was, uint64_t now, const struct xdpf_log *log)
{
	for (size_t i = 0; i < n; i++) {
		const void *key = keys + i * at->set->key_size;
		struct xdpf_element e;

		was[i] |= rt_place_has(at->fd, at->set, key, at->turn, &e) && (!e.until || e.until > now);
		if (bpf_map_delete_elem(at->fd, key) && errno != ENOENT)
			return rt_fail_sys(log, errno, "set %s cannot be changed", at->set->name);
	}
	return 0;
}

/* Takes them out of the snapshot; those that were in it are marked. One with states can lose a few without another being made. */
static int take_listed(const struct rt_live *l, struct rt_list *list, const unsigned char *keys, size_t n, bool *was, const struct xdpf_log *log)
{
	bool few = list->table && n < MANY;
	_cleanup_free_ bool *gone = few ? NULL : calloc(list->n + 1, sizeof(*gone));
	size_t n_gone = 0;

	if (!few && !gone)
		return rt_fail(log, ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		size_t at = rt_list_find(list, keys + i * list->s->key_size);

		if (at == list->n || (gone && gone[at]))
			continue;
		was[i] = true;
		if (few) {
			rt_list_take(list, at);
			continue;
		}
		n_gone++;
		gone[at] = true;
	}
	return n_gone ? leave_out(l, list, gone, log) : 0;
}

int rt_set_remove_all(const struct xdpf_program *p, size_t set, const void *keys, size_t n, bool *was, const struct xdpf_log *log)
{
	_cleanup_(rt_live_close) struct rt_live l = { 0 };
	_cleanup_(rt_list_close) struct rt_list list = { 0 };
	_cleanup_(rt_snapshot_free) struct rt_snapshot s = { 0 };
	_cleanup_free_ bool *known = calloc(n + 1, sizeof(*known));
	struct rt_place at = { .p = p };
	uint64_t now = rt_set_now();
	int err = rt_set_open(&at.fd, p, set, log);

	if (!err)
		err = rt_set_snapshot(&l, &list, p, set, log);
	if (err)
		return err;
	if (!known)
		return rt_fail(log, ENOMEM, "out of memory");
	at.set = &rt_meta_get(p->meta)->sets[set];
	at.turn = turn_of(&l);
	if (!rt_place_many(at.set, n))
		err = take_each(&at, keys, n, known, now, log);
	else if (!(err = rt_snapshot_read(&s, at.fd, at.set, log)))
		err = take_many(&at, &s, keys, n, known, now, log);
	if (!err)
		err = take_listed(&l, &list, keys, n, known, log);
	if (!err && was)
		memcpy(was, known, n * sizeof(*was));
	return err;
}

int xdpf_set_remove_all(const struct xdpf_program *p, size_t set, const void *keys, size_t n, bool *was, const struct xdpf_log *log)
{
	_cleanup_close_ int lock = -1;
	int err = rt_set_lock(&lock, p, log);

	return err ? err : rt_set_remove_all(p, set, keys, n, was, log);
}

int xdpf_set_remove(const struct xdpf_program *p, size_t set, const void *key, const struct xdpf_log *log)
{
	bool was = false;
	int err = xdpf_set_remove_all(p, set, key, 1, &was, log);

	return err ? err : was ? 0 : -ENOENT;
}
