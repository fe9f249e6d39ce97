/*
 * Allocations that fail, for programs that load this before the C library. In: the environment. Out: a line in FAILING_LOG for each that failed.
 *
 *   FAILING_AT=N       the N-th fails, once; "failed N" is written, or, at the end, "counted N" where there were fewer
 *   FAILING_AT=list    none fails: "chosen N" for each that is worth it
 *   FAILING_AT=each    at each that is worth it the process is copied, and the copy goes on with the failure, to its end. Then "failed N STATUS",
 *                      what the copy printed: from where in standard output, which must be a file, how many bytes, their CRC-32; the CRC-32 of
 *                      what FAILING_OUTPUT holds, and how many files stand beside it. Behind it what the copy said, each line indented
 *
 * With FAILING_WHERE, a program that is built with AddressSanitizer says where the N-th is.
 * Worth it are, of each place that allocates, the first two, and every power of two; and of all every FAILING_EVERY-th (0: none).
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PLACES = 1 << 16, SLOW = 120, FDS = 64, SAID = 4000, LOG_FD = 250 };

static enum { OFF, AT, LIST, EACH } mode;
static unsigned long n_seen, fail_at, every;
static bool busy;			/* our own allocations are nobody's */
static struct { uintptr_t caller; unsigned long n; } place[PLACES];
static const char *output;

void __sanitizer_print_stack_trace(void) __attribute__((weak));

static void *(*next_malloc)(size_t);
static void *(*next_calloc)(size_t, size_t);
static void *(*next_realloc)(void *, size_t);
static void (*next_free)(void *);
static char *(*next_strdup)(const char *);
static char *(*next_strndup)(const char *, size_t);

/* What dlsym() itself allocates, before it has found who does. */
static _Alignas(16) char first[1 << 16];
static size_t first_used;

static void *early(size_t size)
{
	void *p = first + first_used;

	first_used += (size + 15) & ~(size_t)15;
	return first_used <= sizeof(first) ? p : NULL;
}

static bool is_early(const void *p)
{
	return (const char *)p >= first && (const char *)p < first + sizeof(first);
}

static void find(void)
{
	static bool finding;

	if (next_strndup || finding)
		return;
	finding = true;
	next_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
	next_calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
	next_realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
	next_free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
	next_strdup = (char *(*)(const char *))dlsym(RTLD_NEXT, "strdup");
	next_strndup = (char *(*)(const char *, size_t))dlsym(RTLD_NEXT, "strndup");
	finding = false;
}

__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...)
{
	char line[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n > 0 && write(LOG_FD, line, (size_t)n) < 0)
		_exit(99);
}

