/*
 * Keys as text. In come the bytes of a count table's key and the description of one field of it; out goes what a reader of
 * the rule file would write: addresses, MACs, known numbers by their names, interfaces by theirs.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>

#include "lang.h"
#include "private.h"

static uint64_t read_number(const unsigned char *p, unsigned size)
{
	uint16_t u16;
	uint32_t u32;
	uint64_t u64 = 0;

	switch (size) {
	case 1:
		return *p;
	case 2:
		memcpy(&u16, p, sizeof(u16));
		return u16;
	case 4:
		memcpy(&u32, p, sizeof(u32));
		return u32;
	}
	memcpy(&u64, p, size < sizeof(u64) ? size : sizeof(u64));
	return u64;
}

/* A mask as its bits' names, "syn|ack"; false where a bit has none. */
static bool format_bits(enum names_id names, uint64_t v, char *buf, size_t size)
{
	size_t n = 0;

	for (uint64_t left = v; left; left &= left - 1) {
		const char *s = lang_value_name(names, left & -left);

		if (!s || n >= size)
			return false;
		n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? "|" : "", s);
	}
	return v && n < size;
}

static void format_number(const struct xdpf_key_field *f, uint64_t v, char *buf, size_t size)
{
	enum type_id type = lang_type_by_name(f->type, strlen(f->type));
	enum names_id names = type == TYPE_COUNT ? NAMES_NONE : lang_types[type].names;
	const char *name = names == NAMES_NONE ? NULL : lang_value_name(names, v);

	if (name)
		snprintf(buf, size, "%s", name);
	else if (type == TYPE_TCPFLAGS && format_bits(names, v, buf, size))
		return;
	else if (type == TYPE_ETHERTYPE || type == TYPE_TCPFLAGS)
		snprintf(buf, size, "0x%0*" PRIx64, type == TYPE_ETHERTYPE ? 4 : 2, v);
	else
		snprintf(buf, size, "%" PRIu64, v);
}

static void format_bytes(const unsigned char *p, unsigned len, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < len && n + 4 <= size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%02x", i ? ":" : "", p[i]);
}

/* The key begins with how many of its bits count. */
static void format_net(const unsigned char *p, const unsigned char *key, unsigned offset, char *buf, size_t size)
{
	bool ip4 = p[0] == 4;
	uint32_t bits;
	size_t n;

	memcpy(&bits, key, sizeof(bits));
	bits -= 8 * (offset - 4 + 1);
	if (!inet_ntop(ip4 ? AF_INET : AF_INET6, p + 1, buf, (socklen_t)size))
		return;
	n = strlen(buf);
	if (bits < (ip4 ? 32 : 128))
		snprintf(buf + n, size - n, "/%" PRIu32, bits);
}

static void format_iface(uint32_t index, char *buf, size_t size)
{
	char name[IF_NAMESIZE];

	if (if_indextoname(index, name))
		xdpf_iface_shown(name, buf, size);
	else
		snprintf(buf, size, "#%" PRIu32, index);
}

char *xdpf_key_format(const struct xdpf_key_field *f, const void *key, char *buf, size_t size)
{
	const unsigned char *p = (const unsigned char *)key + f->offset;

	if (!size)
		return buf;
	buf[0] = '\0';
	switch (f->kind) {
	case XDPF_KEY_NUM:
		format_number(f, read_number(p, f->size), buf, size);
		break;
	case XDPF_KEY_FLAG:
		snprintf(buf, size, "%s", read_number(p, f->size) ? "true" : "false");
		break;
	case XDPF_KEY_IP4:
		inet_ntop(AF_INET, p, buf, (socklen_t)size);
		break;
	case XDPF_KEY_IP6:
		inet_ntop(AF_INET6, p, buf, (socklen_t)size);
		break;
	case XDPF_KEY_IP:
		if (p[16] == 4 || p[16] == 6)
			inet_ntop(p[16] == 4 ? AF_INET : AF_INET6, p, buf, (socklen_t)size);
		else
			format_bytes(p, f->size, buf, size);
		break;
	case XDPF_KEY_NET:
		format_net(p, key, f->offset, buf, size);
		break;
	case XDPF_KEY_MAC:
	case XDPF_KEY_BYTES:
		format_bytes(p, f->size, buf, size);
		break;
	case XDPF_KEY_IFACE:
		format_iface((uint32_t)read_number(p, f->size), buf, size);
		break;
	}
	return buf;
}
