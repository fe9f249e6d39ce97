/*
 * Parts of the metadata: tables, actions, logs, interfaces, ways. In: JSON that may be anything. Out: structs in which every index is in
 * bounds, every key field lies within its key and has the size of its kind, and every name can be one.
 */
#include <errno.h>
#include <stdio.h>

#include "limit.h"
#include "metadata.h"

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
	case XDPF_KEY_NET:
		return size == 17;
	case XDPF_KEY_MAC:
		return size == 6;
	case XDPF_KEY_BYTES:
		return size >= 1;
	}
	return false;
}

void meta_parse_key_field(struct meta_parse *p, const json_t *o, struct xdpf_key_field *f, unsigned from, unsigned key_size)
{
	static const char *const kinds[] = {
		[XDPF_KEY_NUM] = "num", [XDPF_KEY_FLAG] = "flag", [XDPF_KEY_IP4] = "ip4", [XDPF_KEY_IP6] = "ip6",
		[XDPF_KEY_IP] = "ip",
		[XDPF_KEY_MAC] = "mac", [XDPF_KEY_BYTES] = "bytes", [XDPF_KEY_IFACE] = "iface",
		[XDPF_KEY_NET] = "net",
	};
	const char *kind = meta_string(p, o, "kind");
	size_t k = 0;

	f->name = meta_string(p, o, "name");
	f->type = meta_string(p, o, "type");
	f->offset = meta_number(p, o, "offset", key_size);
	f->size = meta_number(p, o, "size", key_size);
	while (k < sizeof(kinds) / sizeof(kinds[0]) && strcmp(kinds[k], kind))
		k++;
	if (k == sizeof(kinds) / sizeof(kinds[0]))
		return meta_bad(p, "kind", "is unknown to this version of xdpf");
	f->kind = (enum xdpf_key_kind)k;
	if (!kind_fits(f->kind, f->size))
		return meta_bad(p, "size", "does not fit its kind");
	if (f->offset < from || f->size > key_size - f->offset)
		meta_bad(p, "offset", "lies outside the key, or in another field");
}

static bool is_map_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return n && n <= MAP_NAME_MAX && !s[n] && strncmp(s, "xdpf", 4);
}

void meta_parse_tables(struct meta_parse *p, const json_t *a)
{
	size_t next = 0, total = 0;

	for (size_t i = 0; i < p->meta->m.n_tables; i++)
		total += json_array_size(json_object_get(json_array_get(a, i), "key"));
	if (total > (size_t)MAX_TABLES * MAX_KEY_FIELDS)
		return meta_bad(p, "key", "has too many elements");
	p->meta->keys = meta_alloc(p, total, sizeof(*p->meta->keys));
	for (size_t i = 0; i < p->meta->m.n_tables && !p->err; i++) {
		const json_t *o = json_array_get(a, i), *key = meta_array(p, o, "key", MAX_KEY_FIELDS, true);
		struct xdpf_table *t = &p->meta->tables[i];

		t->name = meta_string(p, o, "name");
		t->map = meta_string(p, o, "map");
		t->file = meta_number(p, o, "file", (unsigned)p->meta->m.n_files - 1);
		t->key_size = meta_number(p, o, "key_size", MAX_KEY_SIZE);
		t->n_key = json_array_size(key);
		t->key = p->meta->keys + next;
		for (size_t k = 0, from = 0; k < t->n_key && !p->err; k++) {
			struct xdpf_key_field *f = &p->meta->keys[next++];

			meta_parse_key_field(p, json_array_get(key, k), f, (unsigned)from, t->key_size);
			from = f->offset + f->size;
		}
		if (!is_map_name(t->map))
			meta_bad(p, "map", "is no map's name");
		if (!t->n_key != !t->key_size)
			meta_bad(p, "key_size", "does not fit the key");
		for (size_t j = 0; j < i; j++)
			if (!strcmp(p->meta->tables[j].map, t->map))
				meta_bad(p, "map", "is used twice");
	}
}

static void parse_action(struct meta_parse *p, size_t i, const struct meta_value *v)
{
	struct xdpf_action *x = &p->meta->actions[i];

	x->slot = meta_number_of(p, v[0], "slot", MAX_ACTIONS);
	x->rule = meta_number_of(p, v[1], "rule", meta_max_index(p));
	x->text = v[3].type != META_ABSENT ? meta_string_of(p, v[3], "action") : "";
	x->table = XDPF_NO_TABLE;
	if (v[2].type != META_NULL) {
		x->table = meta_number_of(p, v[2], "table", MAX_TABLES);
		if (x->table >= p->meta->m.n_tables)
			meta_bad(p, "table", "is out of bounds");
	}
	if (!p->err && !xdpf_meta_rule(&p->meta->m, x->rule))
		meta_bad(p, "rule", "is no rule's index");
}

void meta_parse_actions(struct meta_parse *p, const struct meta_long *l)
{
	meta_each(p, l, (const char *[]){ "slot", "rule", "table", "action", NULL }, parse_action);
}

