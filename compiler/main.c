/*
 * xdpfc: knows rule files and never touches the kernel. In: options and files. Out: what the mode that was asked for makes of them. A table
 * of options; each mode is a function in a file of its own.
 */
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyse.h"
#include "cli.h"

/* ---- options ---- */

enum option_id {
#define TOOL_OPTION(ID, group, name, value, doc) OPT_##ID,
#include "cli_options.def"
#undef TOOL_OPTION
};

static const struct option_info {
	enum option_id id;
	const char *name;
	const char *value;		/* what it is called; NULL: takes none */
} options[] = {
#define TOOL_OPTION(ID, group, name, value, doc) { OPT_##ID, name, value },
#include "cli_options.def"
#undef TOOL_OPTION
};

enum { MOST_CPUS = 8192 };	/* as many as Linux knows */
enum { N_OPTIONS = sizeof(options) / sizeof(options[0]) };

static const char help[] =
	"usage: xdpfc FILE... -o OUT.o         compile rule files to one XDP program\n"
	"       xdpfc --check|--test|--format FILE...  what is wrong; their tests; layout\n"
	"       xdpfc --run CAPTURE FILE...    a verdict per packet, without the kernel\n"
	"       xdpfc --explain PACKETS FILE...   which rule decides, why none before it\n"
	"       xdpfc --emit=STAGE FILE...   ast, ir, llvm, asm, json, xdpf; html: a page\n"
	"       xdpfc --import=KIND FILE...    JSON, or rules of other filters, as rules\n"
	"       xdpfc --budget|--analyse FILE...   the cost; rules that change nothing\n"
	"       xdpfc --diff OLD NEW           packets that they treat differently\n"
	"       xdpfc --list=WHAT  fields types names actions forms units and more\n"
	"Several files make one program, in this order; - is standard input.\n"
	"  --mcpu=v3|v4      BPF instructions that may be used (v3; v4 needs Linux 6.6)\n"
	"  --engine=E, --set-engine=E, --counting=HOW, --table-memory=MB   how rules and\n"
	"                    sets are found, rules count (what costs least); tables (128)\n"
	"  --max-{instructions,verified,memory,stack,path,lookups} N, --cpus N   --budget\n"
	"  --effort N, --total-effort N, --stats FILE   --analyse: steps; html: heat\n"
	"  --iface NAME, --rxqueue N, --socket yes|no, --flow-state STATE, --rx hash=N,..\n"
	"                    --run, --explain: what is not in the frame (else: absent)\n"
	"  --seed N, --no-way, --split N   --run: what is random (1); redirects find no\n"
	"                    way; bytes behind N stand in further pieces of memory\n"
	"  --time UTC, --set NAME=FILE, --fill, --all, --texts LIST   --explain: lines of\n"
	"                    `xdpf log --json`, CAPTURE[:N[-M]], 'tcp.dport = 22' (docs/)\n"
	"  --no-source, --json   the object without the files' texts; results as JSON\n"
	"  -Werror, --quiet, --version   warnings are errors; no warnings, no summary\n"
	"Exit status: 0 done, 1 input is wrong, 2 usage, 3 refused, 4 the answer is no.\n";

static int unknown_option(const char *arg)
{
	const char *names[N_OPTIONS], *near;
	size_t len = strcspn(arg, "=");

	for (size_t i = 0; i < N_OPTIONS; i++)
		names[i] = options[i].name;
	near = diag_nearest(arg, len, names, N_OPTIONS);
	if (near)
		return cli_usage("there is no option %.*s; did you mean %s?", len > 60 ? 60 : (int)len, arg, near);
	return cli_usage("there is no option %.*s", len > 60 ? 60 : (int)len, arg);
}

