/*
 * One literal, read as what it is compared to. In: a value as it was written and what the other side wants. Out: a number of the
 * wanted width, an address of a wanted family, bytes or a name; or a diagnostic that says what the two sides are.
 */
#include "sema.h"

#include <string.h>

const char *want_named(const struct want *w)
{
	return w->type == TYPE_WEEKDAY ? "days are 1 (mon) to 7 (sun)" :
	       w->type == TYPE_FLOWSTATE ? "states are new, established and related" : NULL;
}

const char *want_shown(struct sema *s, const struct want *w)
{
	if (w->slice)
		return arena_printf(s->a, "%u byte%s", w->slice, w->slice == 1 ? "" : "s");
	if (w->type == TYPE_NUM)
		return arena_printf(s->a, "a number of %u bit%s", w->bits, w->bits == 1 ? "" : "s");
	return lang_types[w->type].doc;
}

const char *want_says(struct sema *s, const struct want *w)
{
	if (w->set)
		return arena_printf(s->a, "%s is of type `%s`", w->what, lang_types[w->type].name);
	return arena_printf(s->a, "%s is %s", w->what, want_shown(s, w));
}

const char *want_example(const struct want *w)
{
	if (w->slice)
		return w->kind == KIND_NUM ? "a number, as many bytes (ff:00:…), or as many characters (\"…\")"
					   : "as many bytes (ff:00:…), or as many characters (\"…\")";
	switch (w->kind) {
	case KIND_NUM:
		if (w->type == TYPE_PORT)
			return "a port, such as 443 or https";
		if (w->type == TYPE_PROTO)
			return "a protocol, such as 6 or tcp";
		if (w->type == TYPE_ETHERTYPE)
			return "an Ethernet type, such as 0x0800 or ip4";
		if (w->type == TYPE_TCPFLAGS)
			return "flags, such as syn or syn|ack";
		if (w->type == TYPE_WEEKDAY)
			return "mon, tue, wed, thu, fri, sat or sun";
		if (w->type == TYPE_FLOWSTATE)
			return "new, established or related";
		return lang_types[w->type].names == NAMES_NONE ? "a number" : "a number or one of its known names";
	case KIND_FLAG:
		return "0 or 1";
	case KIND_IP4:
		return "an IPv4 address, such as 192.0.2.1";
	case KIND_IP6:
		return "an IPv6 address, such as 2001:db8::1";
	case KIND_IP:
		return "an address, such as 192.0.2.1 or 2001:db8::1";
	case KIND_MAC:
		return "an Ethernet address, such as 02:00:00:00:00:01";
	case KIND_BYTES:
		return "bytes, such as ff:00:1a";
	case KIND_IFACE:
		return "an interface's name, such as eth0";
	}
	return "a value";
}

static const char *kind_shown(const struct ast_value *v)
{
	switch (v->kind) {
	case AST_INT:
		return "a number";
	case AST_QTY:
		return "a quantity";
	case AST_ADDR4:
		return "an IPv4 address";
	case AST_COLONS:
		return strstr(v->text, "::") ? "an IPv6 address" : "an address or bytes";
	case AST_WORD:
		return "a name";
	case AST_STRING:
		return "a text";
	case AST_RANGE:
		return "a range";
	case AST_PREFIX:
		return "a prefix";
	case AST_LIST:
		return "a list";
	case AST_TUPLE:
		return "a tuple";
	case AST_UNION:
		return "a union of values";
	}
	return "a value";
}

static bool mismatch(struct sema *s, const struct want *w, const struct ast_value *v)
{
	struct diag *e = sema_error(s, v->span, "`%s` is %s, but %s", sema_quote(s, v->span), kind_shown(v), want_says(s, w));

	e->remedy = arena_printf(s->a, "write %s", want_example(w));
	return false;
}

