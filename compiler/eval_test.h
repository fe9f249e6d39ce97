/*
 * Tests of a rule file, run by the reference evaluator.
 */
#ifndef XDPF_EVAL_TEST_H
#define XDPF_EVAL_TEST_H

#include "eval.h"

struct eval_test_result {
	bool passed;
	/* of the first expectation that was not met */
	const struct ast_step *expect;
	uint64_t packet;		/* its number in the test, from 1 */
	struct eval_result came;
};

/* Runs one test from the file's initial state. False: out of memory. */
bool eval_test(const struct ast_program *p, const struct ast_test *t, struct eval_test_result *out);

#endif
