/*
 * --texts LIST.json: rules that a running program keeps. In: an object, of which `files` says how many rule files there are, and `sources` has all
 * texts, in the order in which they were read: `name`, `text`. Out: what stands for the files of the command line.
 */
#include <jansson.h>
#include <string.h>

#include "cli.h"

enum { MOST = 1 << 20 };		/* texts */

static int bad(const struct cli *cli, const char *why)
{
	cli_error("%s: %s", cli->texts_path, why);
	return EXIT_INPUT;
}

static int read_texts(struct cli *cli, const json_t *root)
{
	const json_t *list = json_object_get(root, "sources"), *files = json_object_get(root, "files");
	size_t n = json_array_size(list);
	const struct source **v;

	if (!json_is_integer(files) || json_integer_value(files) < 1 || (uint64_t)json_integer_value(files) > n || n > MOST)
		return bad(cli, "`files` is to be a number from 1 to that of `sources`, which is an array");
	v = arena_array(cli->arena, n, sizeof(*v));
	for (size_t i = 0; i < n; i++) {
		const json_t *o = json_array_get(list, i), *text = json_object_get(o, "text");
		const char *name = json_string_value(json_object_get(o, "name"));
		char *copy;

		if (!name || !json_is_string(text))
			return bad(cli, "each of `sources` is to have `name` and `text`, which are strings");
		copy = arena_strndup(cli->arena, json_string_value(text), json_string_length(text));
		v[i] = source_new(cli->arena, arena_strndup(cli->arena, name, strlen(name)), copy, json_string_length(text));
	}
	cli->texts = (struct compile_texts){ v, n, (size_t)json_integer_value(files) };
	return EXIT_DONE;
}

int cli_texts(struct cli *cli)
{
	json_error_t err;
	json_t *root;
	int status;

	root = json_load_file(cli->texts_path, JSON_REJECT_DUPLICATES, &err);
	if (!root)
		return bad(cli, err.text);
	status = read_texts(cli, root);
	json_decref(root);
	return status;
}
