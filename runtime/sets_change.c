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
	/* of a program that is only run for tests nobody else knows */
	return p->test ? 0 : rt_bpffs_lock(out_fd, log);
}

int rt_set_sweep(int fd, const struct xdpf_set *set, size_t *gone, bool all, uint64_t now, const struct xdpf_log *log)
{
	_cleanup_(rt_snapshot_free) struct rt_snapshot s = { 0 };
	int err = rt_snapshot_read(&s, fd, set, log);

	*gone = 0;
	for (size_t i = 0; !err && i < s.n; i++) {
		uint64_t until = s.values[i].until;
		bool live = !until || until > now;

		if ((all || !live) && !bpf_map_delete_elem(fd, s.keys + i * set->key_size))
			*gone += live || !all;
	}
	return err;
}

/* ---- one element of the kernel's map ---- */

/* What an element's .turn is; 0: the set has no snapshots. */
static uint32_t turn_of(const struct rt_live *l)
{
	return l->turns ? rt_live_turn(l) + 1 : 0;
}

/* The element itself, no shorter prefix, and none of another turn. */
static bool is_there(int fd, const struct xdpf_set *set, const void *key, uint32_t turn, struct xdpf_element *out)
{
	uint32_t bits;

	if (bpf_map_lookup_elem(fd, key, out) || (turn && out->turn && out->turn != turn))
		return false;
	memcpy(&bits, key, sizeof(bits));
	return !set->prefix || out->bits == bits;
}

/* Notes that the element may expire. A queue that is full has old ones that are gone. */
static int note_age(int queue, int fd, const struct xdpf_set *set, const void *key, uint32_t age, uint64_t now)
{
	unsigned char entry[XDPF_SET_KEY + 4] = { 0 }, old[XDPF_SET_KEY + 4];
	unsigned at = xdpf_age_at(set->key_size);
	struct xdpf_element e;
	uint32_t n = 0;

	memcpy(entry, key, set->key_size);
	memcpy(entry + at, &age, sizeof(age));
	while (bpf_map_update_elem(queue, NULL, entry, BPF_ANY)) {
		if (n++ > 4 * set->size || bpf_map_lookup_and_delete_elem(queue, NULL, old))
			return -ENOSPC;
		memcpy(&age, old + at, sizeof(age));
		if (!is_there(fd, set, old, 0, &e) || !e.until || e.age != age)
			continue;
		if (e.until > now)
			bpf_map_update_elem(queue, NULL, old, BPF_ANY);
		else
			bpf_map_delete_elem(fd, old);
	}
	return 0;
}

struct place {
	const struct xdpf_program *p;
	const struct xdpf_set *set;
	int fd, queue;
	uint32_t turn;
};

/* -ENOSPC, without a message: there is no room. */
static int put(const struct place *at, const void *key, uint64_t keep, uint64_t now, const struct xdpf_log *log)
{
	const struct xdpf_set *m = at->set;
	struct xdpf_element e = { .turn = at->turn }, old;
	uint32_t bits;
	size_t gone;
	bool there;
	int err;

	memcpy(&bits, key, sizeof(bits));
	e.bits = m->prefix ? bits : 0;
	e.until = keep ? now + keep : 0;
	there = is_there(at->fd, m, key, at->turn, &old);
	e.age = there && old.until ? old.age : (uint32_t)now;
	if (bpf_map_update_elem(at->fd, key, &e, BPF_ANY)) {
		err = errno;
		if (err != E2BIG && err != ENOSPC)
			return rt_fail_sys(log, err, "set %s cannot be added to", m->name);
		err = rt_set_sweep(at->fd, m, &gone, false, now, log);
		if (err)
			return err;
		if (bpf_map_update_elem(at->fd, key, &e, BPF_ANY))
			return -ENOSPC;
	}
	/* a program that adds nothing has no queue, and nobody who looks for room in it */
	if (!keep || at->queue < 0 || (there && old.until))
		return 0;
	err = note_age(at->queue, at->fd, m, key, e.age, now);
	if (err)
		bpf_map_delete_elem(at->fd, key);
	return err;
}

/* ---- many ---- */

/* How many elements are in the set beside those of @list: the map has room for as many as the set, and knows nothing of the snapshot. */
static int count_beside(size_t *n, const struct place *at, const struct rt_live *l, const struct rt_list *list, uint64_t now,
			const struct xdpf_log *log)
{
	_cleanup_(rt_snapshot_free) struct rt_snapshot s = { 0 };
	int err = rt_snapshot_read(&s, at->fd, at->set, log);

	*n = 0;
	for (size_t i = 0; i < s.n; i++)
		*n += (!s.values[i].turn || s.values[i].turn == at->turn) && (!s.values[i].until || s.values[i].until > now) &&
		      rt_list_find(list, &l->snap->set, s.keys + i * at->set->key_size) == list->n;
	return err;
}

