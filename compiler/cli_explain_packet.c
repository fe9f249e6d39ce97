/*
 * A packet in one line. In: its bytes. Out: the fields that say most, as a test would give them, and what is wrong with it.
 */
#include "cli_explain.h"

#include <string.h>

/* In the order in which they are printed; those that the packet has. */
static const enum field_id shown[] = {
	FIELD_VLAN_ID, FIELD_VLAN2_ID, FIELD_ARP_OP, FIELD_ARP_SPA, FIELD_ARP_TPA, FIELD_IP4_SRC, FIELD_IP4_DST, FIELD_IP6_SRC, FIELD_IP6_DST,
	FIELD_IP4_TTL, FIELD_IP6_HOPLIMIT, FIELD_IP4_FRAGOFF, FIELD_L4_SPORT, FIELD_L4_DPORT, FIELD_TCP_SYN, FIELD_TCP_ACK, FIELD_TCP_FIN,
	FIELD_TCP_RST, FIELD_TCP_PSH, FIELD_ICMP_TYPE, FIELD_ICMP_CODE, FIELD_ICMP6_TYPE, FIELD_ICMP6_CODE,
};

static void put(FILE *out, const struct eval_view *w, enum field_id f, bool inner, const char **comma)
{
	const struct field_info *info = &lang_fields[f];
	struct ast_operand o = { .kind = OPERAND_FIELD, .field = f, .inner = inner, .value_kind = lang_types[info->type].kind, .bits = info->bits };
	struct eval_value v;
	const struct value *p = &v.v;
	const enum family *family = &v.family;
	const char *name = info->name;

	if (!eval_operand(w, &o, &v))
		return;
	if ((o.value_kind == KIND_FLAG || f == FIELD_IP4_FRAGOFF) && !v.v.lo)
		return;
	/* ports are their header's */
	for (int h = 0; h < HDR_COUNT && !strncmp(name, "l4.", 3); h++)
		if (lang_headers[h].layer == LAYER_L4 && dissect_has(inner ? &w->inner : &w->d, (enum header_id)h)) {
			fprintf(out, "%s%s%s%s = ", *comma, inner ? "inner." : "", lang_headers[h].name, name + 2);
			cli_put_field(out, &o, &p, &family);
			*comma = ", ";
			return;
		}
	fprintf(out, "%s%s%s", *comma, inner ? "inner." : "", name);
	*comma = ", ";
	if (o.value_kind == KIND_FLAG)
		return;
	fputs(" = ", out);
	cli_put_field(out, &o, &p, &family);
}

const char *explain_fields(struct explain *x, const struct eval_packet *pkt)
{
	struct eval_view w = { .pkt = pkt };
	const char *comma = "";
	FILE *out = x->out;
	long n;

	dissect_frame(&w.d, pkt->data, pkt->len);
	dissect_inner(&w.inner, &w.d, pkt->data);
	fseek(out, 0, SEEK_SET);
	for (int inner = 0; inner < 2; inner++)
		for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
			put(out, &w, shown[i], inner, &comma);
	if (!dissect_has(&w.d, HDR_IP) && !dissect_has(&w.d, HDR_ARP)) {
		put(out, &w, FIELD_ETH_SRC, false, &comma);
		put(out, &w, FIELD_ETH_DST, false, &comma);
		put(out, &w, FIELD_ETH_TYPE, false, &comma);
	} else if (dissect_has(&w.d, HDR_IP) && !dissect_has(&w.d, HDR_L4)) {
		put(out, &w, FIELD_IP_PROTO, false, &comma);
	}
	put(out, &w, FIELD_PKT_LEN, false, &comma);
	if (pkt->iface)
		fprintf(out, ", iface = %s", pkt->iface);
	if (w.d.malformed || w.inner.malformed)
		fputs(w.d.malformed ? "; malformed" : "; malformed inside the tunnel", out);
	else if (w.d.fragment)
		fputs(w.d.first_fragment ? "; the first fragment" : "; a later fragment", out);
	n = ftell(out);
	fflush(out);
	return arena_strndup(x->a, x->text, n > 0 ? (size_t)n : 0);
}
