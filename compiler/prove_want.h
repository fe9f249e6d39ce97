/*
 * What a condition wants of a packet, one by one.
 */
#ifndef XDPF_PROVE_WANT_H
#define XDPF_PROVE_WANT_H

#include "prove.h"

/* A header that is there, a flag that is set, a field or slice with a value; with .yes false, that is not so. */
struct prove_want {
	bool yes;
	enum header_id header;			/* HDR_NONE: it is about .op */
	enum field_id flag;			/* FIELD_NONE: it is about .op */
	const struct ast_operand *op;
	enum family family;
	struct value v, mask;			/* mask: all ones where there is none */
	const uint8_t *bytes;			/* of a long slice; else NULL */
	const char *iface;			/* NULL: it is about none */
};

struct prove_wants {
	VEC(struct prove_want) list;
};

/* A rule, and in which branch of which other it stands. */
struct prove_site {
	const struct ast_rule *rule;
	const struct prove_site *parent;	/* NULL: at file level */
	bool in_else;
};

struct prove_sites {
	VEC(struct prove_site *) list;
};

/* All rules of the program. */
void prove_sites(struct prove *pr, struct prove_sites *out);
/* What a packet must have to come to @site and match; choices are left to chance. */
void prove_site_wants(struct prove *pr, const struct prove_site *site, struct prove_wants *out);
/* The wanted value is just outside of what the comparison takes. */
void prove_expr_wants(struct prove *pr, const struct ast_expr *e, bool yes, struct prove_wants *out);

/* prove_write.c: writes what is wanted into the frame, where it has the header. */
void prove_write(struct prove *pr, const struct prove_want *w, struct prove_packet *p);
/* A shape that can have what is wanted. */
void prove_fit(struct prove *pr, const struct prove_wants *wants, struct prove_shape *s);

#endif
