/*
 * Internal to what is said of finished objects.
 */
#ifndef XDPF_OBJECT_WORK_H
#define XDPF_OBJECT_WORK_H

#include "object_facts.h"
#include "object_priv.h"

/* The code's part of @out, in @a: functions, lines, the longest path. */
bool object_work(struct finish *f, struct arena *a, struct object_facts *out);

#endif
