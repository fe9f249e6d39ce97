/*
 * A compilation, in the process that does it. In: a job, and a socket to who gave it. Out: messages: what is wrong with the rules, then what was
 * wanted of them. Memory that is out ends the process, as does LLVM.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "compile.h"
#include "compile_budget.h"
#include "eval_test.h"
#include "lib.h"
#include "utf8.h"

struct worker {
	const struct lib_job *job;
	int fd;
	bool lost;			/* nobody listens any more */
	struct arena *a;
	struct diag_list d;
	struct compile_options o;
};

static void send_bytes(struct worker *w, const void *p, size_t n)
{
	w->lost = w->lost || lib_send(w->fd, p, n, LIB_FOR_EVER) != 0;
}

static void send_message(struct worker *w, enum lib_what what, uint32_t n, const void *p, size_t len)
{
	struct lib_head head = { what, n, len };

	send_bytes(w, &head, sizeof(head));
	send_bytes(w, p, len);
}

/* ---- texts that are written as to a file ---- */

struct sink {
	FILE *f;
	char *text;
	size_t len;
};

/* As the arena does where memory is out: nobody can go on. */
static void need(bool ok)
{
	if (!ok)
		arena_fail();
}

static FILE *sink_open(struct sink *s)
{
	*s = (struct sink){ 0 };
	s->f = open_memstream(&s->text, &s->len);
	need(s->f);
	return s->f;
}

static void sink_send(struct worker *w, struct sink *s, enum lib_what what, uint32_t n)
{
	bool ok = !ferror(s->f);

	ok = fclose(s->f) == 0 && ok;
	need(ok);
	send_message(w, what, n, s->text, s->len);
	free(s->text);
}

/* ---- files that rule files name ---- */

static const char *read_named(void *arg, struct arena *a, const char *path, size_t *len, const char **why)
{
	struct worker *w = arg;
	struct lib_answer answer;
	char *bytes;

	if (!w->job->o.read) {
		*why = "rule files in memory name no files, where nobody is there to give them";
		return NULL;
	}
	send_message(w, LIB_READ, 0, path, strlen(path) + 1);
	w->lost = w->lost || lib_receive(w->fd, &answer, sizeof(answer), LIB_FOR_EVER) != 0;
	if (w->lost || answer.status) {
		*why = w->lost ? "it was not given" : strerror((int)-answer.status);
		return NULL;
	}
	bytes = arena_alloc(a, (size_t)answer.len + 1);
	w->lost = lib_receive(w->fd, bytes, (size_t)answer.len, LIB_FOR_EVER) != 0;
	*len = (size_t)answer.len;
	return bytes;
}

/* ---- diagnostics ---- */

static struct lib_place place_of(struct span sp)
{
	struct line_col b, e;

	if (!sp.src)
		return (struct lib_place){ 0 };
	b = source_line_col(sp.src, sp.begin);
	e = source_line_col(sp.src, sp.end);
	return (struct lib_place){ b.line, b.col, e.line, e.col };
}

static void put_text(struct worker *w, FILE *out, const char *s)
{
	if (s)
		fputs(utf8_line(w->a, s, strlen(s), 4096, false), out);
	putc('\0', out);
}

static void put_file(struct worker *w, FILE *out, struct span sp)
{
	put_text(w, out, sp.src ? (strcmp(sp.src->path, "-") ? sp.src->path : "<stdin>") : NULL);
}

static void send_diags(struct worker *w)
{
	struct sink s;

	for (size_t i = 0; i < w->d.list.n; i++) {
		const struct diag *r = &w->d.list.v[i];
		const struct lib_diag head = { r->severity, r->kind, place_of(r->span), place_of(r->note_span) };
		FILE *out = sink_open(&s);

		fwrite(&head, sizeof(head), 1, out);
		put_file(w, out, r->span);
		put_text(w, out, r->text);
		put_text(w, out, r->remedy);
		put_file(w, out, r->note_span);
		put_text(w, out, r->note);
		sink_send(w, &s, LIB_DIAG, 0);
	}
	diag_render(&w->d, sink_open(&s), false);
	sink_send(w, &s, LIB_MESSAGES, 0);
}

/* ---- what is wanted ---- */

static bool make_text(struct worker *w, const struct ast_program *p, enum xdpfc_want want)
{
	struct budget b;
	struct sink s;
	FILE *out = sink_open(&s);
	bool ok = true;

	switch (want) {
	case XDPFC_AST:		ok = compile_emit(p, &w->o, EMIT_AST, &w->d, out); break;
	case XDPFC_IR:		ok = compile_emit(p, &w->o, EMIT_IR, &w->d, out); break;
	case XDPFC_LLVM:	ok = compile_emit(p, &w->o, EMIT_LLVM, &w->d, out); break;
	case XDPFC_ASM:		ok = compile_emit(p, &w->o, EMIT_ASM, &w->d, out); break;
	case XDPFC_BUDGET:
	case XDPFC_BUDGET_JSON:
		ok = compile_budget(p, &w->o, &w->d, &b);
		if (ok && want == XDPFC_BUDGET)
			budget_text(w->d.arena, &b, out);
		else if (ok)
			budget_json(w->d.arena, &b, (const char *const[]){ NULL }, out);
		break;
	case XDPFC_OBJECT:
	case XDPFC_TESTS:
	case XDPFC_FORMAT:	break;
	}
	if (ok) {
		sink_send(w, &s, LIB_MADE, want);
		return true;
	}
	fclose(s.f);
	free(s.text);
	return false;
}

