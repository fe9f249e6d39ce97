/*
 * One rule of iptables-save. In: its words. Out: a condition and what becomes of what matches, or refusals: each option that is not understood to
 * the last bit is one.
 */
#include <stdarg.h>
#include <string.h>

#include "import_ipt.h"

bool ipt_refuse(struct ipt_rule *r, unsigned accepted, const char *fmt, ...)
{
	char buf[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	import_refuse(r->im, accepted, r->to->at, r->to->text, "%s", buf);
	if (accepted == IMPORT_LEFT_OUT || !accepted)
		r->failed = true;
	return false;
}

const char *ipt_word(struct ipt_rule *r)
{
	if (r->at < r->w->list.n)
		return r->w->list.v[r->at++];
	ipt_refuse(r, IMPORT_LEFT_OUT, "the rule ends in the middle of an option");
	return NULL;
}

/* ---- what stands before all matches ---- */

static const char *field(const struct ipt_rule *r, const char *name)
{
	return arena_printf(r->im->arena, "ip%d.%s", r->family == FAMILY_IP4 ? 4 : 6, name);
}

/* A mask as an address; prefixes of both families otherwise. */
static bool address(struct ipt_rule *r, const char *name)
{
	const char *w = ipt_word(r), *slash = w ? strchr(w, '/') : NULL;
	enum family family, of_mask = FAMILY_NUM;
	struct value mask, v;
	struct range net;

	if (!w)
		return false;
	if (slash && import_read_addr(slash + 1, strlen(slash + 1), &of_mask, &mask) && import_read_addr(w, (size_t)(slash - w), &family, &v)) {
		if (family != r->family || of_mask != family)
			return ipt_refuse(r, IMPORT_LEFT_OUT, "%s is no address of this family under a mask", w);
		chain_and(r->im, &r->to->cond, "%s & %s %s %s", field(r, name), import_addr_text(r->im->arena, family, mask), r->not ? "!=" : "==",
			  import_addr_text(r->im->arena, family, value_and(v, mask)));
		return true;
	}
	if (import_read_net(r->im->arena, w, strlen(w), &net) || net.family != r->family)
		return ipt_refuse(r, IMPORT_LEFT_OUT, "%s is no address or prefix of this family", w);
	if (slash && strcmp(slash, "/0") == 0) {
		r->to->never = r->to->never || r->not;
		return true;
	}
	chain_and(r->im, &r->to->cond, "%s %s %s", field(r, name), r->not ? "!=" : "==", import_net_text(r->im->arena, &net));
	return true;
}

static bool interface(struct ipt_rule *r)
{
	const char *w = ipt_word(r);
	size_t n = w ? strlen(w) : 0;

	if (!w)
		return false;
	if (!n || n > 15 || strpbrk(w, "\"\\+"))
		return ipt_refuse(r, IMPORT_LEFT_OUT, "%s is no name of one interface: a filter knows whole names only", w);
	if (strchr(w, '.'))
		return ipt_refuse(r, IMPORT_LEFT_OUT, "%s is a VLAN's interface, it seems: its frames come by the one below, with their tags", w);
	chain_and(r->im, &r->to->cond, r->not ? "not (%s)" : "%s", chain_iface(r->im, w, n));
	return true;
}

static bool protocol(struct ipt_rule *r)
{
	const char *w = ipt_word(r);
	uint64_t n;

	if (!w)
		return false;
	if (strcmp(w, "all") == 0)
		return true;
	if (!import_read_name(NAMES_PROTO, w, strlen(w), 255, &n) && !(strcmp(w, "ipv6-icmp") == 0 && (n = 58)) &&
	    !(strcmp(w, "mobility-header") == 0 && (n = 135)) && !(strcmp(w, "ipencap") == 0 && (n = 4)))
		return ipt_refuse(r, IMPORT_LEFT_OUT, "protocol %s is not known here by this name: give its number", w);
	if (n == 0)
		return true;
	r->proto = (int)n;
	r->proto_not = r->not;
	chain_and(r->im, &r->to->cond, r->not ? "not (%s)" : "%s", chain_proto(r->im, r->family, (unsigned)n));
	return true;
}

/* ---- targets ---- */

static const struct {
	const char *name;
	enum chain_do what;
} targets[] = { { "ACCEPT", CHAIN_PASS }, { "DROP", CHAIN_DROP }, { "RETURN", CHAIN_RETURN }, { "LOG", CHAIN_NEXT }, { "NFLOG", CHAIN_NEXT } };

/* REJECT: the answers that there are here, and others only where that is accepted. */
static void reject(struct ipt_rule *r)
{
	const char *with = r->family == FAMILY_IP4 ? "icmp-port-unreachable" : "icmp6-port-unreachable";
	const char *usual = with;

	if (r->at + 1 < r->w->list.n && strcmp(r->w->list.v[r->at], "--reject-with") == 0) {
		with = r->w->list.v[r->at + 1];
		r->at += 2;
	}
	r->to->what = CHAIN_UNREACHABLE;
	if (strcmp(with, "tcp-reset") == 0) {
		r->to->what = CHAIN_RST;
		/* What is no TCP is not answered, and not rejected: iptables takes it only for -p tcp. */
	} else if (strcmp(with, usual) != 0) {
		ipt_refuse(r, IMPORT_REJECT, "it answers with %s; here the answer is %s", with, usual);
	}
}

static void jump(struct ipt_rule *r, bool go)
{
	const char *w = ipt_word(r);
	size_t i = 0;

	if (!w)
		return;
	r->to->target = chain_find(r->chains, w, strlen(w));
	if (r->to->target) {
		r->to->what = go ? CHAIN_GOTO : CHAIN_CALL;
		return;
	}
	while (i < sizeof(targets) / sizeof(targets[0]) && strcmp(targets[i].name, w) != 0)
		i++;
	if (strcmp(w, "REJECT") == 0) {
		reject(r);
	} else if (i < sizeof(targets) / sizeof(targets[0])) {
		r->to->what = targets[i].what;
		if (r->to->what == CHAIN_NEXT) {
			r->to->actions = "log";
			/* Prefixes and levels of logs have no counterpart; they decide nothing. */
			r->at = r->w->list.n;
		}
	} else {
		ipt_refuse(r, IMPORT_LEFT_OUT, "target %s has no counterpart here", w);
	}
}

/* ---- the whole ---- */

static bool option(struct ipt_rule *r, const char *w)
{
	if (strcmp(w, "-s") == 0)
		return address(r, "src");
	if (strcmp(w, "-d") == 0)
		return address(r, "dst");
	if (strcmp(w, "-i") == 0)
		return interface(r);
	if (strcmp(w, "-p") == 0)
		return protocol(r);
	if (strcmp(w, "-f") == 0 && r->family == FAMILY_IP4) {
		chain_and(r->im, &r->to->cond, "ip4.fragoff %s 0", r->not ? "==" : "!=");
		return true;
	}
	if (strcmp(w, "-m") == 0) {
		if (r->to->limit)
			return ipt_refuse(r, IMPORT_LEFT_OUT, "a match stands behind the limit, which takes a token before it is asked");
		r->match = ipt_word(r);
		return r->match && ipt_match(r, NULL);
	}
	if (strcmp(w, "-j") == 0 || strcmp(w, "-g") == 0) {
		jump(r, w[1] == 'g');
		return true;
	}
	return ipt_match(r, w);
}

void ipt_translate(struct ipt_rule *r)
{
	r->to->what = CHAIN_NEXT;
	while (r->at < r->w->list.n && !r->failed) {
		const char *w = r->w->list.v[r->at++];

		r->not = strcmp(w, "!") == 0;
		if (r->not) {
			w = ipt_word(r);
			if (!w)
				break;
		}
		option(r, w);
	}
	if (r->failed) {
		r->to->out = true;
		r->to->target = NULL;
	}
}
