/*
 * Rate limits under the real clock. In: an object whose first rule is `drop if udp over LIMIT`. Out: measured figures on standard output; status 0
 * where they keep what the language promises, 1 where not, 3 where others had the CPUs and next to nothing was measured, 77 where the kernel
 * takes no program.
 *
 *   limits live OBJECT RATE BURST TOKENS MS   every CPU sends as fast as it can; RATE a second, a packet costs TOKENS
 *   limits keys OBJECT N ROUNDS               a limit of burst 1 that fills in an hour, with room for N keys, `when full closed`
 *   limits once OBJECT BURST                  a limit that next to never fills: all CPUs ask for more than it has, and together get that, exactly
 *   limits meet OBJECT N                      each of N keys comes first on two CPUs at the same time: its burst is 1
 *   limits race OBJECT RATE BURST N MS ROUNDS N keys from all CPUs at once, into a table with little more room, `when full closed`
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "abi.h"
#include "private.h"

enum { NO_BPF = 77, BUSY = 3, FRAME = 100, MAX_CPUS = 64, BATCH = 5000, MAX_LIMITS = 64 };

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void frame_make(unsigned char f[FRAME], uint32_t source)
{
	static const unsigned char head[] = {
		2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, FRAME - 14, 0, 0, 0, 0, 64, 17, 0, 0, 0, 0, 0, 0, 198, 51, 100, 2,
		0x0f, 0xa0, 0, 53, 0, FRAME - 34,
	};

	memset(f, 0, FRAME);
	memcpy(f, head, sizeof(head));
	memcpy(f + 26, &source, 4);
}

/* The verdict, or -1. */
static int send_frames(int prog, uint32_t source, unsigned repeat)
{
	unsigned char frame[FRAME];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = FRAME, .repeat = (int)repeat);

	frame_make(frame, source);
	while (bpf_prog_test_run_opts(prog, &run))
		if (errno != EINTR && errno != EAGAIN)
			return -1;
	return (int)run.retval;
}

static void on_log(void *arg, enum xdpf_log_level level, const char *text)
{
	(void)arg;
	if (level <= XDPF_LOG_WARNING)
		fprintf(stderr, "limits: %s\n", text);
}

static const struct xdpf_log logger = { on_log, NULL };

static struct xdpf_program *load(const char *path)
{
	const struct xdpf_load_opts opts = { .sz = sizeof(opts) };
	struct xdpf_program *p = NULL;
	struct xdpf_object *o = NULL;
	int err = xdpf_object_open(&o, path, &logger);

	if (!err)
		err = xdpf_program_load(&p, o, &opts, &logger);
	xdpf_object_free(o);
	if (err)
		exit(err == -EPERM || err == -EOPNOTSUPP ? NO_BPF : 1);
	return p;
}

static struct xdpf_limit_counts counts(const struct xdpf_program *p)
{
	size_t n = rt_meta_get(p->meta)->n_limits;
	struct xdpf_limit_counts c[MAX_LIMITS];

	if (n > MAX_LIMITS || rt_limits_read(p->limits_fd, c, n, &logger))
		exit(1);
	return c[0];
}

/* ---- live ---- */

static volatile bool stop;

/* The thread runs on this CPU from here on. */
static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

struct sender {
	pthread_t thread;
	int prog, cpu;
	uint64_t packets;
	bool failed;
};

static void *sender_run(void *arg)
{
	struct sender *s = arg;

	stay_on(s->cpu);
	while (!stop && !s->failed)
		s->failed = send_frames(s->prog, 0x010200c0, BATCH) < 0;
	return NULL;
}

/* As many packets of each CPU as one bucket has tokens. */
static void *taker_run(void *arg)
{
	struct sender *s = arg;

	stay_on(s->cpu);
	for (uint64_t left = s->packets; left && !s->failed; left -= left < BATCH ? left : BATCH)
		s->failed = send_frames(s->prog, 0x010200c0, left < BATCH ? (unsigned)left : BATCH) < 0;
	return NULL;
}

static int once(const char *path, uint64_t burst)
{
	struct xdpf_program *p = load(path);
	struct sender taker[MAX_CPUS];
	struct xdpf_limit_counts c;
	unsigned n = 0;
	bool ok = true;
	cpu_set_t mine;

	sched_getaffinity(0, sizeof(mine), &mine);
	for (int cpu = 0; cpu < CPU_SETSIZE && n < MAX_CPUS; cpu++)
		if (CPU_ISSET(cpu, &mine)) {
			taker[n] = (struct sender){ .prog = p->prog_fd, .cpu = cpu, .packets = burst };
			if (pthread_create(&taker[n].thread, NULL, taker_run, &taker[n]))
				return 1;
			n++;
		}
	for (unsigned i = 0; i < n; i++) {
		pthread_join(taker[i].thread, NULL);
		ok = ok && !taker[i].failed;
	}
	c = counts(p);
	printf("once: of %llu tokens %u CPUs got %llu\n", (unsigned long long)burst, n, (unsigned long long)c.admitted);
	xdpf_program_free(p);
	return !(ok && c.admitted == burst);
}

