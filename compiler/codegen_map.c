/*
 * Maps and global variables, as runtime/abi.h names them. In: what the program uses. Out: globals whose debug types become the BTF that
 * libbpf makes the maps of.
 */
#include "codegen_priv.h"

#include <stdlib.h>
#include <string.h>
#include <linux/bpf.h>

#include "abi.h"
#include "meta.h"

V cg_global(struct cg *g, const char *name, V init, const char *section, bool constant, unsigned align)
{
	V v = LLVMAddGlobal(g->m, LLVMTypeOf(init), name);

	LLVMSetInitializer(v, init);
	LLVMSetSection(v, section);
	LLVMSetAlignment(v, align);
	LLVMSetGlobalConstant(v, constant);
	return v;
}

static uint64_t bytes(MD type)
{
	return type ? LLVMDITypeGetSizeInBits(type) / 8 : 0;
}

/* libbpf reads a map's definition off the BTF type of its variable: a number is a pointer to an array of so many ints, a type a pointer
 * to it. */
V cg_map_of(struct cg *g, const char *name, const struct cg_map_def *def)
{
	const struct {
		const char *name;
		uint64_t number;
		MD type;
	} all[] = {
		{ "type", def->type, NULL }, { "max_entries", def->max, NULL }, { "key", 0, def->key }, { "value", 0, def->value },
		{ "map_flags", def->flags, NULL },
	};
	const char *names[5];
	unsigned bits[5], n = 0;
	MD types[5];
	T field[5];
	V v;

	cg_note_map(g, name, def->type, def->max, bytes(def->key), bytes(def->value), def->flags);
	for (unsigned i = 0; i < 5; i++) {
		if (!all[i].number && !all[i].type)
			continue;
		names[n] = all[i].name;
		types[n] = cg_pointer_type(g, all[i].type ? all[i].type : cg_array_type(g, g->dint, all[i].number, 32));
		bits[n] = 64;
		field[n++] = g->ptr;
	}
	v = cg_global(g, name, LLVMConstNull(LLVMStructTypeInContext(g->cx, field, n, 0)), ".maps", false, 8);
	cg_debug_global(g, v, name, cg_struct_type(g, "", n, names, types, bits, NULL, 0));
	return v;
}

V cg_map(struct cg *g, const char *name, unsigned type, uint64_t max, MD key, MD value)
{
	return cg_map_of(g, name, &(struct cg_map_def){ .type = type, .max = max, .key = key, .value = value });
}

/* Of a map whose elements are maps, the type says what those are like. */
V cg_map_of_maps(struct cg *g, const char *name, uint64_t max, MD inner_key, MD inner_value, unsigned flags)
{
	static const char *const names[] = { "type", "max_entries", "key", "value", "map_flags" };
	static const char *const outer[] = { "type", "max_entries", "key", "values" };
	static const unsigned bits[] = { 64, 64, 64, 64, 64 }, outer_bits[] = { 64, 64, 64, 0 };
	MD array = cg_array_type(g, g->dint, BPF_MAP_TYPE_ARRAY, 32), one = cg_array_type(g, g->dint, 1, 32);
	MD types[] = {
		cg_pointer_type(g, array), cg_pointer_type(g, one), cg_pointer_type(g, inner_key), cg_pointer_type(g, inner_value),
		cg_pointer_type(g, cg_array_type(g, g->dint, flags ? flags : 1, 32)),
	};
	MD inner = cg_pointer_type(g, cg_struct_type(g, "", flags ? 5 : 4, names, types, bits, NULL, 0));
	MD outer_types[] = {
		cg_pointer_type(g, cg_array_type(g, g->dint, BPF_MAP_TYPE_ARRAY_OF_MAPS, 32)),
		cg_pointer_type(g, cg_array_type(g, g->dint, max, 32)), cg_pointer_type(g, inner_key), cg_array_type(g, inner, 0, 64),
	};
	T field[] = { g->ptr, g->ptr, g->ptr };
	struct codegen_map *note;
	V v = cg_global(g, name, LLVMConstNull(LLVMStructTypeInContext(g->cx, field, 3, 0)), ".maps", false, 8);

	note = cg_note_map(g, name, BPF_MAP_TYPE_ARRAY_OF_MAPS, max, bytes(inner_key), sizeof(uint32_t), 0);
	if (note)
		note->inner = bytes(inner_value);
	cg_debug_global(g, v, name, cg_struct_type(g, "", 4, outer, outer_types, outer_bits, NULL, 0));
	return v;
}

