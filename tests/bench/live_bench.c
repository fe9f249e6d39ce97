/*
 * Packets through veth, and what they cost on the other end. In come commands, a line each; out goes a line of JSON for each. Who measures what
 * beside what, and in which order, is said by live.py.
 *
 *   frames CAPTURE              what is sent from now on
 *   load NAME floor             a program that is only `return XDP_DROP`
 *   load NAME ours OBJECT       ours, as `xdpf apply` loads it
 *   load NAME c OBJECT          an object that has a program "filter"
 *   fill NAME MAP FILE          gives a map of it keys, from a file in which one stands behind the other; their values are ones
 *   unload NAME
 *   pair NAME A NETNS B         a veth pair: frames go out of A, and arrive at B, which is in a network namespace ("-": this one)
 *   turn PAIR PROGRAM WARM MS   sends for WARM and then MS milliseconds, or more until some packets have come; the program stands at B.
 *                               "-": what stands there already does, and where that is no XDP program, one that is only `return XDP_PASS`,
 *                               which counts what arrives
 *
 * A turn says how many packets the program got in MS, what its run-time statistics count for them, and the time on the CPU of the thread that
 * receives there: B must be set to threaded NAPI, between its "pair" and its first turn. Sender and receiver share the last CPU, and the receiver
 * runs behind every batch of frames: nothing is lost between them, and what waking up costs is the same for fast and slow programs. On two CPUs
 * a fast receiver would sleep the more often the faster it is. Both come before what else wants that CPU: a program that is interrupted finds other
 * processes' memory in its cache.
 */
#include "live_bench.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

enum { MAX_PROGRAMS = 256, MAX_PAIRS = 64, MAX_WORDS = 6, MAX_WAITS = 50, LEAST_PACKETS = 512, FIRST = -20, NO_BPF = 77 };

struct pair {
	char name[64];
	uint32_t a;		/* ifindex */
	char b[IF_NAMESIZE];
	int netns;		/* -1: this one */
	int link;		/* -1: the program there is not ours */
	int fd;			/* of the program that is there */
	pid_t receiver;
};

struct entry {
	char name[64];
	struct program prog;	/* .name NULL: free */
};

static struct entry programs[MAX_PROGRAMS];
static struct pair pairs[MAX_PAIRS];
static unsigned n_pairs;
static int own_netns, pass_fd;

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The CPU time of a process, as pthread_getcpuclockid() makes clocks. */
static clockid_t clock_of(pid_t pid)
{
	return (clockid_t)(~(unsigned)pid << 3 | 2);
}

static void on_signal(int signal)
{
	(void)signal;
}

static void wait_for(double duration)
{
	struct timespec t = { (time_t)duration, (long)((duration - (double)(time_t)duration) * 1e9) };

	nanosleep(&t, NULL);
}

/* ---- programs ---- */

static struct entry *find_program(const char *name)
{
	for (int i = 0; i < MAX_PROGRAMS; i++)
		if (programs[i].prog.name && !strcmp(programs[i].name, name))
			return &programs[i];
	return NULL;
}

static json_t *do_load(char **word)
{
	double start = seconds(CLOCK_MONOTONIC), took;
	struct entry *e = programs;
	struct size size;
	bool ok;

	if (find_program(word[1]))
		return refuse("there is a program %s already", word[1]);
	while (e < programs + MAX_PROGRAMS && e->prog.name)
		e++;
	if (e == programs + MAX_PROGRAMS)
		return refuse("more programs than there is room for");
	if (!strcmp(word[2], "floor"))
		ok = program_floor(&e->prog);
	else if (!word[3])
		return refuse("which object?");
	else
		ok = !strcmp(word[2], "ours") ? program_ours(&e->prog, word[3]) : program_theirs(&e->prog, word[3]);
	took = seconds(CLOCK_MONOTONIC) - start;
	if (!ok || !program_size(&e->prog, &size)) {
		program_free(&e->prog);
		e->prog.name = NULL;
		return refuse("it does not load");
	}
	snprintf(e->name, sizeof(e->name), "%s", word[1]);
	return json_pack("{s:f, s:i, s:i, s:i}", "seconds", took, "xlated", (int)size.xlated, "jited", (int)size.jited,
			 "verified", (int)size.verified);
}

static json_t *do_unload(char **word)
{
	struct entry *e = find_program(word[1]);

	if (!e)
		return refuse("no program %s", word[1]);
	program_free(&e->prog);
	e->prog.name = NULL;
	return json_object();
}

