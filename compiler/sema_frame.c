/*
 * A test's packet. In: names and values as written, or a capture's packet. Out: the frame's bytes, and what it comes with
 * (interface, receive queue, inputs). Refused: what is no field, what cannot be said of a packet, and fields that no packet has
 * together.
 */
#include "sema.h"

#include <string.h>

#include "dissect.h"
#include "frame.h"
#include "frame_capture.h"

/* What was collected of one packet. */
struct frame_parts {
	struct frame_field field[FRAME_FIELDS];
	struct span field_at[FRAME_FIELDS];
	size_t n_fields;
	enum header_id header[HDR_COUNT];
	struct span header_at[HDR_COUNT];
	size_t n_headers;
	const uint8_t *payload;
	size_t n_payload;
	struct span payload_at, hex_at, given_at;	/* src NULL: none; .given: of the first field, header or payload */
	struct span tag_at;				/* of the first thing that needs rx.vlan.id */
	struct span flow_at;				/* of the first input that only TCP and UDP have */
	const uint8_t *hex;
	size_t n_hex;
	struct frame_parts *inner;			/* NULL: nothing inside a tunnel is named */
};

static bool unknown(struct sema *s, const struct ast_name *name)
{
	const char *inputs[INPUT_COUNT], *near;
	struct diag *e;

	e = diag_error(s->d, name->span, "unknown field `%s`", sema_quote(s, name->span));
	for (int i = 0; i < INPUT_COUNT; i++)
		inputs[i] = lang_inputs[i].name;
	near = diag_nearest(name->s, strlen(name->s), inputs, INPUT_COUNT);
	e->remedy = near ? arena_printf(s->a, "did you mean `%s`?", near) :
			   suggest_remedy(s, name->s, SUGGEST_FIELD | SUGGEST_HEADER, NAMES_NONE);
	if (!e->remedy)
		e->remedy = "xdpfc --list=fields prints the fields there are";
	return false;
}

static bool needs_value(struct sema *s, const struct ast_assign *a, const char *example)
{
	diag_error(s->d, a->name.span, "`%s` needs a value", a->name.s)->remedy =
		arena_printf(s->a, "write `%s = %s`", a->name.s, example);
	return false;
}

static bool twice(struct sema *s, struct span at, const char *name, struct span first)
{
	struct diag *e = diag_error(s->d, at, "`%s` is given twice", name);

	e->remedy = "leave one of them out";
	e->note_span = first;
	e->note = "first here";
	return false;
}

static void note_given(struct frame_parts *p, struct span at)
{
	if (!p->given_at.src)
		p->given_at = at;
}

/* ---- bytes ---- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* Pairs of hexadecimal digits; blanks and colons between them. */
static bool hex_bytes(struct sema *s, const struct ast_value *v, const uint8_t **out, size_t *n)
{
	uint8_t *bytes = arena_array(s->a, strlen(v->text) / 2 + 1, 1);
	size_t len = 0;

	for (const char *c = v->text; *c;) {
		if (*c == ' ' || *c == ':' || *c == '\t') {
			c++;
			continue;
		}
		if (hex_digit(c[0]) < 0 || hex_digit(c[1]) < 0) {
			diag_error(s->d, v->span, "`%s` is no run of bytes", sema_quote(s, v->span))->remedy =
				"two hexadecimal digits are a byte: \"020000000002 020000000001 0800\"";
			return false;
		}
		bytes[len++] = (uint8_t)(hex_digit(c[0]) << 4 | hex_digit(c[1]));
		c += 2;
	}
	*out = bytes;
	*n = len;
	return true;
}

static bool hex_check(struct sema *s, const struct ast_assign *a, struct frame_parts *p)
{
	if (p->hex_at.src)
		return twice(s, a->name.span, "hex", p->hex_at);
	p->hex_at = a->name.span;
	if (!a->value || a->value->kind != AST_STRING)
		return needs_value(s, a, "\"020000000002 020000000001 0800\"");
	if (!hex_bytes(s, a->value, &p->hex, &p->n_hex))
		return false;
	if (p->n_hex >= FRAME_LEAST && p->n_hex <= FRAME_MOST)
		return true;
	diag_error(s->d, a->value->span, "a frame of %zu bytes", p->n_hex)->remedy =
		arena_printf(s->a, "a frame has %d to %d bytes", FRAME_LEAST, FRAME_MOST);
	return false;
}

