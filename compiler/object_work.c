/*
 * What a finished object's code takes. In: its sections. Out: the functions that run and their stack, how many instructions stand for each source
 * line, and the longest way through them. Calls and jumps are checked before they are followed.
 */
#include "object_work.h"

#include <string.h>

enum { INSN = sizeof(struct bpf_insn) };
static const size_t NONE = SIZE_MAX;

enum visit { NEW, OPEN, DONE };

/* ---- reading ---- */

static bool take_sections(struct work *w)
{
	struct finish *f = w->f;

	w->base = arena_array(f->arena, f->n_sec, sizeof(*w->base));
	for (size_t i = 0; i < f->n_sec; i++) {
		const GElf_Shdr *h = &f->sec[i].hdr;

		w->base[i] = NONE;
		if (!i || h->sh_type != SHT_PROGBITS || !(h->sh_flags & SHF_EXECINSTR))
			continue;
		w->base[i] = w->n;
		w->n += h->sh_size / INSN;
	}
	w->in = arena_array(f->arena, w->n + 1, sizeof(*w->in));
	w->callee = arena_array(f->arena, w->n + 1, sizeof(*w->callee));
	w->kernel = arena_array(f->arena, w->n + 1, sizeof(*w->kernel));
	w->owner = arena_array(f->arena, w->n + 1, sizeof(*w->owner));
	w->line = arena_array(f->arena, w->n + 1, sizeof(*w->line));
	w->longest = arena_array(f->arena, w->n + 1, sizeof(*w->longest));
	w->next = arena_array(f->arena, w->n + 1, sizeof(*w->next));
	w->seen = arena_array(f->arena, w->n + 1, sizeof(*w->seen));
	for (size_t i = 0; i < w->n; i++)
		w->callee[i] = w->owner[i] = w->line[i] = w->next[i] = NONE;
	for (size_t i = 1; i < f->n_sec; i++) {
		Elf_Data *d = w->base[i] != NONE ? elf_getdata(f->sec[i].scn, NULL) : NULL;

		if (w->base[i] == NONE || !f->sec[i].hdr.sh_size)
			continue;
		if (!d || !d->d_buf || d->d_size != f->sec[i].hdr.sh_size || d->d_size % INSN)
			return object_failed(f, "a section of instructions is broken");
		memcpy(w->in + w->base[i], d->d_buf, d->d_size);
	}
	return true;
}

static bool take_functions(struct work *w)
{
	struct finish *f = w->f;
	Elf_Data *d = elf_getdata(f->sec[f->symtab].scn, NULL);
	size_t entry = gelf_fsize(f->in, ELF_T_SYM, 1, EV_CURRENT), n = d && entry ? d->d_size / entry : 0;

	for (size_t i = 0; i < n; i++) {
		GElf_Sym s;
		size_t sec, at;

		if (i > INT32_MAX || !gelf_getsym(d, (int)i, &s))
			return object_elf_failed(f);
		sec = s.st_shndx;
		if (GELF_ST_TYPE(s.st_info) != STT_FUNC || sec >= f->n_sec || w->base[sec] == NONE)
			continue;
		if (!s.st_size || s.st_value % INSN || s.st_size % INSN || s.st_value > f->sec[sec].hdr.sh_size ||
		    s.st_size > f->sec[sec].hdr.sh_size - s.st_value)
			return object_failed(f, "a function is outside of its code");
		at = w->base[sec] + s.st_value / INSN;
		w->owner[at] = w->function.n;
		*vec_add(f->arena, &w->function) = (struct work_function){
			.begin = at, .end = at + s.st_size / INSN, .program = strcmp(f->sec[sec].name, ".text") != 0,
			.global = GELF_ST_BIND(s.st_info) != STB_LOCAL && GELF_ST_VISIBILITY(s.st_other) == STV_DEFAULT,
			.name = arena_printf(w->arena, "%s", elf_strptr(f->in, f->strtab, s.st_name) ?: "?"),
		};
	}
	return true;
}

static bool call(struct work *w, size_t at, int64_t to)
{
	if (to < 0 || (uint64_t)to >= w->n || w->owner[to] == NONE)
		return object_failed(w->f, "a call leads to no function");
	w->callee[at] = w->owner[to];
	return true;
}

