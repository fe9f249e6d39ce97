/*
 * Metadata of a program. In comes a checked tree; out go the JSON text that runtime/abi.h describes, and the map names and
 * key layouts of count tables. Guaranteed: the same tree gives the same bytes, the text is valid UTF-8 whatever the rule
 * files hold, and a map name never meets another map's or one of ours.
 */
#include "meta_text.h"

#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "symbol.h"
#include "utf8.h"

enum { NAME_MAX_SHOWN = 255 };

/* ---- keys ---- */

static void key_field_size(struct meta_key_field *f)
{
	unsigned bits = f->operand->bits;

	f->align = 1;
	switch (f->kind) {
	case KIND_NUM:
	case KIND_FLAG:
		f->size = bits <= 8 ? 1 : bits <= 16 ? 2 : bits <= 32 ? 4 : 8;
		f->align = f->size;
		break;
	case KIND_IFACE:
		f->size = 4;
		f->align = 4;
		break;
	case KIND_IP4:
		f->size = 4;
		f->align = 4;
		break;
	case KIND_IP6:
		f->size = 16;
		f->align = 4;
		break;
	case KIND_IP:
		f->size = 17;
		f->align = 4;
		break;
	case KIND_MAC:
		f->size = 6;
		break;
	case KIND_BYTES:
		f->size = (bits + 7) / 8;
		break;
	}
}

struct meta_key meta_key_layout(struct arena *a, struct ast_operand *const *key, size_t n)
{
	struct meta_key_field *field = arena_array(a, n ? n : 1, sizeof(*field));
	struct meta_key k = { field, (unsigned)n, 0, 1 };

	for (size_t i = 0; i < n; i++) {
		struct meta_key_field *f = &field[i];

		f->operand = key[i];
		f->kind = f->operand->value_kind;
		key_field_size(f);
		f->offset = (k.size + f->align - 1) / f->align * f->align;
		k.size = f->offset + f->size;
		if (f->align > k.align)
			k.align = f->align;
	}
	k.size = (k.size + k.align - 1) / k.align * k.align;
	return k;
}

/* ---- map names ---- */

/* Names taken so far: a hash with open addressing, at most half full. */
struct names {
	const char **slot;
	size_t mask;
};

