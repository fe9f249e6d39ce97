/*
 * Sets that live, in the kernel. In come a program and elements as bytes; out goes what is in a set. Elements carry the time when they expire on
 * the monotonic clock: what has expired is not in the set, and is neither shown nor kept from making room.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>

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

static int fill_snapshot(const struct xdpf_program *p, const char *keys, const struct xdpf_elements *head, const struct xdpf_log *log)
{
	_cleanup_(rt_live_close) struct rt_live l = { 0 };
	_cleanup_free_ void *copy = malloc((size_t)head->n * head->key_size + 1);
	int err = rt_live_open(&l, p, head->set, log);
	size_t n;

	if (err)
		return err;
	if (copy && head->n)
		memcpy(copy, keys, (size_t)head->n * head->key_size);
	n = copy ? live_sort(&l.snap->set, copy, head->n) : SIZE_MAX;
	return n == SIZE_MAX ? rt_fail(log, ENOMEM, "out of memory") : rt_live_patch(&l, NULL, &(struct live_elements){ copy, NULL, n }, log);
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
		/* what rules add to shares its room with what it began with */
		if (rt_carry_has_set(carry, head.set))
			err = 0;
		else if (rt_meta_snap(p->meta, head.set)->added)
			err = fill_one(p->set_fd[head.set], data + at, &head, &m->sets[head.set], log);
		else
			err = fill_snapshot(p, data + at, &head, log);
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
		     bpf_map__max_entries(map) == 2 * m->n_sets;
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

	if (set >= m->n_sets)
		return rt_fail(log, ENOENT, "the program has no such set");
	if (p->set_fd[set] < 0)
		return rt_fail(log, ENOENT, "no rule asks set %s, so it is not in the filter: use it in a rule, and apply", m->sets[set].name);
	if (bpf_obj_get_info_by_fd(p->set_fd[set], &info, &len))
		return rt_fail_sys(log, errno, "set %s cannot be looked at", m->sets[set].name);
	if (info.key_size != m->sets[set].key_size || info.value_size != sizeof(struct xdpf_element))
		return rt_fail(log, EBADMSG, "the map of set %s is not what the metadata says", m->sets[set].name);
	*out = p->set_fd[set];
	return 0;
}

/* ---- reading ---- */

void rt_snapshot_free(struct rt_snapshot *s)
{
	free(s->keys);
	free(s->values);
}

