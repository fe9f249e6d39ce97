/*
 * A rate limit's table. In: the key, the time, what the packet costs. Out: code that takes the tokens, or finds none, or no room.
 *
 * A table is an array of sets, each of a lock, room for some keys with their states, and one more time, .spill. A key's place is in the set
 * that its hash names; if that holds others only, all less than full, in a second one, and so on, eight in all: with as many sets as the
 * limit has keys, no key is without room but with a probability below one in 10^9. Where a key went on from a set, .spill says until when its
 * state may matter behind there: till then no new key is put into the set, so nobody is ever in two. What is full again may be
 * overwritten, for that is what an unknown key is; nothing else is.
 *
 * Most keys are known, in their first set, and there in their own slot: that way is short, and takes no lock. The tokens are taken by
 * compare-and-swap on the state, so CPUs never take the same one. Who is in a set is changed by who holds it alone (cg_slot_hold()): going on to
 * further sets, and putting a key in. A key that is not in its own slot is looked for, and a new one put in, with the set held, where the limit is
 * asked (codegen_limit_fresh.c); but one that had no token lately is only read. The rest is a function, which asks set after set; as it takes longer
 * to do so, CPUs that want the same set wait for each other in the kernel's lock. Who puts a key in first swaps the state of what was there for 0,
 * then writes the key, then the new state. A slot with state 0 is nobody's for those who do not hold the set; they read a slot's state before its
 * key, and one whose state changed since is compared again: so a state is only ever taken for the key that it was read with.
 *
 * Which slot is full again is found by arithmetic. Loops are such as the verifier can count. One set is asked in a function that it walks once:
 * eight of them behind each other, each with its own loops and ways, are more than that of Linux 6.1 finishes.
 */
#include <linux/bpf.h>

#include "abi.h"
#include "codegen_limit_emit.h"

/* What comes of asking one set. */
enum look { LOOK_DENIED, LOOK_ADMITTED, LOOK_FULL, LOOK_NEXT };

/* Of compare-and-swap: each that fails is another CPU's that did not. */
enum { TRIES = 4, TRIES_ALONE = 32 };

static V has_key(struct cg *g, const struct limit *l, V p, V was)
{
	return is(g, LLVMIntEQ, cg_slot_differs(g, l, p, was), cg_c(g, 0));
}

/* Takes the tokens from the bucket at @p, whose state was @first, and goes to @some, or finds none, and goes to @none. @gone: where to go if the slot
 * is no longer the key's, or others are always faster; NULL: it cannot be another's, and that one is told that there are none. What comes first is
 * short: the sooner it is done, the sooner the processor asks for the next packet's set. */
static void take(struct cg *g, const struct limit *l, V p, V first, BB some, BB none, BB gone)
{
	uint64_t tries = l->words ? TRIES : TRIES_ALONE;
	BB before = LLVMGetInsertBlock(g->b), try = cg_block_after(g, before, "try"), own = cg_block(g, "own"), from = cg_block(g, "from");
	BB there = cg_block(g, "there"), again = cg_block(g, "again"), reload = cg_block(g, "reload"), reloaded = cg_block(g, "reloaded");
	V n, state, left, ahead, next, anew;

	LLVMBuildBr(g->b, try);
	cg_go(g, try);
	state = LLVMBuildPhi(g->b, g->i64, "");
	n = LLVMBuildPhi(g->b, g->i64, "");
	cg_branch(g, is(g, LLVMIntEQ, state, cg_c(g, 0)), gone ? gone : from, own);
	cg_go(g, own);
	/* units until the bucket is full: none, if the state is not live; one that is now makes no difference */
	left = text(g, "if $0 <= $2 goto +1\n\t$0 = 0", "=&r,0,r", (V[]){ sub(g, state, l->now), cg_slot_reach(g, l) }, 2);
	LLVMBuildBr(g->b, from);
	cg_go(g, from);
	ahead = LLVMBuildPhi(g->b, g->i64, "");
	LLVMAddIncoming(ahead, (V[]){ left, cg_c(g, 0) }, (BB[]){ own, try }, gone ? 1 : 2);
	ahead = add(g, ahead, l->cost);
	cg_branch(g, is(g, LLVMIntUGT, ahead, cg_slot_window(g, l)), none, there);
	cg_go(g, there);
	cg_branch(g, is(g, LLVMIntEQ, swap(g, p, state, cg_slot_not_zero(g, add(g, ahead, l->now))), state), some, again);
	cg_go(g, again);
	next = add(g, n, cg_c(g, 1));
	cg_branch(g, is(g, LLVMIntULT, next, cg_c(g, tries)), reload, gone ? gone : none);
	cg_go(g, reload);
	anew = load(g, p);
	if (gone)
		cg_branch(g, has_key(g, l, p, anew), reloaded, gone);
	else
		LLVMBuildBr(g->b, reloaded);
	cg_go(g, reloaded);
	LLVMBuildBr(g->b, try);
	LLVMAddIncoming(state, (V[]){ first, anew }, (BB[]){ before, reloaded }, 2);
	LLVMAddIncoming(n, (V[]){ cg_c(g, 0), next }, (BB[]){ before, reloaded }, 2);
}

