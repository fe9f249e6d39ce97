/*
 * xdpfc --explain WHAT FILE...: which rule decides about a packet, and where each rule before it stopped matching. In: a checked program, and
 * packets of a capture, of what `xdpf log` wrote, or as a test has them. Out: the way of each packet that is asked about, by the evaluator's own
 * walk. Packets before that one are run as well: limits and sets are then as --run has them.
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli_capture.h"
#include "cli_explain.h"
#include "eval_test.h"

/* What is asked about. */
struct asked {
	struct cli *cli;
	const char *path;		/* NULL: packets as written */
	uint64_t from, to;		/* which of them; 0: all, in short */
	unsigned long long seen;
	struct explain x;
	struct eval *e;
	bool otherwise;			/* than a filter did, of which that is known */
};

/* ---- the argument ---- */

static bool starts(const char *s, const char *word)
{
	size_t n = strlen(word);

	return !strncmp(s, word, n) && (s[n] == ' ' || s[n] == '\t' || s[n] == '\n' || s[n] == '{');
}

/* Steps of a test, or what stands in the braces of a packet. */
static bool is_steps(const char *s)
{
	static const char *const words[] = { "packet", "repeat", "after", "add", "remove" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (starts(s + strspn(s, " \t\n"), words[i]))
			return true;
	return false;
}

/* "12" or "12-15" behind the last colon. */
static bool numbers(const char *text, uint64_t *from, uint64_t *to)
{
	char first[24];
	size_t n = strcspn(text, "-");

	if (n >= sizeof(first))
		return false;
	memcpy(first, text, n);
	first[n] = '\0';
	if (!cli_number(first, UINT64_MAX, from))
		return false;
	*to = *from;
	return !text[n] || cli_number(text + n + 1, UINT64_MAX, to);
}

/* A file, maybe with numbers behind it; or a packet as written: what no file is called, and has a value, a brace or a list in it, or is a word of
 * the language. An exit status. */
static int what_is(struct asked *q, const char *arg)
{
	const char *colon = strrchr(arg, ':');

	q->path = arg;
	if (strcmp(arg, "-") == 0 || access(arg, F_OK) == 0)
		return EXIT_DONE;
	if (colon && colon > arg && numbers(colon + 1, &q->from, &q->to)) {
		q->path = arena_strndup(q->cli->arena, arg, (size_t)(colon - arg));
		if (strcmp(q->path, "-") == 0 || access(q->path, F_OK) == 0 || !strpbrk(q->path, "={, ")) {
			if (!q->from || q->from > q->to)
				return cli_usage("--explain %s: packets are counted from 1, and a range goes upwards", arg);
			return EXIT_DONE;
		}
		q->from = q->to = 0;
		q->path = arg;
	}
	if (strpbrk(arg, "={, ") || lang_header_by_name(arg, strlen(arg)) != HDR_COUNT || lang_field_by_name(arg, strlen(arg)) != FIELD_COUNT)
		q->path = NULL;
	return EXIT_DONE;
}

int cli_explain_time(const char *text, uint64_t *out)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	time_t t;

	if (!end) {
		tm = (struct tm){ 0 };
		end = strptime(text, "%Y-%m-%dT%H:%M", &tm);
	}
	t = end ? timegm(&tm) : 0;
	if (!end || t <= 0 || (strcmp(end, "") != 0 && strcmp(end, "Z") != 0))
		return cli_usage("--time %s: a time of UTC since 1970, such as 2026-01-05T18:30:00", text);
	*out = (uint64_t)t * 1000000000u;
	return EXIT_DONE;
}

/* ---- one packet ---- */

static void show(struct asked *q, struct eval *e, const struct explain_packet *p)
{
	if (p->pkt->len < CAPTURE_LEAST) {
		if (q->cli->json)
			printf("{\"packet\":%llu,\"verdict\":\"skipped\"}\n", p->number);
		else
			printf("packet %llu: skipped: %zu bytes, and the kernel takes none below %d\n", p->number, p->pkt->len, CAPTURE_LEAST);
		return;
	}
	explain_run(&q->x, e, p);
	if (q->cli->json)
		explain_json(&q->x, p);
	else
		explain_text(&q->x, p);
	q->otherwise |= !q->x.agrees;
}

static bool on_packet(void *arg, struct explain_packet *p)
{
	struct asked *q = arg;

	q->seen = p->n;
	if (!q->from || (p->n >= q->from && p->n <= q->to))
		show(q, q->e, p);
	else if (p->pkt->len >= CAPTURE_LEAST)
		eval_run(q->e, p->pkt);
	return !q->from || p->n < q->to;
}

