/*
 * Generated look-ups, run by the kernel. In: a classifier and its image. Out: an object with the image, room for packets and for what is
 * found, and a program that takes BATCH packets per run from where the last one ended; loaded, and run.
 */
#include "kernel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <llvm-c/Error.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "codegen_priv.h"

enum { BATCH = 8, CURSOR = 4096 };	/* bytes in front of the packets: where the next run begins */

struct kernel {
	struct bpf_object *obj;
	int prog;
	unsigned n_dims, verified;
	unsigned char *memory;		/* CURSOR bytes, packets, what is found */
	size_t size;
};

/* Bytes of a packet, a power of two: three numbers for each dimension. */
static size_t packet_bytes(unsigned n_dims)
{
	size_t n = 32;

	while (n < 24 * (size_t)n_dims)
		n *= 2;
	return n;
}

static size_t memory_bytes(unsigned n_dims)
{
	return CURSOR + KERNEL_PACKETS * (packet_bytes(n_dims) + 8);
}

static V global(struct cg *g, const char *name, const char *section, V init, unsigned align)
{
	V v = LLVMAddGlobal(g->m, LLVMTypeOf(init), name);

	LLVMSetInitializer(v, init);
	LLVMSetSection(v, section);
	LLVMSetAlignment(v, align);
	return v;
}

static V load_volatile(struct cg *g, V p)
{
	V v = cg_load(g, p, 8, 8);

	LLVMSetVolatile(v, 1);
	return v;
}

/* One packet: number @i, hidden; the result stands behind all packets. */
static void one(struct cg *g, const struct classifier *c, unsigned n_dims, V memory, V i)
{
	struct cg_dim said = { 0 };
	V found = cg_c(g, 0);
	size_t bytes = packet_bytes(n_dims);
	V at = LLVMBuildAnd(g->b, cg_hide(g, i), cg_c(g, KERNEL_PACKETS - 1), "");
	V p = cg_at(g, memory, LLVMBuildAdd(g->b, LLVMBuildMul(g->b, at, cg_c(g, bytes), ""), cg_c(g, CURSOR), ""));

	for (unsigned d = 0; d < n_dims; d++) {
		said.which[d] = cg_atc(g, p, 24 * d);
		said.hi[d] = cg_atc(g, p, 24 * d + 8);
		said.lo[d] = cg_atc(g, p, 24 * d + 16);
		found = LLVMBuildXor(g->b, found, LLVMBuildXor(g->b, load_volatile(g, said.which[d]), LLVMBuildXor(g->b, load_volatile(g, said.hi[d]),
				     load_volatile(g, said.lo[d]), ""), ""), "");
	}
	if (c)
		found = cg_classify(g, c, &said);
	at = LLVMBuildAnd(g->b, cg_hide(g, i), cg_c(g, KERNEL_PACKETS - 1), "");
	at = LLVMBuildAdd(g->b, LLVMBuildMul(g->b, at, cg_c(g, 8), ""), cg_c(g, CURSOR + KERNEL_PACKETS * bytes), "");
	cg_store(g, found, cg_at(g, memory, at), 8, 8);
}

