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
	size_t n = 0, dead = 0, had = 0;

	*gone = 0;
	if (err)
		return err;
	for (size_t i = 0; i < s.n; i++) {
		bool live = !s.values[i].until || s.values[i].until > now;

		had += live;
		dead += !live;
		if (all || !live)
			memmove(s.keys + n++ * set->key_size, s.keys + i * set->key_size, set->key_size);
	}
	err = rt_batch_delete(fd, s.keys, n, set->key_size, &n);
	*gone = all ? had : dead;
	return err ? rt_fail_sys(log, -err, "set %s cannot be changed", set->name) : 0;
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

/* ---- many ---- */

static bool is_live(const struct xdpf_element *e, uint32_t turn, uint64_t now)
{
	return (!e->turn || e->turn == turn) && (!e->until || e->until > now);
}

/* How many elements are in the set beside those of @list: the map has room for as many as the set, and knows nothing of the snapshot. */
static int count_beside(size_t *n, const struct place *at, const struct rt_live *l, const struct rt_list *list, uint64_t now,
			const struct xdpf_log *log)
{
	_cleanup_(rt_snapshot_free) struct rt_snapshot s = { 0 };
	int err = rt_snapshot_read(&s, at->fd, at->set, log);

	*n = 0;
	for (size_t i = 0; i < s.n; i++)
		*n += is_live(&s.values[i], at->turn, now) && rt_list_find(list, &l->snap->set, s.keys + i * at->set->key_size) == list->n;
	return err;
}

/* What an addition of @n elements says where there is no room: none of them is in the set because of it. */
static int full(const struct xdpf_set *set, size_t n, const struct xdpf_log *log)
{
	return rt_fail(log, ENOSPC, "set %s is full: it holds %u elements, as `size` in its declaration says%s", set->name, set->size,
		       n > 1 ? "; none was added" : "");
}

/* Takes many out of the map; those that were in the set are marked. */
static int take_many(const struct place *at, const unsigned char *keys, size_t n, bool *was, uint64_t now, const struct xdpf_log *log)
{
	_cleanup_(rt_snapshot_free) struct rt_snapshot s = { 0 };
	_cleanup_(rt_keytab_free) struct rt_keytab tab = { 0 };
	size_t size = at->set->key_size, m = 0, gone;
	int err = rt_keytab_make(&tab, keys, n, size, log);

	if (!err)
		err = rt_snapshot_read(&s, at->fd, at->set, log);
	if (err)
		return err;
	for (size_t i = 0; i < s.n; i++) {
		size_t k = rt_keytab_find(&tab, s.keys + i * size);

		if (k == n)
			continue;
		was[k] |= is_live(&s.values[i], at->turn, now);
		memmove(s.keys + m++ * size, s.keys + i * size, size);
	}
	err = rt_batch_delete(at->fd, s.keys, m, size, &gone);
	return err ? rt_fail_sys(log, -err, "set %s cannot be changed", at->set->name) : 0;
}

/* A snapshot with these elements, too, until @until; the list must be one that has the same time, or nothing. */
static int merge(const struct place *at, const struct rt_live *l, const struct rt_list *list, const void *keys, size_t n, uint64_t until,
		 uint64_t now, const struct xdpf_log *log)
{
	const struct xdpf_set *set = at->set;
	size_t size = set->key_size, given = n, beside;
	_cleanup_free_ unsigned char *all = malloc((list->n + n) * size + 1);
	_cleanup_free_ bool *was = NULL;
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
	if (!err && n > list->n)
		err = rt_live_patch(l, all, n, until, log);
	if (err || !until)
		return err;
	/* there they may have another time */
	was = calloc(n + 1, sizeof(*was));
	return was ? take_many(at, all, n, was, now, log) : rt_fail(log, ENOMEM, "out of memory");
}

/* Is there room for these elements, too? Of a set without a snapshot its map says so. */
static int check_room(const struct place *at, const struct rt_live *l, const struct rt_list *list, const unsigned char *keys, size_t n, uint64_t now,
		      const struct xdpf_log *log)
{
	_cleanup_(rt_snapshot_free) struct rt_snapshot s = { 0 };
	_cleanup_(rt_keytab_free) struct rt_keytab given = { 0 };
	size_t size = at->set->key_size, all = list->n;
	int err;

	if (!list->n)
		return 0;
	err = rt_keytab_make(&given, keys, n, size, log);
	if (!err)
		err = rt_snapshot_read(&s, at->fd, at->set, log);
	if (err)
		return err;
	/* each once: what is given, and what the map has of it, or besides */
	for (size_t i = 0; i < n; i++)
		all += rt_keytab_find(&given, keys + i * size) == i && rt_list_find(list, &l->snap->set, keys + i * size) == list->n;
	for (size_t i = 0; i < s.n; i++)
		all += is_live(&s.values[i], at->turn, now) && rt_keytab_find(&given, s.keys + i * size) == n &&
		       rt_list_find(list, &l->snap->set, s.keys + i * size) == list->n;
	return all <= at->set->size ? 0 : full(at->set, n, log);
}

