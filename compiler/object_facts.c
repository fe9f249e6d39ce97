/*
 * What a finished object is. In: its bytes. Out: how many instructions it has, and which of its sections loaders make maps of.
 */
#include "object_facts.h"

#include <gelf.h>
#include <string.h>

enum { INSN = 8 };

static bool begins(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

static bool is_data(const char *name)
{
	return begins(name, ".rodata") || begins(name, ".data") || begins(name, ".bss");
}

static void section(struct arena *a, struct object_facts *f, const char *name, const GElf_Shdr *h)
{
	if (h->sh_type == SHT_PROGBITS && h->sh_flags & SHF_EXECINSTR)
		f->instructions += h->sh_size / INSN;
	else if ((h->sh_type == SHT_PROGBITS || h->sh_type == SHT_NOBITS) && h->sh_flags & SHF_ALLOC && is_data(name) && h->sh_size)
		*vec_add(a, &f->data) = (struct object_data){ arena_printf(a, "%s", name), h->sh_size };
}

bool object_facts(struct arena *a, void *obj, size_t len, struct object_facts *f)
{
	Elf *elf = elf_version(EV_CURRENT) == EV_NONE ? NULL : elf_memory(obj, len);
	size_t n = 0, names = 0;
	bool ok = elf && !elf_getshdrnum(elf, &n) && !elf_getshdrstrndx(elf, &names);

	for (size_t i = 1; i < n && ok; i++) {
		Elf_Scn *s = elf_getscn(elf, i);
		GElf_Shdr h;
		const char *name;

		ok = s && gelf_getshdr(s, &h);
		name = ok ? elf_strptr(elf, names, h.sh_name) : NULL;
		ok = name;
		if (ok)
			section(a, f, name, &h);
	}
	elf_end(elf);
	return ok;
}
