/*
 * A flood through a veth pair while something else happens on its other end. In: namespaces A and B, with xe0 in A and xe1 in B. Out: what left B,
 * what came past the XDP program in A, and what the programs counted that ran there.
 *
 *   flood A B apply N PATTERN XDPF COMMAND...   runs XDPF with each COMMAND (words separated by blanks) in turn, in A, N of them, under a flood
 *   flood A B watch STOP PACE                   a flood until the file STOP is there; PACE microseconds between every 4096
 *   flood A B what                              what runs on xe0 now, and its verdicts on frames to ports 1, 2 and 7777
 *   flood A B steal LINK                        gives the pinned link another program
 *
 * Frames are UDP to port 7777, made by the kernel's live-frame test run, which sends them out of xe1: what it could put into the other end's ring is
 * counted there (xdp_xmit). Every one of them is judged by an XDP program or passes to the packet socket in A. The counters of all programs that ran
 * are held until the end. PATTERN: programs whose names do not begin so are not asked.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "abi.h"

enum { PORT = 7777, FRAME = 64, BATCH = 64, MAX_MAPS = 1024, MAX_COMMANDS = 8, NO_BPF = 77 };

static int ns_a, ns_b, leak_fd = -1, stats_fd = -1, prog_fd = -1;
static volatile bool stop;
static unsigned pace;
static unsigned char frame[FRAME];

/* Counters of rules, of each program that was seen. */
static struct {
	uint32_t id;
	int fd;
} maps[MAX_MAPS];
static size_t n_maps;

static void die(const char *what)
{
	fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void enter(int ns)
{
	if (setns(ns, CLONE_NEWNET))
		die("setns");
}

static void make_frame(unsigned char *f, unsigned port)
{
	static const unsigned char head[] = {
		2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0,
		0x45, 0, 0, FRAME - 14, 0, 0, 0, 0, 64, 17, 0, 0, 10, 99, 0, 2, 10, 99, 0, 1,
		0x10, 0, 0, 0, 0, FRAME - 34, 0, 0
	};
	uint32_t sum = 0;

	memset(f, 0, FRAME);
	memcpy(f, head, sizeof(head));
	f[36] = (unsigned char)(port >> 8);
	f[37] = (unsigned char)port;
	for (int i = 14; i < 34; i += 2)
		sum += (uint32_t)(f[i] << 8 | f[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	f[24] = (unsigned char)(sum >> 8);
	f[25] = (unsigned char)sum;
}

/* ---- sending ---- */

/* "Out of where it came from", and that is xe1. */
static int load_sender(void)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_TX },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "flood", "GPL", code, 2, NULL);
}

static void on_signal(int signal)
{
	(void)signal;
}

/* The sender has the last CPU for itself, as far as we are concerned: what is asked for is a flood that does not wait for what is changed. */
static void pin_to(long cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void *send_frames(void *arg)
{
	struct xdp_md ctx = { .data_end = FRAME };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = FRAME, .ctx_in = &ctx, .ctx_size_in = sizeof(ctx),
		    .repeat = pace ? 1 << 12 : INT_MAX, .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);

	(void)arg;
	pin_to(sysconf(_SC_NPROCESSORS_ONLN) - 1);
	enter(ns_b);
	ctx.ingress_ifindex = if_nametoindex("xe1");
	while (!stop) {
		if (bpf_prog_test_run_opts(prog_fd, &run) && errno != EINTR)
			die("live frames");
		if (pace)
			usleep(pace);
	}
	return NULL;
}

/* What xe1 put into the ring of xe0. */
static uint64_t sent(void)
{
	static struct ethtool_gstrings *names;
	static struct ethtool_stats *values;
	struct ifreq req = { .ifr_name = "xe1" };
	uint64_t sum = 0;

	if (!names) {
		/* one number behind it */
		_Alignas(struct ethtool_sset_info) char room[sizeof(struct ethtool_sset_info) + sizeof(uint32_t)] = { 0 };
		struct ethtool_sset_info *ask = (struct ethtool_sset_info *)room;
		uint32_t n;

		ask->cmd = ETHTOOL_GSSET_INFO;
		ask->sset_mask = 1ull << ETH_SS_STATS;
		req.ifr_data = room;
		if (ioctl(stats_fd, SIOCETHTOOL, &req))
			die("the sender's statistics");
		n = ask->data[0];
		names = calloc(1, sizeof(*names) + n * ETH_GSTRING_LEN);
		values = calloc(1, sizeof(*values) + n * sizeof(uint64_t));
		if (!names || !values)
			die("statistics");
		*names = (struct ethtool_gstrings){ .cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_STATS, .len = n };
		req.ifr_data = (char *)names;
		if (ioctl(stats_fd, SIOCETHTOOL, &req))
			die("the names of the sender's statistics");
	}
	values->cmd = ETHTOOL_GSTATS;
	values->n_stats = names->len;
	req.ifr_data = (char *)values;
	if (ioctl(stats_fd, SIOCETHTOOL, &req))
		die("the sender's statistics");
	for (uint32_t i = 0; i < names->len; i++) {
		const char *name = (const char *)names->data + i * ETH_GSTRING_LEN, *end = strstr(name, "_xdp_xmit");

		if (!strncmp(name, "tx_queue_", 9) && end && !end[9])
			sum += values->data[i];
	}
	return sum;
}