static bool payload_check(struct sema *s, const struct ast_assign *a, struct frame_parts *p)
{
	const struct ast_value *v = a->value;
	uint8_t *bytes;
	const char *why;

	if (p->payload_at.src)
		return twice(s, a->name.span, a->name.s, p->payload_at);
	p->payload_at = a->name.span;
	note_given(p, a->name.span);
	if (!v || (v->kind != AST_STRING && v->kind != AST_COLONS && !(v->kind == AST_INT && v->num <= UINT8_MAX)))
		return needs_value(s, a, arena_printf(s->a, "\"GET\"` or `%s = ff:00:1a", a->name.s));
	if (v->kind == AST_INT) {
		p->payload = bytes = arena_alloc(s->a, 1);
		bytes[0] = (uint8_t)v->num;
		p->n_payload = 1;
		return true;
	}
	p->payload = bytes = arena_array(s->a, strlen(v->text) + 1, 1);
	if (v->kind == AST_STRING) {
		p->n_payload = strlen(v->text);
		memcpy(bytes, v->text, p->n_payload);
		return true;
	}
	why = text_bytes(s->a, v->text, bytes, strlen(v->text), &p->n_payload);
	if (!why)
		return true;
	diag_error(s->d, v->span, "`%s` is no run of bytes", sema_quote(s, v->span))->remedy = why;
	return false;
}

/* ---- fields ---- */

static bool iface_check(struct sema *s, const struct ast_assign *a, struct ast_frame *f)
{
	static const struct want w = { .type = TYPE_IFACE, .kind = KIND_IFACE, .bits = 32, .what = "iface" };

	if (f->iface)
		return twice(s, a->name.span, "iface", f->span);
	return a->value ? value_text(s, &w, a->value, &f->iface) : needs_value(s, a, "eth0");
}

static enum input_id input_of(const char *name)
{
	int i = 0;

	while (i < INPUT_COUNT && strcmp(lang_inputs[i].name, name))
		i++;
	return (enum input_id)i;
}

static bool input_check(struct sema *s, const struct ast_assign *a, enum input_id id, struct ast_frame *f, struct frame_parts *p)
{
	const struct type_info *type = &lang_types[lang_inputs[id].type];
	const struct want w = { .type = lang_inputs[id].type, .kind = type->kind, .bits = lang_inputs[id].bits, .what = a->name.s };
	struct range r = { FAMILY_NUM, value_of(1), value_of(1) };
	const char *example = "1";

	if (f->inputs & 1u << id)
		return twice(s, a->name.span, a->name.s, f->span);
	for (size_t i = 0; i < lang_n_names && type->names != NAMES_NONE; i++)
		if (lang_names[i].table == type->names)
			example = lang_names[i].name;
	if (!a->value && type->kind != KIND_FLAG)
		return needs_value(s, a, example);
	if (a->value && (!value_whole(s, a->value) || !value_one(s, &w, a->value, &r)))
		return false;
	if (!p->tag_at.src && (id == INPUT_RX_VLAN_PCP || id == INPUT_RX_VLAN_TYPE))
		p->tag_at = a->name.span;
	if (!p->flow_at.src && lang_inputs[id].of == INPUT_OF_FLOWS)
		p->flow_at = a->name.span;
	f->inputs |= 1u << id;
	f->input[id] = r.lo.lo;
	return true;
}

/* What is no byte of a frame. */
static bool meta_check(struct sema *s, const struct ast_assign *a, enum field_id id)
{
	struct diag *e;

	if (id == FIELD_IP_PROTO || id == FIELD_PKT_LEN || id == FIELD_PAYLOAD_LEN || id == FIELD_RXQUEUE)
		return true;
	e = diag_error(s->d, a->name.span, "`%s` follows from the %s and cannot be given", a->name.s,
		       id == FIELD_WEEKDAY ? "clock" : "packet's bytes");
	if (id == FIELD_WEEKDAY)
		e->remedy = "a test begins on a Saturday, 00:00 UTC: put the clock forward before the packet, `after 2d`";
	else if (id == FIELD_MALFORMED)
		e->remedy = "give a field that is wrong, such as `ip4.len = 10`, or cut the frame off: `pkt.len = 20`";
	else if (id == FIELD_IP_FRAGMENT || id == FIELD_IP_FRAG_FIRST)
		e->remedy = "write `ip4.mf` or `ip4.fragoff = N`, for IPv6 `frag.more` or `frag.offset = N`";
	else
		e->remedy = "give the fields that it follows from, or the frame's bytes: `packet { hex = \"…\" }`";
	return false;
}

