/*
 * Test runs. In come a program that was loaded for tests and one frame; out go the verdict and who decided. The kernel runs
 * the very program that would be attached, with the frame's bytes where a driver would have put them.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <linux/bpf.h>

#include "private.h"
#include "rx.h"

static int explain_run(int err, size_t len, unsigned split, const struct xdpf_log *log)
{
	if (split && err == EINVAL)
		return rt_fail(log, err,
			       "this kernel does not split a frame at %u of %zu bytes: leave out the split",
			       split, len);
	if (err == EOPNOTSUPP || err == ENOTSUP)
		return rt_fail(log, err, "this kernel has no test runs of XDP programs: %s", strerror(err));
	return rt_fail_sys(log, err, "the kernel does not run the program over a frame of %zu bytes", len);
}

uint64_t xdpf_run_random(uint64_t seed, uint64_t n)
{
	return xdpf_test_packet_random(seed, n);
}

bool xdpf_run_opts_rx(struct xdpf_run_opts *o, const char *text)
{
	struct xdpf_rx rx;

	if (!xdpf_rx_read(text, &rx))
		return false;
	o->has_rx_hash = rx.has_hash;
	o->rx_hash = rx.hash;
	o->rx_timestamp = rx.timestamp;
	o->has_rx_vlan = rx.has_vlan;
	o->rx_vlan_type = rx.vlan_type;
	o->rx_vlan_tci = rx.vlan_tci;
	return true;
}

void rt_inputs_set(struct xdpf_program *p, const struct xdpf_run_opts *o)
{
	volatile struct xdpf_inputs *in = p->inputs;

	if (!in)
		return;
	in->now = o->now;
	in->random = o->random;
	in->seed = o->seed;
	in->no_way = o->no_way;
	in->socket = !o->has_socket ? XDPF_SOCKET_ABSENT : o->socket ? XDPF_SOCKET_YES : XDPF_SOCKET_NO;
	in->flow_state = o->flow_state;
	in->rx[XDPF_RX_HASH] = o->has_rx_hash ? o->rx_hash | XDPF_RX_GIVEN : 0;
	in->rx[XDPF_RX_TIMESTAMP] = o->rx_timestamp;
	in->rx[XDPF_RX_VLAN] = o->has_rx_vlan ? (uint64_t)o->rx_vlan_type << 16 | o->rx_vlan_tci | XDPF_RX_GIVEN : 0;
}

int xdpf_program_run(struct xdpf_program *p, const void *frame, size_t len, const struct xdpf_run_opts *opts,
		     struct xdpf_run_result *result,
		     const struct xdpf_log *log)
{
	struct xdpf_run_opts opt = opts_copy(struct xdpf_run_opts, opts);
	struct xdp_md ctx = { .data_end = opt.split };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = (uint32_t)len, .repeat = 1);
	bool split = opt.split && opt.split < len;
	int bad = rt_opts_check(opts, sizeof(opt), log);

	if (bad)
		return bad;
	if (!p->test)
		return rt_fail(log, EINVAL, "the program was not loaded for tests");
	if (len < XDPF_MIN_FRAME || len > INT_MAX)
		return rt_fail(log, EINVAL, "a frame of %zu bytes cannot be run: the kernel takes none below %d", len,
			       XDPF_MIN_FRAME);
	if (!p->frags && len > XDPF_MAX_LINEAR)
		return rt_fail(log, EINVAL, "a frame of %zu bytes needs a program with frags", len);
	if (opt.split && (!p->frags || opt.split < XDPF_MIN_FRAME))
		return rt_fail(log, EINVAL, "a split needs a program with frags, and at least %d bytes before it",
			       XDPF_MIN_FRAME);
	if (split) {
		run.ctx_in = &ctx;
		run.ctx_size_in = sizeof(ctx);
	}
	rt_inputs_set(p, &opt);
	if (bpf_prog_test_run_opts(p->prog_fd, &run))
		return explain_run(errno, len, split ? opt.split : 0, log);
	if (p->ring)
		ring_buffer__consume(p->ring);
	if (run.retval >= XDPF_N_VERDICTS)
		return rt_fail(log, EBADMSG, "the program returned %u, which is no verdict", run.retval);
	result->verdict = (enum xdpf_verdict)run.retval;
	result->index = p->trace ? *(const volatile uint32_t *)&p->trace->index : UINT_MAX;
	return 0;
}
