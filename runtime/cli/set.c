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
	"       xdpf set add IFACE SET ELEMENT... [--timeout TIME]\n"
	"       xdpf set remove IFACE SET ELEMENT...\n"
	"       xdpf set replace IFACE SET FILE\n"
	"       xdpf set flush IFACE SET\n\n"
	"The sets of the filter on IFACE that are declared `live`. An element is an address, a prefix, a number or another\n"
	"value of the set's type; one of several components is written \"(A, B)\". `replace` makes a file's elements, one on\n"
	"each line, all that is in the set; - is standard input. Many more, from such a file: xargs -a FILE xdpf set add ...\n\n"
	"  --timeout TIME   of what is added: 500ms, 30s, 10m, 2h, 1d, or 0: it stays (else: as the set is declared)\n"
	"  --json           as JSON\n"
	"  --quiet          only errors and warnings\n"
	"  --verbose        what the libraries say too\n";

struct job {
	struct cli *cli;
	struct xdpf_program *p;
	const struct xdpf_meta *m;
	const struct xdpf_set *set;
	size_t at;			/* of .set in the metadata */
	bool json;
	json_t *list;
	size_t n;
};

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

static void one(void *arg, const void *key, uint64_t left)
{
	struct job *j = arg;
	char text[512], time[64];

	j->n++;
	if (!j->list && !j->set)
		return;
	xdpf_set_format(j->set, key, text, sizeof(text));
	put_time(time, sizeof(time), left);
	if (j->list)
		json_array_append_new(j->list, left ? json_pack("{s:s, s:f}", "element", text, "left", (double)left / 1e9)
						    : json_pack("{s:s, s:n}", "element", text, "left"));
	else if (left)
		printf("%s\t%s\n", text, time);
	else
		printf("%s\n", text);
}

static int show(struct job *j)
{
	int err;

	if (j->json)
		j->list = json_array();
	err = xdpf_set_each(j->p, j->at, one, j, &j->cli->log);
	if (err || !j->json) {
		json_decref(j->list);
		return err ? cli_exit(err) : EXIT_DONE;
	}
	return cli_print_json(j->cli, json_pack("{s:s, s:o}", "set", j->set->name, "elements", j->list), JSON_INDENT(2));
}

static void type_text(const struct xdpf_set *s, char *buf, size_t size)
{
	size_t n = 0;

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
		char type[128], time[64] = "";
		int err;

		j->n = 0;
		err = xdpf_set_each(j->p, i, one, j, &j->cli->log);
		if (err) {
			json_decref(all);
			return cli_exit(err);
		}
		type_text(s, type, sizeof(type));
		if (s->timeout)
			put_time(time, sizeof(time), s->timeout);
		if (all)
			json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:I, s:I, s:f}", "name", s->name, "file",
							     j->m->files[s->file].name, "type", type, "elements", (json_int_t)j->n,
							     "size", (json_int_t)s->size, "timeout", (double)s->timeout / 1e9));
		else
			printf("%s : %s  %zu of %u%s%s\n", s->name, type, j->n, s->size, *time ? "  timeout " : "", time);
	}
	if (all)
		return cli_print_json(j->cli, json_pack("{s:o}", "sets", all), JSON_INDENT(2));
	return EXIT_DONE;
}

static int change(struct job *j, char **text, int n, bool add, uint64_t keep)
{
	unsigned char key[512];
	int status = EXIT_DONE;

	if (keep && !j->set->expires) {
		cli_error(j->cli, "the elements of set %s do not expire: its declaration has no timeout, and no rule adds to it for a time",
			  j->set->name);
		return EXIT_INPUT;
	}
	/* first all of them as elements: a mistake in one changes nothing */
	for (int i = 0; i < n; i++)
		if (xdpf_set_key(j->set, text[i], key, &j->cli->log))
			return EXIT_INPUT;
	for (int i = 0; i < n; i++) {
		int err = xdpf_set_key(j->set, text[i], key, &j->cli->log);

		if (!err)
			err = add ? xdpf_set_add(j->p, j->at, key, keep, &j->cli->log) : xdpf_set_remove(j->p, j->at, key, &j->cli->log);
		if (err == -ENOENT && !add) {
			cli_error(j->cli, "%s is not in set %s", text[i], j->set->name);
			status = EXIT_INPUT;
		} else if (err) {
			return cli_exit(err);
		}
	}
	return status;
}

