/*
 * Keys of count tables as text. In: the evaluator's values of a key, and the operands they are of. Out: what a reader of the rule file would
 * write: addresses, MACs, known numbers by their names.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "cli.h"

static void put_bytes(FILE *out, struct value v, unsigned n, bool first)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned shift = (n - 1 - i) * 8;
		unsigned byte = (unsigned)(shift >= 64 ? v.hi >> (shift - 64) : v.lo >> shift) & 0xff;

		fprintf(out, "%s%02x", first && !i ? "" : ":", byte);
	}
}

static void put_address(FILE *out, struct value v, enum family family)
{
	char buf[INET6_ADDRSTRLEN];
	unsigned char b[16];

	for (unsigned i = 0; i < 8; i++) {
		b[i] = (unsigned char)(v.hi >> (56 - 8 * i));
		b[8 + i] = (unsigned char)(v.lo >> (56 - 8 * i));
	}
	if (family == FAMILY_IP4)
		fputs(inet_ntop(AF_INET, b + 12, buf, sizeof(buf)), out);
	else
		fputs(inet_ntop(AF_INET6, b, buf, sizeof(buf)), out);
}

/* A mask as its bits' names, "syn|ack"; false where a bit has none. */
static bool put_bits(FILE *out, enum names_id names, uint64_t v)
{
	for (uint64_t left = v; left; left &= left - 1)
		if (!lang_value_name(names, left & -left))
			return false;
	for (uint64_t left = v; left; left &= left - 1)
		fprintf(out, "%s%s", left == v ? "" : "|", lang_value_name(names, left & -left));
	return v != 0;
}

static void put_number(FILE *out, enum type_id type, uint64_t v)
{
	enum names_id names = lang_types[type].names;
	const char *name = names == NAMES_NONE ? NULL : lang_value_name(names, v);

	if (name)
		fputs(name, out);
	else if (type == TYPE_TCPFLAGS && put_bits(out, names, v))
		return;
	else if (type == TYPE_ETHERTYPE || type == TYPE_TCPFLAGS)
		fprintf(out, "0x%0*" PRIx64, type == TYPE_ETHERTYPE ? 4 : 2, v);
	else
		fprintf(out, "%" PRIu64, v);
}

void cli_put_field(FILE *out, const struct ast_operand *o, const struct value **v, const enum family **family)
{
	size_t words = 1;

	switch (o->value_kind) {
	case KIND_NUM:
		put_number(out, o->kind == OPERAND_FIELD ? lang_fields[o->field].type : TYPE_NUM, (*v)->lo);
		break;
	case KIND_FLAG:
		fputs((*v)->lo ? "true" : "false", out);
		break;
	case KIND_IP4:
	case KIND_IP6:
	case KIND_IP:
		put_address(out, **v, o->value_kind == KIND_IP4 ? FAMILY_IP4 : o->value_kind == KIND_IP6 ? FAMILY_IP6 : **family);
		break;
	case KIND_MAC:
		put_bytes(out, **v, 6, true);
		break;
	case KIND_BYTES:
		words = (o->len + 15) / 16;
		for (size_t i = 0; i < words; i++)
			put_bytes(out, (*v)[i], i + 1 < words || o->len % 16 == 0 ? 16 : o->len % 16, !i);
		break;
	case KIND_IFACE:
		for (unsigned i = 0; i < 16; i++) {
			char c = (char)(i < 8 ? (*v)->hi >> (56 - 8 * i) : (*v)->lo >> (56 - 8 * (i - 8)));

			if (c)
				putc(c, out);
		}
		break;
	}
	*v += words;
	*family += words;
}

void cli_put_operand(FILE *out, const struct ast_operand *o)
{
	fputs(o->name.s, out);
	if (o->has_slice)
		fprintf(out, "[%" PRIu64 ":%" PRIu64 "]", o->off, o->len);
	for (unsigned i = 0; i < o->n_prefix; i++)
		fprintf(out, "/%" PRIu64, o->prefix[i]);
}
