/*
 * A rate limit's table. In: the key, the time, what the packet costs. Out: code that takes the tokens, or finds none, or no room.
 *
 * A table is an array of sets, each of a lock, room for some keys with their states, and one more time, .spill. A key's place is in the set
 * that its hash names; if that holds others only, all less than full, in a second one, and so on, eight in all: with as many sets as the
 * limit has keys, no key is without room but with a probability below one in 10^9. Where a key went on from a set, .spill says until when its
 * state may matter behind there: till then no new key is put into the set, so nobody is ever in two. What is full again may be
 * overwritten, for that is what an unknown key is; nothing else is.
 *
 * Most keys are known, in their first set, and there in their own slot: that way is short, and takes no lock, nor does the one to the set's other
 * slots. The tokens are taken by compare-and-swap on the state, so CPUs never take the same one. Going on to further sets and putting a key in
 * are done with the set locked. All but the key's own slot is a function where the limit's numbers stand in the code. Who puts a key in first
 * swaps the state of what was there for 0, then writes the key, then the new state. A slot with state 0 is nobody's for those without a lock; they
 * read a slot's state before its key, and one whose state changed since is compared again: so a state is only ever taken for the key that it was
 * read with.
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

/* What stands at @bit of .what. Each time anew: kept, it would lie on the stack. */
static V told(struct cg *g, const struct limit *l, unsigned bit, unsigned mask)
{
	return and(g, LLVMBuildLShr(g->b, cg_hide(g, l->what), cg_c(g, bit), ""), cg_c(g, mask));
}

static V window(struct cg *g, const struct limit *l)
{
	return l->window ? l->window : CG_LIMIT(g, l, window);
}

static V reach(struct cg *g, const struct limit *l)
{
	V skew = cg_c(g, (uint64_t)1 << XDPF_LIMIT_SKEW_BITS);

	return l->what ? add(g, l->window, LLVMBuildShl(g->b, skew, told(g, l, LOOK_SHIFT, (1 << LOOK_SHIFT_BITS) - 1), "")) : CG_LIMIT(g, l, reach);
}

/* xdpf_limit_live(); x < reach, as reach is less than 2^63, by the borrow of x - reach */
static V is_live(struct cg *g, const struct limit *l, V state)
{
	V x = sub(g, sub(g, state, l->now), cg_c(g, 1));

	return and(g, nonzero(g, state), top_bit(g, and(g, sub(g, x, reach(g, l)), LLVMBuildNot(g->b, x, ""))));
}

/* A state is never 0. */
static V not_zero(struct cg *g, V v)
{
	return text(g, "if $0 != 0 goto +1\n\t$0 = 1", "=r,0", &v, 1);
}

static V slot(struct cg *g, const struct limit *l, V set, unsigned i)
{
	return cg_atc(g, set, l->layout.first + i * l->layout.slot);
}

/* The set. In the function for one set all its slots' addresses are worked out anew: kept, they would lie on the stack. */
static V set_again(struct cg *g, const struct limit *l)
{
	return l->what ? cg_hide(g, l->set) : l->set;
}

/* Slot @i of the set, which the verifier is to know to be one. */
static V slot_at(struct cg *g, const struct limit *l, V i)
{
	V at = LLVMBuildMul(g->b, cg_at_most(g, i, l->layout.ways - 1), cg_c(g, l->layout.slot), "");

	return cg_at(g, slot(g, l, set_again(g, l), 0), at);
}

/* The slot's word of the key. */
static V word_at(struct cg *g, V p, unsigned k)
{
	return cg_atc(g, p, 8 * (k + (uint64_t)1));
}

/* The slot's byte of the key. */
static V byte_at(struct cg *g, V p)
{
	return LLVMBuildGEP2(g->b, g->i8, p, (V[]){ cg_c(g, (uint64_t)-1) }, 1, "");
}

/* The key's word @k. Where what is long must not be kept it is read anew: it would lie on the stack a second time. */
static V key_word(struct cg *g, const struct limit *l, unsigned k)
{
	return l->again ? load(g, cg_atc(g, l->key, 8 * (uint64_t)k)) : l->word[k];
}

