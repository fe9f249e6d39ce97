/*
 * Conditions that cannot hold. In: what is known where a condition is asked (the conditions of the blocks around it, what came before it
 * in an `and`), and the condition. Out: what is known behind it, or two parts of it that exclude each other.
 *
 * Only what is certain is said. Known are: headers that must or cannot be there, and for an operand the numbers it can be where it is
 * present. An absent field makes a comparison false, so "not (a == 1)" only says: where a is present, it is not 1.
 */
#include "sema.h"

#include <string.h>

struct fact {
	const struct fact *before;
	const struct ast_expr *by;		/* what said so, and whether by being true */
	bool by_true;
	uint64_t headers[2];			/* bits it added to must or cannot of each layer; an operand's values, if .op */
	const struct ast_operand *op;
	bool has_mask;
	struct value mask;
	bool present;
	const struct range *v;			/* where it is present it is in one of these */
	size_t n;
};

enum {
	MAX_FACTS = 2000,	/* about operands, remembered at one place */
	MAX_KEPT = 64,		/* ranges of an operand that are computed; a list as it was written may be longer */
	MAX_READ = 4096,	/* longer lists and sets are not looked into */
};

#define BIT(h) ((uint64_t)1 << (h))
#define SOCKET BIT(HDR_COUNT)	/* `socket`, among the headers: it is there or it is not */

/* ---- headers ---- */

static struct fact *add_fact(struct sema *s, struct facts *f, const struct ast_expr *by, bool by_true)
{
	struct fact *x = arena_alloc(s->scratch, sizeof(*x));

	x->before = f->last;
	x->by = by;
	x->by_true = by_true;
	f->last = x;
	return x;
}

/* @inner: of the layer inside a tunnel. Where something is inside, there is a tunnel outside. */
static bool add_headers(struct sema *s, struct facts *f, bool inner, uint64_t must, uint64_t cannot, const struct ast_expr *by, bool by_true,
			struct conflict *c)
{
	uint64_t m[2] = { f->must[0], f->must[1] }, n[2] = { f->cannot[0], f->cannot[1] }, fresh[2];
	struct fact *x;

	/* What is known is closed already. */
	if (!(must & ~f->must[inner]) && !(cannot & ~f->cannot[inner]))
		return true;
	m[inner] |= must;
	n[inner] |= cannot;
	headers_close(s, true, &m[1], &n[1]);
	if (m[1]) {
		m[0] |= BIT(HDR_IP);
		n[0] |= s->carry_nothing;
	}
	headers_close(s, false, &m[0], &n[0]);
	if (m[0] & n[0] || m[1] & n[1]) {
		*c = (struct conflict){ .at = by, .at_true = by_true, .headers = true };
		/* The earliest that had a hand in it; facts are newest first. */
		for (const struct fact *o = f->last; o; o = o->before)
			if ((o->headers[0] & m[0] & n[0] || o->headers[1] & m[1] & n[1]) && o->by != by) {
				c->other = o->by;
				c->other_true = o->by_true;
			}
		return false;
	}
	for (int i = 0; i < 2; i++)
		fresh[i] = (m[i] & ~f->must[i]) | (n[i] & ~f->cannot[i]);
	if (fresh[0] || fresh[1]) {
		x = add_fact(s, f, by, by_true);
		memcpy(x->headers, fresh, sizeof(fresh));
	}
	memcpy(f->must, m, sizeof(m));
	memcpy(f->cannot, n, sizeof(n));
	return true;
}

/* ---- operands ---- */

/* The headers without which the operand is absent; *exact: with which it is present. */
static uint64_t anchor(const struct sema *s, const struct ast_operand *op, bool *exact)
{
	const struct field_info *f;
	uint64_t all = ~(uint64_t)0, alts = 0;

	*exact = false;
	/* of a key there may be fields that there are not, which was told */
	if (op->kind != OPERAND_FIELD || op->field == FIELD_NONE)
		return 0;
	f = &lang_fields[op->field];
	if (op->field == FIELD_FLOW_STATE)
		return BIT(HDR_L4);
	if (f->form != FORM_ALIAS) {
		*exact = f->header != HDR_NONE;
		return *exact ? BIT(f->header) : 0;
	}
	for (unsigned i = 0; i < f->n; i++) {
		enum header_id h = lang_fields[f->alt[i]].header;

		alts |= BIT(h);
		all &= headers_implied(s, op->inner, h);
	}
	for (int g = 0; g < HDR_COUNT; g++)
		if (s->members[g] && s->members[g] == alts) {
			*exact = true;
			return BIT(g);
		}
	return all;
}

