/*
 * What an object says of ways, logs, limits, sets and tests, and what its sets begin with, may be anything: each of it that is cut off, of
 * another type, out of bounds or too much is refused with one reason. Under the sanitizers, that nothing else happens is the test, too.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "private.h"

#define SUM "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char meta_text[] =
	"{\"xdpf\":1,\"compiler\":\"xdpfc\",\"program\":\"p\","
	"\"files\":[{\"name\":\"a.xdpf\",\"default\":{\"index\":1,\"verdict\":\"redirect\",\"else\":{\"slot\":0,\"verdict\":\"abort\"}},"
	"\"counters\":true}],"
	"\"rules\":[{\"index\":0,\"file\":0,\"label\":\"one\",\"shown\":\"one\",\"source\":\"a.xdpf\",\"line\":1,\"column\":1,"
	"\"depth\":0,\"branch\":\"else\",\"verdict\":\"redirect\",\"text\":\"redirect eth1\",\"else\":{\"slot\":1,\"verdict\":\"drop\"}}],"
	"\"counters\":[],\"actions\":[{\"slot\":0,\"rule\":0,\"table\":null,\"action\":\"add ip.src to banned\"}],\"ifaces\":[],"
	"\"ways\":{\"others\":2,\"ports\":[\"eth1\"],\"floods\":[[\"eth2\",\"eth3\"]],\"cpus\":[2],\"sockets\":false,\"forwards\":true},"
	"\"limits\":[{\"name\":\"syn\",\"rate\":\"200/s\",\"file\":0,\"size\":65536,\"words\":3,\"layout\":\"ip.src shift 0\",\"shift\":0}],"
	"\"logs\":[{\"rule\":0,\"sample\":false}],"
	"\"sets\":[{\"name\":\"banned\",\"file\":0,\"size\":3,\"timeout\":10000,\"expires\":true,\"prefix\":false,\"key_size\":4,"
	"\"added\":true,\"taken\":false,\"snap\":[16,0],\"tables\":1,"
	"\"key\":[{\"name\":\"ip4\",\"type\":\"ip4\",\"kind\":\"ip4\",\"offset\":0,\"size\":4}]},"
	"{\"name\":\"nets\",\"file\":0,\"size\":100,\"timeout\":0,\"expires\":false,\"prefix\":true,\"key_size\":23,"
	"\"added\":false,\"taken\":false,\"snap\":[16,1],"
	"\"key\":[{\"name\":\"port\",\"type\":\"port\",\"kind\":\"num\",\"offset\":4,\"size\":2},"
	"{\"name\":\"net\",\"type\":\"net\",\"kind\":\"net\",\"offset\":6,\"size\":17}]}],"
	"\"sources\":[{\"name\":\"a.xdpf\",\"path\":\"a.xdpf\",\"file\":0,\"size\":7,\"sha256\":\"" SUM "\",\"text\":\"pass;\\n\\t\"}]}";

#define FRAME "0200000000020200000000010806"

static const char tests_text[] =
	"{\"tests\":[{\"name\":\"a\",\"steps\":[{\"packet\":\"" FRAME "\",\"repeat\":1,\"iface\":\"eth0\",\"rxqueue\":3,\"socket\":1,\"no-way\":0},"
	"{\"after\":10},{\"add\":0,\"elements\":\"c0000201c0000202\",\"keep\":5,\"source\":\"a.xdpf\",\"line\":7},"
	"{\"remove\":1,\"elements\":\"2000000000500401020300000000000000000000000000\",\"source\":\"a.xdpf\",\"line\":8},"
	"{\"expect\":\"drop\",\"by\":0,\"source\":\"a.xdpf\",\"line\":9}]}]}";

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

static struct rt_meta *good_meta(void)
{
	struct rt_meta *m = NULL;

	assert_int_equal(rt_meta_parse(&m, meta_text, strlen(meta_text), NULL), 0);
	return m;
}

/* ---- the two texts, read alike ---- */

