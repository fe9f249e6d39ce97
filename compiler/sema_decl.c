/*
 * Lets and sets. In: a declaration, the ones before it ready. Out: a let's size and depth, a set's types and contents; the declaration
 * is ready, and broken where an error was reported. A let has no type of its own: it is read where it is used.
 */
#include "sema.h"

#include <string.h>

/* ---- let ---- */

/* What can be said of a let's value before anything wants it: names, size, and addresses, which are the same to all. */
static bool let_walk(struct sema *s, struct decl *d, const struct ast_value *v)
{
	static const struct want any_ip = { .type = TYPE_IP, .kind = KIND_IP, .bits = 128, .what = "a let" };
	bool ok = true, bad;
	struct ast_name name = { v->text, v->span };
	struct decl *other;
	struct range r;
	struct diag *e;

	switch (v->kind) {
	case AST_LIST:
	case AST_TUPLE:
	case AST_UNION:
		for (size_t i = 0; i < v->sub.n; i++)
			ok = let_walk(s, d, v->sub.v[i]) && ok;
		return ok;
	case AST_RANGE:
		d->size++;
		if (v->sub.v[0]->kind == AST_ADDR4 && v->sub.v[1]->kind == AST_ADDR4)
			return value_leaf(s, &any_ip, v, &r);
		return let_walk(s, d, v->sub.v[0]) && let_walk(s, d, v->sub.v[1]);
	case AST_PREFIX:
		d->size++;
		return value_leaf(s, &any_ip, v, &r);
	case AST_ADDR4:
		d->size++;
		return value_one(s, &any_ip, v, &r);
	case AST_WORD:
		other = names_use(s, &name, &bad);
		if (bad)
			return false;
		if (other && other->kind != DECL_LET) {
			e = sema_error(s, v->span, "a let names values, and `%s` is a %s", v->text, decl_kind_name(other->kind));
			e->remedy = other->kind == DECL_SET ? "use the set itself, with `in`" : "use the limit itself, with `over` or `within`";
			return false;
		}
		if (!other) {
			d->size++;
			return true;
		}
		d->size += other->size;
		if (other->depth >= d->depth)
			d->depth = other->depth + 1;
		return !other->broken;
	case AST_INT:
	case AST_QTY:
	case AST_COLONS:
	case AST_STRING:
		d->size++;
		return true;
	}
	return true;
}

static bool let_check(struct sema *s, struct decl *d)
{
	struct ast_let *l = d->let;
	struct diag *e;

	d->depth = 1;
	if (!value_whole(s, l->value) || !let_walk(s, d, l->value))
		return false;
	if (d->size > SEMA_MAX_VALUES) {
		e = diag_error(s->d, l->span, "`%s` stands for more than %d values", l->name.s, SEMA_MAX_VALUES);
		e->remedy = "build it on fewer lets, or use prefixes and ranges";
		return false;
	}
	if (d->depth > SEMA_MAX_LET_DEPTH) {
		e = diag_error(s->d, l->span, "`%s` is built on more than %d lets, one on the other", l->name.s,
			       SEMA_MAX_LET_DEPTH);
		e->remedy = "name the value itself";
		return false;
	}
	return true;
}

/* ---- set ---- */

static bool set_type(struct sema *s, const struct ast_set *set, const struct ast_name *name, enum type_id *out)
{
	enum type_id t = names_type(s, name->s);
	struct diag *e;
	const char *near;

	*out = t;
	if (t == TYPE_COUNT) {
		e = diag_error(s->d, name->span, "unknown type `%s`", name->s);
		near = suggest_remedy(s, name->s, SUGGEST_TYPE, NAMES_NONE);
		e->remedy = near ? near : "there are ip, net, ip4, ip6, mac, port, proto, ethertype, number and others";
		return false;
	}
	if (lang_types[t].kind == KIND_FLAG || lang_types[t].kind == KIND_BYTES || lang_types[t].kind == KIND_IFACE) {
		e = diag_error(s->d, name->span, "set `%s` cannot hold values of type `%s`", set->name.s ? set->name.s : "?",
			       name->s);
		e->remedy = "write them as a list, `let NAME = { … };`";
		return false;
	}
	return true;
}

static bool set_types(struct sema *s, struct ast_set *set)
{
	struct diag *e;
	bool ok = true;

	if (!set->type.n)
		return false;
	if (set->type.n > SEMA_MAX_TUPLE) {
		e = diag_error(s->d, set->type.v[SEMA_MAX_TUPLE].span, "a set's tuples have at most %d components, this has %zu",
			       SEMA_MAX_TUPLE, set->type.n);
		e->remedy = "split the question into two sets";
		return false;
	}
	set->n_types = (unsigned)set->type.n;
	set->types = arena_array(s->a, set->n_types, sizeof(*set->types));
	for (unsigned i = 0; i < set->n_types; i++)
		ok = set->type.v[i].s && set_type(s, set, &set->type.v[i], &set->types[i]) && ok;
	return ok;
}

