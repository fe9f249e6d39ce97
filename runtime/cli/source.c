/*
 * What is to run: an object file as it is, or a rule file, which xdpfc compiles to one. xdpfc stands beside this program, or
 * in PATH; its diagnostics go where ours go, and its exit status becomes ours.
 */
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
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

int cli_xdpfc(const struct cli *cli, char *const *args, const char *remedy)
{
	char compiler[PATH_MAX];
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
	err = posix_spawnp(&pid, compiler, NULL, NULL, argv, environ);
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
	cli_error(cli, "xdpfc ended by signal %d", WTERMSIG(status));
	return EXIT_SYSTEM;
}

static int compile(const struct cli *cli, const char *path, char *object)
{
	char out[] = "-o", end[] = "--", remedy[PATH_MAX + 128];
	char *args[] = { out, object, end, (char *)(uintptr_t)path, NULL };

	snprintf(remedy, sizeof(remedy), "%s is a rule file: install xdpfc, or compile where it is (xdpfc %s -o prog.o) and give prog.o", path, path);
	return cli_xdpfc(cli, args, remedy);
}

static int open_rules(struct cli *cli, struct xdpf_object **out, const char *path)
{
	const char *tmp = getenv("TMPDIR");
	char dir[PATH_MAX - 16], object[PATH_MAX];
	int status;

	if (snprintf(dir, sizeof(dir), "%s/xdpf-XXXXXX", tmp && *tmp ? tmp : "/tmp") >= (int)sizeof(dir) || !mkdtemp(dir)) {
		cli_error(cli, "no temporary directory can be made in %s: %s", tmp && *tmp ? tmp : "/tmp", strerror(errno));
		return EXIT_SYSTEM;
	}
	snprintf(object, sizeof(object), "%s/prog.o", dir);
	status = compile(cli, path, object);
	if (!status)
		status = xdpf_object_open(out, object, &cli->log) ? EXIT_INPUT : 0;
	unlink(object);
	rmdir(dir);
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
		return cli_usage(cli, "a filter is not read from standard input: `xdpfc - -o prog.o` first, then give prog.o");
	if (cli_is_rules(path))
		return open_rules(cli, out, path);
	err = xdpf_object_open(out, path, &cli->log);
	return !err ? 0 : err == -ENOMEM ? EXIT_SYSTEM : EXIT_INPUT;
}
