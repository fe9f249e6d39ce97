/*
 * Frames from fields. In: fields with values, headers, a payload. Out: the bytes of one frame, with all headers that the fields
 * imply, in the order of the standards; or why there is no such frame. Guaranteed: what is named stands as named, also where it
 * is wrong; what is not named is such that the frame is sound: types, lengths, checksums. A header is as long as its own length
 * field says, where that is named.
 */
#include "frame_priv.h"

#include <string.h>

bool frame_fail(struct frame_make *m, int at, int other, const char *text, const char *remedy)
{
	*m->fault = (struct frame_fault){ at, other, text, remedy, m->inside };
	return false;
}

const char *frame_name(enum header_id h)
{
	return lang_headers[h].name ? lang_headers[h].name : "this";
}

int frame_find(const struct frame_make *m, enum field_id f)
{
	for (size_t i = 0; i < m->spec->n_fields; i++)
		if (m->spec->field[i].field == f)
			return (int)i;
	return -1;
}

uint64_t frame_named(const struct frame_make *m, enum field_id f, uint64_t otherwise)
{
	int i = frame_find(m, f);

	return i < 0 ? otherwise : m->spec->field[i].v.lo;
}

/* ---- which headers ---- */

bool frame_member(enum header_id group, enum header_id h)
{
	for (size_t i = 0; i < lang_n_members; i++)
		if (lang_members[i].group == group && lang_members[i].member == h)
			return true;
	return false;
}

static void require(struct frame_make *m, enum header_id h, int who)
{
	const struct part_info *part;

	if (h == HDR_NONE)
		return;
	if (m->who[h] < 0)
		m->who[h] = who;
	part = lang_part(h);
	if (part)
		require(m, part->parent, who);
	if (h == HDR_GRECSUM || h == HDR_GREKEY || h == HDR_GRESEQ)
		require(m, HDR_GRE, who);
	if (h == HDR_VLAN2)
		require(m, HDR_VLAN, who);
	for (size_t i = 0; i < lang_n_options; i++)
		if (lang_options[i].header == h)
			require(m, HDR_TCP, who);
}

/* A number that says what follows asks for that. */
static void require_next(struct frame_make *m, enum field_id f, uint64_t v, int who)
{
	const char *name = lang_fields[f].name, *dot = strrchr(name, '.');

	if (f == FIELD_IP_PROTO || f == FIELD_IP4_PROTO || (dot && strcmp(dot, ".nexthdr") == 0))
		require(m, lang_next(NEXT_IPPROTO, (uint32_t)v), who);
	if (f == FIELD_ETH_TYPE || f == FIELD_ETH_OUTERTYPE || f == FIELD_VLAN_TYPE || f == FIELD_VLAN2_TYPE)
		require(m, lang_next(NEXT_ETHERTYPE, (uint32_t)v), who);
}

static void require_field(struct frame_make *m, int i)
{
	const struct frame_field *f = &m->spec->field[i];
	const struct field_info *info = &lang_fields[f->field];

	if (info->form == FORM_ALIAS) {
		if (f->field == FIELD_DCCP_SEQ)
			require(m, HDR_DCCP, i);
		else if (f->field == FIELD_L4_CHECKSUM)
			require(m, HDR_L4, i);
		else if (lang_types[info->type].kind != KIND_IP)
			require(m, HDR_IP, i);
		else
			require(m, f->family == FAMILY_IP4 ? HDR_IP4 : HDR_IP6, i);
	} else {
		require(m, info->header, i);
	}
	require_next(m, f->field, f->v.lo, i);
}

/* The one of the headers of a layer that is asked for. */
static bool pick(struct frame_make *m, enum layer layer, enum header_id *out)
{
	*out = HDR_NONE;
	for (int h = 0; h < HDR_COUNT; h++) {
		int first, later;

		if (lang_headers[h].layer != layer || !frame_needs(m, (enum header_id)h))
			continue;
		if (*out == HDR_NONE) {
			*out = (enum header_id)h;
			continue;
		}
		first = m->who[*out] < m->who[h] ? m->who[*out] : m->who[h];
		later = m->who[*out] < m->who[h] ? m->who[h] : m->who[*out];
		return frame_fail(m, later, first,
			    arena_printf(m->a, "no packet has both %s and %s", frame_name(*out), frame_name((enum header_id)h)),
			    "name the fields of one of them; other packets have a `packet { … }` of their own");
	}
	return true;
}

