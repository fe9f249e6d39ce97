/*
 * Programs that the kernel's translator to machine code gives up on, though its verifier took them. On x86 it translates over and over until all
 * jumps are as short as they can be, and may meet a program whose jumps never settle (arch/x86/net/bpf_jit_comp.c: "bpf_jit: fatal error"); whether
 * they do depends on the length of every instruction. In comes such a program, not yet loaded; out goes one that means the same, with other lengths.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

/* net.core.bpf_jit_enable, which other network namespaces than the first do not show: taken for granted there. */
bool rt_translator_runs(void)
{
	FILE *f = fopen("/proc/sys/net/core/bpf_jit_enable", "re");
	int on = 1;

	if (!f)
		return true;
	if (fscanf(f, "%d", &on) != 1)
		on = 1;
	fclose(f);
	return on > 0;
}

bool rt_interpreted(int prog_fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	return !bpf_obj_get_info_by_fd(prog_fd, &info, &len) && info.xlated_prog_len && !info.jited_prog_len;
}

/* dst &= imm, not negative: of 64 and of 32 bits come to the same, for both clear what is above; machine code has one byte more for 64 (REX.W). */
static bool is_mask(const struct bpf_insn *i)
{
	return (i->code == (BPF_ALU64 | BPF_AND | BPF_K) || i->code == (BPF_ALU | BPF_AND | BPF_K)) && i->imm >= 0;
}

static bool is_jump(const struct bpf_insn *i)
{
	unsigned class = BPF_CLASS(i->code), op = BPF_OP(i->code);

	return (class == BPF_JMP || class == BPF_JMP32) && op != BPF_CALL && op != BPF_EXIT;
}

/* The operation of a jump where @op does not; 0: there is none. */
static unsigned opposite(unsigned op)
{
	static const unsigned char pair[][2] = {
		{ BPF_JEQ, BPF_JNE }, { BPF_JGT, BPF_JLE }, { BPF_JGE, BPF_JLT }, { BPF_JSGT, BPF_JSLE }, { BPF_JSGE, BPF_JSLT },
	};

	for (size_t i = 0; i < sizeof(pair) / sizeof(pair[0]); i++)
		for (int k = 0; k < 2; k++)
			if (op == pair[i][k])
				return pair[i][!k];
	return 0;
}

/* "If so, there; else somewhere else", whose second jump only those come to who did not jump: "if not so, somewhere else; else there" has another
 * length where one of the two is near. */
static bool turns_round(const struct bpf_insn *i, bool second_is_target)
{
	return is_jump(&i[0]) && opposite(BPF_OP(i[0].code)) && i[1].code == (BPF_JMP | BPF_JA) && !second_is_target && i[1].off < INT16_MAX &&
	       i[0].off > INT16_MIN;
}

static void turn_round(struct bpf_insn *i)
{
	short there = i[0].off;

	i[0].code = (uint8_t)(BPF_CLASS(i[0].code) | BPF_SRC(i[0].code) | opposite(BPF_OP(i[0].code)));
	i[0].off = (short)(i[1].off + 1);
	i[1].off = (short)(there - 1);
}

/* Sets those of @target[@n] that a jump goes to, and second halves of instructions, at which none begins. */
static void find_targets(bool *target, bool *half, const struct bpf_insn *insn, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		long to = (long)i + 1 + insn[i].off;

		if (insn[i].code == (BPF_LD | BPF_IMM | BPF_DW) && i + 1 < n)
			half[++i] = true;
		else if (is_jump(&insn[i]) && to >= 0 && to < (long)n)
			target[to] = true;
	}
}

int rt_translate_otherwise(struct bpf_program *prog, unsigned way, const struct xdpf_log *log)
{
	size_t n = bpf_program__insn_cnt(prog);
	_cleanup_free_ struct bpf_insn *insn = calloc(n + 1, sizeof(*insn));
	_cleanup_free_ bool *target = calloc(n + 1, 1), *half = calloc(n + 1, 1);
	int err;

	if (!insn || !target || !half)
		return rt_fail(log, ENOMEM, "out of memory");
	rt_log(log, XDPF_LOG_DEBUG, "the kernel's translator gives up on program %s: other instructions that mean the same, for the %u. time",
	       bpf_program__name(prog), way);
	memcpy(insn, bpf_program__insns(prog), n * sizeof(*insn));
	find_targets(target, half, insn, n);
	for (size_t i = 0; i < n; i++) {
		if (half[i] || !(xdpf_mix64(i * (RT_TRANSLATIONS + 1) + way) & 1))
			continue;
		if (is_mask(&insn[i]))
			insn[i].code ^= BPF_ALU64 ^ BPF_ALU;
		else if (i + 1 < n && turns_round(&insn[i], target[i + 1]))
			turn_round(&insn[i++]);
	}
	err = bpf_program__set_insns(prog, insn, n);
	return err ? rt_fail_sys(log, -err, "program %s cannot be changed", bpf_program__name(prog)) : 0;
}
