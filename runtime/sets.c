/*
 * Sets that live, in the kernel. In come a program and elements as bytes; out goes what is in a set. Elements carry the time when they expire on
 * the monotonic clock: what has expired is not in the set, and is neither shown nor kept from making room.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <time.h>

#include "private.h"

/* ---- what an object's sets begin with ---- */

int rt_sets_check(const char *data, size_t len, const struct xdpf_meta *m, const struct xdpf_log *log)
{
	size_t at = 0, least = 0;

	while (at < len) {
		struct xdpf_elements head;

		if (len - at < sizeof(head))
			return rt_fail(log, EBADMSG, "the object's elements of sets are cut off");
		memcpy(&head, data + at, sizeof(head));
		at += sizeof(head);
		if (head.set < least || head.set >= m->n_sets || head.key_size != m->sets[head.set].key_size || !head.key_size)
			return rt_fail(log, EBADMSG, "the object's elements of sets do not fit its metadata");
		if (head.n > m->sets[head.set].size || head.n > (len - at) / head.key_size)
			return rt_fail(log, EBADMSG, "the object has more elements of set %s than there is room for", m->sets[head.set].name);
		at += (size_t)head.n * head.key_size;
		least = (size_t)head.set + 1;
	}
	return 0;
}

static int fill_one(int fd, const char *keys, const struct xdpf_elements *head, const struct xdpf_set *set, const struct xdpf_log *log)
{
	struct xdpf_element *value = calloc(head->n ? head->n : 1, sizeof(*value));
	_cleanup_free_ void *values = value;
	uint32_t done = 0;

	if (!value)
		return rt_fail(log, ENOMEM, "out of memory");
	for (uint32_t i = 0; set->prefix && i < head->n; i++) {
		uint32_t bits;

		memcpy(&bits, keys + (size_t)i * head->key_size, sizeof(bits));
		value[i].bits = bits;
	}
	while (done < head->n) {
		LIBBPF_OPTS(bpf_map_batch_opts, opts);
		uint32_t n = head->n - done;

		if (bpf_map_update_batch(fd, keys + (size_t)done * head->key_size, value + done, &n, &opts) || !n)
			return rt_fail_sys(log, errno, "set %s cannot be filled", set->name);
		done += n;
	}
	return 0;
}

int rt_sets_fill(const struct xdpf_program *p, const char *data, size_t len, const struct rt_carry *carry, const struct xdpf_log *log)
{
	const struct xdpf_meta *m = rt_meta_get(p->meta);

	for (size_t at = 0; at < len;) {
		struct xdpf_elements head;
		int err;

		memcpy(&head, data + at, sizeof(head));
		at += sizeof(head);
		if (p->set_fd[head.set] < 0)
			return rt_fail(log, EBADMSG, "the object has no map for set %s", m->sets[head.set].name);
		err = rt_carry_has_set(carry, head.set) ? 0 : fill_one(p->set_fd[head.set], data + at, &head, &m->sets[head.set], log);
		if (err)
			return err;
		at += (size_t)head.n * head.key_size;
	}
	return 0;
}

/* ---- maps ---- */

/* The number behind @stem in a map's name; -1: it is no such name. */
static int numbered(const char *name, const char *stem, size_t n)
{
	size_t len = strlen(stem);
	char *end;
	unsigned long k;

	if (strncmp(name, stem, len) || name[len] < '0' || name[len] > '9' || (name[len] == '0' && name[len + 1]))
		return -1;
	k = strtoul(name + len, &end, 10);
	return *end || k >= n ? -1 : (int)k;
}

int *rt_sets_place(struct xdpf_program *p, const char *name)
{
	size_t n = rt_meta_get(p->meta)->n_sets;
	int k = numbered(name, XDPF_MAP_LIVE, n);

	if (k >= 0)
		return &p->set_fd[k];
	k = numbered(name, XDPF_MAP_AGES, n);
	if (k >= 0)
		return &p->age_fd[k];
	return strcmp(name, XDPF_MAP_SETS) ? NULL : &p->sets_fd;
}

