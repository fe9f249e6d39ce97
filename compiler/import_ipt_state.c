/*
 * Matches of iptables that know more than the packet: states of connections, limits, sets. In: an option and its words. Out: conditions where they
 * are the same here; what is only nearly the same is refused unless the user accepts it.
 */
#include <inttypes.h>
#include <string.h>

#include "import_ipt.h"

/* ---- states ---- */

static bool state(struct ipt_rule *r)
{
	static const char *const names[][2] = { { "NEW", "new" }, { "ESTABLISHED", "established" }, { "RELATED", "related" } };
	const char *w = ipt_word(r), *list = NULL;

	if (!w)
		return false;
	if (r->raw || r->not)
		return ipt_refuse(r, IMPORT_LEFT_OUT, r->raw ? "in table raw no packet belongs to a connection yet" :
				  "all other states include INVALID and UNTRACKED, which flow.state does not know");
	for (;;) {
		size_t n = strcspn(w, ","), i = 0;

		while (i < 3 && (strlen(names[i][0]) != n || memcmp(names[i][0], w, n) != 0))
			i++;
		if (i == 3)
			return ipt_refuse(r, IMPORT_LEFT_OUT, "flow.state has no state %.*s", n > 30 ? 30 : (int)n, w);
		list = list ? arena_printf(r->im->arena, "%s, %s", list, names[i][1]) : names[i][1];
		if (!w[n])
			break;
		w += n + 1;
	}
	ipt_refuse(r, IMPORT_STATE, "flow.state is there for TCP and UDP only, has no state INVALID, and a RELATED connection's first packet is new");
	r->im->states = true;
	chain_and(r->im, &r->to->cond, "flow.state in { %s }", list);
	return true;
}

/* ---- limits ---- */

/* What `--limit` makes of a rate: its period is a whole number of 1/10000 s, so 800/sec are 833 a second. By the hour that is told exactly enough;
 * where it is nothing to speak of, the rate stays as it was written. */
static const char *effective(struct arena *a, uint64_t n, unsigned seconds, const char *period)
{
	uint64_t each = (uint64_t)seconds * 10000 / n, hourly = each ? (36000000 + each / 2) / each : 0, said = n * (3600 / seconds);
	uint64_t off = hourly > said ? hourly - said : said - hourly;

	if (each && off > said / 200)
		return arena_printf(a, "%" PRIu64 "/h", hourly);
	return arena_printf(a, "%" PRIu64 "/%s", n, period);
}

static bool rate(struct ipt_rule *r, bool hash, bool over)
{
	static const struct {
		const char *name, *period;
		unsigned seconds;
	} periods[] = { { "sec", "s", 1 }, { "second", "s", 1 }, { "s", "s", 1 }, { "min", "m", 60 }, { "minute", "m", 60 }, { "hour", "h", 3600 } };
	const char *w = ipt_word(r), *slash = w ? strchr(w, '/') : NULL;
	uint64_t n;

	if (!w)
		return false;
	for (size_t i = 0; slash && i < sizeof(periods) / sizeof(periods[0]); i++)
		if (strcmp(slash + 1, periods[i].name) == 0 && import_read_number(w, (size_t)(slash - w), 1000000, &n) && n) {
			r->limit.rate = hash ? arena_printf(r->im->arena, "%" PRIu64 "/%s", n, periods[i].period) :
				effective(r->im->arena, n, periods[i].seconds, periods[i].period);
			r->limit.over = over;
			return true;
		}
	return ipt_refuse(r, IMPORT_LEFT_OUT, "%s is no rate of packets by second, minute or hour", w);
}

static bool mask(struct ipt_rule *r, unsigned *out)
{
	const char *w = ipt_word(r);
	uint64_t n;

	if (!w || !import_read_number(w, strlen(w), r->family == FAMILY_IP4 ? 32 : 128, &n) || !n)
		return w && ipt_refuse(r, IMPORT_LEFT_OUT, "%s is no prefix length", w);
	*out = (unsigned)n;
	return true;
}

static bool mode(struct ipt_rule *r)
{
	static const char *const names[4] = { "srcip", "dstip", "srcport", "dstport" };
	const char *w = ipt_word(r);

	while (w) {
		size_t n = strcspn(w, ","), i = 0;

		while (i < 4 && (strlen(names[i]) != n || memcmp(names[i], w, n) != 0))
			i++;
		if (i == 4)
			return ipt_refuse(r, IMPORT_LEFT_OUT, "a limit by %s has no counterpart", w);
		r->limit.by |= 1u << i;
		if (!w[n])
			return true;
		w += n + 1;
	}
	return false;
}

static void key_part(struct ipt_rule *r, const char **key, const char *part)
{
	*key = *key ? arena_printf(r->im->arena, "%s, %s", *key, part) : part;
}

static const char *key_addr(const struct ipt_rule *r, const char *side, unsigned prefix)
{
	int v = r->family == FAMILY_IP4 ? 4 : 6;

	return prefix ? arena_printf(r->im->arena, "ip%d.%s/%u", v, side, prefix) : arena_printf(r->im->arena, "ip%d.%s", v, side);
}

/* The limit as far as it is known. */
static void build_limit(struct ipt_rule *r)
{
	const struct ipt_limit *l = &r->limit;
	const char *key = NULL;

	if (l->by & 1)
		key_part(r, &key, key_addr(r, "src", l->srcmask));
	if (l->by & 2)
		key_part(r, &key, key_addr(r, "dst", l->dstmask));
	if (l->by & 4)
		key_part(r, &key, "l4.sport");
	if (l->by & 8)
		key_part(r, &key, "l4.dport");
	if (l->rate)
		r->to->limit = arena_printf(r->im->arena, strchr(key ? key : "", ',') ? "%s %s burst %u%s(%s)" : "%s %s burst %u%s%s",
					    l->over ? "over" : "within", l->rate, l->burst ? l->burst : 5, key ? " per " : "", key ? key : "");
}

