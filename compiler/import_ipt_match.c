/*
 * Matches of iptables. In: an option of -m, and its words. Out: conditions that are true of the same packets: ports and ICMP types are those of a
 * header that is there, so both they and their opposites are false for later fragments.
 */
#include <string.h>

#include "import_ipt.h"

/* "a", "a:b", ":b", "a:" as iptables-save prints it. */
static bool span(const char *w, uint64_t most, uint64_t *lo, uint64_t *hi)
{
	const char *colon = strchr(w, ':');
	size_t n = colon ? (size_t)(colon - w) : strlen(w);

	*lo = 0;
	*hi = most;
	if (n && !import_read_number(w, n, most, lo))
		return false;
	if (!colon) {
		*hi = *lo;
		return n != 0;
	}
	return !colon[1] || import_read_number(colon + 1, strlen(colon + 1), most, hi);
}

static void never(struct ipt_rule *r, bool matches)
{
	r->to->never = r->to->never || !matches;
}

/* A number in a field, between two ends. */
static bool in_span(struct ipt_rule *r, const char *field, const char *present, uint64_t most)
{
	const char *w = ipt_word(r);
	uint64_t lo, hi;

	if (!w)
		return false;
	if (!span(w, most, &lo, &hi))
		return ipt_refuse(r, IMPORT_LEFT_OUT, "%s is no number or range up to %llu", w, (unsigned long long)most);
	never(r, chain_range(r->im, &r->to->cond, field, present, lo, hi, most, r->not));
	return true;
}

static const char *ports_header(struct ipt_rule *r)
{
	const char *h = r->proto < 0 || r->proto_not ? NULL : chain_ports((unsigned)r->proto);

	if (!h)
		ipt_refuse(r, IMPORT_LEFT_OUT, "ports are asked for, but not of one protocol that has them");
	return h;
}

static bool ports(struct ipt_rule *r, const char *w)
{
	const char *h = ports_header(r);

	return h && in_span(r, arena_printf(r->im->arena, "%s.%s", h, strcmp(w, "--sport") == 0 ? "sport" : "dport"), h, 65535);
}

/* ---- tcp ---- */

static bool flags_of(const char *w, unsigned *out)
{
	static const char *const names[] = { "FIN", "SYN", "RST", "PSH", "ACK", "URG" };

	*out = strcmp(w, "ALL") == 0 ? 63 : 0;
	if (*out || strcmp(w, "NONE") == 0)
		return true;
	for (;;) {
		size_t n = strcspn(w, ","), i = 0;

		while (i < 6 && (strlen(names[i]) != n || memcmp(names[i], w, n) != 0))
			i++;
		if (i == 6)
			return false;
		*out |= 1u << i;
		if (!w[n])
			return true;
		w += n + 1;
	}
}

static const char *flags_text(struct import *im, unsigned f)
{
	static const char *const names[] = { "fin", "syn", "rst", "psh", "ack", "urg" };
	const char *s = NULL;

	for (unsigned i = 0; i < 6; i++)
		if (f & 1u << i)
			s = s ? arena_printf(im->arena, "%s|%s", s, names[i]) : names[i];
	return s ? s : "0";
}

static bool tcp_flags(struct ipt_rule *r)
{
	const char *m = ipt_word(r), *c = m ? ipt_word(r) : NULL, *mask_text;
	unsigned mask, comp;

	if (!c)
		return false;
	if (!flags_of(m, &mask) || !flags_of(c, &comp))
		return ipt_refuse(r, IMPORT_LEFT_OUT, "%s %s are no TCP flags", m, c);
	if ((comp & ~mask) || !mask) {
		/* Nothing under the mask is ever that; or nothing is under it. */
		chain_and(r->im, &r->to->cond, "tcp");
		never(r, (!(comp & ~mask)) != r->not);
		return true;
	}
	mask_text = flags_text(r->im, mask);
	chain_and(r->im, &r->to->cond, strchr(mask_text, '|') ? "tcp.flags & (%s) %s %s" : "tcp.flags & %s %s %s", mask_text, r->not ? "!=" : "==",
		  flags_text(r->im, comp));
	return true;
}

/* ---- icmp ---- */

