/*
 * Which counter goes on where when a program replaces another: the books balance before and behind it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "carry.h"

enum { ROOM = 32 };

struct rule {
	unsigned file;
	const char *label, *verdict, *other;	/* label NULL: .verdict is the text; verdict "": it decides nothing; other NULL: none */
};

/* Files' defaults pass, and stand behind all rules. @more: members of the text. */
static struct rt_meta *meta_of(const char *const *files, size_t n_files, const struct rule *rules, size_t n, const char *more)
{
	struct rt_meta *m = NULL;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	fprintf(f, "{\"xdpf\":1,\"compiler\":\"c\",\"program\":\"p\",\"files\":[");
	for (size_t i = 0; i < n_files; i++)
		fprintf(f, "%s{\"name\":\"%s\",\"default\":{\"index\":%zu,\"verdict\":\"pass\"},\"counters\":true}", i ? "," : "", files[i], n + i);
	fprintf(f, "],\"counters\":[],\"ifaces\":[],\"ways\":{\"others\":%zu,\"ports\":[],\"floods\":[],\"cpus\":[],\"sockets\":false,"
		"\"forwards\":true},\"rules\":[", n + 1);
	for (size_t i = 0; i < n; i++) {
		fprintf(f, "%s{\"index\":%zu,\"file\":%u,\"shown\":\"s\",\"source\":\"f\",\"line\":1,\"column\":1,", i ? "," : "", i, rules[i].file);
		if (!rules[i].label) {
			fprintf(f, "\"label\":null,\"text\":\"%s\",\"verdict\":\"drop\"}", rules[i].verdict);
			continue;
		}
		fprintf(f, "\"label\":\"%s\",\"text\":\"t\",", rules[i].label);
		fprintf(f, *rules[i].verdict ? "\"verdict\":\"%s\"" : "\"verdict\":null", rules[i].verdict);
		if (rules[i].other)
			fprintf(f, ",\"else\":{\"slot\":%zu,\"verdict\":\"%s\"}", i, rules[i].other);
		fprintf(f, "}");
	}
	fprintf(f, "]%s}", more ? more : "");
	fclose(f);
	assert_int_equal(rt_meta_parse(&m, text, strlen(text), NULL), 0);
	free(text);
	return m;
}

#define FILES(...) ((const char *const[]){ __VA_ARGS__ }), (sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))
#define RULES(...) ((const struct rule[]){ __VA_ARGS__ }), (sizeof((const struct rule[]){ __VA_ARGS__ }) / sizeof(struct rule))

/* Counters of one program. */
struct state {
	uint64_t word[RT_KINDS][2 * 128];
	struct rt_counts c;
};

static void begin(struct state *s, size_t rules, size_t others)
{
	memset(s, 0, sizeof(*s));
	for (int k = 0; k < RT_KINDS; k++)
		s->c.v[k] = s->word[k];
	s->c.n[RT_RULES] = 2 * rules;
	s->c.n[RT_VERDICTS] = 2 * XDPF_N_VERDICTS;
	s->c.n[RT_OTHERS] = 2 * others;
}

static uint64_t packets(const struct state *s, enum rt_kind kind, size_t i)
{
	return s->word[kind][2 * i];
}

static void run(struct rt_plan *p, const struct rt_meta *old, const struct rt_meta *new, const struct state *was, struct state *is)
{
	assert_int_equal(rt_plan_make(p, old, rt_meta_get(new), ROOM, NULL), 0);
	begin(is, 0, 0);
	for (int k = 0; k < RT_KINDS; k++)
		is->c.n[k] = p->n[k];
	rt_plan_run(p, &was->c, &is->c);
	/* as often as one likes */
	for (int k = 0; k < RT_KINDS; k++)
		memset(is->word[k], 0, sizeof(is->word[k]));
	rt_plan_run(p, &was->c, &is->c);
}

