/*
 * A flow specification as a condition. In: components. Out: all of them, each an or of ands of its operators. Ports are those of TCP and UDP, and of
 * packets that have them: a later fragment matches no component about what it does not have.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "import_flow.h"

enum { IP6_HEADER = 40 };

/* "true", "false" where that is known, else a comparison. */
static const char *number(struct import *im, const char *field, const char *present, const struct flow_op *o, uint64_t most, uint64_t less)
{
	static const char *const ops[8] = { NULL, "==", ">", ">=", "<", "<=", "!=", NULL };
	unsigned op = o->op & 7;
	bool below = o->value < less;
	uint64_t v = below ? 0 : o->value - less;

	if (op == 0)
		return "";
	/* All there is is larger than that. None is too large: who reads them takes none that the field cannot have. */
	if (op == 7 || (below && (op & FLOW_GT)))
		return present;
	if (below)
		return "";
	if ((op == (FLOW_GT | FLOW_EQ) && v == 0) || (op == (FLOW_LT | FLOW_EQ) && v == most))
		return present;
	if ((op == FLOW_LT && v == 0) || (op == FLOW_GT && v == most))
		return "";
	return arena_printf(im->arena, "%s %s %" PRIu64, field, ops[op], v);
}

static const char *flags(struct import *im, const struct flow_op *o)
{
	const char *s;

	if (!o->value)
		return !(o->op & FLOW_MATCH) == !(o->op & FLOW_NOT) ? "" : "tcp";
	if (o->op & FLOW_MATCH)
		s = arena_printf(im->arena, "tcp.flags & 0x%x %s 0x%x", (unsigned)o->value, o->op & FLOW_NOT ? "!=" : "==", (unsigned)o->value);
	else
		s = arena_printf(im->arena, "tcp.flags & 0x%x %s 0", (unsigned)o->value, o->op & FLOW_NOT ? "==" : "!=");
	return s;
}

static const char *fragment(struct import *im, const struct flow_op *o, bool ip6)
{
	static const char *const of4[4] = { "ip4.df", "ip4.fragoff != 0", "(ip4.mf and ip4.fragoff == 0)", "(ip4.fragoff != 0 and not ip4.mf)" };
	static const char *const of6[4] = { "", "(ip.fragment and not ip.fragment.first)", "ip.fragment.first",
					   "(frag.offset != 0 and not frag.more)" };
	const char *const *of = ip6 ? of6 : of4, *all = NULL, *ip = ip6 ? "ip6" : "ip4";
	bool match = o->op & FLOW_MATCH, not = o->op & FLOW_NOT, never = !match && !o->value;

	for (unsigned i = 0; i < 4; i++) {
		if (!(o->value & 1u << i))
			continue;
		/* IPv6 has no such flag. */
		if (ip6 && i == 0) {
			never = never || match;
			continue;
		}
		all = all ? arena_printf(im->arena, "%s %s %s", all, match ? "and" : "or", of[i]) : of[i];
	}
	if (never || (!all && !match))
		return not ? ip : "";
	if (!all)
		return not ? "" : ip;
	return arena_printf(im->arena, not ? "not (%s)" : strstr(all, " or ") || strstr(all, " and ") ? "(%s)" : "%s", all);
}

struct asked {
	struct import *im;
	const struct flow_part *part;
	enum flow_type type;
	bool ip6;
};

/* The component about one field; NULL: never. */
static const char *about(const struct asked *a, const char *field, const char *present)
{
	const char *all = NULL, *group = NULL;
	bool dead = false;

	for (size_t i = 0; i <= a->part->op.n; i++) {
		const struct flow_op *o = i < a->part->op.n ? &a->part->op.v[i] : NULL;
		const char *one;

		/* An operator without AND begins anew. */
		if (i && (!o || !(o->op & FLOW_AND))) {
			if (!dead)
				all = all ? arena_printf(a->im->arena, "%s or %s", all, group) : group;
			group = NULL;
			dead = false;
		}
		if (!o)
			break;
		one = a->type == FLOW_TCP_FLAGS ? flags(a->im, o) : a->type == FLOW_FRAGMENT ? fragment(a->im, o, a->ip6) :
		      number(a->im, field, present, o, a->type == FLOW_LENGTH && a->ip6 ? 65535 - IP6_HEADER : flow_most(a->type),
			     a->type == FLOW_LENGTH && a->ip6 ? IP6_HEADER : 0);
		dead = dead || !*one;
		group = group ? arena_printf(a->im->arena, "%s and %s", group, one) : one;
	}
	return all;
}

