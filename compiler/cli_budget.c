/*
 * xdpfc --budget. In: rule files, and what they may cost. Out: what their program will cost and how its rules are found, on standard output; exit
 * status 4 where that is more than it may.
 */
#include "cli.h"

#include <inttypes.h>
#include <unistd.h>

#include "compile_budget.h"

static uint64_t cpus(const struct cli *cli)
{
	long here = sysconf(_SC_NPROCESSORS_CONF);

	return cli->cpus ? cli->n_cpus : here > 0 ? (uint64_t)here : 1;
}

/* What is more than was allowed: names of it in @names, ended by NULL; said on standard error. */
static void exceeded(const struct cli *cli, const struct budget *b, const char *names[3])
{
	uint64_t n = cpus(cli), memory = b->bytes + n * b->per_cpu;

	if (cli->max_instructions && b->instructions > cli->most_instructions) {
		cli_error("%zu instructions are more than the %" PRIu64 " of --max-instructions", b->instructions, cli->most_instructions);
		*names++ = "instructions";
	}
	if (cli->max_memory && memory > cli->most_memory) {
		cli_error("%" PRIu64 " bytes of memory (%" PRIu64 ", and %" PRIu64 " for each of %" PRIu64 " CPUs) are more than the %" PRIu64
			  " of --max-memory", memory, b->bytes, b->per_cpu, n, cli->most_memory);
		*names++ = "memory";
	}
	*names = NULL;
}

int cli_budget(struct cli *cli)
{
	const struct compile_options o = { .mcpu = cli->mcpu, .lower = { .counting = cli->counting, .classify = cli->classify, .sets = cli->sets } };
	const struct ast_program *p = cli_front(cli);
	const char *more[3];
	struct budget b;

	if (!p)
		return EXIT_INPUT;
	if (!compile_budget(p, &o, &cli->diag, &b)) {
		cli_show(cli);
		return EXIT_INPUT;
	}
	exceeded(cli, &b, more);
	if (cli->json)
		budget_json(&b, more, stdout);
	else
		budget_text(&b, stdout);
	return more[0] ? EXIT_NO : EXIT_DONE;
}
