/*
 * xdpfc --import=KIND, but for json. In: rules of another filter. Out: the same as an .xdpf text, which the other modes then read, and on standard
 * error line by line what could not be translated. Where that was not accepted there is no text, and the status is 1. With --prove the original
 * runs beside the translation before anything else is done.
 */
#include <jansson.h>
#include <string.h>

#include "cli.h"
#include "cli_import.h"

enum { GO_ON = -1, MOST_ROUNDS = 1000 };

/* A document says all that there is to say. */
static int not_for_json(const struct cli *cli)
{
	const char *of = cli->prove ? "--prove" : cli->accept ? "--accept" : cli->chain ? "--chain" : cli->ipset ? "--ipset" : cli->match ?
		"--match" :
			 cli->of ? "--of" : NULL;

	return of && cli->import ? cli_usage("%s is for rules of other filters, not for --import=json", of) : GO_ON;
}

/* An exit status, or GO_ON. */
static int options(struct cli *cli, struct import *im)
{
	const struct import_kind_info *k;
	char kinds[200] = "";
	uint64_t n;

	im->kind = import_find(cli->import);
	for (int i = 0; i < IMPORT_COUNT; i++)
		snprintf(kinds + strlen(kinds), sizeof(kinds) - strlen(kinds), ", %s", import_kinds[i].name);
	if (im->kind == IMPORT_COUNT)
		return cli_usage("--import=%s: there are json%s", cli->import, kinds);
	k = &import_kinds[im->kind];
	if (cli->accept && !import_accept_read(cli->accept, &im->o.accept))
		return cli_usage("--accept=%s: there are left-out, state, limit, timeout, reject and fragments, with commas between them",
				 cli->accept);
	if (cli->match && strcmp(cli->match, "drop") != 0 && strcmp(cli->match, "pass") != 0)
		return cli_usage("--match=%s: what matches is to `drop` or to `pass`", cli->match);
	if (cli->match && im->kind != IMPORT_LIST && im->kind != IMPORT_PCAP)
		return cli_usage("--match is for --import=list and --import=pcap-filter: rules say themselves what becomes of packets");
	im->o.pass = cli->match && strcmp(cli->match, "pass") == 0;
	if (cli->of && ((strcmp(cli->of, "src") != 0 && strcmp(cli->of, "dst") != 0) || im->kind != IMPORT_LIST))
		return cli_usage("--of=%s: src or dst, for --import=list: whose addresses are listed", cli->of);
	im->o.by_dst = cli->of && strcmp(cli->of, "dst") == 0;
	im->o.chain = cli->chain;
	if (cli->prove && (!cli_number(cli->prove, PROVE_MOST, &n) || !n))
		return cli_usage("--prove %s: a number of packets from 1 to %d", cli->prove, PROVE_MOST);
	if (cli->prove && k->original == ORIGINAL_NONE)
		return cli_usage("--prove: nothing on this machine runs a %s, so there is nothing to compare with", k->name);
	return GO_ON;
}

/* What is in the way, or was accepted: a line each. */
static void show(const struct cli *cli, const struct import *im)
{
	json_t *all = json_array();

	for (size_t i = 0; i < im->refused.n; i++) {
		const struct import_refusal *r = &im->refused.v[i];
		bool accepted = r->accepted & im->o.accept;
		const char *accept = import_accept_name(r->accepted);

		if (cli->json) {
			json_t *o = json_pack("{s:o, s:o, s:o, s:b}", "at", cli_json_string(r->at), "what", cli_json_string(r->what), "why",
					      cli_json_string(r->why), "accepted", accepted);

			json_object_set_new(o, "accept", accept ? json_string(accept) : json_null());
			json_array_append_new(all, o);
			continue;
		}
		fprintf(stderr, "%s: %s: %s\n", r->at, !accepted ? "not translated" : r->accepted & IMPORT_LEFT_OUT ? "left out" : "not the same",
			r->why);
		if (*r->what)
			fprintf(stderr, "   %s\n", r->what);
		if (!accepted && accept)
			fprintf(stderr, "   remedy: --accept=%s\n", accept);
	}
	if (cli->json && im->refused.n) {
		json_dumpf(all, stderr, JSON_INDENT(2));
		putc('\n', stderr);
	}
	json_decref(all);
}

