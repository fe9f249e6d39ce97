/*
 * What a name means. In: the language's tables, a unit's declarations. Out: look-ups in constant time. A name has one meaning: lets,
 * sets and limits of a unit share a space, and may not take a word of the language.
 */
#include "sema.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- the table ---- */

static uint32_t hash(uint32_t space, const char *name, size_t len)
{
	uint32_t h = 2166136261u ^ space;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 16777619u;
	return h ^ h >> 15;
}

void symtab_init(struct symtab *t, struct arena *a)
{
	t->arena = a;
	t->n = 0;
	t->n_buckets = 64;
	t->bucket = arena_array(a, t->n_buckets, sizeof(struct symbol *));
}

struct symbol *symtab_get(const struct symtab *t, unsigned space, const char *name, size_t len)
{
	uint32_t h = hash(space, name, len);

	for (struct symbol *s = t->bucket[h & (t->n_buckets - 1)]; s; s = s->next)
		if (s->hash == h && s->space == space && s->len == len && !memcmp(s->name, name, len))
			return s;
	return NULL;
}

struct symbol *symtab_put(struct symtab *t, unsigned space, const char *name, size_t len)
{
	struct symbol *s = arena_alloc(t->arena, sizeof(*s));

	if (t->n >= t->n_buckets) {
		size_t n = t->n_buckets * 4;
		struct symbol **bucket = arena_array(t->arena, n, sizeof(struct symbol *));

		for (size_t i = 0; i < t->n_buckets; i++)
			for (struct symbol *o = t->bucket[i], *next; o; o = next) {
				next = o->next;
				o->next = bucket[o->hash & (n - 1)];
				bucket[o->hash & (n - 1)] = o;
			}
		t->bucket = bucket;
		t->n_buckets = n;
	}
	s->hash = hash(space, name, len);
	s->space = space;
	s->name = name;
	s->len = len;
	s->next = t->bucket[s->hash & (t->n_buckets - 1)];
	t->bucket[s->hash & (t->n_buckets - 1)] = s;
	t->n++;
	return s;
}

/* ---- messages ---- */

struct diag *sema_error(struct sema *s, struct span sp, const char *fmt, ...)
{
	const char *text;
	struct diag *e;
	va_list ap;

	va_start(ap, fmt);
	text = arena_vprintf(s->d->arena, fmt, ap);
	va_end(ap);
	e = diag_error(s->d, sp, "%s", text);
	if (s->via.src) {
		e->note_span = s->via;
		e->note = "used here";
	}
	return e;
}

const char *sema_quote(struct sema *s, struct span sp)
{
	enum { MAX = 60 };
	size_t len = sp.src && sp.end <= sp.src->len && sp.begin <= sp.end ? sp.end - sp.begin : 0;
	bool cut = len > MAX;
	char *t;

	if (!len)
		return "this";
	t = arena_alloc(s->a, MAX + 4);
	memcpy(t, sp.src->text + sp.begin, cut ? MAX - 3 : len);
	for (char *c = t; c < t + (cut ? MAX - 3 : len); c++)
		if (*c == '\n' || *c == '\t' || *c == '\r')
			*c = ' ';
		else if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
			*c = '?';
	if (cut)
		memcpy(t + MAX - 3, "...", 4);
	return t;
}

/* ---- the language's words ---- */

static void put_word(struct sema *s, unsigned space, const char *name, uint64_t value)
{
	if (name && !symtab_get(&s->words, space, name, strlen(name)))
		symtab_put(&s->words, space, name, strlen(name))->value = value;
}

void names_init(struct sema *s)
{
	symtab_init(&s->words, s->a);
	for (int i = 0; i < FIELD_COUNT; i++)
		put_word(s, SPACE_FIELD, lang_fields[i].name, (uint64_t)i);
	for (int i = 0; i < HDR_COUNT; i++)
		put_word(s, SPACE_HEADER, lang_headers[i].name, (uint64_t)i);
	for (int i = 0; i < TYPE_COUNT; i++)
		put_word(s, SPACE_TYPE, lang_types[i].name, (uint64_t)i);
	for (size_t i = 0; i < lang_n_names; i++)
		put_word(s, SPACE_KNOWN + lang_names[i].table, lang_names[i].name, lang_names[i].value);
}

enum field_id names_field(const struct sema *s, const char *name)
{
	const struct symbol *y = symtab_get(&s->words, SPACE_FIELD, name, strlen(name));

	return y ? (enum field_id)y->value : FIELD_NONE;
}

enum header_id names_header(const struct sema *s, const char *name)
{
	const struct symbol *y = symtab_get(&s->words, SPACE_HEADER, name, strlen(name));

	return y ? (enum header_id)y->value : HDR_NONE;
}

enum type_id names_type(const struct sema *s, const char *name)
{
	const struct symbol *y = symtab_get(&s->words, SPACE_TYPE, name, strlen(name));

	return y ? (enum type_id)y->value : TYPE_COUNT;
}

bool names_known(const struct sema *s, enum names_id t, const char *name, uint64_t *out)
{
	const struct symbol *y = symtab_get(&s->words, SPACE_KNOWN + t, name, strlen(name));

	if (y)
		*out = y->value;
	return y;
}

enum names_id names_table_of(const struct sema *s, const char *name)
{
	uint64_t v;

	for (int t = NAMES_NONE + 1; t < NAMES_COUNT; t++)
		if (names_known(s, (enum names_id)t, name, &v))
			return (enum names_id)t;
	return NAMES_NONE;
}

/* ---- a unit's declarations ---- */

