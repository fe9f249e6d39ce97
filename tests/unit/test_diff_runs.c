/*
 * What --diff and --analyse say, against packets that are run one after the other. Small random files that count, ask limits, and add to sets that
 * live, and other versions of them. Without state: every two rules that decide about some packet whose verdict or counters differ are told, and no
 * others, none twice. With it: where no difference is told there is none in any run, and a rule that is said to be redundant is not missed in one.
 * FILES and SEED in the environment say how many and which.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyse.h"
#include "eval.h"

#include "analyse_frames.h"

enum { MOST_LINES = 16, LINE = 200, TABLES = 3, RUN = 300 };

static uint64_t state;

static unsigned some(unsigned n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % n;
}

/* ---- random files ---- */

struct file {
	char line[MOST_LINES][LINE];
	unsigned n, rules;		/* .rules: the first line that is one */
	bool keeps;
};

static void cond(char *s, size_t size)
{
	static const char *const atoms[] = { "tcp", "udp", "l4", "ip4", "ip6", "tcp.dport == 1", "tcp.dport in 1-2", "udp.dport == 2",
					     "l4.dport == 1", "ip.src == 10.0.0.1", "not tcp", "not udp.dport == 1" };
	const char *a = atoms[some(12)], *b = atoms[some(12)];

	if (some(2))
		snprintf(s, size, "%s", a);
	else
		snprintf(s, size, "(%s %s %s)", a, some(2) ? "and" : "or", b);
}

static void rule(const struct file *f, char *s)
{
	static const char *const verdicts[] = { "drop", "pass", "abort" };
	char c[100];
	const char *v = verdicts[some(3)];

	cond(c, sizeof(c));
	switch (some(f->keeps ? 9 : 4)) {
	case 0:
	case 1:
		snprintf(s, LINE, "%s if %s;", v, c);
		break;
	case 2:
		snprintf(s, LINE, "count c%u if %s;", some(TABLES), c);
		break;
	case 3:
		snprintf(s, LINE, "count c%u, %s if %s;", some(TABLES), v, c);
		break;
	case 4:
	case 5:
		snprintf(s, LINE, "%s if %s %s l%u;", v, c, some(3) ? "over" : "within", some(2));
		break;
	case 6:
		snprintf(s, LINE, "count c%u if %s over l%u;", some(TABLES), c, some(2));
		break;
	case 7:
		snprintf(s, LINE, "%s if ip4.src in s;", v);
		break;
	case 8:
		snprintf(s, LINE, "%s ip4.src to s if %s;", "add", c);
		break;
	}
}

static void head(struct file *f)
{
	if (f->keeps) {
		snprintf(f->line[f->n++], LINE, "limit l0 = 1/s burst %u;", 2 + some(2));
		snprintf(f->line[f->n++], LINE, "limit l1 = 1/s burst 2 per ip.src;");
		snprintf(f->line[f->n++], LINE, "set s : ip4 live size %u = { 10.0.0.%u };", some(3) ? 64 : 1, some(2));
	}
	snprintf(f->line[f->n++], LINE, "default %s;", some(2) ? "drop" : "pass");
	f->rules = f->n;
}

static void write_file(struct file *f, bool keeps)
{
	unsigned n = 3 + some(4);

	memset(f, 0, sizeof(*f));
	f->keeps = keeps;
	head(f);
	for (unsigned i = 0; i < n; i++)
		rule(f, f->line[f->n++]);
}

static void swap(struct file *f, unsigned a, unsigned b)
{
	char x[LINE];

	memcpy(x, f->line[a], LINE);
	memcpy(f->line[a], f->line[b], LINE);
	memcpy(f->line[b], x, LINE);
}

/* Two lines change places, one goes, comes, is another, or the head is. */
static void edit(const struct file *old, struct file *f)
{
	unsigned at = old->rules + some(old->n - old->rules), other = old->rules + some(old->n - old->rules);
	struct file fresh = { .keeps = old->keeps };

	*f = *old;
	switch (some(f->keeps ? 6 : 5)) {
	case 0:
	case 1:
		swap(f, at, other);
		break;
	case 2:
		memmove(f->line[at], f->line[at + 1], (size_t)(f->n - at - 1) * LINE);
		f->n--;
		break;
	case 3:
		memcpy(f->line[f->n++], f->line[other], LINE);
		swap(f, at, f->n - 1);
		break;
	case 4:
		rule(f, f->line[at]);
		break;
	case 5:
		head(&fresh);
		memcpy(f->line[0], fresh.line[0], LINE);
		memcpy(f->line[2], fresh.line[2], LINE);
		break;
	}
}

