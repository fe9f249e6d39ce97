/*
 * Sets that live, files of elements, and the actions that change sets. In: what was written, and a file's text. Out: the set's size and times,
 * its elements; an action's set and time. A set that lives keeps its elements as they are written, each an address, a prefix or another value.
 */
#include "sema.h"

#include <string.h>

#include "duration.h"

static struct diag *set_note(struct diag *e, const struct ast_set *set)
{
	e->note_span = set->name.span;
	e->note = "declared here";
	return e;
}

/* ---- times and sizes ---- */

bool duration_read(struct sema *s, const struct ast_value *v, uint64_t *ns)
{
	struct diag *e;

	if (v->kind == AST_QTY && xdpf_duration(v->text, XDPF_MS, 365 * XDPF_DAY, ns))
		return true;
	e = diag_error(s->d, v->span, "`%s` is no time", sema_quote(s, v->span));
	e->remedy = "write a whole number and ms, s, m, h or d, from 1ms to 365d";
	return false;
}

static bool size_read(struct sema *s, const struct ast_value *v, uint32_t *out)
{
	uint64_t n = v->num;
	bool ok = v->kind == AST_INT ? !v->overflow : text_quantity(v->text, &n) == QTY_PLAIN;
	struct diag *e;

	if (ok && n >= 1 && n <= AST_SET_MOST) {
		*out = (uint32_t)n;
		return true;
	}
	e = diag_error(s->d, v->span, "`%s` is no number of elements", sema_quote(s, v->span));
	e->remedy = arena_printf(s->a, "write a number from 1 to %d, such as 64k or 1M", AST_SET_MOST);
	return false;
}

/* Is the element @v what @set, which lives, can hold: single values, and a prefix in its place? */
static bool element_check(struct sema *s, const struct ast_set *set, struct span at, const struct range *v)
{
	struct diag *e;

	for (unsigned i = 0; i < set->n_types; i++) {
		struct value d = { v[i].lo.hi ^ v[i].hi.hi, v[i].lo.lo ^ v[i].hi.lo }, next = value_next(d);
		bool net = set->prefix && i == set->net;

		if (value_is_zero(d) || (net && value_is_zero(value_and(d, next)) && value_is_zero(value_and(v[i].lo, d))))
			continue;
		e = diag_error(s->d, at, "set %s lives, and cannot hold the range %s-%s", set->name.s,
			       value_show(s->a, lang_types[set->types[i]].kind, v[i].family, v[i].lo),
			       value_show(s->a, lang_types[set->types[i]].kind, v[i].family, v[i].hi));
		e->remedy = net ? "write it as prefixes" : "write its values one by one";
		return false;
	}
	return true;
}

/* ---- files ---- */

static const struct ast_value *atom(struct arena *a, const struct source *src, size_t begin, size_t end)
{
	struct ast_value *v = arena_alloc(a, sizeof(*v));
	const char *t = arena_strndup(a, src->text + begin, end - begin);
	bool digits = *t != '\0';

	v->span = (struct span){ src, (uint32_t)begin, (uint32_t)end };
	v->text = t;
	for (const char *p = t; *p; p++) {
		digits &= *p >= '0' && *p <= '9';
		v->overflow |= digits && (__builtin_mul_overflow(v->num, 10, &v->num) ||
					  __builtin_add_overflow(v->num, (uint64_t)(*p - '0'), &v->num));
	}
	v->kind = digits ? AST_INT : strchr(t, ':') ? AST_COLONS : *t < '0' || *t > '9' ? AST_WORD : strchr(t, '.') ? AST_ADDR4 : AST_QTY;
	return v;
}