static bool field_check(struct sema *s, const struct ast_assign *a, enum field_id id, struct ast_frame *f, struct frame_parts *p)
{
	const struct field_info *info = &lang_fields[id];
	const struct type_info *type = &lang_types[info->type];
	struct want w = { .type = info->type, .kind = type->kind, .bits = info->bits, .what = a->name.s };
	struct range r = { FAMILY_NUM, value_of(1), value_of(1) };

	if (id == FIELD_IFACE)
		return iface_check(s, a, f);
	if (info->form == FORM_META && !meta_check(s, a, id))
		return false;
	if (!a->value && type->kind != KIND_FLAG)
		return needs_value(s, a, type->kind == KIND_NUM ? "1" :
				   type->kind == KIND_MAC ? "02:00:00:00:00:01" : "192.0.2.1");
	if (a->value && (!value_whole(s, a->value) || !value_one(s, &w, a->value, &r)))
		return false;
	if (id == FIELD_RXQUEUE) {
		if (f->has_rxqueue)
			return twice(s, a->name.span, "rxqueue", f->span);
		f->has_rxqueue = true;
		f->rxqueue = (uint32_t)r.lo.lo;
		return true;
	}
	for (size_t i = 0; i < p->n_fields; i++)
		if (p->field[i].field == id)
			return twice(s, a->name.span, a->name.s, p->field_at[i]);
	_Static_assert((int)FIELD_COUNT <= (int)FRAME_FIELDS, "a packet has room for each field once");
	note_given(p, a->name.span);
	p->field[p->n_fields] = (struct frame_field){ id, r.family, r.lo };
	p->field_at[p->n_fields++] = a->name.span;
	return true;
}

static bool header_check(struct sema *s, const struct ast_assign *a, enum header_id h, struct frame_parts *p)
{
	if (a->value) {
		diag_error(s->d, a->name.span, "`%s` is a protocol: it has no value", a->name.s)->remedy =
			arena_printf(s->a, "write `%s` alone, or one of its fields: `%s.… = …`", a->name.s, a->name.s);
		return false;
	}
	for (size_t i = 0; i < p->n_headers; i++)
		if (p->header[i] == h)
			return twice(s, a->name.span, a->name.s, p->header_at[i]);
	note_given(p, a->name.span);
	p->header[p->n_headers] = h;
	p->header_at[p->n_headers++] = a->name.span;
	return true;
}

/* Of the packet inside a tunnel. */
static bool inner_check(struct sema *s, const struct ast_assign *a, struct ast_frame *f, struct frame_parts *p)
{
	const char *name = a->name.s + strlen(SEMA_INNER);
	enum field_id id = names_field(s, name);
	enum header_id h = names_header(s, name);

	note_given(p, a->name.span);
	if (!p->inner)
		p->inner = arena_alloc(s->scratch, sizeof(*p->inner));
	if (!strcmp(name, "payload"))
		return payload_check(s, a, p->inner);
	if (id != FIELD_NONE && (a->value || h == HDR_NONE) && operand_inner(id))
		return field_check(s, a, id, f, p->inner);
	if (h != HDR_NONE)
		return header_check(s, a, h, p->inner);
	diag_error(s->d, a->name.span, "there is no field `%s`", sema_quote(s, a->name.span))->remedy =
		id != FIELD_NONE ? arena_printf(s->a, "it is the frame's, and no header's: write `%s`", name) :
				   "behind `inner.` stands a field of the headers: inner.ip4.src, inner.tcp.dport; or inner.payload";
	return false;
}

static bool assign_check(struct sema *s, const struct ast_assign *a, struct ast_frame *f, struct frame_parts *p)
{
	enum field_id id = names_field(s, a->name.s);
	enum header_id h = names_header(s, a->name.s);

	if (input_of(a->name.s) != INPUT_COUNT)
		return input_check(s, a, input_of(a->name.s), f, p);
	if (!strcmp(a->name.s, "hex"))
		return hex_check(s, a, p);
	if (!strcmp(a->name.s, "payload"))
		return payload_check(s, a, p);
	if (!strncmp(a->name.s, SEMA_INNER, strlen(SEMA_INNER)))
		return inner_check(s, a, f, p);
	/* Some options of TCP are both. */
	if (id != FIELD_NONE && (a->value || h == HDR_NONE))
		return field_check(s, a, id, f, p);
	if (h != HDR_NONE)
		return header_check(s, a, h, p);
	return unknown(s, &a->name);
}

/* ---- the frame ---- */

