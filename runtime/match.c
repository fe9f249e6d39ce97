/*
 * What is the same in two programs. In: the metadata of both. Out: pairs. A file is known by its name, a rule by its file and label, without a label
 * by its file and text; where several say the same, they are paired in their order. A limit, a set and a table are known by their file and name.
 */
#include <errno.h>

#include "match.h"

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

uint32_t rt_match_table(const struct xdpf_meta *old, const struct xdpf_meta *new, const uint32_t *files, size_t table)
{
	for (size_t i = 0; i < old->n_tables; i++)
		if (same(files, old->tables[i].file, old->tables[i].name, new->tables[table].file, new->tables[table].name))
			return (uint32_t)i;
	return RT_NO_INDEX;
}
