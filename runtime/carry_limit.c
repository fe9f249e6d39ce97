/*
 * Buckets of limits that go on. In: an object and the program that runs; then the new program. Out: limits are in the old one's map where that
 * has nothing but them, in the same places. Where not, each key that has taken tokens is in the new map, in a set where the program looks for it.
 * A bucket that is full again is left out: an unknown key has a full one. What is taken while the old map is read may be missing: of that a key
 * has at most what it took in this time.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>

#include "carry.h"
#include "limit.h"

enum { BATCH_BYTES = 4 << 20 };

struct tables {
	unsigned char *to;
	uint32_t first;			/* place in the new map */
	size_t n_to, bytes;		/* sets, bytes of one */
	struct xdpf_limit_layout layout;
	unsigned kind;
	uint64_t seed, now;
	size_t left;
};

static uint64_t word(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static void set_word(unsigned char *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

static uint64_t stir(uint64_t z)
{
	z *= 0xbf58476d1ce4e5b9u;
	return (z ^ z >> 32) * 0x94d049bb133111ebu;
}

/* As generated code has it: codegen_limit_place.c. */
static uint64_t hash(const struct tables *t, const unsigned char *slot)
{
	uint64_t h = t->kind == XDPF_LIMIT_TAILED ? t->seed * ((uint64_t)slot[-1] + 1) : t->seed;

	for (unsigned k = 0; k < t->layout.words; k++)
		h = stir((k ? h ^ h >> 32 : h) ^ word(slot + 8 * (k + (size_t)1)));
	return h;
}

static void spill(const struct tables *t, unsigned char *set, uint64_t state)
{
	unsigned char *p = set + t->layout.spill;
	bool tailed = t->kind == XDPF_LIMIT_TAILED;
	uint64_t was = xdpf_limit_spill(word(p), tailed);

	if (!was || (int64_t)(state - was) > 0)
		set_word(p, xdpf_limit_spilled(word(p), state, tailed));
}

/* Behind a set that others have filled, a key is known to be only as long as that set says. */
static void insert(struct tables *t, const unsigned char *slot)
{
	uint64_t h = hash(t, slot);

	for (unsigned level = 0; level < XDPF_LIMIT_LEVELS; level++) {
		unsigned char *set = t->to + ((h >> 32) * t->n_to >> 32) * t->bytes;

		for (unsigned i = 0; i <= t->layout.ways; i++) {
			/* its own, where it is looked for first, and then any */
			size_t at = i ? i - 1 : (h & UINT16_MAX) * t->layout.ways >> 16;
			unsigned char *free_slot = set + t->layout.first + at * t->layout.slot;

			if (word(free_slot))
				continue;
			memcpy(free_slot, slot, 8 * (1 + (size_t)t->layout.words));
			if (t->kind == XDPF_LIMIT_TAILED)
				free_slot[-1] = slot[-1];
			return;
		}
		spill(t, set, word(slot));
		h = stir(h + XDPF_RANDOM_STEP);
	}
	t->left++;
}

static void insert_all(struct tables *t, const unsigned char *set)
{
	for (unsigned i = 0; i < t->layout.ways; i++) {
		const unsigned char *slot = set + t->layout.first + (size_t)i * t->layout.slot;

		if (word(slot) && (int64_t)(word(slot) - t->now) > 0)
			insert(t, slot);
	}
}

static int read_all(struct tables *t, int fd, uint32_t first, uint32_t sets_n, const struct xdpf_log *log)
{
	uint32_t most = (uint32_t)(BATCH_BYTES / t->bytes + 1), place = first - 1;
	_cleanup_free_ unsigned char *sets = malloc((size_t)most * t->bytes);
	_cleanup_free_ uint32_t *keys = malloc(most * sizeof(*keys));

	if (!sets || !keys)
		return rt_fail(log, ENOMEM, "out of memory");
	/* what is asked for is behind .place */
	for (uint32_t done = 0; done < sets_n;) {
		uint32_t n = most < sets_n - done ? most : sets_n - done;

		if ((bpf_map_lookup_batch(fd, first + done ? &place : NULL, &place, keys, sets, &n, NULL) && errno != ENOENT) || !n)
			return rt_fail_sys(log, errno, "the buckets of a limit cannot be read");
		for (uint32_t i = 0; i < n; i++)
			insert_all(t, sets + i * t->bytes);
		done += n;
	}
	return 0;
}

static int write_all(const struct tables *t, int fd, const struct xdpf_log *log)
{
	_cleanup_free_ uint32_t *keys = malloc((t->n_to + 1) * sizeof(*keys));

	if (!keys)
		return rt_fail(log, ENOMEM, "out of memory");
	for (uint32_t i = 0; i < t->n_to; i++)
		keys[i] = t->first + i;
	for (uint32_t done = 0; done < t->n_to;) {
		uint32_t n = (uint32_t)t->n_to - done;

		if (bpf_map_update_batch(fd, keys + done, t->to + (size_t)done * t->bytes, &n, NULL) || !n)
			return rt_fail_sys(log, errno, "the buckets of a limit cannot be copied");
		done += n;
	}
	return 0;
}

/* A limit's part of its map. */
struct part {
	int fd;
	uint32_t first, n;
};

/* *left: keys that found no room. */
static int copy_part(const struct part *to, const struct part *from, uint64_t seed, const struct xdpf_limit *new, size_t *left,
		     const struct xdpf_log *log)
{
	struct tables t = { .seed = seed, .kind = new->kind, .first = to->first, .n_to = to->n, .bytes = xdpf_limit_bytes(new->kind) };
	_cleanup_free_ unsigned char *room = NULL;
	uint64_t state;
	int err;

	*left = 0;
	if (!t.kind) {
		if (bpf_map_lookup_elem(from->fd, &from->first, &state) || bpf_map_update_elem(to->fd, &to->first, &state, BPF_ANY))
			return rt_fail_sys(log, errno, "the bucket of limit %s cannot be copied", new->name);
		return 0;
	}
	t.layout = xdpf_limit_layout(t.kind);
	t.now = rt_set_now() << new->shift;
	t.to = room = calloc(t.n_to, t.bytes);
	if (!room)
		return rt_fail(log, ENOMEM, "out of memory");
	err = read_all(&t, from->fd, from->first, from->n, log);
	if (!err)
		err = write_all(&t, to->fd, log);
	*left = t.left;
	return err;
}

/* ---- which go on ---- */

/* Is there a table of this kind, laid out as this version does, with room for all its limits? */
static bool is_readable(const struct xdpf_program *p, unsigned kind)
{
	const struct xdpf_meta *m = rt_meta_get(p->meta);
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	uint64_t sets = 0;

	for (size_t i = 0; i < m->n_limits; i++)
		sets += m->limits[i].kind == kind ? xdpf_limit_sets(m->limits[i].size, m->limits[i].kind) : 0;
	return p->limit_fd[kind] >= 0 && !bpf_obj_get_info_by_fd(p->limit_fd[kind], &info, &len) && info.type == BPF_MAP_TYPE_ARRAY &&
	       info.key_size == 4 && info.value_size == xdpf_limit_bytes(kind) && info.max_entries == sets;
}

static bool same_key(const struct xdpf_limit *was, const struct xdpf_limit *is)
{
	return was->shift == is->shift && !strcmp(was->layout, is->layout);
}

static bool is_same(const struct xdpf_limit *was, const struct xdpf_limit *is)
{
	return was->kind == is->kind && same_key(was, is);
}

/* Has the old table of this kind the same limits as the new one, in the same places? */
static bool same_places(const struct rt_carry *c, unsigned kind)
{
	const struct xdpf_meta *old = rt_meta_get(c->old->meta), *new = rt_meta_get(c->object->meta);
	size_t i = 0;

	for (size_t k = 0; k < new->n_limits; k++) {
		if (new->limits[k].kind != kind)
			continue;
		while (i < old->n_limits && old->limits[i].kind != kind)
			i++;
		if (i == old->n_limits || c->plan.limit[k] != i || !is_same(&old->limits[i], &new->limits[k]) ||
		    old->limits[i].size != new->limits[k].size)
			return false;
		i++;
	}
	while (i < old->n_limits && old->limits[i].kind != kind)
		i++;
	return i == old->n_limits;
}

static int say_gone(struct rt_carry *c, const struct xdpf_log *log)
{
	const struct xdpf_meta *old = rt_meta_get(c->old->meta), *new = rt_meta_get(c->object->meta);
	_cleanup_free_ bool *goes_on = calloc(old->n_limits + 1, sizeof(*goes_on));
	int err = 0;

	if (!goes_on)
		return rt_fail(log, ENOMEM, "out of memory");
	for (size_t k = 0; k < new->n_limits && !err; k++) {
		uint32_t was = c->plan.limit[k];
		const struct xdpf_limit *l;

		if (was == RT_NO_INDEX)
			continue;
		l = &old->limits[was];
		goes_on[was] = true;
		if (!same_key(l, &new->limits[k]))
			err = rt_carry_lose(c, "limit", l->file, l->name, "%s: each has its whole burst once more",
					    "its key or its unit of time is another now");
		else if (l->kind != new->limits[k].kind || !c->limit_goes_on[l->kind])
			err = rt_carry_lose(c, "limit", l->file, l->name, "%s: each has its whole burst once more",
					    "what ran was loaded by another version of xdpf");
		else
			c->limits++;
	}
	for (size_t i = 0; i < old->n_limits && !err; i++)
		if (!goes_on[i])
			err = rt_carry_lose(c, "limit", old->limits[i].file, old->limits[i].name, "%s", old->limits[i].rule == XDPF_NO_RULE ?
					    "there is none of this name any more" :
					    "it has no name, and there is none in a rule of this label or text any more");
	return err;
}

int rt_limits_share(struct rt_carry *c, struct bpf_object *bpf, const struct xdpf_log *log)
{
	int err = 0;

	for (unsigned kind = 0; kind < XDPF_LIMIT_KINDS && !err; kind++) {
		struct bpf_map *map;
		char name[40];

		snprintf(name, sizeof(name), "%s%u", XDPF_MAP_LIMIT, kind);
		map = bpf_object__find_map_by_name(bpf, name);
		c->limit_goes_on[kind] = c->has_seed && map && is_readable(c->old, kind);
		/* one that waits for confirmation may go again, and what it took with it */
		if (!c->limit_goes_on[kind] || c->pending || !same_places(c, kind) || !rt_carry_alike(map, c->old->limit_fd[kind]))
			continue;
		err = rt_carry_map(c, map, c->old->limit_fd[kind], log);
		c->limit_shared[kind] = true;
	}
	return err ? err : say_gone(c, log);
}

/* Where each limit's part begins. */
static uint32_t *places(const struct xdpf_meta *m)
{
	uint64_t next[XDPF_LIMIT_KINDS] = { 0 };
	uint32_t *at = calloc(m->n_limits + 1, sizeof(*at));

	for (size_t i = 0; at && i < m->n_limits; i++) {
		at[i] = (uint32_t)next[m->limits[i].kind];
		next[m->limits[i].kind] += xdpf_limit_sets(m->limits[i].size, m->limits[i].kind);
	}
	return at;
}

int rt_limits_copy(struct rt_carry *c, const struct xdpf_program *p, const struct xdpf_log *log)
{
	const struct xdpf_meta *old = rt_meta_get(c->old->meta), *new = rt_meta_get(c->object->meta);
	_cleanup_free_ uint32_t *was_at = places(old), *is_at = places(new);
	int err = 0;

	if (!was_at || !is_at)
		return rt_fail(log, ENOMEM, "out of memory");
	for (size_t k = 0; k < new->n_limits && !err; k++) {
		const struct xdpf_limit *is = &new->limits[k], *was = c->plan.limit[k] == RT_NO_INDEX ? NULL : &old->limits[c->plan.limit[k]];
		struct part from, to;
		size_t left = 0;

		if (!was || !is_same(was, is) || !c->limit_goes_on[is->kind] || c->limit_shared[is->kind])
			continue;
		from = (struct part){ c->old->limit_fd[is->kind], was_at[was - old->limits], (uint32_t)xdpf_limit_sets(was->size, was->kind) };
		to = (struct part){ p->limit_fd[is->kind], is_at[k], (uint32_t)xdpf_limit_sets(is->size, is->kind) };
		err = copy_part(&to, &from, c->seed, is, &left, log);
		if (!err && left)
			err = rt_carry_lose(c, "limit", was->file, was->name, "%zu keys find no room: it holds %llu now", left,
					    (unsigned long long)is->size);
	}
	return err;
}
