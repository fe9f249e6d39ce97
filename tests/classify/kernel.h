/*
 * Generated look-ups, run by the kernel: a program that classifies packets which stand in its memory.
 */
#ifndef XDPF_TESTS_CLASSIFY_KERNEL_H
#define XDPF_TESTS_CLASSIFY_KERNEL_H

#include "rules.h"

struct kernel;

/* @c NULL: a program of the same shape that classifies nothing, to compare times with. NULL, and *why (of malloc()). */
struct kernel *kernel_load(const struct classifier *c, const struct image *im, unsigned n_dims, char **why);
/* The program's packets are these, again and again; what is found, as cg_classify() gives it, for the first KERNEL_PACKETS at most, in .found.
 * false: no run. */
enum { KERNEL_PACKETS = 1 << 16, KERNEL_SLICE = 1 << 14 };
bool kernel_run(struct kernel *k, const struct packet *p, size_t n, uint64_t *found);
/* Nanoseconds per packet of a run over the next KERNEL_SLICE of what kernel_run() was given last. */
double kernel_time(struct kernel *k);
unsigned kernel_verified(const struct kernel *k);		/* instructions that the verifier looked at, for each packet of a run */
void kernel_free(struct kernel *k);

#endif
