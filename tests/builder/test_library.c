/*
 * libxdpfc as its header says it: rule files from memory, files by a function or refused, diagnostics, texts and tests as data; and what it makes
 * of calls that are wrong.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <xdpfc/builder.h>

static struct xdpfc_result *compiled(const char *name, const char *text, unsigned want, const struct xdpfc_options *o)
{
	struct xdpfc_program *p;
	struct xdpfc_result *r;

	assert_int_equal(xdpfc_program_new(&p), 0);
	assert_int_equal(xdpfc_program_add(p, name, text, strlen(text)), 0);
	assert_int_equal(xdpfc_compile(&r, p, want, o), 0);
	xdpfc_program_free(p);
	return r;
}

static const char text[] =
	"limit slow = 2/s burst 2 per ip.src;\n"
	"set bad : ip4 live;\n"
	"telnet: drop if tcp.dport == 23;\n"
	"full:   drop if ip4.src in bad;\n"
	"test \"telnet\" { packet { tcp, tcp.dport = 23 } expect drop by telnet }\n"
	"test \"fails\" { packet { udp } expect pass packet { tcp, tcp.dport = 23 } expect pass by default }\n"
	"drop if udp over slow;\n";

static void everything(void **state)
{
	enum { ALL = XDPFC_OBJECT | XDPFC_TESTS | XDPFC_AST | XDPFC_IR | XDPFC_LLVM | XDPFC_ASM | XDPFC_BUDGET | XDPFC_BUDGET_JSON | XDPFC_FORMAT };
	static const struct {
		enum xdpfc_want want;
		const char *has;
	} texts[] = {
		{ XDPFC_AST, "file edge.xdpf\n" }, { XDPFC_IR, "program" }, { XDPFC_LLVM, "target triple = \"bpfel\"" }, { XDPFC_ASM, "exit" },
		{ XDPFC_BUDGET, "instructions; a packet takes at most" }, { XDPFC_BUDGET_JSON, "\"instructions\"" },
		{ XDPFC_FORMAT, "limit slow = 2/s burst 2 per ip.src;\n" },
	};
	struct xdpfc_result *r = compiled("rules/edge.xdpf", text, ALL, NULL);
	const struct xdpfc_test *t;
	size_t len;

	(void)state;
	assert_true(xdpfc_result_ok(r));
	assert_int_equal(xdpfc_result_errors(r), 0);
	assert_memory_equal(xdpfc_result_get(r, XDPFC_OBJECT, &len), "\177ELF", 4);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *s = xdpfc_result_get(r, texts[i].want, &len);

		assert_non_null(s);
		assert_int_equal(strlen(s), len);
		assert_non_null(strstr(s, texts[i].has));
	}
	t = xdpfc_result_test(r, 0);
	assert_string_equal(t->name, "telnet");
	assert_true(t->passed);
	assert_null(t->text);
	assert_int_equal(t->place.line, 5);
	t = xdpfc_result_test(r, 1);
	assert_false(t->passed);
	assert_string_equal(t->text, "packet 2: expected pass by default, came drop by telnet");
	assert_string_equal(t->place.file, "rules/edge.xdpf");
	assert_int_equal(t->place.line, 6);
	assert_int_equal(t->packet, 2);
	assert_null(xdpfc_result_test(r, 2));
	xdpfc_result_free(r);
}

static void wrong_rules(void **state)
{
	static const struct {
		const char *text;
		enum xdpfc_kind kind;
		unsigned line, column, end_column;
		const char *says, *remedy;
	} cases[] = {
		{ "\ndrop if tcp.dprot == 7;\n", XDPFC_MEANING, 2, 9, 18, "unknown field `tcp.dprot`", "did you mean `tcp.dport`?" },
		{ "drop if tcp.dport = 7;\n", XDPFC_SYNTAX, 1, 19, 20, "`=` does not compare", "write `==`" },
		{ "include \"more.xdpf\";\n", XDPFC_SYNTAX, 1, 9, 20, "cannot read rules/more.xdpf: rule files in memory name no files, where "
		  "nobody is there to give them", NULL },
		{ "set s : ip4 from \"list\";\ndrop if ip4.src in s;\n", XDPFC_SYNTAX, 1, 18, 24, "cannot read rules/list: rule files in memory "
		  "name no files, where nobody is there to give them", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct xdpfc_result *r = compiled("rules/edge.xdpf", cases[i].text, XDPFC_OBJECT, NULL);
		const struct xdpfc_diag *d = xdpfc_result_diag(r, 0);
		size_t len;

		assert_false(xdpfc_result_ok(r));
		assert_int_equal(xdpfc_result_errors(r), 1);
		assert_null(xdpfc_result_get(r, XDPFC_OBJECT, &len));
		assert_int_equal(d->severity, XDPFC_ERROR);
		assert_int_equal(d->kind, cases[i].kind);
		assert_string_equal(d->place.file, "rules/edge.xdpf");
		assert_int_equal(d->place.line, cases[i].line);
		assert_int_equal(d->place.column, cases[i].column);
		assert_int_equal(d->place.end_column, cases[i].end_column);
		assert_string_equal(d->text, cases[i].says);
		if (cases[i].remedy)
			assert_string_equal(d->remedy, cases[i].remedy);
		else
			assert_null(d->remedy);
		assert_non_null(strstr(xdpfc_result_messages(r), cases[i].says));
		assert_null(xdpfc_result_diag(r, 1));
		xdpfc_result_free(r);
	}
}

static void warnings(void **state)
{
	static const char unused[] = "let a = 5;\ndrop if tcp.dport == 6;\n";
	struct xdpfc_options o = { .sz = sizeof(o) };
	struct xdpfc_result *r = compiled("w.xdpf", unused, XDPFC_OBJECT, &o);
	const struct xdpfc_diag *d = xdpfc_result_diag(r, 0);

	(void)state;
	assert_true(xdpfc_result_ok(r));
	assert_int_equal(d->severity, XDPFC_WARNING);
	assert_int_equal(xdpfc_result_warnings(r), 1);
	xdpfc_result_free(r);
	o.werror = true;
	r = compiled("w.xdpf", unused, XDPFC_OBJECT, &o);
	assert_false(xdpfc_result_ok(r));
	xdpfc_result_free(r);
	/* a rule with a second place */
	r = compiled("w.xdpf", "a: drop if tcp;\na: drop if udp;\n", 0, NULL);
	d = xdpfc_result_diag(r, 0);
	assert_non_null(d->note);
	assert_string_equal(d->note_place.file, "w.xdpf");
	assert_int_equal(d->note_place.line, 1);
	xdpfc_result_free(r);
}