static int read_meta(const char *text, size_t len, struct said *said)
{
	const struct xdpf_log log = { hear, said };
	struct rt_meta *m = NULL;
	int err = rt_meta_parse(&m, text, len, &log);

	assert_true(!err == !!m);
	rt_meta_free(m);
	return err;
}

static int read_tests(const char *text, size_t len, struct said *said)
{
	const struct xdpf_log log = { hear, said };
	struct xdpf_object o = { .meta = good_meta(), .tests = text, .tests_len = len };
	struct xdpf_tests *t = NULL;
	int err = xdpf_object_tests(&t, &o, &log);

	assert_true(!err == !!t);
	xdpf_tests_free(t);
	rt_meta_free(o.meta);
	return err;
}

typedef int (*read_fn)(const char *text, size_t len, struct said *said);

static const struct {
	read_fn read;
	const char *text;
} texts[] = { { read_meta, meta_text }, { read_tests, tests_text } };

static void takes_what_is_good(void **state)
{
	struct xdpf_object o = { .meta = good_meta(), .tests = tests_text, .tests_len = strlen(tests_text) };
	const struct xdpf_meta *m = rt_meta_get(o.meta);
	struct xdpf_tests *tests = NULL;
	const struct xdpf_test *t;
	size_t n = 0;

	(void)state;
	assert_int_equal(m->ways.n_others, 2);
	assert_string_equal(m->ways.floods[0].ifaces[1], "eth3");
	assert_int_equal(m->rules[0].other.verdict, XDPF_DROP);
	assert_int_equal(m->files[0].default_other.verdict, XDPF_ABORT);
	assert_int_equal(m->sets[0].timeout, 10000000000);
	assert_true(m->sets[1].prefix);
	assert_int_equal(xdpf_object_tests(&tests, &o, NULL), 0);
	t = xdpf_tests_get(tests, &n);
	assert_int_equal(n, 1);
	assert_int_equal(t->n_steps, 5);
	assert_int_equal(t->steps[0].inputs, 3);
	assert_int_equal(t->steps[0].input[XDPF_INPUT_SOCKET], 1);
	assert_int_equal(t->steps[2].kind, XDPF_STEP_ADD);
	assert_int_equal(t->steps[2].n_elements, 2);
	assert_memory_equal(t->steps[2].elements, "\xc0\0\2\1\xc0\0\2\2", 8);
	assert_int_equal(t->steps[3].kind, XDPF_STEP_REMOVE);
	assert_int_equal(t->steps[3].set, 1);
	xdpf_tests_free(tests);
	rt_meta_free(o.meta);
}

static void refuses_what_is_cut_off(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (size_t len = 0; len < strlen(texts[i].text); len++) {
			struct said said = { 0 };
			char *copy = malloc(len ? len : 1);	/* so that nothing stands behind it */

			memcpy(copy, texts[i].text, len);
			assert_int_equal(texts[i].read(copy, len, &said), -EBADMSG);
			assert_int_equal(said.errors, 1);
			free(copy);
		}
}

static void survives_changed_bytes(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
		size_t len = strlen(texts[k].text);
		char *text = strdup(texts[k].text);

		for (size_t i = 0; i < len; i++)
			for (const char *c = "\"{}[],:\\09-. nu\x7f\x80\xff"; *c; c++) {
				struct said said = { 0 };

				text[i] = *c;
				if ((texts[k].read(text, len, &said) != 0) != said.errors)
					fail_msg("byte %zu as %c: %u errors: %s", i, *c, said.errors, said.text);
				text[i] = texts[k].text[i];
			}
		free(text);
	}
}

/* ---- one member each ---- */

struct wrong {
	const char *from, *to, *says;
};

