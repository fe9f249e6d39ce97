/*
 * The shape of a program: all of it that must be equal where the image of one object's tables may be put in the place of another's. In: LLVM's ELF,
 * and the rest of what the object will say. Out: a number of 128 bits. Equal: the code, its relocations and symbols by their names, types and with
 * them maps' definitions, data but the image, whose size alone counts. What tells of source lines does not.
 */
#include "object_priv.h"

#include <linux/btf.h>
#include <stdio.h>
#include <string.h>

#include "abi.h"

/* Two sums, which differ in how they begin. */
struct sum {
	uint64_t a, b;
};

static void add(struct sum *s, const void *data, size_t n)
{
	const unsigned char *p = data;

	for (; n; p += n < 8 ? n : 8, n -= n < 8 ? n : 8) {
		uint64_t w = 0;

		memcpy(&w, p, n < 8 ? n : 8);
		s->a = xdpf_mix64(s->a + w);
		s->b = xdpf_mix64(s->b ^ (w * XDPF_RANDOM_STEP));
	}
}

static void add_number(struct sum *s, uint64_t v)
{
	add(s, &v, sizeof(v));
}

/* With its length, so that two of them are told apart from another two. */
static void add_bytes(struct sum *s, const void *data, size_t n)
{
	add_number(s, n);
	add(s, data, n);
}

static void add_string(struct sum *s, const char *text)
{
	add_bytes(s, text, strlen(text));
}

/* ---- types ---- */

static bool add_name(struct sum *s, const struct object_types *t, uint32_t off)
{
	const char *name = object_type_name(t, off);

	if (name)
		add_string(s, name);
	return name;
}

/* One type at word @i: how many it has; 0: it is broken. */
static size_t add_type(struct sum *s, const struct object_types *t, size_t i)
{
	const uint32_t *w = t->word + i;
	struct object_layout l;
	size_t words = object_type(w, t->n - i, &l);

	if (!words || !add_name(s, t, w[0]))
		return 0;
	add(s, w + 1, 8);
	add(s, w + 3, 4 * l.words);
	for (size_t at = 3 + l.words; at < words; at += l.each) {
		if (l.named && !add_name(s, t, w[at]))
			return 0;
		add(s, w + at + l.named, 4 * (l.each - l.named));
	}
	return words;
}

/* The strings hold source lines too: so names are added where types have them. */
static bool add_types(struct finish *f, struct sum *s, const Elf_Data *d)
{
	struct object_types t;

	if (!object_types(f, d, &t))
		return false;
	for (size_t at = 0, n; at < t.n; at += n) {
		n = add_type(s, &t, at);
		if (!n)
			return object_failed(f, "the object's types are of an unknown kind");
	}
	return true;
}

/* ---- sections ---- */

static const char *section_name(const struct finish *f, size_t i)
{
	return i < f->n_sec && i ? f->sec[i].name : "";
}

/* Does the section count at all? */
static bool counts(const struct section *s)
{
	return strncmp(s->name, ".debug_", 7) != 0 && strcmp(s->name, ".llvm_addrsig") != 0 && strcmp(s->name, ".BTF.ext") != 0 &&
	       s->hdr.sh_type != SHT_STRTAB && s->hdr.sh_type != SHT_SYMTAB;
}

static bool add_symbol(struct finish *f, struct sum *s, const GElf_Sym *sym)
{
	const char *name = elf_strptr(f->in, f->strtab, sym->st_name);

	if (!name)
		return object_elf_failed(f);
	add_string(s, name);
	add_string(s, section_name(f, sym->st_shndx < SHN_LORESERVE ? sym->st_shndx : 0));
	add_number(s, sym->st_value);
	add_number(s, sym->st_size);
	add_number(s, sym->st_info);
	return true;
}

