/*
 * The reference evaluator: what a checked rule file means, rule by rule over a packet's bytes. It needs no privileges and shares no
 * optimiser, lowering or IR with the code generator; only the language's tables and the tree.
 */
#ifndef XDPF_EVAL_H
#define XDPF_EVAL_H

#include "ast.h"
#include "rx.h"

struct eval_view;

/* Who says what is not in the packet. */
struct eval_guess {
	void *arg;
	/* Is @e true, which asks a limit, chance, a socket, a connection, the driver, or a set that lives? @known: as far as is known here. The same
	 * condition is asked several times, and has one answer. */
	bool (*cond)(void *arg, const struct eval_view *w, const struct ast_expr *e, bool known);
};

/* A frame as the program sees it, from the Ethernet header on. What is not given is absent. */
struct eval_packet {
	uint8_t *data;			/* verdicts write to it; actions, and `reply`, put the evaluator's own copy in its place */
	size_t len;			/* as it came */
	const char *iface;		/* NULL: absent */
	bool has_rxqueue;
	uint32_t rxqueue;
	uint64_t now;			/* ns since the epoch, UTC: both clocks */
	uint64_t random;		/* see runtime/abi.h, struct xdpf_inputs */
	uint64_t seed;			/* of the run: what flows are hashed with */
	bool has_socket, socket;	/* a socket of this machine takes it, if it is TCP or UDP; see runtime/abi.h, enum xdpf_input_socket */
	unsigned flow_state;		/* enum xdpf_flow_state (runtime/abi.h) of TCP and UDP; 0: absent */
	struct xdpf_rx rx;		/* what the driver says */
	bool no_way;			/* `redirect` and `forward` find no way: their `else` applies */
	const struct eval_guess *guess;	/* NULL: it is as is known here; else limits lose no tokens */
	size_t first;			/* bytes of it in the first piece of memory, where it is in several; 0: it is in one */
	/* What a run leaves, until the next one: .data, and */
	size_t left;			/* bytes of it now */
	bool marked;
	uint32_t mark;
};

/* Who decided. With several files: the decision of the last file that was reached. */
struct eval_result {
	enum verdict verdict;
	const struct ast_unit *unit;
	const struct ast_rule *rule;	/* NULL: the unit's default */
	unsigned index;			/* of the rule or default */
};

struct eval_count {
	uint64_t packets, bytes;
};

struct eval_miss {
	uint64_t absent, full;		/* the action did nothing: its key was absent, its table was full */
};

struct eval_limit_count {
	uint64_t admitted, denied, full;	/* there was a token; there was none; the table had no room for the key */
};

/* What happened to a set that lives. */
struct eval_set_count {
	uint64_t added, full, removed;
	uint64_t expired;		/* expired ones whose room was wanted */
};

struct eval;

/* What became of an action. */
enum eval_did {
	DID_BEGIN,			/* nothing yet: this is told before each */
	DID,
	DID_ABSENT,			/* it did nothing: its field or key is absent */
	DID_FULL,			/* it did nothing: its table or set is full */
	DID_TOO_SOON,			/* log: beyond its pace */
	DID_NOT_DRAWN,			/* sample: another packet's turn */
	DID_BY_CHANCE,			/* sample: perhaps; chance is not known */
	DID_OTHER,			/* verdict: its way was closed, its `else` stands for it */
	DID_NOT_OURS,			/* syncookie: nothing of its business, the rule goes on */
	DID_COMPLETED,			/* syncookie: a cookie came back, the rule goes on */
	DID_UNANSWERED,			/* syncookie: no answer to the SYN could be made, its `else` stands for it */
	DID_REFUSED,			/* syncookie: neither a SYN nor a right cookie, its `else` stands for it */
};

/* Who wants to see the way of a packet through the rules, as it is gone. */
struct eval_trace {
	void *arg;
	/* Each rule that is looked at, in order, before its actions: @failed is the first condition that was false; NULL: all hold. Of an `or`, or
	 * a `not`, it is the whole. */
	void (*rule)(void *arg, const struct eval_view *w, const struct ast_rule *r, const struct ast_expr *failed);
	void (*action)(void *arg, const struct eval_view *w, const struct ast_rule *r, const struct ast_action *a, enum eval_did did);
	/* The verdict of each file that was reached. */
	void (*file)(void *arg, const struct eval_result *r);
};

/* @p is checked and outlives the evaluator. */
struct eval *eval_new(const struct ast_program *p);
void eval_free(struct eval *e);
/* Runs one packet and counts it. Frames of any length, 0 included. */
struct eval_result eval_run(struct eval *e, struct eval_packet *pkt);
/* What the file of the rule or default with this index decided about the last packet, which reached it. */
struct eval_result eval_decided(const struct eval *e, unsigned index);
/* From the next packet on; NULL: nobody. @t outlives the evaluator, or is taken back. */
void eval_trace(struct eval *e, const struct eval_trace *t);
/* .random of the @n-th packet of a run with this seed. */
uint64_t eval_packet_random(uint64_t seed, uint64_t n);
/* Counters by rule index, verdict, action slot. */
struct eval_count eval_rule_count(const struct eval *e, unsigned index);
struct eval_count eval_verdict_count(const struct eval *e, enum verdict v);
/* Packets that a way was closed to, by its slot: they are among those of its rule, and took its other verdict. */
struct eval_count eval_other_count(const struct eval *e, unsigned slot);
struct eval_limit_count eval_limit_counted(const struct eval *e, const struct ast_limit *l);
struct eval_set_count eval_set_count(const struct eval *e, const struct ast_set *set);
struct eval_miss eval_action_miss(const struct eval *e, unsigned slot);
/* Puts an element, a range per component as in ast_set.range, into a set that lives, as `add` does; @keep: ns, 0: it stays. False: it is full. */
bool eval_set_add(struct eval *e, const struct ast_set *set, const struct range *element, uint64_t keep, uint64_t now);
void eval_set_remove(struct eval *e, const struct ast_set *set, const struct range *element);
/* What a set that lives has at @now: a value for each component, and the length of its prefix if it has one; until when, 0: it stays. */
typedef void (*eval_element_fn)(void *arg, const struct value *v, const enum family *family, unsigned prefix, uint64_t until);
void eval_set_each(const struct eval *e, const struct ast_set *set, uint64_t now, eval_element_fn fn, void *arg);
/* Buckets that are not full at @now, and their states: both as limit.h has them. */
typedef void (*eval_bucket_fn)(void *arg, uint64_t state);
void eval_limit_each(const struct eval *e, const struct ast_limit *l, uint64_t now, eval_bucket_fn fn, void *arg);
/* Packets that a log did not take since they came too soon. */
uint64_t eval_log_limited(const struct eval *e, const struct ast_log *log);
/* Calls @fn for each entry of a count table, in the order in which they were first counted: @key has one value per field of the table's
 * key (a slice: one per 16 bytes of it; `iface`: its name, filled up with zero bytes to 16), @family the family of each. Without a
 * key: one entry, and NULLs. */
typedef void (*eval_entry_fn)(void *arg, const struct value *key, const enum family *family, struct eval_count c);
void eval_counter_each(const struct eval *e, const struct ast_counter *c, eval_entry_fn fn, void *arg);

#endif
