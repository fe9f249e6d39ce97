/*
 * libxdpf: the tests that rule files hold, which objects carry along, and how they are run in the kernel. What runtime.h says of errors, ownership
 * and versions holds here.
 */
#ifndef XDPF_TESTS_H
#define XDPF_TESTS_H

#include <xdpf/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

enum xdpf_step_kind { XDPF_STEP_PACKET, XDPF_STEP_AFTER, XDPF_STEP_EXPECT, XDPF_STEP_ADD, XDPF_STEP_REMOVE };

/* What a test's packet says instead of the kernel; see grammar/inputs.def. */
enum xdpf_input {
	XDPF_INPUT_SOCKET, XDPF_INPUT_NO_WAY, XDPF_INPUT_FLOW_STATE, XDPF_INPUT_RX_HASH, XDPF_INPUT_RX_TIMESTAMP, XDPF_INPUT_RX_VLAN_ID,
	XDPF_INPUT_RX_VLAN_PCP, XDPF_INPUT_RX_VLAN_TYPE, XDPF_N_INPUTS
};

struct xdpf_step {
	enum xdpf_step_kind kind;
	const uint8_t *frame;		/* PACKET, at least XDPF_MIN_FRAME bytes */
	size_t len;
	uint64_t repeat;		/* PACKET: how often it is run */
	unsigned inputs;		/* PACKET: which are given, bits 1 << enum xdpf_input; the others are absent, and 0 here: */
	uint64_t input[XDPF_N_INPUTS];
	uint64_t after;			/* AFTER: ns that the clock goes on */
	enum xdpf_verdict verdict;	/* EXPECT: of the packet that was run last */
	unsigned index;			/* EXPECT: who is to decide; UINT_MAX: anybody */
	const char *source;		/* EXPECT, ADD, REMOVE: where it stands */
	unsigned line;
	size_t set;			/* ADD, REMOVE: a place in the metadata's .sets */
	const uint8_t *elements;	/* ADD, REMOVE: .n_elements of the set's .key_size bytes each */
	size_t n_elements;
	uint64_t keep;			/* ADD: ns that they stay; 0: until they are removed */
};

struct xdpf_test {
	const char *name;
	const struct xdpf_step *steps;
	size_t n_steps;
	const char *iface;		/* that the packets come from, or NULL */
	bool has_rxqueue;
	uint32_t rxqueue;
	size_t longest;			/* bytes of its longest frame */
};

struct xdpf_tests;

/* The tests that an object carries; -EBADMSG where they are broken. Lives on its own. */
XDPF_API int xdpf_object_tests(struct xdpf_tests **out, const struct xdpf_object *o, const struct xdpf_log *log);
XDPF_API void xdpf_tests_free(struct xdpf_tests *t);
XDPF_API const struct xdpf_test *xdpf_tests_get(const struct xdpf_tests *t, size_t *n);

/* The first step of a test that went wrong: an expectation that was not met, an addition to a full set. */
struct xdpf_test_result {
	bool passed;
	const struct xdpf_step *step;
	uint64_t packet;		/* how many were run, of an expectation: the number of its own */
	/* EXPECT; where it expects that a rule of another file than the last passes the packet, and all files did: who of that file did */
	struct xdpf_run_result came;
};

/* Loads @o anew and runs one of its tests in the kernel: it begins with the state that the object declares. */
XDPF_API int xdpf_test_run(struct xdpf_test_result *out, const struct xdpf_object *o, const struct xdpf_test *t, const struct xdpf_log *log);

#ifdef __cplusplus
}
#endif

#endif
