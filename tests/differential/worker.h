/*
 * What the files of the worker share: one program, as the evaluator and as the kernel have it.
 */
#ifndef DIFFERENTIAL_WORKER_H
#define DIFFERENTIAL_WORKER_H

#include <jansson.h>

#include "abi.h"
#include "ast.h"
#include "eval.h"
#include "private.h"

enum { FRAME_MIN = 14, FRAME_MAX = 65536, META_MAX = 64 };

struct frame {
	uint64_t now;
	uint8_t *data;
	uint32_t len, split;		/* bytes in one piece; 0: all */
};

struct job {
	json_t *in, *out;
	struct arena *arena;
	struct diag_list diag;
	const struct ast_program *program, *other;	/* what the evaluator runs, and what is compiled: it is the same, but in tests of this */
	struct frame *frame;
	size_t n;
	struct xdpf_load_opts load;
	struct xdpf_run_opts opts;
	uint64_t seed;
	char said[4096];		/* by the runtime */
};

struct sides {
	struct eval *eval;
	struct xdpf_program *prog;
	unsigned decided;		/* by defaults, of the last file that was reached */
	unsigned changed;		/* frames that the evaluator left otherwise than they came */
};

/* ---- worker.c ---- */

/* What is not alike, and of which frame; .n: of none. */
void wrong(struct job *j, size_t frame, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* For the runtime's messages, to .said. */
struct xdpf_log job_log(struct job *j);
/* What the list of diagnostics says, of malloc(). */
char *job_diagnosed(struct job *j);

/* ---- worker_run.c: frames ---- */

/* A capture's, with nanoseconds, in this machine's byte order; false: it is none, or has frames that the kernel does not take. */
bool run_read(struct job *j, const char *path);
/* One frame in both; false: something is wrong. */
bool run_frame(struct job *j, struct sides *s, size_t n);

/* ---- worker_count.c: counters ---- */

/* True: something is wrong. */
bool count_differs(struct job *j, const struct sides *s);

/* ---- worker_state.c: what a run has left ---- */

/* NULL: sets that live and limits are alike in both at @now, the last packet's time. Else what is not, of malloc(). */
char *state_differs(const struct ast_program *p, struct eval *e, const struct xdpf_program *prog, uint64_t now);

/* ---- worker_seen.c: which conditions were true, and which false ---- */

struct seen;
struct seen *seen_new(struct eval *e);
/* By what the condition is about: [how often it was false, how often true]. */
json_t *seen_json(const struct seen *s);
void seen_free(struct seen *s);

#endif
