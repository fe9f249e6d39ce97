/*
 * The process that compiles. In: a job. Out: a child that does it, and a socket to it; at the end its last words. Why there is one: LLVM aborts where
 * it cannot go on, the compiler's arena ends the process where memory is out, and neither can be taken back in the process of a caller: what they
 * held would be lost, or locked for ever.
 *
 * The child begins as a copy of the caller with the one thread that called. It uses what such a copy may use with the C library that we build for:
 * its memory (which fork() hands over whole), no lock of the caller's, and LLVM, which no process but these children ever runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "lib.h"

enum { STACK = 64 << 20, FIRST_FREE = 4, ABOVE = 16 };

struct child {
	const struct lib_job *job;
	int fd;
};

/* Its last words: without them nobody could tell why it went. */
static _Noreturn void give_up(int words, const char *why, int err)
{
	dprintf(words, "%s%s%s\n", why, err ? ": " : "", err ? strerror(err) : "");
	_exit(1);
}

/* On a stack of its own: the calling thread's may be small. Two halves, since int is all that it gets. */
static void work(unsigned high, unsigned low)
{
	const struct child *c = (const struct child *)(uintptr_t)((uint64_t)high << 32 | low);
	char go;

	/* not before the caller knows us by more than a number */
	if (lib_receive(c->fd, &go, 1, LIB_FOR_EVER))
		give_up(STDERR_FILENO, "it was not told to begin", 0);
	if (!lib_job_run(c->job, c->fd))
		give_up(STDERR_FILENO, "what it made was not taken", 0);
	_exit(0);
}

/* Descriptors: 0 and 1 nothing, 2 its words, 3 the socket, and no other. */
static bool own_descriptors(int *fd, int words)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	/* away from the numbers that are to be theirs */
	int high_fd = fcntl(*fd, F_DUPFD_CLOEXEC, ABOVE), high_words = fcntl(words, F_DUPFD_CLOEXEC, ABOVE);

	if (null < 0 || high_fd < 0 || high_words < 0)
		return false;
	null = fcntl(null, F_DUPFD_CLOEXEC, ABOVE);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(high_words, 2) < 0 || dup2(high_fd, 3) < 0)
		return false;
	*fd = 3;
	return syscall(SYS_close_range, FIRST_FREE, ~0u, 0) == 0;
}

/* The caller's handlers know nothing of this process. */
static void own_signals(void)
{
	struct sigaction plain = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		sigaction(i, &plain, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Bytes that the process has of addresses now: what it is a copy of does not count. */
static uint64_t size_now(void)
{
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	char text[32] = "";
	uint64_t pages = 0;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	for (ssize_t i = 0; i < n && text[i] >= '0' && text[i] <= '9'; i++)
		pages = pages * 10 + (uint64_t)(text[i] - '0');
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void own_limits(uint64_t memory)
{
	struct rlimit core = { 0, 0 }, space;
	uint64_t most;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &core);
	if (!memory || getrlimit(RLIMIT_AS, &space) < 0 || __builtin_add_overflow(size_now(), memory, &most))
		return;
	if (space.rlim_max == RLIM_INFINITY || most < space.rlim_max)
		space.rlim_cur = most;
	setrlimit(RLIMIT_AS, &space);
}

static _Noreturn void child(const struct lib_job *job, int fd, int words)
{
	struct child c = { job, fd };
	ucontext_t context;
	void *stack;

	own_signals();
	if (!own_descriptors(&c.fd, words))
		give_up(words, "its descriptors", errno);
	stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (stack == MAP_FAILED || getcontext(&context) < 0)
		give_up(STDERR_FILENO, "its stack", errno);
	own_limits(job->o.memory);
	context.uc_stack.ss_sp = stack;
	context.uc_stack.ss_size = STACK;
	context.uc_link = NULL;
	makecontext(&context, (void (*)(void))work, 2, (unsigned)((uint64_t)(uintptr_t)&c >> 32), (unsigned)(uintptr_t)&c);
	setcontext(&context);
	give_up(STDERR_FILENO, "its stack", errno);
}

/* Signals stay away until each side has its own handlers again. */
static pid_t split(const struct lib_job *job, int fd, int words)
{
	sigset_t all, before;
	pid_t pid;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		child(job, fd, words);
	err = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = err;
	return pid;
}

int lib_process_start(struct lib_process *p, const struct lib_job *job)
{
	int pair[2], err = 0;

	*p = (struct lib_process){ .pidfd = -1 };
	/* Another thread may be about to, and the child would wait for that for ever. */
	json_object_seed(0);
	p->words = memfd_create("xdpfc", MFD_CLOEXEC);
	if (p->words < 0)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		err = -errno;
		close(p->words);
		return err;
	}
	p->pid = split(job, pair[1], p->words);
	err = p->pid < 0 ? -errno : 0;
	close(pair[1]);
	p->fd = pair[0];
	if (err) {
		close(p->fd);
		close(p->words);
		return err;
	}
	/* It waits for us, so it is what the number means, whoever waits for children of this process. */
	p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	lib_send(p->fd, "", 1, LIB_FOR_EVER);
	return 0;
}

static void wait_for(const struct lib_process *p, siginfo_t *how)
{
	int n;

	do
		n = waitid(p->pidfd >= 0 ? (idtype_t)P_PIDFD : P_PID, (id_t)(p->pidfd >= 0 ? p->pidfd : p->pid), how, WEXITED);
	while (n < 0 && errno == EINTR);
}

void lib_process_end(struct lib_process *p, char *words, size_t room, siginfo_t *how)
{
	ssize_t n;

	/* One that is done ends by itself; one that is not has nobody to talk to. */
	close(p->fd);
	if (p->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, p->pidfd, SIGKILL, NULL, 0);
	else
		kill(p->pid, SIGKILL);
	*how = (siginfo_t){ 0 };
	wait_for(p, how);
	n = pread(p->words, words, room - 1, 0);
	words[n > 0 ? n : 0] = '\0';
	close(p->words);
	if (p->pidfd >= 0)
		close(p->pidfd);
}