/* ---- meet ---- */

struct meeting {
	pthread_t thread;
	int prog, cpu;
	uint32_t n;
	_Atomic uint32_t at;
	struct meeting *other;
	uint8_t *passed;
	bool failed;
};

static void *meeting_run(void *arg)
{
	struct meeting *m = arg;

	stay_on(m->cpu);
	for (uint32_t i = 0; i < m->n; i++) {
		int v;

		m->at = i + 1;
		while (m->other->at <= i)
			;
		v = send_frames(m->prog, (i + 1) * 2654435761u, 1);
		m->failed = m->failed || v < 0;
		m->passed[i] = v == XDP_PASS;
	}
	return NULL;
}

static int meet(const char *path, uint32_t n)
{
	struct xdpf_program *p = load(path);
	static struct meeting two[2];
	uint32_t none = 0, twice = 0, k = 0;
	cpu_set_t mine;

	sched_getaffinity(0, sizeof(mine), &mine);
	for (int cpu = 0; cpu < CPU_SETSIZE && k < 2; cpu++)
		if (CPU_ISSET(cpu, &mine))
			two[k++] = (struct meeting){ .prog = p->prog_fd, .cpu = cpu, .n = n, .passed = calloc(n, 1) };
	for (unsigned i = 0; i < 2; i++) {
		two[i].other = &two[1 - i];
		if (k < 2 || !two[i].passed || pthread_create(&two[i].thread, NULL, meeting_run, &two[i]))
			return 1;
	}
	for (unsigned i = 0; i < 2; i++)
		pthread_join(two[i].thread, NULL);
	for (uint32_t i = 0; i < n; i++) {
		none += !two[0].passed[i] && !two[1].passed[i];
		twice += two[0].passed[i] && two[1].passed[i];
	}
	printf("meet: of %u keys that two CPUs had at once %u got none, %u got two\n", n, none, twice);
	for (unsigned i = 0; i < 2; i++)
		free(two[i].passed);
	xdpf_program_free(p);
	return !(!two[0].failed && !two[1].failed && !none && !twice);
}

struct reading {
	uint64_t before, after, admitted, denied;	/* ns, ns, tokens, packets */
};

static int live(const char *path, double rate, double burst, uint64_t tokens, unsigned ms)
{
	struct xdpf_program *p = load(path);
	struct sender sender[MAX_CPUS];
	enum { READINGS = 400 };
	static struct reading r[READINGS];
	cpu_set_t mine;
	struct xdpf_limit_counts c;
	unsigned n = 0, readings = 0, first = 0, last = 0;
	double most = 0, share = 0, lost = 0;
	bool ok = true, busy;

	sched_getaffinity(0, sizeof(mine), &mine);
	for (int cpu = 0; cpu < CPU_SETSIZE && n < MAX_CPUS; cpu++)
		if (CPU_ISSET(cpu, &mine)) {
			sender[n] = (struct sender){ .prog = p->prog_fd, .cpu = cpu };
			if (pthread_create(&sender[n].thread, NULL, sender_run, &sender[n]))
				return 1;
			n++;
		}
	/* The first reading is of a full bucket, the others follow when it is empty for the first time: on a busy machine that takes a while. */
	for (uint64_t end = 0; (!end || now() < end) && readings < READINGS; readings++) {
		const struct timespec pause = { 0, ms * 1000000 / READINGS };

		r[readings].before = now();
		c = counts(p);
		r[readings].admitted = c.admitted * tokens;
		r[readings].denied = c.denied;
		r[readings].after = now();
		for (uint64_t patience = now() + 20000000000; !end && !counts(p).denied && now() < patience;)
			nanosleep(&pause, NULL);
		end = end ? end : now() + ms * (uint64_t)1000000;
		nanosleep(&pause, NULL);
	}
	stop = true;
	for (unsigned i = 0; i < n; i++) {
		pthread_join(sender[i].thread, NULL);
		ok = ok && !sender[i].failed;
	}
	/* over every window between two readings: the most that it can have been long */
	for (unsigned i = 0; i < readings; i++)
		for (unsigned k = i + 1; k < readings; k++) {
			double seconds = (double)(r[k].after - r[i].before) / 1e9, may = 1.005 * rate * seconds + burst;
			double was = (double)(r[k].admitted - r[i].admitted);

			most = was / may > most ? was / may : most;
		}
	/*
	 * From when the bucket had been found empty to when it was for the last time, which was not before the reading before. Where nobody
	 * sent for so long in between that it was full, since others had the CPUs, what came then is lost by right.
	 */
	while (first + 1 < readings && !r[first].denied)
		first++;
	for (unsigned k = first + 1, empty = first; k < readings; k++)
		if (r[k].denied > r[k - 1].denied) {
			double came = rate * (double)(r[k].after - r[empty ? empty - 1 : 0].before) / 1e9;

			lost += came > burst ? came - burst : 0;
			last = empty = k;
		}
	if (last > first + 1) {
		double came = rate * (double)(r[last - 1].before - r[first].after) / 1e9;

		share = (double)(r[last].admitted - r[first].admitted) / (came - lost);
		busy = lost > came / 2;
	} else {
		busy = true;
	}
	printf("live: %u CPUs, %u readings: at most %.4f of what a window may admit (1.005 rate + burst), %.4f of the rate; "
	       "%llu denied, %.0f tokens lost while nobody sent\n",
	       n, readings, most, share, (unsigned long long)counts(p).denied, lost);
	ok = ok && n && most <= 1 && (busy || share >= 0.99) && counts(p).full == 0;
	xdpf_program_free(p);
	return ok ? busy ? BUSY : 0 : 1;
}

