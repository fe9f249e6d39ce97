/*
 * Sets that live, as maps. In: keys in parts, the time. Out: code that looks up, adds and removes. An element carries the time when it expires, so
 * that nobody needs to take it out for it to be gone; where a set is full, what has expired gives its room away: a queue of the elements
 * that may expire, oldest first, says where to look, and each new element looks at a few.
 */
#include "codegen_priv.h"

#include <linux/bpf.h>

#include "abi.h"
#include "meta.h"

static const struct ast_set *set_of(const struct cg *g, const struct ir_inst *i)
{
	return g->ir->ast->live.v[i->imm];
}

/* ---- maps ---- */

/* The type of an element: the kernel wants a trie's key to begin with the length. */
static MD element_type(struct cg *g, const struct ast_set *set, const struct meta_key *k)
{
	static const char *const names[] = { "prefixlen", "data" };
	MD types[] = { g->du32, cg_array_type(g, g->du8, k->size - (meta_set_trie(set) ? 4 : 0), 8) };
	unsigned bits[] = { 32, 8 * (k->size - (meta_set_trie(set) ? 4 : 0)) };

	bool hash = !meta_set_trie(set);

	return cg_struct_type(g, "", hash ? 1 : 2, names + hash, types + hash, bits + hash, NULL, 0);
}

static MD age_type(struct cg *g, unsigned key_size)
{
	static const char *const names[] = { "key", "age" };
	unsigned at = xdpf_age_at(key_size), bits[] = { 8 * at, 32 };
	MD types[] = { cg_array_type(g, g->du8, at, 8), g->du32 };

	return cg_struct_type(g, "xdpf_age", 2, names, types, bits, NULL, 0);
}

void cg_sets(struct cg *g)
{
	static const char *const members[] = { "until", "bits", "age", "turn", "zero" };
	static const unsigned bits[] = { 64, 32, 32, 32, 32 }, count_bits[] = { 64, 64 };
	const struct ast_program *ast = g->ir->ast;
	MD pair[] = { g->du64, g->du64 }, parts[] = { g->du64, g->du32, g->du32, g->du32, g->du32 }, value;

	if (!ast->live.n)
		return;
	value = cg_struct_type(g, "xdpf_element", 5, members, parts, bits, NULL, 0);
	g->sets = cg_map(g, XDPF_MAP_SETS, BPF_MAP_TYPE_PERCPU_ARRAY, 2 * ast->live.n, g->du32,
			 cg_struct_type(g, "xdpf_set_count", 2, (const char *const[]){ "a", "b" }, pair, count_bits, NULL, 0));
	cg_live_maps(g);
	g->set_map = arena_array(g->arena, ast->live.n, sizeof(V));
	g->set_queue = arena_array(g->arena, ast->live.n, sizeof(V));
	for (unsigned i = 0; i < ast->live.n; i++) {
		const struct ast_set *set = ast->live.v[i];
		struct meta_key k = meta_set_layout(g->arena, set);
		MD element = element_type(g, set, &k);
		const struct cg_map_def map = { meta_set_trie(set) ? BPF_MAP_TYPE_LPM_TRIE : BPF_MAP_TYPE_HASH, set->max, element, value,
						BPF_F_NO_PREALLOC };

		g->set_map[i] = cg_map_of(g, arena_printf(g->arena, "%s%u", XDPF_MAP_LIVE, i), &map);
		if (set->expires)
			g->set_queue[i] = cg_map(g, arena_printf(g->arena, "%s%u", XDPF_MAP_AGES, i), BPF_MAP_TYPE_QUEUE,
						 XDPF_SET_AGES * (uint64_t)set->max, NULL, age_type(g, k.size));
	}
}

/* ---- keys ---- */

static void key_store(struct cg *g, V v, unsigned off, unsigned bytes)
{
	unsigned align = off ? off & -off : 8;

	if (align >= bytes) {
		cg_store(g, v, cg_atc(g, g->key, off), bytes, bytes);
		return;
	}
	for (unsigned i = 0; i < bytes; i += align)
		cg_store(g, i ? LLVMBuildLShr(g->b, v, cg_c(g, 8 * i), "") : v, cg_atc(g, g->key, off + i), align, align);
}

