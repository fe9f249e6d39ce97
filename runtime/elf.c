/*
 * Object files as ELF. In come a file's bytes, which may be anything; out goes the text of the one section that holds the
 * metadata. Guaranteed: it lies within the file, and so does everything that libbpf will follow: sections, symbols,
 * relocations, types.
 */
#include <endian.h>
#include <errno.h>
#include <gelf.h>

#include "private.h"

enum { META_MAX = 256 << 20, SECTIONS_MAX = 1024 };

static void elf_freep(Elf **e)
{
	elf_end(*e);
}

/* What else in the file would lead libbpf or us astray: checked before anybody follows an offset. */
static int check_header(Elf *elf, const void *data, size_t len, const struct xdpf_log *log)
{
	GElf_Ehdr h;

	if (len < 4 || memcmp(data, ELFMAG, SELFMAG))
		return rt_fail(log, EBADMSG, "it is no object file: an object comes from `xdpfc rules.xdpf -o prog.o`");
	if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &h))
		return rt_fail(log, EBADMSG, "the object file is broken or cut off");
	if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_machine != EM_BPF || h.e_type != ET_REL)
		return rt_fail(log, EBADMSG,
			       "it is an ELF file, but no BPF object: an object comes from `xdpfc rules.xdpf -o prog.o`");
	if (h.e_ident[EI_DATA] != (__BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB))
		return rt_fail(log, EBADMSG, "the object was made for machines of the other byte order");
	/* libelf would find no sections then, and nothing wrong with that. */
	if (h.e_shoff > len || (size_t)h.e_shnum * sizeof(Elf64_Shdr) > len - h.e_shoff)
		return rt_fail(log, EBADMSG, "the object file is cut off: its section headers lie beyond its end");
	return 0;
}

/* Sections that an object of ours has. Anything else would be for libbpf to make sense of, and it is not made for hostile
 * files. */
static bool section_known(const char *name)
{
	static const char *const known[] = {
		"", ".strtab", ".symtab", ".shstrtab", ".text", XDPF_SECTION_PROG, ".rodata", XDPF_SECTION_TABLES, XDPF_SECTION_SWAP,
		XDPF_SECTION_IFACES, XDPF_SECTION_LIVE, XDPF_SECTION_EXPLAIN, ".bss", ".maps", "license",
		".BTF", ".BTF.ext",
		".relxdp", ".rel.text", ".rel.BTF", ".rel.BTF.ext", ".rel.maps", ".rel.rodata", ".llvm_addrsig", ".debug_",
		".rel.debug_",
		".ksyms", "version", ".eh_frame", ".rel.eh_frame", ".comment",
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t n = strlen(known[i]);

		if (!strcmp(name, known[i]) || (n && known[i][n - 1] == '_' && !strncmp(name, known[i], n)))
			return true;
	}
	return false;
}

struct elf_view {
	Elf *elf;
	size_t n_sec, names;
	GElf_Shdr *hdr;		/* by index */
	size_t n_sym, symtab;
};

static int check_symbols(struct elf_view *v, const struct xdpf_log *log)
{
	const GElf_Shdr *h = &v->hdr[v->symtab];
	Elf_Data *d = v->symtab ? elf_getdata(elf_getscn(v->elf, v->symtab), NULL) : NULL;

	if (!d || h->sh_entsize != sizeof(Elf64_Sym) || !h->sh_link || h->sh_link >= v->n_sec ||
	    v->hdr[h->sh_link].sh_type != SHT_STRTAB)
		return rt_fail(log, EBADMSG, "the object's symbol table is missing or broken");
	v->n_sym = d->d_size / sizeof(Elf64_Sym);
	for (size_t i = 0; i < v->n_sym; i++) {
		GElf_Sym sym;

		if (!gelf_getsym(d, (int)i, &sym) || !elf_strptr(v->elf, h->sh_link, sym.st_name))
			return rt_fail(log, EBADMSG, "the object's symbol %zu is broken", i);
		if (sym.st_shndx >= SHN_LORESERVE || !sym.st_shndx)
			continue;
		if (sym.st_shndx >= v->n_sec || sym.st_value > v->hdr[sym.st_shndx].sh_size ||
		    sym.st_size > v->hdr[sym.st_shndx].sh_size - sym.st_value)
			return rt_fail(log, EBADMSG, "the object's symbol %zu lies outside its section", i);
	}
	return 0;
}

static int check_relocations(const struct elf_view *v, size_t sec, const struct xdpf_log *log)
{
	const GElf_Shdr *h = &v->hdr[sec];
	Elf_Data *d = elf_getdata(elf_getscn(v->elf, sec), NULL);

	if (!d || h->sh_type != SHT_REL || h->sh_entsize != sizeof(Elf64_Rel) || h->sh_link != v->symtab || !h->sh_info ||
	    h->sh_info >= v->n_sec)
		return rt_fail(log, EBADMSG, "the object's relocations are broken");
	for (size_t i = 0; i < d->d_size / sizeof(Elf64_Rel); i++) {
		GElf_Rel r;

		if (!gelf_getrel(d, (int)i, &r) || GELF_R_SYM(r.r_info) >= v->n_sym || r.r_offset >= v->hdr[h->sh_info].sh_size)
			return rt_fail(log, EBADMSG, "the object's relocations are broken");
	}
	return 0;
}