static MD pair_type(struct cg *g, const char *name, const char *a, const char *b)
{
	return cg_struct_type(g, name, 2, (const char *const[]){ a, b }, (MD[]){ g->du64, g->du64 }, (unsigned[]){ 64, 64 }, NULL, 0);
}

static MD key_field_type(struct cg *g, const struct meta_key_field *f)
{
	static const char *const ip_names[] = { "addr", "family" };
	unsigned ip_bits[] = { 128, 8 };
	MD ip_types[] = { cg_array_type(g, g->du8, 16, 8), g->du8 };

	switch (f->kind) {
	case KIND_NUM:
	case KIND_FLAG:
	case KIND_IFACE:
		return f->size == 1 ? g->du8 : f->size == 2 ? g->du16 : f->size == 4 ? g->du32 : g->du64;
	case KIND_IP:
		return cg_struct_type(g, "xdpf_ip", 2, ip_names, ip_types, ip_bits, NULL, 0);
	case KIND_IP4:
	case KIND_IP6:
	case KIND_MAC:
	case KIND_BYTES:
		return cg_array_type(g, g->du8, f->size, 8);
	}
	return g->du8;
}

static MD key_type(struct cg *g, const struct meta_key *k)
{
	const char *names[16];
	MD types[16];
	unsigned bits[16], offsets[16], n = 0;

	for (; n < k->n && n < 16; n++) {
		char *name = arena_printf(g->arena, "%s", k->field[n].operand->name.s);

		for (char *p = name; *p; p++)
			if (*p == '.' || *p == '-')
				*p = '_';
		names[n] = name;
		types[n] = key_field_type(g, &k->field[n]);
		bits[n] = 8 * k->field[n].size;
		offsets[n] = 8 * k->field[n].offset;
	}
	return cg_struct_type(g, "", n, names, types, bits, offsets, 8 * k->size);
}

static void counter_maps(struct cg *g)
{
	const struct ast_program *ast = g->ir->ast;
	const char *const *names = meta_map_names(g->arena, ast);

	g->counter_map = arena_array(g->arena, ast->n_counters, sizeof(V));
	for (size_t u = 0; u < ast->units.n; u++)
		for (size_t c = 0; c < ast->units.v[u]->counters.n; c++) {
			struct ast_counter *ct = ast->units.v[u]->counters.v[c];
			struct meta_key k = meta_key_layout(g->arena, ct->key.v, ct->key.n);

			if (k.n)
				g->counter_map[ct->index] = cg_map(g, names[ct->index], BPF_MAP_TYPE_PERCPU_HASH, XDPF_COUNT_ENTRIES,
								key_type(g, &k), g->dcounter);
			else
				g->counter_map[ct->index] = cg_map(g, names[ct->index], BPF_MAP_TYPE_PERCPU_ARRAY, 1, g->du32, g->dcounter);
		}
}

static void license(struct cg *g)
{
	static const char text[] = "GPL";
	V v = cg_global(g, "_license", LLVMConstStringInContext2(g->cx, text, sizeof(text), 1), "license", false, 1);

	cg_debug_global(g, v, "_license", cg_array_type(g, g->dchar, sizeof(text), 8));
}

