/*
 * A bar for who waits. In: how far something is, each time that it is known. Out: behind a second a line on the terminal that standard error is,
 * drawn anew now and then, and gone when it is done; nothing where that is no terminal, or a dumb one. No signal draws it: the kernel ends its test
 * runs early where one comes.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"

enum { BAR = 40, FIRST_MS = 1000, NEXT_MS = 200 };

static uint64_t ms_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void progress_begin(struct progress *p, const struct cli *cli, const char *what)
{
	const char *term = getenv("TERM");

	*p = (struct progress){ .what = what, .on = !cli->quiet && isatty(STDERR_FILENO) && term && strcmp(term, "dumb") };
	if (!p->on)
		return;
	p->began = ms_now();
	p->next = p->began + FIRST_MS;
}

void progress_step(struct progress *p, uint64_t done, uint64_t total)
{
	uint64_t now = p->on ? ms_now() : 0;
	int part;

	if (!p->on || now < p->next)
		return;
	p->next = now + NEXT_MS;
	p->drawn = true;
	fprintf(stderr, "\r%s", p->what);
	if (total) {
		done = done > total ? total : done;
		part = (int)(done / (total / BAR + 1));
		fprintf(stderr, " [%.*s%*s] %u %%", part, "########################################", BAR - part, "",
			(unsigned)(done / (total / 100 + 1)));
	}
	fprintf(stderr, ", %u s", (unsigned)((now - p->began) / 1000));
}

void progress_file(struct progress *p, FILE *f)
{
	struct stat st;
	off_t at = p->on ? ftello(f) : -1;
	bool known = at >= 0 && !fstat(fileno(f), &st) && S_ISREG(st.st_mode);

	progress_step(p, known ? (uint64_t)at : 0, known ? (uint64_t)st.st_size : 0);
}

void progress_wipe(struct progress *p)
{
	if (p->drawn)
		fprintf(stderr, "\r\033[K");
	p->drawn = false;
}