/* ---- what comes through ---- */

static void open_leak(void)
{
	/* UDP over IPv4 to PORT; the socket counts what it has no room for, too */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 36),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PORT, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 64),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { 4, code };
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = (int)if_nametoindex("xe0") };

	leak_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (leak_fd < 0 || setsockopt(leak_fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) ||
	    bind(leak_fd, (struct sockaddr *)&to, sizeof(to)))
		die("the socket that sees what comes through");
}

static uint64_t leaked(void)
{
	static uint64_t total;
	struct tpacket_stats s = { 0 };
	socklen_t len = sizeof(s);

	if (getsockopt(leak_fd, SOL_PACKET, PACKET_STATISTICS, &s, &len))
		die("the socket's statistics");
	return total += s.tp_packets;
}

/* ---- programs and their counters ---- */

static void hold_maps(uint32_t prog_id, const char *pattern)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info), ids[256];
	int fd = bpf_prog_get_fd_by_id(prog_id);

	info.map_ids = (uint64_t)(uintptr_t)ids;
	info.nr_map_ids = 256;
	if (fd < 0)
		return;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) || (pattern && strncmp(info.name, pattern, strlen(pattern))))
		info.nr_map_ids = 0;
	close(fd);
	for (uint32_t i = 0; i < info.nr_map_ids; i++) {
		struct bpf_map_info m = { 0 };
		uint32_t size = sizeof(m);
		size_t k = 0;

		while (k < n_maps && maps[k].id != ids[i])
			k++;
		if (k < n_maps)
			continue;
		fd = bpf_map_get_fd_by_id(ids[i]);
		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &m, &size) || strcmp(m.name, XDPF_MAP_RULES) || n_maps == MAX_MAPS)
			close(fd);
		else
			maps[n_maps++] = (__typeof__(maps[0])){ ids[i], fd };
	}
}

/* Those that run now, and those that are about to: all of the pattern's. */
static void hold_all(const char *pattern)
{
	for (uint32_t id = 0; !bpf_prog_get_next_id(id, &id);)
		hold_maps(id, pattern);
}

static uint64_t counted(void)
{
	int cpus = libbpf_num_possible_cpus();
	struct xdpf_counter *c = calloc((size_t)cpus, sizeof(*c));
	uint64_t sum = 0;

	for (size_t i = 0; c && i < n_maps; i++) {
		struct bpf_map_info m = { 0 };
		uint32_t size = sizeof(m);

		if (bpf_obj_get_info_by_fd(maps[i].fd, &m, &size) || m.value_size != sizeof(*c))
			die("a program's counters");
		for (uint32_t k = 0; k < m.max_entries; k++) {
			if (bpf_map_lookup_elem(maps[i].fd, &k, c))
				die("a counter");
			for (int cpu = 0; cpu < cpus; cpu++)
				sum += c[cpu].packets;
		}
	}
	free(c);
	return sum;
}

/* ---- what it is called for ---- */

static int run(char *xdpf, char *command)
{
	char *argv[32] = { xdpf }, *rest = strdup(command);
	int n = 1, status;
	pid_t pid;

	for (char *word = strtok(rest, " "); word && n < 31; word = strtok(NULL, " "))
		argv[n++] = word;
	pid = fork();
	if (!pid) {
		if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
			pin_to(0);
		enter(ns_a);
		execv(xdpf, argv);
		_exit(127);
	}
	free(rest);
	return pid < 0 || waitpid(pid, &status, 0) < 0 ? -1 : status;
}

/* Without it a veth without XDP takes no frames of this kind at all, and a leak would not be seen. */
static void take_all(void)
{
	struct ethtool_value gro = { .cmd = ETHTOOL_SGRO, .data = 1 };
	struct ifreq req = { .ifr_name = "xe0", .ifr_data = (char *)&gro };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCETHTOOL, &req))
		die("GRO on xe0");
	close(fd);
}

