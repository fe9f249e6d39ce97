/*
 * What an object says about itself. In comes JSON text that may be anything; out go structs in which every index is in bounds
 * and used once, every key field lies within its key and has the size of its kind, and every string is free of control
 * characters. Strings stand in the parsed JSON, which lives as long as the structs.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "lang.h"
#include "limit.h"
#include "metadata.h"

const char *xdpf_verdict_name(enum xdpf_verdict v)
{
	for (int i = 0; i < VERDICT_COUNT; i++)
		if (lang_verdicts[i].xdp == (int)v)
			return lang_verdicts[i].name;
	return "none";
}

const struct xdpf_rule *xdpf_meta_rule(const struct xdpf_meta *m, unsigned index)
{
	return index < m->n_indexes ? m->by_index[index] : NULL;
}

void rt_meta_free(struct rt_meta *m)
{
	if (!m || __atomic_fetch_sub(&m->refs, 1, __ATOMIC_ACQ_REL))
		return;
	if (m->base) {
		rt_meta_free(m->base);
		free(m);
		return;
	}
	json_decref(m->root);
	free(m->text);
	free(m->files);
	free(m->rules);
	free(m->tables);
	free(m->keys);
	free(m->actions);
	free(m->limits);
	free(m->logs);
	free(m->sets);
	free(m->set_keys);
	free(m->snaps);
	free(m->ifaces);
	free(m->used);
	free(m->ports);
	free(m->members);
	free(m->floods);
	free(m->cpus);
	free(m->image.what);
	free(m->moved.past);
	free(m->shared);
	free(m->sources);
	free(m->source_of);
	free(m->declared);
	free(m->by_index);
	free(m);
}

const struct xdpf_meta *rt_meta_get(const struct rt_meta *m)
{
	return &m->m;
}

/* ---- parts ---- */

static void use_index(struct meta_parse *p, unsigned index)
{
	if (p->err)
		return;
	if (p->meta->used[index])
		meta_bad(p, "index", "is used twice");
	p->meta->used[index] = true;
}

/* What a verdict may turn out to be instead; @v NULL: nothing else. */
static struct xdpf_other get_other(struct meta_parse *p, const json_t *v)
{
	struct xdpf_other other = { XDPF_NO_VERDICT, 0 };

	if (!v)
		return other;
	other.verdict = meta_verdict(p, v, true);
	if (!p->err && !p->meta->m.ways.n_others)
		meta_bad(p, "else", "is said, but not \"ways\"");
	other.slot = p->err ? 0 : meta_number(p, v, "slot", (unsigned)p->meta->m.ways.n_others - 1);
	return other;
}

static struct xdpf_cookies get_cookies(struct meta_parse *p, const json_t *v, bool other)
{
	struct xdpf_cookies cookies = { false, 0, 0 };

	if (!v || p->err)
		return cookies;
	/* with it, there are counters */
	if (!other) {
		meta_bad(p, "cookies", "is said, but not \"else\"");
		return cookies;
	}
	cookies.used = true;
	cookies.completed = meta_number(p, v, "completed", (unsigned)p->meta->m.ways.n_others - 1);
	cookies.unanswered = meta_number(p, v, "unanswered", (unsigned)p->meta->m.ways.n_others - 1);
	return cookies;
}

static void parse_files(struct meta_parse *p, const json_t *a)
{
	for (size_t i = 0; i < p->meta->m.n_files && !p->err; i++) {
		const json_t *o = json_array_get(a, i), *d = json_object_get(o, "default");
		const json_t *counters = json_object_get(o, "counters");
		struct xdpf_file *f = &p->meta->files[i];

		f->name = meta_string(p, o, "name");
		f->default_index = meta_number(p, d, "index", meta_max_index(p));
		f->default_verdict = meta_verdict(p, d, true);
		f->default_other = get_other(p, json_object_get(d, "else"));
		f->counters = json_is_true(counters);
		if (!json_is_boolean(counters))
			meta_bad(p, "counters", "is missing or neither true nor false");
		use_index(p, f->default_index);
	}
}

enum { RULE_INDEX, RULE_FILE, RULE_LABEL, RULE_SHOWN, RULE_SOURCE, RULE_LINE, RULE_COLUMN, RULE_VERDICT, RULE_TEXT, RULE_ELSE, RULE_COOKIES,
       RULE_DEPTH, RULE_BRANCH, RULE_MEMBERS };

/* Other than an object it is nothing that could be asked. */
static const json_t *part(struct meta_parse *p, struct meta_value v, const char *key)
{
	if (v.type != META_ABSENT && !json_is_object(v.tree))
		meta_bad(p, key, "is no object");
	return v.tree;
}

