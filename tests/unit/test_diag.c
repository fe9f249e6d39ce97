/*
 * Places in texts, and diagnostics as people and programs see them: carets under wide characters and behind tabs, long lines, broken
 * text, more errors than are kept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "diag.h"
#include "utf8.h"

struct fixture {
	struct arena *a;
	struct diag_list d;
	struct source *src;
	char *text;
};

static struct fixture start(const char *text)
{
	struct fixture f = { .a = arena_new() };

	f.d.arena = f.a;
	f.src = source_new(f.a, "dir/x.xdpf", text, strlen(text));
	return f;
}

static void end(struct fixture *f)
{
	free(f->text);
	arena_free(f->a);
}

static struct span at(struct fixture *f, size_t begin, size_t len)
{
	return (struct span){ f->src, (uint32_t)begin, (uint32_t)(begin + len) };
}

/* The list, rendered. */
static const char *rendered(struct fixture *f)
{
	size_t n;
	FILE *out;

	free(f->text);
	out = open_memstream(&f->text, &n);
	assert_non_null(out);
	diag_render(&f->d, out, false);
	fclose(out);
	return f->text;
}

static void lines_and_columns(void **state)
{
	struct fixture f = start("ab\n\ncd");
	struct line_col lc;
	static const struct { uint32_t off; unsigned line, col; } want[] = {
		{ 0, 1, 1 }, { 1, 1, 2 }, { 2, 1, 3 }, { 3, 2, 1 }, { 4, 3, 1 }, { 6, 3, 3 },
	};

	(void)state;
	assert_int_equal(f.src->n_lines, 3);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		lc = source_line_col(f.src, want[i].off);
		assert_int_equal(lc.line, want[i].line);
		assert_int_equal(lc.col, want[i].col);
	}
	assert_string_equal(span_shown(f.a, at(&f, 4, 1)), "x.xdpf:3");
	end(&f);
	f = start("");
	assert_int_equal(f.src->n_lines, 1);
	lc = source_line_col(f.src, 0);
	assert_int_equal(lc.line, 1);
	assert_int_equal(lc.col, 1);
	end(&f);
}

static void one_of_each(void **state)
{
	struct fixture f = start("let x = 5;\ndrop if tcp.dport == 70000;\n");
	struct diag *e = diag_error(&f.d, at(&f, 32, 5), "%d is not a port", 70000);

	(void)state;
	e->remedy = "a port is a number";
	e->note_span = at(&f, 4, 1);
	e->note = "declared here";
	diag_warning(&f.d, (struct span){ 0 }, "without a place");
	assert_string_equal(rendered(&f),
			    "dir/x.xdpf:2:22: error: 70000 is not a port\n"
			    "    2 | drop if tcp.dport == 70000;\n"
			    "      |                      ^~~~~\n"
			    "  remedy: a port is a number\n"
			    "dir/x.xdpf:1:5: note: declared here\n"
			    "    1 | let x = 5;\n"
			    "      |     ^\n"
			    "xdpfc: warning: without a place\n");
	assert_true(diag_failed(&f.d));
	end(&f);
}

static const char *made_place(const struct source_origin *o, struct arena *a, struct span sp)
{
	(void)o;
	return arena_printf(a, "/words/%u-%u", sp.begin, sp.end);
}

static void made_written(const struct source_origin *o, struct span sp, const char **file, unsigned *line)
{
	(void)o;
	if (sp.begin >= 8)
		*file = "dir/tenants.csv";
	if (sp.begin)
		*line = sp.begin;
}

/* A text that was made from something else: places are those of what it was made from. */
static void made(void **state)
{
	static const struct source_origin origin = { "dir/x.json", made_place, made_written }, bare = { "-", made_place, NULL };
	struct fixture f = start("drop if tcp;\n");
	struct source *nothing = source_new(f.a, "y", "", 0);
	struct diag *d;

	(void)state;
	f.src->origin = &origin;
	nothing->origin = &bare;
	d = diag_error(&f.d, at(&f, 8, 3), "no");
	d->remedy = "yes";
	d->note = "here";
	d->note_span = at(&f, 0, 4);
	diag_error(&f.d, (struct span){ nothing, 0, 0 }, "none");
	assert_string_equal(rendered(&f),
			    "dir/x.json#/words/8-11: error: no\n"
			    "      | drop if tcp;\n"
			    "      |         ^~~\n"
			    "  remedy: yes\n"
			    "  written by: dir/tenants.csv:8\n"
			    "dir/x.json#/words/0-4: note: here\n"
			    "      | drop if tcp;\n"
			    "      | ^~~~\n"
			    "<stdin>#/words/0-0: error: none\n");
	assert_string_equal(span_shown(f.a, at(&f, 8, 3)), "tenants.csv:8");
	assert_string_equal(span_shown(f.a, at(&f, 5, 2)), "x.xdpf:5");
	assert_string_equal(span_shown(f.a, at(&f, 0, 2)), "x.xdpf:1");
	end(&f);
}

