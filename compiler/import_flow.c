/*
 * BGP FlowSpec. In: JSON of ExaBGP (a message on each line) or of GoBGP (its table). Out: rules in the order in which a router asks them, which is
 * not the one in which they came. What is withdrawn is not there. A rate of nothing drops, any other is a limit.
 */
#include "import_flow.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_RULES = 200000 };

bool flow_number(json_t *v, uint64_t max, uint64_t *out)
{
	double d = json_number_value(v);

	if (!json_is_number(v) || d < 0 || d > (double)max || d != floor(d) || d > 9007199254740992.0)
		return false;
	*out = (uint64_t)d;
	return true;
}

uint64_t flow_most(enum flow_type t)
{
	switch (t) {
	case FLOW_PROTO:
	case FLOW_ICMP_TYPE:
	case FLOW_ICMP_CODE:
	case FLOW_TCP_FLAGS:
		return 255;
	case FLOW_PORT:
	case FLOW_DPORT:
	case FLOW_SPORT:
	case FLOW_LENGTH:
		return 65535;
	case FLOW_DSCP:
		return 63;
	case FLOW_FRAGMENT:
		return 15;
	case FLOW_LABEL:
		return 0xfffff;
	case FLOW_DST:
	case FLOW_SRC:
	case FLOW_TYPES:
		break;
	}
	return 0;
}

/* ---- their order ---- */

static struct value cut(struct value v, enum family family, unsigned len)
{
	struct value host = value_ones((family == FAMILY_IP4 ? 32 : 128) - len);

	return (struct value){ v.hi & ~host.hi, v.lo & ~host.lo };
}

static int prefix_order(const struct flow_part *a, const struct flow_part *b)
{
	unsigned common = a->len < b->len ? a->len : b->len;
	int c = value_cmp(cut(a->prefix.lo, a->prefix.family, common), cut(b->prefix.lo, b->prefix.family, common));

	return c ? c : (int)b->len - (int)a->len;
}

/* The component's bytes from the first operator on. */
static size_t encode(const struct flow_part *p, uint8_t *out, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < p->op.n && n + 9 <= room; i++) {
		const struct flow_op *o = &p->op.v[i];
		unsigned len = o->op & FLOW_LEN ? (o->op & FLOW_LEN) >> 4 : o->value > 65535 ? 2 : o->value > 255 ? 1 : 0;

		out[n++] = (uint8_t)((o->op & ~(FLOW_LEN | FLOW_END)) | len << 4 | (i + 1 == p->op.n ? FLOW_END : 0));
		for (unsigned k = 1u << len; k-- > 0;)
			out[n++] = (uint8_t)(o->value >> 8 * k);
	}
	return n;
}

static int bytes_order(const struct flow_part *a, const struct flow_part *b)
{
	uint8_t x[4096], y[4096];
	size_t n = encode(a, x, sizeof(x)), m = encode(b, y, sizeof(y));
	int c = memcmp(x, y, n < m ? n : m);

	return c ? c : n == m ? 0 : n > m ? -1 : 1;
}

int flow_order(const struct flow_rule *a, const struct flow_rule *b)
{
	for (int t = FLOW_DST; t < FLOW_TYPES; t++) {
		int c;

		if (a->part[t].given != b->part[t].given)
			return a->part[t].given ? -1 : 1;
		if (!a->part[t].given)
			continue;
		c = t <= FLOW_SRC ? prefix_order(&a->part[t], &b->part[t]) : bytes_order(&a->part[t], &b->part[t]);
		if (c)
			return c;
	}
	return 0;
}

static int by_order(const struct flow_rule *a, const struct flow_rule *b)
{
	return a->family != b->family ? (int)a->family - (int)b->family : flow_order(a, b);
}

/* Merges two sorted halves of @list: what is equal stays as it came. */
static void sort(struct flow_rule **list, struct flow_rule **spare, size_t n)
{
	size_t half = n / 2, i = 0, j = half;

	if (n < 2)
		return;
	sort(list, spare, half);
	sort(list + half, spare, n - half);
	for (size_t k = 0; k < n; k++)
		spare[k] = j == n || (i < half && by_order(list[i], list[j]) <= 0) ? list[i++] : list[j++];
	memcpy(list, spare, n * sizeof(*list));
}

/* ---- taking them in ---- */

struct flow_rule *flow_new(struct flow *f, const char *at, json_t *text, enum family family)
{
	struct flow_rule *r = arena_alloc(f->im->arena, sizeof(*r));
	char *dump = json_is_string(text) ? NULL : json_dumps(text, JSON_COMPACT | JSON_ENCODE_ANY);
	const char *s = json_is_string(text) ? json_string_value(text) : dump ? dump : "";

