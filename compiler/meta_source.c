/*
 * The texts that a program was made from, for whoever finds it in the kernel. In: the sources that were read. Out: an array of the metadata: each
 * file's name, size and SHA-256, and its text, as long as all of them together are no longer than META_SOURCES and this one is sound UTF-8.
 */
#include "meta_text.h"

#include <string.h>

#include "utf8.h"

static bool sound(const struct source *s)
{
	for (size_t i = 0; i < s->len;) {
		uint32_t cp;
		unsigned n = utf8_decode(s->text + i, s->len - i, &cp);

		if (!n || !cp)
			return false;
		i += n;
	}
	return true;
}

/* As the owner, the rule file of the program that it was read for, names it: from that one's directory on, or absolute. */
static const char *path_of(const struct source *s, const struct source *owner)
{
	const char *slash = strrchr(owner->path, '/');
	size_t n = slash ? (size_t)(slash + 1 - owner->path) : 0;

	if (s->absolute)
		return source_path(s);
	return strncmp(s->path, owner->path, n) != 0 ? s->path : s->path + n;
}

/* "": it cannot be said in the metadata, and the file cannot be kept. */
static const char *path_shown(struct arena *a, const struct source *s, const struct source *owner)
{
	const char *path = path_of(s, owner), *shown = utf8_line(a, path, strlen(path), 1000, false);

	return strcmp(path, shown) == 0 ? path : "";
}

void meta_put_sources(struct meta_text *t, const struct ast_program *p)
{
	struct arena *a = arena_new();
	char sum[META_SHA256];
	size_t owner = 0;
	size_t left = p->no_texts ? 0 : META_SOURCES;

	meta_put(t, ",\"sources\":[");
	for (size_t i = 0; i < p->sources.n; i++) {
		const struct source *s = p->sources.v[i];
		bool next = owner + 1 < p->units.n && p->units.v[owner + 1]->source == s;
		bool text = s->len <= left && !p->no_texts && sound(s);

		/* a unit's own text stands before what it reads */
		owner += next;
		meta_sha256(sum, s->text, s->len);
		meta_put(t, i ? ",{\"name\":" : "{\"name\":");
		meta_put_string(t, utf8_line(a, source_shown(s), strlen(source_shown(s)), 255, false));
		meta_put(t, ",\"path\":");
		meta_put_string(t, path_shown(a, s, p->units.v[owner]->source));
		meta_put(t, ",\"file\":");
		meta_put_number(t, owner);
		meta_put(t, ",\"size\":");
		meta_put_number(t, s->len);
		meta_put(t, ",\"sha256\":");
		meta_put_string(t, sum);
		meta_put(t, ",\"text\":");
		if (text)
			meta_put_string(t, s->text);
		else
			meta_put(t, "null");
		meta_put(t, "}");
		left -= text ? s->len : 0;
	}
	meta_put(t, "]");
	arena_free(a);
}