/* What is known of an element that is about to be put into the map. */
struct before {
	struct xdpf_element was;	/* if .there */
	bool there, stays, put;		/* .stays: in the list, which does not expire */
};

/* Of many elements, by reading all that is in the map. */
static int look_at_all(const struct place *at, const unsigned char *keys, size_t n, struct before *b, const struct xdpf_log *log)
{
	_cleanup_(rt_snapshot_free) struct rt_snapshot s = { 0 };
	_cleanup_(rt_keytab_free) struct rt_keytab tab = { 0 };
	int err = rt_snapshot_read(&s, at->fd, at->set, log);

	if (!err)
		err = rt_keytab_make(&tab, s.keys, s.n, at->set->key_size, log);
	for (size_t i = 0; i < n && !err && s.n; i++) {
		size_t k = rt_keytab_find(&tab, keys + i * at->set->key_size);

		if (k < s.n && !(at->turn && s.values[k].turn && s.values[k].turn != at->turn)) {
			b[i].there = true;
			b[i].was = s.values[k];
		}
	}
	return err;
}

/* Is it less work to read all of the map than to ask for @n elements? */
static bool are_many(const struct xdpf_set *set, size_t n)
{
	return n > 64 && n > set->size / 16;
}

static int look_before(const struct place *at, const struct rt_live *l, const struct rt_list *list, const unsigned char *keys, size_t n,
		       struct before *b, const struct xdpf_log *log)
{
	size_t size = at->set->key_size;

	for (size_t i = 0; i < n && l->turns && !list->until; i++)
		b[i].stays = rt_list_find(list, &l->snap->set, keys + i * size) < list->n;
	if (are_many(at->set, n))
		return look_at_all(at, keys, n, b, log);
	for (size_t i = 0; i < n; i++)
		b[i].there = is_there(at->fd, at->set, keys + i * size, at->turn, &b[i].was);
	return 0;
}

/* Makes the map what it was before elements were put there until @until, but for what rules did meanwhile. */
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

enum { CHUNK = 512 };			/* elements that may be in the map, and not yet noted that they expire */

/* Some of them into the map. What has expired is only taken out where there is no room. -ENOSPC, without a message. */
static int put_chunk(const struct place *at, const unsigned char *keys, struct before *b, size_t n, uint64_t until, uint64_t now,
		     const struct xdpf_log *log)
{
	size_t size = at->set->key_size, m = 0, done = 0, gone;
	unsigned char chunk[CHUNK * (size_t)XDPF_SET_KEY];
	struct xdpf_element value[CHUNK];
	struct before *of[CHUNK];
	int err;

	for (size_t i = 0; i < n; i++) {
		uint32_t bits;

		if (b[i].stays)
			continue;
		memcpy(chunk + m * size, keys + i * size, size);
		memcpy(&bits, keys + i * size, sizeof(bits));
		value[m] = (struct xdpf_element){ .until = until, .turn = at->turn, .bits = at->set->prefix ? bits : 0,
						  .age = b[i].there && b[i].was.until ? b[i].was.age : (uint32_t)now };
		of[m++] = &b[i];
	}
	err = rt_batch_put(at->fd, chunk, value, m, size, &done);
	if (err == -ENOSPC) {
		err = rt_set_sweep(at->fd, at->set, &gone, false, now, log);
		if (!err)
			err = rt_batch_put(at->fd, chunk, value, m, size, &done);
	}
	for (size_t i = 0; i < done; i++)
		of[i]->put = true;
	if (err && err != -ENOSPC)
		return rt_fail_sys(log, -err, "set %s cannot be added to", at->set->name);
	/* a program that adds nothing has no queue, and nobody who looks for room in it */
	for (size_t i = 0; i < m && !err && until && at->queue >= 0; i++)
		if (!of[i]->there || !of[i]->was.until)
			err = note_age(at->queue, at->fd, at->set, chunk + i * size, value[i].age, now);
	return err;
}

