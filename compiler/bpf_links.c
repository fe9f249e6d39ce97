/*
 * Which comparisons would teach the verifier something by way of an id (bpf_code.h)? In: instructions in blocks. Out: MEND_DST
 * and MEND_SRC at these.
 *
 * Two facts are computed for each place (ten registers and the frame pointer, 64 words of the stack), over all paths: of what
 * sort its content is (numbers have ids of this kind; the verifier compares those of pointers), and with which other places it
 * may share an id. Ids come from `rX = rY` of 64 bits, and go along to the stack and back; anything else that writes a place
 * leaves none. A place counts only as long as it may be read again. Where the truth is not known (memory by a pointer that may
 * lead anywhere into the frame, what a function returns), more is assumed to be linked, never less. A place that is not
 * certain to be a pointer counts as a number: should it be a pointer, no kernel takes the program, and nobody gets a wrong
 * one.
 */
#include "bpf_code.h"

#include <string.h>

__extension__ typedef unsigned __int128 set;

/* Places: registers 0-10, words of the stack from the lowest on, and whatever lives on in the functions that called this one. */
enum { REGS = 11, FP = 10, WORDS = 64, OUTSIDE = REGS + WORDS, PLACES };

/* Sorts; SORT_FRAME + n is the frame pointer less n bytes. */
enum { SORT_NONE, SORT_NUMBER, SORT_POINTER, SORT_CONTEXT, SORT_INTO_FRAME, SORT_ANY, SORT_FRAME };

struct state {
	uint16_t sort[PLACES];
	set link[PLACES];	/* symmetric; of itself: may have an id */
	bool reached, changed;
};

struct walk {
	struct bpf_code *code;
	struct state *in;	/* of each block */
	set *live;		/* of each block, at its begin; NULL: nothing is known of it yet */
	size_t begin;		/* of the block that is walked */
};

static set one(unsigned p)
{
	return (set)1 << p;
}

static bool has(set s, unsigned p)
{
	return s >> p & 1;
}

static bool is_pointer(unsigned sort)
{
	return sort != SORT_NUMBER && sort != SORT_ANY && sort != SORT_NONE;
}

static bool in_frame(unsigned sort)
{
	return sort >= SORT_FRAME || sort == SORT_INTO_FRAME || sort == SORT_ANY;
}

/* The word of the stack that @off from the pointer of sort @sort is in; 0: not known, or outside. */
static unsigned word(unsigned sort, int off)
{
	int at = sort >= SORT_FRAME ? off - (int)(sort - SORT_FRAME) : 0;

	return at >= -8 * WORDS && at < 0 ? (unsigned)(REGS + (at + 8 * WORDS) / 8) : 0;
}

static uint16_t merged(unsigned a, unsigned b)
{
	if (a == b || b == SORT_NONE)
		return (uint16_t)a;
	if (a == SORT_NONE)
		return (uint16_t)b;
	if (a >= SORT_FRAME || b >= SORT_FRAME || a == SORT_INTO_FRAME || b == SORT_INTO_FRAME)
		return in_frame(a) && in_frame(b) && a != SORT_ANY && b != SORT_ANY ? SORT_INTO_FRAME : SORT_ANY;
	return is_pointer(a) && is_pointer(b) ? SORT_POINTER : SORT_ANY;
}

static void unlink_place(struct state *s, unsigned p)
{
	set with = s->link[p] & ~one(p);

	for (unsigned q = 0; with; q++, with >>= 1)
		if (with & 1)
			s->link[q] &= ~one(p);
	s->link[p] = 0;
}

static void link_places(struct state *s, unsigned p, set with)
{
	s->link[p] |= with | one(p);
	for (unsigned q = 0; with; q++, with >>= 1)
		if (with & 1)
			s->link[q] |= one(p) | one(q);
}

static void put(struct state *s, unsigned p, unsigned sort)
{
	unlink_place(s, p);
	s->sort[p] = (uint16_t)sort;
}

/* @to becomes a copy of @from, with its id if it may have one. */
static void copy(struct state *s, unsigned to, unsigned from)
{
	set with = s->link[from];

	if (to == from)
		return;
	put(s, to, s->sort[from]);
	if (with)
		link_places(s, to, (with | one(from)) & ~one(to));
}

/* Every place that may have an id. */
static set with_id(const struct state *s)
{
	set all = 0;

	for (unsigned p = 0; p < PLACES; p++)
		all |= s->link[p] & one(p);
	return all;
}

