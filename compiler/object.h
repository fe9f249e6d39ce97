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
	const void *sets;		/* bytes, not text */
	size_t sets_len;
	const void *nic;		/* NULL: there is nothing to say */
	size_t nic_len;
};

/*
 * Drops DWARF and what only a linker wants from @elf (a relocatable BPF ELF; .BTF and .BTF.ext stay), and appends the section
 * XDPF_SECTION_META with the metadata, XDPF_SECTION_SETS with the elements of sets that live where there are any, and XDPF_SECTION_TESTS with the
 * tests; those that are there already are replaced. @elf may be written to. Same input, same bytes. False: @err says why (a static text), @out
 * is untouched. Tables may make it long: it is mapped, and goes with object_free().
 */
bool object_finish(void *elf, size_t elf_len, const struct object_texts *texts, void **out, size_t *out_len, const char **err);
void object_free(void *out, size_t len);

/*
 * What two objects have in common where the one's image of tables may take the place of the other's, as hexadecimal digits: their code, maps and
 * data; and of @texts, .meta (what else must be equal) and .sets. False: @err says why.
 */
enum { OBJECT_SHAPE = 33 };
bool object_shape(void *elf, size_t elf_len, const struct object_texts *texts, char shape[OBJECT_SHAPE], const char **err);

#endif
