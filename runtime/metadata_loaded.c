/*
 * What the runtime adds to the metadata in the kernel, besides what moved (metadata_image.c): maps that are an older program's, the seed of hashes,
 * and what sets began with; and the files that a program was made from. In: a tree that may be anything. Out: names of maps by their ids; and the
 * same as text, for what comes after.
 */
#include <errno.h>
#include <inttypes.h>

#include "metadata.h"

static const struct rt_meta *owner(const struct rt_meta *m)
{
	return m->base ? m->base : m;
}

static bool hex_number(const json_t *v, uint64_t *out)
{
	const char *s = json_string_value(v);

	if (!s || strlen(s) != 16 || strspn(s, "0123456789abcdef") != 16)
		return false;
	*out = strtoull(s, NULL, 16);
	return true;
}

void meta_parse_loaded(struct meta_parse *p)
{
	const json_t *loaded = json_object_get(p->meta->root, "loaded"), *maps = json_object_get(loaded, "maps");
	const json_t *declared = json_object_get(loaded, "declared");
	struct rt_meta *m = p->meta;

	if (!loaded || p->err)
		return;
	m->has_seed = hex_number(json_object_get(loaded, "seed"), &m->seed);
	m->n_shared = json_array_size(maps);
	m->shared = meta_alloc(p, m->n_shared, sizeof(*m->shared));
	for (size_t i = 0; i < m->n_shared && !p->err; i++) {
		const json_t *x = json_array_get(maps, i), *id = json_array_get(x, 1);
		const char *name = json_string_value(json_array_get(x, 0));

		if (!name || strlen(name) > MAP_NAME_MAX || !meta_harmless(name) || !json_is_integer(id) || json_integer_value(id) <= 0 ||
		    json_integer_value(id) > UINT32_MAX)
			meta_bad(p, "loaded", "names a map that there cannot be");
		else
			m->shared[i] = (struct meta_shared){ (uint32_t)json_integer_value(id), name };
	}
	if (json_array_size(declared) != m->m.n_sets)
		return;
	m->declared = meta_alloc(p, m->m.n_sets, sizeof(*m->declared));
	for (size_t i = 0; i < m->m.n_sets && !p->err; i++)
		if (!hex_number(json_array_get(declared, i), &m->declared[i]))
			meta_bad(p, "loaded", "does not say what sets began with");
}

static bool is_sum(const char *s)
{
	return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

static void parse_source(struct meta_parse *p, size_t i, const struct meta_value *v)
{
	struct xdpf_source *s = &p->meta->sources[i];

	s->name = meta_string_of(p, v[0], "name");
	s->sha256 = meta_string_of(p, v[1], "sha256");
	s->size = v[2].type == META_NUMBER && v[2].number > 0 ? (uint64_t)v[2].number : 0;
	s->text = v[3].type == META_STRING ? v[3].string : NULL;
	if (!p->err && !is_sum(s->sha256))
		meta_bad(p, "sha256", "is none");
	if (v[2].type != META_NUMBER || (!s->text && v[3].type != META_NULL) || (s->text && strlen(s->text) != s->size))
		meta_bad(p, "sources", "has an element that is no file");
	/* an older compiler does not say it */
	if (!p->err && v[4].type != META_ABSENT)
		p->meta->source_of[i] = (struct meta_source){ meta_number_of(p, v[5], "file", (unsigned)p->meta->m.n_files - 1),
							      meta_string_of(p, v[4], "path") };
}

void meta_parse_sources(struct meta_parse *p, const struct meta_long *l)
{
	struct rt_meta *m = p->meta;

	m->m.n_sources = meta_long_size(p, l, MAX_SOURCES, false);
	m->m.sources = m->sources = meta_alloc(p, m->m.n_sources, sizeof(*m->sources));
	m->source_of = meta_alloc(p, m->m.n_sources, sizeof(*m->source_of));
	if (!p->err)
		meta_each(p, l, (const char *[]){ "name", "sha256", "size", "text", "path", "file", NULL }, parse_source);
}

bool xdpf_meta_source(const struct xdpf_meta *m, size_t source, unsigned *file, const char **path)
{
	/* all that is given out is in one of these */
	const struct rt_meta *all = owner((const struct rt_meta *)m);

	if (source >= m->n_sources || !all->source_of[source].path)
		return false;
	*file = all->source_of[source].file;
	*path = all->source_of[source].path;
	return true;
}

const char *rt_meta_map_name(const struct rt_meta *m, uint32_t id)
{
	for (size_t i = 0; m && i < owner(m)->n_shared; i++)
		if (owner(m)->shared[i].id == id)
			return owner(m)->shared[i].name;
	return NULL;
}

bool rt_meta_seed(const struct rt_meta *m, uint64_t *seed)
{
	*seed = owner(m)->seed;
	return owner(m)->has_seed;
}

const uint64_t *rt_meta_declared(const struct rt_meta *m)
{
	return owner(m)->declared;
}

void rt_loaded_put(FILE *f, uint64_t seed, const uint64_t *declared, size_t n)
{
	fprintf(f, ",\"seed\":\"%016" PRIx64 "\",\"declared\":[", seed);
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s\"%016" PRIx64 "\"", i ? "," : "", declared[i]);
	fputc(']', f);
}

/* For an image that came later: all of it is as it was. */
void rt_loaded_keep(FILE *f, const struct rt_meta *meta)
{
	const struct rt_meta *m = owner(meta);

	if (m->has_seed)
		rt_loaded_put(f, m->seed, m->declared, m->declared ? m->m.n_sets : 0);
	fputs(",\"maps\":[", f);
	for (size_t i = 0; i < m->n_shared; i++)
		fprintf(f, "%s[\"%s\",%u]", i ? "," : "", m->shared[i].name, m->shared[i].id);
	fputc(']', f);
}
