/*
 * xdpf status: which XDP programs run where, ours with what is known of them, others by name.
 */
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"

static const char usage[] =
	"usage: xdpf status [IFACE...] [--file FILE] [--json]\n\n"
	"Which XDP programs run on the interfaces (without IFACE: on all that have one).\n\n"
	"  --file FILE      only what one of a filter's files has\n"
	"  --rules          prints the rules that run, in their order, each with the place where it stood\n"
	"  --source         prints the files that they were made from, as the object has them\n"
	"  --json           as JSON\n"
	"  --quiet          only errors and warnings\n"
	"  --verbose        what the libraries say too\n";

/* What is asked beyond what runs. */
struct wanted {
	bool rules, source;
	const char *file;		/* of one file only; NULL: of all */
};

static const char *format_time(int64_t t, char *buf, size_t size)
{
	time_t when = (time_t)t;
	struct tm tm;

	if (!t || !localtime_r(&when, &tm) || !strftime(buf, size, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(buf, size, "unknown");
	return buf;
}

static unsigned long long seconds_left(const struct xdpf_iface *i)
{
	return (i->left + 999999999) / 1000000000;
}

/* What is a file's own, of a filter that may be several owners'. */
struct share {
	size_t rules, unlabelled, sets, limits, tables;
};

static struct share share_of(const struct xdpf_meta *m, unsigned file)
{
	struct share s = { 0 };

	for (size_t i = 0; i < m->n_rules; i++) {
		s.rules += m->rules[i].file == file;
		s.unlabelled += m->rules[i].file == file && !m->rules[i].label;
	}
	for (size_t i = 0; i < m->n_sets; i++)
		s.sets += m->sets[i].file == file;
	for (size_t i = 0; i < m->n_limits; i++)
		s.limits += m->limits[i].file == file;
	for (size_t i = 0; i < m->n_tables; i++)
		s.tables += m->tables[i].file == file;
	return s;
}

static void print_number(size_t n, const char *what)
{
	if (n)
		printf(", %zu %s%s", n, what, n == 1 ? "" : "s");
}

static void print_share(const struct xdpf_meta *m, unsigned file)
{
	struct share s = share_of(m, file);

	printf("    file      %s: %zu rule%s", m->files[file].name, s.rules, s.rules == 1 ? "" : "s");
	print_number(s.sets, "live set");
	print_number(s.limits, "limit");
	print_number(s.tables, "table");
	printf(", default %s%s\n", xdpf_verdict_name(m->files[file].default_verdict), m->files[file].counters ? "" : ", not counted");
}

/* Was the source read for this file? */
static bool is_of(const struct xdpf_meta *m, size_t source, unsigned only)
{
	const char *path;
	unsigned file;

	return !only || (xdpf_meta_source(m, source, &file, &path) && file + 1 == only);
}

/* Each behind the file that it is of, where there are several and it is known. */
static void print_sources(const struct xdpf_meta *m, unsigned only)
{
	unsigned next = 0, file;
	const char *path;

	if (only)
		print_share(m, only - 1);
	for (size_t i = 0; i < m->n_sources; i++) {
		if (!is_of(m, i, only))
			continue;
		while (!only && m->n_files > 1 && xdpf_meta_source(m, i, &file, &path) && next <= file)
			print_share(m, next++);
		printf("    source    %s, %" PRIu64 " bytes, sha256 %s\n", m->sources[i].name, m->sources[i].size, m->sources[i].sha256);
	}
	while (!only && m->n_files > 1 && next < m->n_files)
		print_share(m, next++);
}

/* Text that may hold anything, to a place where control characters would do something. Lines end as they do here; JSON has it as it was. */
static void print_text(const char *text)
{
	for (const char *p = text; *p; p++)
		if (*p != '\r' || p[1] != '\n')
			putchar(((unsigned char)*p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7f ? '?' : *p);
	if (*text && text[strlen(text) - 1] != '\n')
		putchar('\n');
}

/* The files as they were, each behind a comment that says which it is. */
static void print_texts(const struct cli *cli, const struct xdpf_iface *i, const struct xdpf_meta *m, unsigned only)
{
	if (!m->n_sources)
		cli_error(cli, "%s: its object was made by an older xdpfc, which does not keep the files' texts; --rules shows the rules", i->name);
	for (size_t k = 0; k < m->n_sources; k++) {
		if (!is_of(m, k, only))
			continue;
		printf("# %s, sha256 %s\n", m->sources[k].name, m->sources[k].sha256);
		if (m->sources[k].text)
			print_text(m->sources[k].text);
		else
			printf("# its text is not in the object: it was left out, or is too long; --rules shows the rules\n");
	}
}

static json_t *sources_json(const struct xdpf_meta *m, bool texts, unsigned only)
{
	json_t *a = json_array(), *o;

	for (size_t i = 0; i < m->n_sources; i++) {
		const char *path = NULL, *file = NULL;
		unsigned of;

		if (!is_of(m, i, only))
			continue;
		if (xdpf_meta_source(m, i, &of, &path))
			file = m->files[of].name;
		o = json_pack("{s:s, s:s?, s:s?, s:I, s:s}", "name", m->sources[i].name, "file", file, "path", path, "size",
			      (json_int_t)m->sources[i].size, "sha256", m->sources[i].sha256);
		if (texts)
			json_object_set_new(o, "text", m->sources[i].text ? json_string(m->sources[i].text) : json_null());
		json_array_append_new(a, o);
	}
	return a;
}

static json_t *shares_json(const struct xdpf_meta *m, unsigned only)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < m->n_files; i++) {
		struct share s = share_of(m, i);

		if (only && only != i + 1)
			continue;
		json_array_append_new(a, json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:s, s:b}", "name", m->files[i].name, "rules",
						   (json_int_t)s.rules, "unlabelled", (json_int_t)s.unlabelled, "sets", (json_int_t)s.sets,
						   "limits", (json_int_t)s.limits, "tables", (json_int_t)s.tables, "default",
						   xdpf_verdict_name(m->files[i].default_verdict), "counters", m->files[i].counters));
	}
	return a;
}

