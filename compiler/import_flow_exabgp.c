/*
 * Messages of ExaBGP. In: an update, of its JSON of version 3 or later. Out: rules that it announces or withdraws. Other messages are passed over.
 */
#include <string.h>

#include "import_flow.h"

static const struct {
	const char *name;
	enum flow_type type;
} parts[] = {
	{ "destination-ipv4", FLOW_DST }, { "destination-ipv6", FLOW_DST }, { "source-ipv4", FLOW_SRC }, { "source-ipv6", FLOW_SRC },
	{ "protocol", FLOW_PROTO }, { "next-header", FLOW_PROTO }, { "port", FLOW_PORT }, { "destination-port", FLOW_DPORT },
	{ "source-port", FLOW_SPORT }, { "icmp-type", FLOW_ICMP_TYPE }, { "icmp-code", FLOW_ICMP_CODE }, { "tcp-flags", FLOW_TCP_FLAGS },
	{ "packet-length", FLOW_LENGTH }, { "dscp", FLOW_DSCP }, { "fragment", FLOW_FRAGMENT }, { "flow-label", FLOW_LABEL },
};

/* ---- operators ---- */

static const char *numeric(const char *s, uint8_t *op)
{
	static const struct {
		const char *text;
		uint8_t op;
	} ops[] = { { "!=", FLOW_LT | FLOW_GT }, { "<=", FLOW_LT | FLOW_EQ }, { ">=", FLOW_GT | FLOW_EQ }, { "<", FLOW_LT }, { ">", FLOW_GT }, { "=",
		FLOW_EQ } };

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (strncmp(s, ops[i].text, strlen(ops[i].text)) == 0) {
			*op |= ops[i].op;
			return s + strlen(ops[i].text);
		}
	return NULL;
}

static const char *binary(const char *s, uint8_t *op)
{
	if (*s == '!') {
		*op |= FLOW_NOT;
		s++;
	}
	if (*s == '=') {
		*op |= FLOW_MATCH;
		s++;
	}
	return s;
}

static bool flag(enum flow_type t, const char *s, size_t n, uint64_t *out)
{
	static const struct {
		const char *name;
		enum flow_type type;
		unsigned value;
	} names[] = {
		{ "fin", FLOW_TCP_FLAGS, 1 }, { "syn", FLOW_TCP_FLAGS, 2 }, { "rst", FLOW_TCP_FLAGS, 4 }, { "push", FLOW_TCP_FLAGS, 8 },
		{ "ack", FLOW_TCP_FLAGS, 16 }, { "urgent", FLOW_TCP_FLAGS, 32 }, { "ece", FLOW_TCP_FLAGS, 64 }, { "cwr", FLOW_TCP_FLAGS, 128 },
		{ "not-a-fragment", FLOW_FRAGMENT, 0 }, { "dont-fragment", FLOW_FRAGMENT, 1 }, { "is-fragment", FLOW_FRAGMENT, 2 },
		{ "first-fragment", FLOW_FRAGMENT, 4 }, { "last-fragment", FLOW_FRAGMENT, 8 },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == t && strlen(names[i].name) == n && strncmp(names[i].name, s, n) == 0) {
			*out = names[i].value;
			return true;
		}
	return import_read_number(s, n, flow_most(t), out);
}

static bool value(enum flow_type t, const char *s, size_t n, uint64_t *out)
{
	enum names_id names = t == FLOW_PROTO ? NAMES_PROTO : t == FLOW_ICMP_TYPE ? NAMES_ICMPTYPE : NAMES_NONE;
	uint64_t one;

	if (t != FLOW_TCP_FLAGS && t != FLOW_FRAGMENT)
		return import_read_name(names, s, n, flow_most(t), out);
	for (*out = 0;;) {
		size_t k = 0;

		while (k < n && s[k] != '+')
			k++;
		if (!flag(t, s, k, &one))
			return false;
		*out |= one;
		if (k == n)
			return true;
		s += k + 1;
		n -= k + 1;
	}
}

/* "=tcp", ">=1024&<=2000" */
static bool operators(struct flow *f, struct flow_part *p, enum flow_type t, const char *s)
{
	bool flags = t == FLOW_TCP_FLAGS || t == FLOW_FRAGMENT;

	for (bool first = true; *s; first = false) {
		struct flow_op o = { .op = *s == '&' ? FLOW_AND : 0 };
		size_t n;

		s += *s == '&';
		if (!flags && (strncmp(s, "true", 4) == 0 || strncmp(s, "false", 5) == 0)) {
			o.op |= *s == 't' ? FLOW_LT | FLOW_GT | FLOW_EQ : 0;
			s += *s == 't' ? 4 : 5;
		} else {
			s = flags ? binary(s, &o.op) : numeric(s, &o.op);
			n = s ? strcspn(s, "&") : 0;
			if (!n || !value(t, s, n, &o.value))
				return false;
			s += n;
		}
		if (!first && !(o.op & FLOW_AND))
			return false;
		*vec_add(f->im->arena, &p->op) = o;
	}
	return p->op.n;
}