/* What the packet does not say itself, options say. */
static void on_asked(void *arg, struct eval *e, struct eval_packet *pkt, uint64_t n)
{
	struct asked *q = arg;
	const struct cli *cli = q->cli;
	struct explain_packet p = { .n = n, .number = n, .pkt = pkt, .known = pkt->len, .length = pkt->len };

	pkt->iface = pkt->iface ? pkt->iface : cli->iface;
	if (!pkt->has_rxqueue && cli->rxqueue) {
		pkt->has_rxqueue = true;
		pkt->rxqueue = cli->queue;
	}
	if (!pkt->has_socket && cli->socket) {
		pkt->has_socket = true;
		pkt->socket = strcmp(cli->socket, "yes") == 0;
	}
	pkt->flow_state = pkt->flow_state ? pkt->flow_state : (unsigned)cli->flow;
	if (cli->rx_text && !pkt->rx.has_hash && !pkt->rx.timestamp && !pkt->rx.has_vlan)
		pkt->rx = cli->rx;
	pkt->no_way |= cli->no_way;
	pkt->first = cli->first;
	show(q, e, &p);
}

/* ---- the program ---- */

/* --set NAME=FILE, or FILE:NAME=FILE. */
static int check_sets(struct cli *cli, struct compile_asked *asked)
{
	for (size_t i = 0; i < cli->sets_given.n; i++) {
		const char *text = cli->sets_given.v[i], *eq = strchr(text, '=');

		if (!eq || eq == text || !eq[1])
			return cli_usage("--set %s: it takes NAME=FILE, a set that lives and a file of its elements", text);
	}
	asked->filled = cli->sets_given.v;
	asked->n_filled = cli->sets_given.n;
	return EXIT_DONE;
}

static const struct ast_program *front(struct asked *q, struct compile_asked *asked)
{
	struct cli *cli = q->cli;
	const char *arg = cli->explain;

	if (!q->path) {
		/* what is written is known by no path */
		asked->packet = !is_steps(arg) && arg[strspn(arg, " \t\n")] != '{';
		if (arg[strspn(arg, " \t\n")] == '{')
			arg = arena_printf(cli->arena, "packet %s", arg);
		asked->steps = source_new(cli->arena, "<packet>", arg, strlen(arg));
	}
	return cli_front_asked(cli, asked);
}

static int explain_steps(struct asked *q)
{
	struct eval_asked around = { .now = q->cli->time, .seed = q->cli->random, .packet = on_asked, .arg = q };
	struct eval_test_result r;

	eval_asked(q->x.p, q->x.p->asked, &around, &r);
	if (r.passed)
		return EXIT_DONE;
	fflush(stdout);
	cli_error("%s", eval_test_text(q->cli->arena, q->x.p, &r));
	return EXIT_INPUT;
}

static int explain_file(struct asked *q)
{
	int status;

	q->e = eval_new(q->x.p);
	status = explain_read(q->cli, q->path, on_packet, q);
	if (status == EXIT_DONE && q->from > q->seen) {
		cli_error("%s has %llu packet%s: there is no packet %llu", cli_path_shown(q->path), q->seen, q->seen == 1 ? "" : "s",
			  (unsigned long long)q->from);
		status = EXIT_INPUT;
	} else if (status == EXIT_DONE && q->to > q->seen) {
		fflush(stdout);
		cli_error("%s has %llu packets: there are none behind that", cli_path_shown(q->path), q->seen);
		status = EXIT_INPUT;
	}
	eval_free(q->e);
	return status;
}

int cli_explain(struct cli *cli)
{
	struct asked q = { .cli = cli };
	struct compile_asked asked = { .elements = true };
	const struct ast_program *p;
	int status = what_is(&q, cli->explain);

	if (status == EXIT_DONE)
		status = check_sets(cli, &asked);
	if (status != EXIT_DONE)
		return status;
	p = front(&q, &asked);
	if (!p)
		return EXIT_INPUT;
	explain_init(&q.x, cli, p);
	q.x.all = cli->all;
	/* of a whole file: who decided */
	q.x.brief = q.path && !q.from && !cli->all;
	status = q.path ? explain_file(&q) : explain_steps(&q);
	explain_done(&q.x);
	return status == EXIT_DONE && q.otherwise ? EXIT_NO : status;
}
