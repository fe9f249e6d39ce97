/*
 * A test of an object, in the kernel. In come an object and one of its tests; out goes whether all its expectations were met, or the first
 * that was not, or the first element that found no room in its set. The object is loaded anew for each test, so that none finds what another
 * left: maps of its own, and the test's interface, queue, clock and random numbers.
 *
 * The trace of a packet names who decided in the last file that it reached. Who of another file passed it on is told by that file's counters, which
 * are read before and behind it; where it has none, nobody knows who it was.
 */
#include <errno.h>
#include <limits.h>

#include "private.h"
#include "rx.h"

/* The file that an expectation is about, where the trace does not tell; -1: it does. */
static int file_asked(const struct xdpf_meta *m, const struct xdpf_step *step)
{
	const struct xdpf_rule *r = step->index == UINT_MAX ? NULL : xdpf_meta_rule(m, step->index);
	size_t file = r ? r->file : 0;

	if (step->kind != XDPF_STEP_EXPECT || step->verdict != XDPF_PASS || step->index == UINT_MAX)
		return -1;
	while (!r && file < m->n_files && m->files[file].default_index != step->index)
		file++;
	return file + 1 < m->n_files ? (int)file : -1;
}

/* Do expectations ask so about the packet that @step is? */
static bool is_asked(const struct xdpf_meta *m, const struct xdpf_test *t, size_t step)
{
	for (size_t i = step + 1; i < t->n_steps && t->steps[i].kind != XDPF_STEP_PACKET; i++)
		if (file_asked(m, &t->steps[i]) >= 0)
			return true;
	return false;
}

/* Who of @file decided: the one whose counter went on. */
static unsigned decided(const struct xdpf_meta *m, unsigned file, const struct xdpf_count *was, const struct xdpf_count *is, unsigned otherwise)
{
	if (!m->files[file].counters)
		return UINT_MAX;
	for (size_t i = 0; i < m->n_rules; i++)
		if (m->rules[i].file == file && m->rules[i].verdict != XDPF_NO_VERDICT &&
		    is[m->rules[i].index].packets != was[m->rules[i].index].packets)
			return m->rules[i].index;
	if (is[m->files[file].default_index].packets != was[m->files[file].default_index].packets)
		return m->files[file].default_index;
	return otherwise;
}

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

/* A test at work. */
struct running {
	struct xdpf_program *p;
	const struct xdpf_meta *m;
	struct xdpf_run_opts opts;
	struct xdpf_run_result last;
	uint64_t packet;		/* how many were run */
	struct xdpf_count *was, *is;	/* by index, before and behind the last packet, where it is asked who passed it on */
};

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

/* Runs a packet as often as it is to be; where it is asked who passed the last one on, with counters before and behind that. */
static int run_packet(struct running *r, const struct xdpf_test *t, size_t at, const struct xdpf_log *log)
{
	const struct xdpf_step *step = &t->steps[at];
	bool asked = is_asked(r->m, t, at);
	int err = 0;

	set_inputs(&r->opts, step);
	for (uint64_t k = 0; k < step->repeat && !err; k++) {
		if (asked && k + 1 == step->repeat)
			err = rt_counted_read(r->p, r->was, r->m->n_indexes, log);
		r->opts.random = xdpf_run_random(XDPF_TEST_SEED, ++r->packet);
		if (!err)
			err = xdpf_program_run(r->p, step->frame, step->len, &r->opts, &r->last, log);
	}
	return err || !asked ? err : rt_counted_read(r->p, r->is, r->m->n_indexes, log);
}

/* The decision that an expectation is about. */
static struct xdpf_run_result came_of(const struct running *r, const struct xdpf_step *step)
{
	int file = r->last.verdict == XDPF_PASS ? file_asked(r->m, step) : -1;
	struct xdpf_run_result came = r->last;

	if (file >= 0)
		came.index = decided(r->m, (unsigned)file, r->was, r->is, came.index);
	return came;
}

/* How many packets a test runs; 0: more than can be said. */
static uint64_t packets(const struct xdpf_test *t)
{
	uint64_t n = 0;

	for (size_t i = 0; i < t->n_steps; i++)
		if (t->steps[i].kind == XDPF_STEP_PACKET && __builtin_add_overflow(n, t->steps[i].repeat, &n))
			return 0;
	return n;
}

int xdpf_test_run(struct xdpf_test_result *out, const struct xdpf_object *o, const struct xdpf_test *t,
		  const struct xdpf_log *log)
{
	const struct xdpf_load_opts load = {
		.sz = sizeof(load), .test = true, .frags = t->longest > XDPF_MAX_LINEAR, .test_iface = t->iface,
		.has_test_rxqueue = t->has_rxqueue, .test_rxqueue = t->rxqueue, .test_packets = packets(t),
	};
	const struct xdpf_meta *m = rt_meta_get(o->meta);
	_cleanup_free_ struct xdpf_count *counts = calloc(2 * m->n_indexes + 1, sizeof(*counts));
	_cleanup_(rt_program_freep) struct xdpf_program *p = NULL;
	struct running r = {
		.m = m, .opts = { .sz = sizeof(r.opts), .now = XDPF_TEST_START }, .last = { .verdict = XDPF_NO_VERDICT, .index = UINT_MAX },
		.was = counts, .is = counts ? counts + m->n_indexes : NULL,
	};
	int err = counts ? xdpf_program_load(&p, o, &load, log) : rt_fail(log, ENOMEM, "out of memory");

	if (err)
		return err;
	r.p = p;
	for (size_t i = 0; i < t->n_steps; i++) {
		const struct xdpf_step *step = &t->steps[i];
		struct xdpf_run_result came;

		switch (step->kind) {
		case XDPF_STEP_PACKET:
			err = run_packet(&r, t, i, log);
			if (err)
				return err;
			break;
		case XDPF_STEP_AFTER:
			r.opts.now += step->after;
			break;
		case XDPF_STEP_EXPECT:
			came = came_of(&r, step);
			if (is_met(step, &came))
				break;
			*out = (struct xdpf_test_result){ false, step, r.packet, came };
			return 0;
		case XDPF_STEP_ADD:
		case XDPF_STEP_REMOVE:
			err = change_set(p, step, r.opts.now, log);
			if (!err)
				break;
			if (err != -ENOSPC)
				return err;
			*out = (struct xdpf_test_result){ .step = step, .packet = r.packet };
			return 0;
		}
	}
	*out = (struct xdpf_test_result){ .passed = true };
	return 0;
}
