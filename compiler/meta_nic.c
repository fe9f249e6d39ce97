/*
 * What network cards have to do with the rules. In: a checked tree. Out: JSON text, as runtime/abi.h describes it: which rules look at tags, which
 * a card may have taken out of the frame, and which rules a card's own filters could take. Guaranteed: a filter that is named drops only packets
 * that its rule drops; only rules are named before which nothing lets packets through or counts them.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "abi.h"
#include "meta_text.h"

enum { MAX_TERMS = 16 };

/* ---- tags ---- */

static bool is_tag(enum header_id h)
{
	return h == HDR_VLAN || h == HDR_VLAN2;
}

static bool operand_tags(const struct ast_operand *o)
{
	return o->kind == OPERAND_FIELD && !o->inner && is_tag(lang_fields[o->field].header);
}

static bool operands_tag(struct ast_operand *const *o, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (operand_tags(o[i]))
			return true;
	return false;
}

static bool expr_tags(const struct ast_expr *e)
{
	switch (e->kind) {
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_NOT:
		for (size_t i = 0; i < e->sub.n; i++)
			if (expr_tags(e->sub.v[i]))
				return true;
		return false;
	case EXPR_NAME:
		if (e->inner)
			return false;
		return is_tag(e->header) || (e->header == HDR_NONE && e->field != FIELD_NONE && is_tag(lang_fields[e->field].header));
	case EXPR_CMP:
		return operands_tag(e->operand.v, e->operand.n);
	case EXPR_LIMIT:
		return operands_tag(e->limit->key.v, e->limit->key.n);
	case EXPR_SOCKET:
	case EXPR_RANDOM:
		break;
	}
	return false;
}

static bool rule_tags(const struct ast_rule *r)
{
	if (r->cond && expr_tags(r->cond))
		return true;
	for (size_t i = 0; i < r->action.n; i++)
		if (operands_tag(r->action.v[i]->key.v, r->action.v[i]->key.n))
			return true;
	return false;
}

/* ---- filters ---- */

struct term {
	enum field_id field;	/* FIELD_NONE: .header is present */
	enum header_id header;
	const struct range *range;
	size_t n;
};

struct filter {
	enum family family;	/* NUM: either */
	enum header_id proto;	/* NONE: any */
	const struct range *src, *dst;
	int sport, dport, vlan;	/* -1: any */
};

struct filters {
	struct arena *a;
	struct term term[MAX_TERMS];
	size_t n_terms;
	const char *text[XDPF_NIC_FILTERS];
	size_t n;
	bool too_many;
};

static bool one(const struct range *r)
{
	return !value_cmp(r->lo, r->hi);
}

/* Bits of an address that do not count; false: the range is no prefix. */
static bool host_bits(const struct range *r, struct value *out)
{
	struct value x = { .hi = r->lo.hi ^ r->hi.hi, .lo = r->lo.lo ^ r->hi.lo };

	if ((x.hi & (x.hi + 1)) || (x.lo & (x.lo + 1)) || (x.hi && x.lo != UINT64_MAX))
		return false;
	if ((r->lo.hi & x.hi) || (r->lo.lo & x.lo))
		return false;
	*out = x;
	return true;
}

static bool add_term(struct filters *f, const struct ast_expr *e)
{
	struct term *t = &f->term[f->n_terms];

	if (f->n_terms == MAX_TERMS || e->inner)
		return false;
	*t = (struct term){ .field = FIELD_NONE, .header = HDR_NONE };
	if (e->kind == EXPR_NAME) {
		t->header = e->header;
		f->n_terms++;
		return e->header != HDR_NONE;
	}
	if (e->kind != EXPR_CMP || e->has_mask || e->match.negate || e->operand.n != 1 || e->operand.v[0]->kind != OPERAND_FIELD ||
	    e->operand.v[0]->inner || e->operand.v[0]->has_prefix)
		return false;
	t->field = e->operand.v[0]->field;
	if (e->match.kind == MATCH_RANGES) {
		t->range = e->match.range;
		t->n = e->match.n;
	} else if (e->match.kind == MATCH_SET && e->match.set->n_types == 1) {
		t->range = e->match.set->range;
		t->n = e->match.set->n;
	}
	f->n_terms++;
	return t->n > 0 && t->n <= XDPF_NIC_FILTERS;
}