void cg_set_key(struct cg *g, const struct ast_set *set, V *part)
{
	struct meta_key k = meta_set_layout(g->arena, set);

	for (unsigned at = 0; at < k.size; at += 8)
		cg_store(g, cg_c(g, 0), cg_atc(g, g->key, at), 8, 8);
	if (meta_set_trie(set))
		key_store(g, set->prefix ? *part++ : cg_c(g, 8 * (k.size - 4)), 0, 4);
	for (unsigned i = 0; i < k.n; i++) {
		const struct meta_key_field *f = &k.field[i];
		bool net = set->prefix && i == set->net;

		switch (f->kind) {
		case KIND_IP:
			key_store(g, *part++, f->offset + net, 8);
			key_store(g, *part++, f->offset + net + 8, 8);
			key_store(g, *part++, net ? f->offset : f->offset + 16, 1);
			break;
		case KIND_IP6:
			key_store(g, *part++, f->offset, 8);
			key_store(g, *part++, f->offset + 8, 8);
			break;
		case KIND_MAC:
			key_store(g, *part, f->offset, 4);
			key_store(g, LLVMBuildLShr(g->b, *part++, cg_c(g, 32), ""), f->offset + 4, 2);
			break;
		case KIND_NUM:
		case KIND_FLAG:
		case KIND_IP4:
		case KIND_IFACE:
			key_store(g, *part++, f->offset, f->size);
			break;
		case KIND_BYTES:	/* no set holds these */
			break;
		}
	}
}

/* ---- pieces ---- */

static V find(struct cg *g, V map, V key)
{
	return cg_helper(g, BPF_FUNC_map_lookup_elem, g->ptr, 2, (V[]){ map, key });
}

static V is_null(struct cg *g, V p)
{
	return LLVMBuildICmp(g->b, LLVMIntEQ, p, LLVMConstNull(g->ptr), "");
}

/* Is it in the set still? Zero, which stays, becomes the greatest number. */
static V is_live(struct cg *g, V until, V now)
{
	return LLVMBuildICmp(g->b, LLVMIntUGE, LLVMBuildSub(g->b, until, cg_c(g, 1), ""), now, "");
}

/* @set: its place among those that live. */
static void count(struct cg *g, uint64_t set, size_t member)
{
	unsigned second = member >= 16;

	cg_add_one(g, g->sets, cg_c(g, 2 * set + second), member - 16 * second);
}

static V yes(struct cg *g)
{
	return LLVMConstInt(LLVMInt1TypeInContext(g->cx), 1, 0);
}

/* Is the element at @p the one of the key at @key, and not one with a shorter prefix? */
static V is_same(struct cg *g, const struct ast_set *set, V p, V key)
{
	if (!set->prefix)
		return yes(g);
	return LLVMBuildICmp(g->b, LLVMIntEQ, cg_load(g, cg_atc(g, p, offsetof(struct xdpf_element, bits)), 4, 4), cg_load(g, key, 4, 4), "");
}

/* Is it of this turn of the set, or of all? */
static V is_of_turn(struct cg *g, const struct ast_set *set, V p)
{
	V t = cg_load(g, cg_atc(g, p, offsetof(struct xdpf_element, turn)), 4, 4);

	return LLVMBuildOr(g->b, LLVMBuildICmp(g->b, LLVMIntEQ, t, cg_c(g, 0), ""),
			   LLVMBuildICmp(g->b, LLVMIntEQ, t, cg_live_turn(g, set), ""), "");
}

/* ---- look-ups ---- */

