/*
 * Conditions that iptables and nftables both have. In: protocols, ports, interfaces, ranges. Out: the condition that means in .xdpf what it means
 * there: in which header a number stands, what is true of fragments, and what a frame with a tag is on.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "import_chain.h"

void chain_and(struct import *im, const char **cond, const char *fmt, ...)
{
	char buf[4096], *text = buf;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(buf)) {
		text = arena_alloc(im->arena, (size_t)n + 1);
		va_start(ap, fmt);
		vsnprintf(text, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	*cond = *cond ? arena_printf(im->arena, "%s and %s", *cond, text) : arena_strndup(im->arena, text, strlen(text));
}

bool chain_range(struct import *im, const char **cond, const char *field, const char *present, uint64_t lo, uint64_t hi, uint64_t most, bool not)
{
	if (lo > hi || lo > most) {
		if (not)
			chain_and(im, cond, "%s", present);
		return not;
	}
	if (hi > most)
		hi = most;
	if (lo == 0 && hi == most) {
		chain_and(im, cond, "%s", present);
		return !not;
	}
	if (lo == hi)
		chain_and(im, cond, "%s %s %" PRIu64, field, not ? "!=" : "==", lo);
	else
		chain_and(im, cond, "%s %s %" PRIu64 "-%" PRIu64, field, not ? "not in" : "in", lo, hi);
	return true;
}

/* The first fragment has eight bytes behind its header at least, and there is a second. */
enum { LEAST4 = 20 + 8 + 1, LEAST6 = 8 + 1 };

bool chain_length(struct import *im, const char **cond, enum family family, uint64_t lo, uint64_t hi, uint64_t most, bool not,
		  bool *guess)
{
	bool six = family == FAMILY_IP6, all = lo <= (six ? LEAST6 : LEAST4) && hi >= most, none = hi < (six ? LEAST6 : LEAST4), fits;
	const char *present = six ? "ip6" : "ip4", *one = NULL;

	fits = chain_range(im, &one, six ? "ip6.len" : "ip4.len", present, lo, hi, most, not);
	if (!fits || !(six ? im->whole6 : im->whole4) || strcmp(one, present) == 0) {
		if (fits)
			chain_and(im, cond, "%s", one);
		return fits;
	}
	if ((all && !not) || (none && not)) {
		chain_and(im, cond, "(%s or %s)", six ? "frag" : "ip4 and ip.fragment", one);
		return true;
	}
	/* An atomic fragment is no fragment any more when the rule sees it, and shorter by that header. */
	chain_and(im, cond, "not %s and %s", six ? "frag" : "ip.fragment", one);
	*guess = !all && !none;
	return true;
}

static const char *proto_name(struct import *im, unsigned proto)
{
	const char *name = lang_value_name(NAMES_PROTO, proto);

	return name ? name : arena_printf(im->arena, "%u", proto);
}

enum { AH = 51, MH = 135 };

/* In which they all agree: nftables, and iptables on top of it, stop at an authentication header and at a mobility header, and walk through the
 * others of IPv6, which are then no protocol. Rules here walk through those two as well. */
const char *chain_proto(struct import *im, enum family family, unsigned proto)
{
	const char *name = proto_name(im, proto);

	if (family == FAMILY_IP4)
		return arena_printf(im->arena, "ip4.proto == %s", name);
	if (family == FAMILY_NUM)
		return arena_printf(im->arena, "(%s or %s)", chain_proto(im, FAMILY_IP4, proto), chain_proto(im, FAMILY_IP6, proto));
	if (proto == AH)
		return "ip6 and (ip.proto == ah or ah) and (not mh or ah.nexthdr == 135)";
	if (proto == MH)
		return "ip6 and (ip.proto == 135 or mh) and (not ah or ah.nexthdr != 135)";
	return arena_printf(im->arena, "ip6 and ip.proto == %s and not mh and not ah%s", name, lang_next(NEXT_IPPROTO, proto) != HDR_NONE &&
			    lang_headers[lang_next(NEXT_IPPROTO, proto)].layer == LAYER_EXT ? " and not frag" : "");
}

const char *chain_ports(unsigned proto)
{
	enum header_id h = lang_next(NEXT_IPPROTO, proto);

	for (size_t i = 0; i < lang_n_members && h != HDR_NONE; i++)
		if (lang_members[i].group == HDR_L4 && lang_members[i].member == h)
			return lang_headers[h].name;
	return NULL;
}

const char *chain_iface(struct import *im, const char *name, size_t len)
{
	/* The stack takes a frame with the tag of VLAN 0 for one without; others belong to another interface. */
	return arena_printf(im->arena, "iface == \"%.*s\" and (not vlan or vlan.id == 0 and not vlan.inner)", (int)len, name);
}

/* What is put together before the rules see it, as far as that is known. */
static void head_whole(struct import *im, bool ip4, bool ip6)
{
	const char *tracked = im->whole6 ? im->tracked6 : im->tracked4;
	bool both = ip4 && ip6 && im->whole4 != im->whole6;

	if (im->whole4 || im->whole6) {
		import_note(im, "The rules see whole datagrams: without its first fragment, which they judge, nothing becomes of one.");
		import_put(im, "pass if %sip.fragment and not ip.fragment.first;\n", im->whole4 && im->whole6 ? "" : im->whole4 && ip6 ? "ip4 and " :
			   im->whole6 && ip4 ? "ip6 and " : "");
		if (tracked && (im->whole6 || strcmp(im->hook, "input") != 0))
			import_note(im, "Connections%s are tracked: %s.", !both ? "" : im->whole6 ? " of IPv6" : " of IPv4", tracked);
	}
	if (im->unknown) {
		import_note(im, "Nothing in the file has connections%s tracked, and it is taken that nothing else has:",
			    !both ? "" : im->whole4 ? " of IPv6" : " of IPv4");
		import_note(im, "else the rules would see whole datagrams, and not fragments as they come.");
	}
}

void chain_head(struct import *im, bool ip4, bool ip6, bool others, bool pass)
{
	import_put(im, "default %s;\n", pass ? "pass" : "drop");
	if (!others) {
		import_note(im, "What these rules never see goes on to the stack.");
		import_put(im, "pass if not %s;\n", ip4 && ip6 ? "ip" : ip4 ? "ip4" : "ip6");
	}
	import_note(im, "Broken headers: the stack drops most of these itself, and the rules would judge bytes that are no header.");
	import_put(im, "drop if malformed and eth.type in { ip4, ip6 };\n");
	head_whole(im, ip4, ip6);
}