/* ---- loaded ---- */

struct loaded {
	struct arena *arena;
	struct diag_list diags;
	struct ast_program program;
	char text[MOST_LINES * LINE];
};

static bool load(struct loaded *l, const struct file *f)
{
	size_t n = 0;

	memset(l, 0, sizeof(*l));
	l->arena = l->diags.arena = l->program.arena = arena_new();
	for (unsigned i = 0; i < f->n; i++)
		n += (size_t)snprintf(l->text + n, sizeof(l->text) - n, "%s\n", f->line[i]);
	if (parse_unit(&l->program, source_new(l->arena, "a.xdpf", arena_strndup(l->arena, l->text, n), n), &l->diags) &&
	    sema_check(&l->program, &l->diags))
		return true;
	arena_free(l->arena);
	return false;
}

static void wrong(const struct loaded *a, const struct loaded *b, const char *what)
{
	fprintf(stderr, "%s---- and\n%s---- %s\n", a->text, b ? b->text : "", what);
	fail();
}

/* ---- runs ---- */

struct outcome {
	struct eval_result came;
	uint64_t count[TABLES];		/* so far */
};

static void one_count(void *arg, const struct value *key, const enum family *family, struct eval_count c)
{
	(void)key;
	(void)family;
	*(uint64_t *)arg += c.packets;
}

static struct outcome run(struct eval *e, const struct ast_program *p, const struct frame *f, uint64_t now)
{
	struct eval_packet pkt = { .data = (uint8_t[sizeof(f->data)]){ 0 }, .len = f->len, .left = f->len, .now = now };
	const struct ast_unit *u = p->units.v[0];
	struct outcome o = { 0 };

	memcpy(pkt.data, f->data, f->len);
	o.came = eval_run(e, &pkt);
	for (size_t i = 0; i < u->counters.n; i++)
		eval_counter_each(e, u->counters.v[i], one_count, &o.count[u->counters.v[i]->name.s[1] - '0']);
	return o;
}

/* Both see the same packets. True: they do the same. */
static bool same_run(const struct ast_program *a, const struct ast_program *b)
{
	const struct ast_program *p[2] = { a, b };
	struct eval *e[2] = { eval_new(a), eval_new(b) };
	size_t few[8];
	uint64_t now = 1000000000;
	bool same = true;

	assert_true(e[0] && e[1]);
	for (int i = 0; i < 8; i++)
		few[i] = some((unsigned)n_frames);
	for (unsigned i = 0; i < RUN && same; i++) {
		const struct frame *f = &frames[some(3) ? few[some(8)] : some((unsigned)n_frames)];
		struct outcome o[2];

		now += some(4) ? 0 : 700000000;
		for (int k = 0; k < 2; k++)
			o[k] = run(e[k], p[k], f, now);
		same = o[0].came.verdict == o[1].came.verdict && !memcmp(o[0].count, o[1].count, sizeof(o[0].count));
	}
	eval_free(e[0]);
	eval_free(e[1]);
	return same;
}

/* ---- without state: exactly ---- */

static unsigned long told, none_told, of_kind[CHANGE_SET + 1], open, redundant;

static void check_exact(const struct loaded *a, const struct loaded *b, const struct changes *c)
{
	struct eval *e[2] = { eval_new(&a->program), eval_new(&b->program) };
	bool *shown = calloc(c->list.n + 1, sizeof(*shown));
	struct outcome was[2] = { { .count = { 0 } }, { .count = { 0 } } };

	assert_true(e[0] && e[1]);
	for (size_t i = 0; i < n_frames; i++) {
		struct outcome o[2] = { run(e[0], &a->program, &frames[i], 0), run(e[1], &b->program, &frames[i], 0) };
		bool differs = o[0].came.verdict != o[1].came.verdict, acts = false, found = false;

		for (int k = 0; k < TABLES; k++)
			acts |= o[0].count[k] - was[0].count[k] != o[1].count[k] - was[1].count[k];
		for (size_t k = 0; k < c->list.n && (differs || acts); k++) {
			const struct change *x = &c->list.v[k];

			if (x->before == o[0].came.rule && x->after == o[1].came.rule) {
				if (found)
					wrong(a, b, "a difference is told twice");
				if (x->kind != (differs ? CHANGE_VERDICT : CHANGE_ACTIONS))
					wrong(a, b, "a difference of the other kind is told");
				found = shown[k] = true;
			}
		}
		if ((differs || acts) && !found)
			wrong(a, b, "a difference was not told");
		was[0] = o[0];
		was[1] = o[1];
	}
	for (size_t k = 0; k < c->list.n; k++)
		if (!shown[k])
			wrong(a, b, c->list.v[k].undecided ? "was not decided" : "a difference is told that there is not");
	free(shown);
	eval_free(e[0]);
	eval_free(e[1]);
}