static bool snapshot_room(struct rt_snapshot *s, size_t want, size_t key_size)
{
	size_t cap = 2 * s->cap > s->n + want ? 2 * s->cap : s->n + want;
	void *keys, *values;

	if (s->cap - s->n >= want)
		return true;
	keys = realloc(s->keys, cap * key_size);
	if (keys)
		s->keys = keys;
	values = keys ? realloc(s->values, cap * sizeof(*s->values)) : NULL;
	if (!values)
		return false;
	s->values = values;
	s->cap = cap;
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

int rt_set_snapshot(struct rt_live *l, struct rt_list *list, const struct xdpf_program *p, size_t set, const struct xdpf_log *log)
{
	int err = rt_live_open(l, p, set, log);

	return err ? err : rt_list_open(list, l, log);
}

/* What a program shows of a set. */
struct view {
	const struct xdpf_set *set;
	struct rt_live live;
	struct rt_list list;
	struct rt_snapshot s;		/* without what is of another turn or has expired */
	bool *longer;			/* by place in the list: the map has it for longer */
	uint64_t now;
};

static void view_free(struct view *v)
{
	rt_list_close(&v->list);
	rt_live_close(&v->live);
	rt_snapshot_free(&v->s);
	free(v->longer);
}

/* Is an element of the map there for longer than the list says? */
static bool is_longer(const struct rt_list *list, size_t at, const struct xdpf_element *e)
{
	return (e->until ? e->until : UINT64_MAX) > rt_list_until(list, at);
}

/* Of elements that both have, one is left: that which stays longer. */
static void merge(struct view *v)
{
	size_t n = 0;

	for (size_t i = 0; i < v->s.n; i++) {
		const unsigned char *key = v->s.keys + i * v->set->key_size;
		struct xdpf_element e = v->s.values[i];
		size_t at;

		if (!rt_element_is_live(&e, v->list.turn + 1, v->now))
			continue;
		at = rt_list_find(&v->list, key);
		if (at != v->list.n && !is_longer(&v->list, at, &e))
			continue;
		v->longer[at] = true;
		memmove(v->s.keys + n * v->set->key_size, key, v->set->key_size);
		v->s.values[n++] = e;
	}
	v->s.n = n;
}

/* All of one turn. */
static int look(struct view *v, const struct xdpf_program *p, size_t set, int fd, const struct xdpf_log *log)
{
	for (int i = 0;; i++) {
		int err = rt_set_snapshot(&v->live, &v->list, p, set, log);

		if (!err)
			err = rt_snapshot_read(&v->s, fd, v->set, log);
		v->now = v->list.now = rt_set_now();
		if (!err)
			err = rt_list_load(&v->list, log);
		if (err || rt_live_turn(&v->live) == v->list.turn || i == 10)
			return err;
		view_free(v);
		*v = (struct view){ .set = v->set };
	}
}

int rt_snapshot_read(struct rt_snapshot *s, int fd, const struct xdpf_set *set, const struct xdpf_log *log)
{
	return read_chunks(s, fd, set, NULL, NULL, log);
}

int rt_set_view(struct rt_snapshot *s, const struct xdpf_program *p, size_t set, const struct xdpf_log *log)
{
	_cleanup_(view_free) struct view v = { .set = set < rt_meta_get(p->meta)->n_sets ? &rt_meta_get(p->meta)->sets[set] : NULL };
	int fd, err = rt_set_open(&fd, p, set, log);

	if (!err)
		err = look(&v, p, set, fd, log);
	if (err)
		return err;
	v.longer = calloc(v.list.n + 1, sizeof(*v.longer));
	if (!v.longer)
		return rt_fail(log, ENOMEM, "out of memory");
	merge(&v);
	v.s.listed = v.s.n;
	if (v.list.n && !snapshot_room(&v.s, v.list.n, v.set->key_size))
		return rt_fail(log, ENOMEM, "out of memory");
	for (size_t i = 0; i < v.list.n; i++) {
		const unsigned char *key = v.list.keys + i * v.set->key_size;
		uint64_t until = rt_list_time(&v.list, i);
		struct xdpf_element *e = &v.s.values[v.s.n];

		if (v.longer[i] || !rt_list_until(&v.list, i))
			continue;
		*e = (struct xdpf_element){ .until = until, .age = (uint32_t)until };
		if (v.set->prefix)
			memcpy(&e->bits, key, sizeof(e->bits));
		memcpy(v.s.keys + v.s.n++ * v.set->key_size, key, v.set->key_size);
	}
	*s = v.s;
	v.s = (struct rt_snapshot){ 0 };
	return 0;
}

/* What is told of a set while it is read. */
struct telling {
	const struct xdpf_set *set;
	struct rt_live live;
	struct rt_list list;
	uint64_t *longer;		/* by place in the list, where the map has some for longer: until when, or 0 */
	uint64_t now;
	xdpf_set_fn fn;
	void *arg;
};

static void end_telling(struct telling *t)
{
	rt_list_close(&t->list);
	rt_live_close(&t->live);
	free(t->longer);
}

/* Of elements that the list has, too: until when they are there, if that is later. */
static void look_longer(void *arg, const struct rt_snapshot *s)
{
	struct telling *t = arg;

	for (size_t i = 0; i < s->n; i++) {
		const struct xdpf_element *e = &s->values[i];
		size_t at = rt_element_is_live(e, t->list.turn + 1, t->now) ? rt_list_find(&t->list, s->keys + i * t->set->key_size) : t->list.n;

		if (at != t->list.n && is_longer(&t->list, at, e))
			t->longer[at] = e->until ? e->until : UINT64_MAX;
	}
}

/* Of elements that the list has, too, that has told already. */
static void tell_chunk(void *arg, const struct rt_snapshot *s)
{
	const struct telling *t = arg;

	for (size_t i = 0; i < s->n; i++) {
		const unsigned char *key = s->keys + i * t->set->key_size;
		const struct xdpf_element *e = &s->values[i];

		if (rt_element_is_live(e, t->list.turn + 1, t->now) && rt_list_find(&t->list, key) == t->list.n)
			t->fn(t->arg, key, e->until ? e->until - t->now : 0);
	}
}

/* Begins at once, and has no more of it in memory than what it tells. */
int xdpf_set_each(const struct xdpf_program *p, size_t set, xdpf_set_fn fn, void *arg, const struct xdpf_log *log)
{
	_cleanup_(end_telling) struct telling t = { .fn = fn, .arg = arg, .now = rt_set_now() };
	_cleanup_(rt_snapshot_free) struct rt_snapshot s = { 0 };
	int fd, err = rt_set_open(&fd, p, set, log);

	if (err)
		return err;
	t.set = &rt_meta_get(p->meta)->sets[set];
	err = rt_set_snapshot(&t.live, &t.list, p, set, log);
	if (err)
		return err;
	t.list.now = t.now;
	if (t.list.n) {
		t.longer = calloc(t.list.n, sizeof(*t.longer));
		err = t.longer ? read_chunks(&s, fd, t.set, look_longer, &t, log) : rt_fail(log, ENOMEM, "out of memory");
		if (err)
			return err;
	}
	for (size_t i = 0; i < t.list.n; i++) {
		uint64_t until = rt_list_until(&t.list, i);

		if (until && t.longer[i])
			until = t.longer[i];
		if (until)
			fn(arg, t.list.keys + i * t.set->key_size, until == UINT64_MAX ? 0 : until - t.now);
	}
	return read_chunks(&s, fd, t.set, tell_chunk, &t, log);
}

static void count_one(void *arg, const void *key, uint64_t left)
{
	(void)key;
	(void)left;
	++*(uint64_t *)arg;
}

int xdpf_set_count(const struct xdpf_program *p, size_t set, uint64_t *n, const struct xdpf_log *log)
{
	uint64_t counted = 0;
	int err = xdpf_set_each(p, set, count_one, &counted, log);

	if (!err)
		*n = counted;
	return err;
}