static void arithmetic(struct state *s, const struct bpf_insn *i)
{
	bool wide = BPF_CLASS(i->code) == BPF_ALU64, reg = BPF_SRC(i->code) == BPF_X;
	unsigned op = BPF_OP(i->code), dst = s->sort[i->dst_reg], src = reg && op != BPF_END ? s->sort[i->src_reg] : SORT_NUMBER;
	unsigned sort = SORT_NUMBER;

	if (op == BPF_MOV) {
		if (!reg || !wide || i->off) {
			put(s, i->dst_reg, SORT_NUMBER);
			return;
		}
		if (!is_pointer(src))
			s->link[i->src_reg] |= one(i->src_reg);	/* the id that both then have */
		copy(s, i->dst_reg, i->src_reg);
		return;
	}
	if (wide && (op == BPF_ADD || op == BPF_SUB)) {
		int by = op == BPF_ADD ? i->imm : -i->imm;

		if (op == BPF_SUB && is_pointer(dst) && is_pointer(src))
			sort = SORT_NUMBER;
		else if (dst >= SORT_FRAME && !reg && by <= (int)(dst - SORT_FRAME) && by > -8 * WORDS * 8)
			sort = (unsigned)((int)dst - by);
		else if (dst == SORT_ANY || src == SORT_ANY)
			sort = SORT_ANY;
		else if (in_frame(dst) || in_frame(src))
			sort = SORT_INTO_FRAME;
		else if (is_pointer(dst) || is_pointer(src))
			sort = SORT_POINTER;
	} else if (dst == SORT_ANY || src == SORT_ANY) {
		sort = SORT_ANY;
	}
	put(s, i->dst_reg, sort > SORT_FRAME + 8 * WORDS ? SORT_INTO_FRAME : sort);
}

/* The context's data, data_end and data_meta. */
static bool packet_pointer(const struct bpf_insn *i, unsigned base)
{
	return base == SORT_CONTEXT && BPF_SIZE(i->code) == BPF_W && (i->off == 0 || i->off == 4 || i->off == 8);
}

static void load(struct state *s, const struct bpf_insn *i)
{
	unsigned base = s->sort[i->src_reg], w = word(base, i->off);

	if (w) {
		copy(s, i->dst_reg, w);
	} else if (in_frame(base)) {
		put(s, i->dst_reg, SORT_ANY);
		link_places(s, i->dst_reg, with_id(s));
	} else {
		put(s, i->dst_reg, packet_pointer(i, base) ? SORT_POINTER : SORT_NUMBER);
	}
}

/* The word @w may hold what @from (a register; -1: a constant) holds, or what it held before. */
static void may_hold(struct state *s, unsigned w, int from)
{
	s->sort[w] = merged(s->sort[w], from < 0 ? SORT_NUMBER : s->sort[from]);
	if (from >= 0 && s->link[from])
		link_places(s, w, (s->link[from] | one((unsigned)from)) & ~one(w));
}

/* Does it write behind the frame's end? Some buffer is too short then, and the kernel's word about it would explain little. */
static bool is_outside(const struct state *s, const struct bpf_insn *i)
{
	unsigned base = s->sort[i->dst_reg];

	return base >= SORT_FRAME && i->off >= (int)(base - SORT_FRAME);
}

static void store(struct state *s, const struct bpf_insn *i)
{
	unsigned base = s->sort[i->dst_reg], w = word(base, i->off);
	int from = BPF_CLASS(i->code) == BPF_STX ? i->src_reg : -1;

	if (BPF_CLASS(i->code) == BPF_STX && BPF_MODE(i->code) == BPF_ATOMIC) {
		if (i->imm & BPF_FETCH) {
			unsigned to = i->imm == BPF_CMPXCHG ? 0 : i->src_reg;

			put(s, to, in_frame(base) ? SORT_ANY : SORT_NUMBER);
			if (in_frame(base))
				link_places(s, to, with_id(s));
		}
	} else if (w && BPF_SIZE(i->code) == BPF_DW) {
		if (from < 0)
			put(s, w, SORT_NUMBER);
		else
			copy(s, w, (unsigned)from);
	} else if (w) {
		may_hold(s, w, from);
	} else if (in_frame(base)) {
		for (unsigned k = REGS; k < OUTSIDE; k++)
			may_hold(s, k, from);
	}
}

