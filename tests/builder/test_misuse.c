/*
 * What a builder makes of calls that are wrong: an error that says which call it was, kept from then on, and never a crash.
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

typedef void (*misuse)(struct xdpfc_builder *b);

static const struct xdpfc_value *num(struct xdpfc_builder *b)
{
	return xdpfc_value_number(b, 1);
}

static const struct xdpfc_value *list(struct xdpfc_builder *b)
{
	const struct xdpfc_value *one = num(b);

	return xdpfc_value_list(b, &one, 1);
}

static const struct xdpfc_operand *port(struct xdpfc_builder *b)
{
	return xdpfc_operand_field(b, "tcp.dport");
}

static const struct xdpfc_expr *tcp(struct xdpfc_builder *b)
{
	return xdpfc_expr_has(b, xdpfc_operand_field(b, "tcp"));
}

static const struct xdpfc_action *drop(struct xdpfc_builder *b)
{
	return xdpfc_action_verdict(b, "drop");
}

static const struct xdpfc_expr *over(struct xdpfc_builder *b)
{
	return xdpfc_expr_over(b, tcp(b), "x");
}

static struct xdpfc_builder *other;

#define CASE(name, call) static void name(struct xdpfc_builder *b) { call; }
CASE(no_word, xdpfc_value_name(b, NULL))
CASE(keyword, xdpfc_value_name(b, "drop"))
CASE(injected, xdpfc_value_name(b, "a; drop"))
CASE(empty_name, xdpfc_value_name(b, ""))
CASE(dash_name, xdpfc_value_name(b, "a-"))
CASE(dot_name, xdpfc_value_name(b, "a..b"))
CASE(quoted, xdpfc_value_string(b, "a\"; drop"))
CASE(newline, xdpfc_value_string(b, "a\nb"))
CASE(no_utf8, xdpfc_value_string(b, "\xff"))
CASE(bidi, xdpfc_value_string(b, "\xe2\x80\xae"))
CASE(no_quantity, xdpfc_value_quantity(b, "10"))
CASE(odd_quantity, xdpfc_value_quantity(b, "1.k"))
CASE(null_quantity, xdpfc_value_quantity(b, NULL))
CASE(no_address, xdpfc_value_address(b, "1.2.3"))
CASE(long_prefix, xdpfc_value_address(b, "1.2.3.4/129"))
CASE(bad_prefix, xdpfc_value_address(b, "1.2.3.4/x"))
CASE(null_address, xdpfc_value_address(b, NULL))
CASE(five_bytes, xdpfc_value_ip(b, "12345", 5))
CASE(one_byte, xdpfc_value_bytes(b, "1", 1))
CASE(null_bytes, xdpfc_value_bytes(b, NULL, 4))
CASE(half_range, xdpfc_value_range(b, num(b), NULL))
CASE(range_of_list, xdpfc_value_range(b, num(b), list(b)))
CASE(prefix_of_list, xdpfc_value_prefix(b, list(b), 3))
CASE(empty_list, xdpfc_value_list(b, NULL, 0))
CASE(null_list, xdpfc_value_list(b, NULL, 3))
CASE(hole_in_list, xdpfc_value_list(b, (const struct xdpfc_value *[]){ num(b), NULL }, 2))
CASE(small_tuple, xdpfc_value_tuple(b, (const struct xdpfc_value *[]){ num(b) }, 1))
CASE(union_of_list, xdpfc_value_union(b, (const struct xdpfc_value *[]){ num(b), list(b) }, 2))
CASE(foreign_value, xdpfc_value_range(b, num(other), num(b)))
CASE(wrong_kind, xdpfc_value_range(b, (const void *)port(b), num(b)))
CASE(no_field, xdpfc_operand_field(b, "tcp dport"))
CASE(slice_of_nothing, xdpfc_operand_slice(b, NULL, 0, 1))
CASE(three_prefixes, xdpfc_operand_prefix(b, xdpfc_operand_prefix(b, xdpfc_operand_prefix(b, port(b), 1), 1), 1))
CASE(has_slice, xdpfc_expr_has(b, xdpfc_operand_slice(b, "payload", 0, 1)))
CASE(compare_key, xdpfc_expr_compare(b, xdpfc_operand_prefix(b, port(b), 1), XDPFC_EQ, num(b)))
CASE(no_cmp, xdpfc_expr_compare(b, port(b), (enum xdpfc_cmp)99, num(b)))
CASE(compare_null, xdpfc_expr_compare(b, NULL, XDPFC_EQ, num(b)))
CASE(mask_list, xdpfc_expr_masked(b, port(b), list(b), XDPFC_EQ, num(b)))
CASE(tuple_of_one, xdpfc_expr_tuple(b, (const struct xdpfc_operand *[]){ port(b) }, 1, XDPFC_IN, list(b)))
CASE(tuple_equals, xdpfc_expr_tuple(b, (const struct xdpfc_operand *[]){ port(b), port(b) }, 2, XDPFC_EQ, list(b)))
CASE(and_of_none, xdpfc_expr_and(b, NULL, 0))
CASE(limit_inside, xdpfc_expr_not(b, over(b)))
CASE(limit_in_and, xdpfc_expr_and(b, (const struct xdpfc_expr *[]){ over(b), tcp(b) }, 2))
CASE(limit_of_nothing, xdpfc_expr_over(b, tcp(b), NULL))
CASE(rate_of_nothing, xdpfc_expr_over_rate(b, tcp(b), NULL))
CASE(share_number, xdpfc_expr_random(b, num(b), NULL))
CASE(null_rate, xdpfc_rate_new(b, NULL))
CASE(short_rate, xdpfc_rate_new(b, &(struct xdpfc_rate_opts){ .sz = 1 }))
CASE(rate_no_period, xdpfc_rate_new(b, &(struct xdpfc_rate_opts){ .sz = sizeof(struct xdpfc_rate_opts), .rate = num(b) }))
CASE(unit_no_burst, xdpfc_rate_new(b, &(struct xdpfc_rate_opts){ .sz = sizeof(struct xdpfc_rate_opts), .rate = num(b), .period = "s",
								 .burst_unit = "bytes" }))
CASE(null_key, xdpfc_rate_new(b, &(struct xdpfc_rate_opts){ .sz = sizeof(struct xdpfc_rate_opts), .rate = num(b), .period = "s", .n_key = 2 }))
CASE(no_verdict, xdpfc_action_verdict(b, "reject"))
CASE(null_verdict, xdpfc_action_verdict(b, NULL))
CASE(redirect_nowhere, xdpfc_action_redirect(b, NULL, NULL))
CASE(otherwise_count, xdpfc_action_forward(b, xdpfc_action_count(b, "x", NULL, 0)))
CASE(count_nothing, xdpfc_action_count(b, NULL, NULL, 0))
CASE(log_half, xdpfc_action_log(b, num(b), NULL))
CASE(sample_nothing, xdpfc_action_sample(b, NULL))
CASE(write_nothing, xdpfc_action_write(b, "ip4.ttl", NULL))
CASE(add_nothing, xdpfc_action_add(b, NULL, 0, "s", NULL))
CASE(push_list, xdpfc_action_vlan_push(b, list(b)))
CASE(no_action, xdpfc_builder_rule(b, "a", NULL, 0, NULL))
CASE(null_action, xdpfc_builder_rule(b, "a", (const struct xdpfc_action *[]){ NULL }, 1, NULL))
CASE(behind_verdict, xdpfc_builder_rule(b, "a", (const struct xdpfc_action *[]){ drop(b), drop(b) }, 2, NULL))
CASE(label_injected, xdpfc_builder_rule(b, "a: drop; b", (const struct xdpfc_action *[]){ drop(b) }, 1, NULL))
CASE(foreign_action, xdpfc_builder_rule(b, NULL, (const struct xdpfc_action *[]){ drop(other) }, 1, NULL))
CASE(if_nothing, xdpfc_builder_if(b, NULL, NULL))
CASE(else_alone, xdpfc_builder_else(b))
CASE(else_if_alone, xdpfc_builder_else_if(b, tcp(b)))
CASE(end_alone, xdpfc_builder_end(b))
CASE(two_elses, (xdpfc_builder_if(b, NULL, tcp(b)), xdpfc_builder_else(b), xdpfc_builder_else(b)))
CASE(set_in_block, (xdpfc_builder_if(b, NULL, tcp(b)), xdpfc_builder_let(b, "a", num(b))))
CASE(test_in_block, (xdpfc_builder_if(b, NULL, tcp(b)), xdpfc_builder_test(b, "a")))
CASE(rule_in_test, (xdpfc_builder_test(b, "a"), xdpfc_builder_rule(b, NULL, (const struct xdpfc_action *[]){ drop(b) }, 1, NULL)))
CASE(else_of_test, (xdpfc_builder_test(b, "a"), xdpfc_builder_else(b)))
CASE(step_alone, xdpfc_builder_packet(b, 1, NULL, 0))
CASE(expect_alone, xdpfc_builder_expect(b, "drop", XDPFC_BY_ANYBODY, NULL))
CASE(expect_nothing, (xdpfc_builder_test(b, "a"), xdpfc_builder_expect(b, "maybe", XDPFC_BY_ANYBODY, NULL)))
CASE(by_nobody, (xdpfc_builder_test(b, "a"), xdpfc_builder_expect(b, "drop", XDPFC_BY_LABEL, NULL)))
CASE(by_default_label, (xdpfc_builder_test(b, "a"), xdpfc_builder_expect(b, "drop", XDPFC_BY_LABEL, "default")))
CASE(by_what, (xdpfc_builder_test(b, "a"), xdpfc_builder_expect(b, "drop", (enum xdpfc_by)77, NULL)))
CASE(never_run, (xdpfc_builder_test(b, "a"), xdpfc_builder_packet(b, 0, NULL, 0)))
CASE(null_assign, (xdpfc_builder_test(b, "a"), xdpfc_builder_packet(b, 1, NULL, 2)))
CASE(null_set, xdpfc_builder_set(b, "s", NULL))
CASE(no_type, xdpfc_builder_set(b, "s", &(struct xdpfc_set_opts){ .sz = sizeof(struct xdpfc_set_opts) }))
CASE(null_type, xdpfc_builder_set(b, "s", &(struct xdpfc_set_opts){ .sz = sizeof(struct xdpfc_set_opts), .type = (const char *[]){ NULL },
								   .n_types = 1 }))
CASE(default_count, xdpfc_builder_default(b, xdpfc_action_count(b, "x", NULL, 0)))
CASE(include_quote, xdpfc_builder_include(b, "a\".xdpf"))
CASE(comment_null, xdpfc_builder_comment(b, NULL))
CASE(comment_bell, xdpfc_builder_comment(b, "\a"))

static void deep_expr(struct xdpfc_builder *b)
{
	const struct xdpfc_expr *e = tcp(b);

	for (int i = 0; i < 5000; i++)
		e = xdpfc_expr_not(b, e);
}

static void deep_value(struct xdpfc_builder *b)
{
	const struct xdpfc_value *v = num(b);

	for (int i = 0; i < 5000; i++)
		v = xdpfc_value_list(b, &v, 1);
}

static void deep_blocks(struct xdpfc_builder *b)
{
	for (int i = 0; i < 5000; i++)
		xdpfc_builder_if(b, NULL, tcp(b));
}

static void deep_else(struct xdpfc_builder *b)
{
	const struct xdpfc_action *a = drop(b);

	for (int i = 0; i < 5000; i++)
		a = xdpfc_action_forward(b, a);
}

static const misuse cases[] = {
	no_word, keyword, injected, empty_name, dash_name, dot_name, quoted, newline, no_utf8, bidi, no_quantity, odd_quantity,
	null_quantity, no_address, long_prefix, bad_prefix, null_address, five_bytes, one_byte, null_bytes, half_range, range_of_list,
	prefix_of_list, empty_list, null_list, hole_in_list, small_tuple, union_of_list, foreign_value, wrong_kind, no_field,
	slice_of_nothing, three_prefixes, has_slice, compare_key, no_cmp, compare_null, mask_list, tuple_of_one, tuple_equals, and_of_none,
	limit_inside, limit_in_and, limit_of_nothing, rate_of_nothing, share_number, null_rate, short_rate, rate_no_period, unit_no_burst,
	null_key, no_verdict, null_verdict, redirect_nowhere, otherwise_count, count_nothing, log_half, sample_nothing, write_nothing,
	add_nothing, push_list, no_action, null_action, behind_verdict, label_injected, foreign_action, if_nothing, else_alone,
	else_if_alone, end_alone, two_elses, set_in_block, test_in_block, rule_in_test, else_of_test, step_alone, expect_alone,
	expect_nothing, by_nobody, by_default_label, by_what, never_run, null_assign, null_set, no_type, null_type, default_count,
	include_quote, comment_null, comment_bell, deep_expr, deep_value, deep_blocks, deep_else,
};

static void each_is_refused(void **state)
{
	(void)state;
	assert_int_equal(xdpfc_builder_new(&other), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *why = NULL, *again = NULL;
		struct xdpfc_program *p;
		struct xdpfc_builder *b;
		size_t len;
		char *text = NULL;
		int err;

		assert_int_equal(xdpfc_builder_new(&b), 0);
		cases[i](b);
		err = xdpfc_builder_error(b, &why);
		if (err >= 0)
			fail_msg("case %zu is taken for right", i);
		assert_true(err == -EINVAL || err == -E2BIG);
		if (strncmp(why, "xdpfc_", 6) != 0 || !strstr(why, ": "))
			fail_msg("case %zu: %s", i, why);
		/* it is kept, and all else refused */
		assert_null(num(b));
		assert_null(xdpfc_action_verdict(b, "also-wrong"));
		assert_int_equal(xdpfc_builder_space(b), err);
		assert_int_equal(xdpfc_builder_error(b, &again), err);
		assert_ptr_equal(why, again);
		assert_int_equal(xdpfc_builder_print(b, &text, &len), err);
		assert_int_equal(xdpfc_program_new(&p), 0);
		assert_int_equal(xdpfc_program_add_builder(p, "a.xdpf", b), err);
		xdpfc_program_free(p);
		xdpfc_builder_free(b);
	}
	xdpfc_builder_free(other);
	other = NULL;
}