/* Transports that have neither sockets nor a state of connections. */
static uint64_t other_transports(void)
{
	uint64_t others = 0;

	for (int h = 0; h < HDR_COUNT; h++)
		if (lang_headers[h].layer == LAYER_L4 && h != HDR_TCP && h != HDR_UDP)
			others |= BIT(h);
	return others;
}

static uint64_t never_with(const struct ast_operand *op)
{
	return op->kind == OPERAND_FIELD && op->field == FIELD_FLOW_STATE ? other_transports() : 0;
}

static bool always_there(const struct ast_operand *op)
{
	return op->kind == OPERAND_FIELD && (op->field == FIELD_PKT_LEN || op->field == FIELD_MALFORMED ||
					     op->field == FIELD_WEEKDAY || op->field == FIELD_TIME);
}

static const struct fact *find(const struct facts *f, const struct ast_operand *op, bool has_mask, struct value mask)
{
	for (const struct fact *x = f->last; x; x = x->before)
		if (x->op && operand_same(x->op, op) && x->has_mask == has_mask && (!has_mask || !value_cmp(x->mask, mask)))
			return x;
	return NULL;
}

static bool covers(const struct range *v, size_t n, uint64_t number)
{
	for (size_t i = 0; i < n; i++)
		if (range_has(&v[i], FAMILY_NUM, value_of(number)))
			return true;
	return false;
}

/* Headers that values of this operand rule out: TCP where ip.proto is not 6. */
static uint64_t ruled_out(const struct fact *x)
{
	uint64_t out = 0;
	enum next_by by;

	if (x->has_mask || x->op->kind != OPERAND_FIELD || (x->op->field != FIELD_IP_PROTO && x->op->field != FIELD_ETH_TYPE))
		return 0;
	by = x->op->field == FIELD_IP_PROTO ? NEXT_IPPROTO : NEXT_ETHERTYPE;
	/* inside a tunnel there may be IP without a type */
	if (x->op->inner && by == NEXT_ETHERTYPE && !x->present)
		return 0;
	for (size_t i = 0; i < lang_n_nexts; i++) {
		enum layer layer = lang_headers[lang_nexts[i].header].layer;

		if (lang_nexts[i].by == by && layer == (by == NEXT_IPPROTO ? LAYER_L4 : LAYER_L3) &&
		    !covers(x->v, x->n, lang_nexts[i].number))
			out |= BIT(lang_nexts[i].header);
	}
	return out;
}

/* The header that an address of either family must be in, where all that are left are of one. */
static uint64_t family_header(const struct fact *x)
{
	const struct field_info *f;
	enum type_kind kind;

	if (x->op->value_kind != KIND_IP || x->op->kind != OPERAND_FIELD || !x->present || !x->n ||
	    x->v[0].family != x->v[x->n - 1].family)
		return 0;
	f = &lang_fields[x->op->field];
	kind = x->v[0].family == FAMILY_IP4 ? KIND_IP4 : KIND_IP6;
	for (unsigned i = 0; i < f->n; i++)
		if (lang_types[lang_fields[f->alt[i]].type].kind == kind)
			return BIT(lang_fields[f->alt[i]].header);
	return 0;
}

