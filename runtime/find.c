/*
 * Sets, limits and tables by what rules call them. In: metadata, and a name, "blocked", or with its file's, "edge.xdpf:blocked". Out: a place in the
 * metadata. A name that several files have is refused with the names that tell them apart.
 */
#include <errno.h>

#include "private.h"

struct named {
	const char *file, *name;
};

/* The @i-th of a kind. */
typedef struct named (*named_fn)(const struct xdpf_meta *m, size_t i);

static bool is_called(struct named n, const char *name)
{
	size_t len = strlen(n.file);

	return !strcmp(n.name, name) || (!strncmp(n.file, name, len) && name[len] == ':' && !strcmp(n.name, name + len + 1));
}

enum { SAID = 4 };			/* files that are named where several have it */

static int several(const struct xdpf_meta *m, const char *kind, const char *name, size_t n, named_fn fn, const struct xdpf_log *log)
{
	char names[SAID * 300] = "";
	const char *first = NULL;
	size_t found = 0, used = 0;

	for (size_t i = 0; i < n; i++) {
		struct named at = fn(m, i);

		if (!is_called(at, name))
			continue;
		if (first && !strcmp(first, at.file))
			return rt_fail(log, ENOTUNIQ, "%s has more than one %s %s: only names in its rules tell them apart", first, kind, name);
		first = first ? first : at.file;
		if (found++ < SAID && used < sizeof(names))
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%.250s:%s", used ? " or " : "", at.file, at.name);
	}
	return rt_fail(log, ENOTUNIQ, "%zu files of the filter have a %s %s: say %s%s", found, kind, name, names, found > SAID ? " or ..." : "");
}

static int find(size_t *out, const struct xdpf_meta *m, const char *kind, const char *name, size_t n, named_fn fn, const struct xdpf_log *log)
{
	size_t found = 0, at = 0;

	for (size_t i = 0; i < n; i++)
		if (is_called(fn(m, i), name) && !found++)
			at = i;
	if (!found)
		return rt_fail(log, ENOENT, "the filter has no %s %s", kind, name);
	if (found > 1)
		return several(m, kind, name, n, fn, log);
	*out = at;
	return 0;
}

static struct named set_at(const struct xdpf_meta *m, size_t i)
{
	return (struct named){ m->files[m->sets[i].file].name, m->sets[i].name };
}

static struct named limit_at(const struct xdpf_meta *m, size_t i)
{
	return (struct named){ m->files[m->limits[i].file].name, m->limits[i].name };
}

static struct named table_at(const struct xdpf_meta *m, size_t i)
{
	return (struct named){ m->files[m->tables[i].file].name, m->tables[i].name };
}

int xdpf_meta_set(size_t *set, const struct xdpf_meta *m, const char *name, const struct xdpf_log *log)
{
	return find(set, m, "live set", name, m->n_sets, set_at, log);
}

int xdpf_meta_limit(size_t *limit, const struct xdpf_meta *m, const char *name, const struct xdpf_log *log)
{
	return find(limit, m, "limit", name, m->n_limits, limit_at, log);
}

int xdpf_meta_table(size_t *table, const struct xdpf_meta *m, const char *name, const struct xdpf_log *log)
{
	return find(table, m, "table", name, m->n_tables, table_at, log);
}
