/*
 * Values and conditions. In: a dissected frame and a checked operand or condition. Out: the operand's value, or that it is absent; whether
 * the condition holds. Guaranteed: conditions are two-valued (a comparison of something absent is false, also a negated one), and
 * nothing is read that the dissector did not find whole.
 */
#include "eval_cond.h"
#include "eval_limit.h"
#include "eval_set.h"

#include <string.h>

#include "abi.h"

struct value eval_bytes(const uint8_t *p, size_t n)
{
	struct value v = { 0, 0 };

	for (; n; n--) {
		v.hi = v.hi << 8 | v.lo >> 56;
		v.lo = v.lo << 8 | *p++;
	}
	return v;
}

static struct value shift_right(struct value v, unsigned n)
{
	if (!n)
		return v;
	if (n >= 64)
		return (struct value){ 0, n < 128 ? v.hi >> (n - 64) : 0 };
	return (struct value){ v.hi >> n, v.lo >> n | v.hi << (64 - n) };
}

static enum family family_of(enum type_kind k)
{
	switch (k) {
	case KIND_IP4:
		return FAMILY_IP4;
	case KIND_IP6:
		return FAMILY_IP6;
	case KIND_IP:		/* only aliases and sets; an alias has its alternative's */
	case KIND_NUM:
	case KIND_FLAG:
	case KIND_MAC:
	case KIND_BYTES:
	case KIND_IFACE:
		return FAMILY_NUM;
	}
	return FAMILY_NUM;
}

static bool number(struct eval_value *out, uint64_t n)
{
	*out = (struct eval_value){ .family = FAMILY_NUM, .v = value_of(n) };
	return true;
}

static bool wire(const struct eval_view *w, const struct field_info *f, struct eval_value *out)
{
	struct value v;

	if (!dissect_has(&w->d, f->header))
		return false;
	v = eval_bytes(w->pkt->data + w->d.offset[f->header] + f->off, f->len);
	*out = (struct eval_value){
		.family = family_of(lang_types[f->type].kind),
		.v = value_and(shift_right(v, f->shift), value_ones(f->bits)),
	};
	return true;
}

static bool iface(const struct eval_view *w, struct eval_value *out)
{
	uint8_t name[16] = { 0 };

	if (!w->pkt->iface)
		return false;
	memcpy(name, w->pkt->iface, strnlen(w->pkt->iface, sizeof(name)));
	*out = (struct eval_value){ .family = FAMILY_NUM, .v = eval_bytes(name, sizeof(name)) };
	return true;
}

/* What the driver says. */
static bool driver(const struct xdpf_rx *rx, enum field_id f, struct eval_value *out)
{
	if (f == FIELD_RX_HASH)
		return rx->has_hash && number(out, rx->hash);
	if (f == FIELD_RX_TIMESTAMP)
		return rx->timestamp && number(out, rx->timestamp);
	if (f == FIELD_RX_VLAN_ID)
		return rx->has_vlan && number(out, rx->vlan_tci & 0xfff);
	if (f == FIELD_RX_VLAN_PCP)
		return rx->has_vlan && number(out, rx->vlan_tci >> 13);
	return f == FIELD_RX_VLAN_TYPE && rx->has_vlan && number(out, rx->vlan_type);
}

/* The fields that are not bytes of a header: each is one line here. */
static bool meta(const struct eval_view *w, enum field_id f, struct eval_value *out)
{
	const struct dissect *d = &w->d;

	if (lang_fields[f].header != HDR_NONE && !dissect_has(d, lang_fields[f].header))
		return false;
	if (f == FIELD_MALFORMED)
		return number(out, d->malformed);
	if (f == FIELD_PKT_LEN)
		return number(out, w->pkt->len);
	if (f == FIELD_IP_PROTO)
		return number(out, d->ip_proto);
	if (f == FIELD_IP_FRAGMENT)
		return number(out, d->fragment);
	if (f == FIELD_IP_FRAG_FIRST)
		return number(out, d->first_fragment);
	if (f == FIELD_PAYLOAD_LEN)
		return d->has_payload && number(out, d->payload_end - d->payload);
	if (f == FIELD_WEEKDAY)
		/* the epoch was a Thursday */
		return number(out, (w->pkt->now / 1000000000u / 86400u + 3) % 7 + 1);
	if (f == FIELD_TIME)
		return number(out, w->pkt->now / 1000000000u % 86400u);
	if (f == FIELD_RXQUEUE)
		return w->pkt->has_rxqueue && number(out, w->pkt->rxqueue);
	if (f == FIELD_FLOW_STATE)
		return w->pkt->flow_state && dissect_flow(d) && number(out, w->pkt->flow_state);
	if (f == FIELD_IFACE)
		return iface(w, out);
	return driver(&w->pkt->rx, f, out);
}