/* Where the operand of @e is present, it is in @v (@in) or outside it; @present: and it is. */
static bool narrow(struct sema *s, struct facts *f, const struct ast_expr *e, const struct ast_operand *op,
		   const struct range *v, size_t n,
		   bool in, bool present, const struct ast_expr *by, bool by_true, struct conflict *c)
{
	const struct fact *old;
	struct arena_mark mark;
	struct range all[2];
	size_t n_all = operand_domain(op, all);
	struct ranges left;
	struct fact *x;
	bool exact;
	uint64_t head = anchor(s, op, &exact);

	if (present && head && !add_headers(s, f, op->inner, head, never_with(op), by, by_true, c))
		return false;
	if (f->n >= MAX_FACTS || n > MAX_READ)
		return true;
	old = find(f, op, e->has_mask, e->mask_value);
	if (old && old->n > MAX_READ)
		return true;
	mark = arena_mark(s->scratch);
	if (e->has_mask)
		all[0].lo = value_of(0);	/* a mask may leave nothing of any value */
	if (!old && in)
		left = (struct ranges){ (struct range *)v, n, n };
	else if (in)
		left = ranges_and(s->scratch, old->v, old->n, v, n);
	else
		left = ranges_minus(s->scratch, old ? old->v : all, old ? old->n : n_all, v, n);
	if (left.n > MAX_KEPT && left.v != v) {
		arena_release(s->scratch, mark);
		return true;
	}
	present = present || (old && old->present) || always_there(op) || (exact && !(head & ~f->must[op->inner]));
	if (!left.n && present) {
		*c = (struct conflict){ .at = by, .at_true = by_true };
		if (old) {
			c->other = old->by;
			c->other_true = old->by_true;
		}
		return false;
	}
	x = add_fact(s, f, by, by_true);
	x->op = op;
	x->has_mask = e->has_mask;
	x->mask = e->mask_value;
	x->present = present;
	x->v = left.v;
	x->n = left.n;
	f->n++;
	/* No value is left, so it is absent; and what its values say about headers. */
	return add_headers(s, f, op->inner, family_header(x), (!left.n && exact ? head : 0) | (left.n ? ruled_out(x) : 0), by, by_true, c);
}

static const struct range *iface_ranges(struct sema *s, const struct ast_match *m, size_t *n)
{
	struct item *it = arena_array(s->scratch, m->n ? m->n : 1, sizeof(*it));
	struct range *out = arena_array(s->scratch, m->n ? m->n : 1, sizeof(*out));
	struct twice twice;

	for (size_t i = 0; i < m->n; i++) {
		const struct symbol *y = symtab_get(&s->ifaces, SPACE_IFACE, m->iface[i], strlen(m->iface[i]));

		it[i].r = (struct range){ FAMILY_NUM, value_of(y->value), value_of(y->value) };
	}
	*n = items_merge(s->scratch, it, m->n, &twice);
	for (size_t i = 0; i < *n; i++)
		out[i] = it[i].r;
	return out;
}

static bool assume_cmp(struct sema *s, struct facts *f, const struct ast_expr *e, bool truth, const struct ast_expr *by,
		       bool by_true, struct conflict *c)
{
	const struct ast_match *m = &e->match;
	const struct ast_operand *op = e->operand.v[0];
	const struct range *v = m->range;
	size_t n = m->n;
	bool exact;

	if (e->operand.n > 1 || m->kind == MATCH_BYTES || m->kind == MATCH_LIVE) {
		for (size_t i = 0; truth && i < e->operand.n; i++) {
			op = e->operand.v[i];
			if (!add_headers(s, f, op->inner, anchor(s, op, &exact), never_with(op), by, by_true, c))
				return false;
		}
		return true;
	}
	if (m->kind == MATCH_SET) {
		v = m->set->range;
		n = m->set->n;
	} else if (m->kind == MATCH_IFACES) {
		if (n > MAX_READ)
			return true;
		v = iface_ranges(s, m, &n);
	}
	return narrow(s, f, e, op, v, n, truth != m->negate, truth, by, by_true, c);
}

static bool assume_name(struct sema *s, struct facts *f, const struct ast_expr *e, bool truth, const struct ast_expr *by,
			bool by_true,
			struct conflict *c)
{
	static const struct range one = { FAMILY_NUM, { 0, 1 }, { 0, 1 } };
	struct ast_operand *op;

	if (e->header != HDR_NONE)
		return add_headers(s, f, e->inner, truth ? BIT(e->header) : 0, truth ? 0 : BIT(e->header), by, by_true, c);
	op = arena_alloc(s->scratch, sizeof(*op));
	op->kind = OPERAND_FIELD;
	op->field = e->field;
	op->inner = e->inner;
	op->value_kind = KIND_FLAG;
	op->bits = 1;
	return narrow(s, f, e, op, &one, 1, truth, truth, by, by_true, c);
}

/* What has a socket is TCP or UDP. */
static bool assume_socket(struct sema *s, struct facts *f, bool truth, const struct ast_expr *by, bool by_true, struct conflict *c)
{
	if (!truth)
		return add_headers(s, f, false, 0, SOCKET, by, by_true, c);
	return add_headers(s, f, false, SOCKET | BIT(HDR_L4), other_transports(), by, by_true, c);
}

static bool assume(struct sema *s, struct facts *f, const struct ast_expr *e, bool truth, const struct ast_expr *by, bool by_true,
		   struct conflict *c);

