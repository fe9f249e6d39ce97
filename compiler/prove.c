/*
 * A proof. In: a translation. Out: packets, each with what the translation does with it, by the reference evaluator; an engine adds what the
 * original does.
 */
#include "prove_limit.h"

#include <string.h>

#include "dissect.h"
#include "eval.h"

/* What rules say of interfaces is asked on those interfaces, and on one that no rule knows. */
static void interfaces(struct prove *pr)
{
	/* A chain at a device sees that device's packets. */
	pr->iface[pr->n_ifaces++] = pr->im->device ? pr->im->device : IMPORT_DEVICE;
	if (pr->im->family && strcmp(pr->im->family, "netdev") == 0)
		return;
	for (size_t i = 0; i < pr->p->ifaces.n && pr->n_ifaces < PROVE_IFACES; i++)
		if (strcmp(pr->p->ifaces.v[i], "lo") != 0 && strcmp(pr->p->ifaces.v[i], IMPORT_DEVICE) != 0)
			pr->iface[pr->n_ifaces++] = pr->p->ifaces.v[i];
}

static bool short_arp(const struct prove_packet *p)
{
	return (p->data[12] == 0x08 && p->data[13] == 0x06) || (p->data[12] == 0x80 && p->data[13] == 0x35);
}

/* A fragment of IPv6 that others follow, and that is not of eights of bytes: nothing puts it together, and the stack drops it behind the rules. */
static bool uneven(const struct dissect *d, const uint8_t *data)
{
	return dissect_has(d, HDR_FRAG) && (data[d->offset[HDR_FRAG] + 3] & 1) && (d->end - d->offset[HDR_FRAG]) % 8;
}

static void judge(struct prove *pr, struct eval *e, struct prove_packet *p, size_t number)
{
	uint8_t copy[PROVE_FRAME_MOST];
	struct eval_packet pkt = {
		.data = copy, .iface = p->iface, .now = 946684800000000000u + number * 1000000000u,
		.random = eval_packet_random(1, number), .seed = 1, .flow_state = pr->im->states ? 1 : 0,
	};
	struct eval_result r;
	struct dissect d;

	p->translation = PROVE_PASSED;
	if (pr->im->limits)
		prove_ways(pr, e, &pkt, p);
	/* A datagram comes through if all of its fragments do. */
	for (size_t i = 0; i < (p->piece.n ? p->piece.n : 1) && p->translation == PROVE_PASSED && !pr->im->limits; i++) {
		pkt.len = p->piece.n ? p->piece.v[i].len : p->len;
		memcpy(copy, p->piece.n ? p->piece.v[i].data : p->data, pkt.len);
		r = eval_run(e, &pkt);
		p->translation = r.verdict == VERDICT_PASS ? PROVE_PASSED : PROVE_DROPPED;
		if (!i || p->translation != PROVE_PASSED)
			p->rule = r.rule;
	}
	dissect_frame(&d, p->data, p->len);
	p->malformed = d.malformed || (pr->im->kind == IMPORT_PCAP && p->len < PCAP_ARP_LEAST && short_arp(p));
	p->fragments = p->piece.n || (pr->im->whole6 && dissect_has(&d, HDR_FRAG)) ||
		(pr->im->whole4 && dissect_has(&d, HDR_IP4) && d.fragment);
	p->malformed = p->malformed || (pr->im->whole6 && uneven(&d, p->data));
	for (size_t i = 0; i < p->piece.n; i++) {
		struct dissect one;

		dissect_frame(&one, p->piece.v[i].data, p->piece.v[i].len);
		p->malformed = p->malformed || one.malformed;
	}
	p->stateless = !dissect_has(&d, HDR_TCP) && !dissect_has(&d, HDR_UDP);
	p->later = d.fragment && !d.first_fragment;
}

void prove_prepare(struct prove *pr, size_t n)
{
	struct eval *e = eval_new(pr->p);

	interfaces(pr);
	pr->packet = arena_array(pr->arena, n, sizeof(*pr->packet));
	pr->n = n;
	for (size_t i = 0; i < n; i++) {
		prove_pick(pr, i, &pr->packet[i]);
		judge(pr, e, &pr->packet[i], i);
	}
	eval_free(e);
}
