/*
 * Debug information, of which LLVM makes the object's BTF: types of maps and variables, and the rule's line and text at each instruction.
 * In: places in rule files. Out: metadata; the texts are embedded, so that nothing is looked for on disk.
 */
#include "codegen_priv.h"

#include <llvm-c/IRReader.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DW_ATE_SIGNED = 5, DW_ATE_SIGNED_CHAR = 6, DW_ATE_UNSIGNED = 7, DW_ATE_UNSIGNED_CHAR = 8, DW_OP_NONE = 0 };

/* BTF keeps 10 bits of a column and 22 of a line. */
enum { MAX_COLUMN = 1023, MAX_LINE = (1 << 22) - 1 };

/* What listings show beside instructions that no rule asked for: a source of our own. */
#define NO_RULE "# finding the headers, counting, returning\n"

/* A line's text stands in the BTF as often as it is needed, and a set may stand on one line of megabytes: the kernel would refuse it. */
enum { MAX_LINE_TEXT = 256 };

/* Of a larger file only the lines of which there are instructions are embedded: those of a set's elements are of no use. */
enum { LARGE_FILE = 1 << 16 };

static void append_quoted(char **p, const char *s, size_t n)
{
	size_t line = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		line = c == '\n' ? 0 : line + 1;
		if (line > MAX_LINE_TEXT)
			continue;
		if (c == '"' || c == '\\' || c < 32 || c > 126)
			*p += sprintf(*p, "\\%02X", c);
		else
			*(*p)++ = (char)c;
	}
}

/* Something to go on with; the compilation fails in the end. */
static MD file_without_text(struct cg *g, const char *path, const char *why)
{
	if (!g->failure)
		g->failure = arena_printf(g->arena, "cannot embed the text of %s: %s", path, why);
	return LLVMDIBuilderCreateFile(g->di, path, strlen(path), "", 0);
}

/* The lines of which there are instructions. */
static bool *lines_used(struct cg *g, const struct source *s)
{
	bool *used = calloc(s->n_lines + 1, sizeof(*used));

	if (!used)
		arena_fail();
	for (size_t b = 0; b < g->ir->block.n; b++)
		for (size_t i = 0; i < g->ir->block.v[b]->inst.n; i++) {
			struct span sp = g->ir->block.v[b]->inst.v[i].span;

			if (sp.src == s)
				used[source_line_col(s, sp.begin).line - 1] = true;
		}
	return used;
}

static void append_text(struct cg *g, char **p, const struct source *s)
{
	bool *used;

	if (s->len <= LARGE_FILE) {
		append_quoted(p, s->text, s->len);
		return;
	}
	used = lines_used(g, s);
	for (size_t i = 0; i < s->n_lines; i++) {
		size_t end = i + 1 < s->n_lines ? s->line_start[i + 1] : s->len;

		if (used[i])
			append_quoted(p, s->text + s->line_start[i], end - s->line_start[i]);
		else
			append_quoted(p, "\n", 1);
	}
	free(used);
}

/* The C API's DIFile has no source text: a textual module has. The node belongs to the context. */
static MD file_with_text(struct cg *g, const struct source *s)
{
	static const char head[] = "!xdpf.file = !{!0}\n!0 = !DIFile(filename: \"", mid[] = "\", directory: \"\", source: \"", tail[] = "\")\n";
	const char *path = source_path(s);
	size_t room = sizeof(head) + sizeof(mid) + sizeof(tail) + 3 * (strlen(path) + s->len);
	char *text = arena_malloc(room), *p = text, *error = NULL;
	LLVMMemoryBufferRef buf;
	LLVMModuleRef tmp;
	V node = NULL;

	p = stpcpy(p, head);
	append_quoted(&p, path, strlen(path));
	p = stpcpy(p, mid);
	append_text(g, &p, s);
	p = stpcpy(p, tail);
	buf = LLVMCreateMemoryBufferWithMemoryRangeCopy(text, (size_t)(p - text), "file");
	free(text);
	if (!buf)
		arena_fail();
	if (LLVMParseIRInContext(g->cx, buf, &tmp, &error)) {
		text = arena_strndup(g->arena, error, strlen(error));
		LLVMDisposeMessage(error);
		return file_without_text(g, path, text);
	}
	LLVMGetNamedMetadataOperands(tmp, "xdpf.file", &node);
	MD md = LLVMValueAsMetadata(node);

	LLVMDisposeModule(tmp);
	return md;
}

