/*
 * A compilation, from the caller's side. In: rule files in memory, and what is wanted of them. Out: a result. Another process does it (see
 * lib_process.c); here its messages are taken, and files that it asks for are given to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compile.h"
#include "lib.h"

enum {
	WORDS = 1024,
	ALL = XDPFC_OBJECT | XDPFC_TESTS | XDPFC_AST | XDPFC_IR | XDPFC_LLVM | XDPFC_ASM | XDPFC_BUDGET | XDPFC_BUDGET_JSON | XDPFC_FORMAT,
	FILE_MOST = 256 << 20,
};

static int read_all(int fd, char **bytes, size_t *len)
{
	size_t n = 0, cap = 64 << 10;
	char *buf = malloc(cap);

	while (buf && n <= FILE_MOST) {
		ssize_t k = read(fd, buf + n, cap - n);

		if (k == 0) {
			*bytes = buf;
			*len = n;
			return 0;
		}
		if (k < 0 && errno != EINTR) {
			int err = -errno;

			free(buf);
			return err;
		}
		n += k > 0 ? (size_t)k : 0;
		if (n == cap) {
			char *bigger = realloc(buf, cap *= 2);

			if (!bigger)
				free(buf);
			buf = bigger;
		}
	}
	free(buf);
	return buf ? -EFBIG : -ENOMEM;
}

int xdpfc_read_file(void *arg, const char *path, char **bytes, size_t *len)
{
	struct stat st;
	int fd, err;

	(void)arg;
	if (!path || !bytes || !len)
		return -EINVAL;
	/* Without O_NONBLOCK a named pipe would wait for its writer. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	err = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (!err)
		err = read_all(fd, bytes, len);
	close(fd);
	return err;
}

/* Gives the file that it asks for. */
static int answer(const struct lib_process *p, const struct lib_job *job, const char *path, int64_t until)
{
	struct lib_answer a = { .status = -EACCES };
	char *bytes = NULL;
	size_t len = 0;
	int err;

	if (job->o.read)
		a.status = job->o.read(job->o.read_arg, path, &bytes, &len);
	/* a file is there or it is not */
	if (a.status > 0 || (!a.status && !bytes && len))
		a.status = -EINVAL;
	a.len = a.status ? 0 : len;
	err = lib_send(p->fd, &a, sizeof(a), until);
	if (!err)
		err = lib_send(p->fd, bytes, a.len, until);
	free(bytes);
	return err;
}

static int receive(const struct lib_process *p, struct lib_message **out, int64_t until)
{
	struct lib_message *m;
	struct lib_head head;
	int err = lib_receive(p->fd, &head, sizeof(head), until);

	if (err)
		return err;
	if (head.len > SIZE_MAX / 2)
		return -EBADMSG;
	m = malloc(sizeof(*m) + (size_t)head.len + 1);
	if (!m)
		return -ENOMEM;
	m->head = head;
	m->data[head.len] = '\0';
	err = lib_receive(p->fd, m->data, (size_t)head.len, until);
	if (err)
		free(m);
	else
		*out = m;
	return err;
}

/* Takes messages up to the last one. */
static int follow(const struct lib_process *p, const struct lib_job *job, struct xdpfc_result *r)
{
	int64_t until = job->o.seconds ? lib_now() + (int64_t)job->o.seconds * 1000 : LIB_FOR_EVER;
	bool done = false;
	int err = 0;

	while (!err && !done) {
		struct lib_message *m = NULL;

		err = receive(p, &m, until);
		if (err)
			return err;
		done = m->head.what == LIB_DONE;
		if (m->head.what == LIB_READ) {
			err = answer(p, job, m->data, until);
			free(m);
		} else {
			err = lib_result_add(r, m);
			if (err)
				free(m);
		}
	}
	return err;
}

/* Texts in which it says that memory is out: the arena's, LLVM's, and the C++ library's. */
static bool says_memory(const char *words)
{
	return strstr(words, "out of memory") || strstr(words, "bad_alloc") || strstr(words, "allocation failed");
}

static int compile(struct xdpfc_result *r, const struct lib_job *job)
{
	struct lib_process p;
	char words[WORDS] = "";
	siginfo_t how = { 0 };
	int err, cancel;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	err = lib_process_start(&p, job);
	if (!err) {
		err = follow(&p, job, r);
		lib_process_end(&p, words, sizeof(words), &how);
	}
	pthread_setcancelstate(cancel, NULL);
	if (err != -EPIPE && err != -EBADMSG)
		return err;
	/* It went away before it was done. */
	return says_memory(words) ? -ENOMEM : lib_result_broken(r, words, err == -EPIPE ? &how : NULL);
}

int lib_layout(const char *text, size_t len, char **out, size_t *n)
{
	struct lib_file file = { .name = "-", .text = (char *)(uintptr_t)text, .len = len };
	const struct xdpfc_program program = { .file = &file, .n = 1 };
	const struct lib_job job = { .program = &program, .want = LIB_LAYOUT };
	struct xdpfc_result *r;
	const char *made;
	int err;

	err = lib_result_new(&r);
	if (err)
		return err;
	err = compile(r, &job);
	made = err ? NULL : lib_result_made(r, LIB_LAYOUT, n);
	if (!err && !made)
		err = -EPROTO;
	if (made) {
		*out = malloc(*n + 1);
		if (*out)
			memcpy(*out, made, *n + 1);
		else
			err = -ENOMEM;
	}
	xdpfc_result_free(r);
	return err;
}

static bool is_sound(const struct lib_job *job)
{
	const struct xdpfc_options *o = &job->o;
	enum classify_engine engine;
	enum set_engine set_engine;
	enum counting counting;

	return job->program && job->program->n && !(job->want & ~(unsigned)ALL) && (!(job->want & XDPFC_FORMAT) || job->program->n == 1) &&
	       (!o->mcpu || !strcmp(o->mcpu, "v3") || !strcmp(o->mcpu, "v4")) && (!o->engine || compile_engine(o->engine, &engine)) &&
	       (!o->set_engine || set_engine_find(o->set_engine, &set_engine)) && (!o->counting || compile_counting(o->counting, &counting)) &&
	       o->table_memory <= IMAGE_MOST >> 20;
}

int xdpfc_compile(struct xdpfc_result **out, const struct xdpfc_program *p, unsigned want, const struct xdpfc_options *opts)
{
	struct lib_job job = { .program = p, .want = want };
	struct xdpfc_result *r;
	int err;

	if (opts)
		memcpy(&job.o, opts, opts->sz < sizeof(job.o) ? opts->sz : sizeof(job.o));
	if (!out || (opts && opts->sz < sizeof(opts->sz)) || !is_sound(&job))
		return -EINVAL;
	err = lib_result_new(&r);
	if (err)
		return err;
	err = compile(r, &job);
	if (err)
		xdpfc_result_free(r);
	else
		*out = r;
	return err;
}
