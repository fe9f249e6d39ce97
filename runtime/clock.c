/*
 * The clocks that programs in the kernel have. A process in a time namespace is shown others, so what it writes down for a program would be early or
 * late by as much. In: which clock. Out: nanoseconds of the machine's. The wall clock is neither, and nothing goes by it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "pending.h"

enum { SECOND = 1000000000 };

/* What is added to the machine's clock for us, in ns; 0 where the kernel has no time namespaces. */
static int64_t shown_later(const char *clock)
{
	FILE *f = fopen("/proc/self/timens_offsets", "re");
	int64_t seconds, ns, offset = 0;
	char name[16];

	while (f && fscanf(f, "%15s %" SCNd64 " %" SCNd64, name, &seconds, &ns) == 3)
		if (!strcmp(name, clock))
			offset = seconds * SECOND + ns;
	if (f)
		fclose(f);
	return offset;
}

static uint64_t machine_clock(clockid_t id, const char *name)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec - (uint64_t)shown_later(name);
}

uint64_t rt_clock(void)
{
	/* A machine that slept past the time has the old filter when it wakes. */
	return machine_clock(CLOCK_BOOTTIME, "boottime");
}

uint64_t rt_set_now(void)
{
	return machine_clock(CLOCK_MONOTONIC, "monotonic");
}