static bool set_proto(struct filter *x, enum header_id h)
{
	if (x->proto != HDR_NONE && x->proto != h)
		return false;
	x->proto = h;
	return true;
}

static bool set_family(struct filter *x, enum family f)
{
	if (x->family != FAMILY_NUM && x->family != f)
		return false;
	x->family = f;
	return true;
}

static bool set_number(int *to, const struct range *r)
{
	if (!one(r) || *to >= 0)
		return false;
	*to = (int)r->lo.lo;
	return true;
}

static bool set_address(struct filter *x, const struct range **to, const struct range *r, enum family family)
{
	struct value bits;

	if (*to || !host_bits(r, &bits) || !set_family(x, r->family == FAMILY_NUM ? family : r->family))
		return false;
	*to = r;
	return true;
}

/* Adds what a term says with one of its ranges. False: a filter cannot say it. */
static bool add_value(struct filter *x, const struct term *t, const struct range *r)
{
	if (t->field == FIELD_NONE) {
		if (t->header == HDR_IP4 || t->header == HDR_IP6)
			return set_family(x, t->header == HDR_IP4 ? FAMILY_IP4 : FAMILY_IP6);
		if (t->header == HDR_TCP || t->header == HDR_UDP || t->header == HDR_SCTP)
			return set_proto(x, t->header);
		return t->header == HDR_IP;
	}
	if (t->field == FIELD_TCP_SPORT || t->field == FIELD_UDP_SPORT || t->field == FIELD_SCTP_SPORT)
		return set_proto(x, lang_fields[t->field].header) && set_number(&x->sport, r);
	if (t->field == FIELD_TCP_DPORT || t->field == FIELD_UDP_DPORT || t->field == FIELD_SCTP_DPORT)
		return set_proto(x, lang_fields[t->field].header) && set_number(&x->dport, r);
	if (t->field == FIELD_IP_SRC || t->field == FIELD_IP4_SRC || t->field == FIELD_IP6_SRC)
		return set_address(x, &x->src, r, t->field == FIELD_IP4_SRC ? FAMILY_IP4 : FAMILY_IP6);
	if (t->field == FIELD_IP_DST || t->field == FIELD_IP4_DST || t->field == FIELD_IP6_DST)
		return set_address(x, &x->dst, r, t->field == FIELD_IP4_DST ? FAMILY_IP4 : FAMILY_IP6);
	return t->field == FIELD_VLAN_ID && set_number(&x->vlan, r);
}

static const char *address(struct arena *a, enum family f, struct value v)
{
	char buf[INET6_ADDRSTRLEN];
	uint64_t wide[2] = { htobe64(v.hi), htobe64(v.lo) };
	uint32_t narrow = htobe32((uint32_t)v.lo);

	return arena_printf(a, "%s", inet_ntop(f == FAMILY_IP4 ? AF_INET : AF_INET6, f == FAMILY_IP4 ? (void *)&narrow : wide, buf, sizeof(buf)));
}

static const char *address_part(struct arena *a, const char *name, enum family f, const struct range *r)
{
	struct value bits;

	if (!r || !host_bits(r, &bits))
		return "";
	if (one(r))
		return arena_printf(a, " %s %s", name, address(a, f, r->lo));
	return arena_printf(a, " %s %s m %s", name, address(a, f, r->lo), address(a, f, bits));
}

/* As `ethtool -N IFACE` takes it. A bit of a mask that is set does not count there. */
static void write_filter(struct filters *f, const struct filter *x, enum family family)
{
	const char *proto = x->proto == HDR_NONE ? "ip" : lang_headers[x->proto].name;
	char ports[64] = "", vlan[40] = "";
	size_t n = 0;

	if (f->n == XDPF_NIC_FILTERS) {
		f->too_many = true;
		return;
	}
	if (x->sport >= 0)
		n = (size_t)snprintf(ports, sizeof(ports), " src-port %d", x->sport);
	if (x->dport >= 0)
		snprintf(ports + n, sizeof(ports) - n, " dst-port %d", x->dport);
	if (x->vlan >= 0)
		snprintf(vlan, sizeof(vlan), " vlan %d m 0xf000", x->vlan);
	f->text[f->n++] = arena_printf(f->a, "flow-type %s%d%s%s%s%s action -1", proto, family, address_part(f->a, "src-ip", family, x->src),
				       address_part(f->a, "dst-ip", family, x->dst), ports, vlan);
}

