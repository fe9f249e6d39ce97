/*
 * The jumps of a program of libpcap as and, or, not. In: the program, not optimised, so that its jumps are those of the expression. Out: a tree.
 * Two conditions in a row of which one is reached only from the other, and that share a way out, are one; in the end one is left.
 */
#include "import_pcap.h"

enum { NO = -1, YES = -2, MOST_BLOCKS = 8000 };

struct block {
	struct pcap_node *cond;
	long t, f;		/* places of blocks, or YES, NO */
	unsigned refs;
};

struct graph {
	struct arena *a;
	const struct bpf_program *p;
	VEC(struct block) block;
	long *at;		/* by instruction: the block that begins there, or NO */
	const char *why;
};

typedef VEC(unsigned) pcs;

/* Where a jump to @pc ends: unconditional jumps lead on. False: nowhere. */
static bool target_of(struct graph *g, unsigned pc, long *out, pcs *todo)
{
	while (pc < g->p->bf_len && BPF_CLASS(g->p->bf_insns[pc].code) == BPF_JMP && BPF_OP(g->p->bf_insns[pc].code) == BPF_JA) {
		unsigned to;

		if (__builtin_add_overflow(pc + 1, g->p->bf_insns[pc].k, &to) || to <= pc)
			return false;
		pc = to;
	}
	if (pc >= g->p->bf_len)
		return false;
	if (BPF_CLASS(g->p->bf_insns[pc].code) == BPF_RET) {
		*out = g->p->bf_insns[pc].k ? YES : NO;
		return BPF_RVAL(g->p->bf_insns[pc].code) == BPF_K;
	}
	if (g->at[pc] == NO) {
		g->at[pc] = (long)g->block.n;
		*vec_add(g->a, &g->block) = (struct block){ .refs = 0 };
		*vec_add(g->a, todo) = pc;
	}
	*out = g->at[pc];
	return true;
}

static bool build(struct graph *g, long *root)
{
	pcs todo = { 0 };

	if (!target_of(g, 0, root, &todo))
		return false;
	for (size_t i = 0; i < todo.n; i++) {
		struct pcap_node *n = arena_alloc(g->a, sizeof(*n));
		const struct bpf_insn *j;
		unsigned jump, pc = todo.v[i];
		long t, f;

		g->why = g->block.n > MOST_BLOCKS ? "it is too long" : pcap_block(g->p, pc, &n->leaf, &jump);
		if (g->why)
			return false;
		j = &g->p->bf_insns[jump];
		if (!target_of(g, jump + 1 + j->jt, &t, &todo) || !target_of(g, jump + 1 + j->jf, &f, &todo))
			return false;
		g->block.v[g->at[pc]].cond = n;
		g->block.v[g->at[pc]].t = t;
		g->block.v[g->at[pc]].f = f;
		if (t >= 0)
			g->block.v[t].refs++;
		if (f >= 0)
			g->block.v[f].refs++;
	}
	return true;
}

static struct pcap_node *join(struct graph *g, enum pcap_node_kind kind, struct pcap_node *a, struct pcap_node *b, bool not_b)
{
	struct pcap_node *n = arena_alloc(g->a, sizeof(*n));

	if (not_b) {
		struct pcap_node *inverse = arena_alloc(g->a, sizeof(*inverse));

		*inverse = (struct pcap_node){ .kind = PCAP_NOT, .a = b };
		b = inverse;
	}
	*n = (struct pcap_node){ .kind = kind, .a = a, .b = b };
	return n;
}

static void forget(struct graph *g, long b)
{
	if (b >= 0)
		g->block.v[b].refs--;
}

/* Takes the block behind @a in, if that can be. */
static bool merge(struct graph *g, struct block *a)
{
	struct block *b;

	if (a->f >= 0 && g->block.v[a->f].refs == 1 && a->f != a->t) {
		b = &g->block.v[a->f];
		if (b->t == a->t || b->f == a->t) {
			a->cond = join(g, PCAP_OR, a->cond, b->cond, b->t != a->t);
			a->f = b->t == a->t ? b->f : b->t;
			forget(g, a->t);
			b->refs = 0;
			return true;
		}
	}
	if (a->t >= 0 && g->block.v[a->t].refs == 1 && a->f != a->t) {
		b = &g->block.v[a->t];
		if (b->t == a->f || b->f == a->f) {
			a->cond = join(g, PCAP_AND, a->cond, b->cond, b->f != a->f);
			a->t = b->f == a->f ? b->t : b->f;
			forget(g, a->f);
			b->refs = 0;
			return true;
		}
	}
	return false;
}

struct pcap_node *pcap_graph(struct arena *a, const struct bpf_program *p, const char **why)
{
	struct graph g = { .a = a, .p = p, .at = arena_array(a, p->bf_len + 1, sizeof(long)) };
	struct pcap_node *all;
	bool again = true;
	long root;

	for (unsigned i = 0; i <= p->bf_len; i++)
		g.at[i] = NO;
	if (!build(&g, &root)) {
		*why = g.why ? g.why : "libpcap's program for it is not understood";
		return NULL;
	}
	all = arena_alloc(a, sizeof(*all));
	if (root < 0) {
		all->kind = root == YES ? PCAP_TRUE : PCAP_FALSE;
		return all;
	}
	g.block.v[root].refs++;
	/* From the end: what a block leads to is as large as it gets by then. */
	while (again) {
		again = false;
		for (size_t i = g.block.n; i-- > 0;)
			while (g.block.v[i].refs && merge(&g, &g.block.v[i]))
				again = true;
	}
	if (g.block.v[root].t >= 0 || g.block.v[root].f >= 0) {
		*why = "libpcap's program for it has jumps that are no and, or, not";
		return NULL;
	}
	if (g.block.v[root].t == g.block.v[root].f) {
		all->kind = g.block.v[root].t == YES ? PCAP_TRUE : PCAP_FALSE;
		return all;
	}
	if (g.block.v[root].t == YES)
		return g.block.v[root].cond;
	*all = (struct pcap_node){ .kind = PCAP_NOT, .a = g.block.v[root].cond };
	return all;
}
