/*
 * What a rate limit costs. In: the program that feeds sources, the bits of a source that change, and the programs under test: ours
 * ("=" before the path) and others. Where its table comes to lie in memory makes a program up to a quarter faster or slower; so all are
 * loaded several times, each time in another order, filled, and then run in turns. Out: a line per program: of each load the median of the
 * turns' nanoseconds per packet, of the thread's own time, and then the least of all turns.
 *
 *   xdpf_limit_bench FEED BITS LOADS ROUNDS REPEAT [=]OBJECT…
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "private.h"

enum { MAX_PROGRAMS = 16, MAX_LOADS = 99, MAX_ROUNDS = 99, FRAME = 100, NO_BPF = 77, FILL_BITS = 20 };

static unsigned char frame[FRAME] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, FRAME - 14, 0, 0, 0, 0, 64, 17 };

static void on_log(void *arg, enum xdpf_log_level level, const char *text)
{
	(void)arg;
	if (level <= XDPF_LOG_WARNING)
		fprintf(stderr, "bench: %s\n", text);
}

struct tested {
	struct xdpf_program *ours;
	struct bpf_object *theirs;
	int fd;
};

static void load(struct tested *t, const char *path)
{
	const struct xdpf_load_opts opts = { .sz = sizeof(opts) };
	const struct xdpf_log log = { on_log, NULL };
	struct xdpf_object *o;

	*t = (struct tested){ 0 };
	if (*path == '=') {
		if (xdpf_object_open(&o, path + 1, &log) || xdpf_program_load(&t->ours, o, &opts, &log))
			exit(NO_BPF);
		xdpf_object_free(o);
		t->fd = t->ours->prog_fd;
		return;
	}
	t->theirs = bpf_object__open_file(path, NULL);
	if (!t->theirs || bpf_object__load(t->theirs))
		exit(NO_BPF);
	t->fd = bpf_program__fd(bpf_object__next_program(t->theirs, NULL));
}

static void unload(struct tested *t)
{
	xdpf_program_free(t->ours);
	bpf_object__close(t->theirs);
}

static uint64_t own_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

struct feed {
	int target, state;
};

/* What the program at @fd takes for a packet behind @before. */
static double turn(const struct feed *f, int before, int fd, uint32_t seed, uint32_t bits, uint32_t repeat)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = FRAME, .repeat = (int)repeat);
	uint32_t zero = 0, state[2] = { seed, bits >= 32 ? UINT32_MAX : ((uint32_t)1 << bits) - 1 };
	uint64_t start;

	if (bpf_map_update_elem(f->state, &zero, state, BPF_ANY) || bpf_map_update_elem(f->target, &zero, &fd, BPF_ANY))
		exit(1);
	start = own_time();
	if (bpf_prog_test_run_opts(before, &run) || run.retval == XDP_ABORTED)
		exit(1);
	return (double)(own_time() - start) / repeat;
}

int main(int argc, char **argv)
{
	static double ns[MAX_PROGRAMS][MAX_ROUNDS], median[MAX_PROGRAMS][MAX_LOADS], least[MAX_PROGRAMS];
	int n = argc - 6, loads, rounds;
	struct tested t[MAX_PROGRAMS];
	struct bpf_object *feed;
	struct feed f;
	uint32_t bits, repeat;
	int in_turn, random;

	if (n < 1 || n > MAX_PROGRAMS)
		return 2;
	bits = (uint32_t)atoi(argv[2]);
	loads = atoi(argv[3]) > MAX_LOADS ? MAX_LOADS : atoi(argv[3]);
	rounds = atoi(argv[4]) > MAX_ROUNDS ? MAX_ROUNDS : atoi(argv[4]);
	repeat = (uint32_t)atoi(argv[5]);
	frame[39] = FRAME - 34;
	frame[37] = 53;
	feed = bpf_object__open_file(argv[1], NULL);
	if (!feed || bpf_object__load(feed))
		return NO_BPF;
	f.target = bpf_object__find_map_fd_by_name(feed, "target");
	f.state = bpf_object__find_map_fd_by_name(feed, "state");
	random = bpf_program__fd(bpf_object__find_program_by_name(feed, "feed"));
	in_turn = bpf_program__fd(bpf_object__find_program_by_name(feed, "fill"));
	for (int at = 0; at < loads; at++) {
		for (int k = 0; k < n; k++) {
			/* each comes first once, and half of the time in the other direction */
			int i = (at + (at & 1 ? n - k : k)) % n;

			load(&t[i], argv[6 + i]);
		}
		for (int i = 0; i < n; i++)
			turn(&f, in_turn, t[i].fd, 0, bits, 1 << FILL_BITS);
		for (int round = 0; round < rounds; round++)
			for (int i = 0; i < n; i++)
				ns[i][round] = turn(&f, random, t[i].fd, 88675123u + (uint32_t)(at * rounds + round) * 7919, bits, repeat);
		for (int i = 0; i < n; i++) {
			qsort(ns[i], (size_t)rounds, sizeof(ns[i][0]), ascending);
			median[i][at] = ns[i][rounds / 2];
			least[i] = !at || ns[i][0] < least[i] ? ns[i][0] : least[i];
			unload(&t[i]);
		}
	}
	for (int i = 0; i < n; i++) {
		for (int at = 0; at < loads; at++)
			printf("%.2f ", median[i][at]);
		printf("%.2f\n", least[i]);
	}
	return 0;
}