/* The slot's word @k, or its byte. Of the last one only what is used, if half of it is: in the rest may just have been stored (cg_limit_fetch()). */
static V slot_word(struct cg *g, const struct limit *l, V p, unsigned k)
{
	V v;

	if (k < l->layout.words && (!l->half || k + 1 < l->words))
		return load(g, word_at(g, p, k));
	if (k == l->layout.words)
		v = LLVMBuildLoad2(g->b, g->i8, byte_at(g, p), "");
	else
		v = LLVMBuildLoad2(g->b, g->i32, word_at(g, p, k), "");
	LLVMSetVolatile(v, 1);
	LLVMSetAlignment(v, k == l->layout.words ? 1 : 8);
	return LLVMBuildZExt(g->b, v, g->i64, "");
}

/* Is it the key in the slot at @p, whose state, @was, was read before? */
static V has_key(struct cg *g, const struct limit *l, V p, V was)
{
	V differ = NULL, d;

	p = after(g, p, was);
	for (unsigned k = 0; k < l->words; k++) {
		d = LLVMBuildXor(g->b, key_word(g, l, k), slot_word(g, l, p, k), "");
		differ = differ ? LLVMBuildOr(g->b, differ, d, "") : d;
	}
	return is(g, LLVMIntEQ, differ, cg_c(g, 0));
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
	left = text(g, "if $0 <= $2 goto +1\n\t$0 = 0", "=&r,0,r", (V[]){ sub(g, state, l->now), reach(g, l) }, 2);
	LLVMBuildBr(g->b, from);
	cg_go(g, from);
	ahead = LLVMBuildPhi(g->b, g->i64, "");
	LLVMAddIncoming(ahead, (V[]){ left, cg_c(g, 0) }, (BB[]){ own, try }, gone ? 1 : 2);
	ahead = add(g, ahead, l->cost);
	cg_branch(g, is(g, LLVMIntUGT, ahead, window(g, l)), none, there);
	cg_go(g, there);
	cg_branch(g, is(g, LLVMIntEQ, swap(g, p, state, not_zero(g, add(g, ahead, l->now))), state), some, again);
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

		at[i] = slot(g, l, set_again(g, l), i);
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
	V p = cg_at(g, slot(g, l, l->set, 0), cg_limit_own(g, l, l->hash)), q;

	*state = load(g, p);
	q = after(g, p, *state);
	for (unsigned k = 0; k < l->words; k++) {
		BB on = k + 1 < l->words ? cg_block_after(g, LLVMGetInsertBlock(g->b), "so far") : here;

		cg_branch(g, is(g, LLVMIntEQ, key_word(g, l, k), slot_word(g, l, q, k)), on, none);
		cg_go(g, on);
	}
	return p;
}

/* As find(), where it most likely is first. */
static V find_near(struct cg *g, const struct limit *l, BB here, BB none, V *state)
{
	BB own = cg_block(g, "own slot"), others = cg_block(g, "other slots"), other = cg_block(g, "other slot");
	V at[2], was[2], p;

	at[0] = find_own(g, l, own, others, &was[0]);
	LLVMBuildBr(g->b, here);
	cg_go(g, others);
	at[1] = find(g, l, other, none, &was[1]);
	LLVMBuildBr(g->b, here);
	cg_go(g, here);
	p = LLVMBuildPhi(g->b, g->ptr, "");
	*state = LLVMBuildPhi(g->b, g->i64, "");
	LLVMAddIncoming(p, at, (BB[]){ own, other }, 2);
	LLVMAddIncoming(*state, was, (BB[]){ own, other }, 2);
	return p;
}

/* Which slot of the set is full again, or how many there are, if none is. */
static V full_again(struct cg *g, const struct limit *l)
{
	V at = cg_c(g, l->layout.ways);

	for (unsigned i = l->layout.ways; i--;)
		at = choose(g, is_live(g, l, load(g, slot(g, l, set_again(g, l), i))), at, cg_c(g, i));
	return cg_hide(g, at);
}

/* A slot of the set, locked, that nobody needs, with state 0: slot @mine, if nobody ever had it; or one that nobody ever had, so that who has slot
 * @mine, full again, is found there when it comes next; or slot @mine; or any. */