static const struct wrong wrong_meta[] = {
	{ "\"sources\":[{", "\"sources\":[7,{", "\"sources\" has an element that is no object" },
	{ "\"sources\":[{", "\"sources\":{},\"s\":[{", "\"sources\" is missing or no array" },
	{ "\"path\":\"a.xdpf\"", "\"path\":7", "\"path\" is missing or no string" },
	{ "\"path\":\"a.xdpf\"", "\"path\":\"a\\u001b\"", "\"path\" has control characters" },
	{ "\"path\":\"a.xdpf\",\"file\":0", "\"path\":\"a.xdpf\"", "\"file\" is missing or no number" },
	{ "\"path\":\"a.xdpf\",\"file\":0", "\"path\":\"a.xdpf\",\"file\":1", "\"file\" is out of bounds" },
	{ "\"path\":\"a.xdpf\",\"file\":0", "\"path\":\"a.xdpf\",\"file\":-1", "\"file\" is out of bounds" },
	{ "\"size\":7,", "\"size\":8,", "has an element that is no file" },
	{ "\"size\":7,", "\"size\":-7,", "has an element that is no file" },
	{ "\"size\":7,", "", "has an element that is no file" },
	{ SUM, "0123", "\"sha256\" is none" },
	{ ",\"text\":\"pass;", ",\"t\":\"pass;", "has an element that is no file" },
	{ "\"text\":\"pass;\\n", "\"text\":\"pass;\\u0000", "a string holds a NUL" },
	{ "\"else\":{\"slot\":1,", "\"else\":{\"slot\":2,", "\"slot\" is out of bounds" },
	{ "\"else\":{\"slot\":1,", "\"else\":{\"slot\":-1,", "\"slot\" is out of bounds" },
	{ "\"else\":{\"slot\":1,\"verdict\":\"drop\"}", "\"else\":{\"slot\":1}", "\"verdict\" is missing" },
	{ "\"else\":{\"slot\":1,\"verdict\":\"drop\"}", "\"else\":7", "\"else\" is no object" },
	{ "\"else\":{\"slot\":0,\"verdict\":\"abort\"}", "\"else\":{\"slot\":0,\"verdict\":\"fly\"}", "\"verdict\" is missing or unknown" },
	{ "\"ways\":{\"others\":2,", "\"ways\":null,\"w\":{\"others\":2,", "is said, but not \"ways\"" },
	{ "\"ways\":{\"others\":2,", "\"ways\":[],\"w\":{\"others\":2,", "\"others\" is missing" },
	{ "\"others\":2", "\"others\":\"2\"", "\"others\" is missing or no number" },
	{ "\"others\":2", "\"others\":99999999", "\"others\" is out of bounds" },
	{ "\"ports\":[\"eth1\"]", "\"ports\":\"eth1\"", "\"ports\" is missing or no array" },
	{ "\"ports\":[\"eth1\"]", "\"ports\":[1]", "no interface's name" },
	{ "\"ports\":[\"eth1\"]", "\"ports\":[\"\"]", "no interface's name" },
	{ "\"ports\":[\"eth1\"]", "\"ports\":[\"../../etc/pas\"]", "no interface's name" },
	{ "\"ports\":[\"eth1\"]", "\"ports\":[\"sixteen-letters-\"]", "no interface's name" },
	{ "\"ports\":[\"eth1\"]", "\"ports\":[\"eth1\\u001b[31m\"]", "no interface's name" },
	{ "\"floods\":[[\"eth2\",\"eth3\"]]", "\"floods\":[[\"eth2\"]]", "no list of interfaces" },
	{ "\"floods\":[[\"eth2\",\"eth3\"]]", "\"floods\":[\"eth2\",\"eth3\"]", "no list of interfaces" },
	{ "\"floods\":[[\"eth2\",\"eth3\"]]", "\"floods\":[[\"eth2\",null]]", "no interface's name" },
	{ "\"cpus\":[2]", "\"cpus\":[8192]", "no CPU's number" },
	{ "\"cpus\":[2]", "\"cpus\":[-1]", "no CPU's number" },
	{ "\"cpus\":[2]", "\"cpus\":[\"2\"]", "no CPU's number" },
	{ "\"sockets\":false", "\"sockets\":0", "\"sockets\" is missing or neither" },
	{ ",\"forwards\":true", "", "\"forwards\" is missing or neither" },
	{ "\"logs\":[{", "\"logs\":{},\"l\":[{", "\"logs\" is missing or no array" },
	{ "\"logs\":[{\"rule\":0", "\"logs\":[{\"rule\":1", "\"rule\" is no rule's index" },
	{ "\"logs\":[{\"rule\":0", "\"logs\":[{\"rule\":2", "\"rule\" is out of bounds" },
	{ "\"logs\":[{\"rule\":0", "\"logs\":[{\"rule\":0.5", "\"rule\" is missing or no number" },
	{ "\"logs\":[{\"rule\":0,\"sample\":false}", "\"logs\":[7", "\"logs\" has an element that is no object" },
	{ "\"sample\":false", "\"sample\":null", "\"sample\" is missing or neither" },
	{ "\"limits\":[{\"name\":\"syn\"", "\"limits\":[{\"name\":[]", "\"name\" is missing or no string" },
	{ "\"rate\":\"200/s\"", "\"rate\":\"200\\u0007\"", "\"rate\" has control characters" },
	{ "\"file\":0,\"size\":65536", "\"file\":1,\"size\":65536", "\"file\" is out of bounds" },
	{ "\"size\":65536", "\"size\":-1", "\"size\" is out of bounds" },
	{ "\"size\":65536", "\"size\":0", "\"size\" is said of a limit without a key" },
	{ "\"words\":3", "\"words\":18", "\"words\" is out of bounds" },
	{ "\"words\":3", "\"word\":3", "\"words\" is missing or no number" },
	{ "\"words\":3", "\"words\":0", "\"size\" is said of a limit without a key" },
	{ "\"limits\":[{", "\"limits\":[7,{", "\"limits\" has an element that is no object" },
	{ "\"sets\":[{", "\"sets\":7,\"s\":[{", "\"sets\" is missing or no array" },
	{ "\"sets\":[{", "\"sets\":[7,{", "is missing" },
	{ "\"name\":\"banned\",\"file\":0", "\"name\":\"banned\",\"file\":1", "\"file\" is out of bounds" },
	{ "\"name\":\"banned\"", "\"name\":\"ban\\u009bned\"", "\"name\" has control characters" },
	{ "\"size\":3,", "\"size\":0,", "\"size\" is zero" },
	{ "\"size\":3,", "\"size\":16777217,", "\"size\" is out of bounds" },
	{ "\"timeout\":10000", "\"timeout\":4294967296", "\"timeout\" is out of bounds" },
	{ "\"timeout\":10000", "\"timeout\":-5", "\"timeout\" is out of bounds" },
	{ "\"expires\":true", "\"expires\":1", "neither true nor false" },
	{ "\"prefix\":true", "\"prefix\":\"yes\"", "neither true nor false" },
	{ "\"prefix\":true", "\"prefix\":false", "\"prefix\" does not fit" },
	{ "\"prefix\":false", "\"prefix\":true", "\"offset\" lies in another component" },
	{ "\"key_size\":4,", "\"key_size\":65,", "\"key_size\" is out of bounds" },
	{ "\"key_size\":4,", "\"key_size\":3,", "\"size\" is out of bounds" },
	{ "\"key_size\":23,", "\"key_size\":24,", "\"offset\" of a prefix is not the key's end" },
	{ "\"kind\":\"num\",\"offset\":4,\"size\":2", "\"kind\":\"num\",\"offset\":4,\"size\":3", "\"size\" does not fit" },
	{ "\"kind\":\"num\",\"offset\":4,", "\"kind\":\"num\",\"offset\":2,", "\"offset\" lies in another component" },
	{ "\"kind\":\"num\",\"offset\":4,", "\"kind\":\"num\",\"offset\":5,", "\"offset\" lies in another component" },
	{ "\"kind\":\"num\",\"offset\":4,", "\"kind\":\"num\",\"offset\":22,", "\"offset\" lies outside the key" },
	{ "\"kind\":\"num\",\"offset\":4,", "\"kind\":\"num\",\"offset\":4294967295,", "\"offset\" is out of bounds" },
	{ "\"kind\":\"net\"", "\"kind\":\"wide\"", "\"kind\" is unknown" },
	{ "\"added\":true", "\"added\":1", "\"added\" or \"taken\" is missing" },
	{ "\"taken\":false", "\"taken\":0", "\"added\" or \"taken\" is missing" },
	{ "\"snap\":[16,0]", "\"snap\":null", "\"snap\" is not what" },
	{ "\"snap\":[16,0]", "\"snap\":[17,0]", "\"snap\" is not what" },
	{ "\"snap\":[16,0]", "\"snap\":[16]", "\"snap\" is not what" },
	{ "\"snap\":[16,0]", "\"snap\":[16,64]", "\"snap\" is not what" },
	{ "\"snap\":[16,0]", "\"snap\":[16,-1]", "\"snap\" is not what" },
	{ "\"snap\":[16,0]", "\"snap\":7", "\"snap\" is not what" },
	{ "\"snap\":[16,0]", "\"snap\":[16,1]", "\"snap\" is another set's" },
	{ "\"tables\":1", "\"tables\":-1", "\"tables\" is no number" },
	{ "\"tables\":1", "\"tables\":4294967296", "\"tables\" is no number" },
	{ "\"tables\":1", "\"tables\":null", "\"tables\" is no number" },
	{ "\"key\":[{\"name\":\"ip4\",\"type\":\"ip4\",\"kind\":\"ip4\",\"offset\":0,\"size\":4}]", "\"key\":[]", "is zero, or the key is empty" },
	{ "\"key\":[{\"name\":\"ip4\",\"type\":\"ip4\",\"kind\":\"ip4\",\"offset\":0,\"size\":4}]", "\"key\":{}", "\"key\" is missing or no array" },
	{ "\"key\":[{\"name\":\"ip4\"", "\"key\":[1,{\"name\":\"ip4\"", "\"kind\" is missing" },
};