static const char *either(struct import *im, const char *a, const char *b)
{
	return !a ? b : !b ? a : arena_printf(im->arena, "%s or %s", a, b);
}

static const char *ports(const struct asked *a)
{
	static const char *const headers[2] = { "tcp", "udp" };
	const char *all = NULL;

	for (unsigned i = 0; i < 2; i++) {
		if (a->type != FLOW_DPORT)
			all = either(a->im, all, about(a, arena_printf(a->im->arena, "%s.sport", headers[i]), headers[i]));
		if (a->type != FLOW_SPORT)
			all = either(a->im, all, about(a, arena_printf(a->im->arena, "%s.dport", headers[i]), headers[i]));
	}
	return all;
}

static const char *component(const struct asked *a, const struct flow_rule *r)
{
	const char *ip = a->ip6 ? "ip6" : "ip4";

	switch (a->type) {
	case FLOW_DST:
	case FLOW_SRC:
		if (!r->part[a->type].len)
			return ip;
		return arena_printf(a->im->arena, "%s.%s == %s", ip, a->type == FLOW_DST ? "dst" : "src",
				    import_net_text(a->im->arena, &r->part[a->type].prefix));
	case FLOW_PROTO:
		return about(a, a->ip6 ? "ip.proto" : "ip4.proto", ip);
	case FLOW_PORT:
	case FLOW_DPORT:
	case FLOW_SPORT:
		return ports(a);
	case FLOW_ICMP_TYPE:
		return about(a, a->ip6 ? "icmp6.type" : "icmp.type", a->ip6 ? "icmp6" : "icmp");
	case FLOW_ICMP_CODE:
		return about(a, a->ip6 ? "icmp6.code" : "icmp.code", a->ip6 ? "icmp6" : "icmp");
	case FLOW_LENGTH:
		return about(a, a->ip6 ? "ip6.len" : "ip4.len", ip);
	case FLOW_DSCP:
		return about(a, a->ip6 ? "ip6.dscp" : "ip4.dscp", ip);
	case FLOW_LABEL:
		return about(a, "ip6.flowlabel", ip);
	case FLOW_TCP_FLAGS:
	case FLOW_FRAGMENT:
		return about(a, NULL, NULL);
	case FLOW_TYPES:
		break;
	}
	return NULL;
}

static bool behind_ip(enum flow_type t)
{
	return t == FLOW_PORT || t == FLOW_DPORT || t == FLOW_SPORT || t == FLOW_ICMP_TYPE || t == FLOW_ICMP_CODE || t == FLOW_TCP_FLAGS;
}

static const char *of_family(struct import *im, const struct flow_rule *r, bool ip6)
{
	const char *all = ip6 ? "ip6" : "ip4";
	bool behind = false;

	for (int t = FLOW_DST; t < FLOW_TYPES; t++) {
		const struct asked a = { im, &r->part[t], (enum flow_type)t, ip6 };
		const char *one;

		if (!r->part[t].given)
			continue;
		one = component(&a, r);
		if (!one)
			return NULL;
		all = arena_printf(im->arena, strstr(one, " or ") ? "%s and (%s)" : "%s and %s", all, one);
		behind = behind || behind_ip((enum flow_type)t);
	}
	/* The protocol of IPv4 is what its header says, also where an authentication header follows it. */
	return behind && !ip6 ? arena_printf(im->arena, "%s and not ah", all) : all;
}

const char *flow_text(struct import *im, const struct flow_rule *r)
{
	return of_family(im, r, r->family == FAMILY_IP6);
}
