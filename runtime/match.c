/*
 * What is the same in two programs. In: the metadata of both. Out: pairs. A file is known by its name, a rule by its file and label, without a label
 * by its file and text; where several say the same, they are paired in their order. A limit, a set and a table are known by their file and name.
 */
#include <errno.h>

#include "private.h"

int rt_match_files(uint32_t **out, const struct xdpf_meta *old, const struct xdpf_meta *new, const struct xdpf_log *log)
{
	_cleanup_free_ uint32_t *to = malloc((old->n_files + 1) * sizeof(*to));
	_cleanup_free_ bool *taken = calloc(new->n_files + 1, sizeof(*taken));

	if (!to || !taken)
		return rt_fail(log, ENOMEM, "out of memory");
	for (size_t i = 0; i < old->n_files; i++) {
		size_t k = i;

		/* most often it is in the same place */
		if (k >= new->n_files || taken[k] || strcmp(old->files[i].name, new->files[k].name))
			for (k = 0; k < new->n_files; k++)
				if (!taken[k] && !strcmp(old->files[i].name, new->files[k].name))
					break;
		to[i] = k < new->n_files ? (uint32_t)k : RT_NO_INDEX;
		if (k < new->n_files)
			taken[k] = true;
	}
	*out = take_ptr(to);
	return 0;
}

/* A rule, and the number of its file among the new ones; files that are gone are behind these. */
struct known {
	const struct xdpf_rule *rule;
	size_t file;
};

static int by_identity(const struct known *x, const struct known *y)
{
	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (!x->rule->label != !y->rule->label)
		return x->rule->label ? -1 : 1;
	return strcmp(x->rule->label ? x->rule->label : x->rule->text, y->rule->label ? y->rule->label : y->rule->text);
}

static int by_identity_and_place(const void *a, const void *b)
{
	const struct known *x = a, *y = b;
	int c = by_identity(x, y);

	return c ? c : x->rule < y->rule ? -1 : x->rule > y->rule;
}

static struct known *sorted(const struct xdpf_meta *m, const uint32_t *files, size_t n_new)
{
	struct known *v = calloc(m->n_rules + 1, sizeof(*v));

	for (size_t i = 0; v && i < m->n_rules; i++) {
		size_t file = m->rules[i].file;

		v[i] = (struct known){ &m->rules[i], !files ? file : files[file] != RT_NO_INDEX ? files[file] : n_new + file };
	}
	if (v)
		qsort(v, m->n_rules, sizeof(*v), by_identity_and_place);
	return v;
}

int rt_match_rules(const struct xdpf_meta *old, const struct xdpf_meta *new, const uint32_t *files, rt_match_fn fn, void *arg,
		   const struct xdpf_log *log)
{
	_cleanup_free_ struct known *was = sorted(old, files, new->n_files), *is = sorted(new, NULL, 0);
	size_t i = 0, k = 0;
	int err = 0;

	if (!was || !is)
		return rt_fail(log, ENOMEM, "out of memory");
	while ((i < old->n_rules || k < new->n_rules) && !err) {
		int c = i == old->n_rules ? 1 : k == new->n_rules ? -1 : by_identity(&was[i], &is[k]);

		err = fn(arg, c <= 0 ? was[i].rule : NULL, c >= 0 ? is[k].rule : NULL);
		i += c <= 0;
		k += c >= 0;
	}
	return err;
}

static bool same(const uint32_t *files, unsigned old_file, const char *old_name, unsigned new_file, const char *new_name)
{
	return files[old_file] == new_file && !strcmp(old_name, new_name);
}

uint32_t rt_match_set(const struct xdpf_meta *old, const struct xdpf_meta *new, const uint32_t *files, size_t set)
{
	for (size_t i = 0; i < old->n_sets; i++)
		if (same(files, old->sets[i].file, old->sets[i].name, new->sets[set].file, new->sets[set].name))
			return (uint32_t)i;
	return RT_NO_INDEX;
}

/* There may be very many of them. */
struct known_limit {
	const struct xdpf_limit *limit;
	size_t file;
};

static int by_name(const struct known_limit *x, const struct known_limit *y)
{
	return x->file != y->file ? (x->file < y->file ? -1 : 1) : strcmp(x->limit->name, y->limit->name);
}

static int by_name_and_place(const void *a, const void *b)
{
	const struct known_limit *x = a, *y = b;
	int c = by_name(x, y);

	return c ? c : x->limit < y->limit ? -1 : x->limit > y->limit;
}

/* Of limits whose file goes on. */
static struct known_limit *sorted_limits(size_t *n, const struct xdpf_meta *m, const uint32_t *files)
{
	struct known_limit *v = calloc(m->n_limits + 1, sizeof(*v));

	*n = 0;
	for (size_t i = 0; v && i < m->n_limits; i++) {
		size_t file = files ? files[m->limits[i].file] : m->limits[i].file;

		if (file != RT_NO_INDEX)
			v[(*n)++] = (struct known_limit){ &m->limits[i], file };
	}
	if (v)
		qsort(v, *n, sizeof(*v), by_name_and_place);
	return v;
}

int rt_match_limits(uint32_t **out, const struct xdpf_meta *old, const struct xdpf_meta *new, const uint32_t *files, const struct xdpf_log *log)
{
	size_t n_was, n_is;
	_cleanup_free_ struct known_limit *was = sorted_limits(&n_was, old, files), *is = sorted_limits(&n_is, new, NULL);
	uint32_t *to = malloc((new->n_limits + 1) * sizeof(*to));

	if (!was || !is || !to) {
		free(to);
		return rt_fail(log, ENOMEM, "out of memory");
	}
	memset(to, 0xff, new->n_limits * sizeof(*to));
	for (size_t i = 0, k = 0; i < n_was && k < n_is;) {
		int c = by_name(&was[i], &is[k]);

		if (!c)
			to[is[k].limit - new->limits] = (uint32_t)(was[i].limit - old->limits);
		i += c <= 0;
		k += c >= 0;
	}
	*out = to;
	return 0;
}

uint32_t rt_match_table(const struct xdpf_meta *old, const struct xdpf_meta *new, const uint32_t *files, size_t table)
{
	for (size_t i = 0; i < old->n_tables; i++)
		if (same(files, old->tables[i].file, old->tables[i].name, new->tables[table].file, new->tables[table].name))
			return (uint32_t)i;
	return RT_NO_INDEX;
}
