/*
 * What is read again behind an instruction. In: code, and which slots of the stack the walk saw read and written. Out: registers and slots that
 * count where states are compared.
 */
#include "verify_priv.h"

#include "bpf_code.h"

enum { ARGS = 0x3e, CALLER_SAVED = 0x3f };

static unsigned one(unsigned reg)
{
	return 1U << reg;
}

static void uses(const struct verify *v, size_t at, unsigned *reads, unsigned *writes)
{
	const struct bpf_insn *i = &v->code->in[at];
	unsigned class = BPF_CLASS(i->code), dst = one(i->dst_reg), src = BPF_SRC(i->code) == BPF_X ? one(i->src_reg) : 0;

	*reads = *writes = 0;
	switch (class) {
	case BPF_ALU:
	case BPF_ALU64:
		*writes = dst;
		*reads = BPF_OP(i->code) == BPF_MOV ? src : BPF_OP(i->code) == BPF_END || BPF_OP(i->code) == BPF_NEG ? dst : dst | src;
		break;
	case BPF_LD:
		*writes = dst;
		break;
	case BPF_LDX:
		*writes = dst;
		*reads = one(i->src_reg);
		break;
	case BPF_ST:
		*reads = dst;
		break;
	case BPF_STX:
		*reads = dst | one(i->src_reg);
		if (BPF_MODE(i->code) != BPF_ATOMIC)
			break;
		if (i->imm == BPF_CMPXCHG) {
			*reads |= one(0);
			*writes = one(0);
		} else if (i->imm & BPF_FETCH) {
			*writes = one(i->src_reg);
		}
		break;
	default:
		if (BPF_OP(i->code) == BPF_EXIT) {
			*reads = one(0);
		} else if (BPF_OP(i->code) == BPF_CALL) {
			*reads = call_reads(v->code, at);
			*writes = CALLER_SAVED;
		} else if (BPF_OP(i->code) != BPF_JA) {
			*reads = dst | src;
		}
		break;
	}
}

static size_t behind(const struct verify *v, size_t at, size_t to[2])
{
	const struct bpf_insn *i = &v->code->in[at];
	size_t n = 0;

	if (i->code == (BPF_JMP | BPF_EXIT))
		return 0;
	if (!bpf_is_jump(i) || BPF_OP(i->code) != BPF_JA)
		to[n++] = at + (bpf_is_wide(i) ? 2 : 1);
	if (bpf_is_jump(i))
		to[n++] = (size_t)((int64_t)at + 1 + (i->code == (BPF_JMP32 | BPF_JA) ? i->imm : i->off));
	return n;
}

void live_registers(struct verify *v)
{
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = v->code->n; i-- > 0;) {
			unsigned reads, writes, live = 0;
			size_t to[2], n = behind(v, i, to);

			while (n-- > 0)
				live |= v->live[to[n]];
			uses(v, i, &reads, &writes);
			live = (live & ~writes) | reads;
			again |= live != v->live[i];
			v->live[i] = (uint16_t)live;
		}
	}
}

/* ---- slots ---- */

struct chain *live_chain(struct verify *v, struct chain *up, size_t callsite, size_t function)
{
	const struct verify_function *f = &v->code->function[function];
	struct chain *c = v->chains;
	size_t n = f->end - f->begin + 1;

	while (c && (c->up != up || c->callsite != callsite || c->function != function))
		c = c->next;
	if (c)
		return c;
	c = arena_alloc(v->arena, sizeof(*c));
	*c = (struct chain){ .next = v->chains, .up = up, .callsite = callsite, .function = function, .depth = up ? up->depth + 1 : 0 };
	n *= c->depth + 1;
	c->reads = arena_array(v->arena, n, sizeof(*c->reads));
	c->writes = arena_array(v->arena, n, sizeof(*c->writes));
	c->live = arena_array(v->arena, n, sizeof(*c->live));
	c->visited = arena_array(v->arena, n, sizeof(*c->visited));
	v->chains = c;
	return c;
}

static size_t place(const struct verify *v, const struct chain *c, size_t at, unsigned frame)
{
	return (at - v->code->function[c->function].begin) * (c->depth + 1) + frame;
}

static void read_at(struct verify *v, struct chain *c, size_t at, unsigned frame, uint64_t slots)
{
	size_t p = place(v, c, at, frame);

	if (slots & ~c->reads[p] & ~c->live[p])
		c->changed = v->chains_changed = true;
	c->reads[p] |= slots;
}

void live_read(struct verify *v, unsigned frame, unsigned slot)
{
	read_at(v, state_top(v->cur)->chain, v->cur->at, frame, 1ULL << slot);
}

void live_write(struct verify *v, struct chain *c, size_t at, const uint64_t slots[VERIFY_FRAMES])
{
	for (unsigned k = 0; k <= c->depth; k++) {
		size_t p = place(v, c, at, k);
		uint64_t now = c->visited[p] ? c->writes[p] & slots[k] : slots[k];

		if (now != c->writes[p])
			c->changed = v->chains_changed = true;
		c->writes[p] = now;
		c->visited[p] = true;
	}
}

/* Until nothing changes; then what calls it. */
static void settle(struct verify *v, struct chain *c)
{
	const struct verify_function *f = &v->code->function[c->function];
	bool again = true;

	c->changed = false;
	while (again) {
		again = false;
		for (size_t i = f->end; i-- > f->begin;) {
			size_t to[2], n = behind(v, i, to);

			for (unsigned k = 0; k <= c->depth; k++) {
				size_t p = place(v, c, i, k);
				uint64_t live = 0;

				for (size_t j = 0; j < n; j++)
					live |= c->live[place(v, c, to[j], k)];
				live = (live & ~c->writes[p]) | c->reads[p];
				again |= live != c->live[p];
				c->live[p] = live;
			}
		}
	}
	for (unsigned k = 0; c->up && k < c->depth; k++)
		read_at(v, c->up, c->callsite, k, c->live[place(v, c, f->begin, k)]);
}

uint64_t live_slots(struct verify *v, const struct state *s, size_t at, unsigned frame)
{
	uint64_t live;

	while (v->chains_changed) {
		v->chains_changed = false;
		for (struct chain *c = v->chains; c; c = c->next)
			if (c->changed)
				settle(v, c);
	}
	live = s->frame[s->depth].chain->live[place(v, s->frame[s->depth].chain, at, frame)];
	for (unsigned k = frame; k < s->depth; k++) {
		const struct chain *c = s->frame[k].chain;

		live |= c->live[place(v, c, s->frame[k + 1].callsite + 1, frame)];
	}
	return live;
}
