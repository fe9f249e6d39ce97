/*
 * What an object says about itself. In comes JSON text that may be anything; out go structs in which every index is in bounds
 * and used once, every key field lies within its key and has the size of its kind, and every string is free of control
 * characters. Strings stand in the parsed JSON, which lives as long as the structs.
 */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>

#include "lang.h"
#include "private.h"

enum { MAX_FILES = 4096, MAX_RULES = 1 << 20, MAX_TABLES = 256, MAX_KEY_FIELDS = 64, MAX_KEY_SIZE = 512, MAX_ACTIONS = 1 << 20,
       MAX_IFACES = 1 << 16, MAX_WAYS = 1 << 20, MAP_NAME_MAX = 15 };

struct rt_meta {
	struct xdpf_meta m;
	json_t *root;
	struct xdpf_file *files;
	struct xdpf_rule *rules;
	struct xdpf_table *tables;
	struct xdpf_key_field *keys;	/* of all tables */
	struct xdpf_action *actions;
	const char **ifaces;
	bool *used;			/* by index */
	const char **ports;
	const char **members;		/* of all floods */
	struct xdpf_flood *floods;
	unsigned *cpus;
};

/* The parse at work: the first complaint wins. */
struct parse {
	struct rt_meta *meta;
	const struct xdpf_log *log;
	int err;
};

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

/* ---- members, with their types ---- */

static void bad(struct parse *p, const char *what, const char *why)
{
	if (!p->err)
		p->err = rt_fail(p->log, EBADMSG, "the object's metadata is broken: \"%s\" %s", what, why);
}

static bool harmless(const char *s)
{
	for (const unsigned char *c = (const unsigned char *)s; *c; c++)
		if (*c < 0x20 || *c == 0x7f || (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0))
			return false;
	return true;
}

static const char *get_string(struct parse *p, const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	if (!s)
		bad(p, key, "is missing or no string");
	else if (!harmless(s))
		bad(p, key, "has control characters");
	else
		return s;
	return "";
}

static unsigned get_number(struct parse *p, const json_t *o, const char *key, unsigned max)
{
	const json_t *v = json_object_get(o, key);
	json_int_t n = json_integer_value(v);

	if (!json_is_integer(v))
		bad(p, key, "is missing or no number");
	else if (n < 0 || n > max)
		bad(p, key, "is out of bounds");
	else
		return (unsigned)n;
	return 0;
}

static enum xdpf_verdict get_verdict(struct parse *p, const json_t *o, bool required)
{
	const json_t *v = json_object_get(o, "verdict");
	const char *s = json_string_value(v);

	if (json_is_null(v) && !required)
		return XDPF_NO_VERDICT;
	for (int i = XDPF_ABORT; s && i < XDPF_N_VERDICTS; i++)
		if (!strcmp(s, xdpf_verdict_name((enum xdpf_verdict)i)))
			return (enum xdpf_verdict)i;
	bad(p, "verdict", "is missing or unknown to this version of xdpf");
	return XDPF_NO_VERDICT;
}

/* An array of objects (or strings) of at most @max elements. */
static const json_t *get_array(struct parse *p, const json_t *o, const char *key, size_t max, bool required)
{
	const json_t *a = json_object_get(o, key);

	if (!a && !required)
		return NULL;
	if (!json_is_array(a))
		bad(p, key, "is missing or no array");
	else if (json_array_size(a) > max)
		bad(p, key, "has too many elements");
	else
		return a;
	return NULL;
}

static void *alloc_array(struct parse *p, size_t n, size_t size)
{
	void *v = p->err ? NULL : calloc(n ? n : 1, size);

	if (!v && !p->err)
		p->err = rt_fail(p->log, ENOMEM, "out of memory");
	return v;
}

/* ---- parts ---- */

static void use_index(struct parse *p, unsigned index)
{
	if (p->err)
		return;
	if (p->meta->used[index])
		bad(p, "index", "is used twice");
	p->meta->used[index] = true;
}

/* What a verdict may turn out to be instead. */
static struct xdpf_other get_other(struct parse *p, const json_t *o)
{
	struct xdpf_other other = { XDPF_NO_VERDICT, 0 };
	const json_t *v = json_object_get(o, "else");