/* Calls by way of relocations: the number is the distance from the symbol, less 1. */
static bool take_relocations(struct work *w, const struct section *s)
{
	struct finish *f = w->f;
	Elf_Data *d = elf_getdata(s->scn, NULL), *symbols = elf_getdata(f->sec[f->symtab].scn, NULL);
	size_t entry = gelf_fsize(f->in, ELF_T_REL, 1, EV_CURRENT), base = w->base[s->hdr.sh_info];

	if (!d || !symbols || !entry || s->hdr.sh_type != SHT_REL || d->d_size / entry > INT32_MAX)
		return object_failed(f, "a relocation section is broken");
	for (size_t i = 0; i < d->d_size / entry; i++) {
		GElf_Rel r;
		GElf_Sym sym;
		size_t at;

		if (!gelf_getrel(d, (int)i, &r) || r.r_offset >= f->sec[s->hdr.sh_info].hdr.sh_size ||
		    !gelf_getsym(symbols, (int)GELF_R_SYM(r.r_info), &sym))
			return object_failed(f, "a relocation section is broken");
		at = base + r.r_offset / INSN;
		w->kernel[at] = sym.st_shndx == SHN_UNDEF ? arena_printf(w->f->arena, "%s", elf_strptr(f->in, f->strtab, sym.st_name) ?: "?") : NULL;
		if (w->in[at].code != (BPF_JMP | BPF_CALL) || sym.st_shndx >= f->n_sec || w->base[sym.st_shndx] == NONE)
			continue;
		if (!call(w, at, (int64_t)(w->base[sym.st_shndx] + sym.st_value / INSN) + w->in[at].imm + 1))
			return false;
	}
	return true;
}

static bool take_calls(struct work *w)
{
	for (size_t i = 1; i < w->f->n_sec; i++) {
		const struct section *s = &w->f->sec[i];

		if (object_is_rel(s) && s->hdr.sh_info < w->f->n_sec && w->base[s->hdr.sh_info] != NONE && !take_relocations(w, s))
			return false;
	}
	for (size_t i = 0; i < w->n; i++)
		if (w->in[i].code == (BPF_JMP | BPF_CALL) && w->in[i].src_reg == BPF_PSEUDO_CALL && w->callee[i] == NONE && !w->kernel[i] &&
		    !call(w, i, (int64_t)i + 1 + w->in[i].imm))
			return false;
	return true;
}

/* ---- source lines ---- */

static uint32_t word(const Elf_Data *d, size_t off)
{
	uint32_t v = 0;

	if (off <= d->d_size && d->d_size - off >= sizeof(v))
		memcpy(&v, (const char *)d->d_buf + off, sizeof(v));
	return v;
}

static const Elf_Data *named(const struct finish *f, const char *name, size_t *at)
{
	for (size_t i = 1; i < f->n_sec; i++)
		if (!strcmp(f->sec[i].name, name) && f->sec[i].hdr.sh_type == SHT_PROGBITS) {
			*at = i;
			return elf_getdata(f->sec[i].scn, NULL);
		}
	return NULL;
}

static const char *string(const Elf_Data *btf, uint32_t off)
{
	size_t begin = (size_t)word(btf, 4) + word(btf, 16), n = word(btf, 20);

	if (begin > btf->d_size || n > btf->d_size - begin || off >= n || !memchr((const char *)btf->d_buf + begin + off, 0, n - off))
		return NULL;
	return (const char *)btf->d_buf + begin + off;
}

static size_t line_of(struct work *w, const char *file, unsigned line)
{
	struct object_line *l;

	for (size_t i = w->out->line.n; i-- > 0;)
		if (w->out->line.v[i].line == line && !strcmp(w->out->line.v[i].file, file))
			return i;
	l = vec_add(w->arena, &w->out->line);
	*l = (struct object_line){ arena_printf(w->arena, "%s", file), line, 0 };
	return w->out->line.n - 1;
}

