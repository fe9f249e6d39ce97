/*
 * What an object says about itself. In comes JSON text that may be anything; out go structs in which every index is in bounds
 * and used once, every key field lies within its key and has the size of its kind, and every string is free of control
 * characters. Strings stand in the parsed JSON, which lives as long as the structs.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "lang.h"
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
	size_t lo = 0, hi = m->n_rules;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->rules[mid].index < index)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < m->n_rules && m->rules[lo].index == index ? &m->rules[lo] : NULL;
}

void rt_meta_free(struct rt_meta *m)
{
	if (!m)
		return;
	json_decref(m->root);
	free(m->files);
	free(m->rules);
	free(m->tables);
	free(m->keys);
	free(m->actions);
	free(m->limits);
	free(m->logs);
	free(m->sets);
	free(m->set_keys);
	free(m->ifaces);
	free(m->used);
	free(m->ports);
	free(m->members);
	free(m->floods);
	free(m->cpus);
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

/* What a verdict may turn out to be instead. */
static struct xdpf_other get_other(struct meta_parse *p, const json_t *o)
{
	struct xdpf_other other = { XDPF_NO_VERDICT, 0 };
	const json_t *v = json_object_get(o, "else");

	if (!v)
		return other;
	other.verdict = meta_verdict(p, v, true);
	if (!p->err && !p->meta->m.ways.n_others)
		meta_bad(p, "else", "is said, but not \"ways\"");
	other.slot = p->err ? 0 : meta_number(p, v, "slot", (unsigned)p->meta->m.ways.n_others - 1);
	return other;
}

static struct xdpf_cookies get_cookies(struct meta_parse *p, const json_t *o)
{
	struct xdpf_cookies cookies = { false, 0, 0 };
	const json_t *v = json_object_get(o, "cookies");

	if (!v || p->err)
		return cookies;
	/* with it, there are counters */
	if (!json_object_get(o, "else")) {
		meta_bad(p, "cookies", "is said, but not \"else\"");
		return cookies;
	}
	cookies.used = true;
	cookies.completed = meta_number(p, v, "completed", (unsigned)p->meta->m.ways.n_others - 1);
	cookies.unanswered = meta_number(p, v, "unanswered", (unsigned)p->meta->m.ways.n_others - 1);
	return cookies;
}

static void parse_files(struct meta_parse *p, const json_t *a, unsigned max_index)
{
	for (size_t i = 0; i < p->meta->m.n_files && !p->err; i++) {
		const json_t *o = json_array_get(a, i), *d = json_object_get(o, "default");
		const json_t *counters = json_object_get(o, "counters");
		struct xdpf_file *f = &p->meta->files[i];

		f->name = meta_string(p, o, "name");
		f->default_index = meta_number(p, d, "index", max_index);
		f->default_verdict = meta_verdict(p, d, true);
		f->default_other = get_other(p, d);
		f->counters = json_is_true(counters);
		if (!json_is_boolean(counters))
			meta_bad(p, "counters", "is missing or neither true nor false");
		use_index(p, f->default_index);
	}
}

static void parse_rules(struct meta_parse *p, const json_t *a, unsigned max_index)
{
	for (size_t i = 0; i < p->meta->m.n_rules && !p->err; i++) {
		const json_t *o = json_array_get(a, i);
		struct xdpf_rule *r = &p->meta->rules[i];

		r->index = meta_number(p, o, "index", max_index);
		r->file = meta_number(p, o, "file", (unsigned)p->meta->m.n_files - 1);
		r->label = json_is_null(json_object_get(o, "label")) ? NULL : meta_string(p, o, "label");
		r->shown = meta_string(p, o, "shown");
		r->source = meta_string(p, o, "source");
		r->line = meta_number(p, o, "line", INT_MAX);
		r->column = meta_number(p, o, "column", INT_MAX);
		r->verdict = meta_verdict(p, o, false);
		r->other = get_other(p, o);
		r->cookies = get_cookies(p, o);
		r->text = meta_string(p, o, "text");
		if (i && r->index <= p->meta->rules[i - 1].index)
			meta_bad(p, "index", "is out of order");
		use_index(p, r->index);
	}
}

static void parse_root(struct meta_parse *p)
{
	struct rt_meta *meta = p->meta;
	struct xdpf_meta *m = &meta->m;
	const json_t *root = meta->root, *files, *rules, *tables, *actions, *limits, *logs, *ifaces, *sets;
	const json_t *version = json_object_get(root, "xdpf");
	unsigned max_index;

	if (!json_is_integer(version) || json_integer_value(version) != XDPF_META_VERSION)
		return meta_bad(p, "xdpf",
			   "(the format's version) is not 1: the object was made by another version of xdpfc; compile it again");
	m->compiler = meta_string(p, root, "compiler");
	m->program = meta_string(p, root, "program");
	files = meta_array(p, root, "files", MAX_FILES, true);
	rules = meta_array(p, root, "rules", MAX_RULES, true);
	tables = meta_array(p, root, "counters", MAX_TABLES, true);
	ifaces = meta_array(p, root, "ifaces", MAX_IFACES, true);
	actions = meta_array(p, root, "actions", MAX_ACTIONS, false);
	limits = meta_array(p, root, "limits", XDPF_MAX_TABLES, false);
	sets = meta_array(p, root, "sets", MAX_SETS, false);
	logs = meta_array(p, root, "logs", MAX_ACTIONS, false);
	m->frags = json_is_true(json_object_get(json_object_get(root, "loaded"), "frags"));
	m->n_files = json_array_size(files);
	m->n_rules = json_array_size(rules);
	m->n_tables = json_array_size(tables);
	m->n_actions = json_array_size(actions);
	m->n_limits = json_array_size(limits);
	m->n_logs = json_array_size(logs);
	m->n_ifaces = json_array_size(ifaces);
	m->n_sets = json_array_size(sets);
	if (!p->err && !m->n_files)
		meta_bad(p, "files", "is empty");
	max_index = (unsigned)(m->n_files + m->n_rules - 1);
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
	parse_files(p, files, max_index);
	parse_rules(p, rules, max_index);
	if (!p->err)
		meta_parse_tables(p, tables);
	if (!p->err)
		meta_parse_actions(p, actions, max_index);
	if (!p->err)
		meta_parse_logs(p, logs, max_index);
	meta_parse_limits(p, limits);
	if (!p->err)
		meta_parse_sets(p, sets);
	meta_parse_ifaces(p, ifaces);
}


int rt_meta_parse(struct rt_meta **out, const char *text, size_t len, const struct xdpf_log *log)
{
	_cleanup_(rt_meta_freep) struct rt_meta *meta = calloc(1, sizeof(*meta));
	struct meta_parse p = { meta, log, 0 };
	json_error_t err;

	if (!meta)
		return rt_fail(log, ENOMEM, "out of memory");
	meta->root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &err);
	if (!meta->root)
		return rt_fail(log, EBADMSG, "the object's metadata is no JSON text: %s", err.text);
	parse_root(&p);
	if (p.err)
		return p.err;
	*out = take_ptr(meta);
	return 0;
}

int rt_meta_text(char **out, const struct rt_meta *m, bool frags, const struct xdpf_log *log)
{
	json_t *root = json_copy(m->root);
	char *text = NULL;

	if (root && !json_object_set_new(root, "loaded", json_pack("{s:b, s:s}", "frags", frags, "by", "xdpf " XDPF_VERSION)))
		text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	if (!text)
		return rt_fail(log, ENOMEM, "out of memory");
	*out = text;
	return 0;
}