bool eval_field(const struct eval_view *w, enum field_id f, struct eval_value *out)
{
	const struct field_info *info = &lang_fields[f];

	switch (info->form) {
	case FORM_WIRE:
		return wire(w, info, out);
	case FORM_META:
		return meta(w, f, out);
	case FORM_ALIAS:
		for (unsigned i = 0; i < info->n; i++)
			if (eval_field(w, info->alt[i], out))
				return true;
		return false;
	}
	return false;
}

/* @o->len bytes at @o->off of the @size bytes at @base. */
static bool slice(const struct ast_operand *o, const uint8_t *base, size_t size, struct eval_value *out)
{
	if (o->off > size || o->len > size - o->off)
		return false;
	*out = (struct eval_value){ .family = FAMILY_NUM, .bytes = base + o->off, .n_bytes = o->len };
	if (o->len <= 16)
		out->v = eval_bytes(out->bytes, o->len);
	return true;
}

/* The frame as its tunnel has it. */
static const struct eval_view *inside(const struct eval_view *w, struct eval_view *in)
{
	*in = *w;
	in->d = w->inner;
	return in;
}

bool eval_operand(const struct eval_view *w, const struct ast_operand *o, struct eval_value *out)
{
	struct eval_view in;

	if (o->inner)
		w = inside(w, &in);
	switch (o->kind) {
	case OPERAND_FIELD:
		return eval_field(w, o->field, out);
	case OPERAND_PACKET:
		return slice(o, w->pkt->data, w->pkt->left, out);
	case OPERAND_PAYLOAD:
		return w->d.has_payload && slice(o, w->pkt->data + w->d.payload, w->d.payload_end - w->d.payload, out);
	}
	return false;
}

/* @range: @n of them, sorted by family and then by lo, disjoint. */
static bool in_ranges(const struct range *range, size_t n, const struct eval_value *v)
{
	size_t lo = 0, hi = n;

	/* Is it in the last range that does not begin behind it? */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct range *r = &range[mid];

		if (r->family < v->family || (r->family == v->family && value_cmp(r->lo, v->v) <= 0))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && range_has(&range[lo - 1], v->family, v->v);
}

/* @v: the first operand's value; the others are present, and looked at only where it fits. */
static bool in_boxes(const struct eval_view *w, const struct ast_expr *e, const struct range *box, size_t n, const struct eval_value *v)
{
	size_t fields = e->operand.n;

	for (size_t i = 0; i < n; i++, box += fields) {
		struct eval_value other;
		size_t k = 0;

		if (range_has(&box[0], v->family, v->v))
			for (k = 1; k < fields; k++)
				if (!eval_operand(w, e->operand.v[k], &other) || !range_has(&box[k], other.family, other.v))
					break;
		if (k == fields)
			return true;
	}
	return false;
}

static bool matches(const struct eval_view *w, const struct ast_expr *e, const struct eval_value *v)
{
	const struct ast_match *m = &e->match;

	switch (m->kind) {
	case MATCH_RANGES:
		return in_ranges(m->range, m->n, v);
	case MATCH_BOXES:
		return in_boxes(w, e, m->range, m->n, v);
	case MATCH_SET:
		if (m->set->n_types == 1)
			return in_ranges(m->set->range, m->set->n, v);
		return in_boxes(w, e, m->set->range, m->set->n, v);
	case MATCH_LIVE:
		return eval_sets_has(w, m->set, e->operand.v);
	case MATCH_BYTES:
		for (size_t i = 0; i < m->n; i++)
			if (!memcmp(v->bytes, m->bytes[i], v->n_bytes))
				return true;
		return false;
	case MATCH_IFACES:
		for (size_t i = 0; i < m->n; i++)
			if (!strcmp(w->pkt->iface, m->iface[i]))
				return true;
		return false;
	}
	return false;
}