static bool names_take(struct names *n, const char *name)
{
	uint32_t h = 2166136261u;
	size_t i;

	for (const char *p = name; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	for (i = h & n->mask; n->slot[i]; i = (i + 1) & n->mask)
		if (!strcmp(n->slot[i], name))
			return false;
	n->slot[i] = name;
	return true;
}

const char *const *meta_map_names(struct arena *a, const struct ast_program *p)
{
	const char **names = arena_array(a, p->n_counters + 1, sizeof(*names));
	struct names taken = { NULL, 15 };

	while (taken.mask < 2 * (size_t)p->n_counters + 4)
		taken.mask = taken.mask * 2 + 1;
	taken.slot = arena_array(a, taken.mask + 1, sizeof(*taken.slot));
	if (p->name)
		names_take(&taken, p->name);
	for (size_t u = 0; u < p->units.n; u++) {
		for (size_t i = 0; i < p->units.v[u]->counters.n; i++) {
			const struct ast_counter *c = p->units.v[u]->counters.v[i];
			const char *s = symbol_make(a, c->name.s, strlen(c->name.s));

			/* A number of its own makes it unique, save where another table is called just so; then the next. */
			for (uint64_t k = c->index; symbol_reserved(s) || !names_take(&taken, s); k += p->n_counters) {
				char *tail = arena_printf(a, "_%llu", (unsigned long long)k);
				const char *stem_of = symbol_reserved(s) ? "count" : c->name.s;
				char *stem = symbol_make(a, stem_of, strlen(stem_of));

				stem[SYMBOL_MAX - strlen(tail)] = '\0';
				s = arena_printf(a, "%s%s", stem, tail);
			}
			names[c->index] = s;
		}
	}
	return names;
}

const char *meta_map_name(struct arena *a, const struct ast_program *p, const struct ast_counter *c)
{
	return meta_map_names(a, p)[c->index];
}

/* ---- text ---- */

static const char *shown_name(struct arena *a, const char *s)
{
	return utf8_line(a, s, strlen(s), NAME_MAX_SHOWN, false);
}

const char *meta_operand_text(struct arena *a, const struct ast_operand *o)
{
	const char *s = o->name.s;

	if (o->has_slice)
		s = arena_printf(a, "%s[%llu:%llu]", s, (unsigned long long)o->off, (unsigned long long)o->len);
	for (unsigned i = 0; o->has_prefix && i < o->n_prefix; i++)
		s = arena_printf(a, "%s/%llu", s, (unsigned long long)o->prefix[i]);
	return s;
}

/* ---- JSON ---- */

static const char *kind_name(enum type_kind k)
{
	switch (k) {
	case KIND_NUM:
		return "num";
	case KIND_FLAG:
		return "flag";
	case KIND_IP4:
		return "ip4";
	case KIND_IP6:
		return "ip6";
	case KIND_IP:
		return "ip";
	case KIND_MAC:
		return "mac";
	case KIND_BYTES:
		return "bytes";
	case KIND_IFACE:
		return "iface";
	}
	return "num";
}

static const char *operand_type(const struct ast_operand *o)
{
	if (o->kind == OPERAND_FIELD)
		return lang_types[lang_fields[o->field].type].name;
	return lang_types[o->value_kind == KIND_BYTES ? TYPE_BYTES : TYPE_NUM].name;
}

void meta_put_file(struct meta_text *t, const struct ast_unit *u, bool index)
{
	struct arena *a = arena_new();

	meta_put(t, "{\"name\":");
	meta_put_string(t, shown_name(a, u->name));
	meta_put(t, ",\"default\":{");
	if (index) {
		meta_put(t, "\"index\":");
		meta_put_number(t, u->default_index);
		meta_put(t, ",");
	}
	meta_put(t, "\"verdict\":");
	meta_put_verdict(t, u->default_verdict);
	meta_put_other(t, u->default_way);
	meta_put(t, u->counters_off ? "},\"counters\":false}" : "},\"counters\":true}");
	arena_free(a);
}

static json_t *names_json(struct arena *a, const char *const *names, size_t n)
{
	json_t *o = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(o, json_string(shown_name(a, names[i])));
	return o;
}

static json_t *ways_json(struct arena *a, const struct ast_program *p)
{
	json_t *floods = json_array(), *cpus = json_array();

	for (size_t i = 0; i < p->floods.n; i++)
		json_array_append_new(floods, names_json(a, p->floods.v[i]->iface, p->floods.v[i]->n));
	for (size_t i = 0; i < p->cpus.n; i++)
		json_array_append_new(cpus, json_integer(p->cpus.v[i]));
	return json_pack("{s:I, s:o, s:o, s:o, s:b, s:b}", "others", (json_int_t)p->ways.n, "ports", names_json(a, p->ports.v, p->ports.n),
			 "floods", floods, "cpus", cpus, "sockets", p->sockets, "forwards", p->forwards);
}

static json_t *counter_json(struct arena *a, const struct ast_counter *c, const char *map, size_t file)
{
	struct meta_key k = meta_key_layout(a, c->key.v, c->key.n);
	json_t *key = json_array();

	for (unsigned i = 0; i < k.n; i++) {
		const struct meta_key_field *f = &k.field[i];

		json_array_append_new(key, json_pack("{s:s, s:s, s:s, s:I, s:I}", "name", shown_name(a, meta_operand_text(a,
														     f->operand)),
						     "type", operand_type(f->operand), "kind", kind_name(f->kind),
						     "offset", (json_int_t)f->offset, "size", (json_int_t)f->size));
	}
	return json_pack("{s:s, s:s, s:I, s:I, s:o}", "name", shown_name(a, c->name.s), "map", map, "file", (json_int_t)file,
			 "key_size", (json_int_t)k.size, "key", key);
}

static json_t *set_json(struct arena *a, const struct ast_program *p, const struct ast_set *set, size_t file)
{
	struct live_set live = meta_live(a, set);
	struct meta_key k = meta_set_layout(a, set);
	json_t *key = json_array();

	for (unsigned i = 0; i < k.n; i++)
		json_array_append_new(key, json_pack("{s:s, s:s, s:s, s:I, s:I}", "name", lang_types[set->types[i]].name, "type",
						     lang_types[set->types[i]].name, "kind",
						     set->prefix && i == set->net ? "net" : kind_name(k.field[i].kind),
						     "offset", (json_int_t)k.field[i].offset, "size", (json_int_t)k.field[i].size));
	return json_pack("{s:s, s:I, s:I, s:I, s:b, s:b, s:I, s:b, s:b, s:o, s:I, s:o}", "name", shown_name(a, set->name.s), "file", (json_int_t)file,
			 "size", (json_int_t)set->max, "timeout", (json_int_t)(set->keep / 1000000), "expires", set->expires, "prefix",
			 meta_set_trie(set),
			 "key_size", (json_int_t)k.size, "added", set->added, "taken", set->removed, "snap",
			 json_pack("[I, I]", (json_int_t)live.room, (json_int_t)meta_live_at(a, p, set)), "tables",
			 (json_int_t)live.tables, "key", key);
}

static json_t *tables_json(struct arena *a, const struct ast_program *p)
{
	const struct ast_counter **table = arena_array(a, p->n_counters + 1, sizeof(struct ast_counter *));
	size_t *file = arena_array(a, p->n_counters + 1, sizeof(*file));
	const char *const *maps = meta_map_names(a, p);
	json_t *out = json_array();

	for (size_t u = 0; u < p->units.n; u++)
		for (size_t i = 0; i < p->units.v[u]->counters.n; i++) {
			table[p->units.v[u]->counters.v[i]->index] = p->units.v[u]->counters.v[i];
			file[p->units.v[u]->counters.v[i]->index] = u;
		}
	for (size_t i = 0; i < p->n_counters; i++)
		json_array_append_new(out, counter_json(a, table[i], maps[i], file[i]));
	return out;
}

static json_t *sets_json(struct arena *a, const struct ast_program *p)
{
	json_t *out = json_array();

	for (size_t i = 0; i < p->live.n; i++) {
		size_t u = 0;

		while (u + 1 < p->units.n && p->units.v[u] != p->live.v[i]->unit)
			u++;
		json_array_append_new(out, set_json(a, p, p->live.v[i], u));
	}
	return out;
}

void meta_put_shared(struct meta_text *t, const struct ast_program *p)
{
	struct arena *a = arena_new();

	meta_put(t, ",\"counters\":");
	meta_put_tree(t, tables_json(a, p));
	meta_put(t, ",\"ifaces\":");
	meta_put_tree(t, names_json(a, p->ifaces.v, p->ifaces.n));
	meta_put(t, ",\"ways\":");
	meta_put_tree(t, p->ways.n ? ways_json(a, p) : json_null());
	meta_put(t, ",\"sets\":");
	meta_put_tree(t, sets_json(a, p));
	arena_free(a);
}

char *meta_json(const struct ast_program *p, const struct meta_image *image, const char *shape, size_t *len)
{
	struct meta_text t = { 0 };

	meta_put(&t, "{\"xdpf\":");
	meta_put_number(&t, XDPF_META_VERSION);
	meta_put(&t, ",\"compiler\":\"xdpfc " XDPF_VERSION "\",\"program\":");
	meta_put_string(&t, p->name ? p->name : "");
	meta_put(&t, ",\"files\":[");
	for (size_t u = 0; u < p->units.n; u++) {
		meta_put(&t, u ? "," : "");
		meta_put_file(&t, p->units.v[u], true);
	}
	meta_put(&t, "],\"rules\":");
	meta_put_rules(&t, p);
	meta_put(&t, ",\"actions\":");
	meta_put_actions(&t, p);
	meta_put(&t, ",\"logs\":");
	meta_put_logs(&t, p);
	meta_put_shared(&t, p);
	if (p->n_limits) {
		meta_put(&t, ",\"limits\":");
		meta_put_limits(&t, p);
	}
	meta_put_sources(&t, p);
	if (image && image->size && shape) {
		meta_put(&t, ",\"image\":");
		meta_put_image(&t, image);
		meta_put(&t, ",\"shape\":");
		meta_put_string(&t, shape);
	}
	meta_put(&t, "}");
	if (t.failed) {
		free(t.s);
		return NULL;
	}
	*len = t.n;
	return t.s;
}
