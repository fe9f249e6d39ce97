/*
 * Analyses of checked rule files: sets of packets, exactly. What is claimed of all packets was proved; what is claimed of one was looked at by
 * the reference evaluator. What could be neither is told as not decided.
 */
#ifndef XDPF_ANALYSE_H
#define XDPF_ANALYSE_H

#include "ast.h"
#include "rx.h"

struct analyse_options {
	uint64_t effort;	/* steps of the solver for one question; past them it is not decided */
	uint64_t all;		/* for all questions; past them none is */
};

enum { ANALYSE_EFFORT = 20 * 1000 * 1000 };
#define ANALYSE_ALL UINT64_C(10000000000)

/* A packet, as a test's packet says it, and what else must hold when it comes. */
struct witness_field {
	enum field_id field;
	bool inner;
	enum family family;
	struct value v;
};

struct witness_header {
	enum header_id header;
	bool inner;
};

struct witness {
	VEC(struct witness_field) field;
	VEC(struct witness_header) header;
	const uint8_t *payload[2];
	size_t n_payload[2];
	const char *iface;
	bool has_rxqueue;
	uint32_t rxqueue;
	bool socket;
	unsigned flow_state;
	struct xdpf_rx rx;
	bool has_time;
	uint64_t now;
	const bool *free, *known;	/* what is neither in the packet nor in the file, and whether that matters */
	size_t n_free;
	uint64_t repeat;		/* it comes so often, and the last time is what is shown; 0: once */
	bool thrown;			/* dice had to be thrown until they fell so */
	VEC(const char *) assume;	/* of that, what matters here, as text */
	bool bytes;			/* only bytes can say it: .proto was put into the frame that the fields make */
	uint8_t proto;
	const uint8_t *data;
	size_t len;
};

enum finding_kind {
	FINDING_NEVER,		/* no packet has what the rule asks for */
	FINDING_SHADOWED,	/* rules before it decide about all of its packets */
	FINDING_PASS_AFTER_DROP,	/* the same: they drop what it would pass */
	FINDING_REDUNDANT,	/* without it the same would happen to its packets */
	FINDING_LIMIT_TWICE,	/* a packet takes from one limit twice */
	FINDING_LIMITS,		/* or from two of the same key */
	FINDING_ELEMENT,	/* an element of a set is covered by another */
	FINDING_NO_ARP,		/* IPv4 passes, ARP does not */
	FINDING_NO_NEIGHBOURS,	/* IPv6 passes, neighbour discovery does not */
	FINDING_UNDECIDED,
};

struct finding {
	enum finding_kind kind;
	const struct ast_unit *unit;
	const struct ast_rule *rule;	/* NULL: none */
	VEC(const struct ast_rule *) by;	/* NULL in it: the default */
	struct span span, other;	/* LIMIT_TWICE, LIMITS, ELEMENT: what it is about, and the other */
	const char *name, *text;	/* the limit's or set's name; ELEMENT, UNDECIDED: what there is to say */
	const struct ast_set *set;	/* ELEMENT: whose elements these are, the one that is covered first */
	const struct range *element[2];
	const struct witness *packet;	/* NULL: there is none to show */
	const struct ast_rule *decider;	/* who decides about it, NULL: the default */
};

struct findings {
	VEC(struct finding) list;
	size_t undecided;
};

void analyse_program(struct arena *a, const struct ast_program *p, const struct analyse_options *o, struct findings *out);

enum change_kind {
	CHANGE_VERDICT,		/* another verdict */
	CHANGE_ACTIONS,		/* the verdict is the same, what else is done is not */
	CHANGE_LIMIT,		/* other packets take from a limit, which may be empty for those that ask it, too */
	CHANGE_SET,		/* a set that lives begins otherwise, or keeps other elements, or longer */
};

/* Packets that two versions treat differently: all that @before decided about in the old one and @after decides about in the new one. No two
 * changes of verdicts and actions are of the same two. */
struct change {
	enum change_kind kind;
	const struct ast_rule *before, *after;	/* NULL: the default */
	bool undecided;
	const struct witness *packet;		/* SET: NULL */
	enum verdict verdict[2];
	VEC(const struct ast_action *) only[2];	/* ACTIONS: what only the old one does with the packet, and only the new one */
	const char *name, *text;		/* LIMIT, SET: its name; what differs. Else NULL, or why it was not decided */
};

struct changes {
	const struct ast_unit *unit[2];
	VEC(struct change) list;
	size_t undecided;
};

/* Of each program the first file. */
void analyse_diff(struct arena *a, const struct ast_program *before, const struct ast_program *after, const struct analyse_options *o,
		  struct changes *out);

#endif
