/*
 * Ends a command at its N-th system call, before that is made. In: N, and a command. Out: how many it made until then. With its children: they are
 * ended, too.
 *
 * usage: killer N [-c] [-s CALL[:NTH] HOOK] COMMAND...     N 0: it is let go on to its end
 *
 * -c counts only calls that change something which others see: programs, maps, links and pins, directories, locks; and the end.
 * -s runs HOOK, a shell command, before the first, or NTH, bpf call number CALL (enum bpf_cmd), and goes on then.
 * Prints "ended N" or "done N": the number of calls counted; exits with the command's status, or 137.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_TASKS = 64 };

static pid_t tasks[MAX_TASKS];
static size_t n_tasks;

static void remember(pid_t pid)
{
	for (size_t i = 0; i < n_tasks; i++)
		if (tasks[i] == pid)
			return;
	if (n_tasks < MAX_TASKS)
		tasks[n_tasks++] = pid;
}

static void forget(pid_t pid)
{
	for (size_t i = 0; i < n_tasks; i++)
		if (tasks[i] == pid)
			tasks[i] = tasks[--n_tasks];
}

static bool changes(const struct __ptrace_syscall_info *info)
{
	switch (info->entry.nr) {
	case SYS_bpf:
		switch (info->entry.args[0]) {
		case BPF_MAP_UPDATE_ELEM: case BPF_MAP_DELETE_ELEM: case BPF_PROG_LOAD: case BPF_OBJ_PIN: case BPF_LINK_CREATE: case BPF_LINK_UPDATE:
		case BPF_LINK_DETACH: case BPF_PROG_BIND_MAP: case BPF_MAP_UPDATE_BATCH: case BPF_MAP_DELETE_BATCH:
			return true;
		}
		return false;
	case SYS_mkdir: case SYS_mkdirat: case SYS_rmdir: case SYS_unlink: case SYS_unlinkat: case SYS_rename: case SYS_renameat: case SYS_renameat2:
	case SYS_mount: case SYS_flock: case SYS_exit_group:
		return true;
	}
	return false;
}

static int end_all(unsigned long n)
{
	for (size_t i = 0; i < n_tasks; i++)
		kill(tasks[i], SIGKILL);
	while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
		;
	printf("ended %lu\n", n);
	return 137;
}

static int trace(pid_t first, unsigned long end, bool only_changes, long call, long nth, const char *hook)
{
	unsigned long n = 0;
	int status, code = 1;

	for (;;) {
		struct __ptrace_syscall_info info;
		pid_t pid = waitpid(-1, &status, __WALL);
		int deliver = 0;

		if (pid < 0)
			break;
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			forget(pid);
			if (pid == first)
				code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
			continue;
		}
		remember(pid);
		if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
			if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0 && info.op == PTRACE_SYSCALL_INFO_ENTRY &&
			    (!only_changes || changes(&info))) {
				if (++n == end)
					return end_all(n);
				if (hook && info.entry.nr == SYS_bpf && (long)info.entry.args[0] == call && !--nth) {
					const char *once = hook;

					hook = NULL;
					if (system(once))
						fprintf(stderr, "killer: the hook failed\n");
				}
			}
		} else if (WSTOPSIG(status) != SIGTRAP && WSTOPSIG(status) != SIGSTOP) {
			deliver = WSTOPSIG(status);
		}
		ptrace(PTRACE_SYSCALL, pid, 0, deliver);
	}
	printf("done %lu\n", n);
	return code;
}

int main(int argc, char **argv)
{
	unsigned long end = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
	const char *hook = NULL;
	bool only_changes = false;
	long call = -1, nth = 1;
	int at = 2, status;
	pid_t pid;

	for (; at < argc && argv[at][0] == '-'; at++) {
		only_changes |= !strcmp(argv[at], "-c");
		if (!strcmp(argv[at], "-s") && at + 2 < argc) {
			char *rest;

			call = strtol(argv[++at], &rest, 10);
			nth = *rest == ':' ? atol(rest + 1) : 1;
			hook = argv[++at];
		}
	}
	if (at >= argc)
		return 2;
	pid = fork();
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		execvp(argv[at], argv + at);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return 2;
	remember(pid);
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
	       PTRACE_O_TRACEEXEC);
	ptrace(PTRACE_SYSCALL, pid, 0, 0);
	return trace(pid, end, only_changes, call, nth, hook);
}
