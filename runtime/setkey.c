/*
 * Elements of sets as text. In come what a user writes, "192.0.2.7", "2001:db8::/32", "(192.0.2.7, 22)", or an element's bytes; out goes the other
 * one. What is no element of the set is refused with the reason.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "duration.h"
#include "lang.h"
#include "private.h"

static int refuse(const struct xdpf_log *log, const char *text, const struct xdpf_key_field *f)
{
	enum type_id t = lang_type_by_name(f->type, strlen(f->type));

	const char *what = t == TYPE_COUNT ? f->type : lang_types[t].doc, *more = strstr(what, " (");

	/* what the list of types says in brackets is for who writes rules */
	return rt_fail(log, EINVAL, "\"%.60s\" is not %.*s", text, (int)(more ? more - what : (ptrdiff_t)strlen(what)), what);
}

/* A decimal number of at most @max; false: it is none. */
static bool number(const char *text, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;
	int base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
	const char *p = base == 16 ? text + 2 : text;

	if (!*p)
		return false;
	for (; *p; p++) {
		unsigned d = *p >= '0' && *p <= '9' ? (unsigned)(*p - '0') : 99;

		if ((*p | 32) >= 'a' && (*p | 32) <= 'f')
			d = (unsigned)((*p | 32) - 'a' + 10);

		if (d >= (unsigned)base || __builtin_mul_overflow(n, (uint64_t)base, &n) || __builtin_add_overflow(n, d, &n))
			return false;
	}
	*out = n;
	return n <= max;
}

static bool value(const struct xdpf_key_field *f, const char *text, uint64_t *out)
{
	enum type_id t = lang_type_by_name(f->type, strlen(f->type));
	unsigned bits = t == TYPE_COUNT ? 8 * f->size : lang_types[t].bits;

	if (number(text, bits >= 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1, out))
		return true;
	for (size_t i = 0; t != TYPE_COUNT && i < lang_n_names; i++)
		if (lang_types[t].names != NAMES_NONE && lang_names[i].table == lang_types[t].names && !strcmp(lang_names[i].name, text)) {
			*out = lang_names[i].value;
			return true;
		}
	return false;
}

static void put_number(unsigned char *to, uint64_t v, unsigned size)
{
	uint8_t u8 = (uint8_t)v;
	uint16_t u16 = (uint16_t)v;
	uint32_t u32 = (uint32_t)v;

	memcpy(to, size == 1 ? (void *)&u8 : size == 2 ? (void *)&u16 : size == 4 ? (void *)&u32 : (void *)&v, size);
}

static bool mac(const char *text, unsigned char *to)
{
	unsigned b[6];
	char end;

	/* sscanf() would take blanks and signs, too */
	if (text[strspn(text, "0123456789abcdefABCDEF:")])
		return false;
	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &end) != 6)
		return false;
	for (int i = 0; i < 6; i++)
		to[i] = (unsigned char)b[i];
	return true;
}

/* Makes the bits behind the prefix zero; false: one was not. */
static bool mask(unsigned char *address, unsigned len, unsigned bits)
{
	bool none = true;

	for (unsigned i = len; i < bits; i++) {
		none &= !(address[i / 8] & (0x80 >> i % 8));
		address[i / 8] &= (unsigned char)~(0x80 >> i % 8);
	}
	return none;
}

/* An address with the length of its prefix, or without: then it is all of it. */
static int net(const struct xdpf_key_field *f, char *text, unsigned char *key, const struct xdpf_log *log)
{
	char *slash = strchr(text, '/');
	unsigned char *at = key + f->offset;
	unsigned bits;
	uint64_t len;
	uint32_t prefix;
	bool ip4;

	if (slash)
		*slash = '\0';
	ip4 = inet_pton(AF_INET, text, at + 1) == 1;
	if (!ip4 && inet_pton(AF_INET6, text, at + 1) != 1)
		return refuse(log, text, f);
	bits = ip4 ? 32 : 128;
	len = bits;
	if (slash && !number(slash + 1, bits, &len))
		return rt_fail(log, EINVAL, "\"/%.20s\" is no prefix length of an IPv%d address", slash + 1, ip4 ? 4 : 6);
	if (!mask(at + 1, (unsigned)len, bits)) {
		char right[INET6_ADDRSTRLEN];

		inet_ntop(ip4 ? AF_INET : AF_INET6, at + 1, right, sizeof(right));
		return rt_fail(log, EINVAL, "%.60s/%u has host bits set: write %s/%u, or %.60s for the one address", text, (unsigned)len, right,
			       (unsigned)len, text);
	}
	at[0] = ip4 ? 4 : 6;
	prefix = 8 * (f->offset - 4 + 1) + (uint32_t)len;
	memcpy(key, &prefix, sizeof(prefix));
	return 0;
}