/* Is there a slot where a key is looked for first? Long keys take several lines of memory; and what is to be kept for it takes stack, of which the
 * function for many limits has to leave most to its caller. */
static bool owned(const struct limit *l)
{
	return !l->row && l->words <= CG_LIMIT_OWNED;
}

/* The key's slot in the set, in block @here, and its state, which was read before the key was; @none: it has none there. */
static V find(struct cg *g, const struct limit *l, BB here, BB none, V *state)
{
	BB from[XDPF_LIMIT_MAX_WAYS];
	V at[XDPF_LIMIT_MAX_WAYS], was[XDPF_LIMIT_MAX_WAYS], p;

	for (unsigned i = 0; i < l->layout.ways; i++) {
		BB on = i + 1 < l->layout.ways ? cg_block(g, "other key") : none;

		at[i] = cg_slot(g, l, cg_slot_set(g, l), i);
		was[i] = load(g, at[i]);
		from[i] = LLVMGetInsertBlock(g->b);
		cg_branch(g, has_key(g, l, at[i], was[i]), here, on);
		cg_go(g, on);
	}
	cg_go(g, here);
	p = LLVMBuildPhi(g->b, g->ptr, "");
	*state = LLVMBuildPhi(g->b, g->i64, "");
	LLVMAddIncoming(p, at, from, l->layout.ways);
	LLVMAddIncoming(*state, was, from, l->layout.ways);
	return p;
}

/*
 * As find(), in the key's own slot alone, where most keys are. Which slot it is the processor would have to guess, and where the guess is wrong it
 * finds that out only when the set has come from memory, and throws away what it has done meanwhile: the next packet is begun, and its set asked for.
 * (Arithmetic in place of a guess is slower still: what is done to an address that is not known holds up everything.)
 */
static V find_own(struct cg *g, const struct limit *l, BB here, BB none, V *state)
{
	V p = cg_at(g, cg_slot(g, l, l->set, 0), cg_limit_own(g, l, l->hash)), q;

	*state = load(g, p);
	q = after(g, p, *state);
	cg_slot_compare(g, l, q, here, none);
	return p;
}

static void look_ends(struct cg *g, const struct limit *l, BB at, enum look as)
{
	cg_go(g, at);
	cg_slot_release(g, l);
	cg_helper(g, BPF_FUNC_spin_unlock, g->i64, 1, (V *)&l->set);
	LLVMBuildRet(g->b, cg_c(g, as));
}

static BB return_of(struct cg *g, enum look as)
{
	BB here = LLVMGetInsertBlock(g->b), to = cg_block(g, "return");

	cg_go(g, to);
	LLVMBuildRet(g->b, cg_c(g, as));
	cg_go(g, here);
	return to;
}

