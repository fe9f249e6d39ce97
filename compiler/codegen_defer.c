/*
 * Counters of many rules. In: a rule's index, and the frame's length. Out: code that notes both in a short list of this CPU's, which stays in its
 * cache, and when the list is full adds all of them to the rules' counters: a counter of one among many is far away in memory, and so many that do
 * not depend on each other are fetched at the same time. See struct xdpf_pending for what readers may rely on.
 */
#include "codegen_priv.h"

#include <linux/bpf.h>

#include "abi.h"

static V volatile_load(struct cg *g, V p)
{
	V v = LLVMBuildLoad2(g->b, g->i64, p, "");

	LLVMSetVolatile(v, 1);
	return v;
}

/* Readers look on: nothing is stored in another order than it stands here. */
static void store_in_order(struct cg *g, V v, V p)
{
	LLVMSetVolatile(LLVMBuildStore(g->b, v, p), 1);
}

/* With all that was stored before, and before all that is stored after. */
static void store_fenced(struct cg *g, V v, V p)
{
	LLVMBuildAtomicRMW(g->b, LLVMAtomicRMWBinOpXchg, p, v, LLVMAtomicOrderingSequentiallyConsistent, 0);
}

static V masked(struct cg *g, V n)
{
	return LLVMBuildAnd(g->b, n, cg_c(g, XDPF_PENDING - 1), "");
}

static V note_at(struct cg *g, V list, V n)
{
	return cg_atc(g, cg_at(g, list, LLVMBuildShl(g->b, n, cg_c(g, 3), "")), offsetof(struct xdpf_pending, note));
}

/* The element of @map whose index is stored at @key; to @none where there is none. */
static V element(struct cg *g, V map, V key, BB none)
{
	V p = cg_helper(g, BPF_FUNC_map_lookup_elem, g->ptr, 2, (V[]){ map, key });
	BB some = cg_block_after(g, LLVMGetInsertBlock(g->b), "element");

	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, p, LLVMConstNull(g->ptr), ""), none, some);
	cg_go(g, some);
	return p;
}

/* The counter with this index; to @none where there is none. */
static V counter_of(struct cg *g, V index, V key, BB none)
{
	V page;

	cg_store(g, LLVMBuildLShr(g->b, index, cg_c(g, XDPF_PAGE_BITS), ""), key, 4, 4);
	page = element(g, g->rules, key, none);
	index = LLVMBuildAnd(g->b, index, cg_c(g, XDPF_PAGE - 1), "");
	return cg_at(g, page, LLVMBuildMul(g->b, index, cg_c(g, sizeof(struct xdpf_counter)), ""));
}

static void add(struct cg *g, V counter, uint64_t member, V n)
{
	V at = cg_atc(g, counter, member);

	cg_store(g, LLVMBuildAdd(g->b, cg_load(g, at, 8, 8), n, ""), at, 8, 8);
}

static T flush_type(struct cg *g)
{
	return LLVMFunctionType(g->i64, NULL, 0, 0);
}

/* Adds a packet of @len bytes to the counter with this index, and goes to @next. @key: room for a u32 on the stack. */
static void count(struct cg *g, V index, V len, V key, BB next)
{
	V counter = counter_of(g, index, key, next);

	add(g, counter, offsetof(struct xdpf_counter, packets), cg_c(g, 1));
	add(g, counter, offsetof(struct xdpf_counter, bytes), len);
	LLVMBuildBr(g->b, next);
}

