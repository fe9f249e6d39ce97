/*
 * IR to object, the frame around it: the LLVM context, passes and emission. In: well-formed IR. Out: LLVM's ELF object, or text. LLVM's
 * complaints become diagnostics; what it calls a fatal error ends the process, with a message that says so.
 */
#include "codegen_priv.h"

#include <llvm-c/Analysis.h>
#include <llvm-c/ErrorHandling.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if LLVM_VERSION_MAJOR < 19
#error "LLVM 19 or later is needed: earlier ones truncate far jumps without a word"
#endif

/* Never default<O1> or more: they sink loads of the context, drop masks of indexes and turn loops into calls. No gvn: it is quadratic in the
 * rules that compare one field, and finds nothing here that early-cse does not. */
#define PASSES "sroa,early-cse<memssa>,adce"
/* Variables have no room on the stack: the least there is. */
#define PASSES_PLAIN "mem2reg"

static void on_message(LLVMDiagnosticInfoRef info, void *arg)
{
	struct cg *g = arg;
	char *text = LLVMGetDiagInfoDescription(info);

	if (!text)
		arena_fail();
	if (LLVMGetDiagInfoSeverity(info) == LLVMDSError && !g->failure)
		g->failure = arena_strndup(g->arena, text, strlen(text));
	LLVMDisposeMessage(text);
}

static void on_fatal(const char *why)
{
	fprintf(stderr, "xdpfc: the code generator cannot go on: %s\n", why);
	_exit(3);
}

static bool fail(struct cg *g, const char *what, const char *why)
{
	struct diag *d = diag_error(g->diag, (struct span){ 0 }, "%s: %s", what, why);

	d->remedy = "this is a defect of xdpfc, unless the file is extraordinarily large; a smaller file may compile";
	return false;
}

static bool init(struct cg *g, const char *mcpu)
{
	LLVMTargetRef target;
	LLVMTargetDataRef layout;
	char *error = NULL;

	LLVMInitializeBPFTargetInfo();
	LLVMInitializeBPFTarget();
	LLVMInitializeBPFTargetMC();
	LLVMInitializeBPFAsmPrinter();
	LLVMInitializeBPFAsmParser();	/* for the empty inline assembly of cg_hide() */
	LLVMInstallFatalErrorHandler(on_fatal);
	g->cx = LLVMContextCreate();
	LLVMContextSetDiagnosticHandler(g->cx, on_message, g);
	g->m = LLVMModuleCreateWithNameInContext(g->ir->ast->name, g->cx);
	g->b = LLVMCreateBuilderInContext(g->cx);
	if (LLVMGetTargetFromTriple("bpfel", &target, &error)) {
		fail(g, "LLVM has no BPF target", error);
		LLVMDisposeMessage(error);
		return false;
	}
	g->tm = LLVMCreateTargetMachine(target, "bpfel", mcpu ? mcpu : "v3", "",
					g->ir->plain ? LLVMCodeGenLevelLess : LLVMCodeGenLevelDefault, LLVMRelocDefault, LLVMCodeModelDefault);
	layout = LLVMCreateTargetDataLayout(g->tm);
	LLVMSetTarget(g->m, "bpfel");
	LLVMSetModuleDataLayout(g->m, layout);
	LLVMDisposeTargetData(layout);
	g->i8 = LLVMInt8TypeInContext(g->cx);
	g->i16 = LLVMInt16TypeInContext(g->cx);
	g->i32 = LLVMInt32TypeInContext(g->cx);
	g->i64 = LLVMInt64TypeInContext(g->cx);
	g->vd = LLVMVoidTypeInContext(g->cx);
	g->ptr = LLVMPointerTypeInContext(g->cx, 0);
	return true;
}

static bool optimise(struct cg *g)
{
	LLVMPassBuilderOptionsRef opts = LLVMCreatePassBuilderOptions();
	LLVMErrorRef e = LLVMRunPasses(g->m, g->ir->plain ? PASSES_PLAIN : PASSES, g->tm, opts);
	bool ok = !e;

	LLVMDisposePassBuilderOptions(opts);
	if (e) {
		char *text = LLVMGetErrorMessage(e);

		ok = fail(g, "LLVM's passes failed", text);
		LLVMDisposeErrorMessage(text);
	}
	return ok;
}

static void copy_out(const char *data, size_t n, void **out, size_t *len)
{
	*out = arena_malloc(n + 1);
	memcpy(*out, data, n);
	((char *)*out)[n] = '\0';
	*len = n;
}

static bool emit(struct cg *g, enum codegen_output what, void **out, size_t *len)
{
	LLVMMemoryBufferRef buf;
	char *error = NULL;

	if (what == CODEGEN_LLVM) {
		char *text = LLVMPrintModuleToString(g->m);

		if (!text)
			arena_fail();
		copy_out(text, strlen(text), out, len);
		LLVMDisposeMessage(text);
		return true;
	}
	if (LLVMTargetMachineEmitToMemoryBuffer(g->tm, g->m, what == CODEGEN_ASM ? LLVMAssemblyFile : LLVMObjectFile, &error, &buf)) {
		fail(g, "LLVM made no object", error);
		LLVMDisposeMessage(error);
		return false;
	}
	/* after an error of the back end there is an object all the same, and it is wrong */
	if (!g->failure)
		copy_out(LLVMGetBufferStart(buf), LLVMGetBufferSize(buf), out, len);
	LLVMDisposeMemoryBuffer(buf);
	return !g->failure || fail(g, "LLVM refused the program", g->failure);
}

static bool verify(struct cg *g)
{
	char *error = NULL;
	bool ok = !LLVMVerifyModule(g->m, LLVMReturnStatusAction, &error);

	if (!ok)
		fail(g, "the generated module is not well formed", error);
	LLVMDisposeMessage(error);
	return ok;
}

static bool program(const struct ir_program *p, const char *mcpu, enum codegen_output what, struct diag_list *d, void **out, size_t *len,
		    struct codegen_maps *maps)
{
	struct cg *g = arena_alloc(d->arena, sizeof(*g));
	bool ok;

	g->ir = p;
	g->maps = maps;
	g->diag = d;
	g->arena = d->arena;
	ok = init(g, mcpu);
	if (ok) {
		cg_debug_init(g);
		cg_globals(g);
		cg_image_global(g);
		cg_tables(g);
		cg_live_functions(g);
		cg_set_functions(g);
		cg_limits(g);
		cg_conns(g);
		cg_rx_functions(g);
		cg_options(g);
		cg_defer(g);
		cg_counts_function(g);
		cg_parts(g);
		cg_samples(g);
		cg_main(g);
		LLVMDIBuilderFinalize(g->di);
		ok = verify(g) && optimise(g) && emit(g, what, out, len);
		LLVMDisposeDIBuilder(g->di);
	}
	LLVMDisposeBuilder(g->b);
	LLVMDisposeModule(g->m);
	if (g->tm)
		LLVMDisposeTargetMachine(g->tm);
	LLVMContextDispose(g->cx);
	return ok;
}

bool codegen_program(const struct ir_program *p, const char *mcpu, enum codegen_output what, struct diag_list *d, void **out, size_t *len)
{
	return program(p, mcpu, what, d, out, len, NULL);
}

bool codegen_object(const struct ir_program *p, const char *mcpu, struct diag_list *d, void **out, size_t *len, struct codegen_maps *maps)
{
	return program(p, mcpu, CODEGEN_OBJECT, d, out, len, maps);
}
