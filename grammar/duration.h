/*
 * Times as rule files and commands spell them: "500ms", a whole number and its unit.
 */
#ifndef XDPF_DURATION_H
#define XDPF_DURATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define XDPF_MS 1000000ull
#define XDPF_DAY 86400000000000ull

/* ns of the unit; 0: it is none. */
static inline uint64_t xdpf_time_unit(const char *name)
{
	static const struct { const char *name; uint64_t ns; } units[] = {
#define TIME(name, ns, doc) { name, ns },
#include "units.def"
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(units[i].name, name))
			return units[i].ns;
	return 0;
}

/* From @least to @most ns. False: it is no such time. */
static inline bool xdpf_duration(const char *text, uint64_t least, uint64_t most, uint64_t *ns)
{
	size_t digits = strspn(text, "0123456789");
	uint64_t n = 0, unit = xdpf_time_unit(text + digits);

	for (size_t i = 0; i < digits; i++)
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, (uint64_t)(text[i] - '0'), &n))
			return false;
	return digits && unit && !__builtin_mul_overflow(n, unit, ns) && *ns >= least && *ns <= most;
}

#endif
