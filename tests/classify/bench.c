/*
 * What an engine costs: for figures, no test. In: the directory of ClassBench's files, an engine, names of files (acl1_1000; all without),
 * "mapped" for IPv6 addresses. Out: a line each: time to build, bytes, loads, verified instructions, and nanoseconds per look-up over the
 * trace and over a mix that misses more, net of the same program without the look-up, each the median of interleaved runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "kernel.h"

enum { RUNS = 21 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v)
{
	qsort(v, RUNS, sizeof(*v), by_size);
	return v[RUNS / 2];
}

/* @k's time net of @floor's, over the same packets. */
static double net(struct kernel *k, struct kernel *floor, const struct packet *p, size_t n)
{
	uint64_t *found = calloc(KERNEL_PACKETS, sizeof(*found));
	double with[RUNS], without[RUNS];

	kernel_run(k, p, n, found);
	kernel_run(floor, p, n, found);
	for (unsigned i = 0; i < RUNS; i++) {
		with[i] = kernel_time(k);
		without[i] = kernel_time(floor);
	}
	free(found);
	return median(with) - median(without);
}

/* Headers of the trace whose numbers are mixed, or others. */
static struct packet *misses(struct arena *a, const struct packet *p, size_t n)
{
	struct packet *out = arena_array(a, KERNEL_PACKETS, sizeof(*out));
	struct random r = { 7 };

	for (size_t i = 0; i < KERNEL_PACKETS; i++) {
		out[i] = p[random_below(&r, n)];
		for (unsigned k = 0; k < 2; k++) {
			unsigned d = (unsigned)random_below(&r, 4);

			out[i].v[d] = p[random_below(&r, n)].v[d];
			if (d < 2 && !random_below(&r, 3))
				out[i].v[d].lo ^= (uint64_t)1 << random_below(&r, 32);
		}
	}
	return out;
}

static void measure(const char *dir, const char *name, bool mapped, enum classify_engine engine, struct kernel *floor)
{
	struct arena *a = arena_new();
	struct image im = { 0 };
	struct classify_options o = { .engine = engine, .max_bytes = 32 << 20 };
	struct classify_rules rules;
	const char *file = arena_printf(a, "%s/%s.xz", dir, name), *trace = arena_printf(a, "%s/%s_trace.xz", dir, name), *why = NULL;
	struct packet *p;
	struct classifier *c;
	struct kernel *k = NULL;
	struct rusage usage;
	char *loaded = NULL;
	double start, built;
	size_t n;

	if (!rules_classbench(a, file, mapped, &rules))
		return;
	n = packets_classbench(a, trace, mapped, &p);
	image_add(&im, 4096, 4096);
	start = now();
	c = classify_build(a, &rules, &o, &im, &why);
	built = now() - start;
	if (c)
		k = kernel_load(c, &im, rules.n_dims, &loaded);
	getrusage(RUSAGE_SELF, &usage);
	printf("%-12s %-6s %6zu rules, built in %6.3f s, process %4ld MB: ", name, classify_engine_name(engine), rules.entry.n, built,
	       usage.ru_maxrss >> 10);
	if (k)
		printf("%-6s %6zu KB, %2u loads, %5u verified, %5.1f %5.1f ns; %s\n", classify_name(c), classify_bytes(c) >> 10, classify_loads(c),
		       kernel_verified(k), net(k, floor, p, n), net(k, floor, misses(a, p, n), KERNEL_PACKETS), classify_reason(c));
	else
		printf("%s\n", loaded ? loaded : why);
	fflush(stdout);
	kernel_free(k);
	free(loaded);
	image_free(&im);
	arena_free(a);
}

int main(int argc, char **argv)
{
	static const char *const family[] = { "acl1", "fw1", "ipc1" }, *const size[] = { "1000", "10000", "100000" };
	struct kernel *floor;
	enum classify_engine engine = ENGINE_AUTO;
	bool mapped = false, named = false;
	char *why = NULL;

	if (argc < 3) {
		fprintf(stderr, "usage: %s DIRECTORY ENGINE [mapped] [FILE...]\n", argv[0]);
		return 2;
	}
	for (int e = 0; e < ENGINE_COUNT; e++)
		if (!strcmp(argv[2], classify_engine_name((enum classify_engine)e)))
			engine = (enum classify_engine)e;
	floor = kernel_load(NULL, NULL, 5, &why);
	if (!floor) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	for (int i = 3; i < argc; i++) {
		if (!strcmp(argv[i], "mapped")) {
			mapped = true;
			continue;
		}
		measure(argv[1], argv[i], mapped, engine, floor);
		named = true;
	}
	for (unsigned f = 0; f < 9 && !named; f++) {
		char name[32];

		snprintf(name, sizeof(name), "%s_%s", family[f / 3], size[f % 3]);
		measure(argv[1], name, mapped, engine, floor);
	}
	kernel_free(floor);
	return 0;
}
