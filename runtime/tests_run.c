/*
 * A test of an object, in the kernel. In come an object and one of its tests; out goes whether all its expectations were met, or the first
 * that was not, or the first element that found no room in its set. The object is loaded anew for each test, so that none finds what another
 * left: maps of its own, and the test's interface, queue, clock and random numbers.
 */
#include <errno.h>
#include <limits.h>

#include "private.h"
#include "rx.h"

static bool is_met(const struct xdpf_step *expect, const struct xdpf_run_result *came)
{
	/* Without a trace nobody knows who it was. */
	return came->verdict == expect->verdict &&
	       (expect->index == UINT_MAX || came->index == UINT_MAX || came->index == expect->index);
}

/* As a rule's `add` and `remove` do, by the test's clock. -ENOSPC: the set is full. */
static int change_set(const struct xdpf_program *p, const struct xdpf_step *step, uint64_t now, const struct xdpf_log *log)
{
	uint32_t size = rt_meta_get(p->meta)->sets[step->set].key_size;
	uint8_t element[XDPF_SET_KEY] = { 0 };
	int err = 0;

	for (size_t i = 0; i < step->n_elements && !err; i++) {
		memcpy(element, step->elements + i * size, size);
		if (step->kind == XDPF_STEP_REMOVE) {
			err = xdpf_set_remove(p, step->set, element, log);
			err = err == -ENOENT ? 0 : err;
		} else if (!rt_set_stays(p, step->set, element, 0)) {
			/* that it is full is the test's to say */
			err = rt_set_put(p, step->set, element, step->keep, now, NULL);
			if (err && err != -ENOSPC)
				err = rt_set_put(p, step->set, element, step->keep, now, log);
		}
	}
	return err;
}

static bool has(const struct xdpf_step *step, enum xdpf_input id)
{
	return step->inputs & 1u << id;
}

static void set_inputs(struct xdpf_run_opts *opts, const struct xdpf_step *step)
{
	opts->has_socket = has(step, XDPF_INPUT_SOCKET);
	opts->socket = step->input[XDPF_INPUT_SOCKET];
	opts->no_way = step->input[XDPF_INPUT_NO_WAY];
	opts->flow_state = (unsigned)step->input[XDPF_INPUT_FLOW_STATE];
	opts->has_rx_hash = has(step, XDPF_INPUT_RX_HASH);
	opts->rx_hash = (uint32_t)step->input[XDPF_INPUT_RX_HASH];
	opts->rx_timestamp = step->input[XDPF_INPUT_RX_TIMESTAMP];
	opts->has_rx_vlan = has(step, XDPF_INPUT_RX_VLAN_ID);
	opts->rx_vlan_tci = (uint16_t)(step->input[XDPF_INPUT_RX_VLAN_PCP] << 13 | step->input[XDPF_INPUT_RX_VLAN_ID]);
	opts->rx_vlan_type = has(step, XDPF_INPUT_RX_VLAN_TYPE) ? (uint16_t)step->input[XDPF_INPUT_RX_VLAN_TYPE] : XDPF_RX_VLAN_DEFAULT;
}

int xdpf_test_run(struct xdpf_test_result *out, const struct xdpf_object *o, const struct xdpf_test *t,
		  const struct xdpf_log *log)
{
	const struct xdpf_load_opts load = {
		.sz = sizeof(load), .test = true, .frags = t->longest > XDPF_MAX_LINEAR, .test_iface = t->iface,
		.has_test_rxqueue = t->has_rxqueue, .test_rxqueue = t->rxqueue,
	};
	struct xdpf_run_opts opts = { .sz = sizeof(opts), .now = XDPF_TEST_START };
	_cleanup_(rt_program_freep) struct xdpf_program *p = NULL;
	struct xdpf_run_result last = { .verdict = XDPF_NO_VERDICT, .index = UINT_MAX };
	uint64_t packet = 0;
	int err = xdpf_program_load(&p, o, &load, log);

	if (err)
		return err;
	for (size_t i = 0; i < t->n_steps; i++) {
		const struct xdpf_step *step = &t->steps[i];

		switch (step->kind) {
		case XDPF_STEP_PACKET:
			set_inputs(&opts, step);
			for (uint64_t k = 0; k < step->repeat; k++) {
				opts.random = xdpf_run_random(XDPF_TEST_SEED, ++packet);
				err = xdpf_program_run(p, step->frame, step->len, &opts, &last, log);
				if (err)
					return err;
			}
			break;
		case XDPF_STEP_AFTER:
			opts.now += step->after;
			break;
		case XDPF_STEP_EXPECT:
			if (is_met(step, &last))
				break;
			*out = (struct xdpf_test_result){ false, step, packet, last };
			return 0;
		case XDPF_STEP_ADD:
		case XDPF_STEP_REMOVE:
			err = change_set(p, step, opts.now, log);
			if (!err)
				break;
			if (err != -ENOSPC)
				return err;
			*out = (struct xdpf_test_result){ .step = step, .packet = packet };
			return 0;
		}
	}
	*out = (struct xdpf_test_result){ .passed = true };
	return 0;
}
