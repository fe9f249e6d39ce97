/*
 * Records: the numbers in which rules differ that share their code. In: bodies, and by rule the numbers of its own. Out: a table in the image, of
 * words of 64 bits; bodies that read these where they had the numbers of one rule.
 *
 * A record is known by where it begins, in words from the table's: this is what an entry's word says. All that it holds is data, so that other
 * numbers are another image and no other program.
 */
#include <string.h>

#include "lower_share.h"

static size_t words_of(const struct share_body *b)
{
	size_t n = 1;

	for (size_t k = 0; k < b->n_spots; k++)
		n += b->varies[k];
	return n;
}

/* ---- the table ---- */

static void fill(struct share *s, size_t body, size_t off, size_t *at)
{
	const struct share_body *b = s->body.v[body];
	struct image *im = &s->l->ir->image;

	for (size_t m = 0; m < b->entry.n; m++) {
		struct lower_entry *e = &s->run->entry.v[b->entry.v[m]];

		e->what = classify_what(CLASSIFY_CODE, (uint32_t)*at);
		((uint64_t *)image_at(im, off))[(*at)++] = body;
		for (size_t k = 0; k < b->n_spots; k++) {
			uint64_t v = b->number.v[m * b->n_spots + k];

			if (!b->varies[k])
				continue;
			if (b->spot[k].kind == SPOT_INDEX)
				lower_index_later(s->l, off + 8 * *at, (unsigned)v);
			((uint64_t *)image_at(im, off))[(*at)++] = v;
		}
	}
}

static bool no_room(struct share *s, size_t words)
{
	struct span from = s->run->entry.v[0].rule->span;
	struct diag *d = diag_error(s->l->diag, from, "the rules from here on have %zu MB of numbers of their own", words >> 17);

	d->remedy = "a program holds 128 MB of them: split the file over several programs";
	return false;
}

static bool make_table(struct share *s)
{
	struct image *im = &s->l->ir->image;
	size_t words = 0, at = 0, off;

	for (size_t i = 0; i < s->body.n; i++)
		words += s->body.v[i]->entry.n * words_of(s->body.v[i]);
	s->table = image_describe(im, 4, 4);
	off = image_add(im, 8 * words, 64);
	if (words > CLASSIFY_WORD_END || im->failed || s->table >= IMAGE_HEAD)
		return no_room(s, words);
	*(uint32_t *)image_at(im, s->table) = (uint32_t)off;
	for (size_t i = 0; i < s->body.n; i++)
		fill(s, i, off, &at);
	return true;
}

/* ---- the code ---- */

/* A number of the record, as an operand of what the block goes on with. */
static struct ir_opnd given(struct ir_program *p, struct ir_block *b, ir_var v, struct span sp)
{
	struct ir_inst *i = ir_add(p, b, IR_GET, sp);

	i->var = v;
	return (struct ir_opnd){ IR_TEMP, i->temp };
}

/* The rule's index, whose place in the table of them the record has. */
static struct ir_opnd index_of(struct ir_program *p, struct ir_block *b, ir_var v, struct span sp)
{
	struct ir_opnd place = given(p, b, v, sp);
	struct ir_inst *i = ir_add(p, b, IR_INDEX, sp);

	i->a = place;
	return (struct ir_opnd){ IR_TEMP, i->temp };
}

static void put_in(struct share *s, struct ir_block *b, struct ir_inst *i, const struct share_spot *spot, ir_var v)
{
	struct ir_program *p = s->l->ir;
	struct ir_opnd o = spot->kind == SPOT_INDEX && i->op != IR_LOG ? index_of(p, b, v, i->span) : given(p, b, v, i->span);

	switch (spot->kind) {
	case SPOT_A:
		i->a = o;
		break;
	case SPOT_B:
		i->b = o;
		break;
	case SPOT_ARG:
		i->args.v[spot->arg] = o;
		break;
	case SPOT_NUMBER:
		i->is_given = true;
		i->given = o;
		break;
	case SPOT_LOG:
	case SPOT_INDEX:
		if (i->op == IR_LOG) {
			i->args.v[spot->kind == SPOT_LOG ? spot->arg : 2] = o;
		} else if (i->op == IR_NOTE) {
			i->op = IR_WHO;
			i->a = o;
			i->imm = 0;
		} else {
			ir_add(p, b, IR_WHO, i->span)->a = o;
			i->noted = true;
			i->imm = 0;
		}
		break;
	}
}

