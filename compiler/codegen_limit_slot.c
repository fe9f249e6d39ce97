/*
 * What a set of a rate limit's table is made of: slots for keys with their states, .spill, and the lock by which CPUs change who is in it one
 * after the other. In: an address in it. Out: code that reads or changes it.
 */
#include "abi.h"
#include "codegen_limit_emit.h"

/* Each time anew: kept, it would lie on the stack. */
V cg_slot_told(struct cg *g, const struct limit *l, unsigned bit, unsigned mask)
{
	return and(g, LLVMBuildLShr(g->b, cg_hide(g, l->what), cg_c(g, bit), ""), cg_c(g, mask));
}

V cg_slot_window(struct cg *g, const struct limit *l)
{
	return l->window ? l->window : CG_LIMIT(g, l, window);
}

V cg_slot_reach(struct cg *g, const struct limit *l)
{
	V skew = cg_c(g, (uint64_t)1 << XDPF_LIMIT_SKEW_BITS);

	if (!l->what)
		return CG_LIMIT(g, l, reach);
	return add(g, l->window, LLVMBuildShl(g->b, skew, cg_slot_told(g, l, LOOK_SHIFT, (1 << LOOK_SHIFT_BITS) - 1), ""));
}

/* x < reach, as reach is less than 2^63, by the borrow of x - reach */
V cg_slot_live(struct cg *g, const struct limit *l, V state)
{
	V x = sub(g, sub(g, state, l->now), cg_c(g, 1));

	return and(g, nonzero(g, state), top_bit(g, and(g, sub(g, x, cg_slot_reach(g, l)), LLVMBuildNot(g->b, x, ""))));
}

V cg_slot_not_zero(struct cg *g, V v)
{
	return text(g, "if $0 != 0 goto +1\n\t$0 = 1", "=r,0", &v, 1);
}

V cg_slot(struct cg *g, const struct limit *l, V set, unsigned i)
{
	return cg_atc(g, set, l->layout.first + i * l->layout.slot);
}

V cg_slot_set(struct cg *g, const struct limit *l)
{
	return l->what ? cg_hide(g, l->set) : l->set;
}

