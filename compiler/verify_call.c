/*
 * Calls of a walk. In: a call. Out: what it leaves in register 0, on the stack and of the packet's pointers; a function of the object's that is not
 * verified by itself is entered.
 */
#include "verify_priv.h"

#include <stdlib.h>
#include <string.h>

enum returns { NUMBER, CPU, VALUE, MEMORY };

/*
 * What each of the kernel's functions takes, a letter for each: m the map, k a key, e an element, E an element that it fills, r bytes that it reads,
 * w bytes that it fills, x bytes that it reads and writes (each followed by s, how many), 2, 4, 8 so many bytes that it writes, n a number that must
 * be known, d what it gives back, . anything else.
 */
struct callee {
	int id;
	const char *name;
	const char *takes;
	enum returns returns;
	bool moves;			/* the packet: no pointer to it is one any more */
};

static const struct callee callees[] = {
	{ BPF_FUNC_map_lookup_elem, NULL, "mk", VALUE, false },
	{ BPF_FUNC_map_update_elem, NULL, "mke.", NUMBER, false },
	{ BPF_FUNC_map_delete_elem, NULL, "mk", NUMBER, false },
	{ BPF_FUNC_map_push_elem, NULL, "me.", NUMBER, false },
	{ BPF_FUNC_map_pop_elem, NULL, "mE", NUMBER, false },
	{ BPF_FUNC_ktime_get_ns, NULL, "", NUMBER, false },
	{ BPF_FUNC_ktime_get_tai_ns, NULL, "", NUMBER, false },
	{ BPF_FUNC_get_prandom_u32, NULL, "", NUMBER, false },
	{ BPF_FUNC_get_smp_processor_id, NULL, "", CPU, false },
	{ BPF_FUNC_redirect, NULL, "..", NUMBER, false },
	{ BPF_FUNC_redirect_map, NULL, "m..", NUMBER, false },
	{ BPF_FUNC_perf_event_output, NULL, ".m.rs", NUMBER, false },
	{ BPF_FUNC_csum_diff, NULL, "rsrs.", NUMBER, false },
	{ BPF_FUNC_xdp_adjust_head, NULL, "..", NUMBER, true },
	{ BPF_FUNC_xdp_adjust_meta, NULL, "..", NUMBER, true },
	{ BPF_FUNC_xdp_adjust_tail, NULL, "..", NUMBER, true },
	{ BPF_FUNC_fib_lookup, NULL, ".xs.", NUMBER, false },
	{ BPF_FUNC_sk_lookup_tcp, NULL, ".rs..", MEMORY, false },
	{ BPF_FUNC_sk_lookup_udp, NULL, ".rs..", MEMORY, false },
	{ BPF_FUNC_skc_lookup_tcp, NULL, ".rs..", MEMORY, false },
	{ BPF_FUNC_sk_release, NULL, "d", NUMBER, false },
	{ BPF_FUNC_spin_lock, NULL, ".", NUMBER, false },
	{ BPF_FUNC_spin_unlock, NULL, ".", NUMBER, false },
	{ BPF_FUNC_tcp_gen_syncookie, NULL, ".rsrs", NUMBER, false },
	{ BPF_FUNC_tcp_raw_gen_syncookie_ipv4, NULL, "..n", NUMBER, false },
	{ BPF_FUNC_tcp_raw_gen_syncookie_ipv6, NULL, "..n", NUMBER, false },
	{ BPF_FUNC_tcp_raw_check_syncookie_ipv4, NULL, "..", NUMBER, false },
	{ BPF_FUNC_tcp_raw_check_syncookie_ipv6, NULL, "..", NUMBER, false },
	{ BPF_FUNC_ringbuf_reserve, NULL, "mn.", MEMORY, false },
	{ BPF_FUNC_ringbuf_submit, NULL, "d.", NUMBER, false },
	{ BPF_FUNC_ringbuf_discard, NULL, "d.", NUMBER, false },
	{ BPF_FUNC_check_mtu, NULL, "..4..", NUMBER, false },
	{ BPF_FUNC_xdp_get_buff_len, NULL, ".", NUMBER, false },
	{ BPF_FUNC_xdp_load_bytes, NULL, "..ws", NUMBER, false },
	{ BPF_FUNC_xdp_store_bytes, NULL, "..rs", NUMBER, false },
	{ 0, "bpf_xdp_ct_lookup", ".rsxs", MEMORY, false },
	{ 0, "bpf_ct_release", "d", NUMBER, false },
	{ 0, "dev_xdp_metadata_rx_hash", ".44", NUMBER, false },
	{ 0, "dev_xdp_metadata_rx_timestamp", ".8", NUMBER, false },
	{ 0, "dev_xdp_metadata_rx_vlan_tag", ".22", NUMBER, false },
};

