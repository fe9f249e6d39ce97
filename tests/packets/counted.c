/*
 * What many rules have counted, to the packet. In: an object of counted.py, whose rule rK decides on packets to UDP port K + 1. Packets are run
 * in the kernel and the counters read: at rest, around all places where what is noted becomes counted, on each CPU, with frames of all sizes; and
 * while all CPUs run packets, where no rule may have fewer than it had before the reading, nor more than were begun until it was done. A key of a
 * table that all CPUs have for the first time at once is counted by each.
 * Out: a count of checks, or status 77 where the kernel takes no program.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "private.h"

enum { RULES = 4000, MAX_CPUS = 64, FRAME = 1 << 16, HEADERS = 14 + 20 + 8, READS = 60, KEYS = 3000, SKIPPED = 77 };

struct tally {
	atomic_ulong packets, bytes;
};

static struct xdpf_program *prog;
static struct tally begun[RULES], ended[RULES];	/* the last is not one of the file's: what no rule decides */
static atomic_bool stop;
static atomic_uint here;			/* who has come to a key, all keys together */
static unsigned n_cpus;
static unsigned long passed, failed;

static void check(bool ok, const char *what, unsigned rule, unsigned long have, unsigned long low, unsigned long high)
{
	passed += ok;
	failed += !ok;
	if (!ok && failed < 20)
		printf("FAILED: %s: rule %u has %lu, not %lu to %lu\n", what, rule, have, low, high);
}

static void on_log(void *arg, enum xdpf_log_level level, const char *text)
{
	(void)arg;
	if (level <= XDPF_LOG_WARNING)
		printf("%s\n", text);
}

static const struct xdpf_log say = { on_log, NULL };

static void tally(struct tally *t, size_t len)
{
	atomic_fetch_add(&t->packets, 1);
	atomic_fetch_add(&t->bytes, len);
}

static void run(unsigned char *frame, unsigned rule, size_t len)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (uint32_t)len, .repeat = 1);

	frame[36] = (unsigned char)((rule + 1) >> 8);
	frame[37] = (unsigned char)(rule + 1);
	tally(&begun[rule], len);
	if (bpf_prog_test_run_opts(prog->prog_fd, &opts)) {
		printf("FAILED: a frame of %zu bytes is not run: %s\n", len, strerror(errno));
		_exit(1);
	}
	tally(&ended[rule], len);
}

static void headers(unsigned char *frame)
{
	static const unsigned char start[] = { [12] = 8, [14] = 0x45, [17] = 28, [22] = 64, [23] = 17, [26] = 10, [30] = 10, [39] = 8 };

	memset(frame, 0, FRAME);
	memcpy(frame, start, sizeof(start));
}

