/*
 * Operands: fields and slices, in conditions and keys. In: a name and numbers as written. Out: which field or slice it is, its kind of
 * value and width; a field that does not exist is refused with what it was probably meant to be.
 */
#include "sema.h"

#include <string.h>

const char *operand_shown(struct sema *s, const struct ast_operand *op)
{
	if (op->kind == OPERAND_FIELD)
		return op->inner ? arena_printf(s->a, "%s%s", SEMA_INNER, lang_fields[op->field].name) : lang_fields[op->field].name;
	return arena_printf(s->a, "%s%s[%llu:%llu]", op->inner ? SEMA_INNER : "", op->kind == OPERAND_PAYLOAD ? "payload" : "packet",
			    (unsigned long long)op->off, (unsigned long long)op->len);
}

bool operand_same(const struct ast_operand *a, const struct ast_operand *b)
{
	if (a->kind != b->kind || a->inner != b->inner)
		return false;
	return a->kind == OPERAND_FIELD ? a->field == b->field : a->off == b->off && a->len == b->len;
}

struct want operand_want(const struct ast_operand *op)
{
	struct want w = { .kind = op->value_kind, .bits = op->bits };

	if (op->kind == OPERAND_FIELD) {
		w.type = lang_fields[op->field].type;
	} else {
		w.type = op->value_kind == KIND_BYTES ? TYPE_BYTES : TYPE_NUM;
		w.slice = (unsigned)op->len;
	}
	return w;
}

size_t operand_domain(const struct ast_operand *op, struct range *out)
{
	switch (op->value_kind) {
	case KIND_IP:
		out[0] = (struct range){ FAMILY_IP4, value_of(0), value_ones(32) };
		out[1] = (struct range){ FAMILY_IP6, value_of(0), value_ones(128) };
		return 2;
	case KIND_IP4:
	case KIND_IP6:
		out[0].family = op->value_kind == KIND_IP4 ? FAMILY_IP4 : FAMILY_IP6;
		out[0].lo = value_of(0);
		out[0].hi = value_ones(op->bits);
		return 1;
	case KIND_NUM:
	case KIND_FLAG:
	case KIND_MAC:
	case KIND_BYTES:
	case KIND_IFACE:
		break;
	}
	out[0] = (struct range){ FAMILY_NUM, value_of(0), value_ones(op->bits) };
	/* Days and states begin with 1: 0 is none. */
	if (op->kind == OPERAND_FIELD && (op->field == FIELD_WEEKDAY || op->field == FIELD_FLOW_STATE))
		out[0].lo = value_of(1);
	return 1;
}

static bool slice_check(struct sema *s, struct ast_operand *op)
{
	struct diag *e;

	op->kind = op->inner || !strcmp(op->name.s, "payload") ? OPERAND_PAYLOAD : OPERAND_PACKET;
	op->field = FIELD_NONE;
	if (!op->has_slice) {
		e = diag_error(s->d, op->span, "`%s` alone is no value", op->name.s);
		e->remedy = arena_printf(s->a, "say which bytes: %s[offset:length]; its length is %s", op->name.s,
					 op->kind == OPERAND_PAYLOAD ? "payload.len" : "pkt.len");
		return false;
	}
	if (op->len < 1 || op->len > SEMA_MAX_SLICE) {
		e = diag_error(s->d, op->span, "a slice of %llu bytes", (unsigned long long)op->len);
		e->remedy = arena_printf(s->a, "a slice has 1 to %d bytes: %s[offset:length]", SEMA_MAX_SLICE, op->name.s);
		return false;
	}
	if (op->off > SEMA_MAX_OFFSET - op->len) {
		e = diag_error(s->d, op->span, "the slice `%s` ends beyond byte %d", sema_quote(s, op->span), SEMA_MAX_OFFSET);
		e->remedy = arena_printf(s->a, "offset and length together are at most %d, the longest frame", SEMA_MAX_OFFSET);
		return false;
	}
	op->value_kind = op->len <= 8 ? KIND_NUM : KIND_BYTES;
	op->bits = (unsigned)op->len * 8;
	return true;
}

static bool not_a_field(struct sema *s, const struct ast_operand *op)
{
	const char *name = op->name.s;
	struct decl *d = names_decl(s, name);
	enum names_id table = names_table_of(s, name);
	struct diag *e;

	if (names_header(s, name) == HDR_NONE && !d && names_lost(s, name))
		return false;
	if (!strcmp(name, "socket")) {
		e = diag_error(s->d, op->name.span, "`socket` is a condition, not a field: it has no value");
		e->remedy = "write `socket` or `not socket` by itself";
	} else if (names_header(s, name) != HDR_NONE && lang_headers[names_header(s, name)].layer == LAYER_PART) {
		e = diag_error(s->d, op->name.span, "`%s` is a condition, not a field: it has no value", name);
		e->remedy = arena_printf(s->a, "write `%s` or `not %s`", name, name);
	} else if (names_header(s, name) != HDR_NONE) {
		e = diag_error(s->d, op->name.span, "`%s` is a protocol, not a field: it has no value", name);
		e->remedy = arena_printf(s->a, "`%s` alone is the condition; its fields are %s.…, see xdpfc --list=fields", name,
					 name);
	} else if (d) {
		e = diag_error(s->d, op->name.span, "`%s` is a %s, not a field", name, decl_kind_name(d->kind));
		e->remedy = arena_printf(s->a, "a field stands first: `FIELD in %s`", name);
		e->note_span = d->name.span;
		e->note = "declared here";
	} else if (suggest_foreign(name)) {
		e = diag_error(s->d, op->name.span, "unknown field `%s`", name);
		e->remedy = suggest_remedy(s, name, SUGGEST_FIELD, NAMES_NONE);
	} else if (table != NAMES_NONE) {
		e = diag_error(s->d, op->name.span, "`%s` is a known value, not a field", name);
		e->remedy = arena_printf(s->a, "a field stands first: `FIELD == %s`", name);
	} else {
		e = diag_error(s->d, op->name.span, "unknown field `%s`", sema_quote(s, op->name.span));
		e->remedy = suggest_remedy(s, name, SUGGEST_FIELD, NAMES_NONE);
		if (!e->remedy)
			e->remedy = "xdpfc --list=fields prints the fields there are";
	}
	return false;
}