static bool prefix(struct flow_rule *r, struct flow_part *p, const char *name, const char *s, struct arena *a)
{
	size_t n = strlen(s);
	const char *slash = strchr(s, '/'), *offset = slash ? strchr(slash + 1, '/') : NULL;
	enum family family = strstr(name, "ipv6") ? FAMILY_IP6 : FAMILY_IP4;
	uint64_t len;

	if (offset && strcmp(offset, "/0") != 0) {
		r->why = "a prefix that begins behind the first bit has no counterpart here";
		return true;
	}
	n = offset ? (size_t)(offset - s) : n;
	if (!slash || import_read_net(a, s, n, &p->prefix) || p->prefix.family != family ||
	    !import_read_number(slash + 1, n - (size_t)(slash + 1 - s), 128, &len))
		return false;
	p->len = (unsigned)len;
	return true;
}

static void read_part(struct flow *f, struct flow_rule *r, const char *name, json_t *list)
{
	size_t i, k = 0;
	struct flow_part *p;
	json_t *one;

	while (k < sizeof(parts) / sizeof(parts[0]) && strcmp(parts[k].name, name) != 0)
		k++;
	if (k == sizeof(parts) / sizeof(parts[0])) {
		r->why = arena_printf(f->im->arena, "component %.40s is not known here", name);
		return;
	}
	p = &r->part[parts[k].type];
	p->given = true;
	json_array_foreach(list, i, one) {
		const char *s = json_string_value(one);
		bool ok = s && (parts[k].type <= FLOW_SRC ? i == 0 && prefix(r, p, name, s, f->im->arena) : operators(f, p, parts[k].type, s));

		if (!ok) {
			r->why = arena_printf(f->im->arena, "%.40s %.60s is not understood", name, s ? s : "?");
			return;
		}
	}
	if (!json_array_size(list))
		r->why = arena_printf(f->im->arena, "%.40s is empty", name);
}

/* ---- actions ---- */

/* A community by its number alone: its low bits are lost in a JSON number, so only a rate of nothing is sure. */
static void community_number(struct flow_rule *r, double d)
{
	if (d == (double)0x8006000000000000u)
		r->drop = true;
	else if (d >= (double)0x8000000000000000u)
		r->why = "what it does is said as a number only, which is not exact";
}

static void community(struct flow *f, struct flow_rule *r, json_t *c)
{
	const char *s = json_string_value(json_object_get(c, "string"));
	uint64_t n;

	if (!s) {
		community_number(r, json_number_value(json_is_object(c) ? json_object_get(c, "value") : c));
	} else if (strncmp(s, "rate-limit:", 11) == 0 && import_read_number(s + 11, strlen(s + 11), UINT32_MAX, &n)) {
		r->drop = n == 0;
		r->rate = n;
	} else if (strncmp(s, "mark ", 5) == 0 && import_read_number(s + 5, strlen(s + 5), 63, &n)) {
		r->mark = (int)n;
	} else if (strncmp(s, "target:", 7) != 0 && strncmp(s, "origin:", 7) != 0) {
		r->why = arena_printf(f->im->arena, "action %.60s has no counterpart here", s);
	}
}

static void read_rule(struct flow *f, json_t *o, enum family family, json_t *communities, bool withdrawn, const char *at)
{
	json_t *text = json_object_get(o, "string"), *v;
	struct flow_rule *r = flow_new(f, at, text ? text : o, family);
	const char *name;
	size_t i;

	r->withdrawn = withdrawn;
	json_object_foreach(o, name, v)
		if (strcmp(name, "string") != 0 && strcmp(name, "next-hop") != 0 && strcmp(name, "nexthop") != 0)
			read_part(f, r, name, v);
	json_array_foreach(communities, i, v)
		community(f, r, v);
	flow_take(f, r);
}

/* Rules in a list, or by names of their own. */
static void read_list(struct flow *f, json_t *list, enum family family, json_t *communities, bool withdrawn, const char *at)
{
	const char *name;
	json_t *o;
	size_t i;

	json_array_foreach(list, i, o)
		read_rule(f, o, family, communities, withdrawn, at);
	json_object_foreach(list, name, o)
		read_rule(f, o, family, communities, withdrawn, at);
}

static void read_families(struct flow *f, json_t *all, json_t *communities, bool withdrawn, const char *at)
{
	static const char *const names[2] = { "ipv4 flow", "ipv6 flow" };

	for (unsigned i = 0; i < 2; i++) {
		enum family family = i ? FAMILY_IP6 : FAMILY_IP4;
		json_t *of = json_object_get(all, names[i]), *list;
		const char *hop;

		/* Withdrawn ones have no next hop. */
		if (withdrawn && json_is_array(of))
			read_list(f, of, family, NULL, true, at);
		json_object_foreach(of, hop, list)
			read_list(f, list, family, communities, withdrawn, at);
	}
}

bool flow_exabgp(struct flow *f, json_t *doc, const char *at)
{
	json_t *update = json_object_get(json_object_get(json_object_get(doc, "neighbor"), "message"), "update");

	if (!json_object_get(doc, "exabgp"))
		return false;
	read_families(f, json_object_get(update, "withdraw"), NULL, true, at);
	read_families(f, json_object_get(update, "announce"), json_object_get(json_object_get(update, "attribute"), "extended-community"), false, at);
	return true;
}