/* A function may write numbers to the stack, from an address on it that it is given. */
static void may_write(const struct walk *w, struct state *s, size_t at)
{
	for (unsigned r = 1; r <= 5; r++) {
		unsigned first = word(s->sort[r], 0), behind = OUTSIDE;
		size_t bytes = bpf_call_writes(w->code, w->begin, at, r);

		if ((!first && s->sort[r] != SORT_INTO_FRAME) || !bytes)
			continue;
		if (first && bytes < 8 * WORDS)
			behind = word(s->sort[r], (int)bytes - 1) ? word(s->sort[r], (int)bytes - 1) + 1 : OUTSIDE;
		for (unsigned k = first ? first : REGS; k < behind; k++)
			if (s->sort[k] != SORT_NONE)
				s->sort[k] = merged(s->sort[k], SORT_NUMBER);
	}
}

static void call(const struct walk *w, struct state *s, size_t at)
{
	const struct bpf_insn *i = &w->code->in[at];
	enum bpf_callee callee = w->code->callee[at];
	bool own = i->src_reg == BPF_PSEUDO_CALL && callee == CALLEE_OWN;
	set ids;

	may_write(w, s, at);
	for (unsigned r = 0; r <= 5; r++)
		put(s, r, SORT_NUMBER);
	ids = own ? with_id(s) : 0;
	if (own)
		link_places(s, 0, ids);		/* it may return what it was given */
	else if (callee == CALLEE_POINTER || bpf_helper_pointer(i))
		s->sort[0] = SORT_POINTER;
}

static void forget_id(struct walk *w, struct state *s, size_t at, unsigned reg, set live)
{
	bool number = !is_pointer(s->sort[reg]);

	if (!w->live || !number || !has(s->link[reg], reg) || !(s->link[reg] & live & ~one(reg)))
		return;
	w->code->mend[at] |= reg == w->code->in[at].dst_reg ? MEND_DST : MEND_SRC;
	unlink_place(s, reg);
}