/* ---- keys ---- */

static bool expect(const char *what, uint64_t have, uint64_t least, uint64_t most)
{
	printf("keys: %s: %llu\n", what, (unsigned long long)have);
	if (have >= least && have <= most)
		return true;
	printf("FAILED: %s: %llu, not from %llu to %llu\n", what, (unsigned long long)have, (unsigned long long)least, (unsigned long long)most);
	return false;
}

/* One packet of each of @n sources from @first on, an odd number apart; how many were let through. */
static uint64_t each(int prog, uint32_t first, uint32_t n)
{
	uint64_t passed = 0;

	for (uint32_t i = 0; i < n; i++) {
		int v = send_frames(prog, (first + i) * 2654435761u, 1);

		if (v < 0)
			exit(1);
		passed += v == XDP_PASS;
	}
	return passed;
}

static int keys(const char *path, uint32_t n, unsigned rounds)
{
	uint64_t honest = 0, again = 0, after = 0, evicting = 0, full = 0;
	bool ok = true;

	for (unsigned i = 0; i < rounds; i++) {
		struct xdpf_program *p = load(path);	/* another seed each time */

		honest += each(p->prog_fd, 0, n);
		full += counts(p).full;
		again += each(p->prog_fd, 0, n);
		if (!i) {
			/* a flood of other sources finds the room that is left, and then none */
			evicting = each(p->prog_fd, n, 12 * n);
			after = each(p->prog_fd, 0, n);
			ok = expect("spoofed sources that found no room", counts(p).full, 1, UINT64_MAX) && ok;
		}
		xdpf_program_free(p);
	}
	ok = expect("honest sources without room", full, 0, 0) && ok;
	ok = expect("honest sources admitted", honest, (uint64_t)n * rounds, (uint64_t)n * rounds) && ok;
	ok = expect("of them, admitted again", again, 0, 0) && ok;
	ok = expect("spoofed sources admitted", evicting, 1, 12 * (uint64_t)n - 1) && ok;
	ok = expect("honest sources admitted again after the flood", after, 0, 0) && ok;
	return !ok;
}

/*
 * A flood fills the table, whose buckets are full again after @ms; then so many others come as fill most of it. While it was crowded keys were put
 * into their first sets alone; behind that they are put into any of theirs again.
 */
static int flood(const char *path, uint32_t n, unsigned ms, uint32_t others, uint32_t least, unsigned rounds)
{
	struct xdpf_program *p = load(path);
	uint32_t first = 0;
	bool ok = true;

	for (unsigned i = 0; i < rounds; i++) {
		uint64_t full = counts(p).full, got = each(p->prog_fd, first, n);

		first += n;
		full = counts(p).full - full;
		ok = expect("a flood's sources that found room", got, 1, n - 1) && expect("that found none", full, n - got, n - got) && ok;
		usleep(2000 * ms);	/* till what is behind a set does not matter either */
		got = each(p->prog_fd, first, others);
		ok = expect("sources after it that found room", got, least, others) && ok;
		ok = expect("of them, at once again", each(p->prog_fd, first, others), 0, 0) && ok;
		first += others;
		usleep(i + 1 < rounds ? 2000 * ms : 0);
	}
	xdpf_program_free(p);
	return !ok;
}

/* ---- race ---- */

enum { RACERS = 3, RACE_KEYS = 4096 };	/* threads on each CPU */

