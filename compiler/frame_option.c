/*
 * TCP's options in frames. In: which of them are asked for. Out: their places behind TCP's fixed part, one behind the other in the order of the
 * table, their kinds and lengths; what is left to a multiple of four bytes is zero, which ends the list.
 */
#include "frame_priv.h"

size_t frame_options_size(const struct frame_make *m)
{
	size_t n = 0;

	for (size_t i = 0; i < lang_n_options; i++)
		if (frame_needs(m, lang_options[i].header))
			n += lang_options[i].len;
	return (n + 3) / 4 * 4;
}

bool frame_options_fit(struct frame_make *m)
{
	uint64_t words = frame_named(m, FIELD_TCP_DOFF, 5 + frame_options_size(m) / 4);

	if (words >= 5 + frame_options_size(m) / 4)
		return true;
	for (size_t i = 0; i < lang_n_options; i++)
		if (frame_needs(m, lang_options[i].header))
			return frame_fail(m, m->who[lang_options[i].header], frame_find(m, FIELD_TCP_DOFF),
					  "so long a header has no room for the packet's TCP options",
					  "leave tcp.doff out: it follows from the options");
	return true;
}

void frame_options_place(struct frame_make *m)
{
	size_t at = m->at[HDR_TCP] + 20;

	for (size_t i = 0; i < lang_n_options; i++)
		if (frame_needs(m, lang_options[i].header)) {
			m->at[lang_options[i].header] = at;
			at += lang_options[i].len;
		}
}

void frame_options_fill(struct frame_make *m)
{
	for (size_t i = 0; i < lang_n_options; i++) {
		const struct tcpopt_info *o = &lang_options[i];

		if (m->at[o->header] == NOWHERE)
			continue;
		m->data[m->at[o->header]] = (uint8_t)o->kind;
		m->data[m->at[o->header] + 1] = (uint8_t)o->len;
	}
	frame_default(m, FIELD_TCPOPT_MSS, 1460);
	frame_default(m, FIELD_TCPOPT_WSCALE, 7);
}