static void check_pair(bool keeps)
{
	const struct analyse_options o = { ANALYSE_EFFORT, ANALYSE_ALL };
	struct file old, new;
	struct loaded a, b;
	struct changes c;

	write_file(&old, keeps);
	edit(&old, &new);
	if (!load(&a, &old))
		return;
	if (!load(&b, &new)) {
		arena_free(a.arena);
		return;
	}
	analyse_diff(a.arena, &a.program, &b.program, &o, &c);
	told += c.list.n != 0;
	none_told += !c.list.n;
	for (size_t i = 0; i < c.list.n; i++) {
		of_kind[c.list.v[i].kind] += !c.list.v[i].undecided;
		open += c.list.v[i].undecided;
	}
	if (!keeps)
		check_exact(&a, &b, &c);
	for (int i = 0; i < 6 && !c.list.n; i++)
		if (!same_run(&a.program, &b.program))
			wrong(&a, &b, "no difference was told");
	arena_free(a.arena);
	arena_free(b.arena);
}

/* ---- what is redundant ---- */

static void check_redundant(void)
{
	const struct analyse_options o = { ANALYSE_EFFORT, ANALYSE_ALL };
	struct file f, rest;
	struct loaded a, b;
	struct findings found;

	write_file(&f, true);
	/* the same rule, before and behind what asks a limit */
	if (some(3)) {
		snprintf(f.line[f.n++], LINE, "abort if %s over l0;", some(2) ? "tcp" : "udp");
		memcpy(f.line[f.n], f.line[f.rules + some(f.n - f.rules)], LINE);
		f.n++;
	}
	if (!load(&a, &f))
		return;
	analyse_program(a.arena, &a.program, &o, &found);
	for (size_t i = 0; i < found.list.n; i++) {
		const struct finding *x = &found.list.v[i];
		unsigned line;

		if (x->kind != FINDING_REDUNDANT)
			continue;
		line = source_line_col(x->rule->span.src, x->rule->span.begin).line;
		rest = f;
		memmove(rest.line[line - 1], rest.line[line], (size_t)(rest.n-- - line) * LINE);
		if (!load(&b, &rest))
			continue;
		redundant++;
		for (int k = 0; k < 6; k++)
			if (!same_run(&a.program, &b.program))
				wrong(&a, &b, "the rule is said to be redundant");
		arena_free(b.arena);
	}
	arena_free(a.arena);
}

/* ---- tests ---- */

static unsigned long setting(const char *name, unsigned long otherwise)
{
	const char *s = getenv(name);

	return s ? strtoul(s, NULL, 10) : otherwise;
}

static void test_runs(void **unused)
{
	unsigned long n = setting("FILES", 60), seed = setting("SEED", 1);

	(void)unused;
	for (unsigned long i = 0; i < n; i++) {
		state = (seed << 20) + 3 * i;
		check_pair(false);
		state = (seed << 20) + 3 * i + 1;
		check_pair(true);
		state = (seed << 20) + 3 * i + 2;
		check_redundant();
	}
	/* a test that finds nothing shows nothing */
	assert_true(n < 60 || (told && none_told && redundant));
	for (int i = 0; i <= CHANGE_SET; i++)
		assert_true(n < 60 || of_kind[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_runs) };
	int failed;

	all_frames();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (getenv("FILES"))
		printf("told %lu, none %lu; verdicts %lu, actions %lu, limits %lu, sets %lu, not decided %lu; redundant %lu\n", told, none_told,
		       of_kind[0], of_kind[1], of_kind[2], of_kind[3], open, redundant);
	free(frames);
	return failed;
}