/* The excerpt's two lines, for a diagnostic at @begin. */
static void check_excerpt(const char *text, size_t begin, size_t len, const char *want)
{
	struct fixture f = start(text);

	diag_error(&f.d, at(&f, begin, len), "x");
	assert_string_equal(strchr(rendered(&f), '\n') + 1, want);
	end(&f);
}

static void carets(void **state)
{
	(void)state;
	/* Nothing there, at the end of a line, of the file. */
	check_excerpt("", 0, 0, "    1 | \n      | ^\n");
	check_excerpt("ab\ncd", 2, 0, "    1 | ab\n      |   ^\n");
	check_excerpt("ab\ncd", 5, 0, "    2 | cd\n      |   ^\n");
	check_excerpt("ab\n", 3, 0, "    2 | \n      | ^\n");
	check_excerpt("ab\r\ncd", 3, 1, "    1 | ab\n      |   ^\n");
	/* Several lines: up to the first one's end. */
	check_excerpt("ab cd\nef", 3, 5, "    1 | ab cd\n      |    ^~\n");
	/* Tabs go to the next multiple of eight. */
	check_excerpt("\tx", 1, 1, "    1 |         x\n      |         ^\n");
	check_excerpt("abc\tx", 4, 1, "    1 | abc     x\n      |         ^\n");
	/* Two bytes and one column, three bytes and two columns, a combining one and none. */
	check_excerpt("\u00f6\u00f6x", 4, 1, "    1 | \u00f6\u00f6x\n      |   ^\n");
	check_excerpt("\u6f22\u5b57x", 6, 1, "    1 | \u6f22\u5b57x\n      |     ^\n");
	check_excerpt("\u6f22\u5b57x", 0, 6, "    1 | \u6f22\u5b57x\n      | ^~~~\n");
	check_excerpt("o\u0308x", 3, 1, "    1 | o\u0308x\n      |  ^\n");
	/* What a terminal would obey, or cannot show. */
	check_excerpt("a\33[1mb", 5, 1, "    1 | a?[1mb\n      |      ^\n");
	check_excerpt("\xff\xc3yx", 3, 1, "    1 | ??yx\n      |    ^\n");
	check_excerpt("\u202ex", 3, 1, "    1 | ?x\n      |  ^\n");
	check_excerpt("\xc2\x9bx", 2, 1, "    1 | ?x\n      |  ^\n");
}

static void long_lines(void **state)
{
	static const char fill[] = "xxxxxxxxx ";
	char line[2001] = "";
	struct fixture f;
	const char *s, *caret, *word;

	(void)state;
	for (size_t i = 0; i < 200; i++)
		memcpy(line + i * 10, fill, 11);
	for (size_t where = 0; where <= 2000; where += 40) {
		char copy[2001];

		memcpy(copy, line, sizeof(copy));
		if (where < 2000)
			copy[where] = '!';
		f = start(copy);
		diag_error(&f.d, at(&f, where, where < 2000), "x");
		s = strchr(rendered(&f), '\n') + 1;
		word = strchr(s, '!');
		caret = strchr(s, '^');
		assert_non_null(caret);
		assert_true(strchr(s, '\n') - s < 120);
		if (where < 2000)
			assert_int_equal(word - s, caret - strchr(s, '\n') - 1);
		end(&f);
	}
	/* A span longer than what is shown. */
	f = start(line);
	diag_error(&f.d, at(&f, 1000, 1000), "x");
	s = strchr(rendered(&f), '\n') + 1;
	assert_true(strlen(strchr(s, '\n') + 1) < 120);
	end(&f);
	/* Tabs only, and a wide character on each edge. */
	memset(line, '\t', 2000);
	f = start(line);
	diag_error(&f.d, at(&f, 999, 1), "x");
	rendered(&f);
	end(&f);
}

static void more_than_kept(void **state)
{
	struct fixture f = start("x");
	const char *s;

	(void)state;
	for (int i = 0; i < 25; i++) {
		assert_false(diag_full(&f.d));
		diag_error(&f.d, at(&f, 0, 1), "error %d", i)->remedy = "none";
	}
	assert_int_equal(f.d.errors, 25);
	assert_int_equal(f.d.list.n, DIAG_MAX_ERRORS);
	s = rendered(&f);
	assert_non_null(strstr(s, "error 19\n"));
	assert_null(strstr(s, "error 20"));
	assert_non_null(strstr(s, "\nxdpfc: and 5 more errors\n"));
	for (int i = 25; i < DIAG_MAX_COUNTED; i++)
		diag_error(&f.d, at(&f, 0, 1), "error %d", i);
	assert_true(diag_full(&f.d));
	assert_int_equal(f.d.list.n, DIAG_MAX_ERRORS);
	assert_non_null(strstr(rendered(&f), "\nxdpfc: and at least 980 more errors\n"));
	end(&f);
}