/* In a set with prefixes: the longest one that matches, and while that has expired or is of another turn, the next shorter one. */
V cg_set_longest(struct cg *g, const struct ast_set *set, V now)
{
	BB here = LLVMGetInsertBlock(g->b), walk = cg_block_after(g, here, "prefix"), got = cg_block_after(g, walk, "prefix found");
	BB over = cg_block_after(g, got, "prefix expired"), on = cg_block_after(g, over, "prefix looked up");
	V n, next, p, in, bits, out, zero = cg_c(g, 0), one = cg_c(g, 1);

	LLVMBuildBr(g->b, walk);
	cg_go(g, walk);
	n = LLVMBuildPhi(g->b, g->i64, "");
	p = find(g, g->set_map[set->live_index], g->key);
	cg_branch(g, is_null(g, p), on, got);
	cg_go(g, got);
	in = is_of_turn(g, set, p);
	if (set->expires)
		in = LLVMBuildAnd(g->b, in, is_live(g, cg_load(g, p, 8, 8), now), "");
	cg_branch(g, in, on, over);
	cg_go(g, over);
	bits = cg_load(g, cg_atc(g, p, offsetof(struct xdpf_element, bits)), 4, 4);
	cg_store(g, LLVMBuildSub(g->b, bits, one, ""), g->key, 4, 4);
	next = LLVMBuildAdd(g->b, n, one, "");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntULT, next, cg_c(g, CG_SET_LENGTHS), ""), walk, on);
	LLVMAddIncoming(n, (V[]){ zero, next }, (BB[]){ here, over }, 2);
	cg_go(g, on);
	out = LLVMBuildPhi(g->b, g->i64, "");
	LLVMAddIncoming(out, (V[]){ zero, one, zero }, (BB[]){ walk, got, over }, 3);
	return out;
}

/* In the kernel's map, of the key in g->key. */
static V lookup(struct cg *g, const struct ir_inst *i, V now)
{
	const struct ast_set *set = set_of(g, i);
	BB here, got, on;
	V p, in, out;

	if (set->prefix)
		return cg_set_longest(g, set, now);
	p = find(g, g->set_map[i->imm], g->key);
	here = LLVMGetInsertBlock(g->b);
	got = cg_block_after(g, here, "element found");
	on = cg_block_after(g, got, "looked up");
	cg_branch(g, is_null(g, p), on, got);
	cg_go(g, got);
	in = is_of_turn(g, set, p);
	if (set->expires)
		in = LLVMBuildAnd(g->b, in, is_live(g, cg_load(g, p, 8, 8), now), "");
	in = LLVMBuildZExt(g->b, in, g->i64, "");
	LLVMBuildBr(g->b, on);
	cg_go(g, on);
	out = LLVMBuildPhi(g->b, g->i64, "");
	LLVMAddIncoming(out, (V[]){ cg_c(g, 0), in }, (BB[]){ here, got }, 2);
	return out;
}

V cg_set_lookup(struct cg *g, const struct ir_inst *i, V now, V *args)
{
	const struct ast_set *set = set_of(g, i);
	BB from[2], ask, on;
	V in[2] = { cg_c(g, 1) }, out;

	out = cg_live_has(g, set, now, args);
	if (cg_live_whole(g, set))
		return LLVMBuildZExt(g->b, out, g->i64, "");
	from[0] = LLVMGetInsertBlock(g->b);
	ask = cg_block_after(g, from[0], "not in the snapshot");
	on = cg_block_after(g, ask, "set asked");
	cg_branch(g, out, on, ask);
	cg_go(g, ask);
	cg_set_key(g, set, args);
	in[1] = lookup(g, i, now);
	from[1] = LLVMGetInsertBlock(g->b);
	LLVMBuildBr(g->b, on);
	LLVMMoveBasicBlockAfter(on, from[1]);
	cg_go(g, on);
	out = LLVMBuildPhi(g->b, g->i64, "");
	LLVMAddIncoming(out, in, from, 2);
	return out;
}

/* ---- changes ---- */