static void program(struct cg *g, const struct classifier *c, unsigned n_dims, V memory)
{
	BB entry, loop, end;
	V i, k, next, start;

	g->fn = LLVMAddFunction(g->m, "classify", LLVMFunctionType(g->i32, &g->ptr, 1, 0));
	LLVMSetSection(g->fn, "xdp");
	cg_attr(g, g->fn, "no-builtins", "");
	cg_attr(g, g->fn, "no-jump-tables", "true");
	entry = cg_block(g, "entry");
	loop = cg_block(g, "loop");
	end = cg_block(g, "end");
	cg_go(g, entry);
	i = cg_alloca(g, g->i64, "i");
	LLVMSetVolatile(LLVMBuildStore(g->b, cg_c(g, 0), i), 1);
	LLVMBuildBr(g->b, loop);
	cg_go(g, loop);
	start = load_volatile(g, memory);
	one(g, c, n_dims, memory, LLVMBuildAdd(g->b, start, load_volatile(g, i), ""));
	k = load_volatile(g, i);
	next = LLVMBuildAdd(g->b, k, cg_c(g, 1), "");
	LLVMSetVolatile(LLVMBuildStore(g->b, next, i), 1);
	cg_branch(g, LLVMBuildICmp(g->b, LLVMIntULT, next, cg_c(g, BATCH), ""), loop, end);
	LLVMMoveBasicBlockAfter(end, LLVMGetInsertBlock(g->b));
	cg_go(g, end);
	cg_store(g, LLVMBuildAdd(g->b, load_volatile(g, memory), cg_c(g, BATCH), ""), memory, 8, 8);
	LLVMBuildRet(g->b, cg_c32(g, 1));
}

/* What codegen.c does for a whole program, for one function. */
static LLVMMemoryBufferRef object(const struct classifier *c, const struct image *im, unsigned n_dims, char **why)
{
	struct ir_program ir = { .image = im ? *im : (struct image){ 0 } };
	struct cg cg = { .ir = &ir }, *g = &cg;
	LLVMPassBuilderOptionsRef opts;
	LLVMMemoryBufferRef buf = NULL;
	LLVMTargetRef target;
	V memory;

	LLVMInitializeBPFTargetInfo();
	LLVMInitializeBPFTarget();
	LLVMInitializeBPFTargetMC();
	LLVMInitializeBPFAsmPrinter();
	LLVMInitializeBPFAsmParser();
	g->cx = LLVMContextCreate();
	g->m = LLVMModuleCreateWithNameInContext("classify", g->cx);
	g->b = LLVMCreateBuilderInContext(g->cx);
	if (LLVMGetTargetFromTriple("bpfel", &target, why))
		return NULL;
	g->tm = LLVMCreateTargetMachine(target, "bpfel", "v3", "", LLVMCodeGenLevelDefault, LLVMRelocDefault, LLVMCodeModelDefault);
	LLVMSetTarget(g->m, "bpfel");
	g->i8 = LLVMInt8TypeInContext(g->cx);
	g->i16 = LLVMInt16TypeInContext(g->cx);
	g->i32 = LLVMInt32TypeInContext(g->cx);
	g->i64 = LLVMInt64TypeInContext(g->cx);
	g->ptr = LLVMPointerTypeInContext(g->cx, 0);
	if (im)
		g->base = g->image = global(g, "tables", ".rodata.tables", LLVMConstStringInContext2(g->cx, (const char *)im->v, im->n, 1), 4096);
	memory = global(g, "memory", ".data.memory", LLVMConstNull(LLVMArrayType2(g->i8, memory_bytes(n_dims))), 4096);
	global(g, "_license", "license", LLVMConstStringInContext2(g->cx, "GPL", 3, 0), 1);
	program(g, c, n_dims, memory);
	opts = LLVMCreatePassBuilderOptions();
	LLVMConsumeError(LLVMRunPasses(g->m, "sroa,early-cse<memssa>,adce", g->tm, opts));
	LLVMDisposePassBuilderOptions(opts);
	if (getenv("CLASSIFY_LLVM"))
		LLVMDumpModule(g->m);
	LLVMTargetMachineEmitToMemoryBuffer(g->tm, g->m, LLVMObjectFile, why, &buf);
	LLVMDisposeBuilder(g->b);
	LLVMDisposeModule(g->m);
	LLVMDisposeTargetMachine(g->tm);
	LLVMContextDispose(g->cx);
	return buf;
}

static char *reason(const char *what, const char *log)
{
	size_t n = strlen(log), tail = n > 2000 ? n - 2000 : 0;
	char *s = malloc(strlen(what) + n - tail + 3);

	sprintf(s, "%s: %s", what, log + tail);
	return s;
}