static struct span fault_at(const struct ast_frame *f, const struct frame_parts *p, int at)
{
	if (at == FRAME_PAYLOAD)
		return p->payload_at;
	if (at < 0)
		return f->span;
	return (size_t)at < p->n_fields ? p->field_at[at] : p->header_at[(size_t)at - p->n_fields];
}

static struct frame_spec spec_of(const struct frame_parts *p)
{
	return (struct frame_spec){ p->field, p->n_fields, p->header, p->n_headers, p->payload, p->n_payload, NULL };
}

static bool fields_make(struct sema *s, struct ast_frame *f, const struct frame_parts *p)
{
	struct frame_spec inner, spec = spec_of(p);
	struct frame_fault fault;
	struct diag *e;

	if (p->inner) {
		inner = spec_of(p->inner);
		spec.inner = &inner;
	}
	f->data = frame_make(s->a, &spec, &f->len, &fault);
	if (f->data)
		return true;
	p = fault.inner ? p->inner : p;
	e = diag_error(s->d, fault_at(f, p, fault.at), "%s", fault.text);
	e->remedy = fault.remedy;
	if (fault.other != FRAME_NOBODY) {
		e->note_span = fault_at(f, p, fault.other);
		e->note = "against this";
	}
	return false;
}

static bool capture_check(struct sema *s, struct ast_frame *f)
{
	const char *why = f->number ? NULL : "packets are counted from 1";

	if (!why)
		why = frame_capture(s->a, source_reader(s->p->reader, f->span.src), f->path, f->number, &f->data, &f->len);
	if (!why && (f->len < FRAME_LEAST || f->len > FRAME_MOST))
		why = arena_printf(s->a, "it has %zu bytes, a test's packet has %d to %d", f->len, FRAME_LEAST, FRAME_MOST);
	if (!why)
		return true;
	diag_error(s->d, f->span, "there is no packet %llu from %s: %s", (unsigned long long)f->number, sema_quote(s, f->from.span),
		   why)->remedy = f->from.s[0] == '/' ? "give a capture and a number that is in it" :
						       "the path is taken relative to the file that names it";
	return false;
}

/* What is said of TCP and UDP alone, is it said of such a packet? */
static bool flow_check(struct sema *s, const struct ast_frame *f, const struct frame_parts *p)
{
	struct dissect d;
	struct diag *e;

	if (!p->flow_at.src)
		return true;
	dissect_frame(&d, f->data, f->len);
	if (dissect_flow(&d))
		return true;
	e = diag_error(s->d, p->flow_at, "`%s` is said of TCP and UDP, and this packet has no whole header of either", sema_quote(s, p->flow_at));
	e->remedy = dissect_has(&d, HDR_IP) && d.fragment && !d.first_fragment ?
			    "leave it out: a later fragment has no ports, so that no socket and no connection is found for it" :
		    d.malformed ? "leave it out, or let the packet have all of its header" :
				  "leave it out: it changes nothing there; or give the packet a header of them, such as `tcp` or `udp.dport = 53`";
	return false;
}

static bool parts_check(struct sema *s, struct ast_frame *f, struct frame_parts *p)
{
	struct diag *e;
	bool ok = true;

	for (size_t i = 0; i < f->assign.n; i++)
		ok = assign_check(s, &f->assign.v[i], f, p) && ok;
	if (!ok)
		return false;
	if (p->tag_at.src && !(f->inputs & 1u << INPUT_RX_VLAN_ID)) {
		e = diag_error(s->d, p->tag_at, "a part of a tag that the device took out of the frame, and no tag");
		e->remedy = "give its VLAN, too: `rx.vlan.id = 7`";
		return false;
	}
	if (!p->hex_at.src)
		return fields_make(s, f, p) && flow_check(s, f, p);
	if (p->given_at.src) {
		e = diag_error(s->d, p->given_at, "the frame's bytes are given: fields beside them say nothing");
		e->remedy = "beside `hex` stands what is no byte of it: `iface`, `rxqueue`";
		for (int i = 0; i < INPUT_COUNT; i++)
			e->remedy = arena_printf(s->a, "%s, `%s`", e->remedy, lang_inputs[i].name);
		e->note_span = p->hex_at;
		e->note = "given here";
		return false;
	}
	f->data = p->hex;
	f->len = p->n_hex;
	return flow_check(s, f, p);
}

bool frame_check(struct sema *s, struct ast_frame *f)
{
	struct arena_mark mark = arena_mark(s->scratch);
	bool ok = f->from.s ? capture_check(s, f) : parts_check(s, f, arena_alloc(s->scratch, sizeof(struct frame_parts)));

	arena_release(s->scratch, mark);
	return ok;
}