static const struct wrong wrong_tests[] = {
	{ "\"name\":\"a\"", "\"name\":\"a\",\"file\":1", "\"file\" is none of its files" },
	{ "\"name\":\"a\"", "\"name\":\"a\",\"file\":null", "\"file\" is none of its files" },
	{ "{\"tests\":", "{\"test\":", "\"tests\" is missing" },
	{ "\"tests\":[{", "\"tests\":[7,{", "\"steps\" is missing" },
	{ "\"name\":\"a\"", "\"name\":null", "\"name\" is missing" },
	{ "\"name\":\"a\"", "\"name\":\"\\u001b[2J\"", "\"name\" is missing or no name" },
	{ "\"steps\":[{", "\"steps\":[7,{", "\"expect\" stands behind no packet" },
	{ "\"packet\":\"" FRAME "\"", "\"packet\":\"\"", "\"packet\" is no frame" },
	{ "\"packet\":\"02", "\"packet\":\"0", "\"packet\" is no frame" },
	{ "\"packet\":\"" FRAME "\"", "\"packet\":\"02000000000202000000000108\"", "\"packet\" is no frame" },
	{ "\"packet\":\"02", "\"packet\":\"0G", "\"packet\" is no frame" },
	{ "\"packet\":\"" FRAME "\"", "\"packet\":[]", "\"packet\" is no frame" },
	{ "\"repeat\":1", "\"repeat\":0", "\"repeat\" is missing or out of bounds" },
	{ "\"repeat\":1", "\"repeat\":1000001", "\"repeat\" is missing or out of bounds" },
	{ "\"repeat\":1", "\"repeat\":\"1\"", "\"repeat\" is missing or out of bounds" },
	{ "\"iface\":\"eth0\"", "\"iface\":\"sixteen-letters-\"", "\"iface\" is no interface's name" },
	{ "\"iface\":\"eth0\"", "\"iface\":0", "\"iface\" is no interface's name" },
	{ "\"rxqueue\":3", "\"rxqueue\":4294967296", "\"rxqueue\" is out of bounds" },
	{ "\"rxqueue\":3", "\"rxqueue\":null", "\"rxqueue\" is out of bounds" },
	{ "\"socket\":1", "\"socket\":2", "\"socket\" is out of bounds" },
	{ "\"socket\":1", "\"socket\":true", "\"socket\" is out of bounds" },
	{ "\"no-way\":0", "\"no-way\":-1", "\"no-way\" is out of bounds" },
	{ "\"after\":10", "\"after\":-1", "\"after\" is out of bounds" },
	{ "\"after\":10", "\"after\":86400000000000001", "\"after\" is out of bounds" },
	{ "\"add\":0,", "\"add\":2,", "\"add\" is no set that lives" },
	{ "\"add\":0,", "\"add\":-1,", "\"add\" is no set that lives" },
	{ "\"add\":0,", "\"add\":18446744073709551616,", "no JSON" },
	{ "\"add\":0,", "\"add\":{},", "\"add\" is no set that lives" },
	{ "\"add\":0,", "", "\"remove\" is no set that lives" },
	{ "\"add\":0,", "\"add\":1,", "\"elements\" are none of the set's" },
	{ "\"elements\":\"c0", "\"elements\":\"", "\"elements\" are none of the set's" },
	{ "\"elements\":\"c0", "\"elements\":\"c", "\"elements\" are none of the set's" },
	{ "\"elements\":\"c0000201c0000202\"", "\"elements\":\"\"", "\"elements\" are none of the set's" },
	{ "\"elements\":\"c0000201c0000202\"", "\"elements\":[\"c0000201\"]", "\"elements\" are none of the set's" },
	{ "\"keep\":5,", "", "\"keep\" is missing" },
	{ "\"keep\":5,", "\"keep\":31536000000000001,", "\"keep\" is missing or out of bounds" },
	{ "\"keep\":5,", "\"keep\":-5,", "\"keep\" is missing or out of bounds" },
	{ "\"remove\":1,\"elements\":", "\"add\":1,\"keep\":1,\"elements\":", "do not expire" },
	{ "\"line\":7", "\"line\":-7", "\"line\" is missing or out of bounds" },
	{ "\"source\":\"a.xdpf\",\"line\":8", "\"source\":8,\"line\":8", "\"source\" or \"line\" is missing" },
	{ "\"expect\":\"drop\"", "\"expect\":\"fly\"", "\"expect\" is no verdict" },
	{ "\"expect\":\"drop\"", "\"expect\":2", "\"expect\" is no verdict" },
	{ "\"by\":0", "\"by\":2", "\"by\" is nobody who decides" },
	{ "\"by\":0", "\"by\":-1", "\"by\" is nobody who decides" },
	{ "\"by\":0,", "", "\"by\" is nobody who decides" },
};

