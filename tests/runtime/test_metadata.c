/*
 * The runtime's reading of what an object says about itself: what must be taken, and what must be refused, each with a
 * reason.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "private.h"

static const char good[] =
	"{\"xdpf\":1,\"compiler\":\"xdpfc\",\"program\":\"p\","
	"\"files\":[{\"name\":\"a.xdpf\",\"default\":{\"index\":2,\"verdict\":\"pass\"},\"counters\":true}],"
	"\"rules\":[{\"index\":0,\"file\":0,\"label\":\"one\",\"shown\":\"one\",\"source\":\"a.xdpf\",\"line\":1,\"column\":1,"
	"\"verdict\":null,\"text\":\"count t per (ip.src, l4.dport)\"},"
	"{\"index\":1,\"file\":0,\"label\":null,\"shown\":\"a.xdpf:2\",\"source\":\"a.xdpf\",\"line\":2,\"column\":3,"
	"\"verdict\":\"drop\",\"text\":\"drop\"}],"
	"\"counters\":[{\"name\":\"t\",\"map\":\"t\",\"file\":0,\"key_size\":20,\"key\":["
	"{\"name\":\"ip.src\",\"type\":\"ip\",\"kind\":\"ip\",\"offset\":0,\"size\":17},"
	"{\"name\":\"l4.dport\",\"type\":\"port\",\"kind\":\"num\",\"offset\":18,\"size\":2}]}],"
	"\"actions\":[{\"slot\":0,\"rule\":0,\"table\":0}],"
	"\"ifaces\":[\"eth0\"]}";

struct said {
	unsigned errors;
	char text[512];
};

static void hear(void *arg, enum xdpf_log_level level, const char *text)
{
	struct said *s = arg;

	if (level != XDPF_LOG_ERROR)
		return;
	s->errors++;
	snprintf(s->text, sizeof(s->text), "%s", text);
}

static int parse(struct rt_meta **m, const char *text, size_t len, struct said *said)
{
	const struct xdpf_log log = { hear, said };

	return rt_meta_parse(m, text, len, &log);
}

static void takes_what_is_good(void **state)
{
	struct said said = { 0 };
	struct rt_meta *meta = NULL;
	const struct xdpf_meta *m;

	(void)state;
	assert_int_equal(parse(&meta, good, strlen(good), &said), 0);
	m = rt_meta_get(meta);
	assert_int_equal(m->n_files, 1);
	assert_int_equal(m->n_rules, 2);
	assert_int_equal(m->files[0].default_verdict, XDPF_PASS);
	assert_int_equal(m->rules[0].verdict, XDPF_NO_VERDICT);
	assert_null(m->rules[1].label);
	assert_int_equal(m->rules[1].verdict, XDPF_DROP);
	assert_int_equal(m->tables[0].n_key, 2);
	assert_int_equal(m->tables[0].key[1].offset, 18);
	assert_string_equal(m->ifaces[0], "eth0");
	assert_ptr_equal(xdpf_meta_rule(m, 1), &m->rules[1]);
	assert_null(xdpf_meta_rule(m, 2));
	assert_null(xdpf_meta_rule(m, 99));
	assert_false(m->frags);
	rt_meta_free(meta);
}

static void keeps_what_the_runtime_adds(void **state)
{
	struct said said = { 0 };
	struct rt_meta *meta = NULL, *again = NULL;
	char *text = NULL, *twice = NULL;

	(void)state;
	assert_int_equal(parse(&meta, good, strlen(good), &said), 0);
	assert_int_equal(rt_meta_text(&text, meta, good, strlen(good), true, NULL, NULL), 0);
	assert_int_equal(parse(&again, text, strlen(text), &said), 0);
	assert_true(rt_meta_get(again)->frags);
	assert_false(rt_meta_get(meta)->frags);
	/* Only once. */
	assert_int_equal(rt_meta_text(&twice, again, text, strlen(text), false, NULL, NULL), -EBADMSG);
	assert_null(twice);
	free(text);
	rt_meta_free(meta);
	rt_meta_free(again);
}

/* A program has its object's, with what is its own. */
static void is_shared(void **state)
{
	struct said said = { 0 };
	struct rt_meta *meta = NULL, *one = NULL, *two = NULL;

	(void)state;
	assert_int_equal(parse(&meta, good, strlen(good), &said), 0);
	assert_int_equal(rt_meta_share(&one, meta, true, NULL), 0);
	assert_int_equal(rt_meta_share(&two, one, false, NULL), 0);
	rt_meta_free(meta);
	assert_true(rt_meta_get(one)->frags);
	rt_meta_free(one);
	assert_false(rt_meta_get(two)->frags);
	assert_string_equal(rt_meta_get(two)->rules[0].text, "count t per (ip.src, l4.dport)");
	rt_meta_free(two);
}

