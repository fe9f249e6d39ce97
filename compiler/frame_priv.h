/*
 * Inside of the making of frames: what frame.c (which headers), frame_tunnel.c (what is inside), frame_place.c (where they
 * are), frame_put.c (what was named), frame_option.c and frame_fill.c (what was not) share.
 */
#ifndef XDPF_FRAME_PRIV_H
#define XDPF_FRAME_PRIV_H

#include "frame.h"

#define NOWHERE SIZE_MAX

struct frame_make {
	struct arena *a;
	const struct frame_spec *spec;
	struct frame_fault *fault;
	int who[HDR_COUNT];		/* what asks for the header first; -1: nobody */
	enum header_id l3, l4;		/* HDR_NONE: none */
	enum header_id chain[8];	/* behind IP, l4 the last */
	unsigned n_chain;
	size_t at[HDR_COUNT];		/* NOWHERE: not in the frame */
	size_t size[HDR_COUNT];
	size_t end;			/* of the frame, before it is cut off */
	uint8_t *data, *given;		/* .given: bits that are as they were named */
	const uint8_t *payload;		/* as it was named, or a tunnel's header with what is inside; NULL: neither */
	size_t n_payload;
	uint64_t carries;		/* of a tunnel without a header of its own: the number in IP's or GRE's header; 0: no tunnel */
	bool inside;			/* this packet is inside a tunnel, */
	bool needs_ip;			/* which carries nothing but IP */
};

bool frame_fail(struct frame_make *m, int at, int other, const char *text, const char *remedy);
const char *frame_name(enum header_id h);
/* The field's place in the spec, or -1. */
int frame_find(const struct frame_make *m, enum field_id f);
/* What is named, or @otherwise. */
uint64_t frame_named(const struct frame_make *m, enum field_id f, uint64_t otherwise);
bool frame_member(enum header_id group, enum header_id h);

static inline bool frame_needs(const struct frame_make *m, enum header_id h)
{
	return m->who[h] >= 0;
}

/* Everything: .data up to .end. */
bool frame_build(struct frame_make *m);

/* ---- frame_tunnel.c ---- */

/* What .spec->inner asks for, as .payload. */
bool frame_tunnel(struct frame_make *m);

/* ---- frame_option.c ---- */

/* Bytes of the TCP options that are asked for, a multiple of four. */
size_t frame_options_size(const struct frame_make *m);
bool frame_options_fit(struct frame_make *m);
void frame_options_place(struct frame_make *m);
void frame_options_fill(struct frame_make *m);

/* ---- frame_place.c ---- */

/* GRE's first two bytes, as far as they say what is there. */
uint64_t frame_gre_flags(const struct frame_make *m);
void frame_place(struct frame_make *m);
/* The payload, and what pkt.len and payload.len make of it; the bytes are there then, and zero. */
bool frame_place_payload(struct frame_make *m);

/* ---- frame_put.c ---- */

/* Bits that were named stay, unless @given: then these are. */
void frame_put(struct frame_make *m, enum field_id f, struct value v, bool given);
/* The value where nothing else is named. */
void frame_default(struct frame_make *m, enum field_id f, uint64_t v);
bool frame_given(const struct frame_make *m, enum field_id f);
uint64_t frame_bytes(const uint8_t *p, unsigned n);
/* All that was named, and what it stands on. */
bool frame_put_named(struct frame_make *m);

/* ---- frame_fill.c ---- */

/* All that was not named. */
void frame_fill(struct frame_make *m);

#endif
