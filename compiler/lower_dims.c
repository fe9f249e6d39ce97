/*
 * Dimensions of a classifier: which fields and headers of the language they are made of, and the code that finds a packet's numbers. Fields that
 * exclude each other share one: the alternatives of `ip.src`, ports of different protocols. In: fields that rules ask for. Out: places in
 * dimensions; then code.
 */
#include <stdlib.h>
#include <string.h>

#include "lower_classify.h"

/* Fields of which a packet has at most one, as far as rules look at them. */
struct lower_group {
	bool known, none;			/* asked before; it has no dimension */
	bool slot_byte;
	enum field_id field[CLASSIFY_MAX_FIELDS];
	unsigned n;
};

static bool is_l4(enum field_id f)
{
	const struct field_info *fi = &lang_fields[f];

	return fi->form == FORM_WIRE && fi->header != HDR_NONE && lang_headers[fi->header].layer == LAYER_GROUP;
}

/* The field of a group of headers that @f is, or is for one of them; or FIELD_NONE. */
static enum field_id port_of(enum field_id f)
{
	enum field_id to[5];

	if (is_l4(f))
		return f;
	for (int g = 0; g < FIELD_COUNT; g++)
		if (is_l4((enum field_id)g))
			for (unsigned i = 0, n = lang_targets((enum field_id)g, to); i < n; i++)
				if (to[i] == f)
					return (enum field_id)g;
	return FIELD_NONE;
}

static enum field_id alias_of(enum field_id f)
{
	for (int a = 0; a < FIELD_COUNT; a++)
		for (unsigned i = 0; lang_fields[a].form == FORM_ALIAS && i < lang_fields[a].n; i++)
			if (lang_fields[a].alt[i] == f)
				return (enum field_id)a;
	return FIELD_NONE;
}

static void keep_used(struct lower *l, struct lower_group *g, const enum field_id *f, unsigned n)
{
	for (unsigned i = 0; i < n && i < CLASSIFY_MAX_FIELDS; i++)
		if (lower_slot(l, f[i]))
			g->field[g->n++] = f[i];
}

static void find_group(struct lower *l, enum field_id f, struct lower_group *g)
{
	const struct field_info *fi = &lang_fields[f];
	enum field_id to[5], port, alias;

	g->known = true;
	g->field[0] = f;
	if (fi->form == FORM_META) {
		g->n = f == FIELD_IP_PROTO || f == FIELD_PKT_LEN || f == FIELD_PAYLOAD_LEN;
		g->none = !g->n;
		return;
	}
	port = port_of(f);
	alias = alias_of(f);
	if (port != FIELD_NONE && lower_slot(l, port)) {
		/* where rules ask for the port of any protocol, one's is that, and the protocol: see dims_protocol() */
		g->field[g->n++] = port;
	} else if (port != FIELD_NONE) {
		keep_used(l, g, to, lang_targets(port, to));
	} else if (alias != FIELD_NONE) {
		keep_used(l, g, lang_fields[alias].alt, lang_fields[alias].n);
	} else {
		g->n = 1;
		g->slot_byte = fi->len == 1;
	}
	g->none = !g->n;
}

static const struct lower_group *group_of(struct lower *l, enum field_id f)
{
	if (!l->group)
		l->group = arena_array(l->arena, FIELD_COUNT, sizeof(*l->group));
	if (!l->group[f].known)
		find_group(l, f, &l->group[f]);
	return l->group[f].none ? NULL : &l->group[f];
}

bool dims_protocol(struct lower *l, enum field_id f, uint32_t *number)
{
	const struct lower_group *g = group_of(l, f);

	if (!g || g->slot_byte || g->field[0] == f || !is_l4(g->field[0]))
		return false;
	*number = lang_number(NEXT_IPPROTO, lang_fields[f].header);
	return true;
}

static bool same_byte(enum field_id a, enum field_id b)
{
	return lang_fields[a].header == lang_fields[b].header && lang_fields[a].off == lang_fields[b].off && lang_fields[a].len == lang_fields[b].len;
}

void dims_describe(struct lower_run *run, unsigned k)
{
	const struct lower_dim *d = &run->dim[k];

	run->rules.dim[k].n = d->n;
	run->rules.dim[k].field[0] = (struct classify_field){ "headers", DIM_BITS };
	if (d->slice) {
		run->rules.dim[k].field[0] = (struct classify_field){ d->slice->name.s, 8 * (unsigned)d->slice->len };
		return;
	}
	for (unsigned i = 0; i < d->n && !d->headers; i++) {
		const struct field_info *fi = &lang_fields[d->field[i]];

		run->rules.dim[k].field[i] = (struct classify_field){ fi->name, d->slot_byte ? 8 : fi->bits };
	}
}

