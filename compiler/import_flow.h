/*
 * Flow specifications of BGP (RFC 8955, RFC 8956), as ExaBGP and GoBGP say them.
 */
#ifndef XDPF_IMPORT_FLOW_H
#define XDPF_IMPORT_FLOW_H

#include <jansson.h>

#include "import.h"

/* Types of components, as RFC 8955 numbers them. */
enum flow_type {
	FLOW_DST = 1, FLOW_SRC, FLOW_PROTO, FLOW_PORT, FLOW_DPORT, FLOW_SPORT, FLOW_ICMP_TYPE, FLOW_ICMP_CODE, FLOW_TCP_FLAGS, FLOW_LENGTH, FLOW_DSCP,
	FLOW_FRAGMENT, FLOW_LABEL, FLOW_TYPES,
};

/* Bits of an operator's byte: of all, of numbers, of flags. */
enum { FLOW_END = 0x80, FLOW_AND = 0x40, FLOW_LEN = 0x30, FLOW_LT = 4, FLOW_GT = 2, FLOW_EQ = 1, FLOW_NOT = 2, FLOW_MATCH = 1 };

struct flow_op {
	uint8_t op;
	uint64_t value;
};

struct flow_part {
	bool given;
	struct range prefix;		/* DST, SRC */
	unsigned len;			/* of the prefix */
	VEC(struct flow_op) op;		/* all others */
};

struct flow_rule {
	const char *at, *text;
	enum family family;
	struct flow_part part[FLOW_TYPES];
	bool drop;			/* a rate of nothing */
	uint64_t rate;			/* bytes in a second; 0: none */
	int mark;			/* a DSCP; -1: none */
	const char *why;		/* it cannot be translated; NULL: it can */
	unsigned accept;		/* what accepts leaving it out */
	bool withdrawn;
};

struct flow {
	struct import *im;
	VEC(struct flow_rule *) rule;	/* as they came */
};

/* import_flow_exabgp.c, import_flow_gobgp.c: reads one document; false: it is none of theirs. */
bool flow_exabgp(struct flow *f, json_t *doc, const char *at);
bool flow_gobgp(struct flow *f, json_t *doc, const char *at);

struct flow_rule *flow_new(struct flow *f, const char *at, json_t *text, enum family family);
/* Takes @r in: it replaces one with the same components, or with .withdrawn takes that away. */
void flow_take(struct flow *f, struct flow_rule *r);
/* A whole number; false: it is none, or larger than @max. */
bool flow_number(json_t *v, uint64_t max, uint64_t *out);
/* The largest value of a component. */
uint64_t flow_most(enum flow_type t);
/* Is @a asked before @b? As RFC 8955, 5.1 has it: below 0 if so. */
int flow_order(const struct flow_rule *a, const struct flow_rule *b);
/* import_flow_text.c: the rule's condition; NULL: it matches nothing. */
const char *flow_text(struct import *im, const struct flow_rule *r);

#endif
