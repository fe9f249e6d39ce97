/*
 * Rules and declarations of a builder. In: parts. Out: statements behind those that are there, a line each. What does not stand where it may is
 * refused: steps outside of tests, declarations in blocks, a second `else`.
 */
#include <errno.h>
#include <string.h>

#include "lib_builder.h"

static bool in_test(const struct xdpfc_builder *b)
{
	return b->depth && b->open[b->depth - 1] == OPEN_TEST;
}

/* A call that adds a rule begins. */
static bool begin_rule(struct xdpfc_builder *b)
{
	if (in_test(b))
		part_fail(b, -EINVAL, "rules do not stand in tests: xdpfc_builder_end() ends the one that is open");
	return !b->err;
}

static bool begin_declaration(struct xdpfc_builder *b)
{
	if (b->depth)
		part_fail(b, -EINVAL, "it stands at a file's top level: xdpfc_builder_end() ends what is open");
	return !b->err;
}

static void put_label(struct xdpfc_builder *b, const char *label)
{
	if (!label || !part_label(b, label))
		return;
	part_glue(b, label);
	part_put(b, ":");
}

static void put_condition(struct xdpfc_builder *b, const struct xdpfc_expr *when)
{
	part_put(b, "if");
	part_use(b, part_of(b, when, PART_EXPR, "condition"));
}

int xdpfc_builder_rule(struct xdpfc_builder *b, const char *label, const struct xdpfc_action *const *action, size_t n, const struct xdpfc_expr *when)
{
	if (!BEGIN(b) || !begin_rule(b))
		return xdpfc_builder_error(b, NULL);
	put_label(b, label);
	if (!action || !n) {
		part_fail(b, -EINVAL, "a rule has one action or more");
		return xdpfc_builder_error(b, NULL);
	}
	for (size_t i = 0; i < n && !b->err; i++) {
		const struct part *p = part_of(b, action[i], PART_ACTION, "action");

		if (p && p->form == FORM_VERDICT && i + 1 < n)
			part_fail(b, -EINVAL, "nothing stands behind a verdict");
		if (i)
			part_put(b, ",");
		part_use(b, p);
	}
	if (when)
		put_condition(b, when);
	part_put(b, ";");
	return part_add(b);
}

/* ---- blocks ---- */

static int open_block(struct xdpfc_builder *b, enum open what)
{
	part_put(b, "{");
	if (!part_add(b))
		b->open[b->depth++] = what;
	return b->err;
}

static bool has_room(struct xdpfc_builder *b)
{
	if (b->depth == AST_MAX_DEPTH)
		part_fail(b, -E2BIG, "blocks are in each other more than %d deep", AST_MAX_DEPTH);
	return !b->err;
}

int xdpfc_builder_if(struct xdpfc_builder *b, const char *label, const struct xdpfc_expr *when)
{
	if (!BEGIN(b) || !begin_rule(b) || !has_room(b))
		return xdpfc_builder_error(b, NULL);
	put_label(b, label);
	put_condition(b, when);
	return open_block(b, OPEN_IF);
}

/* Ends a block that something else stands for. */
static bool end_if(struct xdpfc_builder *b)
{
	if (!b->depth || b->open[b->depth - 1] != OPEN_IF)
		part_fail(b, -EINVAL, "no block is open that it could be the other side of");
	return !b->err;
}

int xdpfc_builder_else_if(struct xdpfc_builder *b, const struct xdpfc_expr *when)
{
	if (!BEGIN(b) || !end_if(b))
		return xdpfc_builder_error(b, NULL);
	part_put(b, "} else");
	put_condition(b, when);
	part_put(b, "{");
	return part_add(b);
}

int xdpfc_builder_else(struct xdpfc_builder *b)
{
	if (!BEGIN(b) || !end_if(b))
		return xdpfc_builder_error(b, NULL);
	part_put(b, "} else {");
	if (!part_add(b))
		b->open[b->depth - 1] = OPEN_ELSE;
	return b->err;
}

int xdpfc_builder_end(struct xdpfc_builder *b)
{
	if (!BEGIN(b))
		return xdpfc_builder_error(b, NULL);
	if (!b->depth)
		part_fail(b, -EINVAL, "no block or test is open");
	part_put(b, "}");
	if (!part_add(b))
		b->depth--;
	return b->err;
}

int xdpfc_builder_comment(struct xdpfc_builder *b, const char *text)
{
	if (!BEGIN(b))
		return xdpfc_builder_error(b, NULL);
	if (!text)
		part_fail(b, -EINVAL, "no text is given");
	while (text && !b->err) {
		const char *end = strchrnul(text, '\n');

		part_comment(b, text, (size_t)(end - text));
		if (*end)
			part_glue(b, "\n");
		text = *end ? end + 1 : NULL;
	}
	return part_add(b);
}

int xdpfc_builder_space(struct xdpfc_builder *b)
{
	return BEGIN(b) ? part_add(b) : xdpfc_builder_error(b, NULL);
}

