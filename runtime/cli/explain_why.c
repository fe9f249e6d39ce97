/*
 * Why packets went as they did. In: samples, and the program that they are of. Out: what xdpfc says of them, on our standard output: it gets the
 * texts that the program keeps of its rules, and what its sets have now. All of that is in memory, and is gone with us.
 */
#include <errno.h>
#include <net/if.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "explain.h"

extern char **environ;

enum { PATH = 32, MOST_SETS = 256 };

/* ---- lines ---- */

static json_t *line_of(const struct xdpf_meta *m, const char *iface, const struct xdpf_sample *s, uint64_t number, const char *hex)
{
	return json_pack("{s:I, s:I, s:s, s:I, s:s, s:s, s:s, s:b, s:I, s:s}", "number", (json_int_t)number, "ns", (json_int_t)s->time,
			 "interface", iface, "rxqueue", (json_int_t)s->rxqueue, "file", m->files[s->file].name, "rule",
			 s->rule ? s->rule->shown : "default", "verdict", xdpf_verdict_name(s->verdict), "decided", 1, "length",
			 (json_int_t)s->len, "bytes", hex);
}

bool explain_add(struct explain_batch *b, const struct xdpf_meta *m, const char *iface, const struct xdpf_sample *s, uint64_t number)
{
	static const char digits[] = "0123456789abcdef";
	char *hex = malloc(2 * (size_t)s->caplen + 1), name[IF_NAMESIZE];
	const uint8_t *p = s->data;
	json_t *o;
	bool ok;

	if (!hex)
		return false;
	for (uint32_t i = 0; i < s->caplen; i++) {
		hex[2 * i] = digits[p[i] >> 4];
		hex[2 * i + 1] = digits[p[i] & 15];
	}
	hex[2 * (size_t)s->caplen] = '\0';
	o = line_of(m, cli_shown(if_indextoname(s->ifindex, name) ? name : iface).text, s, number, hex);
	free(hex);
	if (!b->out)
		b->out = open_memstream(&b->text, &b->len);
	ok = o && b->out && !json_dumpf(o, b->out, JSON_COMPACT) && putc('\n', b->out) != EOF;
	json_decref(o);
	b->n += ok;
	return ok;
}

void explain_batch_free(struct explain_batch *b)
{
	if (b->out)
		fclose(b->out);
	free(b->text);
	*b = (struct explain_batch){ 0 };
}

void explain_raw(struct explain_batch *b)
{
	if (b->out && !fflush(b->out))
		fwrite(b->text, 1, b->len, stdout);
	explain_batch_free(b);
}

/* ---- what xdpfc reads ---- */

struct given {
	char *argv[2 * MOST_SETS + 12];
	int argc;
	int fd[MOST_SETS + 2];
	size_t n_fds;
};

static void given_free(struct given *g)
{
	for (int i = 0; i < g->argc; i++)
		free(g->argv[i]);
	for (size_t i = 0; i < g->n_fds; i++)
		close(g->fd[i]);
}

static bool add_arg(struct given *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool add_arg(struct given *g, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&g->argv[g->argc], fmt, ap);
	va_end(ap);
	if (n < 0) {
		g->argv[g->argc] = NULL;
		return false;
	}
	g->argc++;
	return true;
}

/* A file in memory, which xdpfc has, too, under @path. NULL, with errno. */
static FILE *add_file(struct given *g, char path[PATH])
{
	int fd = memfd_create("xdpf-explain", 0), own;
	FILE *f;

	if (fd < 0)
		return NULL;
	own = dup(fd);
	f = own < 0 ? NULL : fdopen(own, "w");
	if (!f) {
		if (own >= 0)
			close(own);
		close(fd);
		return NULL;
	}
	g->fd[g->n_fds++] = fd;
	snprintf(path, PATH, "/proc/self/fd/%d", fd);
	return f;
}

static int cannot(const struct cli *cli)
{
	cli_error(cli, "packets cannot be handed to xdpfc: %s", strerror(errno));
	return EXIT_SYSTEM;
}