static bool add_symbols(struct finish *f, struct sum *s, Elf_Data *d, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		GElf_Sym sym;

		if (!gelf_getsym(d, (int)i, &sym))
			return object_elf_failed(f);
		if (sym.st_shndx < SHN_LORESERVE && sym.st_shndx && (sym.st_shndx >= f->n_sec || !counts(&f->sec[sym.st_shndx])))
			continue;
		if (!add_symbol(f, s, &sym))
			return false;
	}
	return true;
}

static bool add_relocations(struct finish *f, struct sum *s, const struct section *sec, Elf_Data *symbols, size_t n_symbols)
{
	Elf_Data *d = elf_getdata(sec->scn, NULL);
	size_t entry = gelf_fsize(f->in, ELF_T_REL, 1, EV_CURRENT);

	if (!d || !entry || sec->hdr.sh_type != SHT_REL)
		return object_failed(f, "a relocation section is broken");
	for (size_t i = 0; i < d->d_size / entry; i++) {
		GElf_Sym sym;
		GElf_Rel r;

		if (!gelf_getrel(d, (int)i, &r) || GELF_R_SYM(r.r_info) >= n_symbols || !gelf_getsym(symbols, (int)GELF_R_SYM(r.r_info), &sym))
			return object_failed(f, "a relocation section is broken");
		add_number(s, r.r_offset);
		add_number(s, GELF_R_TYPE(r.r_info));
		if (!add_symbol(f, s, &sym))
			return false;
	}
	return true;
}

static bool add_section(struct finish *f, struct sum *s, const struct section *sec)
{
	Elf_Data *d = elf_getdata(sec->scn, NULL);

	if (!d)
		return object_elf_failed(f);
	if (!strcmp(sec->name, ".BTF"))
		return add_types(f, s, d);
	add_number(s, sec->hdr.sh_size);
	if (sec->hdr.sh_type != SHT_NOBITS && strcmp(sec->name, XDPF_SECTION_TABLES) != 0)
		add_bytes(s, d->d_buf, d->d_size);
	return true;
}

static bool add_object(struct finish *f, struct sum *s)
{
	Elf_Data *symbols = elf_getdata(f->sec[f->symtab].scn, NULL);
	size_t entry = gelf_fsize(f->in, ELF_T_SYM, 1, EV_CURRENT), n;

	if (!symbols || !entry || symbols->d_size / entry > INT32_MAX)
		return object_failed(f, "the object's symbol table is broken");
	n = symbols->d_size / entry;
	for (size_t i = 1; i < f->n_sec; i++) {
		const struct section *sec = &f->sec[i];
		bool ok;

		if (object_is_rel(sec) && (!sec->hdr.sh_info || sec->hdr.sh_info >= f->n_sec))
			return object_failed(f, "a relocation section belongs to no section");
		if (!counts(object_is_rel(sec) ? &f->sec[sec->hdr.sh_info] : sec))
			continue;
		add_string(s, sec->name);
		/* what moves types and the image is nothing that they are made of */
		if (object_is_rel(sec) && strcmp(f->sec[sec->hdr.sh_info].name, ".BTF") != 0)
			ok = add_relocations(f, s, sec, symbols, n);
		else
			ok = object_is_rel(sec) || add_section(f, s, sec);
		if (!ok)
			return false;
	}
	return add_symbols(f, s, symbols, n);
}

bool object_shape(void *elf, size_t elf_len, const struct object_texts *texts, char shape[OBJECT_SHAPE], const char **err)
{
	struct sum s = { 1, 2 };
	struct finish f = { .err = NULL };
	bool ok = object_read(&f, elf, elf_len) && add_object(&f, &s);

	add_bytes(&s, texts->meta, texts->meta_len);
	add_bytes(&s, texts->sets, texts->sets_len);
	snprintf(shape, OBJECT_SHAPE, "%016llx%016llx", (unsigned long long)s.a, (unsigned long long)s.b);
	if (!ok)
		*err = f.err ? f.err : "the object's shape cannot be found";
	object_close(&f);
	return ok;
}
