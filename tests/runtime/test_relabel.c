/*
 * Which rules go on under which counters when tables are exchanged, and what the kernel's metadata says of it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "private.h"
#include "table/what.h"

struct said {
	char text[256];
};

static void on_log(void *arg, enum xdpf_log_level level, const char *text)
{
	struct said *s = arg;

	(void)level;
	snprintf(s->text, sizeof(s->text), "%s", text);
}

/* "label:text:verdict", without a label ":text:verdict"; the default comes last. */
static struct rt_meta *meta_of(const char *const *rules, size_t n, bool indexes, const char *loaded)
{
	struct said said = { "" };
	const struct xdpf_log log = { on_log, &said };
	struct rt_meta *m = NULL;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	fprintf(f, "{\"xdpf\":1,\"compiler\":\"c\",\"program\":\"p\",\"files\":[{\"name\":\"f\",\"default\":{\"index\":%zu,\"verdict\":\"pass\"},"
		"\"counters\":true}],\"counters\":[],\"ifaces\":[],\"ways\":null,\"rules\":[", n);
	for (size_t i = 0; i < n; i++) {
		char label[32] = "", what[32] = "", verdict[32] = "", quoted[40] = "null", decides[40] = "null";
		const char *p = rules[i], *q = strchr(p, ':'), *r = strchr(q + 1, ':');

		snprintf(label, sizeof(label), "%.*s", (int)(q - p), p);
		snprintf(what, sizeof(what), "%.*s", (int)(r - q - 1), q + 1);
		snprintf(verdict, sizeof(verdict), "%s", r + 1);
		if (*label)
			snprintf(quoted, sizeof(quoted), "\"%s\"", label);
		if (*verdict)
			snprintf(decides, sizeof(decides), "\"%s\"", verdict);
		fprintf(f, "%s{\"index\":%zu,\"file\":0,\"label\":%s,\"shown\":\"s\",\"source\":\"f\",\"line\":%zu,\"column\":1,\"verdict\":%s,"
			"\"text\":\"%s\"}", i ? "," : "", i, quoted, i + 1, decides, what);
	}
	fprintf(f, "],\"image\":{\"size\":64,\"whats\":[%s],\"indexes\":%s},\"shape\":\"0123456789abcdef0123456789abcdef\"%s}",
		indexes ? "[0,2]" : "", indexes ? "[8,2]" : "null", loaded ? loaded : "");
	fclose(f);
	if (rt_meta_parse(&m, text, strlen(text), &log))
		fail_msg("%s in %s", said.text, text);
	free(text);
	return m;
}

#define META(...) meta_of((const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *), true, NULL)
#define MOVED(r, ...) moved_of((const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *), r, old)

/* What the kernel has of these rules behind @r. */
static struct rt_meta *moved_of(const char *const *rules, size_t n, const struct rt_relabel *r, const struct rt_meta *old)
{
	char *text = NULL, *loaded = NULL;
	struct rt_meta *m;

	assert_int_equal(rt_moved_text(&text, r, old, NULL), 0);
	assert_true(asprintf(&loaded, ",\"loaded\":{\"frags\":false,\"by\":\"x\"%s}", text) > 0);
	m = meta_of(rules, n, true, loaded);
	free(loaded);
	free(text);
	return m;
}

static void relabel(struct rt_relabel *r, const struct rt_meta *old, const struct rt_meta *new, size_t room)
{
	assert_int_equal(rt_relabel(r, old, new, room, NULL, NULL, 0, NULL), 0);
}

static void labels_keep_their_counters(void **state)
{
	struct rt_meta *old = META("a:x:drop", "b:y:drop", "c:z:pass"), *new = META("new:w:drop", "c:other:pass", "a:x:drop", "b:y:drop");
	struct rt_relabel r;

	(void)state;
	relabel(&r, old, new, 16);
	assert_int_equal(r.to[1], 2);
	assert_int_equal(r.to[2], 0);
	assert_int_equal(r.to[3], 1);
	/* the default's */
	assert_int_equal(r.to[4], 3);
	/* one that nobody had */
	assert_int_equal(r.n_fresh, 1);
	assert_true(r.to[0] > 3);
	assert_int_equal(r.to[0], r.fresh[0]);
	assert_int_equal(r.kept, 3);
	assert_int_equal(r.gone, 0);
	assert_int_equal(r.moved.n_past, 0);
	rt_relabel_free(&r);
	rt_meta_free(old);
	rt_meta_free(new);
}