/* Is it about what is not in the packet, and may be there? */
static bool from_outside(const struct eval_view *w, const struct ast_expr *e)
{
	struct eval_value v;

	for (size_t i = 0; i < e->operand.n; i++) {
		const struct ast_operand *o = e->operand.v[i];

		if (o->kind != OPERAND_FIELD)
			continue;
		if (o->field == FIELD_FLOW_STATE)
			return dissect_flow(&w->d);
		if (o->field >= FIELD_RX_HASH && o->field <= FIELD_RX_VLAN_TYPE)
			return true;
	}
	for (size_t i = 0; e->match.kind == MATCH_LIVE && i < e->operand.n; i++)
		if (!eval_operand(w, e->operand.v[i], &v))
			return false;
	return e->match.kind == MATCH_LIVE;
}

static bool ask(const struct eval_view *w, const struct ast_expr *e, bool known)
{
	return w->pkt->guess ? w->pkt->guess->cond(w->pkt->guess->arg, w, e, known) : known;
}

static bool compare(const struct eval_view *w, const struct ast_expr *e)
{
	struct eval_value first, other;

	if (!eval_operand(w, e->operand.v[0], &first))
		return false;
	for (size_t i = 1; i < e->operand.n; i++)
		if (!eval_operand(w, e->operand.v[i], &other))
			return false;
	if (e->has_mask)
		first.v = value_and(first.v, e->mask_value);
	return matches(w, e, &first) != e->match.negate;
}

static bool name(const struct eval_view *w, const struct ast_expr *e)
{
	struct eval_value v;
	struct eval_view in;

	if (e->inner)
		w = inside(w, &in);
	if (e->header != HDR_NONE)
		return dissect_has(&w->d, e->header);
	return eval_field(w, e->field, &v) && v.v.lo;
}

/* Fragments are of the flow that their addresses and protocol tell: only the first has ports. */
static bool draw_flow(const struct eval_view *w, const struct ast_expr *e, uint32_t *out)
{
	struct eval_value v[FLOW_PARTS] = { { .v = { 0, 0 } } }, fragment;

	for (int i = FLOW_SRC; i <= FLOW_PROTO; i++)
		if (!eval_operand(w, e->operand.v[i], &v[i]))
			return false;
	if (!eval_field(w, FIELD_IP_FRAGMENT, &fragment) || !fragment.v.lo)
		for (int i = FLOW_SPORT; i <= FLOW_DPORT; i++)
			eval_operand(w, e->operand.v[i], &v[i]);
	*out = xdpf_flow_random(w->pkt->seed, e->site, (uint64_t[]){ v[FLOW_SRC].v.hi, v[FLOW_SRC].v.lo },
				(uint64_t[]){ v[FLOW_DST].v.hi, v[FLOW_DST].v.lo }, v[FLOW_SPORT].v.lo, v[FLOW_DPORT].v.lo, v[FLOW_PROTO].v.lo);
	return true;
}

bool eval_drawn(const struct eval_view *w, const struct ast_expr *e, uint32_t *out)
{
	if (e->name.s)
		return draw_flow(w, e, out);
	*out = xdpf_test_random(w->pkt->random, e->site);
	return true;
}

bool eval_cond(const struct eval_view *w, const struct ast_expr *e)
{
	uint32_t drawn;

	switch (e->kind) {
	case EXPR_AND:
		for (size_t i = 0; i < e->sub.n; i++)
			if (!eval_cond(w, e->sub.v[i])) {
				/* of an `and` within, it knows better */
				if (w->failed && e->sub.v[i]->kind != EXPR_AND)
					*w->failed = e->sub.v[i];
				return false;
			}
		return true;
	case EXPR_OR:
		for (size_t i = 0; i < e->sub.n; i++)
			if (eval_cond(w, e->sub.v[i]))
				return true;
		return false;
	case EXPR_NOT:
		return !eval_cond(w, e->sub.v[0]);
	case EXPR_NAME:
		return name(w, e);
	case EXPR_LIMIT:
		return eval_limit(w, e);
	case EXPR_SOCKET:
		return dissect_flow(&w->d) && ask(w, e, w->pkt->socket);
	case EXPR_CMP:
		return w->pkt->guess && from_outside(w, e) ? ask(w, e, compare(w, e)) : compare(w, e);
	case EXPR_RANDOM:
		return eval_drawn(w, e, &drawn) && ask(w, e, drawn < e->share);
	}
	return false;
}