static bool take_lines(struct work *w)
{
	size_t at, off, end, size;
	const Elf_Data *btf = named(w->f, ".BTF", &at), *ext = named(w->f, ".BTF.ext", &at);

	if (!btf || !ext || !btf->d_buf || !ext->d_buf)
		return object_failed(w->f, "the object says nothing of source lines");
	off = (size_t)word(ext, 4) + word(ext, 16);
	end = off + word(ext, 20);
	size = word(ext, off);
	if (end > ext->d_size || size < 16)
		return object_failed(w->f, ".BTF.ext is broken");
	for (off += 4; off + 8 <= end;) {
		const char *name = string(btf, word(ext, off));
		size_t n = word(ext, off + 4), sec = 1;

		while (name && sec < w->f->n_sec && strcmp(w->f->sec[sec].name, name) != 0)
			sec++;
		off += 8;
		if (!name || sec >= w->f->n_sec || w->base[sec] == NONE || n > (end - off) / size)
			return object_failed(w->f, ".BTF.ext is broken");
		for (; n; n--, off += size) {
			const char *file = string(btf, word(ext, off + 4));

			if (!file || word(ext, off) >= w->f->sec[sec].hdr.sh_size)
				return object_failed(w->f, ".BTF.ext is broken");
			w->line[w->base[sec] + word(ext, off) / INSN] = line_of(w, file, word(ext, off + 12) >> 10);
		}
	}
	return true;
}

/* ---- functions ---- */

static size_t round_up(size_t n, size_t to)
{
	return (n ? n + to - 1 : to) / to * to;
}

/* The lowest byte of its frame that an instruction reaches or makes an address of. */
static size_t stack_of(const struct work *w, const struct work_function *f)
{
	bool frame[16] = { false };	/* registers that hold the frame's top */
	size_t most = 0;

	for (size_t i = f->begin; i < f->end; i += bpf_is_wide(&w->in[i]) ? 2 : 1) {
		const struct bpf_insn *in = &w->in[i];
		unsigned class = BPF_CLASS(in->code), base = class == BPF_LDX ? in->src_reg : in->dst_reg;
		bool memory = class == BPF_LDX || class == BPF_ST || class == BPF_STX;
		int64_t off = 0;

		if (memory && (base == BPF_REG_10 || frame[base & 15]))
			off = in->off;
		else if (in->code == (BPF_ALU64 | BPF_ADD | BPF_K) && frame[in->dst_reg & 15])
			off = in->imm;
		if (off < 0 && (size_t)-off > most)
			most = (size_t)-off;
		if (in->code == (BPF_ALU64 | BPF_MOV | BPF_X) && !in->off)
			frame[in->dst_reg & 15] = in->src_reg == BPF_REG_10;
		else if (class == BPF_ALU || class == BPF_ALU64 || class == BPF_LD || class == BPF_LDX)
			frame[in->dst_reg & 15] = false;
	}
	return round_up(most, 8) - (most ? 0 : 8);
}

/* What comes behind @i: at most two. */
static size_t successors(const struct work *w, size_t i, size_t to[2])
{
	const struct bpf_insn *in = &w->in[i];
	bool far = in->code == (BPF_JMP32 | BPF_JA);
	size_t n = 0;

	if (in->code == (BPF_JMP | BPF_EXIT))
		return 0;
	if (!bpf_is_jump(in) || BPF_OP(in->code) != BPF_JA)
		to[n++] = i + (bpf_is_wide(in) ? 2 : 1);
	if (bpf_is_jump(in))
		to[n++] = (size_t)((int64_t)i + 1 + (far ? in->imm : in->off));
	return n;
}

