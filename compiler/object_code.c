/*
 * Instructions in an object that is being finished: bpf_code.h's mending, and everything that says where an instruction is.
 * In: sections as LLVM wrote them. Out: new instructions; symbols, relocations, calls between functions and the places in
 * .BTF.ext moved with them. What is outside of its section is refused.
 */
#include "object_priv.h"

#include <stdlib.h>
#include <string.h>

enum { INSN = sizeof(struct bpf_insn), BTF_MAGIC = 0xeb9f };

static bool inside(const struct bpf_code *c, uint64_t offset)
{
	return offset % INSN == 0 && offset / INSN <= c->n;
}

/* The i-th relocation, of either kind. */
static bool relocation(Elf_Data *d, const struct section *s, size_t i, uint64_t *offset, uint64_t *info)
{
	GElf_Rela ra;
	GElf_Rel r;

	if (s->hdr.sh_type == SHT_RELA) {
		if (!gelf_getrela(d, (int)i, &ra))
			return false;
		*offset = ra.r_offset;
		*info = ra.r_info;
		return true;
	}
	if (!gelf_getrel(d, (int)i, &r))
		return false;
	*offset = r.r_offset;
	*info = r.r_info;
	return true;
}

/* Calls @each for every relocation in sections of instructions. */
static bool relocations(struct finish *f, bool (*each)(struct finish *f, struct bpf_code *c, size_t at, size_t sym))
{
	for (size_t k = 1; k < f->n_sec; k++) {
		const struct section *s = &f->sec[k];
		struct bpf_code *c = object_is_rel(s) && s->to ? f->sec[s->hdr.sh_info].code : NULL;
		Elf_Data *d = c ? elf_getdata(s->scn, NULL) : NULL;
		size_t entry = gelf_fsize(f->in, s->hdr.sh_type == SHT_RELA ? ELF_T_RELA : ELF_T_REL, 1, EV_CURRENT);

		if (!c)
			continue;
		if (!d || !entry || d->d_size / entry > INT32_MAX)
			return object_failed(f, "a relocation section is broken");
		for (size_t i = 0; i < d->d_size / entry; i++) {
			uint64_t offset, info;

			if (!relocation(d, s, i, &offset, &info) || !inside(c, offset) || offset / INSN == c->n)
				return object_failed(f, "a relocation is outside of its code");
			if (!each(f, c, offset / INSN, GELF_R_SYM(info)))
				return false;
		}
	}
	return true;
}

static bool take_code(struct finish *f, struct section *s)
{
	Elf_Data *d = elf_getdata(s->scn, NULL);
	struct bpf_code *c;

	if (!d || !d->d_buf || d->d_size % INSN || d->d_size / INSN > UINT32_MAX / 8)
		return object_failed(f, "a section of instructions is broken");
	c = s->code = arena_alloc(f->arena, sizeof(*c));
	c->arena = f->arena;
	c->n = d->d_size / INSN;
	c->in = arena_copy(f->arena, d->d_buf, d->d_size);
	c->address = arena_array(f->arena, c->n + 1, sizeof(bool));
	c->callee = arena_array(f->arena, c->n + 1, sizeof(uint8_t));
	c->starts = arena_array(f->arena, c->n + 1, sizeof(bool));
	c->global = arena_array(f->arena, c->n + 1, sizeof(bool));
	c->main = strcmp(s->name, ".text") != 0;
	return true;
}

static bool symbol(struct finish *f, size_t i, GElf_Sym *sym)
{
	Elf_Data *d = elf_getdata(f->sec[f->symtab].scn, NULL);

	if (!d || i > INT32_MAX || !gelf_getsym(d, (int)i, sym))
		return object_failed(f, "a symbol is not there");
	return true;
}

static struct bpf_code *code_of(const struct finish *f, const GElf_Sym *sym)
{
	return sym->st_shndx < f->n_sec ? f->sec[sym->st_shndx].code : NULL;
}

/* Functions of the kernel's (kfuncs) that we call: of these, the ones that return a pointer. */
static bool returns_pointer(const char *name)
{
	return !strcmp(name, "bpf_xdp_ct_lookup");
}