static int add_lines(struct cli *cli, struct given *g, struct explain_batch *b)
{
	char path[PATH];
	FILE *f = add_file(g, path);
	bool ok;

	if (!f)
		return cannot(cli);
	ok = !fflush(b->out) && fwrite(b->text, 1, b->len, f) == b->len;
	/* a range: each in full */
	return fclose(f) || !ok || !add_arg(g, "--explain") || !add_arg(g, "%s:1-%zu", path, b->n) ? cannot(cli) : EXIT_DONE;
}

static int add_rules(struct cli *cli, struct given *g, const struct xdpf_meta *m)
{
	json_t *list = json_array(), *root;
	char path[PATH];
	FILE *f;
	bool ok;

	for (size_t i = 0; i < m->n_sources; i++) {
		const struct xdpf_source *s = &m->sources[i];

		if (!s->text)
			break;
		json_array_append_new(list, json_pack("{s:s, s:s}", "name", s->name, "text", s->text));
	}
	if (!m->n_sources || json_array_size(list) != m->n_sources) {
		cli_error(cli, "program %s does not have the text of %s: it was compiled so, or that is too large.\n"
			  "`xdpf explain --raw` prints packets for `xdpfc --explain` and the rule files", m->program,
			  m->n_sources ? m->sources[json_array_size(list)].name : "its rules");
		json_decref(list);
		return EXIT_SYSTEM;
	}
	root = json_pack("{s:I, s:o}", "files", (json_int_t)m->n_files, "sources", list);
	f = add_file(g, path);
	if (!f) {
		json_decref(root);
		return cannot(cli);
	}
	ok = root && !json_dumpf(root, f, JSON_COMPACT);
	json_decref(root);
	return fclose(f) || !ok || !add_arg(g, "--texts") || !add_arg(g, "%s", path) ? cannot(cli) : EXIT_DONE;
}

struct elements {
	const struct xdpf_set *set;
	FILE *out;
};

static void on_element(void *arg, const void *key, uint64_t left)
{
	const struct elements *e = arg;
	char text[512];

	(void)left;
	fprintf(e->out, "%s\n", xdpf_set_format(e->set, key, text, sizeof(text)));
}

static int add_sets(struct cli *cli, struct given *g, const struct xdpf_program *p)
{
	const struct xdpf_meta *m = xdpf_program_meta(p);

	for (size_t i = 0; i < m->n_sets && i < MOST_SETS; i++) {
		struct elements e = { .set = &m->sets[i] };
		char path[PATH];
		int err;

		e.out = add_file(g, path);
		if (!e.out)
			return cannot(cli);
		err = xdpf_set_each(p, i, on_element, &e, &cli->log);
		if (fclose(e.out) && !err)
			return cannot(cli);
		/* what no rule asks does not matter */
		if (err && err != -ENOENT)
			return cli_exit(err);
		if (!err && (!add_arg(g, "--set") || !add_arg(g, "%s:%s=%s", m->files[m->sets[i].file].name, m->sets[i].name, path)))
			return cannot(cli);
	}
	return EXIT_DONE;
}

int explain_why(struct cli *cli, struct explain_batch *b, const struct xdpf_program *p, bool all, bool json)
{
	struct given g = { .argc = 0 };
	int status;

	if (!b->n)
		return EXIT_DONE;
	status = add_lines(cli, &g, b);
	if (!status)
		status = add_rules(cli, &g, xdpf_program_meta(p));
	if (!status)
		status = add_sets(cli, &g, p);
	if (!status && ((all && !add_arg(&g, "--all")) || (json && !add_arg(&g, "--json")) || !add_arg(&g, "--quiet")))
		status = cannot(cli);
	if (!status)
		status = cli_finish(cli, EXIT_DONE);
	if (!status)
		status = cli_xdpfc(cli, g.argv, -1, "`xdpf explain --raw` prints packets for `xdpfc --explain` where there is one");
	given_free(&g);
	explain_batch_free(b);
	return status;
}