static struct cg_file *file_of(struct cg *g, const struct source *src)
{
	struct cg_file *f;

	for (size_t i = g->files.n; i-- > 0;)
		if (g->files.v[i].src == src)
			return &g->files.v[i];
	f = vec_add(g->arena, &g->files);
	f->src = src;
	f->file = file_with_text(g, src);
	return f;
}

static MD basic(struct cg *g, const char *name, unsigned bits, unsigned encoding)
{
	return LLVMDIBuilderCreateBasicType(g->di, name, strlen(name), bits, encoding, LLVMDIFlagZero);
}

MD cg_pointer_type(struct cg *g, MD to)
{
	return LLVMDIBuilderCreatePointerType(g->di, to, 64, 0, 0, "", 0);
}

MD cg_array_type(struct cg *g, MD elem, uint64_t n, uint64_t elem_bits)
{
	MD range = LLVMDIBuilderGetOrCreateSubrange(g->di, 0, (int64_t)n);

	return LLVMDIBuilderCreateArrayType(g->di, n * elem_bits, 0, elem, &range, 1);
}

MD cg_struct_type(struct cg *g, const char *name, unsigned n, const char *const *names, const MD *types, const unsigned *bits,
		  const unsigned *offsets, unsigned size)
{
	MD member[64];
	unsigned at = 0;

	for (unsigned i = 0; i < n; i++) {
		if (offsets)
			at = offsets[i];
		member[i] = LLVMDIBuilderCreateMemberType(g->di, g->file, names[i], strlen(names[i]), g->file, 1, bits[i], 0, at,
							  LLVMDIFlagZero, types[i]);
		at += bits[i];
	}
	return LLVMDIBuilderCreateStructType(g->di, g->file, name, strlen(name), g->file, 1, size ? size : at, 0, LLVMDIFlagZero, NULL,
					     member, n, 0, NULL, "", 0);
}

static void flag(struct cg *g, const char *name, uint32_t v)
{
	LLVMAddModuleFlag(g->m, LLVMModuleFlagBehaviorWarning, name, strlen(name), LLVMValueAsMetadata(cg_c32(g, v)));
}

MD cg_key_pointer(struct cg *g, unsigned words)
{
	unsigned n = words ? words : 1;
	MD key = cg_array_type(g, g->du64, n, 64);

	return cg_pointer_type(g, cg_struct_type(g, "xdpf_key", 1, (const char *const[]){ "word" }, &key, (unsigned[]){ 64 * n }, NULL, 0));
}

void cg_debug_init(struct cg *g)
{
	static const char *const ctx[] = { "data", "data_end", "data_meta", "ingress_ifindex", "rx_queue_index", "egress_ifindex" };
	static const char *const counter[] = { "packets", "bytes" }, *const miss[] = { "absent", "full" };
	static const unsigned b32[] = { 32, 32, 32, 32, 32, 32 }, b64[] = { 64, 64 };
	MD u32[6], u64[2];

	g->di = LLVMCreateDIBuilder(g->m);
	flag(g, "Debug Info Version", LLVMDebugMetadataVersion());
	flag(g, "Dwarf Version", 5);
	g->file = file_of(g, g->ir->ast->units.v[0]->source)->file;
	g->no_rule = source_new(g->arena, "xdpfc", NO_RULE, sizeof(NO_RULE) - 1);
	LLVMDIBuilderCreateCompileUnit(g->di, LLVMDWARFSourceLanguageC99, g->file, "xdpfc " XDPF_VERSION, sizeof("xdpfc " XDPF_VERSION) - 1, 1,
				       "", 0, 0, "", 0, LLVMDWARFEmissionFull, 0, 0, 0, "", 0, "", 0);
	g->du8 = basic(g, "unsigned char", 8, DW_ATE_UNSIGNED_CHAR);
	g->dchar = basic(g, "char", 8, DW_ATE_SIGNED_CHAR);
	g->du16 = basic(g, "unsigned short", 16, DW_ATE_UNSIGNED);
	g->du32 = basic(g, "unsigned int", 32, DW_ATE_UNSIGNED);
	g->du64 = basic(g, "unsigned long long", 64, DW_ATE_UNSIGNED);
	g->dint = basic(g, "int", 32, DW_ATE_SIGNED);
	for (int i = 0; i < 6; i++)
		u32[i] = g->du32;
	for (int i = 0; i < 2; i++)
		u64[i] = g->du64;
	g->dctx = cg_pointer_type(g, cg_struct_type(g, "xdp_md", 6, ctx, u32, b32, NULL, 0));
	g->dcounter = cg_struct_type(g, "xdpf_counter", 2, counter, u64, b64, NULL, 0);
	g->dmiss = cg_struct_type(g, "xdpf_miss", 2, miss, u64, b64, NULL, 0);
}

