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

void meta_put_sources(struct meta_text *t, const struct ast_program *p)
{
	struct arena *a = arena_new();
	char sum[META_SHA256];
	size_t left = p->no_texts ? 0 : META_SOURCES;

	meta_put(t, ",\"sources\":[");
	for (size_t i = 0; i < p->sources.n; i++) {
		const struct source *s = p->sources.v[i];
		bool text = s->len <= left && !p->no_texts && sound(s);

		meta_sha256(sum, s->text, s->len);
		meta_put(t, i ? ",{\"name\":" : "{\"name\":");
		meta_put_string(t, utf8_line(a, source_shown(s), strlen(source_shown(s)), 255, false));
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