/* What a string may hold, however it is written. */
static void reads_strings(void **state)
{
	static const struct { const char *written, *is; } strings[] = {
		{ "", "" }, { "a b", "a b" }, { "\\\"\\\\\\/", "\"\\/" },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "\\u00e4\\u20AC\\ud83d\\ude00-", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80-" }, { "x\\u0041\xc3\xa4y", "xA\xc3\xa4y" },
	};
	static const char *const broken[] = {
		"\\", "\\x", "\\u12", "\\u12g4", "\\u0000", "\\ud800", "\\ud800\\u0041", "\\udc00", "\xc3", "\xc3\x41", "\x80", "\xff", "\xc0\x80",
		"\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\nb", "a\x01",
	};
	const char *at = strstr(good, "drop\"}],");
	char text[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		struct said said = { 0 };
		struct rt_meta *meta = NULL;

		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, strings[i].written, at + 4);
		assert_int_equal(parse(&meta, text, strlen(text), &said), 0);
		assert_string_equal(rt_meta_get(meta)->rules[1].text, strings[i].is);
		rt_meta_free(meta);
	}
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct said said = { 0 };
		struct rt_meta *meta = NULL;

		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, broken[i], at + 4);
		if (parse(&meta, text, strlen(text), &said) != -EBADMSG)
			fail_msg("taken: %zu", i);
		assert_non_null(strstr(said.text, "no JSON text"));
	}
}

/* Every beginning of a good text is refused, with one reason, and whatever is left alone stays untouched. */
static void refuses_what_is_cut_off(void **state)
{
	(void)state;
	for (size_t len = 0; len < strlen(good); len++) {
		struct said said = { 0 };
		struct rt_meta *meta = NULL;

		assert_int_equal(parse(&meta, good, len, &said), -EBADMSG);
		assert_null(meta);
		assert_int_equal(said.errors, 1);
	}
}