static bool choose(struct frame_make *m)
{
	static const enum header_id only6[] = { HDR_HBH, HDR_RT, HDR_FRAG, HDR_DSTOPTS, HDR_MH };
	int l4_who, six = -1, any;

	if (!pick(m, LAYER_L3, &m->l3) || !pick(m, LAYER_L4, &m->l4))
		return false;
	l4_who = m->l4 == HDR_NONE ? -1 : m->who[m->l4];
	for (size_t i = 0; i < sizeof(only6) / sizeof(only6[0]) && six < 0; i++)
		six = m->who[only6[i]];
	if (m->l3 == HDR_IP4 && six >= 0)
		return frame_fail(m, six, m->who[HDR_IP4], "this header belongs to IPv6, and the packet is IPv4",
				  "leave out one of them");
	any = l4_who >= 0 ? l4_who : six >= 0 ? six : m->who[HDR_AH] >= 0 ? m->who[HDR_AH] :
	      m->who[HDR_IP] >= 0 ? m->who[HDR_IP] : m->who[HDR_L4];
	if (m->l3 == HDR_ARP && any >= 0)
		return frame_fail(m, any, m->who[HDR_ARP], "an ARP packet has no IP header and nothing behind it",
				  "leave out one of them");
	if (m->l3 == HDR_NONE && (any >= 0 || m->needs_ip || m->spec->inner))
		m->l3 = six >= 0 || m->l4 == HDR_ICMP6 ? HDR_IP6 : HDR_IP4;
	if (frame_needs(m, HDR_L4) && m->l4 == HDR_NONE)
		return frame_fail(m, m->who[HDR_L4], FRAME_NOBODY,
				  "this field belongs to several protocols, and the packet has none of them",
			    "name the protocol's own field, such as tcp.dport, or the protocol: `packet { udp, … }`");
	if (frame_needs(m, HDR_L4) && !frame_member(HDR_L4, m->l4))
		return frame_fail(m, m->who[HDR_L4], l4_who, arena_printf(m->a, "%s has no ports", frame_name(m->l4)),
				  "leave out one of them");
	return true;
}

static bool needs_l4(struct frame_make *m)
{
	int who = frame_find(m, FIELD_PAYLOAD_LEN);

	if (who < 0 && m->spec->payload)
		who = FRAME_PAYLOAD;
	if (who == FRAME_NOBODY || m->l4 != HDR_NONE)
		return true;
	return frame_fail(m, who, FRAME_NOBODY, "a payload is what follows the transport header, and the packet has none",
		    "name the protocol: `packet { udp, payload = \"…\" }`");
}

static bool gre_fits(struct frame_make *m)
{
	static const struct {
		enum header_id h;
		uint64_t bit;
	} parts[] = { { HDR_GRECSUM, 0x8000 }, { HDR_GREKEY, 0x2000 }, { HDR_GRESEQ, 0x1000 } };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (frame_needs(m, parts[i].h) && !(frame_gre_flags(m) & parts[i].bit))
			return frame_fail(m, m->who[parts[i].h], frame_find(m, FIELD_GRE_FLAGS),
					  "these flags of GRE say that the field is not there",
				    "leave gre.flags out: it follows from the fields");
	return true;
}

bool frame_build(struct frame_make *m)
{
	const struct frame_spec *spec = m->spec;

	for (int h = 0; h < HDR_COUNT; h++)
		m->who[h] = -1;
	for (size_t i = 0; i < spec->n_fields; i++)
		require_field(m, (int)i);
	for (size_t i = 0; i < spec->n_headers; i++)
		require(m, spec->header[i], (int)(spec->n_fields + i));
	m->payload = spec->payload;
	m->n_payload = spec->n_payload;
	if (!choose(m) || (spec->inner && !frame_tunnel(m)) || !needs_l4(m) || !gre_fits(m) || !frame_options_fit(m))
		return false;
	frame_place(m);
	if (!frame_place_payload(m) || !frame_put_named(m))
		return false;
	frame_fill(m);
	return true;
}

uint8_t *frame_make(struct arena *a, const struct frame_spec *spec, size_t *len, struct frame_fault *fault)
{
	struct frame_make m = { .a = a, .spec = spec, .fault = fault };
	int cut;

	if (!frame_build(&m))
		return NULL;
	cut = frame_find(&m, FIELD_PKT_LEN);
	*len = cut >= 0 ? spec->field[cut].v.lo : m.end;
	return m.data;
}
