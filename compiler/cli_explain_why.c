/*
 * Why a condition is false, or true. In: a condition and the packet as the evaluator has it at that moment. Out: a few words that say what the packet
 * has, in the place of what was asked: `it is 443`, `no tcp (ip.proto is udp)`. All values come from the evaluator's own functions.
 */
#include "cli_explain.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "eval_key.h"
#include "eval_limit.h"
#include "utf8.h"

enum { ALTERNATIVES = 6, SOURCE_MOST = 160, KEY_WORDS = 32, SLICE_MOST = 16 };

static void put_why(struct explain *x, FILE *out, const struct eval_view *w, const struct ast_expr *e);

/* What is written until the next call is a text of its own. */
static FILE *begin(struct explain *x)
{
	fseek(x->out, 0, SEEK_SET);
	return x->out;
}

static const char *end(struct explain *x)
{
	long n = ftell(x->out);

	if (fflush(x->out) != 0 || !x->text)
		arena_fail();
	return utf8_line(x->a, x->text, n > 0 ? (size_t)n : 0, 4096, false);
}

/* ---- values ---- */

static struct ast_operand operand_of(enum field_id f, bool inner)
{
	const struct field_info *info = &lang_fields[f];

	return (struct ast_operand){ .kind = OPERAND_FIELD, .field = f, .inner = inner, .value_kind = lang_types[info->type].kind,
				     .bits = info->bits, .name.s = info->name };
}

static void put_value(FILE *out, const struct ast_operand *o, const struct eval_value *v)
{
	const struct value *p = &v->v;
	const enum family *family = &v->family;

	if (o->kind != OPERAND_FIELD) {
		for (size_t i = 0; i < v->n_bytes && i < SLICE_MOST; i++)
			fprintf(out, "%s%02x", i ? ":" : v->n_bytes == 1 ? "0x" : "", v->bytes[i]);
		if (v->n_bytes > SLICE_MOST)
			fprintf(out, "... (%zu bytes)", v->n_bytes);
	} else if (o->field == FIELD_TIME) {
		fprintf(out, "%02u:%02u:%02u UTC", (unsigned)(v->v.lo / 3600), (unsigned)(v->v.lo / 60 % 60), (unsigned)(v->v.lo % 60));
	} else {
		enum type_id type = lang_fields[o->field].type;

		cli_put_field(out, o, &p, &family);
		/* rules say either */
		if (o->value_kind == KIND_NUM && lang_types[type].names != NAMES_NONE && lang_value_name(lang_types[type].names, v->v.lo))
			fprintf(out, " (%" PRIu64 ")", v->v.lo);
	}
}

/* Is it, or a part of it, of bytes that were not captured? */
static bool is_unknown(const struct explain *x, const struct eval_view *w, const struct ast_operand *o, const struct eval_value *v)
{
	const struct dissect *d = o->inner ? &w->inner : &w->d;
	const struct field_info *f;

	if (v->bytes)
		return (size_t)(v->bytes - w->pkt->data) + v->n_bytes > x->known;
	f = &lang_fields[o->field];
	return f->form == FORM_WIRE && d->offset[f->header] + f->off + f->len > x->known;
}

/* ---- what is absent ---- */

/* Why there is no header, as far as what is before it says. */
static void put_instead(FILE *out, const struct eval_view *w, bool inner)
{
	static const enum field_id types[] = { FIELD_IP_PROTO, FIELD_ETH_TYPE };
	const struct dissect *d = inner ? &w->inner : &w->d;

	if (inner && !d->present) {
		fputs(" (there is no tunnel)", out);
		return;
	}
	if (d->malformed) {
		fprintf(out, " (%sthe packet is malformed)", inner ? "inside, " : "");
		return;
	}
	if (d->fragment && !d->first_fragment) {
		fputs(" (it is a later fragment)", out);
		return;
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct ast_operand o = operand_of(types[i], inner);
		struct eval_value v;

		if (!eval_operand(w, &o, &v))
			continue;
		fprintf(out, " (%s%s is ", inner ? "inner." : "", o.name.s);
		put_value(out, &o, &v);
		fputc(')', out);
		return;
	}
}

