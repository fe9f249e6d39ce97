/*
 * The image of the program's constant tables: one array of bytes in a section of its own, which any loader fills. In: the image. Out: where it
 * begins, and what is in it at an offset.
 */
#include "codegen_priv.h"

#include <linux/bpf.h>

#include "abi.h"

void cg_image_global(struct cg *g)
{
	static const char *const member[] = { "number" };
	static const unsigned bits[] = { 32 };
	const struct image *im = &g->ir->image;
	MD bytes;

	if (!im->n)
		return;
	bytes = cg_array_type(g, g->du8, im->n, 8);
	g->image = cg_global(g, XDPF_VAR_TABLES, LLVMConstStringInContext2(g->cx, (const char *)im->v, im->n, 1), XDPF_SECTION_TABLES, true, 4096);
	cg_debug_global(g, g->image, XDPF_VAR_TABLES, bytes);
	g->swap = cg_global(g, XDPF_VAR_SWAP, LLVMConstNull(LLVMStructTypeInContext(g->cx, &g->i32, 1, 0)), XDPF_SECTION_SWAP, false, 4);
	cg_debug_global(g, g->swap, XDPF_VAR_SWAP, cg_struct_type(g, "xdpf_swap", 1, member, &g->du32, bits, NULL, 0));
	g->images = cg_map_of_maps(g, XDPF_MAP_IMAGES, XDPF_IMAGES, g->du32, bytes, 0);
}

V cg_image(struct cg *g)
{
	return g->base;
}

static V is_null(struct cg *g, V p)
{
	return LLVMBuildICmp(g->b, LLVMIntEQ, p, LLVMConstNull(g->ptr), "");
}

void cg_image_again(struct cg *g, V number)
{
	BB here = LLVMGetInsertBlock(g->b), ask = cg_block(g, "another image"), one = cg_block(g, "its map"), on = cg_block(g, "image");
	/* one place on the stack for all of the main function's */
	V index = g->index ? g->index : cg_alloca(g, g->i32, "image number"), map, p;

	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntEQ, number, cg_c(g, 0), ""), on, ask);
	cg_go(g, ask);
	cg_store(g, LLVMBuildSub(g->b, number, cg_c(g, 1), ""), index, 4, 4);
	map = cg_helper(g, BPF_FUNC_map_lookup_elem, g->ptr, 2, (V[]){ g->images, index });
	cg_branch(g, is_null(g, map), on, one);
	cg_go(g, one);
	cg_store(g, cg_c(g, 0), index, 4, 4);
	p = cg_helper(g, BPF_FUNC_map_lookup_elem, g->ptr, 2, (V[]){ map, index });
	/* never null: an array has its element */
	p = LLVMBuildSelect(g->b, is_null(g, p), g->image, p, "");
	LLVMBuildBr(g->b, on);
	LLVMMoveBasicBlockAfter(on, one);
	cg_go(g, on);
	g->base = LLVMBuildPhi(g->b, g->ptr, "");
	LLVMAddIncoming(g->base, (V[]){ g->image, g->image, p }, (BB[]){ here, ask, one }, 3);
}

void cg_image_choose(struct cg *g)
{
	if (g->image)
		LLVMSetVolatile(LLVMBuildStore(g->b, cg_load(g, g->swap, 4, 4), g->image_number), 1);
}

V cg_image_number(struct cg *g)
{
	V v = LLVMBuildLoad2(g->b, g->i64, g->image_number, "");

	LLVMSetVolatile(v, 1);
	return v;
}

V cg_image_load(struct cg *g, V off, unsigned bytes)
{
	return cg_load(g, cg_at(g, cg_image(g), cg_at_most(g, off, g->ir->image.n - bytes)), bytes, bytes);
}