/* A word of the file as a value: an address, a prefix, a range of numbers or addresses, or a name. */
static const struct ast_value *word(struct arena *a, const struct source *src, size_t begin, size_t end)
{
	const char *t = src->text + begin, *slash = memchr(t, '/', end - begin), *dash = memchr(t, '-', end - begin);
	struct ast_value *v;
	const struct ast_value *n;

	if (!slash && !(dash && ((*t >= '0' && *t <= '9') || memchr(t, ':', end - begin))))
		return atom(a, src, begin, end);
	v = arena_alloc(a, sizeof(*v));
	v->span = (struct span){ src, (uint32_t)begin, (uint32_t)end };
	v->kind = slash ? AST_PREFIX : AST_RANGE;
	t = slash ? slash : dash;
	*vec_add(a, &v->sub) = (struct ast_value *)(uintptr_t)atom(a, src, begin, (size_t)(t - src->text));
	n = atom(a, src, (size_t)(t - src->text) + 1, end);
	if (!slash)
		*vec_add(a, &v->sub) = (struct ast_value *)(uintptr_t)n;
	else
		v->num = n->kind == AST_INT && !n->overflow ? n->num : UINT64_MAX;
	return v;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == ',' || c == '\0';
}

/* The element of one line, if there is one: as many words as the set has components; false: wrong, and reported. */
static bool line_read(struct sema *s, struct arena *words, const struct want *w, const struct ast_set *set, size_t at, size_t end,
		      struct range box[SEMA_MAX_TUPLE], bool *any)
{
	const struct source *src = set->from_text;
	unsigned n = set->n_types;
	size_t from = at;
	struct diag *e;

	*any = false;
	for (unsigned i = 0; i < n; i++) {
		size_t begin;

		while (at < end && (blank(src->text[at]) || (n > 1 && src->text[at] == '(')))
			at++;
		begin = at;
		while (at < end && !blank(src->text[at]) && src->text[at] != '#' && src->text[at] != ';' && src->text[at] != ')')
			at++;
		if (at == begin && !i && (at == end || src->text[at] == '#' || src->text[at] == ';'))
			return true;
		if (at == begin) {
			struct span sp = { src, (uint32_t)from, (uint32_t)end };

			e = diag_error(s->d, sp, "`%s` has not as many components as the set", sema_quote(s, sp));
			e->remedy = arena_printf(s->a, "%s has %u: write them one behind the other, with blanks between them", w[0].what, n);
			return false;
		}
		if (!value_leaf(s, &w[i], word(words, src, begin, at), &box[i]))
			return false;
	}
	*any = true;
	while (from < at && blank(src->text[from]))
		from++;
	return !set->live || element_check(s, set, (struct span){ src, (uint32_t)from, (uint32_t)at }, box);
}

/* Room for one element a line. */
static void reserve(struct arena *a, const struct ast_set *set, struct ranges *out)
{
	size_t lines = set->from_text->n_lines < SEMA_MAX_VALUES ? set->from_text->n_lines : SEMA_MAX_VALUES;
	struct ranges more = { .n = out->n, .cap = out->n + lines * set->n_types };

	if (more.cap <= out->cap)
		return;
	more.v = arena_array(a, more.cap, sizeof(*more.v));
	if (out->n)
		memcpy(more.v, out->v, out->n * sizeof(*more.v));
	*out = more;
}

/* What stands on a line, without what stands around it. */
static struct span in_line(const struct source *src, size_t at, size_t end)
{
	size_t to;

	while (at < end && blank(src->text[at]))
		at++;
	for (to = at; to < end && src->text[to] != '#' && src->text[to] != ';';)
		to++;
	while (to > at && blank(src->text[to - 1]))
		to--;
	return (struct span){ src, (uint32_t)at, (uint32_t)to };
}

