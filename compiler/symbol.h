/*
 * Names of symbols in the object: the program's, and those of count tables. They are C identifiers, since bpftool makes C of them, and of at
 * most as many bytes as the kernel keeps of a name.
 */
#ifndef XDPF_SYMBOL_H
#define XDPF_SYMBOL_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"

enum { SYMBOL_MAX = 15 };

/* @text as an identifier: other characters become '_', a digit in front gets one before it, and what is too long is cut. At least "_".
 * Has room for SYMBOL_MAX bytes, and lives in @a. */
char *symbol_make(struct arena *a, const char *text, size_t len);
/* Is the name the object's own, or a word of C? */
bool symbol_reserved(const char *name);

#endif