static V claim(struct cg *g, const struct limit *l, V mine, BB here, BB none)
{
	BB from[XDPF_LIMIT_MAX_WAYS + 3], found = cg_block(g, "free"), any = cg_block(g, "any"), some = cg_block(g, "some");
	V at[XDPF_LIMIT_MAX_WAYS + 3], was[XDPF_LIMIT_MAX_WAYS + 3], own = slot_at(g, l, mine), own_was = load(g, own), i, p, state;
	unsigned n = 0;

	for (unsigned k = 0; k <= l->layout.ways; k++, n++) {
		BB on = cg_block(g, "used");

		at[n] = k ? slot(g, l, set_again(g, l), k - 1) : own;
		was[n] = k ? load(g, at[n]) : own_was;
		from[n] = LLVMGetInsertBlock(g->b);
		cg_branch(g, is(g, LLVMIntEQ, was[n], cg_c(g, 0)), found, on);
		cg_go(g, on);
	}
	at[n] = own;
	was[n] = own_was;
	from[n++] = LLVMGetInsertBlock(g->b);
	cg_branch(g, is(g, LLVMIntEQ, is_live(g, l, own_was), cg_c(g, 0)), found, any);
	cg_go(g, any);
	i = full_again(g, l);
	cg_branch(g, is(g, LLVMIntUGE, i, cg_c(g, l->layout.ways)), none, some);
	cg_go(g, some);
	at[n] = slot_at(g, l, i);
	was[n] = load(g, at[n]);
	from[n++] = LLVMGetInsertBlock(g->b);
	/* somebody without a lock may have taken from it */
	cg_branch(g, is(g, LLVMIntNE, is_live(g, l, was[n - 1]), cg_c(g, 0)), none, found);
	cg_go(g, found);
	p = LLVMBuildPhi(g->b, g->ptr, "");
	state = LLVMBuildPhi(g->b, g->i64, "");
	LLVMAddIncoming(p, at, from, n);
	LLVMAddIncoming(state, was, from, n);
	/* or take from it now */
	cg_branch(g, is(g, LLVMIntEQ, swap(g, p, state, cg_c(g, 0)), state), here, none);
	cg_go(g, here);
	return p;
}

/* Puts the key into the slot at @p, less the tokens. */
static void insert(struct cg *g, const struct limit *l, V p)
{
	for (unsigned k = 0; k < l->layout.words; k++)
		LLVMSetVolatile(LLVMBuildStore(g->b, key_word(g, l, k), word_at(g, p, k)), 1);
	if (l->kind == XDPF_LIMIT_TAILED)
		cg_store(g, key_word(g, l, l->layout.words), byte_at(g, p), 1, 1);
	LLVMBuildAtomicRMW(g->b, LLVMAtomicRMWBinOpXchg, p, not_zero(g, add(g, l->now, l->cost)), LLVMAtomicOrderingSequentiallyConsistent, 0);
}

