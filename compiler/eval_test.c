/*
 * A test, by the reference evaluator. In: a checked program and one of its tests. Out: whether all its expectations were met, or the first
 * that was not, or the first element that found no room in its set. Each test begins with empty tables, at one moment of the clock, and with
 * the same random numbers.
 */
#include "eval_test.h"

#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "utf8.h"

struct run {
	struct eval *e;
	uint8_t *buf;			/* of the longest frame: the rules may write to it */
	uint64_t now, packet, seed;
	struct eval_result last;
	const struct eval_asked *around;	/* NULL: a test */
};

static bool has(const struct ast_frame *f, enum input_id id)
{
	return f->inputs & 1u << id;
}

static struct xdpf_rx rx_of(const struct ast_frame *f)
{
	return (struct xdpf_rx){
		.has_hash = has(f, INPUT_RX_HASH), .hash = (uint32_t)f->input[INPUT_RX_HASH], .timestamp = f->input[INPUT_RX_TIMESTAMP],
		.has_vlan = has(f, INPUT_RX_VLAN_ID),
		.vlan_tci = (uint16_t)(f->input[INPUT_RX_VLAN_PCP] << 13 | f->input[INPUT_RX_VLAN_ID]),
		.vlan_type = has(f, INPUT_RX_VLAN_TYPE) ? (uint16_t)f->input[INPUT_RX_VLAN_TYPE] : XDPF_RX_VLAN_DEFAULT,
	};
}

static struct eval_packet packet_of(struct run *r, const struct ast_frame *f)
{
	memcpy(r->buf, f->data, f->len);
	return (struct eval_packet){
		.data = r->buf, .len = f->len, .iface = f->iface, .has_rxqueue = f->has_rxqueue, .rxqueue = f->rxqueue,
		.now = r->now, .random = eval_packet_random(r->seed, ++r->packet), .seed = r->around ? r->seed : 0,
		.has_socket = has(f, INPUT_SOCKET), .socket = f->input[INPUT_SOCKET], .no_way = f->input[INPUT_NO_WAY],
		.flow_state = (unsigned)f->input[INPUT_FLOW_STATE], .rx = rx_of(f),
	};
}

/* Who asks is given the last one, to run it. */
static void run_packet(struct run *r, const struct ast_step *step)
{
	for (uint64_t i = 0; i < step->repeat; i++) {
		struct eval_packet pkt = packet_of(r, step->frame);

		if (r->around && i + 1 == step->repeat)
			r->around->packet(r->around->arg, r->e, &pkt, r->packet);
		else
			r->last = eval_run(r->e, &pkt);
	}
}

static bool change_set(const struct run *r, const struct ast_step *step)
{
	bool room = true;

	for (size_t i = 0; i < step->n && room; i++) {
		const struct range *element = step->range + i * step->set->n_types;

		if (step->kind == STEP_ADD)
			room = eval_set_add(r->e, step->set, element, step->keep, r->now);
		else
			eval_set_remove(r->e, step->set, element);
	}
	return room;
}

/* The decision that an expectation is about. Where all files passed the packet, and it is said by whom, that one's. */
static struct eval_result came_of(const struct run *r, const struct ast_step *expect)
{
	return expect->by.s && r->last.verdict == VERDICT_PASS ? eval_decided(r->e, expect->index) : r->last;
}

static bool is_met(const struct ast_step *expect, const struct eval_result *came)
{
	return came->verdict == expect->want && (!expect->by.s || came->index == expect->index);
}

static void run_expect(const struct run *r, const struct ast_step *step, struct eval_test_result *out)
{
	struct eval_result came = came_of(r, step);

	if (!is_met(step, &came))
		*out = (struct eval_test_result){ false, step, r->packet, came };
}

static void run_step(struct run *r, const struct ast_step *step, struct eval_test_result *out)
{
	switch (step->kind) {
	case STEP_PACKET:
		run_packet(r, step);
		break;
	case STEP_AFTER:
		r->now += step->after;
		break;
	case STEP_EXPECT:
		if (!r->around)
			run_expect(r, step, out);
		break;
	case STEP_ADD:
	case STEP_REMOVE:
		if (!change_set(r, step))
			*out = (struct eval_test_result){ .step = step, .packet = r->packet };
		break;
	}
}

static void run_steps(struct run *r, const struct ast_program *p, const struct ast_test *t, struct eval_test_result *out)
{
	size_t longest = 1;

	for (size_t i = 0; i < t->step.n; i++)
		if (t->step.v[i]->kind == STEP_PACKET && t->step.v[i]->frame->len > longest)
			longest = t->step.v[i]->frame->len;
	*out = (struct eval_test_result){ .passed = true };
	r->buf = arena_malloc(longest);
	r->e = eval_new(p);
	for (size_t i = 0; i < t->step.n && out->passed; i++)
		run_step(r, t->step.v[i], out);
	free(r->buf);
	eval_free(r->e);
}

void eval_test(const struct ast_program *p, const struct ast_test *t, struct eval_test_result *out)
{
	struct run r = { .now = XDPF_TEST_START, .seed = XDPF_TEST_SEED };

	run_steps(&r, p, t, out);
}

void eval_asked(const struct ast_program *p, const struct ast_test *t, const struct eval_asked *a, struct eval_test_result *out)
{
	struct run r = { .now = a->now ? a->now : XDPF_TEST_START, .seed = a->seed, .around = a };

	run_steps(&r, p, t, out);
}

static const char *shown(struct arena *a, const char *s)
{
	return utf8_line(a, s, strlen(s), 255, false);
}

const char *eval_test_text(struct arena *a, const struct ast_program *p, const struct eval_test_result *r)
{
	const struct ast_step *step = r->step;
	const struct ast_rule *by = step->by.s ? p->by_index.v[step->index] : NULL;
	const char *file = p->units.n > 1 && r->came.unit ? shown(a, r->came.unit->name) : NULL;

	if (step->kind != STEP_EXPECT)
		return arena_printf(a, "set %s is full: it holds %u element%s", shown(a, step->set->name.s), step->set->max,
				    step->set->max == 1 ? "" : "s");
	return arena_printf(a, "packet %llu: expected %s%s%s, came %s by %s%s%s", (unsigned long long)r->packet, lang_verdicts[step->want].name,
			    step->by.s ? " by " : "", by ? shown(a, by->shown) : step->by.s ? "default" : "",
			    lang_verdicts[r->came.verdict].name, r->came.rule ? shown(a, r->came.rule->shown) : "default", file ? " of " : "",
			    file ? file : "");
}
