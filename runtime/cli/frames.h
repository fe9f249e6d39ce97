/*
 * The frames that `xdpf test` runs through a filter: sound ones of every protocol, and broken ones of every kind.
 */
#ifndef XDPF_CLI_FRAMES_H
#define XDPF_CLI_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame {
	const char *name;
	uint8_t data[1514];
	size_t len;
};

/* Makes frame number @i; false: there are no more. */
bool frames_make(struct frame *f, unsigned i);
/* The number of a frame like most: TCP over IPv4, with nothing wrong. */
unsigned frames_usual(void);

#endif