static void look_ends(struct cg *g, V set, BB at, enum look as)
{
	cg_go(g, at);
	cg_helper(g, BPF_FUNC_spin_unlock, g->i64, 1, &set);
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

/* The set's .spill, which shares a word with a key's byte where keys have one: as xdpf_limit_spill() has it. */
static V spill_of(struct cg *g, const struct limit *l)
{
	V v = load(g, cg_atc(g, l->set, l->layout.spill));

	return l->kind == XDPF_LIMIT_TAILED ? LLVMBuildShl(g->b, v, cg_c(g, 8), "") : v;
}

/* Till then what is taken now may matter behind the set. */
static void spill_put(struct cg *g, const struct limit *l)
{
	V p = cg_atc(g, l->set, l->layout.spill), v = add(g, l->now, window(g, l));

	if (l->kind == XDPF_LIMIT_TAILED)
		v = LLVMBuildLShr(g->b, add(g, v, cg_c(g, 255)), cg_c(g, 8), "");
	v = not_zero(g, v);
	if (l->kind == XDPF_LIMIT_TAILED)
		v = LLVMBuildOr(g->b, v, and(g, load(g, p), cg_c(g, (uint64_t)UINT8_MAX << 56)), "");
	cg_store(g, v, p, 8, 8);
}

void cg_limit_look(struct cg *g, const struct limit *l)
{
	BB use = cg_block(g, "use"), unknown = cg_block(g, "unknown"), found = cg_block(g, "put in"), full = cg_block(g, "full");
	BB spilled = cg_block(g, "spilled"), room = cg_block(g, "room"), no_room = cg_block(g, "no room"), later = cg_block(g, "later");
	BB store = cg_block(g, "spill"), next = cg_block(g, "next"), some = cg_block(g, "some"), none = cg_block(g, "none");
	BB look = cg_block(g, "look"), seen = cg_block(g, "seen"), lock = cg_block(g, "lock");
	V until, state, p;

	/* most that are there have a token, or none, without a lock; in the first set it was not found so */
	cg_branch(g, is(g, LLVMIntNE, told(g, l, LOOK_SEEN, 1), cg_c(g, 0)), lock, look);
	cg_go(g, look);
	p = find(g, l, seen, lock, &state);
	take(g, l, p, state, return_of(g, LOOK_ADMITTED), return_of(g, LOOK_DENIED), lock);
	cg_go(g, lock);
	cg_helper(g, BPF_FUNC_spin_lock, g->i64, 1, (V *)&l->set);
	p = find(g, l, use, unknown, &state);
	take(g, l, p, state, some, none, NULL);
	look_ends(g, l->set, none, LOOK_DENIED);

	cg_go(g, unknown);
	cg_branch(g, is(g, LLVMIntNE, told(g, l, LOOK_LAST, 1), cg_c(g, 0)), room, spilled);
	cg_go(g, spilled);
	cg_branch(g, is(g, LLVMIntNE, is_live(g, l, spill_of(g, l)), cg_c(g, 0)), later, room);
	cg_go(g, room);
	insert(g, l, claim(g, l, told(g, l, LOOK_WAY, 3), found, no_room));
	LLVMBuildBr(g->b, some);
	look_ends(g, l->set, some, LOOK_ADMITTED);
	cg_go(g, no_room);
	cg_branch(g, is(g, LLVMIntNE, told(g, l, LOOK_LAST, 1), cg_c(g, 0)), full, store);
	look_ends(g, l->set, full, LOOK_FULL);

	/* a clock that is behind another CPU's does not take back what that one said */
	cg_go(g, later);
	until = add(g, l->now, window(g, l));
	cg_branch(g, is(g, LLVMIntSGT, sub(g, spill_of(g, l), until), cg_c(g, 0)), next, store);
	cg_go(g, store);
	spill_put(g, l);
	LLVMBuildBr(g->b, next);
	look_ends(g, l->set, next, LOOK_NEXT);
}

static void denied(struct cg *g, const struct limit *l, BB at)
{
	cg_go(g, at);
	cg_limit_remember(g, l);
	LLVMBuildBr(g->b, l->denied);
}

void cg_limit_known(struct cg *g, const struct limit *l)
{
	BB known = cg_block(g, "known"), slow = cg_block(g, "slow"), none = cg_block(g, "none");
	V state, p;

	if (owned(l) && cg_soon_few(g))
		p = find_near(g, l, known, slow, &state);
	else if (owned(l))
		p = find_own(g, l, known, slow, &state);
	else
		p = find(g, l, known, slow, &state);
	take(g, l, p, state, l->admitted, none, slow);
	denied(g, l, none);
	cg_go(g, slow);
}

_Static_assert(XDPF_LIMIT_LEVELS == 8, "behind the last level is the first with bit 3 set");

/* Asks the set that @hash names; the builder stands where the next is to be asked. */
static void ask(struct cg *g, const struct limit *l, V hash, V last, V seen)
{
	BB no = cg_block(g, "no token"), none = cg_block(g, "none"), more = cg_block(g, "no room"), next = cg_block(g, "next set");
	V what = cg_limit_number_of(g, l, hash), args[] = { l->key, l->now, l->cost, window(g, l), NULL }, r;

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
	/* the first has been looked through, if cg_limit_known() does so */
	seen = owned(l) && !cg_soon_few(g) ? cg_c(g, 0) : LLVMBuildLShr(g->b, sub(g, level, cg_c(g, 1)), cg_c(g, 63), "");
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