static bool burst(struct ipt_rule *r)
{
	const char *w = ipt_word(r);
	uint64_t n;

	if (!w || !import_read_number(w, strlen(w), 1000000, &n) || !n)
		return w && ipt_refuse(r, IMPORT_LEFT_OUT, "%s is no burst in packets", w);
	r->limit.burst = (unsigned)n;
	return true;
}

static bool limit(struct ipt_rule *r, const char *w, bool *known)
{
	bool hash = strncmp(w, "--hashlimit-", 12) == 0, first = !r->limit.rate;
	const char *what = hash ? w + 12 : w;
	bool ok;

	*known = true;
	if (r->not)
		return ipt_refuse(r, IMPORT_LEFT_OUT, "that has no opposite");
	if (strcmp(what, hash ? "upto" : "--limit") == 0 || strcmp(what, "above") == 0)
		ok = rate(r, hash, strcmp(what, "above") == 0);
	else if (strcmp(what, hash ? "burst" : "--limit-burst") == 0)
		ok = burst(r);
	else if (strcmp(what, "mode") == 0)
		ok = mode(r);
	else if (strcmp(what, "srcmask") == 0 || strcmp(what, "dstmask") == 0)
		ok = mask(r, *what == 's' ? &r->limit.srcmask : &r->limit.dstmask);
	else if (strcmp(what, "name") == 0 || strncmp(what, "htable-", 7) == 0)
		ok = ipt_word(r);
	else {
		*known = false;
		return false;
	}
	if (ok && first && r->limit.rate)
		ipt_refuse(r, IMPORT_LIMIT, "its tokens come back in steps of the kernel's clock, here evenly; its buckets are this rule's alone");
	r->im->limits = true;
	build_limit(r);
	return ok;
}

/* ---- sets ---- */

/* What of the packet is looked for; @which: "src", "dst" for each part. */
static const char *operands(struct ipt_rule *r, const struct ipset_set *s, const char *which)
{
	int v = r->family == FAMILY_IP4 ? 4 : 6;
	const char *all = NULL;

	for (unsigned i = 0; i < s->n_parts; i++) {
		size_t n = strcspn(which, ",");
		bool src = n == 3 && memcmp(which, "src", 3) == 0;

		if (!src && (n != 3 || memcmp(which, "dst", 3) != 0))
			return NULL;
		if (s->part[i] == IPSET_ADDR)
			key_part(r, &all, arena_printf(r->im->arena, "ip%d.%s", v, src ? "src" : "dst"));
		else if (s->part[i] == IPSET_MAC)
			key_part(r, &all, src ? "eth.src" : "eth.dst");
		else if (s->bare_port)
			key_part(r, &all, src ? "sport" : "dport");
		else
			key_part(r, &all, arena_printf(r->im->arena, "%s, l4.%s", v == 4 ? "ip4.proto" : "ip.proto", src ? "sport" : "dport"));
		which += n;
		which += *which == ',';
	}
	return all;
}

static bool match_set(struct ipt_rule *r)
{
	const char *name = ipt_word(r), *which = name ? ipt_word(r) : NULL, *ops, *cond, *proto4 = r->family == FAMILY_IP4 ? "ip4.proto" : "ip.proto";
	struct ipset_set *s = which && r->sets ? ipset_find(r->sets, name) : NULL;
	bool ports = false;

	if (!which)
		return false;
	if (!s)
		return ipt_refuse(r, IMPORT_LEFT_OUT, r->sets ? "set %s is not among those of --ipset" :
				  "set %s: give what `ipset save` prints with --ipset FILE", name);
	if (s->why)
		return ipt_refuse(r, IMPORT_LEFT_OUT, "set %s (%s): %s", name, s->at, s->why);
	ops = operands(r, s, which);
	if (!ops)
		return ipt_refuse(r, IMPORT_LEFT_OUT, "%s says not what to look for in a set of type %s", which, s->type);
	if (s->family != r->family && s->family != FAMILY_NUM)
		return ipt_refuse(r, IMPORT_LEFT_OUT, "set %s is of the other family", name);
	if (s->expires)
		ipt_refuse(r, IMPORT_TIMEOUT, "elements of set %s expire; here they stay", name);
	if (!s->element.n) {
		r->to->never = r->to->never || !r->not;
		return true;
	}
	s->used = true;
	if (s->bare_port)
		cond = arena_printf(r->im->arena, "(%s == tcp and tcp.%s in %s or %s == udp and udp.%s in %s)", proto4, ops, s->shown, proto4, ops,
				    s->shown);
	else
		cond = arena_printf(r->im->arena, s->n_parts > 1 || s->part[0] == IPSET_PORT ? "(%s) in %s" : "%s in %s", ops, s->shown);
	for (unsigned i = 0; i < s->n_parts; i++)
		ports = ports || s->part[i] == IPSET_PORT;
	if (r->family == FAMILY_IP6 && ports)
		cond = arena_printf(r->im->arena, "not mh and not ah and %s", cond);
	chain_and(r->im, &r->to->cond, r->not ? "not (%s)" : "%s", cond);
	return true;
}

bool ipt_match_state(struct ipt_rule *r, const char *w, bool *known)
{
	*known = true;
	if (strcmp(w, "--ctstate") == 0 || (strcmp(w, "--state") == 0))
		return state(r);
	if (strcmp(w, "--match-set") == 0)
		return match_set(r);
	return limit(r, w, known);
}
