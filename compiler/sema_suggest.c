/*
 * What an unknown name was probably meant to be. In: the name and which kinds of names fit its place. Out: a remedy in words: what
 * other tools call so, else the nearest name there is.
 */
#include "sema.h"

#include <string.h>

/* Spellings of nftables, libpcap, tshark and iptables. Ours may be several, as a remedy says them. */
static const struct {
	const char *theirs, *ours;
} foreign[] = {
	{ "src", "ip.src" }, { "saddr", "ip.src" }, { "source", "ip.src" }, { "src_ip", "ip.src" }, { "srcip", "ip.src" },
	{ "dst", "ip.dst" }, { "daddr", "ip.dst" }, { "destination", "ip.dst" }, { "dst_ip", "ip.dst" }, { "dstip", "ip.dst" },
	{ "host", "ip.src` or `ip.dst" }, { "net", "ip.src` or `ip.dst" }, { "ip.addr", "ip.src` or `ip.dst" },
	{ "ip.saddr", "ip.src" }, { "ip.daddr", "ip.dst" }, { "ip.source", "ip.src" }, { "ip.destination", "ip.dst" },
	{ "ip4.saddr", "ip4.src" }, { "ip4.daddr", "ip4.dst" }, { "ip6.saddr", "ip6.src" }, { "ip6.daddr", "ip6.dst" },
	{ "ipv4.src", "ip4.src" }, { "ipv4.dst", "ip4.dst" }, { "ipv6.src", "ip6.src" }, { "ipv6.dst", "ip6.dst" },
	{ "ipv6.saddr", "ip6.src" }, { "ipv6.daddr", "ip6.dst" }, { "ipv6.addr", "ip6.src` or `ip6.dst" },
	{ "proto", "ip.proto" }, { "protocol", "ip.proto" }, { "ip.protocol", "ip.proto" }, { "ip.p", "ip.proto" },
	{ "l4proto", "ip.proto" },
	{ "meta.l4proto", "ip.proto" }, { "ip6.proto", "ip.proto` or `ip6.nexthdr" }, { "ipv6.nxt", "ip6.nexthdr" },
	{ "ttl", "ip.ttl" }, { "hoplimit", "ip6.hoplimit" }, { "ip6.ttl", "ip6.hoplimit" }, { "ip6.hlim", "ip6.hoplimit" },
	{ "ipv6.hlim", "ip6.hoplimit" }, { "tos", "ip4.tos" }, { "ip.tos", "ip4.tos" }, { "dscp", "ip.dscp" },
	{ "ecn", "ip.ecn" },
	{ "ip.dsfield", "ip4.tos" }, { "ip.dsfield.dscp", "ip.dscp" }, { "ip.dsfield.ecn", "ip.ecn" },
	{ "ip.id", "ip4.id` or `frag.id" }, { "ip.len", "ip4.len` or `ip6.len" }, { "ip.length", "ip4.len` or `ip6.len" },
	{ "ip4.length", "ip4.len" }, { "ip6.length", "ip6.len" }, { "ip6.plen", "ip6.len" }, { "ipv6.plen", "ip6.len" },
	{ "ip.hdr_len", "ip4.ihl" }, { "ip.hdrlength", "ip4.ihl" }, { "ip.ihl", "ip4.ihl" }, { "ip.checksum", "ip4.checksum" },
	{ "ip.df", "ip4.df" }, { "ip.mf", "ip4.mf" }, { "ip.flags.df", "ip4.df" }, { "ip.flags.mf", "ip4.mf" },
	{ "ip.frag-off", "ip4.fragoff" }, { "ip.frag_offset", "ip4.fragoff" }, { "ip.frag", "ip.fragment" },
	{ "fragment", "ip.fragment" },
	{ "ip6.flow", "ip6.flowlabel" }, { "ipv6.flow", "ip6.flowlabel" }, { "ipv6.tclass", "ip6.tclass" },
	{ "port", "l4.sport` or `l4.dport" }, { "l4.port", "l4.sport` or `l4.dport" }, { "th.port", "l4.sport` or `l4.dport" },
	{ "sport", "l4.sport" }, { "srcport", "l4.sport" }, { "th.sport", "l4.sport" }, { "src_port", "l4.sport" },
	{ "dport", "l4.dport" }, { "dstport", "l4.dport" }, { "th.dport", "l4.dport" }, { "dst_port", "l4.dport" },
	{ "tcp.port", "tcp.sport` or `tcp.dport" }, { "tcp.srcport", "tcp.sport" }, { "tcp.dstport", "tcp.dport" },
	{ "tcp.src", "tcp.sport" }, { "tcp.dst", "tcp.dport" }, { "udp.src", "udp.sport" }, { "udp.dst", "udp.dport" },
	{ "udp.port", "udp.sport` or `udp.dport" }, { "udp.srcport", "udp.sport" }, { "udp.dstport", "udp.dport" },
	{ "sctp.port", "sctp.sport` or `sctp.dport" }, { "sctp.srcport", "sctp.sport" }, { "sctp.dstport", "sctp.dport" },
	{ "dccp.srcport", "dccp.sport" }, { "dccp.dstport", "dccp.dport" }, { "udp.length", "udp.len" },
	{ "udp.csum", "udp.checksum" },
	{ "tcp.flags.syn", "tcp.syn" }, { "tcp.flags.ack", "tcp.ack" }, { "tcp.flags.fin", "tcp.fin" },
	{ "tcp.flags.reset", "tcp.rst" },
	{ "tcp.flags.rst", "tcp.rst" }, { "tcp.flags.push", "tcp.psh" }, { "tcp.flags.urg", "tcp.urg" },
	{ "tcp.push", "tcp.psh" },
	{ "tcp.flag", "tcp.flags" }, { "tcp.reset", "tcp.rst" }, { "syn", "tcp.syn" }, { "ack", "tcp.ack" }, { "rst", "tcp.rst" },
	{ "fin", "tcp.fin" }, { "psh", "tcp.psh" }, { "urg", "tcp.urg" }, { "tcp.sequence", "tcp.seq" },
	{ "tcp.ackno", "tcp.ackseq" },
	{ "tcp.window_size", "tcp.window" }, { "tcp.csum", "tcp.checksum" }, { "tcp.hdr_len", "tcp.doff" },
	{ "tcp.doffset", "tcp.doff" },
	{ "tcp.len", "payload.len" }, { "data.len", "payload.len" }, { "udp.payload", "payload" }, { "tcp.payload", "payload" },
	{ "ether", "eth" }, { "ethernet", "eth" }, { "ether.src", "eth.src" }, { "ether.saddr", "eth.src" },
	{ "eth.saddr", "eth.src" },
	{ "ether.dst", "eth.dst" }, { "ether.daddr", "eth.dst" }, { "eth.daddr", "eth.dst" }, { "ether.type", "eth.type" },
	{ "ether.proto", "eth.type" }, { "eth.proto", "eth.type" }, { "ethertype", "eth.type" },
	{ "mac", "eth.src` or `eth.dst" },
	{ "eth.addr", "eth.src` or `eth.dst" }, { "smac", "eth.src" }, { "dmac", "eth.dst" },
	{ "vlan.priority", "vlan.pcp" }, { "vlan.prio", "vlan.pcp" }, { "vlan.vid", "vlan.id" },
	{ "vlan.etype", "vlan.type" }, { "vlan.cfi", "vlan.dei" },
	{ "arp.opcode", "arp.op" }, { "arp.operation", "arp.op" }, { "arp.saddr", "arp.spa" }, { "arp.daddr", "arp.tpa" },
	{ "arp.saddr.ip", "arp.spa" }, { "arp.daddr.ip", "arp.tpa" }, { "arp.saddr.ether", "arp.sha" },
	{ "arp.daddr.ether", "arp.tha" },
	{ "arp.src.proto_ipv4", "arp.spa" }, { "arp.dst.proto_ipv4", "arp.tpa" },
	{ "ipv4", "ip4" }, { "inet", "ip4" }, { "ipv6", "ip6" }, { "inet6", "ip6" }, { "icmp4", "icmp" }, { "icmpv4", "icmp" },
	{ "icmpv6", "icmp6" }, { "icmpv6.type", "icmp6.type" }, { "icmpv6.code", "icmp6.code" }, { "ipv6-icmp", "icmp6" },
	{ "icmp.ident", "icmp.id" }, { "icmp.sequence", "icmp.seq" }, { "icmp.redir_gw", "icmp.gateway" },
	{ "icmp6.taddr", "icmp6.target" },
	{ "igmp.maddr", "igmp.group" }, { "igmp.mrt", "igmp.code" }, { "transport", "l4" }, { "frag.frag-off", "frag.offset" },
	{ "len", "pkt.len" }, { "length", "pkt.len" }, { "frame.len", "pkt.len" }, { "frame.cap_len", "pkt.len" },
	{ "meta.length", "pkt.len" },
	{ "packet.len", "pkt.len" }, { "greater", "pkt.len >=" }, { "less", "pkt.len <=" },
	{ "iif", "iface" }, { "iifname", "iface" }, { "meta.iif", "iface" }, { "meta.iifname", "iface" }, { "ifname", "iface" },
	{ "interface", "iface" }, { "dev", "iface" }, { "queue", "rxqueue" }, { "rx_queue", "rxqueue" },
	{ "rx_queue_index", "rxqueue" }, { "ct", "flow.state" }, { "ct.state", "flow.state" }, { "ctstate", "flow.state" },
	{ "conntrack", "flow.state" }, { "state", "flow.state" }, { "flow", "flow.state" }, { "connection", "flow.state" },
	{ "hash", "rx.hash" }, { "rxhash", "rx.hash" }, { "rx_hash", "rx.hash" }, { "skb.hash", "rx.hash" }, { "rss", "rx.hash" },
	{ "rx.vlan", "rx.vlan.id" }, { "vlan_tci", "rx.vlan.id" }, { "hwtstamp", "rx.timestamp" }, { "timestamp", "rx.timestamp" },
	{ "tcp.options.mss_val", "tcp.option.mss" }, { "tcp.options.mss", "tcp.option.mss" }, { "tcp.mss", "tcp.option.mss" },
	{ "tcp.option.maxseg", "tcp.option.mss" }, { "tcp.options.wscale.shift", "tcp.option.wscale" }, { "tcp.options.wscale", "tcp.option.wscale" },
	{ "tcp.option.window", "tcp.option.wscale" }, { "tcp.options.sack_perm", "tcp.option.sackperm" },
	{ "tcp.option.sack-perm", "tcp.option.sackperm" }, { "tcp.options.sack", "tcp.option.sack" },
	{ "tcp.options.sack_le", "tcp.option.sack.left" }, { "tcp.options.sack_re", "tcp.option.sack.right" },
	{ "tcp.options.timestamp.tsval", "tcp.option.tsval" }, { "tcp.options.timestamp.tsecr", "tcp.option.tsecr" },
	{ "tcp.option.timestamp.tsval", "tcp.option.tsval" }, { "tcp.option.timestamp.tsecr", "tcp.option.tsecr" },
	{ "meta.day", "weekday" }, { "day", "weekday" }, { "dayofweek", "weekday" }, { "hour", "time" }, { "meta.hour", "time" },
	{ "invalid", "malformed" }, { "broken", "malformed" },
};

