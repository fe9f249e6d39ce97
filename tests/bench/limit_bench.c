/*
 * What a rate limit costs. In: the program that feeds sources, the bits of a source that change, and the programs under test: ours
 * ("=" before the path) and others. Out: a line per program, the median of the turns' nanoseconds per packet, of the thread's own time.
 *
 *   xdpf_limit_bench FEED BITS ROUNDS REPEAT [=]OBJECT…
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "private.h"

enum { MAX_PROGRAMS = 8, MAX_ROUNDS = 999, FRAME = 100, NO_BPF = 77 };

static void on_log(void *arg, enum xdpf_log_level level, const char *text)
{
	(void)arg;
	if (level <= XDPF_LOG_WARNING)
		fprintf(stderr, "bench: %s\n", text);
}

/* They stay loaded till the end. */
static void *loaded[MAX_PROGRAMS];
static int n_loaded;

static int load(const char *path)
{
	const struct xdpf_load_opts opts = { .sz = sizeof(opts) };
	const struct xdpf_log log = { on_log, NULL };
	struct bpf_object *theirs;
	struct xdpf_program *p;
	struct xdpf_object *o;

	if (*path == '=') {
		if (xdpf_object_open(&o, path + 1, &log) || xdpf_program_load(&p, o, &opts, &log))
			exit(NO_BPF);
		xdpf_object_free(o);
		loaded[n_loaded++] = p;
		return p->prog_fd;
	}
	theirs = bpf_object__open_file(path, NULL);
	if (!theirs || bpf_object__load(theirs))
		exit(NO_BPF);
	loaded[n_loaded++] = theirs;
	return bpf_program__fd(bpf_object__next_program(theirs, NULL));
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

int main(int argc, char **argv)
{
	static double ns[MAX_PROGRAMS][MAX_ROUNDS];
	unsigned char frame[FRAME] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, FRAME - 14, 0, 0, 0, 0, 64, 17 };
	int prog[MAX_PROGRAMS], n = argc - 5, rounds, repeat, bits;
	uint32_t zero = 0, state[2];
	static struct bpf_object *feed;
	int target, states, feeding;

	if (n < 1 || n > MAX_PROGRAMS)
		return 2;
	bits = atoi(argv[2]);
	rounds = atoi(argv[3]) > MAX_ROUNDS ? MAX_ROUNDS : atoi(argv[3]);
	repeat = atoi(argv[4]);
	frame[39] = FRAME - 34;
	frame[37] = 53;
	feed = bpf_object__open_file(argv[1], NULL);
	if (!feed || bpf_object__load(feed))
		return NO_BPF;
	target = bpf_object__find_map_fd_by_name(feed, "target");
	states = bpf_object__find_map_fd_by_name(feed, "state");
	feeding = bpf_program__fd(bpf_object__next_program(feed, NULL));
	for (int i = 0; i < n; i++)
		prog[i] = load(argv[5 + i]);
	for (int round = -1; round < rounds; round++)	/* the first turn finds the tables empty, and is not counted */
		for (int i = 0; i < n; i++) {
			LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = FRAME, .repeat = repeat);
			uint64_t start;

			state[0] = 88675123u + (uint32_t)round * 7919;
			state[1] = bits >= 32 ? UINT32_MAX : ((uint32_t)1 << bits) - 1;
			if (bpf_map_update_elem(states, &zero, state, BPF_ANY) || bpf_map_update_elem(target, &zero, &prog[i], BPF_ANY))
				return 1;
			start = own_time();
			if (bpf_prog_test_run_opts(feeding, &run) || run.retval == XDP_ABORTED)
				return 1;
			if (round >= 0)
				ns[i][round] = (double)(own_time() - start) / repeat;
		}
	for (int i = 0; i < n; i++) {
		qsort(ns[i], (size_t)rounds, sizeof(ns[i][0]), ascending);
		printf("%.2f %.2f %s\n", ns[i][rounds / 2], ns[i][0], argv[5 + i]);
	}
	return 0;
}
