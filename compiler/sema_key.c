/*
 * Keys of count tables and limits. In: operands as written. Out: resolved; no field twice, and short enough for the program's stack.
 */
#include "sema.h"

unsigned key_bytes(struct ast_operand *const *key, size_t n)
{
	unsigned bytes = 0;

	for (size_t i = 0; i < n; i++) {
		const struct ast_operand *op = key[i];
		unsigned size = op->value_kind == KIND_IP ? 17 : (op->bits + 7) / 8, align = 1;

		if (op->value_kind == KIND_IFACE)
			size = align = 4;
		else if (op->value_kind == KIND_IP || op->value_kind == KIND_IP4 || op->value_kind == KIND_IP6)
			align = 4;
		else if (op->value_kind == KIND_NUM || op->value_kind == KIND_FLAG)
			size = align = size <= 2 ? size : size <= 4 ? 4 : 8;
		bytes = (bytes + align - 1) / align * align + size;
	}
	return bytes;
}

bool key_check(struct sema *s, struct ast_operand *const *key, size_t n, struct span sp, const char *of)
{
	unsigned bytes;
	bool ok = true;
	struct diag *e;

	if (n > SEMA_MAX_KEY_FIELDS) {
		e = diag_error(s->d, sp, "a key has at most %d fields, this has %zu", SEMA_MAX_KEY_FIELDS, n);
		e->remedy = "leave some of them out, or let two rules have them";
		return false;
	}
	for (size_t i = 0; i < n; i++)
		ok = operand_check(s, key[i]) && ok;
	for (size_t i = 0; ok && i < n; i++)
		for (size_t j = 0; j < i; j++)
			if (operand_same(key[i], key[j])) {
				e = diag_error(s->d, key[i]->span, "%s is twice in the key", operand_shown(s, key[i]));
				e->remedy = "name each field once";
				e->note_span = key[j]->span;
				e->note = "first here";
				return false;
			}
	bytes = ok ? key_bytes(key, n) : 0;
	if (bytes > SEMA_MAX_KEY_BYTES) {
		e = diag_error(s->d, sp, "the key of %s has %u bytes, at most %d fit", of, bytes, SEMA_MAX_KEY_BYTES);
		e->remedy = "choose shorter slices";
		return false;
	}
	return ok;
}
