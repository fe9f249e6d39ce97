/*
 * What is so, and cannot be seen where it is needed: said once, in code, for who reads it and for programs that look for mistakes.
 */
#ifndef XDPF_KNOWN_H
#define XDPF_KNOWN_H

#include <stdbool.h>
#include <stdlib.h>

/* Of a function: where there is no memory, it does not return. */
#define NEVER_NULL __attribute__((returns_nonnull))

/* What is so because of what is elsewhere. Where it were not, what follows would be wrong: the process ends. */
#define KNOWN(what) do { if (!(what)) abort(); } while (0)

/* The value of what says why something failed: so that it may be returned, and that it is false is known there. */
static inline bool known_false(void)
{
	return false;
}

#endif
