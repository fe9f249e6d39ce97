/*
 * A kernel that was built without one kind of maps, for programs that load this before the C library: bpf(BPF_MAP_CREATE) of kind LACKING_MAP fails
 * as it does there, with EINVAL.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>

long syscall(long number, ...);

long syscall(long number, ...)
{
	enum { ARGS = 6 };
	long (*next)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	const char *kind = getenv("LACKING_MAP");
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
	return next(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}