static json_t *fill(int fd, FILE *f, const char *path)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info), total = 0;
	unsigned char *keys, *values;
	const size_t batch = 4096;
	json_t *answer = NULL;
	size_t n;

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return refuse("%s", strerror(errno));
	keys = malloc(batch * info.key_size);
	values = malloc(batch * info.value_size);
	if (values)
		memset(values, 1, batch * info.value_size);
	while (!answer && keys && values && (n = fread(keys, info.key_size, batch, f))) {
		uint32_t count = (uint32_t)n;

		if (bpf_map_update_batch(fd, keys, values, &count, NULL))
			answer = refuse("%s: element %u: %s", path, total + count + 1, strerror(errno));
		total += count;
	}
	free(keys);
	free(values);
	return answer ? answer : json_pack("{s:i}", "elements", (int)total);
}

static json_t *do_fill(char **word)
{
	struct entry *e = find_program(word[1]);
	struct bpf_map *map = e && e->prog.theirs ? bpf_object__find_map_by_name(e->prog.theirs, word[2]) : NULL;
	FILE *f = map ? fopen(word[3], "rb") : NULL;
	json_t *answer;

	if (!f)
		return refuse("%s: no such program, map or file", word[1]);
	answer = fill(bpf_map__fd(map), f, word[3]);
	fclose(f);
	return answer;
}

/* ---- pairs ---- */

static struct pair *find_pair(const char *name)
{
	for (unsigned i = 0; i < n_pairs; i++)
		if (!strcmp(pairs[i].name, name))
			return &pairs[i];
	return NULL;
}

/* The kernel thread that polls @dev, or 0. */
static pid_t receiver_of(const char *dev)
{
	char want[32], comm[32], path[64];
	struct dirent *entry;
	DIR *proc = opendir("/proc");
	pid_t found = 0;

	snprintf(want, sizeof(want), "napi/%s-", dev);
	while (proc && !found && (entry = readdir(proc))) {
		FILE *f;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/comm", entry->d_name);
		f = fopen(path, "r");
		if (f && fgets(comm, sizeof(comm), f) && !strncmp(comm, want, strlen(want)))
			found = atoi(entry->d_name);
		if (f)
			fclose(f);
	}
	if (proc)
		closedir(proc);
	return found;
}

/* In B's namespace: the program that is there, or one that only lets everything pass. */
static json_t *stand(struct pair *p)
{
	uint32_t ifindex = if_nametoindex(p->b), id = 0;

	if (!ifindex || bpf_xdp_query_id((int)ifindex, 0, &id))
		return refuse("%s: %s", p->b, strerror(errno));
	if (id) {
		p->fd = bpf_prog_get_fd_by_id(id);
		return p->fd < 0 ? refuse("%s: its program: %s", p->b, strerror(errno)) : NULL;
	}
	p->link = bpf_link_create(pass_fd, (int)ifindex, BPF_XDP, NULL);
	p->fd = pass_fd;
	return p->link < 0 ? refuse("%s: %s", p->b, strerror(errno)) : NULL;
}

static json_t *do_pair(char **word)
{
	struct pair *p = &pairs[n_pairs];
	json_t *wrong;
	char path[128];

	if (n_pairs == MAX_PAIRS)
		return refuse("more pairs than there is room for");
	*p = (struct pair){ .a = if_nametoindex(word[2]), .netns = -1, .link = -1 };
	if (!p->a)
		return refuse("%s: %s", word[2], strerror(errno));
	snprintf(p->name, sizeof(p->name), "%s", word[1]);
	snprintf(p->b, sizeof(p->b), "%s", word[4]);
	snprintf(path, sizeof(path), "/run/netns/%s", word[3]);
	if (strcmp(word[3], "-")) {
		p->netns = open(path, O_RDONLY | O_CLOEXEC);
		if (p->netns < 0 || setns(p->netns, 0))
			return refuse("%s: %s", path, strerror(errno));
	}
	wrong = stand(p);
	if (p->netns >= 0 && setns(own_netns, 0))
		return refuse("no way back: %s", strerror(errno));
	if (wrong)
		return wrong;
	n_pairs++;
	return json_object();
}

/* ---- turns ---- */

struct reading {
	uint64_t packets, run_ns;
	double cpu;
};

static bool read_now(const struct pair *p, struct reading *r)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(p->fd, &info, &len))
		return false;
	*r = (struct reading){ info.run_cnt, info.run_time_ns, seconds(clock_of(p->receiver)) };
	return true;
}

