/*
 * Elements that a set has in the kernel's map, one by one. In: elements as bytes, a time. Out: the map with all of them or, where there is no room,
 * as it was.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>

#include "private.h"

/* The element itself, no shorter prefix, and none of another turn. */
bool rt_place_has(int fd, const struct xdpf_set *set, const void *key, uint32_t turn, struct xdpf_element *out)
{
	uint32_t bits;

	if (bpf_map_lookup_elem(fd, key, out) || (turn && out->turn && out->turn != turn))
		return false;
	memcpy(&bits, key, sizeof(bits));
	return !set->prefix || out->bits == bits;
}

/* Takes out of the map what is in the set no more: what has expired, and what is left of another turn by who was ended before it was swept. */
static int sweep(const struct rt_place *at, uint64_t now, const struct xdpf_log *log)
{
	_cleanup_(rt_snapshot_free) struct rt_snapshot s = { 0 };
	size_t size = at->set->key_size, n = 0;
	bool rules = rt_meta_snap(at->p->meta, (size_t)(at->set - rt_meta_get(at->p->meta)->sets))->added;
	int err = rt_snapshot_read(&s, at->fd, at->set, log);

	if (err)
		return err;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char *key = s.keys + i * size;
		struct xdpf_element is;

		if (rt_element_is_live(&s.values[i], at->turn, now))
			continue;
		/* a rule may have put it there anew since it was read */
		if (!rules)
			memmove(s.keys + n++ * size, key, size);
		else if (rt_place_has(at->fd, at->set, key, 0, &is) && !rt_element_is_live(&is, at->turn, now))
			bpf_map_delete_elem(at->fd, key);
	}
	err = rt_batch_delete(at->fd, s.keys, n, size, &n);
	return err ? rt_fail_sys(log, -err, "set %s cannot be changed", at->set->name) : 0;
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
		if (errno != E2BIG)
			return -errno;
		if (n++ > 4 * set->size || bpf_map_lookup_and_delete_elem(queue, NULL, old))
			return -ENOSPC;
		memcpy(&age, old + at, sizeof(age));
		if (!rt_place_has(fd, set, old, 0, &e) || !e.until || e.age != age)
			continue;
		if (e.until > now)
			bpf_map_update_elem(queue, NULL, old, BPF_ANY);
		else
			bpf_map_delete_elem(fd, old);
	}
	return 0;
}

/* What an addition of @n elements says where there is no room: none of them is in the set because of it. */
int rt_place_full(const struct xdpf_set *set, size_t n, const struct xdpf_log *log)
{
	return rt_fail(log, ENOSPC, "set %s is full: it holds %u elements, as `size` in its declaration says%s", set->name, set->size,
		       n > 1 ? "; none was added" : "");
}

/* Is there room for these elements, too? Of a set without a snapshot its map says so. */
int rt_place_room(const struct rt_place *at, const struct rt_list *list, const unsigned char *keys, size_t n, uint64_t now,
		  const struct xdpf_log *log)
{
	_cleanup_(rt_snapshot_free) struct rt_snapshot s = { 0 };
	_cleanup_(rt_keytab_free) struct rt_keytab given = { 0 };
	size_t size = at->set->key_size, all = 0;
	int err;

	if (!list->n)
		return 0;
	for (size_t i = 0; i < list->n; i++)
		all += rt_list_until(list, i) != 0;
	err = rt_keytab_make(&given, keys, n, size, log);
	if (!err)
		err = rt_snapshot_read(&s, at->fd, at->set, log);
	if (err)
		return err;
	/* each once: what is given, and what the map has of it, or besides */
	for (size_t i = 0; i < n; i++)
		all += rt_keytab_find(&given, keys + i * size) == i && rt_list_find(list, keys + i * size) == list->n;
	for (size_t i = 0; i < s.n; i++)
		all += rt_element_is_live(&s.values[i], at->turn, now) && rt_keytab_find(&given, s.keys + i * size) == n &&
		       rt_list_find(list, s.keys + i * size) == list->n;
	return all <= at->set->size ? 0 : rt_place_full(at->set, n, log);
}

/* What is known of an element that is about to be put into the map. */
struct before {
	struct xdpf_element was;	/* if .there */
	bool there, stays, put;		/* .stays: in the list, and does not expire */
};

/* Of many elements, by reading all that is in the map. */
static int look_at_all(const struct rt_place *at, const unsigned char *keys, size_t n, struct before *b, const struct xdpf_log *log)
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

