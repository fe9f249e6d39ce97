/*
 * Keys of maps. In: the parts of a key, as lowering has them. Out: the key on the stack, in the layout of runtime/abi.h; or the same bytes as
 * 64-bit words.
 */
#include "codegen_priv.h"

#include "abi.h"
#include "meta.h"

/* Stores @bytes at @off of the key, aligned as far as the place allows: the verifier wants accesses to the stack aligned. */
static void key_store(struct cg *g, V v, unsigned off, unsigned bytes)
{
	unsigned align = off ? off & -off : 8;

	cg_store(g, v, cg_atc(g, g->key, off), bytes, align < bytes ? align : bytes);
}

void cg_key(struct cg *g, const struct meta_key *k, V *part)
{
	unsigned used = 0;

	for (unsigned i = 0; i < k->n; i++)
		used += k->field[i].size;
	for (unsigned at = 0; used < k->size && at < k->size; at++)	/* padding */
		key_store(g, cg_c(g, 0), at, 1);
	for (unsigned i = 0; i < k->n; i++) {
		const struct meta_key_field *f = &k->field[i];
		unsigned at = f->offset, end = f->offset + f->size;

		switch (f->kind) {
		case KIND_IP:
			key_store(g, *part++, at, 8);
			key_store(g, *part++, at + 8, 8);
			key_store(g, *part++, at + 16, 1);
			break;
		case KIND_MAC:
			key_store(g, *part, at, 4);
			key_store(g, LLVMBuildLShr(g->b, *part, cg_c(g, 32), ""), at + 4, 2);
			part++;
			break;
		case KIND_IP6:
		case KIND_BYTES:
			for (unsigned size = 8; at < end; at += size) {
				while (size > end - at)
					size /= 2;
				key_store(g, *part++, at, size);
			}
			break;
		case KIND_NUM:
		case KIND_FLAG:
		case KIND_IP4:
		case KIND_IFACE:
			key_store(g, *part++, at, f->size);
			break;
		}
	}
}

/* The bytes of @v, which has @size of them, at byte @off of the words. */
static void word_or(struct cg *g, V *word, unsigned off, unsigned size, V v)
{
	unsigned at = off % 8;

	word[off / 8] = LLVMBuildOr(g->b, word[off / 8], at ? LLVMBuildShl(g->b, v, cg_c(g, 8 * at), "") : v, "");
	if (at + size > 8)
		word[off / 8 + 1] = LLVMBuildOr(g->b, word[off / 8 + 1], LLVMBuildLShr(g->b, v, cg_c(g, 64 - 8 * at), ""), "");
}

/* The low @size bytes of @v. */
static void word_put(struct cg *g, V *word, unsigned off, unsigned size, V v)
{
	word_or(g, word, off, size, size < 8 ? LLVMBuildAnd(g->b, v, cg_c(g, ((uint64_t)1 << 8 * size) - 1), "") : v);
}

static void longer(uint64_t *most, uint64_t bytes)
{
	uint64_t size = (bytes + 7) / 8 * 8;

	if (size > *most)
		*most = size;
}

/* Of an element and, if it may expire, its age. */
static uint64_t set_room(struct cg *g, const struct ast_set *set)
{
	unsigned size = meta_set_layout(g->arena, set).size;

	return set->expires ? xdpf_age_size(size) : size;
}

uint64_t cg_key_room(struct cg *g)
{
	const struct ast_program *p = g->ir->ast;
	uint64_t most = 8;

	for (size_t u = 0; u < p->units.n; u++) {
		const struct ast_unit *unit = p->units.v[u];

		for (size_t i = 0; i < unit->counters.n; i++)
			longer(&most, meta_key_layout(g->arena, unit->counters.v[i]->key.v, unit->counters.v[i]->key.n).size);
		for (size_t i = 0; i < unit->limits.n; i++)
			if (unit->limits.v[i]->used)
				longer(&most, meta_key_layout(g->arena, unit->limits.v[i]->key.v, unit->limits.v[i]->key.n).size);
	}
	for (size_t i = 0; i < p->live.n; i++)
		longer(&most, set_room(g, p->live.v[i]));
	for (size_t i = 0; i < g->ir->table.n; i++)
		longer(&most, 8 * g->ir->table.v[i]->set.words);
	if (p->cookies && most < CG_COOKIE_HEADER)
		most = CG_COOKIE_HEADER;
	return most;
}

unsigned cg_key_words(struct cg *g, const struct meta_key *k, V *part, V *word)
{
	unsigned n = (k->size + 7) / 8;

	for (unsigned i = 0; i < n; i++)
		word[i] = cg_c(g, 0);
	for (unsigned i = 0; i < k->n; i++) {
		const struct meta_key_field *f = &k->field[i];
		unsigned at = f->offset, end = f->offset + f->size;

		/* an address of 16 bytes and its family; pieces of 8, 4, 2 and 1; or one number */
		for (unsigned size = 8; at < end; at += size) {
			while (size > end - at)
				size /= 2;
			if (f->kind == KIND_MAC)
				size = 6;
			if (f->kind == KIND_IP4)	/* which is a number of 32 bits as it is */
				word_or(g, word, at, size, *part++);
			else
				word_put(g, word, at, size, *part++);
		}
	}
	return n;
}

void cg_key_store(struct cg *g, const V *word, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		cg_store(g, word[i], cg_atc(g, g->key, 8 * i), 8, 8);
}
