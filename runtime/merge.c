/*
 * Several owners' files in one filter. In: interfaces, and changes to the files that the filter there is made of. Out: an object of all of them, the
 * unchanged ones by the texts that the running filter holds; it knows which programs it was made from. Guaranteed: of an unchanged file nothing is
 * read from the disk, and xdpf_object_apply() takes the object only where nobody changed anything since.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>

#include "merge.h"
#include "pending.h"

enum { FILES_MOST = 4096, NAMES_SAID = 8 };

/* A file of the new program. */
struct part {
	const char *name;
	const char *path;		/* where it is read from; NULL: it is kept */
	unsigned kept;			/* which of the running program's it is then */
};

struct merge {
	const struct xdpf_log *log;
	struct xdpf_program *prog;	/* of the first interface; NULL: none runs there */
	const struct xdpf_meta *m;	/* of that; of nothing, where none runs */
	struct rt_made_from *from;
	size_t n_from;
	struct part *part;
	size_t n;
};

static void merge_free(struct merge *g)
{
	xdpf_program_free(g->prog);
	free(g->from);
	free(g->part);
}

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* ---- what runs ---- */

static bool same_sources(const struct xdpf_meta *a, const struct xdpf_meta *b)
{
	bool same = a->n_files == b->n_files && a->n_sources == b->n_sources;

	for (size_t i = 0; same && i < a->n_files; i++)
		same = !strcmp(a->files[i].name, b->files[i].name);
	for (size_t i = 0; same && i < a->n_sources; i++)
		same = !strcmp(a->sources[i].name, b->sources[i].name) && !strcmp(a->sources[i].sha256, b->sources[i].sha256);
	return same;
}

static int find_program(struct xdpf_program **out, struct rt_made_from *from, const char *iface, const struct xdpf_log *log)
{
	struct xdpf_iface i;
	char name[64];
	int err = xdpf_iface_query(&i, iface, log);

	if (err)
		return err;
	*from = (struct rt_made_from){ .ifindex = i.ifindex };
	if (i.part_id)
		return rt_fail(log, EOPNOTSUPP, "%s: the filter there is a part of libxdp's dispatcher, and its files are not changed one by one.\n"
			       "Compile all of them together, and apply that with --dispatch", iface);
	if (i.mode == XDPF_MODE_NONE)
		return 0;
	if (!i.ours && !i.ours_hidden)
		return rt_fail(log, EBUSY, "%s: %s runs there and is not ours; it stays, and has no files to be changed", iface,
			       rt_iface_program(&i, name, sizeof(name)));
	err = xdpf_program_find(out, iface, log);
	if (err)
		return err;
	from->prog_id = rt_prog_id((*out)->prog_fd);
	from->meta_id = (*out)->seen_meta;
	return 0;
}

static int find_running(struct merge *g, const char *const *ifaces)
{
	static const struct xdpf_meta nothing;
	int err = find_program(&g->prog, &g->from[0], ifaces[0], g->log);

	g->m = g->prog ? xdpf_program_meta(g->prog) : &nothing;
	for (size_t i = 1; i < g->n_from && !err; i++) {
		_cleanup_(rt_program_freep) struct xdpf_program *p = NULL;

		err = find_program(&p, &g->from[i], ifaces[i], g->log);
		if (!err && (!p != !g->prog || (p && !same_sources(xdpf_program_meta(p), g->m))))
			err = rt_fail(g->log, EINVAL, "%s and %s do not run the same files: change one interface at a time", ifaces[0], ifaces[i]);
	}
	return err;
}

/* ---- the files of the new program ---- */

static struct part *find_part(const struct merge *g, const char *name)
{
	for (size_t i = 0; i < g->n; i++)
		if (!strcmp(g->part[i].name, name))
			return &g->part[i];
	return NULL;
}

