/*
 * From IR to an ELF object, by way of the LLVM C API. The only part of the compiler that knows LLVM is codegen*.c.
 */
#ifndef XDPF_CODEGEN_H
#define XDPF_CODEGEN_H

#include "ir.h"

enum codegen_output { CODEGEN_OBJECT, CODEGEN_ASM, CODEGEN_LLVM };

/*
 * @p is well formed. The result is malloc()ed: LLVM's own ELF object (see object.h for what makes it ours), or text. False: an error in
 * @d; nothing is allocated then. LLVM ends the process for what it considers a defect of its caller.
 */
bool codegen_program(const struct ir_program *p, const char *mcpu, enum codegen_output what, struct diag_list *d, void **out, size_t *len);

#endif
