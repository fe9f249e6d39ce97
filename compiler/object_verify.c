/*
 * What a finished object's code is for a verifier. In: its instructions, relocations and data, and what is known of its maps. Out: what verify.h
 * says of it.
 */
#include "object_work.h"

#include <string.h>

#include "verify.h"

struct addresses {
	struct work *w;
	struct verify_address *of;	/* of each instruction */
	VEC(struct verify_map) map;
	size_t *data;			/* of each section: the map that loaders make of it */
};

static size_t named_map(const struct addresses *a, const char *name)
{
	for (size_t i = 0; name && i < a->w->out->map.n; i++)
		if (!strcmp(a->w->out->map.v[i].name, name))
			return i;
	return SIZE_MAX;
}

static void take_maps(struct addresses *a)
{
	size_t n = a->w->out->map.n;

	for (size_t i = 0; i < n; i++) {
		const struct object_map *m = &a->w->out->map.v[i];

		*vec_add(a->w->f->arena, &a->map) = (struct verify_map){ m->type, m->key, m->value, m->entries, SIZE_MAX, NULL };
	}
	for (size_t i = 0; i < n; i++) {
		const struct object_map *m = &a->w->out->map.v[i];

		if (!m->inner)
			continue;
		a->map.v[i].inner = a->map.n;
		*vec_add(a->w->f->arena, &a->map) = (struct verify_map){ BPF_MAP_TYPE_ARRAY, m->key, m->inner, 1, SIZE_MAX, NULL };
	}
}

/* The map of a section's data. */
static size_t data_map(struct addresses *a, size_t sec)
{
	const struct section *s = &a->w->f->sec[sec];
	struct verify_map m = { BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), (uint32_t)s->hdr.sh_size, 1, SIZE_MAX, NULL };

	if (a->data[sec] != SIZE_MAX)
		return a->data[sec];
	if (!strncmp(s->name, ".rodata", strlen(".rodata")) && s->hdr.sh_type == SHT_PROGBITS) {
		Elf_Data *d = elf_getdata(s->scn, NULL);

		if (d && d->d_size == s->hdr.sh_size)
			m.constant = d->d_buf;
	}
	a->data[sec] = a->map.n;
	*vec_add(a->w->f->arena, &a->map) = m;
	return a->data[sec];
}

static bool relocated(struct addresses *a, size_t at, const GElf_Sym *sym)
{
	struct work *w = a->w;
	const char *name = elf_strptr(w->f->in, w->f->strtab, sym->st_name);
	const struct section *s = sym->st_shndx && sym->st_shndx < w->f->n_sec ? &w->f->sec[sym->st_shndx] : NULL;
	struct verify_address *to = &a->of[at];

	if (!s)
		*to = (struct verify_address){ .target = VERIFY_KERNEL };
	else if (strcmp(s->name, ".maps") != 0)
		*to = (struct verify_address){ VERIFY_DATA, data_map(a, sym->st_shndx), (int64_t)sym->st_value + w->in[at].imm };
	else
		*to = (struct verify_address){ VERIFY_MAP, named_map(a, name), 0 };
	return to->target != VERIFY_MAP || to->map != SIZE_MAX || object_failed(w->f, "the object has a map that nothing is known of");
}

static bool take_addresses(struct addresses *a)
{
	struct finish *f = a->w->f;
	Elf_Data *symbols = elf_getdata(f->sec[f->symtab].scn, NULL);
	size_t entry = gelf_fsize(f->in, ELF_T_REL, 1, EV_CURRENT);

	for (size_t i = 1; i < f->n_sec; i++) {
		const struct section *s = &f->sec[i];
		Elf_Data *d = object_is_rel(s) && s->hdr.sh_info < f->n_sec && a->w->base[s->hdr.sh_info] != SIZE_MAX ? elf_getdata(s->scn, NULL) : NULL;

		for (size_t k = 0; d && k < d->d_size / entry; k++) {
			GElf_Rel r;
			GElf_Sym sym;
			size_t at;

			if (!gelf_getrel(d, (int)k, &r) || !gelf_getsym(symbols, (int)GELF_R_SYM(r.r_info), &sym))
				return object_elf_failed(f);
			at = a->w->base[s->hdr.sh_info] + r.r_offset / sizeof(struct bpf_insn);
			if (bpf_is_wide(&a->w->in[at]) && !relocated(a, at, &sym))
				return false;
		}
	}
	return true;
}

bool object_verify(struct work *w, size_t program)
{
	struct arena *arena = w->f->arena;
	struct addresses a = { .w = w, .of = arena_array(arena, w->n + 1, sizeof(*a.of)), .data = arena_array(arena, w->f->n_sec, sizeof(*a.data)) };
	struct verify_function *fn = arena_array(arena, w->function.n + 1, sizeof(*fn));
	struct verify_work out;
	struct verify_code c;

	for (size_t i = 0; i < w->f->n_sec; i++)
		a.data[i] = SIZE_MAX;
	take_maps(&a);
	if (!take_addresses(&a))
		return false;
	for (size_t i = 0; i < w->function.n; i++)
		fn[i] = (struct verify_function){ w->function.v[i].begin, w->function.v[i].end, w->function.v[i].program, w->function.v[i].global };
	c = (struct verify_code){
		.in = w->in, .n = w->n, .address = a.of, .callee = w->callee, .kernel = w->kernel, .function = fn, .n_functions = w->function.n,
		.program = program, .map = a.map.v, .n_maps = a.map.n,
	};
	for (size_t i = 0; i < w->n; i++)
		c.locks |= w->in[i].code == (BPF_JMP | BPF_CALL) && !w->kernel[i] && w->callee[i] == SIZE_MAX && w->in[i].imm == BPF_FUNC_spin_lock;
	w->out->verified = verify(&c, &out, &w->out->unknown) ? out.instructions : 0;
	w->out->longest = w->out->verified ? out.longest : SIZE_MAX;
	return true;
}
