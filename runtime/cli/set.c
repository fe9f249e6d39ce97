/*
 * xdpf set: what is in the sets of the filter that runs on an interface, and changes to it while it runs.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static const char usage[] =
	"usage: xdpf set list IFACE\n"
	"       xdpf set show IFACE SET\n"
	"       xdpf set add IFACE SET [ELEMENT...] [--from FILE] [--timeout TIME]\n"
	"       xdpf set remove IFACE SET [ELEMENT...] [--from FILE]\n"
	"       xdpf set replace IFACE SET FILE|--follow FILE [--timeout TIME]\n"
	"       xdpf set flush IFACE SET\n\n"
	"The sets of the filter on IFACE that are declared `live`. An element is an address, a prefix, a number or another\n"
	"value of the set's type; one of several components is written \"(A, B)\". A file has one on each line; - is standard\n"
	"input. SET is its name, or FILE:NAME where several rule files have one. `add` adds all or, where there is no room,\n"
	"none. `replace` makes a file's elements all that is in the set: a packet finds all of them, or all that was there\n"
	"before. What is asked to end (^C) while it changes a set ends behind the change.\n\n"
	"  --from FILE      the elements of a file, too\n"
	"  --follow FILE    replaces the set each time the file is written or another one takes its place, until interrupted\n"
	"  --timeout TIME   of what is added: 500ms, 30s, 10m, 2h, 1d, or 0: it stays (else: of `add` as the set is declared,\n"
	"                   of `replace` 0)\n"
	"  --json           as JSON\n"
	"  --quiet          only errors and warnings\n"
	"  --verbose        what the libraries say too\n";

enum { TYPE_TEXT = 128, TRIES = 10 };

struct job {
	struct cli *cli;
	struct xdpf_program *p;
	const struct xdpf_meta *m;
	const struct xdpf_set *set;
	size_t at;			/* of .set in the metadata */
	bool json;
	size_t n;
	const char *iface, *name, *from;	/* .from: a file */
	char **text;			/* elements */
	size_t n_text;
	bool has_keep;
	uint64_t keep;
	unsigned char *keys;		/* what was read of both, once: standard input is read no second time. NULL: not yet */
	size_t n_keys;
	char type[TYPE_TEXT];		/* of these */
	bool stale;			/* another filter runs by now: nothing was changed */
};

/* The exit status of a change. */
static int changed(struct job *j, int err)
{
	j->stale = err == -ESTALE;
	return cli_exit(err);
}

static void put_time(char *buf, size_t size, uint64_t ns)
{
	uint64_t ms = (ns + 999999) / 1000000;

	if (ms < 60000)
		snprintf(buf, size, "%" PRIu64 ".%03" PRIu64 "s", ms / 1000, ms % 1000);
	else if (ms < 3600000)
		snprintf(buf, size, "%" PRIu64 "m%02" PRIu64 "s", ms / 60000, ms / 1000 % 60);
	else
		snprintf(buf, size, "%" PRIu64 "h%02" PRIu64 "m", ms / 3600000, ms / 60000 % 60);
}

static bool get_time(const struct cli *cli, const char *text, uint64_t *ns)
{
	if (xdpf_set_time(text, ns))
		return true;
	cli_error(cli, "\"%s\" is no time: write 500ms, 30s, 10m, 2h or 1d, up to 365d", text);
	return false;
}

/* A set may have a million: each is written when it is read. */
static void one(void *arg, const void *key, uint64_t left)
{
	struct job *j = arg;
	char text[512], time[64], *line;
	json_t *o;

	xdpf_set_format(j->set, key, text, sizeof(text));
	put_time(time, sizeof(time), left);
	if (j->json) {
		o = left ? json_pack("{s:s, s:f}", "element", text, "left", (double)left / 1e9) : json_pack("{s:s, s:n}", "element", text, "left");
		line = json_dumps(o, 0);
		printf("%s\n    %s", j->n ? "," : "", line ? line : "null");
		free(line);
		json_decref(o);
	} else if (left) {
		printf("%s\t%s\n", text, time);
	} else {
		printf("%s\n", text);
	}
	j->n++;
}

