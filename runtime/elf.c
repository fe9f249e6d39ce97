/*
 * The metadata's place in an object file. In come a file's bytes, which may be anything; out goes the text of the one section that holds
 * the metadata. Guaranteed: it lies within the file.
 */
#include <endian.h>
#include <errno.h>
#include <gelf.h>

#include "private.h"

enum { META_MAX = 64 << 20 };

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
		return rt_fail(log, EBADMSG, "it is an ELF file, but no BPF object: an object comes from `xdpfc rules.xdpf -o prog.o`");
	if (h.e_ident[EI_DATA] != (__BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB))
		return rt_fail(log, EBADMSG, "the object was made for machines of the other byte order");
	return 0;
}

int rt_elf_metadata(const char **text, size_t *text_len, const void *data, size_t len, const struct xdpf_log *log)
{
	_cleanup_free_ char *copy = malloc(len ? len : 1);	/* libelf may write to what it is given */
	_cleanup_(elf_freep) Elf *elf = NULL;
	size_t names, n_sec = 0;
	bool found = false;
	int err;

	if (!copy || elf_version(EV_CURRENT) == EV_NONE)
		return rt_fail(log, ENOMEM, "out of memory");
	memcpy(copy, data, len);
	elf = elf_memory(copy, len);
	err = check_header(elf, data, len, log);
	if (err)
		return err;
	if (elf_getshdrnum(elf, &n_sec) || elf_getshdrstrndx(elf, &names))
		return rt_fail(log, EBADMSG, "the object file is broken or cut off");
	for (size_t i = 1; i < n_sec; i++) {
		Elf_Scn *scn = elf_getscn(elf, i);
		GElf_Shdr h;
		const char *name;

		if (!scn || !gelf_getshdr(scn, &h) || !(name = elf_strptr(elf, names, h.sh_name)))
			return rt_fail(log, EBADMSG, "the object file is broken or cut off");
		if (h.sh_type != SHT_NOBITS && (h.sh_offset > len || h.sh_size > len - h.sh_offset))
			return rt_fail(log, EBADMSG, "the object file is cut off: section %zu lies beyond its end", i);
		if (strcmp(name, XDPF_SECTION_META))
			continue;
		if (found || h.sh_type != SHT_PROGBITS || h.sh_size > META_MAX)
			return rt_fail(log, EBADMSG, "the object's metadata section is broken");
		found = true;
		*text = (const char *)data + h.sh_offset;
		*text_len = h.sh_size;
	}
	if (!found)
		return rt_fail(log, EBADMSG, "the object says nothing about its rules: it was not made by xdpfc, or `strip` took its section %s",
			       XDPF_SECTION_META);
	return 0;
}
