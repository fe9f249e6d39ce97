/*
 * Generated look-ups in the kernel find what a rule by rule search finds: each engine, over random rules; and ClassBench's rules over their
 * traces, where those files are. Of long traces over many rules only every so many packets are asked about; with the argument "all" it is all of
 * them, and the largest files too.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel.h"

enum { MOST = CLASSIFY_MAX_LIST + 2 };

static unsigned passed, failed, skipped;

static void result(const char *name, const char *why)
{
	if (why)
		printf("failed: %s: %s\n", name, why);
	failed += !!why;
	passed += !why;
}

/* NULL: all of the packets are found alike by the kernel, by the plain look-up, and rule by rule. */
static const char *differ(const struct classify_rules *rules, const struct classifier *c, const struct image *im, const struct packet *p,
			  size_t n, const uint64_t *found)
{
	static char text[256];

	for (size_t i = 0; i < n; i++) {
		uint32_t want[MOST], got[MOST], list, best;
		size_t m = rules_linear(rules, &p[i], want, MOST);

		if (found_words(im, (uint32_t)found[i], (uint32_t)(found[i] >> 32), got, MOST) != m || memcmp(got, want, m * sizeof(*got))) {
			snprintf(text, sizeof(text), "packet %zu: the kernel found %#x, not %#x", i, got[0], want[0]);
			return text;
		}
		classify_lookup(c, im, p[i].which, p[i].v, &list, &best);
		if (found_words(im, list, best, got, MOST) != m || memcmp(got, want, m * sizeof(*got))) {
			snprintf(text, sizeof(text), "packet %zu: the look-up found %#x, not %#x", i, got[0], want[0]);
			return text;
		}
	}
	return NULL;
}

/* The engine that was asked for, or chosen. */
static const char *check(const char *name, const struct classify_rules *rules, enum classify_engine engine, size_t rest, const struct packet *p,
			 size_t n)
{
	struct arena *a = arena_new();
	struct image im = { 0 };
	struct classify_options o = { .engine = engine, .max_bytes = 64 << 20, .max_rest = rest };
	uint64_t *found = calloc(KERNEL_PACKETS, sizeof(*found));
	struct classifier *c;
	struct kernel *k = NULL;
	const char *why = NULL, *found_by = NULL;
	char *loaded = NULL;

	image_add(&im, 4096, 4096);
	c = classify_build(a, rules, &o, &im, &why);
	if (c)
		k = kernel_load(c, &im, rules->n_dims, &loaded);
	if (k)
		why = kernel_run(k, p, n, found) ? differ(rules, c, &im, p, n, found) : "not run";
	result(name, k ? why : loaded ? loaded : why);
	if (c)
		found_by = classify_name(c);
	if (k)
		printf("%s: %s, %zu KB, %u loads, %u instructions verified\n", name, found_by, classify_bytes(c) >> 10, classify_loads(c),
		       kernel_verified(k));
	kernel_free(k);
	free(loaded);
	free(found);
	image_free(&im);
	arena_free(a);
	return found_by;
}

static void check_random(enum classify_engine engine, uint64_t seed, const struct random_options *o)
{
	enum { PACKETS = 2048 };
	struct arena *a = arena_new();
	struct random r = { seed };
	struct classify_rules rules;
	struct packet *p = arena_array(a, PACKETS, sizeof(*p));
	char name[64];

	rules_random(a, &r, o, &rules);
	for (unsigned i = 0; i < PACKETS; i++)
		packet_random(&r, &rules, &p[i]);
	snprintf(name, sizeof(name), "random %llu %s", (unsigned long long)seed, classify_engine_name(engine));
	check(name, &rules, engine, 1 + o->entries / 2, p, PACKETS);
	arena_free(a);
}

static void check_hard(enum rules_hard kind)
{
	enum { PACKETS = 4096, RULES = 1500 };
	struct arena *a = arena_new();
	struct random r = { kind };
	struct classify_rules rules;
	struct packet *p = arena_array(a, PACKETS, sizeof(*p));
	char name[64];

	rules_hard(a, &r, kind, kind == HARD_NUMBERS ? 4000 : RULES, &rules);
	for (unsigned i = 0; i < PACKETS; i++)
		packet_random(&r, &rules, &p[i]);
	snprintf(name, sizeof(name), "hard %d", kind);
	check(name, &rules, ENGINE_AUTO, 0, p, PACKETS);
	arena_free(a);
}