static void one_wrong(read_fn read, const char *good, const struct wrong *w)
{
	const char *at = strstr(good, w->from);
	struct said said = { 0 };
	char text[4096];

	if (!at)
		fail_msg("it has no %s", w->from);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, w->to, at + strlen(w->from));
	if (read(text, strlen(text), &said) != -EBADMSG)
		fail_msg("taken: %s for %s", w->to, w->from);
	if (!strstr(said.text, w->says))
		fail_msg("%s for %s: it says \"%s\", not \"%s\"", w->to, w->from, said.text, w->says);
	assert_int_equal(said.errors, 1);
}

static void refuses_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong_meta) / sizeof(wrong_meta[0]); i++)
		one_wrong(read_meta, meta_text, &wrong_meta[i]);
	for (size_t i = 0; i < sizeof(wrong_tests) / sizeof(wrong_tests[0]); i++)
		one_wrong(read_tests, tests_text, &wrong_tests[i]);
}

/* ---- too much ---- */

static const struct much {
	read_fn read;
	const char *good, *from, *element, *says;	/* instead of .from, so many of .element stand there, with commas between them */
	unsigned n;
} much[] = {
	{ read_meta, meta_text, "\"eth1\"", "\"a\"", "\"ports\" has too many elements", 65537 },
	{ read_meta, meta_text, "[\"eth2\",\"eth3\"]", "[\"a\",\"b\"]", "\"floods\" has too many elements", 9 },
	{ read_meta, meta_text, "\"eth2\",\"eth3\"", "\"a\"", "no list of interfaces", 33 },
	{ read_meta, meta_text, "{\"rule\":0,\"sample\":false}", "0", "\"logs\" has too many elements", (1 << 20) + 1 },
	{ read_meta, meta_text,
	  "{\"name\":\"syn\",\"rate\":\"200/s\",\"file\":0,\"size\":65536,\"words\":3,\"layout\":\"ip.src shift 0\",\"shift\":0}", "0",
	  "\"limits\" has too many elements", (1 << 20) + 1 },
	{ read_meta, meta_text, "\"offset\":0,\"size\":4}", "\"offset\":0,\"size\":4},{},{},{},{}", "\"key\" has too many elements", 1 },
	{ read_meta, meta_text, "{\"slot\":0,\"rule\":0,\"table\":null,\"action\":\"add ip.src to banned\"}", "{}",
	  "\"actions\" has too many elements", (1 << 20) + 1 },
	{ read_tests, tests_text, "{\"after\":10}", "{\"after\":1}", "\"steps\" is missing or no array, or too large", 100001 },
};

