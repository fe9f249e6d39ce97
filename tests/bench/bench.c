/*
 * The bench's measurements of one set of rules. In come our object, the same filter written by hand as an object, and captures; out goes
 * one JSON document: sizes, whether verdicts and counters agree on each packet, and nanoseconds per packet of the floor (a program that
 * is only `return XDP_DROP`), ours and theirs. The three take turns, so that what disturbs this machine disturbs all of them.
 *
 * Time is this thread's time on the CPU, by its clock, over one BPF_PROG_TEST_RUN of many repeats: neither what such a call waits for
 * nor what other processes take is in it, and it is not cut to whole nanoseconds as the kernel's own answer is.
 */
#include "bench.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "feed.h"

enum { FLOOR, OURS, THEIRS, N_PROGRAMS, MAX_ROUNDS = 1000 };
enum { NO_BPF = 77 };	/* exit status: the kernel takes no program from us */

struct bench {
	struct program prog[N_PROGRAMS];
	unsigned rounds, repeat;
};

struct sample {
	double ns[N_PROGRAMS][MAX_ROUNDS];
};

static bool fail(const char *what, const char *why)
{
	fprintf(stderr, "bench: %s: %s\n", what, why);
	return false;
}

/* ---- one packet ---- */

static bool run_once(const struct program *p, const struct frame *f, uint32_t *verdict)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = f->data, .data_size_in = f->len, .repeat = 1);

	if (bpf_prog_test_run_opts(p->fd, &run))
		return fail(p->name, strerror(errno));
	*verdict = run.retval;
	return true;
}

/* Which rule's counter the packet moved; -1: none, or several (a block and what is in it). */
static int moved(const struct books *before, const struct books *after)
{
	int rule = -1;

	for (int i = 0; i < MAX_RULES; i++) {
		if (before->rule[i][0] == after->rule[i][0])
			continue;
		if (rule >= 0)
			return -1;
		rule = i;
	}
	return rule;
}

/* Verdicts and all counters of the two filters, packet by packet. */
static bool compare_capture(struct bench *b, const char *path, json_t *out)
{
	unsigned compared = 0, too_short = 0, too_long = 0;
	struct frames f;
	bool ok = true;

	if (!frames_read(&f, path))
		return false;
	for (size_t i = 0; ok && i < f.n; i++) {
		struct books books[N_PROGRAMS];
		uint32_t verdict[N_PROGRAMS];

		if (f.v[i].len < MIN_FRAME || f.v[i].len > LINEAR_MAX) {
			too_short += f.v[i].len < MIN_FRAME;
			too_long += f.v[i].len > LINEAR_MAX;
			continue;
		}
		for (int k = OURS; ok && k <= THEIRS; k++)
			ok = run_once(&b->prog[k], &f.v[i], &verdict[k]) && program_books(&b->prog[k], &books[k]);
		if (!ok)
			break;
		compared++;
		if (verdict[OURS] == verdict[THEIRS] && !memcmp(&books[OURS], &books[THEIRS], sizeof(books[OURS])))
			continue;
		fprintf(stderr, "bench: %s: packet %zu: ours says %u, C says %u, or their counters differ\n", path, i + 1, verdict[OURS],
			verdict[THEIRS]);
		ok = false;
	}
	json_array_append_new(out, json_pack("{s:s, s:i, s:i, s:i, s:b}", "capture", path, "compared", compared, "too_short", too_short,
					     "too_long", too_long, "ethernet", f.ethernet));
	frames_free(&f);
	return ok;
}

/* ---- time ---- */

static double thread_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* @fd: the program, or one that goes on into it. */
static bool timed(const struct program *p, int fd, const struct frame *f, unsigned repeat, double *ns)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = f->data, .data_size_in = f->len, .repeat = (int)repeat);
	double start = thread_ns();

	if (bpf_prog_test_run_opts(fd, &run))
		return fail(p->name, strerror(errno));
	*ns = (thread_ns() - start) / repeat;
	return true;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts the samples: median and least. */
static json_t *sample_json(struct bench *b, struct sample *s)
{
	json_t *o = json_object();

	for (int k = 0; k < N_PROGRAMS; k++) {
		qsort(s->ns[k], b->rounds, sizeof(double), compare_doubles);
		json_object_set_new(o, b->prog[k].name, json_pack("{s:f, s:f}", "median", s->ns[k][b->rounds / 2], "least", s->ns[k][0]));
	}
	return o;
}