static void warnings_as_errors(void **state)
{
	struct fixture f = start("x");

	(void)state;
	diag_warning(&f.d, at(&f, 0, 1), "odd");
	assert_false(diag_failed(&f.d));
	assert_null(strstr(rendered(&f), "-Werror"));
	f.d.werror = true;
	assert_true(diag_failed(&f.d));
	assert_non_null(strstr(rendered(&f), "warning: odd [-Werror]\n"));
	end(&f);
}

static void long_texts(void **state)
{
	struct fixture f = start("x");
	char *word = malloc(1 << 20);

	(void)state;
	memset(word, 'w', (1 << 20) - 1);
	word[(1 << 20) - 1] = '\0';
	diag_error(&f.d, at(&f, 0, 1), "unknown name `%s`", word);
	diag_error(&f.d, at(&f, 0, 1), "%s", "\33]0;title\a\n\xff");
	assert_true(strlen(rendered(&f)) < 1000);
	assert_non_null(strstr(f.text, "...\n"));
	assert_non_null(strstr(f.text, "error: ?]0;title???\n"));
	free(word);
	end(&f);
}

static void as_json(void **state)
{
	struct fixture f = start("a\nbcd\n");
	struct diag *e = diag_error(&f.d, at(&f, 2, 3), "bad \xff");
	char *text;
	size_t n;
	FILE *out = open_memstream(&text, &n);
	json_t *all, *first;

	(void)state;
	e->remedy = "better";
	e->note = "here";
	e->note_span = at(&f, 0, 1);
	diag_warning(&f.d, (struct span){ 0 }, "no place");
	diag_json(&f.d, out);
	fclose(out);
	all = json_loads(text, 0, NULL);
	assert_int_equal(json_array_size(all), 2);
	first = json_array_get(all, 0);
	assert_string_equal(json_string_value(json_object_get(first, "severity")), "error");
	assert_string_equal(json_string_value(json_object_get(first, "file")), "dir/x.xdpf");
	assert_int_equal(json_integer_value(json_object_get(first, "line")), 2);
	assert_int_equal(json_integer_value(json_object_get(first, "column")), 1);
	assert_int_equal(json_integer_value(json_object_get(first, "end_column")), 4);
	assert_string_equal(json_string_value(json_object_get(first, "text")), "bad ?");
	assert_string_equal(json_string_value(json_object_get(first, "remedy")), "better");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(first, "note"), "line")), 1);
	assert_null(json_object_get(json_array_get(all, 1), "file"));
	json_decref(all);
	free(text);
	end(&f);
}

static void nearest(void **state)
{
	static const char *const words[] = { "drop", "pass", "abort", "default", "tx", NULL }, *const near[] = { "ftp", "http", "htcp" };

	(void)state;
#define NEAR(s) diag_nearest(s, strlen(s), words, 6)
	assert_string_equal(NEAR("dorp"), "drop");
	assert_string_equal(NEAR("drpo"), "drop");
	assert_string_equal(NEAR("dro"), "drop");
	assert_string_equal(NEAR("drops"), "drop");
	assert_string_equal(NEAR("drop"), "drop");
	assert_string_equal(NEAR("defualt"), "default");
	assert_string_equal(NEAR("tz"), "tx");
	assert_null(NEAR("xyzzy"));
	assert_null(NEAR("d"));
	assert_null(NEAR(""));
	assert_null(NEAR("droppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp"));
	assert_null(diag_nearest("drop", 4, NULL, 0));
	assert_string_equal(diag_nearest("htp", 3, near, 3), "http");
	/* Only so many bytes are the name. */
	assert_string_equal(diag_nearest("dropxxxxxxx", 4, words, 6), "drop");
}

static void characters(void **state)
{
	static const struct { const char *s; unsigned len; } sequences[] = {
		{ "a", 1 }, { "\xc3\xb6", 2 }, { "\xe2\x98\x83", 3 }, { "\xf0\x9f\x98\x80", 4 }, { "\xf4\x8f\xbf\xbf", 4 },
		/* A byte that none begins with, cut off, overlong, surrogates, beyond the last one. */
		{ "\x80", 0 }, { "\xff", 0 }, { "\xc3", 0 }, { "\xe2\x98", 0 }, { "\xc0\x80", 0 }, { "\xe0\x80\x80", 0 },
		{ "\xf0\x80\x80\x80", 0 }, { "\xed\xa0\x80", 0 }, { "\xf4\x90\x80\x80", 0 }, { "\xc3(", 0 },
	};
	uint32_t cp = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++)
		assert_int_equal(utf8_decode(sequences[i].s, strlen(sequences[i].s), &cp), sequences[i].len);
	assert_int_equal(utf8_decode("\xe2\x98\x83", 3, &cp), 3);
	assert_int_equal(cp, 0x2603);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_and_columns), cmocka_unit_test(one_of_each), cmocka_unit_test(made), cmocka_unit_test(carets),
		cmocka_unit_test(long_lines), cmocka_unit_test(more_than_kept), cmocka_unit_test(warnings_as_errors),
		cmocka_unit_test(long_texts), cmocka_unit_test(as_json), cmocka_unit_test(nearest), cmocka_unit_test(characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
