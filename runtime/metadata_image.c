/*
 * What the metadata says of the image of tables: where in it rules' indexes stand; and, of a program that got another image while it ran, where
 * its rules' counters are. In: a tree that may be anything. Out: places within the image, indexes that are used once each.
 */
#include <errno.h>

#include "metadata.h"

enum { IMAGE_SIZE_MAX = 1 << 29, SHAPE_LEN = 32 };

static struct rt_meta *owner(const struct rt_meta *m)
{
	return m->base ? m->base : (struct rt_meta *)(uintptr_t)m;
}

const struct rt_snap *rt_meta_snap(const struct rt_meta *m, size_t set)
{
	return &owner(m)->snaps[set];
}

const struct rt_image *rt_meta_image(const struct rt_meta *m)
{
	return &owner(m)->image;
}

const struct rt_moved *rt_meta_moved(const struct rt_meta *m)
{
	return &owner(m)->moved;
}

/* Element @i of an array, a number; -1: it is none, or greater than @max. */
static int64_t number_at(const json_t *a, size_t i, int64_t max)
{
	const json_t *v = json_array_get(a, i);
	int64_t n = json_is_integer(v) ? json_integer_value(v) : -1;

	return n <= max ? n : -1;
}

/* ---- the image ---- */

static struct rt_table get_table(struct meta_parse *p, const json_t *v, const char *key)
{
	int64_t place = number_at(v, 0, IMAGE_SIZE_MAX), n = number_at(v, 1, IMAGE_SIZE_MAX / 4);

	if (place < 0 || place % 4 || n < 1 || json_array_size(v) != 2 || (size_t)place + 4 > p->meta->image.size)
		meta_bad(p, key, "is no place of a table in the image");
	return p->err ? (struct rt_table){ 0, 0 } : (struct rt_table){ (size_t)place, (size_t)n };
}

static void parse_image(struct meta_parse *p, const json_t *o)
{
	struct rt_image *im = &p->meta->image;
	const json_t *index = json_object_get(o, "indexes"), *whats;
	const char *shape = meta_string(p, p->meta->root, "shape");

	if (!p->err && (strlen(shape) != SHAPE_LEN || strspn(shape, "0123456789abcdef") != SHAPE_LEN))
		meta_bad(p, "shape", "is none");
	im->size = meta_number(p, o, "size", IMAGE_SIZE_MAX);
	whats = meta_array(p, o, "whats", MAX_WHATS, true);
	im->n_what = json_array_size(whats);
	im->what = meta_alloc(p, im->n_what, sizeof(*im->what));
	for (size_t i = 0; i < im->n_what && !p->err; i++)
		im->what[i] = get_table(p, json_array_get(whats, i), "whats");
	if (!p->err && !json_is_null(index))
		im->index = get_table(p, index, "indexes");
	/* what names indexes and cannot be changed */
	if (!p->err && im->n_what && !im->index.n)
		meta_bad(p, "indexes", "is missing");
	im->shape = shape;
}

/* ---- what moved ---- */

/* By index in the text: in the kernel; NULL: nothing moved, or memory is out. */
static uint32_t *read_indexes(struct meta_parse *p, const json_t *a)
{
	size_t n = p->meta->m.n_files + p->meta->m.n_rules, at = 0;
	uint32_t *to = a ? meta_alloc(p, n, sizeof(*to)) : NULL;

	for (size_t i = 0; to && i < json_array_size(a) && !p->err; i++) {
		const json_t *run = json_array_get(a, i);
		int64_t from = number_at(run, 0, MAX_INDEX), len = number_at(run, 1, MAX_INDEX), first = number_at(run, 2, MAX_INDEX);

		if (from < 0 || (size_t)from != at || len < 1 || (size_t)len > n - at || first < 0 || first + len > MAX_INDEX)
			meta_bad(p, "loaded", "names indexes out of order, or out of bounds");
		for (int64_t k = 0; k < len && !p->err; k++)
			to[at++] = (uint32_t)(first + k);
	}
	if (to && !p->err && at != n)
		meta_bad(p, "loaded", "names too few indexes");
	return to;
}

static uint32_t index_or_none(struct meta_parse *p, const json_t *v)
{
	int64_t n = json_is_integer(v) ? json_integer_value(v) : -1;

	if (json_is_null(v))
		return RT_NO_INDEX;
	if (n < 0 || n >= MAX_INDEX)
		meta_bad(p, "loaded", "names an index out of bounds");
	return p->err ? RT_NO_INDEX : (uint32_t)n;
}

