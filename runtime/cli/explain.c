/*
 * xdpf explain: packets of a filter that runs, each with the rule that decided and why none before it did. In: an interface. Out: samples, in turns
 * of about a second, which xdpfc explains. The filter does as it did, and nothing of this is left in it.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "explain.h"

static const char usage[] =
	"usage: xdpf explain IFACE [--count N] [--rate N] [--verdict V,...] [--rule NAME]\n"
	"                    [--for TIME] [--all] [--json | --raw]\n\n"
	"Explains packets that the filter on an interface decides about as they come: the rule, why it holds, and why none\n"
	"before it did; by the rules that run, whatever files say now. What the filter itself did is told by the filter;\n"
	"where that cannot be understood, it is said, and the exit status is 4. Needs xdpfc, but for --raw.\n\n"
	"  --count N        ends after N packets (10)\n"
	"  --rate N         takes at most N packets a second, from 1 to 1000 (10)\n"
	"  --verdict V,...  only packets with these verdicts: pass, drop, tx, redirect, abort\n"
	"  --rule NAME      only packets that this rule decided about: its label, file.xdpf:LINE, or default;\n"
	"                   FILE:LABEL and FILE:default, where there are several files\n"
	"  --for TIME       ends after that time, such as 30s\n"
	"  --all            shows each of many rules\n"
	"  --json           a JSON object per line\n"
	"  --raw            the packets alone, as lines for `xdpfc --explain - FILE...`\n"
	"  --quiet          only errors and warnings\n"
	"  --verbose        what the libraries say too\n";

enum { TURN_MS = 1000, STEP_MS = 100, STEPS = 1000 / STEP_MS, RATE_MOST = 1000 };

#define SECOND UINT64_C(1000000000)

struct explaining {
	struct cli *cli;
	const char *iface;
	const char *rule;		/* NULL: any */
	unsigned verdicts;
	uint64_t count, rate, most_ns;	/* .most_ns 0: without end */
	uint64_t start, shown;
	bool all, json, raw, differs, failed;
	const struct xdpf_meta *meta;	/* of the program that is sampled */
	struct explain_batch batch;
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static bool is_over(const struct explaining *x)
{
	return stop || x->failed || x->shown >= x->count || (x->most_ns && now() - x->start >= x->most_ns);
}

/* ---- samples ---- */

/* As it is shown or, where several files may have one of that name, with its file: FILE:NAME. */
static bool is_called(const struct xdpf_meta *m, unsigned file, const char *shown, const char *name)
{
	char full[1024];

	return !strcmp(name, shown) || !strcmp(name, cli_name(m, file, shown, full, sizeof(full)));
}

static bool is_wanted(const struct explaining *x, const struct xdpf_sample *s)
{
	return !x->rule || is_called(x->meta, s->file, s->rule ? s->rule->shown : "default", x->rule);
}

/* A name that no rule has would be waited for without end. */
static bool knows_rule(const struct explaining *x)
{
	const struct xdpf_meta *m = x->meta;
	bool known = !x->rule;

	for (size_t i = 0; i < m->n_files && !known; i++)
		known = is_called(m, (unsigned)i, "default", x->rule);
	for (size_t i = 0; i < m->n_rules && !known; i++)
		known = is_called(m, m->rules[i].file, m->rules[i].shown, x->rule);
	if (!known)
		cli_error(x->cli, "%s: the filter has no rule %s: `xdpf status --rules %s` shows its rules", x->iface, x->rule, x->iface);
	return known;
}

static bool on_sample(void *arg, const struct xdpf_sample *s)
{
	struct explaining *x = arg;

	if (!is_wanted(x, s))
		return true;
	if (!explain_add(&x->batch, x->meta, x->iface, s, x->shown + 1)) {
		cli_error(x->cli, "out of memory");
		x->failed = true;
		return false;
	}
	x->shown++;
	return x->shown < x->count;
}

/* Explains what came. */
static int flush(struct explaining *x, const struct xdpf_program *p)
{
	int status;

	if (x->raw) {
		explain_raw(&x->batch);
		return cli_finish(x->cli, EXIT_DONE);
	}
	status = explain_why(x->cli, &x->batch, p, x->all, x->json);
	if (status != EXIT_NO)
		return status;
	x->differs = true;
	return EXIT_DONE;
}

/* How many tickets now; 0: it is not yet time. @next: when it is. */
static unsigned tickets(const struct explaining *x, uint64_t *next)
{
	uint64_t t = now(), n = x->rate < STEPS ? 1 : x->rate / STEPS, left = x->count - x->shown;

	if (t < *next)
		return 0;
	*next = t + SECOND / (x->rate < STEPS ? x->rate : STEPS);
	/* of some, those that are wanted are few */
	return (unsigned)(x->rule || x->verdicts || n < left ? n : left);
}

/* Samples for about a second, or until there are enough. 0, or -errno. */
static int turn(struct explaining *x, struct xdpf_sampler *s, uint64_t *next)
{
	uint64_t end = now() + TURN_MS * (SECOND / 1000);

	while (!is_over(x) && now() < end) {
		unsigned n = tickets(x, next);
		int got;

		if (n)
			xdpf_sampler_want(s, n);
		got = xdpf_sampler_poll(s, STEP_MS, on_sample, x);
		if (got < 0 && got != -EINTR)
			return got;
	}
	/* what came before the end */
	if (stop && !x->failed && x->shown < x->count) {
		int got = xdpf_sampler_poll(s, 0, on_sample, x);

		return got < 0 && got != -EINTR ? got : 0;
	}
	return 0;
}

/* ---- programs ---- */