void cg_set_remove(struct cg *g, const struct ir_inst *i, V now, V *args)
{
	const struct ast_set *set = set_of(g, i);
	BB found = cg_block(g, "element to remove"), itself = cg_block(g, "remove it"), gone = cg_block(g, "removed");
	BB here, other = cg_block(g, "nothing besides"), on = cg_block(g, "remove done");
	V p, r, live, in, listed = cg_live_take(g, set, now, args), no = LLVMConstNull(LLVMInt1TypeInContext(g->cx));

	cg_set_key(g, set, args);
	p = find(g, g->set_map[i->imm], g->key);
	here = LLVMGetInsertBlock(g->b);
	cg_branch(g, is_null(g, p), other, found);
	cg_go(g, found);
	in = LLVMBuildAnd(g->b, is_same(g, set, p, g->key), is_of_turn(g, set, p), "");
	cg_branch(g, in, itself, other);
	cg_go(g, itself);
	/* one that has expired was there no more */
	live = is_live(g, cg_load(g, p, 8, 8), now);
	r = cg_helper(g, BPF_FUNC_map_delete_elem, g->i64, 2, (V[]){ g->set_map[i->imm], g->key });
	live = LLVMBuildAnd(g->b, live, LLVMBuildICmp(g->b, LLVMIntEQ, r, cg_c(g, 0), ""), "");
	LLVMBuildBr(g->b, other);
	cg_go(g, other);
	in = LLVMBuildPhi(g->b, LLVMInt1TypeInContext(g->cx), "");
	LLVMAddIncoming(in, (V[]){ no, no, live }, (BB[]){ here, found, itself }, 3);
	cg_branch(g, LLVMBuildOr(g->b, in, listed, ""), gone, on);
	cg_go(g, gone);
	count(g, i->imm, offsetof(struct xdpf_set_counts, removed));
	LLVMBuildBr(g->b, on);
	cg_go(g, on);
}

/* Where its age stands behind an element's key. */
static unsigned age_at(struct cg *g, const struct ast_set *set)
{
	return xdpf_age_at(meta_set_layout(g->arena, set).size);
}

static T room_type(struct cg *g)
{
	return LLVMFunctionType(g->i64, &g->i64, 1, 0);
}

/*
 * Takes old elements off the queue, at most XDPF_SET_TRIES, until one has made room: an expired one is deleted, one that is gone is forgotten,
 * though it came again since, one that lives goes to the queue's end. Returns whether one was found. A global function: the verifier walks its
 * rounds once, and not again for each rule that adds and each way that leads there.
 */
static V room_function(struct cg *g, const struct ast_set *set)
{
	unsigned at = age_at(g, set), index = set->live_index;
	V f = cg_function_alone(g, arena_printf(g->arena, "room_in_set_%u", index), room_type(g), 1, &g->du64);
	V map = g->set_map[index], queue = g->set_queue[index], now = LLVMGetParam(f, 0), n, next, p, r, age;
	BB here = LLVMGetInsertBlock(g->b), walk = cg_block(g, "oldest"), popped = cg_block(g, "oldest there"), look = cg_block(g, "oldest in set");
	BB same = cg_block(g, "oldest itself"), entry = cg_block(g, "its entry"), old = cg_block(g, "oldest expired");
	BB young = cg_block(g, "oldest lives"), on = cg_block(g, "next oldest"), none = cg_block(g, "no room");
	V oldest = cg_alloca(g, LLVMArrayType2(g->i8, xdpf_age_size(meta_set_layout(g->arena, set).size)), "oldest");
	V before = g->index;

	g->index = cg_alloca(g, g->i32, "index");
	LLVMBuildBr(g->b, walk);
	cg_go(g, walk);
	n = LLVMBuildPhi(g->b, g->i64, "");
	r = cg_helper(g, BPF_FUNC_map_pop_elem, g->i64, 2, (V[]){ queue, oldest });
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, r, cg_c(g, 0), ""), popped, none);
	cg_go(g, popped);
	p = find(g, map, oldest);
	cg_branch(g, is_null(g, p), on, look);
	cg_go(g, look);
	cg_branch(g, is_same(g, set, p, oldest), same, on);
	cg_go(g, same);
	age = cg_load(g, cg_atc(g, oldest, at), 4, 4);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, cg_load(g, cg_atc(g, p, offsetof(struct xdpf_element, age)), 4, 4), age, ""), entry, on);
	cg_go(g, entry);
	cg_branch(g, is_live(g, cg_load(g, p, 8, 8), now), young, old);
	cg_go(g, old);
	cg_helper(g, BPF_FUNC_map_delete_elem, g->i64, 2, (V[]){ map, oldest });
	count(g, index, offsetof(struct xdpf_set_counts, expired));
	LLVMBuildRet(g->b, cg_c(g, 1));
	cg_go(g, young);
	cg_helper(g, BPF_FUNC_map_push_elem, g->i64, 3, (V[]){ queue, oldest, cg_c(g, BPF_ANY) });
	LLVMBuildBr(g->b, on);
	cg_go(g, on);
	next = LLVMBuildAdd(g->b, n, cg_c(g, 1), "");
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntULT, next, cg_c(g, XDPF_SET_TRIES), ""), walk, none);
	LLVMAddIncoming(n, (V[]){ cg_c(g, 0), next }, (BB[]){ here, on }, 2);
	LLVMMoveBasicBlockAfter(none, on);
	cg_go(g, none);
	LLVMBuildRet(g->b, cg_c(g, 0));
	g->index = before;
	return f;
}

