/* Calls of the kernel that fail when they are told to: see setfail.c. */
#ifndef XDPF_E2E_SETFAIL_H
#define XDPF_E2E_SETFAIL_H

#include <stdbool.h>

/* The n-th from now on fails, for want of memory; 0: none does. */
void setfail_begin(unsigned n);
/* Ends that. Was @err because of it? */
bool setfail_end(int err);

#endif
