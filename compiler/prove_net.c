/*
 * The original's own engine. In: packets. Out: whether each got through the chain, in the kernel. A child takes a network namespace of its own, so
 * nothing of the machine's own network is touched and nothing is left behind; in it every address is local, and each interface that a rule
 * names is one end of a veth pair, into whose other end the packets are sent.
 */
#include "prove_net.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- the namespace ---- */

static bool set(const char *path, const char *value, char *why)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, value, 1) == 1;

	if (fd >= 0)
		close(fd);
	if (!ok)
		snprintf(why, PROVE_WHY, "%s cannot be set: %s", path, strerror(errno));
	return ok;
}

/* Addresses of all kinds are taken in, and nothing is asked of neighbours. */
static bool settings(char *why)
{
	static const char *const of[][2] = {
		{ "/proc/sys/net/ipv4/conf/all/rp_filter", "0" }, { "/proc/sys/net/ipv4/conf/default/rp_filter", "0" },
		{ "/proc/sys/net/ipv4/conf/default/accept_local", "1" }, { "/proc/sys/net/ipv4/conf/all/accept_local", "1" },
		{ "/proc/sys/net/ipv4/conf/default/route_localnet", "1" }, { "/proc/sys/net/ipv4/conf/all/route_localnet", "1" },
		/* The other ends would send reports of multicast groups, which come in like packets of the proof. */
		{ "/proc/sys/net/ipv6/conf/default/disable_ipv6", "1" },
		{ "/proc/sys/net/ipv6/conf/default/accept_dad", "0" }, { "/proc/sys/net/ipv6/conf/default/accept_ra", "0" },
		{ "/proc/sys/net/ipv6/conf/default/router_solicitations", "0" },
	};

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		if (!set(of[i][0], of[i][1], why))
			return false;
	return true;
}

static bool links(const struct prove *pr, char *why)
{
	static const char *const argv[] = { "ip", "-batch", "-", NULL };
	char *batch = NULL;
	size_t len;
	FILE *f = arena_stream(&batch, &len);
	bool ok;

	for (size_t i = 0; i < pr->n_ifaces; i++) {
		fprintf(f, "link add %s address 02:00:00:00:00:02 type veth peer name xdpfpeer%zu\n", pr->iface[i], i);
		fprintf(f, "link set %s up\nlink set xdpfpeer%zu up\n", pr->iface[i], i);
	}
	fputs("link set lo up\nroute add local 0.0.0.0/0 dev lo\nroute add local ::/0 dev lo\n", f);
	arena_stream_close(f, &batch);
	ok = prove_run(argv, batch, len, NULL, why);
	free(batch);
	for (size_t i = 0; i < pr->n_ifaces && ok; i++) {
		char path[80];

		snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", pr->iface[i]);
		ok = set(path, "0", why);
	}
	return ok;
}

/* ---- the packets ---- */

static int open_sender(size_t i, char *why)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	char name[32];

	snprintf(name, sizeof(name), "xdpfpeer%zu", i);
	to.sll_ifindex = (int)if_nametoindex(name);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	snprintf(why, PROVE_WHY, "packets cannot be sent into %s: %s", name, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Frames that are too short or long for the interface are not sent, and so not seen. */
static bool send_one(int fd, const uint8_t *data, size_t len)
{
	return send(fd, data, len, 0) >= 0 || errno == EINVAL || errno == EMSGSIZE || errno == ENOBUFS;
}

/* When it is, after @pause. */
static uint64_t wait_for(uint64_t pause)
{
	struct timespec t = { .tv_sec = (time_t)(pause / 1000000000u), .tv_nsec = (long)(pause % 1000000000u) };

	while (pause && nanosleep(&t, &t) != 0 && errno == EINTR)
		;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Each goes with its number as the mark: a veth pair within one namespace keeps it. Those that have a time are first: limits are full then. */
static bool send_all(const struct prove *pr, struct prove_shared *s)
{
	const size_t n_ifaces = pr->n_ifaces;
	int fd[PROVE_IFACES];
	size_t n = 0;
	bool ok = true;

	KNOWN(n_ifaces);		/* the one that every packet comes by where none is named */
	while (n < n_ifaces && ok) {
		fd[n] = open_sender(n, s->why);
		ok = fd[n] >= 0;
		n += ok;
	}
	for (size_t i = 0; i < pr->timed.n + pr->n && ok; i++) {
		bool timed = i < pr->timed.n;
		size_t number = timed ? pr->n + i : i - pr->timed.n;
		const struct prove_packet *p = timed ? &pr->timed.v[i] : &pr->packet[number];
		uint32_t mark = (uint32_t)number + 1;
		size_t at = 0;

		while (at + 1 < n_ifaces && strcmp(pr->iface[at], p->iface) != 0)
			at++;
		ok = setsockopt(fd[at], SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) == 0;
		if (timed)
			s->sent[i] = wait_for(p->pause);
		for (size_t j = 0; j < p->piece.n && ok; j++)
			ok = send_one(fd[at], p->piece.v[j].data, p->piece.v[j].len);
		if (!p->piece.n)
			ok = ok && send_one(fd[at], p->data, p->len);
		if (!ok)
			snprintf(s->why, PROVE_WHY, "packet %zu cannot be sent: %s", number + 1, strerror(errno));
	}
	while (n)
		close(fd[--n]);
	return ok;
}

static bool inside(const struct prove *pr, struct prove_shared *s)
{
	if (unshare(CLONE_NEWNET) != 0) {
		snprintf(s->why, PROVE_WHY, errno == EPERM ? "needs root: the original runs in a network namespace of its own (%s)" :
			 "a network namespace cannot be made: %s", strerror(errno));
		return false;
	}
	return settings(s->why) && links(pr, s->why) && prove_rules(pr, s->why) && prove_watch(pr, s->why) && send_all(pr, s) &&
	       prove_watched(pr, s);
}

bool prove_net(struct prove *pr)
{
	size_t all = pr->n + pr->timed.n, times = (sizeof(struct prove_shared) + all + 7) / 8 * 8, len = times + pr->timed.n * sizeof(uint64_t);
	struct prove_shared *s = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = -1, err;
	char ended[64];
	bool ok;
	pid_t pid;

	if (s == MAP_FAILED) {
		pr->why = "out of memory";
		return false;
	}
	s->sent = (uint64_t *)(void *)((char *)s + times);
	pid = fork();
	if (pid == 0)
		_Exit(inside(pr, s) ? 0 : 1);
	ok = pid > 0;
	while (ok && waitpid(pid, &status, 0) < 0)
		ok = errno == EINTR;
	err = errno;
	if (!ok)
		snprintf(s->why, PROVE_WHY, "a process for the original cannot be %s: %s", pid > 0 ? "waited for" : "made", strerror(err));
	else if (status && !*s->why)
		snprintf(s->why, PROVE_WHY, "the process that ran the original ended %s, and said nothing", prove_ended(status, ended));
	ok = ok && status == 0;
	for (size_t i = 0; ok && i < pr->n; i++)
		pr->packet[i].original = (enum prove_verdict)s->verdict[i];
	for (size_t i = 0; ok && i < pr->timed.n; i++) {
		pr->timed.v[i].original = (enum prove_verdict)s->verdict[pr->n + i];
		pr->timed.v[i].sent = s->sent[i];
	}
	if (!ok)
		pr->why = arena_printf(pr->arena, "%s", s->why);
	munmap(s, len);
	return ok;
}
