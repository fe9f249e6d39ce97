/*
 * What `ipset save` prints. In: its lines. Out: sets with their elements as .xdpf writes them. A type or an option that decides otherwise here than
 * there is kept as the reason why rules cannot ask for the set.
 */
#include "import_set.h"

#include <string.h>

enum { MOST_NAME = 200, MOST_WORDS = 64 };

struct words {
	const char *w[MOST_WORDS];
	size_t len[MOST_WORDS];
	size_t n;
};

static const struct {
	const char *type;
	enum ipset_part part[3];
	unsigned n;
	bool bare_port;
} types[] = {
	{ "hash:ip", { IPSET_ADDR }, 1, false }, { "hash:net", { IPSET_ADDR }, 1, false }, { "bitmap:ip", { IPSET_ADDR }, 1, false },
	{ "bitmap:port", { IPSET_PORT }, 1, true }, { "hash:mac", { IPSET_MAC }, 1, false },
	{ "hash:ip,port", { IPSET_ADDR, IPSET_PORT }, 2, false }, { "hash:net,port", { IPSET_ADDR, IPSET_PORT }, 2, false },
	{ "hash:net,net", { IPSET_ADDR, IPSET_ADDR }, 2, false },
	{ "hash:ip,port,ip", { IPSET_ADDR, IPSET_PORT, IPSET_ADDR }, 3, false },
	{ "hash:ip,port,net", { IPSET_ADDR, IPSET_PORT, IPSET_ADDR }, 3, false },
};

/* Options of `create` that change nothing about what is in it. */
static const char *const plain[] = { "hashsize", "maxelem", "bucketsize", "initval", "size", "range" };
static const char *const alone[] = { "counters", "comment", "forceadd", "skbinfo" };

static bool is(const struct words *w, size_t i, const char *s)
{
	return i < w->n && strlen(s) == w->len[i] && memcmp(w->w[i], s, w->len[i]) == 0;
}

static bool among(const struct words *w, size_t i, const char *const *names, size_t n)
{
	for (size_t j = 0; j < n; j++)
		if (is(w, i, names[j]))
			return true;
	return false;
}

static const char *text(struct import *im, const struct words *w, size_t i)
{
	return import_shown(im, i < w->n ? w->w[i] : "", i < w->n ? w->len[i] : 0);
}

struct ipset_set *ipset_find(const struct ipset *sets, const char *name)
{
	for (size_t i = 0; i < sets->list.n; i++)
		if (strcmp(sets->list.v[i]->name, name) == 0)
			return sets->list.v[i];
	return NULL;
}

const char *ipset_shown(struct import *im, const char *prefix, const char *name, size_t number)
{
	char *s = arena_printf(im->arena, "%s-%s", prefix, name);
	size_t n = strlen(s);
	bool changed = n > MOST_NAME;

	s[changed ? MOST_NAME : n] = '\0';
	for (char *p = s; *p; p++)
		if (!((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_' || (*p == '-' && p[1] &&
			p[1] != '-' && p[-1] != '-'))) {
			*p = '_';
			changed = true;
		}
	/* Other names may look like it then. */
	return changed ? arena_printf(im->arena, "%s_%zu", s, number) : s;
}

static void create(struct import *im, struct ipset *sets, const struct words *w, const char *at)
{
	struct ipset_set *s = arena_alloc(im->arena, sizeof(*s));
	size_t i = 0;

	*vec_add(im->arena, &sets->list) = s;
	s->name = arena_strndup(im->arena, w->w[1], w->len[1]);
	s->shown = ipset_shown(im, "ipset", s->name, sets->list.n);
	s->type = text(im, w, 2);
	s->at = at;
	while (i < sizeof(types) / sizeof(types[0]) && !is(w, 2, types[i].type))
		i++;
	if (i == sizeof(types) / sizeof(types[0])) {
		s->why = "sets of its type have no counterpart here";
		return;
	}
	memcpy(s->part, types[i].part, sizeof(s->part));
	s->n_parts = types[i].n;
	s->bare_port = types[i].bare_port;
	for (unsigned j = 0; j < s->n_parts; j++)
		if (s->part[j] == IPSET_ADDR)
			s->family = FAMILY_IP4;
	for (i = 3; i < w->n; i++) {
		if (is(w, i, "family") && i + 1 < w->n)
			s->family = is(w, ++i, "inet6") ? FAMILY_IP6 : FAMILY_IP4;
		else if (is(w, i, "timeout") && i + 1 < w->n)
			i++;
		else if (among(w, i, plain, sizeof(plain) / sizeof(plain[0])) && i + 1 < w->n)
			i++;
		/* What stands behind an unknown one may be its value. */
		else if (!s->why && !among(w, i, alone, sizeof(alone) / sizeof(alone[0])))
			s->why = arena_printf(im->arena, "option %s has no counterpart here", text(im, w, i));
	}
}

