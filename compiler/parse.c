/*
 * Files into trees. In: a source of the command line. Out: a new unit of the program, with everything that it includes read in place.
 * A file is read at most once per unit, cycles are refused with their chain, and what was understood stays in the tree after errors.
 */
#include "parse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parse_tokens.h"

enum { SOURCE_MAX = 256 << 20, INCLUDE_DEPTH = 100 };

static struct diag *cannot_read(struct diag_list *d, struct span at, const char *path, const char *why)
{
	return diag_error(d, at, "cannot read %.*s%s: %s", strlen(path) > 300 ? 300 : (int)strlen(path), path,
			  strlen(path) > 300 ? "..." : "", why);
}

/* All of @fd as a source; closes it. */
static struct source *read_fd(struct arena *a, const char *path, int fd, struct diag_list *d, struct span at)
{
	size_t len = 0, cap = 64 << 10;
	char *buf = arena_malloc(cap);
	struct source *s = NULL;
	int err = 0;

	while (!err && len <= SOURCE_MAX) {
		ssize_t n;

		if (len == cap) {
			cap *= 2;
			buf = arena_realloc(buf, cap);
		}
		n = read(fd, buf + len, cap - len);
		if (n == 0)
			break;
		if (n > 0)
			len += (size_t)n;
		else if (errno != EINTR)
			err = errno;
	}
	if (fd != STDIN_FILENO)
		close(fd);
	if (err)
		cannot_read(d, at, strcmp(path, "-") == 0 ? "standard input" : path, strerror(err));
	else if (len > SOURCE_MAX)
		cannot_read(d, at, path, "it is larger than 256 MiB")->remedy = "split it";
	else
		s = source_new(a, path, buf, len);
	free(buf);
	return s;
}

struct source *source_read(struct arena *a, const char *path, struct diag_list *d)
{
	struct span none = { 0 };
	struct stat st;
	int fd;

	if (strcmp(path, "-") == 0)
		return read_fd(a, path, STDIN_FILENO, d, none);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		cannot_read(d, none, *path ? path : "``", *path ? strerror(errno) : "the path is empty");
		return NULL;
	}
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		cannot_read(d, none, path, strerror(EISDIR));
		return NULL;
	}
	return read_fd(a, path, fd, d, none);
}

static void parse_text(struct parser *c)
{
	if (!scan_check_text(c))
		return;
	c->tokens = tokens_new(c);
	parse_parse(c);
	tokens_free(c->tokens);
}

bool parse_unit(struct ast_program *p, const struct source *source, struct diag_list *d)
{
	struct ast_unit *u = arena_alloc(p->arena, sizeof(*u));
	const char *slash = strrchr(source->path, '/');
	struct parse_run run = { .p = p, .unit = u, .d = d };
	struct parser c = { .run = &run, .a = p->arena, .d = d, .src = source };
	unsigned errors = d->errors;
	struct stat st;

	d->kind = DIAG_SYNTAX;
	u->source = source;
	u->name = strcmp(source->path, "-") == 0 ? "<stdin>" : slash ? slash + 1 : source->path;
	u->default_verdict = VERDICT_PASS;
	*vec_add(p->arena, &p->units) = u;
	*vec_add(p->arena, &p->sources) = source;
	if (source_reader(p->reader, source))
		c.file = (struct parse_file){ .path = source->path, .known = true };
	else if (strcmp(source->path, "-") != 0 && stat(source->path, &st) == 0)
		c.file = (struct parse_file){ .dev = st.st_dev, .ino = st.st_ino, .known = true };
	parse_text(&c);
	d->kind = DIAG_MEANING;
	return d->errors == errors;
}

bool parse_asked(struct ast_program *p, const struct source *steps, bool packet, struct diag_list *d)
{
	struct ast_unit *u = p->units.v[0];
	struct parse_run run = { .p = p, .unit = u, .d = d };
	struct parser c = { .run = &run, .a = p->arena, .d = d, .src = steps };
	unsigned errors = d->errors;
	size_t tests = u->tests.n;

	d->kind = DIAG_SYNTAX;
	if (scan_check_text(&c)) {
		c.tokens = tokens_new(&c);
		tokens_within_test(c.tokens, packet);
		parse_parse(&c);
		tokens_free(c.tokens);
	}
	/* whoever closes what stands around the steps may write anything behind it */
	if (d->errors == errors && u->tests.n != tests + 1)
		diag_error(d, (struct span){ steps, 0, (uint32_t)steps->len }, "these are no packets")->remedy =
			"write FIELD = VALUE, with commas between them, or packet { … }";
	p->asked = u->tests.n > tests ? u->tests.v[tests] : NULL;
	u->tests.n = tests;
	d->kind = DIAG_MEANING;
	return d->errors == errors;
}

/* "a.xdpf -> b.xdpf -> a.xdpf": from where the file is being read to where it would be read again. */
static const char *chain_text(const struct parser *c, const struct parser *again)
{
	const char *s = source_path(again->src);
	unsigned n = 0;

	for (const struct parser *p = c; p != again; p = p->includer)
		if (++n <= 6)
			s = arena_printf(c->a, "%s -> %s", source_path(p->src), s);
	if (n > 6)
		s = arena_printf(c->a, "... -> %s", s);
	return arena_printf(c->a, "%s -> %s", source_path(again->src), s);
}

