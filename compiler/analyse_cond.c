/*
 * Conditions as formulas. In: a checked condition, and what was done to the packet before it is asked. Out: the formula that holds exactly where the
 * condition does. A comparison of something that is absent is false, also a negated one. Limits, sets that live, chances and sockets are
 * bits that may be either; so is what is too large to be looked into.
 */
#include "analyse_priv.h"

#include <string.h>

enum { MOST_RANGES = 16384, MOST_BOXES = 4096 };	/* looked into; beyond: either */

/* ---- numbers ---- */

static uint32_t later_key(struct reader *r, bool inner, enum field_id f)
{
	const struct field_info *info = &lang_fields[f];
	enum type_kind kind = lang_types[info->type].kind;

	return space_later(r->s, arena_printf(r->s->a, "%d %d %u", inner, f, r->version.field[inner][f]),
			   kind == KIND_IP4 ? FAMILY_IP4 : kind == KIND_IP6 ? FAMILY_IP6 : FAMILY_NUM, info->bits);
}

static uint32_t number_of(struct reader *r, bool inner, enum field_id f)
{
	if (r->version.field[inner][f])
		return later_key(r, inner, f);
	if (space_is_length(f))
		r->s->lengths = true;
	return space_field(r->s, inner, f);
}

static bool tag_header(unsigned h)
{
	return h == HDR_VLAN || h == HDR_VLAN2;
}

/* Tags that were pushed and popped: which there are is not known. */
static uint32_t has(struct reader *r, bool inner, unsigned h)
{
	if (!inner && r->version.tags && tag_header(h))
		return form_free(r->s, FREE_LATER, arena_printf(r->s->a, "tag %u %u", h, r->version.tags), NULL, FIELD_NONE);
	return form_has(r->s, inner, h);
}

static uint32_t present(struct reader *r, bool inner, enum field_id f)
{
	if (lang_fields[f].header != HDR_NONE)
		return has(r, inner, lang_fields[f].header);
	return space_present(r->s, inner, f);
}

enum { NO_BIT = BITS_LAYER };

/* Flags that are bits here and not numbers; NO_BIT: @f is none. */
static unsigned flag_bit(enum field_id f)
{
	return f == FIELD_MALFORMED ? (unsigned)MALFORMED_BIT : f == FIELD_IP_FRAGMENT ? (unsigned)FRAGMENT_BIT :
	       f == FIELD_IP_FRAG_FIRST ? (unsigned)FIRST_BIT : (unsigned)NO_BIT;
}

static bool covers(const struct range *v, size_t n, uint64_t number)
{
	for (size_t i = 0; i < n; i++)
		if (range_has(&v[i], FAMILY_NUM, value_of(number)))
			return true;
	return false;
}

/* A field that is no alias is there, and in the ranges (@in) or outside. */
static uint32_t field_in(struct reader *r, bool inner, enum field_id f, const struct value *mask, const struct range *v, size_t n, bool in)
{
	uint32_t there = present(r, inner, f), is;

	if (inner)
		r->s->inner = true;
	if (flag_bit(f) != NO_BIT) {
		uint32_t bit = form_has(r->s, inner, flag_bit(f));
		bool one = covers(v, n, mask ? mask->lo & 1 : 1), none = covers(v, n, 0);

		is = one && none ? (uint32_t)ALWAYS : one ? bit : none ? form_not(bit) : (uint32_t)NEVER;
	} else {
		is = form_in(r->s, number_of(r, inner, f), mask, v, n);
	}
	return AND(r->s, there, in ? is : form_not(is));
}

/* The first alternative that is there counts; of those that there are, no two are there together, or they are tried in order. */
static uint32_t alias_in(struct reader *r, bool inner, enum field_id f, const struct value *mask, const struct range *v, size_t n, bool in)
{
	const struct field_info *info = &lang_fields[f];
	uint32_t any[5], none = ALWAYS;

	for (unsigned i = 0; i < info->n; i++) {
		any[i] = AND(r->s, none, field_in(r, inner, info->alt[i], mask, v, n, in));
		none = AND(r->s, none, form_not(present(r, inner, info->alt[i])));
	}
	return form_or(r->s, any, info->n);
}