	if (!v)
		return other;
	other.verdict = get_verdict(p, v, true);
	if (!p->err && !p->meta->m.ways.n_others)
		bad(p, "else", "is said, but not \"ways\"");
	other.slot = p->err ? 0 : get_number(p, v, "slot", (unsigned)p->meta->m.ways.n_others - 1);
	return other;
}

static void parse_files(struct parse *p, const json_t *a, unsigned max_index)
{
	for (size_t i = 0; i < p->meta->m.n_files && !p->err; i++) {
		const json_t *o = json_array_get(a, i), *d = json_object_get(o, "default");
		const json_t *counters = json_object_get(o, "counters");
		struct xdpf_file *f = &p->meta->files[i];

		f->name = get_string(p, o, "name");
		f->default_index = get_number(p, d, "index", max_index);
		f->default_verdict = get_verdict(p, d, true);
		f->default_other = get_other(p, d);
		f->counters = json_is_true(counters);
		if (!json_is_boolean(counters))
			bad(p, "counters", "is missing or neither true nor false");
		use_index(p, f->default_index);
	}
}

static void parse_rules(struct parse *p, const json_t *a, unsigned max_index)
{
	for (size_t i = 0; i < p->meta->m.n_rules && !p->err; i++) {
		const json_t *o = json_array_get(a, i);
		struct xdpf_rule *r = &p->meta->rules[i];

		r->index = get_number(p, o, "index", max_index);
		r->file = get_number(p, o, "file", (unsigned)p->meta->m.n_files - 1);
		r->label = json_is_null(json_object_get(o, "label")) ? NULL : get_string(p, o, "label");
		r->shown = get_string(p, o, "shown");
		r->source = get_string(p, o, "source");
		r->line = get_number(p, o, "line", INT_MAX);
		r->column = get_number(p, o, "column", INT_MAX);
		r->verdict = get_verdict(p, o, false);
		r->other = get_other(p, o);
		r->text = get_string(p, o, "text");
		if (i && r->index <= p->meta->rules[i - 1].index)
			bad(p, "index", "is out of order");
		use_index(p, r->index);
	}
}

/* The size that a kind's layout in runtime/abi.h has; 0: any up to 64. */
static bool kind_fits(enum xdpf_key_kind kind, unsigned size)
{
	switch (kind) {
	case XDPF_KEY_NUM:
	case XDPF_KEY_FLAG:
		return size == 1 || size == 2 || size == 4 || size == 8;
	case XDPF_KEY_IP4:
	case XDPF_KEY_IFACE:
		return size == 4;
	case XDPF_KEY_IP6:
		return size == 16;
	case XDPF_KEY_IP:
		return size == 17;
	case XDPF_KEY_MAC:
		return size == 6;
	case XDPF_KEY_BYTES:
		return size >= 1;
	}
	return false;
}

static void parse_key_field(struct parse *p, const json_t *o, struct xdpf_key_field *f, unsigned from, unsigned key_size)
{
	static const char *const kinds[] = {
		[XDPF_KEY_NUM] = "num", [XDPF_KEY_FLAG] = "flag", [XDPF_KEY_IP4] = "ip4", [XDPF_KEY_IP6] = "ip6",
		[XDPF_KEY_IP] = "ip",
		[XDPF_KEY_MAC] = "mac", [XDPF_KEY_BYTES] = "bytes", [XDPF_KEY_IFACE] = "iface",
	};
	const char *kind = get_string(p, o, "kind");
	size_t k = 0;

	f->name = get_string(p, o, "name");
	f->type = get_string(p, o, "type");
	f->offset = get_number(p, o, "offset", key_size);
	f->size = get_number(p, o, "size", key_size);
	while (k < sizeof(kinds) / sizeof(kinds[0]) && strcmp(kinds[k], kind))
		k++;
	if (k == sizeof(kinds) / sizeof(kinds[0]))
		return bad(p, "kind", "is unknown to this version of xdpf");
	f->kind = (enum xdpf_key_kind)k;
	if (!kind_fits(f->kind, f->size))
		return bad(p, "size", "does not fit its kind");
	if (f->offset < from || f->size > key_size - f->offset)
		bad(p, "offset", "lies outside the key, or in another field");
}

static bool is_map_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return n && n <= MAP_NAME_MAX && !s[n] && strncmp(s, "xdpf", 4);
}

