/*
 * xdpf explain, inside: packets that were sampled, on their way to xdpfc, which knows rules.
 *
 *   explain.c       the command: how many, of which kind, until when
 *   explain_why.c   what xdpfc is given
 */
#ifndef XDPF_CLI_EXPLAIN_H
#define XDPF_CLI_EXPLAIN_H

#include "cli.h"
#include "xdpf/samples.h"

/* Packets of one program, as lines that xdpfc reads. */
struct explain_batch {
	FILE *out;			/* of these; NULL: memory is out, or none came yet */
	char *text;
	size_t len;
	size_t n;
};

/* Adds a line: the packet's @number is what it is told by. False: memory is out. */
bool explain_add(struct explain_batch *b, const struct xdpf_meta *m, const char *iface, const struct xdpf_sample *s, uint64_t number);
/* Lines as they are, to standard output. */
void explain_raw(struct explain_batch *b);
/* Has xdpfc explain them, by the rules that @p has and what its sets have now; none: nothing is done. An exit status. Empties the batch. */
int explain_why(struct cli *cli, struct explain_batch *b, const struct xdpf_program *p, bool all, bool json);
void explain_batch_free(struct explain_batch *b);

#endif