static int look_before(const struct rt_place *at, const struct rt_list *list, const unsigned char *keys, size_t n, struct before *b,
		       const struct xdpf_log *log)
{
	size_t size = at->set->key_size;

	for (size_t i = 0; i < n; i++) {
		size_t k = rt_list_find(list, keys + i * size);

		b[i].stays = k < list->n && rt_list_until(list, k) == UINT64_MAX;
	}
	if (rt_place_many(at->set, n))
		return look_at_all(at, keys, n, b, log);
	for (size_t i = 0; i < n; i++)
		b[i].there = rt_place_has(at->fd, at->set, keys + i * size, at->turn, &b[i].was);
	return 0;
}

/* Makes the map what it was before elements were put there until @until, but for what rules did meanwhile. */
static void take_back(const struct rt_place *at, const unsigned char *keys, const struct before *b, size_t n, uint64_t until)
{
	for (size_t i = n; i-- > 0;) {
		const void *key = keys + i * at->set->key_size;
		struct xdpf_element is;

		if (!b[i].put || !rt_place_has(at->fd, at->set, key, at->turn, &is) || is.until != until)
			continue;
		if (b[i].there)
			bpf_map_update_elem(at->fd, key, &b[i].was, BPF_EXIST);
		else
			bpf_map_delete_elem(at->fd, key);
	}
}

enum { CHUNK = 512 };			/* elements that may be in the map, and not yet noted that they expire */

/* Some of them into the map. What has expired is only taken out where there is no room. -ENOSPC, without a message. */
static int put_chunk(const struct rt_place *at, const unsigned char *keys, struct before *b, size_t n, uint64_t until, uint64_t now,
		     const struct xdpf_log *log)
{
	size_t size = at->set->key_size, m = 0, done = 0;
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
	if (!m)
		return 0;
	err = rt_batch_put(at->fd, chunk, value, m, size, &done);
	if (err == -ENOSPC) {
		err = sweep(at, now, log);
		if (!err)
			err = rt_batch_put(at->fd, chunk, value, m, size, &done);
	}
	for (size_t i = 0; i < n && done; i++)
		if (!b[i].stays) {
			b[i].put = true;
			done--;
		}
	if (err && err != -ENOSPC)
		return rt_fail_sys(log, -err, "set %s cannot be added to", at->set->name);
	/* a program that adds nothing has no queue, and nobody who looks for room in it */
	for (size_t i = 0; i < m && !err && until && at->queue >= 0; i++)
		if (!of[i]->there || !of[i]->was.until)
			err = note_age(at->queue, at->fd, at->set, chunk + i * size, value[i].age, now);
	return err;
}

/* All of them or, where there is no room, none. */
int rt_place_put(const struct rt_place *at, const struct rt_list *list, const unsigned char *keys, size_t n, uint64_t keep, uint64_t now,
		 const struct xdpf_log *log)
{
	_cleanup_free_ struct before *b = calloc(n + 1, sizeof(*b));
	uint64_t until = keep ? now + keep : 0;
	int err = b ? look_before(at, list, keys, n, b, log) : rt_fail(log, ENOMEM, "out of memory");

	for (size_t done = 0; done < n && !err; done += CHUNK)
		err = put_chunk(at, keys + done * at->set->key_size, b + done, n - done < CHUNK ? n - done : CHUNK, until, now, log);
	if (err && b)
		take_back(at, keys, b, n, until);
	return err == -ENOSPC ? rt_place_full(at->set, n, log) : err;
}

int rt_place_put_one(const struct rt_place *at, const unsigned char *key, const struct xdpf_element *e, bool there, bool *swept, uint64_t now,
		     const struct xdpf_log *log)
{
	struct xdpf_element value = *e, is;
	int err;

	value.turn = at->turn;
	while (bpf_map_update_elem(at->fd, key, &value, there ? BPF_ANY : BPF_NOEXIST)) {
		if (errno == EEXIST) {
			/* a rule put it there meanwhile, which knows better; or it has expired there */
			if (rt_place_has(at->fd, at->set, key, 0, &is) && rt_element_is_live(&is, at->turn, now))
				return 0;
			there = true;
			continue;
		}
		if (errno != E2BIG && errno != ENOSPC)
			return rt_fail_sys(log, errno, "set %s cannot be added to", at->set->name);
		if (*swept)
			return -ENOSPC;
		*swept = true;
		err = sweep(at, now, log);
		if (err)
			return err;
	}
	return value.until && at->queue >= 0 ? note_age(at->queue, at->fd, at->set, key, value.age, now) : 0;
}