static int replace(struct job *j, const char *path, uint64_t keep)
{
	struct xdpf_set_change change;
	void *keys = NULL;
	size_t n = 0;
	int err, status = cli_set_file(j->cli, j->set, path, &keys, &n);

	if (status)
		return status;
	err = xdpf_set_replace(j->p, j->at, keys, n, keep, &change, &j->cli->log);
	free(keys);
	if (err)
		return cli_exit(err);
	if (!j->cli->quiet)
		fprintf(stderr, "set %s: %zu %s, %zu added, %zu taken out\n", j->set->name, change.elements,
			change.elements == 1 ? "element" : "elements", change.added, change.removed);
	return EXIT_DONE;
}

static int find_set(struct job *j, const char *name)
{
	const char *names[256], *near;
	size_t n = 0;

	for (size_t i = 0; i < j->m->n_sets; i++) {
		if (!strcmp(j->m->sets[i].name, name)) {
			if (j->set) {
				cli_error(j->cli, "two files of the filter have a set %s", name);
				return EXIT_INPUT;
			}
			j->set = &j->m->sets[i];
			j->at = i;
		}
		if (n < 256)
			names[n++] = j->m->sets[i].name;
	}
	if (j->set)
		return EXIT_DONE;
	near = cli_nearest(name, names, n);
	if (near)
		cli_error(j->cli, "the filter has no live set %s; did you mean %s?", name, near);
	else
		cli_error(j->cli, "the filter has no live set %s; `xdpf set list IFACE` lists them", name);
	return EXIT_INPUT;
}

int cmd_set(struct cli *cli, int argc, char **argv)
{
	enum { OPT_JSON = OPT_OWN, OPT_TIMEOUT };
	static const struct option options[] = {
		{ "json", no_argument, NULL, OPT_JSON }, { "timeout", required_argument, NULL, OPT_TIMEOUT }, CLI_COMMON_OPTIONS, { 0 }
	};
	static const struct {
		const char *name;
		int least, most;	/* operands behind it */
	} verbs[] = { { "list", 1, 1 }, { "show", 2, 2 }, { "add", 3, 1 << 20 }, { "remove", 3, 1 << 20 }, { "flush", 2, 2 }, { "replace", 3, 3 } };
	_cleanup_(program_freep) struct xdpf_program *p = NULL;
	struct job j = { .cli = cli };
	const char *verb, *timeout = NULL;
	uint64_t keep = 0;
	size_t v = 0, gone = 0;
	int c, status, n, err;

	cli->usage = usage;
	while ((c = cli_option(cli, argc, argv, options, &status)) != -1) {
		if (c == '?')
			return status;
		if (c == OPT_JSON)
			j.json = true;
		else
			timeout = optarg;
	}
	n = argc - optind - 1;
	verb = n >= 0 ? argv[optind] : "";
	while (v < sizeof(verbs) / sizeof(verbs[0]) && strcmp(verbs[v].name, verb))
		v++;
	if (v == sizeof(verbs) / sizeof(verbs[0]))
		return cli_usage(cli, "say what to do: list, show, add, remove, replace or flush");
	if (n < verbs[v].least || n > verbs[v].most)
		return cli_usage(cli, "`set %s` takes an interface%s", verb,
				 v == 0 ? "" : verbs[v].least == 2 ? " and a set" :
				 verbs[v].most == 3 ? ", a set and a file" : ", a set and elements");
	if (timeout && strcmp(verb, "add") && strcmp(verb, "replace"))
		return cli_usage(cli, "--timeout is for what is added");
	if (timeout && !get_time(cli, timeout, &keep))
		return EXIT_USAGE;
	err = xdpf_program_find(&p, argv[optind + 1], &cli->log);
	if (err)
		return cli_exit(err);
	j.p = p;
	j.m = xdpf_program_meta(p);
	if (v == 0)
		return list(&j);
	status = find_set(&j, argv[optind + 2]);
	if (status)
		return status;
	if (!strcmp(verb, "show"))
		return show(&j);
	if (!strcmp(verb, "replace"))
		return replace(&j, argv[optind + 3], keep);
	if (!strcmp(verb, "flush")) {
		err = xdpf_set_flush(p, j.at, &gone, &cli->log);
		if (!err && !cli->quiet)
			fprintf(stderr, "%zu %s taken out of set %s\n", gone, gone == 1 ? "element" : "elements", j.set->name);
		return err ? cli_exit(err) : EXIT_DONE;
	}
	return change(&j, argv + optind + 3, n - 2, !strcmp(verb, "add"), timeout ? keep : j.set->timeout);
}
