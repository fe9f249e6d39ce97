/*
 * Which limit is which in two programs. In: the metadata of both, and which rules go on. Out: pairs. A limit with a name is known by its file and
 * name. One without stands in a rule, and is known by that and by its place among such limits in it. Where that rule has no label and its text is
 * another now, it is not known which one it was: then those of the file that are left are paired in their order, if they are as many, and kept by
 * the same keys; else they are not.
 */
#include <errno.h>

#include "match.h"

/* There may be very many of them. */
struct known {
	const struct xdpf_limit *limit;
	uint32_t file, rule;		/* numbers of the new program; .rule RT_NO_INDEX: it has a name, or its rule is gone */
	size_t place;			/* in its rule */
	bool named, label;		/* its rule has one */
};

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_identity(const struct known *x, const struct known *y)
{
	int c = compare(x->file, y->file);

	if (!c)
		c = compare(x->named, y->named);
	if (!c && x->named)
		return strcmp(x->limit->name, y->limit->name);
	if (!c)
		c = compare(x->rule, y->rule);
	return c ? c : compare(x->place, y->place);
}

static int by_identity_and_place(const void *a, const void *b)
{
	const struct known *x = a, *y = b;
	int c = by_identity(x, y);

	return c ? c : x->limit < y->limit ? -1 : x->limit > y->limit;
}

/* Where each stands among those without a name in its rule; .n: of indexes. */
static size_t *places(const struct xdpf_meta *m)
{
	size_t *seen = calloc(m->n_indexes + 1, sizeof(*seen)), *at = calloc(m->n_limits + 1, sizeof(*at));

	for (size_t i = 0; seen && at && i < m->n_limits; i++)
		if (m->limits[i].rule < m->n_indexes)
			at[i] = seen[m->limits[i].rule]++;
	if (!seen) {
		free(at);
		at = NULL;
	}
	free(seen);
	return at;
}

/* Of limits whose file goes on. @files and @rules NULL: they are the new program's. */
static struct known *sorted(size_t *n, const struct xdpf_meta *m, const uint32_t *files, const uint32_t *rules)
{
	struct known *v = calloc(m->n_limits + 1, sizeof(*v));
	_cleanup_free_ size_t *at = places(m);

	*n = 0;
	for (size_t i = 0; v && at && i < m->n_limits; i++) {
		const struct xdpf_limit *l = &m->limits[i];
		const struct xdpf_rule *r = l->rule < m->n_indexes ? xdpf_meta_rule(m, l->rule) : NULL;
		uint32_t file = files ? files[l->file] : l->file;

		if (file != RT_NO_INDEX)
			v[(*n)++] = (struct known){ l, file, !r ? RT_NO_INDEX : rules ? rules[l->rule] : l->rule, at[i], !r, r && r->label };
	}
	if (!at) {
		free(v);
		return NULL;
	}
	if (v)
		qsort(v, *n, sizeof(*v), by_identity_and_place);
	return v;
}

/* ---- what is left ---- */

struct left {
	const struct known **v;
	size_t n;
};

static void free_left(struct left *l)
{
	free(l->v);
}

static void leave(struct left *l, const struct known *k)
{
	if (!k->named && !k->label)
		l->v[l->n++] = k;
}

static int by_file_and_place(const void *a, const void *b)
{
	const struct known *x = *(const struct known *const *)a, *y = *(const struct known *const *)b;
	int c = compare(x->file, y->file);

	return c ? c : x->limit < y->limit ? -1 : x->limit > y->limit;
}

static size_t of_file(const struct left *l, size_t from)
{
	size_t to = from;

	while (to < l->n && l->v[to]->file == l->v[from]->file)
		to++;
	return to - from;
}

static bool alike(const struct left *a, size_t i, const struct left *b, size_t k, size_t n)
{
	for (size_t at = 0; at < n; at++)
		if (strcmp(a->v[i + at]->limit->layout, b->v[k + at]->limit->layout) != 0)
			return false;
	return true;
}

static void pair_left(uint32_t *to, struct left *was, struct left *is, const struct xdpf_meta *old, const struct xdpf_meta *new)
{
	qsort(was->v, was->n, sizeof(*was->v), by_file_and_place);
	qsort(is->v, is->n, sizeof(*is->v), by_file_and_place);
	for (size_t i = 0, k = 0; i < was->n && k < is->n;) {
		size_t n = of_file(was, i), m = of_file(is, k);
		int c = compare(was->v[i]->file, is->v[k]->file);

		for (size_t at = 0; !c && n == m && alike(was, i, is, k, n) && at < n; at++)
			to[is->v[k + at]->limit - new->limits] = (uint32_t)(was->v[i + at]->limit - old->limits);
		i += c <= 0 ? n : 0;
		k += c >= 0 ? m : 0;
	}
}

int rt_match_limits(uint32_t **out, const struct xdpf_meta *old, const struct xdpf_meta *new, const uint32_t *files, const uint32_t *rules,
		    const struct xdpf_log *log)
{
	size_t n_was, n_is;
	_cleanup_free_ struct known *was = sorted(&n_was, old, files, rules), *is = sorted(&n_is, new, NULL, NULL);
	_cleanup_(free_left) struct left a = { calloc(old->n_limits + 1, sizeof(*a.v)), 0 }, b = { calloc(new->n_limits + 1, sizeof(*b.v)), 0 };
	_cleanup_free_ uint32_t *to = malloc((new->n_limits + 1) * sizeof(*to));

	if (!was || !is || !a.v || !b.v || !to)
		return rt_fail(log, ENOMEM, "out of memory");
	memset(to, 0xff, new->n_limits * sizeof(*to));
	for (size_t i = 0, k = 0; i < n_was || k < n_is;) {
		int c = i == n_was ? 1 : k == n_is ? -1 : by_identity(&was[i], &is[k]);

		if (!c)
			to[is[k].limit - new->limits] = (uint32_t)(was[i].limit - old->limits);
		if (c < 0)
			leave(&a, &was[i]);
		if (c > 0)
			leave(&b, &is[k]);
		i += c <= 0;
		k += c >= 0;
	}
	pair_left(to, &a, &b, old, new);
	*out = take_ptr(to);
	return 0;
}