/* Types of nftables and others. */
static const struct {
	const char *theirs, *ours;
} foreign_types[] = {
	{ "ipv4_addr", "ip4" }, { "ipv6_addr", "ip6" }, { "ether_addr", "mac" }, { "inet_service", "port" },
	{ "inet_proto", "proto" },
	{ "ether_type", "ethertype" }, { "ipv4", "ip4" }, { "ipv6", "ip6" }, { "addr", "ip" }, { "address", "ip" },
	{ "host", "ip" },
	{ "inet", "ip" }, { "prefix", "net" }, { "cidr", "net" }, { "network", "net" }, { "subnet", "net" }, { "int", "number" },
	{ "integer", "number" }, { "num", "number" }, { "u8", "number" }, { "u16", "number" }, { "u32", "number" },
	{ "u64", "number" },
	{ "service", "port" }, { "protocol", "proto" }, { "ether", "mac" }, { "lladdr", "mac" },
};

const char *suggest_foreign(const char *name)
{
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (!strcasecmp(foreign[i].theirs, name))
			return foreign[i].ours;
	return NULL;
}

/* "tcp.foo": the field of tcp that is near, or what there is of tcp; cut where it gets long. NULL: no such header. */
static const char *field_of_header(struct sema *s, const char *name)
{
	enum { MAX = 90 };
	const char *dot = strrchr(name, '.'), *near;
	size_t len = dot ? (size_t)(dot - name) + 1 : 0, used = 0;
	VEC(const char *) cand = { 0 };
	char *list;

	for (int i = 0; len > 1 && i < FIELD_COUNT; i++)
		if (!strncmp(lang_fields[i].name, name, len))
			*vec_add(s->a, &cand) = lang_fields[i].name + len;
	if (!cand.n)
		return NULL;
	near = diag_nearest(dot + 1, strlen(dot + 1), cand.v, cand.n);
	if (near)
		return arena_printf(s->a, "did you mean `%.*s%s`?", (int)len, name, near);
	list = arena_alloc(s->a, MAX + 64);
	for (size_t i = 0; i < cand.n; i++) {
		if (used > MAX || strlen(cand.v[i]) > 32)
			return arena_printf(s->a, "%.*s has %s …: xdpfc --list=fields prints them all", (int)len - 1, name, list);
		used += (size_t)sprintf(list + used, "%s%s", used ? ", " : "", cand.v[i]);
	}
	return arena_printf(s->a, "%.*s has %s", (int)len - 1, name, list);
}