/* One packet, again and again: what it costs where all is warm and every branch is known. */
static bool time_hot(struct bench *b, const struct frame *f, json_t *out)
{
	static struct sample s;
	struct books before, after;
	uint32_t verdict;
	double ns;
	json_t *o;

	if (!program_books(&b->prog[OURS], &before) || !run_once(&b->prog[OURS], f, &verdict) || !program_books(&b->prog[OURS], &after))
		return false;
	for (int k = 0; k < N_PROGRAMS; k++)
		if (!timed(&b->prog[k], b->prog[k].fd, f, b->repeat, &ns))
			return false;
	for (unsigned r = 0; r < b->rounds; r++)
		for (unsigned k = 0; k < N_PROGRAMS; k++) {
			unsigned turn = (k + r) % N_PROGRAMS;

			if (!timed(&b->prog[turn], b->prog[turn].fd, f, b->repeat, &s.ns[turn][r]))
				return false;
		}
	o = sample_json(b, &s);
	json_object_set_new(o, "length", json_integer(f->len));
	json_object_set_new(o, "verdict", json_integer(verdict));
	json_object_set_new(o, "rule", json_integer(moved(&before, &after)));
	json_array_append_new(out, o);
	return true;
}

/* ---- varied traffic ---- */

struct feed {
	struct bpf_object *bpf;
	int fd, frames_fd, target_fd, state_fd;
};

static bool feed_fill(const struct feed *feed, const struct frames *f)
{
	for (uint32_t i = 0; i < FEED_FRAMES; i++) {
		const struct frame *from = &f->v[i % f->n];
		struct feed_frame to = { .len = from->len, .head = from->len < FEED_HEAD ? from->len : FEED_HEAD };

		memcpy(to.data, from->data, to.head);
		if (bpf_map_update_elem(feed->frames_fd, &i, &to, 0))
			return fail("feed", strerror(errno));
	}
	return true;
}

static bool feed_open(struct feed *feed, const char *path, const struct frames *f)
{
	const struct bpf_program *prog;

	feed->bpf = bpf_object__open_file(path, NULL);
	if (!feed->bpf || bpf_object__load(feed->bpf))
		return fail(path, strerror(errno));
	prog = bpf_object__find_program_by_name(feed->bpf, "feed");
	feed->fd = prog ? bpf_program__fd(prog) : -1;
	feed->frames_fd = bpf_object__find_map_fd_by_name(feed->bpf, "frames");
	feed->target_fd = bpf_object__find_map_fd_by_name(feed->bpf, "target");
	feed->state_fd = bpf_object__find_map_fd_by_name(feed->bpf, "state");
	if (feed->fd < 0 || feed->frames_fd < 0 || feed->target_fd < 0 || feed->state_fd < 0)
		return fail(path, "not the object that was expected");
	return feed_fill(feed, f);
}

static bool time_fed(struct bench *b, const struct feed *feed, const struct frame *first, unsigned k, double *ns)
{
	uint32_t zero = 0, seed = 2463534242;

	if (bpf_map_update_elem(feed->target_fd, &zero, &b->prog[k].fd, 0) || bpf_map_update_elem(feed->state_fd, &zero, &seed, 0))
		return fail("feed", strerror(errno));
	return timed(&b->prog[k], feed->fd, first, b->repeat, ns);
}

/* All rounds see the same packets in the same order; so the two filters must have counted the same. */
static bool books_agree(struct bench *b)
{
	struct books ours, theirs;

	if (!program_books(&b->prog[OURS], &ours) || !program_books(&b->prog[THEIRS], &theirs))
		return false;
	return !memcmp(&ours, &theirs, sizeof(ours)) || fail("varied traffic", "the filters did not count the same");
}

static json_t *shares(const struct books *before, const struct books *after)
{
	json_t *o = json_array();

	for (int i = 0; i < MAX_RULES; i++)
		json_array_append_new(o, json_integer((json_int_t)(after->rule[i][0] - before->rule[i][0])));
	return o;
}

