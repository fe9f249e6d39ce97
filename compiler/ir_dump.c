/*
 * The IR as text: blocks in layout order, one instruction a line, the source line behind it where it changes. In: any IR, also one that
 * ir_check() refuses. Out: text that is the same for the same program.
 */
#include <inttypes.h>
#include <string.h>

#include "ir.h"

/* Many variables may have one name: then the number tells them apart. */
static void dump_var(const struct ir_program *p, ir_var v, FILE *out)
{
	bool again = false;

	if (v >= p->var.n) {
		fprintf(out, "?");
		return;
	}
	for (size_t i = 0; !again && i < p->var.n; i++)
		again = i != v && !strcmp(p->var.v[i], p->var.v[v]);
	fprintf(out, again ? "%s~%u" : "%s", p->var.v[v], v);
}

static void dump_opnd(struct ir_opnd o, FILE *out)
{
	if (o.kind == IR_TEMP)
		fprintf(out, " %%%" PRIu64, o.v);
	else
		fprintf(out, o.v < 10 ? " %" PRIu64 : " 0x%" PRIx64, o.v);
}

static void dump_target(const struct ir_block *b, FILE *out)
{
	if (b)
		fprintf(out, " @%u", b->id);
	else
		fprintf(out, " @?");
}

/* The rule or default. */
static void dump_index(const struct ir_inst *i, FILE *out)
{
	if (i->noted)
		fprintf(out, " noted");
	else
		fprintf(out, " #%" PRIu64, i->imm);
}

/* .imm, or what is given in its place. */
static void dump_number(const struct ir_inst *i, FILE *out)
{
	if (i->is_given)
		dump_opnd(i->given, out);
	else
		fprintf(out, " #%" PRIu64, i->imm);
}

static void dump_inst(const struct ir_program *p, const struct ir_inst *i, FILE *out)
{
	unsigned n = ir_op_operands(i->op);

	fprintf(out, "\t");
	if (ir_op_result(i->op))
		fprintf(out, "%%%u = ", i->temp);
	fprintf(out, "%s", ir_op_name(i->op));
	if (i->op == IR_GET || i->op == IR_SET) {
		fprintf(out, " ");
		dump_var(p, i->var, out);
	}
	if (n > 0)
		dump_opnd(i->a, out);
	if (n > 1)
		dump_opnd(i->b, out);
	switch (i->op) {
	case IR_SAME:
	case IR_SWAP:
	case IR_IFACE:
	case IR_RANDOM:
	case IR_MISS:
	case IR_GROW:
	case IR_NOTE:
	case IR_PLACE:
	case IR_FETCH:
	case IR_STORE:
	case IR_PUSHTAG:
	case IR_MARK:
	case IR_ENTRY:
	case IR_COUNTS:
		dump_number(i, out);
		break;
	case IR_WAY:
		/* what kind of way it is */
		fprintf(out, " #%" PRIu64, i->imm);
		if (i->is_given)
			dump_opnd(i->given, out);
		break;
	case IR_LOG:
		dump_number(i, out);
		for (size_t k = 0; k < i->args.n; k++)
			dump_opnd(i->args.v[k], out);
		break;
	case IR_CLASS:
		fprintf(out, " #%" PRIu64 " dimension %u field %u", i->imm, i->dim, i->place);
		break;
	case IR_CLASSIFY:
		fprintf(out, " #%" PRIu64, i->imm);
		for (size_t k = 0; k < i->dims.n; k++) {
			fprintf(out, " ");
			dump_var(p, i->dims.v[k].which, out);
			fprintf(out, ":");
			dump_var(p, i->dims.v[k].lo, out);
		}
		break;
	case IR_FLOW:
		dump_number(i, out);
		for (size_t k = 0; k < i->args.n; k++)
			dump_opnd(i->args.v[k], out);
		break;
	case IR_RX:
	case IR_LIMIT:
	case IR_TALLY:
	case IR_LOOKUP:
	case IR_ADDSET:
	case IR_DELSET:
	case IR_MEMBER:
	case IR_SOCKET:
		fprintf(out, " #%" PRIu64, i->imm);
		for (size_t k = 0; k < i->args.n; k++)
			dump_opnd(i->args.v[k], out);
		break;
	case IR_WRITE:
		for (size_t k = 0; k < i->args.n; k++) {
			dump_opnd(i->args.v[k], out);
			fprintf(out, ":%" PRIu64, k < i->cases.n ? i->cases.v[k] : 0);
		}
		break;
	case IR_FIB:
	case IR_CONN:
	case IR_LISTENS:
	case IR_LATELY:
	case IR_COOKIE:
	case IR_COOKIEOK:
		for (size_t k = 0; k < i->args.n; k++)
			dump_opnd(i->args.v[k], out);
		break;
	case IR_SWITCH:
		fprintf(out, " {");
		for (size_t k = 0; k < i->cases.n; k++)
			dump_opnd(ir_imm(i->cases.v[k]), out);
		fprintf(out, " }");
		break;
	case IR_COUNT:
		dump_index(i, out);
		break;
	case IR_DECIDE:
		dump_index(i, out);
		fprintf(out, " %s%s", lang_verdicts[i->verdict].name, i->counted ? "" : " uncounted");
		break;
	case IR_GET: case IR_SET: case IR_ADD: case IR_SUB: case IR_AND: case IR_OR: case IR_XOR: case IR_SHL: case IR_SHR: case IR_DIV: case IR_REM:
	case IR_BLANK: case IR_FRESH: case IR_LEN: case IR_MTU: case IR_IFINDEX: case IR_RXQUEUE: case IR_FLAGS: case IR_CFGQUEUE:
	case IR_NOW: case IR_WALL: case IR_SWAPMAC: case IR_POPTAG:
	case IR_JUMP: case IR_EQ: case IR_ULE: case IR_BITS: case IR_BEYOND: case IR_SIZE: case IR_OTHER: case IR_WHO:
	case IR_SUM: case IR_OUT: case IR_CUT: case IR_OPTIONS: case IR_RECORD: case IR_INDEX: case IR_OP_COUNT:
		break;
	}
	if (i->is_given && (i->op == IR_TALLY || i->op == IR_ADDSET)) {
		fprintf(out, " slot");
		dump_opnd(i->given, out);
	}
	if (i->loads.n) {
		fprintf(out, " {");
		for (size_t k = 0; k < i->loads.n; k++) {
			fprintf(out, " ");
			dump_var(p, i->loads.v[k].var, out);
			fprintf(out, "=u%u[%u]", 8 * i->loads.v[k].size, i->loads.v[k].delta);
		}
		fprintf(out, " }");
	}
	for (unsigned k = 0; k < ir_op_targets(i->op); k++)
		dump_target(i->target[k], out);
}