static int component(const struct xdpf_key_field *f, char *text, unsigned char *key, const struct xdpf_log *log)
{
	unsigned char *at = key + f->offset;
	uint64_t n;

	switch (f->kind) {
	case XDPF_KEY_NET:
		return net(f, text, key, log);
	case XDPF_KEY_IP:
		if (inet_pton(AF_INET, text, at) == 1)
			at[16] = 4;
		else if (inet_pton(AF_INET6, text, at) == 1)
			at[16] = 6;
		else
			return refuse(log, text, f);
		return 0;
	case XDPF_KEY_IP4:
		return inet_pton(AF_INET, text, at) == 1 ? 0 : refuse(log, text, f);
	case XDPF_KEY_IP6:
		return inet_pton(AF_INET6, text, at) == 1 ? 0 : refuse(log, text, f);
	case XDPF_KEY_MAC:
		return mac(text, at) ? 0 : refuse(log, text, f);
	case XDPF_KEY_NUM:
		if (!value(f, text, &n))
			return refuse(log, text, f);
		put_number(at, n, f->size);
		return 0;
	case XDPF_KEY_FLAG:
	case XDPF_KEY_BYTES:
	case XDPF_KEY_IFACE:
		break;
	}
	return refuse(log, text, f);
}

int xdpf_set_key(const struct xdpf_set *set, const char *text, void *key, const struct xdpf_log *log)
{
	_cleanup_free_ char *copy = NULL;
	uint32_t all = 8 * (set->key_size - 4);
	size_t len = strlen(text);
	char few[128], *p = few, *end;
	int err = 0;

	if (len >= sizeof(few)) {
		p = copy = malloc(len + 1);
		if (!copy)
			return rt_fail(log, ENOMEM, "out of memory");
	}
	memcpy(p, text, len + 1);
	memset(key, 0, set->key_size);
	if (set->prefix)
		memcpy(key, &all, sizeof(all));
	p += strspn(p, " \t(");
	end = p + strlen(p);
	while (end > p && strchr(" \t)", end[-1]))
		*--end = '\0';
	for (size_t i = 0; i < set->n_key && !err; i++) {
		char *comma = strchr(p, ','), *stop;

		if (!comma != (i + 1 == set->n_key))
			return rt_fail(log, EINVAL, "\"%.80s\" has not as many components as set %s, which are %zu: write (A, B)", text, set->name,
				       set->n_key);
		p += strspn(p, " \t");
		stop = comma ? comma : p + strlen(p);
		if (comma)
			*comma = '\0';
		while (stop > p && (stop[-1] == ' ' || stop[-1] == '\t'))
			*--stop = '\0';
		err = component(&set->key[i], p, key, log);
		p = comma ? comma + 1 : stop;
	}
	return err;
}

char *xdpf_set_format(const struct xdpf_set *set, const void *key, char *buf, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < set->n_key && n + 2 < size; i++) {
		n += (size_t)snprintf(buf + n, size - n, "%s", i ? ", " : set->n_key > 1 ? "(" : "");
		if (n >= size)
			break;
		xdpf_key_format(&set->key[i], key, buf + n, size - n);
		n += strlen(buf + n);
	}
	if (set->n_key > 1 && n < size)
		snprintf(buf + n, size - n, ")");
	return buf;
}

bool xdpf_set_time(const char *text, uint64_t *ns)
{
	*ns = 0;
	return !strcmp(text, "0") || xdpf_duration(text, XDPF_MS, 365 * XDPF_DAY, ns);
}