/* As zlib has it. */
static uint32_t crc32(uint32_t crc, const unsigned char *p, size_t len)
{
	crc = ~crc;
	while (len--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static uint32_t sum_of(int fd)
{
	unsigned char buf[4096];
	uint32_t crc = 0;
	ssize_t n;

	for (off_t at = 0; (n = pread(fd, buf, sizeof(buf), at)) > 0; at += n)
		crc = crc32(crc, buf, (size_t)n);
	return crc;
}

/* What the output holds; 0: it is not there. And how many files are in its directory. */
static uint32_t look(unsigned *files)
{
	int fd = output ? open(output, O_RDONLY | O_CLOEXEC) : -1;
	char path[PATH_MAX];
	uint32_t sum = 0;
	DIR *d;

	*files = 0;
	if (!output)
		return 0;
	snprintf(path, sizeof(path), "%s", output);
	d = opendir(dirname(path));
	while (d && readdir(d))
		++*files;
	if (d)
		closedir(d);
	if (fd >= 0) {
		sum = sum_of(fd);
		close(fd);
	}
	return sum;
}

static void repeat(int said)
{
	static char text[SAID + 1];
	ssize_t n = pread(said, text, SAID, 0);
	char *line = text;

	text[n < 0 ? 0 : n] = '\0';
	for (char *end; (end = strchr(line, '\n')); line = end + 1)
		say("  %.*s\n", (int)(end - line) < 240 ? (int)(end - line) : 240, line);
	if (*line)
		say("  %.240s\n", line);
}

/* true in the copy. Where files are read is shared between both: that is put back. */
static bool copy(void)
{
	int said = memfd_create("said", MFD_CLOEXEC), printed = memfd_create("printed", MFD_CLOEXEC), status = 0;
	off_t at[FDS];
	unsigned files;
	uint32_t sum;
	pid_t pid;

	for (int fd = 0; fd < FDS; fd++)
		at[fd] = lseek(fd, 0, SEEK_CUR);
	pid = fork();
	if (!pid) {
		dup2(printed, STDOUT_FILENO);
		dup2(said, STDERR_FILENO);
		alarm(SLOW);
		return true;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	for (int fd = 0; fd < FDS; fd++)
		if (at[fd] >= 0 && at[fd] != lseek(fd, 0, SEEK_CUR))
			lseek(fd, at[fd], SEEK_SET);
	sum = look(&files);
	say("failed %lu %d %lld %lld %u %u %u\n", n_seen, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
	    (long long)at[STDOUT_FILENO], (long long)lseek(printed, 0, SEEK_END), sum_of(printed), sum, files);
	repeat(said);
	close(said);
	close(printed);
	return false;
}

static bool worth(uintptr_t caller)
{
	size_t i = (caller * 0x9e3779b97f4a7c15) >> 48;
	unsigned long n;

	while (place[i].caller && place[i].caller != caller)
		i = (i + 1) % PLACES;
	place[i].caller = caller;
	n = ++place[i].n;
	return n < 3 || !(n & (n - 1)) || (every && n_seen % every == 0);
}

static bool fails(const void *caller)
{
	bool now = false;
	int err = errno;

	if (mode == OFF || busy)
		return false;
	busy = true;
	n_seen++;
	switch (mode) {
	case OFF:
		break;
	case AT:
		now = n_seen == fail_at;
		if (now)
			say("failed %lu\n", n_seen);
		if (now && __sanitizer_print_stack_trace && getenv("FAILING_WHERE"))
			__sanitizer_print_stack_trace();
		break;
	case LIST:
		if (worth((uintptr_t)caller))
			say("chosen %lu\n", n_seen);
		break;
	case EACH:
		now = worth((uintptr_t)caller) && copy();
		if (now)
			mode = OFF;
		break;
	}
	busy = false;
	errno = now ? ENOMEM : err;
	return now;
}

__attribute__((constructor)) static void begin(void)
{
	const char *how = getenv("FAILING_AT"), *log = getenv("FAILING_LOG"), *often = getenv("FAILING_EVERY");
	int fd;

	find();
	/* children that it starts are not meant */
	unsetenv("LD_PRELOAD");
	if (!how || !log)
		return;
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || dup3(fd, LOG_FD, O_CLOEXEC) < 0)
		_exit(99);
	close(fd);
	every = often ? strtoul(often, NULL, 10) : 0;
	fail_at = strtoul(how, NULL, 10);
	output = getenv("FAILING_OUTPUT");
	mode = !strcmp(how, "list") ? LIST : !strcmp(how, "each") ? EACH : AT;
}

void failing_over(void);

/* What is left to be done is nobody's test. */
void failing_over(void)
{
	busy = true;
}

__attribute__((destructor)) static void end(void)
{
	if (mode == OFF)
		return;
	busy = true;
	say("counted %lu\n", n_seen);
}

void *malloc(size_t size)
{
	find();
	if (!next_malloc)
		return early(size);
	return fails(__builtin_return_address(0)) ? NULL : next_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	find();
	if (!next_calloc)
		return early(n * size);
	return fails(__builtin_return_address(0)) ? NULL : next_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	find();
	if (!next_realloc || is_early(p)) {
		void *bigger = next_malloc ? next_malloc(size) : early(size);

		if (bigger && p)
			memcpy(bigger, p, size < (size_t)(first + sizeof(first) - (char *)p) ? size : (size_t)(first + sizeof(first) - (char *)p));
		return bigger;
	}
	return fails(__builtin_return_address(0)) ? NULL : next_realloc(p, size);
}

void free(void *p)
{
	find();
	if (next_free && !is_early(p))
		next_free(p);
}

char *strdup(const char *s)
{
	find();
	return fails(__builtin_return_address(0)) ? NULL : next_strdup(s);
}

char *strndup(const char *s, size_t n)
{
	find();
	return fails(__builtin_return_address(0)) ? NULL : next_strndup(s, n);
}