static void put_no_header(FILE *out, const struct eval_view *w, const char *name, int len, bool inner)
{
	fprintf(out, "no %s%.*s", inner ? "inner." : "", len, name);
	put_instead(out, w, inner);
}

/* The header that a field's name begins with, in which its own one is. */
static enum header_id within(const struct field_info *f)
{
	enum header_id h = lang_header_by_name(f->name, strcspn(f->name, "."));

	return h == HDR_COUNT ? f->header : h;
}

static void put_absent(FILE *out, const struct eval_view *w, const struct ast_operand *o)
{
	const struct dissect *d = o->inner ? &w->inner : &w->d;
	const struct field_info *f;
	const char *name;

	if (o->kind == OPERAND_PACKET) {
		fprintf(out, "the packet has %zu bytes", w->pkt->left);
		return;
	}
	if (o->kind == OPERAND_PAYLOAD || (o->field == FIELD_PAYLOAD_LEN && !d->has_payload)) {
		if (d->has_payload) {
			fprintf(out, "the payload has %zu bytes", d->payload_end - d->payload);
			return;
		}
		fputs("no payload", out);
		put_instead(out, w, o->inner);
		return;
	}
	f = &lang_fields[o->field];
	name = f->name;
	if (f->form == FORM_META && f->header == HDR_NONE) {
		if (o->field == FIELD_FLOW_STATE && !dissect_has(&w->d, HDR_TCP) && !dissect_has(&w->d, HDR_UDP))
			put_no_header(out, w, "tcp or udp", 10, o->inner);
		else
			fputs("it is not given", out);
		return;
	}
	/* what is inside another header: that one is there, and this is not */
	if (f->form == FORM_WIRE && lang_headers[f->header].layer == LAYER_PART && dissect_has(d, within(f)))
		fprintf(out, "this %s%.*s has none", o->inner ? "inner." : "", (int)strcspn(name, "."), name);
	else if (f->form == FORM_WIRE && lang_headers[f->header].name && lang_headers[f->header].layer != LAYER_PART)
		put_no_header(out, w, lang_headers[f->header].name, (int)strlen(lang_headers[f->header].name), o->inner);
	else
		put_no_header(out, w, name, (int)strcspn(name, "."), o->inner);
}

const char *explain_value(struct explain *x, const struct eval_view *w, const struct ast_operand *o)
{
	struct eval_value v;

	if (!eval_operand(w, o, &v))
		return NULL;
	put_value(begin(x), o, &v);
	return end(x);
}

/* ---- conditions ---- */

static void put_membership(struct explain *x, FILE *out, const struct eval_view *w, const struct ast_expr *e)
{
	const struct ast_match *m = &e->match;
	bool in = eval_cond(w, e) != m->negate;

	if (m->kind == MATCH_SET)
		explain_element(x, out, w, e, in);
	else if (m->kind == MATCH_LIVE)
		explain_live_element(out, w, e, in);
}

static void put_cmp(struct explain *x, FILE *out, const struct eval_view *w, const struct ast_expr *e)
{
	struct eval_value v;
	bool unknown = false;

	for (size_t i = 0; i < e->operand.n; i++)
		if (!eval_operand(w, e->operand.v[i], &v)) {
			if (e->operand.n > 1)
				fprintf(out, "%s: ", e->operand.v[i]->name.s);
			put_absent(out, w, e->operand.v[i]);
			return;
		}
	fputs(e->operand.n > 1 ? "it is (" : "it is ", out);
	for (size_t i = 0; i < e->operand.n; i++) {
		eval_operand(w, e->operand.v[i], &v);
		fputs(i ? ", " : "", out);
		put_value(out, e->operand.v[i], &v);
		unknown |= is_unknown(x, w, e->operand.v[i], &v);
	}
	fputs(e->operand.n > 1 ? ")" : "", out);
	if (e->has_mask) {
		eval_operand(w, e->operand.v[0], &v);
		v.v = value_and(v.v, e->mask_value);
		fputs(", of it ", out);
		put_value(out, e->operand.v[0], &v);
	}
	put_membership(x, out, w, e);
	if (unknown)
		fputs(" (not all of it was captured)", out);
}