/* One filter for each combination of the terms' ranges. */
static bool expand(struct filters *f, size_t term, struct filter x)
{
	const struct term *t = &f->term[term];

	if (term == f->n_terms) {
		if (x.proto == HDR_NONE && !x.src && !x.dst)
			return false;
		if (x.family != FAMILY_IP6)
			write_filter(f, &x, FAMILY_IP4);
		if (x.family != FAMILY_IP4)
			write_filter(f, &x, FAMILY_IP6);
		return !f->too_many;
	}
	for (size_t i = 0; i < (t->n ? t->n : 1); i++) {
		struct filter y = x;

		if (!add_value(&y, t, t->n ? &t->range[i] : NULL) || !expand(f, term + 1, y))
			return false;
	}
	return true;
}

static bool make_filters(struct filters *f, const struct ast_expr *cond)
{
	bool ok = cond;

	if (!cond)
		return false;
	if (cond->kind == EXPR_AND)
		for (size_t i = 0; i < cond->sub.n && ok; i++)
			ok = add_term(f, cond->sub.v[i]);
	else
		ok = add_term(f, cond);
	return ok && expand(f, 0, (struct filter){ FAMILY_NUM, HDR_NONE, NULL, NULL, -1, -1, -1 });
}

static bool asks_limit(const struct ast_expr *e)
{
	if (e && e->kind == EXPR_LIMIT)
		return true;
	for (size_t i = 0; e && e->kind == EXPR_AND && i < e->sub.n; i++)
		if (e->sub.v[i]->kind == EXPR_LIMIT)
			return true;
	return false;
}

/* It drops, and does nothing else: whoever drops the packet before it changes nothing but its counters. */
static bool only_drops(const struct ast_rule *r)
{
	return r->kind == RULE_ACTIONS && r->action.n == 1 && r->action.v[0]->kind == ACTION_VERDICT && r->verdict == VERDICT_DROP &&
	       !r->may_go_on && !asks_limit(r->cond);
}

/* ---- the text ---- */

static size_t put_tags(struct meta_text *t, const struct ast_program *p)
{
	size_t n = 0;

	meta_put(t, "{\"tags\":[");
	for (size_t i = 0; i < p->by_index.n && !t->failed; i++) {
		if (!p->by_index.v[i] || !rule_tags(p->by_index.v[i]))
			continue;
		if (n < XDPF_NIC_RULES) {
			meta_put(t, n ? "," : "");
			meta_put_number(t, i);
		}
		n++;
	}
	meta_put(t, "]");
	return n;
}

static size_t put_filters(struct meta_text *t, const struct ast_program *p)
{
	struct arena *a = arena_new();
	size_t n = 0;

	meta_put(t, ",\"filters\":[");
	for (size_t i = 0; p->units.n && i < p->units.v[0]->rules.list.n && !t->failed && n < XDPF_NIC_RULES; i++) {
		const struct ast_rule *r = p->units.v[0]->rules.list.v[i];
		struct arena_mark mark = arena_mark(a);
		struct filters f = { .a = a };

		if (!only_drops(r))
			break;
		if (make_filters(&f, r->cond)) {
			meta_put(t, n++ ? ",[" : "[");
			meta_put_number(t, r->index);
			for (size_t k = 0; k < f.n; k++) {
				meta_put(t, ",");
				meta_put_string(t, f.text[k]);
			}
			meta_put(t, "]");
		}
		arena_release(a, mark);
	}
	meta_put(t, "]}");
	arena_free(a);
	return n;
}

bool meta_nic(const struct ast_program *p, char **text, size_t *len)
{
	struct meta_text t = { 0 };
	size_t n = put_tags(&t, p);

	n += put_filters(&t, p);
	*text = NULL;
	*len = 0;
	if (n && !t.failed) {
		*text = t.s;
		*len = t.n;
		return true;
	}
	free(t.s);
	return !t.failed;
}