static int silent(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

static bool load(struct kernel *k, LLVMMemoryBufferRef buf, char **why)
{
	enum { LOG = 1 << 24 };
	char *log = calloc(1, LOG), *processed;
	struct bpf_program *prog;
	struct bpf_map *map;
	DECLARE_LIBBPF_OPTS(bpf_object_open_opts, o, .object_name = "classify", .kernel_log_buf = log, .kernel_log_size = LOG, .kernel_log_level = 4);
	bool ok;

	libbpf_set_print(silent);
	k->obj = bpf_object__open_mem(LLVMGetBufferStart(buf), LLVMGetBufferSize(buf), &o);
	map = k->obj ? bpf_object__find_map_by_name(k->obj, ".data.memory") : NULL;
	/* without BTF nobody else says so */
	ok = map && !bpf_map__set_map_flags(map, BPF_F_MMAPABLE) && !bpf_object__load(k->obj);
	processed = strstr(log, "processed ");
	k->verified = processed ? (unsigned)atoi(processed + strlen("processed ")) / BATCH : 0;
	if (!ok)
		*why = reason("not loaded", log);
	free(log);
	if (!ok)
		return false;
	prog = bpf_object__next_program(k->obj, NULL);
	k->prog = bpf_program__fd(prog);
	k->memory = mmap(NULL, k->size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	if (k->memory == MAP_FAILED) {
		k->memory = NULL;
		*why = reason("no memory of the program's", "");
		return false;
	}
	return true;
}

struct kernel *kernel_load(const struct classifier *c, const struct image *im, unsigned n_dims, char **why)
{
	struct kernel *k = calloc(1, sizeof(*k));
	LLVMMemoryBufferRef buf = object(c, im, n_dims, why);
	bool ok;

	k->n_dims = n_dims;
	k->size = memory_bytes(n_dims);
	ok = buf && load(k, buf, why);
	if (buf)
		LLVMDisposeMemoryBuffer(buf);
	if (ok)
		return k;
	kernel_free(k);
	return NULL;
}

static bool run(struct kernel *k, unsigned packets, double *ns)
{
	unsigned char frame[64] = { 0 };
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = frame, .data_size_in = sizeof(frame), .repeat = (int)(packets / BATCH));

	if (bpf_prog_test_run_opts(k->prog, &o))
		return false;
	*ns = (double)o.duration / BATCH;
	return true;
}

bool kernel_run(struct kernel *k, const struct packet *p, size_t n, uint64_t *found)
{
	size_t bytes = packet_bytes(k->n_dims);
	double ns;

	for (size_t i = 0; i < KERNEL_PACKETS; i++) {
		uint64_t *to = (uint64_t *)(k->memory + CURSOR + i * bytes);

		for (unsigned d = 0; d < k->n_dims; d++) {
			to[3 * d] = p[i % n].which[d];
			to[3 * d + 1] = p[i % n].v[d].hi;
			to[3 * d + 2] = p[i % n].v[d].lo;
		}
	}
	*(uint64_t *)k->memory = 0;
	memset(k->memory + CURSOR + KERNEL_PACKETS * bytes, 0xff, KERNEL_PACKETS * (size_t)8);
	if (!run(k, KERNEL_PACKETS, &ns))
		return false;
	memcpy(found, k->memory + CURSOR + KERNEL_PACKETS * bytes, 8 * (n < KERNEL_PACKETS ? n : KERNEL_PACKETS));
	return true;
}

double kernel_time(struct kernel *k)
{
	double ns = 0;

	return run(k, KERNEL_SLICE, &ns) ? ns : 0;
}

unsigned kernel_verified(const struct kernel *k)
{
	return k->verified;
}

void kernel_free(struct kernel *k)
{
	if (!k)
		return;
	if (k->memory)
		munmap(k->memory, k->size);
	bpf_object__close(k->obj);
	free(k);
}
