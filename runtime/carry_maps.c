/*
 * Maps that go on in the program that replaces another: sets, buckets of limits, count tables, the paces of logs. In: an opened object and the
 * program that runs. Out: the object has its maps where they are laid out alike, so that both programs see one state, and nothing needs to be moved;
 * where a size is another, the elements are copied before the new one runs, and what came since behind it. What fits neither way is said.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>

#include "carry.h"

/* ---- what sets begin with ---- */

int rt_declared_sums(uint64_t **out, const char *data, size_t len, const struct xdpf_meta *m, const struct xdpf_log *log)
{
	uint64_t *sum = calloc(m->n_sets + 1, sizeof(*sum));

	if (!sum)
		return rt_fail(log, ENOMEM, "out of memory");
	/* it was checked when the object was opened */
	for (size_t at = 0; at < len;) {
		struct xdpf_elements head;
		uint64_t h = 1;

		memcpy(&head, data + at, sizeof(head));
		at += sizeof(head);
		for (size_t i = 0, n = (size_t)head.n * head.key_size; i < n; i += 8) {
			uint64_t w = 0;

			memcpy(&w, data + at + i, n - i < 8 ? n - i : 8);
			h = xdpf_mix64(h ^ (w * XDPF_RANDOM_STEP));
		}
		sum[head.set] = xdpf_mix64(h + head.n);
		at += (size_t)head.n * head.key_size;
	}
	*out = sum;
	return 0;
}

/* ---- maps of both ---- */

int rt_carry_map(struct rt_carry *c, struct bpf_map *map, int fd, const struct xdpf_log *log)
{
	struct rt_shared *grown = realloc(c->shared, (c->n_shared + 1) * sizeof(*grown));

	if (!grown)
		return rt_fail(log, ENOMEM, "out of memory");
	c->shared = grown;
	grown[c->n_shared].map = map;
	snprintf(grown[c->n_shared].name, sizeof(grown->name), "%s", bpf_map__name(map));
	c->n_shared++;
	return bpf_map__reuse_fd(map, fd) ? rt_fail_sys(log, errno, "a map of the program before cannot be used") : 0;
}

bool rt_carry_alike(const struct bpf_map *map, int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	return fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) && info.type == bpf_map__type(map) && info.key_size == bpf_map__key_size(map) &&
	       info.value_size == bpf_map__value_size(map) && info.max_entries == bpf_map__max_entries(map) &&
	       info.map_flags == bpf_map__map_flags(map);
}

static struct bpf_map *numbered(struct bpf_object *bpf, const char *stem, size_t n)
{
	char name[40];

	snprintf(name, sizeof(name), "%s%zu", stem, n);
	return bpf_object__find_map_by_name(bpf, name);
}

static bool same_key(const struct xdpf_key_field *a, size_t n, const struct xdpf_key_field *b, size_t m)
{
	for (size_t i = 0; i < n && n == m; i++)
		if (strcmp(a[i].name, b[i].name) || strcmp(a[i].type, b[i].type) || a[i].kind != b[i].kind || a[i].offset != b[i].offset ||
		    a[i].size != b[i].size)
			return false;
	return n == m;
}

/* Where rules add to a set or take from it, its elements do not begin with how many of their bits count, but for a prefix: see rt_set_copy(). */
static bool same_elements(const struct xdpf_set *was, const struct xdpf_set *is)
{
	if (was->prefix == is->prefix)
		return was->key_size == is->key_size && same_key(was->key, was->n_key, is->key, is->n_key);
	for (size_t i = 0; i < was->n_key && was->n_key == is->n_key; i++)
		if (strcmp(was->key[i].name, is->key[i].name) || strcmp(was->key[i].type, is->key[i].type) || was->key[i].kind != is->key[i].kind ||
		    was->key[i].size != is->key[i].size || is->key[i].kind == XDPF_KEY_NET)
			return false;
	return was->n_key == is->n_key;
}

