/*
 * xdpfc --kept FILE: rule files that a running filter was made from, which `xdpf apply --replace` and its like hand over, since they may be gone from
 * the disk. In: a JSON array of { "path", "root", "text" }. Out: a file by its path, before the file system is asked. Guaranteed: what such a file
 * names is looked for among them alone, absolute paths too, so that nobody's rules change by what lies on this disk now.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

/* One of them; .root is what its paths begin with. */
struct kept {
	const char *path, *root, *text;	/* text NULL: it is known to have been read, and is not there */
	size_t len;
};

struct cli_kept {
	struct kept *v;
	size_t n;
	struct source_reader reader;
};

static const struct kept *find(const struct cli_kept *k, const char *path)
{
	for (size_t i = 0; i < k->n; i++)
		if (strcmp(k->v[i].path, path) == 0)
			return &k->v[i];
	return NULL;
}

/* Is it below a root? Then it is not for the file system to say. */
static bool is_below(const struct cli_kept *k, const char *path)
{
	for (size_t i = 0; i < k->n; i++)
		if (strncmp(k->v[i].root, path, strlen(k->v[i].root)) == 0)
			return true;
	return false;
}

static const char *from_disk(struct arena *a, const char *path, size_t *len, const char **why)
{
	struct diag_list d = { .arena = a };
	const struct source *s;
	struct stat st;

	/* a named pipe would wait for its writer */
	if (stat(path, &st) < 0) {
		*why = strerror(errno);
		return NULL;
	}
	if (!S_ISREG(st.st_mode)) {
		*why = S_ISDIR(st.st_mode) ? strerror(EISDIR) : "it is not a regular file";
		return NULL;
	}
	s = source_read(a, path, &d);
	if (!s) {
		*why = d.list.n ? d.list.v[0].text : "it cannot be read";
		return NULL;
	}
	*len = s->len;
	return s->text;
}

static const char *read_any(void *arg, struct arena *a, const char *path, size_t *len, const char **why)
{
	const struct cli_kept *k = arg;
	const struct kept *f = find(k, path);

	if (f && f->text) {
		*len = f->len;
		return f->text;
	}
	if (!f && !is_below(k, path))
		return from_disk(a, path, len, why);
	*why = "the running filter does not hold it (captures and long files are not kept); apply all files together";
	return NULL;
}

static bool read_list(struct cli *cli, struct cli_kept *k, const json_t *root)
{
	k->n = json_array_size(root);
	k->v = arena_array(cli->arena, k->n + 1, sizeof(*k->v));
	for (size_t i = 0; i < k->n; i++) {
		const json_t *o = json_array_get(root, i), *text = json_object_get(o, "text");
		const char *path = json_string_value(json_object_get(o, "path")), *below = json_string_value(json_object_get(o, "root"));

		if (!path || !*path || !below || !*below || strncmp(path, below, strlen(below)) != 0 ||
		    (!json_is_string(text) && !json_is_null(text)))
			return false;
		k->v[i] = (struct kept){ arena_strndup(cli->arena, path, strlen(path)), arena_strndup(cli->arena, below, strlen(below)), NULL, 0 };
		if (!json_is_string(text))
			continue;
		k->v[i].len = json_string_length(text);
		k->v[i].text = arena_strndup(cli->arena, json_string_value(text), k->v[i].len);
	}
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
	if (!ok)
		return cli_usage("--kept %s: it is no list of files as `xdpf apply --replace` writes it%s%s", cli->kept_path, root ? "" : ": ",
				 root ? "" : e.text);
	k->reader = (struct source_reader){ read_any, k };
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