/* ---- slices ---- */

static uint32_t slice_there(struct reader *r, const struct ast_operand *o)
{
	bool payload = o->kind == OPERAND_PAYLOAD;
	enum field_id f = payload ? FIELD_PAYLOAD_LEN : FIELD_PKT_LEN;

	if (o->inner)
		r->s->inner = true;
	/* a tag more or less is four bytes more or less, which .pkt.len does not say */
	if (!payload && r->version.tags)
		return form_free(r->s, FREE_LATER, arena_printf(r->s->a, "slice %llu %u", (unsigned long long)o->off + o->len, r->version.tags),
				 NULL, FIELD_NONE);
	r->s->lengths = true;
	return AND(r->s, space_present(r->s, o->inner, f), form_from(r->s, space_field(r->s, o->inner, f), o->off + o->len, UINT64_MAX));
}

static uint32_t slice_number(struct reader *r, const struct ast_operand *o, uint64_t off, unsigned bits)
{
	bool payload = o->kind == OPERAND_PAYLOAD;

	if (r->version.slices)
		return space_later(r->s, arena_printf(r->s->a, "slice %d %d %llu %u %u", o->inner, payload, (unsigned long long)off, bits,
						      r->version.slices), FAMILY_NUM, bits);
	return space_slice(r->s, o->inner, payload, off, bits);
}

/* All bytes of the slice are these. */
static uint32_t slice_is(struct reader *r, const struct ast_operand *o, const uint8_t *bytes)
{
	uint32_t all = ALWAYS;

	for (uint64_t at = 0; at < o->len; at += 16) {
		unsigned n = o->len - at < 16 ? (unsigned)(o->len - at) : 16;
		struct range v = { FAMILY_NUM, eval_bytes(bytes + at, n), eval_bytes(bytes + at, n) };

		all = AND(r->s, all, form_in(r->s, slice_number(r, o, 8 * (o->off + at), 8 * n), NULL, &v, 1));
	}
	return all;
}

static uint32_t bytes_in(struct reader *r, const struct ast_operand *o, const struct ast_match *m)
{
	uint32_t *any = arena_array(r->s->a, m->n + 1, sizeof(*any));

	for (size_t i = 0; i < m->n; i++)
		any[i] = slice_is(r, o, m->bytes[i]);
	return form_or(r->s, any, m->n);
}

/* ---- comparisons ---- */

static uint32_t operand_there(struct reader *r, const struct ast_operand *o)
{
	const struct field_info *info = &lang_fields[o->field];
	uint32_t any[5];

	if (o->kind != OPERAND_FIELD)
		return slice_there(r, o);
	if (o->inner)
		r->s->inner = true;
	if (info->form != FORM_ALIAS)
		return present(r, o->inner, o->field);
	for (unsigned i = 0; i < info->n; i++)
		any[i] = present(r, o->inner, info->alt[i]);
	return form_or(r->s, any, info->n);
}

uint32_t read_present(struct reader *r, struct ast_operand *const *op, size_t n)
{
	uint32_t all = ALWAYS;

	for (size_t i = 0; i < n; i++)
		all = AND(r->s, all, operand_there(r, op[i]));
	return all;
}

static uint32_t operand_in(struct reader *r, const struct ast_operand *o, const struct value *mask, const struct range *v, size_t n, bool in)
{
	uint32_t is;

	if (o->kind != OPERAND_FIELD) {
		is = form_in(r->s, slice_number(r, o, 8 * o->off, 8 * (unsigned)o->len), mask, v, n);
		return AND(r->s, slice_there(r, o), in ? is : form_not(is));
	}
	if (lang_fields[o->field].form == FORM_ALIAS)
		return alias_in(r, o->inner, o->field, mask, v, n, in);
	return field_in(r, o->inner, o->field, mask, v, n, in);
}