int rt_sets_map(const struct bpf_map *map, const struct xdpf_meta *m, const struct xdpf_log *log)
{
	const char *name = bpf_map__name(map);
	int live = numbered(name, XDPF_MAP_LIVE, m->n_sets), ages = numbered(name, XDPF_MAP_AGES, m->n_sets);
	const struct xdpf_set *s = live >= 0 ? &m->sets[live] : ages >= 0 ? &m->sets[ages] : NULL;
	bool ok;

	if (!strcmp(name, XDPF_MAP_SETS))
		ok = bpf_map__type(map) == BPF_MAP_TYPE_PERCPU_ARRAY && bpf_map__key_size(map) == 4 && bpf_map__value_size(map) == 16 &&
		     bpf_map__max_entries(map) >= 2 * m->n_sets;
	else if (live >= 0)
		ok = bpf_map__type(map) == (s->prefix ? BPF_MAP_TYPE_LPM_TRIE : BPF_MAP_TYPE_HASH) && bpf_map__key_size(map) == s->key_size &&
		     bpf_map__value_size(map) == sizeof(struct xdpf_element) && bpf_map__max_entries(map) == s->size;
	else if (ages >= 0)
		ok = bpf_map__type(map) == BPF_MAP_TYPE_QUEUE && s->expires && bpf_map__value_size(map) == xdpf_age_size(s->key_size) &&
		     bpf_map__max_entries(map) >= s->size && bpf_map__max_entries(map) / 4 <= s->size;
	else
		return -ENOENT;
	return ok ? 0 : rt_fail(log, EBADMSG, "the object's map %s is not as its metadata says", name);
}

/* A map that was found by its name must be as the metadata says, or reading it would go beyond what was made for it. */
int rt_set_open(int *out, const struct xdpf_program *p, size_t set, const struct xdpf_log *log)
{
	const struct xdpf_meta *m = rt_meta_get(p->meta);
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (set >= m->n_sets || p->set_fd[set] < 0)
		return rt_fail(log, ENOENT, "the program has no such set");
	if (bpf_obj_get_info_by_fd(p->set_fd[set], &info, &len))
		return rt_fail_sys(log, errno, "set %s cannot be looked at", m->sets[set].name);
	if (info.key_size != m->sets[set].key_size || info.value_size != sizeof(struct xdpf_element))
		return rt_fail(log, EBADMSG, "the map of set %s is not what the metadata says", m->sets[set].name);
	*out = p->set_fd[set];
	return 0;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- reading ---- */

void rt_snapshot_free(struct rt_snapshot *s)
{
	free(s->keys);
	free(s->values);
}

static bool snapshot_room(struct rt_snapshot *s, size_t want, size_t key_size)
{
	void *keys, *values;

	if (s->cap - s->n >= want)
		return true;
	keys = realloc(s->keys, (s->n + want) * key_size);
	if (keys)
		s->keys = keys;
	values = keys ? realloc(s->values, (s->n + want) * sizeof(*s->values)) : NULL;
	if (!values)
		return false;
	s->values = values;
	s->cap = s->n + want;
	return true;
}

/* Reads on from @s->n; @fn: with each chunk, behind which it is room again; NULL: all stays. */
static int read_chunks(struct rt_snapshot *s, int fd, const struct xdpf_set *set, void (*fn)(void *arg, const struct rt_snapshot *s), void *arg,
		       const struct xdpf_log *log)
{
	unsigned char token[2][XDPF_SET_KEY] = { { 0 } };
	size_t chunk = 4096;
	bool first = true;

	for (unsigned turn = 0;; turn ^= 1) {
		LIBBPF_OPTS(bpf_map_batch_opts, opts);
		uint32_t n = (uint32_t)chunk;
		int err;

		if (!snapshot_room(s, chunk, set->key_size))
			return rt_fail(log, ENOMEM, "out of memory");
		err = bpf_map_lookup_batch(fd, first ? NULL : token[turn], token[turn ^ 1], s->keys + s->n * set->key_size, s->values + s->n, &n,
					   &opts) ? errno : 0;
		if (err == ENOSPC && chunk < (1 << 24)) {	/* one bucket has more */
			chunk *= 2;
			turn ^= 1;
			continue;
		}
		if (err && err != ENOENT)
			return rt_fail_sys(log, err, "set %s cannot be read", set->name);
		s->n += n;
		if (fn) {
			fn(arg, s);
			s->n = 0;
		}
		if (err)
			return 0;
		first = false;
	}
}

int rt_snapshot_read(struct rt_snapshot *s, int fd, const struct xdpf_set *set, const struct xdpf_log *log)
{
	return read_chunks(s, fd, set, NULL, NULL, log);
}

struct counting {
	uint64_t n, now;
};

static void count_live(void *arg, const struct rt_snapshot *s)
{
	struct counting *c = arg;

	for (size_t i = 0; i < s->n; i++)
		c->n += !s->values[i].until || s->values[i].until > c->now;
}

int xdpf_set_count(const struct xdpf_program *p, size_t set, uint64_t *n, const struct xdpf_log *log)
{
	_cleanup_(rt_snapshot_free) struct rt_snapshot s = { 0 };
	struct counting c = { 0, now_ns() };
	int fd, err = rt_set_open(&fd, p, set, log);

	if (!err)
		err = read_chunks(&s, fd, &rt_meta_get(p->meta)->sets[set], count_live, &c, log);
	if (!err)
		*n = c.n;
	return err;
}

int xdpf_set_each(const struct xdpf_program *p, size_t set, xdpf_set_fn fn, void *arg, const struct xdpf_log *log)
{
	_cleanup_(rt_snapshot_free) struct rt_snapshot s = { 0 };
	const struct xdpf_set *m = set < rt_meta_get(p->meta)->n_sets ? &rt_meta_get(p->meta)->sets[set] : NULL;
	uint64_t now;
	int fd, err = rt_set_open(&fd, p, set, log);

	if (!err)
		err = rt_snapshot_read(&s, fd, m, log);
	now = now_ns();
	for (size_t i = 0; !err && i < s.n; i++) {
		uint64_t until = s.values[i].until;

		if (!until || until > now)
			fn(arg, s.keys + i * m->key_size, until ? until - now : 0);
	}
	return err;
}

/* ---- changing ---- */

static int sweep(int fd, const struct xdpf_set *set, size_t *gone, bool all, uint64_t now, const struct xdpf_log *log)
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

int xdpf_set_flush(const struct xdpf_program *p, size_t set, size_t *n, const struct xdpf_log *log)
{
	int fd, err = rt_set_open(&fd, p, set, log);

	return err ? err : sweep(fd, &rt_meta_get(p->meta)->sets[set], n, true, now_ns(), log);
}

/* The element itself, and no shorter prefix. */
static bool is_there(int fd, const struct xdpf_set *set, const void *key, struct xdpf_element *out)
{
	uint32_t bits;

	if (bpf_map_lookup_elem(fd, key, out))
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
		if (!is_there(fd, set, old, &e) || !e.until || e.age != age)
			continue;
		if (e.until > now)
			bpf_map_update_elem(queue, NULL, old, BPF_ANY);
		else
			bpf_map_delete_elem(fd, old);
	}
	return 0;
}