void set_wants(const struct ast_set *set, const char *what, struct want want[SEMA_MAX_TUPLE])
{
	for (unsigned i = 0; i < set->n_types; i++) {
		const struct type_info *t = &lang_types[set->types[i]];

		want[i] = (struct want){ .type = set->types[i], .kind = t->kind, .bits = t->bits, .what = what, .set = true };
		want[i].apart = set->live;
		want[i].exact = set->types[i] == TYPE_IP || set->types[i] == TYPE_IP4 || set->types[i] == TYPE_IP6;
	}
}

/* Where each element is written: @v has been read, and is right. */
static void note_elements(struct sema *s, struct ast_set *set, const struct want *want, const struct ast_value *v)
{
	struct found found = { .a = s->a };
	struct ranges boxes = { 0 };

	if (v->kind == AST_LIST) {
		for (size_t i = 0; i < v->sub.n; i++)
			note_elements(s, set, want, v->sub.v[i]);
		return;
	}
	if (set->n_types > 1)
		value_boxes(s, want, set->n_types, v, &boxes);
	else
		value_read(s, want, v, &found);
	for (size_t i = 0; i < boxes.n; i += set->n_types)
		*vec_add(s->a, &set->element) = (struct ast_element){ boxes.v + i, v->span };
	for (size_t i = 0; i < found.item.n; i++)
		*vec_add(s->a, &set->element) = (struct ast_element){ &found.item.v[i].r, v->span };
}

/* The elements of a constant set. */
static bool set_content(struct sema *s, struct ast_set *set, const struct want *want)
{
	struct arena_mark mark = arena_mark(s->scratch);
	bool merge = set->from.s && set->n_types == 1;
	struct ranges out = { 0 };
	bool ok = !set->init || (set->n_types == 1 ? value_ranges(s, want, set->init, &out) : value_boxes(s, want, set->n_types, set->init, &out));

	if (ok && set->init && s->p->keep_elements)
		note_elements(s, set, want, set->init);
	ok = ok && set_file_read(s, merge ? s->scratch : s->a, set, want, &out);
	if (ok && merge)
		out = ranges_merge(s->a, s->scratch, out.v, out.n);
	arena_release(s->scratch, mark);
	set->range = ok ? out.v : NULL;
	set->n = ok ? out.n / set->n_types : 0;
	return ok;
}

static bool set_check(struct sema *s, struct ast_set *set)
{
	const char *what = arena_printf(s->a, "set %s", set->name.s ? set->name.s : "?");
	struct want want[SEMA_MAX_TUPLE];
	struct diag *e;

	if (!set_types(s, set))
		return false;
	if (!set_live_check(s, set))
		return false;
	if (!set->init && !set->from.s && !set->live) {
		e = diag_error(s->d, set->span, "%s has no content", what);
		e->remedy = arena_printf(s->a, "write `set %1$s : %2$s = { … };`, or `set %1$s : %2$s live;` where rules or `xdpf set` fill it",
					 set->name.s ? set->name.s : "?",
					 set->n_types == 1 ? set->type.v[0].s : "(…)");
		return false;
	}
	set_wants(set, what, want);
	if (set->live)
		return set_live_content(s, set, want);
	if (set->init && !value_whole(s, set->init))
		return false;
	return set_content(s, set, want);
}

bool set_fits(const struct ast_set *set, unsigned i, const struct ast_operand *op)
{
	enum type_id type = set->types[i];
	enum type_kind have = op->value_kind;

	switch (lang_types[type].kind) {
	case KIND_IP:
		return have == KIND_IP || have == KIND_IP4 || have == KIND_IP6;
	case KIND_IP4:
	case KIND_IP6:
		return have == KIND_IP || have == lang_types[type].kind;
	case KIND_MAC:
		return have == KIND_MAC;
	case KIND_NUM:
		if (have != KIND_NUM)
			return false;
		return type == (op->kind == OPERAND_FIELD ? lang_fields[op->field].type : TYPE_NUM);
	case KIND_FLAG:
	case KIND_BYTES:
	case KIND_IFACE:
		return false;
	}
	return false;
}

void decls_check(struct sema *s, unsigned order)
{
	for (; s->next_decl < s->n_decls && s->decl[s->next_decl]->order < order && !diag_full(s->d); s->next_decl++) {
		struct decl *d = s->decl[s->next_decl];
		bool ok;

		s->order = d->order;
		ok = d->kind == DECL_LET ? let_check(s, d) : d->kind == DECL_SET ? set_check(s, d->set) : limit_check(s, d->limit);
		if (!ok)
			d->broken = true;
		d->ready = true;
	}
}

static bool is_used(const struct decl *d)
{
	return d->kind == DECL_LET ? d->let->used : d->kind == DECL_SET ? d->set->used : d->limit->used;
}

/* Files that are included offer what they have; who includes them takes what it needs. */
void decls_warn_unused(struct sema *s)
{
	if (!s->unit->rules.list.n)
		return;
	for (size_t i = 0; i < s->n_decls; i++) {
		const struct decl *d = s->decl[i];
		struct diag *e;

		if (d->broken || d->name.span.src != s->unit->source || is_used(d))
			continue;
		e = diag_warning(s->d, d->name.span, "%s `%s` is never used", decl_kind_name(d->kind), d->name.s);
		e->remedy = "take it out";
	}
}
