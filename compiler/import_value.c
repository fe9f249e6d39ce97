/*
 * Values in other tools' texts. In: words. Out: numbers, addresses, ranges of them, or a reason; and the way .xdpf writes them. What could be
 * read in two ways (leading zeros, bits behind a prefix) is refused.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "import.h"

bool import_read_number(const char *s, size_t len, uint64_t max, uint64_t *out)
{
	bool hex = len > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
	uint64_t n = 0;

	if (hex) {
		s += 2;
		len -= 2;
	}
	if (!len)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		unsigned digit = c >= '0' && c <= '9' ? c - (unsigned)'0' : hex && (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32u) - 'a' + 10 : 16;

		if (digit >= (hex ? 16 : 10) || __builtin_mul_overflow(n, hex ? 16 : 10, &n) || __builtin_add_overflow(n, digit, &n) || n > max)
			return false;
	}
	*out = n;
	return true;
}

bool import_read_name(enum names_id names, const char *s, size_t len, uint64_t max, uint64_t *out)
{
	return import_read_number(s, len, max, out) || (names != NAMES_NONE && lang_name_value(names, s, len, out) && *out <= max);
}

bool import_read_addr(const char *s, size_t len, enum family *family, struct value *out)
{
	uint8_t b[16];
	char buf[64];

	if (len >= sizeof(buf) || memchr(s, '\0', len))
		return false;
	memcpy(buf, s, len);
	buf[len] = '\0';
	*out = value_of(0);
	/* inet_pton() takes no leading zeros, octal or short forms. */
	if (inet_pton(AF_INET, buf, b) == 1) {
		*family = FAMILY_IP4;
		for (int i = 0; i < 4; i++)
			out->lo = out->lo << 8 | b[i];
		return true;
	}
	if (inet_pton(AF_INET6, buf, b) != 1)
		return false;
	*family = FAMILY_IP6;
	for (int i = 0; i < 8; i++) {
		out->hi = out->hi << 8 | b[i];
		out->lo = out->lo << 8 | b[8 + i];
	}
	return true;
}

/* The bits behind the first @n of a family's. */
static struct value host_bits(enum family family, unsigned n)
{
	return value_ones((family == FAMILY_IP4 ? 32 : 128) - n);
}

static const char *read_prefix(struct arena *a, const char *s, size_t len, const char *slash, struct range *out)
{
	uint64_t n;
	struct value host;

	if (!import_read_addr(s, (size_t)(slash - s), &out->family, &out->lo))
		return "no address stands before the `/`";
	if (!import_read_number(slash + 1, len - (size_t)(slash + 1 - s), out->family == FAMILY_IP4 ? 32 : 128, &n))
		return out->family == FAMILY_IP4 ? "a prefix of IPv4 has 0 to 32 bits" : "a prefix of IPv6 has 0 to 128 bits";
	host = host_bits(out->family, (unsigned)n);
	if (value_cmp(value_and(out->lo, host), value_of(0)) != 0)
		return arena_printf(a, "bits are set behind the first %u, so it is not clear what is meant", (unsigned)n);
	out->hi = (struct value){ out->lo.hi | host.hi, out->lo.lo | host.lo };
	return NULL;
}

const char *import_read_net(struct arena *a, const char *s, size_t len, struct range *out)
{
	const char *slash = memchr(s, '/', len), *dash = memchr(s, '-', len);
	enum family other;

	if (slash)
		return read_prefix(a, s, len, slash, out);
	if (!dash) {
		if (!import_read_addr(s, len, &out->family, &out->lo))
			return "that is no address, prefix or range";
		out->hi = out->lo;
		return NULL;
	}
	if (!import_read_addr(s, (size_t)(dash - s), &out->family, &out->lo) ||
	    !import_read_addr(dash + 1, len - (size_t)(dash + 1 - s), &other, &out->hi))
		return "that is no range of addresses";
	if (other != out->family)
		return "the ends of the range are of different families";
	return value_cmp(out->lo, out->hi) > 0 ? "the range ends before it begins" : NULL;
}

const char *import_addr_text(struct arena *a, enum family family, struct value v)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t b[16];

	for (int i = 0; i < 8; i++) {
		b[i] = (uint8_t)(v.hi >> (56 - 8 * i));
		b[8 + i] = (uint8_t)(v.lo >> (56 - 8 * i));
	}
	inet_ntop(family == FAMILY_IP4 ? AF_INET : AF_INET6, family == FAMILY_IP4 ? b + 12 : b, text, sizeof(text));
	return arena_strndup(a, text, strlen(text));
}

const char *import_net_text(struct arena *a, const struct range *r)
{
	unsigned most = r->family == FAMILY_IP4 ? 32 : 128;
	const char *lo = import_addr_text(a, r->family, r->lo);

	if (r->family == FAMILY_NUM)
		return value_cmp(r->lo, r->hi) == 0 ? arena_printf(a, "%" PRIu64, r->lo.lo) :
			arena_printf(a, "%" PRIu64 "-%" PRIu64, r->lo.lo, r->hi.lo);
	if (value_cmp(r->lo, r->hi) == 0)
		return lo;
	for (unsigned n = 0; n < most; n++) {
		struct value host = host_bits(r->family, n);

		if (value_cmp(value_and(r->lo, host), value_of(0)) == 0 && value_cmp((struct value){ r->lo.hi | host.hi, r->lo.lo | host.lo },
										     r->hi) == 0)
			return arena_printf(a, "%s/%u", lo, n);
	}
	return arena_printf(a, "%s-%s", lo, import_addr_text(a, r->family, r->hi));
}