static bool icmp(struct ipt_rule *r, const char *h)
{
	const char *w = ipt_word(r), *slash = w ? strchr(w, '/') : NULL;
	uint64_t type, code = 0;

	if (!w)
		return false;
	if (strcmp(w, "any") == 0 || (strcmp(w, "255") == 0 && r->family == FAMILY_IP4)) {
		chain_and(r->im, &r->to->cond, "%s", h);
		never(r, !r->not);
		return true;
	}
	if (!import_read_number(w, slash ? (size_t)(slash - w) : strlen(w), 255, &type) ||
	    (slash && !import_read_number(slash + 1, strlen(slash + 1), 255, &code)))
		return ipt_refuse(r, IMPORT_LEFT_OUT, "%s is no type, or type and code, as a number", w);
	if (!slash)
		chain_and(r->im, &r->to->cond, "%s.type %s %u", h, r->not ? "!=" : "==", (unsigned)type);
	else
		chain_and(r->im, &r->to->cond, r->not ? "%s and not (%s.type == %u and %s.code == %u)" : "%s and %s.type == %u and %s.code == %u", h,
			  h,
			  (unsigned)type, h, (unsigned)code);
	return true;
}

/* ---- lists and ranges ---- */

static bool multiport(struct ipt_rule *r, const char *option)
{
	const char *h = ports_header(r), *w = h ? ipt_word(r) : NULL, *list = NULL;
	bool src = strcmp(option, "--dports") != 0, dst = strcmp(option, "--sports") != 0;

	if (!w)
		return false;
	for (;;) {
		size_t n = strcspn(w, ",");
		uint64_t lo, hi;
		const char *one = arena_strndup(r->im->arena, w, n);

		if (!span(one, 65535, &lo, &hi) || lo > hi)
			return ipt_refuse(r, IMPORT_LEFT_OUT, "%s is no port or range of ports", one);
		one = lo == hi ? arena_printf(r->im->arena, "%u", (unsigned)lo) : arena_printf(r->im->arena, "%u-%u", (unsigned)lo, (unsigned)hi);
		list = list ? arena_printf(r->im->arena, "%s, %s", list, one) : one;
		if (lo == 0 && hi == 65535) {
			chain_and(r->im, &r->to->cond, "%s", h);
			never(r, !r->not);
			return true;
		}
		if (!w[n])
			break;
		w += n + 1;
	}
	if (src && dst)
		chain_and(r->im, &r->to->cond, r->not ? "%s and not (%s.sport in { %s } or %s.dport in { %s })" :
			  "%s and (%s.sport in { %s } or %s.dport in { %s })", h, h, list, h, list);
	else
		chain_and(r->im, &r->to->cond, "%s.%s %s { %s }", h, src ? "sport" : "dport", r->not ? "not in" : "in", list);
	return true;
}

static bool iprange(struct ipt_rule *r, const char *option)
{
	const char *w = ipt_word(r);
	struct range range;

	if (!w)
		return false;
	if (import_read_net(r->im->arena, w, strlen(w), &range) || range.family != r->family)
		return ipt_refuse(r, IMPORT_LEFT_OUT, "%s is no range of addresses of this family", w);
	chain_and(r->im, &r->to->cond, "ip%d.%s %s %s", r->family == FAMILY_IP4 ? 4 : 6, strcmp(option, "--src-range") == 0 ? "src" : "dst",
		  r->not ? "!=" : "==", import_net_text(r->im->arena, &range));
	return true;
}

/* @what of a datagram, which its fragments do not say; true: that is accepted. */
static bool whole(struct ipt_rule *r, const char *what)
{
	ipt_refuse(r, IMPORT_FRAGMENTS, CHAIN_WHOLE, what);
	return true;
}

static bool length(struct ipt_rule *r)
{
	const char *w = ipt_word(r);
	uint64_t lo, hi, head = r->family == FAMILY_IP4 ? 0 : 40;
	bool guess = false;

	if (!w)
		return false;
	if (!span(w, 65535, &lo, &hi))
		return ipt_refuse(r, IMPORT_LEFT_OUT, "%s is no length or range of lengths", w);
	if (hi < head || lo > hi) {
		never(r, r->not);
		return true;
	}
	/* The payload's length of IPv6, to which it adds its header. */
	never(r, chain_length(r->im, &r->to->cond, r->family, lo < head ? 0 : lo - head, hi - head, 65535 - head, r->not,
			      &guess));
	return !guess || whole(r, "how long theirs is");
}

static bool ttl(struct ipt_rule *r, const char *field, const char *how)
{
	const char *w = ipt_word(r);
	uint64_t n;

	if (!w)
		return false;
	if (!import_read_number(w, strlen(w), 255, &n))
		return ipt_refuse(r, IMPORT_LEFT_OUT, "%s is no number up to 255", w);
	if (strcmp(how, "eq") == 0) {
		chain_and(r->im, &r->to->cond, "%s %s %u", field, r->not ? "!=" : "==", (unsigned)n);
		return true;
	}
	if (r->not)
		return ipt_refuse(r, IMPORT_LEFT_OUT, "that has no opposite in iptables");
	if (strcmp(how, "gt") == 0)
		never(r, chain_range(r->im, &r->to->cond, field, "eth", n + 1, 255, 255, false));
	else
		never(r, n && chain_range(r->im, &r->to->cond, field, "eth", 0, n - 1, 255, false));
	return true;
}

