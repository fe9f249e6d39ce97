/*
 * Expressions of pcap-filter(7). In: an expression, as a file of `tcpdump -F` has it. Out: one rule. libpcap compiles it; what is translated is the
 * program that it makes, so the expression means here what it means there, in frames whose headers are sound.
 */
#include <string.h>

#include "import_pcap.h"

enum { SNAPLEN = 262144, EXPRESSION_MOST = 16 << 10, WORK_MOST = 300000 };

static bool compile(struct import *im, struct bpf_program *p)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, SNAPLEN);
	const char *at = import_at(im, im->src, 1);
	bool ok = false;

	if (!pcap) {
		import_refuse(im, 0, at, "", "libpcap has no memory");
		return false;
	}
	if (strlen(im->src->text) != im->src->len || im->src->len > EXPRESSION_MOST)
		import_refuse(im, 0, at, "", "that is no expression: it has a byte 0 in it, or is longer than 16 KiB, for which libpcap "
			      "takes long (lists of addresses: --import=list)");
	/* Not optimised: its jumps are then those of the expression. */
	else if (pcap_compile(pcap, p, im->src->text, 0, PCAP_NETMASK_UNKNOWN) != 0)
		import_refuse(im, 0, at, import_shown(im, im->src->text, im->src->len), "libpcap says: %s", pcap_geterr(pcap));
	else
		ok = true;
	pcap_close(pcap);
	return ok;
}

static void write_rule(struct import *im, const struct pcap_node *n)
{
	const char *verdict = im->o.pass ? "pass" : "drop", *other = im->o.pass ? "drop" : "pass";

	import_note(im, "From the pcap-filter expression %s:", source_shown(im->src));
	import_note(im, "  %s", import_shown(im, im->src->text, im->src->len));
	import_note(im, "In frames with broken or cut off headers it matches nothing here; libpcap takes whatever bytes stand there.");
	if (pcap_asks_arp(n))
		import_note(im, "So it is in ARP of less than %d bytes, which has no addresses of IPv4.", PCAP_ARP_LEAST);
	import_put(im, "default %s;\n", n->kind == PCAP_TRUE ? verdict : other);
	if (n->kind == PCAP_TRUE || n->kind == PCAP_FALSE) {
		import_note(im, "It matches %s.", n->kind == PCAP_TRUE ? "every packet" : "no packet");
		return;
	}
	if (!import_begin(im, 0))
		return;
	import_put(im, "match: %s if not malformed and ", verdict);
	if (pcap_asks_arp(n))
		import_put(im, "not (eth.outertype in { arp, rarp } and pkt.len < %d) and ", PCAP_ARP_LEAST);
	pcap_text(im, n);
	import_put(im, ";\n");
	import_end(im, 0);
}

void import_pcap(struct import *im)
{
	struct pcap_work work = { im->arena, WORK_MOST };
	const struct pcap_node *n;
	struct bpf_program p;
	const char *why = NULL;

	im->n_rules = 1;
	if (!compile(im, &p))
		return;
	n = pcap_graph(im->arena, &p, &why);
	pcap_freecode(&p);
	n = n ? pcap_simple(&work, n, true, NULL) : NULL;
	if (n && !work.left)
		why = "it comes to too many conditions";
	if (n && work.left)
		write_rule(im, n);
	else
		import_refuse(im, 0, import_at(im, im->src, 1), import_shown(im, im->src->text, im->src->len), "%s", why);
}