static void put_name(FILE *out, const struct eval_view *w, const struct ast_expr *e)
{
	const struct ast_operand o = operand_of(e->field == FIELD_NONE ? FIELD_PKT_LEN : e->field, e->inner);
	struct eval_value v;

	if (e->header != HDR_NONE) {
		if (dissect_has(e->inner ? &w->inner : &w->d, e->header))
			fputs("it is there", out);
		else
			put_no_header(out, w, lang_headers[e->header].name, (int)strlen(lang_headers[e->header].name), e->inner);
	} else if (eval_operand(w, &o, &v)) {
		fprintf(out, "it is %s", v.v.lo ? "so" : "not so");
	} else {
		put_absent(out, w, &o);
	}
}

/* The key's own bucket; @e has been asked, once, by the evaluator. */
static void put_limit(FILE *out, const struct eval_view *w, const struct ast_limit *l)
{
	struct eval_limit_state s = eval_limit_look(w, l);
	struct value value[KEY_WORDS];
	enum family family[KEY_WORDS];
	const struct value *v = value;
	const enum family *f = family;
	const char *tokens = l->bytes ? "bytes" : "packets";

	switch (s.what) {
	case LIMIT_NO_KEY:
		fputs("its key is not in the packet", out);
		for (size_t i = 0; i < l->key.n; i++) {
			struct eval_value has;

			if (eval_operand(w, l->key.v[i], &has))
				continue;
			fprintf(out, ": %s: ", l->key.v[i]->name.s);
			put_absent(out, w, l->key.v[i]);
			return;
		}
		return;
	case LIMIT_LARGE:
		fprintf(out, "the packet is more than a burst, %" PRIu64 " %s", s.burst, tokens);
		return;
	case LIMIT_FULL:
		fprintf(out, "there is no room for another key, and then it is %s", l->closed ? "closed" : "open");
		return;
	case LIMIT_KNOWN:
		break;
	}
	fprintf(out, "%" PRIu64 " of %" PRIu64 " %s are left", s.left, s.burst, tokens);
	if (l->key.n && eval_key(w, l->key.v, l->key.n, value, family)) {
		fputs(" for ", out);
		for (size_t i = 0; i < l->key.n; i++) {
			fputs(i ? ", " : "", out);
			cli_put_field(out, l->key.v[i], &v, &f);
		}
	}
	if (s.wait)
		fprintf(out, ", enough in %" PRIu64 ".%03u ms", s.wait / 1000000, (unsigned)(s.wait / 1000 % 1000));
}

static void put_random(FILE *out, const struct eval_view *w, const struct ast_expr *e)
{
	const double all = 4294967296.0;
	uint32_t drawn;

	if (eval_drawn(w, e, &drawn))
		fprintf(out, "%.4f%% was drawn, below %.4g%% was wanted", 100 * (double)drawn / all, 100 * (double)e->share / all);
	else
		put_no_header(out, w, "ip", 2, false);
}

static void put_socket(FILE *out, const struct eval_view *w)
{
	if (!dissect_has(&w->d, HDR_TCP) && !dissect_has(&w->d, HDR_UDP))
		put_no_header(out, w, "tcp or udp", 10, false);
	else
		fputs(!w->pkt->has_socket ? "it is not given" : w->pkt->socket ? "a socket takes it" : "no socket takes it", out);
}