static void parse_tables(struct parse *p, const json_t *a)
{
	size_t next = 0, total = 0;

	for (size_t i = 0; i < p->meta->m.n_tables; i++)
		total += json_array_size(json_object_get(json_array_get(a, i), "key"));
	if (total > (size_t)MAX_TABLES * MAX_KEY_FIELDS)
		return bad(p, "key", "has too many elements");
	p->meta->keys = alloc_array(p, total, sizeof(*p->meta->keys));
	for (size_t i = 0; i < p->meta->m.n_tables && !p->err; i++) {
		const json_t *o = json_array_get(a, i), *key = get_array(p, o, "key", MAX_KEY_FIELDS, true);
		struct xdpf_table *t = &p->meta->tables[i];

		t->name = get_string(p, o, "name");
		t->map = get_string(p, o, "map");
		t->file = get_number(p, o, "file", (unsigned)p->meta->m.n_files - 1);
		t->key_size = get_number(p, o, "key_size", MAX_KEY_SIZE);
		t->n_key = json_array_size(key);
		t->key = p->meta->keys + next;
		for (size_t k = 0, from = 0; k < t->n_key && !p->err; k++) {
			struct xdpf_key_field *f = &p->meta->keys[next++];

			parse_key_field(p, json_array_get(key, k), f, (unsigned)from, t->key_size);
			from = f->offset + f->size;
		}
		if (!is_map_name(t->map))
			bad(p, "map", "is no map's name");
		if (!t->n_key != !t->key_size)
			bad(p, "key_size", "does not fit the key");
		for (size_t j = 0; j < i; j++)
			if (!strcmp(p->meta->tables[j].map, t->map))
				bad(p, "map", "is used twice");
	}
}

static void parse_actions(struct parse *p, const json_t *a, unsigned max_index)
{
	for (size_t i = 0; i < p->meta->m.n_actions && !p->err; i++) {
		const json_t *o = json_array_get(a, i);
		struct xdpf_action *x = &p->meta->actions[i];

		x->slot = get_number(p, o, "slot", MAX_ACTIONS);
		x->rule = get_number(p, o, "rule", max_index);
		x->table = get_number(p, o, "table", MAX_TABLES);
		if (x->table >= p->meta->m.n_tables)
			bad(p, "table", "is out of bounds");
		if (!p->err && !xdpf_meta_rule(&p->meta->m, x->rule))
			bad(p, "rule", "is no rule's index");
	}
}

static void parse_ifaces(struct parse *p, const json_t *a)
{
	for (size_t i = 0; i < p->meta->m.n_ifaces && !p->err; i++) {
		const char *s = json_string_value(json_array_get(a, i));

		if (!s || !harmless(s))
			return bad(p, "ifaces", "has an element that is no interface's name");
		p->meta->ifaces[i] = s;
	}
}

static bool is_iface_name(const char *s)
{
	return s && *s && strlen(s) <= 15 && harmless(s) && !strpbrk(s, "/: ");
}

/* Interfaces of @a to @out, which has room for them. */
static void parse_names(struct parse *p, const json_t *a, const char **out)
{
	for (size_t i = 0; i < json_array_size(a); i++) {
		out[i] = json_string_value(json_array_get(a, i));
		if (!is_iface_name(out[i]))
			return bad(p, "ways", "has an element that is no interface's name");
	}
}