static void texts_go_on_in_order(void **state)
{
	struct rt_meta *old = META(":x:drop", ":y:drop", ":x:drop", "a:x:drop"), *new = META(":y:drop", "a:q:drop", ":x:drop", ":x:drop", ":x:drop");
	struct rt_relabel r;

	(void)state;
	relabel(&r, old, new, 16);
	assert_int_equal(r.to[0], 1);
	assert_int_equal(r.to[1], 3);
	assert_int_equal(r.to[2], 0);
	assert_int_equal(r.to[3], 2);
	assert_true(r.to[4] > 4);
	assert_int_equal(r.n_fresh, 1);
	rt_relabel_free(&r);
	rt_meta_free(old);
	rt_meta_free(new);
}

static void counters_of_what_is_gone_are_let_be(void **state)
{
	struct rt_meta *old = META("a:x:drop", "b:y:drop", "c:n:"), *new = META("b:y:drop", "d:v:pass"), *then = NULL, *last = NULL;
	struct rt_meta *more = META("b:y:drop", "d:v:pass", "e:u:pass", "f:t:pass");
	const struct xdpf_count counts[8] = { { 7, 70 }, { 1, 10 } };
	struct rt_relabel r;

	(void)state;
	/* indexes 0..3 are taken; what did not decide is nothing that is left */
	relabel(&r, old, new, 6);
	assert_int_equal(r.to[1], 4);
	assert_int_equal(r.gone, 2);
	assert_int_equal(r.moved.n_past, 1);
	assert_int_equal(r.moved.past[0].index, 0);
	assert_int_equal(r.moved.past[0].verdict, XDPF_DROP);
	then = MOVED(&r, "b:y:drop", "d:v:pass");
	rt_relabel_free(&r);
	assert_int_equal(rt_meta_get(then)->rules[1].index, 4);
	assert_int_equal(rt_meta_get(then)->files[0].default_index, 3);
	assert_ptr_equal(xdpf_meta_rule(rt_meta_get(then), 4), &rt_meta_get(then)->rules[1]);
	assert_null(xdpf_meta_rule(rt_meta_get(then), 0));
	assert_null(xdpf_meta_rule(rt_meta_get(then), 3));
	/* two more: 5 and 2 are free, 0 is of the past, which is settled now */
	assert_int_equal(rt_relabel(&r, then, more, 6, NULL, counts, 8, NULL), 0);
	assert_int_equal(r.to[0], 1);
	assert_int_equal(r.to[1], 4);
	assert_int_equal(r.to[2] + r.to[3], 7);
	assert_int_equal(r.moved.n_past, 1);
	assert_int_equal(r.moved.past[0].index, RT_NO_INDEX);
	assert_int_equal(r.moved.past[0].count.packets, 7);
	assert_int_equal(r.moved.past[0].count.bytes, 70);
	last = MOVED(&r, "b:y:drop", "d:v:pass", "e:u:pass", "f:t:pass");
	assert_int_equal(rt_meta_moved(last)->past[0].count.packets, 7);
	rt_relabel_free(&r);
	rt_meta_free(last);
	/* three do not fit */
	rt_meta_free(more);
	more = META("b:y:drop", "d:v:pass", "e:u:pass", "f:t:pass", "g:s:pass");
	assert_int_equal(rt_relabel(&r, then, more, 6, NULL, counts, 8, NULL), -ENOTSUP);
	assert_non_null(strstr(r.why, "no room"));
	rt_relabel_free(&r);
	rt_meta_free(old);
	rt_meta_free(new);
	rt_meta_free(then);
	rt_meta_free(more);
}

