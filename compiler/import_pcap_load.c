/*
 * One block of a program of libpcap. In: its instructions, from the first to the jump that ends it. Out: what the jump compares. The program is
 * not the optimised one, so every block loads what it compares.
 */
#include "import_pcap.h"

#include <string.h>

struct machine {
	struct pcap_value a, x, mem[BPF_MEMWORDS];
};

static struct pcap_value number(uint32_t k)
{
	return (struct pcap_value){ .kind = PCAP_CONST, .k = k };
}

static uint32_t size_of(uint16_t code)
{
	return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
}

static struct pcap_value load(uint32_t off, uint32_t size)
{
	return (struct pcap_value){ .kind = PCAP_LOAD, .off = off, .size = size, .mask = size == 4 ? UINT32_MAX : (1u << 8 * size) - 1 };
}

static bool load_indirect(struct machine *m, const struct bpf_insn *i)
{
	m->a = load(i->k, size_of(i->code));
	if (m->x.kind == PCAP_CONST)
		return !__builtin_add_overflow(m->a.off, m->x.k, &m->a.off);
	if (m->x.kind != PCAP_PLACE || __builtin_add_overflow(m->a.off, m->x.off, &m->a.off))
		return false;
	m->a.ihl = m->x.ihl;
	m->a.ihl_at = m->x.ihl_at;
	m->a.doff = m->x.doff;
	m->a.doff_at = m->x.doff_at;
	return true;
}

static bool load_any(struct machine *m, const struct bpf_insn *i)
{
	switch (BPF_MODE(i->code)) {
	case BPF_IMM:
		m->a = number(i->k);
		return true;
	case BPF_ABS:
		m->a = load(i->k, size_of(i->code));
		return true;
	case BPF_IND:
		return load_indirect(m, i);
	case BPF_LEN:
		m->a = (struct pcap_value){ .kind = PCAP_LEN };
		return true;
	case BPF_MEM:
		if (i->k >= BPF_MEMWORDS)
			return false;
		m->a = m->mem[i->k];
		return true;
	}
	return false;
}

static bool load_x(struct machine *m, const struct bpf_insn *i)
{
	switch (BPF_MODE(i->code)) {
	case BPF_IMM:
		m->x = number(i->k);
		return true;
	case BPF_LEN:
		m->x = (struct pcap_value){ .kind = PCAP_LEN };
		return true;
	case BPF_MEM:
		if (i->k >= BPF_MEMWORDS)
			return false;
		m->x = m->mem[i->k];
		return true;
	case BPF_MSH:
		m->x = (struct pcap_value){ .kind = PCAP_PLACE, .ihl = true, .ihl_at = i->k };
		return true;
	}
	return false;
}

static bool compute_numbers(uint16_t op, uint32_t a, uint32_t b, uint32_t *out)
{
	switch (op) {
	case BPF_ADD: *out = a + b; return true;
	case BPF_SUB: *out = a - b; return true;
	case BPF_MUL: *out = a * b; return true;
	case BPF_DIV: *out = b ? a / b : 0; return b != 0;
	case BPF_MOD: *out = b ? a % b : 0; return b != 0;
	case BPF_AND: *out = a & b; return true;
	case BPF_OR:  *out = a | b; return true;
	case BPF_XOR: *out = a ^ b; return true;
	case BPF_LSH: *out = b < 32 ? a << b : 0; return true;
	case BPF_RSH: *out = b < 32 ? a >> b : 0; return true;
	}
	return false;
}

/* A place behind the headers whose lengths are added up: of IPv4, a number, that of TCP. */
static bool add(struct pcap_value *a, const struct pcap_value *b)
{
	struct pcap_value place = a->kind == PCAP_PLACE ? *a : *b;
	const struct pcap_value *other = a->kind == PCAP_PLACE ? b : a;

	if (place.kind != PCAP_PLACE || __builtin_add_overflow(place.off, other->kind == PCAP_CONST ? other->k : 0, &place.off))
		return false;
	if (other->kind == PCAP_LOAD) {
		if (place.doff || other->doff || !other->ihl || other->ihl_at != place.ihl_at || other->size != 1 || other->mask != 0xf0 ||
		    other->shift != 2)
			return false;
		place.doff = true;
		place.doff_at = other->off;
	} else if (other->kind != PCAP_CONST) {
		return false;
	}
	*a = place;
	return true;
}

/* Bytes under a mask, shifted to the right. */
static bool compute_bytes(struct pcap_value *a, uint16_t op, uint32_t k)
{
	if (op == BPF_AND) {
		a->mask &= k << a->shift;
		return true;
	}
	if (op == BPF_RSH && k < 32 && a->shift + k < 32) {
		a->shift += k;
		a->mask &= ~((1u << a->shift) - 1);
		return true;
	}
	/* Nothing is added, or shifted by. */
	return k == 0 && (op == BPF_ADD || op == BPF_SUB || op == BPF_OR || op == BPF_XOR || op == BPF_LSH || op == BPF_RSH);
}

