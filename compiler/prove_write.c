/*
 * Wants become bytes. In: a want and a frame. Out: the frame with that value, where it has the field's header; lengths of IP move the frame's end
 * with them. And before that: the shape of frame that has the headers that are wanted.
 */
#include <string.h>

#include "dissect.h"
#include "prove_want.h"

/* ---- shapes ---- */

static void fit_header(struct prove *pr, enum header_id h, struct prove_shape *s)
{
	for (size_t i = 0; i < lang_n_members; i++)
		if (lang_members[i].group == h && (h != HDR_L4 || lang_members[i].member == HDR_TCP || prove_random(pr, 2))) {
			if (h == HDR_L4)
				h = lang_members[i].member;
			break;
		}
	if (h == HDR_IP4 || h == HDR_IP6 || (h == HDR_IP && s->family == FAMILY_NUM))
		s->family = h == HDR_IP6 ? FAMILY_IP6 : FAMILY_IP4;
	if (h == HDR_ARP) {
		s->family = FAMILY_NUM;
		s->type = 0x0806;
	}
	if (h == HDR_VLAN || h == HDR_VLAN2)
		s->tags = h == HDR_VLAN2 ? 2 : s->tags ? s->tags : 1;
	if (h == HDR_FRAG)
		s->fragment = s->fragment ? s->fragment : 1;
	if (h == HDR_HBH || h == HDR_RT || h == HDR_DSTOPTS || h == HDR_MH || h == HDR_AH || h == HDR_FRAG) {
		s->family = FAMILY_IP6;
		s->exts |= h == HDR_HBH ? PROVE_HBH : h == HDR_RT ? PROVE_RT : h == HDR_DSTOPTS ? PROVE_DSTOPTS : h == HDR_MH ? PROVE_MH :
			   h == HDR_AH ? PROVE_AH : 0;
	}
	for (size_t i = 0; i < lang_n_nexts; i++)
		if (lang_nexts[i].by == NEXT_IPPROTO && lang_nexts[i].header == h && h != HDR_NONE && lang_headers[h].layer == LAYER_L4) {
			s->proto = (uint8_t)lang_nexts[i].number;
			if (s->family == FAMILY_NUM)
				s->family = prove_random(pr, 2) ? FAMILY_IP4 : FAMILY_IP6;
			if (s->fragment == 2)
				s->fragment = 0;
		}
}

static enum header_id header_of(enum field_id f)
{
	const struct part_info *part;
	enum header_id h = lang_fields[f].form == FORM_ALIAS ? HDR_NONE : lang_fields[f].header;

	part = h == HDR_NONE ? NULL : lang_part(h);
	return part ? part->parent : h;
}

static void fit_value(struct prove *pr, const struct prove_want *w, struct prove_shape *s)
{
	enum field_id f = w->op->field;

	if (w->family != FAMILY_NUM)
		s->family = w->family;
	if (f == FIELD_IP4_PROTO || f == FIELD_IP6_NEXTHDR || f == FIELD_IP_PROTO) {
		s->proto = (uint8_t)w->v.lo;
		if (f == FIELD_IP6_NEXTHDR)
			s->exts = s->fragment = 0;
		if (s->family == FAMILY_NUM)
			s->family = FAMILY_IP4;
	}
	if (f == FIELD_ETH_OUTERTYPE && lang_next(NEXT_ETHERTYPE, (uint32_t)w->v.lo) == HDR_VLAN)
		s->tags = s->tags ? s->tags : 1;
	else if (f == FIELD_ETH_TYPE || f == FIELD_ETH_OUTERTYPE) {
		s->family = w->v.lo == 0x0800 ? FAMILY_IP4 : w->v.lo == 0x86dd ? FAMILY_IP6 : FAMILY_NUM;
		s->type = (uint16_t)w->v.lo;
		if (f == FIELD_ETH_OUTERTYPE)
			s->tags = 0;
	}
	fit_header(pr, header_of(f), s);
}

void prove_fit(struct prove *pr, const struct prove_wants *wants, struct prove_shape *s)
{
	/* The first wants are the rule's own, and win. */
	for (size_t i = wants->list.n; i-- > 0;) {
		const struct prove_want *w = &wants->list.v[i];

		if (!w->yes)
			continue;
		if (w->header != HDR_NONE)
			fit_header(pr, w->header, s);
		else if (w->flag == FIELD_IP_FRAGMENT || w->flag == FIELD_IP_FRAG_FIRST)
			s->fragment = w->flag == FIELD_IP_FRAG_FIRST ? 1 : 1 + (unsigned)prove_random(pr, 2);
		else if (w->flag != FIELD_NONE)
			fit_header(pr, header_of(w->flag), s);
		else if (w->op && w->op->kind == OPERAND_FIELD && !w->iface)
			fit_value(pr, w, s);
		else if (w->op && w->op->kind == OPERAND_PACKET && s->payload < 100)
			s->payload = 100;
	}
	if (s->proto == 1 && s->family == FAMILY_IP6 && prove_random(pr, 4))
		s->proto = 58;
}

