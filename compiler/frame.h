/*
 * Frames from fields: what a test's packet is in bytes. The layout follows from which fields are named; all that is not named
 * gets a sensible value, lengths and checksums among it. A frame may carry another packet in a tunnel.
 */
#ifndef XDPF_FRAME_H
#define XDPF_FRAME_H

#include "arena.h"
#include "lang.h"

enum { FRAME_LEAST = 14, FRAME_MOST = 9216, FRAME_FIELDS = 256 };

/* A field and its value; of aliases, IP.PROTO, PKT.LEN and PAYLOAD.LEN too. */
struct frame_field {
	enum field_id field;
	enum family family;		/* of .v */
	struct value v;
};

struct frame_spec {
	const struct frame_field *field;	/* each once; at most FRAME_FIELDS */
	size_t n_fields;
	const enum header_id *header;		/* headers that are named without a field */
	size_t n_headers;
	const uint8_t *payload;			/* NULL: not given */
	size_t n_payload;
	const struct frame_spec *inner;		/* what is inside a tunnel, and has nothing inside itself; NULL: there is none */
};

enum { FRAME_NOBODY = -1, FRAME_PAYLOAD = -2 };

/* Why a frame cannot be. */
struct frame_fault {
	int at, other;			/* place in .field, or behind those in .header; FRAME_PAYLOAD: the payload; FRAME_NOBODY */
	const char *text, *remedy;
	bool inner;			/* .at and .other are of .inner */
};

/* The frame's bytes in @a. NULL: see @fault. */
uint8_t *frame_make(struct arena *a, const struct frame_spec *spec, size_t *len, struct frame_fault *fault);

/* ---- frame_sum.c ---- */

/* The Internet checksum over @n bytes, with @sum of what is not among them. */
uint16_t frame_sum(uint32_t sum, const uint8_t *p, size_t n);
/* The sum (not yet folded) of @n bytes. */
uint32_t frame_sum_part(const uint8_t *p, size_t n);
/* SCTP's CRC32c, as the number that stands in its header. */
uint32_t frame_crc32c(const uint8_t *p, size_t n);

#endif