static enum xdpf_branch get_branch(struct meta_parse *p, struct meta_value v)
{
	const char *s = v.type == META_ABSENT ? "" : meta_string_of(p, v, "branch");

	if (*s && strcmp(s, "else") && strcmp(s, "else if"))
		meta_bad(p, "branch", "is unknown to this version of xdpf");
	return !*s ? XDPF_BRANCH_THEN : strcmp(s, "else") ? XDPF_BRANCH_ELSE_IF : XDPF_BRANCH_ELSE;
}

static void parse_rule(struct meta_parse *p, size_t i, const struct meta_value *v)
{
	struct xdpf_rule *r = &p->meta->rules[i];

	r->index = meta_number_of(p, v[RULE_INDEX], "index", meta_max_index(p));
	r->file = meta_number_of(p, v[RULE_FILE], "file", (unsigned)p->meta->m.n_files - 1);
	r->label = v[RULE_LABEL].type == META_NULL ? NULL : meta_string_of(p, v[RULE_LABEL], "label");
	r->shown = meta_string_of(p, v[RULE_SHOWN], "shown");
	r->source = meta_string_of(p, v[RULE_SOURCE], "source");
	r->line = meta_number_of(p, v[RULE_LINE], "line", INT_MAX);
	r->column = meta_number_of(p, v[RULE_COLUMN], "column", INT_MAX);
	r->depth = v[RULE_DEPTH].type == META_ABSENT ? 0 : meta_number_of(p, v[RULE_DEPTH], "depth", XDPF_MAX_DEPTH);
	r->branch = get_branch(p, v[RULE_BRANCH]);
	r->verdict = meta_verdict_of(p, v[RULE_VERDICT], false);
	r->other = get_other(p, part(p, v[RULE_ELSE], "else"));
	r->cookies = get_cookies(p, part(p, v[RULE_COOKIES], "cookies"), v[RULE_ELSE].type != META_ABSENT);
	r->text = meta_string_of(p, v[RULE_TEXT], "text");
	if (i && r->index <= p->meta->rules[i - 1].index)
		meta_bad(p, "index", "is out of order");
	use_index(p, r->index);
}

static void parse_rules(struct meta_parse *p, const struct meta_long *l)
{
	static const char *const names[RULE_MEMBERS + 1] = {
		"index", "file", "label", "shown", "source", "line", "column", "verdict", "text", "else", "cookies", "depth", "branch", NULL,
	};

	meta_each(p, l, names, parse_rule);
}

unsigned meta_max_index(const struct meta_parse *p)
{
	return (unsigned)(p->meta->m.n_files + p->meta->m.n_rules - 1);
}

enum { LONG_RULES, LONG_ACTIONS, LONG_LOGS, LONG_LIMITS, LONG_SOURCES, LONGS };

