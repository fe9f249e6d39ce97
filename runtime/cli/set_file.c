/*
 * Files of elements for `xdpf set`, as rule files' `from` reads them: one element on each line, its components with blanks or commas between
 * them, further words and what stands behind # or ; left out, a byte order mark before them skipped. In: a file's name. Out: the elements' keys. One
 * that is wrong is told of with its line.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == ',' || c == '\n';
}

/* The line as an element's text, in @text of @size bytes: "A" or "(A, B)"; empty: there is none in it. False: it is too long. */
static bool element(const char *line, size_t len, size_t n, char *text, size_t size)
{
	const char *p = line, *end = line + len;
	size_t used = 0;

	*text = '\0';
	for (size_t i = 0; i < n; i++) {
		const char *begin;

		while (p < end && (blank(*p) || !*p || (n > 1 && *p == '(')))
			p++;
		begin = p;
		while (p < end && *p && !blank(*p) && *p != '#' && *p != ';' && *p != ')')
			p++;
		if (p == begin)
			return true;
		if (used + (size_t)(p - begin) + 4 > size)
			return false;
		used += (size_t)snprintf(text + used, size - used, "%s%.*s", i ? ", " : n > 1 ? "(" : "", (int)(p - begin), begin);
	}
	if (n > 1)
		snprintf(text + used, size - used, ")");
	return true;
}

static void *grown(void *v, size_t n, size_t size, size_t *cap)
{
	void *more;

	if (n < *cap)
		return v;
	*cap = *cap ? 2 * *cap : 4096;
	more = realloc(v, *cap * size);
	if (!more)
		free(v);
	return more;
}

enum { BAR = 40, LINES_AT_ONCE = 1 << 14 };

/* How much of the file is read, for who looks on. */
static void progress(FILE *f, off_t size, size_t n)
{
	off_t at = ftello(f);
	unsigned part = size > 0 && at < size ? (unsigned)(at * BAR / size) : BAR;

	fprintf(stderr, "\r[%.*s%*s] %zu", (int)part, "########################################", (int)(BAR - part), "", n);
}

/* What can only be mended in the command; else the system refuses. */
static int unreadable(const struct cli *cli, const char *path, int error)
{
	bool wrong = error == ENOENT || error == ENOTDIR || error == EISDIR || error == ELOOP || error == ENAMETOOLONG;

	cli_error(cli, "%s cannot be read: %s; the set is as it was", path, strerror(error));
	return wrong ? EXIT_INPUT : EXIT_SYSTEM;
}

int cli_set_file(const struct cli *cli, const struct xdpf_set *set, const char *path, void **keys, size_t *n)
{
	bool shown = !cli->quiet && isatty(STDERR_FILENO), any = false;
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	size_t cap = 0, room = 0, line = 0;
	unsigned char *v = NULL;
	int status = EXIT_DONE, error;
	char *text = NULL;
	struct stat st = { 0 };
	ssize_t len;

	*n = 0;
	if (!f)
		return unreadable(cli, path, errno);
	shown &= !fstat(fileno(f), &st) && S_ISREG(st.st_mode);
	while (status == EXIT_DONE && (len = getline(&text, &room, f)) >= 0) {
		size_t mark = !line && len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;
		char one[1024];

		if (++line % LINES_AT_ONCE == 0 && shown) {
			progress(f, st.st_size, line);
			any = true;
		}
		if (memchr(text, '\0', (size_t)len)) {
			cli_error(cli, "%s:%zu: there is a zero byte in the line: this is no text file; the set is as it was", path, line);
			status = EXIT_INPUT;
		} else if (!element(text + mark, (size_t)len - mark, set->n_key, one, sizeof(one))) {
			cli_error(cli, "%s:%zu: the line is too long for an element; the set is as it was", path, line);
			status = EXIT_INPUT;
		} else if (*one) {
			v = grown(v, *n, set->key_size, &cap);
			if (!v) {
				cli_error(cli, "out of memory");
				status = EXIT_SYSTEM;
			} else if (xdpf_set_key(set, one, v + *n * set->key_size, &cli->log)) {
				cli_error(cli, "%s:%zu is no element of set %s; the set is as it was", path, line, set->name);
				status = EXIT_INPUT;
			} else {
				++*n;
			}
		}
	}
	error = errno;
	if (any)
		fprintf(stderr, "\r\033[K");
	if (status == EXIT_DONE && ferror(f))
		status = unreadable(cli, path, error);
	if (f != stdin)
		fclose(f);
	free(text);
	if (status != EXIT_DONE) {
		free(v);
		v = NULL;
	}
	*keys = v;
	return status;
}
