/*
 * Actions of a builder. In: names, operands, values. Out: parts; those that decide are verdicts.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib_builder.h"

static const struct xdpfc_action *verdict(struct xdpfc_builder *b)
{
	return part_end(b, PART_ACTION, FORM_VERDICT, 0);
}

static const struct xdpfc_action *action(struct xdpfc_builder *b)
{
	return part_end(b, PART_ACTION, FORM_ACTION, 0);
}

const struct xdpfc_action *xdpfc_action_verdict(struct xdpfc_builder *b, const char *name)
{
	static const char *const names[] = { "pass", "drop", "abort", "tx", "forward", "syncookie" };

	if (!BEGIN(b))
		return NULL;
	for (size_t i = 0; name && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0) {
			part_put(b, name);
			return verdict(b);
		}
	return part_fail(b, -EINVAL, "`%.60s` is no verdict that says no more: pass, drop, abort, tx, forward, syncookie", name ? name : "");
}

const struct xdpfc_action *xdpfc_action_swap(struct xdpfc_builder *b)
{
	if (!BEGIN(b))
		return NULL;
	part_put(b, "tx swap");
	return verdict(b);
}

static const struct xdpfc_action *or_else(struct xdpfc_builder *b, const struct xdpfc_action *otherwise)
{
	const struct part *p;

	if (!otherwise)
		return verdict(b);
	p = part_of(b, otherwise, PART_ACTION, "other verdict");
	if (p && p->form != FORM_VERDICT)
		return part_fail(b, -EINVAL, "what stands for a verdict is a verdict");
	part_put(b, "else");
	part_use(b, p);
	return part_end(b, PART_ACTION, FORM_VERDICT, part_deeper(b, p ? p->depth : 0));
}

const struct xdpfc_action *xdpfc_action_redirect(struct xdpfc_builder *b, const struct xdpfc_value *target, const struct xdpfc_action *otherwise)
{
	if (!BEGIN(b))
		return NULL;
	part_put(b, "redirect");
	part_use(b, part_of(b, target, PART_VALUE, "target"));
	return or_else(b, otherwise);
}

const struct xdpfc_action *xdpfc_action_redirect_cpu(struct xdpfc_builder *b, uint64_t cpu, const struct xdpfc_action *otherwise)
{
	if (!BEGIN(b))
		return NULL;
	part_print(b, "redirect cpu %" PRIu64, cpu);
	return or_else(b, otherwise);
}

const struct xdpfc_action *xdpfc_action_forward(struct xdpfc_builder *b, const struct xdpfc_action *otherwise)
{
	if (!BEGIN(b))
		return NULL;
	part_put(b, "forward");
	return or_else(b, otherwise);
}

const struct xdpfc_action *xdpfc_action_reply(struct xdpfc_builder *b, const char *what)
{
	if (!BEGIN(b) || !part_name(b, what, "reply", false, NULL))
		return NULL;
	part_put(b, "reply");
	part_put(b, what);
	return verdict(b);
}

const struct xdpfc_action *xdpfc_action_count(struct xdpfc_builder *b, const char *table, const struct xdpfc_operand *const *key, size_t n_key)
{
	if (!BEGIN(b) || !part_name(b, table, "table", false, NULL))
		return NULL;
	part_put(b, "count");
	part_put(b, table);
	if (n_key) {
		part_put(b, "per");
		part_operands(b, key, n_key, true);
	}
	return action(b);
}

const struct xdpfc_action *xdpfc_action_log(struct xdpfc_builder *b, const struct xdpfc_value *many, const char *period)
{
	if (!BEGIN(b))
		return NULL;
	part_put(b, "log");
	if (many || period) {
		part_use(b, part_amount(b, many, "number"));
		if (!part_name(b, period, "period", false, NULL))
			return NULL;
		part_put(b, "/");
		part_put(b, period);
	}
	return action(b);
}

const struct xdpfc_action *xdpfc_action_sample(struct xdpfc_builder *b, const struct xdpfc_value *many)
{
	if (!BEGIN(b))
		return NULL;
	part_put(b, "sample 1 /");
	part_use(b, part_amount(b, many, "number"));
	return action(b);
}

static const struct xdpfc_action *written(struct xdpfc_builder *b, const char *field, const char *how, const struct xdpfc_value *v)
{
	if (!part_name(b, field, "field", true, NULL))
		return NULL;
	part_put(b, field);
	part_put(b, how);
	part_use(b, part_of(b, v, PART_VALUE, "value"));
	return action(b);
}

const struct xdpfc_action *xdpfc_action_write(struct xdpfc_builder *b, const char *field, const struct xdpfc_value *v)
{
	return BEGIN(b) ? written(b, field, "=", v) : NULL;
}

const struct xdpfc_action *xdpfc_action_decrement(struct xdpfc_builder *b, const char *field, const struct xdpfc_value *by)
{
	return BEGIN(b) ? written(b, field, "-=", by) : NULL;
}

const struct xdpfc_action *xdpfc_action_vlan_push(struct xdpfc_builder *b, const struct xdpfc_value *id)
{
	if (!BEGIN(b))
		return NULL;
	part_put(b, "vlan push");
	part_use(b, part_plain(b, id, "VLAN"));
	return action(b);
}

const struct xdpfc_action *xdpfc_action_vlan_pop(struct xdpfc_builder *b)
{
	if (!BEGIN(b))
		return NULL;
	part_put(b, "vlan pop");
	return action(b);
}

const struct xdpfc_action *xdpfc_action_mark(struct xdpfc_builder *b, const struct xdpfc_value *v)
{
	if (!BEGIN(b))
		return NULL;
	part_put(b, "mark");
	part_use(b, part_plain(b, v, "mark"));
	return action(b);
}

static const struct xdpfc_action *set_changed(struct xdpfc_builder *b, const char *words[2], const struct xdpfc_operand *const *key, size_t n_key,
					      const char *set, const struct xdpfc_value *duration)
{
	if (!part_name(b, set, "set", false, NULL))
		return NULL;
	part_put(b, words[0]);
	if (!part_operands(b, key, n_key, true))
		return NULL;
	part_put(b, words[1]);
	part_put(b, set);
	if (duration) {
		part_put(b, "for");
		part_use(b, part_amount(b, duration, "duration"));
	}
	return action(b);
}

const struct xdpfc_action *xdpfc_action_add(struct xdpfc_builder *b, const struct xdpfc_operand *const *key, size_t n_key, const char *set,
					    const struct xdpfc_value *duration)
{
	return BEGIN(b) ? set_changed(b, (const char *[]){ "add", "to" }, key, n_key, set, duration) : NULL;
}

const struct xdpfc_action *xdpfc_action_remove(struct xdpfc_builder *b, const struct xdpfc_operand *const *key, size_t n_key, const char *set)
{
	return BEGIN(b) ? set_changed(b, (const char *[]){ "remove", "from" }, key, n_key, set, NULL) : NULL;
}