/* Does it begin with what it began with in the object before? */
static bool same_declared(const struct rt_carry *c, size_t from, size_t to)
{
	const uint64_t *before = rt_meta_declared(c->old->meta);

	return before && before[from] == c->declared[to];
}

/* A set is more than its map: it has snapshots, and what it begins with now must not be seen by the old program. */
static int copy_set(struct rt_carry *c, size_t from, size_t to, const struct bpf_map *live)
{
	const struct xdpf_set *was = &rt_meta_get(c->old->meta)->sets[from], *is = &rt_meta_get(c->object->meta)->sets[to];

	if (!same_elements(was, is))
		return rt_carry_lose(c, "set", was->file, was->name, "its elements are of another type now");
	if (!live || c->old->set_fd[from] < 0)
		return rt_carry_lose(c, "set", was->file, was->name, "what ran was loaded by another version of xdpf");
	c->sets++;
	c->copy[c->n_copy++] = (struct rt_copy){ .from = from, .to = to };
	return 0;
}

static int share_table(struct rt_carry *c, size_t from, size_t to, struct bpf_map *map, const struct xdpf_log *log)
{
	const struct xdpf_table *was = &rt_meta_get(c->old->meta)->tables[from], *is = &rt_meta_get(c->object->meta)->tables[to];

	if (!map || c->old->table_fd[from] < 0)
		return 0;
	if (!same_key(was->key, was->n_key, is->key, is->n_key) || !rt_carry_alike(map, c->old->table_fd[from]))
		return rt_carry_lose(c, "table", was->file, was->name, "its key is another now");
	c->tables++;
	return rt_carry_map(c, map, c->old->table_fd[from], log);
}

/* What nobody continues is lost, and that is said where it is more than a counter. */
static int say_gone(struct rt_carry *c)
{
	const struct xdpf_meta *old = rt_meta_get(c->old->meta), *new = rt_meta_get(c->object->meta);
	int err = 0;

	for (size_t i = 0; i < old->n_sets && !err; i++) {
		size_t k = 0;

		while (k < new->n_sets && rt_match_set(old, new, c->plan.files, k) != i)
			k++;
		if (k == new->n_sets)
			err = rt_carry_lose(c, "set", old->sets[i].file, old->sets[i].name, "there is none of this name any more");
	}
	for (size_t i = 0; i < old->n_tables && !err; i++) {
		size_t k = 0;

		while (k < new->n_tables && rt_match_table(old, new, c->plan.files, k) != i)
			k++;
		if (k == new->n_tables)
			err = rt_carry_lose(c, "table", old->tables[i].file, old->tables[i].name, "there is none of this name any more");
	}
	if (!err && !c->plan.books)
		err = rt_carry_lose(c, "counters", RT_NO_INDEX, "of verdicts", "the program is made of other files now");
	return err;
}

int rt_carry_share(struct rt_carry *c, struct bpf_object *bpf, const struct xdpf_log *log)
{
	const struct xdpf_meta *old = rt_meta_get(c->old->meta), *new = rt_meta_get(c->object->meta);
	_cleanup_free_ struct bpf_map **tables = calloc(new->n_tables + 1, sizeof(struct bpf_map *));
	struct bpf_map *cookies = bpf_object__find_map_by_name(bpf, XDPF_MAP_COOKIES);
	uint32_t was;
	int err = 0;

	c->copy = calloc(new->n_sets + 1, sizeof(*c->copy));
	if (!tables || !c->copy)
		return rt_fail(log, ENOMEM, "out of memory");
	/* the order is that of the object's maps, not of their names: renaming one would hide the next, so all are found first */
	for (size_t i = 0; i < new->n_tables; i++)
		tables[i] = bpf_object__find_map_by_name(bpf, new->tables[i].map);
	for (size_t i = 0; i < new->n_sets && !err; i++) {
		was = rt_match_set(old, new, c->plan.files, i);
		err = was == RT_NO_INDEX ? 0 : copy_set(c, was, i, numbered(bpf, XDPF_MAP_LIVE, i));
	}
	if (!err)
		err = rt_limits_share(c, bpf, log);
	for (size_t i = 0; i < new->n_tables && !err; i++) {
		was = rt_match_table(old, new, c->plan.files, i);
		err = was == RT_NO_INDEX ? 0 : share_table(c, was, i, tables[i], log);
	}
	if (!err && cookies && c->has_seed && c->old->cookies_fd >= 0 && rt_carry_alike(cookies, c->old->cookies_fd))
		err = rt_carry_map(c, cookies, c->old->cookies_fd, log);
	return err ? err : say_gone(c);
}