/* `dhcp`, where there are dhcp-client and dhcp-server. */
static const char *names_that_begin(struct sema *s, enum names_id table, const char *name)
{
	size_t len = strlen(name), used = 0;
	char list[120];

	for (size_t i = 0; len > 1 && i < lang_n_names; i++) {
		const char *known = lang_names[i].name;

		if (lang_names[i].table != table || strncmp(known, name, len) || known[len] != '-' ||
		    used + strlen(known) + 8 > sizeof(list))
			continue;
		used += (size_t)sprintf(list + used, "%s`%s`", used ? ", " : "", known);
	}
	return used ? arena_printf(s->a, "did you mean %s?", list) : NULL;
}

/* The same name in small letters, where that is what it should be. */
static const char *in_small_letters(struct sema *s, const char *name)
{
	char *small = arena_strndup(s->a, name, strlen(name));
	bool changed = false;

	for (char *c = small; *c; c++)
		if (*c >= 'A' && *c <= 'Z') {
			*c = (char)(*c | 32);
			changed = true;
		}
	return changed ? small : NULL;
}

const char *suggest_remedy(struct sema *s, const char *name, unsigned what, enum names_id table)
{
	VEC(const char *) cand = { 0 };
	const char *ours = what & SUGGEST_FIELD ? suggest_foreign(name) : NULL, *small;
	uint64_t known;

	/* Nobody will read it, and there may be a hundred thousand names to compare with. */
	if (s->d->errors > DIAG_MAX_ERRORS)
		return NULL;
	if (ours)
		return arena_printf(s->a, "write `%s`", ours);
	for (size_t i = 0; what & SUGGEST_TYPE && i < sizeof(foreign_types) / sizeof(foreign_types[0]); i++)
		if (!strcasecmp(foreign_types[i].theirs, name))
			return arena_printf(s->a, "write `%s`", foreign_types[i].ours);
	small = in_small_letters(s, name);
	if (small && ((what & SUGGEST_FIELD && names_field(s, small) != FIELD_NONE) ||
		      (what & SUGGEST_HEADER && names_header(s, small) != HDR_NONE) ||
		      (what & SUGGEST_TYPE && names_type(s, small) != TYPE_COUNT) ||
		      (table != NAMES_NONE && names_known(s, table, small, &known))))
		return arena_printf(s->a, "names are written in small letters: `%s`", small);
	ours = what & SUGGEST_FIELD ? field_of_header(s, name) : NULL;
	if (ours)
		return ours;
	if (what & SUGGEST_FIELD)
		for (int i = 0; i < FIELD_COUNT; i++)
			*vec_add(s->a, &cand) = lang_fields[i].name;
	if (what & SUGGEST_HEADER)
		for (int i = 0; i < HDR_COUNT; i++)
			if (lang_headers[i].name)
				*vec_add(s->a, &cand) = lang_headers[i].name;
	if (what & SUGGEST_TYPE)
		for (int i = 0; i < TYPE_COUNT; i++)
			*vec_add(s->a, &cand) = lang_types[i].name;
	if (table != NAMES_NONE)
		for (size_t i = 0; i < lang_n_names; i++)
			if (lang_names[i].table == table)
				*vec_add(s->a, &cand) = lang_names[i].name;
	for (size_t i = 0; what & SUGGEST_LET && i < s->unit->lets.n; i++)
		if (s->unit->lets.v[i]->name.s && s->unit->lets.v[i]->order < s->order)
			*vec_add(s->a, &cand) = s->unit->lets.v[i]->name.s;
	for (size_t i = 0; what & SUGGEST_SET && i < s->unit->sets.n; i++)
		if (s->unit->sets.v[i]->name.s && s->unit->sets.v[i]->order < s->order)
			*vec_add(s->a, &cand) = s->unit->sets.v[i]->name.s;
	ours = diag_nearest(name, strlen(name), cand.v, cand.n);
	if (ours)
		return arena_printf(s->a, "did you mean `%s`?", ours);
	return table != NAMES_NONE ? names_that_begin(s, table, name) : NULL;
}

