/*
 * Tests of a builder. In: what packets have, what is expected of them, what happens in between. Out: a test's steps, in their order.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib_builder.h"

static const int field_words[] = { TOK_VLAN, TOK_WEEKDAY, 0 };

int xdpfc_builder_test(struct xdpfc_builder *b, const char *name)
{
	if (!BEGIN(b) || !part_string(b, name, "name"))
		return xdpfc_builder_error(b, NULL);
	if (b->depth)
		part_fail(b, -EINVAL, "a test stands at a file's top level: xdpfc_builder_end() ends what is open");
	part_put(b, "test");
	part_put_string(b, name);
	part_put(b, "{");
	if (!part_add(b))
		b->open[b->depth++] = OPEN_TEST;
	return b->err;
}

/* A call that adds a step begins. */
static bool begin_step(struct xdpfc_builder *b)
{
	if (!b->depth || b->open[b->depth - 1] != OPEN_TEST)
		part_fail(b, -EINVAL, "no test is open: xdpfc_builder_test() begins one");
	return !b->err;
}

static void put_repeat(struct xdpfc_builder *b, uint64_t repeat)
{
	if (!repeat)
		part_fail(b, -EINVAL, "a packet that is run no time says nothing");
	if (repeat != 1)
		part_print(b, "repeat %" PRIu64, repeat);
}

int xdpfc_builder_packet(struct xdpfc_builder *b, uint64_t repeat, const struct xdpfc_assign *assign, size_t n)
{
	if (!BEGIN(b) || !begin_step(b))
		return xdpfc_builder_error(b, NULL);
	if (!assign && n) {
		part_fail(b, -EINVAL, "no fields are given");
		return xdpfc_builder_error(b, NULL);
	}
	put_repeat(b, repeat);
	part_put(b, "packet {");
	for (size_t i = 0; i < n && !b->err; i++) {
		if (i)
			part_put(b, ",");
		if (!part_name(b, assign[i].name, "field", true, field_words))
			break;
		part_put(b, assign[i].name);
		if (assign[i].value) {
			part_put(b, "=");
			part_use(b, part_of(b, assign[i].value, PART_VALUE, "value"));
		}
	}
	part_put(b, "}");
	return part_add(b);
}

int xdpfc_builder_capture(struct xdpfc_builder *b, uint64_t repeat, const char *path, uint64_t number)
{
	if (!BEGIN(b) || !begin_step(b) || !part_string(b, path, "path"))
		return xdpfc_builder_error(b, NULL);
	put_repeat(b, repeat);
	part_put(b, "packet from");
	part_put_string(b, path);
	part_print(b, "%" PRIu64, number);
	return part_add(b);
}

int xdpfc_builder_after(struct xdpfc_builder *b, const struct xdpfc_value *duration)
{
	if (!BEGIN(b) || !begin_step(b))
		return xdpfc_builder_error(b, NULL);
	part_put(b, "after");
	part_use(b, part_amount(b, duration, "duration"));
	return part_add(b);
}

static int set_changed(struct xdpfc_builder *b, const char *words[2], const struct xdpfc_value *element, const char *set,
		       const struct xdpfc_value *duration)
{
	if (!begin_step(b) || !part_name(b, set, "set", false, NULL))
		return b->err;
	part_put(b, words[0]);
	part_use(b, part_of(b, element, PART_VALUE, "element"));
	part_put(b, words[1]);
	part_put(b, set);
	if (duration) {
		part_put(b, "for");
		part_use(b, part_amount(b, duration, "duration"));
	}
	return part_add(b);
}

int xdpfc_builder_add(struct xdpfc_builder *b, const struct xdpfc_value *element, const char *set, const struct xdpfc_value *duration)
{
	return BEGIN(b) ? set_changed(b, (const char *[]){ "add", "to" }, element, set, duration) : xdpfc_builder_error(b, NULL);
}

int xdpfc_builder_remove(struct xdpfc_builder *b, const struct xdpfc_value *element, const char *set)
{
	return BEGIN(b) ? set_changed(b, (const char *[]){ "remove", "from" }, element, set, NULL) : xdpfc_builder_error(b, NULL);
}

/* Any label, a word of the language too, but what says the file's own default. */
static void put_who(struct xdpfc_builder *b, enum xdpfc_by by, const char *who)
{
	bool keyword = who && tokens_keyword(who, strlen(who));

	switch (by) {
	case XDPFC_BY_ANYBODY:
		return;
	case XDPFC_BY_LABEL:
		if (keyword && strcmp(who, "default") == 0)
			part_fail(b, -EINVAL, "`default` is who decides where no rule does: XDPFC_BY_DEFAULT says it");
		else if (!keyword && !part_name(b, who, "label", false, NULL))
			return;
		part_put(b, "by");
		part_put(b, who);
		return;
	case XDPFC_BY_PLACE:
		if (!part_string(b, who, "place"))
			return;
		part_put(b, "by");
		part_put_string(b, who);
		return;
	case XDPFC_BY_DEFAULT:
		part_put(b, "by default");
		return;
	}
	part_fail(b, -EINVAL, "nobody is called %u", (unsigned)by);
}

int xdpfc_builder_expect(struct xdpfc_builder *b, const char *verdict, enum xdpfc_by by, const char *who)
{
	static const char *const names[] = { "pass", "drop", "abort", "tx", "redirect", "forward", "reply" };
	bool known = false;

	if (!BEGIN(b) || !begin_step(b))
		return xdpfc_builder_error(b, NULL);
	for (size_t i = 0; verdict && i < sizeof(names) / sizeof(names[0]); i++)
		known |= strcmp(verdict, names[i]) == 0;
	if (!known)
		part_fail(b, -EINVAL, "`%.60s` is nothing that is expected: pass, drop, abort, tx, redirect, forward, reply", verdict ? verdict : "");
	part_put(b, "expect");
	part_put(b, known ? verdict : "");
	put_who(b, by, who);
	return part_add(b);
}
