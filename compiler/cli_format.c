/*
 * xdpfc --format and --emit=xdpf. In: rule files. Out: the same in the canonical layout, in their place or on standard output. A file that is
 * wrong, or has that layout already, is left alone.
 */
#include <string.h>

#include "cli.h"

/* NULL: the file is wrong, or cannot be read, which is shown. */
static const char *formatted(struct cli *cli, const char *path, const struct source **source, size_t *len)
{
	struct ast_program p = { .arena = cli->arena };
	const char *text = NULL;

	*source = cli_source(cli, path);
	if (*source && parse_unit(&p, *source, &cli->diag)) {
		text = parse_format(cli->arena, *source, len);
		if (!text)
			cli_error("%s: the new layout would say something else, and is not written: a defect of xdpfc", path);
	}
	cli_show(cli);
	return text;
}

int cli_format(struct cli *cli)
{
	int status = EXIT_DONE;

	for (size_t i = 0; i < cli->n_files; i++) {
		const struct source *source;
		size_t len;
		const char *text = formatted(cli, cli->files[i], &source, &len);

		if (!text)
			status = EXIT_INPUT;
		else if (cli->emit || strcmp(cli->files[i], "-") == 0)
			fwrite(text, 1, len, stdout);
		else if ((len != source->len || memcmp(text, source->text, len) != 0) && cli_write_file(cli->files[i], text, len) != EXIT_DONE)
			return EXIT_SYSTEM;
	}
	return status;
}