static void parse_root(struct meta_parse *p, const struct meta_long longs[LONGS])
{
	struct rt_meta *meta = p->meta;
	struct xdpf_meta *m = &meta->m;
	const json_t *root = meta->root, *files, *tables, *ifaces, *sets;
	const json_t *version = json_object_get(root, "xdpf");

	if (!json_is_integer(version) || json_integer_value(version) != XDPF_META_VERSION)
		return meta_bad(p, "xdpf",
			   "(the format's version) is not 1: the object was made by another version of xdpfc; compile it again");
	m->compiler = meta_string(p, root, "compiler");
	m->program = meta_string(p, root, "program");
	files = meta_array(p, root, "files", MAX_FILES, true);
	m->n_rules = meta_long_size(p, &longs[LONG_RULES], MAX_RULES, true);
	tables = meta_array(p, root, "counters", MAX_TABLES, true);
	ifaces = meta_array(p, root, "ifaces", MAX_IFACES, true);
	m->n_actions = meta_long_size(p, &longs[LONG_ACTIONS], MAX_ACTIONS, false);
	m->n_limits = meta_long_size(p, &longs[LONG_LIMITS], XDPF_LIMITS_MOST, false);
	sets = meta_array(p, root, "sets", MAX_SETS, false);
	m->n_logs = meta_long_size(p, &longs[LONG_LOGS], MAX_ACTIONS, false);
	m->frags = json_is_true(json_object_get(json_object_get(root, "loaded"), "frags"));
	m->n_files = json_array_size(files);
	m->n_tables = json_array_size(tables);
	m->n_ifaces = json_array_size(ifaces);
	m->n_sets = json_array_size(sets);
	if (!p->err && !m->n_files)
		meta_bad(p, "files", "is empty");
	m->files = meta->files = meta_alloc(p, m->n_files, sizeof(*meta->files));
	m->rules = meta->rules = meta_alloc(p, m->n_rules, sizeof(*meta->rules));
	m->tables = meta->tables = meta_alloc(p, m->n_tables, sizeof(*meta->tables));
	m->limits = meta->limits = meta_alloc(p, m->n_limits, sizeof(*meta->limits));
	m->actions = meta->actions = meta_alloc(p, m->n_actions, sizeof(*meta->actions));
	m->logs = meta->logs = meta_alloc(p, m->n_logs, sizeof(*meta->logs));
	m->sets = meta->sets = meta_alloc(p, m->n_sets, sizeof(*meta->sets));
	m->ifaces = meta->ifaces = meta_alloc(p, m->n_ifaces, sizeof(*meta->ifaces));
	meta->used = meta_alloc(p, m->n_files + m->n_rules, sizeof(*meta->used));
	meta_parse_ways(p, json_object_get(root, "ways"));
	if (p->err)
		return;
	parse_files(p, files);
	parse_rules(p, &longs[LONG_RULES]);
	if (!p->err)
		meta_find_by_index(p);
	if (!p->err)
		meta_parse_tables(p, tables);
	if (!p->err)
		meta_parse_actions(p, &longs[LONG_ACTIONS]);
	if (!p->err)
		meta_parse_logs(p, &longs[LONG_LOGS]);
	if (!p->err)
		meta_parse_limits(p, &longs[LONG_LIMITS]);
	if (!p->err)
		meta_parse_sets(p, sets);
	meta_parse_ifaces(p, ifaces);
	if (!p->err)
		meta_parse_image(p);
	meta_parse_loaded(p);
	if (!p->err)
		meta_parse_sources(p, &longs[LONG_SOURCES]);
}

int rt_meta_take(struct rt_meta **out, char *text, size_t len, const struct xdpf_log *log)
{
	_cleanup_(rt_meta_freep) struct rt_meta *meta = calloc(1, sizeof(*meta));
	struct meta_long longs[LONGS] = {
		{ .name = "rules" }, { .name = "actions" }, { .name = "logs" }, { .name = "limits" }, { .name = "sources" },
	};
	struct meta_parse p = { meta, log, 0 };

	if (!meta) {
		free(text);
		return rt_fail(log, ENOMEM, "out of memory");
	}
	meta->text = text;
	meta_split(&p, text, len, longs, LONGS);
	if (!p.err)
		parse_root(&p, longs);
	if (p.err)
		return p.err;
	*out = take_ptr(meta);
	return 0;
}

int rt_meta_parse(struct rt_meta **out, const char *text, size_t len, const struct xdpf_log *log)
{
	char *copy = malloc(len + 1);

	if (!copy)
		return rt_fail(log, ENOMEM, "out of memory");
	memcpy(copy, text, len);
	return rt_meta_take(out, copy, len, log);
}

int rt_meta_share(struct rt_meta **out, struct rt_meta *m, bool frags, const struct xdpf_log *log)
{
	struct rt_meta *meta = calloc(1, sizeof(*meta));

	if (!meta)
		return rt_fail(log, ENOMEM, "out of memory");
	meta->m = m->m;
	meta->m.frags = frags;
	meta->base = m;
	__atomic_fetch_add(&m->refs, 1, __ATOMIC_RELAXED);
	*out = meta;
	return 0;
}

int rt_meta_text(char **out, const struct rt_meta *m, const char *text, size_t len, bool frags, const char *moved, const struct xdpf_log *log)
{
	static const char loaded[] = ",\"loaded\":{\"frags\":%s,\"by\":\"xdpf " XDPF_VERSION "\"%s}}";
	size_t room = sizeof(loaded) + 8 + (moved ? strlen(moved) : 0);
	char *copy;

	if (json_object_get(m->root, "loaded"))
		return rt_fail(log, EBADMSG, "the object's metadata is broken: \"loaded\" is what is added when it is loaded");
	/* It was read: it ends with a brace, and perhaps blanks. */
	while (len && text[len - 1] != '}')
		len--;
	copy = len ? malloc(len + room) : NULL;
	if (!copy)
		return rt_fail(log, ENOMEM, "out of memory");
	memcpy(copy, text, len - 1);
	snprintf(copy + len - 1, room, loaded, frags ? "true" : "false", moved ? moved : "");
	*out = copy;
	return 0;
}
