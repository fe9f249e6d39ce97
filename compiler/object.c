/*
 * Finishing an object. In comes the relocatable BPF ELF that LLVM made in memory, with the metadata's text; out goes a new ELF
 * with the same code (but for what object_code.c puts in), data, maps, BTF and relocations, the metadata behind them, and
 * without DWARF. Sections, symbols and names are written anew, so nothing of what was dropped is left. Guaranteed: same input,
 * same bytes; a broken ELF is refused, never followed.
 */
#include "object_priv.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"

void object_why(struct finish *f, const char *err)
{
	/* libelf may call it something else */
	if (errno == ENOMEM)
		arena_fail();
	f->err = err;
}

void object_elf_why(struct finish *f)
{
	const char *msg = elf_errmsg(-1);

	object_why(f, msg ? msg : "libelf failed");
}

/* Memory that lives until the file is written. */
void *object_keep(struct finish *f, size_t size)
{
	void *p;

	if (f->n_bufs == sizeof(f->bufs) / sizeof(f->bufs[0]))
		return NULL;
	p = calloc(1, size ? size : 1);
	if (p)
		f->bufs[f->n_bufs++] = p;
	return p;
}

/* Appends a name to the new string table; 0 (the empty name) when memory is out, with f->err set. */
static size_t str_add(struct finish *f, const char *s)
{
	size_t len = strlen(s) + 1, at = f->str_len;

	if (len == 1)
		return 0;
	if (f->str_cap - f->str_len < len) {
		size_t cap = f->str_cap * 2 + len + 256;
		char *grown = realloc(f->str, cap);

		if (!grown) {
			f->err = "out of memory";
			return 0;
		}
		f->str = grown;
		f->str_cap = cap;
	}
	memcpy(f->str + at, s, len);
	f->str_len += len;
	return at;
}

static bool starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

/* DWARF, our own metadata of an earlier run, and what only a linker reads. */
static bool is_dropped(const char *name)
{
	return starts_with(name, ".debug_") || !strcmp(name, ".llvm_addrsig");
}

/* ---- reading ---- */

static bool read_sections(struct finish *f)
{
	size_t names;

	if (elf_getshdrnum(f->in, &f->n_sec) || elf_getshdrstrndx(f->in, &names))
		return object_elf_failed(f);
	if (f->n_sec < 2)
		return object_failed(f, "the object has no sections");
	f->sec = calloc(f->n_sec, sizeof(*f->sec));
	if (!f->sec)
		return object_failed(f, "out of memory");
	for (size_t i = 1; i < f->n_sec; i++) {
		struct section *s = &f->sec[i];

		s->scn = elf_getscn(f->in, i);
		if (!s->scn || !gelf_getshdr(s->scn, &s->hdr))
			return object_elf_failed(f);
		s->name = elf_strptr(f->in, names, s->hdr.sh_name);
		if (!s->name)
			return object_elf_failed(f);
		if (s->hdr.sh_type == SHT_SYMTAB) {
			if (f->symtab)
				return object_failed(f, "the object has two symbol tables");
			f->symtab = i;
			f->strtab = s->hdr.sh_link;
		}
	}
	if (!f->symtab || !f->strtab || f->strtab >= f->n_sec || f->strtab != names)
		return object_failed(f, "the object has no symbol table, or section names apart from symbol names");
	return true;
}

static bool number_sections(struct finish *f)
{
	size_t next = 1;

	for (size_t i = 1; i < f->n_sec; i++) {
		struct section *s = &f->sec[i];

		if (is_dropped(s->name))
			continue;
		if (object_is_rel(s)) {
			if (!s->hdr.sh_info || s->hdr.sh_info >= f->n_sec || s->hdr.sh_link != f->symtab)
				return object_failed(f, "a relocation section belongs to no section");
			if (is_dropped(f->sec[s->hdr.sh_info].name))
				continue;
		}
		s->to = next++;
	}
	return true;
}

/* ---- writing ---- */

/* What elf_newscn() returns where memory is out lacks its header, and libelf does not look. */
static Elf_Scn *new_section(struct finish *f)
{
	Elf_Scn *scn;

	errno = 0;
	scn = elf_newscn(f->out);
	return errno == ENOMEM ? NULL : scn;
}

static Elf_Data *new_data(struct finish *f, Elf_Scn *scn, void *buf, size_t size, const Elf_Data *like)
{
	Elf_Data *d = elf_newdata(scn);

	if (!d) {
		object_elf_failed(f);
		return NULL;
	}
	d->d_buf = buf;
	d->d_size = size;
	d->d_type = like ? like->d_type : ELF_T_BYTE;
	d->d_align = like ? like->d_align : 1;
	d->d_version = EV_CURRENT;
	return d;
}