static void go_to(size_t cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

/* By the function that looks once: xdpf_stats_read() looks again where the books do not balance, and would hide what this one misses. */
static void read_and_check(const char *what, const struct tally *least)
{
	static struct xdpf_count count[RULES + 1];
	const struct xdpf_meta *m = xdpf_program_meta(prog);

	if (rt_rules_read(prog, count, RULES + 1, &say)) {
		failed++;
		return;
	}
	for (unsigned i = 0; i < RULES; i++) {
		struct xdpf_count c = count[i + 1 < RULES ? m->rules[i + 1].index : m->files[0].default_index];

		check(c.packets >= least[i].packets && c.packets <= begun[i].packets, what, i, c.packets, least[i].packets, begun[i].packets);
		check(c.bytes >= least[i].bytes && c.bytes <= begun[i].bytes, what, i, c.bytes, least[i].bytes, begun[i].bytes);
	}
}

/* The first rule is met by all packets, and is counted at once. */
static void check_books(void)
{
	struct xdpf_stats *s;
	unsigned long n = 0;

	if (xdpf_stats_read(&s, prog, &say)) {
		failed++;
		return;
	}
	for (unsigned i = 0; i < RULES; i++)
		n += ended[i].packets;
	check(xdpf_stats_balanced(s), "the books", 0, 0, 0, 0);
	check(xdpf_stats_rule(s, 0).packets == n, "the rule that all meet", 0, xdpf_stats_rule(s, 0).packets, n, n);
	xdpf_stats_free(s);
}

static void at_rest(const cpu_set_t *cpus)
{
	static unsigned char frame[FRAME];
	/* frames: in one page, in several, and as long as the kernel makes them */
	static const size_t sizes[] = { HEADERS, 1500, 4000, 9000, FRAME - 1, HEADERS + 1 };
	unsigned rule = 0, n = 0;

	headers(frame);
	for (size_t cpu = 0; cpu < MAX_CPUS; cpu++) {
		if (!CPU_ISSET(cpu, cpus))
			continue;
		go_to(cpu);
		for (unsigned until = 0, k = 0; until < 3 * XDPF_PENDING; until += k++ % 3 ? 1 : XDPF_PENDING / 2 - 1) {
			for (; n < until; n++, rule = rule * 7 + 3)
				run(frame, n % 5 ? rule % RULES : 17, sizes[n % (sizeof(sizes) / sizeof(sizes[0]))]);
			read_and_check("at rest", ended);
			check_books();
		}
		n = 0;
	}
	sched_setaffinity(0, sizeof(*cpus), cpus);
}

static void *sender(void *arg)
{
	unsigned char *frame = malloc(FRAME);
	unsigned rule = (unsigned)(size_t)arg;

	headers(frame);
	go_to((size_t)arg);
	for (unsigned n = 0; !atomic_load(&stop); n++, rule = rule * 1664525 + 1013904223)
		run(frame, n % 5 ? (rule >> 8) % RULES : 17, HEADERS + (rule >> 20));
	free(frame);
	return NULL;
}

static void under_traffic(const cpu_set_t *cpus)
{
	static struct tally before[RULES];
	pthread_t thread[MAX_CPUS];
	size_t n = 0;

	for (size_t cpu = 0; cpu < MAX_CPUS; cpu++)
		if (CPU_ISSET(cpu, cpus) && !pthread_create(&thread[n], NULL, sender, (void *)cpu))
			n++;
	for (int i = 0; i < READS; i++) {
		for (unsigned k = 0; k < RULES; k++) {
			before[k].packets = ended[k].packets;
			before[k].bytes = ended[k].bytes;
		}
		read_and_check("under traffic", before);
	}
	atomic_store(&stop, true);
	while (n)
		pthread_join(thread[--n], NULL);
	read_and_check("behind the traffic", ended);
	check_books();
}

static void *first_comer(void *arg)
{
	unsigned char *frame = malloc(FRAME);

	headers(frame);
	go_to((size_t)arg);
	for (unsigned key = 1; key <= KEYS; key++) {
		frame[28] = (unsigned char)(key >> 8);
		frame[29] = (unsigned char)key;
		atomic_fetch_add(&here, 1);
		while (atomic_load(&here) < key * n_cpus)
			sched_yield();
		run(frame, 0, HEADERS);
	}
	free(frame);
	return NULL;
}

static size_t table_of(const struct xdpf_meta *m, const char *name)
{
	size_t i = 0;

	while (i < m->n_tables && strcmp(m->tables[i].name, name) != 0)
		i++;
	return i;
}

static void new_keys(const cpu_set_t *cpus)
{
	const struct xdpf_meta *m = xdpf_program_meta(prog);
	size_t table = table_of(m, "sources"), n = 0;
	pthread_t thread[MAX_CPUS];
	struct xdpf_stats *s;
	struct xdpf_count c;

	n_cpus = (unsigned)CPU_COUNT(cpus);
	for (size_t cpu = 0; cpu < MAX_CPUS; cpu++)
		if (CPU_ISSET(cpu, cpus) && !pthread_create(&thread[n], NULL, first_comer, (void *)cpu))
			n++;
	while (n)
		pthread_join(thread[--n], NULL);
	if (table == m->n_tables || xdpf_stats_read(&s, prog, &say)) {
		failed++;
		return;
	}
	/* most packets first: the first is that of all the other frames */
	check(xdpf_stats_n_entries(s, table) == KEYS + 1, "keys of a table", 0, xdpf_stats_n_entries(s, table), KEYS + 1, KEYS + 1);
	for (size_t i = 1; i < xdpf_stats_n_entries(s, table); i++) {
		xdpf_stats_entry(s, table, i, &c);
		check(c.packets == n_cpus, "a key that all have at once", (unsigned)i, c.packets, n_cpus, n_cpus);
		check(c.bytes == (uint64_t)HEADERS * n_cpus, "bytes of such a key", (unsigned)i, c.bytes, HEADERS * n_cpus, HEADERS * n_cpus);
	}
	xdpf_stats_free(s);
}

static void clear(const cpu_set_t *cpus)
{
	static unsigned char frame[FRAME];
	const struct xdpf_meta *m = xdpf_program_meta(prog);
	uint32_t index[700];
	unsigned n = 0;

	headers(frame);
	/* no list has another rule then */
	for (size_t cpu = 0; cpu < MAX_CPUS; cpu++) {
		if (!CPU_ISSET(cpu, cpus))
			continue;
		go_to(cpu);
		for (n = 0; n < 2 * XDPF_PENDING; n++)
			run(frame, 0, 100);
	}
	sched_setaffinity(0, sizeof(*cpus), cpus);
	for (unsigned i = 0; i < 700; i++) {
		unsigned rule = i * 5 + 1;

		index[i] = m->rules[rule + 1].index;
		ended[rule].packets = ended[rule].bytes = begun[rule].packets = begun[rule].bytes = 0;
	}
	check(!rt_counted_clear(prog, index, 700, &say), "clearing", 0, 0, 0, 0);
	read_and_check("cleared", ended);
	check(rt_counted_room(prog, &say) >= RULES + 1, "room", 0, 0, 0, 0);
	for (n = 0; n < 100; n++)
		run(frame, n, 100);
	read_and_check("counted anew", ended);
}

static void note_by_hand(int fd, const struct xdpf_pending *what, int err, const char *why)
{
	size_t cpus = (size_t)libbpf_num_possible_cpus();
	struct xdpf_pending *all = calloc(cpus, sizeof(*all));
	struct xdpf_count count[2];
	uint32_t zero = 0;
	int got;

	for (size_t i = 0; i < cpus; i++)
		all[i] = *what;
	if (bpf_map_update_elem(fd, &zero, all, BPF_ANY))
		_exit(1);
	free(all);
	got = rt_rules_read(prog, count, 2, NULL);
	check(got == err, why, 0, (unsigned long)-got, (unsigned long)-err, (unsigned long)-err);
}

/* What other programs may have written there. */
static void by_others(void)
{
	struct xdpf_pending p = { .n = 3, .note = { UINT64_MAX, UINT32_MAX, RULES + 1 } };
	int fd = prog->pending_fd;

	note_by_hand(fd, &p, 0, "indexes that there are not");
	p = (struct xdpf_pending){ .flushed = UINT64_MAX - 1, .flushing = UINT64_MAX - 1, .n = 1 };
	note_by_hand(fd, &p, 0, "numbers that have wrapped");
	p = (struct xdpf_pending){ .n = XDPF_PENDING + 1 };
	note_by_hand(fd, &p, -EAGAIN, "more than a list holds");
	prog->pending_fd = bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "other", 4, 16, 1, NULL);
	check(rt_rules_read(prog, NULL, 0, NULL) == -EBADMSG, "a map of another size", 0, 0, 0, 0);
	close(prog->pending_fd);
	prog->pending_fd = prog->verdicts_fd;
	check(rt_rules_read(prog, NULL, 0, NULL) == -EBADMSG, "another map", 0, 0, 0, 0);
	prog->pending_fd = fd;
}

int main(int argc, char **argv)
{
	const struct xdpf_load_opts load = { .sz = sizeof(load), .test = true, .frags = true };
	struct xdpf_object *o;
	cpu_set_t cpus;
	int err;

	if (argc != 2 || sched_getaffinity(0, sizeof(cpus), &cpus))
		return 2;
	err = xdpf_object_open(&o, argv[1], &say);
	if (err)
		return 1;
	err = xdpf_program_load(&prog, o, &load, &say);
	if (err)
		return err == -EPERM || err == -ENOSYS || err == -EOPNOTSUPP ? SKIPPED : 1;
	if (prog->pending_fd < 0) {
		printf("FAILED: nothing is noted\n");
		return 1;
	}
	at_rest(&cpus);
	under_traffic(&cpus);
	new_keys(&cpus);
	clear(&cpus);
	by_others();
	xdpf_program_free(prog);
	xdpf_object_free(o);
	printf("%lu passed, %lu failed, 0 skipped\n", passed, failed);
	return failed != 0;
}
