/*
 * Keys that were not found at once. In: a key, the time, its first set. Out: code that puts a new key into its first set, where that has room and
 * is its place; and code that finds out that a key is nowhere and that there is no room for it.
 *
 * Both are for floods whose every packet has another source. The first costs hardly more than to find a key: no function is called, and what the
 * set holds has come from memory already. The second is for a table that such a flood has filled: all the key's sets are read, none is locked.
 * Once a key has found no room anywhere, new ones are put into the first sets alone for a while: so nobody's key is behind these any more, and
 * the next ones need not be looked for there. A table with no more keys than were declared has room, so it never does that.
 */
#include "abi.h"
#include "codegen_limit_emit.h"

enum { NEAR_LEVELS = 2, CROWDED_NS = 1000000 };

/* An instant that is less than @range behind now, as 0 or 1. */
static V is_soon(struct cg *g, const struct limit *l, V instant, V range)
{
	V x = sub(g, sub(g, instant, l->now), cg_c(g, 1));

	return top_bit(g, and(g, sub(g, x, range), LLVMBuildNot(g->b, x, "")));
}

/* To @yes if so; else the builder goes on. */
static void leave_if(struct cg *g, V condition, BB yes)
{
	BB on = cg_block_after(g, LLVMGetInsertBlock(g->b), "on");

	cg_branch(g, condition, yes, on);
	cg_go(g, on);
}

static void leave_if_set(struct cg *g, V bit, BB yes)
{
	leave_if(g, is(g, LLVMIntNE, bit, cg_c(g, 0)), yes);
}

/* xdpf_limit_live(), by branches. */
static void leave_if_live(struct cg *g, const struct limit *l, V state, BB yes)
{
	BB here = LLVMGetInsertBlock(g->b), some = cg_block_after(g, here, "some"), on = cg_block_after(g, some, "not live");

	cg_branch(g, is(g, LLVMIntNE, state, cg_c(g, 0)), some, on);
	cg_go(g, some);
	cg_branch(g, is(g, LLVMIntULT, sub(g, sub(g, state, l->now), cg_c(g, 1)), cg_slot_reach(g, l)), yes, on);
	cg_go(g, on);
}

/* The key's own slot, or else another, that is full again; its state. */
static V room(struct cg *g, const struct limit *l, BB none, V *state)
{
	BB other = cg_block(g, "own is used"), found = cg_block(g, "free"), some = cg_block(g, "other is free"), from[2];
	V at[2] = { cg_at(g, cg_slot(g, l, l->set, 0), cg_limit_own(g, l, l->hash)) }, was[2] = { load(g, at[0]) }, i, p;

	leave_if_live(g, l, was[0], other);
	from[0] = LLVMGetInsertBlock(g->b);
	LLVMBuildBr(g->b, found);
	cg_go(g, other);
	i = cg_slot_full(g, l);
	cg_branch(g, is(g, LLVMIntUGE, i, cg_c(g, l->layout.ways)), none, some);
	cg_go(g, some);
	at[1] = cg_slot_at(g, l, i);
	was[1] = load(g, at[1]);
	leave_if_live(g, l, was[1], none);
	from[1] = LLVMGetInsertBlock(g->b);
	LLVMBuildBr(g->b, found);
	cg_go(g, found);
	p = LLVMBuildPhi(g->b, g->ptr, "");
	*state = LLVMBuildPhi(g->b, g->i64, "");
	LLVMAddIncoming(p, at, from, 2);
	LLVMAddIncoming(*state, was, from, 2);
	return p;
}

/* The key's slot in the set, which is held, and its state, in block @here; else the builder goes on. */
static V there(struct cg *g, const struct limit *l, BB here, V *state)
{
	BB from[XDPF_LIMIT_MAX_WAYS], same, on = NULL;
	V at[XDPF_LIMIT_MAX_WAYS], p;

	for (unsigned i = 0; i < l->layout.ways; i++) {
		same = cg_block_after(g, LLVMGetInsertBlock(g->b), "same");
		on = cg_block_after(g, same, "not there");
		cg_slot_compare(g, l, cg_slot(g, l, cg_slot_set(g, l), i), same, on);
		at[i] = cg_slot(g, l, cg_hide(g, l->set), i);	/* worked out anew: else it is kept where it is seldom needed */
		LLVMBuildBr(g->b, here);
		from[i] = same;
		cg_go(g, on);
	}
	cg_go(g, here);
	p = LLVMBuildPhi(g->b, g->ptr, "");
	LLVMAddIncoming(p, at, from, l->layout.ways);
	*state = load(g, p);
	cg_slot_leave(g, l);
	cg_go(g, on);
	return p;
}