static bool write_header(struct finish *f, const struct section *s, size_t link, size_t info)
{
	Elf_Scn *scn = elf_getscn(f->out, s->to);
	GElf_Shdr h = s->hdr;

	if (!scn)
		return object_elf_failed(f);
	h.sh_name = str_add(f, s->name);
	h.sh_link = link;
	h.sh_info = info;
	h.sh_offset = 0;
	return gelf_update_shdr(scn, &h) ? true : object_elf_failed(f);
}

static bool write_symbols(struct finish *f)
{
	const struct section *s = &f->sec[f->symtab];
	Elf_Data *in = elf_getdata(s->scn, NULL), *out;
	size_t n = 0, first_global = 0, entry = gelf_fsize(f->in, ELF_T_SYM, 1, EV_CURRENT);

	if (!in || !entry || !in->d_buf || in->d_size / entry < 1 || in->d_size / entry > INT32_MAX)
		return object_failed(f, "the object's symbol table is broken");
	f->n_sym = in->d_size / entry;
	f->sym_to = calloc(f->n_sym, sizeof(*f->sym_to));
	out = new_data(f, elf_getscn(f->out, s->to), object_keep(f, in->d_size), in->d_size, in);
	if (!f->sym_to || !out || !out->d_buf)
		return object_failed(f, "out of memory");
	for (size_t i = 0; i < f->n_sym; i++) {
		GElf_Sym sym;
		const char *name;

		if (!gelf_getsym(in, (int)i, &sym))
			return object_elf_failed(f);
		if (!object_move_symbol(f, &sym))
			return false;
		if (sym.st_shndx < SHN_LORESERVE) {
			if (sym.st_shndx >= f->n_sec)
				return object_failed(f, "a symbol is in no section");
			if (sym.st_shndx && !f->sec[sym.st_shndx].to)
				continue;
			sym.st_shndx = (GElf_Section)f->sec[sym.st_shndx].to;
		}
		name = elf_strptr(f->in, f->strtab, sym.st_name);
		if (!name)
			return object_elf_failed(f);
		sym.st_name = (GElf_Word)str_add(f, name);
		if (GELF_ST_BIND(sym.st_info) == STB_LOCAL)
			first_global = n + 1;
		if (!gelf_update_sym(out, (int)n, &sym))
			return object_elf_failed(f);
		f->sym_to[i] = n++;
	}
	out->d_size = n * entry;
	return write_header(f, s, f->sec[f->strtab].to, first_global);
}

static bool move_symbol(struct finish *f, uint64_t *info)
{
	size_t sym = GELF_R_SYM(*info);

	if (sym >= f->n_sym || (sym && !f->sym_to[sym]))
		return object_failed(f, "a relocation needs a symbol that is not there");
	*info = GELF_R_INFO(f->sym_to[sym], GELF_R_TYPE(*info));
	return true;
}

static bool write_relocations(struct finish *f, const struct section *s)
{
	bool rela = s->hdr.sh_type == SHT_RELA;
	Elf_Data *in = elf_getdata(s->scn, NULL), *out;
	size_t entry = gelf_fsize(f->in, rela ? ELF_T_RELA : ELF_T_REL, 1, EV_CURRENT), n;

	if (!in || !entry || in->d_size / entry > INT32_MAX)
		return object_failed(f, "a relocation section is broken");
	n = in->d_size / entry;
	out = new_data(f, elf_getscn(f->out, s->to), object_keep(f, in->d_size), n * entry, in);
	if (!out || !out->d_buf)
		return object_failed(f, "out of memory");
	for (size_t i = 0; i < n; i++) {
		GElf_Rela ra;
		GElf_Rel r;
		bool ok;

		if (rela)
			ok = gelf_getrela(in, (int)i, &ra) && object_move_relocation(f, s, &ra.r_offset) &&
			     move_symbol(f, &ra.r_info) && gelf_update_rela(out, (int)i, &ra);
		else
			ok = gelf_getrel(in, (int)i, &r) && object_move_relocation(f, s, &r.r_offset) &&
			     move_symbol(f, &r.r_info) && gelf_update_rel(out, (int)i, &r);
		if (!ok)
			return f->err ? false : object_elf_failed(f);
	}
	return write_header(f, s, f->sec[f->symtab].to, f->sec[s->hdr.sh_info].to);
}

static bool write_plain(struct finish *f, const struct section *s)
{
	Elf_Data *in = elf_getdata(s->scn, NULL);
	void *buf;
	size_t len;

	if (!in)
		return object_elf_failed(f);
	if (s->hdr.sh_link >= f->n_sec)
		return object_failed(f, "a section's link is broken");
	if (!object_contents(f, s, in, &buf, &len) || !new_data(f, elf_getscn(f->out, s->to), buf, len, in))
		return false;
	return write_header(f, s, f->sec[s->hdr.sh_link].to, s->hdr.sh_info);
}