static bool number(struct sema *s, const struct want *w, const struct ast_value *v, uint64_t n, bool too_big, struct range *out)
{
	uint64_t max = value_ones(w->bits).lo;
	const char *shown;
	struct diag *e;

	if (!too_big && n <= max) {
		*out = (struct range){ FAMILY_NUM, value_of(n), value_of(n) };
		return true;
	}
	shown = sema_quote(s, v->span);
	if (w->kind == KIND_FLAG) {
		e = sema_error(s, v->span, "%s is a flag: it is 0 or 1, not %s", w->what, shown);
		e->remedy = w->write ? "write 0 or 1" : arena_printf(s->a, "write `%s`, or `not %s`", w->what, w->what);
	} else if (w->type == TYPE_PORT) {
		e = sema_error(s, v->span, "%s is not a port", shown);
		e->remedy = "a port is a number from 0 to 65535";
	} else if (w->bits >= 64) {
		e = sema_error(s, v->span, "%s is too big a number", shown);
		e->remedy = "numbers have at most 64 bits";
	} else {
		e = sema_error(s, v->span, "%s does not fit %s", shown, w->what);
		e->remedy = want_named(w) ? want_named(w) :
			    arena_printf(s->a, "%s has %u bit%s: a number from 0 to %llu",
					 w->set ? lang_types[w->type].name : w->what, w->bits, w->bits == 1 ? "" : "s",
					 (unsigned long long)max);
	}
	return false;
}

/* 0800 is decimal to us, octal to some, and was meant to be hexadecimal by others; 00 and 07 are the same to all. */
static bool plain_number(struct sema *s, const struct want *w, const struct ast_value *v, struct range *out)
{
	const char *text = v->span.src ? v->span.src->text + v->span.begin : "";
	size_t len = v->span.end - v->span.begin;
	struct diag *e;

	if (v->num > 7 && !v->overflow && len > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9') {
		e = sema_error(s, v->span, "`%s` has a leading zero", sema_quote(s, v->span));
		e->remedy = arena_printf(s->a, "write %llu for the decimal number, 0x%llu for the hexadecimal one",
					 (unsigned long long)v->num, (unsigned long long)v->num);
		return false;
	}
	return number(s, w, v, v->num, v->overflow, out);
}

static bool quantity(struct sema *s, const struct want *w, const struct ast_value *v, struct range *out)
{
	static const char *const kinds[] = {
		[QTY_TIME] = "a duration", [QTY_RATE] = "a rate", [QTY_SHARE] = "a share", [QTY_OTHER] = "no number",
	};
	size_t digits = strspn(v->text, "0123456789.");
	const char *suffix = v->text + digits;
	uint64_t n = 0;
	enum qty_unit unit = text_quantity(v->text, &n);
	struct diag *e;

	if (unit == QTY_PLAIN || unit == QTY_TOO_BIG || (unit == QTY_BYTES && w->type == TYPE_NUM && !w->slice))
		return number(s, w, v, n, unit == QTY_TOO_BIG, out);
	if (unit == QTY_BYTES) {
		e = sema_error(s, v->span, "`%s` is a size, but %s", sema_quote(s, v->span), want_says(s, w));
		e->remedy = arena_printf(s->a, "write %s", want_example(w));
		return false;
	}
	e = sema_error(s, v->span, "`%s` is %s, but %s", sema_quote(s, v->span), kinds[unit], want_says(s, w));
	if (!strcmp(suffix, "m"))
		e->remedy = arena_printf(s->a, "m is minutes, M is a million: write %.*sM", (int)digits, v->text);
	else if (!strcmp(suffix, "K") || !strcmp(suffix, "KB") || !strcmp(suffix, "kb"))
		e->remedy = arena_printf(s->a, "write %.*sk for thousands, %.*sKi for 1024", (int)digits, v->text, (int)digits,
					 v->text);
	else if (!strcmp(suffix, "g"))
		e->remedy = arena_printf(s->a, "write %.*sG", (int)digits, v->text);
	else if (w->type == TYPE_NUM && !w->slice && (!strcmp(suffix, "b") || !strcmp(suffix, "bytes")))
		e->remedy = arena_printf(s->a, "write %.*sB for bytes; KiB, MiB and GiB are 1024 of one another", (int)digits, v->text);
	else if (unit == QTY_OTHER)
		e->remedy = "a number may end in k, M, G, or Ki, Mi, Gi";
	else
		e->remedy = arena_printf(s->a, "write %s", want_example(w));
	return false;
}

