/*
 * Functions of the kernel's (kfuncs), as libbpf wants them: external, in section .ksyms, told by BTF. In: names and types. Out: declarations to call.
 */
#include "codegen_priv.h"

#include <string.h>

V cg_kfunc(struct cg *g, const char *name, T type, MD ret, unsigned n, MD *param)
{
	V f = LLVMAddFunction(g->m, name, type);
	MD all[8] = { ret }, sub;

	for (unsigned i = 0; i < n; i++)
		all[i + 1] = param[i];
	sub = LLVMDIBuilderCreateSubroutineType(g->di, g->file, all, n + 1, LLVMDIFlagZero);
	LLVMSetLinkage(f, LLVMExternalWeakLinkage);
	LLVMSetSection(f, ".ksyms");
	LLVMSetSubprogram(f, LLVMDIBuilderCreateFunction(g->di, g->file, name, strlen(name), "", 0, g->file, 1, sub, 0, 0, 1,
							 LLVMDIFlagPrototyped, 1));
	return f;
}