/* ---- files ---- */

struct files {
	const char *asked[8];
	unsigned n;
	int err;
};

static int give(void *arg, const char *path, char **bytes, size_t *len)
{
	struct files *f = arg;

	f->asked[f->n++] = strdup(path);
	if (f->err)
		return f->err;
	if (strstr(path, ".list"))
		*bytes = strdup("192.0.2.1\n192.0.2.2\n");
	else if (strstr(path, "none"))
		return -ENOENT;
	else if (strstr(path, "self"))
		*bytes = strdup("include \"self.xdpf\";\n");
	else
		*bytes = strdup("let old-port = 23;\n");
	*len = strlen(*bytes);
	return 0;
}

static void forget(struct files *f)
{
	for (unsigned i = 0; i < f->n; i++)
		free((void *)(uintptr_t)f->asked[i]);
	*f = (struct files){ 0 };
}

static void files_are_given(void **state)
{
	struct files f = { 0 };
	const struct xdpfc_options o = { .sz = sizeof(o), .read = give, .read_arg = &f };
	struct xdpfc_result *r;

	(void)state;
	r = compiled("d/a.xdpf", "include \"sub/b.xdpf\";\nset s : ip4 from \"x.list\";\ndrop if ip4.src in s and tcp.dport == old-port;\n"
		     "test \"t\" { packet { ip4.src = 192.0.2.2, tcp.dport = 23 } expect drop }\n", XDPFC_OBJECT | XDPFC_TESTS, &o);
	assert_string_equal(xdpfc_result_messages(r), "");
	assert_true(xdpfc_result_ok(r));
	assert_true(xdpfc_result_test(r, 0)->passed);
	assert_int_equal(f.n, 2);
	assert_string_equal(f.asked[0], "d/sub/b.xdpf");
	assert_string_equal(f.asked[1], "d/x.list");
	xdpfc_result_free(r);
	forget(&f);

	r = compiled("d/a.xdpf", "include \"none\";\ninclude \"b\";\ninclude \"b\";\ninclude \"self.xdpf\";\n", 0, &o);
	assert_int_equal(xdpfc_result_errors(r), 3);
	assert_string_equal(xdpfc_result_diag(r, 0)->text, "cannot read d/none: No such file or directory");
	assert_string_equal(xdpfc_result_diag(r, 1)->text, "d/b is included twice");
	assert_string_equal(xdpfc_result_diag(r, 2)->text, "the file includes itself: d/self.xdpf -> d/self.xdpf");
	assert_string_equal(xdpfc_result_diag(r, 2)->place.file, "d/self.xdpf");
	xdpfc_result_free(r);
	forget(&f);

	f.err = -EACCES;
	r = compiled("a.xdpf", "test \"t\" { packet from \"x.pcap\" 1 expect drop }\ndrop;\n", 0, &o);
	assert_non_null(strstr(xdpfc_result_diag(r, 0)->text, "Permission denied"));
	xdpfc_result_free(r);
	forget(&f);
}