/* What is of the past under a verdict, as part of a rule (RT_NO_INDEX: of none). */
static uint64_t past(const struct rt_plan *p, const struct state *is, enum xdpf_verdict v, uint32_t into)
{
	uint64_t n = 0;

	for (size_t i = 0; i < p->n_past; i++)
		if (p->past[i].verdict == v && p->past[i].into == into)
			n += packets(is, RT_RULES, p->past[i].index);
	return n;
}

static void goes_by_label(void **state)
{
	struct rt_meta *old = meta_of(FILES("f"), RULES({ 0, "a", "drop", NULL }, { 0, "b", "drop", NULL }, { 0, "c", "", NULL }), NULL);
	struct rt_meta *new = meta_of(FILES("f"), RULES({ 0, "n", "drop", NULL }, { 0, "c", "", NULL }, { 0, "b", "pass", NULL }), NULL);
	struct state was, is;
	struct rt_plan p;

	(void)state;
	begin(&was, 4, 0);
	for (size_t i = 0; i < 4; i++)
		was.word[RT_RULES][2 * i] = 10 + i;
	was.word[RT_VERDICTS][2 * XDPF_DROP] = 21;
	was.word[RT_VERDICTS][2 * XDPF_PASS] = 13;
	run(&p, old, new, &was, &is);
	assert_true(p.books);
	assert_int_equal(p.kept, 2);
	assert_int_equal(p.fresh, 1);
	assert_int_equal(p.gone, 1);
	assert_int_equal(packets(&is, RT_RULES, 0), 0);
	assert_int_equal(packets(&is, RT_RULES, 1), 12);
	/* b decides otherwise: what it dropped remains dropped, and is shown as its own */
	assert_int_equal(packets(&is, RT_RULES, 2), 0);
	assert_int_equal(past(&p, &is, XDPF_DROP, 2), 11);
	/* a is gone */
	assert_int_equal(past(&p, &is, XDPF_DROP, RT_NO_INDEX), 10);
	assert_int_equal(packets(&is, RT_RULES, 3), 13);
	assert_int_equal(packets(&is, RT_VERDICTS, XDPF_DROP), 21);
	rt_plan_free(&p);
	rt_meta_free(old);
	rt_meta_free(new);
}

static void tells_other_verdicts_apart(void **state)
{
	struct rt_meta *old = meta_of(FILES("f"), RULES({ 0, "a", "tx", "drop" }, { 0, "b", "tx", "pass" }, { 0, "c", "tx", "drop" }), NULL);
	struct rt_meta *new = meta_of(FILES("f"), RULES({ 0, "b", "tx", "drop" }, { 0, "a", "tx", "drop" }), NULL);
	struct state was, is;
	struct rt_plan p;

	(void)state;
	begin(&was, 4, 4);
	for (size_t i = 0; i < 3; i++) {
		was.word[RT_RULES][2 * i] = 100 * (i + 1);
		was.word[RT_OTHERS][2 * i] = 10 * (i + 1);
	}
	run(&p, old, new, &was, &is);
	assert_int_equal(packets(&is, RT_RULES, 1), 100);
	assert_int_equal(packets(&is, RT_OTHERS, 1), 10);
	assert_int_equal(packets(&is, RT_RULES, 0), 0);
	assert_int_equal(packets(&is, RT_OTHERS, 0), 0);
	assert_int_equal(past(&p, &is, XDPF_TX, 0), 180);
	assert_int_equal(past(&p, &is, XDPF_PASS, 0), 20);
	assert_int_equal(past(&p, &is, XDPF_TX, RT_NO_INDEX), 270);
	assert_int_equal(past(&p, &is, XDPF_DROP, RT_NO_INDEX), 30);
	rt_plan_free(&p);
	rt_meta_free(old);
	rt_meta_free(new);
}

