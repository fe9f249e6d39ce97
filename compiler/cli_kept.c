/*
 * xdpfc --kept FILE: rule files that a running filter was made from, which `xdpf apply --replace` and its like hand over, since they may be gone from
 * the disk. In: a JSON array of { "path", "root", "text" }. Out: a file by its path, before the file system is asked. Guaranteed: what such a file
 * names is looked for among them alone, absolute paths too, so that nobody's rules change by what lies on this disk now; all other files come from
 * the disk, and what they name, too.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* One of them; .root is what its paths begin with. */
struct kept {
	const char *path, *root, *text;	/* text NULL: it was read, and is not kept */
	size_t len;
};

struct cli_kept {
	struct kept *v;		/* by .path */
	size_t n;
	struct source_reader reader;
};

static int by_path(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static const struct kept *find(const struct cli_kept *k, const char *path)
{
	const struct kept key = { .path = path };

	return bsearch(&key, k->v, k->n, sizeof(*k->v), by_path);
}

static const char *read_kept(void *arg, struct arena *a, const char *path, size_t *len, const char **why)
{
	const struct kept *f = find(arg, path);

	(void)a;
	if (f && f->text) {
		*len = f->len;
		return f->text;
	}
	*why = "the running filter does not hold it (captures and long files are not kept): apply all files together";
	return NULL;
}

/* As those that come from us: a path below a root, and what is not kept has no text. */
static bool is_sound(const char *path, const char *root, const json_t *text)
{
	size_t n = root ? strlen(root) : 0;

	return n && root[n - 1] == '/' && path && !strncmp(path, root, n) && path[n] && (json_is_string(text) || json_is_null(text));
}

static bool same_text(const struct kept *a, const struct kept *b)
{
	return !a->text || !b->text ? a->text == b->text : a->len == b->len && !memcmp(a->text, b->text, a->len);
}

static bool read_list(struct cli *cli, struct cli_kept *k, const json_t *root)
{
	k->n = json_array_size(root);
	k->v = arena_array(cli->arena, k->n + 1, sizeof(*k->v));
	for (size_t i = 0; i < k->n; i++) {
		const json_t *o = json_array_get(root, i), *text = json_object_get(o, "text");
		const char *path = json_string_value(json_object_get(o, "path")), *below = json_string_value(json_object_get(o, "root"));

		if (!is_sound(path, below, text))
			return false;
		k->v[i] = (struct kept){ arena_strndup(cli->arena, path, strlen(path)), arena_strndup(cli->arena, below, strlen(below)), NULL, 0 };
		if (!json_is_string(text))
			continue;
		k->v[i].len = json_string_length(text);
		k->v[i].text = arena_strndup(cli->arena, json_string_value(text), k->v[i].len);
	}
	qsort(k->v, k->n, sizeof(*k->v), by_path);
	/* a file may have been read more than once, and be another each time: then nobody knows which text is meant where */
	for (size_t i = 1; i < k->n; i++)
		if (!by_path(&k->v[i - 1], &k->v[i]) && !same_text(&k->v[i - 1], &k->v[i]))
			return false;
	return json_is_array(root);
}

int cli_kept(struct cli *cli)
{
	struct cli_kept *k = arena_alloc(cli->arena, sizeof(*k));
	json_error_t e;
	json_t *root;
	bool ok;

	if (!cli->kept_path)
		return -1;
	root = json_load_file(cli->kept_path, 0, &e);
	ok = root && read_list(cli, k, root);
	json_decref(root);
	if (!ok) {
		cli_error("--kept %s: it is no list of files as `xdpf apply --replace` writes it%s%s", cli->kept_path, root ? "" : ": ",
			  root ? "" : e.text);
		return EXIT_INPUT;
	}
	k->reader = (struct source_reader){ read_kept, k, true };
	cli->kept = k;
	return -1;
}

const struct source_reader *cli_kept_reader(const struct cli *cli)
{
	return cli->kept ? &cli->kept->reader : NULL;
}

const struct source *cli_kept_source(struct cli *cli, const char *path)
{
	const struct kept *f = cli->kept ? find(cli->kept, path) : NULL;
	struct source *s;

	if (!f || !f->text)
		return NULL;
	s = source_new(cli->arena, path, f->text, f->len);
	s->root = f->root;
	return s;
}