V cg_limit_fresh(struct cg *g, const struct limit *l, BB here, BB none, V *state)
{
	BB put = cg_block(g, "put in"), undo = cg_block(g, "undo");
	V was, known, p;

	cg_slot_try_hold(g, l, none);
	known = there(g, l, here, state);
	leave_if_live(g, l, cg_slot_spill(g, l), undo);
	p = room(g, l, undo, &was);
	/* somebody who does not hold the set may have taken from it */
	cg_branch(g, is(g, LLVMIntEQ, swap(g, p, was, cg_c(g, 0)), was), put, undo);
	cg_go(g, put);
	cg_slot_insert(g, l, p);
	cg_slot_leave(g, l);
	LLVMBuildBr(g->b, l->admitted);
	cg_go(g, undo);
	cg_slot_leave(g, l);
	LLVMBuildBr(g->b, none);
	cg_go(g, here);
	return known;
}

/* Of a set, each as 0 or 1: is the key there; is there room? */
static void read_set(struct cg *g, const struct limit *l, V *known, V *free)
{
	V all = cg_c(g, 1);

	*known = cg_c(g, 0);
	for (unsigned i = 0; i < l->layout.ways; i++) {
		V p = cg_slot(g, l, l->set, i), state = load(g, p);

		*known = LLVMBuildOr(g->b, *known, LLVMBuildXor(g->b, nonzero(g, cg_slot_differs(g, l, p, state)), cg_c(g, 1), ""), "");
		all = and(g, all, cg_slot_live(g, l, state));
	}
	*free = LLVMBuildXor(g->b, all, cg_c(g, 1), "");
}

void cg_limit_scan(struct cg *g, const struct limit *in)
{
	BB here, loop = cg_block(g, "scan"), none = cg_block(g, "no room"), on = cg_block(g, "somewhere");
	V crowded, not_crowded, range = LLVMBuildShl(g->b, cg_c(g, CROWDED_NS), CG_LIMIT(g, in, shift), "");
	V level, hash, up, known, free, spilled, open, near;
	struct limit l = *in;

	crowded = is_soon(g, in, load(g, cg_atc(g, in->count, offsetof(struct xdpf_limit_count, crowded))), range);
	here = LLVMGetInsertBlock(g->b);
	LLVMBuildBr(g->b, loop);
	cg_go(g, loop);
	level = LLVMBuildPhi(g->b, g->i64, "level");
	hash = LLVMBuildPhi(g->b, g->i64, "hash");
	up = add(g, level, cg_c(g, 1));
	l.hash = hash;
	l.set = cg_limit_set_of(g, &l, hash);
	read_set(g, &l, &known, &free);
	spilled = cg_slot_live(g, &l, cg_slot_spill(g, &l));
	not_crowded = LLVMBuildXor(g->b, cg_hide(g, crowded), cg_c(g, 1), "");
	/* as cg_limit_look() has it: the last set may be put into whatever its .spill says */
	open = LLVMBuildOr(g->b, LLVMBuildXor(g->b, spilled, cg_c(g, 1), ""), LLVMBuildLShr(g->b, up, cg_c(g, 3), ""), "");
	near = LLVMBuildXor(g->b, nonzero(g, LLVMBuildLShr(g->b, level, cg_c(g, NEAR_LEVELS - 1), "")), cg_c(g, 1), "");
	leave_if_set(g, LLVMBuildOr(g->b, known, and(g, and(g, free, open), LLVMBuildOr(g->b, near, not_crowded, "")), ""), on);
	/* nobody's key is behind a set that none went on from */
	leave_if_set(g, and(g, and(g, LLVMBuildXor(g->b, spilled, cg_c(g, 1), ""), cg_hide(g, crowded)), nonzero(g, level)), in->full);
	LLVMAddIncoming(level, (V[]){ cg_c(g, 0), up }, (BB[]){ here, LLVMGetInsertBlock(g->b) }, 2);
	LLVMAddIncoming(hash, (V[]){ in->hash, cg_limit_next(g, hash) }, (BB[]){ here, LLVMGetInsertBlock(g->b) }, 2);
	cg_branch(g, is(g, LLVMIntUGE, up, cg_c(g, XDPF_LIMIT_LEVELS)), none, loop);
	cg_go(g, none);
	range = LLVMBuildShl(g->b, cg_c(g, CROWDED_NS), CG_LIMIT(g, in, shift), "");
	cg_store(g, add(g, in->now, range), cg_atc(g, in->count, offsetof(struct xdpf_limit_count, crowded)), 8, 8);
	LLVMBuildBr(g->b, in->full);
	cg_go(g, on);
}