void cg_limit_look(struct cg *g, const struct limit *l)
{
	BB use = cg_block(g, "use"), unknown = cg_block(g, "unknown"), found = cg_block(g, "put in"), full = cg_block(g, "full");
	BB spilled = cg_block(g, "spilled"), room = cg_block(g, "room"), no_room = cg_block(g, "no room"), later = cg_block(g, "later");
	BB store = cg_block(g, "spill"), next = cg_block(g, "next"), some = cg_block(g, "some"), none = cg_block(g, "none");
	BB look = cg_block(g, "look"), seen = cg_block(g, "seen"), lock = cg_block(g, "lock");
	BB not_held = cg_block(g, "not held");
	V until, state, p;

	/* most that are there have a token, or none, without a lock; in the first set it was not found so */
	cg_branch(g, is(g, LLVMIntNE, cg_slot_told(g, l, LOOK_SEEN, 1), cg_c(g, 0)), lock, look);
	cg_go(g, look);
	p = find(g, l, seen, lock, &state);
	take(g, l, p, state, return_of(g, LOOK_ADMITTED), return_of(g, LOOK_DENIED), lock);
	cg_go(g, lock);
	cg_helper(g, BPF_FUNC_spin_lock, g->i64, 1, (V *)&l->set);
	cg_slot_hold(g, l, not_held);
	p = find(g, l, use, unknown, &state);
	take(g, l, p, state, some, none, NULL);
	look_ends(g, l, none, LOOK_DENIED);

	cg_go(g, unknown);
	cg_branch(g, is(g, LLVMIntNE, cg_slot_told(g, l, LOOK_LAST, 1), cg_c(g, 0)), room, spilled);
	cg_go(g, spilled);
	cg_branch(g, is(g, LLVMIntNE, cg_slot_live(g, l, cg_slot_spill(g, l)), cg_c(g, 0)), later, room);
	cg_go(g, room);
	cg_slot_insert(g, l, cg_slot_claim(g, l, cg_slot_told(g, l, LOOK_WAY, 3), found, no_room));
	LLVMBuildBr(g->b, some);
	look_ends(g, l, some, LOOK_ADMITTED);
	cg_go(g, no_room);
	cg_branch(g, is(g, LLVMIntNE, cg_slot_told(g, l, LOOK_LAST, 1), cg_c(g, 0)), full, store);
	look_ends(g, l, full, LOOK_FULL);

	/* a clock that is behind another CPU's does not take back what that one said */
	cg_go(g, later);
	until = add(g, l->now, cg_slot_window(g, l));
	cg_branch(g, is(g, LLVMIntSGT, sub(g, cg_slot_spill(g, l), until), cg_c(g, 0)), next, store);
	cg_go(g, store);
	cg_slot_spill_put(g, l);
	LLVMBuildBr(g->b, next);
	look_ends(g, l, next, LOOK_NEXT);
	cg_go(g, not_held);
	cg_helper(g, BPF_FUNC_spin_unlock, g->i64, 1, (V *)&l->set);
	LLVMBuildRet(g->b, cg_c(g, LOOK_DENIED));
}

/* Where a key is looked for in turns: what was found, and where. */
struct found {
	V at[3], was[3];
	BB from[3];
	unsigned n;
};

static void found(struct cg *g, struct found *f, V at, V was, BB to)
{
	f->at[f->n] = at;
	f->was[f->n] = was;
	f->from[f->n++] = LLVMGetInsertBlock(g->b);
	LLVMBuildBr(g->b, to);
}

/* Where a key had no token lately it is only read where it is, which other CPUs may do as well. */
static void find_read(struct cg *g, const struct limit *l, struct found *f, BB read, BB here, BB none)
{
	BB there = cg_block(g, "read");
	V p, was;

	cg_go(g, read);
	p = find(g, l, there, none, &was);
	found(g, f, p, was, here);
}

/* The set is held, so that a new key can be put in. */
static void find_held(struct cg *g, const struct limit *l, struct found *f, BB here, BB none)
{
	BB held = cg_block(g, "held slot");
	V was, p = cg_limit_fresh(g, l, held, none, &was);

	found(g, f, p, was, here);
}

static void denied(struct cg *g, const struct limit *l, BB at)
{
	cg_go(g, at);
	cg_limit_remember(g, l);
	LLVMBuildBr(g->b, l->denied);
}

static void take_found(struct cg *g, const struct limit *l, struct found *f, BB here, BB slow)
{
	BB none = cg_block(g, "none");
	V p, state;

	cg_go(g, here);
	p = LLVMBuildPhi(g->b, g->ptr, "");
	state = LLVMBuildPhi(g->b, g->i64, "");
	LLVMAddIncoming(p, f->at, f->from, f->n);
	LLVMAddIncoming(state, f->was, f->from, f->n);
	take(g, l, p, state, l->admitted, none, slow);
	denied(g, l, none);
	cg_go(g, slow);
}