static void another_verdict_counts_apart(void **state)
{
	struct rt_meta *old = META("a:x:drop"), *new = META("a:x:pass"), *then, *again;
	const struct xdpf_count counts[8] = { { 5, 50 } };
	struct rt_relabel r;

	(void)state;
	relabel(&r, old, new, 8);
	assert_int_equal(r.kept, 1);
	assert_int_equal(r.gone, 0);
	assert_int_equal(r.to[0], 2);
	assert_int_equal(r.moved.n_past, 1);
	assert_int_equal(r.moved.past[0].into, 2);
	then = MOVED(&r, "a:x:pass");
	rt_relabel_free(&r);
	/* back: what both had goes on */
	assert_int_equal(rt_relabel(&r, then, old, 8, NULL, counts, 8, NULL), 0);
	assert_int_equal(r.to[0], 3);
	assert_int_equal(r.moved.n_past, 2);
	assert_int_equal(r.moved.past[0].index, 2);
	assert_int_equal(r.moved.past[0].into, 3);
	assert_int_equal(r.moved.past[0].verdict, XDPF_PASS);
	assert_int_equal(r.moved.past[1].into, 3);
	assert_int_equal(r.moved.past[1].count.packets, 5);
	assert_int_equal(r.moved.past[1].verdict, XDPF_DROP);
	again = MOVED(&r, "a:x:drop");
	assert_int_equal(rt_meta_get(again)->n_indexes, 4);
	rt_relabel_free(&r);
	rt_meta_free(again);
	rt_meta_free(then);
	rt_meta_free(old);
	rt_meta_free(new);
}

static void new_rules_get_no_index_that_is_noted(void **state)
{
	struct rt_meta *old = META("a:x:drop"), *new = META("a:x:drop", "b:y:drop", "c:z:drop");
	const bool noted[7] = { true, false, true, true, false, true, false };
	struct rt_relabel r;

	(void)state;
	assert_int_equal(rt_relabel(&r, old, new, 7, noted, NULL, 0, NULL), 0);
	/* that of a rule that goes on stays */
	assert_int_equal(r.to[0], 0);
	assert_int_equal(r.n_fresh, 2);
	assert_int_equal(r.to[1] + r.to[2], 4 + 6);
	rt_relabel_free(&r);
	assert_int_equal(rt_relabel(&r, old, new, 6, noted, NULL, 0, NULL), -ENOTSUP);
	rt_relabel_free(&r);
	rt_meta_free(old);
	rt_meta_free(new);
}

static void indexes_in_the_code_must_stay(void **state)
{
	const char *const two[] = { "a:x:drop", "b:y:drop" }, *const swapped[] = { "b:y:drop", "a:x:drop" };
	struct rt_meta *old = meta_of(two, 2, false, NULL), *same = meta_of(two, 2, false, NULL), *other = meta_of(swapped, 2, false, NULL);
	struct rt_relabel r;

	(void)state;
	relabel(&r, old, same, 8);
	rt_relabel_free(&r);
	assert_int_equal(rt_relabel(&r, old, other, 8, NULL, NULL, 0, NULL), -ENOTSUP);
	assert_non_null(strstr(r.why, "in the code"));
	rt_relabel_free(&r);
	rt_meta_free(old);
	rt_meta_free(same);
	rt_meta_free(other);
}

static void images_get_the_new_indexes(void **state)
{
	struct rt_meta *old = META("a:x:drop", "b:y:drop"), *new = META("b:y:drop", "a:x:drop");
	uint32_t image[16] = { 16, 7, 32, [4] = classify_what(CLASSIFY_DECIDE, 0), classify_what(CLASSIFY_CODE, 1), [8] = 0, 1 };
	struct rt_relabel r;

	(void)state;
	relabel(&r, old, new, 8);
	assert_int_equal(rt_relabel_image(image, sizeof(image), rt_meta_image(new), &r, NULL), 0);
	assert_int_equal(image[1], CLASSIFY_BY_TABLE);
	assert_int_equal(image[4], classify_what(CLASSIFY_DECIDE, 1));
	assert_int_equal(image[5], classify_what(CLASSIFY_CODE, 1));
	assert_int_equal(image[8], 0);
	assert_int_equal(image[9], 0);
	/* tables outside of the image, or between words; an index that there is not */
	image[0] = 60;
	assert_int_equal(rt_relabel_image(image, sizeof(image), rt_meta_image(new), &r, NULL), -EBADMSG);
	image[0] = 18;
	assert_int_equal(rt_relabel_image(image, sizeof(image), rt_meta_image(new), &r, NULL), -EBADMSG);
	image[0] = UINT32_MAX - 3;
	assert_int_equal(rt_relabel_image(image, sizeof(image), rt_meta_image(new), &r, NULL), -EBADMSG);
	image[0] = 16;
	image[4] = classify_what(CLASSIFY_COUNT, 3);
	assert_int_equal(rt_relabel_image(image, sizeof(image), rt_meta_image(new), &r, NULL), -EBADMSG);
	rt_relabel_free(&r);
	rt_meta_free(old);
	rt_meta_free(new);
}