bool rt_carry_has_set(const struct rt_carry *c, size_t set)
{
	const struct xdpf_meta *old = c ? rt_meta_get(c->old->meta) : NULL, *new = c ? rt_meta_get(c->object->meta) : NULL;
	uint32_t was = c ? rt_match_set(old, new, c->plan.files, set) : RT_NO_INDEX;

	return was != RT_NO_INDEX && c->old->set_fd[was] >= 0 && same_elements(&old->sets[was], &new->sets[set]);
}

/* ---- the object's own elements ---- */

/* Those that a set begins with, where the object before had it begin with others: they come in, too. It is not shared then. */
static int declare(struct rt_carry *c, const struct xdpf_program *p, const struct xdpf_elements *head, const char *keys, const struct xdpf_log *log)
{
	uint32_t was = rt_match_set(rt_meta_get(c->old->meta), rt_meta_get(c->object->meta), c->plan.files, head->set);

	if (!rt_carry_has_set(c, head->set) || same_declared(c, was, head->set))
		return 0;
	return rt_set_put_all(p, head->set, keys, head->n, 0, rt_set_now(), log);
}

static int declare_all(struct rt_carry *c, const struct xdpf_program *p, const struct xdpf_log *log)
{
	int err = 0;

	for (size_t at = 0; at < c->object->sets_len && !err;) {
		struct xdpf_elements head;

		memcpy(&head, c->object->sets + at, sizeof(head));
		at += sizeof(head);
		err = declare(c, p, &head, c->object->sets + at, log);
		at += (size_t)head.n * head.key_size;
	}
	return err;
}

/* ---- the whole ---- */

/* When a log may have its next record. */
static int copy_paces(const struct rt_carry *c, const struct xdpf_program *p, const struct xdpf_log *log)
{
	for (size_t i = 0; i < c->plan.n_move && p->next_fd >= 0 && c->old->next_fd >= 0; i++) {
		const struct rt_move *m = &c->plan.move[i];
		uint32_t from = (uint32_t)(m->at / 2), to = (uint32_t)(m->into / 2);
		uint64_t due;

		if (m->from != RT_LOGS || bpf_map_lookup_elem(c->old->next_fd, &from, &due))
			continue;
		if (bpf_map_update_elem(p->next_fd, &to, &due, BPF_ANY))
			return rt_fail_sys(log, errno, "the pace of a log cannot be copied");
	}
	return 0;
}

int rt_carry_copy(struct rt_carry *c, const struct xdpf_program *p, const struct xdpf_log *log)
{
	int err = rt_limits_copy(c, p, log);

	if (!err)
		err = copy_paces(c, p, log);
	for (size_t i = 0; i < c->n_copy && !err; i++)
		err = rt_set_copy(c, &c->copy[i], p, log);
	return err ? err : declare_all(c, p, log);
}

int rt_carry_copy_rest(struct rt_carry *c, const struct xdpf_program *p, const struct xdpf_log *log)
{
	int err = 0;

	for (size_t i = 0; i < c->n_copy && !err; i++)
		err = rt_set_copy_rest(c, &c->copy[i], p, log);
	return err;
}
