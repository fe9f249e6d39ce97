/*
 * Rules' indexes as data. In: a program with classifiers. Out: a table of the indexes that its code speaks of, so that the code is the same when
 * rules are put in between which are none: then a new image takes the place of the old one, and no program is loaded.
 */
#include "lower_classify.h"

static uint32_t place_of(struct lower *l, unsigned index)
{
	struct ir_program *p = l->ir;

	if (!p->index_place[index]) {
		*vec_add(l->arena, &p->index_used) = index;
		p->index_place[index] = (uint32_t)p->index_used.n;
	}
	return p->index_place[index];
}

void lower_index_later(struct lower *l, size_t at, unsigned index)
{
	*vec_add(l->arena, &l->index_later) = (struct lower_index){ at, index };
}

/* The index that the instruction speaks of, or NULL. */
static const unsigned *index_of(const struct ast_program *p, const struct ir_inst *i, unsigned *room)
{
	switch ((unsigned)i->op) {
	case IR_COUNT:
	case IR_DECIDE:
		if (i->noted)
			return NULL;
		*room = (unsigned)i->imm;
		return room;
	case IR_NOTE:
		*room = (unsigned)i->imm;
		return room;
	case IR_LOG:
		return i->is_given ? NULL : &p->logs.v[i->imm]->rule;
	}
	return NULL;
}

bool lower_indexes(struct lower *l)
{
	struct ir_program *p = l->ir;
	size_t off;

	if (!p->classifier.n)
		return true;
	p->index_place = arena_array(l->arena, l->ast->n_indexes, sizeof(*p->index_place));
	for (size_t b = 0; b < p->block.n; b++)
		for (size_t k = 0; k < p->block.v[b]->inst.n; k++) {
			unsigned room;
			const unsigned *index = index_of(l->ast, &p->block.v[b]->inst.v[k], &room);

			if (index)
				place_of(l, *index);
		}
	/* behind those that code names: more of them shall not move these */
	for (size_t k = 0; k < l->index_later.n; k++)
		*(uint64_t *)image_at(&p->image, l->index_later.v[k].at) = place_of(l, l->index_later.v[k].index);
	off = image_add(&p->image, 4 * (p->index_used.n + 1), 64);
	if (p->image.failed)
		return false;
	p->n_indexes = p->index_used.n + 1;
	*(uint32_t *)image_at(&p->image, p->indexes) = (uint32_t)off;
	for (size_t k = 0; k < p->index_used.n; k++)
		((uint32_t *)image_at(&p->image, off))[k + 1] = p->index_used.v[k];
	return true;
}