static void no_builder(void **state)
{
	char *text;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cases[i](NULL);
	assert_int_equal(xdpfc_builder_new(NULL), -EINVAL);
	assert_int_equal(xdpfc_builder_error(NULL, NULL), -EINVAL);
	assert_int_equal(xdpfc_builder_print(NULL, &text, &len), -EINVAL);
	assert_int_equal(xdpfc_program_add_builder(NULL, "a", NULL), -EINVAL);
	xdpfc_builder_free(NULL);
}

static void open_things(void **state)
{
	struct xdpfc_builder *b;
	struct xdpfc_program *p;
	char *text;
	size_t len;

	(void)state;
	assert_int_equal(xdpfc_builder_new(&b), 0);
	assert_int_equal(xdpfc_program_new(&p), 0);
	assert_int_equal(xdpfc_builder_print(b, NULL, &len), -EINVAL);
	/* nothing is a rule file, too */
	assert_int_equal(xdpfc_builder_print(b, &text, &len), 0);
	assert_int_equal(len, 0);
	free(text);
	xdpfc_builder_test(b, "a");
	assert_int_equal(xdpfc_builder_print(b, &text, &len), -EBUSY);
	assert_int_equal(xdpfc_program_add_builder(p, "a", b), -EBUSY);
	assert_int_equal(xdpfc_builder_end(b), 0);
	assert_int_equal(xdpfc_builder_comment(b, "two\nlines"), 0);
	assert_int_equal(xdpfc_builder_space(b), 0);
	assert_int_equal(xdpfc_builder_rule(b, "default", (const struct xdpfc_action *[]){ drop(b) }, 1, tcp(b)), 0);
	assert_int_equal(xdpfc_builder_print(b, &text, &len), 0);
	assert_string_equal(text, "test \"a\" { }\n# two\n# lines\n\ndefault: drop if tcp;\n");
	free(text);
	xdpfc_program_free(p);
	xdpfc_builder_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_is_refused), cmocka_unit_test(no_builder), cmocka_unit_test(open_things) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