static const struct wrong {
	const char *from, *to, *says;
} wrongs[] = {
	{ "\"xdpf\":1", "\"xdpf\":2", "another version" },
	{ "\"xdpf\":1", "\"xdpf\":\"1\"", "another version" },
	{ "\"verdict\":\"drop\",", "\"verdict\":\"drop\",\"cookies\":{\"completed\":1,\"unanswered\":2},", "\"cookies\" is said, but not \"else\"" },
	{ "\"text\":\"drop\"}],", "\"text\":\"drop\",\"else\":{\"slot\":0,\"verdict\":\"drop\"},\"cookies\":{\"completed\":1,\"unanswered\":3}}],\""
	  "ways\":{\"others\":3,\"ports\":[],\"floods\":[],\"cpus\":[],\"sockets\":false,\"forwards\":false},", "\"unanswered\" is out of bounds" },
	{ "\"compiler\":\"xdpfc\",", "", "\"compiler\" is missing" },
	{ "\"program\":\"p\"", "\"program\":[]", "\"program\" is missing or no string" },
	{ "\"program\":\"p\"", "\"program\":\"\\u001b[31m\"", "control characters" },
	{ "\"program\":\"p\"", "\"program\":\"\\u009b\"", "control characters" },
	{ "\"files\":[{", "\"files\":{},\"f\":[{", "\"files\" is missing or no array" },
	{ "\"name\":\"a.xdpf\",", "\"name\":1,", "\"name\" is missing or no string" },
	{ "\"default\":{\"index\":2,", "\"default\":{", "\"index\" is missing" },
	{ "\"default\":{\"index\":2,", "\"default\":{\"index\":3,", "\"index\" is out of bounds" },
	{ "\"default\":{\"index\":2,", "\"default\":{\"index\":-1,", "\"index\" is out of bounds" },
	{ "\"default\":{\"index\":2,", "\"default\":{\"index\":1,", "\"index\" is used twice" },
	{ "\"default\":{\"index\":2,", "\"default\":{\"index\":9223372036854775807,", "\"index\" is out of bounds" },
	{ "\"default\":{\"index\":2,", "\"default\":{\"index\":99223372036854775807,", "no JSON" },
	{ "\"verdict\":\"pass\"", "\"verdict\":null", "\"verdict\" is missing" },
	{ "\"verdict\":\"pass\"", "\"verdict\":\"fly\"", "\"verdict\" is missing or unknown" },
	{ "\"counters\":true", "\"counters\":1", "neither true nor false" },
	{ "\"index\":0,\"file\":0", "\"index\":0,\"file\":1", "\"file\" is out of bounds" },
	{ "\"index\":1,\"file\":0", "\"index\":0,\"file\":0", "\"index\" is out of order" },
	{ "\"line\":2", "\"line\":2.0", "\"line\" is missing or no number" },
	{ "\"line\":2", "\"line\":4294967296", "\"line\" is out of bounds" },
	{ "\"label\":\"one\"", "\"label\":7", "\"label\" is missing or no string" },
	{ "\"counters\":[{", "\"counters\":7,\"c\":[{", "\"counters\" is missing or no array" },
	{ "\"map\":\"t\"", "\"map\":\"xdpf_rules\"", "\"map\" is no map's name" },
	{ "\"map\":\"t\"", "\"map\":\"a/../b\"", "\"map\" is no map's name" },
	{ "\"map\":\"t\"", "\"map\":\"a234567890123456\"", "\"map\" is no map's name" },
	{ "\"map\":\"t\"", "\"map\":\"\"", "\"map\" is no map's name" },
	{ "\"key_size\":20", "\"key_size\":19", "\"offset\" lies outside" },
	{ "\"key_size\":20", "\"key_size\":100000", "\"key_size\" is out of bounds" },
	{ "\"kind\":\"ip\"", "\"kind\":\"ipx\"", "\"kind\" is unknown" },
	{ "\"kind\":\"ip\"", "\"kind\":\"ip6\"", "\"size\" does not fit its kind" },
	{ "\"offset\":18", "\"offset\":16", "\"offset\" lies outside the key, or in another field" },
	{ "\"offset\":18", "\"offset\":-2", "\"offset\" is out of bounds" },
	{ "\"slot\":0,", "\"slot\":4294967295,", "\"slot\" is out of bounds" },
	{ "\"slot\":0,\"rule\":0", "\"slot\":0,\"rule\":2", "\"rule\" is no rule's index" },
	{ "\"table\":0", "\"table\":1", "\"table\" is out of bounds" },
	{ "\"ifaces\":[\"eth0\"]", "\"ifaces\":[1]", "\"ifaces\" has an element" },
	{ "\"ifaces\":[\"eth0\"]", "\"ifaces\":[\"a\\u0000b\"]", "no JSON" },
	{ "\"ifaces\":", "\"ifaces\":[],\"ifaces\":", "no JSON" },
	{ "\"rules\":[{", "\"rules\":7,\"r\":[{", "\"rules\" is missing or no array" },
	{ "\"rules\":", "\"rules\":[],\"rules\":", "no JSON" },
	{ "\"rules\":", "\"rules\":[],\"r\":", "\"index\" is out of bounds" },
	{ "\"rules\":[", "\"rules\":[,", "\"rules\" has an element that is no object" },
	{ "\"rules\":[", "\"rules\":[7,", "\"rules\" has an element that is no object" },
	{ "\"line\":2,", "\"line\":2,\"line\":2,", "no JSON" },
	{ "\"line\":2,", "\"line\":02,", "no JSON" },
	{ "\"line\":2,", "\"line\":2,\"more\":[{]},", "no JSON" },
	{ "\"line\":2,", "\"line\":2 \"more\":1,", "no JSON" },
	{ "\"text\":\"drop\"}],", "\"text\":\"drop\"}} ,", "no JSON" },
	{ "\"text\":\"drop\"}],", "\"text\":\"drop\"}]x,", "no JSON" },
	{ "\"text\":\"drop\"}],", "\"text\":\"drop\",\"else\":7}],", "\"else\" is no object" },
};

static void refuses_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		const char *at = strstr(good, wrongs[i].from);
		struct said said = { 0 };
		struct rt_meta *meta = NULL;
		char text[4096];

		assert_non_null(at);
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, wrongs[i].to, at + strlen(wrongs[i].from));
		if (parse(&meta, text, strlen(text), &said) != -EBADMSG)
			fail_msg("taken: %s", wrongs[i].to);
		if (!strstr(said.text, wrongs[i].says))
			fail_msg("%s: it says \"%s\", not \"%s\"", wrongs[i].to, said.text, wrongs[i].says);
		assert_null(meta);
		assert_int_equal(said.errors, 1);
	}
}