/* What an addition of @n elements says where there is no room: none of them is in the set because of it. */
static int full(const struct xdpf_set *set, size_t n, const struct xdpf_log *log)
{
	return rt_fail(log, ENOSPC, "set %s is full: it holds %u elements, as `size` in its declaration says%s", set->name, set->size,
		       n > 1 ? "; none was added" : "");
}

/* A snapshot with these elements, too. */
static int merge(const struct place *at, const struct rt_live *l, const struct rt_list *list, const void *keys, size_t n, uint64_t now,
		 const struct xdpf_log *log)
{
	const struct xdpf_set *set = at->set;
	size_t size = set->key_size, given = n, beside;
	_cleanup_free_ unsigned char *all = malloc((list->n + n) * size + 1);
	int err;

	if (!all)
		return rt_fail(log, ENOMEM, "out of memory");
	if (list->n)
		memcpy(all, list->keys, list->n * size);
	if (n)
		memcpy(all + list->n * size, keys, n * size);
	n = live_sort(&l->snap->set, all, list->n + n);
	if (n == SIZE_MAX)
		return rt_fail(log, ENOMEM, "out of memory");
	err = count_beside(&beside, at, l, &(struct rt_list){ .keys = all, .n = n }, now, log);
	if (!err && beside + n > set->size)
		err = full(set, given, log);
	return err || n == list->n ? err : rt_live_patch(l, all, n, 0, log);
}

/* Is the element in the set, the snapshot's part or the other? */
static bool has(const struct place *at, const struct rt_live *l, const struct rt_list *list, const void *key, bool *in_list)
{
	struct xdpf_element e;

	*in_list = l->turns && rt_list_find(list, &l->snap->set, key) < list->n;
	return *in_list || is_there(at->fd, at->set, key, at->turn, &e);
}