static void option_set(struct cli *cli, enum option_id id, const char *value)
{
	switch (id) {
	case OPT_OUT:		cli->out = value; break;
	case OPT_CHECK:		cli->check = true; break;
	case OPT_TEST:		cli->test = true; break;
	case OPT_RUN:		cli->run = value; break;
	case OPT_EXPLAIN:	cli->explain = value; break;
	case OPT_ALL:		cli->all = true; break;
	case OPT_FILL:		cli->fill = true; break;
	case OPT_TIME:		cli->time_text = value; break;
	case OPT_SET:		*vec_add(cli->arena, &cli->sets_given) = value; break;
	case OPT_TEXTS:		cli->texts_path = value; break;
	case OPT_BUDGET:	cli->budget = true; break;
	case OPT_FORMAT:	cli->format = true; break;
	case OPT_EMIT:		cli->emit = value; break;
	case OPT_IMPORT:	cli->import = value; break;
	case OPT_LIST:		cli->list = value; break;
	case OPT_MCPU:		cli->mcpu = value; break;
	case OPT_IFACE:		cli->iface = value; break;
	case OPT_RXQUEUE:	cli->rxqueue = value; break;
	case OPT_SEED:		cli->seed = value; break;
	case OPT_NO_WAY:	cli->no_way = true; break;
	case OPT_SOCKET:	cli->socket = value; break;
	case OPT_RX:		cli->rx_text = value; break;
	case OPT_FLOW_STATE:	cli->flow_state = value; break;
	case OPT_ENGINE:	cli->engine = value; break;
	case OPT_SPLIT:		cli->split = value; break;
	case OPT_SET_ENGINE:	cli->set_engine = value; break;
	case OPT_TABLE_MEMORY:	cli->table_memory = value; break;
	case OPT_COUNTING:	cli->counting_text = value; break;
	case OPT_MAX_INSTRUCTIONS: cli->max_instructions = value; break;
	case OPT_MAX_MEMORY:	cli->max_memory = value; break;
	case OPT_MAX_STACK:	cli->max_stack = value; break;
	case OPT_MAX_LOOKUPS:	cli->max_lookups = value; break;
	case OPT_MAX_PATH:	cli->max_path = value; break;
	case OPT_MAX_VERIFIED:	cli->max_verified = value; break;
	case OPT_CPUS:		cli->cpus = value; break;
	case OPT_PROVE:		cli->prove = value; break;
	case OPT_ACCEPT:	cli->accept = value; break;
	case OPT_CHAIN:		cli->chain = value; break;
	case OPT_IPSET:		cli->ipset = value; break;
	case OPT_MATCH:		cli->match = value; break;
	case OPT_OF:		cli->of = value; break;
	case OPT_ANALYSE:	cli->analyse = true; break;
	case OPT_DIFF:		cli->diff = true; break;
	case OPT_EFFORT:	cli->effort = value; break;
	case OPT_STATS:		cli->stats = value; break;
	case OPT_TOTAL_EFFORT:	cli->total_effort = value; break;
	case OPT_WERROR:	cli->werror = true; break;
	case OPT_JSON:		cli->json = true; break;
	case OPT_NO_SOURCE:	cli->no_source = true; break;
	case OPT_PLAIN:		cli->plain = true; break;
	case OPT_KEPT:		cli->kept_path = value; break;
	case OPT_QUIET:		cli->quiet = true; break;
	case OPT_VERSION:
	case OPT_HELP:
	case OPT_H:		break;
	}
}

/* The option that @arg begins with, and the value that is in it: --name=value, -oFILE. */
static const struct option_info *option_find(const char *arg, const char **value)
{
	size_t len = strcspn(arg, "=");

	*value = NULL;
	for (size_t i = 0; i < N_OPTIONS; i++) {
		if (strcmp(options[i].name, arg) == 0)
			return &options[i];
		if (options[i].id == OPT_OUT && strncmp(arg, "-o", 2) == 0) {
			*value = arg + 2;
			return &options[i];
		}
		if (arg[len] && strlen(options[i].name) == len && memcmp(options[i].name, arg, len) == 0) {
			*value = arg + len + 1;
			return &options[i];
		}
	}
	return NULL;
}

enum { GO_ON = -1 };