/* @n hexadecimal digits of @text as bytes with colons; other characters are passed over. */
static const char *with_colons(struct sema *s, const char *text, size_t n)
{
	char *out = arena_alloc(s->a, n * 2 + 1), *o = out;
	size_t k = 0;

	for (const char *c = text; *c; c++) {
		if (!strchr("0123456789abcdefABCDEF", *c))
			continue;
		if (k && !(k & 1))
			*o++ = ':';
		*o++ = *c;
		k++;
	}
	return out;
}

const char *suggest_value(struct sema *s, const struct want *w, const char *text)
{
	static const char hex[] = "0123456789abcdefABCDEF";
	bool is_ip = w->kind == KIND_IP || w->kind == KIND_IP4 || w->kind == KIND_IP6;
	size_t len = strlen(text);

	if (w->kind == KIND_FLAG && (!strcasecmp(text, "true") || !strcasecmp(text, "set") || !strcasecmp(text, "yes")))
		return w->write ? "write 1" : arena_printf(s->a, "write `%s`: it is a condition by itself", w->what);
	if (w->kind == KIND_FLAG && (!strcasecmp(text, "false") || !strcasecmp(text, "unset") || !strcasecmp(text, "no")))
		return w->write ? "write 0" : arena_printf(s->a, "write `not %s`: a flag is a condition by itself", w->what);
	if (w->kind == KIND_MAC && len == 17 && strspn(text, "0123456789abcdefABCDEF-") == len)
		return arena_printf(s->a, "write %s", with_colons(s, text, 12));
	if (w->slice && len == 2 * w->slice && strspn(text, hex) == len)
		return arena_printf(s->a, "bytes have colons between them: write %s", with_colons(s, text, len));
	if (is_ip && (!strcasecmp(text, "any") || !strcasecmp(text, "all") || !strcasecmp(text, "anywhere")))
		return "leave the comparison out: without it every address will do";
	if (is_ip && !strcasecmp(text, "localhost"))
		return "names of hosts are not looked up: write 127.0.0.0/8, or ::1";
	if (is_ip && strchr(text, '.'))
		return "names of hosts are not looked up: write the address, such as 192.0.2.1 or 2001:db8::1";
	return NULL;
}
