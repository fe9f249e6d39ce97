/*
 * The tests that a rule file has, as `xdpf test` runs them.
 */
#ifndef XDPF_CLI_TEST_RULES_H
#define XDPF_CLI_TEST_RULES_H

#include "cli.h"

struct test_rules {
	unsigned long long run, failed;
	unsigned long long *failed_of;	/* NULL, or by file: those of its tests that failed */
	json_t *failures;		/* where they are told, as JSON; NULL: on standard output */
	bool as_messages;		/* ... or, instead, as what is wrong, on standard error */
};

/* 0, whether they passed or not; or what the library returned. */
int test_rules(struct cli *cli, const struct xdpf_object *o, struct test_rules *out);

#endif
