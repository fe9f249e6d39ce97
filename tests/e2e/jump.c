/*
 * A wall clock that was set, for programs that load this before the C library: CLOCK_REALTIME, and CLOCK_TAI, which goes with it, are JUMP seconds
 * later.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *t)
{
	const char *jump = getenv("JUMP");
	long err = syscall(SYS_clock_gettime, id, t);

	if (!err && jump && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE || id == CLOCK_TAI))
		t->tv_sec += atol(jump);
	return (int)err;
}

time_t time(time_t *out)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (out)
		*out = t.tv_sec;
	return t.tv_sec;
}
