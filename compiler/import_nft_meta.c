/*
 * What rules of nftables ask that is no field of the packet. In: `meta` and `ct` expressions. Out: conditions; what only the stack knows is refused.
 */
#include <inttypes.h>
#include <string.h>

#include "import_nft.h"

static const struct nft_field proto = { "meta", "l4proto", "ip.proto", "ip", NFT_NUMBERS, NAMES_PROTO, 8 };
static const struct nft_field type = { "meta", "protocol", "eth.type", "eth", NFT_NUMBERS, NAMES_ETHERTYPE, 16 };
static const struct nft_field length = { "meta", "length", "ip4.len", "ip", NFT_NUMBERS, NAMES_NONE, 16 };

/* One value after the other: of a list, or the one. */
static json_t *value_at(json_t *right, size_t i)
{
	json_t *set = json_object_get(right, "set");
	bool expires;

	if (!set && json_is_array(right))
		set = right;
	return set ? nft_element(json_array_get(set, i), &expires) : i ? NULL : right;
}

static enum family family(const struct nft *n)
{
	return n->ip4 && n->ip6 ? FAMILY_NUM : n->ip4 ? FAMILY_IP4 : FAMILY_IP6;
}

static bool l4proto(struct nft_rule *r, json_t *right, bool not)
{
	struct import *im = r->nft->im;
	const char *any = NULL;
	bool ports = true;
	json_t *v;
	uint64_t n;

	for (size_t i = 0; (v = value_at(right, i)) != NULL; i++) {
		if (!nft_number(&proto, v, &n))
			return nft_refuse(r, IMPORT_LEFT_OUT, "a protocol is not known here by its name, or is a range");
		ports = ports && chain_ports((unsigned)n);
		any = any ? arena_printf(im->arena, "%s or %s", any, chain_proto(im, family(r->nft), (unsigned)n)) :
			chain_proto(im, family(r->nft), (unsigned)n);
	}
	if (!any)
		return nft_refuse(r, IMPORT_LEFT_OUT, "no protocol is named");
	r->ports_only = r->ports_only || (ports && !not);
	if (r->nft->netdev)
		chain_and(im, &r->to->cond, "not vlan.inner");
	chain_and(im, &r->to->cond, not ? "ip and not (%s)" : "(%s)", any);
	return true;
}

static bool nfproto(struct nft_rule *r, json_t *right, bool not)
{
	const char *s = json_string_value(right);

	if (!s || (strcmp(s, "ipv4") != 0 && strcmp(s, "ipv6") != 0) || r->nft->netdev)
		return nft_refuse(r, IMPORT_LEFT_OUT, "that family is not understood here");
	chain_and(r->nft->im, &r->to->cond, "%sip%c", not ? "not " : "", s[3]);
	return true;
}

/* The type of what is behind the one tag that has been taken off. */
static bool protocol(struct nft_rule *r, json_t *right, bool not)
{
	const char *all = NULL;
	json_t *v;
	uint64_t n;

	for (size_t i = 0; (v = value_at(right, i)) != NULL; i++) {
		if (!nft_number(&type, v, &n) || n == 0x8100 || n == 0x88a8)
			return nft_refuse(r, IMPORT_LEFT_OUT, "a type of packets is not known here, or is that of a tag");
		all = all ? arena_printf(r->nft->im->arena, "%s, 0x%" PRIx64, all, n) : arena_printf(r->nft->im->arena, "0x%" PRIx64, n);
	}
	if (!all)
		return nft_refuse(r, IMPORT_LEFT_OUT, "no type is named");
	chain_and(r->nft->im, &r->to->cond, not ? "not (eth.type in { %s } and not vlan.inner)" : "eth.type in { %s } and not vlan.inner", all);
	return true;
}

static bool interface(struct nft_rule *r, json_t *right, bool not)
{
	const char *any = NULL;
	json_t *v;

	for (size_t i = 0; (v = value_at(right, i)) != NULL; i++) {
		const char *s = json_string_value(v), *one;

		if (!s || !*s || strlen(s) > 15 || strpbrk(s, "\"\\*"))
			return nft_refuse(r, IMPORT_LEFT_OUT, "an interface is not named whole: a filter knows whole names only");
		if (strchr(s, '.'))
			return nft_refuse(r, IMPORT_LEFT_OUT, "%s is a VLAN's interface, it seems: its frames come by the one below, with their tags",
					  s);
		one = r->nft->netdev ? arena_printf(r->nft->im->arena, "iface == \"%s\"", s) : chain_iface(r->nft->im, s, strlen(s));
		any = any ? arena_printf(r->nft->im->arena, "%s or %s", any, one) : one;
	}
	if (!any)
		return nft_refuse(r, IMPORT_LEFT_OUT, "no interface is named");
	chain_and(r->nft->im, &r->to->cond, not ? "not (%s)" : "(%s)", any);
	return true;
}