/* Headers of the trace, and others of the same numbers, of which more match nothing. */
static size_t trace(struct arena *a, const char *file, bool mapped, size_t most, struct packet **out)
{
	struct packet *p;
	size_t n = packets_classbench(a, file, mapped, &p), step, m = 0;
	struct random r = { 11 };

	if (n > KERNEL_PACKETS / 2)
		n = KERNEL_PACKETS / 2;
	step = 2 * n > most ? 2 * n / most : 1;
	*out = arena_array(a, 2 * n + 2, sizeof(**out));
	for (size_t i = 0; i < n; i += step) {
		struct packet *x = &(*out)[m++], *y = &(*out)[m++];

		*x = *y = p[i];
		for (unsigned k = 0; k < 2; k++) {
			unsigned d = (unsigned)random_below(&r, 4);

			y->v[d] = p[random_below(&r, n)].v[d];
			y->v[d].lo ^= random_below(&r, 3) ? 0 : (uint64_t)1 << random_below(&r, d < 2 ? 32 : 16);
		}
	}
	return m;
}

static void check_classbench(const char *family, unsigned size, bool mapped, bool all)
{
	static const enum classify_engine engine[] = { ENGINE_AUTO, ENGINE_RFC, ENGINE_HYBRID, ENGINE_TREE };
	struct arena *a = arena_new();
	const char *file = arena_printf(a, "%s/%s_%u.xz", CLASSBENCH, family, size), *chosen = NULL;
	struct classify_rules rules;
	const char *name, *by;
	struct packet *p;
	size_t n;

	if (!rules_classbench(a, file, mapped, &rules)) {
		printf("skipped: classify-kernel %s_%u: there is no %s\n", family, size, file);
		skipped++;
		arena_free(a);
		return;
	}
	n = trace(a, arena_printf(a, "%s/%s_%u_trace.xz", CLASSBENCH, family, size), mapped, all ? SIZE_MAX : 2000000 / size, &p);
	for (size_t e = 0; e < sizeof(engine) / sizeof(*engine); e++) {
		/* the larger ones are too much for these two, as they shall be */
		if (size > 1000 && (engine[e] == ENGINE_RFC || (engine[e] == ENGINE_TREE && !strcmp(family, "fw1"))))
			continue;
		/* what was chosen is the same tables and the same code: it takes longest, and is looked at once */
		if (size > 1000 && chosen && !strcmp(chosen, classify_engine_name(engine[e])))
			continue;
		name = arena_printf(a, "%s_%u%s %s", family, size, mapped ? " mapped" : "", classify_engine_name(engine[e]));
		by = check(name, &rules, engine[e], 0, p, n);
		if (engine[e] == ENGINE_AUTO)
			chosen = by;
	}
	arena_free(a);
}

static bool may_load(void)
{
	DECLARE_LIBBPF_OPTS(bpf_map_create_opts, o);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "probe", 4, 4, 1, &o);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int main(int argc, char **argv)
{
	static const char *const family[] = { "acl1", "fw1", "ipc1" };
	bool all = argc > 1 && !strcmp(argv[1], "all");

	if (!may_load()) {
		printf("skipped: classify-kernel: no rights to load programs\n");
		skipped++;
	}
	for (uint64_t seed = 1; seed <= 8 && !skipped; seed++) {
		struct random_options small = { .entries = 1 + (unsigned)seed, .dims = 1 + (unsigned)(seed % 4), .go_on = 3 };
		struct random_options five = { .entries = 30, .dims = 5, .go_on = seed & 1 ? 8 : 0, .five = true };

		check_random(ENGINE_RFC, seed, &small);
		check_random(ENGINE_RFC, 1000 + seed, &five);
		check_random(ENGINE_HYBRID, seed, &small);
		check_random(ENGINE_HYBRID, 1000 + seed, &five);
		check_random(ENGINE_TREE, seed, &small);
		check_random(ENGINE_TREE, 1000 + seed, &five);
	}
	for (int kind = 0; kind < HARD_COUNT && !skipped; kind++)
		check_hard((enum rules_hard)kind);
	for (unsigned k = 0; k < 6 && may_load(); k++)
		for (unsigned size = 1000; size <= (all ? 100000 : 10000); size *= 10)
			check_classbench(family[k / 2], size, k & 1, all);
	printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
	return failed != 0;
}