/* Fills @cli from the arguments; @files has room for all of them. An exit status, or GO_ON. */
static int parse_options(struct cli *cli, int argc, char **argv, const char **files)
{
	bool names_only = false;

	for (int i = 1; i < argc; i++) {
		const struct option_info *o;
		const char *value;

		if (names_only || argv[i][0] != '-' || strcmp(argv[i], "-") == 0) {
			files[cli->n_files++] = argv[i];
			continue;
		}
		if (strcmp(argv[i], "--") == 0) {
			names_only = true;
			continue;
		}
		o = option_find(argv[i], &value);
		if (!o)
			return unknown_option(argv[i]);
		if (o->id == OPT_HELP || o->id == OPT_H) {
			fputs(help, stdout);
			return EXIT_DONE;
		}
		if (o->id == OPT_VERSION) {
			puts("xdpfc " XDPF_VERSION);
			return EXIT_DONE;
		}
		if (value && !o->value)
			return cli_usage("%s takes no value", o->name);
		if (o->value && !value) {
			if (i + 1 == argc)
				return cli_usage("%s needs a value: %s", o->name, o->value);
			value = argv[++i];
		}
		if (value && !*value)
			return cli_usage("%s needs a value: %s", o->name, o->value);
		option_set(cli, o->id, value);
	}
	cli->files = files;
	return GO_ON;
}

/* An exit status, or GO_ON. */
static int budget_options(struct cli *cli)
{
	const struct {
		const char *name, *text;
		uint64_t *number;
	} limits[] = {
		{ "--max-instructions", cli->max_instructions, &cli->most_instructions }, { "--max-stack", cli->max_stack, &cli->most_stack },
		{ "--max-lookups", cli->max_lookups, &cli->most_lookups }, { "--max-path", cli->max_path, &cli->most_path },
		{ "--max-verified", cli->max_verified, &cli->most_verified },
	};
	const char *of = cli->max_memory ? "--max-memory" : cli->cpus ? "--cpus" : NULL;

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
		if (limits[i].text && !cli->budget)
			of = limits[i].name;
		else if (limits[i].text && !cli_number(limits[i].text, UINT64_MAX, limits[i].number))
			return cli_usage("%s %s: a number", limits[i].name, limits[i].text);
	if (of && !cli->budget)
		return cli_usage("%s is for --budget", of);
	if (cli->max_memory && !cli_bytes(cli->max_memory, &cli->most_memory))
		return cli_usage("--max-memory %s: a number of bytes, maybe with Ki, Mi or Gi behind it", cli->max_memory);
	if (cli->cpus && (!cli_number(cli->cpus, MOST_CPUS, &cli->n_cpus) || !cli->n_cpus))
		return cli_usage("--cpus %s: a number from 1 to %d", cli->cpus, MOST_CPUS);
	return GO_ON;
}

/* An exit status, or GO_ON. */
static int analyse_options(struct cli *cli)
{
	bool html = cli->emit && strcmp(cli->emit, "html") == 0;

	if ((cli->effort || cli->total_effort) && !cli->analyse && !cli->diff && !html)
		return cli_usage("%s is for --analyse, --diff and --emit=html", cli->effort ? "--effort" : "--total-effort");
	if (cli->stats && !html)
		return cli_usage("--stats is for --emit=html");
	cli->most_effort = ANALYSE_EFFORT;
	cli->most_total = ANALYSE_ALL;
	if (cli->total_effort && (!cli_number(cli->total_effort, UINT64_MAX, &cli->most_total) || !cli->most_total))
		return cli_usage("--total-effort %s: a number of steps from 1 to 18446744073709551615", cli->total_effort);
	if (cli->effort && (!cli_number(cli->effort, UINT32_MAX, &cli->most_effort) || !cli->most_effort))
		return cli_usage("--effort %s: a number of steps from 1 to 4294967295", cli->effort);
	if (cli->diff && cli->n_files != 2)
		return cli_usage("--diff takes two files, the old one and the new one");
	return GO_ON;
}

/* An exit status, or GO_ON. */
static int explain_options(struct cli *cli)
{
	const char *of = cli->all ? "--all" : cli->fill ? "--fill" : cli->time_text ? "--time" : cli->sets_given.n ? "--set" :
			 cli->texts_path ? "--texts" : NULL;

	if (of && !cli->explain)
		return cli_usage("%s is for --explain", of);
	return cli->time_text && cli_explain_time(cli->time_text, &cli->time) != EXIT_DONE ? EXIT_USAGE : GO_ON;
}

