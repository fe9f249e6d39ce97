/*
 * Where a frame's headers are. In: which there are, and the lengths that were named. Out: offsets and sizes of all of them, and
 * room for their bytes.
 */
#include "frame_priv.h"

#include <string.h>

static size_t at_least(size_t n, size_t least)
{
	return n < least ? least : n;
}

uint64_t frame_gre_flags(const struct frame_make *m)
{
	uint64_t implied = (frame_needs(m, HDR_GRECSUM) ? 0x8000u : 0) | (frame_needs(m, HDR_GREKEY) ? 0x2000u : 0) |
			   (frame_needs(m, HDR_GRESEQ) ? 0x1000u : 0);

	return frame_named(m, FIELD_GRE_FLAGS, implied | frame_named(m, FIELD_GRE_VERSION, 0));
}

static size_t size_of(const struct frame_make *m, enum header_id h)
{
	bool x = frame_named(m, FIELD_DCCP_X, frame_needs(m, HDR_DCCPXSEQ));
	uint64_t gre;

	if (h == HDR_ARP)
		return 8 + 2 * (size_t)(frame_named(m, FIELD_ARP_HLEN, 6) + frame_named(m, FIELD_ARP_PLEN, 4));
	if (h == HDR_IP4)
		return 4 * at_least(frame_named(m, FIELD_IP4_IHL, 5), 5);
	if (h == HDR_HBH)
		return 8 + 8 * (size_t)frame_named(m, FIELD_HBH_LEN, 0);
	if (h == HDR_RT)
		return 8 + 8 * (size_t)frame_named(m, FIELD_RT_LEN, 0);
	if (h == HDR_DSTOPTS)
		return 8 + 8 * (size_t)frame_named(m, FIELD_DSTOPTS_LEN, 0);
	if (h == HDR_MH)
		return 8 + 8 * (size_t)frame_named(m, FIELD_MH_LEN, 0);
	if (h == HDR_AH)
		return at_least(8 + 4 * (size_t)frame_named(m, FIELD_AH_LEN, 1), 12);
	if (h == HDR_TCP)
		return 4 * at_least(frame_named(m, FIELD_TCP_DOFF, 5 + frame_options_size(m) / 4), 5);
	if (h == HDR_DCCP)
		return 4 * at_least(frame_named(m, FIELD_DCCP_DOFF, 0), x ? 4 : 3);
	if (h == HDR_GRE) {
		gre = frame_gre_flags(m);
		return 4 + 4 * (size_t)(!!(gre & 0xc000) + !!(gre & 0x2000) + !!(gre & 0x1000) + ((gre & 7) == 1 && gre & 0x80));
	}
	return lang_headers[h].len;
}

static void place(struct frame_make *m, enum header_id h)
{
	m->at[h] = m->end;
	m->size[h] = size_of(m, h);
	m->end += m->size[h];
}

static void place_gre(struct frame_make *m)
{
	uint64_t flags = frame_gre_flags(m);
	size_t at = m->at[HDR_GRE] + 4;

	if (flags & 0x8000)
		m->at[HDR_GRECSUM] = at;
	at += flags & 0xc000 ? 4 : 0;
	if (flags & 0x2000)
		m->at[HDR_GREKEY] = at;
	at += flags & 0x2000 ? 4 : 0;
	if (flags & 0x1000)
		m->at[HDR_GRESEQ] = at;
}

void frame_place(struct frame_make *m)
{
	static const enum header_id ext[] = { HDR_HBH, HDR_RT, HDR_FRAG, HDR_AH, HDR_DSTOPTS, HDR_MH };

	for (int h = 0; h < HDR_COUNT; h++)
		m->at[h] = NOWHERE;
	place(m, HDR_ETH);
	if (frame_needs(m, HDR_VLAN))
		place(m, HDR_VLAN);
	if (frame_needs(m, HDR_VLAN2))
		place(m, HDR_VLAN2);
	m->at[HDR_ETYPE] = m->end - 2;
	if (m->l3 != HDR_NONE)
		place(m, m->l3);
	for (size_t i = 0; i < sizeof(ext) / sizeof(ext[0]); i++)
		if (frame_needs(m, ext[i]))
			m->chain[m->n_chain++] = ext[i];
	if (m->l4 != HDR_NONE)
		m->chain[m->n_chain++] = m->l4;
	for (unsigned i = 0; i < m->n_chain; i++)
		place(m, m->chain[i]);
	if (m->l3 == HDR_IP4 || m->l3 == HDR_IP6)
		m->at[HDR_IP] = m->at[m->l3];
	if (m->l4 != HDR_NONE && frame_member(HDR_L4, m->l4))
		m->at[HDR_L4] = m->at[m->l4];
	if (m->l4 == HDR_GRE)
		place_gre(m);
	if (m->l4 == HDR_TCP)
		frame_options_place(m);
	for (size_t i = 0; i < lang_n_parts; i++)
		if (m->at[lang_parts[i].parent] != NOWHERE)
			m->at[lang_parts[i].id] = m->at[lang_parts[i].parent] + lang_parts[i].off;
}

bool frame_place_payload(struct frame_make *m)
{
	size_t room = m->n_payload, least = 0, full;
	int i = frame_find(m, FIELD_PAYLOAD_LEN), len = frame_find(m, FIELD_PKT_LEN);
	size_t want = i < 0 ? 0 : m->spec->field[i].v.lo;

	/* A part may stand where the payload begins. */
	for (size_t k = 0; k < lang_n_parts; k++) {
		const struct part_info *p = &lang_parts[k];
		size_t part_end = p->off + lang_headers[p->id].len;

		if (frame_needs(m, p->id) && m->at[p->parent] != NOWHERE && part_end > m->size[p->parent])
			least = at_least(least, part_end - m->size[p->parent]);
	}
	room = at_least(room, least);
	if (i >= 0 && want < room)
		return frame_fail(m, i, m->spec->payload ? FRAME_PAYLOAD : FRAME_NOBODY,
			    arena_printf(m->a, "the payload has %zu bytes", room), "leave payload.len out, or make it larger");
	if (i >= 0)
		room = want;
	full = m->end + room;
	if (len >= 0 && m->spec->field[len].v.lo < FRAME_LEAST)
		return frame_fail(m, len, FRAME_NOBODY, "a frame has at least 14 bytes, an Ethernet header", "make it longer");
	if (len >= 0 && m->spec->field[len].v.lo > full && i < 0)
		full = m->spec->field[len].v.lo;
	if (full > FRAME_MOST || room > FRAME_MOST)
		return frame_fail(m, len >= 0 && m->spec->field[len].v.lo > FRAME_MOST ? len :
				     i >= 0 ? i : m->spec->payload ? FRAME_PAYLOAD : FRAME_NOBODY, FRAME_NOBODY,
				  arena_printf(m->a, "the frame has more than %d bytes", FRAME_MOST), "make it shorter");
	m->data = arena_array(m->a, at_least(full, len >= 0 ? m->spec->field[len].v.lo : 0), 1);
	m->given = arena_array(m->a, full, 1);
	if (m->payload) {
		memcpy(m->data + m->end, m->payload, m->n_payload);
		memset(m->given + m->end, 0xff, m->n_payload);
	}
	m->end = full;
	return true;
}
