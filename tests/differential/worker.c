/*
 * The worker of the differential driver: rule files through the evaluator and through the kernel, many in one process. In comes a job a line, as
 * JSON; out goes an answer a line.
 *
 *   {"files": [PATH, …], "also": [PATH that they read, …], "repair": true}
 *       the lines that the checker refuses are taken out of the files; {"lines": N taken out}
 *   {"files": […], "capture": PATH, "splits": [0, 34, …], "seed": 1, "seen": true, "ways": [{"engine": E, "set_engine": E, "counting": HOW,
 *    "table_memory": MB, "mcpu": M, "plain": true}, …], and options of `xdpf run`: "iface", "rxqueue", "no_way", "socket", "flow_state", "rx"}
 *
 * Each way to compile them is loaded and run over the capture, each frame with only its first bytes in one piece where .splits says so. The kernel
 * must say of each frame what the evaluator says, verdict, rule and bytes; at the end of all counters, of sets that live and of limits. Without
 * "capture" it is only loaded. An answer has "wrong": what is not so, and of which frame; "refused" or "unfit" where the kernel or the compiler takes
 * no program. "lie": [OLD, NEW]: what is compiled has the text NEW in the place of OLD: a fault that tests of the driver plant.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compile_priv.h"
#include "worker.h"

void wrong(struct job *j, size_t frame, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	json_object_set_new(j->out, "wrong", json_pack("{s:s, s:I}", "what", text, "frame", (json_int_t)frame));
	free(text);
}

static void on_log(void *arg, enum xdpf_log_level level, const char *text)
{
	struct job *j = arg;
	size_t n = strlen(j->said);

	if (level == XDPF_LOG_ERROR && n + 1 < sizeof(j->said))
		snprintf(j->said + n, sizeof(j->said) - n, "%s\n", text);
}

struct xdpf_log job_log(struct job *j)
{
	return (struct xdpf_log){ on_log, j };
}

char *job_diagnosed(struct job *j)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		abort();
	diag_render(&j->diag, f, false);
	fclose(f);
	return text;
}

/* ---- the front ---- */

/* @s with the first text of @lie replaced by the second; itself, where it has none. */
static const struct source *lied(struct job *j, const struct source *s, const json_t *lie)
{
	const char *old = json_string_value(json_array_get(lie, 0)), *new = json_string_value(json_array_get(lie, 1)), *at;
	char *text;

	at = old && new ? strstr(s->text, old) : NULL;
	if (!at)
		return s;
	text = arena_printf(j->arena, "%.*s%s%s", (int)(at - s->text), s->text, new, at + strlen(old));
	return source_new(j->arena, s->path, text, strlen(text));
}

/* @lie: NULL, or see the top. */
static const struct ast_program *front(struct job *j, const json_t *lie)
{
	json_t *files = json_object_get(j->in, "files");
	const struct source **src = arena_array(j->arena, json_array_size(files) + 1, sizeof(*src));

	j->diag = (struct diag_list){ .arena = j->arena };
	for (size_t i = 0; i < json_array_size(files); i++) {
		src[i] = source_read(j->arena, json_string_value(json_array_get(files, i)), &j->diag);
		if (!src[i])
			return NULL;
		src[i] = lied(j, src[i], lie);
	}
	return compile_front(j->arena, src, json_array_size(files), &j->diag);
}

/* Writes the file without the lines that errors are about; how many those are. */
static size_t without_errors(struct job *j, const char *path)
{
	const struct source *src = NULL;
	size_t taken = 0;
	bool *bad;
	FILE *f;

	for (size_t i = 0; i < j->diag.list.n; i++)
		if (j->diag.list.v[i].severity == DIAG_ERROR && j->diag.list.v[i].span.src && !strcmp(j->diag.list.v[i].span.src->path, path))
			src = j->diag.list.v[i].span.src;
	if (!src)
		return 0;
	bad = arena_array(j->arena, src->n_lines + 1, sizeof(*bad));
	for (size_t i = 0; i < j->diag.list.n; i++) {
		const struct diag *d = &j->diag.list.v[i];

		if (d->severity == DIAG_ERROR && d->span.src == src)
			bad[source_line_col(src, d->span.begin).line - 1] = true;
	}
	f = fopen(path, "w");
	if (!f)
		return 0;
	for (size_t i = 0; i < src->n_lines; i++) {
		size_t end = i + 1 < src->n_lines ? src->line_start[i + 1] : src->len;

		taken += bad[i];
		if (!bad[i])
			fwrite(src->text + src->line_start[i], 1, end - src->line_start[i], f);
	}
	fclose(f);
	return taken;
}

