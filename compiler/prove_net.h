/*
 * Engines of the kernel, in a network namespace of their own.
 */
#ifndef XDPF_PROVE_NET_H
#define XDPF_PROVE_NET_H

#include "prove.h"

enum { PROVE_WHY = 512 };

/* What the child in the namespace and its parent share. */
struct prove_shared {
	char why[PROVE_WHY];		/* what did not work */
	uint64_t *sent;			/* when each of .timed was, ns; behind the verdicts */
	uint8_t verdict[];		/* of each packet, and of those of .timed: enum prove_verdict */
};

/* prove_run.c: runs @argv with @input on its standard input. False: it said why in @why. *@out, if @out: what it printed, to be freed. */
bool prove_run(const char *const *argv, const char *input, size_t len, char **out, char *why);
/* How a process ended, in words, by what waitpid() says. */
const char *prove_ended(int status, char text[64]);
/* A text that is put together; to be freed. False: no memory. */
bool prove_text(char **text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* prove_rules.c: loads the chain that is proved. */
bool prove_rules(const struct prove *pr, char *why);
/* prove_watch.c: chains right before and behind it note the marks of packets that come by; later, which those were. */
bool prove_watch(const struct prove *pr, char *why);
bool prove_watched(const struct prove *pr, struct prove_shared *s);

#endif