V cg_slot_at(struct cg *g, const struct limit *l, V i)
{
	V at = LLVMBuildMul(g->b, cg_at_most(g, i, l->layout.ways - 1), cg_c(g, l->layout.slot), "");

	return cg_at(g, cg_slot(g, l, cg_slot_set(g, l), 0), at);
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

/* Where what is long must not be kept it is read anew: it would lie on the stack a second time. */
static V key_word(struct cg *g, const struct limit *l, unsigned k)
{
	return l->again ? load(g, cg_atc(g, l->key, 8 * (uint64_t)k)) : l->word[k];
}

/* Of the last one only what is used, if half of it is: in the rest may just have been stored (cg_limit_fetch()). */
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

void cg_slot_compare(struct cg *g, const struct limit *l, V p, BB same, BB other)
{
	for (unsigned k = 0; k < l->words; k++) {
		BB on = k + 1 < l->words ? cg_block_after(g, LLVMGetInsertBlock(g->b), "so far") : same;

		cg_branch(g, is(g, LLVMIntEQ, key_word(g, l, k), slot_word(g, l, p, k)), on, other);
		cg_go(g, on);
	}
}

V cg_slot_differs(struct cg *g, const struct limit *l, V p, V was)
{
	V differ = NULL, d;

	p = after(g, p, was);
	for (unsigned k = 0; k < l->words; k++) {
		d = LLVMBuildXor(g->b, key_word(g, l, k), slot_word(g, l, p, k), "");
		differ = differ ? LLVMBuildOr(g->b, differ, d, "") : d;
	}
	return differ;
}

/* The word of the lock, when nobody holds it: its byte that is only written is 0, the last one may be the first slot's key's. That one alone is read:
 * the whole would wait for what has just been written there (cg_limit_fetch()). */
static V not_held(struct cg *g, const struct limit *l)
{
	V v;

	if (l->kind != XDPF_LIMIT_TAILED)
		return cg_c32(g, 0);
	v = LLVMBuildLoad2(g->b, g->i8, byte_at(g, cg_slot(g, l, cg_slot_set(g, l), 0)), "");
	LLVMSetVolatile(v, 1);
	return LLVMBuildShl(g->b, LLVMBuildZExt(g->b, v, g->i32, ""), cg_c32(g, 24), "");
}

static V lock_at(struct cg *g, const struct limit *l)
{
	return cg_atc(g, cg_slot_set(g, l), XDPF_LIMIT_UNREAD);
}

/* To @held, if nobody holds it; else the builder goes on. */
static void hold(struct cg *g, const struct limit *l, BB held)
{
	BB not = cg_block_after(g, LLVMGetInsertBlock(g->b), "not held");
	V was = not_held(g, l);

	cg_branch(g, is(g, LLVMIntEQ, swap(g, lock_at(g, l), was, LLVMBuildOr(g->b, was, cg_c32(g, XDPF_LIMIT_HELD), "")), was), held, not);
	cg_go(g, not);
}

void cg_slot_try_hold(struct cg *g, const struct limit *l, BB not)
{
	BB held = cg_block_after(g, LLVMGetInsertBlock(g->b), "held");

	hold(g, l, held);
	LLVMBuildBr(g->b, not);
	cg_go(g, held);
}

void cg_slot_hold(struct cg *g, const struct limit *l, BB not)
{
	enum { TRIES = 64 };
	BB before = LLVMGetInsertBlock(g->b), held = cg_block_after(g, before, "held"), try = cg_block_after(g, before, "hold");
	V n, next;

	LLVMBuildBr(g->b, try);
	cg_go(g, try);
	n = LLVMBuildPhi(g->b, g->i64, "");
	hold(g, l, held);
	next = add(g, n, cg_c(g, 1));
	LLVMAddIncoming(n, (V[]){ cg_c(g, 0), next }, (BB[]){ before, LLVMGetInsertBlock(g->b) }, 2);
	cg_branch(g, is(g, LLVMIntULT, next, cg_c(g, TRIES)), try, not);
	cg_go(g, held);
}

void cg_slot_leave(struct cg *g, const struct limit *l)
{
	cg_store(g, cg_c(g, 0), cg_atc(g, cg_slot_set(g, l), XDPF_LIMIT_HELD_AT), 1, 1);
}

void cg_slot_release(struct cg *g, const struct limit *l)
{
	LLVMBuildAtomicRMW(g->b, LLVMAtomicRMWBinOpXchg, lock_at(g, l), not_held(g, l), LLVMAtomicOrderingSequentiallyConsistent, 0);
}

V cg_slot_full(struct cg *g, const struct limit *l)
{
	V at = cg_c(g, l->layout.ways);

	for (unsigned i = l->layout.ways; i--;)
		at = choose(g, cg_slot_live(g, l, load(g, cg_slot(g, l, cg_slot_set(g, l), i))), at, cg_c(g, i));
	return cg_hide(g, at);
}

/* A slot of the set, locked, that nobody needs, with state 0: slot @mine, if nobody ever had it; or one that nobody ever had, so that who has slot
 * @mine, full again, is found there when it comes next; or slot @mine; or any. */
V cg_slot_claim(struct cg *g, const struct limit *l, V mine, BB here, BB none)
{
	BB from[XDPF_LIMIT_MAX_WAYS + 3], found = cg_block(g, "free"), any = cg_block(g, "any"), some = cg_block(g, "some");
	V at[XDPF_LIMIT_MAX_WAYS + 3], was[XDPF_LIMIT_MAX_WAYS + 3], own = cg_slot_at(g, l, mine), own_was = load(g, own), i, p, state;
	unsigned n = 0;

	for (unsigned k = 0; k <= l->layout.ways; k++, n++) {
		BB on = cg_block(g, "used");

		at[n] = k ? cg_slot(g, l, cg_slot_set(g, l), k - 1) : own;
		was[n] = k ? load(g, at[n]) : own_was;
		from[n] = LLVMGetInsertBlock(g->b);
		cg_branch(g, is(g, LLVMIntEQ, was[n], cg_c(g, 0)), found, on);
		cg_go(g, on);
	}
	at[n] = own;
	was[n] = own_was;
	from[n++] = LLVMGetInsertBlock(g->b);
	cg_branch(g, is(g, LLVMIntEQ, cg_slot_live(g, l, own_was), cg_c(g, 0)), found, any);
	cg_go(g, any);
	i = cg_slot_full(g, l);
	cg_branch(g, is(g, LLVMIntUGE, i, cg_c(g, l->layout.ways)), none, some);
	cg_go(g, some);
	at[n] = cg_slot_at(g, l, i);
	was[n] = load(g, at[n]);
	from[n++] = LLVMGetInsertBlock(g->b);
	/* somebody without a lock may have taken from it */
	cg_branch(g, is(g, LLVMIntNE, cg_slot_live(g, l, was[n - 1]), cg_c(g, 0)), none, found);
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

void cg_slot_insert(struct cg *g, const struct limit *l, V p)
{
	for (unsigned k = 0; k < l->layout.words; k++)
		LLVMSetVolatile(LLVMBuildStore(g->b, key_word(g, l, k), word_at(g, p, k)), 1);
	if (l->kind == XDPF_LIMIT_TAILED)
		cg_store(g, key_word(g, l, l->layout.words), byte_at(g, p), 1, 1);
	LLVMBuildAtomicRMW(g->b, LLVMAtomicRMWBinOpXchg, p, cg_slot_not_zero(g, add(g, l->now, l->cost)),
			   LLVMAtomicOrderingSequentiallyConsistent, 0);
}

/* The set's .spill, which shares a word with a key's byte where keys have one: as xdpf_limit_spill() has it. */
V cg_slot_spill(struct cg *g, const struct limit *l)
{
	V v = load(g, cg_atc(g, l->set, l->layout.spill));

	return l->kind == XDPF_LIMIT_TAILED ? LLVMBuildShl(g->b, v, cg_c(g, 8), "") : v;
}

void cg_slot_spill_put(struct cg *g, const struct limit *l)
{
	V p = cg_atc(g, l->set, l->layout.spill), v = add(g, l->now, cg_slot_window(g, l));

	if (l->kind == XDPF_LIMIT_TAILED)
		v = LLVMBuildLShr(g->b, add(g, v, cg_c(g, 255)), cg_c(g, 8), "");
	v = cg_slot_not_zero(g, v);
	if (l->kind == XDPF_LIMIT_TAILED)
		v = LLVMBuildOr(g->b, v, and(g, load(g, p), cg_c(g, (uint64_t)UINT8_MAX << 56)), "");
	cg_store(g, v, p, 8, 8);
}