static bool note_address(struct finish *f, struct bpf_code *c, size_t at, size_t sym_at)
{
	const char *name;
	GElf_Sym sym;

	((bool *)(uintptr_t)c->address)[at] = true;
	if (c->in[at].code != (BPF_JMP | BPF_CALL))
		return true;
	if (!symbol(f, sym_at, &sym))
		return false;
	name = elf_strptr(f->in, f->strtab, sym.st_name);
	if (!name)
		return object_elf_failed(f);
	if (sym.st_shndx == SHN_UNDEF)
		((uint8_t *)(uintptr_t)c->callee)[at] = returns_pointer(name) ? CALLEE_POINTER : CALLEE_NUMBER;
	return true;
}

static bool note_functions(struct finish *f)
{
	Elf_Data *d = elf_getdata(f->sec[f->symtab].scn, NULL);
	size_t entry = gelf_fsize(f->in, ELF_T_SYM, 1, EV_CURRENT);

	for (size_t i = 0; d && entry && i < d->d_size / entry; i++) {
		struct bpf_code *c;
		GElf_Sym sym;

		if (!symbol(f, i, &sym))
			return false;
		c = code_of(f, &sym);
		if (!c || GELF_ST_TYPE(sym.st_info) != STT_FUNC)
			continue;
		if (!inside(c, sym.st_value) || sym.st_value / INSN == c->n)
			return object_failed(f, "a function is outside of its code");
		((bool *)(uintptr_t)c->starts)[sym.st_value / INSN] = true;
		((bool *)(uintptr_t)c->global)[sym.st_value / INSN] = GELF_ST_BIND(sym.st_info) == STB_GLOBAL;
	}
	return true;
}

/* A call by way of a relocation: the number is the distance from the symbol, less 1. */
static bool move_call(struct finish *f, struct bpf_code *c, size_t at, size_t sym_at)
{
	struct bpf_insn *in = &c->out[c->at[at]];
	struct bpf_code *to;
	GElf_Sym sym;
	int64_t target;

	if (in->code != (BPF_JMP | BPF_CALL))
		return true;
	if (!symbol(f, sym_at, &sym))
		return false;
	to = code_of(f, &sym);
	if (!to)
		return true;	/* the kernel's */
	target = (int64_t)(sym.st_value / INSN) + in->imm + 1;
	if (!inside(to, sym.st_value) || target < 0 || (uint64_t)target >= to->n)
		return object_failed(f, "a call leads out of the code");
	in->imm = (int32_t)((int64_t)to->begin[target] - (int64_t)to->begin[sym.st_value / INSN] - 1);
	return true;
}

/* Calls within a section for which there is no relocation. */
static bool move_near_calls(struct finish *f, struct bpf_code *c)
{
	for (size_t i = 0; i < c->n; i += bpf_is_wide(&c->in[i]) ? 2 : 1) {
		int64_t to = (int64_t)i + 1 + c->in[i].imm;

		if (c->in[i].code != (BPF_JMP | BPF_CALL) || c->in[i].src_reg != BPF_PSEUDO_CALL || c->address[i])
			continue;
		if (to < 0 || (uint64_t)to >= c->n)
			return object_failed(f, "a call leads out of the code");
		c->out[c->at[i]].imm = (int32_t)((int64_t)c->begin[to] - (int64_t)c->at[i] - 1);
	}
	return true;
}

bool object_code(struct finish *f)
{
	for (size_t i = 1; i < f->n_sec; i++) {
		struct section *s = &f->sec[i];

		if (s->to && s->hdr.sh_type == SHT_PROGBITS && s->hdr.sh_flags & SHF_EXECINSTR && s->hdr.sh_size && !take_code(f, s))
			return false;
	}
	if (!note_functions(f) || !relocations(f, note_address))
		return false;
	for (size_t i = 1; i < f->n_sec; i++)
		if (f->sec[i].code && !bpf_mend(f->sec[i].code))
			return object_failed(f, f->sec[i].code->err);
	for (size_t i = 1; i < f->n_sec; i++)
		if (f->sec[i].code && !move_near_calls(f, f->sec[i].code))
			return false;
	return relocations(f, move_call);
}

bool object_move_symbol(struct finish *f, GElf_Sym *sym)
{
	const struct bpf_code *c = code_of(f, sym);
	uint64_t end = sym->st_value + sym->st_size;

	if (!c)
		return true;
	if (!inside(c, sym->st_value) || end < sym->st_value || !inside(c, end))
		return object_failed(f, "a symbol is outside of its code");
	sym->st_value = INSN * c->begin[sym->st_value / INSN];
	sym->st_size = INSN * c->begin[end / INSN] - sym->st_value;
	return true;
}