/* ---- bytes ---- */

static void write_bits(uint8_t *p, unsigned len, unsigned shift, unsigned bits, struct value v, struct value mask)
{
	struct value ones = value_and(value_ones(bits), mask);

	for (unsigned i = 0; i < bits; i++) {
		unsigned at = i + shift, byte = len - 1 - at / 8;
		uint64_t m = i < 64 ? ones.lo >> i : ones.hi >> (i - 64), b = i < 64 ? v.lo >> i : v.hi >> (i - 64);

		if (m & 1)
			p[byte] = (uint8_t)((p[byte] & ~(1u << at % 8)) | (unsigned)(b & 1) << at % 8);
	}
}

static void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* The frame ends @end bytes behind its first; lengths behind IP follow. */
static void resize(const struct dissect *d, struct prove_packet *p, size_t end)
{
	if (end > p->room || end < 14)
		return;
	if (end > p->len)
		memset(p->data + p->len, 0, end - p->len);
	p->len = end;
	if (dissect_has(d, HDR_IP4) && end > d->offset[HDR_IP4] + 20)
		put16(p->data + d->offset[HDR_IP4] + 2, end - d->offset[HDR_IP4]);
	if (dissect_has(d, HDR_IP6) && end >= d->offset[HDR_IP6] + 40)
		put16(p->data + d->offset[HDR_IP6] + 4, end - d->offset[HDR_IP6] - 40);
	if (dissect_has(d, HDR_UDP) && end >= d->offset[HDR_UDP] + 8)
		put16(p->data + d->offset[HDR_UDP] + 4, end - d->offset[HDR_UDP]);
}

static void write_field(struct prove *pr, enum field_id f, const struct prove_want *w, struct prove_packet *p)
{
	const struct field_info *info = &lang_fields[f];
	struct dissect d;

	dissect_frame(&d, p->data, p->len);
	for (unsigned i = 0; info->form == FORM_ALIAS && i < info->n; i++)
		if (dissect_has(&d, lang_fields[info->alt[i]].header)) {
			write_field(pr, info->alt[i], w, p);
			return;
		}
	if (f == FIELD_PKT_LEN)
		resize(&d, p, w->v.lo);
	else if (f == FIELD_IP4_LEN && dissect_has(&d, HDR_IP4))
		resize(&d, p, d.offset[HDR_IP4] + w->v.lo);
	else if (f == FIELD_IP6_LEN && dissect_has(&d, HDR_IP6))
		resize(&d, p, d.offset[HDR_IP6] + 40 + w->v.lo);
	else if (f == FIELD_UDP_LEN && dissect_has(&d, HDR_UDP))
		resize(&d, p, d.offset[HDR_UDP] + w->v.lo);
	else if (info->form == FORM_WIRE && info->header < HDR_COUNT && dissect_has(&d, info->header) &&
		 d.offset[info->header] + info->off + info->len <= p->len)
		write_bits(p->data + d.offset[info->header] + info->off, info->len, info->shift, info->bits, w->v, w->mask);
}

static void write_slice(const struct prove_want *w, struct prove_packet *p)
{
	size_t off = w->op->off, len = w->op->len;
	struct dissect d;

	if (w->op->kind == OPERAND_PAYLOAD) {
		dissect_frame(&d, p->data, p->len);
		if (!d.has_payload || off > d.payload_end - d.payload)
			return;
		off += d.payload;
	}
	if (off > p->len || len > p->len - off)
		return;
	if (w->bytes)
		memcpy(p->data + off, w->bytes, len);
	else
		write_bits(p->data + off, (unsigned)len, 0, (unsigned)len * 8, w->v, w->mask);
	if (!w->yes)
		p->data[off + len - 1] ^= 1;
}

void prove_write(struct prove *pr, const struct prove_want *w, struct prove_packet *p)
{
	struct prove_want flag = *w;

	if (w->iface) {
		/* Nothing comes in on others. */
		for (size_t i = 0; i < pr->n_ifaces; i++)
			if (strcmp(pr->iface[i], w->iface) == 0)
				p->iface = pr->iface[i];
	} else if (w->flag != FIELD_NONE && w->flag != FIELD_MALFORMED) {
		flag.v = value_of(w->yes);
		write_field(pr, w->flag, &flag, p);
	} else if (w->op && w->op->kind == OPERAND_FIELD)
		write_field(pr, w->op->field, w, p);
	else if (w->op)
		write_slice(w, p);
}
