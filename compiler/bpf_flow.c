/*
 * Control flow of finished instructions, and putting in what bpf_code.h says. In: a section's instructions. Out: its blocks,
 * where a path falls into a loop; new instructions with every jump corrected. Jumps that lead nowhere are refused, never
 * followed.
 */
#include "bpf_code.h"

#include <string.h>

static bool failed(struct bpf_code *c, const char *why)
{
	c->err = why;
	return false;
}

static bool ends_path(const struct bpf_insn *i)
{
	return i->code == (BPF_JMP | BPF_EXIT) ||
	       ((BPF_CLASS(i->code) == BPF_JMP || BPF_CLASS(i->code) == BPF_JMP32) && BPF_OP(i->code) == BPF_JA);
}

static bool leaders(struct bpf_code *c, bool *leads)
{
	bool *inside = arena_array(c->arena, c->n + 1, sizeof(*inside));	/* second words */

	for (size_t i = 0; i < c->n; i++)
		if (bpf_is_wide(&c->in[i]))
			inside[++i] = true;
	for (size_t i = 0; i < c->n; i++) {
		const struct bpf_insn *in = &c->in[i];

		if (inside[i])
			continue;
		if (c->starts[i])
			leads[i] = true;
		if (bpf_is_jump(in)) {
			int64_t to = bpf_target(c, i);

			if (to < 0 || (uint64_t)to >= c->n || inside[to])
				return failed(c, "a jump leads out of the code");
			leads[to] = true;
		}
		if (bpf_is_jump(in) || ends_path(in))
			leads[i + 1] = true;
	}
	if (inside[c->n] || (c->n && !c->starts[0]))
		return failed(c, "the code is cut off");
	for (size_t i = 0; i < c->n; i++)
		if (inside[i] && (c->starts[i] || leads[i]))
			return failed(c, "a function starts inside an instruction");
	return true;
}

static bool blocks(struct bpf_code *c)
{
	bool *leads = arena_array(c->arena, c->n + 1, sizeof(*leads));

	if (!leaders(c, leads))
		return false;
	for (size_t i = 0; i < c->n; i++)
		c->n_blocks += leads[i];
	c->block = arena_array(c->arena, c->n_blocks + 1, sizeof(*c->block));
	c->block_of = arena_array(c->arena, c->n + 1, sizeof(*c->block_of));
	for (size_t i = 0, b = 0; i < c->n; i++) {
		if (leads[i])
			c->block[b++].begin = i;
		c->block_of[i] = b - 1;
		c->block[b - 1].end = i + 1;
	}
	for (size_t b = 0; b < c->n_blocks; b++) {
		struct bpf_block *k = &c->block[b];
		size_t last = k->end - 1;
		bool second = last > k->begin && bpf_is_wide(&c->in[last - 1]) && !bpf_is_wide(&c->in[last]) && !c->in[last].code;
		const struct bpf_insn *in = &c->in[last];

		k->next[0] = k->next[1] = SIZE_MAX;
		if (second || !ends_path(in)) {
			if (k->end >= c->n || c->starts[k->end])
				return failed(c, "a function has no end");
			k->next[0] = b + 1;
		}
		if (!second && bpf_is_jump(in))
			k->next[1] = c->block_of[bpf_target(c, last)];
	}
	return true;
}

/* A walk in depth, like the verifier's: a step back to a block that is still on the way is a loop. */
static void loops(struct bpf_code *c)
{
	enum { NEW, ON_THE_WAY, DONE };
	uint8_t *state = arena_array(c->arena, c->n_blocks + 1, 1), *taken = arena_array(c->arena, c->n_blocks + 1, 1);
	size_t *way = arena_array(c->arena, c->n_blocks + 1, sizeof(*way)), depth;

	for (size_t start = 0; start < c->n_blocks; start++) {
		if (!c->starts[c->block[start].begin] || state[start] != NEW)
			continue;
		way[0] = start;
		state[start] = ON_THE_WAY;
		depth = 1;
		while (depth) {
			size_t b = way[depth - 1], to;

			if (taken[b] == 2) {
				state[b] = DONE;
				depth--;
				continue;
			}
			to = c->block[b].next[taken[b]++];
			if (to == SIZE_MAX)
				continue;
			/* behind a conditional jump it may fall into one: that is a jump's edge too */
			if (state[to] == ON_THE_WAY && taken[b] == 1 && !bpf_is_jump(&c->in[c->block[b].end - 1]))
				c->mend[c->block[to].begin] |= MEND_LEAP;
			if (state[to] == NEW) {
				state[to] = ON_THE_WAY;
				way[depth++] = to;
			}
		}
	}
}

bool bpf_flow(struct bpf_code *c)
{
	c->mend = arena_array(c->arena, c->n + 1, sizeof(*c->mend));
	if (!blocks(c))
		return false;
	loops(c);
	return true;
}

static struct bpf_insn nothing(unsigned reg)
{
	return (struct bpf_insn){ .code = BPF_ALU64 | BPF_SUB | BPF_K, .dst_reg = reg & 15 };
}

/* Where a jump to instruction @i leads now: behind the leap, which is for those who do not jump. */
static int64_t entry(const struct bpf_code *c, size_t i)
{
	return (int64_t)(c->begin[i] + !!(c->mend[i] & MEND_LEAP));
}

static bool move_jump(struct bpf_code *c, size_t i)
{
	struct bpf_insn *in = &c->out[c->at[i]];
	int64_t off = entry(c, (size_t)bpf_target(c, i)) - (int64_t)c->at[i] - 1;

	if (BPF_CLASS(in->code) == BPF_JMP32 && BPF_OP(in->code) == BPF_JA) {
		in->imm = (int32_t)off;
	} else {
		if (off != (int16_t)off)
			return failed(c, "a jump is too far");
		in->off = (int16_t)off;
	}
	return true;
}

static bool insert(struct bpf_code *c)
{
	size_t n = 0;

	c->out = arena_array(c->arena, 4 * c->n + 1, sizeof(*c->out));
	c->begin = arena_array(c->arena, c->n + 1, sizeof(*c->begin));
	c->at = arena_array(c->arena, c->n + 1, sizeof(*c->at));
	for (size_t i = 0; i < c->n; i++) {
		const struct bpf_insn *in = &c->in[i];

		c->begin[i] = n;
		if (c->mend[i] & MEND_LEAP)
			c->out[n++] = (struct bpf_insn){ .code = BPF_JMP | BPF_JA };
		if (c->mend[i] & MEND_DST)
			c->out[n++] = nothing(in->dst_reg);
		if (c->mend[i] & MEND_SRC)
			c->out[n++] = nothing(in->src_reg);
		c->at[i] = n;
		c->out[n++] = *in;
		if (bpf_is_wide(in)) {
			c->begin[++i] = n;
			c->at[i] = n;
			c->out[n++] = c->in[i];
		}
	}
	c->begin[c->n] = c->at[c->n] = c->n_out = n;
	for (size_t i = 0; i < c->n; i += bpf_is_wide(&c->in[i]) ? 2 : 1)
		if (bpf_is_jump(&c->in[i]) && !move_jump(c, i))
			return false;
	return true;
}

bool bpf_mend(struct bpf_code *c)
{
	return bpf_flow(c) && bpf_links(c) && insert(c);
}
