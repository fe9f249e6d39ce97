/*
 * The dissector and the evaluator on bytes that nobody chose. In: a frame. Out: nothing; they must not crash or overrun, and the books
 * must balance: the packet is counted by one rule or default, and by one verdict. The rules are those of the file that the environment
 * variable XDPF_FUZZ_RULES names, so that every field is looked at.
 */
#include <stdlib.h>
#include <string.h>

#include "eval.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct eval *evaluator;
static const struct ast_program *rules;
static uint64_t packets;

static char *read_all(struct arena *a, const char *path, size_t *len)
{
	FILE *f = path ? fopen(path, "r") : NULL;
	char *text = arena_alloc(a, 1 << 20);

	if (!f) {
		fprintf(stderr, "XDPF_FUZZ_RULES must name a rule file\n");
		exit(2);
	}
	*len = fread(text, 1, (1 << 20) - 1, f);
	fclose(f);
	return text;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct arena *a;
	static struct diag_list diags;
	static struct ast_program program;
	const char *path = getenv("XDPF_FUZZ_RULES");
	size_t len;
	char *text;

	(void)argc;
	(void)argv;
	a = arena_new();
	diags.arena = program.arena = a;
	text = read_all(a, path, &len);
	if (!parse_unit(&program, source_new(a, path, text, len), &diags) || !sema_check(&program, &diags)) {
		diag_render(&diags, stderr, false);
		exit(2);
	}
	rules = &program;
	evaluator = eval_new(rules);
	if (!evaluator)
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A block of exactly its size: what reads behind the frame is caught. */
	uint8_t *frame = malloc(size ? size : 1);
	struct eval_packet packet = {
		.data = frame, .len = size, .iface = size & 1 ? "eth0" : NULL, .has_rxqueue = size & 2, .now = packets * 1000003,
		.random = eval_packet_random(1, packets), .seed = 1, .has_socket = size & 4, .socket = size & 8, .no_way = size & 16,
		.flow_state = (unsigned)(size >> 5 & 3),
	};
	struct eval_result r;
	uint64_t sum = 0;

	memcpy(frame, data, size);
	r = eval_run(evaluator, &packet);
	if (r.verdict == VERDICT_NONE || r.index >= rules->n_indexes)
		abort();
	packets++;
	for (enum verdict v = 0; v < VERDICT_COUNT; v++)
		sum += eval_verdict_count(evaluator, v).packets;
	if (sum != packets)
		abort();
	free(frame);
	return 0;
}