static uint64_t count_of(const json_t *a, size_t i)
{
	const json_t *v = json_array_get(a, i);

	return json_is_integer(v) && json_integer_value(v) > 0 ? (uint64_t)json_integer_value(v) : 0;
}

static void read_past(struct meta_parse *p, const json_t *a)
{
	struct rt_moved *m = &p->meta->moved;

	m->n_past = json_array_size(a);
	m->past = meta_alloc(p, m->n_past, sizeof(*m->past));
	for (size_t i = 0; i < m->n_past && !p->err; i++) {
		const json_t *x = json_array_get(a, i);
		int64_t file = number_at(x, 1, (int64_t)p->meta->m.n_files - 1);

		if (json_array_size(x) != 6 || file < 0) {
			meta_bad(p, "loaded", "has broken counts");
			return;
		}
		m->past[i] = (struct rt_past){
			.index = index_or_none(p, json_array_get(x, 0)), .file = (unsigned)file,
			.verdict = meta_verdict_of(p, meta_value_of(json_array_get(x, 2)), false), .into = index_or_none(p, json_array_get(x, 3)),
			.count = { count_of(x, 4), count_of(x, 5) },
		};
	}
}

static void move_all(struct rt_meta *meta, const uint32_t *to)
{
	for (size_t i = 0; i < meta->m.n_files; i++)
		meta->files[i].default_index = to[meta->files[i].default_index];
	for (size_t i = 0; i < meta->m.n_rules; i++)
		meta->rules[i].index = to[meta->rules[i].index];
	for (size_t i = 0; i < meta->m.n_actions; i++)
		meta->actions[i].rule = to[meta->actions[i].rule];
	for (size_t i = 0; i < meta->m.n_logs; i++)
		meta->logs[i].rule = to[meta->logs[i].rule];
	for (size_t i = 0; i < meta->m.n_limits; i++)
		if (meta->limits[i].rule != XDPF_NO_RULE)
			meta->limits[i].rule = to[meta->limits[i].rule];
}

static void use(uint32_t index, size_t *n)
{
	if (index != RT_NO_INDEX && index >= *n)
		*n = (size_t)index + 1;
}

static size_t count_indexes(const struct rt_meta *meta)
{
	size_t n = 0;

	for (size_t i = 0; i < meta->m.n_files; i++)
		use(meta->files[i].default_index, &n);
	for (size_t i = 0; i < meta->m.n_rules; i++)
		use(meta->rules[i].index, &n);
	for (size_t i = 0; i < meta->moved.n_past; i++) {
		use(meta->moved.past[i].index, &n);
		use(meta->moved.past[i].into, &n);
	}
	return n;
}

void meta_find_by_index(struct meta_parse *p)
{
	struct rt_meta *meta = p->meta;
	size_t n = count_indexes(meta);
	bool *used = meta_alloc(p, n, sizeof(*used));

	free(meta->by_index);
	meta->by_index = meta_alloc(p, n, sizeof(*meta->by_index));
	for (size_t i = 0; i < meta->m.n_files && !p->err; i++) {
		if (used[meta->files[i].default_index])
			meta_bad(p, "loaded", "uses an index twice");
		used[meta->files[i].default_index] = true;
	}
	for (size_t i = 0; i < meta->m.n_rules && !p->err; i++) {
		if (used[meta->rules[i].index])
			meta_bad(p, "loaded", "uses an index twice");
		used[meta->rules[i].index] = true;
		meta->by_index[meta->rules[i].index] = &meta->rules[i];
	}
	for (size_t i = 0; i < meta->moved.n_past && !p->err; i++) {
		uint32_t index = meta->moved.past[i].index;

		if (index != RT_NO_INDEX && used[index])
			meta_bad(p, "loaded", "uses an index twice");
		else if (index != RT_NO_INDEX)
			used[index] = true;
	}
	free(used);
	meta->m.by_index = meta->by_index;
	meta->m.n_indexes = n;
}

void meta_parse_image(struct meta_parse *p)
{
	const json_t *image = json_object_get(p->meta->root, "image"), *loaded = json_object_get(p->meta->root, "loaded"), *next;
	uint32_t *to;

	if (image && !p->err)
		parse_image(p, image);
	if (p->err)
		return;
	to = read_indexes(p, json_object_get(loaded, "indexes"));
	if (to && !p->err)
		move_all(p->meta, to);
	free(to);
	if (!p->err)
		read_past(p, json_object_get(loaded, "past"));
	next = json_object_get(loaded, "next");
	if (next && !p->err)
		p->meta->moved.next = index_or_none(p, next);
	if (!p->err)
		meta_find_by_index(p);
}