static void refuses_what_is_too_much(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(much) / sizeof(much[0]); i++) {
		const struct much *m = &much[i];
		const char *at = strstr(m->good, m->from);
		struct said said = { 0 };
		size_t len = 0;
		char *text = NULL;
		FILE *out;

		if (!at)
			fail_msg("it has no %s", m->from);
		out = open_memstream(&text, &len);
		assert_non_null(out);
		fprintf(out, "%.*s", (int)(at - m->good), m->good);
		for (unsigned k = 0; k < m->n; k++)
			fprintf(out, "%s%s", k ? "," : "", m->element);
		fputs(at + strlen(m->from), out);
		fclose(out);
		if (m->read(text, len, &said) != -EBADMSG || !strstr(said.text, m->says))
			fail_msg("%u of %s: it says \"%s\", not \"%s\"", m->n, m->element, said.text, m->says);
		assert_int_equal(said.errors, 1);
		free(text);
	}
}

/* ---- what is said of network cards ---- */

static const char nic_text[] = "{\"tags\":[0],\"filters\":[[0,\"flow-type tcp4 dst-port 23 action -1\",\"flow-type ip6 src-ip fd99::1 action -1\"]]}";

static int read_nic(const char *text, size_t len, struct said *said)
{
	static const char drops[] = "\"verdict\":\"drop\",\"text\":\"drop\"}],";
	const struct xdpf_log log = { hear, said };
	const char *at = strstr(meta_text, "\"verdict\":\"redirect\",\"text\""), *end = strstr(meta_text, "\"counters\":[]");
	struct rt_nic_rules *n = NULL;
	struct rt_meta *m = NULL;
	char *meta = NULL;
	int err;

	assert_true(asprintf(&meta, "%.*s%s%s", (int)(at - meta_text), meta_text, drops, end) > 0);
	assert_int_equal(rt_meta_parse(&m, meta, strlen(meta), NULL), 0);
	err = rt_nic_parse(&n, text, len, rt_meta_get(m), &log);
	assert_true(!err == !!n);
	rt_nic_free(n);
	rt_meta_free(m);
	free(meta);
	return err;
}