/* One part of an element as text; NULL: it is none. */
static const char *part(struct import *im, const struct ipset_set *s, enum ipset_part kind, const char *p, size_t len)
{
	const char *colon = memchr(p, ':', len);
	uint64_t proto, port;
	struct range r;

	switch (kind) {
	case IPSET_ADDR:
		return import_read_net(im->arena, p, len, &r) || r.family != s->family ? NULL : import_net_text(im->arena, &r);
	case IPSET_MAC:
		return len == 17 && strspn(p, "0123456789abcdefABCDEF:") >= 17 ? arena_strndup(im->arena, p, len) : NULL;
	case IPSET_PORT:
		if (s->bare_port)
			return import_read_number(p, len, 65535, &port) ? arena_printf(im->arena, "%u", (unsigned)port) : NULL;
		if (!colon || !import_read_name(NAMES_PROTO, p, (size_t)(colon - p), 255, &proto) ||
		    (proto != 6 && proto != 17 && proto != 132 && proto != 136) ||
		    !import_read_number(colon + 1, len - (size_t)(colon + 1 - p), 65535, &port))
			return NULL;
		return arena_printf(im->arena, "%u, %u", (unsigned)proto, (unsigned)port);
	}
	return NULL;
}

static const char *element(struct import *im, const struct ipset_set *s, const char *p, size_t len)
{
	const char *all = NULL;

	for (unsigned i = 0; i < s->n_parts; i++) {
		size_t n = 0;
		const char *one;

		while (n < len && p[n] != ',')
			n++;
		one = part(im, s, s->part[i], p, n);
		if (!one)
			return NULL;
		all = all ? arena_printf(im->arena, "%s, %s", all, one) : one;
		if (i + 1 == s->n_parts && n != len)
			return NULL;
		p += n < len ? n + 1 : n;
		len -= n < len ? n + 1 : n;
	}
	KNOWN(all);		/* every type has a part */
	return strchr(all, ',') ? arena_printf(im->arena, "(%s)", all) : all;
}

static void add(struct import *im, const struct ipset *sets, const struct words *w, const char *at)
{
	struct ipset_set *s = ipset_find(sets, arena_strndup(im->arena, w->w[1], w->len[1]));
	const char *e;

	if (!s) {
		import_refuse(im, 0, at, text(im, w, 1), "there is no set of this name before it");
		return;
	}
	if (s->why)
		return;
	e = element(im, s, w->w[2], w->len[2]);
	if (!e) {
		s->why = arena_printf(im->arena, "its element %s (%s) has no counterpart here", text(im, w, 2), at);
		return;
	}
	for (size_t i = 3; i < w->n; i++) {
		if (is(w, i, "timeout") && i + 1 < w->n)
			s->expires = s->expires || !is(w, i + 1, "0");
		else if (is(w, i, "nomatch"))
			s->why = arena_printf(im->arena, "it has exceptions (nomatch, %s)", at);
		if (is(w, i, "comment"))
			break;
		i += is(w, i, "timeout") || is(w, i, "packets") || is(w, i, "bytes") || is(w, i, "skbmark") || is(w, i, "skbprio") || is(w, i,
			"skbqueue");
	}
	*vec_add(im->arena, &s->element) = e;
}

static void split(const char *p, size_t len, struct words *w)
{
	w->n = 0;
	while (len && w->n < MOST_WORDS) {
		size_t n = 0;

		while (n < len && p[n] != ' ' && p[n] != '\t' && p[n] != '\r')
			n++;
		if (n) {
			w->w[w->n] = p;
			w->len[w->n++] = n;
		}
		p += n < len ? n + 1 : n;
		len -= n < len ? n + 1 : n;
	}
}

struct ipset *ipset_read(struct import *im, const struct source *src)
{
	struct ipset *sets = arena_alloc(im->arena, sizeof(*sets));

	for (unsigned i = 0; i < src->n_lines; i++) {
		size_t begin = src->line_start[i], end = i + 1 < src->n_lines ? src->line_start[i + 1] - 1 : src->len;
		const char *at = import_at(im, src, i + 1);
		struct words w;

		split(src->text + begin, end - begin, &w);
		if (!w.n || w.w[0][0] == '#')
			continue;
		if (is(&w, 0, "create") && w.n >= 3 && !ipset_find(sets, arena_strndup(im->arena, w.w[1], w.len[1])))
			create(im, sets, &w, at);
		else if (is(&w, 0, "add") && w.n >= 3)
			add(im, sets, &w, at);
		else
			import_refuse(im, 0, at, import_shown(im, src->text + begin, end - begin), "that is no line of `ipset save`");
	}
	return sets;
}

static const char *type_of(struct import *im, const struct ipset_set *s)
{
	const char *all = "";

	for (unsigned i = 0; i < s->n_parts; i++) {
		const char *one = s->part[i] == IPSET_ADDR ? "net" : s->part[i] == IPSET_MAC ? "mac" : s->bare_port ? "port" : "proto, port";

		all = i ? arena_printf(im->arena, "%s, %s", all, one) : one;
	}
	KNOWN(all);		/* every type has a part */
	return strchr(all, ',') ? arena_printf(im->arena, "(%s)", all) : all;
}

void ipset_write(struct import *im, const struct ipset *sets)
{
	for (size_t i = 0; i < sets->list.n; i++) {
		const struct ipset_set *s = sets->list.v[i];

		if (!s->used)
			continue;
		import_note(im, "%s: set %s, %s%s", s->at, s->name, s->type, s->expires ? ", whose elements expire there" : "");
		import_put(im, "set %s : %s = {\n", s->shown, type_of(im, s));
		for (size_t j = 0; j < s->element.n; j++)
			import_put(im, "%s,\n", s->element.v[j]);
		import_put(im, "};\n");
	}
}