static bool time_varied(struct bench *b, const char *object, const char *capture, json_t *out)
{
	static struct sample s;
	struct feed feed = { 0 };
	struct books before, after;
	struct frames f;
	double ns;
	json_t *o;
	bool ok = frames_read(&f, capture) && (f.n || fail(capture, "it is empty")) && feed_open(&feed, object, &f);

	ok = ok && books_agree(b) && program_books(&b->prog[OURS], &before);
	for (unsigned k = 0; ok && k < N_PROGRAMS; k++)
		ok = time_fed(b, &feed, &f.v[0], k, &ns);
	ok = ok && program_books(&b->prog[OURS], &after);
	for (unsigned r = 0; ok && r < b->rounds; r++)
		for (unsigned k = 0; ok && k < N_PROGRAMS; k++)
			ok = time_fed(b, &feed, &f.v[0], (k + r) % N_PROGRAMS, &s.ns[(k + r) % N_PROGRAMS][r]);
	if (ok && books_agree(b)) {
		o = sample_json(b, &s);
		json_object_set_new(o, "frames", json_integer((json_int_t)f.n));
		json_object_set_new(o, "rules", shares(&before, &after));
		json_object_set_new(out, "varied", o);
	}
	bpf_object__close(feed.bpf);
	frames_free(&f);
	return ok;
}

/* ---- the whole ---- */

static bool sizes(struct bench *b, json_t *out)
{
	json_t *o = json_object();

	for (int k = OURS; k <= THEIRS; k++) {
		struct size size;

		if (!program_size(&b->prog[k], &size))
			return false;
		json_object_set_new(o, b->prog[k].name, json_pack("{s:i, s:i, s:i}", "xlated", size.xlated, "jited", size.jited,
								  "verified", size.verified));
	}
	json_object_set_new(out, "size", o);
	return true;
}

/* The hot packets' counts are left out of the books of both alike: each ran as often. */
static bool hot_cases(struct bench *b, const char *path, json_t *out)
{
	json_t *list = json_array();
	struct frames f;
	bool ok = frames_read(&f, path);

	json_object_set_new(out, "hot", list);
	for (size_t i = 0; ok && i < f.n; i++) {
		uint32_t verdict;

		/* ours runs once more, to see which rule it is: so must theirs */
		ok = time_hot(b, &f.v[i], list) && run_once(&b->prog[THEIRS], &f.v[i], &verdict);
	}
	frames_free(&f);
	return ok;
}

static void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu() > 0 ? sched_getcpu() : 0, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, fmt, args) : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "ours", required_argument, NULL, 'o' }, { "theirs", required_argument, NULL, 't' }, { "feed", required_argument, NULL, 'f' },
		{ "cases", required_argument, NULL, 'c' }, { "varied", required_argument, NULL, 'v' }, { "rounds", required_argument, NULL, 'r' },
		{ "repeat", required_argument, NULL, 'n' }, { 0 }
	};
	const char *ours = NULL, *theirs = NULL, *feed = NULL, *cases = NULL, *varied = NULL;
	struct bench b = { .rounds = 41, .repeat = 500000, .prog = { { .fd = -1 }, { .fd = -1 }, { .fd = -1 } } };
	json_t *out = json_object(), *captures = json_array();
	bool ok;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 'o':
			ours = optarg;
			break;
		case 't':
			theirs = optarg;
			break;
		case 'f':
			feed = optarg;
			break;
		case 'c':
			cases = optarg;
			break;
		case 'v':
			varied = optarg;
			break;
		case 'r':
			b.rounds = (unsigned)atoi(optarg);
			break;
		case 'n':
			b.repeat = (unsigned)atoi(optarg);
			break;
		default:
			return 2;
		}
	if (!ours || !theirs || (varied && !feed) || !b.rounds || b.rounds > MAX_ROUNDS || !b.repeat || b.repeat > 100000000) {
		fprintf(stderr, "usage: xdpf_bench --ours OBJECT --theirs OBJECT [--cases CAPTURE] [--varied CAPTURE --feed OBJECT]\n"
				"                  [--rounds N] [--repeat N] [CAPTURE...]\n");
		return 2;
	}
	libbpf_set_print(quiet);
	pin();
	if (!program_floor(&b.prog[FLOOR]))
		return errno == EPERM || errno == ENOSYS ? NO_BPF : 1;
	ok = program_ours(&b.prog[OURS], ours) && program_theirs(&b.prog[THEIRS], theirs) && sizes(&b, out);
	for (int i = optind; ok && i < argc; i++)
		ok = compare_capture(&b, argv[i], captures);
	json_object_set_new(out, "captures", captures);
	ok = ok && (!cases || hot_cases(&b, cases, out)) && (!varied || time_varied(&b, feed, varied, out));
	if (ok)
		ok = !json_dumpf(out, stdout, JSON_INDENT(1)) && putchar('\n') == '\n' && !fflush(stdout);
	json_decref(out);
	for (int k = 0; k < N_PROGRAMS; k++)
		program_free(&b.prog[k]);
	return ok ? 0 : 1;
}