static bool compute(struct machine *m, const struct bpf_insn *i)
{
	struct pcap_value b = BPF_SRC(i->code) == BPF_X ? m->x : number(i->k);
	uint16_t op = BPF_OP(i->code);

	if (op == BPF_NEG || m->a.kind == PCAP_UNDEF || b.kind == PCAP_UNDEF)
		return false;
	if (m->a.kind == PCAP_CONST && b.kind == PCAP_CONST)
		return compute_numbers(op, m->a.k, b.k, &m->a.k);
	if (op == BPF_ADD && (m->a.kind == PCAP_PLACE || b.kind == PCAP_PLACE))
		return add(&m->a, &b);
	if (op == BPF_AND && m->a.kind == PCAP_CONST && b.kind == PCAP_LOAD) {
		uint32_t k = m->a.k;

		m->a = b;
		return compute_bytes(&m->a, op, k);
	}
	return m->a.kind == PCAP_LOAD && b.kind == PCAP_CONST && compute_bytes(&m->a, op, b.k);
}

static bool store(struct machine *m, const struct bpf_insn *i, const struct pcap_value *v)
{
	if (i->k >= BPF_MEMWORDS)
		return false;
	m->mem[i->k] = *v;
	return true;
}

static bool step(struct machine *m, const struct bpf_insn *i, bool *subtracted, struct pcap_value *of)
{
	switch (BPF_CLASS(i->code)) {
	case BPF_LD:
		return load_any(m, i);
	case BPF_LDX:
		return load_x(m, i);
	case BPF_ST:
		return store(m, i, &m->a);
	case BPF_STX:
		return store(m, i, &m->x);
	case BPF_MISC:
		if (BPF_MISCOP(i->code) == BPF_TAX)
			m->x = m->a;
		else
			m->a = m->x;
		return true;
	case BPF_ALU:
		/* A - X == 0 is how it asks whether A == X. */
		if (BPF_OP(i->code) == BPF_SUB && BPF_SRC(i->code) == BPF_X && m->x.kind == PCAP_CONST && m->a.kind != PCAP_CONST) {
			*subtracted = true;
			*of = m->x;
			return true;
		}
		return compute(m, i);
	}
	return false;
}

/* A shifted value is compared where it is. Bytes under a mask that are not 0 are one comparison like others. */
static bool compared(const struct machine *m, const struct bpf_insn *i, bool subtracted, const struct pcap_value *of, struct pcap_leaf *out)
{
	struct pcap_value k = BPF_SRC(i->code) == BPF_X ? m->x : number(i->k);

	*out = (struct pcap_leaf){ .value = m->a, .op = PCAP_EQ, .k = k.k };
	if (k.kind != PCAP_CONST || m->a.kind == PCAP_UNDEF || m->a.kind == PCAP_PLACE)
		return false;
	if (BPF_OP(i->code) == BPF_JSET) {
		out->k = 0;
		out->neg = true;
		return !subtracted && m->a.kind == PCAP_LOAD && compute_bytes(&out->value, BPF_AND, k.k);
	}
	if (subtracted) {
		out->k = of->k;
		if (BPF_OP(i->code) != BPF_JEQ || k.k != 0)
			return false;
	} else if (BPF_OP(i->code) == BPF_JGT || BPF_OP(i->code) == BPF_JGE) {
		out->op = BPF_OP(i->code) == BPF_JGT ? PCAP_GT : PCAP_GE;
	} else if (BPF_OP(i->code) != BPF_JEQ) {
		return false;
	}
	if (m->a.kind != PCAP_LOAD || !m->a.shift)
		return true;
	/* What is more than all its bits is more than the mask, too. */
	out->k = out->k > UINT32_MAX >> m->a.shift ? UINT32_MAX : out->k << m->a.shift;
	return true;
}

/* What cannot be said of a comparison that is understood; NULL: nothing. */
static const char *outside(const struct pcap_value *v)
{
	if (v->kind != PCAP_LOAD)
		return NULL;
	/* Linux gives what it knows beside the packet under negative offsets: its direction, its interface. */
	if (v->off > INT32_MAX)
		return "it asks for what is not in the packet";
	return v->ihl && v->off > PCAP_FRAME_MOST - 2 * 60 - v->size ? "it asks for bytes behind those of the longest frame" : NULL;
}

const char *pcap_block(const struct bpf_program *p, unsigned pc, struct pcap_leaf *out, unsigned *jump)
{
	struct pcap_value of = number(0);
	struct machine m;
	bool subtracted = false;

	memset(&m, 0, sizeof(m));
	for (; pc < p->bf_len; pc++) {
		const struct bpf_insn *i = &p->bf_insns[pc];

		if (BPF_CLASS(i->code) == BPF_JMP) {
			*jump = pc;
			return compared(&m, i, subtracted, &of, out) ? outside(&out->value) :
				"it compares what is neither bytes of the packet nor its length";
		}
		if (subtracted || !step(&m, i, &subtracted, &of))
			return "it computes with bytes of the packet, or with an offset that they say";
	}
	return "its program has no end";
}