static bool bad_text(struct sema *s, const struct ast_value *v, const char *what, const char *why)
{
	sema_error(s, v->span, "`%s` is not %s", sema_quote(s, v->span), what)->remedy = why;
	return false;
}

static bool address(struct sema *s, const struct want *w, const struct ast_value *v, struct range *out)
{
	bool is4 = v->kind == AST_ADDR4;
	struct value n;
	uint8_t bytes[6];
	size_t len;
	const char *why = is4 ? text_ip4(s->a, v->text, &n) : text_ip6(s->a, v->text, &n);
	struct diag *e;

	if (why && !is4 && !strstr(v->text, "::") && !text_bytes(s->a, v->text, bytes, sizeof(bytes), &len) && len != 8) {
		e = sema_error(s, v->span, len == 6 ? "`%s` is an Ethernet address, but %s" : "`%s` are bytes, but %s",
			       sema_quote(s, v->span), want_says(s, w));
		e->remedy = arena_printf(s->a, "write %s", want_example(w));
		return false;
	}
	if (why)
		return bad_text(s, v, is4 ? "an IPv4 address" : "an IPv6 address", why);
	if (w->kind == (is4 ? KIND_IP6 : KIND_IP4)) {
		e = sema_error(s, v->span, "%s and never %s %s", want_says(s, w), w->set ? "holds" : w->write ? "becomes" : "equals",
			       sema_quote(s, v->span));
		if (!strncmp(w->what, "ip", 2) && w->what[2] && w->what[3] == '.')
			e->remedy = arena_printf(s->a, "ip%c.%s is the field of that family, ip.%s is either", is4 ? '4' : '6',
						 w->what + 4, w->what + 4);
		else
			e->remedy = arena_printf(s->a, "write %s", want_example(w));
		return false;
	}
	*out = (struct range){ is4 ? FAMILY_IP4 : FAMILY_IP6, n, n };
	return true;
}

/* Exactly @want bytes of a literal `ff:00` or "text". */
static bool exact_bytes(struct sema *s, const struct want *w, const struct ast_value *v, unsigned want, uint8_t *out)
{
	size_t len = 0;
	const char *why = NULL;
	const char *unit = v->kind == AST_STRING ? "character" : "byte";
	struct diag *e;

	if (v->kind == AST_STRING) {
		len = strlen(v->text);
		memcpy(out, v->text, len < want ? len : want);
	} else {
		why = text_bytes(s->a, v->text, out, want, &len);
	}
	if (why)
		return bad_text(s, v, w->kind == KIND_MAC ? "an Ethernet address" : "a run of bytes", why);
	if (len == want)
		return true;
	e = sema_error(s, v->span, "`%s` has %zu %s%s, but %s has %u", sema_quote(s, v->span), len, unit, len == 1 ? "" : "s",
		       w->what, want);
	if (w->slice && len >= 1 && len <= SEMA_MAX_SLICE)
		e->remedy = arena_printf(s->a, "make both as long: a slice of %zu is written [offset:%zu]", len, len);
	else
		e->remedy = arena_printf(s->a, "write %s", want_example(w));
	return false;
}

static bool big_endian(struct sema *s, const struct want *w, const struct ast_value *v, unsigned len, struct range *out)
{
	uint8_t bytes[8];
	uint64_t n = 0;

	if (!exact_bytes(s, w, v, len, bytes))
		return false;
	for (unsigned i = 0; i < len; i++)
		n = n << 8 | bytes[i];
	*out = (struct range){ FAMILY_NUM, value_of(n), value_of(n) };
	return true;
}

static bool is_name(struct sema *s, const char *text, size_t len)
{
	const char *name = arena_strndup(s->a, text, len);

	return names_decl(s, name) || names_table_of(s, name) != NAMES_NONE;
}