const char *parse_beside(const struct parser *c, const char *path)
{
	const char *slash = strrchr(c->src->path, '/');

	if (path[0] == '/')
		return c->src->root ? arena_printf(c->a, "%s%s", c->src->root, path) : path;
	/* "-" would be standard input. */
	if (!slash)
		return strcmp(path, "-") == 0 ? "./-" : path;
	return arena_printf(c->a, "%.*s/%s", (int)(slash - c->src->path), c->src->path, path);
}

/* @path, which @name says, as a source; NULL: it cannot be read, which was told. */
static struct source *read_named(struct parser *c, const struct source_reader *r, struct ast_name name, const char *path)
{
	const char *why = NULL, *text;
	size_t len = 0;

	text = r->read(r->arg, c->a, path, &len, &why);
	if (text && len <= SOURCE_MAX)
		return source_new(c->a, path, text, len);
	cannot_read(c->d, name.span, path + (c->src->root ? strlen(c->src->root) : 0), text ? "it is larger than 256 MiB" : why);
	return NULL;
}

/* What was read because @c's file names it is one of the program's sources. */
static const struct source *add_named(struct parser *c, struct ast_name name, struct source *s)
{
	if (!s)
		return NULL;
	s->root = c->src->root;
	s->absolute = name.s[0] == '/' || c->src->absolute;
	*vec_add(c->a, &c->run->p->sources) = s;
	return s;
}

/* The file @path, which @name says, to be read: its descriptor, or -1, which was told. */
static int open_named(struct parser *c, struct ast_name name, const char *path, const char *by, struct stat *st)
{
	/* Without O_NONBLOCK a named pipe would wait for its writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct diag *d;

	if (fd >= 0 && fstat(fd, st) == 0)
		return fd;
	d = cannot_read(c->d, name.span, path, strerror(errno));
	if (name.s[0] != '/')
		d->remedy = arena_printf(c->a, "the path is taken relative to the file that %s it", by);
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool is_regular(struct parser *c, struct span at, const char *path, const struct stat *st)
{
	if (S_ISREG(st->st_mode))
		return true;
	cannot_read(c->d, at, path, S_ISDIR(st->st_mode) ? strerror(EISDIR) : "it is not a regular file");
	return false;
}

static struct source *open_elements(struct parser *c, struct ast_name name, const char *path)
{
	struct stat st;
	int fd = open_named(c, name, path, "names", &st);

	if (fd < 0)
		return NULL;
	if (is_regular(c, name.span, path, &st))
		return read_fd(c->a, path, fd, c->d, name.span);
	close(fd);
	return NULL;
}

const struct source *parse_elements(struct parser *c, struct ast_name name)
{
	const struct source_reader *r = source_reader(c->run->p->reader, c->src);
	const char *path = parse_beside(c, name.s);

	if (!*name.s) {
		diag_error(c->d, name.span, "a file of elements without a name")->remedy = "write from \"FILE\"";
		return NULL;
	}
	return add_named(c, name, r ? read_named(c, r, name, path) : open_elements(c, name, path));
}

static bool same_file(const struct parse_file *a, const struct parse_file *b)
{
	if (a->path || b->path)
		return a->path && b->path && strcmp(a->path, b->path) == 0;
	return a->known && b->known && a->dev == b->dev && a->ino == b->ino;
}

static bool may_include(struct parser *c, struct span at, const char *path, const struct parse_file *file)
{
	struct diag *d;

	for (const struct parser *p = c; p; p = p->includer) {
		if (!same_file(&p->file, file))
			continue;
		diag_error(c->d, at, "the file includes itself: %s", chain_text(c, p))->remedy =
			"leave one of the includes out, or move what both files need to a third";
		return false;
	}
	for (size_t i = 0; i < c->run->included.n; i++) {
		const struct parse_included *f = &c->run->included.v[i];

		if (!same_file(&f->file, file))
			continue;
		d = diag_error(c->d, at, "%s is included twice", path);
		d->remedy = "once is enough: its names hold for everything behind it";
		d->note_span = f->at;
		d->note = "here first";
		return false;
	}
	if (c->depth >= INCLUDE_DEPTH) {
		diag_error(c->d, at, "includes nested more than %d deep", INCLUDE_DEPTH)->remedy = "include the files one after the other";
		return false;
	}
	*vec_add(c->a, &c->run->included) = (struct parse_included){ *file, at };
	return true;
}

/* NULL: it may not be read, or cannot, which was told. */
static struct source *open_include(struct parser *c, struct ast_name name, const char *path, struct parse_file *file)
{
	const struct source_reader *r = source_reader(c->run->p->reader, c->src);
	struct stat st;
	int fd;

	if (r) {
		*file = (struct parse_file){ .path = path, .known = true };
		return may_include(c, name.span, path, file) ? read_named(c, r, name, path) : NULL;
	}
	fd = open_named(c, name, path, "includes", &st);
	if (fd < 0)
		return NULL;
	*file = (struct parse_file){ .dev = st.st_dev, .ino = st.st_ino, .known = true };
	if (is_regular(c, name.span, path, &st) && may_include(c, name.span, path, file))
		return read_fd(c->a, path, fd, c->d, name.span);
	close(fd);
	return NULL;
}

void parse_include(struct parser *c, struct span sp, struct ast_name name)
{
	struct parser sub = { .run = c->run, .a = c->a, .d = c->d, .includer = c, .depth = c->depth + 1 };

	(void)sp;
	if (!*name.s) {
		diag_error(c->d, name.span, "an include without a name")->remedy = "write include \"FILE\";";
		return;
	}
	sub.src = add_named(c, name, open_include(c, name, parse_beside(c, name.s), &sub.file));
	if (sub.src)
		parse_text(&sub);
}
