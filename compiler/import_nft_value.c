/*
 * Values of nftables' JSON. In: numbers, names, addresses, prefixes, ranges, lists. Out: the same as .xdpf writes them, or a refusal.
 */
#include <inttypes.h>
#include <string.h>

#include "import_nft.h"

/* Names that nftables has and .xdpf has not, or by another number. */
static const struct {
	enum names_id names;
	const char *name;
	unsigned value;
} more[] = {
	{ NAMES_ICMP6TYPE, "nd-router-solicit", 133 }, { NAMES_ICMP6TYPE, "nd-router-advert", 134 }, { NAMES_ICMP6TYPE, "nd-neighbor-solicit", 135 },
	{ NAMES_ICMP6TYPE, "nd-neighbor-advert", 136 }, { NAMES_ICMP6TYPE, "nd-redirect", 137 }, { NAMES_ICMP6TYPE, "mld-listener-query", 130 },
	{ NAMES_ICMP6TYPE, "mld-listener-report", 131 }, { NAMES_ICMP6TYPE, "mld-listener-done", 132 },
	{ NAMES_ICMP6TYPE, "mld-listener-reduction", 132 }, { NAMES_ICMP6TYPE, "mld2-listener-report", 143 },
	{ NAMES_ICMP6TYPE, "ind-neighbor-solicit", 141 }, { NAMES_ICMP6TYPE, "ind-neighbor-advert", 142 },
	{ NAMES_ICMP6TYPE, "router-renumbering", 138 }, { NAMES_ICMP6TYPE, "destination-unreachable", 1 }, { NAMES_ICMP6TYPE, "packet-too-big", 2 },
	{ NAMES_ICMP6TYPE, "time-exceeded", 3 }, { NAMES_ICMP6TYPE, "parameter-problem", 4 },
	{ NAMES_ICMPTYPE, "destination-unreachable", 3 }, { NAMES_ICMPTYPE, "source-quench", 4 }, { NAMES_ICMPTYPE, "router-advertisement", 9 },
	{ NAMES_ICMPTYPE, "router-solicitation", 10 }, { NAMES_ICMPTYPE, "time-exceeded", 11 }, { NAMES_ICMPTYPE, "parameter-problem", 12 },
	{ NAMES_ICMPTYPE, "timestamp-request", 13 }, { NAMES_ICMPTYPE, "timestamp-reply", 14 }, { NAMES_ICMPTYPE, "info-request", 15 },
	{ NAMES_ICMPTYPE, "info-reply", 16 }, { NAMES_ICMPTYPE, "address-mask-request", 17 }, { NAMES_ICMPTYPE, "address-mask-reply", 18 },
	{ NAMES_PROTO, "ipv6-icmp", 58 }, { NAMES_PROTO, "icmpv6", 58 }, { NAMES_ETHERTYPE, "8021q", 0x8100 }, { NAMES_ETHERTYPE, "8021ad", 0x88a8 },
	{ NAMES_ECN, "not-ect", 0 }, { NAMES_ECN, "ect1", 1 }, { NAMES_ECN, "ect0", 2 }, { NAMES_ECN, "ce", 3 }, { NAMES_DSCP, "cs0", 0 },
};

static const struct {
	const char *protocol, *name;
	unsigned value;
} codes[] = {
	{ "icmp", "net-unreachable", 0 }, { "icmp", "host-unreachable", 1 }, { "icmp", "prot-unreachable", 2 }, { "icmp", "port-unreachable", 3 },
	{ "icmp", "frag-needed", 4 }, { "icmp", "net-prohibited", 9 }, { "icmp", "host-prohibited", 10 }, { "icmp", "admin-prohibited", 13 },
	{ "icmpv6", "no-route", 0 }, { "icmpv6", "admin-prohibited", 1 }, { "icmpv6", "addr-unreachable", 3 }, { "icmpv6", "port-unreachable", 4 },
	{ "icmpv6", "policy-fail", 5 }, { "icmpv6", "reject-route", 6 },
};

static bool name_number(const struct nft_field *f, const char *s, uint64_t *out)
{
	uint64_t most = f->bits >= 64 ? UINT64_MAX : (1ull << f->bits) - 1;

	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		if (more[i].names == f->names && strcmp(more[i].name, s) == 0) {
			*out = more[i].value;
			return true;
		}
	for (size_t i = 0; strcmp(f->field, "code") == 0 && i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(codes[i].protocol, f->protocol) == 0 && strcmp(codes[i].name, s) == 0) {
			*out = codes[i].value;
			return true;
		}
	return import_read_name(f->names, s, strlen(s), most, out);
}

bool nft_number(const struct nft_field *f, json_t *v, uint64_t *out)
{
	json_t *list = json_is_object(v) ? json_object_get(v, "|") : v, *one;
	uint64_t n;
	size_t i;

	if (json_is_integer(v)) {
		*out = (uint64_t)json_integer_value(v);
		return json_integer_value(v) >= 0 && (f->bits >= 64 || *out >> f->bits == 0);
	}
	if (json_is_string(v))
		return name_number(f, json_string_value(v), out);
	*out = 0;
	if (!json_is_array(list) || !json_array_size(list))
		return false;
	json_array_foreach(list, i, one) {
		if (!nft_number(f, one, &n))
			return false;
		*out |= n;
	}
	return true;
}

