/*
 * xdpfc FILE... -o OUT.o, --check and --emit. In: rule files. Out: an object file, nothing, or a stage of the compilation as text.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "cli_progress.h"
#include "compile.h"

static int emit(struct cli *cli, const struct ast_program *p, const struct compile_options *o)
{
	static const struct {
		const char *name;
		enum compile_emit what;
	} stages[] = { { "ast", EMIT_AST }, { "ir", EMIT_IR }, { "llvm", EMIT_LLVM }, { "asm", EMIT_ASM } };

	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		if (strcmp(cli->emit, stages[i].name) != 0)
			continue;
		if (compile_emit(p, o, stages[i].what, &cli->diag, stdout))
			return EXIT_DONE;
		cli_show(cli);
		return EXIT_INPUT;
	}
	return cli_usage("--emit=%s: there are the stages ast, ir, llvm, asm, json, xdpf and html", cli->emit);
}

/* A slip that costs a rule file: its name behind -o. */
static bool is_input(const struct cli *cli)
{
	struct stat out, in;

	if (strcmp(cli->out, "-") == 0 || stat(cli->out, &out) < 0)
		return false;
	for (size_t i = 0; i < cli->n_files; i++)
		if (strcmp(cli->files[i], "-") != 0 && stat(cli->files[i], &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
			return true;
	return false;
}

int cli_compile(struct cli *cli)
{
	const struct compile_options o = { .mcpu = cli->mcpu, .lower = { .counting = cli->counting, .classify = cli->classify, .sets = cli->sets,
						     .plain = cli->plain } };
	struct ast_program *p;
	void *obj = NULL;
	size_t len = 0;
	int status;

	if (cli->out && is_input(cli))
		return cli_usage("-o %s would overwrite a rule file", cli->out);
	p = cli_front(cli);
	if (p)
		p->no_texts = cli->no_source;
	if (!p)
		return EXIT_INPUT;
	cli_progress_begin(cli, "compiling");
	if (cli->check) {
		if (compile_check(p, &o, &cli->diag)) {
			cli_progress_end();
			return EXIT_DONE;
		}
		cli_show(cli);
		return EXIT_INPUT;
	}
	if (cli->emit) {
		cli_progress_end();
		return emit(cli, p, &o);
	}
	if (!compile_object(p, &o, &cli->diag, &obj, &len)) {
		cli_show(cli);
		return EXIT_INPUT;
	}
	cli_progress_end();
	status = cli_write_file(cli->out, obj, len);
	compile_object_free(obj, len);
	return status;
}