static int find_dim(struct lower_run *run, const struct lower_group *g)
{
	struct lower_dim *d;
	unsigned k;

	for (k = 0; k < run->rules.n_dims; k++) {
		d = &run->dim[k];
		if (!d->headers && !d->slice && d->slot_byte == g->slot_byte &&
		    (g->slot_byte ? same_byte(d->field[0], g->field[0]) : d->n == g->n && !memcmp(d->field, g->field, g->n * sizeof(*g->field))))
			return (int)k;
	}
	if (k == CLASSIFY_MAX_DIMS)
		return -1;
	d = &run->dim[k];
	d->slot_byte = g->slot_byte;
	d->n = g->n;
	memcpy(d->field, g->field, g->n * sizeof(*g->field));
	dims_describe(run, k);
	run->rules.n_dims++;
	return (int)k;
}

int dims_field(struct lower *l, struct lower_run *run, enum field_id f, unsigned *places)
{
	const struct lower_group *g = group_of(l, f);
	int k = g ? find_dim(run, g) : -1;

	*places = 0;
	for (unsigned i = 0; k >= 0 && i < g->n; i++)
		/* the field of a group of headers is that of each */
		if (g->slot_byte || g->field[i] == f || is_l4(g->field[i]))
			*places |= 1u << i;
	return k;
}

int dims_bit(struct lower_run *run, unsigned bit, unsigned *place)
{
	struct lower_dim *d;
	unsigned k;

	for (k = 0; k < run->rules.n_dims; k++) {
		d = &run->dim[k];
		if (!d->headers)
			continue;
		for (*place = 0; *place < d->n_bits; ++*place)
			if (d->bit[*place] == bit)
				return (int)k;
		if (d->n_bits == DIM_BITS)
			continue;
		d->bit[d->n_bits++] = bit;
		return (int)k;
	}
	if (k == CLASSIFY_MAX_DIMS)
		return -1;
	d = &run->dim[k];
	d->headers = true;
	d->bit[d->n_bits++] = bit;
	d->n = 1;
	dims_describe(run, k);
	run->rules.n_dims++;
	*place = 0;
	return (int)k;
}

/* ---- their order ---- */

static int slices_in_order(const struct ast_operand *x, const struct ast_operand *y)
{
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->inner != y->inner)
		return x->inner ? 1 : -1;
	if (x->off != y->off)
		return x->off < y->off ? -1 : 1;
	return x->len < y->len ? -1 : x->len > y->len;
}

/* Fields as the language has them, then pieces of the packet, then headers. */
static int in_order(const void *a, const void *b)
{
	const struct lower_dim *x = a, *y = b;

	if (x->headers || y->headers)
		return x->headers - y->headers;
	if (x->slice || y->slice)
		return x->slice && y->slice ? slices_in_order(x->slice, y->slice) : x->slice ? 1 : -1;
	if (x->field[0] != y->field[0])
		return x->field[0] < y->field[0] ? -1 : 1;
	return (int)x->slot_byte - (int)y->slot_byte;
}

static int bits_in_order(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return x < y ? -1 : x > y;
}

/* All bits of presence, which stand in dimensions behind the others, from the first of these on. */
static bool sort_bits(struct lower_run *run, unsigned first)
{
	unsigned bit[CLASSIFY_MAX_DIMS * DIM_BITS], n = 0, at = 0;
	bool same = true;

	for (unsigned k = first; k < run->rules.n_dims; k++)
		for (unsigned i = 0; i < run->dim[k].n_bits; i++)
			bit[n++] = run->dim[k].bit[i];
	qsort(bit, n, sizeof(*bit), bits_in_order);
	for (unsigned k = first; k < run->rules.n_dims; k++)
		for (unsigned i = 0; i < run->dim[k].n_bits; i++, at++) {
			same &= run->dim[k].bit[i] == bit[at];
			run->dim[k].bit[i] = bit[at];
		}
	return same;
}

