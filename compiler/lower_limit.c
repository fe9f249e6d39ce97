/*
 * Rate limits in IR. In: `over LIMIT` or `within LIMIT`, checked. Out: the key's parts, and one instruction that takes a token or finds
 * none. A key whose field is absent goes to @no either way.
 *
 * What a limit says (its rate, its part of the table) stands in the code where there are few: so the look-up is fastest. Where there are many, or
 * keys are long, it stands in the image, and code is there once for all keys as long.
 */
#include <string.h>

#include "ir_limit.h"
#include "lower.h"
#include "meta.h"

/* Instructions that ask limits, each of which the verifier walks in all ways that lead there; and words of a key, which lie on the main function's
 * stack beside all that it has to keep. */
enum { FEW = 6, SHORT = 3 };

void lower_limit(struct lower *l, const struct ast_expr *e, struct ir_block *yes, struct ir_block *no)
{
	const struct ast_limit *limit = e->limit;
	struct meta_key key = meta_key_layout(l->arena, limit->key.v, limit->key.n);
	struct ir_opnd w[LOWER_KEY_PARTS];
	unsigned n = lower_key(l, limit->key.v, &key, w, no);
	struct ir_inst *i = lower_emit(l, IR_LIMIT);

	i->a = ir_imm(limit->index);
	i->imm = limit->like;
	for (unsigned k = 0; k < n; k++)
		*vec_add(l->arena, &i->args) = w[k];
	i->target[0] = e->over ? no : yes;
	i->target[1] = e->over ? yes : no;
}

void lower_limits_count(struct lower *l)
{
	const struct ir_program *p = l->ir;
	size_t n = 0;

	for (size_t b = 0; b < p->block.n; b++)
		for (size_t k = 0; k < p->block.v[b]->inst.n; k++) {
			const struct ir_inst *i = &p->block.v[b]->inst.v[k];

			if (i->op != IR_LIMIT)
				continue;
			n++;
			l->ir->limit_rows |= i->a.kind != IR_IMM || xdpf_limit_words(l->ast->limit.v[i->a.v]->kind) > SHORT;
		}
	l->ir->limit_rows |= n > FEW;
}

bool lower_limits_rows(struct lower *l)
{
	const struct ast_program *ast = l->ast;
	struct image *im = &l->ir->image;
	struct diag *d;
	size_t at;
	uint32_t where;

	if (!l->ir->limit_rows)
		return true;
	l->ir->limits = image_describe(im, sizeof(where), sizeof(where));
	at = image_add(im, ast->limit.n * sizeof(struct limit_row), sizeof(struct limit_row));
	if (im->failed) {
		d = diag_error(l->diag, ast->limit.v[ast->limit.n - 1]->span, "the program's constant tables are too large");
		d->remedy = "let rules share limits: one with a name is one set of buckets for all that name it";
		return false;
	}
	where = (uint32_t)at;
	memcpy(image_at(im, l->ir->limits), &where, sizeof(where));
	for (size_t i = 0; i < ast->limit.n; i++) {
		struct limit_row row = limit_row_of(ast->limit.v[i]);

		memcpy(image_at(im, at + i * sizeof(row)), &row, sizeof(row));
	}
	return true;
}
