/*
 * Sets in the metadata. In: JSON that may be anything. Out: sets whose elements fit what is read into, and whose components lie within them, none
 * over another.
 */
#include <limits.h>

#include "metadata.h"

/* What the compiler made of it must be what we make of it, or tables and code do not fit. */
static void parse_snap(struct meta_parse *p, const json_t *o, const struct xdpf_set *s, bool net, struct rt_snap *snap)
{
	const json_t *place = json_object_get(o, "snap"), *room = json_array_get(place, 0), *at = json_array_get(place, 1);
	const json_t *added = json_object_get(o, "added"), *taken = json_object_get(o, "taken"), *tables = json_object_get(o, "tables");

	if (!json_is_boolean(added) || !json_is_boolean(taken))
		meta_bad(p, "added", "or \"taken\" is missing or neither true nor false");
	if (p->err)
		return;
	if (tables && (!json_is_integer(tables) || json_integer_value(tables) < 0 || json_integer_value(tables) > INT_MAX))
		return meta_bad(p, "tables", "is no number of kinds of tables");
	snap->added = json_is_true(added);
	snap->set = live_set_of(&(struct live_decl){ net, s->prefix, s->expires, json_is_true(taken), (unsigned)s->n_key, s->key_size, s->size,
						     (unsigned)json_integer_value(tables) });
	if (json_array_size(place) != 2 || !json_is_integer(room) || !json_is_integer(at) || json_integer_value(room) != snap->set.room ||
	    json_integer_value(at) < 0 || json_integer_value(at) >= MAX_SETS)
		meta_bad(p, "snap", "is not what the set's elements ask for");
	else
		snap->at = (unsigned)json_integer_value(at);
	for (const struct rt_snap *other = p->meta->snaps; other < snap && !p->err; other++)
		if (other->set.room == snap->set.room && other->at == snap->at)
			meta_bad(p, "snap", "is another set's");
}

void meta_parse_sets(struct meta_parse *p, const json_t *a)
{
	size_t next = 0, total = 0;

	for (size_t i = 0; i < p->meta->m.n_sets; i++)
		total += json_array_size(json_object_get(json_array_get(a, i), "key"));
	if (total > (size_t)MAX_SETS * MAX_SET_FIELDS)
		return meta_bad(p, "key", "has too many elements");
	p->meta->set_keys = meta_alloc(p, total, sizeof(*p->meta->set_keys));
	p->meta->snaps = meta_alloc(p, p->meta->m.n_sets, sizeof(*p->meta->snaps));
	for (size_t i = 0; i < p->meta->m.n_sets && !p->err; i++) {
		const json_t *o = json_array_get(a, i), *key = meta_array(p, o, "key", MAX_SET_FIELDS, true);
		const json_t *expires = json_object_get(o, "expires"), *prefix = json_object_get(o, "prefix");
		struct xdpf_set *s = &p->meta->sets[i];
		bool used[XDPF_SET_KEY] = { false };
		unsigned nets = 0;

		s->name = meta_string(p, o, "name");
		s->file = meta_number(p, o, "file", (unsigned)p->meta->m.n_files - 1);
		s->size = meta_number(p, o, "size", XDPF_SET_MOST);
		s->timeout = (uint64_t)meta_number(p, o, "timeout", UINT_MAX) * 1000000;
		s->expires = json_is_true(expires);
		s->prefix = json_is_true(prefix);
		s->key_size = meta_number(p, o, "key_size", XDPF_SET_KEY);
		s->n_key = json_array_size(key);
		s->key = p->meta->set_keys + next;
		if (!json_is_boolean(expires) || !json_is_boolean(prefix))
			meta_bad(p, "expires", "or \"prefix\" is missing or neither true nor false");
		if (!s->size || !s->key_size || !s->n_key)
			meta_bad(p, "size", "is zero, or the key is empty");
		for (unsigned k = 0; s->prefix && k < 4 && !p->err; k++)
			used[k] = true;
		for (size_t k = 0; k < s->n_key && !p->err; k++) {
			struct xdpf_key_field *f = &p->meta->set_keys[next++];

			meta_parse_key_field(p, json_array_get(key, k), f, 0, s->key_size);
			nets += f->kind == XDPF_KEY_NET;
			if (f->kind == XDPF_KEY_NET && (f->offset < 4 || f->offset + f->size != s->key_size))
				meta_bad(p, "offset", "of a prefix is not the key's end");
			for (unsigned b = 0; !p->err && b < f->size; b++) {
				if (used[f->offset + b])
					meta_bad(p, "offset", "lies in another component");
				used[f->offset + b] = true;
			}
		}
		if (!p->err && s->prefix && s->key_size <= sizeof(uint32_t))
			meta_bad(p, "key_size", "has no room for more than the number of bits");
		if (!p->err && (nets > 1 || (nets && !s->prefix)))
			meta_bad(p, "prefix", "does not fit the key");
		parse_snap(p, o, s, nets, &p->meta->snaps[i]);
	}
}