static int check_section(const struct elf_view *v, size_t sec, const char *name, const char *data, const struct xdpf_log *log)
{
	const GElf_Shdr *h = &v->hdr[sec];
	bool plain = h->sh_type == SHT_PROGBITS;

	if (h->sh_type == SHT_RELA || h->sh_flags & SHF_COMPRESSED || !section_known(name))
		return rt_fail(log, EBADMSG, "the object has a section (%zu) that no object of xdpfc has", sec);
	if (h->sh_type == SHT_REL)
		return check_relocations(v, sec, log);
	if ((!strcmp(name, ".BTF") && (!plain || !rt_btf_sound(data + h->sh_offset, h->sh_size))) ||
	    (!strcmp(name, ".BTF.ext") && (!plain || !rt_btf_ext_sound(data + h->sh_offset, h->sh_size))))
		return rt_fail(log, EBADMSG, "the object's type information (%s) is broken", name);
	if ((!strcmp(name, XDPF_SECTION_PROG) || !strcmp(name, ".text")) && (!plain || h->sh_size % 8))
		return rt_fail(log, EBADMSG, "the object's code (section %s) is broken", name);
	return 0;
}

/* Reads all section headers; finds the symbol table and the metadata. */
static int read_sections(struct elf_view *v, const char *data, size_t len, size_t *meta, size_t *tests, size_t *sets, size_t *nic,
			 const struct xdpf_log *log)
{
	for (size_t i = 1; i < v->n_sec; i++) {
		GElf_Shdr *h = &v->hdr[i];
		Elf_Scn *scn = elf_getscn(v->elf, i);
		const char *name;

		if (!scn || !gelf_getshdr(scn, h) || !(name = elf_strptr(v->elf, v->names, h->sh_name)))
			return rt_fail(log, EBADMSG, "the object file is broken or cut off");
		if (h->sh_type != SHT_NOBITS && (h->sh_offset > len || h->sh_size > len - h->sh_offset))
			return rt_fail(log, EBADMSG, "the object file is cut off: section %zu lies beyond its end", i);
		if (h->sh_type == SHT_NOBITS && h->sh_size > META_MAX)
			return rt_fail(log, EBADMSG, "the object's section %zu is too large", i);
		if (h->sh_type == SHT_STRTAB && h->sh_size && data[h->sh_offset + h->sh_size - 1])
			return rt_fail(log, EBADMSG, "the object's names are broken");
		if (h->sh_type == SHT_SYMTAB) {
			if (v->symtab)
				return rt_fail(log, EBADMSG, "the object has two symbol tables");
			v->symtab = i;
		}
		if (!strcmp(name, XDPF_SECTION_TESTS)) {
			if (*tests || h->sh_type != SHT_PROGBITS || h->sh_size > META_MAX)
				return rt_fail(log, EBADMSG, "the object's section of tests is broken");
			*tests = i;
		}
		if (!strcmp(name, XDPF_SECTION_SETS)) {
			if (*sets || h->sh_type != SHT_PROGBITS)
				return rt_fail(log, EBADMSG, "the object's elements of sets are broken");
			*sets = i;
		}
		if (!strcmp(name, XDPF_SECTION_NIC)) {
			if (*nic || h->sh_type != SHT_PROGBITS || h->sh_size > META_MAX)
				return rt_fail(log, EBADMSG, "the object's section on network cards is broken");
			*nic = i;
		}
		if (strcmp(name, XDPF_SECTION_META))
			continue;
		if (*meta || h->sh_type != SHT_PROGBITS || h->sh_size > META_MAX)
			return rt_fail(log, EBADMSG, "the object's metadata section is broken");
		*meta = i;
	}
	return 0;
}

static int check_sections(struct elf_view *v, const char *data, const struct xdpf_log *log)
{
	int err = check_symbols(v, log);

	for (size_t i = 1; i < v->n_sec && !err; i++)
		err = check_section(v, i, elf_strptr(v->elf, v->names, v->hdr[i].sh_name), data, log);
	return err;
}

int rt_elf_metadata(struct rt_elf_texts *out, const void *data, size_t len, const struct xdpf_log *log)
{
	_cleanup_(elf_freep) Elf *elf = NULL;
	_cleanup_free_ GElf_Shdr *hdr = NULL;
	struct elf_view v = { 0 };
	size_t meta = 0, tests = 0, sets = 0, nic = 0;
	int err;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return rt_fail(log, ENOMEM, "out of memory");
	/* It is only read: what has to be turned round is turned round elsewhere. Tables may make it 64 MiB long. */
	elf = v.elf = elf_memory((char *)(uintptr_t)data, len);
	err = check_header(elf, data, len, log);
	if (err)
		return err;
	if (elf_getshdrnum(elf, &v.n_sec) || elf_getshdrstrndx(elf, &v.names) || v.n_sec > SECTIONS_MAX)
		return rt_fail(log, EBADMSG, "the object file is broken or cut off");
	hdr = v.hdr = calloc(v.n_sec ? v.n_sec : 1, sizeof(*hdr));
	if (!hdr)
		return rt_fail(log, ENOMEM, "out of memory");
	err = read_sections(&v, data, len, &meta, &tests, &sets, &nic, log);
	if (err)
		return err;
	if (!meta)
		return rt_fail(log, EBADMSG,
			       "the object says nothing about its rules: xdpfc did not make it, or `strip` took its section %s",
			       XDPF_SECTION_META);
	err = check_sections(&v, data, log);
	if (err)
		return err;
	*out = (struct rt_elf_texts){ .meta = (const char *)data + hdr[meta].sh_offset, .meta_len = hdr[meta].sh_size };
	if (tests) {
		out->tests = (const char *)data + hdr[tests].sh_offset;
		out->tests_len = hdr[tests].sh_size;
	}
	if (sets) {
		out->sets = (const char *)data + hdr[sets].sh_offset;
		out->sets_len = hdr[sets].sh_size;
	}
	if (nic) {
		out->nic = (const char *)data + hdr[nic].sh_offset;
		out->nic_len = hdr[nic].sh_size;
	}
	return 0;
}