/* Does the error say that no packet matches? Others are defects of a translation. */
static bool says_never(const struct diag *e)
{
	return strstr(e->text, " can never be true") || strstr(e->text, " is never true") || strstr(e->text, "is never reached");
}

/* Rules that can never match are errors where somebody writes them; in a translation they become comments. False: nothing new was found, or
 * something else is wrong. */
static bool bury(struct import *im, const struct diag_list *d)
{
	size_t before = im->dead.n;

	for (size_t i = 0; i < d->list.n; i++) {
		const struct diag *e = &d->list.v[i];
		uint64_t rule;
		size_t j = 0;

		if (e->severity != DIAG_ERROR)
			continue;
		if (!says_never(e) || !import_rule_at(im, e->span.begin, &rule))
			return false;
		while (j < im->dead.n && im->dead.v[j].rule != rule)
			j++;
		if (j == im->dead.n)
			*vec_add(im->arena, &im->dead) = (struct import_dead){ rule, e->text };
	}
	return im->dead.n > before;
}

/* The translation as a checked program; NULL: it could not be made, which was said. */
static struct ast_program *translated(struct cli *cli, struct import *im, const struct source **source)
{
	const char *name = strcmp(im->src->path, "-") == 0 ? "stdin.xdpf" : arena_printf(cli->arena, "%s.xdpf", im->src->path);

	for (unsigned round = 0; round < MOST_ROUNDS; round++) {
		struct diag_list d = { .arena = cli->arena };
		struct ast_program *p;

		if (!import_run(im)) {
			show(cli, im);
			return NULL;
		}
		*source = source_new(cli->arena, name, im->text, im->len);
		p = compile_front(cli->arena, source, 1, &d);
		if (p) {
			show(cli, im);
			return p;
		}
		if (!bury(im, &d)) {
			show(cli, im);
			cli_error("the translation of %s does not compile, and is not written:", source_shown(im->src));
			diag_render(&d, stderr, false);
			return NULL;
		}
	}
	cli_error("%s: more than %d rules in it can never match", source_shown(im->src), MOST_ROUNDS);
	return NULL;
}

/* One file; an exit status, or GO_ON. */
static int translate(struct cli *cli, const struct import *options, size_t file)
{
	struct import im = *options;
	const struct source *source;
	struct ast_program *p;
	int status;

	im.src = source_read(cli->arena, cli->files[file], &cli->diag);
	if (!im.src) {
		cli_show(cli);
		return EXIT_INPUT;
	}
	p = translated(cli, &im, &source);
	status = !p ? EXIT_INPUT : cli->prove ? cli_prove(cli, &im, p) : EXIT_DONE;
	import_free(&im);
	if (status != EXIT_DONE)
		return status;
	cli->translated[file] = source;
	return GO_ON;
}

/* Is there a file that is to be translated? */
static bool foreign(const struct cli *cli)
{
	for (size_t i = 0; i < cli->n_files; i++)
		if (!cli_is_rules(cli->files[i]))
			return true;
	return false;
}

int cli_import(struct cli *cli)
{
	struct import im = { .arena = cli->arena };
	int status = GO_ON;

	if (!cli->import || strcmp(cli->import, "json") == 0)
		return not_for_json(cli);
	status = options(cli, &im);
	if (status == GO_ON && cli->ipset) {
		im.o.ipset = source_read(cli->arena, cli->ipset, &cli->diag);
		cli_show(cli);
		status = im.o.ipset ? GO_ON : EXIT_INPUT;
	}
	cli->translated = arena_array(cli->arena, cli->n_files, sizeof(*cli->translated));
	if (status == GO_ON && cli->prove && !foreign(cli))
		return cli_usage("--prove: files called .xdpf are rule files already, and have no original to compare with");
	for (size_t i = 0; i < cli->n_files && status == GO_ON; i++)
		if (!cli_is_rules(cli->files[i]))
			status = translate(cli, &im, i);
	return status;
}
