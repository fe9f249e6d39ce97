/*
 * The original of a pcap-filter expression: libpcap's program for it, plain and optimised, run by libpcap. In: packets. Out: whether each matches.
 */
#include <pcap/pcap.h>

#include "prove.h"

/* Its verdicts in @out; false: libpcap's message is in .why. */
static bool run(struct prove *pr, bool optimised, bool *out)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 262144);
	struct bpf_program program;

	if (!pcap || pcap_compile(pcap, &program, pr->im->src->text, optimised, PCAP_NETMASK_UNKNOWN) != 0) {
		pr->why = pcap ? arena_printf(pr->arena, "libpcap says: %s", pcap_geterr(pcap)) : "libpcap has no memory";
		if (pcap)
			pcap_close(pcap);
		return false;
	}
	for (size_t i = 0; i < pr->n; i++) {
		const struct prove_packet *p = &pr->packet[i];
		const struct pcap_pkthdr h = { .caplen = (bpf_u_int32)p->len, .len = (bpf_u_int32)p->len };

		out[i] = pcap_offline_filter(&program, &h, p->data) != 0;
	}
	pcap_freecode(&program);
	pcap_close(pcap);
	return true;
}

bool prove_pcap(struct prove *pr)
{
	bool *plain = arena_array(pr->arena, pr->n, sizeof(bool)), *optimised = arena_array(pr->arena, pr->n, sizeof(bool));

	if (!run(pr, false, plain))
		return false;
	/* Of an expression that nothing matches there is no optimised program, and the message says so. */
	if (!run(pr, true, optimised))
		optimised = plain;
	for (size_t i = 0; i < pr->n; i++) {
		struct prove_packet *p = &pr->packet[i];

		/* Where bytes are missing the optimised program may ask for fewer of them, and answer otherwise: then libpcap has no one answer. */
		p->original = plain[i] != optimised[i] ? PROVE_UNSEEN : plain[i] == pr->im->o.pass ? PROVE_PASSED : PROVE_DROPPED;
	}
	return true;
}