static void dump_table(size_t t, const struct ir_table *tb, FILE *out)
{
	fprintf(out, "table %zu %s: %zu ranges of %u-bit keys", t, tb->name, (tb->set.n + 1) / 2, tb->set.bits);
	if (tb->table.engine == SET_AUTO)
		fprintf(out, ", which no rule asks in the end\n");
	else
		fprintf(out, " in %zu bytes: %s (%s), since %s; a look-up reads %u of it at the most\n", tb->table.bytes,
			set_engine_name(tb->table.engine), set_engine_what(tb->table.engine), tb->table.why, tb->table.loads);
}

static void dump_place(const struct ast_rule *r, FILE *out)
{
	fprintf(out, "%s:%u", source_shown(r->span.src), source_line_col(r->span.src, r->span.begin).line);
}

static void dump_segment(const struct ir_program *p, size_t k, FILE *out)
{
	const struct ir_segment *s = p->segment.v[k];
	size_t at = 0;

	fprintf(out, "segment %zu: rules ", k);
	dump_place(s->first, out);
	fprintf(out, "-");
	dump_place(s->last, out);
	fprintf(out, ", %zu of them, ", s->n);
	while (s->classifier && p->classifier.v[at] != s->classifier)
		at++;
	if (s->classifier)
		fprintf(out, "classifier %zu %s: %zu bytes, at most %u look-ups a packet, %zu rules are code", at, classify_name(s->classifier),
			classify_bytes(s->classifier), classify_loads(s->classifier), s->code.n);
	else
		fprintf(out, "one by one");
	if (s->bodies)
		fprintf(out, ", which share %zu pieces of it", s->bodies);
	fprintf(out, "%s%s\n", s->why ? "; " : "", s->why ? s->why : "");
	if (s->ends)
		fprintf(out, "\tends there: %s\n", s->ends);
	for (size_t i = 0; i < s->code.n; i++) {
		fprintf(out, "\tcode: ");
		dump_place(s->code.v[i].rule, out);
		fprintf(out, " %s%s%s\n", s->code.v[i].rule->label.s ? s->code.v[i].rule->label.s : "", s->code.v[i].rule->label.s ? ": " : "",
			s->code.v[i].why);
	}
}

void ir_dump(const struct ir_program *p, FILE *out)
{
	const struct source *src = NULL;
	unsigned line = 0;

	fprintf(out, "program %s\n", p->ast->name);
	for (size_t t = 0; t < p->table.n; t++) {
		dump_table(t, p->table.v[t], out);
	}
	for (size_t k = 0; k < p->segment.n; k++)
		dump_segment(p, k, out);
	for (size_t b = 0; b < p->block.n; b++) {
		const struct ir_block *bl = p->block.v[b];

		fprintf(out, "@%u %s", bl->id, bl->name);
		fprintf(out, bl->part ? " (function %u)\n" : "\n", bl->part);
		for (size_t i = 0; i < bl->inst.n; i++) {
			const struct ir_inst *in = &bl->inst.v[i];

			dump_inst(p, in, out);
			if (in->span.src) {
				struct line_col lc = source_line_col(in->span.src, in->span.begin);

				if (lc.line != line || in->span.src != src)
					fprintf(out, "\t; line %u", lc.line);
				line = lc.line;
				src = in->span.src;
			}
			fprintf(out, "\n");
		}
	}
}