	*r = (struct flow_rule){ .at = at, .text = import_shown(f->im, s, strlen(s)), .family = family, .mark = -1, .accept = IMPORT_LEFT_OUT };
	free(dump);
	return r;
}

void flow_take(struct flow *f, struct flow_rule *r)
{
	bool any = r->why;

	for (int t = FLOW_DST; t < FLOW_TYPES; t++)
		any = any || r->part[t].given;
	if (!any)
		r->why = "it has no component, so it is not clear what it is about";
	*vec_add(f->im->arena, &f->rule) = r;
}

/* Of those with the same components the last one that came counts. @list is sorted, and what is equal in it is so as it came. */
static size_t settle(struct flow_rule **list, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (i + 1 < n && by_order(list[i], list[i + 1]) == 0 && !list[i]->why && !list[i + 1]->why)
			continue;
		if (!list[i]->withdrawn)
			list[kept++] = list[i];
	}
	return kept;
}

/* ---- reading and writing ---- */

static void read_all(struct flow *f)
{
	const struct source *s = f->im->src;
	size_t at = 0;
	bool any = false;

	for (;;) {
		json_error_t e;
		unsigned line;
		json_t *doc;

		while (at < s->len && strchr(" \t\r\n", s->text[at]) && s->text[at])
			at++;
		if (at == s->len)
			break;
		line = source_line_col(s, (uint32_t)at).line;
		doc = json_loadb(s->text + at, s->len - at, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK | JSON_DECODE_INT_AS_REAL, &e);
		if (!doc) {
			import_refuse(f->im, 0, import_at(f->im, s, line + (e.line > 1 ? (unsigned)e.line - 1 : 0)), "", "that is no JSON: %s",
				      e.text);
			return;
		}
		any = true;
		if (!flow_exabgp(f, doc, import_at(f->im, s, line)) && !flow_gobgp(f, doc, import_at(f->im, s, line)))
			import_refuse(f->im, 0, import_at(f->im, s, line), "", "that is neither a message of ExaBGP nor a table of GoBGP");
		json_decref(doc);
		if (e.position <= 0 || f->rule.n > MOST_RULES) {
			import_refuse(f->im, 0, import_at(f->im, s, line), "", "it has more than %d rules", MOST_RULES);
			return;
		}
		at += (size_t)e.position;
	}
	if (!any)
		import_refuse(f->im, 0, import_at(f->im, s, 1), "", "there is nothing in it");
}

static void write_rule(struct flow *f, const struct flow_rule *r, size_t number)
{
	struct import *im = f->im;
	size_t from = im->refused.n;
	const char *cond = r->why ? NULL : flow_text(im, r);

	import_note(im, "%s: %s", r->at, r->text);
	if (r->why)
		import_refuse(im, r->accept, r->at, r->text, "%s", r->why);
	else if (r->rate && cond)
		import_refuse(im, IMPORT_LIMIT, r->at, r->text, "how much a router lets through at once is its own; here it is what comes in 100 ms");
	import_note_refused(im, from, im->refused.n - from);
	if (r->why)
		return;
	if (!cond) {
		import_note(im, "It matches no packet.");
		return;
	}
	if (!import_begin(im, number))
		return;
	if (r->rate) {
		im->limits = true;
		import_put(im, "drop if %s over %" PRIu64 " bytes/s;\n", cond, r->rate);
	}
	if (r->mark >= 0 && !r->drop)
		import_put(im, "ip.dscp = %d, pass if %s;\n", r->mark, cond);
	else
		import_put(im, "%s if %s;\n", r->drop ? "drop" : "pass", cond);
	import_end(im, number);
}

void import_flow(struct import *im)
{
	struct flow f = { .im = im };
	struct flow_rule **list;
	size_t n;

	import_note(im, "From the flow specifications in %s, in the order that routers ask them in (RFC 8955, 5.1).", source_shown(im->src));
	read_all(&f);
	list = arena_array(im->arena, f.rule.n + 1, sizeof(struct flow_rule *));
	for (size_t i = 0; i < f.rule.n; i++)
		list[i] = f.rule.v[i];
	sort(list, arena_array(im->arena, f.rule.n + 1, sizeof(*list)), f.rule.n);
	n = settle(list, f.rule.n);
	import_put(im, "default pass;\n");
	for (size_t i = 0; i < n; i++)
		write_rule(&f, list[i], i);
	im->n_rules = n;
}