void cg_limit_known(struct cg *g, const struct limit *l)
{
	BB first = cg_block(g, "first slots"), rest = cg_block(g, "not there"), here = cg_block(g, "found"), slow = cg_block(g, "slow");
	BB read = owned(l) && cg_soon_few(g) ? cg_block(g, "read only") : NULL;
	struct found f = { .n = 0 };
	V p, was;

	if (read)
		cg_limit_lately(g, l, read);
	p = owned(l) ? find_own(g, l, first, rest, &was) : find(g, l, first, rest, &was);
	found(g, &f, p, was, here);
	cg_go(g, rest);
	if (!owned(l) || read)
		find_held(g, l, &f, here, slow);
	else
		LLVMBuildBr(g->b, slow);
	if (read)
		find_read(g, l, &f, read, here, slow);
	take_found(g, l, &f, here, slow);
}

void cg_limit_rest(struct cg *g, const struct limit *l)
{
	BB here = cg_block(g, "found"), slow = cg_block(g, "slow"), read = cg_block(g, "read only");
	struct found f = { .n = 0 };

	cg_limit_lately(g, l, read);
	find_held(g, l, &f, here, slow);
	find_read(g, l, &f, read, here, slow);
	take_found(g, l, &f, here, slow);
}

_Static_assert(XDPF_LIMIT_LEVELS == 8, "behind the last level is the first with bit 3 set");

/* Asks the set that @hash names; the builder stands where the next is to be asked. */
static void ask(struct cg *g, const struct limit *l, V hash, V last, V seen)
{
	BB no = cg_block(g, "no token"), none = cg_block(g, "none"), more = cg_block(g, "no room"), next = cg_block(g, "next set");
	V what = cg_limit_number_of(g, l, hash), args[] = { l->key, l->now, l->cost, cg_slot_window(g, l), NULL }, r;

	what = LLVMBuildOr(g->b, what, LLVMBuildShl(g->b, cg_limit_way(g, l, hash), cg_c(g, LOOK_WAY), ""), "");
	what = LLVMBuildOr(g->b, what, LLVMBuildShl(g->b, last, cg_c(g, LOOK_LAST), ""), "");
	what = LLVMBuildOr(g->b, what, LLVMBuildShl(g->b, seen, cg_c(g, LOOK_SEEN), ""), "");
	args[4] = LLVMBuildOr(g->b, what, LLVMBuildShl(g->b, CG_LIMIT(g, l, shift), cg_c(g, LOOK_SHIFT), ""), "");
	r = LLVMBuildCall2(g->b, cg_limit_look_type(g), g->limit_look[l->kind], args, 5, "");
	cg_branch(g, is(g, LLVMIntEQ, r, cg_c(g, LOOK_ADMITTED)), l->admitted, no);
	cg_go(g, no);
	cg_branch(g, is(g, LLVMIntEQ, r, cg_c(g, LOOK_DENIED)), none, more);
	denied(g, l, none);
	cg_go(g, more);
	cg_branch(g, is(g, LLVMIntEQ, r, cg_c(g, LOOK_FULL)), l->full, next);
	cg_go(g, next);
}

void cg_limit_sets(struct cg *g, const struct limit *l)
{
	BB here = LLVMGetInsertBlock(g->b), loop = cg_block(g, "set");
	V level, hash, up, seen;

	LLVMBuildBr(g->b, loop);
	cg_go(g, loop);
	level = LLVMBuildPhi(g->b, g->i64, "level");
	hash = LLVMBuildPhi(g->b, g->i64, "hash");
	up = add(g, level, cg_c(g, 1));
	/* the first has been looked through */
	seen = LLVMBuildLShr(g->b, sub(g, level, cg_c(g, 1)), cg_c(g, 63), "");
	ask(g, l, hash, LLVMBuildLShr(g->b, up, cg_c(g, 3), ""), seen);
	LLVMAddIncoming(level, (V[]){ cg_c(g, 0), up }, (BB[]){ here, LLVMGetInsertBlock(g->b) }, 2);
	LLVMAddIncoming(hash, (V[]){ l->hash, cg_limit_next(g, hash) }, (BB[]){ here, LLVMGetInsertBlock(g->b) }, 2);
	/* the last one never says that there is a next: but that the verifier does not know */
	cg_branch(g, is(g, LLVMIntUGE, up, cg_c(g, XDPF_LIMIT_LEVELS)), l->full, loop);
}

void cg_limit_bucket(struct cg *g, const struct limit *l)
{
	V p = cg_limit_element(g, l, CG_LIMIT(g, l, base));

	take(g, l, p, load(g, p), l->admitted, l->denied, NULL);
}