int rt_set_put(const struct xdpf_program *p, size_t set, const void *key, uint64_t keep, uint64_t now, const struct xdpf_log *log)
{
	const struct xdpf_set *m = set < rt_meta_get(p->meta)->n_sets ? &rt_meta_get(p->meta)->sets[set] : NULL;
	struct xdpf_element e = { 0 }, old;
	uint32_t bits;
	size_t gone;
	int fd, err = rt_set_open(&fd, p, set, log);
	bool there;

	if (err)
		return err;
	if (keep && (!m->expires || p->age_fd[set] < 0))
		return rt_fail(log, EINVAL, "the elements of set %s do not expire", m->name);
	memcpy(&bits, key, sizeof(bits));
	e.bits = m->prefix ? bits : 0;
	e.until = keep ? now + keep : 0;
	there = is_there(fd, m, key, &old);
	e.age = there && old.until ? old.age : (uint32_t)now;
	if (bpf_map_update_elem(fd, key, &e, BPF_ANY)) {
		err = errno;
		if (err != E2BIG && err != ENOSPC)
			return rt_fail_sys(log, err, "set %s cannot be added to", m->name);
		err = sweep(fd, m, &gone, false, now, log);
		if (err)
			return err;
		if (bpf_map_update_elem(fd, key, &e, BPF_ANY))
			return rt_fail(log, ENOSPC, "set %s is full: it holds %u elements", m->name, m->size);
	}
	if (!keep || (there && old.until))
		return 0;
	err = note_age(p->age_fd[set], fd, m, key, e.age, now);
	if (err) {
		bpf_map_delete_elem(fd, key);
		return rt_fail(log, ENOSPC, "set %s is full", m->name);
	}
	return 0;
}

int xdpf_set_add(const struct xdpf_program *p, size_t set, const void *key, uint64_t keep, const struct xdpf_log *log)
{
	return rt_set_put(p, set, key, keep, now_ns(), log);
}

bool rt_set_stays(const struct xdpf_program *p, size_t set, const void *key)
{
	struct xdpf_element e;

	return set < rt_meta_get(p->meta)->n_sets && p->set_fd[set] >= 0 && is_there(p->set_fd[set], &rt_meta_get(p->meta)->sets[set], key, &e) &&
	       !e.until;
}

int xdpf_set_remove(const struct xdpf_program *p, size_t set, const void *key, const struct xdpf_log *log)
{
	const struct xdpf_set *m = set < rt_meta_get(p->meta)->n_sets ? &rt_meta_get(p->meta)->sets[set] : NULL;
	struct xdpf_element e;
	int fd, err = rt_set_open(&fd, p, set, log);
	bool live;

	if (err)
		return err;
	live = is_there(fd, m, key, &e) && (!e.until || e.until > now_ns());
	if (bpf_map_delete_elem(fd, key) && errno != ENOENT)
		return rt_fail_sys(log, errno, "set %s cannot be changed", m->name);
	return live ? 0 : -ENOENT;
}