static void parse_ways(struct parse *p, const json_t *o)
{
	struct xdpf_ways *w = &p->meta->m.ways;
	const json_t *ports, *floods, *cpus, *sockets = json_object_get(o, "sockets");
	size_t members = 0;

	if (!o || json_is_null(o) || p->err)
		return;
	w->n_others = get_number(p, o, "others", MAX_WAYS);
	ports = get_array(p, o, "ports", MAX_IFACES, true);
	floods = get_array(p, o, "floods", XDPF_MAX_FLOODS, true);
	cpus = get_array(p, o, "cpus", XDPF_MAX_CPUS, true);
	w->sockets = json_is_true(sockets);
	if (!json_is_boolean(sockets))
		bad(p, "sockets", "is missing or neither true nor false");
	for (size_t i = 0; i < json_array_size(floods); i++) {
		size_t n = json_array_size(json_array_get(floods, i));

		if (n < 2 || n > XDPF_MAX_FLOOD)
			bad(p, "floods", "has an element that is no list of interfaces");
		members += n;
	}
	p->meta->ports = alloc_array(p, json_array_size(ports), sizeof(*p->meta->ports));
	p->meta->floods = alloc_array(p, json_array_size(floods), sizeof(*p->meta->floods));
	p->meta->members = alloc_array(p, members, sizeof(*p->meta->members));
	p->meta->cpus = alloc_array(p, json_array_size(cpus), sizeof(*p->meta->cpus));
	if (p->err)
		return;
	parse_names(p, ports, p->meta->ports);
	members = 0;
	for (size_t i = 0; i < json_array_size(floods); i++) {
		const json_t *f = json_array_get(floods, i);

		parse_names(p, f, p->meta->members + members);
		p->meta->floods[i] = (struct xdpf_flood){ p->meta->members + members, json_array_size(f) };
		members += json_array_size(f);
	}
	for (size_t i = 0; i < json_array_size(cpus); i++) {
		const json_t *v = json_array_get(cpus, i);

		if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) >= XDPF_MAX_CPUS)
			return bad(p, "cpus", "has an element that is no CPU's number");
		p->meta->cpus[i] = (unsigned)json_integer_value(v);
	}
	w->ports = p->meta->ports;
	w->n_ports = json_array_size(ports);
	w->floods = p->meta->floods;
	w->n_floods = json_array_size(floods);
	w->cpus = p->meta->cpus;
	w->n_cpus = json_array_size(cpus);
}

static void parse_root(struct parse *p)
{
	struct rt_meta *meta = p->meta;
	struct xdpf_meta *m = &meta->m;
	const json_t *root = meta->root, *files, *rules, *tables, *actions, *ifaces;
	const json_t *version = json_object_get(root, "xdpf");
	unsigned max_index;

	if (!json_is_integer(version) || json_integer_value(version) != XDPF_META_VERSION)
		return bad(p, "xdpf",
			   "(the format's version) is not 1: the object was made by another version of xdpfc; compile it again");
	m->compiler = get_string(p, root, "compiler");
	m->program = get_string(p, root, "program");
	files = get_array(p, root, "files", MAX_FILES, true);
	rules = get_array(p, root, "rules", MAX_RULES, true);
	tables = get_array(p, root, "counters", MAX_TABLES, true);
	ifaces = get_array(p, root, "ifaces", MAX_IFACES, true);
	actions = get_array(p, root, "actions", MAX_ACTIONS, false);
	m->frags = json_is_true(json_object_get(json_object_get(root, "loaded"), "frags"));
	m->n_files = json_array_size(files);
	m->n_rules = json_array_size(rules);
	m->n_tables = json_array_size(tables);
	m->n_actions = json_array_size(actions);
	m->n_ifaces = json_array_size(ifaces);
	if (!p->err && !m->n_files)
		bad(p, "files", "is empty");
	max_index = (unsigned)(m->n_files + m->n_rules - 1);
	m->files = meta->files = alloc_array(p, m->n_files, sizeof(*meta->files));
	m->rules = meta->rules = alloc_array(p, m->n_rules, sizeof(*meta->rules));
	m->tables = meta->tables = alloc_array(p, m->n_tables, sizeof(*meta->tables));
	m->actions = meta->actions = alloc_array(p, m->n_actions, sizeof(*meta->actions));
	m->ifaces = meta->ifaces = alloc_array(p, m->n_ifaces, sizeof(*meta->ifaces));
	meta->used = alloc_array(p, m->n_files + m->n_rules, sizeof(*meta->used));
	parse_ways(p, json_object_get(root, "ways"));
	if (p->err)
		return;
	parse_files(p, files, max_index);
	parse_rules(p, rules, max_index);
	if (!p->err)
		parse_tables(p, tables);
	if (!p->err)
		parse_actions(p, actions, max_index);
	parse_ifaces(p, ifaces);
}


int rt_meta_parse(struct rt_meta **out, const char *text, size_t len, const struct xdpf_log *log)
{
	_cleanup_(rt_meta_freep) struct rt_meta *meta = calloc(1, sizeof(*meta));
	struct parse p = { meta, log, 0 };
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
