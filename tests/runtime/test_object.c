/*
 * The compiler's side of objects: names of maps, layouts of keys, the metadata's text (which the runtime must take), and
 * refusing what is no object.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "abi.h"
#include "ast.h"
#include "meta.h"
#include "object.h"

struct checked {
	struct arena *a;
	struct diag_list d;
	struct ast_program *p;
};

/* Rule files to a checked program, as compile.c does it. */
static struct checked check(const char *path, const char *text)
{
	struct checked c = { .a = arena_new() };
	struct ast_program *p = arena_alloc(c.a, sizeof(*p));

	c.d.arena = p->arena = c.a;
	c.p = p;
	assert_true(parse_unit(p, source_new(c.a, path, text, strlen(text)), &c.d));
	if (!sema_check(p, &c.d)) {
		diag_render(&c.d, stderr, false);
		fail_msg("the rules are refused");
	}
	return c;
}

static void names_of_maps(void **state)
{
	struct checked c = check("dir/edge.xdpf",
		"count edge; count int; count xdpf_rules; count a-b; count a_b; count a-very-long-name-1;"
		"count a-very-long-name-2; count license; count per-port per tcp.dport; count seen;");
	const char *const *names = meta_map_names(c.a, c.p);

	(void)state;
	assert_int_equal(c.p->n_counters, 10);
	for (unsigned i = 0; i < c.p->n_counters; i++) {
		size_t len = strlen(names[i]);

		assert_in_range(len, 1, 15);
		assert_int_equal(strspn(names[i], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"), len);
		assert_false(names[i][0] >= '0' && names[i][0] <= '9');
		assert_int_not_equal(strncmp(names[i], "xdpf", 4), 0);
		assert_string_not_equal(names[i], "int");
		assert_string_not_equal(names[i], "license");
		assert_string_not_equal(names[i], c.p->name);
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(names[i], names[k]);
		assert_string_equal(meta_map_name(c.a, c.p, c.p->units.v[0]->counters.v[i]),
				    names[c.p->units.v[0]->counters.v[i]->index]);
	}
	assert_string_equal(names[9], "seen");
	assert_string_equal(names[8], "per_port");
	arena_free(c.a);
}

static void layouts_of_keys(void **state)
{
	struct checked c = check("k.xdpf",
		"count a per (ip.proto, ip4.src, tcp.seq, eth.src, ip.dst, tcp.dport); count b; count c per payload[0:12];"
		"count d per (tcp.syn, iface, payload[0:3]);");
	static const unsigned offsets[] = { 0, 4, 8, 12, 20, 38 }, sizes[] = { 1, 4, 4, 6, 17, 2 };
	struct meta_key k = meta_key_layout(c.a, c.p->units.v[0]->counters.v[0]->key.v, c.p->units.v[0]->counters.v[0]->key.n);

	(void)state;
	assert_int_equal(k.n, 6);
	for (unsigned i = 0; i < k.n; i++) {
		assert_int_equal(k.field[i].offset, offsets[i]);
		assert_int_equal(k.field[i].size, sizes[i]);
	}
	assert_int_equal(k.size, 40);
	assert_int_equal(k.align, 4);
	k = meta_key_layout(c.a, c.p->units.v[0]->counters.v[1]->key.v, c.p->units.v[0]->counters.v[1]->key.n);
	assert_int_equal(k.n, 0);
	assert_int_equal(k.size, 0);
	k = meta_key_layout(c.a, c.p->units.v[0]->counters.v[2]->key.v, c.p->units.v[0]->counters.v[2]->key.n);
	assert_int_equal(k.field[0].kind, KIND_BYTES);
	assert_int_equal(k.size, 12);
	k = meta_key_layout(c.a, c.p->units.v[0]->counters.v[3]->key.v, c.p->units.v[0]->counters.v[3]->key.n);
	assert_int_equal(k.field[0].size, 1);
	assert_int_equal(k.field[1].offset, 4);
	assert_int_equal(k.field[2].kind, KIND_NUM);
	assert_int_equal(k.field[2].size, 4);
	assert_int_equal(k.size, 12);
	arena_free(c.a);
}

static void text_of_metadata(void **state)
{
	static const char rules[] =
		"one:\n\tdrop\tif # the \"port\"\n\ttcp.dport == 23 ;\n"
		"if udp { two: count t per eth.type; } else if tcp { drop; } else { pass; }\n"
		"drop if iface == \"eth0\";\n";
	struct checked c = check("some/where/edge.xdpf", rules), again = check("some/where/edge.xdpf", rules);
	size_t len = 0, len2 = 0;
	char *text = meta_json(c.p, NULL, NULL, &len), *text2 = meta_json(again.p, NULL, NULL, &len2);
	json_t *j, *r;

	(void)state;
	assert_non_null(text);
	assert_int_equal(len, len2);
	assert_memory_equal(text, text2, len);
	j = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(j);
	assert_int_equal(json_integer_value(json_object_get(j, "xdpf")), XDPF_META_VERSION);
	assert_string_equal(json_string_value(json_object_get(j, "program")), "edge");
	assert_int_equal(json_array_size(json_object_get(j, "rules")), c.p->n_indexes - 1);
	r = json_array_get(json_object_get(j, "rules"), 0);
	assert_string_equal(json_string_value(json_object_get(r, "text")), "drop if tcp.dport == 23");
	assert_string_equal(json_string_value(json_object_get(r, "source")), "edge.xdpf");
	assert_string_equal(json_string_value(json_object_get(r, "verdict")), "drop");
	assert_int_equal(json_integer_value(json_object_get(r, "line")), 1);
	r = json_array_get(json_object_get(j, "actions"), 0);
	assert_int_equal(json_integer_value(json_object_get(r, "table")), 0);
	assert_string_equal(json_string_value(json_array_get(json_object_get(j, "ifaces"), 0)), "eth0");
	json_decref(j);
	free(text);
	free(text2);
	arena_free(c.a);
	arena_free(again.a);
}

/* Names and rules of any bytes give valid text. */
static void text_of_odd_names(void **state)
{
	struct checked c = check("dir/\xff\x1b[1m\xc2\x9b\xe2\x82.xdpf", "drop if iface == \"eth0\"; # \xc3\xbc\n"
		"drop if tcp.dport in { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,"
		" 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55,"
		" 56, 57, 58, 59, 60, 61, 62, 63, 64 };");
	size_t len = 0;
	char *text = meta_json(c.p, NULL, NULL, &len);
	json_t *j, *r;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < len; i++)
		assert_true((unsigned char)text[i] >= 0x20);
	j = json_loadb(text, len, 0, NULL);
	assert_non_null(j);
	r = json_array_get(json_object_get(j, "rules"), 1);
	assert_in_range(json_string_length(json_object_get(r, "text")), 190, 200);
	json_decref(j);
	free(text);
	arena_free(c.a);
}

static void refuses_what_is_no_object(void **state)
{
	static const char *const bad[] = { "", "\177ELF", "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\1\0\367\0\1", "hello" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		void *out = &i;
		size_t len = 7;
		const char *err = NULL;
		char *elf = strdup(bad[i]);

		assert_false(object_finish(elf, strlen(elf), &(struct object_texts){ .meta = "{}", .meta_len = 2 }, &out, &len, &err));
		assert_non_null(err);
		assert_ptr_equal(out, &i);
		assert_int_equal(len, 7);
		free(elf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_maps),
		cmocka_unit_test(layouts_of_keys),
		cmocka_unit_test(text_of_metadata),
		cmocka_unit_test(text_of_odd_names),
		cmocka_unit_test(refuses_what_is_no_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