bool set_file_read(struct sema *s, struct arena *a, struct ast_set *set, const struct want *w, struct ranges *out)
{
	const struct source *src = set->from_text;
	struct want *in_file = arena_copy(s->a, w, set->n_types * sizeof(*w));
	struct arena *words;
	bool ok = true;

	if (!set->from.s)
		return true;
	if (!src)
		return false;
	for (unsigned i = 0; i < set->n_types; i++)
		in_file[i].in_file = true;
	KNOWN(set->n_types);
	reserve(a, set, out);
	words = arena_new();
	for (size_t at = source_begin(src); at < src->len && !diag_full(s->d);) {
		const char *nl = memchr(src->text + at, '\n', src->len - at);
		size_t end = nl ? (size_t)(nl - src->text) : src->len;
		struct arena_mark mark = arena_mark(words);
		struct range box[SEMA_MAX_TUPLE] = { 0 };
		bool any;

		if (out->n / set->n_types > SEMA_MAX_VALUES) {
			diag_error(s->d, set->from.span, "the file has more than %d elements", SEMA_MAX_VALUES)->remedy = "split it into two sets";
			ok = false;
			break;
		}
		ok = line_read(s, words, in_file, set, at, end, box, &any) && ok;
		for (unsigned i = 0; any && i < set->n_types; i++)
			*vec_add(a, out) = box[i];
		if (any && s->p->keep_elements && !set->live) {
			const struct range *kept = arena_copy(s->a, box, set->n_types * sizeof(*box));

			*vec_add(s->a, &set->element) = (struct ast_element){ kept, in_line(src, at, end) };
		}
		arena_release(words, mark);
		at = end + 1;
	}
	arena_free(words);
	return ok && !diag_full(s->d);
}

/* ---- sets that live ---- */

bool set_live_check(struct sema *s, struct ast_set *set)
{
	unsigned nets = 0, bytes = 0;
	bool ok = true;
	struct diag *e;

	set->unit = s->unit;
	if (!set->live) {
		const struct ast_value *v = set->size ? set->size : set->timeout;

		if (!v)
			return true;
		e = diag_error(s->d, v->span, "a constant set has no %s", set->size ? "size" : "timeout");
		e->remedy = "leave it out, or make it a set that lives: set NAME : TYPE live size N timeout T;";
		return false;
	}
	set->max = AST_SET_SIZE;
	if (set->size)
		ok = size_read(s, set->size, &set->max);
	if (set->timeout)
		ok = duration_read(s, set->timeout, &set->keep) && ok;
	set->expires = set->timeout != NULL;
	for (unsigned i = 0; i < set->n_types; i++) {
		const struct type_info *t = &lang_types[set->types[i]];

		if (set->types[i] == TYPE_NET && !nets++)
			set->net = i;
		bytes += t->kind == KIND_IP ? 20 : t->bits <= 8 ? 1 : t->bits <= 16 ? 2 : t->bits <= 32 ? 4 : t->bits <= 64 ? 8 : 16;
	}
	set->prefix = nets;
	if (nets > 1) {
		e = diag_error(s->d, set->name.span, "set %s has %u components of type `net`", set->name.s, nets);
		e->remedy = "a set that lives takes prefixes in one place: give the others type `ip`";
		return false;
	}
	if (bytes > AST_SET_KEY - 4) {
		e = diag_error(s->d, set->name.span, "the elements of set %s are too long: %u bytes, and at most %d fit", set->name.s, bytes,
			       AST_SET_KEY - 4);
		e->remedy = "give it fewer components";
		return false;
	}
	set->live_index = (unsigned)s->p->live.n;
	*vec_add(s->a, &s->p->live) = set;
	return ok;
}

bool set_elements(struct sema *s, const struct ast_set *set, const struct want *w, struct ast_value *v, struct ranges *out)
{
	struct found found = { .a = s->a };

	if (!value_whole(s, v))
		return false;
	if (set->n_types > 1) {
		if (!value_boxes(s, w, set->n_types, v, out))
			return false;
		for (size_t i = 0; i < out->n; i += set->n_types)
			if (!element_check(s, set, v->span, out->v + i))
				return false;
		return true;
	}
	if (!value_read(s, w, v, &found))
		return false;
	for (size_t i = 0; i < found.item.n; i++) {
		if (!element_check(s, set, found.item.v[i].at->span, &found.item.v[i].r))
			return false;
		*vec_add(s->a, out) = found.item.v[i].r;
	}
	return true;
}

