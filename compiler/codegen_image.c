/*
 * The image of the program's constant tables: one array of bytes in a section of its own, which any loader fills. In: the image. Out: where it
 * begins, and what is in it at an offset.
 */
#include "codegen_priv.h"

#include "abi.h"

void cg_image_global(struct cg *g)
{
	const struct image *im = &g->ir->image;
	V init;

	if (!im->n)
		return;
	init = LLVMConstStringInContext2(g->cx, (const char *)im->v, im->n, 1);
	g->image = LLVMAddGlobal(g->m, LLVMTypeOf(init), XDPF_VAR_TABLES);
	LLVMSetInitializer(g->image, init);
	LLVMSetGlobalConstant(g->image, 1);
	LLVMSetSection(g->image, XDPF_SECTION_TABLES);
	LLVMSetAlignment(g->image, 4096);
	cg_debug_global(g, g->image, XDPF_VAR_TABLES, cg_array_type(g, g->du8, im->n, 8));
}

V cg_image(struct cg *g)
{
	return g->image;
}