/* Setting a run up takes a while, longer where others have the processors; false: nothing has come for ten seconds. */
static bool wait_for_first(const struct pair *p)
{
	struct reading before, now;

	if (!read_now(p, &before))
		return false;
	for (int i = 0; i < 10000; i++) {
		wait_for(0.001);
		if (!read_now(p, &now))
			return false;
		if (now.packets != before.packets)
			return true;
	}
	errno = ETIMEDOUT;
	return false;
}

/* A device that receives for a program can be set to threaded NAPI, not before; so its thread is looked for late. */
static bool find_receiver(struct pair *p)
{
	if (p->receiver)
		return true;
	p->receiver = receiver_of(p->b);
	if (p->receiver) {
		pin(p->receiver);
		setpriority(PRIO_PROCESS, (id_t)p->receiver, FIRST);
	}
	return p->receiver;
}

static json_t *do_turn(char **word)
{
	struct pair *p = find_pair(word[1]);
	struct entry *e = strcmp(word[2], "-") ? find_program(word[2]) : NULL;
	struct reading before, after;
	void *wrong = NULL;
	pthread_t thread;
	bool ok;

	if (!p || (!e && strcmp(word[2], "-")))
		return refuse("no such pair or program");
	if (!find_receiver(p))
		return refuse("%s: no thread receives there: it is not set to threaded NAPI", p->b);
	if (e) {
		if (p->link < 0 || bpf_link_update(p->link, e->prog.fd, NULL))
			return refuse("%s: %s", e->name, p->link < 0 ? "something else stands there" : strerror(errno));
		p->fd = e->prog.fd;
	}
	if (!sender_aim(p->a) || pthread_create(&thread, NULL, sender_run, NULL))
		return refuse("the sender: no frames, or %s", strerror(errno));
	ok = wait_for_first(p);
	wait_for(atof(word[3]) / 1000);
	ok = read_now(p, &before) && ok;
	/* on a busy machine nothing may come for a while */
	for (int i = 0; i < MAX_WAITS && ok && (!i || after.packets - before.packets < LEAST_PACKETS); i++) {
		wait_for(atof(word[4]) / 1000);
		ok = read_now(p, &after);
	}
	/* a signal that comes before the run has begun does not end it */
	while (pthread_tryjoin_np(thread, &wrong) == EBUSY) {
		pthread_kill(thread, SIGUSR1);
		wait_for(0.001);
	}
	if (!ok || wrong)
		return refuse("the sender: %s", wrong ? (const char *)wrong : strerror(errno));
	return json_pack("{s:I, s:I, s:f}", "packets", (json_int_t)(after.packets - before.packets), "run_ns",
			 (json_int_t)(after.run_ns - before.run_ns), "cpu_ns", (after.cpu - before.cpu) * 1e9);
}

/* ---- commands ---- */

static json_t *do_frames(char **word)
{
	return sender_frames(word[1]);
}

static const struct command {
	const char *name;
	json_t *(*run)(char **word);
	int least;			/* words, with the name */
} commands[] = {
	{ "frames", do_frames, 2 }, { "load", do_load, 3 }, { "unload", do_unload, 2 }, { "fill", do_fill, 4 }, { "pair", do_pair, 5 },
	{ "turn", do_turn, 5 },
};

static json_t *command(char *line)
{
	char *word[MAX_WORDS] = { 0 }, *save = NULL;
	int n = 0;

	for (char *w = strtok_r(line, " \n", &save); w && n < MAX_WORDS; w = strtok_r(NULL, " \n", &save))
		word[n++] = w;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (n >= commands[i].least && !strcmp(word[0], commands[i].name))
			return commands[i].run(word);
	return refuse("no such command");
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, fmt, args) : 0;
}

static int load_pass(void)
{
	static const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS }, { .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_XDP);

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "arrived", "GPL", pass, 2, &opts);
}

int main(int argc, char **argv)
{
	static char line[4096];

	if (argc != 2) {
		fprintf(stderr, "usage: xdpf_live_bench SENDER.o <COMMANDS\n");
		return 2;
	}
	libbpf_set_print(quiet);
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = on_signal }, NULL);
	sender_object(argv[1]);
	setpriority(PRIO_PROCESS, 0, FIRST);
	own_netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	pass_fd = load_pass();
	if (pass_fd < 0 || bpf_enable_stats(BPF_STATS_RUN_TIME) < 0) {
		fprintf(stderr, "bench: the kernel takes no programs from us, or counts no times: %s\n", strerror(errno));
		return NO_BPF;
	}
	while (fgets(line, sizeof(line), stdin)) {
		json_t *answer = command(line);

		json_dumpf(answer, stdout, JSON_COMPACT);
		json_decref(answer);
		putchar('\n');
		fflush(stdout);
	}
	return 0;
}
