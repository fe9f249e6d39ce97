/*
 * The last step of a compilation: LLVM's relocatable ELF becomes the object that is written.
 */
#ifndef XDPF_OBJECT_H
#define XDPF_OBJECT_H

#include <stdbool.h>
#include <stddef.h>

struct object_texts {
	const void *meta;
	size_t meta_len;
	const void *tests;		/* NULL: there are none */
	size_t tests_len;
};

/*
 * Drops DWARF and what only a linker wants from @elf (a relocatable BPF ELF; .BTF and .BTF.ext stay), and appends the section
 * XDPF_SECTION_META with the metadata, and XDPF_SECTION_TESTS with the tests; those that are there already are replaced. @out is of malloc(). Same
 * input, same bytes. False: @err says why (a static text), @out is untouched.
 */
bool object_finish(const void *elf, size_t elf_len, const struct object_texts *texts, void **out, size_t *out_len, const char **err);

#endif
