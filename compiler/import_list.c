/*
 * Plain address lists. In: an address, prefix or range on each line; what stands behind it on its line, behind `#`, `;` or `//`, and empty lines
 * are not read. Out: a set, and a rule that asks for it.
 */
#include <string.h>

#include "import.h"

static const char blanks[] = " \t\r,";

/* The first word of a line; its length, 0 where there is none. */
static size_t word_of(const char **p, const char *end)
{
	size_t n = 0;

	while (*p < end && strchr(blanks, **p) && **p)
		++*p;
	while (*p + n < end && (*p)[n] && !strchr(blanks, (*p)[n]) && (*p)[n] != '#' && (*p)[n] != ';')
		n++;
	return n >= 2 && memcmp(*p, "//", 2) == 0 ? 0 : n;
}

void import_list(struct import *im)
{
	const struct source *s = im->src;
	size_t n = 0;

	import_note(im, "From the address list %s.", source_shown(s));
	if (im->o.pass)
		import_note(im, "Only what is listed passes: neither ARP nor neighbour discovery does.");
	import_put(im, "set listed : net = {\n");
	for (unsigned i = 0; i < s->n_lines; i++) {
		const char *p = s->text + s->line_start[i], *end = i + 1 < s->n_lines ? s->text + s->line_start[i + 1] - 1 : s->text + s->len;
		const char *why;
		struct range r;
		size_t len;

		/* Some editors write a mark of byte order before all else. */
		if (!i && end - p >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
			p += 3;
		len = word_of(&p, end);

		if (!len && (p == end || *p == '#' || *p == ';' || *p == '/'))
			continue;
		im->n_rules++;
		why = len ? import_read_net(im->arena, p, len, &r) : "there is a byte that belongs to no text";
		if (why) {
			import_refuse(im, IMPORT_LEFT_OUT, import_at(im, s, i + 1), import_shown(im, p, len ? len : (size_t)(end - p)), "%s", why);
			import_note_refused(im, im->refused.n - 1, 1);
			continue;
		}
		import_put(im, "%s,\n", import_net_text(im->arena, &r));
		n++;
	}
	import_put(im, "};\n");
	if (!n) {
		import_refuse(im, 0, import_at(im, s, 1), "", "there is no address in it");
		return;
	}
	import_put(im, "default %s;\n", im->o.pass ? "drop" : "pass");
	import_put(im, "listed: %s if ip.%s in listed;\n", im->o.pass ? "pass" : "drop", im->o.by_dst ? "dst" : "src");
}
