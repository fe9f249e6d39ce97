/*
 * Tests of a rule file, run by the reference evaluator.
 */
#ifndef XDPF_EVAL_TEST_H
#define XDPF_EVAL_TEST_H

#include "eval.h"

struct eval_test_result {
	bool passed;
	/* of the first step that went wrong: an expectation that was not met, an addition to a full set */
	const struct ast_step *step;
	uint64_t packet;		/* how many were run, of an expectation: the number of its own */
	struct eval_result came;	/* EXPECT */
};

/* Runs one test from the file's initial state. */
void eval_test(const struct ast_program *p, const struct ast_test *t, struct eval_test_result *out);

/* Packets that somebody asks about. */
struct eval_asked {
	uint64_t now;			/* ns since the epoch, when the steps begin; 0: as a test's */
	uint64_t seed;
	/* Each packet, of one that is repeated the last: to be run, with whatever else it comes with. */
	void (*packet)(void *arg, struct eval *e, struct eval_packet *pkt, uint64_t n);
	void *arg;
};

/* The same steps; expectations are not looked at. */
void eval_asked(const struct ast_program *p, const struct ast_test *t, const struct eval_asked *a, struct eval_test_result *out);

/* What went wrong, in one line: what was expected and what came, or which set was full. In @a. */
const char *eval_test_text(struct arena *a, const struct ast_program *p, const struct eval_test_result *r);

#endif