bool dims_sort(struct lower_run *run)
{
	bool same = true;
	unsigned fields = 0;

	for (unsigned k = 0; k + 1 < run->rules.n_dims; k++)
		same &= in_order(&run->dim[k], &run->dim[k + 1]) <= 0;
	qsort(run->dim, run->rules.n_dims, sizeof(*run->dim), in_order);
	while (fields < run->rules.n_dims && !run->dim[fields].headers)
		fields++;
	for (unsigned k = 0; k < run->rules.n_dims; k++)
		dims_describe(run, k);
	return sort_bits(run, fields) && same;
}

/* ---- code ---- */

static void emit_headers(struct lower *l, const struct lower_dim *d)
{
	struct ir_opnd sum = ir_imm(0);

	for (unsigned i = 0, n; i < d->n_bits; i += n) {
		unsigned from = (unsigned)__builtin_ctzll(lower_bit(l, d->bit[i]));
		struct ir_opnd v;

		/* bits that follow each other there too are moved at once */
		for (n = 1; i + n < d->n_bits && lower_bit(l, d->bit[i + n]) == lower_bit(l, d->bit[i]) << n; n++)
			;
		v = lower_op(l, IR_AND, lower_op(l, IR_SHR, lower_get(l, l->pres), ir_imm(from)), ir_imm(((uint64_t)1 << n) - 1));
		if (i)
			v = lower_op(l, IR_OR, sum, lower_op(l, IR_SHL, v, ir_imm(i)));
		sum = v;
	}
	lower_set(l, d->said.which, ir_imm(1));
	lower_set(l, d->said.lo, sum);
}

/* The number that a field is, as tables have it. */
static struct lower_words number_of(struct lower *l, const struct slot *s, struct lower_words w)
{
	for (unsigned i = 0; i < w.n; i++)
		if (s->wire)
			w.w[i] = lower_swap(l, w.w[i], s->len == 16 ? 8 : s->len);
	return w;
}

/* Each: the number, in a block where it is there; else goes to @no. */
static void emit_slice(struct lower *l, const struct lower_dim *d, struct ir_block *no)
{
	struct lower_words w;

	lower_enter(l, d->slice->inner);
	w = lower_value(l, d->slice, FIELD_NONE, no, false);
	lower_enter(l, false);
	lower_set(l, d->said.lo, w.w[0]);
	lower_set(l, d->said.which, ir_imm(1));
}

static void emit_field(struct lower *l, const struct lower_dim *d, unsigned place, struct ir_block *no)
{
	const struct ast_operand o = { .kind = OPERAND_FIELD, .field = d->field[place] };
	const struct field_info *fi = &lang_fields[d->field[place]];
	struct lower_words w = lower_value(l, &o, d->field[place], no, false);
	const struct slot *s = fi->form == FORM_WIRE ? lower_slot(l, d->field[place]) : NULL;
	struct ir_opnd lo;

	if (s)
		w = number_of(l, s, w);
	if (w.n > 1)
		lower_set(l, d->said.hi, w.w[0]);
	lo = w.w[w.n - 1];
	if (s && !s->wire && !d->slot_byte && (fi->shift || fi->bits != 8 * fi->len))
		lo = lower_op(l, IR_AND, lower_op(l, IR_SHR, lo, ir_imm(fi->shift)), ir_imm(value_ones(fi->bits).lo));
	lower_set(l, d->said.lo, lo);
	lower_set(l, d->said.which, ir_imm(place + 1));
}