static void step(struct walk *w, struct state *s, size_t at, set live)
{
	const struct bpf_insn *i = &w->code->in[at];

	switch (BPF_CLASS(i->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		arithmetic(s, i);
		break;
	case BPF_LDX:
		load(s, i);
		break;
	case BPF_ST:
	case BPF_STX:
		if (is_outside(s, i))
			w->code->err = "an instruction writes behind the stack";
		store(s, i);
		break;
	case BPF_LD:
		put(s, i->dst_reg, w->code->address[at] || i->src_reg ? SORT_POINTER : SORT_NUMBER);
		break;
	case BPF_JMP:
	case BPF_JMP32:
		if (BPF_OP(i->code) == BPF_CALL) {
			call(w, s, at);
		} else if (bpf_is_jump(i) && BPF_OP(i->code) != BPF_JA) {
			forget_id(w, s, at, i->dst_reg, live);
			if (BPF_SRC(i->code) == BPF_X)
				forget_id(w, s, at, i->src_reg, live);
		}
		break;
	}
}

static void join(struct state *to, const struct state *from)
{
	bool changed = !to->reached;

	for (unsigned p = 0; p < PLACES; p++) {
		uint16_t sort = merged(to->sort[p], from->sort[p]);
		set link = to->link[p] | from->link[p];

		changed |= sort != to->sort[p] || link != to->link[p];
		to->sort[p] = sort;
		to->link[p] = link;
	}
	to->reached = true;
	to->changed |= changed;
}

static set live_behind(const struct walk *w, const struct bpf_block *b)
{
	set live = one(OUTSIDE);

	for (unsigned k = 0; k < 2; k++)
		if (b->next[k] != SIZE_MAX && w->live)
			live |= w->live[b->next[k]];
	return live;
}

/* All paths, until nothing changes. */
static void forward(struct walk *w)
{
	const struct bpf_code *c = w->code;
	bool again = true;

	memset(w->in, 0, c->n_blocks * sizeof(*w->in));
	for (size_t b = 0; b < c->n_blocks; b++) {
		struct state *s = &w->in[b];

		if (!c->starts[c->block[b].begin])
			continue;
		s->reached = s->changed = true;
		s->sort[FP] = SORT_FRAME;
		if (c->main || c->global[c->block[b].begin]) {
			s->sort[1] = SORT_CONTEXT;
			for (unsigned r = 2; r <= 5; r++)
				s->sort[r] = c->main ? SORT_NONE : SORT_NUMBER;
			continue;
		}
		for (unsigned r = 1; r <= 5; r++) {
			s->sort[r] = SORT_ANY;
			link_places(s, r, one(OUTSIDE));
		}
	}
	while (again) {
		again = false;
		for (size_t b = 0; b < c->n_blocks; b++) {
			struct state s = w->in[b];

			if (!s.changed)
				continue;
			w->in[b].changed = s.changed = false;
			w->begin = c->block[b].begin;
			for (size_t i = c->block[b].begin; i < c->block[b].end; i += bpf_is_wide(&c->in[i]) ? 2 : 1)
				step(w, &s, i, live_behind(w, &c->block[b]));
			for (unsigned k = 0; k < 2; k++)
				if (c->block[b].next[k] != SIZE_MAX)
					join(&w->in[c->block[b].next[k]], &s);
			again = true;
		}
	}
}

/* What an instruction reads and what it certainly writes, given the sorts before it. */
static void uses(const struct bpf_insn *i, const struct state *s, set *reads, set *writes)
{
	unsigned base, w;
	const set stack = ((set)1 << OUTSIDE) - ((set)1 << REGS);

	*reads = *writes = 0;
	switch (BPF_CLASS(i->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		*writes = one(i->dst_reg);
		if (BPF_OP(i->code) != BPF_MOV)
			*reads = one(i->dst_reg);
		if (BPF_SRC(i->code) == BPF_X && BPF_OP(i->code) != BPF_END)
			*reads |= one(i->src_reg);
		break;
	case BPF_LD:
		*writes = one(i->dst_reg);
		break;
	case BPF_LDX:
		base = s->sort[i->src_reg];
		w = word(base, i->off);
		*writes = one(i->dst_reg);
		*reads = one(i->src_reg) | (w ? one(w) : in_frame(base) ? stack : 0);
		break;
	case BPF_ST:
	case BPF_STX:
		base = s->sort[i->dst_reg];
		w = word(base, i->off);
		*reads = one(i->dst_reg);
		if (BPF_CLASS(i->code) == BPF_STX)
			*reads |= one(i->src_reg);
		if (BPF_CLASS(i->code) == BPF_STX && BPF_MODE(i->code) == BPF_ATOMIC)
			*reads |= one(0) | (in_frame(base) ? stack : 0);
		else if (w && BPF_SIZE(i->code) == BPF_DW)
			*writes = one(w);
		break;
	case BPF_JMP:
	case BPF_JMP32:
		if (BPF_OP(i->code) == BPF_CALL) {
			*writes = 0x3f;
			*reads = 0x3e;
			/* an address on the stack stands for all that is behind it: how much is read is not known here */
			for (unsigned r = 1; r <= 5; r++) {
				w = word(s->sort[r], 0);
				if (w)
					*reads |= stack & ~(one(w) - 1);
				else if (s->sort[r] == SORT_INTO_FRAME)
					*reads |= stack;
			}
		} else if (BPF_OP(i->code) == BPF_EXIT) {
			*reads = one(0);
		} else if (BPF_OP(i->code) != BPF_JA) {
			*reads = one(i->dst_reg) | (BPF_SRC(i->code) == BPF_X ? one(i->src_reg) : 0);
		}
		break;
	}
}

/* What may be read again, at each block's begin. */
static void backward(struct walk *w)
{
	const struct bpf_code *c = w->code;
	set *reads = arena_array(c->arena, c->n_blocks + 1, sizeof(*reads));
	set *writes = arena_array(c->arena, c->n_blocks + 1, sizeof(*writes));
	bool again = true;

	for (size_t b = 0; b < c->n_blocks; b++) {
		struct state s = w->in[b];

		w->begin = c->block[b].begin;
		for (size_t i = w->begin; i < c->block[b].end; i += bpf_is_wide(&c->in[i]) ? 2 : 1) {
			set r, wr;

			uses(&c->in[i], &s, &r, &wr);
			reads[b] |= r & ~writes[b];
			writes[b] |= wr;
			step(w, &s, i, 0);
		}
	}
	w->live = arena_array(c->arena, c->n_blocks + 1, sizeof(*w->live));
	while (again) {
		again = false;
		for (size_t b = c->n_blocks; b-- > 0;) {
			set live = reads[b] | (live_behind(w, &c->block[b]) & ~writes[b]);

			again |= live != w->live[b];
			w->live[b] = live;
		}
	}
}

bool bpf_links(struct bpf_code *c)
{
	struct walk w = { c, arena_array(c->arena, c->n_blocks + 1, sizeof(*w.in)), NULL, 0 };

	for (size_t i = 0; i < c->n; i++)
		if (c->in[i].dst_reg > FP || c->in[i].src_reg > FP) {
			c->err = "an instruction has a register that does not exist";
			return false;
		}
	forward(&w);
	backward(&w);
	forward(&w);
	return !c->err;
}
