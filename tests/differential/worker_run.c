/*
 * One frame through the evaluator and through the kernel. In: a program in both, a capture's frames. Out: whether the verdict, who decided and the
 * bytes that are left are the same, and if not, what is not.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "worker.h"

static uint32_t number(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

bool run_read(struct job *j, const char *path)
{
	json_t *splits = json_object_get(j->in, "splits");
	FILE *f = fopen(path, "r");
	uint8_t *all;
	size_t len, at = 24;

	if (!f || fseek(f, 0, SEEK_END))
		return false;
	len = (size_t)ftell(f);
	rewind(f);
	all = arena_alloc(j->arena, len + 1);
	if (fread(all, 1, len, f) != len || len < at || number(all) != 0xa1b23c4d) {
		fclose(f);
		return false;
	}
	fclose(f);
	j->frame = arena_array(j->arena, len / 16 + 1, sizeof(*j->frame));
	while (at + 16 <= len && number(all + at + 8) <= len - at - 16) {
		struct frame *x = &j->frame[j->n];

		x->now = (uint64_t)number(all + at) * 1000000000 + number(all + at + 4);
		x->len = number(all + at + 8);
		x->data = all + at + 16;
		x->split = (uint32_t)json_integer_value(json_array_get(splits, j->n++));
		if (x->split >= x->len)
			x->split = 0;
		at += 16 + x->len;
		if (x->len < FRAME_MIN || x->len > FRAME_MAX)
			return false;
	}
	return true;
}

static void say_bytes(struct job *j, size_t n, const char *rule, const uint8_t *expected, size_t len, const uint8_t *out, size_t have)
{
	size_t at = 0;

	while (at < len && at < have && expected[at] == out[at])
		at++;
	wrong(j, n, "bytes, by rule %s: %zu by the evaluator, %zu by the kernel; byte %zu is %02x, and %02x", rule, len, have, at,
	      at < len ? expected[at] : 0, at < have ? out[at] : 0);
}

static struct eval_packet packet(const struct job *j, size_t n)
{
	const struct xdpf_run_opts *o = &j->opts;
	struct eval_packet pkt = {
		.len = j->frame[n].len, .first = j->frame[n].split, .iface = j->load.test_iface, .has_rxqueue = j->load.has_test_rxqueue,
		.rxqueue = j->load.test_rxqueue, .now = j->frame[n].now, .random = eval_packet_random(j->seed, n + 1), .seed = j->seed,
		.no_way = o->no_way, .has_socket = o->has_socket, .socket = o->socket, .flow_state = (unsigned)o->flow_state,
	};
	const char *rx = json_string_value(json_object_get(j->in, "rx"));

	if (rx && !xdpf_rx_read(rx, &pkt.rx))
		abort();
	return pkt;
}

/* The kernel's own copy of what it was given and left. */
static int run_kernel(struct job *j, struct sides *s, size_t n, uint8_t *out, size_t *out_len, unsigned *verdict, unsigned *index)
{
	const struct frame *f = &j->frame[n];
	struct xdpf_run_opts o = j->opts;
	struct xdp_md ctx = { .data_end = f->split };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = f->data, .data_size_in = f->len, .data_out = out, .data_size_out = FRAME_MAX + META_MAX,
		    .repeat = 1);

	o.now = f->now;
	o.random = xdpf_run_random(j->seed, n + 1);
	o.seed = j->seed;
	rt_inputs_set(s->prog, &o);
	if (f->split) {
		run.ctx_in = &ctx;
		run.ctx_size_in = sizeof(ctx);
	}
	if (bpf_prog_test_run_opts(s->prog->prog_fd, &run))
		return -errno;
	if (s->prog->ring)
		ring_buffer__consume(s->prog->ring);
	*out_len = run.data_size_out;
	*verdict = run.retval;
	*index = s->prog->trace ? *(const volatile uint32_t *)&s->prog->trace->index : UINT_MAX;
	return 0;
}

bool run_frame(struct job *j, struct sides *s, size_t n)
{
	static uint8_t left[FRAME_MAX], expected[FRAME_MAX + META_MAX], out[FRAME_MAX + META_MAX];
	const struct frame *f = &j->frame[n];
	struct eval_packet pkt = packet(j, n);
	struct eval_result r;
	size_t meta = 0, have = 0;
	unsigned verdict = 0, index = 0;
	const char *rule;
	int err;

	pkt.data = left;
	memcpy(left, f->data, f->len);
	r = eval_run(s->eval, &pkt);
	rule = r.rule ? r.rule->shown : "default";
	s->decided += !r.rule;
	/* A run's output begins with the metadata. */
	if (pkt.marked) {
		const struct xdpf_mark mark = { XDPF_MARK_MAGIC, pkt.mark };

		memcpy(expected, &mark, sizeof(mark));
		meta = sizeof(mark);
	}
	memcpy(expected + meta, pkt.data, pkt.left);
	s->changed += meta || pkt.left != f->len || memcmp(pkt.data, f->data, f->len) != 0;
	err = run_kernel(j, s, n, out, &have, &verdict, &index);
	if (err) {
		wrong(j, n, "the kernel does not run it: %s", strerror(-err));
		return false;
	}
	if (verdict != (unsigned)lang_verdicts[r.verdict].xdp || index != r.index) {
		const struct ast_rule *by = index < j->program->n_indexes ? j->program->by_index.v[index] : NULL;

		wrong(j, n, "%s by %s says the evaluator, %s by %s the kernel", lang_verdicts[r.verdict].name, rule,
		      xdpf_verdict_name((enum xdpf_verdict)verdict), by ? by->shown : "default");
		return false;
	}
	if (have != meta + pkt.left || memcmp(out, expected, have) != 0) {
		say_bytes(j, n, rule, expected, meta + pkt.left, out, have);
		return false;
	}
	return true;
}