static uint32_t boxes(struct reader *r, const struct ast_expr *e, const struct range *box, size_t n)
{
	uint32_t *any = arena_array(r->s->a, n + 1, sizeof(*any));

	for (size_t i = 0; i < n; i++) {
		any[i] = ALWAYS;
		for (size_t k = 0; k < e->operand.n; k++, box++)
			any[i] = AND(r->s, any[i], operand_in(r, e->operand.v[k], NULL, box, 1, true));
	}
	return form_or(r->s, any, n);
}

/* Where the operands are written, a key that tells what they are. */
static const char *operands_key(struct reader *r, struct ast_operand *const *op, size_t n)
{
	const char *key = "";

	for (size_t i = 0; i < n; i++)
		key = arena_printf(r->s->a, "%s %d.%d.%d.%llu+%llu/%llu/%llu@%u", key, op[i]->inner, op[i]->kind, op[i]->field,
				   (unsigned long long)op[i]->off, (unsigned long long)op[i]->len,
				   (unsigned long long)(op[i]->n_prefix ? op[i]->prefix[0] : 999),
				   (unsigned long long)(op[i]->n_prefix > 1 ? op[i]->prefix[1] : 999),
				   op[i]->kind == OPERAND_FIELD && lang_fields[op[i]->field].form != FORM_ALIAS ?
				   r->version.field[op[i]->inner][op[i]->field] : r->version.slices);
	return key;
}

static uint32_t iface_in(struct reader *r, const struct ast_match *m)
{
	uint32_t *any = arena_array(r->s->a, m->n + 1, sizeof(*any)), number = space_field(r->s, false, FIELD_IFACE);

	for (size_t i = 0; i < m->n; i++) {
		uint32_t k = space_iface(r->s, m->iface[i]);

		any[i] = form_from(r->s, number, k, k);
	}
	return form_or(r->s, any, m->n);
}

static uint32_t unknown(struct reader *r, const struct ast_expr *e)
{
	const struct ast_set *set = e->match.set;
	const char *key = set ? arena_printf(r->s->a, "set %s:%s", set->unit->name, set->name.s) :
				arena_printf(r->s->a, "list %s:%u", source_shown(e->span.src), e->span.begin);

	return form_free(r->s, FREE_UNKNOWN, arena_printf(r->s->a, "%s%s", key, operands_key(r, e->operand.v, e->operand.n)), e, FIELD_NONE);
}

static uint32_t compare(struct reader *r, const struct ast_expr *e)
{
	const struct ast_match *m = &e->match;
	const struct ast_operand *o = e->operand.v[0];
	const struct range *v = m->kind == MATCH_SET ? m->set->range : m->range;
	size_t n = m->kind == MATCH_SET ? m->set->n : m->n;
	uint32_t there = read_present(r, e->operand.v, e->operand.n), is;
	bool tuple = e->operand.n > 1;

	if (m->kind == MATCH_LIVE)
		is = form_free(r->s, FREE_LIVE, arena_printf(r->s->a, "%s%s #%u", m->set->name.s, operands_key(r, e->operand.v, e->operand.n),
							     r->version.sets), e, FIELD_NONE);
	else if (m->kind == MATCH_IFACES)
		is = iface_in(r, m);
	else if (m->kind == MATCH_BYTES)
		is = bytes_in(r, o, m);
	else if (n > (tuple ? MOST_BOXES : MOST_RANGES))
		is = unknown(r, e);
	else if (tuple)
		is = boxes(r, e, v, n);
	else
		return operand_in(r, o, e->has_mask ? &e->mask_value : NULL, v, n, !m->negate);
	return AND(r->s, there, m->negate ? form_not(is) : is);
}