static bool write_text(struct finish *f, const char *name, const void *text, size_t len)
{
	Elf_Scn *scn = new_section(f);
	GElf_Shdr h = { .sh_type = SHT_PROGBITS, .sh_addralign = 8 };	/* no SHF_ALLOC: no part of any program */

	if (!scn || !new_data(f, scn, (void *)(uintptr_t)text, len, NULL))
		return object_elf_failed(f);
	h.sh_name = str_add(f, name);
	return gelf_update_shdr(scn, &h) ? true : object_elf_failed(f);
}

static bool write_file(struct finish *f, const struct object_texts *texts)
{
	GElf_Ehdr in, out;

	if (!gelf_getehdr(f->in, &in) || !gelf_newehdr(f->out, ELFCLASS64) || !gelf_getehdr(f->out, &out))
		return object_elf_failed(f);
	memcpy(out.e_ident, in.e_ident, EI_NIDENT);
	out.e_type = in.e_type;
	out.e_machine = in.e_machine;
	out.e_version = in.e_version;
	out.e_flags = in.e_flags;
	out.e_shstrndx = (GElf_Half)f->sec[f->strtab].to;
	if (!gelf_update_ehdr(f->out, &out))
		return object_elf_failed(f);
	for (size_t i = 1; i < f->n_sec; i++)
		if (f->sec[i].to && !new_section(f))
			return object_elf_failed(f);
	if (!write_symbols(f))
		return false;
	for (size_t i = 1; i < f->n_sec; i++) {
		const struct section *s = &f->sec[i];

		if (!s->to || i == f->symtab || i == f->strtab)
			continue;
		if (!(object_is_rel(s) ? write_relocations(f, s) : write_plain(f, s)))
			return false;
	}
	if (!write_text(f, XDPF_SECTION_META, texts->meta, texts->meta_len))
		return false;
	if (texts->sets_len && !write_text(f, XDPF_SECTION_SETS, texts->sets, texts->sets_len))
		return false;
	if (texts->tests && !write_text(f, XDPF_SECTION_TESTS, texts->tests, texts->tests_len))
		return false;
	if (texts->nic && !write_text(f, XDPF_SECTION_NIC, texts->nic, texts->nic_len))
		return false;
	/* The string table is complete only when its own name is in it. */
	if (!write_header(f, &f->sec[f->strtab], 0, 0) || f->err)
		return false;
	if (!new_data(f, elf_getscn(f->out, f->sec[f->strtab].to), f->str, f->str_len, NULL))
		return false;
	return elf_update(f->out, ELF_C_WRITE) >= 0 ? true : object_elf_failed(f);
}

/* What was written, as memory of its own. */
static bool map_back(struct finish *f, int fd, void **out, size_t *out_len)
{
	off_t end = lseek(fd, 0, SEEK_END);
	void *p = end > 0 ? mmap(NULL, (size_t)end, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) : MAP_FAILED;

	if (p == MAP_FAILED)
		return object_failed(f, "the finished object cannot be read back");
	*out = p;
	*out_len = (size_t)end;
	return true;
}

void object_free(void *out, size_t len)
{
	if (out)
		munmap(out, len);
}

static bool check_input(struct finish *f)
{
	GElf_Ehdr h;

	if (!f->in || elf_kind(f->in) != ELF_K_ELF || !gelf_getehdr(f->in, &h) || h.e_ident[EI_CLASS] != ELFCLASS64 ||
	    h.e_machine != EM_BPF || h.e_type != ET_REL)
		return object_failed(f, "not a relocatable BPF object");
	return true;
}

bool object_read(struct finish *f, void *elf, size_t elf_len)
{
	f->arena = arena_new();
	errno = 0;	/* it is looked at where something fails */
	if (elf_version(EV_CURRENT) == EV_NONE)
		return object_failed(f, "out of memory");
	f->in = elf_memory(elf, elf_len);
	return check_input(f) && read_sections(f);
}

void object_close(struct finish *f)
{
	elf_end(f->in);
	for (size_t i = 0; i < f->n_bufs; i++)
		free(f->bufs[i]);
	arena_free(f->arena);
	free(f->str);
	free(f->sym_to);
	free(f->sec);
}

bool object_finish(void *elf, size_t elf_len, const struct object_texts *texts, void **out, size_t *out_len, const char **err)
{
	struct finish f = { .err = NULL };
	int fd = memfd_create("xdpf-object", MFD_CLOEXEC);
	bool ok = false;

	f.str = calloc(1, 256);
	f.str_len = 1;
	f.str_cap = 256;
	if (!f.str || fd < 0) {
		object_failed(&f, "out of memory");
	} else if (object_read(&f, elf, elf_len)) {
		f.out = elf_begin(fd, ELF_C_WRITE, NULL);
		ok = (f.out || object_elf_failed(&f)) && number_sections(&f) && object_code(&f) && write_file(&f, texts) &&
		     map_back(&f, fd, out, out_len);
	}
	elf_end(f.out);
	object_close(&f);
	if (fd >= 0)
		close(fd);
	if (!ok)
		*err = f.err ? f.err : "the object cannot be finished";
	return ok;
}
