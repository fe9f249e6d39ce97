/*
 * A bar for who waits. In: what is being done, and how far it is where that is known. Out: behind a second a line on the terminal that standard error
 * is, drawn anew now and then, and gone when it is done; nothing where that is no terminal, or a dumb one. It has no colours.
 *
 * A signal draws it, since what takes the time is in libraries that know nothing of terminals; so there is one, and its state is static.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "cli_progress.h"

enum { BAR = 40, LINE = 160, FIRST_MS = 1000, NEXT_MS = 200 };

static struct {
	const char *what;
	struct timespec began;
	volatile uint64_t done, total;
	volatile sig_atomic_t drawn;
	bool on;
} bar;

static size_t put(char *to, size_t at, const char *s)
{
	while (*s && at < LINE - 1)
		to[at++] = *s++;
	return at;
}

static size_t put_number(char *to, size_t at, uint64_t n)
{
	char digits[24];
	size_t i = sizeof(digits);

	digits[--i] = '\0';
	do
		digits[--i] = (char)('0' + n % 10);
	while (n /= 10);
	return put(to, at, digits + i);
}

static void draw(int sig)
{
	uint64_t done = bar.done, total = bar.total;
	struct timespec now;
	char line[LINE];
	size_t at = put(line, 0, "\r");

	(void)sig;
	clock_gettime(CLOCK_MONOTONIC, &now);
	at = put(line, at, bar.what);
	if (total) {
		done = done > total ? total : done;
		at = put(line, at, " [");
		for (uint64_t i = 0; i < BAR; i++)
			at = put(line, at, i < done / (total / BAR + 1) ? "#" : " ");
		at = put(line, at, "] ");
		at = put_number(line, at, done / (total / 100 + 1));
		at = put(line, at, " %");
	}
	at = put(line, at, ", ");
	at = put_number(line, at, (uint64_t)(now.tv_sec - bar.began.tv_sec));
	at = put(line, at, " s");
	/* a terminal that is gone is no reason to stop */
	bar.drawn = write(STDERR_FILENO, line, at) > 0 || bar.drawn;
}

static void every(long first, long next)
{
	const struct itimerval t = { { next / 1000, next % 1000 * 1000 }, { first / 1000, first % 1000 * 1000 } };

	setitimer(ITIMER_REAL, &t, NULL);
}

void cli_progress_begin(const struct cli *cli, const char *what)
{
	struct sigaction act = { .sa_handler = draw, .sa_flags = SA_RESTART };
	const char *term = getenv("TERM");

	if (cli->quiet || !isatty(STDERR_FILENO) || !term || strcmp(term, "dumb") == 0)
		return;
	/* who types rules is not waiting */
	for (size_t i = 0; i < cli->n_files; i++)
		if (strcmp(cli->files[i], "-") == 0 && isatty(STDIN_FILENO))
			return;
	cli_progress_end();
	bar.what = what;
	bar.done = bar.total = 0;
	clock_gettime(CLOCK_MONOTONIC, &bar.began);
	bar.on = true;
	sigaction(SIGALRM, &act, NULL);
	every(FIRST_MS, NEXT_MS);
}

void cli_progress_file(FILE *f)
{
	struct stat st;
	off_t at;

	if (!bar.on || !f)
		return;
	if (!bar.total && fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode))
		bar.total = (uint64_t)st.st_size;
	at = ftello(f);
	bar.done = at > 0 ? (uint64_t)at : 0;
}

void cli_progress_end(void)
{
	char blank[LINE + 2];

	if (!bar.on)
		return;
	every(0, 0);
	bar.on = false;
	memset(blank, ' ', sizeof(blank));
	blank[0] = blank[LINE / 2] = '\r';
	if (bar.drawn && write(STDERR_FILENO, blank, LINE / 2 + 1) < 0)
		return;
	bar.drawn = 0;
}