static const struct callee *callee_of(const struct verify_code *c, size_t at)
{
	for (size_t k = 0; k < sizeof(callees) / sizeof(*callees); k++) {
		const struct callee *e = &callees[k];

		if (c->kernel[at] ? e->name && !strcmp(e->name, c->kernel[at]) : e->id && e->id == c->in[at].imm)
			return e;
	}
	return NULL;
}

unsigned call_reads(const struct verify_code *c, size_t at)
{
	const struct callee *e = c->callee[at] == SIZE_MAX ? callee_of(c, at) : NULL;

	return e ? ((1U << (strlen(e->takes) + 1)) - 1) & ~1U : 0x3e;
}

bool call_moves(const struct verify_code *c, size_t at)
{
	const struct callee *e = callee_of(c, at);

	return e && e->moves;
}

static void none(struct reg *r)
{
	*r = (struct reg){ .kind = REG_NONE };
}

static void no_packet(struct verify *v, struct reg *r, const struct reg *with)
{
	(void)v;
	(void)with;
	if (r->kind == REG_PACKET || r->kind == REG_META || r->kind == REG_END)
		none(r);
}

static void given_back(struct verify *v, struct reg *r, const struct reg *with)
{
	(void)v;
	if (r->ref == with->ref)
		none(r);
}

/* The element's number, where the verifier knows it. */
static bool known_key(struct verify *v, const struct reg *key, uint64_t *value)
{
	int64_t off = key->off + (int64_t)key->n.bits.value;
	unsigned first = (unsigned)(-off - 1), n = 0;
	struct slot *s;

	if (key->kind != REG_STACK || !number_known(&key->n) || off >= 0 || off < -8 * VERIFY_SLOTS)
		return false;
	s = state_slot(&v->cur->frame[key->frame], first / 8);
	for (unsigned i = first % 8 + 1; i > 0 && s->byte[i - 1] == BYTE_ZERO; i--)
		n++;
	*value = 0;
	if (n >= 4)
		return true;
	if (!slot_spilled(s) || s->reg.kind != REG_NUMBER)
		return false;
	n = 0;
	for (unsigned i = first % 8 + 1; i > 0 && s->byte[i - 1] == BYTE_SPILL; i--)
		n++;
	if (n != 4 || !number_known(&s->reg.n))
		return false;
	mark_slot(v, v->cur, key->frame, first / 8);
	*value = s->reg.n.bits.value;
	return true;
}

static bool argument(struct verify *v, const struct callee *e, unsigned k, const struct verify_map *map, struct reg *r)
{
	const struct reg size = k < 4 ? r[k + 2] : r[0];
	uint32_t bytes = (uint32_t)(size.n.umax > 8 * VERIFY_SLOTS ? 8 * VERIFY_SLOTS : size.n.umax);
	struct reg *a = &r[k + 1];

	switch (e->takes[k]) {
	case 'k':
		stack_range(v, a, map ? map->key : 0, STACK_READ);
		break;
	case 'e':
		stack_range(v, a, map ? map->value : 0, STACK_READ);
		break;
	case 'E':
		stack_range(v, a, map ? map->value : 0, STACK_FILL);
		break;
	case 'r':
	case 'w':
	case 'x':
		stack_range(v, a, bytes, e->takes[k] == 'r' ? STACK_READ : e->takes[k] == 'w' ? STACK_FILL : STACK_CHANGE);
		break;
	case '2':
	case '4':
	case '8':
		stack_range(v, a, (uint32_t)(e->takes[k] - '0'), STACK_CHANGE);
		break;
	case 's':
	case 'n':
		if (a->kind == REG_NUMBER)
			mark_reg(v, v->cur, k + 1);
		break;
	case 'd':
		for (unsigned i = 0; i < v->cur->n_refs; i++)
			if (v->cur->ref[i] == a->ref)
				v->cur->ref[i] = v->cur->ref[--v->cur->n_refs];
		if (a->ref)
			state_each(v, v->cur, given_back, &(struct reg[]){ *a }[0]);
		break;
	default:
		break;
	}
	return true;
}

static struct reg result(struct verify *v, const struct callee *e, uint32_t map, bool elided)
{
	struct reg out = reg_number(number_any());