static bool longest(struct work *w, struct work_function *f)
{
	size_t *stack = arena_array(w->f->arena, 2 * (f->end - f->begin) + 2, sizeof(*stack)), n = 0;

	stack[n++] = f->begin;
	while (n) {
		size_t i = stack[n - 1], to[2], k = successors(w, i, to), best = 0;

		if (w->seen[i] == DONE) {
			n--;
			continue;
		}
		for (size_t j = 0; j < k; j++) {
			if (to[j] < f->begin || to[j] >= f->end)
				return object_failed(w->f, "a jump leads out of its function");
			if (w->seen[i] == NEW && w->seen[to[j]] == NEW && to[j] != i)
				stack[n++] = to[j];
			else if (w->seen[i] == NEW && (to[j] == i || w->seen[to[j]] == OPEN))
				w->out->path.loops = true;
			if (w->longest[to[j]] > best || w->next[i] == NONE) {
				best = w->longest[to[j]];
				w->next[i] = to[j];
			}
		}
		if (w->seen[i] == NEW) {
			w->seen[i] = OPEN;
			w->next[i] = NONE;
			continue;
		}
		w->seen[i] = DONE;
		w->longest[i] = best + 1 + (w->callee[i] == NONE ? 0 : w->function.v[w->callee[i]].path);
		n--;
	}
	f->path = w->longest[f->begin];
	return true;
}

/* What @f calls first, then itself. */
static bool function(struct work *w, size_t at, unsigned depth)
{
	struct work_function *f = &w->function.v[at];
	size_t below = 0, line = NONE;

	if (f->seen == DONE)
		return true;
	if (f->seen == OPEN || depth > 16)
		return object_failed(w->f, "functions call each other in a circle");
	f->seen = OPEN;
	f->place = w->out->function.n;
	*vec_add(w->arena, &w->out->function) = (struct object_function){ .name = f->name };
	for (size_t i = f->begin; i < f->end; i++) {
		if (w->line[i] != NONE)
			line = w->line[i];
		w->line[i] = line;
		if (line != NONE)
			w->out->line.v[line].instructions++;
		if (w->callee[i] == NONE)
			continue;
		if (!function(w, w->callee[i], depth + 1))
			return false;
		if (w->function.v[w->callee[i]].deepest > below)
			below = w->function.v[w->callee[i]].deepest;
	}
	f->stack = stack_of(w, f);
	f->deepest = round_up(f->stack, OBJECT_FRAME) + below;
	f->seen = DONE;
	w->out->instructions += f->end - f->begin;
	w->out->function.v[f->place] = (struct object_function){ f->name, f->end - f->begin, f->stack, f->deepest };
	return longest(w, f);
}

static void follow(struct work *w, size_t at, bool *by)
{
	struct object_path *p = &w->out->path;

	for (size_t i = w->function.v[at].begin; i != NONE; i = w->next[i]) {
		size_t line = w->line[i];

		p->instructions++;
		if (line != NONE && !by[line]) {
			by[line] = true;
			*vec_add(w->arena, &p->line) = line;
		}
		if (w->callee[i] != NONE)
			follow(w, w->callee[i], by);
		else if (w->in[i].code == (BPF_JMP | BPF_CALL))
			p->calls++;
	}
}

/* Where the program begins: in .function, all of which is known then. */
static bool all_functions(struct work *w, size_t *program)
{
	*program = NONE;
	for (size_t i = 0; i < w->function.n; i++)
		if (w->function.v[i].program)
			*program = i;
	if (*program == NONE)
		return object_failed(w->f, "the object has no program");
	return function(w, *program, 0);
}

bool object_work(struct finish *f, struct arena *a, struct object_facts *out)
{
	struct work w = { .f = f, .arena = a, .out = out };
	size_t program;

	if (!take_sections(&w) || !take_functions(&w) || !take_calls(&w) || !take_lines(&w) || !all_functions(&w, &program))
		return false;
	if (!out->path.loops)
		follow(&w, program, arena_array(f->arena, out->line.n + 1, sizeof(bool)));
	if (!object_verify(&w, program))
		return false;
	if (out->path.loops && out->longest != SIZE_MAX)
		out->path.instructions = out->longest;
	return true;
}

bool object_deepest(void *obj, size_t len, size_t *deepest, const char **err)
{
	struct finish f = { .err = NULL };
	struct arena *a = arena_new();
	struct object_facts facts = { 0 };
	struct work w = { .f = &f, .arena = a, .out = &facts };
	size_t program;
	bool ok = object_read(&f, obj, len) && take_sections(&w) && take_functions(&w) && take_calls(&w) && all_functions(&w, &program);

	if (ok)
		*deepest = w.function.v[program].deepest;
	else
		*err = f.err ? f.err : "the object cannot be read";
	object_close(&f);
	arena_free(a);
	return ok;
}