/* No byte of it, whatever it becomes, leads anywhere: under the sanitizers this is the test. */
static void survives_changed_bytes(void **state)
{
	char text[sizeof(good)];

	(void)state;
	for (size_t i = 0; i < strlen(good); i++) {
		for (const char *c = "\"{}[],:\\09-. nu\x7f\x80\xff"; *c; c++) {
			struct said said = { 0 };
			struct rt_meta *meta = NULL;

			memcpy(text, good, sizeof(good));
			text[i] = *c;
			if ((parse(&meta, text, strlen(good), &said) != 0) != said.errors)
				fail_msg("byte %zu as %c: %u errors: %s", i, *c, said.errors, said.text);
			rt_meta_free(meta);
		}
	}
}

static void refuses_files_that_are_none(void **state)
{
	static const struct { const char *data; size_t len; } files[] = {
		{ "", 0 }, { "\177ELF", 4 }, { "\177ELF\2\1\1", 7 }, { "!<arch>\n", 8 }, { "drop if tcp;\n", 13 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct said said = { 0 };
		const struct xdpf_log log = { hear, &said };
		struct xdpf_object *o = NULL;

		assert_int_equal(xdpf_object_open_mem(&o, files[i].data, files[i].len, "x.o", &log), -EBADMSG);
		assert_null(o);
		assert_int_equal(said.errors, 1);
		assert_memory_equal(said.text, "x.o: ", 5);
	}
}

/* An array of four bytes, a pointer to it, a variable, a section with it: as small as BTF can be. */
static size_t make_btf(unsigned char *out, const uint32_t *types, size_t n)
{
	static const char strings[] = "\0int\0v\0.bss";
	const uint32_t head[] = { 0x0001eb9f, 24, 0, (uint32_t)(n * 4), (uint32_t)(n * 4), sizeof(strings) };

	memcpy(out, head, sizeof(head));
	memcpy(out + sizeof(head), types, n * 4);
	memcpy(out + sizeof(head) + n * 4, strings, sizeof(strings));
	return sizeof(head) + n * 4 + sizeof(strings);
}

enum { INT = 1u << 24, PTR = 2u << 24, ARRAY = 3u << 24, TYPEDEF = 8u << 24, VAR = 14u << 24, DATASEC = 15u << 24 };

static void judges_type_information(void **state)
{
	static const uint32_t sound[] = {
		1, INT, 4, 32,  0, ARRAY, 0, 1, 1, 1,  0, PTR, 2,  5, VAR, 1, 1,  7, DATASEC | 1, 4, 4, 0, 4,
	};
	unsigned char btf[512];
	uint32_t types[64];
	size_t n = sizeof(sound) / sizeof(sound[0]), len = make_btf(btf, sound, n);

	(void)state;
	assert_true(rt_btf_sound(btf, len));
	for (size_t cut = 0; cut < len; cut++)
		assert_false(rt_btf_sound(btf, cut));
	/* Types and names that are out of bounds, one at a time. */
	for (size_t i = 0; i < n; i++) {
		static const size_t refer[] = { 0, 4, 7, 8, 12, 13, 15, 17, 20 };

		memcpy(types, sound, sizeof(sound));
		types[i] = 1000;
		len = make_btf(btf, types, n);
		for (size_t k = 0; k < sizeof(refer) / sizeof(refer[0]); k++)
			if (refer[k] == i)
				assert_false(rt_btf_sound(btf, len));
		rt_btf_sound(btf, len);
	}
	/* Typedefs that name each other, an array of itself. */
	len = make_btf(btf, (const uint32_t[]){ 1, TYPEDEF, 2, 1, TYPEDEF, 1 }, 6);
	assert_false(rt_btf_sound(btf, len));
	len = make_btf(btf, (const uint32_t[]){ 0, ARRAY, 0, 1, 1, 1 }, 6);
	assert_false(rt_btf_sound(btf, len));
	len = make_btf(btf, (const uint32_t[]){ 0, 31u << 24, 0 }, 3);
	assert_false(rt_btf_sound(btf, len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_is_good),
		cmocka_unit_test(keeps_what_the_runtime_adds), cmocka_unit_test(is_shared), cmocka_unit_test(reads_strings),
		cmocka_unit_test(refuses_what_is_cut_off),
		cmocka_unit_test(refuses_what_is_wrong),
		cmocka_unit_test(survives_changed_bytes),
		cmocka_unit_test(refuses_files_that_are_none),
		cmocka_unit_test(judges_type_information),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