static int show(struct job *j)
{
	int err;

	if (j->json) {
		json_t *name = json_string(j->set->name), *file = json_string(j->m->files[j->set->file].name);
		char *text = json_dumps(name, JSON_ENCODE_ANY), *of = json_dumps(file, JSON_ENCODE_ANY);

		printf("{\n  \"set\": %s,\n  \"file\": %s,\n  \"elements\": [", text ? text : "null", of ? of : "null");
		free(text);
		free(of);
		json_decref(name);
		json_decref(file);
	}
	err = xdpf_set_each(j->p, j->at, one, j, &j->cli->log);
	if (j->json)
		printf(j->n ? "\n  ]\n}\n" : "]\n}\n");
	return cli_finish(j->cli, err ? cli_exit(err) : EXIT_DONE);
}

static void type_text(const struct xdpf_set *s, char *buf, size_t size)
{
	size_t n = 0;

	*buf = 0;
	for (size_t i = 0; i < s->n_key && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", i ? ", " : s->n_key > 1 ? "(" : "", s->key[i].type);
	if (s->n_key > 1 && n < size)
		snprintf(buf + n, size - n, ")");
}

static int list(struct job *j)
{
	json_t *all = j->json ? json_array() : NULL;

	for (size_t i = 0; i < j->m->n_sets; i++) {
		const struct xdpf_set *s = &j->m->sets[i];
		char type[TYPE_TEXT], time[64] = "", name[512];
		uint64_t n = 0;
		int err = xdpf_set_count(j->p, i, &n, NULL);
		bool unused = err == -ENOENT;

		if (err && !unused) {
			xdpf_set_count(j->p, i, &n, &j->cli->log);
			json_decref(all);
			return cli_exit(err);
		}
		type_text(s, type, sizeof(type));
		if (s->timeout)
			put_time(time, sizeof(time), s->timeout);
		if (all)
			json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:I, s:I, s:f}", "name", s->name, "file",
							     j->m->files[s->file].name, "type", type, "elements", (json_int_t)n,
							     "size", (json_int_t)s->size, "timeout", (double)s->timeout / 1e9));
		else
			printf("%s : %s  %" PRIu64 " of %u%s%s%s\n", cli_name(j->m, s->file, s->name, name, sizeof(name)), type, n, s->size,
			       *time ? "  timeout " : "", time, unused ? "  (no rule asks it)" : "");
	}
	if (all)
		return cli_print_json(j->cli, json_pack("{s:o}", "sets", all), JSON_INDENT(2));
	return EXIT_DONE;
}

/* What is given and what the file has, as keys. A mistake in one changes nothing. */
static int gather(struct job *j)
{
	size_t size = j->set->key_size, n = j->n_text, more = 0;
	char type[TYPE_TEXT];
	void *file = NULL;
	int status;

	type_text(j->set, type, sizeof(type));
	if (j->keys && !strcmp(type, j->type))
		return EXIT_DONE;
	if (j->keys) {
		cli_error(j->cli, "%s: another filter runs there by now, whose set %s is of another type: nothing was changed", j->iface, j->name);
		return EXIT_INPUT;
	}
	status = j->from ? cli_set_file(j->cli, j->set, j->from, &file, &more) : EXIT_DONE;
	j->keys = status ? NULL : malloc((n + more) * size + 1);
	if (!status && !j->keys) {
		cli_error(j->cli, "out of memory");
		status = EXIT_SYSTEM;
	}
	for (size_t i = 0; i < n && !status; i++)
		if (xdpf_set_key(j->set, j->text[i], j->keys + i * size, &j->cli->log))
			status = EXIT_INPUT;
	if (!status && more)
		memcpy(j->keys + n * size, file, more * size);
	free(file);
	j->n_keys = n + more;
	snprintf(j->type, sizeof(j->type), "%s", type);
	return status;
}

static int add(struct job *j)
{
	int err, status = gather(j);

	if (status)
		return status;
	cli_defer();
	err = xdpf_set_add_all(j->p, j->at, j->keys, j->n_keys, j->has_keep ? j->keep : j->set->timeout, &j->cli->log);
	cli_undefer();
	return changed(j, err);
}

static int by_bytes(const void *a, const void *b, void *size)
{
	return memcmp(a, b, *(const size_t *)size);
}

/* Each once. */
static size_t unique(unsigned char *keys, size_t n, size_t size)
{
	size_t out = 0;

	qsort_r(keys, n, size, by_bytes, &size);
	for (size_t i = 0; i < n; i++)
		if (!out || memcmp(keys + (out - 1) * size, keys + i * size, size))
			memmove(keys + out++ * size, keys + i * size, size);
	return out;
}