void cg_set_functions(struct cg *g)
{
	const struct ir_program *p = g->ir;

	g->room_fn = arena_array(g->arena, p->ast->live.n + 1, sizeof(V));
	for (size_t b = 0; b < p->block.n; b++)
		for (size_t k = 0; k < p->block.v[b]->inst.n; k++) {
			const struct ir_inst *i = &p->block.v[b]->inst.v[k];

			if (i->op == IR_ADDSET && set_of(g, i)->expires && !g->room_fn[i->imm])
				g->room_fn[i->imm] = room_function(g, set_of(g, i));
		}
}

static V make_room(struct cg *g, const struct ir_inst *i, V now)
{
	return LLVMBuildCall2(g->b, room_type(g), g->room_fn[i->imm], &now, 1, "");
}

/* @turn: see struct xdpf_element. */
static V insert(struct cg *g, const struct ir_inst *i, V until, V turn, V now)
{
	V bits = set_of(g, i)->prefix ? cg_load(g, g->key, 4, 4) : cg_c(g, 0);

	cg_store(g, until, g->value, 8, 8);
	cg_store(g, bits, cg_atc(g, g->value, offsetof(struct xdpf_element, bits)), 4, 4);
	cg_store(g, now, cg_atc(g, g->value, offsetof(struct xdpf_element, age)), 4, 4);
	cg_store(g, turn, cg_atc(g, g->value, offsetof(struct xdpf_element, turn)), 8, 8);
	return cg_helper(g, BPF_FUNC_map_update_elem, g->i64, 4, (V[]){ g->set_map[i->imm], g->key, g->value, cg_c(g, BPF_NOEXIST) });
}

static V is_error(struct cg *g, V r, int64_t error)
{
	return LLVMBuildICmp(g->b, LLVMIntEQ, LLVMBuildTrunc(g->b, r, g->i32, ""), cg_c32(g, (uint32_t)error), "");
}