static void keeps_the_past(void **state)
{
	static const char loaded[] = ",\"loaded\":{\"frags\":false,\"by\":\"x\",\"past\":[[40,0,\"drop\",0,0,0],[41,0,\"drop\",null,0,0],"
				     "[null,0,\"pass\",null,7,70],[42,0,\"drop\",1,0,0]]}";
	struct rt_meta *old = meta_of(FILES("f"), RULES({ 0, "a", "pass", NULL }, { 0, "b", "pass", NULL }), loaded);
	struct rt_meta *new = meta_of(FILES("f"), RULES({ 0, "a", "pass", NULL }), NULL);
	struct state was, is;
	struct rt_plan p;

	(void)state;
	begin(&was, 64, 0);
	was.word[RT_RULES][0] = 1;
	was.word[RT_RULES][2 * 40] = 2;
	was.word[RT_RULES][2 * 41] = 3;
	was.word[RT_RULES][2 * 42] = 4;
	run(&p, old, new, &was, &is);
	assert_int_equal(packets(&is, RT_RULES, 0), 1);
	assert_int_equal(past(&p, &is, XDPF_DROP, 0), 2);
	/* b is gone, with what it dropped before */
	assert_int_equal(past(&p, &is, XDPF_DROP, RT_NO_INDEX), 7);
	assert_int_equal(past(&p, &is, XDPF_PASS, RT_NO_INDEX), 7);
	for (size_t i = 0; i < p.n_past; i++)
		assert_true(p.past[i].index >= ROOM);
	rt_plan_free(&p);
	rt_meta_free(old);
	rt_meta_free(new);
}

static void begins_new_books_for_other_files(void **state)
{
	struct rt_meta *old = meta_of(FILES("f", "g"), RULES({ 0, "a", "drop", NULL }, { 1, "a", "drop", NULL }), NULL);
	struct rt_meta *new = meta_of(FILES("g", "h"), RULES({ 0, "a", "drop", NULL }, { 1, "a", "drop", NULL }), NULL);
	struct state was, is;
	struct rt_plan p;

	(void)state;
	begin(&was, 4, 0);
	was.word[RT_RULES][0] = 1;
	was.word[RT_RULES][2] = 2;
	was.word[RT_VERDICTS][2 * XDPF_DROP] = 3;
	run(&p, old, new, &was, &is);
	assert_false(p.books);
	assert_int_equal(packets(&is, RT_RULES, 0), 0);
	/* shown, and no part of any sum */
	assert_int_equal(past(&p, &is, XDPF_NO_VERDICT, 0), 2);
	assert_int_equal(past(&p, &is, XDPF_NO_VERDICT, 1), 0);
	assert_int_equal(packets(&is, RT_VERDICTS, XDPF_DROP), 0);
	rt_plan_free(&p);
	rt_meta_free(old);
	rt_meta_free(new);
}

/* ---- limits ---- */

struct limit {
	const char *name, *layout;
	int rule;			/* -1: it has a name */
};

/* One file, whose rules have labels, or the text for that. */
static struct rt_meta *limits_of(const struct rule *rules, size_t n, const struct limit *limits, size_t n_limits)
{
	struct rt_meta *m;
	char *more = NULL;
	size_t len;
	FILE *f = open_memstream(&more, &len);

	fprintf(f, ",\"limits\":[");
	for (size_t i = 0; i < n_limits; i++) {
		fprintf(f, "%s{\"name\":\"%s\",\"rate\":\"1/s\",\"file\":0,\"size\":8,\"words\":1,\"layout\":\"%s\",\"shift\":0",
			i ? "," : "", limits[i].name, limits[i].layout);
		if (limits[i].rule >= 0)
			fprintf(f, ",\"rule\":%d", limits[i].rule);
		fprintf(f, "}");
	}
	fprintf(f, "]");
	fclose(f);
	m = meta_of(FILES("f"), rules, n, more);
	free(more);
	return m;
}

#define LIMITS(...) ((const struct limit[]){ __VA_ARGS__ }), (sizeof((const struct limit[]){ __VA_ARGS__ }) / sizeof(struct limit))