static bool is_reserved(const char *name)
{
	static const char *const words[] = {
		"let", "set", "limit", "default", "option", "include", "test", "if", "else", "and", "or", "not", "in", "per",
		"over", "within",
		"count", "log", "sample", "add", "remove", "mark", "pass", "drop", "abort", "tx", "swap", "redirect", "forward",
		"reply", "syncookie",
		"payload", "packet", "random", "time", "weekday", "flow", "socket", "cpu", "live", "size", "timeout", "burst",
		"when", "full",
		"from", "to", "for", "true", "false", "expect", "repeat", "after", "by",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(name, words[i]))
			return true;
	return false;
}

const char *decl_kind_name(enum decl_kind kind)
{
	switch (kind) {
	case DECL_LET:
		return "let";
	case DECL_SET:
		return "set";
	case DECL_LIMIT:
		return "limit";
	}
	return "name";
}

const char *names_taken(struct sema *s, const char *name)
{
	if (names_field(s, name) != FIELD_NONE)
		return "a field";
	if (names_header(s, name) != HDR_NONE)
		return "a protocol";
	if (names_type(s, name) != TYPE_COUNT)
		return "a type";
	if (names_table_of(s, name) != NAMES_NONE)
		return "a known value";
	return is_reserved(name) ? "a word of the language" : NULL;
}

/* May a let or set have this name? False: reported. */
static bool check_free(struct sema *s, const struct ast_name *name, const char *kind)
{
	const char *taken = names_taken(s, name->s);
	struct diag *e;
	struct decl *other = names_decl(s, name->s);

	if (other) {
		e = diag_error(s->d, name->span, "`%s` is already the name of a %s", name->s, decl_kind_name(other->kind));
		e->remedy = "give one of them another name";
		e->note_span = other->name.span;
		e->note = "first declared here";
		return false;
	}
	if (!taken)
		return true;
	e = diag_error(s->d, name->span, "`%s` cannot name a %s: it is %s", name->s, kind, taken);
	e->remedy = arena_printf(s->a, "call it something else, for example `my-%s`", name->s);
	return false;
}

static struct decl *declare(struct sema *s, const struct ast_name *name, enum decl_kind kind)
{
	struct decl *d = arena_alloc(s->a, sizeof(*d));

	d->kind = kind;
	d->name = *name;
	d->order = s->order;
	symtab_put(&s->names, SPACE_DECL, name->s, strlen(name->s))->p = d;
	return d;
}

void names_unit(struct sema *s)
{
	struct ast_unit *u = s->unit;

	s->decl = arena_array(s->a, u->lets.n + u->sets.n + u->limits.n + 1, sizeof(*s->decl));
	s->n_decls = s->next_decl = 0;
	symtab_init(&s->names, s->a);
	for (size_t i = 0; i < u->lost.n; i++)
		if (!names_lost(s, u->lost.v[i].s))
			symtab_put(&s->names, SPACE_LOST, u->lost.v[i].s, strlen(u->lost.v[i].s));
	/* the three lists merged by their order */
	for (size_t let = 0, set = 0, limit = 0; let < u->lets.n || set < u->sets.n || limit < u->limits.n;) {
		unsigned l = let < u->lets.n ? u->lets.v[let]->order : UINT_MAX, t = set < u->sets.n ? u->sets.v[set]->order : UINT_MAX;
		unsigned m = limit < u->limits.n ? u->limits.v[limit]->order : UINT_MAX;
		enum decl_kind kind = l <= t && l <= m ? DECL_LET : t <= m ? DECL_SET : DECL_LIMIT;
		struct ast_name *name = kind == DECL_LET ? &u->lets.v[let]->name : kind == DECL_SET ? &u->sets.v[set]->name :
													&u->limits.v[limit]->name;
		struct decl *d;

		s->order = kind == DECL_LET ? l : kind == DECL_SET ? t : m;
		if (name->s && check_free(s, name, decl_kind_name(kind))) {
			d = declare(s, name, kind);
		} else {
			/* Checked all the same, reachable by no name. */
			d = arena_alloc(s->a, sizeof(*d));
			d->kind = kind;
			d->order = s->order;
			d->broken = true;
			if (name->s && !names_lost(s, name->s))
				symtab_put(&s->names, SPACE_LOST, name->s, strlen(name->s));
		}
		switch (kind) {
		case DECL_LET:
			d->let = u->lets.v[let++];
			break;
		case DECL_SET:
			d->set = u->sets.v[set++];
			break;
		case DECL_LIMIT:
			d->limit = u->limits.v[limit++];
			break;
		}
		s->decl[s->n_decls++] = d;
	}
}

struct decl *names_decl(const struct sema *s, const char *name)
{
	const struct symbol *y = symtab_get(&s->names, SPACE_DECL, name, strlen(name));

	return y ? y->p : NULL;
}

bool names_lost(const struct sema *s, const char *name)
{
	return symtab_get(&s->names, SPACE_LOST, name, strlen(name)) != NULL;
}

struct decl *names_use(struct sema *s, const struct ast_name *name, bool *bad)
{
	struct decl *d = names_decl(s, name->s);
	struct diag *e;

	*bad = !d && names_lost(s, name->s);
	if (!d)
		return NULL;
	if (d->kind == DECL_LET && d->let)
		d->let->used = true;
	if (d->kind == DECL_SET && d->set)
		d->set->used = true;
	if (d->ready && d->order <= s->order)
		return d;
	*bad = true;
	if (!d->ready && d->order == s->order && d->kind == DECL_LET) {
		sema_error(s, name->span, "let `%s` stands for itself", name->s)->remedy = "give it a value";
		return NULL;
	}
	e = sema_error(s, name->span, "%s `%s` is used before it is declared", decl_kind_name(d->kind), name->s);
	e->remedy = "move the declaration before its first use";
	e->note_span = d->name.span;
	e->note = "declared here";
	return NULL;
}