/* Parts of an `or` or `and`: those that are as @which says; a limit stands in neither. */
static void put_parts(struct explain *x, FILE *out, const struct eval_view *w, const struct ast_expr *e, bool which, size_t most)
{
	size_t n = 0, shown = 0;

	for (size_t i = 0; i < e->sub.n; i++)
		n += eval_cond(w, e->sub.v[i]) == which;
	for (size_t i = 0; i < e->sub.n && shown < most; i++) {
		if (eval_cond(w, e->sub.v[i]) != which)
			continue;
		fprintf(out, "%s%s: ", shown++ ? "; " : "", explain_source(x, e->sub.v[i]->span));
		put_why(x, out, w, e->sub.v[i]);
	}
	if (n > shown && most > 1)
		fprintf(out, "; and %zu more", n - shown);
}

/* What the packet does not say. Of a set that was read it is known; if that is not as it was then, too. */
static void put_asked(FILE *out, const struct ast_expr *e, const struct explain_asked *a)
{
	const char *was = a->value ? "it was so" : "it was not so";

	if (e->kind == EXPR_CMP && e->match.kind == MATCH_LIVE)
		fprintf(out, "by what the filter did, %s then; the set %s has changed since", was, e->match.set->name.s);
	else
		fprintf(out, "it is not in the packet; by what the filter did, %s", was);
}

static void put_why(struct explain *x, FILE *out, const struct eval_view *w, const struct ast_expr *e)
{
	const struct explain_asked *a = x->agrees ? explain_asked(x, e) : NULL;

	if (a && (a->turned || e->kind != EXPR_CMP || e->match.kind != MATCH_LIVE)) {
		put_asked(out, e, a);
		return;
	}
	switch (e->kind) {
	case EXPR_AND:
		put_parts(x, out, w, e, eval_cond(w, e), eval_cond(w, e) ? ALTERNATIVES : 1);
		break;
	case EXPR_OR:
		put_parts(x, out, w, e, eval_cond(w, e), eval_cond(w, e) ? 1 : ALTERNATIVES);
		break;
	case EXPR_NOT:
		put_why(x, out, w, e->sub.v[0]);
		break;
	case EXPR_NAME:
		put_name(out, w, e);
		break;
	case EXPR_SOCKET:
		put_socket(out, w);
		break;
	case EXPR_CMP:
		put_cmp(x, out, w, e);
		break;
	case EXPR_LIMIT:
		put_limit(out, w, e->limit);
		break;
	case EXPR_RANDOM:
		put_random(out, w, e);
		break;
	}
}

const char *explain_why_text(struct explain *x, const struct eval_view *w, const struct ast_expr *e)
{
	FILE *out = begin(x);

	put_why(x, out, w, e);
	return end(x);
}

const char *explain_source(struct explain *x, struct span sp)
{
	size_t len = sp.end - sp.begin;
	const char *s;

	if (!sp.src)
		return "";
	s = utf8_line(x->a, sp.src->text + sp.begin, len, SOURCE_MOST, true);
	return strlen(s) + 3 < SOURCE_MOST ? s : arena_printf(x->a, "%s...", s);
}

const char *explain_condition(struct explain *x, const struct ast_expr *e)
{
	for (size_t i = 0; i < x->p->ways.n; i++)
		if (x->p->ways.v[i]->answers == e)
			return "an answer to the SYN";
	return explain_source(x, e->span);
}

const char *explain_subject(struct explain *x, const struct ast_expr *e)
{
	const char *s;

	if (e->kind != EXPR_CMP)
		return explain_source(x, e->span);
	s = e->operand.v[0]->name.s;
	for (size_t i = 1; i < e->operand.n; i++)
		s = arena_printf(x->a, "%s, %s", s, e->operand.v[i]->name.s);
	return e->operand.n > 1 ? arena_printf(x->a, "(%s)", s) : s;
}