static void refuses_what_is_said_of_cards(void **state)
{
	static const char *const wrong[] = {
		"", "[]", "{}", "{\"tags\":[0]}", "{\"tags\":0,\"filters\":[]}", "{\"tags\":[1],\"filters\":[]}", "{\"tags\":[-1],\"filters\":[]}",
		"{\"tags\":[\"0\"],\"filters\":[]}", "{\"tags\":[4294967296],\"filters\":[]}", "{\"tags\":[],\"filters\":[0]}",
		"{\"tags\":[],\"filters\":[[0]]}", "{\"tags\":[],\"filters\":[[1,\"flow-type ip4\"]]}", "{\"tags\":[],\"filters\":[[0,7]]}",
		"{\"tags\":[],\"filters\":[[0,\"flow-type ip4; reboot\"]]}", "{\"tags\":[],\"filters\":[[0,\"$(reboot)\"]]}",
		("{\"tags\":[],\"filters\":[[0,\"a\","
		"\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\"]]}"),
	};

	(void)state;
	for (size_t len = 0; len <= strlen(nic_text); len++) {
		struct said said = { 0 };

		if (read_nic(nic_text, len, &said) != (len < strlen(nic_text) ? -EBADMSG : 0))
			fail_msg("%zu bytes of it: %s", len, said.text);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct said said = { 0 };

		if (read_nic(wrong[i], strlen(wrong[i]), &said) != -EBADMSG || said.errors != 1)
			fail_msg("%s: \"%s\"", wrong[i], said.text);
	}
}