/* The datagram's length: a field of IPv4, and one less its header of IPv6. */
static bool length_of(struct nft_rule *r, json_t *right, const char *op)
{
	json_t *range = json_object_get(right, "range");
	struct import *im = r->nft->im;
	const char *cond4 = NULL, *cond6 = NULL;
	uint64_t lo, hi;
	bool not = strcmp(op, "!=") == 0, guess = false, ok4 = false, ok6 = not;

	if (r->nft->netdev)
		return nft_refuse(r, IMPORT_LEFT_OUT, "a length at the device counts padding, and no tags: that is no length here");
	if (!nft_number(&length, range ? json_array_get(range, 0) : right, &lo) || !nft_number(&length, range ? json_array_get(range, 1) : right,
											       &hi))
		return nft_refuse(r, IMPORT_LEFT_OUT, "that is no length or range of lengths");
	if (strcmp(op, "<") == 0 || strcmp(op, "<=") == 0) {
		if (*op == '<' && !op[1] && !lo)
			return nft_refuse(r, IMPORT_LEFT_OUT, "nothing is shorter than that");
		hi = op[1] ? lo : lo - 1;
		lo = 0;
	} else if (*op == '>') {
		lo = op[1] ? lo : lo + 1;
		hi = 65535;
	}
	if (r->nft->ip4)
		ok4 = chain_length(im, &cond4, FAMILY_IP4, lo, hi, 65535, not, &guess);
	if (r->nft->ip6 && hi >= 40)
		ok6 = chain_length(im, &cond6, FAMILY_IP6, lo < 40 ? 0 : lo - 40, *op == '>' ? hi : hi - 40, 65535, not, &guess);
	else
		cond6 = "ip6";
	if (guess)
		nft_refuse(r, IMPORT_FRAGMENTS, CHAIN_WHOLE, "how long theirs is");
	if (!r->nft->ip4 || !r->nft->ip6) {
		r->to->never = r->to->never || !(r->nft->ip4 ? ok4 : ok6);
		chain_and(im, &r->to->cond, "%s", r->nft->ip4 ? cond4 ? cond4 : "ip4" : cond6 ? cond6 : "ip6");
	} else {
		r->to->never = r->to->never || (!ok4 && !ok6);
		chain_and(im, &r->to->cond, "(%s%s%s)", ok4 ? cond4 : "", ok4 && ok6 ? " or " : "", ok6 ? cond6 : ok4 ? "" : "ip");
	}
	return true;
}

static bool state(struct nft_rule *r, json_t *right, bool not)
{
	static const char *const names[] = { "new", "established", "related" };
	const char *list = NULL;
	json_t *v;

	if (not || r->nft->netdev || (r->nft->im->priority <= -200 && strcmp(r->nft->im->hook, "prerouting") == 0))
		return nft_refuse(r, IMPORT_LEFT_OUT, not ? "all other states include invalid and untracked, which flow.state does not know" :
				  "no packet belongs to a connection yet where this chain hangs");
	for (size_t i = 0; (v = value_at(right, i)) != NULL; i++) {
		const char *s = json_string_value(v);
		size_t j = 0;

		while (j < 3 && strcmp(names[j], s ? s : "") != 0)
			j++;
		if (j == 3)
			return nft_refuse(r, IMPORT_LEFT_OUT, "flow.state has no state %.20s", s ? s : "?");
		list = list ? arena_printf(r->nft->im->arena, "%s, %s", list, names[j]) : names[j];
	}
	if (!list)
		return nft_refuse(r, IMPORT_LEFT_OUT, "no state is named");
	nft_refuse(r, IMPORT_STATE, "flow.state is there for TCP and UDP only, has no state invalid, and a related connection's first packet is new");
	r->nft->im->states = true;
	chain_and(r->nft->im, &r->to->cond, "flow.state in { %s }", list);
	return true;
}

bool nft_match_meta(struct nft_rule *r, json_t *left, json_t *right, const char *op, bool *known)
{
	const char *meta = json_string_value(json_object_get(json_object_get(left, "meta"), "key"));
	const char *ct = json_string_value(json_object_get(json_object_get(left, "ct"), "key"));
	bool not = strcmp(op, "!=") == 0;

	*known = meta || ct;
	if (!*known)
		return false;
	if (json_is_string(right) && *json_string_value(right) == '@')
		return nft_refuse(r, IMPORT_LEFT_OUT, "a named set of %s has no counterpart here", meta ? meta : ct);
	if (meta && strcmp(meta, "length") == 0)
		return length_of(r, right, op);
	if (!not && strcmp(op, "==") != 0 && strcmp(op, "in") != 0)
		return nft_refuse(r, IMPORT_LEFT_OUT, "comparison `%.10s` of %s has no counterpart here", op, meta ? meta : ct);
	if (ct)
		return strcmp(ct, "state") == 0 ? state(r, right, not) : nft_refuse(r, IMPORT_LEFT_OUT, "ct %s has no counterpart here", ct);
	if (strcmp(meta, "l4proto") == 0)
		return l4proto(r, right, not);
	if (strcmp(meta, "nfproto") == 0)
		return nfproto(r, right, not);
	if (strcmp(meta, "protocol") == 0)
		return protocol(r, right, not);
	if (strcmp(meta, "iifname") == 0 || strcmp(meta, "iif") == 0)
		return interface(r, right, not);
	return nft_refuse(r, IMPORT_LEFT_OUT, "meta %s has no counterpart here", meta);
}
