/*
 * xdpfc --budget. In: rule files, and what they may cost. Out: what their program will cost and how its rules are found, on standard output; exit
 * status 4 where that is more than it may.
 */
#include "cli.h"

#include <inttypes.h>
#include <unistd.h>

#include "cli_progress.h"
#include "compile_budget.h"

static uint64_t cpus(const struct cli *cli)
{
	long here = sysconf(_SC_NPROCESSORS_CONF);

	return cli->cpus ? cli->n_cpus : here > 0 ? (uint64_t)here : 1;
}

/* Notes that @name is more than was allowed. */
static void note(const char ***names, const char *name)
{
	*(*names)++ = name;
}

static uint64_t map_bytes(const struct budget_map *m, uint64_t cpus)
{
	return m->per_cpu ? m->shared + cpus * m->bytes : m->bytes;
}

static const char *largest_map(const struct budget *b, uint64_t cpus)
{
	const struct budget_map *most = NULL;

	for (size_t i = 0; i < b->map.n; i++)
		if (!most || map_bytes(&b->map.v[i], cpus) > map_bytes(most, cpus))
			most = &b->map.v[i];
	return most ? most->name : "no map";
}

/* The line of a rule that takes most instructions: of all, or of those that the longest path comes by. */
static const char *largest_line(struct cli *cli, const struct budget *b, bool on_path)
{
	size_t n, *most = budget_most(cli->diag.arena, b, &n);

	for (size_t i = 0; i < n; i++) {
		bool by = !on_path;

		for (size_t k = 0; k < b->code.path.line.n && !by; k++)
			by = b->code.path.line.v[k] == most[i];
		if (by)
			return arena_printf(cli->diag.arena, "most by %s: %zu", budget_line_shown(cli->diag.arena, b, most[i]),
					    b->code.line.v[most[i]].instructions);
	}
	return "no rule's";
}

static const char *largest_frame(struct cli *cli, const struct budget *b)
{
	const struct object_function *most = &b->code.function.v[0];

	for (size_t i = 1; i < b->code.function.n; i++)
		if (b->code.function.v[i].stack > most->stack)
			most = &b->code.function.v[i];
	return arena_printf(cli->diag.arena, "most in function %s: %zu", most->name, most->stack);
}

static void path_exceeded(struct cli *cli, const struct budget *b, const char ***names)
{
	const struct object_path *p = &b->code.path;

	if (!cli->max_path || (p->instructions && p->instructions <= cli->most_path))
		return;
	if (!p->instructions)
		cli_error("no longest path is known, so none that --max-path allows: the code has loops");
	else
		cli_error("a path of %zu instructions is more than the %" PRIu64 " of --max-path (%s)", p->instructions, cli->most_path,
			  largest_line(cli, b, !p->loops));
	note(names, "path");
}

/* What is more than was allowed: names of it in @names, ended by NULL; said on standard error. */
static void exceeded(struct cli *cli, const struct budget *b, const char *names[7])
{
	uint64_t n = cpus(cli), memory = b->bytes + n * b->per_cpu;
	const struct object_facts *o = &b->code;

	if (cli->max_instructions && o->instructions > cli->most_instructions) {
		cli_error("%zu instructions are more than the %" PRIu64 " of --max-instructions (%s)", o->instructions, cli->most_instructions,
			  largest_line(cli, b, false));
		note(&names, "instructions");
	}
	if (cli->max_memory && memory > cli->most_memory) {
		cli_error("%" PRIu64 " bytes of memory (%" PRIu64 ", and %" PRIu64 " for each of %" PRIu64 " CPUs) are more than the %" PRIu64
			  " of --max-memory (most in map %s)", memory, b->bytes, b->per_cpu, n, cli->most_memory, largest_map(b, n));
		note(&names, "memory");
	}
	if (cli->max_stack && o->function.v[0].deepest > cli->most_stack) {
		cli_error("%zu bytes of stack are more than the %" PRIu64 " of --max-stack (%s)", o->function.v[0].deepest, cli->most_stack,
			  largest_frame(cli, b));
		note(&names, "stack");
	}
	if (cli->max_lookups && b->most.maps > cli->most_lookups) {
		cli_error("%zu look-up%s in maps %s more than the %" PRIu64 " of --max-lookups", b->most.maps, b->most.maps == 1 ? "" : "s",
			  b->most.maps == 1 ? "is" : "are", cli->most_lookups);
		note(&names, "lookups");
	}
	path_exceeded(cli, b, &names);
	if (cli->max_verified && (!o->verified || o->verified > cli->most_verified)) {
		if (!o->verified)
			cli_error("it is not known how many instructions are verified, so not whether --max-verified allows them (%s)", o->unknown);
		else if (o->verified > OBJECT_VERIFIED)
			cli_error("more than %d instructions may be verified: no kernel allows that, and neither does --max-verified (%s)",
				  OBJECT_VERIFIED, largest_line(cli, b, false));
		else
			cli_error("%zu instructions that may be verified are more than the %" PRIu64 " of --max-verified (%s)", o->verified,
				  cli->most_verified, largest_line(cli, b, false));
		note(&names, "verified");
	}
	*names = NULL;
}

int cli_budget(struct cli *cli)
{
	const struct compile_options o = { .mcpu = cli->mcpu, .lower = { .counting = cli->counting, .classify = cli->classify, .sets = cli->sets,
						     .plain = cli->plain } };
	const struct ast_program *p = cli_front(cli);
	const char *more[7];
	struct budget b;

	if (!p)
		return EXIT_INPUT;
	cli_progress_begin(cli, "compiling");
	if (!compile_budget(p, &o, &cli->diag, &b)) {
		cli_show(cli);
		return EXIT_INPUT;
	}
	cli_progress_end();
	exceeded(cli, &b, more);
	if (cli->json)
		budget_json(cli->diag.arena, &b, more, stdout);
	else
		budget_text(cli->diag.arena, &b, stdout);
	return more[0] ? EXIT_NO : EXIT_DONE;
}
