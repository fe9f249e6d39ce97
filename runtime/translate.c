/*
 * Programs that the kernel's translator to machine code gives up on, though its verifier took them. On x86 it translates over and over until all
 * jumps are as short as they can be, and may meet a program whose jumps never settle (arch/x86/net/bpf_jit_comp.c: "bpf_jit: fatal error"); whether
 * they do depends on the length of every instruction. In comes such a program, not yet loaded; out goes one that means the same, with other lengths.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>

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

int rt_translate_otherwise(struct bpf_program *prog, unsigned way, const struct xdpf_log *log)
{
	size_t n = bpf_program__insn_cnt(prog);
	const struct bpf_insn *was = bpf_program__insns(prog);
	_cleanup_free_ struct bpf_insn *insn = calloc(n + 1, sizeof(*insn));
	int err;

	if (!insn)
		return rt_fail(log, ENOMEM, "out of memory");
	rt_log(log, XDPF_LOG_DEBUG, "the kernel's translator gives up on program %s: other instructions that mean the same, for the %u. time",
	       bpf_program__name(prog), way);
	for (size_t i = 0; i < n; i++) {
		insn[i] = was[i];
		if (was[i].code == (BPF_LD | BPF_IMM | BPF_DW) && i + 1 < n) {
			i++;		/* its second half is no instruction */
			insn[i] = was[i];
		} else if (is_mask(&was[i]) && xdpf_mix64(i * RT_TRANSLATIONS + way) & 1) {
			insn[i].code ^= BPF_ALU64 ^ BPF_ALU;
		}
	}
	err = bpf_program__set_insns(prog, insn, n);
	return err ? rt_fail_sys(log, -err, "program %s cannot be changed", bpf_program__name(prog)) : 0;
}