	switch (e->returns) {
	case NUMBER:
		break;
	case CPU:
		out.n.smin = out.n.smin32 = 0;
		out.n.smax = out.n.smax32 = 8191;
		number_settle(&out.n);
		break;
	case VALUE:
		out = reg_pointer(REG_VALUE);
		out.map = map;
		out.null = !elided;
		out.id = out.null || v->code->locks ? ++v->ids : 0;
		if (elided && v->code->map[map].inner != SIZE_MAX) {
			out.kind = REG_MAP;
			out.map = (uint32_t)v->code->map[map].inner;
		}
		break;
	case MEMORY:
		out = reg_pointer(REG_KERNEL);
		out.null = true;
		out.id = out.ref = ++v->ids;
		if (v->cur->n_refs < VERIFY_REFS)
			v->cur->ref[v->cur->n_refs++] = out.ref;
		break;
	}
	return out;
}

static bool of_kernel(struct verify *v, const struct bpf_insn *i)
{
	const struct callee *e = callee_of(v->code, v->cur->at);
	struct reg *r = state_top(v->cur)->reg, out;
	const struct verify_map *map = NULL;
	uint32_t place = 0;
	bool elided = false;
	uint64_t key;

	if (!e)
		return verify_failed(v, "a call leads to a function that nothing is known of");
	for (unsigned k = 0; e->takes[k]; k++)
		if (e->takes[k] == 'm' && r[k + 1].kind == REG_MAP) {
			place = r[k + 1].map;
			map = &v->code->map[place];
		}
	for (unsigned k = 0; e->takes[k]; k++)
		if (!argument(v, e, k, map, r))
			return false;
	if (e->returns == VALUE) {
		if (!map)
			return verify_failed(v, "a look-up in no map");
		if (map->type == BPF_MAP_TYPE_ARRAY || map->type == BPF_MAP_TYPE_PERCPU_ARRAY)
			elided = known_key(v, &r[2], &key) && key < map->entries;
	}
	if (!v->code->kernel[v->cur->at] && i->imm == BPF_FUNC_spin_lock)
		v->cur->lock = r[1].id ? r[1].id : r[1].map + 1;
	else if (!v->code->kernel[v->cur->at] && i->imm == BPF_FUNC_spin_unlock)
		v->cur->lock = 0;
	out = result(v, e, place, elided);
	for (unsigned k = 0; k < 6; k++)
		none(&r[k]);
	r[0] = out;
	if (e->moves)
		state_each(v, v->cur, no_packet, NULL);
	v->cur->at++;
	return true;
}

bool step_call(struct verify *v, const struct bpf_insn *i)
{
	size_t at = v->cur->at, to = v->code->callee[at];
	const struct verify_function *f;
	struct frame *caller, *in;

	if (to == SIZE_MAX)
		return of_kernel(v, i);
	f = &v->code->function[to];
	if (f->global) {
		struct reg *r = state_top(v->cur)->reg;

		for (unsigned k = 0; k < 5; k++)
			stack_range(v, &r[k + 1], f->takes[k].bytes, STACK_CHANGE);
		for (unsigned k = 0; k < 6; k++)
			none(&r[k]);
		r[0] = reg_number(number_any());
		v->called[to] = true;
		v->cur->extra += v->longest[to];
		if (v->moves[to])
			state_each(v, v->cur, no_packet, NULL);
		v->cur->at++;
		return true;
	}
	if (v->cur->depth + 1 == VERIFY_FRAMES)
		return verify_failed(v, "functions call each other too deeply");
	in = state_enter(v->cur);
	caller = &v->cur->frame[v->cur->depth - 1];
	in->callsite = at;
	in->chain = live_chain(v, caller->chain, at, to);
	for (unsigned k = 1; k < 6; k++)
		in->reg[k] = caller->reg[k];
	in->reg[10] = reg_pointer(REG_STACK);
	in->reg[10].frame = (uint8_t)v->cur->depth;
	for (unsigned k = 0; k < 6; k++)
		none(&caller->reg[k]);
	v->cur->at = f->begin;
	return true;
}

bool step_exit(struct verify *v, bool *end)
{
	struct state *s = v->cur;
	struct frame *in = state_top(s);

	*end = !s->depth;
	if (*end)
		return true;
	s->frame[s->depth - 1].reg[0] = in->reg[0];
	s->at = in->callsite + 1;
	free(in->slot);
	s->depth--;
	return true;
}