bool object_move_relocation(struct finish *f, const struct section *s, uint64_t *offset)
{
	const struct bpf_code *c = f->sec[s->hdr.sh_info].code;

	if (!c)
		return true;
	if (!inside(c, *offset))
		return object_failed(f, "a relocation is outside of its code");
	*offset = INSN * c->at[*offset / INSN];
	return true;
}

/* ---- .BTF.ext ---- */

struct bytes {
	unsigned char *at;
	size_t len;
};

static uint32_t word(struct bytes b, size_t off)
{
	uint32_t v = 0;

	if (off <= b.len && b.len - off >= 4)
		memcpy(&v, b.at + off, 4);
	return v;
}

static struct bytes part(struct bytes b, size_t off, size_t len)
{
	if (off > b.len || len > b.len - off)
		return (struct bytes){ b.at, 0 };
	return (struct bytes){ b.at + off, len };
}

/* The section of instructions that has this name in .BTF's strings. */
static const struct bpf_code *named(struct finish *f, uint32_t name)
{
	for (size_t i = 1; i < f->n_sec; i++) {
		Elf_Data *d = !strcmp(f->sec[i].name, ".BTF") ? elf_getdata(f->sec[i].scn, NULL) : NULL;
		struct bytes btf, text;

		if (!d || !d->d_buf)
			continue;
		btf = (struct bytes){ d->d_buf, d->d_size };
		text = part(btf, (size_t)word(btf, 4) + word(btf, 16), word(btf, 20));
		if (name >= text.len || !memchr(text.at + name, 0, text.len - name))
			return NULL;
		for (size_t k = 1; k < f->n_sec; k++)
			if (f->sec[k].code && !strcmp(f->sec[k].name, (const char *)text.at + name))
				return f->sec[k].code;
	}
	return NULL;
}

/* Records of one kind: their size, then for each section its name, their number, and themselves, each beginning with a place. */
static bool move_records(struct finish *f, struct bytes b)
{
	size_t size = word(b, 0), off = 4;

	if (!b.len)
		return true;
	if (size < 4 || size % 4)
		return object_failed(f, ".BTF.ext is broken");
	while (off < b.len) {
		const struct bpf_code *c = named(f, word(b, off));
		size_t n = word(b, off + 4);

		if (b.len - off < 8 || !c || n > (b.len - off - 8) / size)
			return object_failed(f, ".BTF.ext is broken");
		for (off += 8; n; n--, off += size) {
			uint32_t at = word(b, off);

			if (!inside(c, at) || at / INSN == c->n)
				return object_failed(f, "a place in .BTF.ext is outside of the code");
			at = (uint32_t)(INSN * c->begin[at / INSN]);
			memcpy(b.at + off, &at, 4);
		}
	}
	return true;
}

static bool move_lines(struct finish *f, struct bytes b)
{
	size_t header = word(b, 4), n = header >= 32 ? 3 : 2;

	if (b.len < 24 || (word(b, 0) & 0xffff) != BTF_MAGIC || header < 24 || header > b.len)
		return object_failed(f, ".BTF.ext is broken");
	for (size_t i = 0; i < n; i++) {
		size_t off = word(b, 8 + 8 * i), len = word(b, 12 + 8 * i);
		struct bytes records = part(b, header + off, len);

		if (records.len != len || !move_records(f, records))
			return object_failed(f, f->err ? f->err : ".BTF.ext is broken");
	}
	return true;
}

bool object_contents(struct finish *f, const struct section *s, const Elf_Data *in, void **buf, size_t *len)
{
	*buf = in->d_buf;
	*len = in->d_size;
	if (s->code) {
		*buf = s->code->out;
		*len = s->code->n_out * INSN;
	} else if (!strcmp(s->name, ".BTF.ext") && in->d_buf) {
		*buf = object_keep(f, in->d_size);
		if (!*buf)
			return object_failed(f, "out of memory");
		memcpy(*buf, in->d_buf, in->d_size);
		return move_lines(f, (struct bytes){ *buf, in->d_size });
	}
	return true;
}