static json_t *rules_json(const struct xdpf_meta *m, unsigned only)
{
	json_t *a = json_array();

	for (size_t i = 0; i < m->n_rules; i++) {
		const struct xdpf_rule *r = &m->rules[i];

		const char *branch = r->branch == XDPF_BRANCH_THEN ? NULL : r->branch == XDPF_BRANCH_ELSE ? "else" : "else if";

		if (only && only != r->file + 1)
			continue;
		json_array_append_new(a, json_pack("{s:s, s:s, s:s?, s:s, s:I, s:I, s:s?, s:s?, s:s}", "rule", r->shown, "file",
						   m->files[r->file].name, "label", r->label, "source", r->source, "line", (json_int_t)r->line,
						   "depth", (json_int_t)r->depth, "branch", branch, "verdict",
						   r->verdict == XDPF_NO_VERDICT ? NULL : xdpf_verdict_name(r->verdict), "text", r->text));
	}
	return a;
}

static void print_ours(const struct xdpf_iface *i, const struct xdpf_meta *m, unsigned only)
{
	char since[32];

	printf("%s: %s, program %s (id %u), since %s\n", cli_shown(i->name).text, xdpf_mode_name(i->mode), m->program,
	       i->part_id ? i->part_id : i->prog_id, format_time(i->since, since, sizeof(since)));
	printf("    files     ");
	for (size_t f = 0; f < m->n_files; f++)
		printf("%s%s", f ? ", " : "", m->files[f].name);
	printf("\n    rules     %zu\n", m->n_rules);
	print_sources(m, only);
	printf("    frags     %s\n", m->frags ? "yes" : "no");
	if (i->part_id)
		printf("    part      of libxdp's dispatcher (id %u)\n", i->prog_id);
	else
		printf("    link      pinned (id %u)\n", i->link_id);
	if (i->pending && i->back_to)
		printf("    waits     for `xdpf confirm %s`: in %llu s the filter from before, %s (id %u), is back\n",
		       cli_shown(i->name).text, seconds_left(i), i->back_to_name, i->back_to);
	else if (i->pending)
		printf("    waits     for `xdpf confirm %s`: in %llu s nothing filters there, as before\n", cli_shown(i->name).text, seconds_left(i));
}