static void files_of_the_system(void **state)
{
	const struct xdpfc_options o = { .sz = sizeof(o), .read = xdpfc_read_file };
	struct xdpfc_result *r = compiled(TESTS "/a.xdpf", "test \"t\" { packet from \"../captures/telnet.pcap\" 1 expect drop by telnet }\n"
					  "include \"rest.xdpf\";\ninclude \"none.xdpf\";\ninclude \".\";\n", 0, &o);
	char *bytes;
	size_t len;

	(void)state;
	assert_int_equal(xdpfc_read_file(NULL, TESTS "/rest.xdpf", &bytes, &len), 0);
	assert_int_equal(bytes[0], '#');
	free(bytes);
	assert_int_equal(xdpfc_read_file(NULL, TESTS, &bytes, &len), -EISDIR);
	assert_int_equal(xdpfc_read_file(NULL, TESTS "/none", &bytes, &len), -ENOENT);
	assert_int_equal(xdpfc_read_file(NULL, NULL, &bytes, &len), -EINVAL);
	assert_non_null(strstr(xdpfc_result_messages(r), "none.xdpf: No such file"));
	assert_non_null(strstr(xdpfc_result_messages(r), "Is a directory"));
	xdpfc_result_free(r);
}

/* ---- several files ---- */

static void several(void **state)
{
	struct xdpfc_program *p;
	struct xdpfc_result *r;

	(void)state;
	assert_int_equal(xdpfc_program_new(&p), 0);
	assert_int_equal(xdpfc_program_add(p, "a.xdpf", "pass if tcp;\n", 13), 0);
	assert_int_equal(xdpfc_program_add(p, "b.xdpf", "drop if udp;\n", 13), 0);
	assert_int_equal(xdpfc_compile(&r, p, XDPFC_OBJECT, NULL), 0);
	assert_true(xdpfc_result_ok(r));
	xdpfc_result_free(r);
	assert_int_equal(xdpfc_compile(&r, p, XDPFC_FORMAT, NULL), -EINVAL);
	assert_int_equal(xdpfc_program_add(p, "x/a.xdpf", NULL, 0), 0);
	assert_int_equal(xdpfc_compile(&r, p, 0, NULL), 0);
	assert_string_equal(xdpfc_result_diag(r, 0)->text, "two files of this program are called `a.xdpf`");
	xdpfc_result_free(r);
	xdpfc_program_free(p);
}

/* ---- calls that are wrong ---- */

static void wrong_calls(void **state)
{
	struct xdpfc_options o = { .sz = sizeof(o) };
	struct xdpfc_program *p;
	struct xdpfc_result *r = NULL;

	(void)state;
	assert_int_equal(xdpfc_program_new(NULL), -EINVAL);
	assert_int_equal(xdpfc_program_new(&p), 0);
	assert_int_equal(xdpfc_compile(&r, NULL, 0, NULL), -EINVAL);
	assert_int_equal(xdpfc_compile(&r, p, 0, NULL), -EINVAL);
	assert_int_equal(xdpfc_program_add(NULL, "a", "", 0), -EINVAL);
	assert_int_equal(xdpfc_program_add(p, NULL, "", 0), -EINVAL);
	assert_int_equal(xdpfc_program_add(p, "", "", 0), -EINVAL);
	assert_int_equal(xdpfc_program_add(p, "a", NULL, 1), -EINVAL);
	assert_int_equal(xdpfc_program_add(p, "a", "", SIZE_MAX), -E2BIG);
	assert_int_equal(xdpfc_program_add(p, "a", "drop;", 5), 0);
	assert_int_equal(xdpfc_compile(NULL, p, 0, NULL), -EINVAL);
	assert_int_equal(xdpfc_compile(&r, p, 1 << 20, NULL), -EINVAL);
	assert_int_equal(xdpfc_compile(&r, p, 1u << 30, NULL), -EINVAL);
	for (int i = 0; i < 5; i++) {
		o = (struct xdpfc_options){ .sz = i == 4 ? 0 : sizeof(o), .mcpu = i == 0 ? "v9" : NULL, .engine = i == 1 ? "x" : NULL,
					    .set_engine = i == 2 ? "x" : NULL, .table_memory = i == 3 ? 513 : 0 };
		assert_int_equal(xdpfc_compile(&r, p, 0, &o), -EINVAL);
	}
	assert_null(r);
	/* an older caller's struct is shorter, a newer one's longer */
	o = (struct xdpfc_options){ .sz = offsetof(struct xdpfc_options, engine), .mcpu = "v4", .engine = "no older caller says this" };
	assert_int_equal(xdpfc_compile(&r, p, 0, &o), 0);
	xdpfc_result_free(r);
	xdpfc_program_free(p);
	xdpfc_program_free(NULL);
	xdpfc_result_free(NULL);
	assert_false(xdpfc_result_ok(NULL));
	assert_null(xdpfc_result_diag(NULL, 0));
	assert_null(xdpfc_result_test(NULL, 0));
	assert_null(xdpfc_result_get(NULL, XDPFC_OBJECT, NULL));
	assert_string_equal(xdpfc_result_messages(NULL), "");
	assert_int_equal(xdpfc_result_errors(NULL) + xdpfc_result_warnings(NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything), cmocka_unit_test(wrong_rules), cmocka_unit_test(warnings), cmocka_unit_test(files_are_given),
		cmocka_unit_test(files_of_the_system), cmocka_unit_test(several), cmocka_unit_test(wrong_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
