/*
 * Packets of captures, for tests that name one.
 */
#ifndef XDPF_FRAME_CAPTURE_H
#define XDPF_FRAME_CAPTURE_H

#include "diag.h"

/* Packet @number (from 1) of the capture at @path, in @a; @r NULL: of the file system. NULL, and its bytes in *data; or why there is none. */
const char *frame_capture(struct arena *a, const struct source_reader *r, const char *path, uint64_t number, const uint8_t **data, size_t *len);

#endif