/* ---- declarations ---- */

int xdpfc_builder_set(struct xdpfc_builder *b, const char *name, const struct xdpfc_set_opts *opts)
{
	struct xdpfc_set_opts o = { 0 };

	if (!BEGIN(b) || !begin_declaration(b) || !part_name(b, name, "set", false, NULL))
		return xdpfc_builder_error(b, NULL);
	if (!opts || opts->sz < sizeof(opts->sz))
		part_fail(b, -EINVAL, "no options are given");
	else
		memcpy(&o, opts, opts->sz < sizeof(o) ? opts->sz : sizeof(o));
	if (!o.type || !o.n_types) {
		part_fail(b, -EINVAL, "a set has a type");
		return xdpfc_builder_error(b, NULL);
	}
	part_put(b, "set");
	part_put(b, name);
	part_put(b, o.n_types > 1 ? ": (" : ":");
	for (size_t i = 0; i < o.n_types && !b->err; i++) {
		if (i)
			part_put(b, ",");
		if (part_name(b, o.type[i], "type", false, NULL))
			part_put(b, o.type[i]);
	}
	if (o.n_types > 1)
		part_put(b, ")");
	if (o.elements) {
		part_put(b, "=");
		part_use(b, part_of(b, o.elements, PART_VALUE, "list of elements"));
	}
	if (o.from && part_string(b, o.from, "file's path")) {
		part_put(b, "from");
		part_put_string(b, o.from);
	}
	if (o.live)
		part_put(b, "live");
	if (o.size) {
		part_put(b, "size");
		part_use(b, part_amount(b, o.size, "size"));
	}
	if (o.timeout) {
		part_put(b, "timeout");
		part_use(b, part_amount(b, o.timeout, "timeout"));
	}
	part_put(b, ";");
	return part_add(b);
}

int xdpfc_builder_let(struct xdpfc_builder *b, const char *name, const struct xdpfc_value *v)
{
	if (!BEGIN(b) || !begin_declaration(b) || !part_name(b, name, "name", false, NULL))
		return xdpfc_builder_error(b, NULL);
	part_put(b, "let");
	part_put(b, name);
	part_put(b, "=");
	part_use(b, part_of(b, v, PART_VALUE, "value"));
	part_put(b, ";");
	return part_add(b);
}

int xdpfc_builder_limit(struct xdpfc_builder *b, const char *name, const struct xdpfc_rate *r)
{
	if (!BEGIN(b) || !begin_declaration(b) || !part_name(b, name, "limit", false, NULL))
		return xdpfc_builder_error(b, NULL);
	part_put(b, "limit");
	part_put(b, name);
	part_put(b, "=");
	part_use(b, part_of(b, r, PART_RATE, "rate"));
	part_put(b, ";");
	return part_add(b);
}

int xdpfc_builder_default(struct xdpfc_builder *b, const struct xdpfc_action *verdict)
{
	const struct part *p;

	if (!BEGIN(b) || !begin_declaration(b))
		return xdpfc_builder_error(b, NULL);
	p = part_of(b, verdict, PART_ACTION, "verdict");
	if (p && p->form != FORM_VERDICT)
		part_fail(b, -EINVAL, "the default is a verdict");
	part_put(b, "default");
	part_use(b, p);
	part_put(b, ";");
	return part_add(b);
}

int xdpfc_builder_option(struct xdpfc_builder *b, const char *name, const char *value)
{
	if (!BEGIN(b) || !begin_declaration(b) || !part_name(b, name, "option", false, NULL) || !part_name(b, value, "value", false, NULL))
		return xdpfc_builder_error(b, NULL);
	part_put(b, "option");
	part_put(b, name);
	part_put(b, value);
	part_put(b, ";");
	return part_add(b);
}

int xdpfc_builder_include(struct xdpfc_builder *b, const char *path)
{
	if (!BEGIN(b) || !begin_declaration(b) || !part_string(b, path, "path"))
		return xdpfc_builder_error(b, NULL);
	part_put(b, "include");
	part_put_string(b, path);
	part_put(b, ";");
	return part_add(b);
}

/* ---- as a rule file ---- */

static int is_whole(const struct xdpfc_builder *b)
{
	return !b ? -EINVAL : b->err ? b->err : b->depth ? -EBUSY : 0;
}

int xdpfc_builder_print(struct xdpfc_builder *b, char **text, size_t *len)
{
	int err = is_whole(b);

	if (!text || !len)
		return -EINVAL;
	return err ? err : lib_layout(b->out.n ? b->out.s : "", b->out.n, text, len);
}

int xdpfc_program_add_builder(struct xdpfc_program *p, const char *name, const struct xdpfc_builder *b)
{
	int err = is_whole(b);

	if (!err)
		err = xdpfc_program_add(p, name, b->out.s, b->out.n);
	if (!err)
		p->file[p->n - 1].built = true;
	return err;
}
