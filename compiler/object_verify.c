/*
 * What a finished object's code is for a verifier. In: its instructions, relocations and data, and what is known of its maps. Out: what verify.h
 * says of it.
 */
#include "object_work.h"

#include <linux/btf.h>
#include <string.h>

#include "abi.h"
#include "verify.h"

/*
 * What loaders set in .rodata decides which ways are walked, and numbers that nobody knows here (seeds, interfaces, where the kernel keeps a
 * connection's state) are ones that the verifier knows: so it may walk a few instructions more or fewer.
 */
enum { MORE = 5 };

/* As what a program is loaded: by our loader, which most often lets the verifier see the most, and as it is, by those that know nothing of it. */
static const struct load {
	uint32_t flags;
	bool asks_driver;			/* only of programs that do */
} loads[] = {
	{ XDPF_CONFIG_IFACES, false },
	{ 0, false },
	{ XDPF_CONFIG_IFACES | XDPF_CONFIG_LINEAR, false },
	{ XDPF_CONFIG_IFACES | XDPF_CONFIG_RX, true },
	{ XDPF_CONFIG_IFACES | XDPF_CONFIG_RX | XDPF_CONFIG_LINEAR, true },
};

struct addresses {
	struct work *w;
	struct verify_address *of;	/* of each instruction */
	VEC(struct verify_map) map;
	size_t *data;			/* of each section: the map that loaders make of it */
	uint8_t *config;		/* struct xdpf_config in the bytes of one of these; NULL: it is in none */
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

static void find_config(struct addresses *a, size_t sec, uint8_t *bytes, size_t len)
{
	Elf_Data *symbols = elf_getdata(a->w->f->sec[a->w->f->symtab].scn, NULL);
	GElf_Sym sym;

	for (int i = 0; gelf_getsym(symbols, i, &sym); i++) {
		const char *name = elf_strptr(a->w->f->in, a->w->f->strtab, sym.st_name);

		if (sym.st_shndx == sec && name && !strcmp(name, XDPF_VAR_CONFIG) && sym.st_value <= len &&
		    len - sym.st_value >= sizeof(struct xdpf_config))
			a->config = bytes + sym.st_value;
	}
}

/* The map of a section's data. */
static size_t data_map(struct addresses *a, size_t sec)
{
	const struct section *s = &a->w->f->sec[sec];
	struct verify_map m = { BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), (uint32_t)s->hdr.sh_size, 1, SIZE_MAX, NULL };
	Elf_Data *d;