/* One of several holds, which one is not known: what they all say about headers is left. */
static bool assume_any(struct sema *s, struct facts *f, const struct ast_expr *e, bool truth, const struct ast_expr *by,
		       bool by_true, struct conflict *c)
{
	uint64_t must[2] = { ~(uint64_t)0, ~(uint64_t)0 }, cannot[2] = { ~(uint64_t)0, ~(uint64_t)0 };
	struct conflict mine;
	bool any = false;

	for (size_t i = 0; i < e->sub.n; i++) {
		struct arena_mark mark = arena_mark(s->scratch);
		struct facts one = *f;
		bool holds = assume(s, &one, e->sub.v[i], truth, e->sub.v[i], truth, &mine);

		arena_release(s->scratch, mark);
		if (!holds)
			continue;
		any = true;
		for (int k = 0; k < 2; k++) {
			must[k] &= one.must[k];
			cannot[k] &= one.cannot[k];
		}
	}
	if (any)
		return add_headers(s, f, false, must[0], cannot[0], by, by_true, c) && add_headers(s, f, true, must[1], cannot[1], by, by_true, c);
	*c = (struct conflict){ .at = by, .at_true = by_true };
	return false;
}

static bool assume(struct sema *s, struct facts *f, const struct ast_expr *e, bool truth, const struct ast_expr *by, bool by_true,
		   struct conflict *c)
{
	switch (e->kind) {
	case EXPR_NOT:
		/* `not tcp` is shown as it was written, where it is true. */
		return assume(s, f, e->sub.v[0], !truth, by_true ? by : e->sub.v[0], by_true ? true : !truth, c);
	case EXPR_AND:
	case EXPR_OR:
		if ((e->kind == EXPR_OR) == truth)
			return assume_any(s, f, e, truth, by, by_true, c);
		for (size_t i = 0; i < e->sub.n; i++)
			if (!assume(s, f, e->sub.v[i], truth, e->sub.v[i], truth, c))
				return false;
		return true;
	case EXPR_LIMIT:
		/* it may hold or not, whatever holds before it */
		return true;
	case EXPR_NAME:
		return assume_name(s, f, e, truth, by, by_true, c);
	case EXPR_CMP:
		return assume_cmp(s, f, e, truth, by, by_true, c);
	case EXPR_RANDOM:
		/* Flows are those of IP; the rest is chance. */
		return !truth || !e->name.s || add_headers(s, f, false, BIT(HDR_IP), 0, by, by_true, c);
	case EXPR_SOCKET:
		return assume_socket(s, f, truth, by, by_true, c);
	}
	return true;
}

bool facts_assume(struct sema *s, struct facts *f, const struct ast_expr *e, bool truth, struct conflict *c)
{
	return assume(s, f, e, truth, e, truth, c);
}

void facts_check_key(struct sema *s, const struct facts *f, const struct ast_operand *op, const char *so)
{
	struct facts here = *f;
	struct conflict c;
	struct diag *e;
	bool exact;
	uint64_t head = anchor(s, op, &exact);

	if (f->dead || !head || add_headers(s, &here, op->inner, head, never_with(op), NULL, true, &c))
		return;
	e = diag_warning(s->d, op->span, "%s is never there, so %s", operand_shown(s, op), so);
	e->remedy = "choose a field of the packets that get here";
	conflict_note(s, e, &c);
}

void facts_forget(struct sema *s, struct facts *f, const struct ast_rule *r)
{
	const struct fact **link, *x, *behind = NULL;
	bool retags = false;

	if (!rule_rewrites(r, &retags) || f->dead)
		return;
	if (retags) {
		*f = (struct facts){ 0 };
		return;
	}
	/* Headers stay what they are, values do not; other addresses have another socket. */
	f->must[0] &= ~SOCKET;
	f->cannot[0] &= ~SOCKET;
	f->n = 0;
	for (x = f->last; x; x = x->before)
		if (x->op)
			behind = x;
	if (!behind)
		return;
	/* What is older than all values stays as it is: a thousand such rules in a row copy nothing. */
	for (x = f->last, link = &f->last; x != behind; x = x->before)
		if (!x->op) {
			struct fact *kept = arena_copy(s->scratch, x, sizeof(*x));

			*link = kept;
			link = &kept->before;
		}
	*link = behind->before;
}
