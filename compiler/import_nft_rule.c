/*
 * Rules of nftables. In: a rule's list of expressions. Out: a condition and what becomes of what matches. What nftables does not say, and its kernel
 * side does, is said here: that a field needs its header, and how that is found.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "import_nft.h"

static const struct nft_field fields[] = {
#define NFT(protocol, field, here, needs, values, names, bits) { protocol, field, here, needs, values, names, bits },
#include "import_nft.def"
#undef NFT
};

/* `ip6 nexthdr` of a datagram that comes in fragments. */
static const struct nft_field behind = { "ip6", "nexthdr", "frag.nexthdr", "ip6", NFT_NUMBERS, NAMES_PROTO, 8 };

/* What fragments do not say of their datagram. */
static const struct {
	const char *here, *what;
	bool six;
} unsaid[] = {
	{ "ip4.len", "how long theirs is", false }, { "ip4.checksum", "which checksum theirs has", false },
	{ "ip4.ecn", "whether others of theirs met congestion", false },
	{ "ip6.len", "how long theirs is", true }, { "ip6.ecn", "whether others of theirs met congestion", true },
};

void nft_why(struct nft_rule *r, unsigned accepted, const char *fmt, ...)
{
	char buf[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	import_refuse(r->nft->im, accepted, r->to->at, r->to->text, "%s", buf);
	if (accepted == IMPORT_LEFT_OUT || !accepted)
		r->failed = true;
}

/* ---- what is compared ---- */

static const struct nft_field *field_of(struct nft_rule *r, json_t *left)
{
	json_t *payload = json_object_get(left, "payload");
	const char *protocol = json_string_value(json_object_get(payload, "protocol")), *field = json_string_value(json_object_get(payload, "field"));

	for (size_t i = 0; protocol && field && i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strcmp(fields[i].protocol, protocol) == 0 && strcmp(fields[i].field, field) == 0)
			return r->fragment ? &behind : &fields[i];
	if (protocol && field)
		nft_refuse(r, IMPORT_LEFT_OUT, "%s %s has no counterpart here", protocol, field);
	else
		nft_refuse(r, IMPORT_LEFT_OUT, "what it compares has no counterpart here");
	return NULL;
}

static void need_once(struct nft_rule *r, unsigned bit, const char *cond)
{
	if (!(r->had & bit))
		chain_and(r->nft->im, &r->to->cond, "%s", cond);
	r->had |= bit;
}

/* Where the rule sees whole datagrams. */
static void need_whole(struct nft_rule *r, const struct nft_field *f)
{
	if (strcmp(f->here, "ip6.nexthdr") == 0 && r->nft->im->whole6 && !r->alone) {
		nft_refuse(r, IMPORT_FRAGMENTS, CHAIN_WHOLE, "which header follows, where it is compared together with others");
		need_once(r, NFT_WHOLE6, "not frag");
	}
	for (size_t i = 0; i < sizeof(unsaid) / sizeof(unsaid[0]); i++)
		if (strcmp(unsaid[i].here, f->here) == 0 && (unsaid[i].six ? r->nft->im->whole6 : r->nft->im->whole4)) {
			nft_refuse(r, IMPORT_FRAGMENTS, CHAIN_WHOLE, unsaid[i].what);
			need_once(r, unsaid[i].six ? NFT_WHOLE6 : NFT_WHOLE4, unsaid[i].six ? "not frag" : "not ip.fragment");
		}
}

/* What must be true for the field to be read at all. */
static bool need(struct nft_rule *r, const struct nft_field *f)
{
	bool link = strcmp(f->needs, "eth") == 0 || strcmp(f->needs, "vlan") == 0;

	need_whole(r, f);

	if ((link || strcmp(f->needs, "arp") == 0) && !r->nft->netdev)
		return nft_refuse(r, IMPORT_LEFT_OUT, "%s %s is not asked at the device: what stands there then is not what the filter sees",
				  f->protocol, f->field);
	if (link) {
		if (strcmp(f->needs, "vlan") == 0)
			need_once(r, NFT_VLAN, "eth.outertype == 0x8100");
		r->had |= NFT_ETHER;
		return true;
	}
	/* At the device one tag has been taken off, and what is behind a second is no IP yet. */
	if (r->nft->netdev)
		need_once(r, NFT_ONE_TAG, "not vlan.inner");
	/* Behind a field of Ethernet nft asks the frame itself for its type, else what the kernel has found. */
	if (strcmp(f->needs, "arp") == 0 || strncmp(f->needs, "ip", 2) == 0 || strncmp(f->needs, "icmp", 4) == 0 || strcmp(f->needs, "igmp") == 0) {
		if ((r->had & (NFT_ETHER | NFT_VLAN | NFT_NETWORK)) == NFT_ETHER)
			chain_and(r->nft->im, &r->to->cond, "not vlan");
		r->had |= NFT_NETWORK;
	}
	if (strcmp(f->needs, "arp") == 0 || strncmp(f->needs, "ip", 2) == 0)
		return true;
	if (strcmp(f->needs, "l4") == 0 && !r->ports_only)
		return nft_refuse(r, IMPORT_LEFT_OUT,
				  "ports are asked for of protocols that may have none: say `meta l4proto { tcp, udp }` before it");
	need_once(r, NFT_TRANSPORT, r->nft->ip6 ? "not ah and not mh" : "not ah");
	/* ICMP of one family is not looked for in the other. */
	if (strcmp(f->needs, "icmp") == 0 || strcmp(f->needs, "igmp") == 0)
		need_once(r, NFT_IP4, "ip4");
	if (strcmp(f->needs, "icmp6") == 0)
		need_once(r, NFT_IP6, "ip6");
	return true;
}

static bool operand(struct nft_rule *r, json_t *left, struct nft_operand *o)
{
	json_t *masked = json_object_get(left, "&"), *concat = json_object_get(left, "concat"), *one;
	size_t i;

	*o = (struct nft_operand){ .n = 0 };
	if (json_is_array(masked)) {
		o->mask = json_array_get(masked, 1);
		left = json_array_get(masked, 0);
	}
	if (!json_is_array(concat)) {
		o->field[o->n++] = field_of(r, left);
		return o->field[0] && need(r, o->field[0]);
	}
	json_array_foreach(concat, i, one) {
		if (o->n == 4)
			return nft_refuse(r, IMPORT_LEFT_OUT, "it compares more than four fields at once");
		o->field[o->n] = field_of(r, one);
		if (!o->field[o->n] || !need(r, o->field[o->n]))
			return false;
		o->n++;
	}
	return o->n > 1 || nft_refuse(r, IMPORT_LEFT_OUT, "a concatenation of one field is not understood");
}

static const char *operand_text(struct nft_rule *r, const struct nft_operand *o)
{
	const char *all = o->field[0]->here;

	for (unsigned i = 1; i < o->n; i++)
		all = arena_printf(r->nft->im->arena, "%s, %s", all, o->field[i]->here);
	return o->n > 1 ? arena_printf(r->nft->im->arena, "(%s)", all) : all;
}

/* ---- what it is compared with ---- */

static const char *type_of(const struct nft_field *f)
{
	return f->values == NFT_ADDRS ? "net" : f->values == NFT_MACS ? "mac" : f->names == NAMES_SERVICE ? "port" : f->names == NAMES_PROTO ?
		"proto" :
	       f->names == NAMES_ETHERTYPE ? "ethertype" : "number";
}

static bool in_named(struct nft_rule *r, const struct nft_operand *o, const char *name, bool not)
{
	struct import *im = r->nft->im;
	struct nft_set *s = nft_set_find(r->nft, name);
	bool expires = false;
	size_t n, i;
	json_t *flag, *elements;

	if (!s)
		return nft_refuse(r, IMPORT_LEFT_OUT, "there is no set %s", name);
	json_array_foreach(json_object_get(s->json, "flags"), i, flag)
		if (strcmp(json_string_value(flag) ? json_string_value(flag) : "", "dynamic") == 0)
			return nft_refuse(r, IMPORT_LEFT_OUT, "rules put elements into set %s, so what is in it now says little", name);
	elements = json_object_get(s->json, "elem");
	if (!json_array_size(elements)) {
		chain_and(im, &r->to->cond, "%s", o->field[0]->needs);
		r->to->never = r->to->never || !not;
		return true;
	}
	if (!s->written) {
		s->elements = nft_values(r, o, elements, &n, &expires);
		if (!s->elements)
			return false;
		s->type = type_of(o->field[0]);
		for (i = 1; i < o->n; i++)
			s->type = arena_printf(im->arena, "%s, %s", s->type, type_of(o->field[i]));
		s->type = o->n > 1 ? arena_printf(im->arena, "(%s)", s->type) : s->type;
		s->written = true;
	}
	if (expires)
		nft_refuse(r, IMPORT_TIMEOUT, "elements of set %s expire; here they stay", name);
	s->used = true;
	chain_and(im, &r->to->cond, "%s %s %s", operand_text(r, o), not ? "not in" : "in", s->shown);
	return true;
}

static bool in_list(struct nft_rule *r, const struct nft_operand *o, json_t *list, bool not)
{
	bool expires = false;
	size_t n;
	const char *all = nft_values(r, o, list, &n, &expires);

	if (!all)
		return false;
	chain_and(r->nft->im, &r->to->cond, "%s %s { %s }", operand_text(r, o), not ? "not in" : "in", all);
	return true;
}

/* FIELD & MASK == VALUE, FIELD & MASK != 0. */
static bool masked(struct nft_rule *r, const struct nft_operand *o, json_t *right, const char *op)
{
	const struct nft_field *f = o->field[0];
	struct import *im = r->nft->im;
	uint64_t mask, value;
	bool not = strcmp(op, "!=") == 0;

	if (!not && strcmp(op, "==") != 0)
		return nft_refuse(r, IMPORT_LEFT_OUT, "`%s` behind a mask has no counterpart here", op);
	if (f->values != NFT_NUMBERS) {
		const char *m = nft_value(r, f, o->mask), *v = m ? nft_value(r, f, right) : NULL;

		if (v)
			chain_and(im, &r->to->cond, "%s & %s %s %s", f->here, m, op, v);
		return v;
	}
	if (!nft_number(f, o->mask, &mask) || !nft_number(f, right, &value) || !mask)
		return nft_refuse(r, IMPORT_LEFT_OUT, "the mask of %s %s, or what is left, is not understood", f->protocol, f->field);
	if (value & ~mask) {
		chain_and(im, &r->to->cond, "%s", f->needs);
		r->to->never = r->to->never || !not;
	} else {
		chain_and(im, &r->to->cond, "%s & 0x%" PRIx64 " %s 0x%" PRIx64, f->here, mask, op, value);
	}
	return true;
}

static bool ordered(const char *op)
{
	return strcmp(op, "<") == 0 || strcmp(op, ">") == 0 || strcmp(op, "<=") == 0 || strcmp(op, ">=") == 0;
}

static bool compare(struct nft_rule *r, json_t *left, json_t *right, const char *op)
{
	struct nft_operand o;
	bool known, not = strcmp(op, "!=") == 0, ok = nft_match_meta(r, left, right, op, &known);
	const char *v;

	if (known)
		return ok;
	if (!operand(r, left, &o))
		return false;
	if (o.mask)
		return masked(r, &o, right, op);
	if (json_is_string(right) && *json_string_value(right) == '@')
		return in_named(r, &o, json_string_value(right) + 1, not);
	if (json_is_array(json_object_get(right, "set")))
		return in_list(r, &o, json_object_get(right, "set"), not);
	if (strcmp(op, "in") == 0 && o.n == 1 && o.field[0]->values == NFT_NUMBERS) {
		/* Flags: any of them. */
		uint64_t n;

		if (!nft_number(o.field[0], right, &n) || !n)
			return nft_refuse(r, IMPORT_LEFT_OUT, "flags of %s %s are not understood", o.field[0]->protocol, o.field[0]->field);
		chain_and(r->nft->im, &r->to->cond, "%s & 0x%" PRIx64 " != 0", o.field[0]->here, n);
		return true;
	}
	if (!not && !ordered(op) && strcmp(op, "==") != 0)
		return nft_refuse(r, IMPORT_LEFT_OUT, "comparison `%.10s` has no counterpart here", op);
	if (o.n > 1) {
		json_t *one = json_pack("[O]", right);

		ok = in_list(r, &o, one, not);
		json_decref(one);
		return ok;
	}
	v = nft_value(r, o.field[0], right);
	if (v)
		chain_and(r->nft->im, &r->to->cond, "%s %s %s", o.field[0]->here, op, v);
	return v;
}

/* Is it `ip6 nexthdr`, of datagrams that are put together, and have no fragment header any more? */
static bool of_whole(const struct nft_rule *r, json_t *left)
{
	json_t *masked = json_object_get(left, "&"), *payload = json_object_get(json_is_array(masked) ? json_array_get(masked, 0) : left, "payload");
	const char *protocol = json_string_value(json_object_get(payload, "protocol")), *field = json_string_value(json_object_get(payload, "field"));

	return r->nft->im->whole6 && protocol && field && strcmp(protocol, "ip6") == 0 && strcmp(field, "nexthdr") == 0;
}

bool nft_match(struct nft_rule *r, json_t *left, json_t *right, const char *op)
{
	const char *before = r->to->cond, *plain;
	bool ok;

	if (!of_whole(r, left))
		return compare(r, left, right, op);
	r->to->cond = NULL;
	r->alone = true;
	ok = compare(r, left, right, op);
	plain = r->to->cond;
	r->to->cond = NULL;
	r->fragment = true;
	ok = ok && compare(r, left, right, op);
	r->fragment = r->alone = false;
	if (ok)
		plain = arena_printf(r->nft->im->arena, "(ip6.nexthdr != frag and %s or ip6.nexthdr == frag and %s)", plain, r->to->cond);
	r->to->cond = before;
	if (ok)
		chain_and(r->nft->im, &r->to->cond, "%s", plain);
	return ok;
}

/* ---- statements ---- */

static bool verdict(struct nft_rule *r, json_t *st)
{
	json_t *jump = json_object_get(st, "jump"), *go = json_object_get(st, "goto");
	const char *target = json_string_value(json_object_get(jump ? jump : go, "target"));

	if (json_object_get(st, "accept"))
		r->to->what = CHAIN_PASS;
	else if (json_object_get(st, "drop"))
		r->to->what = CHAIN_DROP;
	else if (json_object_get(st, "return"))
		r->to->what = CHAIN_RETURN;
	else if (json_object_get(st, "continue"))
		r->to->what = CHAIN_NEXT;
	else if (target) {
		r->to->what = jump ? CHAIN_CALL : CHAIN_GOTO;
		r->to->target = chain_find(&r->nft->chains, target, strlen(target));
		if (!r->to->target)
			nft_refuse(r, 0, "there is no chain %s", target);
	} else {
		return false;
	}
	return true;
}

static void reject(struct nft_rule *r, json_t *st)
{
	const char *type = json_string_value(json_object_get(st, "type")), *expr = json_string_value(json_object_get(st, "expr"));

	r->to->what = CHAIN_UNREACHABLE;
	if (type && strcmp(type, "tcp reset") == 0)
		r->to->what = CHAIN_RST;
	else if (expr && strcmp(expr, "port-unreachable") != 0)
		nft_refuse(r, IMPORT_REJECT, "it answers with %s; here the answer is port-unreachable", expr);
}

static void limit(struct nft_rule *r, json_t *st)
{
	const char *per = json_string_value(json_object_get(st, "per")), *unit = json_string_value(json_object_get(st, "rate_unit"));
	json_int_t rate = json_integer_value(json_object_get(st, "rate")), burst = json_integer_value(json_object_get(st, "burst"));
	bool known = per && (strcmp(per, "second") == 0 || strcmp(per, "minute") == 0 || strcmp(per, "hour") == 0);

	if (!known || rate <= 0 || rate > 1000000000 || burst < 0 || burst > 1000000000 || (unit && strcmp(unit, "packets") != 0)) {
		nft_refuse(r, IMPORT_LEFT_OUT, "a limit that is not of packets by second, minute or hour has no counterpart here");
		return;
	}
	nft_refuse(r, IMPORT_LIMIT, "the arithmetic of limits here is another, to parts of a token");
	r->nft->im->limits = true;
	r->to->limit = arena_printf(r->nft->im->arena, "%s %lld/%c burst %lld", json_is_true(json_object_get(st, "inv")) ? "over" : "within",
				    (long long)rate, *per, (long long)(burst ? burst : 5));
}

static void statement(struct nft_rule *r, json_t *st)
{
	json_t *match = json_object_get(st, "match"), *vmap = json_object_get(st, "vmap");
	const char *op = json_string_value(json_object_get(match, "op"));

	if ((match || vmap) && r->acted) {
		nft_refuse(r, IMPORT_LEFT_OUT, "it compares behind a limit or log, which has happened by then");
	} else if (match) {
		nft_match(r, json_object_get(match, "left"), json_object_get(match, "right"), op ? op : "==");
	} else if (vmap) {
		if (nft_match(r, json_object_get(vmap, "key"), r->original->key, "==") && !verdict(r, r->original->verdict))
			nft_refuse(r, IMPORT_LEFT_OUT, "an element of its map has no verdict");
	} else if (json_object_get(st, "log")) {
		r->to->actions = "log";
		r->acted = true;
	} else if (json_object_get(st, "limit")) {
		limit(r, json_object_get(st, "limit"));
		r->acted = true;
	} else if (json_object_get(st, "reject")) {
		reject(r, json_object_get(st, "reject"));
	} else if (!json_object_get(st, "counter") && !verdict(r, st)) {
		nft_refuse(r, IMPORT_LEFT_OUT, "statement %s has no counterpart here", json_object_iter_key(json_object_iter(st)) ?
			   json_object_iter_key(json_object_iter(st)) : "?");
	}
}

void nft_translate(void *arg, struct chain_rule *to)
{
	struct nft_rule r = { .nft = arg, .to = to, .original = to->original };
	json_t *st;
	size_t i;

	to->what = CHAIN_NEXT;
	json_array_foreach(json_object_get(r.original->rule, "expr"), i, st) {
		if (r.failed)
			break;
		statement(&r, st);
	}
	if (r.failed) {
		to->out = true;
		to->target = NULL;
	}
}
