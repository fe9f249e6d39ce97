/*
 * xdpfc --import --prove N. In: a translation. Out: on standard error how many packets were compared with the original, and each of the first that
 * it treats otherwise: the frame, both verdicts, the rule that decided here. Status 4 where there is one.
 */
#include <jansson.h>
#include <string.h>

#include "cli_import.h"
#include "cli_progress.h"
#include "prove_limit.h"

enum { SHOWN_MOST = 10 };

struct tally {
	size_t compared, passed, unseen, malformed, malformed_other, later_other, fragments, stateless, disagreed, rules, decided, limited, series;
};

static const char *verdict_name(enum prove_verdict v)
{
	switch (v) {
	case PROVE_UNSEEN:
		return "not seen";
	case PROVE_DROPPED:
		return "drop";
	case PROVE_PASSED:
		return "pass";
	}
	return NULL;
}

/* " (rules.v4:12)": where the original has it, as the comments above it in the translation say; "": they do not. */
static const char *origin(const struct prove *pr, struct span sp)
{
	const char *name = source_shown(pr->im->src), *text = sp.src ? sp.src->text : "", *line = text + sp.begin;
	size_t n = strlen(name);

	while (line > text && line[-1] != '\n')
		line--;
	while (line > text) {
		const char *p, *colon;

		for (line--; line > text && line[-1] != '\n'; line--)
			;
		p = line + strspn(line, "\t");
		if (p[0] != '#')
			break;
		colon = strstr(p, ": ");
		if (colon && p[1] == ' ' && !strncmp(p + 2, name, n) && (p[2 + n] == ':' || p[2 + n] == '#'))
			return arena_printf(pr->arena, " (%.*s)", (int)(colon - p - 2), p + 2);
	}
	return "";
}

static void show_packet(const struct prove *pr, const struct prove_packet *p, size_t number)
{
	fprintf(stderr, "packet %zu, in on %s: the original says %s, the translation %s by %s%s\n   ", number + 1, p->iface,
		verdict_name(p->original), verdict_name(p->translation), p->rule ? p->rule->shown : "default",
		p->rule ? origin(pr, p->rule->span) : "");
	for (size_t i = 0; i < p->len; i++)
		fprintf(stderr, "%02x", p->data[i]);
	fputs("\n", stderr);
	if (p->rule)
		fprintf(stderr, "   %s\n", p->rule->text);
}

/* Was that needed, and accepted? */
static bool accepted(const struct import *im, unsigned what)
{
	for (size_t i = 0; i < im->refused.n; i++)
		if (im->refused.v[i].accepted & im->o.accept & what)
			return true;
	return false;
}

static void count(const struct prove *pr, struct tally *t, bool quiet)
{
	/* nftables reads ports wherever they would stand, in later fragments too; here these have none. */
	bool by_bytes = import_kinds[pr->im->kind].original != ORIGINAL_PCAP;
	bool fragments = accepted(pr->im, IMPORT_FRAGMENTS), states = accepted(pr->im, IMPORT_STATE);
	bool *decided = arena_array(pr->arena, pr->p->n_indexes + 1, sizeof(bool));

	for (size_t i = 0; i < pr->n; i++) {
		const struct prove_packet *p = &pr->packet[i];

		if (p->original == PROVE_UNSEEN) {
			t->unseen++;
			continue;
		}
		if (p->malformed) {
			t->malformed++;
			t->malformed_other += p->original != p->translation;
			continue;
		}
		if (p->fragments && fragments && p->original != p->translation) {
			t->fragments++;
			continue;
		}
		if (p->stateless && states && p->original != p->translation) {
			t->stateless++;
			continue;
		}
		if (p->later && by_bytes && p->original != p->translation) {
			t->later_other++;
			continue;
		}
		if (p->either) {
			t->limited++;
			if (p->rule)
				decided[p->rule->index] = true;
			continue;
		}
		t->compared++;
		t->passed += p->original == PROVE_PASSED;
		if (p->rule)
			decided[p->rule->index] = true;
		if (p->original != p->translation && t->disagreed++ < SHOWN_MOST)
			show_packet(pr, p, i);
	}
	for (unsigned i = 0; i < pr->p->n_indexes; i++) {
		const struct ast_rule *r = pr->p->by_index.v[i];

		if (!r || r->verdict == VERDICT_NONE)
			continue;
		t->rules++;
		t->decided += decided[i];
		if (!decided[i] && t->rules - t->decided <= SHOWN_MOST && !quiet)
			fprintf(stderr, "no packet was decided by %s%s: %s\n", r->shown, origin(pr, r->span), r->text);
	}
}