/* `ftp-data` is one name, and so is `http-https`: a range between names has blanks. */
static const char *range_of_names(struct sema *s, const char *text)
{
	for (const char *dash = strchr(text, '-'); dash; dash = strchr(dash + 1, '-'))
		if (is_name(s, text, (size_t)(dash - text)) &&
		    ((dash[1] >= '0' && dash[1] <= '9') || is_name(s, dash + 1, strlen(dash + 1))))
			return arena_printf(s->a, "a range that begins with a name has blanks around its dash: `%.*s - %s`",
					    (int)(dash - text), text, dash + 1);
	return NULL;
}

/* A word that is no let and no known value of the wanted type: say what it is, if it is anything. */
static bool unknown_word(struct sema *s, const struct want *w, const struct ast_value *v)
{
	enum names_id want_table = lang_types[w->type].names, other = names_table_of(s, v->text);
	const char *is = NULL;
	struct diag *e;

	if (names_field(s, v->text) != FIELD_NONE)
		is = "a field";
	else if (!strcmp(v->text, "socket"))
		is = "a condition of its own";
	else if (other != NAMES_NONE)
		for (int t = 0; t < TYPE_COUNT && !is; t++)
			is = lang_types[t].names == other ? lang_types[t].doc : NULL;
	else if (names_header(s, v->text) != HDR_NONE)
		is = "a protocol";
	else if (symtab_get(&s->names, SPACE_COUNTER, v->text, strlen(v->text)))
		is = "a count table";
	if (is) {
		e = sema_error(s, v->span, "`%s` is %s, but %s", v->text, is, want_says(s, w));
		if (names_field(s, v->text) != FIELD_NONE)
			e->remedy = w->write ? "it is a value that the file says, not a field's" :
					       "a field is compared to values, not to another field";
		else if (symtab_get(&s->names, SPACE_COUNTER, v->text, strlen(v->text)))
			e->remedy = "count tables are for reading outside; what a condition asks is a set, `set NAME : TYPE = { … };`";
		else if (!strcmp(v->text, "socket"))
			e->remedy = "`socket` is true where a local socket takes the packet: ask `… and socket`";
		else
			e->remedy = arena_printf(s->a, "write %s", want_example(w));
		return false;
	}
	e = sema_error(s, v->span, "unknown name `%s`", sema_quote(s, v->span));
	e->remedy = range_of_names(s, v->text);
	if (!e->remedy)
		e->remedy = suggest_value(s, w, v->text);
	if (!e->remedy)
		e->remedy = suggest_remedy(s, v->text, SUGGEST_LET | SUGGEST_SET, want_table);
	/* Names of lets have no dots and are no words of ours, and a file of elements declares none. */
	if (!e->remedy && (w->in_file || strchr(v->text, '.') || names_taken(s, v->text)))
		e->remedy = arena_printf(s->a, "%s: write %s", want_says(s, w), want_example(w));
	if (!e->remedy)
		e->remedy = arena_printf(s->a, "%s: write %s, or declare `let %s = …;` before", want_says(s, w), want_example(w),
					 sema_quote(s, v->span));
	return false;
}

static bool word(struct sema *s, const struct want *w, const struct ast_value *v, struct range *out)
{
	struct ast_name name = { v->text, v->span };
	uint64_t n;
	bool bad;
	struct decl *d = names_use(s, &name, &bad);

	if (bad)
		return false;
	if (d) {
		struct found found = { .a = s->a };
		struct diag *e;

		if (!value_read(s, w, v, &found))
			return false;
		if (found.item.n == 1 && !value_cmp(found.item.v[0].r.lo, found.item.v[0].r.hi)) {
			*out = found.item.v[0].r;
			return true;
		}
		e = sema_error(s, v->span, "`%s` stands for several values, one is wanted here", v->text);
		e->remedy = "use a `let` that names a single value";
		e->note_span = d->name.span;
		e->note = "declared here";
		return false;
	}
	if ((w->kind == KIND_NUM || w->kind == KIND_FLAG) && lang_types[w->type].names != NAMES_NONE &&
	    names_known(s, lang_types[w->type].names, v->text, &n))
		return number(s, w, v, n, false, out);
	return unknown_word(s, w, v);
}

