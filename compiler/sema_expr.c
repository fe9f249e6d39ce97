/*
 * Conditions. In: an expression as parsed. Out: every name in it is a header or a flag, every comparison has its match; false where
 * something was reported. Walks all of it, so that one run shows all errors.
 */
#include "sema.h"

#include <string.h>

/* `tcp.dport == http or https`: the word fits the comparison before it. */
static const char *list_remedy(struct sema *s, const char *name, enum names_id table)
{
	const struct ast_expr *b = s->before;
	const struct ast_operand *op;

	if (!b || b->kind != EXPR_CMP || b->operand.n != 1 || !b->value || (b->cmp != CMP_EQ && b->cmp != CMP_IN))
		return NULL;
	op = b->operand.v[0];
	if (op->kind != OPERAND_FIELD || !op->name.s || names_field(s, op->name.s) == FIELD_NONE ||
	    lang_types[lang_fields[op->field].type].names != table || b->value->kind == AST_LIST)
		return NULL;
	return arena_printf(s->a, "a comparison needs its field: write `%s in { %s, %s }`", op->name.s, sema_quote(s, b->value->span), name);
}

static bool not_a_condition(struct sema *s, const struct ast_name *name)
{
	enum field_id f = names_field(s, name->s);
	enum names_id table = names_table_of(s, name->s);
	struct decl *d = names_decl(s, name->s);
	struct diag *e;

	if (f == FIELD_NONE && !d && names_lost(s, name->s))
		return false;
	if (f != FIELD_NONE) {
		e = diag_error(s->d, name->span, "%s is %s, not a condition", name->s, lang_types[lang_fields[f].type].doc);
		if (lang_fields[f].form == FORM_WIRE && lang_headers[lang_fields[f].header].name)
			e->remedy = arena_printf(s->a, "compare it, as in `%s == …`; `%s` asks whether it is there", name->s,
						 lang_headers[lang_fields[f].header].name);
		else
			e->remedy = arena_printf(s->a, "compare it, as in `%s == …`", name->s);
	} else if (d) {
		e = diag_error(s->d, name->span, "%s `%s` is not a condition", decl_kind_name(d->kind), name->s);
		e->remedy = d->kind == DECL_LIMIT ? arena_printf(s->a, "it follows a condition: `… over %s`", name->s) :
						    arena_printf(s->a, "compare a field with it: `FIELD in %s`", name->s);
		e->note_span = d->name.span;
		e->note = "declared here";
		if (d->kind == DECL_LET)
			d->let->used = true;
		else if (d->kind == DECL_SET)
			d->set->used = true;
		else
			d->limit->used = true;
	} else if (!strcmp(name->s, "payload") || !strcmp(name->s, "packet")) {
		e = diag_error(s->d, name->span, "`%s` is not a condition", name->s);
		e->remedy = arena_printf(s->a, "compare bytes of it, as in `%s[0:4] == ff:ff:ff:ff`", name->s);
	} else if (suggest_foreign(name->s)) {
		e = diag_error(s->d, name->span, "unknown name `%s`", name->s);
		e->remedy = suggest_remedy(s, name->s, SUGGEST_FIELD, NAMES_NONE);
	} else if (table != NAMES_NONE) {
		e = diag_error(s->d, name->span, "`%s` is a known value, not a condition", name->s);
		e->remedy = list_remedy(s, name->s, table);
		if (e->remedy)
			return false;
		if (table == NAMES_SERVICE)
			e->remedy = arena_printf(s->a, "compare a port with it: `tcp.dport == %s`", name->s);
		else if (table == NAMES_PROTO)
			e->remedy = arena_printf(s->a, "compare the protocol with it: `ip.proto == %s`", name->s);
		else
			e->remedy = arena_printf(s->a, "compare a field with it: `FIELD == %s`", name->s);
	} else {
		e = diag_error(s->d, name->span, "unknown name `%s`", sema_quote(s, name->span));
		e->remedy = suggest_remedy(s, name->s, SUGGEST_FIELD | SUGGEST_HEADER, NAMES_NONE);
		if (!e->remedy)
			e->remedy = "a condition is a protocol (tcp), a flag (tcp.syn) or a comparison (tcp.dport == 80)";
	}
	return false;
}

/* The parser puts a name of its own where it did not understand a condition; it has told so. */
static bool is_written(const struct ast_name *name)
{
	size_t len = strlen(name->s);

	return !name->span.src ||
		(name->span.end - name->span.begin == len && !memcmp(name->span.src->text + name->span.begin, name->s, len));
}

/* @f: what the name behind `inner.` means, or FIELD_NONE. */
static bool not_inner(struct sema *s, const struct ast_expr *e, enum field_id f)
{
	struct diag *d;

	if (f != FIELD_NONE && operand_inner(f)) {
		d = diag_error(s->d, e->name.span, "%s is %s, not a condition", e->name.s, lang_types[lang_fields[f].type].doc);
		d->remedy = arena_printf(s->a, "compare it, as in `%s == …`", e->name.s);
		return false;
	}
	d = diag_error(s->d, e->name.span, "unknown name `%s`", sema_quote(s, e->name.span));
	d->remedy = "behind `inner.` stands a header or a flag: inner.tcp, inner.tcp.syn, inner.malformed; or a field that is compared";
	return false;
}

static bool name_check(struct sema *s, struct ast_expr *e)
{
	const char *name = e->name.s;
	enum field_id f;

	e->header = HDR_NONE;
	e->field = FIELD_NONE;
	if (!e->name.s || !is_written(&e->name))
		return false;
	if (!strcmp(e->name.s, "socket")) {
		e->kind = EXPR_SOCKET;
		return true;
	}
	e->inner = !strncmp(e->name.s, SEMA_INNER, strlen(SEMA_INNER));
	if (e->inner) {
		name += strlen(SEMA_INNER);
		s->p->inner = true;
	}
	e->header = names_header(s, name);
	if (e->header != HDR_NONE)
		return true;
	f = names_field(s, name);
	if (e->inner && (f == FIELD_NONE || lang_types[lang_fields[f].type].kind != KIND_FLAG || !operand_inner(f)))
		return not_inner(s, e, f);
	if (f == FIELD_NONE || lang_types[lang_fields[f].type].kind != KIND_FLAG)
		return not_a_condition(s, &e->name);
	e->field = f;
	return true;
}

bool expr_check(struct sema *s, struct ast_expr *e)
{
	bool ok = true;

	if (!e)
		return false;
	switch (e->kind) {
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_NOT:
		for (size_t i = 0; i < e->sub.n && !diag_full(s->d); i++) {
			s->before = i ? e->sub.v[i - 1] : NULL;
			ok = expr_check(s, e->sub.v[i]) && ok;
		}
		/* Stopped where no more errors are kept: what was not looked at is not resolved. */
		return ok && e->sub.n && !diag_full(s->d);
	case EXPR_NAME:
		return name_check(s, e);
	case EXPR_SOCKET:
		return true;
	case EXPR_LIMIT:
		return limit_use(s, e);
	case EXPR_CMP:
		return compare_check(s, e);
	case EXPR_RANDOM:
		return random_check(s, e);
	}
	return false;
}