enum { SAID = 10 };			/* elements that were not there: more of them are only counted */

static int take_out(struct job *j)
{
	size_t size = j->set->key_size, missing = 0, n;
	int err, status = gather(j);
	char text[512];
	bool *was;

	if (status)
		return status;
	was = calloc(j->n_keys + 1, sizeof(*was));
	if (!was) {
		cli_error(j->cli, "out of memory");
		return EXIT_SYSTEM;
	}
	n = j->n_keys = unique(j->keys, j->n_keys, size);
	cli_defer();
	err = xdpf_set_remove_all(j->p, j->at, j->keys, n, was, &j->cli->log);
	cli_undefer();
	for (size_t i = 0; i < n && !err; i++)
		if (!was[i] && missing++ < SAID)
			cli_error(j->cli, "%s is not in set %s", xdpf_set_format(j->set, j->keys + i * size, text, sizeof(text)), j->set->name);
	if (missing > SAID)
		cli_error(j->cli, "and %zu more are not in it", missing - SAID);
	free(was);
	return err ? changed(j, err) : missing ? EXIT_INPUT : EXIT_DONE;
}

static int replace(struct job *j)
{
	struct xdpf_set_change change;
	int err, status = gather(j);

	if (status)
		return status;
	cli_defer();
	err = xdpf_set_replace(j->p, j->at, j->keys, j->n_keys, j->keep, &change, &j->cli->log);
	cli_undefer();
	if (!err && !j->cli->quiet)
		fprintf(stderr, "set %s: %zu %s, %zu added, %zu taken out\n", j->set->name, change.elements,
			change.elements == 1 ? "element" : "elements", change.added, change.removed);
	return changed(j, err);
}

/* Nothing has this name. */
static int no_set(const struct job *j, const char *name)
{
	const char *names[256], *colon = strrchr(name, ':'), *near;
	char shown[512];
	size_t n = 0, i;

	for (i = 0; i < j->m->n_sets && n < 256; i++)
		names[n++] = j->m->sets[i].name;
	near = cli_nearest(colon ? colon + 1 : name, names, n);
	for (i = 0; near && j->m->sets[i].name != near;)
		i++;
	if (near)
		cli_error(j->cli, "the filter has no live set %s; did you mean %s?", name,
			  cli_name(j->m, j->m->sets[i].file, near, shown, sizeof(shown)));
	else
		cli_error(j->cli, "the filter has no live set %s; `xdpf set list IFACE` lists them", name);
	return EXIT_INPUT;
}

static int find_set(struct job *j, const char *name)
{
	int err = xdpf_meta_set(&j->at, j->m, name, NULL);

	if (err == -ENOENT)
		return no_set(j, name);
	if (err) {
		xdpf_meta_set(&j->at, j->m, name, &j->cli->log);
		return EXIT_INPUT;
	}
	j->set = &j->m->sets[j->at];
	if (j->keep && !j->set->expires)
		return cli_usage(j->cli, "--timeout is for sets whose elements expire, and those of %s do not: its declaration has no `timeout`, "
				 "and no rule adds to it for a time", name);
	return EXIT_DONE;
}

static int flush(struct job *j)
{
	size_t gone = 0;
	int err;

	cli_defer();
	err = xdpf_set_flush(j->p, j->at, &gone, &j->cli->log);
	cli_undefer();
	if (!err && !j->cli->quiet)
		fprintf(stderr, "%zu %s taken out of set %s\n", gone, gone == 1 ? "element" : "elements", j->set->name);
	return changed(j, err);
}

/* Of the filter that runs now; where another one takes its place meanwhile, of that. */
static int act(struct job *j, int (*what)(struct job *j))
{
	for (int i = 0; i < TRIES; i++) {
		_cleanup_(program_freep) struct xdpf_program *p = NULL;
		int err = xdpf_program_find(&p, j->iface, &j->cli->log), status;

		if (err)
			return cli_exit(err);
		j->p = p;
		j->m = xdpf_program_meta(p);
		j->set = NULL;
		j->stale = false;
		/* all others are about one set */
		status = what == list ? EXIT_DONE : find_set(j, j->name);
		if (!status)
			status = what(j);
		if (!j->stale)
			return status;
	}
	cli_error(j->cli, "%s: its filter is replaced again and again: nothing was changed", j->iface);
	return EXIT_SYSTEM;
}