static uint32_t raced[RACE_KEYS];	/* packets of the key that were let through */
static uint64_t race_sent;

struct racer {
	pthread_t thread;
	int prog, cpu;
	uint32_t n, random;
	bool failed;
};

static void *racer_run(void *arg)
{
	struct racer *r = arg;

	stay_on(r->cpu);
	while (!stop && !r->failed) {
		uint32_t key;
		int v;

		r->random = r->random * 1664525 + 1013904223;
		/* some keys more often than others, so that they meet */
		key = (uint32_t)((uint64_t)(r->random >> 16) * (r->random >> 16) * r->n >> 32);
		v = send_frames(r->prog, (key + 1) * 2654435761u, 1);
		r->failed = v < 0;
		if (v == XDP_PASS)
			__atomic_add_fetch(&raced[key], 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&race_sent, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* One round; the greatest share of what a key may have, or -1. */
static double race_round(const char *path, double rate, double burst, uint32_t n, unsigned ms, unsigned round)
{
	struct xdpf_program *p = load(path);
	static struct racer racer[MAX_CPUS * RACERS];
	const struct timespec pause = { ms / 1000, ms % 1000 * 1000000 };
	unsigned racers = 0;
	cpu_set_t mine;
	double most = 0, may;
	uint64_t begin;
	bool ok = true;

	stop = false;
	memset(raced, 0, sizeof(raced));
	sched_getaffinity(0, sizeof(mine), &mine);
	begin = now();
	for (int cpu = 0; cpu < CPU_SETSIZE && racers < MAX_CPUS * RACERS; cpu++)
		for (unsigned i = 0; CPU_ISSET(cpu, &mine) && i < RACERS; i++, racers++) {
			racer[racers] = (struct racer){ .prog = p->prog_fd, .cpu = cpu, .n = n, .random = 7919 * round + racers };
			if (pthread_create(&racer[racers].thread, NULL, racer_run, &racer[racers]))
				exit(1);
		}
	nanosleep(&pause, NULL);
	stop = true;
	for (unsigned i = 0; i < racers; i++) {
		pthread_join(racer[i].thread, NULL);
		ok = ok && !racer[i].failed;
	}
	may = burst + 1.005 * rate * (double)(now() - begin) / 1e9;
	for (uint32_t k = 0; k < n; k++)
		most = raced[k] / may > most ? raced[k] / may : most;
	xdpf_program_free(p);
	return ok ? most : -1;
}

static int race(const char *path, double rate, double burst, uint32_t n, unsigned ms, unsigned rounds)
{
	double most = 0;
	bool ok = n && n <= RACE_KEYS;

	for (unsigned i = 0; ok && i < rounds; i++) {
		double share = race_round(path, rate, burst, n, ms, i);

		ok = share >= 0;
		most = share > most ? share : most;
	}
	printf("race: %llu packets of %u keys: a key had at most %.4f of what it may have\n", (unsigned long long)race_sent, n, most);
	/* and had much of it: or nothing was measured */
	return !(ok && most <= 1 && most >= 0.1);
}

int main(int argc, char **argv)
{
	if (argc == 7 && !strcmp(argv[1], "live"))
		return live(argv[2], atof(argv[3]), atof(argv[4]), strtoull(argv[5], NULL, 10), (unsigned)atoi(argv[6]));
	if (argc == 5 && !strcmp(argv[1], "keys"))
		return keys(argv[2], (uint32_t)atoi(argv[3]), (unsigned)atoi(argv[4]));
	if (argc == 8 && !strcmp(argv[1], "race"))
		return race(argv[2], atof(argv[3]), atof(argv[4]), (uint32_t)atoi(argv[5]), (unsigned)atoi(argv[6]), (unsigned)atoi(argv[7]));
	if (argc == 4 && !strcmp(argv[1], "meet"))
		return meet(argv[2], (uint32_t)atoi(argv[3]));
	if (argc == 4 && !strcmp(argv[1], "once"))
		return once(argv[2], strtoull(argv[3], NULL, 10));
	if (argc == 8 && !strcmp(argv[1], "flood"))
		return flood(argv[2], (uint32_t)atoi(argv[3]), (unsigned)atoi(argv[4]), (uint32_t)atoi(argv[5]), (uint32_t)atoi(argv[6]),
			     (unsigned)atoi(argv[7]));
	fprintf(stderr, "usage: limits live OBJECT RATE BURST TOKENS MS | keys OBJECT N ROUNDS | once OBJECT BURST | meet OBJECT N\n"
		"       limits race OBJECT RATE BURST N MS ROUNDS | flood OBJECT N MS OTHERS LEAST ROUNDS\n");
	return 2;
}