/* Somebody else's, or one where the lack of privileges hides whose it is or what it says about itself. */
static void print_other(const struct xdpf_iface *i)
{
	if (i->mode == XDPF_MODE_NONE) {
		printf("%s: no XDP program\n", cli_shown(i->name).text);
		return;
	}
	printf("%s: %s, %s%s (id %u%s), %s", cli_shown(i->name).text, xdpf_mode_name(i->mode), i->prog_name[0] ? "program " : "a program",
	       i->prog_name, i->prog_id, i->prog_name[0] || i->ours || i->ours_hidden ? "" : "; its name is for CAP_SYS_ADMIN to see",
	       i->ours ? "ours" : i->ours_hidden ? "ours or not: privileges are lacking to tell" : "not ours");
	if (i->link_id)
		printf(", attached by link %u", i->link_id);
	printf("\n");
}

/* Names in rules that stand for other interfaces than their program thinks. */
static int show_names(struct cli *cli, const struct xdpf_program *p, json_t *out)
{
	json_t *names = out ? json_array() : NULL;
	struct xdpf_name *v = NULL;
	size_t n = 0;
	int err = xdpf_program_names(&v, &n, p, &cli->log);

	for (size_t i = 0; i < n && !err; i++) {
		if (names)
			json_array_append_new(names, json_pack("{s:s, s:s, s:I, s:I}", "name", v[i].name, "use", v[i].use, "was",
							       (json_int_t)v[i].was, "is", (json_int_t)v[i].is));
		else if (!v[i].is)
			printf("    names     `%s %s`: no interface is called so now; `xdpf follow` tells the filter\n", v[i].use, v[i].name);
		else
			printf("    names     `%s %s` is interface %u now, and the filter %s%u; `xdpf follow` tells it\n", v[i].use, v[i].name,
			       v[i].is, v[i].was ? "takes it for " : "knows none: ", v[i].was);
	}
	if (names)
		json_object_set_new(json_array_get(out, json_array_size(out) - 1), "names", names);
	free(v);
	return err;
}

static json_t *status_json(const struct xdpf_iface *i, const struct xdpf_meta *m, const struct wanted *w, unsigned only)
{
	json_t *o = json_pack("{s:s, s:I, s:s}", "interface", cli_shown(i->name).text, "ifindex", (json_int_t)i->ifindex, "mode",
			      xdpf_mode_name(i->mode));
	json_t *files;

	if (i->mode == XDPF_MODE_NONE)
		return o;
	json_object_set_new(o, "ours", i->ours_hidden ? json_null() : json_boolean(i->ours));
	json_object_set_new(o, "program", i->prog_name[0] ? json_string(i->prog_name) : json_null());
	json_object_set_new(o, "program_id", json_integer(i->prog_id));
	json_object_set_new(o, "link_id", i->link_id ? json_integer(i->link_id) : json_null());
	json_object_set_new(o, "pending", i->pending ? json_pack("{s:f, s:o, s:s?}", "seconds_left", (double)i->left / 1e9, "back_to",
								  i->back_to ? json_integer(i->back_to) : json_null(), "back_to_program",
								  i->back_to_name[0] ? i->back_to_name : NULL) : json_null());
	json_object_set_new(o, "since", i->since ? json_integer(i->since) : json_null());
	if (!m)
		return o;
	files = json_array();
	for (size_t f = 0; f < m->n_files; f++)
		json_array_append_new(files, json_string(m->files[f].name));
	json_object_set_new(o, "files", files);
	json_object_set_new(o, "rules", json_integer((json_int_t)m->n_rules));
	json_object_set_new(o, "by_file", shares_json(m, only));
	json_object_set_new(o, "frags", json_boolean(m->frags));
	json_object_set_new(o, "compiler", json_string(m->compiler));
	json_object_set_new(o, "sources", sources_json(m, w->source, only));
	if (w->rules)
		json_object_set_new(o, "rule_texts", rules_json(m, only));
	return o;
}

/* Who else sees what it receives, in order: as text only where there is somebody. */
static int show_neighbours(struct cli *cli, const struct xdpf_iface *i, json_t *out)
{
	struct xdpf_neighbour *v = NULL;
	size_t n = 0;
	int err = xdpf_neighbours(&v, &n, i->name, &cli->log);

	if (err)
		return err;
	if (out)
		json_object_set_new(json_array_get(out, json_array_size(out) - 1), "programs", neighbours_json(v, n));
	else if (n > 1 || (n && i->mode == XDPF_MODE_NONE))
		neighbours_text(v, n, "in order", stdout);
	free(v);
	return 0;
}