/* Until the checker, and what finds out whether it fits, accept them. */
static void repair(struct job *j)
{
	json_t *files = json_object_get(j->in, "files"), *also = json_object_get(j->in, "also");
	const struct compile_options o = { .mcpu = NULL };
	const struct ast_program *p;
	size_t lines = 0;

	while (!(p = front(j, NULL)) || !compile_check(p, &o, &j->diag)) {
		size_t taken = 0;

		for (size_t i = 0; i < json_array_size(files); i++)
			taken += without_errors(j, json_string_value(json_array_get(files, i)));
		for (size_t i = 0; i < json_array_size(also); i++)
			taken += without_errors(j, json_string_value(json_array_get(also, i)));
		if (!taken) {
			char *text = job_diagnosed(j);

			json_object_set_new(j->out, "unfit", json_string(text));
			free(text);
			return;
		}
		lines += taken;
	}
	json_object_set_new(j->out, "lines", json_integer((json_int_t)lines));
}

/* ---- one way to compile ---- */

static bool options_of(const json_t *way, struct compile_options *o)
{
	const char *engine = json_string_value(json_object_get(way, "engine")), *sets = json_string_value(json_object_get(way, "set_engine")),
		   *counting = json_string_value(json_object_get(way, "counting"));

	*o = (struct compile_options){ .mcpu = json_string_value(json_object_get(way, "mcpu")) };
	o->lower.classify.max_bytes = (size_t)COMPILE_TABLE_MEMORY << 20;
	if (json_object_get(way, "table_memory"))
		o->lower.classify.max_bytes = (size_t)json_integer_value(json_object_get(way, "table_memory")) << 20;
	o->lower.plain = json_is_true(json_object_get(way, "plain"));
	o->lower.apart = (unsigned)json_integer_value(json_object_get(way, "apart"));
	o->lower.off_stack = json_is_true(json_object_get(way, "off_stack")) ? OFF_STACK_VARIABLES : OFF_STACK_NONE;
	o->lower.sets.most = o->lower.classify.max_bytes;
	return (!engine || compile_engine(engine, &o->lower.classify.engine)) && (!sets || set_engine_find(sets, &o->lower.sets.engine)) &&
	       (!counting || compile_counting(counting, &o->lower.counting));
}

/* Engines that it uses. */
static void note_engines(json_t *out, const struct ir_program *ir)
{
	json_t *rules = json_object(), *sets = json_object();

	for (size_t i = 0; i < ir->segment.n; i++)
		json_object_set_new(rules, ir->segment.v[i]->classifier ? classify_name(ir->segment.v[i]->classifier) : "linear", json_true());
	for (size_t i = 0; i < ir->table.n; i++)
		if (ir->table.v[i]->table.engine != SET_AUTO)
			json_object_set_new(sets, set_engine_name(ir->table.v[i]->table.engine), json_true());
	json_object_set_new(out, "engines", rules);
	json_object_set_new(out, "set_engines", sets);
}

static void run_all(struct job *j, struct sides *s)
{
	uint64_t now = j->n ? j->frame[j->n - 1].now : 0;
	char *why;

	for (size_t n = 0; n < j->n; n++)
		if (!run_frame(j, s, n))
			return;
	if (!j->n || count_differs(j, s))
		return;
	why = state_differs(j->program, s->eval, s->prog, now);
	if (why)
		wrong(j, j->n, "%s", why);
	free(why);
}

/* What the compiler says of a way that it cannot go: of engines, that one does not take these rules. */
static void unfit(struct job *j, json_t *out)
{
	char *text = job_diagnosed(j);

	json_object_set_new(out, "unfit", json_string(text));
	free(text);
}