static bool make_object(struct worker *w, const struct ast_program *p)
{
	void *obj;
	size_t len;

	if (!compile_object(p, &w->o, &w->d, &obj, &len))
		return false;
	send_message(w, LIB_MADE, XDPFC_OBJECT, obj, len);
	compile_object_free(obj, len);
	return true;
}

static bool make_format(struct worker *w, const struct ast_program *p)
{
	size_t len;
	const char *text = parse_format(w->a, p->units.v[0]->source, &len);

	if (text)
		send_message(w, LIB_MADE, XDPFC_FORMAT, text, len);
	else
		diag_error(&w->d, (struct span){ 0 }, "internal error: the new layout would say something else");
	return text;
}

static void send_test(struct worker *w, const struct ast_program *p, const struct ast_test *t)
{
	struct eval_test_result r;
	struct lib_test head;
	struct span at = t->span;
	struct sink s;
	FILE *out;

	eval_test(p, t, &r);
	if (!r.passed)
		at = r.step->span;
	head = (struct lib_test){ place_of(at), r.passed, r.passed || r.step->kind != STEP_EXPECT ? 0 : r.packet };
	out = sink_open(&s);
	fwrite(&head, sizeof(head), 1, out);
	put_text(w, out, t->name.s);
	put_file(w, out, at);
	put_text(w, out, r.passed ? NULL : eval_test_text(w->a, p, &r));
	sink_send(w, &s, LIB_TEST, 0);
}

static bool make(struct worker *w, const struct ast_program *p, enum xdpfc_want want)
{
	switch (want) {
	case XDPFC_OBJECT:
		return make_object(w, p);
	case XDPFC_FORMAT:
		return make_format(w, p);
	case XDPFC_TESTS:
		for (size_t i = 0; i < p->units.n; i++)
			for (size_t k = 0; k < p->units.v[i]->tests.n; k++)
				send_test(w, p, p->units.v[i]->tests.v[k]);
		return true;
	case XDPFC_AST:
	case XDPFC_IR:
	case XDPFC_LLVM:
	case XDPFC_ASM:
	case XDPFC_BUDGET:
	case XDPFC_BUDGET_JSON:
		break;
	}
	return make_text(w, p, want);
}

static struct compile_options options_of(const struct xdpfc_options *o)
{
	size_t most = (size_t)(o->table_memory ? o->table_memory : COMPILE_TABLE_MEMORY) << 20;
	struct compile_options c = { .mcpu = o->mcpu, .lower = { .classify.max_bytes = most, .sets.most = most } };

	/* the caller's side has looked at the names */
	if (o->engine)
		compile_engine(o->engine, &c.lower.classify.engine);
	if (o->set_engine)
		set_engine_find(o->set_engine, &c.lower.sets.engine);
	if (o->counting)
		compile_counting(o->counting, &c.lower.counting);
	return c;
}

/* A rule file, in the layout that its lines are counted in. */
static const struct source *source_of(struct worker *w, const struct lib_file *f)
{
	struct arena *scratch;
	const struct source *s;
	const char *text;
	size_t len;

	if (!f->built)
		return source_new(w->a, f->name, f->text, f->len);
	/* much more than what comes of it */
	scratch = arena_new();
	text = parse_format(scratch, source_new(scratch, f->name, f->text, f->len), &len);
	s = text ? source_new(w->a, f->name, text, len) : source_new(w->a, f->name, f->text, f->len);
	arena_free(scratch);
	return s;
}

static bool make_layout(struct worker *w)
{
	const struct lib_file *f = w->job->program->file;
	size_t len;
	const char *text = parse_format(w->a, source_new(w->a, f->name, f->text, f->len), &len);

	if (text)
		send_message(w, LIB_MADE, LIB_LAYOUT, text, len);
	return text;
}

/* What is asked for is made as far as there are no errors. */
static bool make_all(struct worker *w)
{
	const struct lib_job *job = w->job;
	const struct source_reader reader = { read_named, w };
	const struct source **source = arena_array(w->a, job->program->n, sizeof(*source));
	struct ast_program *p;
	bool ok = true;

	for (size_t i = 0; i < job->program->n; i++)
		source[i] = source_of(w, &job->program->file[i]);
	p = compile_front_with(w->a, &reader, source, job->program->n, &w->d);
	if (!p)
		return false;
	p->no_texts = job->o.no_source;
	if (!job->want)
		return compile_check(p, &w->o, &w->d);
	for (unsigned want = 1; ok && want <= job->want; want <<= 1)
		if (job->want & want)
			ok = make(w, p, (enum xdpfc_want)want);
	return ok;
}

bool lib_job_run(const struct lib_job *job, int fd)
{
	struct worker w = { .job = job, .fd = fd, .a = arena_new(), .o = options_of(&job->o) };
	struct lib_done done;

	/* here only: this process is not the caller's */
	json_set_alloc_funcs(arena_malloc, free);
	w.d.arena = w.a;
	w.d.werror = job->o.werror;
	done.ok = job->want == LIB_LAYOUT ? make_layout(&w) : make_all(&w);
	send_diags(&w);
	done.errors = w.d.errors;
	done.warnings = w.d.warnings;
	send_message(&w, LIB_DONE, 0, &done, sizeof(done));
	arena_free(w.a);
	return !w.lost;
}