static int fail_unknown(const struct merge *g, const char *name)
{
	char names[NAMES_SAID * 280] = "";
	size_t used = 0;

	if (!g->prog)
		return rt_fail(g->log, ENOENT, "no filter runs there that a file called %s could be in: --add it, which makes it one", name);
	for (size_t i = 0; i < g->n && i < NAMES_SAID && used < sizeof(names); i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%.255s", i ? ", " : "", g->part[i].name);
	return rt_fail(g->log, ENOENT, "the filter has no file called %s; its files are %s%s", name, names, g->n > NAMES_SAID ? ", ..." : "");
}

static int check_path(const struct merge *g, const char *path)
{
	if (!path || !*name_of(path) || !strcmp(path, "-"))
		return rt_fail(g->log, EINVAL, "a rule file is wanted, by a path that says how it is called");
	return 0;
}

static int replace(struct merge *g, const struct xdpf_change *c)
{
	int err = check_path(g, c->file);
	struct part *p = err ? NULL : find_part(g, name_of(c->file));

	if (err)
		return err;
	if (!p)
		return fail_unknown(g, name_of(c->file));
	if (p->path)
		return rt_fail(g->log, EINVAL, "%s and %s would be the same file of the filter: give one", p->path, c->file);
	p->path = c->file;
	return 0;
}

static int add(struct merge *g, const struct xdpf_change *c)
{
	const char *beside = c->before ? c->before : c->after;
	int err = check_path(g, c->file);
	size_t at = g->n;
	struct part *p;

	if (err)
		return err;
	if (c->before && c->after)
		return rt_fail(g->log, EINVAL, "%s is to stand before a file or behind one", c->file);
	if (find_part(g, name_of(c->file)))
		return rt_fail(g->log, EEXIST, "the filter has a file called %s: --replace it", name_of(c->file));
	if (g->n >= FILES_MOST)
		return rt_fail(g->log, EINVAL, "a filter has %d files at most", FILES_MOST);
	if (beside) {
		p = find_part(g, beside);
		if (!p)
			return fail_unknown(g, beside);
		at = (size_t)(p - g->part) + (c->after ? 1 : 0);
	}
	memmove(&g->part[at + 1], &g->part[at], (g->n - at) * sizeof(*g->part));
	g->part[at] = (struct part){ name_of(c->file), c->file, 0 };
	g->n++;
	return 0;
}

static int drop(struct merge *g, const struct xdpf_change *c)
{
	struct part *p = c->file ? find_part(g, c->file) : NULL;

	if (!p)
		return fail_unknown(g, c->file ? c->file : "");
	g->n--;
	memmove(p, p + 1, (g->n - (size_t)(p - g->part)) * sizeof(*p));
	return 0;
}

static int plan(struct merge *g, const struct xdpf_change *c, size_t n)
{
	int err = 0;

	g->part = calloc(g->m->n_files + n + 1, sizeof(*g->part));
	if (!g->part)
		return rt_fail(g->log, ENOMEM, "out of memory");
	for (g->n = 0; g->n < g->m->n_files; g->n++)
		g->part[g->n] = (struct part){ g->m->files[g->n].name, NULL, (unsigned)g->n };
	for (size_t i = 0; i < n && !err; i++)
		switch (c[i].kind) {
		case XDPF_CHANGE_REPLACE:
			err = replace(g, &c[i]);
			break;
		case XDPF_CHANGE_ADD:
			err = add(g, &c[i]);
			break;
		case XDPF_CHANGE_DROP:
			err = drop(g, &c[i]);
			break;
		}
	if (!err && !g->n)
		err = rt_fail(g->log, EINVAL, "nothing would be left of the filter: `xdpf remove` takes it off");
	return err;
}

/* ---- texts that the running program holds ---- */

static int fail_text(const struct merge *g, unsigned file, const char *source)
{
	const char *owner = g->m->files[file].name;
	bool own = !strcmp(source, owner);

	return rt_fail(g->log, ENODATA, "the running filter does not hold the text of %s%s%s: its object was made with --no-source or by an older "
		       "xdpfc, or the text is too long, or no UTF-8.\nCompile all files together (xdpfc FILE... -o prog.o), and apply that",
		       source, own ? "" : ", which belongs to ", own ? "" : owner);
}

/* Below it a file's sources have their paths: the list itself is there, which is no directory, so that nothing else is. */
#define KEPT_ROOT RT_KEPT_PATH "/%u/"

/* A rule file itself stands before what it names; @begun: it was there already. */
static int keep(const struct merge *g, json_t *list, size_t source, unsigned file, const char *path, bool begun)
{
	const struct xdpf_source *s = &g->m->sources[source];
	char root[sizeof(KEPT_ROOT) + 16];
	json_t *o;

	if (!*path || !s->text)
		return fail_text(g, file, s->name);
	if (!begun && strcmp(s->name, g->m->files[file].name) != 0)
		return rt_fail(g->log, EBADMSG, "the running filter is broken: what it says of %s begins with %s", g->m->files[file].name, s->name);
	snprintf(root, sizeof(root), KEPT_ROOT, file);
	o = json_pack("{s:s+, s:s, s:s}", "path", root, begun ? path : s->name, "root", root, "text", s->text);
	return o && !json_array_append_new(list, o) ? 0 : rt_fail(g->log, ENOMEM, "out of memory");
}

/* All that was read for files that are kept; @paths: of the files themselves, of malloc(). */
static int keep_all(const struct merge *g, char **paths, json_t *list)
{
	_cleanup_free_ size_t *at = calloc(g->m->n_files + 1, sizeof(*at));	/* by file: its place among the new ones and 1; 0: none */
	unsigned file;
	const char *path;
	int err = 0;

	if (!at)
		return rt_fail(g->log, ENOMEM, "out of memory");
	for (size_t i = 0; i < g->n; i++)
		if (!g->part[i].path)
			at[g->part[i].kept] = i + 1;
	for (size_t i = 0; i < g->m->n_sources && !err; i++) {
		if (!xdpf_meta_source(g->m, i, &file, &path) || !at[file])
			continue;
		err = keep(g, list, i, file, path, paths[at[file] - 1]);
		if (!err && !paths[at[file] - 1] && asprintf(&paths[at[file] - 1], KEPT_ROOT "%s", file, g->part[at[file] - 1].name) < 0)
			err = rt_fail(g->log, ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < g->n && !err; i++)
		if (!g->part[i].path && !paths[i])
			err = fail_text(g, g->part[i].kept, g->part[i].name);
	return err;
}

/* ---- the new object ---- */

/* Sources by their files: those of file f begin at .index[.start[f]], and end where those of the next one begin. */
struct by_file {
	size_t *start, *index;
};

static bool sort_sources(struct by_file *b, const struct xdpf_meta *m)
{
	unsigned file;
	const char *path;

	b->start = calloc(m->n_files + 2, sizeof(*b->start));
	b->index = calloc(m->n_sources + 1, sizeof(*b->index));
	if (!b->start || !b->index)
		return false;
	for (size_t i = 0; i < m->n_sources; i++)
		if (xdpf_meta_source(m, i, &file, &path))
			b->start[file + 2]++;
	for (size_t f = 2; f < m->n_files + 2; f++)
		b->start[f] += b->start[f - 1];
	/* each start goes on to the next one's, and is then the one before's */
	for (size_t i = 0; i < m->n_sources; i++)
		if (xdpf_meta_source(m, i, &file, &path))
			b->index[b->start[file + 1]++] = i;
	return true;
}

static void by_file_free(struct by_file *b)
{
	free(b->start);
	free(b->index);
}

static bool same_texts(const struct xdpf_meta *a, const struct by_file *x, size_t file, const struct xdpf_meta *b, const struct by_file *y, size_t of)
{
	size_t n = x->start[file + 1] - x->start[file];
	bool same = n == y->start[of + 1] - y->start[of];

	for (size_t i = 0; same && i < n; i++) {
		const struct xdpf_source *s = &a->sources[x->index[x->start[file] + i]], *t = &b->sources[y->index[y->start[of] + i]];

		same = !strcmp(s->name, t->name) && !strcmp(s->sha256, t->sha256);
	}
	return same;
}

/* Was it made of the texts that the running one says of itself, of all of them and of nothing else? */
static int check_object(const struct merge *g, const struct xdpf_object *o)
{
	_cleanup_(by_file_free) struct by_file is = { 0 }, was = { 0 };
	const struct xdpf_meta *m = xdpf_object_meta(o);

	if (m->n_files != g->n)
		return rt_fail(g->log, EBADMSG, "xdpfc made a filter of other files");
	if (!sort_sources(&is, m) || !sort_sources(&was, g->m))
		return rt_fail(g->log, ENOMEM, "out of memory");
	for (size_t i = 0; i < g->n; i++)
		if (g->part[i].path && strcmp(m->files[i].name, g->part[i].name) != 0)
			return rt_fail(g->log, EINVAL, "no file of a filter can be called %s: rename it, to UTF-8 without control characters",
				       g->part[i].name);
		else if (strcmp(m->files[i].name, g->part[i].name) != 0 || (!g->part[i].path && !same_texts(m, &is, i, g->m, &was, g->part[i].kept)))
			return rt_fail(g->log, EBADMSG, "the running filter is broken: what it says of %s is not what it was made from.\n"
				       "Compile all files together (xdpfc FILE... -o prog.o), and apply that", g->part[i].name);
	return 0;
}

static int compile(const struct merge *g, struct xdpf_object **out, const struct xdpf_compile_opts *opts)
{
	const char **files = calloc(g->n, sizeof(*files));
	char **paths = calloc(g->n, sizeof(*paths));
	json_t *list = json_array();
	_cleanup_close_ int kept_fd = -1;
	int err = files && paths && list ? rt_memory_file(&kept_fd, "xdpf-kept", g->log) : rt_fail(g->log, ENOMEM, "out of memory");

	if (!err)
		err = keep_all(g, paths, list);
	if (!err && json_dumpfd(list, kept_fd, JSON_COMPACT))
		err = rt_fail(g->log, ENOMEM, "out of memory");
	for (size_t i = 0; i < g->n && !err; i++)
		files[i] = paths[i] ? paths[i] : g->part[i].path;
	if (!err)
		err = rt_compile(out, files, g->n, kept_fd, opts, g->log);
	for (size_t i = 0; paths && i < g->n; i++)
		free(paths[i]);
	free(paths);
	free(files);
	json_decref(list);
	return err;
}

int xdpf_object_merge(struct xdpf_object **out, const char *const *ifaces, size_t n, const struct xdpf_change *changes, size_t n_changes,
		      const struct xdpf_compile_opts *opts, const struct xdpf_log *log)
{
	const struct xdpf_compile_opts opt = opts_copy(struct xdpf_compile_opts, opts);
	_cleanup_(merge_free) struct merge g = { .log = log, .n_from = n };
	_cleanup_(rt_bpffs_turn_over) int turn = -1;
	struct xdpf_object *o = NULL;
	int err = rt_opts_check(opts, sizeof(opt), log);

	if (err)
		return err;
	if (!n || !n_changes)
		return rt_fail(log, EINVAL, "files are changed of a filter on one interface at least, and one at least");
	g.from = calloc(n, sizeof(*g.from));
	if (!g.from)
		return rt_fail(log, ENOMEM, "out of memory");
	err = rt_bpffs_turn(&turn, log);
	if (!err)
		err = find_running(&g, ifaces);
	if (!err)
		err = plan(&g, changes, n_changes);
	/* where there is no xdpfc, no file of the filter is missing */
	if (!err && (err = compile(&g, &o, &opt)) == -ENOENT)
		err = -EIO;
	if (!err)
		err = check_object(&g, o);
	if (err) {
		xdpf_object_free(o);
		return err;
	}
	o->from = take_ptr(g.from);
	o->n_from = n;
	o->turn_fd = take_fd(turn);
	*out = o;
	return 0;
}

/* ---- before it is applied ---- */

int rt_made_check(const struct xdpf_object *o, const struct xdpf_iface *i, int prog_fd, const struct xdpf_log *log)
{
	_cleanup_(rt_program_freep) struct xdpf_program *p = NULL;
	const struct rt_made_from *from = NULL;
	int err, fd;

	for (size_t k = 0; k < o->n_from; k++)
		if (o->from[k].ifindex == i->ifindex)
			from = &o->from[k];
	if (!o->n_from)
		return 0;
	if (!from)
		return rt_fail(log, EINVAL, "%s: what is to run there was made from the filters on other interfaces", i->name);
	if (prog_fd < 0 && !from->prog_id)
		return 0;
	fd = prog_fd < 0 ? -1 : dup(prog_fd);
	err = fd < 0 ? 0 : rt_program_open(&p, fd, i->name, log);
	if (err)
		return err;
	if (p && rt_prog_id(p->prog_fd) == from->prog_id && p->seen_meta == from->meta_id)
		return 0;
	return rt_fail(log, EAGAIN, "%s: somebody else changed the filter there meanwhile; nothing was done: merge the changes anew", i->name);
}
