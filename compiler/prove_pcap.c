/*
 * The original of a pcap-filter expression: libpcap's optimised program for it, run by libpcap. In: packets. Out: whether each matches.
 */
#include <pcap/pcap.h>

#include "prove.h"

bool prove_pcap(struct prove *pr)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 262144);
	struct bpf_program program;

	if (!pcap || pcap_compile(pcap, &program, pr->im->src->text, 1, PCAP_NETMASK_UNKNOWN) != 0) {
		pr->why = pcap ? arena_printf(pr->arena, "libpcap says: %s", pcap_geterr(pcap)) : "libpcap has no memory";
		if (pcap)
			pcap_close(pcap);
		return false;
	}
	for (size_t i = 0; i < pr->n; i++) {
		struct prove_packet *p = &pr->packet[i];
		const struct pcap_pkthdr h = { .caplen = (bpf_u_int32)p->len, .len = (bpf_u_int32)p->len };
		bool match = pcap_offline_filter(&program, &h, p->data) != 0;

		p->original = match == pr->im->o.pass ? PROVE_PASSED : PROVE_DROPPED;
	}
	pcap_freecode(&program);
	pcap_close(pcap);
	return true;
}