/* What does not go together. An exit status, or GO_ON. */
static int check_options(struct cli *cli)
{
	const struct {
		const char *name;
		bool given;
	} of_run[] = {
		{ "--iface", cli->iface }, { "--rxqueue", cli->rxqueue }, { "--seed", cli->prove ? NULL : cli->seed }, { "--no-way", cli->no_way },
		{ "--socket", cli->socket }, { "--flow-state", cli->flow_state }, { "--rx", cli->rx_text }, { "--split", cli->split },
	};
	const struct {
		const char *name;
		bool given;
	} of_import[] = {
		{ "--prove", cli->prove }, { "--accept", cli->accept }, { "--chain", cli->chain }, { "--ipset", cli->ipset },
		{ "--match", cli->match }, { "--of", cli->of },
	};
	unsigned modes = !!cli->out + cli->check + cli->test + !!cli->run + !!cli->explain + cli->budget + cli->analyse + cli->diff + cli->format +
			 !!cli->emit + !!cli->list;
	const char *packets = cli->run ? cli->run : cli->explain;
	unsigned stdins = (packets && (strcmp(packets, "-") == 0 || strncmp(packets, "-:", 2) == 0)) + (cli->stats && strcmp(cli->stats, "-") == 0);
	uint64_t n = 0;

	if (modes > 1)
		return cli_usage("-o, --check, --test, --run, --explain, --budget, --analyse, --diff, --format, --emit and --list are different "
				 "things: ask for one of them");
	if (cli->list && (cli->n_files || cli->import))
		return cli_usage("--list takes no files");
	if (cli->texts_path && cli->n_files)
		return cli_usage("--texts %s stands for the rule files: %s beside it is too much", cli->texts_path, cli->files[0]);
	if (!cli->list && !cli->n_files && !cli->texts_path)
		return cli_usage("which rule file?");
	if (cli->import && cli->format)
		return cli_usage("--format lays rule files out in their place; --import=%s alone prints one", cli->import);
	for (size_t i = 0; i < sizeof(of_import) / sizeof(of_import[0]) && !cli->import; i++)
		if (of_import[i].given)
			return cli_usage("%s is for --import", of_import[i].name);
	/* What was imported is to be seen. */
	if (cli->import && !modes)
		cli->emit = "xdpf";
	else if (!modes)
		return cli_usage("where to? -o OUT.o writes the object, --check only looks for errors");
	if (cli->emit && cli->n_files > 1 && (strcmp(cli->emit, "xdpf") == 0 || strcmp(cli->emit, "json") == 0))
		return cli_usage("--emit=%s prints one file%s", cli->emit, *cli->emit == 'x' ? "; --format takes several" : "");
	if (cli->mcpu && strcmp(cli->mcpu, "v3") != 0 && strcmp(cli->mcpu, "v4") != 0)
		return cli_usage("--mcpu=%s: there are v3 and v4", cli->mcpu);
	if (cli->counting_text && !compile_counting(cli->counting_text, &cli->counting))
		return cli_usage("--counting=%s: there are auto, at-once and deferred", cli->counting_text);
	if (cli->engine && !compile_engine(cli->engine, &cli->classify.engine))
		return cli_usage("--engine=%s: there are auto, linear, switch, rfc, hybrid and tree", cli->engine);
	for (size_t i = 0; i < sizeof(of_run) / sizeof(of_run[0]) && !packets; i++)
		if (of_run[i].given)
			return cli_usage("%s is for --run and --explain", of_run[i].name);
	if (explain_options(cli) != GO_ON || budget_options(cli) != GO_ON || analyse_options(cli) != GO_ON)
		return EXIT_USAGE;
	if (cli->socket && strcmp(cli->socket, "yes") != 0 && strcmp(cli->socket, "no") != 0)
		return cli_usage("--socket %s: yes or no", cli->socket);
	if (cli->flow_state && !lang_name_value(NAMES_FLOWSTATE, cli->flow_state, strlen(cli->flow_state), &cli->flow))
		return cli_usage("--flow-state %s: new, established or related", cli->flow_state);
	if (cli->rx_text && !xdpf_rx_read(cli->rx_text, &cli->rx))
		return cli_usage("--rx %s: it takes hash=N, timestamp=NS, vlan=ID, with vlan also pcp=N and type=N, with commas "
				 "between them", cli->rx_text);
	if (cli->iface && strlen(cli->iface) > 15)
		return cli_usage("--iface: an interface's name has at most 15 characters");
	if (cli->rxqueue && !cli_number(cli->rxqueue, UINT32_MAX, &n))
		return cli_usage("--rxqueue %s: a number from 0 to 4294967295", cli->rxqueue);
	cli->queue = (uint32_t)n;
	cli->random = 1;
	if (cli->seed && !cli_number(cli->seed, UINT64_MAX, &cli->random))
		return cli_usage("--seed %s: a number from 0 to 18446744073709551615", cli->seed);
	n = 0;
	if (cli->split && (!cli_number(cli->split, UINT16_MAX, &n) || n < 14))
		return cli_usage("--split %s: a number from 14, an Ethernet header, to 65535", cli->split);
	cli->first = n;
	if (cli->set_engine && !set_engine_find(cli->set_engine, &cli->sets.engine))
		return cli_usage("--set-engine=%s: there are bits, search, hash, pages, bounds, trie, dir24 and quotient", cli->set_engine);
	n = COMPILE_TABLE_MEMORY;
	if (cli->table_memory && (!cli_number(cli->table_memory, IMAGE_MOST >> 20, &n) || !n))
		return cli_usage("--table-memory=%s: a number of megabytes from 1 to 512", cli->table_memory);
	cli->classify.max_bytes = cli->sets.most = (size_t)n << 20;
	for (size_t i = 0; i < cli->n_files; i++)
		stdins += strcmp(cli->files[i], "-") == 0;
	if (stdins > 1)
		return cli_usage("standard input can be read only once");
	return GO_ON;
}