static pthread_t start(void)
{
	pthread_t sender;

	prog_fd = load_sender();
	if (prog_fd < 0)
		exit(NO_BPF);
	make_frame(frame, PORT);
	enter(ns_a);
	take_all();
	open_leak();
	enter(ns_b);
	stats_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (pthread_create(&sender, NULL, send_frames, NULL))
		die("a thread");
	return sender;
}

static void finish(pthread_t sender)
{
	struct timespec moment = { 0, 10000000 };
	struct timespec until;

	/* a test run goes on until a signal comes */
	for (stop = true;; nanosleep(&moment, NULL)) {
		pthread_kill(sender, SIGUSR1);
		clock_gettime(CLOCK_REALTIME, &until);
		if (!pthread_timedjoin_np(sender, NULL, &until))
			break;
	}
	usleep(200000);		/* what is in the ring is judged, too */
}

static int apply(int n, const char *pattern, char *xdpf, char **command, int n_commands)
{
	uint64_t from = sent(), first, before, was_leaked;
	double least = 1e18, at;
	int failed = 0;
	pthread_t sender;

	hold_all(pattern);
	first = counted();
	sender = start();
	usleep(300000);
	for (int i = 0; i < n; i++) {
		uint64_t through = leaked();
		double rate;

		before = sent();
		at = now();
		if (run(xdpf, command[i % n_commands]))
			failed++;
		/* at least so long that a rate means something */
		while (now() - at < 0.05)
			usleep(5000);
		rate = (double)(sent() - before) / (now() - at);
		least = rate < least ? rate : least;
		hold_all(pattern);
		was_leaked = leaked() - through;
		printf("%3d %-40s %10.0f packets/s, %llu through\n", i + 1, command[i % n_commands], rate, (unsigned long long)was_leaked);
	}
	finish(sender);
	printf("{\"commands\": %d, \"failed\": %d, \"sent\": %llu, \"counted\": %llu, \"through\": %llu, \"least\": %.0f, \"programs\": %zu}\n", n,
	       failed, (unsigned long long)(sent() - from), (unsigned long long)(counted() - first), (unsigned long long)leaked(), least, n_maps);
	return 0;
}

static int watch(const char *file)
{
	uint64_t from = sent();
	pthread_t sender = start();
	struct stat st;

	while (stat(file, &st))
		usleep(10000);
	finish(sender);
	printf("{\"sent\": %llu, \"through\": %llu}\n", (unsigned long long)(sent() - from), (unsigned long long)leaked());
	return 0;
}

static int steal(const char *path)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int link = bpf_obj_get(path), thief;
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_XDP);

	thief = bpf_prog_load(BPF_PROG_TYPE_XDP, "thief", "GPL", code, 2, &opts);

	if (link < 0 || thief < 0 || bpf_link_update(link, thief, NULL))
		die(path);
	return 0;
}

static int what(void)
{
	static const unsigned ports[] = { 1, 2, PORT };
	static const char *const names[] = { "abort", "drop", "pass", "tx", "redirect" };
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info), id = 0;
	int fd;

	enter(ns_a);
	if (bpf_xdp_query_id((int)if_nametoindex("xe0"), 0, &id) || !id) {
		printf("none\n");
		return 0;
	}
	fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		die("the program on xe0");
	printf("%s", info.name);
	for (int i = 0; i < 3; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, test, .data_in = frame, .data_size_in = FRAME);

		make_frame(frame, ports[i]);
		if (bpf_prog_test_run_opts(fd, &test) || test.retval > XDP_REDIRECT)
			die("a test run");
		printf(" %s", names[test.retval]);
	}
	printf("\n");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = on_signal }, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	ns_a = open(argv[1], O_RDONLY | O_CLOEXEC);
	ns_b = open(argv[2], O_RDONLY | O_CLOEXEC);
	if (ns_a < 0 || ns_b < 0)
		die("the namespaces");
	enter(ns_b);
	stats_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (!strcmp(argv[3], "apply") && argc > 7)
		return apply(atoi(argv[4]), argv[5], argv[6], argv + 7, argc - 7);
	if (!strcmp(argv[3], "watch") && argc == 6) {
		pace = (unsigned)atoi(argv[5]);
		return watch(argv[4]);
	}
	if (!strcmp(argv[3], "steal") && argc == 5)
		return steal(argv[4]);
	return !strcmp(argv[3], "what") ? what() : 2;
}