static void sampler_freep(struct xdpf_sampler **s)
{
	xdpf_sampler_free(*s);
}

static int cannot_read(const struct explaining *x, int err)
{
	cli_error(x->cli, "%s: what the filter does cannot be read: %s", x->iface, strerror(-err));
	return EXIT_SYSTEM;
}

/* The filter's packets until it is another, or enough; *again: which of the two. */
static int explain_program(struct explaining *x, bool *again)
{
	const struct xdpf_sampler_opts opts = { .sz = sizeof(opts), .verdicts = x->verdicts };
	_cleanup_(program_freep) struct xdpf_program *p = NULL;
	_cleanup_(sampler_freep) struct xdpf_sampler *s = NULL;
	struct xdpf_iface first, here;
	uint64_t next = 0;
	int status = EXIT_DONE, err = xdpf_iface_query(&first, x->iface, &x->cli->log);

	*again = false;
	if (!err)
		err = xdpf_program_find(&p, x->iface, &x->cli->log);
	if (!err)
		err = xdpf_sampler_open(&s, p, &opts, &x->cli->log);
	if (err)
		return cli_exit(err);
	x->meta = xdpf_program_meta(p);
	if (!knows_rule(x))
		return EXIT_INPUT;
	while (!is_over(x) && !status && !*again) {
		err = turn(x, s, &next);
		if (err && err != -ESTALE && err != -ENOLINK)
			return cannot_read(x, err);
		status = flush(x, p);
		if (xdpf_iface_query(&here, x->iface, NULL) || (!here.ours && !here.part_id)) {
			cli_error(x->cli, "%s: the filter was removed", x->iface);
			x->count = x->shown;
		} else if (err == -ESTALE || here.prog_id != first.prog_id || here.part_id != first.part_id) {
			cli_error(x->cli, "%s: the filter was replaced: what follows is of the new one", x->iface);
			*again = true;
		} else if (err == -ENOLINK) {
			/* a CPU that came later, or a long time without us: with new buffers, and from the start */
			*again = true;
		}
	}
	if (xdpf_sampler_lost(s))
		cli_error(x->cli, "%llu packets were sampled and lost", (unsigned long long)xdpf_sampler_lost(s));
	return status;
}

/* ---- the command ---- */

/* "drop,abort" as bits; 0, with a message, where it is something else. */
static unsigned verdicts_of(const struct cli *cli, const char *text)
{
	unsigned bits = 0;

	while (*text) {
		size_t n = strcspn(text, ",");
		int v = XDPF_N_VERDICTS - 1;

		while (v >= 0 && (strlen(xdpf_verdict_name((enum xdpf_verdict)v)) != n || strncmp(xdpf_verdict_name((enum xdpf_verdict)v), text, n)))
			v--;
		if (v < 0) {
			bits = 0;
			break;
		}
		bits |= 1u << v;
		text += n + (text[n] == ',');
	}
	if (!bits)
		cli_usage(cli, "--verdict takes pass, drop, tx, redirect and abort, with commas between them");
	return bits;
}

int cmd_explain(struct cli *cli, int argc, char **argv)
{
	enum { OPT_JSON = OPT_OWN, OPT_RAW, OPT_ALL, OPT_COUNT, OPT_RATE, OPT_VERDICT, OPT_RULE, OPT_FOR };
	static const struct option options[] = {
		{ "json", no_argument, NULL, OPT_JSON }, { "raw", no_argument, NULL, OPT_RAW }, { "all", no_argument, NULL, OPT_ALL },
		{ "count", required_argument, NULL, OPT_COUNT }, { "rate", required_argument, NULL, OPT_RATE },
		{ "verdict", required_argument, NULL, OPT_VERDICT }, { "rule", required_argument, NULL, OPT_RULE },
		{ "for", required_argument, NULL, OPT_FOR }, CLI_COMMON_OPTIONS, { 0 }
	};
	struct explaining x = { .cli = cli, .count = 10, .rate = 10 };
	struct sigaction act = { .sa_handler = on_signal };
	const struct cli_number numbers[] = {
		{ OPT_COUNT, "count", 1, UINT32_MAX, &x.count, NULL, NULL }, { OPT_RATE, "rate", 1, RATE_MOST, &x.rate, NULL, NULL }, { 0 }
	};
	bool again = true;
	int c, status;

	cli->usage = usage;
	cli->numbers = numbers;
	while ((c = cli_option(cli, argc, argv, options, &status)) != -1) {
		switch (c) {
		case '?':
			return status;
		case OPT_JSON:
			x.json = true;
			break;
		case OPT_RAW:
			x.raw = true;
			break;
		case OPT_ALL:
			x.all = true;
			break;
		case OPT_VERDICT:
			x.verdicts = verdicts_of(cli, optarg);
			if (!x.verdicts)
				return EXIT_USAGE;
			break;
		case OPT_RULE:
			x.rule = optarg;
			break;
		case OPT_FOR:
			if (!xdpf_set_time(optarg, &x.most_ns) || !x.most_ns)
				return cli_usage(cli, "--for takes a time, such as 30s or 5m");
			break;
		}
	}
	if (argc - optind != 1)
		return cli_usage(cli, "give one interface");
	if (x.raw && (x.json || x.all))
		return cli_usage(cli, "--raw explains nothing: there is no --json or --all of it");
	x.iface = argv[optind];
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	x.start = now();
	status = EXIT_DONE;
	while (again && !status && !is_over(&x))
		status = explain_program(&x, &again);
	explain_batch_free(&x.batch);
	return !status && x.failed ? EXIT_SYSTEM : !status && x.differs ? EXIT_NO : status;
}