void cg_debug_global(struct cg *g, V global, const char *name, MD type)
{
	MD e = LLVMDIBuilderCreateGlobalVariableExpression(g->di, g->file, name, strlen(name), "", 0, g->file, 1, type, 0,
							   LLVMDIBuilderCreateExpression(g->di, NULL, 0), NULL, 0);

	LLVMGlobalSetMetadata(global, LLVMGetMDKindIDInContext(g->cx, "dbg", 3), e);
}

void cg_debug_function(struct cg *g, V f, const char *name, MD ret, unsigned n, MD *param, bool external)
{
	MD all[8] = { ret }, type;

	for (unsigned i = 0; i < n; i++)
		all[i + 1] = param[i];
	type = LLVMDIBuilderCreateSubroutineType(g->di, g->file, all, n + 1, LLVMDIFlagZero);
	g->sp = LLVMDIBuilderCreateFunction(g->di, g->file, name, strlen(name), "", 0, g->file, 1, type, !external, 1, 1,
					    LLVMDIFlagPrototyped, 1);
	/* BTF takes the parameters' names from these */
	for (unsigned i = 0; i < n; i++) {
		char arg[16];

		snprintf(arg, sizeof(arg), n == 1 && external && param[0] == g->dctx ? "ctx" : "key%u", i);
		LLVMDIBuilderCreateParameterVariable(g->di, g->sp, arg, strlen(arg), i + 1, g->file, 1, param[i], 1, LLVMDIFlagZero);
	}
	LLVMSetSubprogram(f, g->sp);
	for (size_t i = 0; i < g->files.n; i++)
		g->files.v[i].scope = NULL;
	cg_locate(g, (struct span){ NULL, 0, 0 });
}

void cg_locate(struct cg *g, struct span sp)
{
	struct line_col lc;
	struct cg_file *f;

	if (!sp.src)
		sp.src = g->no_rule;
	lc = source_line_col(sp.src, sp.begin);
	f = file_of(g, sp.src);
	if (!f->scope)
		f->scope = f->file == g->file ? g->sp : LLVMDIBuilderCreateLexicalBlockFile(g->di, g->sp, f->file, 0);
	LLVMSetCurrentDebugLocation2(g->b, LLVMDIBuilderCreateDebugLocation(g->cx, lc.line > MAX_LINE ? MAX_LINE : lc.line,
									   lc.col > MAX_COLUMN ? MAX_COLUMN : lc.col, f->scope, NULL));
}

static V function(struct cg *g, const char *name, T type, unsigned n, MD *param, bool alone)
{
	V f = LLVMAddFunction(g->m, name, type);

	LLVMSetLinkage(f, alone ? LLVMExternalLinkage : LLVMInternalLinkage);
	cg_enum_attr(g, f, "nounwind");
	cg_enum_attr(g, f, "noinline");
	cg_attr(g, f, "no-builtins", "");
	g->fn = f;
	g->base = NULL;
	cg_go(g, cg_block(g, "entry"));
	cg_debug_function(g, f, name, g->du64, n, param, alone);
	return f;
}

V cg_function(struct cg *g, const char *name, T type, unsigned n, MD *param)
{
	return function(g, name, type, n, param, false);
}

V cg_function_alone(struct cg *g, const char *name, T type, unsigned n, MD *param)
{
	return function(g, name, type, n, param, true);
}
