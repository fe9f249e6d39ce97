/*
 * Generated look-ups in the kernel find what a rule by rule search finds: each engine, over random rules; and ClassBench's rules over their
 * traces, where those files are. Arguments: names of the files to take instead of all (acl1_1000), and an engine.
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

static void check(const char *name, const struct classify_rules *rules, enum classify_engine engine, size_t rest, const struct packet *p,
		  size_t n)
{
	struct arena *a = arena_new();
	struct image im = { 0 };
	struct classify_options o = { .engine = engine, .max_bytes = 64 << 20, .max_rest = rest };
	uint64_t *found = calloc(KERNEL_PACKETS, sizeof(*found));
	struct classifier *c;
	struct kernel *k = NULL;
	const char *why = NULL;
	char *loaded = NULL;

	image_add(&im, 4096, 4096);
	c = classify_build(a, rules, &o, &im, &why);
	if (c)
		k = kernel_load(c, &im, rules->n_dims, &loaded);
	if (k)
		why = kernel_run(k, p, n, found) ? differ(rules, c, &im, p, n, found) : "not run";
	result(name, k ? why : loaded ? loaded : why);
	if (k)
		printf("%s: %s, %zu KB, %u loads, %u instructions verified\n", name, classify_name(c), classify_bytes(c) >> 10,
		       classify_loads(c), kernel_verified(k));
	kernel_free(k);
	free(loaded);
	free(found);
	image_free(&im);
	arena_free(a);
}

static void check_random(enum classify_engine engine, uint64_t seed, const struct random_options *o)
{
	enum { PACKETS = 4096 };
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

static bool may_load(void)
{
	DECLARE_LIBBPF_OPTS(bpf_map_create_opts, o);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "probe", 4, 4, 1, &o);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int main(void)
{
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
	printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
	return failed != 0;
}
