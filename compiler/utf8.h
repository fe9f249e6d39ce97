/*
 * Just enough UTF-8: telling sound text from broken, and how wide a character stands on a terminal.
 */
#ifndef XDPF_UTF8_H
#define XDPF_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"

/* The character at @s (@n >= 1 bytes are there) and its length in bytes; 0 where the bytes are not UTF-8. */
unsigned utf8_decode(const char *s, size_t n, uint32_t *cp);
/* Characters that change how text around them is shown, or nothing visible: C0 and C1 controls, DEL, bidirectional controls. */
bool utf8_is_control(uint32_t cp);
/* Columns on a terminal: 0 for combining characters, 2 for wide ones. */
unsigned utf8_width(uint32_t cp);
/* @s as one line of sound text, at most @max bytes, in @a: white space becomes a blank, control characters and stray bytes '?'. With
 * @comments they are left out: they would swallow what follows. */
char *utf8_line(struct arena *a, const char *s, size_t len, size_t max, bool comments);

/* utf8_json.c: @s as JSON; what is no UTF-8 in it is replaced. Null: out of memory. */
struct json_t *utf8_json(const char *s);

#endif