/* All of them or, where there is no room, none. */
static int put_each(const struct place *at, const struct rt_live *l, const struct rt_list *list, const unsigned char *keys, size_t n, uint64_t keep,
		    uint64_t now, const struct xdpf_log *log)
{
	_cleanup_free_ struct before *b = calloc(n + 1, sizeof(*b));
	uint64_t until = keep ? now + keep : 0;
	int err = b ? look_before(at, l, list, keys, n, b, log) : rt_fail(log, ENOMEM, "out of memory");

	for (size_t done = 0; done < n && !err; done += CHUNK)
		err = put_chunk(at, keys + done * at->set->key_size, b + done, n - done < CHUNK ? n - done : CHUNK, until, now, log);
	if (err && b)
		take_back(at, keys, b, n, until);
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
	if (l.turns && n >= MANY && (keep ? !list.n : !list.until))
		return merge(&at, &l, &list, keys, n, keep ? now + keep : 0, now, log);
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

/* @until 0: for good. */
static bool stays(uint64_t there, uint64_t until)
{
	return !there || (until && there >= until);
}

bool rt_set_stays(const struct xdpf_program *p, size_t set, const void *key, uint64_t until)
{
	_cleanup_(rt_live_close) struct rt_live l = { 0 };
	_cleanup_(rt_list_close) struct rt_list list = { 0 };
	struct xdpf_element e;

	if (set >= rt_meta_get(p->meta)->n_sets || p->set_fd[set] < 0 || rt_set_snapshot(&l, &list, p, set, NULL))
		return false;
	if (l.turns && stays(list.until, until) && rt_list_find(&list, &l.snap->set, key) != list.n)
		return true;
	return is_there(p->set_fd[set], &rt_meta_get(p->meta)->sets[set], key, turn_of(&l), &e) && stays(e.until, until);
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

/* Takes them out of the map, one after the other; those that were in the set are marked. */
static int take_each(const struct place *at, const unsigned char *keys, size_t n, bool *was, uint64_t now, const struct xdpf_log *log)
{
	for (size_t i = 0; i < n; i++) {
		const void *key = keys + i * at->set->key_size;
		struct xdpf_element e;

		was[i] |= is_there(at->fd, at->set, key, at->turn, &e) && (!e.until || e.until > now);
		if (bpf_map_delete_elem(at->fd, key) && errno != ENOENT)
			return rt_fail_sys(log, errno, "set %s cannot be changed", at->set->name);
	}
	return 0;
}

/* Which of them the list has; marked there and here. How many. */
static size_t find_in_list(const struct rt_live *l, const struct rt_list *list, const unsigned char *keys, size_t n, bool *gone, bool *was,
			   uint64_t now)
{
	bool live = !list->until || list->until > now;
	size_t n_gone = 0;

	for (size_t i = 0; i < n && list->n; i++) {
		size_t at = rt_list_find(list, &l->snap->set, keys + i * l->snap->set.key_size);

		if (at == list->n)
			continue;
		was[i] = live && !gone[at];
		n_gone += !gone[at];
		gone[at] = true;
	}
	return n_gone;
}

static int remove_all(const struct xdpf_program *p, size_t set, const void *keys, size_t n, bool *was, const struct xdpf_log *log)
{
	_cleanup_(rt_live_close) struct rt_live l = { 0 };
	_cleanup_(rt_list_close) struct rt_list list = { 0 };
	_cleanup_free_ bool *gone = NULL, *known = calloc(n + 1, sizeof(*known));
	struct place at = { .p = p };
	uint64_t now = rt_set_now();
	size_t n_gone;
	int err = rt_set_open(&at.fd, p, set, log);

	if (!err)
		err = rt_set_snapshot(&l, &list, p, set, log);
	if (err)
		return err;
	at.set = &rt_meta_get(p->meta)->sets[set];
	at.turn = turn_of(&l);
	gone = calloc(list.n + 1, sizeof(*gone));
	if (!gone || !known)
		return rt_fail(log, ENOMEM, "out of memory");
	n_gone = find_in_list(&l, &list, keys, n, gone, known, now);
	err = are_many(at.set, n) ? take_many(&at, keys, n, known, now, log) : take_each(&at, keys, n, known, now, log);
	if (!err && n_gone)
		err = leave_out(&l, &list, gone, log);
	if (!err && was)
		memcpy(was, known, n * sizeof(*was));
	return err;
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
