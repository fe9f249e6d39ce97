/*
 * Packets that show something, as they are printed. In: a packet as the analyses say it. Out: what a test in a rule file would say: the fields that
 * matter, and what comes with the packet. `packet { … } expect …` with it is a test.
 */
#include "cli_witness.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "dissect.h"
#include "utf8.h"

static void put_payload(FILE *out, const char *name, const uint8_t *p, size_t n)
{
	fprintf(out, "%s = ", name);
	if (n == 1)
		fprintf(out, "0x%02x", p[0]);
	for (size_t i = 0; i < n && n > 1; i++)
		fprintf(out, "%s%02x", i ? ":" : "", p[i]);
}

static void put_field(FILE *out, const struct witness_field *f)
{
	const struct field_info *info = &lang_fields[f->field];
	struct ast_operand o = { .kind = OPERAND_FIELD, .field = f->field, .inner = f->inner, .value_kind = lang_types[info->type].kind,
				 .bits = info->bits };
	const struct value *v = &f->v;
	const enum family *family = &f->family;

	fprintf(out, "%s%s", f->inner ? "inner." : "", info->name);
	if (lang_types[info->type].kind == KIND_FLAG) {
		/* `tcp.syn` alone is the flag set */
		if (!f->v.lo)
			fputs(" = 0", out);
		return;
	}
	fputs(" = ", out);
	cli_put_field(out, &o, &v, &family);
}

static void put_around(struct cli *cli, FILE *out, const struct witness *w, const char **comma)
{
	const struct {
		bool on;
		const char *name;
		unsigned long long v;
	} numbers[] = {
		{ w->has_rxqueue, "rxqueue", w->rxqueue }, { w->rx.has_hash, "rx.hash", w->rx.hash },
		{ w->rx.timestamp != 0, "rx.timestamp", w->rx.timestamp }, { w->rx.has_vlan, "rx.vlan.id", w->rx.vlan_tci & 0xfffu },
		{ w->rx.has_vlan && w->rx.vlan_tci >> 13, "rx.vlan.pcp", w->rx.vlan_tci >> 13 },
		{ w->rx.has_vlan && w->rx.vlan_type != XDPF_RX_VLAN_DEFAULT, "rx.vlan.type", w->rx.vlan_type },
	};
	struct dissect d;

	if (w->iface) {
		fprintf(out, "%siface = \"%s\"", *comma, utf8_line(cli->arena, w->iface, strlen(w->iface), 15, false));
		*comma = ", ";
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i].on) {
			fprintf(out, "%s%s = %llu", *comma, numbers[i].name, numbers[i].v);
			*comma = ", ";
		}
	dissect_frame(&d, w->data, w->len);
	/* Of other packets neither can be said, nor does it matter. */
	if (w->flow_state && dissect_flow(&d)) {
		fprintf(out, "%sflow.state = %s", *comma, lang_value_name(NAMES_FLOWSTATE, w->flow_state));
		*comma = ", ";
	}
	if (w->socket && dissect_flow(&d)) {
		fprintf(out, "%ssocket", *comma);
		*comma = ", ";
	}
}

void cli_put_witness(struct cli *cli, FILE *out, const struct witness *w)
{
	const char *comma = " ";

	if (w->repeat > 1)
		fprintf(out, "repeat %llu ", (unsigned long long)w->repeat);
	fputs("packet {", out);
	if (w->bytes) {
		fputs(" hex = \"", out);
		for (size_t i = 0; i < w->len; i++)
			fprintf(out, "%02x", w->data[i]);
		fputs("\"", out);
		comma = ", ";
	}
	for (size_t i = 0; i < w->header.n && !w->bytes; i++, comma = ", ")
		fprintf(out, "%s%s%s", comma, w->header.v[i].inner ? "inner." : "", lang_headers[w->header.v[i].header].name);
	for (size_t i = 0; i < w->field.n && !w->bytes; i++, comma = ", ") {
		fputs(comma, out);
		put_field(out, &w->field.v[i]);
	}
	for (int i = 0; i < 2; i++)
		if (w->payload[i] && w->n_payload[i] && !w->bytes) {
			fputs(comma, out);
			put_payload(out, i ? "inner.payload" : "payload", w->payload[i], w->n_payload[i]);
			comma = ", ";
		}
	put_around(cli, out, w, &comma);
	/* every frame has an Ethernet header */
	fputs(strcmp(comma, " ") == 0 ? " eth }" : " }", out);
}

void cli_put_where(FILE *out, const struct witness *w)
{
	enum { DAY = 86400 };
	uint64_t now = w->now / 1000000000u, seconds = now % DAY;

	for (size_t i = 0; i < w->assume.n; i++)
		fprintf(out, "    where %s\n", w->assume.v[i]);
	/* the epoch was a Thursday */
	if (w->has_time)
		fprintf(out, "    on %s at %02u:%02u:%02u UTC\n", lang_value_name(NAMES_WEEKDAY, (now / DAY + 3) % 7 + 1),
			(unsigned)(seconds / 3600), (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60));
}

static json_t *hex(const struct witness *w)
{
	char *text = arena_malloc(2 * w->len + 1);
	json_t *o;

	text[0] = '\0';
	for (size_t i = 0; i < w->len; i++)
		snprintf(text + 2 * i, 3, "%02x", w->data[i]);
	o = json_string(text);
	free(text);
	return o;
}

json_t *cli_json_witness(struct cli *cli, const struct witness *w)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = arena_stream(&text, &len);
	json_t *o = json_object(), *assume = json_array();

	cli_put_witness(cli, out, w);
	arena_stream_close(out, &text);
	json_object_set_new(o, "packet", cli_json_string(text));
	free(text);
	json_object_set_new(o, "hex", hex(w));
	if (w->has_time)
		json_object_set_new(o, "time", json_integer((json_int_t)(w->now / 1000000000u)));
	for (size_t i = 0; i < w->assume.n; i++)
		json_array_append_new(assume, cli_json_string(w->assume.v[i]));
	json_object_set_new(o, "where", assume);
	return o;
}

void cli_put_range(FILE *out, enum type_id type, const struct range *r)
{
	enum type_kind kind = lang_types[type].kind;
	unsigned bits = r->family == FAMILY_IP6 ? 128 : 32;
	struct ast_operand o = { .kind = OPERAND_FIELD, .field = FIELD_NONE, .value_kind = kind, .bits = lang_types[type].bits };
	const struct value *v = &r->lo;
	const enum family *family = &r->family;

	/* a field of the type says how its values are written */
	for (int f = 0; f < FIELD_COUNT && o.field == FIELD_NONE; f++)
		if (lang_fields[f].type == type || (lang_types[lang_fields[f].type].kind == KIND_IP && kind == KIND_IP))
			o.field = (enum field_id)f;
	if (o.field == FIELD_NONE)
		return;
	cli_put_field(out, &o, &v, &family);
	if (!value_cmp(r->lo, r->hi))
		return;
	for (unsigned len = 0; r->family != FAMILY_NUM && len <= bits; len++) {
		struct value host = value_ones(bits - len);

		if (!(r->lo.lo & host.lo) && !(r->lo.hi & host.hi) && (r->lo.lo | host.lo) == r->hi.lo && (r->lo.hi | host.hi) == r->hi.hi) {
			fprintf(out, "/%u", len);
			return;
		}
	}
	fputc('-', out);
	v = &r->hi;
	family = &r->family;
	cli_put_field(out, &o, &v, &family);
}
