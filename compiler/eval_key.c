/*
 * Keys of count tables and limits. In: a dissected frame and the key's fields. Out: their values, cut to the prefixes that the key asks
 * for; or that one of them is absent.
 */
#include "eval_key.h"

static size_t operand_words(const struct ast_operand *o)
{
	return o->kind == OPERAND_FIELD ? 1 : (o->len + 15) / 16;
}

size_t eval_key_words(struct ast_operand *const *key, size_t n)
{
	size_t words = 0;

	for (size_t i = 0; i < n; i++)
		words += operand_words(key[i]);
	return words;
}

/* The bits behind the prefix that the key asks for are zero. */
static struct value masked(const struct ast_operand *o, const struct eval_value *v)
{
	unsigned bits = v->family == FAMILY_IP6 ? 128 : 32;
	uint64_t prefix;
	struct value host;

	if (!o->has_prefix)
		return v->v;
	prefix = o->n_prefix == 2 && v->family == FAMILY_IP6 ? o->prefix[1] : o->prefix[0];
	if (prefix >= bits)
		return v->v;
	host = value_ones(bits - (unsigned)prefix);
	return (struct value){ v->v.hi & ~host.hi, v->v.lo & ~host.lo };
}

bool eval_key(const struct eval_view *w, struct ast_operand *const *key, size_t n, struct value *value, enum family *family)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		const struct ast_operand *o = key[i];
		struct eval_value v;

		if (!eval_operand(w, o, &v))
			return false;
		for (size_t k = 0; k < operand_words(o); k++, at++) {
			size_t left = v.n_bytes - k * 16;

			family[at] = v.family;
			value[at] = v.bytes ? eval_bytes(v.bytes + k * 16, left < 16 ? left : 16) : masked(o, &v);
		}
	}
	return true;
}
