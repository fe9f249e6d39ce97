/*
 * What a finished object is. In: its bytes. Out: which of its sections loaders make maps of; object_work.c says what its code is.
 */
#include "object_work.h"

#include <string.h>

static bool begins(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

static bool is_data(const char *name)
{
	return begins(name, ".rodata") || begins(name, ".data") || begins(name, ".bss");
}

bool object_facts(struct arena *a, void *obj, size_t len, struct object_facts *facts, const char **err)
{
	struct finish f = { .err = NULL };
	bool ok = object_read(&f, obj, len);

	for (size_t i = 1; ok && i < f.n_sec; i++) {
		const GElf_Shdr *h = &f.sec[i].hdr;

		if ((h->sh_type == SHT_PROGBITS || h->sh_type == SHT_NOBITS) && h->sh_flags & SHF_ALLOC && !(h->sh_flags & SHF_EXECINSTR) &&
		    is_data(f.sec[i].name) && h->sh_size)
			*vec_add(a, &facts->data) = (struct object_data){ arena_printf(a, "%s", f.sec[i].name), h->sh_size };
	}
	ok = ok && object_work(&f, a, facts);
	if (!ok)
		*err = f.err ? f.err : "the object cannot be read";
	object_close(&f);
	return ok;
}