/* ---- what sets begin with ---- */

static int check_elements(const struct xdpf_elements *head, size_t bytes, struct said *said)
{
	const struct xdpf_log log = { hear, said };
	struct rt_meta *m = good_meta();
	size_t len = sizeof(*head) + bytes;
	char *data = calloc(1, len);
	int err;

	memcpy(data, head, sizeof(*head));
	err = rt_sets_check(data, len, rt_meta_get(m), &log);
	assert_int_equal(!err, !said->errors);
	free(data);
	rt_meta_free(m);
	return err;
}

static void refuses_elements(void **state)
{
	static const struct {
		struct xdpf_elements head;
		size_t bytes;
		int err;
	} rows[] = {
		{ { 0, 3, 4, 0 }, 12, 0 }, { { 1, 2, 23, 0 }, 46, 0 }, { { 0, 0, 4, 0 }, 0, 0 },
		{ { 2, 0, 4, 0 }, 0, -EBADMSG }, { { UINT32_MAX, 0, 4, 0 }, 0, -EBADMSG },		/* no such set */
		{ { 0, 3, 8, 0 }, 24, -EBADMSG }, { { 0, 3, 0, 0 }, 0, -EBADMSG },			/* of another size */
		{ { 0, 4, 4, 0 }, 16, -EBADMSG }, { { 1, UINT32_MAX, 23, 0 }, 0, -EBADMSG },		/* more than there is room for */
		{ { 0, 3, 4, 0 }, 11, -EBADMSG }, { { 0, 3, 4, 0 }, 0, -EBADMSG },			/* fewer than it says */
		{ { 0, 3, 4, 0 }, 13, -EBADMSG }, { { 0, 3, 4, 0 }, 27, -EBADMSG },			/* a head that is cut off */
		{ { 0, 3, 4, 0 }, 28, -EBADMSG },							/* and the same set again */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct said said = { 0 };

		if (check_elements(&rows[i].head, rows[i].bytes, &said) != rows[i].err)
			fail_msg("row %zu: %s", i, said.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_is_good), cmocka_unit_test(refuses_what_is_cut_off), cmocka_unit_test(survives_changed_bytes),
		cmocka_unit_test(refuses_what_is_wrong), cmocka_unit_test(refuses_what_is_too_much), cmocka_unit_test(refuses_elements),
		cmocka_unit_test(refuses_what_is_said_of_cards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