void cg_set_add(struct cg *g, const struct ir_inst *i, V until, V now, V *args, V slot)
{
	const struct ast_set *set = set_of(g, i);
	BB found = cg_block(g, "element there"), own = cg_block(g, "element itself"), refresh = cg_block(g, "refresh");
	BB fresh = cg_block(g, "new element"), lapsed = cg_block(g, "element was expired");
	BB refused = cg_block(g, "not inserted"), wanted = cg_block(g, "room wanted"), room = cg_block(g, "room made");
	BB full = cg_block(g, "set full");
	BB added = cg_block(g, "inserted"), push = cg_block(g, "its age"), late = cg_block(g, "queue full");
	BB lost = cg_block(g, "no age"), on = cg_block(g, "add done"), counted = cg_block(g, "insert counted");
	BB here, other = cg_block(g, "of another turn"), valid = cg_block(g, "of this turn");
	V p, r, ok, was, turn, turns[3];

	if (!set->prefix) {
		BB ask = cg_block(g, "not in the snapshot");

		/* what it has of single elements stays, or until all of it goes */
		cg_branch(g, cg_live_has(g, set, cg_c(g, UINT64_MAX - 1), args), on, ask);
		cg_go(g, ask);
	}
	turns[0] = turns[1] = cg_live_turn(g, set);
	turns[2] = cg_c(g, 0);
	cg_set_key(g, set, args);
	p = find(g, g->set_map[i->imm], g->key);
	here = LLVMGetInsertBlock(g->b);
	cg_branch(g, is_null(g, p), fresh, found);
	cg_go(g, found);
	cg_branch(g, is_same(g, set, p, g->key), own, fresh);
	cg_go(g, own);
	cg_branch(g, is_of_turn(g, set, p), valid, other);
	/* what it holds is being replaced: a packet of the other turn may be adding the same, so it is added to both */
	cg_go(g, other);
	cg_helper(g, BPF_FUNC_map_delete_elem, g->i64, 2, (V[]){ g->set_map[i->imm], g->key });
	LLVMBuildBr(g->b, fresh);
	cg_go(g, valid);
	/* one that stays is not made to expire */
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, cg_load(g, p, 8, 8), cg_c(g, 0), ""), on, refresh);
	cg_go(g, refresh);
	was = cg_load(g, p, 8, 8);
	cg_store(g, until, p, 8, 8);
	/* one that was there no more is new */
	cg_branch(g, is_live(g, was, now), on, lapsed);
	cg_go(g, lapsed);
	count(g, i->imm, offsetof(struct xdpf_set_counts, added));
	LLVMBuildBr(g->b, on);

	cg_go(g, fresh);
	turn = LLVMBuildPhi(g->b, g->i64, "");
	LLVMAddIncoming(turn, turns, (BB[]){ here, found, other }, 3);
	r = insert(g, i, until, turn, now);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, r, cg_c(g, 0), ""), added, refused);
	cg_go(g, refused);
	/* another CPU may have been first */
	cg_branch(g, is_error(g, r, -17), on, wanted);
	cg_go(g, wanted);
	if (set->expires) {
		ok = make_room(g, i, now);
		cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, ok, cg_c(g, 0), ""), full, room);
		cg_go(g, room);
		ok = insert(g, i, until, turn, now);
		cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, ok, cg_c(g, 0), ""), added, full);
	} else {
		LLVMBuildBr(g->b, full);
		cg_go(g, room);
		LLVMBuildUnreachable(g->b);
	}
	cg_go(g, full);
	count(g, i->imm, offsetof(struct xdpf_set_counts, full));
	cg_add_one(g, g->misses, slot, offsetof(struct xdpf_miss, full));
	LLVMBuildBr(g->b, on);

	cg_go(g, added);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, set->expires ? until : cg_c(g, 0), cg_c(g, 0), ""), counted, push);
	cg_go(g, push);
	if (set->expires) {
		V queue = g->set_queue[i->imm];

		cg_store(g, now, cg_atc(g, g->key, age_at(g, set)), 4, 4);
		r = cg_helper(g, BPF_FUNC_map_push_elem, g->i64, 3, (V[]){ queue, g->key, cg_c(g, BPF_ANY) });
		cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, r, cg_c(g, 0), ""), counted, late);
		/* the queue is full of elements that were removed: forget some */
		cg_go(g, late);
		make_room(g, i, now);
		r = cg_helper(g, BPF_FUNC_map_push_elem, g->i64, 3, (V[]){ queue, g->key, cg_c(g, BPF_ANY) });
		cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, r, cg_c(g, 0), ""), counted, lost);
		/* without its age it could keep its room for ever: it is not added */
		cg_go(g, lost);
		cg_helper(g, BPF_FUNC_map_delete_elem, g->i64, 2, (V[]){ g->set_map[i->imm], g->key });
		LLVMBuildBr(g->b, full);
	} else {
		LLVMBuildBr(g->b, counted);
		for (BB *b = (BB[]){ late, lost, NULL }; *b; b++) {
			cg_go(g, *b);
			LLVMBuildUnreachable(g->b);
		}
	}
	cg_go(g, counted);
	count(g, i->imm, offsetof(struct xdpf_set_counts, added));
	LLVMBuildBr(g->b, on);
	cg_go(g, on);
}
