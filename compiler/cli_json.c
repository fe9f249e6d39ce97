/*
 * xdpfc --import=json and --emit=json. In: documents, or rule files. Out: what the other modes read in place of a rule file; a document on
 * standard output.
 */
#include <string.h>

#include "cli.h"
#include "json.h"

bool cli_is_rules(const char *path)
{
	size_t len = strlen(path);

	return len > 5 && strcmp(path + len - 5, ".xdpf") == 0;
}

const struct source *cli_source(struct cli *cli, const char *path)
{
	const struct source *s;

	/* Translations of other filters' rules are there already. */
	for (size_t i = 0; cli->translated && i < cli->n_files; i++)
		if (cli->translated[i] && cli->files[i] == path)
			return cli->translated[i];
	s = cli_kept_source(cli, path);
	if (s)
		return s;
	s = source_read(cli->arena, path, &cli->diag);
	return s && cli->import && !cli_is_rules(path) ? json_import(cli->arena, s, &cli->diag) : s;
}

int cli_json(struct cli *cli)
{
	struct ast_program p = { .arena = cli->arena };
	const struct source *s = cli_source(cli, cli->files[0]);
	bool ok = s && parse_unit(&p, s, &cli->diag);

	cli_show(cli);
	if (!ok)
		return EXIT_INPUT;
	if (!json_export(cli->arena, s, stdout)) {
		cli_error("%s: it cannot be said as JSON: a defect of xdpfc", cli->files[0]);
		return EXIT_SYSTEM;
	}
	return EXIT_DONE;
}