/* What was found out of each limit. False: out of memory. */
static bool limits(struct prove *pr, struct tally *t, bool quiet)
{
	for (size_t k = 0; k < pr->p->limit.n; k++) {
		const struct ast_limit *l = pr->p->limit.v[k];
		const char *more = prove_untimed(l);
		struct prove_timed r;

		if (!prove_judge_series(pr, k, &r))
			return false;
		if (!r.why) {
			t->series++;
			t->disagreed += r.otherwise;
		}
		if (quiet && !r.otherwise)
			continue;
		fprintf(stderr, "limit of %s%s, %s: ", l->rule ? l->rule->shown : l->shown, origin(pr, l->rule ? l->rule->span : l->span), l->text);
		if (r.why)
			fprintf(stderr, "not compared: %s\n", r.why);
		else if (r.counted)
			fprintf(stderr, "of %zu packets %zu got through, of the original's %zu: %s\n", r.packets, r.translation, r.original,
				r.otherwise ? "treated otherwise" : "as many, to what their clocks may differ");
		else
			fprintf(stderr, "%zu packets one behind the other, %zu treated otherwise%s%s\n", r.packets, r.otherwise,
				more ? "; no tokens that came back: " : ", also when tokens had come back", more ? more : "");
		for (size_t i = 0, shown = 0; !r.why && !r.counted && i < pr->timed.n; i++) {
			const struct prove_packet *p = &pr->timed.v[i];

			if (p->series == k + 1 && p->original != p->translation && shown++ < SHOWN_MOST)
				show_packet(pr, p, i);
		}
	}
	return true;
}

static void summary(const struct cli *cli, const struct tally *t)
{
	json_t *o;

	if (cli->json) {
		o = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "compared", (json_int_t)t->compared,
			      "passed",
			      (json_int_t)t->passed, "disagreed", (json_int_t)t->disagreed, "malformed", (json_int_t)t->malformed,
			      "malformed_otherwise", (json_int_t)t->malformed_other, "later_fragments_otherwise", (json_int_t)t->later_other,
			      "accepted", (json_int_t)t->fragments + (json_int_t)t->stateless, "unseen", (json_int_t)t->unseen, "rules",
			      (json_int_t)t->rules, "rules_that_decided", (json_int_t)t->decided, "limited", (json_int_t)t->limited,
			      "limits_compared", (json_int_t)t->series);
		json_dumpf(o, stderr, JSON_COMPACT);
		putc('\n', stderr);
		json_decref(o);
		return;
	}
	fprintf(stderr, "%zu packets compared, %zu of them passed by the original; %zu treated otherwise; %zu of %zu rules decided one\n",
		t->compared,
		t->passed, t->disagreed, t->decided, t->rules);
	if (t->limited)
		fprintf(stderr, "%zu packets not compared, since what becomes of them is for limits to say\n", t->limited);
	if (t->stateless)
		fprintf(stderr, "%zu packets that are neither TCP nor UDP treated otherwise, as --accept=state has it\n", t->stateless);
	if (t->fragments)
		fprintf(stderr, "%zu datagrams in fragments treated otherwise, as --accept=fragments has it\n", t->fragments);
	if (t->later_other)
		fprintf(stderr, "%zu later fragments treated otherwise: there the original takes data for ports\n", t->later_other);
	fprintf(stderr, "%zu malformed ones (not compared; %zu treated otherwise), %zu that the original never saw\n", t->malformed,
		t->malformed_other,
		t->unseen);
}

int cli_prove(struct cli *cli, const struct import *im, const struct ast_program *p)
{
	struct prove pr = { .arena = cli->arena, .im = im, .p = p, .random = 1 };
	struct tally t = { 0 };
	bool ran = false;
	uint64_t n;

	if (!cli_number(cli->prove, PROVE_MOST, &n) || (cli->seed && !cli_number(cli->seed, UINT64_MAX, &pr.random)))
		return cli_usage("--seed %s: a number from 0 to 18446744073709551615", cli->seed);
	prove_prepare(&pr, n);
	cli_progress_begin(cli, "proving");
	switch (import_kinds[im->kind].original) {
	case ORIGINAL_NONE:
		break;
	case ORIGINAL_PCAP:
		ran = prove_pcap(&pr);
		break;
	case ORIGINAL_IPTABLES:
	case ORIGINAL_IP6TABLES:
	case ORIGINAL_NFT:
		ran = prove_net(&pr);
		/* now it is known which packets come to the rules: again, with fresh limits */
		if (ran && im->limits) {
			prove_series(&pr);
			ran = prove_net(&pr);
		}
		break;
	}
	cli_progress_end();
	if (!ran) {
		cli_error("--prove: %s", pr.why);
		return EXIT_SYSTEM;
	}
	count(&pr, &t, cli->quiet || cli->json);
	if (!limits(&pr, &t, cli->quiet || cli->json)) {
		cli_error("out of memory");
		return EXIT_SYSTEM;
	}
	if (!cli->quiet || t.disagreed)
		summary(cli, &t);
	return t.disagreed ? EXIT_NO : EXIT_DONE;
}
