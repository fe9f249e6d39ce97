/*
 * Values and operands of a builder. In: numbers, bytes, names, texts. Out: parts whose tokens the scanner takes for what they are meant to be.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib_builder.h"

enum { BYTES_MOST = 16 << 10 };		/* of a value; what a field takes, the compiler says */

/* Keywords that are known values too; see parse.y. */
static const int value_words[] = { TOK_REDIRECT, TOK_REPLY, TOK_TIME, TOK_VLAN, 0 };
/* And those that name headers and fields. */
static const int field_words[] = { TOK_VLAN, TOK_WEEKDAY, 0 };

const struct xdpfc_value *xdpfc_value_number(struct xdpfc_builder *b, uint64_t n)
{
	if (!BEGIN(b))
		return NULL;
	part_print(b, "%" PRIu64, n);
	return part_end(b, PART_VALUE, FORM_NUMBER, 0);
}

/* Digits, maybe a dot and digits; then letters, or a percent sign. */
static bool is_quantity(const char *s)
{
	static const char digits[] = "0123456789", letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t n = strspn(s, digits), unit;

	if (!n)
		return false;
	s += n;
	if (*s == '.') {
		n = strspn(s + 1, digits);
		if (!n)
			return false;
		s += 1 + n;
	}
	unit = *s == '%' ? 1 : strspn(s, letters);
	return unit && !s[unit];
}

const struct xdpfc_value *xdpfc_value_quantity(struct xdpfc_builder *b, const char *text)
{
	if (!BEGIN(b))
		return NULL;
	if (!text || strlen(text) > 64 || !is_quantity(text))
		return part_fail(b, -EINVAL, "`%.60s` is no quantity: a number and a unit, like 10k, 64KiB, 10m or 0.1%%", text ? text : "");
	part_put(b, text);
	return part_end(b, PART_VALUE, FORM_QUANTITY, 0);
}

const struct xdpfc_value *xdpfc_value_name(struct xdpfc_builder *b, const char *name)
{
	if (!BEGIN(b) || !part_name(b, name, "name", true, value_words))
		return NULL;
	part_put(b, name);
	return part_end(b, PART_VALUE, FORM_PLAIN, 0);
}

const struct xdpfc_value *xdpfc_value_string(struct xdpfc_builder *b, const char *text)
{
	if (!BEGIN(b) || !part_string(b, text, "text"))
		return NULL;
	part_put_string(b, text);
	return part_end(b, PART_VALUE, FORM_STRING, 0);
}

/* ---- addresses ---- */

/* Two and more bytes in hexadecimal with colons between them. */
static bool is_bytes(const char *s)
{
	unsigned n = 0;

	for (;; s++) {
		size_t digits = strspn(s, "0123456789abcdefABCDEF");

		if (digits < 1 || digits > 2)
			return false;
		s += digits;
		n++;
		if (*s != ':')
			return !*s && n > 1;
	}
}

static bool is_address(const char *s)
{
	unsigned char room[16];

	return inet_pton(AF_INET, s, room) == 1 || inet_pton(AF_INET6, s, room) == 1 || is_bytes(s);
}

/* The number behind a slash; more than any prefix has where it is none. */
static unsigned length_of(const char *s)
{
	size_t n = strspn(s, "0123456789");
	unsigned len = 0;

	if (!n || n > 3 || s[n])
		return 1000;
	for (; *s; s++)
		len = len * 10 + (unsigned)(*s - '0');
	return len;
}

static const struct xdpfc_value *no_address(struct xdpfc_builder *b, const char *text)
{
	return part_fail(b, -EINVAL, "`%.60s` is no address, of IPv4, IPv6 or Ethernet, and no prefix", text ? text : "");
}

const struct xdpfc_value *xdpfc_value_address(struct xdpfc_builder *b, const char *text)
{
	const char *slash = text ? strchr(text, '/') : NULL;
	char address[INET6_ADDRSTRLEN];
	unsigned len;

	if (!BEGIN(b))
		return NULL;
	if (!text || strlen(text) > 3 * BYTES_MOST)
		return no_address(b, "");
	if (!slash) {
		part_put(b, text);
		return is_address(text) ? part_end(b, PART_VALUE, FORM_PLAIN, 0) : no_address(b, text);
	}
	len = length_of(slash + 1);
	if ((size_t)(slash - text) >= sizeof(address) || len > 128)
		return no_address(b, text);
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	if (!is_address(address))
		return no_address(b, text);
	part_put(b, address);
	part_print(b, "/ %u", len);
	return part_end(b, PART_VALUE, FORM_PREFIX, 0);
}

const struct xdpfc_value *xdpfc_value_ip(struct xdpfc_builder *b, const void *bytes, size_t len)
{
	char text[INET6_ADDRSTRLEN];

	if (!BEGIN(b))
		return NULL;
	if (!bytes || (len != 4 && len != 16))
		return part_fail(b, -EINVAL, "an address has 4 bytes or 16");
	inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, text, sizeof(text));
	part_put(b, text);
	return part_end(b, PART_VALUE, FORM_PLAIN, 0);
}