#define RULE(index) "{\"index\":" index ",\"file\":0,\"label\":null,\"shown\":\"s\",\"source\":\"f\",\"line\":1,\"column\":1," \
		    "\"verdict\":\"drop\",\"text\":\"t\"}"

static void refuses_broken_moves(void **state)
{
	static const char *const bad[] = {
		"\"indexes\":[[0,4,5]]", "\"indexes\":[[0,1,5],[1,3,7]]", "\"indexes\":[[0,2,5]]", "\"indexes\":[[0,3,5],[3,1,9]]",
		"\"indexes\":[[1,3,5]]", "\"indexes\":[[0,1,5],[1,2,5]]",
		"\"indexes\":[[0,3,4194304]]", "\"indexes\":[[0,3,-1]]", "\"indexes\":[[0,3]]", "\"indexes\":[\"x\"]",
		"\"past\":[[0,0,\"drop\",null,0,0]]", "\"past\":[[7,1,\"drop\",null,0,0]]", "\"past\":[[7,0,\"melt\",null,0,0]]", "\"past\":[[7]]",
		"\"past\":[[7,0,\"drop\",null,0,0],[7,0,\"drop\",null,0,0]]", "\"past\":[[7,0,\"drop\",4194304,0,0]]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct said said = { "" };
		const struct xdpf_log log = { on_log, &said };
		struct rt_meta *m = NULL;
		char *text = NULL;

		assert_true(asprintf(&text, "{\"xdpf\":1,\"compiler\":\"c\",\"program\":\"p\",\"files\":[{\"name\":\"f\",\"default\":{\"index\":2,"
				     "\"verdict\":\"pass\"},\"counters\":true}],\"counters\":[],\"ifaces\":[],\"rules\":["
				     RULE("0") "," RULE("1") "],\"loaded\":{%s}}", bad[i]) > 0);
		if (rt_meta_parse(&m, text, strlen(text), &log) != -EBADMSG)
			fail_msg("%s is taken", bad[i]);
		assert_non_null(strstr(said.text, strstr(bad[i], "melt") ? "verdict" : "loaded"));
		assert_null(m);
		free(text);
	}
}

/* Where tables of an image begin: within it, all four bytes of it. */
static void refuses_broken_images(void **state)
{
	static const struct { const char *image; int err; } images[] = {
		{ "\"size\":64,\"whats\":[[60,1]],\"indexes\":[8,2]", 0 }, { "\"size\":64,\"whats\":[[64,1]],\"indexes\":[8,2]", -EBADMSG },
		{ "\"size\":64,\"whats\":[[0,1]],\"indexes\":[64,2]", -EBADMSG }, { "\"size\":64,\"whats\":[[2,1]],\"indexes\":[8,2]", -EBADMSG },
		{ "\"size\":64,\"whats\":[[0,0]],\"indexes\":[8,2]", -EBADMSG }, { "\"size\":64,\"whats\":[[0,1]],\"indexes\":null", -EBADMSG },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
		struct said said = { "" };
		const struct xdpf_log log = { on_log, &said };
		struct rt_meta *m = NULL;
		char *text = NULL;

		assert_true(asprintf(&text, "{\"xdpf\":1,\"compiler\":\"c\",\"program\":\"p\",\"files\":[{\"name\":\"f\",\"default\":{\"index\":1,"
				     "\"verdict\":\"pass\"},\"counters\":true}],\"counters\":[],\"ifaces\":[],\"rules\":[" RULE("0") "],"
				     "\"image\":{%s},\"shape\":\"0123456789abcdef0123456789abcdef\"}", images[i].image) > 0);
		if (rt_meta_parse(&m, text, strlen(text), &log) != images[i].err)
			fail_msg("%s: %s", images[i].image, said.text);
		rt_meta_free(m);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_keep_their_counters), cmocka_unit_test(texts_go_on_in_order),
		cmocka_unit_test(counters_of_what_is_gone_are_let_be), cmocka_unit_test(another_verdict_counts_apart),
		cmocka_unit_test(new_rules_get_no_index_that_is_noted),
		cmocka_unit_test(indexes_in_the_code_must_stay), cmocka_unit_test(images_get_the_new_indexes), cmocka_unit_test(refuses_broken_moves),
		cmocka_unit_test(refuses_broken_images),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