json_t *nft_element(json_t *e, bool *expires)
{
	json_t *inside = json_object_get(e, "elem");

	if (!inside)
		return e;
	*expires = *expires || json_object_get(inside, "timeout") || json_object_get(inside, "expires");
	return json_object_get(inside, "val");
}

static const char *address(struct nft_rule *r, const struct nft_field *f, const char *text)
{
	struct range net;

	if (import_read_net(r->nft->im->arena, text, strlen(text), &net) || net.family != (f->bits == 32 ? FAMILY_IP4 : FAMILY_IP6)) {
		nft_refuse(r, IMPORT_LEFT_OUT, "`%s` is no address of this family", text);
		return NULL;
	}
	return import_net_text(r->nft->im->arena, &net);
}

static const char *mac(struct nft_rule *r, const char *text)
{
	if (strlen(text) == 17 && strspn(text, "0123456789abcdefABCDEF:") == 17)
		return arena_strndup(r->nft->im->arena, text, 17);
	nft_refuse(r, IMPORT_LEFT_OUT, "`%s` is no Ethernet address", text);
	return NULL;
}

static const char *scalar(struct nft_rule *r, const struct nft_field *f, json_t *v)
{
	struct arena *a = r->nft->im->arena;
	uint64_t n;

	if (f->values == NFT_ADDRS && json_is_string(v))
		return address(r, f, json_string_value(v));
	if (f->values == NFT_MACS && json_is_string(v))
		return mac(r, json_string_value(v));
	if (f->values == NFT_NUMBERS && nft_number(f, v, &n))
		return arena_printf(a, f->names == NAMES_ETHERTYPE ? "0x%" PRIx64 : "%" PRIu64, n);
	nft_refuse(r, IMPORT_LEFT_OUT, "a value of %s %s is not understood", f->protocol, f->field);
	return NULL;
}

const char *nft_value(struct nft_rule *r, const struct nft_field *f, json_t *v)
{
	struct arena *a = r->nft->im->arena;
	json_t *prefix = json_object_get(v, "prefix"), *range = json_object_get(v, "range");
	const char *lo, *hi;
	uint64_t first, last;

	if (prefix) {
		const char *text = json_string_value(json_object_get(prefix, "addr"));
		json_t *len = json_object_get(prefix, "len");

		if (text && json_is_integer(len) && f->values == NFT_ADDRS)
			return address(r, f, arena_printf(a, "%.60s/%" PRId64, text, (int64_t)json_integer_value(len)));
		nft_refuse(r, IMPORT_LEFT_OUT, "a prefix of %s %s is not understood", f->protocol, f->field);
		return NULL;
	}
	if (!range)
		return scalar(r, f, v);
	lo = scalar(r, f, json_array_get(range, 0));
	hi = lo ? scalar(r, f, json_array_get(range, 1)) : NULL;
	if (!hi)
		return NULL;
	lo = arena_printf(a, "%s-%s", lo, hi);
	if (f->values == NFT_ADDRS)
		return address(r, f, lo);
	if (f->values == NFT_NUMBERS && (!nft_number(f, json_array_get(range, 0), &first) || !nft_number(f, json_array_get(range, 1), &last) ||
					 first > last)) {
		nft_refuse(r, IMPORT_LEFT_OUT, "a range of %s %s ends before it begins", f->protocol, f->field);
		return NULL;
	}
	return lo;
}

static const char *tuple(struct nft_rule *r, const struct nft_operand *o, json_t *e)
{
	json_t *parts = json_object_get(e, "concat");
	const char *all = NULL;

	if (o->n == 1)
		return nft_value(r, o->field[0], e);
	if (json_array_size(parts) != o->n) {
		nft_refuse(r, IMPORT_LEFT_OUT, "an element does not have the %u parts that are compared", o->n);
		return NULL;
	}
	for (unsigned i = 0; i < o->n; i++) {
		const char *one = nft_value(r, o->field[i], json_array_get(parts, i));

		if (!one)
			return NULL;
		all = all ? arena_printf(r->nft->im->arena, "%s, %s", all, one) : one;
	}
	return arena_printf(r->nft->im->arena, "(%s)", all);
}

const char *nft_values(struct nft_rule *r, const struct nft_operand *o, json_t *list, size_t *n, bool *expires)
{
	char *text = NULL;
	size_t len, i;
	FILE *f = arena_stream(&text, &len);
	const char *all;
	json_t *e;

	*n = 0;
	json_array_foreach(list, i, e) {
		const char *one = tuple(r, o, nft_element(e, expires));

		if (!one)
			break;
		fprintf(f, "%s%s", *n ? ", " : "", one);
		++*n;
	}
	arena_stream_close(f, &text);
	all = *n == json_array_size(list) ? arena_strndup(r->nft->im->arena, text, len) : NULL;
	free(text);
	return all;
}