/* LLVM aborts where memory is out, and libstdc++, too; their own words stand before these. Some of it happens before main(). */
static void on_abort(int signal)
{
	static const char msg[] = "xdpfc: the compilation is given up; where memory is out, a smaller file may compile\n";

	(void)signal;
	/* nobody is left to tell that it could not be told */
	(void)!write(STDERR_FILENO, msg, sizeof(msg) - 1);
	_exit(EXIT_SYSTEM);
}

enum { FIRST_OF_ALL = 101 };

__attribute__((constructor(FIRST_OF_ALL))) static void before_main(void)
{
	signal(SIGABRT, on_abort);
}

int main(int argc, char **argv)
{
	struct cli cli = { 0 };
	int status;

	/* A reader that goes away is told of like every other failed write. */
	signal(SIGPIPE, SIG_IGN);
	/* Otherwise what is out of memory is left out of the JSON. */
	json_set_alloc_funcs(arena_malloc, free);
	cli.arena = arena_new();
	cli.diag.arena = cli.arena;
	status = parse_options(&cli, argc, argv, arena_array(cli.arena, (size_t)argc, sizeof(char *)));
	if (status == GO_ON)
		status = check_options(&cli);
	if (status == GO_ON && cli.texts_path)
		status = cli_texts(&cli) == EXIT_DONE ? GO_ON : EXIT_INPUT;
	if (status == GO_ON)
		status = cli_kept(&cli);
	if (status == GO_ON)
		status = cli_import(&cli);
	if (status == GO_ON) {
		cli.diag.werror = cli.werror;
		status = cli.list ? cli_list(&cli) : cli.run ? cli_run(&cli) : cli.explain ? cli_explain(&cli) :
			 cli.test ? cli_test(&cli) : cli.budget ? cli_budget(&cli) : cli.analyse ? cli_analyse(&cli) : cli.diff ? cli_diff(&cli) :
			 cli.format || (cli.emit && strcmp(cli.emit, "xdpf") == 0) ? cli_format(&cli) :
			 cli.emit && strcmp(cli.emit, "json") == 0 ? cli_json(&cli) :
			 cli.emit && strcmp(cli.emit, "html") == 0 ? cli_html(&cli) : cli_compile(&cli);
	}
	status = cli_finish(status);
	arena_free(cli.arena);
	return status;
}