static bool prefix_check(struct sema *s, const struct ast_operand *op)
{
	const char *name = op->name.s;
	unsigned n = op->n_prefix, max4 = 32, max6 = 128;
	struct diag *e;

	if (op->value_kind == KIND_IP && n != 2) {
		e = diag_error(s->d, op->span, "%s is an address of either family and takes two prefix lengths, or none", name);
		e->remedy = arena_printf(s->a, "write %s/%llu/64: the first for IPv4, the second for IPv6", name,
					 (unsigned long long)(op->prefix[0] <= 32 ? op->prefix[0] : 32));
		return false;
	}
	if (op->value_kind != KIND_IP && op->value_kind != KIND_IP4 && op->value_kind != KIND_IP6) {
		e = diag_error(s->d, op->span, "%s takes no prefix length: it is no IP address", name);
		e->remedy = arena_printf(s->a, "write %s", name);
		return false;
	}
	if (op->value_kind != KIND_IP && n != 1) {
		e = diag_error(s->d, op->span, "%s is of one family and takes one prefix length", name);
		e->remedy = arena_printf(s->a, "write %s/%d", name, op->value_kind == KIND_IP4 ? 32 : 64);
		return false;
	}
	for (unsigned i = 0; i < n && i < 2; i++) {
		bool is4 = op->value_kind == KIND_IP4 || (op->value_kind == KIND_IP && i == 0);

		if (op->prefix[i] <= (is4 ? max4 : max6))
			continue;
		e = diag_error(s->d, op->span, "/%llu is no prefix length of an IPv%d address",
			       (unsigned long long)op->prefix[i], is4 ? 4 : 6);
		e->remedy = arena_printf(s->a, "a prefix of IPv%d has 0 to %u bits", is4 ? 4 : 6, is4 ? max4 : max6);
		return false;
	}
	return true;
}

static bool is_inner(const char *name)
{
	return !strncmp(name, SEMA_INNER, strlen(SEMA_INNER));
}

bool operand_inner(enum field_id f)
{
	return lang_fields[f].form != FORM_META || f == FIELD_MALFORMED || f == FIELD_IP_PROTO || f == FIELD_IP_FRAGMENT ||
		f == FIELD_IP_FRAG_FIRST || f == FIELD_PAYLOAD_LEN;
}

/* What stands behind `inner.`: a field that headers have, or the payload. */
static bool inner_check(struct sema *s, struct ast_operand *op)
{
	const char *name = op->name.s + strlen(SEMA_INNER);
	struct diag *e;

	if (!strcmp(name, "payload"))
		return slice_check(s, op);
	op->kind = OPERAND_FIELD;
	op->field = names_field(s, name);
	if (op->field == FIELD_NONE || !operand_inner(op->field)) {
		if (names_header(s, name) != HDR_NONE) {
			e = diag_error(s->d, op->name.span, "`%s` is a protocol, not a field: it has no value", op->name.s);
			e->remedy = arena_printf(s->a, "`%s` alone is the condition; its fields are %s.…", op->name.s, op->name.s);
		} else {
			e = diag_error(s->d, op->name.span, "there is no field `%s`", sema_quote(s, op->name.span));
			e->remedy = op->field != FIELD_NONE ? arena_printf(s->a, "it is the frame's, and no header's: write `%s`", name) :
				"behind `inner.` stands a field of the headers: inner.ip.src, inner.tcp.dport; or the payload: inner.payload[0:4]";
		}
		return false;
	}
	if (op->has_slice) {
		e = diag_error(s->d, op->span, "`%s` has no bytes to choose from", op->name.s);
		e->remedy = "slices are of the payload: inner.payload[offset:length]";
		return false;
	}
	op->value_kind = lang_types[lang_fields[op->field].type].kind;
	op->bits = lang_fields[op->field].bits;
	return true;
}

bool operand_check(struct sema *s, struct ast_operand *op)
{
	struct diag *e;

	if (!op || !op->name.s)
		return false;
	op->inner = is_inner(op->name.s);
	if (op->inner) {
		if (!inner_check(s, op))
			return false;
		s->p->inner = true;
	} else if (!strcmp(op->name.s, "payload") || !strcmp(op->name.s, "packet")) {
		if (!slice_check(s, op))
			return false;
	} else {
		op->kind = OPERAND_FIELD;
		op->field = names_field(s, op->name.s);
		if (op->field == FIELD_NONE)
			return not_a_field(s, op);
		if (op->has_slice) {
			e = diag_error(s->d, op->span, "`%s` has no bytes to choose from", op->name.s);
			e->remedy = "slices are of payload and packet: payload[offset:length]; a field's bits are chosen with `FIELD & MASK`";
			return false;
		}
		op->value_kind = lang_types[lang_fields[op->field].type].kind;
		op->bits = lang_fields[op->field].bits;
	}
	return !op->has_prefix || prefix_check(s, op);
}
