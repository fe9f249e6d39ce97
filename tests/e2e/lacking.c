/*
 * A kernel that lacks something, for programs that load this before the C library.
 *
 *   LACKING_MAP=KIND         it was built without this kind of maps: bpf(BPF_MAP_CREATE) fails as it does there, with EINVAL
 *   LACKING_TRANSLATION=N    its translator gives up on the first N programs that are no probes, each as often as it is tried: bpf(BPF_PROG_LOAD)
 *                            fails as it does then, with ENOTSUPP
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>

enum { KERNEL_ENOTSUPP = 524, PROBE = 32 /* instructions */ };

long syscall(long number, ...);

/* Is this one of the first @most programs? */
static bool given_up(const union bpf_attr *attr, int most)
{
	static uint64_t last;
	static int n;
	const struct bpf_insn *insn = (const struct bpf_insn *)(uintptr_t)attr->insns;
	uint64_t sum = 1;

	for (unsigned i = 0; i < attr->insn_cnt; i++)
		sum = sum * 31 + insn[i].code;
	n += sum != last;
	last = sum;
	return n <= most;
}

long syscall(long number, ...)
{
	enum { ARGS = 6 };
	long (*next)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	const char *kind = getenv("LACKING_MAP"), *gives_up = getenv("LACKING_TRANSLATION");
	const union bpf_attr *attr;
	long arg[ARGS];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < ARGS; i++)
		arg[i] = va_arg(ap, long);
	va_end(ap);
	attr = (const union bpf_attr *)arg[1];
	if (number == SYS_bpf && arg[0] == BPF_MAP_CREATE && kind && attr->map_type == (unsigned)atoi(kind)) {
		errno = EINVAL;
		return -1;
	}
	if (number == SYS_bpf && arg[0] == BPF_PROG_LOAD && gives_up && attr->insn_cnt > PROBE && given_up(attr, atoi(gives_up))) {
		errno = KERNEL_ENOTSUPP;
		return -1;
	}
	return next(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}