/* @want: by new limit the old one, -1: none. */
static void pairs(struct rt_meta *old, struct rt_meta *new, const int *want)
{
	struct rt_plan p;

	assert_int_equal(rt_plan_make(&p, old, rt_meta_get(new), ROOM, NULL), 0);
	for (size_t i = 0; i < rt_meta_get(new)->n_limits; i++)
		assert_int_equal((int)p.limit[i], want[i]);
	rt_plan_free(&p);
	rt_meta_free(old);
	rt_meta_free(new);
}

static void finds_limits(void **state)
{
	const struct rule ab[] = { { 0, "a", "drop", NULL }, { 0, "b", "drop", NULL } };
	const struct rule ba[] = { { 0, "b", "pass", NULL }, { 0, "a", "drop", NULL } };

	(void)state;
	/* by names; and by labels and their places in the rule, wherever that stands now */
	pairs(limits_of(ab, 2, LIMITS({ "x", "s", -1 }, { "f:1", "s", 0 }, { "f:1", "d", 0 }, { "f:2", "s", 1 })),
	      limits_of(ba, 2, LIMITS({ "f:8", "s", 0 }, { "f:9", "s", 1 }, { "x", "s", -1 }, { "f:9", "d", 1 }, { "y", "s", -1 })),
	      (const int[]){ 3, 1, 0, 2, -1 });
	/* one more, one fewer */
	pairs(limits_of(ab, 2, LIMITS({ "f:1", "s", 0 }, { "f:2", "s", 1 }, { "f:2", "d", 1 })),
	      limits_of(ba, 2, LIMITS({ "f:1", "s", 0 }, { "f:2", "s", 1 }, { "f:2", "d", 1 })), (const int[]){ 1, 0, -1 });
	/* a rule of another label, however alike */
	pairs(limits_of(ab, 1, LIMITS({ "f:1", "s", 0 })), limits_of(ba, 1, LIMITS({ "f:1", "s", 0 })), (const int[]){ -1 });
}

static void finds_limits_of_rules_without_label(void **state)
{
	const struct rule was[] = { { 0, NULL, "one", NULL }, { 0, NULL, "two", NULL }, { 0, NULL, "three", NULL } };
	const struct rule is[] = { { 0, NULL, "new", NULL }, { 0, NULL, "three", NULL }, { 0, NULL, "one", NULL }, { 0, NULL, "other", NULL } };

	(void)state;
	/* by the rule's text; the one that is left of each side, by that */
	pairs(limits_of(was, 3, LIMITS({ "f:1", "s", 0 }, { "f:2", "d", 1 }, { "f:3", "s", 2 })),
	      limits_of(is, 4, LIMITS({ "f:5", "s", 1 }, { "f:6", "s", 2 }, { "f:7", "d", 3 })), (const int[]){ 2, 0, 1 });
	/* not kept by the same key, or not as many */
	pairs(limits_of(was, 2, LIMITS({ "f:1", "s", 0 }, { "f:2", "d", 1 })), limits_of(is, 4, LIMITS({ "f:6", "s", 2 }, { "f:7", "s", 3 })),
	      (const int[]){ 0, -1 });
	pairs(limits_of(was, 2, LIMITS({ "f:2", "d", 1 })), limits_of(is, 4, LIMITS({ "f:4", "d", 0 }, { "f:7", "d", 3 })), (const int[]){ -1, -1 });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_by_label), cmocka_unit_test(tells_other_verdicts_apart), cmocka_unit_test(keeps_the_past),
		cmocka_unit_test(begins_new_books_for_other_files), cmocka_unit_test(finds_limits),
		cmocka_unit_test(finds_limits_of_rules_without_label),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	int n = (int)(sizeof(tests) / sizeof(tests[0]));

	printf("%d passed, %d failed, 0 skipped\n", n - failed, failed);
	return failed != 0;
}