static void print_wanted(const struct cli *cli, const struct xdpf_iface *i, const struct xdpf_meta *m, const struct wanted *w, unsigned only)
{
	if (!w->rules && !w->source)
		print_ours(i, m, only);
	if (w->source)
		print_texts(cli, i, m, only);
	if (w->rules)
		rules_print(m, only, stdout);
}

static bool has_file(const struct xdpf_meta *m, const char *name)
{
	for (size_t i = 0; m && i < m->n_files; i++)
		if (!strcmp(m->files[i].name, name))
			return true;
	return false;
}

/* @all: interfaces without a program are left out. */
static int show(struct cli *cli, const char *name, bool all, const struct wanted *w, json_t *out, size_t *shown)
{
	_cleanup_(program_freep) struct xdpf_program *p = NULL;
	const struct xdpf_meta *m = NULL;
	struct xdpf_iface i;
	unsigned only = 0;
	int err = xdpf_iface_query(&i, name, &cli->log);

	/* Where all are listed, one that went away meanwhile is no mistake. */
	if (err)
		return all && err == -ENODEV ? 0 : err;
	if (all && i.mode == XDPF_MODE_NONE)
		return 0;
	if (i.ours || i.ours_hidden || i.part_id) {
		err = xdpf_program_find(&p, name, &cli->log);
		/* somebody else put a program into our link */
		if (err == -ENOENT) {
			i.ours = false;
			err = 0;
		} else if (err && err != -EPERM) {
			return err;
		}
		m = p ? xdpf_program_meta(p) : NULL;
	}
	/* where all are listed, others have no such file */
	if (w->file && all && !has_file(m, w->file))
		return 0;
	if (w->file && m && !(only = cli_file(cli, m, name, w->file)))
		return -EBADMSG;
	if (w->file && !m) {
		cli_error(cli, "%s: no filter of ours whose files are known runs there, so none has a file called %s", name, w->file);
		return -EBADMSG;
	}
	(*shown)++;
	if (out)
		json_array_append_new(out, status_json(&i, m, w, only));
	else if (m)
		print_wanted(cli, &i, m, w, only);
	else
		print_other(&i);
	if (!err && m)
		err = show_names(cli, p, out);
	return err ? err : show_neighbours(cli, &i, out);
}

static int show_all(struct cli *cli, const struct wanted *w, json_t *out, size_t *shown)
{
	struct if_nameindex *list = if_nameindex();
	int err = 0;

	if (!list) {
		cli_error(cli, "the interfaces cannot be listed: %s", strerror(errno));
		return -errno;
	}
	for (struct if_nameindex *i = list; i->if_index; i++) {
		int e = show(cli, i->if_name, true, w, out, shown);

		err = err ? err : e;
	}
	if_freenameindex(list);
	return err;
}

int cmd_status(struct cli *cli, int argc, char **argv)
{
	enum { OPT_JSON = OPT_OWN, OPT_RULES, OPT_SOURCE, OPT_FILE };
	static const struct option options[] = {
		{ "json", no_argument, NULL, OPT_JSON }, { "rules", no_argument, NULL, OPT_RULES }, { "source", no_argument, NULL, OPT_SOURCE },
		{ "file", required_argument, NULL, OPT_FILE }, CLI_COMMON_OPTIONS, { 0 }
	};
	struct wanted w = { false, false, NULL };
	json_t *out = NULL;
	size_t shown = 0;
	int c, status, err = 0;

	cli->usage = usage;
	while ((c = cli_option(cli, argc, argv, options, &status)) != -1) {
		if (c == '?') {
			json_decref(out);
			return status;
		}
		w.rules |= c == OPT_RULES;
		w.source |= c == OPT_SOURCE;
		w.file = c == OPT_FILE ? optarg : w.file;
		if (c == OPT_JSON && !out)
			out = json_array();
	}
	if (optind == argc)
		err = show_all(cli, &w, out, &shown);
	for (int i = optind; i < argc; i++) {
		int e = show(cli, argv[i], false, &w, out, &shown);

		err = err ? err : e;
	}
	if (!shown && !out && !err)
		printf("no %s\n", w.file ? "filter on any interface has a file of that name" : "XDP program runs on any interface");
	if (out)
		cli_print_json(cli, out, JSON_INDENT(2));
	return cli_exit(err);
}
