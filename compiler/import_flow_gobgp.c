/*
 * Tables of GoBGP, as `gobgp global rib -a ipv4-flowspec -j` prints them. In: paths by their rules' names, or a list of paths. Out: rules.
 */
#include <string.h>

#include "import_flow.h"

static bool prefix(struct flow *f, struct flow_rule *r, struct flow_part *p, json_t *c)
{
	const char *s = json_string_value(json_object_get(json_object_get(c, "value"), "prefix"));
	const char *slash = s ? strchr(s, '/') : NULL;
	json_t *offset = json_object_get(c, "offset");
	uint64_t len, from = 0;

	if (!slash || import_read_net(f->im->arena, s, strlen(s), &p->prefix) || !import_read_number(slash + 1, strlen(slash + 1), 128, &len) ||
	    (offset && !flow_number(offset, 128, &from)))
		return false;
	if (from)
		r->why = "a prefix that begins behind the first bit has no counterpart here";
	if (r->family != FAMILY_NUM && r->family != p->prefix.family)
		return false;
	r->family = p->prefix.family;
	p->len = (unsigned)len;
	return true;
}

static bool operators(struct flow *f, struct flow_part *p, enum flow_type t, json_t *list)
{
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one) {
		uint64_t op, v;

		if (!flow_number(json_object_get(one, "op"), 255, &op) || !flow_number(json_object_get(one, "value"), flow_most(t), &v))
			return false;
		*vec_add(f->im->arena, &p->op) = (struct flow_op){ (uint8_t)op, v };
	}
	return p->op.n;
}

static void read_part(struct flow *f, struct flow_rule *r, json_t *c)
{
	struct flow_part *p;
	uint64_t t;

	if (!flow_number(json_object_get(c, "type"), 255, &t) || !t || t >= FLOW_TYPES) {
		r->why = "it has a component that is not known here";
		return;
	}
	p = &r->part[t];
	if (p->given || !(t <= FLOW_SRC ? prefix(f, r, p, c) : operators(f, p, (enum flow_type)t, json_object_get(c, "value"))))
		r->why = arena_printf(f->im->arena, "its component of type %u is not understood", (unsigned)t);
	p->given = true;
}

enum { GENERIC = 0x80, RATE = 6, ACTION = 7, REMARK = 9, EXTENDED = 16 };

static void community(struct flow *f, struct flow_rule *r, json_t *c)
{
	double rate = json_number_value(json_object_get(c, "rate"));
	uint64_t type, sub, n;

	if (!flow_number(json_object_get(c, "type"), 255, &type) || !flow_number(json_object_get(c, "subtype"), 255, &sub)) {
		r->why = "a community is not understood";
		return;
	}
	/* Others are about routes. */
	if (type != GENERIC)
		return;
	if (sub == RATE && json_is_number(json_object_get(c, "rate")) && rate >= 0 && rate <= UINT32_MAX) {
		r->drop = rate == 0;
		r->rate = rate > 0 && rate < 1 ? 1 : (uint64_t)rate;
	} else if (sub == REMARK && flow_number(json_object_get(c, "value"), 63, &n)) {
		r->mark = (int)n;
	} else if (sub != ACTION || json_is_true(json_object_get(c, "terminal")) || json_is_true(json_object_get(c, "sample"))) {
		r->why = arena_printf(f->im->arena, "an action (subtype %u) has no counterpart here", (unsigned)sub);
	}
}

static bool read_path(struct flow *f, json_t *path, const char *name, const char *at)
{
	json_t *list = json_object_get(json_object_get(path, "nlri"), "value"), *best = json_object_get(path, "best"), *text = json_string(name),
		*one, *c;
	struct flow_rule *r;
	size_t i, j;
	uint64_t type;

	if (!json_is_array(list)) {
		json_decref(text);
		return false;
	}
	r = flow_new(f, at, *name ? text : list, FAMILY_NUM);
	json_decref(text);
	if (best && !json_is_true(best))
		return true;
	json_array_foreach(list, i, one)
		read_part(f, r, one);
	json_array_foreach(json_object_get(path, "attrs"), i, one)
		if (flow_number(json_object_get(one, "type"), 255, &type) && type == EXTENDED)
			json_array_foreach(json_object_get(one, "value"), j, c)
				community(f, r, c);
	if (json_object_get(json_object_get(path, "nlri"), "rd"))
		r->why = "it belongs to a VPN";
	if (r->part[FLOW_LABEL].given)
		r->family = FAMILY_IP6;
	r->withdrawn = json_is_true(json_object_get(path, "withdrawal"));
	flow_take(f, r);
	return true;
}

static bool read_paths(struct flow *f, json_t *list, const char *name, const char *at)
{
	json_t *path;
	size_t i;

	json_array_foreach(list, i, path)
		if (!read_path(f, path, name, at))
			return false;
	return json_is_array(list);
}

/* A table is of one family, which only prefixes say. */
static void families(struct flow *f, size_t from)
{
	enum family family = FAMILY_NUM;
	bool one = true;

	for (size_t i = from; i < f->rule.n; i++)
		if (f->rule.v[i]->family != FAMILY_NUM) {
			one = one && (family == FAMILY_NUM || family == f->rule.v[i]->family);
			family = f->rule.v[i]->family;
		}
	for (size_t i = from; i < f->rule.n; i++) {
		struct flow_rule *r = f->rule.v[i];

		if (r->family != FAMILY_NUM)
			continue;
		if (one)
			r->family = family;
		if (r->family == FAMILY_NUM && !r->why)
			r->why = "neither its prefixes nor other rules say whether it is about IPv4 or IPv6";
	}
}

static bool read_doc(struct flow *f, json_t *doc, const char *at)
{
	const char *name;
	json_t *v;

	if (json_is_array(doc))
		return read_paths(f, doc, "", at);
	json_object_foreach(doc, name, v) {
		/* JSON pointers escape two characters; names of rules have none of them but the slash. */
		if (!read_paths(f, v, name, at))
			return false;
	}
	return json_is_object(doc);
}

bool flow_gobgp(struct flow *f, json_t *doc, const char *at)
{
	size_t from = f->rule.n;
	bool ok = read_doc(f, doc, at);

	families(f, from);
	return ok;
}