const struct xdpfc_value *xdpfc_value_bytes(struct xdpfc_builder *b, const void *bytes, size_t len)
{
	enum { PIECE = 32 };
	const unsigned char *s = bytes;

	if (!BEGIN(b))
		return NULL;
	if (!bytes || len < 2 || len > BYTES_MOST)
		return part_fail(b, -EINVAL, "it takes 2 to %d bytes; one is a number", BYTES_MOST);
	for (size_t i = 0; i < len; i += PIECE) {
		char text[3 * PIECE + 1];
		size_t n = 0;

		for (size_t k = i; k < len && k < i + PIECE; k++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%02x%s", s[k], k + 1 < len ? ":" : "");
		part_glue(b, text);
	}
	part_put(b, "");
	return part_end(b, PART_VALUE, FORM_PLAIN, 0);
}

/* ---- values of values ---- */

const struct xdpfc_value *xdpfc_value_range(struct xdpfc_builder *b, const struct xdpfc_value *first, const struct xdpfc_value *last)
{
	const struct part *from, *to;

	if (!BEGIN(b))
		return NULL;
	from = part_plain(b, first, "first value");
	to = part_plain(b, last, "last value");
	part_use(b, from);
	part_put(b, "-");
	part_use(b, to);
	return part_end(b, PART_VALUE, FORM_RANGE, 0);
}

const struct xdpfc_value *xdpfc_value_prefix(struct xdpfc_builder *b, const struct xdpfc_value *address, unsigned len)
{
	const struct part *p;

	if (!BEGIN(b))
		return NULL;
	p = part_plain(b, address, "address");
	part_use(b, p);
	part_print(b, "/ %u", len);
	return part_end(b, PART_VALUE, FORM_PREFIX, 0);
}

/* @n values with @between between them; the deepest one's depth. */
static unsigned values(struct xdpfc_builder *b, const struct xdpfc_value *const *v, size_t n, size_t least, const char *between)
{
	unsigned depth = 0;

	if (!v || n < least) {
		part_fail(b, -EINVAL, "it takes %zu values or more", least);
		return 0;
	}
	for (size_t i = 0; i < n && !b->err; i++) {
		const struct part *p = *between == '|' ? part_plain(b, v[i], "value") : part_of(b, v[i], PART_VALUE, "value");

		if (i)
			part_put(b, between);
		part_use(b, p);
		depth = p && p->depth > depth ? p->depth : depth;
	}
	return depth;
}

const struct xdpfc_value *xdpfc_value_list(struct xdpfc_builder *b, const struct xdpfc_value *const *v, size_t n)
{
	unsigned depth;

	if (!BEGIN(b))
		return NULL;
	part_put(b, "{");
	depth = values(b, v, n, 1, ",");
	part_put(b, "}");
	return part_end(b, PART_VALUE, FORM_LIST, part_deeper(b, depth));
}

const struct xdpfc_value *xdpfc_value_tuple(struct xdpfc_builder *b, const struct xdpfc_value *const *v, size_t n)
{
	unsigned depth;

	if (!BEGIN(b))
		return NULL;
	part_put(b, "(");
	depth = values(b, v, n, 2, ",");
	part_put(b, ")");
	return part_end(b, PART_VALUE, FORM_TUPLE, part_deeper(b, depth));
}

const struct xdpfc_value *xdpfc_value_union(struct xdpfc_builder *b, const struct xdpfc_value *const *v, size_t n)
{
	if (!BEGIN(b))
		return NULL;
	values(b, v, n, 2, "|");
	return part_end(b, PART_VALUE, FORM_UNION, 0);
}

/* ---- operands ---- */

const struct xdpfc_operand *xdpfc_operand_field(struct xdpfc_builder *b, const char *name)
{
	if (!BEGIN(b) || !part_name(b, name, "field", true, field_words))
		return NULL;
	part_put(b, name);
	return part_end(b, PART_OPERAND, FORM_FIELD, 0);
}

const struct xdpfc_operand *xdpfc_operand_slice(struct xdpfc_builder *b, const char *of, uint64_t offset, uint64_t len)
{
	static const int packet[] = { TOK_PACKET, 0 };

	if (!BEGIN(b) || !part_name(b, of, "slice", true, packet))
		return NULL;
	part_glue(b, of);
	part_print(b, "[%" PRIu64 ":%" PRIu64 "]", offset, len);
	return part_end(b, PART_OPERAND, FORM_SLICE, 0);
}

const struct xdpfc_operand *xdpfc_operand_prefix(struct xdpfc_builder *b, const struct xdpfc_operand *o, unsigned len)
{
	const struct part *p;

	if (!BEGIN(b))
		return NULL;
	p = part_of(b, o, PART_OPERAND, "operand");
	if (p && p->form == FORM_PREFIXED_TWICE)
		return part_fail(b, -EINVAL, "it has two lengths already: of IPv4, and of IPv6");
	part_use(b, p);
	part_print(b, "/ %u", len);
	return part_end(b, PART_OPERAND, p && p->form == FORM_PREFIXED ? FORM_PREFIXED_TWICE : FORM_PREFIXED, 0);
}