bool set_live_content(struct sema *s, struct ast_set *set, const struct want *w)
{
	struct ranges out = { 0 };
	struct diag *e;

	if ((set->init && !set_elements(s, set, w, set->init, &out)) || !set_file_read(s, s->a, set, w, &out))
		return false;
	set->range = out.v;
	set->n = out.n / set->n_types;
	if (set->n > set->max) {
		e = diag_error(s->d, set->size ? set->size->span : set->name.span, "set %s begins with %zu elements, and holds %u",
			       set->name.s, set->n, set->max);
		e->remedy = arena_printf(s->a, "write a size of at least %zu", set->n);
		return false;
	}
	return true;
}

/* ---- actions ---- */

static bool component_check(struct sema *s, const struct ast_set *set, unsigned i, const struct ast_operand *op)
{
	struct want w = operand_want(op);
	struct diag *e;

	if (!set_fits(set, i, op)) {
		w.what = operand_shown(s, op);
		e = diag_error(s->d, op->span, "%s is %s, but set `%s` holds values of type `%s`%s", w.what, want_shown(s, &w), set->name.s,
			       lang_types[set->types[i]].name, set->n_types > 1 ? " here" : "");
		set_note(e, set)->remedy = "give a field of that type, or declare the set with the field's";
		return false;
	}
	if (op->has_prefix && !(set->prefix && set->net == i)) {
		e = diag_error(s->d, op->span, "set `%s` holds single addresses%s, no prefixes", set->name.s, set->n_types > 1 ? " here" : "");
		set_note(e, set)->remedy = "leave the prefix length out, or declare the set with type `net`";
		return false;
	}
	return true;
}

struct ast_set *set_changed(struct sema *s, const struct ast_name *name, bool add)
{
	bool bad;
	struct decl *d = names_use(s, name, &bad);
	struct diag *e;

	if (bad)
		return NULL;
	if (!d || d->kind != DECL_SET) {
		e = diag_error(s->d, name->span, d ? "`%s` is a %s, not a set" : "unknown set `%s`", name->s, d ? decl_kind_name(d->kind) : "");
		e->remedy = d ? NULL : suggest_remedy(s, name->s, SUGGEST_SET, NAMES_NONE);
		if (!e->remedy)
			e->remedy = "declare it before: set NAME : TYPE live;";
		return NULL;
	}
	if (d->broken)
		return NULL;
	if (!d->set->live) {
		e = diag_error(s->d, name->span, "set `%s` is constant: nothing is %s it", d->set->name.s, add ? "added to" : "removed from");
		set_note(e, d->set)->remedy = arena_printf(s->a, "declare it as a set that lives: set %s : TYPE live …", d->set->name.s);
		return NULL;
	}
	return d->set;
}

bool set_action_check(struct sema *s, struct ast_action *a)
{
	struct ast_set *set = set_changed(s, &a->word, a->kind == ACTION_ADD);
	bool ok = true;
	struct diag *e;

	if (!set)
		return false;
	for (size_t i = 0; i < a->key.n; i++)
		ok = operand_check(s, a->key.v[i]) && ok;
	if (!ok)
		return false;
	if (a->key.n != set->n_types) {
		e = diag_error(s->d, a->span, "set `%s` holds %s, but %zu %s given", set->name.s,
			       set->n_types == 1 ? "single values" : arena_printf(s->a, "tuples of %u", set->n_types), a->key.n,
			       a->key.n == 1 ? "field is" : "fields are");
		set_note(e, set)->remedy = "give as many fields as the set has components: (FIELD, FIELD)";
		return false;
	}
	for (unsigned i = 0; i < set->n_types; i++)
		if (!component_check(s, set, i, a->key.v[i]))
			return false;
	a->keep = set->keep;
	if (a->duration && !duration_read(s, a->duration, &a->keep))
		return false;
	set->expires |= a->duration != NULL;
	set->added |= a->kind == ACTION_ADD;
	set->removed |= a->kind != ACTION_ADD;
	a->set = set;
	a->may_miss = true;
	a->slot = s->p->n_slots++;
	return true;
}