/* Adds what the full list has. A global function: the verifier walks its loop once. */
static void flush_function(struct cg *g)
{
	BB head, next, all, done, entry, full;
	V key, list, n, i, note, then;

	g->flush_fn = cg_function_alone(g, XDPF_FN_FLUSH, flush_type(g), 0, NULL);
	key = cg_alloca(g, g->i32, "index");
	done = cg_block(g, "done");
	cg_store(g, cg_c(g, 0), key, 4, 4);
	list = element(g, g->pending, key, done);
	n = volatile_load(g, cg_atc(g, list, offsetof(struct xdpf_pending, n)));
	/* it was full, but what interrupted us has counted: that only test runs on old kernels can be */
	i = LLVMBuildSub(g->b, n, volatile_load(g, cg_atc(g, list, offsetof(struct xdpf_pending, flushing))), "");
	full = cg_block(g, "full");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntULT, i, cg_c(g, XDPF_PENDING), ""), done, full);
	cg_go(g, full);
	store_fenced(g, n, cg_atc(g, list, offsetof(struct xdpf_pending, flushing)));
	entry = LLVMGetInsertBlock(g->b);
	head = cg_block(g, "note");
	next = cg_block(g, "next");
	all = cg_block(g, "all");
	LLVMBuildBr(g->b, head);
	cg_go(g, head);
	i = LLVMBuildPhi(g->b, g->i64, "");
	note = cg_load(g, note_at(g, list, i), 8, 8);
	count(g, LLVMBuildAnd(g->b, note, cg_c(g, UINT32_MAX), ""), LLVMBuildLShr(g->b, note, cg_c(g, XDPF_NOTE_LEN), ""), key, next);
	cg_go(g, next);
	then = LLVMBuildAdd(g->b, i, cg_c(g, 1), "");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntULT, then, cg_c(g, XDPF_PENDING), ""), head, all);
	LLVMAddIncoming(i, (V[]){ cg_c(g, 0), then }, (BB[]){ entry, next }, 2);
	cg_go(g, all);
	store_fenced(g, n, cg_atc(g, list, offsetof(struct xdpf_pending, flushed)));
	LLVMBuildBr(g->b, done);
	LLVMMoveBasicBlockAfter(done, all);
	cg_go(g, done);
	LLVMBuildRet(g->b, cg_c(g, 0));
}

void cg_defer(struct cg *g)
{
	static const char *const member[] = { "flushed", "flushing", "n", "note" };
	static const unsigned bits[] = { 64, 64, 64, 64 * XDPF_PENDING };
	MD types[] = { g->du64, g->du64, g->du64, cg_array_type(g, g->du64, XDPF_PENDING, 64) };

	if (!g->ir->deferred)
		return;
	g->pending = cg_map(g, XDPF_MAP_PENDING, BPF_MAP_TYPE_PERCPU_ARRAY, 1, g->du32,
			    cg_struct_type(g, "xdpf_pending", 4, member, types, bits, NULL, 0));
	flush_function(g);
}

void cg_note(struct cg *g, V index, V len, V key)
{
	BB on = cg_block(g, "noted"), full;
	V list, n, word, at;

	cg_store(g, cg_c(g, 0), key, 4, 4);
	/* never null: an array has its element */
	list = element(g, g->pending, key, on);
	at = cg_atc(g, list, offsetof(struct xdpf_pending, n));
	n = volatile_load(g, at);
	word = LLVMBuildOr(g->b, LLVMBuildShl(g->b, len, cg_c(g, XDPF_NOTE_LEN), ""), index, "");
	store_in_order(g, word, note_at(g, list, masked(g, n)));
	n = LLVMBuildAdd(g->b, n, cg_c(g, 1), "");
	store_in_order(g, n, at);
	full = cg_block_after(g, LLVMGetInsertBlock(g->b), "full");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, masked(g, n), cg_c(g, 0), ""), full, on);
	cg_go(g, full);
	LLVMBuildCall2(g->b, flush_type(g), g->flush_fn, NULL, 0, "");
	LLVMBuildBr(g->b, on);
	LLVMMoveBasicBlockAfter(on, full);
	cg_go(g, on);
}

void cg_count(struct cg *g, V index)
{
	BB on = cg_block(g, "counted");

	count(g, index, cg_len(g), g->index, on);
	LLVMMoveBasicBlockAfter(on, LLVMGetInsertBlock(g->b));
	cg_go(g, on);
}