/* A log's numbers are all given, or none. */
static void all_of_log(struct share *s, struct ir_inst *i)
{
	const struct ast_log *log = s->l->ast->logs.v[i->imm];

	*vec_add(s->l->arena, &i->args) = ir_imm(log->interval);
	*vec_add(s->l->arena, &i->args) = ir_imm(log->burst);
	*vec_add(s->l->arena, &i->args) = ir_imm(0);
	i->is_given = true;
	i->given = ir_imm(log->index);
}

/* Reads what varies in the block, before the first instruction that takes some of it: spots @from to @to. */
static void read_record(struct share *s, const struct share_body *body, struct ir_block *b, size_t from, size_t to, const size_t *word, ir_var *v,
			struct span sp)
{
	struct ir_opnd off = given(s->l->ir, b, s->record, sp);
	struct ir_inst *i = ir_add(s->l->ir, b, IR_RECORD, sp);

	i->a = off;
	for (size_t k = from; k < to; k++) {
		if (!body->varies[k])
			continue;
		v[k] = ir_var_new(s->l->ir, "given");
		*vec_add(s->l->arena, &i->loads) = (struct ir_load){ v[k], 8 * (unsigned)word[k], 8 };
	}
}

/* Spots @from to @to are the block's, in the order of its instructions. */
static void rewrite(struct share *s, const struct share_body *body, size_t from, size_t to, const size_t *word, ir_var *v)
{
	struct ir_block *b = body->spot[from].block;
	struct ir_inst *old = b->inst.v;
	size_t n = b->inst.n, k = from;
	bool loaded = false;

	b->inst.v = NULL;
	b->inst.n = b->inst.cap = 0;
	for (size_t i = 0; i < n; i++) {
		struct ir_inst in = old[i];
		bool varies = false;

		for (size_t j = k; j < to && body->spot[j].inst == i; j++)
			varies |= body->varies[j];
		if (varies && !loaded)
			read_record(s, body, b, from, to, word, v, in.span);
		loaded |= varies;
		if (varies && in.op == IR_LOG)
			all_of_log(s, &in);
		for (; k < to && body->spot[k].inst == i; k++)
			if (body->varies[k])
				put_in(s, b, &in, &body->spot[k], v[k]);
		*vec_add(s->l->arena, &b->inst) = in;
	}
}

static void parametrize(struct share *s, const struct share_body *b)
{
	size_t *word = arena_array(s->own, b->n_spots + 1, sizeof(*word)), n = 1;
	ir_var *v = arena_array(s->own, b->n_spots + 1, sizeof(*v));

	for (size_t k = 0; k < b->n_spots; k++) {
		word[k] = n;
		n += b->varies[k];
	}
	for (size_t from = 0, to; from < b->n_spots; from = to) {
		bool varies = false;

		for (to = from; to < b->n_spots && b->spot[to].block == b->spot[from].block; to++)
			varies |= b->varies[to];
		if (varies)
			rewrite(s, b, from, to, word, v);
	}
}

bool share_records(struct share *s)
{
	if (!make_table(s))
		return false;
	for (size_t i = 0; i < s->body.n; i++) {
		struct share_body *b = s->body.v[i];

		parametrize(s, b);
		if (b->entry.n > 1)
			b->at->name = arena_printf(s->l->arena, "%s and %zu like it", b->at->name, b->entry.n - 1);
		if (b->n_blocks)
			*vec_add(s->l->arena, &s->l->work) = (struct lower_work){ .placed = b->block, .n_placed = b->n_blocks };
		else
			*vec_add(s->l->arena, &s->l->work) = share_work(s, &s->run->entry.v[b->entry.v[0]], b->at);
	}
	return true;
}