static bool tos(struct ipt_rule *r)
{
	const char *w = ipt_word(r), *slash = w ? strchr(w, '/') : NULL;
	uint64_t v, mask = 255;

	if (!w)
		return false;
	if (!import_read_number(w, slash ? (size_t)(slash - w) : strlen(w), 255, &v) ||
	    (slash && !import_read_number(slash + 1, strlen(slash + 1), 255, &mask)) || !mask || (v & ~mask))
		return ipt_refuse(r, IMPORT_LEFT_OUT, "%s is no value under a mask that has all its bits", w);
	/* Congestion that one fragment met is the datagram's. */
	if ((mask & 3) && (r->family == FAMILY_IP4 ? r->im->whole4 : r->im->whole6)) {
		whole(r, "whether others of theirs met congestion");
		chain_and(r->im, &r->to->cond, "not %s", r->family == FAMILY_IP4 ? "ip.fragment" : "frag");
	}
	chain_and(r->im, &r->to->cond, "ip%s & 0x%x %s 0x%x", r->family == FAMILY_IP4 ? "4.tos" : "6.tclass", (unsigned)mask, r->not ? "!=" : "==",
		  (unsigned)v);
	return true;
}

/* ---- which option is which ---- */

static const char *const silent[] = { "tcp", "udp", "udplite", "sctp", "dccp", "icmp", "icmp6", "multiport", "iprange", "mac", "ttl", "hl", "length",
				     "dscp", "tos",
				      "comment", "state", "conntrack", "limit", "hashlimit", "set" };

static bool begin(struct ipt_rule *r)
{
	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++)
		if (strcmp(silent[i], r->match) == 0)
			return true;
	return ipt_refuse(r, IMPORT_LEFT_OUT, "match %s has no counterpart here", r->match);
}

static bool of_one(const char *w, const char *const *names)
{
	for (; *names; names++)
		if (strcmp(*names, w) == 0)
			return true;
	return false;
}

static bool simple(struct ipt_rule *r, const char *w, bool *known)
{
	const char *arg;

	*known = true;
	if (strcmp(w, "--comment") == 0)
		return ipt_word(r);
	if (of_one(w, (const char *const[]){ "--sport", "--dport", NULL }))
		return ports(r, w);
	if (strcmp(w, "--tcp-flags") == 0 && r->proto == 6)
		return tcp_flags(r);
	if (strcmp(w, "--icmp-type") == 0 && r->proto == 1)
		return icmp(r, "icmp");
	if (strcmp(w, "--icmpv6-type") == 0 && r->proto == 58)
		return icmp(r, "icmp6");
	if (of_one(w, (const char *const[]){ "--sports", "--dports", "--ports", NULL }))
		return multiport(r, w);
	if (of_one(w, (const char *const[]){ "--src-range", "--dst-range", NULL }))
		return iprange(r, w);
	if (strcmp(w, "--length") == 0)
		return length(r);
	if (strcmp(w, "--tos") == 0)
		return tos(r);
	if (strncmp(w, "--ttl-", 6) == 0 && of_one(w + 6, (const char *const[]){ "eq", "gt", "lt", NULL }))
		return ttl(r, "ip4.ttl", w + 6);
	if (strncmp(w, "--hl-", 5) == 0 && of_one(w + 5, (const char *const[]){ "eq", "gt", "lt", NULL }))
		return ttl(r, "ip6.hoplimit", w + 5);
	if (strcmp(w, "--dscp") == 0)
		return in_span(r, r->family == FAMILY_IP4 ? "ip4.dscp" : "ip6.dscp", "eth", 63);
	if (strcmp(w, "--mac-source") == 0) {
		arg = ipt_word(r);
		if (arg && strspn(arg, "0123456789abcdefABCDEF:") == strlen(arg) && strlen(arg) == 17)
			chain_and(r->im, &r->to->cond, "eth.src %s %s", r->not ? "!=" : "==", arg);
		else if (arg)
			return ipt_refuse(r, IMPORT_LEFT_OUT, "%s is no Ethernet address", arg);
		return arg;
	}
	*known = false;
	return false;
}

bool ipt_match(struct ipt_rule *r, const char *option)
{
	bool known, ok;

	if (!option)
		return begin(r);
	ok = simple(r, option, &known) || (!known && ipt_match_state(r, option, &known));
	if (!known && !r->failed)
		return ipt_refuse(r, IMPORT_LEFT_OUT, "option %s%s%s is not known here", option, r->match ? " of match " : "", r->match ? r->match :
				  "");
	return ok;
}