static void parse_limit(struct meta_parse *p, size_t i, const struct meta_value *v)
{
	struct xdpf_limit *l = &p->meta->limits[i];

	l->name = meta_string_of(p, v[0], "name");
	l->rate = meta_string_of(p, v[1], "rate");
	l->file = meta_number_of(p, v[2], "file", (unsigned)p->meta->m.n_files - 1);
	l->size = meta_number_of(p, v[3], "size", XDPF_LIMIT_MEMORY);
	l->kind = meta_number_of(p, v[4], "words", XDPF_LIMIT_KINDS - 1);
	l->layout = meta_string_of(p, v[5], "layout");
	l->shift = meta_number_of(p, v[6], "shift", XDPF_LIMIT_MAX_SHIFT);
	l->rule = v[7].type != META_ABSENT ? meta_number_of(p, v[7], "rule", meta_max_index(p)) : XDPF_NO_RULE;
	if (!p->err && l->rule != XDPF_NO_RULE && !xdpf_meta_rule(&p->meta->m, l->rule))
		meta_bad(p, "rule", "is no rule's index");
	if (!p->err && !l->size != !l->kind)
		meta_bad(p, "size", "is said of a limit without a key, or not of one with a key");
}

void meta_parse_limits(struct meta_parse *p, const struct meta_long *l)
{
	meta_each(p, l, (const char *[]){ "name", "rate", "file", "size", "words", "layout", "shift", "rule", NULL }, parse_limit);
}

static void parse_logger(struct meta_parse *p, size_t i, const struct meta_value *v)
{
	struct xdpf_logger *l = &p->meta->logs[i];

	l->rule = meta_number_of(p, v[0], "rule", meta_max_index(p));
	l->sample = json_is_true(v[1].tree);
	if (!json_is_boolean(v[1].tree))
		meta_bad(p, "sample", "is missing or neither true nor false");
	if (!p->err && !xdpf_meta_rule(&p->meta->m, l->rule))
		meta_bad(p, "rule", "is no rule's index");
}

void meta_parse_logs(struct meta_parse *p, const struct meta_long *l)
{
	meta_each(p, l, (const char *[]){ "rule", "sample", NULL }, parse_logger);
}

void meta_parse_ifaces(struct meta_parse *p, const json_t *a)
{
	for (size_t i = 0; i < p->meta->m.n_ifaces && !p->err; i++) {
		const char *s = json_string_value(json_array_get(a, i));

		if (!s || !meta_harmless(s))
			return meta_bad(p, "ifaces", "has an element that is no interface's name");
		p->meta->ifaces[i] = s;
	}
}

static bool is_iface_name(const char *s)
{
	return s && *s && strlen(s) <= 15 && meta_harmless(s) && !strpbrk(s, "/: ");
}

/* Interfaces of @a to @out, which has room for them. */
static void parse_names(struct meta_parse *p, const json_t *a, const char **out)
{
	for (size_t i = 0; i < json_array_size(a); i++) {
		out[i] = json_string_value(json_array_get(a, i));
		if (!is_iface_name(out[i]))
			return meta_bad(p, "ways", "has an element that is no interface's name");
	}
}

void meta_parse_ways(struct meta_parse *p, const json_t *o)
{
	struct xdpf_ways *w = &p->meta->m.ways;
	const json_t *ports, *floods, *cpus, *sockets = json_object_get(o, "sockets"), *forwards = json_object_get(o, "forwards");
	size_t members = 0;

	if (!o || json_is_null(o) || p->err)
		return;
	w->n_others = meta_number(p, o, "others", MAX_WAYS);
	ports = meta_array(p, o, "ports", MAX_IFACES, true);
	floods = meta_array(p, o, "floods", XDPF_MAX_FLOODS, true);
	cpus = meta_array(p, o, "cpus", XDPF_MAX_CPUS, true);
	w->sockets = json_is_true(sockets);
	if (!json_is_boolean(sockets))
		meta_bad(p, "sockets", "is missing or neither true nor false");
	w->forwards = json_is_true(forwards);
	if (!json_is_boolean(forwards))
		meta_bad(p, "forwards", "is missing or neither true nor false");
	for (size_t i = 0; i < json_array_size(floods); i++) {
		size_t n = json_array_size(json_array_get(floods, i));

		if (n < 2 || n > XDPF_MAX_FLOOD)
			meta_bad(p, "floods", "has an element that is no list of interfaces");
		members += n;
	}
	p->meta->ports = meta_alloc(p, json_array_size(ports), sizeof(*p->meta->ports));
	p->meta->floods = meta_alloc(p, json_array_size(floods), sizeof(*p->meta->floods));
	p->meta->members = meta_alloc(p, members, sizeof(*p->meta->members));
	p->meta->cpus = meta_alloc(p, json_array_size(cpus), sizeof(*p->meta->cpus));
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
			return meta_bad(p, "cpus", "has an element that is no CPU's number");
		p->meta->cpus[i] = (unsigned)json_integer_value(v);
	}
	w->ports = p->meta->ports;
	w->n_ports = json_array_size(ports);
	w->floods = p->meta->floods;
	w->n_floods = json_array_size(floods);
	w->cpus = p->meta->cpus;
	w->n_cpus = json_array_size(cpus);
}
