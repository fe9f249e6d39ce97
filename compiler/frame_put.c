/*
 * What was named of a frame. In: its headers' places, fields with values. Out: those values in its bytes, and marked as given;
 * the types that their headers need. Refused: what has no place, does not fit, or stands in another type of message.
 */
#include "frame_priv.h"

uint64_t frame_bytes(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

/* @n bytes at @at: the bits of @mask become those of @v, unless they were named. */
static void put_bits(struct frame_make *m, size_t at, unsigned n, struct value v, struct value mask, bool given)
{
	for (unsigned i = n; i-- > 0;) {
		uint8_t bits = (uint8_t)mask.lo;

		if (!given)
			bits &= (uint8_t)~m->given[at + i];
		m->data[at + i] = (uint8_t)((m->data[at + i] & ~bits) | ((uint8_t)v.lo & bits));
		if (given)
			m->given[at + i] |= bits;
		v.lo = v.lo >> 8 | v.hi << 56;
		v.hi >>= 8;
		mask.lo = mask.lo >> 8 | mask.hi << 56;
		mask.hi >>= 8;
	}
}

static struct value shift_left(struct value v, unsigned n)
{
	/* Fields of more than 64 bits are not shifted, others by less than 8. */
	return n ? (struct value){ v.hi << n | v.lo >> (64 - n), v.lo << n } : v;
}

void frame_put(struct frame_make *m, enum field_id f, struct value v, bool given)
{
	const struct field_info *info = &lang_fields[f];

	if (m->at[info->header] != NOWHERE)
		put_bits(m, m->at[info->header] + info->off, info->len, shift_left(v, info->shift),
			 shift_left(value_ones(info->bits), info->shift), given);
}

void frame_default(struct frame_make *m, enum field_id f, uint64_t v)
{
	frame_put(m, f, value_of(v), false);
}

bool frame_given(const struct frame_make *m, enum field_id f)
{
	const struct field_info *info = &lang_fields[f];

	for (unsigned i = 0; i < info->len; i++)
		if (m->given[m->at[info->header] + info->off + i])
			return true;
	return false;
}

/* The wire field that an alias, or another field, is in this packet. */
static enum field_id wire_of(const struct frame_make *m, enum field_id f)
{
	const struct field_info *info = &lang_fields[f];

	if (info->form == FORM_WIRE)
		return f;
	if (f == FIELD_DCCP_SEQ)
		return frame_named(m, FIELD_DCCP_X, frame_needs(m, HDR_DCCPXSEQ)) ? FIELD_DCCP_SEQ48 : FIELD_DCCP_SEQ24;
	for (unsigned i = 0; info->form == FORM_ALIAS && i < info->n; i++)
		if (m->at[lang_fields[info->alt[i]].header] != NOWHERE)
			return info->alt[i];
	return FIELD_NONE;
}

static bool put_named(struct frame_make *m)
{
	for (size_t i = 0; i < m->spec->n_fields; i++) {
		const struct frame_field *f = &m->spec->field[i];
		enum field_id wire = wire_of(m, f->field);

		if (lang_fields[f->field].form == FORM_META)
			continue;
		if (wire == FIELD_NONE || m->at[lang_fields[wire].header] == NOWHERE ||
		    m->at[lang_fields[wire].header] + lang_fields[wire].off + lang_fields[wire].len > m->end)
			return frame_fail(m, (int)i, FRAME_NOBODY, "this field has no place in the packet",
					  "give the frame's bytes: `packet { hex = \"…\" }`");
		if (value_cmp(value_and(f->v, value_ones(lang_fields[wire].bits)), f->v))
			return frame_fail(m, (int)i, FRAME_NOBODY,
					  arena_printf(m->a, "%s has %u bits", lang_fields[wire].name, lang_fields[wire].bits),
				    "write a smaller number");
		frame_put(m, wire, f->v, true);
	}
	return true;
}

/* The guard's value that agrees with what was named of it; -1: none does. */
static int guard_value(const struct part_info *p, uint64_t named, uint64_t given)
{
	/* Of ICMP's queries the one that everybody knows. */
	enum { ECHO_REQUEST = 8 };

	for (unsigned i = 0; p->id == HDR_ICMPECHO && !given && i < p->n; i++)
		if (p->value[i] == ECHO_REQUEST)
			return (int)i;
	for (unsigned i = 0; i < p->n; i++)
		if ((p->value[i] & given) == (named & given))
			return (int)i;
	return -1;
}

/* A part is there where its guard holds: it does, unless something else was named. */
static bool put_guards(struct frame_make *m)
{
	for (size_t i = 0; i < lang_n_parts; i++) {
		const struct part_info *p = &lang_parts[i];
		size_t at;
		int v;

		if (!frame_needs(m, p->id) || m->at[p->parent] == NOWHERE)
			continue;
		at = m->at[p->parent] + p->guard_off;
		v = guard_value(p, frame_bytes(m->data + at, p->guard_len),
				frame_bytes(m->given + at, p->guard_len) & p->guard_mask);
		if (v < 0)
			return frame_fail(m, m->who[p->id], FRAME_NOBODY,
				    arena_printf(m->a, "with what else is named, %s has no such field here", frame_name(p->parent)),
				    "it stands in other types of message; leave out one of the two");
		put_bits(m, at, p->guard_len, value_of(p->value[v]), value_of(p->guard_mask), true);
	}
	return true;
}

bool frame_put_named(struct frame_make *m)
{
	return put_named(m) && put_guards(m);
}