/* Is there room for these elements, too? Of a set without a snapshot its map says so. */
static int check_room(const struct place *at, const struct rt_live *l, const struct rt_list *list, const void *keys, size_t given, uint64_t now,
		      const struct xdpf_log *log)
{
	size_t size = at->set->key_size, n, beside, fresh = 0;
	_cleanup_free_ unsigned char *once = list->n ? malloc(given * size + 1) : NULL;
	bool in_list;
	int err;

	if (!list->n)
		return 0;
	if (once && given)
		memcpy(once, keys, given * size);
	n = once ? live_sort(&l->snap->set, once, given) : SIZE_MAX;
	if (n == SIZE_MAX)
		return rt_fail(log, ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		fresh += !has(at, l, list, once + i * size, &in_list);
	err = count_beside(&beside, at, l, list, now, log);
	return err || beside + list->n + fresh <= at->set->size ? err : full(at->set, given, log);
}

/* What the map has for an element that is about to be put there. */
struct before {
	struct xdpf_element was;
	bool there, put;
};

/* Makes the map what it was before @n elements were put there until @until, but for what rules did meanwhile. */
static void take_back(const struct place *at, const unsigned char *keys, const struct before *b, size_t n, uint64_t until)
{
	for (size_t i = n; i-- > 0;) {
		const void *key = keys + i * at->set->key_size;
		struct xdpf_element is;

		if (!b[i].put || !is_there(at->fd, at->set, key, at->turn, &is) || is.until != until)
			continue;
		if (b[i].there)
			bpf_map_update_elem(at->fd, key, &b[i].was, BPF_EXIST);
		else
			bpf_map_delete_elem(at->fd, key);
	}
}

/* One after the other: all of them or, where there is no room, none. What the list has, which does not expire, stays there. */
static int put_each(const struct place *at, const struct rt_live *l, const struct rt_list *list, const unsigned char *keys, size_t n, uint64_t keep,
		    uint64_t now, const struct xdpf_log *log)
{
	_cleanup_free_ struct before *b = calloc(n + 1, sizeof(*b));
	size_t i;
	int err = b ? 0 : rt_fail(log, ENOMEM, "out of memory");

	for (i = 0; i < n && !err; i++) {
		const void *key = keys + i * at->set->key_size;
		bool in_list;

		has(at, l, list, key, &in_list);
		if (in_list && !list->until)
			continue;
		b[i].there = is_there(at->fd, at->set, key, at->turn, &b[i].was);
		err = put(at, key, keep, now, log);
		b[i].put = !err;
	}
	if (err && b)
		take_back(at, keys, b, i, keep ? now + keep : 0);
	return err == -ENOSPC ? full(at->set, n, log) : err;
}

int rt_set_put_all(const struct xdpf_program *p, size_t set, const void *keys, size_t n, uint64_t keep, uint64_t now, const struct xdpf_log *log)
{
	_cleanup_(rt_live_close) struct rt_live l = { 0 };
	_cleanup_(rt_list_close) struct rt_list list = { 0 };
	struct place at = { .p = p };
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
	if (list.until && list.until <= now)	/* nothing of it is in the set any more */
		list.n = list.until = 0;
	if (l.turns && n >= MANY && !keep && !list.until)
		return merge(&at, &l, &list, keys, n, now, log);
	err = check_room(&at, &l, &list, keys, n, now, log);
	return err ? err : put_each(&at, &l, &list, keys, n, keep, now, log);
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

bool rt_set_stays(const struct xdpf_program *p, size_t set, const void *key)
{
	_cleanup_(rt_live_close) struct rt_live l = { 0 };
	_cleanup_(rt_list_close) struct rt_list list = { 0 };
	struct xdpf_element e;

	if (set >= rt_meta_get(p->meta)->n_sets || p->set_fd[set] < 0 || rt_set_snapshot(&l, &list, p, set, NULL))
		return false;
	if (l.turns && !list.until && rt_list_find(&list, &l.snap->set, key) != list.n)
		return true;
	return is_there(p->set_fd[set], &rt_meta_get(p->meta)->sets[set], key, turn_of(&l), &e) && !e.until;
}

/* A snapshot without those that @gone says. */
static int leave_out(const struct rt_live *l, const struct rt_list *list, const bool *gone, const struct xdpf_log *log)
{
	size_t size = l->snap->set.key_size, n = 0;
	_cleanup_free_ unsigned char *rest = malloc(list->n * size + 1);

	if (!rest)
		return rt_fail(log, ENOMEM, "out of memory");
	for (size_t i = 0; i < list->n; i++)
		if (!gone[i])
			memcpy(rest + n++ * size, list->keys + i * size, size);
	return rt_live_patch(l, rest, n, list->until, log);
}

static int remove_all(const struct xdpf_program *p, size_t set, const void *keys, size_t n, bool *was, const struct xdpf_log *log)
{
	_cleanup_(rt_live_close) struct rt_live l = { 0 };
	_cleanup_(rt_list_close) struct rt_list list = { 0 };
	_cleanup_free_ bool *gone = NULL;
	const struct xdpf_set *m;
	uint64_t now = rt_set_now();
	size_t n_gone = 0;
	int fd, err = rt_set_open(&fd, p, set, log);

	if (!err)
		err = rt_set_snapshot(&l, &list, p, set, log);
	if (err)
		return err;
	m = &rt_meta_get(p->meta)->sets[set];
	gone = calloc(list.n + 1, sizeof(*gone));
	if (!gone)
		return rt_fail(log, ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		const void *key = (const char *)keys + i * m->key_size;
		size_t at = l.turns ? rt_list_find(&list, &l.snap->set, key) : 0;
		struct xdpf_element e;
		bool live = is_there(fd, m, key, turn_of(&l), &e) && (!e.until || e.until > now);

		if (bpf_map_delete_elem(fd, key) && errno != ENOENT)
			return rt_fail_sys(log, errno, "set %s cannot be changed", m->name);
		if (at < list.n && !gone[at]) {
			gone[at] = true;
			n_gone++;
			live |= !list.until || list.until > now;
		}
		if (was)
			was[i] = live;
	}
	return n_gone ? leave_out(&l, &list, gone, log) : 0;
}

int xdpf_set_remove_all(const struct xdpf_program *p, size_t set, const void *keys, size_t n, bool *was, const struct xdpf_log *log)
{
	_cleanup_close_ int lock = -1;
	int err = rt_set_lock(&lock, p, log);

	return err ? err : remove_all(p, set, keys, n, was, log);
}

int rt_set_remove(const struct xdpf_program *p, size_t set, const void *key, const struct xdpf_log *log)
{
	bool was = false;
	int err = remove_all(p, set, key, 1, &was, log);

	return err ? err : was ? 0 : -ENOENT;
}

int xdpf_set_remove(const struct xdpf_program *p, size_t set, const void *key, const struct xdpf_log *log)
{
	bool was = false;
	int err = xdpf_set_remove_all(p, set, key, 1, &was, log);

	return err ? err : was ? 0 : -ENOENT;
}