static void variables(struct cg *g)
{
	static const char *const config[] = { "flags", "rxqueue", "seed", "tai_offset", "ct_status", "zero" }, *const trace[] = { "index" };
	static const unsigned bits[] = { 32, 32, 64, 64, 32, 32 };
	MD types[] = { g->du32, g->du32, g->du64, g->du64, g->du32, g->du32 };
	T members[] = { g->i32, g->i32, g->i64, g->i64, g->i32, g->i32 };
	size_t n = g->ir->ast->ifaces.n;

	g->config = cg_global(g, XDPF_VAR_CONFIG, LLVMConstNull(LLVMStructTypeInContext(g->cx, members, 6, 0)), ".rodata", true, 8);
	cg_debug_global(g, g->config, XDPF_VAR_CONFIG, cg_struct_type(g, "xdpf_config", 6, config, types, bits, NULL, 0));
	if (n) {
		g->ifaces = cg_global(g, XDPF_VAR_IFACES, LLVMConstNull(LLVMArrayType2(g->i32, n)), XDPF_SECTION_IFACES, false, 4);
		cg_debug_global(g, g->ifaces, XDPF_VAR_IFACES, cg_array_type(g, g->du32, n, 32));
	}
	g->trace = cg_global(g, XDPF_VAR_TRACE, LLVMConstNull(LLVMStructTypeInContext(g->cx, members, 1, 0)), ".bss", false, 4);
	cg_debug_global(g, g->trace, XDPF_VAR_TRACE, cg_struct_type(g, "xdpf_trace", 1, trace, types, bits, NULL, 0));
}

V cg_bss(struct cg *g, const char *name, const char *type, unsigned n, const char *const *members)
{
	MD types[16];
	unsigned bits[16];
	V v;

	for (unsigned i = 0; i < n; i++) {
		types[i] = g->du64;
		bits[i] = 64;
	}
	v = cg_global(g, name, LLVMConstNull(LLVMArrayType2(g->i64, n)), ".bss", false, 8);
	cg_debug_global(g, v, name, cg_struct_type(g, type, n, members, types, bits, NULL, 0));
	return v;
}

/* Of many small elements, each is far from the others, and found by a pointer that is far away, too. */
static void rules_map(struct cg *g, size_t n)
{
	MD counters = g->ir->deferred ? cg_array_type(g, g->dcounter, XDPF_PAGE, 128) : g->dcounter;

	g->rules = cg_map(g, XDPF_MAP_RULES, BPF_MAP_TYPE_PERCPU_ARRAY, g->ir->deferred ? (n + XDPF_PAGE - 1) / XDPF_PAGE : n, g->du32, counters);
}

void cg_globals(struct cg *g)
{
	const struct ast_program *ast = g->ir->ast;

	license(g);
	variables(g);
	for (size_t u = 0; u < ast->units.n; u++)
		g->verdicts_counted |= !ast->units.v[u]->counters_off;
	rules_map(g, g->ir->index_place ? image_room(ast->n_indexes) : ast->n_indexes);
	g->verdicts = cg_map(g, XDPF_MAP_VERDICTS, BPF_MAP_TYPE_PERCPU_ARRAY, XDPF_VERDICTS, g->du32, g->dcounter);
	if (ast->n_slots)
		g->misses = cg_map(g, XDPF_MAP_MISSES, BPF_MAP_TYPE_PERCPU_ARRAY, ast->n_slots, g->du32, g->dmiss);
	if (g->ir->scratch)
		g->scratch = cg_map(g, XDPF_MAP_SCRATCH, BPF_MAP_TYPE_PERCPU_ARRAY, 1, g->du32,
				    cg_array_type(g, g->du64, g->ir->kept.n + 2 + CLASSIFY_MAX_DIMS + (cg_key_room(g) + cg_shared_room(g)) / 8 +
						  (ast->live.n != 0) + cg_times(g), 64));
	if (ast->logs.n) {
		g->log_ring = cg_map(g, XDPF_MAP_LOG, BPF_MAP_TYPE_RINGBUF, XDPF_LOG_BYTES, NULL, NULL);
		g->log_next = cg_map(g, XDPF_MAP_LOG_NEXT, BPF_MAP_TYPE_ARRAY, ast->logs.n, g->du32, g->du64);
		g->log_counts = cg_map(g, XDPF_MAP_LOGS, BPF_MAP_TYPE_PERCPU_ARRAY, ast->logs.n, g->du32,
				       pair_type(g, "xdpf_log_count", "limited", "lost"));
	}
	counter_maps(g);
	cg_sets(g);
	cg_way_maps(g);
}