	if (a->data[sec] != SIZE_MAX)
		return a->data[sec];
	/* loaders let nobody write to these */
	d = strncmp(s->name, ".rodata", 7) == 0 ? elf_getdata(s->scn, NULL) : NULL;
	if (d && d->d_buf && d->d_size == s->hdr.sh_size) {
		uint8_t *copy = arena_copy(a->w->f->arena, d->d_buf, d->d_size);

		m.data = copy;
		find_config(a, sec, copy, d->d_size);
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
		bool code = object_is_rel(s) && s->hdr.sh_info < f->n_sec && a->w->base[s->hdr.sh_info] != SIZE_MAX;
		Elf_Data *d = code ? elf_getdata(s->scn, NULL) : NULL;

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

/* The word at which each type begins; [0] is none. */
static size_t *type_places(struct finish *f, const struct object_types *t, size_t *n)
{
	size_t *at = arena_array(f->arena, t->n + 2, sizeof(*at));

	*n = 1;
	for (size_t i = 0, words; i < t->n; i += words) {
		struct object_layout l;

		words = object_type(t->word + i, t->n - i, &l);
		if (!words)
			return NULL;
		at[(*n)++] = i;
	}
	return at;
}

/* The types of an object, by number. */
struct types {
	struct object_types all;
	size_t n, *at;
};

static const uint32_t *type_of(const struct types *t, uint32_t id, unsigned kind)
{
	return id && id < t->n && BTF_INFO_KIND(t->all.word[t->at[id] + 1]) == kind ? t->all.word + t->at[id] : NULL;
}

static bool take_types(struct finish *f, struct types *t)
{
	size_t sec = 1;
	Elf_Data *d;

	while (sec < f->n_sec && strcmp(f->sec[sec].name, ".BTF") != 0)
		sec++;
	d = sec < f->n_sec ? elf_getdata(f->sec[sec].scn, NULL) : NULL;
	if (!d || !d->d_buf)
		return object_failed(f, "the object says nothing of its types");
	if (!object_types(f, d, &t->all))
		return false;
	t->at = type_places(f, &t->all, &t->n);
	return t->at || object_failed(f, "the object's types are broken");
}

/* What a function of type @proto gets. */
static void parameters(const struct types *t, const uint32_t *proto, struct verify_function *fn)
{
	for (unsigned k = 0; k < BTF_INFO_VLEN(proto[1]) && k < 5; k++) {
		const uint32_t *pointer = type_of(t, proto[4 + 2 * k], BTF_KIND_PTR), *to = NULL;
		const char *name;

		if (!pointer)
			continue;
		to = type_of(t, pointer[2], BTF_KIND_CONST);
		to = type_of(t, to ? to[2] : pointer[2], BTF_KIND_STRUCT);
		name = to ? object_type_name(&t->all, to[0]) : NULL;
		fn->takes[k].context = !name || !strcmp(name, "xdp_md");
		fn->takes[k].bytes = fn->takes[k].context ? 0 : to[2];
	}
}

static bool take_parameters(struct work *w, struct verify_function *fn)
{
	struct types t = { .n = 0 };

	if (!take_types(w->f, &t))
		return false;
	for (uint32_t i = 1; i < t.n; i++) {
		const uint32_t *type = type_of(&t, i, BTF_KIND_FUNC), *proto = type ? type_of(&t, type[2], BTF_KIND_FUNC_PROTO) : NULL;
		const char *name = proto ? object_type_name(&t.all, type[0]) : NULL;

		for (size_t k = 0; name && k < w->function.n; k++)
			if (!strcmp(w->function.v[k].name, name))
				parameters(&t, proto, &fn[k]);
	}
	return true;
}

static bool asks_driver(const struct work *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->kernel[i] && !strncmp(w->kernel[i], "dev_xdp_metadata_", 17))
			return true;
	return false;
}

/* Walks it as @l has it loaded. False: nothing can be said of it. */
static bool loaded(struct work *w, struct addresses *a, const struct verify_code *c, const struct load *l)
{
	struct verify_work out;
	size_t most;

	if (a->config) {
		struct xdpf_config config = { 0 };

		config.flags = l->flags;
		if (l->flags) {
			config.seed = 0x9e3779b97f4a7c15;
			config.tai_offset = 37000000000;
			config.ct_status = 128;
		}
		memcpy(a->config, &config, sizeof(config));
	}
	if (!verify(c, &out, &w->out->unknown)) {
		w->out->verified = 0;
		w->out->longest = SIZE_MAX;
		return false;
	}
	most = out.instructions > OBJECT_VERIFIED ? OBJECT_VERIFIED + 1 : out.instructions + out.instructions * MORE / 100 + 1;
	if (most > OBJECT_VERIFIED)
		most = OBJECT_VERIFIED + 1;
	if (most > w->out->verified)
		w->out->verified = most;
	if (out.longest > w->out->longest)
		w->out->longest = out.longest;
	return true;
}

bool object_verify(struct work *w, size_t program)
{
	struct arena *arena = w->f->arena;
	struct addresses a = { .w = w, .of = arena_array(arena, w->n + 1, sizeof(*a.of)), .data = arena_array(arena, w->f->n_sec, sizeof(*a.data)) };
	struct verify_function *fn = arena_array(arena, w->function.n + 1, sizeof(*fn));
	struct verify_code c;

	for (size_t i = 0; i < w->f->n_sec; i++)
		a.data[i] = SIZE_MAX;
	take_maps(&a);
	if (!take_addresses(&a))
		return false;
	for (size_t i = 0; i < w->function.n; i++)
		fn[i] = (struct verify_function){ .begin = w->function.v[i].begin, .end = w->function.v[i].end,
						  .program = w->function.v[i].program, .global = w->function.v[i].global };
	if (!take_parameters(w, fn))
		return false;
	c = (struct verify_code){
		.in = w->in, .n = w->n, .address = a.of, .callee = w->callee, .kernel = w->kernel, .function = fn, .n_functions = w->function.n,
		.program = program, .map = a.map.v, .n_maps = a.map.n,
	};
	for (size_t i = 0; i < w->n; i++)
		c.locks |= w->in[i].code == (BPF_JMP | BPF_CALL) && !w->kernel[i] && w->callee[i] == SIZE_MAX && w->in[i].imm == BPF_FUNC_spin_lock;
	w->out->longest = 0;
	for (size_t i = 0; i < sizeof(loads) / sizeof(*loads) && (!i || (a.config && !w->out->brief)); i++)
		if ((!loads[i].asks_driver || asks_driver(w)) && !loaded(w, &a, &c, &loads[i]))
			break;
	return true;
}