/* What a file that is followed has now. */
static int replace_again(void *arg)
{
	struct job *j = arg;
	int status = act(j, replace);

	free(j->keys);
	j->keys = NULL;
	return status;
}

struct verb {
	const char *name;
	int (*run)(struct job *j);
	int least, most;		/* operands behind it */
	const char *what;
};

static const struct verb verbs[] = {
	{ "list", list, 1, 1, "" }, { "show", show, 2, 2, " and a set" }, { "add", add, 2, 1 << 20, ", a set and elements" },
	{ "remove", take_out, 2, 1 << 20, ", a set and elements" }, { "flush", flush, 2, 2, " and a set" },
	{ "replace", replace, 2, 3, ", a set and a file" },
};

/* The verb that is first of @n operands; NULL, and what is wrong was said. */
static const struct verb *verb_of(struct cli *cli, char **operand, int n, const char *from, const char *follow)
{
	const char *name = n ? operand[0] : "";

	for (size_t v = 0; v < sizeof(verbs) / sizeof(verbs[0]); v++) {
		bool elements = verbs[v].most > 3, file = verbs[v].most == 3;

		if (strcmp(verbs[v].name, name))
			continue;
		if (n - 1 < verbs[v].least || n - 1 > verbs[v].most || (elements && n == 3 && !from) || (file && (n == 4) == (follow != NULL)))
			cli_usage(cli, "`set %s` takes an interface%s", name, verbs[v].what);
		else if ((from && !elements) || (follow && !file))
			cli_usage(cli, "--%s is for `%s`", from ? "from" : "follow", from ? "add` and `remove" : "replace");
		else
			return &verbs[v];
		return NULL;
	}
	cli_usage(cli, "say what to do: list, show, add, remove, replace or flush");
	return NULL;
}

int cmd_set(struct cli *cli, int argc, char **argv)
{
	enum { OPT_JSON = OPT_OWN, OPT_TIMEOUT, OPT_FROM, OPT_FOLLOW };
	static const struct option options[] = {
		{ "json", no_argument, NULL, OPT_JSON }, { "timeout", required_argument, NULL, OPT_TIMEOUT },
		{ "from", required_argument, NULL, OPT_FROM }, { "follow", required_argument, NULL, OPT_FOLLOW }, CLI_COMMON_OPTIONS, { 0 }
	};
	struct job j = { .cli = cli };
	const char *timeout = NULL, *follow = NULL;
	const struct verb *verb;
	char **operand;
	int c, status, n;

	cli->usage = usage;
	while ((c = cli_option(cli, argc, argv, options, &status)) != -1) {
		if (c == '?')
			return status;
		if (c == OPT_JSON)
			j.json = true;
		else if (c == OPT_TIMEOUT)
			timeout = optarg;
		else if (c == OPT_FROM && j.from)
			return cli_usage(cli, "--from takes one file: `cat FILE... | xdpf set ... --from -` takes several");
		else if (c == OPT_FROM)
			j.from = optarg;
		else
			follow = optarg;
	}
	operand = argv + optind;
	n = argc - optind;
	verb = verb_of(cli, operand, n, j.from, follow);
	if (!verb)
		return EXIT_USAGE;
	if (timeout && verb->run != add && verb->run != replace)
		return cli_usage(cli, "--timeout is for what is added");
	if (timeout && !get_time(cli, timeout, &j.keep))
		return EXIT_USAGE;
	if (follow && !strcmp(follow, "-"))
		return cli_usage(cli, "--follow takes a file, since standard input is read once: `xdpf set replace IFACE SET -` for each list that "
				 "comes");
	j.has_keep = timeout;
	j.iface = operand[1];
	j.name = operand[2];			/* NULL, behind the last one: of `list` */
	if (verb->run == replace) {
		j.from = follow ? follow : operand[3];
	} else if (n > 3) {
		j.text = operand + 3;
		j.n_text = (size_t)n - 3;
	}
	status = follow ? cli_set_follow(cli, j.iface, follow, replace_again, &j) : act(&j, verb->run);
	free(j.keys);
	return status;
}