static uint32_t name(struct reader *r, const struct ast_expr *e)
{
	static const struct range one = { FAMILY_NUM, { 0, 1 }, { 0, 1 } };

	if (e->inner)
		r->s->inner = true;
	if (e->header != HDR_NONE)
		return has(r, e->inner, e->header);
	return field_in(r, e->inner, e->field, NULL, &one, 1, true);
}

/* ---- what may be either ---- */

/* Of what is asked by the same words behind the same conditions, how many there were in this file. */
static unsigned turn(struct reader *r, const char *key)
{
	for (unsigned i = 0;; i++) {
		const char *one = arena_printf(r->s->a, "%s #%u", key, i);
		bool fresh;

		intern(r->s->a, &r->asked, one, strlen(one), &fresh);
		if (fresh)
			return i;
	}
}

static uint32_t limit(struct reader *r, const struct ast_expr *e, uint32_t before)
{
	const struct ast_limit *l = e->limit;
	uint32_t there = read_present(r, l->key.v, l->key.n), token;
	bool fresh;
	const char *key = arena_printf(r->s->a, "%s %s%s %u", l->name.s ? l->name.s : "", l->text, operands_key(r, l->key.v, l->key.n), before);

	key = arena_printf(r->s->a, "%s #%u", key, turn(r, key));
	token = form_free(r->s, FREE_LIMIT, key, e, FIELD_NONE);
	key = operands_key(r, l->key.v, l->key.n);
	*vec_add(r->s->a, &r->list->site) = (struct site){
		r->list->event.n, AND(r->s, before, there), intern(r->s->a, &r->s->others, key, strlen(key), &fresh), token, l,
	};
	return AND(r->s, there, e->over ? form_not(token) : token);
}

static uint32_t chance(struct reader *r, const struct ast_expr *e, uint32_t before)
{
	const char *key = arena_printf(r->s->a, "%llu %d %u", (unsigned long long)e->share, e->name.s != NULL, before);
	uint32_t there = e->name.s ? form_has(r->s, false, HDR_IP) : (uint32_t)ALWAYS;

	if (e->share > UINT32_MAX)
		return there;
	key = arena_printf(r->s->a, "%s #%u", key, turn(r, key));
	return AND(r->s, there, form_free(r->s, FREE_RANDOM, key, e, FIELD_NONE));
}

static uint32_t socket_taken(struct reader *r)
{
	/* Other addresses, another socket. */
	const char *key = arena_printf(r->s->a, "%u", r->version.field[0][FIELD_IP4_SRC] + r->version.field[0][FIELD_TCP_DPORT]);

	return AND(r->s, form_free(r->s, r->version.slices ? FREE_LATER : FREE_SOCKET, key, NULL, FIELD_NONE),
		   OR(r->s, form_has(r->s, false, HDR_TCP), form_has(r->s, false, HDR_UDP)));
}

uint32_t read_cond(struct reader *r, const struct ast_expr *e, uint32_t before)
{
	uint32_t *all, f;

	switch (e->kind) {
	case EXPR_AND:
	case EXPR_OR:
		all = arena_array(r->s->a, e->sub.n + 1, sizeof(*all));
		for (size_t i = 0; i < e->sub.n; i++) {
			all[i] = read_cond(r, e->sub.v[i], before);
			before = AND(r->s, before, e->kind == EXPR_AND ? all[i] : form_not(all[i]));
		}
		return e->kind == EXPR_AND ? form_and(r->s, all, e->sub.n) : form_or(r->s, all, e->sub.n);
	case EXPR_NOT:
		f = read_cond(r, e->sub.v[0], before);
		return form_not(f);
	case EXPR_NAME:
		return name(r, e);
	case EXPR_CMP:
		return compare(r, e);
	case EXPR_LIMIT:
		return limit(r, e, before);
	case EXPR_RANDOM:
		return chance(r, e, before);
	case EXPR_SOCKET:
		return socket_taken(r);
	}
	return NEVER;
}
