/*
 * Internal to lowering: rules that are code and share it (lower_share.c finds them, lower_record.c makes their numbers records).
 */
#ifndef XDPF_LOWER_SHARE_H
#define XDPF_LOWER_SHARE_H

#include "lower_classify.h"

enum {
	SHARE_FROM = 16,		/* rules of a run that are code: fewer are lowered one by one */
	SHARE_ANY = 256,		/* so many share what they can, even if that is little */
};

/* What may vary of an instruction. */
enum spot_kind {
	SPOT_A, SPOT_B, SPOT_ARG,	/* an operand */
	SPOT_NUMBER,			/* .imm, or .slot; of a way its place */
	SPOT_LOG,			/* of a log: interval, burst */
	SPOT_INDEX,			/* a rule's index */
};

struct share_spot {
	struct ir_block *block;
	size_t inst;
	enum spot_kind kind;
	unsigned arg;
};

/* Code that rules share. */
struct share_body {
	struct ir_block *at;
	uint64_t hash;
	const uint64_t *key;		/* what it is, but for numbers */
	size_t n_key;
	struct share_spot *spot;
	bool *varies;			/* by spot */
	size_t n_spots;
	struct ir_block **block;	/* those laid out in order */
	size_t n_blocks;
	VEC(uint64_t) number;		/* by entry, by spot */
	VEC(size_t) entry;		/* of the run's */
};

/* How far lowering was. */
struct share_mark {
	struct arena_mark arena;
	size_t hot, cold, work;
	ir_var vars;
	uint32_t temps;
	const void *stays[14];
	size_t counts[14];
};

struct share {
	struct lower *l;
	const struct lower_work *work;
	struct lower_run *run;
	struct ir_block *next;		/* where bodies go on */
	ir_var record;			/* where in the image the entry's record begins */
	struct arena *own;		/* for what is needed while they are sought */
	struct share_mark mark;
	struct ir_block *at;
	VEC(uint64_t) key, number;	/* of the rule that is looked at */
	VEC(struct share_spot) spot;
	VEC(struct share_body *) body;
	struct share_body **slot;	/* by hash */
	size_t slots;
	size_t table;			/* where in the image's head it says where records begin */
	size_t rounds;			/* entries that a packet may come to */
};

struct share_mark share_mark(const struct lower *l);
/* Takes back what was lowered since @m, and with it all that is in the arena since then, unless something was made meanwhile that stays. */
void share_take_back(struct lower *l, const struct share_mark *m);
/* Bodies for all of the run's rules that are code; false: too few share one, and nothing was made. */
bool share_codes(struct share *s);
/* The lowering of an entry, from @at on, as one of the bodies. */
struct lower_work share_work(const struct share *s, const struct lower_entry *e, struct ir_block *at);
/* Their records, and code that reads them; entries' words say then where their records are. A record's first word is the place of its body among
 * .body. false: there is no room for them, an error says so. */
bool share_records(struct share *s);

#endif