static bool run_way(struct job *j, const json_t *way, struct seen **seen)
{
	const struct xdpf_log log = job_log(j);
	json_t *out = json_object();
	struct sides s = { 0 };
	struct xdpf_object *object = NULL;
	struct compile_facts facts = { 0 };
	struct compile_options o;
	void *obj = NULL;
	size_t len = 0;
	int err;

	json_array_append_new(json_object_get(j->out, "ways"), out);
	j->said[0] = '\0';
	if (!options_of(way, &o)) {
		json_object_set_new(j->out, "error", json_string("no such way to compile"));
		return false;
	}
	j->diag = (struct diag_list){ .arena = j->arena };
	if (!compile_with_facts(j->other, &o, &j->diag, &obj, &len, &facts)) {
		unfit(j, out);
		return true;
	}
	note_engines(out, facts.ir);
	json_object_set_new(out, "bytes", json_integer((json_int_t)len));
	err = xdpf_object_open_mem(&object, obj, len, "differential", &log);
	if (!err)
		err = xdpf_program_load(&s.prog, object, &j->load, &log);
	compile_object_free(obj, len);
	if (err) {
		json_object_set_new(out, "refused", json_string(j->said));
	} else {
		s.eval = eval_new(j->program);
		if (!s.eval)
			abort();
		if (seen && json_is_true(json_object_get(j->in, "seen")))
			*seen = seen_new(s.eval);
		run_all(j, &s);
		if (seen && *seen)
			json_object_set_new(j->out, "seen", seen_json(*seen));
		if (seen) {
			seen_free(*seen);
			json_object_set_new(j->out, "defaults", json_integer(s.decided));
			json_object_set_new(j->out, "changed", json_integer(s.changed));
		}
	}
	xdpf_program_free(s.prog);
	xdpf_object_free(object);
	eval_free(s.eval);
	return !json_object_get(j->out, "wrong");
}

static void read_options(struct job *j)
{
	static const char *const states[] = { "", "new", "established", "related" };
	const char *iface = json_string_value(json_object_get(j->in, "iface")), *socket = json_string_value(json_object_get(j->in, "socket")),
		   *flow = json_string_value(json_object_get(j->in, "flow_state")), *rx = json_string_value(json_object_get(j->in, "rx"));

	j->load = (struct xdpf_load_opts){ .sz = sizeof(j->load), .frags = true, .test = true, .test_iface = iface,
					   .has_test_rxqueue = json_object_get(j->in, "rxqueue"),
					   .test_rxqueue = (uint32_t)json_integer_value(json_object_get(j->in, "rxqueue")) };
	j->opts = (struct xdpf_run_opts){ .sz = sizeof(j->opts), .no_way = json_is_true(json_object_get(j->in, "no_way")), .has_socket = socket,
					  .socket = socket && !strcmp(socket, "yes") };
	for (int i = 1; flow && i < 4; i++)
		if (!strcmp(flow, states[i]))
			j->opts.flow_state = (enum xdpf_flow)i;
	if (rx && !xdpf_run_opts_rx(&j->opts, rx))
		json_object_set_new(j->out, "error", json_string("rx is not understood"));
	j->seed = json_object_get(j->in, "seed") ? (uint64_t)json_integer_value(json_object_get(j->in, "seed")) : 1;
}

static void do_job(struct job *j)
{
	const char *capture = json_string_value(json_object_get(j->in, "capture"));
	json_t *ways = json_object_get(j->in, "ways");
	struct seen *seen = NULL;

	if (json_is_true(json_object_get(j->in, "repair"))) {
		repair(j);
		return;
	}
	json_object_set_new(j->out, "ways", json_array());
	j->program = front(j, NULL);
	j->other = json_object_get(j->in, "lie") ? front(j, json_object_get(j->in, "lie")) : j->program;
	if (!j->program || !j->other) {
		unfit(j, j->out);
		return;
	}
	read_options(j);
	if (capture && !run_read(j, capture)) {
		json_object_set_new(j->out, "error", json_string("the capture cannot be read"));
		return;
	}
	j->load.test_packets = j->n ? j->n : 1;
	for (size_t i = 0; i < json_array_size(ways); i++)
		if (!run_way(j, json_array_get(ways, i), i ? NULL : &seen))
			return;
}

int main(void)
{
	char *line = NULL;
	size_t cap = 0;

	while (getline(&line, &cap, stdin) > 0) {
		struct job j = { .arena = arena_new(), .out = json_object() };

		j.in = json_loads(line, 0, NULL);
		if (j.in)
			do_job(&j);
		else
			json_object_set_new(j.out, "error", json_string("a line is no JSON"));
		json_dumpf(j.out, stdout, JSON_COMPACT);
		putchar('\n');
		fflush(stdout);
		json_decref(j.in);
		json_decref(j.out);
		arena_free(j.arena);
	}
	free(line);
	return 0;
}
