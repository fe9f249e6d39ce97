/*
 * What is to run: an object file as it is, or a rule file, which xdpfc compiles to one; of standard input, either. xdpfc stands beside this program,
 * or in PATH; its diagnostics go where ours go, and its exit status becomes ours.
 */
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"

extern char **environ;

static bool ends_in(const char *path, const char *end)
{
	size_t n = strlen(path), len = strlen(end);

	return n > len && !strcmp(path + n - len, end);
}

bool cli_is_rules(const char *path)
{
	return ends_in(path, ".xdpf");
}

void cli_compiler(char *out, size_t size)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	snprintf(out, size, "xdpfc");
	if (n <= 0)
		return;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash || (size_t)(slash - self) + sizeof("/xdpfc") > size)
		return;
	*slash = '\0';
	snprintf(out, size, "%.*s/xdpfc", (int)(slash - self), self);
	if (access(out, X_OK))
		snprintf(out, size, "xdpfc");
}

/* @out_fd: its standard output; -1: ours. */
static int start(pid_t *pid, const char *compiler, char **argv, int out_fd)
{
	posix_spawn_file_actions_t actions;
	int err = posix_spawn_file_actions_init(&actions);

	if (err)
		return err;
	if (out_fd >= 0)
		posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
	err = posix_spawnp(pid, compiler, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return err;
}

int cli_xdpfc(const struct cli *cli, char *const *args, int out_fd, const char *remedy)
{
	char compiler[PATH_MAX];
	const char *name;
	size_t n = 0;
	char **argv;
	int status, err;
	pid_t pid;

	while (args[n])
		n++;
	argv = calloc(n + 2, sizeof(*argv));
	if (!argv) {
		cli_error(cli, "out of memory");
		return EXIT_SYSTEM;
	}
	cli_compiler(compiler, sizeof(compiler));
	argv[0] = compiler;
	memcpy(argv + 1, args, n * sizeof(*argv));
	err = start(&pid, compiler, argv, out_fd);
	free(argv);
	if (err) {
		cli_error(cli, "xdpfc, which knows rules, cannot be started: %s\n%s", strerror(err), remedy);
		return EXIT_SYSTEM;
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno == EINTR)
			continue;
		cli_error(cli, "xdpfc is lost: %s", strerror(errno));
		return EXIT_SYSTEM;
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	name = sigdescr_np(WTERMSIG(status));
	cli_error(cli, "xdpfc ended by signal %d%s%s%s", WTERMSIG(status), name ? " (" : "", name ? name : "", name ? ")" : "");
	return EXIT_SYSTEM;
}

static int compile(const struct cli *cli, const char *path, int out_fd)
{
	char out[] = "-o", to[] = "-", end[] = "--", remedy[PATH_MAX + 128];
	char *args[] = { out, to, end, (char *)(uintptr_t)path, NULL };

	snprintf(remedy, sizeof(remedy), "%s is a rule file: install xdpfc, or compile where it is (xdpfc %s -o prog.o) and give prog.o", path, path);
	return cli_xdpfc(cli, args, out_fd, remedy);
}

/* In memory: so nothing is left behind where we are ended. */
static int open_rules(struct cli *cli, struct xdpf_object **out, const char *path)
{
	int fd = memfd_create("xdpf-object", MFD_CLOEXEC), status;
	char object[32];

	if (fd < 0) {
		cli_error(cli, "no file in memory can be made for the object: %s", strerror(errno));
		return EXIT_SYSTEM;
	}
	snprintf(object, sizeof(object), "/proc/self/fd/%d", fd);
	status = compile(cli, path, fd);
	if (!status)
		status = xdpf_object_open(out, object, &cli->log) ? EXIT_INPUT : 0;
	close(fd);
	return status;
}

enum { STDIN_MOST = 1 << 30, STDIN_ROOM = 1 << 16 };	/* bytes: more than any object has */

/* All of standard input into @fd. 0, or an exit status. */
static int read_stdin(struct cli *cli, int fd)
{
	char room[STDIN_ROOM];
	size_t all = 0;
	ssize_t n;

	while ((n = read(STDIN_FILENO, room, sizeof(room))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || write(fd, room, (size_t)n) != n) {
			cli_error(cli, "standard input cannot be read: %s", strerror(errno));
			return EXIT_SYSTEM;
		}
		all += (size_t)n;
		if (all > STDIN_MOST) {
			cli_error(cli, "standard input is larger than any filter: %zu bytes and more", all);
			return EXIT_INPUT;
		}
	}
	return 0;
}

/* What came there begins as an object does, or else is rules, which xdpfc reads from there again. */
static int open_stdin(struct cli *cli, struct xdpf_object **out)
{
	static const char elf[] = { 0x7f, 'E', 'L', 'F' };
	int fd = memfd_create("xdpf-stdin", MFD_CLOEXEC), status;
	char begin[sizeof(elf)], object[32];

	if (fd < 0) {
		cli_error(cli, "no file in memory can be made for the filter: %s", strerror(errno));
		return EXIT_SYSTEM;
	}
	status = read_stdin(cli, fd);
	if (!status && pread(fd, begin, sizeof(begin), 0) == sizeof(begin) && !memcmp(begin, elf, sizeof(elf))) {
		snprintf(object, sizeof(object), "/proc/self/fd/%d", fd);
		status = xdpf_object_open(out, object, &cli->log) ? EXIT_INPUT : 0;
	} else if (!status) {
		status = lseek(fd, 0, SEEK_SET) || dup2(fd, STDIN_FILENO) < 0 ? EXIT_SYSTEM : open_rules(cli, out, "-");
	}
	close(fd);
	return status;
}

int cli_one_filter(struct cli *cli, char **operands, int n)
{
	char names[512] = "";
	size_t len = 0;
	int files = 1;

	while (files < n && cli_is_rules(operands[files]))
		files++;
	if (files == 1)
		return 0;
	if (!cli_is_rules(operands[0]) && !ends_in(operands[0], ".o"))
		return cli_usage(cli, "the filter stands first: %s, and %s behind it", operands[1], operands[0]);
	for (int i = 0; i < files && len < sizeof(names); i++)
		len += (size_t)snprintf(names + len, sizeof(names) - len, " %s", operands[i]);
	return cli_usage(cli, "several files: `xdpfc%s -o prog.o` first, then give prog.o", len < sizeof(names) ? names : " FILE...");
}

int cli_open(struct cli *cli, struct xdpf_object **out, const char *path)
{
	int err;

	if (!strcmp(path, "-"))
		return open_stdin(cli, out);
	if (cli_is_rules(path))
		return open_rules(cli, out, path);
	err = xdpf_object_open(out, path, &cli->log);
	return !err ? 0 : err == -ENOMEM ? EXIT_SYSTEM : EXIT_INPUT;
}