/* Do the same headers have the fields of both? */
static bool alike(const struct lower_dim *a, const struct lower_dim *b)
{
	if (a->headers || b->headers || a->slice || b->slice || a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (lang_fields[a->field[i]].header != lang_fields[b->field[i]].header || lang_fields[a->field[i]].header == HDR_NONE)
			return false;
	return true;
}

/* What the maps of dimension @k have of its field at @place, as dissection has it; of none of them. */
static void emit_class(struct lower *l, const struct lower_dim *d, unsigned k, unsigned place, bool behind)
{
	const struct slot *s = place < d->n ? lower_slot(l, d->field[place]) : NULL;
	struct lower_words w = { .n = s && s->len == 16 ? 2 : 1, .w = { ir_imm(0) } };
	struct ir_inst *i;

	for (unsigned n = 0; s && n < w.n; n++)
		w.w[n] = lower_swap(l, lower_get(l, s->raw[n]), s->len / w.n);
	i = lower_emit(l, IR_CLASS);
	i->a = w.w[w.n - 1];
	i->b = w.n > 1 ? w.w[0] : ir_imm(0);
	i->dim = k;
	i->place = place;
	i->behind = behind;
	lower_set(l, d->said.class, (struct ir_opnd){ IR_TEMP, i->temp });
}

/* None of the dimension's fields is there. */
static void emit_absent(struct lower *l, const struct lower_dim *d, unsigned k)
{
	lower_set(l, d->said.which, ir_imm(0));
	if (d->said.soon)
		emit_class(l, d, k, d->n, false);
}

static void emit_fields(struct lower *l, struct lower_run *run, unsigned k, bool *done)
{
	struct ir_block *on = lower_block(l, "known");
	uint64_t known = l->known;

	for (unsigned place = 0; place <= run->dim[k].n; place++) {
		struct ir_block *no = place < run->dim[k].n ? lower_block(l, "not this field") : on;

		for (unsigned m = k; m < run->rules.n_dims; m++) {
			const struct lower_dim *d = &run->dim[m];

			if (m != k && (done[m] || !alike(&run->dim[k], d)))
				continue;
			if (place == d->n) {
				emit_absent(l, d, m);
				continue;
			}
			if (d->slice)
				emit_slice(l, d, no);
			else
				emit_field(l, d, place, no);
			/* the others that are alike need not ask for it again */
			if (!d->slice && lang_fields[d->field[place]].header != HDR_NONE)
				l->known |= (uint64_t)1 << lang_fields[d->field[place]].header;
		}
		l->known = known;
		lower_jump(l, on);
		lower_hot(l, no);
	}
	for (unsigned m = k; m < run->rules.n_dims; m++)
		if (m == k || alike(&run->dim[k], &run->dim[m]))
			done[m] = true;
}

/* Nobody asks the packet for it behind dissection. */
static bool is_unread(const struct lower_dim *d, const struct classifier *c, unsigned k)
{
	return c->engine == ENGINE_RFC && (d->said.soon || !classify_maps(c, k));
}

void dims_emit(struct lower *l, struct lower_run *run, const struct classifier *c)
{
	bool done[CLASSIFY_MAX_DIMS] = { false };

	for (unsigned k = 0; k < run->rules.n_dims; k++) {
		struct lower_dim *d = &run->dim[k];

		d->said.which = ir_var_kept(l->ir, "which");
		d->said.lo = ir_var_kept(l->ir, "number");
		d->said.hi = d->said.lo;
		for (unsigned i = 0; i < d->n && d->said.hi == d->said.lo; i++)
			if (run->rules.dim[k].field[i].bits > 64)
				d->said.hi = ir_var_kept(l->ir, "number, first half");
	}
	for (unsigned k = 0; k < run->rules.n_dims; k++)
		done[k] = run->dim[k].unread = is_unread(&run->dim[k], c, k);
	for (unsigned k = 0; k < run->rules.n_dims; k++)
		if (!done[k] && run->dim[k].headers)
			emit_headers(l, &run->dim[k]);
		else if (!done[k])
			emit_fields(l, run, k, done);
}

/* ---- before the rest of dissection ---- */

/* Addresses, which maps take some steps for: what dissection finds of them stays. */
static bool is_soon(const struct lower_dim *d)
{
	for (unsigned i = 0; i < d->n; i++) {
		const struct field_info *f = &lang_fields[d->field[i]];

		if (d->headers || d->slice || f->bits < 32 || (f->header != HDR_IP4 && f->header != HDR_IP6))
			return false;
	}
	return true;
}

void dims_begin(struct lower *l, struct lower_run *run, const struct classifier *c)
{
	if (l->ast->rewrites || l->cur != l->rules || l->ir->classifier.n)
		return;
	l->soon = run;
	for (unsigned k = 0; k < run->rules.n_dims; k++) {
		struct lower_dim *d = &run->dim[k];

		d->said.soon = is_soon(d) && classify_maps(c, k);
		if (d->said.soon)
			d->said.class = ir_var_kept(l->ir, "class");
	}
}

/* @of: HDR_NONE: where there is none of the fields, of dimensions that are not asked for behind dissection, see emit_absent(); else those of this
 * header. */
void lower_soon(struct lower *l, enum header_id of)
{
	bool behind = false;

	for (unsigned k = 0; l->soon && k < l->soon->rules.n_dims; k++) {
		const struct lower_dim *d = &l->soon->dim[k];

		for (unsigned place = 0; place <= d->n && d->said.soon; place++) {
			const struct slot *s = place < d->n ? lower_slot(l, d->field[place]) : NULL;

			if ((s ? s->header : HDR_NONE) != of || (!s && !d->unread))
				continue;
			emit_class(l, d, k, place, behind);
			behind = true;
		}
	}
}