static bool union_of(struct sema *s, const struct want *w, const struct ast_value *v, struct range *out)
{
	struct range r = { FAMILY_NUM, { 0, 0 }, { 0, 0 } };

	if (w->kind != KIND_NUM)
		return mismatch(s, w, v);
	for (size_t i = 0; i < v->sub.n; i++) {
		struct range one = r;

		if (!v->sub.v[i] || !value_one(s, w, v->sub.v[i], &one))
			return false;
		r.lo = value_or(r.lo, one.lo);
	}
	r.hi = r.lo;
	*out = r;
	return true;
}

bool value_one(struct sema *s, const struct want *w, const struct ast_value *v, struct range *out)
{
	bool is_ip = w->kind == KIND_IP4 || w->kind == KIND_IP6 || w->kind == KIND_IP;
	struct diag *e;

	switch (v->kind) {
	case AST_INT:
		return w->kind == KIND_NUM || w->kind == KIND_FLAG ? plain_number(s, w, v, out) : mismatch(s, w, v);
	case AST_QTY:
		return w->kind == KIND_NUM ? quantity(s, w, v, out) : mismatch(s, w, v);
	case AST_ADDR4:
		return is_ip ? address(s, w, v, out) : mismatch(s, w, v);
	case AST_COLONS:
		if (is_ip)
			return address(s, w, v, out);
		if (w->kind == KIND_MAC || (w->kind == KIND_NUM && w->slice))
			return big_endian(s, w, v, w->slice ? w->slice : 6, out);
		return mismatch(s, w, v);
	case AST_STRING:
		if (w->kind == KIND_NUM && w->slice)
			return big_endian(s, w, v, w->slice, out);
		e = sema_error(s, v->span, "`%s` is a text, but %s", sema_quote(s, v->span), want_says(s, w));
		e->remedy = "values stand without quotes";
		return false;
	case AST_WORD:
		return word(s, w, v, out);
	case AST_UNION:
		return union_of(s, w, v, out);
	case AST_RANGE:
	case AST_PREFIX:
	case AST_LIST:
	case AST_TUPLE:
		e = sema_error(s, v->span, "`%s` is %s, a single value is wanted here", sema_quote(s, v->span), kind_shown(v));
		e->remedy = arena_printf(s->a, "write %s", want_example(w));
		return false;
	}
	return false;
}

static bool iface_name(struct sema *s, const struct ast_value *v, const char **out)
{
	size_t len = strlen(v->text);
	const char *why = NULL;

	if (!len || len > 15)
		why = "an interface's name has 1 to 15 bytes";
	else if (v->kind == AST_WORD && names_field(s, v->text) != FIELD_NONE)
		why = "it is a field's: an interface that is called so stands in quotes";
	else if (!strcmp(v->text, ".") || !strcmp(v->text, ".."))
		why = "no interface can be called so";
	else if (strpbrk(v->text, "/: \t\n\v\f\r"))
		why = "an interface's name has no slash, colon or blank";
	*out = v->text;
	return why ? bad_text(s, v, "an interface's name", why) : true;
}

bool value_text(struct sema *s, const struct want *w, const struct ast_value *v, const char **out)
{
	bool is_iface = w->kind == KIND_IFACE;
	struct diag *e;

	if (is_iface && (v->kind == AST_WORD || v->kind == AST_STRING))
		return iface_name(s, v, out);
	if (!is_iface && (v->kind == AST_COLONS || v->kind == AST_STRING)) {
		uint8_t *bytes = arena_alloc(s->a, w->slice);

		*out = (const char *)bytes;
		return exact_bytes(s, w, v, w->slice, bytes);
	}
	if (!is_iface && v->kind == AST_WORD)
		return unknown_word(s, w, v);
	if (!is_iface && v->kind == AST_INT) {
		e = sema_error(s, v->span, "%s has %u bytes and is not compared to a number", w->what, w->slice);
		e->remedy = "slices of at most 8 bytes are numbers; write the bytes as ff:00:1a, or as a text";
		return false;
	}
	return mismatch(s, w, v);
}
