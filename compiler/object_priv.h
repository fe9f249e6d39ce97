/*
 * Internal to finishing objects: what object.c and object_code.c share.
 */
#ifndef XDPF_OBJECT_PRIV_H
#define XDPF_OBJECT_PRIV_H

#include <gelf.h>

#include "bpf_code.h"
#include "object.h"

struct section {
	Elf_Scn *scn;
	GElf_Shdr hdr;
	const char *name;
	size_t to;		/* its index in the new file; 0: dropped */
	struct bpf_code *code;	/* instructions; NULL: it has none */
};

struct finish {
	Elf *in, *out;
	struct section *sec;	/* by old index; [0] is the null section */
	size_t n_sec;
	size_t *sym_to;		/* new index of each old symbol; 0: dropped (or the null symbol) */
	size_t n_sym;
	size_t symtab, strtab;	/* old indexes */
	char *str;		/* the new .strtab */
	size_t str_len, str_cap;
	struct arena *arena;	/* of .code */
	void *bufs[64];		/* what the new sections point to until they are written */
	size_t n_bufs;
	const char *err;
};

/* ---- object.c ---- */

/* Reads what LLVM wrote; in any case object_close() takes what there is. */
bool object_read(struct finish *f, void *elf, size_t elf_len);
void object_close(struct finish *f);
/* .err; of libelf: what that says. */
void object_why(struct finish *f, const char *err);
void object_elf_why(struct finish *f);
/* The same: false. */
#define object_failed(...) (object_why(__VA_ARGS__), known_false())
#define object_elf_failed(...) (object_elf_why(__VA_ARGS__), known_false())
/* Memory that lives until the file is written. */
void *object_keep(struct finish *f, size_t size);
static inline bool object_is_rel(const struct section *s)
{
	return s->hdr.sh_type == SHT_REL || s->hdr.sh_type == SHT_RELA;
}

/* ---- object_types.c ---- */

/* 32-bit words behind a type's header, the first of them a name: members, numbers, parameters. */
struct object_layout {
	unsigned words, each;		/* words of it, and of each of its .vlen parts */
	bool named;			/* the parts begin with a name */
};

struct object_types {
	const uint32_t *word;
	size_t n;
	const char *text;
	size_t text_len;
};

/* Of the section .BTF. */
bool object_types(struct finish *f, const Elf_Data *d, struct object_types *t);
/* How many words the type at @w has, of @left; 0: it is broken, or of a kind that is not known. */
size_t object_type(const uint32_t *w, size_t left, struct object_layout *l);
/* NULL: it is broken. */
const char *object_type_name(const struct object_types *t, uint32_t off);

/* ---- object_code.c ---- */

/* Makes .code of the sections that have instructions. */
bool object_code(struct finish *f);
/* The same place in the new code: of a symbol, and of a relocation in section @s. */
bool object_move_symbol(struct finish *f, GElf_Sym *sym);
bool object_move_relocation(struct finish *f, const struct section *s, uint64_t *offset);
/* The contents of section @s: instructions, or what says which source lines they are of; others as they are in @in. */
bool object_contents(struct finish *f, const struct section *s, const Elf_Data *in, void **buf, size_t *len);

#endif
